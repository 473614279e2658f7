//! The variables of a run and their values. Must not know templates; they look up what they name.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ELAPSED;

/// The variables of a run.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    variables: BTreeMap<String, Variable>,
    elapsed: Option<Duration>,
}

#[derive(Debug, Clone)]
struct Variable {
    text: String,
    in_queries: Option<String>,
}

impl Scope {
    /// Sets `name`; a later call wins.
    pub fn set(&mut self, name: &str, text: &str) {
        self.variables.insert(name.to_owned(), Variable { text: text.to_owned(), in_queries: None });
    }

    /// Sets a variable that reads differently in queries.
    pub fn set_both(&mut self, name: &str, text: &str, in_queries: &str) {
        let in_queries = Some(in_queries.to_owned());
        self.variables.insert(name.to_owned(), Variable { text: text.to_owned(), in_queries });
    }

    /// The value of `name` outside queries.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|v| v.text.as_str())
    }

    /// All variables and their values outside queries, sorted by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, v)| (name.as_str(), v.text.as_str()))
    }

    /// The same variables at a tick, `elapsed` after the deployment.
    #[must_use]
    pub fn at(&self, elapsed: Duration) -> Self {
        Self { variables: self.variables.clone(), elapsed: Some(elapsed) }
    }

    /// The value of `name`, as queries or as all else read it.
    pub(super) fn value(&self, name: &str, in_query: bool) -> Option<String> {
        if name == ELAPSED && in_query {
            return Some(format!("{}s", self.elapsed.unwrap_or_default().as_secs().max(1)));
        }
        let variable = self.variables.get(name)?;
        Some(variable.in_queries.as_ref().filter(|_| in_query).unwrap_or(&variable.text).clone())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }
}
