//! What people are told, whatever the channel: facts, failing checks, what was done, links. All of it is masked, on one
//! line and bounded when it is made. Must not hold the markup of any channel, and must not be cut below its verdict.

use std::time::Duration;

use jiff::Timestamp;

pub use super::plain::{plain, web};
pub(super) use super::title::{about, about_what, bounded, counts};
use crate::event::id::{Parts, once_only};
use crate::event::{Event, Type, service, value_and_limit, worst};
use crate::gate::outcome::{ActionRecord, ActionStatus, CheckRecord, Outcome, Record, State, Verdict};
use crate::host::secret::Redactor;
use crate::policy::criterion::Number;
use crate::policy::model::FailureAction;
use crate::policy::notices::On;

/// Checks that a message tells of at most; the rest is counted.
pub const CHECKS: usize = 10;

/// What sort of message it is: the three of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A build.
    Build,
    /// A deployment.
    Deployment,
    /// Something that people must look at.
    Alert,
}

/// How it stands, for colours and icons; never told by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// It goes on, or was called off.
    Neutral,
    /// Something is to be looked at.
    Warning,
    /// Something is broken.
    Bad,
}

impl Tone {
    /// A sign before a title.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✅",
            Self::Neutral => "ℹ️",
            Self::Warning => "⚠️",
            Self::Bad => "❌",
        }
    }
}

/// What it says in one word; each locale has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The gate's or the gated deployment's state.
    Gate(On),
    /// A rollback that was told of as requested has ended well.
    RolledBack,
    /// A build or deployment that went well.
    Success,
    /// One that did not.
    Failed,
    /// One that goes on.
    Running,
    /// One that was called off.
    Cancelled,
    /// An alert: people must act now.
    Critical,
    /// An alert: people should look.
    Warning,
    /// An alert: people may like to know.
    Info,
}

impl Status {
    /// How it stands.
    pub const fn tone(self) -> Tone {
        match self {
            Self::Gate(On::Pass) | Self::RolledBack | Self::Success => Tone::Good,
            Self::Gate(On::Cancelled) | Self::Running | Self::Cancelled | Self::Info => Tone::Neutral,
            Self::Gate(On::Alert | On::Inconclusive) | Self::Warning => Tone::Warning,
            Self::Gate(On::Rollback | On::RollbackFailed) | Self::Failed | Self::Critical => Tone::Bad,
        }
    }
}

/// What a fact is; each locale has a word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// What was deployed.
    Service,
    /// Where.
    Environment,
    /// Which version.
    Version,
    /// Which version it replaced.
    PreviousVersion,
    /// When the new version was live.
    DeployedAt,
    /// Who deployed it.
    DeployedBy,
    /// The policy's name.
    Policy,
    /// How many checks came to what.
    Checks,
    /// How long it took, or was watched.
    Duration,
    /// The project that was built.
    Project,
    /// The branch that was built.
    Branch,
    /// The commit that was built.
    Commit,
    /// Who wrote it.
    Author,
    /// The number of the build.
    Build,
    /// What raised an alert.
    Source,
    /// The metric of an alert.
    Metric,
    /// Its value.
    Value,
    /// Its limit.
    Limit,
    /// When it happened.
    Time,
}

/// What a link leads to; each locale has a word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkTo {
    /// The pipeline's page of the run.
    Run,
    /// The report.
    Report,
    /// What was deployed, where it runs.
    Deployment,
    /// The rollback that was started.
    Rollback,
    /// What to do about it.
    Runbook,
    /// Where to see more.
    Dashboard,
    /// What was built.
    Artifacts,
    /// What it said.
    Logs,
}

