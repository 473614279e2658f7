//! Who is asking: the `Authorization` header of requests to an API, for each way that an integration may name. Must
//! not send the requests themselves, only those that fetch a token.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::{SourceError, words as api};
use crate::host::Host;
use crate::host::clock::later;
use crate::host::http::{Http, Request, Response};
use crate::host::secret::Secret;
use crate::host::vault::Vault;
use crate::policy::integration::{Auth, Credential};

/// How long before its end a token is renewed; a fifth of its life where that is less.
const MARGIN: Duration = Duration::from_secs(30);

/// Bytes of a token endpoint's answer.
const MAX_ANSWER: usize = 256 * 1024;

/// Says who is asking.
pub(crate) struct Authorizer {
    way: Way,
    vault: Vault,
}

enum Way {
    None,
    /// Known from the start and the same for every request.
    Fixed(HeaderValue, &'static str),
    BasicFile(String, Credential),
    BearerFile(Credential),
    Exchanged(Box<Exchange>),
}

impl Authorizer {
    /// The authorizer for `auth`; tokens are fetched over `client`.
    ///
    /// # Errors
    /// A sentence about a credential that cannot stand in a header.
    pub(crate) fn new(auth: &Auth, vault: &Vault, client: &Arc<dyn Http>) -> Result<Self, String> {
        let way = match auth {
            Auth::None => Way::None,
            Auth::Basic(user, Credential::Fixed(password)) => {
                Way::Fixed(header("Basic", &vault.basic(user, password))?, "Basic")
            }
            Auth::Basic(user, file) => Way::BasicFile(user.clone(), file.clone()),
            Auth::Bearer(Credential::Fixed(token)) => Way::Fixed(header("Bearer", token)?, "Bearer"),
            Auth::Bearer(file) => Way::BearerFile(file.clone()),
            Auth::OAuth2 { token_url, client_id, client_secret, scopes } => {
                let mut form = Serializer::new(String::new());
                form.append_pair("grant_type", "client_credentials");
                if !scopes.is_empty() {
                    form.append_pair("scope", &scopes.join(" "));
                }
                Way::Exchanged(Box::new(Exchange {
                    client: client.clone(),
                    who: format!("the token endpoint at {}", api::address(token_url)),
                    url: token_url.clone(),
                    form: form.finish().into(),
                    client_id: client_id.clone(),
                    client_secret: client_secret.clone(),
                    state: Mutex::default(),
                }))
            }
        };
        Ok(Self { way, vault: vault.clone() })
    }

    /// The scheme's name, for `render`; `None` when nothing is sent.
    pub(crate) const fn scheme(&self) -> Option<&'static str> {
        match self.way {
            Way::None => None,
            Way::Fixed(_, scheme) => Some(scheme),
            Way::BasicFile(..) => Some("Basic"),
            Way::BearerFile(_) | Way::Exchanged(_) => Some("Bearer"),
        }
    }

    /// The header for a request that is sent now, marked sensitive.
    ///
    /// # Errors
    /// A file that cannot be read, or a token that could not be had.
    pub(crate) async fn header(&self, host: &Host) -> Result<Option<HeaderValue>, SourceError> {
        let made = match &self.way {
            Way::None => return Ok(None),
            Way::Fixed(header, _) => return Ok(Some(header.clone())),
            Way::BasicFile(user, file) => {
                file.now(&self.vault).and_then(|password| header("Basic", &self.vault.basic(user, &password)))
            }
            Way::BearerFile(file) => file.now(&self.vault).and_then(|token| header("Bearer", &token)),
            Way::Exchanged(exchange) => return exchange.token(None, &self.vault, host).await.map(Some),
        };
        made.map(Some).map_err(SourceError::lasting)
    }

    /// Another header, after `refused` was answered with 401; `None` where there can be no other.
    ///
    /// # Errors
    /// As [`Authorizer::header`].
    pub(crate) async fn renewed(
        &self,
        refused: Option<&HeaderValue>,
        host: &Host,
    ) -> Option<Result<HeaderValue, SourceError>> {
        match &self.way {
            Way::Exchanged(exchange) => Some(exchange.token(refused, &self.vault, host).await),
            Way::None | Way::Fixed(..) | Way::BasicFile(..) | Way::BearerFile(_) => None,
        }
    }
}

