//! What the ways to an outcome say of it: how much was judged and how it stood to its limits, what was not judged and why,
//! and which limits would have held. Pure; must not decide anything.

use std::time::Duration;

use jiff::Timestamp;

use super::Mark;
use crate::gate::outcome::{CheckRecord, Sample, State};
use crate::host::clock::between;
use crate::policy::criterion::{Criterion, Number};
use crate::policy::model::{Judging, Require};
use crate::policy::relative::{Relative, Tolerance};

/// What has been judged of a check, and what its breaches were.
#[derive(Debug)]
pub(super) struct Toll {
    judging: Judging,
    first: Option<Timestamp>,
    judged: u32,
    breaches: u32,
    /// The lowest and the highest value that decided a breach; `None` where one of them hangs on no value that is kept.
    extent: Option<(f64, f64)>,
    /// By how much values were more and less than their baselines, each where that decided a breach: as a share, and
    /// absolute. `None` as for the extent.
    changes: Option<[(f64, f64); 2]>,
}

impl Toll {
    pub(super) const fn new(judging: Judging) -> Self {
        let extent = Some((f64::INFINITY, f64::NEG_INFINITY));
        let changes = Some([(0.0, 0.0); 2]);
        Self { judging, first: None, judged: 0, breaches: 0, extent, changes }
    }

    /// That of `samples`.
    pub(super) fn of<'s>(judging: Judging, samples: impl Iterator<Item = &'s Sample>) -> Self {
        let mut toll = Self::new(judging);
        samples.for_each(|sample| toll.add(sample, sample.state == State::Breach, sample.state.judged()));
        toll
    }

    pub(super) fn take(&mut self, mark: &Mark, sample: &Sample) {
        self.add(sample, matches!(mark, Mark::Breach(_)), !matches!(mark, Mark::Unjudged));
    }

    fn add(&mut self, sample: &Sample, breach: bool, judged: bool) {
        if !judged {
            return;
        }
        self.first.get_or_insert(sample.at);
        self.judged += 1;
        if breach {
            self.breaches += 1;
            self.changes = self.changes.zip(changes(&self.judging, sample)).map(|(known, new)| {
                let worse = |(known, new): (_, _)| pairs_max(known, new);
                [worse((known[0], new[0])), worse((known[1], new[1]))]
            });
            let value = decisive(&self.judging, sample);
            self.extent =
                self.extent.zip(value).map(|((low, high), value)| (low.min(value), high.max(value)));
        }
    }

    /// `3 of 5 judged samples over 1m breached (0.05 to 0.08)`, up to `at`; empty where there is but one.
    pub(super) fn breached(&self, at: Timestamp) -> String {
        if self.judged <= 1 {
            return String::new();
        }
        let over = over(self.first.map(|first| between(first, at)).unwrap_or_default());
        let extent = match self.extent {
            Some((low, high)) if low < high => format!(" ({} to {})", Number(low), Number(high)),
            _ => String::new(),
        };
        format!("{} of {} judged samples{over} breached{extent}", self.breaches, self.judged)
    }

    /// `max_value 0.08`: the limits at which nothing had breached. `None` where it hangs on no value.
    pub(super) fn wider(&self) -> Option<String> {
        let (low, high) = self.extent.filter(|(low, high)| low <= high)?;
        let Criterion { expected, min, max } = self.judging.criterion;
        let relative = match self.judging.relative {
            Some(relative) => self.wider_change(&relative)?,
            None => Vec::new(),
        };
        let limits = [
            max.filter(|max| high > *max).map(|_| format!("max_value {}", Outward(high, true))),
            min.filter(|min| low < *min).map(|_| format!("min_value {}", Outward(low, false))),
            expected
                .map(|(expected, tolerance)| ((high - expected).max(expected - low), tolerance))
                .filter(|(off, tolerance)| off > tolerance)
                .map(|(off, _)| format!("tolerance {}", Outward(off, true))),
        ];
        let limits: Vec<String> = limits.into_iter().flatten().chain(relative).collect();
        (!limits.is_empty()).then(|| limits.join(" and "))
    }
}

impl Toll {
    /// `max_increase 160 %`: the changes that would have to be allowed. `None` where they hang on no value that is kept.
    fn wider_change(&self, relative: &Relative) -> Option<Vec<String>> {
        let [more, less] = self.changes?;
        let sides = [("max_increase", relative.increase, more), ("max_decrease", relative.decrease, less)];
        let wider = sides.into_iter().filter_map(|(key, allowed, (share, off))| match allowed? {
            Tolerance::Relative(allowed) => (share > allowed).then(|| {
                let percent = Outward(share * 100.0, true);
                format!("{key} {percent} %")
            }),
            Tolerance::Absolute(allowed) => (off > allowed).then(|| format!("{key} {}", Outward(off, true))),
        });
        let wider: Vec<String> = wider.collect();
        let finite = [more, less].iter().all(|(share, off)| share.is_finite() && off.is_finite());
        finite.then_some(wider)
    }
}

