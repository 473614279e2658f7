//! The conductor of `rollgate run`: calls every stage in order, and is the only function that sees them all. Must
//! hold no rule of its own beyond that order.

use std::collections::HashSet;
use std::path::PathBuf;

use futures_util::future::{Either, maybe_done, select};
use futures_util::stream::{BoxStream, StreamExt as _};
use jiff::Timestamp;

use crate::acting;
use crate::cli::run::{FailOn, RunArgs};
use crate::diagnostic;
use crate::event::id::Deployment;
use crate::exit::Exit;
use crate::gate::engine::{Engine, Rules};
use crate::gate::measure::{Measuring, Watcher, ask_again, measure};
use crate::gate::outcome::{Cancelled, Event, Record, Verdict};
use crate::gate::plan::{Plan, plan};
use crate::gate::verdict::Stop;
use crate::host::Host;
use crate::host::signals::Signal;
use crate::host::trace;
use crate::learn::learn;
use crate::pipeline;
use crate::policy::model::FailureAction;
use crate::policy::problem::Problems;
use crate::prepare::{Prepared, prepare};
use crate::report::progress::{Progress, Shown};
use crate::report::{Format, named};
use crate::rollback::act::Rollback;
use crate::rollback::guards::Guards;
use crate::track::issues;

/// Measures, judges, acts and reports as `args` say.
pub(crate) async fn run(args: &RunArgs, host: &Host) -> Exit {
    let _verbose = args.verbose.then(|| trace::verbose(host.output.clone()));
    let mut prepared = match prepare(&args.inputs, host, false) {
        Ok(prepared) => prepared,
        Err(refused) => {
            host.output.talk(refused.text(host.output.colour).trim_end());
            return Exit::Usage;
        }
    };
    if let Err(fault) = issues::given(&mut prepared.trackings, &args.issues) {
        host.output.talk(&format!("error: {fault}"));
        return Exit::Usage;
    }
    let mut signals = host.signals.listen();
    let mut acting = acting(args, &mut prepared, host);
    let (early, faults) = learn_and_ask(args, &acting, &mut prepared, host, &mut signals).await;
    if faults.any_fault() {
        host.output.talk(diagnostic::render(&faults, &prepared.texts, host.output.colour).trim_end());
        return Exit::Usage;
    }
    let (plan, warnings) = match plan(&prepared.timing, &prepared.checks) {
        Ok(planned) => planned,
        Err(fault) => {
            host.output.talk(&format!("error: {fault}"));
            return Exit::Usage;
        }
    };
    let mut record = begin(args, &prepared, &acting, &plan, host);
    record.warnings.extend(warnings);
    record.warnings.extend(issues::find(&mut acting.trackings, &args.issues, host).await);
    if acting.armed {
        record.warnings.extend(acting.rollback.deployment.warning.clone());
    }
    record.warnings.extend(acting::ahead(&acting, plan.deadline, host));

    let mut desk = Desk::new(args, host);
    let hold = !prepared.policy.rollback.on_inconclusive_rollback;
    let rules = Rules { fail_fast: record.fail_fast, hold, to_the_end: false };
    let measuring = Measuring {
        checks: &prepared.checks,
        control: prepared.policy.control.clone(),
        concurrency: usize::from(args.concurrency),
        deadline: plan.deadline,
        host,
    };
    let mut engine = Engine::new(plan, &prepared.checks, record, rules);
    desk.events(&engine.record, &[Event::Planned], host.clock.now());
    let cancelled = match early {
        Some(signal) => {
            engine.stop(Stop::Cancelled);
            Some(signal)
        }
        None => measure(&measuring, &mut engine, &mut desk, &mut signals).await,
    };
    let cancelled = match (&prepared.policy.version, cancelled) {
        (Some(version), None) if engine.leads_to() == Verdict::Rollback => {
            ask_again(version, &mut engine, host, &mut signals).await
        }
        (_, cancelled) => cancelled,
    };

    let judged = match cancelled {
        Some(signal) => Err(cancel(signal, &mut engine.record)),
        None => Ok(engine.conclude()),
    };
    let mut record = engine.record;
    if judged.is_ok() {
        desk.events(&record, &[Event::Judged], host.clock.now());
    }
    let confirmed = acting::follow(&acting, &mut record, host, &mut signals, &mut desk).await;
    let exit = judged.map_or_else(|cancelled| cancelled, |verdict| Exit::of(verdict, confirmed));
    record.finished_at = Some(host.clock.now());
    let returned = returned(args, &record, exit);
    record.exit = Some((exit, returned));
    desk.save(&record);
    desk.events(&record, &[Event::Finished], host.clock.now());
    if let Ok(format) = named(&args.format) {
        host.output.data(&desk.text(format, &record));
    }
    // The process ends here: giving thousands of checks and samples back piece by piece would only keep it waiting.
    std::mem::forget((record, prepared.checks, prepared.texts));
    returned
}

