//! Lints of histograms and quantiles: what their functions need to be given. Must not take a metric for a classic
//! histogram that is not named like one.

use super::labels::{chooses, keeps};
use super::{Asked, selectors, sound, written_name};
use crate::policy::lint::{Cx, Rule};
use crate::policy::problem::{Problem, Severity};
use crate::promql::ast::{Aggregation, AggregationOp, Call, Expr, MatchOp, Node, Span};
use crate::promql::write_number;

/// The lints of this file.
pub(in crate::policy::lint) const RULES: &[Rule] = &[
    Rule {
        id: "quantile-without-le",
        severity: Severity::Warning,
        summary: "`histogram_quantile` of buckets whose label `le` was aggregated away",
        check: quantile_without_le,
    },
    Rule {
        id: "quantile-out-of-range",
        severity: Severity::Warning,
        summary: "a quantile that is not from 0 to 1: the result is infinite",
        check: quantile_out_of_range,
    },
    Rule {
        id: "quantile-of-no-buckets",
        severity: Severity::Warning,
        summary: "`histogram_quantile` of a metric that has no buckets",
        check: quantile_of_no_buckets,
    },
    Rule {
        id: "mean-of-quantiles",
        severity: Severity::Warning,
        summary: "a sum or mean of quantiles, which is the quantile of nothing",
        check: mean_of_quantiles,
    },
];

/// The functions that look at the buckets of a histogram, and which argument that is.
const OF_BUCKETS: &[(&str, usize)] =
    &[("histogram_quantile", 1), ("histogram_fraction", 2), ("histogram_quantiles", 0)];

/// The histograms of the query: each call and what it looks at.
pub(crate) fn histograms(expr: &Expr) -> impl Iterator<Item = (&Call, &Expr)> {
    expr.all().into_iter().filter_map(|one| {
        let Node::Call(call) = &one.node else { return None };
        let (_, index) = OF_BUCKETS.iter().find(|(name, _)| call.is_any(&[name]))?;
        Some((&**call, call.args.get(*index)?))
    })
}

/// Whether `name` is that of a classic histogram's buckets, recorded ones included.
fn is_bucket(name: &str) -> bool {
    name.ends_with("_bucket") || name.contains("_bucket:")
}

fn quantile_without_le(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for (call, buckets) in histograms(asked.expr) {
            losing(buckets, true, &mut |aggregation, sure| {
                found.push(without_le(asked, call, aggregation, sure));
            });
        }
    }
}

/// Tells `see` of each outermost aggregation below `expr` that loses `le`, and whether it gives the buckets themselves.
fn losing<'e>(expr: &'e Expr, sure: bool, see: &mut impl FnMut(&'e Aggregation, bool)) {
    match &expr.node {
        Node::Aggregation(aggregation) => {
            let of_buckets =
                selectors(expr).any(|(selector, _)| written_name(selector).is_some_and(is_bucket));
            if of_buckets && keeps(aggregation, "le") == Some(false) {
                see(aggregation, sure);
            } else {
                losing(&aggregation.expr, sure, see);
            }
        }
        Node::Paren(inner) => losing(inner, sure, see),
        _ => expr.children().into_iter().for_each(|below| losing(below, false, see)),
    }
}

fn without_le(asked: Asked<'_>, call: &Call, aggregation: &Aggregation, sure: bool) -> Problem {
    let op = aggregation.op.word();
    let message = format!("`{}` needs the label `le`, and this `{op}` drops it", call.name.text);
    let Some(grouping) = &aggregation.grouping else {
        let problem = asked.problem(aggregation.op_span, message);
        let problem = problem.help("without buckets there is no quantile: keep them apart `by (le)`");
        let edits = vec![(aggregation.body.after(), " by (le)".to_owned())];
        return asked.mended(problem, "keep `le`", sure, edits);
    };
    let problem = asked.problem(grouping.span, message);
    if !grouping.without {
        let problem = problem.help("without buckets there is no quantile: add `le` to the labels");
        let edit = match grouping.labels.last() {
            Some(last) => (last.span.after(), ", le".to_owned()),
            None => (grouping.span, "by (le)".to_owned()),
        };
        return asked.mended(problem, "keep `le`", sure, vec![edit]);
    }
    let problem = problem.help("without buckets there is no quantile: take `le` out of the list");
    let le = grouping.labels.iter().position(|name| &*name.text == "le");
    let gone = le.and_then(|at| {
        let before = at.checked_sub(1).and_then(|before| grouping.labels.get(before));
        match (before, grouping.labels.get(at + 1)) {
            (_, Some(next)) => Some(Span { start: grouping.labels[at].span.start, end: next.span.start }),
            (Some(before), None) => Some(Span { start: before.span.end, end: grouping.labels[at].span.end }),
            // Nothing would be left to leave out.
            (None, None) => None,
        }
    });
    match gone {
        Some(span) => asked.mended(problem, "keep `le`", sure, vec![(span, String::new())]),
        None => problem,
    }
}

