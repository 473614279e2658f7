//! Holds an event against the rules of a policy: which match, which do not, and why. Pure; must not start anything.

use regex::Regex;

use super::{Finding, Happened, Subject};
use crate::policy::deployment_triggers::{RuleSpec, WantedSpec};
use crate::policy::problem::{Problem, Problems};
use crate::policy::template::{Scope, Template};

/// What each of `rules` makes of `event`; what is wrong with a rule is reported.
pub(crate) fn evaluate(
    rules: &[RuleSpec],
    event: &Happened,
    scope: &Scope,
    problems: &mut Problems,
) -> Vec<Finding> {
    let mut found = Vec::new();
    for rule in rules {
        match look(rule, event, scope) {
            Ok(findings) => found.extend(findings),
            Err(problem) => problems.push(problem),
        }
    }
    found
}

/// What was found: what the mapping is asked for, the label that matched, and why.
struct Match {
    wanted: String,
    label: String,
    because: String,
}

fn look(rule: &RuleSpec, event: &Happened, scope: &Scope) -> Result<Vec<Finding>, Problem> {
    let not = |because: String| Finding { rule: rule.name, pipeline: None, label: String::new(), because };
    if rule.enabled.as_ref().map(|enabled| enabled.render(scope)).transpose()? == Some(false) {
        return Ok(vec![not("it is not enabled".to_owned())]);
    }
    let matches = match &rule.wanted {
        WantedSpec::Status { types, target } => status(event, &texts(types, scope)?, &target.render(scope)?),
        WantedSpec::Label { labels } => label(event, &texts(labels, scope)?, rule),
        WantedSpec::Version { pattern } => version(event, &pattern_of(pattern, scope)?),
    };
    let matches = match matches {
        Ok(matches) => matches,
        Err(why) => return Ok(vec![not(why)]),
    };
    let one = |found: Match| -> Result<Finding, Problem> {
        let by_pattern = matches!(rule.wanted, WantedSpec::Version { .. });
        let fits = |key: &str| {
            if by_pattern {
                Regex::new(key).is_ok_and(|regex| regex.is_match(&found.wanted))
            } else {
                key == found.wanted
            }
        };
        let Some((_, pipeline)) = rule.mapping.iter().find(|(key, _)| fits(key)) else {
            let why = format!("{}, and `pipeline_mapping` has nothing for `{}`", found.because, found.wanted);
            return Ok(not(why));
        };
        let mut own = scope.clone();
        event.variables(&found.label).iter().for_each(|(name, value)| own.set(name, value));
        let pipeline = pipeline.render(&own)?;
        Ok(Finding { rule: rule.name, pipeline: Some(pipeline), label: found.label, because: found.because })
    };
    matches.into_iter().map(one).collect()
}

fn texts(templates: &[Template], scope: &Scope) -> Result<Vec<String>, Problem> {
    templates.iter().map(|template| template.render(scope)).collect()
}

fn pattern_of(template: &Template, scope: &Scope) -> Result<Regex, Problem> {
    let text = template.render(scope)?;
    Regex::new(&text).map_err(|_| {
        let shown = crate::policy::node::shorten(&text);
        Problem::at(template.place, format!("expected a regular expression, found `{shown}`"))
    })
}

/// Whether two names are the same to people: systems show them in their own case.
fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Why an event that is about something else matches no rule of issues.
fn no_issue(event: &Happened) -> String {
    format!("the event is `{}`, which changes no issue", event.name)
}

fn status(event: &Happened, types: &[String], target: &str) -> Result<Vec<Match>, String> {
    let issue =
        event.issue.as_ref().filter(|_| event.subject != Subject::Other).ok_or_else(|| no_issue(event))?;
    let Some((from, to)) = &issue.moved else {
        return Err(match event.subject {
            Subject::Created => "the issue was created, and not moved".to_owned(),
            _ => "the status was not changed".to_owned(),
        });
    };
    if !same(to, target) {
        return Err(format!("the issue was moved to `{to}`, not to `{target}`"));
    }
    if same(from, target) {
        return Err(format!("the issue was in `{target}` before"));
    }
    if !types.is_empty() && !types.iter().any(|one| same(one, &issue.kind)) {
        return Err(format!("the issue is a `{}`, which is none of `issue_types`", issue.kind));
    }
    let because = format!("{} was moved from `{from}` to `{to}`", issue.key);
    Ok(vec![Match { wanted: issue.project.clone(), label: String::new(), because }])
}

fn label(event: &Happened, labels: &[String], rule: &RuleSpec) -> Result<Vec<Match>, String> {
    let issue =
        event.issue.as_ref().filter(|_| event.subject != Subject::Other).ok_or_else(|| no_issue(event))?;
    if issue.added.is_empty() {
        return Err("no label was added".to_owned());
    }
    let counts = |label: &String| {
        if labels.is_empty() {
            rule.mapping.iter().any(|(key, _)| key == label)
        } else {
            labels.contains(label)
        }
    };
    let matches: Vec<Match> = issue
        .added
        .iter()
        .filter(|label| counts(label))
        .map(|label| Match {
            wanted: label.clone(),
            label: label.clone(),
            because: format!("{} got the label `{label}`", issue.key),
        })
        .collect();
    if matches.is_empty() {
        let added = crate::policy::problem::listed(issue.added.iter().map(String::as_str));
        return Err(format!("the label {added} was added, which is none of `labels`"));
    }
    Ok(matches)
}

fn version(event: &Happened, pattern: &Regex) -> Result<Vec<Match>, String> {
    let name = event.version.as_ref().filter(|_| event.subject == Subject::Released);
    let name = name.ok_or_else(|| format!("the event is `{}`, which releases no version", event.name))?;
    if !pattern.is_match(name) {
        return Err(format!("the version `{name}` does not match `{}`", pattern.as_str()));
    }
    let because = format!("the version `{name}` was released");
    Ok(vec![Match { wanted: name.clone(), label: String::new(), because }])
}
