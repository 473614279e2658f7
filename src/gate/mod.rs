//! The gate: plan (ticks) → measure (the only loop that waits) → judge → verdict → outcome. All of it is pure but
//! `measure`. Must not know a kind of check or a way to act.

pub mod plan;
pub mod soonest;
mod against;
pub mod judge;
pub mod extreme;
pub mod streak;
pub(crate) mod counted;
pub mod evidence;
mod course;
pub mod arrival;
pub mod before;
mod beside;
pub mod watch;
pub mod verdict;
pub mod outcome;
pub mod engine;
mod desk;
pub mod measure;

use jiff::Timestamp;

/// A moment for people: RFC 3339 in UTC, whole seconds.
pub fn moment(at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.to_string()
}

#[cfg(test)]
mod tests;
