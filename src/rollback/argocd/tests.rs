//! What Argo CD is asked, and what is made of its answers.

use std::time::Duration;

use crate::api::{Allowance, Effect};
use crate::gate::outcome::ActionStatus::{self, Confirmed, Failed};
use crate::rollback::testing::{
    Answer, fire_one, follow, host, on_the_way, once, preflight, problems, table, triggers,
};

const YAML: &str =
    "kind: argocd\nurl: \"https://cd.example/argo\"\napplication: checkout\ntoken_ref: hook-secret\n";

macro_rules! application {
    ($sync:literal, $history:literal) => {
        Answer::Status(
            200,
            concat!(
                r#"{"metadata":{"name":"checkout"},"spec":{"syncPolicy":{"#,
                $sync,
                r#"}},"status":{"history":["#,
                $history,
                r#"],"operationState":{"phase":"Succeeded","startedAt":"2026-01-01T00:00:00Z"}}}"#
            ),
        )
    };
}

const TWO: Answer = application!("", r#"{"id":6,"revision":"b"},{"id":5,"revision":"a"}"#);
const AUTOMATED: Answer =
    application!(r#""automated":{"prune":true}"#, r#"{"id":6,"revision":"b"},{"id":5,"revision":"a"}"#);
const BACK: Answer =
    application!("", r#"{"id":5,"revision":"a"},{"id":6,"revision":"b"},{"id":7,"revision":"a"}"#);
const ANEW: Answer =
    application!("", r#"{"id":5,"revision":"a"},{"id":6,"revision":"b"},{"id":7,"revision":"c"}"#);
const AGAIN: Answer =
    application!("", r#"{"id":5,"revision":"a"},{"id":6,"revision":"b"},{"id":7,"revision":"b"}"#);
const REFUSED: Answer = Answer::Status(
    400,
    r#"{"error":"rollback cannot be initiated when auto-sync is enabled","code":9,"message":"rollback cannot be initiated when auto-sync is enabled"}"#,
);

#[tokio::test]
async fn the_previous_entry_is_named() {
    let (action, http) = once(YAML, &[TWO]).await;
    assert_eq!((action.status, action.attempts), (Confirmed, 1));
    assert_eq!(action.reason.as_deref(), Some("taken back from history id 6 to 5"));
    assert_eq!(action.url.as_deref(), Some("https://cd.example/argo/applications/checkout"));
    assert_eq!(action.target, "checkout at https://cd.example");
    let requests = http.requests();
    assert_eq!(requests[0].url.as_str(), "https://cd.example/argo/api/v1/applications/checkout");
    assert_eq!(requests[1].url.as_str(), "https://cd.example/argo/api/v1/applications/checkout/rollback");
    assert_eq!(requests[1].headers["authorization"], "Bearer whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert_eq!(requests[1].body, r#"{"name":"checkout","id":5,"prune":false,"dryRun":false}"#);
    let own = format!("{YAML}app_namespace: team\nhistory_id: 5\nprune: true\n");
    let (action, http) = once(&own, &[TWO]).await;
    assert_eq!(action.url.as_deref(), Some("https://cd.example/argo/applications/team/checkout"));
    let requests = http.requests();
    assert_eq!(requests[0].url.query(), Some("appNamespace=team"));
    assert_eq!(
        requests[1].body,
        r#"{"name":"checkout","id":5,"prune":true,"dryRun":false,"appNamespace":"team"}"#
    );
}

#[tokio::test]
async fn whatever_happens_it_is_not_asked_twice() {
    on_the_way(YAML, &[TWO], TWO).await;
    let denied =
        Answer::Status(403, r#"{"error":"permission denied","code":7,"message":"permission denied"}"#);
    let unknown = Answer::Status(
        401,
        r#"{"error":"no session information","code":16,"message":"no session information"}"#,
    );
    let busy = Answer::Status(
        400,
        r#"{"error":"another operation is already in progress","code":9,"message":"another operation is already in progress"}"#,
    );
    table(
        YAML,
        &[],
        &[
            (&[TWO, REFUSED], Failed, 1, "turn it off by `argocd app set checkout --sync-policy none`"),
            (&[TWO, busy], Failed, 1, "argocd app terminate-op"),
            (&[TWO, denied.clone()], Failed, 1, "check `application` and the account's policy"),
            (&[TWO, unknown.clone()], Failed, 1, "`no session information`; check `token_ref`"),
            (&[AUTOMATED], Failed, 0, "`checkout` is synced automatically"),
            (&[BACK], Failed, 0, "it looks rolled back already"),
            (&[denied], Failed, 0, "answered 403 `permission denied`"),
            (&[unknown], Failed, 0, "check `token_ref`"),
            (&[Answer::Never], Failed, 0, "did not tell the application's history"),
            (&[Answer::Refused], Failed, 0, "no"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_would_keep_it_from_going_back_is_found_before_anything_is_measured() {
    assert_eq!(preflight(YAML, &[TWO]).await, Ok(()));
    for (answer, says) in [
        (AUTOMATED, "--sync-policy none"),
        (BACK, "it looks rolled back already"),
        (application!("", r#"{"id":1,"revision":"a"}"#), "no other deployment"),
        (application!("", ""), "has no history"),
        (Answer::Status(200, r#"{"metadata":{"deletionTimestamp":"2026"}}"#), "is being deleted"),
        (Answer::Status(403, r#"{"message":"permission denied"}"#), "permission denied"),
        (Answer::Full(200, &[("content-type", "text/html")], "<html>"), "expected JSON from Argo CD"),
        (Answer::Header(307, "location", "https://sso.example/"), "redirects to sso.example:443"),
    ] {
        let told = preflight(YAML, &[answer]).await.unwrap_err();
        assert!(told.contains(says), "{told}");
    }
}

#[tokio::test]
async fn the_entry_is_chosen_before_and_kept() {
    let rows: &[(&[Answer], ActionStatus, usize, &str)] = &[
        (&[TWO, TWO], Confirmed, 1, "from history id 6 to 5"),
        (&[TWO, BACK], Confirmed, 0, "it was taken back already"),
        (&[TWO, ANEW], Failed, 0, "as history id 7 after 6"),
        (&[TWO, AGAIN], Confirmed, 1, "to 5"),
        (&[TWO, AUTOMATED], Failed, 0, "is synced automatically"),
        (&[TWO, Answer::Status(403, ""), TWO], Confirmed, 1, "to 5"),
    ];
    for (script, status, acted, says) in rows {
        let (host, http) = host(script);
        let trigger = triggers(YAML, &host).unwrap().remove(0);
        trigger.preflight(&Allowance::alone(&host, Duration::from_secs(30))).await.unwrap();
        let effect = fire_one(&*trigger, &host).await;
        assert_eq!((effect.status, http.acting()), (*status, *acted), "{script:?} {effect:?}");
        assert!(effect.reason.as_deref().unwrap().contains(says), "{effect:?}");
    }
}

#[tokio::test]
async fn a_rollback_is_followed_from_its_own_operation_on() {
    let before = "2026-01-01T00:00:00Z";
    for (body, words, ended) in [
        (
            r#"{"operation":{"sync":{}},"status":{"operationState":{"phase":"Running","startedAt":"x"}}}"#,
            "waits to begin",
            None,
        ),
        (
            r#"{"status":{"operationState":{"phase":"Succeeded","startedAt":"2026-01-01T00:00:00Z"},"health":{"status":"Healthy"}}}"#,
            "waits to begin",
            None,
        ),
        (r#"{"status":{"operationState":{"phase":"Running","startedAt":"x"}}}"#, "Running", None),
        (
            r#"{"status":{"operationState":{"phase":"Succeeded","startedAt":"x"},"health":{"status":"Progressing"}}}"#,
            "Succeeded, Progressing",
            None,
        ),
        (
            r#"{"status":{"operationState":{"phase":"Succeeded","startedAt":"x"},"health":{"status":"Healthy"}}}"#,
            "Succeeded, Healthy",
            Some(true),
        ),
        (
            r#"{"status":{"operationState":{"phase":"Failed","startedAt":"x","message":"one or more objects failed"}}}"#,
            "Failed: one or more objects failed",
            Some(false),
        ),
    ] {
        let stands = follow(YAML, before, &[Answer::Status(200, body)]).await.unwrap();
        assert_eq!((stands.words.as_str(), stands.ended), (words, ended), "{body}");
    }
    let (host, _) = host(&[TWO]);
    let trigger = triggers(YAML, &host).unwrap().remove(0);
    assert_eq!(fire_one(&*trigger, &host).await.handle.as_deref(), Some(before));
    assert!(trigger.follow(&Effect::confirmed(200), &Allowance::alone(&host, Duration::ZERO)).is_none());
}

#[test]
fn every_fault_is_told() {
    for (yaml, expected) in [
        ("kind: argocd\ntoken_ref: hook-secret", "`url` is missing in a `argocd` trigger"),
        ("kind: argocd\nurl: \"https://h\"", "`token_ref` is missing in a `argocd` trigger"),
        ("kind: argocd\nurl: \"ftp://h\"\ntoken_ref: hook-secret", "found `ftp://h`"),
        (
            "kind: argocd\nurl: \"https://h\"\ntoken_ref: hook-secret\nhistory_id: last",
            "expected a whole number",
        ),
        (
            "kind: argocd\nurl: \"https://h\"\ntoken_ref: hook-secret\nprune: maybe",
            "expected `true` or `false`",
        ),
        ("kind: argocd\nurl: \"https://h\"\ntoken_ref: gone", "the secret `gone` is not found"),
    ] {
        let found = problems(yaml);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{yaml}\n{found:?}");
    }
}
