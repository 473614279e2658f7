//! How a source is asked again: with pauses, as often as may help, as long as a tick may take. Must not know what is
//! asked.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::future::BoxFuture;

use crate::check::SourceError;
use crate::host::Host;
use crate::host::clock::{between, later};

/// How often a tick is asked at most.
pub(super) const ATTEMPTS: u32 = 3;

/// Beside the attempts' own time-outs: room for back-off.
const ROOM: Duration = Duration::from_secs(5);

/// The longest that one measurement can take whose every attempt may take `timeout`.
pub(super) const fn budget(timeout: Duration) -> Duration {
    timeout.saturating_mul(ATTEMPTS).saturating_add(ROOM)
}

/// The pauses between attempts to ask for `what`.
fn pauses(what: &str, host: &Host) -> impl Iterator<Item = Duration> + use<> {
    // Checks that fail together must not ask again together: each has a jitter of its own.
    let mut hasher = DefaultHasher::new();
    (host.seed, what).hash(&mut hasher);
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(ATTEMPTS as usize - 1)
        .with_jitter()
        .with_jitter_seed(hasher.finish())
        .build()
}

/// Asks for `what` until there is an answer, an error that will last, or no time left, each attempt for at most
/// `timeout`; how often it asked, too.
pub(super) async fn persist<'q, T>(
    what: &str,
    timeout: Duration,
    host: &Host,
    ask: impl Fn(Duration) -> BoxFuture<'q, Result<T, SourceError>>,
) -> (Result<T, SourceError>, u32) {
    let deadline = later(host.clock.now(), budget(timeout));
    let mut waits = None;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let limit = timeout.min(between(host.clock.now(), deadline));
        let mut error = match ask(limit).await {
            Ok(answer) => return (Ok(answer), attempts),
            Err(error) => error,
        };
        let Some((wait, pause)) = error.retry.zip(waits.get_or_insert_with(|| pauses(what, host)).next())
        else {
            return (Err(error), attempts);
        };
        let pause = pause.max(wait);
        if later(host.clock.now(), pause) >= deadline {
            if !wait.is_zero() {
                let wait = humantime::format_duration(wait);
                error.reason.push_str(&format!("; it asks to wait {wait}, longer than this tick can"));
            }
            return (Err(error), attempts);
        }
        host.clock.sleep(pause).await;
    }
}
