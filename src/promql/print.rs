//! A tree back to text, on one line, that reads as the same tree. Must not decide anything.

use std::fmt::{self, Display, Formatter, Write as _};

use super::ast::{
    AtTime, BinaryOp, Expr, Extended, Grouping, Length, LengthNode, Matching, Modifiers, Name, Node,
    Selector, Side,
};
use super::literal::{quote, write_duration, write_number};
use super::token::Keyword;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Number(value) => f.write_str(&write_number(*value)),
            Node::Text(text) => f.write_str(&quote(text)),
            Node::Selector(selector) => write!(f, "{selector}"),
            Node::Range(range) => {
                write!(f, "{}[{}]{}", range.selector, range.range, range.modifiers)
            }
            Node::Subquery(subquery) => {
                write!(f, "{}[{}:", subquery.expr, subquery.range)?;
                if let Some(step) = &subquery.step {
                    write!(f, "{step}")?;
                }
                write!(f, "]{}", subquery.modifiers)
            }
            Node::Call(call) => {
                write!(f, "{}(", call.name.text)?;
                separated(f, &call.args)?;
                f.write_char(')')
            }
            Node::Aggregation(aggregation) => {
                f.write_str(aggregation.op.word())?;
                if let Some(grouping) = &aggregation.grouping {
                    write!(f, " {grouping} ")?;
                }
                f.write_char('(')?;
                if let Some(param) = &aggregation.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregation.expr)
            }
            Node::Binary(binary) => {
                write!(f, "{} {}", binary.left, binary.op.word())?;
                if binary.returns_bool {
                    f.write_str(" bool")?;
                }
                if let Some(matching) = &binary.matching {
                    write!(f, " {matching}")?;
                }
                write!(f, " {}", binary.right)
            }
            Node::Unary(unary) => {
                // Two signs in a row would be one number's: `-(-1)` has its parentheses.
                write!(f, "{}{}", if unary.negative { '-' } else { '+' }, unary.expr)
            }
            Node::Paren(inner) => write!(f, "({inner})"),
            Node::Hole => f.write_char('\u{e000}'),
        }
    }
}

fn separated<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

impl Display for Selector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = self.name_before_braces().is_some();
        if let Some(name) = self.name.as_ref().filter(|_| plain) {
            f.write_str(&name.text)?;
        }
        let quoted = self.name.as_ref().filter(|_| !plain);
        if quoted.is_some() || !self.matchers.is_empty() || self.name.is_none() {
            f.write_char('{')?;
            if let Some(name) = quoted {
                f.write_str(&quote(&name.text))?;
            }
            for (index, matcher) in self.matchers.iter().enumerate() {
                if index > 0 || quoted.is_some() {
                    f.write_str(", ")?;
                }
                let label = Label(&matcher.label);
                write!(f, "{label}{}{}", matcher.op.word(), quote(&matcher.value.text))?;
            }
            f.write_char('}')?;
        }
        write!(f, "{}", self.modifiers)
    }
}

/// A label's name, in quotes where it needs them.
struct Label<'l>(&'l Name);

impl Display for Label<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = is_name(&self.0.text, false);
        if plain { f.write_str(&self.0.text) } else { f.write_str(&quote(&self.0.text)) }
    }
}

/// Whether `text` can stand without quotes: letters, digits, `_`, and `:` where it may.
fn is_name(text: &str, colons: bool) -> bool {
    let fits = |c: char| {
        c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':') || super::lexer::HOLES.contains(&c)
    };
    !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(fits)
}

/// Whether a metric may stand before its braces.
fn is_metric(text: &str) -> bool {
    let number = text.eq_ignore_ascii_case("inf") || text.eq_ignore_ascii_case("nan");
    is_name(text, true) && !number && Keyword::of(text).is_none_or(Keyword::names_a_metric)
}

impl Display for Modifiers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.extended {
            Some(Extended::Anchored) => f.write_str(" anchored")?,
            Some(Extended::Smoothed) => f.write_str(" smoothed")?,
            None => {}
        }
        match self.at.map(|at| at.time) {
            Some(AtTime::Seconds(seconds)) => write!(f, " @ {}", write_number(seconds))?,
            Some(AtTime::Start) => f.write_str(" @ start()")?,
            Some(AtTime::End) => f.write_str(" @ end()")?,
            Some(AtTime::Hole) => f.write_str(" @ \u{e000}")?,
            None => {}
        }
        match &self.offset {
            Some(offset) => write!(f, " offset {offset}"),
            None => Ok(()),
        }
    }
}

impl Display for Length {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.node {
            LengthNode::Seconds(seconds) => f.write_str(&write_duration(*seconds)),
            LengthNode::Signed(negative, inner) => write!(f, "{}{inner}", if *negative { "-" } else { "" }),
            LengthNode::Binary(op, left, right) => write!(f, "{left} {} {right}", op.word()),
            LengthNode::Call(name, args) => {
                write!(f, "{name}(")?;
                separated(f, args)?;
                f.write_char(')')
            }
            LengthNode::Paren(inner) => write!(f, "({inner})"),
            LengthNode::Hole => f.write_char('\u{e000}'),
        }
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.without { "without (" } else { "by (" })?;
        grouped(f, &self.labels)?;
        f.write_char(')')
    }
}

fn grouped(f: &mut Formatter<'_>, labels: &[Name]) -> fmt::Result {
    for (index, label) in labels.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        // `without` alone among the words cannot be a label's name without quotes, nor can a number's.
        let word = &label.text;
        let odd = word.eq_ignore_ascii_case("without") || !is_metric(word) && Keyword::of(word).is_none();
        if odd { f.write_str(&quote(word))? } else { f.write_str(word)? }
    }
    Ok(())
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = !self.on && self.labels.is_empty() && self.group.is_none();
        let mut between = "";
        if !plain || self.fill.is_empty() {
            f.write_str(if self.on { "on (" } else { "ignoring (" })?;
            grouped(f, &self.labels)?;
            f.write_char(')')?;
            between = " ";
        }
        if let Some(group) = &self.group {
            f.write_str(if group.many == Side::Left { " group_left (" } else { " group_right (" })?;
            grouped(f, &group.labels)?;
            f.write_char(')')?;
        }
        for (side, value) in &self.fill {
            let word = match side {
                Side::Left => "fill_left",
                Side::Right => "fill_right",
                Side::Both => "fill",
            };
            write!(f, "{between}{word}({})", write_number(*value))?;
            between = " ";
        }
        Ok(())
    }
}

impl Display for BinaryOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
