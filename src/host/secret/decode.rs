//! Takes a text out of the encodings that others put it in: percent-encoding, JSON's and other languages' escapes, HTML's
//! entities, a shell's quotes, forms, wrapped lines. Must keep track of where each byte came from, and must do the same
//! to a secret as to a text that holds it: that is what lets one be found in the other, however they were nested.

/// How often a text is decoded: JSON in JSON in a form in a log line is four.
const DEEPEST: usize = 8;

/// A text with one encoding less.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) bytes: Vec<u8>,
    /// What was decoded, in order.
    changes: Vec<Change>,
}

/// Bytes of the source that became other bytes, or none.
#[derive(Debug)]
struct Change {
    /// Where in the decoded text, and how many bytes.
    at: usize,
    len: usize,
    /// Where in the source, and how many bytes.
    from: usize,
    width: usize,
}

impl Layer {
    /// The bytes of the source that the decoded bytes `start..end` came from.
    fn source(&self, start: usize, end: usize) -> (usize, usize) {
        (self.origin(start).0, self.origin(end.saturating_sub(1)).1)
    }

    /// The bytes of the source that the decoded byte at `position` came from.
    fn origin(&self, position: usize) -> (usize, usize) {
        let before = self.changes.partition_point(|change| change.at <= position);
        let Some(change) = before.checked_sub(1).and_then(|index| self.changes.get(index)) else {
            return (position, position + 1);
        };
        let end = change.from + change.width;
        match position.checked_sub(change.at + change.len) {
            None => (change.from, end),
            Some(further) => (end + further, end + further + 1),
        }
    }
}

/// Every text that `text` is once it is decoded, each from the one before.
pub(super) fn layers(text: &[u8]) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    while layers.len() < DEEPEST
        && let Some(layer) = decode(layers.last().map_or(text, |layer| &layer.bytes))
    {
        layers.push(layer);
    }
    layers
}

/// Where in the text the bytes `start..end` of the last of `layers` came from.
pub(super) fn source(layers: &[Layer], start: usize, end: usize) -> (usize, usize) {
    layers.iter().rev().fold((start, end), |(start, end), layer| layer.source(start, end))
}

/// `text` without any encoding.
pub(super) fn whole(text: &[u8]) -> Vec<u8> {
    layers(text).pop().map_or_else(|| text.to_vec(), |layer| layer.bytes)
}

/// What an encoded character begins with.
const fn is_special(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&' | b'+' | b'\'' | b'\n' | b'\r')
}

/// `text` with one encoding less; `None` when there was none.
fn decode(text: &[u8]) -> Option<Layer> {
    let mut layer = Layer { bytes: Vec::new(), changes: Vec::new() };
    let mut copied = 0;
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| rest.iter().position(|byte| is_special(*byte))) {
        at += next;
        let Some((decoded, width)) = text.get(at..).and_then(one) else {
            at += 1;
            continue;
        };
        if layer.changes.is_empty() {
            layer.bytes.reserve(text.len());
        }
        layer.bytes.extend_from_slice(text.get(copied..at).unwrap_or_default());
        let decoded = decoded.bytes();
        layer.changes.push(Change { at: layer.bytes.len(), len: decoded.len(), from: at, width });
        layer.bytes.extend_from_slice(decoded);
        at += width;
        copied = at;
    }
    if layer.changes.is_empty() {
        return None;
    }
    layer.bytes.extend_from_slice(text.get(copied..).unwrap_or_default());
    Some(layer)
}

/// What an encoded character is.
struct Decoded([u8; 4], usize);

impl Decoded {
    const fn byte(byte: u8) -> Self {
        Self([byte, 0, 0, 0], 1)
    }

    const fn nothing() -> Self {
        Self([0; 4], 0)
    }

    fn character(code: u32) -> Self {
        let mut bytes = [0; 4];
        let length = char::from_u32(code).unwrap_or('\u{fffd}').encode_utf8(&mut bytes).len();
        Self(bytes, length)
    }

