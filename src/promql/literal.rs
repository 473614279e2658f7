//! Strings, numbers and durations as Prometheus reads and writes them. Must not know tokens or trees.

use std::fmt::Write as _;

/// The value of the string literal `text`, quotes included, or what is wrong with it.
pub(super) fn unquote(text: &str) -> Result<Box<str>, String> {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    if text.starts_with('`') || !inner.contains('\\') {
        return Ok(inner.into());
    }
    let quote = text.chars().next().unwrap_or('"');
    let mut bytes: Vec<u8> = Vec::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let Some(escape) = characters.next() else { return Err("escape sequence not terminated".to_owned()) };
        let (digits, radix) = match escape {
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='7' => (3, 8),
            _ => (0, 0),
        };
        if digits > 0 {
            let mut code = if radix == 8 { escape.to_digit(8).unwrap_or_default() } else { 0 };
            for _ in u32::from(radix == 8)..digits {
                let digit = characters.next().and_then(|digit| digit.to_digit(radix));
                let Some(digit) = digit else {
                    return Err(format!("escape sequence `\\{escape}` is not complete"));
                };
                code = code.saturating_mul(radix).saturating_add(digit);
            }
            match (escape, u8::try_from(code), char::from_u32(code)) {
                ('x' | '0'..='7', Ok(byte), _) => bytes.push(byte),
                ('u' | 'U', _, Some(c)) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => return Err("escape sequence is an invalid Unicode code point".to_owned()),
            }
            continue;
        }
        bytes.push(match escape {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '\\' => b'\\',
            c if c == quote => quote as u8,
            c => return Err(format!("unknown escape sequence `\\{c}`")),
        });
    }
    let text = String::from_utf8(bytes);
    text.map(String::into_boxed_str)
        .map_err(|_| "the escape sequences give bytes that are no UTF-8 text".to_owned())
}

/// `value` as a string literal in double quotes.
pub fn quote(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The number that `text`, a number token, means: decimal, hexadecimal, and octal with a leading zero.
pub(super) fn number(text: &str) -> Option<f64> {
    if text.eq_ignore_ascii_case("inf") {
        return Some(f64::INFINITY);
    }
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    if !underscores_separate(text) {
        return None;
    }
    let plain = text.replace('_', "");
    let whole = |digits: &str, radix| {
        let fits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        // Whole numbers are 64 bits wide; what does not fit is read as a decimal number.
        fits.then(|| i64::from_str_radix(digits, radix).ok()).flatten()
    };
    #[expect(clippy::cast_precision_loss, reason = "as Prometheus does")]
    let as_number = |whole: i64| whole as f64;
    if let Some(digits) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return whole(digits, 16).map(as_number);
    }
    if plain.len() > 1
        && plain.starts_with('0')
        && let Some(octal) = whole(&plain, 8)
    {
        return Some(as_number(octal));
    }
    plain.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Whether every `_` stands between two digits, or between `0x` and one.
fn underscores_separate(text: &str) -> bool {
    let bytes = text.as_bytes();
    let hexadecimal = text.len() > 2 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X');
    let digit = |byte: Option<&u8>| {
        byte.is_some_and(|byte| if hexadecimal { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() })
    };
    let separates = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        (digit(before) || (hexadecimal && at == 2)) && digit(bytes.get(at + 1))
    };
    text.match_indices('_').all(|(at, _)| separates(at))
}

/// Units of durations with their milliseconds, in the order in which they may follow one another.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Milliseconds beyond which Prometheus' durations overflow.
const LONGEST: u64 = i64::MAX as u64 / 1_000_000;

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoDuration {
    /// Its units are unknown, or in the wrong order.
    Invalid,
    /// It is too long.
    OutOfRange,
}

/// The milliseconds of a duration like `1h30m`.
pub(super) fn duration(text: &str) -> Result<u64, NoDuration> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut next = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = &rest[digits..digits + unit];
        let at = UNITS.iter().position(|(name, _)| *name == unit).ok_or(NoDuration::Invalid)?;
        if digits == 0 || at < next {
            return Err(NoDuration::Invalid);
        }
        let count: u64 = rest[..digits].parse().map_err(|_| NoDuration::OutOfRange)?;
        let part = count.checked_mul(UNITS[at].1).ok_or(NoDuration::OutOfRange)?;
        total = total.checked_add(part).filter(|t| *t <= LONGEST).ok_or(NoDuration::OutOfRange)?;
        next = at + 1;
        rest = &rest[digits + unit.len()..];
    }
    Ok(total)
}

/// `seconds` as a duration where it is one of whole milliseconds, else as a number.
pub fn write_duration(seconds: f64) -> String {
    let millis = (seconds * 1e3).round();
    #[expect(clippy::float_cmp, reason = "whether it is whole is what is asked")]
    let whole = millis / 1e3 == seconds && (0.0..1e15).contains(&millis);
    if !whole || millis == 0.0 {
        return if seconds == 0.0 { "0s".to_owned() } else { write_number(seconds) };
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the bounds checked above"
    )]
    let mut rest = millis as u64;
    let mut text = String::new();
    for (unit, size) in UNITS {
        // A year or a week is exact only where nothing is left, which reads better in days else.
        if rest >= size && (size < 7 * 86_400_000 || rest.is_multiple_of(size)) {
            let _ = write!(text, "{}{unit}", rest / size);
            rest %= size;
        }
    }
    text
}

/// `value` as a number that reads back as the same.
pub fn write_number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Inf" } else { "-Inf" }.to_owned();
    }
    let plain = format!("{value}");
    if plain.len() > 24 { format!("{value:e}") } else { plain }
}
