//! Whether bad events are more frequent on one side than on another, by the exact test on their split. For one look
//! only: repeated at every tick it is wrong far more often than it says (`evidence` is made for that).

use super::binomial;

/// What one side has seen.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Events {
    /// How many of the events were bad; may be fractional.
    pub bad: f64,
    /// How many there were; may be fractional.
    pub total: f64,
}

impl Events {
    /// `bad` of `total`.
    pub const fn new(bad: f64, total: f64) -> Self {
        Self { bad, total }
    }

    /// Both counts divided by the dispersion of the counts, so that they carry the information of independent events;
    /// a dispersion below 1, or NaN, divides by 1.
    #[must_use]
    pub fn deflated(self, dispersion: f64) -> Self {
        let by = dispersion.max(1.0);
        Self { bad: self.bad / by, total: self.total / by }
    }

    /// What counts of it: both finite, at least 0, and no more bad ones than there were. Counters that are read at
    /// different moments may say otherwise.
    pub(super) fn settled(self) -> Option<Self> {
        if !(self.bad.is_finite() && self.total.is_finite()) {
            return None;
        }
        let total = self.total.max(0.0);
        Some(Self { bad: self.bad.clamp(0.0, total), total })
    }
}

/// The p-value against "the share of bad events in `candidate` is at most `ratio` times that in `baseline`": the
/// probability that of all bad events so many, or more, fall on the candidate, P(X ≥ k_c) with X binomial of k_c + k_s
/// and θ = ρT_c/(ρT_c + T_s). 1 without bad events, or where the question has no sense.
///
/// Source: Przyborowski and Wilenski, Biometrika 31 (1940).
pub fn exceeds(candidate: Events, baseline: Events, ratio: f64) -> f64 {
    let weighted = ratio * candidate.total;
    let theta = weighted / (weighted + baseline.total);
    let bad = candidate.bad + baseline.bad;
    if !(bad > 0.0 && bad.is_finite() && ratio > 0.0 && theta.is_finite()) {
        return 1.0;
    }
    binomial::at_least(candidate.bad, bad, theta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::testing::{assert_close, golden, number};

    #[test]
    fn the_split_of_bad_events_is_tested_as_by_scipy() {
        for case in golden("conditional_binomial_greater") {
            let candidate = Events::new(number(&case, "kc"), number(&case, "Tc"));
            let baseline = Events::new(number(&case, "ks"), number(&case, "Ts"));
            assert_close(exceeds(candidate, baseline, number(&case, "rho0")), number(&case, "p"), 1e-9);
        }
    }

    #[test]
    fn no_bad_events_are_no_evidence() {
        let none = Events::default();
        assert_eq!(exceeds(none, none, 1.0), 1.0);
        assert_eq!(exceeds(Events::new(f64::NAN, 1.0), none, 1.0), 1.0);
        assert_eq!(exceeds(Events::new(5.0, 10.0), Events::new(5.0, 10.0), f64::NAN), 1.0);
        // Without a baseline's events nothing can be compared.
        assert_eq!(exceeds(Events::new(5.0, 10.0), none, 1.0), 1.0);
    }

    #[test]
    fn deflated_counts_keep_their_share() {
        let events = Events::new(6.0, 300.0);
        assert_eq!(events.deflated(3.0), Events::new(2.0, 100.0));
        assert_eq!(events.deflated(0.5), events);
        assert_eq!(events.deflated(f64::NAN), events);
    }
}
