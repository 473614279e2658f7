//! Questions that go with a check: those asked at each of its ticks, and those asked once about the past. Must not judge
//! their answers; the gate does.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Probe;

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
}

/// What the answer of a question about the past means for a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Whether a failed check was as bad before; asked at its first breach.
    PreExisting,
    /// How many events there were in each minute before it, from which their dispersion is learnt.
    Dispersion,
    /// How many events there were in each part of an error budget's period.
    Volume,
}

impl Purpose {
    /// Whether it is asked only when the check has breached.
    pub const fn waits_for_breach(self) -> bool {
        matches!(self, Self::PreExisting)
    }
}
