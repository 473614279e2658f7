//! What the values of a tick are compared with: the baseline of each series, matched by labels. Pure; must not say
//! whether a difference is too large, and never makes up a baseline that was not seen.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::outcome::State;
use super::watch::Taken;
use crate::check::{Labels, Purpose, Reading, Role, Seen, Series};
use crate::policy::model::Check;
use crate::policy::relative::{Against, Relative};
use crate::stats::order::median;

/// The baselines of a tick.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bases {
    /// One for each series, in their order, in the unit of the values; `None` where there is none.
    pub each: Vec<Option<Base>>,
    /// Why there are none, or not all.
    pub why: Option<(State, String)>,
}

/// The baseline of one series at one tick.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Base {
    /// What the value is held against.
    pub value: f64,
    /// What the value is to be divided by for the season; 1 without one.
    pub season: f64,
    /// What each of the earlier windows had, the nearest first; NaN for none.
    pub placebos: Box<[f64]>,
}

impl Base {
    fn of(value: f64) -> Option<Self> {
        value.is_finite().then(|| Self { value, season: 1.0, placebos: Box::default() })
    }
}

impl Bases {
    fn none(count: usize, state: State, why: String) -> Self {
        Self { each: vec![None; count], why: Some((state, why)) }
    }
}

/// The baselines of `series`, the values of a tick of `check`, which brought `taken`.
pub(super) fn bases(
    relative: &Relative,
    series: &[Series],
    taken: &Taken,
    check: &Check,
    history: &[Option<Vec<Reading>>],
) -> Bases {
    let count = series.len();
    let found = match relative.against {
        Against::Offset(_) | Against::Query => beside(check, taken, Role::Baseline).map(|reading| {
            let base = series_of(reading).unwrap_or_default();
            matched(series, base).into_iter().map(|at| at.and_then(|at| Base::of(base[at].value))).collect()
        }),
        Against::Before { season: None, .. } => past(check, history, Purpose::Baseline).map(|past| {
            let means = means(past);
            let matches = matched(series, &means).into_iter();
            matches.map(|at| at.and_then(|at| Base::of(means[at].value))).collect()
        }),
        Against::Before { season: Some(_), .. } => seasonal(series, taken, check, history),
        Against::Placebo { windows, .. } => {
            beside(check, taken, Role::Baseline).map(|reading| placebos(series, reading, windows))
        }
    };
    let each: Vec<Option<Base>> = match found {
        Ok(each) => each,
        Err((state, why)) => return Bases::none(count, state, why),
    };
    let lacking = each.iter().filter(|base| base.is_none()).count();
    let why = (lacking > 0).then(|| {
        let of = relative.against;
        let what = if lacking == count {
            format!("no baseline {of}")
        } else {
            format!("{lacking} of {count} series have no baseline {of}")
        };
        let remark = beside(check, taken, Role::Baseline).ok().and_then(|reading| reading.remark.as_deref());
        let remark = remark.map(|remark| format!(": {remark}")).unwrap_or_default();
        (State::NoData, format!("{what}{remark}"))
    });
    Bases { each, why }
}

/// What was answered to the question of `role`.
fn beside<'t>(check: &Check, taken: &'t Taken, role: Role) -> Result<&'t Reading, (State, String)> {
    let mut answers = check.beside.iter().zip(&taken.beside);
    let reading = answers.find(|(beside, _)| beside.role == role).map(|(_, reading)| reading);
    match reading {
        None => Err((State::NoData, "the baseline was not asked".to_owned())),
        Some(Reading { seen: Seen::Failed(why), .. }) => Err((State::Error, failed(why))),
        Some(reading) => Ok(reading),
    }
}

fn failed(why: &str) -> String {
    format!("the baseline cannot be asked: {why}")
}

/// What was answered about the past for `purpose`; what could not be asked is left out, unless that is all.
pub(super) fn past<'h>(
    check: &Check,
    history: &'h [Option<Vec<Reading>>],
    purpose: Purpose,
) -> Result<&'h [Reading], (State, String)> {
    let mut answers = check.history.iter().zip(history);
    let answer =
        answers.find(|(question, _)| question.purpose == purpose).and_then(|(_, answer)| answer.as_deref());
    let Some(readings) = answer else {
        return Err((State::NoData, "the baseline was not asked".to_owned()));
    };
    let first = readings.iter().find_map(|reading| match &reading.seen {
        Seen::Failed(why) => Some(why),
        _ => None,
    });
    match first {
        Some(why) if readings.iter().all(|reading| matches!(reading.seen, Seen::Failed(_))) => {
            Err((State::Error, failed(why)))
        }
        _ => Ok(readings),
    }
}

