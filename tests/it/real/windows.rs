//! Windows anchored to the deployment, over deployments of known outcome: what the old version did before must decide
//! nothing, in whichever Prometheus `PROMETHEUS` names.

use std::process::Output;

use serde_json::Value;

use super::deployments::{DEPLOYED, cases};
use super::servers::{check, report, rollgate};
use super::skipped;

/// The error ratio over five minutes, as everybody writes it.
const POLICY: &str = r#"
variables: {job: , old_data: }
post_deployment_validation:
  window: {duration: 5m, interval: 15s, old_data: "{{old_data}}"}
  metrics_validation:
    - name: error_rate
      query: 'sum(rate(http_requests_total{job="{{job}}", status=~"5.."}[5m])) / sum(rate(http_requests_total{job="{{job}}"}[5m]))'
      max_value: 0.01
"#;

fn judge(folder: &tempfile::TempDir, job: &str, old_data: &str) -> Output {
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, POLICY).unwrap();
    rollgate()
        .arg("run")
        .arg(policy)
        .args(["--prometheus", &cases().url, "--format", "json", "--start", DEPLOYED])
        .args(["--set", &format!("job={job}"), "--set", &format!("old_data={old_data}")])
        .output()
        .unwrap()
}

fn states(said: &Value) -> Vec<&str> {
    let samples = check(said, "error_rate")["samples"].as_array().unwrap();
    samples.iter().map(|sample| sample["state"].as_str().unwrap()).collect()
}

#[test]
fn what_the_old_version_did_decides_nothing() {
    if skipped("what_the_old_version_did_decides_nothing") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (job, old_data, code) in [
        ("hotfix", "fit", 0),
        ("hotfix", "wait", 0),
        ("hotfix", "allow", 20),
        ("healthy", "fit", 0),
        ("never_failed", "fit", 0),
        ("regression", "fit", 20),
        ("dilution", "fit", 20),
    ] {
        let output = judge(&folder, job, old_data);
        let said = report(&output);
        assert_eq!(output.status.code(), Some(code), "{job} under {old_data}: {said:#}");
    }
}

#[test]
fn a_failing_version_is_seen_at_the_first_judged_tick() {
    if skipped("a_failing_version_is_seen_at_the_first_judged_tick") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let fitted = report(&judge(&folder, "dilution", "fit"));
    // A minute of warm-up, then a minute of ranges: four scrapes of 15 s.
    assert_eq!(states(&fitted), [["settling"; 4].as_slice(), &["breach"; 3]].concat());
    // Judged as it is written, the old version's traffic hides it.
    let diluted = report(&judge(&folder, "dilution", "allow"));
    assert_eq!(states(&diluted)[0], "within", "{diluted:#}");
    // Each sample says what was asked for it, and the check what is written.
    let asked = check(&fitted, "error_rate")["samples"][4]["query"].as_str().unwrap();
    assert_eq!(asked.matches("[1m]").count(), 2, "{asked}");
    assert!(check(&fitted, "error_rate")["query"].as_str().unwrap().contains("[5m]"));
}

#[test]
fn a_service_that_never_failed_has_an_error_ratio_of_nothing() {
    if skipped("a_service_that_never_failed_has_an_error_ratio_of_nothing") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let said = report(&judge(&folder, "never_failed", "fit"));
    let last = check(&said, "error_rate")["samples"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((last["state"].as_str(), last["values"][0]["value"].as_f64()), (Some("within"), Some(0.0)));
    assert!(last["reason"].as_str().unwrap().contains("the numerator has no series"), "{last}");
}
