//! A backtest for programs: one `rollgate.backtest/v1` document, and its schema. Must only grow within v1.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::super::deployment::Known;
use super::super::judged::{Came, Case, Judged, Said};
use super::super::summary::{CheckSummary, Summary, Verdicts};
use super::super::tune::{Critical, Stretch, Tuning, tunings};
use super::{Backtest, Format};
use crate::gate::outcome::Verdict;
use crate::report::Redact;
use crate::report::json::outline::Outline;
use crate::report::json::scalar::{Figure, Finite, Time};

/// The document's name and version.
pub(crate) const SCHEMA: &str = "rollgate.backtest/v1";

/// The format itself.
#[derive(Debug)]
pub(super) struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn summary(&self) -> &'static str {
        "for programs: everything as one `rollgate.backtest/v1` document"
    }

    fn render(&self, backtest: &Backtest, redact: Redact<'_>) -> String {
        let document = document(backtest, redact);
        let mut bytes = Vec::new();
        let mut writer = serde_json::Serializer::with_formatter(&mut bytes, Outline::default());
        if let Err(error) = document.serialize(&mut writer) {
            // Only a type of this file could refuse to be written. A reader must see that, not half a document.
            bytes =
                serde_json::json!({ "schema": SCHEMA, "fault": error.to_string() }).to_string().into_bytes();
        }
        bytes.push(b'\n');
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// The JSON Schema (draft 2020-12) of the document. Unknown fields are allowed everywhere: v1 grows.
pub(crate) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document>().to_value()
}

/// What one or two policies would have said of deployments of the past. Readers must ignore fields that they do not know.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "rollgate.backtest/v1", extend("$id" = "urn:rollgate:backtest:v1"))]
struct Document {
    /// The document's name and version.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The version of rollgate that wrote it.
    tool_version: &'static str,
    /// How it ended; what was not reached by then has no result.
    #[schemars(extend("enum" = ["finished", "interrupted", "source_down"]))]
    ended: &'static str,
    /// Requests that were sent to the sources.
    queries: u64,
    /// How long it took, in seconds.
    seconds: Finite,
    /// The policies.
    policies: Vec<PolicyDocument>,
    /// The deployments, in order of time.
    deployments: Vec<DeploymentDocument>,
}

/// A policy, and how often it was right.
#[derive(Serialize, JsonSchema)]
struct PolicyDocument {
    /// Its name.
    name: String,
    /// Its files, as they were named.
    files: Vec<String>,
    /// Deployments that could not be judged.
    left_out: usize,
    /// All that were judged.
    all: VerdictsDocument,
    /// Those known to be good.
    good: VerdictsDocument,
    /// Those known to be bad.
    bad: VerdictsDocument,
    /// The share of good deployments that are rolled back, at most, with 95 % confidence; null without good ones.
    false_rollbacks_at_most: Option<Finite>,
    /// The share of bad deployments that are not rolled back, at most, with 95 % confidence; null without bad ones.
    misses_at_most: Option<Finite>,
    /// From the deployment to a rollback that was right, or to any where no outcome is known: the median, in seconds.
    median_seconds_until_rollback: Option<Finite>,
    /// The longest.
    longest_seconds_until_rollback: Option<Finite>,
    /// By check.
    checks: Vec<CheckSummaryDocument>,
    /// By limit, with `--tune`; else null.
    tuning: Option<Vec<TuningDocument>>,
}

/// Deployments by verdict.
#[derive(Serialize, JsonSchema)]
struct VerdictsDocument {
    /// How many there are.
    deployments: usize,
    /// Keep it.
    pass: usize,
    /// Keep it and look at it.
    alert: usize,
    /// Nobody can say.
    inconclusive: usize,
    /// Take it back.
    rollback: usize,
}

/// What a check had to do with the verdicts.
#[derive(Serialize, JsonSchema)]
struct CheckSummaryDocument {
    /// Its name.
    name: String,
    /// Deployments that it rolled back.
    rollbacks: usize,
    /// Those of them known to be bad.
    caught: usize,
    /// Those known to be good.
    false_rollbacks: usize,
    /// Deployments of which it could not tell.
    inconclusive: usize,
}

