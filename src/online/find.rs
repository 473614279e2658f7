//! What follows for a query from what its source has told. Pure; must not ask, and must keep silent where something is
//! not known.

mod selectors;

use std::time::Duration;

use super::known::{Held, Known};
use super::question::{Question, key};
use crate::check::explore::MetricType;
use crate::policy::lint::online::{
    COSTLY_QUERY, FEW_SAMPLES, LIMIT_ABOVE_BUCKETS, NO_RESULT, OTHER_HISTOGRAM, QUERY_FAILS, WRONG_TYPE,
    found,
};
use crate::policy::lint::queries::histograms::histograms;
use crate::policy::lint::queries::rates::{is_counter, is_gauge};
use crate::policy::lint::queries::taken::{Taken, rates, raw_counters};
use crate::policy::lint::queries::times::{OF_TWO, SAMPLES};
use crate::policy::lint::queries::{selectors as selectors_of, written_name};
use crate::policy::problem::Problem;
use crate::promql::analysis::Use;
use crate::promql::ast::{AggregationOp, BinaryOp, Call, Expr, Node, Span};
use crate::promql::{write_duration, write_number};

/// Samples beyond which a query is costly; Prometheus refuses more than fifty million at once.
const SAMPLES_OF_A_QUERY: u64 = 1_000_000;

/// What is found against `question`.
pub(super) fn find(question: &Question<'_>, known: &Known) -> Vec<Problem> {
    let mut problems = Vec::new();
    answer(question, known, &mut problems);
    selectors::find(question, known, &mut problems);
    types(question, known, &mut problems);
    samples(question, known, &mut problems);
    limits(question, known, &mut problems);
    problems
}

/// All of the query.
fn whole(question: &Question<'_>) -> Span {
    let end = u32::try_from(question.text().len()).unwrap_or(u32::MAX);
    question.expr().map_or(Span { start: 0, end }, |expr| expr.span)
}

fn answer(question: &Question<'_>, known: &Known, problems: &mut Vec<Problem>) {
    let place = whole(question);
    let (answer, cost) = match known.priced.get(question.text()) {
        Some(Ok(told)) => told,
        Some(Err(reason)) => {
            let help = "in the gate each tick of this check is an error, and the check inconclusive";
            return problems.push(found(QUERY_FAILS, question.problem(place, reason.clone()).help(help)));
        }
        None => return,
    };
    let limit = question.timeout / 2;
    let samples = cost.samples.filter(|samples| *samples > SAMPLES_OF_A_QUERY);
    if samples.is_some() || cost.took > limit {
        let looks = samples.map(|samples| format!("looks at {} samples", grouped(samples as f64)));
        let takes = (cost.took > limit).then(|| {
            let (took, timeout) = (rounded(cost.took), humantime::format_duration(question.timeout));
            format!("takes {took} of the {timeout} it may take")
        });
        let what: Vec<String> = looks.into_iter().chain(takes).collect();
        let message = format!("this query {}", what.join(" and "));
        let help = "choose fewer series, shorten its ranges, or record a part of it";
        problems.push(found(COSTLY_QUERY, question.problem(place, message).help(help)));
    }
    let held = |one: &Use<'_>| {
        !one.is_shifted() && matches!(known.held.get(&key(one.selector)), Some(Held::Series(_)))
    };
    let uses = question.uses();
    if answer.series.is_empty()
        && !question.may_be_empty
        && !uses.is_empty()
        && uses.iter().all(|(one, _)| held(one))
    {
        let message = "this gives no series now, and each of its selectors has some";
        let help =
            "do both sides of each operator have the same labels, and does a comparison leave all out?";
        problems.push(found(NO_RESULT, question.problem(place, message).help(help)));
    }
}

fn types(question: &Question<'_>, known: &Known, problems: &mut Vec<Problem>) {
    let Some(expr) = question.expr() else { return };
    let is = |name: &str, kind| known.types.get(name) == Some(&kind);
    for (call, selector, span) in rates(expr) {
        let Some(name) = written_name(selector).filter(|name| is(name, MetricType::Gauge)) else { continue };
        // Its name has told already.
        if is_gauge(name) {
            continue;
        }
        let function = &call.name.text;
        let message =
            format!("`{function}` takes `{name}` for a counter, and its exporter says it is a gauge");
        let help = "every fall of a gauge counts as a restart: `deriv` and `delta` tell how it changes";
        let problem = question.query.problem(&[call.name.span, span], message);
        problems.push(found(WRONG_TYPE, problem.help(help)));
    }
    let names: Vec<&str> = selectors_of(expr).filter_map(|(selector, _)| written_name(selector)).collect();
    let told = |name: &str| is(name, MetricType::Counter) && !is_counter(name, &names);
    for taken in raw_counters(expr, &told) {
        let (spans, name) = match taken {
            Taken::Raw(selector, span) => (vec![span], written_name(selector)),
            Taken::Gauge(call, selector, span, _) => (vec![call.name.span, span], written_name(selector)),
        };
        let message = format!(
            "`{}` is a counter, as its exporter says, and its value counts since its process began",
            name.unwrap_or_default()
        );
        let problem = question.query.problem(&spans, message);
        problems.push(found(WRONG_TYPE, problem.help("take its `rate` or `increase` over a range")));
    }
    for (call, buckets) in histograms(expr) {
        for (selector, span) in selectors_of(buckets) {
            if let (Some(name), Some(names)) = (selector.metric(), &known.names)
                && !names.contains(name)
            {
                problems.extend(other_histogram(question, call, name, span, &|name| names.contains(name)));
            }
        }
    }
}

