//! One check through its window: takes samples in tick order, asks again at the end, runs on after a breach, and
//! comes to an outcome. Pure: it is told what was read and says what it wants asked. Must not wait or measure.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::conclusion::conclusion;
use super::judge::{Judged, judge};
use super::outcome::{CheckRecord, Outcome, Sample, State};
use super::plan::CheckPlan;
use super::streak::Streak;
use crate::check::Reading;
use crate::policy::model::{Check, Count};

/// What an ask brought back.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What the probe saw.
    pub reading: Reading,
    /// What the gate's control target showed at the same tick, for kinds that it speaks for.
    pub control: Option<Arc<Reading>>,
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

/// What a sample means for the counting of breaches, kept beside it for the second asking.
#[derive(Debug, Clone)]
enum Mark {
    Unjudged,
    Within,
    Breach(Box<[u64]>),
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
    streak: Streak,
    failed: bool,
}

impl Watch {
    /// A watch over `check`.
    pub fn new(check: Arc<Check>, plan: CheckPlan) -> Self {
        let streak = Self::fresh(&check, &plan);
        let stage = if check.skipped.is_some() { Stage::Ended } else { Stage::Window };
        Self {
            next: plan.not_due,
            to_ask: plan.not_due,
            check,
            plan,
            stage,
            shift: 0,
            early: BTreeMap::new(),
            marks: Vec::new(),
            ticks: Vec::new(),
            streak,
            failed: false,
        }
    }

    fn fresh(check: &Check, plan: &CheckPlan) -> Streak {
        Streak::new(plan.max_failures, plan.within, check.judging.count == Count::Series)
    }

    /// The record to begin with.
    pub fn record(&self) -> CheckRecord {
        let skipped = self.check.skipped.clone();
        CheckRecord {
            outcome: skipped.is_some().then_some(Outcome::Skipped),
            reason: skipped.unwrap_or_default(),
            contribution: None,
            max_failures: self.plan.max_failures,
            within: self.plan.within,
            min_samples: self.plan.min_samples,
            planned: if self.check.skipped.is_some() { 0 } else { self.plan.planned },
            due: if self.check.skipped.is_some() { 0 } else { self.plan.due() },
            missed: 0,
            samples: Vec::new(),
            check: self.check.clone(),
        }
    }

    /// Whether nothing more will be asked.
    pub fn ended(&self) -> bool {
        self.stage == Stage::Ended
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
        (self.plan.not_due..self.plan.past).collect()
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
        let judged = judge(&taken.reading, &self.check.judging, self.check.on, taken.control.as_deref());
        let index = record.samples.len();
        self.marks.push(mark(&judged));
        self.ticks.push(k);
        record.samples.push(sample(self.time(k), &taken.reading, judged));
        let failing = self.count(index);
        steps.push(Step::Sampled(index));
        if let Some(breaches) = failing {
            self.fail(index, breaches, record, steps);
        }
    }

    /// Counts the sample at `index`; how many breaches there are when they fail the check.
    fn count(&mut self, index: usize) -> Option<usize> {
        match self.marks.get(index)? {
            Mark::Unjudged => None,
            Mark::Within => {
                self.streak.within();
                None
            }
            Mark::Breach(breaching) => {
                let (breaches, fails) = self.streak.breach(breaching);
                (fails && !self.failed).then_some(breaches)
            }
        }
    }

