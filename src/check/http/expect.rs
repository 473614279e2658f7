//! What an answer must be like: status, body, JSON, latency. Must not send anything and must not read the policy.

use std::fmt;
use std::time::Duration;

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use crate::api::words::line;
use crate::check::target::shown;
use crate::host::secret::Redactor;
use crate::policy::criterion::Number;
use crate::policy::node::shorten;
use crate::policy::status::Status;
use crate::policy::value::Scalar;

/// Most characters that are quoted of an answer.
pub(super) const QUOTED: usize = 60;

/// What the value at a path must be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Equal {
    /// This, type and all.
    Exactly(Json),
    /// This text, or the number or word that it spells: what a rendered template can say.
    Spelt(String),
}

impl Equal {
    fn holds(&self, found: &Json) -> bool {
        match (self, found) {
            (Self::Exactly(Json::Number(a)), Json::Number(b)) => {
                a == b || (decimal(a) && a.as_f64() == b.as_f64())
            }
            (Self::Exactly(expected), found) => expected == found,
            (Self::Spelt(text), Json::String(found)) => text == found,
            (Self::Spelt(text), Json::Number(found)) => {
                f64::read(text).is_some_and(|n| found.as_f64() == Some(n))
            }
            (Self::Spelt(text), Json::Bool(found)) => bool::read(text) == Some(*found),
            (Self::Spelt(text), Json::Null) => text == "null",
            (Self::Spelt(_), Json::Array(_) | Json::Object(_)) => false,
        }
    }
}

/// Whether a number can be told apart from its neighbours as a float.
fn decimal(number: &serde_json::Number) -> bool {
    number.as_f64().is_some_and(|value| value.abs() < 9_007_199_254_740_992.0)
}

impl fmt::Display for Equal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(value) => write!(f, "`{value}`"),
            Self::Spelt(text) => write!(f, "`{}`", shorten(text)),
        }
    }
}

/// What must be found at a path in the body.
#[derive(Debug, Clone)]
pub(super) struct JsonRule {
    /// Where; everything that is found there must hold.
    pub(super) path: JsonPath,
    /// What it must be.
    pub(super) equals: Option<Equal>,
    /// The smallest number that will do.
    pub(super) min: Option<f64>,
    /// The largest number that will do.
    pub(super) max: Option<f64>,
}

impl JsonRule {
    /// What is wrong with `body`; what is quoted of it is masked before it is cut.
    fn miss(&self, body: &Json, redactor: &Redactor) -> Option<String> {
        let found = self.path.query(body).all();
        if found.is_empty() {
            return Some(format!("json: nothing at `{}`, expected {self}", self.path));
        }
        let wrong = found.into_iter().find(|value| !self.holds(value))?;
        let found = line(&wrong.to_string(), QUOTED, redactor);
        Some(format!("json: `{}` is `{found}`, expected {self}", self.path))
    }

    fn holds(&self, found: &Json) -> bool {
        let within = |limit: Option<f64>, holds: fn(f64, f64) -> bool| {
            limit.is_none_or(|limit| found.as_f64().is_some_and(|value| holds(value, limit)))
        };
        self.equals.as_ref().is_none_or(|expected| expected.holds(found))
            && within(self.min, |value, min| value >= min)
            && within(self.max, |value, max| value <= max)
    }
}

impl fmt::Display for JsonRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = [
            self.equals.as_ref().map(ToString::to_string),
            self.min.map(|min| format!("at least {}", Number(min))),
            self.max.map(|max| format!("at most {}", Number(max))),
        ];
        f.write_str(&rules.into_iter().flatten().collect::<Vec<_>>().join(" and "))
    }
}

/// A body as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// Whether there are more than were read.
    pub(super) cut: bool,
}

/// All that an answer must be like.
#[derive(Debug)]
pub(super) struct Expectations {
    /// Any of these.
    pub(super) status: Vec<Status>,
    /// A text in the body, and a search for it.
    pub(super) contains: Option<(String, regex::bytes::Regex)>,
    /// A pattern that the body must match somewhere.
    pub(super) matches: Option<regex::bytes::Regex>,
    /// What must be found in the body as JSON.
    pub(super) json: Vec<JsonRule>,
    /// The longest that the attempt may take.
    pub(super) max_latency: Option<Duration>,
    /// How much of the body is read, in bytes.
    pub(super) max_body: usize,
}

impl Expectations {
    /// Whether anything is expected of the body.
    pub(super) const fn of_body(&self) -> bool {
        self.contains.is_some() || self.matches.is_some() || !self.json.is_empty()
    }

    /// Whether `code` is one of those that are expected.
    pub(super) fn takes(&self, code: u16) -> bool {
        self.status.iter().any(|expected| expected.holds(code))
    }

    /// What is wrong with the status.
    pub(super) fn status_miss(&self, code: u16) -> Option<String> {
        (!self.takes(code)).then(|| format!("status {code}, expected {}", self.statuses()))
    }

    fn statuses(&self) -> String {
        self.status.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
    }

    /// What is wrong with the body; everything, so that one run tells it all.
    pub(super) fn body_misses(&self, body: &Body, redactor: &Redactor) -> Vec<String> {
        let size = format!("{} bytes", body.bytes.len());
        let place = if body.cut {
            format!("the first {size} (`max_body`) of the body")
        } else {
            format!("the {size} of the body")
        };
        let mut misses = Vec::new();
        if let Some((text, search)) = &self.contains
            && !search.is_match(&body.bytes)
        {
            misses.push(format!("body_contains: `{}` is not in {place}", shorten(text)));
        }
        if let Some(pattern) = &self.matches
            && !pattern.is_match(&body.bytes)
        {
            misses.push(format!("body_matches: `{}` matches nothing in {place}", shorten(pattern.as_str())));
        }
        if !self.json.is_empty() {
            self.json_misses(body, redactor, &mut misses);
        }
        misses
    }

    fn json_misses(&self, body: &Body, redactor: &Redactor, misses: &mut Vec<String>) {
        if body.cut {
            misses.push(format!("json: the body is larger than `max_body`, {} bytes", body.bytes.len()));
            return;
        }
        match serde_json::from_slice::<Json>(&body.bytes) {
            Ok(value) => {
                misses.extend(self.json.iter().filter_map(|rule| rule.miss(&value, redactor)));
            }
            Err(error) => misses.push(format!("json: the body is not JSON: {error}")),
        }
    }

    /// What is wrong with how long the attempt took.
    pub(super) fn latency_miss(&self, took: Duration) -> Option<String> {
        let limit = self.max_latency.filter(|limit| took > *limit)?;
        Some(format!("latency {}, expected at most {}", shown(took), shown(limit)))
    }
}

impl fmt::Display for Expectations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expects status {}", self.statuses())?;
        if let Some((text, _)) = &self.contains {
            write!(f, ", a body with `{}`", shorten(text))?;
        }
        if let Some(pattern) = &self.matches {
            write!(f, ", a body that matches `{}`", shorten(pattern.as_str()))?;
        }
        for rule in &self.json {
            write!(f, ", `{}` {rule}", rule.path)?;
        }
        match self.max_latency {
            Some(limit) => write!(f, ", within {}", shown(limit)),
            None => Ok(()),
        }
    }
}
