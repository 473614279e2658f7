//! Queries over shorter ranges: of every query of `tests/promql`, nothing but lengths of ranges changes, and none reaches
//! further back than it may.

use std::time::Duration;

use rollgate::promql::analysis::{Analysis, Use, analyse};
use rollgate::promql::ast::{Expr, Node};
use rollgate::promql::counter::counter_selector;
use rollgate::promql::operands::comparison_operands;
use rollgate::promql::ratio::empty_ratio;
use rollgate::promql::window::Window;
use rollgate::promql::{Options, Query};

use super::corpus::{newer, valid};
use super::{assert_none, parse};

/// Every query that reads without fault.
fn queries() -> Vec<(String, Expr)> {
    let texts =
        valid().into_iter().map(|entry| entry.query).chain(newer().into_iter().map(|entry| entry.query));
    let sound = |text: String| parse(&text).sound().ok().map(|expr| (text, expr));
    texts.filter_map(sound).collect()
}

/// `text` with every length of a range left out.
fn without_lengths(text: &str, expr: &Expr) -> String {
    let mut rest = text.to_owned();
    let length = |expr: &&Expr| match &expr.node {
        Node::Range(range) => Some(range.range.span),
        _ => None,
    };
    let mut spans: Vec<_> = expr.all().iter().filter_map(length).collect();
    spans.sort();
    for span in spans.into_iter().rev() {
        rest.replace_range(span.range(), "");
    }
    rest
}

fn present<'a, 'e>(analysis: &'a Analysis<'e>) -> impl Iterator<Item = &'a Use<'e>> {
    analysis.uses.iter().filter(|one| !one.is_shifted())
}

/// What is wrong with `changed`, which is `text` with no range longer than `longest`.
fn fault(text: &str, expr: &Expr, changed: &str, longest: Duration) -> Option<String> {
    let Query { expr: Some(read), errors, .. } = parse(changed) else {
        return Some("does not read".to_owned());
    };
    if let Some(error) = errors.first() {
        return Some(error.message.clone());
    }
    if without_lengths(changed, &read) != without_lengths(text, expr) {
        return Some("more than lengths changed".to_owned());
    }
    let (before, after) = (analyse(expr), analyse(&read));
    for (before, after) in before.uses.iter().zip(&after.uses) {
        let longer = after.range.map(|range| range.known) > before.range.map(|range| range.known);
        if longer || before.is_shifted() && before.range != after.range {
            return Some("a range that should not has changed".to_owned());
        }
    }
    let further = present(&after).any(|one| one.reach().known > longest);
    further.then(|| "it reaches further back than it may".to_owned())
}

#[test]
fn nothing_but_the_lengths_of_ranges_changes() {
    let (mut faults, mut changes) = (Vec::new(), [0; 3]);
    for (text, expr) in queries() {
        let window = Window::of(&text, &expr);
        for millis in [1, 999, 15_000, 61_500, 299_999, 300_000, 86_400_000] {
            let since = Duration::from_millis(millis);
            let lookback = Some(Duration::from_millis(millis / 3));
            let less = since.saturating_sub(Duration::from_millis(millis / 3)).max(Duration::from_millis(1));
            let all = [
                (window.fitted(since, None), since),
                (window.fitted(since, lookback), less),
                (window.shortened(since, None), since),
                (window.over(since), since),
            ];
            assert!(window.fits() || all[0].0.is_none(), "{text}");
            assert!(window.grows() || all[2].0.is_none(), "{text}");
            for (index, (changed, longest)) in all.into_iter().enumerate() {
                let Some(changed) = changed else { continue };
                changes[index.min(2)] += 1;
                if let Some(fault) = fault(&text, &expr, &changed, longest) {
                    faults.push(format!("{text}\n  {changed}\n  {fault}"));
                }
            }
        }
    }
    assert!(changes.iter().all(|count| *count > 50), "{changes:?}");
    assert_none(&faults);
}

#[test]
fn a_query_needs_no_less_than_it_reaches_back() {
    let (scrape, least) = (Duration::from_secs(15), Duration::from_secs(60));
    for (text, expr) in queries() {
        let window = Window::of(&text, &expr);
        let (written, fitted) =
            (window.needs_as_written(scrape, None), window.needs_fitted(scrape, least, None));
        let lookback = analyse(&expr).lookback();
        assert!(written >= lookback.known && written >= fitted, "{text}");
        assert!(window.unknown() || !lookback.more, "{text}");
        if !window.unknown() {
            let reads = window.fitted(fitted, None).unwrap_or_else(|| text.clone());
            let read = parse(&reads).sound().unwrap();
            assert!(analyse(&read).lookback().known <= fitted, "{text}");
        }
    }
}

#[test]
fn what_is_told_of_a_query_is_a_query_itself() {
    for (text, expr) in queries() {
        let whole = empty_ratio(&text, &expr);
        let parts = comparison_operands(&text, &expr).into_iter().chain(whole);
        for part in parts.chain(Window::of(&text, &expr).selectors().iter().cloned()) {
            assert!(parse(&part).sound().is_ok(), "{text}: {part}");
        }
        if let Ok(counter) = counter_selector(&text, Options::default()) {
            assert_eq!(counter_selector(&counter.text, Options::default()).as_ref(), Ok(&counter), "{text}");
        }
    }
}
