//! Makes an integration that a run uses of what was read and of the options that override it. Only here are a
//! missing address, secret or environment variable a fault. Must not read the environment itself; the vault does.

use std::path::PathBuf;
use std::time::Duration;

use super::exposure::is_credential;
use super::integration::{
    ALTERNATIVES, AUTH, AUTH_TYPES, Auth, Credential, Integrations, Resolved, key, typed,
};
use super::overrides::Overrides;
use super::problem::{Problem, Problems};
use super::settings::Settings;
use super::template::Scope;
use super::value::{Bytes, Delay};
use crate::host::secret::SHORTEST;
use crate::host::tls::TlsOptions;
use crate::host::vault::Vault;

/// Bytes of an answer beyond which it is an error, where nothing is written.
const MAX_BODY: usize = 64 * 1024 * 1024;

impl Integrations {
    /// The integration `name`, everything in it known.
    ///
    /// # Errors
    /// All that is missing or wrong in it, with the places of what is written.
    pub fn resolve(
        &self,
        name: &str,
        scope: &Scope,
        vault: &Vault,
        overrides: &Overrides,
    ) -> Result<Resolved, Problems> {
        let entry = self.entry(name);
        let option = if name == self.default_source() {
            format!("`--{name} URL`")
        } else {
            format!("`--integration {name}.url=URL`")
        };
        let mut user = self.settings(name, scope, vault, overrides);
        if entry.is_none() && !overrides.names(name) {
            let message = format!("there is no integration `{name}` to ask");
            let help = format!("pass {option}, or write `integrations: {{{name}: {{url: …}}}}`");
            user.problems.push(Problem::nowhere(message).help(help));
            return Err(user.problems);
        }
        if user.typed::<bool>("enabled") == Some(false) {
            let message = format!("the integration `{name}` is used and is not enabled");
            user.fault("enabled", Problem::nowhere(message).help("enable it, or ask another `source`"));
        }
        let url = user.address("url", false);
        if url.is_none() && user.place("url").is_none() {
            let problem = Problem::nowhere(format!("the integration `{name}` has no `url`"));
            user.fault("url", problem.help(format!("write one, or pass {option}")));
        }
        let (headers, auth) = (user.headers(), user.auth());
        if headers.contains_key(http::header::AUTHORIZATION) && !matches!(auth, Some(Auth::None) | None) {
            let message = format!("`{name}` has both an `Authorization` header and an auth");
            user.fault("auth.type", Problem::nowhere(message).help("keep one of the two"));
        }
        let tls = user.tls();
        let delay = user.typed("delay").unwrap_or(Delay::After(Duration::ZERO));
        let max_body = user.typed("max_body").map_or(MAX_BODY, |Bytes(bytes)| bytes);
        let dialect = user.typed("dialect").unwrap_or_default();
        let problems = user.problems;
        match (url, auth) {
            (Some(url), Some(auth)) if problems.is_empty() => Ok(Resolved {
                name: name.to_owned(),
                system: self.system(name).unwrap_or(name).to_owned(),
                place: entry.map(|entry| entry.place),
                url,
                auth,
                headers,
                tls,
                delay,
                max_body,
                dialect,
                vault: vault.clone(),
            }),
            _ => Err(problems),
        }
    }
}

