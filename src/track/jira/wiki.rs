//! The wiki markup that version 2 of Jira's API speaks, for Data Center. Must not let words become markup: every character
//! that could begin some is escaped.

use crate::track::note::{Block, Note, Span};

/// `note` in wiki markup.
pub(super) fn text(note: &Note) -> String {
    let mut text = String::new();
    for block in &note.blocks {
        if !text.is_empty() {
            text.push('\n');
        }
        match block {
            Block::Line(spans) => {
                text.push_str(&line(spans));
                text.push('\n');
            }
            Block::List(items) => {
                for spans in items {
                    text.push_str(&format!("* {}\n", line(spans)));
                }
            }
        }
    }
    text.trim_end().to_owned()
}

fn line(spans: &[Span]) -> String {
    let mut line = String::new();
    for span in spans.iter().filter(|span| !span.text.is_empty()) {
        let words = match (&span.link, span.strong) {
            (Some(url), _) => format!("[{}|{}]", escaped(&span.text), address(url)),
            (None, false) => escaped(&span.text),
            (None, true) => {
                // Markup holds only where it stands next to its words.
                let words = span.text.trim_end();
                format!("*{}*{}", escaped(words), &span.text[words.len()..])
            }
        };
        line.push_str(&words);
    }
    // What begins a line may begin a heading, a quotation or a rule; a line of ours never begins with white space.
    let begins = line.trim_start();
    let quoted =
        ["h1.", "h2.", "h3.", "h4.", "h5.", "h6.", "bq."].iter().any(|word| begins.starts_with(word));
    if quoted { begins.replacen('.', "&#46;", 1) } else { begins.to_owned() }
}

/// `text` without a character that could begin markup: `\` itself has no escape but its number.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("&#92;"),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '{' | '}' | '[' | ']' | '!' | '*' | '_' | '-' | '+' | '^' | '~' | '?' | '|' | '#' | '(' | ')'
            | '@' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// `url` as it may stand in a link.
fn address(url: &str) -> String {
    let encode = |c: char| match c {
        '|' => "%7C".to_owned(),
        '[' => "%5B".to_owned(),
        ']' => "%5D".to_owned(),
        '{' => "%7B".to_owned(),
        '}' => "%7D".to_owned(),
        '!' => "%21".to_owned(),
        '\\' => "%5C".to_owned(),
        c => c.to_string(),
    };
    url.chars().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_become_markup() {
        let note = Note::text("h1. {code}[~admin] !x.png! a\\\\b *c* -d- &#123; | # @all (x)");
        let said = text(&note);
        assert_eq!(
            said,
            "h1&#46; \\{code\\}\\[\\~admin\\] \\!x.png\\! a&#92;&#92;b \\*c\\* \\-d\\- &amp;\\#123; \\| \\# \\@all \\(x\\)"
        );
        let link =
            Span { text: "a|b".into(), strong: false, link: Some("https://h.example/?a=[1]|2".into()) };
        assert_eq!(line(&[link]), "[a\\|b|https://h.example/?a=%5B1%5D%7C2]");
    }
}
