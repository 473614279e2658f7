//! The queries of a policy as they would be asked, each with what its check makes of the answer. Must not ask.

use std::time::Duration;

use super::Subject;
use crate::check::RenderCx;
use crate::policy::model::{CheckSpec, Judging, On};
use crate::policy::problem::{Problem, Problems};
use crate::policy::query::{ReadQuery, read_rendered};
use crate::policy::template::{ELAPSED, Template};
use crate::policy::value::Value;
use crate::promql::analysis::{Use, analyse};
use crate::promql::ast::{BinaryOp, Expr, Modifiers, Node, Selector, Span};
use crate::promql::structure::narrows;

/// How long a source may take where the check does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A time after the deployment that queries are rendered for.
const AFTER: Duration = Duration::from_secs(300);

/// A query, and what its check makes of the answer.
pub(super) struct Question<'s> {
    /// The source that is asked.
    pub source: &'s str,
    /// The query, rendered.
    pub query: ReadQuery<'s>,
    /// How its series are judged, where that is known.
    pub judging: Option<Judging>,
    /// Whether an empty result is meant to be fine.
    pub may_be_empty: bool,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// The queries that can be asked.
#[derive(Default)]
pub(super) struct Questions<'s> {
    /// Them.
    pub all: Vec<Question<'s>>,
    /// The variables that others need.
    pub missing: Vec<String>,
    /// The checks of these others.
    pub skipped: Vec<&'s str>,
}

/// The queries of `subject`; what is wrong with a value goes to `problems`.
pub(super) fn questions<'s>(subject: &Subject<'s>, problems: &mut Problems) -> Questions<'s> {
    let scope = subject.scope.at(AFTER);
    let mut questions = Questions::default();
    for check in &subject.spec.checks {
        let facts = check.spec.facts();
        let (Some(template), Some(source)) = (facts.query, check.spec.source()) else { continue };
        let Some(connected) = subject.sources.get(source) else { continue };
        let missing = missing(template, subject);
        match read_rendered(template, &scope, connected.dialect()) {
            Ok(query) => {
                let judging = judging(check, subject);
                questions.all.push(Question {
                    source,
                    query,
                    judging,
                    may_be_empty: judging.is_some_and(|judging| judging.expect_empty) || empty_passes(check),
                    timeout: known(facts.timeout, subject).unwrap_or(TIMEOUT),
                });
            }
            Err(_) if !missing.is_empty() => {
                for name in missing {
                    if !questions.missing.contains(&name) {
                        questions.missing.push(name);
                    }
                }
                questions.skipped.push(check.envelope.name.as_deref().unwrap_or(check.kind));
            }
            Err(problem) => problems.push(problem),
        }
    }
    questions
}

/// The variables of `template` that have no value.
fn missing(template: &Template, subject: &Subject<'_>) -> Vec<String> {
    let unknown = |name: &&str| *name != ELAPSED && subject.scope.get(name).is_none();
    template.variables().filter(unknown).map(str::to_owned).collect()
}

fn known<T: crate::policy::value::Scalar + Clone>(
    value: Option<&Value<T>>,
    subject: &Subject<'_>,
) -> Option<T> {
    value?.render(subject.scope).ok()
}

/// How the check judges; limits that need other variables than the query are not looked at.
fn judging(check: &CheckSpec, subject: &Subject<'_>) -> Option<Judging> {
    let cx = RenderCx {
        scope: subject.scope,
        deployed_at: subject.deployed_at,
        interval: Duration::from_secs(15),
        anchor: None,
        gate: crate::check::OfGate::default(),
        rhythm: &std::sync::Arc::default(),
        sources: subject.sources,
        vault: subject.vault,
    };
    Some(check.spec.render(&cx, &mut Problems::default())?.judging)
}

fn empty_passes(check: &CheckSpec) -> bool {
    matches!(check.envelope.on.no_data, Some(Value::Known(On::Pass, _)))
}

impl Question<'_> {
    /// What is sent.
    pub(super) fn text(&self) -> &str {
        &self.query.skeleton().text
    }

    /// The tree, where nothing is wrong with it.
    pub(super) fn expr(&self) -> Option<&Expr> {
        self.query.expr().filter(|_| self.query.is_sound())
    }

    /// Its selectors, each with whether it may well be without series.
    pub(super) fn uses(&self) -> Vec<(Use<'_>, bool)> {
        let Some(expr) = self.expr() else { return Vec::new() };
        let uses = analyse(expr).uses;
        let optional = optional(expr);
        let lenient = |one: &Use<'_>| {
            let inside = |span: &Span| span.start <= one.span.start && one.span.end <= span.end;
            // A service that never failed has no series of failures.
            let part = uses.iter().any(|other| narrows(one.selector, other.selector));
            self.may_be_empty || part || optional.iter().any(inside)
        };
        let lenient: Vec<bool> = uses.iter().map(lenient).collect();
        uses.into_iter().zip(lenient).collect()
    }

    /// A problem with its caret on `span`.
    pub(super) fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        self.query.problem(&[span], message)
    }
}

/// The parts of `expr` that need not be there: the sides of `or`, and what a filter filters with.
fn optional(expr: &Expr) -> Vec<Span> {
    let of = |expr: &&Expr| match &expr.node {
        Node::Binary(binary) => match binary.op {
            BinaryOp::Or | BinaryOp::Default => vec![binary.left.span, binary.right.span],
            BinaryOp::And | BinaryOp::Unless | BinaryOp::If | BinaryOp::IfNot => vec![binary.right.span],
            _ => Vec::new(),
        },
        Node::Call(call) if call.is_any(&["absent", "absent_over_time"]) => vec![expr.span],
        _ => Vec::new(),
    };
    expr.all().iter().flat_map(of).collect()
}

/// What a selector selects, as text: its metric and matchers, whatever time it looks at.
pub(super) fn key(selector: &Selector) -> String {
    Selector { modifiers: Modifiers::default(), ..selector.clone() }.to_string()
}
