//! What follows a verdict, in its order: the rollback first, then people and trackers all at the same time, then what was
//! started to its end. Must not change the verdict, and must not outlast its own time: two minutes without following, or
//! five seconds after a signal.

mod before;
mod wait;

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::{Either, join, select};
use futures_util::stream::{BoxStream, FuturesUnordered, StreamExt as _, iter};
use jiff::Timestamp;
use tokio::sync::watch;

pub(crate) use self::before::{ahead, before};
use crate::api::effect::Acted as Action;
use crate::api::{Allowance, Effect};
use crate::gate::measure::Watcher;
use crate::gate::outcome::{ActionRecord, ActionStatus, Event, Record, Verdict};
use crate::host::Host;
use crate::host::clock::{between, later};
use crate::host::signals::Signal;
use crate::notify::message::{Fact, Message, RollbackLine, Status, Told, plain};
use crate::notify::{Notice, TIMEOUT};
use crate::pipeline;
use crate::policy::guards::Wait;
use crate::policy::notices::On;
use crate::report::words::span;
use crate::rollback::ACTING;
use crate::rollback::act::{GRACE, Rollback, act};
use crate::track::Tracking;

/// How long people wait for the first answer of a trigger before they hear that a rollback is wanted.
const HEAR: Duration = Duration::from_secs(5);

/// Issues of a tracker that are written to at the same time: a tracker that hangs costs its time-out a few times only.
const AT_ONCE: usize = 4;

/// What is to follow a verdict.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How the deployment would be taken back.
    pub rollback: Rollback,
    /// Whether a rollback verdict is followed by a rollback.
    pub armed: bool,
    /// How long what was started is followed; `None`: not at all.
    pub wait: Option<Wait>,
    /// Who is told of what; empty for a run that sends nothing.
    pub notices: Vec<Notice>,
    /// What is written of what; empty for a run that sends nothing.
    pub trackings: Vec<Tracking>,
}

/// Does what `plan` says of the verdict in `record`, and keeps there what was done: whether a wanted rollback is confirmed,
/// or none was wanted. A first signal lets what is in flight finish, the same signal again ends it at once.
pub(crate) async fn follow(
    plan: &Plan,
    record: &mut Record,
    host: &Host,
    signals: &mut BoxStream<'static, Signal>,
    desk: &mut dyn Watcher,
) -> bool {
    let (end, ending) = watch::channel(false);
    let ended = async {
        let Some(first) = signals.next().await else { return std::future::pending().await };
        end.send_replace(true);
        while let Some(next) = signals.next().await {
            if next == first {
                return;
            }
        }
        std::future::pending().await
    };
    let phase = Phase::new(plan, record, host, desk, ending);
    let confirmed = match select(std::pin::pin!(phase.run()), std::pin::pin!(ended)).await {
        Either::Left((confirmed, _)) => Some(confirmed),
        Either::Right(_) => None,
    };
    if confirmed.is_none() && phase.rolls_back() {
        let open = plan.rollback.abandoned(&phase.record.borrow().actions);
        for action in open {
            phase.note(action);
        }
    }
    phase.unfollowed();
    let acted = confirmed.or_else(|| phase.acted.take());
    acted.unwrap_or(!phase.rolls_back())
}

/// The acting phase of one run.
struct Phase<'a> {
    plan: &'a Plan,
    record: RefCell<&'a mut Record>,
    host: &'a Host,
    /// Who is told of each action as it ends.
    desk: RefCell<&'a mut dyn Watcher>,
    /// Turns true when the run is ending.
    ending: watch::Receiver<bool>,
    /// When people must have been told.
    until: std::cell::Cell<Timestamp>,
    /// What firing came to, once it has.
    acted: RefCell<Option<bool>>,
}

impl<'a> Phase<'a> {
    fn new(
        plan: &'a Plan,
        record: &'a mut Record,
        host: &'a Host,
        desk: &'a mut dyn Watcher,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let until = later(host.clock.now(), ACTING).into();
        let (record, desk) = (RefCell::new(record), RefCell::new(desk));
        Self { plan, record, host, desk, ending, until, acted: RefCell::default() }
    }

    fn rolls_back(&self) -> bool {
        let record = self.record.borrow();
        self.plan.armed && record.verdict == Some(Verdict::Rollback) && record.cancelled.is_none()
    }

