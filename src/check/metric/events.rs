//! A metrics check that counts events instead of asking a query: its fields, how they go together, and its questions.
//! Must not count and must not judge.

mod asking;
mod count;
mod fields;
mod probe;
mod reading;
mod side;
mod steps;
mod told;

use std::sync::Arc;
use std::time::Duration;

use super::asked::Whom;
use super::probe::{Apart, MetricProbe, Query};
use super::{ContextSpec, known, rendered};
use crate::check::{Facts, History, MetricSource, Purpose, RenderCx, Rendered, Spec, Told};
use crate::host::clock::later;
use crate::policy::context::PreExisting;
use crate::policy::events::{ALPHA_ROLLBACK, BETA, Bad, Budget, Claim, Tested};
use crate::policy::model::Judging;
use crate::policy::problem::{Problem, Problems};
use crate::policy::query;
use crate::policy::relative::Floor;
use crate::policy::template::{Scope, Template};
use crate::policy::value::{Chance, Factor, Period, Value};
use crate::policy::window::Reaching;
use crate::promql::window::Window;
use crate::promql::{self, Options, write_duration};
use asking::Asking;
use probe::{Begin, EventsProbe};
use side::Side;
use steps::{STEP, STEPS, StepsProbe};

pub(super) use fields::{FIELDS, RULES, WITHOUT};
pub(super) use reading::without;

/// Where bad events and all of them are counted, as it was read.
#[derive(Debug)]
enum SideSpec {
    Counters { bad: Template, total: Template },
    Histogram(Template),
}

/// What is claimed, as it was read.
#[derive(Debug)]
enum ClaimSpec {
    AtMost(Value<Chance>),
    Against { side: SideSpec, max_times: Value<Factor>, floor: Option<Value<Floor>> },
    Budget { slo: Value<Chance>, period: Option<Value<Period>>, max_burn: Option<Value<Chance>> },
}

/// A check of events as it was read.
#[derive(Debug)]
pub(super) struct EventsSpec {
    whom: Whom,
    side: SideSpec,
    slower_than: Option<Value<Period>>,
    claim: ClaimSpec,
    alpha: Option<Value<Chance>>,
    beta: Option<Value<Chance>>,
    pre_existing: Option<Value<PreExisting>>,
}

impl EventsSpec {
    fn is_known(&self) -> bool {
        let claim = match &self.claim {
            ClaimSpec::AtMost(max) => known(Some(max)),
            ClaimSpec::Against { max_times, floor, .. } => known(Some(max_times)) && known(floor.as_ref()),
            ClaimSpec::Budget { slo, period, max_burn } => {
                known(Some(slo)) && known(period.as_ref()) && known(max_burn.as_ref())
            }
        };
        claim && known(self.slower_than.as_ref()) && known(self.whom.timeout.as_ref())
    }

    /// Whether what is known already is sound; what is not is reported.
    pub(super) fn is_sound(&self, problems: &mut Problems) -> bool {
        let none = Scope::default();
        !self.is_known() || self.whom.timeout(&none, problems).is_some()
    }

    /// How it is judged; its error rates are those of the gate until it has its part. `None` after reporting why.
    fn tested(&self, scope: &Scope, problems: &mut Problems) -> Option<Tested> {
        let slower_than = rendered(self.slower_than.as_ref(), scope, problems);
        let claim = self.claim.render(scope, problems);
        let alpha = rendered(self.alpha.as_ref(), scope, problems);
        let beta = rendered(self.beta.as_ref(), scope, problems);
        let (alpha, beta) = (alpha.ok()?, beta.ok()?);
        Some(Tested {
            claim: claim?,
            bad: slower_than.ok()?.map_or(Bad::Failed, |Period(bound)| Bad::Slow(bound)),
            alpha: alpha.map_or(ALPHA_ROLLBACK, |Chance(alpha)| alpha),
            alpha_written: alpha.is_some(),
            beta: beta.map_or(BETA, |Chance(beta)| beta),
            beta_written: beta.is_some(),
        })
    }

    /// All that is counted: its own events, and those of the baseline.
    fn sides(&self) -> impl Iterator<Item = &SideSpec> {
        let against = match &self.claim {
            ClaimSpec::Against { side, .. } => Some(side),
            ClaimSpec::AtMost(_) | ClaimSpec::Budget { .. } => None,
        };
        std::iter::once(&self.side).chain(against)
    }
}

impl ClaimSpec {
    fn render(&self, scope: &Scope, problems: &mut Problems) -> Option<Claim> {
        Some(match self {
            Self::AtMost(max) => Claim::AtMost(rendered(Some(max), scope, problems).ok()??.0),
            Self::Against { max_times, floor, .. } => {
                let max_times = rendered(Some(max_times), scope, problems);
                let floor = rendered(floor.as_ref(), scope, problems);
                Claim::Against {
                    max_times: max_times.ok()??.0,
                    floor: floor.ok()?.map_or(0.0, |Floor(floor)| floor),
                }
            }
            Self::Budget { slo, period, max_burn } => {
                let slo = rendered(Some(slo), scope, problems);
                let period = rendered(period.as_ref(), scope, problems);
                let max_burn = rendered(max_burn.as_ref(), scope, problems);
                Claim::Budget(Budget {
                    slo: slo.ok()??.0,
                    period: period.ok()?.map_or(PERIOD, |Period(period)| period),
                    max_burn: max_burn.ok()?.map_or(MAX_BURN, |Chance(burn)| burn),
                })
            }
        })
    }
}

