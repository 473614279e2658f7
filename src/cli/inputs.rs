//! The options that say what was deployed, where and when, and how to reach what is asked: the same for every
//! command that renders a policy. Must not read files; the conductor does.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::policy::value::Scalar as _;

/// Which issues are meant.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct IssueArgs {
    /// An issue that belongs to the deployment, such as `PROJ-7` or `AB#7` [default: those that the pipeline names]
    #[arg(long, value_name = "KEY")]
    pub issue: Vec<String>,

    /// Take the issues that these commits mention: a range of `git log`, such as `v1.3.9..v1.4.0`
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = range)]
    pub commits: Option<String>,
}

/// A range that git cannot take for an option.
pub(crate) fn range(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
        return Err("expected a range of commits such as `v1.3.9..v1.4.0`".to_owned());
    }
    Ok(text.to_owned())
}

/// What a policy is rendered with.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct InputArgs {
    /// The policy files; `run`, `render` and `explain` merge several by top-level key
    #[arg(required = true, value_name = "POLICY")]
    pub policy: Vec<PathBuf>,

    /// Set a variable
    #[arg(long, value_name = "K=V")]
    pub set: Vec<String>,

    /// Read variables from a YAML or JSON file
    #[arg(long, value_name = "FILE")]
    pub values: Vec<PathBuf>,

    /// What was deployed; the variable `service`
    #[arg(long)]
    pub service: Option<String>,

    /// Where it was deployed; the variable `environment`
    #[arg(long)]
    pub environment: Option<String>,

    /// The version that was deployed; the variable `version`
    #[arg(long)]
    pub version: Option<String>,

    /// The version that was replaced; the variable `previous_version`
    #[arg(long)]
    pub previous_version: Option<String>,

    /// When the new version was live everywhere; `none`: there was no deployment [default: --start]
    #[arg(long, value_name = "TIME|none")]
    pub deployed_at: Option<String>,

    /// When the rollout began; what lies between is neither version's [default: --deployed-at]
    #[arg(long, value_name = "TIME")]
    pub rollout_started: Option<String>,

    /// Names the deployment, so that it is rolled back once
    #[arg(long, value_name = "ID")]
    pub deployment_id: Option<String>,

    /// When the window opens at the earliest: RFC 3339, unix seconds, or `30m-ago` [default: now]
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,

    /// Judge the last so much: `--start SPAN-ago --duration SPAN`
    #[arg(long, value_name = "SPAN", value_parser = span, conflicts_with_all = ["start", "duration"])]
    pub last: Option<Duration>,

    /// How long the window is, for every check
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub duration: Option<Duration>,

    /// Prometheus' address: `--integration prometheus.url=URL`
    #[arg(long, value_name = "URL")]
    pub prometheus: Option<String>,

    /// Set a key of an integration
    #[arg(long, value_name = "NAME.KEY=VALUE")]
    pub integration: Vec<String>,

    /// A directory with a file for each secret, named as its reference
    #[arg(long, value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,
}

/// A duration of the command line.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    Duration::read(text).ok_or_else(|| format!("expected {}", Duration::EXPECTED))
}
