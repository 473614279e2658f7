//! What the pipeline around a run says of itself, by the variables of its system. Must not change what is decided:
//! the same policy gives the same verdict by hand.

use std::path::Path;

use serde_json::Value;

use crate::host::Host;
use crate::host::env::Env;

/// Who caused this run, by the name that people know.
pub fn actor(env: &Env) -> Option<&str> {
    let known = [
        "GITHUB_TRIGGERING_ACTOR",
        "GITHUB_ACTOR",
        "GITLAB_USER_LOGIN",
        "BUILD_REQUESTEDFOR",
        "BUILDKITE_BUILD_CREATOR",
        "CIRCLE_USERNAME",
        "BUILD_USER",
    ];
    known.into_iter().find_map(|name| env.get(name))
}

/// What people have called the change that is deployed: its branch, its merge request's title, its commit's message.
pub fn names(host: &Host) -> Vec<String> {
    let variables = [
        "GITHUB_HEAD_REF",
        "GITHUB_REF_NAME",
        "CI_MERGE_REQUEST_TITLE",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
        "CI_COMMIT_REF_NAME",
        "CI_COMMIT_MESSAGE",
        "CHANGE_TITLE",
        "CHANGE_BRANCH",
        "GIT_BRANCH",
        "SYSTEM_PULLREQUEST_SOURCEBRANCH",
        "BUILD_SOURCEBRANCH",
        "BUILD_SOURCEVERSIONMESSAGE",
        "BUILDKITE_BRANCH",
        "BUILDKITE_MESSAGE",
        "CIRCLE_BRANCH",
    ];
    let told = variables.into_iter().filter_map(|name| host.env.get(name)).map(str::to_owned);
    let event = github_event(host).unwrap_or_default();
    let titles = ["/pull_request/title", "/head_commit/message"];
    let titles = titles.into_iter().filter_map(|path| event.pointer(path)?.as_str().map(str::to_owned));
    told.chain(titles).collect()
}

/// The document of the event that started a run in GitHub Actions.
pub fn github_event(host: &Host) -> Option<Value> {
    let path = host.env.get("GITHUB_EVENT_PATH")?;
    serde_json::from_slice(&host.files.read(Path::new(path)).ok()?).ok()
}

/// The page of this run in the pipeline's own system.
pub fn run_url(env: &Env) -> Option<String> {
    let github = || {
        let server = env.get("GITHUB_SERVER_URL")?;
        let repository = env.get("GITHUB_REPOSITORY")?;
        let run = env.get("GITHUB_RUN_ID")?;
        Some(format!("{server}/{repository}/actions/runs/{run}"))
    };
    let others = ["CI_JOB_URL", "CI_PIPELINE_URL", "BUILD_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL"];
    github().or_else(|| others.iter().find_map(|name| env.get(name)).map(str::to_owned))
}
