//! `lint --online` against a real Prometheus: over generated history, and over a server that scrapes itself.

use std::collections::BTreeSet;
use std::process::Output;

use rollgate::policy::lint::online::is_online;

use super::servers::{Prometheus, Server, rollgate, root};
use super::skipped;

fn lint(prometheus: &Prometheus, policy: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.yaml");
    std::fs::write(&path, policy).unwrap();
    rollgate()
        .args(["lint", "--online", "--prometheus", &prometheus.url])
        .args(more)
        .arg(path)
        .output()
        .unwrap()
}

/// The ids of what the server has told, and all that was found as text.
fn told(output: &Output) -> (BTreeSet<String>, String) {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let ids = text.lines().filter_map(|line| Some(line.split_once('[')?.1.split_once("]: ")?.0.to_owned()));
    (ids.filter(|id| is_online(id)).collect(), text)
}

/// A policy whose checks have these queries and limits.
fn policy(checks: &[(&str, &str)]) -> String {
    let mut text =
        "post_deployment_validation:\n  window: {duration: 5m}\n  metrics_validation:\n".to_owned();
    for (index, (query, limit)) in checks.iter().enumerate() {
        let query = serde_json::Value::from(*query);
        text.push_str(&format!(
            "    - {{name: c{index}, query: {query}, {limit}, on_no_traffic: pass, failure_action: rollback}}\n"
        ));
    }
    text
}

#[test]
fn lint_asks_prometheus_what_it_holds() {
    if skipped("lint_asks_prometheus_what_it_holds") {
        return;
    }
    let prometheus = Prometheus::start(&["--"]);
    // The history ends with the hour; services break in the middle of it.
    let then = ["--start", "2026-01-15T10:20:00Z"];
    for (query, limit, id, says) in [
        (
            "sum(rate(http_request_total{job=\"healthy\"}[5m]))",
            "min_value: 1",
            "unknown-metric",
            "did you mean `http_requests_total`?",
        ),
        (
            "sum(rate(http_requests_total{job=\"healthy\", code=~\"5..\"}[5m]))",
            "max_value: 1",
            "unknown-label",
            "its labels are `job` and `status`",
        ),
        (
            "sum(rate(http_requests_total{job=\"helthy\"}[5m]))",
            "min_value: 1",
            "matches-nothing",
            "did you mean `healthy`?",
        ),
        (
            "sum(rate(http_requests_total{job=\"clean\", status=\"500\"}[5m]))",
            "max_value: 1",
            "matches-nothing",
            "`or vector(0)`",
        ),
        (
            "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{job=\"slow\"}[5m])))",
            "max_value: 500",
            "limit-above-buckets",
            "the last bucket ends at 2.5",
        ),
        (
            "histogram_quantile(0.95, sum(rate(http_request_duration_seconds{job=\"slow\"}[5m])))",
            "max_value: 1",
            "other-histogram",
            "http_request_duration_seconds_bucket",
        ),
        ("up * on (instance) up", "max_value: 1", "query-fails", "many-to-many"),
        (
            "sum by (job) (up{job=\"slow\"}) / sum by (job) (up{job=\"idle\"})",
            "max_value: 1",
            "no-result",
            "each of its selectors has some",
        ),
        (
            "sum(rate(http_requests_total{job=\"down\"}[5m]))",
            "min_value: 1",
            "targets-down",
            "`down` can be scraped",
        ),
    ] {
        let output = lint(&prometheus, &policy(&[(query, limit)]), &then);
        let (ids, text) = told(&output);
        assert_eq!(ids, BTreeSet::from([id.to_owned()]), "{text}");
        assert!(text.contains(says), "{text}");
        assert_eq!(output.status.code(), Some(0), "{text}");
    }
    // Samples come every 5 s: three of them are too few, whatever was assumed, and four are enough.
    let range =
        |range: &str| policy(&[(&format!("sum(rate(http_requests_total[{range}]))"), "min_value: 1")]);
    let (ids, text) = told(&lint(&prometheus, &range("20s"), &then));
    assert!(ids.is_empty() && !text.contains("range-too-short"), "{text}");
    let (ids, text) = told(&lint(&prometheus, &range("10s"), &then));
    assert!(ids.contains("few-samples") && text.contains("samples come each 5s"), "{text}");
}

#[test]
fn the_shipped_policy_goes_with_what_it_asks() {
    if skipped("the_shipped_policy_goes_with_what_it_asks") {
        return;
    }
    let prometheus = Prometheus::start(&["--"]);
    for job in ["healthy", "clean"] {
        let output = rollgate()
            .args(["lint", "--online", "--prometheus", &prometheus.url, "--start", "2026-01-15T10:20:00Z"])
            .args(["--set", &format!("service_name={job}")])
            .arg(root().join("policies/post-deployment.yaml"))
            .output()
            .unwrap();
        let (ids, text) = told(&output);
        assert!(ids.is_empty() && !text.contains("warning"), "{job}: {text}");
    }
}

#[test]
fn what_an_exporter_says_of_its_metrics_is_heard() {
    if skipped("what_an_exporter_says_of_its_metrics_is_heard") {
        return;
    }
    let service = Server::start("service.py", &[]);
    let prometheus = Prometheus::start(&["--scrape", &format!("{}=live", service.authority()), "--", "none"]);
    let policy = policy(&[("rate(service_healthy[1m])", "max_value: 1")]);
    // The first scrape takes some seconds, and the second one must have been for a rate to give anything.
    let (mut ids, mut text) = (BTreeSet::new(), String::new());
    for _ in 0..100 {
        (ids, text) = told(&lint(&prometheus, &policy, &[]));
        if ids.contains("wrong-type") && !ids.contains("no-result") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    assert_eq!(ids, BTreeSet::from(["wrong-type".to_owned()]), "{text}");
    assert!(text.contains("its exporter says it is a gauge"), "{text}");
}
