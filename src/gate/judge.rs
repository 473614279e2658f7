//! What one reading means: a state, the reason in words, and the worst series. Pure, and knows no kind: what a
//! probe saw is either series, to be held against the criterion, or already met, unmet or failed. Must not count
//! breaches; `streak` does.

mod measured;

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use super::against::{Base, Bases, bases};
use super::beside;
use super::counted;
use super::outcome::State;
use super::watch::Taken;
use crate::check::{Beside, Counts, Labels, Reading, Seen, Series};
use crate::policy::criterion::Limit;
use crate::policy::criterion::{Miss, Number};
use crate::policy::model::{Check, Count, Judging, On, OnMissing, Require};

pub use measured::Point;
use measured::{measured, without_baseline};

/// Series kept of a sample.
pub const KEPT: usize = 10;

/// What a reading came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Its state.
    pub state: State,
    /// Why, where that needs words.
    pub reason: Option<String>,
    /// The worst series, at most [`KEPT`], worst first.
    pub values: Vec<(Arc<Labels>, f64)>,
    /// How many series there were.
    pub series: usize,
    /// For `count: series`: the label sets that breach, by hash.
    pub breaching: Vec<u64>,
    /// What was counted, where events were.
    pub counts: Option<Counts>,
    /// The baselines of `values`; empty where nothing is compared.
    pub baselines: Vec<Option<f64>>,
    /// What a test at the end is made of; empty where none is.
    pub points: Vec<Point>,
}

impl Judged {
    /// In `state`, for `reason`.
    pub(super) const fn new(state: State, reason: Option<String>) -> Self {
        Self {
            state,
            reason,
            values: Vec::new(),
            series: 0,
            breaching: Vec::new(),
            counts: None,
            baselines: Vec::new(),
            points: Vec::new(),
        }
    }

    /// In `state`, or judged as `on`, which is written under `key`, says.
    pub(super) fn or(state: State, reason: String, on: On, key: &str) -> Self {
        match on {
            On::Inconclusive => Self::new(state, Some(reason)),
            On::Fail => Self::new(State::Breach, Some(format!("{reason} (`{key}: fail`)"))),
            On::Pass => Self::new(State::Within, Some(format!("{reason} (`{key}: pass`)"))),
        }
    }
}

/// Judges what a tick of `check` brought, in the light of the answers about the past, `history`.
pub fn judge(taken: &Taken, check: &Check, history: &[Option<Vec<Reading>>]) -> Judged {
    let reading = &taken.reading;
    let asides: Vec<(&Beside, &Reading)> = check.beside.iter().zip(&taken.beside).collect();
    let mut judged = judge_beside(taken, &asides, check, history);
    if reading.early && !breaks_a_cap(&judged, &check.judging) {
        let reason =
            "its range would reach before the deployment, and over what lies after it there is no breach";
        return Judged {
            values: judged.values,
            series: judged.series,
            ..Judged::new(State::Settling, Some(reason.to_owned()))
        };
    }
    if let Some(remark) = reading.remark.as_ref().filter(|_| !reading.lacking) {
        judged.reason = Some(match judged.reason {
            Some(reason) => format!("{reason} ({remark})"),
            None => remark.clone(),
        });
    }
    judged
}

/// The same, as far as its own values and the answers beside it tell.
fn judge_beside(
    taken: &Taken,
    asides: &[(&Beside, &Reading)],
    check: &Check,
    history: &[Option<Vec<Reading>>],
) -> Judged {
    let (reading, control) = (&taken.reading, taken.control.as_deref());
    let alone = |reading: &Reading| match (&reading.seen, &check.events) {
        (Seen::Counts(counts), Some(tested)) => {
            counted::judge(counts, tested, check.on, counted::volume(check, history))
        }
        (Seen::Series(series), _) if let Some(relative) = &check.judging.relative => {
            let bases = bases(relative, series, taken, check, history);
            judge_alone(reading, &check.judging, check.on, control, Some(&bases))
        }
        _ => judge_alone(reading, &check.judging, check.on, control, None),
    };
    // Where it could not be asked itself, nothing beside it says more.
    if asides.is_empty() && history.is_empty() || !matches!(reading.seen, Seen::Series(_)) {
        return alone(reading);
    }
    if let Some(instead) = beside::instead(reading, asides, check, history) {
        return instead;
    }
    match beside::fresh(reading, asides, check) {
        Err(instead) => instead,
        Ok((fresh, told)) => {
            let mut judged = beside::confirmed(alone(&fresh), asides, check);
            if let Some(told) = told {
                judged.reason =
                    Some(judged.reason.map_or(told.clone(), |reason| format!("{reason}; {told}")));
            }
            judged
        }
    }
}