/// A check that failed, could not be measured, or is told of as the worst.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckLine {
    /// Its name.
    pub name: String,
    /// What it came to.
    pub outcome: Option<Outcome>,
    /// What its failure means.
    pub action: FailureAction,
    /// The worst value.
    pub value: Option<String>,
    /// The limit of that value.
    pub limit: Option<String>,
    /// The first and the last breach.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Why, in one line.
    pub reason: String,
    /// What it watches, in the policy's words.
    pub description: Option<String>,
    /// What to do about it.
    pub runbook: Option<String>,
    /// Where to see more.
    pub dashboard: Option<String>,
}

/// A rollback that was asked for, or held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackLine {
    /// The trigger's or the guard's name.
    pub kind: String,
    /// Whom it went to.
    pub target: String,
    /// How it ended; `None` while no answer has come.
    pub status: Option<ActionStatus>,
    /// Why.
    pub reason: Option<String>,
    /// Where to follow it.
    pub url: Option<String>,
}

/// What people are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What sort of message it is.
    pub subject: Subject,
    /// What it says in one word.
    pub status: Status,
    /// What a title names beside the status: `checkout 1.4.0 → production`, or an alert's own title.
    pub about: String,
    /// Why, in one line; empty where there is nothing to explain.
    pub reason: String,
    /// Further text of the caller's own.
    pub text: Option<String>,
    /// What is known, in the order of reading.
    pub facts: Vec<(Fact, String)>,
    /// How many checks came to what, those that count most first.
    pub counts: Vec<(Outcome, usize)>,
    /// The checks that people should know of, worst first, at most [`CHECKS`].
    pub checks: Vec<CheckLine>,
    /// How many more there are.
    pub more: usize,
    /// What was done about it.
    pub rollback: Vec<RollbackLine>,
    /// What keeps the run from acting; empty when it is armed.
    pub disarmed: Vec<String>,
    /// Where to go on, web addresses only.
    pub links: Vec<(LinkTo, String)>,
    /// The same for the same deployment, policy and occasion, however often it is told.
    pub id: String,
    /// The same for every run of the policy for the service in the environment: what is resolved by the next pass.
    pub key: String,
    /// When it is told.
    pub at: Timestamp,
    /// When the gate began.
    pub started_at: Timestamp,
    /// The document for programs.
    pub event: Option<Event>,
}

/// What a message about a gate is made of.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The run.
    pub record: &'a Record,
    /// What people are told of.
    pub status: Status,
    /// What is known of the rollback.
    pub rollback: &'a [RollbackLine],
    /// What is to be started, where the policy names it.
    pub pipeline: Option<&'a str>,
    /// What tells this deployment from others.
    pub deployment: &'a str,
    /// Now.
    pub at: Timestamp,
}

