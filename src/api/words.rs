//! What requests to any API have in common: failures in words that people can act on, and what the headers say of
//! time. Must not send anything and must not know which API it is.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use jiff::Timestamp;
use url::Url;

use super::SourceError;
use crate::host::clock::between;
use crate::host::http::{HttpError, Response};
use crate::host::secret::Redactor;

/// Characters of a server's own words that are passed on.
pub(crate) const WORDS: usize = 300;

/// Characters of an unexpected body that are shown.
const GLIMPSE: usize = 80;

impl SourceError {
    /// An error that asking again cannot mend.
    pub fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), retry: None }
    }

    /// An error that may be gone when asked again, after `wait` at least.
    pub fn passing(reason: impl Into<String>, wait: Duration) -> Self {
        Self { reason: reason.into(), retry: Some(wait) }
    }
}

/// `host:port` of `url`, and never its user, path or query.
pub(crate) fn address(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `text` on one line of at most `limit` characters, without secrets or control characters.
pub(crate) fn line(text: &str, limit: usize, redactor: &Redactor) -> String {
    // A secret is masked before the cut: half of one would not be known again. Only as much is looked at as could
    // matter, since the text may be a whole answer.
    let near = text.char_indices().nth(limit * 8).map_or(text.len(), |(end, _)| end);
    let redacted = redactor.redact_until(text, near);
    let mut shown = String::new();
    let mut room = limit;
    for word in redacted.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        let space = usize::from(!shown.is_empty());
        if room <= space {
            shown.push('…');
            return shown;
        }
        room -= space;
        if space == 1 {
            shown.push(' ');
        }
        let length = word.chars().count();
        if length > room {
            shown.extend(word.chars().take(room));
            shown.push('…');
            return shown;
        }
        room -= length;
        shown.push_str(word);
    }
    shown
}

/// Whom a request went to, for saying what came of it.
#[derive(Clone, Copy)]
pub(crate) struct Peer<'a> {
    /// In words: `prometheus at 127.0.0.1:9090`.
    pub who: &'a str,
    /// The integration's key that says where it is.
    pub key: &'static str,
    /// Keeps secrets out of what it says.
    pub redactor: &'a Redactor,
}

impl Peer<'_> {
    /// The reason for no answer at all.
    pub(crate) fn unanswered(self, error: HttpError) -> SourceError {
        let Self { who, key, redactor } = self;
        match error {
            HttpError::Connect(text) => {
                let text = line(&text, WORDS, redactor);
                let told = format!("{who} cannot be reached: {text}");
                if ["certificate", "handshake", "corrupt message"].iter().any(|word| text.contains(word)) {
                    return SourceError::lasting(format!(
                        "{told}; check the integration's `tls` and `{key}`"
                    ));
                }
                let refused = text.contains("refused");
                let hint =
                    if refused { "is it up?".to_owned() } else { format!("check the integration's `{key}`") };
                SourceError::passing(format!("{told}; {hint}"), Duration::ZERO)
            }
            HttpError::Broken(text) => {
                let text = line(&text, WORDS, redactor);
                SourceError::passing(format!("{who} broke off: {text}"), Duration::ZERO)
            }
            HttpError::TooLarge(limit) => SourceError::lasting(format!(
                "{who} answered more than {}: aggregate the query, or raise the integration's `max_body`",
                size(limit)
            )),
        }
    }

    /// The reason for an answer whose status is none of success; `words` are the API's own, already one line.
    pub(crate) fn refused(self, response: &Response, words: Option<&str>, now: Timestamp) -> SourceError {
        let Self { who, key, .. } = self;
        let status = response.status;
        let said = words.map_or_else(|| self.glimpse(response), str::to_owned);
        let hint = match status {
            300..=399 => {
                format!("; redirects are not followed: set the integration's `{key}` to where it leads")
            }
            401 => "; check the integration's `auth` and its secret".to_owned(),
            403 => "; this is not permitted: check the integration's `auth` and `headers`".to_owned(),
            404 => format!("; the integration's `{key}` may lack a path prefix"),
            405 => format!("; is this API at the integration's `{key}`?"),
            407 => "; a proxy wants credentials".to_owned(),
            429 => "; it is asked too often: lower `--concurrency` or raise `interval`".to_owned(),
            _ => String::new(),
        };
        let reason = format!("{who} answered {status} {said}{hint}");
        // A 500 in the API's own words is its answer to this very query; others come from what may heal.
        let passing = matches!(status, 429 | 502 | 503 | 504) || (status == 500 && words.is_none());
        let retry = passing.then(|| retry_after(&response.headers, now).unwrap_or_default());
        SourceError { reason, retry }
    }

    /// Content type and beginning of an answer that is not what was expected.
    pub(crate) fn glimpse(self, response: &Response) -> String {
        let content_type = response.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let content_type =
            content_type.map_or("without a content type", |text| text.split(';').next().unwrap_or(text));
        if response.body.is_empty() {
            return format!("{content_type} with an empty body");
        }
        // More than `line` looks at, and not a whole answer of any size.
        let start = &response.body[..response.body.len().min(64 * 1024)];
        let text = line(&String::from_utf8_lossy(start), GLIMPSE, self.redactor);
        format!("{content_type} `{text}`")
    }
}

