//! Lints that only a source of metrics can tell: their ids and how bad each is. They are found in `crate::online`, where
//! a network is at hand; must not look at anything here.

use super::{Cx, Rule};
use crate::policy::problem::{Problem, Severity};

/// The lints of `--online`, in the order of the documentation.
pub const RULES: &[Rule] = &[
    told(UNKNOWN_METRIC, Severity::Warning, "a metric that the source has not had for an hour"),
    told(UNKNOWN_LABEL, Severity::Warning, "a label that the metric does not have"),
    told(MATCHES_NOTHING, Severity::Warning, "matchers that no series of the metric meets"),
    told(NO_RESULT, Severity::Warning, "a query whose selectors match, and that gives nothing all the same"),
    told(QUERY_FAILS, Severity::Warning, "a query that the source refuses, or whose answer cannot be judged"),
    told(TOO_MANY_SERIES, Severity::Warning, "a selector of more than 10,000 series"),
    told(
        COSTLY_QUERY,
        Severity::Warning,
        "a query that looks at a million samples, or takes half of its time-out",
    ),
    told(WRONG_TYPE, Severity::Warning, "a metric that is taken for a counter or a gauge, and is the other"),
    told(FEW_SAMPLES, Severity::Warning, "a range that holds fewer than four samples as they come"),
    told(LIMIT_ABOVE_BUCKETS, Severity::Warning, "a limit that no quantile of the histogram can exceed"),
    told(
        OTHER_HISTOGRAM,
        Severity::Warning,
        "a classic histogram that is a native one, or the other way round",
    ),
    told(TARGETS_DOWN, Severity::Warning, "a job of which no target can be scraped"),
    told(
        NOT_ASKED,
        Severity::Note,
        "a query that could not be asked, for want of a variable or of an answer",
    ),
];

/// The id of metrics that are not there.
pub const UNKNOWN_METRIC: &str = "unknown-metric";
/// The id of labels that are not there.
pub const UNKNOWN_LABEL: &str = "unknown-label";
/// The id of matchers without series.
pub const MATCHES_NOTHING: &str = "matches-nothing";
/// The id of empty results.
pub const NO_RESULT: &str = "no-result";
/// The id of queries that are refused.
pub const QUERY_FAILS: &str = "query-fails";
/// The id of selectors of many series.
pub const TOO_MANY_SERIES: &str = "too-many-series";
/// The id of heavy queries.
pub const COSTLY_QUERY: &str = "costly-query";
/// The id of metrics of another type.
pub const WRONG_TYPE: &str = "wrong-type";
/// The id of ranges with few samples.
pub const FEW_SAMPLES: &str = "few-samples";
/// The id of limits above the buckets.
pub const LIMIT_ABOVE_BUCKETS: &str = "limit-above-buckets";
/// The id of histograms of the other sort.
pub const OTHER_HISTOGRAM: &str = "other-histogram";
/// The id of jobs that are down.
pub const TARGETS_DOWN: &str = "targets-down";
/// The id of what was not asked.
pub const NOT_ASKED: &str = "not-asked";

const fn told(id: &'static str, severity: Severity, summary: &'static str) -> Rule {
    Rule { id, severity, summary, check: nothing }
}

fn nothing(_: &Cx<'_>, _: &mut Vec<Problem>) {}

/// `problem` as found by the lint `id` of this file.
pub fn found(id: &'static str, problem: Problem) -> Problem {
    let rule = RULES.iter().find(|rule| rule.id == id);
    let severity = rule.map_or(Severity::Warning, |rule| rule.severity);
    Problem { severity, ..problem.id(id) }
}

/// Whether the lint `id` is found by asking only.
pub fn is_online(id: &str) -> bool {
    RULES.iter().any(|rule| rule.id == id)
}
