//! What is expected of an answer, as it was read, and its rendering. A value cannot change a pattern's or a path's
//! meaning: it is escaped for either. Must not look at an answer.

use std::fmt::Write as _;

use regex::bytes::Regex;
use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::JSON_FIELDS;
use super::expect::{Equal, Expectations, JsonRule};
use crate::check::target::fields::{Span, checked, early, kept, typed};
use crate::policy::node::{Data, Node, shorten};
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::{Reader, value};
use crate::policy::status::Status;
use crate::policy::template::{Context, Scope, Template};
use crate::policy::value::{Bytes, Scalar as _, Value};

const MAX_BODY: usize = 1024 * 1024;

/// The expectations as they were read.
#[derive(Debug)]
pub(super) struct RulesSpec {
    pub(super) status: Vec<Value<Status>>,
    pub(super) max_latency: Option<Value<Span>>,
    pub(super) contains: Option<Template>,
    pub(super) matches: Option<Template>,
    pub(super) json: Vec<JsonSpec>,
    max_body: Option<Value<Bytes>>,
}

/// What must be found in the body, as it was read.
#[derive(Debug)]
pub(super) struct JsonSpec {
    pub(super) path: Template,
    pub(super) equals: Option<EqualSpec>,
    pub(super) min: Option<Value<f64>>,
    pub(super) max: Option<Value<f64>>,
}

/// A value that must be found.
#[derive(Debug)]
pub(super) enum EqualSpec {
    /// Written as itself.
    Known(Json),
    /// Written as a template.
    Later(Template),
}

impl RulesSpec {
    /// Reads what the check expects.
    pub(super) fn parse(body: &mut Reader<'_, '_>) -> Self {
        let nodes = body.items("expected_status");
        if nodes.is_empty() && body.has("expected_status") {
            body.expected::<()>("expected_status", "at least one status like `200` or `2xx`");
        }
        let spec = Self {
            status: nodes.into_iter().filter_map(|node| value(node, body.problems)).collect(),
            max_latency: body.value("max_latency"),
            contains: body.template("body_contains", Context::Text),
            matches: body.template("body_matches", Context::Text),
            json: body
                .list("json")
                .into_iter()
                .filter_map(|node| JsonSpec::parse(node, body.problems))
                .collect(),
            max_body: body.value("max_body"),
        };
        early(spec.contains.as_ref(), body.problems, search);
        early(spec.matches.as_ref(), body.problems, pattern);
        spec
    }

    /// The expectations. `None` after reporting why.
    pub(super) fn render(&self, scope: &Scope, problems: &mut Problems) -> Option<Expectations> {
        let count = self.status.len();
        let mut status: Vec<Status> =
            self.status.iter().filter_map(|status| kept(status.render(scope), problems)).collect();
        let max_latency = typed(self.max_latency.as_ref(), scope, problems);
        let contains = checked(self.contains.as_ref(), scope, problems, search);
        let patterns = escaped(scope, regex::escape);
        let matches = checked(self.matches.as_ref(), &patterns, problems, pattern);
        let rules = self.json.len();
        let json: Vec<JsonRule> = self.json.iter().filter_map(|rule| rule.render(scope, problems)).collect();
        let max_body = typed(self.max_body.as_ref(), scope, problems);
        let complete = status.len() == count && json.len() == rules;
        if count == 0 {
            status.push(Status::Class(2));
        }
        complete.then_some(Expectations {
            status,
            contains: contains?,
            matches: matches?,
            json,
            max_latency: max_latency?.map(|Span(span)| span),
            max_body: max_body?.map_or(MAX_BODY, |Bytes(bytes)| bytes),
        })
    }
}

