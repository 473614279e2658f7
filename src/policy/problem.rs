//! What is wrong with a policy: a place, what was found and expected, and what to do. Must not know lines or
//! columns; `diagnostic` makes those from a place only to show them.

use std::ops::Range;

/// A stretch of one of the texts that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Index of the text among the run's sources.
    pub source: u16,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Place {
    /// The bytes of the source that this covers.
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is measured.
    Fault,
    /// The run goes on.
    Warning,
    /// Worth knowing, and nothing is wrong.
    Note,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where, when it has a place in a text.
    pub place: Option<Place>,
    /// What is wrong: lower case, no final period, values in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Text inside the place that the caret should point at, where the source shows it.
    pub needle: Option<String>,
    /// What it is about inside the scalar at the place.
    pub inside: Option<Box<Inside>>,
    /// A second place that has to do with it, and what is there.
    pub also: Option<Box<(Place, String)>>,
    /// The lint that found it, such as `range-too-short`; faults of the format have none.
    pub id: Option<&'static str>,
    /// What would mend it.
    pub fix: Option<Box<Fix>>,
}

/// Stretches of a scalar as it was decoded: quotes, escapes and folds of its YAML text are not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// The whole scalar, decoded.
    pub decoded: String,
    /// The stretches in bytes of `decoded`; the first is the main one.
    pub stretches: Vec<Range<u32>>,
}

/// A change of a text that mends a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in a few words: `move the range into the call`.
    pub title: String,
    /// What is changed.
    pub place: Place,
    /// The scalar at the place, decoded, when the edits are inside it; `None` when they are of the text as it is written.
    pub decoded: Option<String>,
    /// What is replaced, in bytes from the start of `decoded` (or of the place), and by what; they do not overlap.
    pub edits: Vec<(Range<u32>, String)>,
    /// Whether it does what was surely meant, so that `lint --fix` may apply it.
    pub sure: bool,
}

impl Fix {
    /// What is probably meant: `text` for all that is written at `place`.
    pub fn guess(title: impl Into<String>, place: Place, text: impl Into<String>) -> Self {
        let edits = vec![(0..place.end.saturating_sub(place.start), text.into())];
        Self { title: title.into(), place, decoded: None, edits, sure: false }
    }
}

impl Problem {
    /// A fault at `place`.
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        Self { place: Some(place), ..Self::nowhere(message) }
    }

    /// A fault that no text holds, such as one of the command line.
    pub fn nowhere(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            severity: Severity::Fault,
            place: None,
            message,
            help: None,
            needle: None,
            inside: None,
            also: None,
            id: None,
            fix: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with advice where there is some.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// The same with its caret on `needle`.
    #[must_use]
    pub fn needle(mut self, needle: &str) -> Self {
        self.needle = Some(needle.to_owned());
        self
    }

    /// The same with its carets on `stretches` of the scalar at its place, which was decoded as `decoded`.
    #[must_use]
    pub fn inside(mut self, decoded: &str, stretches: Vec<Range<u32>>) -> Self {
        self.inside = Some(Box::new(Inside { decoded: decoded.to_owned(), stretches }));
        self
    }

    /// The same as found by the lint `id`.
    #[must_use]
    pub const fn id(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    /// The same with what would mend it.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(Box::new(fix));
        self
    }

    /// The same with a second place and what is there.
    #[must_use]
    pub fn also(mut self, place: Place, label: impl Into<String>) -> Self {
        self.also = Some(Box::new((place, label.into())));
        self
    }

    /// Whether it tells people the same as `other`.
    fn says(&self, other: &Self) -> bool {
        let all = |one: &Self| (one.severity, one.place, one.id);
        let same = all(self) == all(other) && self.message == other.message && self.help == other.help;
        same && self.inside == other.inside && self.needle == other.needle && self.also == other.also
    }

    /// The same as a note.
    #[must_use]
    pub const fn note(mut self) -> Self {
        self.severity = Severity::Note;
        self
    }

    /// The same as a warning.
    #[must_use]
    pub const fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

/// All that is wrong, collected over a whole run of the reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one, unless it has been told already; of two fixes the first is kept.
    pub fn push(&mut self, problem: Problem) {
        match self.0.iter_mut().find(|told| told.says(&problem)) {
            Some(told) => told.fix = told.fix.take().or(problem.fix),
            None => self.0.push(problem),
        }
    }

    /// Whether any of them stops the run.
    pub fn any_fault(&self) -> bool {
        self.0.iter().any(|p| p.severity == Severity::Fault)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps those that `keep` wants.
    pub fn retain(&mut self, keep: impl FnMut(&Problem) -> bool) {
        self.0.retain(keep);
    }

    /// All, in the order of their places; those without one come last.
    pub fn sorted(&self) -> Vec<&Problem> {
        let mut all: Vec<&Problem> = self.0.iter().collect();
        let inside = |p: &Problem| Some(p.inside.as_ref()?.stretches.first()?.start);
        all.sort_by_key(|p| (p.place.is_none(), p.place, inside(p)));
        all
    }

    /// Moves all of `other` here.
    pub fn append(&mut self, other: Self) {
        for problem in other.0 {
            self.push(problem);
        }
    }
}

/// `did you mean …?` for a word that is none of `known`, when one is near enough.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let lower = word.to_lowercase();
    let near = known.into_iter().map(|k| (strsim::damerau_levenshtein(&lower, &k.to_lowercase()), k));
    let (distance, nearest) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + word.chars().count() / 4).then(|| format!("did you mean `{nearest}`?"))
}

/// `a`, `a and b`, `a, b and c`, each in backticks.
pub fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| format!("`{w}`")).collect();
    match words.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
