//! The talk of a run in a pipeline: plain lines, one for each event that matters, so that the log of a fleet stays
//! readable. Must stay bounded: what comes in great numbers at once is counted after the first few.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Redact;
use super::standing::{self, Standing};
use super::voice::{LINE, Voice, of_checks};
use super::words::{clock, count, span, time};
use crate::gate::outcome::{CheckRecord, Event, Outcome, Record, State};
use crate::host::clock::{between, later};
use crate::policy::model::FailureAction;

/// Lines of one sort in one moment.
const LIMIT: usize = 20;
/// A tick that is told later than this after it says when it was.
const LATE: Duration = Duration::from_secs(2);

/// Remembers what has been said, so that nothing is said twice.
#[derive(Debug, Default)]
pub struct Lines {
    /// By check: the state last spoken of; `None` as long as all is well and nothing was said.
    told: Vec<Option<State>>,
    until: Option<Timestamp>,
    samples: Budget,
    outcomes: Budget,
    warned: usize,
    again: BTreeMap<&'static str, usize>,
}

/// What may still be said in a moment, and what was not.
#[derive(Debug, Default)]
struct Budget {
    said: usize,
    unsaid: BTreeMap<String, usize>,
}

impl Budget {
    /// Whether there is room for one more line; if not, it is counted under `noun`.
    fn take(&mut self, noun: &str) -> bool {
        let room = self.said < LIMIT;
        if room {
            self.said += 1;
        } else {
            *self.unsaid.entry(noun.to_owned()).or_default() += 1;
        }
        room
    }

    /// A line for what was counted, and a new moment.
    fn close(&mut self) -> Option<String> {
        self.said = 0;
        let unsaid = std::mem::take(&mut self.unsaid);
        let total: usize = unsaid.values().sum();
        let words: Vec<String> =
            unsaid.into_iter().map(|(noun, number)| format!("{number} {noun}")).collect();
        (total > 0).then(|| format!("… and {total} more: {}", words.join(", ")))
    }
}

impl Lines {
    /// What is to be said of `event`, each line with its time; `now` is the event's.
    pub fn event(
        &mut self,
        record: &Record,
        event: &Event,
        now: Timestamp,
        redact: Redact<'_>,
    ) -> Vec<String> {
        let voice = Voice::new(redact);
        let mut lines = self.close(record, event, now);
        match *event {
            Event::Planned => lines.push(super::opening::sentence(voice, record, now)),
            Event::Sampled { check, sample } => {
                lines.extend(self.sampled(voice, record, (check, sample), now))
            }
            Event::Resampled { check, sample } => {
                let state = record.checks.get(check).and_then(|c| c.samples.get(sample)).map(|s| s.state);
                *self.again.entry(state.map_or("gone", State::word)).or_default() += 1;
            }
            Event::RunsOn { check } => {
                if let Some(check) = record.checks.get(check).filter(|_| self.outcomes.take("run on")) {
                    let ticks = count(check.max_failures as usize, "more tick");
                    let name = voice.name(check);
                    lines.push(format!("{name} runs on for at most {ticks}: its window ended on a breach"));
                }
            }
            Event::Extended { check } => {
                if let Some(check) = record.checks.get(check).filter(|_| self.outcomes.take("extended")) {
                    let (name, until) = (voice.name(check), clock(record.deadline, now));
                    lines.push(format!(
                        "{name} is extended, tick by tick and until {until} at most: too little traffic to judge"
                    ));
                }
            }
            Event::Decided { check } => {
                lines.extend(record.checks.get(check).map(|c| self.decided(voice, c)).unwrap_or_default());
            }
            Event::Heartbeat => lines.push(heartbeat(voice, record, now)),
            Event::Warned => {}
            Event::Judged => {
                let word = record.verdict_word().unwrap_or("none").to_uppercase();
                let overrules = record.arrival.as_ref().and_then(|arrival| arrival.overrules.as_deref());
                let why = overrules.map(|why| format!("{}; ", voice.say(why, LINE))).unwrap_or_default();
                lines.push(format!("{}verdict {word}: {why}{}", voice.disarmed(record), of_checks(record)));
            }
            Event::Acted { action } => lines.extend(record.actions.get(action).map(|a| voice.action(a))),
            Event::Followed { action } => {
                lines.extend(record.actions.get(action).and_then(|action| voice.followed(action)));
            }
            Event::Finished => lines.push(finish(voice, record)),
        }
        // Warnings are added along with other events too, such as the plan: they are told with the next one.
        let new = record.warnings.get(self.warned..).unwrap_or_default();
        lines.extend(new.iter().map(|w| format!("WARNING: {}", voice.say(w, 2 * LINE))));
        self.warned = record.warnings.len();
        lines.into_iter().map(|line| format!("{} {line}", time(now))).collect()
    }

