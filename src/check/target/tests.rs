//! The world that the tests of probes run in: loopback servers with scripted answers, a network with scripted
//! faults, certificates; and the tests of what all probes share.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::dial::Authority;
use super::*;
use crate::check::{Kind, RenderCx, Rendered};
use crate::host::env::Env;
use crate::host::net::{Net, Proxy, Stream, SystemNet};
use crate::host::vault::Vault;
use crate::policy::node;
use crate::policy::problem::Problems;
use crate::policy::reader::Reader;
use crate::policy::template::Scope;

/// What becomes of a connection to an address.
#[derive(Clone, Copy)]
pub(in crate::check) enum Fate {
    /// This error of the system.
    Error(i32),
    /// Nothing, ever.
    Hangs,
}

pub(in crate::check) const REFUSED: Fate = Fate::Error(111);
pub(in crate::check) const UNREACHABLE: Fate = Fate::Error(101);

/// The real network with a resolver of the test's own and scripted faults.
#[derive(Default)]
pub(in crate::check) struct FakeNet {
    names: BTreeMap<&'static str, Vec<SocketAddr>>,
    fates: BTreeMap<SocketAddr, Fate>,
    env: Env,
}

impl FakeNet {
    pub(in crate::check) fn name(mut self, name: &'static str, addresses: &[SocketAddr]) -> Self {
        self.names.insert(name, addresses.to_vec());
        self
    }

    pub(in crate::check) fn fate(mut self, address: SocketAddr, fate: Fate) -> Self {
        self.fates.insert(address, fate);
        self
    }

    pub(in crate::check) fn env(mut self, vars: &[(&str, String)]) -> Self {
        self.env = vars.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        self
    }

    pub(in crate::check) fn host(self) -> Host {
        let env = Arc::new(self.env.clone());
        Host { net: Arc::new(self), env, ..Host::system() }
    }
}

impl Net for FakeNet {
    fn lookup<'a>(&'a self, host: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        if host == "slow" {
            return Box::pin(std::future::pending());
        }
        let unknown = "failed to lookup address information: Name or service not known";
        let found = self.names.get(host).cloned().ok_or_else(|| io::Error::other(unknown));
        Box::pin(async { found })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        match self.fates.get(&address) {
            Some(Fate::Error(number)) => {
                let error = io::Error::from_raw_os_error(*number);
                Box::pin(async { Err(error) })
            }
            Some(Fate::Hangs) => Box::pin(std::future::pending()),
            None => Box::pin(async move { SystemNet::new(&Env::default()).connect(address).await }),
        }
    }

    fn proxy_for(&self, url: &Uri) -> Option<Proxy> {
        SystemNet::new(&self.env).proxy_for(url)
    }
}

pub(in crate::check) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// What a server does with a connection.
#[derive(Clone)]
pub(in crate::check) enum Play {
    /// Reads a request, answers this and closes.
    Answer(Vec<u8>),
    /// Reads a request, answers this and keeps the connection open.
    AnswerAndWait(Vec<u8>),
    /// Reads a request and resets the connection.
    Reset,
    /// Writes this again and again until the peer has gone.
    Endless(Vec<u8>),
}

pub(in crate::check) fn answer(text: &str) -> Play {
    Play::Answer(text.as_bytes().to_vec())
}

/// A server that plays one play a connection, in order, and keeps the requests.
pub(in crate::check) struct Server {
    pub(in crate::check) port: u16,
    played: tokio::task::JoinHandle<Vec<String>>,
}

impl Server {
    pub(in crate::check) async fn start(plays: impl IntoIterator<Item = Play>) -> Self {
        Self::with(plays, None).await
    }

    pub(in crate::check) async fn tls(plays: impl IntoIterator<Item = Play>, acceptor: TlsAcceptor) -> Self {
        Self::with(plays, Some(acceptor)).await
    }

    async fn with(plays: impl IntoIterator<Item = Play>, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(local(0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plays: Vec<Play> = plays.into_iter().collect();
        let played = tokio::spawn(async move {
            let mut requests = Vec::new();
            for play in plays {
                let (stream, _) = listener.accept().await.unwrap();
                let request = match &acceptor {
                    None => perform(stream, play).await,
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => perform(stream, play).await,
                        Err(_) => String::new(),
                    },
                };
                requests.push(request);
            }
            requests
        });
        Self { port, played }
    }

    /// The requests, once every play has been played.
    pub(in crate::check) async fn requests(self) -> Vec<String> {
        self.played.await.unwrap()
    }
}

/// Reads a head and the body that its `content-length` announces.
async fn request(stream: &mut (impl Stream + ?Sized)) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|count| count == 1) {
        read.push(byte[0]);
    }
    let head = String::from_utf8(read).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    let _ = stream.read_exact(&mut body).await;
    head + &String::from_utf8(body).unwrap()
}

