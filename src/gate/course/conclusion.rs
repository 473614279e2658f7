//! What a window that ended without a failure comes to, in an outcome and in words. Pure.

use crate::gate::outcome::{CheckRecord, Outcome, State};

/// The outcome of `record`, whose window ended without a failure, and why: passed, or inconclusive where fewer than
/// `min_samples` or its `min_coverage` were judged, or none of its last `max_failures` samples was.
pub(super) fn conclusion(record: &CheckRecord, max_failures: u32, min_samples: u32) -> (Outcome, String) {
    let judged = record.judged();
    let due = record.due;
    let last = record.samples.iter().rev().take(max_failures as usize);
    let end_seen = last.clone().any(|sample| sample.state.judged());
    let covered = f64::from(judged) >= record.check.min_coverage * f64::from(due) - 1e-9;
    let short = if judged < min_samples {
        Some(format!("{judged} of {due} due samples judged, expected at least {}", min_samples))
    } else if !covered {
        let percent = record.check.min_coverage * 100.0;
        Some(format!("{judged} of {due} due samples judged, expected at least {percent} %"))
    } else if !end_seen {
        Some(format!("none of the last {} samples judged: the end was not seen", last.len()))
    } else {
        None
    };
    match short {
        Some(short) => (Outcome::Inconclusive, format!("{short}{}", unjudged_words(record))),
        None => {
            let within = record.count(State::Within);
            let breaches = judged - within;
            let breached = if breaches == 0 { String::new() } else { format!(", {breaches} breached") };
            (Outcome::Passed, format!("{within} of {due} due samples within{breached}"))
        }
    }
}

/// `: 3 no data, 2 errors, the last: connection refused`.
fn unjudged_words(record: &CheckRecord) -> String {
    let words = [
        (State::NoData, "without data"),
        (State::NoTraffic, "without traffic"),
        (State::Settling, "settling"),
        (State::Error, "failed to be asked"),
        (State::Missed, "missed"),
    ];
    let counts: Vec<String> = words
        .iter()
        .map(|(state, word)| (record.count(*state), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let last = record.samples.iter().rev().find(|s| !s.state.judged()).and_then(|s| s.reason.as_deref());
    match (counts.is_empty(), last) {
        (true, _) => String::new(),
        (false, None) => format!(": {}", counts.join(", ")),
        (false, Some(last)) => format!(": {}; the last: {last}", counts.join(", ")),
    }
}
