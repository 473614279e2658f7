//! Ranges and offsets that stand where they cannot: which selector they were meant for. Must not type-check.

use crate::promql::ast::{Expr, Length, Modifiers, Node, RangeSelector, Span, Subquery, ValueType};
use crate::promql::error::Error;
use crate::promql::lexer;
use crate::promql::token::Token;

/// What is wrong with a range on `expr`, if anything is. Where it was meant for a selector inside, the tree is made
/// what it was meant to be.
pub(in crate::promql) fn misplaced_range(
    text: &str,
    expr: &mut Expr,
    range: &Length,
    brackets: Span,
) -> Option<Error> {
    let written = text.get(brackets.range()).unwrap_or_default().to_owned();
    let whole = expr.span.to(brackets);
    match &mut expr.node {
        Node::Hole => return None,
        Node::Selector(selector) => {
            let modifiers = std::mem::take(&mut selector.modifiers);
            // Before 3.15 Prometheus overlooked `@ start()`, `@ end()` and an offset that is computed.
            let what = if modifiers.offset.is_some() {
                "no offset modifiers allowed before range"
            } else if modifiers.at.is_some() {
                "no @ modifiers allowed before range"
            } else {
                selector.modifiers = modifiers;
                return None;
            };
            let end = end_of_selector(expr);
            let moved = vec![(end.after(), written), (cut(text, brackets), String::new())];
            wrap(expr, range, brackets, modifiers);
            expr.span = whole;
            return Some(Error::new(brackets, what).sure("put the range first", moved));
        }
        _ => {}
    }
    let error = Error::new(brackets, "ranges only allowed for vector selectors");
    let mut bare = Vec::new();
    bare_arguments(expr, &mut bare);
    if bare.is_empty() {
        let ranged =
            matches!(expr.node, Node::Range(_) | Node::Subquery(_) | Node::Number(_) | Node::Text(_));
        if ranged {
            return Some(error);
        }
        let colon = Span { start: brackets.end - 1, end: brackets.end - 1 };
        let inner = std::mem::replace(expr, Expr::new(whole, Node::Hole));
        let (range, modifiers) = (range.clone(), Modifiers::default());
        let subquery = Subquery { expr: inner, range, step: None, brackets, modifiers };
        *expr = Expr::new(whole, Node::Subquery(Box::new(subquery)));
        return Some(
            error
                .help(
                    "to look back over an expression, write a subquery; a rate is taken before it is summed",
                )
                .guess("make it a subquery", vec![(colon, ":".to_owned())]),
        );
    }
    let sure = bare.len() == 1;
    let mut edits = vec![(cut(text, brackets), String::new())];
    for argument in bare {
        edits.push((end_of_selector(argument).after(), written.clone()));
        let modifiers = match &mut argument.node {
            Node::Selector(selector) => std::mem::take(&mut selector.modifiers),
            _ => Modifiers::default(),
        };
        wrap(argument, range, brackets, modifiers);
    }
    expr.span = whole;
    let title = "move the range to the selector inside";
    Some(if sure { error.sure(title, edits) } else { error.guess(title, edits) })
}

/// `expr` as a range selector.
fn wrap(expr: &mut Expr, range: &Length, brackets: Span, modifiers: Modifiers) {
    let span = expr.span;
    let selector = std::mem::replace(expr, Expr::new(span, Node::Hole));
    let range = RangeSelector { selector, range: range.clone(), brackets, modifiers };
    *expr = Expr::new(span, Node::Range(Box::new(range)));
}

/// The stretch of `span` and the blanks before it; not those that its line begins with, nor the end of the line before,
/// which may end a comment.
pub(in crate::promql) fn cut(text: &str, span: Span) -> Span {
    let before = text.get(..span.start as usize).unwrap_or_default();
    let kept = before.trim_end_matches([' ', '\t']);
    let start = if kept.is_empty() || kept.ends_with('\n') { before.len() } else { kept.len() };
    Span { start: lexer::span(start, 0).start, end: span.end }
}

