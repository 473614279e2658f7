//! Evidence about a share of bad events against a limit: that it is above (harm), or below (health). Must be made
//! before the first event it is fed with is seen.

use super::mixture::Mixture;
use super::{GRID, Side};
use crate::stats::two_rates::Events;

/// The evidence that the share of bad events lies on one side of a limit p₀, updated at every look.
///
/// E = mean over m of (p_m/p₀)^k · ((1−p_m)/(1−p₀))^(n−k), for k bad of n events in all, with p_m = p₀·m above and
/// p₀/m below, m from [`GRID`].
///
/// Alternatives above 1 are left out; one at 1 ("every event is bad") ends with the first good event. Where fewer than
/// three are left below 1, those at ¼, ½ and ¾ of the way from p₀ to 1 are added. A limit of 0 is disproved by one bad
/// event, a limit of 1 by one good one; a limit outside 0 to 1 is never disproved.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareEvidence {
    seen: Events,
    alternatives: Vec<Alternative>,
    /// The kind of event of which one is enough: of a limit at an end of 0 to 1.
    fatal: Option<Fatal>,
    mixture: Mixture,
}

/// What an event adds to the logarithm of an alternative's likelihood ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Alternative {
    bad: f64,
    good: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fatal {
    Bad,
    Good,
}

impl ShareEvidence {
    /// No evidence yet that the share lies on `side` of `limit`, from the first event on.
    pub fn new(side: Side, limit: f64) -> Self {
        Self::made(side, limit, Mixture::new)
    }

    /// No evidence yet that the share lies on `side` of `limit` since one of the looks: E is the mean over all looks j
    /// at which that may have begun, weighted by 1/(j(j+1)), of the evidence from j on. The promise is the same. Harm
    /// that begins late is found as if the good time before it had not been; the price is ln 2 for what is there from
    /// the start, ln(j(j+1)) for the rest. It makes no sense of health, which is to be proved of all events.
    pub fn restarting(side: Side, limit: f64) -> Self {
        Self::made(side, limit, Mixture::restarting)
    }

    fn made(side: Side, limit: f64, mixture: fn(usize) -> Mixture) -> Self {
        let shares = match side {
            _ if limit.is_nan() || limit <= 0.0 || limit >= 1.0 => Vec::new(),
            Side::Above => above(limit),
            Side::Below => GRID.iter().map(|m| limit / m).collect(),
        };
        let alternative = |share: &f64| Alternative {
            bad: (share / limit).ln(),
            good: (-share).ln_1p() - (-limit).ln_1p(),
        };
        let fatal = match side {
            Side::Above if limit == 0.0 => Some(Fatal::Bad),
            Side::Below if limit == 1.0 => Some(Fatal::Good),
            _ => None,
        };
        let alternatives: Vec<_> = shares.iter().map(alternative).collect();
        Self { seen: Events::default(), mixture: mixture(alternatives.len()), alternatives, fatal }
    }

    /// Takes in the events since the last look. More bad events than there were count as that many; counts that are
    /// no numbers, or infinite, are no news, and neither is a look without events.
    pub fn update(&mut self, since: Events) {
        let Some(since) = since.settled() else { return };
        let seen = Events::new(self.seen.bad + since.bad, self.seen.total + since.total);
        if since.total == 0.0 || !seen.total.is_finite() {
            return;
        }
        self.seen = seen;
        let good = since.total - since.bad;
        // An alternative at 1 has an infinite price for good events, to be paid only if there are any.
        let of = |count: f64, each: f64| if count > 0.0 { count * each } else { 0.0 };
        self.mixture.add(self.alternatives.iter().map(|a| of(since.bad, a.bad) + of(good, a.good)));
        match self.fatal {
            Some(Fatal::Bad) if since.bad > 0.0 => self.mixture.disprove(),
            Some(Fatal::Good) if good > 0.0 => self.mixture.disprove(),
            _ => {}
        }
    }

    /// All events taken in so far.
    pub const fn seen(&self) -> Events {
        self.seen
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

/// The alternatives above `limit`.
fn above(limit: f64) -> Vec<f64> {
    let mut shares: Vec<f64> = GRID.iter().map(|m| limit * m).filter(|share| *share <= 1.0).collect();
    if shares.iter().filter(|share| **share < 1.0).count() < 3 {
        shares.extend([0.25, 0.5, 0.75].map(|part| limit + part * (1.0 - limit)));
    }
    shares
}
