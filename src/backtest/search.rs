//! Where the deployments come from: a list in a file, or a query that a source is asked. Must not judge them.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::deployment::{Deployment, merged};
use super::find::find;
use super::{earlier, list};
use crate::cli::backtest::BacktestArgs;
use crate::diagnostic::{self, Sources};
use crate::exit::Exit;
use crate::gate::moment;
use crate::host::Host;
use crate::policy::problem::{Problem, Problems};
use crate::prepare::past::Past;
use crate::promql::{self, Options};
use crate::report::words::count;

/// How far back a query is asked where nothing is said.
const SINCE: Duration = Duration::from_secs(90 * 86_400);

/// The deployments that there are.
pub(super) struct Found {
    /// In order of time, each once; at least one.
    pub(super) deployments: Vec<Deployment>,
    /// What people should know of them.
    pub(super) notes: Vec<String>,
}

/// Why there is none: the exit code and what to say.
type Fault = (Exit, String);

/// The deployments that `args` name; a query is asked of the source of `past`.
///
/// # Errors
/// What is wrong with the list or the query, a source that cannot be asked, and that there is no deployment.
pub(super) async fn search(
    args: &BacktestArgs,
    past: &Past,
    now: Timestamp,
    host: &Host,
) -> Result<Found, Fault> {
    let until = args.until(now).map_err(|fault| usage(&fault))?;
    let since = args.since(now, until).map_err(|fault| usage(&fault))?;
    let path = Path::new(&args.deployments);
    let listed = ["csv", "json"].iter().any(|end| path.extension().is_some_and(|own| own == *end));
    let (all, mut notes, whence, span) = if listed || host.files.exists(path) {
        let (all, notes) = from_file(path, now, host)?;
        let span = (since.unwrap_or(Timestamp::MIN), until.unwrap_or(Timestamp::MAX));
        (all, notes, format!("the list `{}`", args.deployments), span)
    } else {
        let until = until.unwrap_or(now).min(now);
        let span = (since.unwrap_or_else(|| earlier(until, SINCE)), until);
        let all = from_query(args, past, span, host).await?;
        (all, Vec::new(), format!("the query `{}`", args.deployments), span)
    };
    let named = all.len();
    let (deployments, twice) = merged(all).map_err(|fault| usage(&fault))?;
    if twice > 0 {
        notes.push(format!("{} listed twice", count(twice, "deployment")));
    }
    let before = deployments.len();
    let deployments: Vec<Deployment> =
        deployments.into_iter().filter(|one| (span.0..=span.1).contains(&one.time)).collect();
    if deployments.len() < before {
        let out = count(before - deployments.len(), "deployment");
        notes.push(format!("{out} outside of `--since` and `--until` left out"));
    }
    if deployments.is_empty() {
        let (from, until) = span;
        let times = if from == Timestamp::MIN && until == Timestamp::MAX {
            String::new()
        } else {
            format!(" from {} to {}", moment(from), moment(until.min(now)))
        };
        let help = if named == 0 && !listed {
            "\n  = help: a query marks a deployment by a change of its value, or by a version that is new: try it in your source's \
             own graph; or name a CSV file with a column `time`"
        } else {
            ""
        };
        return Err(usage(&format!("{whence} has no deployment{times}{help}")));
    }
    Ok(Found { deployments, notes })
}

fn from_file(path: &Path, now: Timestamp, host: &Host) -> Result<(Vec<Deployment>, Vec<String>), Fault> {
    let name = path.display().to_string();
    let bytes = host.files.read(path).map_err(|error| usage(&format!("`{name}` cannot be read: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| usage(&format!("expected `{name}` in UTF-8, found other bytes")))?;
    let list = list::read(&name, &text, now).map_err(|problems| refused(&problems, host))?;
    Ok((list.deployments, list.notes))
}

async fn from_query(
    args: &BacktestArgs,
    past: &Past,
    span: (Timestamp, Timestamp),
    host: &Host,
) -> Result<Vec<Deployment>, Fault> {
    let mut problems = Problems::default();
    let source = past.source(&Deployment::at(span.1), host, &mut problems);
    let Some(source) = source else { return Err(refused(&problems, host)) };
    let query = &args.deployments;
    let options = Options { dialect: source.dialect(), holes: false };
    if let Err(mistakes) = promql::parse(query, options).sound() {
        let first = mistakes.into_iter().next().map(|mistake| mistake.message).unwrap_or_default();
        let problem = Problem::nowhere(format!("`{query}` is neither a file nor a query: {first}"));
        let mut problems = Problems::default();
        problems.push(problem.help(
            "`--deployments` takes a CSV or JSON file, or a PromQL query whose changes mark deployments",
        ));
        return Err(refused(&problems, host));
    }
    let concurrency = usize::from(args.concurrency);
    let found = find(source.as_ref(), query, span, concurrency, host).await;
    found.map_err(|error| {
        (Exit::Failure, format!("error: the deployments cannot be asked for: {}", error.reason))
    })
}

fn usage(fault: &str) -> Fault {
    (Exit::Usage, format!("error: {fault}"))
}

fn refused(problems: &Problems, host: &Host) -> Fault {
    (Exit::Usage, diagnostic::render(problems, &Sources::default(), host.output.colour))
}
