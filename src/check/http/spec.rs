//! An HTTP check as it was read, and its rendering into a probe: every fault at the place of its value, as early as
//! the value is known. Must not send anything.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value as Json;
use url::Url;

use super::auth::{Auth, AuthSpec};
use super::exchange::Hop;
use super::probe::HttpProbe;
use super::rules::RulesSpec;
use crate::check::target::fields::{PaceSpec, checked, early, kept, typed};
use crate::check::target::secure::{Secure, TlsSpec};
use crate::check::{Facts, RenderCx, Rendered, Spec, Told};
use crate::host::secret::Secret;
use crate::host::tls::TlsOptions;
use crate::host::vault::Vault;
use crate::policy::exposure::in_headers;
use crate::policy::model::Judging;
use crate::policy::node::{Data, Key, shorten};
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::{Reader, compile};
use crate::policy::template::{Context, Scope, Template};
use crate::policy::value::Value;
use crate::policy::window::Reaching;

/// What is offered in the handshake.
const PROTOCOLS: &[&str] = &["http/1.1"];

/// An HTTP check as it was read.
#[derive(Debug)]
pub(super) struct HttpSpec {
    pub(super) url: Template,
    pub(super) method: Option<Template>,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Template>,
    pub(super) rules: RulesSpec,
    pub(super) pace: PaceSpec,
    pub(super) follow_redirects: Option<Value<u32>>,
    pub(super) auth: Option<AuthSpec>,
    pub(super) tls: Option<TlsSpec>,
}

impl HttpSpec {
    /// Reads the check. `None` after reporting why.
    pub(super) fn parse(body: &mut Reader<'_, '_>) -> Option<Self> {
        let url = body.template("url", Context::Url);
        early(url.as_ref(), body.problems, endpoint);
        let method = body.template("method", Context::Text);
        early(method.as_ref(), body.problems, verb);
        let auth = body.node("auth").and_then(|node| AuthSpec::parse(node, body.problems));
        let headers = headers(body);
        for (name, value) in &headers {
            early(Some(value), body.problems, header_value);
            if name == http::header::AUTHORIZATION && auth.is_some() {
                body.fault(value.place, "expected either `auth` or an `authorization` header, found both");
            }
        }
        let spec = Self {
            method,
            headers,
            body: body.node("body").and_then(|node| {
                let json = node.scalar().is_some_and(is_json);
                compile(node, if json { Context::Json } else { Context::Text }, body.problems)
            }),
            rules: RulesSpec::parse(body),
            pace: PaceSpec::parse(body),
            follow_redirects: body.value("follow_redirects"),
            auth,
            tls: body.node("tls").and_then(|node| TlsSpec::parse(node, body.problems)),
            url: url?,
        };
        Some(spec)
    }

    fn render_headers(&self, scope: &Scope, vault: &Vault, problems: &mut Problems) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        let mut fits = true;
        for (name, template) in &self.headers {
            let value = |text: &str, place| {
                let opened = vault.opened(text).map_err(|problem| {
                    Problem::at(place, format!("the header `{name}` cannot be used: {problem}"))
                })?;
                header_value(opened.as_ref().map_or(text, Secret::expose), place)
            };
            match checked(Some(template), scope, problems, value) {
                Some(Some(value)) => {
                    headers.append(name, value);
                }
                _ => fits = false,
            }
        }
        if self.body.as_ref().is_some_and(|body| is_json(&body.text)) {
            let json = HeaderValue::from_static("application/json");
            headers.entry(http::header::CONTENT_TYPE).or_insert(json);
        }
        fits.then_some(headers)
    }
}

impl Spec for HttpSpec {
    fn facts(&self) -> Facts<'_> {
        let by_auth = self.auth.as_ref().and_then(AuthSpec::place);
        let credentials = by_auth.or_else(|| in_headers(&self.headers));
        let target = self
            .url
            .text
            .split_once("://")
            .map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned());
        let longest = self.pace.longest();
        Facts { address: Some(&self.url), target, credentials, longest, ..Facts::default() }
    }

    fn told(&self, scope: &Scope, _: Reaching, problems: &mut Problems) -> Told {
        self.in_words(scope, problems)
    }

    fn render(&self, cx: &RenderCx<'_>, problems: &mut Problems) -> Option<Rendered> {
        let scope = cx.scope;
        let url = checked(Some(&self.url), scope, problems, endpoint).flatten();
        let method = checked(self.method.as_ref(), scope, problems, verb);
        let headers = self.render_headers(scope, cx.vault, problems);
        let body = match &self.body {
            None => Some(String::new()),
            Some(template) => kept(body_text(template, scope), problems),
        };
        let expect = self.rules.render(scope, problems);
        let pace = self.pace.render(scope, problems);
        let redirects = typed(self.follow_redirects.as_ref(), scope, problems);
        let auth = match &self.auth {
            None => Some(Auth::None),
            Some(auth) => auth.render(scope, cx.vault, problems),
        };
        let secure = match &self.tls {
            None => Some(Secure::new(TlsOptions::default(), None, PROTOCOLS)),
            Some(tls) => tls.render(scope, problems, PROTOCOLS),
        };
        let (url, redirects, secure) = (url?, redirects?.unwrap_or(0), secure?);
        if let Some(tls) = &self.tls
            && secure.min_days_left.is_some()
            && url.scheme() == "http"
            && redirects == 0
        {
            let message = "expected an `https` URL for `min_days_left`, found an `http` one";
            problems.push(Problem::at(tls.place(), message).help("a plain connection shows no certificate"));
            return None;
        }
        let derived_name = url.to_string();
        let hop = Hop {
            method: method?.unwrap_or(Method::GET),
            url,
            headers: headers?,
            body: body?.into(),
            first: true,
        };
        let probe = HttpProbe::new(hop, auth?, cx.vault.clone(), secure, expect?, redirects, pace?);
        Some(Rendered::new(std::sync::Arc::new(probe), Judging::default(), derived_name))
    }
}

