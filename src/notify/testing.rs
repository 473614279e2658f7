//! What the tests of channels send, a rollback as it is and messages made of nothing but hostile texts, and what comes of
//! it. Must not be built outside tests.

use std::time::Duration;

use serde_json::Value;

use super::message::{CheckLine, Fact, LinkTo, Message, RollbackLine, Status, Told};
use super::{Channel, NoticeCx, connect};
use crate::api::effect::Acted;
use crate::api::{Allowance, Effect};
use crate::gate::outcome::{ActionRecord, ActionStatus, Outcome, Verdict};
use crate::host::Host;
use crate::host::secret::Redactor;
use crate::host::vault::Vault;
use crate::policy::integration::Integrations;
use crate::policy::model::FailureAction;
use crate::policy::node;
use crate::policy::notices::{self, On};
use crate::policy::overrides::Overrides;
use crate::policy::problem::Problems;
use crate::policy::template::Scope;
use crate::rollback::testing::{Answer, FakeHttp, check, host, record, start};

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

/// The channel of the integration `x` that `entry` describes (flow YAML), as a notification with `fields` of its own
/// tells it, or all that is wrong.
pub(crate) fn channel(entry: &str, fields: &str, host: &Host) -> Result<Box<dyn Channel>, Vec<String>> {
    let mut problems = Problems::default();
    let node = node::parse(0, &format!("x: {entry}")).unwrap();
    let integrations = Integrations::read(Some(&node), None, "prometheus", &mut problems);
    let fields = if fields.is_empty() { String::new() } else { format!(", {fields}") };
    let notice = node::parse(0, &format!("{{to: x{fields}}}")).unwrap();
    let specs = notices::read(&notice, &mut problems);
    let cx = NoticeCx {
        integrations: &integrations,
        scope: &Scope::default(),
        vault: &Vault::new(host.clone(), None),
        overrides: &Overrides::default(),
        host,
    };
    let mut notices = connect(&specs, &cx, &mut problems);
    match notices.pop() {
        Some(notice) if problems.is_empty() => Ok(notice.channel),
        _ => Err(problems.sorted().into_iter().map(|problem| problem.message.clone()).collect()),
    }
}

/// What telling `message` by `channel` comes to, and how often it was tried.
pub(crate) async fn tell(channel: &dyn Channel, message: &Message, host: &Host) -> (Effect, u32) {
    let allowance = Allowance::alone(host, crate::notify::TIMEOUT);
    let effect = channel.send(message, None, &allowance).await;
    (effect, allowance.attempts())
}

/// An answer, how telling ends by it, how often it is sent, and what is said then.
pub(crate) type Row<'a> = (&'a [Answer], ActionStatus, u32, &'a str);

/// Tells a rollback by the channel that `entry` describes for each of `rows`, and holds what comes of it against them.
pub(crate) async fn table(entry: &str, rows: &[Row<'_>]) {
    for (script, status, sent, words) in rows {
        let (host, http) = host(script);
        let channel = channel(entry, "", &host).unwrap();
        let (effect, attempts) = tell(&*channel, &message(On::Rollback), &host).await;
        let reason = effect.reason.clone().unwrap_or_default();
        assert_eq!(effect.status, *status, "{script:?}: {reason}");
        assert!(reason.contains(words) && reason.is_empty() == words.is_empty(), "{script:?}: {reason}");
        assert_eq!(
            (http.seen.lock().unwrap().len(), attempts as usize),
            (*sent as usize, *sent as usize),
            "{script:?}"
        );
        assert!(!reason.contains("sesame-sesame"), "{script:?}: {reason}");
    }
}

/// What ends alike whatever the system: answers by others in its place, and no answers.
pub(crate) fn common() -> Vec<Row<'static>> {
    use ActionStatus::{Failed, Unknown};
    vec![
        (&[Answer::Status(401, "{}")], Failed, 1, "answered 401"),
        (&[Answer::Status(403, "{}")], Failed, 1, "it may have been revoked"),
        (&[Answer::Status(404, "")], Failed, 1, "it may have been removed"),
        (&[Answer::Status(500, "")], Failed, 1, "answered 500"),
        (
            &[Answer::Status(502, "")],
            Unknown,
            1,
            "a proxy answered 502 in its place; it may have been received",
        ),
        (&[Answer::Status(504, "")], Unknown, 1, "a proxy answered 504"),
        (&[Answer::Refused], Failed, 5, "Connection refused"),
        (&[Answer::Never], Unknown, 1, "no answer within 10s; it may have been received"),
        (&[Answer::Broken], Unknown, 1, "the connection broke after the request was sent"),
        (&[Answer::Status(200, "<html>Sign in</html>")], Unknown, 1, "expected"),
        (&[Answer::Status(203, "<html>Sign in</html>")], Unknown, 1, "expected"),
        (
            &[Answer::Header(302, "location", "https://login.example/")],
            Failed,
            1,
            "it redirects to login.example:443, which is not followed",
        ),
    ]
}

/// All texts of a JSON document, keys left out.
pub(crate) fn texts(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

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
    let (effect, attempts) = tell(channel, message, host).await;
    let action = Acted {
        kind: channel.kind(),
        purpose: "notify",
        target: channel.target(),
        attempts,
        id: Some(message.id.clone()),
        took: Duration::ZERO,
    };
    effect.record(action, &host.output.redactor)
}
