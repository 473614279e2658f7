//! Asks a source for the events of a check: single samples first, and what the source itself makes of them where there
//! are too many. Must not judge what comes back.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::count::{Increments, Known, Since, any_late, first_seen, key};
use super::side::{Side, bound_of, no_such_bucket};
use crate::check::metric::patience::persist;
use crate::check::{Answer, Labels, MetricSource, RawSeries, SourceError};
use crate::host::Host;
use crate::host::clock::between;
use crate::promql::write_duration;
use crate::stats::two_rates::Events;

/// Series of one selector beyond which their samples are not asked for one by one.
pub(super) const MOST_SERIES: usize = 200;

/// How long before the anchor a sample may lie for the next one to be counted from it: what the source itself takes for
/// the present.
pub(super) const STALE: Duration = Duration::from_secs(300);

/// How long before the anchor a series is looked for that is first seen after it.
const BEFORE: Duration = Duration::from_secs(6 * 3600);

/// Whom the events are asked of.
#[derive(Debug)]
pub(super) struct Asking {
    pub source: Arc<dyn MetricSource>,
    pub timeout: Duration,
    /// What is asked, for people.
    pub target: Arc<str>,
}

/// What one side's samples were.
pub(super) struct Tally {
    bad: Increments,
    slow_base: Option<Increments>,
    total: Increments,
}

/// What a side came to at a tick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub events: Events,
    /// Whether there was anything that counts all events.
    pub any: bool,
}

impl Tally {
    /// What the side came to at each of `times`, which are in order.
    pub(super) fn upto(&self, times: &[i64]) -> Vec<Seen> {
        let total = self.total.upto(times);
        let bad = match &self.slow_base {
            // Of a histogram: all of them but those up to the bound.
            Some(fast) => {
                total.iter().zip(fast.upto(times)).map(|(total, fast)| (total - fast).max(0.0)).collect()
            }
            None => self.bad.upto(times),
        };
        let seen = |((bad, total), time): ((f64, f64), &i64)| Seen {
            events: Events::new(bad, total),
            any: self.total.is_seen(*time),
        };
        bad.into_iter().zip(total).zip(times).map(seen).collect()
    }
}

/// Why a side cannot be counted sample by sample.
pub(super) enum Unable {
    /// There is another way.
    TooMany(String),
    /// There is none of a classic histogram's series.
    NoBuckets,
    /// Nobody can.
    Failed(String),
}

type Raw = Result<Vec<RawSeries>, SourceError>;

