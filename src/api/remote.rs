//! An API of another system: its address, who is asking, and what came of a question in words for people. Must not know
//! what the system is for, and never follows a redirect.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;

use super::auth::Authorizer;
use super::deliver::{Repeat, deliver};
use super::said::said;
use super::words::{self, WORDS, address, line};
use super::{Allowance, Effect};
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::host::http::{Http, Request, Response, URL_PART};
use crate::host::secret::{Redactor, Secret};
use crate::host::tls::TlsOptions;
use crate::host::vault::Vault;
use crate::policy::integration::Auth;

/// Bytes of an answer that are read.
const MAX_BODY: usize = 1024 * 1024;

/// An API.
pub struct Remote {
    who: String,
    base: Url,
    client: Arc<dyn Http>,
    headers: HeaderMap,
    auth: Option<Authorizer>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("who", &self.who).finish_non_exhaustive()
    }
}

/// What is asked of an API.
#[derive(Debug, Clone)]
pub struct Question {
    /// The request's method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers beside those of every question.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// What asking twice does.
    pub repeat: Repeat,
}

impl Question {
    /// Reads `url`.
    pub fn get(url: Url) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method: Method::GET, url, headers, body, repeat: Repeat::Harmless }
    }

    /// Sends `document` to `url`, which acts.
    pub fn json(method: Method, url: Url, document: &Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { method, url, headers, body: document.to_string().into(), repeat: Repeat::Harmful }
    }

    /// Sends the form of `fields` to `url`, which acts.
    pub fn form(url: Url, fields: &[(String, String)]) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let body = Serializer::new(String::new()).extend_pairs(fields).finish().into();
        Self { method: Method::POST, url, headers, body, repeat: Repeat::Harmful }
    }

    /// The same, which may be asked twice: the other side knows it again.
    #[must_use]
    pub const fn harmless(mut self) -> Self {
        self.repeat = Repeat::Harmless;
        self
    }
}

