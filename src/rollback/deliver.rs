//! Sends a request that carries a once-only id until it is answered for good: retries with back-off, jitter and
//! `Retry-After`. Must not judge the answer, and must not be used for requests that would act twice.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use http::HeaderMap;
use jiff::Timestamp;

use super::{Fired, Order};
use crate::gate::outcome::ActionStatus;
use crate::host::clock::between;
use crate::host::http::{Http, HttpError, Request, Response};

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(10);

/// Attempts at most.
const ATTEMPTS: usize = 5;

/// How an attempt ended that is worth another.
enum Last {
    /// An answer that asks to come again.
    Answer(Response),
    /// No answer, and why.
    None(String),
}

/// Sends what `request` makes for the time of each attempt. `settled` tells statuses that are wanted and therefore
/// never retried. The answer is the last one; without one, what is known.
pub(super) async fn deliver(
    order: &Order<'_>,
    client: &dyn Http,
    request: &(dyn Fn(Timestamp) -> Request + Sync),
    settled: &(dyn Fn(u16) -> bool + Sync),
) -> Result<Response, Fired> {
    let clock = &*order.host.clock;
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(10))
        .with_factor(2.0)
        .with_max_times(ATTEMPTS - 1)
        .with_jitter()
        .with_jitter_seed(order.host.seed)
        .build();
    // Once a request may have arrived, a later one that does not arrive proves nothing.
    let mut may_have_arrived = false;
    let mut last = Last::None("the run was ended before anything was sent".to_owned());
    while order.begin() {
        let limit = REQUEST.min(order.left());
        let sent = clock.timeout(limit, client.send(request(clock.now()))).await;
        let mut asked_for = Duration::ZERO;
        last = match sent {
            Some(Ok(answer)) if settled(answer.status) || !again(answer.status) => return Ok(answer),
            Some(Ok(answer)) => {
                asked_for = retry_after(&answer.headers, clock.now()).unwrap_or_default();
                Last::Answer(answer)
            }
            Some(Err(HttpError::Connect(why))) => Last::None(format!("no connection: {why}")),
            Some(Err(HttpError::TooLarge(most))) => {
                let why = format!("the answer is larger than {most} bytes, so it cannot be told what it was");
                return Err(Fired::because(ActionStatus::Unknown, why));
            }
            Some(Err(HttpError::Broken(why))) => {
                may_have_arrived = true;
                Last::None(format!("the connection broke after the request was sent: {why}"))
            }
            None => {
                may_have_arrived = true;
                Last::None(format!("no answer within {}", humantime::format_duration(limit)))
            }
        };
        let Some(planned) = waits.next() else { break };
        // The last attempt must have time for its answer; what `Retry-After` asks beyond that cannot be granted.
        let room = order.left().saturating_sub(REQUEST);
        if room.is_zero() || !order.pause(planned.max(asked_for).min(room)).await {
            break;
        }
    }
    match last {
        Last::Answer(answer) => Ok(answer),
        Last::None(why) if may_have_arrived => Err(Fired::because(
            ActionStatus::Unknown,
            format!("{why}; it may have been received: look at the receiver before asking again"),
        )),
        Last::None(why) => Err(Fired::because(ActionStatus::Failed, why)),
    }
}

/// Whether an answer with `status` is worth another attempt.
const fn again(status: u16) -> bool {
    status == 429 || status >= 500
}

/// What `Retry-After` asks for: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()?;
    Some(between(now, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2015-10-21T07:27:00Z".parse().unwrap();
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", text.parse().unwrap());
            retry_after(&headers, now).map(|d| d.as_secs())
        };
        assert_eq!(asked("17"), Some(17));
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(60));
        assert_eq!(asked("Wed, 21 Oct 2015 07:20:00 GMT"), Some(0));
        assert_eq!(asked("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
