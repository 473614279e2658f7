//! A window that must be good for the whole of it: a check fails at the breach that completes `max_failures` within
//! `within` consecutive judged samples. Pure.

use super::conclusion::conclusion;
use super::words::Toll;
use super::{Close, Mark};
use crate::gate::moment;
use crate::gate::outcome::{CheckRecord, Outcome, Sample};
use crate::gate::plan::CheckPlan;
use crate::gate::streak::Streak;
use crate::policy::model::{Check, Count};

/// The breaches of one check.
#[derive(Debug)]
pub(in crate::gate) struct Sustained {
    streak: Streak,
    toll: Toll,
    max_failures: u32,
    within: u32,
    min_samples: u32,
}

impl Sustained {
    pub(super) fn new(check: &Check, plan: &CheckPlan) -> Self {
        let by_series = check.judging.count == Count::Series;
        Self {
            streak: Streak::new(plan.max_failures, plan.within, by_series),
            toll: Toll::new(check.judging),
            max_failures: plan.max_failures,
            within: plan.within,
            min_samples: plan.min_samples,
        }
    }

    pub(super) fn take(&mut self, mark: &Mark, sample: &Sample) -> Option<String> {
        self.toll.take(mark, sample);
        match mark {
            Mark::Unjudged | Mark::Counted { .. } | Mark::Measured(_) => None,
            Mark::Within => {
                self.streak.within();
                None
            }
            Mark::Breach(breaching) => {
                let (breaches, fails) = self.streak.breach(breaching);
                fails.then(|| self.failure(sample, breaches))
            }
        }
    }

    /// Why it fails by `sample`, and what would have held.
    fn failure(&self, sample: &Sample, breaches: usize) -> String {
        let max = self.max_failures;
        let reason = sample.reason.as_deref().unwrap_or("a breach");
        let first = format!("{reason}, breach {breaches} of {max}, at {}", moment(sample.at));
        let held = match (self.toll.wider(), max) {
            (Some(wider), _) => format!("{wider} would have held"),
            (None, 1) => "only no breach at all would have held".to_owned(),
            (None, _) => {
                format!("fewer than {max} breaches within {} judged samples would have held", self.within)
            }
        };
        let parts = [first, self.toll.breached(sample.at), held];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// A window does not end on a breach.
    pub(super) fn close(&self, marks: &[Mark]) -> Close {
        let last_judged = marks.iter().rev().find(|mark| !matches!(mark, Mark::Unjudged));
        match last_judged {
            Some(Mark::Breach(_)) => Close::RunOn(self.max_failures),
            _ => Close::Conclude,
        }
    }

    pub(super) fn conclude(&self, record: &CheckRecord) -> (Outcome, String) {
        conclusion(record, self.max_failures, self.min_samples)
    }
}
