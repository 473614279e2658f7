//! What every metrics check has, whatever its source: the fields, the criterion, and its probe. Must not know any
//! source; a kind that brings one reuses this in one line.

mod probe;
mod told;

use std::sync::Arc;
use std::time::Duration;

use super::{Facts, Limits, RenderCx, Rendered, Spec, Told};
use crate::policy::criterion::Criterion;
use crate::policy::form::Form;
use crate::policy::model::{Count, Judging, Require};
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::{Field, Reader, Rule, Shape};
use crate::policy::template::{Context, Scope, Template};
use crate::policy::value::{Scalar, Share, Value};
use probe::{MetricProbe, Query};

/// How long a source may take when the policy does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The fields of a metrics check beside the envelope's.
pub(super) const FIELDS: &[Field] = &[
    Field::required("query", Shape::Of(Form::FILLED), "what is asked at each tick"),
    Field::new(
        "source",
        Shape::Of(Form::NAME),
        "the metrics integration that is asked; by default the kind's own name",
    ),
    Field::new("expected_value", Shape::Number, "the value that is expected"),
    Field::new(
        "tolerance",
        Shape::of::<Tolerance>(),
        "how far off `expected_value` may be: absolute, or a share like `5%` of it",
    ),
    Field::new("min_value", Shape::Number, "the smallest value that is within"),
    Field::new("max_value", Shape::Number, "the largest value that is within"),
    Field::new("expect_empty", Shape::Flag, "any series in the result is a breach"),
    Field::new(
        "require",
        Shape::of::<Require>(),
        "how many series must meet the criterion: `all`, `any` or a share",
    )
    .default("all"),
    Field::new("count", Shape::OneOf(Count::WORDS), "whose breaches are counted").default("check"),
    Field::new("min_series", Shape::of::<u32>(), "series below which a result is no data").default("1"),
    Field::new("timeout", Shape::Duration, "how long the source may take to answer").default("10s"),
    Field::later("old_data"),
    Field::later("lookback"),
    Field::later("min_range"),
    Field::later("evidence"),
    Field::later("confirm"),
    Field::later("baseline"),
    Field::later("on_no_baseline"),
    Field::later("max_increase"),
    Field::later("max_decrease"),
    Field::later("test"),
    Field::later("events"),
    Field::later("max_ratio"),
    Field::later("against"),
    Field::later("max_data_age"),
    Field::later("on_data_lost"),
    Field::later("pre_existing"),
];

/// The fields of which a check needs one.
const CRITERIA: &[&str] = &["expected_value", "min_value", "max_value", "expect_empty"];

/// Those of them that look at a value.
const LIMITS: &[&str] = &["expected_value", "min_value", "max_value"];

/// How the fields go together.
pub(super) const RULES: &[Rule] = &[
    Rule::Some(CRITERIA),
    Rule::Beside("tolerance", "expected_value"),
    Rule::Where("expect_empty", "true", &[Rule::None(LIMITS), Rule::None(&["min_series"])]),
    Rule::Where("expect_empty", "false", &[Rule::Some(LIMITS)]),
];

/// How far off an expected value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tolerance {
    Absolute(f64),
    /// Of the expected value.
    Relative(f64),
}

impl Scalar for Tolerance {
    const EXPECTED: &'static str = "a tolerance like `0.1` or `5%`, not below 0";
    const FORM: Form = Form::number(
        Self::EXPECTED,
        r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*%?",
        0.0,
        f64::INFINITY,
    );

    fn read(text: &str) -> Option<Self> {
        let read = match text.strip_suffix('%') {
            Some(percent) => Self::Relative(f64::read(percent.trim())? / 100.0),
            None => Self::Absolute(f64::read(text)?),
        };
        let (Self::Absolute(value) | Self::Relative(value)) = read;
        (value >= 0.0).then_some(read)
    }
}

impl Scalar for Require {
    const EXPECTED: &'static str = "`all`, `any` or a share above 0 like `95%`";
    const FORM: Form = Form { words: &["all", "any"], expected: Self::EXPECTED, ..Share::FORM.above_least() };

    fn read(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "any" => Some(Self::Any),
            share => Share::read(share).filter(|share| share.0 > 0.0).map(Self::Share),
        }
    }
}

impl Scalar for Count {
    const EXPECTED: &'static str = "`check` or `series`";
    const WORDS: &'static [&'static str] = &["check", "series"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "check" => Some(Self::Check),
            "series" => Some(Self::Series),
            _ => None,
        }
    }
}

