//! Secrets as a type, and the one redactor that keeps them out of everything that is written. Must not offer a way
//! to print a secret: no `Display`, a masked `Debug`, and `expose` only for the request that needs it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Secrets shorter than this would redact ordinary words, so they are refused.
pub const SHORTEST: usize = 8;

const MASK: &str = "***";

/// What a server that writes a whole path encodes: a slash stays.
const PATH: &AsciiSet = &super::http::URL_PART.remove(b'/');

/// What a browser's `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet =
    &super::http::URL_PART.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');

/// A secret text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps `text`, which must have come through [`Redactor::secret`] to be kept out of the output.
    fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself, for the request that needs it and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Knows every secret of the run and takes them, in all the forms they may appear in, out of a text.
#[derive(Default)]
pub struct Redactor {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    forms: BTreeSet<String>,
    matcher: Option<AhoCorasick>,
}

impl Redactor {
    /// Registers `text` and returns it as a secret.
    ///
    /// # Errors
    /// When it has fewer than eight characters: redacting so short a text would garble every report.
    pub fn secret(&self, text: &str) -> Result<Secret, String> {
        let length = text.chars().count();
        if length < SHORTEST {
            return Err(format!("expected a secret of at least {SHORTEST} characters, found {length}"));
        }
        self.register(text);
        Ok(Secret::new(text))
    }

    /// Registers the Basic credential made of `user` and `password`, and returns it (base64, without `Basic `).
    pub fn basic(&self, user: &str, password: &Secret) -> Secret {
        let pair = format!("{user}:{}", password.expose());
        self.register(&pair);
        Secret::new(&BASE64.encode(pair.as_bytes()))
    }

    /// Registers what is secret about a secret URL: the whole, its path, its query, and each part of either that
    /// has eight characters or more. Its host stays readable.
    pub fn url(&self, url: &url::Url) {
        self.register(url.as_str());
        for part in [Some(url.path()), url.query(), url.password()].into_iter().flatten() {
            if part.chars().count() >= SHORTEST {
                self.register(part);
            }
            for piece in part.split(['/', '&', '=', '?']).filter(|p| p.chars().count() >= SHORTEST) {
                self.register(piece);
            }
        }
    }

    fn register(&self, text: &str) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.forms.len();
        let bytes = text.as_bytes();
        known.forms.insert(text.to_owned());
        for encoding in [&BASE64, &BASE64_NOPAD, &BASE64URL, &BASE64URL_NOPAD] {
            known.forms.insert(encoding.encode(bytes));
        }
        for kept in [NON_ALPHANUMERIC, super::http::URL_PART, PATH, COMPONENT] {
            let encoded = percent_encode(bytes, kept).to_string();
            known.forms.insert(lower_hex(&encoded));
            known.forms.insert(encoded);
        }
        let form: String = url::form_urlencoded::byte_serialize(bytes).collect();
        known.forms.insert(lower_hex(&form));
        known.forms.insert(form);
        let quoted = serde_json::Value::from(text).to_string();
        // Exactly the outer quotes: a secret may end in one of its own.
        let quoted = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        known.forms.insert(quoted.replace('/', "\\/"));
        known.forms.insert(escaped(quoted, |c| matches!(c, '&' | '<' | '>')));
        known.forms.insert(escaped(quoted, |c| !c.is_ascii()));
        known.forms.insert(quoted.to_owned());
        // A secret of several lines (a key) is talked of line by line.
        for line in text.lines().filter(|l| l.chars().count() >= SHORTEST) {
            known.forms.insert(line.to_owned());
        }
        if known.forms.len() != before {
            known.matcher = None;
        }
    }

    /// `text` without secrets: each is replaced by `***`.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.forms.is_empty() {
                return Cow::Borrowed(text);
            }
            if let Some(matcher) = &known.matcher {
                return replace(matcher, text);
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&known.forms);
        match built {
            Ok(matcher) => {
                let redacted = replace(&matcher, text);
                known.matcher = Some(matcher);
                redacted
            }
            // Without a matcher nothing can be told apart, so nothing is shown.
            Err(_) => Cow::Borrowed(MASK),
        }
    }
}

