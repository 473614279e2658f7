//! YAML text as a tree in which every key and value knows its place. Strict: no `yes` for true, no octal `017`, no
//! duplicate keys, no unknown tags, and budgets against bombs. Must not know what a policy is; the reader does.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

use super::problem::{Place, Problem, Problems};

/// Largest policy text, in bytes.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The value.
    pub data: Data,
    /// Where it is written; for an alias, where it is used.
    pub place: Place,
}

/// A value. Numbers and texts keep the characters that were written: `1.10` stays `1.10`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An unquoted number, as written.
    Number(String),
    /// Any other scalar, decoded.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in order, merge keys resolved.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it is written.
    pub place: Place,
}

impl Node {
    /// What it is, for `expected …, found …`.
    pub fn found(&self) -> String {
        match &self.data {
            Data::Null => "nothing".to_owned(),
            Data::Bool(value) => format!("`{value}`"),
            Data::Number(text) => format!("`{text}`"),
            Data::Text(text) => format!("`{}`", shorten(text)),
            Data::List(_) => "a list".to_owned(),
            Data::Map(_) => "a mapping".to_owned(),
        }
    }

    /// The value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.data {
            Data::Map(entries) => entries.iter().find(|(k, _)| k.name == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The characters of a scalar.
    pub fn scalar(&self) -> Option<&str> {
        match &self.data {
            Data::Number(text) | Data::Text(text) => Some(text),
            Data::Bool(true) => Some("true"),
            Data::Bool(false) => Some("false"),
            Data::Null | Data::List(_) | Data::Map(_) => None,
        }
    }
}

/// The first 60 characters of a text, on one line.
pub fn shorten(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect();
    if text.chars().count() > 60 { format!("{line}…") } else { line }
}

/// Reads `text`, the source numbered `source`.
///
/// # Errors
/// The first fault of [`read`].
pub fn parse(source: u16, text: &str) -> Result<Node, Problem> {
    let mut problems = Problems::default();
    let node = read(source, text, &mut problems);
    match problems.sorted().first() {
        Some(problem) => Err((*problem).clone()),
        None => node.ok_or_else(|| Problem::nowhere("the text is not valid YAML")),
    }
}

/// Reads `text`, the source numbered `source`. `None` after reporting the first place at which it is not YAML, or
/// not the strict YAML that is read here; keys that are written twice are all reported and their first value kept.
pub fn read(source: u16, text: &str, problems: &mut Problems) -> Option<Node> {
    if text.len() > MAX_TEXT {
        let message = format!("expected at most {MAX_TEXT} bytes, found {}", text.len());
        problems.push(Problem::at(Place { source, start: 0, end: 0 }, message));
        return None;
    }
    let options = serde_yaml::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        reject_tagged_field_names: true,
        with_snippet: false,
        // Reported by who reads the number, for the same reason as the next.
        non_finite_float_policy: serde_yaml::options::NonFiniteFloatPolicy::PassThrough,
        // Reported here instead, so that one does not hide all the others.
        duplicate_keys: serde_yaml::options::DuplicateKeyPolicy::PassThrough,
        budget: serde_yaml::budget! {
            max_events: 2_500_000,
            max_nodes: 1_000_000,
            max_depth: MAX_DEPTH,
            // Thousands of checks may share one anchor: what counts is how much is copied.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 200_000,
            max_replay_stack_depth: 16,
        },
    };
    let raw: Result<Spanned<Raw>, _> = serde_yaml::from_str_with_options(text, options);
    match raw {
        Ok(raw) => Some(Builder { source, text, problems }.node(raw)),
        Err(error) => {
            let place =
                error.location().map_or(Place { source, start: 0, end: 0 }, |at| place_of(source, text, at));
            let (message, help) = explain(&error, text, place);
            problems.push(Problem::at(place, message).maybe_help(help));
            None
        }
    }
}

/// Deep enough for every policy, and shallow enough for the stack of a test's thread.
const MAX_DEPTH: usize = 32;

