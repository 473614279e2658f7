//! The `azure_devops` trigger: runs a pipeline of Azure DevOps. Must not take its sign-in page for a yes, which it serves
//! with a status of success, and must not run a pipeline twice.

mod place;

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Map, Value, json};
use url::Url;

use self::place::PlaceSpec;
use super::access::Text;
use super::answer::{link, number, reason, standing, text};
use super::values::{Values, Written};
use super::{ACTING, Effect, Order, Standing, Trigger, TriggerCx, TriggerKind, TriggerSpec};
use crate::api::remote::Hints;
use crate::api::{Allowance, Question, Remote};
use crate::event::OWN;
use crate::gate::outcome::ActionStatus;
use crate::host::http::Response;
use crate::host::tls::TlsOptions;
use crate::policy::exposure::Exposure;
use crate::policy::form::Form;
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::template::Scope;
use crate::policy::value::Value as Scalar;

/// The `azure_devops` trigger.
pub struct AzureDevOps;

const NAME: &str = "azure_devops";

/// The version of its API that is spoken.
const VERSION: (&str, &str) = ("api-version", "7.1");

/// Where a pipeline finds the token of its own run, once it maps it.
const OWN_TOKEN: &str = "SYSTEM_ACCESSTOKEN";

static FIELDS: &[Field] = &[
    Field::new("organization", Shape::Text, "the organization; default that of the gate's own pipeline"),
    Field::new("project", Shape::Text, "the project; default that of the gate's own pipeline"),
    Field::required("pipeline_id", Shape::of::<u32>(), "the pipeline's number, as its address has it"),
    Field::new("ref", Shape::Text, "the branch, or a ref like `refs/tags/v1`; default the pipeline's own"),
    Field::new("parameters", Shape::TextMap, "the pipeline's parameters"),
    Field::new("variables", Shape::TextMap, "further variables of the run"),
    Field::new(
        "token_ref",
        Shape::Text,
        "the secret that holds a personal access token which may execute builds; default the pipeline's own `SYSTEM_ACCESSTOKEN`",
    ),
    Field::new("base_url", Shape::Of(Form::WEB), "where Azure DevOps is").default(place::CLOUD),
];

/// What to do about a status.
const HINTS: Hints<'_> = &[
    (302, SIGN_IN),
    (401, "check `token_ref`: the token is wrong, expired, or of another organization"),
    (403, "the token needs the scope `Build (read & execute)`, and its user the right to queue builds"),
    (404, "check `organization`, `project` and `pipeline_id`, and whether the token may see them"),
];

const SIGN_IN: &str = "that is its sign-in page: the token is expired, revoked or wrong";

#[derive(Debug)]
struct Spec {
    place: PlaceSpec,
    id: Scalar<u32>,
    reference: Text,
    parameters: Written,
    variables: Written,
    token: Text,
}

impl TriggerKind for AzureDevOps {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "runs a pipeline of Azure DevOps"
    }

    fn example(&self) -> &'static str {
        "kind: azure_devops\norganization: acme\nproject: shop\npipeline_id: 42\nref: main\nparameters: {service: \"{{service_name}}\"}\ntoken_ref: azure-devops-token\n"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>> {
        let place = PlaceSpec::read(body, NAME);
        let id = body.value("pipeline_id");
        let (reference, token) = (Text::read(body, NAME, "ref"), Text::read(body, NAME, "token_ref"));
        let (parameters, variables) = (Written::texts(body, "parameters"), Written::texts(body, "variables"));
        if let Some(variables) = &variables {
            variables.keep_off_own(body.problems);
        }
        Some(Box::new(Spec {
            place: place?,
            id: id?,
            reference: reference?,
            parameters: parameters?,
            variables: variables?,
            token: token?,
        }))
    }
}

