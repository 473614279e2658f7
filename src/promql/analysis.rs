//! What a query looks at: its selectors, how far back each reaches, and which metrics they name. Must not rewrite the
//! query and must not know when anything was deployed.

use std::time::Duration;

use super::ast::{
    AtTime, BinaryOp, Expr, Extended, Length, LengthNode, MatchOp, Modifiers, Node, Selector, Span,
};
use super::functions::Function;

/// The longest time that is told apart: what overflows is as good as for ever.
pub const FOREVER: Duration = Duration::from_secs(u32::MAX as u64 * 10);

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
    /// That range as it is written.
    pub length: Option<&'e Length>,
    /// How the range takes in what lies beside it.
    pub extended: Option<Extended>,
    /// The ranges of the subqueries around it, all together.
    pub subqueries: Reach,
    /// The offsets of it and of the subqueries around it, all together, in seconds; negative looks ahead.
    pub offset: f64,
    /// Whether a template or the server's step adds to the offset.
    pub adrift: bool,
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
    analyse_within(expr, Around::default())
}

/// What `expr`, a part of a query, looks at, given what stands around it.
pub(super) fn analyse_within(expr: &Expr, around: Around) -> Analysis<'_> {
    let mut analysis = Analysis::default();
    walk(expr, around, &mut analysis);
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

/// What stands around a part of a query.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around {
    subqueries: Reach,
    offset: f64,
    adrift: bool,
    pinned: bool,
    function: Option<&'static Function>,
}

impl Around {
    /// The same, and `modifiers`.
    pub(super) fn shifted(self, modifiers: &Modifiers) -> Self {
        // `@ start()` and `@ end()` are the evaluation itself where one time is asked for.
        let pinned = modifiers.at.is_some_and(|at| matches!(at.time, AtTime::Seconds(_) | AtTime::Hole));
        let written = modifiers.offset.as_ref();
        let offset = written.and_then(Length::seconds);
        Self {
            offset: self.offset + offset.unwrap_or_default(),
            adrift: self.adrift || written.is_some() && offset.is_none(),
            pinned: self.pinned || pinned,
            ..self
        }
    }

    /// Whether what stands there is meant to look at another time, as [`Use::is_shifted`] has it.
    pub(super) fn is_shifted(self) -> bool {
        self.pinned || self.offset > 0.0
    }
}

fn walk<'e>(expr: &'e Expr, around: Around, found: &mut Analysis<'e>) {
    let inner = Around { function: None, ..around };
    match &expr.node {
        Node::Number(_) | Node::Text(_) | Node::Hole => {}
        Node::Selector(selector) => push(selector, &selector.modifiers, expr.span, None, around, found),
        Node::Range(range) => {
            if let Node::Selector(selector) = &range.selector.node {
                push(selector, &range.modifiers, expr.span, Some(&range.range), around, found);
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
    length: Option<&'e Length>,
    around: Around,
    found: &mut Analysis<'e>,
) {
    let Around { subqueries, offset, adrift, pinned, function } = around.shifted(modifiers);
    let (range, extended) = (length.map(Length::reach), modifiers.extended);
    found.uses.push(Use {
        selector,
        span,
        range,
        length,
        extended,
        subqueries,
        offset,
        adrift,
        pinned,
        function,
    });
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
}
