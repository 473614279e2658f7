//! Asks one source everything that its policy's queries raise, a few things at a time, each once. Must not decide what
//! follows from the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::PAST;
use super::known::{Held, Known, Lack};
use super::question::{Question, key};
use crate::check::explore::{Explore, Exploring};
use crate::check::{MetricSource, SourceError};
use crate::host::Host;
use crate::policy::lint::queries::histograms::histograms;
use crate::policy::lint::queries::times::OF_TWO;
use crate::policy::lint::queries::{is_recorded, selectors, written_name};
use crate::promql::ast::{MatchOp, Matcher, Selector};
use crate::promql::{quote, write_duration};

/// Requests in flight at most: a look is in nobody's way.
const AT_ONCE: usize = 4;

/// How long an answer may take that is no query's of the policy.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Names beyond which a source has not told all of them.
const ALL_NAMES: usize = 50_000;

/// Series beyond which samples are not counted: that alone would be costly.
pub(super) const MANY: f64 = 10_000.0;

/// The time over which samples are counted, at least.
const COUNTED: Duration = Duration::from_secs(300);

/// A source that is being asked.
pub(super) struct Asking<'a> {
    /// It, for the values of queries.
    pub source: &'a dyn MetricSource,
    /// It, for all else.
    pub explore: &'a dyn Explore,
    /// The moment that is looked at.
    pub at: Timestamp,
    /// The outside world.
    pub host: &'a Host,
}

/// What was told, and each reason for which something was not.
type Told<K, T> = (BTreeMap<K, T>, Vec<String>);

impl Asking<'_> {
    pub(super) fn when(&self, timeout: Duration) -> Exploring<'_> {
        let from = self.at.checked_sub(PAST).unwrap_or(Timestamp::MIN);
        Exploring { from, to: self.at, timeout, host: self.host }
    }

    /// Everything about `questions`, and what could not be learnt.
    ///
    /// # Errors
    /// Why the source answers nothing at all.
    pub(super) async fn all(&self, questions: &[&Question<'_>]) -> Result<(Known, Vec<String>), String> {
        let mut known = Known::default();
        let mut unanswered = Vec::new();
        match self.explore.values("__name__", None, self.when(TIMEOUT)).await {
            Ok(names) => known.names = (names.len() < ALL_NAMES).then(|| names.into_iter().collect()),
            Err(SourceError { reason, .. }) => {
                // It may keep its names to itself and answer all the same.
                let alive = self.source.evaluate("vector(1)", self.at, TIMEOUT, self.host).await;
                alive.map_err(|error| error.reason)?;
                unanswered.push(format!("the names of metrics are not known: {reason}"));
            }
        }
        known.priced = self.prices(questions).await;
        let wanted = Wanted::of(questions);
        let mut take = |reasons: Vec<String>| {
            for reason in reasons {
                if !unanswered.contains(&reason) {
                    unanswered.push(reason);
                }
            }
        };
        let (held, reasons) = self.held(&wanted.selectors, known.names.as_ref()).await;
        known.held = held;
        take(reasons);
        let there = |key: &String| matches!(known.held.get(key), Some(Held::Series(count)) if *count <= MANY);
        let ranges = wanted.ranges.into_iter().filter(|(key, _)| there(key));
        let (intervals, reasons) = self.intervals(ranges.collect()).await;
        known.intervals = intervals;
        take(reasons);
        let buckets = wanted.buckets.into_iter().filter(there).collect();
        let (buckets, reasons) = each(buckets, |key: String| {
            Box::pin(async move { self.explore.values("le", Some(&key), self.when(TIMEOUT)).await })
        })
        .await;
        known.buckets = buckets;
        take(reasons);
        let named = |name: &String| known.names.as_ref().is_none_or(|names| names.contains(name));
        let (types, reasons) = each(wanted.metrics.into_iter().filter(named).collect(), |metric: String| {
            Box::pin(async move { self.explore.metric_type(&metric, self.when(TIMEOUT)).await })
        })
        .await;
        known.types = types.into_iter().filter_map(|(name, kind)| Some((name, kind?))).collect();
        take(reasons);
        let (jobs, reasons) = each(wanted.jobs, |job: String| {
            let query = format!("avg(up{{job={}}})", quote(&job));
            Box::pin(async move { self.number(&query).await })
        })
        .await;
        known.jobs = jobs.into_iter().filter_map(|(job, share)| Some((job, share?))).collect();
        take(reasons);
        Ok((known, unanswered))
    }

    /// The first value of `query`; `None` for an empty result.
    pub(super) async fn number(&self, query: &str) -> Result<Option<f64>, SourceError> {
        let answer = self.source.evaluate(query, self.at, TIMEOUT, self.host).await?;
        Ok(answer.series.first().map(|series| series.value))
    }

    async fn prices(
        &self,
        questions: &[&Question<'_>],
    ) -> BTreeMap<String, Result<(crate::check::Answer, crate::check::explore::Cost), String>> {
        let mut wanted: BTreeMap<&str, Duration> = BTreeMap::new();
        for question in questions {
            let timeout = wanted.entry(question.text()).or_insert(question.timeout);
            *timeout = (*timeout).max(question.timeout);
        }
        let price = |(query, timeout): (&str, Duration)| {
            let query = query.to_owned();
            async move {
                let priced = self.explore.price(&query, self.when(timeout)).await;
                (query, priced.map_err(|error| error.reason))
            }
        };
        stream::iter(wanted).map(price).buffered(AT_ONCE).collect().await
    }

    async fn held(
        &self,
        selectors: &BTreeMap<String, Selector>,
        names: Option<&BTreeSet<String>>,
    ) -> Told<String, Held> {
        let missing = |selector: &Selector| {
            names.zip(selector.metric()).is_some_and(|(names, metric)| !names.contains(metric))
        };
        let there = selectors.iter().filter(|(_, selector)| !missing(selector));
        let (mut held, reasons) = each(there.map(|(key, _)| key.clone()).collect(), |key: String| {
            let selector = selectors.get(&key);
            Box::pin(async move {
                match (self.number(&format!("count({key})")).await?, selector) {
                    (Some(count), _) if count > 0.0 => Ok(Held::Series(count)),
                    (_, Some(selector)) => Ok(Held::Nothing(self.lack(selector, names.is_some()).await?)),
                    _ => Ok(Held::Nothing(Lack::Unknown)),
                }
            })
        })
        .await;
        let gone = selectors.iter().filter(|(_, selector)| missing(selector));
        held.extend(gone.map(|(key, _)| (key.clone(), Held::Nothing(Lack::Metric))));
        (held, reasons)
    }

    /// How far apart the samples of each selector are, over its range or a little more.
    async fn intervals(&self, ranges: BTreeMap<String, Duration>) -> Told<String, Duration> {
        let (told, reasons) = each(ranges.into_iter().collect(), |(key, range): (String, Duration)| {
            let over = range.max(COUNTED);
            let length = write_duration(over.as_secs_f64());
            // Of a series that has only begun nobody can tell.
            let query = format!("max(count_over_time({key}[{length}]) and {key} offset {length})");
            Box::pin(async move {
                let count = self.number(&query).await?;
                Ok(count.filter(|count| *count >= 1.0).map(|count| over.div_f64(count)))
            })
        })
        .await;
        (told.into_iter().filter_map(|((key, _), interval)| Some((key, interval?))).collect(), reasons)
    }
}

/// Asks about each of `keys`, a few at a time.
async fn each<'a, K: Ord + Clone, T>(
    keys: Vec<K>,
    ask: impl Fn(K) -> BoxFuture<'a, Result<T, SourceError>>,
) -> Told<K, T> {
    let mut told = BTreeMap::new();
    let mut reasons = Vec::new();
    let asked = stream::iter(keys).map(|key| {
        let answer = ask(key.clone());
        async move { (key, answer.await) }
    });
    let mut answers = asked.buffered(AT_ONCE);
    while let Some((key, answer)) = answers.next().await {
        match answer {
            Ok(answer) => {
                told.insert(key, answer);
            }
            Err(SourceError { reason, .. }) => reasons.push(reason),
        }
    }
    (told, reasons)
}

