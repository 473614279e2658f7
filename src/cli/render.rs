//! `rollgate render`: the plan as it would run, for people; nothing is sent and no secret is needed.

use std::fmt::Write as _;

use clap::Args;

use super::inputs::InputArgs;
use crate::exit::Exit;
use crate::gate::moment;
use crate::gate::plan::{CheckPlan, plan};
use crate::host::Host;
use crate::policy::model::Check;
use crate::prepare::{Prepared, prepare};

/// `rollgate render`.
#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct RenderArgs {
    /// What the policy is rendered with.
    #[command(flatten)]
    pub inputs: InputArgs,
}

/// Prints the plan; exit 0, or 2 with faults.
pub(super) fn render(args: &RenderArgs, host: &Host) -> Exit {
    let prepared = match prepare(&args.inputs, host, true) {
        Ok(prepared) => prepared,
        Err(refused) => {
            host.output.talk(refused.text(host.output.colour).trim_end());
            return Exit::Usage;
        }
    };
    match show(&prepared) {
        Ok(text) => {
            // What values bring along must not steer a terminal.
            let plain = text.replace(|c: char| c.is_control() && c != '\n', " ");
            host.output.data(&host.output.redactor.redact(&plain));
            Exit::Pass
        }
        Err(fault) => {
            host.output.talk(&format!("error: {fault}"));
            Exit::Usage
        }
    }
}

fn show(prepared: &Prepared) -> Result<String, String> {
    let (plan, warnings) = plan(&prepared.timing, &prepared.checks)?;
    let mut text = String::new();
    let _ = writeln!(text, "policy {}: {} checks", prepared.policy.name, prepared.checks.len());
    match prepared.timing.deployed_at {
        Some(at) => {
            let _ = writeln!(text, "deployed at {}, window opens at {}", moment(at), moment(plan.open));
        }
        None => {
            let _ = writeln!(text, "no deployment, window opens at {}", moment(plan.open));
        }
    }
    let _ = writeln!(text, "verdict at {} at the latest", moment(plan.deadline));
    for (check, plan) in prepared.checks.iter().zip(&plan.checks) {
        text.push('\n');
        show_check(&mut text, check, plan);
    }
    if !prepared.triggers.is_empty() {
        text.push('\n');
    }
    for trigger in &prepared.triggers {
        let pipeline = prepared.policy.rollback.pipeline.as_deref();
        let pipeline = pipeline.map(|name| format!(" with pipeline `{name}`")).unwrap_or_default();
        let _ = writeln!(text, "on rollback: {} {}{pipeline}", trigger.kind(), trigger.target());
    }
    for warning in warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    Ok(text)
}

fn show_check(text: &mut String, check: &Check, plan: &CheckPlan) {
    let _ = writeln!(text, "{} ({}, {})", check.name, check.kind, check.failure_action.word());
    if let Some(why) = &check.skipped {
        let _ = writeln!(text, "  skipped: {why}");
        return;
    }
    let first = plan.tick(plan.first_due());
    let last = plan.tick(plan.planned - 1);
    let ticks = match plan.due() {
        1 => format!("1 tick at {}", moment(first)),
        due => format!(
            "{due} ticks from {} to {}, one each {}",
            moment(first),
            moment(last),
            humantime::format_duration(plan.interval)
        ),
    };
    let _ = writeln!(text, "  {ticks}");
    let _ = writeln!(
        text,
        "  fails at breach {} within {} samples; needs {} judged samples and {} % of them",
        plan.max_failures,
        plan.within,
        plan.min_samples,
        check.min_coverage * 100.0
    );
    if !check.judging.criterion.is_empty() {
        let _ = writeln!(text, "  {}", check.judging.criterion);
    }
    for line in check.probe.request(first) {
        let _ = writeln!(text, "  {line}");
    }
}