/// A metrics check as it was read.
#[derive(Debug)]
struct MetricSpec {
    query: Template,
    source: (String, Place),
    timeout: Option<Value<Duration>>,
    place: Place,
    expected: Option<Value<f64>>,
    tolerance: Option<Value<Tolerance>>,
    min: Option<Value<f64>>,
    max: Option<Value<f64>>,
    expect_empty: Option<Value<bool>>,
    require: Option<Value<Require>>,
    count: Option<Value<Count>>,
    min_series: Option<Value<u32>>,
}

/// Reads a metrics check; `source` is asked where the policy names none. `None` after reporting why.
pub(super) fn parse(source: &str, body: &mut Reader<'_, '_>) -> Option<Box<dyn Spec>> {
    let mut sound = true;
    let source = match body.plain("source") {
        Some(written) => written,
        None => {
            sound &= !body.has("source");
            (source.to_owned(), body.place)
        }
    };
    let query = body.template("query", Context::Query);
    if let Some(query) = query.as_ref().filter(|query| query.text.trim().is_empty()) {
        body.fault(query.place, "expected a query, found an empty text");
        sound = false;
    }
    let timeout = read(body, "timeout", &mut sound);
    let expected = read(body, "expected_value", &mut sound);
    let tolerance = read(body, "tolerance", &mut sound);
    let min = read(body, "min_value", &mut sound);
    let max = read(body, "max_value", &mut sound);
    let expect_empty = read(body, "expect_empty", &mut sound);
    let require = read(body, "require", &mut sound);
    let count = read(body, "count", &mut sound);
    let min_series = read(body, "min_series", &mut sound);
    if !CRITERIA.iter().any(|key| body.has(key)) {
        let listed = "expected at least one of `expected_value`, `min_value`, `max_value` and `expect_empty`";
        let fault = Problem::at(body.place, format!("{listed}, found none"));
        body.problems.push(fault.help("say what the query's values must satisfy, such as `max_value: 0.01`"));
        sound = false;
    }
    if body.has("tolerance") && !body.has("expected_value") {
        let fault = Problem::at(
            body.key_place("tolerance"),
            "expected `expected_value` beside `tolerance`, found none",
        );
        body.problems.push(fault.help("limits of one side are `min_value` and `max_value`"));
        sound = false;
    }
    let spec = MetricSpec {
        place: body.place,
        query: query?,
        source,
        timeout,
        expected,
        tolerance,
        min,
        max,
        expect_empty,
        require,
        count,
        min_series,
    };
    // What is known already is compared now, so that faults show before there are variables.
    if spec.is_known() && sound {
        let none = Scope::default();
        sound = spec.judging(&none, body.problems).is_some() & spec.timeout(&none, body.problems).is_some();
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
        let limits = known(self.expected.as_ref()) && known(self.min.as_ref()) && known(self.max.as_ref());
        let rest = known(self.tolerance.as_ref()) && known(self.expect_empty.as_ref());
        let series =
            known(self.require.as_ref()) && known(self.count.as_ref()) && known(self.min_series.as_ref());
        limits && rest && series && known(self.timeout.as_ref())
    }

    fn timeout(&self, scope: &Scope, problems: &mut Problems) -> Option<Duration> {
        let timeout = rendered(self.timeout.as_ref(), scope, problems).ok()?.unwrap_or(TIMEOUT);
        if timeout < Duration::from_millis(1) {
            let place = self.timeout.as_ref().map_or(self.place, Value::place);
            problems.push(Problem::at(place, "expected a `timeout` of `1ms` or more, found less"));
            return None;
        }
        Some(timeout)
    }

    /// How series are judged. `None` after reporting why.
    fn judging(&self, scope: &Scope, problems: &mut Problems) -> Option<Judging> {
        let expected = rendered(self.expected.as_ref(), scope, problems);
        let tolerance = rendered(self.tolerance.as_ref(), scope, problems);
        let min = rendered(self.min.as_ref(), scope, problems);
        let max = rendered(self.max.as_ref(), scope, problems);
        let expect_empty = rendered(self.expect_empty.as_ref(), scope, problems);
        let require = rendered(self.require.as_ref(), scope, problems);
        let count = rendered(self.count.as_ref(), scope, problems);
        let min_series = rendered(self.min_series.as_ref(), scope, problems);
        let tolerance = tolerance.ok()?;
        let expected = expected.ok()?.map(|expected: f64| match tolerance {
            None => (expected, 0.0),
            Some(Tolerance::Absolute(tolerance)) => (expected, tolerance),
            Some(Tolerance::Relative(share)) => (expected, expected.abs() * share),
        });
        let criterion = Criterion { expected, min: min.ok()?, max: max.ok()? };
        let judging = Judging {
            criterion,
            expect_empty: expect_empty.ok()?.unwrap_or_default(),
            require: require.ok()?.unwrap_or_default(),
            count: count.ok()?.unwrap_or_default(),
            min_series: min_series.ok()?.unwrap_or(1),
        };
        match self.contradiction(&judging) {
            None => Some(judging),
            Some(problem) => {
                problems.push(problem);
                None
            }
        }
    }

    /// What cannot hold together.
    fn contradiction(&self, judging: &Judging) -> Option<Problem> {
        let limits = [self.expected.as_ref(), self.min.as_ref(), self.max.as_ref()];
        let limit = limits.into_iter().flatten().map(Value::place).next_back();
        let place = limit.unwrap_or(self.place);
        if judging.expect_empty {
            if let Some(limit) = limit {
                let fault = Problem::at(limit, "expected no limit beside `expect_empty`, found one");
                return Some(
                    fault.help("a result without series has no value to compare: leave one of them out"),
                );
            }
            return self.min_series.as_ref().map(|min_series| {
                let fault = Problem::at(
                    min_series.place(),
                    "expected no `min_series` beside `expect_empty`, found one",
                );
                fault.help("an empty result is what is expected: leave `min_series` out")
            });
        }
        if judging.criterion.is_empty() {
            let message = "expected a limit where `expect_empty` is `false`, found none";
            return Some(
                Problem::at(place, message).help("set `min_value`, `max_value` or `expected_value`"),
            );
        }
        let Criterion { expected, min, max } = judging.criterion;
        let lowest = expected.map(|(value, tolerance)| value - tolerance).into_iter().chain(min);
        let highest = expected.map(|(value, tolerance)| value + tolerance).into_iter().chain(max);
        let (lowest, highest) = (lowest.fold(f64::MIN, f64::max), highest.fold(f64::MAX, f64::min));
        // A value on both limits meets them, and so it does when they differ by rounding only.
        let slack = 1e-9 * lowest.abs().min(highest.abs());
        (lowest > highest + slack).then(|| {
            let message = format!("expected limits that a value can meet, found {}", judging.criterion);
            Problem::at(place, message).help("are `min_value` and `max_value` the wrong way round?")
        })
    }
}

