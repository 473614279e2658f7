//! Atlassian Document Format, which version 3 of Jira's API speaks: a note as such a document, and such a document as
//! plain text. Must not let words become markup: they are values of text nodes only.

use serde_json::{Value, json};

use crate::track::note::{Block, Note, Span};

/// How deep a document is read.
const DEEPEST: usize = 24;

/// `note` as a document.
pub(super) fn document(note: &Note) -> Value {
    let content: Vec<Value> = note
        .blocks
        .iter()
        .map(|block| match block {
            Block::Line(spans) => paragraph(spans),
            Block::List(items) => {
                let items: Vec<Value> = items
                    .iter()
                    .map(|spans| json!({ "type": "listItem", "content": [paragraph(spans)] }))
                    .collect();
                json!({ "type": "bulletList", "content": items })
            }
        })
        .collect();
    json!({ "version": 1, "type": "doc", "content": content })
}

fn paragraph(spans: &[Span]) -> Value {
    // A text node must not be empty.
    let content: Vec<Value> = spans.iter().filter(|span| !span.text.is_empty()).map(node).collect();
    json!({ "type": "paragraph", "content": content })
}

fn node(span: &Span) -> Value {
    let mut marks = Vec::new();
    if span.strong {
        marks.push(json!({ "type": "strong" }));
    }
    if let Some(url) = &span.link {
        marks.push(json!({ "type": "link", "attrs": { "href": url } }));
    }
    let mut node = json!({ "type": "text", "text": span.text });
    if !marks.is_empty() {
        node["marks"] = marks.into();
    }
    node
}

/// The words of `document`, a line for each of its blocks.
pub(super) fn text(document: &Value) -> String {
    let mut text = String::new();
    words(document, 0, &mut text);
    text.trim_end().to_owned()
}

fn words(node: &Value, depth: usize, text: &mut String) {
    if depth > DEEPEST {
        return;
    }
    if let Some(words) = node["text"].as_str() {
        text.push_str(words);
        return;
    }
    let attribute = |name: &str| node["attrs"][name].as_str();
    let mut add = |words: Option<&str>| text.push_str(words.unwrap_or_default());
    match node["type"].as_str().unwrap_or_default() {
        "hardBreak" => text.push('\n'),
        "mention" | "status" => add(attribute("text")),
        "emoji" => add(attribute("text").or_else(|| attribute("shortName"))),
        "inlineCard" | "blockCard" | "embedCard" => add(attribute("url")),
        "rule" => text.push_str("---\n"),
        kind => {
            if kind == "listItem" || kind == "taskItem" {
                text.push_str("- ");
            }
            for inner in node["content"].as_array().into_iter().flatten() {
                words(inner, depth + 1, text);
            }
            let ends = ["paragraph", "heading", "codeBlock", "taskItem", "tableRow"];
            if ends.contains(&kind) && !text.ends_with('\n') {
                text.push('\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_reads_as_plain_text() {
        let document = json!({ "type": "doc", "version": 1, "content": [
            { "type": "heading", "attrs": { "level": 1 }, "content": [{ "type": "text", "text": "Why" }] },
            { "type": "paragraph", "content": [
                { "type": "text", "text": "ask " },
                { "type": "mention", "attrs": { "id": "1", "text": "@Ann" } },
                { "type": "hardBreak" },
                { "type": "inlineCard", "attrs": { "url": "https://w.example/" } },
            ] },
            { "type": "bulletList", "content": [
                { "type": "listItem", "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": "a" }] }] },
                { "type": "listItem", "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": "b" }] }] },
            ] },
            { "type": "somethingNew", "content": [{ "type": "text", "text": "kept" }] },
            { "type": "paragraph" },
        ] });
        assert_eq!(text(&document), "Why\nask @Ann\nhttps://w.example/\n- a\n- b\nkept");
        assert_eq!(text(&Value::Null), "");
    }
}
