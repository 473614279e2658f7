//! Evidence against expected values, its limits, and the error rates it promises.

use super::*;
use crate::stats::testing::{assert_close, golden, number, numbers};
use crate::stats::two_rates::Events;
use proptest::prelude::*;

#[test]
fn evidence_against_a_limit_is_that_of_enumeration() {
    for case in golden("eprocess_threshold") {
        let mut evidence = ShareEvidence::new(Side::Above, number(&case, "p0"));
        for (step, expected) in case["steps"].as_array().unwrap().iter().zip(numbers(&case, "log_e")) {
            evidence.update(Events::new(number(step, "k"), number(step, "N")));
            assert_close(evidence.log_evidence(), expected, 1e-9);
        }
    }
}

#[test]
fn evidence_against_a_baseline_is_that_of_enumeration() {
    for case in golden("eprocess_two_sample") {
        let mut evidence = RatioEvidence::new(Side::Above, number(&case, "rho0"));
        for (step, expected) in case["steps"].as_array().unwrap().iter().zip(numbers(&case, "log_e")) {
            let candidate = Events::new(number(step, "kc"), number(step, "Tc"));
            evidence.update(candidate, Events::new(number(step, "ks"), number(step, "Ts")));
            assert_close(evidence.log_evidence(), expected, 1e-9);
        }
    }
}

#[test]
fn evidence_does_not_depend_on_how_often_one_looks() {
    let steps = [(0.0, 60.0), (2.0, 55.0), (1.0, 62.0), (5.0, 58.0)];
    for side in [Side::Above, Side::Below] {
        let mut each = ShareEvidence::new(side, 0.01);
        steps.iter().for_each(|(bad, total)| each.update(Events::new(*bad, *total)));
        let mut once = ShareEvidence::new(side, 0.01);
        once.update(Events::new(8.0, 235.0));
        assert_close(each.log_evidence(), once.log_evidence(), 1e-12);
        assert!(each.peak() >= each.log_evidence() && each.seen() == once.seen());
    }
}

#[test]
fn health_is_proved_by_the_mirrored_evidence() {
    let mut health = ShareEvidence::new(Side::Below, 0.01);
    health.update(Events::new(0.0, 1000.0));
    // The mean of ((1 − 0.01/m)/0.99)^1000: mpmath 1.3.0.
    assert_close(health.log_evidence(), 8.928_949_894_922_682, 1e-12);
    assert!(health.reaches(0.05) && !health.reaches(1e-4));
    health.update(Events::new(100.0, 100.0));
    assert!(!health.reaches(0.05) && health.has_reached(0.05));

    let mut no_worse = RatioEvidence::new(Side::Below, 1.5);
    no_worse.update(Events::new(3.0, 5000.0), Events::new(40.0, 5000.0));
    assert!(no_worse.reaches(0.05));
    let mut worse = RatioEvidence::new(Side::Above, 1.5);
    worse.update(Events::new(3.0, 5000.0), Events::new(40.0, 5000.0));
    assert!(worse.log_evidence() < 0.0 && !worse.has_reached(0.5));
}

#[test]
fn a_beginning_is_one_of_all_looks() {
    // Enumerated: the mean over beginnings j of 1/(j(j+1)), and over alternatives, of what has been seen since j.
    let steps = [(0.0, 60.0), (2.0, 55.0), (1.0, 62.0), (5.0, 58.0)];
    let mut restarting = ShareEvidence::restarting(Side::Above, 0.01);
    steps.iter().for_each(|(bad, total)| restarting.update(Events::new(*bad, *total)));
    let since = |from: usize| {
        let mut evidence = ShareEvidence::new(Side::Above, 0.01);
        steps[from..].iter().for_each(|(bad, total)| evidence.update(Events::new(*bad, *total)));
        evidence.log_evidence().exp()
    };
    let expected: f64 = since(0) / 2.0 + since(1) / 6.0 + since(2) / 12.0 + since(3) / 20.0 + 1.0 / 5.0;
    assert_close(restarting.log_evidence(), expected.ln(), 1e-12);
    // Looks without events are none.
    restarting.update(Events::default());
    assert_close(restarting.log_evidence(), expected.ln(), 1e-12);

    let mut ratio = RatioEvidence::restarting(Side::Above, 1.0);
    ratio.update(Events::new(9.0, 100.0), Events::new(1.0, 100.0));
    let mut plain = RatioEvidence::new(Side::Above, 1.0);
    plain.update(Events::new(9.0, 100.0), Events::new(1.0, 100.0));
    assert_close(ratio.log_evidence().exp(), plain.log_evidence().exp() / 2.0 + 0.5, 1e-12);
}

