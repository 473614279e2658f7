//! Exact tails and bounds for a share of events, and Wilson's interval for showing. Counts may be fractional, as they
//! are after division by a dispersion. Must not decide anything by Wilson's interval: one-sided, it promises less than
//! it says for fewer than about 100 events.

use super::{beta, normal};

/// The values from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// P(X ≥ `k`) of `n` events that each are bad with probability `p` = I_p(k, n−k+1).
pub fn at_least(k: f64, n: f64, p: f64) -> f64 {
    if k <= 0.0 {
        1.0
    } else if k > n {
        0.0
    } else {
        beta::tails(k, n - k + 1.0, p).lower
    }
}

/// P(X ≤ `k`) of `n` events that each are bad with probability `p` = 1 − I_p(k+1, n−k).
pub fn at_most(k: f64, n: f64, p: f64) -> f64 {
    if k < 0.0 {
        0.0
    } else if k >= n {
        1.0
    } else {
        beta::tails(k + 1.0, n - k, p).upper
    }
}

/// The lower Clopper–Pearson bound: the largest share under which `k` or more of `n` had a probability of at most
/// `alpha`. It is above the true share in at most `alpha` of all cases. Relative error about 1e-12.
///
/// `k` is taken as at most `n`; without events, or with an `alpha` outside 0 to 1, the bound is 0.
pub fn lower_bound(k: f64, n: f64, alpha: f64) -> f64 {
    if !(n > 0.0 && k > 0.0 && alpha > 0.0 && n.is_finite()) {
        return 0.0;
    }
    if alpha >= 1.0 {
        return 1.0;
    }
    let k = k.min(n);
    // P(X ≥ k) grows with the share: halve the interval of its logarithm, as the share may be tiny.
    let (mut low, mut high) = (f64::MIN_POSITIVE.ln(), 0.0_f64);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        // A tail that cannot be computed leaves the bound at its harmless end, as below.
        if at_least(k, n, middle.exp()) < alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    low.exp()
}

/// The upper Clopper–Pearson bound: the smallest share under which `k` or fewer of `n` had a probability of at most
/// `alpha`; 1 without events. See [`lower_bound`].
pub fn upper_bound(k: f64, n: f64, alpha: f64) -> f64 {
    if !(n > 0.0 && k < n && alpha > 0.0 && n.is_finite()) {
        return 1.0;
    }
    if alpha >= 1.0 {
        return 0.0;
    }
    let k = k.max(0.0);
    let (mut low, mut high) = (f64::MIN_POSITIVE.ln(), 0.0_f64);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if at_most(k, n, middle.exp()) <= alpha {
            high = middle;
        } else {
            low = middle;
        }
    }
    high.exp()
}

/// The two-sided Clopper–Pearson interval for the share of which `k` of `n` were seen: it holds the true share with at
/// least the `confidence` stated. Source: Clopper and Pearson, Biometrika 26 (1934).
pub fn clopper_pearson(k: f64, n: f64, confidence: f64) -> Interval {
    let alpha = 0.5 * (1.0 - confidence);
    Interval { low: lower_bound(k, n, alpha), high: upper_bound(k, n, alpha) }
}

/// Wilson's two-sided score interval (1927), for showing only; 0 to 1 without events.
pub fn wilson(k: f64, n: f64, confidence: f64) -> Interval {
    let z = normal::quantile(0.5 + 0.5 * confidence);
    if !(n > 0.0 && n.is_finite() && z.is_finite()) || k.is_nan() {
        return Interval { low: 0.0, high: 1.0 };
    }
    let share = (k / n).clamp(0.0, 1.0);
    let square = z * z / n;
    let centre = (share + 0.5 * square) / (1.0 + square);
    let half = (share * (1.0 - share) * square + 0.25 * square * square).sqrt() / (1.0 + square);
    // The ends are exact there; rounding would leave them short.
    let low = if share == 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if share == 1.0 { 1.0 } else { (centre + half).min(1.0) };
    Interval { low, high }
}

