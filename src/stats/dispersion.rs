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

/// Steps of one block of [`usual`].
const BLOCK: usize = FEWEST_STEPS;

/// The dispersion D as it usually is over `steps`: the middle one, rounded up, of blocks of [`FEWEST_STEPS`] steps, so
/// that an incident in one of them, which is no burst of single events, does not count for all. Where fewer than half of
/// the blocks have enough bad events to tell, that of all steps together.
pub fn usual(steps: &[Events]) -> Option<f64> {
    let mut blocks: Vec<f64> = steps.rchunks(BLOCK).filter_map(dispersion).collect();
    if blocks.len() * 2 * BLOCK < steps.len() {
        return dispersion(steps);
    }
    blocks.sort_by(f64::total_cmp);
    blocks.get(blocks.len() / 2).copied().or_else(|| dispersion(steps))
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

    #[test]
    fn an_incident_is_no_burst() {
        let mut random = Random(7);
        let mut steps = |mean: f64, count: usize| -> Vec<Events> {
            let counts = Counts::poisson(mean);
            (0..count).map(|_| Events::new(counts.draw(&mut random), 300.0)).collect()
        };
        let mut hours = steps(0.6, 70);
        hours.extend(steps(15.0, 15));
        hours.extend(steps(0.6, 35));
        assert!(dispersion(&hours).unwrap() > 5.0);
        assert!(usual(&hours).unwrap() < 1.6, "{:?}", usual(&hours));
        // Too few to tell by blocks, and enough in all.
        let sparse = steps(0.2, 120);
        assert!((1.0..2.0).contains(&usual(&sparse).unwrap()));
        assert_eq!(usual(&[]), None);
    }

    #[test]
    fn bursts_are_usual() {
        let mut random = Random(8);
        let counts = Counts::bursty(6.0, 5.0);
        let found: Vec<f64> = (0..200)
            .map(|_| (0..120).map(|_| Events::new(counts.draw(&mut random), 1200.0)).collect::<Vec<_>>())
            .map(|steps| usual(&steps).unwrap())
            .collect();
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        assert!((4.2..5.8).contains(&mean), "{mean}");
    }
}
