//! A query of a policy, read before any variable is known: its mistakes with their places in the policy's text, and
//! its tree for the lints. Must not know checks, and must not render.

use std::ops::Range;

use super::problem::{Fix, Place, Problem, Problems};
use super::template::{Scope, Skeleton, Template};
use super::value::Scalar;
use crate::promql::ast::{Expr, Span, ValueType};
use crate::promql::counter::{Counter, counter_selector};
use crate::promql::{self, Dialect, Experimental, Options, lexer};

/// A query that was read with holes where its tags stand.
#[derive(Debug, Clone)]
pub struct ReadQuery<'t> {
    template: &'t Template,
    skeleton: Skeleton,
    query: promql::Query,
}

/// Reads `template` in every way its blocks allow that matters: with all conditions holding, and with none.
pub fn read(template: &Template, dialect: Dialect) -> Vec<ReadQuery<'_>> {
    let ways: &[bool] = if template.has_blocks() { &[true, false] } else { &[true] };
    let read = |holds: &bool| {
        let skeleton = template.skeleton(*holds);
        let query = promql::parse(&skeleton.text, Options { dialect, holes: true });
        ReadQuery { template, skeleton, query }
    };
    ways.iter().map(read).collect()
}

/// Reads what `template` becomes for `scope`; its places are those of the template.
///
/// # Errors
/// What keeps it from being rendered.
pub fn read_rendered<'t>(
    template: &'t Template,
    scope: &Scope,
    dialect: Dialect,
) -> Result<ReadQuery<'t>, Problem> {
    let skeleton = template.traced(scope)?;
    let query = promql::parse(&skeleton.text, Options { dialect, holes: false });
    Ok(ReadQuery { template, skeleton, query })
}

/// Adds what is wrong with `template` as a query.
pub fn check(template: &Template, dialect: Dialect, problems: &mut Problems) {
    for read in read(template, dialect) {
        read.faults(problems);
        read.unjudgeable(problems);
    }
}

/// Adds what is wrong with what `template` becomes for `scope`; what is wrong whatever the values are is told without
/// them, as [`check`] does.
pub fn check_rendered(template: &Template, scope: &Scope, dialect: Dialect, problems: &mut Problems) {
    let Ok(read) = read_rendered(template, scope, dialect) else { return };
    let Some(error) = read.query.errors.first() else { return };
    let mut always = Problems::default();
    check(template, dialect, &mut always);
    if always.any_fault() {
        problems.append(always);
        return;
    }
    let rendered = super::node::shorten(&read.skeleton.text);
    let problem = read.problem(&[error.span], format!("with these values, {}", error.message)).id(FAULT);
    problems.push(problem.help(format!("the query was rendered as `{rendered}`")));
}

/// Adds what keeps `template` from being a plain selector of a counter.
pub fn check_counter(template: &Template, dialect: Dialect, problems: &mut Problems) {
    let options = Options { dialect: known(dialect), holes: true };
    for read in read(template, options.dialect) {
        if !read.is_sound() {
            read.faults(problems);
            continue;
        }
        let Err(errors) = counter_selector(&read.skeleton.text, options) else { continue };
        for error in errors {
            let problem = read.problem(&[error.span], &*error.message).id(FAULT);
            problems.push(problem.maybe_help(error.help.map(|help| read.shown(&help))));
        }
    }
}

/// The counter that `template` becomes for `scope`.
///
/// # Errors
/// What keeps it from being rendered, or from being a plain selector of a counter.
pub fn counter(template: &Template, scope: &Scope, dialect: Dialect) -> Result<Counter, Problem> {
    let text = template.render(scope)?;
    let read = counter_selector(&text, Options { dialect: known(dialect), holes: false });
    read.map_err(|errors| {
        let why = errors.into_iter().next().map(|error| error.message).unwrap_or_default();
        let problem = Problem::at(template.place, format!("with these values, {why}")).id(FAULT);
        problem.help(format!("the selector was rendered as `{}`", super::node::shorten(&text)))
    })
}

/// A selector has to be read to be counted, whatever is said of whole queries.
const fn known(dialect: Dialect) -> Dialect {
    match dialect {
        Dialect::None => Dialect::PromQl,
        known => known,
    }
}

