//! What a tick of a comparison comes to where its values alone do not tell: it lacks a baseline, or a test at the end takes
//! them. Pure.

use std::sync::Arc;

use super::{Held, Judged, keep};
use crate::check::{Labels, Series};
use crate::gate::against::Bases;
use crate::gate::outcome::State;
use crate::policy::model::{Judging, On, OnMissing};

/// A value of a series, for a test at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The series.
    pub labels: Arc<Labels>,
    /// Its value, with what the season makes of it taken out.
    pub value: f64,
    /// Its baseline; NaN where it has none.
    pub baseline: f64,
    /// What each of the earlier windows had, the nearest first; NaN for none.
    pub placebos: Box<[f64]>,
}

/// The sample of a tick at which the baseline is missing.
pub(super) fn without_baseline(judging: &Judging, on: OnMissing, bases: Option<&Bases>) -> Judged {
    let on_missing = judging.relative.map_or(On::Inconclusive, |relative| relative.on_missing);
    match bases.and_then(|bases| bases.why.clone()) {
        Some((State::Error, why)) => Judged::or(State::Error, why, on.error, "on_error"),
        Some((state, why)) => Judged::or(state, why, on_missing, "on_no_baseline"),
        None => Judged::or(State::NoData, "no baseline".to_owned(), on_missing, "on_no_baseline"),
    }
}

/// The sample of a tick of which a test at the end takes the values.
pub(super) fn measured(
    series: &[Series],
    held: &[Held<'_>],
    judging: &Judging,
    bases: Option<&Bases>,
) -> Judged {
    let mut judged = match held.iter().any(|held| held.base.is_some()) {
        true => Judged::new(State::Within, None),
        // What that means is decided with all else, at the end.
        false => match bases.and_then(|bases| bases.why.clone()) {
            Some((state, why)) => Judged::new(state, Some(why)),
            None => Judged::new(State::NoData, None),
        },
    };
    let point = |held: &Held<'_>| Point {
        labels: held.series.labels.clone(),
        value: held.series.value / held.base.map_or(1.0, |base| base.season),
        baseline: held.base.map_or(f64::NAN, |base| base.value / base.season),
        placebos: held.base.map(|base| base.placebos.clone()).unwrap_or_default(),
    };
    judged.points = held.iter().map(point).collect();
    keep(&mut judged, series, held, judging);
    judged
}