/// Headers that say how the body is framed, which only the one who sends it knows.
const FRAMING: [HeaderName; 2] = [http::header::CONTENT_LENGTH, http::header::TRANSFER_ENCODING];

fn headers(body: &mut Reader<'_, '_>) -> Vec<(HeaderName, Template)> {
    let Some(node) = body.node("headers") else { return Vec::new() };
    let Data::Map(entries) = &node.data else {
        return body.expected("headers", "a mapping of names to texts").unwrap_or_default();
    };
    let mut headers = Vec::new();
    for (key, value) in entries {
        let name = kept(header_name(key), body.problems);
        let value = compile(value, Context::Header, body.problems);
        headers.extend(name.zip(value));
    }
    headers
}

fn header_name(key: &Key) -> Result<HeaderName, Problem> {
    match HeaderName::from_bytes(key.name.as_bytes()) {
        Ok(name) if FRAMING.contains(&name) => {
            Err(Problem::at(key.place, format!("`{name}` follows from the body and cannot be set")))
        }
        Ok(name) => Ok(name),
        Err(_) => {
            Err(Problem::at(key.place, format!("expected a header's name, found `{}`", shorten(&key.name))))
        }
    }
}

fn header_value(text: &str, place: Place) -> Result<HeaderValue, Problem> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| Problem::at(place, "expected a header value without control characters"))
}

fn verb(text: &str, place: Place) -> Result<Method, Problem> {
    let method = Method::from_bytes(text.trim().to_ascii_uppercase().as_bytes()).ok();
    method.filter(|method| *method != Method::CONNECT).ok_or_else(|| {
        Problem::at(place, format!("expected a method like `GET` or `POST`, found `{}`", shorten(text)))
    })
}

fn endpoint(text: &str, place: Place) -> Result<Url, Problem> {
    let fault = |message: String| Problem::at(place, message);
    let schemeless = || format!("begin it with a scheme: `http://{}`", shorten(text));
    let mut url = Url::parse(text).map_err(|error| {
        let help = (error == url::ParseError::RelativeUrlWithoutBase).then(schemeless);
        fault(format!("expected a URL like `http://host:port/path`, found what is none: {error}"))
            .maybe_help(help)
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let help = (!text.contains("://")).then(schemeless);
        let message = format!("expected an `http` or `https` URL, found the scheme `{}`", url.scheme());
        return Err(fault(message).maybe_help(help));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fault("expected a URL without user and password".to_owned())
            .help("use `auth: {type: basic, username: …, password_ref: …}`"));
    }
    if url.port() == Some(0) {
        return Err(fault("expected a port from 1 to 65535, found `0`".to_owned()));
    }
    url.set_fragment(None);
    match url.as_str().parse::<http::Uri>() {
        Ok(_) => Ok(url),
        Err(error) => Err(fault(format!("expected a URL that can be sent: {error}"))),
    }
}

/// Whether a body is meant as JSON: a tag at its beginning says nothing of what it stands for.
fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    (text.starts_with('{') && !text.starts_with("{{")) || text.starts_with('[')
}

/// The body. One that is JSON must keep its structure: a value that stands outside a string could add to it.
fn body_text(template: &Template, scope: &Scope) -> Result<String, Problem> {
    let text = template.render(scope)?;
    if !is_json(&template.text) || template.variables().next().is_none() {
        return Ok(text);
    }
    let mut zeros = Scope::default();
    for name in template.variables() {
        zeros.set(name, "0");
    }
    let Ok(meant) = serde_json::from_str::<Json>(&template.render(&zeros)?) else { return Ok(text) };
    let made = serde_json::from_str::<Json>(&text).ok();
    if made.is_some_and(|made| same_structure(&meant, &made)) {
        return Ok(text);
    }
    let message = "expected values that leave the structure of this JSON alone, found one that changes it";
    Err(Problem::at(template.place, message).help("put quotes around a tag that stands for a text"))
}

fn same_structure(meant: &Json, made: &Json) -> bool {
    match (meant, made) {
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_structure(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.values().zip(b.values()).all(|(a, b)| same_structure(a, b))
        }
        (Json::String(_), Json::String(_)) => true,
        // A tag outside a string was rendered as a number here, and may stand for any number or word.
        (Json::Number(_), made) => !made.is_array() && !made.is_object(),
        (meant, made) => meant == made,
    }
}