impl Asking {
    /// Asks with patience; how often, too.
    async fn ask<'q, T>(
        &self,
        host: &Host,
        attempts: &mut u32,
        ask: impl Fn(Duration) -> BoxFuture<'q, Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let (answer, tried) = persist(&self.target, self.timeout, host, ask).await;
        *attempts = (*attempts).max(tried);
        answer
    }

    /// The value of `query` at `at`.
    pub(super) async fn evaluate(
        &self,
        query: &str,
        at: Timestamp,
        host: &Host,
        attempts: &mut u32,
    ) -> Result<Answer, SourceError> {
        self.ask(host, attempts, |limit| self.source.evaluate(query, at, limit, host)).await
    }

    /// The samples of `selector` from some time before the anchor up to `to`.
    async fn samples(
        &self,
        selector: &str,
        span: (Timestamp, Timestamp),
        host: &Host,
        attempts: &mut u32,
    ) -> Raw {
        let (anchor, to) = span;
        let from = anchor.checked_sub(STALE).unwrap_or(Timestamp::MIN);
        self.ask(host, attempts, |limit| {
            self.source.samples(selector, from, to, MOST_SERIES + 1, limit, host)
        })
        .await
    }

    /// Counts the events of `side` sample by sample up to `to`.
    pub(super) async fn tally(
        &self,
        side: &Side,
        since: Since,
        to: Timestamp,
        past: Option<&Past>,
        host: &Host,
        attempts: &mut u32,
    ) -> Result<Tally, Unable> {
        let anchor = Timestamp::from_millisecond(since.anchor).unwrap_or(Timestamp::MIN);
        let mut all = Vec::new();
        for selector in side.selectors() {
            let series = match self.samples(selector, (anchor, to), host, attempts).await {
                Ok(series) if series.len() > MOST_SERIES => {
                    return Err(Unable::TooMany(format!("more than {MOST_SERIES} series")));
                }
                Ok(series) => series,
                Err(error) if error.retry.is_none() => return Err(Unable::TooMany(error.reason)),
                Err(error) => return Err(Unable::Failed(error.reason)),
            };
            let known = match past {
                Some(past) if any_late(&series, since.anchor) => past.of(self, selector, anchor, host).await,
                Some(_) => Some(HashMap::new()),
                None => None,
            };
            all.push((series, known));
        }
        let seen = first_seen(all.iter().flat_map(|(series, _)| series));
        let count = |series: &[RawSeries], known: &Known| Increments::of(series, since, seen, known);
        match (side, &mut all[..]) {
            (Side::Histogram { named, every, bound, .. }, [(series, known)]) => {
                let infinite = |one: &RawSeries| le(&one.labels) == Some(f64::INFINITY);
                let (of_all, fast): (Vec<_>, Vec<_>) = std::mem::take(series).into_iter().partition(infinite);
                if of_all.is_empty() && fast.is_empty() {
                    return Err(Unable::NoBuckets);
                }
                let bounded: HashSet<u64> = fast.iter().map(|one| key(&one.labels, "le")).collect();
                if of_all.iter().any(|one| !bounded.contains(&key(&one.labels, "le"))) {
                    let error = self.no_bucket((named, every), *bound, to, host, attempts).await;
                    return Err(Unable::Failed(error.reason));
                }
                let total = count(&of_all, known);
                Ok(Tally { bad: Increments::default(), slow_base: Some(count(&fast, known)), total })
            }
            (_, [(bad, bad_known), (total, total_known)]) => {
                Ok(Tally { bad: count(bad, bad_known), slow_base: None, total: count(total, total_known) })
            }
            _ => Err(Unable::NoBuckets),
        }
    }

    /// The events of `side` after the anchor and up to `to`, as the source's own functions estimate them.
    pub(super) async fn estimate(
        &self,
        side: &Side,
        anchor: i64,
        to: Timestamp,
        host: &Host,
        attempts: &mut u32,
    ) -> Result<Seen, SourceError> {
        let anchor = Timestamp::from_millisecond(anchor).unwrap_or(Timestamp::MIN);
        let range = write_duration(between(anchor, to).as_secs_f64().max(0.001));
        let none = Seen { events: Events::default(), any: false };
        match side {
            Side::Counters { bad, total } => {
                let all =
                    self.evaluate(&format!("sum(increase({total}[{range}]))"), to, host, attempts).await?;
                let Some(total) = value(&all) else { return Ok(none) };
                let bad =
                    self.evaluate(&format!("sum(increase({bad}[{range}]))"), to, host, attempts).await?;
                Ok(Seen { events: Events::new(value(&bad).unwrap_or(0.0), total), any: true })
            }
            Side::Histogram { named, buckets, every, bound, .. } => {
                let query = format!("sum by (le) (increase({buckets}[{range}]))");
                let found = self.evaluate(&query, to, host, attempts).await?;
                let bucket = |infinite: bool| {
                    let mut all = found.series.iter();
                    all.find(|one| (le(&one.labels) == Some(f64::INFINITY)) == infinite).map(|one| one.value)
                };
                match (bucket(true), bucket(false)) {
                    (Some(total), Some(fast)) => {
                        Ok(Seen { events: Events::new(total - fast, total), any: true })
                    }
                    (None, _) => Ok(none),
                    (Some(_), None) => Err(self.no_bucket((named, every), *bound, to, host, attempts).await),
                }
            }
        }
    }

    /// What is wrong with a bound that a histogram, named and with every bucket, does not have at `at`.
    async fn no_bucket(
        &self,
        (named, every): (&str, &str),
        bound: f64,
        at: Timestamp,
        host: &Host,
        attempts: &mut u32,
    ) -> SourceError {
        match self.evaluate(&format!("group by (le) ({every})"), at, host, attempts).await {
            Ok(found) => {
                let mut bounds: Vec<f64> = found.series.iter().filter_map(|one| le(&one.labels)).collect();
                bounds.sort_by(f64::total_cmp);
                SourceError::lasting(no_such_bucket(bound, named, &bounds))
            }
            Err(error) => error,
        }
    }

    /// The same of a native histogram, whose share up to a bound is interpolated.
    pub(super) async fn native(
        &self,
        series: &str,
        bound: f64,
        anchor: i64,
        to: Timestamp,
        host: &Host,
        attempts: &mut u32,
    ) -> Result<Seen, SourceError> {
        let anchor = Timestamp::from_millisecond(anchor).unwrap_or(Timestamp::MIN);
        let range = write_duration(between(anchor, to).as_secs_f64().max(0.001));
        let grown = format!("sum(increase({series}[{range}]))");
        let total = self.evaluate(&format!("histogram_count({grown})"), to, host, attempts).await?;
        let Some(total) = value(&total) else {
            return Ok(Seen { events: Events::default(), any: false });
        };
        let query = format!("histogram_fraction(-Inf, {bound}, {grown})");
        let fast = self.evaluate(&query, to, host, attempts).await?;
        // Of nothing there is no share.
        let fast = value(&fast).filter(|share| share.is_finite()).unwrap_or(1.0);
        Ok(Seen { events: Events::new((1.0 - fast).max(0.0) * total, total), any: true })
    }

    /// What the series of `selector` last were in the hours before `anchor`.
    pub(super) async fn before(&self, selector: &str, anchor: Timestamp, host: &Host) -> Known {
        let query = format!("last_over_time({selector}[{}])", write_duration(BEFORE.as_secs_f64()));
        let answer = self.evaluate(&query, anchor, host, &mut 0).await;
        let answer = answer.map_err(|error| tracing::debug!("what was before is unknown: {}", error.reason));
        Some(answer.ok()?.series.iter().map(|one| (key(&one.labels, ""), one.value)).collect())
    }
}

/// The bound of a bucket.
fn le(labels: &Labels) -> Option<f64> {
    labels.iter().find(|(name, _)| &**name == "le").and_then(|(_, value)| bound_of(value))
}

/// The one value of an aggregate.
fn value(answer: &Answer) -> Option<f64> {
    answer.series.first().map(|one| one.value)
}

/// What series were before the anchor, each selector asked once.
#[derive(Debug, Default)]
pub(super) struct Past(HashMap<Arc<str>, OnceCell<HashMap<u64, f64>>>);

impl Past {
    /// Of the selectors of `sides`, which nobody has asked about yet.
    pub(super) fn new(sides: &[Side]) -> Self {
        let selectors = sides.iter().flat_map(Side::selectors);
        Self(selectors.map(|selector| (selector.clone(), OnceCell::new())).collect())
    }

    /// What the series of `selector` last were in the hours before `anchor`; `None` where that cannot be had.
    async fn of(&self, asking: &Asking, selector: &str, anchor: Timestamp, host: &Host) -> Known {
        let ask = || async { asking.before(selector, anchor, host).await.ok_or(()) };
        self.0.get(selector)?.get_or_try_init(ask).await.ok().cloned()
    }
}