impl ReadQuery<'_> {
    /// The tree, also of a query whose mistakes are understood.
    pub fn expr(&self) -> Option<&Expr> {
        self.query.expr.as_ref()
    }

    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.query.errors.is_empty() && self.query.expr.is_some()
    }

    /// What not every server knows.
    pub fn experimental(&self) -> &[Experimental] {
        &self.query.experimental
    }

    /// The text with holes, which spans are bytes of.
    pub fn skeleton(&self) -> &Skeleton {
        &self.skeleton
    }

    /// Where the query is written.
    pub const fn place(&self) -> Place {
        self.template.place
    }

    /// The characters at `span`, with the tags as they are written.
    pub fn text(&self, span: Span) -> String {
        self.shown(self.skeleton.text.get(span.range()).unwrap_or_default())
    }

    /// `text`, made of parts of the query, with the tags as they are written.
    pub fn shown(&self, text: &str) -> String {
        self.skeleton.with_tags(text, &self.template.text)
    }

    /// A problem whose carets are on `spans` of the query.
    pub fn problem(&self, spans: &[Span], message: impl Into<String>) -> Problem {
        let stretches: Vec<Range<u32>> =
            spans.iter().filter_map(|span| self.skeleton.origin(span.start..span.end)).collect();
        let problem = Problem::at(self.template.place, self.shown(&message.into()));
        if stretches.is_empty() { problem } else { problem.inside(&self.template.text, stretches) }
    }

    /// A fix of the query as one of the policy; `None` where it touches what is not written as it reads.
    pub fn fix(&self, fixes: &[&promql::Fix]) -> Option<Fix> {
        let first = fixes.first()?;
        let mut edits = Vec::new();
        for (span, text) in fixes.iter().flat_map(|fix| &fix.edits) {
            if !self.skeleton.is_whole(span.start..span.end) {
                return None;
            }
            let edit = (self.skeleton.origin(span.start..span.end)?, self.shown(text));
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
        Some(Fix {
            title: first.title.clone(),
            place: self.template.place,
            decoded: Some(self.template.text.clone()),
            edits,
            sure: fixes.iter().all(|fix| fix.sure) && self.keeps_comments(fixes),
        })
    }

    /// Whether `fixes` leave every comment as it is: none is lost, and none takes in what stood behind it.
    fn keeps_comments(&self, fixes: &[&promql::Fix]) -> bool {
        let mended = promql::apply(&self.skeleton.text, fixes.iter().copied());
        lexer::comments(&mended, true) == lexer::comments(&self.skeleton.text, true)
    }

    /// Adds that the query gives what cannot be judged: the samples of a range, or a string.
    fn unjudgeable(&self, problems: &mut Problems) {
        let Some(expr) = self.expr().filter(|_| self.query.errors.is_empty()) else { return };
        let (found, help) = match expr.value_type() {
            Some(ValueType::Matrix) => {
                ("a range vector", "put a function such as `rate` or `max_over_time` around the range")
            }
            Some(ValueType::String) => ("a string", "a query asks for numbers"),
            _ => return,
        };
        let message = format!("expected a query that gives one value a series, found {found}");
        problems.push(self.problem(&[expr.span], message).id(FAULT).help(help));
    }

    /// Adds what is wrong: the same mistake at several places is one problem with several carets, and the first one
    /// that can be mended shows the whole query mended.
    fn faults(&self, problems: &mut Problems) {
        let errors = &self.query.errors;
        let mut told: Vec<&str> = Vec::new();
        let options = Options { holes: true, ..Options::default() };
        let judged = |query: &String| {
            let gives = promql::parse(query, options).expr.and_then(|expr| expr.value_type());
            !matches!(gives, Some(ValueType::Matrix | ValueType::String))
        };
        let mended = promql::corrected(&self.skeleton.text, options).filter(judged);
        let mut corrected = mended.map(|mended| self.shown(&lexer::one_line(&mended, true)));
        for error in errors {
            if told.contains(&&*error.message) {
                continue;
            }
            told.push(&error.message);
            let alike = || errors.iter().filter(|other| other.message == error.message);
            let spans: Vec<Span> = alike().map(|error| error.span).collect();
            let fixes: Vec<&promql::Fix> = alike().filter_map(|error| error.fix.as_ref()).collect();
            let mut problem = self.problem(&spans, &error.message).id(FAULT);
            let mended = if fixes.is_empty() { None } else { corrected.take() };
            problem.help = match (error.help.as_deref(), mended) {
                (Some(help), Some(mended)) => Some(format!("{}; write `{mended}`", self.shown(help))),
                (None, Some(mended)) => Some(format!("write `{mended}`")),
                (help, None) => help.map(|help| self.shown(help)),
            };
            problem.fix = self.fix(&fixes).map(Box::new);
            problems.push(problem);
        }
    }
}

/// The id of mistakes in queries.
pub const FAULT: &str = "promql";

impl Scalar for Dialect {
    const EXPECTED: &'static str = "`promql`, `metricsql` or `none`";
    const WORDS: &'static [&'static str] = &["promql", "metricsql", "none"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "promql" => Some(Self::PromQl),
            "metricsql" => Some(Self::MetricsQl),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}
