//! Lints of comparisons: baselines that change by themselves, and tests that cannot say much. Must look at what is
//! written, not at ticks.

use super::{Cx, Rule};
use crate::policy::model::FailureAction;
use crate::policy::problem::{Problem, Severity};
use crate::policy::relative::{Against, written};
use crate::policy::value::Value;

/// The lints of this file.
pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "daily-swing",
        severity: Severity::Note,
        summary: "a comparison with the time before the rollout: what changes with the time of day looks like a change",
        check: daily_swing,
    },
    Rule {
        id: "few-placebos",
        severity: Severity::Note,
        summary: "fewer earlier windows than a rollback needs: the check alerts at most",
        check: few_placebos,
    },
];

fn daily_swing(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for check in &cx.checks {
        let relative = check.facts.judging.and_then(|judging| judging.relative);
        let Some((relative, place)) = relative.zip(check.facts.baseline) else { continue };
        let Against::Before { span, season: None } = relative.against else { continue };
        let span = written(span);
        let message = format!(
            "`{}` is compared with the {span} before the rollout: what changes with the time of day looks like a change",
            check.name()
        );
        let help = format!(
            "`baseline: {{before: {span}, season: 1w}}` allows for what changed at the same time a week ago"
        );
        found.push(Problem::at(place, message).help(help));
    }
}

fn few_placebos(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for check in &cx.checks {
        let relative = check.facts.judging.and_then(|judging| judging.relative);
        let Some((relative, place)) = relative.zip(check.facts.baseline) else { continue };
        let action = &check.check.envelope.failure_action;
        let alerts = matches!(action, Some(Value::Known(FailureAction::Alert, _)));
        if let Some(why) = relative.alerts_at_most().filter(|_| !alerts) {
            let help =
                "ask for more windows, be content with less `confidence`, or say `failure_action: alert`";
            found.push(Problem::at(place, format!("`{}`: {why}", check.name())).help(help));
        }
    }
}
