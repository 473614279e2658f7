//! What a run came to, check by check, and the record that every report is made of. Must stay plain data: no
//! serialisation (each format has its own types), no clock, no decisions.

mod action;
mod sample;
mod tested;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::arrival::Arrival;
use super::before::Before;
use super::evidence::Evidence;
use super::plan::CheckPlan;
use super::soonest::Part;
use crate::check::Labels;
use crate::exit::Exit;
use crate::policy::model::Check;
use crate::policy::window::Mode;

pub use action::{ActionRecord, ActionStatus, Followed};
pub use sample::Sample;
pub use tested::{Found, Tested, TestedSeries};

/// The state of one tick's sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Judged: it meets the criterion.
    Within,
    /// Judged: it does not.
    Breach,
    /// Nothing, or too few series, came back.
    NoData,
    /// Only NaN, a ratio of nothing to nothing.
    NoTraffic,
    /// It would judge what was before the deployment.
    Settling,
    /// The source could not be asked.
    Error,
    /// The tick was never asked.
    Missed,
}

impl State {
    /// The word of reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Breach => "breach",
            Self::NoData => "no_data",
            Self::NoTraffic => "no_traffic",
            Self::Settling => "settling",
            Self::Error => "error",
            Self::Missed => "missed",
        }
    }

    /// Whether it counts as judged.
    pub const fn judged(self) -> bool {
        matches!(self, Self::Within | Self::Breach)
    }
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its window ended and it held.
    Passed,
    /// Its breaches completed `max_failures`.
    Failed,
    /// Its window ended and too little was seen.
    Inconclusive,
    /// It was stopped before its end.
    Unfinished,
    /// It does not apply here.
    Skipped,
}

impl Outcome {
    /// The word of reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Unfinished => "unfinished",
            Self::Skipped => "skipped",
        }
    }
}

/// What the gate came to; the worst contribution wins, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Keep it.
    Pass,
    /// Keep it and look at it.
    Alert,
    /// Nobody can say.
    Inconclusive,
    /// Take it back.
    Rollback,
}

impl Verdict {
    /// The word of reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Alert => "alert",
            Self::Inconclusive => "inconclusive",
            Self::Rollback => "rollback",
        }
    }
}

/// A check and all that is known of it.
#[derive(Debug, Clone)]
pub struct CheckRecord {
    /// The check.
    pub check: Arc<Check>,
    /// What it came to; `None` while it is being watched.
    pub outcome: Option<Outcome>,
    /// What it adds to the verdict; `None` while unknown, and for what is not counted.
    pub contribution: Option<Verdict>,
    /// Why, in one line.
    pub reason: String,
    /// Its ticks, as they were planned.
    pub plan: CheckPlan,
    /// The tick at which it was known that it fails.
    pub failed_at: Option<Timestamp>,
    /// Breaches that fail it, capped by the due ticks.
    pub max_failures: u32,
    /// Among so many consecutive judged samples.
    pub within: u32,
    /// Judged samples below which it is inconclusive, capped by the due ticks.
    pub min_samples: u32,
    /// Ticks planned, run-on included.
    pub planned: u32,
    /// Planned ticks that count.
    pub due: u32,
    /// Ticks never asked.
    pub missed: u32,
    /// Of a failed check: how it was before the rollout, where that was asked.
    pub before: Option<Before>,
    /// The samples asked, in tick order.
    pub samples: Vec<Sample>,
    /// What its counted events say, where it counts any.
    pub evidence: Option<Box<Evidence>>,
    /// What a failure means at most, where it is less than the check says.
    pub at_most: Option<Verdict>,
    /// What a test at the end found.
    pub tested: Option<Tested>,
}

impl CheckRecord {
    /// What it has to do with when the verdict can come.
    pub fn part(&self) -> Part<'_> {
        Part::of(&self.check, &self.plan)
    }

    /// How many samples are in `state`.
    pub fn count(&self, state: State) -> u32 {
        if state == State::Missed {
            return self.missed;
        }
        u32::try_from(self.samples.iter().filter(|s| s.state == state).count()).unwrap_or(u32::MAX)
    }

    /// The finite value that came nearest to its limit, or went farthest beyond it, in all judged samples, and whose it is.
    pub fn worst(&self) -> Option<(&Arc<Labels>, f64)> {
        let criterion = &self.check.judging.criterion;
        if criterion.is_empty() {
            return None;
        }
        let judged = self.samples.iter().filter(|s| s.state.judged());
        judged
            .filter_map(|sample| sample.values.first().map(|(labels, value)| (labels, *value)))
            .filter(|(_, value)| value.is_finite())
            .max_by(|(_, a), (_, b)| criterion.beyond(*a).total_cmp(&criterion.beyond(*b)))
    }

    /// How many samples are judged.
    pub fn judged(&self) -> u32 {
        self.count(State::Within) + self.count(State::Breach)
    }
}

