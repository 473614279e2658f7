//! How a query stands to the deployment, in words: whether its ranges are shortened, it waits, or it looks at what was
//! before all the same. Must agree with what the gate plans.

use std::time::Duration;

use super::sketch::{Gate, Sketch, Subject};
use crate::check::Due;
use crate::gate::plan::CheckPlan;
use crate::host::clock::{between, later};
use crate::policy::query::ReadQuery;
use crate::policy::spoken::span;
use crate::policy::window::OldData;
use crate::promql::analysis::analyse;
use crate::promql::ast::Expr;
use crate::promql::window::Window;

/// What becomes of its samples that would look at what was before the deployment; each read after "looks".
pub(super) fn words(
    expr: &Expr,
    reading: &ReadQuery<'_>,
    check: &Sketch<'_>,
    gate: &Gate<'_>,
    subject: &Subject<'_>,
) -> Vec<String> {
    let (Some(reaching), Some(deployed)) = (check.told.reaching, subject.times.deployed_at) else {
        return Vec::new();
    };
    let window = Window::of(&reading.skeleton().text, expr);
    let mut said = Vec::new();
    if let Some(lookback) = reaching.lookback {
        said.push(format!("its series reach {} further back (`lookback`)", span(lookback)));
    }
    match (reaching.old_data, window.waits()) {
        (OldData::Allow, _) => {
            let reach = later(deployed, analyse(expr).lookback().known);
            let mixed = check.plan.as_ref().and_then(|plan| {
                let mixed = (0..plan.planned).take_while(|k| plan.tick(*k) < reach).count();
                samples(u32::try_from(mixed).unwrap_or(u32::MAX), plan)
            });
            said.extend(
                mixed.map(|which| {
                    format!("{which} take in what ran before the deployment (`old_data: allow`)")
                }),
            );
            return said;
        }
        (OldData::Wait, _) => {
            said.push("it waits until that does not reach before the deployment".to_owned())
        }
        _ if matches!(check.told.due, Due::Unknown | Due::After { deployment: true, .. }) => {}
        (OldData::Fit, Some(span)) => {
            let further = if window.grows() { "" } else { ", or reaches further than one range" };
            let tells = matches!(check.told.due, Due::After { tells: Some(_), .. });
            let early = if tells { "; until then a value that is too high already counts" } else { "" };
            said.push(format!(
                "its range cannot be shortened, for `{}` grows with it{further}{early}",
                reading.text(span)
            ));
        }
        (OldData::Fit, None) if window.fits() => {
            let least = match reaching.min_range {
                Some(range) => span(range),
                None => "four scrape intervals, 1 minute where they are not known".to_owned(),
            };
            said.push(format!(
                "its range is shortened to what lies after the deployment and the warm-up, to no less than {least}"
            ));
        }
        (OldData::Fit, None) => {}
    }
    said.extend(check.plan.as_ref().and_then(|plan| settling(plan, gate)));
    said
}

/// How many of its samples settle, and until when.
fn settling(plan: &CheckPlan, gate: &Gate<'_>) -> Option<String> {
    let which = samples(plan.settling, plan)?;
    let settle = if plan.planned == 1 || plan.settling == 1 { "settles" } else { "settle" };
    let until = plan.tick(plan.first_due());
    let after = gate.open.map(|open| between(open, until)).filter(|after| *after > Duration::ZERO);
    let until =
        after.filter(|_| plan.due() > 0).map(|after| format!(", until {} after opening", span(after)));
    let wait = if gate.refused.is_some() && plan.due() == 0 { ", so that it cannot run" } else { "" };
    Some(format!("{which} {settle}{}{wait}", until.unwrap_or_default()))
}

/// `the first 3 of 21 samples`; `None` for none of them.
fn samples(number: u32, plan: &CheckPlan) -> Option<String> {
    let all = plan.planned;
    match (number, all) {
        (0, _) => None,
        (_, 1) => Some("its one sample".to_owned()),
        (number, all) if number == all => Some(format!("all {all} samples")),
        (1, all) => Some(format!("the first of {all} samples")),
        (number, all) => Some(format!("the first {number} of {all} samples")),
    }
}
