//! Lints of secrets: written into the policy, or sent where others can read them. Must never say what a secret is; where
//! it stands is told apart, so that nobody shows it.

use std::sync::OnceLock;

use regex::Regex;
use url::Url;

use super::{Cx, Rule};
use crate::host::fernet::MARK;
use crate::policy::exposure::{Exposure, of_integrations};
use crate::policy::node::{Data, Node};
use crate::policy::parse::Document;
use crate::policy::problem::{Place, Problem, Severity};

/// The lints of this file.
pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "written-secret",
        severity: Severity::Warning,
        summary: "a secret that is written in the policy",
        check: written_secret,
    },
    Rule {
        id: "plain-http",
        severity: Severity::Warning,
        summary: "a credential that goes over plain HTTP",
        check: plain_http,
    },
    Rule {
        id: "unverified-tls",
        severity: Severity::Warning,
        summary: "TLS that accepts any certificate",
        check: unverified_tls,
    },
];

/// A secret that is written in a text.
#[derive(Debug)]
pub(super) struct Written {
    /// Where, without quotes.
    pub place: Place,
    what: String,
}

/// Where secrets are written in `document`, whatever else it holds.
pub fn places(document: &Document<'_>) -> Vec<Place> {
    let written = read(document, super::tree(document).as_ref()).into_iter().map(|secret| secret.place);
    written.chain(encrypted(document)).collect()
}

/// Where texts of `document` are secrets by their shape alone, without reading it.
pub fn shapes(document: &Document<'_>) -> Vec<Place> {
    read(document, None).into_iter().map(|secret| secret.place).chain(encrypted(document)).collect()
}

/// Characters from which on a word after [`MARK`] is taken for a token, also for one that was cut off.
const SHORTEST_TOKEN: u32 = 20;

/// Where encrypted values are written: nothing to warn of, and nothing to show either, since whoever gets hold of a key
/// one day would read them in old logs.
fn encrypted<'d>(document: &'d Document<'_>) -> impl Iterator<Item = Place> + 'd {
    document.text.match_indices(MARK).filter_map(|(at, mark)| {
        let start = at + mark.len();
        let rest = document.text.get(start..)?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '='));
        place(document, start, start + end.unwrap_or(rest.len()))
            .filter(|place| place.end - place.start >= SHORTEST_TOKEN)
    })
}

fn place(document: &Document<'_>, start: usize, end: usize) -> Option<Place> {
    Some(Place { source: document.source, start: start.try_into().ok()?, end: end.try_into().ok()? })
}

/// Texts that are secrets by their shape: what they are, what one of them holds in small letters, and the pattern, whose
/// first group is the secret.
const SHAPES: &[(&str, &[&str], &str)] = &[
    (
        "a GitHub token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    (
        "a GitLab token",
        &["glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glft-", "glsoat-"],
        r"\b(gl(?:pat|ptt|dt|rt|cbt|ft|soat)-[A-Za-z0-9_-]{20,})",
    ),
    ("a Slack token", &["xox", "xapp-"], r"\b(xox[abeprs]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,})"),
    (
        "a Slack webhook",
        &["hooks.slack.com"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]{16,})",
    ),
    (
        "a Discord webhook",
        &["/api/webhooks/"],
        r"discord(?:app)?\.com/api/webhooks/([0-9]+/[A-Za-z0-9_-]{20,})",
    ),
    ("an AWS access key", &["akia", "asia"], r"\b((?:AKIA|ASIA)[0-9A-Z]{16})\b"),
    ("a Google API key", &["aiza"], r"\b(AIza[0-9A-Za-z_-]{35})"),
    ("a Grafana token", &["glsa_", "glc_"], r"\b(gl(?:sa|c)_[A-Za-z0-9+/=_]{20,})"),
    ("a Vault token", &["hvs."], r"\b(hvs\.[A-Za-z0-9_-]{20,})"),
    ("a webhook secret", &["whsec_"], r"\b(whsec_[A-Za-z0-9+/=]{20,})"),
    ("a payment key", &["k_live_"], r"\b([rs]k_live_[A-Za-z0-9]{16,})"),
    ("a package registry token", &["npm_", "pypi-"], r"\b(npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,})"),
    ("a JSON Web Token", &["eyj"], r"\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"),
    ("a private key", &["private key-----"], r"(-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*)"),
    ("a bearer token", &["bearer "], r"(?i)\bbearer[ ]+([A-Za-z0-9._~+/-]{16,}={0,2})"),
    ("a basic auth token", &["basic "], r"(?i)\bbasic[ ]+([A-Za-z0-9+/]{12,}={0,2})"),
    ("a password in a URL", &["@"], r#"[a-z]://[^/\s:@'"{}$]*:([^/\s:@'"{}$]{3,})@"#),
    (
        "a token in a URL",
        &["token=", "key=", "auth=", "password=", "secret=", "sig=", "signature="],
        r"(?i)[?&](?:access_token|token|api_?key|auth|key|password|secret|sig(?:nature)?)=([A-Za-z0-9._~+/%-]{8,})",
    ),
];

/// The patterns, each made when it is first needed: making all of them takes longer than a short run.
static PATTERNS: [OnceLock<Option<Regex>>; SHAPES.len()] = [const { OnceLock::new() }; SHAPES.len()];

