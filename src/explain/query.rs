//! A query in words: "the 95th percentile of …", "A divided by B". Says what the tree says and nothing more; a part that
//! it has no words for stands as it is written, and a query of such parts only has no words at all. Must not judge.

mod call;
mod share;

use std::cell::Cell;
use std::time::Duration;

use crate::policy::criterion::Number;
use crate::policy::spoken;
use crate::promql::analysis::analyse;
use crate::promql::ast::{
    Aggregation, AggregationOp, AtTime, Binary, BinaryOp, Expr, Grouping, Length, MatchOp, Matching,
    Modifiers, Name, Node, Selector, Span,
};
use crate::promql::operators::ValueType;

/// Words beyond which nobody reads: the query itself is shorter then.
const LONGEST: usize = 600;

/// Parts within parts beyond which nobody follows, and a stack ends.
const DEEPEST: usize = 40;

/// `expr` in words; `text` gives the characters of a part. `None` where that would say no more than the query.
pub(super) fn words(expr: &Expr, text: &dyn Fn(Span) -> String) -> Option<String> {
    let words = Words { text, depth: Cell::new(0) };
    let phrase = words.of(expr);
    let plain = phrase.form == Form::AsWritten || phrase.text == format!("`{}`", text(expr.span));
    (!plain && phrase.text.chars().count() <= LONGEST).then_some(phrase.text)
}

/// Whether the result is one value at most, whatever the data.
pub(super) fn is_single(expr: &Expr) -> bool {
    match &expr.node {
        Node::Number(_) | Node::Text(_) | Node::Hole => true,
        Node::Selector(_) | Node::Range(_) | Node::Subquery(_) => false,
        Node::Paren(inner) => is_single(inner),
        Node::Unary(unary) => is_single(&unary.expr),
        Node::Aggregation(aggregation) => {
            use AggregationOp::{Bottomk, CountValues, LimitRatio, Limitk, Topk};
            let many = matches!(aggregation.op, Topk | Bottomk | CountValues | Limitk | LimitRatio);
            let whole = aggregation.grouping.as_ref().is_none_or(|by| !by.without && by.labels.is_empty());
            !many && (whole || is_single(&aggregation.expr))
        }
        Node::Call(call) => {
            let scalar = call.function.is_some_and(|function| function.returns == ValueType::Scalar);
            let quantile = |expr: &Expr| -> bool {
                // The label `le` is used up.
                matches!(&expr.node, Node::Aggregation(inner) if inner.grouping.as_ref().is_some_and(|by| {
                    !by.without && by.labels.iter().all(|label| &*label.text == "le")
                }))
            };
            scalar
                || match (&*call.name.text, call.args.as_slice()) {
                    ("vector" | "absent" | "absent_over_time", _) => true,
                    ("histogram_quantile", [_, of]) => is_single(of) || quantile(of),
                    (_, [.., of]) => call.args.len() == 1 && is_single(of),
                    (_, []) => false,
                }
        }
        Node::Binary(binary) => match binary.op {
            // Two that have no labels are one; what is absent has those of its matchers.
            BinaryOp::Or => {
                let labelled = |one: &crate::promql::analysis::Use<'_>| {
                    one.function.is_some_and(|function| function.name.starts_with("absent"))
                };
                !analyse(expr).uses.iter().any(labelled)
                    && is_single(&binary.left)
                    && is_single(&binary.right)
            }
            op if op.is_set() => is_single(&binary.left),
            _ => is_single(&binary.left) && is_single(&binary.right),
        },
    }
}

/// How a phrase is put together, which decides where it needs brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The characters of the query: nothing was understood.
    AsWritten,
    /// One thing: `up where job is a`, `the rate of …`.
    Noun,
    /// Several, joined by an operator.
    Joined,
}

/// A part in words.
#[derive(Debug, Clone)]
struct Phrase {
    text: String,
    form: Form,
}

impl Phrase {
    fn noun(text: impl Into<String>) -> Self {
        Self { text: text.into(), form: Form::Noun }
    }

    fn joined(text: impl Into<String>) -> Self {
        Self { text: text.into(), form: Form::Joined }
    }

    /// The same as a part of another phrase.
    fn inner(self) -> String {
        if self.form == Form::Joined { format!("({})", self.text) } else { self.text }
    }
}

struct Words<'w> {
    text: &'w dyn Fn(Span) -> String,
    /// How many parts stand around the one that is put into words.
    depth: Cell<usize>,
}

