//! What is found of what was told, where a whole world would hide the borders.

use std::collections::BTreeMap;
use std::time::Duration;

use super::find::find;
use super::known::{Held, Known, Lack};
use super::question::Question;
use crate::check::explore::{Cost, MetricType};
use crate::check::{Answer, Series};
use crate::policy::criterion::Criterion;
use crate::policy::model::Judging;
use crate::policy::problem::Place;
use crate::policy::query::read_rendered;
use crate::policy::template::{Context, Scope, Template};
use crate::promql::Dialect;

fn template(query: &str) -> Template {
    Template::compile(query, Place { source: 0, start: 0, end: 0 }, Context::Query).unwrap()
}

fn question<'t>(template: &'t Template, max: f64) -> Question<'t> {
    let criterion = Criterion { max: Some(max), ..Criterion::default() };
    let mut scope = Scope::default();
    scope.set("job", "shop");
    Question {
        source: "prometheus",
        query: read_rendered(template, &scope, Dialect::PromQl).unwrap(),
        judging: Some(Judging { criterion, ..Judging::default() }),
        may_be_empty: false,
        timeout: Duration::from_secs(10),
    }
}

fn known(names: &[&str]) -> Known {
    Known { names: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..Known::default() }
}

/// The ids and helps of what is found against `query`.
fn found(query: &str, max: f64, known: &Known) -> Vec<String> {
    let template = template(query);
    let problems = find(&question(&template, max), known);
    problems.into_iter().map(|p| format!("{}: {}", p.id.unwrap(), p.help.unwrap_or_default())).collect()
}

#[test]
fn nothing_known_is_nothing_found() {
    for query in ["rate(x[5m])", "histogram_quantile(0.9, x_bucket{job=\"{{job}}\"})", "a / b", "x >"] {
        assert_eq!(found(query, 1.0, &Known::default()), [] as [&str; 0], "{query}");
    }
}

#[test]
fn a_misspelt_name_is_mended_where_the_query_says_it() {
    let lacking = |query: &str| {
        let mut known = known(&["http_requests_total"]);
        known.held.insert(query.to_owned(), Held::Nothing(Lack::Metric));
        known
    };
    let fixed = |query: &str, rendered: &str| {
        let template = template(query);
        let problem = find(&question(&template, 1.0), &lacking(rendered)).remove(0);
        problem.fix.map(|fix| (fix.edits, fix.sure))
    };
    let edits = vec![(0..18, "http_requests_total".to_owned())];
    assert_eq!(fixed("http_request_total", "http_request_total"), Some((edits, false)));
    // What a variable says is for whoever sets it.
    assert_eq!(fixed("http_request_{{job}}", "http_request_shop"), None);
}

#[test]
fn numbers_that_are_written_otherwise_are_near() {
    let mut known = known(&["x_bucket"]);
    let lack = |values: &[&str]| Lack::Matcher(0, values.iter().map(|value| (*value).to_owned()).collect());
    known.held.insert("x_bucket{le=\"1\"}".to_owned(), Held::Nothing(lack(&["0.5", "1.0", "10.0"])));
    assert_eq!(found("x_bucket{le=\"1\"}", 1.0, &known), ["matches-nothing: did you mean `1.0`?"]);
    // Among the sides of an `or` only that is sure enough.
    assert_eq!(
        found("x_bucket{le=\"1\"} or vector(0)", 1.0, &known),
        ["matches-nothing: did you mean `1.0`?"]
    );
    known.held.insert("x_bucket{le=\"1\"}".to_owned(), Held::Nothing(lack(&["2", "3"])));
    assert_eq!(found("x_bucket{le=\"1\"} or vector(0)", 1.0, &known), [] as [&str; 0]);
}

#[test]
fn what_was_there_of_late_is_not_misspelt() {
    let mut known = known(&["x"]);
    let values = vec!["5.1".to_owned(), "a".to_owned()];
    for (query, count) in [
        ("x{v=\"a\"}", 1),
        ("x{v=~\"5..\"}", 1),
        ("x{v=\"a\"} or vector(0)", 0),
        ("x{v=~\"5..\"} or vector(0)", 0),
    ] {
        let selector = query.split(" or").next().unwrap();
        known.held.insert(selector.to_owned(), Held::Nothing(Lack::Matcher(0, values.clone())));
        let found = found(query, 1.0, &known);
        assert_eq!(found.len(), count, "{query}");
        assert!(found.iter().all(|told| told.contains("of late")), "{found:?}");
    }
}

#[test]
fn a_limit_is_compared_with_the_last_finite_bucket() {
    let query = "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))";
    let mut known = known(&["x_bucket"]);
    let tops = ["+Inf", "0.5", "10"].map(str::to_owned).to_vec();
    known.buckets.insert("x_bucket".to_owned(), tops);
    for (query, max, count) in [
        (query.to_owned(), 10.0, 1),
        (query.to_owned(), 9.99, 0),
        (format!("max({query})"), 11.0, 1),
        (format!("({query}) > 10"), 0.0, 1),
        (format!("{query} * 1000"), 5000.0, 0),
        (format!("{query} < 10"), 0.0, 0),
    ] {
        assert_eq!(found(&query, max, &known).len(), count, "{query} {max}");
    }
    known.buckets.insert("x_bucket".to_owned(), vec!["+Inf".to_owned()]);
    assert_eq!(found(query, 10.0, &known), [] as [&str; 0]);
}

#[test]
fn types_are_told_where_names_are_silent() {
    let mut known = known(&["requests", "memory"]);
    known.types = BTreeMap::from([
        ("requests".to_owned(), MetricType::Counter),
        ("memory".to_owned(), MetricType::Gauge),
    ]);
    for (query, count) in [
        ("rate(memory[5m])", 1),
        ("deriv(memory[5m])", 0),
        ("sum(requests)", 1),
        ("sum(rate(requests[5m]))", 0),
        ("delta(requests[5m])", 1),
        ("count(requests) + changes(requests[5m])", 0),
        ("rate(other[5m]) + other", 0),
    ] {
        assert_eq!(found(query, 1.0, &known).len(), count, "{query}");
    }
}

#[test]
fn what_a_query_costs_is_told_from_a_million_samples_on() {
    let mut known = known(&["x"]);
    let mut priced = |samples, seconds| {
        let answer =
            Answer { series: vec![Series { labels: Default::default(), value: 1.0 }], notes: Vec::new() };
        let cost = Cost { samples, took: Duration::from_secs(seconds) };
        known.priced.insert("x".to_owned(), Ok((answer, cost)));
        found("x", 1.0, &known).len()
    };
    assert_eq!([priced(Some(1_000_000), 5), priced(Some(1_000_001), 0), priced(None, 6)], [0, 1, 1]);
}

#[test]
fn samples_that_come_a_little_late_are_enough() {
    let mut known = known(&["x_total"]);
    for (range, interval, count) in
        [("1m", 15_000, 0), ("1m", 16_500, 0), ("1m", 20_000, 1), ("1m", 60_000, 1)]
    {
        known.intervals.insert("x_total".to_owned(), Duration::from_millis(interval));
        assert_eq!(found(&format!("rate(x_total[{range}])"), 1.0, &known).len(), count, "{interval}");
        assert_eq!(found(&format!("max_over_time(x_total[{range}])"), 1.0, &known).len(), 0);
    }
}
