//! TLS settings and roots: the system's certificates, `SSL_CERT_FILE`, else the bundled ones. Must not be asked
//! before TLS is really needed: reading the roots costs more than a whole plain run.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::env::Env;
use super::files::{Files as _, SystemFiles};

/// What an integration or a check says about TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// A PEM file of certificate authorities that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the client's certificate chain.
    pub cert_file: Option<PathBuf>,
    /// A PEM file with the client's key.
    pub key_file: Option<PathBuf>,
    /// Accept any certificate; always warned about.
    pub insecure_skip_verify: bool,
    /// The name to ask for and to verify, instead of the URL's host.
    pub server_name: Option<String>,
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())).clone()
}

/// The roots of the system, or those of `SSL_CERT_FILE`, or the bundled ones; read once a process.
fn system_roots(env: &Env) -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        let named = env.get("SSL_CERT_FILE").and_then(|file| certificates(Path::new(file)).ok());
        let found = named.unwrap_or_else(|| rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(found);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Arc::new(roots)
    };
    ROOTS.get_or_init(read).clone()
}

fn pem(path: &Path) -> Result<Vec<u8>, String> {
    SystemFiles.read(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem(path)?).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("`{}` holds no PEM certificate", path.display())),
        Err(error) => Err(format!("`{}` is not PEM: {error}", path.display())),
    }
}

/// A configuration that trusts nothing, for clients that never speak TLS.
pub(super) fn without_roots() -> ClientConfig {
    let versions =
        ClientConfig::builder_with_provider(provider()).with_protocol_versions(rustls::DEFAULT_VERSIONS);
    #[expect(clippy::expect_used, reason = "ring supports the default versions; a test builds this")]
    let builder = versions.expect("ring speaks TLS 1.2 and 1.3");
    builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
}

/// The verifier that `options` ask for.
///
/// # Errors
/// A sentence about the CA file that cannot be used.
pub fn verifier(options: &TlsOptions, env: &Env) -> Result<Arc<dyn ServerCertVerifier>, String> {
    if options.insecure_skip_verify {
        return Ok(Arc::new(Trust { authorities: None, pinned: Vec::new(), provider: provider() }));
    }
    let mut pinned = Vec::new();
    let roots = match &options.ca_file {
        None => system_roots(env),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            pinned = certificates(path)?;
            let (added, _) = roots.add_parsable_certificates(pinned.iter().cloned());
            if added == 0 {
                return Err(format!("`{}` holds no usable certificate authority", path.display()));
            }
            Arc::new(roots)
        }
    };
    let inner = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
    let inner = inner.map_err(|error| format!("certificates cannot be verified: {error}"))?;
    Ok(Arc::new(Trust { authorities: Some(inner), pinned, provider: provider() }))
}

/// Whom to believe: whom the authorities vouch for, and a server whose self-signed certificate the policy itself
/// names as `ca_file`, name and dates verified all the same. Other tools accept that too, and many a server inside
/// has one. Without authorities, anybody: what `insecure_skip_verify` asks for.
#[derive(Debug)]
struct Trust {
    authorities: Option<Arc<WebPkiServerVerifier>>,
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    fn verify_pinned(
        shown: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
        let (_, parsed) =
            x509_parser::parse_x509_certificate(shown).map_err(|_| CertificateError::BadEncoding)?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now > parsed.validity().not_after.timestamp() {
            return Err(CertificateError::Expired.into());
        }
        if now < parsed.validity().not_before.timestamp() {
            return Err(CertificateError::NotValidYet.into());
        }
        Ok(())
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.pinned.iter().any(|pinned| pinned == shown) {
            return Self::verify_pinned(shown, name, now).map(|()| ServerCertVerified::assertion());
        }
        match &self.authorities {
            Some(authorities) => authorities.verify_server_cert(shown, chain, name, ocsp, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A client configuration for `options`; `env` may name the roots.
///
/// # Errors
/// A sentence about the CA file, certificate or key that cannot be used.
pub fn client_config(options: &TlsOptions, env: &Env) -> Result<ClientConfig, String> {
    config_with(verifier(options, env)?, options)
}

/// A client configuration with a verifier of the caller's.
///
/// # Errors
/// A sentence about the certificate or key that cannot be used.
pub fn config_with(
    verifier: Arc<dyn ServerCertVerifier>,
    options: &TlsOptions,
) -> Result<ClientConfig, String> {
    let versions =
        ClientConfig::builder_with_provider(provider()).with_protocol_versions(rustls::DEFAULT_VERSIONS);
    let builder = versions.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    match (&options.cert_file, &options.key_file) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => {
            let private = PrivateKeyDer::from_pem_slice(&pem(key)?)
                .map_err(|error| format!("`{}` is no PEM key: {error}", key.display()))?;
            builder
                .with_client_auth_cert(certificates(cert)?, private)
                .map_err(|error| format!("`{}` and `{}` do not fit: {error}", cert.display(), key.display()))
        }
        _ => Err("expected `cert_file` and `key_file` together".to_owned()),
    }
}
