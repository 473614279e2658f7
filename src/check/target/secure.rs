//! TLS for probes: its fields, one configuration a probe, and a handshake that remembers when the certificates it
//! was shown expire, accepted or not. Must not read roots before a handshake needs them.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::dial::{Authority, ending};
use super::fields::{checked, early, typed};
use super::{Fault, Stage, Trace};
use crate::host::Host;
use crate::host::env::Env;
use crate::host::net::Stream;
use crate::host::tls::{TlsOptions, config_with, verifier};
use crate::policy::node::Node;
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::spoken::{Settled, settled};
use crate::policy::template::{Context, Scope, Template};
use crate::policy::value::Value;

const DAY: i64 = 86_400;

/// The fields of `tls`.
pub(in crate::check) static FIELDS: &[Field] = &[
    Field::new(
        "min_days_left",
        Shape::of::<u32>(),
        "days for which every certificate that is shown must still be valid",
    ),
    Field::new("ca_file", Shape::Text, "a PEM file of authorities that are trusted instead of the system's"),
    Field::new("insecure_skip_verify", Shape::Flag, "accept any certificate; always warned about")
        .default("false"),
    Field::new("server_name", Shape::Text, "the name to ask for and to verify instead of the target's"),
];

/// `tls` as it was read.
#[derive(Debug)]
pub(in crate::check) struct TlsSpec {
    place: Place,
    min_days_left: Option<Value<u32>>,
    ca_file: Option<Template>,
    insecure: Option<Value<bool>>,
    server_name: Option<Template>,
}

impl TlsSpec {
    /// Reads the mapping at `node`. `None` after reporting why.
    pub(in crate::check) fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut body = Reader::open(node, "`tls`", &[FIELDS], problems)?;
        let spec = Self {
            place: node.place,
            min_days_left: body.value("min_days_left"),
            ca_file: body.template("ca_file", Context::Text),
            insecure: body.value("insecure_skip_verify"),
            server_name: body.template("server_name", Context::Text),
        };
        early(spec.server_name.as_ref(), body.problems, server_name).then_some(spec)
    }

    /// TLS as it will be spoken, with `protocols` offered. `None` after reporting why.
    pub(in crate::check) fn render(
        &self,
        scope: &Scope,
        problems: &mut Problems,
        protocols: &'static [&'static str],
    ) -> Option<Secure> {
        let min_days_left = typed(self.min_days_left.as_ref(), scope, problems);
        let insecure = typed(self.insecure.as_ref(), scope, problems);
        let name = checked(self.server_name.as_ref(), scope, problems, server_name);
        let ca_file = checked(self.ca_file.as_ref(), scope, problems, |text, _| Ok(PathBuf::from(text)));
        let options = TlsOptions {
            ca_file: ca_file?,
            insecure_skip_verify: insecure?.unwrap_or(false),
            server_name: name?,
            ..TlsOptions::default()
        };
        let secure = Secure::new(options, min_days_left?, protocols);
        if let Some(file) = &self.ca_file
            // With authorities of its own it asks neither the environment nor the system for any.
            && let Err(reason) = secure.config(&Env::default())
        {
            problems.push(Problem::at(file.place, reason));
            return None;
        }
        Some(secure)
    }

    /// What certificates must do, read after "must".
    pub(in crate::check) fn told(&self, scope: &Scope, problems: &mut Problems) -> Option<String> {
        let days = settled(self.min_days_left.as_ref(), scope, problems)?;
        Some(format!("show certificates that are valid for {days} more days"))
    }

    /// Said where any certificate is accepted.
    pub(in crate::check) fn insecure_told(&self, scope: &Scope, problems: &mut Problems) -> Option<String> {
        match settled(self.insecure.as_ref(), scope, problems)? {
            Settled::Known(false) => None,
            Settled::Known(true) => Some("any certificate is accepted".to_owned()),
            Settled::Tag(tag) => Some(format!("any certificate is accepted if `{tag}` says so")),
        }
    }

    /// Where it is written.
    pub(in crate::check) const fn place(&self) -> Place {
        self.place
    }
}

fn server_name(text: &str, place: Place) -> Result<String, Problem> {
    match ServerName::try_from(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Problem::at(place, format!("expected a host name for `server_name`, found `{text}`"))),
    }
}

/// TLS as a probe speaks it.
#[derive(Debug)]
pub(in crate::check) struct Secure {
    options: TlsOptions,
    pub(in crate::check) min_days_left: Option<u32>,
    protocols: &'static [&'static str],
    config: OnceLock<Result<Arc<Shared>, String>>,
}

/// What all handshakes of a probe share.
#[derive(Debug)]
struct Shared {
    verifier: Arc<dyn ServerCertVerifier>,
    config: ClientConfig,
}

