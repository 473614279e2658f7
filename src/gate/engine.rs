//! All checks of a run together: which ask is due when, what each answer leads to, and when the verdict stands.
//! Pure: it is driven with times and readings by `measure`. Must not wait, measure or act.

mod concluding;
mod otherwise;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::before;
use super::outcome::{CheckRecord, Event, Outcome, Record, Verdict};
use super::plan::Plan;
use super::verdict::{Stop, contribution};
use super::watch::{Step, Taken, Watch};
use crate::check::{Labels, Reading};
use crate::host::clock::later;
use crate::policy::model::Check;

/// Warnings beyond this are only counted.
const MOST_WARNINGS: usize = 100;

/// Something to ask: ticks of one check, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Index of the check.
    pub check: usize,
    /// The ticks' numbers.
    pub ticks: Vec<u32>,
    /// The ticks' times.
    pub times: Vec<Timestamp>,
    /// What it is asked for.
    pub cause: Cause,
    /// From when on there is something of the new version to look at, where that is later than was planned.
    pub since: Option<Timestamp>,
}

/// What something is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The tick's time has come.
    Due,
    /// It lay in the past when the gate began.
    Past,
    /// It was not judged the first time.
    Again,
    /// A question about the past, by its number; the ticks are those of its times.
    History(usize),
}

/// How the gate treats what its checks come to.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The first rollback ends the sampling.
    pub fail_fast: bool,
    /// An inconclusive check holds the verdict at inconclusive; false under `on_inconclusive: rollback`.
    pub hold: bool,
    /// Every check is watched to its window's end, whatever the verdict is by then.
    pub to_the_end: bool,
}

/// An answer that waits for its turn: its tick's time, the check, the tick's number, what was heard, and since when it looks at
/// the new version.
type Held = (Timestamp, usize, u32, Taken, Option<Timestamp>);

/// The state of a run.
pub struct Engine {
    /// All that reports are made of.
    pub record: Record,
    watches: Vec<Watch>,
    rules: Rules,
    schedule: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Asks about the past that are not answered yet; until they are, everything else is held, so that checks are
    /// judged in the order of their ticks and not of their answers.
    past_pending: usize,
    held: Vec<Held>,
    stop: Option<Stop>,
    /// How many checks are still being watched, and which are not.
    open: usize,
    closed: Vec<bool>,
    /// The check that did not hold when last all were to.
    waits_for: usize,
    /// Which checks have failed in a way that may end the run, and wait to hear what that means; how many. Until they have,
    /// everything else is held, too.
    waiting: Vec<bool>,
    held_up: usize,
    /// Which windows have been extended.
    extended: Vec<bool>,
    /// From when on each check has something of the new version to look at, where that came late.
    since: Vec<Option<Timestamp>>,
    events: Vec<Event>,
    notes: HashSet<String>,
    labels: HashSet<Arc<Labels>>,
}

impl Engine {
    /// An engine over `plan`; `record` holds everything but the checks.
    pub fn new(plan: Plan, checks: &[Arc<Check>], mut record: Record, rules: Rules) -> Self {
        let until = plan.deadline;
        let watch = |(check, plan): (&Arc<Check>, _)| Watch::new(check.clone(), plan, until);
        let watches: Vec<Watch> = checks.iter().zip(plan.checks).map(watch).collect();
        record.checks = watches.iter().map(Watch::record).collect();
        let closed: Vec<bool> = watches.iter().map(Watch::closed).collect();
        let open = closed.iter().filter(|closed| !**closed).count();
        Self {
            record,
            watches,
            rules,
            schedule: BinaryHeap::new(),
            past_pending: 0,
            held: Vec::new(),
            stop: None,
            open,
            waiting: vec![false; closed.len()],
            held_up: 0,
            extended: vec![false; closed.len()],
            since: vec![None; closed.len()],
            closed,
            waits_for: 0,
            events: Vec::new(),
            notes: HashSet::new(),
            labels: HashSet::new(),
        }
    }

    /// What can be asked at once: the ticks in the past. Everything else is scheduled.
    pub fn begin(&mut self) -> Vec<Ask> {
        let mut asks = Vec::new();
        for check in 0..self.watches.len() {
            for question in self.watches[check].questions() {
                asks.push(self.question(check, question));
            }
            let ticks = self.watches[check].past();
            if !ticks.is_empty() {
                let times = ticks.iter().map(|k| self.watches[check].time(*k)).collect();
                asks.push(Ask { check, ticks, times, cause: Cause::Past, since: None });
            }
            self.schedule(check);
        }
        self.past_pending = asks.len();
        asks
    }

