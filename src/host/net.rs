//! Names and connections for probes: a fresh look-up and a fresh connection each time, since keep-alive would pin
//! one pod. Must not know HTTP or TLS; those are spoken over the stream by whoever asked for it.

use std::io;
use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncRead, AsyncWrite};

use super::env::Env;

/// A byte stream to a peer.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a probe may ask of the network. There are no time-outs here: the caller owns the clock.
pub trait Net: Send + Sync {
    /// The addresses of `host`, in the resolver's order; an `Err` means that the name does not resolve.
    fn lookup<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

    /// A new connection to `address`.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Stream>>>;

    /// The proxy through which `url` is to be asked.
    fn proxy_for(&self, url: &Uri) -> Option<Proxy> {
        let _ = url;
        None
    }
}

/// A proxy that the environment names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to: `http`, `https`, `socks5`, …
    pub scheme: String,
    /// Its host; an IPv6 address stands without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What to send as `Proxy-Authorization`, marked sensitive.
    pub basic: Option<HeaderValue>,
}

/// The system's resolver and sockets, and the proxies of the environment.
pub struct SystemNet {
    proxies: Matcher,
}

impl SystemNet {
    /// The network with the proxies that `env` names, in capitals or not, as curl reads them.
    pub fn new(env: &Env) -> Self {
        let get =
            |upper: &str, lower: &str| env.get(upper).or_else(|| env.get(lower)).unwrap_or("").to_owned();
        // Where requests come in as environment variables, `HTTP_PROXY` is a header of whoever sent one.
        if env.get("REQUEST_METHOD").is_some() {
            return Self { proxies: Matcher::builder().build() };
        }
        let proxies = Matcher::builder()
            .all(get("ALL_PROXY", "all_proxy"))
            .http(get("HTTP_PROXY", "http_proxy"))
            .https(get("HTTPS_PROXY", "https_proxy"))
            .no(get("NO_PROXY", "no_proxy"));
        Self { proxies: proxies.build() }
    }
}

impl Net for SystemNet {
    #[expect(clippy::disallowed_methods, reason = "this is the network")]
    fn lookup<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }

    #[expect(clippy::disallowed_methods, reason = "this is the network")]
    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn proxy_for(&self, url: &Uri) -> Option<Proxy> {
        let found = self.proxies.intercept(url)?;
        let scheme = found.uri().scheme_str().unwrap_or("http").to_owned();
        let usual = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => 1080,
        };
        Some(Proxy {
            host: found.uri().host()?.trim_matches(['[', ']']).to_owned(),
            port: found.uri().port_u16().unwrap_or(usual),
            basic: found.basic_auth().cloned(),
            scheme,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(vars: &[(&str, &str)], url: &'static str) -> Option<String> {
        let env: Env = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let proxy = SystemNet::new(&env).proxy_for(&Uri::from_static(url))?;
        let basic = proxy.basic.as_ref().map(|b| format!(" {}", b.to_str().unwrap())).unwrap_or_default();
        assert!(!format!("{proxy:?}").contains("Basic"), "a credential is never shown");
        Some(format!("{}://{}:{}{basic}", proxy.scheme, proxy.host, proxy.port))
    }

    #[test]
    fn proxies_are_those_of_the_environment() {
        let both =
            [("HTTP_PROXY", "http://p:3128"), ("https_proxy", "q:8080"), ("NO_PROXY", ".local,10.0.0.0/8")];
        assert_eq!(proxy(&both, "http://shop/").as_deref(), Some("http://p:3128"));
        assert_eq!(proxy(&both, "https://shop/").as_deref(), Some("http://q:8080"));
        assert_eq!(proxy(&both, "http://shop.local/"), None);
        assert_eq!(proxy(&both, "https://10.1.2.3/"), None);
        let all = [("ALL_PROXY", "http://u:p@[::1]")];
        assert_eq!(proxy(&all, "https://shop/").as_deref(), Some("http://::1:80 Basic dTpw"));
        assert_eq!(proxy(&[("all_proxy", "socks5://s")], "http://h/").as_deref(), Some("socks5://s:1080"));
        assert_eq!(proxy(&[], "http://shop/"), None);
        let cgi = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://evil")];
        assert_eq!(proxy(&cgi, "http://shop/"), None);
    }
}
