//! Tests at the end of a window: what they find, what they leave open, and that neither side nor unit is favoured.

use std::time::Duration;

use proptest::prelude::*;

use super::once::Samples;
use super::placebo;
use super::ranks::{Rhythm, test as ranks_test};
use crate::gate::outcome::{Found, TestedSeries};
use crate::policy::model::On;
use crate::policy::relative::{Against, Relative, Test, Tolerance};

const APART: Rhythm = Rhythm { own: 15.0, baseline: 15.0, range: 0.0 };

fn relative(increase: Option<f64>, decrease: Option<f64>, test: Test) -> Relative {
    Relative {
        against: Against::Query,
        increase: increase.map(Tolerance::Relative),
        decrease: decrease.map(Tolerance::Relative),
        floor: 0.0,
        on_missing: On::Inconclusive,
        test: Some(test),
        confidence: 0.99,
        range: Duration::ZERO,
    }
}

/// Values about 1 that do not tell of the next.
fn noise(count: u32, of: f64) -> Vec<f64> {
    (0..count).map(|i| of * (1.0 + f64::from(i * 37 % 101) / 1000.0)).collect()
}

fn tested(own: &[f64], baseline: &[f64], relative: &Relative, rhythm: Rhythm) -> Option<TestedSeries> {
    let samples = Samples { own: own.to_vec(), baseline: baseline.to_vec(), ..Samples::default() };
    ranks_test(std::sync::Arc::default(), &samples, relative, 0.01, rhythm)
}

#[test]
fn a_doubled_value_is_found_at_every_scale_and_an_equal_one_at_none() {
    let more = relative(Some(0.1), None, Test::MannWhitney);
    for scale in [1.0, 1e-3, 1e-6, 1e-9, 1e-300] {
        let found = tested(&noise(30, 2.0 * scale), &noise(30, scale), &more, APART).unwrap();
        assert!(found.beyond && found.weak.is_none() && found.able, "{scale:e}: {found:?}");
        let same = tested(&noise(30, scale), &noise(30, scale), &more, APART).unwrap();
        assert!(!same.beyond && same.able, "{scale:e}: {same:?}");
    }
}

#[test]
fn a_few_samples_alert_at_most_and_fewer_tell_nothing() {
    let more = relative(Some(0.1), None, Test::MannWhitney);
    for (count, rhythm, beyond, weak, able) in [
        (3, APART, false, true, false),
        (5, APART, true, false, true),
        (30, Rhythm { range: 75.0, ..APART }, true, false, true),
        (30, Rhythm { range: 300.0, ..APART }, false, true, false),
    ] {
        let found = tested(&noise(count, 2.0), &noise(count, 1.0), &more, rhythm).unwrap();
        let seen = (found.beyond, found.weak.is_some(), found.able);
        assert_eq!(seen, (beyond, weak, able), "{count} samples, {rhythm:?}: {found:?}");
    }
    assert!(tested(&[], &[1.0], &more, APART).is_none());
    assert!(tested(&[1.0], &[], &more, APART).is_none());
}

fn among(own: f64, placebos: &[f64], relative: &Relative) -> TestedSeries {
    let samples = Samples {
        own: vec![own, own],
        placebos: vec![placebos.into(), placebos.into()],
        ..Samples::default()
    };
    placebo::test(std::sync::Arc::default(), &samples, relative, 0.01).unwrap()
}

#[test]
fn a_window_is_ranked_among_earlier_ones() {
    let any = relative(None, None, Test::Placebo);
    let more = relative(Some(0.5), None, Test::Placebo);
    let less = relative(None, Some(0.5), Test::Placebo);
    let week: Vec<f64> = (0..7).map(|i| 20.0 + f64::from(i)).collect();
    let hundred: Vec<f64> = (0..100).map(|i| 20.0 + f64::from(i % 7)).collect();
    for (own, placebos, relative, beyond, firm) in [
        (50.0, &week, more, true, false),
        (50.0, &hundred, more, true, true),
        // More than all, and by less than is allowed.
        (27.0, &hundred, more, false, true),
        (5.0, &hundred, more, false, true),
        (5.0, &hundred, less, true, true),
        (23.0, &hundred, less, false, true),
        (23.0, &hundred, any, false, true),
    ] {
        let found = among(own, placebos, &relative);
        let count = placebos.len();
        assert_eq!((found.beyond, found.weak.is_none()), (beyond, firm), "{own} among {count}: {found:?}");
    }
    // Windows without data are left out, and counted.
    let gaps = [20.0, f64::NAN, 21.0, 22.0, f64::NAN, 23.0];
    let Found::Placebo { windows, left_out, as_far, .. } = among(50.0, &gaps, &more).found else { panic!() };
    assert_eq!((windows, left_out, as_far), (4, 2, 0));
}

proptest! {
    #[test]
    fn swapped_sides_turn_the_direction_and_the_unit_is_no_news(
        own in prop::collection::vec(1_u32..999, 6..25),
        baseline in prop::collection::vec(1_u32..999, 6..25),
        power in -200..200,
    ) {
        let values = |values: &[u32], by: f64| -> Vec<f64> { values.iter().map(|v| f64::from(*v) * by).collect() };
        let (more, less) = (
            relative(Some(0.0), None, Test::MannWhitney),
            relative(None, Some(0.0), Test::MannWhitney),
        );
        let (x, y) = (values(&own, 1.0), values(&baseline, 1.0));
        let (one, other) = (tested(&x, &y, &more, APART).unwrap(), tested(&y, &x, &less, APART).unwrap());
        prop_assert!((one.p_value - other.p_value).abs() < 1e-9 && one.beyond == other.beyond);
        let by = 10_f64.powi(power);
        let scaled = tested(&values(&own, by), &values(&baseline, by), &more, APART).unwrap();
        prop_assert!((one.p_value - scaled.p_value).abs() < 1e-9);
        prop_assert_eq!((one.beyond, one.able), (scaled.beyond, scaled.able));
    }
}