    /// The question `index` of `check` about the past.
    fn question(&self, check: usize, index: usize) -> Ask {
        let times = self.record.checks[check].check.history[index].times.clone();
        let ticks = (0..u32::try_from(times.len()).unwrap_or(u32::MAX)).collect();
        Ask { check, ticks, times, cause: Cause::History(index), since: None }
    }

    fn schedule(&mut self, check: usize) {
        let watch = &self.watches[check];
        if let Some(k) = watch.upcoming() {
            let delay = self.record.checks[check].check.delay();
            self.schedule.push(Reverse((later(watch.time(k), delay), check)));
        }
    }

    /// When the next ask is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.schedule.peek().map(|Reverse((at, _))| *at)
    }

    /// What is due by `now`.
    pub fn due(&mut self, now: Timestamp) -> Vec<Ask> {
        let mut asks = Vec::new();
        while let Some(Reverse((at, check))) = self.schedule.peek().copied()
            && at <= now
        {
            self.schedule.pop();
            let Some(k) = self.watches[check].upcoming() else { continue };
            let time = self.watches[check].time(k);
            self.watches[check].asked();
            let since = self.since[check];
            asks.push(Ask { check, ticks: vec![k], times: vec![time], cause: Cause::Due, since });
            self.schedule(check);
        }
        asks
    }

    /// Takes in what `ask` brought; what is to be asked because of it.
    pub fn take(&mut self, ask: &Ask, mut taken: Vec<Taken>, now: Timestamp) -> Vec<Ask> {
        for one in &mut taken {
            self.note(ask.check, &one.reading.notes);
            self.intern(one);
        }
        let mut asks = Vec::new();
        match ask.cause {
            Cause::Again => {
                let record = &mut self.record.checks[ask.check];
                let steps = self.watches[ask.check].take_again(&ask.ticks, taken, now, record);
                return self.follow(ask.check, steps);
            }
            Cause::History(index) => {
                let readings: Vec<Reading> = taken.into_iter().map(|taken| taken.reading).collect();
                let question = &self.record.checks[ask.check].check.history[index];
                let first = !question.purpose.waits_for_breach();
                if let Some(why) = before::unusable(question, &readings) {
                    self.note(ask.check, &[why]);
                }
                let record = &mut self.record.checks[ask.check];
                let steps = self.watches[ask.check].learn(index, readings, record);
                asks.extend(self.follow(ask.check, steps));
                taken = Vec::new();
                self.past_pending = self.past_pending.saturating_sub(usize::from(first));
            }
            Cause::Past => self.past_pending = self.past_pending.saturating_sub(1),
            Cause::Due => {}
        }
        if ask.since != self.since[ask.check] {
            // It looked at what was not the new version's, and has been asked anew.
            taken = Vec::new();
        }
        let items = ask.ticks.iter().zip(&ask.times).zip(taken);
        self.held.extend(items.map(|((k, at), taken)| (*at, ask.check, *k, taken, ask.since)));
        asks.extend(self.take_held(now));
        asks
    }

    /// Takes in what is held, in the order of its ticks, as far as nothing holds it up.
    fn take_held(&mut self, now: Timestamp) -> Vec<Ask> {
        let mut asks = Vec::new();
        if self.past_pending > 0 || self.held_up > 0 {
            return asks;
        }
        let mut held = std::mem::take(&mut self.held);
        held.sort_by_key(|(at, check, k, ..)| (*at, *check, *k));
        let mut held = held.into_iter();
        for (_, check, k, taken, _) in held.by_ref() {
            // What is later than the breach that decided is missed, even where it has been answered.
            if self.stop.is_some() {
                break;
            }
            let record = &mut self.record.checks[check];
            let steps = self.watches[check].take(k, taken, now, record);
            asks.extend(self.follow(check, steps));
            if self.held_up > 0 || self.past_pending > 0 {
                break;
            }
        }
        let since = &self.since;
        self.held.extend(held.filter(|one| one.4 == since[one.1]));
        asks
    }

    /// Turns the steps of a check into events and asks.
    fn follow(&mut self, check: usize, steps: Vec<Step>) -> Vec<Ask> {
        let mut asks = Vec::new();
        for step in steps {
            match step {
                Step::Sampled(sample) => self.events.push(Event::Sampled { check, sample }),
                Step::Resampled(sample) => self.events.push(Event::Resampled { check, sample }),
                Step::Ask(ticks) => {
                    let times = ticks.iter().map(|k| self.watches[check].time(*k)).collect();
                    asks.push(Ask { check, ticks, times, cause: Cause::Again, since: self.since[check] });
                }
                Step::History(question) => asks.push(self.question(check, question)),
                Step::Moved(since, ticks) => {
                    self.since[check] = Some(since);
                    if !ticks.is_empty() {
                        let times = ticks.iter().map(|k| self.watches[check].time(*k)).collect();
                        asks.push(Ask { check, ticks, times, cause: Cause::Past, since: Some(since) });
                        self.past_pending += 1;
                    }
                }
                Step::Extended => {
                    if !std::mem::replace(&mut self.extended[check], true) {
                        self.events.push(Event::Extended { check });
                    }
                    self.schedule(check);
                }
                Step::RunOn => {
                    self.events.push(Event::RunsOn { check });
                    self.schedule(check);
                }
                Step::Decided(outcome) => self.decide(check, outcome),
            }
        }
        self.heed(check);
        if self.watches[check].closed() && !std::mem::replace(&mut self.closed[check], true) {
            self.open -= 1;
        }
        if self.stop.is_none() && !self.rules.to_the_end && self.all_hold() {
            self.stop(Stop::Proved);
        }
        asks
    }

    /// Whether every counted check has come to its outcome or would pass, all of them at one moment, and one of them only
    /// would.
    fn all_hold(&mut self) -> bool {
        let counted = |record: &CheckRecord| !record.check.dry_run && record.outcome.is_none();
        let holds = |index: usize| {
            let (watch, record) = (&self.watches[index], &self.record.checks[index]);
            !counted(record) || watch.holds(record)
        };
        // The check that it waited for last is the likeliest to be waited for still.
        if !self.watches.is_empty() && !holds(self.waits_for) {
            return false;
        }
        if let Some(waits_for) = (0..self.watches.len()).find(|index| !holds(*index)) {
            self.waits_for = waits_for;
            return false;
        }
        let holding = self.watches.iter().zip(&self.record.checks).filter(|(_, record)| counted(record));
        let moments = holding.clone().filter_map(|(watch, _)| watch.held());
        let from = moments.clone().map(|moments| moments.start).max();
        let until = moments.map(|moments| moments.end).min();
        holding.count() > 0 && from.zip(until).is_none_or(|(from, until)| from < until)
    }

    fn decide(&mut self, check: usize, outcome: Outcome) {
        let record = &mut self.record.checks[check];
        let contributed = contribution(record, outcome, self.stop, self.rules.hold);
        record.contribution = contributed.map(|said| record.at_most.map_or(said, |most| said.min(most)));
        // Nothing is rolled back for a version that was never live.
        let live = self.record.arrival.as_ref().is_none_or(|arrival| arrival.live_at.is_some());
        let rollback = record.contribution == Some(Verdict::Rollback) && live;
        self.events.push(Event::Decided { check });
        if rollback && self.rules.fail_fast && !self.rules.to_the_end && self.stop.is_none() {
            self.stop(Stop::Rollback);
        }
    }

    /// Ends the sampling: what has no outcome is unfinished.
    pub fn stop(&mut self, stop: Stop) {
        if self.stop.is_some() {
            return;
        }
        self.stop = Some(stop);
        let why = match stop {
            Stop::Rollback => "the verdict was rollback",
            Stop::Proved => "every counted check had shown what it must",
            Stop::Timeout => "the gate's `timeout` ended it",
            Stop::Cancelled => "the run was cancelled",
        };
        for check in 0..self.watches.len() {
            let proved = stop == Stop::Proved;
            let steps = self.watches[check].stop(why, proved, &mut self.record.checks[check]);
            self.follow(check, steps);
        }
        self.schedule.clear();
    }

    /// Whether nothing is left to ask or to wait for.
    pub const fn finished(&self) -> bool {
        self.open == 0
    }

    /// The events since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Keeps what a source said beside an answer, once, under the first check that heard it.
    fn note(&mut self, check: usize, notes: &[String]) {
        for note in notes {
            if self.notes.len() < MOST_WARNINGS && self.notes.insert(note.clone()) {
                let name = &self.record.checks[check].check.name;
                self.record.warnings.push(format!("`{name}`: {note}"));
                self.events.push(Event::Warned);
            }
        }
    }

    /// Makes equal label sets one, so that a long window keeps each only once.
    fn intern(&mut self, taken: &mut Taken) {
        let crate::check::Seen::Series(series) = &mut taken.reading.seen else { return };
        // A result of very many series is judged and let go; only its worst ten are kept.
        if series.len() > super::judge::KEPT {
            return;
        }
        for one in series {
            match self.labels.get(&one.labels) {
                Some(known) => one.labels = known.clone(),
                None => {
                    self.labels.insert(one.labels.clone());
                }
            }
        }
    }
}
