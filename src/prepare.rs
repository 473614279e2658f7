//! From the command line to a policy that can run: reads the files, gathers variables, connects the sources,
//! renders. Everything that can be wrong comes out here, all at once, before anything is measured. Must not ask
//! the network.

mod begun;
pub(crate) mod deploy;
pub(crate) mod past;
pub(crate) mod standing;
pub(crate) mod telling;
mod times;
pub(crate) mod tracker;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::check::{KINDS, MetricSource};
use crate::cli::inputs::InputArgs;
use crate::connect::{connect, overrides};
use crate::diagnostic::{self, Sources};
use crate::explain;
use crate::gate::plan::Timing;
use crate::host::Host;
use crate::host::clock::later;
use crate::host::vault::Vault;
use crate::notify::{self, Notice, NoticeCx};
use crate::policy::lint;
use crate::policy::model::{Check, Policy, PolicySpec};
use crate::policy::overrides::Overrides;
use crate::policy::parse::{Document, parse};
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::render::{Inputs, render};
use crate::policy::template::Scope;
use crate::policy::variables::{Given, Own};
use crate::rollback::{
    ParsedTrigger, Trigger, TriggerCx, parse_deployments, parse_triggers, render_triggers,
};
use crate::track::{self, Tracking};
use times::{Times, times};

