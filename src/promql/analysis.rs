//! What a query looks at: its selectors, how far back each reaches, which metrics they name, and whether a shorter
//! range would give comparable values. Must not rewrite the query and must not know when anything was deployed.

use std::time::Duration;

use super::ast::{
    AggregationOp, AtTime, Binary, BinaryOp, Expr, Length, LengthNode, MatchOp, Modifiers, Node, Selector,
    Span,
};
use super::functions::{Function, OverRange};

/// The longest time that is told apart: what overflows is as good as for ever.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64 * 10);

/// What a query looks at.
#[derive(Debug, Clone, Default)]
pub struct Analysis<'e> {
    /// Its selectors, in the order of the text.
    pub uses: Vec<Use<'e>>,
}

/// A selector and what stands around it.
#[derive(Debug, Clone)]
pub struct Use<'e> {
    /// The selector.
    pub selector: &'e Selector,
    /// Where it stands, range and modifiers included.
    pub span: Span,
    /// The range it has itself; `None` for an instant selector, which looks back as far as the server's staleness
    /// limit (5 minutes by default) for its one sample.
    pub range: Option<Reach>,
    /// The ranges of the subqueries around it, all together.
    pub subqueries: Reach,
    /// The offsets of it and of the subqueries around it, all together, in seconds; negative looks ahead.
    pub offset: f64,
    /// Whether it or a subquery around it has an `@`: it then looks at a time of its own.
    pub pinned: bool,
    /// The function whose argument it is.
    pub function: Option<&'static Function>,
}

/// How far back something reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// How far, as far as it is known.
    pub known: Duration,
    /// Whether a template or the server's step adds to it.
    pub more: bool,
}

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

impl Use<'_> {
    /// The metric it names; `None` where matchers or a template decide.
    pub fn metric(&self) -> Option<&str> {
        self.selector.metric()
    }

    /// Whether it is meant to look at another time: it has an `offset` that looks back, or an `@`.
    pub fn is_shifted(&self) -> bool {
        self.pinned || self.offset > 0.0
    }

    /// How far before the time of evaluation the oldest sample may lie; staleness and offsets apart.
    pub fn reach(&self) -> Reach {
        self.range.unwrap_or_default().plus(self.subqueries)
    }
}

impl Selector {
    /// The metric it names; `None` where matchers or a template decide.
    pub fn metric(&self) -> Option<&str> {
        let named = self.name.as_ref().map(|name| &*name.text);
        let matched = || {
            let name = |m: &&super::ast::Matcher| &*m.label.text == "__name__" && m.op == MatchOp::Equal;
            self.matchers.iter().find(name).map(|matcher| &*matcher.value.text)
        };
        named.or_else(matched).filter(|name| !name.contains(|c| super::lexer::HOLES.contains(&c)))
    }
}

impl Reach {
    fn plus(self, other: Self) -> Self {
        Self { known: self.known.saturating_add(other.known).min(FOREVER), more: self.more || other.more }
    }
}

impl Length {
    /// Its seconds; `None` where a template or the server's step decides.
    pub fn seconds(&self) -> Option<f64> {
        Some(match &self.node {
            LengthNode::Seconds(seconds) => *seconds,
            LengthNode::Signed(negative, inner) => {
                let seconds = inner.seconds()?;
                if *negative { -seconds } else { seconds }
            }
            LengthNode::Binary(op, left, right) => {
                let (left, right) = (left.seconds()?, right.seconds()?);
                match op {
                    BinaryOp::Add => left + right,
                    BinaryOp::Sub => left - right,
                    BinaryOp::Mul => left * right,
                    BinaryOp::Div => left / right,
                    BinaryOp::Mod => left % right,
                    _ => left.powf(right),
                }
            }
            LengthNode::Call(name, args) => match (&**name, &**args) {
                ("min" | "min_of", [left, right]) => left.seconds()?.min(right.seconds()?),
                ("max" | "max_of", [left, right]) => left.seconds()?.max(right.seconds()?),
                _ => return None,
            },
            LengthNode::Paren(inner) => return inner.seconds(),
            LengthNode::Hole => return None,
        })
    }

    /// How far back it reaches as a range.
    pub fn reach(&self) -> Reach {
        match self.seconds() {
            Some(seconds) => {
                let known = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(FOREVER).min(FOREVER);
                Reach { known, more: false }
            }
            None => Reach { known: Duration::ZERO, more: true },
        }
    }
}

/// What `expr` looks at.
pub fn analyse(expr: &Expr) -> Analysis<'_> {
    let mut analysis = Analysis::default();
    walk(
        expr,
        Around { subqueries: Reach::default(), offset: 0.0, pinned: false, function: None },
        &mut analysis,
    );
    analysis
}

