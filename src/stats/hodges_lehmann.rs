//! By how much one sample is larger than another: the shift and the ratio of Hodges and Lehmann, each with the bounds
//! that the rank test leaves. Scale-free: all orders of magnitude are treated alike, and no step has a tolerance. Must
//! not keep the pairs: there may be millions.
//!
//! Source: Hodges and Lehmann, Ann. Math. Stat. 34 (1963).

use super::binomial::Interval;
use super::mann_whitney::inflation;
use super::normal;
use super::permutation::Permutation;

/// The pairs of two samples, by a function that grows with the first and falls with the second.
#[derive(Debug)]
pub struct Pairs {
    x: Vec<f64>,
    y: Vec<f64>,
    of: fn(f64, f64) -> f64,
}

impl Pairs {
    /// The differences x − y of all pairs of finite values; `None` where a sample has none.
    pub fn differences(x: &[f64], y: &[f64]) -> Option<Self> {
        Self::new(x, y, |x, y| x - y)
    }

    /// The ratios x/y of all pairs of finite values; `None` where a sample has none, or has one that is not above 0.
    pub fn ratios(x: &[f64], y: &[f64]) -> Option<Self> {
        let positive = |values: &[f64]| values.iter().all(|v| !v.is_finite() || *v > 0.0);
        if positive(x) && positive(y) { Self::new(x, y, |x, y| x / y) } else { None }
    }

    fn new(x: &[f64], y: &[f64], of: fn(f64, f64) -> f64) -> Option<Self> {
        let sorted = |values: &[f64]| {
            let mut values: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let (x, y) = (sorted(x), sorted(y));
        (!x.is_empty() && !y.is_empty()).then_some(Self { x, y, of })
    }

    fn count(&self) -> u64 {
        self.x.len() as u64 * self.y.len() as u64
    }

    /// The median of all pairs: the Hodges–Lehmann estimate.
    pub fn median(&self) -> f64 {
        let count = self.count();
        let low = self.nth(count.div_ceil(2));
        if count % 2 == 1 { low } else { low.midpoint(self.nth(count / 2 + 1)) }
    }

    /// The bounds of what the pairs estimate, each wrong with a probability of at most `alpha`: the values up to which
    /// a rank test of the shifted (or scaled) samples does not reject. Infinite where the samples are too small for
    /// that; ties make the bounds wider, never narrower. `effective` is as in [`mann_whitney_sized`].
    ///
    /// [`mann_whitney_sized`]: super::mann_whitney::mann_whitney_sized
    pub fn bounds(&self, alpha: f64, effective: (f64, f64)) -> Interval {
        let out = self.left_out(alpha, effective);
        if out == 0 {
            return Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };
        }
        Interval { low: self.nth(out), high: self.nth(self.count() + 1 - out) }
    }

    /// The largest c with P(U ≤ c − 1) ≤ `alpha` for samples without ties: the bound is the c-th pair from the end.
    fn left_out(&self, alpha: f64, effective: (f64, f64)) -> u64 {
        if alpha.is_nan() || alpha <= 0.0 {
            return 0;
        }
        let alpha = alpha.min(0.5);
        let (n, m) = (self.x.len(), self.y.len());
        let inflation = inflation(n, m, effective);
        let pairs = self.count() as f64;
        let deviation = (pairs / 12.0 * (n + m + 1) as f64 * inflation).sqrt();
        let near = 0.5 * pairs + normal::quantile(alpha) * deviation + 0.5;
        let near = near.max(0.0) as u64;
        let smaller = n.min(m);
        let ranks: Vec<u64> = (1..=(n + m) as u64).collect();
        let Some(splits) = Permutation::new(&ranks, smaller) else { return near };
        let least = (smaller * (smaller + 1) / 2) as u64;
        let enough = |c: &u64| splits.at_most(least + c) > alpha * (1.0 + 1e-9);
        let exact = (0..self.count()).find(enough).unwrap_or(0);
        if inflation == 1.0 { exact } else { near.min(exact) }
    }

