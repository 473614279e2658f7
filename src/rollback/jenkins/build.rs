//! A job of Jenkins, ready to be built: what is asked, and what is made of the answers. Must not ask for a build twice, and
//! must not take a sign-in page for a yes.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::LOCATION;
use http::{HeaderMap, HeaderName};
use serde_json::Value;
use url::Url;

use super::job::{Job, TREE};
use super::queue::{self, Handle, Item};
use super::{NAME, session};
use crate::api::remote::Hints;
use crate::api::{Allowance, Effect, Question, Remote};
use crate::event::Event;
use crate::gate::outcome::ActionStatus;
use crate::host::http::Response;
use crate::policy::node::shorten;
use crate::rollback::answer::reason;
use crate::rollback::values::Values;
use crate::rollback::{ACTING, Order, Standing, Trigger};

/// How long a job is looked at before it is built, where that was not done yet.
const LOOK: Duration = Duration::from_secs(5);

/// How long its way through the queue is watched, and how often.
const WATCH: (Duration, Duration) = (Duration::from_secs(8), Duration::from_secs(2));

/// Builds of a job among which one is looked for that the queue has forgotten.
const BUILDS: &str = "builds[number,queueId,url]{0,50}";

/// What to do about a status.
pub(super) const HINTS: Hints<'_> = &[
    (
        302,
        "Jenkins, or what stands before it, wants a sign-in: check `username` and `token_ref`, and that the API is let through",
    ),
    (401, "check `username` and `token_ref`: an API token is made on the user's own page"),
    (403, "the user may not do this: it needs `Job/Read` and `Job/Build`"),
    (
        404,
        "check `url` and `job`, and that the user may see the job: folders come before it with `/` between, without `job/`",
    ),
    (405, "is this Jenkins, and not a proxy that drops the method"),
    (409, "the job is disabled, or may not be built: enable it"),
    (503, "Jenkins is starting or shutting down"),
];

/// The header in which Jenkins tells its version with every answer.
const VERSION: HeaderName = HeaderName::from_static("x-jenkins");

/// The names of the folders and the job in `job`.
pub(super) fn parts(job: &str) -> Result<Vec<&str>, String> {
    let parts: Vec<&str> = job.trim_matches('/').split('/').collect();
    let odd = |part: &&str| part.trim().is_empty() || matches!(*part, "." | "..");
    if parts.iter().any(odd) {
        return Err(format!("expected a job like `folder/job`, found `{}`", shorten(job)));
    }
    // The path of a job's page has `job` before each of its names.
    let (before, names): (Vec<_>, Vec<_>) = parts.iter().enumerate().partition(|(at, _)| at % 2 == 0);
    if names.len() > 1 && before.len() == names.len() && before.iter().all(|(_, part)| **part == "job") {
        let names: Vec<&str> = names.into_iter().map(|(_, name)| *name).collect();
        return Err(format!(
            "expected a job like `{}`, found the path of its page",
            shorten(&names.join("/"))
        ));
    }
    Ok(parts)
}

/// A job, ready to be built.
#[derive(Debug)]
pub(super) struct Build {
    remote: Remote,
    job: String,
    parameters: Values,
    /// Whether Jenkins wants a crumb.
    crumb: bool,
    /// The job as Jenkins told of it.
    known: OnceLock<Job>,
}

impl Build {
    /// The job `job`; `crumb` tells whether Jenkins wants one.
    pub(super) const fn new(remote: Remote, job: String, parameters: Values, crumb: bool) -> Self {
        Self { remote, job, parameters, crumb, known: OnceLock::new() }
    }
}

impl Trigger for Build {
    fn kind(&self) -> &'static str {
        NAME
    }

    fn target(&self) -> String {
        self.address(&[]).into()
    }

    fn budget(&self) -> Duration {
        ACTING
    }

    fn preflight<'a>(&'a self, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let job = self.look(allowance).await.map_err(reason)?;
            let given = self.parameters.before();
            job.takes(&given).map_err(|why| format!("the job `{}`: {why}", self.job))
        })
    }

    fn follow<'a>(
        &'a self,
        started: &'a Effect,
        allowance: &'a Allowance<'a>,
    ) -> Option<BoxFuture<'a, Result<Standing, String>>> {
        let handle = Handle::read(started.handle.as_deref()?)?;
        Some(Box::pin(async move { self.stands(handle, allowance).await.map_err(reason) }))
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            match self.build(order).await {
                Ok(effect) | Err(effect) => effect,
            }
        })
    }
}

