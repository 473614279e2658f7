//! What is said of a record, in sentences that every kind of talk shares: whom it is about, why a sample, a check
//! or the whole verdict is what it is, how an action ended. Must redact every foreign text before it is cleaned
//! or cut: a secret that was cut is no longer found.

use std::time::Duration;

use super::Redact;
use super::standing::{Standing, totals, worst_first};
use super::words::{self, clean, count, cut};
use crate::check::Labels;
use crate::gate::outcome::{
    ActionRecord, ActionStatus, Cancelled, CheckRecord, Followed, Outcome, Record, Sample, State, Verdict,
};
use crate::policy::criterion::Number;

/// Columns for a name.
pub(super) const NAME: usize = 60;
/// Columns for a reason, an address, or another text in a line.
pub(super) const LINE: usize = 240;
/// How many things are named before the rest is counted.
const NAMED: usize = 3;

/// Speaks of a record without its secrets.
#[derive(Clone, Copy)]
pub(super) struct Voice<'r> {
    redact: Redact<'r>,
}

impl<'r> Voice<'r> {
    pub(super) fn new(redact: Redact<'r>) -> Self {
        Self { redact }
    }

    /// A foreign text, fit for a line and at most `columns` wide.
    pub(super) fn say(&self, text: &str, columns: usize) -> String {
        cut(clean(&(self.redact)(text)).trim(), columns)
    }

    pub(super) fn name(&self, check: &CheckRecord) -> String {
        self.say(&check.check.name, NAME)
    }

