//! What a webhook's event is wrapped in: nothing, a CloudEvent, or a CDEvent in a CloudEvent, all as structured JSON, so that
//! a signature over the body covers all of it. Must not add facts that the event does not hold.

use bytes::Bytes;
use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use crate::host::http::URL_PART;
use crate::notify::message::{Message, Status};
use crate::policy::notices::On;

/// The CDEvents type of a finished run of checks.
const FINISHED: &str = "dev.cdevents.testsuiterun.finished.0.3.0";

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// As it is.
    Event,
    /// As a CloudEvent.
    CloudEvents,
    /// As a CDEvent.
    CDEvents,
}

impl Format {
    /// The format that `word` of the policy names.
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "event" => Some(Self::Event),
            "cloudevents" => Some(Self::CloudEvents),
            "cdevents" => Some(Self::CDEvents),
            _ => None,
        }
    }

    /// The body that tells of `message`, and its content type; `None` where it is about no verdict.
    pub(super) fn write(self, message: &Message) -> Option<(Bytes, &'static str)> {
        let event = message.event.as_ref()?;
        if self == Self::Event {
            return Some((event.json.clone(), "application/json"));
        }
        let document: Value = serde_json::from_slice(&event.json).ok()?;
        let source = format!("/rollgate/{}", utf8_percent_encode(text(&document, "policy"), URL_PART));
        let time = format!("{:.3}", message.at);
        let wrapped = if self == Self::CloudEvents {
            let service = document.get("service").and_then(Value::as_str);
            let subject = service.unwrap_or_else(|| text(&document, "policy")).to_owned();
            cloud(&message.id, &source, text(&document, "type").to_owned(), &subject, &time, document)
        } else {
            let run = text(&document, "run_id").to_owned();
            let finished = finished(message, &source, &time, document);
            cloud(&message.id, &source, FINISHED.to_owned(), &run, &time, finished)
        };
        Some((wrapped.to_string().into(), "application/cloudevents+json"))
    }
}

fn text<'d>(document: &'d Value, key: &str) -> &'d str {
    document.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// CloudEvents 1.0, structured.
fn cloud(id: &str, source: &str, r#type: String, subject: &str, time: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": r#type,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        "data": data,
    })
}

/// CDEvents 0.5: the gate is a run of the test suite that the policy is.
fn finished(message: &Message, source: &str, time: &str, document: Value) -> Value {
    let (outcome, severity) = standing(message.status);
    let policy = text(&document, "policy").to_owned();
    // An environment is required; a gate may not know its own.
    let environment = document.get("environment").and_then(Value::as_str).filter(|name| !name.is_empty());
    let mut content = json!({
        "environment": {"id": environment.unwrap_or("unknown")},
        "testSuite": {"id": policy, "name": policy},
        "outcome": outcome,
        "reason": text(&document, "reason"),
    });
    if let Some(severity) = severity {
        content["severity"] = severity.into();
    }
    let mut subject = json!({"id": text(&document, "run_id"), "type": "testSuiteRun", "content": content});
    if let Some(run) = document.get("run_url").and_then(Value::as_str) {
        subject["source"] = run.into();
    }
    json!({
        "context": {
            "specversion": "0.5.0",
            "id": message.id,
            "source": source,
            "type": FINISHED,
            "timestamp": time,
        },
        "subject": subject,
        "customData": document,
        "customDataContentType": "application/json",
    })
}

/// CDEvents' outcome of a run, and how bad it is where it is no success.
const fn standing(status: Status) -> (&'static str, Option<&'static str>) {
    match status {
        Status::Gate(On::Pass) | Status::Success | Status::Info => ("success", None),
        Status::Gate(On::Alert) | Status::Warning => ("failure", Some("medium")),
        Status::Gate(On::Rollback) | Status::RolledBack | Status::Failed => ("failure", Some("high")),
        Status::Gate(On::RollbackFailed) | Status::Critical => ("failure", Some("critical")),
        // Nothing is known of the deployment: the run itself did not come to an end.
        Status::Gate(On::Inconclusive) | Status::Running => ("error", Some("medium")),
        Status::Gate(On::Cancelled) | Status::Cancelled => ("cancel", None),
    }
}
