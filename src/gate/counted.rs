//! What a tick's counts mean by themselves: whether the share of bad events so far is beyond what is claimed. Must not
//! weigh evidence; `course::events` does.

use super::judge::Judged;
use super::outcome::State;
use crate::check::{Counts, Purpose, Reading, Seen};
use crate::policy::criterion::Number;
use crate::policy::events::{Bad, Budget, Claim, FEWEST_BAD, Tested};
use crate::policy::model::{Check, OnMissing};
use crate::policy::spoken;
use crate::stats::dispersion;
use crate::stats::two_rates::Events;

/// Dispersion that is allowed for where it cannot be learnt.
pub(super) const UNKNOWN_DISPERSION: f64 = 2.0;

/// The history of a check, an answer a question.
pub(super) type Histories = [Option<Vec<Reading>>];

/// What was answered to the questions of `purpose`.
fn answers<'h>(
    check: &'h Check,
    history: &'h Histories,
    purpose: Purpose,
) -> impl Iterator<Item = &'h [Reading]> {
    let asked = check.history.iter().zip(history).filter(move |(question, _)| question.purpose == purpose);
    asked.filter_map(|(_, answer)| answer.as_deref())
}

/// How much more the counts vary than those of independent events, as the time before the deployment tells it.
pub(super) fn dispersion(check: &Check, history: &Histories) -> Option<f64> {
    let steps = |readings: &[Reading]| {
        let counts = readings.iter().filter_map(|reading| match &reading.seen {
            Seen::Counts(counts) => Some(counts.events),
            _ => None,
        });
        dispersion::usual(&counts.collect::<Vec<Events>>())
    };
    answers(check, history, Purpose::Dispersion).filter_map(steps).max_by(f64::total_cmp)
}

/// The events of a budget's period, as far as the time before the deployment tells them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Volume {
    /// How many there are in the period.
    pub events: f64,
    /// In how many of its parts there were any to count.
    pub parts: usize,
    /// How many parts there are.
    pub of: usize,
}

/// The events of a budget's period; `None` where nothing tells them.
pub(super) fn volume(check: &Check, history: &Histories) -> Option<Volume> {
    let readings = answers(check, history, Purpose::Volume).next()?;
    let part = |reading: &Reading| match &reading.seen {
        Seen::Series(series) => series.first().map(|one| one.value).filter(|value| *value >= 0.0),
        _ => None,
    };
    let known: Vec<f64> = readings.iter().filter_map(part).collect();
    let (parts, of) = (known.len(), readings.len());
    let events = known.iter().sum::<f64>() / parts as f64 * of as f64;
    (events > 0.0).then_some(Volume { events, parts, of })
}

/// The share of `budget` that `bad` events spend, where its period has so many events.
pub(super) fn burned(budget: &Budget, bad: f64, volume: f64) -> f64 {
    bad / ((1.0 - budget.slo) * volume)
}

/// The share of bad ones; of no events 0.
pub(super) fn ratio(events: Events) -> f64 {
    if events.total > 0.0 { (events.bad / events.total).min(1.0) } else { 0.0 }
}

/// Judges `counts` by themselves.
pub(super) fn judge(counts: &Counts, tested: &Tested, on: OnMissing, volume: Option<Volume>) -> Judged {
    let judged = state(counts, tested, on, volume);
    // What is not judged by its share is counted with what comes next.
    let counted = !judged.values.is_empty();
    Judged { counts: counted.then_some(*counts), series: usize::from(counted), ..judged }
}

