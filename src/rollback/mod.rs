//! From a verdict to a pipeline: how a rollback is started, one file per trigger. Must not decide or change a
//! verdict: what goes wrong here is data in the report and exit 21.
//!
//! To add a trigger: a file here and one entry in [`TRIGGERS`].

mod access;
pub mod act;
mod answer;
pub mod argocd;
pub mod azure_devops;
pub mod buildkite;
pub mod circleci;
pub mod command;
mod expect;
mod github;
pub mod github_dispatch;
pub mod github_workflow;
pub mod gitlab;
pub mod guards;
pub mod jenkins;
pub mod ledger;
mod order;
mod state;
mod values;
mod verb;
#[cfg(test)]
pub(crate) mod testing;
pub mod webhook;

use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub use self::order::Order;
use crate::api::{Allowance, Effect};
use crate::host::Host;
use crate::host::vault::Vault;
use crate::policy::exposure::Exposure;
use crate::policy::node::{Data, Node};
use crate::policy::problem::{Place, Problem, Problems, did_you_mean, listed};
use crate::policy::reader::{Field, Reader, Rule, Shape};
use crate::policy::template::Scope;

/// The acting phase ends after this, whatever is still in flight.
pub const ACTING: Duration = Duration::from_secs(120);

/// A kind of trigger: reads its part of the policy.
pub trait TriggerKind: Sync {
    /// The word of `kind:`, and the file's name.
    fn name(&self) -> &'static str;

    /// What it does, in one sentence.
    fn summary(&self) -> &'static str;

    /// A trigger of this kind as YAML, for docs and tests.
    fn example(&self) -> &'static str;

    /// Its fields beside `kind`.
    fn fields(&self) -> &'static [Field];

    /// How they go together.
    fn rules(&self) -> &'static [Rule] {
        &[]
    }

    /// Whether it can start a deployment, too; one that only ever goes back cannot.
    fn deploys(&self) -> bool {
        true
    }

    /// Reads one trigger. `None` after reporting why.
    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>>;
}

/// A trigger as it was read: its fields are templates and values to come.
pub trait TriggerSpec: Debug + Send + Sync {
    /// What it sends that only its receiver may read, and where to.
    fn exposure(&self) -> Option<Exposure<'_>> {
        None
    }

    /// What it does in words, as far as `scope` goes: `POST https://…, signed with …`. For people, before a run.
    fn told(&self, scope: &Scope) -> String {
        let _ = scope;
        String::new()
    }

    /// The trigger as it will be fired. `None` after reporting why.
    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>>;
}

/// What rendering may use.
pub struct TriggerCx<'a> {
    /// The variables.
    pub scope: &'a Scope,
    /// Finds and registers secrets.
    pub vault: &'a Vault,
    /// The rendered `rollback_pipeline`, the default name of what is to be started.
    pub pipeline: Option<&'a str>,
    /// Builds clients and knows the pipeline's environment, for credentials that are there without being written.
    pub host: &'a Host,
}

/// What starts a rollback. Its fields are plain values and secrets: nothing is left to render.
pub trait Trigger: Debug + Send + Sync {
    /// The kind's name.
    fn kind(&self) -> &'static str;

    /// Whom it goes to, for people; never a secret.
    fn target(&self) -> String;

    /// What the once-only id knows it by. Must be the same whenever the same deployment is judged again.
    fn identity(&self) -> String {
        self.target()
    }

    /// The longest that firing can take, retries and back-off included.
    fn budget(&self) -> Duration;

    /// Whether a receiver that is asked twice with one id starts one rollback only.
    fn honours_id(&self) -> bool {
        false
    }

    /// Reads what can be read without starting anything: whether the credential is accepted and what is to be started
    /// exists. Asked before anything is measured.
    ///
    /// # Errors
    /// What would keep it from firing, and what to do about it, in one line.
    fn preflight<'a>(&'a self, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Result<(), String>> {
        let _ = allowance;
        Box::pin(std::future::ready(Ok(())))
    }