    fn fail(&mut self, index: usize, breaches: usize, record: &mut CheckRecord, steps: &mut Vec<Step>) {
        self.failed = true;
        record.outcome = Some(Outcome::Failed);
        if let Some(sample) = record.samples.get(index) {
            let reason = sample.reason.as_deref().unwrap_or("a breach");
            record.reason = format!(
                "{reason}, breach {breaches} of {}, at {}",
                self.plan.max_failures,
                super::moment(sample.at)
            );
        }
        steps.push(Step::Decided(Outcome::Failed));
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

    /// The ticks that came out empty or failed and were left unjudged.
    fn unjudged(&self, record: &CheckRecord) -> Vec<u32> {
        let open = |s: &Sample| matches!(s.state, State::NoData | State::Error);
        self.ticks.iter().zip(&record.samples).filter(|(_, s)| open(s)).map(|(k, _)| *k).collect()
    }

    /// Takes in the second asking of `ticks`; the whole window is counted anew, in tick order.
    pub fn take_again(
        &mut self,
        ticks: &[u32],
        taken: Vec<Taken>,
        now: Timestamp,
        record: &mut CheckRecord,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.stage != Stage::Again {
            return steps;
        }
        for (k, taken) in ticks.iter().zip(taken) {
            let Ok(index) = self.ticks.binary_search(k) else { continue };
            let Some(old) = record.samples.get_mut(index) else { continue };
            let judged = judge(&taken.reading, &self.check.judging, self.check.on, taken.control.as_deref());
            let changed = judged.state != old.state;
            self.marks[index] = mark(&judged);
            let attempts = old.attempts + taken.reading.attempts;
            *old = Sample { attempts, ..sample(old.at, &taken.reading, judged) };
            if changed {
                steps.push(Step::Resampled(index));
            }
        }
        self.streak = Self::fresh(&self.check, &self.plan);
        for index in 0..self.marks.len() {
            if let Some(breaches) = self.count(index) {
                self.fail(index, breaches, record, &mut steps);
            }
        }
        self.close(now, record, &mut steps);
        steps
    }

    /// The planned window is over and everything is asked: run on, or come to an outcome.
    fn close(&mut self, now: Timestamp, record: &mut CheckRecord, steps: &mut Vec<Step>) {
        if self.failed {
            return self.end(record);
        }
        let last_judged = self.marks.iter().rev().find(|mark| !matches!(mark, Mark::Unjudged));
        if !matches!(last_judged, Some(Mark::Breach(_))) {
            return self.conclude(record, steps);
        }
        if !self.check.probe.has_past() {
            while self.time(self.plan.planned) < now && self.shift < u32::MAX / 2 {
                self.shift += 1;
            }
        }
        self.stage = Stage::RunOn(self.plan.max_failures);
        self.to_ask = self.plan.planned;
        steps.push(Step::RunOn);
    }

    fn end(&mut self, record: &mut CheckRecord) {
        self.stage = Stage::Ended;
        self.early.clear();
        let asked = u32::try_from(record.samples.len()).unwrap_or(u32::MAX);
        record.missed = record.due.saturating_sub(asked);
    }

    /// The window ended and the check has not failed: passed, or too little was seen.
    fn conclude(&mut self, record: &mut CheckRecord, steps: &mut Vec<Step>) {
        self.end(record);
        let (outcome, reason) = conclusion(record, self.plan.max_failures, self.plan.min_samples);
        record.outcome = Some(outcome);
        record.reason = reason;
        steps.push(Step::Decided(outcome));
    }

    /// Ends the watch before its window did.
    pub fn stop(&mut self, why: &str, record: &mut CheckRecord) -> Vec<Step> {
        if self.ended() {
            return Vec::new();
        }
        self.end(record);
        if self.failed {
            return Vec::new();
        }
        record.outcome = Some(Outcome::Unfinished);
        let judged = record.judged();
        record.reason = format!("{why} after {judged} of {} due samples", record.due);
        vec![Step::Decided(Outcome::Unfinished)]
    }
}

fn mark(judged: &Judged) -> Mark {
    match judged.state {
        State::Within => Mark::Within,
        State::Breach => Mark::Breach(judged.breaching.clone().into_boxed_slice()),
        State::NoData | State::NoTraffic | State::Settling | State::Error | State::Missed => Mark::Unjudged,
    }
}

fn sample(at: Timestamp, reading: &Reading, judged: Judged) -> Sample {
    Sample {
        at,
        state: judged.state,
        values: judged.values,
        series: judged.series,
        query: reading.query.clone(),
        reason: judged.reason.map(Arc::from),
        attempts: reading.attempts,
        phases: reading.phases.map(Box::new),
    }
}
