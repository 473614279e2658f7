//! The HTTP client for APIs (metric sources, webhooks, trackers): connections are reused, redirects are not
//! followed, bodies are bounded. Must not judge an answer, and must not time out: the caller owns the clock.
//! HTTP *checks* do not use it; they speak over [`super::net::Net`] to tell their phases apart.

use std::error::Error as _;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use url::Url;

use super::env::Env;
use super::tls::{self, TlsOptions};

/// What is percent-encoded in one part of a URL: all but RFC 3986's unreserved characters.
pub const URL_PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request to an API.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, POST, …
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers, credentials included and marked sensitive.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// Bytes of the answer's body, decompressed, beyond which it is an [`HttpError::TooLarge`].
    pub max_body: usize,
}

/// An API's answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole, decompressed.
    pub body: Bytes,
}

/// Why there is no answer. The text is for people and holds neither URL nor credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpError {
    /// Nothing was sent: the name did not resolve, the connection was refused, the handshake failed.
    Connect(String),
    /// The answer's body was larger than `max_body` bytes.
    TooLarge(usize),
    /// The request may have been received: the connection broke after it was sent, or the answer was cut.
    Broken(String),
}

/// Sends requests; clones of one client share its connections.
pub trait Http: Send + Sync {
    /// Sends `request` and reads the whole answer.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>>;
}

/// Builds clients.
pub trait HttpClients: Send + Sync {
    /// A client with its own TLS settings.
    ///
    /// # Errors
    /// A sentence about the CA file, certificate or key that cannot be used.
    fn client(&self, tls: &TlsOptions) -> Result<Arc<dyn Http>, String>;
}

/// The system's HTTP, on reqwest and rustls; proxies come from the environment.
pub struct SystemHttp {
    env: Arc<Env>,
}

impl SystemHttp {
    /// HTTP with the proxies that `env` names.
    pub const fn new(env: Arc<Env>) -> Self {
        Self { env }
    }
}

impl HttpClients for SystemHttp {
    fn client(&self, options: &TlsOptions) -> Result<Arc<dyn Http>, String> {
        let client = SystemClient {
            options: options.clone(),
            env: self.env.clone(),
            plain: OnceLock::new(),
            secure: OnceLock::new(),
        };
        if *options != TlsOptions::default() {
            // Files that the policy names are read now, so that a wrong one is a fault before anything is measured.
            client.secure()?;
        }
        Ok(Arc::new(client))
    }
}

struct SystemClient {
    options: TlsOptions,
    env: Arc<Env>,
    /// For `http:` URLs: knows no roots, since reading them takes longer than asking.
    plain: OnceLock<Result<reqwest::Client, String>>,
    secure: OnceLock<Result<reqwest::Client, String>>,
}

impl SystemClient {
    fn secure(&self) -> Result<reqwest::Client, String> {
        self.secure.get_or_init(|| build(tls::client_config(&self.options, &self.env)?)).clone()
    }

    fn for_url(&self, url: &Url) -> Result<reqwest::Client, String> {
        let proxied = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
        if url.scheme() == "http" && proxied.iter().all(|name| self.env.get(name).is_none()) {
            return self.plain.get_or_init(|| build(tls::without_roots())).clone();
        }
        self.secure()
    }
}

#[expect(clippy::disallowed_methods, reason = "clients are built here")]
fn build(config: rustls::ClientConfig) -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("rollgate/", env!("CARGO_PKG_VERSION")))
        .tcp_nodelay(true)
        .build()
        .map_err(|error| format!("no HTTP client can be built: {}", causes(&error)))
}

impl Http for SystemClient {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        Box::pin(async move {
            let client = self.for_url(&request.url).map_err(HttpError::Connect)?;
            let sent =
                client.request(request.method, request.url).headers(request.headers).body(request.body);
            let mut answer = sent.send().await.map_err(|error| {
                let text = causes(&error);
                if error.is_connect() { HttpError::Connect(text) } else { HttpError::Broken(text) }
            })?;
            let status = answer.status().as_u16();
            let headers = std::mem::take(answer.headers_mut());
            let mut body = BytesMut::new();
            while let Some(chunk) = answer.chunk().await.map_err(|e| HttpError::Broken(causes(&e)))? {
                if body.len() + chunk.len() > request.max_body {
                    return Err(HttpError::TooLarge(request.max_body));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Response { status, headers, body: body.freeze() })
        })
    }
}

/// The innermost cause of an error, which says what happened; the outer ones only say that something did.
fn causes(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    if error.source().is_none() { "the request could not be sent".to_owned() } else { innermost.to_string() }
}
