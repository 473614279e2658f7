//! A window among earlier ones in which nothing was deployed: is its mean farther off than theirs. It needs no noise
//! model: what repeats and what comes with the time of day is in the earlier windows as well. Pure.

use std::sync::Arc;

use super::once::{Samples, directions};
use crate::check::Labels;
use crate::gate::outcome::{Found, TestedSeries};
use crate::policy::criterion::Number;
use crate::policy::relative::{MOST_BY_CHANCE, Relative, rounded};
use crate::stats::comparison::Direction;
use crate::stats::order::median;
use crate::stats::placebo::{p_value, placebos_needed};

/// Tests one series at `alpha`. `None` where no earlier window has data.
pub(super) fn test(
    labels: Arc<Labels>,
    samples: &Samples,
    relative: &Relative,
    alpha: f64,
) -> Option<TestedSeries> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let observed = mean(&samples.own);
    let windows = samples.placebos.iter().map(|placebos| placebos.len()).max()?;
    let of_window = |window: usize| {
        let values = samples.placebos.iter().filter_map(|placebos| placebos.get(window));
        let seen: Vec<f64> = values.copied().filter(|value| value.is_finite()).collect();
        // A mean of few samples swings more than that of the window.
        (2 * seen.len() >= samples.own.len() && !seen.is_empty()).then(|| mean(&seen))
    };
    let placebos: Vec<f64> = (0..windows).filter_map(of_window).collect();
    let middle = median(&placebos)?;
    let direction = match *directions(relative) {
        [(direction, _)] => direction,
        _ => Direction::Either,
    };
    let p_value = p_value(observed, &placebos, direction);
    let sides = if direction == Direction::Either { 2.0 } else { 1.0 };
    let smallest = (sides / (placebos.len() + 1) as f64).min(1.0);
    let sure = |limit: f64| p_value <= limit * (1.0 + 1e-9);
    let limited = relative.increase.is_some() || relative.decrease.is_some();
    let too_far = if limited {
        relative.miss(observed, middle).is_some()
    } else {
        (observed - middle).abs() > relative.floor
    };
    // Too few windows for the confidence can still show that there was nothing like it; very few show nothing.
    let able = smallest <= MOST_BY_CHANCE;
    let beyond = too_far && able && (sure(alpha) || sure(smallest));
    let needed = placebos_needed(alpha / sides);
    let weak = (beyond && !sure(alpha))
        .then(|| format!("{} earlier windows, a rollback needs {}", placebos.len(), Number(needed)));
    let as_far = placebos
        .iter()
        .filter(|placebo| match direction {
            Direction::Increase => **placebo >= observed,
            Direction::Decrease => **placebo <= observed,
            Direction::Either => (**placebo - middle).abs() >= (observed - middle).abs(),
        })
        .count();
    let found = Found::Placebo {
        mean: observed,
        median: middle,
        windows: placebos.len(),
        left_out: windows - placebos.len(),
        as_far,
    };
    Some(TestedSeries { labels, found, p_value, beyond, weak, able })
}

/// `mean 42 against the median 20 of 7 earlier windows: +110 %, 0 of them as far, p 0.125`.
pub(super) fn told(found: &Found, p_value: f64, relative: &Relative) -> String {
    let Found::Placebo { mean, median, windows, left_out, as_far } = found else { return String::new() };
    let off = mean - median;
    let plus = if off < 0.0 { "" } else { "+" };
    let percent = off / median.abs() * 100.0;
    let percent =
        if percent.is_finite() { format!(" ({plus}{} %)", rounded(percent)) } else { String::new() };
    let left_out = if *left_out > 0 { format!(", {left_out} without data left out") } else { String::new() };
    format!(
        "mean {} is {plus}{}{percent} off the median {} {}: {as_far} of {windows} as far off{left_out}, p {}; {}",
        rounded(*mean),
        rounded(off),
        rounded(*median),
        relative.against,
        rounded(p_value),
        relative.terms(),
    )
}
