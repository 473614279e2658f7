//! The rank test of Mann and Whitney: whether values of one sample tend to be larger than those of another, whatever
//! their distribution and scale. Must not be asked about neighbouring samples without their effective sizes.
//!
//! Sources: Mann and Whitney, Ann. Math. Stat. 18 (1947); Vargha and Delaney, J. Educ. Behav. Stat. 25 (2000) for the
//! effect size.

use super::normal;
use super::permutation::Permutation;
use super::ranks::Ranks;

/// What the test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// U of the first sample: how many of all pairs it is the larger value of, ties counting half.
    pub u: f64,
    /// The share of pairs of which the first sample's is the larger value (common language effect size), ties half.
    pub cles: f64,
    /// The p-value against "the first sample's values are not larger".
    pub greater: f64,
    /// The p-value against "the first sample's values are not smaller".
    pub less: f64,
    /// The p-value against "neither is larger": twice the smaller of the two, at most 1.
    pub two_sided: f64,
    /// Whether the p-values are exact, by all splits of the values; else the normal approximation with its corrections
    /// for ties and continuity.
    pub exact: bool,
}

/// Tests `x` against `y`; NaN is left out. `None` where a sample is empty.
pub fn mann_whitney(x: &[f64], y: &[f64]) -> Option<MannWhitney> {
    mann_whitney_sized(x, y, (f64::INFINITY, f64::INFINITY))
}

/// Tests `x` against `y`, of which the values are worth only so many independent ones each ([`effective_size`]):
/// the variance of U grows by (1/n' + 1/m')/(1/n + 1/m), and no p-value is below that of independent values. NaN is
/// left out; `None` where a sample is empty.
///
/// [`effective_size`]: super::autocorrelation::effective_size
pub fn mann_whitney_sized(x: &[f64], y: &[f64], effective: (f64, f64)) -> Option<MannWhitney> {
    let number = |values: &[f64]| -> Vec<f64> { values.iter().copied().filter(|v| !v.is_nan()).collect() };
    let (x, y) = (number(x), number(y));
    if x.is_empty() || y.is_empty() {
        return None;
    }
    let ranks = Ranks::of(&x, &y);
    let (n, m) = (x.len() as f64, y.len() as f64);
    let sum: u64 = ranks.x.iter().sum();
    let u = 0.5 * sum as f64 - 0.5 * n * (n + 1.0);
    let inflation = inflation(x.len(), y.len(), effective);
    let near = approximate(u, n, m, ranks.ties, inflation);
    let exact = exact(&ranks);
    let (greater, less) = match exact {
        Some(exact) if inflation == 1.0 => exact,
        Some(exact) => (near.0.max(exact.0), near.1.max(exact.1)),
        None => near,
    };
    Some(MannWhitney {
        u,
        cles: u / (n * m),
        greater,
        less,
        two_sided: (2.0 * greater.min(less)).min(1.0),
        exact: exact.is_some() && inflation == 1.0,
    })
}

/// By how much the variance of U grows when `n` and `m` values are worth as few independent ones as `effective`.
pub(super) fn inflation(n: usize, m: usize, effective: (f64, f64)) -> f64 {
    let worth = |size: usize, effective: f64| (size as f64).min(effective.max(1.0));
    let inverse = |n: f64, m: f64| n.recip() + m.recip();
    inverse(worth(n, effective.0), worth(m, effective.1)) / inverse(n as f64, m as f64)
}

/// P(U ≥ u) and P(U ≤ u) by the normal approximation.
fn approximate(u: f64, n: f64, m: f64, ties: f64, inflation: f64) -> (f64, f64) {
    let all = n + m;
    let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    // Of equal values only, or of one pair, there is nothing to tell.
    if variance.is_nan() || variance <= 0.0 {
        return (1.0, 1.0);
    }
    let deviation = (variance * inflation).sqrt();
    let off = u - 0.5 * n * m;
    (normal::sf((off - 0.5) / deviation), normal::cdf((off + 0.5) / deviation))
}