fn pairs_max((share, off): (f64, f64), (other_share, other_off): (f64, f64)) -> (f64, f64) {
    (share.max(other_share), off.max(other_off))
}

/// By how much the values of a breach are more and less than their baselines; `None` where not all that must be within
/// are kept, or one has none.
fn changes(judging: &Judging, sample: &Sample) -> Option<[(f64, f64); 2]> {
    let relative = judging.relative?;
    let whole = sample.values.len() == sample.series && judging.require == Require::All;
    let mut changes = [(0.0, 0.0); 2];
    for ((_, value), baseline) in sample.values.iter().zip(&sample.baselines).filter(|_| whole) {
        let baseline = (*baseline)?;
        if relative.miss(*value, baseline).is_some() {
            let off = value - baseline;
            let side = usize::from(off < 0.0);
            changes[side] = pairs_max(changes[side], (off.abs() / baseline.abs(), off.abs()));
        }
    }
    whole.then_some(changes)
}

/// The value of a breach that meets its limits where the sample is to be within: the worst, or with `require` the worst of
/// those that must meet them. `None` where it is no number or not kept.
fn decisive(judging: &Judging, sample: &Sample) -> Option<f64> {
    let may_miss = match judging.require {
        Require::All => 0,
        Require::Any => sample.series.saturating_sub(1),
        Require::Share(share) => sample.series - share.least(sample.series),
    };
    let whole = sample.values.len() == sample.series && sample.values.iter().all(|(_, v)| v.is_finite());
    let known = may_miss == 0 || whole;
    sample.values.get(may_miss).map(|(_, value)| *value).filter(|value| known && value.is_finite())
}

/// A value with at most six significant digits, rounded so that it is no tighter a limit than the value: up, or down.
struct Outward(f64, bool);

impl std::fmt::Display for Outward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(value, up) = *self;
        let shown: f64 = Number(value).to_string().parse().unwrap_or(value);
        let tighter = if up { shown < value } else { shown > value };
        let step = 10_f64.powf(value.abs().log10().floor() - 5.0);
        let away = if up { step } else { -step };
        Number(if tighter { shown + away } else { shown }).fmt(f)
    }
}

/// ` over 1m`; empty for no time at all.
pub(super) fn over(time: Duration) -> String {
    if time.is_zero() { String::new() } else { format!(" over {}", humantime::format_duration(time)) }
}

/// From the first sample of `record` that counts to its last.
pub(super) fn watched(record: &CheckRecord) -> Duration {
    let mut due = record.samples.iter().filter(|sample| sample.state != State::Settling);
    let first = due.next().map(|sample| sample.at);
    first.zip(due.next_back()).map(|(first, last)| between(first, last.at)).unwrap_or_default()
}

/// `within max_value 0.01`.
pub(super) fn within(record: &CheckRecord) -> String {
    let limits = record.check.judging.limits();
    if limits.is_empty() { "within".to_owned() } else { format!("within {limits}") }
}

/// ` (worst 0.005 at {route="/pay"})`: the judged value that came nearest to its limit.
pub(super) fn worst(record: &CheckRecord) -> String {
    let Some((labels, value)) = record.worst() else { return String::new() };
    format!(" (worst {}{})", Number(value), crate::gate::judge::at(labels))
}

/// `3 without data, 2 failed to be asked`: what was not judged.
pub(super) fn unjudged(record: &CheckRecord) -> String {
    let words = [
        (State::NoData, "without data"),
        (State::NoTraffic, "without traffic"),
        (State::Error, "failed to be asked"),
        (State::Missed, "missed"),
        (State::Settling, "settling"),
    ];
    let counts = words.iter().map(|(state, word)| (record.count(*state), word));
    let counts: Vec<String> =
        counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    counts.join(", ")
}

