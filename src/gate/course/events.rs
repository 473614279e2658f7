//! A window of which all events count: a check fails, or is proved, as soon as the evidence of all events since the
//! deployment says so, however often one looks. Pure; it is given what was counted up to each tick.

use super::evidence::Sums;
use super::words::{last, unjudged};
use super::{Close, Mark};
use crate::check::Counts;
use crate::gate::counted::{self, Histories, UNKNOWN_DISPERSION, Volume, burned, percent, requests, told};
use crate::gate::evidence::{Dispersion, Evidence};
use crate::gate::moment;
use crate::gate::outcome::{CheckRecord, Outcome, Sample};
use crate::policy::criterion::Number;
use crate::policy::events::{Claim, FEWEST_BAD, Tested};
use crate::policy::model::Check;
use crate::stats::binomial::events_to_prove;
use crate::stats::two_rates::Events;

/// The largest share that a pass without proof needs enough events to see, where the baseline's own says nothing.
const SMALLEST_LIMIT: f64 = 0.001;

/// The events of one check so far.
#[derive(Debug)]
pub(in crate::gate) struct Counting {
    tested: Tested,
    sums: Sums,
    dispersion: Dispersion,
    volume: Option<Volume>,
    /// What was counted up to the last look.
    last: Counts,
    /// What of it does not count, as it was before the check began to.
    before: Counts,
    /// What a window comes to in which nothing was counted, where `on_no_data` and its like say so.
    otherwise: Option<bool>,
}

const NOTHING: Counts = Counts { events: Events::new(0.0, 0.0), baseline: None, exact: true };

impl Counting {
    pub(super) fn new(tested: Tested) -> Self {
        Self {
            sums: Sums::new(&tested.claim),
            tested,
            dispersion: Dispersion { factor: UNKNOWN_DISPERSION, learnt: false },
            volume: None,
            last: NOTHING,
            before: NOTHING,
            otherwise: None,
        }
    }

    /// Takes in what the time before the deployment tells, before anything is counted.
    pub(super) fn learn(&mut self, check: &Check, history: &Histories) {
        if let Some(factor) = counted::dispersion(check, history) {
            self.dispersion = Dispersion { factor, learnt: true };
        }
        self.volume = counted::volume(check, history);
    }

    pub(super) fn take(&mut self, mark: &Mark, sample: &Sample) -> Option<String> {
        match mark {
            Mark::Counted { counts, settling: true } => {
                self.look(counts);
                self.before = self.last;
                None
            }
            Mark::Counted { counts, settling: false } => {
                let since = self.look(counts);
                let deflated = |events: Events| events.deflated(self.dispersion.factor);
                self.sums.update(deflated(since.events), since.baseline.map(deflated));
                self.fails().map(|reason| format!("{reason}, at {}", moment(sample.at)))
            }
            Mark::Within => {
                self.otherwise = Some(true);
                None
            }
            Mark::Breach(_) => {
                self.otherwise = Some(false);
                None
            }
            Mark::Unjudged | Mark::Measured(_) => None,
        }
    }

    /// What came since the last look. Counts do not fall: where they are estimates, the highest holds.
    fn look(&mut self, counts: &Counts) -> Counts {
        let more = |new: Events, old: Events| {
            Events::new((new.bad - old.bad).max(0.0), (new.total - old.total).max(0.0))
        };
        let sum = |old: Events, more: Events| Events::new(old.bad + more.bad, old.total + more.total);
        let since = Counts {
            events: more(counts.events, self.last.events),
            baseline: counts.baseline.map(|new| more(new, self.last.baseline.unwrap_or_default())),
            exact: counts.exact,
        };
        self.last = Counts {
            events: sum(self.last.events, since.events),
            baseline: since.baseline.map(|since| sum(self.last.baseline.unwrap_or_default(), since)),
            exact: self.last.exact && counts.exact,
        };
        since
    }

    /// All that counts.
    fn counts(&self) -> Counts {
        let less = |all: Events, before: Events| Events::new(all.bad - before.bad, all.total - before.total);
        let before = self.before.baseline.unwrap_or_default();
        Counts {
            events: less(self.last.events, self.before.events),
            baseline: self.last.baseline.map(|all| less(all, before)),
            exact: self.last.exact,
        }
    }

    /// Why the check fails by what was counted, if it does.
    fn fails(&self) -> Option<String> {
        let evidence = self.evidence();
        if evidence.counts.events.bad < FEWEST_BAD {
            return None;
        }
        match self.tested.claim {
            Claim::Budget(budget) => {
                let burned = evidence.burned.filter(|burned| *burned > budget.max_burn)?;
                let limit = percent(budget.max_burn);
                let told = told(evidence.counts.events, self.tested.bad);
                Some(format!("{} of the error budget spent > max_burn {limit}; {told}", percent(burned)))
            }
            Claim::AtMost(_) | Claim::Against { .. } => {
                self.sums.against(self.tested.alpha).then(|| evidence.against(&self.tested))
            }
        }
    }

