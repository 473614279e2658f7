//! The `pagerduty` channel: an alert by Events v2 for each policy, service and environment, which a later pass resolves. Must
//! not open a second incident for what is one: the key stays from run to run.

use futures_util::future::BoxFuture;
use http::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::address::{nobody_by_name, only_one_place};
use super::markdown::{Unmarked, Writer};
use super::message::{CheckLine, Fact, LinkTo, Message, Status, Tone};
use super::{Addressee, Channel, ChannelKind};
use crate::api::keep::cut;
use crate::api::remote::Hints;
use crate::api::words::{WORDS, address, line};
use crate::api::{Allowance, Effect, Question, Remote};
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::host::secret::{Redactor, Secret};
use crate::policy::notices::{Locale, On};
use crate::policy::settings::Settings;

/// Where events go unless the integration says otherwise.
const EVENTS: &str = "https://events.pagerduty.com";

/// Bytes of a key and of a summary, PagerDuty's own limits (it counts characters).
const KEY: usize = 255;
const SUMMARY: usize = 1024;

const HINTS: Hints<'static> = &[
    (400, "check the integration's `routing_key`: it is the integration key of an Events API v2 integration"),
    (403, "check the integration's `routing_key`"),
    (
        404,
        "check the integration's `url`: it is `https://events.pagerduty.com`, or `https://events.eu.pagerduty.com`",
    ),
];

/// The `pagerduty` channel.
pub struct PagerDuty;

impl ChannelKind for PagerDuty {
    fn name(&self) -> &'static str {
        "pagerduty"
    }

    fn summary(&self) -> &'static str {
        "triggers an alert in PagerDuty, and resolves it on the next pass"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  pagerduty:\n    routing_key_ref: pagerduty-routing-key\nnotifications:\n  - {to: pagerduty, on: \
         [pass, inconclusive, rollback]}\n"
    }

    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>> {
        only_one_place(settings, addressee, "PagerDuty");
        nobody_by_name(settings, addressee, "PagerDuty");
        if !settings.has("routing_key") && !settings.has("routing_key_ref") {
            settings.lacks(
                &["routing_key", "routing_key_ref"],
                "it is the integration key of an Events API v2 integration",
            );
        }
        let key = settings.secret("routing_key");
        let url = match settings.has("url") {
            true => settings.address("url", false)?,
            false => Url::parse(EVENTS).ok()?,
        };
        let remote = Remote::reach("PagerDuty", &url, settings, host)?;
        // The whole address is what PagerDuty's own pages show.
        let whole = url.path().ends_with("/enqueue");
        let enqueue = if whole { url.clone() } else { remote.url(&["v2", "enqueue"]) };
        let shown = address(&url);
        Some(Box::new(Events { remote, enqueue, shown, key: key?, locale: addressee.locale }))
    }
}

#[derive(Debug)]
struct Events {
    remote: Remote,
    enqueue: Url,
    shown: String,
    key: Secret,
    locale: Locale,
}

impl Channel for Events {
    fn kind(&self) -> &'static str {
        PagerDuty.name()
    }

    fn target(&self) -> String {
        self.shown.clone()
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        _earlier: Option<&'a Effect>,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Effect> {
        Box::pin(async move { self.enqueue(message, allowance).await.unwrap_or_else(|effect| effect) })
    }
}

impl Events {
    async fn enqueue(&self, message: &Message, allowance: &Allowance<'_>) -> Result<Effect, Effect> {
        // The key tells PagerDuty that it is the same once more.
        let question = Question::json(Method::POST, self.enqueue.clone(), &self.event(message)).harmless();
        let answer = self.remote.ask(&question, allowance).await?;
        let redactor = &allowance.host.output.redactor;
        let said = self.remote.json(&answer, HINTS, redactor)?;
        if said["status"] != "success" {
            return Err(self.not_taken(answer.status, &said, redactor));
        }
        Ok(Effect::confirmed(answer.status))
    }

    fn not_taken(&self, status: u16, said: &Value, redactor: &Redactor) -> Effect {
        let said = line(&said.to_string(), WORDS, redactor);
        let told = format!(
            "expected the status `success` from {}, found {status} `{said}`; is PagerDuty at the integration's `url`?",
            self.remote.who()
        );
        Effect { http_status: Some(status), ..Effect::because(ActionStatus::Unknown, told) }
    }

