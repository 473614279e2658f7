//! A host for this folder's tests: a clock that moves when everybody waits for it, receivers that answer by script,
//! and records to tell of. Must not be built outside tests.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use jiff::Timestamp;

use super::act::{Rollback, act};
use super::guards::Guards;
use super::{Order, Standing, Trigger, TriggerCx, parse_triggers, render_triggers};
use crate::api::{Allowance, Effect};
use crate::event::id::Deployment;
use crate::event::{Event, Type};
use crate::gate::outcome::{
    ActionRecord, ActionStatus, CheckRecord, Outcome, Record, Sample, State, Verdict,
};
use crate::host::Host;
use crate::host::clock::Clock;
use crate::host::env::Env;
use crate::host::http::{Http, HttpClients, HttpError, Request, Response};
use crate::host::tls::TlsOptions;
use crate::host::vault::Vault;
use crate::policy::model::Check;
use crate::policy::problem::Problems;
use crate::policy::template::Scope;
use crate::testing;

/// The moment at which tests begin.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

/// Polls of the earliest sleeper without anything else happening, after which time moves on.
const IDLE: u32 = 32;

#[derive(Debug)]
struct Time {
    now: Timestamp,
    next: u64,
    sleepers: Vec<(Timestamp, u64)>,
    idle: u32,
}

/// A clock that moves to the earliest sleeper once nothing else happens.
#[derive(Debug, Clone)]
pub(crate) struct FakeClock(Arc<Mutex<Time>>);

struct Sleep {
    time: Arc<Mutex<Time>>,
    key: (Timestamp, u64),
}

impl FakeClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Time { now: start(), next: 0, sleepers: Vec::new(), idle: 0 })))
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().now
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let mut time = self.0.lock().unwrap();
        let key = (at, time.next);
        time.next += 1;
        time.idle = 0;
        time.sleepers.push(key);
        Box::pin(Sleep { time: self.0.clone(), key })
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut time = self.time.lock().unwrap();
        if time.now < self.key.0 {
            if time.sleepers.iter().min() == Some(&self.key) {
                time.idle += 1;
                if time.idle > IDLE {
                    time.now = self.key.0;
                }
            }
            cx.waker().wake_by_ref();
        }
        if time.now >= self.key.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let mut time = self.time.lock().unwrap();
        time.sleepers.retain(|key| *key != self.key);
        time.idle = 0;
    }
}

/// One answer of a script.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status(u16, &'static str),
    Header(u16, &'static str, &'static str),
    Full(u16, &'static [(&'static str, &'static str)], &'static str),
    After(Duration, u16),
    Refused,
    Broken,
    Never,
}

/// A receiver that answers by script, the last answer again and again, and keeps what it was asked and when.
#[derive(Clone)]
pub(crate) struct FakeHttp {
    script: Arc<Mutex<VecDeque<Answer>>>,
    pub(crate) seen: Arc<Mutex<Vec<(Timestamp, Request)>>>,
    clock: Arc<dyn Clock>,
}

impl FakeHttp {
    /// How often it was asked to act rather than to tell.
    pub(crate) fn acting(&self) -> usize {
        self.seen.lock().unwrap().iter().filter(|(_, request)| request.method != Method::GET).count()
    }

    /// The requests, in order.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }
}

impl HttpClients for FakeHttp {
    fn client(&self, _: &TlsOptions) -> Result<Arc<dyn Http>, String> {
        Ok(Arc::new(self.clone()))
    }
}

impl Http for FakeHttp {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        Box::pin(async move {
            self.seen.lock().unwrap().push((self.clock.now(), request));
            let answer = {
                let mut script = self.script.lock().unwrap();
                if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
            };
            let plain = |status, body: &'static str| Response {
                status,
                headers: HeaderMap::new(),
                body: body.into(),
            };
            match answer.unwrap() {
                Answer::Status(status, body) => Ok(plain(status, body)),
                Answer::Header(status, name, value) => {
                    let mut answer = plain(status, "");
                    answer.headers.insert(name, value.parse().unwrap());
                    Ok(answer)
                }
                Answer::Full(status, headers, body) => {
                    let mut answer = plain(status, body);
                    for (name, value) in headers {
                        answer.headers.append(*name, value.parse().unwrap());
                    }
                    Ok(answer)
                }
                Answer::After(span, status) => {
                    self.clock.sleep(span).await;
                    Ok(plain(status, ""))
                }
                Answer::Refused => Err(HttpError::Connect("Connection refused (os error 111)".into())),
                Answer::Broken => Err(HttpError::Broken("connection closed".into())),
                Answer::Never => std::future::pending().await,
            }
        })
    }
}

