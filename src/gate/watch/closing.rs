//! The end of a check's planned window: what was not judged is asked once more, a window that lacks traffic is extended, one
//! that ended on a breach runs on. Must not judge samples.

use jiff::Timestamp;

use super::taking::{lacks_traffic_only, sample};
use super::{Stage, Step, Taken, Watch};
use crate::gate::course::{Close, Course, Mark};
use crate::gate::outcome::{CheckRecord, Outcome, Sample, State};
use crate::host::clock::later;

impl Watch {
    /// The ticks that came out empty or failed and were left unjudged.
    pub(super) fn unjudged(&self, record: &CheckRecord) -> Vec<u32> {
        let open = |k: u32, s: &Sample| k >= self.fresh && matches!(s.state, State::NoData | State::Error);
        self.ticks.iter().zip(&record.samples).filter(|(k, s)| open(**k, s)).map(|(k, _)| *k).collect()
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
            let mut judged = self.judged(*k, &taken);
            let Some(old) = record.samples.get_mut(index) else { continue };
            let changed = judged.state != old.state;
            if changed && judged.state == State::Settling {
                record.due = record.due.saturating_sub(1);
            }
            self.extremes.keep(index, &taken.reading, &judged, &self.check);
            self.marks[index] = Mark::of(&mut judged);
            if judged.state == State::Breach {
                self.ask_history(&mut steps);
            }
            let Some(old) = record.samples.get_mut(index) else { continue };
            let attempts = old.attempts + taken.reading.attempts;
            *old = Sample { attempts, ..sample(old.at, &taken.reading, judged) };
            if changed {
                steps.push(Step::Resampled(index));
            }
        }
        self.course = Course::of(&self.check, &self.plan);
        self.course.learn(&self.check, &self.history);
        for index in 0..self.marks.len() {
            self.count(index, record, &mut steps);
        }
        self.close(now, record, &mut steps);
        steps
    }

    /// The planned window is over and everything is asked: run on, or come to an outcome.
    pub(super) fn close(&mut self, now: Timestamp, record: &mut CheckRecord, steps: &mut Vec<Step>) {
        if self.failed {
            return self.end(record);
        }
        if self.extends(record) {
            self.stage = Stage::Window;
            self.plan.planned += 1;
            record.planned += 1;
            record.due += 1;
            steps.push(Step::Extended);
            return;
        }
        let Close::RunOn(ticks) = self.course.close(record, &self.marks) else {
            return self.conclude(record, steps);
        };
        if !self.check.probe.has_past() {
            while self.time(self.plan.planned) < now && self.shift < u32::MAX / 2 {
                self.shift += 1;
            }
        }
        self.stage = Stage::RunOn(ticks);
        self.to_ask = self.plan.planned;
        steps.push(Step::RunOn);
    }

    /// Whether the window is to be one tick longer: it lacks what ticks without traffic would have shown, and there is
    /// time for another.
    fn extends(&self, record: &CheckRecord) -> bool {
        let next = later(self.plan.tick(self.plan.planned), self.check.delay());
        let lacking =
            || self.course.conclude(record, &self.marks, &self.history).outcome == Outcome::Inconclusive;
        self.check.on.extend && next < self.until && lacking() && lacks_traffic_only(record)
    }
}
