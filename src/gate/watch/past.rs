//! The questions of a check about the time before the deployment: when they are asked, and that a failure which hangs on
//! an answer waits for it. Must not judge the answers.

use super::{Step, Watch};
use crate::check::Reading;
use crate::gate::outcome::{CheckRecord, Outcome};

impl Watch {
    /// The questions about the past that are asked at the beginning.
    pub fn questions(&mut self) -> Vec<usize> {
        let first = |index: &usize| !self.check.history[*index].purpose.waits_for_breach();
        let questions: Vec<usize> = (0..self.check.history.len()).filter(first).collect();
        if self.ended() {
            return Vec::new();
        }
        questions.iter().for_each(|index| self.asked_history[*index] = true);
        questions
    }

    /// Takes in what the question `index` about the past was answered.
    pub fn learn(&mut self, index: usize, readings: Vec<Reading>, record: &mut CheckRecord) -> Vec<Step> {
        if let Some(answer) = self.history.get_mut(index) {
            *answer = Some(readings);
            self.course.learn(&self.check, &self.history);
        }
        if self.undecided && !self.lacks_answer() { self.decide_failed(record) } else { Vec::new() }
    }

    /// Whether a question about the past is asked that decides what a failure means.
    pub(super) fn lacks_answer(&self) -> bool {
        self.asked_history.iter().zip(&self.history).any(|(asked, answer)| *asked && answer.is_none())
    }

    /// It has failed; what that means may hang on an answer about the past.
    pub(super) fn fail(&mut self, reason: String, record: &mut CheckRecord, steps: &mut Vec<Step>) {
        self.failed = true;
        record.outcome = Some(Outcome::Failed);
        record.reason = reason;
        record.failed_at = record.samples.last().map(|last| last.at);
        self.undecided = true;
        if !self.lacks_answer() {
            steps.extend(self.decide_failed(record));
        }
    }

    pub(super) fn decide_failed(&mut self, record: &mut CheckRecord) -> Vec<Step> {
        self.undecided = false;
        crate::gate::before::weigh(&self.check, &self.history, record);
        vec![Step::Decided(Outcome::Failed)]
    }

    /// Asks what is to be known of the past where the check breaches.
    pub(super) fn ask_history(&mut self, steps: &mut Vec<Step>) {
        for (index, question) in self.check.history.iter().enumerate() {
            if question.purpose.waits_for_breach() && !std::mem::replace(&mut self.asked_history[index], true)
            {
                steps.push(Step::History(index));
            }
        }
    }
}
