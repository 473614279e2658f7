//! Values as sentences say them: spans of time in whole words, and a tag where a value is not known yet. Must not
//! render: what is said here is for people before a run.

use std::fmt;
use std::time::Duration;

use super::criterion::Number;
use super::node::shorten;
use super::problem::{Problem, Problems};
use super::template::Scope;
use super::value::{Scalar, Value};

/// A value, or what is written where it is not known yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled<T> {
    /// The value.
    Known(T),
    /// What is written, tags and all.
    Tag(String),
}

impl<T> Settled<T> {
    /// The value, if it is known.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Tag(_) => None,
        }
    }

    /// What `say` makes of the value, or the tag in backticks.
    pub fn say(&self, say: impl FnOnce(&T) -> String) -> String {
        match self {
            Self::Known(value) => say(value),
            Self::Tag(tag) => format!("`{tag}`"),
        }
    }

    /// The same with what `made` makes of the value.
    pub fn map<U>(self, made: impl FnOnce(T) -> U) -> Settled<U> {
        match self {
            Self::Known(value) => Settled::Known(made(value)),
            Self::Tag(tag) => Settled::Tag(tag),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Settled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => write!(f, "{value}"),
            Self::Tag(tag) => write!(f, "`{tag}`"),
        }
    }
}

impl<T: Scalar + Clone> Value<T> {
    /// The value as far as it is known.
    ///
    /// # Errors
    /// A text that is known and is not a `T`.
    pub fn settled(&self, scope: &Scope) -> Result<Settled<T>, Problem> {
        match self {
            Self::Known(value, _) => Ok(Settled::Known(value.clone())),
            Self::Later(template) => {
                let settled = template.settled(scope);
                if settled.is_settled() {
                    self.render(scope).map(Settled::Known)
                } else {
                    Ok(Settled::Tag(shorten(&settled.text)))
                }
            }
        }
    }
}

/// A value that may be absent, as far as it is known; a fault is reported.
pub fn settled<T: Scalar + Clone>(
    value: Option<&Value<T>>,
    scope: &Scope,
    problems: &mut Problems,
) -> Option<Settled<T>> {
    value.and_then(|value| value.settled(scope).map_err(|problem| problems.push(problem)).ok())
}

/// `5 minutes`, `1 minute 30 seconds`, `500 milliseconds`.
pub fn span(span: Duration) -> String {
    let (seconds, millis) = (span.as_secs(), span.subsec_millis());
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
        (u64::from(millis), "millisecond"),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    if said.is_empty() { "0 seconds".to_owned() } else { said.join(" ") }
}

/// A limit, with all its digits: one that was rounded is another limit.
pub fn number(limit: f64) -> String {
    let short = Number(limit).to_string();
    if short.parse() == Ok(limit) || !limit.is_finite() { short } else { limit.to_string() }
}

/// `1 sample`, `3 samples`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `1st`, `2nd`, `3rd`, `95th`.
pub fn nth(number: u64) -> String {
    let end = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_words() {
        for (millis, said) in [
            (0, "0 seconds"),
            (500, "500 milliseconds"),
            (1000, "1 second"),
            (90_000, "1 minute 30 seconds"),
            (300_000, "5 minutes"),
            (90_000_000, "1 day 1 hour"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), said);
        }
        assert_eq!(number(1_073_741_824.0), "1073741824");
        assert_eq!([number(0.01), number(0.1 + 0.2)], ["0.01", "0.30000000000000004"]);
        assert_eq!(
            [1, 2, 3, 11, 21, 95, 112].map(nth),
            ["1st", "2nd", "3rd", "11th", "21st", "95th", "112th"]
        );
    }
}
