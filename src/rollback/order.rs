//! What a trigger is told when it is fired: the event, the world, the time it has, and whether anything new may
//! still begin. Must not know how a rollback is started.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;
use tokio::sync::watch;

use super::event::Event;
use crate::host::Host;
use crate::host::clock::between;

/// An order to start a rollback.
pub struct Order<'a> {
    /// What is said.
    pub event: &'a Event,
    /// The world.
    pub host: &'a Host,
    /// The end of the acting phase.
    until: Timestamp,
    /// Turns true when the run is ending.
    ending: watch::Receiver<bool>,
    /// Attempts begun: kept here so that they are known when the trigger itself is dropped.
    attempts: AtomicU32,
}

impl<'a> Order<'a> {
    /// An order that holds until `until`, or until `ending` turns true.
    pub(super) const fn new(
        event: &'a Event,
        host: &'a Host,
        until: Timestamp,
        ending: watch::Receiver<bool>,
    ) -> Self {
        Self { event, host, until, ending, attempts: AtomicU32::new(0) }
    }

    /// Whether one more attempt may begin; if so, it is counted.
    pub fn begin(&self) -> bool {
        let may = !*self.ending.borrow() && !self.left().is_zero();
        if may {
            self.attempts.fetch_add(1, Ordering::Relaxed);
        }
        may
    }

    /// Attempts begun.
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// What is left of the acting phase.
    pub fn left(&self) -> Duration {
        between(self.host.clock.now(), self.until)
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
