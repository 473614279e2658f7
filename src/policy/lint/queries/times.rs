//! Lints of when a query looks: ranges too short and too long, steps, offsets and fixed times. Must not guess what a
//! template puts in.

use std::time::Duration;

use super::{Asked, known, scrape_interval, shown, sound};
use crate::policy::lint::{CheckCx, Cx, Rule};
use crate::policy::problem::{Problem, Severity};
use crate::promql::analysis::analyse;
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
        id: "reaches-before-deployment",
        severity: Severity::Warning,
        summary: "a range longer than the whole window: every sample looks at the old version too",
        check: reaches_before_deployment,
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

/// How long the check is watched after the deployment, warm-up included; `None` where that is not written.
fn watched(cx: &Cx<'_>, check: &CheckCx<'_>) -> Option<Duration> {
    let window = &cx.spec.window;
    let own = check.check.envelope.duration.as_ref().or(window.duration.as_ref());
    let duration = match own {
        Some(written) => *known(Some(written))?,
        // The longest that any check names holds for all.
        None => {
            let written = cx.checks.iter().filter_map(|one| one.check.envelope.duration.as_ref());
            written.map(|value| known(Some(value)).copied()).collect::<Option<Vec<_>>>()?.into_iter().max()?
        }
    };
    let warm_up = match &window.warm_up {
        Some(written) => *known(Some(written))?,
        None => (duration / 5).min(Duration::from_secs(60)),
    };
    // A single sample has no window; when it is taken is the run's to say.
    (!duration.is_zero()).then(|| duration.saturating_add(warm_up))
}

fn reaches_before_deployment(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        let Some(watched) = watched(cx, asked.check) else { continue };
        let analysis = analyse(asked.expr);
        let lookback = analysis.lookback();
        if lookback.known <= watched {
            continue;
        }
        let farthest =
            analysis.uses.iter().filter(|one| !one.is_shifted()).max_by_key(|one| one.reach().known);
        let Some(farthest) = farthest else { continue };
        let (reach, watched) = (shown(lookback.known), shown(watched));
        let message = format!(
            "this looks back `{reach}`, and the check ends `{watched}` after the deployment: every sample \
             judges the old version too"
        );
        let help = "shorten the range, or lengthen the window beyond it";
        found.push(asked.problem(farthest.span, message).help(help));
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
