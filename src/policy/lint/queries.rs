//! Lints of single queries: what PromQL takes and what nobody means. Here is what they share; each file below has one
//! theme. Must not look at more than one check at a time, and must stay silent where a template decides.

pub(crate) mod rates;
pub(crate) mod times;
pub(super) mod deployment;
pub(crate) mod histograms;
pub(super) mod matchers;
pub(super) mod shape;
pub(super) mod sides;
pub(crate) mod taken;
mod labels;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{CheckCx, Cx};
use crate::policy::problem::Problem;
use crate::policy::query::ReadQuery;
use crate::policy::value::{Period, Value};
use crate::promql::ast::{Expr, Node, Selector, Span};
use crate::promql::lexer::HOLES;
use crate::promql::{self, Fix, quote};

/// How often what is asked is scraped, where nothing tells: Prometheus' documentation says `15s` throughout.
const SCRAPE: Duration = Duration::from_secs(15);

/// The functions that take what they are given for a counter.
const OF_COUNTERS: &[&str] = &["rate", "irate", "increase"];

/// A query and the check that asks it.
#[derive(Clone, Copy)]
struct Asked<'q> {
    check: &'q CheckCx<'q>,
    query: &'q ReadQuery<'q>,
    expr: &'q Expr,
}

/// Every query in which nothing is wrong.
fn sound<'q>(cx: &'q Cx<'_>) -> impl Iterator<Item = Asked<'q>> {
    cx.checks.iter().flat_map(|check| {
        let sound = check.queries.iter().filter(|query| query.is_sound());
        sound.filter_map(move |query| Some(Asked { check, query, expr: query.expr()? }))
    })
}

/// The value where it is written as itself.
const fn known<T>(value: Option<&Value<T>>) -> Option<&T> {
    match value {
        Some(Value::Known(value, _)) => Some(value),
        _ => None,
    }
}

/// How often samples are expected: by the check's interval where it is shorter than what scrapes usually are.
fn scrape_interval(cx: &Cx<'_>, check: &CheckCx<'_>) -> Duration {
    let own = check.check.envelope.interval.as_ref();
    let written = known(own.or(cx.spec.window.interval.as_ref()));
    written.map_or(SCRAPE, |Period(interval)| (*interval).min(SCRAPE))
}

/// Whether a template has a part in `text`.
fn holed(text: &str) -> bool {
    text.contains(|c| HOLES.contains(&c))
}

/// The metric's name as far as it is written; a template's tags are characters of [`HOLES`] in it.
pub(crate) fn written_name(selector: &Selector) -> Option<&str> {
    selector.name.as_ref().map(|name| &*name.text).or_else(|| selector.metric())
}

/// Whether a metric has the name of a recording rule, whose type nobody can tell.
pub(crate) fn is_recorded(name: &str) -> bool {
    name.contains(':')
}

/// The selectors in `expr`, with where each stands without its range.
pub(crate) fn selectors(expr: &Expr) -> impl Iterator<Item = (&Selector, Span)> {
    expr.all().into_iter().filter_map(|one| match &one.node {
        Node::Selector(selector) => Some((&**selector, one.span)),
        _ => None,
    })
}

/// `duration` as PromQL writes it.
fn shown(duration: Duration) -> String {
    promql::write_duration(duration.as_secs_f64())
}

impl Asked<'_> {
    /// Whether an empty result is what is expected.
    fn wants_nothing(&self) -> bool {
        self.check.facts.judging.is_some_and(|judging| judging.expect_empty)
    }

    /// Whether a limit is written.
    fn has_limit(&self) -> bool {
        let limits = &self.check.facts.limits;
        limits.expected.is_some() || limits.min.is_some() || limits.max.is_some()
    }

    /// A problem with its caret on `span`.
    fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        self.query.problem(&[span], message)
    }

    /// The text of the query at `span`, tags still as holes; problems and fixes put the tags back.
    fn raw(&self, span: Span) -> &str {
        self.query.skeleton().text.get(span.range()).unwrap_or_default()
    }

    /// `problem`, mended by `edits`.
    fn mended(&self, problem: Problem, title: &str, sure: bool, edits: Vec<(Span, String)>) -> Problem {
        let fix = Fix { title: title.to_owned(), edits, sure };
        match self.query.fix(&[&fix]) {
            Some(fix) => problem.fix(fix),
            None => problem,
        }
    }

    /// `text` as a string in the quotes that the string at `span` has.
    fn quoted_like(&self, span: Span, text: &str) -> String {
        let raw = self.raw(span).starts_with('`') && !text.contains('`');
        if raw { format!("`{text}`") } else { quote(text) }
    }
}
