//! Lints of counters and gauges by their names: what a rate is taken of, and what none is taken of. Must flag clear
//! cases only: a name is a convention, and what a server says of types is asked online.

use super::taken::{Taken, rates, raw_counters};
use super::{Asked, OF_COUNTERS, is_recorded, sound, written_name};
use crate::policy::lint::{Cx, Rule};
use crate::policy::problem::{Problem, Severity};
use crate::promql::ast::{Call, Expr, Node, Span};

/// The lints of this file.
pub(in crate::policy::lint) const RULES: &[Rule] = &[
    Rule {
        id: "rate-of-gauge",
        severity: Severity::Warning,
        summary: "`rate` of a metric that goes up and down: each fall is taken for a restart",
        check: rate_of_gauge,
    },
    Rule {
        id: "counter-without-rate",
        severity: Severity::Warning,
        summary: "a counter's value, which counts since its process began, instead of its rate",
        check: counter_without_rate,
    },
    Rule {
        id: "rate-after-aggregation",
        severity: Severity::Warning,
        summary: "`rate` of what was aggregated before: a restart of one process is no restart of the sum",
        check: rate_after_aggregation,
    },
];

/// How names of gauges end; only such as nobody gives to counters or histograms.
const GAUGES: &[&str] = &[
    "_up",
    "_info",
    "_ratio",
    "_percent",
    "_percentage",
    "_celsius",
    "_timestamp",
    "_timestamp_seconds",
    "_start_time_seconds",
    "_boot_time_seconds",
    "_uptime_seconds",
    "_load1",
    "_load5",
    "_load15",
    "_goroutines",
    "_threads",
    "_in_flight",
    "_inflight",
    "_queue_length",
    "_queue_size",
    "_queue_depth",
    "_consumergroup_lag",
    "_replicas",
    "_open_fds",
    "_max_fds",
    "_resident_memory_bytes",
    "_virtual_memory_bytes",
    "_working_set_bytes",
    "_memory_usage_bytes",
    "_used_bytes",
    "_free_bytes",
    "_avail_bytes",
    "_available_bytes",
    "_inuse_bytes",
    "_alloc_bytes",
    "_limit_bytes",
];

/// How names of gauges end that are a number of things in all.
const TOTALS: &[&str] = &[
    "_memory_total",
    "_swap_total",
    "_disk_total",
    "_space_total",
    "_size_total",
    "_capacity_total",
    "_membership_total",
    "_nodes_total",
    "_workers_total",
    "_replicas_total",
];

/// Whether `name` is surely a gauge's.
pub(crate) fn is_gauge(name: &str) -> bool {
    let family = (name.starts_with("node_memory_") && name.ends_with("_bytes"))
        || (name.starts_with("kube_") && name.contains("_status_") && !name.ends_with("_total"));
    let listed =
        family || name == "up" || name == "probe_success" || GAUGES.iter().any(|end| name.ends_with(end));
    listed && !is_recorded(name)
}

fn rate_of_gauge(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for (call, selector, span) in rates(asked.expr) {
            let Some(name) = written_name(selector).filter(|name| is_gauge(name)) else { continue };
            let function = &call.name.text;
            let instead = match &**function {
                "rate" => "deriv",
                "irate" => "idelta",
                _ => "delta",
            };
            let message = format!("`{function}` takes `{name}` for a counter, and it is named like a gauge");
            let help = format!("every fall of a gauge counts as a restart: `{instead}` tells how it changes");
            let problem = asked.query.problem(&[call.name.span, span], message).help(help);
            let edits = vec![(call.name.span, instead.to_owned())];
            found.push(asked.mended(problem, &format!("take `{instead}`"), false, edits));
        }
    }
}

fn counter_without_rate(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        // Whether there is such a series is no question of its value.
        if asked.wants_nothing() && matches!(asked.expr.bare().node, Node::Selector(_)) {
            continue;
        }
        let names: Vec<&str> =
            super::selectors(asked.expr).filter_map(|(selector, _)| written_name(selector)).collect();
        for taken in raw_counters(asked.expr, &|name| is_counter(name, &names)) {
            found.push(without_rate(asked, &taken));
        }
    }
}

