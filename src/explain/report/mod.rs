//! The report of a run in plain words: what the verdict was and which checks made it, with the numbers; what was not
//! judged, what was done, what would have made it a pass. Must say only what stands in the report, whoever wrote it, and
//! name what it lacks.

mod block;
mod hindsight;
mod numbers;
pub(crate) mod wire;

use serde::Deserialize;

use self::wire::{Action, Check, Report, Window};
use super::page::Page;
use crate::exit::Exit;
use crate::gate::outcome::{ActionStatus, Outcome, Verdict};
use crate::host::clock::between;
use crate::policy::spoken::{count, span};
use crate::report::Redact;
use crate::report::json::SCHEMA;
use crate::report::words::{clock, cut, date_time, series};

/// Checks that are told at length, and those that have a line.
const AT_LENGTH: usize = 10;
const IN_A_LINE: usize = 40;

/// Columns of a foreign text.
const LONG: usize = 400;

/// What of any JSON document says what it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    schema: Option<String>,
}

/// Whether `text` says of itself that it is a report, of whatever version.
pub(crate) fn is_report(text: &str) -> bool {
    let head: Option<Head> = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok();
    head.and_then(|head| head.schema).is_some_and(|schema| schema.starts_with("rollgate.report/"))
}

/// The report `text`, called `name`, in words.
///
/// # Errors
/// A sentence about a report of another version, or one that cannot be read.
pub(crate) fn explain(name: &str, text: &str, redact: Redact<'_>) -> Result<String, String> {
    let text = text.trim_start_matches('\u{feff}');
    let schema = serde_json::from_str::<Head>(text).ok().and_then(|head| head.schema).unwrap_or_default();
    if schema != SCHEMA {
        return Err(format!("error: `{name}` is a `{schema}`, and this version explains `{SCHEMA}`"));
    }
    let mut report: Report = serde_json::from_str(text)
        .map_err(|error| format!("error: `{name}` cannot be read as a report: {error}"))?;
    report.tell_checks();
    let mut page = Page::new(redact);
    page.heading(&headline(&report));
    page.paragraph(&times(&report));
    why(&mut page, &report);
    others(&mut page, &report);
    done(&mut page, &report);
    hindsight::show(&mut page, &report);
    if let Some(guarantee) = &report.guarantee {
        page.heading("How sure that is");
        page.paragraph(guarantee);
    }
    let warnings = report.warnings.iter().flatten();
    if report.warnings.as_ref().is_some_and(|warnings| !warnings.is_empty()) {
        page.heading("Warnings of the run");
        warnings.take(IN_A_LINE).for_each(|warning| page.item(&cut(warning, LONG)));
    }
    lacks(&mut page, &report);
    Ok(page.finish())
}

impl Report {
    /// The verdict's word; what is `null` has none yet.
    fn word(&self) -> &str {
        self.verdict.as_deref().unwrap_or("no verdict")
    }

    fn is(&self, verdict: Verdict) -> bool {
        self.verdict.as_deref() == Some(verdict.word())
    }

    /// The checks, in their order.
    fn checks(&self) -> &[Check] {
        self.checks.as_deref().unwrap_or_default()
    }

    /// The checks that made the verdict what it is.
    fn deciding(&self) -> Vec<&Check> {
        let decides = |check: &&Check| {
            check.contribution.is_some() && check.contribution == self.verdict && !self.is(Verdict::Pass)
        };
        self.checks().iter().filter(decides).collect()
    }
}

