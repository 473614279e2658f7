//! Which values a query can give at all, whatever its data: a rate is never negative, `up` is 0 or 1, a part of a whole
//! is a share of it. NaN and infinities are left out. Must not claim what a server could contradict; where nothing is
//! sure, anything is possible.

use super::ast::{Aggregation, AggregationOp, Binary, BinaryOp, Call, Expr, MatchOp, Node, Selector};
use super::part::is_part;

/// The values from `low` to `high`, both included; infinite where there is no bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// No value is below.
    pub low: f64,
    /// No value is above.
    pub high: f64,
}

impl Bounds {
    /// Anything.
    pub const ANY: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
    /// A share of a whole, or what is true or false.
    pub const SHARE: Self = Self { low: 0.0, high: 1.0 };
    const POSITIVE: Self = Self { low: 0.0, high: f64::INFINITY };

    const fn only(value: f64) -> Self {
        Self { low: value, high: value }
    }

    const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// What is in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// What is in both; `self` where nothing is.
    const fn and(self, other: Self) -> Self {
        let (low, high) = (self.low.max(other.low), self.high.min(other.high));
        if low <= high { Self { low, high } } else { self }
    }

    fn constant(self) -> Option<f64> {
        (self.low.to_bits() == self.high.to_bits()).then_some(self.low)
    }

    fn negated(self) -> Self {
        Self { low: -self.high, high: -self.low }
    }