    fn event(&self, message: &Message) -> Value {
        let key = cut(&message.key, KEY);
        let Some(severity) = severity(message.status) else {
            return json!({"routing_key": self.key.expose(), "event_action": "resolve", "dedup_key": key});
        };
        let writer = Writer { message, locale: self.locale, markup: &Unmarked, most: 500 };
        let mut summary = writer.title();
        if !message.reason.is_empty() {
            summary.push_str(&format!(" — {}", message.reason));
        }
        let fact =
            |wanted| message.facts.iter().find(|(known, _)| *known == wanted).map(|(_, text)| text.as_str());
        let mut payload = json!({
            "summary": cut(&summary, SUMMARY),
            "source": fact(Fact::Service).or_else(|| fact(Fact::Policy)).unwrap_or("rollgate"),
            "severity": severity,
            "timestamp": message.at.to_string(),
            "class": "deployment",
            "custom_details": details(&writer),
        });
        for (name, wanted) in [("component", Fact::Service), ("group", Fact::Environment)] {
            if let Some(text) = fact(wanted) {
                payload[name] = text.into();
            }
        }
        let links = message.links.iter();
        let links: Vec<Value> =
            links.map(|(to, url)| json!({"href": url, "text": self.locale.link(*to)})).collect();
        let mut event = json!({
            "routing_key": self.key.expose(),
            "event_action": "trigger",
            "dedup_key": key,
            "client": "rollgate",
            "payload": payload,
            "links": links,
        });
        if let Some((_, run)) = message.links.iter().find(|(to, _)| *to == LinkTo::Run) {
            event["client_url"] = run.as_str().into();
        }
        event
    }
}

/// What stands below an alert: every fact by its name, each check, what was done.
fn details(writer: &Writer<'_>) -> Map<String, Value> {
    let (message, locale) = (writer.message, writer.locale);
    let mut details: Map<String, Value> = message
        .facts
        .iter()
        .map(|(fact, text)| (locale.fact(*fact).to_owned(), text.as_str().into()))
        .collect();
    let mut put = |name: &str, text: Option<String>| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            details.insert(name.to_owned(), text.into());
        }
    };
    put("disarmed", writer.disarmed());
    put("rollback", Some(writer.rollback().join("; ")));
    put("text", message.text.clone());
    put("more", writer.more());
    put("id", Some(message.id.clone()));
    let checks: Vec<Value> = message.checks.iter().map(|check| json(check, locale)).collect();
    if !checks.is_empty() {
        details.insert("checks".to_owned(), checks.into());
    }
    details
}

fn json(check: &CheckLine, locale: Locale) -> Value {
    json!({
        "name": check.name,
        "outcome": locale.outcome(check.outcome),
        "reason": check.reason,
        "value": check.value,
        "limit": check.limit,
        "description": check.description,
        "runbook_url": check.runbook,
        "dashboard_url": check.dashboard,
    })
}

