//! Questions that go with a check: those asked at each of its ticks, and those asked once about the past. Must not judge
//! their answers; the gate does.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Probe;
use crate::policy::context::{OnDataLost, PreExisting};
use crate::policy::criterion::Number;

/// A question that goes with a check: asked at each of its ticks.
#[derive(Debug, Clone)]
pub struct Beside {
    /// What its answer means for the sample.
    pub role: Role,
    /// What asks it.
    pub probe: Arc<dyn Probe>,
}

/// A question about the time before the deployment, asked once.
#[derive(Debug, Clone)]
pub struct History {
    /// What its answer means for the check.
    pub purpose: Purpose,
    /// What asks it.
    pub probe: Arc<dyn Probe>,
    /// The times that it is asked about, in order; at least one.
    pub times: Vec<Timestamp>,
    /// From time to time; zero for times that keep no step.
    pub step: Duration,
}

/// What the answer of a question beside a check means for the sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Role {
    /// Below this value there is no traffic to judge.
    Evidence(f64),
    /// The share of the traffic that the new version takes; below this one it is not live yet.
    Version(f64),
    /// How old the newest sample of each series of the result is, in seconds; those that are older are no data.
    SeriesAge(Duration),
    /// How old the newest sample is that the query looks at, in seconds; where it is older there is no data.
    Age(Duration),
    /// The same over a shorter range: a breach counts only where this breaches too.
    Confirm,
    /// What the values are compared with.
    Baseline,
    /// The check's own values at the same time of an earlier season.
    Season,
}

/// What the answer of a question about the past means for a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Whether a failed check was as bad before, and what that means; asked at its first breach.
    PreExisting(PreExisting),
    /// Which series there were, and what it means where they are gone.
    Lost(OnDataLost),
    /// How many events there were in each minute before it, from which their dispersion is learnt.
    Dispersion,
    /// How many events there were in each part of an error budget's period.
    Volume,
    /// What the values are compared with.
    Baseline,
    /// The same of an earlier season.
    Season,
}

impl Role {
    /// The word of reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Evidence(_) => "evidence",
            Self::Version(_) => "expect_version",
            Self::SeriesAge(_) | Self::Age(_) => "max_data_age",
            Self::Confirm => "confirm",
            Self::Baseline => "baseline",
            Self::Season => "season",
        }
    }

    /// What the answer must be, for people.
    pub fn must(self) -> String {
        match self {
            Self::Evidence(least) => format!("at least {}", Number(least)),
            Self::Version(least) => format!("a share of at least {}", Number(least)),
            Self::SeriesAge(limit) | Self::Age(limit) => {
                format!("at most {} old", humantime::format_duration(limit))
            }
            Self::Confirm => "a breach too".to_owned(),
            Self::Baseline | Self::Season => "a value for each series".to_owned(),
        }
    }
}

impl Purpose {
    /// The field of the policy that it is asked for.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PreExisting(_) => "pre_existing",
            Self::Lost(_) => "on_data_lost",
            Self::Dispersion => "events",
            Self::Volume => "error_budget",
            Self::Baseline => "baseline",
            Self::Season => "season",
        }
    }

    /// Whether it is the check's own question, asked about the past.
    pub const fn repeats(self) -> bool {
        matches!(self, Self::PreExisting(_) | Self::Lost(_) | Self::Baseline | Self::Season)
    }

    /// Whether it is asked only when the check has breached.
    pub const fn waits_for_breach(self) -> bool {
        matches!(self, Self::PreExisting(_))
    }

    /// Whether it is asked over a window as long as the check's.
    const fn spreads(self) -> bool {
        matches!(self, Self::PreExisting(_))
    }
}

impl History {
    /// The same for a check that is sampled for `duration` every `interval`: a window of equal length that ends where
    /// this one ends.
    pub fn spread(&mut self, duration: Duration, interval: Duration) {
        let Some(end) = self.times.last().copied().filter(|_| self.purpose.spreads()) else { return };
        let steps = duration.as_nanos() / interval.as_nanos().max(1);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        let back = |k| end.checked_sub(interval.saturating_mul(k)).unwrap_or(Timestamp::MIN);
        self.times = (0..=steps).rev().map(back).collect();
        self.step = interval;
    }
}
