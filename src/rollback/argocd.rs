//! The `argocd` trigger: takes an application back to an earlier entry of its history. Must not go one step further back,
//! or forth again, when it is asked twice: the entry is chosen once, and named.

mod history;

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Method;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use url::Url;

use self::history::Way;
use super::access::Text;
use super::answer::{reason, standing, text};
use super::{ACTING, Effect, Order, Standing, Trigger, TriggerCx, TriggerKind, TriggerSpec};
use crate::api::remote::Hints;
use crate::api::{Allowance, Question, Remote};
use crate::gate::outcome::ActionStatus;
use crate::host::http::Response;
use crate::host::tls::TlsOptions;
use crate::policy::exposure::Exposure;
use crate::policy::form::Form;
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::template::Scope;
use crate::policy::value::Value as Scalar;

/// The `argocd` trigger.
pub struct ArgoCd;

const NAME: &str = "argocd";

/// How long the application is looked at before it is taken back.
const LOOK: Duration = Duration::from_secs(5);

static FIELDS: &[Field] = &[
    Field::required("url", Shape::Of(Form::WEB), "where Argo CD is"),
    Field::new("application", Shape::Text, "the application; default `rollback_pipeline`"),
    Field::new("app_namespace", Shape::Text, "its namespace, where it is not Argo CD's own"),
    Field::new(
        "history_id",
        Shape::of::<u32>(),
        "the entry of its history to go back to; default the last one that deployed something else than the current",
    ),
    Field::new("prune", Shape::Flag, "whether what the earlier deployment did not have is deleted")
        .default("false"),
    Field::required(
        "token_ref",
        Shape::Text,
        "the secret that holds a token which may `sync` the application",
    ),
];

/// What to do about a status.
const HINTS: Hints<'_> = &[
    (401, "check `token_ref`: the token is wrong, expired or of an account that is disabled"),
    (
        403,
        "the token may not do this, or there is no such application: check `application` and the account's policy",
    ),
    (404, "check `url` and `application`"),
];

#[derive(Debug)]
struct Spec {
    url: Text,
    application: Text,
    namespace: Text,
    history_id: Option<Scalar<u32>>,
    prune: Option<Scalar<bool>>,
    token: Text,
}

impl TriggerKind for ArgoCd {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "takes an application of Argo CD back to an earlier entry of its history"
    }

    fn example(&self) -> &'static str {
        "kind: argocd\nurl: \"https://argocd.example.com\"\napplication: checkout\ntoken_ref: argocd-token\n"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn deploys(&self) -> bool {
        false
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>> {
        let url = Text::read_address(body, NAME, "url");
        let application = Text::read(body, NAME, "application");
        let namespace = Text::read(body, NAME, "app_namespace");
        let token = Text::read(body, NAME, "token_ref");
        let (history_id, prune) = (body.value("history_id"), body.value("prune"));
        let whole = history_id.is_some() == body.has("history_id") && prune.is_some() == body.has("prune");
        whole.then_some(())?;
        Some(Box::new(Spec {
            url: url?,
            application: application?,
            namespace: namespace?,
            history_id,
            prune,
            token: token?,
        }))
    }
}

impl TriggerSpec for Spec {
    fn exposure(&self) -> Option<Exposure<'_>> {
        self.url.exposes(self.token.place())
    }

    fn told(&self, scope: &Scope) -> String {
        let to = match self.history_id.as_ref().and_then(|id| id.settled(scope).ok()) {
            Some(id) => format!("history id {id}"),
            None => "what was deployed before".to_owned(),
        };
        format!(
            "takes the application `{}` in Argo CD at {} back to {to}, with the token in the secret `{}`; confirmed by status 200",
            self.application.told(scope, "rollback_pipeline"),
            self.url.told(scope, ""),
            self.token.told(scope, ""),
        )
    }

    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>> {
        let mut noted = |problem: Problem| problems.push(problem);
        let url = self.url.address(cx, None, "write where Argo CD is").map_err(&mut noted).ok();
        let help = "write the application's name, or name it by `rollback_pipeline`";
        let application = self.application.render(cx, cx.pipeline, help).map_err(&mut noted).ok();
        let namespace = self.namespace.written(cx).map_err(&mut noted).ok();
        let wanted = self.history_id.as_ref().map(|id| id.render(cx.scope)).transpose();
        let wanted = wanted.map_err(&mut noted).ok();
        let prune = self.prune.as_ref().map(|prune| prune.render(cx.scope)).transpose();
        let prune = prune.map_err(&mut noted).ok();
        let token = self.token.secret(cx, &[], "name the secret that holds a token");
        let token = token.map_err(&mut noted).ok();
        let (url, token) = (url?, token?);
        let remote = Remote::new("Argo CD", &url, &TlsOptions::default(), cx.host);
        let remote = remote.and_then(|mut remote| {
            remote.credential(AUTHORIZATION, "Bearer ", &token)?;
            Ok(remote)
        });
        let remote = remote.map_err(|problem| noted(self.token.fault(problem))).ok();
        Some(Box::new(Application {
            remote: remote?,
            base: url,
            name: application?,
            namespace: namespace?,
            wanted: wanted?.map(u64::from),
            prune: prune?.unwrap_or(false),
            way: OnceLock::new(),
        }))
    }
}