    /// `checkout 1.8.2 (after 1.8.1) in production`, as far as known.
    pub(super) fn subject(&self, record: &Record) -> Option<String> {
        let said = |text: &Option<String>| text.as_deref().map(|t| self.say(t, NAME));
        let previous = said(&record.previous_version).map(|v| format!("(after {v})"));
        let version =
            said(&record.version).map(|v| if record.service.is_none() { format!("version {v}") } else { v });
        let place = said(&record.environment).map(|e| format!("in {e}"));
        let words: Vec<String> =
            [said(&record.service), version, previous, place].into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// `DISARMED (--dry-run): `, or nothing.
    pub(super) fn disarmed(&self, record: &Record) -> String {
        if record.disarmed.is_empty() {
            return String::new();
        }
        format!("DISARMED ({}): ", self.say(&record.disarmed.join(", "), LINE))
    }

    /// Why a sample is what it is: its reason, or its worst value and the limit that it misses.
    pub(super) fn sample(&self, check: &CheckRecord, sample: &Sample) -> String {
        if let Some(reason) = &sample.reason {
            return self.say(reason, LINE);
        }
        let judging = &check.check.judging;
        let Some((labels, value)) = sample.values.first() else {
            return if judging.expect_empty && sample.state == State::Within {
                "no series, as expected".to_owned()
            } else {
                sample.state.word().replace('_', " ")
            };
        };
        let whose = if sample.series > 1 {
            format!(", worst of {} series: {}", sample.series, self.labels(labels))
        } else {
            String::new()
        };
        let text = if judging.expect_empty && sample.state == State::Breach {
            format!("{} series where none is expected", sample.series)
        } else {
            let baseline = sample.baselines.first().copied().flatten();
            match judging.criterion.miss(*value) {
                Some(miss) if sample.state == State::Breach => miss.to_string(),
                _ => match baseline {
                    Some(baseline) => format!("{}, baseline {}", Number(*value), Number(baseline)),
                    None => Number(*value).to_string(),
                },
            }
        };
        cut(&format!("{text}{whose}"), LINE)
    }

    /// `{job="checkout", pod="a"}`, as Prometheus writes it.
    pub(super) fn labels(&self, labels: &Labels) -> String {
        let pairs: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{}=\"{}\"", clean(name), self.say(value, NAME)))
            .collect();
        cut(&format!("{{{}}}", pairs.join(", ")), 2 * NAME)
    }

    /// `21 of 21 judged, 1 breach, 2 errors`: what a check has seen.
    pub(super) fn counts(check: &CheckRecord) -> String {
        let mut said = vec![format!("{} of {} judged", check.judged(), check.due)];
        let mut add = |state, one: &str, many: &str| match check.count(state) {
            0 => {}
            1 => said.push(format!("1 {one}")),
            number => said.push(format!("{number} {many}")),
        };
        add(State::Breach, "breach", "breaches");
        add(State::NoData, "no data", "no data");
        add(State::NoTraffic, "no traffic", "no traffic");
        add(State::Error, "error", "errors");
        add(State::Settling, "settling", "settling");
        add(State::Missed, "missed", "missed");
        said.join(", ")
    }

    /// A check's reason, or what stands for it.
    pub(super) fn reason(&self, check: &CheckRecord) -> String {
        let said = self.say(&check.reason, 2 * LINE);
        if !said.is_empty() {
            return said;
        }
        match (&check.check.skipped, check.worst()) {
            (Some(why), _) => self.say(why, LINE),
            (None, Some((_, worst))) => {
                format!("worst {}, {}", Number(worst), check.check.judging.criterion)
            }
            (None, None) => String::new(),
        }
    }

    /// The same with what kept it from being judged, without which an inconclusive check cannot be mended.
    pub(super) fn full_reason(&self, check: &CheckRecord) -> String {
        let reason = self.reason(check);
        let unjudged = |s: &&Sample| matches!(s.state, State::NoData | State::NoTraffic | State::Error);
        let last = check
            .samples
            .iter()
            .rev()
            .find(unjudged)
            .filter(|_| check.outcome == Some(Outcome::Inconclusive));
        let Some((state, why)) = last.and_then(|s| Some((s.state, self.say(s.reason.as_deref()?, LINE))))
        else {
            return reason;
        };
        if reason.contains(&why) {
            reason
        } else {
            format!("{reason}, last {}: {why}", state.word().replace('_', " "))
        }
    }

    /// `error_rate 0.08 > max_value 0.01, breach 3 of 3 …`
    fn because(&self, check: &CheckRecord) -> String {
        let (name, reason) = (self.name(check), self.full_reason(check));
        match check.outcome {
            _ if reason.is_empty() => format!("{name} {}", check.outcome.map_or("watched", Outcome::word)),
            Some(Outcome::Failed) => format!("{name} {reason}"),
            _ => format!("{name}: {reason}"),
        }
    }

    /// Why the verdict is what it is, in one line, beginning with its word.
    pub(super) fn why(&self, record: &Record) -> String {
        if let Some(cancelled) = record.cancelled {
            let signal = match cancelled {
                Cancelled::Interrupt => "SIGINT",
                Cancelled::Terminate => "SIGTERM",
            };
            return format!(
                "cancelled: {signal} came before the verdict, nothing was triggered; {}",
                of_checks(record)
            );
        }
        let Some(verdict) = record.verdict else {
            return format!("running: there is no verdict yet; {}", of_checks(record));
        };
        let word = verdict.word();
        let overrules = record.arrival.as_ref().and_then(|arrival| arrival.overrules.as_deref());
        if verdict == Verdict::Pass {
            return format!("{word}: {}", of_checks(record));
        }
        // What is overruled is still told.
        let bad = |c: &&CheckRecord| c.contribution > Some(Verdict::Pass);
        let guilty = |c: &&CheckRecord| c.contribution == Some(verdict) || overrules.is_some() && bad(c);
        let mut guilty: Vec<&CheckRecord> = worst_first(record).into_iter().filter(guilty).collect();
        let more = guilty.len().saturating_sub(NAMED);
        guilty.truncate(NAMED);
        let mut said: Vec<String> = guilty.into_iter().map(|c| self.because(c)).collect();
        if said.is_empty() {
            said.push(of_checks(record));
        }
        if more > 0 {
            said.push(format!("and {more} more"));
        }
        said.splice(0..0, overrules.map(|why| self.say(why, LINE)));
        format!("{word}: {}", said.join("; "))
    }

    /// What came of the rollback that the verdict asked for, or that none was sent; of who was told and what was written,
    /// how much, and what was not.
    pub(super) fn acted(&self, record: &Record) -> Option<String> {
        if record.cancelled.is_some() {
            return None;
        }
        let (aside, rollback): (Vec<&ActionRecord>, Vec<&ActionRecord>) =
            record.actions.iter().partition(|action| Aside::of(action).is_some());
        let mut said: Vec<String> = rollback.into_iter().map(|action| self.action_brief(action)).collect();
        if said.is_empty() && record.verdict == Some(Verdict::Rollback) {
            said.push("no rollback was triggered".to_owned());
        }
        said.extend(self.aside(&aside));
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// `3 told, 1 written; NOT told: slack #ops`: what went well by its number, all else by its name.
    fn aside(&self, actions: &[&ActionRecord]) -> Vec<String> {
        let of = |aside: Aside, status: &[ActionStatus]| -> Vec<&ActionRecord> {
            let fits = |a: &&&ActionRecord| Aside::of(a) == Some(aside) && status.contains(&a.status);
            actions.iter().filter(fits).copied().collect()
        };
        let all = [Aside::Told, Aside::Written];
        let well = all.map(|aside| (of(aside, &[ActionStatus::Confirmed]).len(), aside.word()));
        let well: Vec<String> =
            well.iter().filter(|(number, _)| *number > 0).map(|(n, word)| format!("{n} {word}")).collect();
        let mut said = if well.is_empty() { Vec::new() } else { vec![well.join(", ")] };
        for aside in all {
            for (how, status) in [
                ("NOT", [ActionStatus::Failed, ActionStatus::Held].as_slice()),
                ("PERHAPS", [ActionStatus::Unknown].as_slice()),
            ] {
                let not = of(aside, status);
                let mut named: Vec<String> = not.iter().take(NAMED).map(|action| self.whom(action)).collect();
                if named.is_empty() {
                    continue;
                }
                if not.len() > NAMED {
                    named.push(format!("and {} more", not.len() - NAMED));
                }
                said.push(format!("{how} {}: {}", aside.word(), named.join(", ")));
            }
        }
        said
    }

    /// `webhook https://…`
    fn whom(&self, action: &ActionRecord) -> String {
        let whom = [self.say(&action.kind, NAME), self.say(&action.target, LINE)];
        let whom: Vec<&str> = whom.iter().map(String::as_str).filter(|w| !w.is_empty()).collect();
        whom.join(" ")
    }

    /// `rollback confirmed by webhook https://…`, `told slack #deployments`, `wrote to jira: comment on SHOP-7`
    fn action_brief(&self, action: &ActionRecord) -> String {
        let what = match (Aside::of(action), action.status) {
            (None, status) => {
                let by = match status {
                    ActionStatus::Confirmed => "confirmed by",
                    ActionStatus::Failed => "FAILED by",
                    ActionStatus::Unknown => "UNKNOWN by",
                    ActionStatus::Held => "HELD back by",
                };
                format!("{} {by} {}", action.purpose, self.whom(action))
            }
            (Some(Aside::Told), status) => match status {
                ActionStatus::Confirmed => format!("told {}", self.whom(action)),
                ActionStatus::Failed | ActionStatus::Held => format!("NOT told: {}", self.whom(action)),
                ActionStatus::Unknown => format!("PERHAPS told: {}", self.whom(action)),
            },
            (Some(Aside::Written), status) => {
                let wrote = match status {
                    ActionStatus::Confirmed => "wrote to",
                    ActionStatus::Failed | ActionStatus::Held => "NOT written to",
                    ActionStatus::Unknown => "PERHAPS written to",
                };
                let what = self.say(&action.target, LINE);
                format!("{wrote} {}: {what}", self.say(&action.kind, NAME))
            }
        };
        let why = action.reason.as_ref().map(|reason| format!(", {}", self.say(reason, LINE)));
        let how = action.followed.as_ref().filter(|followed| !followed.goes_on);
        let how = how.map(|followed| format!("; {}", self.went(followed)));
        format!("{what}{}{}", why.unwrap_or_default(), how.unwrap_or_default())
    }

    /// How what `action` started goes on, where it is followed.
    pub(super) fn followed(&self, action: &ActionRecord) -> Option<String> {
        let followed = action.followed.as_ref()?;
        Some(format!("{} of {}: {}", action.purpose, self.whom(action), self.went(followed)))
    }

    fn went(&self, followed: &Followed) -> String {
        let (words, took) = (self.say(&followed.words, LINE), words::span(followed.took));
        match followed.well {
            _ if followed.goes_on => format!("{words}, followed for {took}"),
            Some(true) => format!("it ended well after {took}: {words}"),
            Some(false) => format!("it DID NOT END WELL after {took}: {words}"),
            None => format!("how it ends is not known: {words}"),
        }
    }

    /// The same with the answer's status, attempts and time.
    pub(super) fn action(&self, action: &ActionRecord) -> String {
        let attempts = action.attempts as usize;
        let facts = [
            action.http_status.map(|status| format!("HTTP {status}")),
            (attempts > 0).then(|| count(attempts, "attempt")),
            (action.took > Duration::ZERO).then(|| words::span(action.took)),
            action.id.as_deref().map(|id| format!("id {}", self.say(id, NAME))),
        ];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
        let link = action.url.as_deref().map(|url| format!(", follow it at {}", self.say(url, LINE)));
        format!("{}{facts}{}", self.action_brief(action), link.unwrap_or_default())
    }
}

