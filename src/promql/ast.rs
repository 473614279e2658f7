//! The tree of a query: every node knows where it stands in the text. Must not parse, print or judge; its siblings do.

use std::ops::Range;

use super::functions::Function;
pub use super::operators::{AggregationOp, BinaryOp, MatchOp, ValueType};

/// A stretch of a query, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The stretch from the beginning of `self` to the end of `other`.
    #[must_use]
    pub const fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }

    /// The empty stretch at the beginning.
    #[must_use]
    pub const fn before(self) -> Self {
        Self { start: self.start, end: self.start }
    }

    /// The empty stretch at the end.
    #[must_use]
    pub const fn after(self) -> Self {
        Self { start: self.end, end: self.end }
    }

    /// The bytes of the query.
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// An expression.
#[derive(Debug, Clone)]
pub struct Expr {
    /// Where it stands, modifiers included.
    pub span: Span,
    /// What it is.
    pub node: Node,
    /// Nodes on the longest way down; bounded, so that walking a tree cannot exhaust the stack.
    pub(super) height: u16,
}

/// What an expression is.
#[derive(Debug, Clone)]
pub enum Node {
    /// A number, or a duration in seconds; a sign before it is part of it.
    Number(f64),
    /// A string, decoded.
    Text(Box<str>),
    /// An instant selector.
    Selector(Box<Selector>),
    /// A range selector.
    Range(Box<RangeSelector>),
    /// A subquery.
    Subquery(Box<Subquery>),
    /// A function call.
    Call(Box<Call>),
    /// An aggregation.
    Aggregation(Box<Aggregation>),
    /// A binary operation.
    Binary(Box<Binary>),
    /// `-` or `+` before an expression.
    Unary(Box<Unary>),
    /// An expression in parentheses.
    Paren(Box<Expr>),
    /// What a template puts in: a number, a duration or a name.
    Hole,
}

/// A name and where it is written.
#[derive(Debug, Clone)]
pub struct Name {
    /// The name, decoded.
    pub text: Box<str>,
    /// Where it stands, its quotes included.
    pub span: Span,
}

/// `name{label="value", …}`.
#[derive(Debug, Clone)]
pub struct Selector {
    /// The metric's name, before the braces or alone in quotes inside.
    pub name: Option<Name>,
    /// The matchers, in order.
    pub matchers: Vec<Matcher>,
    /// The braces and all in them.
    pub braces: Option<Span>,
    /// `offset` and `@`.
    pub modifiers: Modifiers,
}

/// `label="value"`.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// All of it.
    pub span: Span,
    /// The label.
    pub label: Name,
    /// How the value is matched.
    pub op: MatchOp,
    /// Where the operator stands.
    pub op_span: Span,
    /// The value, decoded.
    pub value: Name,
}

/// What shifts the time that is looked at.
#[derive(Debug, Clone, Default)]
pub struct Modifiers {
    /// `offset`.
    pub offset: Option<Length>,
    /// `@`.
    pub at: Option<At>,
    /// `anchored` or `smoothed`.
    pub extended: Option<Extended>,
}

/// How a range takes in what lies beside it (experimental since Prometheus 3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extended {
    /// The last sample before the range belongs to it.
    Anchored,
    /// The values at both ends are interpolated.
    Smoothed,
}

/// `@` and a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct At {
    /// The time.
    pub time: AtTime,
    /// All of it, with the `@`.
    pub span: Span,
}

/// The time of an `@`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AtTime {
    /// Unix seconds.
    Seconds(f64),
    /// `start()`.
    Start,
    /// `end()`.
    End,
    /// What a template puts in.
    Hole,
}

/// `selector[5m]`.
#[derive(Debug, Clone)]
pub struct RangeSelector {
    /// The selector, without modifiers of its own.
    pub selector: Expr,
    /// How far back it reaches.
    pub range: Length,
    /// The brackets.
    pub brackets: Span,
    /// `offset` and `@`.
    pub modifiers: Modifiers,
}

