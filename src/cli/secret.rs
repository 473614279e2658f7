//! `rollgate secret`: keys, encrypted values and signatures, made and checked. Must not take a secret from the command
//! line, and must not print one but where that is what was asked for.

mod signatures;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::exit::Exit;
use crate::host::fernet::{self, MARK};
use crate::host::vault::Vault;
use crate::host::{Host, secret};

/// `rollgate secret`.
#[derive(Debug, Clone, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct SecretArgs {
    /// What to do.
    #[command(subcommand)]
    pub what: SecretCommand,
}

/// What can be done with secrets.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum SecretCommand {
    /// Print a new key for encrypted values, to be kept as ROLLGATE_KEY
    Keygen,
    /// Encrypt a value with the first key of ROLLGATE_KEY, and print what stands for it in a policy: `fernet:…`
    ///
    /// The value is read from stdin or from FILE. One line end at its end is taken off, since `echo` adds it; a value that
    /// ends in one needs two.
    Encrypt(ValueArgs),
    /// Print the plain text of an encrypted value, with a line end
    ///
    /// The value, with or without `fernet:`, is read from stdin or from FILE, and opened with any key of ROLLGATE_KEY.
    Decrypt(ValueArgs),
    /// Print the headers that sign a body: those of Standard Webhooks, and X-Hub-Signature-256
    ///
    /// The body is read from stdin or from FILE, and signed as it is: to the last line end. `curl -H @HEADERS
    /// --data-binary @FILE` sends it.
    Sign(signatures::SignArgs),
    /// Check the headers that sign a body, as a receiver does; exit 1, and why, where they do not hold
    ///
    /// The body is read from stdin or from FILE, and must be the exact bytes that came. Every signature that there is must
    /// hold, and one of Standard Webhooks must be no older and no newer than 5 minutes.
    Verify(signatures::VerifyArgs),
}

/// Where a value is read from.
#[derive(Debug, Clone, Args)]
pub(crate) struct ValueArgs {
    // More than one is taken here, so that what is no file is never shown.
    /// The file that holds the value; stdin, if none or `-`
    #[arg(value_name = "FILE")]
    pub file: Vec<PathBuf>,

    /// A directory with a file for each secret, `rollgate-key` among them
    #[arg(long, value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,
}

/// Does what `args` say.
pub(super) fn secret(args: &SecretArgs, host: &Host) -> Exit {
    let done = match &args.what {
        SecretCommand::Keygen => keygen(host),
        SecretCommand::Encrypt(args) => encrypt(args, host),
        SecretCommand::Decrypt(args) => decrypt(args, host),
        SecretCommand::Sign(args) => signatures::sign(args, host),
        SecretCommand::Verify(args) => signatures::verify(args, host),
    };
    match done {
        Ok(text) => {
            host.output.data(&text);
            Exit::Pass
        }
        Err(Failure { exit, message, help }) => {
            let help = help.map(|help| format!("\nhelp: {help}")).unwrap_or_default();
            host.output.talk(&format!("error: {message}{help}"));
            exit
        }
    }
}

/// Why nothing was done.
struct Failure {
    exit: Exit,
    message: String,
    help: Option<&'static str>,
}

impl Failure {
    fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failure, message: message.into(), help: None }
    }

    fn usage(message: impl Into<String>, help: &'static str) -> Self {
        Self { exit: Exit::Usage, message: message.into(), help: Some(help) }
    }
}

fn keygen(host: &Host) -> Result<String, Failure> {
    let key = fernet::key(random()?);
    // A pipeline system is told to mask it; it is still printed, which is what was asked for.
    host.output.redactor.secret(&key).map_err(Failure::failed)?;
    Ok(format!("{key}\n"))
}

fn encrypt(args: &ValueArgs, host: &Host) -> Result<String, Failure> {
    let vault = Vault::new(host.clone(), args.secrets_dir.clone());
    let keys = vault.keys().map_err(|message| Failure {
        help: Some("`rollgate secret keygen` makes one"),
        ..Failure::failed(message)
    })?;
    let text = text(&args.file, host)?;
    if fernet::token(&text).is_some() {
        return Err(Failure::failed("the value is encrypted already: it begins with `fernet:`"));
    }
    let secret = host.output.redactor.secret(&text).map_err(Failure::failed)?;
    let now = u64::try_from(host.clock.now().as_second()).unwrap_or_default();
    Ok(format!("{}\n", keys.encrypt(secret.expose(), now, random()?)))
}

fn decrypt(args: &ValueArgs, host: &Host) -> Result<String, Failure> {
    let vault = Vault::new(host.clone(), args.secrets_dir.clone());
    let text = text(&args.file, host)?;
    let marked = if fernet::token(&text).is_some() { text } else { format!("{MARK}{}", text.trim()) };
    let opened = vault
        .opened(&marked)
        .map_err(|problem| Failure::failed(format!("the value cannot be used: {problem}")))?;
    Ok(opened.map(|secret| format!("{}\n", secret.expose())).unwrap_or_default())
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    secret::random().ok_or_else(|| Failure::failed("the system has no source of random bytes"))
}

/// The text in the one file of `files`, or stdin, without the line end that `echo` and editors add.
fn text(files: &[PathBuf], host: &Host) -> Result<String, Failure> {
    let bytes = bytes(files, host)?;
    let text =
        String::from_utf8(bytes).map_err(|_| Failure::failed("expected UTF-8 text, found other bytes"))?;
    let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    Ok(line.unwrap_or(&text).to_owned())
}

/// What the one file of `files`, or stdin, holds. What was named is not shown: it may be the value itself.
fn bytes(files: &[PathBuf], host: &Host) -> Result<Vec<u8>, Failure> {
    const HELP: &str = "a value is never taken from the command line, where every user of the machine can read it: \
                        `printf %s \"$VALUE\" | rollgate secret …`";
    match files {
        [] => stdin(host),
        [file] if file.as_os_str() == "-" => stdin(host),
        [file] => host.files.read(file).map_err(|error| {
            Failure::usage(
                format!("expected a file, found an argument that cannot be read as one: {error}"),
                HELP,
            )
        }),
        _ => Err(Failure::usage(format!("expected one file at most, found {} arguments", files.len()), HELP)),
    }
}

fn stdin(host: &Host) -> Result<Vec<u8>, Failure> {
    if host.input.answers() {
        host.output.talk("reading stdin: type or paste, then Ctrl-D on a line of its own");
    }
    host.input.all().map_err(|error| Failure::failed(format!("stdin cannot be read: {error}")))
}
