//! Queries and what they are in words.

use super::*;
use crate::promql::{Options, parse};

fn said(query: &str) -> String {
    let expr = parse(query, Options::default()).sound().unwrap();
    let text = |span: Span| query[span.range()].to_owned();
    words(&expr, &text).unwrap_or_else(|| "-".to_owned())
}

#[test]
fn selectors_are_said_by_their_labels() {
    for (query, words) in [
        ("up", "-"),
        ("sum(up)", "the sum of `up`"),
        (r#"up{job="a"}"#, "`up` where `job` is `a`"),
        (
            r#"up{job="a",x!="b",y=~"c.*",z!~"d.*"}"#,
            "`up` where `job` is `a` and `x` is not `b` and `y` matches `c.*` and `z` does not match `d.*`",
        ),
        (r#"up{x="",y!="",z=~".+"}"#, "`up` where `x` is empty and `y` is not empty and `z` is not empty"),
        (
            r#"up{code=~"500|503",pod!~"a|b"}"#,
            "`up` where `code` is `500` or `503` and `pod` is not `a` or `b`",
        ),
        (r#"{__name__="up",job="a"}"#, "`up` where `job` is `a`"),
        (r#"{job="a"}"#, "every metric where `job` is `a`"),
        ("up offset 1w", "`up` (7 days earlier)"),
        ("up offset -5m", "`up` (5 minutes later)"),
        ("up @ 1700000000", "`up` (at the unix time 1700000000)"),
    ] {
        assert_eq!(said(query), words, "{query}");
    }
}

#[test]
fn ranges_are_said_by_what_is_made_of_them() {
    for (query, words) in [
        ("rate(x[5m])", "the rate per second of `x` over 5 minutes"),
        ("increase(x[1h] offset 1d)", "the increase of `x` (1 day earlier) over 1 hour"),
        ("irate(x[2m])", "the rate per second between the last two samples of `x` within 2 minutes"),
        ("max_over_time(x[90s])", "the largest value of `x` over 1 minute 30 seconds"),
        ("quantile_over_time(0.99, x[5m])", "the 99th percentile of `x` over 5 minutes"),
        (
            "max_over_time(rate(x[5m])[1h:1m])",
            "the largest value of the rate per second of `x` over 5 minutes, taken every 1 minute over 1 hour",
        ),
        ("absent_over_time(x[5m])", "1 where there was no `x` within 5 minutes"),
        ("absent(x)", "1 where there is no `x` at all"),
    ] {
        assert_eq!(said(query), words, "{query}");
    }
}

#[test]
fn aggregations_are_said_of_many() {
    for (query, words) in [
        ("sum(rate(x[5m]))", "the sum of the rates per second of `x` over 5 minutes"),
        ("avg by (pod) (x)", "the mean of `x`, for each `pod`"),
        ("max without (pod, job) (x)", "the largest of `x`, for each set of labels without `pod` and `job`"),
        ("count(x > 5)", "the number of series of (`x`, only where it is above 5)"),
        ("topk(3, x)", "the 3 largest of `x`"),
        ("quantile(0.5, x)", "the median of `x`"),
        ("quantile(0.999, x)", "the 99.9th percentile of `x`"),
    ] {
        assert_eq!(said(query), words, "{query}");
    }
}

#[test]
fn histograms_are_said_by_their_metric() {
    let of = "`http_request_duration_seconds` where `job` is `a` over 5 minutes";
    for (query, words) in [
        (
            r#"histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket{job="a"}[5m])) by (le))"#,
            format!("the 95th percentile of {of}"),
        ),
        (
            r#"histogram_quantile(0.95, sum by (le, pod) (rate(http_request_duration_seconds_bucket{job="a"}[5m])))"#,
            format!("the 95th percentile of {of}, for each `pod`"),
        ),
        (
            r#"histogram_quantile(0.95, rate(http_request_duration_seconds_bucket{job="a"}[5m]))"#,
            format!("the 95th percentile of {of}, for each series"),
        ),
        (
            r#"histogram_quantile(0.95, sum(rate(http_request_duration_seconds{job="a"}[5m])))"#,
            format!("the 95th percentile of {of}"),
        ),
        ("histogram_quantile(0.9, x)", "the 90th percentile of the histogram `x`".to_owned()),
    ] {
        assert_eq!(said(query), words, "{query}");
    }
}

#[test]
fn a_part_of_a_whole_is_a_share() {
    for (query, words) in [
        (
            r#"sum(rate(x{job="a", status=~"5.."}[5m])) / sum(rate(x{job="a"}[5m]))"#,
            "the share where `status` matches `5..`, of `x` where `job` is `a`, by the sum of the rates per second over \
             5 minutes",
        ),
        (
            r#"sum by (pod) (increase(x{status="500"}[1h])) / sum by (pod) (increase(x[1h]))"#,
            "the share where `status` is `500`, of `x`, by the sum of the increases over 1 hour, for each `pod`",
        ),
        (
            r#"(sum(rate(x{status=~"5.."}[5m])) or vector(0)) / sum(rate(x[5m]))"#,
            "the share where `status` matches `5..` (0 where there is none), of `x`, by the sum of the rates per second \
             over 5 minutes",
        ),
        (r#"x{a="1"} / x"#, "the share where `a` is `1`, of `x`"),
        // Not the same on both sides.
        (
            r#"sum(rate(x{status="500"}[5m])) / sum(rate(x[1m]))"#,
            "the sum of the rates per second of `x` where `status` is `500` over 5 minutes, divided by the sum of the \
             rates per second of `x` over 1 minute",
        ),
        (r#"x{a="1"} / x{b="2"}"#, "`x` where `a` is `1`, divided by `x` where `b` is `2`"),
        (r#"x{a="1"} / y"#, "`x` where `a` is `1`, divided by `y`"),
        (r#"x{a="1"} / x offset 1w"#, "`x` where `a` is `1`, divided by `x` (7 days earlier)"),
        (r#"x / x{a="1"}"#, "`x`, divided by `x` where `a` is `1`"),
        ("x / x", "`x`, divided by `x`"),
    ] {
        assert_eq!(said(query), words, "{query}");
    }
}

#[test]
fn operators_are_said_with_brackets_where_they_are_needed() {
    for (query, words) in [
        ("a / b", "`a`, divided by `b`"),
        ("a / on (job) group_left b", "`a`, divided by `b` (paired by `job`)"),
        ("1 - a / b", "1, minus (`a`, divided by `b`)"),
        ("(a + b) * 100", "(`a`, plus `b`), times 100"),
        ("-a", "minus `a`"),
        ("a > 5", "`a`, only where it is above 5"),
        ("a > bool 5", "1 where `a` is above 5, else 0"),
        ("a and b", "`a`, only where there is `b` as well"),
        ("a unless ignoring (x) b", "`a`, only where there is no `b` (paired by all labels but `x`)"),
        ("a or vector(0)", "`a`, or 0 where there is none"),
        ("time() - a", "the time now in seconds, minus `a`"),
        ("clamp_max(a, 1)", "`a`, but at most 1"),
        (r#"label_replace(a, "x", "$1", "y", "(.*)")"#, "`a`"),
    ] {
        assert_eq!(said(query), words, "{query}");
    }
}

#[test]
fn what_has_no_words_stands_as_it_is_written() {
    for (query, words) in [
        ("ln(x)", "-"),
        ("predict_linear(x[1h], 60)", "-"),
        ("count_values(\"v\", x)", "-"),
        ("ln(x) / exp(x)", "-"),
        ("ln(x) / y", "`ln(x)`, divided by `y`"),
        ("sum(ln(x))", "the sum of `ln(x)`"),
    ] {
        assert_eq!(said(query), words, "{query}");
    }
    let long: Vec<String> = (0..100).map(|number| format!("metric_{number}")).collect();
    assert_eq!(said(&long.join(" + ")), "-");
}

#[test]
fn one_value_is_told_from_many() {
    let single = |query: &str| is_single(&parse(query, Options::default()).sound().unwrap());
    for query in [
        "1",
        "sum(x)",
        "sum(x) / sum(y)",
        "1 - sum(x)",
        "scalar(x)",
        "histogram_quantile(0.9, sum by (le) (rate(x[5m])))",
        "histogram_quantile(0.9, sum(rate(x[5m])))",
        "abs(sum(x))",
        "absent(x)",
        "max by (a) (sum(x))",
        "sum(x) and y",
        "sum(x) or vector(0)",
    ] {
        assert!(single(query), "{query}");
    }
    for query in [
        "x",
        "sum by (a) (x)",
        "topk(1, x)",
        "rate(x[5m])",
        "sum(x) / y",
        "sum(x) or y",
        "histogram_quantile(0.9, sum by (le, pod) (rate(x[5m])))",
        "sum without (a) (x)",
    ] {
        assert!(!single(query), "{query}");
    }
}
