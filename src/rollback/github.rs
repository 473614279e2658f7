//! What the triggers of GitHub share: the repository, who is asking, and why GitHub says no. Must not start anything.

use std::sync::OnceLock;

use http::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::Value;

use super::TriggerCx;
use super::access::Text;
use super::answer::{link, reason, standing, text};
use crate::api::remote::Hints;
use crate::api::words::retry_after;
use crate::api::{Allowance, Effect, Question, Remote};
use crate::host::Host;
use crate::host::http::Response;
use crate::host::tls::TlsOptions;
use crate::policy::exposure::Exposure;
use crate::policy::form::Form;
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::template::Scope;
use crate::rollback::Standing;

/// The variables in which GitHub Actions hands out a token.
const AMBIENT: &[&str] = &["GITHUB_TOKEN", "GH_TOKEN"];

/// Where the API is, where nothing says otherwise.
const API: &str = "https://api.github.com";

/// The version of the API that is spoken.
const VERSION: &str = "2022-11-28";

/// What is said of a token that GitHub does not take.
const UNAUTHORIZED: &str = "check the secret of `token_ref`: it may be wrong, expired or revoked";

/// The fields of every trigger of GitHub.
pub(super) const REPOSITORY: Field =
    Field::new("repository", Shape::Text, "the repository, as `owner/name`; default `GITHUB_REPOSITORY`");
/// See [`REPOSITORY`].
pub(super) const TOKEN: Field = Field::new(
    "token_ref",
    Shape::Text,
    "the secret that holds the token; default, in GitHub Actions, `GITHUB_TOKEN` or `GH_TOKEN`",
);
/// See [`REPOSITORY`].
pub(super) const API_URL: Field = Field::new(
    "api_url",
    Shape::Of(Form::WEB),
    "where the API is; default `GITHUB_API_URL`, else `https://api.github.com`",
);

/// The shared part of a trigger as it is written.
#[derive(Debug)]
pub(super) struct HubSpec {
    repository: Text,
    token: Text,
    api: Text,
}

impl HubSpec {
    /// Reads the shared fields of a trigger of `kind`. `None` after reporting why.
    pub(super) fn read(body: &mut Reader<'_, '_>, kind: &'static str) -> Option<Self> {
        let repository = Text::read(body, kind, "repository");
        let token = Text::read(body, kind, "token_ref");
        let api = Text::read_address(body, kind, "api_url");
        Some(Self { repository: repository?, token: token?, api: api? })
    }