/// What is to follow the verdict.
fn acting(args: &RunArgs, prepared: &mut Prepared, host: &Host) -> acting::Plan {
    let policy = &prepared.policy.rollback;
    let silent = args.dry_run || args.no_actions;
    let rollback = Rollback {
        guards: Guards::new(args.is_rollback, args.no_rollback.as_deref(), &host.env, policy.guards.clone()),
        pipeline: policy.pipeline.clone(),
        deployment: Deployment::find(
            args.inputs.deployment_id.as_deref(),
            prepared.deployed_at,
            &host.env,
            prepared.timing.start,
        ),
        triggers: std::mem::take(&mut prepared.triggers),
        state: args.state.clone(),
    };
    let deployed = prepared.timing.deployed_at.is_some();
    acting::Plan {
        armed: policy.enabled && !silent && deployed && !rollback.triggers.is_empty(),
        rollback,
        wait: policy.wait,
        notices: if silent { Vec::new() } else { std::mem::take(&mut prepared.notices) },
        trackings: if silent { Vec::new() } else { std::mem::take(&mut prepared.trackings) },
    }
}

/// Learns what the plan needs and asks what acting needs, at the same time: the signal that ended it, and what is wrong.
async fn learn_and_ask(
    args: &RunArgs,
    acting: &acting::Plan,
    prepared: &mut Prepared,
    host: &Host,
    signals: &mut BoxStream<'static, Signal>,
) -> (Option<Signal>, Problems) {
    let (places, preflight) = (prepared.places.clone(), prepared.policy.rollback.preflight);
    let mut asking = std::pin::pin!(maybe_done(acting::before(acting, &places, preflight, host)));
    let early = {
        let learning = learn(prepared, usize::from(args.concurrency), host, signals);
        let asked = async {
            asking.as_mut().await;
            std::future::pending::<Option<Signal>>().await
        };
        select(std::pin::pin!(learning), std::pin::pin!(asked)).await.factor_first().0
    };
    let early = match early {
        Some(signal) => Some(signal),
        None => match select(signals.next(), asking.as_mut()).await {
            Either::Left((signal, _)) => signal,
            Either::Right(_) => None,
        },
    };
    (early, asking.take_output().unwrap_or_default())
}

/// The record of a run of which nothing is known yet.
fn begin(args: &RunArgs, prepared: &Prepared, acting: &acting::Plan, plan: &Plan, host: &Host) -> Record {
    let inputs = &args.inputs;
    let known = prepared.record(plan);
    Record {
        service: inputs.service.clone().or(known.service),
        environment: inputs.environment.clone(),
        version: inputs.version.clone(),
        previous_version: inputs.previous_version.clone(),
        run_url: pipeline::run_url(&host.env),
        disarmed: disarmed(args, prepared, acting),
        fail_fast: known.fail_fast && !args.no_fail_fast,
        warnings: diagnostic::lines(&prepared.policy.warnings, &prepared.texts),
        ..known
    }
}

