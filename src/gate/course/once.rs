//! A check that is decided once, at its last tick, by a test of all its samples: gathers the samples of each series, has
//! each tested, and says what that comes to. Pure; must not pass what could not have been seen to change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::conclusion::end_seen;
use super::words::{last, unjudged};
use super::{Concluded, Mark, placebo, ranks};
use crate::check::{Labels, Purpose, Reading, Series};
use crate::gate::against::{matched, means, past, series_of};
use crate::gate::judge::{KEPT, labels};
use crate::gate::outcome::{CheckRecord, Found, Outcome, State, Tested, TestedSeries, Verdict};
use crate::gate::plan::CheckPlan;
use crate::policy::model::On;
use crate::policy::relative::{Against, Relative, Test, Tolerance};
use crate::stats::comparison::Direction;

/// How one check is decided.
#[derive(Debug)]
pub(in crate::gate) struct Once {
    relative: Relative,
    test: Test,
    /// Of so many of the last samples one must be judged: the end must have been seen.
    last: u32,
}

/// The samples of one series, in order of time.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// Its own.
    pub own: Vec<f64>,
    /// Those of its baseline.
    pub baseline: Vec<f64>,
    /// At each of its own, what the earlier windows had.
    pub placebos: Vec<Box<[f64]>>,
}

impl Once {
    pub(super) const fn new(relative: Relative, test: Test, plan: &CheckPlan) -> Self {
        Self { relative, test, last: plan.max_failures }
    }

    pub(super) fn conclude(
        &self,
        record: &CheckRecord,
        marks: &[Mark],
        history: &[Option<Vec<Reading>>],
    ) -> Concluded {
        let all = self.samples(record, marks, history);
        let inconclusive = |reason: String| Concluded::new(Outcome::Inconclusive, reason);
        let (seen, lacking): (BTreeMap<_, _>, BTreeMap<_, _>) = all
            .into_iter()
            .partition(|(_, samples)| !samples.baseline.is_empty() || !samples.placebos.is_empty());
        let alpha = (1.0 - self.relative.confidence) / seen.len().max(1) as f64;
        let test = |(labels, samples): (Arc<Labels>, Samples)| match self.test {
            Test::MannWhitney => ranks::test(labels, &samples, &self.relative, alpha, rhythm(record)),
            Test::Placebo => placebo::test(labels, &samples, &self.relative, alpha),
        };
        let count = seen.len();
        let mut found: Vec<TestedSeries> = seen.into_iter().filter_map(test).collect();
        found.sort_by(|a, b| {
            (b.beyond, b.weak.is_none())
                .cmp(&(a.beyond, a.weak.is_none()))
                .then(a.p_value.total_cmp(&b.p_value))
        });
        let missing = (lacking.len() + count - found.len() > 0 || found.is_empty())
            .then(|| self.missing(record, lacking.len() + count - found.len()));
        let lacks = !lacking.is_empty() || lacked(record);
        let unable = found.iter().find(|one| !one.able);
        let concluded = match found.first() {
            Some(worst) if worst.beyond => {
                let weak = worst.weak.as_ref();
                let most = weak.map(|why| format!("; alert at most: {why}")).unwrap_or_default();
                let at_most = weak.map(|_| Verdict::Alert);
                let reason = format!("{}{most}", self.told(worst, &found, alpha));
                Concluded { at_most, ..Concluded::new(Outcome::Failed, reason) }
            }
            _ => match (missing, self.relative.on_missing, found.first()) {
                (Some(missing), On::Fail, _) if lacks => {
                    Concluded::new(Outcome::Failed, format!("{missing} (`on_no_baseline: fail`)"))
                }
                (Some(missing), On::Pass, None) if lacks => {
                    Concluded::new(Outcome::Passed, format!("{missing} (`on_no_baseline: pass`)"))
                }
                // Where samples were not there either, or nobody could look, nothing says how it is.
                (Some(missing), On::Inconclusive | On::Fail, _) | (Some(missing), On::Pass, None) => {
                    inconclusive(missing)
                }
                (_, _, Some(_)) if !end_seen(record, self.last) => {
                    let last = self.last;
                    inconclusive(format!("none of the last {last} samples measured: the end was not seen"))
                }
                (_, _, Some(worst)) => match unable {
                    Some(unable) => inconclusive(format!(
                        "too few {} to tell a change: {}",
                        if self.test == Test::Placebo { "earlier windows" } else { "independent samples" },
                        self.told(unable, &found, alpha)
                    )),
                    None => Concluded::new(Outcome::Passed, self.told(worst, &found, alpha)),
                },
                (None, _, None) => inconclusive("nothing to compare".to_owned()),
            },
        };
        let series = found.len();
        found.truncate(KEPT);
        let (test, confidence) = (self.test, self.relative.confidence);
        let tested = (series > 0).then_some(Tested { test, confidence, series, worst: found });
        Concluded { tested, ..concluded }
    }