/// What the verdicts would have been with another limit of one check, all else as it is.
#[derive(Serialize, JsonSchema)]
struct TuningDocument {
    /// The check.
    check: String,
    /// Its limit; a `tolerance` is absolute.
    #[schemars(extend("enum" = ["max_value", "min_value", "tolerance", "max_ratio", "max_times", "max_burn"]))]
    limit: &'static str,
    /// What it is; null where that differs from deployment to deployment.
    present: Option<Figure>,
    /// The verdicts, from the strictest limits to the most lenient ones.
    stretches: Vec<StretchDocument>,
}

/// The verdicts with limits from one value up to the next stretch's; with `min_value` down to it.
#[derive(Serialize, JsonSchema)]
struct StretchDocument {
    /// The strictest limit of it; infinite for the first, which has all that are stricter.
    from: Figure,
    /// Deployments that would have been rolled back.
    rollbacks: usize,
    /// Bad ones that would not.
    misses: usize,
    /// Good ones that would.
    false_rollbacks: usize,
    /// Whether no other stretch has fewer wrong verdicts, nor as many with fewer false rollbacks.
    best: bool,
}

/// A deployment.
#[derive(Serialize, JsonSchema)]
struct DeploymentDocument {
    /// When the new version was live.
    time: Time,
    /// What its list calls it.
    name: Option<String>,
    /// What was deployed.
    service: Option<String>,
    /// Where.
    environment: Option<String>,
    /// Which version.
    version: Option<String>,
    /// Which version it replaced.
    previous_version: Option<String>,
    /// What it came to in truth, where somebody knows.
    #[schemars(extend("enum" = ["good", "bad", null]))]
    known: Option<&'static str>,
    /// What each policy said, in their order; null where it was not reached.
    results: Vec<Option<ResultDocument>>,
}

/// What a policy said of a deployment.
#[derive(Serialize, JsonSchema)]
struct ResultDocument {
    /// Why it could not be judged; null where it was.
    left_out: Option<String>,
    /// The verdict; null where it could not be judged.
    #[schemars(extend("enum" = ["pass", "alert", "inconclusive", "rollback", null]))]
    verdict: Option<&'static str>,
    /// The tick at which a run of that time would have known it.
    verdict_at: Option<Time>,
    /// Why it is what it is; null for a pass.
    reason: Option<String>,
    /// Whether that is wrong: a bad deployment that is not rolled back, or a good one that is; null where nobody knows.
    wrong: Option<bool>,
    /// What each check came to, in the policy's order.
    checks: Vec<CheckDocument>,
}

/// What a check came to.
#[derive(Serialize, JsonSchema)]
struct CheckDocument {
    /// Its name.
    name: String,
    /// Its kind.
    kind: &'static str,
    /// What its failure means.
    #[schemars(extend("enum" = ["rollback", "alert"]))]
    failure_action: &'static str,
    /// What it came to.
    #[schemars(extend("enum" = ["passed", "failed", "inconclusive", "unfinished", "skipped"]))]
    outcome: &'static str,
    /// What it adds to the verdict; null for what is not counted.
    #[schemars(extend("enum" = ["pass", "alert", "inconclusive", "rollback", null]))]
    contribution: Option<&'static str>,
    /// Why.
    reason: String,
    /// The tick at which it was known that it fails.
    failed_at: Option<Time>,
    /// Ticks that were due.
    due: u32,
    /// Samples that were judged.
    judged: u32,
    /// Samples outside of its criterion.
    breaches: u32,
    /// With `--tune`, for each limit the strictest value with which it would not fail.
    critical: Vec<CriticalDocument>,
}

/// Where a check's outcome flips.
#[derive(Serialize, JsonSchema)]
struct CriticalDocument {
    /// Which limit.
    #[schemars(extend("enum" = ["max_value", "min_value", "tolerance", "max_ratio", "max_times", "max_burn"]))]
    limit: &'static str,
    /// What it is.
    present: Figure,
    /// The strictest value with which it would not fail; infinite where it fails with every one, or with none.
    value: Figure,
}