/// Whether a value is above `max_value`: what has grown too far already stays a breach however long its range is.
fn breaks_a_cap(judged: &Judged, judging: &Judging) -> bool {
    let above =
        |value: &f64| judging.criterion.miss(*value).is_some_and(|miss| matches!(miss.limit, Limit::Max(_)));
    judged.state == State::Breach && judged.values.iter().any(|(_, value)| above(value))
}

/// Judges `reading` by itself. `control` is the gate's control target as it was seen at the same tick, for kinds that it
/// speaks for.
pub(super) fn judge_alone(
    reading: &Reading,
    judging: &Judging,
    on: OnMissing,
    control: Option<&Reading>,
    bases: Option<&Bases>,
) -> Judged {
    if let Some(control) = control
        && let Some(why) = not_met(&control.seen)
    {
        let reason = format!("the control target fails from here too: {why}");
        return Judged::or(State::Error, reason, on.error, "on_error");
    }
    match &reading.seen {
        Seen::Met(how) => Judged::new(State::Within, Some(how.clone())),
        Seen::Unmet(why) => Judged::new(State::Breach, Some(why.clone())),
        Seen::Failed(why) => Judged::or(State::Error, why.clone(), on.error, "on_error"),
        // Counts are judged by what is claimed of events, and nobody else counts.
        Seen::Counts(_) => Judged::new(State::Error, Some("found counts, expected series".to_owned())),
        Seen::Series(_) if reading.lacking => {
            let reason = reading.remark.clone().unwrap_or_default();
            Judged::or(State::NoData, reason, on.no_data, "on_no_data")
        }
        Seen::Series(series) => {
            let mut judged = judge_series(series, judging, on, bases);
            judged.series = series.len();
            judged
        }
    }
}

fn not_met(seen: &Seen) -> Option<&str> {
    match seen {
        Seen::Met(_) | Seen::Series(_) | Seen::Counts(_) => None,
        Seen::Unmet(why) | Seen::Failed(why) => Some(why),
    }
}

/// One series held against the criterion.
struct Held<'s> {
    series: &'s Series,
    base: Option<&'s Base>,
    miss: Option<Miss>,
    /// Whether it has no baseline, and what that counts as is not written.
    unknown: bool,
}

