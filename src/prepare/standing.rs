//! From the command line to a policy whose checks are written down for good: read and rendered as where nothing was
//! deployed, with what ties a check to one deployment. Must not ask the network, and needs neither addresses nor secrets.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::times::{Times, times};
use super::{Refused, hide_secrets, mask_shapes, parse_policy, read, scope};
use crate::cli::inputs::InputArgs;
use crate::connect::{connect, overrides};
use crate::diagnostic::Sources;
use crate::host::Host;
use crate::host::vault::Vault;
use crate::policy::integration::Resolved;
use crate::policy::model::{CheckSpec, Policy, PolicySpec};
use crate::policy::problem::Problems;
use crate::policy::render::{Inputs, render};
use crate::policy::template::{ELAPSED, Scope, Template};
use crate::rules::Bound;

/// Variables that are others at each deployment: when it was, and what it was.
const TIMES: &[&str] = &["deployed_at", "run_id", ELAPSED];
const VERSIONS: &[&str] = &["version", "previous_version"];

/// What is asked where an address is not given: nothing is.
const NOWHERE: &str = "http://nowhere.invalid";

/// A policy that is written down for good.
pub(crate) struct Lasting {
    /// The policy.
    pub policy: Policy,
    /// What ties each of its checks to one deployment.
    pub bound: Vec<Bound>,
    /// The policy as it was read.
    pub spec: PolicySpec,
    /// The variables.
    pub scope: Scope,
    texts: Sources,
    policies: Vec<u16>,
}

impl Lasting {
    /// The integration `name`, at `url`, with all that it needs.
    ///
    /// # Errors
    /// What it lacks.
    pub(crate) fn server(
        &self,
        name: &str,
        url: &str,
        inputs: &InputArgs,
        host: &Host,
    ) -> Result<Resolved, Refused> {
        let mut problems = Problems::default();
        let mut settings = overrides(inputs, &self.spec, &mut problems);
        settings.set(name, "url", url);
        let vault = Vault::new(host.clone(), inputs.secrets_dir.clone());
        let resolved = self.spec.integrations.resolve(name, &self.scope, &vault, &settings);
        resolved.map_err(|found| {
            problems.append(found);
            let mut texts = self.texts.clone();
            hide_secrets(&self.policies, &mut texts, host);
            Refused { problems, texts }
        })
    }
}

/// Prepares what `inputs` name.
///
/// # Errors
/// Every fault of policies, variables and options.
pub(crate) fn lasting(inputs: &InputArgs, host: &Host) -> Result<Lasting, Refused> {
    let mut problems = Problems::default();
    let mut texts = Sources::default();
    let policies = read(&inputs.policy, host, &mut texts, &mut problems);
    let values = read(&inputs.values, host, &mut texts, &mut problems);
    let times = times(inputs, host.clock.now(), &mut problems);
    let (spec, _) = parse_policy(&policies, &texts, &mut problems);
    let run_id = format!("run_{:016x}", host.seed);
    // What only a deployment has is known, so that what names it can be left out instead of being a fault.
    let at = times.deployed_at.or(Some(times.start));
    let known = Times { deployed_at: at, written: at, ..times };
    // A variable that no query names, such as of a trigger, may lack.
    let mut scope = scope(inputs, &spec, &values, &texts, &known, None, &mut problems);
    scope.set("run_id", &run_id);
    let vault = Vault::new(host.clone(), inputs.secrets_dir.clone()).for_show();
    let mut unasked = overrides(inputs, &spec, &mut problems);
    // Whether there is an address makes no difference here.
    spec.sources().into_iter().for_each(|name| unasked.set(name, "url", NOWHERE));
    let sources = connect(&spec, &scope, &vault, &unasked, host, &mut problems);
    let policy = render(
        &spec,
        &Inputs {
            scope: &scope,
            environment: inputs.environment.as_deref(),
            start: known.start,
            deployed_at: None::<Timestamp>,
            rollout: None,
            rhythm: &Arc::default(),
            duration: known.duration,
            sources: &sources,
            vault: &vault,
            texts: &texts,
        },
        &mut problems,
    );
    match policy {
        Some(policy) if !problems.any_fault() => {
            mask_shapes(&policies, &texts, &scope, host);
            let bound = spec.checks.iter().map(|check| bound(check, &spec)).collect();
            Ok(Lasting { policy, bound, spec, scope, texts, policies })
        }
        _ => {
            hide_secrets(&policies, &mut texts, host);
            Err(Refused { problems, texts })
        }
    }
}

/// What ties `check` to one deployment.
fn bound(check: &CheckSpec, spec: &PolicySpec) -> Bound {
    let facts = check.spec.facts();
    let companions = check.spec.companions();
    let of_gate = spec.context.companions();
    let asks = check.spec.source().is_some();
    let beside = companions.iter().chain(of_gate.iter().filter(|_| asks)).map(|one| one.query);
    let queries: Vec<&Template> =
        facts.query.into_iter().chain(facts.counters).chain(facts.address).chain(beside).collect();
    let named: BTreeSet<&str> = queries.into_iter().flat_map(Template::variables).collect();
    let of = |names: &[&str]| {
        names.iter().filter(|name| named.contains(**name)).map(|name| (*name).to_owned()).collect()
    };
    Bound { times: of(TIMES), versions: of(VERSIONS) }
}
