//! Where secrets by reference are found: the environment, or a file of `--secrets-dir`. Must not print what it
//! finds; it hands out `Secret`s that the redactor knows.

use std::path::PathBuf;
use std::sync::Arc;

use super::Host;
use super::secret::Secret;

/// Finds secrets by reference.
#[derive(Clone)]
pub struct Vault {
    host: Host,
    directory: Option<Arc<PathBuf>>,
    /// For commands that send nothing: a secret that is missing is stood in for.
    stand_in: bool,
}

impl Vault {
    /// A vault over the environment and `directory`.
    pub fn new(host: Host, directory: Option<PathBuf>) -> Self {
        Self { host, directory: directory.map(Arc::new), stand_in: false }
    }

    /// The same for a command that sends nothing: what is missing is stood in for by a placeholder.
    #[must_use]
    pub const fn for_show(mut self) -> Self {
        self.stand_in = true;
        self
    }

    /// Whether nothing is sent, so that what is missing is stood in for.
    pub const fn stands_in(&self) -> bool {
        self.stand_in
    }

    /// The secret that `reference` names, such as `prometheus-password`: the environment variable
    /// `PROMETHEUS_PASSWORD`, else the file `prometheus-password` in the directory of secrets.
    ///
    /// # Errors
    /// A sentence that names the reference and where it was looked for, or what is wrong with what was found.
    pub fn lookup(&self, reference: &str) -> Result<Secret, String> {
        let plain = reference.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !plain || reference.is_empty() || reference.starts_with('.') {
            return Err(format!(
                "expected a reference of letters, digits, `-`, `_` and `.`, found `{reference}`"
            ));
        }
        let variable = variable_of(reference);
        let told = |problem: String| format!("the secret `{reference}` cannot be used: {problem}");
        if let Some(value) = self.host.env.get(&variable) {
            return self.secret(value).map_err(told);
        }
        let mut looked = format!("the environment variable `{variable}` is not set");
        if let Some(directory) = &self.directory {
            let path = directory.join(reference);
            match self.file(&path) {
                Ok(secret) => return Ok(secret),
                Err(problem) => looked.push_str(&format!(" and {problem}")),
            }
        } else {
            looked.push_str(" and no `--secrets-dir` is given");
        }
        if self.stand_in {
            return self.secret(&stand_in(reference));
        }
        Err(format!("the secret `{reference}` is not found: {looked}"))
    }

    /// The secret URL that `reference` names, found as [`Vault::lookup`] does; all but its host is registered.
    ///
    /// # Errors
    /// A sentence that names the reference and never the URL.
    pub fn url(&self, reference: &str) -> Result<url::Url, String> {
        self.as_url(&self.lookup(reference)?, &format!("the secret `{reference}`"))
    }

    /// `secret` as a URL, all but whose host is registered; `what` is its name for people.
    ///
    /// # Errors
    /// A sentence that names `what` and never the URL.
    pub fn as_url(&self, secret: &Secret, what: &str) -> Result<url::Url, String> {
        // What stands in for a missing secret stands in for its address too.
        let stood_in = self.stand_in && secret.expose().starts_with('<');
        let text = if stood_in { "https://secret.invalid" } else { secret.expose() };
        let parsed = url::Url::parse(text).ok();
        let web = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = web else {
            return Err(format!("expected a URL like `https://host/path` in {what}, found something else"));
        };
        self.host.output.redactor.url(&url);
        if let Some(password) = url.password() {
            let password = percent_encoding::percent_decode_str(password).decode_utf8_lossy();
            let password = self
                .secret(&password)
                .map_err(|problem| format!("the URL in {what} cannot be used: its password: {problem}"))?;
            self.basic(url.username(), &password);
        }
        Ok(url)
    }

    /// The environment variable that `${name}` stands for.
    ///
    /// # Errors
    /// A sentence that names the variable.
    pub fn variable(&self, name: &str) -> Result<String, String> {
        match self.host.env.get(name) {
            Some(value) => Ok(value.to_owned()),
            None if self.stand_in => Ok(format!("<variable {name}>")),
            None => Err(format!("the environment variable `{name}` is not set")),
        }
    }

    /// Registers `text` as a secret.
    ///
    /// # Errors
    /// When it is too short to be kept out of the output.
    pub fn secret(&self, text: &str) -> Result<Secret, String> {
        self.host.output.redactor.secret(text)
    }

    /// The secret in the file at `path`, without the line end that editors add; read anew at every call.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn file(&self, path: &std::path::Path) -> Result<Secret, String> {
        let shown = path.display();
        let bytes =
            self.host.files.read(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("`{shown}` is not UTF-8 text"))?;
        self.secret(text.trim_end_matches(['\r', '\n'])).map_err(|problem| format!("`{shown}`: {problem}"))
    }

    /// Whether [`Vault::file`] would answer; always for a command that sends nothing.
    ///
    /// # Errors
    /// As [`Vault::file`].
    pub fn check_file(&self, path: &std::path::Path) -> Result<(), String> {
        if self.stand_in { Ok(()) } else { self.file(path).map(drop) }
    }

    /// Registers the Basic credential of `user` and `password`; base64, without `Basic `.
    pub fn basic(&self, user: &str, password: &Secret) -> Secret {
        self.host.output.redactor.basic(user, password)
    }
}

/// The environment variable in which the secret that `reference` names is looked for.
pub fn variable_of(reference: &str) -> String {
    reference.chars().map(|c| if matches!(c, '-' | '.') { '_' } else { c.to_ascii_uppercase() }).collect()
}

/// What a missing secret is shown as.
fn stand_in(reference: &str) -> String {
    format!("<secret {reference}>")
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(***)")
    }
}