fn quantile_out_of_range(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for expr in asked.expr.all() {
            let quantiles: Vec<&Expr> = match &expr.node {
                Node::Call(call) if call.is_any(&["histogram_quantile", "quantile_over_time"]) => {
                    call.args.first().into_iter().collect()
                }
                Node::Call(call) if call.is_any(&["histogram_quantiles"]) => {
                    call.args.iter().skip(2).collect()
                }
                Node::Aggregation(one) if one.op == AggregationOp::Quantile => one.param.iter().collect(),
                _ => continue,
            };
            for quantile in quantiles {
                let Node::Number(value) = quantile.bare().node else { continue };
                if !(0.0..=1.0).contains(&value) {
                    found.push(out_of_range(asked, quantile, value));
                }
            }
        }
    }
}

fn out_of_range(asked: Asked<'_>, quantile: &Expr, value: f64) -> Problem {
    let infinite = if value > 1.0 { "+Inf" } else { "-Inf" };
    let message = format!(
        "expected a quantile from 0 to 1, found `{}`: the result is always `{infinite}`",
        asked.raw(quantile.span)
    );
    let problem = asked.problem(quantile.span, message);
    if value <= 1.0 || value >= 100.0 {
        return problem.help("the 95th percentile is written `0.95`");
    }
    // A percentile: as decimal digits, so that 99.9 becomes 0.999 and nothing near it.
    let share = format!("{:.6}", value / 100.0);
    let share = share.trim_end_matches('0').to_owned();
    let problem = problem.help(format!("the percentile {} is the quantile `{share}`", write_number(value)));
    // Nobody watches the second percentile: what is that small may be a slip of another kind.
    asked.mended(problem, "write it as a quantile", value >= 50.0, vec![(quantile.span, share)])
}

fn quantile_of_no_buckets(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for (call, buckets) in histograms(asked.expr) {
            for (selector, span) in selectors(buckets) {
                let Some(name) = written_name(selector).filter(|name| !super::is_recorded(name)) else {
                    continue;
                };
                let base = ["_count", "_sum", "_total"].iter().find_map(|end| name.strip_suffix(end));
                let Some(base) = base else { continue };
                let message = format!("`{}` needs buckets, and `{name}` has none", call.name.text);
                let problem = asked.problem(span, message);
                let problem = problem.help(format!("a classic histogram's are `{base}_bucket`"));
                let problem = Problem { help: problem.help.map(|help| asked.query.shown(&help)), ..problem };
                let edits = match &selector.name {
                    Some(name) if !name.text.ends_with("_total") => {
                        vec![(name.span, format!("{base}_bucket"))]
                    }
                    _ => Vec::new(),
                };
                found.push(if edits.is_empty() {
                    problem
                } else {
                    asked.mended(problem, "ask for the buckets", false, edits)
                });
            }
        }
    }
}

fn mean_of_quantiles(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for expr in asked.expr.all() {
            let (inner, word, span) = match &expr.node {
                Node::Aggregation(one) if matches!(one.op, AggregationOp::Avg | AggregationOp::Sum) => {
                    (&one.expr, one.op.word(), one.op_span)
                }
                Node::Call(call) if call.is_any(&["avg_over_time", "sum_over_time"]) => {
                    let Some(Node::Subquery(subquery)) = call.args.first().map(|arg| &arg.bare().node) else {
                        continue;
                    };
                    (&subquery.expr, call.name.text.as_ref(), call.name.span)
                }
                _ => continue,
            };
            let Some(quantile) = quantile(inner) else { continue };
            let message = format!("the `{word}` of quantiles is no quantile of anything");
            let help = match &quantile.node {
                Node::Call(_) => {
                    "aggregate the buckets first: `histogram_quantile(…, sum by (le) (rate(…)))`; or take the `max`"
                }
                _ => "a summary's quantiles cannot be aggregated: take the `max`, or use a histogram",
            };
            found.push(asked.query.problem(&[span, quantile.span], message).help(help));
        }
    }
}

/// The quantile that `expr` is: of a histogram, or a summary's.
fn quantile(expr: &Expr) -> Option<&Expr> {
    let expr = expr.bare();
    match &expr.node {
        Node::Call(call) if call.is_any(&["histogram_quantile"]) => Some(expr),
        Node::Selector(selector) => {
            let mut matchers = selector.matchers.iter();
            matchers.any(|m| &*m.label.text == "quantile" && m.op == MatchOp::Equal).then_some(expr)
        }
        Node::Aggregation(one) if chooses(one.op) => quantile(&one.expr),
        _ => None,
    }
}
