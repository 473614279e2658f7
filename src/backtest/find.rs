//! Asks a source for the deployments that a query marks: its values over the whole time, a minute apart, then second by
//! second where they change. Must not say what a change is; `marks` does.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::deployment::Deployment;
use super::marks::{Mark, Marks, When, point, points};
use crate::check::{Answer, MetricSource, SourceError};
use crate::host::Host;

/// From value to value at first.
const STEP: Duration = Duration::from_secs(60);

/// Values that are asked for at once: few enough for a server's limits, and for hundreds of services to be held.
const CHUNK: usize = 3_600;

/// From value to value where they change.
const CLOSER: Duration = Duration::from_secs(1);

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The pauses before a source is asked again.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// The deployments that `query` marks from `from` to `until`, at most `concurrency` requests at once.
///
/// # Errors
/// What the source said instead of an answer.
pub(crate) async fn find(
    source: &dyn MetricSource,
    query: &str,
    (from, until): (Timestamp, Timestamp),
    concurrency: usize,
    host: &Host,
) -> Result<Vec<Deployment>, SourceError> {
    // Whole minutes and seconds, so that what is found has no odd milliseconds.
    let from = Timestamp::from_second(from.as_second().div_euclid(60) * 60).unwrap_or(from);
    let count = points(from, until, STEP);
    let chunks = (0..count).step_by(CHUNK).map(|begin| {
        let many = CHUNK.min(count - begin);
        async move { ask(source, query, point(from, STEP, begin), STEP, many, host).await }
    });
    let mut marks = Marks::new(from);
    let mut found: Vec<Mark> = Vec::new();
    let mut index = 0;
    // In order, and few at once: each holds thousands of values.
    let mut answers = stream::iter(chunks).buffered(concurrency.clamp(1, 4));
    while let Some(chunk) = answers.try_next().await? {
        for answer in chunk {
            found.extend(marks.take(point(from, STEP, index), &answer.series));
            index += 1;
        }
    }
    drop(answers);
    let closer = found.into_iter().map(|mark| async move {
        let time = match mark.when {
            When::At(time) => time,
            When::Between(after, by) => closer(source, query, &mark, (after, by), host).await?,
        };
        Ok(mark.deployment(time))
    });
    stream::iter(closer).buffered(concurrency.max(1)).try_collect().await
}

/// The second at which `mark` is seen first.
async fn closer(
    source: &dyn MetricSource,
    query: &str,
    mark: &Mark,
    (after, by): (Timestamp, Timestamp),
    host: &Host,
) -> Result<Timestamp, SourceError> {
    let answers = ask(source, query, after, CLOSER, points(after, by, CLOSER), host).await?;
    let mut marks = Marks::before(mark, after);
    let first = answers.iter().enumerate().skip(1).find_map(|(index, answer)| {
        let at = point(after, CLOSER, index);
        let again = marks.take(at, &answer.series);
        again.iter().any(|found| found.labels == mark.labels).then_some(at)
    });
    Ok(first.unwrap_or(by))
}

/// `count` values of `query` from `start` on, asked again where that may help.
async fn ask(
    source: &dyn MetricSource,
    query: &str,
    start: Timestamp,
    step: Duration,
    count: usize,
    host: &Host,
) -> Result<Vec<Answer>, SourceError> {
    let mut pauses = PAUSES.iter();
    loop {
        let answer = source.evaluate_range(query, start, step, count, TIMEOUT, host).await;
        let wait = answer.as_ref().err().and_then(|error| error.retry);
        match (wait, pauses.next()) {
            (Some(wait), Some(pause)) => host.clock.sleep(wait.max(*pause)).await,
            _ => return answer,
        }
    }
}
