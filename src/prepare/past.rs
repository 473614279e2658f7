//! From the command line to a policy that judges deployments of the past: read, parsed and connected once, rendered for
//! each deployment. What has no past is taken out. Must not ask the network.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::times::times;
use super::{Prepared, Refused, connect, hide_secrets, mask_shapes, overrides, parse_policy, read, scope};
use crate::backtest::counted::{Counted, Tally};
use crate::backtest::deployment::Deployment;
use crate::check::MetricSource;
use crate::check::rhythm::Rhythm;
use crate::cli::inputs::InputArgs;
use crate::diagnostic::{self, Sources};
use crate::gate::moment;
use crate::gate::plan::Timing;
use crate::host::Host;
use crate::host::vault::Vault;
use crate::policy::lint::secrets::is_secret;
use crate::policy::model::PolicySpec;
use crate::policy::problem::{Problem, Problems};
use crate::policy::render::{Inputs, render};
use crate::policy::template::Scope;
use crate::policy::window::Reaching;

type Connected = BTreeMap<String, Arc<dyn MetricSource>>;

/// A check that has no past.
#[derive(Debug, Clone)]
pub(crate) struct Skipped {
    /// Its name, or what it watches.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
}

/// A policy that judges the past.
pub(crate) struct Past {
    /// The policy, without the checks that have no past.
    pub spec: PolicySpec,
    /// Those checks.
    pub skipped: Vec<Skipped>,
    inputs: InputArgs,
    values: Vec<u16>,
    policies: Vec<u16>,
    texts: Sources,
    vault: Vault,
    tally: Arc<Tally>,
    run_id: String,
    /// The connections, by the values of the variables that the integrations name.
    connected: Mutex<BTreeMap<Vec<Option<String>>, Connected>>,
}

impl Past {
    /// Reads the policy files `policy`, with all else that `inputs` say; its sources count in `tally`.
    ///
    /// # Errors
    /// Every fault of policies and options.
    pub(crate) fn read(
        policy: &[PathBuf],
        inputs: &InputArgs,
        tally: &Arc<Tally>,
        host: &Host,
    ) -> Result<Self, Refused> {
        let mut problems = Problems::default();
        let mut texts = Sources::default();
        let policies = read(policy, host, &mut texts, &mut problems);
        let values = read(&inputs.values, host, &mut texts, &mut problems);
        let (mut spec, _) = parse_policy(&policies, &texts, &mut problems);
        if problems.any_fault() {
            hide_secrets(&policies, &mut texts, host);
            return Err(Refused { problems, texts });
        }
        let mut skipped = Vec::new();
        let any = !spec.checks.is_empty();
        spec.checks.retain(|check| {
            let told = check.spec.told(&Scope::default(), Reaching::default(), &mut Problems::default());
            if !told.has_past {
                let name = check.envelope.name.clone().unwrap_or(told.name);
                skipped.push(Skipped { name, kind: check.kind });
            }
            told.has_past
        });
        // It speaks for what has no past.
        spec.control = None;
        if any && spec.checks.is_empty() {
            let problem =
                Problem::nowhere("no check of the policy has a past: what it watches can be asked only now");
            problems.push(problem.help("a backtest needs metrics checks, below `metrics_validation`"));
            return Err(Refused { problems, texts });
        }
        Ok(Self {
            spec,
            skipped,
            inputs: InputArgs { policy: policy.to_vec(), ..inputs.clone() },
            values,
            policies,
            texts,
            vault: Vault::new(host.clone(), inputs.secrets_dir.clone()),
            tally: tally.clone(),
            run_id: format!("run_{:016x}", host.seed),
            connected: Mutex::default(),
        })
    }

    /// All that a run after `deployment` would have needed, as of now. `None` after reporting why.
    pub(crate) fn prepare(
        &self,
        deployment: &Deployment,
        rhythm: &Arc<Rhythm>,
        host: &Host,
        problems: &mut Problems,
    ) -> Option<Prepared> {
        let begin = host.clock.now();
        let inputs = self.inputs(deployment);
        let times = times(&inputs, begin, problems);
        // What only rollbacks and checks without a past need may lack.
        let mut scope = scope(&inputs, &self.spec, &self.values, &self.texts, &times, None, problems);
        scope.set("run_id", &self.run_id);
        let sources = self.sources(&inputs, &scope, host, problems);
        let rendered = render(
            &self.spec,
            &Inputs {
                scope: &scope,
                environment: inputs.environment.as_deref(),
                start: times.start,
                deployed_at: times.deployed_at,
                rollout: times.rollout,
                rhythm,
                duration: times.duration,
                sources: &sources,
                vault: &self.vault,
                texts: &self.texts,
            },
            problems,
        );
        let mut policy = rendered.filter(|_| !problems.any_fault())?;
        let checks = std::mem::take(&mut policy.checks).into_iter().map(Arc::new).collect();
        let timing = Timing {
            begin,
            start: times.start,
            deployed_at: times.deployed_at,
            duration: policy.duration,
            warm_up: policy.warm_up,
            timeout: policy.timeout,
            last: false,
        };
        Some(Prepared {
            policy,
            checks,
            triggers: Vec::new(),
            places: Vec::new(),
            notices: Vec::new(),
            trackings: Vec::new(),
            guards: Vec::new(),
            scope,
            timing,
            deployed_at: times.written,
            run_id: self.run_id.clone(),
            texts: Sources::default(),
        })
    }