impl Analysis<'_> {
    /// How far before the time of evaluation ranges and subqueries reach, of all selectors that are not meant to look
    /// at another time. What an instant selector finds may be older by the server's staleness limit.
    pub fn lookback(&self) -> Reach {
        let reaches = self.uses.iter().filter(|one| !one.is_shifted()).map(Use::reach);
        reaches.fold(Reach::default(), |all, one| Reach {
            known: all.known.max(one.known),
            more: all.more || one.more,
        })
    }

    /// Whether a selector without a range takes part.
    pub fn has_instant(&self) -> bool {
        self.uses
            .iter()
            .any(|one| one.range.is_none() && one.subqueries == Reach::default() && !one.is_shifted())
    }

    /// The metrics it names, each once, in order.
    pub fn metrics(&self) -> Vec<&str> {
        let mut metrics: Vec<&str> = Vec::new();
        for metric in self.uses.iter().filter_map(Use::metric) {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        metrics
    }
}

#[derive(Clone, Copy)]
struct Around {
    subqueries: Reach,
    offset: f64,
    pinned: bool,
    function: Option<&'static Function>,
}

impl Around {
    fn shifted(self, modifiers: &Modifiers) -> Self {
        // `@ start()` and `@ end()` are the evaluation itself where one time is asked for.
        let pinned = modifiers.at.is_some_and(|at| matches!(at.time, AtTime::Seconds(_) | AtTime::Hole));
        let offset = modifiers.offset.as_ref().and_then(Length::seconds).unwrap_or_default();
        Self { offset: self.offset + offset, pinned: self.pinned || pinned, ..self }
    }
}

fn walk<'e>(expr: &'e Expr, around: Around, found: &mut Analysis<'e>) {
    let inner = Around { function: None, ..around };
    match &expr.node {
        Node::Number(_) | Node::Text(_) | Node::Hole => {}
        Node::Selector(selector) => push(selector, &selector.modifiers, expr.span, None, around, found),
        Node::Range(range) => {
            if let Node::Selector(selector) = &range.selector.node {
                push(selector, &range.modifiers, expr.span, Some(range.range.reach()), around, found);
            }
        }
        Node::Subquery(subquery) => {
            let shifted = inner.shifted(&subquery.modifiers);
            let subqueries = around.subqueries.plus(subquery.range.reach());
            walk(&subquery.expr, Around { subqueries, ..shifted }, found);
        }
        Node::Call(call) => {
            for arg in &call.args {
                walk(arg, Around { function: call.function, ..around }, found);
            }
        }
        Node::Aggregation(aggregation) => {
            for part in aggregation.param.iter().chain([&aggregation.expr]) {
                walk(part, inner, found);
            }
        }
        Node::Binary(binary) => {
            walk(&binary.left, inner, found);
            walk(&binary.right, inner, found);
        }
        Node::Unary(unary) => walk(&unary.expr, inner, found),
        Node::Paren(expr) => walk(expr, around, found),
    }
}

fn push<'e>(
    selector: &'e Selector,
    modifiers: &Modifiers,
    span: Span,
    range: Option<Reach>,
    around: Around,
    found: &mut Analysis<'e>,
) {
    let Around { subqueries, offset, pinned, function } = around.shifted(modifiers);
    found.uses.push(Use { selector, span, range, subqueries, offset, pinned, function });
}

/// Whether the values of `expr` would be comparable if its ranges were shorter: rates, means and extremes are, sums
/// and counts are not, and a ratio of two counts over the same range is. Parts that look at another time are left
/// out.
pub fn fitting(expr: &Expr) -> Fitting {
    match &expr.node {
        Node::Number(_) | Node::Text(_) | Node::Hole | Node::Selector(_) => Fitting::NoRange,
        Node::Range(range) => {
            shifted(&range.modifiers).map_or(Fitting::Waits(expr.span), |()| Fitting::NoRange)
        }
        Node::Subquery(subquery) => {
            shifted(&subquery.modifiers).map_or(Fitting::Waits(expr.span), |()| Fitting::NoRange)
        }
        Node::Call(call) => {
            let steady = call.function.is_some_and(|function| function.over_range == OverRange::Steady);
            let part = |arg: &Expr| match &arg.node {
                Node::Range(range) if steady && shifted(&range.modifiers).is_none() => Fitting::Steady,
                Node::Paren(_) | Node::Range(_) | Node::Subquery(_) => match fitting(arg) {
                    Fitting::Waits(_) => Fitting::Waits(expr.span),
                    other => other,
                },
                _ => fitting(arg),
            };
            call.args.iter().map(part).fold(Fitting::NoRange, worse)
        }
        Node::Aggregation(aggregation) => fitting(&aggregation.expr),
        Node::Binary(binary) => {
            if is_ratio_of_increases(binary) {
                return Fitting::Steady;
            }
            worse(fitting(&binary.left), fitting(&binary.right))
        }
        Node::Unary(unary) => fitting(&unary.expr),
        Node::Paren(inner) => fitting(inner),
    }
}

