//! What is wrong with a query: where, in Prometheus' terms, and what would mend it. Must not know YAML.

use super::ast::Span;

/// One thing that is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Where.
    pub span: Span,
    /// What, in Prometheus' terms.
    pub message: String,
    /// What to do about it, where that is more than what the fix says.
    pub help: Option<String>,
    /// What would mend it, where that is known.
    pub fix: Option<Fix>,
}

/// A change of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in a few words.
    pub title: String,
    /// The stretches that are replaced and what by; they do not overlap.
    pub edits: Vec<(Span, String)>,
    /// Whether it is surely what was meant.
    pub sure: bool,
}

impl Error {
    /// An error at `span`.
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None, fix: None }
    }

    /// The same with advice.
    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with what was surely meant.
    #[must_use]
    pub(super) fn sure(self, title: &str, edits: Vec<(Span, String)>) -> Self {
        self.mended(title, edits, true)
    }

    /// The same with what was probably meant.
    #[must_use]
    pub(super) fn guess(self, title: &str, edits: Vec<(Span, String)>) -> Self {
        self.mended(title, edits, false)
    }

    fn mended(mut self, title: &str, edits: Vec<(Span, String)>, sure: bool) -> Self {
        self.fix = Some(Fix { title: title.to_owned(), edits, sure });
        self
    }
}

/// `text` with the edits of all `fixes`; a fix that overlaps an earlier one is left out.
pub fn apply<'f>(text: &str, fixes: impl IntoIterator<Item = &'f Fix>) -> String {
    let mut edits: Vec<(Span, &str)> = Vec::new();
    for fix in fixes {
        let clashes = |(span, new): &(Span, String)| {
            edits.iter().any(|(other, text)| {
                (span.start < other.end && other.start < span.end) || (span == other && *text != *new)
            })
        };
        if !fix.edits.iter().any(clashes) {
            for (span, new) in &fix.edits {
                if !edits.contains(&(*span, new.as_str())) {
                    edits.push((*span, new));
                }
            }
        }
    }
    edits.sort_by_key(|(span, _)| *span);
    let mut mended = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for (span, new) in edits {
        let range = span.range();
        mended.push_str(text.get(at..range.start).unwrap_or_default());
        mended.push_str(new);
        at = range.end;
    }
    mended.push_str(text.get(at..).unwrap_or_default());
    mended
}
