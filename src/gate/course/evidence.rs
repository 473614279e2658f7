//! The evidence of a claim: against it, and for it, of all events so far. Must not know when they were counted or what
//! follows.

use crate::policy::events::Claim;
use crate::stats::evidence::{RatioEvidence, ShareEvidence, Side};
use crate::stats::two_rates::Events;

/// Evidence against a claim and for it.
#[derive(Debug)]
pub(super) enum Sums {
    /// Of a share at most a limit.
    Share { against: ShareEvidence, holds: ShareEvidence },
    /// Of a share at most so many times that of a baseline, or at most a floor.
    Times { against: RatioEvidence, holds: RatioEvidence, floor: Option<Floor> },
    /// Of nothing: what is spent of a budget is no matter of chance.
    None,
}

/// The same of the floor.
#[derive(Debug)]
pub(super) struct Floor {
    against: ShareEvidence,
    holds: ShareEvidence,
}

impl Sums {
    /// No evidence yet. Harm may begin at any look; that all is well is to be proved of all events.
    pub(super) fn new(claim: &Claim) -> Self {
        let against = |limit| ShareEvidence::restarting(Side::Above, limit);
        let holds = |limit| ShareEvidence::new(Side::Below, limit);
        match *claim {
            Claim::AtMost(max) => Self::Share { against: against(max), holds: holds(max) },
            Claim::Against { max_times, floor } => Self::Times {
                against: RatioEvidence::restarting(Side::Above, max_times),
                holds: RatioEvidence::new(Side::Below, max_times),
                floor: (floor > 0.0).then(|| Floor { against: against(floor), holds: holds(floor) }),
            },
            Claim::Budget(_) => Self::None,
        }
    }

    /// Takes in what came since the last look, of the check and of its baseline.
    pub(super) fn update(&mut self, events: Events, baseline: Option<Events>) {
        match self {
            Self::Share { against, holds } => {
                against.update(events);
                holds.update(events);
            }
            Self::Times { against, holds, floor } => {
                let baseline = baseline.unwrap_or_default();
                against.update(events, baseline);
                holds.update(events, baseline);
                if let Some(floor) = floor {
                    floor.against.update(events);
                    floor.holds.update(events);
                }
            }
            Self::None => {}
        }
    }

    /// ln of the evidence against the claim. It is false only where the share is above both the multiple and the floor:
    /// there must be as much evidence of either.
    pub(super) fn log_against(&self) -> f64 {
        match self {
            Self::Share { against, .. } => against.log_evidence(),
            Self::Times { against, floor, .. } => {
                let floor = floor.as_ref().map_or(f64::INFINITY, |floor| floor.against.log_evidence());
                against.log_evidence().min(floor)
            }
            Self::None => 0.0,
        }
    }

    /// ln of the evidence for the claim. It holds where the share is below either: the mean of both is evidence of one.
    pub(super) fn log_for(&self) -> f64 {
        match self {
            Self::Share { holds, .. } => holds.log_evidence(),
            Self::Times { holds, floor: None, .. } => holds.log_evidence(),
            Self::Times { holds, floor: Some(floor), .. } => {
                let (one, other) = (holds.log_evidence(), floor.holds.log_evidence());
                let (low, high) = (one.min(other), one.max(other));
                if high.is_infinite() { high } else { high + (0.5 * (1.0 + (low - high).exp())).ln() }
            }
            Self::None => 0.0,
        }
    }

    /// Whether the evidence against the claim is at least 1/`alpha`.
    pub(super) fn against(&self, alpha: f64) -> bool {
        self.log_against() >= -alpha.ln()
    }

    /// Whether the evidence for it is at least 1/`beta`.
    pub(super) fn holds(&self, beta: f64) -> bool {
        self.log_for() >= -beta.ln()
    }
}
