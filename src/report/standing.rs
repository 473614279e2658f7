//! How a check stands in the eyes of those who read on: its mark, its rank (worst first), its breaches so far and
//! its worst value. Must not decide anything: the judge has, or will; a breach is counted here only to be shown.

use std::time::Duration;

use jiff::Timestamp;

use crate::gate::evidence::odds;
use crate::gate::outcome::{CheckRecord, Outcome, Record, Sample, State, Verdict};
use crate::host::clock::between;
use crate::policy::model::{Count, FailureAction};
use crate::policy::window::Mode;

/// Where a check stands, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Standing {
    FailedRollback,
    FailedAlert,
    Inconclusive,
    Unfinished,
    /// Not passed, and not counted.
    DryRun,
    Watching,
    Passed,
    Skipped,
}

impl Standing {
    /// In their order: each stands at its own number.
    pub(super) const ALL: [Self; 8] = [
        Self::FailedRollback,
        Self::FailedAlert,
        Self::Inconclusive,
        Self::Unfinished,
        Self::DryRun,
        Self::Watching,
        Self::Passed,
        Self::Skipped,
    ];

    pub(super) fn of(check: &CheckRecord) -> Self {
        match (check.outcome, check.check.dry_run) {
            (None, _) => Self::Watching,
            (Some(Outcome::Passed), _) => Self::Passed,
            (Some(Outcome::Skipped), _) => Self::Skipped,
            (Some(_), true) => Self::DryRun,
            // Its contribution says what its failure means, which may be less than its action.
            (Some(Outcome::Failed), false) => match (check.contribution, check.check.failure_action) {
                (Some(Verdict::Inconclusive), _) => Self::Inconclusive,
                (Some(Verdict::Alert), _) | (_, FailureAction::Alert) => Self::FailedAlert,
                (_, FailureAction::Rollback) => Self::FailedRollback,
            },
            (Some(Outcome::Inconclusive), false) => Self::Inconclusive,
            (Some(Outcome::Unfinished), false) => Self::Unfinished,
        }
    }

    /// At most five columns, and readable without colour.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::FailedRollback => "FAIL",
            Self::FailedAlert => "ALERT",
            Self::Inconclusive => "????",
            Self::Unfinished => "stop",
            Self::DryRun => "dry",
            Self::Watching => "....",
            Self::Passed => "ok",
            Self::Skipped => "skip",
        }
    }

    /// What so many checks of it are called in a count.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::FailedRollback => "failed",
            Self::FailedAlert => "failed (alert)",
            Self::Inconclusive => "inconclusive",
            Self::Unfinished => "unfinished",
            Self::DryRun => "not passed (dry run)",
            Self::Watching => "being watched",
            Self::Passed => "passed",
            Self::Skipped => "skipped",
        }
    }
}

/// Whether a check tells why the verdict is what it is, or what a dry run would have said. One that the verdict
/// merely stopped does not.
pub(super) fn telling(check: &CheckRecord) -> bool {
    match Standing::of(check) {
        Standing::FailedRollback | Standing::FailedAlert | Standing::Inconclusive | Standing::DryRun => true,
        Standing::Unfinished => check.contribution.is_some(),
        Standing::Watching | Standing::Passed | Standing::Skipped => false,
    }
}

/// `7 passed, 3 being watched`: how many of `checks` stand where, worst first, without zeros.
pub(super) fn standings<'c>(checks: impl Iterator<Item = &'c CheckRecord>) -> Vec<(usize, &'static str)> {
    let mut numbers = [0_usize; Standing::ALL.len()];
    for check in checks {
        if let Some(number) = numbers.get_mut(Standing::of(check) as usize) {
            *number += 1;
        }
    }
    let counted = numbers.into_iter().zip(Standing::ALL.map(Standing::noun));
    counted.filter(|(number, _)| *number > 0).collect()
}

/// The same of all checks as a sentence: `all 3 checks passed`, `1 of 4 checks failed, 3 unfinished`.
pub(super) fn totals(record: &Record) -> String {
    let all = record.checks.len();
    match standings(record.checks.iter()).as_slice() {
        [] => "no checks".to_owned(),
        [(_, noun)] if all == 1 => format!("the one check {noun}"),
        [(_, noun)] => format!("all {all} checks {noun}"),
        [(number, noun), others @ ..] => {
            let others: Vec<String> =
                others.iter().map(|(number, noun)| format!("{number} {noun}")).collect();
            format!("{number} of {all} checks {noun}, {}", others.join(", "))
        }
    }
}