impl Words<'_> {
    fn of(&self, expr: &Expr) -> Phrase {
        if self.depth.get() >= DEEPEST {
            return self.as_written(expr);
        }
        self.depth.set(self.depth.get() + 1);
        let phrase = self.node(expr);
        self.depth.set(self.depth.get() - 1);
        phrase
    }

    fn node(&self, expr: &Expr) -> Phrase {
        match &expr.node {
            Node::Number(value) => Phrase::noun(Number(*value).to_string()),
            Node::Hole => Phrase::noun((self.text)(expr.span)),
            Node::Text(_) => self.as_written(expr),
            Node::Selector(selector) => Phrase::noun(self.selector(selector, &selector.modifiers)),
            Node::Range(range) => {
                Phrase::noun(format!("{} within {}", self.ranged(expr), self.length(&range.range)))
            }
            Node::Subquery(_) => self.as_written(expr),
            Node::Paren(inner) => self.of(inner),
            Node::Unary(unary) if unary.negative => {
                Phrase::joined(format!("minus {}", self.of(&unary.expr).inner()))
            }
            Node::Unary(unary) => self.of(&unary.expr),
            Node::Call(call) => self.call(expr, call),
            Node::Aggregation(aggregation) => self.aggregation(expr, aggregation),
            Node::Binary(binary) => self.binary(expr, binary),
        }
    }

    fn as_written(&self, expr: &Expr) -> Phrase {
        Phrase { text: format!("`{}`", (self.text)(expr.span)), form: Form::AsWritten }
    }

    fn selector(&self, selector: &Selector, modifiers: &Modifiers) -> String {
        let named = |m: &&crate::promql::ast::Matcher| &*m.label.text == "__name__" && m.op == MatchOp::Equal;
        let name = selector.name.as_ref().or_else(|| selector.matchers.iter().find(named).map(|m| &m.value));
        let name = name.map_or_else(|| "every metric".to_owned(), |name| format!("`{}`", name.text));
        let matchers = selector.matchers.iter().filter(|m| selector.name.is_some() || !named(m));
        let conditions: Vec<String> = matchers.map(condition).collect();
        let at = match conditions.as_slice() {
            [] => String::new(),
            conditions => format!(" where {}", conditions.join(" and ")),
        };
        format!("{name}{at}{}", self.shift(modifiers))
    }

    /// ` (7 days earlier)`.
    fn shift(&self, modifiers: &Modifiers) -> String {
        let mut said = String::new();
        if let Some(offset) = &modifiers.offset {
            let (length, word) = match offset.seconds() {
                Some(seconds) if seconds < 0.0 => (span(-seconds), "later"),
                Some(seconds) => (span(seconds), "earlier"),
                None => (self.length(offset), "earlier"),
            };
            said.push_str(&format!(" ({length} {word})"));
        }
        match modifiers.at.map(|at| at.time) {
            Some(AtTime::Seconds(seconds)) => {
                said.push_str(&format!(" (at the unix time {})", Number(seconds)))
            }
            Some(AtTime::Hole) => said.push_str(" (at a time that is filled in)"),
            // Where one time is asked for, that is the time.
            Some(AtTime::Start | AtTime::End) | None => {}
        }
        said
    }

    /// What a range is of, without its length.
    fn ranged(&self, expr: &Expr) -> String {
        match &expr.node {
            Node::Range(range) => match &range.selector.node {
                Node::Selector(selector) => self.selector(selector, &range.modifiers),
                _ => (self.text)(expr.span),
            },
            Node::Subquery(subquery) => {
                let every = match &subquery.step {
                    Some(step) => format!("every {}", self.length(step)),
                    None => "at the server's own interval".to_owned(),
                };
                format!(
                    "{}, taken {every}{}",
                    self.of(&subquery.expr).inner(),
                    self.shift(&subquery.modifiers)
                )
            }
            _ => self.of(expr).inner(),
        }
    }

    /// A length of time in words, or as it is written.
    fn length(&self, length: &Length) -> String {
        length.seconds().map_or_else(|| format!("`{}`", (self.text)(length.span)), span)
    }

    fn aggregation(&self, expr: &Expr, aggregation: &Aggregation) -> Phrase {
        let each = aggregation.grouping.as_ref().map(each).unwrap_or_default();
        let plural = self.plural(&aggregation.expr);
        let param = aggregation.param.as_ref();
        let what = match (aggregation.op, param) {
            (AggregationOp::Sum, _) => format!("the sum of {plural}"),
            (AggregationOp::Avg, _) => format!("the mean of {plural}"),
            (AggregationOp::Min, _) => format!("the smallest of {plural}"),
            (AggregationOp::Max, _) => format!("the largest of {plural}"),
            (AggregationOp::Count, _) => format!("the number of series of {plural}"),
            (AggregationOp::Stddev, _) => format!("the standard deviation of {plural}"),
            (AggregationOp::Stdvar, _) => format!("the variance of {plural}"),
            (AggregationOp::Topk, Some(k)) => format!("the {} largest of {plural}", self.of(k).text),
            (AggregationOp::Bottomk, Some(k)) => format!("the {} smallest of {plural}", self.of(k).text),
            (AggregationOp::Quantile, Some(q)) => format!("{} of {plural}", self.quantile(q)),
            _ => return self.as_written(expr),
        };
        Phrase::noun(format!("{what}{each}"))
    }

    /// `the 95th percentile`, `the median`.
    fn quantile(&self, share: &Expr) -> String {
        match &share.node {
            Node::Number(share) if *share == 0.5 => "the median".to_owned(),
            Node::Number(share) if (0.0..=1.0).contains(share) => {
                let percent = share * 100.0;
                let whole = (percent - percent.round()).abs() < 1e-9;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
                let nth = if whole {
                    spoken::nth(percent.round() as u64)
                } else {
                    format!("{}th", Number(percent))
                };
                format!("the {nth} percentile")
            }
            _ => format!("the {} quantile", self.of(share).inner()),
        }
    }

    fn binary(&self, expr: &Expr, binary: &Binary) -> Phrase {
        if let Some(share) = self.share(binary) {
            return share;
        }
        let (left, right) = (self.of(&binary.left), self.of(&binary.right));
        if left.form == Form::AsWritten && right.form == Form::AsWritten {
            return self.as_written(expr);
        }
        let (left, right) = (left.inner(), right.inner());
        let pairs = binary.matching.as_ref().map(pairs).unwrap_or_default();
        let joined = match binary.op {
            BinaryOp::Div => format!("{left}, divided by {right}"),
            BinaryOp::Mul => format!("{left}, times {right}"),
            BinaryOp::Add => format!("{left}, plus {right}"),
            BinaryOp::Sub => format!("{left}, minus {right}"),
            BinaryOp::Mod => format!("the remainder of {left}, divided by {right}"),
            BinaryOp::Pow => format!("{left}, to the power of {right}"),
            BinaryOp::And => format!("{left}, only where there is {right} as well"),
            BinaryOp::Unless => format!("{left}, only where there is no {right}"),
            BinaryOp::Or => format!("{left}, or {right} where there is none"),
            op => match comparison(op) {
                Some(is) if binary.returns_bool => format!("1 where {left} {is} {right}, else 0"),
                Some(is) => format!("{left}, only where it {is} {right}"),
                None => return self.as_written(expr),
            },
        };
        Phrase::joined(format!("{joined}{pairs}"))
    }
}

