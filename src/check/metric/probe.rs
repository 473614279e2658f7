//! Asks a metric source for one check: at a tick with retries, over a range in as few requests as possible. Must not
//! judge what comes back, and must not know which source it is.

mod ranged;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::aim::Aim;
use super::patience::{budget, persist};
use super::{aim, apart, learning};
use crate::check::rhythm::Rhythm;
use crate::check::{Answer, MetricSource, Probe, Reading, Seen, SourceError, Standing};
use crate::host::Host;
use crate::host::clock::between;
use crate::policy::template::{Scope, Template};
use crate::policy::window::{OldData, Reaching};
use crate::promql::window::Window;
use crate::promql::{self, Dialect, Options};

/// Failed ticks in a row after which a range that must be asked tick by tick is given up.
const GIVE_UP: usize = 3;

/// What is asked.
#[derive(Debug, Clone)]
pub(super) enum Query {
    /// The same at every tick.
    Fixed(Arc<str>),
    /// A template that names `elapsed`, and what it is at the deployment.
    PerTick { template: Template, scope: Scope, deployed_at: Timestamp, first: Arc<str> },
}

/// How an empty result is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Apart {
    /// It is as it is.
    No,
    /// A ratio whose numerator has no series is 0 where its denominator is above 0.
    Ratio,
    /// An empty result of a comparison is no data where an operand is empty itself.
    Comparison,
}

impl Query {
    fn at(&self, at: Timestamp) -> Result<Arc<str>, String> {
        match self {
            Self::Fixed(query) => Ok(query.clone()),
            Self::PerTick { template, scope, deployed_at, .. } => {
                if at < *deployed_at {
                    return Err(
                        "the query names `elapsed`, which says nothing before the deployment".to_owned()
                    );
                }
                let rendered = template.render(&scope.at(between(*deployed_at, at)));
                rendered.map(Arc::from).map_err(|problem| problem.message)
            }
        }
    }
}

/// Measures one metrics check.
#[derive(Debug, Clone)]
pub(super) struct MetricProbe {
    source: Arc<dyn MetricSource>,
    query: Query,
    timeout: Duration,
    target: Arc<str>,
    /// Where it may look; `None` where nothing was deployed.
    aim: Option<Aim>,
    /// How the query stands to the deployment; of one that changes, what it is at the deployment. `None` where it cannot
    /// be read. Read when it is needed: thousands of checks that are asked once, where nothing was deployed, never are.
    window: Arc<OnceLock<Option<Box<Window>>>>,
    apart: Apart,
    rhythm: Arc<Rhythm>,
    /// Where it is asked over its shortest range at every tick: what says how short that is.
    short: Option<Reaching>,
}

/// A query as it is asked at one tick.
pub(super) struct Asked {
    pub(super) query: Arc<str>,
    /// Whether it can tell a breach only.
    early: bool,
}

impl MetricProbe {
    pub(super) fn new(
        source: Arc<dyn MetricSource>,
        query: Query,
        timeout: Duration,
        aim: Option<Aim>,
        apart: Apart,
        rhythm: Arc<Rhythm>,
    ) -> Self {
        let target = match &query {
            Query::Fixed(query) => query.clone(),
            Query::PerTick { template, .. } => Arc::from(template.text.as_str()),
        };
        // What counts from the deployment on looks at the new version only, the warm-up included.
        let aim = match &query {
            Query::PerTick { deployed_at, .. } => aim.map(|aim| Aim { anchor: *deployed_at, ..aim }),
            Query::Fixed(_) => aim,
        };
        Self { source, query, timeout, target, aim, window: Arc::default(), apart, rhythm, short: None }
    }

    /// The source that is asked.
    pub(super) fn source(&self) -> &dyn MetricSource {
        self.source.as_ref()
    }

    /// The query as it is at the deployment.
    pub(super) fn first(&self) -> &str {
        match &self.query {
            Query::Fixed(query) | Query::PerTick { first: query, .. } => query,
        }
    }

    /// How the query stands to the deployment.
    pub(super) fn window(&self) -> Option<&Window> {
        let read = || window(self.first(), self.source.dialect()).map(Box::new);
        self.window.get_or_init(read).as_deref()
    }

    /// What asks the same source `query`, as it is.
    pub(super) fn other(&self, query: &str) -> Self {
        let (source, rhythm) = (self.source.clone(), self.rhythm.clone());
        Self::new(source, Query::Fixed(query.into()), self.timeout, None, Apart::No, rhythm)
    }

    /// What asks the same over its shortest range, `min_range` as `reaching` says.
    pub(super) fn short(&self, reaching: Reaching) -> Self {
        Self { aim: None, short: Some(reaching), ..self.clone() }
    }

