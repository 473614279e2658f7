//! Who asks what, and what is under way: splits asks into questions, asks the same question at the same time only once,
//! and never more at once in a lane than it allows. Must not judge and must not wait; `measure` does.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, Shared, WeakShared, join};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;

use super::engine::{Ask, Cause};
use super::judge::KEPT;
use super::measure::Measuring;
use super::watch::Taken;
use crate::check::{Probe, Reading, Seen};
use crate::host::Host;
use crate::policy::model::Check;

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
    waiting: Vec<Waiting>,
    lane: usize,
    key: Option<usize>,
}

/// An ask that waits for a job: which part of it, the check's own question first, and which tick of the answer goes where
/// in it.
struct Waiting {
    pending: u64,
    part: usize,
    places: Vec<(usize, usize)>,
}

/// An ask that is not answered in full.
struct Pending {
    ask: Ask,
    slots: Vec<Slot>,
    left: usize,
}

/// What has come in for one tick.
#[derive(Clone)]
struct Slot {
    reading: Option<Reading>,
    control: Option<Arc<Reading>>,
    beside: Vec<Option<Reading>>,
}

/// Where the questions of a check are asked.
struct Places {
    own: Place,
    beside: Vec<Place>,
    history: Vec<Place>,
}

/// A part of an ask: what asks it, where, and its number.
struct Part {
    probe: Arc<dyn Probe>,
    place: Place,
    part: usize,
    questions: Vec<Asked>,
}

/// A question, and which tick of its answer goes where in an ask.
type Asked = (Question, Vec<(usize, usize)>);

/// The lane of a probe, and the number of its key, which is the same for probes that ask the same.
type Place = (usize, Option<usize>);

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
pub(super) type Answer = (u64, Vec<Reading>, Option<Arc<Reading>>);
type ControlFuture<'a> = BoxFuture<'a, Arc<Reading>>;

/// Who asks what, and what is under way.
pub(super) struct Desk<'a> {
    measuring: &'a Measuring<'a>,
    running: FuturesUnordered<BoxFuture<'a, Answer>>,
    jobs: HashMap<u64, Job>,
    pending: HashMap<u64, Pending>,
    places: Vec<Places>,
    /// The numbers of the keys of all probes.
    keys: Numbers,
    lanes: Vec<Lane>,
    /// Lanes that may have room and something waiting.
    stirred: Vec<usize>,
    same: HashMap<(usize, Question), u64>,
    controls: HashMap<Timestamp, WeakShared<ControlFuture<'a>>>,
    numbers: u64,
}

impl<'a> Desk<'a> {
    pub(super) fn new(measuring: &'a Measuring<'a>) -> Self {
        let (mut lanes, mut keys) = (Numbers::default(), Numbers::default());
        let mut place = |probe: &Arc<dyn Probe>| {
            (lanes.number(probe.lane().to_owned()), probe.key().map(|key| keys.number(key)))
        };
        let mut places_of = |check: &Arc<Check>| Places {
            own: place(&check.probe),
            beside: check.beside.iter().map(|one| place(&one.probe)).collect(),
            history: check.history.iter().map(|one| place(&one.probe)).collect(),
        };
        let places = measuring.checks.iter().map(&mut places_of).collect();
        Self {
            measuring,
            places,
            lanes: (0..lanes.0.len()).map(|_| Lane::default()).collect(),
            keys,
            running: FuturesUnordered::new(),
            jobs: HashMap::new(),
            pending: HashMap::new(),
            stirred: Vec::new(),
            same: HashMap::new(),
            controls: HashMap::new(),
            numbers: 0,
        }
    }

