//! What a window that ended without a failure comes to, in an outcome and in words. Pure.

use super::words::{last, over, unjudged, watched, within, worst};
use crate::gate::outcome::{CheckRecord, Outcome, State};
use crate::policy::criterion::Number;
use crate::policy::value::Share;

/// The outcome of `record`, whose window ended without a failure, and why: passed, or inconclusive where fewer than
/// `min_samples` or its `min_coverage` were judged, or none of its last `max_failures` samples was.
pub(super) fn conclusion(record: &CheckRecord, max_failures: u32, min_samples: u32) -> (Outcome, String) {
    let (judged, due) = (record.judged(), record.due);
    let ends = record.samples.iter().rev().take(max_failures as usize);
    let end_seen = end_seen(record, max_failures);
    let covering = Share(record.check.min_coverage).least(due as usize);
    let enough = covering.max(min_samples as usize);
    let (over, within) = (over(watched(record)), within(record));
    let short = if (judged as usize) < enough {
        let expected = if covering > min_samples as usize {
            format!("{covering} (`min_coverage` {} %)", Number(record.check.min_coverage * 100.0))
        } else {
            format!("{min_samples} (`min_samples`)")
        };
        format!(
            "{judged} of {due} due samples judged{}, expected at least {expected}{over}: {}; {} more {within} would have \
             passed",
            worst(record),
            unjudged(record),
            enough - judged as usize
        )
    } else if !end_seen {
        let ends = ends.len();
        format!(
            "none of the last {ends} samples judged: the end was not seen; {judged} of {due} due samples judged{}{over}, \
             {}; one of the last {ends} {within} would have passed",
            worst(record),
            unjudged(record)
        )
    } else {
        let held = record.count(State::Within);
        let breaches = judged - held;
        let breached = if breaches == 0 { String::new() } else { format!(", {breaches} breached") };
        return (Outcome::Passed, format!("{held} of {due} due samples within{breached}"));
    };
    (Outcome::Inconclusive, format!("{short}{}", last(record)))
}

/// Whether one of the last `max_failures` samples of `record` is judged.
pub(super) fn end_seen(record: &CheckRecord, max_failures: u32) -> bool {
    record.samples.iter().rev().take(max_failures as usize).any(|sample| sample.state.judged())
}
