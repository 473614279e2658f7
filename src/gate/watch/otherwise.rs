//! What a check would have come to if something else were claimed of its events: the same samples, judged anew. Must not
//! change what it has come to.

use super::Watch;
use crate::gate::course::Course;
use crate::gate::outcome::{CheckRecord, Outcome};
use crate::policy::events::{Claim, Tested};

impl Watch {
    /// Whether its check, which counts events, would have failed by the samples of `record` if `claim` were claimed.
    pub fn would_fail(&self, claim: Claim, record: &CheckRecord) -> bool {
        let Some(tested) = self.check.events else { return false };
        let mut course = Course::counting(Tested { claim, ..tested });
        course.learn(&self.check, &self.history);
        let mut all = self.marks.iter().zip(&record.samples);
        all.any(|(mark, sample)| course.take(mark, sample).is_some())
            || course.conclude(record, &self.marks, &self.history).outcome == Outcome::Failed
    }
}
