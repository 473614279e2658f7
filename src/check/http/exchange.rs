//! One request and its answer over one fresh connection: direct, through a proxy, plain or over TLS. Must not
//! judge the answer and must not follow it anywhere.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, select};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::expect::Body;
use crate::check::target::dial::{Authority, dial, ending};
use crate::check::target::secure::Secure;
use crate::check::target::{Fault, Stage, Trace};
use crate::host::Host;
use crate::host::clock::Clock;
use crate::host::net::{Proxy, Stream};

/// Lines that a server may put into its answer's head.
const MAX_HEADERS: usize = 512;

/// One request of an attempt.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    /// GET, POST, …
    pub(super) method: Method,
    /// Where to, without user and fragment.
    pub(super) url: url::Url,
    /// What is sent beside what [`Hop::request`] adds.
    pub(super) headers: HeaderMap,
    /// The body; empty for none.
    pub(super) body: Bytes,
    /// Whether it is the one that the policy names, or where that has led.
    pub(super) first: bool,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    /// Where it leads.
    pub(super) location: Option<String>,
    /// The body as far as it was wanted; `None` when it was not.
    pub(super) body: Option<Body>,
    /// The proxy that may have answered instead of the target.
    pub(super) proxy: Option<String>,
}

impl Hop {
    /// Whom it asks.
    pub(super) fn authority(&self) -> Option<Authority> {
        Some(Authority { host: self.url.host()?.to_owned(), port: self.url.port_or_known_default()? })
    }

    /// The request as it is sent, in absolute form for a proxy.
    pub(super) fn request(&self, absolute: bool) -> Result<Request<Full<Bytes>>, http::Error> {
        let path = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let whole = &self.url[..url::Position::AfterQuery];
        let mut request = Request::builder()
            .method(&self.method)
            .uri(if absolute { whole } else { path })
            .body(Full::new(self.body.clone()))?;
        let headers = request.headers_mut();
        *headers = self.headers.clone();
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let defaults = [
            (http::header::HOST, host),
            (http::header::USER_AGENT, concat!("rollgate/", env!("CARGO_PKG_VERSION"))),
            (http::header::ACCEPT, "*/*"),
            (http::header::CONNECTION, "close"),
        ];
        for (name, value) in defaults {
            if !headers.contains_key(&name) {
                headers.insert(name, value.parse()?);
            }
        }
        Ok(request)
    }
}

/// How much is wanted of an answer's body.
pub(super) trait Wanted: Sync {
    /// Bytes of the body of an answer with this status; `None` where it is not wanted at all.
    fn body(&self, status: u16, location: bool) -> Option<usize>;
}

/// Sends `hop` and reads the answer as far as it is `wanted`.
pub(super) async fn send(
    hop: &Hop,
    secure: &Secure,
    wanted: &dyn Wanted,
    trace: &mut Trace,
    host: &Host,
) -> Result<Answer, Fault> {
    let unsendable = |reason: String| Fault::Failed(format!("`{}` cannot be asked: {reason}", hop.url));
    let to = hop.authority().ok_or_else(|| unsendable("it has no host".to_owned()))?;
    let uri: Uri = hop.url.as_str().parse().map_err(|error| unsendable(format!("{error}")))?;
    let tls = hop.url.scheme() == "https";
    let proxy = host.net.proxy_for(&uri);
    let mut request = hop.request(proxy.is_some() && !tls).map_err(|error| unsendable(error.to_string()))?;
    let stream = match &proxy {
        None => dial(&to, trace, host).await?,
        Some(proxy) => {
            let stream = reach(proxy, trace, host).await?;
            if tls {
                tunnel(proxy, stream, &to, trace).await?
            } else {
                if let Some(basic) = &proxy.basic {
                    request.headers_mut().insert(http::header::PROXY_AUTHORIZATION, basic.clone());
                }
                stream
            }
        }
    };
    trace.proxy = None;
    let stream = if tls { secure.shake(stream, &to, hop.first, trace, host).await? } else { stream };
    let asked = ask(request, stream, wanted, trace).await;
    // A forward proxy is the peer: what it breaks off or garbles cannot be held against the target behind it.
    let mut answer = asked.map_err(|fault| match (&proxy, fault) {
        (Some(proxy), Fault::Unmet(reason)) if !tls => {
            Fault::Failed(format!("proxy `{}:{}`: {reason}", proxy.host, proxy.port))
        }
        (_, fault) => fault,
    })?;
    answer.proxy = proxy.filter(|_| !tls).map(|proxy| format!("{}:{}", proxy.host, proxy.port));
    Ok(answer)
}