    /// `query` over its shortest range.
    fn shortest(&self, query: Arc<str>, reaching: Reaching) -> Arc<str> {
        let shorter =
            |window: &Window| window.over(aim::min_range(reaching, &self.rhythm, self.source.name(), window));
        let shortened = match &self.query {
            Query::Fixed(_) => self.window().and_then(shorter),
            Query::PerTick { .. } => window(&query, self.source.dialect()).as_ref().and_then(shorter),
        };
        shortened.map_or(query, Arc::from)
    }

    /// The same query as it is written, wherever it looks.
    pub(super) fn as_written(&self) -> Self {
        Self { aim: None, ..self.clone() }
    }

    /// The longest stretch that one of its samples looks back over; `lookback` is what a recorded series looks back by
    /// itself.
    pub(super) fn range(&self, lookback: Option<Duration>) -> Duration {
        let window = self.window();
        window.map_or(Duration::ZERO, |window| window.needs_as_written(Duration::ZERO, lookback))
    }

    /// The same from another anchor on; `None` where that changes nothing.
    pub(super) fn reanchored(&self, at: Timestamp) -> Option<Self> {
        let aim =
            self.aim.as_ref().filter(|aim| aim.reaching.old_data != OldData::Allow && aim.anchor < at)?;
        let mut query = self.query.clone();
        if let Query::PerTick { deployed_at, .. } = &mut query {
            *deployed_at = at;
        }
        Some(Self { aim: Some(Aim { anchor: at, ..aim.clone() }), query, ..self.clone() })
    }

    /// What is asked at `at`.
    pub(super) fn asked(&self, at: Timestamp) -> Result<Asked, String> {
        let mut query = self.query.at(at)?;
        if let Some(reaching) = self.short {
            query = self.shortest(query, reaching);
        }
        let Some(aim) = &self.aim else { return Ok(Asked { query, early: false }) };
        let fitted = match &self.query {
            Query::Fixed(_) => self.window().map(|window| aim.fitted(&query, window, at)),
            Query::PerTick { .. } => {
                window(&query, self.source.dialect()).map(|window| aim.fitted(&query, &window, at))
            }
        };
        let (query, early) = fitted.unwrap_or((query, false));
        Ok(Asked { query, early })
    }

    /// Asks until there is an answer, an error that will last, or no time left; how often it asked, too.
    async fn persist<'q, T>(
        &self,
        host: &Host,
        ask: impl Fn(Duration) -> BoxFuture<'q, Result<T, SourceError>>,
    ) -> (Result<T, SourceError>, u32) {
        persist(&self.target, self.timeout, host, ask).await
    }

    /// Measures one tick; and whether the source failed in a way that the next tick may not see.
    async fn tick(&self, at: Timestamp, host: &Host) -> (Reading, bool) {
        match self.asked(at) {
            Ok(asked) => self.ask(asked, at, host).await,
            Err(reason) => (Reading::new(Seen::Failed(reason)), false),
        }
    }

    /// Asks `asked` about `at`, which may be another time than that of its tick.
    pub(super) async fn ask(&self, asked: Asked, at: Timestamp, host: &Host) -> (Reading, bool) {
        let Asked { query, early } = asked;
        let ask = |limit| self.source.evaluate(&query, at, limit, host);
        let (answer, attempts) = self.persist(host, ask).await;
        let down = matches!(&answer, Err(error) if error.retry.is_some());
        let mut reading = reading(answer, attempts);
        if reading.is_empty() {
            let parts = apart::parts(&query, self.apart, self.source.dialect());
            let mut answers = Vec::with_capacity(parts.len());
            for part in &parts {
                let ask = |limit| self.source.evaluate(part, at, limit, host);
                answers.push(self.persist(host, ask).await.0);
            }
            apart::take_apart(&mut reading, self.apart, &parts, answers);
        }
        reading.early = early;
        reading.query = (*query != *self.target).then_some(query);
        (reading, down)
    }
}

/// How `query` stands to a moment; `None` where it cannot be read.
fn window(query: &str, dialect: Dialect) -> Option<Window> {
    let expr = promql::parse(query, Options { dialect, holes: false }).sound().ok()?;
    Some(Window::of(query, &expr))
}

fn reading(answer: Result<Answer, SourceError>, attempts: u32) -> Reading {
    match answer {
        Ok(Answer { series, notes }) => Reading { attempts, notes, ..Reading::new(Seen::Series(series)) },
        Err(error) => Reading { attempts, ..Reading::new(Seen::Failed(error.reason)) },
    }
}