/// A selector without its modifiers.
fn end_of_selector(expr: &Expr) -> Span {
    match &expr.node {
        Node::Selector(selector) => {
            selector.braces.or(selector.name.as_ref().map(|name| name.span)).unwrap_or(expr.span)
        }
        _ => expr.span,
    }
}

/// Instant selectors that stand where a function wants a range.
fn bare_arguments<'e>(expr: &'e mut Expr, found: &mut Vec<&'e mut Expr>) {
    match &mut expr.node {
        Node::Call(call) => {
            let wanted = call.function.map_or(&[][..], |function| function.args);
            for (arg, wanted) in call.args.iter_mut().zip(wanted) {
                if *wanted == ValueType::Matrix && matches!(arg.node, Node::Selector(_)) {
                    found.push(arg);
                } else {
                    bare_arguments(arg, found);
                }
            }
        }
        Node::Aggregation(aggregation) => bare_arguments(&mut aggregation.expr, found),
        Node::Binary(binary) => {
            bare_arguments(&mut binary.left, found);
            bare_arguments(&mut binary.right, found);
        }
        Node::Unary(unary) => bare_arguments(&mut unary.expr, found),
        Node::Paren(inner) => bare_arguments(inner, found),
        Node::Number(_)
        | Node::Text(_)
        | Node::Selector(_)
        | Node::Range(_)
        | Node::Subquery(_)
        | Node::Hole => {}
    }
}

/// An `offset` (at `clause`) after something that takes none, which stands at `start`.
pub(in crate::promql) fn misplaced_offset(text: &str, expr: &Expr, start: Span, clause: Span) -> Error {
    let message = "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery";
    let error = Error::new(start, message);
    let written = text.get(clause.range()).unwrap_or_default();
    let mut places = Vec::new();
    for_offset(expr, &mut places);
    if places.is_empty() {
        return error;
    }
    let sure = places.len() == 1;
    let mut edits = vec![(cut(text, clause), String::new())];
    edits.extend(places.into_iter().map(|place: Span| (place.after(), format!(" {written}"))));
    let title = "move the offset to the selector inside";
    if sure { error.sure(title, edits) } else { error.guess(title, edits) }
}

/// The selectors of `expr` that have no offset.
fn for_offset(expr: &Expr, found: &mut Vec<Span>) {
    match &expr.node {
        Node::Selector(selector) if selector.modifiers.offset.is_none() => found.push(expr.span),
        Node::Range(range) if range.modifiers.offset.is_none() => found.push(expr.span),
        Node::Subquery(subquery) if subquery.modifiers.offset.is_none() => found.push(expr.span),
        Node::Call(call) => call.args.iter().for_each(|arg| for_offset(arg, found)),
        Node::Aggregation(aggregation) => for_offset(&aggregation.expr, found),
        Node::Binary(binary) => {
            for_offset(&binary.left, found);
            for_offset(&binary.right, found);
        }
        Node::Unary(unary) => for_offset(&unary.expr, found),
        Node::Paren(inner) => for_offset(inner, found),
        _ => {}
    }
}

/// A range that does not end where it should.
pub(in crate::promql) fn range_with_a_fault(text: &str, open: Span, token: Token, error: Error) -> Error {
    let inside = text.get(open.end as usize..token.span.end as usize).unwrap_or_default();
    if token.span.start == token.span.end {
        return error.guess("close the range", vec![(token.span, "]".to_owned())]);
    }
    let joined: String = inside.chars().filter(|c| !c.is_whitespace()).collect();
    if super::super::literal::duration(&joined).is_ok() {
        let span = Span { start: open.end, end: token.span.end };
        return error
            .help("a duration has no blanks inside")
            .sure("write it in one word", vec![(span, joined)]);
    }
    error
}
