//! The three messages of a pipeline and a gate's report, from options and from what the pipeline says of itself. Must not
//! send anything.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::{ToArgs, What};
use crate::cli::inputs::span;
use crate::cli::time;
use crate::event::id::Deployment;
use crate::gate::moment;
use crate::host::Host;
use crate::host::clock::between;
use crate::notify::compose::Composed;
use crate::notify::message::{Fact, LinkTo, Message, Status, Subject, web};
use crate::pipeline::{self, Told, told};

/// `rollgate notify build`.
#[derive(Debug, Clone, Args)]
pub(crate) struct BuildArgs {
    /// How it went [default: as the pipeline says]
    #[arg(long, value_enum)]
    pub status: Option<Went>,

    /// What was built [default: as the pipeline says]
    #[arg(long)]
    pub project: Option<String>,

    /// The branch [default: as the pipeline says]
    #[arg(long)]
    pub branch: Option<String>,

    /// The commit [default: as the pipeline says]
    #[arg(long)]
    pub commit: Option<String>,

    /// Who wrote it [default: as the pipeline says]
    #[arg(long)]
    pub author: Option<String>,

    /// The build's number [default: as the pipeline says]
    #[arg(long)]
    pub number: Option<String>,

    /// How long it took [default: since the pipeline began, where it says]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub took: Option<Duration>,

    /// The build's page [default: as the pipeline says]
    #[arg(long, value_parser = link)]
    pub url: Option<String>,

    /// Where what was built can be had
    #[arg(long, value_name = "URL", value_parser = link)]
    pub artifacts: Option<String>,

    /// Where the logs are
    #[arg(long, value_name = "URL", value_parser = link)]
    pub logs: Option<String>,

    /// Whom to tell, and how.
    #[command(flatten)]
    pub to: ToArgs,
}

/// `rollgate notify deployment`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DeploymentArgs {
    /// How it went [default: as the pipeline says]
    #[arg(long, value_enum)]
    pub status: Option<Went>,

    /// What was deployed
    #[arg(long)]
    pub service: Option<String>,

    /// Where it was deployed [default: as the pipeline says]
    #[arg(long)]
    pub environment: Option<String>,

    /// The version that was deployed
    #[arg(long)]
    pub version: Option<String>,

    /// Who deployed it [default: as the pipeline says]
    #[arg(long, value_name = "WHO")]
    pub deployed_by: Option<String>,

    /// When it was deployed [default: now, unless it is running]
    #[arg(long, value_name = "TIME|none")]
    pub deployed_at: Option<String>,

    /// Where it can be seen
    #[arg(long, value_parser = link)]
    pub url: Option<String>,

    /// The pipeline's page [default: as the pipeline says]
    #[arg(long, value_name = "URL", value_parser = link)]
    pub pipeline_url: Option<String>,

    /// Where the logs are
    #[arg(long, value_name = "URL", value_parser = link)]
    pub logs: Option<String>,

    /// Whom to tell, and how.
    #[command(flatten)]
    pub to: ToArgs,
}

/// `rollgate notify alert`.
#[derive(Debug, Clone, Args)]
pub(crate) struct AlertArgs {
    /// What has happened
    #[arg(long)]
    pub title: String,

    /// How bad it is
    #[arg(long, value_enum, default_value = "warning")]
    pub severity: Severity,

    /// More about it
    #[arg(long)]
    pub description: Option<String>,

    /// What has noticed it
    #[arg(long)]
    pub source: Option<String>,

    /// The metric
    #[arg(long)]
    pub metric: Option<String>,

    /// Its value
    #[arg(long)]
    pub value: Option<String>,

    /// Its limit
    #[arg(long)]
    pub limit: Option<String>,

    /// When it happened [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,

    /// What to do about it
    #[arg(long, value_name = "URL", value_parser = link)]
    pub runbook: Option<String>,

    /// Where to see more
    #[arg(long, value_name = "URL", value_parser = link)]
    pub dashboard: Option<String>,

