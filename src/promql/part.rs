//! Whether one expression is a part of another, so that their ratio is a share from 0 to 1: the same over series that
//! more matchers choose. Must be sure; what only looks alike is no part.

use super::ast::{AggregationOp, BinaryOp, Expr, MatchOp, Matcher, Modifiers, Node, Selector};
use super::bounds::{Bounds, bounds};

/// Whether every value of `part` is one of the values, none negative, that make up `whole`.
pub fn is_part(part: &Expr, whole: &Expr) -> bool {
    match (&part.node, &whole.node) {
        (Node::Paren(part), _) => is_part(part, whole),
        (_, Node::Paren(whole)) => is_part(part, whole),
        (Node::Aggregation(a), Node::Aggregation(b)) => {
            let sums = matches!((a.op, b.op), (AggregationOp::Sum, AggregationOp::Sum));
            let counts = matches!((a.op, b.op), (AggregationOp::Count, AggregationOp::Count));
            // A sum of zeros and ones is at most how many they are.
            let truths = matches!((a.op, b.op), (AggregationOp::Sum, AggregationOp::Count))
                && bounds(&a.expr) == Bounds::SHARE;
            let grouped = match (&a.grouping, &b.grouping) {
                (_, None) => true,
                (Some(a), Some(b)) => a.without == b.without && same_names(&a.labels, &b.labels),
                (None, Some(_)) => false,
            };
            grouped
                && (sums && is_part(&a.expr, &b.expr) && bounds(&b.expr).low >= 0.0
                    || (counts || truths) && chooses(&a.expr, &b.expr))
        }
        (Node::Call(a), Node::Call(b)) => {
            let same = a.function.is_some() && a.function == b.function;
            let grows = matches!(&*a.name.text, "rate" | "irate" | "increase");
            match (&*a.args, &*b.args) {
                ([a], [b]) => same && grows && ranges(a, b),
                _ => false,
            }
        }
        (Node::Selector(_), Node::Selector(_)) => chooses(part, whole) && bounds(whole).low >= 0.0,
        _ => false,
    }
}

fn same_names(a: &[super::ast::Name], b: &[super::ast::Name]) -> bool {
    a.len() == b.len() && a.iter().all(|one| b.iter().any(|other| one.text == other.text))
}

fn ranges(a: &Expr, b: &Expr) -> bool {
    let (Node::Range(a), Node::Range(b)) = (&a.node, &b.node) else { return false };
    let lengths = a.range.seconds() == b.range.seconds() && a.range.seconds().is_some();
    lengths && same_time(&a.modifiers, &b.modifiers) && chooses(&a.selector, &b.selector)
}

/// Whether the series of `part` are among those of `whole`.
fn chooses(part: &Expr, whole: &Expr) -> bool {
    match (&part.node, &whole.node) {
        (Node::Paren(part), _) => chooses(part, whole),
        (_, Node::Paren(whole)) => chooses(part, whole),
        (Node::Binary(binary), _) if binary.op.is_comparison() && !binary.returns_bool => {
            chooses(&binary.left, whole)
        }
        (Node::Binary(binary), _) if matches!(binary.op, BinaryOp::And | BinaryOp::Unless) => {
            chooses(&binary.left, whole)
        }
        (Node::Selector(a), Node::Selector(b)) => same_time(&a.modifiers, &b.modifiers) && narrows(a, b),
        _ => false,
    }
}

/// Whether the series that `part` selects are among those of `whole`: the same metric and all matchers of `whole`. The
/// buckets of a histogram up to a bound are a part of its count.
fn narrows(part: &Selector, whole: &Selector) -> bool {
    let (Some(a), Some(b)) = (part.metric(), whole.metric()) else { return false };
    let stem = |name: &str, end: &str| name.strip_suffix(end).map(str::to_owned);
    let bucket = stem(a, "_bucket").is_some_and(|stem_of_a| stem(b, "_count") == Some(stem_of_a))
        && super::bounds::wanted(part, "le").is_some();
    if a != b && !bucket {
        return false;
    }
    let has = |wanted: &Matcher| {
        let same = |one: &Matcher| {
            one.label.text == wanted.label.text && one.op == wanted.op && one.value.text == wanted.value.text
        };
        part.matchers.iter().any(same)
    };
    let named = |matcher: &&Matcher| &*matcher.label.text == "__name__" && matcher.op == MatchOp::Equal;
    whole.matchers.iter().filter(|matcher| !named(matcher)).all(has)
}

fn same_time(a: &Modifiers, b: &Modifiers) -> bool {
    let offset = |of: &Modifiers| of.offset.as_ref().map(super::ast::Length::seconds);
    // What a template shifts by is not known.
    let known = |of: Option<Option<f64>>| of.is_none_or(|seconds| seconds.is_some());
    let at = |of: &Modifiers| of.at.map(|at| at.time);
    known(offset(a)) && offset(a) == offset(b) && at(a) == at(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Options, parse};

    #[test]
    fn a_ratio_of_a_part_to_its_whole_is_a_share() {
        for (query, expected) in [
            (r#"sum(rate(x{a="1", b=~"5.."}[5m])) / sum(rate(x{a="1"}[5m]))"#, true),
            (r#"sum by (c) (rate(x{b=~"5.."}[5m])) / sum by (c) (rate(x[5m]))"#, true),
            (r#"sum by (c) (rate(x{b=~"5.."}[5m])) / on () group_left sum(rate(x[5m]))"#, true),
            (r#"(sum(increase(x{b="1"}[1h]))) / (sum(increase(x[1h])))"#, true),
            (r#"sum(x_total{b="1"}) / sum(x_total)"#, true),
            ("count(up == 1) / count(up)", true),
            ("sum(up) / count(up)", true),
            (r#"sum(rate(x_bucket{le="0.5", a="1"}[5m])) / sum(rate(x_count{a="1"}[5m]))"#, true),
            (r#"sum(rate(x_bucket[5m])) / sum(rate(x_count[5m]))"#, false),
            (r#"sum(rate(x{b="1"}[5m])) / sum(rate(x{a="1"}[5m]))"#, false),
            (r#"sum(rate(x{a="1"}[5m])) / sum(rate(y{a="1"}[5m]))"#, false),
            (r#"sum(rate(x{b="1"}[5m])) / sum(rate(x[1m]))"#, false),
            (r#"sum(rate(x{b="1"}[5m] offset 1h)) / sum(rate(x[5m]))"#, false),
            (r#"sum(rate(x{b="1"}[5m])) / avg(rate(x[5m]))"#, false),
            (r#"sum(rate(x{b="1"}[5m])) / sum by (c) (rate(x[5m]))"#, false),
            (r#"sum(x{b="1"}) / sum(x)"#, false),
            (r#"sum({__name__=~"x|y", b="1"}) / sum({__name__=~"x|y"})"#, false),
        ] {
            let Node::Binary(binary) = parse(query, Options::default()).sound().unwrap().node else {
                panic!("{query}")
            };
            assert_eq!(is_part(&binary.left, &binary.right), expected, "{query}");
        }
    }
}
