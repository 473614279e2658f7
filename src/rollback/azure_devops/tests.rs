//! What Azure DevOps is asked, and what is made of its answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Allowance;
use crate::gate::outcome::ActionStatus::{Confirmed, Failed, Unknown};
use crate::rollback::testing::{
    Answer, fire_one, follow, host, on_the_way, once, preflight, problems, table, triggers,
};

const YAML: &str = "kind: azure_devops\norganization: acme\nproject: web shop\npipeline_id: 42\nref: main\nparameters: {service: \"{{odd}}\", of: \"{{rollback_of}}\"}\nvariables: {fast: true}\ntoken_ref: hook-secret\n";
const PIPELINE: &str = "https://dev.azure.com/acme/web%20shop/_apis/pipelines/42";

const RUNS: Answer = Answer::Status(
    200,
    r#"{"_links":{"web":{"href":"https://dev.azure.com/acme/p/_build/results?buildId=99"}},"state":"inProgress","id":99,"name":"20261125.1"}"#,
);
const PAGE: Answer = Answer::Full(
    203,
    &[("content-type", "text/html; charset=utf-8")],
    "<html>Azure DevOps Services | Sign In</html>",
);
const NOT_SETTABLE: Answer = Answer::Status(
    400,
    r#"{"$id":"1","innerException":null,"message":"You can't set the following variables (ROLLGATE_VERDICT, ROLLGATE_ID). If you want to be able to set these variables, then edit the pipeline and select Settable at queue time on the variables tab of the pipeline editor.","typeKey":"PipelineValidationException","errorCode":0,"eventId":3000}"#,
);
const OTHER_NOT_SETTABLE: Answer = Answer::Status(
    400,
    r#"{"message":"You can't set the following variables (ROLLGATE_ID, fast). If you want","typeKey":"PipelineValidationException"}"#,
);

fn body(request: &crate::host::http::Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test]
async fn a_pipeline_is_run_with_what_is_handed_over() {
    let (action, http) = once(YAML, &[RUNS]).await;
    assert_eq!((action.status, action.http_status, action.attempts), (Confirmed, Some(200), 1));
    assert_eq!(action.url.as_deref(), Some("https://dev.azure.com/acme/p/_build/results?buildId=99"));
    assert_eq!(action.target, PIPELINE);
    let request = http.requests().remove(0);
    assert_eq!(request.url.as_str(), format!("{PIPELINE}/runs?api-version=7.1"));
    // base64 of `:whsec_…`.
    assert!(request.headers["authorization"].to_str().unwrap().starts_with("Basic Ondoc2VjX01m"));
    let variable = |value: &str| json!({"value": value, "isSecret": false});
    let expected = json!({
        "templateParameters": {"service": "a\"&b=c", "of": "1.4.0"},
        "variables": {
            "fast": variable("true"),
            "ROLLGATE_VERDICT": variable("rollback"),
            "ROLLGATE_PIPELINE": variable("rollback-checkout"),
            "ROLLGATE_ROLLBACK_OF": variable("1.4.0"),
            "ROLLGATE_ID": variable(action.id.as_deref().unwrap()),
        },
        "resources": {"repositories": {"self": {"refName": "refs/heads/main"}}},
    });
    assert_eq!(body(&request), expected);
    for (written, whole) in
        [("refs/tags/v1", Some("refs/tags/v1")), ("release/2", Some("refs/heads/release/2")), ("", None)]
    {
        let yaml = YAML.replace(
            "ref: main\n",
            &if written.is_empty() { String::new() } else { format!("ref: {written}\n") },
        );
        let (_, http) = once(&yaml, &[RUNS]).await;
        let body = body(&http.requests()[0]);
        assert_eq!(body.pointer("/resources/repositories/self/refName").and_then(Value::as_str), whole);
    }
}

#[tokio::test]
async fn variables_that_may_not_be_set_are_left_out_and_that_is_said() {
    let (action, http) = once(YAML, &[NOT_SETTABLE, RUNS]).await;
    assert_eq!((action.status, action.attempts), (Confirmed, 2));
    assert!(action.reason.unwrap().contains("without the variables `ROLLGATE_…`"));
    let variables = body(&http.requests()[1])["variables"].clone();
    assert_eq!(variables, json!({"fast": {"value": "true", "isSecret": false}}));
    let (action, http) = once(YAML, &[OTHER_NOT_SETTABLE, RUNS]).await;
    assert_eq!((action.status, http.acting()), (Failed, 1));
    assert!(action.reason.unwrap().contains("(ROLLGATE_ID, fast)"));
}