    /// Where the token goes.
    pub(super) fn exposure(&self) -> Option<Exposure<'_>> {
        self.api.exposes(self.token.place())
    }

    /// The repository in words, before a run.
    pub(super) fn told(&self, scope: &Scope) -> String {
        let repository = self.repository.told(scope, "");
        if repository.is_empty() {
            "the pipeline's own repository".to_owned()
        } else {
            format!("`{repository}`")
        }
    }

    /// The repository as it is reached. `None` after reporting why.
    pub(super) fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Hub> {
        let env = &cx.host.env;
        let mut noted = |problem: Problem| problems.push(problem);
        let own = env.get("GITHUB_REPOSITORY");
        let repository = self.repository(cx, own).map_err(&mut noted).ok();
        let here = env.get("GITHUB_API_URL");
        let api = self.api.address(cx, Some(here.unwrap_or(API)), "").map_err(&mut noted).ok();
        let actions = env.get("GITHUB_ACTIONS") == Some("true");
        // A token that nobody chose goes nowhere but to where it comes from.
        let home = here.unwrap_or(API).trim_end_matches('/');
        let at_home = api.as_ref().is_some_and(|api| api.as_str().trim_end_matches('/') == home);
        let ambient = if actions && at_home { AMBIENT } else { &[] };
        let help = if actions && at_home {
            "give the step `env: {GITHUB_TOKEN: \"${{ github.token }}\"}`, or name a secret by `token_ref`"
        } else if actions {
            "the token of Actions is for its own `GITHUB_API_URL` only: name a secret by `token_ref`"
        } else {
            "name the secret that holds a token by `token_ref`"
        };
        let token = self.token.secret(cx, ambient, help).map_err(&mut noted).ok();
        let ((owner, name), api, token) = (repository?, api?, token?);
        let mut remote = Remote::new("GitHub", &api, &TlsOptions::default(), cx.host)
            .map_err(|problem| noted(self.api.fault(problem)))
            .ok()?;
        remote.set(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        remote.set(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static(VERSION));
        remote
            .credential(AUTHORIZATION, "Bearer ", &token)
            .map_err(|problem| noted(self.token.fault(format!("the token cannot be used: {problem}"))))
            .ok()?;
        // What a repository tells of permissions is about users: a token of Actions is none.
        let of_user = ["ghp_", "github_pat_"].iter().any(|prefix| token.expose().starts_with(prefix));
        Some(Hub { remote, owner, name, of_user, default_branch: OnceLock::new() })
    }

    fn repository(&self, cx: &TriggerCx<'_>, own: Option<&str>) -> Result<(String, String), Problem> {
        let help = "write `repository: owner/name`; in GitHub Actions it is the workflow's own";
        if !self.repository.is_written() && own.is_none() && cx.vault.stands_in() {
            return Ok(("<owner>".to_owned(), "<repository>".to_owned()));
        }
        let text = self.repository.render(cx, own, help)?;
        match text.trim().split_once('/') {
            Some((owner, name)) if is_name(owner) && is_name(name) => Ok((owner.to_owned(), name.to_owned())),
            _ => Err(self.repository.fault(format!(
                "expected a repository like `owner/name`, found `{}`",
                crate::policy::node::shorten(&text)
            ))),
        }
    }
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().all(plain) && !matches!(text, "." | "..")
}

/// A repository of GitHub, and who is asking.
#[derive(Debug)]
pub(super) struct Hub {
    remote: Remote,
    owner: String,
    name: String,
    of_user: bool,
    default_branch: OnceLock<String>,
}

impl Hub {
    /// Its name: `owner/name`.
    pub(super) fn repository(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// What the once-only id knows `thing` of it by.
    pub(super) fn identity(&self, thing: &str) -> String {
        format!("{} {}/{} {thing}", self.remote.who(), self.owner, self.name)
    }

    /// Where `parts` of it are.
    pub(super) fn url(&self, parts: &[&str]) -> url::Url {
        let all: Vec<&str> =
            ["repos", &self.owner, &self.name].into_iter().chain(parts.iter().copied()).collect();
        self.remote.url(&all)
    }

    /// GitHub's answer to `question`.
    ///
    /// # Errors
    /// What is known where there is no answer.
    pub(super) async fn ask(
        &self,
        question: &Question,
        allowance: &Allowance<'_>,
    ) -> Result<Response, Effect> {
        self.remote.ask(question, allowance).await
    }

    /// The JSON at `parts`, which is only read.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) async fn read(
        &self,
        parts: &[&str],
        hints: Hints<'_>,
        allowance: &Allowance<'_>,
    ) -> Result<(Value, Response), Effect> {
        let answer = self.ask(&Question::get(self.url(parts)), allowance).await?;
        Ok((self.json(&answer, hints, allowance.host)?, answer))
    }

    /// The JSON of an answer of success.
    ///
    /// # Errors
    /// Why it is none: in GitHub's words, with what to do.
    pub(super) fn json(&self, answer: &Response, hints: Hints<'_>, host: &Host) -> Result<Value, Effect> {
        let redactor = &host.output.redactor;
        let limited = limited(answer, host.clock.now());
        let mut all: Vec<(u16, &str)> = limited.iter().map(|told| (answer.status, told.as_str())).collect();
        all.extend(hints);
        all.push((401, UNAUTHORIZED));
        self.remote.json(answer, &all, redactor)
    }

