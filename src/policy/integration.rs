//! Integrations: the systems that rollgate talks to, as they are read and as they are used. Must not connect to
//! anything; a missing secret or address is a fault only of a run that uses the entry, and `resolve` finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::node::{Data, Node, shorten};
use super::problem::{Place, Problem, Problems, did_you_mean, listed};
use super::reader::{Field, Reader, Shape, compile};
use super::template::{Context, Scope, Template};
use super::value::{Bytes, Delay, Scalar};
use crate::host::secret::Secret;
use crate::host::tls::TlsOptions;
use crate::host::vault::Vault;
use crate::promql::Dialect;

mod fields;

pub(super) use fields::ALTERNATIVES;
pub use fields::{AUTH, AUTH_TYPES, ENTRY, ENTRY_RULES, GROUPS, TLS};

/// The integrations of a policy, by name.
#[derive(Debug, Clone, Default)]
pub struct Integrations {
    entries: BTreeMap<String, Entry>,
    default: String,
}

/// An integration as it was read: nothing in it is known until it is used.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    system: String,
    pub(super) place: Place,
    /// By canonical path: `url`, `auth.username`, `headers.X-Scope-OrgID`.
    pub(super) settings: BTreeMap<String, Setting>,
}

/// A setting and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) place: Place,
    pub(super) items: Vec<Template>,
}

impl Integrations {
    /// Reads both forms; `default` is the name that metrics checks mean where they name none.
    pub fn read(
        named: Option<&Node>,
        grouped: Option<&Node>,
        default: &str,
        problems: &mut Problems,
    ) -> Self {
        let mut all = Self { entries: BTreeMap::new(), default: default.to_owned() };
        if let Some(node) = named {
            all.entries(node, "`integrations`", &BTreeMap::new(), problems);
        }
        // Several entries of a system are meant within one form; the same system in both is an oversight.
        let first: BTreeMap<String, Place> =
            all.entries.values().map(|entry| (entry.system.clone(), entry.place)).collect();
        if let Some(node) = grouped
            && let Some(groups) = Reader::open(node, "`integration_configs`", &[GROUPS], problems)
        {
            for group in GROUPS {
                if let Some(node) = groups.node(group.key) {
                    all.entries(node, &format!("`{}`", group.key), &first, groups.problems);
                }
            }
        }
        all
    }

    /// Makes the integration `name` known, named at `place`, where it is not written: the command line says all of it.
    pub fn declare(&mut self, name: &str, place: Place) {
        let entry = || Entry { system: name.to_owned(), place, settings: BTreeMap::new() };
        self.entries.entry(name.to_owned()).or_insert_with(entry);
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The variables that any of them names, sorted.
    pub fn variables(&self) -> BTreeSet<&str> {
        let settings = self.entries.values().flat_map(|entry| entry.settings.values());
        settings.flat_map(|setting| setting.items.iter().flat_map(Template::variables)).collect()
    }

    /// What system the entry `name` is.
    pub fn system(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(|entry| entry.system.as_str())
    }

    /// Whose query language `name` speaks; `None` where that is known only once variables are.
    pub fn dialect(&self, name: &str) -> Option<Dialect> {
        let setting = self.entries.get(name).and_then(|entry| entry.settings.get("dialect"));
        let Some(setting) = setting else { return Some(Dialect::default()) };
        // A wrong word has been reported, and says nothing about the queries.
        setting.items.first().and_then(|item| Dialect::read(item.text.trim()))
    }

    /// What is written at `path` of the entry `name`, as far as the variables are known; the environment is not read.
    pub fn shown(&self, name: &str, path: &str, scope: &Scope) -> Option<String> {
        let item = self.entries.get(name)?.settings.get(path)?.items.first()?;
        Some(item.settled(scope).text)
    }

    /// The name that metrics checks mean where they name none.
    pub fn default_source(&self) -> &str {
        &self.default
    }

    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    fn entries(
        &mut self,
        node: &Node,
        what: &str,
        elsewhere: &BTreeMap<String, Place>,
        problems: &mut Problems,
    ) {
        let Data::Map(entries) = &node.data else {
            problems.push(Problem::at(
                node.place,
                format!("expected {what} (a mapping), found {}", node.found()),
            ));
            return;
        };
        for (key, node) in entries {
            if key.name.is_empty() || key.name.contains(['.', '=']) {
                let message = format!("expected a name without `.` and `=`, found `{}`", shorten(&key.name));
                problems.push(Problem::at(key.place, message));
                continue;
            }
            let Some(entry) = Entry::read(&key.name, key.place, node, problems) else { continue };
            let twice = self.entries.get(&key.name).map(|first| (&key.name, first.place));
            if let Some((name, first)) =
                twice.or_else(|| elsewhere.get_key_value(&entry.system).map(|(s, p)| (s, *p)))
            {
                problems.push(
                    Problem::at(key.place, format!("`{name}` is written twice"))
                        .also(first, "first written here")
                        .help("`integrations` and `integration_configs` mean the same: keep one of the two"),
                );
                continue;
            }
            self.entries.insert(key.name.clone(), entry);
        }
    }
}

impl Entry {
    fn read(name: &str, place: Place, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut entry = Self { system: name.to_owned(), place, settings: BTreeMap::new() };
        if node.data == Data::Null {
            return Some(entry);
        }
        let mut body = Reader::open(node, &format!("the integration `{name}`"), &[ENTRY], problems)?;
        if let Some((system, _)) = body.plain("system") {
            entry.system = system;
        }
        entry.fields("", ENTRY, &mut body);
        for (secret, others) in ALTERNATIVES {
            entry.only_one(secret, others, problems);
        }
        Some(entry)
    }

