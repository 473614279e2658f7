//! The words of a query: what the lexer cuts the text into. Must not know what follows what; the parser does.

use super::ast::{AggregationOp, BinaryOp, Span};

/// A word of a query and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The end of the text.
    End,
    /// A name without a colon.
    Word,
    /// A name with a colon.
    MetricWord,
    /// A word that means something where it can.
    Keyword(Keyword),
    /// A number.
    Number,
    /// A duration.
    Duration,
    /// A string, its quotes included.
    Text,
    /// A word that a template's tag is part of.
    Hole,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `{`
    LeftBrace,
    /// `}`
    RightBrace,
    /// `[`
    LeftBracket,
    /// `]`
    RightBracket,
    /// `,`
    Comma,
    /// `:` in brackets
    Colon,
    /// `@`
    At,
    /// An operator made of signs; those made of letters are keywords.
    Op(BinaryOp),
    /// `=`
    Assign,
    /// `=~`
    RegexEqual,
    /// `!~`
    RegexNotEqual,
    /// Signs that mean something elsewhere (`~`, `&&`, `=>`, `$__interval`), and whatever else no query holds.
    Odd,
}

/// A word that means something where it can, and is a name elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    /// An operator of letters.
    Op(BinaryOp),
    /// An aggregation.
    Aggregation(AggregationOp),
    /// `by`
    By,
    /// `without`
    Without,
    /// `on`
    On,
    /// `ignoring`
    Ignoring,
    /// `group_left`
    GroupLeft,
    /// `group_right`
    GroupRight,
    /// `bool`
    Bool,
    /// `offset`
    Offset,
    /// `start`
    Start,
    /// `end`
    End,
}

impl Keyword {
    /// The keyword that `word` is, in whatever case.
    pub fn of(word: &str) -> Option<Self> {
        let mut lower = [0; 12];
        let bytes = word.as_bytes();
        let lower = lower.get_mut(..bytes.len())?;
        for (to, from) in lower.iter_mut().zip(bytes) {
            *to = from.to_ascii_lowercase();
        }
        Some(match &*lower {
            b"or" => Self::Op(BinaryOp::Or),
            b"and" => Self::Op(BinaryOp::And),
            b"unless" => Self::Op(BinaryOp::Unless),
            b"atan2" => Self::Op(BinaryOp::Atan2),
            b"by" => Self::By,
            b"without" => Self::Without,
            b"on" => Self::On,
            b"ignoring" => Self::Ignoring,
            b"group_left" => Self::GroupLeft,
            b"group_right" => Self::GroupRight,
            b"bool" => Self::Bool,
            b"offset" => Self::Offset,
            b"start" => Self::Start,
            b"end" => Self::End,
            word => {
                let of = |op: &&AggregationOp| op.word().as_bytes() == word;
                return AggregationOp::ALL.iter().find(of).map(|op| Self::Aggregation(*op));
            }
        })
    }

    /// Whether a metric may be called so.
    pub const fn names_a_metric(self) -> bool {
        !matches!(
            self,
            Self::On
                | Self::Ignoring
                | Self::GroupLeft
                | Self::GroupRight
                | Self::Bool
                | Self::Op(BinaryOp::Atan2)
        )
    }
}

/// The token in words, as Prometheus puts it: `identifier "x"`, `<by>`, `end of input`.
pub(super) fn describe(kind: Kind, text: &str) -> String {
    match kind {
        Kind::End => "end of input".to_owned(),
        Kind::Word => format!("identifier \"{text}\""),
        Kind::MetricWord => format!("metric identifier \"{text}\""),
        Kind::Keyword(Keyword::Op(_)) => format!("<op:{}>", text.to_ascii_lowercase()),
        Kind::Keyword(Keyword::Aggregation(_)) => format!("<aggr:{}>", text.to_ascii_lowercase()),
        Kind::Keyword(_) => format!("<{}>", text.to_ascii_lowercase()),
        Kind::Op(_) => format!("<op:{text}>"),
        Kind::Number => format!("number \"{text}\""),
        Kind::Duration => format!("duration \"{text}\""),
        Kind::Text => format!("string {text}"),
        Kind::Hole => "a template".to_owned(),
        _ => format!("{text:?}"),
    }
}
