//! The `email` channel: a letter by SMTP, in text and HTML. Must never send a password in the clear, and must not send a
//! letter twice that may have been taken.

mod letter;
mod post;
mod wire;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use lettre::message::Mailbox;

use self::letter::{Letter, message_id};
use self::post::{Post, Server, Tls};
use super::message::Message;
use super::{Addressee, Channel, ChannelKind};
use crate::api::{Allowance, Effect};
use crate::host::Host;
use crate::host::tls::{TlsOptions, client_config};
use crate::policy::integration::Auth;
use crate::policy::problem::{Problem, did_you_mean, listed};
use crate::policy::settings::Settings;

/// The `email` channel.
pub struct Email;

impl ChannelKind for Email {
    fn name(&self) -> &'static str {
        "email"
    }

    fn summary(&self) -> &'static str {
        "sends a letter by SMTP, in text and HTML"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  email:\n    smtp_host: mail.example.com\n    auth: {type: basic, username: rollgate, \
         password_ref: smtp-password}\n    from: \"Rollgate <rollgate@example.com>\"\n    recipients: \
         [team@example.com]\nnotifications:\n  - {to: email, on: [inconclusive, rollback]}\n"
    }

    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>> {
        let from = from(settings);
        let to = recipients(settings, addressee);
        let copies = addresses(settings, "mention", addressee.mention.iter());
        let server = server(settings, host);
        let letter = Letter { from: from?, to: to?, copies: copies?, locale: addressee.locale };
        Some(Box::new(Mail { letter, server: server? }))
    }
}

fn from(settings: &mut Settings<'_>) -> Option<Mailbox> {
    if !settings.has("from") {
        settings.lacks(&["from"], "whom mail comes from, such as `Rollgate <rollgate@example.com>`");
    }
    let written = settings.string("from")?;
    addresses(settings, "from", [written].iter()).and_then(|mut all| all.pop())
}

/// Whom a letter goes to: those of the notification's `channel`, which is an entry of `channels` or an address, else the
/// `recipients`. `None` after telling the settings what is wrong.
fn recipients(settings: &mut Settings<'_>, addressee: &Addressee) -> Option<Vec<Mailbox>> {
    let Some(wanted) = &addressee.channel else {
        let written = settings.strings("recipients");
        if written.is_empty() {
            settings.lacks(&["recipients"], "whom mail goes to, or a notification's `channel`");
            return None;
        }
        return addresses(settings, "recipients", written.iter());
    };
    let channels = settings.map("channels");
    let found = channels.iter().find(|(name, _)| name == wanted).map(|(_, text)| text);
    let Some(text) = found.or_else(|| wanted.contains('@').then_some(wanted)) else {
        let known = || channels.iter().map(|(name, _)| name.as_str());
        let help = did_you_mean(wanted, known()).unwrap_or_else(|| match channels.is_empty() {
            true => {
                format!("write `channels: {{{wanted}: someone@example.com}}`, or an address as `channel`")
            }
            false => format!("the channels are: {}", listed(known())),
        });
        let message = format!("the integration `{}` has no channel `{wanted}`", settings.name());
        settings.fault("channels", Problem::nowhere(message).help(help));
        return None;
    };
    let all: Vec<String> = text.split(',').map(|one| one.trim().to_owned()).collect();
    addresses(settings, "channels", all.iter())
}

/// `written` as addresses; `None` after telling the settings of `path` which is none.
fn addresses<'w>(
    settings: &mut Settings<'_>,
    path: &str,
    written: impl Iterator<Item = &'w String>,
) -> Option<Vec<Mailbox>> {
    let mut read = Some(Vec::new());
    for text in written {
        let mailbox: Option<Mailbox> = text.trim().parse().ok();
        // An address that is no ASCII needs servers all along that take it; its domain may be written as `xn--…`.
        let mailbox = mailbox.filter(|mailbox| {
            AsRef::<str>::as_ref(&mailbox.email).is_ascii() && !text.chars().any(char::is_control)
        });
        match mailbox {
            Some(mailbox) => read.as_mut()?.push(mailbox),
            None => {
                let shown = crate::policy::node::shorten(text);
                let message = format!("expected an address like `name@example.com`, found `{shown}`");
                settings.fault(path, Problem::nowhere(message));
                read = None;
                break;
            }
        }
    }
    read
}

