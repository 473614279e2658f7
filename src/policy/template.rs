//! A scalar with `{{name}}` tags (handlebars, strict), and what a value may do where it stands: a value can never
//! change the meaning of what it is put into. Must stay apart from `String`: a template has no `Display`.

use std::collections::BTreeMap;
use std::time::Duration;

use handlebars::template::{Parameter, Template as Parsed, TemplateElement};
use percent_encoding::utf8_percent_encode;

use super::problem::{Place, Problem, did_you_mean, listed};
use super::value::Scalar as _;
use crate::host::http::URL_PART;

/// The variable that a query may use and that changes from tick to tick.
pub const ELAPSED: &str = "elapsed";

/// What a template renders to, which decides how values are escaped or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Text that nothing parses: values stand as they are.
    Text,
    /// PromQL: escaped inside a string literal; a number, duration or name elsewhere.
    Query,
    /// A URL: percent-encoded by part.
    Url,
    /// A header's value: no control characters.
    Header,
    /// JSON text: values are escaped for the inside of a JSON string.
    Json,
}

/// An unrendered scalar.
#[derive(Debug, Clone)]
pub struct Template {
    /// The characters, tags and all.
    pub text: String,
    /// Where they are written.
    pub place: Place,
    context: Context,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    Variable(String),
}

/// The variables of a run.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    variables: BTreeMap<String, Variable>,
    elapsed: Option<Duration>,
}

#[derive(Debug, Clone)]
struct Variable {
    text: String,
    in_queries: Option<String>,
}

impl Scope {
    /// Sets `name`; a later call wins.
    pub fn set(&mut self, name: &str, text: &str) {
        self.variables.insert(name.to_owned(), Variable { text: text.to_owned(), in_queries: None });
    }

    /// Sets a variable that reads differently in queries.
    pub fn set_both(&mut self, name: &str, text: &str, in_queries: &str) {
        let in_queries = Some(in_queries.to_owned());
        self.variables.insert(name.to_owned(), Variable { text: text.to_owned(), in_queries });
    }

    /// The value of `name` outside queries.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|v| v.text.as_str())
    }

    /// All variables and their values outside queries, sorted by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, v)| (name.as_str(), v.text.as_str()))
    }

    /// The same variables at a tick, `elapsed` after the deployment.
    #[must_use]
    pub fn at(&self, elapsed: Duration) -> Self {
        Self { variables: self.variables.clone(), elapsed: Some(elapsed) }
    }

    fn value(&self, name: &str, template: &Template) -> Result<String, Problem> {
        let query = template.context == Context::Query;
        if name == ELAPSED && query {
            let elapsed = self.elapsed.unwrap_or_default();
            return Ok(format!("{}s", elapsed.as_secs().max(1)));
        }
        if let Some(variable) = self.variables.get(name) {
            let text = variable.in_queries.as_ref().filter(|_| query).unwrap_or(&variable.text);
            return Ok(text.clone());
        }
        if name == ELAPSED {
            return Err(template.problem(name, "`elapsed` is known in queries only"));
        }
        let known = listed(self.variables.keys().map(String::as_str));
        let near = did_you_mean(name, self.variables.keys().map(String::as_str));
        let near = near.map(|near| format!("{near} ")).unwrap_or_default();
        Err(template
            .problem(name, format!("the variable `{name}` is not defined"))
            .help(format!("{near}pass `--set {name}=VALUE`; defined are: {known}")))
    }
}

impl Template {
    /// Reads `text`, which stands at `place` and becomes a `context`.
    ///
    /// # Errors
    /// A tag that is not closed, or one that is more than a variable's name.
    pub fn compile(text: &str, place: Place, context: Context) -> Result<Self, Problem> {
        let mut template = Self { text: text.to_owned(), place, context, parts: Vec::new() };
        if !text.contains("{{") {
            template.parts.push(Part::Literal(text.to_owned()));
            return Ok(template);
        }
        let parsed = Parsed::compile(text).map_err(|_| {
            Problem::at(
                place,
                format!("expected `{{{{name}}}}` tags, found `{}`", super::node::shorten(text)),
            )
            .help("close every `{{` with `}}`; write `\\{{` for braces that are meant")
        })?;
        for element in parsed.elements {
            let part = match element {
                TemplateElement::RawString(literal) => Part::Literal(literal),
                TemplateElement::Comment(_) => continue,
                TemplateElement::Expression(tag) if is_variable(&tag.name) && tag.params.is_empty() => {
                    Part::Variable(tag.name.as_name().unwrap_or_default().to_owned())
                }
                TemplateElement::HtmlExpression(_) => {
                    return Err(template
                        .problem("{{{", "`{{{name}}}` would put a value in unescaped, which is refused")
                        .help("write `{{name}}`"));
                }
                _ => {
                    return Err(template
                        .problem("{{", "expected a variable like `{{name}}`, found a helper or a block")
                        .help("helpers and blocks are not supported yet"));
                }
            };
            template.parts.push(part);
        }
        Ok(template)
    }