/// The library's errors in our words, where its own are about itself.
const EXPLAINED: &[(&str, &str, &str)] = &[
    (
        "multiple YAML documents",
        "expected one YAML document, found a second one",
        "put each document into a file of its own; files given together are merged",
    ),
    ("unknown anchor", "there is no anchor of this name before the alias", ""),
    ("recursive references", "an alias stands inside its own anchor", ""),
    ("budget breached", "the text is larger or deeper than a policy may be", ""),
    ("recursion limit", "the text is larger or deeper than a policy may be", ""),
    ("alias", "the aliases of this text stand for more than a policy may be", ""),
    ("null into string", "expected a key, found `null`", "put quotes around a key that is meant so"),
    ("expected string scalar", "expected a key that is a text, found a list or a mapping", ""),
    ("tabs disallowed", "expected spaces, found a tab", "indent with spaces; YAML takes no tabs there"),
    (
        "did not find expected key",
        "expected a key, found something else",
        "check the indentation, and the quotes and brackets before it",
    ),
    ("unclosed quote", "the quote that opens here is never closed", ""),
    (
        "mapping values are not allowed",
        "expected one `: ` in a line without quotes, found a second one",
        "put quotes around a text that contains `: `",
    ),
];

/// What is wrong and what to do about it.
fn explain(error: &serde_yaml::Error, text: &str, at: Place) -> (String, Option<String>) {
    let told = error.without_snippet().to_string();
    let advice = unquoted(text, at);
    if advice.is_some() {
        return ("expected a value, found a template without quotes".to_owned(), advice);
    }
    let known = EXPLAINED.iter().find(|(theirs, ..)| told.contains(theirs));
    if let Some((_, ours, help)) = known {
        return ((*ours).to_owned(), Some((*help).to_owned()).filter(|help| !help.is_empty()));
    }
    // The rest names its own position, which the caret shows.
    let line = told.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let position = r"^line \d+ column \d+: |:? ?\(?at line \d+,? column \d+\)?:?| at \d+:\d+$";
    let plain = regex::Regex::new(position)
        .map_or_else(|_| line.to_owned(), |position| position.replace_all(line, "").into_owned());
    (format!("the text is not valid YAML: {}", shorten(plain.trim())), None)
}

/// The one mistake that everybody makes once: a template without quotes is a flow mapping to YAML.
fn unquoted(text: &str, at: Place) -> Option<String> {
    let line_start = text[..at.start as usize].rfind('\n').map_or(0, |i| i + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let value = line.trim_start().trim_start_matches("- ").trim_start();
    let value = value.split_once(": ").map_or(value, |(_, value)| value.trim_start());
    let here =
        text[line_start..at.start as usize].ends_with('{') && text[at.start as usize..].starts_with('{');
    let here = here || text[at.start as usize..].starts_with("{{");
    (here || value.starts_with("{{")).then(|| "put quotes around a template: `key: \"{{name}}\"`".to_owned())
}

fn place_of(source: u16, text: &str, at: Location) -> Place {
    let span = at.span();
    let clamp = |offset: usize| {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let bytes = |offset: u64| usize::try_from(offset).unwrap_or(text.len());
    // The scanner's own errors know line and column only.
    let start = clamp(span.byte_offset().map_or_else(|| offset_of(text, at), bytes));
    let end = clamp(start.saturating_add(span.byte_len().map_or(0, bytes)));
    // Spans of blocks end after the line: the caret should not.
    let length = text[start..end].trim_end().len();
    let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    Place { source, start: narrow(start), end: narrow(start + length) }
}

/// The byte at a line and a column of characters.
fn offset_of(text: &str, at: Location) -> usize {
    let (line, column) = (at.line().max(1) - 1, at.column().max(1) - 1);
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let Some(line) = text.split_inclusive('\n').nth(line) else { return text.trim_end().len() };
    let start = line.as_ptr() as usize - text.as_ptr() as usize;
    let column = usize::try_from(column).unwrap_or(usize::MAX);
    start + line.trim_end().char_indices().nth(column).map_or(line.trim_end().len(), |(offset, _)| offset)
}

/// Gives everything its place.
struct Builder<'b> {
    source: u16,
    text: &'b str,
    problems: &'b mut Problems,
}

impl Builder<'_> {
    fn place(&self, at: Location) -> Place {
        place_of(self.source, self.text, at)
    }

    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let place = self.place(raw.referenced);
        let data = match raw.value {
            Raw::Null => Data::Null,
            Raw::Bool(value) => Data::Bool(value),
            Raw::Number => {
                // A tag makes a number of a quoted text, whose quotes are no part of it.
                let written = self.text[self.place(raw.defined).range()].trim();
                Data::Number(written.trim_matches(['"', '\'']).to_owned())
            }
            Raw::Text(value) => Data::Text(value),
            Raw::List(items) => Data::List(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => Data::Map(self.entries(entries)),
        };
        Node { data, place }
    }

    fn entries(&mut self, entries: Vec<(Spanned<String>, Spanned<Raw>)>) -> Vec<(Key, Node)> {
        let mut kept: Vec<(Key, Node)> = Vec::with_capacity(entries.len());
        let mut known: HashMap<String, Place> = HashMap::new();
        for (key, value) in entries {
            let key = Key { place: self.place(key.referenced), name: key.value };
            let value = self.node(value);
            if let Some(first) = known.get(&key.name) {
                let problem =
                    Problem::at(key.place, format!("the key `{}` is written twice", shorten(&key.name)))
                        .also(*first, "first written here")
                        .help("keep one of the two");
                self.problems.push(problem);
                continue;
            }
            known.insert(key.name.clone(), key.place);
            kept.push((key, value));
        }
        kept
    }
}

