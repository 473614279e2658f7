//! From outcomes to the verdict: what each check contributes, and that the worst wins. Pure. A verdict is decided
//! once; nothing that follows can change it.

use super::before::Before;
use super::outcome::{CheckRecord, Outcome, Verdict};
use crate::policy::context::PreExisting;
use crate::policy::model::FailureAction;

/// Why sampling ended before the windows did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The verdict is rollback already.
    Rollback,
    /// All that counts has shown what it must.
    Proved,
    /// The gate's `timeout` has passed.
    Timeout,
    /// A signal.
    Cancelled,
}

/// What `outcome` of the check of `record` adds to the verdict; `None` for what is not counted. `hold` is false under
/// `on_inconclusive: rollback`, which takes every doubt for a failure, one that was as bad before the rollout included.
pub fn contribution(
    record: &CheckRecord,
    outcome: Outcome,
    stop: Option<Stop>,
    hold: bool,
) -> Option<Verdict> {
    let check = &record.check;
    if check.dry_run {
        return None;
    }
    let unseen = match check.failure_action {
        FailureAction::Alert => Verdict::Alert,
        FailureAction::Rollback if hold => Verdict::Inconclusive,
        FailureAction::Rollback => Verdict::Rollback,
    };
    match outcome {
        Outcome::Passed => Some(Verdict::Pass),
        Outcome::Failed => Some(match (check.failure_action, record.before) {
            (FailureAction::Alert, _) | (_, Some(Before::AsBad(PreExisting::Alert))) => Verdict::Alert,
            (_, Some(Before::AsBad(PreExisting::Inconclusive))) => unseen,
            (FailureAction::Rollback, _) => Verdict::Rollback,
        }),
        Outcome::Inconclusive => Some(unseen),
        Outcome::Unfinished => match stop {
            Some(Stop::Timeout) => Some(unseen),
            Some(Stop::Rollback | Stop::Proved | Stop::Cancelled) | None => None,
        },
        Outcome::Skipped => None,
    }
}

/// The worst of what the checks contribute. A gate that watched nothing, because every check is skipped here, is
/// inconclusive: it must not pass what it did not see.
pub fn verdict(checks: &[CheckRecord]) -> Verdict {
    let watched = checks.iter().any(|check| check.outcome != Some(Outcome::Skipped));
    let unwatched = if watched { Verdict::Pass } else { Verdict::Inconclusive };
    checks.iter().filter_map(|check| check.contribution).max().unwrap_or(unwatched)
}
