//! `lint`: what a policy says that its author will hardly have meant, found before any variable, secret or server is
//! at hand. Must not report what only a run can know, and must not repeat the faults of reading.
//!
//! To add a lint: a rule in the file of its subject, and an entry in [`RULES`]; its page is a section of
//! `docs/lint.md`.

mod queries;
mod whole;

use super::model::{CheckSpec, PolicySpec};
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

/// What rules look at.
pub(super) struct Cx<'c> {
    /// The policy.
    pub spec: &'c PolicySpec,
    /// Its checks.
    pub checks: Vec<CheckCx<'c>>,
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
pub static RULES: &[&[Rule]] = &[queries::RULES, whole::RULES];

/// Everything that the rules find in `spec`.
pub fn warnings(spec: &PolicySpec) -> Problems {
    let checks = spec.checks.iter().map(|check| {
        let dialect = spec.integrations.dialect(check.spec.source().unwrap_or_default());
        let queries = match (check.spec.facts().query, dialect) {
            (Some(template), Some(dialect)) => query::read(template, dialect),
            _ => Vec::new(),
        };
        CheckCx { check, queries }
    });
    let cx = Cx { spec, checks: checks.collect() };
    let mut problems = Problems::default();
    for rule in RULES.iter().copied().flatten() {
        let mut found = Vec::new();
        (rule.check)(&cx, &mut found);
        for problem in found {
            problems.push(Problem { severity: rule.severity, ..problem.id(rule.id) });
        }
    }
    problems
}
