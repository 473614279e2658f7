//! Where the messages of a channel go, as its integration says. Must not show an address that is a secret.

use url::Url;

use super::Addressee;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// An address, and how it is shown.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) url: Url,
    pub(super) shown: String,
}

/// The secret `webhook_url` of `settings`; `None` after telling the settings what is wrong.
pub(super) fn secret(settings: &mut Settings<'_>) -> Option<Address> {
    if !settings.has("webhook_url") && !settings.has("webhook_url_ref") {
        settings.lacks(&["webhook_url"], "the address is a credential: write `webhook_url_ref: NAME`");
        return None;
    }
    let url = settings.secret_url("webhook_url")?;
    let shown = url.origin().ascii_serialization();
    Some(Address { url, shown })
}

/// The `url` of `settings` as it is written, or its secret `webhook_url`; `None` after telling the settings what is wrong.
pub(super) fn open_or_secret(settings: &mut Settings<'_>) -> Option<Address> {
    if !settings.has("url") {
        if settings.has("webhook_url") || settings.has("webhook_url_ref") {
            return secret(settings);
        }
        settings
            .lacks(&["url", "webhook_url"], "an address that is a credential itself is a `webhook_url_ref`");
        return None;
    }
    let checked = settings.address("url", false)?;
    // A slash at the end of an API's address means nothing; at the end of a receiver's it may.
    let written = settings.string("url").and_then(|text| Url::parse(text.trim()).ok());
    let url = written.unwrap_or(checked);
    let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
    Some(Address { url, shown })
}

/// Says that a notification asks of `what` for something that it has not.
pub(super) fn only_one_place(settings: &mut Settings<'_>, addressee: &Addressee, what: &str) {
    if let Some(channel) = &addressee.channel {
        let message = format!("`channel: {channel}` means nothing to {what}, whose address is one place");
        let help = "leave it out; another place is another integration with `system:`";
        settings.fault("system", Problem::nowhere(message).help(help));
    }
}

/// Says that `what` calls nobody by name.
pub(super) fn nobody_by_name(settings: &mut Settings<'_>, addressee: &Addressee, what: &str) {
    if !addressee.mention.is_empty() {
        let message = format!("`mention` means nothing to {what}: nobody is called by name");
        settings.fault("system", Problem::nowhere(message).warning());
    }
}
