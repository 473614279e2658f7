//! What Jenkins is asked, and what is made of its answers.

use crate::gate::outcome::ActionStatus::{Confirmed, Failed, Unknown};
use crate::host::clock::between;
use crate::rollback::testing::{Answer, follow, on_the_way, once, preflight, problems, start, table};

const YAML: &str = "kind: jenkins\nurl: \"https://ci.example/jenkins/\"\njob: team a/roll%back\nusername: gate\ntoken_ref: hook-secret\n";
const JOB: &str = "/jenkins/job/team%20a/job/roll%25back";

const PLAIN: Answer =
    Answer::Status(200, r#"{"_class":"hudson.model.FreeStyleProject","buildable":true,"property":[]}"#);
const DECLARES: Answer = Answer::Status(
    200,
    r#"{"buildable":true,"property":[{"parameterDefinitions":[{"name":"SERVICE"},{"name":"ROLLGATE_ROLLBACK_OF"},{"name":"REGION","choices":["eu","us"]}]}]}"#,
);
const QUEUED: Answer = Answer::Full(
    201,
    &[("x-jenkins", "2.462.3"), ("location", "http://jenkins.internal:8080/jenkins/queue/item/12/")],
    "",
);
const WAITS: Answer =
    Answer::Status(200, r#"{"cancelled":false,"why":"In the quiet period. Expires in 4.9 sec"}"#);
const BUILT: Answer = Answer::Status(
    200,
    r#"{"cancelled":false,"why":null,"executable":{"number":7,"url":"https://ci.example/jenkins/job/team%20a/job/roll%25back/7/"}}"#,
);
const CANCELLED: Answer = Answer::Status(200, r#"{"cancelled":true,"why":null}"#);
const NO_CRUMB: Answer = Answer::Full(
    403,
    &[("x-jenkins", "2.462.3"), ("content-type", "text/html;charset=iso-8859-1")],
    "<html><head><title>Error 403 No valid crumb was included in the request</title></head></html>",
);

#[tokio::test]
async fn a_job_is_built_and_followed_through_the_queue() {
    let (action, http) = once(YAML, &[PLAIN, QUEUED, WAITS, BUILT]).await;
    assert_eq!((action.status, action.http_status, action.attempts), (Confirmed, Some(201), 1));
    assert_eq!(action.url.as_deref(), Some("https://ci.example/jenkins/job/team%20a/job/roll%25back/7/"));
    assert_eq!(action.target, format!("https://ci.example{JOB}"));
    let seen = http.seen.lock().unwrap();
    let asked: Vec<_> = seen
        .iter()
        .map(|(at, request)| {
            let url = &request.url;
            assert_eq!(url.host_str(), Some("ci.example"), "a credential goes nowhere else");
            (request.method.as_str(), url.path().to_owned(), between(start(), *at).as_secs())
        })
        .collect();
    let item = "/jenkins/queue/item/12/api/json";
    let expected = [
        ("GET", format!("{JOB}/api/json"), 0),
        ("POST", format!("{JOB}/build"), 0),
        ("GET", item.to_owned(), 2),
        ("GET", item.to_owned(), 4),
    ];
    assert_eq!(asked, expected);
    // base64 of `gate:whsec_…`.
    assert!(seen[1].1.headers["authorization"].to_str().unwrap().starts_with("Basic Z2F0ZTp3aHNlY19N"));
    assert!(seen[1].1.headers.get("cookie").is_none());
}

#[tokio::test]
async fn parameters_go_along_as_a_form() {
    let yaml = format!("{YAML}parameters: {{SERVICE: \"{{{{odd}}}}\"}}\n");
    let (action, http) = once(&yaml, &[DECLARES, QUEUED, BUILT]).await;
    let request = http.requests().remove(1);
    assert_eq!(request.url.path(), format!("{JOB}/buildWithParameters"));
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
    let id = action.id.unwrap();
    let expected = format!(
        "SERVICE=a%22%26b%3Dc&ROLLGATE_VERDICT=rollback&ROLLGATE_PIPELINE=rollback-checkout&ROLLGATE_ROLLBACK_OF=1.4.0&ROLLGATE_ID={id}"
    );
    assert_eq!(request.body, expected);
    // Nothing is written, and the job declares some: Jenkins takes the defaults for those that rollgate does not know.
    let (_, http) = once(YAML, &[DECLARES, QUEUED, BUILT]).await;
    assert!(http.requests()[1].url.path().ends_with("/buildWithParameters"));
}

#[tokio::test]
async fn a_password_needs_a_crumb_and_its_session() {
    let yaml = YAML.replace("token_ref", "password_ref");
    let crumb = Answer::Full(
        200,
        &[("set-cookie", "JSESSIONID.abc=node0xyz; Path=/jenkins; HttpOnly"), ("set-cookie", "lb=1; Secure")],
        r#"{"_class":"hudson.security.csrf.DefaultCrumbIssuer","crumb":"c0ffeec0ffee","crumbRequestField":"Jenkins-Crumb"}"#,
    );
    let (action, http) = once(&yaml, &[PLAIN, crumb.clone(), QUEUED, BUILT]).await;
    assert_eq!((action.status, action.attempts), (Confirmed, 1));
    let requests = http.requests();
    assert_eq!(requests[1].url.path(), "/jenkins/crumbIssuer/api/json");
    assert_eq!(requests[2].headers["jenkins-crumb"], "c0ffeec0ffee");
    assert_eq!(requests[2].headers["cookie"], "JSESSIONID.abc=node0xyz; lb=1");
    let off = Answer::Full(404, &[("x-jenkins", "2.462.3")], "");
    let none = Answer::Status(200, "{}");
    table(
        &yaml,
        &[PLAIN],
        &[
            (&[off, QUEUED, BUILT], Confirmed, 1, ""),
            (&[none], Failed, 0, "gave no crumb that can be used"),
            (&[Answer::Status(401, "")], Failed, 0, "check `username`"),
            (&[crumb, NO_CRUMB], Failed, 1, "the session was lost on the way"),
        ],
    )
    .await;
    let (action, _) = once(YAML, &[PLAIN, NO_CRUMB]).await;
    assert!(action.reason.unwrap().contains("a password rather than an API token"));
}

#[tokio::test]
async fn whatever_happens_it_is_not_built_twice() {
    on_the_way(YAML, &[PLAIN], QUEUED).await;
    const NEW: (&str, &str) = ("x-jenkins", "2.462.3");
    let lacking = Answer::Full(
        403,
        &[NEW, ("x-required-permission", "hudson.model.Item.Build")],
        "<html>gate is missing the Job/Build permission</html>",
    );
    let old = Answer::Full(
        302,
        &[("x-jenkins", "1.480"), ("location", "/jenkins/job/team%20a/job/roll%25back/")],
        "",
    );
    let elsewhere = Answer::Header(302, "location", "https://sso.example/authorize?client_id=jenkins");
    let login = Answer::Full(302, &[NEW, ("location", "/jenkins/login?from=%2Fjob")], "");
    let held = Answer::Full(
        302,
        &[NEW, ("location", "https://ci.example/jenkins/job/team%20a/job/roll%25back/")],
        "",
    );
    let relative = Answer::Full(201, &[NEW, ("location", "/jenkins/queue/item/12/")], "");
    table(
        YAML,
        &[PLAIN],
        &[
            (&[relative, BUILT], Confirmed, 1, ""),
            (&[Answer::Status(201, ""), WAITS], Confirmed, 1, "did not say where in its queue"),
            (&[old], Confirmed, 1, "did not say where in its queue"),
            (
                &[Answer::Full(200, &[("x-jenkins", "1.480")], "")],
                Confirmed,
                1,
                "did not say where in its queue",
            ),
            (&[QUEUED, WAITS], Confirmed, 1, ""),
            (&[QUEUED, Answer::Status(500, "")], Confirmed, 1, ""),
            (&[QUEUED, Answer::Never], Confirmed, 1, ""),
            (&[QUEUED, CANCELLED], Failed, 1, "it was cancelled there"),
            (&[held], Failed, 1, "put nothing into its queue"),
            (&[login], Failed, 1, "wants a sign-in"),
            (&[elsewhere], Failed, 1, "wants a sign-in"),
            (
                &[Answer::Full(200, &[("content-type", "text/html")], "<html>Sign in")],
                Unknown,
                1,
                "no answer of Jenkins",
            ),
            (&[lacking], Failed, 1, "the user lacks the permission `hudson.model.Item.Build`"),
            (&[Answer::Status(401, "")], Failed, 1, "check `username` and `token_ref`"),
            (&[Answer::Status(404, "<html>Not Found</html>")], Failed, 1, "without `job/`"),
            (&[Answer::Status(405, "")], Failed, 1, "is this Jenkins"),
            (&[Answer::Status(409, "")], Failed, 1, "the job is disabled"),
            (
                &[Answer::Status(503, "Please wait while Jenkins is getting ready to work")],
                Failed,
                1,
                "Jenkins is starting",
            ),
        ],
    )
    .await;
    // What cannot be looked at is built all the same.
    table(YAML, &[], &[(&[Answer::Status(403, ""), QUEUED, BUILT], Confirmed, 1, "")]).await;
}

#[tokio::test]
async fn what_cannot_be_built_is_found_before_anything_is_measured() {
    assert_eq!(preflight(YAML, &[PLAIN]).await, Ok(()));
    let with = format!("{YAML}parameters: {{SERVICE: \"{{{{rollback_of}}}}\", REGION: eu}}\n");
    assert_eq!(preflight(&with, &[DECLARES]).await, Ok(()));
    let folder = Answer::Status(200, r#"{"_class":"com.cloudbees.hudson.plugins.folder.Folder"}"#);
    for (yaml, answer, says) in [
        (YAML, Answer::Status(404, "<html>"), "check `url` and `job`"),
        (YAML, Answer::Status(401, ""), "check `username`"),
        (YAML, Answer::Status(200, r#"{"buildable":false}"#), "it is disabled"),
        (YAML, folder, "it is no job but a `Folder`"),
        (YAML, Answer::Full(200, &[("content-type", "text/html")], "<html>"), "expected JSON from Jenkins"),
        (with.as_str(), PLAIN, "it has no parameter `SERVICE`, which Jenkins would drop; it declares none"),
    ] {
        let told = preflight(yaml, &[answer]).await.unwrap_err();
        assert!(told.contains(says), "{told}");
    }
}

#[tokio::test]
async fn a_build_is_followed_from_the_queue_to_its_end() {
    for (handle, script, words, ended, then) in [
        ("item 12", vec![WAITS], "queued: In the quiet period. Expires in 4.9 sec", None, None),
        ("item 12", vec![CANCELLED], "cancelled in the queue", Some(false), None),
        ("item 12", vec![BUILT], "build 7 has begun", None, Some("build 7")),
        (
            "item 12",
            vec![
                Answer::Status(404, ""),
                Answer::Status(200, r#"{"builds":[{"number":8,"queueId":14},{"number":7,"queueId":12}]}"#),
            ],
            "build 7 has begun",
            None,
            Some("build 7"),
        ),
        ("build 7", vec![Answer::Status(200, r#"{"building":true,"result":null}"#)], "building", None, None),
        (
            "build 7",
            vec![Answer::Status(200, r#"{"building":true,"result":"FAILURE"}"#)],
            "building",
            None,
            None,
        ),
        (
            "build 7",
            vec![Answer::Status(200, r#"{"building":false,"result":"SUCCESS"}"#)],
            "SUCCESS",
            Some(true),
            None,
        ),
        (
            "build 7",
            vec![Answer::Status(200, r#"{"building":false,"result":"UNSTABLE"}"#)],
            "UNSTABLE",
            Some(false),
            None,
        ),
        (
            "build 7",
            vec![Answer::Status(200, r#"{"building":false,"result":"ABORTED"}"#)],
            "ABORTED",
            Some(false),
            None,
        ),
    ] {
        let stands = follow(YAML, handle, &script).await.unwrap();
        assert_eq!((stands.words.as_str(), stands.ended, stands.handle.as_deref()), (words, ended, then));
    }
    let lost =
        follow(YAML, "item 12", &[Answer::Status(404, ""), Answer::Status(200, r#"{"builds":[]}"#)]).await;
    assert!(lost.unwrap_err().contains("answered 404"));
}

#[test]
fn every_fault_is_told() {
    let with = |rest: &str| format!("kind: jenkins\nurl: \"https://h\"\nusername: u\n{rest}");
    for (yaml, expected) in [
        ("kind: jenkins\nusername: u\ntoken_ref: hook-secret".to_owned(), "`url` is missing"),
        ("kind: jenkins\nurl: \"https://h\"\ntoken_ref: hook-secret".to_owned(), "`username` is missing"),
        (with(""), "`token_ref` is missing in a `jenkins` trigger"),
        (
            with("token_ref: hook-secret\npassword_ref: hook-secret"),
            "expected `token_ref` or `password_ref`, found both",
        ),
        (with("token_ref: gone"), "the secret `gone` is not found"),
        (with("token_ref: hook-secret\njob: a//b"), "expected a job like `folder/job`, found `a//b`"),
        (
            with("token_ref: hook-secret\njob: job/a/job/b"),
            "expected a job like `a/b`, found the path of its page",
        ),
        (
            with("token_ref: hook-secret\nparameters: {ROLLGATE_ID: x}"),
            "`ROLLGATE_ID` is set by rollgate itself",
        ),
        (with("token_ref: hook-secret\nparameters: {A: [1]}"), "expected a text, found a list"),
        (with("token_ref: hook-secret").replace("username: u", "username: \"u:v\""), "without `:`"),
    ] {
        let found = problems(&yaml);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{yaml}\n{found:?}");
    }
}
