//! Asks a metric source for one check: at a tick with retries, over a range in as few requests as possible. Must not
//! judge what comes back, and must not know which source it is.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::check::{Answer, MetricSource, Probe, Reading, Seen, SourceError};
use crate::host::Host;
use crate::host::clock::{between, later};
use crate::policy::template::{Scope, Template};

/// How often a tick is asked at most.
pub(super) const ATTEMPTS: u32 = 3;

/// Beside the attempts' own time-outs: room for back-off.
const ROOM: Duration = Duration::from_secs(5);

/// Failed ticks in a row after which a range that must be asked tick by tick is given up.
const GIVE_UP: usize = 3;

/// What is asked.
#[derive(Debug)]
pub(super) enum Query {
    /// The same at every tick.
    Fixed(Arc<str>),
    /// A template that names `elapsed`.
    PerTick { template: Template, scope: Scope, anchor: Timestamp },
}

/// The longest that one measurement can take whose every attempt may take `timeout`.
pub(super) const fn budget(timeout: Duration) -> Duration {
    timeout.saturating_mul(ATTEMPTS).saturating_add(ROOM)
}

impl Query {
    fn at(&self, at: Timestamp) -> Result<Arc<str>, String> {
        match self {
            Self::Fixed(query) => Ok(query.clone()),
            Self::PerTick { template, scope, anchor } => {
                let rendered = template.render(&scope.at(between(*anchor, at)));
                rendered.map(Arc::from).map_err(|problem| problem.message)
            }
        }
    }
}

/// Measures one metrics check.
#[derive(Debug)]
pub(super) struct MetricProbe {
    source: Arc<dyn MetricSource>,
    query: Query,
    timeout: Duration,
    target: Arc<str>,
}

impl MetricProbe {
    pub(super) fn new(source: Arc<dyn MetricSource>, query: Query, timeout: Duration) -> Self {
        let target = match &query {
            Query::Fixed(query) => query.clone(),
            Query::PerTick { template, .. } => Arc::from(template.text.as_str()),
        };
        Self { source, query, timeout, target }
    }

    /// The pauses between attempts.
    fn pauses(&self, host: &Host) -> impl Iterator<Item = Duration> + use<> {
        // Checks that fail together must not ask again together: each has a jitter of its own.
        let mut hasher = DefaultHasher::new();
        (host.seed, &self.target).hash(&mut hasher);
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(ATTEMPTS as usize - 1)
            .with_jitter()
            .with_jitter_seed(hasher.finish())
            .build()
    }

    /// Asks until there is an answer, an error that will last, or no time left; how often it asked, too.
    async fn persist<'q, T>(
        &self,
        host: &Host,
        ask: impl Fn(Duration) -> BoxFuture<'q, Result<T, SourceError>>,
    ) -> (Result<T, SourceError>, u32) {
        let deadline = later(host.clock.now(), self.budget());
        let mut pauses = None;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let limit = self.timeout.min(between(host.clock.now(), deadline));
            let mut error = match ask(limit).await {
                Ok(answer) => return (Ok(answer), attempts),
                Err(error) => error,
            };
            let Some((wait, pause)) = error.retry.zip(pauses.get_or_insert_with(|| self.pauses(host)).next())
            else {
                return (Err(error), attempts);
            };
            let pause = pause.max(wait);
            if later(host.clock.now(), pause) >= deadline {
                if !wait.is_zero() {
                    let wait = humantime::format_duration(wait);
                    error.reason.push_str(&format!("; it asks to wait {wait}, longer than this tick can"));
                }
                return (Err(error), attempts);
            }
            host.clock.sleep(pause).await;
        }
    }

    /// Measures one tick; and whether the source failed in a way that the next tick may not see.
    async fn tick(&self, at: Timestamp, host: &Host) -> (Reading, bool) {
        let query = match self.query.at(at) {
            Ok(query) => query,
            Err(reason) => return (Reading::new(Seen::Failed(reason)), false),
        };
        let ask = |limit| self.source.evaluate(&query, at, limit, host);
        let (answer, attempts) = self.persist(host, ask).await;
        let down = matches!(&answer, Err(error) if error.retry.is_some());
        let mut reading = reading(answer, attempts);
        reading.query = matches!(self.query, Query::PerTick { .. }).then_some(query);
        (reading, down)
    }

    /// `count` ticks one by one, for a range that the source would not answer as one.
    async fn one_by_one(&self, start: Timestamp, step: Duration, count: usize, host: &Host) -> Vec<Reading> {
        let mut readings: Vec<Reading> = Vec::with_capacity(count);
        let mut failures = 0;
        let mut gone = None;
        for index in 0..count {
            if let Some(reason) = &gone {
                readings.push(Reading::new(Seen::Failed(String::clone(reason))));
                continue;
            }
            let offset = step.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
            let (reading, down) = self.tick(later(start, offset), host).await;
            failures = if matches!(reading.seen, Seen::Failed(_)) { failures + 1 } else { 0 };
            // A source that is down was asked often enough in that one tick.
            if let Seen::Failed(reason) = &reading.seen
                && (down || failures >= GIVE_UP)
            {
                gone = Some(reason.clone());
            }
            readings.push(reading);
        }
        readings
    }
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
        match self.query.at(at) {
            Ok(query) => self.source.request(&query, at),
            Err(reason) => vec![reason],
        }
    }

    fn lane(&self) -> &str {
        self.source.name()
    }

    fn key(&self) -> Option<String> {
        let Query::Fixed(query) = &self.query else { return None };
        Some(format!("{} {} {query}", self.source.name(), self.timeout.as_millis()))
    }

    fn has_past(&self) -> bool {
        true
    }

    fn delay(&self) -> Duration {
        self.source.delay()
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
        // Sources know milliseconds: a finer step would drift away from the ticks.
        if step.is_zero() || !step.as_micros().is_multiple_of(1000) {
            return None;
        }
        Some(Box::pin(async move {
            let ask = |limit| self.source.evaluate_range(query, start, step, count, limit, host);
            match self.persist(host, ask).await {
                (Ok(answers), attempts) => answers.into_iter().map(|a| reading(Ok(a), attempts)).collect(),
                // Too large, too slow, or refused for what holds at one time only: the ticks themselves may still be
                // answered, and must come out as if they had been asked one by one.
                (Err(_), _) => self.one_by_one(start, step, count, host).await,
            }
        }))
    }
}
