//! Sends a request until it is answered for good: retries with back-off, jitter and `Retry-After`, and only what may be
//! sent twice. Must not judge the answer.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use jiff::Timestamp;

use super::words::asked_to_wait;
use super::{Allowance, Effect};
use crate::gate::outcome::ActionStatus;
use crate::host::http::{Http, HttpError, Request, Response};
use crate::report::words::span;

/// How long one request may take.
pub const REQUEST: Duration = Duration::from_secs(10);

/// Attempts at most.
const ATTEMPTS: usize = 5;

/// What sending a request twice does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing: it only reads, or it carries an id by which the receiver knows it again.
    Harmless,
    /// It may act twice: it is sent again only where it certainly was not taken up.
    Harmful,
}

/// How an attempt ended that is worth another.
enum Last {
    /// An answer that asks to come again.
    Answer(Response),
    /// No answer, and why.
    None(String),
}

/// Sends what `request` makes for the time of each attempt. `settled` tells statuses that are wanted and therefore
/// never retried. The answer is the last one.
///
/// # Errors
/// Without an answer, what is known: [`ActionStatus::Failed`] where nothing can have been received, else
/// [`ActionStatus::Unknown`].
pub async fn deliver(
    allowance: &Allowance<'_>,
    client: &dyn Http,
    request: &(dyn Fn(Timestamp) -> Request + Sync),
    settled: &(dyn Fn(u16) -> bool + Sync),
    repeat: Repeat,
) -> Result<Response, Effect> {
    let clock = &*allowance.host.clock;
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(10))
        .with_factor(2.0)
        .with_max_times(ATTEMPTS - 1)
        .with_jitter()
        .with_jitter_seed(allowance.host.seed)
        .build();
    // Once a request may have arrived, a later one that does not arrive proves nothing.
    let mut may_have_arrived = false;
    let mut last = Last::None("the run was ended before anything was sent".to_owned());
    while allowance.begin() {
        let limit = REQUEST.min(allowance.left());
        let sent = clock.timeout(limit, client.send(request(clock.now()))).await;
        let mut asked_for = Duration::ZERO;
        last = match sent {
            Some(Ok(answer)) if settled(answer.status) => return Ok(answer),
            Some(Ok(answer)) => {
                let wait = asked_to_wait(&answer, clock.now());
                if repeat == Repeat::Harmful && matches!(answer.status, 502 | 504) {
                    let why = format!("a proxy answered {} in its place", answer.status);
                    return Err(Effect { http_status: Some(answer.status), ..unknown(&why) });
                }
                if !again(answer.status, wait, repeat) {
                    return Ok(answer);
                }
                asked_for = wait.unwrap_or_default();
                Last::Answer(answer)
            }
            Some(Err(HttpError::Connect(why))) => Last::None(format!("no connection: {why}")),
            Some(Err(HttpError::TooLarge(most))) => {
                let why = format!("the answer is larger than {most} bytes, so it cannot be told what it was");
                return Err(Effect::because(ActionStatus::Unknown, why));
            }
            Some(Err(HttpError::Broken(why))) => {
                may_have_arrived = true;
                Last::None(format!("the connection broke after the request was sent: {why}"))
            }
            None => {
                may_have_arrived = true;
                Last::None(format!("no answer within {}", span(limit)))
            }
        };
        if may_have_arrived && repeat == Repeat::Harmful {
            break;
        }
        let Some(planned) = waits.next() else { break };
        // The last attempt must have time for its answer; what `Retry-After` asks beyond that cannot be granted.
        let room = allowance.left().saturating_sub(REQUEST.min(allowance.span() / 5));
        if room.is_zero() || !allowance.pause(planned.max(asked_for).min(room)).await {
            break;
        }
    }
    match last {
        Last::Answer(answer) => Ok(answer),
        Last::None(why) if may_have_arrived => Err(unknown(&why)),
        Last::None(why) => Err(Effect::because(ActionStatus::Failed, why)),
    }
}

fn unknown(why: &str) -> Effect {
    let told = format!("{why}; it may have been received: look at the receiver before asking again");
    Effect::because(ActionStatus::Unknown, told)
}

/// Whether an answer with `status`, which asks to come again after `wait`, is worth another attempt.
const fn again(status: u16, wait: Option<Duration>, repeat: Repeat) -> bool {
    match repeat {
        Repeat::Harmless => status == 429 || status >= 500,
        Repeat::Harmful => status == 429 || status == 503 && wait.is_some(),
    }
}
