//! What a query takes its metrics for: whose rate it takes, and whose values as they are. Must not say which metric is
//! a counter; names do offline, and a source that is asked.

use super::{OF_COUNTERS, written_name};
use crate::promql::ast::{AggregationOp, Binary, BinaryOp, Call, Expr, Node, Selector, Span};

/// A counter that is not taken for one.
pub(crate) enum Taken<'e> {
    /// Its value is taken as it is.
    Raw(&'e Selector, Span),
    /// A function of gauges is called of it; what there is for counters instead.
    Gauge(&'e Call, &'e Selector, Span, &'static str),
}

/// Every call that takes the rate of a selector over a range, but those over which a histogram is looked at: native
/// ones are named like gauges.
pub(crate) fn rates(expr: &Expr) -> Vec<(&Call, &Selector, Span)> {
    fn walk<'e>(expr: &'e Expr, found: &mut Vec<(&'e Call, &'e Selector, Span)>) {
        if let Node::Call(call) = &expr.node {
            if call.name.text.starts_with("histogram_") {
                return;
            }
            if call.is_any(OF_COUNTERS)
                && let Some(Node::Range(range)) = call.args.first().map(|arg| &arg.bare().node)
                && let Node::Selector(selector) = &range.selector.node
            {
                found.push((call, selector, range.selector.span));
            }
        }
        for below in expr.children() {
            walk(below, found);
        }
    }
    let mut found = Vec::new();
    walk(expr, &mut found);
    found
}

/// Every counter of `expr`, as `is_counter` says by its name, that is not taken for one where its value matters.
pub(crate) fn raw_counters<'e>(expr: &'e Expr, is_counter: &dyn Fn(&str) -> bool) -> Vec<Taken<'e>> {
    let mut counters = Counters { is_counter, found: Vec::new() };
    counters.walk(expr);
    counters.found
}

struct Counters<'e, 'c> {
    is_counter: &'c dyn Fn(&str) -> bool,
    found: Vec<Taken<'e>>,
}

impl<'e> Counters<'e, '_> {
    fn walk(&mut self, expr: &'e Expr) {
        match &expr.node {
            Node::Selector(selector) if self.is_counter(selector) => {
                self.found.push(Taken::Raw(selector, expr.span));
            }
            // Over a range, only what needs a counter's fall to mean something is wrong.
            Node::Range(_) => {}
            Node::Call(call) => self.call(call),
            // How many series there are says nothing of their values.
            Node::Aggregation(one) if matches!(one.op, AggregationOp::Count | AggregationOp::Group) => {}
            Node::Binary(binary) => self.binary(binary),
            _ => expr.children().into_iter().for_each(|below| self.walk(below)),
        }
    }

    fn call(&mut self, call: &'e Call) {
        const FINE: &[&str] = &["rate", "irate", "increase", "resets", "changes", "absent", "timestamp"];
        const ODD: &[(&str, &str)] = &[("delta", "increase"), ("idelta", "increase"), ("deriv", "rate")];
        if call.is_any(FINE) || call.name.text.ends_with("_over_time") {
            return;
        }
        let odd = ODD.iter().find(|(name, _)| call.is_any(&[name]));
        if let (Some((_, instead)), Some(Node::Range(range))) = (odd, call.args.first().map(|a| &a.node))
            && let Node::Selector(selector) = &range.selector.node
            && self.is_counter(selector)
        {
            self.found.push(Taken::Gauge(call, selector, range.selector.span, instead));
            return;
        }
        for (index, arg) in call.args.iter().enumerate() {
            // The second argument of `info` and the like names series for their labels.
            if index == 0 || call.name.text.starts_with("histogram_") {
                self.walk(arg);
            }
        }
    }

    fn binary(&mut self, binary: &'e Binary) {
        // The right side of a filter is there for its labels.
        if matches!(binary.op, BinaryOp::And | BinaryOp::Unless) {
            return self.walk(&binary.left);
        }
        // The growth since an earlier time is an increase by hand.
        if binary.op == BinaryOp::Sub && same_metric(&binary.left, &binary.right) {
            return;
        }
        self.walk(&binary.left);
        // `x_healthy / x_total`: how many there are in all is no counter.
        if binary.op == BinaryOp::Div && is_share_of(&binary.left, &binary.right) {
            return;
        }
        self.walk(&binary.right);
    }

    fn is_counter(&self, selector: &Selector) -> bool {
        written_name(selector).is_some_and(self.is_counter)
    }
}

fn selector(expr: &Expr) -> Option<&Selector> {
    match &expr.bare().node {
        Node::Selector(selector) => Some(selector),
        Node::Aggregation(aggregation) => match &aggregation.expr.bare().node {
            Node::Selector(selector) => Some(selector),
            _ => None,
        },
        _ => None,
    }
}

fn same_metric(left: &Expr, right: &Expr) -> bool {
    let name = |expr| selector(expr).and_then(written_name);
    name(left).is_some() && name(left) == name(right)
}

/// Whether `whole` is the number in all of what `part` is a number of, by their names.
fn is_share_of(part: &Expr, whole: &Expr) -> bool {
    let name = |expr| selector(expr).and_then(written_name);
    let stem = name(whole).and_then(|name| name.strip_suffix("total"));
    stem.zip(name(part)).is_some_and(|(stem, part)| part.starts_with(stem) && !part.ends_with("_total"))
}