    /// Prepares every one of `deployments` without asking anything, so that all faults come out before; what people should
    /// know of the policy, a line each.
    ///
    /// # Errors
    /// The faults of the first deployment that has any.
    pub(crate) fn check(&self, deployments: &[Deployment], host: &Host) -> Result<Vec<String>, Refused> {
        let rhythm = Arc::default();
        let mut warnings = Vec::new();
        for deployment in deployments {
            let named = deployment.variables.iter().filter(|(name, _)| is_secret(name));
            named.for_each(|(_, value)| drop(host.output.redactor.secret(value)));
            let mut problems = Problems::default();
            let Some(prepared) = self.prepare(deployment, &rhythm, host, &mut problems) else {
                let mut texts = self.texts.clone();
                hide_secrets(&self.policies, &mut texts, host);
                if deployments.len() > 1 {
                    let which = format!("so it is for the deployment at {}", moment(deployment.time));
                    problems.push(Problem::nowhere(which).note());
                }
                return Err(Refused { problems, texts });
            };
            if warnings.is_empty() {
                mask_shapes(&self.policies, &self.texts, &prepared.scope, host);
                warnings = diagnostic::lines(&prepared.policy.warnings, &self.texts);
            }
        }
        Ok(warnings)
    }

    /// The source that a query for deployments is asked of: the one that metrics checks ask where they name none, else the
    /// first check's.
    pub(crate) fn source(
        &self,
        deployment: &Deployment,
        host: &Host,
        problems: &mut Problems,
    ) -> Option<Arc<dyn MetricSource>> {
        let inputs = self.inputs(deployment);
        let times = times(&inputs, host.clock.now(), problems);
        let scope = scope(&inputs, &self.spec, &self.values, &self.texts, &times, None, problems);
        let sources = self.sources(&inputs, &scope, host, problems);
        let first = self.spec.checks.iter().find_map(|check| check.spec.source());
        sources.get(self.spec.integrations.default_source()).or_else(|| sources.get(first?)).cloned()
    }

    /// Its files, as they were named.
    pub(crate) fn files(&self) -> Vec<String> {
        self.policies.iter().map(|index| self.texts.name(*index).to_owned()).collect()
    }

    /// The options of a run after `deployment`: what it says wins over what holds for all.
    fn inputs(&self, deployment: &Deployment) -> InputArgs {
        let time = |at: Timestamp| Some(at.to_string());
        let mut inputs = self.inputs.clone();
        inputs.start = time(deployment.time);
        inputs.deployed_at = time(deployment.time);
        inputs.rollout_started = deployment.rollout_started.and_then(time);
        inputs.set.extend(deployment.variables.iter().map(|(name, value)| format!("{name}={value}")));
        for (own, theirs) in [
            (&mut inputs.service, &deployment.service),
            (&mut inputs.environment, &deployment.environment),
            (&mut inputs.version, &deployment.version),
            (&mut inputs.previous_version, &deployment.previous_version),
        ] {
            *own = theirs.clone().or_else(|| own.take());
        }
        inputs
    }

    /// The sources for `scope`, connected once for all deployments that they are the same for.
    fn sources(&self, inputs: &InputArgs, scope: &Scope, host: &Host, problems: &mut Problems) -> Connected {
        let named = self.spec.integrations.variables();
        let key: Vec<Option<String>> =
            named.into_iter().map(|name| scope.get(name).map(str::to_owned)).collect();
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sources) = connected.get(&key) {
            return sources.clone();
        }
        let mut found = Problems::default();
        let overrides = overrides(inputs, &self.spec, &mut found);
        let sources = connect(&self.spec, scope, &self.vault, &overrides, host, &mut found);
        let counted =
            |(name, source)| (name, Arc::new(Counted::new(source, &self.tally)) as Arc<dyn MetricSource>);
        let sources: Connected = sources.into_iter().map(counted).collect();
        if found.is_empty() {
            connected.insert(key, sources.clone());
        }
        problems.append(found);
        sources
    }
}
