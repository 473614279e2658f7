//! The options of `rollgate backtest`. Must not read files; the conductor does.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use jiff::Timestamp;

use super::inputs::{InputArgs, span};
use super::time;
use crate::backtest::report::FORMATS;
use crate::policy::value::Scalar as _;

/// `rollgate backtest`.
#[derive(Debug, Clone, Args)]
pub(crate) struct BacktestArgs {
    /// The policy files; several are merged by top-level key
    #[arg(required = true, value_name = "POLICY")]
    pub policy: Vec<PathBuf>,

    /// The deployments: a CSV or JSON file, or a PromQL query whose changes mark them
    #[arg(long, required = true, value_name = "FILE|QUERY")]
    pub deployments: String,

    /// Leave out deployments before that: a span back from --until, or a time [default for a query: 90d]
    #[arg(long, value_name = "SPAN|TIME")]
    pub since: Option<String>,

    /// Leave out deployments after that: RFC 3339, unix seconds, or `30d-ago` [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// Judge by this policy as well and show both side by side; several files are merged
    #[arg(long, value_name = "OTHER_POLICY")]
    pub compare: Vec<PathBuf>,

    /// Show for each limit the values at which verdicts flip; checks are then watched to their end
    #[arg(long)]
    pub tune: bool,

    /// How to show the result
    #[arg(long, value_name = "FORMAT", default_value = FORMATS[0].name(), value_parser = formats())]
    pub format: String,

    /// Requests in flight per source at most, over all deployments
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,

    /// Set a variable; what a deployment's own columns or labels say wins
    #[arg(long, value_name = "K=V")]
    pub set: Vec<String>,

    /// Read variables from a YAML or JSON file
    #[arg(long, value_name = "FILE")]
    pub values: Vec<PathBuf>,

    /// What was deployed, where the deployments do not say; the variable `service`
    #[arg(long)]
    pub service: Option<String>,

    /// Where it was deployed, where the deployments do not say; the variable `environment`
    #[arg(long)]
    pub environment: Option<String>,

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

    /// Say nothing on stderr but warnings and faults
    #[arg(short, long)]
    pub quiet: bool,
}

fn formats() -> PossibleValuesParser {
    let values = FORMATS.iter().map(|format| PossibleValue::new(format.name()).help(format.summary()));
    values.collect::<Vec<_>>().into()
}

impl BacktestArgs {
    /// What holds for every deployment, as a run's options.
    pub(crate) fn inputs(&self) -> InputArgs {
        InputArgs {
            set: self.set.clone(),
            values: self.values.clone(),
            service: self.service.clone(),
            environment: self.environment.clone(),
            duration: self.duration,
            prometheus: self.prometheus.clone(),
            integration: self.integration.clone(),
            secrets_dir: self.secrets_dir.clone(),
            ..InputArgs::default()
        }
    }

    /// `--until`, as of `now`.
    ///
    /// # Errors
    /// What was expected.
    pub(crate) fn until(&self, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let read = |text: &String| time::parse(text, now).map_err(|fault| format!("`--until`: {fault}"));
        self.until.as_ref().map(read).transpose()
    }

    /// `--since`, as of `now`: a span counts back from `until`, or from now.
    ///
    /// # Errors
    /// What was expected.
    pub(crate) fn since(
        &self,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, String> {
        let end = until.unwrap_or(now);
        let read = |text: &String| match Duration::read(text) {
            Some(back) => Ok(end.checked_sub(back).unwrap_or(Timestamp::MIN)),
            None => time::parse(text, now).map_err(|_| {
                format!("`--since`: expected a span like `90d` or {}, found `{text}`", time::EXPECTED)
            }),
        };
        let since = self.since.as_ref().map(read).transpose()?;
        match since {
            Some(since) if since > end => Err(format!(
                "expected `--since` before `--until`, found {} and {}",
                crate::gate::moment(since),
                crate::gate::moment(end)
            )),
            since => Ok(since),
        }
    }
}
