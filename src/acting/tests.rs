//! The acting phase on a virtual clock: its order, its time, and what people hear. Must not reach the network.
#![expect(clippy::disallowed_methods, reason = "the files of a run are looked at as others see them")]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream;

use super::*;
use crate::event::id::Deployment;
use crate::gate::outcome::Cancelled;
use crate::notify::Channel;
use crate::policy::problem::Place;
use crate::rollback::guards::Guards;
use crate::rollback::testing::{host, record, start};
use crate::rollback::{Order, Standing, Trigger};

/// What happened, with the second at which it did.
type Log = Arc<Mutex<Vec<(u64, String)>>>;

/// Writes down what happens.
#[derive(Clone)]
struct Scribe {
    log: Log,
    clock: Arc<dyn crate::host::clock::Clock>,
}

impl Scribe {
    fn write(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push((between(start(), self.clock.now()).as_secs(), what.into()));
    }
}

impl std::fmt::Debug for Scribe {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

/// A trigger that answers after so many seconds, and can be followed along what is left of `stands`.
#[derive(Debug)]
struct Fake {
    name: &'static str,
    after: u64,
    effect: Effect,
    honours: bool,
    preflight: Option<(u64, Result<(), String>)>,
    stands: Option<Mutex<VecDeque<Result<Standing, String>>>>,
    scribe: Scribe,
}

impl Trigger for Fake {
    fn kind(&self) -> &'static str {
        "fake"
    }

    fn target(&self) -> String {
        self.name.to_owned()
    }

    fn budget(&self) -> Duration {
        ACTING
    }

    fn honours_id(&self) -> bool {
        self.honours
    }

    fn preflight<'a>(&'a self, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let Some((after, answer)) = &self.preflight else { return Ok(()) };
            allowance.host.clock.sleep(Duration::from_secs(*after)).await;
            answer.clone()
        })
    }

    fn follow<'a>(
        &'a self,
        started: &'a Effect,
        _: &'a Allowance<'a>,
    ) -> Option<BoxFuture<'a, Result<Standing, String>>> {
        let stands = self.stands.as_ref()?;
        self.scribe.write(format!("{} asked for {}", self.name, started.handle.as_deref().unwrap_or("?")));
        let mut stands = stands.lock().unwrap();
        let stand = if stands.len() > 1 { stands.pop_front() } else { stands.front().cloned() };
        Some(Box::pin(std::future::ready(stand.unwrap())))
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            if !order.allowance.begin() {
                return Effect::because(ActionStatus::Failed, "the run was ended");
            }
            self.scribe.write(format!("{} fired", self.name));
            order.allowance.host.clock.sleep(Duration::from_secs(self.after)).await;
            self.effect.clone()
        })
    }
}

/// A channel that answers after so many seconds, or never.
#[derive(Debug)]
struct Chat {
    after: Option<u64>,
    scribe: Scribe,
}

impl Channel for Chat {
    fn kind(&self) -> &'static str {
        "chat"
    }

    fn target(&self) -> String {
        "people".to_owned()
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        earlier: Option<&'a Effect>,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            allowance.begin();
            let lines: Vec<String> = message
                .rollback
                .iter()
                .map(|line| format!("{} {}", line.target, line.status.map_or("open", ActionStatus::word)))
                .collect();
            let word = crate::policy::notices::Locale::En.status(message.status);
            let thread = earlier.and_then(|earlier| earlier.handle.as_deref()).unwrap_or("new");
            self.scribe.write(format!("people hear {word:?} in {thread}: {}", lines.join(", ")));
            match self.after {
                Some(after) => allowance.host.clock.sleep(Duration::from_secs(after)).await,
                None => std::future::pending().await,
            }
            Effect { handle: Some("thread".to_owned()), ..Effect::confirmed(200) }
        })
    }
}

/// Tells of what the desk is told and saves.
struct Paper(Scribe);

impl Watcher for Paper {
    fn events(&mut self, record: &Record, events: &[Event], _: Timestamp) {
        for event in events {
            let said = match *event {
                Event::Acted { action } => {
                    let action = &record.actions[action];
                    let why = action.reason.as_deref().unwrap_or_default();
                    format!("{} {} {} {why}", action.purpose, action.target, action.status.word())
                }
                Event::Followed { action } => {
                    let followed = record.actions[action].followed.as_ref().unwrap();
                    format!(
                        "{} stands: {} {:?}",
                        record.actions[action].target, followed.words, followed.well
                    )
                }
                Event::Warned => format!("warning: {}", record.warnings.last().unwrap()),
                _ => continue,
            };
            self.0.write(said.trim_end().to_owned());
        }
    }

