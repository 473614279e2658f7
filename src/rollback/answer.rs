//! What triggers read out of an API's answers: words for people, and links to follow. Must not know any API, and must
//! not show anything unmasked.

use serde_json::Value;
use url::Url;

use super::Standing;
use crate::api::Effect;
use crate::api::words::line;
use crate::host::secret::Redactor;

/// Characters of a system's own word for how something stands.
const WORD: usize = 120;

/// Why it ended so, for who wants a sentence and nothing else.
pub(super) fn reason(effect: Effect) -> String {
    effect.reason.unwrap_or_else(|| "no answer".to_owned())
}

/// The text at `pointer` of `document`.
pub(super) fn text<'d>(document: &'d Value, pointer: &str) -> Option<&'d str> {
    document.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The address at `pointer` of `document`, where it is one that a browser opens.
pub(super) fn link(document: &Value, pointer: &str) -> Option<String> {
    let url = Url::parse(text(document, pointer)?).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// The number at `pointer` of `document`; some systems write theirs as texts.
pub(super) fn number(document: &Value, pointer: &str) -> Option<u64> {
    let found = document.pointer(pointer)?;
    found.as_u64().or_else(|| found.as_str()?.parse().ok())
}

/// How something stands in its system's own `words`.
pub(super) fn standing(words: &str, ended: Option<bool>, redactor: &Redactor) -> Standing {
    Standing { words: line(words, WORD, redactor), ended, url: None, handle: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_opens_is_a_link() {
        let document = serde_json::json!({
            "a": "https://h/x", "b": "javascript:alert(1)", "c": 7, "d": "42", "e": ["x"], "f": ""
        });
        assert_eq!(link(&document, "/a").as_deref(), Some("https://h/x"));
        assert_eq!([link(&document, "/b"), link(&document, "/c"), link(&document, "/z")], [None, None, None]);
        assert_eq!(
            [number(&document, "/c"), number(&document, "/d"), number(&document, "/a")],
            [Some(7), Some(42), None]
        );
        assert_eq!([text(&document, "/e/0"), text(&document, "/f")], [Some("x"), None]);
    }
}
