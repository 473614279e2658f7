//! What CircleCI is asked, and what is made of its answers.

use serde_json::{Value, json};

use crate::gate::outcome::ActionStatus::{Confirmed, Failed};
use crate::rollback::testing::{Answer, follow, on_the_way, once, preflight, problems, table};

const YAML: &str = "kind: circleci\nproject_slug: gh/acme/web shop\nbranch: main\nparameters: {rollback: true, tries: 3, text: \"3\", of: \"{{rollback_of}}\", odd: \"{{odd}}\"}\ntoken_ref: hook-secret\n";
const CREATED: Answer = Answer::Status(
    201,
    r#"{"id":"5034460f-c7c4-4c43-9457-de07e2029e7b","state":"created","number":25,"created_at":"2026-11-25T03:00:00.000Z"}"#,
);

#[tokio::test]
async fn a_pipeline_is_started_with_parameters_of_their_types() {
    let (action, http) = once(YAML, &[CREATED]).await;
    assert_eq!((action.status, action.http_status, action.attempts), (Confirmed, Some(201), 1));
    assert_eq!(action.url.as_deref(), Some("https://app.circleci.com/pipelines/gh/acme/web shop/25"));
    let request = http.requests().remove(0);
    assert_eq!(request.url.as_str(), "https://circleci.com/api/v2/project/gh/acme/web%20shop/pipeline");
    assert_eq!(request.headers["circle-token"], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let parameters = json!({"rollback": true, "tries": 3, "text": "3", "of": "1.4.0", "odd": "a\"&b=c"});
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, json!({"branch": "main", "parameters": parameters}));
    let defined = YAML.replace("branch: main", "tag: v1\ndefinition_id: d-1");
    let (action, http) = once(&defined, &[CREATED]).await;
    assert_eq!(action.target, "gh/acme/web shop (d-1)");
    let request = http.requests().remove(0);
    assert!(request.url.path().ends_with("/pipeline/run"));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let tag = json!({"tag": "v1"});
    assert_eq!(
        body,
        json!({"definition_id": "d-1", "parameters": parameters, "config": tag, "checkout": tag})
    );
}

#[tokio::test]
async fn whatever_happens_it_is_not_started_twice() {
    on_the_way(YAML, &[], CREATED).await;
    table(
        YAML,
        &[],
        &[
            (
                &[Answer::Status(400, r#"{"message":"Unexpected argument(s): of"}"#)],
                Failed,
                1,
                "`Unexpected argument(s): of`; check `parameters`",
            ),
            (
                &[Answer::Status(401, r#"{"message":"You must log in first."}"#)],
                Failed,
                1,
                "no tokens of a project",
            ),
            (
                &[Answer::Status(403, r#"{"message":"Permission denied."}"#)],
                Failed,
                1,
                "may not start pipelines",
            ),
            (&[Answer::Status(404, r#"{"message":"Project not found"}"#)], Failed, 1, "check `project_slug`"),
            (
                &[Answer::Status(200, r#"{"message":"pipeline was filtered out"}"#)],
                Failed,
                1,
                "started nothing: `pipeline was filtered out`",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_project_that_cannot_be_seen_is_found_before_anything_is_measured() {
    assert_eq!(preflight(YAML, &[Answer::Status(200, r#"{"slug":"gh/acme/shop"}"#)]).await, Ok(()));
    let told = preflight(YAML, &[Answer::Status(404, r#"{"message":"Project not found"}"#)]).await;
    assert!(told.unwrap_err().contains("check `project_slug`"));
}

#[tokio::test]
async fn a_pipeline_is_followed_by_its_workflows() {
    let workflows = |body: &'static str| vec![Answer::Status(200, body)];
    let none = Answer::Status(200, r#"{"items":[],"next_page_token":null}"#);
    let errored = r#"{"state":"errored","errors":[{"type":"config","message":"Job test is not defined"}]}"#;
    for (script, words, ended) in [
        (
            workflows(r#"{"items":[{"name":"a","status":"success"},{"name":"b","status":"running"}]}"#),
            "workflow `b` is running",
            None,
        ),
        (
            workflows(r#"{"items":[{"name":"a","status":"success"},{"name":"b","status":"not_run"}]}"#),
            "success",
            Some(true),
        ),
        (
            workflows(r#"{"items":[{"name":"a","status":"running"},{"name":"b","status":"failed"}]}"#),
            "workflow `b` is failed",
            Some(false),
        ),
        (workflows(r#"{"items":[{"name":"a","status":"failing"}]}"#), "workflow `a` is failing", None),
        (
            workflows(r#"{"items":[{"name":"a","status":"on_hold"}]}"#),
            "workflow `a` is on hold: a person must approve it",
            None,
        ),
        (workflows(r#"{"items":[{"name":"a","status":"not_run"}]}"#), "no workflow was run", Some(false)),
        (
            workflows(
                r#"{"items":[{"name":"a","status":"success","created_at":"2026-11-25T03:05:00Z"},{"name":"a","status":"failed","created_at":"2026-11-25T03:00:00Z"}]}"#,
            ),
            "success",
            Some(true),
        ),
        (vec![none.clone(), Answer::Status(200, r#"{"state":"setup-pending"}"#)], "setup-pending", None),
        (vec![none, Answer::Status(200, errored)], "errored: Job test is not defined", Some(false)),
    ] {
        let stands = follow(YAML, "5034460f", &script).await.unwrap();
        assert_eq!((stands.words.as_str(), stands.ended), (words, ended), "{script:?}");
    }
}

#[test]
fn every_fault_is_told() {
    let with = |rest: &str| format!("kind: circleci\nproject_slug: gh/a/b\n{rest}");
    for (yaml, expected) in [
        (with(""), "`token_ref` is missing in a `circleci` trigger"),
        ("kind: circleci\ntoken_ref: hook-secret".to_owned(), "`project_slug` is missing"),
        (with("token_ref: hook-secret\nbranch: a\ntag: b"), "expected `branch` or `tag`, found both"),
        (with("token_ref: hook-secret\nparameters: [a]"), "expected a mapping for `parameters`"),
        (
            with("token_ref: hook-secret").replace("gh/a/b", "acme/shop"),
            "expected a slug like `gh/acme/shop`, found `acme/shop`",
        ),
        (with("token_ref: hook-secret").replace("gh/a/b", "gh/../b"), "found `gh/../b`"),
        (with("token_ref: gone"), "the secret `gone` is not found"),
    ] {
        let found = problems(&yaml);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{yaml}\n{found:?}");
    }
}
