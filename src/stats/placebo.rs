//! Whether what was seen after the deployment is more than what the same windows show without one. Distribution-free:
//! autocorrelation and daily swing are in the placebos as they are in the observation. Must not be given placebo
//! windows in which something was deployed.

use super::comparison::Direction;

/// The conformal p-value (1 + number of placebos at least as extreme as `observed`) / (K + 1), for K placebos that are
/// numbers. With [`Direction::Either`] twice the smaller one, at most 1; 1 for an `observed` of NaN.
///
/// It can never be below 1/(K + 1): see [`placebos_needed`]. Source: Vovk, Gammerman and Shafer, "Algorithmic learning
/// in a random world" (2005).
pub fn p_value(observed: f64, placebos: &[f64], direction: Direction) -> f64 {
    if observed.is_nan() {
        return 1.0;
    }
    let numbers = placebos.iter().filter(|placebo| !placebo.is_nan());
    let all = numbers.clone().count() + 1;
    let p = |extreme: fn(f64, f64) -> bool| {
        let extreme = numbers.clone().filter(|placebo| extreme(**placebo, observed)).count();
        (1 + extreme) as f64 / all as f64
    };
    let (increase, decrease) = (p(|placebo, seen| placebo >= seen), p(|placebo, seen| placebo <= seen));
    match direction {
        Direction::Increase => increase,
        Direction::Decrease => decrease,
        Direction::Either => (2.0 * increase.min(decrease)).min(1.0),
    }
}

/// How many placebos it takes for a p-value of `alpha` to be possible in one direction: ⌈1/α⌉ − 1. Infinite for an
/// `alpha` that is not above 0.
pub fn placebos_needed(alpha: f64) -> f64 {
    if alpha.is_nan() || alpha <= 0.0 {
        return f64::INFINITY;
    }
    // Met but for rounding is met.
    ((alpha.recip() * (1.0 - 1e-12)).ceil() - 1.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_observation_is_ranked_among_the_placebos() {
        let placebos = [1.0, 2.0, 3.0, f64::NAN, 4.0];
        assert_eq!(p_value(5.0, &placebos, Direction::Increase), 0.2);
        assert_eq!(p_value(4.0, &placebos, Direction::Increase), 0.4);
        assert_eq!(p_value(5.0, &placebos, Direction::Decrease), 1.0);
        assert_eq!(p_value(0.0, &placebos, Direction::Decrease), 0.2);
        assert_eq!(p_value(0.0, &placebos, Direction::Either), 0.4);
        assert_eq!(p_value(2.5, &placebos, Direction::Either), 1.0);
        assert_eq!(p_value(f64::INFINITY, &[], Direction::Increase), 1.0);
        assert_eq!(p_value(f64::NAN, &placebos, Direction::Decrease), 1.0);
    }

    #[test]
    fn few_placebos_cannot_be_sure() {
        for (alpha, needed) in [(0.2, 4.0), (0.05, 19.0), (0.01, 99.0), (0.001, 999.0), (1.0, 0.0)] {
            assert_eq!(placebos_needed(alpha), needed);
        }
        assert_eq!(placebos_needed(0.0), f64::INFINITY);
        assert_eq!(placebos_needed(f64::NAN), f64::INFINITY);
    }
}
