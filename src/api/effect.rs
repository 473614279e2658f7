//! What an action came to, before it is put into the report. Must not be shown as it stands: [`Effect::record`] masks
//! and cuts what came from outside.

use std::time::Duration;

use super::keep::{End, keep};
use crate::gate::outcome::{ActionRecord, ActionStatus};
use crate::host::secret::Redactor;

/// What an action came to. Its texts may be raw: the report keeps them masked, on one line and cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// How it ended.
    pub status: ActionStatus,
    /// The answer's status, for HTTP.
    pub http_status: Option<u16>,
    /// Where to follow what was started or said.
    pub url: Option<String>,
    /// Why it ended so; `None` where there is nothing to explain.
    pub reason: Option<String>,
    /// What came back.
    pub response: Option<String>,
    /// What the system knows the started thing by; for whoever follows it, never shown.
    pub handle: Option<String>,
}

impl Effect {
    /// An end with its reason and nothing that came back.
    pub fn because(status: ActionStatus, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::of(status) }
    }

    /// The other side said yes, with this status.
    pub fn confirmed(http_status: u16) -> Self {
        Self { http_status: Some(http_status), ..Self::of(ActionStatus::Confirmed) }
    }

    /// The same with where to follow it.
    #[must_use]
    pub fn at(mut self, url: Option<String>) -> Self {
        self.url = url;
        self
    }

    /// An end of which nothing more is known.
    pub const fn of(status: ActionStatus) -> Self {
        Self { status, http_status: None, url: None, reason: None, response: None, handle: None }
    }

    /// The record of it for the report.
    pub fn record(self, action: Acted<'_>, redactor: &Redactor) -> ActionRecord {
        let kept = |text: String| keep(redactor, &text, End::First);
        ActionRecord {
            kind: action.kind.to_owned(),
            purpose: action.purpose,
            target: kept(action.target).unwrap_or_default(),
            status: self.status,
            http_status: self.http_status,
            attempts: action.attempts,
            id: action.id,
            url: self.url.and_then(kept),
            reason: self.reason.and_then(kept),
            response: self.response.and_then(kept),
            took: action.took,
            followed: None,
        }
    }
}

/// What was done, for its record.
#[derive(Debug)]
pub struct Acted<'a> {
    /// The kind's name.
    pub kind: &'a str,
    /// `rollback`, `notify` or `track`.
    pub purpose: &'static str,
    /// Whom it went to.
    pub target: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The once-only id.
    pub id: Option<String>,
    /// How long it took.
    pub took: Duration,
}
