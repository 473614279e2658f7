//! What the pipeline around a run says of itself, by the variables of its system. Must not change what is decided:
//! the same policy gives the same verdict by hand.

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

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
    let azure = || {
        let (server, project) = (env.get("SYSTEM_COLLECTIONURI")?, env.get("SYSTEM_TEAMPROJECT")?);
        let mut url = Url::parse(server).ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend([project, "_build", "results"]);
        url.query_pairs_mut().append_pair("buildId", env.get("BUILD_BUILDID")?);
        Some(url.to_string())
    };
    let others = ["CI_JOB_URL", "CI_PIPELINE_URL", "BUILD_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL"];
    github().or_else(azure).or_else(|| others.iter().find_map(|name| env.get(name)).map(str::to_owned))
}

/// What a pipeline says of itself beside its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The repository or job that it is of.
    Project,
    /// The branch or tag that it builds.
    Branch,
    /// The commit that it builds.
    Commit,
    /// Who wrote that, or started it.
    Author,
    /// Its number, as people call it.
    Number,
    /// Where it deploys.
    Environment,
}

/// What the pipeline says of `told`; of the branch of a change that is proposed, its own.
pub fn told(told: Told, env: &Env) -> Option<&str> {
    let names: &[&str] = match told {
        Told::Project => &[
            "GITHUB_REPOSITORY",
            "CI_PROJECT_PATH",
            "BUILD_REPOSITORY_NAME",
            "JOB_NAME",
            "BUILDKITE_PIPELINE_SLUG",
            "CIRCLE_PROJECT_REPONAME",
        ],
        Told::Branch => &[
            "GITHUB_HEAD_REF",
            "GITHUB_REF_NAME",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
            "CI_COMMIT_REF_NAME",
            "SYSTEM_PULLREQUEST_SOURCEBRANCH",
            "BUILD_SOURCEBRANCHNAME",
            "CHANGE_BRANCH",
            "BRANCH_NAME",
            "GIT_BRANCH",
            "BUILDKITE_BRANCH",
            "CIRCLE_BRANCH",
        ],
        Told::Commit => &[
            "GITHUB_SHA",
            "CI_COMMIT_SHA",
            "BUILD_SOURCEVERSION",
            "GIT_COMMIT",
            "BUILDKITE_COMMIT",
            "CIRCLE_SHA1",
        ],
        Told::Author => &[
            "GITHUB_ACTOR",
            "CI_COMMIT_AUTHOR",
            "GITLAB_USER_NAME",
            "BUILD_REQUESTEDFOR",
            "CHANGE_AUTHOR_DISPLAY_NAME",
            "CHANGE_AUTHOR",
            "BUILD_USER",
            "BUILDKITE_BUILD_CREATOR",
            "CIRCLE_USERNAME",
        ],
        Told::Number => &[
            "GITHUB_RUN_NUMBER",
            "CI_PIPELINE_IID",
            "BUILD_BUILDNUMBER",
            "BUILD_NUMBER",
            "BUILDKITE_BUILD_NUMBER",
            "CIRCLE_BUILD_NUM",
        ],
        Told::Environment => &["CI_ENVIRONMENT_NAME"],
    };
    names.iter().find_map(|name| env.get(name))
}

/// How the pipeline has gone so far, in the words of its system, where that says so.
pub fn status(env: &Env) -> Option<&'static str> {
    let word = ["CI_JOB_STATUS", "AGENT_JOBSTATUS"].iter().find_map(|name| env.get(name));
    let word = word.map(str::to_lowercase);
    let exit =
        env.get("BUILDKITE_COMMAND_EXIT_STATUS").map(|code| if code == "0" { "success" } else { "failed" });
    match word.as_deref() {
        Some("success" | "succeeded" | "succeededwithissues") => Some("success"),
        Some("failed") => Some("failed"),
        Some("canceled" | "cancelled") => Some("cancelled"),
        Some("running") => Some("running"),
        _ => exit,
    }
}

/// When the pipeline began, where its system says so.
pub fn began(env: &Env) -> Option<Timestamp> {
    ["CI_PIPELINE_CREATED_AT", "SYSTEM_PIPELINESTARTTIME"].iter().find_map(|name| env.get(name)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Env {
        vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_system_says_what_runs_in_its_own_words() {
        let azure = env(&[
            ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/shop/"),
            ("SYSTEM_TEAMPROJECT", "My Shop"),
            ("BUILD_BUILDID", "42"),
            ("AGENT_JOBSTATUS", "SucceededWithIssues"),
            ("BUILD_BUILDNUMBER", "20260115.1"),
        ]);
        assert_eq!(
            run_url(&azure).unwrap(),
            "https://dev.azure.com/shop/My%20Shop/_build/results?buildId=42"
        );
        assert_eq!((status(&azure), told(Told::Number, &azure)), (Some("success"), Some("20260115.1")));
        let github = env(&[("GITHUB_HEAD_REF", ""), ("GITHUB_REF_NAME", "main"), ("GITHUB_ACTOR", "ada")]);
        assert_eq!((told(Told::Branch, &github), told(Told::Author, &github)), (Some("main"), Some("ada")));
        let gitlab = env(&[
            ("CI_JOB_STATUS", "canceled"),
            ("CI_COMMIT_REF_NAME", "refs"),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "fix"),
            ("CI_PIPELINE_CREATED_AT", "2026-01-15T10:50:00Z"),
        ]);
        assert_eq!((status(&gitlab), told(Told::Branch, &gitlab)), (Some("cancelled"), Some("fix")));
        assert_eq!(began(&gitlab).unwrap().to_string(), "2026-01-15T10:50:00Z");
        assert_eq!(status(&env(&[("BUILDKITE_COMMAND_EXIT_STATUS", "1")])), Some("failed"));
        assert_eq!((status(&env(&[])), run_url(&env(&[])), began(&env(&[]))), (None, None, None));
    }
}
