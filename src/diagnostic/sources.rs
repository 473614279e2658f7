//! The texts of a run, and where their bytes stand: lines and columns are made here and nowhere else. Must not know
//! problems.

use std::ops::Range;

use crate::policy::problem::{Place, Problem};

/// The texts of a run, by the index that places carry.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    all: Vec<Source>,
    /// What is never shown.
    hidden: Vec<Place>,
}

#[derive(Debug, Clone)]
struct Source {
    name: String,
    text: String,
    /// The byte at which each line begins.
    lines: Vec<u32>,
}

/// A stretch of a text for other programs: lines and columns from 1, columns in characters, the end exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The text's name.
    pub file: String,
    /// Line and column of the first character.
    pub start: (u32, u32),
    /// Line and column after the last character.
    pub end: (u32, u32),
}

impl Source {
    fn new(name: String, text: String) -> Self {
        let starts = text.bytes().zip(1u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        let lines = std::iter::once(0).chain(starts).collect();
        Self { name, text, lines }
    }

    /// The number of the line that holds the byte at `offset`, from 1.
    fn line_number(&self, offset: usize) -> usize {
        self.lines.partition_point(|begin| *begin as usize <= offset).max(1)
    }
}

impl Sources {
    /// Adds the text called `name` (a path, or `<stdin>`) and returns its index.
    ///
    /// # Errors
    /// A text that is not UTF-8, and the 65,536th text.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<u16, Problem> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            Problem::nowhere(format!("`{name}` is not UTF-8 text: its line {line} has other bytes"))
                .help("save the file as UTF-8")
        })?;
        let index = u16::try_from(self.all.len())
            .map_err(|_| Problem::nowhere(format!("`{name}` is one file too many")))?;
        self.all.push(Source::new(name.to_owned(), text));
        Ok(index)
    }

    /// Puts another text in the place of that numbered `index`.
    pub fn put(&mut self, index: u16, text: String) {
        if let Some(source) = self.all.get_mut(usize::from(index)) {
            *source = Source::new(std::mem::take(&mut source.name), text);
        }
    }

    /// Shows stars for what is at `place`, from now on.
    pub fn hide(&mut self, place: Place) {
        self.hidden.push(place);
    }

    /// The name of the text numbered `index`.
    pub fn name(&self, index: u16) -> &str {
        self.all.get(usize::from(index)).map_or("", |source| &source.name)
    }

    /// The text numbered `index`.
    pub fn text(&self, index: u16) -> &str {
        self.all.get(usize::from(index)).map_or("", |source| &source.text)
    }

    /// What is at `place`, where that is at hand.
    pub fn stretch(&self, place: Place) -> Option<&str> {
        self.all.get(usize::from(place.source))?.text.get(place.range())
    }

    /// The line at which `place` begins, from 1.
    pub fn line_of(&self, place: Place) -> u32 {
        let number = self.all.get(usize::from(place.source)).map(|s| s.line_number(place.start as usize));
        u32::try_from(number.unwrap_or(1)).unwrap_or(u32::MAX)
    }

    /// Where `place` is, for other programs.
    pub fn location(&self, place: Place) -> Option<Location> {
        let source = self.all.get(usize::from(place.source))?;
        let position = |offset: usize| {
            let line = source.line_number(offset);
            let begin = source.lines[line - 1] as usize;
            let before = source.text.get(begin..offset).unwrap_or_default();
            let column = before.trim_start_matches('\u{feff}').chars().count() + 1;
            (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
        };
        let range = place.range();
        Some(Location { file: source.name.clone(), start: position(range.start), end: position(range.end) })
    }

    /// The line at which `place` begins, without its end: its first byte, its number from 1, its text.
    pub(super) fn line(&self, place: Place) -> (usize, usize, &str) {
        let text = self.text(place.source);
        let start = place.start as usize;
        let first = text.get(..start).and_then(|t| t.rfind('\n')).map_or(0, |newline| newline + 1);
        let line = text[first..].split('\n').next().unwrap_or_default();
        let number = self.all.get(usize::from(place.source)).map_or(1, |source| source.line_number(start));
        (first, number, line.strip_suffix('\r').unwrap_or(line))
    }

    /// The stretches of the bytes `within` of the text numbered `index` that are not to be shown, in order, counted
    /// from the first of `within`.
    pub(super) fn hidden(&self, index: u16, within: Range<usize>) -> Vec<Range<usize>> {
        let here = self.hidden.iter().filter(|place| place.source == index).map(|place| place.range());
        let cut = here.map(|range| range.start.max(within.start)..range.end.min(within.end));
        let mut all: Vec<Range<usize>> = cut.filter(|range| range.start < range.end).collect();
        all.sort_unstable_by_key(|range| (range.start, range.end));
        all.dedup();
        all.into_iter().map(|range| range.start - within.start..range.end - within.start).collect()
    }
}