    pub(super) fn idle(&self) -> bool {
        self.running.is_empty()
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Splits `ask` into jobs, and joins those that somebody else asks already.
    pub(super) fn accept(&mut self, ask: Ask) {
        let check = self.measuring.checks[ask.check].clone();
        let pending = self.number();
        let mut parts: Vec<Part> = Vec::new();
        let places = &self.places[ask.check];
        match ask.cause {
            Cause::History(index) => {
                let probe = check.history[index].probe.clone();
                let questions = questions(&probe, &ask, check.history[index].step, self.measuring.host);
                parts.push(Part { place: places.history[index], part: 0, probe, questions });
            }
            Cause::Due | Cause::Past | Cause::Again => {
                let own = (&check.probe, places.own);
                let beside = check.beside.iter().map(|one| &one.probe).zip(places.beside.iter().copied());
                for (part, (probe, place)) in std::iter::once(own).chain(beside).enumerate() {
                    let (probe, place) = match ask.since.and_then(|since| probe.anchored(since)) {
                        Some(late) => {
                            let key = late.key().map(|key| self.keys.number(key));
                            (late, (place.0, key))
                        }
                        None => (probe.clone(), place),
                    };
                    let questions = questions(&probe, &ask, check.interval, self.measuring.host);
                    parts.push(Part { probe, place, part, questions });
                }
            }
        }
        let slot = Slot { reading: None, control: None, beside: vec![None; parts.len() - 1] };
        let slots = vec![slot; ask.ticks.len()];
        let left = parts.iter().map(|part| part.questions.len()).sum();
        self.pending.insert(pending, Pending { left, slots, ask });
        for Part { probe, place, part, questions } in parts {
            for (question, places) in questions {
                self.join(&probe, place, question, Waiting { pending, part, places });
            }
        }
    }

    fn join(&mut self, probe: &Arc<dyn Probe>, (lane, key): Place, question: Question, waiting: Waiting) {
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
    pub(super) fn start(&mut self) {
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

    /// An answer that is there already.
    pub(super) fn more(&mut self) -> Option<Answer> {
        self.running.next().now_or_never().flatten()
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> Answer {
        match self.running.next().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// Gives an answer to all who wait for it; the asks that are answered in full now.
    pub(super) fn finish(&mut self, (number, readings, control): Answer) -> Vec<(Ask, Vec<Taken>)> {
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
        for Waiting { pending: number, part, places } in job.waiting {
            let Some(pending) = self.pending.get_mut(&number) else { continue };
            for (slot, index) in places {
                let reading = readings.get(index).cloned();
                let slot = &mut pending.slots[slot];
                match part.checked_sub(1) {
                    None => (slot.reading, slot.control) = (reading, control.clone()),
                    Some(beside) => slot.beside[beside] = reading,
                }
            }
            pending.left -= 1;
            if pending.left == 0
                && let Some(done) = self.pending.remove(&number)
            {
                complete.push((done.ask, done.slots.into_iter().map(answered).collect()));
            }
        }
        complete
    }
}

/// The questions that `ask` comes to: one of a range from where on `probe` asks the same at every tick, else tick by tick;
/// each with which tick of its answer goes where.
fn questions(probe: &Arc<dyn Probe>, ask: &Ask, step: Duration, host: &Host) -> Vec<Asked> {
    let ranged = match probe.same_from().filter(|_| !step.is_zero()) {
        None => ask.times.len(),
        Some(from) => {
            let first = ask.times.partition_point(|at| *at < from);
            let able = ask.times.get(first).is_some_and(|at| {
                ask.times.len() - first > 1 && probe.measure_range(*at, step, 1, host).is_some()
            });
            if able { first } else { ask.times.len() }
        }
    };
    let single = |(slot, at): (usize, &Timestamp)| {
        (Question { first: *at, step: Duration::ZERO, count: 1 }, vec![(slot, 0)])
    };
    let mut questions: Vec<_> = ask.times[..ranged].iter().enumerate().map(single).collect();
    if let ([k, .., last], Some(first)) = (&ask.ticks[ranged..], ask.times.get(ranged)) {
        let question = Question { first: *first, step, count: (last - k) as usize + 1 };
        let places = ask.ticks[ranged..].iter().enumerate();
        let places = places.map(|(slot, tick)| (ranged + slot, (tick - k) as usize)).collect();
        questions.push((question, places));
    }
    questions
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
fn answered(slot: Slot) -> Taken {
    fn seen(reading: Option<Reading>) -> Reading {
        reading
            .unwrap_or_else(|| Reading::new(Seen::Failed("the answer has no value for this tick".to_owned())))
    }
    Taken {
        reading: seen(slot.reading),
        control: slot.control,
        beside: slot.beside.into_iter().map(seen).collect(),
    }
}
