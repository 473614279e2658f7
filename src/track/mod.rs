//! What is written to issue trackers and beside commits after a gate: one file per tracker. Must not decide anything, and
//! must not hold up or fail what it tells of.
//!
//! To add a tracker: a file here and one entry in [`TRACKERS`].

use std::fmt::Debug;

use futures_util::future::BoxFuture;

use crate::api::{Allowance, Effect};
use crate::host::Host;
use crate::notify::message::Message;
use crate::policy::notices::On;
use crate::policy::settings::Settings;

/// A kind of tracker: makes a tracker of an integration.
pub trait TrackerKind: Sync {
    /// The word of an integration's `system`, and the file's name.
    fn name(&self) -> &'static str;

    /// What it does, in one sentence.
    fn summary(&self) -> &'static str;

    /// An integration of this kind and a `tracking` through it as YAML, for docs and tests.
    fn example(&self) -> &'static str;

    /// The tracker that `settings` describe. What is wrong goes to the settings; `None` then.
    fn connect(&self, settings: &mut Settings<'_>, host: &Host) -> Option<Box<dyn Tracker>>;
}

/// A tracker, ready to be written to.
pub trait Tracker: Debug + Send + Sync {
    /// The kind's name.
    fn kind(&self) -> &'static str;

    /// What is written to after a gate, each a step of its own: an issue's comment, its transition.
    fn steps(&self, entry: &Entry) -> Vec<Box<dyn Step>>;
}

/// One thing that is written.
pub trait Step: Debug + Send + Sync {
    /// What it does to what, for people: `comment on PROJ-7 at jira.example.com`.
    fn target(&self) -> String;

    /// Does it. Never fails: what goes wrong is part of what it says. May be dropped at any time.
    fn run<'a>(&'a self, message: &'a Message, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Effect>;
}

/// What is to be written after a gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The issues.
    pub issues: Vec<String>,
    /// Whether a comment is written.
    pub comment: bool,
    /// The status that issues are moved to.
    pub transition: Option<String>,
}

/// The trackers there are, in the order of documents.
pub static TRACKERS: &[&dyn TrackerKind] = &[];

/// What is written of what, ready to be used.
#[derive(Debug)]
pub struct Tracking {
    /// What is written of.
    pub on: Vec<On>,
    /// The tracker.
    pub tracker: Box<dyn Tracker>,
    /// What is written.
    pub entry: Entry,
}
