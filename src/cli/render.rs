//! `rollgate render`: the plan as it would run, for people. Nothing is sent and no secret is needed, but for `--online`,
//! which must not start anything.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;

use super::inputs::InputArgs;
use crate::api::Allowance;
use crate::check::Role;
use crate::exit::Exit;
use crate::explain::telling::written;
use crate::gate::evidence::{claim, odds};
use crate::gate::moment;
use crate::gate::plan::{CheckPlan, plan};
use crate::gate::soonest::{Part, earliest};
use crate::host::Host;
use crate::host::vault::STOOD_IN;
use crate::policy::criterion::Number;
use crate::policy::events::{FEWEST_BAD, Tested};
use crate::policy::model::Check;
use crate::policy::notices::On;
use crate::policy::window::Mode;
use crate::prepare::{Prepared, prepare};
use crate::report::words::series;

/// `rollgate render`.
#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct RenderArgs {
    /// Ask whether each rollback trigger could be fired, without firing it: of a system that can try it, what it says, of
    /// others, whether the credential is taken and what would be started is there; needs the secrets
    #[arg(long)]
    pub online: bool,

    /// What the policy is rendered with.
    #[command(flatten)]
    pub inputs: InputArgs,
}

/// How long one trigger's system may take to answer.
const ASKING: Duration = Duration::from_secs(30);

/// Prints the plan; exit 0, or 2 with faults and with a trigger that could not be fired.
pub(super) async fn render(args: &RenderArgs, host: &Host) -> Exit {
    let prepared = match prepare(&args.inputs, host, !args.online) {
        Ok(prepared) => prepared,
        Err(refused) => {
            host.output.talk(refused.text(host.output.colour).trim_end());
            return Exit::Usage;
        }
    };
    match show(&prepared) {
        Ok(mut text) => {
            let ready = !args.online || ask(&prepared, host, &mut text).await;
            // What values bring along must not steer a terminal.
            let plain = text.replace(|c: char| c.is_control() && c != '\n', " ");
            host.output.data(&host.output.redactor.redact(&plain));
            if ready { Exit::Pass } else { Exit::Usage }
        }
        Err(fault) => {
            host.output.talk(&format!("error: {fault}"));
            Exit::Usage
        }
    }
}

/// Adds what each trigger's system says to firing it; whether all could be fired.
async fn ask(prepared: &Prepared, host: &Host, text: &mut String) -> bool {
    let mut ready = true;
    for trigger in &prepared.triggers {
        let allowance = Allowance::alone(host, ASKING);
        let answer = match trigger.preview(&allowance) {
            Some(tried) => tried.await,
            None => {
                let looked = trigger.preflight(&allowance).await;
                looked.map(|()| "nothing was found that would keep it from starting".to_owned())
            }
        };
        let (word, told) = match answer {
            Ok(told) => ("asked", told),
            Err(told) => ("asked, and REFUSED", told),
        };
        ready &= word == "asked";
        let _ = writeln!(text, "{word}: {} {}: {told}", trigger.kind(), trigger.target());
    }
    ready
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
    let watched = prepared.checks.iter().zip(&plan.checks).filter(|(check, _)| check.skipped.is_none());
    let parts: Vec<Part<'_>> = watched.map(|(check, plan)| Part::of(check, plan)).collect();
    if let Some(earliest) = earliest(&parts, prepared.policy.fail_fast) {
        let at = if earliest.at <= plan.begin { "at once".to_owned() } else { moment(earliest.at) };
        let _ = writeln!(text, "earliest verdict {at}{}, latest {}", earliest.which(), moment(plan.deadline));
    }
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
        let target = shown(&trigger.target());
        let _ = writeln!(text, "on rollback: {} {target}{pipeline}", trigger.kind());
    }
    for (what, told) in prepared.guards.iter().filter(|_| !prepared.triggers.is_empty()) {
        let _ = writeln!(text, "  {what}: {told}");
    }
    if !(prepared.notices.is_empty() && prepared.trackings.is_empty()) {
        text.push('\n');
    }
    for notice in &prepared.notices {
        let target = shown(&notice.channel.target());
        let _ = writeln!(text, "on {}: told {} {target}", occasions(&notice.on), notice.channel.kind());
    }
    for tracking in &prepared.trackings {
        let tracker = &tracking.tracker;
        let what = match tracker.issues() {
            Some(_) => written(&tracking.entry),
            None => "how the deployment stands".to_owned(),
        };
        let _ = writeln!(text, "on {}: written to {}: {what}", occasions(&tracking.on), tracker.kind());
    }
    for warning in warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    Ok(text)
}

