//! The `jira` tracker: comments, changes of status and links in Jira Cloud (version 3 of its API) and Data Center
//! (version 2). Must not write in one version's format to the other, and must not comment twice for one deployment.

mod adf;
mod api;
mod keys;
mod wiki;

use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use self::api::Site;
use self::keys::Projects;
use super::note::Note;
use super::{Details, Issues, Step, Tracker, TrackerKind};
use crate::api::{Allowance, Effect, Remote};
use crate::host::Host;
use crate::policy::integration::Auth;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// The `jira` tracker.
pub struct Jira;

impl TrackerKind for Jira {
    fn name(&self) -> &'static str {
        "jira"
    }

    fn summary(&self) -> &'static str {
        "comments on issues, moves them and links them in Jira Cloud and Data Center"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  jira:\n    url: \"https://your-domain.atlassian.net\"\n    auth: {type: basic, username: ci@example.com, password_ref: jira-api-token}\ntracking: {to: jira, on: [pass], transition: Done}\n"
    }

    fn connect(&self, settings: &mut Settings<'_>, host: &Host) -> Option<Box<dyn Tracker>> {
        let base = settings.address("url", false);
        if base.is_none() && !settings.has("url") {
            let help = format!("write its address, or pass `--integration {}.url=URL`", settings.name());
            settings.lacks(&["url"], &help);
        }
        let auth = match settings.auth() {
            // Jira knows no user without a name: a personal access token is a bearer's.
            Some(Auth::Basic(user, token)) if user.is_empty() => Some(Auth::Bearer(token)),
            auth => auth,
        };
        let (headers, tls) = (settings.headers(), settings.tls());
        let nobody = matches!(auth, Some(Auth::None)) && !headers.contains_key(AUTHORIZATION);
        if nobody && !settings.has("auth.type") {
            settings.lacks(&["auth"], "Cloud takes `{type: basic, username: E-MAIL, password_ref: API-TOKEN}` or `oauth2`, Data Center `{type: bearer, token_ref: …}`");
        }
        let version = version(settings);
        let projects = Projects { mapping: settings.map("project_mapping") };
        let (base, auth) = (base?, auth?);
        let made = Remote::new("Jira", &base, &tls, host).and_then(|mut remote| {
            remote.authorize(&auth, settings.vault())?;
            for (name, value) in headers.iter() {
                remote.set(name.clone(), value.clone());
            }
            Ok(remote)
        });
        let remote = made.map_err(|problem| settings.fault("auth", Problem::nowhere(problem))).ok()?;
        Some(Box::new(Board { site: Site::new(remote, base, version?), projects }))
    }
}

/// The version of the API, which decides the format of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// Wiki markup.
    Two,
    /// Atlassian Document Format.
    Three,
}

fn version(settings: &mut Settings<'_>) -> Option<Version> {
    if !settings.has("api_version") {
        return Some(Version::Three);
    }
    match settings.string("api_version")?.trim() {
        "3" => Some(Version::Three),
        "2" => Some(Version::Two),
        other => {
            let shown = crate::policy::node::shorten(other);
            let problem = Problem::nowhere(format!("expected `3` or `2` for `api_version`, found `{shown}`"));
            settings.fault("api_version", problem.help("Cloud speaks version 3, Data Center version 2"));
            None
        }
    }
}

impl Version {
    /// `note` as the body of a comment.
    fn body(self, note: &Note) -> Value {
        let mut body = match self {
            Self::Two => json!({ "body": wiki::text(note) }),
            Self::Three => json!({ "body": adf::document(note) }),
        };
        if let Some(id) = &note.id {
            body["properties"] = json!([{ "key": api::PROPERTY, "value": { "id": id } }]);
        }
        body
    }

    /// A text of Jira as plain text.
    fn text(self, body: &Value) -> String {
        match body {
            Value::String(text) => text.clone(),
            document => adf::text(document),
        }
    }
}

/// A Jira, ready to be written to.
#[derive(Debug)]
struct Board {
    site: Site,
    projects: Projects,
}

impl Tracker for Board {
    fn kind(&self) -> &'static str {
        Jira.name()
    }

    fn issues(&self) -> Option<&dyn Issues> {
        Some(self)
    }

    fn target(&self, step: &Step) -> String {
        let what = match step {
            Step::Comment { issue, .. } => format!("comment on {issue}"),
            Step::Transition { issue, to } => format!("move {issue} to `{to}`"),
            Step::Link { issue, kind, other } => format!("link {issue} to {other} as `{kind}`"),
            Step::Standing { name, .. } => name.clone(),
        };
        format!("{what} at {}", self.site.address())
    }

    fn run<'a>(&'a self, step: &'a Step, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            let done = match step {
                Step::Comment { issue, note } => self.site.comment(issue, note, allowance).await,
                Step::Transition { issue, to } => self.site.transition(issue, to, allowance).await,
                Step::Link { issue, kind, other } => self.site.link(issue, kind, other, allowance).await,
                Step::Standing { .. } => Err(super::unknown(self.kind())),
            };
            done.unwrap_or_else(|effect| effect)
        })
    }
}

impl Issues for Board {
    fn issue(&self, text: &str) -> Result<String, String> {
        self.projects.issue(text)
    }

    fn mentioned(&self, text: &str) -> Vec<String> {
        self.projects.mentioned(text)
    }

    fn show<'a>(
        &'a self,
        issue: &'a str,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Result<Details, Effect>> {
        Box::pin(self.site.show(issue, allowance))
    }
}

#[cfg(test)]
mod tests;
