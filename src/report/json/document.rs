//! The types of the document `rollgate.report/v1`, field by field as it is published. Must only grow within v1;
//! fields come in the order of the contract, and what was added since follows them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::SCHEMA;
use super::compared::{BaselineDocument, TestDocument};
use super::criterion::CriterionDocument;
use super::make::Checks;
use super::scalar::{Figure, Finite, Time};

/// The report of one run of the gate. Times are RFC 3339 in UTC with milliseconds, durations are seconds.
/// Readers must ignore fields that they do not know.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "rollgate.report/v1", extend("$id" = "urn:rollgate:report:v1"))]
pub(super) struct Document<'r> {
    /// The document's name and version.
    #[schemars(extend("const" = SCHEMA))]
    pub(super) schema: &'static str,
    /// The version of rollgate that wrote it.
    pub(super) tool_version: &'static str,
    /// Names this run among others.
    pub(super) run_id: String,
    /// The policy's name.
    pub(super) policy: String,
    /// What was deployed.
    pub(super) service: Option<String>,
    /// Where it was deployed.
    pub(super) environment: Option<String>,
    /// Which version.
    pub(super) version: Option<String>,
    /// Which version it replaced.
    pub(super) previous_version: Option<String>,
    /// What the gate came to; null while it runs.
    #[schemars(extend("enum" = ["pass", "alert", "inconclusive", "rollback", "cancelled", null]))]
    pub(super) verdict: Option<&'static str>,
    /// The exit code of the verdict; null while the gate runs.
    pub(super) exit_code: Option<u8>,
    /// The code that the process returns, which `--fail-on` and `--dry-run` can turn into 0.
    pub(super) process_exit_code: Option<u8>,
    /// `armed`, or `disarmed: ` and by what.
    pub(super) mode: String,
    /// When the new version was live; null for `--deployed-at none`.
    pub(super) deployed_at: Option<Time>,
    /// When the gate began.
    pub(super) started_at: Time,
    /// When it had its verdict and had acted; null while it runs.
    pub(super) finished_at: Option<Time>,
    /// When and how often the checks are sampled.
    pub(super) window: WindowDocument,
    /// The variables that the policy was rendered with.
    pub(super) variables: BTreeMap<String, String>,
    /// The checks, in the policy's order.
    #[schemars(with = "Vec<CheckDocument>")]
    pub(super) checks: Checks<'r>,
    /// What was done after the verdict.
    pub(super) actions: Vec<ActionDocument>,
    /// What people should know.
    pub(super) warnings: Vec<String>,
    /// What the pipeline calls this run.
    pub(super) run_url: Option<String>,
    /// How often verdicts on counted events are wrong, in one sentence; absent where no events are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guarantee: Option<String>,
    /// What is known of the new version's share of the traffic; absent where the policy expects none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expect_version: Option<ArrivalDocument>,
}

/// What is known of the share of the traffic that the new version takes.
#[derive(Serialize, JsonSchema)]
pub(super) struct ArrivalDocument {
    /// What is asked.
    pub(super) query: String,
    /// The share from which on it is live, 0 to 1.
    pub(super) min_share: Finite,
    /// The first tick at which it was live; null where it never was.
    pub(super) live_at: Option<Time>,
    /// What was heard when a rollback was due: of which moment; null where none was.
    pub(super) asked_again_at: Option<Time>,
    /// The share by then; null where it could not be known.
    pub(super) share: Option<Finite>,
    /// Whether another version ran by then, so that nothing was rolled back.
    pub(super) superseded: bool,
    /// Why the verdict is inconclusive whatever the checks came to; null where it is theirs.
    pub(super) reason: Option<String>,
}

/// When and how often the checks are sampled.
#[derive(Serialize, JsonSchema)]
pub(super) struct WindowDocument {
    /// The first tick.
    pub(super) open: Time,
    /// Seconds from the first planned tick to the end, without run-on; 0 for a single evaluation.
    pub(super) duration: Finite,
    /// Seconds from tick to tick, unless a check says otherwise.
    pub(super) interval: Finite,
    /// How the window is judged: `sustained` is good for the whole of it, `until_healthy` good for `stable_for` at last.
    pub(super) mode: &'static str,
    /// How long every check must have held under `until_healthy`, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stable_for: Option<Finite>,
    /// The latest moment at which a verdict is said.
    pub(super) deadline: Time,
}

