//! What `lint` found, as text: one file per format. Must stay pure: problems and texts in, text out; what is a problem
//! and what is denied was decided before.
//!
//! To add a format: a file here and one entry in [`FORMATS`].

pub mod github;
pub mod json;
pub mod sarif;
pub mod text;

use crate::diagnostic::{Location, Sources, location};
use crate::policy::mend;
use crate::policy::problem::{Fix, Place, Problem};
use crate::report::Redact;

/// Where the lints are explained, from the root of the repository.
pub const DOCS: &str = "docs/lint.md";

/// What was found in all files of one command.
#[derive(Debug)]
pub struct Findings<'f> {
    /// The texts.
    pub sources: &'f Sources,
    /// The files that were read as one policy each, and what was found in them, by place.
    pub policies: Vec<Policy<'f>>,
    /// What `--fix` has mended.
    pub fixed: &'f [Fixed],
}

/// One policy.
#[derive(Debug)]
pub struct Policy<'f> {
    /// Its files, as they were named.
    pub files: Vec<String>,
    /// What was found.
    pub found: Vec<Found<'f>>,
}

/// A problem, and what follows from it.
#[derive(Debug, Clone, Copy)]
pub struct Found<'f> {
    /// The problem.
    pub problem: &'f Problem,
    /// Whether it was asked for that this fails the command; faults always do.
    pub denied: bool,
}

/// Something that was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The lint or kind of fault.
    pub id: Option<&'static str>,
    /// What was done, in a few words.
    pub title: String,
}

/// A change that would mend a problem, where it stands.
#[derive(Debug)]
pub struct Change {
    /// What is replaced.
    pub at: Location,
    /// What by, as it is written there.
    pub text: String,
}

impl Findings<'_> {
    /// Everything that was found, policy by policy.
    pub fn all(&self) -> impl Iterator<Item = &Found<'_>> {
        self.policies.iter().flat_map(|policy| &policy.found)
    }

    /// Where `problem` is.
    pub fn location(&self, problem: &Problem) -> Option<Location> {
        location(problem, self.sources)
    }

    /// What `fix` changes; `None` where that cannot be written there.
    pub fn changes(&self, fix: &Fix) -> Option<Vec<Change>> {
        let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let source = fix.place.source;
        let change = |edit: mend::Edit| {
            let place = Place { source, start: narrow(edit.range.start), end: narrow(edit.range.end) };
            Some(Change { at: self.sources.location(place)?, text: edit.text })
        };
        mend::edits(fix, self.sources.text(source))?.into_iter().map(change).collect()
    }
}

/// A form that findings can take.
pub trait Format: Sync {
    /// The word of `--format`, and the file's name.
    fn name(&self) -> &'static str;

    /// What it is for, in one sentence.
    fn summary(&self) -> &'static str;

    /// The whole output, line end included. `redact` is applied to every text that came from outside.
    fn render(&self, findings: &Findings<'_>, redact: Redact<'_>) -> String;
}

/// The formats there are, in the order of documents; the first is the default.
pub static FORMATS: &[&dyn Format] = &[&text::Text, &json::Json, &github::Github, &sarif::Sarif];

#[cfg(test)]
mod tests;
