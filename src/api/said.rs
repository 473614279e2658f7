//! What an API says of itself in an answer's body: its own words for why not, wherever its habit puts them. Must not
//! take the words for true, and must not show a page of HTML.

use serde_json::Value;

/// Words of one answer that are passed on at most.
const MOST: usize = 6;

/// The API's own words in a JSON `body`: messages first, then what is wrong field by field. `None` where there are none.
pub(crate) fn said(body: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let mut words = Vec::new();
    collect(&document, 0, &mut words);
    words.truncate(MOST);
    (!words.is_empty()).then(|| words.join("; "))
}

/// The keys under which APIs keep words for people, in the order of what says most.
const KEYS: &[&str] = &[
    "message",
    "error",
    "error_description",
    "errorMessages",
    "errors",
    "errmsg",
    "msg",
    "detail",
    "details",
    "title",
    "description",
    "reason",
    "StatusMessage",
];

fn collect(value: &Value, depth: usize, words: &mut Vec<String>) {
    if depth > 3 || words.len() >= MOST {
        return;
    }
    match value {
        Value::Object(fields) => {
            for key in KEYS {
                if let Some(inside) = fields.get(*key) {
                    under(key, inside, depth, words);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, depth + 1, words)),
        Value::String(text) => push(text.clone(), words),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn under(key: &str, value: &Value, depth: usize, words: &mut Vec<String>) {
    match value {
        // Jira's and GitLab's `errors: {field: "what is wrong"}`; an object of a message is read as one.
        Value::Object(fields) if !KEYS.iter().any(|known| fields.contains_key(*known)) => {
            for (field, what) in fields {
                let what = match what {
                    Value::String(text) => text.clone(),
                    Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
                    Value::Object(_) => {
                        nested(field, what, depth + 1, words);
                        continue;
                    }
                    _ => continue,
                };
                push(format!("{field}: {what}"), words);
            }
        }
        Value::Number(number) if key == "error" => push(number.to_string(), words),
        other => collect(other, depth + 1, words),
    }
}

/// Discord's `errors: {embeds: {0: {title: {_errors: [{message}]}}}}`: what is wrong at the end of a path.
fn nested(path: &str, value: &Value, depth: usize, words: &mut Vec<String>) {
    let Value::Object(fields) = value else { return };
    if depth > 8 || words.len() >= MOST {
        return;
    }
    for (field, inside) in fields {
        let Value::Array(errors) = inside else {
            nested(&format!("{path}.{field}"), inside, depth + 1, words);
            continue;
        };
        let told = errors.iter().filter_map(|error| error.get("message")?.as_str());
        told.for_each(|told| push(format!("{path}: {told}"), words));
    }
}

fn push(text: String, words: &mut Vec<String>) {
    if !text.trim().is_empty() && !words.contains(&text) {
        words.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_where_each_api_puts_them() {
        for (body, expected) in [
            (r#"{"message":"Not Found","documentation_url":"https://d"}"#, Some("Not Found")),
            (
                r#"{"message":"Validation Failed","errors":[{"resource":"R","message":"No ref found for: x"}]}"#,
                Some("Validation Failed; No ref found for: x"),
            ),
            (r#"{"message":{"base":["Reference not found"]}}"#, Some("base: Reference not found")),
            (
                r#"{"errorMessages":[],"errors":{"comment":"Comment body is not valid!"}}"#,
                Some("comment: Comment body is not valid!"),
            ),
            (r#"{"errorMessages":["no permission"],"errors":{}}"#, Some("no permission")),
            (r#"{"error":"invalid_client","error_description":"who?"}"#, Some("invalid_client; who?")),
            (r#"{"errcode":310000,"errmsg":"sign not match"}"#, Some("sign not match")),
            (r#"{"code":19021,"msg":"sign match fail"}"#, Some("sign match fail")),
            (r#"{"status":"invalid","message":"bad","errors":["a","b"]}"#, Some("bad; a; b")),
            (r#"{"error":{"message":"deep"}}"#, Some("deep")),
            (
                r#"{"message":"Invalid","errors":{"embeds":{"0":{"title":{"_errors":[{"code":"X","message":"Too long."}]}}}}}"#,
                Some("Invalid; embeds.0.title: Too long."),
            ),
            ("[]", None),
            ("<html>no</html>", None),
            (r#"{"ok":false}"#, None),
        ] {
            assert_eq!(said(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
