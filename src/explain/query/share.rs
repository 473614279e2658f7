//! A ratio whose upper side is a part of its lower one: the share of what a few more labels pick out. Must be sure of
//! it: the two sides are the same but for those labels.

use super::{Phrase, Words, condition};
use crate::promql::analysis::analyse;
use crate::promql::ast::{Binary, BinaryOp, Expr, Matcher, Node, Selector};
use crate::promql::lexer::HOLES;

/// Stands for the selector while the rest of a side is put into words.
const SUBJECT: &str = "\u{1}";

impl Words<'_> {
    /// `the share where status matches 5.. of http_requests_total …, by the sum of the rates per second over 5 minutes`.
    pub(super) fn share(&self, binary: &Binary) -> Option<Phrase> {
        if binary.op != BinaryOp::Div {
            return None;
        }
        let (left, or_zero) = without_fallback(&binary.left);
        let (part, whole) = (only_selector(left)?, only_selector(&binary.right)?);
        // Each tag has a character of its own in the tree: what is the same is told by what is written.
        let same = |a: &Matcher, b: &Matcher| {
            a.label.text == b.label.text
                && a.op == b.op
                && (a.value.text == b.value.text || (self.text)(a.value.span) == (self.text)(b.value.span))
        };
        let kept = |matcher: &&Matcher| part.matchers.iter().any(|own| same(own, matcher));
        let more: Vec<&Matcher> =
            part.matchers.iter().filter(|own| !whole.matchers.iter().any(|other| same(own, other))).collect();
        let named = part.metric().is_some() && part.metric() == whole.metric();
        if !named || more.is_empty() || !whole.matchers.iter().all(|matcher| kept(&matcher)) {
            return None;
        }
        let (left, right) = (bare(left)?.to_string(), bare(&binary.right)?.to_string());
        if left != right || left.contains(|c| HOLES.contains(&c)) {
            return None;
        }
        let conditions: Vec<String> = more.into_iter().map(condition).collect();
        let of = self.selector(whole, &whole.modifiers);
        let measure = self.of(&bare(&binary.right)?).text;
        let measure = measure.replacen(&format!(" of `{SUBJECT}`"), "", 1);
        let by = if measure == format!("`{SUBJECT}`") { String::new() } else { format!(", by {measure}") };
        // What could not be taken out would be said of nothing.
        let sound = !by.contains(SUBJECT);
        let none = if or_zero { " (0 where there is none)" } else { "" };
        let conditions = conditions.join(" and ");
        sound.then(|| Phrase::joined(format!("the share where {conditions}{none}, of {of}{by}")))
    }
}

/// `x` of `x or vector(0)`, and whether it was that.
fn without_fallback(expr: &Expr) -> (&Expr, bool) {
    match &expr.node {
        Node::Paren(inner) => match without_fallback(inner) {
            (left, true) => (left, true),
            _ => (expr, false),
        },
        Node::Binary(binary) if binary.op == BinaryOp::Or && is_zero(&binary.right) => (&binary.left, true),
        _ => (expr, false),
    }
}

fn is_zero(expr: &Expr) -> bool {
    match &expr.node {
        Node::Paren(inner) => is_zero(inner),
        Node::Call(call) => {
            &*call.name.text == "vector"
                && matches!(call.args.first().map(|arg| &arg.node), Some(Node::Number(zero)) if *zero == 0.0)
        }
        _ => false,
    }
}

/// The one selector of a side.
fn only_selector(expr: &Expr) -> Option<&Selector> {
    let uses = analyse(expr).uses;
    match uses.as_slice() {
        [only] if !only.is_shifted() => Some(only.selector),
        _ => None,
    }
}

/// `expr` with a selector that selects nothing in particular.
fn bare(expr: &Expr) -> Option<Expr> {
    fn strip(expr: &mut Expr) -> bool {
        match &mut expr.node {
            Node::Selector(selector) => {
                let Some(name) = &mut selector.name else { return false };
                name.text = SUBJECT.into();
                selector.matchers.clear();
                true
            }
            Node::Range(range) => strip(&mut range.selector),
            Node::Subquery(subquery) => strip(&mut subquery.expr),
            Node::Call(call) => call.args.iter_mut().any(strip),
            Node::Aggregation(aggregation) => strip(&mut aggregation.expr),
            Node::Binary(binary) => strip(&mut binary.left) || strip(&mut binary.right),
            Node::Unary(unary) => strip(&mut unary.expr),
            Node::Paren(inner) => strip(inner),
            Node::Number(_) | Node::Text(_) | Node::Hole => false,
        }
    }
    let mut expr = expr.clone();
    strip(&mut expr).then_some(expr)
}
