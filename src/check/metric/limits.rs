//! What the values of a metrics check must satisfy: its limits, and among which series. Must not know the query or its
//! source.

use crate::policy::criterion::Criterion;
use crate::policy::form::Form;
use crate::policy::model::{Count, Judging, Require};
use crate::policy::problem::{Place, Problem, Problems, listed};
use crate::policy::reader::{Field, Reader, Rule, Shape};
use crate::policy::relative::Tolerance;
use crate::policy::template::Scope;
use crate::policy::value::{Scalar, Share, Value};

use super::{known, read, rendered};

/// The fields.
pub(super) const FIELDS: &[Field] = &[
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
];

/// The fields of which a check needs one.
const CRITERIA: &[&str] = &["expected_value", "min_value", "max_value", "expect_empty", "baseline"];

/// Those of them that look at a value.
const LIMITS: &[&str] = &["expected_value", "min_value", "max_value", "baseline"];

/// How the fields go together.
pub(super) const RULES: &[Rule] = &[
    Rule::Some(CRITERIA),
    Rule::Beside("tolerance", "expected_value"),
    Rule::Where("expect_empty", "true", &[Rule::None(LIMITS), Rule::None(&["min_series"])]),
    Rule::Where("expect_empty", "false", &[Rule::Some(LIMITS)]),
];

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

/// The limits as they were read.
#[derive(Debug)]
pub(super) struct LimitsSpec {
    /// Where the check is written.
    place: Place,
    pub(super) expected: Option<Value<f64>>,
    pub(super) tolerance: Option<Value<Tolerance>>,
    pub(super) min: Option<Value<f64>>,
    pub(super) max: Option<Value<f64>>,
    pub(super) expect_empty: Option<Value<bool>>,
    pub(super) require: Option<Value<Require>>,
    pub(super) count: Option<Value<Count>>,
    pub(super) min_series: Option<Value<u32>>,
    /// Whether they stand beside a baseline.
    compares: bool,
}

impl LimitsSpec {
    /// Reads the limits; `sound` is cleared where one of them is wrong, which is reported.
    pub(super) fn read(body: &mut Reader<'_, '_>, sound: &mut bool) -> Self {
        let limits = Self {
            place: body.place,
            expected: read(body, "expected_value", sound),
            tolerance: read(body, "tolerance", sound),
            min: read(body, "min_value", sound),
            max: read(body, "max_value", sound),
            expect_empty: read(body, "expect_empty", sound),
            require: read(body, "require", sound),
            count: read(body, "count", sound),
            min_series: read(body, "min_series", sound),
            compares: body.has("baseline"),
        };
        if !CRITERIA.iter().any(|key| body.has(key)) {
            let fault = Problem::at(
                body.place,
                format!("expected at least one of {}, found none", listed(CRITERIA.iter().copied())),
            );
            body.problems
                .push(fault.help("say what the query's values must satisfy, such as `max_value: 0.01`"));
            *sound = false;
        }
        if body.has("tolerance") && !body.has("expected_value") {
            let fault = Problem::at(
                body.key_place("tolerance"),
                "expected `expected_value` beside `tolerance`, found none",
            );
            body.problems.push(fault.help("limits of one side are `min_value` and `max_value`"));
            *sound = false;
        }
        limits
    }

    pub(super) const fn is_known(&self) -> bool {
        let limits = known(self.expected.as_ref()) && known(self.min.as_ref()) && known(self.max.as_ref());
        let rest = known(self.tolerance.as_ref()) && known(self.expect_empty.as_ref());
        let series =
            known(self.require.as_ref()) && known(self.count.as_ref()) && known(self.min_series.as_ref());
        limits && rest && series
    }

    /// How series are judged. `None` after reporting why.
    pub(super) fn judging(&self, scope: &Scope, problems: &mut Problems) -> Option<Judging> {
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
            relative: None,
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
        if judging.criterion.is_empty() && !self.compares {
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
