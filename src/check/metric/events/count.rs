//! Counts events from single samples: what each sample of a counter adds, and what all of them come to at a time. Exact,
//! pure, and the same whenever it is asked: what is counted up to a time follows from the samples up to it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::check::{Labels, RawSeries};

/// How long after the first series of all another one is still taken for one that was there already, where the source
/// saw nothing before the deployment: a round of scrapes is over by then.
const ROUND: i64 = 60_000;

/// From when on events count. Times are unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since {
    /// What happened later counts.
    pub anchor: i64,
    /// A sample that is older is the old version's: what is between it and the next one is partly, too.
    pub live: i64,
}

/// What a series last was, in the hours before the deployment, by its labels; `None` where that could not be asked.
pub(super) type Known = Option<HashMap<u64, f64>>;

/// What was added when, in order of time.
#[derive(Debug, Default)]
pub(super) struct Increments {
    added: Vec<(i64, f64)>,
    /// The first sample of all.
    first: Option<i64>,
}

/// The labels but the metric's name, and but `le` where that tells a bucket.
pub(super) fn key(labels: &Labels, but: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, value) in labels.iter().filter(|(name, _)| &**name != "__name__" && &**name != but) {
        (name, value).hash(&mut hasher);
    }
    hasher.finish()
}

/// The samples of `series` that say something: numbers, in order of time, one a time.
fn samples(series: &RawSeries) -> impl Iterator<Item = (i64, f64)> {
    let mut last = i64::MIN;
    series.samples.iter().copied().filter(move |(at, value)| {
        let news = *at > last && value.is_finite();
        if news {
            last = *at;
        }
        news
    })
}

/// When the first sample of `all` was taken.
pub(super) fn first_seen<'s>(all: impl Iterator<Item = &'s RawSeries>) -> Option<i64> {
    all.filter_map(|series| samples(series).next()).map(|(at, _)| at).min()
}

/// Whether one of `series` was first seen after `anchor`, so that what it was before is to be asked.
pub(super) fn any_late(series: &[RawSeries], anchor: i64) -> bool {
    series.iter().any(|one| samples(one).next().is_some_and(|(at, _)| at > anchor))
}

impl Increments {
    /// What the samples of `series` add, which begin some time before the anchor.
    ///
    /// - A drop is a restart: all that the counter has counted since is new.
    /// - A series that is first seen after the anchor counts from its first value, or from 0. From 0, if it was born
    ///   since: its label values had not occurred before, or its pod began then. From its first value, if it was there
    ///   and not seen, as the value holds events of who knows when: `known` tells, which holds what was seen in the
    ///   hours before the deployment. Where the source saw nothing of all the check's series up to `seen`, after the
    ///   anchor, it may just have begun to look, and the first round of scrapes tells nothing.
    pub(super) fn of(series: &[RawSeries], since: Since, seen: Option<i64>, known: &Known) -> Self {
        let born = |one: &RawSeries, at: i64, value: f64| match known {
            None => false,
            Some(known) => match known.get(&key(&one.labels, "")) {
                Some(before) => value < *before,
                None => seen.is_some_and(|seen| seen <= since.anchor || at > seen.saturating_add(ROUND)),
            },
        };
        let mut added = Vec::new();
        for one in series {
            let mut last: Option<(i64, f64)> = None;
            for (at, value) in samples(one) {
                let adds = match last {
                    _ if at <= since.anchor => 0.0,
                    None if born(one, at, value) => value,
                    None => 0.0,
                    Some((_, before)) if value < before => value,
                    Some((before, _)) if before < since.live => 0.0,
                    Some((_, before)) => value - before,
                };
                if adds > 0.0 {
                    added.push((at, adds));
                }
                last = Some((at, value));
            }
        }
        added.sort_by_key(|(at, _)| *at);
        Self { added, first: first_seen(series.iter()) }
    }

    /// Whether there was a series by `at`.
    pub(super) fn is_seen(&self, at: i64) -> bool {
        self.first.is_some_and(|first| first <= at)
    }

