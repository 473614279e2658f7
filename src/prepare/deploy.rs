//! From the command line to a policy that starts deployments: read, with what verifies an event and what starts the
//! pipelines that it is mapped to. Must not ask the network.

use std::collections::BTreeSet;

use super::times::times;
use super::{Refused, hide_secrets, mask_shapes, parse_policy, read, scope};
use crate::cli::inputs::InputArgs;
use crate::connect::overrides;
use crate::deploy::fire::Start;
use crate::deploy::{Finding, Happened, evaluate};
use crate::diagnostic::Sources;
use crate::host::Host;
use crate::host::secret::Secret;
use crate::host::vault::Vault;
use crate::policy::model::PolicySpec;
use crate::policy::overrides::Overrides;
use crate::policy::problem::{Problem, Problems};
use crate::policy::template::Scope;
use crate::rollback::{ParsedTrigger, TriggerCx, parse_deployments, render_triggers};

/// A policy that starts deployments.
pub(crate) struct Deploying {
    /// The policy.
    pub spec: PolicySpec,
    /// The variables, as far as they are given.
    pub scope: Scope,
    triggers: Vec<ParsedTrigger>,
    overrides: Overrides,
    vault: Vault,
    texts: Sources,
    policies: Vec<u16>,
}

/// What an event must be verified by.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    /// The secret that it is signed with.
    pub secret: Option<Secret>,
    /// The token that it carries.
    pub token: Option<Secret>,
}

/// Reads what `inputs` name.
///
/// # Errors
/// Every fault of policies and options.
pub(crate) fn deploying(inputs: &InputArgs, host: &Host) -> Result<Deploying, Refused> {
    let mut problems = Problems::default();
    let mut texts = Sources::default();
    let policies = read(&inputs.policy, host, &mut texts, &mut problems);
    let values = read(&inputs.values, host, &mut texts, &mut problems);
    let times = times(inputs, host.clock.now(), &mut problems);
    let (spec, _) = parse_policy(&policies, &texts, &mut problems);
    // What only the gate needs may lack.
    let mut scope = scope(inputs, &spec, &values, &texts, &times, None, &mut problems);
    scope.set("run_id", &format!("run_{:016x}", host.seed));
    let overrides = overrides(inputs, &spec, &mut problems);
    if spec.deployments.rules.is_empty() && !problems.any_fault() {
        let problem = Problem::nowhere("the policy has no rule that an event could match");
        let help =
            "write `deployment_triggers: {jira: {issue_status_trigger: …}}`, or pass the file that has it";
        problems.push(problem.help(help));
    }
    let triggers = spec.deployments.trigger.as_ref();
    let triggers = triggers.map(|node| parse_deployments(node, &mut Problems::default())).unwrap_or_default();
    if problems.any_fault() {
        hide_secrets(&policies, &mut texts, host);
        return Err(Refused { problems, texts });
    }
    mask_shapes(&policies, &texts, &scope, host);
    let vault = Vault::new(host.clone(), inputs.secrets_dir.clone());
    Ok(Deploying { spec, scope, triggers, overrides, vault, texts, policies })
}

impl Deploying {
    fn refused(&self, problems: Problems, host: &Host) -> Refused {
        let mut texts = self.texts.clone();
        hide_secrets(&self.policies, &mut texts, host);
        Refused { problems, texts }
    }

    /// What an event of `system` must be verified by, as its integration says.
    ///
    /// # Errors
    /// A secret that is not there.
    pub(crate) fn proof(&self, system: &str, host: &Host) -> Result<Proof, Refused> {
        let integrations = &self.spec.integrations;
        let of_system = |name: &&str| integrations.system(name) == Some(system);
        let name = integrations.names().filter(of_system).find(|name| *name == system);
        let Some(name) = name.or_else(|| integrations.names().find(of_system)) else {
            return Ok(Proof::default());
        };
        let mut settings = integrations.settings(name, &self.scope, &self.vault, &self.overrides);
        let proof = Proof { secret: settings.secret("secret"), token: settings.secret("verification_token") };
        let problems = settings.finish();
        if problems.any_fault() { Err(self.refused(problems, host)) } else { Ok(proof) }
    }

    /// What the rules make of `event`.
    ///
    /// # Errors
    /// What is wrong with a rule.
    pub(crate) fn findings(&self, event: &Happened, host: &Host) -> Result<Vec<Finding>, Refused> {
        let mut problems = Problems::default();
        let found = evaluate(&self.spec.deployments.rules, event, &self.scope, &mut problems);
        if problems.any_fault() { Err(self.refused(problems, host)) } else { Ok(found) }
    }

    /// What is to be started for `findings`, each pipeline once. With `show` nothing is sent, and secrets may lack.
    ///
    /// # Errors
    /// What keeps a trigger from being fired.
    pub(crate) fn starts(
        &self,
        findings: &[Finding],
        event: &Happened,
        show: bool,
        host: &Host,
    ) -> Result<Vec<Start>, Refused> {
        let mut problems = Problems::default();
        let vault = if show { self.vault.clone().for_show() } else { self.vault.clone() };
        let mut known = BTreeSet::new();
        let mut starts = Vec::new();
        for finding in findings {
            let Some(pipeline) = finding.pipeline.as_ref().filter(|name| known.insert((*name).clone()))
            else {
                continue;
            };
            let mut scope = self.scope.clone();
            let values = event.variables(&finding.label);
            values.iter().for_each(|(name, value)| scope.set(name, value));
            let cx = TriggerCx { scope: &scope, vault: &vault, pipeline: Some(pipeline), host };
            let triggers = render_triggers(&self.triggers, &cx, &mut problems);
            starts.push(Start {
                rule: finding.rule,
                pipeline: pipeline.clone(),
                because: finding.because.clone(),
                values: values.map(|(name, value)| (name.to_owned(), value)).into(),
                triggers,
            });
        }
        if problems.any_fault() { Err(self.refused(problems, host)) } else { Ok(starts) }
    }
}
