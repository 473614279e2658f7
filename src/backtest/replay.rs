//! One deployment under one policy, judged from history as a run of its time would have been. Must hold no rule of judging
//! of its own: it calls the stages of a run, without those that act.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;

use super::deployment::Deployment;
use super::judged::{Came, Judged, Said};
use super::tune::critical;
use crate::check::rhythm::Rhythm;
use crate::gate::engine::{Engine, Rules};
use crate::gate::measure::{Measuring, Watcher, measure};
use crate::gate::moment;
use crate::gate::outcome::{CheckRecord, Event, Outcome, Record, State, Verdict};
use crate::gate::plan::{Plan, plan};
use crate::host::Host;
use crate::host::clock::later;
use crate::learn::learn;
use crate::policy::model::FailureAction;
use crate::policy::problem::Problems;
use crate::prepare::Prepared;
use crate::prepare::past::Past;

/// Why a check that has no past is skipped.
pub(crate) const NO_PAST: &str = "it has no past, and a backtest asks about nothing else";

/// How long a deployment may take: its ticks are long gone, and no `timeout` of a run is meant for this.
const DAY: Duration = Duration::from_secs(86_400);

/// How deployments are judged.
#[derive(Debug)]
pub(crate) struct Replaying {
    /// What is known of scrape intervals from one deployment to the next.
    pub rhythm: Rhythm,
    /// Requests in flight at most, of one deployment.
    pub lanes: usize,
    /// Whether it is told at which limits each check flips.
    pub tune: bool,
}

impl Replaying {
    /// What `past` says of `deployment`.
    pub(crate) async fn say(&self, past: &Past, deployment: &Deployment, host: &Host) -> Said {
        let rhythm = Arc::new(self.rhythm.fork());
        let mut problems = Problems::default();
        let Some(mut prepared) = past.prepare(deployment, &rhythm, host, &mut problems) else {
            let why = problems.sorted().first().map(|problem| problem.message.clone());
            return Said::LeftOut(why.unwrap_or_default());
        };
        learn(&mut prepared, self.lanes, host, &mut futures_util::stream::pending().boxed()).await;
        self.rhythm.join(&rhythm);
        let mut plan = match plan(&prepared.timing, &prepared.checks) {
            Ok((plan, _)) => plan,
            Err(fault) => return Said::LeftOut(fault),
        };
        // Until then the run of that time could have extended a window; what is to come nobody has seen.
        if let Some(timeout) = prepared.timing.timeout {
            plan.deadline = later(deployment.time, timeout).min(plan.begin);
        }
        if let Some(end) = end(&prepared, &plan).filter(|end| *end > prepared.timing.begin) {
            return Said::LeftOut(format!("its window ends at {}, which is still to come", moment(end)));
        }
        Said::Judged(self.judge(past, prepared, plan, host).await)
    }

    async fn judge(&self, past: &Past, prepared: Prepared, plan: Plan, host: &Host) -> Judged {
        let mut engine = self.play(&prepared, plan.clone(), false, host).await;
        if let Some(version) =
            prepared.policy.version.as_ref().filter(|_| engine.leads_to() == Verdict::Rollback)
        {
            let at = known_at(&engine.record);
            let reading = version.probe.measure(at, host).await;
            engine.heard_again(at, &reading);
        }
        let verdict = engine.conclude();
        let overrules = engine.record.arrival.as_ref().and_then(|arrival| arrival.overrules.clone());
        let mut checks: Vec<Came> = engine.record.checks.iter().map(came).collect();
        if self.tune {
            // What a stricter or a more lenient limit would have seen may come after the end that this one made.
            let whole =
                if engine.stopped() { Some(self.play(&prepared, plan, true, host).await) } else { None };
            let seen = whole.as_ref().unwrap_or(&engine);
            for (index, came) in checks.iter_mut().enumerate() {
                let again = |claim| seen.would_fail(index, claim);
                came.critical = critical(&seen.record.checks[index], seen.extremes(index), &again);
            }
        }
        checks.extend(past.skipped.iter().map(|skipped| Came {
            name: Arc::from(skipped.name.as_str()),
            kind: skipped.kind,
            action: FailureAction::Rollback,
            outcome: Outcome::Skipped,
            contribution: None,
            reason: NO_PAST.to_owned(),
            failed_at: None,
            samples: (0, 0, 0),
            critical: Vec::new(),
        }));
        Judged { verdict, at: known_at(&engine.record), overrules, checks }
    }

    /// The run of `prepared`, every check watched to its end if `to_the_end`.
    async fn play(&self, prepared: &Prepared, plan: Plan, to_the_end: bool, host: &Host) -> Engine {
        let record = prepared.record(&plan);
        let hold = !prepared.policy.rollback.on_inconclusive_rollback;
        let rules = Rules { fail_fast: record.fail_fast, hold, to_the_end };
        let measuring = Measuring {
            checks: &prepared.checks,
            control: None,
            concurrency: self.lanes,
            deadline: later(plan.begin, DAY),
            host,
        };
        let mut engine = Engine::new(plan, &prepared.checks, record, rules);
        if self.tune {
            engine.keep_extremes();
        }
        let mut signals = futures_util::stream::pending().boxed();
        measure(&measuring, &mut engine, &mut Silent, &mut signals).await;
        engine
    }
}

/// What is kept of a check that has come to `record`.
fn came(record: &CheckRecord) -> Came {
    Came {
        name: Arc::from(record.check.name.as_str()),
        kind: record.check.kind,
        action: record.check.failure_action,
        outcome: record.outcome.unwrap_or(Outcome::Unfinished),
        contribution: record.contribution,
        reason: record.reason.clone(),
        failed_at: record.failed_at,
        samples: (record.due, record.judged(), record.count(State::Breach)),
        critical: Vec::new(),
    }
}

/// The tick at which the verdict was known: that of the first check that rolls back, else the last one of all.
fn known_at(record: &Record) -> Timestamp {
    let rolling = record.checks.iter().filter(|check| check.contribution == Some(Verdict::Rollback));
    let first = rolling.filter_map(|check| check.failed_at).min();
    let last = record.checks.iter().filter_map(|check| check.samples.last()).map(|sample| sample.at).max();
    first.or(last).unwrap_or(record.open)
}

/// When the last planned tick of all checks is answered.
fn end(prepared: &Prepared, plan: &Plan) -> Option<Timestamp> {
    let all = prepared.checks.iter().zip(&plan.checks).filter(|(check, _)| check.skipped.is_none());
    all.map(|(check, plan)| later(plan.tick(plan.planned.saturating_sub(1)), check.probe.delay())).max()
}

/// Nobody watches.
struct Silent;

impl Watcher for Silent {
    fn events(&mut self, _: &Record, _: &[Event], _: Timestamp) {}

    fn redraw(&mut self, _: &Record, _: Timestamp) {}

    fn save(&mut self, _: &Record) {}
}