/// A host on a virtual clock whose receiver answers by `script`.
pub(crate) fn host(script: &[Answer]) -> (Host, FakeHttp) {
    let clock: Arc<dyn Clock> = Arc::new(FakeClock::new());
    let http = FakeHttp {
        script: Arc::new(Mutex::new(script.iter().cloned().collect())),
        seen: Arc::default(),
        clock: clock.clone(),
    };
    let env = [
        ("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("HOOK_URL", "https://u.example/verysecretpath"),
    ];
    let env: Env = env.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let output =
        crate::host::output::Output::new(Box::new(std::io::sink()), Box::new(std::io::sink()), false, false);
    let host = Host {
        clock,
        env: Arc::new(env),
        http: Arc::new(http.clone()),
        output: Arc::new(output),
        seed: 7,
        ..Host::system()
    };
    (host, http)
}

/// The real world with nothing of the machine's own environment.
pub(crate) fn real_host() -> Host {
    let system = Host::system();
    Host { env: host(&[]).0.env, output: host(&[]).0.output, seed: 7, ..system }
}

/// The triggers that `yaml` describes, or all that is wrong with it.
pub(crate) fn triggers(yaml: &str, host: &Host) -> Result<Vec<Box<dyn Trigger>>, Vec<String>> {
    let node = crate::policy::node::parse(0, yaml).unwrap();
    let mut problems = Problems::default();
    let parsed = parse_triggers(&node, &mut problems);
    let mut scope = Scope::default();
    scope.set("service_name", "checkout");
    scope.set("odd", "a\"&b=c");
    let vault = Vault::new(host.clone(), None);
    let cx = TriggerCx { scope: &scope, vault: &vault, pipeline: Some("rollback-checkout"), host };
    let rendered = render_triggers(&parsed, &cx, &mut problems);
    if problems.is_empty() {
        return Ok(rendered);
    }
    Err(problems.sorted().into_iter().map(|p| p.message.clone()).collect())
}

/// All that is wrong with `yaml`.
pub(crate) fn problems(yaml: &str) -> Vec<String> {
    triggers(yaml, &host(&[]).0).err().unwrap_or_default()
}

/// A plan to fire what `yaml` describes.
pub(crate) fn plan(yaml: &str, host: &Host) -> Rollback {
    Rollback {
        triggers: triggers(yaml, host).unwrap(),
        guards: Guards::default(),
        pipeline: Some("rollback-checkout".into()),
        deployment: Deployment { key: "id:d-1".into(), warning: None },
        state: None,
    }
}

/// Fires what `yaml` describes: the records in the order of their ends, and whether the rollback is confirmed.
pub(crate) async fn fire(yaml: &str, host: &Host) -> (Vec<ActionRecord>, bool) {
    let mut actions = Vec::new();
    let plan = plan(yaml, host);
    let confirmed = act(&plan, &record(), host, std::future::pending(), &mut |action| actions.push(action))
        .await
        .confirmed;
    (actions, confirmed)
}

/// Fires the one trigger that `yaml` describes: its record, and what was asked.
pub(crate) async fn once(yaml: &str, script: &[Answer]) -> (ActionRecord, FakeHttp) {
    let (host, http) = host(script);
    let (mut actions, confirmed) = fire(yaml, &host).await;
    assert_eq!(actions.len(), 1, "{actions:?}");
    assert_eq!(confirmed, actions[0].status == ActionStatus::Confirmed);
    (actions.remove(0), http)
}

/// What came of a script: how firing ended, how often it was asked to act, and words that are told.
pub(crate) type Row<'r> = (&'r [Answer], ActionStatus, usize, &'r str);

/// Fires what `yaml` describes against each script, which comes after `before`.
pub(crate) async fn table(yaml: &str, before: &[Answer], rows: &[Row<'_>]) {
    for (script, status, acted, says) in rows {
        let (action, http) = once(yaml, &[before, script].concat()).await;
        let told = format!("{script:?}\n{action:#?}");
        assert_eq!(action.status, *status, "{told}");
        assert!(action.reason.as_deref().unwrap_or_default().contains(says), "{says}\n{told}");
        assert_eq!(http.acting(), *acted, "{told}");
        assert!(action.took <= super::ACTING, "{told}");
    }
}

/// What every trigger that may act twice when it is asked twice makes of what can happen on the way.
pub(crate) async fn on_the_way(yaml: &str, before: &[Answer], success: Answer) {
    use ActionStatus::{Confirmed, Failed, Unknown};
    let busy = Answer::Header(429, "retry-after", "3");
    let closed = Answer::Header(503, "retry-after", "1");
    let page = Answer::Full(200, &[("content-type", "text/html")], "<html>Sign in</html>");
    let rows: &[Row<'_>] = &[
        (std::slice::from_ref(&success), Confirmed, 1, ""),
        (&[busy, success.clone()], Confirmed, 2, ""),
        (&[closed, success.clone()], Confirmed, 2, ""),
        (&[Answer::Refused, success.clone()], Confirmed, 2, ""),
        (&[Answer::Refused], Failed, 5, "no connection"),
        (&[Answer::Never], Unknown, 1, "it may have been received"),
        (&[Answer::Broken], Unknown, 1, "the connection broke after the request was sent"),
        (&[Answer::Status(502, "")], Unknown, 1, "a proxy answered 502 in its place"),
        (&[Answer::Status(504, "")], Unknown, 1, "a proxy answered 504 in its place"),
        (&[Answer::Status(500, "")], Failed, 1, "answered 500"),
        (&[Answer::Status(503, "")], Failed, 1, "answered 503"),
        (
            &[Answer::Header(307, "location", "https://elsewhere.example/x?token=1")],
            Failed,
            1,
            "elsewhere.example",
        ),
    ];
    table(yaml, before, rows).await;
    let (action, _) = once(yaml, &[before, &[page]].concat()).await;
    assert_ne!(action.status, Confirmed, "a page is no yes: {action:?}");
}

/// What firing `trigger` comes to, for what is no part of the record.
pub(crate) async fn fire_one(trigger: &dyn Trigger, host: &Host) -> Effect {
    let event = Event::new(Type::Rollback, &record(), None, "rg_x".to_owned(), &host.output.redactor);
    let order = Order { event: &event, allowance: Allowance::alone(host, super::ACTING) };
    trigger.fire(&order).await
}

/// What `yaml`'s only trigger says before anything is measured.
pub(crate) async fn preflight(yaml: &str, script: &[Answer]) -> Result<(), String> {
    let host = host(script).0;
    let allowance = Allowance::alone(&host, Duration::from_secs(30));
    triggers(yaml, &host).unwrap()[0].preflight(&allowance).await
}

/// How what was started as `handle` stands, by `yaml`'s only trigger.
pub(crate) async fn follow(yaml: &str, handle: &str, script: &[Answer]) -> Result<Standing, String> {
    let host = host(script).0;
    let allowance = Allowance::alone(&host, Duration::from_secs(30));
    let started = Effect { handle: Some(handle.to_owned()), ..Effect::confirmed(200) };
    triggers(yaml, &host).unwrap()[0].follow(&started, &allowance).unwrap().await
}

/// A run that came to a rollback.
pub(crate) fn record() -> Record {
    Record {
        service: Some("checkout".into()),
        environment: Some("production".into()),
        version: Some("1.4.0".into()),
        previous_version: Some("1.3.9".into()),
        verdict: Some(Verdict::Rollback),
        ..testing::record(start())
    }
}

/// A check with one sample of `value`, against `max_value 0.01`.
pub(crate) fn check(name: &str, outcome: Option<Outcome>, adds: Option<Verdict>, value: f64) -> CheckRecord {
    let check = Check { kind: "fake", ..testing::check(name, 0.01) };
    let sample = Sample {
        at: start(),
        state: State::Breach,
        values: vec![(Arc::default(), value)],
        baselines: Vec::new(),
        series: 1,
        query: None,
        reason: None,
        attempts: 1,
        phases: None,
        log_evidence: None,
    };
    CheckRecord {
        check: Arc::new(check),
        outcome,
        contribution: adds,
        reason: format!("{value} > max_value 0.01"),
        plan: testing::ticks(start()),
        max_failures: 3,
        within: 6,
        min_samples: 3,
        planned: 21,
        due: 21,
        before: None,
        missed: 0,
        evidence: None,
        failed_at: None,
        at_most: None,
        tested: None,
        samples: vec![sample],
    }
}

/// `host` in an environment that has `env` too.
pub(crate) fn with(mut host: Host, env: &[(&str, &str)]) -> Host {
    let own: Vec<(String, String)> =
        host.env.names().filter_map(|n| Some((n.to_owned(), host.env.get(n)?.to_owned()))).collect();
    let more = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    host.env = Arc::new(own.into_iter().chain(more).collect());
    host
}

/// As [`once`], in an environment with `env`.
pub(crate) async fn once_in(
    yaml: &str,
    env: &[(&str, &str)],
    script: &[Answer],
) -> (ActionRecord, Vec<Request>) {
    let (host, http) = host(script);
    let (mut actions, _) = fire(yaml, &with(host, env)).await;
    assert_eq!(actions.len(), 1);
    (actions.remove(0), http.requests())
}

/// The only trigger of `yaml` in an environment with `env`, and who answers it.
pub(crate) fn alone(
    yaml: &str,
    env: &[(&str, &str)],
    script: &[Answer],
) -> (Box<dyn Trigger>, Host, FakeHttp) {
    let (host, http) = host(script);
    let host = with(host, env);
    (triggers(yaml, &host).unwrap().remove(0), host, http)
}

/// All that is wrong with `yaml` in an environment with `env`.
pub(crate) fn problems_in(yaml: &str, env: &[(&str, &str)]) -> Vec<String> {
    triggers(yaml, &with(host(&[]).0, env)).err().unwrap_or_default()
}