fn occasions(on: &[On]) -> String {
    series(&on.iter().map(|on| on.word().to_owned()).collect::<Vec<_>>())
}

/// `target` without what stands in for the host of an address that is a secret.
fn shown(target: &str) -> String {
    let told = [format!("https://{STOOD_IN}/"), format!("https://{STOOD_IN}"), format!("{STOOD_IN}:443")];
    told.iter().fold(target.to_owned(), |target, told| target.replace(told, "***"))
}

fn show_check(text: &mut String, check: &Check, plan: &CheckPlan) {
    let _ = writeln!(text, "{} ({}, {})", check.name, check.kind, check.failure_action.word());
    if let Some(why) = &check.skipped {
        let _ = writeln!(text, "  skipped: {why}");
        return;
    }
    let first = plan.tick(plan.first_due());
    let _ = writeln!(text, "  {}{}", settling(plan), ticks(plan));
    if let Some(test) = check.judging.relative.and_then(|relative| relative.test) {
        let _ = writeln!(text, "  decided once, at the last of them, by {}", test.word());
    } else {
        show_counts(text, check, plan);
    }
    if !check.judging.limits().is_empty() {
        let _ = writeln!(text, "  {}", check.judging.limits());
    }
    if check.probe.asked_at(first).is_some() {
        let _ = writeln!(text, "  query as it is written: {}", check.target);
        let _ = writeln!(text, "  as it is asked at {}:", moment(first));
    }
    for line in check.probe.request(first) {
        let _ = writeln!(text, "  {line}");
    }
    for beside in &check.beside {
        let what = match beside.role {
            Role::Baseline | Role::Season => beside.probe.target().to_string(),
            role => role.must(),
        };
        let _ = writeln!(text, "  beside it, for `{}`: {what}", beside.role.word());
        for line in beside.probe.request(first) {
            let _ = writeln!(text, "    {line}");
        }
    }
    for history in check.history.iter().filter(|history| history.purpose.repeats()) {
        let (Some(from), Some(to)) = (history.times.first(), history.times.last()) else { continue };
        let when =
            if history.purpose.waits_for_breach() { "at its first breach" } else { "at the beginning" };
        let times = match history.times.len() {
            1 => format!("as of {}", moment(*to)),
            ticks => format!("as of {ticks} ticks from {} to {}", moment(*from), moment(*to)),
        };
        let _ = writeln!(text, "  {when}, for `{}`: the same {times}", history.purpose.word());
    }
}

fn show_counts(text: &mut String, check: &Check, plan: &CheckPlan) {
    let needs = format!(
        "needs {} judged samples and {} % of them",
        plan.min_samples,
        Number(check.min_coverage * 100.0)
    );
    let _ = match check.mode {
        _ if let Some(tested) = &check.events => writeln!(text, "  {}", events(tested)),
        Mode::Sustained => {
            writeln!(text, "  fails at breach {} within {} samples; {needs}", plan.max_failures, plan.within)
        }
        Mode::UntilHealthy { stable_for } => {
            let stable_for = humantime::format_duration(stable_for.min(plan.due_span()));
            writeln!(
                text,
                "  must hold for {stable_for}, fails by a breach in the last {stable_for}; {needs}"
            )
        }
    };
}

/// `4 settle until 2026-01-15T11:01:30Z, then `: the ticks that would look at what was before the deployment.
fn settling(plan: &CheckPlan) -> String {
    let Some(until) = plan.settles_until() else { return String::new() };
    let settle = if plan.settling == 1 { "settles" } else { "settle" };
    let asked = if plan.unasked < plan.settling { ", asked for a breach only" } else { "" };
    format!("{} {settle} until {}{asked}, then ", plan.settling, moment(until))
}

/// `17 ticks from … to …, one each 15s`: those that are due.
fn ticks(plan: &CheckPlan) -> String {
    let first = plan.tick(plan.first_due());
    match plan.due() {
        1 => format!("1 tick at {}", moment(first)),
        due => format!(
            "{due} ticks from {} to {}, one each {}",
            moment(first),
            moment(plan.last()),
            humantime::format_duration(plan.interval)
        ),
    }
}

/// What is claimed of events, and what fails or proves it.
fn events(tested: &Tested) -> String {
    let claim = claim(tested);
    if !tested.has_rate() {
        return format!("{claim}; fails as soon as more is spent, by at least {FEWEST_BAD} bad events");
    }
    let [fails, proved] = [tested.alpha, tested.beta].map(|chance| odds(-chance.ln()));
    format!("{claim}; fails at evidence of {fails} against it, is proved by {proved} for it")
}
