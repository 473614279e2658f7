//! Reports that are odd, and what would have made a run a pass.

use serde_json::{Value, json};

use super::*;

fn said(report: &Value) -> String {
    explain("r.json", &report.to_string(), &|text| text.to_owned()).unwrap()
}

/// A rollback by one check whose worst values were these.
fn rollback(criterion: &Value, values: &[f64], rule: (u32, u32)) -> Value {
    let criterion_of: wire::Limits = serde_json::from_value(criterion.clone()).unwrap();
    let samples: Vec<Value> = values
        .iter()
        .map(|value| {
            let state = if criterion_of.criterion().miss(*value).is_some() { "breach" } else { "within" };
            json!({ "state": state, "values": [{ "labels": {}, "value": value }] })
        })
        .collect();
    json!({
        "schema": "rollgate.report/v1", "verdict": "rollback",
        "checks": [{
            "name": "a", "outcome": "failed", "contribution": "rollback", "criterion": criterion,
            "max_failures": rule.0, "within": rule.1, "samples": samples,
        }],
    })
}

/// The line of what would have made it a pass.
fn pass(report: &Value) -> String {
    let said = said(report);
    let line = said.split("What would have made it a pass\n").nth(1).unwrap();
    line.split("\n\n").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_nearest_limit_is_one_that_these_samples_would_have_held() {
    for (criterion, values, rule, limit) in [
        (
            json!({ "max_value": 1 }),
            &[0.5, 2.0, 3.0, 5.0][..],
            (2, 4),
            "; or, for these samples, a `max_value` of 3 or more",
        ),
        (
            json!({ "max_value": 1 }),
            &[2.0, 3.0, 5.0],
            (1, 1),
            "; or, for these samples, a `max_value` of 5 or more",
        ),
        (
            json!({ "min_value": 1 }),
            &[0.5, -2.0],
            (1, 1),
            "; or, for these samples, a `min_value` of -2 or less",
        ),
        (
            json!({ "expected_value": 1, "tolerance": 0.1 }),
            &[1.0, 3.0, 0.5],
            (1, 1),
            "; or, for these samples, a `tolerance` of 2 or more",
        ),
        // Two limits, or series of which not every one must hold: the values do not tell.
        (json!({ "min_value": 0, "max_value": 1 }), &[2.0], (1, 1), ""),
        (json!({ "max_value": 1, "require": "any" }), &[2.0], (1, 1), ""),
    ] {
        let said = pass(&rollback(&criterion, values, rule));
        assert!(said.ends_with(&format!("){limit}")), "{criterion} {values:?}\n{said}");
    }
    let series = rollback(&json!({ "max_value": 1, "count": "series" }), &[2.0, 2.0], (1, 2));
    assert_eq!(pass(&series), "- `a`: fewer breaches than `max_failures` of every series");
}

#[test]
fn a_report_that_says_nothing_is_survived() {
    for text in [
        json!({ "schema": "rollgate.report/v1" }),
        json!({ "schema": "rollgate.report/v1", "verdict": null, "checks": [] }),
        json!({ "schema": "rollgate.report/v1", "verdict": "pass", "checks": [{}], "window": {}, "actions": [{}] }),
        json!({ "schema": "rollgate.report/v1", "verdict": "rollback", "checks": null, "window": { "duration": -1 } }),
        json!({ "schema": "rollgate.report/v1", "verdict": "alert", "checks": [{ "contribution": "alert", "criterion": {},
            "max_failures": 0, "within": 0, "samples": [{}, { "state": "breach", "values": [] }] }] }),
        json!({ "schema": "rollgate.report/v1", "verdict": "maybe", "exit_code": 7, "deployed_at": "2026-01-15T11:00:00Z",
            "window": { "open": "2026-01-15T10:00:00Z", "duration": 1e300, "interval": 0 } }),
    ] {
        assert!(said(&text).lines().count() > 1, "{text}");
    }
    assert!(said(&json!({ "schema": "rollgate.report/v1" })).contains(
        "The report does not say, or not in a way that can be read: `policy`, `mode`, `started_at`, `window`, `checks` and \
         `actions`"
    ));
}

#[test]
fn what_is_no_report_is_refused() {
    assert!(is_report(r#"{"schema": "rollgate.report/v9"}"#));
    for text in ["", "[]", "{", "a: b", r#"{"schema": 5}"#, r#"{"schema": "rollgate.event/v1"}"#] {
        assert!(!is_report(text), "{text}");
    }
    let wrong = json!({ "schema": "rollgate.report/v1", "checks": [{ "samples": "none" }] }).to_string();
    let error = explain("r.json", &wrong, &|text| text.to_owned()).unwrap_err();
    assert!(error.starts_with("error: `r.json` cannot be read as a report: invalid type: string"), "{error}");
}

#[test]
fn a_fleet_stays_readable() {
    let checks: Vec<Value> = (0..10_000)
        .map(|number| json!({ "name": format!("check_{number}"), "outcome": "failed", "contribution": "rollback" }))
        .collect();
    let said = said(&json!({ "schema": "rollgate.report/v1", "verdict": "rollback", "checks": checks }));
    assert!(said.lines().count() < 200, "{}", said.lines().count());
    assert!(said.contains("and 9990 more decided it"), "{said}");
}
