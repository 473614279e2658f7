//! Evidence about how a candidate's share of bad events compares with a baseline's that runs beside it. Conditional on
//! the bad events of both, so that load and the split of the traffic may vary. Must be fed with both sides of a look at
//! once.

use super::mixture::Mixture;
use super::{GRID, Side};
use crate::stats::two_rates::Events;

/// The evidence that the ratio of two shares of bad events, candidate to baseline, lies on one side of a limit ρ₀.
///
/// E = mean over m of ∏ (θ_m/θ₀)^k_c · ((1−θ_m)/(1−θ₀))^k_s over the looks, with θ_ρ = ρT_c/(ρT_c + T_s) of each look's
/// own totals, and ρ_m = ρ₀·m above, ρ₀/m below, m from [`GRID`].
///
/// The promise holds for frequent bad events, too, not only for rare ones: for independent binomial counts with
/// p_c ≤ ρ₀p_s the expectation of a look's factor, ∏ (1 + p(r−1))^T over both sides, is at most 1 because
/// ln(1+x) ≤ x and the exponents then sum to at most 0.
#[derive(Debug, Clone, PartialEq)]
pub struct RatioEvidence {
    limit: f64,
    factors: Vec<f64>,
    mixture: Mixture,
}

impl RatioEvidence {
    /// No evidence yet that the ratio lies on `side` of `limit`, from the first event on; a limit that is not above 0
    /// is never disproved.
    pub fn new(side: Side, limit: f64) -> Self {
        Self::made(side, limit, Mixture::new)
    }

    /// No evidence yet that the ratio lies on `side` of `limit` since one of the looks, as
    /// [`ShareEvidence::restarting`](super::ShareEvidence::restarting).
    pub fn restarting(side: Side, limit: f64) -> Self {
        Self::made(side, limit, Mixture::restarting)
    }

    fn made(side: Side, limit: f64, mixture: fn(usize) -> Mixture) -> Self {
        let factors = match side {
            _ if limit.is_nan() || limit <= 0.0 || limit.is_infinite() => Vec::new(),
            Side::Above => GRID.to_vec(),
            Side::Below => GRID.iter().map(|m| m.recip()).collect(),
        };
        Self { limit, mixture: mixture(factors.len()), factors }
    }

    /// Takes in the events of both sides since the last look, under the terms of
    /// [`ShareEvidence::update`](super::ShareEvidence::update).
    pub fn update(&mut self, candidate: Events, baseline: Events) {
        let (Some(candidate), Some(baseline)) = (candidate.settled(), baseline.settled()) else { return };
        let share = candidate.total / (candidate.total + baseline.total);
        let bad = candidate.bad + baseline.bad;
        // Good events alone say nothing of a ratio, nor does one side.
        if !(bad > 0.0 && bad.is_finite() && share > 0.0 && share < 1.0) {
            return;
        }
        let weight = |ratio: f64| ratio * share + (1.0 - share);
        self.mixture.add(self.factors.iter().map(|factor| {
            // θ_m/θ₀ is m times what (1−θ_m)/(1−θ₀) is.
            let both = weight(self.limit) / weight(self.limit * factor);
            candidate.bad * factor.ln() + bad * both.ln()
        }));
    }

    /// ln E now.
    pub fn log_evidence(&self) -> f64 {
        self.mixture.now()
    }

    /// The highest ln E at any look so far.
    pub const fn peak(&self) -> f64 {
        self.mixture.peak()
    }

    /// Whether the evidence is now at least 1/`alpha`.
    pub fn reaches(&self, alpha: f64) -> bool {
        self.mixture.reaches(alpha)
    }

    /// Whether the evidence was at least 1/`alpha` at any look: the error rate is at most `alpha` for this, too.
    pub fn has_reached(&self, alpha: f64) -> bool {
        self.mixture.has_reached(alpha)
    }
}
