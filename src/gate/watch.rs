//! One check through its window: takes samples in tick order, asks again at the end, runs on after a breach, and
//! comes to an outcome. Pure: it is told what was read and says what it wants asked. Must not wait or measure.

mod closing;
mod otherwise;
mod past;
mod taking;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use super::arrival::Wait;
use super::course::{Concluded, Course, Mark};
use super::extreme::Extremes;
use super::judge::{Judged, judge};
use super::outcome::{CheckRecord, Outcome, Sample, State};
use super::plan::CheckPlan;
use crate::check::Reading;
use crate::policy::model::Check;
use taking::sample;

/// What an ask brought back.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What the probe saw.
    pub reading: Reading,
    /// What the gate's control target showed at the same tick, for kinds that it speaks for.
    pub control: Option<Arc<Reading>>,
    /// What the questions beside the check were answered, in their order.
    pub beside: Vec<Reading>,
}

impl Taken {
    /// A reading with nothing beside it.
    pub const fn new(reading: Reading) -> Self {
        Self { reading, control: None, beside: Vec::new() }
    }
}

/// Where a check is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its planned ticks are asked and taken in.
    Window,
    /// What was not judged is asked a second time.
    Again,
    /// The window ended on a breach and runs on for so many ticks at most.
    RunOn(u32),
    /// Nothing more is asked.
    Ended,
}

/// What taking something in led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A sample was added at this index.
    Sampled(usize),
    /// The sample at this index was replaced by a second asking.
    Resampled(usize),
    /// These ticks are to be asked once more.
    Ask(Vec<u32>),
    /// This question about the past is to be asked.
    History(usize),
    /// The new version is live from this moment on only: nothing before it is to be looked at, and these ticks, which have
    /// been asked, are to be asked anew.
    Moved(Timestamp, Vec<u32>),
    /// The window is one tick longer, which is to be scheduled.
    Extended,
    /// The window runs on: its next tick is to be scheduled.
    RunOn,
    /// The check has its outcome.
    Decided(Outcome),
}

/// One check being watched.
#[derive(Debug)]
pub struct Watch {
    check: Arc<Check>,
    plan: CheckPlan,
    stage: Stage,
    /// The tick to be taken in next.
    next: u32,
    /// The tick to be asked next.
    to_ask: u32,
    /// Ticks by which the run-on is shifted, for kinds that cannot be asked about the past.
    shift: u32,
    early: BTreeMap<u32, Taken>,
    marks: Vec<Mark>,
    ticks: Vec<u32>,
    course: Course,
    failed: bool,
    /// What the questions about the past were answered, and which have been asked.
    history: Vec<Option<Vec<Reading>>>,
    asked_history: Vec<bool>,
    /// Whether it has failed and what that means hangs on an answer about the past.
    undecided: bool,
    /// Its wait for the new version.
    wait: Wait,
    /// From when on its ticks are due since the new version came late.
    moved: Option<Timestamp>,
    /// Until when its window can be extended for want of traffic.
    until: Timestamp,
    /// The first tick that has not had its second asking.
    fresh: u32,
    /// How bad each sample is, where somebody wants to know.
    pub(super) extremes: Extremes,
}

impl Watch {
    /// A watch over `check`, whose window can be extended until `until`.
    pub fn new(check: Arc<Check>, plan: CheckPlan, until: Timestamp) -> Self {
        let course = Course::of(&check, &plan);
        let stage = if check.skipped.is_some() { Stage::Ended } else { Stage::Window };
        Self {
            next: plan.first_asked(),
            to_ask: plan.first_asked(),
            history: vec![None; check.history.len()],
            asked_history: vec![false; check.history.len()],
            undecided: false,
            wait: Wait::of(&check),
            moved: None,
            until,
            fresh: 0,
            extremes: Extremes::default(),
            check,
            plan,
            stage,
            shift: 0,
            early: BTreeMap::new(),
            marks: Vec::new(),
            ticks: Vec::new(),
            course,
            failed: false,
        }
    }

    /// The record to begin with.
    pub fn record(&self) -> CheckRecord {
        let skipped = self.check.skipped.clone();
        CheckRecord {
            outcome: skipped.is_some().then_some(Outcome::Skipped),
            reason: skipped.unwrap_or_default(),
            failed_at: None,
            contribution: None,
            plan: self.plan.clone(),
            max_failures: self.plan.max_failures,
            within: self.plan.within,
            min_samples: self.plan.min_samples,
            planned: if self.check.skipped.is_some() { 0 } else { self.plan.planned },
            due: if self.check.skipped.is_some() { 0 } else { self.plan.due() },
            missed: 0,
            before: None,
            samples: Vec::new(),
            evidence: None,
            at_most: None,
            tested: None,
            check: self.check.clone(),
        }
    }