impl TriggerSpec for Spec {
    fn exposure(&self) -> Option<Exposure<'_>> {
        self.place.base.exposes(self.token.place())
    }

    fn told(&self, scope: &Scope) -> String {
        let id = self.id.settled(scope).map(|id| id.to_string()).unwrap_or_default();
        let branch = self.reference.told(scope, "");
        let branch = if branch.is_empty() { String::new() } else { format!(" on `{branch}`") };
        let token = self.token.told(scope, "");
        let token = if token.is_empty() {
            format!("the pipeline's own `{OWN_TOKEN}`")
        } else {
            format!("the token in the secret `{token}`")
        };
        format!(
            "runs pipeline {id} of {} in Azure DevOps{branch}, with {token}; confirmed by status 200",
            self.place.told(scope)
        )
    }

    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>> {
        let place = self.place.render(cx, problems);
        let mut noted = |problem: Problem| problems.push(problem);
        let id = self.id.render(cx.scope).map_err(&mut noted).ok();
        let reference = self.reference.written(cx).map_err(&mut noted).ok();
        let parameters = self.parameters.render(cx).map_err(&mut noted).ok();
        let variables = self.variables.render(cx).map_err(&mut noted).ok();
        // The pipeline's own token is for where the pipeline runs, and for no address that a policy names.
        let ambient: &[&str] = if self.place.base.is_written() { &[] } else { &[OWN_TOKEN] };
        let help = "name the secret that holds a personal access token, or, in Azure Pipelines, map the run's own: `env: {SYSTEM_ACCESSTOKEN: $(System.AccessToken)}`";
        let secret = self.token.secret(cx, ambient, help).map_err(&mut noted).ok();
        let (place, secret) = (place?, secret?);
        let remote = Remote::new("Azure DevOps", &place.base, &TlsOptions::default(), cx.host);
        let remote = remote.and_then(|mut remote| {
            if self.token.is_written() {
                remote.credential(AUTHORIZATION, "Basic ", &cx.vault.basic("", &secret))?;
            } else {
                remote.credential(AUTHORIZATION, "Bearer ", &secret)?;
            }
            Ok(remote)
        });
        let remote = remote.map_err(|problem| noted(self.token.fault(problem))).ok();
        Some(Box::new(Pipeline {
            remote: remote?,
            folders: place.folders,
            id: id?,
            reference: reference?.map(|reference| whole(&reference)),
            parameters: parameters?,
            variables: variables?,
        }))
    }
}

/// A ref in full.
fn whole(reference: &str) -> String {
    if reference.starts_with("refs/") { reference.to_owned() } else { format!("refs/heads/{reference}") }
}

/// A pipeline, ready to be run.
#[derive(Debug)]
struct Pipeline {
    remote: Remote,
    /// The organization, where the address does not have it already, and the project.
    folders: Vec<String>,
    id: u32,
    reference: Option<String>,
    parameters: Values,
    variables: Values,
}

impl Trigger for Pipeline {
    fn kind(&self) -> &'static str {
        NAME
    }

    fn target(&self) -> String {
        let mut url = self.address(&[]);
        url.set_query(None);
        url.into()
    }

    fn budget(&self) -> Duration {
        ACTING
    }

    fn preflight<'a>(&'a self, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.read(&[], allowance).await.map(drop).map_err(reason) })
    }

    fn preview<'a>(&'a self, allowance: &'a Allowance<'a>) -> Option<BoxFuture<'a, Result<String, String>>> {
        Some(Box::pin(self.tried(allowance)))
    }

    fn follow<'a>(
        &'a self,
        started: &'a Effect,
        allowance: &'a Allowance<'a>,
    ) -> Option<BoxFuture<'a, Result<Standing, String>>> {
        let run = started.handle.as_deref()?;
        Some(Box::pin(async move {
            let run = self.read(&["runs", run], allowance).await.map_err(reason)?;
            Ok(stands(&run, allowance))
        }))
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move { self.start(order).await.unwrap_or_else(|effect| effect) })
    }
}

impl Pipeline {
    /// The address of the pipeline and of what is `below` it.
    fn address(&self, below: &[&str]) -> Url {
        let id = self.id.to_string();
        let mut parts: Vec<&str> = self.folders.iter().map(String::as_str).collect();
        parts.extend(["_apis", "pipelines", &id]);
        parts.extend(below);
        let mut url = self.remote.url(&parts);
        url.query_pairs_mut().append_pair(VERSION.0, VERSION.1);
        url
    }

    async fn read(&self, below: &[&str], allowance: &Allowance<'_>) -> Result<Value, Effect> {
        let answer = self.remote.ask(&Question::get(self.address(below)), allowance).await?;
        self.document(&answer, allowance)
    }

