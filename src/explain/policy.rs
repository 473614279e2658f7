//! A policy in plain words, for somebody who has not written it: what is watched, for how long, what fails it, what then
//! happens, when a verdict can come. Must say only what is known; where a variable decides, its tag stands.

use std::time::Duration;

use super::block;
use super::needs;
use super::page::Page;
use super::sketch::{Gate, Subject, said, sketch};
use super::telling;
use super::verdicts;
use crate::gate::outcome::Verdict;
use crate::gate::plan::CheckPlan;
use crate::host::clock::{between, later};
use crate::policy::model::FailureAction;
use crate::policy::problem::Problems;
use crate::policy::spoken::{Settled, count, span};
use crate::policy::window::Mode;
use crate::report::Redact;
use crate::rollback::TRIGGERS;

/// `subject` in words.
///
/// # Errors
/// What is known and wrong, such as a variable's value that is no duration where one is expected.
pub(crate) fn explain(subject: &Subject<'_>, redact: Redact<'_>) -> Result<String, Problems> {
    let mut problems = Problems::default();
    let gate = sketch(subject, &mut problems);
    let beside = beside(subject, &gate, &mut problems);
    if problems.any_fault() {
        return Err(problems);
    }
    let mut page = Page::new(redact);
    page.heading(&title(subject, &gate));
    page.gap();
    if gate.checks.is_empty() {
        page.paragraph("It has no check: a run of this file alone is refused.");
    } else {
        page.paragraph(&window(subject, &gate));
        page.paragraph(&course(&gate));
        page.paragraph(&beside);
        if let Some((message, help)) = &gate.refused {
            page.paragraph(&format!("As it stands a run is refused: {message}. What would do: {help}."));
        }
        for check in &gate.checks {
            block::show(&mut page, check, &gate, subject);
        }
        rollback(&mut page, subject, &gate);
        telling::show(&mut page, subject);
        verdicts::show(&mut page, subject, &gate);
    }
    needs::show(&mut page, subject);
    Ok(page.finish())
}

fn title(subject: &Subject<'_>, gate: &Gate<'_>) -> String {
    let files: Vec<&str> = subject.policies.iter().map(|index| subject.texts.name(*index)).collect();
    let mut parts: Vec<(&str, usize)> = [
        "can roll the deployment back",
        "can only alert",
        "cannot do either: a dry run",
        "skipped here",
        "as the variables decide",
    ]
    .map(|what| (what, 0))
    .to_vec();
    for check in &gate.checks {
        let part = match (&check.skipped, &check.dry_run, &check.action) {
            (Some(_), ..) => 3,
            (None, Settled::Known(true), _) => 2,
            (None, Settled::Known(false), Settled::Known(FailureAction::Rollback)) => 0,
            (None, Settled::Known(false), Settled::Known(FailureAction::Alert)) => 1,
            (None, ..) => 4,
        };
        parts[part].1 += 1;
    }
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, number)| *number > 0)
        .map(|(what, number)| format!("{number} {what}"))
        .collect();
    let checks = count(gate.checks.len() as u64, "check");
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    format!("Policy {} ({}), {checks}{parts}", subject.spec.name, files.join(", "))
}

/// When the gate opens, how long it watches, how often it asks.
fn window(subject: &Subject<'_>, gate: &Gate<'_>) -> String {
    let times = &subject.times;
    let opens = match (times.deployed_at, gate.open) {
        (None, _) => "There is no deployment to take back: the gate opens at its start".to_owned(),
        (Some(_), None) => format!("The gate opens {} after the deployment", said(&gate.warm_up)),
        (Some(deployed), Some(open)) if open == deployed => "The gate opens with the deployment".to_owned(),
        (Some(deployed), Some(open)) => {
            format!("The gate opens {} after the deployment", span(between(deployed, open)))
        }
    };
    let at = gate.open.filter(|_| times.given).map(|open| format!(" ({})", crate::gate::moment(open)));
    let plans: Vec<&CheckPlan> = gate.checks.iter().filter_map(|check| check.plan.as_ref()).collect();
    let one = plans.first().filter(|first| {
        let alike = |plan: &&CheckPlan| plan.planned == first.planned && plan.interval == first.interval;
        plans.len() == gate.checks.len() && plans.iter().all(alike)
    });
    let watches = match one {
        Some(plan) if plan.planned == 1 => " and asks every check once.".to_owned(),
        Some(plan) => format!(
            ", watches for {} and asks every check every {}: {} times.",
            said(&gate.duration),
            span(plan.interval),
            plan.planned
        ),
        None => format!(
            ", watches for {} and asks every {}, unless a check says otherwise.",
            said(&gate.duration),
            said(&gate.interval)
        ),
    };
    let past = gate.open.is_some_and(|open| {
        let ends = |plan: &&CheckPlan| later(open, plan.interval * plan.planned.saturating_sub(1));
        plans.iter().map(ends).all(|end| end <= times.begin) && open < times.begin
    });
    let past = if past {
        " All of that lies in the past: metrics are answered at once, from what their source remembers."
    } else {
        ""
    };
    format!("{opens}{}{watches}{past}", at.unwrap_or_default())
}

