//! Second opinions on what rollgate sends: a stand-in for an API writes down the requests, and a client or validator by
//! others says whether they are right. `tests/real/oracles/install.sh` installs those.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::servers::{Server, root};

/// A stand-in for an API.
pub struct StandIn {
    pub server: Server,
    folder: tempfile::TempDir,
}

impl StandIn {
    /// Starts one with the routes of `receiver.py --routes`.
    pub fn start(routes: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("requests.jsonl");
        let arguments = ["--routes", &routes.to_string(), "--log", log.to_str().unwrap()];
        let server = Server::start("receiver.py", &arguments);
        Self { server, folder }
    }

    /// Its address, such as `http://127.0.0.1:4711`.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("requests.jsonl")
    }

    /// The requests so far: `method`, `path`, `headers` (names in lower case), `body`, `answered`.
    pub fn requests(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs `tests/real/oracles/NAME.py LOG ARGUMENTS…` or `NAME.mjs` over the requests so far; it must agree.
    pub fn judged_by(&self, name: &str, arguments: &[&str]) {
        let log = self.log();
        let mut all = vec![log.to_str().unwrap()];
        all.extend(arguments);
        oracle(name, &all);
    }
}

/// Where the oracles are installed.
pub fn installed() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let installed = target.join("oracles");
    assert!(installed.join("installed").exists(), "the oracles are not installed; run: make setup");
    installed
}

/// The Python that has the packages of the oracles.
pub fn python() -> PathBuf {
    installed().join("python/bin/python")
}

/// Runs an oracle, which must exit 0, and gives what it prints.
pub fn oracle(name: &str, arguments: &[&str]) -> String {
    let installed = installed();
    let script = root().join("tests/real/oracles").join(name);
    let program = if name.ends_with(".py") { python() } else { PathBuf::from("node") };
    let ran = Command::new(&program)
        .arg(&script)
        .args(arguments)
        .env("ORACLES", &installed)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let (said, why) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{name} does not agree:\n{said}{why}");
    said.into_owned()
}

/// A policy whose only check fails at once, and the rest of its rollback policy.
pub fn failing(stand_in: &StandIn, rest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let policy = format!(
        "post_deployment_validation:\n  name: gate\n  health_check_validation:\n    http_checks: [{{name: health, url: \"{}/health\"}}]\n{rest}",
        stand_in.url()
    );
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    folder
}

#[test]
fn the_reference_library_takes_the_signature_of_a_webhook() {
    if super::skipped("the signature of a webhook") {
        return;
    }
    let stand_in = StandIn::start(&serde_json::json!([
        { "on": "^GET /health", "answers": [{ "status": 500 }] },
        { "on": "^POST /hook", "answers": [{ "status": 202 }] },
    ]));
    let trigger = format!(
        "  rollback_policy: {{trigger: {{kind: webhook, url: \"{}/hook\", secret_ref: rollback-webhook-secret}}}}\n",
        stand_in.url()
    );
    let folder = failing(&stand_in, &trigger);
    let run = super::servers::rollgate()
        .args(["run", "--deployment-id", "d-1"])
        .arg(folder.path().join("policy.yaml"))
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(20), "{}", String::from_utf8_lossy(&run.stderr));
    let sent = stand_in.requests();
    assert_eq!(sent.iter().filter(|request| request["method"] == "POST").count(), 1, "{sent:?}");
    stand_in.judged_by("standard_webhooks.mjs", &[super::servers::SECRET]);
}
