//! The `webhook` trigger: one signed request that carries a once-only id. Must not follow redirects, and must not
//! call a rollback confirmed unless both the status and the body are as expected.

mod fields;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, Method};
use jiff::Timestamp;
use url::Url;

use self::fields::{FIELDS, RULES};
use super::expect::{Expect, ExpectSpec};
use super::verb::Verb;
use super::{ACTING, Effect, Order, Trigger, TriggerCx, TriggerKind, TriggerSpec};
use crate::api::deliver::{Repeat, deliver};
use crate::event::Event;
use crate::event::sign::{self, Signer};
use crate::gate::outcome::ActionStatus;
use crate::host::fernet;
use crate::host::http::{Request, Response};
use crate::host::secret::{Redactor, Secret};
use crate::host::tls::TlsOptions;
use crate::host::vault::called;
use crate::policy::exposure::{Exposure, in_headers};
use crate::policy::node::{Data, Node, shorten};
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Rule, compile};
use crate::policy::spoken::Settled;
use crate::policy::template::{Context, Scope, Template};
use crate::policy::value::Value;

/// Bytes of an answer that are read: receivers answer in a line.
const MAX_BODY: usize = 1024 * 1024;

/// Headers that are set by whoever sends, beside those of the signature.
const OURS: [&str; 2] = ["content-length", "transfer-encoding"];

/// A template for a form is read as the query of this, so that values are encoded as a form's are.
const FORM: &str = "http://form/?";

/// The `webhook` trigger.
pub struct Webhook;

#[derive(Debug)]
struct Spec {
    url: Address,
    method: Value<Verb>,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Body>,
    secret: Option<Template>,
    expect: ExpectSpec,
}

#[derive(Debug)]
enum Address {
    Open(Template),
    Secret(Template),
}

#[derive(Debug)]
struct Body {
    template: Template,
    form: bool,
    content_type: &'static str,
}

impl TriggerKind for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn summary(&self) -> &'static str {
        "sends one signed HTTP request with a once-only id"
    }

    fn example(&self) -> &'static str {
        "kind: webhook\nurl: \"https://hooks.example.com/rollback/{{service_name}}\"\nsecret_ref: rollback-hook-secret\n"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn rules(&self) -> &'static [Rule] {
        RULES
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>> {
        let headers = headers(body);
        let url = address(body);
        let method = match body.node("method") {
            Some(_) => body.value("method"),
            None => Some(Value::Known(Verb(Method::POST), body.place)),
        };
        let expect = ExpectSpec::parse(body);
        let secret = body.template("secret_ref", Context::Text);
        let own_body = body.node("body").map(|node| own_body(node, &headers, body.problems));
        Some(Box::new(Spec {
            url: url?,
            method: method?,
            headers,
            body: match own_body {
                Some(read) => Some(read?),
                None => None,
            },
            secret,
            expect,
        }))
    }
}

fn address(body: &mut Reader<'_, '_>) -> Option<Address> {
    let open = body.template("url", Context::Url).map(Address::Open);
    let secret = body.template("url_ref", Context::Text).map(Address::Secret);
    match (body.has("url"), body.has("url_ref")) {
        (true, true) => {
            body.fault(body.key_place("url_ref"), "expected `url` or `url_ref`, found both");
            None
        }
        (false, false) => {
            let problem = Problem::at(body.place, "`url` is missing in a `webhook` trigger");
            body.problems.push(problem.help("give `url`, or `url_ref` where the URL is a credential itself"));
            None
        }
        _ => open.or(secret),
    }
}

fn headers(body: &mut Reader<'_, '_>) -> Vec<(HeaderName, Template)> {
    let place = body.key_place("headers");
    let written = body.text_map("headers", Context::Header);
    let mut headers = Vec::with_capacity(written.len());
    for (name, template) in written {
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(known) if OURS.iter().chain(&sign::HEADERS).any(|ours| known == *ours) => {
                body.fault(template.place, format!("the header `{name}` is set by rollgate itself"));
            }
            Ok(known) => headers.push((known, template)),
            Err(_) => {
                let shown = shorten(&name);
                body.problems.push(
                    Problem::at(place, format!("expected the name of a header, found `{shown}`"))
                        .needle(&name),
                );
            }
        }
    }
    headers
}