impl Spec for MetricSpec {
    fn source(&self) -> Option<&str> {
        Some(&self.source.0)
    }

    fn facts(&self) -> Facts<'_> {
        let tolerance = self.tolerance.as_ref().map(|tolerance| {
            (tolerance.place(), matches!(tolerance, Value::Known(Tolerance::Relative(_), _)))
        });
        let limits = Limits {
            expected: self.expected.as_ref().map(Value::place),
            tolerance,
            min: self.min.as_ref().map(Value::place),
            max: self.max.as_ref().map(Value::place),
        };
        let known = || self.judging(&Scope::default(), &mut Problems::default());
        let judging = if self.is_known() { known() } else { None };
        let timeout = self.timeout.as_ref();
        Facts { query: Some(&self.query), judging, limits, timeout, ..Facts::default() }
    }

    fn told(&self, scope: &Scope, problems: &mut Problems) -> Told {
        self.in_words(scope, problems)
    }

    fn render(&self, cx: &RenderCx<'_>, problems: &mut Problems) -> Option<Rendered> {
        let judging = self.judging(cx.scope, problems);
        let timeout = self.timeout(cx.scope, problems);
        // A source that is not there could not be connected, and whoever tried has said why.
        let source = cx.sources.get(&self.source.0).cloned();
        let first = self.query.render(&cx.scope.at(Duration::ZERO));
        let first = first.map_err(|problem| problems.push(problem)).ok();
        let (judging, timeout, source, first) = (judging?, timeout?, source?, first?);
        // What variables put outside of strings may fit and still make no query.
        if self.query.variables().next().is_some() {
            let before = problems.any_fault();
            let scope = cx.scope.at(Duration::ZERO);
            crate::policy::query::check_rendered(&self.query, &scope, source.dialect(), problems);
            if problems.any_fault() && !before {
                return None;
            }
        }
        let query = if self.query.changes() {
            Query::PerTick { template: self.query.clone(), scope: cx.scope.clone(), anchor: cx.anchor }
        } else {
            Query::Fixed(Arc::from(first))
        };
        let derived_name = self.query.text.clone();
        Some(Rendered { probe: Arc::new(MetricProbe::new(source, query, timeout)), judging, derived_name })
    }
}

#[cfg(test)]
mod tests;