fn judge_series(series: &[Series], judging: &Judging, on: OnMissing, bases: Option<&Bases>) -> Judged {
    if judging.expect_empty {
        return expect_empty(series);
    }
    let counted =
        |s: &&Series| s.value.is_finite() || (s.value.is_infinite() && on.infinite != On::Inconclusive);
    let base = |place: usize| bases.and_then(|bases| bases.each.get(place)).and_then(Option::as_ref);
    // One that could not be asked may be there: only `on_error` says what that is.
    let failed = bases.and_then(|bases| bases.why.as_ref()).is_some_and(|(state, _)| *state == State::Error);
    let missing = judging.relative.map(|relative| relative.on_missing);
    let missing = if failed { missing.map(|_| On::Inconclusive) } else { missing };
    let held: Vec<Held<'_>> = series
        .iter()
        .enumerate()
        .filter(|(_, one)| counted(one))
        .map(|(place, one)| hold(one, base(place), judging, on, missing))
        .collect();
    let least = judging.min_series.max(1) as usize;
    if held.len() < least {
        let mut judged = too_few(series, held.len(), least, on);
        keep(&mut judged, series, &held, judging);
        return judged;
    }
    if judging.relative.is_some_and(|relative| relative.test.is_some()) {
        return measured(series, &held, judging, bases);
    }
    let misses = held.iter().filter(|h| h.miss.is_some()).count();
    let unknown = held.iter().filter(|h| h.unknown).count();
    let hits = held.len() - misses - unknown;
    let meets = |hits: usize| match judging.require {
        Require::All => hits == held.len(),
        Require::Any => hits > 0,
        Require::Share(share) => hits >= share.least(held.len()),
    };
    let met = meets(hits);
    // Nobody can say whether it is met as long as that hangs on those without a baseline.
    if !met && meets(hits + unknown) {
        let mut judged = without_baseline(judging, on, bases);
        keep(&mut judged, series, &held, judging);
        return judged;
    }
    let left_out = series.len() - held.len();
    let worst = held.iter().filter(|h| h.miss.is_some()).max_by(|a, b| excess(a).total_cmp(&excess(b)));
    let reason = match worst {
        Some(worst) if !met => Some(breach_reason(worst, misses, held.len(), left_out)),
        _ if missing == Some(On::Pass) && held.iter().any(|held| held.base.is_none()) => {
            let why = bases.and_then(|bases| bases.why.as_ref());
            why.map(|(_, why)| format!("{why} (`on_no_baseline: pass`)"))
        }
        _ if left_out > 0 => Some(format!("{left_out} of {} series without a value left out", series.len())),
        _ => None,
    };
    let mut judged = Judged::new(if met { State::Within } else { State::Breach }, reason);
    keep(&mut judged, series, &held, judging);
    if !met && judging.count == Count::Series {
        judged.breaching = held.iter().filter(|h| h.miss.is_some()).map(|h| key(&h.series.labels)).collect();
    }
    judged
}

/// `missing` is what a series without a baseline counts as, where there is one.
fn hold<'s>(
    series: &'s Series,
    base: Option<&'s Base>,
    judging: &Judging,
    on: OnMissing,
    missing: Option<On>,
) -> Held<'s> {
    let miss = if series.value.is_infinite() {
        // An infinity is a division by zero in disguise: `on_infinite` says what it is, not the criterion.
        let limit = judging.criterion.miss(series.value).map(|miss| miss.limit);
        let limit = limit.unwrap_or(crate::policy::criterion::Limit::Max(f64::MAX));
        (on.infinite == On::Fail).then_some(Miss { value: series.value, limit, excess: f64::INFINITY })
    } else {
        judging.criterion.miss(series.value)
    };
    let Some((relative, counts)) = judging.relative.zip(missing) else {
        return Held { series, base, miss, unknown: false };
    };
    let Some(base) = base else {
        let lacking = miss.is_none() && !series.value.is_infinite();
        let miss = if lacking && counts == On::Fail { Some(Miss::lacking(series.value)) } else { miss };
        return Held { series, base: None, miss, unknown: lacking && counts == On::Inconclusive };
    };
    let own = if series.value.is_finite() { relative.miss(series.value, base.value) } else { None };
    // Both in the unit of the values: the worse of the two is told.
    let miss = [miss, own].into_iter().flatten().max_by(|a, b| a.excess.total_cmp(&b.excess));
    Held { series, base: Some(base), miss, unknown: false }
}

fn excess(held: &Held<'_>) -> f64 {
    held.miss.map_or(f64::NEG_INFINITY, |miss| miss.excess)
}

fn expect_empty(series: &[Series]) -> Judged {
    let Some(first) = series.first() else { return Judged::new(State::Within, None) };
    let others = match series.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let reason = format!("expected an empty result, found {}{others}", shown(first));
    let mut judged = Judged::new(State::Breach, Some(reason));
    judged.values = series.iter().take(KEPT).map(|s| (s.labels.clone(), s.value)).collect();
    judged.breaching = series.iter().map(|s| key(&s.labels)).collect();
    judged
}

fn too_few(series: &[Series], held: usize, least: usize, on: OnMissing) -> Judged {
    let infinite = series.iter().filter(|s| s.value.is_infinite()).count();
    if series.is_empty() {
        let expected = if least > 1 { format!(", expected at least {least} series") } else { String::new() };
        return Judged::or(State::NoData, format!("an empty result{expected}"), on.no_data, "on_no_data");
    }
    if held == 0 && infinite == 0 {
        let reason = "only NaN, a ratio of nothing to nothing: no traffic".to_owned();
        return Judged::or(State::NoTraffic, reason, on.no_traffic, "on_no_traffic");
    }
    if held == 0 {
        let reason = format!(
            "{infinite} of {} series infinite, a division by zero, and none with a value",
            series.len()
        );
        return Judged::or(State::NoData, reason, on.no_data, "on_no_data");
    }
    let reason = format!("{held} series with a value, expected at least {least}");
    Judged::or(State::NoData, reason, on.no_data, "on_no_data")
}

