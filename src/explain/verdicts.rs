//! Which verdicts can come, when each can at the earliest, with which exit code, and what follows. Must agree with what a
//! run opens with: both follow the gate's plan.

use jiff::Timestamp;

use super::page::Page;
use super::sketch::{Gate, Sketch, Subject};
use crate::exit::Exit;
use crate::gate::moment;
use crate::gate::outcome::Verdict;
use crate::gate::soonest::{Part, pass};
use crate::host::clock::between;
use crate::policy::model::{FailureAction, OnInconclusive};
use crate::policy::spoken::{Settled, span};
use crate::report::words::{clock, span as short};

/// Whether `verdict` can come of what is known; a variable that decides makes it possible.
pub(super) fn possible(gate: &Gate<'_>, verdict: Verdict) -> bool {
    let can = |action: FailureAction| {
        gate.checks
            .iter()
            .any(|check| check.counted() && check.action.known().is_none_or(|own| *own == action))
    };
    let rolled_back = gate.on_inconclusive == Settled::Known(OnInconclusive::Rollback);
    match verdict {
        Verdict::Pass => gate.checks.iter().any(|check| check.skipped.is_none()),
        Verdict::Alert => can(FailureAction::Alert),
        Verdict::Inconclusive => {
            let watched = gate.checks.iter().any(|check| check.skipped.is_none());
            !watched || gate.expects || (can(FailureAction::Rollback) && !rolled_back)
        }
        Verdict::Rollback => can(FailureAction::Rollback),
    }
}

/// Adds the table.
pub(super) fn show(page: &mut Page<'_>, subject: &Subject<'_>, gate: &Gate<'_>) {
    if gate.refused.is_some() {
        return;
    }
    let since = if subject.times.deployed_at.is_some() { "the deployment" } else { "the start" };
    page.heading(&format!("Verdicts, and when they can come (counted from {since})"));
    let when =
        |at: Option<Timestamp>| at.map_or("as the variables decide".to_owned(), |at| after(subject, at));
    let parts = parts(gate);
    let passes = parts.as_deref().and_then(pass);
    let end = parts.as_deref().and_then(|parts| parts.iter().map(Part::end).max());
    let mut rows: Vec<[String; 4]> = Vec::new();
    let mut row = |verdict: &str, at: Option<Timestamp>, exit: &str, follows: &str| {
        rows.push([verdict.to_owned(), when(at), exit.to_owned(), follows.to_owned()]);
    };
    if possible(gate, Verdict::Rollback) {
        let triggered = gate.enabled != Settled::Known(false)
            && !subject.triggers.is_empty()
            && subject.times.deployed_at.is_some();
        let exit = match triggered {
            true => format!("{} or {}", Exit::Rollback.code(), Exit::RollbackUnconfirmed.code()),
            false => Exit::Rollback.code().to_string(),
        };
        let follows = if triggered {
            "the rollback is asked for; 21 says that it was not confirmed: look at once"
        } else {
            "nothing is triggered; the pipeline stops here"
        };
        let at = rollback(gate).map(|(at, _)| at);
        row("rollback", at, &format!("exit {exit}"), &format!("{follows}{}", by_whom(gate)));
    }
    if possible(gate, Verdict::Pass) {
        row("pass", passes, &exit(Exit::Pass), "the pipeline goes on");
    }
    if possible(gate, Verdict::Alert) {
        row(
            "alert",
            end,
            &exit(Exit::Alert),
            "the deployment stays; the pipeline stops, unless `--fail-on` allows it",
        );
    }
    if possible(gate, Verdict::Inconclusive) {
        row(
            "inconclusive",
            end,
            &exit(Exit::Inconclusive),
            "the deployment stays, unjudged; the pipeline stops, and a person decides",
        );
    }
    page.table(&rows);
    let latest = match gate.deadline {
        Some(at) => format!("Whatever happens, there is a verdict {}.", by(subject, at)),
        None => "The variables decide when there is a verdict at the latest.".to_owned(),
    };
    page.paragraph(&format!(
        "{latest} Exit 2 is a fault of the policy or of the command line, before anything is asked; 1 is a fault of the \
         gate itself; 130 and 143 are a run that was cancelled: nothing is triggered by any of them."
    ));
}

fn exit(exit: Exit) -> String {
    format!("exit {}", exit.code())
}

/// When the first rollback can be said, and of which checks; `None` where variables decide.
fn rollback<'g>(gate: &'g Gate<'_>) -> Option<(Timestamp, Vec<&'g str>)> {
    if gate.fail_fast != Settled::Known(true) {
        return pass(&parts(gate)?).map(|end| (end, Vec::new()));
    }
    let mut soonest: Option<(Timestamp, Vec<&str>)> = None;
    for check in gate.checks.iter().filter(|check| rolls_back(check)) {
        let at = check.part(gate)?.failure();
        match &mut soonest {
            Some((sooner, names)) if *sooner == at => names.push(&check.name),
            Some((sooner, _)) if *sooner < at => {}
            _ => soonest = Some((at, vec![&check.name])),
        }
    }
    soonest
}

fn rolls_back(check: &Sketch<'_>) -> bool {
    check.counted() && check.action.known().is_none_or(|action| *action == FailureAction::Rollback)
}

/// Which check the soonest rollback can come of, where it is one of several.
fn by_whom(gate: &Gate<'_>) -> String {
    let able = gate.checks.iter().filter(|check| rolls_back(check)).count();
    match rollback(gate) {
        Some((_, names)) if able > 1 && names.len() == 1 => {
            format!(" (the soonest can come of `{}`)", names.concat())
        }
        _ => String::new(),
    }
}

/// The checks that are watched; `None` where variables decide.
fn parts<'g>(gate: &'g Gate<'_>) -> Option<Vec<Part<'g>>> {
    gate.checks.iter().filter(|check| check.skipped.is_none()).map(|check| check.part(gate)).collect()
}

/// `after 1m 30s`, and the time of day where times were given.
fn after(subject: &Subject<'_>, at: Timestamp) -> String {
    let times = &subject.times;
    if at <= times.begin && (times.given || at <= times.start) {
        return "at once".to_owned();
    }
    let since = times.deployed_at.unwrap_or(times.start);
    let day = if times.given { format!(" ({})", clock(at, since)) } else { String::new() };
    format!("after {}{day}", short(between(since, at)))
}

/// The same of the latest.
fn by(subject: &Subject<'_>, at: Timestamp) -> String {
    let times = &subject.times;
    let clock = if times.given { format!(" ({})", moment(at)) } else { String::new() };
    format!("at most {} after the gate begins{clock}", span(between(times.begin, at)))
}
