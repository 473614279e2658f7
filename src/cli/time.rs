//! Times of the command line: RFC 3339, unix seconds, or `30m-ago`. Must not read the clock; it is handed in.

use std::time::Duration;

use jiff::Timestamp;

use crate::policy::value::Scalar as _;

/// What is expected of a time.
pub(crate) const EXPECTED: &str = "a time like `2026-01-15T11:00:00Z`, `1768474800` or `30m-ago`";

/// Reads `text` as of `now`.
///
/// # Errors
/// A sentence that says what was expected and found.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let read = match text.strip_suffix("-ago") {
        Some(span) => Duration::read(span).and_then(|span| now.checked_sub(span).ok()),
        None if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            let seconds: Option<f64> = text.parse().ok();
            seconds.and_then(|s| Timestamp::from_millisecond((s * 1000.0).round() as i64).ok())
        }
        None => text.parse().ok(),
    };
    read.ok_or_else(|| format!("expected {EXPECTED}, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_three_ways() {
        let now: Timestamp = "2026-01-15T11:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("30m-ago", "2026-01-15T10:30:00Z"),
            ("1h30m-ago", "2026-01-15T09:30:00Z"),
            ("2026-01-15T12:00:00+01:00", "2026-01-15T11:00:00Z"),
            ("1768474800", "2026-01-15T11:00:00Z"),
            ("1768474800.5", "2026-01-15T11:00:00.5Z"),
        ] {
            assert_eq!(parse(text, now).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "yesterday", "5M-ago", "-ago", "99999999999999", "2026-01-15"] {
            assert!(parse(text, now).is_err(), "{text}");
        }
    }
}