    /// Whether nothing more will be asked of its ticks.
    pub fn ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Whether all is said of it.
    pub fn closed(&self) -> bool {
        self.ended() && !self.undecided
    }

    /// Whether it has failed, and what that means is still to be heard.
    pub const fn undecided(&self) -> bool {
        self.undecided
    }

    /// The first tick at which the new version was live.
    pub fn live_at(&self) -> Option<Timestamp> {
        self.wait.live_from().map(|k| self.time(k))
    }

    /// What was heard last of the new version's share.
    pub fn share_heard(&self) -> Option<&str> {
        self.wait.last.as_deref()
    }

    /// Whether it would pass if the gate ended now: all that it must show is shown.
    pub fn holds(&self, record: &CheckRecord) -> bool {
        !self.failed && !self.ended() && self.course.holds(record)
    }

    /// The moments at which it does, where that passes with time.
    pub fn held(&self) -> Option<Range<Timestamp>> {
        self.course.held()
    }

    /// The time of tick `k`, run-on ticks included.
    pub fn time(&self, k: u32) -> Timestamp {
        if k < self.plan.planned { self.plan.tick(k) } else { self.plan.tick(k.saturating_add(self.shift)) }
    }

    /// The ticks that lie in the past at the beginning, marked as asked.
    pub fn past(&mut self) -> Vec<u32> {
        if self.ended() {
            return Vec::new();
        }
        self.to_ask = self.to_ask.max(self.plan.past);
        (self.plan.first_asked()..self.plan.past).collect()
    }

    /// The next tick to be asked in its time, if there is one.
    pub fn upcoming(&self) -> Option<u32> {
        let last = match self.stage {
            Stage::Window => self.plan.planned,
            Stage::RunOn(ticks) => self.plan.planned + ticks,
            Stage::Again | Stage::Ended => return None,
        };
        (self.to_ask < last).then_some(self.to_ask)
    }

    /// Marks the upcoming tick as asked.
    pub fn asked(&mut self) {
        self.to_ask += 1;
    }

    /// Takes in what tick `k` brought. Ticks may arrive in any order and are judged in theirs.
    pub fn take(&mut self, k: u32, taken: Taken, now: Timestamp, record: &mut CheckRecord) -> Vec<Step> {
        let mut steps = Vec::new();
        if k >= self.next {
            self.early.insert(k, taken);
        }
        while let Some(taken) = self.early.remove(&self.next)
            && !self.ended()
        {
            let k = self.next;
            self.next += 1;
            if let Stage::RunOn(_) = self.stage {
                record.planned += 1;
                record.due += 1;
            }
            self.sample(k, &taken, record, &mut steps);
            self.advance(now, record, &mut steps);
        }
        steps
    }

    fn sample(&mut self, k: u32, taken: &Taken, record: &mut CheckRecord, steps: &mut Vec<Step>) {
        self.settle(k, record);
        let judged = self.judged(k, taken);
        let moved = self.follow_late(k);
        let mut judged = if moved.is_some() { self.judged(k, taken) } else { judged };
        let index = record.samples.len();
        self.extremes.keep(index, &taken.reading, &judged, &self.check);
        // A tick before the due ones that tells a breach is due by that; one that turns out to settle is not.
        match (k < self.plan.first_due(), judged.state) {
            (true, State::Breach) => record.due += 1,
            (false, State::Settling) => record.due = record.due.saturating_sub(1),
            _ => {}
        }
        self.marks.push(Mark::of(&mut judged));
        self.ticks.push(k);
        record.samples.push(sample(self.time(k), &taken.reading, judged));
        steps.push(Step::Sampled(index));
        if record.samples[index].state == State::Breach {
            self.ask_history(steps);
        }
        self.count(index, record, steps);
        steps.extend(moved);
    }

    /// What follows where the new version turns out, at tick `k`, to be live later than it was said to be.
    fn follow_late(&mut self, k: u32) -> Option<Step> {
        let at = self.time(k);
        if self.moved.is_some() || !self.wait.came_late(k) {
            return None;
        }
        let due = self.check.due_from_anchor(at)?;
        self.moved = Some(due);
        self.early.clear();
        Some(Step::Moved(at, (self.next..self.to_ask).collect()))
    }

