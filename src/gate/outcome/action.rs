//! What was done after the verdict, as it is kept for reports. Must stay plain data.

use std::time::Duration;

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionStatus {
    /// The other side said yes.
    Confirmed,
    /// The other side said no, or could not be reached.
    Failed,
    /// It may have happened: the answer never came.
    Unknown,
    /// A guard held it back.
    Held,
}

impl ActionStatus {
    /// The word of reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Held => "held",
        }
    }
}

/// What was done after the verdict.
#[derive(Debug, Clone)]
pub struct ActionRecord {
    /// The trigger's or channel's kind, or the guard's name.
    pub kind: String,
    /// `rollback`, later `notify` and `track`.
    pub purpose: &'static str,
    /// Whom it went to, without secrets.
    pub target: String,
    /// How it ended.
    pub status: ActionStatus,
    /// The answer's status, for HTTP.
    pub http_status: Option<u16>,
    /// How often it was tried.
    pub attempts: u32,
    /// The once-only id.
    pub id: Option<String>,
    /// Where to follow what was started.
    pub url: Option<String>,
    /// Why it ended so, and what came back, cut and masked.
    pub reason: Option<String>,
    /// The answer's body or the program's output, cut and masked.
    pub response: Option<String>,
    /// From the first attempt to the last answer.
    pub took: Duration,
    /// How what was started went on, where it is followed.
    pub followed: Option<Followed>,
}

impl ActionRecord {
    /// How what it started went on, where that is known, else why it ended as it did.
    pub fn why(&self) -> Option<&str> {
        self.followed.as_ref().map(|followed| followed.words.as_str()).or(self.reason.as_deref())
    }
}

/// How what was started went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// How it stands or ended, in its system's own words, or why that is not known; masked and cut.
    pub words: String,
    /// Whether it ended, and if so, whether well; `None` as long as it has not, or is not known to have.
    pub well: Option<bool>,
    /// Whether it is still followed.
    pub goes_on: bool,
    /// How long it was followed.
    pub took: Duration,
}
