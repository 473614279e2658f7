//! Times and numbers as the document writes them. Must round-trip: a value is written with all its digits, and
//! what JSON has no number for as Prometheus' word for it.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::policy::criterion::Number;

/// Integers up to here are exact in every reader's floating point.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// RFC 3339 in UTC with milliseconds.
pub(crate) struct Time(pub(crate) Timestamp);

/// A number that is never NaN or infinite, without a fraction where it is whole.
pub(crate) struct Finite(pub(crate) f64);

/// A measured value: a number, or one of the strings `NaN`, `+Inf` and `-Inf`.
pub(crate) struct Figure(pub(crate) f64);

impl Finite {
    /// Seconds, to the microsecond: no clock of ours is finer.
    pub(crate) fn seconds(span: Duration) -> Self {
        Self((span.as_secs_f64() * 1e6).round() / 1e6)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

impl Serialize for Finite {
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within what an i64 holds")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() < EXACT {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            Finite(self.0).serialize(serializer)
        } else {
            serializer.collect_str(&Number(self.0))
        }
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"
        })
    }
}

impl JsonSchema for Finite {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Finite".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

impl JsonSchema for Figure {
    fn schema_name() -> Cow<'static, str> {
        "Figure".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A measured value; what is not finite is a string.",
            "anyOf": [{ "type": "number" }, { "enum": ["NaN", "+Inf", "-Inf"] }]
        })
    }
}
