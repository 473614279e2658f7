//! A policy as the rest of rollgate sees it: [`PolicySpec`] as it was read, templates and all, and [`Policy`] as it
//! will run, two types so that nothing unrendered can be measured. Must hold no YAML (but the triggers', which
//! their own folder reads) and no spans beyond the place of each thing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::criterion::Criterion;
use super::deployment_triggers::DeploymentTriggers;
use super::events::{RatesSpec, Tested};
use super::integration::Integrations;
pub use super::missing::{On, OnMissing, OnMissingSpec, OnNoTraffic};
use super::notices::NoticeSpec;
use super::problem::{Place, Problems};
use super::relative::Relative;
pub use super::rollback::{OnInconclusive, Rollback, RollbackSpec};
use super::template::Template;
use super::tracking::TrackingSpec;
use super::value::{AtLeastOne, Period, Scalar, Share, Value};
use super::variables::Declared;
use super::window::{Mode, WindowSpec};
use crate::check::{Beside, Companion, ContextSpec, History, Probe, Spec, VersionSpec};

/// What a failed check means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureAction {
    /// The deployment is taken back.
    Rollback,
    /// People are told.
    Alert,
}

impl FailureAction {
    /// The word of the policy.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Alert => "alert",
        }
    }
}

/// Whose breaches are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Count {
    /// The check's.
    #[default]
    Check,
    /// Each label set's of its own.
    Series,
}

/// How many of the series must meet the criterion.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Require {
    /// Every one.
    #[default]
    All,
    /// At least one.
    Any,
    /// At least this share.
    Share(Share),
}

/// How a reading of series is judged; readings of other kinds say themselves whether they are met.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Judging {
    /// What values must satisfy.
    pub criterion: Criterion,
    /// Any series is a breach.
    pub expect_empty: bool,
    /// How many series must meet the criterion.
    pub require: Require,
    /// Whose breaches are counted.
    pub count: Count,
    /// Series below which a result is no data; 0 counts as 1.
    pub min_series: u32,
    /// How values are held against a baseline.
    pub relative: Option<Relative>,
}

impl Judging {
    /// What values must satisfy, in words of the policy.
    pub fn limits(&self) -> String {
        let absolute = Some(self.criterion.to_string()).filter(|said| !said.is_empty());
        let relative = self.relative.map(|relative| relative.to_string());
        absolute.into_iter().chain(relative).collect::<Vec<_>>().join("; ")
    }
}

/// What every check has, whatever its kind.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Written name; health checks may have none.
    pub name: Option<String>,
    /// What its failure means; rollback where nothing is written.
    pub failure_action: Option<Value<FailureAction>>,
    /// How long it is sampled.
    pub duration: Option<Value<Duration>>,
    /// From tick to tick.
    pub interval: Option<Value<Period>>,
    /// Breaches that fail it.
    pub max_failures: Option<Value<AtLeastOne>>,
    /// Among so many consecutive judged samples.
    pub within: Option<Value<AtLeastOne>>,
    /// Judged samples below which it is inconclusive.
    pub min_samples: Option<Value<u32>>,
    /// Judged ÷ due below which it is inconclusive.
    pub min_coverage: Option<Value<Share>>,
    /// What ticks without a judgement count as.
    pub on: OnMissingSpec,
    /// Measured and reported, never counted.
    pub dry_run: Option<Value<bool>>,
    /// Environments in which it applies; empty for all.
    pub only: Vec<Template>,
    /// Shown to people.
    pub description: Option<Template>,
    /// Shown to people.
    pub runbook_url: Option<Template>,
    /// Shown to people.
    pub dashboard_url: Option<Template>,
}

/// A check as it was read.
#[derive(Debug)]
pub struct CheckSpec {
    /// What every check has.
    pub envelope: Envelope,
    /// The kind's name.
    pub kind: &'static str,
    /// What the kind read.
    pub spec: Box<dyn Spec>,
    /// Where the check is written.
    pub place: Place,
}

