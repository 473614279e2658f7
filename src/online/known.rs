//! What a source has told of what it holds. Must not decide what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::check::Answer;
use crate::check::explore::{Cost, MetricType};

/// What one source has told.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The metrics it has had of late, where it tells all of them.
    pub names: Option<BTreeSet<String>>,
    /// What each selector selects.
    pub held: BTreeMap<String, Held>,
    /// What metrics are.
    pub types: BTreeMap<String, MetricType>,
    /// How far apart the samples are that each selector selects.
    pub intervals: BTreeMap<String, Duration>,
    /// The upper ends of the buckets that each selector selects, as they are written.
    pub buckets: BTreeMap<String, Vec<String>>,
    /// The share of each job's targets that are up.
    pub jobs: BTreeMap<String, f64>,
    /// The answer to each query and what it cost, or why there is none.
    pub priced: BTreeMap<String, Result<(Answer, Cost), String>>,
}

/// What a selector selects.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Held {
    /// So many series.
    Series(f64),
    /// None, and why.
    Nothing(Lack),
}

/// Why a selector selects nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lack {
    /// There is no such metric.
    Metric,
    /// The metric has no such label; those it has.
    Label(String, Vec<String>),
    /// What the matcher with this index leaves nothing of; the values that there are of its label.
    Matcher(usize, Vec<String>),
    /// The matchers leave something without any one of these, and together they leave nothing.
    Together(Vec<usize>),
    /// The metric has no samples any more.
    Ended,
    /// Nobody could say.
    Unknown,
}
