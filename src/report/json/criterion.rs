//! The part of the document about what values and events must satisfy.

use schemars::JsonSchema;
use serde::Serialize;

use super::compared::allowed;
use super::scalar::Finite;
use crate::policy::criterion::Number;
use crate::policy::model::{Count, Judging, Require};

/// Limits for values; only those that are set. Every one must hold.
#[derive(Serialize, JsonSchema, Default)]
pub(super) struct CriterionDocument {
    /// The value that is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected_value: Option<Finite>,
    /// How far off it may be, absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tolerance: Option<Finite>,
    /// The smallest value that is within.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_value: Option<Finite>,
    /// The largest value that is within.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_value: Option<Finite>,
    /// The largest share of bad events that is within.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_ratio: Option<Finite>,
    /// The same as a multiple of the baseline's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_times: Option<Finite>,
    /// The share of bad events, or the difference from the baseline, up to which nothing is a breach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) floor: Option<Finite>,
    /// Seconds beyond which an event is a bad one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slower_than: Option<Finite>,
    /// The share of good events that is promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slo: Option<Finite>,
    /// Over how many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) period: Option<Finite>,
    /// The share of the error budget that may be spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_burn: Option<Finite>,
    /// By how much a value may be above its baseline: a number, or a share like `10%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_increase: Option<String>,
    /// By how much it may be below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_decrease: Option<String>,
    /// Any series is a breach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expect_empty: Option<bool>,
    /// How much of the series must meet it: `any`, or a share such as `95%`; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) require: Option<String>,
    /// Whose breaches are counted: `series`; the check's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<&'static str>,
    /// Series below which a result is no data; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_series: Option<u32>,
}

/// What values judged by `judging` must satisfy.
pub(super) fn criterion(judging: &Judging) -> Option<CriterionDocument> {
    let limits = judging.criterion;
    let relative = judging.relative;
    if limits.is_empty() && !judging.expect_empty && relative.is_none() {
        return None;
    }
    let require = match judging.require {
        Require::All => None,
        Require::Any => Some("any".to_owned()),
        Require::Share(share) => Some(format!("{}%", Number(share.0 * 100.0))),
    };
    Some(CriterionDocument {
        expected_value: limits.expected.map(|(expected, _)| Finite(expected)),
        tolerance: limits.expected.map(|(_, tolerance)| Finite(tolerance)),
        min_value: limits.min.map(Finite),
        max_value: limits.max.map(Finite),
        max_increase: relative.and_then(|relative| relative.increase).map(allowed),
        max_decrease: relative.and_then(|relative| relative.decrease).map(allowed),
        floor: relative.map(|relative| relative.floor).filter(|floor| *floor > 0.0).map(Finite),
        expect_empty: judging.expect_empty.then_some(true),
        require,
        count: (judging.count == Count::Series).then_some("series"),
        min_series: Some(judging.min_series).filter(|least| *least > 1),
        ..CriterionDocument::default()
    })
}