    /// Whether a wanted rollback is confirmed, or none was wanted.
    async fn run(&self) -> bool {
        if !self.rolls_back() {
            self.tell(Status::Gate(self.on()), &[], &[]).await;
            return true;
        }
        let (answer, mut answered) = watch::channel(false);
        let places = RefCell::new(Vec::new());
        let mut on_done = |action| {
            places.borrow_mut().push(self.note(action));
            // Whatever becomes of this run, what its triggers said is evidence.
            self.save();
            answer.send_replace(true);
        };
        let acting = {
            let record = self.record.borrow();
            act(&self.plan.rollback, &record, self.host, self.stopped(), &mut on_done)
        };
        let rollback = async {
            let acted = acting.await;
            self.acted.replace(Some(acted.confirmed));
            acted
        };
        let telling = async {
            let heard = std::pin::pin!(answered.wait_for(|answered| *answered));
            select(heard, self.host.clock.sleep(HEAR)).await;
            let lines = self.lines();
            let on = if failed(&lines) { On::RollbackFailed } else { On::Rollback };
            (on, self.tell(Status::Gate(on), &lines, &[]).await)
        };
        let (acted, (on, told)) = join(rollback, telling).await;
        acted.warnings.into_iter().for_each(|warning| self.warn(warning));
        if !acted.confirmed && on == On::Rollback {
            // People have heard that it was requested, and must hear that it was not.
            self.tell(Status::Gate(On::RollbackFailed), &self.lines(), &told).await;
        }
        let started = acted.started.into_iter().zip(places.take());
        let started = started.filter(|(one, _)| one.effect.status == ActionStatus::Confirmed).collect();
        let ends = self.wait(started).await;
        let confirmed = acted.confirmed && ends != Some(false);
        self.acted.replace(Some(confirmed));
        self.until.set(later(self.host.clock.now(), ACTING));
        match ends {
            Some(false) if acted.confirmed => {
                self.tell(Status::Gate(On::RollbackFailed), &self.lines(), &told).await;
            }
            Some(true) if confirmed => drop(self.tell(Status::RolledBack, &self.lines(), &told).await),
            _ => {}
        }
        confirmed
    }

    /// What people are told of.
    fn on(&self) -> On {
        let record = self.record.borrow();
        match record.verdict {
            _ if record.cancelled.is_some() => On::Cancelled,
            Some(Verdict::Pass) => On::Pass,
            Some(Verdict::Alert) => On::Alert,
            Some(Verdict::Inconclusive) | None => On::Inconclusive,
            Some(Verdict::Rollback) => On::Rollback,
        }
    }

    /// What is known of the rollback: what has ended, and the triggers that have not.
    fn lines(&self) -> Vec<RollbackLine> {
        let record = self.record.borrow();
        let done: Vec<&ActionRecord> =
            record.actions.iter().filter(|action| action.purpose == "rollback").collect();
        let held = done.iter().any(|action| action.status == ActionStatus::Held);
        let mut lines: Vec<RollbackLine> = done.iter().map(|action| RollbackLine::new(action)).collect();
        if !held {
            let open = self.plan.rollback.open(&done);
            lines.extend(open.map(|(kind, target)| RollbackLine {
                kind: kind.to_owned(),
                target: self.host.output.redactor.redact(&target).into_owned(),
                status: None,
                reason: None,
                url: None,
            }));
        }
        lines
    }

    /// Tells all who want to hear of `status`, and writes what is to be written of it; `earlier` is what telling came to
    /// before, notice by notice. What it came to, notice by notice.
    async fn tell(
        &self,
        status: Status,
        rollback: &[RollbackLine],
        earlier: &[Option<Effect>],
    ) -> Vec<Option<Effect>> {
        let mut effects = vec![None; self.plan.notices.len()];
        let wanted = |notice: &Notice| match status {
            Status::Gate(on) => notice.tells(on),
            // Whoever has heard of a rollback hears that it is done.
            _ => notice.on.contains(&On::Rollback),
        };
        let tracked = |tracking: &Tracking| match status {
            Status::Gate(on) => tracking.on.contains(&on) && earlier.is_empty(),
            _ => false,
        };
        if !self.plan.notices.iter().any(wanted) && !self.plan.trackings.iter().any(tracked) {
            return effects;
        }
        let message = {
            let record = self.record.borrow();
            let told = Told {
                record: &record,
                status,
                rollback,
                pipeline: self.plan.rollback.pipeline.as_deref(),
                deployment: &self.plan.rollback.deployment.key,
                at: self.host.clock.now(),
            };
            self.signed(Message::of(&told, &self.host.output.redactor))
        };
        // Who is told may keep the run waiting, and a run may be killed while it waits.
        self.save();
        let notices = self.plan.notices.iter().enumerate().filter(|(_, notice)| wanted(notice));
        let mut telling: FuturesUnordered<_> = notices
            .map(|(index, notice)| {
                let before = earlier.get(index).and_then(Option::as_ref);
                let message = &message;
                async move { (index, self.notify(notice, message, before).await) }
            })
            .collect();
        let trackings: FuturesUnordered<_> = self
            .plan
            .trackings
            .iter()
            .filter(|tracking| tracked(tracking))
            .map(|tracking| self.track(tracking, &message))
            .collect();
        let notify = async {
            while let Some((index, effect)) = telling.next().await {
                effects[index] = Some(effect);
            }
        };
        let track = trackings.collect::<Vec<()>>();
        join(notify, track).await;
        effects
    }

