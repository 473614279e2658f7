//! PromQL with positions: a query becomes a tree in which every node knows where it stands, or errors that say where
//! the mistake is and what would mend it. Pure; must not ask any server and must not know policies.
//!
//! The language is that of Prometheus 3.x, its experimental parts included and named. What another server's dialect
//! takes beyond it is left unjudged ([`Dialect`]).

pub mod operators;
pub mod ast;
pub mod token;
pub mod lexer;
mod literal;
pub mod regex;
pub mod functions;
mod parser;
mod mistakes;
mod types;
mod print;
pub mod error;
mod walk;
pub mod analysis;
pub mod fitting;
pub(crate) mod recorded;
pub mod window;
pub mod bounds;
pub mod part;
pub mod ratio;
pub mod operands;
pub mod counter;
pub mod earlier;
pub mod structure;
#[cfg(test)]
mod tests;

pub use error::{Error, Fix, apply};
pub use literal::{quote, write_duration, write_number};
pub use types::matches_empty;

use ast::{Expr, Span};

/// Whose language a query is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Prometheus 3.x.
    #[default]
    PromQl,
    /// VictoriaMetrics: what PromQL does not know is its own business; only what no query language allows is an
    /// error, such as a string or a bracket that nobody closes.
    MetricsQl,
    /// Not looked at.
    None,
}

/// How a query is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whose language it is in.
    pub dialect: Dialect,
    /// Whether the characters of [`lexer::HOLES`] stand for the tags of a template.
    pub holes: bool,
}

/// A part of the language that a server knows only from some version on, mostly behind a feature flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experimental {
    /// Where it is used.
    pub span: Span,
    /// What it is, such as `limitk`.
    pub what: String,
    /// The value of `--enable-feature` that switches it on; empty where none does.
    pub flag: &'static str,
    /// The version of Prometheus that brought it.
    pub since: &'static str,
}

/// A query that was read.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The tree; after a mistake that is understood, the tree that was meant. `None` where nothing can be made of it.
    pub expr: Option<Expr>,
    /// What is wrong with it, by place.
    pub errors: Vec<Error>,
    /// What not every server knows.
    pub experimental: Vec<Experimental>,
}

impl Query {
    /// The tree, if nothing is wrong.
    ///
    /// # Errors
    /// Everything that is wrong, by place; empty where the dialect is not looked at.
    pub fn sound(self) -> Result<Expr, Vec<Error>> {
        match self.expr {
            Some(expr) if self.errors.is_empty() => Ok(expr),
            _ => Err(self.errors),
        }
    }
}

/// Rounds of fixes after which a query is given up: a fix may uncover what another one mends.
const ROUNDS: usize = 4;

/// `text` with all that is known to mend it; `None` where nothing is, or where that leaves something wrong.
pub fn corrected(text: &str, options: Options) -> Option<String> {
    let mut mended = text.to_owned();
    for _ in 0..ROUNDS {
        let errors = parse(&mended, options).errors;
        let next = apply(&mended, errors.iter().filter_map(|error| error.fix.as_ref()));
        if next == mended {
            return (errors.is_empty() && mended != text).then_some(mended);
        }
        mended = next;
    }
    None
}

/// Longest query that is read, in bytes; servers take a million or so.
pub const MAX_LENGTH: usize = 1 << 20;

/// Reads `text`. Terminates for every text, in time linear in its length.
pub fn parse(text: &str, options: Options) -> Query {
    if options.dialect == Dialect::None {
        return Query::default();
    }
    if text.len() > MAX_LENGTH {
        let message = format!("expected a query of at most {MAX_LENGTH} bytes, found {}", text.len());
        return Query { errors: vec![Error::new(Span::default(), message)], ..Query::default() };
    }
    let mut query = parser::parse(text, options);
    if options.dialect == Dialect::MetricsQl {
        // What is wrong in PromQL may be right there.
        let unread = !query.errors.is_empty();
        query.errors = mistakes::unclosed(text, options.holes);
        query.expr = query.expr.filter(|_| !unread);
        query.experimental.clear();
        return query;
    }
    if let Some(expr) = &query.expr {
        types::check(expr, text, &mut query.errors);
    }
    query.errors.sort_by_key(|error| error.span);
    query
}