/// `; the last: connection refused`: why the last sample that was not judged was not.
pub(super) fn last(record: &CheckRecord) -> String {
    let last = record.samples.iter().rev().find(|s| !s.state.judged()).and_then(|s| s.reason.as_deref());
    last.map(|last| format!("; the last: {last}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::value::Share;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_768_474_800 + second).unwrap()
    }

    /// A breach of `series` series of which the worst have `values`.
    fn breach(second: i64, values: &[f64], series: usize) -> Sample {
        Sample {
            at: at(second),
            state: State::Breach,
            values: values.iter().map(|value| (Arc::default(), *value)).collect(),
            baselines: Vec::new(),
            series,
            query: None,
            reason: None,
            attempts: 1,
            log_evidence: None,
            phases: None,
        }
    }

    fn judging(criterion: Criterion, require: Require) -> Judging {
        Judging { criterion, require, ..Judging::default() }
    }

    fn wider(judging: Judging, samples: &[Sample]) -> Option<String> {
        Toll::of(judging, samples.iter()).wider()
    }

    #[test]
    fn a_limit_that_would_have_held_is_no_tighter_than_the_values() {
        let max = judging(Criterion { max: Some(1.0), ..Criterion::default() }, Require::All);
        let samples = [breach(0, &[2.0], 1), breach(30, &[1.234_567_1, 0.5], 2)];
        assert_eq!(wider(max, &samples).unwrap(), "max_value 2");
        assert_eq!(wider(max, &samples[1..]).unwrap(), "max_value 1.23457");
        assert_eq!(wider(max, &[breach(0, &[1.234_562], 1)]).unwrap(), "max_value 1.23457");
        let min = judging(Criterion { min: Some(0.5), ..Criterion::default() }, Require::All);
        assert_eq!(wider(min, &[breach(0, &[0.123_456_7], 1)]).unwrap(), "min_value 0.123456");
        let near = judging(Criterion { expected: Some((100.0, 5.0)), ..Criterion::default() }, Require::All);
        assert_eq!(wider(near, &[breach(0, &[106.0], 1), breach(15, &[91.0], 1)]).unwrap(), "tolerance 9");
        let both = judging(Criterion { min: Some(1.0), max: Some(2.0), expected: None }, Require::All);
        let samples = [breach(0, &[3.0], 1), breach(15, &[0.5], 1)];
        assert_eq!(wider(both, &samples).unwrap(), "max_value 3 and min_value 0.5");
    }

    #[test]
    fn what_hangs_on_no_value_has_no_such_limit() {
        let criterion = Criterion { max: Some(1.0), ..Criterion::default() };
        let all = judging(criterion, Require::All);
        assert_eq!(wider(all, &[breach(0, &[2.0], 1), breach(15, &[], 0)]), None);
        assert_eq!(wider(all, &[breach(0, &[f64::INFINITY], 1)]), None);
        assert_eq!(wider(all, &[]), None);
        // With `require` the value that decides is not the worst, and it must have been kept.
        let any = judging(criterion, Require::Any);
        assert_eq!(wider(any, &[breach(0, &[9.0, 4.0, 2.0], 3)]).unwrap(), "max_value 2");
        assert_eq!(wider(any, &[breach(0, &[9.0, 4.0, 2.0], 11)]), None);
        let half = judging(criterion, Require::Share(Share(0.5)));
        assert_eq!(wider(half, &[breach(0, &[9.0, 4.0, 2.0, 0.5], 4)]).unwrap(), "max_value 2");
    }

    #[test]
    fn what_was_judged_is_told_with_its_extent() {
        let max = judging(Criterion { max: Some(1.0), ..Criterion::default() }, Require::All);
        let samples = [breach(0, &[2.0], 1), breach(30, &[4.0], 1), breach(60, &[3.0], 1)];
        let told = |samples: &[Sample]| Toll::of(max, samples.iter()).breached(at(60));
        assert_eq!(told(&samples), "3 of 3 judged samples over 1m breached (2 to 4)");
        assert_eq!(told(&samples[2..]), "");
    }

    #[test]
    fn the_change_that_would_have_held_is_named() {
        use crate::policy::model::On;
        use crate::policy::relative::Against;
        let relative = |increase, decrease| Relative {
            against: Against::Query,
            increase,
            decrease,
            floor: 0.0,
            on_missing: On::Inconclusive,
            test: None,
            confidence: 0.99,
            range: Duration::ZERO,
        };
        let tenth = Some(Tolerance::Relative(0.1));
        let sample = |values: &[f64], baselines: &[Option<f64>], series| Sample {
            baselines: baselines.to_vec(),
            ..breach(0, values, series)
        };
        let judged = |relative, samples: &[Sample]| {
            wider(Judging { relative: Some(relative), ..Judging::default() }, samples)
        };
        let [more, both] = [relative(tenth, None), relative(tenth, Some(Tolerance::Absolute(0.25)))];
        let samples = [sample(&[2.0, 1.0], &[Some(1.0), Some(1.0)], 2), sample(&[1.5], &[Some(1.0)], 1)];
        assert_eq!(judged(more, &samples).unwrap(), "max_increase 100 %");
        let samples = [sample(&[2.0, 0.5], &[Some(1.5), Some(1.0)], 2)];
        assert_eq!(judged(both, &samples).unwrap(), "max_increase 33.3334 % and max_decrease 0.5");
        // What has no baseline, had one of 0, or is not kept, cannot be told.
        assert_eq!(judged(more, &[sample(&[2.0], &[None], 1)]), None);
        assert_eq!(judged(more, &[sample(&[2.0], &[Some(0.0)], 1)]), None);
        assert_eq!(judged(more, &[sample(&[2.0], &[Some(1.0)], 12)]), None);
    }
}
