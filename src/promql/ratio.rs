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
    let Binary { op: BinaryOp::Div, left, right, matching, .. } = ratio(expr)? else { return None };
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
