//! What stands beside the samples, over deployments of known outcome: evidence, versions, what was before, data that is old
//! or gone, in whichever Prometheus `PROMETHEUS` names.

use std::process::Output;
use std::sync::LazyLock;

use serde_json::Value;

use super::deployments::{DEPLOYED, cases};
use super::servers::{Prometheus, check, report, rollgate};
use super::skipped;

/// The share of requests of `job` that fail, over two minutes.
const RATIO: &str = r#"sum(rate(http_requests_total{job="JOB", status=~"5.."}[2m])) / sum(rate(http_requests_total{job="JOB"}[2m]))"#;

/// The share of its requests that the new version takes.
const SHARE: &str = r#"sum(rate(http_requests_total{job="JOB", version="new"}[1m])) / sum(rate(http_requests_total{job="JOB"}[1m]))"#;

/// A gate that says `gate` for all, with one check of `query` that says `check`; `RATIO`, `SHARE` and `JOB` stand for what they do.
fn policy(job: &str, gate: &str, query: &str, check: &str) -> String {
    let gate = if gate.is_empty() { String::new() } else { format!("  {gate}\n") };
    let text = format!(
        "post_deployment_validation:\n{gate}  metrics_validation:\n    - name: watched\n      query: 'QUERY'\n      {check}\n"
    );
    let text = text.replace("QUERY", query).replace("RATIO", RATIO).replace("SHARE", SHARE);
    text.replace("JOB", job)
}

fn run(url: &str, policy: &str, deployed: &str, more: &[&str]) -> (Output, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    std::fs::write(&file, policy).unwrap();
    let output = rollgate()
        .arg("run")
        .arg(file)
        .args(["--prometheus", url, "--format", "json", "--start", deployed, "--duration", "6m"])
        .args(more)
        .output()
        .unwrap();
    let said = report(&output);
    (output, said)
}

/// The exit code of `policy` over the cases, and the report.
fn judge(policy: &str) -> (Option<i32>, Value) {
    let (output, said) = run(&cases().url, policy, DEPLOYED, &[]);
    (output.status.code(), said)
}

fn states(said: &Value) -> Vec<&str> {
    let samples = check(said, "watched")["samples"].as_array().unwrap();
    samples.iter().map(|sample| sample["state"].as_str().unwrap()).collect()
}

fn reason(said: &Value) -> &str {
    check(said, "watched")["reason"].as_str().unwrap()
}

#[test]
fn a_failure_that_was_as_bad_before_is_no_reason_to_go_back() {
    if skipped("a_failure_that_was_as_bad_before_is_no_reason_to_go_back") {
        return;
    }
    for (job, means, code, before) in [
        ("half_mended", "inconclusive", 30, "as_bad"),
        ("half_mended", "alert", 10, "as_bad"),
        ("half_mended", "rollback", 20, "null"),
        ("still_bad", "inconclusive", 30, "as_bad"),
        ("regression", "inconclusive", 20, "better"),
        ("dilution", "inconclusive", 20, "better"),
    ] {
        for max_failures in [1, 3] {
            let check_of = format!("max_value: 0.01\n      max_failures: {max_failures}");
            let (exit, said) = judge(&policy(job, &format!("pre_existing: {means}"), "RATIO", &check_of));
            assert_eq!(exit, Some(code), "{job}, {means}, {max_failures}: {said:#}");
            let found = check(&said, "watched")["before"].as_str().unwrap_or("null");
            assert_eq!(found, before, "{job}, {means}: {said:#}");
            assert_eq!(check(&said, "watched")["outcome"], "failed");
            let told = reason(&said).contains("so going back cannot mend it");
            assert_eq!(told, before == "as_bad", "{}", reason(&said));
        }
    }
}

#[test]
fn counted_events_that_were_as_many_before_are_no_reason_to_go_back() {
    if skipped("counted_events_that_were_as_many_before_are_no_reason_to_go_back") {
        return;
    }
    let events = |job: &str, gate: &str| {
        format!(
            "post_deployment_validation:\n  {gate}\n  metrics_validation:\n    - name: watched\n      events: {{bad: \
             'http_requests_total{{job=\"{job}\", status=\"500\"}}', total: 'http_requests_total{{job=\"{job}\"}}'}}\n      \
             max_ratio: 1%\n"
        )
    };
    for (job, means, code, before) in [
        ("half_mended", "inconclusive", 30, "as_bad"),
        ("half_mended", "rollback", 20, "null"),
        ("still_bad", "alert", 10, "as_bad"),
        ("regression", "inconclusive", 20, "better"),
    ] {
        let (exit, said) = judge(&events(job, &format!("pre_existing: {means}")));
        assert_eq!(exit, Some(code), "{job}, {means}: {said:#}");
        assert_eq!(check(&said, "watched")["before"].as_str().unwrap_or("null"), before, "{said:#}");
    }
    // A version that comes late answers for what came after it only.
    let gate = format!("expect_version: {{query: '{}'}}", SHARE.replace("JOB", "late"));
    let (exit, said) = judge(&events("late", &gate));
    assert_eq!(exit, Some(0), "{said:#}");
}