/// `ROLLBACK (exit 20): shop 1.4.2 in production, policy checkout`, DISARMED first where it was.
fn headline(report: &Report) -> String {
    let mode = report.mode.as_deref().unwrap_or_default();
    let disarmed = mode.strip_prefix("disarmed: ").map(|by| format!("DISARMED ({by}): ")).unwrap_or_default();
    let exit = match (report.exit_code, report.process_exit_code) {
        (None, _) => String::new(),
        (Some(own), Some(returned)) if own != returned => {
            format!(" (exit {returned}, the verdict's own is {own})")
        }
        (Some(own), _) => format!(" (exit {own})"),
    };
    let version = report.version.as_deref().map(str::to_owned);
    let after = report.previous_version.as_ref().map(|version| format!("(after {version})"));
    let place = report.environment.as_ref().map(|place| format!("in {place}"));
    let about: Vec<String> = [report.service.clone(), version, after, place].into_iter().flatten().collect();
    let about = if about.is_empty() { String::new() } else { format!("{}, ", about.join(" ")) };
    let policy = report.policy.as_deref().unwrap_or("of no name");
    format!("{disarmed}{}{exit}: {about}policy {policy}", report.word().to_uppercase())
}

/// When it was deployed, watched and decided.
fn times(report: &Report) -> String {
    let window = report.window.as_ref();
    let (open, deployed) = (window.and_then(|window| window.open), report.deployed_at);
    let mut said = Vec::new();
    if let Some(deployed) = deployed {
        said.push(format!("Deployed at {}.", date_time(deployed)));
    }
    if let (Some(window), Some(open)) = (window, open) {
        let at = clock(open, deployed.unwrap_or(open));
        let after = deployed.filter(|deployed| *deployed < open).map(|deployed| between(deployed, open));
        let after = after.map(|after| format!(", {} after the deployment", span(after))).unwrap_or_default();
        let checks = report.checks().iter();
        let own: Vec<_> =
            checks.filter(|check| check.outcome.as_deref() != Some(Outcome::Skipped.word())).collect();
        let own: Vec<_> = own.into_iter().filter_map(Check::interval).collect();
        let every = match (own.iter().min(), own.iter().max(), window.interval()) {
            (Some(least), Some(most), _) if least != most => {
                format!("every {} to {}", span(*least), span(*most))
            }
            (Some(every), ..) => format!("every {}", span(*every)),
            (_, _, Some(every)) => format!("every {}", span(every)),
            (_, _, None) => "at times that the report does not say".to_owned(),
        };
        said.push(match window.duration() {
            Some(duration) if !duration.is_zero() => {
                format!("The window opened at {at}{after}, to be watched for {} {every}.", span(duration))
            }
            _ => format!("Everything was to be asked once, at {at}{after}."),
        });
    }
    match (report.started_at, report.finished_at) {
        (Some(started), Some(finished)) => {
            let at = clock(finished, deployed.or(open).unwrap_or(finished));
            said.push(format!(
                "The run ended at {at}, {} after it began.",
                span(whole(between(started, finished)))
            ));
        }
        (Some(started), None) => {
            said.push(format!(
                "The run began at {} and had not ended when this was written.",
                date_time(started)
            ));
        }
        _ => {}
    }
    said.extend(report.run_url.as_ref().map(|url| format!("It ran as {}.", cut(url, LONG))));
    said.join(" ")
}

/// To the second, where it is longer than one.
fn whole(span: std::time::Duration) -> std::time::Duration {
    if span.as_secs() == 0 { span } else { std::time::Duration::from_secs(span.as_secs()) }
}