/// All that a run needs.
pub(crate) struct Prepared {
    /// The policy, its checks moved to `checks`.
    pub policy: Policy,
    /// Its checks.
    pub checks: Vec<Arc<Check>>,
    /// What a rollback fires.
    pub triggers: Vec<Box<dyn Trigger>>,
    /// Where each of them is written.
    pub places: Vec<Place>,
    /// Who is told of what.
    pub notices: Vec<Notice>,
    /// What is written of what.
    pub trackings: Vec<Tracking>,
    /// What may hold a wanted rollback back, and how it is followed, for people.
    pub guards: Vec<(&'static str, String)>,
    /// The variables.
    pub scope: Scope,
    /// When what is judged.
    pub timing: Timing,
    /// `--deployed-at`, where it is given as a time.
    pub deployed_at: Option<Timestamp>,
    /// Names this run.
    pub run_id: String,
    /// The texts, for showing the policy's warnings.
    pub texts: Sources,
}

/// Why nothing is measured.
pub(crate) struct Refused {
    problems: Problems,
    texts: Sources,
}

impl Refused {
    /// All faults for people, with carets.
    pub(crate) fn text(&self, colour: bool) -> String {
        diagnostic::render(&self.problems, &self.texts, colour)
    }
}

/// Prepares what `inputs` name. `show` is for commands that send nothing: missing secrets are stood in for.
///
/// # Errors
/// Every fault of policies, variables, integrations and options.
pub(crate) fn prepare(inputs: &InputArgs, host: &Host, show: bool) -> Result<Prepared, Refused> {
    let begin = host.clock.now();
    let mut problems = Problems::default();
    let mut texts = Sources::default();
    let policies = read(&inputs.policy, host, &mut texts, &mut problems);
    let values = read(&inputs.values, host, &mut texts, &mut problems);
    let times = times(inputs, begin, &mut problems);
    let (spec, triggers) = parse_policy(&policies, &texts, &mut problems);
    let run_id = format!("run_{:016x}", host.seed);
    let scope = scope(inputs, &spec, &values, &texts, &times, Some(&run_id), &mut problems);
    let vault = Vault::new(host.clone(), inputs.secrets_dir.clone());
    let vault = if show { vault.for_show() } else { vault };
    let overrides = overrides(inputs, &spec, &mut problems);
    let sources = connect(&spec, &scope, &vault, &overrides, host, &mut problems);
    let policy = render(
        &spec,
        &Inputs {
            scope: &scope,
            environment: inputs.environment.as_deref(),
            start: times.start,
            deployed_at: times.deployed_at,
            rollout: times.rollout,
            rhythm: &Arc::default(),
            duration: times.duration,
            sources: &sources,
            vault: &vault,
            texts: &texts,
        },
        &mut problems,
    );
    let pipeline = policy.as_ref().and_then(|policy| policy.rollback.pipeline.clone());
    // Triggers of a policy that wants no rollback are unused, and nothing unused is a fault.
    let wanted = policy.as_ref().is_none_or(|policy| policy.rollback.enabled);
    let places = triggers.iter().map(|trigger| trigger.place).filter(|_| wanted).collect();
    let triggers = if wanted {
        let cx = TriggerCx { scope: &scope, vault: &vault, pipeline: pipeline.as_deref(), host };
        render_triggers(&triggers, &cx, &mut problems)
    } else {
        Vec::new()
    };
    let cx = NoticeCx {
        integrations: &spec.integrations,
        scope: &scope,
        vault: &vault,
        overrides: &overrides,
        host,
    };
    let notices = notify::connect(&spec.notices, &cx, &mut problems);
    let trackings = track::connect(&spec.tracking, &cx, &mut problems);
    match policy {
        Some(mut policy) if !problems.any_fault() => {
            policy.warnings.append(problems);
            mask_shapes(&policies, &texts, &scope, host);
            let checks = std::mem::take(&mut policy.checks).into_iter().map(Arc::new).collect();
            let timing = Timing {
                begin,
                start: times.start,
                deployed_at: times.deployed_at,
                duration: policy.duration,
                warm_up: policy.warm_up,
                timeout: policy.timeout,
                last: inputs.last.is_some(),
            };
            Ok(Prepared {
                policy,
                checks,
                triggers,
                places,
                notices,
                trackings,
                guards: spec.rollback.guards.told(&scope),
                scope,
                timing,
                deployed_at: times.written,
                run_id,
                texts,
            })
        }
        _ => {
            hide_secrets(&policies, &mut texts, host);
            Err(Refused { problems, texts })
        }
    }
}

/// Keeps the secrets that are written in the texts `policies` out of all that is shown from now on.
pub(crate) fn hide_secrets(policies: &[u16], texts: &mut Sources, host: &Host) {
    for index in policies {
        for place in lint::secrets::places(&Document::of(texts, *index)) {
            // One that is too short for the redactor is still not shown where it is written.
            if let Some(secret) = texts.stretch(place) {
                drop(host.output.redactor.secret(secret));
            }
            texts.hide(place);
        }
    }
}

/// Masks what is a secret by its shape, or by the name of its variable, in everything that is written from now on.
fn mask_shapes(policies: &[u16], texts: &Sources, scope: &Scope, host: &Host) {
    let shapes = policies.iter().flat_map(|index| lint::secrets::shapes(&Document::of(texts, *index)));
    // One that is too short for the redactor cannot be told from other text.
    let named = scope.all().filter(|(name, _)| lint::secrets::is_secret(name)).map(|(_, value)| value);
    let all = shapes.filter_map(|place| texts.stretch(place)).chain(named);
    all.for_each(|text| drop(host.output.redactor.secret(text)));
}

/// A policy as far as it is known without a run.
pub(crate) struct ReadPolicy {
    /// The policy.
    pub spec: PolicySpec,
    /// What a rollback fires.
    pub triggers: Vec<ParsedTrigger>,
    /// The variables that are known.
    pub scope: Scope,
    /// The texts.
    pub texts: Sources,
    /// Which of them are the policy's.
    pub policies: Vec<u16>,
    /// When what would be judged.
    pub times: explain::Times,
}

/// What a file for people turned out to be.
pub(crate) enum Read {
    /// A policy.
    Policy(Box<ReadPolicy>),
    /// The report of a run: its name, and its text.
    Report(String, String),
}

/// Reads what `inputs` name for people: policies without what a run would need, or the report of a run, which its content
/// tells apart.
///
/// # Errors
/// Every fault of the texts, of the options, and of what is known of the variables.
pub(crate) fn read_for_people(inputs: &InputArgs, host: &Host) -> Result<Read, Refused> {
    let begin = host.clock.now();
    let mut problems = Problems::default();
    let mut texts = Sources::default();
    let policies = read(&inputs.policy, host, &mut texts, &mut problems);
    if let Some(report) = policies.iter().find(|index| explain::report::is_report(texts.text(**index))) {
        let name = texts.name(*report).to_owned();
        if policies.len() == 1 {
            return Ok(Read::Report(name, texts.text(*report).to_owned()));
        }
        problems.push(Problem::nowhere(format!("`{name}` is a report, which is explained by itself")));
        return Err(Refused { problems, texts });
    }
    for index in &policies {
        if let Some(found) = explain::neither(texts.text(*index)) {
            let message = format!("`{}` is neither a policy nor a report: {found}", texts.name(*index));
            let help = "a policy has `post_deployment_validation`, a report has `\"schema\": \"rollgate.report/v1\"`";
            problems.push(Problem::nowhere(message).help(help));
            return Err(Refused { problems, texts });
        }
    }
    let values = read(&inputs.values, host, &mut texts, &mut problems);
    let times = times(inputs, begin, &mut problems);
    let (spec, triggers) = parse_policy(&policies, &texts, &mut problems);
    hide_secrets(&policies, &mut texts, host);
    let given = inputs.start.is_some() || inputs.deployed_at.is_some() || inputs.last.is_some();
    let scope = scope(inputs, &spec, &values, &texts, &times, None, &mut problems);
    Overrides::read(&inputs.integration, &spec.integrations, &mut problems);
    if problems.any_fault() {
        return Err(Refused { problems, texts });
    }
    let times = explain::Times {
        begin,
        start: times.start,
        deployed_at: times.deployed_at,
        duration: times.duration,
        last: inputs.last.is_some(),
        given,
    };
    Ok(Read::Policy(Box::new(ReadPolicy { spec, triggers, scope, texts, policies, times })))
}

/// What `lint --online` asks the sources of a policy with.
pub(crate) struct Online {
    /// The variables that are known.
    pub scope: Scope,
    /// The sources that could be connected.
    pub sources: BTreeMap<String, Arc<dyn MetricSource>>,
    /// Where secrets are found.
    pub vault: Vault,
    /// The deployment time, or the window's start.
    pub deployed_at: Timestamp,
    /// The end of what a run would look at, now at the latest.
    pub at: Timestamp,
}

/// Prepares to ask the sources of `spec`; what is wrong with options, values and integrations goes to `problems`.
pub(crate) fn online(
    inputs: &InputArgs,
    spec: &PolicySpec,
    values: &[u16],
    texts: &Sources,
    host: &Host,
    problems: &mut Problems,
) -> Online {
    let now = host.clock.now();
    let times = times(inputs, now, problems);
    let scope = scope(inputs, spec, values, texts, &times, None, problems);
    let vault = Vault::new(host.clone(), inputs.secrets_dir.clone());
    let overrides = overrides(inputs, spec, problems);
    let sources = connect(spec, &scope, &vault, &overrides, host, problems);
    let written = spec.window.duration.as_ref().and_then(|duration| duration.render(&scope).ok());
    let at = later(times.start, times.duration.or(written).unwrap_or_default()).min(now);
    let deployed_at = times.deployed_at.unwrap_or(times.start);
    Online { scope, sources, vault, deployed_at, at }
}

/// Adds the files at `paths` to `texts`; those that could be read are returned.
pub(crate) fn read(
    paths: &[std::path::PathBuf],
    host: &Host,
    texts: &mut Sources,
    problems: &mut Problems,
) -> Vec<u16> {
    let mut one = |path: &Path| -> Result<u16, Problem> {
        let name = path.display().to_string();
        let bytes = host
            .files
            .read(path)
            .map_err(|error| Problem::nowhere(format!("`{name}` cannot be read: {error}")))?;
        texts.add(&name, bytes)
    };
    let mut read = Vec::new();
    for path in paths {
        match one(path) {
            Ok(index) => read.push(index),
            Err(problem) => problems.push(problem),
        }
    }
    read
}

/// Reads the texts `policies` as one policy, its triggers included.
pub(crate) fn parse_policy(
    policies: &[u16],
    texts: &Sources,
    problems: &mut Problems,
) -> (PolicySpec, Vec<ParsedTrigger>) {
    let documents: Vec<Document<'_>> = policies.iter().map(|index| Document::of(texts, *index)).collect();
    let (spec, found) = parse(&documents, KINDS);
    problems.append(found);
    let triggers = spec.rollback.trigger.as_ref().map(|node| parse_triggers(node, problems));
    // Those of deployments are read for what is wrong with them; who starts a deployment reads them again.
    spec.deployments.trigger.iter().for_each(|node| drop(parse_deployments(node, problems)));
    (spec, triggers.unwrap_or_default())
}

/// The variables of a run; of none without a `run_id`: what is missing is no fault then.
fn scope(
    inputs: &InputArgs,
    spec: &PolicySpec,
    values: &[u16],
    texts: &Sources,
    times: &Times,
    run_id: Option<&str>,
    problems: &mut Problems,
) -> Scope {
    let mut options = Vec::new();
    for set in &inputs.set {
        match set.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                options.push((name.trim().to_owned(), value.to_owned()))
            }
            _ => problems.push(Problem::nowhere(format!("expected `--set NAME=VALUE`, found `--set {set}`"))),
        }
    }
    let given = Given {
        files: values.iter().map(|index| (*index, texts.text(*index))).collect(),
        options,
        own: Own {
            service: inputs.service.clone(),
            environment: inputs.environment.clone(),
            version: inputs.version.clone(),
            previous_version: inputs.previous_version.clone(),
            run_id: run_id.unwrap_or_default().to_owned(),
            // Without a run the time is made up unless it is given.
            deployed_at: times.deployed_at.filter(|_| run_id.is_some() || times.written.is_some()),
        },
        may_lack: run_id.is_none(),
    };
    spec.variables.scope(&given, problems)
}