fn without_rate(asked: Asked<'_>, taken: &Taken<'_>) -> Problem {
    match *taken {
        Taken::Gauge(call, selector, span, instead) => {
            let (name, metric) = (&call.name.text, written_name(selector).unwrap_or_default());
            let message = format!("`{name}` takes `{metric}` for a gauge, and it is named like a counter");
            let help = format!("at a restart a counter falls to zero: `{instead}` allows for that");
            let problem = asked.query.problem(&[call.name.span, span], message).help(help);
            let edits = vec![(call.name.span, instead.to_owned())];
            asked.mended(problem, &format!("take `{instead}`"), false, edits)
        }
        Taken::Raw(selector, span) => {
            let (name, text) = (written_name(selector).unwrap_or_default(), asked.raw(span));
            let message =
                format!("`{name}` is named like a counter, and its value counts since its process began");
            let problem = asked.problem(span, message);
            if selector.modifiers.offset.is_some() || selector.modifiers.at.is_some() {
                return problem.help("take its `rate` or `increase` over a range");
            }
            let rate = asked.query.shown(&format!("rate({text}[5m])"));
            let problem = problem.help(format!("take its rate: `{rate}`"));
            let edits = vec![(span.before(), "rate(".to_owned()), (span.after(), "[5m])".to_owned())];
            asked.mended(problem, "take its rate", false, edits)
        }
    }
}

/// Whether `name` is surely a counter's; `_sum` and `_count` are where both, or buckets, are among the `names` asked for.
pub(crate) fn is_counter(name: &str, names: &[&str]) -> bool {
    if is_recorded(name) || TOTALS.iter().any(|end| name.ends_with(end)) {
        return false;
    }
    let has = |base: &str, end: &str| names.iter().any(|n| n.strip_suffix(end) == Some(base));
    let part = |base: &str, other: &str| has(base, other) || has(base, "_bucket");
    name.ends_with("_total")
        || name.ends_with("_bucket")
        || name.strip_suffix("_sum").is_some_and(|base| part(base, "_count"))
        || name.strip_suffix("_count").is_some_and(|base| part(base, "_sum"))
}

fn rate_after_aggregation(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for expr in asked.expr.all() {
            let Node::Call(call) = &expr.node else { continue };
            if !call.is_any(OF_COUNTERS) {
                continue;
            }
            match call.args.first().map(|arg| &arg.bare().node) {
                Some(Node::Subquery(subquery)) => found.extend(over_subquery(asked, expr, call, subquery)),
                Some(Node::Range(range)) => {
                    if let Node::Selector(selector) = &range.selector.node
                        && let Some(operation) = written_name(selector).and_then(operation)
                    {
                        let name = written_name(selector).unwrap_or_default();
                        let function = &call.name.text;
                        let message =
                            format!("`{function}` of `{name}`, which is recorded as `{operation}` already");
                        let help =
                            "record the counter's rate first and aggregate that, or ask the counter itself";
                        found.push(
                            asked.query.problem(&[call.name.span, range.selector.span], message).help(help),
                        );
                    }
                }
                _ => {}
            }
        }
    }
}

fn over_subquery(
    asked: Asked<'_>,
    expr: &Expr,
    call: &Call,
    subquery: &crate::promql::ast::Subquery,
) -> Option<Problem> {
    let inner = subquery.expr.bare();
    let function = &call.name.text;
    match &inner.node {
        Node::Aggregation(aggregation) => {
            let op = aggregation.op.word();
            let message = format!(
                "`{function}` of a `{op}`: where one counter restarts, the `{op}` only falls a little"
            );
            let problem = asked.query.problem(&[call.name.span, aggregation.op_span], message);
            let problem = problem.help(format!("take the rate first: `{op}({function}(…))`"));
            let Node::Selector(selector) = &aggregation.expr.bare().node else { return Some(problem) };
            let plain = selector.modifiers.offset.is_none() && selector.modifiers.at.is_none();
            if !plain || subquery.modifiers.offset.is_some() || subquery.modifiers.at.is_some() {
                return Some(problem);
            }
            let text = |start: u32, end: u32| asked.raw(Span { start, end });
            let mended = format!(
                "{}{function}({}[{}]){}",
                text(inner.span.start, aggregation.expr.span.start),
                asked.raw(aggregation.expr.bare().span),
                asked.raw(subquery.range.span),
                text(aggregation.expr.span.end, inner.span.end),
            );
            Some(asked.mended(problem, "take the rate first", false, vec![(expr.span, mended)]))
        }
        Node::Call(inner) if inner.is_any(OF_COUNTERS) => {
            let message = format!("`{function}` of `{}`, which is no counter any more", inner.name.text);
            let help =
                "a rate goes up and down: `deriv` tells how it changes, `max_over_time` how high it went";
            Some(asked.query.problem(&[call.name.span, inner.name.span], message).help(help))
        }
        _ => None,
    }
}

/// What the name of a recorded series says was done to it, as in `job:requests:sum`.
fn operation(name: &str) -> Option<&str> {
    const DONE: &[&str] =
        &["sum", "avg", "mean", "min", "max", "count", "rate", "irate", "increase", "delta", "ratio"];
    let (_, last) = name.rsplit_once(':')?;
    // `rate5m` says over how long.
    let is = |word: &str, done: &str| {
        word.strip_prefix(done).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    last.split('_').any(|word| DONE.iter().any(|done| is(word, done))).then_some(last)
}