    /// Whom to tell, and how.
    #[command(flatten)]
    pub to: ToArgs,
}

/// `rollgate notify report`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArgs {
    /// The report, as `--report json=PATH` has written it
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,

    /// Where people can read it
    #[arg(long, value_parser = link)]
    pub url: Option<String>,

    /// Whom to tell, and how.
    #[command(flatten)]
    pub to: ToArgs,
}

/// How a build or deployment went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Went {
    /// Well
    Success,
    /// Not well
    Failed,
    /// It goes on
    Running,
    /// It was called off
    Cancelled,
}

/// How bad an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Severity {
    /// People must act now
    Critical,
    /// People should look
    Warning,
    /// People may like to know
    Info,
}

/// A web address of the command line.
fn link(text: &str) -> Result<String, String> {
    web(text).ok_or_else(|| "expected a URL like `https://host/path` of at most 2000 characters".to_owned())
}

impl What {
    /// What people are told.
    ///
    /// # Errors
    /// A sentence about what is missing or wrong.
    pub(super) fn message(&self, host: &Host) -> Result<Message, String> {
        let (now, redactor) = (host.clock.now(), &host.output.redactor);
        let mut composed = match self {
            Self::Build(args) => build(args, host, now)?,
            Self::Deployment(args) => deployment(args, host, now)?,
            Self::Alert(args) => alert(args, host, now)?,
            Self::Report(args) => return report(args, host, now),
        };
        composed.text.clone_from(&self.to().text);
        Ok(Message::composed(&composed, now, redactor))
    }
}

