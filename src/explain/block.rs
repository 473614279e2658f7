//! One check in words: what it asks, how far back that looks, what must hold, what fails it, what that means, and what
//! becomes of samples that nobody can judge. Must not know any kind of check.

use super::page::Page;
use super::sketch::{Gate, Sketch, Subject, said};
use super::{query, reaching};
use jiff::Timestamp;

use crate::gate::plan::CheckPlan;
use crate::host::clock::between;
use crate::policy::criterion::Number;
use crate::policy::model::{FailureAction, On, OnInconclusive};
use crate::policy::query::{ReadQuery, read};
use crate::policy::spoken::{Settled, count, nth, span};
use crate::policy::window::Mode;
use crate::promql::analysis::{Analysis, Reach, analyse};

/// Adds the block of `check`.
pub(super) fn show(page: &mut Page<'_>, check: &Sketch<'_>, gate: &Gate<'_>, subject: &Subject<'_>) {
    let place = check.check.place;
    let line = format!("{}:{}", subject.texts.name(place.source), subject.texts.line_of(place));
    page.heading(&format!("{} ({}, {line})", check.name, check.check.kind));
    let shown = |template: &Option<crate::policy::template::Template>| {
        template.as_ref().map(|template| template.settled(subject.scope).text).unwrap_or_default()
    };
    page.entry("about", &shown(&check.check.envelope.description));
    if let Some(why) = &check.skipped {
        page.entry("skipped", why);
        return;
    }
    if let Some(places) = &check.only {
        page.entry("only", &format!("in {places}; elsewhere it is skipped"));
    }
    page.verbatim("asks", &check.told.asked);
    let template = check.check.spec.facts().query.map(|query| query.settled(subject.scope));
    let source = check.check.spec.source().unwrap_or_default();
    let dialect = subject.spec.integrations.dialect(source);
    let single = match (&template, dialect) {
        (Some(template), Some(dialect)) => {
            let readings = read(template, dialect);
            let reading = readings.first().filter(|reading| reading.is_sound());
            reading.is_some_and(|reading| {
                asked(page, reading, check, gate, subject, readings.len() > 1);
                reading.expr().is_some_and(query::is_single)
            })
        }
        _ => false,
    };
    sampled(page, check, gate);
    must(page, check, single);
    page.entry("fails", &fails(check, subject, gate));
    if check.plan.as_ref().is_none_or(|plan| plan.due() > 0) {
        page.entry("then", &then(check, gate));
        page.entry("unjudged", &unjudged(check));
        page.entry("beside", &check.told.context.join("; "));
        page.entry("needs", &needs(check, gate));
    }
    page.entry("runbook", &shown(&check.check.envelope.runbook_url));
    page.entry("dashboard", &shown(&check.check.envelope.dashboard_url));
}

/// The query in words, and how far it looks back.
fn asked(
    page: &mut Page<'_>,
    reading: &ReadQuery<'_>,
    check: &Sketch<'_>,
    gate: &Gate<'_>,
    subject: &Subject<'_>,
    choice: bool,
) {
    let Some(expr) = reading.expr() else { return };
    let text = |span| reading.text(span);
    if let Some(words) = query::words(expr, &text) {
        let holding = if choice { " (where its conditions hold)" } else { "" };
        page.entry("that is", &format!("{}{holding}", reading.shown(&words)));
    }
    let analysis = analyse(expr);
    let mut looks: Vec<String> = back(&analysis).into_iter().collect();
    looks.extend(elsewhere(&analysis, reading));
    looks.extend(reaching::words(expr, reading, check, gate, subject));
    page.entry("looks", &looks.join("; "));
}

/// `5 minutes back`, and what instant selectors see.
fn back(analysis: &Analysis<'_>) -> Option<String> {
    let newest = analysis.has_instant().then(|| {
        "at the newest sample, which may be as old as the source allows (Prometheus: 5 minutes)".to_owned()
    });
    let ranged = match analysis.lookback() {
        Reach { known, more: false } if known.is_zero() => None,
        Reach { known, more: false } => Some(format!("{} back from each tick", span(known))),
        Reach { known, more: true } if known.is_zero() => {
            Some("as far back as the template or the server's step says".to_owned())
        }
        Reach { known, more: true } => Some(format!(
            "{} back from each tick, and by what the template or the server's step adds",
            span(known)
        )),
    };
    match (ranged, newest) {
        (Some(ranged), Some(newest)) => Some(format!("{ranged}, and {newest}")),
        (ranged, newest) => ranged.or(newest),
    }
}

