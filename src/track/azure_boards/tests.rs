//! Azure Boards over a scripted host: what is sent, how often, and what its answers come to.

use serde_json::{Value, json};

use crate::gate::outcome::ActionStatus::{self, Confirmed, Failed, Unknown};
use crate::rollback::testing::Answer::{self, Broken, Header, Never, Refused, Status};
use crate::rollback::testing::{FakeHttp, host};
use crate::track::Step;
use crate::track::note::Note;
use crate::track::testing::{failed, hostile, message_of, run, tracker};

const BOARDS: &str =
    "azure_boards: {organization: my org, project: Shop, auth: {type: pat, token_ref: hook-secret}}";

fn comment() -> Step {
    Step::Comment { issue: "299".into(), note: Note::of(&message_of(&failed())) }
}

fn closed() -> Step {
    Step::Transition { issue: "299".into(), to: "closed".into() }
}

async fn done(step: &Step, script: &[Answer]) -> (crate::api::Effect, FakeHttp) {
    let (host, http) = host(script);
    let tracker = tracker("azure_boards", BOARDS, &host).unwrap();
    (run(&*tracker, step, &host).await.0, http)
}

#[tokio::test]
async fn each_answer_to_a_comment_is_read() {
    const OK: &str = r#"{"workItemId":299,"id":50,"text":"x"}"#;
    const MISSING: &str = r#"{"$id":"1","message":"TF401232: Work item 299 does not exist, or you do not have permissions to read it.","typeKey":"WorkItemUnauthorizedAccessException"}"#;
    let cases: &[(&[Answer], ActionStatus, usize, &[&str])] = &[
        (&[Status(200, OK)], Confirmed, 1, &[]),
        (&[Status(203, "<html>Sign In</html>")], Failed, 1, &["page for signing in", "expired"]),
        (
            &[Header(302, "location", "https://spsprodeus27.vssps.visualstudio.com/_signin")],
            Failed,
            1,
            &["302", "expired"],
        ),
        (&[Status(401, "")], Failed, 1, &["wrong or expired"]),
        (&[Status(403, r#"{"message":"no"}"#)], Failed, 1, &["`no`", "Work Items"]),
        (&[Status(404, MISSING)], Failed, 1, &["TF401232", "`organization` and `project`"]),
        (&[Status(400, r#"{"message":"The comment text is too long."}"#)], Failed, 1, &["too long"]),
        (&[Header(429, "retry-after", "1"), Status(200, OK)], Confirmed, 2, &[]),
        (&[Status(500, "")], Failed, 1, &["500"]),
        (&[Status(502, "")], Unknown, 1, &["a proxy answered 502"]),
        (&[Status(504, "")], Unknown, 1, &[]),
        (&[Refused, Status(200, OK)], Confirmed, 2, &[]),
        (&[Never], Unknown, 1, &[]),
        (&[Broken], Unknown, 1, &["may have been received"]),
        (&[Status(200, "<html>")], Unknown, 1, &["expected JSON"]),
        (&[Status(200, "{}")], Unknown, 1, &["expected a comment"]),
    ];
    for (script, status, times, words) in cases {
        let (effect, http) = done(&comment(), script).await;
        let reason = effect.reason.clone().unwrap_or_default();
        let seen = http.seen.lock().unwrap().len();
        assert_eq!((effect.status, seen), (*status, *times), "{script:?}: {reason}");
        assert!(words.iter().all(|word| reason.contains(word)), "{script:?}: {reason}");
    }
    let (effect, http) = done(&comment(), &[Status(200, OK)]).await;
    assert_eq!(effect.url.as_deref(), Some("https://dev.azure.com/my%20org/Shop/_workitems/edit/299"));
    let seen = http.seen.lock().unwrap();
    let request = &seen[0].1;
    assert_eq!(
        request.url.as_str(),
        "https://dev.azure.com/my%20org/Shop/_apis/wit/workItems/299/comments?api-version=7.1-preview.4&format=html"
    );
    assert!(request.headers["authorization"].to_str().unwrap().starts_with("Basic "));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let text = body["text"].as_str().unwrap();
    assert!(
        text.starts_with("<p><b>Deployment gate: rollback</b> – checkout 1.4.0 → production</p><ul><li>"),
        "{text}"
    );
}

#[tokio::test]
async fn a_work_item_changes_its_state() {
    const ACTIVE: &str =
        r#"{"id":299,"fields":{"System.State":"Active","System.WorkItemType":"User Story"}}"#;
    const CLOSED: &str =
        r#"{"id":299,"fields":{"System.State":"Closed","System.WorkItemType":"User Story"}}"#;
    const STATES: &str = r#"{"value":[{"name":"Active"},{"name":"Closed"}]}"#;
    let (effect, http) =
        done(&closed(), &[Status(200, ACTIVE), Status(200, STATES), Status(200, CLOSED)]).await;
    assert_eq!(effect.status, Confirmed);
    let seen = http.seen.lock().unwrap().clone();
    assert_eq!(seen[1].1.url.path(), "/my%20org/Shop/_apis/wit/workitemtypes/User%20Story/states");
    let patch = &seen[2].1;
    assert_eq!(
        (patch.method.as_str(), &patch.headers["content-type"]),
        ("PATCH", &"application/json-patch+json".parse().unwrap())
    );
    let body: Value = serde_json::from_slice(&patch.body).unwrap();
    assert_eq!(body, json!([{ "op": "add", "path": "/fields/System.State", "value": "Closed" }]));
    let (effect, http) = done(&closed(), &[Status(200, CLOSED)]).await;
    assert_eq!((effect.status, http.seen.lock().unwrap().len()), (Confirmed, 1));
    assert_eq!(effect.reason.as_deref(), Some("it is in `Closed` already"));
    let refused = Status(400, r#"{"message":"TF401320: Rule Error for field State."}"#);
    let (effect, _) = done(&closed(), &[Status(200, ACTIVE), Status(200, STATES), refused]).await;
    let reason = effect.reason.unwrap();
    assert!(reason.contains("TF401320") && reason.contains("its states are `Active`, `Closed`"), "{reason}");
    // The same state again is the same state.
    let script = [Status(200, ACTIVE), Status(200, STATES), Broken, Status(200, CLOSED)];
    assert_eq!(done(&closed(), &script).await.0.status, Confirmed);
}

#[tokio::test]
async fn work_items_are_linked_shown_and_known_by_their_number() {
    let link = |kind: &str| Step::Link { issue: "299".into(), kind: kind.into(), other: "300".into() };
    let (effect, http) = done(&link("relates"), &[Status(200, r#"{"id":299}"#)]).await;
    assert_eq!(effect.status, Confirmed);
    let body: Value = serde_json::from_slice(&http.seen.lock().unwrap()[0].1.body).unwrap();
    assert_eq!(
        body,
        json!([{ "op": "add", "path": "/relations/-", "value": {
            "rel": "System.LinkTypes.Related",
            "url": "https://dev.azure.com/my%20org/_apis/wit/workItems/300",
        } }])
    );
    let (effect, http) = done(&link("Blocks"), &[Status(200, "{}")]).await;
    assert_eq!((effect.status, http.seen.lock().unwrap().len()), (Failed, 0));
    assert!(effect.reason.unwrap().contains("`Related`, `Parent`"));

    let item = r#"{"id":299,"fields":{"System.Title":"Pay","System.State":"Active","System.WorkItemType":"Bug","System.AssignedTo":{"displayName":"Ann"},"Microsoft.VSTS.Common.Priority":2,"System.Description":"<div>why</div>"}}"#;
    let (host, _) = host(&[Status(200, item)]);
    let tracker = tracker("azure_boards", BOARDS, &host).unwrap();
    let issues = tracker.issues().unwrap();
    let allowance = crate::api::Allowance::alone(&host, crate::notify::TIMEOUT);
    let details = issues.show("299", &allowance).await.unwrap();
    assert_eq!((details.priority.as_deref(), details.description.as_str()), (Some("2"), "why"));
    assert_eq!(issues.mentioned("fix AB#12, ab#13 XAB#14 AB#12 #15 AB#0 AB#12x"), ["12", "13"]);
    for (text, known) in [
        ("AB#7", Some("7")),
        ("#7", Some("7")),
        ("7", Some("7")),
        ("PROJ-7", None),
        ("", None),
        ("7/../8", None),
    ] {
        assert_eq!(issues.issue(text).ok().as_deref(), known, "{text}");
    }
}

#[tokio::test]
async fn hostile_text_stays_text() {
    let step = Step::Comment { issue: "299".into(), note: Note::of(&message_of(&hostile())) };
    let (_, http) = done(&step, &[Status(200, r#"{"id":1}"#)]).await;
    let body: Value = serde_json::from_slice(&http.seen.lock().unwrap()[0].1.body).unwrap();
    let text = body["text"].as_str().unwrap();
    assert!(!text.contains("<script>") && text.contains("&lt;script&gt;"), "{text}");
    assert!(text.starts_with("<p><b>Deployment gate: rollback</b>"));
}

#[test]
fn what_is_wrong_with_an_integration_is_told() {
    for (yaml, expected) in [
        ("azure_boards: {project: x, auth: {type: pat, token_ref: hook-secret}}", "has no `organization`"),
        ("azure_boards: {url: \"https://dev.azure.com\", project: x, type: none}", "has no `organization`"),
        ("azure_boards: {organization: x, auth: {type: pat, token_ref: hook-secret}}", "has no `project`"),
        ("azure_boards: {organization: x, project: y}", "has no `auth`"),
    ] {
        let found = tracker("azure_boards", yaml, &host(&[]).0).unwrap_err();
        assert!(found.iter().any(|problem| problem.contains(expected)), "{yaml}\n{found:?}");
    }
    // The second form of the documents calls it so.
    let yaml = "azure_devops: {url: \"https://tfs.example/Collection\", project: x, auth: {type: pat, token_ref: hook-secret}}";
    assert_eq!(tracker("azure_devops", yaml, &host(&[]).0).unwrap().kind(), "azure_boards");
}