/// `expression[1h:5m]`.
#[derive(Debug, Clone)]
pub struct Subquery {
    /// What is evaluated.
    pub expr: Expr,
    /// How far back.
    pub range: Length,
    /// How often; the server's evaluation interval where nothing is written.
    pub step: Option<Length>,
    /// The brackets.
    pub brackets: Span,
    /// `offset` and `@`.
    pub modifiers: Modifiers,
}

/// A length of time, which may be computed.
#[derive(Debug, Clone)]
pub struct Length {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub node: LengthNode,
}

/// What a length of time is.
#[derive(Debug, Clone)]
pub enum LengthNode {
    /// Seconds, written as a duration or as a number.
    Seconds(f64),
    /// `-` or `+`; `true` for `-`.
    Signed(bool, Box<Length>),
    /// Arithmetic (experimental since Prometheus 3.4).
    Binary(BinaryOp, Box<Length>, Box<Length>),
    /// `step()`, `range()`, `min(a, b)` or `max(a, b)` (experimental).
    Call(Box<str>, Vec<Length>),
    /// In parentheses.
    Paren(Box<Length>),
    /// What a template puts in.
    Hole,
}

/// `name(arguments)`.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function's name as it is written.
    pub name: Name,
    /// The function; `None` when there is none of this name.
    pub function: Option<&'static Function>,
    /// The arguments.
    pub args: Vec<Expr>,
}

/// `sum by (label) (expression)`.
#[derive(Debug, Clone)]
pub struct Aggregation {
    /// What it does.
    pub op: AggregationOp,
    /// Where its name stands.
    pub op_span: Span,
    /// `by` or `without`.
    pub grouping: Option<Grouping>,
    /// The first of two arguments.
    pub param: Option<Expr>,
    /// What is aggregated.
    pub expr: Expr,
    /// The parentheses and all in them.
    pub body: Span,
}

/// `by (labels)` or `without (labels)`.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// Whether the labels are those left out.
    pub without: bool,
    /// The labels.
    pub labels: Vec<Name>,
    /// All of it.
    pub span: Span,
}

/// `left op right`.
#[derive(Debug, Clone)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Where it stands.
    pub op_span: Span,
    /// Whether `bool` follows it.
    pub returns_bool: bool,
    /// How series of the two sides are paired.
    pub matching: Option<Matching>,
    /// The left operand.
    pub left: Expr,
    /// The right operand.
    pub right: Expr,
}

/// `on (labels) group_left (labels)`.
#[derive(Debug, Clone)]
pub struct Matching {
    /// `on` rather than `ignoring`.
    pub on: bool,
    /// The labels.
    pub labels: Vec<Name>,
    /// `group_left` or `group_right`, and the labels to take over.
    pub group: Option<Group>,
    /// Values for series without a partner: which sides, and the value (experimental since Prometheus 3.10).
    pub fill: Vec<(Side, f64)>,
    /// All of it.
    pub span: Span,
}

/// `group_left (labels)`.
#[derive(Debug, Clone)]
pub struct Group {
    /// The side with many series to one of the other.
    pub many: Side,
    /// The labels that are taken over from the other side.
    pub labels: Vec<Name>,
}

/// A side of a binary operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The left operand.
    Left,
    /// The right operand.
    Right,
    /// Both.
    Both,
}

/// `-x` or `+x`.
#[derive(Debug, Clone)]
pub struct Unary {
    /// Whether it is `-`.
    pub negative: bool,
    /// The operand.
    pub expr: Expr,
}

impl Selector {
    /// The name, if it stands before the braces and not in quotes inside them.
    pub fn name_before_braces(&self) -> Option<&Name> {
        let outside = |name: &&Name| self.braces.is_none_or(|braces| name.span.end <= braces.start);
        self.name.as_ref().filter(outside)
    }
}
