//! Thirty secrets of odd shapes, and every form that one of them may be shown in. The forms are made here anew, from what
//! other programs do, and not by what is tested.

use std::collections::BTreeSet;

use data_encoding::{BASE64, BASE64URL, HEXLOWER};

/// Whether `secret` can stand in a header as it is.
pub fn fits_a_header(secret: &str) -> bool {
    !secret.contains(|c: char| c.is_control()) && secret.trim() == secret
}

/// The secrets. All are made up.
pub fn secrets() -> Vec<String> {
    let long = "long-Secret_0123456789.".repeat(40);
    let pem = format!(
        "-----BEGIN TEST KEY-----\n{}\n{}\nAbCdEfGh12345678==\n-----END TEST KEY-----\n",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
        "VJTUt9Us8cKjMzEfYyjiWA4R4ypbZXhrHV2S3JdVqY0JkSbRtAbE",
    );
    [
        "plain-hunter2-hunter2",
        "quotes\"and'apostrophes\"",
        "back\\slash\\nand\\\\more\\",
        "per%cent%41and%2520more%",
        "plus+and+equals==+",
        "slash/es/and//more/",
        "spaces in the middle of it",
        " leading and trailing spaces ",
        "pässwörd-für-Jürgen",
        "пароль-секретный-123",
        "密码很长很长很长很长",
        "emoji-😀-🔑-secret",
        "two lines\nof one secret\n",
        &pem,
        "{\"json\": \"like\", \"n\": [1, \"x\"]}",
        "'; DROP TABLE x; -- $(id) `id` ${HOME} #{x} {{y}}",
        &long,
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "dGhpcyBpcyBiYXNlNjQgdGV4dA==",
        "substring-of-another",
        "the-substring-of-another-one",
        "another-one-overlaps",
        "^regex.*[a-z]+(group)?$|x{2,3}",
        "<b class=\"x\">html & entities &amp; more</b>",
        "tab\tand\x0bother\x1bcontrol",
        "tilde~dash-dot.under_score!*()",
        "ghp_0123456789abcdefghijABCDEFGHIJ0123",
        "AKIA-user:pass@host/path?q=1&r=2#f",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "::set-output name=x::%0A##vso[task.x]y;z",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn ascii_json(text: &str) -> String {
    let unit = |c: char| {
        let units = c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect::<String>();
        if c.is_ascii() { c.to_string() } else { units }
    };
    json(text).chars().map(unit).collect()
}

/// What JavaScript's `encodeURIComponent` (`kept` its `!'()*`), Python's `quote` (`/`) and others write.
fn percent(text: &str, kept: &str, upper: bool) -> String {
    let one = |byte: u8| match char::from(byte) {
        c if c.is_ascii_alphanumeric() || "-_.~".contains(c) || kept.contains(c) => c.to_string(),
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    };
    text.bytes().map(one).collect()
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// The digits of base64 that `text` alone decides, `before` bytes into what is encoded.
fn base64(text: &[u8], before: usize, alphabet: &data_encoding::Encoding) -> String {
    let shifted = [vec![0; before], text.to_vec()].concat();
    alphabet.encode(&shifted)[(before * 8).div_ceil(6)..shifted.len() * 8 / 6].to_owned()
}

/// Every form of `secret`, and of each line of one that has several, that must not be shown.
pub fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    for part in std::iter::once(secret).chain(secret.lines()).filter(|part| part.chars().count() >= 8) {
        let mut written = vec![
            part.to_owned(),
            json(part),
            json(&json(part)),
            ascii_json(part),
            json(part).replace('/', "\\/"),
            percent(part, "", true),
            percent(part, "", false),
            percent(part, "/", true),
            percent(part, "!'()*", true),
            percent(part, "", true).replace("%20", "+"),
            html(part),
            html(&json(part)),
            part.replace('\'', r"'\''"),
            part.bytes().map(char::from).collect(),
            HEXLOWER.encode(part.as_bytes()),
        ];
        written.dedup();
        for (index, text) in written.iter().enumerate() {
            if index < 10 {
                for before in 0..3 {
                    forms.insert(base64(text.as_bytes(), before, &BASE64));
                    forms.insert(base64(text.as_bytes(), before, &BASE64URL));
                }
            }
        }
        let base64 = BASE64.encode(part.as_bytes());
        forms.insert(percent(&base64, "", true));
        forms.extend(written);
    }
    forms
}
