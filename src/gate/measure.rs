//! The only loop that waits: asks what is due and hands every reading to the engine. Must not judge.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt as _};
use jiff::Timestamp;

use super::desk::Desk;
use super::engine::Engine;
use super::outcome::{Event, Record};
use super::verdict::Stop;
use crate::check::{Beside, Probe, Reading, Seen};
use crate::host::Host;
use crate::host::clock::later;
use crate::host::signals::Signal;
use crate::policy::model::Check;

/// How often those who watch are told that nothing has happened.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// How often the report is replaced while the gate runs; a killed job loses at most this much evidence.
const SAVE: Duration = Duration::from_secs(20);

/// How often a live view is redrawn.
const REDRAW: Duration = Duration::from_secs(1);

/// The longest that a rollback waits to hear whether the new version still runs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Those who watch a run.
pub trait Watcher: Send {
    /// Something happened.
    fn events(&mut self, record: &Record, events: &[Event], now: Timestamp);

    /// Time has passed; for live views.
    fn redraw(&mut self, record: &Record, now: Timestamp);

    /// The report is to be replaced.
    fn save(&mut self, record: &Record);
}

/// What is measured, and how much at once.
pub struct Measuring<'a> {
    /// The checks, in the record's order.
    pub checks: &'a [Arc<Check>],
    /// The gate's control target.
    pub control: Option<Arc<dyn Probe>>,
    /// Requests in flight in one lane at most.
    pub concurrency: usize,
    /// When the gate stops waiting.
    pub deadline: Timestamp,
    /// The world.
    pub host: &'a Host,
}

/// Runs `engine` until every check has its outcome, the deadline has passed, or a signal comes, which is returned.
pub async fn measure(
    measuring: &Measuring<'_>,
    engine: &mut Engine,
    watcher: &mut dyn Watcher,
    signals: &mut BoxStream<'static, Signal>,
) -> Option<Signal> {
    let clock = &measuring.host.clock;
    let begin = clock.now();
    let mut desk = Desk::new(measuring);
    let mut heartbeat = later(begin, HEARTBEAT);
    let mut save = begin;
    let mut redraw = later(begin, REDRAW);
    for ask in engine.begin() {
        desk.accept(ask);
    }
    loop {
        let now = clock.now();
        for ask in engine.due(now) {
            desk.accept(ask);
        }
        let events = engine.events();
        if !events.is_empty() {
            watcher.events(&engine.record, &events, now);
        }
        if engine.finished() {
            return None;
        }
        if now >= measuring.deadline {
            engine.stop(Stop::Timeout);
            continue;
        }
        if now >= heartbeat {
            heartbeat = later(now, HEARTBEAT);
            watcher.events(&engine.record, &[Event::Heartbeat], now);
        }
        if now >= save {
            save = later(now, SAVE);
            watcher.save(&engine.record);
        }
        if now >= redraw {
            redraw = later(now, REDRAW);
            watcher.redraw(&engine.record, now);
        }
        desk.start();
        let live = if measuring.host.output.live { redraw } else { heartbeat };
        let wake = [engine.next_due(), Some(heartbeat), Some(save), Some(live), Some(measuring.deadline)];
        let wake = wake.into_iter().flatten().min().unwrap_or(measuring.deadline);
        tokio::select! {
            biased;
            signal = signals.next() => {
                if let Some(signal) = signal {
                    engine.stop(Stop::Cancelled);
                    let events = engine.events();
                    watcher.events(&engine.record, &events, clock.now());
                    return Some(signal);
                }
            }
            answer = desk.next(), if !desk.idle() => {
                let mut answers = vec![answer];
                // What has come in meanwhile is taken in with it, so that a burst costs one round.
                while let Some(more) = desk.more() {
                    answers.push(more);
                }
                for answer in answers {
                    for (ask, taken) in desk.finish(answer) {
                        for ask in engine.take(&ask, taken, clock.now()) {
                            desk.accept(ask);
                        }
                    }
                }
            }
            () = clock.sleep_until(wake) => {}
        }
    }
}

/// Before a rollback: asks once more what share of the traffic the new version takes, as of now, and tells `engine`; a
/// rollback waits no longer than ten seconds for it. The signal that came meanwhile.
pub async fn ask_again(
    version: &Beside,
    engine: &mut Engine,
    host: &Host,
    signals: &mut BoxStream<'static, Signal>,
) -> Option<Signal> {
    let begin = host.clock.now();
    let at = begin.checked_sub(version.probe.delay()).unwrap_or(begin);
    let reading = tokio::select! {
        biased;
        Some(signal) = signals.next() => return Some(signal),
        reading = version.probe.measure(at, host) => reading,
        () = host.clock.sleep_until(later(begin, PATIENCE)) => {
            let late = format!("no answer within {}", humantime::format_duration(PATIENCE));
            Reading::new(Seen::Failed(late))
        }
    };
    engine.heard_again(at, &reading);
    None
}
