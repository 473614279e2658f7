//! The parts of the document about comparisons: what values were compared with, and what a test at the end found. Must
//! redact every text value that came from outside.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::scalar::{Figure, Finite};
use crate::check::{Labels, Purpose, Role};
use crate::gate::outcome::{Found, Tested, TestedSeries};
use crate::policy::criterion::Number;
use crate::policy::model::{Check, On};
use crate::policy::relative::{Against, Tolerance};
use crate::report::Redact;
use crate::stats::binomial::Interval;

/// What values are compared with.
#[derive(Serialize, JsonSchema)]
pub(super) struct BaselineDocument {
    /// `offset`: the same query so long ago; `before`: the same query before the rollout; `query`: another query;
    /// `placebo`: earlier windows.
    pub(super) kind: &'static str,
    /// Seconds: how long ago, or over how long before the rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) span: Option<Finite>,
    /// Seconds: how long ago the same hours passed without a deployment, whose change is allowed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) season: Option<Finite>,
    /// How many earlier windows there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) windows: Option<u32>,
    /// Seconds from one of them to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) every: Option<Finite>,
    /// What is asked for it.
    pub(super) query: Option<String>,
    /// What values without a baseline count as.
    #[schemars(extend("enum" = ["inconclusive", "fail", "pass"]))]
    pub(super) on_no_baseline: &'static str,
}

/// What a test at the end of the window found.
#[derive(Serialize, JsonSchema)]
pub(super) struct TestDocument {
    /// `mann_whitney` or `placebo`.
    pub(super) kind: &'static str,
    /// How sure it must be, of all series together, 0 to 1.
    pub(super) confidence: Finite,
    /// How many series were tested; each at its share of what the confidence leaves.
    pub(super) series: usize,
    /// The worst ten of them, worst first.
    #[schemars(length(max = 10))]
    pub(super) worst: Vec<TestedDocument>,
}

/// What a test found of one series.
#[derive(Serialize, JsonSchema)]
pub(super) struct TestedDocument {
    /// Its labels.
    pub(super) labels: BTreeMap<String, String>,
    /// How likely as much is by chance, of both directions together where both were tested.
    pub(super) p_value: Finite,
    /// Whether the change is beyond what is allowed.
    pub(super) beyond: bool,
    /// Whether samples like these could have shown a change at all.
    pub(super) able: bool,
    /// Why it alerts at most; absent where a rollback can rest on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alert_because: Option<String>,
    /// The figures of `mann_whitney`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ranks: Option<RanksDocument>,
    /// The figures of `placebo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) placebo: Option<PlaceboDocument>,
}

/// Two samples compared by their ranks; each pair is of the sample and of the baseline.
#[derive(Serialize, JsonSchema)]
pub(super) struct RanksDocument {
    /// How many values.
    pub(super) sizes: [usize; 2],
    /// How many independent values they are worth.
    pub(super) independent: [usize; 2],
    /// How much a value tells of the next, -1 to 1.
    pub(super) autocorrelation: Figure,
    /// Their medians.
    pub(super) medians: [Figure; 2],
    /// By how much the sample is more: the Hodges–Lehmann shift.
    pub(super) shift: Figure,
    /// Bounds of the shift.
    pub(super) shift_bounds: [Figure; 2],
    /// How many times the baseline the sample is; null where a value is not above 0.
    pub(super) ratio: Option<Figure>,
    /// Bounds of the ratio.
    pub(super) ratio_bounds: Option<[Figure; 2]>,
    /// The share of pairs of which the sample's is the larger value.
    pub(super) larger: Figure,
    /// How likely as much is by chance where nothing has changed at all.
    pub(super) p_any: Finite,
}

/// A window among earlier ones.
#[derive(Serialize, JsonSchema)]
pub(super) struct PlaceboDocument {
    /// The mean of the window.
    pub(super) mean: Figure,
    /// The median of the earlier windows' means.
    pub(super) median: Figure,
    /// How many earlier windows had data.
    pub(super) windows: usize,
    /// How many had too little.
    pub(super) left_out: usize,
    /// How many were at least as far off.
    pub(super) as_far: usize,
}

/// What the values of `check` are compared with.
pub(super) fn baseline(check: &Check, redact: Redact<'_>) -> Option<BaselineDocument> {
    let relative = check.judging.relative?;
    let asked = check.beside.iter().find(|one| one.role == Role::Baseline).map(|one| &one.probe);
    let before = check.history.iter().find(|one| one.purpose == Purpose::Baseline).map(|one| &one.probe);
    let query = asked.or(before).map(|probe| redact(&probe.target()));
    let (span, season, windows, every) = match relative.against {
        Against::Offset(span) => (Some(span), None, None, None),
        Against::Before { span, season } => (Some(span), season, None, None),
        Against::Query => (None, None, None, None),
        Against::Placebo { windows, every } => (None, None, Some(windows), Some(every)),
    };
    let on_no_baseline = match relative.on_missing {
        On::Inconclusive => "inconclusive",
        On::Fail => "fail",
        On::Pass => "pass",
    };
    Some(BaselineDocument {
        kind: relative.against.word(),
        span: span.map(Finite::seconds),
        season: season.map(Finite::seconds),
        windows,
        every: every.map(Finite::seconds),
        query,
        on_no_baseline,
    })
}

/// `10%` or `0.5`, as it is written.
pub(super) fn allowed(tolerance: Tolerance) -> String {
    match tolerance {
        Tolerance::Absolute(off) => off.to_string(),
        Tolerance::Relative(share) => format!("{}%", Number(share * 100.0)),
    }
}

pub(super) fn labels(labels: &Labels, redact: Redact<'_>) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_string(), redact(value))).collect()
}

/// What a test found.
pub(super) fn test(tested: &Tested, redact: Redact<'_>) -> TestDocument {
    TestDocument {
        kind: tested.test.word(),
        confidence: Finite(tested.confidence),
        series: tested.series,
        worst: tested.worst.iter().map(|one| series(one, redact)).collect(),
    }
}

fn series(one: &TestedSeries, redact: Redact<'_>) -> TestedDocument {
    let bounds = |Interval { low, high }: Interval| [Figure(low), Figure(high)];
    let (ranks, placebo) = match &one.found {
        Found::Ranks { comparison, medians, independent } => {
            let ranks = RanksDocument {
                sizes: comparison.sizes.into(),
                independent: (*independent).into(),
                autocorrelation: Figure(comparison.autocorrelation),
                medians: [Figure(medians.0), Figure(medians.1)],
                shift: Figure(comparison.shift),
                shift_bounds: bounds(comparison.shift_bounds),
                ratio: comparison.ratio.map(Figure),
                ratio_bounds: comparison.ratio_bounds.map(bounds),
                larger: Figure(comparison.cles),
                p_any: Finite(comparison.p_any),
            };
            (Some(ranks), None)
        }
        Found::Placebo { mean, median, windows, left_out, as_far } => {
            let (mean, median) = (Figure(*mean), Figure(*median));
            let placebo =
                PlaceboDocument { mean, median, windows: *windows, left_out: *left_out, as_far: *as_far };
            (None, Some(placebo))
        }
    };
    TestedDocument {
        labels: labels(&one.labels, redact),
        p_value: Finite(one.p_value),
        beyond: one.beyond,
        able: one.able,
        alert_because: one.weak.clone().filter(|_| one.beyond),
        ranks,
        placebo,
    }
}
