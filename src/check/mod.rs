//! What can be measured: one file per kind, each with its fields, its rendering and its measuring. Must not judge:
//! a probe says what it saw, and only `gate::judge` says what that means.
//!
//! To add a kind: a file here and one entry in [`KINDS`].

pub mod explore;
mod prometheus;
mod metric;
mod api;
mod auth;
mod http;
mod tcp;
mod target;
#[cfg(test)]
mod fake;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::host::Host;
use crate::host::vault::Vault;
use crate::policy::model::Judging;
use crate::policy::problem::{Place, Problems};
use crate::policy::reader::{Field, Reader, Rule};
use crate::policy::template::{Scope, Template};
use crate::policy::value::Value;
use crate::promql::Dialect;

/// A series' labels, sorted by name.
pub type Labels = Vec<(Box<str>, Box<str>)>;

/// One series of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its value at the tick.
    pub value: f64,
}

/// How long each phase of one attempt took; `None` for a phase that was not reached or not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Name look-up.
    pub dns: Option<Duration>,
    /// TCP connection.
    pub tcp: Option<Duration>,
    /// TLS handshake.
    pub tls: Option<Duration>,
    /// From the request to the first byte of the answer.
    pub first_byte: Option<Duration>,
    /// All of it.
    pub total: Option<Duration>,
}

/// What a probe saw.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// Series, to be judged by the check's criterion; NaN and infinities included.
    Series(Vec<Series>),
    /// The target did all that was expected; in a few words, how (`200 in 12 ms`).
    Met(String),
    /// The target did not do what was expected: phase and reason.
    Unmet(String),
    /// It could not be asked; why, and what one can do. Never the target's fault.
    Failed(String),
}

/// One tick's reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What was seen.
    pub seen: Seen,
    /// How often it was asked, retries included.
    pub attempts: u32,
    /// What was sent, where it differs from what [`Probe::target`] says.
    pub query: Option<Arc<str>>,
    /// What the source said beside its answer, such as Prometheus' `warnings` and `infos`.
    pub notes: Vec<String>,
    /// How long the last attempt's phases took.
    pub phases: Option<Phases>,
}

impl Reading {
    /// A reading of one attempt with nothing beside it.
    pub const fn new(seen: Seen) -> Self {
        Self { seen, attempts: 1, query: None, notes: Vec::new(), phases: None }
    }
}

/// A kind of check: reads its part of the policy.
pub trait Kind: Sync {
    /// The word of reports, and the file's name.
    fn name(&self) -> &'static str;

    /// What it checks, in one sentence.
    fn summary(&self) -> &'static str;

    /// A check of this kind as YAML, for docs and tests.
    fn example(&self) -> &'static str;

    /// The keys under `post_deployment_validation` at which its checks are listed.
    fn section(&self) -> &'static [&'static str];

    /// Its fields beside the envelope's.
    fn fields(&self) -> &'static [Field];

    /// How they go together.
    fn rules(&self) -> &'static [Rule] {
        &[]
    }

    /// The fields that tell its checks from other kinds' where no section does, as in `control`.
    fn identity(&self) -> &'static [&'static str];

    /// Reads one check; the envelope's fields are not its own. `None` after reporting why.
    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn Spec>>;

    /// For kinds that ask a metrics integration: a connection to `integration`. Must not touch the network.
    ///
    /// # Errors
    /// What is missing or wrong in the integration.
    fn connect(
        &self,
        integration: &crate::policy::integration::Resolved,
        host: &Host,
    ) -> Option<Result<Arc<dyn MetricSource>, crate::policy::problem::Problem>> {
        let _ = (integration, host);
        None
    }
}

/// A check as it was read: its fields are templates and values to come.
pub trait Spec: Debug + Send + Sync {
    /// The integration that it asks.
    fn source(&self) -> Option<&str> {
        None
    }

    /// What can be said of it before anything is rendered, whatever its kind.
    fn facts(&self) -> Facts<'_> {
        Facts::default()
    }

    /// The check in words, as far as `scope` goes; what is known and wrong is reported.
    fn told(&self, scope: &Scope, problems: &mut Problems) -> Told {
        let _ = (scope, problems);
        Told::default()
    }

    /// The check as it will run. `None` after reporting why.
    fn render(&self, cx: &RenderCx<'_>, problems: &mut Problems) -> Option<Rendered>;
}

/// What is known of a check before anything is rendered, in terms that every kind can put it in.
#[derive(Debug, Clone, Default)]
pub struct Facts<'s> {
    /// The query it asks, where it asks one.
    pub query: Option<&'s Template>,
    /// How its series are judged, where it has series and all of that is written as itself.
    pub judging: Option<Judging>,
    /// Where the limits are written.
    pub limits: Limits,
    /// How long an answer may take, where that is written.
    pub timeout: Option<&'s Value<Duration>>,
    /// Where it connects to by itself: a URL, or a host.
    pub address: Option<&'s Template>,
    /// The host and port of that, as far as they are written: checks with the same one ask the same server.
    pub target: Option<String>,
    /// Where that is written which is sent along and which only its receiver may read.
    pub credentials: Option<Place>,
    /// How long one tick can take, further attempts and the waits before them included.
    pub longest: Option<Longest>,
}

