//! The shipped policy over generated history, in whichever Prometheus `PROMETHEUS` names.

use std::process::Output;

use serde_json::{Value, json};

use super::servers::{Prometheus, Receiver, Server, check, report, rollgate, root};
use super::skipped;

/// When the history begins; services break 30 minutes later.
const DEPLOYED: &str = "2026-01-15T10:25:00Z";

struct World {
    prometheus: Prometheus,
    service: Server,
    receiver: Receiver,
}

impl World {
    fn start() -> Self {
        Self {
            prometheus: Prometheus::start(&["--"]),
            service: Server::start("service.py", &[]),
            receiver: Receiver::start(),
        }
    }

    /// Judges `job` by the shipped policy, as if it had been deployed at `deployed`.
    fn judge(&self, job: &str, deployed: &str, more: &[&str]) -> Output {
        let (host, port) = self.service.authority().split_once(':').unwrap();
        rollgate()
            .arg("run")
            .arg(root().join("policies/post-deployment.yaml"))
            .args(["--prometheus", &self.prometheus.url, "--format", "json"])
            .args(["--set", &format!("service_name={job}")])
            .args(["--set", &format!("service_url={}", self.service.authority())])
            .args(["--set", &format!("service_host={host}"), "--set", &format!("service_port={port}")])
            .args(["--set", &format!("rollback_url={}/rollback", self.receiver.server.url)])
            .args(["--start", deployed, "--deployed-at", deployed])
            .args(more)
            .output()
            .unwrap()
    }
}

fn counts(check: &Value) -> Value {
    json!([check["outcome"], check["planned"], check["judged"], check["breaches"], check["missed"]])
}

#[test]
fn the_shipped_policy_judges_history() {
    if skipped("the_shipped_policy_judges_history") {
        return;
    }
    let world = World::start();
    for (job, deployed, code) in [
        ("healthy", DEPLOYED, 0),
        ("limit", DEPLOYED, 0),
        ("slow", "2026-01-15T10:31:00Z", 10),
        ("nobody", DEPLOYED, 30),
        ("idle", DEPLOYED, 30),
    ] {
        let output = world.judge(job, deployed, &[]);
        let report = report(&output);
        assert_eq!(output.status.code(), Some(code), "{job}: {report:#}");
        assert_eq!(report["exit_code"], code);
        assert_eq!(world.receiver.received().len(), 0, "{job} triggered something");
    }
    // A service that is gone is down first, then without data.
    let output = world.judge("dying", DEPLOYED, &["--dry-run"]);
    let said = report(&output);
    assert_eq!((output.status.code(), &said["exit_code"]), (Some(0), &json!(20)));
    assert_eq!(check(&said, "service_availability")["outcome"], "failed");
}

#[test]
fn a_broken_service_is_rolled_back_at_the_third_breach() {
    if skipped("a_broken_service_is_rolled_back_at_the_third_breach") {
        return;
    }
    let world = World::start();
    // The window opens at 10:28: errors rise at 10:30, and cross 1 % of five minutes 31 s later.
    let output =
        world.judge("checkout", "2026-01-15T10:27:00Z", &["--version", "1.5.0", "--environment", "test"]);
    let said = report(&output);
    assert_eq!(output.status.code(), Some(20), "{said:#}");
    let failed = check(&said, "error_rate");
    let states: Vec<&str> =
        failed["samples"].as_array().unwrap().iter().map(|s| s["state"].as_str().unwrap()).collect();
    let before = |state: &&str| ["settling", "within"].contains(state);
    let breaches: Vec<&str> = states.iter().copied().skip_while(before).collect();
    assert_eq!(breaches, ["breach", "breach", "breach"], "{states:?}");
    assert!(states.len() > 3, "it broke before it was watched: {states:?}");
    assert_eq!(failed["missed"].as_u64().unwrap() + states.len() as u64, 21);
    assert_eq!(counts(check(&said, "response_time"))[0], "unfinished");
    assert_eq!(said["actions"][0]["status"], "confirmed");

    let received = world.receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0]["signatures"], json!({"standard_webhooks": "verified", "x_hub_256": "verified"}));
    let event: Value = serde_json::from_str(received[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(event["pipeline"], "rollback-checkout");
    assert_eq!(event["id"], said["actions"][0]["id"]);
    assert_eq!(event["checks"][0]["name"], "error_rate");
    assert_eq!((&event["version"], &event["environment"]), (&json!("1.5.0"), &json!("test")));

    // The same deployment judged again asks with the same id, and the receiver sees that.
    let again =
        world.judge("checkout", "2026-01-15T10:27:00Z", &["--version", "1.5.0", "--environment", "test"]);
    assert_eq!(again.status.code(), Some(20));
    let received = world.receiver.received();
    assert_eq!((received.len(), &received[1]["repeat"]), (2, &json!(true)));
}
