//! Lints of what a query gives against what its check makes of it: filters, booleans, ratios, and series that come
//! and go. Must not judge the limits themselves.

use super::labels::chooses;
use super::{OF_COUNTERS, sound};
use crate::policy::lint::{CheckCx, Cx, Rule};
use crate::policy::problem::{Problem, Severity};
use crate::promql::ast::{Aggregation, AggregationOp, Binary, BinaryOp, Call, Expr, Node, Span, ValueType};
use crate::promql::write_number;

/// The lints of this file.
pub(in crate::policy::lint) const RULES: &[Rule] = &[
    Rule {
        id: "comparison-drops-series",
        severity: Severity::Warning,
        summary: "a comparison around a query whose values are compared: what does not meet it is gone, and no data",
        check: comparison_drops_series,
    },
    Rule {
        id: "never-empty",
        severity: Severity::Warning,
        summary: "`expect_empty` of a query that gives series whenever there is data",
        check: never_empty,
    },
    Rule {
        id: "absent-with-limit",
        severity: Severity::Warning,
        summary: "`absent` beside a limit: where the metric is there, the result is empty, and no data",
        check: absent_with_limit,
    },
    Rule {
        id: "unstable-series",
        severity: Severity::Note,
        summary: "`topk` and its like: other series may be judged at each tick",
        check: unstable_series,
    },
    Rule {
        id: "exact-fraction",
        severity: Severity::Warning,
        summary: "an exact `expected_value` of a result that is a fraction",
        check: exact_fraction,
    },
    Rule {
        id: "nan-without-traffic",
        severity: Severity::Note,
        summary: "a ratio or quantile that is NaN without traffic, in a check that does not say what that means",
        check: nan_without_traffic,
    },
    Rule {
        id: "experimental-promql",
        severity: Severity::Note,
        summary: "a part of PromQL that servers know only from some version on, behind a flag",
        check: experimental,
    },
];

/// A comparison of series that leaves out those that do not meet it.
fn filter(expr: &Expr) -> Option<&Binary> {
    match &expr.bare().node {
        Node::Binary(binary) if binary.op.is_comparison() && !binary.returns_bool => Some(binary),
        _ => None,
    }
}

/// Whether `expr` is empty where its values would be judged, and `check` does not say what that means.
pub(in crate::policy::lint) fn empties(check: &CheckCx<'_>, expr: &Expr) -> bool {
    check.check.envelope.on.no_data.is_none() && (filter(expr).is_some() || absent(expr).is_some())
}

/// The call of a function that gives 1 or nothing.
fn absent(expr: &Expr) -> Option<&Call> {
    match &expr.bare().node {
        Node::Call(call) if call.is_any(&["absent", "absent_over_time"]) => Some(call),
        _ => None,
    }
}

fn comparison_drops_series(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        // Who says what an empty result means knows of it.
        if !asked.has_limit() || asked.check.check.envelope.on.no_data.is_some() {
            continue;
        }
        let help = "leave the comparison out and let the limit judge, or write `expect_empty: true` instead of the limit";
        if let Some(binary) = filter(asked.expr) {
            let message = format!(
                "this `{}` leaves out what does not meet it: the tick has no data then",
                binary.op.word()
            );
            found.push(asked.problem(binary.op_span, message).help(help));
            continue;
        }
        if let Node::Aggregation(aggregation) = &asked.expr.bare().node
            && matches!(aggregation.op, AggregationOp::Count | AggregationOp::Sum)
            && let Some(binary) = filter(&aggregation.expr)
        {
            let op = aggregation.op.word();
            let message = format!(
                "where no series meets this `{}`, the `{op}` is not 0 but empty: no data",
                binary.op.word()
            );
            let help =
                format!("write `… {0} bool …` inside a `sum`, or `{op}(…) or vector(0)`", binary.op.word());
            found.push(asked.problem(binary.op_span, message).help(help));
        }
    }
}

fn never_empty(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        if !asked.wants_nothing() {
            continue;
        }
        let filled = never_empty_part(asked.expr);
        let Some((span, why)) = filled.map(|part| (part.span, "this is never empty")).or_else(|| {
            let plain = !may_empty(asked.expr);
            plain.then_some((asked.expr.span, "nothing here leaves series out"))
        }) else {
            continue;
        };
        let message = format!("{why}, so `expect_empty` is a breach whenever there is data");
        let help = "compare, as in `… > 0.01`, or write a limit such as `max_value` instead";
        found.push(asked.problem(span, message).help(help));
    }
}