    fn redraw(&mut self, _: &Record, _: Timestamp) {}

    fn save(&mut self, record: &Record) {
        self.0.write(format!("saved with {} actions", record.actions.len()));
    }
}

/// A phase to play: its triggers, its channels, its signals, and what came of it.
struct Stage {
    host: Host,
    scribe: Scribe,
    plan: Plan,
    record: Record,
    signals: Vec<u64>,
}

impl Stage {
    fn new() -> Self {
        let host = host(&[]).0;
        let scribe = Scribe { log: Log::default(), clock: host.clock.clone() };
        let rollback = Rollback {
            triggers: Vec::new(),
            guards: Guards::default(),
            pipeline: None,
            deployment: Deployment { key: "id:d-1".into(), warning: None },
            state: None,
        };
        let plan = Plan { rollback, armed: true, wait: None, notices: Vec::new(), trackings: Vec::new() };
        Self { host, scribe, plan, record: record(), signals: Vec::new() }
    }

    fn trigger(mut self, name: &'static str, after: u64, status: ActionStatus) -> Self {
        self.plan.rollback.triggers.push(Box::new(self.fake(name, after, status)));
        self
    }

    fn fake(&self, name: &'static str, after: u64, status: ActionStatus) -> Fake {
        let effect = Effect { handle: Some("7".into()), ..Effect::of(status) };
        let scribe = self.scribe.clone();
        Fake { name, after, effect, honours: false, preflight: None, stands: None, scribe }
    }

    /// A trigger that confirms at once, and is then followed.
    fn followed(mut self, stands: &[Result<Standing, String>]) -> Self {
        let mut fake = self.fake("ci", 0, ActionStatus::Confirmed);
        fake.stands = Some(Mutex::new(stands.iter().cloned().collect()));
        self.plan.rollback.triggers.push(Box::new(fake));
        self.plan.wait = Some(Wait { timeout: Duration::from_secs(150), interval: Duration::from_secs(10) });
        self
    }

    fn channel(mut self, on: &[On], after: Option<u64>) -> Self {
        let channel = Box::new(Chat { after, scribe: self.scribe.clone() });
        self.plan.notices.push(Notice { on: on.to_vec(), channel, timeout: TIMEOUT });
        self
    }

    fn signals(mut self, seconds: &[u64]) -> Self {
        self.signals = seconds.to_vec();
        self
    }

    async fn play(&mut self) -> bool {
        let clock = self.host.clock.clone();
        let signals = stream::iter(self.signals.clone()).then(move |second| {
            let sleep = clock.sleep_until(later(start(), Duration::from_secs(second)));
            sleep.map(|()| Signal::Terminate)
        });
        let mut signals = signals.chain(stream::pending()).boxed();
        let mut paper = Paper(self.scribe.clone());
        follow(&self.plan, &mut self.record, &self.host, &mut signals, &mut paper).await
    }

    /// What happened, savings left out.
    fn seen(&self) -> Vec<String> {
        let log = self.scribe.log.lock().unwrap();
        let seen = log.iter().filter(|(_, what)| !what.starts_with("saved"));
        seen.map(|(second, what)| format!("{second} {what}")).collect()
    }

    fn seconds(&self) -> u64 {
        between(start(), self.host.clock.now()).as_secs()
    }
}

fn stand(words: &str, ended: Option<bool>) -> Result<Standing, String> {
    Ok(Standing { words: words.to_owned(), ended, url: None, handle: None })
}

fn place(start: u32) -> Place {
    Place { source: 0, start, end: start }
}

const ALL: &[On] = &[On::Pass, On::Rollback, On::Cancelled];

#[tokio::test]
async fn people_hear_after_the_first_answer_and_of_what_is_open() {
    use ActionStatus::{Confirmed, Failed};
    let mut stage = Stage::new().trigger("a", 2, Confirmed).trigger("b", 20, Failed).channel(ALL, Some(1));
    assert!(!stage.play().await);
    assert_eq!(
        stage.seen(),
        [
            "0 a fired",
            "2 rollback a confirmed",
            "2 b fired",
            "2 people hear \"rollback\" in new: a confirmed, b open",
            "3 notify people confirmed",
            "22 rollback b failed",
            "22 people hear \"ROLLBACK FAILED\" in thread: a confirmed, b failed",
            "23 notify people confirmed",
        ]
    );
}

