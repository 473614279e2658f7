//! The acting phase of a rollback: guards first, then every trigger at once, a record for each. Must not change the
//! verdict, and must not outlast its two minutes, or a signal by more than five seconds. May be dropped at any time.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::guards::{Guards, records};
use super::ledger::Ledger;
use super::{ACTING, Order, Trigger};
use crate::api::effect::Acted as Action;
use crate::api::keep::{End, keep};
use crate::api::{Allowance, Effect};
use crate::event::id::{Deployment, Parts, once_only};
use crate::event::{Event, Type, service};
use crate::gate::outcome::{ActionRecord, ActionStatus, Record};
use crate::host::Host;
use crate::host::clock::{between, later};

/// What a signal leaves to what is in flight.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// How long a trigger keeps the next one waiting at most.
const TURN: Duration = Duration::from_secs(10);

/// How this run would take a deployment back.
#[derive(Debug)]
pub struct Rollback {
    /// What is fired; all of it must confirm.
    pub triggers: Vec<Box<dyn Trigger>>,
    /// What may hold it back.
    pub guards: Guards,
    /// What is to be started, where the policy names it.
    pub pipeline: Option<String>,
    /// What tells this deployment from others.
    pub deployment: Deployment,
    /// Where it is kept what was rolled back, over several runs.
    pub state: Option<PathBuf>,
}

impl Rollback {
    /// The triggers' targets, for people.
    pub fn targets(&self) -> String {
        let targets: Vec<String> = self.triggers.iter().map(|trigger| trigger.target()).collect();
        targets.join(", ")
    }

    /// Kind and target of the triggers that none of `done` is about.
    pub(crate) fn open<'a>(
        &'a self,
        done: &[&ActionRecord],
    ) -> impl Iterator<Item = (&'static str, String)> + use<'a> {
        // Two triggers may be alike: each record is about one of them.
        let mut told: Vec<(String, String)> =
            done.iter().map(|a| (a.kind.clone(), a.target.clone())).collect();
        self.triggers.iter().filter_map(move |trigger| {
            let (kind, target) = (trigger.kind(), trigger.target());
            match told.iter().position(|(k, t)| k == kind && *t == target) {
                Some(at) => {
                    told.swap_remove(at);
                    None
                }
                None => Some((kind, target)),
            }
        })
    }

    /// What is to be told of the triggers that none of `done` is about, where a second signal ended the run at once.
    pub fn abandoned(&self, done: &[ActionRecord]) -> Vec<ActionRecord> {
        let done: Vec<&ActionRecord> = done.iter().filter(|action| action.purpose == "rollback").collect();
        if done.iter().any(|action| action.status == ActionStatus::Held) {
            return Vec::new();
        }
        let open = self.open(&done);
        open.map(|(kind, target)| ActionRecord {
            kind: kind.to_owned(),
            purpose: "rollback",
            target,
            status: ActionStatus::Unknown,
            http_status: None,
            attempts: 1,
            id: None,
            url: None,
            reason: Some(
                "a second signal ended the run before an answer came; it may have been received".to_owned(),
            ),
            response: None,
            took: Duration::ZERO,
            followed: None,
        })
        .collect()
    }
}

/// What firing came to.
#[derive(Debug, Default)]
pub struct Acted {
    /// Whether the rollback is confirmed: by every trigger, and without any trigger since none is wanted then.
    pub confirmed: bool,
    /// What was started, in the order in which that was told of.
    pub started: Vec<Started>,
    /// What people should know of keeping what was done.
    pub warnings: Vec<String>,
}

/// What a trigger has started.
#[derive(Debug)]
pub struct Started {
    /// The trigger, by its place in [`Rollback::triggers`].
    pub trigger: usize,
    /// What it came to.
    pub effect: Effect,
}

