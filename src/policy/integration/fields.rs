//! The fields of an integration, as tables for the reader and the schema. Must not give any of them a meaning.

use crate::policy::form::Form;
use crate::policy::reader::{Field, Rule, Shape};
use crate::policy::value::{Bytes, Delay, Scalar};
use crate::promql::Dialect;

/// The words for how to say who is asking.
pub const AUTH_TYPES: &[&str] =
    &["none", "basic", "basic_auth", "bearer", "token", "oauth2", "pat", "webhook"];

const TYPE: Field = Field::new("type", Shape::OneOf(AUTH_TYPES), "how to say who is asking");
const USERNAME: Field = Field::new("username", Shape::Text, "the user of `basic`");
const PASSWORD: Field = Field::new("password", Shape::Text, "the password of `basic`");
const PASSWORD_REF: Field = Field::new("password_ref", Shape::Text, "the password, as a secret by reference");
const TOKEN: Field = Field::new("token", Shape::Text, "the token of `bearer` and `pat`");
const TOKEN_REF: Field = Field::new("token_ref", Shape::Text, "the token, as a secret by reference");
const TOKEN_FILE: Field = Field::new("token_file", Shape::Text, "the token's file, read anew at every use");
const CLIENT_ID: Field = Field::new("client_id", Shape::Text, "the client of `oauth2`");
const CLIENT_SECRET: Field = Field::new("client_secret", Shape::Text, "the client's secret");
const CLIENT_SECRET_REF: Field =
    Field::new("client_secret_ref", Shape::Text, "the client's secret, by reference");
const TOKEN_URL: Field = Field::new("token_url", Shape::Of(Form::WEB), "where `oauth2` gives out tokens");
const SCOPES: Field = Field::new("scopes", Shape::Texts, "what the token of `oauth2` is for");

/// The fields of `auth`, which may also stand beside it.
pub static AUTH: &[Field] = &[
    TYPE,
    USERNAME,
    PASSWORD,
    PASSWORD_REF,
    TOKEN,
    TOKEN_REF,
    TOKEN_FILE,
    CLIENT_ID,
    CLIENT_SECRET,
    CLIENT_SECRET_REF,
    TOKEN_URL,
    SCOPES,
];

/// The fields of `tls`.
pub static TLS: &[Field] = &[
    Field::new("ca_file", Shape::Text, "a PEM file of authorities trusted instead of the system's"),
    Field::new("cert_file", Shape::Text, "a PEM file of the client's certificates"),
    Field::new("key_file", Shape::Text, "a PEM file of the client's key"),
    Field::new("insecure_skip_verify", Shape::Flag, "accept any certificate").default("false"),
    Field::new("server_name", Shape::Text, "the name to ask for and verify instead of the URL's host"),
];

