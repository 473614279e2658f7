//! Programs that a run starts (the `command` trigger). No shell is ever involved. Must not wait on its own: the
//! caller owns the clock, and dropping the future ends the program.

use std::io;

use futures_util::future::BoxFuture;

/// A program to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program and its arguments; never empty.
    pub argv: Vec<String>,
    /// Variables added to the environment.
    pub env: Vec<(String, String)>,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code, or `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout and stderr, the first 64 KiB of each.
    pub output: String,
}

/// Starts programs.
pub trait Programs: Send + Sync {
    /// Runs `program` to its end; dropping the future kills it.
    fn run(&self, program: Program) -> BoxFuture<'_, io::Result<Ended>>;
}

/// The system's programs.
pub struct SystemPrograms;

/// Bytes kept of each of a program's streams.
const KEPT: u64 = 64 * 1024;

impl Programs for SystemPrograms {
    #[expect(clippy::disallowed_methods, reason = "programs are started here")]
    fn run(&self, program: Program) -> BoxFuture<'_, io::Result<Ended>> {
        use std::process::Stdio;
        use tokio::io::{AsyncRead, AsyncReadExt as _};

        async fn keep(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
            let mut kept = Vec::new();
            if let Some(mut stream) = stream {
                (&mut stream).take(KEPT).read_to_end(&mut kept).await?;
                // The rest is drained, so that a talkative program does not block on a full pipe.
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
            }
            Ok(kept)
        }

        Box::pin(async move {
            let (name, arguments) = program.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
            let mut command = tokio::process::Command::new(name);
            command.args(arguments).envs(program.env).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
            let mut child = command.spawn()?;
            let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
            let (stdout, stderr, status) = tokio::try_join!(keep(stdout), keep(stderr), child.wait())?;
            let output = [stdout, stderr].map(|s| String::from_utf8_lossy(&s).trim().to_owned());
            Ok(Ended { code: status.code(), output: output.join("\n").trim().to_owned() })
        })
    }
}
