//! How much more a count varies than independent events would, learnt from steps before the deployment. Must say that it
//! does not know rather than guess from little.

use super::two_rates::Events;

/// Fewer steps say too little of a variance.
pub const FEWEST_STEPS: usize = 20;
/// Fewer bad events say too little of anything.
pub const FEWEST_BAD: f64 = 5.0;

/// The dispersion D of bad events over `steps` of equal length: Pearson's χ²/(steps − 1) about the common share, at
/// least 1. Steps without events do not count. `None` with fewer than [`FEWEST_STEPS`] steps or [`FEWEST_BAD`] bad
/// events in all, or where every event was bad.
///
/// Source: McCullagh and Nelder, "Generalized linear models" (1989), §4.5.
pub fn dispersion(steps: &[Events]) -> Option<f64> {
    let steps: Vec<Events> =
        steps.iter().filter_map(|step| step.settled()).filter(|step| step.total > 0.0).collect();
    let bad: f64 = steps.iter().map(|step| step.bad).sum();
    let total: f64 = steps.iter().map(|step| step.total).sum();
    if steps.len() < FEWEST_STEPS || bad < FEWEST_BAD {
        return None;
    }
    let share = bad / total;
    let square = |step: &Events| {
        let expected = step.total * share;
        (step.bad - expected).powi(2) / (expected * (1.0 - share))
    };
    let chi_square: f64 = steps.iter().map(square).sum();
    let dispersion = chi_square / (steps.len() - 1) as f64;
    dispersion.is_finite().then(|| dispersion.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::testing::{Counts, Random};

    #[test]
    fn bursts_are_measured() {
        let mut random = Random(1);
        for expected in [1.0, 2.0, 5.0, 10.0] {
            let counts = Counts::bursty(10.0, expected);
            let steps: Vec<Events> =
                (0..20_000).map(|_| Events::new(counts.draw(&mut random), 100_000.0)).collect();
            let found = dispersion(&steps).unwrap();
            assert!((found / expected - 1.0).abs() < 0.06, "expected {expected}, found {found}");
        }
    }

    #[test]
    fn little_history_says_nothing() {
        let steps = |count: usize, bad: f64| vec![Events::new(bad, 100.0); count];
        assert_eq!(dispersion(&steps(19, 5.0)), None);
        assert_eq!(dispersion(&steps(40, 0.1)), None);
        assert_eq!(dispersion(&steps(20, 1.0)), Some(1.0));
        assert_eq!(dispersion(&steps(20, 100.0)), None);
        let mut sparse = steps(19, 5.0);
        sparse.extend([Events::default(), Events::new(f64::NAN, 1.0)]);
        assert_eq!(dispersion(&sparse), None);
    }
}