/// What the library hands over: the value without its characters.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(value))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
                Ok(Raw::Number)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
                Ok(Raw::Number)
            }

            fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
                Ok(Raw::Number)
            }

            fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
                Ok(Raw::Number)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
                Ok(Raw::Number)
            }

            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Text(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Raw, E> {
                Ok(Raw::Text(value))
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Raw, D::Error> {
                Raw::deserialize(inner)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Raw::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
                let mut map = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    map.push(entry);
                }
                Ok(Raw::Map(map))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(node: &Node) -> Vec<(&str, &Data)> {
        let Data::Map(entries) = &node.data else { panic!("expected a mapping") };
        entries.iter().map(|(key, value)| (key.name.as_str(), &value.data)).collect()
    }

    fn refused(text: &str) -> (String, u32) {
        let problem = parse(0, text).unwrap_err();
        (problem.message, problem.place.unwrap().start)
    }

    #[test]
    fn only_true_and_false_are_flags() {
        let node = parse(0, "a: no\non: y\ny: on\nb: yes\nc: off\nd: true\ne: False\n").unwrap();
        let word = |word: &str| Data::Text(word.to_owned());
        let expected = [
            ("a", &word("no")),
            ("on", &word("y")),
            ("y", &word("on")),
            ("b", &word("yes")),
            ("c", &word("off")),
            ("d", &Data::Bool(true)),
            ("e", &Data::Bool(false)),
        ];
        assert_eq!(text(&node), expected);
    }

    #[test]
    fn numbers_keep_their_characters() {
        let written = "a: 1.10\nb: 017\nc: 1_000\nd: 0x10\ne: 12:30:45\nf: 2026-11-23\ng: !!int \"5\"\nh: &h 1e3\ni: *h\n";
        let node = parse(0, written).unwrap();
        let found: Vec<(&str, String)> =
            text(&node).into_iter().map(|(k, v)| (k, format!("{v:?}"))).collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let expected = [
            ("a", "Number(\"1.10\")"),
            ("b", "Text(\"017\")"),
            ("c", "Text(\"1_000\")"),
            ("d", "Number(\"0x10\")"),
            ("e", "Text(\"12:30:45\")"),
            ("f", "Text(\"2026-11-23\")"),
            ("g", "Number(\"5\")"),
            ("h", "Number(\"1e3\")"),
            ("i", "Number(\"1e3\")"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn merge_keys_give_way_to_own_ones_and_have_the_place_of_their_use() {
        let written = "x: &x {a: 1, b: 2}\nz: &z {b: 8, c: 3}\ny:\n  b: 9\n  <<: [*x, *z]\n";
        let node = parse(0, written).unwrap();
        let merged = node.get("y").unwrap();
        let number = |text: &str| Data::Number(text.to_owned());
        assert_eq!(text(merged), [("b", &number("9")), ("a", &number("1")), ("c", &number("3"))]);
        let Data::Map(entries) = &merged.data else { panic!("expected a mapping") };
        let used: Vec<&str> = entries.iter().map(|(key, _)| &written[key.place.range()]).collect();
        assert_eq!(used, ["b", "*x", "*z"]);
        // What is written twice by hand is a fault all the same.
        assert!(refused("x: &x {a: 1}\ny:\n  b: 3\n  <<: *x\n  b: 4\n").0.contains("`b` is written twice"));
    }

    #[test]
    fn every_doubled_key_is_told_with_both_places() {
        let mut problems = Problems::default();
        let node = read(0, "a: 1\nb: {c: 1, c: 2}\na: 3\n1: x\n1: y\n", &mut problems).unwrap();
        let found: Vec<(u32, u32)> = problems
            .sorted()
            .iter()
            .map(|problem| (problem.place.unwrap().start, problem.also.as_ref().unwrap().0.start))
            .collect();
        assert_eq!(found, [(15, 9), (21, 0), (31, 26)]);
        assert_eq!(node.get("a").unwrap().data, Data::Number("1".to_owned()));
    }

    #[test]
    fn what_is_refused_is_told_in_our_words_and_at_its_place() {
        let template = "expected a value, found a template without quotes";
        for (text, message, at) in [
            ("a: 1\n---\nb: 2\n", "expected one YAML document, found a second one", 9),
            ("a:\n\tb: 1\n", "expected spaces, found a tab", 4),
            ("a: !foo bar\n", "the text is not valid YAML: unsupported tag `!foo`", 8),
            ("a: {{ x }}\n", template, 4),
            ("- url: {{url}}/health\n", template, 8),
            ("- {{port}}\n", template, 3),
            ("? [a, b]\n: c\n", "expected a key that is a text, found a list or a mapping", 2),
            ("~: c\n", "expected a key, found `null`", 0),
            ("é: *b\n", "there is no anchor of this name before the alias", 4),
            ("a: &a [*a]\n", "an alias stands inside its own anchor", 7),
            ("a:\n  b: 1\n c: 2\n", "expected a key, found something else", 11),
            ("a: \"x\nb: 1\n", "the quote that opens here is never closed", 3),
            ("a: b: c\n", "expected one `: ` in a line without quotes, found a second one", 4),
        ] {
            assert_eq!(refused(text), (message.to_owned(), at), "{text}");
        }
        assert!(parse(0, "a: {{ x }}\n").unwrap_err().help.unwrap().contains("put quotes"));
    }

    #[test]
    fn bombs_are_refused() {
        let mut laugh = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..9 {
            let nine = vec![format!("*a{}", i - 1); 9].join(",");
            laugh.push_str(&format!("a{i}: &a{i} [{nine}]\n"));
        }
        let mut chain = "a0: &a0 {k: v}\n".to_owned();
        for i in 1..1000 {
            chain.push_str(&format!("a{i}: &a{i} {{k: *a{}}}\n", i - 1));
        }
        let stairs: String = (0..1000).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
        for text in [laugh, chain, stairs, "[".repeat(20_000), "{a: ".repeat(20_000), "- ".repeat(20_000)] {
            assert!(refused(&text).0.contains("than a policy may be"), "{}", shorten(&text));
        }
    }

    #[test]
    fn many_checks_may_share_an_anchor() {
        let mut text = "x: &x {a: 1}\nl:\n".to_owned();
        for i in 0..3000 {
            text.push_str(&format!("  - {{<<: *x, n: {i}}}\n"));
        }
        assert!(parse(0, &text).is_ok());
    }

    #[test]
    fn a_byte_order_mark_and_windows_line_ends_are_accepted() {
        let written = "\u{feff}a: no\r\nb: |\r\n  x\r\n  y\r\n";
        let node = parse(0, written).unwrap();
        assert_eq!(&written[node.get("a").unwrap().place.range()], "no");
        assert_eq!(node.get("b").unwrap().data, Data::Text("x\ny\n".to_owned()));
    }
}
