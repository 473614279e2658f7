//! A receiver by others, Debian's `webhook`: it starts a program for what is signed right, and says 200 to all else, so that
//! only what it says proves anything.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::oracles::{StandIn, failing};
use super::servers::{SECRET, report, rollgate};

struct Hooks {
    child: Child,
    url: String,
}

impl Hooks {
    /// One whose hook `rollback` wants our signature, and production.
    fn start(folder: &std::path::Path) -> Self {
        let hooks = json!([{
            "id": "rollback",
            "execute-command": "/bin/echo",
            "include-command-output-in-response": true,
            "pass-arguments-to-command": [
                { "source": "string", "name": "rolling back" },
                { "source": "payload", "name": "version" },
            ],
            "trigger-rule": { "and": [
                { "match": {
                    "type": "payload-hmac-sha256",
                    "secret": SECRET,
                    "parameter": { "source": "header", "name": "X-Hub-Signature-256" },
                }},
                { "match": {
                    "type": "value",
                    "value": "production",
                    "parameter": { "source": "payload", "name": "environment" },
                }},
            ]},
        }]);
        let file = folder.join("hooks.json");
        std::fs::write(&file, hooks.to_string()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let mut child = Command::new("webhook")
            .args(["-ip", "127.0.0.1", "-port", &port, "-verbose", "-hooks"])
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("`webhook` cannot be started: {error}; run: make setup"));
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(log.any(|line| line.contains("serving hooks on")), "`webhook` did not start");
        // A log that nobody reads would end it.
        std::thread::spawn(move || log.for_each(drop));
        Self { child, url: format!("http://127.0.0.1:{port}/hooks/rollback") }
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_receiver_by_others_starts_what_is_signed_right_and_only_its_words_confirm() {
    if super::skipped("Debian's webhook") {
        return;
    }
    let shop = StandIn::start(&json!([{ "on": "^GET /health", "answers": [{ "status": 500 }] }]));
    let folder = tempfile::tempdir().unwrap();
    let hooks = Hooks::start(folder.path());
    let trigger = format!(
        "  rollback_policy:\n    trigger: {{kind: webhook, url: \"{}\", secret_ref: rollback-webhook-secret, expect_body: \"^rolling back\"}}\n",
        hooks.url
    );
    let policy = failing(&shop, &trigger);
    for (environment, code, status) in [("production", 20, "confirmed"), ("staging", 21, "failed")] {
        let run = rollgate()
            .args(["run", "--format", "json", "--deployment-id", "d-1", "--version", "1.4.0"])
            .args(["--environment", environment])
            .arg(policy.path().join("policy.yaml"))
            .output()
            .unwrap();
        let action = report(&run)["actions"][0].clone();
        assert_eq!(run.status.code(), Some(code), "{action}");
        assert_eq!((&action["status"], &action["http_status"]), (&json!(status), &json!(200)), "{action}");
        let said = action["response"].as_str().unwrap();
        let expected = if code == 20 { "rolling back 1.4.0" } else { "Hook rules were not satisfied." };
        assert_eq!(said, expected);
    }
}