async fn perform<S: Stream + 'static>(mut stream: S, play: Play) -> String {
    let request = request(&mut stream).await;
    match play {
        Play::Answer(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            // The peer's end is waited for, so that bytes it has not read are not reset away.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        Play::AnswerAndWait(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        Play::Reset => {
            let any: &dyn std::any::Any = &stream;
            any.downcast_ref::<TcpStream>().unwrap().set_zero_linger().unwrap();
        }
        Play::Endless(bytes) => while stream.write_all(&bytes).await.is_ok() {},
    }
    request
}

/// A port at which nobody listens.
pub(in crate::check) async fn closed_port() -> u16 {
    TcpListener::bind(local(0)).await.unwrap().local_addr().unwrap().port()
}

/// A certificate for `names` that ends with the year `until`: what a server needs, and its PEM.
pub(in crate::check) fn certificate(names: &[&str], until: i32) -> (TlsAcceptor, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.not_after = rcgen::date_time_ymd(until, 12, 31);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.unwrap().with_no_client_auth().with_single_cert(vec![made.der().clone()], private);
    (TlsAcceptor::from(Arc::new(config.unwrap())), made.pem())
}

/// The check that `yaml` says, rendered with `vars`; or what is wrong with it.
pub(in crate::check) fn render_in(
    kind: &dyn Kind,
    yaml: &str,
    vars: &[(&str, &str)],
    host: &Host,
) -> Result<Rendered, Vec<String>> {
    let mut problems = Problems::default();
    let node = node::parse(0, yaml).map_err(|problem| vec![problem.message])?;
    let spec =
        Reader::open(&node, "a check", &[kind.fields()], &mut problems).and_then(|mut r| kind.parse(&mut r));
    let mut scope = Scope::default();
    for (name, value) in vars {
        scope.set(name, value);
    }
    let vault = Vault::new(host.clone(), None);
    let anchor = host.clock.now();
    let cx = RenderCx {
        scope: &scope,
        deployed_at: anchor,
        interval: Duration::from_secs(15),
        anchor: None,
        gate: crate::check::OfGate::default(),
        rhythm: &std::sync::Arc::default(),
        sources: &BTreeMap::new(),
        vault: &vault,
    };
    let early = !problems.is_empty();
    let rendered = spec.and_then(|spec| spec.render(&cx, &mut problems));
    let shown = |p: &crate::policy::problem::Problem| {
        let place = p.place.map(|place| yaml[place.range()].to_owned()).unwrap_or_default();
        let when = if early { "" } else { "when rendered: " };
        format!("{when}{} @ {}", p.message, place.lines().next().unwrap_or_default())
    };
    let told: Vec<String> = problems.sorted().into_iter().map(shown).collect();
    match rendered {
        Some(rendered) if told.is_empty() => Ok(rendered),
        _ => Err(told),
    }
}

/// One measurement of what `yaml` says.
pub(in crate::check) async fn measured(kind: &dyn Kind, yaml: &str, host: &Host) -> Reading {
    let rendered = render_in(kind, yaml, &[], host).unwrap();
    rendered.probe.measure(host.clock.now(), host).await
}

/// The words of a reading that is unmet.
#[track_caller]
pub(in crate::check) fn unmet(reading: &Reading) -> &str {
    match &reading.seen {
        Seen::Unmet(text) => text,
        other => panic!("expected unmet, found {other:?}"),
    }
}

/// The words of a reading that failed.
#[track_caller]
pub(in crate::check) fn failed(reading: &Reading) -> &str {
    match &reading.seen {
        Seen::Failed(text) => text,
        other => panic!("expected failed, found {other:?}"),
    }
}

/// The words of a reading that is met.
#[track_caller]
pub(in crate::check) fn met(reading: &Reading) -> &str {
    match &reading.seen {
        Seen::Met(text) => text,
        other => panic!("expected met, found {other:?}"),
    }
}

struct Dialling(Authority, Pace, AtomicU32);

impl Attempt for Dialling {
    fn pace(&self) -> &Pace {
        &self.1
    }

    fn attempt<'a>(&'a self, trace: &'a mut Trace, host: &'a Host) -> BoxFuture<'a, Result<String, Fault>> {
        Box::pin(async move {
            self.2.fetch_add(1, Ordering::Relaxed);
            dial::dial(&self.0, trace, host).await.map(|_| "connected".to_owned())
        })
    }
}

async fn dialled(name: &str, net: FakeNet) -> Reading {
    dialled_within(Duration::from_millis(50), name, net).await
}

async fn dialled_within(timeout: Duration, name: &str, net: FakeNet) -> Reading {
    let pace = Pace { timeout, retries: 0, retry_delay: Duration::ZERO };
    let probe = Dialling(Authority::new(name, 80).unwrap(), pace, AtomicU32::new(0));
    measure(&probe, &net.host()).await
}

const FIRST: &str = "[2001:db8::1]:80";
const SECOND: &str = "192.0.2.1:80";

fn pair(first: Fate, second: Fate) -> FakeNet {
    let (a, b) = (FIRST.parse().unwrap(), SECOND.parse().unwrap());
    FakeNet::default().name("shop", &[a, b]).fate(a, first).fate(b, second)
}