/// What ends the watching, and what is peculiar about it.
fn course(gate: &Gate<'_>) -> String {
    let mut said = Vec::new();
    let can_roll_back = verdicts::possible(gate, Verdict::Rollback);
    match &gate.mode {
        Settled::Known(Mode::UntilHealthy { stable_for }) => {
            return until_healthy(gate, *stable_for);
        }
        Settled::Known(Mode::Sustained) => {}
        Settled::Tag(tag) => said.push(format!(
            "How windows are judged, `{tag}` says; what is told here is true of `sustained`, good for the whole of them."
        )),
    }
    if can_roll_back {
        said.push(match &gate.fail_fast {
            Settled::Known(true) => {
                "A check that fails and means rollback ends the watching at once; any other is watched to its end."
                    .to_owned()
            }
            Settled::Known(false) => "Every check is watched to its end, whatever fails.".to_owned(),
            Settled::Tag(tag) => {
                format!("Whether a check that fails and means rollback ends the watching at once, `{tag}` says.")
            }
        });
    }
    said.push(
        "A window that ends on a breach runs on until its check fails or a sample is within, by at most as many samples \
         as fail it."
            .to_owned(),
    );
    said.extend(besides(gate));
    said.join(" ")
}

/// The same of a gate that waits until its checks are healthy.
fn until_healthy(gate: &Gate<'_>, stable_for: Duration) -> String {
    let needed = span(stable_for);
    let first = format!(
        "It passes as soon as every check has held for {needed}, all of them at one time; what was before that fails \
         nothing. A check that has not held by the end of its window has failed if there is a breach in the last {needed}, \
         else nobody can say. Breaches are not counted."
    );
    std::iter::once(first).chain(besides(gate)).collect::<Vec<_>>().join(" ")
}

/// What else is peculiar about the samples.
fn besides(gate: &Gate<'_>) -> Vec<String> {
    let mut said = Vec::new();
    if gate.checks.iter().any(|check| check.told.has_past) {
        said.push("Metrics that could not be judged are asked once more at the end.".to_owned());
    }
    if let Some(control) = &gate.control {
        said.push(format!(
            "Where {} fails at the same time, the fault is taken to be here and not the deployment's: probes of that \
             moment are not judged.",
            control.asked
        ));
    }
    said
}

/// What is asked beside the checks, and what that means.
fn beside(subject: &Subject<'_>, gate: &Gate<'_>, problems: &mut Problems) -> String {
    let mut said = Vec::new();
    let deployed = subject.times.deployed_at.is_some();
    if let Some(version) = subject.spec.version.as_ref().filter(|_| deployed) {
        said.push(version.told(subject.scope, problems));
    }
    if gate.checks.iter().any(|check| check.check.spec.source().is_some()) {
        let told = subject.spec.context.told(deployed, subject.scope, problems);
        said.extend(
            (!told.is_empty())
                .then(|| format!("Of metrics, unless a check says otherwise: {}.", told.join("; "))),
        );
    }
    said.join(" ")
}

/// What follows a rollback verdict.
fn rollback(page: &mut Page<'_>, subject: &Subject<'_>, gate: &Gate<'_>) {
    if !verdicts::possible(gate, Verdict::Rollback) {
        return;
    }
    page.heading("When the verdict is rollback");
    if gate.enabled == Settled::Known(false) {
        page.paragraph("  Nothing is triggered: `rollback_policy.enabled` is `false`. The exit code alone tells the pipeline.");
        return;
    }
    if let Settled::Tag(tag) = &gate.enabled {
        page.entry("only if", &format!("`{tag}` says so"));
    }
    if subject.times.deployed_at.is_none() {
        page.entry("nothing", "is triggered under `--deployed-at none`: there is no deployment to take back");
        return;
    }
    for trigger in subject.triggers {
        let told = trigger.spec.told(subject.scope);
        let kind = TRIGGERS.iter().find(|kind| kind.name() == trigger.kind);
        page.entry(
            trigger.kind,
            if told.is_empty() { kind.map_or("", |kind| kind.summary()) } else { &told },
        );
    }
    match (&gate.pipeline, subject.triggers) {
        (None, []) => page.entry("nothing", "is triggered: no trigger is configured. The exit code alone tells the pipeline"),
        (Some(pipeline), []) => page.entry(
            "nothing",
            &format!("is triggered: there is a pipeline, `{pipeline}`, and no trigger. The exit code alone tells the pipeline"),
        ),
        (Some(pipeline), _) => page.entry("pipeline", &format!("`{pipeline}` is what is asked for")),
        (None, _) => {}
    }
    if !subject.triggers.is_empty() {
        page.entry(
            "once",
            "the same deployment judged again sends the same id, so that it is rolled back once",
        );
        page.entry(
            "never",
            "with `--no-rollback REASON`, or where the deployment is itself a rollback (`--is-rollback`)",
        );
        for (what, told) in subject.spec.rollback.guards.told(subject.scope) {
            page.entry(what, &told);
        }
    }
}
