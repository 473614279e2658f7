//! What the command line says of integrations: `--integration NAME.KEY=VALUE`. Must not read templates or the
//! environment in the values; they are plain text.

use super::integration::{AUTH, ENTRY, Integrations, TLS, canonical};
use super::node::shorten;
use super::problem::{Problem, Problems, did_you_mean, listed};
use super::reader::Shape;

/// What the command line says of integrations; a later one wins.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Name, canonical path, value.
    pub(super) all: Vec<(String, String, String)>,
}

impl Overrides {
    /// Reads `NAME.KEY=VALUE` options of the integrations there are.
    pub fn read(options: &[String], integrations: &Integrations, problems: &mut Problems) -> Self {
        let mut overrides = Self::default();
        for option in options {
            let parts = option.split_once('=').and_then(|(path, value)| Some((path.split_once('.')?, value)));
            let Some(((name, path), value)) = parts else {
                let shown = shorten(option.split('=').next().unwrap_or_default());
                let message = format!("expected `--integration NAME.KEY=VALUE`, found `{shown}`");
                problems.push(Problem::nowhere(message));
                continue;
            };
            if integrations.entry(name).is_none() && name != integrations.default_source() {
                let known = || integrations.names().chain([integrations.default_source()]);
                let help = did_you_mean(name, known())
                    .unwrap_or_else(|| format!("the integrations are: {}", listed(known())));
                let message = format!("`--integration {name}.{path}`: there is no integration `{name}`");
                problems.push(Problem::nowhere(message).help(help));
            } else if let Err(problem) = known_path(path) {
                let message = format!("`--integration {name}.{path}`: {}", problem.message);
                problems.push(Problem { message, ..problem });
            } else {
                overrides.set(name, path, value);
            }
        }
        overrides
    }

    /// Sets `path` of the integration `name`.
    pub fn set(&mut self, name: &str, path: &str, value: &str) {
        self.all.push((name.to_owned(), canonical(path), value.to_owned()));
    }

    /// Whether anything is said of `name`.
    pub fn names(&self, name: &str) -> bool {
        self.all.iter().any(|(n, ..)| n == name)
    }

    pub(super) fn get(&self, name: &str, path: &str) -> Option<&str> {
        self.all.iter().rev().find(|(n, p, _)| n == name && p == path).map(|(.., value)| value.as_str())
    }
}

fn known_path(path: &str) -> Result<(), Problem> {
    let (parent, last) = path.split_once('.').map_or((None, path), |(parent, last)| (Some(parent), last));
    let table = match parent {
        None => ENTRY,
        Some("auth") => AUTH,
        Some("tls") => TLS,
        Some("headers") => {
            let fits = http::HeaderName::try_from(last).is_ok();
            let wrong = || Problem::nowhere("expected the name of a header after `headers.`");
            return fits.then_some(()).ok_or_else(wrong);
        }
        Some(_) => &[],
    };
    let scalar = |shape: Shape| !matches!(shape, Shape::Object(_) | Shape::TextMap | Shape::Headers);
    let known = || table.iter().filter(|f| !f.later && f.key != "system" && scalar(f.shape)).map(|f| f.key);
    if known().any(|key| key == last) {
        return Ok(());
    }
    Err(Problem::nowhere(format!("`{path}` is not a setting of an integration"))
        .maybe_help(did_you_mean(last, known())))
}
