//! Lints of variables: declared and not used, used and not declared, and the version that nobody asks for. Must not
//! need their values.

use std::collections::BTreeSet;

use super::{Cx, Rule};
use crate::policy::node::{Data, Node};
use crate::policy::problem::{Place, Problem, Severity};
use crate::policy::template::{Context, Template};
use crate::policy::variables::is_own;
use crate::promql::analysis::analyse;

/// The lints of this file.
pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "unused-variable",
        severity: Severity::Warning,
        summary: "a declared variable that nothing uses",
        check: unused,
    },
    Rule {
        id: "undeclared-variable",
        severity: Severity::Note,
        summary: "a variable that is used and not declared beside those that are",
        check: undeclared,
    },
    Rule {
        id: "env-not-read",
        severity: Severity::Warning,
        summary: "`${NAME}` where the environment is not read",
        check: env_not_read,
    },
    Rule {
        id: "no-version",
        severity: Severity::Note,
        summary: "a policy that nothing ties to the version that was deployed",
        check: no_version,
    },
];

/// Where variables are declared, and what holds anchors; neither uses any.
fn uses_none(key: &str) -> bool {
    key == "variables" || key.starts_with("x-")
}

/// Every text of the policy that may hold tags, with its place.
fn texts<'c>(cx: &Cx<'c>) -> Vec<(&'c str, Place)> {
    fn walk<'n>(node: &'n Node, found: &mut Vec<(&'n str, Place)>) {
        match &node.data {
            Data::Map(entries) => entries.iter().for_each(|(_, value)| walk(value, found)),
            Data::List(items) => items.iter().for_each(|item| walk(item, found)),
            Data::Text(text) => found.push((text, node.place)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for tree in cx.trees.iter().flatten() {
        let Data::Map(entries) = &tree.data else { continue };
        entries
            .iter()
            .filter(|(key, _)| !uses_none(&key.name))
            .for_each(|(_, value)| walk(value, &mut found));
    }
    found
}

/// The variables that the policy uses, and where each is used first.
fn used(cx: &Cx<'_>) -> Vec<(String, Place)> {
    let mut seen = BTreeSet::new();
    let mut used = Vec::new();
    for (text, place) in texts(cx).into_iter().filter(|(text, _)| text.contains("{{")) {
        let Ok(template) = Template::compile(text, place, Context::Text) else { continue };
        for name in template.variables() {
            if seen.insert(name.to_owned()) {
                used.push((name.to_owned(), place));
            }
        }
    }
    used
}

fn unused(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    // The gate that uses them may stand in another file.
    if !cx.complete || cx.spec.place.is_none() {
        return;
    }
    let used = used(cx);
    for (name, place) in cx.spec.variables.names() {
        if !used.iter().any(|(known, _)| known == name) {
            let help = "take it out; files that run together are looked at together with `--together`";
            found.push(Problem::at(place, format!("nothing uses the variable `{name}`")).help(help));
        }
    }
}

fn undeclared(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    // A policy that declares none leaves that to `--set`.
    if !cx.complete || cx.spec.variables.names().next().is_none() {
        return;
    }
    for (name, place) in used(cx) {
        if !cx.spec.variables.names().any(|(known, _)| known == name) && !is_own(&name) {
            let message = format!("the variable `{name}` is used and not declared");
            let help = format!("declare it: `variables: {{{name}: {{required: true}}}}`");
            found.push(Problem::at(place, message).needle(&name).help(help));
        }
    }
}

/// `${NAME}`, as far as it is no group of a replacement.
fn environment(text: &str) -> Option<&str> {
    text.match_indices("${").find_map(|(at, _)| {
        let rest = &text[at..];
        let name = &rest[2..rest.find('}')?];
        let first = name.chars().next().is_some_and(|c| c.is_ascii_uppercase() || c == '_');
        let fits = first && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        fits.then(|| &rest[..name.len() + 3])
    })
}

fn env_not_read(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for tree in cx.trees.iter().flatten() {
        let Some(gate) = tree.get("post_deployment_validation") else { continue };
        let mut nodes = vec![gate];
        while let Some(node) = nodes.pop() {
            match &node.data {
                Data::Map(entries) => nodes.extend(entries.iter().map(|(_, value)| value)),
                Data::List(items) => nodes.extend(items),
                _ => {
                    if let Some(written) = node.scalar().and_then(environment) {
                        let message = format!(
                            "`{written}` is the environment in `integrations` only; here it stands for itself"
                        );
                        let help = "use a variable, `{{name}}`, set by `--set`; secrets go by reference, `…_ref: some-name`";
                        found.push(Problem::at(node.place, message).needle(written).help(help));
                    }
                }
            }
        }
    }
}

/// Words of names that tell one version from another.
const VERSION: &[&str] =
    &["release", "revision", "rev", "commit", "sha", "image", "tag", "build", "track", "canary", "hash"];

/// Whether the label or variable `name` tells one version from another.
fn is_of_version(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("version") || name.split(|c: char| !c.is_alphanumeric()).any(|word| VERSION.contains(&word))
}

fn no_version(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let Some(place) = cx.spec.place.filter(|_| cx.complete && !cx.checks.is_empty()) else { return };
    let by_label = |check: &super::CheckCx<'_>| {
        check.queries.iter().filter_map(|query| query.expr()).any(|expr| {
            let labels = analyse(expr).uses;
            labels
                .iter()
                .flat_map(|one| &one.selector.matchers)
                .any(|matcher| is_of_version(&matcher.label.text))
        })
    };
    if cx.spec.version.is_some() {
        return;
    }
    if used(cx).iter().any(|(name, _)| is_of_version(name)) || cx.checks.iter().any(by_label) {
        return;
    }
    let message = "nothing in this policy depends on the version that was deployed";
    let help = "`expect_version` says which share of the traffic the new version must take; an HTTP check of what the \
                service says it is, such as `json: [{path: $.version, equals: \"{{version}}\"}]`, or a version label in a \
                query tells the new version from the old one, too";
    found.push(Problem::at(place, message).help(help));
}
