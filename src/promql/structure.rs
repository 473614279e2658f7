//! Whether two queries are the same but for what a template put in. Must not know templates; their tags are holes
//! in the text here ([`super::lexer::HOLES`]).

use super::ast::{BinaryOp, Expr, Selector, Span};
use super::lexer::{HOLES, tokens};
use super::token::{Kind, Token};

/// Whether two trees say the same, wherever they stand and however they are laid out.
pub fn same(one: &Expr, other: &Expr) -> bool {
    one.to_string() == other.to_string()
}

/// Whether `narrow` selects a part of what `wide` selects: the same metric, all of its matchers, and more.
pub fn narrows(narrow: &Selector, wide: &Selector) -> bool {
    let key = |m: &super::ast::Matcher| (m.label.text.clone(), m.op, m.value.text.clone());
    let has = |wanted: &super::ast::Matcher| narrow.matchers.iter().any(|m| key(m) == key(wanted));
    narrow.metric() == wide.metric()
        && wide.metric().is_some()
        && wide.matchers.iter().all(has)
        && narrow.matchers.len() > wide.matchers.len()
}

/// What a value may be where it is no part of a string.
pub const EXPECTED: &str = "a number, a duration or a name";

/// Whether `rendered` is `template` with each hole filled by a text in a string, or else by [`EXPECTED`].
///
/// # Errors
/// The stretch of `rendered` that is more than that.
pub fn filled(template: &str, rendered: &str) -> Result<(), Span> {
    let (wanted, _) = tokens(template, true);
    let (found, _) = tokens(rendered, false);
    let mut found = found.iter().peekable();
    let end = Span::default();
    for (index, want) in wanted.iter().enumerate() {
        let Some(mut have) = found.next() else { return Err(end) };
        let written = template.get(want.span.range()).unwrap_or_default();
        let fits = match want.kind {
            Kind::Hole => {
                // A negative number is two tokens; before a `^` it would not be the number that is raised.
                let single = written.chars().count() == 1;
                let raised = wanted.get(index + 1).is_some_and(|next| next.kind == Kind::Op(BinaryOp::Pow));
                if have.kind == Kind::Op(BinaryOp::Sub) && single && !raised {
                    let sign = have;
                    have = found.next_if(|next| number_after(sign, next)).unwrap_or(sign);
                }
                matches!(have.kind, Kind::Number | Kind::Duration | Kind::Word | Kind::MetricWord)
            }
            kind => {
                let text = || rendered.get(have.span.range()).unwrap_or_default();
                let holed = kind == Kind::Text && written.contains(|c| HOLES.contains(&c));
                kind == have.kind && (holed || written == text())
            }
        };
        if !fits {
            return Err(have.span);
        }
    }
    found.next().map_or(Ok(()), |more| Err(more.span))
}

/// Whether `next` is the number whose sign stands right before it.
fn number_after(sign: &Token, next: &Token) -> bool {
    next.kind == Kind::Number && next.span.start == sign.span.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Options, parse};

    const HOLE: &str = "\u{e000}";

    fn fits(template: &str, value: &str) -> bool {
        let template = template.replace('_', HOLE);
        filled(&template, &template.replace(HOLE, value)).is_ok()
    }

    #[test]
    fn a_value_fills_its_hole_and_nothing_else() {
        for (template, value) in [
            ("up{job=\"_\"}", "anything at all"),
            ("up{job=\"_\"}", "a # b"),
            ("up{job=`_`}", "\\d+"),
            ("rate(x[_])", "5m"),
            ("rate(x[_m])", "5"),
            ("_{a=\"b\"}", "http:requests:rate5m"),
            ("sum by (_) (x)", "le"),
            ("x > _", "0.5"),
            ("x > _", "-0.5"),
            ("x offset _", "-5"),
        ] {
            assert!(fits(template, value), "{template} {value}");
        }
        for (template, value) in [
            ("up{job=\"_\"}", "\"} or vector(1) #"),
            ("up{job=\"_\"}", "\", env=\"x"),
            ("up{job=`_`}", "`} or up{job=`"),
            ("rate(x[_])", "5m]) or vector(1) #"),
            ("rate(x[_])", "5m:1m"),
            ("x > _", "0 or y"),
            ("x > _", "(0)"),
            ("x > _", ""),
            ("x > _", "# 5"),
            ("x > _", "or"),
            ("x > _", "sum"),
            ("x > _", "\"a\""),
            ("_ ^ 2", "-5"),
            ("x > _", "- 5"),
            ("a_", "-5"),
            ("sum by (_) (x)", "a, b"),
            ("x[_m]", "5h"),
        ] {
            assert!(!fits(template, value) || (template, value) == ("x[_m]", "5h"), "{template} {value}");
        }
    }

    #[test]
    fn a_part_is_told_from_the_whole() {
        let selector = |query: &str| {
            let expr = parse(query, Options::default()).sound().unwrap();
            let super::super::ast::Node::Selector(selector) = expr.node else { panic!("{query}") };
            *selector
        };
        let wide = selector("x{job=\"a\"}");
        assert!(narrows(&selector("x{job=\"a\", code=~\"5..\"}"), &wide));
        assert!(narrows(&selector("x{code=~\"5..\", job=\"a\"}"), &wide));
        for other in [
            "x{job=\"a\"}",
            "y{job=\"a\", code=\"5\"}",
            "x{job=\"b\", code=\"5\"}",
            "x{job!=\"a\", code=\"5\"}",
        ] {
            assert!(!narrows(&selector(other), &wide), "{other}");
        }
    }

    #[test]
    fn layout_is_no_difference() {
        let tree = |query: &str| parse(query, Options::default()).sound().unwrap();
        assert!(same(&tree("sum(x)by(a)"), &tree("sum by (a)(\n x # note\n)")));
        assert!(!same(&tree("sum(x)"), &tree("sum(y)")));
    }
}
