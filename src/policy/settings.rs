//! The settings of an integration as one that uses it asks for them, one by one, with the options that override them.
//! Only here are a missing secret or environment variable a fault. Must not read the environment itself; the vault does.

use std::cell::RefCell;

use url::Url;

use super::integration::{ENTRY, Entry, Integrations, Setting, TLS, address, key, typed};
use super::overrides::Overrides;
use super::problem::{Place, Problem, Problems};
use super::reader::Shape;
use super::template::Scope;
use super::value::Scalar;
use crate::host::secret::Secret;
use crate::host::vault::Vault;

impl Integrations {
    /// The settings of the entry `name`, to be read one by one; of one that is not written, what the command line says.
    pub fn settings<'u>(
        &'u self,
        name: &'u str,
        scope: &'u Scope,
        vault: &'u Vault,
        overrides: &'u Overrides,
    ) -> Settings<'u> {
        Settings { name, entry: self.entry(name), scope, vault, overrides, problems: Problems::default() }
    }
}

/// A setting's text, and the values of the environment that are part of it.
pub(super) struct Known {
    pub(super) text: String,
    pub(super) environment: Vec<String>,
}

/// The settings of an integration that is used: each is looked at only when it is asked for, and what is wrong with it
/// is kept until [`Settings::finish`].
pub struct Settings<'u> {
    pub(super) name: &'u str,
    pub(super) entry: Option<&'u Entry>,
    scope: &'u Scope,
    pub(super) vault: &'u Vault,
    pub(super) overrides: &'u Overrides,
    pub(super) problems: Problems,
}