impl Remote {
    /// The API of `what`, such as `GitHub`, at `base`. Nobody says who is asking yet.
    ///
    /// # Errors
    /// A sentence about TLS settings that cannot be used.
    pub fn new(what: &str, base: &Url, tls: &TlsOptions, host: &Host) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let who = format!("{what} at {}", address(base));
        Ok(Self { who, base: base.clone(), client: host.http.client(tls)?, headers, auth: None })
    }

    /// Sets a header of every question.
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// Sets a header of every question that holds a credential: `prefix` and the secret, such as `Bearer …`.
    ///
    /// # Errors
    /// A sentence where the secret cannot stand in a header.
    pub fn credential(&mut self, name: HeaderName, prefix: &str, secret: &Secret) -> Result<(), String> {
        let value = HeaderValue::from_str(&format!("{prefix}{}", secret.expose()));
        let mut value =
            value.map_err(|_| "it holds characters that a header cannot, such as line ends".to_owned())?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(())
    }

    /// Says who is asking as `auth` has it; tokens are fetched over the same connection settings.
    ///
    /// # Errors
    /// A sentence about a credential that cannot stand in a header.
    pub fn authorize(&mut self, auth: &Auth, vault: &Vault) -> Result<(), String> {
        self.auth = Some(Authorizer::new(auth, vault, &self.client)?);
        Ok(())
    }

    /// Whom it is, for people: `GitHub at api.github.com:443`.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// The address of `parts` below the API's own, each percent-encoded whole, slashes included.
    pub fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        let mut path = url.path().trim_end_matches('/').to_owned();
        for part in parts {
            path.push('/');
            path.extend(percent_encoding::utf8_percent_encode(part, URL_PART));
        }
        url.set_path(&path);
        url
    }

    /// The answer to `question`, whatever its status.
    ///
    /// # Errors
    /// What is known where there is no answer.
    pub async fn ask(&self, question: &Question, allowance: &Allowance<'_>) -> Result<Response, Effect> {
        self.ask_each(question, &|_, _| {}, allowance).await
    }

    /// The same; `each` sets what changes from one attempt to the next, such as a signature over its time.
    ///
    /// # Errors
    /// As [`Remote::ask`].
    pub async fn ask_each(
        &self,
        question: &Question,
        each: &(dyn Fn(Timestamp, &mut Request) + Sync),
        allowance: &Allowance<'_>,
    ) -> Result<Response, Effect> {
        let Some(auth) = &self.auth else { return self.send(question, each, None, allowance).await };
        let host = allowance.host;
        let failed = |error: super::SourceError| Effect::because(ActionStatus::Failed, error.reason);
        let header = auth.header(host).await.map_err(failed)?;
        let answer = self.send(question, each, header.as_ref(), allowance).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        // A token may have been taken back before its time: 401 says that nothing was done.
        match auth.renewed(header.as_ref(), host).await {
            Some(renewed) => self.send(question, each, Some(&renewed.map_err(failed)?), allowance).await,
            None => Ok(answer),
        }
    }

    async fn send(
        &self,
        question: &Question,
        each: &(dyn Fn(Timestamp, &mut Request) + Sync),
        header: Option<&HeaderValue>,
        allowance: &Allowance<'_>,
    ) -> Result<Response, Effect> {
        let mut headers = self.headers.clone();
        headers.extend(question.headers.clone());
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.clone());
        }
        let request = |at| {
            let mut request = Request {
                method: question.method.clone(),
                url: question.url.clone(),
                headers: headers.clone(),
                body: question.body.clone(),
                max_body: MAX_BODY,
            };
            each(at, &mut request);
            request
        };
        let settled = |status: u16| (200..300).contains(&status);
        let sent = deliver(allowance, &*self.client, &request, &settled, question.repeat).await;
        sent.map_err(|mut effect| {
            effect.reason = effect.reason.map(|reason| format!("{}: {reason}", self.who));
            effect
        })
    }

    /// The JSON of an answer of success.
    ///
    /// # Errors
    /// What is wrong with it: its status, with the `hint` for it, or a body that is no JSON, which a sign-in page is.
    pub fn json(&self, answer: &Response, hints: Hints<'_>, redactor: &Redactor) -> Result<Value, Effect> {
        if !(200..300).contains(&answer.status) {
            return Err(self.refused(answer, hints, redactor));
        }
        serde_json::from_slice(&answer.body).map_err(|_| {
            let peer = words::Peer { who: &self.who, key: "url", redactor };
            let seen = peer.glimpse(answer);
            let told = format!("expected JSON from {}, found {} with {seen}", self.who, answer.status);
            Effect { http_status: Some(answer.status), ..Effect::because(ActionStatus::Unknown, told) }
        })
    }

    /// An answer of success, whatever its body says, unless that is a page for people: whoever signs people in answers for
    /// the system, and the system has heard nothing.
    ///
    /// # Errors
    /// What is wrong with it: its status, with the `hint` for it, or a page of HTML.
    pub fn accepted(&self, answer: &Response, hints: Hints<'_>, redactor: &Redactor) -> Result<(), Effect> {
        if !(200..300).contains(&answer.status) {
            return Err(self.refused(answer, hints, redactor));
        }
        let start = answer.body.trim_ascii_start();
        let page = ["<!doctype", "<html"].iter().any(|mark| {
            start.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark.as_bytes()))
        });
        if !page {
            return Ok(());
        }
        let seen = words::Peer { who: &self.who, key: "url", redactor }.glimpse(answer);
        let told = format!(
            "{} answered {} with a page for people, {seen}; is it a sign-in page? check the address",
            self.who, answer.status
        );
        Err(Effect { http_status: Some(answer.status), ..Effect::because(ActionStatus::Unknown, told) })
    }

    /// What a status that is none of success means: the API's own words, and what to do about it.
    pub fn refused(&self, answer: &Response, hints: Hints<'_>, redactor: &Redactor) -> Effect {
        let status = answer.status;
        let peer = words::Peer { who: &self.who, key: "url", redactor };
        let own = said(&answer.body).map(|text| format!("`{}`", line(&text, WORDS, redactor)));
        let own = own.unwrap_or_else(|| peer.glimpse(answer));
        let hint = hints.iter().find(|(known, _)| *known == status).map(|(_, hint)| *hint);
        let hint = match (hint, status) {
            (Some(hint), _) => format!("; {hint}"),
            (None, 300..=399) => {
                let to = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok());
                let to = to.and_then(|to| self.base.join(to).ok()).map(|to| address(&to));
                let to = to.map(|to| format!(" to {to}")).unwrap_or_default();
                format!("; it redirects{to}, which is not followed: give that address")
            }
            (None, 401) => "; check the credential: it may be wrong or expired".to_owned(),
            (None, 403) => "; the credential is known and may not do this".to_owned(),
            (None, 407) => "; a proxy wants credentials".to_owned(),
            (None, 429) => "; it is asked too often".to_owned(),
            (None, 500..) => "; try again when it is well".to_owned(),
            (None, _) => String::new(),
        };
        let reason = format!("{} answered {status} {own}{hint}", self.who);
        Effect {
            http_status: Some(status),
            response: Some(String::from_utf8_lossy(&answer.body).into_owned()).filter(|b| !b.is_empty()),
            ..Effect::because(ActionStatus::Failed, reason)
        }
    }
}

/// What to do about a status, where more can be said than for every API.
pub type Hints<'a> = &'a [(u16, &'a str)];
