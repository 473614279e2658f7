//! What a failed check was before the rollout: a failure that was as bad by then cannot be mended by going back. Pure; must
//! not decide what follows, the verdict does.

use super::counted::{percent, told};
use super::judge::judge;
use super::moment;
use super::outcome::{CheckRecord, State};
use super::streak::Streak;
use super::watch::Taken;
use crate::check::{History, Labels, Purpose, Reading, Seen};
use crate::policy::context::PreExisting;
use crate::policy::criterion::Miss;
use crate::policy::events::{Claim, Tested};
use crate::policy::model::{Check, Count};
use crate::stats::binomial::lower_bound;
use crate::stats::order::{median, quantile};
use crate::stats::two_rates::{Events, exceeds};

/// How a check that has failed was over a window before the rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// As bad or worse, and what that means.
    AsBad(PreExisting),
    /// Not as bad.
    Better,
    /// Nobody can say.
    Unknown,
}

impl Before {
    /// The word of reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AsBad(_) => "as_bad",
            Self::Better => "better",
            Self::Unknown => "unknown",
        }
    }
}

/// Relative slack, so that what is as bad but for rounding is as bad.
const EPSILON: f64 = 1e-9;

/// The chance of error at which something counts as sure here.
const SURE: f64 = 0.05;

/// Writes into `record`, which has failed, what the answers about the past make of it.
pub(super) fn weigh(check: &Check, history: &[Option<Vec<Reading>>], record: &mut CheckRecord) {
    let asked = check.history.iter().zip(history).find_map(|(question, answer)| match question.purpose {
        Purpose::PreExisting(means) => Some((question, answer, means)),
        _ => None,
    });
    let Some((question, answer, means)) = asked else { return };
    let (before, said) = match compare(check, question, answer.as_deref(), record) {
        Compared::AsBad(how) => (
            Before::AsBad(means),
            Some(format!("as bad before the rollout ({how}), so going back cannot mend it")),
        ),
        Compared::Better => (Before::Better, None),
        Compared::Unknown(why) => {
            (Before::Unknown, Some(format!("whether it was as bad before the rollout is not known: {why}")))
        }
    };
    record.before = Some(before);
    if let Some(said) = said {
        record.reason = format!("{}; {said}", record.reason);
    }
}

/// How the window before the rollout was.
enum Compared {
    /// As bad or worse: in a few words, how bad.
    AsBad(String),
    /// Not as bad.
    Better,
    /// Nobody can say: why.
    Unknown(String),
}

/// As bad or worse is a window that would have failed by the same rules, and whose breaches missed by as much: the upper
/// quartile of theirs is no smaller than the median of those since. A window before is longer and has seen more, so its
/// middle may be milder than its bad stretches; its worst tick alone must not excuse a release. Where breaches have no
/// values, their shares of the judged samples are compared.
fn compare(check: &Check, question: &History, answer: Option<&[Reading]>, record: &CheckRecord) -> Compared {
    let Some(readings) = answer else { return Compared::Unknown("there was no answer in time".to_owned()) };
    if let Some(tested) = check.events {
        return compare_events(&tested, question, readings, record);
    }
    let judged: Vec<_> =
        readings.iter().map(|reading| judge(&Taken::new(reading.clone()), check, &[])).collect();
    let counted = judged.iter().filter(|one| one.state.judged()).count();
    if counted == 0 {
        let failed = readings.iter().find_map(|reading| match &reading.seen {
            Seen::Failed(why) => Some(why.clone()),
            _ => None,
        });
        return Compared::Unknown(failed.unwrap_or_else(|| "there is no data of then".to_owned()));
    }
    let by_series = check.judging.count == Count::Series;
    let mut streak = Streak::new(record.max_failures, record.within, by_series);
    let mut failed = false;
    for one in &judged {
        match one.state {
            State::Within => streak.within(),
            State::Breach => failed |= streak.breach(&one.breaching).1,
            _ => {}
        }
    }
    if !failed {
        return if counted < record.min_samples as usize {
            Compared::Unknown(format!("{counted} of {} samples of then can be judged", judged.len()))
        } else {
            Compared::Better
        };
    }
    let breaches = || judged.iter().filter(|one| one.state == State::Breach);
    let of_then: Vec<Miss> = breaches().filter_map(|one| worst(check, &one.values)).collect();
    let since = record.samples.iter().filter(|sample| sample.state == State::Breach);
    let since: Vec<f64> = since.filter_map(|sample| Some(worst(check, &sample.values)?.excess)).collect();
    let number = breaches().count();
    let seen = seen(question, number, counted);
    let upper = quantile(&of_then.iter().map(|miss| miss.excess).collect::<Vec<_>>(), 0.75);
    let (as_bad, how) = match upper.zip(median(&since)) {
        Some((then, now)) => {
            // The mildest of those that are as bad as that stands for them.
            let by = of_then.iter().filter(|miss| no_less(miss.excess, then));
            let by = by.min_by(|a, b| a.excess.total_cmp(&b.excess)).map(|miss| format!("{miss}; "));
            (no_less(then, now), format!("{}{seen}", by.unwrap_or_default()))
        }
        None => {
            let share = f64::from(record.count(State::Breach)) / f64::from(record.judged().max(1));
            (no_less(number as f64 / counted as f64, share), seen)
        }
    };
    if as_bad { Compared::AsBad(how) } else { Compared::Better }
}

