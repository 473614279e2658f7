//! How rollgate speaks to the APIs of other systems, whoever they are: who is asking, what may be asked twice, how long
//! it may take, and failures in words that people can act on. Must not know any system; each has a file of its own in
//! `check`, `rollback`, `notify` or `track`.

pub mod allowance;
pub(crate) mod auth;
pub mod deliver;
pub mod effect;
pub(crate) mod keep;
mod reach;
pub mod remote;
pub(crate) mod said;
pub(crate) mod words;

use std::time::Duration;

pub use allowance::Allowance;
pub use deliver::Repeat;
pub use effect::Effect;
pub use remote::{Question, Remote};

/// Why a system gave no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// What happened and what one can do, in one line, without secrets.
    pub reason: String,
    /// Whether asking again may help, and after how long at least.
    pub retry: Option<Duration>,
}
