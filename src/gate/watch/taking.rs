//! Samples as they are kept, of what was read and judged, and what may still be hoped for where there is no traffic. Pure.

use std::sync::Arc;

use jiff::Timestamp;

use crate::check::Reading;
use crate::gate::judge::Judged;
use crate::gate::outcome::{CheckRecord, Sample, State};

/// What was read at `at`, as it was judged.
pub(super) fn sample(at: Timestamp, reading: &Reading, judged: Judged) -> Sample {
    Sample {
        at,
        state: judged.state,
        values: judged.values,
        baselines: judged.baselines,
        series: judged.series,
        query: reading.query.clone(),
        reason: judged.reason.map(Arc::from),
        attempts: reading.attempts,
        phases: reading.phases.map(Box::new),
        log_evidence: None,
    }
}

/// Whether `record` would have been judged enough if its ticks without traffic had been.
pub(super) fn lacks_traffic_only(record: &CheckRecord) -> bool {
    let could = |sample: &&Sample| sample.state.judged() || sample.state == State::NoTraffic;
    let seen = u32::try_from(record.samples.iter().filter(could).count()).unwrap_or(u32::MAX);
    let covered = f64::from(seen) >= record.check.min_coverage * f64::from(record.due) - 1e-9;
    let mut last = record.samples.iter().rev().take(record.max_failures as usize);
    seen > record.judged() && seen >= record.min_samples && covered && last.any(|sample| could(&sample))
}