#[tokio::test]
async fn whatever_happens_it_is_not_run_twice() {
    on_the_way(YAML, &[], RUNS).await;
    let login = Answer::Header(
        302,
        "location",
        "https://spsprodweu5.vssps.visualstudio.com/_signin?realm=dev.azure.com",
    );
    let other = Answer::Full(200, &[("content-type", "text/html")], "<html>Sign In</html>");
    let gone = r#"{"$id":"1","message":"VS800075: The project with id 'vstfs:///x' does not exist, or you do not have permission to access it.","typeKey":"ProjectDoesNotExistException"}"#;
    let odd = r#"{"message":"Unexpected parameter 'service'","typeKey":"PipelineValidationException"}"#;
    table(
        YAML,
        &[],
        &[
            (&[PAGE], Failed, 1, "that is its sign-in page: the token is expired"),
            (&[other], Failed, 1, "sign-in page"),
            (&[login], Failed, 1, "sign-in page"),
            (&[Answer::Status(200, "yes")], Unknown, 1, "expected JSON from Azure DevOps"),
            (&[Answer::Status(401, "")], Failed, 1, "check `token_ref`"),
            (
                &[Answer::Status(403, r#"{"message":"TF400813: The user is not authorized"}"#)],
                Failed,
                1,
                "Build (read & execute)",
            ),
            (&[Answer::Status(404, gone)], Failed, 1, "check `organization`, `project` and `pipeline_id`"),
            (&[Answer::Status(400, odd)], Failed, 1, "`Unexpected parameter 'service'`"),
        ],
    )
    .await;
}

#[tokio::test]
async fn it_is_looked_at_and_tried_without_being_run() {
    assert_eq!(preflight(YAML, &[Answer::Status(200, r#"{"id":42}"#)]).await, Ok(()));
    assert!(preflight(YAML, &[PAGE]).await.unwrap_err().contains("sign-in page"));
    let accepted = Answer::Status(200, r#"{"finalYaml":"stages: []"}"#);
    let odd = Answer::Status(400, r#"{"message":"/rollback.yml (Line: 3): Unexpected value 'stepss'"}"#);
    for (script, expected) in [
        (vec![accepted.clone()], Ok("accepted by Azure DevOps at dev.azure.com:443")),
        (
            vec![NOT_SETTABLE, accepted],
            Ok("accepted by Azure DevOps at dev.azure.com:443 without the variables"),
        ),
        (vec![odd], Err("Unexpected value 'stepss'")),
        (vec![Answer::Status(200, "{}")], Err("gave no pipeline")),
        (vec![PAGE], Err("sign-in page")),
    ] {
        let (host, http) = host(&script);
        let allowance = Allowance::alone(&host, Duration::from_secs(30));
        let told = triggers(YAML, &host).unwrap()[0].preview(&allowance).unwrap().await;
        match (&told, expected) {
            (Ok(told), Ok(says)) | (Err(told), Err(says)) => assert!(told.contains(says), "{told}"),
            _ => panic!("{told:?}"),
        }
        for request in http.requests() {
            assert_eq!(request.url.as_str(), format!("{PIPELINE}/preview?api-version=7.1"));
            assert_eq!(body(&request)["previewRun"], true);
        }
    }
}

#[tokio::test]
async fn in_azure_pipelines_place_and_token_are_known() {
    let (mut host, http) = host(&[RUNS]);
    let own = [
        ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/own/"),
        ("SYSTEM_TEAMPROJECT", "mine"),
        ("SYSTEM_ACCESSTOKEN", "long-enough-token"),
        ("HOOK_SECRET", "long-enough-too"),
    ];
    host.env = Arc::new(own.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
    let fire = async |yaml: &str| fire_one(&*triggers(yaml, &host).unwrap()[0], &host).await;
    assert_eq!(fire("kind: azure_devops\npipeline_id: 7").await.status, Confirmed);
    fire("kind: azure_devops\norganization: acme\nproject: x\npipeline_id: 7\ntoken_ref: hook-secret").await;
    let requests = http.requests();
    assert_eq!(requests[0].url.path(), "/own/mine/_apis/pipelines/7/runs");
    assert_eq!(requests[0].headers["authorization"], "Bearer long-enough-token");
    assert_eq!(requests[1].url.path(), "/acme/x/_apis/pipelines/7/runs");
    // Neither the project nor the token of this pipeline goes elsewhere.
    for (yaml, missing) in [
        ("kind: azure_devops\norganization: acme\npipeline_id: 7", "`project` is missing"),
        (
            "kind: azure_devops\nbase_url: \"https://evil.example\"\norganization: a\nproject: x\npipeline_id: 7",
            "`token_ref` is missing",
        ),
    ] {
        let told = triggers(yaml, &host).unwrap_err();
        assert!(told.iter().any(|problem| problem.contains(missing)), "{told:?}");
    }
}

#[tokio::test]
async fn a_run_is_followed_to_its_end() {
    for (body, words, ended) in [
        (r#"{"state":"inProgress"}"#, "inProgress", None),
        (r#"{"state":"canceling"}"#, "canceling", None),
        (r#"{"state":"completed","result":"succeeded"}"#, "succeeded", Some(true)),
        (r#"{"state":"completed","result":"failed"}"#, "failed", Some(false)),
        (r#"{"state":"completed","result":"canceled"}"#, "canceled", Some(false)),
    ] {
        let stands = follow(YAML, "99", &[Answer::Status(200, body)]).await.unwrap();
        assert_eq!((stands.words.as_str(), stands.ended), (words, ended), "{body}");
    }
}

#[test]
fn every_fault_is_told() {
    let with = |rest: &str| format!("kind: azure_devops\norganization: a\nproject: p\n{rest}");
    for (yaml, expected) in [
        (with("token_ref: hook-secret"), "`pipeline_id` is missing"),
        (with("token_ref: hook-secret\npipeline_id: rollback"), "expected a whole number"),
        (with("pipeline_id: 7"), "`token_ref` is missing in a `azure_devops` trigger"),
        (with("pipeline_id: 7\ntoken_ref: gone"), "the secret `gone` is not found"),
        (
            with("pipeline_id: 7\ntoken_ref: hook-secret\nvariables: {ROLLGATE_ID: x}"),
            "is set by rollgate itself",
        ),
        (
            "kind: azure_devops\npipeline_id: 7\ntoken_ref: hook-secret".to_owned(),
            "`organization` is missing",
        ),
    ] {
        let found = problems(&yaml);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{yaml}\n{found:?}");
    }
}