pub(super) fn series_of(reading: &Reading) -> Option<&[Series]> {
    match &reading.seen {
        Seen::Series(series) => Some(series),
        _ => None,
    }
}

/// The mean of each series over `readings`.
pub(super) fn means(readings: &[Reading]) -> Vec<Series> {
    let mut sums: Vec<(Arc<Labels>, f64, f64)> = Vec::new();
    let mut places: HashMap<Arc<Labels>, usize> = HashMap::new();
    for one in readings.iter().filter_map(series_of).flatten().filter(|one| one.value.is_finite()) {
        let place = *places.entry(one.labels.clone()).or_insert_with(|| {
            sums.push((one.labels.clone(), 0.0, 0.0));
            sums.len() - 1
        });
        let (_, sum, count) = &mut sums[place];
        *sum += one.value;
        *count += 1.0;
    }
    sums.into_iter().map(|(labels, sum, count)| Series { labels, value: sum / count }).collect()
}

/// The mean before the rollout, changed as the values changed an earlier season.
fn seasonal(
    series: &[Series],
    taken: &Taken,
    check: &Check,
    history: &[Option<Vec<Reading>>],
) -> Result<Vec<Option<Base>>, (State, String)> {
    let before = means(past(check, history, Purpose::Baseline)?);
    let then_before = means(past(check, history, Purpose::Season)?);
    let then = series_of(beside(check, taken, Role::Season)?).unwrap_or_default();
    let at = |base: &[Series]| matched(series, base);
    let each = at(&before).into_iter().zip(at(&then_before)).zip(at(then));
    let one = |((before_at, then_before_at), then_at): ((Option<usize>, Option<usize>), Option<usize>)| {
        let (now, then_before, then) =
            (before[before_at?].value, then_before[then_before_at?].value, then[then_at?].value);
        let season = then / then_before;
        // Where nothing went on then, nobody can say by how much it changes.
        let base = Base::of(now * season).filter(|_| season.is_finite() && season > 0.0)?;
        Some(Base { season, ..base })
    };
    Ok(each.map(one).collect())
}

/// The placebos of each series; its baseline is their median.
fn placebos(series: &[Series], reading: &Reading, windows: u32) -> Vec<Option<Base>> {
    let mut each = vec![vec![f64::NAN; windows as usize]; series.len()];
    for (window, reading) in reading.earlier.iter().enumerate().take(windows as usize) {
        let base = series_of(reading).unwrap_or_default();
        for (placebos, at) in each.iter_mut().zip(matched(series, base)) {
            if let Some(at) = at {
                placebos[window] = base[at].value;
            }
        }
    }
    let one = |placebos: Vec<f64>| {
        let seen: Vec<f64> = placebos.iter().copied().filter(|value| value.is_finite()).collect();
        let base = Base::of(median(&seen)?)?;
        Some(Base { placebos: placebos.into_boxed_slice(), ..base })
    };
    each.into_iter().map(one).collect()
}

/// Which of `base` is the baseline of each of `series`. One against one match whatever their labels. Else those match
/// whose labels are the same, the metric's name aside; where none do, labels that all series of a side have the same
/// value of are left aside too, such as the track of a canary or the version.
pub(super) fn matched(series: &[Series], base: &[Series]) -> Vec<Option<usize>> {
    if let ([_], [_]) = (series, base) {
        return vec![Some(0)];
    }
    let mut aside = BTreeSet::from(["__name__"]);
    let exact = by_labels(series, base, &aside);
    if base.is_empty() || exact.iter().any(Option::is_some) {
        return exact;
    }
    let constant = constant(series);
    aside.extend(self::constant(base).names().filter(|name| constant.has(name)));
    by_labels(series, base, &aside)
}

fn by_labels(series: &[Series], base: &[Series], aside: &BTreeSet<&str>) -> Vec<Option<usize>> {
    let key = |labels: &Arc<Labels>| -> Labels {
        labels.iter().filter(|(name, value)| !aside.contains(&**name) && !value.is_empty()).cloned().collect()
    };
    let mut places: HashMap<Labels, Option<usize>> = HashMap::new();
    for (place, one) in base.iter().enumerate() {
        // Two that cannot be told apart are the baseline of none.
        places.entry(key(&one.labels)).and_modify(|known| *known = None).or_insert(Some(place));
    }
    series.iter().map(|one| places.get(&key(&one.labels)).copied().flatten()).collect()
}

