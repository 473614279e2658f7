//! Whether a query can be asked over a shorter range than it names: its values stay comparable, or they only grow with
//! the range. Must not rewrite anything and must be sure; what is not known to fit waits.

use super::analysis::{Around, Use, analyse_within};
use super::ast::{AggregationOp, Binary, BinaryOp, Call, Expr, Node, RangeSelector, Span};
use super::functions::OverRange;

/// Whether a query can be asked over a shorter range than it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fitting {
    /// It has no range.
    NoRange,
    /// Its values do not depend on the length of its ranges.
    Steady,
    /// A part of it grows with its range, or has one that cannot be shortened.
    Waits(Span),
}

/// Whether the values of `expr` would be comparable if its ranges were shorter: rates, means and extremes are, sums
/// and counts are not, and a ratio of two counts over the same range is. Parts that look at another time are left
/// out.
pub fn fitting(expr: &Expr) -> Fitting {
    fit(expr, Around::default())
}

fn fit(expr: &Expr, around: Around) -> Fitting {
    match &expr.node {
        Node::Number(_) | Node::Text(_) | Node::Hole | Node::Selector(_) => Fitting::NoRange,
        Node::Range(range) if around.shifted(&range.modifiers).is_shifted() => Fitting::NoRange,
        Node::Subquery(subquery) => {
            let inside = analyse_within(&subquery.expr, around.shifted(&subquery.modifiers));
            let elsewhere = inside.uses.iter().all(Use::is_shifted);
            if elsewhere { Fitting::NoRange } else { Fitting::Waits(expr.span) }
        }
        Node::Range(_) => Fitting::Waits(expr.span),
        Node::Call(call) => {
            let steady = call.function.is_some_and(|function| function.over_range == OverRange::Steady);
            let part = |arg: &Expr| match (&arg.bare().node, fit(arg, around)) {
                // What lies before an extended range counts too, however short it is.
                (Node::Range(range), Fitting::Waits(_)) if steady && range.modifiers.extended.is_none() => {
                    Fitting::Steady
                }
                (Node::Range(_) | Node::Subquery(_), Fitting::Waits(_)) => Fitting::Waits(expr.span),
                (_, other) => other,
            };
            call.args.iter().map(part).fold(Fitting::NoRange, worse)
        }
        Node::Binary(binary) if is_ratio_of_increases(binary, around) => Fitting::Steady,
        Node::Aggregation(_) | Node::Binary(_) | Node::Unary(_) | Node::Paren(_) => {
            expr.children().into_iter().map(|part| fit(part, around)).fold(Fitting::NoRange, worse)
        }
    }
}

fn worse(one: Fitting, other: Fitting) -> Fitting {
    match (one, other) {
        (Fitting::Waits(span), _) | (_, Fitting::Waits(span)) => Fitting::Waits(span),
        (Fitting::Steady, _) | (_, Fitting::Steady) => Fitting::Steady,
        _ => Fitting::NoRange,
    }
}

/// `increase(a[r]) / increase(b[r])`: the length cancels out.
fn is_ratio_of_increases(binary: &Binary, around: Around) -> bool {
    let ranges = (range_of_increase(&binary.left, around), range_of_increase(&binary.right, around));
    binary.op == BinaryOp::Div && ranges.0.is_some() && ranges.0 == ranges.1
}

/// The range, in seconds, of what is in proportion to it: an increase, a multiple or an aggregation of increases, and
/// sums of such over the same range.
fn range_of_increase(expr: &Expr, around: Around) -> Option<f64> {
    use AggregationOp::{Avg, Max, Min, Sum};
    let of = |expr| range_of_increase(expr, around);
    match &expr.node {
        Node::Paren(inner) => of(inner),
        Node::Aggregation(of_them) if matches!(of_them.op, Sum | Avg | Max | Min) => of(&of_them.expr),
        Node::Call(call) if call.is_any(&["increase"]) => {
            let range = only_range(call, around)?;
            range.range.seconds()
        }
        Node::Binary(binary) if binary.matching.as_ref().is_some_and(|m| !m.fill.is_empty()) => None,
        Node::Binary(binary) => match binary.op {
            BinaryOp::Mul if is_number(&binary.left, |n| n != 0.0) => of(&binary.right),
            BinaryOp::Mul | BinaryOp::Div if is_number(&binary.right, |n| n != 0.0) => of(&binary.left),
            BinaryOp::Add | BinaryOp::Sub => {
                let (left, right) = (of(&binary.left)?, of(&binary.right)?);
                (left.to_bits() == right.to_bits()).then_some(left)
            }
            BinaryOp::Or if is_zero(&binary.right) => of(&binary.left),
            _ => None,
        },
        _ => None,
    }
}

/// Whether each value of `expr` can only become greater where its ranges become longer, and no series is lost: counts
/// of events, their sums and greatest, and positive multiples of them. Not their mean, which a further series may
/// lower, nor sums over time, whose values may be negative.
pub fn grows(expr: &Expr) -> bool {
    use AggregationOp::{Max, Sum};
    match &expr.node {
        Node::Paren(inner) => grows(inner),
        Node::Aggregation(of_them) if matches!(of_them.op, Sum | Max) => grows(&of_them.expr),
        Node::Call(call) if call.is_any(&["increase", "changes", "resets", "count_over_time"]) => {
            only_range(call, Around::default()).is_some()
        }
        Node::Binary(binary) if binary.matching.as_ref().is_some_and(|m| !m.fill.is_empty()) => false,
        Node::Binary(binary) => grows_together(binary),
        _ => false,
    }
}

