//! Jira over a scripted host: what is sent, how often, and what its answers come to.

use serde_json::{Value, json};

use crate::gate::outcome::ActionStatus::{self, Confirmed, Failed, Unknown};
use crate::host::http::Request;
use crate::rollback::testing::Answer::{self, Broken, Header, Never, Refused, Status};
use crate::rollback::testing::{FakeHttp, host};
use crate::track::note::Note;
use crate::track::testing::{failed, hostile, message_of, run, tracker};
use crate::track::{Step, Tracking};

const CLOUD: &str = "jira: {url: \"https://your-domain.atlassian.net\", auth: {type: basic, username: ci@example.com, password_ref: hook-secret}}";
const CENTER: &str = "jira: {url: \"https://jira.example.com/jira\", api_version: 2, auth: {type: pat, token_ref: hook-secret}}";

fn comment() -> Step {
    Step::Comment { issue: "PROJ-7".into(), note: Note::of(&message_of(&failed())) }
}

fn said() -> Step {
    Step::Comment { issue: "PROJ-7".into(), note: Note::text("hello") }
}

fn to_done() -> Step {
    Step::Transition { issue: "PROJ-7".into(), to: "done".into() }
}

async fn done(yaml: &str, step: &Step, script: &[Answer]) -> (crate::api::Effect, FakeHttp) {
    let (host, http) = host(script);
    let tracker = tracker("jira", yaml, &host).unwrap();
    (run(&*tracker, step, &host).await.0, http)
}

fn sent(http: &FakeHttp) -> Vec<Request> {
    http.seen.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test]
