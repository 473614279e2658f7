//! `rollgate secret sign` and `verify`: what a sender and a receiver of webhooks do, for trying either out. Must not be
//! laxer than a receiver: what is checked here and holds must hold there.

use std::path::PathBuf;

use clap::Args;
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;

use super::{Failure, bytes, random};
use crate::cli::time;
use crate::event::sign::{HEADERS, Signer};
use crate::host::Host;
use crate::host::vault::Vault;
use crate::policy::node::shorten;

/// Seconds that sender's and receiver's clock and the way between them may take: what Standard Webhooks recommends.
const TOLERANCE: i64 = 300;

const ID: &str = HEADERS[0];
const TIMESTAMP: &str = HEADERS[1];
const SIGNATURE: &str = HEADERS[2];
const HUB: &str = HEADERS[3];

/// `rollgate secret sign`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SignArgs {
    /// The file that holds the body; stdin, if none or `-`
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// The secret to sign with: the environment variable, or the file of --secrets-dir, of that name, or `fernet:…`
    #[arg(long, value_name = "REF")]
    pub secret_ref: String,

    /// The message's id, the same for each attempt to send it [default: a random one]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,

    /// When it is sent: RFC 3339, unix seconds, or `30m-ago` [default: now]
    #[arg(long, value_name = "TIME")]
    pub timestamp: Option<String>,

    /// A directory with a file for each secret, named as its reference
    #[arg(long, value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,
}

/// `rollgate secret verify`.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyArgs {
    /// The file that holds the body; stdin, if none or `-`
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// The secret that it was signed with: the environment variable, or the file of --secrets-dir, of that name
    #[arg(long, value_name = "REF")]
    pub secret_ref: String,

    /// A header that came with it
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    pub header: Vec<String>,

    /// A file with the headers that came with it, as `sign` prints them; other lines and headers are left alone
    #[arg(long, value_name = "FILE")]
    pub headers: Option<PathBuf>,

    /// When it came: RFC 3339, unix seconds, or `30m-ago` [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,

    /// A directory with a file for each secret, named as its reference
    #[arg(long, value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,
}

/// The headers that sign a body.
pub(super) fn sign(args: &SignArgs, host: &Host) -> Result<String, Failure> {
    let at = moment(args.timestamp.as_deref(), "--timestamp", host)?.as_second();
    let id = match &args.id {
        Some(id) => id.clone(),
        None => format!("msg_{}", BASE32_NOPAD.encode(&random::<16>()?).to_ascii_lowercase()),
    };
    // A dot would let one message be taken for another: it parts what is signed.
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_graphic() && c != '.') {
        let message = format!("expected an `--id` of printable ASCII without `.`, found `{}`", shorten(&id));
        return Err(Failure::usage(
            message,
            "an id names a message, as `msg_2KWPBgLlAfxdpx2AI54pPJ85f4W` does",
        ));
    }
    let vault = Vault::new(host.clone(), args.secrets_dir.clone());
    let signer = Signer::find(&vault, &args.secret_ref).map_err(Failure::failed)?;
    let body = bytes(args.file.as_slice(), host)?;
    let standard = signer.standard(&id, at, &body);
    Ok(format!("{ID}: {id}\n{TIMESTAMP}: {at}\n{SIGNATURE}: {standard}\n{HUB}: {}\n", signer.hub(&body)))
}

/// What holds of the headers that sign a body.
pub(super) fn verify(args: &VerifyArgs, host: &Host) -> Result<String, Failure> {
    let now = moment(args.at.as_deref(), "--at", host)?;
    let headers = headers(args, host)?;
    let value = |name: &str| {
        let mut values = headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Failure::failed(format!("expected one `{name}`, found several"))),
            (value, None) => Ok(value),
        }
    };
    let (standard, hub) = (value(SIGNATURE)?, value(HUB)?);
    if standard.is_none() && hub.is_none() {
        let message = format!("expected the header `{SIGNATURE}` or `{HUB}`, found neither");
        return Err(Failure::usage(
            message,
            "give what came by `--headers FILE`, or one by one by `-H 'NAME: VALUE'`",
        ));
    }
    let vault = Vault::new(host.clone(), args.secrets_dir.clone());
    let signer = Signer::find(&vault, &args.secret_ref).map_err(Failure::failed)?;
    let body = bytes(args.file.as_slice(), host)?;
    let mut told = String::new();
    if let Some(signature) = standard {
        let lacks =
            |name: &str| Failure::failed(format!("`{SIGNATURE}` came without `{name}`, which it signs"));
        let id = value(ID)?.ok_or_else(|| lacks(ID))?;
        let at = value(TIMESTAMP)?.ok_or_else(|| lacks(TIMESTAMP))?;
        let at: i64 = at.parse().map_err(|_| {
            Failure::failed(format!("expected unix seconds in `{TIMESTAMP}`, found `{}`", shorten(at)))
        })?;
        signer.check_standard(id, at, &body, signature).map_err(Failure::failed)?;
        let age = now.as_second().saturating_sub(at);
        if age.saturating_abs() > TOLERANCE {
            let (seconds, way) = (age.unsigned_abs(), if age > 0 { "old" } else { "ahead" });
            return Err(Failure::failed(format!(
                "the signature fits, but `{TIMESTAMP}` is {seconds} s {way}, and {TOLERANCE} s are accepted: it was sent \
                 again, or a clock is wrong (`--at` says when it came)"
            )));
        }
        told.push_str(&format!("valid: `{SIGNATURE}`, sent {age} s before\n"));
    }
    if let Some(signature) = hub {
        signer.check_hub(&body, signature).map_err(Failure::failed)?;
        told.push_str(&format!("valid: `{HUB}`, which does not say when it was sent\n"));
    }
    Ok(told)
}

fn moment(written: Option<&str>, option: &str, host: &Host) -> Result<Timestamp, Failure> {
    let now = host.clock.now();
    written.map_or(Ok(now), |text| {
        time::parse(text, now)
            .map_err(|problem| Failure::usage(format!("`{option}`: {problem}"), "unix seconds are fine"))
    })
}

/// The headers that were given, their names in small letters.
fn headers(args: &VerifyArgs, host: &Host) -> Result<Vec<(String, String)>, Failure> {
    let split = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let name = http::HeaderName::try_from(name.trim()).ok()?;
        Some((name.as_str().to_owned(), value.trim().to_owned()))
    };
    let mut headers = Vec::new();
    for header in &args.header {
        headers.push(split(header).ok_or_else(|| {
            Failure::usage(
                format!("expected a header like `NAME: VALUE`, found `{}`", shorten(header)),
                "quote it for the shell: `-H 'webhook-id: msg_1'`",
            )
        })?);
    }
    if let Some(file) = &args.headers {
        let read = host.files.read(file);
        let read =
            read.map_err(|error| Failure::failed(format!("`{}` cannot be read: {error}", file.display())))?;
        headers.extend(String::from_utf8_lossy(&read).lines().filter_map(split));
    }
    Ok(headers)
}
