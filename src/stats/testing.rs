//! What the tests of this folder build on: expected values, random numbers that are the same at every run, and how to
//! compare. Must hold no expectation of its own.

use serde_json::Value;

/// Values computed by scipy 1.17.1 and by exact enumeration.
pub(crate) fn golden(part: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../tests/stats/golden.json")).unwrap();
    all[part].as_array().unwrap().clone()
}

/// The number under `key`.
pub(crate) fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap()
}

/// The numbers under `key`.
pub(crate) fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Holds `found` to `expected` within a relative error.
#[track_caller]
pub(crate) fn assert_close(found: f64, expected: f64, relative: f64) {
    let error = (found - expected).abs();
    assert!(error <= relative * expected.abs(), "expected {expected:e}, found {found:e}");
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, fast, and the same everywhere.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// `count` values of a stationary first-order autoregression with coefficient `phi` and variance 1.
    pub(crate) fn remembering(&mut self, phi: f64, count: usize) -> Vec<f64> {
        let news = (1.0 - phi * phi).sqrt();
        let mut value = self.normal();
        (0..count)
            .map(|_| {
                value = phi * value + news * self.normal();
                value
            })
            .collect()
    }
}

/// A distribution over 0, 1, 2, … as the table of its cumulative shares, for drawing quickly.
#[derive(Debug)]
pub(crate) struct Counts {
    first: usize,
    cumulative: Vec<f64>,
}

impl Counts {
    /// Poisson with `mean`.
    pub(crate) fn poisson(mean: f64) -> Self {
        Self::from_log_density(|k| k * mean.ln() - mean - crate::stats::gamma::ln_gamma(k + 1.0), mean, mean)
    }

    /// Negative binomial with `mean`, and `dispersion` times it as variance.
    pub(crate) fn bursty(mean: f64, dispersion: f64) -> Self {
        if dispersion <= 1.0 {
            return Self::poisson(mean);
        }
        let ln_gamma = crate::stats::gamma::ln_gamma;
        let size = mean / (dispersion - 1.0);
        let log = |k: f64| {
            ln_gamma(k + size) - ln_gamma(size) - ln_gamma(k + 1.0) - size * dispersion.ln()
                + k * (1.0 - dispersion.recip()).ln()
        };
        Self::from_log_density(log, mean, mean * dispersion)
    }

    fn from_log_density(log: impl Fn(f64) -> f64, mean: f64, variance: f64) -> Self {
        let first = (mean - 10.0 * variance.sqrt()).max(0.0) as usize;
        let last = (mean + 12.0 * variance.sqrt() + 20.0 * variance / mean) as usize;
        let mut sum = 0.0;
        let cumulative = (first..=last).map(|k| {
            sum += log(k as f64).exp();
            sum
        });
        Self { first, cumulative: cumulative.collect() }
    }

    /// One draw.
    pub(crate) fn draw(&self, random: &mut Random) -> f64 {
        let at = random.uniform();
        (self.first + self.cumulative.partition_point(|share| *share < at)) as f64
    }
}
