//! The kind `http`: one request to an endpoint and what its answer must be like. Must not judge beyond met and
//! unmet, and must not reuse a connection: keep-alive would pin one pod.

mod auth;
mod exchange;
mod expect;
mod probe;
mod rules;
mod spec;
mod told;

use super::target::fields::{RETRIES, RETRY_DELAY, Span, TIMEOUT};
use super::target::secure;
use super::{Kind, Spec};
use crate::policy::form::Form;
use crate::policy::reader::{Field, Reader, Rule, Shape};
use crate::policy::status::Status;
use crate::policy::value::{Bytes, Scalar};

/// The kind.
pub(super) struct Http;

static JSON_FIELDS: &[Field] = &[
    Field::required("path", Shape::Text, "where in the body, as JSONPath; all that is found there must hold"),
    Field::new("equals", Shape::Literal, "the value that it must be"),
    Field::new("min", Shape::Number, "the smallest number that will do"),
    Field::new("max", Shape::Number, "the largest number that will do"),
];

static JSON_RULES: &[Rule] = &[Rule::Some(&["equals", "min", "max"])];

static AUTH_FIELDS: &[Field] = &[
    Field::required(
        "type",
        Shape::Of(Form::words("`none`, `basic` or `bearer`", &["none", "basic", "bearer"]).untemplated()),
        "how to say who is asking",
    ),
    Field::new("username", Shape::Text, "the user, for `basic`"),
    Field::new("password_ref", Shape::Text, "the secret that is the password, for `basic`"),
    Field::new("token_ref", Shape::Text, "the secret that is the token, for `bearer`"),
    Field::new("token_file", Shape::Text, "a file with the token, read anew at every attempt, for `bearer`"),
];

static AUTH_RULES: &[Rule] = &[
    Rule::Where("type", "none", &[Rule::None(&["username", "password_ref", "token_ref", "token_file"])]),
    Rule::Where(
        "type",
        "basic",
        &[Rule::All(&["username", "password_ref"]), Rule::None(&["token_ref", "token_file"])],
    ),
    Rule::Where(
        "type",
        "bearer",
        &[
            Rule::Some(&["token_ref", "token_file"]),
            Rule::Single(&["token_ref", "token_file"]),
            Rule::None(&["username", "password_ref"]),
        ],
    ),
];

static FIELDS: &[Field] = &[
    Field::required("url", Shape::Of(Form::WEB), "what is asked: an `http` or `https` URL"),
    Field::new("method", Shape::Of(METHOD), "the method: `GET`, `POST`, …").default("GET"),
    Field::new("headers", Shape::Headers, "headers to send; they go to the URL's own origin only"),
    Field::new("body", Shape::Text, "the request's body; JSON when it begins with `{` or `[`"),
    Field::new(
        "expected_status",
        Shape::Several(<Status as Scalar>::FORM),
        "the status that is expected: a number, a class like `2xx`, or a list of them",
    )
    .default("2xx"),
    TIMEOUT,
    RETRIES,
    RETRY_DELAY,
    Field::new("max_latency", Shape::of::<Span>(), "the longest that an attempt may take as a whole"),
    Field::new("body_contains", Shape::Of(Form::SOME), "a text that must be in the body"),
    Field::new("body_matches", Shape::Text, "a regular expression that must match somewhere in the body"),
    Field::new("json", Shape::Objects(JSON_FIELDS), "what must be found in the body as JSON")
        .rules(JSON_RULES),
    Field::new("follow_redirects", Shape::of::<u32>(), "redirects that are followed").default("0"),
    Field::new("auth", Shape::Object(AUTH_FIELDS), "how to say who is asking").rules(AUTH_RULES),
    Field::new("tls", Shape::Object(secure::FIELDS), "how to speak TLS"),
    Field::new("max_body", Shape::of::<Bytes>(), "bytes of the body beyond which nothing is read")
        .default("1MiB"),
];

/// The characters of a method; those that a blank at an end is cut off of.
const METHOD: Form = Form::matching("a method like `GET` or `POST`", "[-!#$%&'*+.^_`|~0-9A-Za-z]+");

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