impl<'u> Settings<'u> {
    /// The entry's name.
    pub const fn name(&self) -> &'u str {
        self.name
    }

    /// Where it is written; `None` when the command line made it.
    pub fn written(&self) -> Option<Place> {
        self.entry.map(|entry| entry.place)
    }

    /// Finds and registers secrets.
    pub const fn vault(&self) -> &'u Vault {
        self.vault
    }

    /// Whether it may be used.
    pub fn enabled(&mut self) -> bool {
        self.typed::<bool>("enabled") != Some(false)
    }

    /// Whether `path` is set.
    pub fn has(&self, path: &str) -> bool {
        self.place(path).is_some()
    }

    /// The text at `path`.
    pub fn string(&mut self, path: &str) -> Option<String> {
        self.text(path).map(|known| known.text)
    }

    /// The texts of the list at `path`.
    pub fn strings(&mut self, path: &str) -> Vec<String> {
        self.texts(path).unwrap_or_default().into_iter().map(|known| known.text).collect()
    }

    /// The entries of the mapping at `path`, by name.
    pub fn map(&mut self, path: &str) -> Vec<(String, String)> {
        let prefix = format!("{path}.");
        let written = self.entry.map(|entry| entry.settings.keys()).into_iter().flatten();
        let paths: Vec<String> = written.filter(|path| path.starts_with(&prefix)).cloned().collect();
        let entry = |path: String| Some((path[prefix.len()..].to_owned(), self.string(&path)?));
        paths.into_iter().filter_map(entry).collect()
    }

    /// The secret that is written at `path`, or named by `path` and `_ref`. `None` where neither is set, or after saying
    /// what is wrong with it.
    pub fn secret(&mut self, path: &str) -> Option<Secret> {
        let reference = format!("{path}_ref");
        let way = if self.has(&reference) && self.overrides.get(self.name, path).is_none() {
            &reference
        } else {
            path
        };
        let text = self.string(way)?;
        let found = if way == path {
            let told = |problem| format!("the `{}` of `{}` cannot be used: {problem}", key(path), self.name);
            self.vault.literal(&text).map_err(told)
        } else {
            self.vault.lookup(&text)
        };
        found.map_err(|problem| self.fault(way, Problem::nowhere(problem))).ok()
    }

    /// The secret at `path` as [`Settings::secret`] finds it, as a URL of which all but its host is kept out of the
    /// output.
    pub fn secret_url(&mut self, path: &str) -> Option<Url> {
        let secret = self.secret(path)?;
        let what = format!("`{}` of `{}`", key(path), self.name);
        self.vault.as_url(&secret, &what).map_err(|problem| self.fault(path, Problem::nowhere(problem))).ok()
    }

    /// Says that one of `paths` must be written, with a `help`.
    pub fn lacks(&mut self, paths: &[&str], help: &str) {
        let words: Vec<String> = paths.iter().map(|path| format!("`{}`", key(path))).collect();
        let message = format!("the integration `{}` has no {}", self.name, words.join(" or "));
        self.fault(paths.first().copied().unwrap_or_default(), Problem::nowhere(message).help(help));
    }

    /// All that is wrong with what was asked for.
    pub fn finish(self) -> Problems {
        self.problems
    }

    pub(super) fn setting(&self, path: &str) -> Option<&'u Setting> {
        self.entry.and_then(|entry| entry.settings.get(path))
    }

    /// Where `path` is set, if it is at all.
    pub(super) fn place(&self, path: &str) -> Option<Option<Place>> {
        if self.overrides.get(self.name, path).is_some() {
            return Some(None);
        }
        self.setting(path).map(|setting| Some(setting.place))
    }

    /// Adds `problem` at the place of `path`, else of the entry, else naming the option that set it.
    pub fn fault(&mut self, path: &str, mut problem: Problem) {
        match self.place(path) {
            Some(None) => {
                problem.message = format!("`--integration {}.{path}`: {}", self.name, problem.message);
            }
            Some(place) => problem.place = problem.place.or(place),
            None => problem.place = problem.place.or(self.entry.map(|entry| entry.place)),
        }
        self.problems.push(problem);
    }

    /// The texts of `path`; `None` when it is not set, or after saying what is wrong with it.
    pub(super) fn texts(&mut self, path: &str) -> Option<Vec<Known>> {
        if let Some(value) = self.overrides.get(self.name, path) {
            let list = matches!(field(path), Some(Shape::Texts));
            let parts: Vec<&str> = if list { value.split_whitespace().collect() } else { vec![value] };
            let known = |text: &str| Known { text: text.to_owned(), environment: Vec::new() };
            return Some(parts.into_iter().map(known).collect());
        }
        let mut texts = Vec::new();
        for template in &self.setting(path)?.items {
            let environment = RefCell::new(Vec::new());
            let literal = |text: &str| {
                expand(text, self.vault, &environment)
                    .map_err(|(needle, message)| Problem::at(template.place, message).needle(&needle))
            };
            match template.render_literals(self.scope, literal) {
                Ok(text) => texts.push(Known { text, environment: environment.into_inner() }),
                Err(problem) => {
                    self.problems.push(problem);
                    return None;
                }
            }
        }
        Some(texts)
    }

    pub(super) fn text(&mut self, path: &str) -> Option<Known> {
        self.texts(path)?.into_iter().next()
    }

    /// The value at `path`, which must be one of its type.
    pub fn typed<T: Scalar>(&mut self, path: &str) -> Option<T> {
        let known = self.text(path)?;
        if let Err(problem) = typed(path, &known.text) {
            self.fault(path, problem);
        }
        T::read(known.text.trim())
    }

    /// The address at `path`; `query` tells whether it may have one.
    pub fn address(&mut self, path: &str, query: bool) -> Option<Url> {
        let known = self.text(path)?;
        address(&known.text, query).map_err(|problem| self.fault(path, problem)).ok()
    }
}

fn field(path: &str) -> Option<Shape> {
    ENTRY.iter().chain(TLS).find(|field| field.key == key(path)).map(|field| field.shape)
}

/// `text` with `${NAME}` taken from the environment and `$$` as a dollar, collecting what was taken. A bare `$x` is
/// left alone. What is wrong comes with the characters that it is about.
fn expand(text: &str, vault: &Vault, taken: &RefCell<Vec<String>>) -> Result<String, (String, String)> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let Some((name, after)) = after.split_once('}').filter(|(name, _)| is_variable(name)) else {
                let message =
                    "expected `${NAME}` with the name of an environment variable, found another `${`";
                return Err(("${".to_owned(), format!("{message}; `$$` is a dollar")));
            };
            let value = vault.variable(name).map_err(|problem| (format!("${{{name}}}"), problem))?;
            expanded.push_str(&value);
            taken.borrow_mut().push(value);
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
