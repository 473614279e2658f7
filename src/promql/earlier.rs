//! A query as it was some time ago: every selector looks so much further back. Must not touch anything else, and gives
//! nothing where that would not be the same query.

use std::time::Duration;

use super::ast::{Expr, Length, LengthNode, Modifiers, Node, Span};

/// Functions that look at the time of evaluation where they have no argument.
const CLOCKS: &[&str] = &[
    "time",
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
];

/// `expr` as it was `by` ago. `None` where it asks for the time itself, is pinned to one by `@`, or has an offset that is
/// known only to the server.
pub fn earlier(expr: &Expr, by: Duration) -> Option<Expr> {
    let mut shifted = expr.clone();
    shift(&mut shifted, by.as_secs_f64()).then_some(shifted)
}

fn shift(expr: &mut Expr, by: f64) -> bool {
    match &mut expr.node {
        Node::Number(_) | Node::Text(_) => true,
        Node::Selector(selector) => add(&mut selector.modifiers, by),
        Node::Range(range) => add(&mut range.modifiers, by),
        Node::Subquery(subquery) => add(&mut subquery.modifiers, by) && !asks_for_now(&subquery.expr),
        Node::Call(call) if call.is_any(CLOCKS) && call.args.is_empty() => false,
        Node::Call(call) => call.args.iter_mut().all(|arg| shift(arg, by)),
        Node::Aggregation(aggregation) => {
            aggregation.param.as_mut().is_none_or(|param| shift(param, by))
                && shift(&mut aggregation.expr, by)
        }
        Node::Binary(binary) => shift(&mut binary.left, by) && shift(&mut binary.right, by),
        Node::Unary(unary) => shift(&mut unary.expr, by),
        Node::Paren(inner) => shift(inner, by),
        Node::Hole => false,
    }
}

/// Inside a subquery time passes as it did, but what is pinned stays.
fn asks_for_now(expr: &Expr) -> bool {
    expr.all().iter().any(|part| match &part.node {
        Node::Selector(selector) => selector.modifiers.at.is_some(),
        Node::Range(range) => range.modifiers.at.is_some(),
        Node::Subquery(subquery) => subquery.modifiers.at.is_some(),
        _ => false,
    })
}

fn add(modifiers: &mut Modifiers, by: f64) -> bool {
    if modifiers.at.is_some() {
        return false;
    }
    let before = match &modifiers.offset {
        Some(offset) => offset.seconds(),
        None => Some(0.0),
    };
    let Some(before) = before else { return false };
    let seconds = before + by;
    let length = |seconds| Length { span: Span::default(), node: LengthNode::Seconds(seconds) };
    modifiers.offset = Some(if seconds < 0.0 {
        Length { span: Span::default(), node: LengthNode::Signed(true, Box::new(length(-seconds))) }
    } else {
        length(seconds)
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Options, parse};

    const WEEK: Duration = Duration::from_secs(7 * 86_400);

    fn of(query: &str) -> Option<String> {
        earlier(&parse(query, Options::default()).sound().unwrap(), WEEK).map(|expr| expr.to_string())
    }

    #[test]
    fn every_selector_looks_so_much_further_back() {
        for (query, wanted) in [
            ("x", "x offset 1w"),
            ("sum by (a) (rate(x{b=\"1\"}[5m])) / 2", "sum by (a) (rate(x{b=\"1\"}[5m] offset 1w)) / 2"),
            ("x offset 1d - y", "x offset 8d - y offset 1w"),
            ("x offset -2w", "x offset -1w"),
            ("max_over_time((x + y)[1h:5m])", "max_over_time((x + y)[1h:5m] offset 1w)"),
            ("max_over_time((time() - y)[1h:5m])", "max_over_time((time() - y)[1h:5m] offset 1w)"),
            ("hour(timestamp(x))", "hour(timestamp(x offset 1w))"),
            ("topk(3, -x)", "topk(3, -x offset 1w)"),
        ] {
            let shifted = of(query).unwrap();
            assert_eq!(shifted, wanted);
            assert!(parse(&shifted, Options::default()).errors.is_empty(), "{shifted}");
        }
    }

    #[test]
    fn what_looks_at_the_clock_is_not_what_it_was() {
        for query in
            ["time() - x", "x and on () hour() > 8", "x @ 1700000000", "max_over_time((x @ end())[1h:])"]
        {
            assert_eq!(of(query), None, "{query}");
        }
    }
}
