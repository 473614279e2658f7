//! The options of `rollgate run` beside those of every command that renders a policy.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::inputs::{InputArgs, IssueArgs};
use crate::gate::outcome::Verdict;

/// `rollgate run`.
#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct RunArgs {
    /// What the policy is rendered with.
    #[command(flatten)]
    pub inputs: InputArgs,

    /// Which issues are written to.
    #[command(flatten)]
    pub issues: IssueArgs,

    /// Requests in flight per source at most
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,

    /// Write a report, replaced while the gate runs
    #[arg(long, value_name = "FORMAT=PATH", value_parser = report)]
    pub report: Vec<(String, PathBuf)>,

    /// The report on stdout
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = format_name)]
    pub format: String,

    /// The least verdict that gives its exit code; lesser ones return 0
    #[arg(long, value_name = "VERDICT", default_value = "alert")]
    pub fail_on: FailOn,

    /// Measure, judge and report, send nothing, return 0
    #[arg(long)]
    pub dry_run: bool,

    /// Send nothing and keep the exit code
    #[arg(long)]
    pub no_actions: bool,

    /// Hold a rollback back, such as for an irreversible migration
    #[arg(long, value_name = "REASON")]
    pub no_rollback: Option<String>,

    /// Sample every check to its end, even when the verdict is rollback already
    #[arg(long)]
    pub no_fail_fast: bool,

    /// The running deployment is itself a rollback: trigger none
    #[arg(long)]
    pub is_rollback: bool,

    /// Keep what was rolled back in a file, so that no run does it a second time, too soon or too often
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,

    /// Tell every question and answer on stderr
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Say nothing on stderr but warnings and faults
    #[arg(short, long)]
    pub quiet: bool,
}

/// The least verdict that gives its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Every verdict but pass
    Alert,
    /// Inconclusive and rollback
    Inconclusive,
    /// Rollback only
    Rollback,
    /// No verdict
    Never,
}

impl FailOn {
    /// Whether `verdict` gives its exit code.
    pub(crate) fn fails(self, verdict: Verdict) -> bool {
        match self {
            Self::Alert => verdict >= Verdict::Alert,
            Self::Inconclusive => verdict >= Verdict::Inconclusive,
            Self::Rollback => verdict >= Verdict::Rollback,
            Self::Never => false,
        }
    }
}

fn report(text: &str) -> Result<(String, PathBuf), String> {
    let (format, path) = text.split_once('=').ok_or("expected FORMAT=PATH, such as `json=report.json`")?;
    if path.is_empty() {
        return Err("expected a path after `=`".to_owned());
    }
    Ok((format_name(format)?, PathBuf::from(path)))
}

fn format_name(text: &str) -> Result<String, String> {
    crate::report::named(text).map(|format| format.name().to_owned())
}