    fn fields(&mut self, prefix: &str, table: &'static [Field], body: &mut Reader<'_, '_>) {
        for field in table.iter().filter(|field| !field.later && field.key != "system") {
            let Some(node) = body.node(field.key) else { continue };
            let path = format!("{prefix}{}", field.key);
            match field.shape {
                Shape::Object(inner) => {
                    let inside = Reader::open(node, &format!("`{path}`"), &[inner], body.problems);
                    if let Some(mut inside) = inside {
                        self.fields(&format!("{path}."), inner, &mut inside);
                    }
                }
                Shape::TextMap | Shape::Headers => self.map(&path, node, body.problems),
                Shape::Texts => {
                    let items = body.items(field.key).into_iter();
                    let items = items.filter_map(|i| compile(i, Context::Text, body.problems)).collect();
                    self.put(&path, Setting { place: node.place, items }, body);
                }
                _ => {
                    let Some(template) = compile(node, context(&path), body.problems) else { continue };
                    check(&path, node, body.problems);
                    self.put(&path, Setting { place: node.place, items: vec![template] }, body);
                }
            }
        }
    }

    fn map(&mut self, path: &str, node: &Node, problems: &mut Problems) {
        let Data::Map(entries) = &node.data else {
            let message = format!("expected `{path}` (a mapping), found {}", node.found());
            problems.push(Problem::at(node.place, message));
            return;
        };
        for (key, node) in entries {
            if path == "headers" && http::HeaderName::try_from(&key.name).is_err() {
                let message = format!("expected the name of a header, found `{}`", shorten(&key.name));
                problems.push(Problem::at(key.place, message));
                continue;
            }
            if let Some(template) = compile(node, context(path), problems) {
                let setting = Setting { place: node.place, items: vec![template] };
                self.settings.insert(format!("{path}.{}", key.name), setting);
            }
        }
    }

    fn put(&mut self, path: &str, setting: Setting, body: &mut Reader<'_, '_>) {
        let canonical = canonical(path);
        if let Some(first) = self.settings.get(&canonical) {
            let problem = Problem::at(setting.place, format!("`{path}` is written twice in other words"))
                .also(first.place, "first written here")
                .help(format!("`{path}` and `{canonical}` mean the same: keep one of the two"));
            body.problems.push(problem);
            return;
        }
        self.settings.insert(canonical, setting);
    }

    fn only_one(&self, secret: &str, others: &[&str], problems: &mut Problems) {
        let mut written =
            std::iter::once(&secret).chain(others).filter_map(|p| Some((p, self.settings.get(*p)?)));
        if let (Some((first, earlier)), Some((second, later))) = (written.next(), written.next()) {
            problems.push(
                Problem::at(later.place, format!("`{}` and `{}` are both written", key(first), key(second)))
                    .also(earlier.place, "the other one")
                    .help("keep one of the two"),
            );
        }
    }
}

/// The one path of a setting that has several: auth fields stand in `auth` or beside it, `base_url` is `url`.
pub(super) fn canonical(path: &str) -> String {
    match path {
        "base_url" => "url".to_owned(),
        path if AUTH.iter().any(|field| field.key == path) => format!("auth.{path}"),
        path => path.to_owned(),
    }
}

/// The key at the end of a path.
pub(super) fn key(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, key)| key)
}

