//! The `github_dispatch` trigger: an event of a repository's own that workflows with `repository_dispatch` run on. Must
//! not call it confirmed that one did: GitHub takes events that nothing runs on.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Method;
use serde_json::{Map, Value, json};

use super::access::Text;
use super::answer::reason;
use super::github::{API_URL, Hub, HubSpec, REPOSITORY, TOKEN};
use super::values::{Values, Written};
use super::{ACTING, Effect, Order, Trigger, TriggerCx, TriggerKind, TriggerSpec};
use crate::api::remote::Hints;
use crate::api::{Allowance, Question};
use crate::event;
use crate::gate::outcome::ActionStatus;
use crate::policy::exposure::Exposure;
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::template::Scope;

/// Characters of an event's type that GitHub takes at most.
const LONGEST_TYPE: usize = 100;

/// Keys beside the event's own that GitHub takes at most.
const MOST_KEYS: usize = 9;

/// Bytes of a payload that GitHub takes less than.
const LARGEST: usize = 64 * 1024;

/// The key of the payload under which the event stands.
const OURS: &str = "rollgate";

/// What to do about a dispatch that is refused.
const HINTS: Hints<'_> = &[
    (
        403,
        "the token may not send events: in GitHub Actions give the job `permissions: {contents: write}`, else give the token write access to Contents",
    ),
    (
        404,
        "check `repository`, and that the token may write to its Contents (that of a workflow: in its own repository, with `permissions: {contents: write}`): GitHub answers the same for both",
    ),
    (422, "check `event_type` and `payload`"),
];

/// The `github_dispatch` trigger.
pub struct GithubDispatch;

static FIELDS: &[Field] = &[
    REPOSITORY,
    Field::new(
        "event_type",
        Shape::Text,
        "the type that workflows wait for, at most 100 characters; default `rollback_pipeline`",
    ),
    Field::new(
        "payload",
        Shape::AnyMap,
        "what goes along beside the event, which is under `rollgate`: at most 9 keys; `{{rollback_of}}` and `{{rollback_id}}` are known in it",
    ),
    TOKEN,
    API_URL,
];

#[derive(Debug)]
struct Spec {
    hub: HubSpec,
    event_type: Text,
    payload: Written,
}

impl TriggerKind for GithubDispatch {
    fn name(&self) -> &'static str {
        "github_dispatch"
    }

    fn summary(&self) -> &'static str {
        "sends an event to a GitHub repository"
    }

    fn example(&self) -> &'static str {
        "kind: github_dispatch\nrepository: acme/shop\nevent_type: rollback\npayload: {service: \"{{service_name}}\"}\ntoken_ref: github-token\n"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>> {
        let hub = HubSpec::read(body, self.name());
        let event_type = Text::read(body, self.name(), "event_type");
        let payload = Written::json(body, "payload");
        if let Some(payload) = &payload {
            if payload.len() > MOST_KEYS {
                let message =
                    format!("expected at most {MOST_KEYS} keys of `payload`, found {}", payload.len());
                let help = "GitHub takes ten, of which one holds the event: put yours into one of them";
                body.problems.push(Problem::at(payload.place, message).help(help));
            }
            if payload.names().any(|name| name == OURS) {
                body.fault(payload.place, format!("the key `{OURS}` of `payload` holds the event itself"));
            }
        }
        Some(Box::new(Spec { hub: hub?, event_type: event_type?, payload: payload? }))
    }
}

impl TriggerSpec for Spec {
    fn exposure(&self) -> Option<Exposure<'_>> {
        self.hub.exposure()
    }

    fn told(&self, scope: &Scope) -> String {
        let name = self.event_type.told(scope, "");
        let name = if name.is_empty() {
            "the event that `rollback_pipeline` names".to_owned()
        } else {
            format!("the event `{name}`")
        };
        let to = self.hub.told(scope);
        format!(
            "sends {name} to {to}; confirmed when GitHub takes it, which it does whether or not a workflow runs on it"
        )
    }

    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>> {
        let hub = self.hub.render(cx, problems);
        let mut noted = |problem: Problem| problems.push(problem);
        let event_type = self.event_type(cx).map_err(&mut noted).ok();
        let payload = self.payload.render(cx).map_err(&mut noted).ok();
        let room = LARGEST - event::LARGEST - 1024;
        if let Some(payload) = payload.as_ref().filter(|payload| payload.bytes() > room) {
            let message = format!("expected a `payload` of at most {room} bytes, found {}", payload.bytes());
            noted(Problem::at(self.payload.place, message).help("GitHub takes 64 KB, the event included"));
        }
        Some(Box::new(Dispatch { hub: hub?, event_type: event_type?, payload: payload? }))
    }
}

