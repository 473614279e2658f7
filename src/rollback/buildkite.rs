//! The `buildkite` trigger: creates a build of a pipeline and tells where it runs. Must not create one twice, and must
//! not call a build that waits for a person ended.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Method;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value, json};

use super::access::Text;
use super::answer::{link, number, reason, standing, text};
use super::values::{Values, Written};
use super::{ACTING, Effect, Order, Standing, Trigger, TriggerCx, TriggerKind, TriggerSpec};
use crate::api::remote::Hints;
use crate::api::{Allowance, Question, Remote};
use crate::event::Event;
use crate::gate::outcome::ActionStatus;
use crate::host::tls::TlsOptions;
use crate::policy::exposure::Exposure;
use crate::policy::form::Form;
use crate::policy::node::shorten;
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::template::Scope;

/// The `buildkite` trigger.
pub struct Buildkite;

const NAME: &str = "buildkite";

/// Where its API is.
const API: &str = "https://api.buildkite.com/v2";

/// The key under which a build keeps the once-only id.
const ID: &str = "rollgate_id";

static FIELDS: &[Field] = &[
    Field::new("organization", Shape::Text, "the organization's slug; default that of the gate's own build"),
    Field::new("pipeline", Shape::Text, "the pipeline's slug; default `rollback_pipeline`"),
    Field::new("branch", Shape::Text, "the branch").default("main"),
    Field::new("commit", Shape::Text, "the commit").default("HEAD"),
    Field::new("message", Shape::Text, "the build's message; default one that says what is rolled back"),
    Field::new("env", Shape::TextMap, "further variables of the build"),
    Field::new("meta_data", Shape::TextMap, "what the build keeps beside them"),
    Field::required("token_ref", Shape::Text, "the secret that holds an API token with `write_builds`"),
    Field::new("api_url", Shape::Of(Form::WEB), "where the API is").default(API),
];

/// What to do about a status.
const HINTS: Hints<'_> = &[
    (401, "check `token_ref`: the token is wrong, expired or revoked"),
    (403, "the token needs the scope `write_builds`, and access to the organization"),
    (404, "check `organization` and `pipeline`, which are slugs, and whether the token may see them"),
    (422, "check `branch`, `commit` and whether the pipeline builds that branch"),
];

#[derive(Debug)]
struct Spec {
    organization: Text,
    pipeline: Text,
    branch: Text,
    commit: Text,
    message: Text,
    env: Written,
    meta_data: Written,
    token: Text,
    api: Text,
}

impl TriggerKind for Buildkite {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "creates a build of a Buildkite pipeline"
    }

    fn example(&self) -> &'static str {
        "kind: buildkite\norganization: acme\npipeline: rollback-checkout\ntoken_ref: buildkite-token\n"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>> {
        let mut read = |key| Text::read(body, NAME, key);
        let (organization, pipeline) = (read("organization"), read("pipeline"));
        let (branch, commit, message) = (read("branch"), read("commit"), read("message"));
        let token = read("token_ref");
        let (env, meta_data) = (Written::texts(body, "env"), Written::texts(body, "meta_data"));
        if let Some(env) = &env {
            env.keep_off_own(body.problems);
        }
        let api = Text::read_address(body, NAME, "api_url");
        Some(Box::new(Spec {
            organization: organization?,
            pipeline: pipeline?,
            branch: branch?,
            commit: commit?,
            message: message?,
            env: env?,
            meta_data: meta_data?,
            token: token?,
            api: api?,
        }))
    }
}

impl TriggerSpec for Spec {
    fn exposure(&self) -> Option<Exposure<'_>> {
        self.api.exposes(self.token.place())
    }

    fn told(&self, scope: &Scope) -> String {
        format!(
            "creates a build of `{}/{}` in Buildkite on branch `{}`, with the token in the secret `{}`; confirmed by status 201",
            self.organization.told(scope, "the gate's own organization"),
            self.pipeline.told(scope, "rollback_pipeline"),
            self.branch.told(scope, "main"),
            self.token.told(scope, ""),
        )
    }

    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>> {
        let mut noted = |problem: Problem| problems.push(problem);
        let own = cx.host.env.get("BUILDKITE_ORGANIZATION_SLUG");
        let organization =
            self.organization.render(cx, own, "write the organization's slug, as it stands in its address");
        let organization = organization.map_err(&mut noted).ok();
        let help = "write the pipeline's slug, or name it by `rollback_pipeline`";
        let pipeline = self.pipeline.render(cx, cx.pipeline, help).map_err(&mut noted).ok();
        let branch = self.branch.render(cx, Some("main"), "").map_err(&mut noted).ok();
        let commit = self.commit.render(cx, Some("HEAD"), "").map_err(&mut noted).ok();
        let message = self.message.written(cx).map_err(&mut noted).ok();
        let env = self.env.render(cx).map_err(&mut noted).ok();
        let meta_data = self.meta_data.render(cx).map_err(&mut noted).ok();
        let token = self.token.secret(cx, &[], "name the secret that holds an API token");
        let token = token.map_err(&mut noted).ok();
        let api = self.api.address(cx, Some(API), "").map_err(&mut noted).ok();
        let (token, api) = (token?, api?);
        let remote = Remote::new("Buildkite", &api, &TlsOptions::default(), cx.host);
        let remote = remote.and_then(|mut remote| {
            remote.credential(AUTHORIZATION, "Bearer ", &token)?;
            Ok(remote)
        });
        let remote = remote.map_err(|problem| noted(self.token.fault(problem))).ok();
        Some(Box::new(Pipeline {
            remote: remote?,
            organization: organization?,
            pipeline: pipeline?,
            branch: branch?,
            commit: commit?,
            message: message?,
            env: env?,
            meta_data: meta_data?,
        }))
    }
}

