//! Where a stretch of a decoded YAML scalar stands in the text it was read from, and how new text is written there.
//! Quotes, escapes and folded lines lie between the two. Must not read YAML as a whole; `node` does.

use std::ops::Range;

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Double,
    Single,
    /// Plain, literal or folded: no character but white space differs.
    Bare,
}

/// A character of the text as it is decoded: the character, its bytes, and whether it is white space that folding
/// may change.
type Piece = (char, Range<usize>, bool);

/// The stretch of `raw`, the characters that were written, that the stretch `inside` of `decoded` comes from. `None`
/// where the two do not belong together, or the stretch is not on the borders of characters.
pub fn locate(raw: &str, decoded: &str, inside: Range<usize>) -> Option<Range<usize>> {
    let (_, map) = align(raw, decoded)?;
    let index = |offset: usize| decoded.is_char_boundary(offset).then(|| decoded[..offset].chars().count());
    let (first, last) = (index(inside.start)?, index(inside.end)?);
    let start = map.get(first)?.start;
    // One past the last character, not where the next one begins: a fold may lie between.
    let end = if last > first { map.get(last - 1)?.end } else { start };
    Some(start..end.max(start))
}

/// `text` as it must be written to stand inside the scalar written as `raw` and read as `decoded`. `None` where that
/// way of writing cannot hold it.
pub fn encode(raw: &str, decoded: &str, text: &str) -> Option<String> {
    match align(raw, decoded)?.0 {
        Style::Double => {
            let quoted = serde_json::Value::from(text).to_string();
            Some(quoted[1..quoted.len() - 1].to_owned())
        }
        Style::Single => (!text.contains('\n')).then(|| text.replace('\'', "''")),
        Style::Bare => {
            let plain = !text.contains('\n') && !text.contains(": ") && !text.contains(" #");
            plain.then(|| text.to_owned())
        }
    }
}

/// How `raw` is written, and the bytes of it that each character of `decoded` comes from; one more for the end.
fn align(raw: &str, decoded: &str) -> Option<(Style, Vec<Range<usize>>)> {
    let quoted = |quote: char| raw.len() >= 2 && raw.starts_with(quote) && raw.ends_with(quote);
    let double = quoted('"').then(|| double(raw)).flatten().map(|pieces| (Style::Double, pieces));
    let single = quoted('\'').then(|| (Style::Single, single(raw)));
    let bare = (Style::Bare, pieces(raw, 0).collect());
    [double, single, Some(bare)]
        .into_iter()
        .flatten()
        .find_map(|(style, pieces)| Some((style, matched(&pieces, decoded, raw.len())?)))
}

fn matched(pieces: &[Piece], decoded: &str, end: usize) -> Option<Vec<Range<usize>>> {
    let mut map = Vec::with_capacity(decoded.len() + 1);
    let mut at = 0;
    let mut after = pieces.first().map_or(0, |(_, place, _)| place.start);
    for wanted in decoded.chars() {
        match pieces.get(at) {
            Some((c, place, _)) if *c == wanted => {
                map.push(place.clone());
                (after, at) = (place.end, at + 1);
                continue;
            }
            // A fold: one space or line for several, or none of the indentation.
            _ if wanted.is_whitespace() => {
                map.push(after..after);
                continue;
            }
            _ => {}
        }
        while pieces.get(at).is_some_and(|(c, _, foldable)| *foldable && *c != wanted) {
            at += 1;
        }
        let (_, place, _) = pieces.get(at).filter(|(c, ..)| *c == wanted)?;
        map.push(place.clone());
        (after, at) = (place.end, at + 1);
    }
    if pieces[at.min(pieces.len())..].iter().any(|(_, _, foldable)| !foldable) {
        return None;
    }
    map.push(after..after.max(after.min(end)));
    Some(map)
}

fn pieces(text: &str, offset: usize) -> impl Iterator<Item = Piece> {
    text.char_indices()
        .map(move |(at, c)| (c, offset + at..offset + at + c.len_utf8(), c.is_ascii_whitespace()))
}

