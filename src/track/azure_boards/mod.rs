//! The `azure_boards` tracker: comments, states and links of work items. Must not take a sign-in page for an answer, and
//! must not write markup that words could break out of.

mod api;
mod html;

use std::sync::LazyLock;

use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use regex::Regex;
use url::Url;

use self::api::Boards;
use super::{Details, Issues, Step, Tracker, TrackerKind};
use crate::api::{Allowance, Effect, Remote};
use crate::host::Host;
use crate::policy::integration::{Auth, Credential};
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// How texts mention a work item.
static MENTION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b(?i:AB)#([1-9][0-9]{0,8})\b").ok());

/// The version of the API where none is written.
const VERSION: &str = "7.1";

/// The `azure_boards` tracker.
pub struct AzureBoards;

impl TrackerKind for AzureBoards {
    fn name(&self) -> &'static str {
        "azure_boards"
    }

    fn also(&self) -> &'static [&'static str] {
        &["azure_devops"]
    }

    fn summary(&self) -> &'static str {
        "comments on work items, changes their state and links them in Azure Boards"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  azure_boards:\n    organization: example\n    project: shop\n    auth: {type: pat, token_ref: azure-devops-pat}\ntracking: {to: azure_boards, on: [pass], transition: Closed}\n"
    }

    fn connect(&self, settings: &mut Settings<'_>, host: &Host) -> Option<Box<dyn Tracker>> {
        let auth = auth(settings, host);
        let base = base(settings, host);
        let project =
            settings.string("project").or_else(|| host.env.get("SYSTEM_TEAMPROJECT").map(str::to_owned));
        if project.is_none() {
            settings.lacks(&["project"], "write the project whose work items are meant");
        }
        let version = settings.string("api_version").unwrap_or_else(|| VERSION.to_owned());
        let (headers, tls) = (settings.headers(), settings.tls());
        let auth = match auth {
            Some(Auth::None) if !headers.contains_key(AUTHORIZATION) => {
                settings.lacks(&["auth"], "it takes a personal access token: `{type: pat, token_ref: …}`");
                None
            }
            auth => auth,
        };
        let (base, auth) = (base?, auth?);
        let made = Remote::new("Azure Boards", &base, &tls, host).and_then(|mut remote| {
            remote.authorize(&auth, settings.vault())?;
            for (name, value) in headers.iter() {
                remote.set(name.clone(), value.clone());
            }
            Ok(remote)
        });
        let remote = made.map_err(|problem| settings.fault("auth", Problem::nowhere(problem))).ok()?;
        Some(Box::new(Boards::new(remote, base, project?, version)))
    }
}

/// The credential that is written, else the one of the running pipeline.
fn auth(settings: &mut Settings<'_>, host: &Host) -> Option<Auth> {
    match settings.auth()? {
        Auth::None => {}
        written => return Some(written),
    }
    let Some(token) = host.env.get("SYSTEM_ACCESSTOKEN") else { return Some(Auth::None) };
    let secret = settings.vault().secret(token);
    let secret = secret.map_err(|problem| settings.fault("auth", Problem::nowhere(problem))).ok()?;
    Some(Auth::Bearer(Credential::Fixed(secret)))
}

/// The address with the organization in it.
fn base(settings: &mut Settings<'_>, host: &Host) -> Option<Url> {
    let organization = settings.string("organization");
    let written = settings.address("url", false);
    if written.is_none() && settings.has("url") {
        return None;
    }
    let ambient = || Url::parse(host.env.get("SYSTEM_COLLECTIONURI")?.trim_end_matches('/')).ok();
    if let Some(name) = organization {
        let mut base = written.or_else(|| Url::parse("https://dev.azure.com").ok())?;
        base.path_segments_mut().ok()?.pop_if_empty().push(&name);
        return Some(base);
    }
    // A server's address holds its collection; the service's holds nothing.
    let whole = |url: &Url| url.host_str() != Some("dev.azure.com") || url.path().len() > 1;
    let base = written.filter(whole).or_else(ambient);
    if base.is_none() {
        settings
            .lacks(&["organization"], "write the organization, as in `https://dev.azure.com/ORGANIZATION`");
    }
    base
}

impl Tracker for Boards {
    fn kind(&self) -> &'static str {
        AzureBoards.name()
    }

    fn issues(&self) -> Option<&dyn Issues> {
        Some(self)
    }

    fn target(&self, step: &Step) -> String {
        let what = match step {
            Step::Comment { issue, .. } => format!("comment on AB#{issue}"),
            Step::Transition { issue, to } => format!("move AB#{issue} to `{to}`"),
            Step::Link { issue, kind, other } => format!("link AB#{issue} to AB#{other} as `{kind}`"),
            Step::Standing { name, .. } => name.clone(),
        };
        format!("{what} at {}", self.address())
    }

    fn run<'a>(&'a self, step: &'a Step, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            let done = match step {
                Step::Comment { issue, note } => self.comment(issue, &html::document(note), allowance).await,
                Step::Transition { issue, to } => self.transition(issue, to, allowance).await,
                Step::Link { issue, kind, other } => self.link(issue, kind, other, allowance).await,
                Step::Standing { .. } => Err(super::unknown(self.kind())),
            };
            done.unwrap_or_else(|effect| effect)
        })
    }
}

impl Issues for Boards {
    fn issue(&self, text: &str) -> Result<String, String> {
        let text = text.trim();
        let number = text.strip_prefix("AB#").or_else(|| text.strip_prefix('#')).unwrap_or(text);
        let numbered = !number.is_empty() && number.len() <= 9 && number.bytes().all(|b| b.is_ascii_digit());
        if numbered {
            return Ok(number.to_owned());
        }
        let shown = crate::policy::node::shorten(text);
        Err(format!("expected a work item such as `AB#7`, found `{shown}`"))
    }

    fn mentioned(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for mention in MENTION.iter().flat_map(|pattern| pattern.captures_iter(text)) {
            let number = mention[1].to_owned();
            if !found.contains(&number) {
                found.push(number);
            }
        }
        found
    }

    fn show<'a>(
        &'a self,
        issue: &'a str,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Result<Details, Effect>> {
        Box::pin(self.details(issue, allowance))
    }
}

#[cfg(test)]
mod tests;