    /// `message` with who deployed, where the pipeline knows.
    fn signed(&self, mut message: Message) -> Message {
        let who = pipeline::actor(&self.host.env).map(|who| plain(&self.host.output.redactor.redact(who)));
        if let Some(who) = who.filter(|who| !who.is_empty()) {
            let after = message.facts.iter().position(|(fact, _)| *fact == Fact::DeployedAt);
            message.facts.insert(after.map_or(message.facts.len(), |at| at + 1), (Fact::DeployedBy, who));
        }
        message
    }

    async fn notify(&self, notice: &Notice, message: &Message, earlier: Option<&Effect>) -> Effect {
        // A rollback that took all the time there was is still told of.
        let left = between(self.host.clock.now(), self.until.get()).max(TIMEOUT);
        let allowance = Allowance::new(self.host, notice.timeout.min(left), self.ending.clone());
        let sent = notice.channel.send(message, earlier, &allowance);
        let action = Action {
            kind: notice.channel.kind(),
            purpose: "notify",
            target: notice.channel.target(),
            attempts: 0,
            id: Some(message.id.clone()),
            took: Duration::ZERO,
        };
        self.one(sent, action, &allowance).await
    }

    async fn track(&self, tracking: &Tracking, message: &Message) {
        let issues = tracking.steps(message);
        let all = issues.iter().map(|steps| async move {
            for step in steps {
                let left = between(self.host.clock.now(), self.until.get());
                let allowance = Allowance::new(self.host, TIMEOUT.min(left), self.ending.clone());
                let action = Action {
                    kind: tracking.tracker.kind(),
                    purpose: "track",
                    target: tracking.tracker.target(step),
                    attempts: 0,
                    id: None,
                    took: Duration::ZERO,
                };
                if left.is_zero() {
                    let why = "the two minutes for acting were over before it was begun";
                    let effect = Effect::because(ActionStatus::Failed, why);
                    self.note(effect.record(action, &self.host.output.redactor));
                    continue;
                }
                self.one(tracking.tracker.run(step, &allowance), action, &allowance).await;
            }
        });
        iter(all).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }

    /// Awaits one action within its time, and keeps its record.
    async fn one(
        &self,
        work: impl Future<Output = Effect> + Send,
        mut action: Action<'_>,
        allowance: &Allowance<'_>,
    ) -> Effect {
        let began = self.host.clock.now();
        let limit = allowance.span();
        let stopped = async {
            self.stopped().await;
            self.host.clock.sleep(GRACE).await;
        };
        let stopped = std::pin::pin!(stopped);
        let over = select(stopped, self.host.clock.sleep(limit));
        let effect = match select(std::pin::pin!(work), over).await {
            Either::Left((effect, _)) => effect,
            Either::Right((which, _)) => {
                let why = match which {
                    Either::Left(_) => "the run was ended before an answer came".to_owned(),
                    Either::Right(_) => {
                        format!("there was no answer within {}", span(limit))
                    }
                };
                Effect::because(ActionStatus::Unknown, format!("{why}; it may have been received"))
            }
        };
        action.attempts = allowance.attempts();
        action.took = between(began, self.host.clock.now());
        self.note(effect.clone().record(action, &self.host.output.redactor));
        effect
    }

    /// Keeps the record of an action and tells of it; where it stands.
    fn note(&self, action: ActionRecord) -> usize {
        let mut record = self.record.borrow_mut();
        record.actions.push(action);
        let action = record.actions.len() - 1;
        self.desk.borrow_mut().events(&record, &[Event::Acted { action }], self.host.clock.now());
        action
    }

    fn warn(&self, warning: String) {
        let mut record = self.record.borrow_mut();
        record.warnings.push(warning);
        self.desk.borrow_mut().events(&record, &[Event::Warned], self.host.clock.now());
    }

    fn save(&self) {
        self.desk.borrow_mut().save(&self.record.borrow());
    }

    /// Completes when the run is ending.
    fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut ending = self.ending.clone();
        async move {
            if ending.wait_for(|ending| *ending).await.is_err() {
                // Whoever could end the run is gone: nothing will.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Whether it is known that the rollback will not come.
fn failed(lines: &[RollbackLine]) -> bool {
    let open = lines.iter().any(|line| line.status.is_none());
    !open && lines.iter().any(|line| line.status != Some(ActionStatus::Confirmed))
}

#[cfg(test)]
mod tests;
