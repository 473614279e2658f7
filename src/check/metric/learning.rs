//! Asks a source how often what a query looks at is sampled, and how late: once, before anything is planned. Must not
//! fail: what cannot be learnt has a default.

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;

use crate::check::MetricSource;
use crate::check::rhythm::{LEARNT_FROM, LEARNT_OF, Rhythm, newest, scrape_interval};
use crate::host::Host;
use crate::host::clock::between;
use crate::promql::window::Window;

/// The longest that a run waits to learn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks what nobody has asked about the selectors of `window`, as of `before`, by default now.
pub(super) fn learn<'a>(
    source: &'a dyn MetricSource,
    window: &'a Window,
    before: Option<Timestamp>,
    timeout: Duration,
    rhythm: &'a Rhythm,
    host: &'a Host,
) -> Option<BoxFuture<'a, ()>> {
    let name = source.name();
    if window.selectors().is_empty() {
        return None;
    }
    let timeout = timeout.min(PATIENCE);
    let one = move |selector: &'a str| async move {
        let now = host.clock.now();
        let to = before.map_or(now, |before| before.min(now));
        let asked = source.samples(selector, back(to), to, LEARNT_OF, timeout, host).await;
        let found = asked.unwrap_or_else(|error| {
            tracing::debug!("cannot learn from `{selector}`: {}", error.reason);
            rhythm.silence(name);
            Vec::new()
        });
        let scrape = scrape_interval(&found);
        let late = match source.delay() {
            Some(_) => None,
            None if to == now => late(newest(&found), scrape, now),
            None => {
                let asked = source.samples(selector, back(now), now, LEARNT_OF, timeout, host).await;
                late(newest(&asked.unwrap_or_default()), scrape, now)
            }
        };
        rhythm.learn(name, selector, scrape, late);
    };
    Some(Box::pin(async move {
        let selectors = window.selectors().iter().map(String::as_str);
        join_all(selectors.filter(|selector| rhythm.claim(name, selector)).map(one)).await;
    }))
}

fn back(to: Timestamp) -> Timestamp {
    to.checked_sub(LEARNT_FROM).unwrap_or(Timestamp::MIN)
}

/// How much older than one scrape the sample taken at `newest` is.
fn late(newest: Option<i64>, scrape: Option<Duration>, now: Timestamp) -> Option<Duration> {
    let age = between(Timestamp::from_millisecond(newest?).ok()?, now);
    Some(age.saturating_sub(scrape?))
}