/// An action that changes nothing of what runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aside {
    /// People were told.
    Told,
    /// A tracker was written to.
    Written,
}

impl Aside {
    fn of(action: &ActionRecord) -> Option<Self> {
        match action.purpose {
            "notify" => Some(Self::Told),
            "track" => Some(Self::Written),
            _ => None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Written => "written",
        }
    }
}

/// How many checks stand where, how many samples were judged, and what was wrong with how many.
pub(super) fn of_checks(record: &Record) -> String {
    let sum =
        |number: fn(&CheckRecord) -> u32| record.checks.iter().map(|c| u64::from(number(c))).sum::<u64>();
    let due = sum(|c| if Standing::of(c) == Standing::Skipped { 0 } else { c.due });
    let judged = sum(CheckRecord::judged);
    let mut said = vec![format!("{}; {judged} of {due} samples judged", totals(record))];
    for (number, one, many) in [
        (sum(|c| c.count(State::Breach)), "breach", "breaches"),
        (sum(|c| c.count(State::NoData)), "without data", "without data"),
        (sum(|c| c.count(State::NoTraffic)), "without traffic", "without traffic"),
        (sum(|c| c.count(State::Error)), "error", "errors"),
    ] {
        match number {
            0 => {}
            1 => said.push(format!("1 {one}")),
            _ => said.push(format!("{number} {many}")),
        }
    }
    said.join(", ")
}
