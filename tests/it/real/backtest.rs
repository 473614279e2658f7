//! `rollgate backtest` over a fleet of deployments of known outcome, in a Prometheus of its own.

use std::process::Output;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::servers::{Prometheus, rollgate};
use super::skipped;

const POLICY: &str = r#"
post_deployment_validation:
  name: fleet
  window: {duration: 5m}
  metrics_validation:
    - name: availability
      query: 'up{job="{{service_name}}"}'
      expected_value: 1
    - name: error_ratio
      query: 'sum(rate(http_requests_total{job="{{service_name}}", status=~"5.."}[5m])) / sum(rate(http_requests_total{job="{{service_name}}"}[5m]))'
      max_value: 0.02
    - name: latency
      query: 'histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket{job="{{service_name}}"}[5m])) by (le))'
      max_value: 0.5
      failure_action: alert
  health_check_validation:
    http_checks:
      - {name: health, url: "http://{{service_url}}/health"}
"#;

/// When the history of the fleet ends.
const END: &str = "2026-01-15T10:00:00Z";

struct Fleet {
    prometheus: Prometheus,
    folder: tempfile::TempDir,
}

impl Fleet {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn backtest(&self, deployments: &str, more: &[&str]) -> Output {
        rollgate()
            .args(["backtest", &self.path("policy.yaml"), "--deployments", deployments])
            .args(["--set", "service_name=shop", "--prometheus", &self.prometheus.url])
            .args(more)
            .output()
            .unwrap()
    }
}

/// Twenty deployments forty minutes apart, six of them bad.
fn fleet() -> &'static Fleet {
    static FLEET: LazyLock<Fleet> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
        let list = folder.path().join("fleet");
        let shape = ["--deployments", "20", "--every", "40m", "--bad-share", "0.3", "--rps", "20"];
        let start = ["--remove", "--generator", "deployments.py", "--", "fleet", "--end", END];
        let list = ["--list", list.to_str().unwrap()];
        Fleet { prometheus: Prometheus::start(&[&start[..], &shape, &list].concat()), folder }
    });
    &FLEET
}

/// The document on stdout, which must fit the published schema.
fn document(output: &Output) -> Value {
    let talk = String::from_utf8_lossy(&output.stderr);
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}; it said: {talk}"));
    let schema = rollgate().args(["schema", "backtest"]).output().unwrap();
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:?}");
    document
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

#[test]
fn a_backtest_tells_good_deployments_from_bad_ones() {
    if skipped("a_backtest_tells_good_deployments_from_bad_ones") {
        return;
    }
    let fleet = fleet();
    for file in ["fleet.csv", "fleet.json"] {
        let output = fleet.backtest(&fleet.path(file), &["--format", "json", "--tune"]);
        assert_eq!(output.status.code(), Some(0));
        let said = document(&output);
        let policy = &said["policies"][0];
        let counts =
            [&policy["good"]["deployments"], &policy["good"]["rollback"], &policy["bad"]["rollback"]];
        assert_eq!(counts, [&json!(14), &json!(0), &json!(6)], "{policy:#}");
        // The limit of today is among those that tell them apart.
        let tuning = list(&policy["tuning"]).iter().find(|one| one["check"] == "error_ratio").unwrap();
        let best: Vec<&Value> = list(&tuning["stretches"]).iter().filter(|one| one["best"] == true).collect();
        assert!(best[0]["from"].as_f64().unwrap() < 0.02, "{tuning:#}");
        assert_eq!((&best[0]["misses"], &best[0]["false_rollbacks"]), (&json!(0), &json!(0)));
        for one in list(&said["deployments"]) {
            let health = list(&one["results"][0]["checks"]).iter().find(|check| check["name"] == "health");
            assert_eq!(health.unwrap()["outcome"], "skipped");
        }
    }
}

#[test]
fn each_verdict_is_that_of_a_run() {
    if skipped("each_verdict_is_that_of_a_run") {
        return;
    }
    let fleet = fleet();
    let said = document(&fleet.backtest(&fleet.path("fleet.csv"), &["--format", "json"]));
    let deployments = list(&said["deployments"]);
    let bad = deployments.iter().find(|one| one["known"] == "bad").unwrap();
    let metrics = fleet.path("metrics.yaml");
    std::fs::write(&metrics, POLICY.split("  health_check_validation").next().unwrap()).unwrap();
    for one in [&deployments[0], bad, &deployments[19]] {
        let time = one["time"].as_str().unwrap();
        let run = rollgate()
            .args(["run", &metrics, "--format", "json", "--dry-run", "--start", time, "--deployed-at", time])
            .args(["--set", "service_name=shop", "--prometheus", &fleet.prometheus.url])
            .output()
            .unwrap();
        let report = super::servers::report(&run);
        let result = &one["results"][0];
        assert_eq!(report["verdict"], result["verdict"], "{time}");
        for (ran, tested) in list(&report["checks"]).iter().zip(list(&result["checks"])) {
            for field in ["name", "outcome", "reason", "contribution", "due", "judged", "breaches"] {
                assert_eq!(ran[field], tested[field], "{field} of {time}");
            }
        }
    }
}

