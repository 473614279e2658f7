//! Reading metrics checks, and asking a source that answers from a script.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::*;
use crate::check::fake::{noon, world};
use crate::check::{Answer, MetricSource, Seen, SourceError};
use crate::host::Host;
use crate::host::clock::later;
use crate::policy::model::{Count, Require};
use crate::policy::node;
use crate::policy::value::Share;

const STEP: Duration = Duration::from_secs(15);

fn read_yaml(yaml: &str) -> Result<Box<dyn Spec>, Vec<String>> {
    let node = node::parse(0, yaml).unwrap();
    let mut problems = Problems::default();
    let spec = Reader::open(&node, "a check", &[FIELDS], &mut problems)
        .and_then(|mut body| parse("main", &mut body));
    let told: Vec<String> = problems.sorted().iter().map(|p| p.message.clone()).collect();
    match spec {
        Some(spec) if told.is_empty() => Ok(spec),
        spec => {
            assert!(spec.is_none() || !told.is_empty(), "nothing was told of a check that cannot be read");
            Err(told)
        }
    }
}

/// A source that answers from a script and remembers what it was asked.
#[derive(Debug, Default)]
struct Played {
    steps: Mutex<VecDeque<Result<Answer, SourceError>>>,
    ranges: Mutex<VecDeque<Result<Vec<Answer>, SourceError>>>,
    asked: Mutex<Vec<(String, Timestamp, Duration)>>,
}

impl MetricSource for Played {
    fn kind(&self) -> &'static str {
        "played"
    }

    fn name(&self) -> &str {
        "main"
    }

    fn delay(&self) -> Option<Duration> {
        Some(Duration::from_secs(3))
    }

    fn request(&self, query: &str, _: Timestamp) -> Vec<String> {
        vec![query.to_owned()]
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn evaluate<'a>(
        &'a self,
        query: &'a str,
        at: Timestamp,
        timeout: Duration,
        _: &'a Host,
    ) -> BoxFuture<'a, Result<Answer, SourceError>> {
        self.asked.lock().unwrap().push((query.to_owned(), at, timeout));
        let step = self.steps.lock().unwrap().pop_front().unwrap_or_else(|| Ok(Answer::default()));
        Box::pin(std::future::ready(step))
    }

    fn evaluate_range<'a>(
        &'a self,
        _: &'a str,
        _: Timestamp,
        _: Duration,
        _: usize,
        _: Duration,
        _: &'a Host,
    ) -> BoxFuture<'a, Result<Vec<Answer>, SourceError>> {
        let step = self.ranges.lock().unwrap().pop_front();
        Box::pin(std::future::ready(
            step.unwrap_or_else(|| Err(SourceError::lasting("the script has ended"))),
        ))
    }
}

fn render(yaml: &str, variables: &[(&str, &str)], source: Arc<Played>) -> Result<Rendered, Vec<String>> {
    let spec = read_yaml(yaml)?;
    let mut scope = Scope::default();
    for (name, value) in variables {
        scope.set(name, value);
    }
    let sources = BTreeMap::from([("main".to_owned(), source as Arc<dyn MetricSource>)]);
    let mut problems = Problems::default();
    let vault = crate::host::vault::Vault::new(world(Vec::new()).0, None);
    let cx = RenderCx {
        scope: &scope,
        deployed_at: noon(),
        interval: Duration::from_secs(15),
        anchor: None,
        gate: crate::check::OfGate::default(),
        rhythm: &Arc::default(),
        sources: &sources,
        vault: &vault,
    };
    let rendered = spec.render(&cx, &mut problems);
    rendered.ok_or_else(|| problems.sorted().iter().map(|p| p.message.clone()).collect())
}

fn faults(yaml: &str) -> Vec<String> {
    read_yaml(yaml).unwrap_err()
}

