//! From the command line to the channels that people are told through by a step of its own: integrations are those of the
//! policy files, and those that the options describe. Must not send anything.

use super::{Refused, hide_secrets, mask_shapes, parse_policy, read, scope, times};
use crate::cli::inputs::InputArgs;
use crate::connect::overrides;
use crate::diagnostic::{self, Sources};
use crate::host::Host;
use crate::host::vault::Vault;
use crate::notify::{Addressee, Channel, NoticeCx, channel_of};
use crate::policy::problem::{Place, Problems};

/// Channels that are ready to be used.
pub(crate) struct Telling {
    /// The channels.
    pub channels: Vec<Box<dyn Channel>>,
    /// What people should know.
    pub warnings: Vec<String>,
}

/// The channels of the integrations `to`, of which `inputs` say what there is.
///
/// # Errors
/// Every fault of policies, options and integrations.
pub(crate) fn telling(
    inputs: &InputArgs,
    to: &[String],
    addressee: &Addressee,
    host: &Host,
) -> Result<Telling, Refused> {
    let mut problems = Problems::default();
    let mut texts = Sources::default();
    let policies = read(&inputs.policy, host, &mut texts, &mut problems);
    let values = read(&inputs.values, host, &mut texts, &mut problems);
    let times = times(inputs, host.clock.now(), &mut problems);
    let (mut spec, _) = parse_policy(&policies, &texts, &mut problems);
    let mut places = Vec::new();
    for name in to {
        let Ok(source) = texts.add("--to", name.as_bytes().to_vec()) else { continue };
        let place = Place { source, start: 0, end: u32::try_from(name.len()).unwrap_or_default() };
        places.push(place);
        let described = |option: &String| option.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        if inputs.integration.iter().any(described) {
            spec.integrations.declare(name, place);
        }
    }
    let scope = scope(inputs, &spec, &values, &texts, &times, None, &mut problems);
    let overrides = overrides(inputs, &spec, &mut problems);
    let cx = NoticeCx {
        integrations: &spec.integrations,
        scope: &scope,
        vault: &Vault::new(host.clone(), inputs.secrets_dir.clone()),
        overrides: &overrides,
        host,
    };
    let all = to.iter().zip(places);
    let channels: Vec<Box<dyn Channel>> =
        all.filter_map(|(name, place)| channel_of(name, place, addressee, &cx, &mut problems)).collect();
    if problems.any_fault() {
        hide_secrets(&policies, &mut texts, host);
        return Err(Refused { problems, texts });
    }
    mask_shapes(&policies, &texts, &scope, host);
    Ok(Telling { channels, warnings: diagnostic::lines(&problems, &texts) })
}