/// The fields of an integration.
pub static ENTRY: &[Field] = &[
    Field::new("system", Shape::Of(Form::NAME), "what it is; default the entry's key"),
    Field::new("enabled", Shape::Flag, "whether it may be used").default("true"),
    Field::new("url", Shape::Of(Form::WEB), "its address"),
    Field::new("base_url", Shape::Of(Form::WEB), "the same as `url`"),
    Field::new("auth", Shape::Object(AUTH), "how to say who is asking").rules(AUTH_RULES),
    TYPE,
    USERNAME,
    PASSWORD,
    PASSWORD_REF,
    TOKEN,
    TOKEN_REF,
    TOKEN_FILE,
    CLIENT_ID,
    CLIENT_SECRET,
    CLIENT_SECRET_REF,
    TOKEN_URL,
    SCOPES,
    Field::new("headers", Shape::Headers, "further headers of every request"),
    Field::new("tls", Shape::Object(TLS), "how to speak TLS"),
    Field::new(
        "delay",
        Shape::of::<Delay>(),
        "how long after a tick its data is complete; `auto`: as late as its newest samples are seen to be, at most `2m`",
    )
    .default("0s"),
    Field::new("max_body", Shape::of::<Bytes>(), "the largest answer that is read").default("64MiB"),
    Field::new("webhook_url", Shape::Text, "the address that messages go to, a secret"),
    Field::new("webhook_url_ref", Shape::Text, "the address that messages go to, as a secret by reference"),
    Field::new("verification_token", Shape::Text, "the token that its own requests carry"),
    Field::new("channels", Shape::TextMap, "the channel of each purpose"),
    Field::new("secret", Shape::Text, "the secret that messages are signed with"),
    Field::new("secret_ref", Shape::Text, "the secret that messages are signed with, by reference"),
    Field::new("project_mapping", Shape::TextMap, "the project of each project key"),
    Field::new("api_key", Shape::Text, "the API key"),
    Field::new("api_key_ref", Shape::Text, "the API key, as a secret by reference"),
    Field::new("app_key", Shape::Text, "the application key"),
    Field::new("app_key_ref", Shape::Text, "the application key, as a secret by reference"),
    Field::new("routing_key", Shape::Text, "the key that tells PagerDuty which service an event is for"),
    Field::new("routing_key_ref", Shape::Text, "the same, as a secret by reference"),
    Field::new("labels", Shape::TextMap, "further labels of every alert"),
    Field::new("resolve_after", Shape::Duration, "how long an alert fires where no pass resolves it")
        .default("4h"),
    Field::new("smtp_host", Shape::Text, "the mail server"),
    Field::new("smtp_port", Shape::Scalar, "its port; default that of `smtp_tls`"),
    Field::new("smtp_tls", Shape::OneOf(&["starttls", "tls", "none"]), "how mail is kept from others' eyes")
        .default("starttls"),
    Field::new("from", Shape::Text, "whom mail comes from"),
    Field::new("recipients", Shape::Texts, "whom mail goes to"),
    Field::new("keyword", Shape::Text, "a word that every message must hold to be let in"),
    Field::new("format", Shape::OneOf(&["event", "cloudevents", "cdevents"]), "how a webhook is written")
        .default("event"),
    Field::new("api_version", Shape::Scalar, "the version of its API"),
    Field::new("organization", Shape::Text, "the organization in it"),
    Field::new("project", Shape::Text, "the project in it"),
    Field::new("deployment_id", Shape::Text, "the deployment whose status is set"),
    Field::new(
        "dialect",
        Shape::OneOf(<Dialect as Scalar>::WORDS),
        "whose query language it speaks: `promql`, `metricsql` of VictoriaMetrics, or `none` to not look",
    )
    .default("promql"),
];

/// How the fields of `auth` go together.
static AUTH_RULES: &[Rule] = &[
    Rule::Single(&["password", "password_ref"]),
    Rule::Single(&["token", "token_ref", "token_file"]),
    Rule::Single(&["client_secret", "client_secret_ref"]),
];

/// How the fields of an integration go together.
pub static ENTRY_RULES: &[Rule] = &[
    Rule::Single(&["url", "base_url"]),
    Rule::Single(&["password", "password_ref"]),
    Rule::Single(&["token", "token_ref", "token_file"]),
    Rule::Single(&["client_secret", "client_secret_ref"]),
    Rule::Single(&["webhook_url", "webhook_url_ref"]),
    Rule::Single(&["secret", "secret_ref"]),
    Rule::Single(&["api_key", "api_key_ref"]),
    Rule::Single(&["app_key", "app_key_ref"]),
    Rule::Single(&["routing_key", "routing_key_ref"]),
];

/// The groups of `integration_configs`.
pub static GROUPS: &[Field] = &[
    Field::new("project_management", Shape::ObjectMap(ENTRY), "trackers").rules(ENTRY_RULES),
    Field::new("monitoring", Shape::ObjectMap(ENTRY), "sources of metrics").rules(ENTRY_RULES),
    Field::new("communication", Shape::ObjectMap(ENTRY), "where people are told").rules(ENTRY_RULES),
];

/// Settings that say the same in different ways; at most one of each may be written.
pub(in crate::policy) const ALTERNATIVES: &[(&str, &[&str])] = &[
    ("auth.password", &["auth.password_ref"]),
    ("auth.token", &["auth.token_ref", "auth.token_file"]),
    ("auth.client_secret", &["auth.client_secret_ref"]),
    ("webhook_url", &["webhook_url_ref"]),
    ("secret", &["secret_ref"]),
    ("api_key", &["api_key_ref"]),
    ("app_key", &["app_key_ref"]),
    ("routing_key", &["routing_key_ref"]),
];