/// As bad are events of which the share is sure to have been too large by then, and is not surely larger since.
fn compare_events(
    tested: &Tested,
    question: &History,
    readings: &[Reading],
    record: &CheckRecord,
) -> Compared {
    let (Claim::AtMost(max), Some(evidence)) = (tested.claim, &record.evidence) else {
        return Compared::Better;
    };
    let mut then = Events::default();
    for reading in readings {
        match &reading.seen {
            Seen::Counts(counts) => {
                then = Events::new(then.bad + counts.events.bad, then.total + counts.events.total);
            }
            Seen::Failed(why) => return Compared::Unknown(why.clone()),
            _ => {}
        }
    }
    if then.total <= 0.0 {
        return Compared::Unknown("there were no requests then".to_owned());
    }
    let deflated = |events: Events| events.deflated(evidence.dispersion.factor);
    let (before, since) = (deflated(then), deflated(evidence.counts.events));
    let too_many = lower_bound(before.bad.min(before.total), before.total, SURE) > max;
    if !too_many || exceeds(since, before, 1.0) < SURE {
        return Compared::Better;
    }
    let end = question.times.last().copied().map(moment).unwrap_or_default();
    let span = question.step.saturating_mul(u32::try_from(question.times.len()).unwrap_or(u32::MAX));
    Compared::AsBad(format!(
        "{}, {}, in the {} up to {end}",
        told(then, tested.bad),
        percent(then.bad / then.total),
        humantime::format_duration(span)
    ))
}

fn no_less(then: f64, now: f64) -> bool {
    then >= now || (now - then) <= EPSILON * now.abs().max(then.abs())
}

/// By how much the worst of `values` misses.
fn worst(check: &Check, values: &[(std::sync::Arc<Labels>, f64)]) -> Option<Miss> {
    values.first().and_then(|(_, value)| check.judging.criterion.miss(*value))
}

