//! When a gate can have its verdict at the earliest, by its plan. Pure; must not know what has been measured.

use std::time::Duration;

use jiff::Timestamp;

use super::outcome::Verdict;
use super::plan::CheckPlan;
use crate::host::clock::later;
use crate::policy::model::{Check, FailureAction};
use crate::policy::window::Mode;

/// A check that is watched.
#[derive(Debug, Clone, Copy)]
pub struct Part<'p> {
    /// Its ticks.
    pub plan: &'p CheckPlan,
    /// How its window is judged.
    pub mode: Mode,
    /// How long after a tick it is asked.
    pub delay: Duration,
    /// Whether it is counted; what is not is watched to its end all the same.
    pub counted: bool,
    /// Whether its failure means rollback.
    pub rolls_back: bool,
}

/// The earliest verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earliest {
    /// When it can be said.
    pub at: Timestamp,
    /// Which one can; `None` where any of them can.
    pub verdict: Option<Verdict>,
}

impl<'p> Part<'p> {
    /// That of `check`.
    pub fn of(check: &Check, plan: &'p CheckPlan) -> Self {
        Self {
            plan,
            mode: check.mode,
            delay: check.probe.delay(),
            counted: !check.dry_run,
            rolls_back: check.failure_action == FailureAction::Rollback,
        }
    }

    /// When the breach that completes a failure can be known.
    pub fn failure(&self) -> Timestamp {
        match self.mode {
            Mode::Sustained => {
                // An early breach makes its tick due.
                let ticks = self.plan.first_asked() + self.plan.max_failures.saturating_sub(1);
                later(self.plan.tick(ticks), self.delay)
            }
            Mode::UntilHealthy { .. } => self.end(),
        }
    }

    /// When it can be known that it passes.
    pub fn pass(&self) -> Timestamp {
        match self.mode {
            Mode::Sustained => self.end(),
            Mode::UntilHealthy { stable_for } => {
                let span = stable_for.min(self.plan.due_span()).as_nanos();
                let ticks = span.div_ceil(self.plan.interval.as_nanos().max(1));
                let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
                later(self.plan.tick(self.plan.first_due().saturating_add(ticks)), self.delay)
            }
        }
    }

    /// When its planned window has ended, without a run-on.
    pub fn end(&self) -> Timestamp {
        later(self.plan.last(), self.delay)
    }
}

/// The earliest verdict of a gate that watches `parts`; `None` where it watches nothing.
pub fn earliest(parts: &[Part<'_>], fail_fast: bool) -> Option<Earliest> {
    let end = parts.iter().map(Part::end).max()?;
    let rollback = parts.iter().filter(|part| part.counted && part.rolls_back && fail_fast);
    let rollback = rollback.map(Part::failure).min().map(|at| (at, Verdict::Rollback));
    let pass = pass(parts).map(|at| (at, Verdict::Pass));
    let sooner = rollback.into_iter().chain(pass).filter(|(at, _)| *at < end).min();
    Some(match sooner {
        Some((at, verdict)) => Earliest { at, verdict: Some(verdict) },
        None => Earliest { at: end, verdict: None },
    })
}

/// When it can pass at the earliest: when all that counts can have shown what it must, else at the end of all.
pub fn pass(parts: &[Part<'_>]) -> Option<Timestamp> {
    let sustained = parts.iter().all(|part| part.mode == Mode::Sustained || !part.counted);
    let awaited = parts.iter().filter(|part| part.counted || sustained);
    awaited.map(Part::pass).max()
}

impl Earliest {
    /// ` (rollback)`: which verdict it can be; nothing where it can be any.
    pub fn which(&self) -> String {
        self.verdict.map(|verdict| format!(" ({})", verdict.word())).unwrap_or_default()
    }
}