fn single(raw: &str) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    let mut inner = pieces(&raw[1..raw.len() - 1], 1);
    while let Some((c, place, foldable)) = inner.next() {
        let end = if c == '\'' { inner.next().map_or(place.end, |(_, next, _)| next.end) } else { place.end };
        all.push((c, place.start..end, foldable));
    }
    all
}

fn double(raw: &str) -> Option<Vec<Piece>> {
    let mut all: Vec<Piece> = Vec::new();
    let mut inner = pieces(&raw[1..raw.len() - 1], 1);
    while let Some((c, place, foldable)) = inner.next() {
        if c != '\\' {
            all.push((c, place, foldable));
            continue;
        }
        let (escape, next, _) = inner.next()?;
        let mut end = next.end;
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let meant = match escape {
            // An escaped end of a line is nothing at all.
            '\n' => continue,
            'x' | 'u' | 'U' => {
                let mut code = 0;
                for _ in 0..digits {
                    let (digit, place, _) = inner.next()?;
                    (code, end) = (code * 16 + digit.to_digit(16)?, place.end);
                }
                char::from_u32(code)?
            }
            '0' => '\0',
            'a' => '\u{7}',
            'b' => '\u{8}',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            other => other,
        };
        all.push((meant, place.start..end, false));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::node::{Data, parse};

    /// The stretch of the YAML text that `needle` of the decoded value of `a` comes from.
    fn written<'t>(text: &'t str, needle: &str) -> &'t str {
        let node = parse(0, text).unwrap();
        let value = node.get("a").unwrap();
        let Data::Text(decoded) = &value.data else { panic!("expected a text") };
        let at = decoded.find(needle).unwrap();
        let raw = &text[value.place.range()];
        &raw[locate(raw, decoded, at..at + needle.len()).unwrap()]
    }

    #[test]
    fn a_stretch_is_found_however_the_scalar_is_written() {
        for text in [
            "a: sum(rate(x)[5m])\n",
            "a: 'sum(rate(x)[5m])'\n",
            "a: \"sum(rate(x)[5m])\"\n",
            "a: |\n  sum(\n    rate(x)[5m]\n  )\n",
            "a: >-\n\n  sum(\n  rate(x)[5m]\n\n\n  )\n",
            "a: sum(\n    rate(x)[5m]\n    )\n",
            "a: \"sum(\n   rate(x)[5m])\"\n",
            "a: \"sum(\\\n   rate(x)[5m])\"\n",
            "a: |\n  \"quoted\" + rate(x)[5m]\n",
        ] {
            assert_eq!(written(text, "[5m]"), "[5m]", "{text}");
            assert_eq!(written(text, "rate(x)"), "rate(x)", "{text}");
        }
        assert_eq!(written("a: 'job=''x'' é'\n", "é"), "é");
        assert_eq!(written("a: 'job=''x'' é'\n", "='x'"), "=''x''");
        assert_eq!(written("a: \"job=\\\"x\\\" \\u00e9 \\x41!\"\n", "é A"), "\\u00e9 \\x41");
        assert_eq!(written("a: \"job=\\\"x\\\"\"\n", "\"x\""), "\\\"x\\\"");
        assert_eq!(written("a: one\n  two\n", "e t"), "e\n  t");
    }

    #[test]
    fn what_does_not_belong_together_is_not_found() {
        assert_eq!(locate("'one'", "two", 0..1), None);
        assert_eq!(locate("one", "one", 2..9), None);
        assert_eq!(locate("é", "é", 1..2), None);
        assert_eq!(locate("", "", 0..0), Some(0..0));
        assert_eq!(locate("one", "one", 3..3), Some(3..3));
    }

    #[test]
    fn new_text_is_written_as_its_scalar_is() {
        assert_eq!(encode("'x'", "x", "job='a'").unwrap(), "job=''a''");
        assert_eq!(encode("\"x\"", "x", "job=\"a\\d\"").unwrap(), "job=\\\"a\\\\d\\\"");
        assert_eq!(encode("x", "x", "y").unwrap(), "y");
        assert_eq!(encode("x", "x", "y: z"), None);
        assert_eq!(encode("'x'", "x", "a\nb"), None);
    }
}