fn document(backtest: &Backtest, redact: Redact<'_>) -> Document {
    let policies = backtest.judges.iter().enumerate().map(|(index, judge)| {
        let summary = Summary::of(&backtest.cases, index);
        let tuned =
            || tunings(&backtest.cases, index).iter().map(|tuning| tuning_of(tuning, redact)).collect();
        PolicyDocument {
            name: redact(&judge.name),
            files: judge.files.iter().map(|file| redact(file)).collect(),
            left_out: summary.left_out,
            all: verdicts(&summary.verdicts),
            good: verdicts(&summary.good),
            bad: verdicts(&summary.bad),
            false_rollbacks_at_most: summary.false_rollbacks_at_most().map(Finite),
            misses_at_most: summary.misses_at_most().map(Finite),
            median_seconds_until_rollback: summary.until_rollback.map(|(median, _)| Finite::seconds(median)),
            longest_seconds_until_rollback: summary
                .until_rollback
                .map(|(_, longest)| Finite::seconds(longest)),
            checks: summary.checks.iter().map(|check| check_summary(check, redact)).collect(),
            tuning: backtest.tuned.then(tuned),
        }
    });
    Document {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION"),
        ended: backtest.ended.word(),
        queries: backtest.queries,
        seconds: Finite::seconds(backtest.took),
        policies: policies.collect(),
        deployments: backtest.cases.iter().map(|case| deployment(case, redact)).collect(),
    }
}

fn verdicts(verdicts: &Verdicts) -> VerdictsDocument {
    VerdictsDocument {
        deployments: verdicts.all(),
        pass: verdicts.of(Verdict::Pass),
        alert: verdicts.of(Verdict::Alert),
        inconclusive: verdicts.of(Verdict::Inconclusive),
        rollback: verdicts.of(Verdict::Rollback),
    }
}

fn check_summary(check: &CheckSummary, redact: Redact<'_>) -> CheckSummaryDocument {
    let CheckSummary { name, rollbacks, caught, false_rollbacks, inconclusive, judged: _ } = check;
    CheckSummaryDocument {
        name: redact(name),
        rollbacks: *rollbacks,
        caught: *caught,
        false_rollbacks: *false_rollbacks,
        inconclusive: *inconclusive,
    }
}

fn tuning_of(tuning: &Tuning, redact: Redact<'_>) -> TuningDocument {
    let best = tuning.best().map(|(first, last)| first..=last);
    let stretch = |(index, stretch): (usize, &Stretch)| StretchDocument {
        from: Figure(stretch.from),
        rollbacks: stretch.rollbacks,
        misses: stretch.misses,
        false_rollbacks: stretch.false_rollbacks,
        best: best.as_ref().is_some_and(|best| best.contains(&index)),
    };
    TuningDocument {
        check: redact(&tuning.check),
        limit: tuning.limit.word(),
        present: tuning.present.map(Figure),
        stretches: tuning.stretches.iter().enumerate().map(stretch).collect(),
    }
}

fn deployment(case: &Case, redact: Redact<'_>) -> DeploymentDocument {
    let one = &case.deployment;
    let text = |text: &Option<String>| text.as_deref().map(redact);
    let results = case.said.iter().enumerate().map(|(policy, said)| {
        let nothing = ResultDocument {
            left_out: None,
            verdict: None,
            verdict_at: None,
            reason: None,
            wrong: None,
            checks: Vec::new(),
        };
        Some(match said.as_ref()? {
            Said::LeftOut(why) => ResultDocument { left_out: Some(redact(why)), ..nothing },
            Said::Judged(judged @ Judged { verdict, at, checks, .. }) => ResultDocument {
                reason: judged.why().map(|why| redact(&why)),
                verdict: Some(verdict.word()),
                verdict_at: Some(Time(*at)),
                wrong: case.wrong(policy),
                checks: checks.iter().map(|came| check(came, redact)).collect(),
                ..nothing
            },
        })
    });
    DeploymentDocument {
        time: Time(one.time),
        name: text(&one.name),
        service: text(&one.service),
        environment: text(&one.environment),
        version: text(&one.version),
        previous_version: text(&one.previous_version),
        known: one.known.map(Known::word),
        results: results.collect(),
    }
}

fn check(came: &Came, redact: Redact<'_>) -> CheckDocument {
    let (due, judged, breaches) = came.samples;
    let critical = |critical: &Critical| CriticalDocument {
        limit: critical.limit.word(),
        present: Figure(critical.present),
        value: Figure(critical.value),
    };
    CheckDocument {
        name: redact(&came.name),
        kind: came.kind,
        failure_action: came.action.word(),
        outcome: came.outcome.word(),
        contribution: came.contribution.map(Verdict::word),
        reason: redact(&came.reason),
        failed_at: came.failed_at.map(Time),
        due,
        judged,
        breaches,
        critical: came.critical.iter().map(critical).collect(),
    }
}