fn grows_together(Binary { op, left, right, .. }: &Binary) -> bool {
    match op {
        BinaryOp::Add if grows(left) => grows(right) || is_number(right, f64::is_finite),
        BinaryOp::Add => is_number(left, f64::is_finite) && grows(right),
        BinaryOp::Mul if grows(right) => is_number(left, is_positive),
        BinaryOp::Mul | BinaryOp::Div => grows(left) && is_number(right, is_positive),
        // A count that appears is no less than the nothing it takes the place of.
        BinaryOp::Or => grows(left) && is_zero(right),
        _ => false,
    }
}

/// The range a function is given alone, if it can be shortened and looks at the present.
fn only_range(call: &Call, around: Around) -> Option<&RangeSelector> {
    let [arg] = &*call.args else { return None };
    let Node::Range(range) = &arg.bare().node else { return None };
    let present = !around.shifted(&range.modifiers).is_shifted() && range.modifiers.extended.is_none();
    present.then_some(range)
}

fn is_positive(number: f64) -> bool {
    number > 0.0 && number.is_finite()
}

fn is_number(expr: &Expr, wanted: impl Fn(f64) -> bool) -> bool {
    matches!(expr.bare().node, Node::Number(number) if wanted(number))
}

/// `vector(0)`.
fn is_zero(expr: &Expr) -> bool {
    let Node::Call(call) = &expr.bare().node else { return false };
    call.is_any(&["vector"]) && call.args.first().is_some_and(|arg| is_number(arg, |n| n == 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Options, parse};

    fn tree(query: &str) -> Expr {
        parse(query, Options::default()).sound().unwrap()
    }

    #[test]
    fn what_grows_with_its_range_waits() {
        for query in [
            "rate(x[5m])",
            "rate((x[5m]))",
            "sum(rate(x[5m])) / sum(rate(y[5m]))",
            "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))",
            "sum(increase(x[5m])) / sum(increase(y[5m]))",
            "100 * sum(increase(x[5m])) / sum(increase(y[300s]))",
            "(sum(increase(x[5m])) - sum(increase(y[5m]))) / sum(increase(x[5m])) * 100",
            "(sum(increase(x[5m])) or vector(0)) / sum(increase(y[5m]))",
            "1 - increase(x[5m]) / increase(y[5m])",
            "quantile_over_time(0.9, x[5m])",
            "rate(x[5m]) / rate(x[5m] offset 1w)",
            "rate(x[5m]) / max_over_time(rate(x[5m] offset 1w)[1h:])",
        ] {
            assert_eq!(fitting(&tree(query)), Fitting::Steady, "{query}");
        }
        for query in [
            "up",
            "x - x offset 5m",
            "increase(x[5m] offset 1d)",
            "max_over_time(rate(x[5m] offset 1w)[1h:])",
            "max_over_time(rate(x[5m])[1h:] offset 1w)",
            "max_over_time(vector(1)[1h:])",
        ] {
            assert_eq!(fitting(&tree(query)), Fitting::NoRange, "{query}");
        }
        for query in [
            "increase(x[5m])",
            "increase(x[5m]) / increase(y[1m])",
            "increase(x[5m]) / increase(y[5m] offset 1h)",
            "(increase(x[5m]) + increase(y[1m])) / increase(y[5m])",
            "(increase(x[5m]) + 1) / increase(y[5m])",
            "(increase(x[5m]) or vector(1)) / increase(y[5m])",
            "changes(x[5m])",
            "max_over_time(rate(x[5m])[1h:])",
            "max_over_time(rate(x[5m] offset 1h)[1h:] offset -1h)",
            "rate(x[5m]) + sum_over_time(y[5m])",
            "rate(x[5m]) / increase(x[5m])",
            "quantile(scalar(increase(x[5m])), rate(y[5m]))",
        ] {
            assert!(matches!(fitting(&tree(query)), Fitting::Waits(_)), "{query}");
        }
        let extended = parse("rate(x[5m] anchored)", Options::default()).expr.unwrap();
        assert!(matches!(fitting(&extended), Fitting::Waits(_)));
    }

    #[test]
    fn counts_grow_and_what_may_fall_does_not() {
        for query in [
            "increase(x[5m])",
            "changes(x[5m])",
            "resets((x[5m]))",
            "count_over_time(x[5m])",
            "sum by (a) (increase(x[5m]))",
            "max(sum by (a) (increase(x[5m]))) * 2",
            "(0.5 * increase(x[5m])) / 3",
            "increase(x[5m]) + on (a) increase(y[1h])",
            "increase(x[5m]) + 1",
            "sum(increase(x[5m])) or vector(0)",
            "sum(increase(x[5m])) or on () vector(0)",
        ] {
            assert!(grows(&tree(query)), "{query}");
        }
        for query in [
            "rate(x[5m])",
            "up",
            "1",
            "sum_over_time(x[5m])",
            "delta(x[5m])",
            "absent_over_time(x[5m])",
            "avg(increase(x[5m]))",
            "min(increase(x[5m]))",
            "-increase(x[5m])",
            "increase(x[5m]) * -1",
            "increase(x[5m]) * 0",
            "increase(x[5m]) / increase(y[5m])",
            "1 / increase(x[5m])",
            "increase(x[5m]) - increase(y[5m])",
            "increase(x[5m]) + y",
            "increase(x[5m]) + rate(y[5m])",
            "sum(increase(x[5m])) or vector(1)",
            "increase(x[5m]) or increase(y[5m])",
            "increase(x[5m] offset 1h)",
            "increase(x[5m:])",
        ] {
            assert!(!grows(&tree(query)), "{query}");
        }
    }
}
