//! The times of the command line: when the window starts, when the new version was live, when its rollout began. Must not
//! plan.

use std::time::Duration;

use jiff::Timestamp;

use crate::cli::inputs::InputArgs;
use crate::cli::time;
use crate::policy::problem::{Problem, Problems};

/// The times of the command line.
pub(super) struct Times {
    /// When the window starts at the earliest.
    pub(super) start: Timestamp,
    /// When the new version was live; `None` where nothing was deployed.
    pub(super) deployed_at: Option<Timestamp>,
    /// When its rollout began, where that is given.
    pub(super) rollout: Option<Timestamp>,
    /// `--deployed-at`, where it is given as a time.
    pub(super) written: Option<Timestamp>,
    /// `--duration` or `--last`.
    pub(super) duration: Option<Duration>,
}

/// Reads them as of `now`; what is wrong goes to `problems`.
pub(super) fn times(inputs: &InputArgs, now: Timestamp, problems: &mut Problems) -> Times {
    let mut parse = |option: &str, text: &Option<String>| {
        let text = text.as_ref()?;
        match time::parse(text, now) {
            Ok(time) => Some(time),
            Err(problem) => {
                problems.push(Problem::nowhere(format!("`{option}`: {problem}")));
                None
            }
        }
    };
    let start = match inputs.last {
        Some(last) => now.checked_sub(last).unwrap_or(Timestamp::MIN),
        None => parse("--start", &inputs.start).unwrap_or(now),
    };
    let none = inputs.deployed_at.as_deref() == Some("none");
    let written = if none { None } else { parse("--deployed-at", &inputs.deployed_at) };
    let deployed_at = if none { None } else { Some(written.unwrap_or(start)) };
    let rollout = parse("--rollout-started", &inputs.rollout_started);
    match (rollout, deployed_at) {
        (Some(_), None) => problems.push(Problem::nowhere(
            "`--rollout-started` says when a deployment began, and `--deployed-at none` that there was none",
        )),
        (Some(began), Some(live)) if began > live => problems.push(Problem::nowhere(format!(
            "expected `--rollout-started` at or before the deployment at {}, found {}",
            crate::gate::moment(live),
            crate::gate::moment(began)
        ))),
        _ => {}
    }
    Times { start, deployed_at, rollout, written, duration: inputs.last.or(inputs.duration) }
}
