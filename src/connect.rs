//! From a policy to the sources that it asks: each integration that is used is resolved and connected, with the overrides
//! of the command line. Must not ask the network, and must not look at what nothing uses.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::{KINDS, MetricSource};
use crate::cli::inputs::InputArgs;
use crate::host::Host;
use crate::host::vault::Vault;
use crate::policy::model::PolicySpec;
use crate::policy::overrides::Overrides;
use crate::policy::problem::{Problem, Problems};
use crate::policy::template::Scope;

/// What the command line says of the integrations of `spec`.
pub(crate) fn overrides(inputs: &InputArgs, spec: &PolicySpec, problems: &mut Problems) -> Overrides {
    let mut overrides = Overrides::read(&inputs.integration, &spec.integrations, problems);
    if let Some(url) = &inputs.prometheus {
        overrides.set(spec.integrations.default_source(), "url", url);
    }
    overrides
}

/// Connects every source that a check, or a question beside it, asks.
pub(crate) fn connect(
    spec: &PolicySpec,
    scope: &Scope,
    vault: &Vault,
    overrides: &Overrides,
    host: &Host,
    problems: &mut Problems,
) -> BTreeMap<String, Arc<dyn MetricSource>> {
    let mut sources = BTreeMap::new();
    for name in spec.sources() {
        // What is no integration, or none that can be asked, has been told of where it is named.
        let system = spec.integrations.system(name).unwrap_or(name);
        let Some(kind) = KINDS.iter().find(|kind| kind.name() == system) else { continue };
        let resolved = match spec.integrations.resolve(name, scope, vault, overrides) {
            Ok(resolved) => resolved,
            Err(found) => {
                problems.append(found);
                continue;
            }
        };
        match kind.connect(&resolved, host) {
            Some(Ok(source)) => {
                sources.insert(name.to_owned(), source);
            }
            Some(Err(problem)) => problems.push(problem),
            None => problems.push(Problem::nowhere(format!("the integration `{name}` gives no metrics"))),
        }
    }
    sources
}
