//! The mean over alternatives that evidence is, kept as logarithms, and with it the choice of when the harm began. Must
//! be given what a look adds to each alternative, in their order.

/// The mean of likelihood ratios, one of each alternative.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mixture {
    logs: Vec<f64>,
    /// The looks so far, where each may be the first at which an alternative holds.
    looks: Option<f64>,
    disproved: bool,
    peak: f64,
}

impl Mixture {
    /// No evidence yet, E = 1, of as many alternatives, which hold from the first look on.
    pub(super) fn new(alternatives: usize) -> Self {
        Self { logs: vec![0.0; alternatives], looks: None, disproved: false, peak: 0.0 }
    }

    /// No evidence yet, of as many alternatives, which may begin to hold at any look.
    pub(super) fn restarting(alternatives: usize) -> Self {
        Self { logs: vec![f64::NEG_INFINITY; alternatives], looks: Some(0.0), disproved: false, peak: 0.0 }
    }

    /// Takes in what a look adds to the logarithm of each alternative's likelihood ratio.
    pub(super) fn add(&mut self, steps: impl Iterator<Item = f64>) {
        if self.logs.is_empty() {
            return;
        }
        let begins = self.looks.as_mut().map(|looks| {
            *looks += 1.0;
            -(*looks * (*looks + 1.0)).ln()
        });
        for (log, step) in self.logs.iter_mut().zip(steps) {
            *log = begins.map_or(*log, |begins| add_exp(*log, begins)) + step;
        }
        // A mean is at most the highest: most looks need no exponential.
        if self.looks.is_some() || highest(&self.logs) > self.peak {
            self.peak = self.peak.max(self.now());
        }
    }

    /// Takes in what cannot be under the hypothesis.
    pub(super) fn disprove(&mut self) {
        self.disproved = true;
        self.peak = f64::INFINITY;
    }

    /// ln E now.
    pub(super) fn now(&self) -> f64 {
        if self.disproved {
            return f64::INFINITY;
        }
        if self.logs.is_empty() {
            return 0.0;
        }
        let mean = log_mean_exp(&self.logs);
        // What has not begun yet has lost nothing: with it the weights of all beginnings sum to 1.
        self.looks.map_or(mean, |looks| add_exp(mean, -(looks + 1.0).ln()))
    }

    /// Whether E is now at least 1/`alpha`; never for an `alpha` of NaN.
    pub(super) fn reaches(&self, alpha: f64) -> bool {
        self.peak >= -alpha.ln() && self.now() >= -alpha.ln()
    }

    /// Whether E was at least 1/`alpha` at any look.
    pub(super) fn has_reached(&self, alpha: f64) -> bool {
        self.peak >= -alpha.ln()
    }

    /// The highest ln E at any look so far.
    pub(super) const fn peak(&self) -> f64 {
        self.peak
    }
}

fn highest(logs: &[f64]) -> f64 {
    logs.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// ln of the mean of e^`log`.
fn log_mean_exp(logs: &[f64]) -> f64 {
    let highest = highest(logs);
    if highest.is_infinite() {
        return highest;
    }
    let sum: f64 = logs.iter().map(|log| (log - highest).exp()).sum();
    highest + (sum / logs.len() as f64).ln()
}

/// ln(e^`a` + e^`b`), for a finite `b`.
fn add_exp(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if high.is_infinite() { high } else { high + (low - high).exp().ln_1p() }
}
