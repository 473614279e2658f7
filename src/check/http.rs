//! The kind `http`: one request to an endpoint and what its answer must be like. Must not judge beyond met and
//! unmet, and must not reuse a connection: keep-alive would pin one pod.

mod auth;
mod exchange;
mod expect;
mod probe;
mod rules;
mod spec;

use super::target::fields::{RETRIES, RETRY_DELAY, TIMEOUT};
use super::target::secure;
use super::{Kind, Spec};
use crate::policy::reader::{Field, Reader, Shape};

/// The kind.
pub(super) struct Http;

static JSON_FIELDS: &[Field] = &[
    Field::required(
        "path",
        Shape::Text,
        "Where in the body, as JSONPath; all that is found there must hold.",
    ),
    Field::new("equals", Shape::Any, "The value that it must be."),
    Field::new("min", Shape::Number, "The smallest number that will do."),
    Field::new("max", Shape::Number, "The largest number that will do."),
];

static AUTH_FIELDS: &[Field] = &[
    Field::required("type", Shape::OneOf(&["none", "basic", "bearer"]), "How to say who is asking."),
    Field::new("username", Shape::Text, "The user, for `basic`."),
    Field::new("password_ref", Shape::Text, "The secret that is the password, for `basic`."),
    Field::new("token_ref", Shape::Text, "The secret that is the token, for `bearer`."),
    Field::new("token_file", Shape::Text, "A file with the token, read anew at every attempt, for `bearer`."),
];

static FIELDS: &[Field] = &[
    Field::required("url", Shape::Text, "What is asked: an `http` or `https` URL."),
    Field::new("method", Shape::Text, "GET, POST, … (default GET)."),
    Field::new("headers", Shape::TextMap, "Headers to send; they go to the URL's own origin only."),
    Field::new("body", Shape::Text, "The request's body; JSON when it begins with `{` or `[`."),
    Field::new(
        "expected_status",
        Shape::Any,
        "The status that is expected: a number, a class like `2xx`, or a list of them (default 2xx).",
    ),
    TIMEOUT,
    RETRIES,
    RETRY_DELAY,
    Field::new("max_latency", Shape::Duration, "The longest that an attempt may take as a whole."),
    Field::new("body_contains", Shape::Text, "A text that must be in the body."),
    Field::new("body_matches", Shape::Text, "A regular expression that must match somewhere in the body."),
    Field::new("json", Shape::Objects(JSON_FIELDS), "What must be found in the body as JSON."),
    Field::new("follow_redirects", Shape::Number, "Redirects that are followed (default 0)."),
    Field::new("auth", Shape::Object(AUTH_FIELDS), "How to say who is asking."),
    Field::new("tls", Shape::Object(secure::FIELDS), "How to speak TLS."),
    Field::new("max_body", Shape::Scalar, "Bytes of the body beyond which nothing is read (default 1MiB)."),
];

impl Kind for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn summary(&self) -> &'static str {
        "an HTTP endpoint: status, latency, body, JSON and certificate"
    }

    fn example(&self) -> &'static str {
        r#"url: "https://{{service_host}}/health"
expected_status: [200, 204]
timeout: 5s
retries: 2
max_latency: 500ms
headers: {Accept: application/json}
json:
  - path: $.status
    equals: UP
tls: {min_days_left: 14}
"#
    }

    fn section(&self) -> &'static [&'static str] {
        &["health_check_validation", "http_checks"]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn identity(&self) -> &'static [&'static str] {
        &["url"]
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn Spec>> {
        Some(Box::new(spec::HttpSpec::parse(body)?))
    }
}

#[cfg(test)]
mod tests;