/// A check as it will run.
#[derive(Debug)]
pub struct Check {
    /// Unique in the policy.
    pub name: String,
    /// The kind's name.
    pub kind: &'static str,
    /// The integration that is asked, for metrics.
    pub source: Option<String>,
    /// What its failure means.
    pub failure_action: FailureAction,
    /// How long it is sampled.
    pub duration: Duration,
    /// From tick to tick; never zero.
    pub interval: Duration,
    /// Whether the interval is written, on the check or for the gate.
    pub interval_written: bool,
    /// Breaches that fail it, as written or by default; at least 1.
    pub max_failures: u32,
    /// Whether `max_failures` is written on this check or in the rollback policy.
    pub max_failures_written: bool,
    /// Among so many consecutive judged samples; at least `max_failures`.
    pub within: u32,
    /// Judged samples below which it is inconclusive.
    pub min_samples: u32,
    /// Judged ÷ due below which it is inconclusive, 0 to 1.
    pub min_coverage: f64,
    /// What ticks without a judgement count as.
    pub on: OnMissing,
    /// Measured and reported, never counted.
    pub dry_run: bool,
    /// Why it does not apply here.
    pub skipped: Option<String>,
    /// Shown to people.
    pub description: Option<String>,
    /// Shown to people.
    pub runbook_url: Option<String>,
    /// Shown to people.
    pub dashboard_url: Option<String>,
    /// How a reading of series is judged.
    pub judging: Judging,
    /// How its events are judged, where it counts any.
    pub events: Option<Tested>,
    /// What is asked, for people: the query, or method and URL, or host and port.
    pub target: Arc<str>,
    /// What measures it.
    pub probe: Arc<dyn Probe>,
    /// How its window is judged.
    pub mode: Mode,
    /// What is asked beside it at every tick.
    pub beside: Vec<Beside>,
    /// What is asked once about the time before the deployment.
    pub history: Vec<History>,
    /// The policy file, as it was named.
    pub file: Arc<str>,
    /// The line in it, from 1.
    pub line: u32,
}

impl Check {
    /// How long after a tick it is to be asked, with what is asked beside it.
    pub fn delay(&self) -> Duration {
        // Kinds without a past are asked now or never.
        let beside = self.beside.iter().filter(|_| self.probe.has_past()).map(|one| one.probe.delay());
        beside.chain([self.probe.delay()]).max().unwrap_or_default()
    }

    /// The longest that one tick can take, with what is asked beside it.
    pub fn budget(&self) -> Duration {
        let beside = self.beside.iter().map(|one| one.probe.budget());
        beside.chain([self.probe.budget()]).max().unwrap_or_default()
    }

    /// From when on its ticks would be due if the new version were live from `at` on only; `None` where that changes nothing.
    pub fn due_from_anchor(&self, at: Timestamp) -> Option<Timestamp> {
        let own = self.probe.anchored(at)?;
        let beside = self.beside.iter().filter_map(|one| one.probe.anchored(at));
        let of = |one: &Arc<dyn Probe>| one.tells_from().or_else(|| one.due_from());
        beside.filter_map(|one| of(&one)).chain(own.due_from()).max()
    }

    /// From when on its ticks are due, for itself and for what is asked beside it. `None` where all are.
    pub fn due_from(&self) -> Option<Timestamp> {
        // Of what grows, a part tells enough: there is at least that much.
        let of = |one: &Beside| one.probe.tells_from().or_else(|| one.probe.due_from());
        self.beside.iter().filter_map(of).chain(self.probe.due_from()).max()
    }

    /// Whether it is decided once, at its last tick, by a test of all its samples.
    pub fn decided_once(&self) -> bool {
        self.judging.relative.is_some_and(|relative| relative.test.is_some())
    }

    /// Samples of a comparison that are closer together than this repeat each other: the longest range of the query, or
    /// the time from scrape to scrape.
    pub fn looks_back(&self) -> Duration {
        let range = self.judging.relative.map_or(Duration::ZERO, |relative| relative.range);
        range.max(self.probe.scrape_interval().unwrap_or_default())
    }
}

