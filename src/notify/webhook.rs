//! The `webhook` channel: the event of a verdict, signed as a rollback's is, for programs that listen. Must send the same
//! id however often it is sent, and must not follow redirects.

mod envelope;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

use self::envelope::Format;
use super::address::{Address, nobody_by_name, only_one_place, open_or_secret};
use super::message::Message;
use super::{Addressee, Channel, ChannelKind};
use crate::api::remote::Hints;
use crate::api::{Allowance, Effect, Question, Remote, Repeat};
use crate::event::sign::{self, Signer};
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::host::http::Request;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

const HINTS: Hints<'static> = &[
    (401, "check the integration's `secret` and `auth`"),
    (403, "check the integration's `secret` and `auth`"),
    (404, "nobody listens at this address"),
    (410, "the receiver wants no more of these: take the notification out"),
    (413, "it takes no 20 kB"),
    (415, "check the integration's `format`"),
];

/// The `webhook` channel.
pub struct Webhook;

impl ChannelKind for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn summary(&self) -> &'static str {
        "sends the event of a verdict, signed, also as CloudEvents or CDEvents"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  deployment-log:\n    system: webhook\n    url: https://log.example.com/events\n    \
         secret_ref: deployment-log-secret\n    format: cdevents\nnotifications:\n  - {to: deployment-log, on: [pass, \
         alert, inconclusive, rollback, cancelled]}\n"
    }

    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>> {
        only_one_place(settings, addressee, "a webhook");
        nobody_by_name(settings, addressee, "a webhook");
        let address = open_or_secret(settings);
        let format = settings.string("format").map_or(Some(Format::Event), |word| Format::of(&word));
        let signer = settings.secret("secret").map(|secret| Signer::registered(&secret, settings.vault()));
        let signer = signer.transpose().map_err(|problem| {
            let told = format!("the secret of `{}` cannot be used: {problem}", settings.name());
            let path = if settings.has("secret_ref") { "secret_ref" } else { "secret" };
            settings.fault(path, Problem::nowhere(told));
        });
        let address = address?;
        let remote = Remote::reach("the receiver", &address.url, settings, host)?;
        Some(Box::new(Hook { address, remote, signer: signer.ok()?, format: format? }))
    }
}

#[derive(Debug)]
struct Hook {
    address: Address,
    remote: Remote,
    signer: Option<Signer>,
    format: Format,
}

impl Channel for Hook {
    fn kind(&self) -> &'static str {
        Webhook.name()
    }

    fn target(&self) -> String {
        self.address.shown.clone()
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        _earlier: Option<&'a Effect>,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            let Some((body, content_type)) = self.format.write(message) else {
                let told = "a webhook is told of verdicts, and this message is about none";
                return Effect::because(ActionStatus::Failed, told);
            };
            self.post(body, content_type, &message.id, allowance).await.unwrap_or_else(|effect| effect)
        })
    }
}