fn report(args: &ReportArgs, host: &Host, now: Timestamp) -> Result<Message, String> {
    let (path, redactor) = (args.report.display(), &host.output.redactor);
    let bytes = host.files.read(&args.report).map_err(|error| format!("`{path}` cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("`{path}` is not UTF-8 text"))?;
    let told = Message::reported(&text, now, redactor);
    let mut message = told.map_err(|problem| format!("`{path}` cannot be told of: {problem}"))?;
    if let Some(url) = args.url.as_deref().and_then(|url| web(&redactor.redact(url))) {
        let at = message.links.iter().take_while(|(to, _)| *to == LinkTo::Run).count();
        message.links.insert(at, (LinkTo::Report, url));
    }
    message.text = args.to.text.as_deref().map(|text| crate::notify::message::plain(&redactor.redact(text)));
    Ok(message)
}

/// What is given, else what the pipeline says.
fn or_told(given: Option<&String>, what: Told, host: &Host) -> Option<String> {
    given.cloned().or_else(|| told(what, &host.env).map(str::to_owned))
}

fn went(given: Option<Went>, host: &Host) -> Result<Status, String> {
    let word = || pipeline::status(&host.env);
    let went = given.or_else(|| Went::from_str(word()?, true).ok());
    Ok(match went.ok_or("expected `--status`: the pipeline does not say how it went")? {
        Went::Success => Status::Success,
        Went::Failed => Status::Failed,
        Went::Running => Status::Running,
        Went::Cancelled => Status::Cancelled,
    })
}

fn occasion(host: &Host, now: Timestamp) -> String {
    Deployment::find(None, None, &host.env, now).key
}

fn build(args: &BuildArgs, host: &Host, now: Timestamp) -> Result<Composed, String> {
    let status = went(args.status, host)?;
    let project = or_told(args.project.as_ref(), Told::Project, host);
    let branch = or_told(args.branch.as_ref(), Told::Branch, host);
    let number = or_told(args.number.as_ref(), Told::Number, host);
    let mut about = project.clone().unwrap_or_default();
    if let Some(number) = &number {
        about.push_str(&format!(" #{number}"));
    }
    if let Some(branch) = &branch {
        about.push_str(&format!(" ({branch})"));
    }
    if about.is_empty() {
        return Err("expected `--project`: the pipeline does not say what was built".to_owned());
    }
    let since = || pipeline::began(&host.env).map(|began| between(began, now));
    let duration = args.took.or_else(since).map(|span| Duration::from_secs(span.as_secs()));
    Ok(Composed {
        subject: Subject::Build,
        status,
        about,
        reason: None,
        text: None,
        facts: vec![
            (Fact::Project, project.clone()),
            (Fact::Branch, branch.clone()),
            (Fact::Commit, or_told(args.commit.as_ref(), Told::Commit, host)),
            (Fact::Author, or_told(args.author.as_ref(), Told::Author, host)),
            (Fact::Build, number),
            (Fact::Duration, duration.map(|span| humantime::format_duration(span).to_string())),
        ],
        links: vec![
            (LinkTo::Run, args.url.clone().or_else(|| pipeline::run_url(&host.env))),
            (LinkTo::Artifacts, args.artifacts.clone()),
            (LinkTo::Logs, args.logs.clone()),
        ],
        of: [project, branch].into_iter().flatten().collect(),
        occasion: occasion(host, now),
    })
}

fn deployment(args: &DeploymentArgs, host: &Host, now: Timestamp) -> Result<Composed, String> {
    let status = went(args.status, host)?;
    let service = args.service.clone().or_else(|| told(Told::Project, &host.env).map(str::to_owned));
    let environment = or_told(args.environment.as_ref(), Told::Environment, host);
    let service = service.ok_or("expected `--service`: nothing says what was deployed")?;
    // The gate's own variable may say that there was none.
    let given = args
        .deployed_at
        .as_deref()
        .filter(|text| *text != "none")
        .map(|text| time::parse(text, now))
        .transpose();
    let at = given.map_err(|fault| format!("`--deployed-at`: {fault}"))?;
    let at = at.or_else(|| (status != Status::Running).then_some(now));
    let about = [Some(service.as_str()), args.version.as_deref()].into_iter().flatten();
    let mut about = about.collect::<Vec<_>>().join(" ");
    if let Some(environment) = &environment {
        about.push_str(&format!(" → {environment}"));
    }
    Ok(Composed {
        subject: Subject::Deployment,
        status,
        about,
        reason: None,
        text: None,
        facts: vec![
            (Fact::Service, Some(service.clone())),
            (Fact::Environment, environment.clone()),
            (Fact::Version, args.version.clone()),
            (
                Fact::DeployedBy,
                args.deployed_by.clone().or_else(|| pipeline::actor(&host.env).map(str::to_owned)),
            ),
            (Fact::DeployedAt, at.map(moment)),
        ],
        links: vec![
            (LinkTo::Run, args.pipeline_url.clone().or_else(|| pipeline::run_url(&host.env))),
            (LinkTo::Deployment, args.url.clone()),
            (LinkTo::Logs, args.logs.clone()),
        ],
        of: [Some(service), environment].into_iter().flatten().collect(),
        occasion: occasion(host, now),
    })
}

fn alert(args: &AlertArgs, host: &Host, now: Timestamp) -> Result<Composed, String> {
    let given = args.at.as_deref().map(|text| time::parse(text, now)).transpose();
    let at = given.map_err(|fault| format!("`--at`: {fault}"))?.unwrap_or(now);
    let status = match args.severity {
        Severity::Critical => Status::Critical,
        Severity::Warning => Status::Warning,
        Severity::Info => Status::Info,
    };
    Ok(Composed {
        subject: Subject::Alert,
        status,
        about: args.title.clone(),
        reason: args.description.clone(),
        text: None,
        facts: vec![
            (Fact::Source, args.source.clone()),
            (Fact::Metric, args.metric.clone()),
            (Fact::Value, args.value.clone()),
            (Fact::Limit, args.limit.clone()),
            (Fact::Time, Some(moment(at))),
        ],
        links: vec![
            (LinkTo::Runbook, args.runbook.clone()),
            (LinkTo::Dashboard, args.dashboard.clone()),
            (LinkTo::Run, pipeline::run_url(&host.env)),
        ],
        of: [args.source.clone(), Some(args.title.clone())].into_iter().flatten().collect(),
        occasion: occasion(host, now),
    })
}
