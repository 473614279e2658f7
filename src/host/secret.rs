//! Secrets as a type, and the one redactor that keeps them out of everything that is written. Must not offer a way
//! to print a secret: no `Display`, a masked `Debug`, and `expose` only for the request that needs it.

mod decode;
mod forms;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use data_encoding::BASE64;

pub(super) use self::forms::written;
use super::announce::Announcer;

/// Secrets shorter than this would redact ordinary words, so they are refused.
pub const SHORTEST: usize = 8;

/// Bytes that a secret, however it is encoded, may go on beyond where a text is cut.
const LONGEST: usize = 8192;

const MASK: &str = "***";

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
    announcer: Option<Announcer>,
}

#[derive(Default)]
struct Known {
    secrets: BTreeSet<String>,
    forms: BTreeSet<Vec<u8>>,
    matcher: Option<Arc<AhoCorasick>>,
}

impl Redactor {
    /// The same, announcing each secret by `announcer`.
    pub(super) fn announcing(self, announcer: Announcer) -> Self {
        Self { announcer: Some(announcer), ..self }
    }

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
        let credential = BASE64.encode(pair.as_bytes());
        // A header that is echoed in base64 holds it in base64 once more.
        self.register(&credential);
        Secret::new(&credential)
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
        if known.secrets.insert(text.to_owned()) {
            known.forms.append(&mut forms::of(text));
            known.matcher = None;
            if let Some(announcer) = &self.announcer {
                announcer.announce(text);
            }
        }
    }

    /// `text` without secrets: each is replaced by `***`.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.redact_until(text, text.len())
    }

    /// What [`Redactor::redact`] makes of the first `end` bytes of `text`, without looking at much more of it. A secret
    /// that goes on beyond is masked too: what is cut first and masked then may show one's first half.
    pub fn redact_until<'t>(&self, text: &'t str, end: usize) -> Cow<'t, str> {
        let end = character(text, end);
        let near = text.get(..character(text, end.saturating_add(LONGEST))).unwrap_or(text);
        match self.matcher() {
            Matcher::Idle => Cow::Borrowed(text.get(..end).unwrap_or(text)),
            Matcher::Ready(matcher) => masked(text, end, search(&matcher, near)),
            // Without a matcher nothing can be told apart, so nothing is shown.
            Matcher::Broken => Cow::Borrowed(MASK),
        }
    }

    fn matcher(&self) -> Matcher {
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.forms.is_empty() {
                return Matcher::Idle;
            }
            if let Some(matcher) = &known.matcher {
                return Matcher::Ready(matcher.clone());
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // All matches are wanted, those that overlap too: secrets may hold one another, or one's end another's beginning.
        let built = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&known.forms);
        built.map_or(Matcher::Broken, |matcher| {
            Matcher::Ready(known.matcher.insert(Arc::new(matcher)).clone())
        })
    }
}

enum Matcher {
    /// Nothing is secret yet.
    Idle,
    Ready(Arc<AhoCorasick>),
    Broken,
}

/// Where secrets stand in `text`, and in what it is once it is decoded.
fn search(matcher: &AhoCorasick, text: &str) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    if text.len() < SHORTEST {
        return found;
    }
    found.extend(matcher.find_overlapping_iter(text).map(|m| (m.start(), m.end())));
    let layers = decode::layers(text.as_bytes());
    for depth in 1..=layers.len() {
        let layers = layers.get(..depth).unwrap_or_default();
        let Some(last) = layers.last() else { continue };
        let matches = matcher.find_overlapping_iter(&last.bytes);
        found.extend(matches.map(|m| decode::source(layers, m.start(), m.end())));
    }
    found
}

/// The last boundary of a character of `text` up to `position`.
fn character(text: &str, position: usize) -> usize {
    let mut position = position.min(text.len());
    while !text.is_char_boundary(position) {
        position -= 1;
    }
    position
}