    /// The repository itself, where it can take a dispatch.
    ///
    /// # Errors
    /// What would keep it from that, and what to do.
    pub(super) async fn check(&self, allowance: &Allowance<'_>) -> Result<(), Effect> {
        let (document, answer) =
            self.read(&[], &[(404, NO_REPOSITORY), (403, NO_REPOSITORY)], allowance).await?;
        let refuse = |why: String| {
            let told = format!("{}: `{}` {why}", self.remote.who(), self.repository());
            Err(Effect::because(crate::gate::outcome::ActionStatus::Failed, told))
        };
        if let Some(branch) = document["default_branch"].as_str() {
            self.default_branch.get_or_init(|| branch.to_owned());
        }
        if document["archived"] == true {
            return refuse("is archived, so nothing runs in it: check `repository`".to_owned());
        }
        if self.of_user && document["permissions"]["push"] == false {
            return refuse("may only be read by the owner of the token: `token_ref` needs one of somebody who may write to it".to_owned());
        }
        // Only tokens of the classic kind have scopes; the header is there even where they have none.
        let scopes = answer.headers.get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
        let enough =
            |scopes: &str| scopes.split(',').any(|scope| matches!(scope.trim(), "repo" | "public_repo"));
        if let Some(scopes) = scopes.filter(|scopes| self.of_user && !enough(scopes)) {
            let scopes = crate::api::words::line(scopes, 120, &allowance.host.output.redactor);
            return refuse(format!("needs a token of the scope `repo`; that of `token_ref` has `{scopes}`"));
        }
        Ok(())
    }

    /// The default branch, asked for once.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) async fn default_branch(&self, allowance: &Allowance<'_>) -> Result<String, Effect> {
        if let Some(known) = self.default_branch.get() {
            return Ok(known.clone());
        }
        let (document, _) = self.read(&[], &[(404, NO_REPOSITORY), (403, NO_REPOSITORY)], allowance).await?;
        let Some(branch) = document["default_branch"].as_str() else {
            let why = format!("{} did not tell the default branch: write `ref`", self.remote.who());
            return Err(Effect::because(crate::gate::outcome::ActionStatus::Failed, why));
        };
        Ok(self.default_branch.get_or_init(|| branch.to_owned()).clone())
    }

    /// How the run `id` stands.
    ///
    /// # Errors
    /// Why that cannot be read.
    pub(super) async fn run(&self, id: &str, allowance: &Allowance<'_>) -> Result<Standing, String> {
        let hints: Hints<'_> =
            &[(403, "reading it needs `permissions: actions: read`"), (404, "was the run deleted?")];
        let read = self.read(&["actions", "runs", id], hints, allowance).await;
        let (document, _) = read.map_err(reason)?;
        let Some(status) = text(&document, "/status") else {
            return Err(format!("{} did not tell how the run stands", self.remote.who()));
        };
        let conclusion = text(&document, "/conclusion").unwrap_or("ended without a conclusion");
        let (words, ended) = match status {
            "completed" => (conclusion, Some(conclusion == "success")),
            "waiting" => ("waiting: its environment may want an approval", None),
            other => (other, None),
        };
        let stands = standing(words, ended, &allowance.host.output.redactor);
        Ok(Standing { url: link(&document, "/html_url"), ..stands })
    }
}

/// What is said of a repository that is not found or may not be read.
const NO_REPOSITORY: &str = "check `repository`, and that the token of `token_ref` may see it (the token of a workflow sees its own repository only)";

/// That the rate limit is reached, and until when, where an answer says so: GitHub says it with 403 too.
fn limited(answer: &Response, now: Timestamp) -> Option<String> {
    if !matches!(answer.status, 403 | 429) {
        return None;
    }
    let header = |name: &str| answer.headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let reset = || {
        let seconds = header("x-ratelimit-reset")? - now.as_second();
        u64::try_from(seconds).ok().map(std::time::Duration::from_secs)
    };
    let after = retry_after(&answer.headers, now);
    if after.is_none() && header("x-ratelimit-remaining") != Some(0) {
        return None;
    }
    let when = after.or_else(reset).map(|span| format!(" for another {}", crate::policy::spoken::span(span)));
    let when = when.unwrap_or_default();
    Some(format!(
        "the rate limit of this token is used up{when}: ask then, or give rollgate a token of its own"
    ))
}