impl JsonSpec {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut body = Reader::open(node, "an entry of `json`", &[JSON_FIELDS], problems)?;
        let path = body.template("path", Context::Text);
        let (min, max) = (body.value("min"), body.value("max"));
        // `equals: null` is a value like any other, so the node is asked and not the reader.
        let equals = node.get("equals");
        if equals.is_none() && min.is_none() && max.is_none() && !body.has("min") && !body.has("max") {
            body.fault(node.place, "expected `equals`, `min` or `max` beside `path`, found none");
        }
        let equals = equals.and_then(|node| EqualSpec::parse(node, body.problems));
        early(path.as_ref(), body.problems, json_path);
        Some(Self { path: path?, equals, min, max })
    }

    fn render(&self, scope: &Scope, problems: &mut Problems) -> Option<JsonRule> {
        let path = checked(Some(&self.path), &escaped(scope, path_part), problems, json_path);
        let min = typed(self.min.as_ref(), scope, problems);
        let max = typed(self.max.as_ref(), scope, problems);
        let equals = match &self.equals {
            None => Some(None),
            Some(EqualSpec::Known(value)) => Some(Some(Equal::Exactly(value.clone()))),
            Some(EqualSpec::Later(text)) => {
                kept(text.render(scope), problems).map(|text| Some(Equal::Spelt(text)))
            }
        };
        Some(JsonRule { path: path??, equals: equals?, min: min?, max: max? })
    }
}

impl EqualSpec {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let known = match &node.data {
            Data::Null => Some(Json::Null),
            Data::Bool(value) => Some(Json::from(*value)),
            Data::Number(text) => {
                // What YAML writes and JSON does not, such as `.5`, is still a number.
                let number = serde_json::from_str(text).ok().filter(Json::is_number);
                number.or_else(|| f64::read(text).map(Json::from))
            }
            Data::Text(text) if text.contains("{{") => {
                return crate::policy::reader::compile(node, Context::Text, problems).map(Self::Later);
            }
            Data::Text(text) => Some(Json::from(text.as_str())),
            Data::List(_) | Data::Map(_) => None,
        };
        if known.is_none() {
            let message =
                format!("expected a text, a number, `true`, `false` or `null`, found {}", node.found());
            problems.push(Problem::at(node.place, message));
        }
        known.map(Self::Known)
    }
}

/// The same variables, each value made harmless.
fn escaped(scope: &Scope, escape: impl Fn(&str) -> String) -> Scope {
    let mut harmless = Scope::default();
    for (name, text) in scope.all() {
        harmless.set(name, &escape(text));
    }
    harmless
}

/// A value inside a JSONPath: numbers and words as they are, all else by its code, which means itself in a quoted
/// name and is a fault anywhere else.
fn path_part(text: &str) -> String {
    if f64::read(text).is_some() {
        return text.to_owned();
    }
    let mut part = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, '_' | '-') {
            part.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(part, "\\u{unit:04X}");
            }
        }
    }
    part
}

fn search(text: &str, place: Place) -> Result<(String, Regex), Problem> {
    if text.is_empty() {
        return Err(Problem::at(place, "expected a text for `body_contains`, found an empty one"));
    }
    Ok((text.to_owned(), pattern(&regex::escape(text), place)?))
}

fn pattern(text: &str, place: Place) -> Result<Regex, Problem> {
    Regex::new(text).map_err(|error| {
        let reason = match error {
            // The last line of a syntax error says what it is; those before draw it.
            regex::Error::Syntax(drawn) => drawn.lines().last().unwrap_or_default().trim().to_owned(),
            other => other.to_string(),
        };
        let reason = reason.trim_start_matches("error: ");
        Problem::at(place, format!("expected a regular expression, found `{}`: {reason}", shorten(text)))
    })
}

fn json_path(text: &str, place: Place) -> Result<JsonPath, Problem> {
    JsonPath::parse(text).map_err(|error| {
        let (position, reason) = (error.position(), error.message());
        let message =
            format!("expected a JSONPath, found `{}`: {reason} (character {position})", shorten(text));
        Problem::at(place, message).help("a path begins with `$`, as in `$.checks[0].status`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_a_quoted_name_is_that_name_and_nothing_else() {
        for odd in ["a", "a']['b", "a\" 'b", "a\\", "ü🦀", "*", "0,1"] {
            let path = JsonPath::parse(&format!("$['{}'].ok", path_part(odd))).unwrap();
            let body = serde_json::json!({odd: {"ok": true}, "a": {"b": {"ok": false}, "ok": true}});
            assert_eq!(path.query(&body).all(), [&serde_json::json!(true)], "{odd}");
        }
    }
}