/// The secrets that are written in `document`, which holds `tree`.
pub(super) fn read(document: &Document<'_>, tree: Option<&Node>) -> Vec<Written> {
    let mut found: Vec<Written> = Vec::new();
    if let Some(tree) = tree {
        by_key(tree, document.text, &mut found);
    }
    let lower = document.text.to_ascii_lowercase();
    for ((what, holds, pattern), made) in SHAPES.iter().zip(&PATTERNS) {
        if !holds.iter().any(|part| lower.contains(part)) {
            continue;
        }
        let Some(pattern) = made.get_or_init(|| Regex::new(pattern).ok()) else { continue };
        let shapes = pattern.captures_iter(document.text).filter_map(|captures| captures.get(1));
        // A word without any digit is a word.
        let odd =
            |shape: &regex::Match<'_>| shape.as_str().contains(|c: char| c.is_ascii_digit() || c == '=');
        for shape in shapes.filter(|shape| odd(shape) || !what.ends_with("token")) {
            let Some(place) = place(document, shape.start(), shape.end()) else { continue };
            if !found.iter().any(|known| known.place.start < place.end && place.start < known.place.end) {
                found.push(Written { place, what: (*what).to_owned() });
            }
        }
    }
    found
}

/// Words at the end of a setting's name that say that it holds a secret.
const SECRET_WORDS: &[&str] = &[
    "token",
    "secret",
    "password",
    "passwd",
    "authorization",
    "cookie",
    "api_key",
    "apikey",
    "app_key",
    "private_key",
    "access_key",
    "webhook_url",
];

/// Whether the setting `key` holds a secret, by its name.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    let ends = |word: &str| key.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'));
    SECRET_WORDS.iter().any(|word| ends(word))
}

fn by_key(node: &Node, text: &str, found: &mut Vec<Written>) {
    match &node.data {
        Data::Map(entries) => {
            for (key, value) in entries {
                match value.data {
                    Data::Text(_) | Data::Number(_) if is_secret(&key.name) => {
                        found.extend(literal(&key.name, value, text))
                    }
                    // A variable that is called so, and what it is where nothing is given.
                    Data::Map(_) if is_secret(&key.name) && value.get("default").is_some() => {
                        let default = value.get("default");
                        found.extend(default.and_then(|default| literal(&key.name, default, text)));
                    }
                    _ => by_key(value, text, found),
                }
            }
        }
        Data::List(items) => items.iter().for_each(|item| by_key(item, text, found)),
        _ => {}
    }
}

/// The value of the setting `key` where it is written as itself.
fn literal(key: &str, value: &Node, text: &str) -> Option<Written> {
    let decoded = value.scalar()?.trim();
    let known_later = ["{{", "${"].iter().any(|mark| decoded.contains(mark)) || decoded.starts_with(MARK);
    let raw = text.get(value.place.range())?;
    // An alias stands for what is written elsewhere, and is found there.
    if known_later || decoded.is_empty() || raw.starts_with('*') {
        return None;
    }
    let quoted = raw.len() >= 2 && (raw.starts_with('"') || raw.starts_with('\''));
    let inset = u32::from(quoted);
    let place = Place { start: value.place.start + inset, end: value.place.end - inset, ..value.place };
    Some(Written { place, what: format!("the value of `{key}`") })
}

fn written_secret(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for secret in &cx.secrets {
        let message = format!("{} is written in the policy: whoever can read it has the secret", secret.what);
        let help = "name it by reference (`…_ref: some-name`, or `${NAME}` in `integrations`), and have it changed: it has \
                    been seen";
        found.push(Problem::at(secret.place, message).help(help));
    }
}

fn plain_http(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let by_checks = cx.checks.iter().filter_map(|check| {
        Some(Exposure { address: check.facts.address?, credential: check.facts.credentials? })
    });
    let all = by_checks.chain(cx.triggers.iter().copied()).chain(of_integrations(&cx.spec.integrations));
    for Exposure { address, credential } in all {
        let text = address.text.trim();
        if !text.starts_with("http://") || is_loopback(text) {
            continue;
        }
        let message = "what proves who is asking goes over plain HTTP, where it can be read on the way";
        let problem = Problem::at(address.place, message).needle("http://");
        // An address may be the credential itself.
        let problem =
            if credential == address.place { problem } else { problem.also(credential, "sent along") };
        found.push(problem.help("write `https://`; to this machine itself, `http://localhost` is fine"));
    }
}

fn is_loopback(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn unverified_tls(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let mut nodes: Vec<&Node> = cx.trees.iter().flatten().collect();
    while let Some(node) = nodes.pop() {
        match &node.data {
            Data::Map(entries) => {
                for (key, value) in entries {
                    if key.name == "insecure_skip_verify" && value.scalar() == Some("true") {
                        let message = "any certificate is accepted, also that of somebody in between";
                        found.push(
                            Problem::at(key.place, message).help("`ca_file` trusts an authority of your own"),
                        );
                    }
                    nodes.push(value);
                }
            }
            Data::List(items) => nodes.extend(items),
            _ => {}
        }
    }
}
