//! What a metric source can tell of what it holds: names, labels, types, and what a query costs. For looking at a
//! policy before it runs; must not be needed to measure anything.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{Answer, SourceError};
use crate::host::Host;

/// When and how a source is asked what it holds.
#[derive(Clone, Copy)]
pub struct Exploring<'a> {
    /// What had samples from then on…
    pub from: Timestamp,
    /// …to then.
    pub to: Timestamp,
    /// How long one answer may take.
    pub timeout: Duration,
    /// The outside world.
    pub host: &'a Host,
}

/// What a metric is, as its exporter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricType {
    /// It only grows, and begins anew at a restart.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by buckets.
    Histogram,
    /// Quantiles, a sum and a count.
    Summary,
}

impl MetricType {
    /// The word of exporters.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// What a query has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Samples that were looked at, where the source says.
    pub samples: Option<u64>,
    /// How long it took, as the source says, else as we have waited.
    pub took: Duration,
}

/// A source that tells what it holds. All answers are asked for once.
pub trait Explore: Sync {
    /// The values that `label` has, of series that `selector` selects, or of all; `__name__` for the metrics' names.
    fn values<'a>(
        &'a self,
        label: &'a str,
        selector: Option<&'a str>,
        when: Exploring<'a>,
    ) -> BoxFuture<'a, Result<Vec<String>, SourceError>>;

    /// The labels of the series that `selector` selects.
    fn labels<'a>(
        &'a self,
        selector: &'a str,
        when: Exploring<'a>,
    ) -> BoxFuture<'a, Result<Vec<String>, SourceError>>;

    /// What `metric` is; `None` where nobody has said, or not everybody the same.
    fn metric_type<'a>(
        &'a self,
        metric: &'a str,
        when: Exploring<'a>,
    ) -> BoxFuture<'a, Result<Option<MetricType>, SourceError>>;

    /// The value of `query` at the end of `when`, and what it costs.
    fn price<'a>(
        &'a self,
        query: &'a str,
        when: Exploring<'a>,
    ) -> BoxFuture<'a, Result<(Answer, Cost), SourceError>>;
}
