//! Messages for the tests of channels: a rollback as it is, and one made of nothing but hostile texts. Must not be built
//! outside tests.

use super::message::{CheckLine, Fact, LinkTo, Message, RollbackLine, Status, Told};
use crate::gate::outcome::{ActionStatus, Outcome, Verdict};
use crate::host::secret::Redactor;
use crate::policy::model::FailureAction;
use crate::policy::notices::On;
use crate::rollback::testing::{check, record, start};

/// What people are told of a rollback that was requested, with two checks, a run and a runbook.
pub(crate) fn message(on: On) -> Message {
    let mut record = record();
    record.run_url = Some("https://ci.example/runs/1".to_owned());
    record.checks = vec![
        check("error_rate", Some(Outcome::Failed), Some(Verdict::Rollback), 0.08),
        check("latency", Some(Outcome::Inconclusive), Some(Verdict::Inconclusive), 0.0),
    ];
    if on == On::Pass {
        record.verdict = Some(Verdict::Pass);
        record.checks = vec![check("error_rate", Some(Outcome::Passed), Some(Verdict::Pass), 0.0)];
    }
    let line = RollbackLine {
        kind: "webhook".to_owned(),
        target: "https://hooks.example/rollback".to_owned(),
        status: Some(ActionStatus::Confirmed),
        reason: None,
        url: Some("https://ci.example/rollbacks/7".to_owned()),
    };
    let lines = if on == On::Rollback { vec![line] } else { Vec::new() };
    let told = Told {
        record: &record,
        status: Status::Gate(on),
        rollback: &lines,
        pipeline: None,
        deployment: "id:d-1",
        at: start(),
    };
    let mut message = Message::of(&told, &Redactor::default());
    if on == On::Rollback {
        message.links.push((LinkTo::Runbook, "https://wiki.example/errors?a=(b)&c=[d]".to_owned()));
    }
    message
}

/// Texts that try to be markup of any system, to call everybody, to break JSON, or to be long.
pub(crate) const HOSTILE: &str = "\"}],\\ <!channel> <!here> <@U123> <@all> @all @here <at id=all></at> [x](https://evil.example) \
    ![i](https://evil.example/i.png) <https://evil.example|x> `code` *b* _i_ ~s~ **b** <b>&amp;</b> # h | t | {\"a\":1}";

/// A message all of whose texts are hostile, and long.
pub(crate) fn hostile() -> Message {
    let text = super::message::plain(&HOSTILE.repeat(400));
    let mut message = message(On::Rollback);
    let line = CheckLine {
        name: text.clone(),
        outcome: Some(Outcome::Failed),
        action: FailureAction::Rollback,
        value: Some("0.08".to_owned()),
        limit: Some(text.clone()),
        span: Some((start(), start())),
        reason: text.clone(),
        description: Some(text.clone()),
        runbook: Some(format!("https://wiki.example/{}", "r".repeat(1900))),
        dashboard: None,
    };
    message.about.clone_from(&text);
    message.reason.clone_from(&text);
    message.text = Some(text.clone());
    message.facts = vec![(Fact::Service, text.clone()); 20];
    message.checks = vec![line; 10];
    message.more = 90;
    message.disarmed = vec![text.clone()];
    for line in &mut message.rollback {
        line.target.clone_from(&text);
        line.reason = Some(text.clone());
    }
    message.links = vec![(LinkTo::Dashboard, format!("https://wiki.example/{}", "d".repeat(1900))); 8];
    message
}
