//! Which issues belong to a deployment: those that are given, else those that its commits mention, else those that the
//! pipeline around the run names. Must not fail a run: what cannot be found is a warning.

use std::time::Duration;

use super::Tracking;
use crate::api::words::line;
use crate::cli::inputs::IssueArgs;
use crate::host::Host;
use crate::host::process::Program;
use crate::pipeline;

/// Issues of one deployment that are written to at most.
pub const MOST: usize = 20;

/// How long git may take.
const GIT: Duration = Duration::from_secs(10);

/// Commits that are looked at at most, newest first.
const COMMITS: &str = "--max-count=1000";

/// Hands the issues of `--issue` to the trackings that take them.
///
/// # Errors
/// One that no tracker knows what to do with.
pub(crate) fn given(trackings: &mut [Tracking], args: &IssueArgs) -> Result<(), String> {
    for text in &args.issue {
        let mut fault = None;
        let mut taken = false;
        for tracking in trackings.iter_mut().filter(|tracking| tracking.entry.open) {
            let Some(issues) = tracking.tracker.issues() else { continue };
            match issues.issue(text) {
                Ok(issue) => {
                    taken = true;
                    if !tracking.entry.issues.contains(&issue) {
                        tracking.entry.issues.push(issue);
                    }
                }
                Err(problem) => fault = Some(problem),
            }
        }
        if let Some(problem) = fault.filter(|_| !taken) {
            return Err(format!("`--issue`: {problem}"));
        }
    }
    Ok(())
}

/// Finds the issues of every tracking that names none. What is to be said of it is returned.
pub(crate) async fn find(trackings: &mut [Tracking], args: &IssueArgs, host: &Host) -> Vec<String> {
    let mut warnings = Vec::new();
    let wanted = |tracking: &&mut Tracking| tracking.entry.open && tracking.tracker.issues().is_some();
    if !trackings.iter_mut().any(|tracking| wanted(&tracking)) {
        return warnings;
    }
    let texts = match &args.commits {
        Some(range) => match commits(range, host).await {
            Ok(text) => vec![text],
            Err(problem) => {
                warnings.push(problem);
                Vec::new()
            }
        },
        None if args.issue.is_empty() => pipeline::names(host),
        None => Vec::new(),
    };
    for tracking in trackings.iter_mut().filter(wanted) {
        let Some(issues) = tracking.tracker.issues() else { continue };
        for issue in texts.iter().flat_map(|text| issues.mentioned(text)) {
            if !tracking.entry.issues.contains(&issue) {
                tracking.entry.issues.push(issue);
            }
        }
        let kind = tracking.tracker.kind();
        let found = &mut tracking.entry.issues;
        if found.is_empty() {
            let by = if args.commits.is_some() { "the commits" } else { "the pipeline" };
            warnings
                .push(format!("nothing is written to `{kind}`: neither `--issue` nor {by} names an issue"));
        } else if found.len() > MOST {
            warnings.push(format!("{} issues are named: the first {MOST} are written to", found.len()));
            found.truncate(MOST);
        }
    }
    warnings
}

/// The messages of the commits in `range`.
///
/// # Errors
/// Why git does not tell them.
pub(crate) async fn commits(range: &str, host: &Host) -> Result<String, String> {
    let argv = ["git", "log", COMMITS, "--no-color", "--format=%s%n%b", range, "--"].map(str::to_owned);
    let program = Program { argv: argv.to_vec(), env: Vec::new() };
    let redactor = &host.output.redactor;
    let told = |why: String| format!("the commits `{range}` cannot be read: {why}");
    match host.clock.timeout(GIT, host.programs.run(program)).await {
        None => Err(told(format!("git did not end within {}", humantime::format_duration(GIT)))),
        Some(Err(error)) => Err(told(format!("git cannot be run: {error}"))),
        Some(Ok(ended)) if ended.code == Some(0) => Ok(ended.output),
        Some(Ok(ended)) => {
            let words = line(&ended.output, 200, redactor);
            let hint = "; a shallow clone has no history: fetch it with `fetch-depth: 0` or `GIT_DEPTH: 0`";
            let hint =
                if words.contains("unknown revision") || words.contains("bad revision") { hint } else { "" };
            Err(told(format!("git says `{words}`{hint}")))
        }
    }
}
