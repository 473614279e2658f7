//! The `circleci` trigger: starts a pipeline of CircleCI. Must not hand over a parameter that the policy does not name:
//! CircleCI refuses what a pipeline does not declare.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderName, Method};
use serde_json::{Map, Value, json};

use super::access::Text;
use super::answer::{number, reason, standing, text};
use super::values::{Values, Written};
use super::{ACTING, Effect, Order, Standing, Trigger, TriggerCx, TriggerKind, TriggerSpec};
use crate::api::remote::Hints;
use crate::api::said::said;
use crate::api::words::{WORDS, line};
use crate::api::{Allowance, Question, Remote};
use crate::gate::outcome::ActionStatus;
use crate::host::tls::TlsOptions;
use crate::policy::exposure::Exposure;
use crate::policy::form::Form;
use crate::policy::node::shorten;
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Rule, Shape};
use crate::policy::template::Scope;

/// The `circleci` trigger.
pub struct CircleCi;

const NAME: &str = "circleci";

/// Where its API is.
const API: &str = "https://circleci.com/api/v2";

/// Where people look at pipelines.
const APP: &str = "https://app.circleci.com/pipelines";

static FIELDS: &[Field] = &[
    Field::required("project_slug", Shape::Text, "the project as CircleCI names it, like `gh/acme/shop`"),
    Field::new(
        "definition_id",
        Shape::Text,
        "the pipeline's definition; default the project's only one, where it has no GitHub App",
    ),
    Field::new("branch", Shape::Text, "the branch; default the project's own"),
    Field::new("tag", Shape::Text, "the tag, instead of a branch"),
    Field::new(
        "parameters",
        Shape::AnyMap,
        "the pipeline's parameters, each as declared: texts, numbers, flags",
    ),
    Field::required("token_ref", Shape::Text, "the secret that holds a personal API token"),
    Field::new("api_url", Shape::Of(Form::WEB), "where the API is").default(API),
];

static RULES: &[Rule] = &[Rule::Single(&["branch", "tag"])];

/// What to do about a status.
const HINTS: Hints<'_> = &[
    (400, "check `parameters`, which the pipeline must declare with these types, and `branch` or `tag`"),
    (401, "check `token_ref`: the API takes personal tokens, and no tokens of a project"),
    (403, "the token's user may not start pipelines of this project"),
    (404, "check `project_slug` and `definition_id`, and whether the token's user may see the project"),
];

#[derive(Debug)]
struct Spec {
    project: Text,
    definition: Text,
    branch: Text,
    tag: Text,
    parameters: Written,
    token: Text,
    api: Text,
}