/// The part of `… or vector(0)` that is always there.
fn never_empty_part(expr: &Expr) -> Option<&Expr> {
    match &expr.bare().node {
        Node::Binary(binary) if binary.op == BinaryOp::Or => {
            let always = |side: &Expr| match &side.bare().node {
                Node::Call(call) => call.is_any(&["vector"]),
                _ => false,
            };
            [&binary.right, &binary.left].into_iter().find(|side| always(side))
        }
        _ => None,
    }
}

/// Whether `expr` may be without series though there is data: it leaves some out, or they come and go by nature.
fn may_empty(expr: &Expr) -> bool {
    let itself = match &expr.node {
        Node::Binary(binary) => {
            let filters = binary.op.is_comparison() && !binary.returns_bool;
            // What MetricsQL has is its own business.
            filters || matches!(binary.op, BinaryOp::And | BinaryOp::Unless | BinaryOp::If | BinaryOp::IfNot)
        }
        Node::Call(call) => call.function.is_none() || call.is_any(&["absent", "absent_over_time", "info"]),
        // `kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}` is there only while it holds; what a
        // range is asked of goes on.
        Node::Selector(selector) => super::written_name(selector) != Some("up"),
        Node::Range(_) => return false,
        Node::Hole => true,
        _ => false,
    };
    itself || expr.children().into_iter().any(may_empty)
}

fn absent_with_limit(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        let Some(call) = absent(asked.expr).filter(|_| asked.has_limit()) else { continue };
        // Who says what an empty result means knows of it.
        if asked.check.check.envelope.on.no_data.is_some() {
            continue;
        }
        let message = format!(
            "`{}` gives 1 or nothing: where the metric is there, the tick has no data",
            call.name.text
        );
        let help = "write `expect_empty: true` instead of the limit";
        found.push(asked.problem(call.name.span, message).help(help));
    }
}

fn unstable_series(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    fn walk<'e>(expr: &'e Expr, see: &mut impl FnMut(&'e Aggregation)) {
        match &expr.node {
            Node::Aggregation(one) if chooses(one.op) => see(one),
            // Aggregated again, they are the same series at every tick.
            Node::Aggregation(_) => {}
            // The one of `group_left` is there to be matched, and the right side of a filter to filter.
            Node::Binary(binary)
                if binary.matching.as_ref().is_some_and(|matching| matching.group.is_some()) => {}
            Node::Binary(binary) if matches!(binary.op, BinaryOp::And | BinaryOp::Unless) => {
                walk(&binary.left, see)
            }
            _ => expr.children().into_iter().for_each(|below| walk(below, see)),
        }
    }
    for asked in sound(cx) {
        walk(asked.expr, &mut |one| {
            let op = one.op.word();
            let message = format!("`{op}` may choose other series at each tick");
            let help = match one.op {
                AggregationOp::Topk => "judge all of them, or only the largest with `max`",
                AggregationOp::Bottomk => "judge all of them, or only the smallest with `min`",
                _ => "judge all of them",
            };
            found.push(asked.problem(one.op_span, message).help(help));
        });
    }
}

fn exact_fraction(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        let judging = asked.check.facts.judging;
        let Some((expected, _)) = judging.and_then(|judging| judging.criterion.expected) else { continue };
        if asked.check.facts.limits.tolerance.is_some() {
            continue;
        }
        let Some(fraction) = fraction(asked.expr) else { continue };
        // Nothing of a whole is exactly 0, and all of it exactly 1; a rate that is 0 is exactly that.
        let exact = if matches!(fraction.node, Node::Binary(_)) {
            expected == 0.0 || expected == 1.0
        } else {
            expected == 0.0
        };
        if exact {
            continue;
        }
        let message =
            format!("this is a fraction, which is hardly ever exactly `{}`", write_number(expected));
        let help = "write a `tolerance`, or `min_value` and `max_value`";
        found.push(asked.problem(fraction.span, message).help(help));
    }
}