fn breach_reason(worst: &Held<'_>, misses: usize, held: usize, left_out: usize) -> String {
    let mut reason = worst.miss.map(|miss| miss.to_string()).unwrap_or_default();
    reason.push_str(&at(&worst.series.labels));
    if held > 1 {
        reason.push_str(&format!(", {misses} of {held} series"));
    }
    if left_out > 0 {
        reason.push_str(&format!(", {left_out} without a value left out"));
    }
    reason
}

/// Keeps of `series` those that miss most first, then the others as they came.
fn keep(judged: &mut Judged, series: &[Series], held: &[Held<'_>], judging: &Judging) {
    let kept = kept(series, held);
    judged.values = kept.iter().map(|one| (one.labels.clone(), one.value)).collect();
    if judging.relative.is_some() {
        let base = |one: &&Series| {
            let held = held.iter().find(|held| std::ptr::eq(held.series, *one));
            held.and_then(|held| held.base).map(|base| base.value)
        };
        judged.baselines = kept.iter().map(base).collect();
    }
}

fn kept<'s>(series: &'s [Series], held: &[Held<'s>]) -> Vec<&'s Series> {
    let mut misses: Vec<&Held<'_>> = held.iter().filter(|h| h.miss.is_some()).collect();
    let worst_first = |a: &&Held<'_>, b: &&Held<'_>| excess(b).total_cmp(&excess(a));
    if misses.len() > KEPT {
        misses.select_nth_unstable_by(KEPT - 1, worst_first);
        misses.truncate(KEPT);
    }
    misses.sort_by(|a, b| match worst_first(a, b) {
        Ordering::Equal => a.series.labels.cmp(&b.series.labels),
        unequal => unequal,
    });
    let missing: Vec<*const Series> = misses.iter().map(|h| std::ptr::from_ref(h.series)).collect();
    let others = series.iter().filter(|s| !missing.contains(&std::ptr::from_ref(*s)));
    let worst = misses.iter().map(|h| h.series);
    worst.chain(others).take(KEPT).collect()
}

/// A label set as a number.
pub(super) fn key(labels: &Labels) -> u64 {
    let mut hasher = DefaultHasher::new();
    labels.hash(&mut hasher);
    hasher.finish()
}

fn shown(series: &Series) -> String {
    format!("{} = {}", labels(&series.labels), Number(series.value))
}

/// ` at {route="/pay"}`; nothing of a series without labels.
pub fn at(whose: &Labels) -> String {
    if whose.is_empty() { String::new() } else { format!(" at {}", labels(whose)) }
}

/// Labels as PromQL writes them.
pub fn labels(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::criterion::Criterion;
    use crate::policy::value::Share;

    fn series(values: &[f64]) -> Reading {
        let one = |(i, value): (usize, &f64)| {
            let labels = Arc::new(vec![("i".into(), i.to_string().into_boxed_str())]);
            Series { labels, value: *value }
        };
        Reading::new(Seen::Series(values.iter().enumerate().map(one).collect()))
    }

    fn max(limit: f64) -> Judging {
        let criterion = Criterion { max: Some(limit), ..Criterion::default() };
        Judging { criterion, ..Judging::default() }
    }

    fn state(values: &[f64], judging: &Judging, on: OnMissing) -> State {
        judge_alone(&series(values), judging, on, None, None).state
    }

    const NAN: f64 = f64::NAN;
    const INF: f64 = f64::INFINITY;

    #[test]
    fn series_are_judged_as_require_says() {
        let all = max(1.0);
        let any = Judging { require: Require::Any, ..all };
        let most = Judging { require: Require::Share(Share(0.75)), ..all };
        for (values, on_all, on_any, on_most) in [
            (vec![0.5, 0.6, 0.7, 0.8], State::Within, State::Within, State::Within),
            (vec![0.5, 0.6, 0.7, 2.0], State::Breach, State::Within, State::Within),
            (vec![0.5, 0.6, 2.0, 2.0], State::Breach, State::Within, State::Breach),
            (vec![2.0, 2.0, 2.0, 2.0], State::Breach, State::Breach, State::Breach),
        ] {
            let on = OnMissing::default();
            assert_eq!(state(&values, &all, on), on_all, "{values:?}");
            assert_eq!(state(&values, &any, on), on_any, "{values:?}");
            assert_eq!(state(&values, &most, on), on_most, "{values:?}");
        }
    }

    #[test]
    fn what_is_no_number_never_passes_unless_told() {
        let on = OnMissing::default();
        assert_eq!(state(&[], &max(1.0), on), State::NoData);
        assert_eq!(state(&[NAN, NAN], &max(1.0), on), State::NoTraffic);
        assert_eq!(state(&[INF], &max(1.0), on), State::NoData);
        assert_eq!(state(&[-INF, NAN], &max(1.0), on), State::NoData);
        assert_eq!(state(&[NAN, 0.5], &max(1.0), on), State::Within);
        assert_eq!(state(&[INF, 0.5], &max(1.0), on), State::Within);
        let two = Judging { min_series: 2, ..max(1.0) };
        assert_eq!(state(&[NAN, 0.5], &two, on), State::NoData);
        let fail = OnMissing {
            no_data: On::Fail,
            no_traffic: On::Fail,
            infinite: On::Fail,
            error: On::Fail,
            extend: false,
        };
        assert_eq!(state(&[], &max(1.0), fail), State::Breach);
        assert_eq!(state(&[NAN], &max(1.0), fail), State::Breach);
        assert_eq!(state(&[-INF], &max(1.0), fail), State::Breach);
        assert_eq!(state(&[INF, 0.5], &max(1.0), fail), State::Breach);
        let pass = OnMissing {
            no_data: On::Pass,
            no_traffic: On::Pass,
            infinite: On::Pass,
            error: On::Pass,
            extend: false,
        };
        assert_eq!(state(&[], &max(1.0), pass), State::Within);
        assert_eq!(state(&[INF], &max(1.0), pass), State::Within);
        assert_eq!(state(&[INF, 2.0], &max(1.0), pass), State::Breach);
    }

    #[test]
    fn an_empty_result_may_be_what_is_wanted() {
        let empty = Judging { expect_empty: true, ..Judging::default() };
        assert_eq!(state(&[], &empty, OnMissing::default()), State::Within);
        let judged = judge_alone(&series(&[1.0, 2.0]), &empty, OnMissing::default(), None, None);
        assert_eq!(judged.state, State::Breach);
        assert_eq!(judged.reason.unwrap(), "expected an empty result, found {i=\"0\"} = 1 and 1 more");
    }

    #[test]
    fn the_worst_series_is_named_and_ten_are_kept() {
        let values: Vec<f64> = (0..100_000).map(f64::from).collect();
        let judged = judge_alone(&series(&values), &max(5.0), OnMissing::default(), None, None);
        assert_eq!(judged.reason.unwrap(), "99999 > max_value 5 at {i=\"99999\"}, 99994 of 100000 series");
        assert_eq!(judged.values.len(), KEPT);
        assert_eq!(judged.values[0].1, 99_999.0);
        assert_eq!(judged.values[9].1, 99_990.0);
        assert_eq!(judged.series, 100_000);
    }

    #[test]
    fn a_failing_control_makes_an_error_of_everything() {
        let bad = Reading::new(Seen::Unmet("connect: refused".to_owned()));
        for seen in [Seen::Unmet("status 503".to_owned()), Seen::Met("200".to_owned())] {
            let judged =
                judge_alone(&Reading::new(seen), &Judging::default(), OnMissing::default(), Some(&bad), None);
            assert_eq!(judged.state, State::Error);
        }
        let fine = Reading::new(Seen::Met("200".to_owned()));
        let judged = judge_alone(&bad, &Judging::default(), OnMissing::default(), Some(&fine), None);
        assert_eq!(judged.state, State::Breach);
    }
}
