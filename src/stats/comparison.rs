//! Whether a sample is larger (or smaller) than a baseline's by more than a tolerance, with a stated confidence. The
//! tolerance is on the effect, the confidence on the noise: two numbers apart. Must not decide what follows.

use super::autocorrelation::{effective_size, lag1_in_common, overlap_size};
use super::binomial::Interval;
use super::hodges_lehmann::Pairs;
use super::mann_whitney::mann_whitney_sized;

/// In which direction a change matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Larger is worse.
    Increase,
    /// Smaller is worse.
    Decrease,
    /// Both are; the confidence is then of both together.
    Either,
}

/// How much of a change is tolerated: the larger of both parts, for each value of the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tolerance {
    /// A share of the baseline's value: 0.1 is 10 %.
    pub relative: f64,
    /// In the unit of the values: the floor below which a change is none, however large its share.
    pub absolute: f64,
}

impl Tolerance {
    fn margin(self, value: f64) -> f64 {
        (self.relative * value.abs()).max(self.absolute)
    }
}

/// What is asked of two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// The direction that matters.
    pub direction: Direction,
    /// The change that does not.
    pub tolerance: Tolerance,
    /// How sure it must be, 0 to 1: a sample no larger than the tolerance is found to be in at most 1 − this of all
    /// cases.
    pub confidence: f64,
    /// The samples' step as a share of the range they look back over; 1 or more where they do not overlap.
    pub new_share: f64,
}

/// What two samples say of each other. "More" is more of the sample than of the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// How many values took part, of the sample and of the baseline.
    pub sizes: (usize, usize),
    /// How much a value tells of the next: their lag-1 autocorrelation, −1 to 1. Above 0.8 the test is wrong more than
    /// twice as often as it says, and no rollback should rest on it.
    pub autocorrelation: f64,
    /// How many independent ones they are worth.
    pub effective: (f64, f64),
    /// The Hodges–Lehmann shift, in the unit of the values: the median of all differences, sample less baseline.
    pub shift: f64,
    /// Bounds of the shift: the end that matters is wrong in at most 1 − confidence of all cases.
    pub shift_bounds: Interval,
    /// The median of all ratios, sample to baseline, where all values are above 0.
    pub ratio: Option<f64>,
    /// Bounds of the ratio, as those of the shift.
    pub ratio_bounds: Option<Interval>,
    /// The share of pairs of which the sample's is the larger value, the tolerance left aside.
    pub cles: f64,
    /// Increase or decrease: the direction asked for, of both the one with more to it.
    pub direction: Direction,
    /// The p-value against "the change is within the tolerance"; of both directions, twice the smaller one.
    pub p_value: f64,
    /// The p-value against "there is no change at all", in the same direction; an alert may rest on it.
    pub p_any: f64,
    /// Whether the p-value is at most 1 − confidence: the change is beyond the tolerance.
    pub beyond: bool,
}

/// Compares `sample` with `baseline`, both in time order. What is not finite is left out; `None` where nothing is left
/// of either, or where the terms hold a NaN.
pub fn compare(sample: &[f64], baseline: &[f64], terms: &Terms) -> Option<Comparison> {
    let finite = |values: &[f64]| -> Vec<f64> { values.iter().copied().filter(|v| v.is_finite()).collect() };
    let (x, y) = (finite(sample), finite(baseline));
    let Tolerance { relative, absolute } = terms.tolerance;
    if relative.is_nan() || absolute.is_nan() || terms.confidence.is_nan() || terms.new_share.is_nan() {
        return None;
    }
    let memory = lag1_in_common(&x, &y);
    let size = |n: usize| effective_size(n, memory).min(overlap_size(n, terms.new_share, 1.0));
    let effective = (size(x.len()), size(y.len()));
    let plain = mann_whitney_sized(&x, &y, effective)?;
    let raised: Vec<f64> = y.iter().map(|v| v + terms.tolerance.margin(*v)).collect();
    let lowered: Vec<f64> = y.iter().map(|v| v - terms.tolerance.margin(*v)).collect();
    let increase = mann_whitney_sized(&x, &raised, effective)?.greater;
    let decrease = mann_whitney_sized(&x, &lowered, effective)?.less;
    let sides = if terms.direction == Direction::Either { 2.0 } else { 1.0 };
    let (direction, of_one, any_of_one) = match terms.direction {
        Direction::Decrease => (Direction::Decrease, decrease, plain.less),
        Direction::Either if decrease < increase => (Direction::Decrease, decrease, plain.less),
        Direction::Increase | Direction::Either => (Direction::Increase, increase, plain.greater),
    };
    let [p_value, p_any] = [of_one, any_of_one].map(|p| (sides * p).min(1.0));
    let alpha = 1.0 - terms.confidence;
    let differences = Pairs::differences(&x, &y)?;
    let ratios = Pairs::ratios(&x, &y);
    Some(Comparison {
        sizes: (x.len(), y.len()),
        autocorrelation: memory,
        effective,
        shift: differences.median(),
        shift_bounds: differences.bounds(alpha / sides, effective),
        ratio: ratios.as_ref().map(Pairs::median),
        ratio_bounds: ratios.as_ref().map(|ratios| ratios.bounds(alpha / sides, effective)),
        cles: plain.cles,
        direction,
        p_value,
        p_any,
        // Met but for rounding is met: 1 − 0.9 is less than 0.1.
        beyond: p_value <= alpha * (1.0 + 1e-9),
    })
}

#[cfg(test)]
mod tests;