#[tokio::test]
async fn what_this_machine_cannot_do_is_never_the_targets_fault() {
    for (number, expected) in [
        (101, "connect: no route to 192.0.2.1:80 from here: network is unreachable"),
        (113, "connect: no route to 192.0.2.1:80 from here: no route to host"),
        (
            24,
            "connect: no file descriptor is left on this machine; raise `ulimit -n` or lower `--concurrency`",
        ),
        (
            23,
            "connect: no file descriptor is left on this machine; raise `ulimit -n` or lower `--concurrency`",
        ),
        (99, "connect: 192.0.2.1:80 cannot be asked from here: cannot assign requested address"),
        (1, "connect: 192.0.2.1:80 cannot be asked from here: operation not permitted"),
        (97, "connect: 192.0.2.1:80 cannot be asked from here: address family not supported by protocol"),
    ] {
        let net = FakeNet::default().fate(SECOND.parse().unwrap(), Fate::Error(number));
        assert_eq!(failed(&dialled("192.0.2.1", net).await), expected);
    }
    for (number, expected) in [
        (111, "connect: connection refused by 192.0.2.1:80"),
        (104, "connect: connection reset by 192.0.2.1:80"),
        (110, "connect: time-out at 192.0.2.1:80"),
    ] {
        let net = FakeNet::default().fate(SECOND.parse().unwrap(), Fate::Error(number));
        assert_eq!(unmet(&dialled("192.0.2.1", net).await), expected);
    }
}

#[tokio::test]
async fn names_that_do_not_resolve_are_never_the_targets_fault() {
    let none = dialled("shop", FakeNet::default()).await;
    assert_eq!(failed(&none), "`shop` does not resolve: name or service not known");
    assert!(none.phases.unwrap().dns.is_some());
    assert_eq!(failed(&dialled("shop", FakeNet::default().name("shop", &[])).await), "`shop` has no address");
    let slow = dialled("slow", FakeNet::default()).await;
    assert_eq!(failed(&slow), "time-out after 50ms looking up the name");
}

#[tokio::test]
async fn every_address_is_tried() {
    let refused = dialled("shop", pair(UNREACHABLE, REFUSED)).await;
    assert_eq!(unmet(&refused), "connect: connection refused by 192.0.2.1:80");
    let refused = dialled("shop", pair(REFUSED, UNREACHABLE)).await;
    assert_eq!(unmet(&refused), "connect: connection refused by [2001:db8::1]:80");
    failed(&dialled("shop", pair(UNREACHABLE, UNREACHABLE)).await);
    let hanging = dialled("shop", pair(REFUSED, Fate::Hangs)).await;
    assert_eq!(unmet(&hanging), "time-out after 50ms connecting to 192.0.2.1:80");
    let refused = dialled("shop", pair(Fate::Hangs, REFUSED)).await;
    assert_eq!(unmet(&refused), "connect: connection refused by 192.0.2.1:80");

    let server = Server::start(vec![answer(""); 3]).await;
    let dead = FIRST.parse().unwrap();
    for fate in [REFUSED, UNREACHABLE, Fate::Hangs] {
        let net = FakeNet::default().name("shop", &[dead, local(server.port)]).fate(dead, fate);
        // A real server on a busy machine takes its time.
        let reading = dialled_within(Duration::from_secs(2), "shop", net).await;
        assert_eq!(met(&reading), "connected");
        let phases = reading.phases.unwrap();
        assert!(
            phases.dns.is_some() && phases.tcp.is_some() && phases.total.is_some() && phases.tls.is_none()
        );
    }
}

#[tokio::test]
async fn every_retry_is_an_attempt_and_is_budgeted_for() {
    let pace = Pace { timeout: Duration::from_secs(10), retries: 2, retry_delay: Duration::from_millis(1) };
    assert_eq!(pace.budget(), Duration::from_millis(30_002));
    let most = Pace { retries: u32::MAX, ..pace };
    assert!(most.budget() > Duration::from_secs(1_000_000));
    for fate in [REFUSED, UNREACHABLE] {
        let probe = Dialling(Authority::new("192.0.2.1", 80).unwrap(), pace, AtomicU32::new(0));
        let host = FakeNet::default().fate(SECOND.parse().unwrap(), fate).host();
        assert_eq!(measure(&probe, &host).await.attempts, 3);
        assert_eq!(probe.2.load(Ordering::Relaxed), 3);
    }
}

#[test]
fn authorities_are_hosts_and_nothing_else() {
    for (text, shown) in
        [("shop", "shop:80"), ("::1", "[::1]:80"), ("[::1]", "[::1]:80"), ("10.0.0.1", "10.0.0.1:80")]
    {
        let authority = Authority::new(text, 80).unwrap();
        assert_eq!(authority.to_string(), shown);
        assert!(!authority.name().contains('['));
    }
    for text in ["", "http://shop", "shop:80", "a b", "shop/x", "user@shop", "[::1"] {
        assert_eq!(Authority::new(text, 80), None, "{text}");
    }
}