/// `Some` where a part is meant to look at another time.
fn shifted(modifiers: &Modifiers) -> Option<()> {
    let back = modifiers.offset.as_ref().and_then(Length::seconds).is_some_and(|seconds| seconds > 0.0);
    let pinned = modifiers.at.is_some_and(|at| matches!(at.time, AtTime::Seconds(_) | AtTime::Hole));
    (back || pinned).then_some(())
}

fn worse(one: Fitting, other: Fitting) -> Fitting {
    match (one, other) {
        (Fitting::Waits(span), _) | (_, Fitting::Waits(span)) => Fitting::Waits(span),
        (Fitting::Steady, _) | (_, Fitting::Steady) => Fitting::Steady,
        _ => Fitting::NoRange,
    }
}

/// `increase(a[r]) / increase(b[r])`, each possibly summed: the length cancels out.
fn is_ratio_of_increases(binary: &Binary) -> bool {
    fn range_of_increase(expr: &Expr) -> Option<f64> {
        match &expr.node {
            Node::Paren(inner) => range_of_increase(inner),
            Node::Aggregation(sum) if sum.op == AggregationOp::Sum => range_of_increase(&sum.expr),
            Node::Call(call) if call.function.is_some_and(|function| function.name == "increase") => {
                match call.args.first().map(|arg| &arg.node) {
                    Some(Node::Range(range)) if shifted(&range.modifiers).is_none() => range.range.seconds(),
                    _ => None,
                }
            }
            _ => None,
        }
    }
    let ranges = (range_of_increase(&binary.left), range_of_increase(&binary.right));
    binary.op == BinaryOp::Div && ranges.0.is_some() && ranges.0 == ranges.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Options, parse};

    fn tree(query: &str) -> Expr {
        parse(query, Options::default()).sound().unwrap()
    }

    #[test]
    fn the_lookback_is_what_ranges_and_subqueries_reach() {
        for (query, seconds) in [
            ("up", 0),
            ("rate(x[5m])", 300),
            ("rate(x[5m]) / rate(y[1h])", 3600),
            ("max_over_time(rate(x[5m])[1h:1m])", 3900),
            ("max_over_time(max_over_time(rate(x[5m])[1h:])[1d:])", 90_300),
            ("rate(x[5m]) / rate(x[1h] offset 1w)", 300),
            ("rate(x[5m] offset -1m)", 300),
            ("x @ 1700000000 - x", 0),
            ("rate(x[5m + 1m])", 360),
            ("sum_over_time(x[300])", 300),
        ] {
            let tree = tree(query);
            let reach = analyse(&tree).lookback();
            assert_eq!(reach, Reach { known: Duration::from_secs(seconds), more: false }, "{query}");
        }
        assert!(analyse(&tree("rate(x[step()])")).lookback().more);
        assert!(analyse(&tree("up - rate(x[5m])")).has_instant());
        assert!(!analyse(&tree("rate(x[5m])")).has_instant());
    }

    #[test]
    fn metrics_are_named_once() {
        let tree = tree("a{x=\"1\"} + rate(b[1m]) + {\"c.d\"} + {__name__=\"e\"} + {__name__=~\"f.*\"} + a");
        assert_eq!(analyse(&tree).metrics(), ["a", "b", "c.d", "e"]);
    }

    #[test]
    fn what_grows_with_its_range_waits() {
        for query in [
            "rate(x[5m])",
            "sum(rate(x[5m])) / sum(rate(y[5m]))",
            "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))",
            "sum(increase(x[5m])) / sum(increase(y[5m]))",
            "quantile_over_time(0.9, x[5m])",
            "rate(x[5m]) / rate(x[5m] offset 1w)",
        ] {
            assert_eq!(fitting(&tree(query)), Fitting::Steady, "{query}");
        }
        for query in ["up", "x - x offset 5m", "increase(x[5m] offset 1d)"] {
            assert_eq!(fitting(&tree(query)), Fitting::NoRange, "{query}");
        }
        for query in [
            "increase(x[5m])",
            "increase(x[5m]) / increase(y[1m])",
            "changes(x[5m])",
            "max_over_time(rate(x[5m])[1h:])",
            "rate(x[5m]) + sum_over_time(y[5m])",
            "rate(x[5m]) / increase(x[5m])",
        ] {
            assert!(matches!(fitting(&tree(query)), Fitting::Waits(_)), "{query}");
        }
    }
}
