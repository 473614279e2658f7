//! What is looked at before anything is measured, so that a rollback that is wanted in half an hour does not fail for what
//! could be known now. Must not start anything, and must not outlast ten seconds.

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::Plan;
use crate::api::Allowance;
use crate::api::keep::{End, keep};
use crate::host::Host;
use crate::notify::TIMEOUT;
use crate::policy::problem::{Place, Problem, Problems};
use crate::report::words::span;
use crate::rollback::{Trigger, ledger};

/// What would keep the rollback of `plan` from being begun; `places` are its triggers'. Of a run that would begin none,
/// nothing is asked.
pub(crate) async fn before(plan: &Plan, places: &[Place], preflight: bool, host: &Host) -> Problems {
    let mut problems = Problems::default();
    if !plan.armed {
        return problems;
    }
    if let Some(Err(fault)) = plan.rollback.state.as_ref().map(|path| ledger::check(path, host)) {
        problems.push(
            Problem::nowhere(fault).help("`--state` takes a file of its own that is kept from run to run"),
        );
    }
    if preflight {
        let asked = plan.rollback.triggers.iter().zip(places).enumerate();
        let asking: FuturesUnordered<_> = asked
            .map(|(index, (trigger, place))| async move { (index, ask(&**trigger, *place, host).await) })
            .collect();
        let mut found: Vec<(usize, Option<Problem>)> = asking.collect().await;
        found.sort_by_key(|(index, _)| *index);
        found.into_iter().filter_map(|(_, problem)| problem).for_each(|problem| problems.push(problem));
    }
    problems
}

async fn ask(trigger: &dyn Trigger, place: Place, host: &Host) -> Option<Problem> {
    let allowance = Allowance::alone(host, TIMEOUT);
    let asked = host.clock.timeout(TIMEOUT, trigger.preflight(&allowance)).await;
    let why = match asked {
        Some(Ok(())) => return None,
        Some(Err(why)) => why,
        None => format!("there was no answer within {}", span(TIMEOUT)),
    };
    let shown = |text: String| keep(&host.output.redactor, &text, End::First).unwrap_or_default();
    let message = format!("a rollback could not be begun by {}: {}", shown(trigger.target()), shown(why));
    let help = "it is asked before measuring; `rollback_policy.preflight: false` goes on without";
    Some(Problem::at(place, message).help(help))
}

/// What people should know of the guards of `plan` before a window until `deadline`.
pub(crate) fn ahead(plan: &Plan, deadline: jiff::Timestamp, host: &Host) -> Vec<String> {
    if !plan.armed {
        return Vec::new();
    }
    let guards = &plan.rollback.guards;
    let mut ahead = guards.ahead(host.clock.now(), deadline);
    if guards.written.limited && plan.rollback.state.is_none() {
        ahead.push(
            "`cooldown` and `max_per_day` hold nothing back: without `--state FILE` no run knows of earlier rollbacks"
                .to_owned(),
        );
    }
    ahead
}
