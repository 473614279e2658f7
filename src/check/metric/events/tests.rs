//! Reading checks of events, and counting them of a source that holds what a test says.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::*;
use crate::check::fake::{noon, world};
use crate::check::metric::{FIELDS, parse};
use crate::check::{Anchor, Answer, Counts, RawSeries, Reading, Seen, Series, SourceError};
use crate::host::Host;
use crate::policy::envelope::ENVELOPE;
use crate::policy::node;
use crate::policy::reader::Reader;
use crate::stats::two_rates::Events;

fn read_yaml(yaml: &str) -> Result<Box<dyn Spec>, Vec<String>> {
    let node = node::parse(0, yaml).unwrap();
    let mut problems = Problems::default();
    let spec = Reader::open(&node, "a check", &[FIELDS, ENVELOPE], &mut problems)
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

/// A source that holds series by the beginning of their selector.
#[derive(Debug, Default)]
struct Held {
    series: Vec<(&'static str, Vec<RawSeries>)>,
    values: Vec<(&'static str, Vec<Series>)>,
    single: bool,
    asked: Mutex<Vec<String>>,
}

impl MetricSource for Held {
    fn kind(&self) -> &'static str {
        "held"
    }

    fn name(&self) -> &str {
        "main"
    }

    fn delay(&self) -> Option<Duration> {
        Some(Duration::ZERO)
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
        _: Timestamp,
        _: Duration,
        _: &'a Host,
    ) -> BoxFuture<'a, Result<Answer, SourceError>> {
        self.asked.lock().unwrap().push(query.to_owned());
        let found = self.values.iter().find(|(begins, _)| query.starts_with(begins));
        let series = found.map(|(_, series)| series.clone()).unwrap_or_default();
        Box::pin(std::future::ready(Ok(Answer { series, notes: Vec::new() })))
    }

    fn samples<'a>(
        &'a self,
        selector: &'a str,
        from: Timestamp,
        to: Timestamp,
        most: usize,
        _: Duration,
        _: &'a Host,
    ) -> BoxFuture<'a, Result<Vec<RawSeries>, SourceError>> {
        self.asked.lock().unwrap().push(format!("samples {selector}"));
        if self.single {
            return Box::pin(std::future::ready(Err(SourceError::lasting("no single samples"))));
        }
        let span = from.as_millisecond() + 1..=to.as_millisecond();
        let found = self.series.iter().find(|(begins, _)| selector.starts_with(begins));
        let within = |one: &RawSeries| RawSeries {
            samples: one.samples.iter().copied().filter(|(at, _)| span.contains(at)).collect(),
            ..one.clone()
        };
        let series = found.map(|(_, series)| series.iter().map(within)).into_iter().flatten();
        let series = series.filter(|one| !one.samples.is_empty()).take(most).collect();
        Box::pin(std::future::ready(Ok(series)))
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
        Box::pin(std::future::ready(Err(SourceError::lasting("nothing is held of ranges"))))
    }
}