/// The body that is written: JSON and forms take values as parts of their own, anything else takes them as they are.
fn own_body(node: &Node, headers: &[(HeaderName, Template)], problems: &mut Problems) -> Option<Body> {
    let content_type = headers.iter().find(|(name, _)| name == CONTENT_TYPE).map(|(_, t)| t.text.as_str());
    let text = node.scalar().unwrap_or_default();
    let begins = text.trim_start();
    if begins.starts_with('[') || begins.starts_with('{') && !begins.starts_with("{{") {
        let template = compile(node, Context::Json, problems)?;
        // A tag inside a string is valid JSON as it stands; a tag anywhere else is not, and its value could mean
        // anything there.
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
            let problem = Problem::at(node.place, format!("the body is not valid JSON: {error}"));
            problems.push(problem.help("put tags inside strings: `{\"service\": \"{{service_name}}\"}`"));
            return None;
        }
        return Some(Body { template, form: false, content_type: "application/json" });
    }
    if content_type.is_some_and(|t| t.trim_start().starts_with("application/x-www-form-urlencoded")) {
        let node = Node { data: Data::Text(format!("{FORM}{text}")), place: node.place };
        let template = compile(&node, Context::Url, problems)?;
        return Some(Body { template, form: true, content_type: "application/x-www-form-urlencoded" });
    }
    let template = compile(node, Context::Text, problems)?;
    Some(Body { template, form: false, content_type: "text/plain; charset=utf-8" })
}

impl TriggerSpec for Spec {
    fn exposure(&self) -> Option<Exposure<'_>> {
        let Address::Open(address) = &self.url else { return None };
        let signed = self.secret.as_ref().map(|secret| secret.place);
        Some(Exposure { address, credential: in_headers(&self.headers).or(signed)? })
    }

    fn told(&self, scope: &Scope) -> String {
        let method = self.method.settled(scope).map_or_else(
            |_| "POST".to_owned(),
            |verb| match verb {
                Settled::Known(Verb(method)) => method.to_string(),
                Settled::Tag(tag) => tag,
            },
        );
        let to = match &self.url {
            // A query may hold a token.
            Address::Open(url) => {
                let text = url.settled(scope).text;
                text.split_once('?').map(|(shown, _)| format!("{shown}?…")).unwrap_or(text)
            }
            Address::Secret(reference) => {
                format!("to the address in {}", called(&reference.settled(scope).text))
            }
        };
        let signed = self.secret.as_ref().map(|secret| secret.settled(scope).text);
        let signed = signed.map(|secret| format!(", signed with {}", called(&secret))).unwrap_or_default();
        format!("{method} {to}{signed}; {}", self.expect.told(scope))
    }

    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>> {
        let mut noted = |problem: Problem| problems.push(problem);
        let destination = self.destination(cx).map_err(&mut noted).ok();
        let method = self.method.render(cx.scope).map_err(&mut noted).ok();
        let headers = self.rendered_headers(cx).map_err(&mut noted).ok();
        let body = self.rendered_body(cx.scope).map_err(&mut noted).ok();
        let signer = self.signer(cx).map_err(&mut noted).ok();
        let expect = self.expect.render(cx.scope, problems);
        let (url, target, identity) = destination?;
        Some(Box::new(Hook {
            url,
            target,
            identity,
            method: method?.0,
            headers: headers?,
            body: body?,
            signer: signer?,
            expect: expect?,
        }))
    }
}

