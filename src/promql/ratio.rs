//! Ratios whose numerator is a part of their denominator by its matchers, so that a numerator without any series is
//! nothing of something: 0. Must be sure; a ratio that is empty for another reason stays empty.

use super::ast::{
    Aggregation, AggregationOp, Binary, BinaryOp, Expr, Length, Matching, Modifiers, Name, Node,
};
use super::structure::narrows;

/// Functions of one range that add nothing to a sum where they have no series.
const ADDITIVE: [&str; 12] = [
    "rate",
    "irate",
    "increase",
    "changes",
    "resets",
    "sum_over_time",
    "count_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "last_over_time",
    "present_over_time",
];

/// The text of `B` where the query `text`, which reads as `expr`, is `A / B` or a positive multiple of it, and the
/// selectors of `A` are those of `B` with more matchers: where `B` has a value above 0 and `A` has none, it is 0.
pub fn empty_ratio(text: &str, expr: &Expr) -> Option<String> {
    let Binary { left, right, matching, .. } = ratio(expr)?;
    let (part, whole) = (multiplied(left), right.bare());
    let paired = matching.as_ref().is_none_or(|matching| is_by_all(matching, part, whole));
    let whole = (paired && vanishes(part, whole, false)).then_some(whole)?;
    text.get(whole.span.range()).map(str::to_owned)
}

/// The division of which `expr` is a positive multiple.
fn ratio(expr: &Expr) -> Option<&Binary> {
    let Node::Binary(binary) = &multiplied(expr).node else { return None };
    (binary.op == BinaryOp::Div).then_some(binary)
}

/// `expr` without parentheses and positive factors.
fn multiplied(expr: &Expr) -> &Expr {
    let bare = expr.bare();
    let Node::Binary(binary) = &bare.node else { return bare };
    let factor = |side: &Expr| matches!(side.bare().node, Node::Number(n) if n > 0.0 && n.is_finite());
    match binary.op {
        BinaryOp::Mul if factor(&binary.left) => multiplied(&binary.right),
        BinaryOp::Mul | BinaryOp::Div if factor(&binary.right) => multiplied(&binary.left),
        _ => bare,
    }
}

/// Whether `on (labels)` names just what both sides are aggregated by, so that it changes nothing.
fn is_by_all(matching: &Matching, part: &Expr, whole: &Expr) -> bool {
    let by = |expr: &Expr| match &expr.node {
        Node::Aggregation(aggregation) => match &aggregation.grouping {
            Some(grouping) => !grouping.without && same_names(&grouping.labels, &matching.labels),
            None => matching.labels.is_empty(),
        },
        _ => false,
    };
    matching.on && matching.group.is_none() && matching.fill.is_empty() && by(part) && by(whole)
}

/// Whether `part` is `whole` over fewer series, and nothing where there are none of them. `inside` a sum or a count a
/// mean or an extreme of nothing is nothing, too.
fn vanishes(part: &Expr, whole: &Expr, inside: bool) -> bool {
    use AggregationOp::{Avg, Count, Group, Max, Min, Sum};
    match (&part.bare().node, &whole.bare().node) {
        (Node::Aggregation(a), Node::Aggregation(b)) => {
            let adds = matches!(a.op, Sum | Count) || inside && matches!(a.op, Avg | Min | Max | Group);
            a.op == b.op && adds && same_grouping(a, b) && vanishes(&a.expr, &b.expr, true)
        }
        (Node::Call(a), Node::Call(b)) => match (&*a.args, &*b.args) {
            ([x], [y]) => {
                let same = a.is_any(&ADDITIVE) && a.function == b.function;
                same && over_the_same_range(x.bare(), y.bare())
            }
            _ => false,
        },
        (Node::Selector(a), Node::Selector(b)) => same_time(&a.modifiers, &b.modifiers) && narrows(a, b),
        _ => false,
    }
}

fn over_the_same_range(part: &Expr, whole: &Expr) -> bool {
    let (Node::Range(a), Node::Range(b)) = (&part.node, &whole.node) else { return false };
    let (Node::Selector(x), Node::Selector(y)) = (&a.selector.node, &b.selector.node) else { return false };
    // Over a shorter range there may be nothing where over a longer one there is.
    same_length(&a.range, &b.range) && same_time(&a.modifiers, &b.modifiers) && narrows(x, y)
}

fn same_length(a: &Length, b: &Length) -> bool {
    a.seconds().is_some() && a.seconds() == b.seconds()
}

fn same_time(a: &Modifiers, b: &Modifiers) -> bool {
    let offsets = match (&a.offset, &b.offset) {
        (None, None) => true,
        (Some(a), Some(b)) => same_length(a, b),
        _ => false,
    };
    offsets && a.at.map(|at| at.time) == b.at.map(|at| at.time) && a.extended == b.extended
}

fn same_grouping(a: &Aggregation, b: &Aggregation) -> bool {
    match (&a.grouping, &b.grouping) {
        (None, None) => true,
        (Some(a), Some(b)) => a.without == b.without && same_names(&a.labels, &b.labels),
        _ => false,
    }
}

