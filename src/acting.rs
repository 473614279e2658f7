//! What follows a verdict, in its order: the rollback first, then people and trackers all at the same time. Must not
//! change the verdict, and must not outlast its own time: two minutes, or five seconds after a signal.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::{Either, join, select};
use futures_util::stream::{BoxStream, FuturesUnordered, StreamExt as _, iter};
use tokio::sync::watch;

use crate::api::effect::Acted as Action;
use crate::api::{Allowance, Effect};
use crate::gate::outcome::{ActionRecord, ActionStatus, Record, Verdict};
use crate::host::Host;
use crate::host::clock::between;
use crate::host::signals::Signal;
use crate::notify::message::{Fact, Message, RollbackLine, Status, Told, plain};
use crate::notify::{Notice, TIMEOUT};
use crate::pipeline;
use crate::policy::notices::On;
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
    /// Who is told of what; empty for a run that sends nothing.
    pub notices: Vec<Notice>,
    /// What is written of what; empty for a run that sends nothing.
    pub trackings: Vec<Tracking>,
}

/// What was done, and whether a wanted rollback is confirmed.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Each action, in the order of their ends.
    pub actions: Vec<ActionRecord>,
    /// Whether the rollback is confirmed: also where none was wanted.
    pub confirmed: bool,
}

/// Does what `plan` says of the verdict in `record`. A first signal lets what is in flight finish, the same signal again
/// ends it at once.
pub(crate) async fn follow(
    plan: &Plan,
    record: &Record,
    host: &Host,
    signals: &mut BoxStream<'static, Signal>,
) -> Done {
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
    let phase = Phase { plan, record, host, ending, actions: RefCell::default() };
    let confirmed = match select(std::pin::pin!(phase.run()), std::pin::pin!(ended)).await {
        Either::Left((confirmed, _)) => Some(confirmed),
        Either::Right(_) => None,
    };
    let mut actions = phase.actions.take();
    if confirmed.is_none() && phase.rolls_back() {
        actions.extend(plan.rollback.abandoned(&actions));
    }
    Done { actions, confirmed: confirmed.unwrap_or(!phase.rolls_back()) }
}

/// The acting phase of one run.
struct Phase<'a> {
    plan: &'a Plan,
    record: &'a Record,
    host: &'a Host,
    /// Turns true when the run is ending.
    ending: watch::Receiver<bool>,
    /// What was done so far.
    actions: RefCell<Vec<ActionRecord>>,
}

impl Phase<'_> {
    fn rolls_back(&self) -> bool {
        self.plan.armed && self.record.verdict == Some(Verdict::Rollback) && self.record.cancelled.is_none()
    }

    /// Whether a wanted rollback is confirmed, or none was wanted.
    async fn run(&self) -> bool {
        if !self.rolls_back() {
            self.tell(self.on(), &[], &[]).await;
            return true;
        }
        let (answer, mut answered) = watch::channel(false);
        let rollback = async {
            let mut on_done = |action| {
                self.actions.borrow_mut().push(action);
                answer.send_replace(true);
            };
            act(&self.plan.rollback, self.record, self.host, self.stopped(), &mut on_done).await
        };
        let telling = async {
            let heard = std::pin::pin!(answered.wait_for(|answered| *answered));
            select(heard, self.host.clock.sleep(HEAR)).await;
            let lines = self.lines();
            let on = if failed(&lines) { On::RollbackFailed } else { On::Rollback };
            (on, self.tell(on, &lines, &[]).await)
        };
        let (acted, (on, told)) = join(rollback, telling).await;
        if !acted.confirmed && on == On::Rollback {
            // People have heard that it was requested, and must hear that it was not.
            self.tell(On::RollbackFailed, &self.lines(), &told).await;
        }
        acted.confirmed
    }

    /// What people are told of.
    fn on(&self) -> On {
        match self.record.verdict {
            _ if self.record.cancelled.is_some() => On::Cancelled,
            Some(Verdict::Pass) => On::Pass,
            Some(Verdict::Alert) => On::Alert,
            Some(Verdict::Inconclusive) | None => On::Inconclusive,
            Some(Verdict::Rollback) => On::Rollback,
        }
    }

    /// What is known of the rollback: what has ended, and the triggers that have not.
    fn lines(&self) -> Vec<RollbackLine> {
        let actions = self.actions.borrow();
        let done: Vec<&ActionRecord> = actions.iter().filter(|action| action.purpose == "rollback").collect();
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

    /// Tells all who want to hear of `on`, and writes what is to be written of it; `earlier` is what telling came to
    /// before, notice by notice. What it came to, notice by notice.
    async fn tell(
        &self,
        on: On,
        rollback: &[RollbackLine],
        earlier: &[Option<Effect>],
    ) -> Vec<Option<Effect>> {
        let told = Told {
            record: self.record,
            status: Status::Gate(on),
            rollback,
            pipeline: self.plan.rollback.pipeline.as_deref(),
            deployment: &self.plan.rollback.deployment.key,
            at: self.host.clock.now(),
        };
        let mut effects = vec![None; self.plan.notices.len()];
        let wanted = |notice: &Notice| notice.tells(on);
        let tracked = |tracking: &Tracking| tracking.on.contains(&on) && earlier.is_empty();
        if !self.plan.notices.iter().any(wanted) && !self.plan.trackings.iter().any(tracked) {
            return effects;
        }
        let message = self.signed(Message::of(&told, &self.host.output.redactor));
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
        let allowance = Allowance::new(self.host, notice.timeout, self.ending.clone());
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
                let allowance = Allowance::new(self.host, TIMEOUT, self.ending.clone());
                let action = Action {
                    kind: tracking.tracker.kind(),
                    purpose: "track",
                    target: tracking.tracker.target(step),
                    attempts: 0,
                    id: None,
                    took: Duration::ZERO,
                };
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
                        format!("there was no answer within {}", humantime::format_duration(limit))
                    }
                };
                Effect::because(ActionStatus::Unknown, format!("{why}; it may have been received"))
            }
        };
        action.attempts = allowance.attempts();
        action.took = between(began, self.host.clock.now());
        let kept = effect.clone().record(action, &self.host.output.redactor);
        self.actions.borrow_mut().push(kept);
        effect
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
