//! Time, as one trait: every wait and every time-out of rollgate goes through a [`Clock`], so that tests can run
//! an hour's window in milliseconds without touching real sockets. Must not be bypassed: clippy forbids
//! `tokio::time` and `Instant::now` everywhere else.

use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, Either, select};
use jiff::Timestamp;

/// The one source of time.
pub trait Clock: Send + Sync {
    /// The moment it is now. Never goes backwards within a run: the wall clock is read once and then advanced
    /// by a monotonic clock, so that a stepped system clock cannot move ticks.
    fn now(&self) -> Timestamp;

    /// Completes once [`Clock::now`] has reached `at`.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()>;
}

impl dyn Clock {
    /// Completes after `span`.
    pub fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        self.sleep_until(later(self.now(), span))
    }

    /// The output of `work`, or `None` once `limit` has passed; `work` is dropped then.
    pub async fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        match select(std::pin::pin!(work), self.sleep(limit)).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(((), _)) => None,
        }
    }
}

/// `at` + `span`, staying within what a timestamp can hold.
pub fn later(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// How long it is from `from` to `to`; zero when `to` is earlier.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// `at` in unix seconds, with what follows the point kept to microseconds.
pub fn unix_seconds(at: Timestamp) -> f64 {
    at.as_microsecond() as f64 / 1e6
}

/// The system's clock.
pub struct SystemClock {
    wall: Timestamp,
    monotonic: Instant,
}

impl SystemClock {
    /// Reads the wall clock, once.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        // Milliseconds are what reports and queries speak: a finer start would only make times look odd.
        let now = Timestamp::now();
        let wall = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        Self { wall, monotonic: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        later(self.wall, self.monotonic.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let span = between(self.now(), at);
        Box::pin(tokio::time::sleep(span))
    }
}
