//! How far a backtest is: a bar in a terminal, else a line now and then. Must not know what is judged.

use std::time::Duration;

use jiff::Timestamp;

use crate::host::clock::{between, later};
use crate::host::output::Output;
use crate::report::words::span;

/// From frame to frame in a terminal.
const REDRAW: Duration = Duration::from_millis(200);

/// From line to line elsewhere.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Cells of the bar.
const CELLS: usize = 24;

/// How far it is.
#[derive(Debug)]
pub(super) struct Progress {
    all: usize,
    begin: Timestamp,
    next: Timestamp,
    every: Duration,
}

impl Progress {
    /// The progress of `all` deployments, from `begin` on.
    pub(super) fn new(all: usize, output: &Output, begin: Timestamp) -> Self {
        let every = if output.live { REDRAW } else { HEARTBEAT };
        Self { all, begin, next: later(begin, every), every }
    }

    /// Shows that `done` are judged and `queries` sent, if it is time.
    pub(super) fn show(&mut self, done: usize, queries: u64, now: Timestamp, output: &Output) {
        if now < self.next {
            return;
        }
        self.next = later(now, self.every);
        let line = line(done, self.all, queries, between(self.begin, now), output.live);
        if output.live {
            output.talk_raw(&format!("\r\x1b[K{line}"));
        } else {
            output.talk(&line);
        }
    }

    /// Takes the bar off the terminal.
    pub(super) fn clear(&self, output: &Output) {
        if output.live {
            output.talk_raw("\r\x1b[K");
        }
    }
}

fn line(done: usize, all: usize, queries: u64, gone: Duration, bar: bool) -> String {
    let bar = if bar {
        let full = CELLS * done / all.max(1);
        format!("{}{}  ", "█".repeat(full), "░".repeat(CELLS - full))
    } else {
        String::new()
    };
    // Sooner it would be told by the few that happen to be done.
    let enough = done * 20 >= all && done > 1;
    let left = u32::try_from(all - done).ok().zip(u32::try_from(done).ok()).filter(|_| enough);
    let left = left.map(|(left, done)| format!(", about {} left", span(gone / done * left)));
    format!("{bar}{done} of {all} deployments judged, {queries} queries{}", left.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_how_long_it_takes() {
        assert_eq!(
            line(120, 500, 6100, Duration::from_secs(12), false),
            "120 of 500 deployments judged, 6100 queries, about 38s left"
        );
        assert_eq!(
            line(0, 500, 7, Duration::from_secs(1), true),
            format!("{}  0 of 500 deployments judged, 7 queries", "░".repeat(24))
        );
    }
}