/// The names of labels that have the same value in all of `series`, or are in none of them.
fn constant(series: &[Series]) -> Constant<'_> {
    let mut varying = BTreeSet::new();
    let mut names = BTreeSet::new();
    let first = series.first().map(|one| &one.labels);
    let value = |labels: &'_ Labels, name: &str| {
        labels.iter().find(|(known, _)| **known == *name).map(|(_, value)| value.clone())
    };
    for one in series {
        for (name, _) in one.labels.iter() {
            names.insert(&**name);
        }
    }
    for name in &names {
        let of_first = first.and_then(|labels| value(labels, name));
        if series.iter().any(|one| value(&one.labels, name) != of_first) {
            varying.insert(*name);
        }
    }
    Constant { names, varying }
}

/// The labels of one side.
struct Constant<'s> {
    names: BTreeSet<&'s str>,
    varying: BTreeSet<&'s str>,
}

impl<'s> Constant<'s> {
    fn has(&self, name: &str) -> bool {
        !self.varying.contains(name)
    }

    fn names(self) -> impl Iterator<Item = &'s str> {
        let varying = self.varying;
        self.names.into_iter().filter(move |name| !varying.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)], value: f64) -> Series {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Series { labels: Arc::new(labels), value }
    }

    fn route(route: &str, more: &[(&str, &str)]) -> Series {
        series(&[&[("route", route)], more].concat(), 1.0)
    }

    #[test]
    fn series_are_matched_by_labels() {
        let canary = [("track", "canary")];
        let stable = [("track", "stable")];
        for (left, right, expected) in [
            (vec![route("a", &canary)], vec![series(&[("job", "x")], 2.0)], vec![Some(0)]),
            (vec![route("a", &[]), route("b", &[])], vec![route("b", &[])], vec![None, Some(0)]),
            (
                vec![route("a", &canary), route("b", &canary)],
                vec![route("b", &stable), route("a", &stable), route("c", &stable)],
                vec![Some(1), Some(0)],
            ),
            // One of several routes is not the baseline of another.
            (vec![route("a", &canary)], vec![route("b", &stable), route("c", &stable)], vec![None]),
            (vec![route("a", &[]), route("b", &[])], vec![], vec![None, None]),
            (
                vec![route("a", &[("__name__", "x")]), route("b", &[("__name__", "x")])],
                vec![route("a", &[("__name__", "y")]), route("b", &[("__name__", "y")])],
                vec![Some(0), Some(1)],
            ),
            // Two that differ in a label which the other side has not: neither is chosen.
            (
                vec![route("a", &[]), route("b", &[])],
                vec![route("a", &[("pod", "1")]), route("a", &[("pod", "2")])],
                vec![None, None],
            ),
        ] {
            assert_eq!(matched(&left, &right), expected, "{left:?} {right:?}");
        }
    }

    #[test]
    fn the_past_is_there_as_far_as_it_could_be_asked() {
        let mut check = crate::testing::check("a", 1.0);
        let history = |purpose| crate::check::History {
            purpose,
            probe: check.probe.clone(),
            times: Vec::new(),
            step: std::time::Duration::ZERO,
        };
        check.history = vec![history(Purpose::Season), history(Purpose::Baseline)];
        let failed = || Reading::new(Seen::Failed("down".to_owned()));
        let seen = || Reading::new(Seen::Series(vec![route("a", &[])]));
        let found = |answer| past(&check, &[None, answer], Purpose::Baseline).map(<[_]>::len);
        assert_eq!(found(Some(vec![failed(), seen()])), Ok(2));
        let down = (State::Error, "the baseline cannot be asked: down".to_owned());
        assert_eq!(found(Some(vec![failed(), failed()])), Err(down));
        assert_eq!(found(None), Err((State::NoData, "the baseline was not asked".to_owned())));
    }

    #[test]
    fn a_mean_leaves_out_what_is_no_number() {
        let reading = |value| Reading::new(Seen::Series(vec![route("a", &[]), series(&[], value)]));
        let failed = Reading::new(Seen::Failed("down".to_owned()));
        let means = means(&[reading(1.0), reading(f64::NAN), failed, reading(3.0)]);
        assert_eq!(means.iter().map(|one| one.value).collect::<Vec<_>>(), [1.0, 2.0]);
    }
}