impl Message {
    /// The message about a gate.
    pub fn of(told: &Told<'_>, redactor: &Redactor) -> Self {
        let record = told.record;
        let clean = |text: &str| plain(&redactor.redact(text));
        let known = |text: Option<&str>| text.map(clean).filter(|text| !text.is_empty());
        let bad = record.checks.iter().filter(|check| is_bad(check)).count();
        let worst = worst(&record.checks, usize::MAX);
        let bad_checks: Vec<&CheckRecord> =
            worst.into_iter().filter(|check| is_bad(check)).take(CHECKS).collect();
        let word = match told.status {
            Status::Gate(on) => on.word(),
            _ => "rolled_back",
        };
        let id = |purpose: &str| {
            once_only(&Parts {
                purpose,
                target: word,
                policy: &record.policy,
                service: service(record),
                environment: record.environment.as_deref(),
                version: record.version.as_deref(),
                deployment: told.deployment,
            })
        };
        let event = Event::new(Type::Verdict, record, told.pipeline, id("notify"), redactor);
        let facts = [
            (Fact::Service, known(service(record))),
            (Fact::Environment, known(record.environment.as_deref())),
            (Fact::Version, known(record.version.as_deref())),
            (Fact::PreviousVersion, known(record.previous_version.as_deref())),
            (Fact::DeployedAt, record.deployed_at.map(|at| format!("{at:.0}"))),
            (Fact::Policy, known(Some(&record.policy))),
        ];
        let mut links = Vec::new();
        let mut link = |to, url: Option<&str>| {
            if let Some(url) = url.map(|url| redactor.redact(url)).and_then(|url| web(&url)) {
                links.push((to, url));
            }
        };
        link(LinkTo::Run, record.run_url.as_deref());
        for line in told.rollback {
            link(LinkTo::Rollback, line.url.as_deref());
        }
        let first = bad_checks.first();
        link(LinkTo::Runbook, first.and_then(|check| check.check.runbook_url.as_deref()));
        link(LinkTo::Dashboard, first.and_then(|check| check.check.dashboard_url.as_deref()));
        let reason =
            bad_checks.first().map(|check| clean(&format!("{}: {}", check.check.name, check.reason)));
        Self {
            subject: if told.status.tone() == Tone::Good { Subject::Deployment } else { Subject::Alert },
            status: told.status,
            about: about(record, &clean),
            reason: reason.unwrap_or_default(),
            text: None,
            facts: facts.into_iter().filter_map(|(fact, text)| Some((fact, text?))).collect(),
            counts: counts(
                record.checks.iter().filter(|one| !one.check.dry_run).filter_map(|one| one.outcome),
            ),
            checks: bad_checks.iter().map(|check| CheckLine::new(check, redactor)).collect(),
            more: bad.saturating_sub(CHECKS),
            rollback: told.rollback.to_vec(),
            disarmed: record.disarmed.iter().map(|by| clean(by)).collect(),
            links,
            id: event.id.clone(),
            key: key(record, &clean),
            at: told.at,
            started_at: record.started_at,
            event: Some(event),
        }
    }

    /// From the gate's beginning to the telling.
    pub fn took(&self) -> Duration {
        crate::host::clock::between(self.started_at, self.at)
    }
}

/// Whether people should know of a check: it did not pass, and it counts.
fn is_bad(check: &CheckRecord) -> bool {
    check.contribution.is_some_and(|adds| adds > Verdict::Pass)
        || check.outcome == Some(Outcome::Failed) && !check.check.dry_run
}

/// `rollgate/POLICY/SERVICE/ENVIRONMENT`.
fn key(record: &Record, clean: &impl Fn(&str) -> String) -> String {
    let part =
        |text: Option<&str>| text.map(clean).filter(|text| !text.is_empty()).unwrap_or_else(|| "-".into());
    let (service, environment) = (part(service(record)), part(record.environment.as_deref()));
    bounded(format!("rollgate/{}/{service}/{environment}", clean(&record.policy)))
}

impl CheckLine {
    fn new(record: &CheckRecord, redactor: &Redactor) -> Self {
        let clean = |text: &str| plain(&redactor.redact(text));
        let (value, limit) = value_and_limit(record);
        let mut breaches = record.samples.iter().filter(|sample| sample.state == State::Breach).map(|s| s.at);
        let first = breaches.next();
        let address =
            |url: &Option<String>| url.as_deref().map(|url| redactor.redact(url)).and_then(|url| web(&url));
        Self {
            name: clean(&record.check.name),
            outcome: record.outcome,
            action: record.check.failure_action,
            value: value.map(|value| Number(value).to_string()),
            limit: limit.map(|limit| clean(&limit)),
            span: first.map(|first| (first, breaches.next_back().unwrap_or(first))),
            reason: clean(&record.reason),
            description: record.check.description.as_deref().map(clean),
            runbook: address(&record.check.runbook_url),
            dashboard: address(&record.check.dashboard_url),
        }
    }
}

impl RollbackLine {
    /// What `action`, already kept for the report, says of the rollback.
    pub fn new(action: &ActionRecord) -> Self {
        Self {
            kind: action.kind.clone(),
            target: plain(&action.target),
            status: Some(action.status),
            reason: action.why().map(plain),
            url: action.url.clone(),
        }
    }
}
