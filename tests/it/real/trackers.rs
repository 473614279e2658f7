//! The documents of integrations as they were handed to us, each driving a gate end to end against stand-ins, and second
//! opinions on what is written to trackers.

use std::process::Output;

use serde_json::{Value, json};

use super::oracles::StandIn;
use super::servers::root;

const POLICY: &str = r#"
post_deployment_validation:
  name: gate
  window: {duration: 0s, interval: 15s, warm_up: 0s}
  metrics_validation:
    - {name: error_rate, query: 'job:errors:ratio{job="shop"}', max_value: 0.01}
"#;

const SECRETS: [(&str, &str); 4] = [
    ("JIRA_CLIENT_SECRET", "jira-secret-0123456789"),
    ("SLACK_VERIFICATION_TOKEN", "slack-token-0123456789"),
    ("PROMETHEUS_PASSWORD", "prometheus-0123456789"),
    ("DINGTALK_SECRET", "SECdingtalk0123456789"),
];

/// A Prometheus that says `value`, and everything else that the documents name.
fn world(value: &str) -> StandIn {
    let vector = json!({ "status": "success", "data": { "resultType": "vector", "result": [
        { "metric": {}, "value": [1_768_474_800, value] }
    ] } });
    let transitions = json!({ "transitions": [
        { "id": "21", "name": "Back", "to": { "name": "In Progress" } },
        { "id": "31", "name": "Finish", "to": { "name": "Done" } },
    ] });
    let one = |on: &str, answer: Value| json!({ "on": on, "answers": [answer] });
    StandIn::start(&json!([
        one("^POST /api/v1/query$", json!({ "json": vector })),
        one(
            "^POST /oauth/token$",
            json!({ "json": { "access_token": "tok-0123456789abcdef", "token_type": "Bearer", "expires_in": 3600 } })
        ),
        one("^GET /rest/api/3/issue/[^/]+/comment", json!({ "json": { "comments": [] } })),
        one("^POST /rest/api/3/issue/[^/]+/comment$", json!({ "status": 201, "json": { "id": "10001" } })),
        one(
            "^GET /rest/api/3/issue/[^/]+\\?fields=status$",
            json!({ "json": { "fields": { "status": { "name": "In Review" } } } })
        ),
        one("^GET /rest/api/3/issue/[^/]+/transitions$", json!({ "json": transitions })),
        one("^POST /rest/api/3/issue/[^/]+/transitions$", json!({ "status": 204 })),
        one("^POST /services/", json!({ "body": "ok", "headers": { "Content-Type": "text/html" } })),
        one("^POST /robot/send", json!({ "json": { "errcode": 0, "errmsg": "ok" } })),
        one("^POST /repos/", json!({ "status": 201, "json": { "id": 1, "state": "success" } })),
        one("^POST /api/v4/projects/", json!({ "status": 201, "json": { "id": 1, "status": "success" } })),
        one(
            "^GET /acme/web/_apis/wit/workitems/",
            json!({ "json": { "id": 299, "fields": { "System.State": "Active", "System.WorkItemType": "Bug" } } })
        ),
        one(
            "^GET /acme/web/_apis/wit/workitemtypes/",
            json!({ "json": { "value": [{ "name": "Closed" }] } })
        ),
        one("^POST /acme/web/_apis/wit/workItems/299/comments", json!({ "json": { "id": 50 } })),
        one(
            "^PATCH /acme/web/_apis/wit/workitems/299",
            json!({ "json": { "id": 299, "fields": { "System.State": "Closed" } } })
        ),
    ]))
}