    /// What its system says to firing it without doing it: that it is accepted, in one line. `None` where it cannot say.
    fn preview<'a>(&'a self, allowance: &'a Allowance<'a>) -> Option<BoxFuture<'a, Result<String, String>>> {
        let _ = allowance;
        None
    }

    /// How what was started stands now. `None` where its system cannot tell.
    fn follow<'a>(
        &'a self,
        started: &'a Effect,
        allowance: &'a Allowance<'a>,
    ) -> Option<BoxFuture<'a, Result<Standing, String>>> {
        let _ = (started, allowance);
        None
    }

    /// Fires it. Never fails: what goes wrong is part of what it says. May be dropped at any time.
    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect>;
}

/// How a pipeline that was started stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// In the system's own words: `queued`, `success`.
    pub words: String,
    /// Whether it has ended, and if so, whether well.
    pub ended: Option<bool>,
    /// Where to follow it, where that became known only now.
    pub url: Option<String>,
    /// What it is known by from now on, where that changed: a queued item becomes a build.
    pub handle: Option<String>,
}

/// The triggers there are, in the order of documents.
pub static TRIGGERS: &[&dyn TriggerKind] = &[
    &webhook::Webhook,
    &command::Command,
    &github_workflow::GithubWorkflow,
    &github_dispatch::GithubDispatch,
    &gitlab::Gitlab,
    &jenkins::Jenkins,
    &azure_devops::AzureDevOps,
    &argocd::ArgoCd,
    &buildkite::Buildkite,
    &circleci::CircleCi,
];

/// The field that every trigger has.
pub static KIND: &[Field] = &[Field::required("kind", Shape::Text, "how the rollback is started")];

/// A trigger as it was read, and where.
#[derive(Debug)]
pub struct ParsedTrigger {
    /// The kind's name.
    pub kind: &'static str,
    /// What the kind read.
    pub spec: Box<dyn TriggerSpec>,
    /// Where it is written.
    pub place: Place,
}

/// Reads `trigger`: one mapping, or a list of them. Every fault is reported; what could be read is returned.
pub fn parse_triggers(node: &Node, problems: &mut Problems) -> Vec<ParsedTrigger> {
    match &node.data {
        Data::List(items) if items.is_empty() => {
            let problem = Problem::at(node.place, "expected a trigger, found an empty list");
            problems.push(problem.help("leave `trigger` out where nothing is to be started"));
            Vec::new()
        }
        Data::List(items) => items.iter().filter_map(|item| parse_one(item, problems)).collect(),
        _ => parse_one(node, problems).into_iter().collect(),
    }
}

/// Reads the `trigger` of deployments: written as that of rollbacks, of kinds that can start one.
pub fn parse_deployments(node: &Node, problems: &mut Problems) -> Vec<ParsedTrigger> {
    let parsed = parse_triggers(node, problems);
    for trigger in &parsed {
        let goes_back = |kind: &&&dyn TriggerKind| kind.name() == trigger.kind && !kind.deploys();
        if TRIGGERS.iter().find(goes_back).is_some() {
            let message = format!("expected a trigger that starts a deployment, found `{}`", trigger.kind);
            let able = listed(TRIGGERS.iter().filter(|kind| kind.deploys()).map(|kind| kind.name()));
            problems.push(Problem::at(trigger.place, message).help(format!("those are {able}")));
        }
    }
    parsed
}

fn parse_one(node: &Node, problems: &mut Problems) -> Option<ParsedTrigger> {
    let known = || TRIGGERS.iter().map(|kind| kind.name());
    if !matches!(node.data, Data::Map(_)) {
        let message = format!("expected a trigger (a mapping), found {}", node.found());
        problems
            .push(Problem::at(node.place, message).help(format!("its `kind` is one of {}", listed(known()))));
        return None;
    }
    let Some(written) = node.get("kind").filter(|kind| kind.data != Data::Null) else {
        let problem = Problem::at(node.place, "`kind` is missing in a trigger");
        problems.push(problem.help(format!("`kind` is one of {}", listed(known()))));
        return None;
    };
    let word = written.scalar().unwrap_or_default();
    let Some(kind) = TRIGGERS.iter().find(|kind| kind.name() == word) else {
        let kinds = listed(known());
        let message = format!("expected a kind of trigger, found {}", written.found());
        let help = did_you_mean(word, known()).unwrap_or_else(|| format!("`kind` is one of {kinds}"));
        problems.push(Problem::at(written.place, message).help(help));
        return None;
    };
    let what = format!("a `{}` trigger", kind.name());
    let mut body = Reader::open(node, &what, &[KIND, kind.fields()], problems)?;
    let spec = kind.parse(&mut body)?;
    Some(ParsedTrigger { kind: kind.name(), spec, place: node.place })
}

