//! From the command line to one tracker, for commands that do nothing else. Must not look at what of a policy is not needed
//! for that, and must not ask the network.

use super::{Refused, hide_secrets, parse_policy, read, scope, times};
use crate::cli::inputs::InputArgs;
use crate::connect::overrides;
use crate::diagnostic::{self, Sources};
use crate::host::Host;
use crate::host::vault::Vault;
use crate::notify::NoticeCx;
use crate::policy::problem::{Problem, Problems};
use crate::track::Tracker;
use crate::track::connect::{only, tracker_of};

/// The tracker that `to` names in the policy of `inputs`, else the only one, and what people should know of it.
///
/// # Errors
/// Every fault of the policy's texts, of options, and of the tracker's integration.
pub(crate) fn tracker(
    inputs: &InputArgs,
    to: Option<&str>,
    host: &Host,
) -> Result<(Box<dyn Tracker>, Vec<String>), Refused> {
    let mut problems = Problems::default();
    let mut texts = Sources::default();
    let policies = read(&inputs.policy, host, &mut texts, &mut problems);
    let values = read(&inputs.values, host, &mut texts, &mut problems);
    let (spec, _) = parse_policy(&policies, &texts, &mut problems);
    hide_secrets(&policies, &mut texts, host);
    if problems.any_fault() {
        return Err(Refused { problems, texts });
    }
    let times = times(inputs, host.clock.now(), &mut problems);
    let scope = scope(inputs, &spec, &values, &texts, &times, None, &mut problems);
    let vault = Vault::new(host.clone(), inputs.secrets_dir.clone());
    let overrides = overrides(inputs, &spec, &mut problems);
    let cx = NoticeCx {
        integrations: &spec.integrations,
        scope: &scope,
        vault: &vault,
        overrides: &overrides,
        host,
    };
    let named = to.map_or_else(|| only(&cx), |to| Ok(to.to_owned()));
    let found = match named {
        Ok(name) => tracker_of(&name, None, &cx, &mut problems),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    match found {
        Some(tracker) if !problems.any_fault() => {
            let warnings = diagnostic::lines(&problems, &texts);
            if tracker.issues().is_none() {
                let message = format!("`{}` has no issues", tracker.kind());
                problems.push(Problem::nowhere(message).help("name a tracker that has by `--to`"));
                return Err(Refused { problems, texts });
            }
            Ok((tracker, warnings))
        }
        _ => Err(Refused { problems, texts }),
    }
}