/// How many events without a bad one it takes to prove a share of at most `limit` at error `beta` ("rule of three"):
/// ⌈ln β / ln(1 − limit)⌉. Infinite for a limit of 0, and 0 where nothing is to be proved.
pub fn events_to_prove(limit: f64, beta: f64) -> f64 {
    if limit >= 1.0 || beta >= 1.0 {
        return 0.0;
    }
    if !(limit > 0.0 && beta > 0.0) {
        return f64::INFINITY;
    }
    let events = beta.ln() / (-limit).ln_1p();
    // Met but for rounding is met.
    (events * (1.0 - 1e-12)).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::testing::{assert_close, golden, number, numbers};
    use proptest::prelude::*;

    #[test]
    fn bounds_are_those_of_scipy() {
        for case in golden("binomial_interval") {
            let (k, n, confidence) = (number(&case, "k"), number(&case, "n"), number(&case, "conf"));
            // One-sided bounds are the ends of a two-sided interval of less confidence.
            let two_sided = if case["side"] == "one" { 2.0 * confidence - 1.0 } else { confidence };
            let [exact, shown] = [clopper_pearson(k, n, two_sided), wilson(k, n, two_sided)];
            let holds = |found: Interval, expected: Vec<f64>| {
                for (found, expected) in [(found.low, expected[0]), (found.high, expected[1])] {
                    let error = (found - expected).abs();
                    assert!(error <= 1e-9 * expected + 1e-15, "{case}: found {found:e}");
                }
            };
            holds(exact, numbers(&case, "clopper_pearson"));
            holds(shown, numbers(&case, "wilson"));
        }
    }

    #[test]
    fn the_rule_of_three_is_met() {
        for (limit, events) in [(0.05, 59.0), (0.01, 299.0), (0.005, 598.0), (0.001, 2995.0)] {
            assert_eq!(events_to_prove(limit, 0.05), events);
            assert!(upper_bound(0.0, events, 0.05) <= limit);
            assert!(upper_bound(0.0, events - 1.0, 0.05) > limit);
        }
        assert_eq!(events_to_prove(0.5, 0.25), 2.0);
        assert_eq!(events_to_prove(0.0, 0.05), f64::INFINITY);
        assert_eq!(events_to_prove(1.0, 0.05), 0.0);
        assert_eq!(events_to_prove(f64::NAN, 0.05), f64::INFINITY);
    }

    #[test]
    fn bounds_of_tiny_shares_are_exact() {
        // Beta(1, 1e9) at 0.025 is 1 − 0.975^1e-9; bisection over other crates never returned here.
        assert_close(lower_bound(1.0, 1e9, 0.025), -(-1e-9 * -(0.975_f64.ln())).exp_m1(), 1e-9);
        assert_close(upper_bound(0.0, 1e12, 0.05), 2.995_732_273_549_51e-12, 1e-9);
        assert!(lower_bound(3.0, 1e15, 0.01) > 0.0);
        assert_close(upper_bound(999_999_999.0, 1e9, 1e-6), 1.0, 1e-14);
    }

    #[test]
    fn no_events_bound_nothing() {
        for (k, n) in [(0.0, 0.0), (f64::NAN, f64::NAN), (1.0, f64::NAN), (1.0, -1.0), (1.0, f64::INFINITY)] {
            assert_eq!(clopper_pearson(k, n, 0.95), Interval { low: 0.0, high: 1.0 });
            assert_eq!(wilson(k, n, 0.95), Interval { low: 0.0, high: 1.0 });
        }
        assert_eq!(clopper_pearson(5.0, 3.0, 0.95).high, 1.0);
        assert_eq!(clopper_pearson(1.0, 3.0, f64::NAN), Interval { low: 0.0, high: 1.0 });
    }

    proptest! {
        #[test]
        fn every_number_has_a_bound(k: f64, n: f64, alpha: f64, p: f64) {
            for bound in [lower_bound(k, n, alpha), upper_bound(k, n, alpha)] {
                prop_assert!((0.0..=1.0).contains(&bound));
            }
            let _ = (at_least(k, n, p), at_most(k, n, p), wilson(k, n, alpha));
        }

        #[test]
        fn a_bound_has_the_tail_it_promises(n in 1_u32..1_000_000, part in 0.0..1.0_f64, alpha in 1e-6..0.5_f64) {
            let n = f64::from(n);
            let k = (part * n).round().max(1.0);
            let low = lower_bound(k, n, alpha);
            prop_assert!((at_least(k, n, low) / alpha - 1.0).abs() < 1e-7);
            prop_assert!(low <= k / n && k / n <= upper_bound(k, n, alpha));
            // Good and bad swapped, the other bound.
            prop_assert!((low - (1.0 - upper_bound(n - k, n, alpha))).abs() < 1e-9);
        }

        #[test]
        fn more_bad_events_never_lower_a_bound(n in 2_u32..10_000, k in 0_u32..9_999, alpha in 1e-4..0.4_f64) {
            let (n, k) = (f64::from(n), f64::from(k.min(n - 1)));
            prop_assert!(lower_bound(k, n, alpha) <= lower_bound(k + 1.0, n, alpha));
            prop_assert!(upper_bound(k, n, alpha) <= upper_bound(k + 1.0, n, alpha));
            prop_assert!(lower_bound(k, n, alpha) <= lower_bound(k, n, 2.0 * alpha));
        }
    }
}
