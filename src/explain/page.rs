//! How explanations are laid out: paragraphs, keys with their texts, a table. Must make every text fit for a terminal
//! and take secrets out of it, whoever wrote it; must not know what is explained.

use crate::report::Redact;
use crate::report::words::{clean, pad, width};

/// Columns of a line, where its words allow.
const COLUMNS: usize = 100;

/// Columns before the text of a key.
const KEYS: usize = 13;

/// A text being laid out.
pub(super) struct Page<'r> {
    redact: Redact<'r>,
    text: String,
}

impl<'r> Page<'r> {
    pub(super) const fn new(redact: Redact<'r>) -> Self {
        Self { redact, text: String::new() }
    }

    /// All of it, line end included.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn fit(&self, text: &str) -> String {
        // A secret that was cut by a line end would no longer be found.
        clean(&(self.redact)(text)).trim().to_owned()
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// An empty line, but not at the beginning.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// A line by itself.
    pub(super) fn heading(&mut self, text: &str) {
        self.gap();
        let text = self.fit(text);
        self.line(&text);
    }

    /// Sentences over as many lines as they take.
    pub(super) fn paragraph(&mut self, text: &str) {
        let text = self.fit(text);
        if !text.is_empty() {
            self.wrapped("", 0, &text);
        }
    }

    /// One of several things, with a dash.
    pub(super) fn item(&mut self, text: &str) {
        let text = self.fit(text);
        self.wrapped("-", 2, &text);
    }

    /// A key and what is said of it, indented.
    pub(super) fn entry(&mut self, key: &str, text: &str) {
        let (key, text) = (self.fit(key), self.fit(text));
        if !text.is_empty() {
            self.wrapped(&format!("  {key}"), KEYS.max(width(&key) + 4), &text);
        }
    }

    /// A key and a text that is not broken over lines, because it is to be copied.
    pub(super) fn verbatim(&mut self, key: &str, text: &str) {
        let (key, text) = (self.fit(key), self.fit(text));
        if !text.is_empty() {
            self.line(&format!("{}{text}", pad(&format!("  {key}"), KEYS)));
        }
    }

    /// A command over several lines, one of `words` on each, as a shell takes it.
    pub(super) fn command(&mut self, words: &[String]) {
        let words: Vec<String> = words.iter().map(|word| self.fit(word)).collect();
        self.line(&format!("  {}", words.join(" \\\n    ")));
    }

    /// Rows whose columns stand below each other, indented.
    pub(super) fn table<const N: usize>(&mut self, rows: &[[String; N]]) {
        let rows: Vec<[String; N]> =
            rows.iter().map(|row| row.each_ref().map(|cell| self.fit(cell))).collect();
        let widest = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        };
        let columns: Vec<usize> = (0..N).map(widest).collect();
        for row in &rows {
            let Some((last, before)) = row.split_last() else { continue };
            let cells: Vec<String> =
                before.iter().zip(&columns).map(|(cell, columns)| pad(cell, *columns)).collect();
            let head = format!("  {}", cells.join("  "));
            let indent = width(&head) + 2;
            self.wrapped(&head, indent, last);
        }
    }

    /// `text` behind `head`, every line after the first indented.
    fn wrapped(&mut self, head: &str, indent: usize, text: &str) {
        let mut line = if head.is_empty() { String::new() } else { pad(head, indent) };
        let mut used = width(&line);
        let mut empty = true;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let columns = width(word);
            if !empty && used + 1 + columns > COLUMNS {
                self.line(&line);
                line = " ".repeat(indent);
                used = indent;
                empty = true;
            }
            if !empty {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += columns;
            empty = false;
        }
        self.line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_wrapped_and_fit_for_a_terminal() {
        let mut page = Page::new(&|text| text.replace("hunter2 hunter2", "***"));
        page.heading("one\u{1b}[31m two");
        page.entry("key", &format!("{} end", "word ".repeat(20)));
        page.verbatim("copy", &"x ".repeat(80));
        page.entry("secret", "hunter2 hunter2");
        page.entry("nothing", " ");
        page.table(&[["a".to_owned(), "first".to_owned()], ["long".to_owned(), "second".to_owned()]]);
        let text = page.finish();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "one\u{fffd}[31m two");
        assert_eq!(lines[1], format!("  key        {}", "word ".repeat(17).trim_end()));
        assert_eq!(lines[2], "             word word word end");
        assert_eq!(lines[3].len(), 13 + 159);
        assert_eq!(&lines[4..], ["  secret     ***", "  a     first", "  long  second"]);
    }
}