impl Secure {
    /// TLS with `options`; `protocols` are offered by ALPN.
    pub(in crate::check) const fn new(
        options: TlsOptions,
        min_days_left: Option<u32>,
        protocols: &'static [&'static str],
    ) -> Self {
        Self { options, min_days_left, protocols, config: OnceLock::new() }
    }

    /// What people should know of it.
    pub(in crate::check) fn warnings(&self, target: &str) -> Vec<String> {
        let warning = format!("`insecure_skip_verify`: any certificate is accepted of `{target}`");
        if self.options.insecure_skip_verify { vec![warning] } else { Vec::new() }
    }

    /// How it is spoken, for people.
    pub(in crate::check) fn describe(&self) -> String {
        let mut words = vec!["TLS".to_owned()];
        if let Some(name) = &self.options.server_name {
            words.push(format!("as `{name}`"));
        }
        if let Some(file) = &self.options.ca_file {
            words.push(format!("trusting `{}`", file.display()));
        }
        if self.options.insecure_skip_verify {
            words.push("accepting any certificate".to_owned());
        }
        if let Some(days) = self.min_days_left {
            words.push(format!("with certificates valid for at least {days} days"));
        }
        words.join(" ")
    }

    fn config(&self, env: &Env) -> Result<&Arc<Shared>, String> {
        let build = || {
            let verifier = verifier(&self.options, env)?;
            let mut config = config_with(verifier.clone(), &self.options)?;
            config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
            // A resumed session shows no certificate: each handshake is to be a new client's.
            config.resumption = Resumption::disabled();
            Ok(Arc::new(Shared { verifier, config }))
        };
        self.config.get_or_init(build).as_ref().map_err(Clone::clone)
    }

    /// The handshake with `to` over `stream`; `first` for the connection that `server_name` is meant for.
    pub(in crate::check) async fn shake(
        &self,
        stream: Box<dyn Stream>,
        to: &Authority,
        first: bool,
        trace: &mut Trace,
        host: &Host,
    ) -> Result<Box<dyn Stream>, Fault> {
        let shared = self.config(&host.env).map_err(Fault::Failed)?;
        let name = self.options.server_name.clone().filter(|_| first).unwrap_or_else(|| to.name());
        let server = ServerName::try_from(name.clone())
            .map_err(|_| Fault::Failed(format!("tls: `{name}` cannot be the name of a certificate")))?;
        let recorder = Arc::new(Recorder { inner: shared.verifier.clone(), earliest: OnceLock::new() });
        let mut config = shared.config.clone();
        config.dangerous().set_certificate_verifier(recorder.clone());
        trace.enter(Stage::Tls);
        let ended = TlsConnector::from(Arc::new(config)).connect(server, stream).await;
        trace.phases.tls = Some(trace.lap());
        let earliest = recorder.earliest.get().copied().flatten();
        let stream =
            ended.map_err(|error| Fault::Unmet(format!("tls: {}", reason(&error, earliest, &name))))?;
        self.check_expiry(earliest, host.clock.now())?;
        Ok(Box::new(stream))
    }

    fn check_expiry(&self, earliest: Option<Timestamp>, now: Timestamp) -> Result<(), Fault> {
        let Some(expected) = self.min_days_left else { return Ok(()) };
        let Some(earliest) = earliest else {
            return Err(Fault::Unmet("tls: the certificate cannot be read".to_owned()));
        };
        let seconds = earliest.as_second() - now.as_second();
        if seconds >= i64::from(expected) * DAY {
            return Ok(());
        }
        Err(Fault::Unmet(match seconds {
            ..0 => format!(
                "tls: certificate expired on {}, expected at least {expected} days left",
                date(earliest)
            ),
            _ => {
                let days = seconds / DAY;
                let unit = if days == 1 { "day" } else { "days" };
                format!("tls: certificate expires in {days} {unit}, expected at least {expected}")
            }
        }))
    }
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn unix_date(at: UnixTime) -> String {
    let at = i64::try_from(at.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    date(at.unwrap_or(Timestamp::MAX))
}

/// Why a handshake failed, in words one can act on.
fn reason(error: &io::Error, earliest: Option<Timestamp>, name: &str) -> String {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return format!("{} in the handshake", ending(error));
    };
    match error {
        rustls::Error::InvalidCertificate(fault) => match fault {
            CertificateError::ExpiredContext { not_after, .. } => {
                format!("certificate expired on {}", unix_date(*not_after))
            }
            CertificateError::Expired => match earliest {
                Some(at) => format!("certificate expired on {}", date(at)),
                None => "certificate has expired".to_owned(),
            },
            CertificateError::NotValidYetContext { not_before, .. } => {
                format!("certificate is not valid before {}", unix_date(*not_before))
            }
            CertificateError::UnknownIssuer => {
                "certificate is not issued by a trusted authority; name its own by `ca_file`".to_owned()
            }
            CertificateError::NotValidForName => format!("certificate is not for `{name}`"),
            CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
                format!("certificate names no host, expected `{name}`")
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                format!("certificate is for {}, not for `{name}`", presented.join(", "))
            }
            other if other.to_string().contains("CaUsedAsEndEntity") => {
                "certificate is an authority's own, not a server's; name it by `ca_file` if it is meant"
                    .to_owned()
            }
            other => format!("certificate is refused: {other}"),
        },
        rustls::Error::InvalidMessage(_) => "the peer does not speak TLS".to_owned(),
        rustls::Error::AlertReceived(alert) => format!("the peer refuses the handshake ({alert:?})"),
        other => other.to_string(),
    }
}

/// Verifies as another does, and remembers the earliest end of what was shown.
#[derive(Debug)]
struct Recorder {
    inner: Arc<dyn ServerCertVerifier>,
    earliest: OnceLock<Option<Timestamp>>,
}

fn not_after(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    // An end beyond what a timestamp holds is as good as none.
    Some(Timestamp::from_second(parsed.validity().not_after.timestamp()).unwrap_or(Timestamp::MAX))
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        // One that cannot be read makes the whole unknown: it might be the first to end.
        let ends: Option<Vec<Timestamp>> = chain.map(not_after).collect();
        let _ = self.earliest.set(ends.and_then(|ends| ends.into_iter().min()));
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