impl Probe for MetricProbe {
    fn target(&self) -> Arc<str> {
        self.target.clone()
    }

    fn request(&self, at: Timestamp) -> Vec<String> {
        match self.asked(at) {
            Ok(asked) => self.source.request(&asked.query, at),
            Err(reason) => vec![reason],
        }
    }

    fn asked_at(&self, at: Timestamp) -> Option<Arc<str>> {
        self.asked(at).ok().map(|asked| asked.query).filter(|query| **query != *self.target)
    }

    fn lane(&self) -> &str {
        self.source.name()
    }

    fn key(&self) -> Option<String> {
        let Query::Fixed(query) = &self.query else { return None };
        let reaching = self.aim.as_ref().map(|aim| (aim.reaching, aim.caps, aim.anchor));
        let timeout = self.timeout.as_millis();
        let short = self.short.map(|reaching| format!("short {:?} ", reaching.min_range)).unwrap_or_default();
        Some(format!("{} {timeout} {reaching:?} {:?} {short}{query}", self.source.name(), self.apart))
    }

    fn due_from(&self) -> Option<Timestamp> {
        self.aim.as_ref()?.due_from(self.source.name(), self.window()?)
    }

    fn tells_from(&self) -> Option<Timestamp> {
        self.aim.as_ref()?.tells_from(self.source.name(), self.window()?)
    }

    fn anchored(&self, at: Timestamp) -> Option<Arc<dyn Probe>> {
        Some(Arc::new(self.reanchored(at)?))
    }

    fn same_from(&self) -> Option<Timestamp> {
        match (&self.query, &self.aim) {
            (Query::PerTick { .. }, _) => None,
            (Query::Fixed(_), None) => Some(Timestamp::MIN),
            (Query::Fixed(_), Some(aim)) => {
                let from = self.window().map(|window| aim.same_from(self.source.name(), window));
                Some(from.unwrap_or(Timestamp::MIN))
            }
        }
    }

    fn scrape_interval(&self) -> Option<Duration> {
        aim::scrape(&self.rhythm, self.source.name(), self.window()?)
    }

    fn learn<'a>(&'a self, host: &'a Host) -> Option<BoxFuture<'a, ()>> {
        learning::learn(
            self.source.as_ref(),
            self.window()?,
            self.aim.as_ref().map(|aim| aim.rollout),
            self.timeout,
            &self.rhythm,
            host,
        )
    }

    fn standing(&self) -> Standing {
        match &self.query {
            Query::Fixed(query) => {
                let query = query.clone();
                let text = self
                    .short
                    .map_or_else(|| query.clone(), |reaching| self.shortest(query.clone(), reaching));
                Standing::Query { text, dialect: self.source.dialect() }
            }
            Query::PerTick { .. } => {
                Standing::Never("it names `elapsed`, the time since a deployment".to_owned())
            }
        }
    }

    fn has_past(&self) -> bool {
        true
    }

    fn delay(&self) -> Duration {
        let learnt = || self.rhythm.delay(self.source.name());
        self.source.delay().or_else(learnt).unwrap_or_default()
    }

    fn budget(&self) -> Duration {
        budget(self.timeout)
    }

    fn warnings(&self) -> Vec<String> {
        self.source.warnings()
    }

    fn measure<'a>(&'a self, at: Timestamp, host: &'a Host) -> BoxFuture<'a, Reading> {
        Box::pin(async move { self.tick(at, host).await.0 })
    }

    fn measure_range<'a>(
        &'a self,
        start: Timestamp,
        step: Duration,
        count: usize,
        host: &'a Host,
    ) -> Option<BoxFuture<'a, Vec<Reading>>> {
        let Query::Fixed(query) = &self.query else { return None };
        let query =
            self.short.map_or_else(|| query.clone(), |reaching| self.shortest(query.clone(), reaching));
        if self.same_from().is_none_or(|from| start < from) {
            return None;
        }
        // Sources know milliseconds: a finer step would drift away from the ticks.
        if step.is_zero() || !step.as_micros().is_multiple_of(1000) {
            return None;
        }
        Some(Box::pin(async move {
            match self.over(&query, start, step, count, host).await {
                Ok(mut readings) => {
                    if *query != *self.target {
                        readings.iter_mut().for_each(|reading| reading.query = Some(query.clone()));
                    }
                    readings
                }
                // Too large, too slow, or refused for what holds at one time only: the ticks themselves may still be
                // answered, and must come out as if they had been asked one by one.
                Err(_) => self.one_by_one(start, step, count, host).await,
            }
        }))
    }
}
