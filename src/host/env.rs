//! The environment as it was when the process began. Must not be read again later: a run is decided by one reading.

use std::collections::BTreeMap;

/// Environment variables with UTF-8 names and values.
#[derive(Debug, Clone, Default)]
pub struct Env {
    vars: BTreeMap<String, String>,
}

impl Env {
    /// The process' own environment; variables that are not UTF-8 are left out.
    #[expect(clippy::disallowed_methods, reason = "this is the environment")]
    pub fn from_process() -> Self {
        let vars = std::env::vars_os();
        vars.filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
    }

    /// The value of `name`; an empty one counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// The names of all variables, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.vars.keys().map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Env {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(vars: I) -> Self {
        Self { vars: vars.into_iter().collect() }
    }
}
