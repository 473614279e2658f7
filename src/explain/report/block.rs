//! One check of a report in words: at length where it decided, in a line where it did not. Must show values with their
//! limit, and breaches with their times.

use jiff::Timestamp;

use super::super::page::Page;
use super::super::query;
use super::LONG;
use super::numbers::spread;
use super::wire::{Check, Limits, Report, Sample};
use crate::gate::outcome::{Outcome, State};
use crate::host::clock::between;
use crate::policy::criterion::{Criterion, Number};
use crate::policy::spoken::{count, number, span};
use crate::promql::ast::Span;
use crate::promql::{Options, parse};
use crate::report::words::{clock, cut, series};

/// Breaches that are shown with their times.
const BREACHES: usize = 12;

/// Adds the block of a check that had a part in the verdict.
pub(super) fn show(page: &mut Page<'_>, check: &Check, report: &Report) {
    let kind = check.kind.clone().unwrap_or_else(|| "of no kind".to_owned());
    let place = check.file.as_ref().zip(check.line).map(|(file, line)| format!(", {file}:{line}"));
    let means = match (check.outcome.as_deref(), check.contribution.as_deref()) {
        (Some(outcome), Some(contribution)) if outcome != contribution => {
            format!(": {outcome}, which means {contribution}")
        }
        (Some(outcome), _) => format!(": {outcome}"),
        _ => String::new(),
    };
    page.heading(&format!("{} ({kind}{}){means}", check.name(), place.unwrap_or_default()));
    let text = |text: &Option<String>| text.as_deref().map(|text| cut(text, LONG)).unwrap_or_default();
    page.entry("about", &text(&check.description));
    if let Some(asked) = &check.query {
        page.verbatim("asked", &cut(asked, 5 * LONG));
        page.entry("that is", &in_words(check, asked).unwrap_or_default());
    }
    page.entry("came to", &text(&check.reason));
    page.entry("limit", &limit(check));
    let from = report.deployed_at.or(report.window.as_ref().and_then(|window| window.open));
    if check.events.is_none() {
        breaches(page, check, from, report.deployed_at);
    }
    trend(page, check);
    page.entry("unjudged", &unjudged(check));
    if check.samples.is_none() {
        page.entry("samples", "the report holds none of this check");
    }
    page.entry("runbook", &text(&check.runbook_url));
    page.entry("dashboard", &text(&check.dashboard_url));
}

/// What a check came to, in a line.
pub(super) fn line(check: &Check) -> String {
    let outcome = check.outcome.as_deref().unwrap_or("still being watched");
    let dry = if check.dry_run { ", a dry run, not counted" } else { "" };
    let means = match (check.contribution.as_deref(), check.outcome.as_deref()) {
        (Some(contribution), Some(outcome))
            if outcome != Outcome::Passed.word() && contribution != outcome =>
        {
            format!(" ({contribution})")
        }
        _ => String::new(),
    };
    let reason = check.reason.as_deref().filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| format!(": {}", cut(reason, LONG))).unwrap_or_default();
    let values = worst(check).map(|worst| format!("; {worst}")).unwrap_or_default();
    let unjudged = unjudged(check);
    // The reason of an inconclusive check says the same.
    let unjudged = if unjudged.is_empty() || check.outcome.as_deref() == Some(Outcome::Inconclusive.word()) {
        String::new()
    } else {
        format!("; not judged: {unjudged}")
    };
    format!("{outcome}{means}{dry}{reason}{values}{unjudged}")
}

/// The query in words, where it is PromQL that is understood.
fn in_words(check: &Check, asked: &str) -> Option<String> {
    check.source.as_ref()?;
    let expr = parse(asked, Options::default()).sound().ok()?;
    let text = |span: Span| asked.get(span.range()).unwrap_or_default().to_owned();
    query::words(&expr, &text)
}

fn limit(check: &Check) -> String {
    let Some(limits) = &check.criterion else { return String::new() };
    let require = match limits.require.as_deref() {
        Some("any") => " in at least one series",
        Some(share) => return format!("{} in at least {share} of the series", in_limits(limits)),
        None => "",
    };
    format!("{}{require}", in_limits(limits))
}

fn in_limits(limits: &Limits) -> String {
    if limits.expect_empty {
        return "no series at all".to_owned();
    }
    let Criterion { expected, min, max } = limits.criterion();
    let [more, less] = limits.changes();
    let said = [
        expected.map(|(expected, off)| match off {
            0.0 => number(expected),
            off => format!("{}, give or take {}", number(expected), number(off)),
        }),
        min.map(|min| format!("at or above {}", number(min))),
        max.map(|max| format!("at or below {}", number(max))),
        more.map(|more| format!("at most {} above its baseline", cut(more, LONG))),
        less.map(|less| format!("at most {} below its baseline", cut(less, LONG))),
    ];
    series(&said.into_iter().flatten().collect::<Vec<_>>())
}

