//! Any policy, report or query at all: nothing may panic, and what is said is fit for a terminal.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::check::KINDS;
use crate::diagnostic::Sources;
use crate::policy::parse::{Document, parse};
use crate::policy::template::Scope;
use crate::rollback::parse_triggers;

const POLICIES: [&str; 3] = [
    include_str!("../../policies/post-deployment.yaml"),
    include_str!("../../tests/scenarios/explain-unknown/policy.yaml"),
    include_str!("../../tests/documents/post-deployment.yaml"),
];

const REPORTS: [&str; 2] = [
    include_str!("../../tests/scenarios/explain-rollback/report.json"),
    include_str!("../../tests/scenarios/explain-hostile/report.json"),
];

/// What is said of a policy, where it can be read.
fn policy_said(text: &str, scope: &Scope, times: &Times) -> Option<String> {
    neither(text);
    let mut texts = Sources::default();
    let index = texts.add("p.yaml", text.as_bytes().to_vec()).ok()?;
    let (spec, mut problems) = parse(&[Document::of(&texts, index)], KINDS);
    let triggers = spec.rollback.trigger.as_ref().map(|node| parse_triggers(node, &mut problems));
    let subject = Subject {
        spec: &spec,
        triggers: &triggers.unwrap_or_default(),
        scope,
        texts: &texts,
        policies: &[index],
        environment: Some("production"),
        times: times.clone(),
        addressed: Vec::new(),
        given: vec![("--set", "a=b c".to_owned())],
    };
    // What cannot be run is explained as far as it can be read.
    policy::explain(&subject, &|text| text.to_owned()).ok()
}

fn times(deployed: Option<i64>, last: bool) -> Times {
    let begin: Timestamp = "2026-01-15T11:00:00Z".parse().unwrap();
    let deployed_at = deployed.map(|seconds| Timestamp::from_second(begin.as_second() + seconds).unwrap());
    Times { begin, start: begin, deployed_at, duration: None, last, given: true }
}

fn is_fit(text: &str) {
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}

/// `text` with a stretch of it replaced.
fn mutated(text: &str, at: prop::sample::Index, length: usize, insert: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let start = at.index(characters.len());
    let end = (start + length).min(characters.len());
    characters.splice(start..end, insert.chars());
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, rng_seed: proptest::test_runner::RngSeed::Fixed(4), ..ProptestConfig::default() })]

    #[test]
    fn any_mutated_policy_is_survived(
        which in 0..3usize,
        at in any::<prop::sample::Index>(),
        length in 0..12usize,
        insert in prop_oneof![Just("{{"), Just("}}"), Just("{{x}}"), Just("{{#if x}}"), Just("\n"), Just("é"), Just(": "),
            Just("["), Just("[5m]"), Just("99999999999"), Just("0s"), Just("10y"), Just("\""), Just(" / "), Just("null"), Just("")],
        values in prop::collection::vec((prop_oneof![Just("service"), Just("soak"), Just("range"), Just("service_name"),
            Just("limit")], ".{0,12}"), 0..4),
        deployed in prop::option::of(-90_000..90_000i64),
        last in any::<bool>(),
    ) {
        let mut scope = Scope::default();
        values.iter().for_each(|(name, value)| scope.set(name, value));
        let said = policy_said(&mutated(POLICIES[which], at, length, insert), &scope, &times(deployed, last));
        said.iter().for_each(|said| is_fit(said));
    }

    #[test]
    fn any_mutated_report_is_survived(
        which in 0..2usize,
        at in any::<prop::sample::Index>(),
        length in 0..12usize,
        insert in prop_oneof![Just("null"), Just("-1"), Just("1e308"), Just("\\u001b"), Just("\\n"), Just("\"\""), Just("[]"),
            Just("{}"), Just("0"), Just("")],
    ) {
        let text = mutated(REPORTS[which], at, length, insert);
        report::is_report(&text);
        let said = report::explain("r.json", &text, &|text| text.to_owned());
        said.iter().for_each(|said| is_fit(said));
    }

    #[test]
    fn any_query_is_survived(
        parts in prop::collection::vec(prop_oneof![Just("rate("), Just("sum("), Just("sum by (le) ("), Just(")"), Just("x"),
            Just("x{a=\"b\"}"), Just("x{a=\"b\",c=\"d\"}"), Just("[5m]"), Just("[1h:1m]"), Just(" / "), Just(" - "),
            Just(" offset 1d"), Just("histogram_quantile(0.9, "), Just("1"), Just(" and on (a) "), Just("\u{e000}"),
            Just(" > bool "), Just("-"), Just("quantile_over_time(\u{e001}, ")], 0..14),
    ) {
        let text = parts.concat();
        let options = crate::promql::Options { holes: true, ..crate::promql::Options::default() };
        if let Some(expr) = crate::promql::parse(&text, options).expr {
            let shown = |span: crate::promql::ast::Span| text.get(span.range()).unwrap_or_default().to_owned();
            let words = query::words(&expr, &shown);
            let fit = words.is_none_or(|words| !words.is_empty() && !words.contains('\u{1}'));
            prop_assert!(fit, "{}", text);
            query::is_single(&expr);
        }
    }
}

#[test]
fn a_tall_query_has_no_words() {
    for query in [vec!["x"; 900].join(" + "), format!("{}x{}", "abs(".repeat(45), ")".repeat(45))] {
        let expr = crate::promql::parse(&query, crate::promql::Options::default()).expr.unwrap();
        assert_eq!(query::words(&expr, &|span| query[span.range()].to_owned()), None);
        query::is_single(&expr);
    }
}