    /// Ends the moment when it is over, or when something else is to be said.
    fn close(&mut self, record: &Record, event: &Event, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        if !matches!(event, Event::Resampled { .. }) && !self.again.is_empty() {
            let again = std::mem::take(&mut self.again);
            let total: usize = again.values().sum();
            let words: Vec<String> = again
                .into_iter()
                .map(|(word, number)| format!("{number} {}", word.replace('_', " ")))
                .collect();
            lines.push(format!("asked again: {} changed, now {}", count(total, "sample"), words.join(", ")));
        }
        let small = matches!(
            event,
            Event::Sampled { .. }
                | Event::Resampled { .. }
                | Event::RunsOn { .. }
                | Event::Extended { .. }
                | Event::Decided { .. }
        );
        if !small || self.until.is_none_or(|until| now >= until) {
            lines.extend(self.samples.close());
            lines.extend(self.outcomes.close());
            let moment = record.interval.clamp(Duration::from_secs(1), Duration::from_secs(60));
            self.until = Some(later(now, moment));
        }
        lines
    }

    fn sampled(
        &mut self,
        voice: Voice<'_>,
        record: &Record,
        (index, sample): (usize, usize),
        now: Timestamp,
    ) -> Option<String> {
        let check = record.checks.get(index)?;
        let taken = check.samples.get(sample)?;
        if self.told.len() <= index {
            self.told.resize(record.checks.len().max(index + 1), None);
        }
        let told = self.told.get_mut(index)?;
        let before = *told;
        let decided = check.outcome.is_some();
        let quiet = match taken.state {
            State::Settling | State::Missed => true,
            State::Within => before.is_none(),
            // Every breach counts until the check has failed, and then is told by its outcome.
            State::Breach => decided,
            State::NoData | State::NoTraffic | State::Error => before == Some(taken.state),
        };
        if !matches!(taken.state, State::Settling | State::Missed) {
            *told = (taken.state != State::Within).then_some(taken.state);
        }
        let noun = match taken.state {
            State::Within => "back within",
            State::Breach => "in breach",
            State::NoData => "without data",
            State::NoTraffic => "without traffic",
            _ => "with errors",
        };
        if quiet || !self.samples.take(noun) {
            return None;
        }
        let late = between(taken.at, now) >= LATE;
        let when = if late { format!(", at {}", clock(taken.at, now)) } else { String::new() };
        let (name, why) = (voice.name(check), voice.sample(check, taken));
        let what = match taken.state {
            State::Within => format!("{name} is back within: {why}"),
            State::Breach => {
                let against = taken.log_evidence.and_then(|log| standing::against(check, log));
                let tally = standing::tally(check, sample);
                let tally = against.unwrap_or_else(|| {
                    tally.map_or_else(
                        || "a breach".to_owned(),
                        |tally| format!("breach {tally} of {}", check.max_failures),
                    )
                });
                format!("{name} {why}, {tally}{}", tag(check))
            }
            state => {
                let word = state.word().replace('_', " ");
                if why == word { format!("{name} {word}") } else { format!("{name} {word}: {why}") }
            }
        };
        Some(format!("{what}{when}"))
    }

    fn decided(&mut self, voice: Voice<'_>, check: &CheckRecord) -> Vec<String> {
        let standing = Standing::of(check);
        if !standing::telling(check) || !self.outcomes.take(standing.noun()) {
            return Vec::new();
        }
        let (mark, name) = (standing.mark(), voice.name(check));
        let word = check.outcome.map_or("", Outcome::word);
        let head = match standing {
            // The mark says it already.
            Standing::FailedRollback | Standing::FailedAlert => format!("{mark} {name}"),
            _ => format!("{mark} {name} {word}{}", tag(check)),
        };
        let reason = voice.full_reason(check);
        let links = [("runbook", &check.check.runbook_url), ("dashboard", &check.check.dashboard_url)];
        let links = links.into_iter().filter_map(|(word, url)| Some((word, url.as_deref()?)));
        let mut lines = vec![format!("{head}: {reason}")];
        lines.extend(links.map(|(word, url)| format!("     {word} {}", voice.say(url, LINE))));
        lines
    }
}