    fn plus(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high }
    }

    fn times(self, other: Self) -> Self {
        // Nothing times anything is nothing, an endless range included.
        let product = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let corners = [
            product(self.low, other.low),
            product(self.low, other.high),
            product(self.high, other.low),
            product(self.high, other.high),
        ];
        Self {
            low: corners.into_iter().fold(f64::INFINITY, f64::min),
            high: corners.into_iter().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// The values that `expr` can give.
pub fn bounds(expr: &Expr) -> Bounds {
    match &expr.node {
        Node::Number(value) if value.is_finite() => Bounds::only(*value),
        Node::Number(_) | Node::Text(_) | Node::Hole => Bounds::ANY,
        Node::Selector(selector) => of_series(selector),
        Node::Range(range) => bounds(&range.selector),
        Node::Subquery(subquery) => bounds(&subquery.expr),
        Node::Call(call) => of_call(call),
        Node::Aggregation(aggregation) => of_aggregation(aggregation),
        Node::Binary(binary) => of_binary(binary),
        Node::Unary(unary) if unary.negative => bounds(&unary.expr).negated(),
        Node::Unary(unary) => bounds(&unary.expr),
        Node::Paren(inner) => bounds(inner),
    }
}

fn of_series(selector: &Selector) -> Bounds {
    match selector.metric() {
        Some("up" | "probe_success") => Bounds::SHARE,
        Some("ALERTS") => Bounds::only(1.0),
        Some(name) if name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_bucket") => {
            Bounds::POSITIVE
        }
        _ => Bounds::ANY,
    }
}

fn of_call(call: &Call) -> Bounds {
    let arg = |index: usize| call.args.get(index).map_or(Bounds::ANY, bounds);
    match call.function.map_or("", |function| function.name) {
        "rate" | "irate" | "increase" | "resets" | "changes" | "stddev_over_time" | "stdvar_over_time"
        | "mad_over_time" | "sqrt" | "exp" | "time" | "timestamp" | "histogram_quantile"
        | "histogram_count" | "histogram_stddev" | "histogram_stdvar" => Bounds::POSITIVE,
        "count_over_time" => Bounds::new(1.0, f64::INFINITY),
        "avg_over_time" | "min_over_time" | "max_over_time" | "last_over_time" | "first_over_time"
        | "scalar" | "vector" | "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc"
        | "label_replace" | "label_join" => arg(0),
        "quantile_over_time" => {
            if arg(0).constant().is_some_and(is_share) {
                arg(1)
            } else {
                Bounds::ANY
            }
        }
        "sum_over_time" => sum(arg(0)),
        "present_over_time" | "absent" | "absent_over_time" => Bounds::only(1.0),
        "abs" => {
            let of = arg(0);
            let low = if of.low <= 0.0 && of.high >= 0.0 { 0.0 } else { of.low.abs().min(of.high.abs()) };
            Bounds::new(low, of.low.abs().max(of.high.abs()))
        }
        "floor" => Bounds::new(arg(0).low.floor(), arg(0).high.floor()),
        "ceil" => Bounds::new(arg(0).low.ceil(), arg(0).high.ceil()),
        "sgn" => Bounds::new(-1.0, 1.0),
        "clamp_min" => Bounds::new(arg(0).low.max(arg(1).low), arg(0).high.max(arg(1).high)),
        "clamp_max" => Bounds::new(arg(0).low.min(arg(1).low), arg(0).high.min(arg(1).high)),
        "clamp" => {
            let of = arg(0);
            Bounds::new(of.low.max(arg(1).low).min(arg(2).high), of.high.min(arg(2).high).max(arg(1).low))
        }
        "histogram_fraction" => Bounds::SHARE,
        _ => Bounds::ANY,
    }
}

fn of_aggregation(aggregation: &Aggregation) -> Bounds {
    use AggregationOp::{
        Avg, Bottomk, Count, CountValues, Group, LimitRatio, Limitk, Max, Min, Quantile, Stddev, Stdvar, Sum,
        Topk,
    };
    let inner = bounds(&aggregation.expr);
    match aggregation.op {
        Sum => sum(inner),
        Avg | Min | Max | Topk | Bottomk | Limitk | LimitRatio => inner,
        Quantile => match aggregation.param.as_ref().and_then(|param| bounds(param).constant()) {
            Some(quantile) if is_share(quantile) => inner,
            _ => Bounds::ANY,
        },
        // An empty result is none at all.
        Count | CountValues => Bounds::new(1.0, f64::INFINITY),
        Group => Bounds::only(1.0),
        Stddev | Stdvar => Bounds::POSITIVE,
    }
}

fn is_share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

/// The bounds of a sum of one or more values in `of`.
fn sum(of: Bounds) -> Bounds {
    Bounds {
        low: if of.low >= 0.0 { of.low } else { f64::NEG_INFINITY },
        high: if of.high <= 0.0 { of.high } else { f64::INFINITY },
    }
}

fn of_binary(binary: &Binary) -> Bounds {
    let (left, right) = (bounds(&binary.left), bounds(&binary.right));
    if binary.matching.as_ref().is_some_and(|matching| !matching.fill.is_empty()) {
        return Bounds::ANY;
    }
    match binary.op {
        op if op.is_comparison() && binary.returns_bool => Bounds::SHARE,
        op if op.is_comparison() => compared(op, &binary.left, left, right),
        BinaryOp::And | BinaryOp::Unless => left,
        BinaryOp::Or => left.or(right),
        BinaryOp::Add => left.plus(right),
        BinaryOp::Sub => left.plus(right.negated()),
        BinaryOp::Mul => left.times(right),
        BinaryOp::Div if is_part(&binary.left, &binary.right) => Bounds::SHARE,
        BinaryOp::Div => match right.constant() {
            Some(divisor) if divisor != 0.0 => left.times(Bounds::only(1.0 / divisor)),
            _ if left.low >= 0.0 && right.low >= 0.0 => Bounds::POSITIVE,
            _ => Bounds::ANY,
        },
        BinaryOp::Pow if left.low >= 0.0 => Bounds::POSITIVE,
        _ => Bounds::ANY,
    }
}

/// What a comparison lets through: values of the vector, which stands on the left unless a number does.
fn compared(op: BinaryOp, left: &Expr, of: Bounds, than: Bounds) -> Bounds {
    use BinaryOp::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    let turned = matches!(left.node, Node::Number(_));
    let (values, limit) = if turned { (than, of) } else { (of, than) };
    let above = Bounds::new(limit.low, f64::INFINITY);
    let below = Bounds::new(f64::NEG_INFINITY, limit.high);
    match (op, turned) {
        (Equal, _) => values.and(limit),
        (Greater | GreaterOrEqual, false) | (Less | LessOrEqual, true) => values.and(above),
        (Less | LessOrEqual, false) | (Greater | GreaterOrEqual, true) => values.and(below),
        _ => values,
    }
}

/// The value that `selector` wants `label` to have.
pub(super) fn wanted<'s>(selector: &'s Selector, label: &str) -> Option<&'s str> {
    let matcher = selector.matchers.iter().find(|matcher| &*matcher.label.text == label)?;
    (matcher.op == MatchOp::Equal).then_some(&*matcher.value.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Options, parse};

    fn of(query: &str) -> (f64, f64) {
        let found = bounds(&parse(query, Options::default()).sound().unwrap());
        (found.low, found.high)
    }

    const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
    const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);

    #[test]
    fn what_is_sure_is_known() {
        for (query, expected) in [
            ("x", ANY),
            ("up", (0.0, 1.0)),
            ("avg(up{job=\"a\"})", (0.0, 1.0)),
            ("min_over_time(up[5m])", (0.0, 1.0)),
            ("sum(up)", POSITIVE),
            ("1 - up", (0.0, 1.0)),
            ("-up * 100", (-100.0, 0.0)),
            ("rate(x[5m])", POSITIVE),
            ("delta(x[5m])", ANY),
            ("rate(x[5m]) - rate(y[5m])", ANY),
            ("-rate(x[5m])", (f64::NEG_INFINITY, 0.0)),
            ("count(x)", (1.0, f64::INFINITY)),
            ("count(x) or vector(0)", POSITIVE),
            ("absent(x)", (1.0, 1.0)),
            ("x > bool 3", (0.0, 1.0)),
            ("x > 3", (3.0, f64::INFINITY)),
            ("3 > x", (f64::NEG_INFINITY, 3.0)),
            ("up == 2", (0.0, 1.0)),
            ("up and x", (0.0, 1.0)),
            ("clamp(x, 1, 5)", (1.0, 5.0)),
            ("clamp_max(up, 0.5)", (0.0, 0.5)),
            ("abs(x)", POSITIVE),
            ("quantile(0.9, up)", (0.0, 1.0)),
            ("quantile(9, up)", ANY),
            ("rate(a[5m]) / rate(b[5m])", POSITIVE),
            ("rate(a[5m]) / 0", POSITIVE),
            ("x / rate(b[5m])", ANY),
            ("histogram_quantile(0.9, rate(x_bucket[5m]))", POSITIVE),
            ("up ^ 2", POSITIVE),
            ("up % 2", ANY),
            ("x_total / 100", POSITIVE),
        ] {
            assert_eq!(of(query), expected, "{query}");
        }
    }
}
