//! A secret address that messages are posted to, for the channels that are told through one. Must not know what is
//! posted; each channel reads what is answered in its own way, with what the robots have in common kept here.

use http::Method;
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::Addressee;
use crate::api::remote::Hints;
use crate::api::said::said;
use crate::api::words::{WORDS, address, line};
use crate::api::{Allowance, Effect, Question, Remote};
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::host::http::{Request, Response};
use crate::policy::problem::{Problem, did_you_mean, listed};
use crate::policy::settings::Settings;

/// A secret address.
#[derive(Debug)]
pub(super) struct Hook {
    remote: Remote,
    url: Url,
    /// The channel's name, where one is known.
    name: Option<String>,
}

/// Where a message goes within a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A channel's own address, which is a secret.
    Own(String, Url),
    /// A channel that is called by a name.
    Named(String),
    /// Wherever the integration leads.
    Unsaid,
}

/// What the `channel` of a notification means: an entry of `channels`, or a name. `None` after saying what is wrong.
pub(super) fn place(settings: &mut Settings<'_>, addressee: &Addressee) -> Option<Place> {
    let Some(wanted) = &addressee.channel else { return Some(Place::Unsaid) };
    let channels = settings.map("channels");
    let Some((_, value)) = channels.iter().find(|(name, _)| name == wanted) else {
        // What begins as a channel's own name is one; anything else is meant to be an entry.
        if channels.is_empty() || wanted.starts_with(['#', '@']) {
            return Some(Place::Named(wanted.clone()));
        }
        let known = || channels.iter().map(|(name, _)| name.as_str());
        let help = did_you_mean(wanted, known());
        let help = help.unwrap_or_else(|| format!("the channels are: {}", listed(known())));
        let message = format!("the integration `{}` has no channel `{wanted}`", settings.name());
        settings.fault("channels", Problem::nowhere(message).help(help));
        return None;
    };
    if !value.contains("://") {
        return Some(Place::Named(value.clone()));
    }
    let what = format!("the channel `{wanted}` of `{}`", settings.name());
    let url = settings.vault().secret(value).and_then(|secret| settings.vault().as_url(&secret, &what));
    let fault = |problem| settings.fault(&format!("channels.{wanted}"), Problem::nowhere(problem));
    url.map_err(fault).ok().map(|url| Place::Own(wanted.clone(), url))
}

impl Hook {
    /// The address that `settings` name for `addressee`, of the system that people call `what`. `None` after saying what
    /// is wrong.
    pub(super) fn connect(
        what: &str,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Self> {
        let place = place(settings, addressee)?;
        Self::at(what, place, settings, host)
    }

    /// The same for a `place` that is known.
    pub(super) fn at(what: &str, place: Place, settings: &mut Settings<'_>, host: &Host) -> Option<Self> {
        let (name, url) = match place {
            Place::Own(name, url) => (Some(name), url),
            other => {
                let ways = ["webhook_url", "webhook_url_ref"];
                if !ways.iter().any(|way| settings.has(way)) {
                    settings.lacks(&ways, "write `webhook_url_ref: NAME` and give the address as a secret");
                    return None;
                }
                let name = if let Place::Named(name) = other { Some(name) } else { None };
                (name, settings.secret_url("webhook_url")?)
            }
        };
        let tls = settings.tls();
        let mut remote = Remote::new(what, &url, &tls, host)
            .map_err(|problem| settings.fault("tls", Problem::nowhere(problem)))
            .ok()?;
        for (header, value) in &settings.headers() {
            remote.set(header.clone(), value.clone());
        }
        Some(Self { remote, url, name })
    }

    /// Whom it tells, for people.
    pub(super) fn target(&self) -> String {
        let at = address(&self.url);
        self.name.as_ref().map_or_else(|| at.clone(), |name| format!("{name} at {at}"))
    }

    /// The API, for saying what its answers mean.
    pub(super) const fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Posts `document`; `each` signs an attempt at its time.
    ///
    /// # Errors
    /// What is known where there is no answer.
    pub(super) async fn post(
        &self,
        document: &Value,
        each: &(dyn Fn(Timestamp, &mut Request) + Sync),
        allowance: &Allowance<'_>,
    ) -> Result<Response, Effect> {
        let question = Question::json(Method::POST, self.url.clone(), document);
        self.remote.ask_each(&question, each, allowance).await
    }

    /// What the `answer` of a robot says: it answers 200 whatever happens, and a code of 0 under one of `keys` where all
    /// went well. `hint` says what to do about another code, of which the robot's own words are given too.
    pub(super) fn coded(
        &self,
        answer: &Response,
        keys: &[&str],
        hint: &dyn Fn(i64, &str) -> Option<&'static str>,
        allowance: &Allowance<'_>,
    ) -> Effect {
        let redactor = &allowance.host.output.redactor;
        let document: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let code = document.and_then(|document| {
            keys.iter().find_map(|key| Some(((*key).to_owned(), document.get(key)?.as_i64()?)))
        });
        let status = answer.status;
        let success = (200..300).contains(&status);
        match code {
            Some((_, 0)) if success => Effect::confirmed(status),
            Some((key, code)) if code != 0 => {
                let own = said(&answer.body).unwrap_or_default();
                let hint = hint(code, &own).map(|hint| format!("; {hint}")).unwrap_or_default();
                let own = line(&own, WORDS, redactor);
                let who = self.remote.who();
                let reason = format!("{who} answered {status} with {key} {code}: `{own}`{hint}");
                Effect {
                    http_status: Some(status),
                    response: Some(String::from_utf8_lossy(&answer.body).into_owned()),
                    ..Effect::because(ActionStatus::Failed, reason)
                }
            }
            _ if success => self.remote.json(answer, &[], redactor).map_or_else(
                |effect| effect,
                |_| {
                    let key = keys.first().copied().unwrap_or_default();
                    let who = self.remote.who();
                    let told = format!("expected a JSON object with `{key}` from {who}, found another");
                    Effect { http_status: Some(status), ..Effect::because(ActionStatus::Unknown, told) }
                },
            ),
            _ => self.remote.refused(answer, HINTS, redactor),
        }
    }
}

/// What to do about statuses that say nothing of their own.
pub(super) const HINTS: Hints<'_> = &[
    (403, "check the webhook's address: it may have been revoked"),
    (404, "check the webhook's address: it may have been removed"),
];
