//! Look-up and connection: every address in turn, and what each way of failing says. Must not speak any protocol.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::{Fault, Stage, Trace};
use crate::host::Host;
use crate::host::net::{Net, Stream};
use crate::policy::problem::{Place, Problem};

/// Whom to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::check) struct Authority {
    /// A name or an address.
    pub(in crate::check) host: url::Host<String>,
    /// The port.
    pub(in crate::check) port: u16,
}

impl Authority {
    /// The authority of `host`, a name or an address with or without brackets, and `port`.
    pub(in crate::check) fn new(host: &str, port: u16) -> Option<Self> {
        // An IPv6 address may stand without the brackets that only a port needs.
        let host = match host.parse() {
            Ok(address) => url::Host::Ipv6(address),
            Err(_) => url::Host::parse(host).ok()?,
        };
        Some(Self { host, port })
    }

    /// The same for what a policy says.
    pub(in crate::check) fn read(host: &str, port: u16, place: Place) -> Result<Self, Problem> {
        Self::new(host, port).ok_or_else(|| {
            let shown = crate::policy::node::shorten(host);
            let problem =
                Problem::at(place, format!("expected a host name or an IP address, found `{shown}`"));
            problem.maybe_help(
                host.contains([':', '/']).then(|| "scheme, port and path do not belong here".into()),
            )
        })
    }

    /// The host without the brackets of an IPv6 address, as resolvers and certificates have it.
    pub(in crate::check) fn name(&self) -> String {
        self.host.to_string().trim_matches(['[', ']']).to_owned()
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A fresh connection to `to`. Addresses are tried in the resolver's order; each but the last gets its share of
/// the time that is left, so that one dead route does not hide an address that answers.
pub(in crate::check) async fn dial(
    to: &Authority,
    trace: &mut Trace,
    host: &Host,
) -> Result<Box<dyn Stream>, Fault> {
    let net = host.net.as_ref();
    let addresses = addresses(to, trace, net).await?;
    trace.enter(Stage::Connect);
    let mut fault: Option<Fault> = None;
    let mut remaining = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        trace.peer = Some(address);
        let connecting = net.connect(address);
        let ended = if remaining == 1 {
            connecting.await
        } else {
            let ended = host.clock.timeout(trace.left() / remaining, connecting).await;
            ended.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
        };
        match ended {
            Ok(stream) => {
                trace.phases.tcp = Some(trace.lap());
                return Ok(stream);
            }
            // One address that says no outweighs another that could not be asked.
            Err(error) => match (connect_fault(&error, address), &fault) {
                (Fault::Failed(_), Some(Fault::Unmet(_))) => {}
                (newer, _) => fault = Some(newer),
            },
        }
        remaining -= 1;
    }
    Err(fault.unwrap_or_else(|| Fault::Failed(format!("`{}` has no address", to.host))))
}

async fn addresses(to: &Authority, trace: &mut Trace, net: &dyn Net) -> Result<Vec<SocketAddr>, Fault> {
    let name = match &to.host {
        url::Host::Ipv4(ip) => return Ok(vec![SocketAddr::from((*ip, to.port))]),
        url::Host::Ipv6(ip) => return Ok(vec![SocketAddr::from((*ip, to.port))]),
        url::Host::Domain(name) => name,
    };
    trace.enter(Stage::LookUp);
    let found = net.lookup(name, to.port).await;
    trace.phases.dns = Some(trace.lap());
    found.map_err(|error| Fault::Failed(format!("`{name}` does not resolve: {}", words(&error))))
}

fn connect_fault(error: &io::Error, peer: SocketAddr) -> Fault {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Fault::Unmet(format!("connect: connection refused by {peer}")),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
            Fault::Unmet(format!("connect: connection reset by {peer}"))
        }
        Kind::TimedOut => Fault::Unmet(format!("connect: time-out at {peer}")),
        Kind::NetworkUnreachable | Kind::HostUnreachable | Kind::NetworkDown => {
            Fault::Failed(format!("connect: no route to {peer} from here: {}", words(error)))
        }
        // EMFILE and ENFILE have no kind of their own; their numbers are the same on every Unix.
        _ if matches!(error.raw_os_error(), Some(23 | 24)) => Fault::Failed(
            "connect: no file descriptor is left on this machine; raise `ulimit -n` or lower `--concurrency`"
                .into(),
        ),
        // What is not known to be the target's doing is never held against it.
        _ => Fault::Failed(format!("connect: {peer} cannot be asked from here: {}", words(error))),
    }
}

/// An error of the system without its number.
pub(in crate::check) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let text = text.trim_start_matches("failed to lookup address information: ");
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    format!("{first}{}", characters.as_str())
}

/// How a connection ended that had been made.
pub(in crate::check) fn ending(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionReset | Kind::BrokenPipe | Kind::ConnectionAborted => {
            "connection reset by the peer".to_owned()
        }
        Kind::UnexpectedEof => "connection closed by the peer".to_owned(),
        _ => words(error),
    }
}
