//! What an action may still do: the world, the time it has, and whether anything new may begin. Must not know what the
//! action is.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::host::Host;
use crate::host::clock::{between, later};

/// Leave to act until some moment, or until the run ends.
pub struct Allowance<'a> {
    /// The world.
    pub host: &'a Host,
    /// All the time that it had at first.
    span: Duration,
    /// The end of it.
    until: Timestamp,
    /// Turns true when the run is ending.
    ending: watch::Receiver<bool>,
    /// Attempts begun: kept here so that they are known when the action itself is dropped.
    attempts: AtomicU32,
}

impl<'a> Allowance<'a> {
    /// Leave for `span` from now on, and until `ending` turns true.
    pub fn new(host: &'a Host, span: Duration, ending: watch::Receiver<bool>) -> Self {
        let until = later(host.clock.now(), span);
        Self { host, span, until, ending, attempts: AtomicU32::new(0) }
    }

    /// Leave for `span` from now on, whatever else happens to the run.
    pub fn alone(host: &'a Host, span: Duration) -> Self {
        Self::new(host, span, watch::channel(false).1)
    }

    /// The same leave for what is asked beside the action itself: its attempts are not the action's.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { ending: self.ending.clone(), attempts: AtomicU32::new(0), ..*self }
    }

    /// The output of `work`, or `None` once `span` has passed or the run is ending; `work` is dropped then.
    pub async fn within<T>(&self, span: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        match select(std::pin::pin!(work), std::pin::pin!(self.pause(span))).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }

    /// Whether one more attempt may begin; if so, it is counted.
    pub fn begin(&self) -> bool {
        let may = !self.ended() && !self.left().is_zero();
        if may {
            self.attempts.fetch_add(1, Ordering::Relaxed);
        }
        may
    }

    /// Whether the run is ending.
    pub fn ended(&self) -> bool {
        *self.ending.borrow()
    }

    /// Attempts begun.
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// What is left of the time.
    pub fn left(&self) -> Duration {
        between(self.host.clock.now(), self.until)
    }

    /// All the time that there was at first.
    pub const fn span(&self) -> Duration {
        self.span
    }

    /// Waits for `span` before another attempt; `false`, at once, when the run is ending and none may begin.
    pub async fn pause(&self, span: Duration) -> bool {
        let mut ending = self.ending.clone();
        let ended = std::pin::pin!(async move {
            if ending.wait_for(|ending| *ending).await.is_err() {
                // Whoever could end the run is gone: nothing will.
                std::future::pending::<()>().await;
            }
        });
        match select(ended, self.host.clock.sleep(span)).await {
            Either::Left(_) => false,
            Either::Right(_) => true,
        }
    }
}
