//! HTML, which Azure Boards writes its texts in: a note as HTML, and HTML as plain text. Must not let words become markup.

use crate::track::note::{Block, Note, Span};

/// `note` as HTML.
pub(super) fn document(note: &Note) -> String {
    let mut text = String::new();
    for block in &note.blocks {
        match block {
            Block::Line(spans) => text.push_str(&format!("<p>{}</p>", line(spans))),
            Block::List(items) => {
                let items = items.iter().map(|spans| format!("<li>{}</li>", line(spans)));
                text.push_str(&format!("<ul>{}</ul>", items.collect::<String>()));
            }
        }
    }
    text
}

fn line(spans: &[Span]) -> String {
    let one = |span: &Span| {
        let words = escaped(&span.text);
        match (&span.link, span.strong) {
            (Some(url), _) => format!("<a href=\"{}\">{words}</a>", escaped(url)),
            (None, true) => format!("<b>{words}</b>"),
            (None, false) => words,
        }
    };
    spans.iter().map(one).collect()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The words of `html`, a line for each of its blocks.
pub(super) fn text(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let Some(end) = rest[at..].find('>') else { break };
        text.push_str(&rest[..at]);
        let tag = rest[at + 1..at + end].trim().to_ascii_lowercase();
        let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
        let ends = tag.starts_with('/') || tag.ends_with('/') || tag == "br";
        match name.unwrap_or_default() {
            "li" if !ends => text.push_str("- "),
            "br" | "p" | "div" | "li" | "tr" | "h1" | "h2" | "h3" if ends && !text.ends_with('\n') => {
                text.push('\n');
            }
            _ => {}
        }
        rest = &rest[at + end + 1..];
    }
    text.push_str(rest);
    let named =
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    let plain = named.iter().fold(text, |text, (entity, word)| text.replace(entity, word));
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_reads_as_plain_text_and_words_stay_words() {
        assert_eq!(
            text("<div>Why &amp; <b>how</b><br>then</div><ul><li>a</li><li>b</li></ul>&lt;x&gt;"),
            "Why & how\nthen\n- a\n- b\n<x>"
        );
        assert_eq!(text("a < b"), "a < b");
        assert_eq!(document(&Note::text("<script>\"&'")), "<p>&lt;script&gt;&quot;&amp;&#39;</p>");
    }
}