/// The triggers as they will be fired. Every fault is reported; with a fault, some are missing.
pub fn render_triggers(
    parsed: &[ParsedTrigger],
    cx: &TriggerCx<'_>,
    problems: &mut Problems,
) -> Vec<Box<dyn Trigger>> {
    parsed.iter().filter_map(|trigger| trigger.spec.render(cx, problems)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Type};
    use crate::gate::outcome::Record;
    use crate::host::vault::variable_of;
    use crate::rollback::testing::{Answer, host, problems, record, triggers};

    #[test]
    fn kinds_are_known_by_their_word() {
        for (yaml, expected) in [
            ("kind: webhok", "expected a kind of trigger, found `webhok`"),
            ("url: http://h/", "`kind` is missing in a trigger"),
            ("[]", "expected a trigger, found an empty list"),
            ("- x\n- kind: argo", "expected a trigger (a mapping), found `x`"),
        ] {
            let found = problems(yaml);
            assert!(found.iter().any(|p| p.contains(expected)), "{yaml}\n{found:?}");
        }
        assert_eq!(problems("- x\n- kind: argo").len(), 2);
        let node = crate::policy::node::parse(0, "kind: webhok").unwrap();
        let mut problems = Problems::default();
        assert!(parse_triggers(&node, &mut problems).is_empty());
        assert_eq!(problems.sorted()[0].help.as_deref(), Some("did you mean `webhook`?"));
    }

    #[test]
    fn every_example_loads() {
        for kind in TRIGGERS {
            let mut host = host(&[]).0;
            let named = kind.example().lines().filter_map(|line| line.split_once("_ref: "));
            let variable = |(_, name)| (variable_of(name), "long enough".to_owned());
            host.env = std::sync::Arc::new(named.map(variable).collect());
            let found = triggers(kind.example(), &host).unwrap();
            assert_eq!(found[0].kind(), kind.name());
        }
    }

    #[tokio::test]
    async fn hostile_text_stays_a_value_and_short() {
        let odd = "\"}]\\ '\n\r\0\u{1b}[31m <!channel> @everyone {{x}} $(id) `id` \u{202e}\u{200b}\u{feff}";
        let hostile = format!("{odd}{}", "v".repeat(100_000));
        let of = Record { version: Some(hostile.clone()), service: Some(hostile), ..record() };
        // A program is no request: it has tests of its own.
        for kind in TRIGGERS.iter().filter(|kind| kind.name() != command::Command.name()) {
            let (mut host, http) = host(&[Answer::Status(200, "{}")]);
            let named = kind.example().lines().filter_map(|line| line.split_once("_ref: "));
            let variable = |(_, name)| (variable_of(name), "long enough".to_owned());
            host.env = std::sync::Arc::new(named.map(variable).collect());
            let redactor = &host.output.redactor;
            let event = Event::new(Type::Rollback, &of, Some("p"), "rg_x".to_owned(), redactor);
            let trigger = triggers(kind.example(), &host).unwrap().remove(0);
            trigger.fire(&Order { event: &event, allowance: Allowance::alone(&host, ACTING) }).await;
            for request in http.requests().iter().filter(|request| !request.body.is_empty()) {
                let told = format!("{}: {}", kind.name(), String::from_utf8_lossy(&request.body));
                assert!(request.body.len() <= crate::event::LARGEST + 4096, "{told}");
                let json = request.headers["content-type"] == "application/json";
                if json {
                    serde_json::from_slice::<serde_json::Value>(&request.body).expect(&told);
                } else {
                    assert!(request.body.iter().all(u8::is_ascii_graphic), "{told}");
                }
            }
        }
    }
}
