//! The sentence that a run opens with: what is watched, what fails it, the earliest and the latest verdict. Must
//! hold for every plan; where checks differ it says so instead of describing one of them.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::voice::Voice;
use super::words::{clock, count, series, span};
use crate::gate::evidence::odds;
use crate::gate::outcome::{CheckRecord, Outcome, Record};
use crate::gate::soonest::{Earliest, earliest};
use crate::policy::model::FailureAction;

/// The opening sentence; DISARMED, where it applies, comes first.
pub(super) fn sentence(voice: Voice<'_>, record: &Record, now: Timestamp) -> String {
    let watched: Vec<&CheckRecord> =
        record.checks.iter().filter(|c| c.outcome != Some(Outcome::Skipped)).collect();
    let skipped = record.checks.len() - watched.len();
    let skipped = if skipped == 0 { String::new() } else { format!(" ({skipped} more skipped here)") };
    let subject = voice.subject(record).map(|s| format!(" of {s}")).unwrap_or_default();
    format!(
        "{}watching {}{skipped}{subject} {}: {}; {}",
        voice.disarmed(record),
        kinds(&watched),
        window(record, &watched, now),
        fails(&watched),
        verdicts(record, &watched, now),
    )
}

/// `5 checks (3 prometheus, 1 http, 1 tcp)`, kinds in the policy's order.
fn kinds(checks: &[&CheckRecord]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for check in checks {
        match kinds.iter_mut().find(|(kind, _)| *kind == check.check.kind) {
            Some((_, number)) => *number += 1,
            None => kinds.push((check.check.kind, 1)),
        }
    }
    let said: Vec<String> = kinds.into_iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    format!("{} ({})", count(checks.len(), "check"), said.join(", "))
}

fn window(record: &Record, checks: &[&CheckRecord], now: Timestamp) -> String {
    let open = clock(record.open, now);
    if checks.iter().all(|c| c.planned <= 1) {
        return format!("once, at {open}");
    }
    let intervals: BTreeSet<Duration> = checks.iter().map(|c| c.check.interval).collect();
    let every = match (intervals.first(), intervals.last()) {
        (Some(shortest), Some(longest)) if shortest != longest => {
            format!("every {} to {}", span(*shortest), span(*longest))
        }
        (Some(only), _) => format!("every {}", span(*only)),
        (None, _) => format!("every {}", span(record.interval)),
    };
    let end = checks.iter().map(|c| c.plan.last()).max().unwrap_or(record.open);
    format!("{every} from {open} to {}{}", clock(end, now), settling(checks, now))
}

/// `, 2 of 5 checks settling until 11:03:00Z`: whose first samples would look at what was before the deployment.
fn settling(checks: &[&CheckRecord], now: Timestamp) -> String {
    let until: Vec<Timestamp> = checks.iter().filter_map(|c| c.plan.settles_until()).collect();
    let Some(last) = until.iter().max() else { return String::new() };
    let of = match (until.len(), checks.len()) {
        (number, all) if number == all => String::new(),
        (1, all) => format!("1 of {all} "),
        (number, all) => format!("{number} of {all} "),
    };
    let most = if until.iter().any(|until| until != last) { " at the latest" } else { "" };
    format!(", {of}settling until {}{most}", clock(*last, now))
}

/// What fails a check: how many breaches, or how long it must hold, or what its events say.
fn rule(counted: &[&&CheckRecord]) -> Option<String> {
    let (by_events, others): (Vec<&&CheckRecord>, Vec<&&CheckRecord>) =
        counted.iter().copied().partition(|check| check.check.events.is_some());
    let (once, others): (Vec<&&CheckRecord>, Vec<&&CheckRecord>) =
        others.into_iter().partition(|check| check.check.decided_once());
    let test = (!once.is_empty()).then(|| "a test at the last tick fails a check that has one".to_owned());
    let rules = [breaches(&others), test, events(&by_events)];
    let rules: Vec<String> = rules.into_iter().flatten().collect();
    (!rules.is_empty()).then(|| series(&rules))
}

/// The rule of checks whose events are counted.
fn events(checks: &[&&CheckRecord]) -> Option<String> {
    let tested = || checks.iter().filter_map(|check| check.check.events);
    let needed = || tested().filter(|tested| tested.has_rate()).map(|tested| -tested.alpha.ln());
    let (least, most) = (needed().fold(f64::INFINITY, f64::min), needed().fold(f64::NEG_INFINITY, f64::max));
    let of = if checks.len() == 1 { "a check of events" } else { "checks of events" };
    let spent = tested().any(|tested| !tested.has_rate()).then(|| "a spent error budget".to_owned());
    let evidence = (least <= most).then(|| match (odds(least), odds(most)) {
        (least, most) if least == most => format!("evidence of {least}"),
        (least, most) => format!("evidence of {least} to {most}"),
    });
    let means: Vec<String> = evidence.into_iter().chain(spent).collect();
    (!means.is_empty()).then(|| format!("{} fails {of}", means.join(" or ")))
}

/// The rule of all others.
fn breaches(counted: &[&&CheckRecord]) -> Option<String> {
    if let Some(stable_for) = counted.first()?.check.mode.stable_for() {
        let needed = span(stable_for);
        return Some(format!(
            "all must hold for {needed} at one time, and a breach in the last {needed} fails a check"
        ));
    }
    let rules: BTreeSet<(u32, u32)> = counted.iter().map(|c| (c.max_failures, c.within)).collect();
    Some(match (rules.first()?, rules.last()?) {
        ((1, _), (1, _)) => "one breach fails a check".to_owned(),
        (first, last) if first == last => match *first {
            (breaches, within) if breaches == within => format!("{breaches} breaches in a row fail a check"),
            (breaches, within) => format!("{breaches} breaches within {within} judged samples fail a check"),
        },
        ((fewest, _), (most, _)) if fewest == most => format!("{most} breaches fail a check"),
        ((fewest, _), (most, _)) => format!("{fewest} to {most} breaches fail a check"),
    })
}

