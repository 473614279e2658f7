//! Scalars for the schema: a number may be written bare or in quotes, and nearly everything as a quoted template. Must
//! say what is expected in the words that the reader uses.

use serde_json::{Value, json};

use crate::policy::form::{Form, Numbers};
use crate::policy::reader::Shape;

/// Where a scalar stands, which decides what waits for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `{{name}}` is a variable.
    Policy,
    /// The same, and `${NAME}` is the environment.
    Integration,
}

impl Place {
    /// What a value that is known only when it is rendered contains.
    const fn unknown(self) -> &'static str {
        match self {
            Self::Policy => r"\{\{",
            Self::Integration => r"\{\{|\$\{",
        }
    }
}

/// The schema of a scalar.
pub(super) fn of(shape: Shape, place: Place) -> Value {
    let Some(form) = shape.form() else { return json!({ "type": ["string", "number", "boolean"] }) };
    let message = match form.expected {
        "" => format!("expected {}", either(form.words)),
        expected => format!("expected {expected}"),
    };
    let unknown = place.unknown();
    let mut ways = Vec::new();
    if !form.words.is_empty() {
        ways.push(json!({ "enum": form.words, "errorMessage": message }));
    }
    // Zero alone is no range: an editor would speak of its bounds.
    let zero = form.number.filter(|number| number.least.total_cmp(&number.most).is_eq());
    let characters = form.pattern.map(|pattern| match form.template {
        true => format!(r"^\s*(?:{pattern})\s*$|{unknown}"),
        false => format!(r"^\s*(?:{pattern})\s*$"),
    });
    if let Some(pattern) = characters {
        let bare = Form { number: form.number.filter(|_| zero.is_none()), ..form };
        let mut way = json!({ "type": types(&bare), "pattern": pattern, "errorMessage": message });
        bounds(&mut way, bare.number);
        ways.push(way);
    } else if form.template && !form.words.is_empty() {
        // Words may have blanks around them, too.
        let words = form.words.join("|");
        ways.push(json!({
            "type": "string",
            "pattern": format!(r"^\s*(?:{words})\s*$|{unknown}"),
            "errorMessage": message,
            "doNotSuggest": true,
        }));
    } else if form.words.is_empty() {
        ways.push(json!({ "type": types(&form) }));
    }
    if zero.is_some() {
        ways.push(json!({ "const": 0, "errorMessage": message, "doNotSuggest": true }));
    }
    match ways.len() {
        1 => ways.remove(0),
        _ => json!({ "anyOf": ways }),
    }
}

/// `written` as the value that it is read as.
pub(super) fn literal(shape: Shape, written: &str) -> Value {
    let form = match shape {
        Shape::Several(form) => Some(form),
        Shape::FlagOr(_) => Shape::Flag.form(),
        shape => shape.form(),
    };
    let bare = form.is_some_and(|form| form.flag || form.number.is_some());
    let parsed = serde_json::from_str(written).ok().filter(|value: &Value| bare && !value.is_string());
    parsed.unwrap_or_else(|| written.into())
}

fn types(form: &Form) -> Value {
    let number = form.number.map(|number| if number.whole { "integer" } else { "number" });
    let flag = form.flag.then_some("boolean");
    let mut types: Vec<&str> = number.into_iter().chain(flag).chain(["string"]).collect();
    // Editors take the first for what is meant: of what is a number and a flag, both are texts.
    if types.len() > 2 {
        types.rotate_right(1);
    }
    if let [only] = types.as_slice() { json!(only) } else { json!(types) }
}

fn bounds(schema: &mut Value, number: Option<Numbers>) {
    let Some(number) = number else { return };
    if number.least.is_finite() {
        schema[if number.above { "exclusiveMinimum" } else { "minimum" }] = plain(number.least);
    }
    if number.most.is_finite() {
        schema["maximum"] = plain(number.most);
    }
}

/// A bound without a fraction where it is whole.
#[expect(clippy::cast_possible_truncation, reason = "bounds are small")]
fn plain(bound: f64) -> Value {
    if bound.fract() == 0.0 { json!(bound as i64) } else { json!(bound) }
}

/// `` `a`, `b` or `c` ``.
pub(super) fn either(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::policy::status::Status;
    use crate::policy::value::{AtLeastOne, Bytes, Period, Scalar, Share};

    /// What the schema and the reader say of `text`, in quotes and, where it is a number, without.
    fn agrees<T: Scalar>(text: &str) {
        let schema = of(Shape::of::<T>(), Place::Policy);
        let validator = jsonschema::draft7::new(&schema).unwrap();
        let read = T::read(text.trim()).is_some();
        let taken = validator.is_valid(&json!(text));
        assert!(taken || !read, "the schema refuses `{text}` as {}", T::EXPECTED);
        let bare: Option<Value> = serde_json::from_str(text).ok().filter(Value::is_number);
        if let Some(bare) = bare {
            let taken = validator.is_valid(&bare);
            assert!(taken || !read, "the schema refuses a bare `{text}` as {}", T::EXPECTED);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 120, rng_seed: proptest::test_runner::RngSeed::Fixed(5), ..ProptestConfig::default() })]

        #[test]
        fn what_the_reader_takes_the_schema_takes(
            text in prop_oneof![
                "[0-9]{1,4}[ ]?(s|ms|m|min|mins|h|hours|d|day|w|wk|M|y|yr|µs|us|nanos)?",
                "([0-9]{1,2}(\\.[0-9])? ?(s|m|h|d) ?){1,3}",
                "[+-]?[0-9]{0,3}\\.?[0-9]{0,3}([eE][+-]?[0-9])?%?",
                " ?[0-9]{1,3} ?%",
                "[0-9]{1,6} ?(B|KiB|MiB|GiB|MB|k)?",
                "[0-9]?[0-9](xx|XX|0x)",
                "true|false|yes|True| true |0|1|100%|1.0|0.0",
            ],
        ) {
            agrees::<f64>(&text);
            agrees::<u32>(&text);
            agrees::<u16>(&text);
            agrees::<bool>(&text);
            agrees::<Duration>(&text);
            agrees::<Period>(&text);
            agrees::<Share>(&text);
            agrees::<AtLeastOne>(&text);
            agrees::<Bytes>(&text);
            agrees::<Status>(&text);
        }
    }

    #[test]
    fn defaults_are_written_as_what_they_are() {
        for (shape, written, value) in [
            (Shape::Duration, "15s", json!("15s")),
            (Shape::of::<u32>(), "3", json!(3)),
            (Shape::Flag, "true", json!(true)),
            (Shape::of::<Share>(), "50%", json!("50%")),
            (Shape::Several(Status::FORM), "2xx", json!("2xx")),
            (Shape::OneOf(&["a", "b"]), "a", json!("a")),
        ] {
            assert_eq!(literal(shape, written), value);
        }
    }
}
