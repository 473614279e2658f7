//! The rank test of a window against its baseline: is it more, or less, by more than is allowed, and how sure is that.
//! Effect and noise apart: the limits are of the effect, the confidence of the noise. Pure.

use std::sync::Arc;

use super::once::{Samples, directions};
use crate::check::Labels;
use crate::gate::outcome::{Found, TestedSeries};
use crate::gate::plan::LEAST_INDEPENDENT as LEAST;
use crate::policy::relative::{Relative, Tolerance, rounded};
use crate::stats::autocorrelation::{effective_size, independent_blocks};
use crate::stats::comparison::{self, Comparison, Terms, compare};
use crate::stats::mann_whitney::mann_whitney_sized;
use crate::stats::order::median;

/// The autocorrelation above which the test is wrong more than twice as often as it says.
const MOST_MEMORY: f64 = 0.8;

/// How samples follow each other, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    /// From one of the check's to the next.
    pub own: f64,
    /// The same of the baseline's.
    pub baseline: f64,
    /// How far back each of them looks.
    pub range: f64,
}

/// Tests one series at `alpha`. `None` where a side has no sample.
pub(super) fn test(
    labels: Arc<Labels>,
    samples: &Samples,
    relative: &Relative,
    alpha: f64,
    rhythm: Rhythm,
) -> Option<TestedSeries> {
    let Rhythm { own, baseline, range } = rhythm;
    let new_share = if range > 0.0 { own.min(baseline) / range } else { 1.0 };
    let sides = directions(relative);
    let each = alpha / sides.len() as f64;
    let found = sides
        .iter()
        .filter_map(|(direction, allowed)| {
            let tolerance = match allowed {
                None => comparison::Tolerance { relative: 0.0, absolute: relative.floor },
                Some(Tolerance::Relative(share)) => {
                    comparison::Tolerance { relative: *share, absolute: relative.floor }
                }
                Some(Tolerance::Absolute(off)) => {
                    comparison::Tolerance { relative: 0.0, absolute: off.max(relative.floor) }
                }
            };
            let terms = Terms { direction: *direction, tolerance, confidence: 1.0 - each, new_share };
            compare(&samples.own, &samples.baseline, &terms)
        })
        .min_by(|a, b| a.p_value.total_cmp(&b.p_value))?;
    let medians = (median(&samples.own)?, median(&samples.baseline)?);
    let blocks = |count, step| {
        // As many as do not overlap, and no more than their memory leaves.
        let worth = effective_size(count, found.autocorrelation);
        independent_blocks(count, step, range).min(worth as usize)
    };
    let independent = (blocks(found.sizes.0, own), blocks(found.sizes.1, baseline));
    let fewest = independent.0.min(independent.1);
    let weak = if fewest < LEAST {
        let s = if fewest == 1 { "" } else { "s" };
        Some(format!("{fewest} independent sample{s} a side, a rollback needs {LEAST}"))
    } else if found.autocorrelation > MOST_MEMORY {
        let memory = rounded(found.autocorrelation);
        Some(format!("each sample tells most of the next (autocorrelation {memory}, at most {MOST_MEMORY})"))
    } else {
        None
    };
    let sure = found.p_value <= each * (1.0 + 1e-9);
    let p_value = (found.p_value * sides.len() as f64).min(1.0);
    let able = sure || able(found.sizes, found.effective, each);
    let found = Found::Ranks { comparison: Box::new(found), medians, independent };
    Some(TestedSeries { labels, found, p_value, beyond: sure, weak, able })
}

/// Whether samples of these sizes, worth `effective` independent values, could be found to differ at `alpha`, if they had
/// no value in common.
pub(in crate::gate) fn able((n, m): (usize, usize), effective: (f64, f64), alpha: f64) -> bool {
    let high: Vec<f64> = (0..n).map(|i| (m + i) as f64).collect();
    let low: Vec<f64> = (0..m).map(|i| i as f64).collect();
    mann_whitney_sized(&high, &low, effective).is_some_and(|apart| apart.greater <= alpha * (1.0 + 1e-9))
}

/// `medians 0.4 (60 samples) and 0.2 (60) of the baseline …: shift +0.2, ratio 2, p 1.2e-9; mann_whitney at 99 %, …`.
pub(super) fn told(found: &Comparison, medians: (f64, f64), p_value: f64, relative: &Relative) -> String {
    let plus = if found.shift < 0.0 { "" } else { "+" };
    let ratio = found.ratio.map(|ratio| format!(", ratio {}", rounded(ratio))).unwrap_or_default();
    format!(
        "medians {} ({} samples) and {} ({}) of the baseline {}: shift {plus}{}{ratio}, p {}; {}",
        rounded(medians.0),
        found.sizes.0,
        rounded(medians.1),
        found.sizes.1,
        relative.against,
        rounded(found.shift),
        rounded(p_value),
        relative.terms(),
    )
}
