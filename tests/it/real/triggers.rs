//! What is sent to start a rollback, judged by others: GitHub's own description of its API, a client for GitLab, and a
//! runner of workflows that is given what GitHub would hand on.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::oracles::{StandIn, failing, installed};
use super::servers::{report, rollgate};

/// Runs a gate whose rollback is started by `trigger`, with these secrets, and gives its report.
fn roll_back(stand_in: &StandIn, trigger: &str) -> Value {
    let folder = failing(
        stand_in,
        &format!("  rollback_policy: {{rollback_pipeline: rollback, trigger: {trigger}}}\n"),
    );
    let run = rollgate()
        .args([
            "run",
            "--deployment-id",
            "d-1",
            "--service",
            "checkout",
            "--version",
            "1.4.0",
            "--format",
            "json",
        ])
        .env("GITHUB_PAT", "github_pat_0123456789abcdef")
        .env("GL_TRIGGER", "glptt-0123456789abcdef")
        .env("GL_PAT", "glpat-0123456789abcdef")
        .arg(folder.path().join("policy.yaml"))
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(20), "{}", String::from_utf8_lossy(&run.stderr));
    report(&run)
}

/// A stand-in for GitHub, and what was sent to it to start something.
fn github(trigger: &str) -> (StandIn, Value) {
    let stand_in = StandIn::start(&json!([
        { "on": "^GET /health", "answers": [{ "status": 500 }] },
        { "on": "^POST /repos/acme/shop/dispatches$", "answers": [{ "status": 204 }] },
        { "on": "^POST .*/actions/workflows/rollback.yml/dispatches$", "answers": [{
            "json": { "workflow_run_id": 815, "run_url": "{{url}}/815", "html_url": "{{url}}/acme/shop/actions/runs/815" }
        }] },
        { "on": "^GET .*/actions/workflows/rollback.yml$", "answers": [{ "json": { "id": 1, "state": "active" } }] },
        { "on": "^GET /repos/acme/shop$", "answers": [{ "json": { "default_branch": "main" } }] },
    ]));
    let api = format!("repository: acme/shop, token_ref: github-pat, api_url: \"{}\"", stand_in.url());
    let told = roll_back(&stand_in, &trigger.replace("API", &api));
    assert_eq!(told["actions"][0]["status"], "confirmed", "{told}");
    stand_in.judged_by("github.py", &[]);
    let sent = stand_in.requests().into_iter().find(|request| request["method"] == "POST").unwrap();
    (stand_in, serde_json::from_str(sent["body"].as_str().unwrap()).unwrap())
}

/// Lets a runner of workflows run those that wait for `name`, of which one is `workflow`, on `event`; what it prints.
fn runner(name: &str, event: &Value, workflow: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(".github/workflows/rollback.yml", workflow);
    write("event.json", &event.to_string());
    let git = |arguments: &[&str]| {
        let made = Command::new("git").args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    git(&["init", "--quiet"]);
    git(&[
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.com",
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "a",
    ]);
    let ran = Command::new(installed().join("python/bin/act"))
        .args([name, "--eventpath", "event.json", "--platform", "ubuntu-latest=-self-hosted"])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    said
}

/// The workflow that the page on rollbacks shows for `event`, with a step that says what it was told.
fn documented(event: &str, say: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rollback.md");
    let page = std::fs::read_to_string(page).unwrap();
    let shown = page.split("```yml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let workflow = shown.into_iter().find(|text| text.contains(event)).unwrap();
    format!("{workflow}    steps:\n      - run: {say}\n")
}

#[test]
fn github_runs_the_documented_workflow_with_what_is_sent() {
    if super::skipped("a workflow of GitHub") {
        return;
    }
    let (_stand_in, sent) = github(
        "{kind: github_workflow, workflow: rollback.yml, inputs: {service: checkout, rollback_of: \"{{rollback_of}}\"}, API}",
    );
    let workflow =
        documented("workflow_dispatch", "echo \"from=$ROLLGATE_ROLLBACK_OF what=${{ inputs.service }}\"");
    let said = runner("workflow_dispatch", &json!({ "inputs": sent["inputs"] }), &workflow);
    assert!(said.contains("from=1.4.0 what=checkout"), "{said}");
}

#[test]
fn github_hands_the_event_to_the_documented_workflow() {
    if super::skipped("an event for GitHub") {
        return;
    }
    let (_stand_in, sent) = github("{kind: github_dispatch, payload: {cluster: eu-1}, API}");
    let event = json!({ "action": sent["event_type"], "client_payload": sent["client_payload"] });
    let workflow = documented(
        "repository_dispatch",
        "echo \"from=$ROLLGATE_ROLLBACK_OF what=$SERVICE where=${{ github.event.client_payload.cluster }}\"",
    );
    let said = runner("repository_dispatch", &event, &workflow);
    assert!(said.contains("from=1.4.0 what=checkout where=eu-1"), "{said}");
}

#[test]
fn a_client_for_gitlab_sends_the_same() {
    if super::skipped("pipelines of GitLab") {
        return;
    }
    let made = json!({ "id": 815, "status": "created", "web_url": "{{url}}/acme/shop/-/pipelines/815" });
    let stand_in = StandIn::start(&json!([
        { "on": "^GET /health", "answers": [{ "status": 500 }] },
        { "on": "^POST /api/v4/projects/acme%2Fsub%2Fshop/(trigger/)?pipeline$", "answers": [{ "status": 201, "json": made }] },
        { "on": "^GET /api/v4/projects/", "answers": [{ "json": {} }] },
    ]));
    let api = format!("{}/api/v4", stand_in.url());
    for token in ["token_ref: gl-trigger", "private_token_ref: gl-pat"] {
        let trigger = format!(
            "{{kind: gitlab, api_url: \"{api}\", project: acme/sub/shop, ref: release/1, variables: {{A: \"x y&z=ü\"}}, inputs: {{of: \"{{{{rollback_of}}}}\"}}, {token}}}"
        );
        let told = roll_back(&stand_in, &trigger);
        let url = told["actions"][0]["url"].as_str().unwrap();
        assert!(url.ends_with("/acme/shop/-/pipelines/815"), "{told}");
    }
    stand_in.judged_by("gitlab_client.py", &[stand_in.url()]);
}