impl Spec {
    /// The URL, how it is shown, and how the once-only id knows it: without what may be a credential or changes.
    fn destination(&self, cx: &TriggerCx<'_>) -> Result<(Url, String, String), Problem> {
        match &self.url {
            Address::Open(template) => {
                let text = template.render(cx.scope)?;
                let url = Url::parse(&text).ok();
                let web = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
                let url = web.ok_or_else(|| {
                    let shown = shorten(&text);
                    Problem::at(
                        template.place,
                        format!("expected a URL like `https://host/path`, found `{shown}`"),
                    )
                })?;
                if !url.username().is_empty() || url.password().is_some() {
                    let message = "expected a URL without user and password, found one with them";
                    let help = "keep the whole URL as a secret and name it by `url_ref`";
                    return Err(Problem::at(template.place, message).help(help));
                }
                // A query may hold a token.
                let target = format!("{}{}", url.origin().ascii_serialization(), url.path());
                Ok((url, target.clone(), target))
            }
            Address::Secret(template) => {
                let reference = template.render(cx.scope)?;
                let found = cx.vault.url(&reference);
                let url = found.map_err(|problem| Problem::at(template.place, problem))?;
                let target = url.origin().ascii_serialization();
                // A value that is encrypted anew is another text and the same address.
                let name = fernet::token(&reference).map_or(reference.as_str(), |_| "encrypted");
                let identity = format!("{target} {name}");
                Ok((url, target, identity))
            }
        }
    }

    fn rendered_headers(&self, cx: &TriggerCx<'_>) -> Result<HeaderMap, Problem> {
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let text = template.render(cx.scope)?;
            let opened = cx.vault.opened(&text).map_err(|problem| {
                Problem::at(template.place, format!("the header `{name}` cannot be used: {problem}"))
            })?;
            let sent = opened.as_ref().map_or(text.as_str(), Secret::expose);
            let value = HeaderValue::from_bytes(sent.as_bytes()).map_err(|_| {
                let shown = shorten(&text);
                Problem::at(template.place, format!("expected the value of a header, found `{shown}`"))
            })?;
            headers.insert(name, value);
        }
        if !headers.contains_key(CONTENT_TYPE) {
            let own = self.body.as_ref().map_or("application/json", |body| body.content_type);
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(own));
        }
        Ok(headers)
    }

    fn rendered_body(&self, scope: &Scope) -> Result<Option<Bytes>, Problem> {
        let Some(body) = &self.body else { return Ok(None) };
        let text = body.template.render(scope)?;
        let text = if body.form { text.replacen(FORM, "", 1) } else { text };
        Ok(Some(text.into()))
    }

    fn signer(&self, cx: &TriggerCx<'_>) -> Result<Option<Signer>, Problem> {
        let Some(template) = &self.secret else { return Ok(None) };
        let reference = template.render(cx.scope)?;
        let found = Signer::find(cx.vault, &reference);
        found.map(Some).map_err(|problem| Problem::at(template.place, problem))
    }
}

/// A webhook, ready to be fired.
#[derive(Debug)]
struct Hook {
    url: Url,
    target: String,
    identity: String,
    method: Method,
    headers: HeaderMap,
    /// `None`: the event.
    body: Option<Bytes>,
    signer: Option<Signer>,
    expect: Expect,
}

impl Trigger for Hook {
    fn kind(&self) -> &'static str {
        Webhook.name()
    }

    fn target(&self) -> String {
        self.target.clone()
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    /// What Standard Webhooks asks of whoever receives one.
    fn honours_id(&self) -> bool {
        true
    }

    fn budget(&self) -> Duration {
        ACTING
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            let client = match order.allowance.host.http.client(&TlsOptions::default()) {
                Ok(client) => client,
                Err(problem) => return Effect::because(ActionStatus::Failed, problem),
            };
            let request = |at| self.request(order.event, at);
            let settled = |status| self.expect.status(status);
            match deliver(&order.allowance, &*client, &request, &settled, Repeat::Harmless).await {
                Ok(answer) => self.judge(&answer, &order.allowance.host.output.redactor),
                Err(fired) => fired,
            }
        })
    }
}

impl Hook {
    /// The request as it is sent at `at`.
    fn request(&self, event: &Event, at: Timestamp) -> Request {
        let body = self.body.clone().unwrap_or_else(|| event.json.clone());
        let mut headers = self.headers.clone();
        sign::stamp(&mut headers, self.signer.as_ref(), &event.id, at, &body);
        Request { method: self.method.clone(), url: self.url.clone(), headers, body, max_body: MAX_BODY }
    }

