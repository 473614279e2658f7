//! What holds a wanted rollback back. Must stay pure, and must not be silent: each guard that holds has its line in
//! the report.

use std::time::Duration;

use jiff::Timestamp;

use crate::event::ROLLBACK_OF;
use crate::gate::outcome::{ActionRecord, ActionStatus, Record};
use crate::host::env::Env;
use crate::policy::freeze::Freeze;
use crate::policy::guards::Guards as Written;
use crate::report::words::clock;

/// A guard's name, and a sentence on why it holds.
pub type Held = (&'static str, String);

/// The guards of a run.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// Why the running deployment is taken for a rollback.
    is_rollback: Option<String>,
    /// Why this deployment must not be taken back.
    no_rollback: Option<String>,
    /// Those of the policy.
    pub written: Written,
}

impl Guards {
    /// Guards from `--is-rollback`, the reason of `--no-rollback`, the environment, and the policy.
    pub fn new(is_rollback: bool, no_rollback: Option<&str>, env: &Env, written: Written) -> Self {
        let flag = is_rollback.then(|| "`--is-rollback` is given".to_owned());
        let handed = || env.get(ROLLBACK_OF).map(|of| format!("`{ROLLBACK_OF}` is `{of}`"));
        Self { is_rollback: flag.or_else(handed), no_rollback: no_rollback.map(str::to_owned), written }
    }

    /// The guards that hold a rollback of what `record` tells of back at `now`.
    pub fn held(&self, record: &Record, now: Timestamp) -> Vec<Held> {
        let mut held = Vec::new();
        if let Some(why) = &self.is_rollback {
            let why = format!("this deployment is itself a rollback ({why}): it is not rolled back again");
            held.push(("is_rollback", why));
        }
        if let Some(why) = &self.no_rollback {
            held.push(("no_rollback", format!("this deployment must not be rolled back: {why}")));
        }
        for freeze in self.written.freezes.iter().filter(|freeze| freeze.covers(now)) {
            held.push(("freeze", format!("no rollback is begun while it is frozen: {}", freeze.told())));
        }
        match (&record.version, &record.previous_version) {
            (_, None) if self.written.require_previous_version => {
                let why = "it is not known what to go back to, and `require_previous_version` is `true`: pass \
                           `--previous-version`";
                held.push(("require_previous_version", why.to_owned()));
            }
            (Some(version), Some(previous)) if version == previous => {
                let why = format!("the version that runs is the one to go back to, `{version}`");
                held.push(("same_version", why));
            }
            _ => {}
        }
        held
    }

    /// What people should know before the window from `from` to `to`: when a freeze lies in it.
    pub fn ahead(&self, from: Timestamp, to: Timestamp) -> Vec<String> {
        let ahead = |freeze: &Freeze| {
            let first = freeze.first(from, to)?;
            let since =
                if first == from { "now".to_owned() } else { format!("from {} on", clock(first, from)) };
            Some(format!("a rollback is held back {since}, by a freeze: {}", freeze.told()))
        };
        self.written.freezes.iter().filter_map(ahead).collect()
    }
}

/// A record for each guard of `held` that holds `target` back.
pub fn records(held: Vec<Held>, target: &str) -> Vec<ActionRecord> {
    let record = |(name, reason): Held| ActionRecord {
        kind: name.to_owned(),
        purpose: "rollback",
        target: target.to_owned(),
        status: ActionStatus::Held,
        http_status: None,
        attempts: 0,
        id: None,
        url: None,
        reason: Some(reason),
        response: None,
        took: Duration::ZERO,
        followed: None,
    };
    held.into_iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollback::testing::{record, start};

    fn guards(
        is_rollback: bool,
        no_rollback: Option<&str>,
        env: &[(&str, &str)],
        written: Written,
    ) -> Guards {
        let env: Env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Guards::new(is_rollback, no_rollback, &env, written)
    }

    #[test]
    fn each_guard_that_holds_says_so() {
        assert_eq!(guards(false, None, &[], Written::default()).held(&record(), start()), []);
        let handed =
            guards(false, None, &[(ROLLBACK_OF, "1.4.0")], Written::default()).held(&record(), start());
        assert_eq!(handed.len(), 1);
        assert_eq!(handed[0].0, "is_rollback");
        assert!(handed[0].1.contains("`ROLLGATE_ROLLBACK_OF` is `1.4.0`"), "{handed:?}");
        let both = guards(true, Some("the migration drops a column"), &[], Written::default());
        let both = records(both.held(&record(), start()), "a hook");
        let shown: Vec<_> = both.iter().map(|r| (r.kind.as_str(), r.status.word(), r.attempts)).collect();
        assert_eq!(shown, [("is_rollback", "held", 0), ("no_rollback", "held", 0)]);
        assert!(both[1].reason.as_ref().unwrap().ends_with("the migration drops a column"));
    }

    #[test]
    fn it_must_be_another_version_and_where_wanted_a_known_one() {
        let held = |version: Option<&str>, previous: Option<&str>, require: bool| {
            let written = Written { require_previous_version: require, ..Written::default() };
            let record = Record {
                version: version.map(str::to_owned),
                previous_version: previous.map(str::to_owned),
                ..record()
            };
            let held = guards(false, None, &[], written).held(&record, start());
            held.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(held(Some("2"), Some("1"), true), none);
        assert_eq!(held(Some("2"), None, true), ["require_previous_version"]);
        assert_eq!(held(Some("2"), None, false), none);
        assert_eq!(held(None, None, true), ["require_previous_version"]);
        assert_eq!(held(Some("2"), Some("2"), false), ["same_version"]);
        assert_eq!(held(None, Some("2"), true), none);
    }
}
