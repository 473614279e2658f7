//! The fields of a baseline and of what goes with it: their tables, how they go together, and how each is written. Must
//! not read a policy.

use crate::check::metric::asked::{SOURCE, TIMEOUT_FIELD};
use crate::policy::form::Form;
use crate::policy::model::On;
use crate::policy::reader::{Field, Rule, Shape};
use crate::policy::relative::Tolerance;
use crate::policy::value::{AtLeastOne, Period, Scalar, Share};

/// The fields of a check.
pub(in crate::check::metric) const FIELDS: &[Field] = &[
    Field::new(
        "baseline",
        Shape::Object(BASELINE),
        "what the values are compared with, instead of a constant",
    )
    .rules(BASELINE_RULES),
    Field::new(
        "max_increase",
        Shape::of::<Tolerance>(),
        "by how much a value may be above its baseline: absolute, or a share like `10%` of it",
    ),
    Field::new(
        "max_decrease",
        Shape::of::<Tolerance>(),
        "by how much a value may be below its baseline: absolute, or a share like `10%` of it",
    ),
    Field::new("on_no_baseline", Shape::OneOf(On::WORDS), "what values without a baseline count as")
        .default("inconclusive"),
    Field::new(
        "test",
        Shape::Of(Form::words(TestWord::EXPECTED, TestWord::WORDS).untemplated()),
        "decides once, at the last tick, by all samples of both sides: `mann_whitney` by their ranks",
    ),
    Field::new("confidence", Shape::of::<Confidence>(), "how sure a test must be").default("99%"),
];

/// The fields of `baseline`.
pub(super) static BASELINE: &[Field] = &[
    Field::new("offset", Shape::of::<Period>(), "the same query, so long before each tick"),
    Field::new("before", Shape::of::<Period>(), "the same query, over so long before the rollout"),
    Field::new(
        "season",
        Shape::of::<Period>(),
        "beside `before`: how long ago the same hours passed without a deployment, for what changes by itself",
    ),
    Field::new("query", Shape::Of(Form::FILLED), "another query, at the same tick"),
    SOURCE,
    TIMEOUT_FIELD,
    Field::new("placebo", Shape::Object(PLACEBO), "the same statistic over earlier windows"),
];

/// How they go together.
const BASELINE_RULES: &[Rule] = &[
    Rule::Some(WAYS),
    Rule::Single(WAYS),
    Rule::Beside("season", "before"),
    Rule::Beside("source", "query"),
    Rule::Beside("timeout", "query"),
];

/// Those of which a baseline is one.
pub(super) const WAYS: &[&str] = &["offset", "before", "query", "placebo"];

/// The fields of `placebo`.
pub(super) static PLACEBO: &[Field] = &[
    Field::required("windows", Shape::of::<AtLeastOne>(), "how many earlier windows there are"),
    Field::new("every", Shape::of::<Period>(), "from each to the next").default("1d"),
];

/// How the fields go together.
pub(in crate::check::metric) const RULES: &[Rule] = &[
    Rule::Beside("max_increase", "baseline"),
    Rule::Beside("max_decrease", "baseline"),
    Rule::Beside("floor", "baseline"),
    Rule::Beside("on_no_baseline", "baseline"),
    Rule::Beside("test", "baseline"),
    Rule::Beside("confidence", "baseline"),
    Rule::Single(&["baseline", "confirm"]),
    Rule::Where("test", "mann_whitney", &[Rule::None(SET_ASIDE)]),
    Rule::Where("expect_empty", "true", &[Rule::None(&["baseline"])]),
];

/// The fields of a check that do not apply where a test decides.
pub(super) const SET_ASIDE: &[&str] = &[
    "expected_value",
    "min_value",
    "max_value",
    "expect_empty",
    "require",
    "count",
    "max_failures",
    "within",
    "min_samples",
    "min_coverage",
    "on_no_data",
    "on_no_traffic",
    "on_infinite",
    "on_error",
];

/// What decides at the end.
#[derive(Debug, Clone, Copy)]
pub(in crate::check::metric) struct TestWord;

/// How sure a test must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::check::metric) struct Confidence(pub f64);

impl Scalar for TestWord {
    const EXPECTED: &'static str = "`mann_whitney`";
    const WORDS: &'static [&'static str] = &["mann_whitney"];

    fn read(text: &str) -> Option<Self> {
        (text == "mann_whitney").then_some(Self)
    }
}

impl Scalar for Confidence {
    const EXPECTED: &'static str = "a confidence from 50% to below 100%, like `99%`";
    const FORM: Form = Form { expected: Self::EXPECTED, ..Share::FORM };

    fn read(text: &str) -> Option<Self> {
        Share::read(text).filter(|share| (0.5..1.0).contains(&share.0)).map(|share| Self(share.0))
    }
}
