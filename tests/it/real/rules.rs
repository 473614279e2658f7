//! Rules in whichever Prometheus `PROMETHEUS` and `PROMTOOL` name: those of every pack are rules to it, a server that reads
//! them anew has them, and an alert fires where the gate fails and nowhere else.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rollgate::packs::PACKS;
use serde_json::Value;

use super::packs::written;
use super::servers::{Prometheus, Server, rollgate, root};
use super::skipped;

fn text(output: &Output) -> String {
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{talk}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What `promtool` says of the rules in `path`; they must all be sound.
fn check(path: &Path) -> String {
    let promtool = std::env::var("PROMTOOL").unwrap_or_else(|_| "promtool".to_owned());
    let output = Command::new(&promtool).args(["check", "rules"]).arg(path).output();
    let output = output.unwrap_or_else(|e| panic!("{promtool}: {e}; tests/real/setup.sh installs it"));
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {talk}", std::fs::read_to_string(path).unwrap());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_rules_of_every_policy_are_rules_to_prometheus() {
    if skipped("the_rules_of_every_policy_are_rules_to_prometheus") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut policies: Vec<(std::path::PathBuf, BTreeMap<String, String>)> = Vec::new();
    for pack in PACKS {
        let set = match pack.name {
            // The one pack whose checks ask other servers, too.
            "post-deployment" => ["service_name", "service_url", "service_host", "service_port"]
                .map(|name| (name.to_owned(), if name == "service_port" { "443" } else { "shop" }.to_owned()))
                .into(),
            name => written(name).set,
        };
        policies.push((root().join(format!("policies/{}.yaml", pack.name)), set));
    }
    policies.push((root().join("tests/scenarios/rules-kinds/policy.yaml"), BTreeMap::new()));
    policies.push((root().join("tests/scenarios/rules-hostile/policy.yaml"), BTreeMap::new()));
    for (policy, set) in policies {
        let path = folder.path().join(policy.file_name().unwrap());
        let mut command = rollgate();
        command.arg("rules").arg(&policy).arg("--out").arg(&path);
        command.args(["--set", "rollback_url=http://ci.example/rollback", "--blackbox-job", "blackbox"]);
        command.args([
            "--environment",
            "production",
            "--version",
            "1.2",
            "--service",
            "it's {{ $value }} \"{{\n",
        ]);
        command.args(set.iter().map(|(name, value)| format!("--set={name}={value}")));
        let talk = text(&command.output().unwrap());
        assert!(check(&path).contains("rules found"), "{talk}");
        // Written twice, it is the same.
        assert!(command.arg("--check").output().unwrap().status.success());
    }
}

/// The alerts of `prometheus` by name, each with its state.
fn alerts(prometheus: &Prometheus) -> BTreeMap<String, (String, Value)> {
    let answer = prometheus.ask("GET /api/v1/alerts HTTP/1.0\r\n\r\n");
    let alerts = answer["data"]["alerts"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    alerts.map(|one| (word(&one["labels"]["alertname"]), (word(&one["state"]), one.clone()))).collect()
}

#[test]
fn an_alert_fires_where_the_gate_fails() {
    if skipped("an_alert_fires_where_the_gate_fails") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let service = Server::start("service.py", &[]);
    let glob = format!("{}/rules/*.yml", folder.path().display());
    let alive = format!("{}=alive", service.authority());
    // Nobody listens at the discard port.
    let scrapes = ["--scrape", &alive, "--scrape", "127.0.0.1:9=dead"];
    let prometheus = Prometheus::start(&[&["--rules", &glob], &scrapes[..], &["--", "none"]].concat());
    let policy = folder.path().join("shop.yaml");
    std::fs::write(
        &policy,
        "post_deployment_validation:
  window: {interval: 1s}
  rollback_policy: {max_failures: 3}
  metrics_validation:
    - {name: alive, query: 'up{job=\"alive\"}', expected_value: 1}
    - {name: dead, query: 'up{job=\"dead\"}', expected_value: 1, description: 'see {{url}}'}
    - {name: ratio, query: 'sum(up{job=~\"alive|dead\"} == 0) / sum(up)', max_value: 0.5, failure_action: alert}
    - {name: nothing_of_it, query: 'sum(up{job=\"none\"}) / sum(up)', max_value: 0.5}
    - {name: gone, query: 'sum(gone_total)', max_value: 1}
    - {name: nan, query: 'up / 0 * 0', max_value: 1}
    - {name: infinite, query: 'up / 0', max_value: 1}
",
    )
    .unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    let mut command = rollgate();
    command.arg("rules").arg(&policy).args(["--set", "url={{ .Value }}", "--service", "shop"]);
    command.arg("--out").arg(folder.path().join("rules")).args(["--reload", &prometheus.url]);
    let output = command.output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && talk.contains("has loaded the group `shop`"), "{talk}");

    let begin = Instant::now();
    let mut pending = false;
    let found = loop {
        let found = alerts(&prometheus);
        let state = |name: &str| found.get(name).map(|(state, _)| state.as_str());
        pending |= state("Dead") == Some("pending");
        if state("Dead") == Some("firing") && state("GoneNoData").is_some() {
            break found;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{found:?}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(pending, "it fired without having been pending");
    // What is fine, what has no numerator, and what divides by zero is none.
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["Dead", "GoneNoData"], "{found:?}");
    let dead = &found["Dead"].1;
    assert_eq!(dead["labels"]["severity"], "critical");
    assert_eq!(dead["labels"]["check"], "dead");
    let told = dead["annotations"]["description"].as_str().unwrap();
    assert!(told.starts_with("see {{ .Value }}. The value is 0, the limit expected_value 1"), "{told}");

    // One that does not read the file says so.
    let elsewhere = folder.path().join("elsewhere.yml");
    let mut command = rollgate();
    command.arg("rules").arg(&policy).args(["--set", "url=x", "--group", "other"]);
    let output = command.arg("--out").arg(&elsewhere).args(["--reload", &prometheus.url]).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{talk}");
    assert!(talk.contains("has no group `other`"), "{talk}");
}
