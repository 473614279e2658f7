//! What can be measured: one file per kind, each with its fields, its rendering and its measuring. Must not judge:
//! a probe says what it saw, and only `gate::judge` says what that means.
//!
//! To add a kind: a file here and one entry in [`KINDS`].

pub mod explore;
mod prometheus;
mod metric;
mod beside;
mod counts;
pub mod rhythm;
mod source;
mod standing;
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
use crate::policy::events::Tested;
use crate::policy::model::Judging;
use crate::policy::problem::{Place, Problems};
use crate::policy::reader::{Field, Reader, Rule};
use crate::policy::template::{Scope, Template};
use crate::policy::value::Value;
use crate::policy::window::Reaching;

pub use crate::api::SourceError;
pub use beside::{Beside, History, Purpose, Role};
pub use counts::Counts;
pub use metric::{CONTEXT, ContextSpec, EXPECT_VERSION, VersionSpec};
pub use source::{Answer, MetricSource, RawSeries};
pub use standing::{Counted, Standing};

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
    /// Events since the deployment, to be judged by what is claimed of them.
    Counts(Counts),
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
    /// Whether a growing count was asked over a shorter range than it names: it can tell a breach, but no more.
    pub early: bool,
    /// What people should know of how it was read.
    pub remark: Option<String>,
    /// Whether an empty result is so because there was nothing to look at.
    pub lacking: bool,
    /// What the same question was answered about earlier windows, the nearest first, where it asks about several.
    pub earlier: Vec<Self>,
}

impl Reading {
    /// A reading of one attempt with nothing beside it.
    pub const fn new(seen: Seen) -> Self {
        Self {
            seen,
            attempts: 1,
            query: None,
            notes: Vec::new(),
            phases: None,
            early: false,
            remark: None,
            lacking: false,
            earlier: Vec::new(),
        }
    }
}

impl Reading {
    /// Whether it is a result without series.
    pub fn is_empty(&self) -> bool {
        matches!(&self.seen, Seen::Series(series) if series.is_empty())
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

    /// The queries that it asks beside its own.
    fn companions(&self) -> Vec<Companion<'_>> {
        Vec::new()
    }

    /// What can be said of it before anything is rendered, whatever its kind.
    fn facts(&self) -> Facts<'_> {
        Facts::default()
    }

    /// The check in words, as far as `scope` goes; what is known and wrong is reported.
    fn told(&self, scope: &Scope, reaching: Reaching, problems: &mut Problems) -> Told {
        let _ = (scope, reaching, problems);
        Told::default()
    }

    /// The check as it will run. `None` after reporting why.
    fn render(&self, cx: &RenderCx<'_>, problems: &mut Problems) -> Option<Rendered>;
}

/// A query beside a check's own, as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Companion<'s> {
    /// The query.
    pub query: &'s Template,
    /// The integration that is asked, and where it is named.
    pub source: (&'s str, Place),
}

/// What is known of a check before anything is rendered, in terms that every kind can put it in.
#[derive(Debug, Clone, Default)]
pub struct Facts<'s> {
    /// The query it asks, where it asks one.
    pub query: Option<&'s Template>,
    /// The counters whose events it counts.
    pub counters: Vec<&'s Template>,
    /// What decides it by rules of its own, and the fields of a check that do not apply then.
    pub set_aside: Option<(&'static str, &'static [&'static str])>,
    /// Where its baseline is written.
    pub baseline: Option<Place>,
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
    /// How its events are judged, where it counts any.
    pub by_events: Option<ByEvents>,
    /// What is asked beside it and what that means, each a sentence without its end.
    pub context: Vec<String>,
    /// What decides it once, at its last tick; empty where its breaches are counted.
    pub decided_by: String,
    /// Whether it can be asked about the past.
    pub has_past: bool,
    /// Which of its ticks are due, where nothing is learnt.
    pub due: Due,
    /// How samples that would look at what was before the deployment are treated, for kinds that have such.
    pub reaching: Option<Reaching>,
    /// The longest that one measurement can take; `None` where a variable decides.
    pub budget: Option<Duration>,
}

/// Which ticks of a check are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Due {
    /// All of them.
    #[default]
    All,
    /// Those from a while after the anchor on.
    After {
        /// How long.
        needs: Duration,
        /// From when on a breach can be told all the same.
        tells: Option<Duration>,
        /// Whether it is after the deployment itself: what counts from it looks at the warm-up, too.
        deployment: bool,
    },
    /// A variable decides.
    Unknown,
}

