//! What else the checks of a run could have come to: how bad their samples are whatever the limits, and what another claim
//! would have made of them. Must not change what they have come to.

use super::Engine;
use crate::gate::extreme::Extreme;
use crate::policy::events::Claim;

impl Engine {
    /// Keeps how bad each sample is from now on.
    pub fn keep_extremes(&mut self) {
        self.watches.iter_mut().for_each(|watch| watch.extremes.begin());
    }

    /// How bad each sample of `check` is, in the order of its record's, where that is kept.
    pub fn extremes(&self, check: usize) -> &[Option<Extreme>] {
        self.watches.get(check).map_or(&[], |watch| watch.extremes.all())
    }

    /// Whether the check numbered `check`, which counts events, would have failed if `claim` were claimed.
    pub fn would_fail(&self, check: usize, claim: Claim) -> bool {
        let all = self.watches.get(check).zip(self.record.checks.get(check));
        all.is_some_and(|(watch, record)| watch.would_fail(claim, record))
    }

    /// Whether the sampling ended before every window did.
    pub const fn stopped(&self) -> bool {
        self.stop.is_some()
    }
}