    /// The variables it names.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Variable(name) => Some(name.as_str()),
        })
    }

    /// Whether it differs from tick to tick.
    pub fn changes(&self) -> bool {
        self.context == Context::Query && self.variables().any(|name| name == ELAPSED)
    }

    /// The text for `scope`.
    ///
    /// # Errors
    /// An undefined variable, or a value that cannot stand where its tag stands.
    pub fn render(&self, scope: &Scope) -> Result<String, Problem> {
        self.render_literals(scope, |literal| Ok(literal.to_owned()))
    }

    /// The text for `scope`, with each stretch between tags passed through `literal` first.
    ///
    /// # Errors
    /// As [`Template::render`], and whatever `literal` answers.
    pub fn render_literals(
        &self,
        scope: &Scope,
        literal: impl Fn(&str) -> Result<String, Problem>,
    ) -> Result<String, Problem> {
        let mut text = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(stretch) => text.push_str(&literal(stretch)?),
                Part::Variable(name) => {
                    let value = scope.value(name, self)?;
                    let next = match self.parts.get(index + 1) {
                        Some(Part::Literal(stretch)) => stretch.as_str(),
                        Some(Part::Variable(_)) => "{{",
                        None => "",
                    };
                    let fitted = fit(self.context, &text, &value, next).map_err(|expected| {
                        let shown = super::node::shorten(&value);
                        self.problem(
                            name,
                            format!("expected {expected}, found `{shown}` for `{{{{{name}}}}}`"),
                        )
                    })?;
                    text.push_str(&fitted);
                }
            }
        }
        Ok(text)
    }

    /// A problem whose caret is on `needle` inside this template, where the source shows it.
    fn problem(&self, needle: &str, message: impl Into<String>) -> Problem {
        Problem::at(self.place, message).needle(needle)
    }
}

fn is_variable(name: &Parameter) -> bool {
    name.as_name().is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-' || c == '.')
    })
}

/// `value` as it may stand after `before` and before `next`, or what was expected instead.
fn fit(context: Context, before: &str, value: &str, next: &str) -> Result<String, &'static str> {
    match context {
        Context::Text => Ok(value.to_owned()),
        Context::Query => fit_query(before, value),
        Context::Url => fit_url(before, value, next),
        Context::Header => {
            let plain = !value.chars().any(char::is_control);
            plain.then(|| value.to_owned()).ok_or("a header value without control characters")
        }
        Context::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            Ok(quoted[1..quoted.len() - 1].to_owned())
        }
    }
}

fn fit_query(before: &str, value: &str) -> Result<String, &'static str> {
    match open_quote(before) {
        Some('`') => {
            let plain = !value.contains('`');
            plain.then(|| value.to_owned()).ok_or("a value without a backtick inside a backtick string")
        }
        Some(quote) => {
            let mut escaped = String::with_capacity(value.len());
            for c in value.chars() {
                match c {
                    '\\' => escaped.push_str("\\\\"),
                    '\n' => escaped.push_str("\\n"),
                    '\r' => escaped.push_str("\\r"),
                    c if c == quote => escaped.extend(['\\', c]),
                    c => escaped.push(c),
                }
            }
            Ok(escaped)
        }
        None => {
            let number = f64::read(value).is_some();
            let duration = Duration::read(value).is_some() && !value.contains(char::is_whitespace);
            let mut characters = value.chars();
            let name = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == ':')
                && characters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
                && !KEYWORDS.contains(&value.to_ascii_lowercase().as_str());
            let fits = number || duration || name;
            fits.then(|| value.to_owned()).ok_or("a number, a duration or a name outside a string of a query")
        }
    }
}

/// Names that mean something to PromQL.
const KEYWORDS: [&str; 16] = [
    "and",
    "or",
    "unless",
    "bool",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "offset",
    "start",
    "end",
    "atan2",
    "inf",
    "nan",
];

/// The quote of the string literal that is open at the end of `before`.
fn open_quote(before: &str) -> Option<char> {
    let mut open = None;
    let mut comment = false;
    let mut characters = before.chars();
    while let Some(c) = characters.next() {
        match open {
            None if comment => comment = c != '\n',
            None if c == '#' => comment = true,
            None if matches!(c, '"' | '\'' | '`') => open = Some(c),
            Some(quote) if c == quote => open = None,
            Some('"' | '\'') if c == '\\' => {
                characters.next();
            }
            _ => {}
        }
    }
    open
}