/// P(U ≥ u) and P(U ≤ u) over all splits, where they can be counted.
fn exact(ranks: &Ranks) -> Option<(f64, f64)> {
    let all: Vec<u64> = ranks.x.iter().chain(&ranks.y).copied().collect();
    // The smaller sample's sum takes less to count, and says the same.
    if ranks.x.len() <= ranks.y.len() {
        let sum = ranks.x.iter().sum();
        let splits = Permutation::new(&all, ranks.x.len())?;
        Some((splits.at_least(sum), splits.at_most(sum)))
    } else {
        let sum = ranks.y.iter().sum();
        let splits = Permutation::new(&all, ranks.y.len())?;
        Some((splits.at_most(sum), splits.at_least(sum)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::testing::{assert_close, golden, number, numbers};
    use proptest::prelude::*;

    #[test]
    fn p_values_are_those_of_all_splits() {
        for case in golden("mann_whitney") {
            let found = mann_whitney(&numbers(&case, "x"), &numbers(&case, "y")).unwrap();
            let expected = &case["exact_permutation_midranks"];
            assert!(found.exact);
            assert_eq!(found.u, number(&case, "u1"));
            assert_close(found.cles, number(&case, "cles"), 1e-12);
            assert_close(found.greater, number(expected, "greater"), 1e-9);
            assert_close(found.less, number(expected, "less"), 1e-9);
            assert_close(found.two_sided, number(expected, "two"), 1e-9);
        }
    }

    #[test]
    fn the_approximation_is_that_of_scipy() {
        for case in golden("mann_whitney") {
            let (x, y) = (numbers(&case, "x"), numbers(&case, "y"));
            let expected = &case["asymptotic_cc"];
            let ties = Ranks::of(&x, &y).ties;
            let found = approximate(number(&case, "u1"), x.len() as f64, y.len() as f64, ties, 1.0);
            assert_close(found.0, number(expected, "greater"), 1e-9);
            assert_close(found.1, number(expected, "less"), 1e-9);
            assert_close(2.0 * found.0.min(found.1), number(expected, "two"), 1e-9);
        }
    }

    #[test]
    fn exact_and_approximate_meet() {
        let values = |count: u32, off: f64| -> Vec<f64> {
            (0..count).map(|i| f64::from(i * 7919 % 1009) / 1009.0 + off).collect()
        };
        let small = mann_whitney(&values(25, 0.15), &values(25, 0.0)).unwrap();
        let near = approximate(small.u, 25.0, 25.0, 0.0, 1.0);
        assert!(small.exact && (small.greater / near.0 - 1.0).abs() < 0.05, "{small:?} {near:?}");
        assert!(!mann_whitney(&values(60, 0.0), &values(60, 0.0)).unwrap().exact);
    }

    #[test]
    fn fewer_independent_values_prove_less() {
        let (x, y) = ([6.0, 7.0, 8.0, 9.0, 10.0, 11.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let p = |size: f64| mann_whitney_sized(&x, &y, (size, size)).unwrap().greater;
        assert_eq!(p(6.0), mann_whitney(&x, &y).unwrap().greater);
        assert!(p(6.0) < p(5.0) && p(5.0) < p(3.0) && p(3.0) < p(1.0));
        assert_eq!(p(0.0), p(1.0));
        assert_eq!(p(f64::NAN), p(1.0));
    }

    #[test]
    fn odd_samples_have_answers() {
        assert_eq!(mann_whitney(&[], &[1.0]), None);
        assert_eq!(mann_whitney(&[f64::NAN], &[1.0]), None);
        let same = mann_whitney(&[2.0; 70], &[2.0; 70]).unwrap();
        assert_eq!((same.greater, same.less, same.two_sided, same.cles), (1.0, 1.0, 1.0, 0.5));
        let ends = mann_whitney(&[f64::INFINITY; 3], &[f64::NEG_INFINITY; 3]).unwrap();
        assert_close(ends.greater, 0.05, 1e-14);
    }

    proptest! {
        #[test]
        fn swapped_samples_swap_the_sides(
            x in prop::collection::vec(-9_i32..9, 1..40),
            y in prop::collection::vec(-9_i32..9, 1..40),
        ) {
            let values = |v: &[i32]| -> Vec<f64> { v.iter().copied().map(f64::from).collect() };
            let (x, y) = (values(&x), values(&y));
            let one = mann_whitney(&x, &y).unwrap();
            let other = mann_whitney(&y, &x).unwrap();
            prop_assert!((one.greater - other.less).abs() < 1e-12);
            prop_assert!((one.less - other.greater).abs() < 1e-12);
            prop_assert!((one.cles + other.cles - 1.0).abs() < 1e-12);
            // A tie is on both sides.
            prop_assert!(one.greater + one.less > 1.0 - 1e-9);
        }

        #[test]
        fn every_sample_has_a_p_value(x: Vec<f64>, y: Vec<f64>, n: f64, m: f64) {
            if let Some(found) = mann_whitney_sized(&x, &y, (n, m)) {
                for p in [found.greater, found.less, found.two_sided, found.cles] {
                    prop_assert!((0.0..=1.0).contains(&p), "{:?}", found);
                }
            }
        }
    }
}