/// An application, ready to be taken back.
#[derive(Debug)]
struct Application {
    remote: Remote,
    base: Url,
    name: String,
    namespace: Option<String>,
    wanted: Option<u64>,
    prune: bool,
    /// As it was chosen before anything was measured.
    way: OnceLock<Way>,
}

impl Trigger for Application {
    fn kind(&self) -> &'static str {
        NAME
    }

    fn target(&self) -> String {
        format!("{} at {}", self.qualified(), self.base.origin().ascii_serialization())
    }

    fn budget(&self) -> Duration {
        ACTING
    }

    /// The entry to go back to is named, and one that was left by a rollback is not gone back to.
    fn honours_id(&self) -> bool {
        true
    }

    fn preflight<'a>(&'a self, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let application = self.read(allowance).await.map_err(reason)?;
            let way = self.way(&application)?;
            // Whoever looked first has chosen.
            let _ = self.way.set(way);
            Ok(())
        })
    }

    fn follow<'a>(
        &'a self,
        started: &'a Effect,
        allowance: &'a Allowance<'a>,
    ) -> Option<BoxFuture<'a, Result<Standing, String>>> {
        let before = started.handle.as_deref()?;
        Some(Box::pin(async move {
            let application = self.read(allowance).await.map_err(reason)?;
            Ok(stands(&application, before, allowance))
        }))
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            match self.take_back(&order.allowance).await {
                Ok(effect) | Err(effect) => effect,
            }
        })
    }
}

impl Application {
    /// The name as Argo CD's own tools write it.
    fn qualified(&self) -> String {
        self.namespace.as_ref().map_or_else(|| self.name.clone(), |space| format!("{space}/{}", self.name))
    }

    async fn read(&self, allowance: &Allowance<'_>) -> Result<Value, Effect> {
        let mut url = self.remote.url(&["api", "v1", "applications", &self.name]);
        if let Some(namespace) = &self.namespace {
            url.query_pairs_mut().append_pair("appNamespace", namespace);
        }
        let answer = self.remote.ask(&Question::get(url), allowance).await?;
        self.remote.json(&answer, HINTS, &allowance.host.output.redactor)
    }

    /// The way back, where Argo CD would go it.
    fn way(&self, application: &Value) -> Result<Way, String> {
        if history::automated(application) {
            return Err(format!("`{}` is synced automatically; {}", self.qualified(), self.by_hand()));
        }
        if text(application, "/metadata/deletionTimestamp").is_some() {
            return Err(format!("`{}` is being deleted", self.qualified()));
        }
        history::way(application, self.wanted).map_err(|why| format!("`{}`: {why}", self.qualified()))
    }

    fn by_hand(&self) -> String {
        format!(
            "Argo CD rolls nothing back then: turn it off by `argocd app set {} --sync-policy none`, or take the deployment back in Git, by a trigger that starts a pipeline for it",
            self.qualified()
        )
    }