impl Spec {
    fn event_type(&self, cx: &TriggerCx<'_>) -> Result<String, Problem> {
        let help = "write `event_type: rollback`, or name it by `rollback_pipeline`";
        let text = self.event_type.render(cx, cx.pipeline, help)?;
        let length = text.chars().count();
        if length > LONGEST_TYPE {
            let message =
                format!("expected an `event_type` of at most {LONGEST_TYPE} characters, found {length}");
            return Err(self.event_type.fault(message).help("GitHub takes no more"));
        }
        Ok(text)
    }
}

/// An event, ready to be sent.
#[derive(Debug)]
struct Dispatch {
    hub: Hub,
    event_type: String,
    payload: Values,
}

impl Trigger for Dispatch {
    fn kind(&self) -> &'static str {
        GithubDispatch.name()
    }

    fn target(&self) -> String {
        format!("{} to {}", self.event_type, self.hub.repository())
    }

    fn identity(&self) -> String {
        self.hub.identity(&self.event_type)
    }

    fn budget(&self) -> Duration {
        ACTING
    }

    fn preflight<'a>(&'a self, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.hub.check(allowance).await.map_err(reason) })
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move { self.send(order).await.unwrap_or_else(|effect| effect) })
    }
}

impl Dispatch {
    async fn send(&self, order: &Order<'_>) -> Result<Effect, Effect> {
        let allowance = &order.allowance;
        let failed = |why: String| Effect::because(ActionStatus::Failed, why);
        let event: Value = serde_json::from_slice(&order.event.json)
            .map_err(|error| failed(format!("the event is no JSON: {error}")))?;
        let mut payload = Map::new();
        payload.insert(OURS.to_owned(), event);
        payload.extend(self.payload.json(order.event).map_err(failed)?);
        let document = json!({ "event_type": self.event_type, "client_payload": payload });
        let question = Question::json(Method::POST, self.hub.url(&["dispatches"]), &document);
        let answer = self.hub.ask(&question, allowance).await?;
        if answer.status != 204 {
            // Any other answer of success is JSON, or comes from somebody else.
            self.hub.json(&answer, HINTS, allowance.host)?;
        }
        let reason = "GitHub has taken the event; it does not say whether a workflow runs on it";
        Ok(Effect { reason: Some(reason.to_owned()), ..Effect::confirmed(answer.status) })
    }
}

#[cfg(test)]
mod tests {
    use ActionStatus::{Confirmed, Failed};

    use super::*;
    use crate::rollback::testing::{Answer, Row, alone, on_the_way, once_in, preflight, problems_in, table};

    const SEND: &str = "kind: github_dispatch\nrepository: acme/shop\npayload: {service: \"{{odd}}\", of: \"{{rollback_of}}\", nested: {deep: [1, 2.5, true, null, \"{{service_name}}\"]}}\ntoken_ref: github-pat\n";
    const ENV: &[(&str, &str)] = &[("GITHUB_PAT", "ghp_0123456789abcdef")];

