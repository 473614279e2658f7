//! How a check comes to its outcome: each way takes the samples in tick order, may fail the check at one of them, and says
//! at the end of the window what it came to. Pure; must not ask anything and must not know what the verdict is.

mod conclusion;
mod events;
mod evidence;
mod healthy;
mod once;
mod placebo;
pub(super) mod ranks;
mod sustained;
mod words;

use std::ops::Range;

use jiff::Timestamp;

use super::counted::Histories;
use super::evidence::Evidence;
use super::judge::{Judged, Point};
use super::outcome::{self, CheckRecord, Outcome, Sample, State, Verdict};
use super::plan::CheckPlan;
use crate::check::Counts;
use crate::policy::events::Tested;
use crate::policy::model::Check;
use crate::policy::window::Mode;
use events::Counting;
use healthy::Healthy;
use once::Once;
use sustained::Sustained;

/// What a sample means, kept beside it for the second asking.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// It is not judged.
    Unjudged,
    /// It meets the criterion.
    Within,
    /// It holds values for a test at the end.
    Measured(Box<[Point]>),
    /// It does not; the label sets that breach, by hash, where those are counted apart.
    Breach(Box<[u64]>),
    /// Events were counted; `settling` ones do not count.
    Counted {
        /// How many.
        counts: Counts,
        /// Whether they do not count, as the check has not begun to.
        settling: bool,
    },
}

impl Mark {
    /// What `judged` means.
    pub(super) fn of(judged: &mut Judged) -> Self {
        match judged.state {
            State::Within if !judged.points.is_empty() => {
                Self::Measured(std::mem::take(&mut judged.points).into_boxed_slice())
            }
            State::Within | State::Breach | State::Settling if let Some(counts) = judged.counts => {
                Self::Counted { counts, settling: judged.state == State::Settling }
            }
            State::Within => Self::Within,
            State::Breach => Self::Breach(judged.breaching.clone().into_boxed_slice()),
            State::NoData | State::NoTraffic | State::Settling | State::Error | State::Missed => {
                Self::Unjudged
            }
        }
    }
}

/// What follows when the planned window is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// It runs on, at most so many ticks, until the check fails or a sample is within.
    RunOn(u32),
    /// It comes to its outcome.
    Conclude,
}

/// The way of one check.
#[derive(Debug)]
pub(super) enum Course {
    /// Good for the whole of the window: so many breaches among so many samples fail it.
    Sustained(Box<Sustained>),
    /// Good at last: it must have held for a while.
    Healthy(Healthy),
    /// All its events together.
    Counting(Box<Counting>),
    /// Decided once, at the last tick, by all samples.
    Once(Once),
}

/// What a check came to at the end of its window.
#[derive(Debug)]
pub(super) struct Concluded {
    /// The outcome.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// What a failure means at most, where it is less than the check says.
    pub at_most: Option<Verdict>,
    /// What a test found.
    pub tested: Option<outcome::Tested>,
}

impl From<(Outcome, String)> for Concluded {
    fn from((outcome, reason): (Outcome, String)) -> Self {
        Self::new(outcome, reason)
    }
}

impl Concluded {
    const fn new(outcome: Outcome, reason: String) -> Self {
        Self { outcome, reason, at_most: None, tested: None }
    }
}

impl Course {
    /// The way of `check`, at its beginning.
    pub(super) fn of(check: &Check, plan: &CheckPlan) -> Self {
        if let Some((relative, test)) =
            check.judging.relative.and_then(|relative| Some((relative, relative.test?)))
        {
            return Self::Once(Once::new(relative, test, plan));
        }
        match (check.events, check.mode) {
            (Some(tested), _) => Self::counting(tested),
            (None, Mode::Sustained) => Self::Sustained(Box::new(Sustained::new(check, plan))),
            (None, Mode::UntilHealthy { stable_for }) => Self::Healthy(Healthy::new(check, plan, stable_for)),
        }
    }

    /// The way of a check of events that are judged as `tested` says.
    pub(super) fn counting(tested: Tested) -> Self {
        Self::Counting(Box::new(Counting::new(tested)))
    }

    /// Takes in what has been answered about the past, before any sample is.
    pub(super) fn learn(&mut self, check: &Check, history: &Histories) {
        match self {
            Self::Sustained(_) | Self::Healthy(_) | Self::Once(_) => {}
            Self::Counting(way) => way.learn(check, history),
        }
    }

    /// What its counted events say, where it counts any.
    pub(super) fn evidence(&self) -> Option<Evidence> {
        match self {
            Self::Sustained(_) | Self::Healthy(_) | Self::Once(_) => None,
            Self::Counting(way) => Some(way.evidence()),
        }
    }

    /// Takes in the next sample in tick order; why the check fails by it, if it does.
    pub(super) fn take(&mut self, mark: &Mark, sample: &Sample) -> Option<String> {
        match self {
            Self::Sustained(way) => way.take(mark, sample),
            Self::Healthy(way) => {
                way.take(mark, sample);
                None
            }
            Self::Counting(way) => way.take(mark, sample),
            Self::Once(_) => None,
        }
    }

    /// Whether the check would pass if the gate ended now.
    pub(super) fn holds(&self, _: &CheckRecord) -> bool {
        match self {
            Self::Sustained(_) | Self::Once(_) => false,
            Self::Healthy(way) => way.held().is_some(),
            Self::Counting(way) => way.holds(),
        }
    }

    /// The moments at which it holds, where that passes with time: checks must hold at the same one.
    pub(super) fn held(&self) -> Option<Range<Timestamp>> {
        match self {
            Self::Sustained(_) | Self::Counting(_) | Self::Once(_) => None,
            Self::Healthy(way) => way.held(),
        }
    }

    /// The planned window of a check that has not failed is over.
    pub(super) fn close(&self, _: &CheckRecord, marks: &[Mark]) -> Close {
        match self {
            Self::Sustained(way) => way.close(marks),
            Self::Healthy(_) | Self::Once(_) => Close::Conclude,
            Self::Counting(way) => way.close(),
        }
    }

    /// What a check that has not failed came to, and why; `history` is what was answered about the past.
    pub(super) fn conclude(&self, record: &CheckRecord, marks: &[Mark], history: &Histories) -> Concluded {
        match self {
            Self::Sustained(way) => way.conclude(record).into(),
            Self::Healthy(way) => way.conclude(record).into(),
            Self::Counting(way) => way.conclude(record).into(),
            Self::Once(way) => way.conclude(record, marks, history),
        }
    }
}

#[cfg(test)]
mod tests;