impl Hook {
    async fn post(
        &self,
        body: Bytes,
        content_type: &'static str,
        id: &str,
        allowance: &Allowance<'_>,
    ) -> Result<Effect, Effect> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let (url, repeat) = (self.address.url.clone(), Repeat::Harmless);
        let question = Question { method: Method::POST, url, headers, body, repeat };
        let stamp = |at, request: &mut Request| {
            sign::stamp(&mut request.headers, self.signer.as_ref(), id, at, &request.body);
        };
        let answer = self.remote.ask_each(&question, &stamp, allowance).await?;
        self.remote.accepted(&answer, HINTS, &allowance.host.output.redactor)?;
        let response = String::from_utf8_lossy(&answer.body).into_owned();
        let response = Some(response).filter(|text| !text.is_empty());
        Ok(Effect { response, ..Effect::confirmed(answer.status) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::notify::testing::{channel, hostile_run, message, send, table};
    use crate::policy::notices::On;
    use crate::rollback::testing::{Answer, host};

    const OPEN: &str = "{system: webhook, url: \"https://log.example/events/\"}";

    fn with(fields: &str) -> String {
        format!("{{system: webhook, {fields}}}")
    }

    async fn body(format: &str, message: &Message) -> (Value, Request) {
        let yaml =
            with(&format!("url: \"https://log.example/e\", format: {format}, secret_ref: hook-secret"));
        let (action, http) = send(&yaml, message, &[Answer::Status(204, "")]).await;
        assert_eq!((action.status, action.http_status), (ActionStatus::Confirmed, Some(204)));
        let request = http.seen.lock().unwrap()[0].1.clone();
        (serde_json::from_slice(&request.body).unwrap(), request)
    }

    fn header<'r>(request: &'r Request, name: &str) -> &'r str {
        request.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn the_event_is_sent_signed_and_with_the_same_id_over_retries() {
        let yaml = with("url: \"https://log.example/e/\", secret_ref: hook-secret, headers: {X-Team: shop}");
        let script = [Answer::Header(503, "retry-after", "2"), Answer::Status(200, "taken")];
        let message = message(On::Rollback);
        let (action, http) = send(&yaml, &message, &script).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Confirmed, 2));
        assert_eq!(action.target, "https://log.example/e/");
        assert_eq!(action.response.as_deref(), Some("taken"));
        let seen = http.seen.lock().unwrap();
        let signer = Signer::new(
            &crate::host::secret::Redactor::default()
                .secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
                .unwrap(),
        );
        let signer = signer.unwrap();
        for (at, request) in seen.iter() {
            assert_eq!(request.url.as_str(), "https://log.example/e/");
            assert_eq!(header(request, "content-type"), "application/json");
            assert_eq!(header(request, "x-team"), "shop");
            assert_eq!(header(request, "webhook-id"), message.id);
            assert_eq!(header(request, "webhook-timestamp"), at.as_second().to_string());
            let standard = signer.standard(&message.id, at.as_second(), &request.body);
            assert_eq!(header(request, "webhook-signature"), standard);
            assert_eq!(header(request, "x-hub-signature-256"), signer.hub(&request.body));
            assert_eq!(request.body, message.event.as_ref().unwrap().json);
        }
        assert_ne!(header(&seen[0].1, "webhook-signature"), header(&seen[1].1, "webhook-signature"));
    }

    #[tokio::test]
    async fn cloudevents_hold_the_event() {
        let message = message(On::Rollback);
        let (event, request) = body("cloudevents", &message).await;
        assert_eq!(header(&request, "content-type"), "application/cloudevents+json");
        assert!(!header(&request, "webhook-signature").is_empty());
        let data: Value = serde_json::from_slice(&message.event.unwrap().json).unwrap();
        let expected = json!({
            "specversion": "1.0",
            "id": message.id,
            "source": "/rollgate/post-deployment",
            "type": "rollgate.verdict",
            "subject": "checkout",
            "time": "2023-11-14T22:13:20.000Z",
            "datacontenttype": "application/json",
            "data": data,
        });
        assert_eq!(event, expected);
    }

    #[tokio::test]
    async fn cdevents_tell_of_a_run_that_finished() {
        for (on, outcome, severity) in [
            (On::Pass, "success", None),
            (On::Alert, "failure", Some("medium")),
            (On::Rollback, "failure", Some("high")),
            (On::RollbackFailed, "failure", Some("critical")),
            (On::Inconclusive, "error", Some("medium")),
            (On::Cancelled, "cancel", None),
        ] {
            let message = message(on);
            let (event, _) = body("cdevents", &message).await;
            assert_eq!(event["type"], "dev.cdevents.testsuiterun.finished.0.3.0");
            assert_eq!((&event["subject"], &event["id"]), (&json!("run-1"), &json!(message.id)));
            let data = &event["data"];
            for key in ["id", "source", "type"] {
                assert_eq!(data["context"][key], event[key]);
            }
            let content = &data["subject"]["content"];
            assert_eq!(content["outcome"], outcome);
            assert_eq!(content.get("severity").and_then(Value::as_str), severity);
            assert_eq!(content["environment"], json!({"id": "production"}));
            assert_eq!(data["subject"]["source"], "https://ci.example/runs/1");
            assert_eq!(data["customData"]["schema"], "rollgate.event/v1");
            // The published library reads what it knows and refuses what it does not.
            let read: cdevents_sdk::CDEvent = serde_json::from_value(data.clone()).unwrap();
            assert_eq!(read.ty(), "dev.cdevents.testsuiterun.finished.0.3.0");
        }
    }

    #[tokio::test]
    async fn hostile_text_stays_text() {
        let message = hostile_run();
        for format in ["event", "cloudevents", "cdevents"] {
            let (event, request) = body(format, &message).await;
            assert!(request.body.len() <= 20_000, "{format}: {}", request.body.len());
            assert!(event.to_string().contains("\"verdict\":\"rollback\""), "{format}");
            if format == "cdevents" {
                serde_json::from_value::<cdevents_sdk::CDEvent>(event["data"].clone()).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn faults_are_told_in_words() {
        use ActionStatus::{Confirmed, Failed, Unknown};
        use Answer::{Broken, Header, Refused, Status};
        table(
            OPEN,
            &[
                (&[Header(429, "retry-after", "2"), Status(202, "")], Confirmed, 2, ""),
                (&[Status(502, ""), Status(204, "")], Confirmed, 2, ""),
                (&[Refused, Status(200, "ok")], Confirmed, 2, ""),
                (&[Broken, Status(200, "ok")], Confirmed, 2, ""),
                (
                    &[Status(400, r#"{"error":"no such version"}"#)],
                    Failed,
                    1,
                    "answered 400 `no such version`",
                ),
                (&[Status(401, "")], Failed, 1, "check the integration's `secret` and `auth`"),
                (&[Status(404, "")], Failed, 1, "nobody listens at this address"),
                (&[Status(410, "")], Failed, 1, "wants no more of these"),
                (
                    &[Header(302, "location", "https://login.example/?to=x")],
                    Failed,
                    1,
                    "to login.example:443, which is not",
                ),
                (
                    &[Status(200, "\n<!DOCTYPE html><title>Sign in</title>")],
                    Unknown,
                    1,
                    "is it a sign-in page",
                ),
                (&[Status(203, "<html>")], Unknown, 1, "answered 203 with a page"),
                (&[Status(500, "")], Failed, 5, "try again when it is well"),
                (&[Refused], Failed, 5, "no connection"),
                (&[Broken], Unknown, 5, "the connection broke"),
                (&[Answer::Never], Unknown, 1, "it may have been received"),
                (&[Answer::After(Duration::from_secs(3), 204)], Confirmed, 1, ""),
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn a_message_about_no_verdict_is_not_sent() {
        let message = Message { event: None, ..message(On::Pass) };
        let (action, http) = send(OPEN, &message, &[Answer::Status(200, "")]).await;
        assert_eq!((action.status, http.seen.lock().unwrap().len()), (ActionStatus::Failed, 0));
        assert!(action.reason.unwrap().contains("about none"));
    }

    #[test]
    fn settings_are_refused_in_words() {
        let (host, _) = host(&[]);
        for (fields, expected) in [
            ("secret_ref: hook-secret", "the integration `x` has no `url` or `webhook_url`"),
            ("url: \"https://x/e\", secret_ref: nowhere", "the secret `nowhere` is not found"),
            ("url: \"https://x/e\", secret: \"whsec_not base64!\"", "expected base64 after `whsec_`"),
            ("url: \"https://x/e\", secret: short", "at least 8 characters"),
            ("webhook_url_ref: hook-secret", "expected a URL like"),
        ] {
            let problems = channel(&with(fields), "", &host).unwrap_err();
            assert!(problems.iter().any(|told| told.contains(expected)), "{fields}: {problems:?}");
        }
        let secret = channel(&with("webhook_url_ref: hook-url"), "", &host).unwrap();
        assert_eq!(secret.target(), "https://u.example");
        let elsewhere = channel(OPEN, "channel: ops", &host).unwrap_err();
        assert!(elsewhere[0].contains("`channel: ops` means nothing"));
    }
}
