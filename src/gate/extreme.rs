//! How bad a sample is whatever its limits are: for each kind of limit, the one at which the sample would just be within.
//! For those who ask what another limit would have said. Pure; must not judge: `judge` does.

use super::judge::Judged;
use super::outcome::State;
use crate::check::{Reading, Seen};
use crate::policy::model::{Check, Judging, On, OnMissing, Require};

/// Relative slack of shares, so that 19 of 20 is 95 %.
const EPSILON: f64 = 1e-9;

/// The limits at which one sample would just be within; infinite where it is within, or a breach, whatever they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extreme {
    /// The smallest `max_value`.
    pub max: f64,
    /// The largest `min_value`.
    pub min: f64,
    /// The smallest `tolerance`.
    pub tolerance: f64,
    /// Whether it is not judged where it is within: it was asked over a shorter range than it names.
    pub early: bool,
}

impl Extreme {
    /// A sample that is a breach whatever the limits are.
    const BREACH: Self =
        Self { max: f64::INFINITY, min: f64::NEG_INFINITY, tolerance: f64::INFINITY, early: false };

    /// One that is within.
    const WITHIN: Self =
        Self { max: f64::NEG_INFINITY, min: f64::INFINITY, tolerance: f64::NEG_INFINITY, early: false };
}

/// How bad each sample of a check is, in the order of its record's; nothing until somebody wants to know.
#[derive(Debug, Default)]
pub(super) struct Extremes(Option<Vec<Option<Extreme>>>);

impl Extremes {
    /// Keeps them from now on.
    pub(super) fn begin(&mut self) {
        self.0 = Some(Vec::new());
    }

    /// Keeps how bad the sample at `index` is; those before it that nobody has asked are not.
    pub(super) fn keep(&mut self, index: usize, reading: &Reading, judged: &Judged, check: &Check) {
        if let Some(kept) = &mut self.0 {
            kept.resize(kept.len().max(index + 1), None);
            kept[index] = extreme(reading, judged, &check.judging, check.on);
        }
    }

    /// All that are kept.
    pub(super) fn all(&self) -> &[Option<Extreme>] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// How bad `reading` is, which was judged as `judged`; `None` where no limit would have it judged.
fn extreme(reading: &Reading, judged: &Judged, judging: &Judging, on: OnMissing) -> Option<Extreme> {
    let early = reading.early && judged.state == State::Settling;
    if !judged.state.judged() && !early {
        return None;
    }
    let told = if judged.state == State::Breach { Extreme::BREACH } else { Extreme::WITHIN };
    let Seen::Series(series) = &reading.seen else { return Some(told) };
    // What an infinity is, `on_infinite` says and no limit.
    let (fine, bad) = match on.infinite {
        On::Inconclusive => (0, 0),
        other => {
            let infinite = series.iter().filter(|one| one.value.is_infinite()).count();
            if other == On::Pass { (infinite, 0) } else { (0, infinite) }
        }
    };
    let values = || series.iter().map(|one| one.value).filter(|value| value.is_finite());
    let counted = values().count() + fine + bad;
    if judging.expect_empty || counted < judging.min_series.max(1) as usize {
        return if early { None } else { Some(told) };
    }
    let expected = judging.criterion.expected.map_or(0.0, |(expected, _)| expected);
    let least = |side: &dyn Fn(f64) -> f64| {
        let mut sides: Vec<f64> = values().map(side).collect();
        sides.extend(std::iter::repeat_n(f64::NEG_INFINITY, fine));
        sides.extend(std::iter::repeat_n(f64::INFINITY, bad));
        let needed = match judging.require {
            Require::All => counted,
            Require::Any => 1,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to `counted`"
            )]
            Require::Share(share) => (share.0 * counted as f64 * (1.0 - EPSILON)).ceil() as usize,
        };
        let last = needed.clamp(1, counted) - 1;
        *sides.select_nth_unstable_by(last, f64::total_cmp).1
    };
    Some(Extreme {
        max: least(&|value| value),
        min: -least(&|value| -value),
        tolerance: least(&|value| (value - expected).abs()),
        early: reading.early,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::check::Series;
    use crate::policy::criterion::Criterion;
    use crate::policy::value::Share;

    fn of(values: &[f64], judging: &Judging, on: OnMissing, state: State) -> Option<Extreme> {
        let one = |value: &f64| Series { labels: Arc::default(), value: *value };
        let reading = Reading::new(Seen::Series(values.iter().map(one).collect()));
        let judged = Judged::new(state, None);
        extreme(&reading, &judged, judging, on)
    }

    #[test]
    fn the_extreme_is_the_limit_at_which_enough_series_are_within() {
        let values = [4.0, 1.0, f64::NAN, 2.0, 3.0];
        let criterion = Criterion { expected: Some((2.0, 0.0)), ..Criterion::default() };
        for (require, max, min, tolerance) in [
            (Require::All, 4.0, 1.0, 2.0),
            (Require::Any, 1.0, 4.0, 0.0),
            (Require::Share(Share(0.75)), 3.0, 2.0, 1.0),
            (Require::Share(Share(0.5)), 2.0, 3.0, 1.0),
        ] {
            let judging = Judging { require, criterion, ..Judging::default() };
            let found = of(&values, &judging, OnMissing::default(), State::Within);
            assert_eq!(found, Some(Extreme { max, min, tolerance, early: false }), "{require:?}");
        }
    }

    #[test]
    fn what_no_limit_decides_is_infinite() {
        let all = Judging::default();
        let fail = OnMissing { infinite: On::Fail, ..OnMissing::default() };
        assert_eq!(of(&[1.0, f64::INFINITY], &all, fail, State::Breach).map(|e| e.max), Some(f64::INFINITY));
        assert_eq!(
            of(&[1.0, f64::INFINITY], &all, OnMissing::default(), State::Within).map(|e| e.max),
            Some(1.0)
        );
        assert_eq!(of(&[], &all, OnMissing::default(), State::NoData), None);
        // `on_no_data: fail` and `pass`.
        assert_eq!(of(&[], &all, OnMissing::default(), State::Breach), Some(Extreme::BREACH));
        assert_eq!(of(&[], &all, OnMissing::default(), State::Within), Some(Extreme::WITHIN));
    }
}