#[test]
fn what_cannot_be_compared_is_rolled_back_and_says_so() {
    if skipped("what_cannot_be_compared_is_rolled_back_and_says_so") {
        return;
    }
    // The old version has another name, and nobody asks about it.
    let new = r#"sum(rate(http_requests_total{job="JOB", version="new", status="500"}[2m])) / sum(rate(http_requests_total{job="JOB", version="new"}[2m]))"#;
    let (exit, said) = judge(&policy("half_mended", "", new, "max_value: 0.01"));
    assert_eq!((exit, &check(&said, "watched")["before"]), (Some(20), &Value::from("unknown")), "{said:#}");
    assert!(reason(&said).ends_with("is not known: there is no data of then"), "{}", reason(&said));
    let counted = r#"increase(http_requests_total{job="JOB", status="500", version="new"}[{{elapsed}}])"#;
    let (exit, said) = judge(&policy("half_mended", "", counted, "max_value: 5"));
    assert_eq!(exit, Some(20), "{said:#}");
    assert!(reason(&said).contains("the query names `elapsed`"), "{}", reason(&said));
}

#[test]
fn samples_before_the_new_version_takes_traffic_are_settling() {
    if skipped("samples_before_the_new_version_takes_traffic_are_settling") {
        return;
    }
    let gate = "expect_version: {query: 'SHARE'}";
    // The old version fails for three minutes more; the new one, which then takes all traffic, does not.
    let (exit, said) = judge(&policy("late", "pre_existing: rollback", "RATIO", "max_value: 0.01"));
    assert_eq!(exit, Some(20), "{said:#}");
    let (exit, said) =
        judge(&policy("late", &format!("{gate}\n  pre_existing: rollback"), "RATIO", "max_value: 0.01"));
    assert_eq!(exit, Some(0), "{said:#}");
    let live = said["expect_version"]["live_at"].as_str().unwrap();
    assert!(("2026-01-15T10:03:00".."2026-01-15T10:04:30").contains(&live), "{live}");
    // Ranges are fitted to what lies after that.
    let samples = check(&said, "watched")["samples"].as_array().unwrap();
    let first = samples.iter().find(|sample| sample["state"] == "within").unwrap();
    assert!(first["query"].as_str().unwrap().contains("[1m]"), "{first}");
    let alert = "max_value: 0.01\n      failure_action: alert";
    for action in ["max_value: 0.01", alert] {
        let (exit, said) = judge(&policy("never_live", gate, "RATIO", action));
        assert_eq!(exit, Some(30), "{said:#}");
        assert_eq!(said["expect_version"]["live_at"], Value::Null);
        let why = said["expect_version"]["reason"].as_str().unwrap();
        assert!(
            why.starts_with("the new version was never seen to be live: the new version takes 0 of"),
            "{why}"
        );
        assert!(states(&said).iter().all(|state| *state == "settling"));
    }
    // One that is live from the first look on is judged as any other.
    let (exit, said) = judge(&policy("regression", gate, "RATIO", "max_value: 0.01"));
    assert_eq!(exit, Some(20), "{said:#}");
    let warnings = said["warnings"].to_string();
    assert!(warnings.contains("the rollback stands"), "the history has ended by now: {warnings}");
}

/// A service that is superseded four minutes after a deployment that was ten minutes ago, and when that was.
fn superseded() -> (&'static Prometheus, String) {
    static SUPERSEDED: LazyLock<(Prometheus, jiff::Timestamp)> = LazyLock::new(|| {
        let now = jiff::Timestamp::now().as_second() - 600;
        let at = jiff::Timestamp::from_second(now - now % 15).unwrap();
        let arguments =
            ["--remove", "--generator", "deployments.py", "--", "cases", "--services", "superseded", "--at"];
        let at_text = at.to_string();
        let arguments: Vec<&str> = arguments.into_iter().chain([at_text.as_str()]).collect();
        (Prometheus::start(&arguments), at)
    });
    let (prometheus, at) = &*SUPERSEDED;
    (prometheus, at.to_string())
}

