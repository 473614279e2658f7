//! What the pipeline around a run says of itself, by the variables of its system. Must not change what is decided:
//! the same policy gives the same verdict by hand.

use crate::host::env::Env;

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