    fn bytes(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

/// The encoded character that `text` begins with, and how many bytes it takes.
fn one(text: &[u8]) -> Option<(Decoded, usize)> {
    let (first, rest) = text.split_first()?;
    match first {
        // A form's space. In base64 it is a plus, which is as well: a secret's is taken for a space too.
        b'+' => Some((Decoded::byte(b' '), 1)),
        // Lines are wrapped anywhere, and a secret of several may come in one.
        b'\n' | b'\r' => Some((Decoded::nothing(), 1)),
        b'%' => match rest.split_first()? {
            (b'u', digits) => Some((Decoded::character(number(digits, 4, 16)?), 6)),
            _ => Some((Decoded::byte(number(rest, 2, 16)?.try_into().ok()?), 3)),
        },
        b'\'' => [br#"'\''"#.as_slice(), br#"'"'"'"#]
            .into_iter()
            .find(|quote| text.starts_with(quote))
            .map(|quote| (Decoded::byte(b'\''), quote.len())),
        b'&' => entity(rest).map(|(decoded, width)| (decoded, width + 1)),
        b'\\' => escape(rest).map(|(decoded, width)| (decoded, width + 1)),
        _ => None,
    }
}

/// What stands after a backslash.
fn escape(rest: &[u8]) -> Option<(Decoded, usize)> {
    let (first, digits) = rest.split_first()?;
    match first {
        b'n' | b'r' | b'\n' => Some((Decoded::nothing(), 1)),
        b't' => Some((Decoded::byte(b'\t'), 1)),
        b'x' => Some((Decoded::byte(number(digits, 2, 16)?.try_into().ok()?), 3)),
        b'0'..=b'3' => Some((Decoded::byte(number(rest, 3, 8)?.try_into().ok()?), 3)),
        b'u' if digits.first() == Some(&b'{') => {
            let end = digits.iter().take(8).position(|byte| *byte == b'}')?;
            let code = number(digits.get(1..)?, end.checked_sub(1)?, 16)?;
            Some((Decoded::character(code), end + 2))
        }
        b'u' => {
            let code = number(digits, 4, 16)?;
            let low = digits.get(4..).and_then(|next| number(next.strip_prefix(b"\\u")?, 4, 16));
            match (code, low) {
                (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                    Some((Decoded::character(0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00)), 11))
                }
                _ => Some((Decoded::character(code), 5)),
            }
        }
        b' ' => Some((Decoded::byte(b' '), 1)),
        punctuation if punctuation.is_ascii_punctuation() => Some((Decoded::byte(*punctuation), 1)),
        _ => None,
    }
}

/// What stands after an ampersand.
fn entity(rest: &[u8]) -> Option<(Decoded, usize)> {
    const NAMED: &[(&[u8], u32)] = &[
        (b"quot;", 0x22),
        (b"amp;", 0x26),
        (b"apos;", 0x27),
        (b"lt;", 0x3c),
        (b"gt;", 0x3e),
        (b"nbsp;", 0xa0),
    ];
    if let Some((name, code)) = NAMED.iter().find(|(name, _)| rest.starts_with(name)) {
        return Some((Decoded::character(*code), name.len()));
    }
    let digits = rest.strip_prefix(b"#")?;
    let end = digits.iter().take(9).position(|byte| *byte == b';')?;
    let code = match digits.first()? {
        b'x' | b'X' => number(digits.get(1..)?, end.checked_sub(1)?, 16)?,
        _ => number(digits, end, 10)?,
    };
    Some((Decoded::character(code), end + 2))
}

/// The number that the first `count` digits are.
fn number(digits: &[u8], count: usize, radix: u32) -> Option<u32> {
    let digits = digits.get(..count).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0_u32, |number, digit| {
        number.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> String {
        String::from_utf8_lossy(&whole(text.as_bytes())).into_owned()
    }

    #[test]
    fn each_encoding_is_taken_off() {
        for (encoded, plain) in [
            ("a%2Fb%2fc", "a/b/c"),
            ("a+b", "a b"),
            (r#"a\"b\\c\/d"#, "a\"b\\c/d"),
            (r"caf\u00e9 \ud83d\ude00 \u{e9}", "café 😀 é"),
            ("caf%C3%A9 %u00e9 \\303\\251 \\xc3\\xa9", "café é é é"),
            ("&lt;b&gt; &quot;&#39;&#x27;&apos;&amp;", "<b> \"'''&"),
            (r"it'\''s", "it's"),
            (r#"it'"'"'s"#, "it's"),
            (r"a\ b\&c", "a b&c"),
            ("wrap\r\nped\\nhere", "wrappedhere"),
            ("plain", "plain"),
            ("100% \\q &c; &#; % \\", "100% \\q &c; &#; % \\"),
        ] {
            assert_eq!(decoded(encoded), plain, "{encoded}");
        }
    }

    #[test]
    fn nested_encodings_are_taken_off_one_by_one() {
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let secret = "a \"quoted\" p\u{e4}ss\\word";
        let nested = json(&json(&json(secret)));
        assert!(decoded(&nested).contains(&decoded(secret)), "{nested}");
        assert_eq!(decoded("%2525252Fa"), "/a");
        assert_eq!(decoded("&amp;amp;quot;"), "\"");
    }

    #[test]
    fn every_byte_knows_where_it_came_from() {
        let text = "xx%41b\\u00e9\n&quot;%2541+z";
        let layers = layers(text.as_bytes());
        let last = layers.last().unwrap();
        assert_eq!(String::from_utf8_lossy(&last.bytes), "xxAbé\"A z");
        let origin = |start: usize, end: usize| {
            let (start, end) = source(&layers, start, end);
            &text[start..end]
        };
        let shown =
            [(0, 1), (2, 3), (3, 4), (4, 6), (6, 7), (7, 8), (8, 9), (9, 10)].map(|(s, e)| origin(s, e));
        assert_eq!(shown, ["x", "%41", "b", "\\u00e9", "&quot;", "%2541", "+", "z"]);
        assert_eq!(origin(2, 7), "%41b\\u00e9\n&quot;");
    }
}