/// One check and its evidence.
#[derive(Serialize, JsonSchema)]
pub(super) struct CheckDocument {
    /// Unique in the report.
    pub(super) name: String,
    /// What sort of check it is.
    pub(super) kind: &'static str,
    /// The metrics integration that was asked; null for other kinds.
    pub(super) source: Option<String>,
    /// What its failure means.
    #[schemars(extend("enum" = ["rollback", "alert"]))]
    pub(super) failure_action: &'static str,
    /// What it came to; null while it is being watched.
    #[schemars(extend("enum" = ["passed", "failed", "inconclusive", "unfinished", "skipped", null]))]
    pub(super) outcome: Option<&'static str>,
    /// What it adds to the verdict; null while unknown and for what is not counted.
    #[schemars(extend("enum" = ["pass", "alert", "inconclusive", "rollback", null]))]
    pub(super) contribution: Option<&'static str>,
    /// Why, in one line.
    pub(super) reason: String,
    /// What values must satisfy; null for kinds that judge no values.
    pub(super) criterion: Option<CriterionDocument>,
    /// What is asked: the query, or method and URL, or host and port.
    pub(super) query: String,
    /// Breaches that fail it.
    pub(super) max_failures: u32,
    /// Among so many consecutive judged samples.
    pub(super) within: u32,
    /// Judged samples below which it is inconclusive.
    pub(super) min_samples: u32,
    /// Share of judged among due ticks below which it is inconclusive, 0 to 1.
    pub(super) min_coverage: Finite,
    /// Ticks planned, run-on included.
    pub(super) planned: u32,
    /// Planned ticks that count.
    pub(super) due: u32,
    /// Samples that were judged: within or breach.
    pub(super) judged: u32,
    /// Samples outside the criterion.
    pub(super) breaches: u32,
    /// Samples with nothing or too little to judge.
    pub(super) no_data: u32,
    /// Samples without traffic to judge.
    pub(super) no_traffic: u32,
    /// Ticks at which the source could not be asked.
    pub(super) errors: u32,
    /// Ticks that would have judged what was before the deployment.
    pub(super) settling: u32,
    /// Ticks never asked; they have no entry in `samples`.
    pub(super) missed: u32,
    /// The policy file.
    pub(super) file: String,
    /// The line of the check in it, from 1.
    pub(super) line: u32,
    /// Seconds that it is sampled, without run-on.
    pub(super) duration: Finite,
    /// Seconds from tick to tick.
    pub(super) interval: Finite,
    /// Measured and reported, never counted.
    pub(super) dry_run: bool,
    /// What it is about.
    pub(super) description: Option<String>,
    /// Where to read what to do.
    pub(super) runbook_url: Option<String>,
    /// Where to look.
    pub(super) dashboard_url: Option<String>,
    /// What was counted, and what it says; absent for checks that count no events. `max_failures`, `within`,
    /// `min_samples` and `min_coverage` do not apply to those that do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) events: Option<EventsDocument>,
    /// What values are compared with, where that is no constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<BaselineDocument>,
    /// What a test at the end found, where one decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) test: Option<TestDocument>,
    /// The ticks asked and those settling, in their order.
    pub(super) samples: Vec<SampleDocument>,
    /// Of a failed check: how it was over a window of equal length before the rollout; absent where that was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["as_bad", "better", "unknown"]))]
    pub(super) before: Option<&'static str>,
    /// What was asked beside it at each of its ticks; absent where nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) beside: Vec<BesideDocument>,
}

/// A question beside a check's own.
#[derive(Serialize, JsonSchema)]
pub(super) struct BesideDocument {
    /// The field of the policy that it is asked for.
    #[schemars(extend("enum" = ["evidence", "expect_version", "max_data_age", "confirm", "baseline", "season"]))]
    pub(super) purpose: &'static str,
    /// What is asked.
    pub(super) query: String,
}