#[test]
fn high_limits_keep_alternatives_above_them() {
    for limit in [0.3, 0.5, 0.79, 0.8, 0.9, 0.99, 0.999_9] {
        let mut evidence = ShareEvidence::new(Side::Above, limit);
        evidence.update(Events::new(9990.0, 10_000.0));
        assert_eq!(evidence.reaches(0.01), limit < 0.999, "{limit}");
        let mut outage = ShareEvidence::new(Side::Above, limit);
        outage.update(Events::new(1e6, 1e6));
        assert!(outage.reaches(1e-6), "{limit}");
    }
}

#[test]
fn limits_at_the_ends_need_one_event() {
    let after = |side, limit, bad| {
        let mut evidence = ShareEvidence::new(side, limit);
        evidence.update(Events::new(bad, 10.0));
        evidence.log_evidence()
    };
    assert_eq!(after(Side::Above, 0.0, 0.0), 0.0);
    assert_eq!(after(Side::Above, 0.0, 1.0), f64::INFINITY);
    assert_eq!(after(Side::Below, 1.0, 10.0), 0.0);
    assert_eq!(after(Side::Below, 1.0, 9.0), f64::INFINITY);
    for (side, limit) in [
        (Side::Below, 0.0),
        (Side::Above, 1.0),
        (Side::Above, f64::NAN),
        (Side::Below, -1.0),
        (Side::Above, 2.0),
    ] {
        assert_eq!(after(side, limit, 10.0), 0.0);
    }
}

#[test]
fn counters_that_disagree_are_settled() {
    let mut evidence = ShareEvidence::new(Side::Above, 0.01);
    evidence.update(Events::new(7.0, 5.0));
    assert_eq!(evidence.seen(), Events::new(5.0, 5.0));
    for none in [(f64::NAN, 9.0), (1.0, f64::INFINITY), (-4.0, -4.0), (0.0, 0.0)] {
        evidence.update(Events::new(none.0, none.1));
        assert_eq!(evidence.seen(), Events::new(5.0, 5.0));
    }
    let mut ratio = RatioEvidence::new(Side::Above, 1.0);
    ratio.update(Events::new(9.0, 10.0), Events::new(f64::NAN, 10.0));
    ratio.update(Events::new(9.0, 10.0), Events::default());
    ratio.update(Events::default(), Events::new(9.0, 10.0));
    assert_eq!(ratio.log_evidence(), 0.0);
}

proptest! {
    #[test]
    fn every_event_has_evidence(limit: f64, alpha: f64, steps: Vec<(f64, f64, f64, f64)>) {
        for side in [Side::Above, Side::Below] {
            let mut shares = [ShareEvidence::new(side, limit), ShareEvidence::restarting(side, limit)];
            let mut ratios = [RatioEvidence::new(side, limit), RatioEvidence::restarting(side, limit)];
            for (a, b, c, d) in &steps {
                for (share, ratio) in shares.iter_mut().zip(&mut ratios) {
                    share.update(Events::new(*a, *b));
                    ratio.update(Events::new(*a, *b), Events::new(*c, *d));
                    prop_assert!(!share.log_evidence().is_nan() && !ratio.log_evidence().is_nan());
                    let _ = (share.reaches(alpha), ratio.has_reached(alpha));
                }
            }
        }
    }

    #[test]
    fn a_bad_event_more_is_never_less_evidence(limit in 1e-4..0.99_f64, bad in 0_u32..200, good in 0_u32..2000) {
        let after = |side, bad: u32, good: u32| {
            let mut evidence = ShareEvidence::new(side, limit);
            evidence.update(Events::new(f64::from(bad), f64::from(bad + good)));
            evidence.log_evidence()
        };
        let slack = 1e-9;
        prop_assert!(after(Side::Above, bad + 1, good) >= after(Side::Above, bad, good) - slack);
        prop_assert!(after(Side::Above, bad, good + 1) <= after(Side::Above, bad, good) + slack);
        prop_assert!(after(Side::Below, bad + 1, good) <= after(Side::Below, bad, good) + slack);
        prop_assert!(after(Side::Below, bad, good + 1) >= after(Side::Below, bad, good) - slack);
    }
}