impl Build {
    /// The address of the job and of what is `below` it.
    fn address(&self, below: &[&str]) -> Url {
        let folders = parts(&self.job).unwrap_or_default().into_iter().flat_map(|part| ["job", part]);
        self.remote.url(&folders.chain(below.iter().copied()).collect::<Vec<_>>())
    }

    async fn read(&self, mut url: Url, tree: &str, allowance: &Allowance<'_>) -> Result<Value, Effect> {
        url.query_pairs_mut().append_pair("tree", tree);
        let answer = self.remote.ask(&Question::get(url), allowance).await?;
        let redactor = &allowance.host.output.redactor;
        if (200..300).contains(&answer.status) {
            self.remote.json(&answer, HINTS, redactor)
        } else {
            Err(self.refused(&answer, allowance))
        }
    }

    /// The job as Jenkins tells of it now.
    async fn look(&self, allowance: &Allowance<'_>) -> Result<Job, Effect> {
        let document = self.read(self.address(&["api", "json"]), TREE, allowance).await?;
        let told =
            |why| Effect::because(ActionStatus::Failed, format!("`{}` cannot be built: {why}", self.job));
        let job = Job::read(&document).map_err(told)?;
        // Whoever looked first has known it early enough.
        let _ = self.known.set(job.clone());
        Ok(job)
    }

    /// What a status that is none of success means; Jenkins says it in pages and headers rather than in JSON.
    fn refused(&self, answer: &Response, allowance: &Allowance<'_>) -> Effect {
        let redactor = &allowance.host.output.redactor;
        let body = String::from_utf8_lossy(&answer.body);
        let lacking = answer.headers.get("x-required-permission").and_then(|name| name.to_str().ok());
        let hint = if answer.status == 403 && body.contains("No valid crumb") {
            Some(if self.crumb {
                "`No valid crumb`: the session was lost on the way, as by a proxy that drops cookies; an API token needs no crumb: name one as `token_ref`".to_owned()
            } else {
                "`No valid crumb`: what `token_ref` names is a password rather than an API token; name it as `password_ref`, or make a token on the user's own page".to_owned()
            })
        } else {
            lacking
                .filter(|_| answer.status == 403)
                .map(|name| format!("the user lacks the permission `{name}`"))
        };
        match hint {
            Some(hint) => self.remote.refused(answer, &[(answer.status, &hint)], redactor),
            None => self.remote.refused(answer, HINTS, redactor),
        }
    }

    /// Whether the job is built with parameters: as it was known before, else as it says now, else as written.
    async fn with_parameters(&self, written: bool, allowance: &Allowance<'_>) -> bool {
        if self.known.get().is_none() {
            // Not knowing is no reason to leave a bad version where it is.
            let _ = allowance.within(LOOK, self.look(allowance)).await;
        }
        written || self.known.get().is_some_and(Job::takes_parameters)
    }

    async fn build(&self, order: &Order<'_>) -> Result<Effect, Effect> {
        let (allowance, beside) = (&order.allowance, order.allowance.beside());
        let given = self.parameters.texts(order.event);
        let given = given.map_err(|why| Effect::because(ActionStatus::Failed, why))?;
        let with_parameters = self.with_parameters(!given.is_empty(), &beside).await;
        let session = if self.crumb { session::open(&self.remote, &beside).await? } else { HeaderMap::new() };
        let mut question = if with_parameters {
            Question::form(self.address(&["buildWithParameters"]), &fields(order.event, given))
        } else {
            Question::form(self.address(&["build"]), &[])
        };
        question.headers.extend(session);
        let answer = self.remote.ask(&question, allowance).await?;
        let effect = self.queued(&answer, &question.url, allowance)?;
        let Some(Handle::Item(item)) = effect.handle.as_deref().and_then(Handle::read) else {
            return Ok(effect);
        };
        // That it is queued is what counts: whatever comes of watching it, firing has ended well.
        match allowance.within(WATCH.0, self.left_queue(item, &beside)).await {
            Some(Item::Built(number, url)) => {
                let page = url.unwrap_or_else(|| self.address(&[&number.to_string()]).into());
                Ok(Effect { handle: Some(Handle::Build(number).word()), ..effect.at(Some(page)) })
            }
            Some(Item::Cancelled) => {
                let told =
                    format!("{} took it into its queue, and it was cancelled there", self.remote.who());
                Err(Effect {
                    url: effect.url,
                    http_status: effect.http_status,
                    ..Effect::because(ActionStatus::Failed, told)
                })
            }
            Some(Item::Waits(_)) | None => Ok(effect),
        }
    }