impl TriggerKind for CircleCi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "starts a pipeline of CircleCI"
    }

    fn example(&self) -> &'static str {
        "kind: circleci\nproject_slug: gh/acme/shop\nbranch: main\nparameters: {rollback: true, of: \"{{rollback_of}}\"}\ntoken_ref: circleci-token\n"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn rules(&self) -> &'static [Rule] {
        RULES
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>> {
        let mut read = |key| Text::read(body, NAME, key);
        let (project, definition) = (read("project_slug"), read("definition_id"));
        let (branch, tag, token) = (read("branch"), read("tag"), read("token_ref"));
        let parameters = Written::json(body, "parameters");
        let api = Text::read_address(body, NAME, "api_url");
        if body.has("branch") && body.has("tag") {
            body.fault(body.key_place("tag"), "expected `branch` or `tag`, found both");
            return None;
        }
        Some(Box::new(Spec {
            project: project?,
            definition: definition?,
            branch: branch?,
            tag: tag?,
            parameters: parameters?,
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
        let (branch, tag) = (self.branch.told(scope, ""), self.tag.told(scope, ""));
        let at = match (branch.is_empty(), tag.is_empty()) {
            (false, _) => format!(" on branch `{branch}`"),
            (true, false) => format!(" at tag `{tag}`"),
            (true, true) => String::new(),
        };
        format!(
            "starts a pipeline of `{}` in CircleCI{at}, with the token in the secret `{}`; confirmed by status 201",
            self.project.told(scope, ""),
            self.token.told(scope, ""),
        )
    }

    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>> {
        let mut noted = |problem: Problem| problems.push(problem);
        let project = self.project.render(cx, None, "write the project's slug, like `gh/acme/shop`");
        let project = project.and_then(|slug| self.parts(&slug)).map_err(&mut noted).ok();
        let definition = self.definition.written(cx).map_err(&mut noted).ok();
        let branch = self.branch.written(cx).map_err(&mut noted).ok();
        let tag = self.tag.written(cx).map_err(&mut noted).ok();
        let parameters = self.parameters.render(cx).map_err(&mut noted).ok();
        let token = self.token.secret(cx, &[], "name the secret that holds a personal API token");
        let token = token.map_err(&mut noted).ok();
        let api = self.api.address(cx, Some(API), "").map_err(&mut noted).ok();
        let (token, api) = (token?, api?);
        let remote = Remote::new("CircleCI", &api, &TlsOptions::default(), cx.host);
        let remote = remote.and_then(|mut remote| {
            remote.credential(HeaderName::from_static("circle-token"), "", &token)?;
            Ok(remote)
        });
        let remote = remote.map_err(|problem| noted(self.token.fault(problem))).ok();
        let reference = match (branch?, tag?) {
            (Some(branch), _) => Some(("branch", branch)),
            (None, tag) => tag.map(|tag| ("tag", tag)),
        };
        Some(Box::new(Pipeline {
            remote: remote?,
            project: project?,
            definition: definition?,
            reference,
            parameters: parameters?,
            cloud: !self.api.is_written(),
        }))
    }
}

impl Spec {
    /// The provider, the organization and the project of a slug.
    fn parts(&self, slug: &str) -> Result<[String; 3], Problem> {
        let parts: Vec<&str> = slug.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            [provider, organization, project]
                if parts.iter().all(|part| !matches!(*part, "" | "." | "..")) =>
            {
                Ok([provider, organization, project].map(|part| (*part).to_owned()))
            }
            // What stands in for a slug where nothing is sent.
            [single] if single.starts_with('<') => Ok(["<vcs>", "<organization>", single].map(str::to_owned)),
            _ => {
                let message = format!("expected a slug like `gh/acme/shop`, found `{}`", shorten(slug));
                let help = "the project's settings show it; a project of a GitHub App has one like `circleci/ORGANIZATION/PROJECT`";
                Err(self.project.fault(message).help(help))
            }
        }
    }
}

/// A project, ready for a pipeline.
#[derive(Debug)]
struct Pipeline {
    remote: Remote,
    project: [String; 3],
    definition: Option<String>,
    /// `branch` or `tag`, and which.
    reference: Option<(&'static str, String)>,
    parameters: Values,
    /// Whether people look at it where everybody does.
    cloud: bool,
}

impl Trigger for Pipeline {
    fn kind(&self) -> &'static str {
        NAME
    }

    fn target(&self) -> String {
        let project = self.project.join("/");
        self.definition.as_ref().map_or_else(|| project.clone(), |id| format!("{project} ({id})"))
    }

    fn budget(&self) -> Duration {
        ACTING
    }

    fn preflight<'a>(&'a self, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.read(&self.below(&[]), allowance).await.map(drop).map_err(reason) })
    }

    fn follow<'a>(
        &'a self,
        started: &'a Effect,
        allowance: &'a Allowance<'a>,
    ) -> Option<BoxFuture<'a, Result<Standing, String>>> {
        let pipeline = started.handle.as_deref()?;
        Some(Box::pin(async move { self.stands(pipeline, allowance).await.map_err(reason) }))
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move { self.start(order).await.unwrap_or_else(|effect| effect) })
    }
}

