//! How a letter gets to a mail server: the connection, TLS, who is sending, and what the server says to each step. Must not
//! try again once the letter itself may have been taken.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::wire::Wire;
use crate::api::words::{WORDS, line};
use crate::api::{Allowance, Effect};
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::host::net::Stream;
use crate::host::tls::{TlsOptions, client_config};
use crate::host::vault::Vault;
use crate::policy::integration::Credential;
use crate::report::words::span;

/// How long to wait before each further attempt.
const WAITS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// How long a server may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// How a connection is kept from others' eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    /// Not at all.
    None,
    /// From its beginning.
    AtOnce,
    /// By STARTTLS, or not used.
    Upgraded,
}

impl Tls {
    /// The port where it is usual.
    pub(super) const fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::AtOnce => 465,
            Self::Upgraded => 587,
        }
    }
}

/// Who says that they may send.
#[derive(Debug, Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Arc<Credential>,
    pub(super) vault: Vault,
}

/// A mail server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) options: TlsOptions,
    pub(super) login: Option<Login>,
}

/// A letter to be delivered.
pub(super) struct Post<'p> {
    pub(super) server: &'p Server,
    pub(super) from: &'p Address,
    pub(super) to: &'p [Address],
    pub(super) text: &'p [u8],
}

/// Why a letter was not taken.
struct Fault {
    reason: String,
    /// Whether another attempt may end well.
    passing: bool,
}

impl Fault {
    fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), passing: false }
    }

    fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), passing: true }
    }
}

/// How far an attempt has come, for whoever ends it.
#[derive(Default)]
struct Progress {
    /// Whether the server has said what it can.
    greeted: AtomicBool,
    /// Whether the letter itself has gone out and no answer has come.
    handed_over: AtomicBool,
}

/// What a server took.
struct Taken {
    said: String,
    refused: Vec<String>,
}

