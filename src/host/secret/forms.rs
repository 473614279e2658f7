//! The forms of a secret that cannot be decoded back without knowing where they begin: base64 and hexadecimal, of the
//! secret itself and of what it is written as in JSON, URLs and HTML; and how it looks when it was read in another
//! character set. Must not know any text that is searched.

use std::collections::BTreeSet;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::SHORTEST;
use super::decode::whole;
use crate::host::http::URL_PART;

/// What a server that writes a whole path encodes: a slash stays.
const PATH: &AsciiSet = &URL_PART.remove(b'/');

/// What a browser's `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &URL_PART.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');

/// Every form of `text` that is looked for, in a text and in what it is once decoded.
pub(super) fn of(text: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    // A secret of several lines (a key) is talked of line by line; a header's value has no space at its ends.
    for part in std::iter::once(text).chain(text.lines()).chain([text.trim()]) {
        if part.chars().count() < SHORTEST {
            continue;
        }
        add_plain(part, &mut forms);
        add_opaque(part.as_bytes(), &mut forms);
        add_opaque(&whole(part.as_bytes()), &mut forms);
        if !part.contains('\n') {
            written(part).iter().for_each(|form| add_opaque(form.as_bytes(), &mut forms));
        }
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// `part` as it is and as it is once decoded, in each character set.
fn add_plain(part: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let mut add = |bytes: &[u8]| {
        forms.insert(whole(bytes));
        forms.insert(bytes.to_vec());
    };
    add(part.as_bytes());
    if part.is_ascii() {
        return;
    }
    // UTF-8 that was read as Latin-1, or as what browsers take for it.
    for read in [latin1, windows1252] {
        add(part.bytes().map(read).collect::<String>().as_bytes());
    }
    // Latin-1 by itself, and what became of that where UTF-8 was expected.
    let narrow: Option<Vec<u8>> = part.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    if let Some(narrow) = narrow {
        add(&narrow);
        add(String::from_utf8_lossy(&narrow).as_bytes());
    }
    if part.chars().filter(char::is_ascii).count() >= SHORTEST {
        let lost = |by: char| part.chars().map(|c| if c.is_ascii() { c } else { by }).collect::<String>();
        add(lost('?').as_bytes());
        add(lost('\u{fffd}').as_bytes());
    }
    // Who reads a header so encodes what was read.
    for read in [latin1, windows1252] {
        add_opaque(part.bytes().map(read).collect::<String>().as_bytes(), forms);
    }
}

fn latin1(byte: u8) -> char {
    char::from(byte)
}

/// Where Windows' Latin-1 differs: the control characters are letters and signs.
fn windows1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    let high = byte.checked_sub(0x80).and_then(|index| HIGH.get(usize::from(index)));
    high.copied().unwrap_or(char::from(byte))
}

/// What `part` is written as in base64, JSON, URLs, forms and HTML.
pub(in crate::host) fn written(part: &str) -> Vec<String> {
    let bytes = part.as_bytes();
    let mut written: Vec<String> = [NON_ALPHANUMERIC, URL_PART, PATH, COMPONENT]
        .into_iter()
        .map(|kept| percent_encode(bytes, kept).to_string())
        .collect();
    written.push(BASE64.encode(bytes));
    written.push(url::form_urlencoded::byte_serialize(bytes).collect());
    let json = json(part);
    written.push(json.replace('/', "\\/"));
    written.push(escaped(&json, |c| matches!(c, '&' | '<' | '>')));
    written.push(escaped(&json, |c| !c.is_ascii()));
    // What was sent in JSON and is told in JSON.
    written.push(self::json(&json));
    written.push(json);
    let html = part.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    written.push(html.replace('\'', "&#39;"));
    written.push(html.replace('\'', "&#x27;"));
    written.sort();
    written.dedup();
    written
}

/// `part` as it stands between the quotes of a JSON string.
fn json(part: &str) -> String {
    let quoted = serde_json::Value::from(part).to_string();
    // Exactly the outer quotes: a secret may end in one of its own.
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// `quoted` with the characters that `which` names written as JSON's `\u0026`.
fn escaped(quoted: &str, which: fn(char) -> bool) -> String {
    let mut text = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        if which(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// `bytes` in hexadecimal, and in base64 wherever they stand in what was encoded.
fn add_opaque(bytes: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    forms.insert(HEXLOWER.encode(bytes).into_bytes());
    forms.insert(HEXUPPER.encode(bytes).into_bytes());
    // How many bytes stand before decides how the bits fall: three ways, and there are no more.
    for before in 0..3 {
        let shifted = [&[0; 2][..before.min(2)], bytes].concat();
        let whole_digits = shifted.len() * 8 / 6;
        let own = (before * 8).div_ceil(6);
        let mut add = |encoding: &Encoding, until: Option<usize>| {
            let encoded = encoding.encode(&shifted).into_bytes();
            let end = until.unwrap_or(encoded.len());
            forms.extend(encoded.get(own..end).map(<[u8]>::to_vec));
        };
        for encoding in [&BASE64, &BASE64_NOPAD, &BASE64URL, &BASE64URL_NOPAD] {
            // Where more follows, and where it ends.
            add(encoding, Some(whole_digits));
            add(encoding, None);
        }
    }
}