    /// The `k`-th smallest pair, counted from 1: the smallest float that at least k pairs do not exceed. Floats are
    /// halved in their order, 64 times, and the pairs counted along the two sorted samples.
    fn nth(&self, k: u64) -> f64 {
        let (mut low, mut high) = (key(f64::NEG_INFINITY), key(f64::INFINITY));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.up_to(value(middle)) >= k {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        // No −0.
        value(low) + 0.0
    }

    /// How many pairs are at most `limit`.
    fn up_to(&self, limit: f64) -> u64 {
        let mut from = 0;
        let mut count = 0;
        for x in &self.x {
            while from < self.y.len() && (self.of)(*x, self.y[from]) > limit {
                from += 1;
            }
            count += (self.y.len() - from) as u64;
        }
        count
    }
}

/// The place of a float in their order.
fn key(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The float at a place.
fn value(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::order;
    use crate::stats::testing::{assert_close, golden, number, numbers};
    use proptest::prelude::*;

    const INDEPENDENT: (f64, f64) = (f64::INFINITY, f64::INFINITY);

    #[test]
    fn the_shift_is_the_median_of_all_differences() {
        for case in golden("mann_whitney") {
            let pairs = Pairs::differences(&numbers(&case, "x"), &numbers(&case, "y")).unwrap();
            assert_close(pairs.median(), number(&case, "hodges_lehmann"), 1e-12);
        }
    }

    #[test]
    fn the_ratio_is_the_median_of_all_ratios() {
        let pairs = Pairs::ratios(&[2.0, 4.0, 6.0], &[1.0, 2.0]).unwrap();
        assert_eq!(pairs.median(), 2.5);
        assert!(Pairs::ratios(&[2.0, 0.0], &[1.0]).is_none());
        assert!(Pairs::ratios(&[2.0], &[-1.0]).is_none());
        assert!(Pairs::ratios(&[f64::NAN], &[1.0]).is_none());
    }

    #[test]
    fn bounds_leave_out_what_the_test_rejects() {
        // 5 beside 5: P(U ≤ 4) = 12/252 ≤ 0.05 < P(U ≤ 5) = 19/252, so the fifth difference from each end is the bound.
        let (x, y) = ([10.0, 21.0, 32.0, 43.0, 54.0], [1.0, 2.0, 3.0, 4.0, 5.0]);
        let pairs = Pairs::differences(&x, &y).unwrap();
        let mut all: Vec<f64> = x.iter().flat_map(|x| y.iter().map(move |y| x - y)).collect();
        all.sort_unstable_by(f64::total_cmp);
        assert_eq!(pairs.bounds(0.05, INDEPENDENT), Interval { low: all[4], high: all[20] });
        // Three beside three can be sure of nothing at 1 %.
        let few = Pairs::differences(&x[..3], &y[..3]).unwrap();
        let open = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };
        assert_eq!(few.bounds(0.01, INDEPENDENT), open);
        assert_eq!(few.bounds(0.05, INDEPENDENT).low, 7.0);
        assert_eq!(few.bounds(f64::NAN, INDEPENDENT), open);
        assert!(pairs.bounds(0.05, (2.0, 2.0)).low < all[4]);
    }

    #[test]
    fn many_pairs_are_never_kept() {
        let values = |count: u64| -> Vec<f64> { (0..count).map(|i| (i * 7919 % 100_003) as f64).collect() };
        let x = values(100_003);
        let y: Vec<f64> = x.iter().map(|v| v - 5.0).collect();
        assert_eq!(Pairs::differences(&x, &y).unwrap().median(), 5.0);
    }

    proptest! {
        #[test]
        fn selection_agrees_with_sorting(
            x in prop::collection::vec(-1e3..1e3_f64, 1..9),
            y in prop::collection::vec(-1e3..1e3_f64, 1..9),
        ) {
            let pairs = Pairs::differences(&x, &y).unwrap();
            let all: Vec<f64> = x.iter().flat_map(|x| y.iter().map(move |y| x - y)).collect();
            prop_assert_eq!(pairs.median(), order::median(&all).unwrap());
        }

        #[test]
        fn bounds_hold_the_estimate(x: Vec<f64>, y: Vec<f64>, alpha: f64, n: f64, m: f64) {
            for pairs in [Pairs::differences(&x, &y), Pairs::ratios(&x, &y)].into_iter().flatten() {
                let bounds = pairs.bounds(alpha, (n, m));
                let median = pairs.median();
                prop_assert!(bounds.low <= median && median <= bounds.high, "{bounds:?} {median}");
            }
        }
    }
}