/// What made the verdict.
fn why(page: &mut Page<'_>, report: &Report) {
    let deciding = report.deciding();
    page.heading("Why");
    let number = report.checks().len();
    let sentence = match report.verdict.as_deref() {
        None => "There was no verdict yet when this report was written: the gate was still watching, or was killed.".to_owned(),
        Some("cancelled") => {
            let signal = match report.exit_code {
                Some(code) if code == u64::from(Exit::Interrupted.code()) => "SIGINT",
                Some(code) if code == u64::from(Exit::Terminated.code()) => "SIGTERM",
                _ => "a signal",
            };
            format!("{signal} ended the run before there was a verdict; nothing was triggered.")
        }
        Some(_) if report.is(Verdict::Pass) => {
            let held = report.checks().iter().filter(|c| c.outcome.as_deref() == Some(Outcome::Passed.word())).count();
            let window = report.window.as_ref();
            if let Some(stable_for) = window.and_then(Window::stable_for) {
                let who = if held == 1 { "check" } else { "checks" };
                let others = if held == number { "" } else { "; the others do not count" };
                return page.paragraph(&format!("{held} {who} held for {} at one time{others}.", span(stable_for)));
            }
            let proved = |check: &&Check| check.events.as_ref().is_some_and(|events| events.proved);
            let proved = report.checks().iter().filter(proved).count();
            match (held == number, number) {
                (true, 1) if proved == 1 => "Its one check was proved good.".to_owned(),
                (true, _) if proved == number => format!("All {number} checks were proved good."),
                (true, 1) => "Its one check held to the end of its window.".to_owned(),
                (true, _) => format!("All {number} checks held to the end of their windows."),
                (false, _) => format!("{held} of {number} checks held to the end of their windows; the others do not count."),
            }
        }
        Some(_) if deciding.is_empty() && number == 0 => "The report holds no checks.".to_owned(),
        Some(_) if deciding.is_empty() => "None of its checks had a part in it: nothing that counts was watched.".to_owned(),
        Some(word) => {
            let names: Vec<String> =
                deciding.iter().take(AT_LENGTH).map(|check| format!("`{}`", check.name())).collect();
            let more = deciding.len().saturating_sub(AT_LENGTH);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let each = if deciding.len() == 1 { "decided it" } else { "decided it, each of them enough" };
            format!("The worst of all checks is the verdict, {word}: {}{more} {each}.", series(&names))
        }
    };
    page.paragraph(&sentence);
    for check in deciding.iter().take(AT_LENGTH) {
        block::show(page, check, report);
    }
}

/// What the checks came to that did not decide, a line each.
fn others(page: &mut Page<'_>, report: &Report) {
    let deciding = report.deciding();
    let rest: Vec<&Check> = report
        .checks()
        .iter()
        .filter(|check| !deciding.iter().any(|one| std::ptr::eq(*one, *check)))
        .collect();
    let told = deciding.len().min(AT_LENGTH);
    let unshown: Vec<&Check> = deciding.into_iter().skip(told).chain(rest).collect();
    if unshown.is_empty() {
        return;
    }
    page.heading(if told == 0 { "The checks" } else { "The other checks" });
    let rows: Vec<[String; 2]> =
        unshown.iter().take(IN_A_LINE).map(|check| [cut(check.name(), 40), block::line(check)]).collect();
    page.table(&rows);
    if let Some(more) = unshown.len().checked_sub(IN_A_LINE).filter(|more| *more > 0) {
        page.paragraph(&format!("  … and {more} more"));
    }
}

/// What was done after the verdict.
fn done(page: &mut Page<'_>, report: &Report) {
    let actions = report.actions.as_deref().unwrap_or_default();
    if actions.is_empty() {
        if report.is(Verdict::Rollback) {
            page.heading("What was done");
            let why = report.mode.as_deref().and_then(|mode| mode.strip_prefix("disarmed: "));
            let why = why.map(|why| format!(": disarmed by {why}")).unwrap_or_default();
            page.paragraph(&format!("No rollback was triggered{why}."));
        }
        return;
    }
    page.heading("What was done");
    for action in actions.iter().take(IN_A_LINE) {
        page.item(&acted(action));
    }
    if report.exit_code == Some(u64::from(Exit::RollbackUnconfirmed.code())) {
        page.paragraph("The rollback is not confirmed: somebody must look whether the old version is back.");
    }
}

