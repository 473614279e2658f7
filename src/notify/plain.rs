//! Texts from outside as a message may hold them: one line, bounded, nothing hidden. Must not know any markup, and must
//! not be given what is not masked yet.

use std::borrow::Cow;

use crate::api::keep::cut;

/// Bytes of one text of a message at most.
const TEXT: usize = 500;

/// `text` on one line, bounded, without control characters.
pub fn plain(text: &str) -> String {
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let flat: Cow<'_, str> = if flat.chars().any(is_hidden) {
        flat.chars().filter(|c| !is_hidden(*c)).collect::<String>().into()
    } else {
        flat.into()
    };
    if flat.len() <= TEXT { flat.into_owned() } else { format!("{}…", cut(&flat, TEXT)) }
}

/// Characters that are not seen, or that turn what follows them around.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` as a web address; anything else is no link.
pub fn web(text: &str) -> Option<String> {
    let url = url::Url::parse(text.trim()).ok()?;
    let web = matches!(url.scheme(), "http" | "https") && url.has_host() && url.as_str().len() <= 2000;
    web.then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_flat_short_and_hide_nothing() {
        assert_eq!(plain(" a\r\n\tb\u{2028}c "), "a b c");
        assert_eq!(plain("x\u{202e}y\u{200b}z\u{1b}[31m\u{e0041}\u{2066}"), "xyz[31m");
        let long = plain(&"é".repeat(50_000));
        assert!(long.len() <= TEXT + 3 && long.ends_with("é…"), "{}", long.len());
    }

    #[test]
    fn links_are_web_addresses() {
        assert_eq!(web(" https://ci.example/1 ").as_deref(), Some("https://ci.example/1"));
        for other in ["javascript:alert(1)", "ci.example/1", "file:///etc/passwd", "mailto:a@b", ""] {
            assert_eq!(web(other), None, "{other}");
        }
        assert_eq!(web(&format!("https://ci.example/{}", "x".repeat(2000))), None);
    }
}
