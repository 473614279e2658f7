//! What would have made a run a pass, as far as its own samples tell: another limit, fewer breaches, more that could be
//! judged. Must say what holds of these samples only; it is no advice to loosen a limit.

use super::super::page::Page;
use super::block::counts;
use super::numbers::{completes, most};
use super::wire::{Check, Events, Report, Sample};
use super::{AT_LENGTH, LONG};
use crate::gate::evidence::odds;
use crate::gate::outcome::{Outcome, State, Verdict};
use crate::policy::criterion::{Criterion, Number};
use crate::policy::spoken::{count, number, span};
use crate::report::words::cut;

/// Adds what would have made it a pass, where it was none.
pub(super) fn show(page: &mut Page<'_>, report: &Report) {
    if report.is(Verdict::Pass) {
        return;
    }
    let said: Vec<String> = match report.verdict.as_deref() {
        None | Some("cancelled") => {
            vec![
                "every check watched to the end of its window, and none of them failed or inconclusive"
                    .to_owned(),
            ]
        }
        Some(_) => {
            let counted = report.checks().iter().filter(|check| {
                check.contribution.as_deref().is_some_and(|contribution| contribution != Verdict::Pass.word())
            });
            counted.take(AT_LENGTH).flat_map(wanted).collect()
        }
    };
    if said.is_empty() {
        return;
    }
    page.heading("What would have made it a pass");
    said.iter().for_each(|said| page.item(said));
}

fn wanted(check: &Check) -> Vec<String> {
    let name = format!("`{}`", cut(check.name(), LONG));
    let outcome = check.outcome.as_deref();
    if let Some(events) = &check.events
        && [Outcome::Failed, Outcome::Inconclusive].map(|outcome| Some(outcome.word())).contains(&outcome)
    {
        return vec![format!("{name}: {}", counted(events))];
    }
    if outcome == Some(Outcome::Failed.word()) {
        return vec![format!("{name}: {}", failed(check))];
    }
    if outcome == Some(Outcome::Inconclusive.word()) {
        return vec![format!("{name}: {}", unseen(check))];
    }
    if outcome == Some(Outcome::Unfinished.word()) {
        return vec![format!("{name}: a window watched to its end; it was stopped before")];
    }
    Vec::new()
}

/// Of a check whose events were counted: what they would have had to say.
fn counted(events: &Events) -> String {
    let needed = |chance: f64| odds(-chance.ln());
    match (events.alpha, events.beta) {
        (Some(alpha), Some(beta)) => format!(
            "evidence for its claim that reaches {}; or enough requests without evidence against it that reaches {}",
            needed(beta),
            needed(alpha)
        ),
        _ => "less of the error budget spent, and the requests of its period known".to_owned(),
    }
}

/// Of a check that failed: fewer breaches, or another limit.
fn failed(check: &Check) -> String {
    if let Some(stable_for) = check.stable_for {
        return format!("no breach in the last {} of its window", span(stable_for));
    }
    let Some((max, within)) = check.rule().filter(|_| !check.counts_series()) else {
        return "fewer breaches than `max_failures` of every series".to_owned();
    };
    let breaches: Vec<bool> = check.judged_samples().map(|sample| sample.is(State::Breach)).collect();
    let seen = most(&breaches, within);
    let fewest = match max {
        1 => "no breach".to_owned(),
        2 => format!("at most 1 breach among any {within} judged samples in a row"),
        max => format!("at most {} breaches among any {within} judged samples in a row", max - 1),
    };
    let early = check.missed.is_some_and(|missed| missed > 0);
    let watched = if early { " before the watching ended" } else { "" };
    let limit = limit(check, max, within).map(|limit| format!("; or, for these samples, {limit}"));
    format!("{fewest} (there were {seen}{watched}){}", limit.unwrap_or_default())
}

/// The nearest limit that these samples would have held.
fn limit(check: &Check, max: u32, within: u32) -> Option<String> {
    let limits = check.criterion.as_ref()?;
    // Where not every series must hold, the worst value is not the one that decides.
    if limits.expect_empty || limits.require.is_some() {
        return None;
    }
    let values: Vec<f64> = check.judged_samples().map(Sample::worst).collect::<Option<_>>()?;
    let holds = |criterion: Criterion| {
        completes(values.iter().map(|value| criterion.miss(*value).is_some()), max, within).is_none()
    };
    let nearest = |mut candidates: Vec<f64>, with: &dyn Fn(f64) -> Criterion| {
        candidates.retain(|candidate| candidate.is_finite());
        candidates.sort_by(f64::total_cmp);
        candidates.into_iter().find(|candidate| holds(with(*candidate)))
    };
    match limits.criterion() {
        Criterion { expected: None, min: None, max: Some(_) } => {
            let limit = nearest(values.clone(), &|max| Criterion { max: Some(max), ..Criterion::default() })?;
            Some(format!("a `max_value` of {} or more", number(limit)))
        }
        Criterion { expected: None, min: Some(_), max: None } => {
            let candidates = values.iter().map(|value| -value).collect();
            let limit = nearest(candidates, &|min| Criterion { min: Some(-min), ..Criterion::default() })?;
            Some(format!("a `min_value` of {} or less", number(-limit)))
        }
        Criterion { expected: Some((expected, _)), min: None, max: None } => {
            let candidates = values.iter().map(|value| (value - expected).abs()).collect();
            let with = |off| Criterion { expected: Some((expected, off)), ..Criterion::default() };
            Some(format!("a `tolerance` of {} or more", number(nearest(candidates, &with)?)))
        }
        _ => None,
    }
}

/// Of a check of which too little was seen.
fn unseen(check: &Check) -> String {
    if let Some(stable_for) = check.stable_for {
        let needed = span(stable_for);
        return format!(
            "{needed} at the end of its window without a breach, most of it and its last sample judged"
        );
    }
    let mut needed = Vec::new();
    needed.extend(check.min_samples.map(|least| format!("at least {}", count(least, "judged sample"))));
    if let (Some(share), Some(due)) = (check.min_coverage, check.due) {
        needed.push(format!("{}% of the {due} due", Number(share * 100.0)));
    }
    needed.push("one of the last among them".to_owned());
    let judged = check.judged.map(|judged| format!(" (there were {judged})")).unwrap_or_default();
    let kept = match counts(check) {
        none if none.is_empty() => String::new(),
        kept => format!("; not judged were {kept}"),
    };
    let wish = [
        (check.no_data, "`on_no_data`"),
        (check.no_traffic, "`on_no_traffic`"),
        (check.errors, "`on_error`"),
    ];
    let word = wish.into_iter().filter_map(|(number, word)| Some((number.filter(|n| *n > 0)?, word))).max();
    let word = word.map(|(_, word)| format!("; if that is normal for it, {word} says what it counts as"));
    format!("{}{judged}{kept}{}", needed.join(", "), word.unwrap_or_default())
}