fn state(counts: &Counts, tested: &Tested, on: OnMissing, volume: Option<Volume>) -> Judged {
    let events = counts.events;
    let nothing = |of: &str| {
        let reason = format!("no {of} since the deployment");
        Judged::or(State::NoTraffic, reason, on.no_traffic, "on_no_traffic")
    };
    if events.total <= 0.0 {
        return nothing("requests");
    }
    let told = told(events, tested.bad);
    let share = ratio(events);
    let (value, beyond, limit) = match tested.claim {
        Claim::AtMost(max) => (share, share > max, format!("max_ratio {}", percent(max))),
        Claim::Against { max_times, floor } => {
            let baseline = counts.baseline.unwrap_or_default();
            if baseline.total <= 0.0 {
                return nothing("requests of the baseline");
            }
            let most = max_times * ratio(baseline);
            let limit =
                format!("max_times {} of the baseline's {}", Number(max_times), percent(ratio(baseline)));
            (share, share > most.max(floor), limit)
        }
        Claim::Budget(budget) => {
            let Some(volume) = volume else {
                let reason = "how many requests the budget's period has is not known".to_owned();
                return Judged::or(State::NoData, reason, on.no_data, "on_no_data");
            };
            let burned = burned(&budget, events.bad, volume.events);
            let spent = format!("{told}, {} of the error budget", percent(burned));
            let beyond = burned > budget.max_burn && events.bad >= FEWEST_BAD;
            let sign = if burned > budget.max_burn { ">" } else { "≤" };
            let reason = format!("{spent} {sign} max_burn {}", percent(budget.max_burn));
            return valued(beyond, burned, reason);
        }
    };
    let sign = if beyond { ">" } else { "≤" };
    let few = if beyond && events.bad < FEWEST_BAD {
        format!("; a breach takes {FEWEST_BAD} of them")
    } else {
        String::new()
    };
    let reason = format!("{told}, {} {sign} {limit}{few}", percent(share));
    valued(beyond && events.bad >= FEWEST_BAD, value, reason)
}

fn valued(beyond: bool, value: f64, reason: String) -> Judged {
    let state = if beyond { State::Breach } else { State::Within };
    Judged { values: vec![(Default::default(), value)], ..Judged::new(state, Some(reason)) }
}

/// `31 of 412 requests failed`.
pub(crate) fn told(events: Events, bad: Bad) -> String {
    let did = match bad {
        Bad::Failed => "failed".to_owned(),
        Bad::Slow(bound) => format!("took longer than {}", humantime::format_duration(bound)),
    };
    format!("{} of {} requests {did}", thousands(events.bad), thousands(events.total))
}

/// A share as people say it: `4.4 %`, no finer than two digits tell.
pub(crate) fn percent(share: f64) -> String {
    let hundredths = share * 100.0;
    let rounded: f64 = format!("{hundredths:.1e}").parse().unwrap_or(hundredths);
    // A limit that is written with more digits keeps them.
    let shown = if (rounded / hundredths - 1.0).abs() < 1e-9 { rounded } else { three(hundredths) };
    format!("{} %", Number(shown))
}

fn three(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// A count as people read it: `48,000`; what is estimated is rounded.
pub(crate) fn thousands(count: f64) -> String {
    let digits = format!("{:.0}", count.max(0.0));
    let mut said = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

/// `requests` in so many words: `1 request`, `3 requests`.
pub(crate) fn requests(count: f64) -> String {
    if (count - 1.0).abs() < 0.5 {
        spoken::count(1, "request")
    } else {
        format!("{} requests", thousands(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_no_finer_than_they_can_be_trusted() {
        for (share, said) in [
            (0.01, "1 %"),
            (0.0125, "1.25 %"),
            (0.044_1, "4.41 %"),
            (0.000_621_9, "0.0622 %"),
            (0.0, "0 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(percent(share), said);
        }
        assert_eq!(
            [0.0, 999.0, 1000.0, 48_000.0, 1_234_567.4].map(thousands),
            ["0", "999", "1,000", "48,000", "1,234,567"]
        );
        let events = Events::new(31.0, 412.0);
        assert_eq!(told(events, Bad::Failed), "31 of 412 requests failed");
        let slow = Bad::Slow(std::time::Duration::from_millis(500));
        assert_eq!(told(events, slow), "31 of 412 requests took longer than 500ms");
        assert_eq!((requests(1.0), requests(2995.0)), ("1 request".to_owned(), "2,995 requests".to_owned()));
    }
}