/// What it compares with: parts that look at another time.
fn elsewhere(analysis: &Analysis<'_>, reading: &ReadQuery<'_>) -> Option<String> {
    let shifted: Vec<String> = analysis
        .uses
        .iter()
        .filter(|one| one.is_shifted())
        .map(|one| format!("`{}`", reading.text(one.span)))
        .collect();
    (!shifted.is_empty()).then(|| format!("at another time on purpose: {}", shifted.join(", ")))
}

/// How often it is asked, where that is not what the gate does, and how.
fn sampled(page: &mut Page<'_>, check: &Sketch<'_>, gate: &Gate<'_>) {
    let own = check.duration != gate.duration || check.interval != gate.interval;
    let often = match &check.plan {
        Some(plan) if plan.due() == 1 && plan.planned == 1 => Some("once".to_owned()),
        Some(plan) if plan.not_due > 0 => {
            let often = match plan.due() {
                1 => "once".to_owned(),
                due => format!("{due} times, every {}", span(plan.interval)),
            };
            let past = plan.not_due;
            Some(format!("{often}: {past} of its moments lie before the gate begins, and it has no past"))
        }
        Some(plan) => Some(format!(
            "{} times, every {} for {}",
            plan.planned,
            span(plan.interval),
            said(&check.duration)
        )),
        None => Some(format!("every {} for {}", said(&check.interval), said(&check.duration))),
    };
    let peculiar = own || check.plan.as_ref().is_none_or(|plan| plan.not_due > 0);
    page.entry("asked", &often.filter(|_| peculiar).into_iter().collect::<String>());
    page.entry("how", &check.told.how.join("; "));
}

fn must(page: &mut Page<'_>, check: &Sketch<'_>, single: bool) {
    let all = check.told.among == "every series";
    let among = match check.told.among.as_str() {
        "" => String::new(),
        _ if single && all => String::new(),
        among => format!(", in {among} of the result"),
    };
    let among = among
        .replace("of the series of the result", "of the series")
        .replace("every series of the result", "every series");
    let must: Vec<String> = check
        .told
        .must
        .iter()
        .enumerate()
        .map(|(at, must)| if at == 0 { format!("{must}{among}") } else { must.clone() })
        .collect();
    page.entry("must", &must.join("; "));
}

/// How many breaches fail it, and when that can be at the earliest.
fn fails(check: &Sketch<'_>, subject: &Subject<'_>, gate: &Gate<'_>) -> String {
    if check.dry_run == Settled::Known(true) {
        return "never: it is a dry run, measured and reported, and not counted".to_owned();
    }
    if !check.told.decided_by.is_empty() {
        return format!("once, at its last tick, by {}", check.told.decided_by);
    }
    if let Some(by) = &check.told.by_events {
        let when = check.part(gate).map(|part| format!(", {}", when(part.failure(), subject, gate)));
        return format!("{}{}{}", by.fails, when.unwrap_or_default(), dry_run(check));
    }
    if let Settled::Known(Mode::UntilHealthy { stable_for }) = gate.mode {
        let what = format!("at a breach in the last {} of its window", span(stable_for));
        let dry = dry_run(check);
        return match check.part(gate) {
            Some(part) => format!("{what}, {}{dry}", when(part.failure(), subject, gate)),
            None => format!("{what}{dry}"),
        };
    }
    let Some(plan) = &check.plan else {
        let breaches = check
            .max_failures
            .say(|max| if *max == 1 { "the first breach".to_owned() } else { format!("{max} breaches") });
        return format!("at {breaches} within {} judged samples", check.within);
    };
    let (max, within) = (plan.max_failures, plan.within);
    let what = match max {
        _ if plan.due() == 0 => return "never: none of its samples is due".to_owned(),
        _ if plan.due() == 1 => "at a breach in its one sample".to_owned(),
        1 => "at the first breach".to_owned(),
        _ if max == within => format!("at {max} breaches in a row of judged samples"),
        _ => format!("at the {} breach within {within} judged samples", nth(u64::from(max))),
    };
    let when = match check.part(gate) {
        Some(part) => format!(", {}", when(part.failure(), subject, gate)),
        None => String::new(),
    };
    let written = check.max_failures.known().copied().unwrap_or(max);
    let capped = if max < written {
        format!(" (`max_failures` is {written}, and only {} due)", samples_are(plan))
    } else {
        String::new()
    };
    format!("{what}{when}{capped}{}", dry_run(check))
}

/// When `earliest` is, for people.
fn when(earliest: Timestamp, subject: &Subject<'_>, gate: &Gate<'_>) -> String {
    match gate.open {
        _ if earliest <= subject.times.begin && subject.times.given => "at once".to_owned(),
        Some(open) if earliest > open => {
            format!("{} after opening at the earliest", span(between(open, earliest)))
        }
        _ => "as the gate opens at the earliest".to_owned(),
    }
}

