//! The fields of a check of events, and how they go together. Must not read them.

use crate::policy::envelope::COUNTS;
use crate::policy::events::BETA_FIELD;
use crate::policy::form::Form;
use crate::policy::reader::{Field, Rule, Shape};
use crate::policy::relative::FLOOR;
use crate::policy::value::{Chance, Factor, Period};

/// The fields of a check of events.
pub(in crate::check::metric) const FIELDS: &[Field] = &[
    Field::new("events", Shape::Object(EVENTS), "counters of events to judge instead of a query")
        .rules(SIDE_RULES),
    Field::new("max_ratio", Shape::of::<Chance>(), "the largest share of bad events that is within"),
    Field::new(
        "against",
        Shape::Object(AGAINST),
        "events of a baseline that runs beside it, to compare with",
    )
    .rules(AGAINST_RULES),
    Field::new(
        "max_times",
        Shape::of::<Factor>(),
        "the largest share of bad events that is within, as a multiple of that of `against`",
    ),
    FLOOR,
    Field::new(
        "error_budget",
        Shape::Object(BUDGET),
        "the error budget that bad events since the deployment may spend a part of",
    ),
    Field::new(
        "alpha",
        Shape::of::<Chance>(),
        "how often it may fail a good deployment; default its part of the gate's `alpha`",
    ),
    BETA_FIELD,
];

/// The words of `events`.
pub(super) static EVENTS: &[Field] = &[
    BAD,
    TOTAL,
    HISTOGRAM,
    Field::new(
        "slower_than",
        Shape::of::<Period>(),
        "how long an event of `histogram` may take that is no bad one; the bound of a bucket",
    ),
];

/// The words of `against`.
pub(super) static AGAINST: &[Field] = &[BAD, TOTAL, HISTOGRAM];

const BAD: Field = Field::new("bad", Shape::Of(Form::FILLED), "the counter of bad events");
const TOTAL: Field = Field::new("total", Shape::Of(Form::FILLED), "the counter of all events");
const HISTOGRAM: Field = Field::new(
    "histogram",
    Shape::Of(Form::FILLED),
    "a histogram of how long events took, classic or native",
);

/// The words of `error_budget`.
pub(super) static BUDGET: &[Field] = &[
    Field::required("slo", Shape::of::<Chance>(), "the share of good events that is promised"),
    Field::new("period", Shape::of::<Period>(), "over what time it is promised").default("30d"),
    Field::new(
        "max_burn",
        Shape::of::<Chance>(),
        "the share of the budget that the time since the deployment may spend",
    )
    .default("2%"),
];

static SIDE_RULES: &[Rule] = &[
    Rule::Some(&["total", "histogram"]),
    Rule::Single(&["total", "histogram"]),
    Rule::Beside("bad", "total"),
    Rule::Beside("total", "bad"),
    Rule::Beside("histogram", "slower_than"),
    Rule::Beside("slower_than", "histogram"),
];

static AGAINST_RULES: &[Rule] = &[
    Rule::Some(&["total", "histogram"]),
    Rule::Single(&["total", "histogram"]),
    Rule::Beside("bad", "total"),
    Rule::Beside("total", "bad"),
];

/// What events are judged by.
pub(super) const CLAIMS: &[&str] = &["max_ratio", "against", "error_budget"];

/// What says something of events only.
pub(super) const OWN: &[&str] = &["max_ratio", "against", "max_times", "error_budget", "alpha", "beta"];

/// What says something of a query only.
pub(super) const OF_QUERIES: &[&str] = &[
    "query",
    "expected_value",
    "tolerance",
    "min_value",
    "max_value",
    "expect_empty",
    "require",
    "count",
    "min_series",
    "old_data",
    "min_range",
    "lookback",
    "evidence",
    "max_data_age",
    "on_data_lost",
    "confirm",
    "baseline",
    "max_increase",
    "max_decrease",
    "on_no_baseline",
    "test",
    "confidence",
];

/// How the fields go together where there are events.
pub(in crate::check::metric) const RULES: &[Rule] = &[
    Rule::Some(CLAIMS),
    Rule::Single(CLAIMS),
    Rule::Beside("against", "max_times"),
    Rule::Beside("max_times", "against"),
    Rule::Beside("floor", "against"),
    Rule::None(OF_QUERIES),
    Rule::None(COUNTS),
];

/// How they go together where there are none.
pub(in crate::check::metric) const WITHOUT: Rule = Rule::None(OWN);
