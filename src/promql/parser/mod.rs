//! Tokens to a tree, by precedence climbing. A mistake that is understood is reported with its fix and the reading
//! goes on with what was meant; any other ends it. Must not check types; `types` does.

mod length;
mod operand;
mod selector;

use super::ast::{Binary, BinaryOp, Call, Expr, Group, Matching, Name, Node, Side, Span, Unary};
use super::error::Error;
use super::lexer;
use super::mistakes;
use super::token::{Keyword, Kind, Token, describe};
use super::{Dialect, Experimental, Options, Query};

/// Brackets and operands within one another beyond which a query is refused: the parser calls itself for each.
const MAX_NESTING: u16 = 100;

/// Nodes on the longest way down a tree beyond which a query is refused, as of a chain of that many `or`.
const MAX_HEIGHT: u16 = 1_000;

/// Why the reading ends: what is wrong has been reported.
pub(super) struct Stop;

type Read<T> = Result<T, Stop>;

/// Reads `text`.
pub(super) fn parse(text: &str, options: Options) -> Query {
    let (tokens, mut found) = lexer::tokens(text, options.holes);
    let mut parser =
        Parser { text, tokens, at: 0, nesting: 0, options, errors: Vec::new(), experimental: Vec::new() };
    let expr = parser.whole().ok();
    // What follows a word that is none is not to be trusted.
    let limit = found.iter().map(|error| error.span.start).min().unwrap_or(u32::MAX);
    parser.errors.retain(|error| error.span.start < limit);
    let unread = !found.is_empty();
    found.append(&mut parser.errors);
    Query { expr: expr.filter(|_| !unread), errors: found, experimental: parser.experimental }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    nesting: u16,
    options: Options,
    errors: Vec<Error>,
    experimental: Vec<Experimental>,
}

