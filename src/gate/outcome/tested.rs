//! What a test at the end of a window found, series by series. Must stay plain data, as the rest of the record.

use std::sync::Arc;

use crate::check::Labels;
use crate::policy::relative::Test;
use crate::stats::comparison::Comparison;

/// What a test at the end found.
#[derive(Debug, Clone)]
pub struct Tested {
    /// The test.
    pub test: Test,
    /// How sure it must be, of all series together.
    pub confidence: f64,
    /// How many series were tested.
    pub series: usize,
    /// The worst of them, at most ten, worst first.
    pub worst: Vec<TestedSeries>,
}

/// What a test found of one series.
#[derive(Debug, Clone)]
pub struct TestedSeries {
    /// Its labels.
    pub labels: Arc<Labels>,
    /// The figures.
    pub found: Found,
    /// The p-value, of both directions together where both were tested.
    pub p_value: f64,
    /// Whether the change is beyond what is allowed.
    pub beyond: bool,
    /// Why no rollback can rest on it, where none can.
    pub weak: Option<String>,
    /// Whether samples like these could have shown a change.
    pub able: bool,
}

/// The figures of a test.
#[derive(Debug, Clone)]
pub enum Found {
    /// Of the ranks of two samples.
    Ranks {
        /// The comparison.
        comparison: Box<Comparison>,
        /// The medians of the sample and of the baseline.
        medians: (f64, f64),
        /// How many independent values they are worth.
        independent: (usize, usize),
    },
    /// Of earlier windows.
    Placebo {
        /// The mean of the window.
        mean: f64,
        /// The median of the earlier windows' means.
        median: f64,
        /// How many earlier windows had data.
        windows: usize,
        /// How many had too little.
        left_out: usize,
        /// How many were at least as far off.
        as_far: usize,
    },
}