impl Settings<'_> {
    /// Further headers of every request; values that hold secrets are marked sensitive.
    pub fn headers(&mut self) -> http::HeaderMap {
        let written = self.entry.map(|entry| entry.settings.keys()).into_iter().flatten();
        let given = self.overrides.all.iter().filter(|(name, ..)| name == self.name).map(|(_, path, _)| path);
        let mut paths: Vec<String> =
            written.chain(given).filter(|p| p.starts_with("headers.")).cloned().collect();
        paths.sort();
        paths.dedup();
        let mut headers = http::HeaderMap::new();
        for path in paths {
            let Some(mut known) = self.text(&path) else { continue };
            match self.vault.opened(&known.text) {
                Ok(None) => {}
                Ok(Some(secret)) => {
                    known.text = secret.expose().to_owned();
                    known.environment.push(known.text.clone());
                }
                Err(problem) => {
                    let problem = format!("the `{path}` of `{}` cannot be used: {problem}", self.name);
                    self.fault(&path, Problem::nowhere(problem));
                    continue;
                }
            }
            let word = path.strip_prefix("headers.").unwrap_or_default();
            let pair = http::HeaderName::try_from(word)
                .ok()
                .zip(http::HeaderValue::from_str(known.text.trim()).ok());
            let Some((name, mut value)) = pair else {
                let message = format!("expected a value that the header `{word}` can carry, found another");
                self.fault(&path, Problem::nowhere(message).help("a header's value is one line of text"));
                continue;
            };
            for part in &known.environment {
                // A tenant's id is no secret and may be short; a credential must not be.
                if part.chars().count() >= SHORTEST || is_credential(name.as_str()) {
                    value.set_sensitive(true);
                    if let Err(problem) = self.vault.secret(part) {
                        self.fault(&path, Problem::nowhere(problem));
                    }
                }
            }
            if is_credential(name.as_str()) {
                value.set_sensitive(true);
            }
            headers.append(name, value);
        }
        headers
    }

    /// How to speak TLS.
    pub fn tls(&mut self) -> TlsOptions {
        let mut path = |key: &str| self.text(&format!("tls.{key}")).map(|known| known.text);
        let mut options = TlsOptions {
            ca_file: path("ca_file").map(PathBuf::from),
            cert_file: path("cert_file").map(PathBuf::from),
            key_file: path("key_file").map(PathBuf::from),
            server_name: path("server_name"),
            insecure_skip_verify: false,
        };
        options.insecure_skip_verify = self.typed("tls.insecure_skip_verify").unwrap_or_default();
        if options.cert_file.is_some() != options.key_file.is_some() {
            let message = "expected both `cert_file` and `key_file` of `tls`, found one of them";
            self.fault(
                if options.cert_file.is_some() { "tls.cert_file" } else { "tls.key_file" },
                Problem::nowhere(message),
            );
        }
        options
    }

    /// How to say who is asking; `None` after saying what is wrong with it.
    pub fn auth(&mut self) -> Option<Auth> {
        let (word, fields) = match self.text("auth.type") {
            Some(known) => {
                if let Err(problem) = typed("auth.type", &known.text) {
                    self.fault("auth.type", problem);
                    return None;
                }
                let word = AUTH_TYPES.iter().copied().find(|word| *word == known.text)?;
                // Credentials that are written for another type than the option's are no mistake.
                (word, self.overrides.get(self.name, "auth.type").is_none())
            }
            None if self.place("auth.type").is_some() => return None,
            None => (self.implied(), false),
        };
        let (auth, used): (Option<Auth>, &[&str]) = match word {
            "basic" | "basic_auth" => {
                let (user, password) =
                    (self.needed("auth.username", word), self.credential("auth.password", word));
                (
                    user.zip(password).map(|(user, password)| Auth::Basic(user, password)),
                    &["username", "password"],
                )
            }
            "bearer" | "token" => (self.credential("auth.token", word).map(Auth::Bearer), &["token"]),
            // A personal access token is the password of a user without a name.
            "pat" => {
                let token = self.credential("auth.token", word);
                (token.map(|token| Auth::Basic(String::new(), token)), &["token"])
            }
            "oauth2" => (self.oauth2(), &["client_id", "client_secret", "token_url", "scopes"]),
            _ => (Some(Auth::None), &[]),
        };
        if fields {
            self.refuse_others(word, used);
        }
        auth
    }

    /// The auth that the credentials speak of where no type is written.
    fn implied(&self) -> &'static str {
        let has = |key: &str| {
            AUTH.iter().any(|f| f.key.starts_with(key) && self.place(&format!("auth.{}", f.key)).is_some())
        };
        match () {
            () if has("client_") => "oauth2",
            () if has("password") || has("username") => "basic",
            () if has("token") => "bearer",
            () => "none",
        }
    }

    /// A credential that the written type does not use would be left out in silence.
    fn refuse_others(&mut self, word: &str, used: &[&str]) {
        for field in AUTH.iter().filter(|field| field.key != "type") {
            let path = format!("auth.{}", field.key);
            let stem = field.key.trim_end_matches("_ref").trim_end_matches("_file");
            if word != "webhook" && !used.contains(&stem) && self.place(&path).is_some() {
                let message = format!("`{}` means nothing to the auth type `{word}`", field.key);
                self.fault(&path, Problem::nowhere(message).help("leave it out, or change `type`"));
            }
        }
    }

    fn oauth2(&mut self) -> Option<Auth> {
        let client_id = self.needed("auth.client_id", "oauth2");
        let client_secret = self.credential("auth.client_secret", "oauth2");
        let token_url = self.address("auth.token_url", true);
        if self.place("auth.token_url").is_none() {
            self.missing("auth.token_url", "`token_url`", "oauth2");
        }
        let scopes = self.texts("auth.scopes").unwrap_or_default();
        let scopes = scopes.into_iter().map(|known| known.text).collect();
        Some(Auth::OAuth2 {
            token_url: token_url?,
            client_id: client_id?,
            client_secret: client_secret?,
            scopes,
        })
    }

    fn needed(&mut self, path: &str, word: &str) -> Option<String> {
        if self.place(path).is_none() {
            self.missing(path, &format!("`{}`", key(path)), word);
        }
        self.text(path).map(|known| known.text)
    }

    fn missing(&mut self, path: &str, what: &str, word: &str) {
        let message = format!("{what} is missing for the auth type `{word}` of `{}`", self.name);
        self.fault(path, Problem::nowhere(message));
    }

    /// The credential that is written at `path`, by reference, or in a file; an option beats what is written.
    fn credential(&mut self, path: &str, word: &str) -> Option<Credential> {
        let others =
            ALTERNATIVES.iter().find(|(first, _)| *first == path).map_or(&[][..], |(_, others)| *others);
        let ways = || std::iter::once(path).chain(others.iter().copied());
        let given = ways().find(|way| self.overrides.get(self.name, way).is_some());
        let Some(way) = given.or_else(|| ways().find(|way| self.setting(way).is_some())) else {
            let words: Vec<String> = ways().map(|way| format!("`{}`", key(way))).collect();
            self.missing(path, &words.join(" or "), word);
            return None;
        };
        let text = self.text(way)?.text;
        let found = if way.ends_with("_ref") {
            self.vault.lookup(&text).map(Credential::Fixed)
        } else if way.ends_with("_file") {
            let file = PathBuf::from(text);
            self.vault.file(&file).map(|_| Credential::File(file))
        } else {
            let told = |problem| format!("the `{}` of `{}` cannot be used: {problem}", key(way), self.name);
            self.vault.literal(&text).map(Credential::Fixed).map_err(told)
        };
        found.map_err(|problem| self.fault(way, Problem::nowhere(problem))).ok()
    }
}
