//! Selectors, and what may follow them: ranges, subqueries, `offset` and `@`. Must not know what they stand in.

use super::{Parser, Read};
use crate::promql::ast::BinaryOp;
use crate::promql::ast::{
    At, AtTime, Expr, Extended, MatchOp, Matcher, Modifiers, Name, Node, RangeSelector, Selector, Span,
    Subquery,
};
use crate::promql::error::Error;
use crate::promql::mistakes;
use crate::promql::token::{Keyword, Kind, Token};

/// Unix seconds beyond which `@` does not fit Prometheus' milliseconds.
const LATEST: f64 = 9.223_372_036_854_776e15;

impl Parser<'_> {
    /// A selector whose name, if it has one, is the next token.
    pub(super) fn selector(&mut self) -> Read<Expr> {
        let first = self.peek();
        let mut name = None;
        if first.kind != Kind::LeftBrace {
            self.next();
            name = Some(Name { text: self.text_of(first.span).into(), span: first.span });
        }
        let mut span = first.span;
        let (mut matchers, mut braces) = (Vec::new(), None);
        if let Some(open) = self.eat(Kind::LeftBrace) {
            let close = self.matchers(&mut name, &mut matchers)?;
            braces = Some(open.span.to(close));
            span = first.span.to(close);
        }
        let selector = Selector { name, matchers, braces, modifiers: Modifiers::default() };
        self.node(span, Node::Selector(Box::new(selector)))
    }

    /// What stands in braces, to the closing one.
    fn matchers(&mut self, name: &mut Option<Name>, matchers: &mut Vec<Matcher>) -> Read<Span> {
        loop {
            let token = self.peek();
            match token.kind {
                Kind::RightBrace => {
                    self.next();
                    return Ok(token.span);
                }
                Kind::Word | Kind::Hole => {
                    let label = Name { text: self.text_of(token.span).into(), span: token.span };
                    self.next();
                    let matcher = self.matcher(label)?;
                    matchers.push(matcher);
                }
                Kind::Text => {
                    let label = Name { text: self.string(token)?, span: token.span };
                    self.next();
                    if matches!(self.peek().kind, Kind::Comma | Kind::RightBrace) {
                        self.name_in_braces(label, name, matchers)?;
                    } else {
                        let matcher = self.matcher(label)?;
                        matchers.push(matcher);
                    }
                }
                Kind::End => {
                    let error = mistakes::open_braces(self.text, token.span, &self.tokens);
                    return self.stop(error);
                }
                _ => {
                    let error = self.unexpected(token, "label matching", "identifier or \"}\"");
                    return self.stop(error);
                }
            }
            match self.peek().kind {
                Kind::Comma => {
                    self.next();
                }
                Kind::RightBrace => {}
                Kind::End => {
                    let error = mistakes::open_braces(self.text, self.peek().span, &self.tokens);
                    return self.stop(error);
                }
                _ => {
                    let error = self.unexpected(self.peek(), "label matching", "\",\" or \"}\"");
                    return self.stop(mistakes::between_matchers(self.text, self.peek(), error));
                }
            }
        }
    }

    /// A metric's name in quotes; the second one in the same braces is a matcher like any other.
    fn name_in_braces(
        &mut self,
        found: Name,
        name: &mut Option<Name>,
        matchers: &mut Vec<Matcher>,
    ) -> Read<()> {
        let inside = name.as_ref().is_none_or(|name| self.text_of(name.span).starts_with(['"', '\'', '`']));
        if !inside {
            let message = format!(
                "metric name must not be set twice: \"{}\" or \"{}\"",
                name.as_ref().map_or("", |name| &name.text),
                found.text
            );
            return self.stop(Error::new(found.span, message).help("keep one of the two names"));
        }
        if name.is_none() {
            *name = Some(found);
        } else {
            let label = Name { text: "__name__".into(), span: found.span.before() };
            let op_span = found.span.before();
            matchers.push(Matcher { span: found.span, label, op: MatchOp::Equal, op_span, value: found });
        }
        Ok(())
    }

    fn matcher(&mut self, label: Name) -> Read<Matcher> {
        let token = self.peek();
        let op = match token.kind {
            Kind::Assign => MatchOp::Equal,
            Kind::Op(BinaryOp::NotEqual) => MatchOp::NotEqual,
            Kind::RegexEqual => MatchOp::Regex,
            Kind::RegexNotEqual => MatchOp::NotRegex,
            _ => match mistakes::match_operator(self.text_of(token.span), token.span) {
                Some((op, error)) => {
                    self.errors.push(error);
                    op
                }
                None => {
                    let error = self.unexpected(token, "label matching", "label matching operator");
                    return self.stop(error);
                }
            },
        };
        self.next();
        let value = self.peek();
        let text = match value.kind {
            Kind::Text => self.string(value)?,
            Kind::Word | Kind::MetricWord | Kind::Keyword(_) | Kind::Number | Kind::Duration | Kind::Hole => {
                let error = self.unexpected(value, "label matching", "string");
                self.errors.push(mistakes::no_quotes(value.span, error));
                self.text_of(value.span).into()
            }
            _ => {
                let error = self.unexpected(value, "label matching", "string");
                return self.stop(error);
            }
        };
        self.next();
        let span = label.span.to(value.span);
        Ok(Matcher { span, label, op, op_span: token.span, value: Name { text, span: value.span } })
    }

    /// `expr` with what follows it: brackets, `offset`, `@`.
    pub(super) fn modified(&mut self, mut expr: Expr) -> Read<Expr> {
        loop {
            let token = self.peek();
            match token.kind {
                Kind::LeftBracket => expr = self.brackets(expr)?,
                Kind::Keyword(Keyword::Offset) => self.offset(&mut expr)?,
                Kind::At => self.at(&mut expr)?,
                Kind::Word if self.extended(token, &mut expr) => {}
                _ => return Ok(expr),
            }
        }
    }

    fn brackets(&mut self, expr: Expr) -> Read<Expr> {
        let open = self.next();
        let place = "range or subquery";
        let range = self.positive_length(place)?;
        if self.eat(Kind::Colon).is_some() {
            let step = match self.peek().kind {
                Kind::RightBracket => None,
                _ => Some(self.positive_length(place)?),
            };
            let close = self.expect(Kind::RightBracket, place, "\"]\"")?;
            let span = expr.span.to(close.span);
            let brackets = open.span.to(close.span);
            let subquery = Subquery { expr, range, step, brackets, modifiers: Modifiers::default() };
            return self.node(span, Node::Subquery(Box::new(subquery)));
        }
        let close = match self.eat(Kind::RightBracket) {
            Some(close) => close,
            None => {
                let error = self.unexpected(self.peek(), place, "\":\" or \"]\"");
                return self.stop(mistakes::range_with_a_fault(self.text, open.span, self.peek(), error));
            }
        };
        let brackets = open.span.to(close.span);
        let span = expr.span.to(close.span);
        let mut expr = expr;
        if let Some(error) = mistakes::misplaced_range(self.text, &mut expr, &range, brackets) {
            self.errors.push(error);
            expr.span = span;
            return Ok(expr);
        }
        if let Node::Hole = expr.node {
            expr = named_by_a_template(self.text, expr.span);
        }
        let range = RangeSelector { selector: expr, range, brackets, modifiers: Modifiers::default() };
        self.node(span, Node::Range(Box::new(range)))
    }

    fn offset(&mut self, expr: &mut Expr) -> Read<()> {
        let word = self.next();
        let length = self.offset_length()?;
        let start = expr.span;
        expr.span = expr.span.to(length.span);
        let error = match modifiers(expr, self.text) {
            Some(Modifiers { offset: Some(_), .. }) => {
                Some(Error::new(word.span.to(length.span), "offset may not be set multiple times"))
            }
            Some(modifiers) => {
                modifiers.offset = Some(length);
                None
            }
            None => Some(mistakes::misplaced_offset(self.text, expr, start, word.span.to(length.span))),
        };
        self.errors.extend(error);
        Ok(())
    }

    fn at(&mut self, expr: &mut Expr) -> Read<()> {
        let sign = self.next();
        let token = self.peek();
        let time = match token.kind {
            Kind::Keyword(edge @ (Keyword::Start | Keyword::End)) => {
                self.next();
                self.expect(Kind::LeftParen, "@ modifier", "\"(\"")?;
                self.expect(Kind::RightParen, "@ modifier", "\")\"")?;
                if edge == Keyword::Start { AtTime::Start } else { AtTime::End }
            }
            Kind::Hole => {
                self.next();
                AtTime::Hole
            }
            _ => {
                let seconds = self.signed_number("@ modifier")?;
                if !seconds.is_finite() || seconds.abs() >= LATEST {
                    let message = format!("timestamp out of bounds for @ modifier: {seconds}");
                    return self.stop(Error::new(sign.span.to(self.end_of_last()), message));
                }
                AtTime::Seconds(seconds)
            }
        };
        let span = sign.span.to(self.end_of_last());
        let before = expr.span;
        expr.span = expr.span.to(span);
        let error = match modifiers(expr, self.text) {
            Some(Modifiers { at: Some(_), .. }) => {
                Some(Error::new(span, "@ <timestamp> may not be set multiple times"))
            }
            Some(modifiers) => {
                modifiers.at = Some(At { time, span });
                None
            }
            None => Some(Error::new(
                before,
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            )),
        };
        self.errors.extend(error);
        Ok(())
    }

    /// Takes `anchored` or `smoothed` in, where `token` is one of them.
    fn extended(&mut self, token: Token, expr: &mut Expr) -> bool {
        let word = self.text_of(token.span).to_ascii_lowercase();
        let extended = match word.as_str() {
            "anchored" => Extended::Anchored,
            "smoothed" => Extended::Smoothed,
            _ => return false,
        };
        let Some(modifiers) = modifiers(expr, self.text) else { return false };
        if modifiers.extended.replace(extended).is_some() {
            return false;
        }
        self.experiment(token.span, &word, "promql-extended-range-selectors", "3.7");
        expr.span = expr.span.to(token.span);
        self.next();
        true
    }
}

/// The modifiers of an expression that takes them.
fn modifiers<'e>(expr: &'e mut Expr, text: &str) -> Option<&'e mut Modifiers> {
    // It may be a metric's name, and nothing else can carry what follows.
    if let Node::Hole = expr.node {
        *expr = named_by_a_template(text, expr.span);
    }
    match &mut expr.node {
        Node::Selector(selector) => Some(&mut selector.modifiers),
        Node::Range(range) => Some(&mut range.modifiers),
        Node::Subquery(subquery) => Some(&mut subquery.modifiers),
        _ => None,
    }
}

/// What a template's tag at `span` of `text` is, where it must be a metric's name.
fn named_by_a_template(text: &str, span: Span) -> Expr {
    let name = Some(Name { text: text.get(span.range()).unwrap_or_default().into(), span });
    let selector = Selector { name, matchers: Vec::new(), braces: None, modifiers: Modifiers::default() };
    Expr::new(span, Node::Selector(Box::new(selector)))
}
