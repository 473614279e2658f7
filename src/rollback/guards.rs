//! What holds a wanted rollback back. Must stay pure, and must not be silent: each guard that holds has its line in
//! the report.

use std::time::Duration;

use crate::event::ROLLBACK_OF;
use crate::gate::outcome::{ActionRecord, ActionStatus};
use crate::host::env::Env;

/// The guards of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guards {
    /// Why the running deployment is taken for a rollback.
    is_rollback: Option<String>,
    /// Why this deployment must not be taken back.
    no_rollback: Option<String>,
}

impl Guards {
    /// Guards from `--is-rollback`, the reason of `--no-rollback`, and the environment.
    pub fn new(is_rollback: bool, no_rollback: Option<&str>, env: &Env) -> Self {
        let flag = is_rollback.then(|| "`--is-rollback` is given".to_owned());
        let handed = || env.get(ROLLBACK_OF).map(|of| format!("`{ROLLBACK_OF}` is `{of}`"));
        Self { is_rollback: flag.or_else(handed), no_rollback: no_rollback.map(str::to_owned) }
    }

    /// The guards that hold, each with its name and a sentence.
    pub fn held(&self) -> Vec<(&'static str, String)> {
        let is_rollback = self.is_rollback.as_ref().map(|why| {
            (
                "is_rollback",
                format!("this deployment is itself a rollback ({why}): it is not rolled back again"),
            )
        });
        let no_rollback = self
            .no_rollback
            .as_ref()
            .map(|why| ("no_rollback", format!("this deployment must not be rolled back: {why}")));
        is_rollback.into_iter().chain(no_rollback).collect()
    }

    /// A record for each guard that holds `target` back.
    pub fn records(&self, target: &str) -> Vec<ActionRecord> {
        let record = |(name, reason): (&str, String)| ActionRecord {
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
        };
        self.held().into_iter().map(record).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_guard_that_holds_says_so() {
        let env: Env = [(ROLLBACK_OF.to_owned(), "1.4.0".to_owned())].into_iter().collect();
        assert_eq!(Guards::new(false, None, &Env::default()).held(), []);
        let handed = Guards::new(false, None, &env).held();
        assert_eq!(handed.len(), 1);
        assert_eq!(handed[0].0, "is_rollback");
        assert!(handed[0].1.contains("`ROLLGATE_ROLLBACK_OF` is `1.4.0`"), "{handed:?}");
        let both = Guards::new(true, Some("the migration drops a column"), &env).records("a hook");
        let shown: Vec<_> = both.iter().map(|r| (r.kind.as_str(), r.status.word(), r.attempts)).collect();
        assert_eq!(shown, [("is_rollback", "held", 0), ("no_rollback", "held", 0)]);
        assert!(both[1].reason.as_ref().unwrap().ends_with("the migration drops a column"));
    }
}
