//! What a backtest came to, as text: one file per format. Must stay pure: what is right and wrong was decided before.
//!
//! To add a format: a file here and one entry in [`FORMATS`].

mod csv;
pub(crate) mod json;
mod text;
mod tuned;

use std::time::Duration;

use super::judged::Case;
use crate::host::signals::Signal;
use crate::prepare::past::Past;
use crate::report::Redact;

/// A whole backtest.
#[derive(Debug)]
pub(crate) struct Backtest {
    /// The policies, in the order of what they said of each deployment.
    pub judges: Vec<Judge>,
    /// The deployments, in order of time.
    pub cases: Vec<Case>,
    /// Whether it is told where verdicts flip.
    pub tuned: bool,
    /// Requests that were sent.
    pub queries: u64,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub ended: Ended,
}

/// A policy that judged.
#[derive(Debug)]
pub(crate) struct Judge {
    /// Its name.
    pub name: String,
    /// Its files.
    pub files: Vec<String>,
    /// Its checks that have no past, by name.
    pub skipped: Vec<String>,
}

impl Judge {
    /// What is told of `past`.
    pub(crate) fn of(past: &Past) -> Self {
        Self {
            name: past.spec.name.clone(),
            files: past.files(),
            skipped: past.skipped.iter().map(|skipped| skipped.name.clone()).collect(),
        }
    }
}

/// How a backtest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every deployment was judged or left out.
    Finished,
    /// A signal ended it.
    Interrupted(Signal),
    /// The source was gone; why.
    Down(String),
}

impl Ended {
    /// The word of reports.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Interrupted(_) => "interrupted",
            Self::Down(_) => "source_down",
        }
    }
}

/// A form that a result can take.
pub(crate) trait Format: Sync {
    /// The word of `--format`, and the file's name.
    fn name(&self) -> &'static str;

    /// What it is for, in one sentence.
    fn summary(&self) -> &'static str;

    /// The whole output, line end included. `redact` is applied to every text that came from outside.
    fn render(&self, backtest: &Backtest, redact: Redact<'_>) -> String;
}

/// The formats there are, in the order of documents; the first is the default.
pub(crate) static FORMATS: &[&dyn Format] = &[&text::Text, &json::Json, &csv::Csv];