/// A pipeline, ready to be built.
#[derive(Debug)]
struct Pipeline {
    remote: Remote,
    organization: String,
    pipeline: String,
    branch: String,
    commit: String,
    message: Option<String>,
    env: Values,
    meta_data: Values,
}

impl Trigger for Pipeline {
    fn kind(&self) -> &'static str {
        NAME
    }

    fn target(&self) -> String {
        format!("{}/{}", self.organization, self.pipeline)
    }

    fn budget(&self) -> Duration {
        ACTING
    }

    fn preflight<'a>(&'a self, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.look(allowance).await.map_err(reason) })
    }

    fn follow<'a>(
        &'a self,
        started: &'a Effect,
        allowance: &'a Allowance<'a>,
    ) -> Option<BoxFuture<'a, Result<Standing, String>>> {
        let build = started.handle.as_deref()?;
        Some(Box::pin(async move { self.stands(build, allowance).await.map_err(reason) }))
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            match self.create(order).await {
                Ok(effect) | Err(effect) => effect,
            }
        })
    }
}

impl Pipeline {
    /// The parts of the address of this pipeline and of what is `below` it.
    fn below<'p>(&'p self, below: &[&'p str]) -> Vec<&'p str> {
        [&["organizations", &self.organization, "pipelines", &self.pipeline], below].concat()
    }

    async fn read(&self, parts: &[&str], allowance: &Allowance<'_>) -> Result<Value, Effect> {
        let answer = self.remote.ask(&Question::get(self.remote.url(parts)), allowance).await?;
        self.remote.json(&answer, HINTS, &allowance.host.output.redactor)
    }

    async fn look(&self, allowance: &Allowance<'_>) -> Result<(), Effect> {
        let token = self.read(&["access-token"], allowance).await?;
        let scopes = token.pointer("/scopes").and_then(Value::as_array);
        let may = |scope: &str| scopes.is_none_or(|all| all.iter().any(|known| known == scope));
        if !may("write_builds") {
            let told = "the token may not create builds; give it the scope `write_builds`";
            return Err(Effect::because(ActionStatus::Failed, told));
        }
        // Without this scope nothing can be said of the pipeline, and building it needs none.
        if may("read_pipelines") {
            let pipeline = self.read(&self.below(&[]), allowance).await?;
            if text(&pipeline, "/archived_at").is_some() {
                let told =
                    format!("the pipeline `{}` is archived and takes no builds; unarchive it", self.target());
                return Err(Effect::because(ActionStatus::Failed, told));
            }
        }
        Ok(())
    }

    async fn create(&self, order: &Order<'_>) -> Result<Effect, Effect> {
        let failed = |why: String| Effect::because(ActionStatus::Failed, why);
        let document = self.document(order.event).map_err(failed)?;
        let url = self.remote.url(&self.below(&["builds"]));
        let question = Question::json(Method::POST, url, &document);
        let answer = self.remote.ask(&question, &order.allowance).await?;
        let build = self.remote.json(&answer, HINTS, &order.allowance.host.output.redactor)?;
        let handle = number(&build, "/number").map(|number| number.to_string());
        Ok(Effect { handle, ..Effect::confirmed(answer.status).at(link(&build, "/web_url")) })
    }

    fn document(&self, event: &Event) -> Result<Value, String> {
        let mut env: Map<String, Value> =
            event.handed().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let text = |(name, value): (String, String)| (name, Value::from(value));
        env.extend(self.env.texts(event)?.into_iter().map(text));
        let mut meta_data = Map::from_iter([(ID.to_owned(), Value::from(event.id.clone()))]);
        meta_data.extend(self.meta_data.texts(event)?.into_iter().map(text));
        let message = self.message.clone().unwrap_or_else(|| shorten(&event.title()));
        Ok(json!({
            "commit": self.commit,
            "branch": self.branch,
            "message": message,
            "env": env,
            "meta_data": meta_data,
        }))
    }

    async fn stands(&self, build: &str, allowance: &Allowance<'_>) -> Result<Standing, Effect> {
        let build = self.read(&self.below(&["builds", build]), allowance).await?;
        let state = text(&build, "/state").unwrap_or("unknown");
        let redactor = &allowance.host.output.redactor;
        // A build that waits for a person is `passed` so far in older answers.
        if state == "blocked" || build.pointer("/blocked") == Some(&Value::Bool(true)) {
            return Ok(standing("blocked: a person must unblock it", None, redactor));
        }
        let ended = match state {
            "passed" => Some(true),
            "failed" | "canceled" | "skipped" | "not_run" => Some(false),
            _ => None,
        };
        Ok(standing(state, ended, redactor))
    }
}

#[cfg(test)]
mod tests;