/// Takes the deployment of `record` back as `plan` says, and tells of each action once it is done. The triggers are
/// fired in the order of the policy: each once the one before has ended, or has taken ten
/// seconds.
///
/// Once `stop` completes nothing new is begun, retries included; what is in flight has five seconds, and what has
/// not ended by then is told of as unknown.
pub fn act<'a, S: Future<Output = ()>>(
    plan: &'a Rollback,
    record: &Record,
    host: &'a Host,
    stop: S,
    on_done: &'a mut dyn FnMut(ActionRecord),
) -> impl Future<Output = Acted> + use<'a, S> {
    // All that is asked of the record is asked now: it changes while its rollback goes on.
    let events = events(plan, record, host);
    let others = plan.guards.held(record, host.clock.now());
    let state = plan.state.as_deref();
    let ledger = Ledger::new(state, &plan.deployment.key, record, &plan.triggers, &events, host);
    async move {
        if plan.triggers.is_empty() {
            return Acted { confirmed: true, ..Acted::default() };
        }
        let began = host.clock.now();
        let held = ledger.open(others, &plan.guards.written).await;
        if !held.is_empty() {
            records(held, &plan.targets()).into_iter().for_each(|action| on_done(shown(action, host)));
            return Acted { warnings: ledger.warnings(), ..Acted::default() };
        }
        let mut acted = fire(plan, &events, &ledger, began, stop, on_done).await;
        acted.warnings = ledger.warnings();
        acted
    }
}

/// Fires what no guard holds back.
async fn fire(
    plan: &Rollback,
    events: &[Event],
    ledger: &Ledger<'_>,
    began: Timestamp,
    stop: impl Future<Output = ()>,
    on_done: &mut dyn FnMut(ActionRecord),
) -> Acted {
    let host = ledger.host;
    let until = later(began, ACTING);
    let (end_run, ending) = tokio::sync::watch::channel(false);
    let order = |event| Order { event, allowance: Allowance::new(host, ACTING, ending.clone()) };
    let orders: Vec<Order<'_>> = events.iter().map(order).collect();
    let mut turns = turns(orders.len());
    let mut flying: FuturesUnordered<_> = plan
        .triggers
        .iter()
        .zip(&orders)
        .zip(turns.drain(..))
        .enumerate()
        .map(|(index, ((trigger, order), turn))| async move {
            (index, turn.take(once(ledger, index, &**trigger, order), order).await)
        })
        .collect();
    let acted = Acted { confirmed: true, ..Acted::default() };
    let mut done = Done { plan, orders: &orders, host, began, open: vec![true; orders.len()], acted };
    let mut stop = std::pin::pin!(stop);
    let mut stopped = false;
    let mut over = host.clock.sleep_until(until);
    let mut never_begun = Vec::new();
    loop {
        tokio::select! {
            // A stop that was there before anything began must be seen first.
            biased;
            () = &mut stop, if !stopped => {
                stopped = true;
                end_run.send_replace(true);
                over = host.clock.sleep_until(later(host.clock.now(), GRACE).min(until));
            }
            ended = flying.next() => match ended {
                Some((index, effect)) => done.take(index, effect, on_done),
                None => break,
            },
            () = &mut over => {
                let why = if stopped { "the run was ended" } else { "the two minutes for acting were over" };
                never_begun = done.give_up(why, on_done);
                break;
            }
        }
    }
    drop(flying);
    for (index, effect) in never_begun {
        ledger.end(index, &effect).await;
    }
    done.acted
}

/// Fires a trigger that no earlier run has fired, and keeps what came of it.
async fn once(ledger: &Ledger<'_>, index: usize, trigger: &dyn Trigger, order: &Order<'_>) -> Effect {
    // Nothing is kept of what would not begin.
    if !order.allowance.ended()
        && let Some(known) = ledger.begin(index, &order.allowance).await
    {
        return known;
    }
    let effect = trigger.fire(order).await;
    ledger.end(index, &effect).await;
    effect
}

/// A trigger's place in the order of the policy.
struct Turn {
    /// Completes, or is dropped, when it is this trigger's turn; `None` for the first.
    mine: Option<oneshot::Receiver<()>>,
    /// Lets the next one begin.
    next: oneshot::Sender<()>,
}

fn turns(count: usize) -> Vec<Turn> {
    let mut mine = None;
    let turn = |_| {
        let (next, waiting) = oneshot::channel();
        Turn { mine: mine.replace(waiting), next }
    };
    (0..count).map(turn).collect()
}

