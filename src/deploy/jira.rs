//! The body of a webhook as Jira sends it, Cloud or Data Center. Must not trust it: what is missing or of another kind than
//! it should be is as if it were not there.

use std::collections::BTreeSet;

use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::{Happened, Issue, Subject};

/// Characters of a text of the event that are kept.
const MOST: usize = 1000;

/// What `body` says; `delivery` is how the sender names it, which stays when it is sent again.
///
/// # Errors
/// Why it is no event of Jira.
pub(crate) fn read(body: &[u8], delivery: Option<&str>) -> Result<Happened, String> {
    let document: Value = serde_json::from_slice(body).map_err(|error| format!("it is no JSON: {error}"))?;
    let name = text(&document, &["webhookEvent"]);
    if name.is_empty() {
        return Err(
            "expected the body of a webhook of Jira, which has a `webhookEvent`, found none".to_owned()
        );
    }
    let subject = match name.as_str() {
        "jira:issue_created" => Subject::Created,
        "jira:issue_updated" => Subject::Changed,
        "jira:version_released" => Subject::Released,
        _ => Subject::Other,
    };
    let issue = document
        .get("issue")
        .filter(|issue| issue.is_object())
        .map(|issue| issue_of(issue, &document, subject));
    let version =
        document.get("version").map(|version| text(version, &["name"])).filter(|name| !name.is_empty());
    let actor = ["displayName", "name", "accountId"].iter().map(|key| text(&document, &["user", key]));
    let about = issue.as_ref().map(|issue| issue.key.clone()).or_else(|| version.clone()).unwrap_or_default();
    let unique = [
        delivery.map(|id| format!("delivery {id}")),
        number(&document, &["changelog", "id"]).map(|id| format!("changelog {id}")),
        number(&document, &["timestamp"]).map(|at| format!("at {at}")),
    ];
    let unique = unique.into_iter().flatten().next();
    let unique = unique.unwrap_or_else(|| data_encoding::HEXLOWER.encode(digest(&SHA256, body).as_ref()));
    Ok(Happened {
        key: format!("jira {name} {about} {unique}"),
        subject,
        issue,
        version,
        actor: actor.into_iter().find(|name| !name.is_empty()).unwrap_or_default(),
        name,
    })
}

fn issue_of(issue: &Value, document: &Value, subject: Subject) -> Issue {
    let key = text(issue, &["key"]);
    let project = text(issue, &["fields", "project", "key"]);
    let project = if project.is_empty() {
        key.rsplit_once('-').map(|(project, _)| project.to_owned()).unwrap_or_default()
    } else {
        project
    };
    let items = document.get("changelog").and_then(|log| log.get("items")).and_then(Value::as_array);
    let changes = |field: &'static str| {
        let is = move |item: &&Value| ["fieldId", "field"].iter().any(|key| text(item, &[key]) == field);
        items.into_iter().flatten().filter(is).collect::<Vec<&Value>>()
    };
    // One event may tell of several changes; the last is what it is now.
    let moved = changes("status").last().map(|item| (text(item, &["fromString"]), text(item, &["toString"])));
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    let mut added = Vec::new();
    for item in changes("labels") {
        let before: BTreeSet<String> = words(&text(item, &["fromString"])).into_iter().collect();
        added.extend(words(&text(item, &["toString"])).into_iter().filter(|label| !before.contains(label)));
    }
    if subject == Subject::Created && added.is_empty() {
        // All that a new issue has is new.
        let labels = issue.get("fields").and_then(|fields| fields.get("labels")).and_then(Value::as_array);
        added.extend(labels.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    let mut known = BTreeSet::new();
    added.retain(|label| known.insert(label.clone()));
    let status = moved.as_ref().map(|(_, to)| to.clone());
    Issue {
        project,
        kind: text(issue, &["fields", "issuetype", "name"]),
        status: status.unwrap_or_else(|| text(issue, &["fields", "status", "name"])),
        summary: text(issue, &["fields", "summary"]),
        key,
        moved,
        added,
    }
}

/// The text at `path`, cut; empty where there is none.
fn text(value: &Value, path: &[&str]) -> String {
    let found = path.iter().try_fold(value, |value, key| value.get(*key)).and_then(Value::as_str);
    found.unwrap_or_default().chars().take(MOST).collect()
}

/// The number at `path`, or the text of one, as it is written.
fn number(value: &Value, path: &[&str]) -> Option<String> {
    match path.iter().try_fold(value, |value, key| value.get(*key))? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.chars().take(MOST).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Happened {
        read(body.as_bytes(), None).unwrap()
    }

    #[test]
    fn labels_are_new_where_they_were_not_before() {
        for (from, to, added) in [
            ("", "a", vec!["a"]),
            ("a b", "b c a d", vec!["c", "d"]),
            ("a b", "a", vec![]),
            ("a", "A a", vec!["A"]),
        ] {
            let body = format!(
                r#"{{"webhookEvent":"jira:issue_updated","issue":{{"key":"P-1"}},
                    "changelog":{{"items":[{{"field":"labels","fromString":"{from}","toString":"{to}"}}]}}}}"#
            );
            assert_eq!(of(&body).issue.unwrap().added, added, "{from} -> {to}");
        }
        let created =
            r#"{"webhookEvent":"jira:issue_created","issue":{"key":"P-1","fields":{"labels":["a","a",5]}}}"#;
        assert_eq!(of(created).issue.unwrap().added, ["a"]);
    }

    #[test]
    fn what_is_of_another_kind_is_not_there() {
        for body in [
            r#"{"webhookEvent":"jira:issue_updated"}"#,
            r#"{"webhookEvent":"jira:issue_updated","issue":7,"changelog":[],"user":null,"version":[]}"#,
            r#"{"webhookEvent":"jira:issue_updated","changelog":{"items":{"field":"status"}}}"#,
        ] {
            let event = of(body);
            assert_eq!((event.issue, event.version, event.actor.as_str()), (None, None, ""));
        }
        let odd = of(
            r#"{"webhookEvent":"jira:issue_updated","issue":{"key":"A-B-7","fields":{"project":"x"}},
                "changelog":{"items":[null,{"field":"status","toString":5},{"fieldId":"status","fromString":null,"toString":"Done"}]}}"#,
        );
        let issue = odd.issue.unwrap();
        assert_eq!((issue.project.as_str(), issue.moved), ("A-B", Some((String::new(), "Done".to_owned()))));
        for body in ["", "[]", "null", "{}", r#"{"webhookEvent":5}"#] {
            assert!(read(body.as_bytes(), None).is_err(), "{body}");
        }
    }

    #[test]
    fn an_event_that_is_sent_again_is_the_same() {
        let key = |body: &str, delivery| read(body.as_bytes(), delivery).unwrap().key;
        let first = r#"{"webhookEvent":"jira:issue_updated","timestamp":5,"issue":{"key":"P-1"},"changelog":{"id":"77"}}"#;
        let again = r#"{"timestamp":5, "webhookEvent":"jira:issue_updated", "changelog":{"id":77}, "issue":{"key":"P-1"}}"#;
        assert_eq!(key(first, None), key(again, None));
        assert_ne!(key(first, None), key(&first.replace("77", "78"), None));
        assert_eq!(key(first, Some("d")), key(&first.replace("77", "78"), Some("d")));
        let bare = r#"{"webhookEvent":"jira:issue_updated"}"#;
        assert_eq!(key(bare, None), key(bare, None));
        assert_ne!(key(bare, None), key(r#"{"webhookEvent":"jira:issue_updated" }"#, None));
    }
}