/// `encoded` with its `%2F` written `%2f`, as some servers do.
fn lower_hex(encoded: &str) -> String {
    let mut left = 0_u8;
    encoded
        .chars()
        .map(|c| {
            left = if c == '%' { 3 } else { left };
            let within = left > 0;
            left = left.saturating_sub(1);
            if within { c.to_ascii_lowercase() } else { c }
        })
        .collect()
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

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(***)")
    }
}

fn replace<'t>(matcher: &AhoCorasick, text: &'t str) -> Cow<'t, str> {
    if !matcher.is_match(text) {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::with_capacity(text.len());
    matcher.replace_all_with(text, &mut redacted, |_, _, out| {
        out.push_str(MASK);
        true
    });
    Cow::Owned(redacted)
}

/// Bytes from the system's random source; `None` where there is none.
pub fn random<const N: usize>() -> Option<[u8; N]> {
    use ring::rand::{SecureRandom as _, SystemRandom};
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok().map(|()| bytes)
}

/// A seed from the system's random source; zero where there is none, which only makes jitter predictable.
pub fn random_seed() -> u64 {
    random().map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_secret_is_masked() {
        let redactor = Redactor::default();
        let secret = redactor.secret("p/ss \"w&rd").unwrap();
        for shown in [
            "raw p/ss \"w&rd.".to_owned(),
            format!("b64 {}", BASE64.encode(secret.expose().as_bytes())),
            "url p%2Fss%20%22w%26rd".to_owned(),
            "form p%2Fss+%22w%26rd".to_owned(),
            "json p/ss \\\"w&rd".to_owned(),
        ] {
            let redacted = redactor.redact(&shown);
            assert!(redacted.contains(MASK), "{shown} became {redacted}");
            assert!(!redacted.contains("w&rd") && !redacted.contains("w%26rd"), "{redacted}");
        }
        assert_eq!(format!("{secret:?}"), "Secret(***)");
    }

    #[test]
    fn the_forms_that_other_languages_write_are_masked() {
        let redactor = Redactor::default();
        redactor.secret("pA/ss+w0rd==").unwrap();
        redactor.secret("a<b>&c-dé!efg").unwrap();
        for shown in [
            "pA/ss%2Bw0rd%3D%3D",
            "pA%2fss%2bw0rd%3d%3d",
            "pA\\/ss+w0rd==",
            "a\\u003cb\\u003e\\u0026c-dé!efg",
            "a<b>&c-d\\u00e9!efg",
            "a%3Cb%3E%26c-d%C3%A9!efg",
        ] {
            assert_eq!(redactor.redact(shown), MASK, "{shown}");
        }
    }

    #[test]
    fn the_basic_credential_is_masked_and_correct() {
        let redactor = Redactor::default();
        let password = redactor.secret("hunter2hunter2").unwrap();
        let basic = redactor.basic("monitor", &password);
        assert_eq!(basic.expose(), BASE64.encode(b"monitor:hunter2hunter2"));
        assert_eq!(redactor.redact(&format!("Basic {}", basic.expose())), "Basic ***");
    }

    #[test]
    fn a_secret_url_keeps_its_host() {
        let redactor = Redactor::default();
        redactor.url(&url::Url::parse("https://hooks.example/T0000001/verysecretpart?k=0123456789").unwrap());
        assert_eq!(redactor.redact("POST hooks.example failed"), "POST hooks.example failed");
        assert_eq!(redactor.redact("at /T0000001/verysecretpart"), "at ***");
        assert_eq!(redactor.redact("piece verysecretpart"), "piece ***");
        assert_eq!(redactor.redact("piece 0123456789"), "piece ***");
    }

    #[test]
    fn short_secrets_are_refused() {
        assert!(Redactor::default().secret("seven77").is_err());
    }
}