/// How long an answer asks to wait: a number of seconds or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    // Some write fractions of a second, which the header does not know.
    match text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(wait) => Some(wait),
        None => http_date(text).map(|at| between(now, at)),
    }
}

/// How long an answer asks to wait, by its header, else by `retry_after` seconds in its JSON.
pub(crate) fn asked_to_wait(answer: &Response, now: Timestamp) -> Option<Duration> {
    let written = || {
        let document: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
        Duration::try_from_secs_f64(document.get("retry_after")?.as_f64()?).ok()
    };
    retry_after(&answer.headers, now).or_else(written)
}

/// How far the clock that wrote `Date` is ahead of ours (negative: behind), in whole seconds; `None` where they agree
/// as far as one can tell from a header that knows no fractions and a request that took from `sent` to `received`.
pub(crate) fn skew(headers: &HeaderMap, sent: Timestamp, received: Timestamp) -> Option<i64> {
    /// Below this, nobody needs to know.
    const TOLERATED: i64 = 2_000;
    let date = http_date(headers.get(DATE)?.to_str().ok()?)?.as_millisecond();
    // The other clock showed something from `date` to a second later, at some moment from `sent` to `received`: a
    // slow answer is no skewed clock, nor is one that is a fraction of a second off.
    let ahead = date - received.as_millisecond();
    let behind = sent.as_millisecond() - (date + 1_000);
    // Rounded up, since the header is rounded down.
    let middle = date - i64::midpoint(sent.as_millisecond(), received.as_millisecond());
    (ahead.max(behind) > TOLERATED).then(|| -(-middle).div_euclid(1_000))
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

fn size(bytes: usize) -> String {
    const MIB: usize = 1024 * 1024;
    if bytes.is_multiple_of(MIB) { format!("{} MiB", bytes / MIB) } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_line_is_short_plain_and_without_secrets() {
        let redactor = Redactor::default();
        let secret = redactor.secret("0123456789abcdef").unwrap();
        assert_eq!(line(" a\r\n\x1b[31m b\t", 80, &redactor), "a [31m b");
        assert_eq!(line("abc def", 5, &redactor), "abc d…");
        assert_eq!(line("abc def", 3, &redactor), "abc…");
        let long = format!("token {} tail", secret.expose());
        assert_eq!(line(&long, 10, &redactor), "token *** …".replace(" …", "…"));
        let late = format!("{}{}", " ".repeat(75), secret.expose());
        assert_eq!(line(&late, 10, &redactor), "***");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(retry_after(&headers(RETRY_AFTER, "7"), now), Some(Duration::from_secs(7)));
        let date = headers(RETRY_AFTER, "Thu, 01 Jan 2026 00:00:09 GMT");
        assert_eq!(retry_after(&date, now), Some(Duration::from_secs(9)));
        assert_eq!(retry_after(&headers(RETRY_AFTER, "soon"), now), None);
        assert_eq!(retry_after(&headers(RETRY_AFTER, "-1"), now), None);
        assert_eq!(retry_after(&headers(RETRY_AFTER, "0.5"), now), Some(Duration::from_millis(500)));
        let answer = |headers, body: &'static str| Response { status: 429, headers, body: body.into() };
        let body = r#"{"message":"slow down","retry_after":1.25}"#;
        let wait = asked_to_wait(&answer(HeaderMap::new(), body), now);
        assert_eq!(wait, Some(Duration::from_millis(1250)));
        assert_eq!(
            asked_to_wait(&answer(headers(RETRY_AFTER, "7"), body), now),
            Some(Duration::from_secs(7))
        );
        assert_eq!(asked_to_wait(&answer(HeaderMap::new(), "[]"), now), None);
    }

    #[test]
    fn a_slow_answer_is_no_skewed_clock() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let date = headers(DATE, "Thu, 01 Jan 2026 00:00:10 GMT");
        let skew = |sent: &str, received: &str| skew(&date, at(sent), at(received));
        assert_eq!(skew("2026-01-01T00:00:10.9Z", "2026-01-01T00:00:10.9Z"), None);
        assert_eq!(skew("2026-01-01T00:00:01Z", "2026-01-01T00:00:10.2Z"), None);
        assert_eq!(skew("2026-01-01T00:00:12.4Z", "2026-01-01T00:00:12.4Z"), None);
        assert_eq!(skew("2026-01-01T00:00:05.5Z", "2026-01-01T00:00:05.5Z"), Some(5));
        assert_eq!(skew("2026-01-01T00:00:15.5Z", "2026-01-01T00:00:15.5Z"), Some(-5));
    }

    #[test]
    fn an_address_holds_no_credentials() {
        let url = |text| address(&Url::parse(text).unwrap());
        assert_eq!(url("https://user:pass@h/x?token=1"), "h:443");
        assert_eq!(url("http://[::1]:9090/"), "[::1]:9090");
    }
}