#[tokio::test]
async fn people_wait_five_seconds_for_a_slow_answer() {
    let mut stage = Stage::new().trigger("a", 60, ActionStatus::Confirmed).channel(&[On::Rollback], Some(0));
    assert!(stage.play().await);
    let expected = [
        "0 a fired",
        "5 people hear \"rollback\" in new: a open",
        "5 notify people confirmed",
        "60 rollback a confirmed",
    ];
    assert_eq!(stage.seen(), expected);
    let mut failed =
        Stage::new().trigger("a", 0, ActionStatus::Failed).channel(&[On::RollbackFailed], Some(0));
    assert!(!failed.play().await);
    assert_eq!(failed.seen()[2], "0 people hear \"ROLLBACK FAILED\" in new: a failed");
    assert_eq!(failed.seen().len(), 4, "it is told once");
}

#[tokio::test]
async fn a_channel_that_hangs_costs_its_time_out_and_changes_nothing() {
    let mut stage = Stage::new()
        .trigger("a", 1, ActionStatus::Confirmed)
        .channel(ALL, None)
        .channel(ALL, Some(3))
        .channel(&[On::Pass], Some(0));
    assert!(stage.play().await);
    assert_eq!(stage.seconds(), 11);
    let told: Vec<_> = stage.seen().split_off(4);
    assert_eq!(
        told,
        [
            "4 notify people confirmed",
            "11 notify people unknown there was no answer within 10s; it may have been received"
        ]
    );
}

#[tokio::test]
async fn what_was_done_is_saved_before_anybody_is_waited_for() {
    let mut stage = Stage::new().trigger("a", 1, ActionStatus::Confirmed).channel(ALL, None);
    stage.play().await;
    let log = stage.scribe.log.lock().unwrap();
    let place = |what: &str| log.iter().position(|(_, said)| said.starts_with(what)).unwrap();
    assert!(place("saved with 1") < place("people hear"), "{log:?}");
}

#[tokio::test]
async fn other_verdicts_are_told_and_fire_nothing() {
    for (verdict, cancelled, armed, expected) in [
        (
            Some(Verdict::Pass),
            None,
            true,
            &["0 people hear \"passed\" in new: ", "0 notify people confirmed"][..],
        ),
        (Some(Verdict::Alert), None, true, &[]),
        (
            None,
            Some(Cancelled::Terminate),
            true,
            &["0 people hear \"cancelled\" in new: ", "0 notify people confirmed"],
        ),
        (
            Some(Verdict::Rollback),
            None,
            false,
            &["0 people hear \"rollback\" in new: a open", "0 notify people confirmed"],
        ),
    ] {
        let mut stage = Stage::new().trigger("a", 0, ActionStatus::Confirmed).channel(ALL, Some(0));
        stage.record.verdict = verdict;
        stage.record.cancelled = cancelled;
        stage.plan.armed = armed;
        assert!(stage.play().await);
        if armed {
            assert_eq!(stage.seen(), expected, "{verdict:?}");
        } else {
            assert!(stage.seen()[0].starts_with("0 people hear \"rollback\""), "{:?}", stage.seen());
        }
    }
}

#[tokio::test]
async fn a_signal_while_people_are_told_ends_it_in_five_seconds() {
    let mut stage = Stage::new().trigger("a", 1, ActionStatus::Confirmed).channel(ALL, None).signals(&[3]);
    assert!(stage.play().await, "what is confirmed stays confirmed");
    assert_eq!(stage.seconds(), 8);
    assert!(stage.seen()[3].starts_with("8 notify people unknown the run was ended before an answer came"));
    // The same signal again ends it at once.
    let mut stage = Stage::new().trigger("a", 1, ActionStatus::Confirmed).channel(ALL, None).signals(&[3, 4]);
    assert!(stage.play().await);
    assert_eq!(stage.seconds(), 4);
    let mut stage = Stage::new().trigger("a", 9, ActionStatus::Confirmed).signals(&[3, 4]);
    assert!(!stage.play().await);
    assert!(stage.seen()[1].starts_with("4 rollback a unknown a second signal ended the run"));
}

#[tokio::test]
async fn a_rollback_that_takes_all_the_time_is_still_told_of() {
    let mut stage = Stage::new().trigger("a", 500, ActionStatus::Confirmed).channel(ALL, Some(2));
    assert!(!stage.play().await);
    assert_eq!(stage.seconds(), 122);
    assert!(stage.seen()[3].starts_with("120 rollback a unknown the two minutes for acting were over"));
    assert_eq!(stage.seen()[4], "120 people hear \"ROLLBACK FAILED\" in thread: a unknown");
}