    /// The samples of each series.
    fn samples(
        &self,
        record: &CheckRecord,
        marks: &[Mark],
        history: &[Option<Vec<Reading>>],
    ) -> BTreeMap<Arc<Labels>, Samples> {
        let mut all: BTreeMap<Arc<Labels>, Samples> = BTreeMap::new();
        for mark in marks {
            let Mark::Measured(points) = mark else { continue };
            for point in points {
                let samples = all.entry(point.labels.clone()).or_default();
                if point.value.is_finite() {
                    samples.own.push(point.value);
                }
                let ticks = !matches!(self.relative.against, Against::Before { .. });
                if ticks && self.test == Test::MannWhitney && point.baseline.is_finite() {
                    samples.baseline.push(point.baseline);
                }
                if !point.placebos.is_empty() && point.value.is_finite() {
                    samples.placebos.push(point.placebos.clone());
                }
            }
        }
        if let Against::Before { season, .. } = self.relative.against {
            let names: Vec<Series> =
                all.keys().map(|labels| Series { labels: labels.clone(), value: 0.0 }).collect();
            let baselines = before(record, history, &names, season.is_some());
            for (one, baseline) in names.iter().zip(baselines) {
                if let Some(samples) = all.get_mut(&one.labels) {
                    samples.baseline = baseline;
                }
            }
        }
        all
    }

    /// That `count` series, or all there was, could not be compared.
    fn missing(&self, record: &CheckRecord, count: usize) -> String {
        let of = self.relative.against;
        let what = match count {
            0 => format!("no sample to compare with the baseline {of}"),
            1 => format!("a series has no baseline {of}"),
            many => format!("{many} series have no baseline {of}"),
        };
        let unjudged = unjudged(record);
        let unjudged = if unjudged.is_empty() { unjudged } else { format!(": {unjudged}") };
        format!("{what}{unjudged}{}", last(record))
    }

    /// The figures of `one`, the worst of `all` or another of them.
    fn told(&self, one: &TestedSeries, all: &[TestedSeries], alpha: f64) -> String {
        let figures = match &one.found {
            Found::Ranks { comparison, medians, .. } => {
                ranks::told(comparison, *medians, one.p_value, &self.relative)
            }
            Found::Placebo { .. } => placebo::told(&one.found, one.p_value, &self.relative),
        };
        if all.len() < 2 {
            return figures;
        }
        let beyond = all.iter().filter(|one| one.beyond).count();
        let each = crate::policy::relative::rounded(alpha);
        format!(
            "{figures}; at {}, {beyond} of {} series beyond, each tested at {each}",
            labels(&one.labels),
            all.len()
        )
    }
}

/// How the samples of both sides of `record` follow each other.
fn rhythm(record: &CheckRecord) -> ranks::Rhythm {
    let own = record.check.interval;
    let past = record.check.history.iter().find(|one| one.purpose == Purpose::Baseline);
    let baseline = past.map_or(own, |past| past.step);
    let range = record.check.looks_back().as_secs_f64();
    ranks::Rhythm { own: own.as_secs_f64(), baseline: baseline.as_secs_f64(), range }
}

/// Whether a sample of `record` was there and only its baseline was not.
fn lacked(record: &CheckRecord) -> bool {
    record.samples.iter().any(|sample| sample.state == State::NoData && !sample.values.is_empty())
}

/// The samples before the rollout of each of `series`, with what the season makes of them taken out.
fn before(
    record: &CheckRecord,
    history: &[Option<Vec<Reading>>],
    series: &[Series],
    season: bool,
) -> Vec<Vec<f64>> {
    let none = vec![Vec::new(); series.len()];
    let Ok(readings) = past(&record.check, history, Purpose::Baseline) else { return none };
    let then = if season { past(&record.check, history, Purpose::Season).ok() } else { None };
    let then_means = then.map(means).unwrap_or_default();
    let mean_at = matched(series, &then_means);
    let mut all = none;
    // What is the baseline of which is told by all of the span: a single time may have some of the series only.
    let names = means(readings);
    let at = matched(series, &names);
    let place = |labels: &Arc<Labels>| names.iter().position(|one| one.labels == *labels);
    for (k, reading) in readings.iter().enumerate() {
        let now = series_of(reading).unwrap_or_default();
        let earlier = then.and_then(|then| then.get(k)).and_then(series_of).unwrap_or_default();
        let earlier_at = if season { matched(series, earlier) } else { Vec::new() };
        for one in now.iter().filter(|one| one.value.is_finite()) {
            let Some(name) = place(&one.labels) else { continue };
            for (index, samples) in all.iter_mut().enumerate().filter(|(index, _)| at[*index] == Some(name)) {
                let factor = if season {
                    let then = earlier_at[index].map_or(f64::NAN, |at| earlier[at].value);
                    then / mean_at[index].map_or(f64::NAN, |at| then_means[at].value)
                } else {
                    1.0
                };
                let value = one.value / factor;
                if value.is_finite() {
                    samples.push(value);
                }
            }
        }
    }
    all
}

/// The directions in which a change matters, each with what is allowed; both where nothing is written.
pub(super) fn directions(relative: &Relative) -> Vec<(Direction, Option<Tolerance>)> {
    let sides = [(Direction::Increase, relative.increase), (Direction::Decrease, relative.decrease)];
    let written: Vec<_> = sides.into_iter().filter(|(_, side)| side.is_some()).collect();
    if written.is_empty() { sides.to_vec() } else { written }
}
