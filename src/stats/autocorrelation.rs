//! How many independent samples a series of neighbouring ones is worth. A gauge remembers, and `rate(x[5m])` every 15 s
//! holds the same events twenty times: a test that takes each sample for news is wrong in up to every third deployment.
//! Must never make more of the samples than there are.

use super::ranks;

/// The lag-1 autocorrelation of `values` in time order, −1 to 1: Σ(v_t−v̄)(v_{t+1}−v̄)/Σ(v_t−v̄)². Values that are not
/// finite are left out; 0 of fewer than three values, and of equal ones.
///
/// It is too low by about (1 + 4r)/n: see [`lag1_corrected`].
pub fn lag1(values: &[f64]) -> f64 {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    // Squares of tiny values would vanish, those of huge ones overflow.
    let scale = |values: &[f64]| values.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let largest = scale(&finite);
    if finite.len() < 3 || largest == 0.0 {
        return 0.0;
    }
    let part: Vec<f64> = finite.iter().map(|v| v / largest).collect();
    let mean = part.iter().sum::<f64>() / part.len() as f64;
    let off: Vec<f64> = part.iter().map(|v| v - mean).collect();
    let widest = scale(&off);
    // What rounding leaves of equal values is no signal.
    if widest <= 1e-14 {
        return 0.0;
    }
    let off: Vec<f64> = off.iter().map(|v| v / widest).collect();
    let both: f64 = off.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let square: f64 = off.iter().map(|v| v * v).sum();
    (both / square).clamp(-1.0, 1.0)
}

/// A lag-1 autocorrelation `r` of `n` values with its bias taken out: (n·r + 1)/(n − 4), −1 to 1. The correction is
/// phased in from 5 to 20 values, as it would be mostly noise before.
///
/// Source: Shaman and Stine, J. Am. Stat. Assoc. 83 (1988), for the Yule–Walker estimate.
pub fn lag1_corrected(r: f64, n: f64) -> f64 {
    let weight = ((n - 5.0) / 15.0).clamp(0.0, 1.0);
    if weight > 0.0 { (r + weight * ((n * r + 1.0) / (n - 4.0) - r)).clamp(-1.0, 1.0) } else { r }
}

/// The lag-1 autocorrelation that two samples of one quantity have in common, each in time order: of their ranks, which
/// no outlier can hide, weighted by size, with the bias taken out. A sample of equal values tells nothing of it.
pub fn lag1_in_common(x: &[f64], y: &[f64]) -> f64 {
    let samples = [x, y].map(ranks::within);
    let telling = samples.iter().filter(|ranks| ranks.iter().any(|rank| *rank != ranks[0]));
    let (sum, size, count) = telling.fold((0.0, 0.0, 0.0), |(sum, size, count), ranks| {
        let n = ranks.len() as f64;
        (sum + n * lag1(ranks), size + n, count + 1.0)
    });
    if count == 0.0 { 0.0 } else { lag1_corrected(sum / size, size / count) }
}

/// How many independent values `n` values with a lag-1 autocorrelation of `r` are worth for their mean:
/// n(1−r)/(1+r), at least 1 and at most n.
///
/// Source: Bayley and Hammersley, Suppl. J. R. Stat. Soc. 8 (1946), for a first-order autoregression.
pub fn effective_size(n: usize, r: f64) -> f64 {
    let n = n as f64;
    // `max` and `min` take the number beside a NaN.
    (n * (1.0 - r) / (1.0 + r)).min(n).max(n.min(1.0))
}

/// How many independent values `n` values are worth, of which each repeats all but the share `step`/`range` of the one
/// before: n·s/W, at least 1 and at most n. Both in the same unit; a `range` of 0 repeats nothing.
pub fn overlap_size(n: usize, step: f64, range: f64) -> f64 {
    let n = n as f64;
    if !(range > 0.0 && step >= 0.0) {
        return n;
    }
    (n * step / range).min(n).max(n.min(1.0))
}