/// How counted events are judged, in words.
#[derive(Debug, Clone)]
pub struct ByEvents {
    /// When it fails.
    pub fails: String,
    /// What a pass needs.
    pub needs: String,
    /// Whether they can be proved to be as they must.
    pub provable: bool,
}

/// What rendering may use.
pub struct RenderCx<'a> {
    /// The variables.
    pub scope: &'a Scope,
    /// When the new version was live, or the window's start where there was no deployment: `elapsed` counts from it.
    pub deployed_at: Timestamp,
    /// From tick to tick of the check, as far as it is known.
    pub interval: Duration,
    /// Before which no sample may look; `None` where there was no deployment.
    pub anchor: Option<Anchor>,
    /// What holds for checks that say nothing else.
    pub gate: OfGate<'a>,
    /// What is known of how often series are sampled.
    pub rhythm: &'a Arc<rhythm::Rhythm>,
    /// The metric sources of this run, by the integration's name.
    pub sources: &'a std::collections::BTreeMap<String, Arc<dyn MetricSource>>,
    /// Where secrets by reference are found.
    pub vault: &'a Vault,
}

/// The deployment as samples must see it.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    /// When the rollout began: what lies before it is the old version's.
    pub rollout: Timestamp,
    /// From when on what is seen is the new version's: the deployment time and the warm-up.
    pub at: Timestamp,
}

/// What the gate says for checks that say nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfGate<'a> {
    /// How samples that would reach before the deployment are treated.
    pub window: Reaching,
    /// What is asked beside the samples of metrics.
    pub context: Option<&'a ContextSpec>,
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
    /// What is asked beside it at every tick.
    pub beside: Vec<Beside>,
    /// What is asked once about the time before the deployment.
    pub history: Vec<History>,
    /// How its events are judged, where it counts any.
    pub events: Option<Tested>,
}

impl Rendered {
    /// What `probe` sees is judged as `judging` says, and nothing else is asked.
    pub fn new(probe: Arc<dyn Probe>, judging: Judging, derived_name: String) -> Self {
        Self { probe, judging, derived_name, beside: Vec::new(), history: Vec::new(), events: None }
    }
}

/// What measures a check. Its fields are plain values: nothing is left to render, but a query with `elapsed`.
pub trait Probe: Debug + Send + Sync {
    /// What is asked, for people: the query, `GET https://…`, `host:port`.
    fn target(&self) -> Arc<str>;

    /// How it is asked, for `render`: the request or the connection, a line each, without secrets.
    fn request(&self, at: Timestamp) -> Vec<String>;

    /// What is asked at `at`, for people, where that is another text than [`Probe::target`].
    fn asked_at(&self, at: Timestamp) -> Option<Arc<str>> {
        let _ = at;
        None
    }

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

    /// From when on its ticks are due: before that they would look at what was before the deployment. `None` where
    /// all are.
    fn due_from(&self) -> Option<Timestamp> {
        None
    }

    /// From when on it is asked before its ticks are due, too, because a breach can be told by then; `None`: never.
    fn tells_from(&self) -> Option<Timestamp> {
        None
    }

    /// The same where the new version turns out to be live from `at` on only, so that nothing before that is its. `None`
    /// where that changes nothing.
    fn anchored(&self, at: Timestamp) -> Option<Arc<dyn Probe>> {
        let _ = at;
        None
    }

    /// From when on the question is the same at every tick, so that [`Probe::measure_range`] can answer; `None`: never.
    fn same_from(&self) -> Option<Timestamp> {
        None
    }

    /// How often what it looks at is sampled, where that is known.
    fn scrape_interval(&self) -> Option<Duration> {
        None
    }

    /// Asks its source what is to be known before its ticks are planned; `None` where nothing is, or where another probe
    /// has asked already. Never fails: what cannot be learnt has a default.
    fn learn<'a>(&'a self, host: &'a Host) -> Option<BoxFuture<'a, ()>> {
        let _ = host;
        None
    }

    /// What it asks for good, when no deployment is watched.
    fn standing(&self) -> Standing {
        Standing::Never("what it asks cannot be asked for good".to_owned())
    }

    /// Warnings that this probe is a reason for, such as verification switched off.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Measures once, as of `at`. Never fails: what goes wrong is part of the reading.
    fn measure<'a>(&'a self, at: Timestamp, host: &'a Host) -> BoxFuture<'a, Reading>;

    /// Measures `count` ticks from `start` on, which is not before [`Probe::same_from`], `step` apart, in as few requests
    /// as possible; a reading a tick. `None` where it cannot: ask tick by tick.
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

/// The kinds there are, in the order of documents.
pub static KINDS: &[&dyn Kind] = &[&prometheus::Prometheus, &http::Http, &tcp::Tcp];
