//! What the tests of several trackers build on: a tracker of an integration as YAML, a message, and hostile text.

use crate::api::{Allowance, Effect};
use crate::gate::outcome::{Outcome, Record, Verdict};
use crate::host::Host;
use crate::host::vault::Vault;
use crate::notify::NoticeCx;
use crate::notify::message::{Message, Status, Told};
use crate::policy::integration::Integrations;
use crate::policy::notices::On;
use crate::policy::overrides::Overrides;
use crate::policy::problem::Problems;
use crate::policy::template::Scope;
use crate::rollback::testing::{check, record, start};

use super::{Step, Tracker, connect};

/// The tracker `to` of the integrations in `yaml`, or all that is wrong.
pub(crate) fn tracker(to: &str, yaml: &str, host: &Host) -> Result<Box<dyn Tracker>, Vec<String>> {
    let node = crate::policy::node::parse(0, yaml).unwrap();
    let mut problems = Problems::default();
    let integrations = Integrations::read(Some(&node), None, "prometheus", &mut problems);
    let vault = Vault::new(host.clone(), None);
    let (scope, overrides) = (Scope::default(), Overrides::default());
    let cx =
        NoticeCx { integrations: &integrations, scope: &scope, vault: &vault, overrides: &overrides, host };
    let made = connect::tracker_of(to, None, &cx, &mut problems);
    made.filter(|_| problems.is_empty())
        .ok_or_else(|| problems.sorted().into_iter().map(|problem| problem.message.clone()).collect())
}

/// Does `step` within ten seconds; what it came to, and how many attempts were made.
pub(crate) async fn run(tracker: &dyn Tracker, step: &Step, host: &Host) -> (Effect, u32) {
    let allowance = Allowance::alone(host, crate::notify::TIMEOUT);
    let done = host.clock.timeout(crate::notify::TIMEOUT, tracker.run(step, &allowance)).await;
    let late = || Effect::because(crate::gate::outcome::ActionStatus::Unknown, "nothing within its time");
    (done.unwrap_or_else(late), allowance.attempts())
}

/// The message about `record` after a rollback.
pub(crate) fn message_of(record: &Record) -> Message {
    let told = Told {
        record,
        status: Status::Gate(On::Rollback),
        rollback: &[],
        pipeline: None,
        deployment: "id:d-1",
        at: start(),
    };
    Message::of(&told, &crate::host::secret::Redactor::default())
}

/// A run that came to a rollback by one failed check.
pub(crate) fn failed() -> Record {
    let mut record = record();
    record.checks = vec![check("error_rate", Some(Outcome::Failed), Some(Verdict::Rollback), 0.08)];
    record
}

/// The same with everything that comes from outside hostile and long.
pub(crate) fn hostile() -> Record {
    let evil = "\"\\{code}[~admin]!x!*b*<script>&#123;@here\u{202e}\u{200b}\n::error::|h1. ".repeat(2_000);
    let mut record = failed();
    record.service = Some(evil.clone());
    record.version = Some(evil.clone());
    record.environment = Some(evil.clone());
    record.policy = evil.clone();
    record.checks = vec![check(&evil, Some(Outcome::Failed), Some(Verdict::Rollback), 0.08); 40];
    for check in &mut record.checks {
        check.reason = evil.clone();
    }
    record
}