/// The server that `settings` name; `None` after telling them what is wrong.
fn server(settings: &mut Settings<'_>, host: &Host) -> Option<Server> {
    if !settings.has("smtp_host") {
        settings.lacks(&["smtp_host"], "the mail server that takes the letters, such as `smtp.example.com`");
    }
    let tls = match settings.string("smtp_tls").as_deref() {
        Some("tls") => Tls::AtOnce,
        Some("none") => Tls::None,
        _ => Tls::Upgraded,
    };
    let port = if settings.has("smtp_port") { port(settings) } else { Some(tls.port()) };
    let login = login(settings, tls);
    let options = settings.tls();
    if options != TlsOptions::default() {
        // Files that the policy names are read now, so that a wrong one is a fault before anything is measured.
        if let Err(problem) = client_config(&options, &host.env) {
            settings.fault("tls", Problem::nowhere(problem));
            return None;
        }
    }
    let name = settings.string("smtp_host")?.trim().trim_matches(['[', ']']).to_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if name.is_empty() || !name.chars().all(plain) {
        let shown = crate::policy::node::shorten(&name);
        let message = format!("expected the name of a host for `smtp_host`, found `{shown}`");
        settings.fault("smtp_host", Problem::nowhere(message).help("scheme and port do not belong here"));
        return None;
    }
    Some(Server { name, port: port?, tls, options, login: login? })
}

fn port(settings: &mut Settings<'_>) -> Option<u16> {
    let written = settings.string("smtp_port")?;
    let port = written.trim().parse().ok().filter(|port| *port > 0);
    if port.is_none() {
        let shown = crate::policy::node::shorten(&written);
        settings.fault("smtp_port", Problem::nowhere(format!("expected a port, found `{shown}`")));
    }
    port
}

/// Who says that they may send: nobody, or a user with a password. `None` after telling the settings what is wrong.
fn login(settings: &mut Settings<'_>, tls: Tls) -> Option<Option<post::Login>> {
    match settings.auth()? {
        Auth::None => Some(None),
        Auth::Basic(..) if tls == Tls::None => {
            let message = "a password is never sent in the clear, which `smtp_tls: none` asks for";
            settings.fault("smtp_tls", Problem::nowhere(message).help("use `starttls` or `tls`"));
            None
        }
        Auth::Basic(user, password) => {
            let vault = settings.vault().clone();
            Some(Some(post::Login { user, password: Arc::new(password), vault }))
        }
        _ => {
            let message = "expected the auth type `basic` for a mail server, found another";
            settings.fault("auth.type", Problem::nowhere(message));
            None
        }
    }
}

#[derive(Debug)]
struct Mail {
    letter: Letter,
    server: Server,
}

impl Channel for Mail {
    fn kind(&self) -> &'static str {
        Email.name()
    }

    fn target(&self) -> String {
        let to: Vec<String> = self.letter.everybody().map(|mailbox| mailbox.email.to_string()).collect();
        format!("{} by {}:{}", to.join(", "), self.server.name, self.server.port)
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        earlier: Option<&'a Effect>,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            let answered = earlier.and_then(|effect| effect.handle.as_deref());
            let text = match self.letter.written(message, answered) {
                Ok(text) => text,
                Err(effect) => return effect,
            };
            let to: Vec<_> = self.letter.everybody().map(|mailbox| mailbox.email.clone()).collect();
            let post = Post { server: &self.server, from: &self.letter.from.email, to: &to, text: &text };
            let effect = post.deliver(allowance).await;
            Effect { handle: Some(message_id(message, &self.letter.from)), ..effect }
        })
    }

    fn rehearsed(&self, message: &Message) -> Option<String> {
        Some(self.letter.shown(message))
    }
}

#[cfg(test)]
mod tests;
