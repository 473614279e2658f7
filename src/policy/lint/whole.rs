//! Lints of the policy as a whole: how its parts go together. Must not look into queries.

use super::{Cx, Rule};
use crate::policy::model::FailureAction;
use crate::policy::problem::{Problem, Severity};
use crate::policy::value::Value;

/// The lints of this file.
pub(super) const RULES: &[Rule] = &[Rule {
    id: "alert-only",
    severity: Severity::Warning,
    summary: "a policy whose every check only alerts: it can never ask for a rollback",
    check: alert_only,
}];

fn alert_only(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    if !cx.complete {
        return;
    }
    let alerts =
        |action: &Option<Value<FailureAction>>| matches!(action, Some(Value::Known(FailureAction::Alert, _)));
    let all = cx.checks.iter().all(|one| alerts(&one.check.envelope.failure_action));
    if let Some(place) = cx.spec.place.filter(|_| all && !cx.checks.is_empty()) {
        let message = "every check of this policy has `failure_action: alert`";
        found.push(
            Problem::at(place, message)
                .help("give those that decide on the deployment `failure_action: rollback`"),
        );
    }
}
