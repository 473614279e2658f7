//! `lint`: what a policy says that its author will hardly have meant, found before any variable, secret or server is
//! at hand. Must not report what only a run can know, and must not repeat the faults of reading.
//!
//! To add a lint: a rule in the file of its subject, and an entry in [`RULES`]; its page is a section of
//! `docs/lint.md`.

mod allow;
mod baselines;
mod limits;
pub mod online;
mod outcome;
pub(crate) mod queries;
pub mod secrets;
mod ticks;
mod variables;

use std::collections::HashMap;

use super::exposure::Exposure;
use super::model::{CheckSpec, PolicySpec};
use super::node::{self, Data, Node};
use super::parse::Document;
use super::problem::{Place, Problem, Problems, Severity};
use super::query::{self, ReadQuery};
use crate::check::Facts;

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
    /// What its triggers send.
    pub triggers: &'s [Exposure<'s>],
    /// Whether all that is written could be read: where faults hide a part of it, nothing is said of what is not there.
    pub complete: bool,
}

/// What rules look at.
pub(super) struct Cx<'c> {
    /// The policy.
    pub spec: &'c PolicySpec,
    /// Its checks.
    pub checks: Vec<CheckCx<'c>>,
    /// What its triggers send.
    pub triggers: &'c [Exposure<'c>],
    /// Whether all that is written could be read.
    pub complete: bool,
    documents: &'c [Document<'c>],
    /// What each of the documents holds, where it can be read.
    trees: &'c [Option<Node>],
    secrets: Vec<secrets::Written>,
    allows: Vec<allow::Allow>,
}

/// A check as rules look at it.
pub(super) struct CheckCx<'c> {
    /// The check.
    pub check: &'c CheckSpec,
    /// What its kind says of it.
    pub facts: Facts<'c>,
    /// As it is written.
    pub node: Option<&'c Node>,
    /// Its query in every way its blocks allow, where it has one and its dialect is known; those that are not sound have
    /// been reported.
    pub queries: Vec<ReadQuery<'c>>,
}

impl CheckCx<'_> {
    /// What people call it: its name, else what it connects to.
    fn name(&self) -> &str {
        let address = || self.facts.address.map(|address| address.text.as_str());
        self.check.envelope.name.as_deref().or_else(address).unwrap_or(self.check.kind)
    }

    /// Where its name is written, else where it begins.
    fn place(&self) -> Place {
        self.node.and_then(|node| node.get("name")).map_or(self.check.place, |name| name.place)
    }
}

/// All lints, in the order of the documentation.
pub static RULES: &[&[Rule]] = &[
    queries::times::RULES,
    queries::deployment::RULES,
    queries::rates::RULES,
    queries::histograms::RULES,
    queries::matchers::RULES,
    queries::sides::RULES,
    queries::shape::RULES,
    online::RULES,
    limits::RULES,
    baselines::RULES,
    ticks::RULES,
    outcome::RULES,
    variables::RULES,
    secrets::RULES,
    allow::RULES,
];

/// Whether there is a lint `id`.
pub fn is_lint(id: &str) -> bool {
    RULES.iter().copied().flatten().any(|rule| rule.id == id)
}

/// Everything that the rules find in `subject` and that no comment allows.
pub fn look(subject: Subject<'_>) -> Problems {
    let Subject { spec, documents, triggers, complete } = subject;
    let trees: Vec<Option<Node>> = documents.iter().map(tree).collect();
    let mut nodes = HashMap::new();
    trees.iter().flatten().for_each(|tree| mappings(tree, &mut nodes));
    let checks = spec.checks.iter().map(|check| {
        let facts = check.spec.facts();
        let dialect = spec.integrations.dialect(check.spec.source().unwrap_or_default());
        let queries = match (facts.query, dialect) {
            (Some(template), Some(dialect)) => query::read(template, dialect),
            _ => Vec::new(),
        };
        CheckCx { check, facts, node: nodes.get(&check.place).copied(), queries }
    });
    let read = || documents.iter().zip(&trees);
    let allows = read().filter_map(|(document, tree)| Some(allow::read(document, tree.as_ref()?)));
    let cx = Cx {
        spec,
        checks: checks.collect(),
        triggers,
        complete,
        documents,
        trees: &trees,
        secrets: read().flat_map(|(document, tree)| secrets::read(document, tree.as_ref())).collect(),
        allows: allows.flatten().collect(),
    };
    let mut all = Vec::new();
    for rule in RULES.iter().copied().flatten() {
        let mut found = Vec::new();
        (rule.check)(&cx, &mut found);
        let own = |problem: Problem| Problem { severity: rule.severity, ..problem.id(rule.id) };
        all.extend(found.into_iter().map(own));
    }
    allow::apply(&cx, &mut all);
    let mut problems = Problems::default();
    all.into_iter().for_each(|problem| problems.push(problem));
    problems
}

/// What of `found`, which is about `spec`, no comment of its `documents` allows.
pub fn not_allowed(spec: &PolicySpec, documents: &[Document<'_>], mut found: Vec<Problem>) -> Vec<Problem> {
    let trees: Vec<Option<Node>> = documents.iter().map(tree).collect();
    let read = documents.iter().zip(&trees);
    let allows = read.filter_map(|(document, tree)| Some(allow::read(document, tree.as_ref()?)));
    let cx = Cx {
        spec,
        checks: Vec::new(),
        triggers: &[],
        // What is allowed in vain has been told.
        complete: false,
        documents,
        trees: &trees,
        secrets: Vec::new(),
        allows: allows.flatten().collect(),
    };
    allow::apply(&cx, &mut found);
    found
}

/// What `document` holds; its faults have been reported.
fn tree(document: &Document<'_>) -> Option<Node> {
    node::read(document.source, document.text, &mut Problems::default())
}

fn mappings<'n>(node: &'n Node, found: &mut HashMap<Place, &'n Node>) {
    match &node.data {
        Data::Map(entries) => {
            found.entry(node.place).or_insert(node);
            entries.iter().for_each(|(_, value)| mappings(value, found));
        }
        Data::List(items) => items.iter().for_each(|item| mappings(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