    /// What tick `k` came to.
    fn judged(&mut self, k: u32, taken: &Taken) -> Judged {
        match self.wait.settling(k, taken, &self.check) {
            // A tick that is not due anyway settles, whatever it could not hear.
            Some(judged) if k < self.plan.first_due() => Judged { state: State::Settling, ..judged },
            Some(judged) => judged,
            None if self.moved.is_some_and(|due| self.time(k) < due) && !taken.reading.early => {
                let reason = "it would look at what was before the new version was live";
                Judged::new(State::Settling, Some(reason.to_owned()))
            }
            None => judge(taken, &self.check, &self.history),
        }
    }

    /// Adds the settling ticks before `k`, which nobody asks.
    fn settle(&mut self, k: u32, record: &mut CheckRecord) {
        if !record.samples.is_empty() {
            return;
        }
        let reason: Arc<str> = "it would look at what was before the deployment".into();
        for settling in self.plan.not_due..self.plan.first_asked().min(k) {
            self.marks.push(Mark::Unjudged);
            self.ticks.push(settling);
            record.samples.push(Sample::unasked(self.time(settling), State::Settling, reason.clone()));
        }
    }

    /// Counts the sample at `index`.
    fn count(&mut self, index: usize, record: &mut CheckRecord, steps: &mut Vec<Step>) {
        let (Some(mark), Some(sample)) = (self.marks.get(index), record.samples.get(index)) else { return };
        let failing = self.course.take(mark, sample);
        record.evidence = self.course.evidence().map(Box::new);
        if let Some(sample) = record.samples.get_mut(index).filter(|sample| sample.state.judged()) {
            sample.log_evidence = record.evidence.as_ref().map(|evidence| evidence.log_against);
        }
        if let Some(reason) = failing.filter(|_| !self.failed) {
            self.fail(reason, record, steps);
        }
    }

    /// Goes on to the next stage where this one is over.
    fn advance(&mut self, now: Timestamp, record: &mut CheckRecord, steps: &mut Vec<Step>) {
        match self.stage {
            Stage::Window if self.next < self.plan.planned => {}
            Stage::Window if self.failed => self.end(record),
            Stage::Window => {
                let unjudged = if self.check.probe.has_past() { self.unjudged(record) } else { Vec::new() };
                if unjudged.is_empty() {
                    self.close(now, record, steps);
                } else {
                    self.stage = Stage::Again;
                    self.fresh = self.next;
                    steps.push(Step::Ask(unjudged));
                }
            }
            Stage::RunOn(ticks) => {
                let within = matches!(self.marks.last(), Some(Mark::Within));
                if self.failed {
                    self.end(record);
                } else if within || self.next >= self.plan.planned + ticks {
                    self.conclude(record, steps);
                }
            }
            Stage::Again | Stage::Ended => {}
        }
    }

    fn end(&mut self, record: &mut CheckRecord) {
        self.stage = Stage::Ended;
        self.early.clear();
        let settling = record.count(State::Settling);
        let asked = u32::try_from(record.samples.len()).unwrap_or(u32::MAX).saturating_sub(settling);
        record.missed = record.due.saturating_sub(asked);
    }

    /// The window ended and no breach has failed the check: what it came to.
    fn conclude(&mut self, record: &mut CheckRecord, steps: &mut Vec<Step>) {
        self.end(record);
        let Concluded { outcome, reason, at_most, tested } =
            self.course.conclude(record, &self.marks, &self.history);
        record.at_most = at_most;
        record.tested = tested;
        if outcome == Outcome::Failed {
            self.ask_history(steps);
            return self.fail(reason, record, steps);
        }
        record.outcome = Some(outcome);
        record.reason = reason;
        steps.push(Step::Decided(outcome));
    }

    /// Ends the watch before its window did, and before all is known of the past. `proved`: what holds passes.
    pub fn stop(&mut self, why: &str, proved: bool, record: &mut CheckRecord) -> Vec<Step> {
        if self.ended() {
            return if self.undecided { self.decide_failed(record) } else { Vec::new() };
        }
        let holds = proved && self.holds(record);
        self.end(record);
        if self.failed {
            return if self.undecided { self.decide_failed(record) } else { Vec::new() };
        }
        if holds {
            let mut steps = Vec::new();
            self.conclude(record, &mut steps);
            return steps;
        }
        record.outcome = Some(Outcome::Unfinished);
        let judged = record.judged();
        record.reason = format!("{why} after {judged} of {} due samples", record.due);
        vec![Step::Decided(Outcome::Unfinished)]
    }
}