impl Pipeline {
    /// The parts of the address of the project and of what is `below` it.
    fn below<'p>(&'p self, below: &[&'p str]) -> Vec<&'p str> {
        ["project"]
            .into_iter()
            .chain(self.project.iter().map(String::as_str))
            .chain(below.iter().copied())
            .collect()
    }

    async fn read(&self, parts: &[&str], allowance: &Allowance<'_>) -> Result<Value, Effect> {
        let answer = self.remote.ask(&Question::get(self.remote.url(parts)), allowance).await?;
        self.remote.json(&answer, HINTS, &allowance.host.output.redactor)
    }

    async fn start(&self, order: &Order<'_>) -> Result<Effect, Effect> {
        let redactor = &order.allowance.host.output.redactor;
        let parameters = self.parameters.json(order.event);
        let parameters = parameters.map_err(|why| Effect::because(ActionStatus::Failed, why))?;
        let (below, document) = self.wanted(parameters);
        let question = Question::json(Method::POST, self.remote.url(&self.below(below)), &document);
        let answer = self.remote.ask(&question, &order.allowance).await?;
        let pipeline = self.remote.json(&answer, HINTS, redactor)?;
        let Some(id) = text(&pipeline, "/id") else {
            // 200 tells why there is no pipeline, such as a filter that leaves none.
            let why = said(&answer.body).map(|words| format!(": `{}`", line(&words, WORDS, redactor)));
            let told = format!("{} started nothing{}", self.remote.who(), why.unwrap_or_default());
            return Err(Effect {
                http_status: Some(answer.status),
                ..Effect::because(ActionStatus::Failed, told)
            });
        };
        let number = number(&pipeline, "/number").filter(|_| self.cloud);
        let page = number.map(|number| format!("{APP}/{}/{number}", self.project.join("/")));
        Ok(Effect { handle: Some(id.to_owned()), ..Effect::confirmed(answer.status).at(page) })
    }

    /// What is asked for, and where.
    fn wanted(&self, parameters: Map<String, Value>) -> (&'static [&'static str], Value) {
        let reference = self.reference.as_ref();
        let reference = reference.map(|(key, name)| ((*key).to_owned(), Value::from(name.as_str())));
        let reference: Map<String, Value> = reference.into_iter().collect();
        let Some(definition) = &self.definition else {
            let mut document = reference;
            document.insert("parameters".to_owned(), parameters.into());
            return (&["pipeline"], document.into());
        };
        let mut document = json!({ "definition_id": definition, "parameters": parameters });
        if !reference.is_empty() {
            document["config"] = reference.clone().into();
            document["checkout"] = reference.into();
        }
        (&["pipeline", "run"], document)
    }

    async fn stands(&self, pipeline: &str, allowance: &Allowance<'_>) -> Result<Standing, Effect> {
        let redactor = &allowance.host.output.redactor;
        let document = self.read(&["pipeline", pipeline, "workflow"], allowance).await?;
        let workflows = document.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        if !workflows.is_empty() {
            let (words, ended) = together(&workflows);
            return Ok(standing(&words, ended, redactor));
        }
        // Without a workflow it is being set up, or it cannot be.
        let document = self.read(&["pipeline", pipeline], allowance).await?;
        let state = text(&document, "/state").unwrap_or("unknown");
        if state != "errored" {
            return Ok(standing(state, None, redactor));
        }
        let why = text(&document, "/errors/0/message").unwrap_or("no reason is given");
        Ok(standing(&format!("errored: {why}"), Some(false), redactor))
    }
}

/// How the workflows of a pipeline stand together. One that was run again stands by its last run.
fn together(workflows: &[Value]) -> (String, Option<bool>) {
    let mut last: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for workflow in workflows {
        let name = text(workflow, "/name").unwrap_or_default();
        let run = (
            text(workflow, "/created_at").unwrap_or_default(),
            text(workflow, "/status").unwrap_or("unknown"),
        );
        let known = last.entry(name).or_insert(run);
        // Times of one length and zone compare as texts.
        *known = run.max(*known);
    }
    let any = |wanted: &[&str]| last.iter().find(|(_, (_, status))| wanted.contains(status));
    let said = |(name, (_, status)): (&&str, &(&str, &str))| format!("workflow `{name}` is {status}");
    if let Some(found) = any(&["failed", "error", "canceled", "unauthorized"]) {
        return (said(found), Some(false));
    }
    if let Some((name, _)) = any(&["on_hold"]) {
        return (format!("workflow `{name}` is on hold: a person must approve it"), None);
    }
    let open = last.iter().find(|(_, (_, status))| !matches!(*status, "success" | "not_run"));
    match (open, any(&["success"])) {
        (Some(open), _) => (said(open), None),
        (None, Some(_)) => ("success".to_owned(), Some(true)),
        (None, None) => ("no workflow was run".to_owned(), Some(false)),
    }
}

#[cfg(test)]
mod tests;
