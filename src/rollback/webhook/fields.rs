//! The fields of a webhook, for the reader and the schema. Must not read or send anything.

use crate::policy::form::Form;
use crate::policy::reader::{Field, Rule, Shape};
use crate::policy::status::Status;
use crate::policy::value::Scalar;
use crate::rollback::verb::Verb;

/// Its fields beside `kind`.
pub(super) static FIELDS: &[Field] = &[
    Field::new("url", Shape::Of(Form::WEB), "where the request goes: an `http` or `https` URL"),
    Field::new("url_ref", Shape::Text, "the secret that holds the URL, where the URL is a credential itself"),
    Field::new("method", Shape::OneOf(Verb::WORDS), "the method").default("POST"),
    Field::new("headers", Shape::Headers, "further headers"),
    Field::new("body", Shape::Text, "the body; default the event of schema `rollgate.event/v1`"),
    Field::new(
        "secret_ref",
        Shape::Text,
        "the secret that signs the request, by Standard Webhooks and `X-Hub-Signature-256`",
    ),
    Field::new(
        "expect_status",
        Shape::Several(<Status as Scalar>::FORM),
        "the status that confirms: a number, a class like `2xx`, or a list of them",
    )
    .default("2xx"),
    Field::new(
        "expect_body",
        Shape::Text,
        "a regular expression that the answer's body must match to confirm",
    ),
];

/// How they go together.
pub(super) static RULES: &[Rule] = &[Rule::Some(&["url", "url_ref"]), Rule::Single(&["url", "url_ref"])];