/// What sets a check apart from one whose failure means rollback.
fn tag(check: &CheckRecord) -> &'static str {
    match (check.check.dry_run, check.check.failure_action) {
        (true, _) => " (dry run)",
        (false, FailureAction::Alert) => " (alert)",
        (false, FailureAction::Rollback) => "",
    }
}

fn heartbeat(voice: Voice<'_>, record: &Record, now: Timestamp) -> String {
    let gone = between(record.open, now);
    let far = if now < record.open {
        format!("opens in {}", span(between(now, record.open)))
    } else if gone > record.duration {
        format!("{} beyond the window of {}", span(gone - record.duration), span(record.duration))
    } else {
        format!("{} of {}", span(gone), span(record.duration))
    };
    let next = next_tick(record, now).map_or_else(
        || "no tick is left, waiting for answers".to_owned(),
        |at| format!("next tick {}", clock(at, now)),
    );
    let nearest = standing::nearest(record).map(|(check, breaches)| {
        let name = voice.name(check);
        match check.evidence.as_ref().and_then(|evidence| standing::against(check, evidence.log_against)) {
            Some(against) => format!("; {name} with {against}"),
            None => format!("; {name} at breach {breaches} of {}", check.max_failures),
        }
    });
    let held = standing::least_held(record).map(|(check, held, needed)| {
        format!("; {} has held for {} of {}", voice.name(check), span(held), span(needed))
    });
    let settling = standing::settling(record, now)
        .map(|(number, until)| format!("; {} settling until {}", count(number, "check"), clock(until, now)));
    let [nearest, held, settling] = [nearest, held, settling].map(Option::unwrap_or_default);
    format!("{far}; {}{nearest}{held}{settling}; {next}", of_checks(record))
}

/// The next moment at which a check that is still watched is sampled.
pub(super) fn next_tick(record: &Record, now: Timestamp) -> Option<Timestamp> {
    let watched = record.checks.iter().filter(|c| c.outcome.is_none());
    watched
        .filter_map(|check| {
            let plan = &check.plan;
            let gone = between(plan.first, now).as_nanos() / plan.interval.as_nanos().max(1);
            let next = if now < plan.first { 0 } else { gone + 1 };
            let next = u32::try_from(next).unwrap_or(u32::MAX).max(plan.first_asked());
            (next < check.planned).then(|| plan.tick(next))
        })
        .min()
}

