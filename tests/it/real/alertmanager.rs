//! A real Alertmanager: an alert fires in it and at its receiver, and ends on the next pass.

use serde_json::{Value, json};

use super::oracles::{StandIn, failing};
use super::servers::{Server, rollgate};

/// The alerts that `alertmanager` holds as firing.
fn firing(alertmanager: &Server) -> Vec<Value> {
    let url = format!("{}/api/v2/alerts?active=true", alertmanager.url);
    let answer = std::process::Command::new("curl").args(["-sSf", &url]).output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).unwrap()
}

/// What Alertmanager has told its receiver: the state and the alerts' labels; waits until there are `count`.
fn told(stand_in: &StandIn, count: usize) -> Vec<(Value, Value)> {
    for _ in 0..300 {
        let sent = stand_in.requests();
        let sent: Vec<Value> = sent
            .iter()
            .filter(|request| request["path"] == "/told")
            .map(|request| serde_json::from_str(request["body"].as_str().unwrap()).unwrap())
            .collect();
        if sent.len() >= count {
            return sent
                .iter()
                .map(|told| (told["status"].clone(), told["alerts"][0]["labels"].clone()))
                .collect();
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("Alertmanager told {:?}", stand_in.requests());
}

#[test]
fn an_alert_fires_and_ends_on_the_next_pass() {
    if super::skipped("Alertmanager") {
        return;
    }
    let stand_in = StandIn::start(&json!([
        { "on": "^GET /health", "answers": [{ "status": 500 }, { "status": 200 }] },
        { "on": "^POST /told", "answers": [{ "status": 200 }] },
    ]));
    let receiver = format!("{}/told", stand_in.url());
    let alertmanager = Server::start("alertmanager.py", &["--receiver", &receiver]);
    let rest = format!(
        "integrations:\n  alertmanager: {{url: \"{}\", labels: {{team: shop}}}}\nnotifications: {{to: alertmanager}}\n",
        alertmanager.url
    );
    let folder = failing(&stand_in, &rest);
    let run = |version: &str, code: i32| {
        let arguments = ["run", "--service", "checkout", "--environment", "production", "--version", version];
        let run = rollgate().args(arguments).arg(folder.path().join("policy.yaml")).output().unwrap();
        let talk = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(code), "{talk}");
        assert!(talk.contains("told alertmanager"), "{talk}");
    };
    run("1.4.0", 20);
    let alerts = firing(&alertmanager);
    let labels = json!({"alertname": "RollgateVerdict", "severity": "critical", "policy": "gate",
        "service": "checkout", "environment": "production", "team": "shop"});
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0]["labels"], labels);
    assert_eq!(alerts[0]["annotations"]["version"], "1.4.0");
    assert_eq!(told(&stand_in, 1), [(json!("firing"), labels.clone())]);
    run("1.4.1", 0);
    assert_eq!(firing(&alertmanager), Vec::<Value>::new());
    assert_eq!(told(&stand_in, 2)[1], (json!("resolved"), labels));
}