    /// The way as it was chosen, if nothing else was deployed since; `Ok(None)` where it was gone already.
    async fn chosen(&self, allowance: &Allowance<'_>) -> Result<Option<Way>, Effect> {
        let failed = |why: String| Effect::because(ActionStatus::Failed, why);
        let beside = allowance.beside();
        let looked = allowance.within(LOOK, self.read(&beside)).await;
        let application = match (looked, self.way.get()) {
            (Some(Ok(application)), _) => application,
            (_, Some(way)) => return Ok(Some(way.clone())),
            (Some(Err(effect)), None) => return Err(effect),
            (None, None) => {
                return Err(failed(format!("{} did not tell the application's history", self.remote.who())));
            }
        };
        let Some(way) = self.way.get() else { return self.way(&application).map(Some).map_err(failed) };
        match history::current(&application) {
            Some(current) if current.same(&way.to) && current.id > way.from.id => Ok(None),
            Some(current) if !current.same(&way.from) => Err(failed(format!(
                "`{}` was deployed anew since the gate began, as history id {} after {}: that was not judged and is not taken back",
                self.qualified(),
                current.id,
                way.from.id
            ))),
            _ if history::automated(&application) => self.way(&application).map(Some).map_err(failed),
            _ => Ok(Some(way.clone())),
        }
    }

    async fn take_back(&self, allowance: &Allowance<'_>) -> Result<Effect, Effect> {
        let Some(way) = self.chosen(allowance).await? else {
            let told = "it was taken back already since the gate began: nothing was asked";
            return Ok(Effect::because(ActionStatus::Confirmed, told).at(Some(self.page())));
        };
        let mut document = json!({
            "name": self.name,
            "id": way.to.id,
            "prune": self.prune,
            "dryRun": false,
        });
        if let Some(namespace) = &self.namespace {
            document["appNamespace"] = namespace.clone().into();
        }
        let url = self.remote.url(&["api", "v1", "applications", &self.name, "rollback"]);
        let answer = self.remote.ask(&Question::json(Method::POST, url, &document), allowance).await?;
        let application = self.taken(&answer, allowance)?;
        let handle = Some(history::operation(&application).to_owned());
        let told = format!("taken back from history id {} to {}", way.from.id, way.to.id);
        Ok(Effect { handle, reason: Some(told), ..Effect::confirmed(answer.status).at(Some(self.page())) })
    }

    fn taken(&self, answer: &Response, allowance: &Allowance<'_>) -> Result<Value, Effect> {
        let redactor = &allowance.host.output.redactor;
        let refused = String::from_utf8_lossy(&answer.body).contains("auto-sync is enabled");
        if answer.status == 400 && refused {
            return Err(self.remote.refused(answer, &[(400, &self.by_hand())], redactor));
        }
        let busy = String::from_utf8_lossy(&answer.body).contains("another operation is already in progress");
        if answer.status == 400 && busy {
            let hint = "a sync is running: wait for it, or end it by `argocd app terminate-op`";
            return Err(self.remote.refused(answer, &[(400, hint)], redactor));
        }
        self.remote.json(answer, HINTS, redactor)
    }

    /// Where people follow it.
    fn page(&self) -> String {
        let namespace = self.namespace.as_deref();
        let parts: Vec<&str> = ["applications"].into_iter().chain(namespace).chain([&*self.name]).collect();
        self.remote.url(&parts).into()
    }
}

/// How an application stands whose last operation before the rollback began at `before`.
fn stands(application: &Value, before: &str, allowance: &Allowance<'_>) -> Standing {
    let redactor = &allowance.host.output.redactor;
    let waits = application.get("operation").is_some_and(|operation| !operation.is_null());
    if waits || history::operation(application) == before {
        return standing("waits to begin", None, redactor);
    }
    let phase = text(application, "/status/operationState/phase").unwrap_or("Unknown");
    let health = text(application, "/status/health/status").unwrap_or("Unknown");
    let said = text(application, "/status/operationState/message").unwrap_or_default();
    match (phase, health) {
        ("Succeeded", "Healthy") => standing("Succeeded, Healthy", Some(true), redactor),
        // The version that is gone may have left it unwell: that passes, or the time for following does.
        ("Succeeded", health) => standing(&format!("Succeeded, {health}"), None, redactor),
        ("Failed" | "Error", _) => standing(&format!("{phase}: {said}"), Some(false), redactor),
        _ => standing(phase, None, redactor),
    }
}

#[cfg(test)]
mod tests;