    /// What was added up to each of `times`, which are in order.
    pub(super) fn upto(&self, times: &[i64]) -> Vec<f64> {
        let (mut sum, mut next) = (0.0, 0);
        let mut all = Vec::with_capacity(times.len());
        for time in times {
            while let Some((at, adds)) = self.added.get(next)
                && at <= time
            {
                sum += adds;
                next += 1;
            }
            all.push(sum);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn series(name: &str, samples: &[(i64, f64)]) -> RawSeries {
        let labels = Arc::new(vec![("__name__".into(), "x".into()), ("a".into(), name.into())]);
        RawSeries { labels, samples: samples.iter().map(|(at, value)| (at * 1000, *value)).collect() }
    }

    fn nothing() -> Known {
        Some(HashMap::new())
    }

    /// What is counted at 30, 60 and 300 s of what was live and counts from 0 on.
    fn counted(all: &[RawSeries], known: &Known) -> [f64; 3] {
        let since = Since { anchor: 0, live: -10_000 };
        let increments = Increments::of(all, since, first_seen(all.iter()), known);
        increments.upto(&[30_000, 60_000, 300_000]).try_into().unwrap()
    }

    #[test]
    fn what_is_counted_of_one_series() {
        type Case<'c> = (&'c str, &'c [(i64, f64)], [f64; 3]);
        let cases: &[Case<'_>] = &[
            (
                "steps, from the last sample before",
                &[(-20, 1.0), (-5, 7.0), (10, 9.0), (60, 12.0)],
                [2.0, 5.0, 5.0],
            ),
            ("a sample at the anchor is old", &[(0, 7.0), (15, 9.0)], [2.0, 2.0, 2.0]),
            ("a restart", &[(-5, 700.0), (10, 705.0), (25, 3.0), (40, 4.0)], [8.0, 9.0, 9.0]),
            ("a restart that nobody saw", &[(-5, 700.0), (10, 4.0)], [4.0, 4.0, 4.0]),
            ("a gap", &[(-5, 1.0), (250, 101.0)], [0.0, 0.0, 100.0]),
            ("no number is no sample", &[(-5, 1.0), (10, f64::NAN), (20, 3.0)], [2.0, 2.0, 2.0]),
            (
                "a time that comes again",
                &[(-5, 1.0), (10, 2.0), (10, 9.0), (5, 8.0), (20, 3.0)],
                [2.0, 2.0, 2.0],
            ),
            (
                "what was seen last before the deployment",
                &[(-20, 1.0), (10, 500.0), (20, 501.0)],
                [1.0, 1.0, 1.0],
            ),
            ("the same, restarted", &[(-20, 900.0), (10, 5.0), (20, 6.0)], [6.0, 6.0, 6.0]),
            ("nothing but the past", &[(-20, 900.0), (-5, 905.0)], [0.0; 3]),
            ("nothing", &[], [0.0; 3]),
        ];
        for (about, samples, expected) in cases {
            assert_eq!(counted(&[series("one", samples)], &nothing()), *expected, "{about}");
        }
    }

    #[test]
    fn a_series_that_is_born_counts_from_nothing() {
        let old = series("old", &[(-5, 100.0), (10, 110.0)]);
        let born = series("born", &[(50, 40.0), (65, 40.0)]);
        assert_eq!(counted(&[old.clone(), born.clone()], &nothing()), [10.0, 50.0, 50.0]);
        // It was there an hour ago, and not seen since: its value is of who knows when.
        let known = |before| Some(HashMap::from([(key(&born.labels, ""), before)]));
        assert_eq!(counted(&[old.clone(), born.clone()], &known(40.0)), [10.0, 10.0, 10.0]);
        // It has begun anew since.
        assert_eq!(counted(&[old.clone(), born.clone()], &known(41.0)), [10.0, 50.0, 50.0]);
        // Nobody knows.
        assert_eq!(counted(&[old, born], &None), [10.0, 10.0, 10.0]);
    }

    #[test]
    fn a_source_that_begins_to_look_tells_nothing_of_the_past() {
        let (one, other) = (series("a", &[(3, 1e6), (18, 1e6 + 5.0)]), series("b", &[(11, 1e7), (26, 1e7)]));
        assert_eq!(counted(&[one.clone(), other.clone()], &nothing()), [5.0; 3]);
        let born = series("c", &[(70, 4.0)]);
        assert_eq!(counted(&[one, other, born], &nothing()), [5.0, 5.0, 9.0]);
    }

    #[test]
    fn counts_do_not_depend_on_when_they_are_asked() {
        let whole = [
            series("a", &[(-5, 1.0), (10, 4.0), (25, 2.0), (45, 8.0)]),
            series("b", &[(20, 3.0), (40, 5.0)]),
        ];
        let since = Since { anchor: 0, live: i64::MIN };
        let times: Vec<i64> = (0..60).map(|second| second * 1000).collect();
        let at_once = Increments::of(&whole, since, first_seen(whole.iter()), &nothing()).upto(&times);
        for (time, expected) in times.iter().zip(at_once) {
            let cut = |one: &RawSeries| RawSeries {
                samples: one.samples.iter().copied().filter(|(at, _)| at <= time).collect(),
                ..one.clone()
            };
            let upto: Vec<RawSeries> = whole.iter().map(cut).collect();
            let alone = Increments::of(&upto, since, first_seen(upto.iter()), &nothing()).upto(&[*time]);
            assert_eq!(alone, [expected], "{time}");
        }
    }

    #[test]
    fn a_series_is_seen_from_its_first_sample_on() {
        let all = [series("a", &[(10, 1.0)])];
        let increments = Increments::of(&all, Since { anchor: 0, live: 0 }, Some(10_000), &nothing());
        assert_eq!((increments.is_seen(9_999), increments.is_seen(10_000)), (false, true));
        assert!(any_late(&all, 0) && !any_late(&all, 10_000));
    }
}
