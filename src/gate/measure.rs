//! The only loop that waits: asks what is due, never more at once than a lane allows, the same question at the same
//! time only once, and hands every reading to the engine. Must not judge.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, Shared, WeakShared, join};
use futures_util::stream::{BoxStream, FuturesUnordered, StreamExt as _};
use jiff::Timestamp;

use super::engine::{Ask, Engine};
use super::judge::KEPT;
use super::outcome::{Event, Record};
use super::verdict::Stop;
use super::watch::Taken;
use crate::check::{Probe, Reading, Seen};
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
                while let Some(Some(more)) = desk.running.next().now_or_never() {
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

/// A question, without who asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Question {
    first: Timestamp,
    step: Duration,
    count: usize,
}

/// A question to a probe, and who waits for the answer: which ask, and which tick of the answer goes where in it.
struct Job {
    probe: Arc<dyn Probe>,
    question: Question,
    waiting: Vec<(u64, Vec<(usize, usize)>)>,
    lane: usize,
    key: Option<usize>,
}

/// An ask that is not answered in full.
struct Pending {
    ask: Ask,
    taken: Vec<Option<Taken>>,
    left: usize,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<u64>,
    in_flight: usize,
}

/// Gives equal texts one number, from 0 on.
#[derive(Default)]
struct Numbers(HashMap<String, usize>);

impl Numbers {
    fn number(&mut self, text: String) -> usize {
        let next = self.0.len();
        *self.0.entry(text).or_insert(next)
    }
}

/// A job's number and its readings, with what the control target showed.
type Answer = (u64, Vec<Reading>, Option<Arc<Reading>>);
type ControlFuture<'a> = BoxFuture<'a, Arc<Reading>>;

/// Who asks what, and what is under way.
struct Desk<'a> {
    measuring: &'a Measuring<'a>,
    running: FuturesUnordered<BoxFuture<'a, Answer>>,
    jobs: HashMap<u64, Job>,
    pending: HashMap<u64, Pending>,
    /// For each check: its lane, and the number of its key, which is the same for probes that ask the same.
    places: Vec<(usize, Option<usize>)>,
    lanes: Vec<Lane>,
    /// Lanes that may have room and something waiting.
    stirred: Vec<usize>,
    same: HashMap<(usize, Question), u64>,
    controls: HashMap<Timestamp, WeakShared<ControlFuture<'a>>>,
    numbers: u64,
}

impl<'a> Desk<'a> {
    fn new(measuring: &'a Measuring<'a>) -> Self {
        let (mut lanes, mut keys) = (Numbers::default(), Numbers::default());
        let mut place = |check: &Arc<Check>| {
            (lanes.number(check.probe.lane().to_owned()), check.probe.key().map(|key| keys.number(key)))
        };
        let places = measuring.checks.iter().map(&mut place).collect();
        Self {
            measuring,
            places,
            lanes: (0..lanes.0.len()).map(|_| Lane::default()).collect(),
            running: FuturesUnordered::new(),
            jobs: HashMap::new(),
            pending: HashMap::new(),
            stirred: Vec::new(),
            same: HashMap::new(),
            controls: HashMap::new(),
            numbers: 0,
        }
    }