/// `0.08`, or the reason of a sample without a value.
fn seen(sample: &Sample) -> String {
    let series =
        sample.series.filter(|series| *series > 1).map(|series| format!(" (worst of {series} series)"));
    match (sample.worst(), &sample.reason) {
        (Some(value), _) => format!("{}{}", Number(value), series.unwrap_or_default()),
        (None, Some(reason)) => cut(reason, LONG),
        (None, None) => "no value".to_owned(),
    }
}

/// The breaches that failed it, with their times, and when the first came.
fn breaches(page: &mut Page<'_>, check: &Check, day: Option<Timestamp>, deployed: Option<Timestamp>) {
    let all: Vec<&Sample> = check.samples().iter().filter(|sample| sample.is(State::Breach)).collect();
    let Some(first) = all.first() else { return };
    let decisive = check.decisive();
    let (shown, how) = if decisive.is_empty() {
        (all.clone(), format!("{} in all", all.len()))
    } else {
        let rule = check.rule().map_or(String::new(), |(max, within)| match max {
            1 => "one fails it; this did".to_owned(),
            max => format!("{max} within {} fail it; these did", count(u64::from(within), "judged sample")),
        });
        (decisive, rule)
    };
    let at = |sample: &Sample| {
        sample.at.map_or("at an unknown time".to_owned(), |at| clock(at, day.unwrap_or(at)))
    };
    let said: Vec<String> =
        shown.iter().take(BREACHES).map(|sample| format!("{} {}", at(sample), seen(sample))).collect();
    let more = shown.len().saturating_sub(BREACHES);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    page.entry("breaches", &format!("{how}: {}{more}", said.join(", ")));
    let after = first.at.zip(deployed).filter(|(at, deployed)| at >= deployed);
    let after = after.map(|(at, deployed)| format!(", {} after the deployment", span(between(deployed, at))));
    page.entry("first", &format!("{}{}", at(first), after.unwrap_or_default()));
}

/// What the values were before the first breach and from it on.
fn trend(page: &mut Page<'_>, check: &Check) {
    let judged: Vec<&Sample> = check.judged_samples().collect();
    let first = judged.iter().position(|sample| sample.is(State::Breach)).unwrap_or(judged.len());
    let (before, after) = judged.split_at(first);
    let said = |samples: &[&Sample]| {
        let (least, middle, most) = spread(samples.iter().filter_map(|sample| sample.worst()))?;
        let samples = count(samples.len() as u64, "judged sample");
        Some(if least.total_cmp(&most).is_eq() {
            format!("{samples}, {}", Number(least))
        } else {
            format!("{samples}, {} to {}, median {}", Number(least), Number(most), Number(middle))
        })
    };
    let key = if after.is_empty() { "values" } else { "before" };
    page.entry(key, &said(before).unwrap_or_default());
    let factor = check.criterion.as_ref().and_then(|limits| factor(limits, after)).unwrap_or_default();
    page.entry("since", &said(after).map(|said| format!("{said}{factor}")).unwrap_or_default());
}

/// `; the median is 7.9 times the limit`.
fn factor(limits: &Limits, samples: &[&Sample]) -> Option<String> {
    let limit = limits.criterion().max.filter(|max| *max > 0.0 && !limits.expect_empty)?;
    let (_, middle, _) = spread(samples.iter().filter_map(|sample| sample.worst()))?;
    let times = middle / limit;
    (times.is_finite() && times >= 1.05).then(|| format!("; the median is {times:.1} times the limit"))
}

/// The value nearest to its limit, or farthest beyond.
fn worst(check: &Check) -> Option<String> {
    let limits = check.criterion.as_ref()?;
    let criterion = limits.criterion();
    if criterion.is_empty() {
        return None;
    }
    let values = check.judged_samples().filter_map(Sample::worst);
    let (least, _, most) = spread(values.clone())?;
    let seen = if least.total_cmp(&most).is_eq() {
        Number(most).to_string()
    } else {
        format!("{} to {}", Number(least), Number(most))
    };
    Some(format!("values {seen}, limit {}", in_limits(limits)))
}

/// `2 without data, 3 errors, the last: connection refused`.
fn unjudged(check: &Check) -> String {
    let said = counts(check);
    if said.is_empty() {
        return said;
    }
    let last = check.samples().iter().rev().find(|sample| !sample.judged() && sample.reason.is_some());
    let last = last.and_then(|sample| sample.reason.as_deref());
    let last = last.map(|why| format!("; the last: {}", cut(why, LONG))).unwrap_or_default();
    format!("{said}{last}")
}

/// `2 without data, 3 that could not be asked`.
pub(super) fn counts(check: &Check) -> String {
    let counted = [
        (check.no_data, "without data"),
        (check.no_traffic, "without traffic"),
        (check.errors, "that could not be asked"),
        (check.settling, "of before the deployment"),
        (check.missed, "never asked"),
    ];
    let said: Vec<String> = counted
        .into_iter()
        .filter_map(|(number, what)| Some(format!("{} {what}", number.filter(|number| *number > 0)?)))
        .collect();
    said.join(", ")
}