/// `job is checkout`, in words.
fn condition(matcher: &crate::promql::ast::Matcher) -> String {
    let (label, value) = (&matcher.label.text, &matcher.value.text);
    let alternatives = || {
        let literal = |part: &&str| {
            !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "_-:/ ".contains(c))
        };
        let parts: Vec<&str> = value.split('|').collect();
        (parts.len() > 1 && parts.iter().all(literal)).then_some(parts)
    };
    match (matcher.op, &**value) {
        (MatchOp::Equal, "") => format!("`{label}` is empty"),
        (MatchOp::NotEqual, "") | (MatchOp::Regex, ".+") => format!("`{label}` is not empty"),
        (MatchOp::Equal, value) => format!("`{label}` is `{value}`"),
        (MatchOp::NotEqual, value) => format!("`{label}` is not `{value}`"),
        (MatchOp::Regex, value) => match alternatives() {
            Some(parts) => format!("`{label}` is {}", listed(&parts, "or")),
            None => format!("`{label}` matches `{value}`"),
        },
        (MatchOp::NotRegex, value) => match alternatives() {
            Some(parts) => format!("`{label}` is not {}", listed(&parts, "or")),
            None => format!("`{label}` does not match `{value}`"),
        },
    }
}

fn comparison(op: BinaryOp) -> Option<&'static str> {
    Some(match op {
        BinaryOp::Equal => "is",
        BinaryOp::NotEqual => "is not",
        BinaryOp::Less => "is below",
        BinaryOp::LessOrEqual => "is at most",
        BinaryOp::Greater => "is above",
        BinaryOp::GreaterOrEqual => "is at least",
        _ => return None,
    })
}

/// `, for each job and instance`.
fn each(grouping: &Grouping) -> String {
    let labels: Vec<&str> = grouping.labels.iter().map(|label| &*label.text).collect();
    match (grouping.without, labels.as_slice()) {
        (false, []) | (true, []) => String::new(),
        (false, labels) => format!(", for each {}", listed(labels, "and")),
        (true, labels) => format!(", for each set of labels without {}", listed(labels, "and")),
    }
}

/// ` (paired by job)`.
fn pairs(matching: &Matching) -> String {
    let labels: Vec<&str> = matching.labels.iter().map(|label: &Name| &*label.text).collect();
    match (matching.on, labels.as_slice()) {
        (_, []) => String::new(),
        (true, labels) => format!(" (paired by {})", listed(labels, "and")),
        (false, labels) => format!(" (paired by all labels but {})", listed(labels, "and")),
    }
}

fn listed(words: &[&str], joined: &str) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} {joined} {last}", others.join(", ")),
        _ => words.concat(),
    }
}

fn span(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds.max(0.0)).map_or_else(|_| "for ever".to_owned(), spoken::span)
}

#[cfg(test)]
mod tests;