#[test]
fn a_version_that_no_longer_runs_is_not_rolled_back() {
    if skipped("a_version_that_no_longer_runs_is_not_rolled_back") {
        return;
    }
    let (prometheus, deployed) = superseded();
    let without = policy("superseded", "", "RATIO", "max_value: 0.01");
    let (output, said) = run(&prometheus.url, &without, &deployed, &[]);
    assert_eq!(output.status.code(), Some(20), "{said:#}");
    let with = policy("superseded", "expect_version: {query: 'SHARE'}", "RATIO", "max_value: 0.01");
    let (output, said) = run(&prometheus.url, &with, &deployed, &[]);
    assert_eq!(output.status.code(), Some(30), "{said:#}");
    assert_eq!(check(&said, "watched")["contribution"], "rollback");
    assert_eq!(said["expect_version"]["superseded"], true);
    assert_eq!(said["expect_version"]["share"], 0);
    assert_eq!(said["actions"], Value::Array(Vec::new()));
}

#[test]
fn series_that_vanish_are_told() {
    if skipped("series_that_vanish_are_told") {
        return;
    }
    let routes = r#"sum by (route) (rate(http_requests_total{job="JOB", status="500"}[2m]))"#;
    for (on, job, code) in [
        ("", "vanished", 0),
        ("on_data_lost: fail", "vanished", 20),
        ("on_data_lost: inconclusive", "vanished", 30),
        // Another version's series are another's.
        ("on_data_lost: fail", "healthy", 0),
    ] {
        let (exit, said) = judge(&policy(job, on, routes, "max_value: 5"));
        assert_eq!(exit, Some(code), "{on}, {job}: {said:#}");
        if code != 0 {
            assert!(
                reason(&said).contains(r#"gone since the deployment: {route="/pay"}"#),
                "{}",
                reason(&said)
            );
        }
    }
}

#[test]
fn old_data_is_no_data() {
    if skipped("old_data_is_no_data") {
        return;
    }
    // The samples of one instance end two minutes after the deployment; an instant selector shows it for five more.
    let up = r#"up{job="JOB", version="new"}"#;
    let two = "min_value: 1\n      min_series: 2";
    let (exit, said) = judge(&policy("stale", "", up, two));
    assert_eq!(exit, Some(0), "{said:#}");
    let (exit, said) = judge(&policy("stale", "max_data_age: 1m", up, two));
    assert_eq!(exit, Some(30), "{said:#}");
    assert!(states(&said).ends_with(&["no_data"]));
    let samples = check(&said, "watched")["samples"].to_string();
    assert!(samples.contains("1 of 2 series left out: older than 1m"), "{samples}");
    let (exit, said) = judge(&policy("stale", "max_data_age: 1m", up, "min_value: 1"));
    assert_eq!(exit, Some(0), "{said:#}");
    // A rate over what has ended is as old as that.
    let rate = r#"sum(rate(http_requests_total{job="JOB", instance="new-1:8080"}[2m]))"#;
    let (exit, said) =
        judge(&policy("stale", "max_data_age: 1m", rate, "min_value: 0.1\n      max_failures: 1"));
    assert_eq!(exit, Some(30), "{said:#}");
    let samples = check(&said, "watched")["samples"].to_string();
    assert!(samples.contains("old, expected at most 1m"), "{samples}");
}

#[test]
fn without_evidence_of_traffic_nothing_is_judged() {
    if skipped("without_evidence_of_traffic_nothing_is_judged") {
        return;
    }
    // Three requests, one of which fails: a third of them, and nobody's business.
    let gate = r#"evidence: {query: 'sum(increase(http_requests_total{job="JOB"}[2m]))', min_value: 20}"#;
    let one = "max_value: 0.01\n      max_failures: 1\n      pre_existing: rollback";
    let (exit, said) = judge(&policy("low_traffic", "", "RATIO", one));
    assert_eq!(exit, Some(20), "{said:#}");
    let (exit, said) = judge(&policy("low_traffic", gate, "RATIO", one));
    assert_eq!(exit, Some(30), "{said:#}");
    assert!(states(&said).iter().all(|state| matches!(*state, "no_traffic" | "settling")), "{said:#}");
    let (exit, said) = judge(&policy("regression", gate, "RATIO", one));
    assert_eq!(exit, Some(20), "{said:#}");
    let (exit, said) = judge(&policy("healthy", gate, "RATIO", one));
    assert_eq!(exit, Some(0), "{said:#}");
}