/// What is to be added where a variable decides whether it counts.
fn dry_run(check: &Sketch<'_>) -> String {
    match &check.dry_run {
        Settled::Tag(tag) => format!("; not at all if `{tag}` makes it a dry run"),
        Settled::Known(_) => String::new(),
    }
}

fn samples_are(plan: &CheckPlan) -> String {
    let due = u64::from(plan.due());
    format!("{} {}", count(due, "sample"), if due == 1 { "is" } else { "are" })
}

/// What its failure means.
fn then(check: &Sketch<'_>, gate: &Gate<'_>) -> String {
    if check.dry_run == Settled::Known(true) {
        return String::new();
    }
    match &check.action {
        Settled::Known(FailureAction::Rollback) => match gate.fail_fast {
            Settled::Known(true) => "the verdict is rollback, at once".to_owned(),
            _ => "the verdict is rollback".to_owned(),
        },
        Settled::Known(FailureAction::Alert) => {
            "the verdict is alert, unless another check makes it worse; the deployment stays".to_owned()
        }
        Settled::Tag(tag) => format!("`{tag}` says: the verdict is rollback, or alert"),
    }
}

/// What becomes of samples that nobody can judge.
fn unjudged(check: &Sketch<'_>) -> String {
    let metric = check.check.spec.source().is_some();
    let [no_data, no_traffic, infinite, error] = &check.on;
    let cannot = if metric {
        "a source that cannot be asked"
    } else {
        "a name that does not resolve or a fault of the gate's own machine"
    };
    let all: Vec<(&str, &Settled<On>)> = if metric {
        vec![
            ("no data", no_data),
            ("only NaN (no traffic)", no_traffic),
            ("an infinity", infinite),
            (cannot, error),
        ]
    } else {
        vec![(cannot, error)]
    };
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for (what, on) in all {
        let counts = match on {
            Settled::Known(On::Inconclusive) => "is not judged".to_owned(),
            Settled::Known(On::Fail) => "counts as a breach".to_owned(),
            Settled::Known(On::Pass) => "counts as within".to_owned(),
            Settled::Tag(tag) => format!("counts as `{tag}` says"),
        };
        match groups.iter_mut().find(|(known, _)| *known == counts) {
            Some((_, members)) => members.push(what),
            None => groups.push((counts, vec![what])),
        }
    }
    let said: Vec<String> =
        groups.into_iter().map(|(counts, members)| format!("{} {counts}", either(&members))).collect();
    let extends = "; its window is extended while it lacks traffic, up to the gate's `timeout`";
    format!("{}{}", said.join("; "), if check.extends { extends } else { "" })
}

fn either(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

/// How much must be judged, and what it means where it is not.
fn needs(check: &Sketch<'_>, gate: &Gate<'_>) -> String {
    let coverage = check.min_coverage.say(|share| format!("{}%", Number(share * 100.0)));
    let what = match &check.plan {
        _ if !check.told.decided_by.is_empty() => {
            "samples of both sides that could tell a change, and one of the last".to_owned()
        }
        _ if let Some(by) = &check.told.by_events => by.needs.clone(),
        _ if matches!(gate.mode, Settled::Known(Mode::UntilHealthy { .. })) => {
            let least = check.min_samples.say(|least| count(u64::from(*least), "judged sample"));
            format!(
                "{least} since the last breach, {coverage} of those due in the last stretch, and the last"
            )
        }
        Some(plan) if plan.due() == 1 => "its one sample judged".to_owned(),
        Some(plan) => {
            let last = match plan.max_failures {
                1 => "the last".to_owned(),
                max => format!("one of the last {max}"),
            };
            format!(
                "{}, {coverage} of those due, and {last}",
                count(u64::from(plan.min_samples), "judged sample")
            )
        }
        None => {
            let least = check.min_samples.say(|least| least.to_string());
            let samples = if check.min_samples == Settled::Known(1) { "sample" } else { "samples" };
            format!(
                "{least} judged {samples}, {coverage} of those due, and one of the last {}",
                check.max_failures
            )
        }
    };
    if check.dry_run == Settled::Known(true) {
        return what;
    }
    let short = match (&check.action, &gate.on_inconclusive) {
        (Settled::Known(FailureAction::Alert), _) => "it is inconclusive, which counts as alert (exit 10)",
        (Settled::Known(FailureAction::Rollback), Settled::Known(OnInconclusive::Rollback)) => {
            "it is inconclusive, which this policy takes for a rollback (`on_inconclusive: rollback`)"
        }
        (Settled::Known(FailureAction::Rollback), Settled::Known(OnInconclusive::Hold)) => {
            "it is inconclusive: held, neither passed nor rolled back (exit 30)"
        }
        _ => "it is inconclusive, and variables say what that means",
    };
    format!("{what}; else {short}")
}
