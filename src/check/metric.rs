//! What every metrics check has, whatever its source: the fields, the criterion, and its probe. Must not know any
//! source; a kind that brings one reuses this in one line.

mod aim;
mod apart;
mod asked;
mod baseline;
mod confirm;
mod context;
mod earlier;
mod events;
mod learning;
mod limits;
mod patience;
mod probe;
mod told;

use std::sync::Arc;

use super::{Companion, Facts, Limits, RenderCx, Rendered, Spec, Told};
use crate::policy::form::Form;
use crate::policy::model::Judging;
use crate::policy::problem::Problems;
use crate::policy::reader::{Field, Reader, Rule, Shape};
use crate::policy::relative::Tolerance;
use crate::policy::template::Scope;
use crate::policy::value::{Scalar, Value};
use crate::policy::window::{LOOKBACK, MIN_RANGE, OLD_DATA, Reaching, ReachingSpec};
use aim::Aim;
pub(crate) use asked::QuerySpec;
use baseline::BaselineSpec;
use confirm::Confirm;
use context::Own;
pub use context::{CONTEXT, ContextSpec, EXPECT_VERSION, VersionSpec};
use events::EventsSpec;
use limits::LimitsSpec;
use probe::Apart;

/// The fields of a metrics check beside the envelope's.
pub(super) const FIELDS: &[Field] = &joined::<33>(&[
    &[QUERY, asked::SOURCE, asked::TIMEOUT_FIELD],
    events::FIELDS,
    limits::FIELDS,
    baseline::FIELDS,
    &[OLD_DATA, LOOKBACK, MIN_RANGE],
    CONTEXT,
    &[confirm::FIELD],
    &[],
]);

/// What is asked, where no events are counted.
const QUERY: Field =
    Field::required("query", Shape::Of(Form::FILLED), "what is asked at each tick").unless("events");

/// How the fields go together.
pub(super) const RULES: &[Rule] = &[
    Rule::With("events", events::RULES),
    Rule::Without("events", &[Rule::All(&["query"]), events::WITHOUT]),
    Rule::Without("events", limits::RULES),
    Rule::Without("events", baseline::RULES),
];

/// Several tables as one of `N` fields.
const fn joined<const N: usize>(tables: &[&[Field]]) -> [Field; N] {
    let mut all = [Field::later(""); N];
    let mut next = 0;
    let mut table = 0;
    while table < tables.len() {
        let mut field = 0;
        while field < tables[table].len() {
            all[next] = tables[table][field];
            next += 1;
            field += 1;
        }
        table += 1;
    }
    assert!(next == N, "the number of fields is another");
    all
}

/// A metrics check as it was read.
#[derive(Debug)]
struct MetricSpec {
    asked: QuerySpec,
    limits: LimitsSpec,
    baseline: Option<BaselineSpec>,
    reaching: ReachingSpec,
    context: ContextSpec,
    confirm: Option<Value<Confirm>>,
}

/// Reads a metrics check; `source` is asked where the policy names none. `None` after reporting why.
pub(super) fn parse(source: &str, body: &mut Reader<'_, '_>) -> Option<Box<dyn Spec>> {
    if body.has("events") {
        let spec = EventsSpec::read(source, body)?;
        return spec.is_sound(body.problems).then(|| Box::new(spec) as Box<dyn Spec>);
    }
    let mut sound = true;
    events::without(body, &mut sound);
    let asked = QuerySpec::read(source, body, &mut sound);
    let limits = LimitsSpec::read(body, &mut sound);
    let reaching = ReachingSpec::read(body);
    let source = asked.as_ref().map_or(source, |asked| &asked.source.0).to_owned();
    let context = ContextSpec::read(&source, body, &mut sound);
    let confirm = confirm::read(asked.as_ref().map(|asked| &asked.query), body, &mut sound);
    let asked = asked?;
    let baseline = BaselineSpec::read(&source, &asked.query, body, &mut sound);
    let spec = MetricSpec { asked, limits, baseline, reaching, context, confirm };
    // What is known already is compared now, so that faults show before there are variables.
    if spec.is_known() && sound {
        let none = Scope::default();
        let judging = spec.judging(&none, body.problems);
        sound = judging.is_some() & spec.asked.timeout(&none, body.problems).is_some();
    }
    sound.then(|| Box::new(spec) as Box<dyn Spec>)
}

fn read<T: Scalar>(body: &mut Reader<'_, '_>, key: &str, sound: &mut bool) -> Option<Value<T>> {
    let value = body.value(key);
    *sound &= value.is_some() || !body.has(key);
    value
}