impl Turn {
    async fn take(self, fire: impl Future<Output = Effect>, order: &Order<'_>) -> Effect {
        if let Some(mine) = self.mine {
            // However the one before ended, dropped included, it is this one's turn then.
            let _ = mine.await;
        }
        match select(std::pin::pin!(fire), order.allowance.host.clock.sleep(TURN)).await {
            Either::Left((effect, _)) => effect,
            Either::Right(((), firing)) => {
                let _ = self.next.send(());
                firing.await
            }
        }
    }
}

/// An event for each trigger: each has a once-only id of its own.
fn events(plan: &Rollback, record: &Record, host: &Host) -> Vec<Event> {
    let mut known: Vec<String> = Vec::with_capacity(plan.triggers.len());
    let mut event = |trigger: &dyn Trigger| {
        let identity = format!("{} {}", trigger.kind(), trigger.identity());
        let twins = known.iter().filter(|earlier| **earlier == identity).count();
        // Two requests to one address are two requests: with one id the receiver would drop the second.
        let target = if twins == 0 { identity.clone() } else { format!("{identity} #{}", twins + 1) };
        known.push(identity);
        let id = once_only(&Parts {
            purpose: "rollback",
            target: &target,
            policy: &record.policy,
            service: service(record),
            environment: record.environment.as_deref(),
            version: record.version.as_deref(),
            deployment: &plan.deployment.key,
        });
        Event::new(Type::Rollback, record, plan.pipeline.as_deref(), id, &host.output.redactor)
    };
    plan.triggers.iter().map(|trigger| event(&**trigger)).collect()
}

/// What has ended so far.
struct Done<'a> {
    plan: &'a Rollback,
    orders: &'a [Order<'a>],
    host: &'a Host,
    began: Timestamp,
    open: Vec<bool>,
    acted: Acted,
}

impl Done<'_> {
    fn take(&mut self, index: usize, effect: Effect, on_done: &mut dyn FnMut(ActionRecord)) {
        let (Some(trigger), Some(order)) = (self.plan.triggers.get(index), self.orders.get(index)) else {
            return;
        };
        if let Some(open) = self.open.get_mut(index) {
            *open = false;
        }
        self.acted.confirmed &= effect.status == ActionStatus::Confirmed;
        self.acted.started.push(Started { trigger: index, effect: effect.clone() });
        let action = Action {
            kind: trigger.kind(),
            purpose: "rollback",
            target: trigger.target(),
            attempts: order.allowance.attempts(),
            id: Some(order.event.id.clone()),
            took: between(self.began, self.host.clock.now()),
        };
        on_done(effect.record(action, &self.host.output.redactor));
    }

    /// Tells of all that has not ended: it may have happened, unless nothing was begun, which is returned.
    fn give_up(&mut self, why: &str, on_done: &mut dyn FnMut(ActionRecord)) -> Vec<(usize, Effect)> {
        let mut never_begun = Vec::new();
        let open: Vec<usize> = (0..self.open.len()).filter(|i| self.open.get(*i) == Some(&true)).collect();
        for index in open {
            let begun = self.orders.get(index).is_some_and(|order| order.allowance.attempts() > 0);
            let effect = if begun {
                let reason = format!("{why} before an answer came; it may have been received");
                Effect::because(ActionStatus::Unknown, reason)
            } else {
                let effect =
                    Effect::because(ActionStatus::Failed, format!("{why} before anything was begun"));
                never_begun.push((index, effect.clone()));
                effect
            };
            self.take(index, effect, on_done);
        }
        never_begun
    }
}

