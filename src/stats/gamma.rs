//! The gamma function's logarithm and what remains of it beside Stirling's formula, from which densities are computed
//! without the cancellation that large arguments bring. Must not overflow where its logarithm is finite.

/// ln √(2π).
pub(super) const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_8;

/// From here on the asymptotic series is exact to the last digits.
const SERIES_FROM: f64 = 15.0;

/// ln Γ(`z`) for `z` > 0; absolute error about 1e-15 near its zeros 1 and 2, relative error elsewhere. NaN for others.
pub fn ln_gamma(z: f64) -> f64 {
    if z.is_nan() || z <= 0.0 {
        return f64::NAN;
    }
    if z.is_infinite() {
        return z;
    }
    (z - 0.5) * z.ln() - z + LN_SQRT_2PI + stirling_error(z)
}

/// δ(`z`) = ln Γ(z+1) − (z+½) ln z + z − ln √(2π), for `z` > 0: between 0 and 1/(12z).
///
/// Source: C. Loader, "Fast and accurate computation of binomial probabilities" (2000). Below 15 by the recurrence
/// δ(z) = δ(z+1) + (z+½) ln(1+1/z) − 1.
pub fn stirling_error(z: f64) -> f64 {
    if z.is_nan() || z <= 0.0 {
        return f64::NAN;
    }
    let mut at = z;
    let mut sum = 0.0;
    while at < SERIES_FROM {
        // 1/z overflows for the smallest z.
        let step = if at < 1e-8 { at.ln_1p() - at.ln() } else { at.recip().ln_1p() };
        sum += (at + 0.5) * step - 1.0;
        at += 1.0;
    }
    let square = (at * at).recip();
    let coefficients =
        [-691.0 / 360_360.0, 1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    let series = coefficients.into_iter().fold(0.0, |series, c| series * square + c) / at;
    sum + series
}

/// `x` ln(`x`/`mean`) + `mean` − `x`, the deviance that stands in the exponent of a Poisson, binomial or beta density;
/// at least 0, and accurate also where `x` is near `mean` (Loader 2000). Both are at least 0, and `mean` above.
pub(super) fn deviance(x: f64, mean: f64) -> f64 {
    if x == 0.0 {
        return mean;
    }
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() + mean - x;
    }
    let v = difference / (x + mean);
    let mut sum = difference * v;
    let mut term = 2.0 * x * v;
    // |v| < 0.1: each round gains two digits.
    for j in 1..20 {
        term *= v * v;
        sum += term / f64::from(2 * j + 1);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::testing::assert_close;

    #[test]
    fn the_logarithm_of_gamma_is_that_of_factorials_and_halves() {
        assert_close(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln(), 1e-14);
        assert_close(ln_gamma(6.0), 120.0_f64.ln(), 1e-14);
        assert!(ln_gamma(1.0).abs() < 2e-15 && ln_gamma(2.0).abs() < 2e-15);
        // mpmath 1.3.0, 50 digits.
        assert_close(ln_gamma(1e-300), 690.775_527_898_213_7, 1e-14);
        assert_close(ln_gamma(1e-9), 20.723_265_836_369_195, 1e-14);
        assert_close(ln_gamma(14.999), 25.188_546_870_546_93, 1e-14);
        assert_close(ln_gamma(1e7), 151_180_949.369_473_9, 1e-14);
        assert!(ln_gamma(-1.0).is_nan() && ln_gamma(f64::NAN).is_nan());
        assert!(ln_gamma(f64::INFINITY).is_infinite());
    }

    #[test]
    fn what_stirling_leaves_out_is_small_and_positive() {
        for z in [1e-9, 0.1, 1.0, 14.0, 14.999, 15.0, 15.001, 1e3, 1e9] {
            let error = stirling_error(z);
            assert!(error > 0.0 && error <= 1.0 / (12.0 * z), "{z}: {error}");
        }
        assert_close(stirling_error(1.0), 0.081_061_466_795_327_26, 1e-14);
    }
}
