//! What starts a deployment: from an event of another system to the pipelines that the policy maps it to. Must not take
//! anything in an event for more than text: values reach a request through templates only, which escape them.

pub(crate) mod fire;
pub(crate) mod jira;
mod rules;
pub(crate) mod verify;

pub(crate) use rules::evaluate;

/// The variables that templates of a deployment's trigger may name, beside those of the policy; empty where the event says
/// nothing of it.
pub(crate) const VARIABLES: [&str; 8] =
    ["issue_key", "project_key", "issue_type", "status", "label", "version_name", "summary", "actor"];

/// What an event says, in terms that rules look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Happened {
    /// What it is called by whoever sent it.
    pub name: String,
    /// What tells it from others, the same when it is sent again.
    pub key: String,
    /// What it is about.
    pub subject: Subject,
    /// The issue, where it is about one.
    pub issue: Option<Issue>,
    /// The version that was released, where one was.
    pub version: Option<String>,
    /// Who did it.
    pub actor: String,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Subject {
    /// An issue that was created.
    Created,
    /// An issue that was changed.
    Changed,
    /// A version that was released.
    Released,
    /// Something else.
    #[default]
    Other,
}

/// An issue as the event has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Issue {
    /// Its key.
    pub key: String,
    /// Its project's key.
    pub project: String,
    /// Its type's name.
    pub kind: String,
    /// Its status' name, after the event.
    pub status: String,
    /// Its summary.
    pub summary: String,
    /// The status that it was moved to by this event, and from where.
    pub moved: Option<(String, String)>,
    /// The labels that it got by this event.
    pub added: Vec<String>,
}

impl Happened {
    /// The values of [`VARIABLES`], in their order, where `label` is what was matched.
    pub(crate) fn variables(&self, label: &str) -> [(&'static str, String); 8] {
        let none = Issue::default();
        let issue = self.issue.as_ref().unwrap_or(&none);
        let version = self.version.as_deref().unwrap_or_default();
        let values = [
            &issue.key,
            &issue.project,
            &issue.kind,
            &issue.status,
            label,
            version,
            &issue.summary,
            &self.actor,
        ];
        let mut each = VARIABLES.into_iter().zip(values).map(|(name, value)| (name, value.to_owned()));
        std::array::from_fn(|_| each.next().unwrap_or_default())
    }

    /// What it is about, in a few words.
    pub(crate) fn about(&self) -> String {
        let of = match (&self.issue, &self.version) {
            (Some(issue), _) => format!(" of {}", issue.key),
            (None, Some(version)) => format!(" of {version}"),
            (None, None) => String::new(),
        };
        let by = if self.actor.is_empty() { String::new() } else { format!(" by {}", self.actor) };
        format!("{}{of}{by}", self.name)
    }
}

/// What a rule came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// The pipeline that it starts, if it matched.
    pub pipeline: Option<String>,
    /// The label that it matched; empty for none.
    pub label: String,
    /// Why, or why not.
    pub because: String,
}