#[test]
fn a_check_without_a_criterion_or_with_contradictions_is_refused() {
    for (yaml, expected) in [
        ("query: up", "expected at least one of `expected_value`"),
        ("query: ' '\nmax_value: 1", "expected a query, found an empty text"),
        ("query: up\nmax_value: 1\ntolerance: 1", "expected `expected_value` beside `tolerance`"),
        ("query: up\nmin_value: 2\nmax_value: 1", "found min_value 2, max_value 1"),
        (
            "query: up\nexpected_value: 1\ntolerance: 10%\nmax_value: 0.5",
            "found expected_value 1 ± 0.1, max_value 0.5",
        ),
        ("query: up\nexpect_empty: true\nmax_value: 1", "expected no limit beside `expect_empty`"),
        ("query: up\nexpect_empty: true\nmin_series: 2", "expected no `min_series` beside `expect_empty`"),
        ("query: up\nexpect_empty: false", "expected a limit where `expect_empty` is `false`"),
        ("query: up\nmax_value: 1\ntimeout: 0s", "expected a `timeout` of `1ms` or more"),
        ("query: up\nexpected_value: 1\ntolerance: -1", "expected a tolerance like"),
        ("query: up\nmax_value: 1\nrequire: most", "expected `all`, `any` or a share above 0"),
        ("query: up\nmax_value: 1\nrequire: 0%", "expected `all`, `any` or a share above 0"),
        ("query: up\nmax_value: 1\nevidence: x", "expected `evidence` (a mapping), found `x`"),
        ("query: up\nmax_value: 1\nevidence: {query: x}", "`min_value` is missing in `evidence`"),
        ("query: up\nmax_value: 1\nevidence: {min_value: 1}", "`query` is missing in `evidence`"),
        ("query: up\nmax_value: 1\nevidence: {query: x, min_value: much}", "expected a number"),
        ("query: up\nmax_value: 1\nmax_data_age: 0s", "expected a duration above zero"),
        ("query: up\nmax_value: 1\non_data_lost: pass", "expected `inconclusive` or `fail`"),
        ("query: up\nmax_value: 1\npre_existing: hold", "expected `inconclusive`, `alert` or `rollback`"),
        ("query: up\nmax_value: 1\nconfirm: long", "expected `short`"),
        ("query: up\nmax_value: 1\nconfirm: short", "beside `confirm`: it has no range"),
        (
            "query: increase(x[5m])\nmax_value: 1\nconfirm: short",
            "`increase(x[5m])` means something else over a shorter range",
        ),
        ("query: up\nmax_valu: 1", "`max_valu` is not a field"),
    ] {
        let told = faults(yaml);
        assert!(told.iter().any(|message| message.contains(expected)), "{yaml}: {told:?}");
    }
    assert_eq!(
        faults("query: up\nmax_value: many").len(),
        1,
        "a limit that cannot be read is one fault, not two"
    );
}

#[test]
fn limits_may_be_templates_and_meet_at_a_point() {
    let yaml = "query: up\nexpected_value: '{{e}}'\ntolerance: '{{t}}'\nmin_series: '{{n}}'\nrequire: 95%\ncount: series";
    let rendered = render(yaml, &[("e", "-2"), ("t", "5%"), ("n", "3")], Arc::default()).unwrap();
    assert_eq!(rendered.judging.criterion.expected, Some((-2.0, 0.1)));
    assert_eq!(rendered.judging.min_series, 3);
    assert_eq!(rendered.judging.require, Require::Share(Share(0.95)));
    assert_eq!(rendered.judging.count, Count::Series);
    let told = render(yaml, &[("e", "two"), ("t", "1"), ("n", "x")], Arc::default()).unwrap_err();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(render("query: up\nmin_value: 1\nmax_value: 1", &[], Arc::default()).is_ok());
    assert!(
        render("query: up\nmin_value: 0.3\nexpected_value: 0.2\ntolerance: 0.1", &[], Arc::default()).is_ok()
    );
    let turned = render("query: up\nmin_value: '{{low}}'\nmax_value: 1", &[("low", "2")], Arc::default());
    assert!(turned.unwrap_err()[0].contains("expected limits that a value can meet"));
}

#[test]
fn a_source_that_could_not_be_connected_was_told_of_already() {
    let told = render("query: up\nmax_value: 1\nsource: other", &[], Arc::default()).unwrap_err();
    assert_eq!(told, [] as [&str; 0]);
}

#[test]
fn a_fixed_query_is_shared_and_one_with_elapsed_is_not() {
    let fixed =
        render("query: up{a=\"{{v}}\"}\nmax_value: 1\ntimeout: 2s", &[("v", "x")], Arc::default()).unwrap();
    assert_eq!(&*fixed.probe.target(), "up{a=\"x\"}");
    assert_eq!(fixed.probe.key().as_deref(), Some("main 2000 None Ratio up{a=\"x\"}"));
    assert_eq!((fixed.probe.lane(), fixed.probe.delay()), ("main", Duration::from_secs(3)));
    assert_eq!(fixed.probe.budget(), Duration::from_secs(11));
    assert!(fixed.probe.has_past());
    let moving = render("query: increase(x[{{elapsed}}])\nmax_value: 1", &[], Arc::default()).unwrap();
    assert_eq!(moving.probe.key(), None);
    let (host, _) = world(vec![]);
    assert!(moving.probe.measure_range(noon(), STEP, 3, &host).is_none());
    assert!(fixed.probe.measure_range(noon(), Duration::from_micros(1500), 3, &host).is_none());
    let lines = moving.probe.request(later(noon(), Duration::from_secs(95)));
    assert_eq!(lines, ["increase(x[95s])"]);
}