const fn known<T>(value: Option<&Value<T>>) -> bool {
    !matches!(value, Some(Value::Later(_)))
}

/// The value for `scope`; an `Err` after reporting why there is none.
fn rendered<T: Scalar + Clone>(
    value: Option<&Value<T>>,
    scope: &Scope,
    problems: &mut Problems,
) -> Result<Option<T>, ()> {
    value.map(|value| value.render(scope)).transpose().map_err(|problem| problems.push(problem))
}

impl MetricSpec {
    const fn is_known(&self) -> bool {
        let baseline = match &self.baseline {
            Some(baseline) => baseline.is_known(),
            None => true,
        };
        self.limits.is_known() && known(self.asked.timeout.as_ref()) && baseline
    }

    /// How series are judged. `None` after reporting why.
    fn judging(&self, scope: &Scope, problems: &mut Problems) -> Option<Judging> {
        let judging = self.limits.judging(scope, problems);
        let relative = self.baseline.as_ref().map(|baseline| baseline.relative(scope, problems));
        let relative = match relative {
            Some(relative) => Some(relative?),
            None => None,
        };
        Some(Judging { relative, ..judging? })
    }

    /// Where its query may look.
    fn aim(judging: &Judging, reaching: Reaching, cx: &RenderCx<'_>) -> Option<Aim> {
        let anchor = cx.anchor?;
        let criterion = judging.criterion;
        let others = criterion.min.is_some() || criterion.expected.is_some() || judging.relative.is_some();
        let caps = criterion.max.is_some() && !others;
        Some(Aim::new(anchor, reaching, caps, cx.rhythm))
    }
}

impl Spec for MetricSpec {
    fn source(&self) -> Option<&str> {
        Some(&self.asked.source.0)
    }

    fn companions(&self) -> Vec<Companion<'_>> {
        let baseline = self.baseline.as_ref().and_then(BaselineSpec::asks);
        let baseline =
            baseline.map(|asks| Companion { query: &asks.query, source: (&asks.source.0, asks.source.1) });
        self.context.companions().into_iter().chain(baseline).collect()
    }

    fn facts(&self) -> Facts<'_> {
        let own = &self.limits;
        let tolerance = own.tolerance.as_ref().map(|tolerance| {
            (tolerance.place(), matches!(tolerance, Value::Known(Tolerance::Relative(_), _)))
        });
        let limits = Limits {
            expected: own.expected.as_ref().map(Value::place),
            tolerance,
            min: own.min.as_ref().map(Value::place),
            max: own.max.as_ref().map(Value::place),
        };
        let known = || self.judging(&Scope::default(), &mut Problems::default());
        let judging = if self.is_known() { known() } else { None };
        let timeout = self.asked.timeout.as_ref();
        let baseline = self.baseline.as_ref();
        Facts {
            query: Some(&self.asked.query),
            set_aside: baseline.and_then(BaselineSpec::set_aside),
            baseline: baseline.map(|baseline| baseline.place),
            judging,
            limits,
            timeout,
            ..Facts::default()
        }
    }

    fn told(&self, scope: &Scope, reaching: Reaching, problems: &mut Problems) -> Told {
        self.in_words(scope, reaching, problems)
    }

    fn render(&self, cx: &RenderCx<'_>, problems: &mut Problems) -> Option<Rendered> {
        let judging = self.judging(cx.scope, problems);
        let reaching = self.reaching.render(cx.gate.window, cx.scope, problems);
        let aim = judging.as_ref().and_then(|judging| Self::aim(judging, reaching, cx));
        let empty = judging.as_ref().is_some_and(|judging| judging.expect_empty);
        let apart = if empty { Apart::Comparison } else { Apart::Ratio };
        let probe = self.asked.probe(cx, aim.clone(), apart, problems);
        let (mut judging, probe) = (judging?, probe?);
        let own = Own { probe: &probe, judging: &judging, reaching };
        let mut beside = self.beside(&own, cx, problems);
        let mut history = self.history(&own, cx);
        if let (Some(baseline), Some(relative)) = (&self.baseline, &mut judging.relative) {
            let asked = baseline.ask(relative.against, (&probe, aim), reaching.lookback, cx, problems)?;
            relative.range = asked.range;
            beside.extend(asked.beside);
            history.extend(asked.history);
        }
        let rendered = Rendered::new(Arc::new(probe), judging, self.asked.query.text.clone());
        Some(Rendered { beside, history, ..rendered })
    }
}

#[cfg(test)]
mod tests;
