//! stdout and stderr: stdout is data, stderr is talk, and both pass the redactor. Must not fail a run: a closed
//! pipe or a full disk is remembered and told once, on stderr.

use std::io::{IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::announce::{Announcer, Shared};
use super::env::Env;
use super::secret::Redactor;

/// The two streams of a run.
pub struct Output {
    stdout: Mutex<Box<dyn Write + Send>>,
    stderr: Shared,
    /// Knows the run's secrets.
    pub redactor: Redactor,
    /// Whether stderr is a terminal that can be redrawn.
    pub live: bool,
    /// Whether talk is coloured.
    pub colour: bool,
    stdout_failed: AtomicBool,
    lost_data: AtomicBool,
}

impl Output {
    /// The process' own streams.
    #[expect(clippy::disallowed_methods, reason = "NO_COLOR and TERM belong to the streams")]
    pub fn system() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_none_or(|t| t == "dumb");
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let live = terminal && !dumb;
        Self::new(Box::new(std::io::stdout()), Box::new(std::io::stderr()), live, live && !plain)
    }

    /// Streams of the caller's own.
    pub fn new(
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
        live: bool,
        colour: bool,
    ) -> Self {
        Self {
            stdout: Mutex::new(stdout),
            stderr: Arc::new(Mutex::new(stderr)),
            redactor: Redactor::default(),
            live,
            colour,
            stdout_failed: AtomicBool::new(false),
            lost_data: AtomicBool::new(false),
        }
    }

    /// The same, announcing each secret to the pipeline system that `env` speaks of as soon as it is known.
    #[must_use]
    pub fn announcing(mut self, env: &Env) -> Self {
        if let Some(announcer) = Announcer::find(env, self.stderr.clone()) {
            self.redactor = self.redactor.announcing(announcer);
        }
        self
    }

    /// Columns and rows of the terminal that stderr is; 80 by 24 where it is none.
    pub fn size(&self) -> (usize, usize) {
        let size = if self.live { terminal_size::terminal_size_of(std::io::stderr()) } else { None };
        size.map_or((80, 24), |(width, height)| (usize::from(width.0), usize::from(height.0)))
    }

    /// Writes `text` to stdout as it stands: whoever made the data has redacted its text values.
    pub fn data(&self, text: &str) {
        let mut stream = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        let written = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
        drop(stream);
        if let Err(error) = &written
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            self.lost_data.store(true, Ordering::Relaxed);
        }
        if let Err(error) = written
            && !self.stdout_failed.swap(true, Ordering::Relaxed)
        {
            self.talk(&format!("warning: stdout cannot be written: {error}"));
        }
    }

    /// Whether something that was written to stdout was lost; not where its reader had seen enough.
    pub fn lost_data(&self) -> bool {
        self.lost_data.load(Ordering::Relaxed)
    }

    /// Writes `text`, redacted, and a line end to stderr.
    pub fn talk(&self, text: &str) {
        self.talk_raw(&format!("{}\n", self.redactor.redact(text)));
    }

    /// Writes terminal codes and text that is already redacted to stderr.
    pub fn talk_raw(&self, text: &str) {
        let mut stream = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        // stderr is the last resort: where it fails too, there is nobody left to tell.
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    }
}
