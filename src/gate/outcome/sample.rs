//! One sample of a check, as the record keeps it. Must stay plain data, as the rest of the record.

use std::sync::Arc;

use jiff::Timestamp;

use super::State;
use crate::check::{Labels, Phases};

/// One sample as it is kept: at most the ten worst series.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The tick's time.
    pub at: Timestamp,
    /// What it came to.
    pub state: State,
    /// The worst series, at most ten, worst first; empty for kinds without values.
    pub values: Vec<(Arc<Labels>, f64)>,
    /// The baseline of each of `values`, where it has one; empty where nothing is compared.
    pub baselines: Vec<Option<f64>>,
    /// How many series the result had.
    pub series: usize,
    /// What was sent, where it differs from the check's query.
    pub query: Option<Arc<str>>,
    /// Why it is in that state, where that needs words.
    pub reason: Option<Arc<str>>,
    /// How often it was asked.
    pub attempts: u32,
    /// How long each phase of a probe took.
    pub phases: Option<Box<Phases>>,
    /// Of counted events, ln of the evidence against what is claimed, up to this tick.
    pub log_evidence: Option<f64>,
}

impl Sample {
    /// One of a tick that nobody asked.
    pub const fn unasked(at: Timestamp, state: State, reason: Arc<str>) -> Self {
        Self {
            at,
            state,
            values: Vec::new(),
            baselines: Vec::new(),
            series: 0,
            query: None,
            reason: Some(reason),
            attempts: 0,
            phases: None,
            log_evidence: None,
        }
    }
}
