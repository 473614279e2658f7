//! What an application of Argo CD can be taken back to: pure reading of its document. Must not go back to what was
//! rolled back before: asking twice must not bring a bad version home again.

use serde_json::{Value, json};

use crate::rollback::answer::{number, text};

/// A deployment that Argo CD remembers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Its number.
    pub(super) id: u64,
    /// Sources and revisions: two entries that have these in common deployed the same.
    what: Value,
}

/// Where to go back to, and from where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Way {
    pub(super) from: Entry,
    pub(super) to: Entry,
}

impl Entry {
    /// Whether it deployed the same as `other`.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.what == other.what
    }
}

/// The way back to `wanted`, else to what was there before the current deployment.
///
/// # Errors
/// Why there is none, and what to do, in one line.
pub(super) fn way(application: &Value, wanted: Option<u64>) -> Result<Way, String> {
    let mut entries = entries(application);
    let Some(from) = entries.pop() else {
        return Err("the application has no history: nothing was ever deployed by a sync".to_owned());
    };
    if let Some(id) = wanted {
        let known: Vec<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
        if id == from.id {
            return Err(format!(
                "history id {id} is what is deployed now; name an earlier one as `history_id`"
            ));
        }
        let to = entries.into_iter().find(|entry| entry.id == id);
        return match to {
            Some(to) => Ok(Way { from, to }),
            None => Err(format!(
                "the application's history has no id {id}; it has {}",
                if known.is_empty() { "none but the current".to_owned() } else { known.join(", ") }
            )),
        };
    }
    // A sync of the same again makes an entry of its own: going back to it would change nothing.
    let Some(at) = entries.iter().rposition(|entry| !entry.same(&from)) else {
        return Err("the application's history has no other deployment than the current one".to_owned());
    };
    let to = entries.swap_remove(at);
    if let Some(earlier) = entries.iter().take(at).find(|entry| entry.same(&from)) {
        return Err(format!(
            "history id {} is the same as {}, which {} had replaced: it looks rolled back already, and the previous one would bring {} back; name `history_id` if that is wanted",
            from.id, earlier.id, to.id, to.id
        ));
    }
    Ok(Way { from, to })
}

/// What is deployed now.
pub(super) fn current(application: &Value) -> Option<Entry> {
    entries(application).pop()
}

/// The history, oldest first.
fn entries(application: &Value) -> Vec<Entry> {
    let written = application.pointer("/status/history").and_then(Value::as_array);
    let entry = |entry: &Value| {
        let part = |key: &str| entry.get(key).cloned().unwrap_or_default();
        let what = json!([part("source"), part("sources"), part("revision"), part("revisions")]);
        Entry { id: number(entry, "/id").unwrap_or(0), what }
    };
    let mut entries: Vec<Entry> = written.into_iter().flatten().map(entry).collect();
    entries.sort_by_key(|entry| entry.id);
    entries
}

/// Whether Argo CD syncs the application by itself, and so rolls nothing back.
pub(super) fn automated(application: &Value) -> bool {
    match application.pointer("/spec/syncPolicy/automated") {
        None | Some(Value::Null) => false,
        // Newer versions can have the settings of it and not do it.
        Some(automated) => automated.get("enabled") != Some(&Value::Bool(false)),
    }
}

/// When the last operation began, by which a later one is told from it.
pub(super) fn operation(application: &Value) -> &str {
    text(application, "/status/operationState/startedAt").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(history: &[(u64, &str)]) -> Value {
        let entry = |(id, revision): &(u64, &str)| json!({"id": id, "revision": revision, "source": {"repoURL": "r"}});
        json!({"status": {"history": history.iter().map(entry).collect::<Vec<_>>()}})
    }

    /// A history, the id that is wanted, and the id that the way leads to or why there is none.
    type Row = (&'static [(u64, &'static str)], Option<u64>, Result<u64, &'static str>);

    #[test]
    fn the_way_leads_to_what_was_there_before_and_never_back_again() {
        let rows: &[Row] = &[
            (&[(4, "a"), (5, "b")], None, Ok(4)),
            (&[(5, "b"), (3, "z"), (4, "a")], None, Ok(4)),
            // Synced again without a change.
            (&[(4, "a"), (5, "b"), (6, "b")], None, Ok(4)),
            (&[(4, "a"), (5, "a"), (6, "b")], None, Ok(5)),
            // Rolled back before.
            (&[(4, "a"), (5, "b"), (6, "a")], None, Err("it looks rolled back already")),
            (&[(4, "a"), (5, "b"), (6, "a"), (7, "a")], None, Err("would bring 5 back")),
            (&[(4, "a"), (5, "b"), (6, "a")], Some(5), Ok(5)),
            (&[(4, "a"), (5, "b")], Some(5), Err("is what is deployed now")),
            (&[(4, "a"), (5, "b")], Some(9), Err("has no id 9; it has 4")),
            (&[(5, "b")], Some(9), Err("it has none but the current")),
            (&[(5, "b")], None, Err("no other deployment")),
            (&[(4, "b"), (5, "b")], None, Err("no other deployment")),
            (&[], None, Err("has no history")),
        ];
        for (history, wanted, expected) in rows {
            match (way(&application(history), *wanted), expected) {
                (Ok(way), Ok(id)) => assert_eq!(way.to.id, *id, "{history:?}"),
                (Err(told), Err(says)) => assert!(told.contains(says), "{history:?}: {told}"),
                (found, _) => panic!("{history:?} {wanted:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn one_revision_with_other_settings_is_another_deployment() {
        let entry =
            |id: u64, tag: &str| json!({"id": id, "revision": "1.2.0", "source": {"helm": {"values": tag}}});
        let application = json!({"status": {"history": [entry(1, "v1"), entry(2, "v2")]}});
        assert_eq!(way(&application, None).unwrap().to.id, 1);
    }

    #[test]
    fn auto_sync_is_known_as_each_version_writes_it() {
        for (policy, expected) in [
            (json!({}), false),
            (json!({"automated": null}), false),
            (json!({"automated": {}}), true),
            (json!({"automated": {"prune": true, "selfHeal": true}}), true),
            (json!({"automated": {"enabled": false, "prune": true}}), false),
            (json!({"automated": {"enabled": true}}), true),
        ] {
            assert_eq!(automated(&json!({"spec": {"syncPolicy": policy}})), expected, "{policy}");
        }
        assert!(!automated(&json!({"spec": {}})));
    }
}
