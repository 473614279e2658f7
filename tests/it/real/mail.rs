//! A real mail server: letters come over STARTTLS or TLS with a log-in, and not at all where either is wrong.

use serde_json::{Value, json};

use super::oracles::{StandIn, failing, python};
use super::servers::{Server, rollgate};

/// A mail server that wants a log-in, and what it has taken.
struct Mail {
    server: Server,
    folder: tempfile::TempDir,
}

impl Mail {
    fn start(tls: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let names = vec!["127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let (cert, key, log) = (path("cert.pem"), path("key.pem"), path("letters.jsonl"));
        let login = ["--user", "gate", "--password", "correct-horse"];
        let files = ["--log", &log, "--tls", tls, "--cert", &cert, "--key", &key];
        let server = Server::start_by(&python(), "mail.py", &[&files[..], &login].concat());
        Self { server, folder }
    }

    fn cert(&self) -> String {
        self.folder.path().join("cert.pem").to_str().unwrap().to_owned()
    }

    fn letters(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("letters.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What telling by this server comes to, with `fields` of the integration.
    fn told(&self, stand_in: &StandIn, fields: &str) -> Value {
        let (host, port) = self.server.authority().split_once(':').unwrap();
        let rest = format!(
            "integrations:\n  email:\n    smtp_host: {host}\n    smtp_port: {port}\n    from: \"Gäte <gate@example.com>\"\n    \
             recipients: [a@example.com, b@example.com]\n{fields}notifications: {{to: email, locale: zh}}\n"
        );
        let folder = failing(stand_in, &rest);
        let arguments = ["run", "--format", "json", "--service", "checkout", "--version", "1.4.0"];
        let ran = rollgate().args(arguments).arg(folder.path().join("policy.yaml")).output().unwrap();
        let report: Value = serde_json::from_slice(&ran.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&ran.stderr)));
        report["actions"].as_array().unwrap().iter().find(|action| action["kind"] == "email").unwrap().clone()
    }
}

#[test]
fn letters_come_as_they_were_meant() {
    if super::skipped("a mail server") {
        return;
    }
    let stand_in = StandIn::start(&json!([{ "on": "^GET /health", "answers": [{ "status": 500 }] }]));
    let log_in = "    auth: {type: basic, username: gate, password: correct-horse}\n";
    for (tls, field) in [("upgraded", "starttls"), ("at_once", "tls")] {
        let mail = Mail::start(tls);
        let ca_file = format!("    tls: {{ca_file: \"{}\"}}\n", mail.cert());
        let right = format!("    smtp_tls: {field}\n{log_in}{ca_file}");
        let action = mail.told(&stand_in, &right);
        assert_eq!(action["status"], "confirmed", "{tls}: {action}");
        assert_eq!(action["response"], "2.0.0 queued as 4711");
        let letters = mail.letters();
        assert_eq!(letters.len(), 1, "{letters:?}");
        let letter = &letters[0];
        assert_eq!(letter["defects"], json!([]));
        assert_eq!((&letter["secure"], &letter["user"]), (&json!(true), &json!("gate")));
        assert_eq!(letter["sender"], "gate@example.com");
        assert_eq!(letter["recipients"], json!(["a@example.com", "b@example.com"]));
        let headers = &letter["headers"];
        assert_eq!(headers["Subject"], "❌ 部署验证未通过，判定回滚（未启用自动处置）：checkout 1.4.0");
        assert_eq!(headers["From"], "Gäte <gate@example.com>");
        assert_eq!(headers["Auto-Submitted"], "auto-generated");
        let text = letter["text"].as_str().unwrap();
        let first = text.lines().next();
        assert_eq!(first, Some("部署验证未通过，判定回滚（未启用自动处置）：checkout 1.4.0"), "{text:?}");
        let html = letter["html"].as_str().unwrap();
        assert!(html.contains("<b>health</b>") && html.contains("</html>"), "{html}");

        let refused = mail.told(&stand_in, &right.replace("correct-horse", "wrong-horse"));
        let reason = refused["reason"].as_str().unwrap();
        assert!(reason.contains("it refuses the log-in: 535"), "{reason}");
        let untrusted = mail.told(&stand_in, &format!("    smtp_tls: {field}\n{log_in}"));
        let reason = untrusted["reason"].as_str().unwrap();
        assert!(reason.contains("no TLS: invalid peer certificate"), "{reason}");
        assert_eq!(mail.letters().len(), 1);
    }
    let mail = Mail::start("upgraded");
    let other = format!("    smtp_tls: tls\n{log_in}    tls: {{ca_file: \"{}\"}}\n", mail.cert());
    let action = mail.told(&stand_in, &other);
    let reason = action["reason"].as_str().unwrap();
    assert!(reason.contains("no TLS: ") && reason.contains("`smtp_tls`"), "{reason}");
    assert_eq!(mail.letters(), Vec::<Value>::new());
}
