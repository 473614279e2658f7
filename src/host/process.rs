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
    /// What it wrote to stdout and stderr until it ended, the first 64 KiB of each.
    pub output: String,
}

/// Starts programs.
pub trait Programs: Send + Sync {
    /// Runs `program` to its end; what it leaves behind in the background is not waited for. Dropping the future
    /// kills it and what it has started.
    fn run(&self, program: Program) -> BoxFuture<'_, io::Result<Ended>>;
}

/// The system's programs.
pub struct SystemPrograms;

/// Bytes kept of each of a program's streams.
const KEPT: usize = 64 * 1024;

impl Programs for SystemPrograms {
    #[expect(clippy::disallowed_methods, reason = "programs are started here")]
    fn run(&self, program: Program) -> BoxFuture<'_, io::Result<Ended>> {
        use std::process::Stdio;

        Box::pin(async move {
            let (name, arguments) = program.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
            let mut command = tokio::process::Command::new(name);
            command.args(arguments).envs(program.env).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
            // A group of its own: Ctrl-C in a terminal is for the gate, which lets a rollback in flight finish.
            #[cfg(unix)]
            command.process_group(0);
            let mut child = command.spawn()?;
            let mut group = Group::of(&child);
            let (mut stdout, mut stderr) =
                (Stream::new(child.stdout.take()), Stream::new(child.stderr.take()));
            let status = {
                let reading = async {
                    tokio::join!(stdout.read(), stderr.read());
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    status = child.wait() => status?,
                    () = reading => return Err(io::ErrorKind::Other.into()),
                }
            };
            group.ended();
            let output = [stdout.rest(), stderr.rest()]
                .map(|s| String::from_utf8_lossy(whole_lines(&s)).trim().to_owned());
            Ok(Ended { code: status.code(), output: output.join("\n").trim().to_owned() })
        })
    }
}

/// A program's processes, killed together where they are dropped before the program has ended.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &tokio::process::Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { leader: id.and_then(rustix::process::Pid::from_raw) }
    }

    #[cfg(not(unix))]
    const fn of(_: &tokio::process::Child) -> Self {
        Self {}
    }

    /// What the program leaves behind on purpose may live on.
    const fn ended(&mut self) {
        #[cfg(unix)]
        {
            self.leader = None;
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.leader {
            // It may have ended this very moment, which is as good.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// One of a program's streams and what is kept of it.
struct Stream<S> {
    stream: Option<S>,
    kept: Vec<u8>,
}

impl<S: tokio::io::AsyncRead + Unpin> Stream<S> {
    const fn new(stream: Option<S>) -> Self {
        Self { stream, kept: Vec::new() }
    }

    /// Reads to the end. The rest of a talkative program's words is drained, so that it does not block on a full
    /// pipe.
    async fn read(&mut self) {
        use tokio::io::AsyncReadExt as _;
        let mut chunk = [0; 4096];
        while let Some(stream) = &mut self.stream {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => self.stream = None,
                Ok(read) => keep(&mut self.kept, &chunk[..read]),
            }
        }
    }
}

fn keep(kept: &mut Vec<u8>, more: &[u8]) {
    kept.extend(&more[..more.len().min(KEPT - kept.len())]);
}

/// What is `kept`, without the line that the limit went through: half a secret could not be told from other text.
fn whole_lines(kept: &[u8]) -> &[u8] {
    /// Bytes of a line that may be a secret.
    const LONGEST: usize = 8192;
    if kept.len() < KEPT {
        return kept;
    }
    let (sure, last) = kept.split_at(KEPT - LONGEST);
    let end = last.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
    kept.get(..sure.len() + end).unwrap_or(kept)
}

#[cfg(unix)]
impl<S: IntoFd> Stream<S> {
    /// What is kept, with what is still in the pipe. A process in the background may hold the other end open for
    /// ever, so this does not wait for the end.
    fn rest(mut self) -> Vec<u8> {
        use std::io::Read as _;
        let Some(Ok(fd)) = self.stream.take().map(IntoFd::into_fd) else { return self.kept };
        if rustix::io::ioctl_fionbio(&fd, true).is_err() {
            return self.kept;
        }
        let mut left = Vec::new();
        // What was read before an error stays in `left`; an empty pipe that is still open is one.
        let _ = std::fs::File::from(fd).take((KEPT - self.kept.len()) as u64).read_to_end(&mut left);
        keep(&mut self.kept, &left);
        self.kept
    }
}

#[cfg(not(unix))]
impl<S> Stream<S> {
    fn rest(self) -> Vec<u8> {
        self.kept
    }
}

/// A pipe of a child, taken back from the runtime.
#[cfg(unix)]
trait IntoFd {
    fn into_fd(self) -> io::Result<std::os::fd::OwnedFd>;
}

#[cfg(unix)]
impl IntoFd for tokio::process::ChildStdout {
    fn into_fd(self) -> io::Result<std::os::fd::OwnedFd> {
        self.into_owned_fd()
    }
}

#[cfg(unix)]
impl IntoFd for tokio::process::ChildStderr {
    fn into_fd(self) -> io::Result<std::os::fd::OwnedFd> {
        self.into_owned_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sh(script: &str) -> Ended {
        let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        SystemPrograms.run(Program { argv, env: Vec::new() }).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_left_in_the_background_is_not_waited_for() {
        // The background process holds both pipes until it is killed by its number, which is in the output.
        let ended = sh("sleep 600 & echo $!; echo why >&2; exit 3").await;
        assert_eq!(ended.code, Some(3));
        let (number, why) = ended.output.split_once('\n').unwrap();
        assert_eq!(why, "why");
        let number = rustix::process::Pid::from_raw(number.parse().unwrap()).unwrap();
        rustix::process::kill_process(number, rustix::process::Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn a_talkative_program_ends_and_its_first_words_are_kept() {
        let ended = sh("head -c 300000 /dev/zero | tr '\\0' x; echo end >&2").await;
        assert_eq!(ended.code, Some(0));
        assert_eq!(ended.output.len(), KEPT - 8192 + "\nend".len());
        let ended = sh("yes 0123456789 | head -c 300000").await;
        assert!(ended.output.len() > KEPT - 20 && ended.output.ends_with("\n0123456789"));
    }

    #[tokio::test]
    async fn a_program_is_in_a_group_of_its_own() {
        let ended = sh("cut -d' ' -f5 /proc/$$/stat; echo $$").await;
        let mut numbers = ended.output.split_whitespace();
        assert_eq!(numbers.next(), numbers.next());
    }
}