/// All that keeps this run from acting on a rollback, or from failing the pipeline for more than an alert.
fn disarmed(args: &RunArgs, prepared: &Prepared, acting: &acting::Plan) -> Vec<String> {
    let may_roll_back =
        prepared.checks.iter().any(|c| c.failure_action == FailureAction::Rollback && !c.dry_run);
    let enabled = prepared.policy.rollback.enabled;
    let reasons = [
        (args.dry_run, "--dry-run"),
        (args.no_actions, "--no-actions"),
        (args.fail_on == FailOn::Rollback, "--fail-on rollback"),
        (args.fail_on == FailOn::Never, "--fail-on never"),
        (may_roll_back && !enabled, "rollback_policy.enabled: false"),
        (may_roll_back && prepared.timing.deployed_at.is_none(), "--deployed-at none"),
        (may_roll_back && enabled && acting.rollback.triggers.is_empty(), "no rollback trigger configured"),
    ];
    reasons.iter().filter(|(holds, _)| *holds).map(|(_, reason)| (*reason).to_owned()).collect()
}

const fn cancel(signal: Signal, record: &mut Record) -> Exit {
    match signal {
        Signal::Interrupt => {
            record.cancelled = Some(Cancelled::Interrupt);
            Exit::Interrupted
        }
        Signal::Terminate => {
            record.cancelled = Some(Cancelled::Terminate);
            Exit::Terminated
        }
    }
}

/// The code that the process returns: a verdict's is 0 where the run is told to tolerate it.
fn returned(args: &RunArgs, record: &Record, exit: Exit) -> Exit {
    match record.verdict {
        Some(verdict) if args.dry_run || !args.fail_on.fails(verdict) => Exit::Pass,
        _ => exit,
    }
}

/// Where the run is told of: the progress on stderr, and the report files.
struct Desk<'a> {
    host: &'a Host,
    progress: Option<Progress>,
    reports: Vec<(&'static dyn Format, PathBuf)>,
    /// Report files that could not be written, each told of once.
    failed: HashSet<PathBuf>,
}

impl<'a> Desk<'a> {
    fn new(args: &RunArgs, host: &'a Host) -> Self {
        let output = &host.output;
        let (width, height) = output.size();
        let reports =
            args.report.iter().filter_map(|(format, path)| Some((named(format).ok()?, path.clone())));
        Self {
            host,
            progress: (!args.quiet).then(|| Progress::new(output.live, output.colour, width, height)),
            reports: reports.collect(),
            failed: HashSet::new(),
        }
    }

    fn redact(&self, text: &str) -> String {
        self.host.output.redactor.redact(text).into_owned()
    }

    fn text(&self, format: &dyn Format, record: &Record) -> String {
        format.render(record, &|text| self.redact(text))
    }

    fn show(&self, shown: Shown) {
        match shown {
            Shown::Lines(lines) => lines.iter().for_each(|line| self.host.output.talk(line)),
            Shown::Redraw(frame) => self.host.output.talk_raw(&self.redact(&frame)),
        }
    }
}

impl Watcher for Desk<'_> {
    fn events(&mut self, record: &Record, events: &[Event], now: Timestamp) {
        for event in events {
            if let Some(progress) = &mut self.progress {
                let redactor = &self.host.output.redactor;
                let shown = progress.event(record, event, now, &|text| redactor.redact(text).into_owned());
                self.show(shown);
            } else if matches!(event, Event::Warned)
                && let Some(warning) = record.warnings.last()
            {
                self.host.output.talk(&format!("warning: {warning}"));
            }
        }
    }

    fn redraw(&mut self, record: &Record, now: Timestamp) {
        if let Some(progress) = &mut self.progress {
            let redactor = &self.host.output.redactor;
            let shown = progress.tick(record, now, &|text| redactor.redact(text).into_owned());
            self.show(shown);
        }
    }

    fn save(&mut self, record: &Record) {
        for (format, path) in &self.reports {
            let text = self.text(*format, record);
            if let Err(error) = self.host.files.replace(path, text.as_bytes())
                && self.failed.insert(path.clone())
            {
                let shown = path.display();
                self.host.output.talk(&format!("warning: the report `{shown}` cannot be written: {error}"));
            }
        }
    }
}