    /// What is counted, and what it says.
    pub(super) fn evidence(&self) -> Evidence {
        let counts = self.counts();
        let burned = match self.tested.claim {
            Claim::Budget(budget) => {
                self.volume.map(|volume| burned(&budget, counts.events.bad, volume.events))
            }
            Claim::AtMost(_) | Claim::Against { .. } => None,
        };
        Evidence {
            counts,
            log_against: self.sums.log_against(),
            log_for: self.sums.log_for(),
            dispersion: self.dispersion,
            proved: self.is_proved(),
            burned,
        }
    }

    fn is_proved(&self) -> bool {
        self.sums.holds(self.tested.beta) && !self.sums.against(self.tested.alpha)
    }

    pub(super) fn holds(&self) -> bool {
        self.is_proved()
    }

    pub(super) const fn close(&self) -> Close {
        Close::Conclude
    }

    pub(super) fn conclude(&self, record: &CheckRecord) -> (Outcome, String) {
        let evidence = self.evidence();
        let events = evidence.counts.events;
        if events.total <= 0.0 {
            return match self.otherwise {
                Some(true) => {
                    (Outcome::Passed, "nothing was counted, which passes as the policy says".to_owned())
                }
                Some(false) => {
                    (Outcome::Failed, "nothing was counted, which fails as the policy says".to_owned())
                }
                None => (
                    Outcome::Inconclusive,
                    format!("nothing was counted: {}{}", unjudged(record), last(record)),
                ),
            };
        }
        let told = told(events, self.tested.bad);
        match self.tested.claim {
            Claim::Budget(budget) => match evidence.burned {
                None => {
                    let unknown = "how many requests the budget's period has is not known";
                    (Outcome::Inconclusive, format!("{unknown}; {told}"))
                }
                Some(burned) if burned <= budget.max_burn => {
                    let spent = format!("{} of the error budget spent", percent(burned));
                    let limit = percent(budget.max_burn);
                    (Outcome::Passed, format!("{spent} ≤ max_burn {limit}; {told}{}", self.extent()))
                }
                Some(burned) => {
                    let spent = format!("{} of the error budget spent > max_burn", percent(burned));
                    let limit = percent(budget.max_burn);
                    let least = Number(FEWEST_BAD);
                    (
                        Outcome::Inconclusive,
                        format!("{spent} {limit}, which takes {least} bad events to fail; {told}"),
                    )
                }
            },
            Claim::AtMost(_) | Claim::Against { .. } if evidence.proved => {
                (Outcome::Passed, evidence.proof(&self.tested))
            }
            Claim::AtMost(max) => self.unproved(&evidence, max, max),
            Claim::Against { max_times, floor } => {
                let baseline = evidence.counts.baseline.unwrap_or_default();
                let limit = (max_times * counted::ratio(baseline)).max(floor);
                self.unproved(&evidence, limit, limit.max(SMALLEST_LIMIT))
            }
        }
    }

    /// What a check came to that is neither failed nor proved: it passes where its share of bad events is within `limit`
    /// and there were enough of them to see one above `visible`.
    fn unproved(&self, evidence: &Evidence, limit: f64, visible: f64) -> (Outcome, String) {
        let events = evidence.counts.events;
        let told = told(events, self.tested.bad);
        let factor = self.dispersion.factor;
        let needed = (events_to_prove(visible, self.tested.beta) * factor).ceil();
        if events.total < needed {
            let allowed =
                if factor > 1.0 { format!(" (allows for {})", evidence.dispersion) } else { String::new() };
            let enough = requests(needed);
            return (
                Outcome::Inconclusive,
                format!(
                    "{told}, too few to say either: {enough} with no sign of harm would have sufficed{allowed}"
                ),
            );
        }
        if counted::ratio(events) > limit {
            let share = percent(counted::ratio(events));
            let short = evidence.short_against(&self.tested);
            return (Outcome::Inconclusive, format!("{told} ({share}); {short}"));
        }
        (Outcome::Passed, format!("not proved, no evidence against: {}", evidence.short_for(&self.tested)))
    }

    /// From how much of the period its requests are known, where that is not all.
    fn extent(&self) -> String {
        match self.volume {
            Some(Volume { parts, of, .. }) if parts < of => {
                format!(" (the period's requests are estimated from {parts} of {of} parts of it)")
            }
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