/// How many of `n` values, `step` apart, look back over ranges that do not overlap: ⌊(n−1)·s/W⌋ + 1, at most n.
pub fn independent_blocks(n: usize, step: f64, range: f64) -> usize {
    if n == 0 || !(range > 0.0 && step >= 0.0) {
        return n;
    }
    // Met but for rounding is met.
    let blocks = ((n - 1) as f64 * step / range * (1.0 + 1e-12)).floor() + 1.0;
    n.min(blocks as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::testing::{Random, assert_close};
    use proptest::prelude::*;

    #[test]
    fn neighbours_are_compared() {
        assert_close(lag1(&[1.0, 2.0, 3.0, 4.0]), 0.25, 1e-14);
        assert_close(lag1(&[1.0, -1.0, 1.0, -1.0]), -0.75, 1e-14);
        for scale in [1e-300, 1e-9, 1e9, 1e300] {
            let scaled = [1.0, 2.0, 3.0, 4.0].map(|v| v * scale);
            assert_close(lag1(&scaled), 0.25, 1e-12);
        }
        for none in [&[][..], &[1.0, 2.0], &[0.1; 9], &[0.0; 9], &[f64::NAN; 9], &[f64::INFINITY; 9]] {
            assert_eq!(lag1(none), 0.0);
        }
    }

    #[test]
    fn a_remembering_series_is_recognised_without_bias() {
        let mut random = Random(2);
        for phi in [0.0, 0.5, 0.9] {
            let mut sum = 0.0;
            for _ in 0..400 {
                let series = random.remembering(phi, 60);
                sum += lag1_corrected(lag1(&series), 60.0);
            }
            assert!((sum / 400.0 - phi).abs() < 0.03, "{phi}: {}", sum / 400.0);
        }
    }

    #[test]
    fn equal_values_tell_nothing_of_memory() {
        let mut random = Random(5);
        let series = random.remembering(0.8, 60);
        assert_eq!(lag1_in_common(&series, &[0.0; 60]), lag1_in_common(&series, &[]));
        assert_eq!(lag1_in_common(&[1.0; 9], &[0.0; 9]), 0.0);
        // Few values are not corrected.
        assert_eq!(lag1_corrected(0.3, 5.0), 0.3);
        assert!(lag1_corrected(f64::NAN, f64::NAN).is_nan());
    }

    #[test]
    fn samples_are_never_worth_more_than_they_are() {
        assert_close(effective_size(60, 0.5), 20.0, 1e-14);
        assert_eq!(effective_size(60, -0.5), 60.0);
        assert_eq!(effective_size(60, 1.0), 1.0);
        assert_eq!(effective_size(60, -1.0), 60.0);
        assert_eq!(effective_size(0, 0.3), 0.0);
        assert_eq!(effective_size(60, f64::NAN), 60.0);
    }

    #[test]
    fn overlapping_ranges_repeat_their_events() {
        assert_eq!(overlap_size(60, 15.0, 300.0), 3.0);
        assert_eq!(overlap_size(60, 300.0, 60.0), 60.0);
        assert_eq!(overlap_size(60, 15.0, 0.0), 60.0);
        assert_eq!(overlap_size(60, 0.0, 300.0), 1.0);
        assert_eq!(overlap_size(60, f64::NAN, f64::NAN), 60.0);
        assert_eq!(independent_blocks(60, 15.0, 300.0), 3);
        assert_eq!(independent_blocks(61, 15.0, 300.0), 4);
        assert_eq!(independent_blocks(6, 300.0, 300.0), 6);
        assert_eq!(independent_blocks(6, 0.1, 0.3), 2);
        assert_eq!(independent_blocks(7, 0.1, 0.3), 3);
        assert_eq!(independent_blocks(0, 15.0, 300.0), 0);
        assert_eq!(independent_blocks(7, f64::NAN, 1.0), 7);
        assert_eq!(independent_blocks(7, f64::INFINITY, 1.0), 7);
    }

    proptest! {
        #[test]
        fn every_series_has_a_size(x: Vec<f64>, y: Vec<f64>, r: f64, n: f64) {
            for r in [lag1(&x), lag1_in_common(&x, &y)] {
                prop_assert!((-1.0..=1.0).contains(&r));
                let n = x.len() as f64;
                prop_assert!((n.min(1.0)..=n).contains(&effective_size(x.len(), r)));
            }
            let _ = lag1_corrected(r, n);
        }
    }
}
