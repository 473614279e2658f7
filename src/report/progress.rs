//! What is shown of a run while it goes on: lines in a pipeline, a view in a terminal. Must only choose between
//! the two; what they say is theirs.

use std::time::Duration;

use jiff::Timestamp;

use super::Redact;
use super::lines::Lines;
use super::live::{Live, erase, redraw};
use crate::gate::outcome::{Event, Record};
use crate::host::clock::between;

/// The view is drawn anew at most so often: a fleet has thousands of samples a second.
const PAUSE: Duration = Duration::from_millis(100);

/// What to write to stderr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Lines without line ends; none when there is nothing to say.
    Lines(Vec<String>),
    /// Text with terminal codes, to be written as it stands; empty when nothing changes.
    Redraw(String),
}

/// Follows a run.
#[derive(Debug)]
pub struct Progress {
    lines: Lines,
    live: Option<View>,
}

#[derive(Debug)]
struct View {
    terminal: Live,
    drawn: usize,
    at: Option<Timestamp>,
}

impl Progress {
    /// Follows a run in a terminal of `width` columns and `height` rows if `live`, else line by line.
    pub fn new(live: bool, colour: bool, width: usize, height: usize) -> Self {
        let view = View { terminal: Live { width, height, colour }, drawn: 0, at: None };
        Self { lines: Lines::default(), live: live.then_some(view) }
    }

    /// The terminal has another size now.
    pub const fn resize(&mut self, width: usize, height: usize) {
        if let Some(view) = &mut self.live {
            view.terminal.width = width;
            view.terminal.height = height;
        }
    }

    /// What `event` makes to show. What a terminal should keep (the opening, warnings, outcomes, verdict and
    /// actions) is written above its view.
    pub fn event(&mut self, record: &Record, event: &Event, now: Timestamp, redact: Redact<'_>) -> Shown {
        let Some(view) = &mut self.live else {
            return Shown::Lines(self.lines.event(record, event, now, redact));
        };
        let passing = matches!(event, Event::Sampled { .. } | Event::Heartbeat);
        let kept = if passing { Vec::new() } else { self.lines.event(record, event, now, redact) };
        if kept.is_empty() {
            return if *event == Event::Finished {
                view.draw(record, now, redact)
            } else {
                view.tick(record, now, redact)
            };
        }
        let mut text = erase(view.drawn);
        for line in kept {
            text.push_str(&line);
            text.push('\n');
        }
        view.drawn = 0;
        if let Shown::Redraw(frame) = view.draw(record, now, redact) {
            text.push_str(&frame);
        }
        Shown::Redraw(text)
    }

    /// Time has passed: a terminal's bar moves. To be called about once a second in a terminal; elsewhere it says
    /// nothing.
    pub fn tick(&mut self, record: &Record, now: Timestamp, redact: Redact<'_>) -> Shown {
        self.live.as_mut().map_or_else(|| Shown::Lines(Vec::new()), |view| view.tick(record, now, redact))
    }
}

impl View {
    fn tick(&mut self, record: &Record, now: Timestamp, redact: Redact<'_>) -> Shown {
        if self.at.is_some_and(|at| between(at, now) < PAUSE) {
            return Shown::Redraw(String::new());
        }
        self.draw(record, now, redact)
    }

    fn draw(&mut self, record: &Record, now: Timestamp, redact: Redact<'_>) -> Shown {
        let frame = self.terminal.frame(record, now, redact);
        let text = redraw(self.drawn, &frame);
        self.drawn = frame.len();
        self.at = Some(now);
        Shown::Redraw(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{at, open, planned, rollback, watched};

    #[test]
    fn a_pipeline_gets_lines_and_no_ticks() {
        let mut progress = Progress::new(false, false, 80, 24);
        let record = planned(watched());
        let Shown::Lines(lines) = progress.event(&record, &Event::Planned, at("11:01:30"), &open) else {
            panic!("expected lines");
        };
        assert_eq!(lines.len(), 1);
        assert_eq!(progress.tick(&record, at("11:01:31"), &open), Shown::Lines(Vec::new()));
    }

    #[test]
    fn a_terminal_keeps_what_matters_above_its_view() {
        let mut progress = Progress::new(true, false, 80, 24);
        let record = planned(watched());
        let drawn = |shown: Shown| match shown {
            Shown::Redraw(text) => text,
            Shown::Lines(lines) => panic!("expected a view, found {lines:?}"),
        };
        let first = drawn(progress.event(&record, &Event::Planned, at("11:02:46"), &open));
        assert!(first.starts_with("11:02:46Z watching 4 checks"), "{first:?}");
        assert!(first.ends_with("\x1b[K\n\x1b[J"), "{first:?}");

        let sampled = Event::Sampled { check: 2, sample: 3 };
        assert_eq!(drawn(progress.event(&record, &sampled, at("11:02:46.050"), &open)), "", "not yet again");
        let moved = drawn(progress.tick(&record, at("11:02:47"), &open));
        assert!(moved.starts_with("\x1b[6A\rwatching  checkout"), "{moved:?}");

        let done = rollback();
        let acted = drawn(progress.event(&done, &Event::Acted { action: 0 }, at("11:03:00.2"), &open));
        let above =
            "\x1b[6A\r\x1b[J11:03:00Z rollback confirmed by webhook https://deploy.example/hooks/rollback";
        assert!(acted.starts_with(above), "{acted:?}");
        let finished = drawn(progress.event(&done, &Event::Finished, at("11:03:00.2"), &open));
        assert!(finished.contains("ROLLBACK  checkout 1.8.2"), "the last view stays: {finished:?}");
    }
}