#[tokio::test]
async fn elapsed_is_rendered_at_each_tick() {
    let source = Arc::new(Played::default());
    let moving = render("query: increase(x[{{elapsed}}])\nmax_value: 1", &[], source).unwrap();
    let (host, _) = world(vec![]);
    let reading = moving.probe.measure(later(noon(), Duration::from_secs(30)), &host).await;
    assert_eq!(reading.query.as_deref(), Some("increase(x[30s])"));
    assert_eq!(reading.seen, Seen::Series(Vec::new()));
}

fn passing(seconds: u64) -> Result<Answer, SourceError> {
    Err(SourceError::passing("busy", Duration::from_secs(seconds)))
}

/// A probe over `steps`, its source, and the host it runs on.
fn probe(steps: Vec<Result<Answer, SourceError>>) -> (Rendered, Arc<Played>, Host) {
    let source = Arc::new(Played { steps: Mutex::new(steps.into()), ..Played::default() });
    let rendered = render("query: up\nmax_value: 1", &[], source.clone()).unwrap();
    (rendered, source, world(vec![]).0)
}

#[tokio::test]
async fn what_may_pass_is_asked_three_times() {
    let (check, source, host) = probe(vec![passing(0), passing(0), Ok(Answer::default())]);
    let reading = check.probe.measure(noon(), &host).await;
    assert_eq!((reading.attempts, reading.seen), (3, Seen::Series(Vec::new())));
    let waited = host.clock.now().duration_since(noon()).as_millis();
    assert!((600..1200).contains(&waited), "{waited} ms");
    assert!(source.asked.lock().unwrap().iter().all(|(query, at, _)| query == "up" && *at == noon()));

    let (check, source, host) = probe(vec![passing(0), passing(0), passing(0), Ok(Answer::default())]);
    let reading = check.probe.measure(noon(), &host).await;
    assert_eq!((reading.attempts, reading.seen), (3, Seen::Failed("busy".to_owned())));
    assert_eq!(source.asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn what_will_last_is_asked_once() {
    let (check, _, host) = probe(vec![Err(SourceError::lasting("no such function")), Ok(Answer::default())]);
    let reading = check.probe.measure(noon(), &host).await;
    assert_eq!((reading.attempts, reading.seen), (1, Seen::Failed("no such function".to_owned())));
    assert_eq!(host.clock.now(), noon());
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept_if_it_fits() {
    let (check, source, host) = probe(vec![passing(20), Ok(Answer::default())]);
    let reading = check.probe.measure(noon(), &host).await;
    assert_eq!(reading.attempts, 2);
    assert_eq!(host.clock.now(), later(noon(), Duration::from_secs(20)));
    let timeouts: Vec<Duration> = source.asked.lock().unwrap().iter().map(|asked| asked.2).collect();
    assert_eq!(timeouts, [Duration::from_secs(10), Duration::from_secs(10)]);

    let (check, _, host) = probe(vec![passing(120), Ok(Answer::default())]);
    let reading = check.probe.measure(noon(), &host).await;
    let reason = "busy; it asks to wait 2m, longer than this tick can";
    assert_eq!((reading.attempts, reading.seen), (1, Seen::Failed(reason.to_owned())));
    assert_eq!(host.clock.now(), noon());
}

#[tokio::test]
async fn checks_that_fail_together_wait_apart() {
    let mut waits = Vec::new();
    for query in ["up", "down"] {
        let source = Arc::new(Played { steps: Mutex::new(vec![passing(0)].into()), ..Played::default() });
        let check = render(&format!("query: {query}\nmax_value: 1"), &[], source).unwrap();
        let (host, _) = world(vec![]);
        check.probe.measure(noon(), &host).await;
        waits.push(host.clock.now());
    }
    assert_ne!(waits[0], waits[1]);
}

fn failed(reading: &crate::check::Reading) -> bool {
    matches!(reading.seen, Seen::Failed(_))
}

#[tokio::test]
async fn a_range_that_is_refused_is_asked_tick_by_tick() {
    let odd = || Err(SourceError::lasting("many-to-many"));
    let (check, source, host) = probe(vec![odd(), Ok(Answer::default()), odd(), Ok(Answer::default())]);
    source.ranges.lock().unwrap().push_back(odd().map(|answer: Answer| vec![answer]));
    let readings = check.probe.measure_range(noon(), STEP, 4, &host).unwrap().await;
    assert_eq!(readings.iter().map(failed).collect::<Vec<_>>(), [true, false, true, false]);
    let times: Vec<Timestamp> = source.asked.lock().unwrap().iter().map(|asked| asked.1).collect();
    assert_eq!(times, [0, 15, 30, 45].map(|s| later(noon(), Duration::from_secs(s))));
}

#[tokio::test]
async fn a_source_that_is_down_is_not_asked_for_every_tick() {
    let (check, source, host) = probe(vec![passing(0), passing(0), passing(0)]);
    for _ in 0..3 {
        source.ranges.lock().unwrap().push_back(passing(0).map(|answer| vec![answer]));
    }
    let readings = check.probe.measure_range(noon(), STEP, 100, &host).unwrap().await;
    assert!(readings.len() == 100 && readings.iter().all(failed));
    assert_eq!(source.asked.lock().unwrap().len(), 3);

    let lasting = || Err(SourceError::lasting("denied"));
    let (check, source, host) = probe((0..100).map(|_| lasting()).collect());
    let readings = check.probe.measure_range(noon(), STEP, 100, &host).unwrap().await;
    assert!(readings.len() == 100 && readings.iter().all(failed));
    assert_eq!(source.asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_range_gives_a_reading_a_tick() {
    let (check, source, host) = probe(vec![]);
    let noted = Answer { notes: vec!["note".to_owned()], ..Answer::default() };
    source.ranges.lock().unwrap().push_back(Ok(vec![noted, Answer::default()]));
    let readings = check.probe.measure_range(noon(), STEP, 2, &host).unwrap().await;
    assert_eq!(readings.iter().map(|r| r.notes.len()).collect::<Vec<_>>(), [1, 0]);
    assert!(source.asked.lock().unwrap().is_empty());
}

#[test]
fn baselines_that_cannot_be_are_refused() {
    for (yaml, expected) in [
        ("max_increase: 10%", "expected `baseline` beside `max_increase`, found none"),
        ("max_value: 1, test: mann_whitney", "expected `baseline` beside `test`, found none"),
        ("max_value: 1, on_no_baseline: fail", "expected `baseline` beside `on_no_baseline`, found none"),
        ("baseline: 1w, max_increase: 1", "expected `baseline` (a mapping), found `1w`"),
        (
            "baseline: {}, max_increase: 1",
            "expected one of `offset`, `before`, `query` and `placebo` in `baseline`, found none",
        ),
        ("baseline: {offset: 1w, query: up}, max_increase: 1", "expected `offset` or `query`, found both"),
        (
            "baseline: {offset: 1w, season: 1w}, max_increase: 1",
            "expected `before` beside `season`, found none",
        ),
        (
            "baseline: {offset: 1w, source: x}, max_increase: 1",
            "expected `query` beside `source`, found none",
        ),
        (
            "baseline: {offset: 1w}",
            "expected `max_increase`, `max_decrease` or `test` beside `baseline`, found none",
        ),
        (
            "baseline: {offset: 1w}, max_value: 1",
            "expected `max_increase`, `max_decrease` or `test` beside `baseline`, found none",
        ),
        (
            "baseline: {offset: 1w}, max_increase: -1",
            "expected a tolerance like `0.1` or `5%`, not below 0, found `-1`",
        ),
        (
            "baseline: {offset: 1w}, max_increase: 1, floor: -1",
            "expected a number or a share from 0 on, like `0.001` or `0.1%`, found `-1`",
        ),
        (
            "baseline: {offset: 1w}, max_increase: 1, confidence: 99%",
            "expected `test` or a `placebo` baseline beside `confidence`, found none",
        ),
        (
            "baseline: {offset: 1w}, test: mann_whitney, confidence: 100%",
            "expected a confidence from 50% to below 100%, like `99%`, found `100%`",
        ),
        ("baseline: {offset: 1w}, test: t", "expected `mann_whitney`, found `t`"),
        (
            "baseline: {placebo: {windows: 9}}, test: mann_whitney",
            "expected no `test` beside `placebo`, found one",
        ),
        ("baseline: {placebo: {}}", "`windows` is missing in `placebo`"),
        (
            "expect_empty: true, baseline: {offset: 1w}, max_increase: 1",
            "expected no `expect_empty` beside `baseline`, found one",
        ),
    ] {
        let told = faults(&format!("{{query: up, {yaml}}}"));
        assert!(told.iter().any(|told| told == expected), "{yaml}: {told:?}");
    }
    let told = faults("{query: 'rate(up[{{elapsed}}])', baseline: {before: 5m}, max_increase: 1}");
    assert_eq!(told, ["expected a query without `elapsed` beside `before`, found one with it"]);
}

#[test]
fn baselines_are_read_as_they_are_meant() {
    use crate::policy::relative::{Against, Test, Tolerance};
    let hour = Duration::from_secs(3600);
    let read = |yaml: &str| {
        let rendered = render(&format!("{{query: 'rate(up[5m])', {yaml}}}"), &[], Arc::default()).unwrap();
        let relative = rendered.judging.relative.unwrap();
        (relative, rendered.beside.len(), rendered.history.len())
    };
    let (relative, beside, history) = read("baseline: {offset: 1h}, max_increase: 10%, floor: 0.5");
    assert_eq!(
        (relative.against, relative.increase),
        (Against::Offset(hour), Some(Tolerance::Relative(0.1)))
    );
    assert_eq!((relative.floor, relative.test, beside, history), (0.5, None, 1, 0));
    assert_eq!(relative.range, Duration::from_secs(300));
    let (relative, beside, history) = read("baseline: {before: 1h, season: 1d}, test: mann_whitney");
    let season = Some(24 * hour);
    assert_eq!(relative.against, Against::Before { span: hour, season });
    assert_eq!((relative.test, relative.confidence, beside, history), (Some(Test::MannWhitney), 0.99, 1, 2));
    let (relative, ..) = read("baseline: {query: 'rate(up[10m])'}, max_decrease: 2");
    assert_eq!((relative.against, relative.range), (Against::Query, Duration::from_secs(600)));
    let (relative, ..) = read("baseline: {placebo: {windows: 9}}, confidence: 0.9");
    assert_eq!(relative.against, Against::Placebo { windows: 9, every: 24 * hour });
    assert_eq!((relative.test, relative.confidence), (Some(Test::Placebo), 0.9));
}

#[tokio::test]
async fn a_baseline_is_asked_at_its_own_time() {
    let source = Arc::new(Played::default());
    let rendered =
        render("{query: up, baseline: {offset: 1h}, max_increase: 1}", &[], source.clone()).unwrap();
    let (host, _) = world(Vec::new());
    rendered.beside[0].probe.measure(noon(), &host).await;
    let hour_before = noon().checked_sub(Duration::from_secs(3600)).unwrap();
    assert_eq!(source.asked.lock().unwrap()[0].1, hour_before);
    let rendered = render("{query: up, baseline: {before: 1m}, max_increase: 1}", &[], source).unwrap();
    // What comes 3 s late is there by the last of them.
    let last = noon().checked_sub(Duration::from_secs(3)).unwrap();
    let times: Vec<_> = (0..=4).rev().map(|k| last.checked_sub(STEP * k).unwrap()).collect();
    assert_eq!((&rendered.history[0].times, rendered.history[0].step), (&times, STEP));
}

#[tokio::test]
async fn earlier_windows_are_asked_at_once_the_nearest_first() {
    let source = Arc::new(Played::default());
    let yaml = "{query: up, baseline: {placebo: {windows: 2, every: 1h}}}";
    let rendered = render(yaml, &[], source.clone()).unwrap();
    let answer = |value| Answer {
        series: vec![crate::check::Series { labels: Arc::default(), value }],
        notes: Vec::new(),
    };
    source.ranges.lock().unwrap().push_back(Ok(vec![answer(2.0), answer(1.0)]));
    let (host, _) = world(Vec::new());
    let reading = rendered.beside[0].probe.measure(noon(), &host).await;
    let value = |reading: &crate::check::Reading| match &reading.seen {
        Seen::Series(series) => series[0].value,
        other => panic!("{other:?}"),
    };
    assert_eq!(reading.earlier.iter().map(value).collect::<Vec<_>>(), [1.0, 2.0]);
}
