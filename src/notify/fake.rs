//! What the tests of several channels send, and what the report says of it. Must not be built outside tests.

use std::time::Duration;

use super::Channel;
use super::message::{Message, Status, Told};
use super::testing::{HOSTILE, channel};
use crate::api::Allowance;
use crate::api::effect::Acted;
use crate::gate::outcome::{ActionRecord, Outcome, Verdict};
use crate::host::Host;
use crate::host::secret::Redactor;
use crate::policy::notices::On;
use crate::rollback::testing::{Answer, FakeHttp, check, host, record, start};

/// A message about a gate whose every text is as bad as texts get, the event's too.
pub(crate) fn hostile_run() -> Message {
    let long = HOSTILE.repeat(400);
    let mut record = record();
    for text in [&mut record.service, &mut record.version, &mut record.environment] {
        *text = Some(long.clone());
    }
    record.policy.clone_from(&long);
    let bad = |index: usize| {
        let mut bad = check(&format!("{index}{long}"), Some(Outcome::Failed), Some(Verdict::Rollback), 0.08);
        bad.reason.clone_from(&long);
        bad
    };
    record.checks = (0..30).map(bad).collect();
    let told = Told {
        record: &record,
        status: Status::Gate(On::Rollback),
        rollback: &[],
        pipeline: Some(&long),
        deployment: "id:d-1",
        at: start(),
    };
    Message::of(&told, &Redactor::default())
}

/// What sending `message` by the integration `entry` (flow YAML) came to, as the report has it.
pub(crate) async fn send(entry: &str, message: &Message, script: &[Answer]) -> (ActionRecord, FakeHttp) {
    let (host, http) = host(script);
    let channel = channel(entry, "", &host).unwrap();
    (sent(&*channel, message, &host).await, http)
}

/// What sending `message` by `channel` came to, as the report has it.
pub(crate) async fn sent(channel: &dyn Channel, message: &Message, host: &Host) -> ActionRecord {
    let allowance = Allowance::alone(host, super::TIMEOUT);
    let effect = channel.send(message, None, &allowance).await;
    let action = Acted {
        kind: channel.kind(),
        purpose: "notify",
        target: channel.target(),
        attempts: allowance.attempts(),
        id: Some(message.id.clone()),
        took: Duration::ZERO,
    };
    effect.record(action, &host.output.redactor)
}