/// A policy as it was read.
#[derive(Debug, Default)]
pub struct PolicySpec {
    /// Its name: written, else the first file's.
    pub name: String,
    /// Where the gate is written, when it is.
    pub place: Option<Place>,
    /// When and how long it watches.
    pub window: WindowSpec,
    /// What tells a fault of this place from one of the targets.
    pub control: Option<ControlSpec>,
    /// How often verdicts on events may be wrong.
    pub rates: RatesSpec,
    /// What is asked beside the samples of metrics checks that say nothing else.
    pub context: ContextSpec,
    /// What tells whether the new version takes traffic.
    pub version: Option<VersionSpec>,
    /// What is watched, in the order of the documents.
    pub checks: Vec<CheckSpec>,
    /// What follows a rollback verdict.
    pub rollback: RollbackSpec,
    /// What starts deployments.
    pub deployments: DeploymentTriggers,
    /// The inputs that it declares.
    pub variables: Declared,
    /// The systems that it names.
    pub integrations: Integrations,
    /// Who is told of what.
    pub notices: Vec<NoticeSpec>,
    /// Which issues are written to.
    pub tracking: Vec<TrackingSpec>,
}

impl PolicySpec {
    /// The queries that the gate asks beside those of its checks.
    pub fn companions(&self) -> Vec<Companion<'_>> {
        self.context.companions().into_iter().chain(self.version.iter().map(VersionSpec::companion)).collect()
    }

    /// The metrics integrations that are asked, by the checks or beside them, each once and by name.
    pub fn sources(&self) -> BTreeSet<&str> {
        let of_checks = self.checks.iter().flat_map(|check| {
            let beside = check.spec.companions().into_iter().map(|one| one.source.0);
            check.spec.source().into_iter().chain(beside)
        });
        // What the gate says for metrics asks nothing where there are none.
        let metrics = self.checks.iter().any(|check| check.spec.source().is_some());
        let of_gate = self.context.companions().into_iter().filter(|_| metrics);
        let of_gate = of_gate.chain(self.version.iter().map(VersionSpec::companion));
        of_checks.chain(of_gate.map(|one| one.source.0)).collect()
    }
}

/// The gate's `control` as it was read.
#[derive(Debug)]
pub struct ControlSpec {
    /// The kind's name.
    pub kind: &'static str,
    /// What the kind read.
    pub spec: Box<dyn Spec>,
    /// Where it is written.
    pub place: Place,
}

/// A policy as it will run.
#[derive(Debug)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// How long the gate watches: `--duration`, else the window's, else the longest that a check names, else zero.
    pub duration: Duration,
    /// From tick to tick, unless a check says otherwise; never zero.
    pub interval: Duration,
    /// From the deployment to the first tick that counts, when written.
    pub warm_up: Option<Duration>,
    /// When the gate gives up, from its start, when written.
    pub timeout: Option<Duration>,
    /// Whether a rollback verdict ends the sampling.
    pub fail_fast: bool,
    /// How the window is judged.
    pub mode: Mode,
    /// Asked at every tick; where it fails, samples of kinds without a past are errors.
    pub control: Option<Arc<dyn Probe>>,
    /// What tells whether the new version takes traffic; asked beside every check, and again before a rollback.
    pub version: Option<Beside>,
    /// What is watched, in the order of the documents; at least one.
    pub checks: Vec<Check>,
    /// What follows a rollback verdict.
    pub rollback: Rollback,
    /// What people should know and what stops nothing.
    pub warnings: Problems,
}

impl Scalar for FailureAction {
    const EXPECTED: &'static str = "`rollback` or `alert`";
    const WORDS: &'static [&'static str] = &["rollback", "alert"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "rollback" => Some(Self::Rollback),
            "alert" => Some(Self::Alert),
            _ => None,
        }
    }
}