/// `20 of 21 samples breached in the 5m up to …`.
fn seen(question: &History, breaches: usize, counted: usize) -> String {
    let steps = u32::try_from(question.times.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let span = question.step.saturating_mul(steps);
    let end = question.times.last().copied().map(moment).unwrap_or_default();
    if span.is_zero() {
        return format!("at {end}");
    }
    format!(
        "{breaches} of {counted} samples breached in the {} up to {end}",
        humantime::format_duration(span)
    )
}

/// What people should know where an answer about the past is of no use.
pub(super) fn unusable(question: &History, readings: &[Reading]) -> Option<String> {
    match (question.purpose, readings.first().map(|reading| &reading.seen)) {
        (Purpose::Lost(_), Some(Seen::Failed(why))) => Some(format!(
            "which series there were before the deployment is not known: {why}; `on_data_lost` sees nothing"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::check::{Seen, Series};
    use crate::gate::outcome::{Outcome, Sample};
    use crate::host::clock::later;
    use crate::policy::model::Judging;
    use crate::testing::{self, Still};

    fn begin() -> Timestamp {
        "2026-01-15T11:00:00Z".parse().unwrap()
    }

    fn series(value: f64) -> Seen {
        Seen::Series(vec![Series { labels: Arc::default(), value }])
    }

    /// What a check with `max_value: 1` that has failed by `since` makes of `then`, and the reason it gives.
    fn weighed(judging: Option<Judging>, then: &[Seen], since: &[f64]) -> (Option<Before>, String) {
        let question = History {
            purpose: Purpose::PreExisting(PreExisting::Alert),
            probe: Arc::new(Still { past: true }),
            times: (0..then.len()).map(|k| later(begin(), Duration::from_secs(15 * k as u64))).collect(),
            step: Duration::from_secs(15),
        };
        let mut check = testing::check("fake", 1.0);
        check.judging = judging.unwrap_or(check.judging);
        check.history = vec![question];
        let check = Arc::new(check);
        let mut record =
            crate::gate::watch::Watch::new(check.clone(), testing::ticks(begin()), begin()).record();
        record.outcome = Some(Outcome::Failed);
        record.reason = "failed".to_owned();
        for value in since {
            let state = if *value > 1.0 { State::Breach } else { State::Within };
            let values = vec![(Arc::default(), *value)];
            record.samples.push(Sample { values, ..Sample::unasked(begin(), state, "".into()) });
        }
        let answer = then.iter().map(|seen| Reading::new(seen.clone())).collect();
        weigh(&check, &[Some(answer)], &mut record);
        (record.before, record.reason)
    }

    fn as_bad(then: &[f64], since: &[f64]) -> bool {
        let then: Vec<Seen> = then.iter().map(|value| series(*value)).collect();
        let (before, reason) = weighed(None, &then, since);
        assert_eq!(
            reason.contains("going back cannot mend it"),
            before == Some(Before::AsBad(PreExisting::Alert))
        );
        before == Some(Before::AsBad(PreExisting::Alert))
    }

    #[test]
    fn as_bad_is_what_would_have_failed_and_missed_by_as_much() {
        let worse = [2.0; 9];
        assert!(as_bad(&worse, &[1.5; 3]));
        assert!(as_bad(&worse, &[2.0; 3]));
        assert!(as_bad(&worse, &[2.0 + 1e-12; 3]), "but for rounding");
        assert!(!as_bad(&worse, &[2.5; 3]));
        // The upper quartile of its breaches counts, not its worst one, and not the middle.
        assert!(as_bad(&[2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0], &[3.0; 3]));
        assert!(!as_bad(&[2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 9.0], &[3.0; 3]));
        // Two breaches would not have failed it, nor would three that are far from each other.
        assert!(!as_bad(&[0.0, 9.0, 0.0, 0.0, 9.0, 0.0, 0.0], &[1.5; 3]));
        assert!(!as_bad(&[9.0, 0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0, 9.0], &[1.5; 3]));
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let failed = || Seen::Failed("connection refused".to_owned());
        for (then, why) in [
            (vec![failed(), failed()], "is not known: connection refused"),
            (vec![Seen::Series(Vec::new()); 3], "is not known: there is no data of then"),
            (vec![failed(), failed(), series(0.0)], "is not known: 1 of 3 samples of then can be judged"),
        ] {
            let (before, reason) = weighed(None, &then, &[2.0; 3]);
            assert_eq!(before, Some(Before::Unknown));
            assert!(reason.ends_with(why), "{reason}");
        }
    }

    #[test]
    fn breaches_without_values_are_compared_by_their_shares() {
        let empty = Judging { expect_empty: true, ..Judging::default() };
        let (firing, quiet) = (series(1.0), Seen::Series(Vec::new()));
        let then = vec![firing.clone(); 8];
        let (before, reason) = weighed(Some(empty), &then, &[2.0; 3]);
        assert_eq!(before, Some(Before::AsBad(PreExisting::Alert)));
        assert!(
            reason.contains("8 of 8 samples breached in the 1m 45s up to 2026-01-15T11:01:45Z"),
            "{reason}"
        );
        let then = [vec![firing; 4], vec![quiet; 4]].concat();
        assert_eq!(weighed(Some(empty), &then, &[2.0; 3]).0, Some(Before::Better));
    }
}