#[test]
fn queries_mark_the_deployments_that_are_listed() {
    if skipped("queries_mark_the_deployments_that_are_listed") {
        return;
    }
    let fleet = fleet();
    let times = |deployments: &str, more: &[&str]| -> Vec<String> {
        let options = ["--format", "json", "--until", END, "--since", "1d"];
        let said = document(&fleet.backtest(deployments, &[&options, more].concat()));
        list(&said["deployments"]).iter().map(|one| one["time"].as_str().unwrap().to_owned()).collect()
    };
    let listed = times(&fleet.path("fleet.csv"), &[]);
    assert_eq!(listed.len(), 20);
    // A rollback does not change it.
    assert_eq!(times("deploy_timestamp_seconds{job=\"shop\"}", &[]), listed);
    // It changes these, too.
    for query in ["kube_deployment_status_observed_generation{job=\"shop\"}", "app_version{job=\"shop\"}"] {
        let found = times(query, &[]);
        assert_eq!(found.len(), 26, "{query}");
        assert!(listed.iter().all(|time| found.contains(time)), "{query}: {found:?} and {listed:?}");
    }
}

#[test]
fn the_stricter_of_two_policies_rolls_back_more() {
    if skipped("the_stricter_of_two_policies_rolls_back_more") {
        return;
    }
    let fleet = fleet();
    let strict = fleet.path("strict.yaml");
    // It was as bad before; that shall not matter here.
    let policy = POLICY.replace("name: fleet", "name: strict\n  pre_existing: rollback");
    std::fs::write(&strict, policy.replace("0.02", "0.0001")).unwrap();
    let output = fleet.backtest(&fleet.path("fleet.csv"), &["--compare", &strict]);
    let text = String::from_utf8(output.stdout).unwrap();
    let row = text.lines().find(|line| line.starts_with("false rollbacks")).unwrap();
    let counts: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| cell.contains("good")).collect();
    assert_eq!(counts, ["0 of 14 good", "14 of 14 good"], "{text}");
}

const EVENTS: &str = r#"
post_deployment_validation:
  name: events
  window: {duration: 5m}
  metrics_validation:
    - name: error_ratio
      events:
        bad: 'http_requests_total{job="{{service_name}}", status=~"5.."}'
        total: 'http_requests_total{job="{{service_name}}"}'
      max_ratio: 0.01
"#;

/// What the policy of events says of 200 deployments at 5 requests a second, of which all or none fail 5 % of them.
fn two_hundred(bad: bool) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("events.yaml"), EVENTS).unwrap();
    let share = if bad { "1" } else { "0" };
    let fleet =
        ["--deployments", "200", "--every", "40m", "--bad-share", share, "--errors", "0.05", "--end", END];
    let start = ["--generator", "deployments.py", "--", "fleet", "--list", &path("fleet")];
    let prometheus = Prometheus::start(&[&start[..], &fleet].concat());
    let output = rollgate()
        .args(["backtest", &path("events.yaml"), "--deployments", &path("fleet.csv"), "--format", "json"])
        .args(["--set", "service_name=shop", "--prometheus", &prometheus.url])
        .output()
        .unwrap();
    document(&output)
}

#[test]
fn of_two_hundred_healthy_deployments_none_is_rolled_back() {
    if skipped("of_two_hundred_healthy_deployments_none_is_rolled_back") {
        return;
    }
    let said = two_hundred(false);
    let counts = &said["policies"][0]["good"];
    assert_eq!((&counts["deployments"], &counts["rollback"]), (&json!(200), &json!(0)), "{counts:#}");
}

#[test]
fn two_hundred_bad_deployments_are_rolled_back_within_three_minutes_of_watching() {
    if skipped("two_hundred_bad_deployments_are_rolled_back_within_three_minutes_of_watching") {
        return;
    }
    let said = two_hundred(true);
    let deployments = list(&said["deployments"]);
    assert_eq!(deployments.len(), 200);
    let time = |text: &Value| -> jiff::Timestamp { text.as_str().unwrap().parse().unwrap() };
    let late = deployments.iter().filter(|one| {
        let result = &one["results"][0];
        // The window opens a minute after the deployment.
        let within = || time(&result["verdict_at"]).duration_since(time(&one["time"])).as_secs() <= 240;
        result["verdict"] != "rollback" || !within()
    });
    let late = late.count();
    assert!(late <= 2, "{late} of 200 are not rolled back within three minutes");
}