/// The breaches among the last `within` judged samples, up to the one at `index`; `None` where breaches are not counted,
/// or per series, of which a record keeps too few.
pub(super) fn tally(check: &CheckRecord, index: usize) -> Option<u32> {
    if check.check.judging.count == Count::Series || check.check.mode != Mode::Sustained {
        return None;
    }
    let upto = check.samples.get(..=index)?;
    let judged = upto.iter().rev().filter(|s| s.state.judged()).take(check.within as usize);
    u32::try_from(judged.filter(|s| s.state == State::Breach).count()).ok()
}

/// The breaches that stand against a check now.
pub(super) fn breaches_now(check: &CheckRecord) -> u32 {
    let last = check.samples.len().checked_sub(1);
    last.and_then(|last| tally(check, last)).unwrap_or_else(|| check.count(State::Breach))
}

/// `evidence 12 : 1 against it, 1,000 : 1 needed`, of a check that is judged by evidence.
pub(super) fn against(check: &CheckRecord, log_evidence: f64) -> Option<String> {
    let tested = check.check.events.filter(|tested| tested.has_rate())?;
    Some(format!("evidence {} against it, {} needed", odds(log_evidence), odds(-tested.alpha.ln())))
}

/// Of the checks that are watched, the one nearest to failing, and the breaches against it.
pub(super) fn nearest(record: &Record) -> Option<(&CheckRecord, u32)> {
    let watched = record.checks.iter().filter(|c| Standing::of(c) == Standing::Watching);
    let watched = watched.filter(|c| c.check.mode == Mode::Sustained);
    let breaching = watched.map(|c| (c, breaches_now(c))).filter(|(_, breaches)| *breaches > 0);
    breaching
        .min_by_key(|(check, breaches)| (check.check.dry_run, check.max_failures.saturating_sub(*breaches)))
}

/// How long a check has held that must for a while, up to its last judged sample, and for how long it must; `None` for one
/// whose breaches are counted.
pub(super) fn held(check: &CheckRecord) -> Option<(Duration, Duration)> {
    let needed = check.check.mode.stable_for()?;
    let run = check.samples.iter().rev().take_while(|s| s.state != State::Breach);
    let mut run = run.filter(|s| s.state == State::Within).map(|s| s.at);
    let newest = run.next();
    let held = newest.map(|newest| between(run.last().unwrap_or(newest), newest));
    Some((held.unwrap_or_default(), needed))
}

/// Of the checks that are watched and must hold for a while, the one that has held least.
pub(super) fn least_held(record: &Record) -> Option<(&CheckRecord, Duration, Duration)> {
    let watched = record.checks.iter().filter(|c| Standing::of(c) == Standing::Watching && !c.check.dry_run);
    watched.filter_map(|c| held(c).map(|(held, needed)| (c, held, needed))).min_by_key(|(_, held, _)| *held)
}

/// How many of the checks that are watched are settling at `now`, and until when the last of them is.
pub(super) fn settling(record: &Record, now: Timestamp) -> Option<(usize, Timestamp)> {
    let watched = record.checks.iter().filter(|c| Standing::of(c) == Standing::Watching);
    let until = watched.filter_map(|c| c.plan.settles_until()).filter(|until| *until > now);
    until.clone().max().map(|last| (until.count(), last))
}

/// The last sample, settling ones aside: they say nothing about the deployment.
pub(super) fn last(check: &CheckRecord) -> Option<&Sample> {
    check.samples.iter().rev().find(|s| s.state != State::Settling)
}

/// The order of checks for people: worst first, those being watched by how near they are to failing, else as in
/// the policy.
pub(super) fn worst_first(record: &Record) -> Vec<&CheckRecord> {
    let mut checks: Vec<&CheckRecord> = record.checks.iter().collect();
    checks.sort_by_cached_key(|check| {
        let standing = Standing::of(check);
        let breaches = if standing == Standing::Watching { breaches_now(check) } else { 0 };
        let share = u64::from(breaches) * 1000 / u64::from(check.max_failures.max(1));
        let quiet = last(check).is_none_or(|s| s.state == State::Within);
        (standing, std::cmp::Reverse(share), standing == Standing::Watching && quiet)
    });
    checks
}