/// A connection to `proxy`.
async fn reach(proxy: &Proxy, trace: &mut Trace, host: &Host) -> Result<Box<dyn Stream>, Fault> {
    let name = format!("{}:{}", proxy.host, proxy.port);
    let failed = |reason: String| Fault::Failed(format!("proxy `{name}`: {reason}"));
    if proxy.scheme != "http" {
        return Err(failed(format!(
            "expected an `http://` one, found `{}://`; name the target in `NO_PROXY` to ask it directly",
            proxy.scheme
        )));
    }
    let to =
        Authority::new(&proxy.host, proxy.port).ok_or_else(|| failed("it has no usable host".to_owned()))?;
    trace.proxy = Some(name.clone());
    dial(&to, trace, host).await.map_err(|fault| failed(fault.to_string()))
}

/// A tunnel to `to` through `proxy`.
async fn tunnel(
    proxy: &Proxy,
    stream: Box<dyn Stream>,
    to: &Authority,
    trace: &mut Trace,
) -> Result<Box<dyn Stream>, Fault> {
    let failed = |reason: String| Fault::Failed(format!("proxy `{}:{}`: {reason}", proxy.host, proxy.port));
    trace.enter(Stage::Tunnel);
    let mut request = Request::connect(to.to_string()).header(http::header::HOST, to.to_string());
    if let Some(basic) = &proxy.basic {
        request = request.header(http::header::PROXY_AUTHORIZATION, basic);
    }
    let request = request.body(Full::<Bytes>::default()).map_err(|error| failed(error.to_string()))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(broken(&error)))?;
    let work: BoxFuture<'_, Result<_, Fault>> = Box::pin(async {
        let answer = sender.send_request(request).await.map_err(|error| failed(broken(&error)))?;
        let status = answer.status();
        if !status.is_success() {
            let hint = if status.as_u16() == 407 { ": it asks for a password" } else { "" };
            return Err(failed(format!("it answers {} to CONNECT `{to}`{hint}", status.as_u16())));
        }
        hyper::upgrade::on(answer).await.map_err(|error| failed(broken(&error)))
    });
    let upgraded = drive(work, connection.with_upgrades()).await?;
    Ok(Box::new(TokioIo::new(upgraded)))
}

/// Sends `request` over `stream` and reads what is wanted of the answer.
async fn ask(
    request: Request<Full<Bytes>>,
    stream: Box<dyn Stream>,
    wanted: &dyn Wanted,
    trace: &mut Trace,
) -> Result<Answer, Fault> {
    trace.enter(Stage::Answer);
    let watched = Watched { inner: stream, clock: trace.clock.clone(), first: trace.first_byte.clone() };
    let began = trace.first_byte.clone();
    let unmet = |error: &hyper::Error| {
        let at = if began.get().is_some() { "answer" } else { "first byte" };
        Fault::Unmet(format!("{at}: {}", broken(error)))
    };
    let mut builder = http1::Builder::new();
    builder.max_headers(MAX_HEADERS);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(watched)).await.map_err(|error| unmet(&error))?;
    let work: BoxFuture<'_, Result<_, Fault>> = Box::pin(async {
        let answer = sender.send_request(request).await.map_err(|error| unmet(&error))?;
        let status = answer.status().as_u16();
        let location = answer.headers().get(http::header::LOCATION);
        let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let body = match wanted.body(status, location.is_some()) {
            None => None,
            Some(limit) => Some(read(answer.into_body(), limit).await.map_err(|error| unmet(&error))?),
        };
        Ok(Answer { status, location, body, proxy: None })
    });
    drive(work, connection).await
}

/// The output of `work`, which needs `connection` to be polled beside it. No task is spawned, so that nothing
/// outlives an attempt whose time has run out.
async fn drive<T>(work: BoxFuture<'_, T>, connection: impl Future + Send) -> T {
    let connection: BoxFuture<'_, ()> = Box::pin(connection.map(drop));
    match select(work, connection).await {
        Either::Left((output, _)) => output,
        // What the connection ended with reaches the work through its channel.
        Either::Right(((), work)) => work.await,
    }
}

async fn read(mut body: Incoming, limit: usize) -> Result<Body, hyper::Error> {
    let mut read = Body::default();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = limit - read.bytes.len();
        read.bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            read.cut = true;
            break;
        }
    }
    Ok(read)
}

/// What went wrong on a connection that stood, in words one can act on.
fn broken(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    if let Some(cause) = cause {
        return ending(cause);
    }
    if error.is_incomplete_message() {
        "connection closed before the answer was complete".to_owned()
    } else if error.is_parse() {
        format!("the answer cannot be read as HTTP/1.1: {error}")
    } else {
        error.to_string()
    }
}

/// Notes when the first byte is read.
struct Watched {
    inner: Box<dyn Stream>,
    clock: Arc<dyn Clock>,
    first: Arc<OnceLock<Timestamp>>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.first.get_or_init(|| self.clock.now());
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