fn same_names(a: &[Name], b: &[Name]) -> bool {
    let within = |a: &[Name], b: &[Name]| a.iter().all(|one| b.iter().any(|other| one.text == other.text));
    within(a, b) && within(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Options, parse};

    fn of(query: &str) -> Option<String> {
        empty_ratio(query, &parse(query, Options::default()).sound().unwrap())
    }

    #[test]
    fn a_part_of_a_whole_that_is_not_there_is_nothing_of_it() {
        for (query, whole) in [
            (r#"sum(rate(x{b=~"5.."}[5m])) / sum(rate(x[5m]))"#, "sum(rate(x[5m]))"),
            (
                r#"sum(rate(x{b=~"5..", a="1"}[5m])) / (sum(rate(x{a="1"}[5m])) # all
            )"#,
                r#"sum(rate(x{a="1"}[5m]))"#,
            ),
            (r#"100 * (sum(rate(x{b="5"}[5m])) / sum(rate(x[5m])))"#, "sum(rate(x[5m]))"),
            (r#"100 * sum(rate(x{b="5"}[5m])) / sum(rate(x[5m]))"#, "sum(rate(x[5m]))"),
            (r#"(sum(rate(x{b="5"}[5m])) / sum(rate(x[5m]))) * 100"#, "sum(rate(x[5m]))"),
            (r#"sum(rate(x{b="5"}[5m])) * 100 / sum(rate(x[5m])) / 2"#, "sum(rate(x[5m]))"),
            (
                r#"sum by (a, c) (increase(x{b="5"}[1h])) / sum by (c, a) (increase(x[1h]))"#,
                "sum by (c, a) (increase(x[1h]))",
            ),
            (r#"sum without (b) (x{b="5"}) / sum without (b) (x)"#, "sum without (b) (x)"),
            (
                r#"sum by (a) (rate(x{b="5"}[5m])) / on (a) sum by (a) (rate(x[5m]))"#,
                "sum by (a) (rate(x[5m]))",
            ),
            (r#"sum(x{b="5"}) / on () sum(x)"#, "sum(x)"),
            (r#"rate(x{b="5"}[5m]) / rate(x[5m])"#, "rate(x[5m])"),
            (r#"count(up{b="5"}) / count(up)"#, "count(up)"),
            (r#"sum(max by (pod) (x{b="5"})) / sum(max by (pod) (x))"#, "sum(max by (pod) (x))"),
            (r#"sum(rate({"x.y", b="ü"}[5m])) / sum(rate({"x.y"}[5m]))"#, r#"sum(rate({"x.y"}[5m]))"#),
            (
                r#"sum(rate(x{b="5"}[5m] offset 1h)) / sum(rate(x[300s] offset 60m))"#,
                "sum(rate(x[300s] offset 60m))",
            ),
        ] {
            assert_eq!(of(query).as_deref(), Some(whole), "{query}");
        }
    }

    #[test]
    fn a_ratio_that_may_be_empty_for_another_reason_stays_empty() {
        for query in [
            "x / y",
            "sum(rate(x[5m])) / sum(rate(x[5m]))",
            r#"sum(rate(x{b="5"}[5m])) / sum(rate(y[5m]))"#,
            r#"sum(rate(x{b="5"}[5m])) / sum(rate(x{a="1"}[5m]))"#,
            r#"sum(rate(x{b="5"}[5m])) / sum(rate(x{b!="5"}[5m]))"#,
            r#"sum(rate(x{b="5"}[1m])) / sum(rate(x[5m]))"#,
            r#"sum(rate(x{b="5"}[step()])) / sum(rate(x[step()]))"#,
            r#"sum(rate(x{b="5"}[5m])) / sum(increase(x[5m]))"#,
            r#"sum(rate(x{b="5"}[5m])) / sum(rate(x[5m] offset 1h))"#,
            r#"sum(rate(x{b="5"}[5m])) / sum by (c) (rate(x[5m]))"#,
            r#"sum by (c) (rate(x{b="5"}[5m])) / on () group_left sum(rate(x[5m]))"#,
            r#"sum by (a, c) (rate(x{b="5"}[5m])) / on (a) sum by (a, c) (rate(x[5m]))"#,
            r#"sum by (c) (rate(x{b="5"}[5m])) / ignoring (c) sum by (c) (rate(x[5m]))"#,
            r#"avg(rate(x{b="5"}[5m])) / avg(rate(x[5m]))"#,
            r#"max(x{b="5"}) / max(x)"#,
            r#"sum(absent_over_time(x{b="5"}[5m])) / sum(absent_over_time(x[5m]))"#,
            r#"(sum(x{b="5"}) or vector(0)) / sum(x)"#,
            r#"(sum(x{b="5"}) + sum(x{b="6"})) / sum(x)"#,
            r#"sum(x{b="5"}) / sum(x) > 0.1"#,
            r#"1 - sum(x{b="5"}) / sum(x)"#,
            r#"sum(x{b="5"}) / sum(x) * -1"#,
            r#"sum(x{b="5"}) / sum(x) * y"#,
            r#"sum(rate(x_bucket{le="0.5"}[5m])) / sum(rate(x_count[5m]))"#,
            r#"sum(rate({__name__=~"x|y", b="5"}[5m])) / sum(rate({__name__=~"x|y"}[5m]))"#,
            r#"sum(x{b="5"}) * sum(x)"#,
        ] {
            assert_eq!(of(query), None, "{query}");
        }
    }
}
