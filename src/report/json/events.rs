//! The part of the document about counted events: what is claimed of them, and what they say. Must not compute evidence;
//! the gate has.

use super::criterion::CriterionDocument;
use super::document::{BaselineEventsDocument, EventsDocument};
use super::scalar::{Figure, Finite};
use crate::gate::outcome::CheckRecord;
use crate::policy::events::{Bad, Claim, Tested};
use crate::stats::two_rates::Events;

/// What is claimed of events.
pub(super) fn criterion(tested: Option<&Tested>) -> Option<CriterionDocument> {
    let tested = tested?;
    let slower_than = match tested.bad {
        Bad::Failed => None,
        Bad::Slow(bound) => Some(Finite::seconds(bound)),
    };
    let none = CriterionDocument { slower_than, ..CriterionDocument::default() };
    Some(match tested.claim {
        Claim::AtMost(max) => CriterionDocument { max_ratio: Some(Finite(max)), ..none },
        Claim::Against { max_times, floor } => {
            let floor = (floor > 0.0).then_some(Finite(floor));
            CriterionDocument { max_times: Some(Finite(max_times)), floor, ..none }
        }
        Claim::Budget(budget) => CriterionDocument {
            slo: Some(Finite(budget.slo)),
            period: Some(Finite::seconds(budget.period)),
            max_burn: Some(Finite(budget.max_burn)),
            ..none
        },
    })
}

fn ratio(events: Events) -> Option<Finite> {
    (events.total > 0.0).then(|| Finite((events.bad / events.total).min(1.0)))
}

/// What was counted, and what it says.
pub(super) fn document(record: &CheckRecord) -> Option<EventsDocument> {
    let (evidence, tested) = (record.evidence.as_ref()?, record.check.events.as_ref()?);
    let rated = tested.has_rate();
    let events = evidence.counts.events;
    Some(EventsDocument {
        bad: Finite(events.bad),
        total: Finite(events.total),
        ratio: ratio(events),
        lower_bound: rated.then(|| Finite(evidence.lower(tested))),
        upper_bound: rated.then(|| Finite(evidence.upper(tested))),
        log_evidence_against: rated.then_some(Figure(evidence.log_against)),
        log_evidence_for: rated.then_some(Figure(evidence.log_for)),
        alpha: rated.then_some(Finite(tested.alpha)),
        beta: rated.then_some(Finite(tested.beta)),
        dispersion: Finite(evidence.dispersion.factor),
        dispersion_learnt: evidence.dispersion.learnt,
        exact: evidence.counts.exact,
        proved: evidence.proved,
        baseline: evidence.counts.baseline.map(|baseline| BaselineEventsDocument {
            bad: Finite(baseline.bad),
            total: Finite(baseline.total),
            ratio: ratio(baseline),
        }),
        burned: evidence.burned.map(Finite),
    })
}
