//! What Buildkite is asked, and what is made of its answers.

use crate::gate::outcome::ActionStatus::{Confirmed, Failed};
use crate::rollback::testing::{Answer, follow, on_the_way, once, preflight, problems, table};

const YAML: &str = "kind: buildkite\norganization: acme\ntoken_ref: hook-secret\nenv: {SERVICE: \"{{odd}}\"}\nmeta_data: {of: \"{{rollback_of}}\"}\n";

const CREATED: Answer = Answer::Status(
    201,
    r#"{"id":"f62a1b4d","number":27,"state":"scheduled","web_url":"https://buildkite.com/acme/rollback-checkout/builds/27"}"#,
);

#[tokio::test]
async fn a_build_is_created_with_what_is_handed_over() {
    let (action, http) = once(YAML, &[CREATED]).await;
    assert_eq!((action.status, action.http_status, action.attempts), (Confirmed, Some(201), 1));
    assert_eq!(action.url.as_deref(), Some("https://buildkite.com/acme/rollback-checkout/builds/27"));
    assert_eq!(action.target, "acme/rollback-checkout");
    let request = http.requests().remove(0);
    assert_eq!(
        request.url.as_str(),
        "https://api.buildkite.com/v2/organizations/acme/pipelines/rollback-checkout/builds"
    );
    assert_eq!(request.headers["authorization"], "Bearer whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    let id = action.id.unwrap();
    let expected = serde_json::json!({
        "commit": "HEAD",
        "branch": "main",
        "message": "roll back 1.4.0",
        "env": {
            "ROLLGATE_VERDICT": "rollback",
            "ROLLGATE_PIPELINE": "rollback-checkout",
            "ROLLGATE_ROLLBACK_OF": "1.4.0",
            "ROLLGATE_ID": id,
            "SERVICE": "a\"&b=c",
        },
        "meta_data": { "rollgate_id": id, "of": "1.4.0" },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn whatever_happens_it_is_not_created_twice() {
    on_the_way(YAML, &[], CREATED).await;
    let invalid = r#"{"message":"Validation failed","errors":[{"field":"branch","code":"missing"}]}"#;
    table(
        YAML,
        &[],
        &[
            (&[Answer::Status(401, r#"{"message":"Authentication required. Please supply a valid API Access Token: https://buildkite.com/docs/apis/rest-api#authentication"}"#)], Failed, 1, "check `token_ref`"),
            (&[Answer::Status(403, r#"{"message":"Forbidden"}"#)], Failed, 1, "`Forbidden`; the token needs the scope `write_builds`"),
            (&[Answer::Status(404, r#"{"message":"Not Found"}"#)], Failed, 1, "check `organization` and `pipeline`"),
            (&[Answer::Status(422, invalid)], Failed, 1, "`Validation failed"),
            (&[Answer::Status(422, r#"{"message":"Branches have been disabled for this pipeline"}"#)], Failed, 1, "check `branch`"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_token_that_may_not_build_is_found_before_anything_is_measured() {
    let all = Answer::Status(200, r#"{"uuid":"u","scopes":["read_pipelines","write_builds"]}"#);
    let blind = Answer::Status(200, r#"{"uuid":"u","scopes":["write_builds"]}"#);
    let pipeline = Answer::Status(200, r#"{"slug":"rollback-checkout","archived_at":null}"#);
    assert_eq!(preflight(YAML, &[all.clone(), pipeline]).await, Ok(()));
    assert_eq!(preflight(YAML, &[blind, Answer::Status(403, "")]).await, Ok(()));
    for (script, says) in [
        (vec![Answer::Status(401, r#"{"message":"Authentication required"}"#)], "check `token_ref`"),
        (vec![Answer::Status(200, r#"{"scopes":["read_builds"]}"#)], "give it the scope `write_builds`"),
        (vec![all.clone(), Answer::Status(404, r#"{"message":"Not Found"}"#)], "check `organization`"),
        (vec![all, Answer::Status(200, r#"{"archived_at":"2026-01-01"}"#)], "is archived"),
    ] {
        let told = preflight(YAML, &script).await.unwrap_err();
        assert!(told.contains(says), "{told}");
    }
}

#[tokio::test]
async fn a_build_is_followed_to_its_end() {
    for (body, words, ended) in [
        (r#"{"state":"scheduled","blocked":false}"#, "scheduled", None),
        (r#"{"state":"failing","blocked":false}"#, "failing", None),
        (r#"{"state":"passed","blocked":false}"#, "passed", Some(true)),
        (r#"{"state":"passed","blocked":true}"#, "blocked: a person must unblock it", None),
        (r#"{"state":"blocked"}"#, "blocked: a person must unblock it", None),
        (r#"{"state":"failed"}"#, "failed", Some(false)),
        (r#"{"state":"canceled"}"#, "canceled", Some(false)),
        ("{}", "unknown", None),
    ] {
        let stands = follow(YAML, "27", &[Answer::Status(200, body)]).await.unwrap();
        assert_eq!((stands.words.as_str(), stands.ended), (words, ended), "{body}");
    }
    let lost = follow(YAML, "27", &[Answer::Status(404, r#"{"message":"Not Found"}"#)]).await;
    assert!(lost.unwrap_err().contains("answered 404"));
}

#[test]
fn every_fault_is_told() {
    for (yaml, expected) in [
        ("kind: buildkite\norganization: a", "`token_ref` is missing in a `buildkite` trigger"),
        ("kind: buildkite\ntoken_ref: hook-secret", "`organization` is missing in a `buildkite` trigger"),
        ("kind: buildkite\norganization: a\ntoken_ref: gone", "the secret `gone` is not found"),
        (
            "kind: buildkite\norganization: a\ntoken_ref: hook-secret\napi_url: \"https://u:p@h/\"",
            "expected a URL without user and password",
        ),
        ("kind: buildkite\norganization: \"{{nobody}}\"\ntoken_ref: hook-secret", "`nobody` is not defined"),
        (
            "kind: buildkite\norganization: a\ntoken_ref: hook-secret\nenv: [a]",
            "expected a mapping for `env`",
        ),
        (
            "kind: buildkite\norganization: a\ntoken_ref: hook-secret\nenv: {ROLLGATE_ID: x}",
            "`ROLLGATE_ID` is set by rollgate itself",
        ),
        ("kind: buildkite\norg: a\ntoken_ref: hook-secret", "`org` is not a field"),
    ] {
        let found = problems(yaml);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{yaml}\n{found:?}");
    }
}
