//! stdin: lines that a person types when asked, or what is piped into a command that takes it. Must not be read by
//! anything else that runs in a pipeline, where nobody answers.

use std::io::{self, IsTerminal as _};

/// Whom a command may ask.
pub trait Input: Send + Sync {
    /// Whether there is somebody to ask: stdin is a terminal, and so is stderr, where questions are put.
    fn answers(&self) -> bool;

    /// The next line without its end; `None` when there is none any more.
    ///
    /// # Errors
    /// The system's error; `InvalidData` for a line that is not UTF-8.
    fn line(&self) -> io::Result<Option<String>>;

    /// All there is, to its end.
    ///
    /// # Errors
    /// The system's error; `FileTooLarge` beyond 256 MiB.
    fn all(&self) -> io::Result<Vec<u8>>;
}

/// The process' own stdin.
pub struct SystemInput;

impl Input for SystemInput {
    fn answers(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn line(&self) -> io::Result<Option<String>> {
        let mut line = String::new();
        if io::stdin().read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.strip_suffix('\n').unwrap_or(&line);
        Ok(Some(line.strip_suffix('\r').unwrap_or(line).to_owned()))
    }

    fn all(&self) -> io::Result<Vec<u8>> {
        super::files::all(io::stdin())
    }
}