/// What makes the value of `expr` a fraction rather than a count.
fn fraction(expr: &Expr) -> Option<&Expr> {
    const OF_FRACTIONS: &[&str] = &[
        "rate",
        "irate",
        "increase",
        "deriv",
        "avg_over_time",
        "stddev_over_time",
        "stdvar_over_time",
        "quantile_over_time",
        "predict_linear",
        "histogram_quantile",
        "histogram_avg",
        "histogram_fraction",
    ];
    const PASS_ON: &[&str] =
        &["abs", "clamp", "clamp_max", "clamp_min", "sort", "sort_desc", "label_replace", "label_join"];
    let expr = expr.bare();
    match &expr.node {
        Node::Call(call) if call.is_any(OF_FRACTIONS) => Some(expr),
        Node::Call(call) if call.is_any(PASS_ON) => call.args.first().and_then(fraction),
        Node::Aggregation(one) => match one.op {
            AggregationOp::Sum
            | AggregationOp::Min
            | AggregationOp::Max
            | AggregationOp::Topk
            | AggregationOp::Bottomk => fraction(&one.expr),
            _ => None,
        },
        Node::Binary(binary) if binary.op == BinaryOp::Div => Some(expr),
        Node::Unary(unary) => fraction(&unary.expr),
        _ => None,
    }
}

fn nan_without_traffic(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        if asked.check.check.envelope.on.no_traffic.is_some() || !asked.has_limit() {
            continue;
        }
        // Who asks for evidence of traffic has thought of it.
        let beside = asked.check.check.spec.companions().into_iter().chain(cx.spec.context.companions());
        if beside.count() > 0 {
            continue;
        }
        let Some((part, what)) = undefined_part(asked.expr) else { continue };
        let message = format!("without traffic this {what} is NaN, and the tick is not judged");
        let help = "say how much traffic there must be: `evidence: {query: …, min_value: …}`; or what none means: \
                    `on_no_traffic: inconclusive` (as it is now), `pass`, `fail` or `extend`";
        found.push(asked.problem(part, message).help(help));
    }
}

/// What of `expr` is 0/0 where nothing happens: the denominator of a ratio of rates, or a quantile of one.
fn undefined_part(expr: &Expr) -> Option<(Span, &'static str)> {
    let expr = expr.bare();
    match &expr.node {
        Node::Call(call) if call.is_any(&["histogram_quantile"]) => {
            let counts = call.args.get(1).is_some_and(|arg| arg.all().into_iter().any(is_rate));
            counts.then_some((call.name.span, "quantile"))
        }
        Node::Binary(binary) if binary.op == BinaryOp::Div && counts_events(&binary.right) => {
            Some((binary.op_span, "ratio"))
        }
        // `1 - A / B`, `100 * A / B`
        Node::Binary(binary) if !binary.op.is_set() => {
            let scalar = |side: &Expr| side.value_type() == Some(ValueType::Scalar);
            match (scalar(&binary.left), scalar(&binary.right)) {
                (true, false) => undefined_part(&binary.right),
                (false, true) if !binary.op.is_comparison() => undefined_part(&binary.left),
                _ => None,
            }
        }
        Node::Unary(unary) => undefined_part(&unary.expr),
        _ => None,
    }
}

fn is_rate(expr: &Expr) -> bool {
    matches!(&expr.node, Node::Call(call) if call.is_any(OF_COUNTERS))
}

/// Whether `expr` is a rate, or a sum of rates, and so 0 where nothing happens.
fn counts_events(expr: &Expr) -> bool {
    let expr = expr.bare();
    match &expr.node {
        Node::Aggregation(one) if one.op == AggregationOp::Sum => counts_events(&one.expr),
        Node::Binary(binary) if binary.op == BinaryOp::Add => {
            counts_events(&binary.left) && counts_events(&binary.right)
        }
        // `… or vector(0)` is 0 as well.
        Node::Binary(binary) if binary.op == BinaryOp::Or => counts_events(&binary.left),
        _ => is_rate(expr),
    }
}

fn experimental(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for one in asked.query.experimental() {
            let message = format!("`{}` is experimental: Prometheus has it since {}", one.what, one.since);
            let help = format!("the server needs `--enable-feature={}`", one.flag);
            found.push(asked.problem(one.span, message).help(help));
        }
    }
}