/// What the queries raise.
#[derive(Default)]
struct Wanted {
    /// What is selected, by what it reads as.
    selectors: BTreeMap<String, Selector>,
    /// The shortest range that needs two samples.
    ranges: BTreeMap<String, Duration>,
    /// What quantiles are taken of.
    buckets: Vec<String>,
    /// The metrics whose type matters.
    metrics: Vec<String>,
    /// The jobs.
    jobs: Vec<String>,
}

impl Wanted {
    fn of(questions: &[&Question<'_>]) -> Self {
        let mut wanted = Self::default();
        let mut metrics = BTreeSet::new();
        let mut jobs = BTreeSet::new();
        let mut buckets = BTreeSet::new();
        for question in questions {
            for (one, _) in question.uses() {
                let key = key(one.selector);
                if let (Some(range), Some(function)) = (one.range, one.function)
                    && OF_TWO.contains(&function.name)
                    && !range.more
                    && !range.known.is_zero()
                {
                    let shortest = wanted.ranges.entry(key.clone()).or_insert(range.known);
                    *shortest = (*shortest).min(range.known);
                }
                jobs.extend(one.selector.matchers.iter().filter_map(job));
                // Parts of histograms are counters, whatever else is said of the whole.
                let part = |name: &&str| ["_bucket", "_sum", "_count"].iter().any(|end| name.ends_with(end));
                let metric = written_name(one.selector).filter(|name| !is_recorded(name) && !part(name));
                metrics.extend(metric.map(str::to_owned));
                wanted.selectors.entry(key).or_insert_with(|| one.selector.clone());
            }
            for (_, expr) in question.expr().into_iter().flat_map(histograms) {
                let named =
                    |selector: &Selector| selector.metric().is_some_and(|name| name.ends_with("_bucket"));
                buckets.extend(selectors(expr).filter(|(one, _)| named(one)).map(|(one, _)| self::key(one)));
            }
        }
        wanted.metrics = metrics.into_iter().collect();
        wanted.jobs = jobs.into_iter().collect();
        wanted.buckets = buckets.into_iter().collect();
        wanted
    }
}

/// The job that `matcher` names.
pub(super) fn job(matcher: &Matcher) -> Option<String> {
    let named =
        &*matcher.label.text == "job" && matcher.op == MatchOp::Equal && !matcher.value.text.is_empty();
    named.then(|| matcher.value.text.to_string())
}
