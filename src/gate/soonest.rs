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
    /// Whether all its events together are judged, so that any tick may be enough to fail it; and to prove it, too,
    /// where that can be.
    pub events: Option<Provable>,
    /// Whether it is decided once, at its last tick.
    pub once: bool,
    /// How long after a tick it is asked.
    pub delay: Duration,
    /// Whether it is counted; what is not is watched to its end all the same.
    pub counted: bool,
    /// Whether its failure means rollback.
    pub rolls_back: bool,
}

/// Whether events can be proved to be as they must before the window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provable(pub bool);

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
            events: check.events.map(|tested| Provable(tested.has_rate())),
            once: check.decided_once(),
            delay: check.delay(),
            counted: !check.dry_run,
            rolls_back: check.failure_action == FailureAction::Rollback,
        }
    }

    /// When the breach that completes a failure can be known.
    pub fn failure(&self) -> Timestamp {
        match self.mode {
            _ if self.once => self.end(),
            _ if self.events.is_some() => later(self.plan.tick(self.plan.first_due()), self.delay),
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
            _ if self.once => self.end(),
            _ if self.events == Some(Provable(true)) => self.failure(),
            _ if self.events.is_some() => self.end(),
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
    let either = rollback.zip(pass).is_some_and(|((one, _), (other, _))| one == other);
    Some(match sooner {
        Some((at, _)) if either => Earliest { at, verdict: None },
        Some((at, verdict)) => Earliest { at, verdict: Some(verdict) },
        None => Earliest { at: end, verdict: None },
    })
}

/// When it can pass at the earliest: when all that counts can have shown what it must, else at the end of all.
pub fn pass(parts: &[Part<'_>]) -> Option<Timestamp> {
    let sustained = parts.iter().all(|part| part.pass() == part.end() || !part.counted);
    let awaited = parts.iter().filter(|part| part.counted || sustained);
    awaited.map(|part| if part.counted { part.pass() } else { part.end() }).max()
}

impl Earliest {
    /// ` (rollback)`: which verdict it can be; nothing where it can be any.
    pub fn which(&self) -> String {
        self.verdict.map(|verdict| format!(" ({})", verdict.word())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const SECOND: Duration = Duration::from_secs(1);

    fn first() -> Timestamp {
        "2026-01-15T11:00:00Z".parse().unwrap()
    }

    /// After how many seconds the earliest verdict of `parts` comes, and which.
    fn soonest(parts: &[Part<'_>], fail_fast: bool) -> (u64, Option<Verdict>) {
        let Earliest { at, verdict } = earliest(parts, fail_fast).unwrap();
        (crate::host::clock::between(first(), at).as_secs(), verdict)
    }

    #[test]
    fn settling_delays_and_ways_decide_the_earliest_verdict() {
        let plan = testing::ticks(first());
        let settling = CheckPlan { settling: 4, unasked: 4, ..testing::ticks(first()) };
        let early = CheckPlan { settling: 4, unasked: 2, ..testing::ticks(first()) };
        let sustained = |plan| Part {
            plan,
            mode: Mode::Sustained,
            once: false,
            events: None,
            delay: SECOND,
            counted: true,
            rolls_back: true,
        };
        assert_eq!(soonest(&[sustained(&plan)], true), (31, Some(Verdict::Rollback)));
        assert_eq!(soonest(&[sustained(&settling)], true), (91, Some(Verdict::Rollback)));
        assert_eq!(soonest(&[sustained(&early)], true), (61, Some(Verdict::Rollback)));
        assert_eq!(soonest(&[sustained(&plan)], false), (301, None));
        let once = Part { once: true, ..sustained(&plan) };
        assert_eq!(soonest(&[once], true), (301, None));
        let alert = Part { rolls_back: false, ..sustained(&plan) };
        assert_eq!(soonest(&[alert], true), (301, None));
        let dry = Part { counted: false, ..sustained(&plan) };
        assert_eq!(soonest(&[dry], true), (301, None));
        assert_eq!(earliest(&[], true), None);

        let mode = Mode::UntilHealthy { stable_for: SECOND * 40 };
        let healthy = |plan| Part { mode, ..sustained(plan) };
        assert_eq!(soonest(&[healthy(&plan)], true), (46, Some(Verdict::Pass)));
        assert_eq!(soonest(&[healthy(&plan), healthy(&settling)], true), (106, Some(Verdict::Pass)));
        // Dry runs are waited for by nobody.
        let dry = Part { counted: false, ..healthy(&settling) };
        assert_eq!(soonest(&[healthy(&plan), dry], true), (46, Some(Verdict::Pass)));
        assert_eq!(soonest(&[dry], true), (301, None));
    }
}
