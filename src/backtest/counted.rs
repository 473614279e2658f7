//! A metric source that is counted: how often it was asked, and since when it has not answered. Must change nothing of
//! what it is asked and answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::check::explore::Explore;
use crate::check::{Answer, MetricSource, RawSeries, SourceError};
use crate::host::Host;
use crate::host::clock::between;
use crate::promql::Dialect;

/// How long nothing is answered before a source is taken for gone: longer than a server needs to restart.
const PATIENCE: Duration = Duration::from_secs(30);

/// The same of a source that has never answered.
const FIRST_PATIENCE: Duration = Duration::from_secs(5);

/// What all sources of a backtest were asked and answered.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    asked: AtomicU64,
    answered: AtomicU64,
    silence: Mutex<Silence>,
}

/// Failures without an answer between them.
#[derive(Debug, Default, Clone)]
struct Silence {
    since: Option<Timestamp>,
    last: Option<(Timestamp, String)>,
}

impl Tally {
    fn silence(&self) -> MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests were sent.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether nothing was answered, ever.
    pub(crate) fn never_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed) == 0
    }

    /// Why nothing has been answered for so long that the source is gone.
    pub(crate) fn gone(&self) -> Option<String> {
        let patience = if self.never_answered() { FIRST_PATIENCE } else { PATIENCE };
        let Silence { since, last } = self.silence().clone();
        let (last, reason) = last?;
        (between(since?, last) >= patience).then_some(reason)
    }

    /// What was said last instead of an answer, where there never was one.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.silence().last.clone().filter(|_| self.never_answered()).map(|(_, reason)| reason)
    }

    fn heard<T>(&self, answer: &Result<T, SourceError>, now: Timestamp) {
        let mut silence = self.silence();
        match answer {
            Ok(_) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                *silence = Silence::default();
            }
            Err(error) => {
                // A query that is refused for good is not asked again: it says nothing of the others.
                if error.retry.is_some() {
                    silence.since = silence.since.or(Some(now));
                }
                silence.last = Some((now, error.reason.clone()));
            }
        }
    }
}

/// One source, counted.
#[derive(Debug)]
pub(crate) struct Counted {
    source: Arc<dyn MetricSource>,
    tally: Arc<Tally>,
}

impl Counted {
    /// `source`, counted in `tally`.
    pub(crate) fn new(source: Arc<dyn MetricSource>, tally: &Arc<Tally>) -> Self {
        Self { source, tally: tally.clone() }
    }

    fn counted<'a, T: Send + 'a>(
        &'a self,
        asking: BoxFuture<'a, Result<T, SourceError>>,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<T, SourceError>> {
        Box::pin(async move {
            self.tally.asked.fetch_add(1, Ordering::Relaxed);
            let answer = asking.await;
            self.tally.heard(&answer, host.clock.now());
            answer
        })
    }
}

impl MetricSource for Counted {
    fn kind(&self) -> &'static str {
        self.source.kind()
    }

    fn name(&self) -> &str {
        self.source.name()
    }

    fn delay(&self) -> Option<Duration> {
        self.source.delay()
    }

    fn dialect(&self) -> Dialect {
        self.source.dialect()
    }

    fn explore(&self) -> Option<&dyn Explore> {
        self.source.explore()
    }

    fn request(&self, query: &str, at: Timestamp) -> Vec<String> {
        self.source.request(query, at)
    }

    fn warnings(&self) -> Vec<String> {
        self.source.warnings()
    }

    fn evaluate<'a>(
        &'a self,
        query: &'a str,
        at: Timestamp,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Answer, SourceError>> {
        self.counted(self.source.evaluate(query, at, timeout, host), host)
    }

    fn samples<'a>(
        &'a self,
        selector: &'a str,
        from: Timestamp,
        to: Timestamp,
        most: usize,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Vec<RawSeries>, SourceError>> {
        self.counted(self.source.samples(selector, from, to, most, timeout, host), host)
    }

    fn evaluate_range<'a>(
        &'a self,
        query: &'a str,
        start: Timestamp,
        step: Duration,
        count: usize,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Vec<Answer>, SourceError>> {
        self.counted(self.source.evaluate_range(query, start, step, count, timeout, host), host)
    }
}