    fn idle(&self) -> bool {
        self.running.is_empty()
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Splits `ask` into jobs, and joins those that somebody else asks already.
    fn accept(&mut self, ask: Ask) {
        let check = &self.measuring.checks[ask.check];
        let place = self.places[ask.check];
        let probe = check.probe.clone();
        let step = check.interval;
        let slots: Vec<(Question, Vec<(usize, usize)>)> = match (ask.times.as_slice(), ask.ticks.as_slice()) {
            ([first, _, ..], [k, .., last])
                if probe.measure_range(*first, step, 1, self.measuring.host).is_some() =>
            {
                let question = Question { first: *first, step, count: (last - k) as usize + 1 };
                vec![(
                    question,
                    ask.ticks.iter().enumerate().map(|(slot, tick)| (slot, (tick - k) as usize)).collect(),
                )]
            }
            (times, _) => {
                let single = |(slot, at): (usize, &Timestamp)| {
                    (Question { first: *at, step: Duration::ZERO, count: 1 }, vec![(slot, 0)])
                };
                times.iter().enumerate().map(single).collect()
            }
        };
        let pending = self.number();
        let taken = vec![None; ask.ticks.len()];
        self.pending.insert(pending, Pending { left: slots.len(), taken, ask });
        for (question, places) in slots {
            self.join(&probe, place, question, (pending, places));
        }
    }

    fn join(
        &mut self,
        probe: &Arc<dyn Probe>,
        (lane, key): (usize, Option<usize>),
        question: Question,
        waiting: (u64, Vec<(usize, usize)>),
    ) {
        let number = self.number();
        if let Some(key) = key {
            let same = *self.same.entry((key, question)).or_insert(number);
            if let Some(job) = self.jobs.get_mut(&same) {
                job.waiting.push(waiting);
                return;
            }
        }
        self.jobs.insert(number, Job { probe: probe.clone(), question, waiting: vec![waiting], lane, key });
        self.lanes[lane].waiting.push_back(number);
        self.stir(lane);
    }

    fn stir(&mut self, lane: usize) {
        if self.stirred.last() != Some(&lane) {
            self.stirred.push(lane);
        }
    }

    /// Starts what the lanes have room for.
    fn start(&mut self) {
        for lane in std::mem::take(&mut self.stirred) {
            while let Some(lane) = self.lanes.get_mut(lane)
                && lane.in_flight < self.measuring.concurrency
                && let Some(number) = lane.waiting.pop_front()
            {
                lane.in_flight += 1;
                self.run(number);
            }
        }
    }

    fn run(&mut self, number: u64) {
        let Some(job) = self.jobs.get(&number) else { return };
        let (probe, question, host) = (job.probe.clone(), job.question, self.measuring.host);
        tracing::debug!(lane = probe.lane(), at = %question.first, count = question.count, "asks {}", probe.target());
        if question.count == 1 && question.step.is_zero() {
            match self.control(&probe, question.first) {
                None => self.running.push(Box::pin(async move {
                    (number, vec![probe.measure(question.first, host).await], None)
                })),
                Some(control) => self.running.push(Box::pin(async move {
                    let (reading, control) = join(probe.measure(question.first, host), control).await;
                    (number, vec![reading], Some(control))
                })),
            }
        } else {
            self.running.push(Box::pin(async move {
                let range = probe.measure_range(question.first, question.step, question.count, host);
                let readings = match range {
                    Some(range) => range.await,
                    None => Vec::new(),
                };
                (number, readings, None)
            }));
        }
    }

    /// The control target at the tick `at`, asked once for all checks that it speaks for.
    fn control(&mut self, probe: &Arc<dyn Probe>, at: Timestamp) -> Option<Shared<ControlFuture<'a>>> {
        let control = self.measuring.control.clone().filter(|_| !probe.has_past())?;
        if let Some(known) = self.controls.get(&at).and_then(WeakShared::upgrade) {
            return Some(known);
        }
        let host = self.measuring.host;
        let asked: ControlFuture<'a> = Box::pin(async move { Arc::new(control.measure(at, host).await) });
        let asked = asked.shared();
        self.controls.retain(|_, weak| weak.upgrade().is_some());
        if let Some(weak) = asked.downgrade() {
            self.controls.insert(at, weak);
        }
        Some(asked)
    }

    async fn next(&mut self) -> Answer {
        match self.running.next().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// Gives an answer to all who wait for it; the asks that are answered in full now.
    fn finish(&mut self, (number, readings, control): Answer) -> Vec<(Ask, Vec<Taken>)> {
        let Some(job) = self.jobs.remove(&number) else { return Vec::new() };
        if let Some(reading) = readings.last() {
            let (at, attempts) = (job.question.first, reading.attempts);
            tracing::debug!(lane = job.probe.lane(), %at, attempts, "saw {:?}", Brief(&reading.seen));
        }
        if let Some(key) = job.key {
            self.same.remove(&(key, job.question));
        }
        self.lanes[job.lane].in_flight -= 1;
        self.stir(job.lane);
        let mut complete = Vec::new();
        for (number, places) in job.waiting {
            let Some(pending) = self.pending.get_mut(&number) else { continue };
            for (slot, index) in places {
                pending.taken[slot] = readings
                    .get(index)
                    .map(|reading| Taken { reading: reading.clone(), control: control.clone() });
            }
            pending.left -= 1;
            if pending.left == 0
                && let Some(done) = self.pending.remove(&number)
            {
                complete.push((done.ask, done.taken.into_iter().map(answered).collect()));
            }
        }
        complete
    }
}

/// What was seen, without the thousands of series that it may hold.
struct Brief<'s>(&'s Seen);

impl fmt::Debug for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Seen::Series(series) => {
                f.debug_list().entries(series.iter().take(KEPT).map(|one| (&one.labels, one.value))).finish()
            }
            other => other.fmt(f),
        }
    }
}

/// A probe that answers fewer ticks than it was asked has not seen the others.
fn answered(taken: Option<Taken>) -> Taken {
    taken.unwrap_or_else(|| {
        let seen = Seen::Failed("the answer has no value for this tick".to_owned());
        Taken { reading: Reading::new(seen), control: None }
    })
}