/// The period of an error budget where none is written, and what may be spent of it.
const PERIOD: Duration = Duration::from_secs(30 * 86_400);
const MAX_BURN: f64 = 0.02;

/// How many parts of a budget's period its requests are asked for.
const PARTS: u32 = 30;

impl SideSpec {
    fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Counters { bad, total } => vec![bad, total],
            Self::Histogram(histogram) => vec![histogram],
        }
    }

    /// What is asked. `None` after reporting why.
    fn render(
        &self,
        bad: Bad,
        source: &dyn MetricSource,
        scope: &Scope,
        problems: &mut Problems,
    ) -> Option<Side> {
        let mut counter = |template: &Template| {
            if template.changes() {
                let message = "expected a counter that is the same at every tick, found `elapsed` in it";
                problems.push(Problem::at(template.place, message));
                return None;
            }
            let counter = query::counter(template, scope, source.dialect());
            counter.map_err(|problem| problems.push(problem)).ok()
        };
        match self {
            Self::Counters { bad, total } => {
                let (bad, total) = (counter(bad), counter(total));
                Some(Side::Counters { bad: bad?.text.into(), total: total?.text.into() })
            }
            Self::Histogram(template) => {
                let histogram = counter(template)?;
                if histogram.names("le") {
                    let message = "expected a histogram without `le`, found one";
                    let fault = Problem::at(template.place, message);
                    problems.push(fault.help("`slower_than` says which bucket is looked at"));
                    return None;
                }
                let Bad::Slow(bound) = bad else { return None };
                Some(Side::histogram(&histogram, bound))
            }
        }
    }
}

impl Spec for EventsSpec {
    fn source(&self) -> Option<&str> {
        Some(&self.whom.source.0)
    }

    fn facts(&self) -> Facts<'_> {
        let counters = self.sides().flat_map(SideSpec::templates).collect();
        Facts { counters, timeout: self.whom.timeout.as_ref(), ..Facts::default() }
    }

    fn told(&self, scope: &Scope, _: Reaching, problems: &mut Problems) -> Told {
        self.in_words(scope, problems)
    }

    fn render(&self, cx: &RenderCx<'_>, problems: &mut Problems) -> Option<Rendered> {
        let tested = self.tested(cx.scope, problems);
        let timeout = self.whom.timeout(cx.scope, problems);
        let source = cx.sources.get(&self.whom.source.0).cloned()?;
        let (tested, timeout) = (tested?, timeout?);
        let scope = cx.scope.at(Duration::ZERO);
        let rendered: Vec<Option<Side>> =
            self.sides().map(|side| side.render(tested.bad, source.as_ref(), &scope, problems)).collect();
        let sides: Vec<Side> = rendered.into_iter().collect::<Option<_>>()?;
        let own = sides.first()?;
        let said: Vec<String> = sides.iter().map(Side::said).collect();
        let target: Arc<str> = said.join(" against ").into();
        let asking = || Asking { source: source.clone(), timeout, target: target.clone() };
        let begin = match cx.anchor {
            Some(anchor) => Begin { anchor: anchor.at, live: Some(cx.deployed_at), rollout: anchor.rollout },
            None => Begin { anchor: cx.deployed_at, live: None, rollout: cx.deployed_at },
        };
        let history = match tested.claim {
            Claim::Budget(budget) => {
                let part = budget.period / PARTS;
                let query = own.volume(&write_duration(part.as_secs_f64()));
                let query = Query::Fixed(query.into());
                let probe =
                    MetricProbe::new(source.clone(), query, timeout, None, Apart::No, cx.rhythm.clone());
                vec![before(Purpose::Volume, Arc::new(probe), begin.rollout, part, PARTS)]
            }
            Claim::AtMost(_) | Claim::Against { .. } => {
                let steps = |side: &Side| {
                    let probe = StepsProbe { asking: asking(), side: side.clone() };
                    before(Purpose::Dispersion, Arc::new(probe), begin.rollout, STEP, STEPS)
                };
                sides.iter().map(steps).collect()
            }
        };
        let means = ContextSpec::pre_existing(self.pre_existing.as_ref(), cx, problems);
        // What is compared with a baseline of the same time, or spends a budget, was not the same before.
        let comparable = matches!(tested.claim, Claim::AtMost(_)) && cx.anchor.is_some();
        let history = history.into_iter().chain((comparable && means != PreExisting::Rollback).then(|| {
            let probe = StepsProbe { asking: asking(), side: own.clone() };
            before(Purpose::PreExisting(means), Arc::new(probe), begin.rollout, STEP, 1)
        }));
        let history = history.collect();
        let window = own.selectors().last().and_then(|selector| {
            let options = Options { dialect: source.dialect(), holes: false };
            let expr = promql::parse(selector, options).sound().ok()?;
            Some(Window::of(selector, &expr))
        });
        let probe = EventsProbe::new(asking(), sides, begin, cx.rhythm.clone(), window);
        let events = Some(tested);
        Some(Rendered {
            history,
            events,
            ..Rendered::new(Arc::new(probe), Judging::default(), target.to_string())
        })
    }
}

/// A question about `count` times `step` apart, the last of them at `rollout`.
fn before(
    purpose: Purpose,
    probe: Arc<dyn crate::check::Probe>,
    rollout: jiff::Timestamp,
    step: Duration,
    count: u32,
) -> History {
    let first = rollout.checked_sub(step.saturating_mul(count - 1)).unwrap_or(jiff::Timestamp::MIN);
    let times = (0..count).map(|k| later(first, step.saturating_mul(k))).collect();
    History { purpose, probe, times, step }
}

#[cfg(test)]
mod tests;
