//! A second opinion on how Jenkins is asked for a build: python-jenkins asks the same stand-in for the same one.

use serde_json::json;

use super::oracles::{StandIn, failing};

#[test]
fn a_build_is_asked_for_as_python_jenkins_does() {
    if super::skipped("how Jenkins is asked for a build") {
        return;
    }
    let job =
        r#"{"buildable":true,"property":[{"parameterDefinitions":[{"name":"SERVICE"},{"name":"VERSION"}]}]}"#;
    let job: serde_json::Value = serde_json::from_str(job).unwrap();
    let crumb = json!({"crumb": "c0ffeec0ffeec0ffee", "crumbRequestField": "Jenkins-Crumb"});
    let session = json!({"Set-Cookie": "JSESSIONID.1=node0abc; Path=/; HttpOnly"});
    let stand_in = StandIn::start(&json!([
        { "on": "^GET /health", "answers": [{ "status": 500 }] },
        { "on": "^GET /job/team%20a/job/rollback/api/json", "answers": [{ "status": 200, "json": job }] },
        { "on": "^GET /crumbIssuer/api/json", "answers": [{ "status": 200, "json": crumb, "headers": session }] },
        {
            "on": "^POST /job/team%20a/job/rollback/buildWithParameters",
            "answers": [{ "status": 201, "headers": { "Location": "{{url}}/queue/item/12/", "X-Jenkins": "2.462.3" } }]
        },
        {
            "on": "^GET /queue/item/12/api/json",
            "answers": [{ "status": 200, "json": {"executable": {"number": 7, "url": "http://ci.example/job/7/"}} }]
        },
    ]));
    let (user, password) = ("gate", "hunter2hunter2");
    let trigger = format!(
        "  rollback_policy: {{trigger: {{kind: jenkins, url: \"{}\", job: team a/rollback, parameters: {{SERVICE: \"shop & co\", VERSION: 1.10}}, username: {user}, password_ref: jenkins-password}}}}\n",
        stand_in.url()
    );
    let folder = failing(&stand_in, &trigger);
    let run = super::servers::rollgate()
        .args(["run", "--deployment-id", "d-1"])
        .arg(folder.path().join("policy.yaml"))
        .env("JENKINS_PASSWORD", password)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(20), "{}", String::from_utf8_lossy(&run.stderr));
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(said.contains("http://ci.example/job/7/"), "{said}");
    let parameters = json!({"SERVICE": "shop & co", "VERSION": "1.10"}).to_string();
    stand_in
        .judged_by("jenkins_requests.py", &[stand_in.url(), "team a/rollback", user, password, &parameters]);
}
