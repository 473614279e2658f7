//! Lints of what follows from checks: failures without consequence, passes without evidence, checks that are there
//! twice. Must not look into queries.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{CheckCx, Cx, Rule};
use crate::policy::model::{FailureAction, On};
use crate::policy::node::{Data, Node};
use crate::policy::problem::{Problem, Severity};
use crate::policy::value::Value;

/// The lints of this file.
pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "implicit-rollback",
        severity: Severity::Note,
        summary: "a metrics check that does not say what its failure means",
        check: implicit_rollback,
    },
    Rule {
        id: "passes-unseen",
        severity: Severity::Warning,
        summary: "a check that passes when nothing can be measured",
        check: passes_unseen,
    },
    Rule {
        id: "duplicate-check",
        severity: Severity::Warning,
        summary: "two checks that watch the same",
        check: duplicate_check,
    },
    Rule {
        id: "control-is-checked",
        severity: Severity::Warning,
        summary: "a `control` on the server that a check watches: where it is down, the check sees no breach",
        check: control_is_checked,
    },
    Rule {
        id: "alert-only",
        severity: Severity::Warning,
        summary: "a policy whose every check only alerts: it can never ask for a rollback",
        check: alert_only,
    },
    Rule {
        id: "nothing-counted",
        severity: Severity::Warning,
        summary: "a policy whose every check has `dry_run: true`: it always passes",
        check: nothing_counted,
    },
    Rule {
        id: "no-trigger",
        severity: Severity::Warning,
        summary: "a rollback that is wanted, and that nothing would start",
        check: no_trigger,
    },
];

fn is<T: PartialEq>(value: Option<&Value<T>>, wanted: &T) -> bool {
    matches!(value, Some(Value::Known(known, _)) if known == wanted)
}

fn implicit_rollback(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let silent =
        |check: &&CheckCx<'_>| check.facts.query.is_some() && check.check.envelope.failure_action.is_none();
    let all: Vec<&CheckCx<'_>> = cx.checks.iter().filter(silent).collect();
    let Some(first) = all.first() else { return };
    let names = match &*all {
        [one] => format!("`{}` rolls the deployment back when it fails", one.name()),
        [one, ..] => {
            format!(
                "{} checks, `{}` the first, roll the deployment back when they fail",
                all.len(),
                one.name()
            )
        }
        [] => return,
    };
    let help = "`failure_action: rollback` says that it is meant, `failure_action: alert` tells people only";
    found.push(Problem::at(first.place(), format!("{names}: nothing else is written")).help(help));
}

fn passes_unseen(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for check in &cx.checks {
        let on = &check.check.envelope.on;
        let (no_data, error) = (is(on.no_data.as_ref(), &On::Pass), is(on.error.as_ref(), &On::Pass));
        // Without series there are errors only.
        let Some(place) = on.error.as_ref().map(Value::place).filter(|_| error) else { continue };
        if no_data || check.facts.query.is_none() {
            let message = format!("`{}` passes when nothing can be measured", check.name());
            let help = "leave `on_error` out: a gate that could not look must not say that all is well";
            found.push(Problem::at(place, message).help(help));
        }
    }
}

/// What only people read makes no difference, nor what a failure means where the other check rolls back.
const FOR_PEOPLE: [&str; 5] = ["name", "description", "runbook_url", "dashboard_url", "failure_action"];

fn duplicate_check(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let mut known: HashMap<String, &CheckCx<'_>> = HashMap::new();
    for check in &cx.checks {
        let Some(node) = check.node else { continue };
        let mut said = check.check.kind.to_owned();
        say(node, &FOR_PEOPLE, &mut said);
        if let Some(first) = known.get(&said) {
            let message = format!("`{}` watches the same as `{}`", check.name(), first.name());
            let problem = Problem::at(check.place(), message).also(first.place(), "the same");
            found.push(problem.help("take one of them out, or let them watch different things"));
        } else {
            known.insert(said, check);
        }
    }
}

/// Adds what `node` says, wherever it stands and however it is quoted or ordered; entries of `left_out` apart.
fn say(node: &Node, left_out: &[&str], said: &mut String) {
    match &node.data {
        Data::Map(entries) => {
            let mut entries: Vec<_> =
                entries.iter().filter(|(key, _)| !left_out.contains(&key.name.as_str())).collect();
            entries.sort_by_key(|(key, _)| &key.name);
            for (key, value) in entries {
                let _ = write!(said, "{:?}{{", key.name);
                say(value, &[], said);
                said.push('}');
            }
        }
        Data::List(items) => {
            for item in items {
                said.push('[');
                say(item, &[], said);
                said.push(']');
            }
        }
        _ => {
            let _ = write!(said, "{:?}", node.scalar());
        }
    }
}

fn control_is_checked(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let Some(control) = &cx.spec.control else { return };
    let facts = control.spec.facts();
    let Some(target) = &facts.target else { return };
    let Some(check) = cx.checks.iter().find(|check| check.facts.target.as_ref() == Some(target)) else {
        return;
    };
    let message = format!("`control` asks `{target}`, which `{}` watches as well", check.name());
    let help = "where it is down, the fault is taken for one of this place, and the check sees no breach: name a target \
                that does not depend on the deployment";
    let place = facts.address.map_or(control.place, |address| address.place);
    found.push(Problem::at(place, message).also(check.place(), "the check").help(help));
}

fn rolls_back(check: &CheckCx<'_>) -> bool {
    !is(check.check.envelope.failure_action.as_ref(), &FailureAction::Alert)
}

fn alert_only(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let all = cx.complete && !cx.checks.is_empty() && !cx.checks.iter().any(rolls_back);
    if let Some(place) = cx.spec.place.filter(|_| all) {
        let message = "every check of this policy has `failure_action: alert`";
        found.push(
            Problem::at(place, message)
                .help("give those that decide on the deployment `failure_action: rollback`"),
        );
    }
}

fn nothing_counted(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let dry = |check: &CheckCx<'_>| is(check.check.envelope.dry_run.as_ref(), &true);
    let all = cx.complete && !cx.checks.is_empty() && cx.checks.iter().all(dry);
    if let Some(place) = cx.spec.place.filter(|_| all) {
        let message = "every check of this policy has `dry_run: true`, so it always passes";
        found.push(Problem::at(place, message).help("take it out where a failure should count"));
    }
}

fn no_trigger(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let rollback = &cx.spec.rollback;
    let wanted = is(rollback.enabled.as_ref(), &true) || rollback.pipeline.is_some();
    let off = matches!(rollback.enabled, Some(Value::Known(false, _) | Value::Later(_)));
    if !cx.complete || !wanted || off || rollback.trigger.is_some() || !cx.checks.iter().any(rolls_back) {
        return;
    }
    let pipeline = rollback.pipeline.as_ref().map(|pipeline| (pipeline.place, "the pipeline is named"));
    let enabled = rollback.enabled.as_ref().map(|enabled| (enabled.place(), "the rollback is enabled"));
    let Some((place, what)) = pipeline.or(enabled) else { return };
    let help =
        "write a `trigger` in `rollback_policy`; `enabled: false` leaves it to who reads the exit code";
    found.push(
        Problem::at(place, format!("{what}, and nothing would start it: there is no `trigger`")).help(help),
    );
}
