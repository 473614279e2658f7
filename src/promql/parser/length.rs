//! Lengths of time: the literals and the arithmetic of ranges, steps and offsets. Must not know what they belong to.

use super::{Parser, Read};
use crate::promql::ast::{BinaryOp, Length, LengthNode};
use crate::promql::error::Error;
use crate::promql::token::{Keyword, Kind};

/// Seconds beyond which a length does not fit Prometheus' nanoseconds.
const LONGEST: f64 = (i64::MAX / 1_000_000_000) as f64;

/// The flag that switches arithmetic on.
const FLAG: (&str, &str) = ("promql-duration-expr", "3.4");

impl Parser<'_> {
    /// A length in brackets: more than nothing, arithmetic and all.
    pub(super) fn positive_length(&mut self, place: &str) -> Read<Length> {
        let length = self.length(0, place)?;
        // What is computed is left to the server: it may depend on the step.
        if literal(&length).is_some_and(|seconds| seconds <= 0.0) {
            self.errors.push(Error::new(length.span, "duration must be greater than 0"));
        }
        Ok(length)
    }

    /// The length of an offset: a literal with a sign at most and a call end it, anything else goes on as arithmetic.
    pub(super) fn offset_length(&mut self) -> Read<Length> {
        let signed = matches!(self.peek().kind, Kind::Op(BinaryOp::Sub | BinaryOp::Add));
        let computed = match self.ahead(usize::from(signed)).kind {
            Kind::LeftParen => true,
            Kind::Op(BinaryOp::Sub | BinaryOp::Add) => signed,
            _ => false,
        };
        if computed { self.length(0, "offset") } else { self.deeper(|parser| parser.signed(true, "offset")) }
    }

    fn length(&mut self, least: u8, place: &str) -> Read<Length> {
        let mut left = self.deeper(|parser| parser.signed(false, place))?;
        while let Kind::Op(op) = self.peek().kind {
            use BinaryOp::{Add, Div, Mod, Mul, Pow, Sub};
            if !matches!(op, Add | Div | Mod | Mul | Pow | Sub) || op.precedence() < least {
                break;
            }
            let op_span = self.next().span;
            let tighter = if op == Pow { op.precedence() } else { op.precedence() + 1 };
            let right = self.deeper(|parser| parser.length(tighter, place))?;
            if matches!(op, Div | Mod) && literal(&right) == Some(0.0) {
                let what = if op == Div { "division by zero" } else { "modulo by zero" };
                self.errors.push(Error::new(right.span, what));
            }
            self.experiment(op_span, "duration arithmetic", FLAG.0, FLAG.1);
            let span = left.span.to(right.span);
            left = Length { span, node: LengthNode::Binary(op, Box::new(left), Box::new(right)) };
        }
        Ok(left)
    }

    fn signed(&mut self, after_offset: bool, place: &str) -> Read<Length> {
        let token = self.peek();
        let Kind::Op(sign @ (BinaryOp::Sub | BinaryOp::Add)) = token.kind else { return self.literal(place) };
        self.next();
        let inner = if after_offset {
            self.deeper(|parser| parser.signed(true, place))?
        } else {
            self.deeper(|parser| parser.length(BinaryOp::Pow.precedence(), place))?
        };
        let span = token.span.to(inner.span);
        Ok(Length { span, node: LengthNode::Signed(sign == BinaryOp::Sub, Box::new(inner)) })
    }

    fn literal(&mut self, place: &str) -> Read<Length> {
        let token = self.peek();
        if token.kind == Kind::Hole {
            self.next();
            return Ok(Length { span: token.span, node: LengthNode::Hole });
        }
        if let Some(open) = self.eat(Kind::LeftParen) {
            let inner = self.length(0, place)?;
            let close = self.expect(Kind::RightParen, place, "\")\"")?;
            let span = open.span.to(close.span);
            self.experiment(span, "a duration in parentheses", FLAG.0, FLAG.1);
            return Ok(Length { span, node: LengthNode::Paren(Box::new(inner)) });
        }
        if matches!(token.kind, Kind::Word | Kind::Keyword(Keyword::Aggregation(_))) {
            let name = self.text_of(token.span).to_ascii_lowercase();
            let count = match name.as_str() {
                "step" | "range" => Some(0),
                "min" | "max" | "min_of" | "max_of" => Some(2),
                _ => None,
            };
            if let Some(count) = count.filter(|_| self.ahead(1).kind == Kind::LeftParen) {
                return self.length_call(&name, count, place);
            }
        }
        let value = self.number(token)?;
        let Some(seconds) = value else {
            let error = self.unexpected(token, place, "number, duration, step(), or range()");
            return self.stop(error);
        };
        if seconds.abs() > LONGEST || seconds.is_nan() {
            return self.stop(Error::new(token.span, "duration out of range"));
        }
        self.next();
        Ok(Length { span: token.span, node: LengthNode::Seconds(seconds) })
    }

    fn length_call(&mut self, name: &str, count: usize, place: &str) -> Read<Length> {
        let start = self.next().span;
        self.next();
        let mut args = Vec::new();
        while args.len() < count {
            if !args.is_empty() {
                self.expect(Kind::Comma, place, "\",\"")?;
            }
            args.push(self.length(0, place)?);
        }
        let close = self.expect(Kind::RightParen, place, "\")\"")?;
        let span = start.to(close.span);
        self.experiment(span, &format!("{name}()"), FLAG.0, "3.6");
        Ok(Length { span, node: LengthNode::Call(name.into(), args) })
    }
}

/// The seconds of a length that is not computed: signs and parentheses do not count.
fn literal(length: &Length) -> Option<f64> {
    match &length.node {
        LengthNode::Seconds(seconds) => Some(*seconds),
        LengthNode::Signed(negative, inner) => literal(inner).map(|s| if *negative { -s } else { s }),
        LengthNode::Paren(inner) => literal(inner),
        LengthNode::Binary(..) | LengthNode::Call(..) | LengthNode::Hole => None,
    }
}
