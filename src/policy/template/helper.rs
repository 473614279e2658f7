//! The helpers of templates: what `{{upper name}}` makes of a value. A helper gives text, which is then fitted to
//! where its tag stands like any other value. Must not know contexts.

use std::time::Duration;

use crate::policy::value::Scalar as _;
use crate::promql::write_duration;

/// What a helper is given and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Helper {
    /// A text as a regular expression that matches it and nothing else.
    Regex,
    /// The second argument where the first is not defined, or empty.
    Default,
    /// In capital letters.
    Upper,
    /// In small letters.
    Lower,
    /// Without blanks at both ends.
    Trim,
    /// As a JSON string, quotes included.
    Json,
    /// A duration as queries write it: `1h 30m` becomes `1h30m`.
    Duration,
}

/// The helpers, by name, with how many arguments each takes.
pub(super) const HELPERS: &[(&str, Helper, usize)] = &[
    ("regex", Helper::Regex, 1),
    ("default", Helper::Default, 2),
    ("upper", Helper::Upper, 1),
    ("lower", Helper::Lower, 1),
    ("trim", Helper::Trim, 1),
    ("json", Helper::Json, 1),
    ("duration", Helper::Duration, 1),
];

impl Helper {
    /// What becomes of `value`, or what was expected instead. `default` has chosen it already.
    pub(super) fn apply(self, value: String) -> Result<String, &'static str> {
        Ok(match self {
            Self::Regex => escaped(&value),
            Self::Default => value,
            Self::Upper => value.to_uppercase(),
            Self::Lower => value.to_lowercase(),
            Self::Trim => value.trim().to_owned(),
            Self::Json => serde_json::Value::from(value).to_string(),
            Self::Duration => {
                let duration = Duration::read(value.trim()).ok_or(Duration::EXPECTED)?;
                if !duration.as_nanos().is_multiple_of(1_000_000) {
                    return Err("a duration of whole milliseconds, the least that queries tell apart");
                }
                write_duration(duration.as_secs_f64())
            }
        })
    }
}

/// `text` with every character escaped that means something to RE2.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