/// Events since the deployment, and what they say. Evidence is the natural logarithm of odds.
#[derive(Serialize, JsonSchema)]
pub(super) struct EventsDocument {
    /// How many were bad.
    pub(super) bad: Finite,
    /// How many there were.
    pub(super) total: Finite,
    /// The share of bad ones; null of no events.
    pub(super) ratio: Option<Finite>,
    /// The exact lower bound of the share, wrong with a chance of `alpha`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lower_bound: Option<Finite>,
    /// The exact upper bound of the share, wrong with a chance of `beta`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upper_bound: Option<Finite>,
    /// ln of the evidence against the criterion; it fails the check at ln(1/`alpha`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_evidence_against: Option<Figure>,
    /// ln of the evidence for the criterion; it is proved at ln(1/`beta`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_evidence_for: Option<Figure>,
    /// How often the check may fail though its criterion holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alpha: Option<Finite>,
    /// How often its criterion may be called proved though it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) beta: Option<Finite>,
    /// How much more counts vary than those of independent events, which is allowed for.
    pub(super) dispersion: Finite,
    /// Whether the time before the deployment told it; else it is assumed.
    pub(super) dispersion_learnt: bool,
    /// Whether every event was counted, and none estimated.
    pub(super) exact: bool,
    /// Whether the criterion is proved.
    pub(super) proved: bool,
    /// The events of the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<BaselineEventsDocument>,
    /// The share of the error budget that is spent; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) burned: Option<Finite>,
}

/// Events of a baseline.
#[derive(Serialize, JsonSchema)]
pub(super) struct BaselineEventsDocument {
    /// How many were bad.
    pub(super) bad: Finite,
    /// How many there were.
    pub(super) total: Finite,
    /// The share of bad ones; null of no events.
    pub(super) ratio: Option<Finite>,
}

/// What one tick gave.
#[derive(Serialize, JsonSchema)]
pub(super) struct SampleDocument {
    /// The tick's time.
    pub(super) at: Time,
    /// What it came to.
    #[schemars(extend("enum" = ["within", "breach", "no_data", "no_traffic", "settling", "error"]))]
    pub(super) state: &'static str,
    /// The ten worst series, worst first; empty for kinds that judge no values.
    #[schemars(length(max = 10))]
    pub(super) values: Vec<ValueDocument>,
    /// How many series the result had.
    pub(super) series: usize,
    /// What was sent, where it differs from the check's query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) query: Option<String>,
    /// Why it is in that state, where that needs words.
    pub(super) reason: Option<String>,
    /// How often it was asked, retries included.
    pub(super) attempts: u32,
    /// Of counted events, ln of the evidence against the criterion, up to this tick.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_evidence: Option<Figure>,
    /// How long each phase of a probe took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phases: Option<PhasesDocument>,
}

/// One series at one tick.
#[derive(Serialize, JsonSchema)]
pub(super) struct ValueDocument {
    /// Its labels.
    pub(super) labels: BTreeMap<String, String>,
    /// Its value.
    pub(super) value: Figure,
    /// Its baseline at that tick, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<Figure>,
}

/// Seconds that each phase of a probe took; a phase that was not reached or not needed is absent.
#[derive(Serialize, JsonSchema)]
pub(super) struct PhasesDocument {
    /// Name look-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dns: Option<Finite>,
    /// TCP connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tcp: Option<Finite>,
    /// TLS handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<Finite>,
    /// From the request to the first byte of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_byte: Option<Finite>,
    /// All of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<Finite>,
}

/// What was done after the verdict.
#[derive(Serialize, JsonSchema)]
pub(super) struct ActionDocument {
    /// The trigger or channel, or the guard that held it back.
    pub(super) kind: String,
    /// What it was for.
    pub(super) purpose: &'static str,
    /// Whom it went to.
    pub(super) target: String,
    /// How it ended; `unknown` may have happened.
    #[schemars(extend("enum" = ["confirmed", "failed", "unknown", "held"]))]
    pub(super) status: &'static str,
    /// The answer's status, for HTTP.
    pub(super) http_status: Option<u16>,
    /// How often it was tried.
    pub(super) attempts: u32,
    /// The once-only id.
    pub(super) id: Option<String>,
    /// Where to follow what was started.
    pub(super) url: Option<String>,
    /// Why it ended so.
    pub(super) reason: Option<String>,
    /// What came back, cut and masked.
    pub(super) response: Option<String>,
    /// Seconds from the first attempt to the last answer.
    pub(super) took: Finite,
    /// Seconds for which what was started was followed; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) followed: Option<Finite>,
    /// How it ended, in its system's own words, or why that is not known; absent as long as it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<String>,
    /// Whether it ended well; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended_well: Option<bool>,
}