impl Post<'_> {
    /// Delivers the letter.
    pub(super) async fn deliver(&self, allowance: &Allowance<'_>) -> Effect {
        let host = allowance.host;
        let mut waits = WAITS.into_iter();
        let mut last = "the run was ended before anything was sent".to_owned();
        while allowance.begin() {
            let progress = Progress::default();
            let limit = allowance.left();
            let ended = host.clock.timeout(limit, self.attempt(&progress, allowance)).await;
            let fault = match ended {
                Some(Ok(taken)) => return self.taken(taken),
                Some(Err(fault)) => fault,
                None => {
                    let within = span(limit);
                    // A server that waits for TLS, while we wait for its greeting, is silent for ever.
                    let greeted = progress.greeted.load(Ordering::Relaxed);
                    let hint = if greeted { "" } else { ": is `smtp_tls` right for its port?" };
                    Fault::passing(format!("no answer within {within}{hint}"))
                }
            };
            let told = format!("the mail server at {}: {}", self.address(), fault.reason);
            if progress.handed_over.load(Ordering::Relaxed) && fault.passing {
                let told = format!("{told}; the letter was handed over and may be on its way");
                return Effect::because(ActionStatus::Unknown, told);
            }
            last = told;
            if !fault.passing {
                break;
            }
            let Some(wait) = waits.next() else { break };
            if wait >= allowance.left() || !allowance.pause(wait).await {
                break;
            }
        }
        Effect::because(ActionStatus::Failed, last)
    }

    fn address(&self) -> String {
        format!("{}:{}", self.server.name, self.server.port)
    }

    fn taken(&self, taken: Taken) -> Effect {
        let response = Some(taken.said).filter(|said| !said.is_empty());
        if taken.refused.is_empty() {
            return Effect { response, ..Effect::of(ActionStatus::Confirmed) };
        }
        let told = format!(
            "{} of {} recipients got it; the mail server at {} refused {}",
            self.to.len() - taken.refused.len(),
            self.to.len(),
            self.address(),
            taken.refused.join("; ")
        );
        Effect { response, ..Effect::because(ActionStatus::Failed, told) }
    }

    /// One attempt.
    async fn attempt(&self, progress: &Progress, allowance: &Allowance<'_>) -> Result<Taken, Fault> {
        let host = allowance.host;
        let handed_over = &progress.handed_over;
        let mut server = self.connected(allowance).await?;
        progress.greeted.store(true, Ordering::Relaxed);
        if let Some(login) = &self.server.login {
            self.log_in(&mut server, login, host).await?;
        }
        let said = |step: &str, error: &lettre::transport::smtp::Error| reply(step, error, host);
        server.command(Mail::new(Some(self.from.clone()), vec![])).await.map_err(|error| {
            let mut fault = said(&format!("it refuses mail from {}", self.from), &error);
            if code(&error) == Some(530) {
                fault.reason.push_str("; it wants to know who is sending: write `auth` in the integration");
            }
            fault
        })?;
        let mut refused = Vec::new();
        let mut passing = true;
        for to in self.to {
            if let Err(error) = server.command(Rcpt::new(to.clone(), vec![])).await {
                let fault = said(to.as_ref(), &error);
                if code(&error).is_none() {
                    return Err(fault);
                }
                passing &= fault.passing;
                refused.push(fault.reason);
            }
        }
        if refused.len() == self.to.len() {
            let reason = format!("it refuses every recipient: {}", refused.join("; "));
            return Err(Fault { reason, passing });
        }
        server.command(Data).await.map_err(|error| said("it takes no letter", &error))?;
        handed_over.store(true, Ordering::Relaxed);
        let answer = server.message(self.text).await.map_err(|error| {
            // A reply is an answer: it was not taken.
            handed_over.store(code(&error).is_none(), Ordering::Relaxed);
            said("it refuses the letter", &error)
        })?;
        let text: Vec<&str> = answer.message().collect();
        // It has the letter: whether it says goodbye does not matter.
        let _ = host.clock.timeout(GOODBYE, server.quit()).await;
        Ok(Taken { said: text.join(" "), refused })
    }

    /// A connection on which the server has said what it can, as secure as it is to be.
    async fn connected(&self, allowance: &Allowance<'_>) -> Result<AsyncSmtpConnection, Fault> {
        let host = allowance.host;
        let stream = self.dialled(allowance).await?;
        let hello = ClientId::default();
        let stream = if self.server.tls == Tls::AtOnce { self.secured(stream, host).await? } else { stream };
        let wire = Wire::new(stream);
        let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(wire.clone()), &hello).await;
        let mut server = greeted.map_err(|error| reply("it does not greet", &error, host))?;
        if self.server.tls != Tls::Upgraded {
            return Ok(server);
        }
        if !server.server_info().supports_feature(Extension::StartTls) {
            return Err(Fault::lasting(
                "it offers no STARTTLS, and nothing was sent in the clear: `smtp_tls: tls` is TLS from the beginning \
                 (port 465), `smtp_tls: none` does without",
            ));
        }
        let refuses = |error| reply("it refuses STARTTLS, and nothing was sent in the clear", &error, host);
        server.command(Starttls).await.map_err(refuses)?;
        drop(server);
        let stream = wire.take().ok_or_else(|| Fault::passing("the connection is gone"))?;
        let wire = Wire::upgraded(self.secured(stream, host).await?);
        let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &hello).await;
        greeted.map_err(|error| reply("it does not go on after STARTTLS", &error, host))
    }

    /// A connection to the first address that takes one; each but the last has its share of the time that is left.
    async fn dialled(&self, allowance: &Allowance<'_>) -> Result<Box<dyn Stream>, Fault> {
        let host = allowance.host;
        let Server { name, port, .. } = self.server;
        let found = host.net.lookup(name, *port).await;
        let found = found.map_err(|error| {
            let told = words(&error, host);
            Fault::passing(format!("its name does not resolve: {told}; check the integration's `smtp_host`"))
        })?;
        let mut fault = Fault::passing("its name has no address; check the integration's `smtp_host`");
        let mut remaining = u32::try_from(found.len()).unwrap_or(u32::MAX);
        for address in found {
            let limit = if remaining == 1 { allowance.left() } else { allowance.left() / remaining };
            let ended = host.clock.timeout(limit, host.net.connect(address)).await;
            remaining -= 1;
            match ended.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    let told = words(&error, host);
                    fault = Fault::passing(format!(
                        "no connection: {told}; check the integration's `smtp_host` and `smtp_port`"
                    ));
                }
            }
        }
        Err(fault)
    }

    async fn secured(&self, stream: Box<dyn Stream>, host: &Host) -> Result<Box<dyn Stream>, Fault> {
        let config = client_config(&self.server.options, &host.env).map_err(Fault::lasting)?;
        let name = self.server.options.server_name.as_deref().unwrap_or(&self.server.name).to_owned();
        let name = ServerName::try_from(name.clone())
            .map_err(|_| Fault::lasting(format!("`{name}` can stand in no certificate")))?;
        let secured = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let secured = secured.map_err(|error| {
            let told = words(&error, host);
            // A connection that breaks may be made again; what was shown and refused will be shown again.
            let broken = matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
            );
            let reason = format!("no TLS: {told}; check the integration's `tls`, `smtp_tls` and `smtp_port`");
            Fault { reason, passing: broken }
        })?;
        Ok(Box::new(secured))
    }

    async fn log_in(
        &self,
        server: &mut AsyncSmtpConnection,
        login: &Login,
        host: &Host,
    ) -> Result<(), Fault> {
        const WAYS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];
        if server.server_info().get_auth_mechanism(&WAYS).is_none() {
            return Err(Fault::lasting(
                "it offers no way to log in with a password: take `auth` out, or ask at another `smtp_port`",
            ));
        }
        let password = login.password.now(&login.vault).map_err(Fault::lasting)?;
        // What goes over the wire is a form of its own; a server may repeat it.
        login.vault.secret(&format!("\0{}\0{}", login.user, password.expose())).map_err(Fault::lasting)?;
        let credentials = Credentials::new(login.user.clone(), password.expose().to_owned());
        server.auth(&WAYS, &credentials).await.map_err(|error| {
            let mut fault = reply("it refuses the log-in", &error, host);
            if code(&error) == Some(535) {
                fault.reason.push_str("; check the integration's `username` and password");
            }
            fault
        })?;
        Ok(())
    }
}

/// The reply's code, where there was a reply.
fn code(error: &lettre::transport::smtp::Error) -> Option<u16> {
    error.status().map(u16::from)
}

/// What ended `step`: the server's reply, or why there is none.
fn reply(step: &str, error: &lettre::transport::smtp::Error, host: &Host) -> Fault {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let source = line(&source, WORDS, &host.output.redactor);
    match code(error) {
        Some(code) => Fault { reason: format!("{step}: {code} `{source}`"), passing: error.is_transient() },
        None if source == "incomplete response" => {
            Fault::passing(format!("{step}: it broke the connection off"))
        }
        // What is no reply of SMTP will be none the next time either.
        None if error.is_response() => Fault::lasting(format!(
            "{step}: what it said is no SMTP: check the integration's `smtp_host`, `smtp_port` and `smtp_tls`"
        )),
        None if error.is_client() => Fault::lasting(format!("{step}: {source}")),
        None => Fault::passing(format!("{step}: {source}")),
    }
}

/// An error of the system on one line.
fn words(error: &io::Error, host: &Host) -> String {
    line(&error.to_string(), WORDS, &host.output.redactor)
}
