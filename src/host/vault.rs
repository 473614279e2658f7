//! Where secrets by reference are found: the environment, a file of `--secrets-dir`, or encrypted in the reference
//! itself. Must not print what it finds; it hands out `Secret`s that the redactor knows.

use std::path::PathBuf;
use std::sync::Arc;

use super::Host;
use super::fernet::{self, Keys};
use super::secret::Secret;

/// The host of the address that stands in for one that is a missing or encrypted secret.
pub const STOOD_IN: &str = "secret.invalid";

/// The reference of the keys that encrypted values are opened with: `ROLLGATE_KEY`, or the file `rollgate-key`.
const KEY: &str = "rollgate-key";

/// What an encrypted value is shown as by commands that send nothing, and so need no key.
const ENCRYPTED: &str = "<encrypted secret>";

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
        // Kept out of the output though nothing may be encrypted: a program that is started sees the variable too.
        for key in host.env.get(&variable_of(KEY)).into_iter().flat_map(fernet::parts) {
            drop(host.output.redactor.secret(key));
        }
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
    /// `PROMETHEUS_PASSWORD`, else the file `prometheus-password` in the directory of secrets. A reference that is an
    /// encrypted value is the secret itself.
    ///
    /// # Errors
    /// A sentence that names the reference and where it was looked for, or what is wrong with what was found.
    pub fn lookup(&self, reference: &str) -> Result<Secret, String> {
        let told = |problem: String| format!("{} cannot be used: {problem}", called(reference));
        if fernet::token(reference).is_some() {
            return self.literal(reference).map_err(told);
        }
        let plain = reference.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !plain || reference.is_empty() || reference.starts_with('.') {
            return Err(format!(
                "expected a reference of letters, digits, `-`, `_` and `.`, found `{reference}`"
            ));
        }
        let looked = match self.find(reference) {
            Ok(found) => return self.literal(&found).map_err(told),
            Err(looked) => looked,
        };
        if self.stand_in {
            return self.secret(&stand_in(reference));
        }
        Err(format!("{} is not found: {looked}", called(reference)))
    }

    /// What is kept under `reference` in the environment or the directory of secrets; else where it was looked for.
    fn find(&self, reference: &str) -> Result<String, String> {
        let variable = variable_of(reference);
        if let Some(value) = self.host.env.get(&variable) {
            return Ok(value.to_owned());
        }
        let unset = format!("the environment variable `{variable}` is not set");
        match &self.directory {
            None => Err(format!("{unset} and no `--secrets-dir` is given")),
            Some(directory) => {
                self.content(&directory.join(reference)).map_err(|problem| format!("{unset} and {problem}"))
            }
        }
    }

    /// The secret that is written as `text`: encrypted, or as itself.
    ///
    /// # Errors
    /// A sentence without the text: it is too short, or it is encrypted and cannot be opened.
    pub fn literal(&self, text: &str) -> Result<Secret, String> {
        match self.opened(text)? {
            Some(secret) => Ok(secret),
            None => self.secret(text),
        }
    }

    /// The secret in `text` where that is an encrypted value; `None` where it is another text.
    ///
    /// # Errors
    /// A sentence without the text: there is no key, or it does not open it.
    pub fn opened(&self, text: &str) -> Result<Option<Secret>, String> {
        let Some(token) = fernet::token(text) else { return Ok(None) };
        // It is kept out of the output too: whoever gets hold of a key one day would read it in old logs.
        drop(self.host.output.redactor.secret(token));
        if self.stand_in {
            return self.secret(ENCRYPTED).map(Some);
        }
        let keys = self.keys().map_err(|problem| format!("it is encrypted, and {problem}"))?;
        let opened = keys.decrypt(token)?;
        self.secret(&opened).map(Some)
    }

    /// The keys that encrypted values are opened with.
    ///
    /// # Errors
    /// A sentence that says where they were looked for, or what is wrong with them.
    pub fn keys(&self) -> Result<Keys, String> {
        let text = self.find(KEY).map_err(|looked| format!("the key is not found: {looked}"))?;
        for key in fernet::parts(&text) {
            drop(self.host.output.redactor.secret(key));
        }
        Keys::read(&text).map_err(|problem| format!("`{}` cannot be used: {problem}", variable_of(KEY)))
    }

    /// The secret URL that `reference` names, found as [`Vault::lookup`] does; all but its host is registered.
    ///
    /// # Errors
    /// A sentence that names the reference and never the URL.
    pub fn url(&self, reference: &str) -> Result<url::Url, String> {
        self.as_url(&self.lookup(reference)?, &called(reference))
    }

    /// `secret` as a URL, all but whose host is registered; `what` is its name for people.
    ///
    /// # Errors
    /// A sentence that names `what` and never the URL.
    pub fn as_url(&self, secret: &Secret, what: &str) -> Result<url::Url, String> {
        // What stands in for a missing or encrypted secret stands in for its address too.
        let stood_in = self.stand_in && secret.expose().starts_with('<');
        let text = if stood_in { format!("https://{STOOD_IN}") } else { secret.expose().to_owned() };
        let parsed = url::Url::parse(&text).ok();
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

    /// The environment variable that `${name}` stands for, opened where it is encrypted.
    ///
    /// # Errors
    /// A sentence that names the variable.
    pub fn variable(&self, name: &str) -> Result<String, String> {
        match self.host.env.get(name) {
            Some(value) => {
                let told = |problem| format!("the environment variable `{name}` cannot be used: {problem}");
                let opened = self.opened(value).map_err(told)?;
                Ok(opened.map_or_else(|| value.to_owned(), |secret| secret.expose().to_owned()))
            }
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

    /// The secret in the file at `path`, without the line end that editors add, opened where it is encrypted; read
    /// anew at every call.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn file(&self, path: &std::path::Path) -> Result<Secret, String> {
        let text = self.content(path)?;
        self.literal(&text).map_err(|problem| format!("`{}`: {problem}", path.display()))
    }

    fn content(&self, path: &std::path::Path) -> Result<String, String> {
        let shown = path.display();
        let bytes =
            self.host.files.read(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("`{shown}` is not UTF-8 text"))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
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

/// How the secret that `reference` names is spoken of.
pub fn called(reference: &str) -> String {
    if fernet::token(reference).is_some() {
        "the encrypted secret".to_owned()
    } else {
        format!("the secret `{reference}`")
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    const OTHER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const PLAIN: &str = "a secret of some length";

    fn sealed(text: &str) -> String {
        Keys::read(KEY).unwrap().encrypt(text, 0, [7; 16])
    }

    fn vault(environment: &[(&str, &str)], directory: Option<&std::path::Path>) -> Vault {
        let mut host = Host::system();
        host.env = Arc::new(environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        Vault::new(host, directory.map(PathBuf::from))
    }

    fn put(path: &std::path::Path, text: &str) {
        Host::system().files.replace(path, text.as_bytes()).unwrap();
    }

    #[test]
    fn an_encrypted_value_is_opened_wherever_it_stands() {
        let token = sealed(PLAIN);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("from-file");
        put(&file, &format!("{token}\n"));
        let vault =
            vault(&[("ROLLGATE_KEY", &format!("{OTHER}, {KEY}")), ("FROM_ENV", &token)], Some(folder.path()));
        assert_eq!(vault.lookup(&token).unwrap().expose(), PLAIN);
        assert_eq!(vault.lookup("from-env").unwrap().expose(), PLAIN);
        assert_eq!(vault.lookup("from-file").unwrap().expose(), PLAIN);
        assert_eq!(vault.file(&file).unwrap().expose(), PLAIN);
        assert_eq!(vault.literal(&token).unwrap().expose(), PLAIN);
        assert_eq!(vault.variable("FROM_ENV").unwrap(), PLAIN);
        assert_eq!(vault.literal("not encrypted").unwrap().expose(), "not encrypted");
        let shown = format!("{PLAIN} {token} {KEY} {OTHER}");
        assert_eq!(vault.host.output.redactor.redact(&shown), "*** fernet:*** *** ***");
        let url = sealed("https://hooks.example/T00000001/some-token");
        assert_eq!(vault.url(&url).unwrap().path(), "/T00000001/some-token");
    }

    #[test]
    fn the_keys_may_be_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        put(&folder.path().join("rollgate-key"), &format!("{OTHER}\n{KEY}\n"));
        let vault = vault(&[], Some(folder.path()));
        assert_eq!(vault.lookup(&sealed(PLAIN)).unwrap().expose(), PLAIN);
        assert_eq!(vault.host.output.redactor.redact(KEY), "***");
    }

    #[test]
    fn what_cannot_be_opened_says_why_and_shows_nothing() {
        let token = sealed(PLAIN);
        let cut = &token[..60];
        let short = sealed("short");
        for (environment, reference, expected) in [
            (
                &[("DB", &*token)][..],
                "db",
                "the secret `db` cannot be used: it is encrypted, and the key is not found: the environment variable `ROLLGATE_KEY` is not set and no `--secrets-dir` is given",
            ),
            (
                &[][..],
                &token,
                "the encrypted secret cannot be used: it is encrypted, and the key is not found: ",
            ),
            (
                &[("DB", &token), ("ROLLGATE_KEY", OTHER)],
                "db",
                "the secret `db` cannot be used: the key does not open it: it was encrypted with another key, or changed since; encrypt it anew with `rollgate secret encrypt`, or add",
            ),
            (
                &[("DB", cut), ("ROLLGATE_KEY", KEY)],
                "db",
                "the secret `db` cannot be used: expected a whole Fernet token after `fernet:`, found something else",
            ),
            (
                &[("DB", &token), ("ROLLGATE_KEY", "hunter2hunter2")],
                "db",
                "the secret `db` cannot be used: it is encrypted, and `ROLLGATE_KEY` cannot be used: expected its key to be base64 of 32 bytes",
            ),
            (
                &[("DB", &short), ("ROLLGATE_KEY", KEY)],
                "db",
                "the secret `db` cannot be used: expected a secret of at least 8 characters, found 5",
            ),
        ] {
            let told = vault(environment, None).lookup(reference).unwrap_err();
            assert!(told.starts_with(expected), "{told}");
            assert!(!told.contains("gAAA") && !told.contains("hunter2") && !told.contains(KEY), "{told}");
        }
    }

    #[test]
    fn what_only_shows_needs_no_key() {
        let token = sealed(PLAIN);
        let vault = vault(&[("FROM_ENV", &token)], None).for_show();
        assert_eq!(vault.lookup(&token).unwrap().expose(), ENCRYPTED);
        assert_eq!(vault.variable("FROM_ENV").unwrap(), ENCRYPTED);
        assert_eq!(vault.url("from-env").unwrap().as_str(), "https://secret.invalid/");
    }
}