/// The problem of a histogram that is there in the other form.
fn other_histogram(
    question: &Question<'_>,
    call: &Call,
    name: &str,
    span: Span,
    there: &dyn Fn(&str) -> bool,
) -> Option<Problem> {
    let function = &call.name.text;
    let (message, help) = match name.strip_suffix("_bucket") {
        Some(base) => (
            there(base).then(|| {
                format!("there is no `{name}`, and there is `{base}`: a native histogram has no `_bucket`")
            })?,
            format!("write `{function}(…, sum(rate({base}[…])))`, without `le`"),
        ),
        None => (
            there(&format!("{name}_bucket")).then(|| {
                format!("there is no native histogram `{name}`, and there are classic buckets of it")
            })?,
            format!("write `{function}(…, sum by (le) (rate({name}_bucket[…])))`"),
        ),
    };
    Some(found(OTHER_HISTOGRAM, question.problem(span, message).help(help)))
}

/// The ranges that need two samples and whose samples are known: each, with how far apart they are.
fn ranges<'q>(question: &'q Question<'_>, known: &Known) -> Vec<(Use<'q>, Duration, Duration)> {
    let told = |(one, _): (Use<'q>, bool)| {
        let (range, function) = (one.range?, one.function?);
        let interval = known.intervals.get(&key(one.selector))?;
        let needs = OF_TWO.contains(&function.name) && !range.more;
        needs.then_some((one, range.known, *interval))
    };
    question.uses().into_iter().filter_map(told).collect()
}

/// Whether `range` holds enough samples; a scrape that came late or early moves their distance a little.
fn enough(range: Duration, interval: Duration) -> bool {
    range >= interval.mul_f64(f64::from(SAMPLES) - 0.5)
}

fn samples(question: &Question<'_>, known: &Known, problems: &mut Vec<Problem>) {
    for (one, range, interval) in ranges(question, known) {
        if enough(range, interval) {
            continue;
        }
        let (length, apart) = (write_duration(range.as_secs_f64()), rounded(interval));
        let function = one.function.map_or("this", |function| function.name);
        let message = format!("`{function}` looks back `{length}`, and samples come each {apart}");
        let least = interval.mul_f64(f64::from(SAMPLES)).as_secs_f64().ceil();
        let help = format!("look back `{}` or more", write_duration(least));
        problems.push(found(FEW_SAMPLES, question.problem(one.span, message).help(help)));
    }
}

/// The ranges that hold enough samples, as problems with nothing to say.
pub(super) fn long_enough(question: &Question<'_>, known: &Known) -> Vec<Problem> {
    let ranges = ranges(question, known).into_iter();
    let long = ranges.filter(|(_, range, interval)| enough(*range, *interval));
    long.map(|(one, ..)| question.problem(one.span, String::new())).collect()
}

/// Limits that the quantile of a classic histogram cannot exceed: it is at most the top of the last finite bucket.
fn limits(question: &Question<'_>, known: &Known, problems: &mut Vec<Problem>) {
    let Some(expr) = question.expr() else { return };
    let (quantile, limit) = match &expr.bare().node {
        Node::Binary(binary) if matches!(binary.op, BinaryOp::Greater | BinaryOp::GreaterOrEqual) => {
            let Node::Number(limit) = binary.right.bare().node else { return };
            (&binary.left, limit)
        }
        _ => {
            let Some(max) = question.judging.and_then(|judging| judging.criterion.max) else { return };
            (expr, max)
        }
    };
    let Some(buckets) = quantile_of(quantile) else { return };
    let tops: Vec<f64> = selectors_of(buckets)
        .filter_map(|(selector, _)| known.buckets.get(&key(selector)))
        .flatten()
        .filter_map(|le| le.parse().ok())
        .collect();
    let top = tops.iter().copied().filter(|top| top.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() || limit < top {
        return;
    }
    let (limit, top) = (write_number(limit), write_number(top));
    let message = format!("the last bucket ends at {top}, so no quantile exceeds the limit {limit}");
    let help = "lower the limit, or give the histogram larger buckets; is one of them in other units?";
    problems.push(found(LIMIT_ABOVE_BUCKETS, question.problem(quantile.span, message).help(help)));
}

/// The buckets that `expr` is the quantile of.
fn quantile_of(expr: &Expr) -> Option<&Expr> {
    match &expr.bare().node {
        Node::Call(call) if call.is_any(&["histogram_quantile"]) => call.args.get(1),
        Node::Aggregation(one) => quantile_of(&one.expr).filter(|_| one.op == AggregationOp::Max),
        _ => None,
    }
}

/// A count with its thousands apart: `12,345`.
fn grouped(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A span no finer than people need: whole seconds, below two of them tenths.
fn rounded(span: Duration) -> String {
    let unit = if span < Duration::from_secs(2) { 100 } else { 1000 };
    let millis = (span.as_millis() + unit / 2) / unit * unit;
    let millis = u64::try_from(millis).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(millis)).to_string()
}
