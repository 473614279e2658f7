//! A second opinion on how Azure DevOps is asked to run a pipeline: its own client library reads the requests.

use serde_json::json;

use super::oracles::{StandIn, failing};

#[test]
fn a_run_is_asked_for_as_the_client_library_has_it() {
    if super::skipped("how Azure DevOps is asked to run a pipeline") {
        return;
    }
    let run = json!({"id": 99, "_links": {"web": {"href": "https://dev.azure.com/acme/web/_build/results?buildId=99"}}});
    let stand_in = StandIn::start(&json!([
        { "on": "^GET /health", "answers": [{ "status": 500 }] },
        { "on": "^GET /acme/web/_apis/pipelines/42\\?api-version=7.1$", "answers": [{ "status": 200, "json": {"id": 42} }] },
        { "on": "^POST /acme/web/_apis/pipelines/42/runs\\?api-version=7.1$", "answers": [{ "status": 200, "json": run }] },
        { "on": "^POST /acme/web/_apis/pipelines/42/preview\\?api-version=7.1$", "answers": [{ "status": 200, "json": {"finalYaml": "stages: []"} }] },
    ]));
    let trigger = format!(
        "  rollback_policy: {{trigger: {{kind: azure_devops, base_url: \"{}\", organization: acme, project: web, pipeline_id: 42, ref: main, parameters: {{of: \"{{{{rollback_of}}}}\"}}, variables: {{fast: true}}, token_ref: azure-token}}}}\n",
        stand_in.url()
    );
    let folder = failing(&stand_in, &trigger);
    for (arguments, code) in [(["run", "--deployment-id=d-1"], 20), (["render", "--online"], 0)] {
        let run = super::servers::rollgate()
            .args(arguments)
            .arg(folder.path().join("policy.yaml"))
            .env("AZURE_TOKEN", "a-personal-access-token")
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(code), "{}", String::from_utf8_lossy(&run.stderr));
    }
    assert_eq!(stand_in.requests().iter().filter(|request| request["method"] == "POST").count(), 2);
    stand_in.judged_by("azure_devops.py", &[]);
}
