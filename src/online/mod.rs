//! `lint --online`: asks the sources of a policy what they hold, and says where the policy and they do not go together.
//! The data goes from [`question`] (what the policy asks) by [`ask`] (what its sources tell) to [`find`] (what follows).
//! Must not judge the deployment, and must not find what can be found without a network.

mod question;
mod known;
mod ask;
mod lack;
mod find;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::check::MetricSource;
use crate::host::Host;
use crate::host::vault::Vault;
use crate::policy::lint::online::{NOT_ASKED, found};
use crate::policy::lint::queries::times::RANGE_TOO_SHORT;
use crate::policy::model::PolicySpec;
use crate::policy::problem::{Problem, Problems, listed};
use crate::policy::template::Scope;
use question::{Questions, questions};

/// What a policy is asked about with.
pub(crate) struct Subject<'s> {
    /// The policy.
    pub spec: &'s PolicySpec,
    /// The variables that are known.
    pub scope: &'s Scope,
    /// The sources, by the integration's name.
    pub sources: &'s BTreeMap<String, Arc<dyn MetricSource>>,
    /// Where secrets of checks are found.
    pub vault: &'s Vault,
    /// The deployment time.
    pub deployed_at: Timestamp,
    /// The moment that is looked at.
    pub at: Timestamp,
}

/// What the sources of a policy have told.
#[derive(Default)]
pub(crate) struct Told {
    /// What is against it.
    pub problems: Problems,
    /// Ranges that hold enough samples, whatever was assumed before anybody was asked.
    pub long_enough: Vec<Problem>,
}

impl Told {
    /// Whether `problem` is disproved.
    pub(crate) fn disproves(&self, problem: &Problem) -> bool {
        let covers = |range: &Problem| {
            let (outer, inner) = (main(range), main(problem));
            let inside = outer.zip(inner).is_some_and(|(o, i)| o.start <= i.start && i.end <= o.end);
            range.place == problem.place && inside
        };
        problem.id == Some(RANGE_TOO_SHORT) && self.long_enough.iter().any(covers)
    }
}

fn main(problem: &Problem) -> Option<&std::ops::Range<u32>> {
    problem.inside.as_ref()?.stretches.first()
}

/// Everything that the sources of `subject` tell.
pub(crate) async fn look(subject: &Subject<'_>, host: &Host) -> Told {
    let mut told = Told::default();
    let problems = &mut told.problems;
    let Questions { all, missing, skipped } = questions(subject, problems);
    if !skipped.is_empty() {
        problems.push(not_asked(&skipped, &missing));
    }
    for (name, source) in subject.sources {
        let own: Vec<_> = all.iter().filter(|question| question.source == *name).collect();
        if own.is_empty() {
            continue;
        }
        let Some(explore) = source.explore() else {
            problems
                .push(found(NOT_ASKED, Problem::nowhere(format!("`{name}` cannot be asked what it holds"))));
            continue;
        };
        let asking = ask::Asking { source: &**source, explore, at: subject.at, host };
        match asking.all(&own).await {
            Ok((known, unanswered)) => {
                for reason in unanswered {
                    problems.push(found(NOT_ASKED, Problem::nowhere(reason)));
                }
                for question in own {
                    find::find(question, &known).into_iter().for_each(|problem| problems.push(problem));
                    told.long_enough.extend(find::long_enough(question, &known));
                }
            }
            Err(reason) => {
                let help = format!("without `--online`, `lint` needs no `{name}`");
                problems.push(Problem::nowhere(reason).help(help));
            }
        }
    }
    told
}

/// The note about the checks `skipped`, whose queries need the variables `missing`.
fn not_asked(skipped: &[&str], missing: &[String]) -> Problem {
    let whose = match skipped {
        [one] => format!("the query of `{one}` was not asked"),
        _ => format!("the queries of {} were not asked", listed(skipped.iter().copied())),
    };
    let variables = match missing {
        [one] => format!("the variable `{one}` is not known"),
        _ => format!("the variables {} are not known", listed(missing.iter().map(String::as_str))),
    };
    let options: Vec<String> = missing.iter().map(|name| format!("`--set {name}=VALUE`")).collect();
    found(
        NOT_ASKED,
        Problem::nowhere(format!("{whose}: {variables}")).help(format!("pass {}", options.join(" "))),
    )
}

/// How far back a source is asked for names and labels.
const PAST: Duration = Duration::from_secs(3600);
