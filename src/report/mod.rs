//! What a run came to, and how it goes, as text: one file per format, and the talk of a run while it lasts. Must
//! stay pure: a record in, text out; no clock, no files, no decisions about what a sample or a check means.
//!
//! To add a format: a file here and one entry in [`FORMATS`].

pub mod text;
pub mod json;
pub mod progress;
pub mod lines;
pub mod live;
mod opening;
mod voice;
mod standing;
mod guarantee;
pub(crate) mod words;
#[cfg(test)]
mod sample;

use crate::gate::outcome::{ActionRecord, Record};
use crate::policy::problem::{did_you_mean, listed};

/// Takes the run's secrets out of a text.
pub type Redact<'r> = &'r dyn Fn(&str) -> String;

/// A form that a report can take.
pub trait Format: Sync {
    /// The word of `--format` and `--report`, and the file's name.
    fn name(&self) -> &'static str;

    /// What it is for, in one sentence.
    fn summary(&self) -> &'static str;

    /// The whole report, line end included. `record` may be that of a run that still goes on. `redact` is applied
    /// to every text value that came from outside, before it is escaped or cut, and never to keys, numbers or
    /// rollgate's own words.
    fn render(&self, record: &Record, redact: Redact<'_>) -> String;
}

/// The formats there are, in the order of documents; the first is the default.
pub static FORMATS: &[&dyn Format] = &[&text::Text, &json::Json];

/// The format called `name`.
///
/// # Errors
/// A sentence that says which formats there are, and which was meant where that can be guessed.
pub fn named(name: &str) -> Result<&'static dyn Format, String> {
    let names = || FORMATS.iter().map(|format| format.name());
    FORMATS.iter().find(|format| format.name() == name).copied().ok_or_else(|| {
        let guess = did_you_mean(name, names()).map(|guess| format!("; {guess}")).unwrap_or_default();
        format!("expected one of the formats {}, found `{name}`{guess}", listed(names()))
    })
}

/// What was done, in a line: `told slack #deployments (HTTP 200, 1 attempt)`.
pub(crate) fn action(action: &ActionRecord, redact: Redact<'_>) -> String {
    voice::Voice::new(redact).action(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_name() {
        for format in FORMATS {
            assert_eq!(named(format.name()).map(Format::name), Ok(format.name()));
            assert!(!format.summary().is_empty());
        }
        let wrong = named("jsn").map(Format::name);
        assert_eq!(
            wrong,
            Err("expected one of the formats `text` and `json`, found `jsn`; did you mean `json`?".to_owned())
        );
    }
}
