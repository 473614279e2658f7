//! Lints of when a query looks: ranges too short and too long, steps, offsets and fixed times. Must not guess what a
//! template puts in.

use super::{Asked, scrape_interval, shown, sound};
use crate::policy::lint::{Cx, Rule};
use crate::policy::problem::{Problem, Severity};
use crate::promql::ast::{AtTime, Modifiers, Node};

/// The lints of this file.
pub(in crate::policy::lint) const RULES: &[Rule] = &[
    Rule {
        id: RANGE_TOO_SHORT,
        severity: Severity::Warning,
        summary: "a range of fewer than four samples: one missed scrape leaves it without a value",
        check: range_too_short,
    },
    Rule {
        id: "fine-subquery",
        severity: Severity::Note,
        summary: "a subquery that is evaluated more often than there are samples",
        check: fine_subquery,
    },
    Rule {
        id: "looks-ahead",
        severity: Severity::Warning,
        summary: "a negative `offset`: it asks for what has not happened at the tick",
        check: looks_ahead,
    },
    Rule {
        id: "fixed-time",
        severity: Severity::Warning,
        summary: "`@` with a fixed time: the answer is the same at every tick and for every deployment",
        check: fixed_time,
    },
];

/// The id of ranges of few samples, as far as one can tell without asking.
pub(crate) const RANGE_TOO_SHORT: &str = "range-too-short";

/// Samples that a range should hold.
pub(crate) const SAMPLES: u32 = 4;

/// The functions that need two samples to say anything.
pub(crate) const OF_TWO: &[&str] = &[
    "rate",
    "irate",
    "increase",
    "delta",
    "idelta",
    "deriv",
    "predict_linear",
    "double_exponential_smoothing",
];

fn range_too_short(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        let interval = scrape_interval(cx, asked.check);
        for expr in asked.expr.all() {
            let Node::Call(call) = &expr.node else { continue };
            let Some(Node::Range(range)) = call.args.first().map(|arg| &arg.bare().node) else { continue };
            let reach = range.range.reach();
            let least = interval.saturating_mul(SAMPLES);
            if !call.is_any(OF_TWO) || reach.more || reach.known >= least {
                continue;
            }
            let (function, length) = (&call.name.text, shown(reach.known));
            let (interval, least) = (shown(interval), shown(least));
            let message = format!("`{function}` over `{length}` is less than four intervals of `{interval}`");
            let problem = asked
                .problem(range.brackets, message)
                .help(format!("one missed scrape leaves it without a value: look back `{least}` or more"));
            let edits = vec![(range.range.span, least)];
            found.push(asked.mended(problem, "look back four intervals", false, edits));
        }
    }
}

fn fine_subquery(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        let interval = scrape_interval(cx, asked.check);
        for expr in asked.expr.all() {
            let Node::Subquery(subquery) = &expr.node else { continue };
            let Some(step) = &subquery.step else { continue };
            let reach = step.reach();
            if reach.more || reach.known.is_zero() || reach.known >= interval {
                continue;
            }
            let (step_text, interval) = (shown(reach.known), shown(interval));
            let message =
                format!("a step of `{step_text}` is finer than samples that come each `{interval}`");
            let help = format!("it costs more and says nothing more: a step of `{interval}` does");
            let problem = asked.problem(step.span, message).help(help);
            let edits = vec![(step.span, interval)];
            found.push(asked.mended(problem, "step with the samples", false, edits));
        }
    }
}

/// Every `offset` and `@` of the query.
fn modifiers<'q>(asked: Asked<'q>) -> impl Iterator<Item = &'q Modifiers> {
    asked.expr.all().into_iter().filter_map(|expr| match &expr.node {
        Node::Selector(selector) => Some(&selector.modifiers),
        Node::Range(range) => Some(&range.modifiers),
        Node::Subquery(subquery) => Some(&subquery.modifiers),
        _ => None,
    })
}

fn looks_ahead(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for modifiers in modifiers(asked) {
            let Some(offset) = &modifiers.offset else { continue };
            if offset.seconds().is_some_and(|seconds| seconds < 0.0) {
                let message = "a negative `offset` asks for what has not happened at the tick";
                found.push(
                    asked
                        .problem(offset.span, message)
                        .help("to wait until data is complete, set the integration's `delay`"),
                );
            }
        }
    }
}

fn fixed_time(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for modifiers in modifiers(asked) {
            let Some(at) = modifiers.at else { continue };
            if let AtTime::Seconds(_) = at.time {
                let message = "this looks at the same moment at every tick, whatever is deployed";
                found.push(
                    asked
                        .problem(at.span, message)
                        .help("leave it out, or write `@ {{deployed_at}}` for the state at the deployment"),
                );
            }
        }
    }
}
