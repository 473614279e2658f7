//! Events as a probe counted them: how many there were since the deployment, and how many of them were bad. Must not
//! judge them.

use crate::stats::two_rates::Events;

/// Events since the deployment, up to a tick: each count holds those of the ticks before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counts {
    /// Those of the check.
    pub events: Events,
    /// Those of the baseline that runs beside it.
    pub baseline: Option<Events>,
    /// Whether each was counted, and none estimated.
    pub exact: bool,
}
