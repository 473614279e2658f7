//! Where metrics come from: one trait for every source. Must not know any source, and must not judge what one answers.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{Labels, Series, SourceError, explore};
use crate::host::Host;
use crate::promql::Dialect;

/// A source's answer: the series, and what it said beside them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The series at the time that was asked.
    pub series: Vec<Series>,
    /// Warnings and infos.
    pub notes: Vec<String>,
}

/// A series as its source keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct RawSeries {
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its samples in order of time: unix milliseconds and value.
    pub samples: Vec<(i64, f64)>,
}

/// Where metrics come from.
pub trait MetricSource: Debug + Send + Sync {
    /// The kind's name, as reports say it.
    fn kind(&self) -> &'static str;

    /// The integration's name.
    fn name(&self) -> &str;

    /// How long after a tick its data is complete; `None` where that is to be learnt.
    fn delay(&self) -> Option<Duration>;

    /// Whose query language it speaks.
    fn dialect(&self) -> Dialect {
        Dialect::default()
    }

    /// What it can tell of what it holds, where it can.
    fn explore(&self) -> Option<&dyn explore::Explore> {
        None
    }

    /// The request for `query` at `at`, for people, without secrets.
    fn request(&self, query: &str, at: Timestamp) -> Vec<String>;

    /// What people should know of this connection.
    fn warnings(&self) -> Vec<String>;

    /// The value of `query` at `at`, asked once, within `timeout`.
    fn evaluate<'a>(
        &'a self,
        query: &'a str,
        at: Timestamp,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Answer, SourceError>>;

    /// The samples of the series that `selector` finds, after `from` and until `to`, of at most `most` series where the
    /// source can limit them.
    fn samples<'a>(
        &'a self,
        selector: &'a str,
        from: Timestamp,
        to: Timestamp,
        most: usize,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Vec<RawSeries>, SourceError>> {
        let _ = (selector, from, to, most, timeout, host);
        let error = SourceError::lasting(format!("`{}` gives no single samples", self.name()));
        Box::pin(std::future::ready(Err(error)))
    }

    /// The values of `query` at `count` times from `start` on, `step` apart; one answer a time, asked once.
    fn evaluate_range<'a>(
        &'a self,
        query: &'a str,
        start: Timestamp,
        step: Duration,
        count: usize,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Vec<Answer>, SourceError>>;
}