#[tokio::test]
async fn what_was_started_is_followed_to_its_end() {
    let stands = [
        stand("queued", None),
        Ok(Standing {
            words: "running".into(),
            ended: None,
            url: Some("https://ci.example/8".into()),
            handle: Some("8".into()),
        }),
        Err("the token is not accepted".into()),
        stand("success", Some(true)),
    ];
    let mut stage = Stage::new().followed(&stands).channel(ALL, Some(1)).channel(&[On::Pass], Some(0));
    assert!(stage.play().await);
    assert_eq!(
        stage.seen(),
        [
            "0 ci fired",
            "0 rollback ci confirmed",
            "0 people hear \"rollback\" in new: ci confirmed",
            "1 notify people confirmed",
            "1 ci asked for 7",
            "1 ci stands: queued None",
            "11 ci asked for 7",
            "11 ci stands: running None",
            "21 ci asked for 8",
            "21 ci stands: it cannot be asked: the token is not accepted None",
            "31 ci asked for 8",
            "31 ci stands: success Some(true)",
            "31 people hear \"rolled back\" in thread: ci confirmed",
            "32 notify people confirmed",
        ]
    );
    let action = &stage.record.actions[0];
    assert_eq!(action.url.as_deref(), Some("https://ci.example/8"));
    assert_eq!(action.followed.as_ref().unwrap().took, Duration::from_secs(30));
}

#[tokio::test]
async fn what_does_not_end_well_is_no_rollback() {
    let ended = [stand("queued", None), stand("failure", Some(false))];
    let mut stage = Stage::new().followed(&ended).channel(ALL, Some(0));
    assert!(!stage.play().await);
    assert_eq!(stage.seen()[8], "10 people hear \"ROLLBACK FAILED\" in thread: ci confirmed");
    assert_eq!(stage.record.actions[0].status, ActionStatus::Confirmed);

    let mut stage = Stage::new().followed(&[stand("running", None)]).channel(ALL, Some(0));
    assert!(!stage.play().await);
    let seen = stage.seen();
    let stands: Vec<_> = seen.iter().filter(|said| said.contains("stands")).collect();
    assert_eq!(
        stands,
        [
            "0 ci stands: running None",
            "60 ci stands: running None",
            "120 ci stands: running None",
            "150 ci stands: it had not ended within 2m 30s; last: running None",
        ]
    );
    assert_eq!(seen[seen.len() - 2], "150 people hear \"ROLLBACK FAILED\" in thread: ci confirmed");
}

#[tokio::test]
async fn what_cannot_be_followed_says_so_once() {
    let mut stage = Stage::new().trigger("a", 0, ActionStatus::Confirmed).channel(&[On::Rollback], Some(0));
    stage.plan.wait = Some(Wait { timeout: ACTING, interval: TIMEOUT });
    assert!(stage.play().await);
    assert_eq!(stage.seconds(), 0);
    assert_eq!(stage.seen()[4..], ["0 a stands: its system cannot tell None".to_owned()]);
    // Beside one that can be followed it keeps nobody from hearing of the end.
    let mut stage = Stage::new().followed(&[stand("success", Some(true))]).channel(&[On::Rollback], Some(0));
    stage = stage.trigger("a", 0, ActionStatus::Confirmed);
    assert!(stage.play().await);
    assert!(
        stage.seen().iter().any(|said| said.contains("people hear \"rolled back\"")),
        "{:?}",
        stage.seen()
    );
    // Of one of several that has failed, the others are followed, and nobody is told that it is done.
    let mut stage = Stage::new().followed(&[stand("success", Some(true))]).channel(&[On::Rollback], Some(0));
    stage = stage.trigger("a", 0, ActionStatus::Failed);
    assert!(!stage.play().await);
    let seen = stage.seen();
    assert!(seen.iter().any(|said| said.ends_with("ci stands: success Some(true)")), "{seen:?}");
    assert!(!seen.iter().any(|said| said.contains("rolled back")), "{seen:?}");
}

