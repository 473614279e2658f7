//! What a run of a policy needs to be given: variables, secrets, addresses, and the line to start it with. Must read the
//! texts and nothing else: no secret is looked for.

use std::collections::BTreeMap;

use super::page::Page;
use super::sketch::Subject;
use super::telling;
use crate::policy::node::{self, Data, Node};
use crate::policy::problem::Problems;
use crate::policy::template::{Context, ELAPSED, Template};
use crate::policy::variables::{About, OWN};

/// What is found in the texts, in their order, each once.
#[derive(Default)]
struct Found {
    variables: Vec<String>,
    secrets: Vec<String>,
}

/// Adds what a run needs.
pub(super) fn show(page: &mut Page<'_>, subject: &Subject<'_>) {
    let found = found(subject);
    let declared: BTreeMap<&str, About<'_>> =
        subject.spec.variables.all().map(|about| (about.name, about)).collect();
    let mut names: Vec<&str> = subject.spec.variables.all().map(|about| about.name).collect();
    for name in found.variables.iter().map(String::as_str) {
        if !names.contains(&name) && !matches!(name, ELAPSED | "run_id" | "deployed_at") {
            names.push(name);
        }
    }
    if !names.is_empty() {
        page.heading("Variables");
        let rows: Vec<[String; 2]> = names
            .iter()
            .map(|name| [(*name).to_owned(), about(name, declared.get(name), &found, subject)])
            .collect();
        page.table(&rows);
    }
    if !found.secrets.is_empty() {
        page.heading("Secrets");
        let rows: Vec<[String; 2]> =
            found.secrets.iter().map(|secret| [secret.clone(), place_of(secret)]).collect();
        page.table(&rows);
    }
    page.heading("To run it");
    page.command(&line(&names, &declared, &found, subject));
}

fn about(name: &str, declared: Option<&About<'_>>, found: &Found, subject: &Subject<'_>) -> String {
    let used = found.variables.iter().any(|used| used == name);
    let given = subject.scope.get(name);
    let default = declared.and_then(|about| about.default);
    let state = match (given, default) {
        (Some(value), Some(default)) if value == default => format!("`{value}` unless another is given"),
        (Some(value), _) => format!("`{value}`"),
        (None, _) if used || declared.is_some_and(|about| about.required) => "to be given".to_owned(),
        (None, _) => "may be given".to_owned(),
    };
    match declared.and_then(|about| about.description) {
        Some(description) => format!("{state}: {description}"),
        None => state,
    }
}

/// Where a secret is looked for.
fn place_of(reference: &str) -> String {
    if reference.contains("{{") {
        return "in the environment variable, or the file of `--secrets-dir`, of that name".to_owned();
    }
    if crate::host::fernet::token(reference).is_some() {
        return "in the policy, encrypted; `ROLLGATE_KEY` holds the key to it".to_owned();
    }
    let variable = crate::host::vault::variable_of(reference);
    format!("in the environment variable `{variable}`, or the file `{reference}` of `--secrets-dir`")
}

/// The command that runs it, an option with its value at a time: what was given, and what is missing with a word to be
/// replaced.
fn line(
    names: &[&str],
    declared: &BTreeMap<&str, About<'_>>,
    found: &Found,
    subject: &Subject<'_>,
) -> Vec<String> {
    let files = subject.policies.iter().map(|index| quoted(subject.texts.name(*index)));
    let mut words = vec![format!("rollgate run {}", files.collect::<Vec<_>>().join(" "))];
    let mut add = |option: &str, value: &str| words.push(format!("{option} {}", quoted(value)));
    for (option, value) in &subject.given {
        add(option, value);
    }
    for source in sources(subject) {
        let written = subject.spec.integrations.shown(source, "url", subject.scope).is_some();
        if !written && !subject.addressed.contains(&source) {
            if source == subject.spec.integrations.default_source() {
                add(&format!("--{source}"), "URL");
            } else {
                add("--integration", &format!("{source}.url=URL"));
            }
        }
    }
    let somewhere = subject.spec.checks.iter().any(|check| !check.envelope.only.is_empty());
    if subject.environment.is_none() && somewhere && !names.contains(&"environment") {
        add("--environment", "NAME");
    }
    for name in names.iter().filter(|name| subject.scope.get(name).is_none()) {
        let required = declared.get(name).is_some_and(|about| about.required);
        if !required && !found.variables.iter().any(|used| used == *name) {
            continue;
        }
        if OWN.iter().any(|(own, _)| own == name) {
            add(&format!("--{}", name.replace('_', "-")), "VALUE");
        } else {
            add("--set", &format!("{name}=VALUE"));
        }
    }
    words
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The metrics integrations that checks ask, each once.
fn sources<'s>(subject: &Subject<'s>) -> Vec<&'s str> {
    subject.spec.sources().into_iter().collect()
}

/// The variables and secrets that the gate and the integrations it asks name.
fn found(subject: &Subject<'_>) -> Found {
    let mut found = Found::default();
    let told = telling::used(subject);
    let mut used = sources(subject);
    used.extend(told.iter().map(String::as_str));
    for index in subject.policies {
        let text = subject.texts.text(*index);
        let Some(node) = node::read(*index, text, &mut Problems::default()) else { continue };
        let Data::Map(entries) = &node.data else { continue };
        for (key, value) in entries {
            match key.name.as_str() {
                "post_deployment_validation" | "notifications" | "tracking" => found.walk(&key.name, value),
                "integrations" => found.entries(value, &used),
                "integration_configs" => {
                    if let Data::Map(groups) = &value.data {
                        groups.iter().for_each(|(_, group)| found.entries(group, &used));
                    }
                }
                _ => {}
            }
        }
    }
    found
}

impl Found {
    fn entries(&mut self, node: &Node, used: &[&str]) {
        let Data::Map(entries) = &node.data else { return };
        for (key, value) in entries.iter().filter(|(key, _)| used.contains(&key.name.as_str())) {
            self.walk(&key.name, value);
        }
    }

    fn walk(&mut self, key: &str, node: &Node) {
        match &node.data {
            Data::Map(entries) => entries.iter().for_each(|(key, value)| self.walk(&key.name, value)),
            Data::List(items) => items.iter().for_each(|item| self.walk(key, item)),
            Data::Text(text) => {
                if let Ok(template) = Template::compile(text, node.place, Context::Text) {
                    for name in template.needs() {
                        add(&mut self.variables, name);
                    }
                }
                if key.ends_with("_ref") {
                    add(&mut self.secrets, text);
                }
            }
            Data::Null | Data::Bool(_) | Data::Number(_) => {}
        }
    }
}

fn add(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}