pub(super) fn context(path: &str) -> Context {
    match key(path) {
        "url" | "base_url" | "token_url" | "webhook_url" => Context::Url,
        "headers" => Context::Header,
        _ => Context::Text,
    }
}

/// Reports a value of the wrong type where it is known already.
fn check(path: &str, node: &Node, problems: &mut Problems) {
    let text = node.scalar().unwrap_or_default();
    if text.contains("{{") || text.contains("${") {
        return;
    }
    if let Err(problem) = typed(path, text) {
        problems.push(Problem { place: Some(node.place), ..problem });
    }
}

/// The fault of `text` as the setting at `path`.
pub(super) fn typed(path: &str, text: &str) -> Result<(), Problem> {
    fn is<T: Scalar>(text: &str) -> Result<(), Problem> {
        let wrong = || Problem::nowhere(format!("expected {}, found `{}`", T::EXPECTED, shorten(text)));
        T::read(text.trim()).map(|_| ()).ok_or_else(wrong)
    }
    match key(path) {
        "enabled" | "insecure_skip_verify" => is::<bool>(text),
        "delay" => is::<Delay>(text),
        "resolve_after" => is::<Duration>(text),
        "max_body" => is::<Bytes>(text),
        "dialect" => is::<Dialect>(text),
        "url" | "base_url" => address(text, false).map(|_| ()),
        "token_url" => address(text, true).map(|_| ()),
        key => match ENTRY.iter().find(|field| field.key == key).map(|field| field.shape) {
            Some(Shape::OneOf(words)) if !words.contains(&text) => {
                let message =
                    format!("expected {}, found `{}`", listed(words.iter().copied()), shorten(text));
                Err(Problem::nowhere(message).maybe_help(did_you_mean(text, words.iter().copied())))
            }
            _ => Ok(()),
        },
    }
}

/// `text` as an address; `query` tells whether it may have one.
pub(crate) fn address(text: &str, query: bool) -> Result<Url, Problem> {
    let shown = shorten(text);
    let url =
        Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(mut url) = url else {
        return Err(Problem::nowhere(format!("expected a URL like `http://host:9090`, found `{shown}`")));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Problem::nowhere("expected a URL without user and password, found one with them")
            .help("write them as `auth: {type: basic, username: …, password_ref: …}`"));
    }
    if url.fragment().is_some() || (url.query().is_some() && !query) {
        // Queries of addresses hold tokens: they are not repeated.
        return Err(Problem::nowhere("expected a URL without query and fragment, found one with them"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// An integration that this run uses, everything in it known.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The entry's key.
    pub name: String,
    /// What it is, such as `prometheus`.
    pub system: String,
    /// Where it is written; `None` when the command line made it.
    pub place: Option<Place>,
    /// Its address, without a trailing slash in its path.
    pub url: Url,
    /// How to say who is asking.
    pub auth: Auth,
    /// Further headers; values that came from the environment are marked sensitive.
    pub headers: http::HeaderMap,
    /// How to speak TLS.
    pub tls: TlsOptions,
    /// How long after a tick its data is complete.
    pub delay: Delay,
    /// Bytes of an answer beyond which it is an error.
    pub max_body: usize,
    /// Whose query language it speaks.
    pub dialect: Dialect,
    /// Reads `token_file` and registers what is derived from secrets.
    pub vault: Vault,
}

/// How to say who is asking.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Not at all.
    None,
    /// User and password.
    Basic(String, Credential),
    /// A token.
    Bearer(Credential),
    /// Client credentials that are exchanged for a token.
    OAuth2 {
        /// Where tokens are given out.
        token_url: Url,
        /// Who asks.
        client_id: String,
        /// The client's secret.
        client_secret: Credential,
        /// What for.
        scopes: Vec<String>,
    },
}

/// A secret, or the file that holds it and is read anew at every use.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Known at the start.
    Fixed(Secret),
    /// In a file that may be renewed while the gate runs.
    File(PathBuf),
}

impl Credential {
    /// The secret as it is now.
    ///
    /// # Errors
    /// A sentence that names the file that cannot be read.
    pub fn now(&self, vault: &Vault) -> Result<Secret, String> {
        match self {
            Self::Fixed(secret) => Ok(secret.clone()),
            Self::File(path) => vault.file(path),
        }
    }
}