fn finish(voice: Voice<'_>, record: &Record) -> String {
    let exit = record.exit.map(|(_, returned)| format!("exit {}, ", returned.code())).unwrap_or_default();
    let acted = voice.acted(record).map(|acted| format!("; {acted}")).unwrap_or_default();
    format!("{}{exit}{}{acted}", voice.disarmed(record), voice.why(record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{
        at, edit, fleet, inconclusive, metric, open, pass, planned, rollback, watched,
    };

    /// What is said while the samples of `record` come in, tick by tick, 200 ms after each.
    fn follow(lines: &mut Lines, record: &Record, ticks: std::ops::Range<usize>) -> Vec<String> {
        let mut said = Vec::new();
        for tick in ticks {
            let mut so_far = record.clone();
            for check in &mut so_far.checks {
                check.samples.truncate(tick + 1);
            }
            let now = later(at("11:02:00.200"), Duration::from_secs(15) * u32::try_from(tick).unwrap());
            for check in 0..record.checks.len() {
                said.extend(lines.event(&so_far, &Event::Sampled { check, sample: tick }, now, &open));
            }
        }
        said
    }

    #[test]
    fn a_rollback_is_told_from_its_first_breach_to_the_webhook() {
        let mut lines = Lines::default();
        let record = planned(watched());
        let mut said = lines.event(&record, &Event::Planned, at("11:01:30"), &open);
        said.extend(follow(&mut lines, &record, 0..4));
        said.extend(lines.event(&record, &Event::Heartbeat, at("11:02:50"), &open));
        let done = rollback();
        let order = [
            Event::Sampled { check: 0, sample: 4 },
            Event::Decided { check: 0 },
            Event::Decided { check: 1 },
            Event::Judged,
            Event::Acted { action: 0 },
            Event::Finished,
        ];
        // The check that fails stands first in the finished record, third in the running one.
        for event in &order {
            said.extend(lines.event(&done, event, at("11:03:00.2"), &open));
        }
        assert_eq!(
            said.join("\n"),
            "\
11:01:30Z watching 4 checks (3 prometheus, 1 http) of checkout 1.8.2 (after 1.8.1) in production every 15s from 11:02:00Z to 11:07:00Z: 3 breaches within 6 judged samples fail a check, which means rollback for 3 and alert for 1; earliest verdict 11:02:30Z (rollback), latest 11:08:45Z
11:02:30Z response_time error: connection refused by prometheus.example:9090
11:02:30Z error_rate 0.081 > max_value 0.01, breach 1 of 3
11:02:45Z response_time no data: the result is empty
11:02:45Z error_rate 0.08 > max_value 0.01, breach 2 of 3
11:02:50Z 50s of 5m; all 4 checks being watched; 14 of 84 samples judged, 2 breaches, 1 without data, 1 error; error_rate at breach 2 of 3; next tick 11:03:00Z
11:03:00Z WARNING: `insecure_skip_verify` is set for `prometheus`: its certificate is not checked
11:03:00Z FAIL error_rate: 0.08 > max_value 0.01, breach 3 of 3, at 11:03:00Z
11:03:00Z      runbook https://runbooks.example/error-rate
11:03:00Z      dashboard https://grafana.example/d/checkout
11:03:00Z verdict ROLLBACK: 1 of 4 checks failed, 3 unfinished; 15 of 84 samples judged, 3 breaches, 1 without data, 1 error
11:03:00Z rollback confirmed by webhook https://deploy.example/hooks/rollback (HTTP 202, 1 attempt, 38ms, id rg_kj4xh2)
11:03:00Z exit 20, rollback: error_rate 0.08 > max_value 0.01, breach 3 of 3, at 11:03:00Z; rollback confirmed by webhook https://deploy.example/hooks/rollback"
        );
    }

    #[test]
    fn only_changes_are_told() {
        let check = metric("error_rate", 0.01, FailureAction::Alert)
            .saw(State::Error, None, Some("connection refused"))
            .saw(State::Error, None, Some("connection refused"))
            .saw(State::NoData, None, None)
            .values(&[0.001, 0.002])
            .values(&[0.5])
            .saw(State::Error, None, Some("connection refused"))
            .values(&[0.003]);
        let record = planned(vec![check]);
        assert_eq!(
            follow(&mut Lines::default(), &record, 0..8).join("\n"),
            "\
11:02:00Z error_rate error: connection refused
11:02:30Z error_rate no data
11:02:45Z error_rate is back within: 0.001
11:03:15Z error_rate 0.5 > max_value 0.01, breach 1 of 3 (alert)
11:03:30Z error_rate error: connection refused
11:03:45Z error_rate is back within: 0.003"
        );
    }

    #[test]
    fn a_failed_alert_is_not_told_at_every_tick() {
        let check = metric("p95", 0.5, FailureAction::Alert).values(&[0.7; 9]).values(&[0.2]);
        let record = planned(vec![check.ended(Outcome::Failed, None, "0.7 > max_value 0.5, breach 3 of 3")]);
        assert_eq!(follow(&mut Lines::default(), &record, 0..10), ["11:04:15Z p95 is back within: 0.2"]);
    }

    #[test]
    fn a_fleet_stays_readable() {
        let mut record = fleet(10_000);
        for (index, check) in record.checks.iter_mut().enumerate() {
            let one = metric(&check.check.name, 1.0, FailureAction::Rollback);
            *check = if index % 2 == 0 {
                one.values(&[2.0])
            } else {
                one.saw(State::Error, None, Some("refused"))
            };
        }
        let mut lines = Lines::default();
        let mut said = lines.event(&record, &Event::Planned, at("11:01:30"), &open);
        for check in 0..10_000 {
            said.extend(lines.event(&record, &Event::Sampled { check, sample: 0 }, at("11:02:00"), &open));
        }
        said.extend(lines.event(&record, &Event::Heartbeat, at("11:02:10"), &open));
        assert_eq!(said.len(), 23, "{said:#?}");
        assert_eq!(said[21], "11:02:10Z … and 9980 more: 4990 in breach, 4990 with errors");
        for check in &mut record.checks {
            check.outcome = Some(Outcome::Failed);
        }
        let mut said = Vec::new();
        for check in 0..10_000 {
            said.extend(lines.event(&record, &Event::Decided { check }, at("11:02:15"), &open));
        }
        said.extend(lines.event(&record, &Event::Judged, at("11:02:15"), &open));
        assert_eq!(said.len(), 22, "{said:#?}");
        assert_eq!(said[20], "11:02:15Z … and 9980 more: 9980 failed");
    }

    #[test]
    fn second_answers_are_summed_up() {
        let record = planned(watched());
        let mut lines = Lines::default();
        for (check, sample) in [(0, 0), (0, 1), (2, 2)] {
            let again = Event::Resampled { check, sample };
            assert!(lines.event(&record, &again, at("11:07:01"), &open).is_empty());
        }
        assert_eq!(
            lines.event(&record, &Event::RunsOn { check: 2 }, at("11:07:01"), &open),
            [
                "11:07:01Z asked again: 3 samples changed, now 1 breach, 2 within",
                "11:07:01Z error_rate runs on for at most 3 more ticks: its window ended on a breach",
            ]
        );
    }

    #[test]
    fn late_answers_say_when_they_were_asked() {
        let record = planned(watched());
        let said = Lines::default().event(
            &record,
            &Event::Sampled { check: 2, sample: 2 },
            "2026-01-16T09:00:00Z".parse().unwrap(),
            &open,
        );
        assert_eq!(
            said,
            ["09:00:00Z error_rate 0.081 > max_value 0.01, breach 1 of 3, at 2026-01-15 11:02:30Z"]
        );
    }

    #[test]
    fn the_end_says_why() {
        let end = |record: &Record| {
            let mut said = Lines::default().event(record, &Event::Judged, at("11:07:00"), &open);
            said.extend(Lines::default().event(record, &Event::Finished, at("11:07:00"), &open));
            said.join("\n")
        };
        let mut dry = rollback();
        dry.disarmed.push("--dry-run".to_owned());
        dry.actions.clear();
        dry.warnings.clear();
        assert_eq!(
            [pass(), inconclusive(), dry].iter().map(end).collect::<Vec<_>>().join("\n"),
            "\
11:07:00Z verdict PASS: all 3 checks passed; 63 of 63 samples judged
11:07:00Z exit 0, pass: all 3 checks passed; 63 of 63 samples judged
11:07:00Z verdict INCONCLUSIVE: 1 of 5 checks failed (alert), 1 inconclusive, 1 not passed (dry run), 1 passed, 1 skipped; 63 of 84 samples judged, 30 breaches, 21 errors
11:07:00Z exit 30, inconclusive: error_rate: 0 of 21 due samples judged, 3 needed, last error: connection refused by prometheus.example:9090
11:07:00Z DISARMED (--dry-run): verdict ROLLBACK: 1 of 4 checks failed, 3 unfinished; 15 of 84 samples judged, 3 breaches, 1 without data, 1 error
11:07:00Z DISARMED (--dry-run): exit 20, rollback: error_rate 0.08 > max_value 0.01, breach 3 of 3, at 11:03:00Z; no rollback was triggered"
        );
    }

    #[test]
    fn foreign_text_is_masked_then_cleaned_then_cut() {
        let mut record = planned(watched());
        edit(&mut record.checks[2], |c| c.name = "a\x1b[2J\n::error::b hunter2hunter2".to_owned());
        record.warnings.push(format!("{}hunter2hunter2", "x".repeat(2 * LINE - 5)));
        let mask = |text: &str| text.replace("hunter2hunter2", "***");
        let said =
            Lines::default().event(&record, &Event::Sampled { check: 2, sample: 2 }, at("11:02:30"), &mask);
        assert_eq!(said[0], "11:02:30Z a\u{fffd}[2J ::error::b *** 0.081 > max_value 0.01, breach 1 of 3");
        assert!(!said[1].contains("hunter"), "{said:?}");
    }
}
