//! Comparisons over deployments of known outcome: a canary against the stable version at every scale, and a service
//! whose load swings with the day against its own past.

use serde_json::Value;

use super::deployments::{DEPLOYED, cases};
use super::servers::{check, report, rollgate};
use super::skipped;

/// A canary against the stable version: latencies by rank and tick by tick, errors with a floor.
const CANARY: &str = r#"
variables: {job: }
post_deployment_validation:
  window: {duration: 10m, interval: 15s, fail_fast: false}
  metrics_validation:
    - name: ranks
      query: 'canary_latency{job="{{job}}", track="canary"}'
      baseline: {query: 'canary_latency{job="{{job}}", track="stable"}'}
      test: mann_whitney
      max_increase: 10%
    - name: either_way
      query: 'canary_latency{job="{{job}}", track="canary"}'
      baseline: {query: 'canary_latency{job="{{job}}", track="stable"}'}
      test: mann_whitney
    - name: swapped
      query: 'canary_latency{job="{{job}}", track="stable"}'
      baseline: {query: 'canary_latency{job="{{job}}", track="canary"}'}
      test: mann_whitney
      max_decrease: 10%
    - name: ticks
      query: 'canary_latency{job="{{job}}", track="canary"}'
      baseline: {query: 'canary_latency{job="{{job}}", track="stable"}'}
      max_increase: 60%
    - name: errors
      query: 'sum(rate(http_requests_total{job="{{job}}", track="canary", status="500"}[5m])) / sum(rate(http_requests_total{job="{{job}}", track="canary"}[5m]))'
      baseline: {query: 'sum(rate(http_requests_total{job="{{job}}", track="stable", status="500"}[5m])) / sum(rate(http_requests_total{job="{{job}}", track="stable"}[5m]))'}
      max_increase: 50%
      floor: 0.005
    - name: errors_below_the_floor
      query: 'sum(rate(http_requests_total{job="{{job}}", track="canary", status="500"}[5m])) / sum(rate(http_requests_total{job="{{job}}", track="canary"}[5m]))'
      baseline: {query: 'sum(rate(http_requests_total{job="{{job}}", track="stable", status="500"}[5m])) / sum(rate(http_requests_total{job="{{job}}", track="stable"}[5m]))'}
      max_increase: 50%
      floor: 0.05
"#;

/// A service whose load swings with the day.
const SEASON: &str = r#"
variables: {job: }
post_deployment_validation:
  window: {duration: 10m, interval: 1m, fail_fast: false}
  metrics_validation:
    - {name: week, query: 'queue_depth{job="{{job}}"}', baseline: {offset: 1w}, max_increase: 60%}
    - {name: before, query: 'queue_depth{job="{{job}}"}', baseline: {before: 30m}, max_increase: 60%}
    - {name: season, query: 'queue_depth{job="{{job}}"}', baseline: {before: 30m, season: 1w}, max_increase: 60%}
    - {name: week_ranks, query: 'queue_depth{job="{{job}}"}', baseline: {offset: 1w}, test: mann_whitney, max_increase: 20%}
    - {name: season_ranks, query: 'queue_depth{job="{{job}}"}', baseline: {before: 30m, season: 1w}, test: mann_whitney, max_increase: 20%}
    - {name: placebo, query: 'queue_depth{job="{{job}}"}', baseline: {placebo: {windows: 7}}, max_increase: 20%}
    - {name: placebo_at_85, query: 'queue_depth{job="{{job}}"}', baseline: {placebo: {windows: 7}}, confidence: 85%, max_increase: 20%}
"#;

fn judge(policy: &str, job: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.yaml");
    std::fs::write(&path, policy).unwrap();
    let output = rollgate()
        .arg("run")
        .arg(path)
        .args(["--prometheus", &cases().url, "--format", "json", "--start", DEPLOYED])
        .args(["--set", &format!("job={job}")])
        .output()
        .unwrap();
    report(&output)
}

/// What each of `names` came to and adds to the verdict.
fn outcomes<'r>(said: &'r Value, names: &[&str]) -> Vec<(&'r str, &'r str)> {
    let word = |check: &'r Value, key: &str| check[key].as_str().unwrap_or_default();
    names
        .iter()
        .map(|name| check(said, name))
        .map(|one| (word(one, "outcome"), word(one, "contribution")))
        .collect()
}

const FAILED: (&str, &str) = ("failed", "rollback");
const ALERTED: (&str, &str) = ("failed", "alert");
const PASSED: (&str, &str) = ("passed", "pass");

#[test]
fn a_canary_twice_as_slow_is_found_at_every_scale() {
    if skipped("a_canary_twice_as_slow_is_found_at_every_scale") {
        return;
    }
    let names = ["ranks", "either_way", "swapped", "ticks", "errors", "errors_below_the_floor"];
    let said = judge(CANARY, "canary");
    assert_eq!(outcomes(&said, &names), [FAILED, FAILED, FAILED, FAILED, FAILED, PASSED], "{said:#}");
    for name in ["ranks", "either_way", "swapped"] {
        let test = &check(&said, name)["test"];
        let worst = test["worst"].as_array().unwrap();
        let mut scales: Vec<&str> =
            worst.iter().map(|one| one["labels"]["scale"].as_str().unwrap()).collect();
        scales.sort_unstable();
        assert_eq!(scales, ["1", "1e-3", "1e-6", "1e-9"]);
        for one in worst {
            assert_eq!(
                (&one["beyond"], &one["alert_because"]),
                (&Value::Bool(true), &Value::Null),
                "{one:#}"
            );
            let ratio = one["ranks"]["ratio"].as_f64().unwrap();
            let ratio = if name == "swapped" { ratio.recip() } else { ratio };
            assert!((ratio - 2.0).abs() < 0.2, "{one:#}");
        }
    }
    // Each sample says what it was compared with.
    let sample = &check(&said, "ticks")["samples"][5]["values"][0];
    assert!(sample["value"].as_f64() > sample["baseline"].as_f64(), "{sample:#}");

    let said = judge(CANARY, "canary_healthy");
    assert_eq!(outcomes(&said, &names), [PASSED; 6], "{said:#}");
    let worst = check(&said, "ranks")["test"]["worst"].as_array().unwrap();
    assert!(worst.len() == 4 && worst.iter().all(|one| one["beyond"] == false), "{worst:#?}");
}

#[test]
fn a_daily_swing_is_no_regression_and_hides_none() {
    if skipped("a_daily_swing_is_no_regression_and_hides_none") {
        return;
    }
    let names = ["week", "season", "week_ranks", "season_ranks", "placebo", "placebo_at_85"];
    let said = judge(SEASON, "seasonal");
    assert_eq!(outcomes(&said, &names), [PASSED; 6], "{said:#}");
    // What the plain comparison with the time before takes for a regression, and its warning says so.
    assert_eq!(outcomes(&said, &["before"]), [FAILED]);
    let warnings = said["warnings"].to_string();
    assert!(warnings.contains("`before`: compared with the 30m before the rollout"), "{warnings}");

    let said = judge(SEASON, "seasonal_bad");
    let wanted = [FAILED, FAILED, FAILED, FAILED, ALERTED, FAILED];
    assert_eq!(outcomes(&said, &names), wanted, "{said:#}");
    let placebo = &check(&said, "placebo")["test"]["worst"][0];
    assert_eq!(placebo["p_value"].as_f64(), Some(0.125), "{placebo:#}");
    assert_eq!(placebo["placebo"]["windows"], 7);
}