async fn a_comment_is_written_in_the_format_of_its_version() {
    let script = [Status(200, r#"{"comments":[]}"#), Status(201, r#"{"id":"10001"}"#)];
    let (effect, http) = done(CLOUD, &comment(), &script).await;
    assert_eq!((effect.status, effect.http_status), (Confirmed, Some(201)));
    assert_eq!(
        effect.url.as_deref(),
        Some("https://your-domain.atlassian.net/browse/PROJ-7?focusedCommentId=10001")
    );
    let all = sent(&http);
    assert_eq!(
        all[0].url.as_str(),
        "https://your-domain.atlassian.net/rest/api/3/issue/PROJ-7/comment?expand=properties&orderBy=-created&maxResults=50"
    );
    assert_eq!(all[1].url.path(), "/rest/api/3/issue/PROJ-7/comment");
    assert!(all[1].headers["authorization"].to_str().unwrap().starts_with("Basic "));
    let document = body(&all[1]);
    assert_eq!(document["body"]["type"], "doc");
    assert_eq!(
        document["body"]["content"][0]["content"],
        json!([
            { "type": "text", "text": "Deployment gate: rollback", "marks": [{ "type": "strong" }] },
            { "type": "text", "text": " – checkout 1.4.0 → production" },
        ])
    );
    assert!(document["properties"][0]["value"]["id"].as_str().unwrap().starts_with("rg_"));

    let (effect, http) = done(CENTER, &comment(), &script).await;
    assert_eq!(effect.status, Confirmed);
    let all = sent(&http);
    assert_eq!(all[1].url.path(), "/jira/rest/api/2/issue/PROJ-7/comment");
    assert!(all[1].headers["authorization"].to_str().unwrap().starts_with("Bearer "));
    let text = body(&all[1])["body"].as_str().unwrap().to_owned();
    assert!(
        text.starts_with(
            "*Deployment gate: rollback* – checkout 1.4.0 → production\n\n* *Service:* checkout\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("* *error\\_rate* failed: 0.08, limit max\\_value 0.01, at 2023\\-11\\-14 22:13:20Z"),
        "{text}"
    );
}

#[tokio::test]
async fn a_comment_of_the_same_deployment_is_written_once() {
    let (_, http) = done(CLOUD, &comment(), &[Status(200, "{}"), Status(201, r#"{"id":"1"}"#)]).await;
    let id = body(&sent(&http)[1])["properties"][0]["value"]["id"].as_str().unwrap().to_owned();
    let list = json!({ "comments": [
        { "id": "8", "properties": [{ "key": "sd.public.comment", "value": { "internal": true } }] },
        { "id": "9", "properties": [{ "key": "rollgate", "value": { "id": id } }] },
    ] });
    let list: &'static str = list.to_string().leak();
    let (effect, http) = done(CLOUD, &comment(), &[Status(200, list)]).await;
    assert_eq!((effect.status, sent(&http).len()), (Confirmed, 1));
    assert_eq!(effect.reason.as_deref(), Some("an earlier run has written it for this deployment"));
    assert!(effect.url.unwrap().ends_with("focusedCommentId=9"));
    // What cannot be told is no reason to keep silent; a text of somebody's own is written as often as it is asked for.
    let (effect, http) = done(CLOUD, &comment(), &[Status(400, "{}"), Status(201, r#"{"id":"1"}"#)]).await;
    assert_eq!((effect.status, sent(&http).len()), (Confirmed, 2));
    let (effect, http) = done(CLOUD, &said(), &[Status(201, r#"{"id":"1"}"#)]).await;
    assert_eq!((effect.status, sent(&http).len()), (Confirmed, 1));
}

#[tokio::test]
async fn each_failure_of_a_comment_is_told_in_words() {
    const NONE: &str =
        r#"{"errorMessages":["Issue does not exist or you do not have permission to see it."],"errors":{}}"#;
    const INVALID: &str = r#"{"errorMessages":[],"errors":{"comment":"Comment body is not valid!"}}"#;
    let cases: &[(&[Answer], ActionStatus, usize, &[&str])] = &[
        (&[Status(201, r#"{"id":"1"}"#)], Confirmed, 1, &[]),
        (
            &[Status(401, r#"{"errorMessages":["no"]}"#)],
            Failed,
            1,
            &["401 `no`", "e-mail address and its API token"],
        ),
        (
            &[Header(401, "x-seraph-loginreason", "AUTHENTICATED_FAILED")],
            Failed,
            1,
            &["credential itself was refused"],
        ),
        (
            &[Header(
                403,
                "x-authentication-denied-reason",
                "CAPTCHA_CHALLENGE; login-url=https://j/login.jsp",
            )],
            Failed,
            1,
            &["captcha"],
        ),
        (
            &[Status(403, r#"{"errorMessages":["x"],"errors":{}}"#)],
            Failed,
            1,
            &["403 `x`", "may not do this here"],
        ),
        (&[Status(404, NONE)], Failed, 1, &["Issue does not exist", "may not see it"]),
        (&[Status(404, "<html>Oops</html>")], Failed, 1, &["404", "`api_version: 2`"]),
        (&[Status(400, INVALID)], Failed, 1, &["comment: Comment body is not valid!"]),
        (&[Status(410, "{}")], Failed, 1, &["check `api_version`"]),
        (&[Header(429, "retry-after", "1"), Status(201, r#"{"id":"1"}"#)], Confirmed, 2, &[]),
        (
            &[Header(429, "ratelimit-reason", "jira-burst-based")],
            Failed,
            5,
            &["asked too often", "`jira-burst-based`"],
        ),
        (&[Status(500, "{}")], Failed, 1, &["500"]),
        (&[Status(502, "")], Unknown, 1, &["a proxy answered 502"]),
        (&[Status(504, "")], Unknown, 1, &["may have been received"]),
        (&[Header(503, "retry-after", "1"), Status(201, r#"{"id":"1"}"#)], Confirmed, 2, &[]),
        (&[Refused, Status(201, r#"{"id":"1"}"#)], Confirmed, 2, &[]),
        (&[Refused], Failed, 5, &["no connection"]),
        (&[Never], Unknown, 1, &[]),
        (&[Broken], Unknown, 1, &["may have been received"]),
        (&[Status(200, "<html>Log in</html>")], Unknown, 1, &["expected JSON", "<html>"]),
        (&[Status(203, "<html>Log in</html>")], Unknown, 1, &["expected JSON"]),
        (&[Status(200, "{}")], Unknown, 1, &["expected a comment with its `id`"]),
        (
            &[Header(302, "location", "https://sso.example/login")],
            Failed,
            1,
            &["redirects to sso.example:443"],
        ),
    ];
    for (script, status, times, words) in cases {
        let (effect, http) = done(CLOUD, &said(), script).await;
        let reason = effect.reason.clone().unwrap_or_default();
        assert_eq!((effect.status, sent(&http).len()), (*status, *times), "{script:?}: {reason}");
        assert!(words.iter().all(|word| reason.contains(word)), "{script:?}: {reason}");
    }
    // What the comment would be answered as well is told at once, and nothing is written.
    for status in [401, 403, 404, 410] {
        let (effect, http) = done(CLOUD, &comment(), &[Status(status, "{}")]).await;
        assert_eq!((effect.status, sent(&http).len()), (Failed, 1), "{status}");
    }
}

const OPEN: &str = r#"{"fields":{"status":{"name":"In Progress"}}}"#;
const DONE: &str = r#"{"fields":{"status":{"name":"Done"}}}"#;
const WAYS: &str = r#"{"transitions":[{"id":"11","name":"Reopen","to":{"name":"Open"}},{"id":"31","name":"Finish","to":{"name":"Done"}}]}"#;

#[tokio::test]
async fn an_issue_is_moved_to_a_status_by_its_name() {
    let cases: &[(&[Answer], ActionStatus, usize, &[&str])] = &[
        (&[Status(200, OPEN), Status(200, WAYS), Status(204, "")], Confirmed, 3, &[]),
        (&[Status(200, DONE)], Confirmed, 1, &["in `Done` already"]),
        (
            &[
                Status(200, OPEN),
                Status(
                    200,
                    r#"{"transitions":[{"id":"1","name":"x","to":{"name":"Open"}},{"id":"2","name":"y","to":{"name":"Blocked"}}]}"#,
                ),
            ],
            Failed,
            2,
            &["in `In Progress` and cannot be moved to `done`", "`Open`, `Blocked`"],
        ),
        (&[Status(200, OPEN), Status(200, r#"{"transitions":[]}"#)], Failed, 2, &["can move it nowhere"]),
        (
            &[
                Status(200, OPEN),
                Status(200, r#"{"transitions":[{"id":"5","name":"DONE","to":{"name":"Closed"}}]}"#),
                Status(204, ""),
            ],
            Confirmed,
            3,
            &[],
        ),
        (
            &[
                Status(200, OPEN),
                Status(200, WAYS),
                Status(400, r#"{"errorMessages":[],"errors":{"resolution":"Resolution is required."}}"#),
            ],
            Failed,
            3,
            &["resolution: Resolution is required.", "may want fields"],
        ),
        (&[Status(200, OPEN), Status(200, WAYS), Status(409, "{}")], Failed, 3, &["409"]),
        // Whether it arrived can be seen.
        (&[Status(200, OPEN), Status(200, WAYS), Broken, Status(200, DONE)], Confirmed, 4, &[]),
        (
            &[Status(200, OPEN), Status(200, WAYS), Status(502, ""), Status(200, OPEN)],
            Unknown,
            4,
            &["may have been received"],
        ),
        (&[Status(200, OPEN), Status(200, WAYS), Never], Unknown, 3, &[]),
        (
            &[Status(200, OPEN), Status(200, WAYS), Status(200, "<html>")],
            Unknown,
            3,
            &["found something else"],
        ),
        (&[Status(404, "{}")], Failed, 1, &["does not exist"]),
        (&[Status(200, "{}")], Unknown, 1, &["`fields`"]),
        // Reading is asked again.
        (&[Status(502, ""), Broken, Status(200, DONE)], Confirmed, 3, &[]),
    ];
    for (script, status, times, words) in cases {
        let (effect, http) = done(CLOUD, &to_done(), script).await;
        let reason = effect.reason.clone().unwrap_or_default();
        assert_eq!((effect.status, sent(&http).len()), (*status, *times), "{script:?}: {reason}");
        assert!(words.iter().all(|word| reason.contains(word)), "{script:?}: {reason}");
    }
    let (_, http) = done(CLOUD, &to_done(), &[Status(200, OPEN), Status(200, WAYS), Status(204, "")]).await;
    let all = sent(&http);
    assert_eq!(all[0].url.query(), Some("fields=status"));
    assert_eq!(body(&all[2]), json!({ "transition": { "id": "31" } }));
}

#[tokio::test]
async fn issues_are_linked_and_shown() {
    let link = Step::Link { issue: "PROJ-7".into(), kind: "Relates".into(), other: "PROJ-8".into() };
    let (effect, http) = done(CLOUD, &link, &[Status(201, "")]).await;
    assert_eq!(effect.status, Confirmed);
    let expected = json!({ "type": { "name": "Relates" }, "inwardIssue": { "key": "PROJ-7" }, "outwardIssue": { "key": "PROJ-8" } });
    assert_eq!(body(&sent(&http)[0]), expected);
    let no_type = [
        Status(404, r#"{"errorMessages":["No issue link type with name 'Relates' found."],"errors":{}}"#),
        Status(200, r#"{"issueLinkTypes":[{"name":"Blocks"},{"name":"Cloners"}]}"#),
    ];
    let (effect, _) = done(CLOUD, &link, &no_type).await;
    assert_eq!(
        effect.reason.as_deref(),
        Some("there is no type of link `Relates`: there are `Blocks`, `Cloners`")
    );
    let no_issue = [
        Status(404, r#"{"errorMessages":["gone"]}"#),
        Status(200, r#"{"issueLinkTypes":[{"name":"relates"}]}"#),
    ];
    let (effect, _) = done(CLOUD, &link, &no_issue).await;
    assert!(effect.reason.unwrap().contains("404 `gone`"));

    let issue = r#"{"fields":{"summary":"Pay","status":{"name":"Open"},"assignee":{"displayName":"Ann"},"issuetype":{"name":"Bug"},"priority":null,"description":{"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"why"}]}]}}}"#;
    let plain = r#"{"fields":{"summary":"Pay","status":{"name":"Open"},"assignee":null,"issuetype":{"name":"Bug"},"priority":{"name":"High"},"description":"h1. why"}}"#;
    for (yaml, answer, expected) in [(CLOUD, issue, "why"), (CENTER, plain, "h1. why")] {
        let (host, _) = host(&[Status(200, answer)]);
        let tracker = tracker("jira", yaml, &host).unwrap();
        let allowance = crate::api::Allowance::alone(&host, crate::notify::TIMEOUT);
        let details = tracker.issues().unwrap().show("PROJ-7", &allowance).await.unwrap();
        assert_eq!((details.summary.as_str(), details.description.as_str()), ("Pay", expected));
    }
}

#[tokio::test]
async fn hostile_text_stays_text() {
    let note = Note::of(&message_of(&hostile()));
    let step = Step::Comment { issue: "PROJ-7".into(), note };
    let script = [Status(200, "{}"), Status(201, r#"{"id":"1"}"#)];
    let (_, http) = done(CLOUD, &step, &script).await;
    let document = body(&sent(&http)[1])["body"].clone();
    assert!(document.to_string().len() < 32_000, "{}", document.to_string().len());
    let mut kinds = Vec::new();
    collect(&document, &mut kinds);
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, ["bulletList", "doc", "listItem", "paragraph", "strong", "text"]);
    assert!(super::adf::text(&document).starts_with("Deployment gate: rollback"));
    let (_, http) = done(CENTER, &step, &script).await;
    let text = body(&sent(&http)[1])["body"].as_str().unwrap().to_owned();
    assert!(text.len() < 32_000, "{}", text.len());
    for markup in ["{code}", "[~admin]", "!x!", "<script>", "\u{202e}", "\n::error"] {
        assert!(!text.contains(markup), "{markup}: {text}");
    }
    // The key of an issue is one part of an address, whatever is in it.
    let odd = Step::Comment { issue: "../../PROJ-7?x#y".into(), note: Note::text("x") };
    let (_, http) = done(CLOUD, &odd, &[Status(404, "")]).await;
    assert_eq!(sent(&http)[0].url.path(), "/rest/api/3/issue/..%2F..%2FPROJ-7%3Fx%23y/comment");
}

fn collect(node: &Value, kinds: &mut Vec<String>) {
    match node {
        Value::Object(fields) => {
            if let Some(kind) = fields.get("type").and_then(Value::as_str) {
                kinds.push(kind.to_owned());
            }
            if let Some(text) = fields.get("text") {
                assert_ne!(text, "");
            }
            fields.values().for_each(|inner| collect(inner, kinds));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, kinds)),
        _ => {}
    }
}

#[test]
fn what_is_wrong_with_an_integration_is_told() {
    for (yaml, expected) in [
        ("jira: {}", "has no `url`"),
        ("jira: {url: \"https://j.example\"}", "has no `auth`"),
        (
            "jira: {url: \"https://j.example\", type: oauth2, client_id: a, client_secret_ref: hook-secret}",
            "`token_url` is missing",
        ),
        (
            "jira: {url: \"https://j.example\", type: token, token_ref: hook-secret, api_version: 4}",
            "expected `3` or `2` for `api_version`, found `4`",
        ),
        (
            "jira: {url: \"https://j.example\", type: token, token_ref: gone}",
            "the secret `gone` is not found",
        ),
        ("jira: {enabled: false}", "nothing is written to `jira`: it is not enabled"),
        ("slack: {}", "there is no integration `jira`"),
    ] {
        let found = tracker("jira", yaml, &host(&[]).0).unwrap_err();
        assert!(found.iter().any(|problem| problem.contains(expected)), "{yaml}\n{found:?}");
    }
    assert!(tracker("jira", "jira: {url: \"https://j.example\", type: none}", &host(&[]).0).is_ok());
}

#[tokio::test]
async fn a_token_is_exchanged_once_and_never_shown() {
    let yaml = "jira: {url: \"https://j.example\", type: oauth2, client_id: ci, client_secret_ref: hook-secret, token_url: \"https://j.example/oauth/token\", scopes: [\"read:jira-work\", \"write:jira-work\"]}";
    let script = [
        Status(200, r#"{"access_token":"tok-0123456789","expires_in":3600,"token_type":"Bearer"}"#),
        Status(201, r#"{"id":"1"}"#),
    ];
    let (effect, http) = done(yaml, &said(), &script).await;
    assert_eq!(effect.status, Confirmed);
    let all = sent(&http);
    assert_eq!(all[0].url.path(), "/oauth/token");
    assert_eq!(all[0].body, "grant_type=client_credentials&scope=read%3Ajira-work+write%3Ajira-work");
    assert_eq!(all[1].headers["authorization"], "Bearer tok-0123456789");
    let (effect, http) = done(yaml, &said(), &[Status(401, r#"{"error":"invalid_client"}"#)]).await;
    assert_eq!((effect.status, sent(&http).len()), (Failed, 1));
    assert!(effect.reason.unwrap().contains("invalid_client"));
}

#[test]
fn a_tracking_has_its_steps_issue_by_issue() {
    let host = host(&[]).0;
    let tracking = |comment, transition: Option<&str>| Tracking {
        on: Vec::new(),
        tracker: tracker("jira", CLOUD, &host).unwrap(),
        entry: crate::track::Entry {
            issues: vec!["A-1".into(), "A-2".into()],
            open: false,
            comment,
            transition: transition.map(str::to_owned),
        },
    };
    let targets = |tracking: &Tracking| -> Vec<Vec<String>> {
        let steps = tracking.steps(&message_of(&failed()));
        steps.iter().map(|all| all.iter().map(|step| tracking.tracker.target(step)).collect()).collect()
    };
    let at = "at your-domain.atlassian.net:443";
    assert_eq!(
        targets(&tracking(true, Some("Done"))),
        [
            [format!("comment on A-1 {at}"), format!("move A-1 to `Done` {at}")],
            [format!("comment on A-2 {at}"), format!("move A-2 to `Done` {at}")],
        ]
    );
    assert_eq!(targets(&tracking(false, Some("Done")))[1], [format!("move A-2 to `Done` {at}")]);
}
