//! What a check asks where nobody has just deployed: the question as it can be asked for good. Must not say how often it is
//! asked or what an answer means.

use std::sync::Arc;

use crate::promql::Dialect;

/// A check's question for good.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// A query that is the same at all times.
    Query {
        /// The query.
        text: Arc<str>,
        /// Whose language it is in.
        dialect: Dialect,
    },
    /// The share of bad events: the check's own, and that of a baseline which runs beside it.
    Events {
        /// The check's own.
        own: Counted,
        /// The baseline's.
        against: Option<Counted>,
    },
    /// A target that is probed, as a prober names it: a URL, or `host:port`.
    Target(Arc<str>),
    /// None, and why.
    Never(String),
}

/// Where events are counted.
#[derive(Debug, Clone, PartialEq)]
pub enum Counted {
    /// By counters.
    Counters {
        /// Of bad events.
        bad: Arc<str>,
        /// Of all.
        total: Arc<str>,
    },
    /// By a histogram: those beyond a bound are bad.
    Buckets {
        /// The bucket of those that are not.
        within: Arc<str>,
        /// The bucket of all.
        all: Arc<str>,
        /// The native histogram that it may be instead.
        native: Option<Arc<str>>,
        /// The bound, in seconds.
        bound: f64,
    },
}