/// The severity at which it triggers; `None` where all is well.
const fn severity(status: Status) -> Option<&'static str> {
    match (status, status.tone()) {
        (_, Tone::Good) => None,
        (_, Tone::Neutral) => Some("info"),
        (_, Tone::Warning) => Some("warning"),
        (Status::Gate(On::RollbackFailed) | Status::Critical, Tone::Bad) => Some("critical"),
        // Bad, and somebody is at it already.
        (_, Tone::Bad) => Some("error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::testing::{channel, hostile, hostile_run, message, send, table};
    use crate::rollback::testing::{Answer, host};

    const YAML: &str = "{system: pagerduty, routing_key: 0123456789abcdef0123456789abcdef}";
    const TAKEN: &str = r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#;

    async fn event(message: &Message) -> Value {
        let (action, http) = send(YAML, message, &[Answer::Status(202, TAKEN)]).await;
        assert_eq!((action.status, action.http_status), (ActionStatus::Confirmed, Some(202)));
        assert_eq!(action.target, "events.pagerduty.com:443");
        let request = http.seen.lock().unwrap()[0].1.clone();
        assert_eq!(request.url.as_str(), "https://events.pagerduty.com/v2/enqueue");
        serde_json::from_slice(&request.body).unwrap()
    }

    #[tokio::test]
    async fn an_alert_is_triggered_and_resolved_by_one_key() {
        let event = event(&message(On::Rollback)).await;
        assert_eq!(event["event_action"], "trigger");
        assert_eq!(event["dedup_key"], "rollgate/post-deployment/checkout/production");
        assert_eq!(event["client_url"], "https://ci.example/runs/1");
        assert_eq!(event["links"][0], json!({"href": "https://ci.example/runs/1", "text": "View run"}));
        let payload = &event["payload"];
        let summary = "Verdict rollback: checkout 1.4.0 → production — error_rate: 0.08 > max_value 0.01";
        assert_eq!(payload["summary"], summary);
        assert_eq!((&payload["source"], &payload["group"]), (&json!("checkout"), &json!("production")));
        assert_eq!(payload["timestamp"], "2023-11-14T22:13:20Z");
        let details = &payload["custom_details"];
        assert_eq!(details["Version"], "1.4.0");
        assert_eq!(details["checks"][0]["value"], "0.08");
        assert!(details["rollback"].as_str().unwrap().starts_with("Rollback requested: webhook"));
        let resolved = super::tests::event(&message(On::Pass)).await;
        let key = "0123456789abcdef0123456789abcdef";
        let expected =
            json!({"routing_key": key, "event_action": "resolve", "dedup_key": event["dedup_key"]});
        assert_eq!(resolved, expected);
    }

    #[tokio::test]
    async fn the_severity_is_that_of_the_verdict() {
        for (on, severity) in [
            (On::Alert, "warning"),
            (On::Inconclusive, "warning"),
            (On::Rollback, "error"),
            (On::RollbackFailed, "critical"),
            (On::Cancelled, "info"),
        ] {
            assert_eq!(event(&message(on)).await["payload"]["severity"], severity);
        }
    }

    #[tokio::test]
    async fn hostile_text_is_bounded() {
        for message in [hostile(), hostile_run()] {
            let event = event(&message).await;
            assert!(event.to_string().len() < 100_000);
            let payload = &event["payload"];
            let summary = payload["summary"].as_str().unwrap();
            assert!(summary.len() <= SUMMARY && summary.starts_with("Verdict rollback"), "{summary}");
            assert!(event["dedup_key"].as_str().unwrap().len() <= KEY);
        }
    }

    #[tokio::test]
    async fn faults_are_told_in_words() {
        use ActionStatus::{Confirmed, Failed, Unknown};
        use Answer::{Broken, Header, Refused, Status};
        let invalid = r#"{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}"#;
        table(
            YAML,
            &[
                (
                    &[Status(400, invalid)],
                    Failed,
                    1,
                    "`Event object is invalid; Length of 'routing_key' is incorrect",
                ),
                (&[Status(400, invalid)], Failed, 1, "check the integration's `routing_key`"),
                (&[Status(403, "")], Failed, 1, "check the integration's `routing_key`"),
                (&[Status(404, "")], Failed, 1, "https://events.eu.pagerduty.com"),
                (&[Header(429, "retry-after", "1"), Status(202, TAKEN)], Confirmed, 2, ""),
                (&[Status(500, ""), Status(202, TAKEN)], Confirmed, 2, ""),
                (&[Status(504, "")], Failed, 5, "answered 504"),
                (&[Refused, Status(202, TAKEN)], Confirmed, 2, ""),
                (&[Refused], Failed, 5, "PagerDuty at events.pagerduty.com:443: no connection"),
                (&[Broken], Unknown, 5, "the connection broke"),
                (&[Answer::Never], Unknown, 1, "it may have been received"),
                (&[Status(200, "<html>Sign in")], Unknown, 1, "expected JSON from PagerDuty"),
                (&[Status(200, r#"{"ok":true}"#)], Unknown, 1, "expected the status `success`"),
                (
                    &[Header(302, "location", "https://login.example/")],
                    Failed,
                    1,
                    "it redirects to login.example:443",
                ),
            ],
        )
        .await;
    }

    #[test]
    fn settings_are_refused_in_words() {
        let (host, _) = host(&[]);
        for (fields, expected) in [
            ("enabled: true", "the integration `x` has no `routing_key` or `routing_key_ref`"),
            ("routing_key_ref: nowhere", "the secret `nowhere` is not found"),
            ("routing_key: short", "at least 8 characters"),
        ] {
            let entry = format!("{{system: pagerduty, {fields}}}");
            let problems = channel(&entry, "", &host).unwrap_err();
            assert!(problems.iter().any(|told| told.contains(expected)), "{fields}: {problems:?}");
        }
        for url in ["https://events.eu.pagerduty.com", "https://events.eu.pagerduty.com/v2/enqueue"] {
            let yaml = YAML.replace("routing_key", &format!("url: \"{url}\", routing_key"));
            let shown = format!("{:?}", channel(&yaml, "", &host).unwrap());
            assert!(shown.contains("path: \"/v2/enqueue\""), "{shown}");
            assert!(!shown.contains("0123456789"), "{shown}");
        }
    }
}
