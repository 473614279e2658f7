//! A message of the caller's own, about a build, a deployment or an alert: made of what is known, masked, flat and bounded
//! like any other. Must not know where the facts come from.

use jiff::Timestamp;

use super::message::{Fact, LinkTo, Message, Status, Subject, bounded, plain, web};
use crate::event::id::{Parts, once_only};
use crate::host::secret::Redactor;

/// What is to be told, as it was given.
#[derive(Debug, Clone)]
pub struct Composed {
    /// What sort of message it is.
    pub subject: Subject,
    /// What it says in one word.
    pub status: Status,
    /// What a title names beside the status.
    pub about: String,
    /// What it is about, in one line.
    pub reason: Option<String>,
    /// Further text.
    pub text: Option<String>,
    /// What is known, in the order of reading.
    pub facts: Vec<(Fact, Option<String>)>,
    /// Where to go on; what is no web address is left out.
    pub links: Vec<(LinkTo, Option<String>)>,
    /// What is told of, the same whenever it is told of again: the end of the message's key.
    pub of: Vec<String>,
    /// What tells this occasion from others of the same.
    pub occasion: String,
}

impl Message {
    /// The message that `composed` is, told at `at`.
    pub fn composed(composed: &Composed, at: Timestamp, redactor: &Redactor) -> Self {
        let clean = |text: &str| plain(&redactor.redact(text));
        let known = |text: &Option<String>| text.as_deref().map(clean).filter(|text| !text.is_empty());
        let kind = match composed.subject {
            Subject::Build => "build",
            Subject::Deployment => "deployment",
            Subject::Alert => "alert",
        };
        let of: Vec<String> = composed.of.iter().map(|part| clean(part)).collect();
        let key = bounded(format!("rollgate/{kind}/{}", of.join("/")));
        let status = format!("{:?}", composed.status);
        let parts = Parts {
            purpose: "notify",
            target: &key,
            policy: &status,
            deployment: &composed.occasion,
            ..Parts::default()
        };
        let facts = composed.facts.iter();
        let links = composed.links.iter();
        let address = |url: &Option<String>| url.as_deref().and_then(|url| web(&redactor.redact(url)));
        Self {
            subject: composed.subject,
            status: composed.status,
            about: clean(&composed.about),
            reason: known(&composed.reason).unwrap_or_default(),
            text: known(&composed.text),
            facts: facts.filter_map(|(fact, value)| Some((*fact, known(value)?))).collect(),
            counts: Vec::new(),
            checks: Vec::new(),
            more: 0,
            rollback: Vec::new(),
            disarmed: Vec::new(),
            links: links.filter_map(|(to, url)| Some((*to, address(url)?))).collect(),
            id: once_only(&parts),
            key,
            at,
            started_at: at,
            event: None,
        }
    }
}