    /// The JSON of an answer; a page is what who is not known gets.
    fn document(&self, answer: &Response, allowance: &Allowance<'_>) -> Result<Value, Effect> {
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let page = kind.starts_with("text/html") && (200..300).contains(&answer.status);
        if answer.status == 203 || page {
            let hints: Hints<'_> = &[(answer.status, SIGN_IN)];
            return Err(self.remote.refused(answer, hints, &allowance.host.output.redactor));
        }
        self.remote.json(answer, HINTS, &allowance.host.output.redactor)
    }

    /// What is asked for, with `own` variables beside the policy's.
    fn wanted(&self, own: &[(&str, String)], variables: Texts, parameters: Texts) -> Value {
        let own = own.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let variable = |(name, value)| (name, json!({ "value": value, "isSecret": false }));
        let variables: Map<String, Value> = variables.into_iter().chain(own).map(variable).collect();
        let parameters: Map<String, Value> =
            parameters.into_iter().map(|(name, value)| (name, value.into())).collect();
        let mut document = json!({ "templateParameters": parameters, "variables": variables });
        if let Some(reference) = &self.reference {
            document["resources"] = json!({ "repositories": { "self": { "refName": reference } } });
        }
        document
    }

    async fn start(&self, order: &Order<'_>) -> Result<Effect, Effect> {
        let failed = |why: String| Effect::because(ActionStatus::Failed, why);
        let variables = self.variables.texts(order.event).map_err(failed)?;
        let parameters = self.parameters.texts(order.event).map_err(failed)?;
        let ask = async |own: &[(&str, String)]| {
            let document = self.wanted(own, variables.clone(), parameters.clone());
            let question = Question::json(Method::POST, self.address(&["runs"]), &document);
            self.remote.ask(&question, &order.allowance).await
        };
        let mut answer = ask(&order.event.handed()).await?;
        let without = own_refused(&answer);
        if without {
            // 400 says that nothing was started.
            answer = ask(&[]).await?;
        }
        let run = self.document(&answer, &order.allowance)?;
        let handle = number(&run, "/id").map(|id| id.to_string());
        let effect = Effect::confirmed(answer.status).at(link(&run, "/_links/web/href"));
        Ok(Effect { handle, reason: without.then(|| WITHOUT.to_owned()), ..effect })
    }

    /// What Azure DevOps says to the run without starting it.
    async fn tried(&self, allowance: &Allowance<'_>) -> Result<String, String> {
        let ask = async |own: &[(&str, String)]| {
            let mut document = self.wanted(own, self.variables.before(), self.parameters.before());
            document["previewRun"] = true.into();
            let question = Question::json(Method::POST, self.address(&["preview"]), &document).harmless();
            self.remote.ask(&question, allowance).await.map_err(reason)
        };
        let mut answer = ask(&OWN.map(|name| (name, "preview".to_owned()))).await?;
        let without = own_refused(&answer);
        if without {
            answer = ask(&[]).await?;
        }
        let document = self.document(&answer, allowance).map_err(reason)?;
        if text(&document, "/finalYaml").is_none() {
            return Err(format!("{} gave no pipeline for it", self.remote.who()));
        }
        let told = format!("accepted by {}", self.remote.who());
        Ok(if without { format!("{told} {WITHOUT}") } else { told })
    }
}

/// Names and values.
type Texts = Vec<(String, String)>;

const WITHOUT: &str = "without the variables `ROLLGATE_…`, which the pipeline lets nobody set: make them settable at queue time, or hand over `{{rollback_of}}` in `parameters`";

/// Whether a run was refused for nothing but the variables that rollgate itself hands over.
fn own_refused(answer: &Response) -> bool {
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = text(&document, "/message").filter(|_| answer.status == 400).unwrap_or_default();
    let list = message.split_once("set the following variables (").and_then(|(_, rest)| rest.split_once(')'));
    list.is_some_and(|(names, _)| names.split(',').all(|name| OWN.contains(&name.trim())))
}

/// How a run stands.
fn stands(run: &Value, allowance: &Allowance<'_>) -> Standing {
    let redactor = &allowance.host.output.redactor;
    let state = text(run, "/state").unwrap_or("unknown");
    let url = link(run, "/_links/web/href");
    let told = match (state, text(run, "/result")) {
        ("completed", Some(result)) => standing(result, Some(result == "succeeded"), redactor),
        ("completed", None) => standing("completed without a result", Some(false), redactor),
        _ => standing(state, None, redactor),
    };
    Standing { url, ..told }
}

#[cfg(test)]
mod tests;
