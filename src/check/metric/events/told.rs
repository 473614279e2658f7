//! A check of events in words, before it is rendered. Must not read the selectors.

use super::{ClaimSpec, EventsSpec, SideSpec};
use crate::check::metric::asked::TIMEOUT;
use crate::check::metric::context::told_before;
use crate::check::metric::patience::{ATTEMPTS, budget};
use crate::check::{ByEvents, Due, Told};
use crate::policy::criterion::Number;
use crate::policy::problem::Problems;
use crate::policy::relative::Floor;
use crate::policy::spoken::{Settled, number, settled, span};
use crate::policy::template::Scope;
use crate::policy::value::{Chance, Factor, Period, Value};

fn chance(value: Option<&Value<Chance>>, otherwise: f64, scope: &Scope, problems: &mut Problems) -> String {
    let value = settled(value, scope, problems).unwrap_or(Settled::Known(Chance(otherwise)));
    value.say(|Chance(share)| format!("{} %", Number(share * 100.0)))
}

impl EventsSpec {
    pub(super) fn in_words(&self, scope: &Scope, problems: &mut Problems) -> Told {
        let timeout = settled(self.whom.timeout.as_ref(), scope, problems).unwrap_or(Settled::Known(TIMEOUT));
        let bound = settled(self.slower_than.as_ref(), scope, problems);
        let bound = bound.map(|bound| bound.say(|Period(bound)| span(*bound)));
        let said = |side: &SideSpec| match side {
            SideSpec::Counters { bad, total } => {
                format!("{} / {}", bad.settled(scope).text, total.settled(scope).text)
            }
            SideSpec::Histogram(histogram) => {
                format!(
                    "{} slower than {}",
                    histogram.settled(scope).text,
                    bound.as_deref().unwrap_or_default()
                )
            }
        };
        let asked: Vec<String> = self.sides().map(said).collect();
        let asked = asked.join(" against ");
        let must = self.claim.in_words(scope, problems);
        let alpha = match &self.alpha {
            None => "its part of the gate's `alpha`".to_owned(),
            own => chance(own.as_ref(), 0.0, scope, problems),
        };
        let beta = chance(self.beta.as_ref(), crate::policy::events::BETA, scope, problems);
        let by_events = match &self.claim {
            ClaimSpec::Budget { .. } => ByEvents {
                fails: "as soon as more is spent, by at least 3 bad events".to_owned(),
                needs: "the requests of the period known".to_owned(),
                provable: false,
            },
            ClaimSpec::AtMost(_) | ClaimSpec::Against { .. } => ByEvents {
                fails: format!(
                    "as soon as the evidence of all events is enough: a good deployment with a chance of at most {alpha}"
                ),
                needs: format!(
                    "proof, with a chance of error of at most {beta}, which ends it early; or enough events without \
                     evidence of harm"
                ),
                provable: true,
            },
        };
        Told {
            name: asked.clone(),
            asked,
            how: vec![format!(
                "every event since the deployment is counted; tried up to {ATTEMPTS} times, for {} each",
                timeout.say(|time| span(*time))
            )],
            must: vec![must],
            among: String::new(),
            decided_by: String::new(),
            by_events: Some(by_events),
            context: self.pre_existing.iter().filter_map(|on| told_before(on, scope, problems)).collect(),
            has_past: true,
            due: Due::After { needs: super::probe::SCRAPE, tells: None, deployment: false },
            reaching: None,
            budget: timeout.known().map(|timeout| budget(*timeout).saturating_mul(self.questions())),
        }
    }
}

impl EventsSpec {
    /// How many questions one look takes: one for each selector.
    const fn questions(&self) -> u32 {
        let selectors = match &self.side {
            SideSpec::Counters { .. } => 2,
            SideSpec::Histogram { .. } => 1,
        };
        match &self.claim {
            ClaimSpec::Against { .. } => 2 * selectors,
            ClaimSpec::AtMost(_) | ClaimSpec::Budget { .. } => selectors,
        }
    }
}

impl ClaimSpec {
    fn in_words(&self, scope: &Scope, problems: &mut Problems) -> String {
        match self {
            Self::AtMost(max) => {
                format!("have at most {} bad events", chance(Some(max), 0.0, scope, problems))
            }
            Self::Against { max_times, floor, .. } => {
                let times = settled(Some(max_times), scope, problems);
                let times = times.map(|times| times.say(|Factor(times)| number(*times))).unwrap_or_default();
                let floor = settled(floor.as_ref(), scope, problems);
                let floor =
                    floor.map(|floor| floor.say(|Floor(floor)| format!("{} %", Number(floor * 100.0))));
                let floor = floor.map(|floor| format!(", or at most {floor}")).unwrap_or_default();
                format!("have at most {times} times the baseline's share of bad events{floor}")
            }
            Self::Budget { slo, period, max_burn } => {
                let slo = chance(Some(slo), 0.0, scope, problems);
                let burn = chance(max_burn.as_ref(), super::MAX_BURN, scope, problems);
                let period = settled(period.as_ref(), scope, problems);
                let period = period.unwrap_or(Settled::Known(Period(super::PERIOD)));
                let period = period.say(|Period(period)| span(*period));
                format!("spend at most {burn} of the error budget of {period} that {slo} good events leave")
            }
        }
    }
}
