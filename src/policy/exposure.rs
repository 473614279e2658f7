//! What is sent where: addresses, and whether something goes along that only the receiver may read. Must not resolve
//! or send anything.

use super::integration::{Entry, Integrations, key};
use super::problem::Place;
use super::template::Template;

/// Something that goes to an address and that only its receiver may read.
#[derive(Debug, Clone, Copy)]
pub struct Exposure<'s> {
    /// Where it goes.
    pub address: &'s Template,
    /// Where it is written.
    pub credential: Place,
}

/// Whether a header or a setting called `name` carries a credential.
pub fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "authorization",
        "cookie",
        "token",
        "secret",
        "password",
        "api-key",
        "apikey",
        "api_key",
        "app_key",
        "routing_key",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// Where a credential is written among `headers`.
pub fn in_headers(headers: &[(http::HeaderName, Template)]) -> Option<Place> {
    headers.iter().find(|(name, _)| is_credential(name.as_str())).map(|(_, value)| value.place)
}

/// Settings of an integration that are sent to its address outside of `auth`.
const KEYS: &[&str] = &["api_key", "app_key", "routing_key"];

/// What goes to the addresses of `integrations`.
pub fn of_integrations(integrations: &Integrations) -> impl Iterator<Item = Exposure<'_>> {
    integrations.names().filter_map(|name| integrations.entry(name)).flat_map(of_entry)
}

fn of_entry(entry: &Entry) -> impl Iterator<Item = Exposure<'_>> {
    let template = |path: &str| entry.settings.get(path).and_then(|setting| setting.items.first());
    let asks = template("auth.type").is_none_or(|word| word.text != "none");
    let credential = |fits: fn(&str) -> bool| {
        let sent = |path: &&String| {
            let own = path.starts_with("headers.")
                || (path.starts_with("auth.") && asks)
                || KEYS.iter().any(|key| path.starts_with(key));
            own && key(path) != "token_url" && is_credential(key(path)) && fits(key(path))
        };
        entry
            .settings
            .keys()
            .find(sent)
            .and_then(|path| entry.settings.get(path))
            .map(|setting| setting.place)
    };
    // What is given out for a client's secret goes where that of others does.
    let sent = [
        ("url", credential(|_| true)),
        ("auth.token_url", credential(|key| key.starts_with("client_secret"))),
        // An address that is a credential itself goes along with every request.
        ("webhook_url", template("webhook_url").map(|address| address.place)),
    ];
    sent.into_iter().filter_map(move |(path, credential)| {
        Some(Exposure { address: template(path)?, credential: credential? })
    })
}
