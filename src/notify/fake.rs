//! Channels over scripted receivers, for this folder's tests. Must not be built outside tests.

use std::time::Duration;

use super::message::{Message, Status, Told};
use super::testing::HOSTILE;
use super::{Channel, NoticeCx, connect};
use crate::api::Allowance;
use crate::api::effect::Acted;
use crate::gate::outcome::{ActionRecord, ActionStatus, Outcome, Verdict};
use crate::host::Host;
use crate::host::secret::Redactor;
use crate::host::vault::Vault;
use crate::policy::integration::Integrations;
use crate::policy::node::{Node, parse};
use crate::policy::notices::{On, read};
use crate::policy::overrides::Overrides;
use crate::policy::problem::Problems;
use crate::policy::template::Scope;
use crate::rollback::testing::{Answer, FakeHttp, check, host, record, start};

/// The channel of the one notification of `yaml`, or all that is wrong with it; warnings do not count.
pub(crate) fn channel(yaml: &str, host: &Host) -> Result<Box<dyn Channel>, Vec<String>> {
    let node = parse(0, yaml).unwrap();
    let mut problems = Problems::default();
    let part = |key: &str| -> Option<Node> {
        let crate::policy::node::Data::Map(entries) = &node.data else { panic!("no mapping") };
        entries.iter().find(|(name, _)| name.name == key).map(|(_, node)| node.clone())
    };
    let integrations = Integrations::read(part("integrations").as_ref(), None, "prometheus", &mut problems);
    let specs = read(&part("notifications").unwrap(), &mut problems);
    let (scope, vault) = (Scope::default(), Vault::new(host.clone(), None));
    let overrides = Overrides::default();
    let cx =
        NoticeCx { integrations: &integrations, scope: &scope, vault: &vault, overrides: &overrides, host };
    let mut notices = connect(&specs, &cx, &mut problems);
    if notices.len() == 1 && !problems.any_fault() {
        return Ok(notices.remove(0).channel);
    }
    Err(problems.sorted().into_iter().map(|problem| problem.message.clone()).collect())
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

/// What sending `message` by the notification of `yaml` came to, as the report has it.
pub(crate) async fn send(yaml: &str, message: &Message, script: &[Answer]) -> (ActionRecord, FakeHttp) {
    let (host, http) = host(script);
    let channel = channel(yaml, &host).unwrap();
    (sent(&*channel, message, &host).await, http)
}

/// What sending `message` by `channel` came to, as the report has it.
pub(crate) async fn sent(channel: &dyn Channel, message: &Message, host: &Host) -> ActionRecord {
    let allowance = Allowance::alone(host, Duration::from_secs(60));
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

/// How each script of answers ends: the status, how often it was asked, and words of the reason.
pub(crate) type Fault<'a> = (&'a [Answer], ActionStatus, usize, &'a str);

/// Sends `message` against each of `faults`, and checks how that ends.
pub(crate) async fn faults(yaml: &str, message: &Message, faults: &[Fault<'_>]) {
    for (script, status, asked, words) in faults {
        let (action, http) = send(yaml, message, script).await;
        let reason = action.reason.clone().unwrap_or_default();
        let seen = http.seen.lock().unwrap().len();
        assert_eq!((action.status, seen), (*status, *asked), "{script:?}: {reason}");
        assert_eq!(action.attempts as usize, *asked, "{script:?}");
        assert!(reason.contains(words), "{script:?}: `{reason}` lacks `{words}`");
        assert!(!reason.ends_with('.') && !reason.contains('\n'), "{reason}");
    }
}