/// `action` as it may be shown: what came from outside is masked, on one line and cut.
fn shown(mut action: ActionRecord, host: &Host) -> ActionRecord {
    let kept = |text: String| keep(&host.output.redactor, &text, End::First);
    action.target = kept(action.target).unwrap_or_default();
    action.url = action.url.and_then(kept);
    action.reason = action.reason.and_then(kept);
    action.response = action.response.and_then(kept);
    action
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::env::Env;
    use crate::rollback::testing::{Answer, FakeHttp, fire, host, plan, real_host, record, start};

    const HOOK: &str = "kind: webhook\nurl: https://h.example/r\n";
    const TWO: &str =
        "- {kind: webhook, url: \"https://h.example/r\"}\n- {kind: webhook, url: \"https://h.example/r\"}\n";

    async fn stopped_after(span: Option<Duration>, script: &[Answer]) -> (Vec<ActionRecord>, bool, FakeHttp) {
        let (host, http) = host(script);
        let mut actions = Vec::new();
        let clock = host.clock.clone();
        let stop = async move {
            if let Some(span) = span {
                clock.sleep(span).await;
            }
        };
        let plan = plan(HOOK, &host);
        let confirmed =
            act(&plan, &record(), &host, stop, &mut |action| actions.push(action)).await.confirmed;
        (actions, confirmed, http)
    }

    #[tokio::test]
    async fn every_trigger_must_confirm_and_has_an_id_of_its_own() {
        let (both, confirmed) = fire(TWO, &host(&[Answer::Status(200, "")]).0).await;
        assert!(confirmed);
        assert_eq!(both.len(), 2);
        assert_ne!(both[0].id, both[1].id);
        let script = [Answer::Status(200, ""), Answer::Status(404, "")];
        let (one, confirmed) = fire(TWO, &host(&script).0).await;
        assert!(!confirmed);
        assert_eq!(one.iter().map(|a| a.status.word()).collect::<Vec<_>>(), ["confirmed", "failed"]);
        let (again, _) = fire(TWO, &host(&[Answer::Status(200, "")]).0).await;
        assert_eq!(
            again.iter().map(|a| &a.id).collect::<Vec<_>>(),
            both.iter().map(|a| &a.id).collect::<Vec<_>>()
        );
    }

    #[tokio::test]
    async fn triggers_are_fired_in_order_and_none_waits_for_ever() {
        let after = |seconds| Answer::After(Duration::from_secs(seconds), 200);
        for (first, second) in [(4, 4), (40, 10)] {
            let (host, http) = host(&[after(first), Answer::Status(200, "")]);
            let yaml = TWO.replacen("https://h.example/r", "https://h.example/first", 1);
            let (actions, confirmed) = fire(&yaml, &host).await;
            let begun = {
                let seen = http.seen.lock().unwrap();
                seen.iter()
                    .map(|(at, r)| (r.url.path().to_owned(), between(start(), *at).as_secs()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                begun[..2].iter().find(|(path, _)| path == "/first").map(|(_, at)| *at),
                Some(0),
                "{actions:?}"
            );
            assert_eq!(begun.iter().find(|(path, _)| path == "/r").map(|(_, at)| *at), Some(second));
            assert!(confirmed || first > 10, "{actions:?}");
        }
    }

    #[tokio::test]
    async fn a_guard_that_holds_lets_nothing_through() {
        let (host, http) = host(&[Answer::Status(200, "")]);
        let mut held = plan(HOOK, &host);
        held.guards =
            Guards::new(true, Some("the migration drops a column"), &Env::default(), Default::default());
        let mut actions = Vec::new();
        let confirmed =
            act(&held, &record(), &host, std::future::pending(), &mut |action| actions.push(action))
                .await
                .confirmed;
        assert!(!confirmed && http.seen.lock().unwrap().is_empty());
        let shown: Vec<_> = actions.iter().map(|a| (a.kind.as_str(), a.status)).collect();
        assert_eq!(shown, [("is_rollback", ActionStatus::Held), ("no_rollback", ActionStatus::Held)]);
        assert_eq!(actions[0].target, "https://h.example/r");
    }

    #[tokio::test]
    async fn without_a_trigger_nothing_is_wanted() {
        let (host, _) = host(&[]);
        let mut none = plan(HOOK, &host);
        none.triggers.clear();
        let mut told = |_| panic!("nothing was done");
        assert!(act(&none, &record(), &host, std::future::pending(), &mut told).await.confirmed);
    }

    #[tokio::test]
    async fn a_stop_lets_what_is_in_flight_end() {
        let soon = Some(Duration::from_secs(1));
        let (actions, confirmed, _) =
            stopped_after(soon, &[Answer::After(Duration::from_secs(4), 200)]).await;
        assert!(confirmed);
        assert_eq!(actions[0].took.as_secs(), 4);
    }

    #[tokio::test]
    async fn a_stop_waits_no_longer_than_five_seconds() {
        let soon = Some(Duration::from_secs(1));
        let (actions, confirmed, _) =
            stopped_after(soon, &[Answer::After(Duration::from_secs(7), 200)]).await;
        assert!(!confirmed);
        assert_eq!((actions[0].status, actions[0].attempts), (ActionStatus::Unknown, 1));
        assert_eq!(actions[0].took.as_secs(), 6);
        assert!(actions[0].id.is_some());
    }

    #[tokio::test]
    async fn a_stop_begins_nothing_new() {
        let busy = [Answer::Header(503, "retry-after", "30"), Answer::Status(200, "")];
        let (actions, confirmed, http) = stopped_after(Some(Duration::from_secs(1)), &busy).await;
        assert!(!confirmed);
        assert_eq!((actions[0].status, actions[0].took.as_secs()), (ActionStatus::Failed, 1));
        assert_eq!(http.seen.lock().unwrap().len(), 1);
        let (actions, confirmed, http) = stopped_after(None, &[Answer::Status(200, "")]).await;
        assert!(!confirmed && http.seen.lock().unwrap().is_empty());
        assert_eq!((actions[0].status, actions[0].attempts), (ActionStatus::Failed, 0));
    }

    #[derive(Debug)]
    struct Endless;

    impl Trigger for Endless {
        fn kind(&self) -> &'static str {
            "endless"
        }

        fn target(&self) -> String {
            "nobody".to_owned()
        }

        fn budget(&self) -> Duration {
            Duration::MAX
        }

        fn fire<'a>(&'a self, order: &'a Order<'a>) -> futures_util::future::BoxFuture<'a, Effect> {
            assert!(order.allowance.begin());
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn acting_ends_after_two_minutes() {
        let (host, _) = host(&[Answer::Status(200, "")]);
        let mut plan = plan(HOOK, &host);
        plan.triggers.push(Box::new(Endless));
        let mut actions = Vec::new();
        let confirmed =
            act(&plan, &record(), &host, std::future::pending(), &mut |action| actions.push(action))
                .await
                .confirmed;
        assert!(!confirmed);
        let ends: Vec<_> = actions.iter().map(|a| (a.status.word(), a.took.as_secs())).collect();
        assert_eq!(ends, [("confirmed", 0), ("unknown", 120)]);
    }

    #[tokio::test]
    async fn a_real_receiver_confirms() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut got = Vec::new();
            while !got.ends_with(b"]}") {
                assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0);
            }
            stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 6\r\n\r\nqueued").await.unwrap();
            String::from_utf8(got).unwrap()
        });
        let yaml = format!("kind: webhook\nurl: http://{address}/hook\nsecret_ref: hook-secret\n");
        let (actions, confirmed) = fire(&yaml, &real_host()).await;
        let got = receiver.await.unwrap();
        assert!(confirmed, "{actions:?}");
        assert_eq!((actions[0].http_status, actions[0].response.as_deref()), (Some(202), Some("queued")));
        assert!(got.starts_with("POST /hook HTTP/1.1\r\n"), "{got}");
        assert!(
            got.contains("x-hub-signature-256: sha256=") && got.contains("webhook-signature: v1,"),
            "{got}"
        );
    }

    /// A clock on which back-off takes no time, and no time-out ever comes.
    struct Eager;

    impl crate::host::clock::Clock for Eager {
        fn now(&self) -> Timestamp {
            start()
        }

        fn sleep_until(&self, at: Timestamp) -> futures_util::future::BoxFuture<'static, ()> {
            if between(start(), at) < Duration::from_secs(10) {
                return Box::pin(std::future::ready(()));
            }
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_real_port_that_nobody_listens_on_refuses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut host = real_host();
        host.clock = std::sync::Arc::new(Eager);
        let (actions, confirmed) = fire(&format!("kind: webhook\nurl: http://{address}/\n"), &host).await;
        assert!(!confirmed);
        assert_eq!(actions[0].status, ActionStatus::Failed, "{actions:?}");
        assert!(actions[0].reason.as_ref().unwrap().contains("refused"), "{actions:?}");
    }
}
