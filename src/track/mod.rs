//! What is written to issue trackers and beside commits after a gate: one file per tracker. Must not decide anything, and
//! must not hold up or fail what it tells of.
//!
//! To add a tracker: a file here and one entry in [`TRACKERS`].

pub mod azure_boards;
pub mod connect;
pub mod github_status;
pub mod gitlab_status;
pub mod issues;
pub mod jira;
pub mod note;
mod standing;
#[cfg(test)]
pub(crate) mod testing;

use std::fmt::Debug;

use futures_util::future::BoxFuture;

pub use self::connect::connect;
use self::note::Note;
use crate::api::{Allowance, Effect};
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::notify::message::{Message, Status};
use crate::policy::notices::On;
use crate::policy::settings::Settings;

/// A kind of tracker: makes a tracker of an integration.
pub trait TrackerKind: Sync {
    /// The word of an integration's `system`, and the file's name.
    fn name(&self) -> &'static str;

    /// Other words of `system` that mean the same.
    fn also(&self) -> &'static [&'static str] {
        &[]
    }

    /// What it does, in one sentence.
    fn summary(&self) -> &'static str;

    /// An integration of this kind and a `tracking` through it as YAML, for docs and tests.
    fn example(&self) -> &'static str;

    /// Whether the pipeline around the run says all that is needed, so that no integration has to be written.
    fn ambient(&self) -> bool {
        false
    }

    /// The tracker that `settings` describe. What is wrong goes to the settings; `None` then.
    fn connect(&self, settings: &mut Settings<'_>, host: &Host) -> Option<Box<dyn Tracker>>;
}

/// A tracker, ready to be written to.
pub trait Tracker: Debug + Send + Sync {
    /// The kind's name.
    fn kind(&self) -> &'static str;

    /// Its issues; `None` for one that has none.
    fn issues(&self) -> Option<&dyn Issues>;

    /// What is written where there are no issues.
    fn beside(&self, message: &Message) -> Vec<Step> {
        let _ = message;
        Vec::new()
    }

    /// What `step` does to what, for people: `comment on PROJ-7 at jira.example.com`.
    fn target(&self, step: &Step) -> String;

    /// Does `step`. Never fails: what goes wrong is part of what it says. May be dropped at any time.
    fn run<'a>(&'a self, step: &'a Step, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Effect>;
}

/// What can be done with a tracker's issues beside [`Tracker::run`].
pub trait Issues: Debug + Send + Sync {
    /// The issue that `text` names, as the tracker knows it.
    ///
    /// # Errors
    /// What was expected.
    fn issue(&self, text: &str) -> Result<String, String>;

    /// The issues that a text of people, such as a commit's message, mentions.
    fn mentioned(&self, text: &str) -> Vec<String>;

    /// What the tracker knows of `issue`.
    ///
    /// # Errors
    /// What came of the question instead.
    fn show<'a>(
        &'a self,
        issue: &'a str,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Result<Details, Effect>>;
}

/// One thing that is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A comment.
    Comment {
        /// The issue.
        issue: String,
        /// What it says.
        note: Note,
    },
    /// A change of status.
    Transition {
        /// The issue.
        issue: String,
        /// The status to be reached.
        to: String,
    },
    /// A link from one issue to another.
    Link {
        /// The issue that the link is of.
        issue: String,
        /// What sort of link it is, in the tracker's words.
        kind: String,
        /// The issue it leads to.
        other: String,
    },
    /// How a commit or a deployment stands.
    Standing {
        /// Which of the two.
        of: Of,
        /// Its state.
        status: Status,
        /// By what name it is known: the same name is written over.
        name: String,
        /// Why, in one line.
        summary: String,
        /// Where to go on.
        url: Option<String>,
    },
}

/// What can stand well or badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The commit that was deployed.
    Commit,
    /// The deployment, where the pipeline's system knows of it.
    Deployment,
}

/// What a tracker knows of an issue, as it says it: nothing is masked or cut yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// What it is known by.
    pub issue: String,
    /// Its title.
    pub summary: String,
    /// Its status.
    pub status: String,
    /// Whom it is assigned to.
    pub assignee: Option<String>,
    /// What sort of issue it is.
    pub kind: String,
    /// How urgent it is.
    pub priority: Option<String>,
    /// What it says, as plain text.
    pub description: String,
    /// Its page.
    pub url: Option<String>,
}

/// What is to be written after a gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The issues.
    pub issues: Vec<String>,
    /// Whether they are still to be found: none are written.
    pub open: bool,
    /// Whether a comment is written.
    pub comment: bool,
    /// The status that issues are moved to.
    pub transition: Option<String>,
}

/// The trackers there are, in the order of documents.
pub static TRACKERS: &[&dyn TrackerKind] =
    &[&jira::Jira, &azure_boards::AzureBoards, &github_status::GithubStatus, &gitlab_status::GitlabStatus];

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

impl Tracking {
    /// What is written of `message`: for each issue its steps, in their order.
    pub fn steps(&self, message: &Message) -> Vec<Vec<Step>> {
        if self.tracker.issues().is_none() {
            return self.tracker.beside(message).into_iter().map(|step| vec![step]).collect();
        }
        let note = self.entry.comment.then(|| Note::of(message));
        let of = |issue: &String| {
            let comment = note.clone().map(|note| Step::Comment { issue: issue.clone(), note });
            let transition = self.entry.transition.clone();
            let transition = transition.map(|to| Step::Transition { issue: issue.clone(), to });
            comment.into_iter().chain(transition).collect()
        };
        self.entry.issues.iter().map(of).collect()
    }
}

/// What is said of a step that a tracker does not know.
pub(crate) fn unknown(kind: &str) -> Effect {
    Effect::because(ActionStatus::Failed, format!("`{kind}` cannot do this"))
}
