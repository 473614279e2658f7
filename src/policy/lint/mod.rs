//! `lint`: what a policy says that its author will hardly have meant, found before any variable, secret or server is
//! at hand. Must not report what only a run can know, and must not repeat the faults of reading.
//!
//! To add a lint: a rule in the file of its subject, and an entry in [`RULES`]; its page is a section of
//! `docs/lint.md`.

mod allow;
mod queries;
mod whole;

use super::model::{CheckSpec, PolicySpec};
use super::node::{self, Node};
use super::parse::Document;
use super::problem::{Problem, Problems, Severity};
use super::query::{self, ReadQuery};

/// A lint.
pub struct Rule {
    /// Its id, by which it is allowed and denied.
    pub id: &'static str,
    /// How bad what it finds is.
    pub severity: Severity,
    /// What it finds, in one sentence without a final period.
    pub summary: &'static str,
    /// Finds it; the id and the severity are added to each problem.
    check: fn(&Cx<'_>, &mut Vec<Problem>),
}

/// A policy that is to be looked at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'s> {
    /// What was read.
    pub spec: &'s PolicySpec,
    /// The texts that it was read from.
    pub documents: &'s [Document<'s>],
    /// Whether all that is written could be read: where faults hide a part of it, nothing is said of what is not there.
    pub complete: bool,
}

/// What rules look at.
pub(super) struct Cx<'c> {
    /// The policy.
    pub spec: &'c PolicySpec,
    /// Its checks.
    pub checks: Vec<CheckCx<'c>>,
    /// Whether all that is written could be read.
    pub complete: bool,
    documents: &'c [Document<'c>],
    allows: Vec<allow::Allow>,
}

/// A check as rules look at it.
pub(super) struct CheckCx<'c> {
    /// The check.
    pub check: &'c CheckSpec,
    /// Its query in every way its blocks allow, where it has one and its dialect is known; those that are not sound have
    /// been reported.
    pub queries: Vec<ReadQuery<'c>>,
}

/// All lints, in the order of the documentation.
pub static RULES: &[&[Rule]] = &[queries::RULES, whole::RULES, allow::RULES_OF_COMMENTS];

/// Whether there is a lint `id`.
pub fn is_lint(id: &str) -> bool {
    RULES.iter().copied().flatten().any(|rule| rule.id == id)
}

/// Everything that the rules find in `subject` and that no comment allows.
pub fn warnings(subject: Subject<'_>) -> Problems {
    let Subject { spec, documents, complete } = subject;
    let checks = spec.checks.iter().map(|check| {
        let dialect = spec.integrations.dialect(check.spec.source().unwrap_or_default());
        let queries = match (check.spec.facts().query, dialect) {
            (Some(template), Some(dialect)) => query::read(template, dialect),
            _ => Vec::new(),
        };
        CheckCx { check, queries }
    });
    let trees: Vec<Option<Node>> = documents.iter().map(tree).collect();
    let allows = documents
        .iter()
        .zip(&trees)
        .filter_map(|(document, tree)| Some(allow::read(document, tree.as_ref()?)));
    let cx = Cx { spec, checks: checks.collect(), complete, documents, allows: allows.flatten().collect() };
    let mut all = Vec::new();
    for rule in RULES.iter().copied().flatten() {
        let mut found = Vec::new();
        (rule.check)(&cx, &mut found);
        all.extend(
            found.into_iter().map(|problem| Problem { severity: rule.severity, ..problem.id(rule.id) }),
        );
    }
    allow::apply(&cx, &mut all);
    let mut problems = Problems::default();
    all.into_iter().for_each(|problem| problems.push(problem));
    problems
}

/// What `document` holds; its faults have been reported.
fn tree(document: &Document<'_>) -> Option<Node> {
    node::read(document.source, document.text, &mut Problems::default())
}

#[cfg(test)]
mod tests;