/// The first `until` bytes of `text` with what stands at `found` masked.
fn masked(text: &str, until: usize, mut found: Vec<(usize, usize)>) -> Cow<'_, str> {
    found.retain(|(start, _)| *start < until);
    if found.is_empty() {
        return Cow::Borrowed(text.get(..until).unwrap_or(text));
    }
    found.sort_unstable();
    let mut redacted = String::with_capacity(text.len());
    let mut shown = 0;
    let mut ranges = found.into_iter().peekable();
    while let Some((mut start, mut end)) = ranges.next() {
        while let Some((_, further)) = ranges.next_if(|(next, _)| *next <= end) {
            end = end.max(further);
        }
        // Of a character that is part of a secret, no byte can be shown.
        start = character(text, start);
        while !text.is_char_boundary(end) {
            end += 1;
        }
        redacted.push_str(text.get(shown..start).unwrap_or_default());
        redacted.push_str(MASK);
        shown = end;
    }
    redacted.push_str(text.get(shown..until).unwrap_or_default());
    Cow::Owned(redacted)
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(***)")
    }
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
    fn every_encoding_is_seen_through_however_it_is_nested() {
        let redactor = Redactor::default();
        let secrets =
            ["it's \"q\\uoted\" <p%41ss> & p+ss/w=rd", "pässwörd-für-älle", "'; $(rm -rf) `x` #{y} ${z}"];
        for secret in secrets {
            redactor.secret(secret).unwrap();
            let json = |text: &str| serde_json::Value::from(text).to_string();
            let shell = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
            let html = |text: &str| {
                text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;")
            };
            let form = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let path = |text: &str| {
                let mut url = url::Url::parse("http://h/").unwrap();
                url.set_path(&text.replace(['\\', '#', '?'], ""));
                url.path().to_owned()
            };
            let latin1 = |text: &str| text.bytes().map(char::from).collect::<String>();
            let wrapped = |text: &str| text.chars().map(|c| format!("{c}\r\n")).collect::<String>();
            for shown in [
                json(secret),
                json(&json(secret)),
                json(&json(&json(secret))),
                shell(secret),
                json(&shell(secret)),
                html(secret),
                html(&json(secret)),
                form(secret),
                form(&json(secret)),
                json(&form(&json(secret))),
                latin1(secret),
                json(&latin1(secret)),
                wrapped(&BASE64.encode(secret.as_bytes())),
                form(&BASE64.encode(format!("{{\"a\":{}}}", json(secret)).as_bytes())),
                form(&BASE64.encode(format!("GET /?q={}", form(secret)).as_bytes())),
                format!("{secret:?}"),
            ] {
                let redacted = redactor.redact(&shown);
                assert!(redacted.contains(MASK), "{shown} stayed {redacted}");
                assert!(redacted.len() < 30, "{shown} became {redacted}");
            }
            let known = secret.replace(['\\', '#', '?'], "");
            redactor.secret(&known).unwrap();
            assert_eq!(redactor.redact(&path(secret)), "/***");
        }
    }

    #[test]
    fn base64_is_seen_wherever_a_secret_stands_in_it() {
        let redactor = Redactor::default();
        let secret = "hunter2-hunter2";
        redactor.secret(secret).unwrap();
        for before in ["", "a", "ab", "abc", "another-user:"] {
            for after in ["", "z", "zz", " and more"] {
                let text = format!("{before}{secret}{after}");
                for encoding in [BASE64, data_encoding::BASE64URL_NOPAD] {
                    let encoded = encoding.encode(text.as_bytes());
                    let redacted = redactor.redact(&encoded).into_owned();
                    let shown = redacted.replace(MASK, "");
                    // A digit at each end holds bits of what stands beside the secret.
                    let around =
                        encoding.encode(before.as_bytes()).len() + encoding.encode(after.as_bytes()).len();
                    assert!(
                        redacted.contains(MASK) && shown.len() <= around + 2,
                        "{text}: {encoded} became {redacted}"
                    );
                }
            }
        }
        assert_eq!(redactor.redact(&data_encoding::HEXLOWER.encode(b"hunter2-hunter2")), MASK);
    }

    #[test]
    fn secrets_that_overlap_leave_nothing_over() {
        let redactor = Redactor::default();
        for secret in ["abcdefgh", "cdefghij", "abcdefghijklmnop", "efghijkl"] {
            redactor.secret(secret).unwrap();
        }
        assert_eq!(redactor.redact("<abcdefghijkl>"), "<***>");
        assert_eq!(redactor.redact("<abcdefghijklmnop>"), "<***>");
        assert_eq!(redactor.redact("efghijkl, abcdefgh."), "***, ***.");
    }

    #[test]
    fn a_key_of_several_lines_is_masked_whole_and_line_by_line() {
        let redactor = Redactor::default();
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nqhkiG9w0BAQ==\n-----END KEY-----\n";
        redactor.secret(key).unwrap();
        assert_eq!(redactor.redact(key), MASK);
        assert_eq!(redactor.redact(&key.replace('\n', "\r\n")), "***\r\n");
        assert_eq!(redactor.redact(&key.replace('\n', "\\n")), "***\\n");
        assert_eq!(redactor.redact("| MIIEvQIBADANBgkqhkiG9w0BAQEFAASC |"), "| *** |");
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        let redactor = Redactor::default();
        redactor.secret("hunter2hunter2").unwrap();
        for text in [
            "",
            "a",
            "100 % of 5+5 \\n &amp; %41%zz \\u00 \\ud800 &#; 'x'",
            "hunter2hunter",
            "ünïcödé \u{1f600}\r\n",
        ] {
            assert!(matches!(redactor.redact(text), Cow::Borrowed(shown) if shown == text), "{text}");
        }
        assert_eq!(redactor.redact("é%41hunter2hunter2\né"), "é%41***\né");
    }

    #[test]
    fn a_secret_that_a_cut_goes_through_is_masked() {
        let redactor = Redactor::default();
        redactor.secret("hunter2/hunter2").unwrap();
        for shown in ["hunter2/hunter2", "hunter2%2Fhunter2", "hunter2\\/hunter2"] {
            let text = format!("é {shown} tail");
            for end in 0..text.len() {
                let redacted = redactor.redact_until(&text, end);
                let expected = match end {
                    0 | 1 => "",
                    2 => "é",
                    3 => "é ",
                    _ if end <= 3 + shown.len() => "é ***",
                    _ => &format!("é ***{}", &text[3 + shown.len()..end]),
                };
                assert_eq!(redacted, expected, "{end} of {text}");
            }
        }
    }

    #[test]
    fn short_secrets_are_refused() {
        assert!(Redactor::default().secret("seven77").is_err());
    }
}