    #[tokio::test]
    async fn the_event_goes_under_one_key() {
        let (action, seen) = once_in(SEND, ENV, &[Answer::Status(204, "")]).await;
        assert_eq!((action.status, action.http_status, action.attempts), (Confirmed, Some(204), 1));
        assert_eq!(action.target, "rollback-checkout to acme/shop");
        assert!(action.reason.unwrap().contains("does not say whether a workflow runs on it"));
        assert_eq!(seen[0].url.as_str(), "https://api.github.com/repos/acme/shop/dispatches");
        assert_eq!(seen[0].headers["authorization"], "Bearer ghp_0123456789abcdef");
        let mut sent: Value = serde_json::from_slice(&seen[0].body).unwrap();
        let event = sent["client_payload"].as_object_mut().unwrap().remove("rollgate").unwrap();
        assert_eq!((&event["schema"], &event["rollback_of"]), (&json!("rollgate.event/v1"), &json!("1.4.0")));
        assert_eq!(event["id"].as_str(), action.id.as_deref());
        let payload = json!({ "service": "a\"&b=c", "of": "1.4.0", "nested": { "deep": [1, 2.5, true, null, "checkout"] } });
        assert_eq!(sent, json!({ "event_type": "rollback-checkout", "client_payload": payload }));
    }

    #[tokio::test]
    async fn every_way_to_go_wrong_says_what_to_do() {
        let rows: &[Row<'_>] = &[
            (
                &[Answer::Status(401, r#"{"message":"Bad credentials"}"#)],
                Failed,
                1,
                "check the secret of `token_ref`",
            ),
            (
                &[Answer::Status(403, r#"{"message":"Resource not accessible by integration"}"#)],
                Failed,
                1,
                "`permissions: {contents: write}`",
            ),
            (
                &[Answer::Status(404, r#"{"message":"Not Found"}"#)],
                Failed,
                1,
                "GitHub answers the same for both",
            ),
            (
                &[Answer::Status(
                    422,
                    r#"{"message":"Invalid request.\n\nNo more than 10 properties are allowed; 11 were supplied."}"#,
                )],
                Failed,
                1,
                "`Invalid request. No more than 10 properties are allowed; 11 were supplied.`; check `event_type`",
            ),
        ];
        let yaml = SEND.replace("github-pat", "hook-secret");
        on_the_way(&yaml, &[], Answer::Status(204, "")).await;
        table(&yaml, &[], rows).await;
    }

    #[tokio::test]
    async fn preflight_reads_the_repository_only() {
        let yaml = SEND.replace("github-pat", "hook-secret");
        assert_eq!(preflight(&yaml, &[Answer::Status(200, r#"{"default_branch":"main"}"#)]).await, Ok(()));
        let why = preflight(&yaml, &[Answer::Status(404, "{}")]).await.unwrap_err();
        assert!(why.contains("check `repository`"), "{why}");
        let (trigger, host, http) = alone(SEND, ENV, &[Answer::Status(200, "{}")]);
        let allowance = Allowance::alone(&host, Duration::from_secs(60));
        assert_eq!(trigger.preflight(&allowance).await, Ok(()));
        assert!(trigger.follow(&Effect::confirmed(204), &allowance).is_none());
        let seen = http.requests();
        assert_eq!((seen.len(), seen[0].method.as_str()), (1, "GET"));
    }

    #[test]
    fn every_fault_is_told() {
        let with =
            |rest: &str| format!("kind: github_dispatch\nrepository: a/b\ntoken_ref: github-pat\n{rest}");
        let many: String = (0..10).map(|n| format!("  k{n}: x\n")).collect();
        let deep = format!("payload: {{a: {}{}}}", "[".repeat(20), "]".repeat(20));
        for (yaml, expected) in [
            (with(&format!("event_type: {}", "x".repeat(101))), "at most 100 characters, found 101"),
            (with(&format!("payload:\n{many}")), "expected at most 9 keys of `payload`, found 10"),
            (with("payload: {rollgate: x}"), "the key `rollgate` of `payload` holds the event itself"),
            (with("payload: x"), "expected a mapping for `payload`, found `x`"),
            (with("payload: {a: {b: \"{{nobody}}\"}}"), "the variable `nobody` is not defined"),
            (
                with(&format!("payload: {{a: {}}}", "x".repeat(60_000))),
                "expected a `payload` of at most 48128 bytes",
            ),
            (with(&deep), "nested too deeply"),
            ("kind: github_dispatch\n".to_owned(), "`repository` is missing in a `github_dispatch` trigger"),
        ] {
            let found = problems_in(&yaml, ENV);
            assert!(found.iter().any(|p| p.contains(expected)), "{yaml:.200}\n{found:?}");
        }
    }
}