    /// What an answer says of the queue.
    fn queued(&self, answer: &Response, asked: &Url, allowance: &Allowance<'_>) -> Result<Effect, Effect> {
        let version = answer.headers.get(VERSION).and_then(|version| version.to_str().ok());
        let location = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let item = location.and_then(|to| Handle::located(asked, to));
        let effect = Effect::confirmed(answer.status);
        match (answer.status, item, version) {
            (200..=302, Some(Handle::Item(item)), _) => {
                let page = self.remote.url(&["queue", "item", &item.to_string(), ""]);
                Ok(Effect { handle: Some(Handle::Item(item).word()), ..effect.at(Some(page.into())) })
            }
            // Jenkins goes back to the job where its queue took nothing, as a plugin may have it.
            (302, None, Some(version)) if !version.starts_with("1.") && !signs_in(location) => {
                let told = format!(
                    "{} put nothing into its queue: a plugin or a throttle keeps the job from being built",
                    self.remote.who()
                );
                Err(Effect { http_status: Some(302), ..Effect::because(ActionStatus::Failed, told) })
            }
            // Versions before 1.519 did not say where in the queue.
            (201, None, _) | (200 | 302, None, Some(_)) if !signs_in(location) => {
                let told = "Jenkins did not say where in its queue the job is: look at the job's page";
                Ok(Effect { reason: Some(told.to_owned()), ..effect.at(Some(self.address(&[]).into())) })
            }
            (200..=299, ..) => {
                let told = format!(
                    "expected 201 from {}, found {} that is no answer of Jenkins; check `url`, and that no sign-in page stands before it",
                    self.remote.who(),
                    answer.status
                );
                Err(Effect {
                    http_status: Some(answer.status),
                    ..Effect::because(ActionStatus::Unknown, told)
                })
            }
            _ => Err(self.refused(answer, allowance)),
        }
    }

    /// What became of `item` once it has left the queue; does not end before.
    async fn left_queue(&self, item: u64, allowance: &Allowance<'_>) -> Item {
        loop {
            allowance.host.clock.sleep(WATCH.1).await;
            match self.item(item, allowance).await {
                Ok(Item::Waits(_)) | Err(_) => {}
                Ok(left) => return left,
            }
        }
    }

    async fn item(&self, item: u64, allowance: &Allowance<'_>) -> Result<Item, Effect> {
        let url = self.remote.url(&["queue", "item", &item.to_string(), "api", "json"]);
        let read = self.read(url, "cancelled,why,executable[number,url]", allowance).await;
        match read {
            Ok(document) => Ok(Item::read(&document)),
            Err(effect) if effect.http_status == Some(404) => {
                let builds = self.read(self.address(&["api", "json"]), BUILDS, allowance).await?;
                Item::among(&builds, item).ok_or(effect)
            }
            Err(effect) => Err(effect),
        }
    }

    async fn stands(&self, handle: Handle, allowance: &Allowance<'_>) -> Result<Standing, Effect> {
        let redactor = &allowance.host.output.redactor;
        match handle {
            Handle::Item(item) => Ok(self.item(item, allowance).await?.standing(redactor)),
            Handle::Build(number) => {
                let url = self.address(&[&number.to_string(), "api", "json"]);
                Ok(queue::build(&self.read(url, "building,result", allowance).await?, redactor))
            }
        }
    }
}

/// Whether a redirect leads to where one signs in.
fn signs_in(location: Option<&str>) -> bool {
    location.is_some_and(|to| {
        ["login", "commenceLogin", "oauth", "saml", "sso"].iter().any(|word| to.contains(word))
    })
}

/// What is handed over beside what the policy has `given`.
fn fields(event: &Event, given: Vec<(String, String)>) -> Vec<(String, String)> {
    let own = event.handed().into_iter().map(|(name, value)| (name.to_owned(), value));
    given.into_iter().chain(own).collect()
}