fn fails(checks: &[&CheckRecord]) -> String {
    let counted: Vec<&&CheckRecord> = checks.iter().filter(|c| !c.check.dry_run).collect();
    let Some(rule) = rule(&counted) else {
        return "all of them are dry runs, so nothing can fail".to_owned();
    };
    let number = |action| counted.iter().filter(|c| c.check.failure_action == action).count();
    let dry = checks.len() - counted.len();
    let mut means = Vec::new();
    for (action, number) in [
        (FailureAction::Rollback.word(), number(FailureAction::Rollback)),
        (FailureAction::Alert.word(), number(FailureAction::Alert)),
        ("nothing but a dry run", dry),
    ] {
        if number == checks.len() {
            return format!("{rule}, which means {action}");
        } else if number > 0 {
            means.push(format!("{action} for {number}"));
        }
    }
    format!("{rule}, which means {}", series(&means))
}

fn verdicts(record: &Record, checks: &[&CheckRecord], now: Timestamp) -> String {
    let parts: Vec<_> = checks.iter().map(|c| c.part()).collect();
    let earliest = earliest(&parts, record.fail_fast);
    let earliest = earliest.unwrap_or(Earliest { at: record.open, verdict: None });
    let at = if earliest.at <= now { "at once".to_owned() } else { clock(earliest.at, now) };
    format!("earliest verdict {at}{}, latest {}", earliest.which(), clock(record.deadline, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{at, edit, metric, open, planned, probe, watched};

    fn said(record: &Record, time: &str) -> String {
        sentence(Voice::new(&open), record, at(time))
    }

    #[test]
    fn it_says_what_fails_and_when_the_verdict_can_come() {
        assert_eq!(
            said(&planned(watched()), "11:01:30"),
            "watching 4 checks (3 prometheus, 1 http) of checkout 1.8.2 (after 1.8.1) in production every 15s from \
             11:02:00Z to 11:07:00Z: 3 breaches within 6 judged samples fail a check, which means rollback for 3 and \
             alert for 1; earliest verdict 11:02:30Z (rollback), latest 11:08:45Z"
        );
    }

    #[test]
    fn settling_ticks_put_the_earliest_verdict_off() {
        let mut check = metric("a", 1.0, FailureAction::Rollback);
        (check.due, check.plan.settling, check.plan.unasked) = (11, 10, 10);
        check.within = 3;
        let mut record = planned(vec![check]);
        record.disarmed.push("--dry-run".to_owned());
        record.service = None;
        record.previous_version = None;
        assert_eq!(
            said(&record, "11:01:30"),
            "DISARMED (--dry-run): watching 1 check (1 prometheus) of version 1.8.2 in production every 15s from \
             11:02:00Z to 11:07:00Z, settling until 11:04:30Z: 3 breaches in a row fail a check, which means rollback; earliest verdict \
             11:05:00Z (rollback), latest 11:08:45Z"
        );
    }

    #[test]
    fn alerts_and_single_evaluations_are_judged_at_the_end() {
        let alert = metric("a", 1.0, FailureAction::Alert);
        assert!(
            said(&planned(vec![alert]), "11:01:30")
                .ends_with("which means alert; earliest verdict 11:07:00Z, latest 11:08:45Z")
        );
        let mut once = probe("db:5432", "tcp");
        (once.planned, once.due, once.max_failures, once.within) = (1, 1, 1, 1);
        (once.plan.planned, once.plan.max_failures) = (1, 1);
        assert_eq!(
            said(&planned(vec![once]), "11:02:00"),
            "watching 1 check (1 tcp) of checkout 1.8.2 (after 1.8.1) in production once, at 11:02:00Z: one breach \
             fails a check, which means rollback; earliest verdict at once, latest 11:08:45Z"
        );
    }

    #[test]
    fn plans_that_differ_are_not_told_as_one() {
        let mut slow = metric("a", 1.0, FailureAction::Rollback);
        edit(&mut slow, |c| c.interval = Duration::from_secs(60));
        (slow.planned, slow.due, slow.max_failures) = (6, 6, 1);
        (slow.plan.planned, slow.plan.interval, slow.plan.max_failures) = (6, Duration::from_secs(60), 1);
        let mut dry = metric("b", 1.0, FailureAction::Rollback);
        edit(&mut dry, |c| c.dry_run = true);
        let mut skipped = metric("c", 1.0, FailureAction::Rollback);
        skipped.outcome = Some(Outcome::Skipped);
        let fast = metric("d", 1.0, FailureAction::Alert);
        assert_eq!(
            said(&planned(vec![slow, dry.clone(), skipped, fast]), "11:01:30"),
            "watching 3 checks (3 prometheus) (1 more skipped here) of checkout 1.8.2 (after 1.8.1) in production \
             every 15s to 1m from 11:02:00Z to 11:07:00Z: 1 to 3 breaches fail a check, which means rollback for 1, \
             alert for 1 and nothing but a dry run for 1; earliest verdict 11:02:00Z (rollback), latest 11:08:45Z"
        );
        assert!(
            said(&planned(vec![dry]), "11:01:30")
                .contains(": all of them are dry runs, so nothing can fail;")
        );
    }
}