    fn judge(&self, answer: &Response, redactor: &Redactor) -> Effect {
        let text = String::from_utf8_lossy(&answer.body);
        let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let fault = self.expect.fault(&self.url, answer.status, &text, location, redactor);
        let status = if fault.is_none() { ActionStatus::Confirmed } else { ActionStatus::Failed };
        let followed = location.and_then(|to| self.url.join(to).ok()).filter(|_| fault.is_none());
        Effect {
            http_status: Some(answer.status),
            url: followed.filter(|url| matches!(url.scheme(), "http" | "https")).map(String::from),
            reason: fault,
            response: Some(text.into_owned()),
            ..Effect::of(status)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::outcome::ActionRecord;
    use crate::rollback::testing::{Answer, FakeHttp, fire, host, problems, start};

    const HOOK: &str = "kind: webhook\nurl: \"https://h.example/r/{{service_name}}?token=abc\"\n";

    async fn once(yaml: &str, script: &[Answer]) -> (ActionRecord, FakeHttp) {
        let (host, http) = host(script);
        let (mut actions, confirmed) = fire(yaml, &host).await;
        assert_eq!(actions.len(), 1);
        assert_eq!(confirmed, actions[0].status == ActionStatus::Confirmed);
        (actions.remove(0), http)
    }

    fn header(request: &Request, name: &str) -> String {
        request.headers.get(name).map_or("", |v| v.to_str().unwrap()).to_owned()
    }

    #[tokio::test]
    async fn the_event_is_sent_signed_over_the_exact_bytes() {
        let yaml =
            format!("{HOOK}secret_ref: hook-secret\nheaders: {{X-Service: \"{{{{service_name}}}}\"}}\n");
        let (action, http) = once(&yaml, &[Answer::Status(202, "queued")]).await;
        assert_eq!(action.status, ActionStatus::Confirmed);
        assert_eq!((action.http_status, action.attempts), (Some(202), 1));
        assert_eq!(action.target, "https://h.example/r/checkout");
        assert_eq!(action.response.as_deref(), Some("queued"));
        let seen = http.seen.lock().unwrap();
        let request = &seen[0].1;
        assert_eq!(request.method, Method::POST);
        assert_eq!(request.url.as_str(), "https://h.example/r/checkout?token=abc");
        assert_eq!(header(request, "content-type"), "application/json");
        assert_eq!(header(request, "x-service"), "checkout");
        assert_eq!(header(request, "webhook-id"), *action.id.as_ref().unwrap());
        let event: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(event["id"], header(request, "webhook-id"));
        assert_eq!(event["pipeline"], "rollback-checkout");
        let redactor = crate::host::secret::Redactor::default();
        let secret = redactor.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signer = Signer::new(&secret).unwrap();
        let at = start().as_second();
        assert_eq!(header(request, "webhook-timestamp"), at.to_string());
        assert_eq!(
            header(request, "webhook-signature"),
            signer.standard(&header(request, "webhook-id"), at, &request.body)
        );
        assert_eq!(header(request, "x-hub-signature-256"), signer.hub(&request.body));
    }

    #[tokio::test]
    async fn a_busy_receiver_is_asked_again_when_it_says() {
        let script = [Answer::Header(503, "retry-after", "17"), Answer::Status(200, "")];
        let (action, http) = once(&format!("{HOOK}secret_ref: hook-secret\n"), &script).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Confirmed, 2));
        let seen = http.seen.lock().unwrap();
        assert_eq!(seen[1].0.duration_since(seen[0].0).as_secs(), 17);
        let [first, second] = [&seen[0].1, &seen[1].1];
        assert_eq!(header(first, "webhook-id"), header(second, "webhook-id"));
        for changed in ["webhook-timestamp", "webhook-signature"] {
            assert_ne!(header(first, changed), header(second, changed), "{changed}");
        }
    }

    #[tokio::test]
    async fn retry_after_cannot_outlast_the_acting_phase() {
        let (action, http) = once(HOOK, &[Answer::Header(429, "retry-after", "86400")]).await;
        assert_eq!((action.status, action.http_status), (ActionStatus::Failed, Some(429)));
        let seen = http.seen.lock().unwrap();
        let waited: Vec<i64> = seen.iter().map(|(at, _)| at.duration_since(start()).as_secs()).collect();
        assert_eq!(waited, [0, 110]);
        assert!(action.took <= ACTING);
    }