/// How a run was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// All that a report is made of. `verdict: None` and `cancelled: None` mean that the gate is still running.
#[derive(Debug, Clone)]
pub struct Record {
    /// Names this run among others.
    pub run_id: String,
    /// The policy's name.
    pub policy: String,
    /// What was deployed.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Which version.
    pub version: Option<String>,
    /// Which version it replaced.
    pub previous_version: Option<String>,
    /// What the pipeline calls this run.
    pub run_url: Option<String>,
    /// What the gate came to.
    pub verdict: Option<Verdict>,
    /// The signal that ended it.
    pub cancelled: Option<Cancelled>,
    /// The verdict's exit code, and the one that the process returns.
    pub exit: Option<(Exit, Exit)>,
    /// What keeps the run from acting or from failing the pipeline; empty when it is armed.
    pub disarmed: Vec<String>,
    /// When the new version was live; `None` for `--deployed-at none`.
    pub deployed_at: Option<Timestamp>,
    /// When the gate began.
    pub started_at: Timestamp,
    /// When it had its verdict and had acted.
    pub finished_at: Option<Timestamp>,
    /// The first tick of the window.
    pub open: Timestamp,
    /// How long the window is, without run-on.
    pub duration: Duration,
    /// From tick to tick, unless a check says otherwise.
    pub interval: Duration,
    /// How windows are judged.
    pub judging: Mode,
    /// The latest moment at which a verdict is said.
    pub deadline: Timestamp,
    /// Whether the first rollback ends the sampling.
    pub fail_fast: bool,
    /// The variables, sorted by name.
    pub variables: Vec<(String, String)>,
    /// What is known of the new version's share of the traffic; `None` where the policy expects none.
    pub arrival: Option<Arrival>,
    /// The checks, in the policy's order.
    pub checks: Vec<CheckRecord>,
    /// What was done.
    pub actions: Vec<ActionRecord>,
    /// What people should know, each once.
    pub warnings: Vec<String>,
}

impl Record {
    /// `armed`, or `disarmed: ` and by what.
    pub fn mode(&self) -> String {
        if self.disarmed.is_empty() {
            "armed".to_owned()
        } else {
            format!("disarmed: {}", self.disarmed.join(", "))
        }
    }

    /// The verdict's word, `cancelled`, or `None` while the gate runs.
    pub fn verdict_word(&self) -> Option<&'static str> {
        match (self.cancelled, self.verdict) {
            (Some(_), _) => Some("cancelled"),
            (None, verdict) => verdict.map(Verdict::word),
        }
    }
}

/// What has just happened, for those who watch the run; the indices point into the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The plan stands and nothing is measured yet.
    Planned,
    /// A sample was taken in.
    Sampled {
        /// Index of the check.
        check: usize,
        /// Index of the sample.
        sample: usize,
    },
    /// A sample was asked a second time and its state changed.
    Resampled {
        /// Index of the check.
        check: usize,
        /// Index of the sample.
        sample: usize,
    },
    /// A check's window runs on after a breach.
    RunsOn {
        /// Index of the check.
        check: usize,
    },
    /// A check's window is extended for want of traffic, for the first time.
    Extended {
        /// Index of the check.
        check: usize,
    },
    /// A check came to its outcome.
    Decided {
        /// Index of the check.
        check: usize,
    },
    /// Nothing, for a minute.
    Heartbeat,
    /// A warning was added.
    Warned,
    /// The verdict is said; acting begins.
    Judged,
    /// What an action started goes on, or has ended.
    Followed {
        /// Index of the action.
        action: usize,
    },
    /// An action ended.
    Acted {
        /// Index of the action.
        action: usize,
    },
    /// All is done.
    Finished,
}