/// `the rollback was confirmed by webhook https://… (HTTP 202, 1 attempt)`.
fn acted(action: &Action) -> String {
    let text = |text: &Option<String>| text.as_deref().map_or(String::new(), |text| cut(text, LONG));
    let purpose = action.purpose.as_deref().unwrap_or("action");
    let whom = [text(&action.kind), text(&action.target)];
    let whom: Vec<&str> = whom.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    let whom = whom.join(if purpose == "track" { ": " } else { " " });
    let how = match (purpose, action.status.as_deref()) {
        ("notify", Some("confirmed")) => format!("told {whom}"),
        ("notify", Some("failed" | "held")) => format!("did NOT tell {whom}"),
        ("notify", Some("unknown")) => format!("may have told {whom}"),
        ("track", Some("confirmed")) => format!("wrote to {whom}"),
        ("track", Some("failed" | "held")) => format!("did NOT write to {whom}"),
        ("track", Some("unknown")) => format!("may have written to {whom}"),
        _ => began(action, purpose, &whom),
    };
    let facts = [
        action.http_status.map(|status| format!("HTTP {status}")),
        action.attempts.filter(|attempts| *attempts > 0).map(|attempts| count(attempts, "attempt")),
        action.id.as_ref().map(|id| format!("id {}", cut(id, LONG))),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    let reason = action.reason.as_deref().map(|why| format!(": {}", cut(why, LONG))).unwrap_or_default();
    let answer = action.response.as_deref().map(|answer| format!("; the answer: {}", cut(answer, LONG)));
    let url = action.url.as_deref().map(|url| format!("; follow it at {}", cut(url, LONG)));
    let went = went(action).unwrap_or_default();
    format!("{how}{facts}{reason}{went}{}{}", answer.unwrap_or_default(), url.unwrap_or_default())
}

/// How what an action is to start began.
fn began(action: &Action, purpose: &str, whom: &str) -> String {
    let is = |status: ActionStatus| action.status.as_deref() == Some(status.word());
    match () {
        () if is(ActionStatus::Confirmed) => format!("the {purpose} was confirmed by {whom}"),
        () if is(ActionStatus::Failed) => format!("the {purpose} FAILED by {whom}"),
        () if is(ActionStatus::Held) => format!("the {purpose} was HELD back: {whom}"),
        () if is(ActionStatus::Unknown) => {
            format!("nobody knows whether the {purpose} began: {whom} was asked and never answered clearly")
        }
        () => format!(
            "the {purpose} ended as `{}` by {whom}",
            action.status.as_deref().unwrap_or("nothing known")
        ),
    }
}

/// How what it started went on, as far as it was followed.
fn went(action: &Action) -> Option<String> {
    let took = action.followed.filter(|took| took.is_finite() && *took >= 0.0);
    let took = took.and_then(|took| std::time::Duration::try_from_secs_f64(took).ok())?;
    let took = span(whole(took));
    let words = action.ended.as_deref().map(|words| format!(": {}", cut(words, LONG))).unwrap_or_default();
    let how = match (action.ended_well, &action.ended) {
        (Some(true), _) => format!("it ended well after {took}"),
        (Some(false), _) => format!("it DID NOT END WELL, after {took}"),
        (None, Some(_)) => format!("it was followed for {took}, and how it ended is not known"),
        (None, None) => format!("it was followed for {took}, and had not ended"),
    };
    Some(format!("; {how}{words}"))
}

/// What the report should say and does not.
fn lacks(page: &mut Page<'_>, report: &Report) {
    let fields = [
        ("policy", report.policy.is_none()),
        ("mode", report.mode.is_none()),
        ("started_at", report.started_at.is_none()),
        ("window", report.window.is_none()),
        ("checks", report.checks.is_none()),
        ("actions", report.actions.is_none()),
    ];
    let missing: Vec<String> =
        fields.iter().filter(|(_, missing)| *missing).map(|(field, _)| format!("`{field}`")).collect();
    if !missing.is_empty() {
        page.heading(&format!(
            "The report does not say, or not in a way that can be read: {}",
            series(&missing)
        ));
    }
}

#[cfg(test)]
mod tests;