fn run(stand_in: &StandIn, policy: &str, arguments: &[String], env: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.yaml");
    std::fs::write(&path, format!("{POLICY}{policy}")).unwrap();
    super::servers::rollgate()
        .args([
            "run",
            "--deployed-at",
            "none",
            "--service",
            "shop",
            "--environment",
            "production",
            "--version",
            "1.4.0",
        ])
        .arg("--integration")
        .arg(format!("prometheus.url={}", stand_in.url()))
        .args(arguments)
        .arg(path)
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn the_documents_of_integrations_drive_a_gate_to_its_end() {
    if super::skipped("the documents of integrations") {
        return;
    }
    let first = "tracking:\n  - {on: pass, transition: Done}\n  - {on: rollback, transition: In Progress}\nnotifications:\n  - {to: slack}\n";
    let second = format!("{first}  - {{to: dingtalk}}\n")
        .replace("{to: slack}", "{to: slack, channel: deployment-status}");
    for (document, policy, user, issue, hooks) in [
        ("integrations.yaml", first, "ci-cd-monitor", "PROJ1-7", 1),
        ("integration-configs.yaml", second.as_str(), "monitor", "project-key-1-7", 2),
    ] {
        for (value, code, transition) in [("0.002", 0, "31"), ("0.08", 20, "21")] {
            let stand_in = world(value);
            let document_path = root().join("tests/documents").join(document).display().to_string();
            let slack = format!("{}/services/T0000/B0000/0123456789abcdef", stand_in.url());
            let dingtalk = format!("{}/robot/send?access_token=0123456789abcdef0123", stand_in.url());
            let mut env = SECRETS.to_vec();
            env.extend([("SLACK_WEBHOOK_URL", slack.as_str()), ("DINGTALK_WEBHOOK_URL", dingtalk.as_str())]);
            let jira = [
                "--integration".to_owned(),
                format!("jira.url={}", stand_in.url()),
                "--integration".to_owned(),
                format!("jira.token_url={}/oauth/token", stand_in.url()),
                "--issue".to_owned(),
                "PROJ1-7".to_owned(),
                document_path,
            ];
            let ran = run(&stand_in, policy, &jira, &env);
            let said =
                format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
            assert_eq!(ran.status.code(), Some(code), "{document}: {said}");
            let sent = stand_in.requests();
            let to = |method: &str, end: &str| -> Vec<&Value> {
                let fits = |r: &&Value| r["method"] == method && r["path"].as_str().unwrap().contains(end);
                sent.iter().filter(fits).collect()
            };
            let basic = |user: &str, secret: &str| {
                let pair = format!("{user}:{secret}");
                format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()))
            };
            let queries = to("POST", "/api/v1/query");
            assert!(!queries.is_empty(), "{said}");
            assert!(
                queries.iter().all(|r| r["headers"]["authorization"] == basic(user, SECRETS[2].1)),
                "{queries:?}"
            );
            let tokens = to("POST", "/oauth/token");
            assert_eq!(tokens.len(), 1, "one token for all: {said}");
            assert_eq!(tokens[0]["headers"]["authorization"], basic("ci-cd-platform", SECRETS[0].1));
            let moved = to("POST", &format!("/rest/api/3/issue/{issue}/transitions"));
            assert_eq!(moved.len(), 1, "{said}");
            assert_eq!(moved[0]["body"], format!("{{\"transition\":{{\"id\":\"{transition}\"}}}}"));
            assert_eq!(to("POST", &format!("/rest/api/3/issue/{issue}/comment")).len(), 1, "{said}");
            assert!(
                to("", "/rest/")
                    .iter()
                    .all(|r| r["headers"]["authorization"] == "Bearer tok-0123456789abcdef")
            );
            assert_eq!(to("POST", "/services/").len() + to("POST", "/robot/send").len(), hooks, "{said}");
            assert!(to("POST", "/robot/send").iter().all(|r| r["path"].as_str().unwrap().contains("&sign=")));
            assert!(!said.contains("FAILED") && !said.contains("UNKNOWN"), "{said}");
            let secrets = SECRETS.iter().map(|(_, secret)| *secret);
            for secret in secrets.chain(["tok-0123456789abcdef", "0123456789abcdef"]) {
                assert!(!said.contains(secret), "{secret}: {said}");
            }
            stand_in.judged_by("adf.py", &[]);
        }
    }
}

#[test]
fn statuses_are_set_as_the_systems_have_it() {
    if super::skipped("the statuses of commits") {
        return;
    }
    let stand_in = world("0.002");
    let policy = "tracking: [{to: github_status}, {to: gitlab_status}]\nintegrations: {github_status: {deployment_id: \"42\"}}\n";
    let gitlab = format!("{}/api/v4", stand_in.url());
    let env = [
        ("GITHUB_API_URL", stand_in.url()),
        ("GITHUB_REPOSITORY", "octo/shop"),
        ("GITHUB_SHA", "6dcb09b5b57875f334f61aebed695e2e4193db5e"),
        ("GITHUB_TOKEN", "ghs_0123456789"),
        ("CI_API_V4_URL", gitlab.as_str()),
        ("CI_PROJECT_ID", "17"),
        ("CI_COMMIT_SHA", "18f3e63d05582537db6d183d9d557be09e1f90c8"),
        ("CI_PIPELINE_ID", "4711"),
        ("CI_JOB_URL", "https://gitlab.example/jobs/9"),
        ("GITLAB_TOKEN", "glpat-0123456789"),
    ];
    let ran = run(&stand_in, policy, &[], &env);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("wrote to ").count(), 3, "{said}");
    stand_in.judged_by("github.py", &[]);
    stand_in.judged_by("gitlab_status.py", &[stand_in.url()]);
}

#[test]
fn work_items_are_written_to_as_the_client_library_has_it() {
    if super::skipped("the work items of Azure Boards") {
        return;
    }
    let stand_in = world("0.08");
    let policy = format!(
        "tracking: {{transition: closed, issues: [\"AB#299\"]}}\nintegrations: {{azure_boards: {{url: \"{}\", organization: acme, project: web, auth: {{type: pat, token_ref: azure-token}}}}}}\n",
        stand_in.url()
    );
    let ran = run(&stand_in, &policy, &[], &[("AZURE_TOKEN", "a-personal-access-token")]);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(20), "{said}");
    assert!(!said.contains("NOT written") && said.contains("wrote to azure_boards"), "{said}");
    stand_in.judged_by("azure_boards.py", &[]);
}