/// Where each limit of a check is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// `expected_value`.
    pub expected: Option<Place>,
    /// `tolerance`, and whether it is a share of the expected value.
    pub tolerance: Option<(Place, bool)>,
    /// `min_value`.
    pub min: Option<Place>,
    /// `max_value`.
    pub max: Option<Place>,
}

/// How long one tick can take.
#[derive(Debug, Clone)]
pub struct Longest {
    /// How long.
    pub span: Duration,
    /// Where the greatest part of it is written.
    pub place: Place,
    /// What makes it up, such as `4 attempts of 30s`.
    pub of: String,
}

/// A check in words, as far as the variables are known; where one is not, its tag stands. For people, before a run.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The name that it goes by where none is written.
    pub name: String,
    /// What is asked: the query, method and address, or host and port.
    pub asked: String,
    /// How it is asked, each a part of a sentence.
    pub how: Vec<String>,
    /// What must hold, each read after "must".
    pub must: Vec<String>,
    /// In how many of its series; empty for kinds without series.
    pub among: String,
    /// Whether it can be asked about the past.
    pub has_past: bool,
    /// The longest that one measurement can take; `None` where a variable decides.
    pub budget: Option<Duration>,
}

/// What rendering may use.
pub struct RenderCx<'a> {
    /// The variables.
    pub scope: &'a Scope,
    /// The deployment time that `elapsed` counts from; `None` for `--deployed-at none`: it counts from the window's
    /// start then.
    pub anchor: Timestamp,
    /// The metric sources of this run, by the integration's name.
    pub sources: &'a std::collections::BTreeMap<String, Arc<dyn MetricSource>>,
    /// Where secrets by reference are found.
    pub vault: &'a Vault,
}

/// A rendered check's own part.
#[derive(Debug)]
pub struct Rendered {
    /// What measures it.
    pub probe: Arc<dyn Probe>,
    /// How series are judged; the default for kinds without series.
    pub judging: Judging,
    /// The name to use where the policy gives none.
    pub derived_name: String,
}

/// What measures a check. Its fields are plain values: nothing is left to render, but a query with `elapsed`.
pub trait Probe: Debug + Send + Sync {
    /// What is asked, for people: the query, `GET https://…`, `host:port`.
    fn target(&self) -> Arc<str>;

    /// How it is asked, for `render`: the request or the connection, a line each, without secrets.
    fn request(&self, at: Timestamp) -> Vec<String>;

    /// Requests in flight are limited within a lane: the integration, or the target's authority.
    fn lane(&self) -> &str;

    /// Two probes with the same key ask the same; they are asked once a tick. `None`: never shared.
    fn key(&self) -> Option<String> {
        None
    }

    /// Whether it can be asked about the past.
    fn has_past(&self) -> bool {
        false
    }

    /// How long after a tick it is to be asked.
    fn delay(&self) -> Duration {
        Duration::ZERO
    }

    /// The longest that one measurement can take, retries and back-off included.
    fn budget(&self) -> Duration;

    /// Warnings that this probe is a reason for, such as verification switched off.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Measures once, as of `at`. Never fails: what goes wrong is part of the reading.
    fn measure<'a>(&'a self, at: Timestamp, host: &'a Host) -> BoxFuture<'a, Reading>;

    /// Measures `count` ticks from `start` on, `step` apart, in as few requests as possible; a reading a tick.
    /// `None` where the question differs from tick to tick or there is no past: ask tick by tick.
    fn measure_range<'a>(
        &'a self,
        start: Timestamp,
        step: Duration,
        count: usize,
        host: &'a Host,
    ) -> Option<BoxFuture<'a, Vec<Reading>>> {
        let _ = (start, step, count, host);
        None
    }
}

/// A source's answer: the series, and what it said beside them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The series at the time that was asked.
    pub series: Vec<Series>,
    /// Warnings and infos.
    pub notes: Vec<String>,
}

/// Why a source gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// What happened and what one can do, in one line, without secrets.
    pub reason: String,
    /// Whether asking again may help, and after how long at least.
    pub retry: Option<Duration>,
}

/// Where metrics come from.
pub trait MetricSource: Debug + Send + Sync {
    /// The kind's name, as reports say it.
    fn kind(&self) -> &'static str;

    /// The integration's name.
    fn name(&self) -> &str;

    /// How long after a tick its data is complete.
    fn delay(&self) -> Duration;

    /// Whose query language it speaks.
    fn dialect(&self) -> Dialect {
        Dialect::default()
    }

    /// What it can tell of what it holds, where it can.
    fn explore(&self) -> Option<&dyn explore::Explore> {
        None
    }

    /// The request for `query` at `at`, for people, without secrets.
    fn request(&self, query: &str, at: Timestamp) -> Vec<String>;

    /// What people should know of this connection.
    fn warnings(&self) -> Vec<String>;

    /// The value of `query` at `at`, asked once, within `timeout`.
    fn evaluate<'a>(
        &'a self,
        query: &'a str,
        at: Timestamp,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Answer, SourceError>>;

    /// The values of `query` at `count` times from `start` on, `step` apart; one answer a time, asked once.
    fn evaluate_range<'a>(
        &'a self,
        query: &'a str,
        start: Timestamp,
        step: Duration,
        count: usize,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Vec<Answer>, SourceError>>;
}

/// The kinds there are, in the order of documents.
pub static KINDS: &[&dyn Kind] = &[&prometheus::Prometheus, &http::Http, &tcp::Tcp];