#[tokio::test]
async fn a_signal_while_following_keeps_what_is_known() {
    for signals in [&[25][..], &[25, 26]] {
        let mut stage =
            Stage::new().followed(&[stand("running", None)]).channel(ALL, Some(0)).signals(signals);
        assert!(stage.play().await);
        assert_eq!(stage.seconds(), 25);
        let followed = stage.record.actions[0].followed.clone().unwrap();
        assert_eq!(followed.words, "the run was ended before it was; last: running");
        assert_eq!((followed.well, followed.goes_on), (None, false));
        assert_eq!(stage.seen().last().unwrap(), &format!("25 ci stands: {} None", followed.words));
    }
}

/// Plays a run over the state file `path` whose trigger honours ids or not; whether it is confirmed, and what it said.
async fn run_over(path: &Path, honours: bool, status: ActionStatus) -> (bool, Vec<String>, Record) {
    let mut stage = Stage::new();
    let mut fake = stage.fake("a", 1, status);
    fake.honours = honours;
    stage.plan.rollback.triggers.push(Box::new(fake));
    stage.plan.rollback.state = Some(path.to_owned());
    stage.record.run_id = format!("run_{honours}");
    let confirmed = stage.play().await;
    (confirmed, stage.seen(), stage.record)
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_state_file_keeps_a_confirmed_rollback_from_being_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let (confirmed, seen, _) = run_over(&path, false, ActionStatus::Confirmed).await;
    assert!(confirmed && seen[0] == "0 a fired", "{seen:?}");
    let steps: Vec<_> = lines(&path).iter().map(|line| line["step"].as_str().unwrap().to_owned()).collect();
    assert_eq!(steps, ["intent", "end"]);
    let (confirmed, seen, record) = run_over(&path, true, ActionStatus::Confirmed).await;
    assert!(confirmed);
    assert_eq!(
        seen,
        [
            "0 rollback a confirmed already triggered for this deployment at 2023-11-14T22:13:21Z by run_false: not sent again"
        ]
    );
    assert_eq!(record.actions[0].attempts, 0);
    assert_eq!(lines(&path).len(), 2);
}

#[tokio::test]
async fn what_an_earlier_run_has_started_is_followed_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    for (stands, confirmed) in [("failure", false), ("success", true)] {
        let mut stage = Stage::new().followed(&[stand(stands, Some(confirmed))]);
        stage.plan.rollback.state = Some(path.to_owned());
        assert_eq!(stage.play().await, confirmed);
        assert!(stage.seen().contains(&"0 ci asked for 7".to_owned()), "{:?}", stage.seen());
    }
    assert_eq!(lines(&path).len(), 2);
}

#[tokio::test]
async fn a_rollback_that_failed_may_be_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    assert!(!run_over(&path, false, ActionStatus::Failed).await.0);
    assert!(run_over(&path, false, ActionStatus::Confirmed).await.0);
    assert_eq!(lines(&path).len(), 4);
}