/// Samples at so many seconds after the deployment.
fn raw(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> RawSeries {
    let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let at = |seconds: i64| noon().as_millisecond() + seconds * 1000;
    RawSeries { labels: Arc::new(labels), samples: samples.iter().map(|(s, v)| (at(*s), *v)).collect() }
}

fn rendered(yaml: &str, source: Arc<Held>) -> Result<Rendered, Vec<String>> {
    let spec = read_yaml(yaml)?;
    let mut scope = Scope::default();
    scope.set("job", "shop");
    let sources = BTreeMap::from([("main".to_owned(), source as Arc<dyn MetricSource>)]);
    let vault = crate::host::vault::Vault::new(Host::system(), None);
    let anchor = Anchor { rollout: noon(), at: noon() };
    let cx = RenderCx {
        scope: &scope,
        deployed_at: noon(),
        interval: Duration::from_secs(15),
        anchor: Some(anchor),
        gate: crate::check::OfGate::default(),
        rhythm: &Arc::default(),
        sources: &sources,
        vault: &vault,
    };
    let mut problems = Problems::default();
    let rendered = spec.render(&cx, &mut problems);
    rendered.ok_or_else(|| problems.sorted().iter().map(|p| p.message.clone()).collect())
}

const PLAIN: &str = "events: {bad: 'x_total{code=\"500\", job=\"{{job}}\"}', total: 'x_total{job=\"{{job}}\"}'}\nmax_ratio: 1%";
const SLOW: &str = "events: {histogram: 't_seconds{a=\"b\"}', slower_than: 500ms}\nmax_ratio: 5%";

fn later_by(seconds: u64) -> Timestamp {
    later(noon(), Duration::from_secs(seconds))
}

async fn read(yaml: &str, source: Held, seconds: u64) -> Reading {
    let check = rendered(yaml, Arc::new(source)).unwrap();
    let (host, _) = world(vec![]);
    check.probe.measure(later_by(seconds), &host).await
}

fn counts(reading: &Reading) -> (f64, f64, bool) {
    match &reading.seen {
        Seen::Counts(Counts { events, exact, .. }) => (events.bad, events.total, *exact),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (yaml, expected) in [
        ("query: up\nmax_ratio: 1%", "expected `events` beside `max_ratio`, found none"),
        ("query: up\nmax_value: 1\nalpha: 1%", "expected `events` beside `alpha`"),
        (
            "events: {bad: x, total: y}",
            "expected one of `max_ratio`, `against` and `error_budget` beside `events`",
        ),
        ("events: {bad: x, total: y}\nmax_ratio: 0", "expected a share above 0 and below 1"),
        ("events: {bad: x, total: y}\nmax_ratio: 1%\nquery: up", "expected no `query` beside `events`"),
        (
            "events: {bad: x, total: y}\nmax_ratio: 1%\nmax_value: 1",
            "expected no `max_value` beside `events`",
        ),
        (
            "events: {bad: x, total: y}\nmax_ratio: 1%\nmax_failures: 1",
            "expected no `max_failures` beside `events`",
        ),
        (
            "events: {bad: x, total: y}\nmax_ratio: 1%\nold_data: wait",
            "expected no `old_data` beside `events`",
        ),
        ("events: {bad: x}\nmax_ratio: 1%", "expected `total` beside `bad`, found none"),
        ("events: {total: x}\nmax_ratio: 1%", "expected `bad` beside `total`, found none"),
        ("events: {}\nmax_ratio: 1%", "expected `bad` and `total`, or `histogram`"),
        ("events: {histogram: x}\nmax_ratio: 1%", "expected `slower_than` beside `histogram`"),
        (
            "events: {bad: x, total: y, slower_than: 1s}\nmax_ratio: 1%",
            "expected `histogram` beside `slower_than`",
        ),
        ("events: {total: y, histogram: z}\nmax_ratio: 1%", "expected counters or a `histogram`"),
        ("events: {bad: x, total: y}\nagainst: {bad: x, total: y}", "expected `max_times` beside `against`"),
        ("events: {bad: x, total: y}\nmax_ratio: 1%\nmax_times: 2", "expected `against` beside `max_times`"),
        (
            "events: {bad: x, total: y}\nagainst: {histogram: z}\nmax_times: 2",
            "expected the same form for `against` as for `events`",
        ),
        (
            "events: {bad: x, total: y}\nmax_ratio: 1%\nerror_budget: {slo: 99%}",
            "expected `max_ratio` or `error_budget`, found both",
        ),
        ("events: {bad: x, total: y}\nerror_budget: {max_burn: 1%}", "`slo` is missing"),
        ("max_ratio: 1%", "`query` is missing"),
    ] {
        let told = read_yaml(yaml).unwrap_err();
        assert!(told.iter().any(|message| message.contains(expected)), "{yaml}: {told:?}");
    }
}

#[test]
fn what_variables_make_of_a_selector_is_still_one() {
    for (yaml, expected) in [
        ("events: {bad: 'x{a=\"{{elapsed}}\"}', total: y}\nmax_ratio: 1%", "the same at every tick"),
        (
            "events: {histogram: 'x{le=\"1\"}', slower_than: 1s}\nmax_ratio: 1%",
            "expected a histogram without `le`",
        ),
        ("events: {bad: 'x{a=\"{{none}}\"}', total: y}\nmax_ratio: 1%", "`none`"),
    ] {
        let told = rendered(yaml, Arc::default()).unwrap_err();
        assert!(told.iter().any(|message| message.contains(expected)), "{yaml}: {told:?}");
    }
    let check = rendered(PLAIN, Arc::default()).unwrap();
    assert_eq!(&*check.probe.target(), "x_total{code=\"500\", job=\"shop\"} / x_total{job=\"shop\"}");
    assert_eq!(check.history.iter().map(|one| one.times.len()).collect::<Vec<_>>(), [120, 1]);
    assert_eq!(check.history[0].times.last(), Some(&noon()));
    assert_eq!(check.probe.due_from(), Some(later_by(15)));
}

#[tokio::test]
async fn events_are_counted_from_the_deployment_on_and_as_one_whenever_they_are_asked() {
    let good = raw(&[("code", "200")], &[(0, 1000.0), (5, 1010.0), (20, 1030.0), (35, 5.0), (50, 25.0)]);
    let born = raw(&[("code", "500")], &[(20, 40.0), (35, 40.0), (50, 41.0)]);
    let series = vec![("x_total{code", vec![born.clone()]), ("x_total", vec![good, born])];
    let check = rendered(PLAIN, Arc::new(Held { series, ..Held::default() })).unwrap();
    let (host, _) = world(vec![]);
    let step = Duration::from_secs(15);
    let at_once = check.probe.measure_range(later_by(15), step, 3, &host).unwrap().await;
    let told: Vec<_> = at_once.iter().map(counts).collect();
    // 10 good ones; 20 and 40 bad ones; a restart, which adds 5.
    assert_eq!(told, [(0.0, 10.0, true), (40.0, 70.0, true), (40.0, 75.0, true)]);
    for (k, expected) in at_once.iter().enumerate() {
        let alone = check.probe.measure(later_by(15 + 15 * k as u64), &host).await;
        assert_eq!(alone.seen, expected.seen);
    }
}

#[tokio::test]
async fn a_missing_counter_is_nothing_and_a_missing_total_is_no_data() {
    let good = || raw(&[("code", "200")], &[(0, 1.0), (15, 11.0)]);
    let reading =
        read(PLAIN, Held { series: vec![("x_total{job", vec![good()])], ..Held::default() }, 15).await;
    assert_eq!(counts(&reading), (0.0, 10.0, true));
    let reading =
        read(PLAIN, Held { series: vec![("x_total{code", vec![good()])], ..Held::default() }, 15).await;
    assert_eq!((reading.seen, reading.lacking), (Seen::Series(Vec::new()), true));
    assert_eq!(reading.remark.as_deref(), Some("there is no series of what counts all events"));
}

#[tokio::test]
async fn what_was_there_before_is_asked_once_for_series_that_are_seen_late() {
    let late = raw(&[("code", "500")], &[(20, 1e6), (35, 1e6 + 1.0)]);
    let good = raw(&[("code", "200")], &[(0, 1.0), (15, 11.0)]);
    let before = Series { labels: late.labels.clone(), value: 999_000.0 };
    let held = Held {
        series: vec![("x_total{code", vec![late.clone()]), ("x_total", vec![good, late])],
        values: vec![("last_over_time(", vec![before])],
        ..Held::default()
    };
    let held = Arc::new(held);
    let check = rendered(PLAIN, held.clone()).unwrap();
    let (host, _) = world(vec![]);
    for _ in 0..3 {
        assert_eq!(counts(&check.probe.measure(later_by(45), &host).await), (1.0, 11.0, true));
    }
    let asked = held.asked.lock().unwrap();
    let looked: Vec<&String> = asked.iter().filter(|query| query.starts_with("last_over_time(")).collect();
    assert_eq!(looked.len(), 2, "{asked:?}");
    assert!(looked[0].ends_with("[6h])"), "{looked:?}");
}

#[tokio::test]
async fn too_many_series_are_estimated_and_that_is_said() {
    let one = |index: usize| raw(&[("pod", &index.to_string())], &[(0, 1.0), (15, 2.0)]);
    let crowd: Vec<RawSeries> = (0..201).map(one).collect();
    let sum = |value: f64| vec![Series { labels: Arc::default(), value }];
    let held = Arc::new(Held {
        series: vec![("x_total", crowd)],
        values: vec![("sum(increase(x_total{code", sum(3.2)), ("sum(increase(x_total", sum(201.7))],
        ..Held::default()
    });
    let check = rendered(PLAIN, held.clone()).unwrap();
    let (host, _) = world(vec![]);
    let reading = check.probe.measure(later_by(15), &host).await;
    assert_eq!(counts(&reading), (3.2, 201.7, false));
    assert_eq!(
        reading.remark.as_deref(),
        Some("estimated by `increase`, as single samples cannot be counted: more than 200 series")
    );
    check.probe.measure(later_by(30), &host).await;
    let asked = held.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().filter(|query| query.starts_with("samples")).count(), 1, "{asked:?}");
    assert!(asked.contains(&"sum(increase(x_total{job=\"shop\"}[30s]))".to_owned()), "{asked:?}");
    let reading = read(PLAIN, Held { single: true, ..Held::default() }, 15).await;
    assert!(reading.lacking, "{reading:?}");
}

fn buckets(bounds: &[(&str, f64)]) -> Vec<RawSeries> {
    bounds
        .iter()
        .map(|(le, grown)| raw(&[("le", le), ("pod", "a")], &[(0, 5.0), (15, 5.0 + grown)]))
        .collect()
}

#[tokio::test]
async fn slow_events_are_those_beyond_a_bucket() {
    let held = Held {
        series: vec![("t_seconds_bucket", buckets(&[("0.5", 90.0), ("+Inf", 100.0)]))],
        ..Held::default()
    };
    assert_eq!(counts(&read(SLOW, held, 15).await), (10.0, 100.0, true));
    // Prometheus finds no bucket by the bound: those around it are told.
    let le = |bound: &str| Series { labels: Arc::new(vec![("le".into(), bound.into())]), value: 1.0 };
    let held = Held {
        series: vec![("t_seconds_bucket", buckets(&[("+Inf", 100.0)]))],
        values: vec![("group by (le)", ["0.25", "1.0", "+Inf"].map(le).to_vec())],
        ..Held::default()
    };
    let Seen::Failed(why) = read(SLOW, held, 15).await.seen else { panic!() };
    assert_eq!(
        why,
        "`500ms` is not a bucket of `t_seconds{a=\"b\"}`: the buckets around it are `250ms` and `1s`; set \
         `slower_than` to a bucket's bound"
    );
}

#[tokio::test]
async fn a_native_histogram_is_interpolated() {
    let one = |value: f64| vec![Series { labels: Arc::default(), value }];
    let held = Held {
        values: vec![
            ("histogram_count(sum(increase(t_seconds{", one(200.0)),
            ("histogram_fraction(-Inf, 0.5, ", one(0.93)),
        ],
        ..Held::default()
    };
    let reading = read(SLOW, held, 15).await;
    let (bad, total, exact) = counts(&reading);
    assert!((bad - 14.0).abs() < 1e-9 && total == 200.0 && !exact);
    assert_eq!(
        reading.remark.as_deref(),
        Some("a native histogram: the share is interpolated within its bucket")
    );
    assert!(read(SLOW, Held::default(), 15).await.lacking);
    // One that is named by its buckets is none.
    let named = SLOW.replace("t_seconds", "t_seconds_bucket");
    let held = Held { values: vec![("histogram", one(1.0))], ..Held::default() };
    assert!(read(&named, held, 15).await.lacking);
}

#[tokio::test]
async fn the_time_before_is_counted_step_by_step() {
    let minutes: Vec<(i64, f64)> =
        (-8..=0).map(|minute| (minute * 60, 1000.0 + 60.0 * minute as f64)).collect();
    let good = raw(&[("code", "200")], &minutes);
    let bad = raw(&[("code", "500")], &[(-120, 7.0), (-60, 9.0), (0, 9.0)]);
    let held = Held { series: vec![("x_total{code", vec![bad]), ("x_total", vec![good])], ..Held::default() };
    let check = rendered(PLAIN, Arc::new(held)).unwrap();
    let (host, _) = world(vec![]);
    let first = noon().checked_sub(Duration::from_secs(180)).unwrap();
    let steps = check.history[0].probe.measure_range(first, STEP, 4, &host).unwrap().await;
    let told: Vec<Events> = steps
        .iter()
        .map(|reading| match &reading.seen {
            Seen::Counts(counts) => counts.events,
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [(0.0, 60.0), (0.0, 60.0), (2.0, 60.0), (0.0, 60.0)];
    assert_eq!(told, expected.map(|(bad, total)| Events::new(bad, total)));
}