impl Parser<'_> {
    fn whole(&mut self) -> Read<Expr> {
        if self.peek().kind == Kind::End {
            return self.stop(Error::new(Span::default(), "no expression found in input"));
        }
        let expr = self.expression(0)?;
        let next = self.peek();
        match next.kind {
            Kind::End => Ok(expr),
            _ => {
                let error = mistakes::after_expression(self.text, next, &expr);
                self.stop(error.unwrap_or_else(|| self.unexpected(next, "", "")))
            }
        }
    }

    fn peek(&self) -> Token {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> Token {
        // The last token is the end, and stays the next one.
        self.tokens[(self.at + count).min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn eat(&mut self, kind: Kind) -> Option<Token> {
        (self.peek().kind == kind).then(|| self.next())
    }

    fn text_of(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Where the token before the next one ends.
    fn end_of_last(&self) -> Span {
        self.at.checked_sub(1).map_or(Span::default(), |last| self.tokens[last].span)
    }

    fn stop<T>(&mut self, error: Error) -> Read<T> {
        self.errors.push(error);
        Err(Stop)
    }

    fn unexpected(&self, token: Token, place: &str, expected: &str) -> Error {
        if token.kind == Kind::Odd
            && let Some(error) = mistakes::odd(self.text_of(token.span), token.span)
        {
            return error;
        }
        let mut message = format!("unexpected {}", describe(token.kind, self.text_of(token.span)));
        if !place.is_empty() {
            message.push_str(&format!(" in {place}"));
        }
        if !expected.is_empty() {
            message.push_str(&format!(", expected {expected}"));
        }
        Error::new(token.span, message)
    }

    fn expect(&mut self, kind: Kind, place: &str, expected: &str) -> Read<Token> {
        match self.eat(kind) {
            Some(token) => Ok(token),
            None => {
                let error = self.unexpected(self.peek(), place, expected);
                self.stop(error)
            }
        }
    }

    fn experiment(&mut self, span: Span, what: &str, flag: &'static str, since: &'static str) {
        self.experimental.push(Experimental { span, what: what.to_owned(), flag, since });
    }

    /// A node, unless the tree would become too high.
    fn node(&mut self, span: Span, node: Node) -> Read<Expr> {
        let expr = Expr::new(span, node);
        if expr.height > MAX_HEIGHT {
            let message = format!("the query is a chain of more than {MAX_HEIGHT} operations");
            return self.stop(Error::new(span, message).help("split it into several checks"));
        }
        Ok(expr)
    }

    /// Runs `read` one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.nesting == MAX_NESTING {
            let message = format!("the query is nested more than {MAX_NESTING} levels deep");
            return self.stop(Error::new(self.peek().span, message));
        }
        self.nesting += 1;
        let read = read(self);
        self.nesting -= 1;
        read
    }

    /// An expression of operators that bind at least as tightly as `least`.
    fn expression(&mut self, least: u8) -> Read<Expr> {
        let mut left = self.deeper(Self::unary)?;
        while let Some(op) = self.operator() {
            if op.precedence() < least {
                break;
            }
            let op_span = self.next().span;
            let (returns_bool, matching) = self.matching()?;
            let tighter = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
            let right = self.deeper(|parser| parser.expression(tighter))?;
            let span = left.span.to(right.span);
            let binary = Binary { op, op_span, returns_bool, matching, left, right };
            left = self.node(span, Node::Binary(Box::new(binary)))?;
        }
        Ok(left)
    }

    /// The binary operator that comes next; one that is mistaken for another is reported and taken for it.
    fn operator(&mut self) -> Option<BinaryOp> {
        let token = self.peek();
        match token.kind {
            Kind::Op(op) => {
                if matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower) {
                    self.experiment(token.span, op.word(), "", "3.11");
                }
                Some(op)
            }
            Kind::Keyword(Keyword::Op(op)) => Some(op),
            Kind::Assign | Kind::RegexEqual | Kind::Odd => {
                let (op, error) = mistakes::operator(self.text_of(token.span), token)?;
                self.errors.push(error);
                Some(op)
            }
            Kind::Word if self.options.dialect == Dialect::MetricsQl => match self.text_of(token.span) {
                "default" => Some(BinaryOp::Default),
                "if" => Some(BinaryOp::If),
                "ifnot" => Some(BinaryOp::IfNot),
                _ => None,
            },
            _ => None,
        }
    }

    /// What may stand between an operator and its right operand.
    fn matching(&mut self) -> Read<(bool, Option<Matching>)> {
        let returns_bool = self.eat(Kind::Keyword(Keyword::Bool)).is_some();
        let first = self.peek();
        let on = match first.kind {
            Kind::Keyword(Keyword::On) => Some(true),
            Kind::Keyword(Keyword::Ignoring) => Some(false),
            Kind::Keyword(Keyword::GroupLeft | Keyword::GroupRight) => {
                let error = self.unexpected(first, "", "");
                return self
                    .stop(error.help("`group_left` and `group_right` follow `on (…)` or `ignoring (…)`"));
            }
            _ => None,
        };
        let (mut labels, mut group) = (Vec::new(), None);
        if on.is_some() {
            self.next();
            labels = self.labels("grouping opts")?;
            group = self.group()?;
        }
        let fill = self.fill()?;
        if on.is_none() && fill.is_empty() {
            return Ok((returns_bool, None));
        }
        let span = first.span.to(self.end_of_last());
        Ok((returns_bool, Some(Matching { on: on == Some(true), labels, group, fill, span })))
    }

    fn group(&mut self) -> Read<Option<Group>> {
        let many = match self.peek().kind {
            Kind::Keyword(Keyword::GroupLeft) => Side::Left,
            Kind::Keyword(Keyword::GroupRight) => Side::Right,
            _ => return Ok(None),
        };
        self.next();
        let listed = self.peek().kind == Kind::LeftParen;
        let labels = if listed { self.labels("grouping opts")? } else { Vec::new() };
        Ok(Some(Group { many, labels }))
    }

    /// `fill(0)`, or `fill_left(0)` and `fill_right(0)` in either order.
    fn fill(&mut self) -> Read<Vec<(Side, f64)>> {
        let mut fill: Vec<(Side, f64)> = Vec::new();
        while self.ahead(1).kind == Kind::LeftParen {
            let token = self.peek();
            let side = match self.text_of(token.span).to_ascii_lowercase().as_str() {
                "fill" => Side::Both,
                "fill_left" => Side::Left,
                "fill_right" => Side::Right,
                _ => break,
            };
            if fill.iter().any(|(other, _)| *other == side || Side::Both == side || *other == Side::Both) {
                break;
            }
            self.next();
            self.experiment(token.span, "fill", "promql-binop-fill-modifiers", "3.10");
            self.expect(Kind::LeftParen, "fill modifier", "\"(\"")?;
            let value = self.signed_number("fill modifier")?;
            self.expect(Kind::RightParen, "fill modifier", "\")\"")?;
            fill.push((side, value));
        }
        Ok(fill)
    }

    /// `(label, "another label", …)`.
    fn labels(&mut self, place: &str) -> Read<Vec<Name>> {
        self.expect(Kind::LeftParen, place, "\"(\"")?;
        let mut labels = Vec::new();
        loop {
            let token = self.peek();
            let text = match token.kind {
                Kind::RightParen => break,
                Kind::Keyword(Keyword::Without) => None,
                Kind::Word | Kind::MetricWord | Kind::Keyword(_) | Kind::Hole => {
                    Some(self.text_of(token.span).into())
                }
                Kind::Text => {
                    let text = self.string(token)?;
                    if text.is_empty() {
                        return self.stop(Error::new(token.span, "invalid label name for grouping: \"\""));
                    }
                    Some(text)
                }
                _ => None,
            };
            let Some(text) = text else {
                let error = self.unexpected(token, place, "label");
                return self.stop(error);
            };
            self.next();
            labels.push(Name { text, span: token.span });
            if self.eat(Kind::Comma).is_none() && self.peek().kind != Kind::RightParen {
                let error = self.unexpected(self.peek(), place, "\",\" or \")\"");
                return self.stop(error);
            }
        }
        self.next();
        Ok(labels)
    }

    fn unary(&mut self) -> Read<Expr> {
        let token = self.peek();
        let negative = match token.kind {
            Kind::Op(BinaryOp::Sub) => true,
            Kind::Op(BinaryOp::Add) => false,
            _ => return self.operand(),
        };
        self.next();
        // A sign binds as `*` does: only `^` comes first.
        let expr = self.deeper(|parser| parser.expression(BinaryOp::Pow.precedence()))?;
        let span = token.span.to(expr.span);
        match expr.node {
            Node::Number(value) => self.node(span, Node::Number(if negative { -value } else { value })),
            _ => self.node(span, Node::Unary(Box::new(Unary { negative, expr }))),
        }
    }

    /// The string of a token, decoded.
    fn string(&mut self, token: Token) -> Read<Box<str>> {
        match super::literal::unquote(self.text_of(token.span)) {
            Ok(text) => Ok(text),
            Err(message) => {
                let error = mistakes::escape(self.text_of(token.span), token.span, message);
                self.stop(error)
            }
        }
    }

    /// A number with a sign before it, if it has one.
    fn signed_number(&mut self, place: &str) -> Read<f64> {
        let negative = self.eat(Kind::Op(BinaryOp::Sub)).is_some();
        if !negative {
            self.eat(Kind::Op(BinaryOp::Add));
        }
        let token = self.peek();
        let value = self.number(token)?;
        let Some(value) = value else {
            let error = self.unexpected(token, place, "number");
            return self.stop(error);
        };
        self.next();
        Ok(if negative { -value } else { value })
    }

    /// The value of a number or of a duration, in seconds; `None` for another token.
    fn number(&mut self, token: Token) -> Read<Option<f64>> {
        let text = self.text_of(token.span);
        let value = match token.kind {
            Kind::Number => super::literal::number(text),
            Kind::Duration => match super::literal::duration(text) {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds below 2^53 for 285,000 years")]
                Ok(millis) => Some(millis as f64 / 1e3),
                Err(why) => {
                    let error = mistakes::bad_duration(text, token.span, why);
                    return self.stop(error);
                }
            },
            _ => return Ok(None),
        };
        if value.is_none() {
            let message = format!("error parsing number: {text}: value out of range or invalid syntax");
            return self.stop(Error::new(token.span, message));
        }
        Ok(value)
    }
}

impl Expr {
    /// An expression whose operands are there.
    pub(super) fn new(span: Span, node: Node) -> Self {
        let height = match &node {
            Node::Number(_) | Node::Text(_) | Node::Selector(_) | Node::Hole => 0,
            Node::Range(range) => range.selector.height,
            Node::Subquery(subquery) => subquery.expr.height,
            Node::Call(call) => Call::height(&call.args),
            Node::Aggregation(aggregation) => {
                aggregation.expr.height.max(aggregation.param.as_ref().map_or(0, |param| param.height))
            }
            Node::Binary(binary) => binary.left.height.max(binary.right.height),
            Node::Unary(unary) => unary.expr.height,
            Node::Paren(inner) => inner.height,
        };
        Self { span, node, height: height.saturating_add(1) }
    }
}

impl Call {
    fn height(args: &[Expr]) -> u16 {
        args.iter().map(|arg| arg.height).max().unwrap_or_default()
    }
}
