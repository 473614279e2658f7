//! Whether the new version takes its share of the traffic: before it does, ticks are settling; if it never does, or no longer
//! does when a rollback is due, nobody can say that it is bad. Pure; must not ask anything.

use std::sync::Arc;

use jiff::Timestamp;

use super::beside::{below, series};
use super::judge::Judged;
use super::moment;
use super::outcome::{Outcome, Record, State, Verdict};
use super::watch::Taken;
use crate::check::{Beside, Reading, Role, Seen};
use crate::policy::criterion::Number;
use crate::policy::model::Check;

/// What is known of the share of the traffic that the new version takes.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What is asked.
    pub query: Arc<str>,
    /// From which share on it is live.
    pub min_share: f64,
    /// The first tick at which it was.
    pub live_at: Option<Timestamp>,
    /// What was heard last of a version that was not live yet.
    pub last: Option<String>,
    /// What was heard when a rollback was due, and of which moment.
    pub again: Option<(Timestamp, Share)>,
    /// Why the verdict is inconclusive whatever the checks came to.
    pub overrules: Option<String>,
}

impl Arrival {
    /// What is known of it before anything is asked; `version` asks it.
    pub fn of(version: &Beside) -> Self {
        let min_share = match version.role {
            Role::Version(share) => share,
            _ => 0.0,
        };
        let query = version.probe.target();
        Self { query, min_share, live_at: None, last: None, again: None, overrules: None }
    }

    /// Whether another version runs by now, so that nothing was rolled back.
    pub const fn superseded(&self) -> bool {
        self.overrules.is_some() && matches!(self.again, Some((_, Share::Short(_))))
    }
}

/// What an answer says of the new version's share.
#[derive(Debug, Clone, PartialEq)]
pub enum Share {
    /// It is reached.
    Reached(f64),
    /// It is not.
    Short(f64),
    /// The answer tells no share: why.
    Untold(String),
    /// It could not be asked: why.
    Failed(String),
}

/// What `reading` says of a version that is live from a share of `least` on.
pub fn share(reading: &Reading, least: f64) -> Share {
    let series = match series(reading) {
        Ok(series) => series,
        Err(why) => return Share::Failed(why.to_owned()),
    };
    match series {
        [] => Share::Untold("an empty result".to_owned()),
        [one] if !one.value.is_finite() => Share::Untold(Number(one.value).to_string()),
        [one] if below(one.value, least) => Share::Short(one.value),
        [one] => Share::Reached(one.value),
        many => Share::Untold(format!("expected one series, found {}", many.len())),
    }
}

impl Share {
    /// The share, where it is known.
    pub const fn value(&self) -> Option<f64> {
        match self {
            Self::Reached(share) | Self::Short(share) => Some(*share),
            Self::Untold(_) | Self::Failed(_) => None,
        }
    }

    /// What it says, for people, of a version that is live from `least` on.
    pub fn words(&self, least: f64) -> String {
        match self {
            Self::Reached(share) | Self::Short(share) => format!(
                "the new version takes {} of the traffic, expected at least {}",
                Number(*share),
                Number(least)
            ),
            Self::Untold(why) => {
                format!("what share of the traffic the new version takes is not known: {why}")
            }
            Self::Failed(why) => {
                format!("what share of the traffic the new version takes could not be asked: {why}")
            }
        }
    }
}

/// The wait of one check for the new version.
#[derive(Debug, Clone)]
pub(super) struct Wait {
    /// Which of the questions beside the check it hangs on, and the share.
    on: Option<(usize, f64)>,
    /// The first tick at which the share was reached.
    live_from: Option<u32>,
    /// Whether it was known not to be reached before.
    late: bool,
    /// What was heard last.
    pub(super) last: Option<String>,
}

impl Wait {
    pub(super) fn of(check: &Check) -> Self {
        let on = check.beside.iter().enumerate().find_map(|(index, beside)| match beside.role {
            Role::Version(least) => Some((index, least)),
            _ => None,
        });
        Self { on, live_from: None, late: false, last: None }
    }

    /// The first tick at which the share was reached.
    pub(super) const fn live_from(&self) -> Option<u32> {
        self.live_from
    }

    /// Whether the version was live at tick `k` and known not to be before: later than it was said to be.
    pub(super) fn came_late(&self, k: u32) -> bool {
        self.late && self.live_from == Some(k)
    }

    /// What tick `k` is where the new version is not known to be live by then.
    pub(super) fn settling(&mut self, k: u32, taken: &Taken, check: &Check) -> Option<Judged> {
        let (index, least) = self.on?;
        if self.live_from.is_some_and(|from| from <= k) {
            return None;
        }
        let share = share(taken.beside.get(index)?, least);
        let words = share.words(least);
        self.last = Some(words.clone());
        match share {
            Share::Reached(_) => {
                self.live_from = Some(k);
                None
            }
            Share::Short(_) | Share::Untold(_) => {
                self.late |= matches!(share, Share::Short(_));
                // What was counted by then is not the new version's.
                let counts = match &taken.reading.seen {
                    Seen::Counts(counts) => Some(*counts),
                    _ => None,
                };
                Some(Judged { counts, ..Judged::new(State::Settling, Some(words)) })
            }
            Share::Failed(_) => Some(Judged::or(State::Error, words, check.on.error, "on_error")),
        }
    }
}

/// Why the verdict `said` of `record` does not hold: no version that is known to run could be judged by it.
pub(super) fn overrules(record: &Record, said: Verdict) -> Option<String> {
    let Arrival { min_share, live_at, last, again, .. } = record.arrival.as_ref()?;
    let watched = record.checks.iter().any(|check| check.outcome != Some(Outcome::Skipped));
    if watched && live_at.is_none() {
        let last = last.as_ref().map(|last| format!(": {last}")).unwrap_or_default();
        return Some(format!("the new version was never seen to be live{last}"));
    }
    match again {
        Some((at, Share::Short(share))) if said == Verdict::Rollback => Some(format!(
            "superseded: at {} the new version takes {} of the traffic, expected at least {}: another version runs by \
             now, and nothing is rolled back",
            moment(*at),
            Number(*share),
            Number(*min_share)
        )),
        _ => None,
    }
}