    #[tokio::test]
    async fn a_redirect_is_no_yes_and_is_not_followed() {
        let to = Answer::Header(302, "location", "/login?session=1");
        let (action, http) = once(HOOK, &[to]).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Failed, 1));
        let reason = action.reason.unwrap();
        assert!(reason.contains("found 302, a redirect to `https://h.example/login`, which is"), "{reason}");
        assert_eq!(http.seen.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_final_no_is_not_asked_again() {
        let (action, _) = once(HOOK, &[Answer::Status(410, "Gone")]).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Failed, 1));
        assert_eq!(action.http_status, Some(410));
        assert!(action.reason.unwrap().starts_with("expected status 2xx, found 410"));
        assert_eq!(action.response.as_deref(), Some("Gone"));
    }

    #[tokio::test]
    async fn the_body_can_say_no_too() {
        let yaml = format!("{HOOK}expect_body: triggered\n");
        let (action, _) = once(&yaml, &[Answer::Status(200, "Hook rules were not satisfied.")]).await;
        assert_eq!((action.status, action.http_status), (ActionStatus::Failed, Some(200)));
        assert_eq!(
            action.reason.unwrap(),
            "expected a body that matches `triggered`, found `Hook rules were not satisfied.`"
        );
        let yaml =
            format!("{HOOK}expect_body: \"^{{{{service_name}}}} triggered$\"\nexpect_status: [500, 2xx]\n");
        let (action, _) = once(&yaml, &[Answer::Status(500, "checkout triggered")]).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Confirmed, 1));
    }

    #[tokio::test]
    async fn silence_after_sending_is_unknown() {
        let (action, http) = once(HOOK, &[Answer::Never]).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Unknown, 5));
        assert!(action.reason.unwrap().starts_with("no answer within 10s; it may have been received"));
        assert!(action.took <= ACTING);
        let waits: Vec<_> = http.seen.lock().unwrap().iter().map(|(at, _)| *at).collect();
        assert!(waits.windows(2).all(|w| w[1].duration_since(w[0]).as_secs() >= 10), "{waits:?}");
        let (action, _) = once(HOOK, &[Answer::Broken]).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Unknown, 5));
        // An earlier request may have arrived, and nobody has answered since.
        let (action, _) = once(HOOK, &[Answer::Never, Answer::Refused]).await;
        assert_eq!(action.status, ActionStatus::Unknown);
        let (action, _) = once(HOOK, &[Answer::Never, Answer::Status(404, "")]).await;
        assert_eq!(action.status, ActionStatus::Failed);
    }

    #[tokio::test]
    async fn a_receiver_that_is_down_was_not_told() {
        let (action, _) = once(HOOK, &[Answer::Refused]).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Failed, 5));
        assert_eq!(action.reason.as_deref(), Some("no connection: Connection refused (os error 111)"));
        let (action, _) = once(HOOK, &[Answer::Refused, Answer::Status(204, "")]).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Confirmed, 2));
        let (action, _) = once(HOOK, &[Answer::Status(500, "down")]).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Failed, 5));
        assert_eq!((action.http_status, action.response.as_deref()), (Some(500), Some("down")));
    }

    #[tokio::test]
    async fn a_secret_url_shows_its_host_only() {
        let yaml = "kind: webhook\nurl_ref: hook-url\n";
        let (action, http) = once(yaml, &[Answer::Status(404, "no /verysecretpath here")]).await;
        assert_eq!(action.target, "https://u.example");
        assert_eq!(action.response.as_deref(), Some("no *** here"));
        assert_eq!(http.seen.lock().unwrap()[0].1.url.path(), "/verysecretpath");
        // The quoted answer is shortened in the middle of the secret.
        let told = "It was not possible to find what is said to be at verysecretpath";
        let (action, _) = once(&format!("{yaml}expect_body: yes\n"), &[Answer::Status(200, told)]).await;
        let reason = action.reason.unwrap();
        assert!(reason.contains("at ***") && !reason.contains("verys"), "{reason}");
    }

    #[test]
    fn a_missing_secret_url_is_stood_in_for_where_nothing_is_sent() {
        let vault = crate::host::vault::Vault::new(host(&[]).0, None);
        assert!(vault.url("gone").unwrap_err().contains("`gone` is not found"));
        assert_eq!(vault.url("hook-secret").unwrap_err().matches("whsec").count(), 0);
        let shown = vault.for_show();
        assert_eq!(shown.url("gone").unwrap().host_str(), Some("secret.invalid"));
        assert!(shown.url("hook-secret").is_err());
    }

    #[tokio::test]
    async fn a_body_of_ones_own_takes_values_as_values() {
        let json = format!("{HOOK}body: '{{\"ref\": \"{{{{odd}}}}\"}}'\n");
        let (_, http) = once(&json, &[Answer::Status(200, "")]).await;
        assert_eq!(http.seen.lock().unwrap()[0].1.body, r#"{"ref": "a\"&b=c"}"#);
        let form = format!(
            "{HOOK}headers: {{content-type: application/x-www-form-urlencoded}}\nbody: \"ref=main&v={{{{odd}}}}\"\n"
        );
        let (_, http) = once(&form, &[Answer::Status(200, "")]).await;
        assert_eq!(http.seen.lock().unwrap()[0].1.body, "ref=main&v=a%22%26b%3Dc");
        let text = format!("{HOOK}method: PUT\nbody: \"{{{{service_name}}}} is bad\"\n");
        let (_, http) = once(&text, &[Answer::Status(200, "")]).await;
        let seen = http.seen.lock().unwrap();
        assert_eq!(
            (seen[0].1.body.as_ref(), seen[0].1.method.as_str()),
            (b"checkout is bad".as_slice(), "PUT")
        );
        assert_eq!(header(&seen[0].1, "content-type"), "text/plain; charset=utf-8");
    }

    #[test]
    fn every_fault_is_told() {
        for (yaml, expected) in [
            ("kind: webhook", "`url` is missing in a `webhook` trigger"),
            ("kind: webhook\nurl: http://h/\nurl_ref: hook-url", "expected `url` or `url_ref`, found both"),
            (
                "kind: webhook\nurl: \"ftp://h/x\"",
                "expected a URL like `https://host/path`, found `ftp://h/x`",
            ),
            ("kind: webhook\nurl: http://u:p@h/", "expected a URL without user and password"),
            ("kind: webhook\nurl: http://h/\nsecret_ref: gone", "the secret `gone` is not found"),
            (
                "kind: webhook\nurl: http://h/\nmethod: SEND",
                "expected `POST`, `PUT`, `PATCH`, `DELETE` or `GET`",
            ),
            ("kind: webhook\nurl: http://h/\nexpect_status: 7xx", "expected a status like `200`"),
            ("kind: webhook\nurl: http://h/\nexpect_status: []", "found an empty list"),
            ("kind: webhook\nurl: http://h/\nexpect_body: \"a(\"", "expected a regular expression"),
            (
                "kind: webhook\nurl: http://h/\nheaders: {\"a b\": x}",
                "expected the name of a header, found `a b`",
            ),
            ("kind: webhook\nurl: http://h/\nheaders: {Webhook-Id: x}", "is set by rollgate itself"),
            ("kind: webhook\nurl: http://h/\nbody: '{\"a\": {{odd}}}'", "the body is not valid JSON"),
            ("kind: webhook\nurl: http://h/\nbdy: x", "`bdy` is not a field of a `webhook` trigger"),
            ("kind: webhook\nurl: \"http://{{nobody}}/\"", "the variable `nobody` is not defined"),
        ] {
            let found = problems(yaml);
            assert!(found.iter().any(|p| p.contains(expected)), "{yaml}\n{found:?}");
        }
        let all = problems(
            "kind: webhook\nurl: \"http://{{a}}/\"\nmethod: \"{{b}}\"\nsecret_ref: gone\nexpect_status: \"{{c}}\"",
        );
        assert_eq!(all.len(), 4, "{all:?}");
    }
}