#[tokio::test]
async fn a_rollback_of_which_nobody_knows_the_end_is_sent_again_only_with_an_id_that_is_honoured() {
    for (honours, fired) in [(true, true), (false, false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (confirmed, ..) = run_over(&path, honours, ActionStatus::Unknown).await;
        assert!(!confirmed);
        // A torn line is what a killed run leaves.
        let mut text = std::fs::read(&path).unwrap();
        text.extend(b"{\"schema\":\"rollga");
        std::fs::write(&path, text).unwrap();
        let (confirmed, seen, record) = run_over(&path, honours, ActionStatus::Confirmed).await;
        assert_eq!(confirmed, fired, "{seen:?}");
        assert_eq!(seen.iter().any(|said| said.ends_with("a fired")), fired, "{seen:?}");
        if !fired {
            // So long the other run may have been at it.
            assert_eq!(record.actions[0].status, ActionStatus::Unknown);
            let why = record.actions[0].reason.as_deref().unwrap();
            assert!(why.contains("delete its lines from") && why.contains("--deployment-id"), "{why}");
            assert!(seen[0].starts_with("11"), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn a_second_run_waits_for_the_end_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let mut first = Stage::new().trigger("a", 30, ActionStatus::Confirmed);
    first.plan.rollback.state = Some(path.to_owned());
    let mut second = Stage::new().trigger("a", 0, ActionStatus::Confirmed);
    second.host = first.host.clone();
    second.scribe = first.scribe.clone();
    second.plan.rollback.state = Some(path.to_owned());
    second.record.run_id = "run_second".into();
    let (one, two) = futures_util::future::join(first.play(), second.play()).await;
    assert!(one && two);
    let seen = first.seen();
    assert_eq!(seen.iter().filter(|said| said.ends_with("a fired")).count(), 1, "{seen:?}");
    assert!(seen.last().unwrap().contains("already triggered"), "{seen:?}");
}

#[tokio::test]
async fn guards_by_the_state_hold_other_deployments_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    assert!(run_over(&path, false, ActionStatus::Confirmed).await.0);
    let mut other = Stage::new().trigger("a", 0, ActionStatus::Confirmed);
    other.plan.rollback.state = Some(path.to_owned());
    other.plan.rollback.deployment.key = "id:d-2".into();
    assert!(!other.play().await);
    assert_eq!(other.record.actions[0].kind, "cooldown");
    assert_eq!(other.record.actions[0].status, ActionStatus::Held);
    assert!(!other.seen().iter().any(|said| said.ends_with("fired")));
    other.plan.rollback.guards.written.cooldown = Duration::ZERO;
    other.record.actions.clear();
    assert!(other.play().await, "{:?}", other.seen());
    assert_eq!(lines(&path).len(), 4);
    // What is confirmed already is confirmed, whatever would hold it back now.
    let mut again = Stage::new().trigger("a", 0, ActionStatus::Confirmed);
    again.plan.rollback.state = Some(path.to_owned());
    let env = crate::host::env::Env::default();
    again.plan.rollback.guards = Guards::new(true, None, &env, Default::default());
    assert!(again.play().await);
    assert!(again.seen()[0].contains("already triggered"), "{:?}", again.seen());
}

#[tokio::test]
async fn a_rollback_is_not_lost_for_a_state_file_that_cannot_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (path, expected) in [
        (folder.path().to_owned(), "it is no regular file"),
        (folder.path().join("no/such"), "No such file"),
        (PathBuf::from("/dev/full"), "it is no regular file"),
    ] {
        let (confirmed, seen, record) = run_over(&path, false, ActionStatus::Confirmed).await;
        assert!(confirmed && seen[0] == "0 a fired", "{seen:?}");
        assert!(record.warnings.iter().any(|warning| warning.contains(expected)), "{:?}", record.warnings);
        let mut stage = Stage::new().trigger("a", 0, ActionStatus::Confirmed);
        stage.plan.rollback.state = Some(path);
        let faults = before(&stage.plan, &[place(0)], true, &stage.host).await;
        assert!(faults.any_fault());
    }
    let odd = folder.path().join("report.json");
    std::fs::write(&odd, "{\"schema\":\"rollgate.report/v1\"}").unwrap();
    let mut stage = Stage::new().trigger("a", 0, ActionStatus::Confirmed);
    stage.plan.rollback.state = Some(odd.clone());
    let faults = before(&stage.plan, &[place(0)], true, &stage.host).await;
    assert!(faults.sorted()[0].message.contains("is no state file"), "{faults:?}");
    assert!(stage.play().await, "at the time of acting it is a warning");
    assert_eq!(std::fs::read_to_string(&odd).unwrap(), "{\"schema\":\"rollgate.report/v1\"}");
    // Somebody who does not let go of it costs a few seconds.
    let held = folder.path().join("held");
    let lock = std::fs::File::create(&held).unwrap();
    lock.lock().unwrap();
    let (confirmed, seen, record) = run_over(&held, false, ActionStatus::Confirmed).await;
    assert!(confirmed && seen.contains(&"5 a fired".to_owned()), "{seen:?}");
    assert!(record.warnings[0].contains("cannot be kept"), "{:?}", record.warnings);
}

#[tokio::test]
async fn all_triggers_are_asked_at_once_before_anything_is_measured() {
    let mut stage = Stage::new();
    for (name, after, answer) in
        [("a", 4, Ok(())), ("b", 3, Err("the token is not accepted\nrenew it".to_owned())), ("c", 60, Ok(()))]
    {
        let mut fake = stage.fake(name, 0, ActionStatus::Confirmed);
        fake.preflight = Some((after, answer));
        stage.plan.rollback.triggers.push(Box::new(fake));
    }
    let places = [place(0), place(1), place(2)];
    let faults = before(&stage.plan, &places, true, &stage.host).await;
    assert_eq!(stage.seconds(), 10);
    let told: Vec<_> = faults.sorted().iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(
        told,
        [
            "a rollback could not be begun by b: the token is not accepted renew it",
            "a rollback could not be begun by c: there was no answer within 10s"
        ]
    );
    for (armed, preflight) in [(false, true), (true, false)] {
        stage.plan.armed = armed;
        assert!(before(&stage.plan, &places, preflight, &stage.host).await.is_empty());
        assert_eq!(stage.seconds(), 10);
    }
}
