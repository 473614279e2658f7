//! A window that must be good at last: a check holds once it has been within for `stable_for`, and what it was before that
//! fails nothing. Pure.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

use super::Mark;
use super::words::{Toll, last, unjudged, within};
use crate::gate::moment;
use crate::gate::outcome::{CheckRecord, Outcome, Sample, State};
use crate::gate::plan::CheckPlan;
use crate::host::clock::{between, later};
use crate::policy::criterion::Number;
use crate::policy::model::Check;
use crate::policy::value::Share;

/// How long one check has held by now.
#[derive(Debug)]
pub(in crate::gate) struct Healthy {
    stable_for: Duration,
    interval: Duration,
    min_samples: u32,
    min_coverage: Share,
    /// When the first sample was taken since which none has breached, and how many have been judged since then.
    run: Option<(Timestamp, u32)>,
    /// The due ticks of the last `stable_for`, and whether each is judged.
    recent: VecDeque<(Timestamp, bool)>,
}

impl Healthy {
    /// `stable_for` counts as at most the time from the first due tick of `plan` to its last, so that no check is unable
    /// to hold.
    pub(super) fn new(check: &Check, plan: &CheckPlan, stable_for: Duration) -> Self {
        Self {
            stable_for: stable_for.min(plan.due_span()),
            interval: plan.interval,
            min_samples: plan.min_samples,
            min_coverage: Share(check.min_coverage),
            run: None,
            recent: VecDeque::new(),
        }
    }

    pub(super) fn take(&mut self, mark: &Mark, sample: &Sample) {
        match mark {
            // It is not due.
            Mark::Unjudged if sample.state == State::Settling => return,
            Mark::Unjudged | Mark::Counted { .. } | Mark::Measured(_) => {}
            Mark::Within => {
                let (_, judged) = self.run.get_or_insert((sample.at, 0));
                *judged += 1;
            }
            Mark::Breach(_) => self.run = None,
        }
        self.recent.push_back((sample.at, !matches!(mark, Mark::Unjudged)));
        let stable_for = self.stable_for;
        while self.recent.front().is_some_and(|(at, _)| between(*at, sample.at) > stable_for) {
            self.recent.pop_front();
        }
    }

    /// The moments at which it has held for `stable_for`: from when on, and until its next tick says something new. Its
    /// newest sample must be judged, and enough of the last `stable_for`: the end must have been seen.
    pub(super) fn held(&self) -> Option<Range<Timestamp>> {
        let (since, judged) = self.run?;
        let (newest, seen) = *self.recent.back()?;
        let from = later(since, self.stable_for);
        let holds = seen && from <= newest && judged >= self.min_samples && self.covered();
        holds.then(|| from..later(newest, self.interval))
    }

    fn judged(&self) -> usize {
        self.recent.iter().filter(|(_, judged)| *judged).count()
    }

    fn covered(&self) -> bool {
        self.judged() >= self.min_coverage.least(self.recent.len()).max(1)
    }

    /// A check that has not held up to its window's end has failed if a judged sample in the last `stable_for` is a
    /// breach.
    pub(super) fn conclude(&self, record: &CheckRecord) -> (Outcome, String) {
        let Some((newest, _)) = self.recent.back().copied() else {
            return (Outcome::Inconclusive, self.unseen(record, Duration::ZERO));
        };
        let held = self.run.map(|(since, _)| between(since, newest)).unwrap_or_default();
        if let Some((since, judged)) = self.run.filter(|_| self.held().is_some()) {
            let held = humantime::format_duration(held);
            return (
                Outcome::Passed,
                format!("held for {held} since {}, {judged} samples within", moment(since)),
            );
        }
        let recent = || record.samples.iter().filter(|sample| between(sample.at, newest) <= self.stable_for);
        match recent().rfind(|sample| sample.state == State::Breach) {
            Some(breach) => {
                (Outcome::Failed, self.failure(breach, &Toll::of(record.check.judging, recent())))
            }
            None => (Outcome::Inconclusive, self.unseen(record, held)),
        }
    }

    /// Why it has failed, the last breach being `breach`, and what would have held.
    fn failure(&self, breach: &Sample, toll: &Toll) -> String {
        let stable_for = humantime::format_duration(self.stable_for);
        let reason = breach.reason.as_deref().unwrap_or("a breach");
        let first = format!(
            "{reason}, at {}, in the last {stable_for} (`stable_for`) of the window",
            moment(breach.at)
        );
        let held = toll.wider().unwrap_or_else(|| format!("{stable_for} without a breach"));
        let parts = [first, toll.breached(breach.at), format!("{held} would have held")];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// Why it has neither held, which it has for `held`, nor failed.
    fn unseen(&self, record: &CheckRecord, held: Duration) -> String {
        let stable_for = humantime::format_duration(self.stable_for);
        let seen = self.recent.back().is_some_and(|(_, judged)| *judged);
        let run = self.run.map_or(0, |(_, judged)| judged);
        let first = if !self.covered() {
            let percent = Number(self.min_coverage.0 * 100.0);
            format!(
                "{} of {} due samples judged in the last {stable_for} (`stable_for`), expected at least \
                 `min_coverage` {percent} %",
                self.judged(),
                self.recent.len(),
            )
        } else if !seen {
            "the last sample is not judged: the end was not seen".to_owned()
        } else if run < self.min_samples {
            format!(
                "{run} samples judged since the last breach, expected at least {} (`min_samples`)",
                self.min_samples
            )
        } else {
            format!("held for {}, expected {stable_for} (`stable_for`)", humantime::format_duration(held))
        };
        let unjudged = Some(unjudged(record)).filter(|words| !words.is_empty());
        let unjudged = unjudged.map(|words| format!(": {words}")).unwrap_or_default();
        let within = within(record);
        format!("{first}{unjudged}; {stable_for} {within} at the end would have passed{}", last(record))
    }
}