fn header(scheme: &str, credential: &Secret) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(&format!("{scheme} {}", credential.expose()))
        .map_err(|_| "the credential holds characters that a header cannot, such as line ends".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// OAuth2 client credentials (RFC 6749, 4.4), exchanged for a token that is kept until shortly before its end.
struct Exchange {
    client: Arc<dyn Http>,
    who: String,
    url: Url,
    form: Bytes,
    client_id: String,
    client_secret: Credential,
    /// Held while a token is fetched, so that everybody who needs one waits for the same.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// The last failure, and when it was known: who was waiting then has failed too.
    failure: Option<(Timestamp, SourceError)>,
}

struct Token {
    header: HeaderValue,
    until: Timestamp,
}

/// What a token endpoint answers.
#[derive(Deserialize)]
struct Grant {
    access_token: Option<String>,
    token_type: Option<String>,
    /// Seconds; some servers write it as a text.
    expires_in: Option<serde_json::Value>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Exchange {
    fn peer<'a>(&'a self, host: &'a Host) -> api::Peer<'a> {
        api::Peer { who: &self.who, key: "token_url", redactor: &host.output.redactor }
    }

    async fn token(
        &self,
        refused: Option<&HeaderValue>,
        vault: &Vault,
        host: &Host,
    ) -> Result<HeaderValue, SourceError> {
        let asked = host.clock.now();
        let mut state = self.state.lock().await;
        if let Some(token) = &state.token
            && host.clock.now() < token.until
            && refused != Some(&token.header)
        {
            return Ok(token.header.clone());
        }
        if let Some((at, failure)) = &state.failure
            && *at >= asked
        {
            return Err(failure.clone());
        }
        state.token = None;
        match self.fetch(vault, host).await {
            Ok(token) => {
                let header = token.header.clone();
                state.token = Some(token);
                Ok(header)
            }
            Err(failure) => {
                state.failure = Some((host.clock.now(), failure.clone()));
                Err(failure)
            }
        }
    }

    async fn fetch(&self, vault: &Vault, host: &Host) -> Result<Token, SourceError> {
        let secret = self.client_secret.now(vault).map_err(SourceError::lasting)?;
        // RFC 6749, 2.3.1: both are form-encoded before they are joined.
        let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let encoded = vault.secret(&encode(secret.expose())).map_err(SourceError::lasting)?;
        let basic = vault.basic(&encode(&self.client_id), &encoded);
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(AUTHORIZATION, header("Basic", &basic).map_err(SourceError::lasting)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let request = Request {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body: self.form.clone(),
            max_body: MAX_ANSWER,
        };
        let asked = host.clock.now();
        let sent = self.client.send(request).await;
        let response = sent.map_err(|error| self.peer(host).unanswered(error))?;
        self.read(&response, asked, vault, host)
    }

    fn read(
        &self,
        response: &Response,
        asked: Timestamp,
        vault: &Vault,
        host: &Host,
    ) -> Result<Token, SourceError> {
        let (who, redactor) = (&self.who, &host.output.redactor);
        let grant: Option<Grant> = serde_json::from_slice(&response.body).ok();
        if !(200..300).contains(&response.status) {
            let words = grant.and_then(|grant| {
                let words = [grant.error?, grant.error_description.unwrap_or_default()];
                Some(api::line(&words.join(" "), api::WORDS, redactor))
            });
            return Err(self.peer(host).refused(response, words.as_deref(), host.clock.now()));
        }
        let Some(Grant { access_token: Some(text), token_type, expires_in, .. }) = grant else {
            // What came may hold a token in a form that nobody registered, so none of it is shown.
            return Err(SourceError::lasting(format!(
                "{who} gave no `access_token`; is its `token_url` right?"
            )));
        };
        if let Some(other) = token_type.filter(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            let other = api::line(&other, 40, redactor);
            return Err(SourceError::lasting(format!(
                "expected a bearer token from {who}, found type `{other}`"
            )));
        }
        let refuse =
            |problem| SourceError::lasting(format!("the token from {who} cannot be used: {problem}"));
        let header = vault.secret(&text).and_then(|token| header("Bearer", &token)).map_err(refuse)?;
        Ok(Token { header, until: expiry(asked, expires_in.as_ref()) })
    }
}

/// When a token of which its giver says `expires_in` is to be renewed; without that, a 401 tells.
fn expiry(asked: Timestamp, expires_in: Option<&serde_json::Value>) -> Timestamp {
    let seconds = match expires_in {
        Some(serde_json::Value::String(text)) => text.trim().parse().ok(),
        Some(number) => number.as_f64(),
        None => None,
    };
    let life = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    life.map_or(Timestamp::MAX, |life| later(asked, life - MARGIN.min(life / 5)))
}