fn fit_url(before: &str, value: &str, next: &str) -> Result<String, &'static str> {
    let encoded = || utf8_percent_encode(value, URL_PART).to_string();
    let Some((_, rest)) = before.split_once("://") else {
        return if before.is_empty() && (next.is_empty() || next.starts_with(['/', '?'])) {
            whole_address(value).ok_or("a URL like `http://host:port/path`, without user, query or fragment")
        } else {
            Err("a URL that begins with `http://` or `https://` before the tag")
        };
    };
    if rest.contains(['?', '#']) {
        return Ok(encoded());
    }
    if rest.contains('/') {
        // `.` and `..` survive percent-encoding and would walk up the path.
        let walks = !value.is_empty() && value.chars().all(|c| c == '.');
        return if walks { Err("a path part that is not `.` or `..`") } else { Ok(encoded()) };
    }
    let whole = rest.is_empty() && (next.is_empty() || next.starts_with(['/', '?']));
    let fits = if whole { is_authority(value) } else { is_host_part(value) };
    fits.then(|| value.to_owned()).ok_or(if whole {
        "`host` or `host:port`"
    } else {
        "a part of a host or a port"
    })
}

fn whole_address(value: &str) -> Option<String> {
    let rest = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"))?;
    let authority = rest.split('/').next().unwrap_or_default();
    let plain = !value.contains(['?', '#', '@', '\\']) && !value.contains(char::is_whitespace);
    (plain && is_authority(authority)).then(|| value.trim_end_matches('/').to_owned())
}

fn is_host_part(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// Whether `value` is `host`, `host:port`, `[ipv6]` or `[ipv6]:port`.
fn is_authority(value: &str) -> bool {
    let (host, port) = match value.strip_prefix('[').and_then(|v| v.split_once(']')) {
        Some((inner, after)) if inner.parse::<std::net::Ipv6Addr>().is_ok() => {
            return after.is_empty() || after.strip_prefix(':').is_some_and(|p| u16::read(p).is_some());
        }
        Some(_) => return false,
        None => value.split_once(':').map_or((value, None), |(host, port)| (host, Some(port))),
    };
    is_host_part(host) && port.is_none_or(|port| u16::read(port).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(context: Context, text: &str, value: &str) -> Result<String, String> {
        let place = Place { source: 0, start: 0, end: 0 };
        let mut scope = Scope::default();
        scope.set("v", value);
        let template = Template::compile(text, place, context).map_err(|p| p.message)?;
        template.render(&scope).map_err(|p| p.message)
    }

    #[test]
    fn a_value_in_a_query_cannot_leave_its_string() {
        let odd = "x\"} or vector(1) #";
        let rendered = render(Context::Query, "up{job=\"{{v}}\"}", odd).unwrap();
        assert_eq!(rendered, "up{job=\"x\\\"} or vector(1) #\"}");
        assert_eq!(render(Context::Query, "up{job='{{v}}'}", "it's").unwrap(), "up{job='it\\'s'}");
        assert!(render(Context::Query, "up{job=`{{v}}`}", "a`b").is_err());
        assert_eq!(render(Context::Query, "rate(x[{{v}}])", "5m").unwrap(), "rate(x[5m])");
        for value in ["5m]) or vector(1) #", "or", "a b", ""] {
            assert!(render(Context::Query, "rate(x[{{v}}])", value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_value_in_a_url_stays_in_its_part() {
        let url = |text, value| render(Context::Url, text, value);
        assert_eq!(url("http://{{v}}/health", "h:80").unwrap(), "http://h:80/health");
        assert_eq!(url("http://{{v}}/health", "[::1]:80").unwrap(), "http://[::1]:80/health");
        assert_eq!(url("http://{{v}}.local:8080/x", "shop").unwrap(), "http://shop.local:8080/x");
        assert_eq!(url("http://h/{{v}}/x", "a/b?c").unwrap(), "http://h/a%2Fb%3Fc/x");
        assert_eq!(url("http://h/x?q={{v}}", "a&b=c").unwrap(), "http://h/x?q=a%26b%3Dc");
        assert_eq!(url("{{v}}/health", "https://h:1/base/").unwrap(), "https://h:1/base/health");
        for (text, value) in [
            ("http://{{v}}/health", "evil.example/x#"),
            ("http://{{v}}/health", "user:pass@h"),
            ("http://{{v}}.local/", "a@b"),
            ("http://h/{{v}}/x", ".."),
            ("{{v}}/health", "javascript:alert(1)"),
            ("{{v}}/health", "http://h/?x"),
        ] {
            assert!(url(text, value).is_err(), "{text} with {value}");
        }
    }

    #[test]
    fn a_value_in_json_or_a_header_stays_inside() {
        assert_eq!(render(Context::Json, "{\"a\":\"{{v}}\"}", "x\"y\n").unwrap(), "{\"a\":\"x\\\"y\\n\"}");
        assert!(render(Context::Header, "{{v}}", "a\r\nX: y").is_err());
    }

    #[test]
    fn what_is_not_a_plain_variable_is_refused() {
        for text in ["{{{v}}}", "{{#if v}}x{{/if}}", "{{upper v}}", "{{v", "{{> p}}"] {
            assert!(render(Context::Text, text, "x").is_err(), "{text}");
        }
        assert_eq!(render(Context::Text, "a{{! note }}b", "x").unwrap(), "ab");
        assert!(render(Context::Text, "{{w}}", "x").unwrap_err().contains("`w` is not defined"));
    }
}
