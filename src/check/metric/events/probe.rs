//! Measures the events of a check: how many there were since the deployment, at a tick or at all ticks of a past window
//! from the same samples. Must not judge them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::asking::{Asking, MOST_SERIES, Past, Seen, Unable};
use super::count::Since;
use super::side::Side;
use crate::check::metric::learning;
use crate::check::metric::patience::budget;
use crate::check::rhythm::Rhythm;
use crate::check::{Counts, Probe, Reading, Seen as Saw, Standing};
use crate::host::Host;
use crate::host::clock::later;
use crate::promql::window::Window;
use crate::promql::write_duration;

/// How long after the anchor there is something to count, where the scrape interval cannot be learnt.
pub(super) const SCRAPE: Duration = Duration::from_secs(15);

/// From when on the events of a check count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    /// What happened later counts.
    pub anchor: Timestamp,
    /// When the new version was live; `None` where nothing was deployed, and every sample before the anchor is as good.
    pub live: Option<Timestamp>,
    /// When the rollout began: what lies before it is the old version's.
    pub rollout: Timestamp,
}

impl Begin {
    fn since(&self) -> Since {
        let live = self.live.map_or(i64::MIN, Timestamp::as_millisecond);
        Since { anchor: self.anchor.as_millisecond(), live }
    }
}

/// Measures the events of one check, and those of its baseline.
#[derive(Debug)]
pub(super) struct EventsProbe {
    pub asking: Asking,
    pub sides: Vec<Side>,
    pub begin: Begin,
    pub rhythm: Arc<Rhythm>,
    window: Option<Window>,
    past: Past,
    /// Whether there were too many series once.
    crowded: AtomicBool,
}

/// Counts of one side, at each tick, and how they were come by.
struct Counted {
    ticks: Vec<Seen>,
    /// Why they are no exact counts.
    remark: Option<String>,
}

impl EventsProbe {
    pub(super) fn new(
        asking: Asking,
        sides: Vec<Side>,
        begin: Begin,
        rhythm: Arc<Rhythm>,
        window: Option<Window>,
    ) -> Self {
        Self {
            past: Past::new(&sides),
            asking,
            sides,
            begin,
            rhythm,
            window,
            crowded: AtomicBool::new(false),
        }
    }

    /// What `side` came to at each of `times`, which are in order.
    async fn count(
        &self,
        side: &Side,
        times: &[Timestamp],
        host: &Host,
        attempts: &mut u32,
    ) -> Result<Counted, String> {
        let Some(last) = times.last() else { return Ok(Counted { ticks: Vec::new(), remark: None }) };
        let why = if self.crowded.load(Ordering::Relaxed) {
            format!("more than {MOST_SERIES} series")
        } else {
            let tally =
                self.asking.tally(side, self.begin.since(), *last, Some(&self.past), host, attempts).await;
            match tally {
                Ok(tally) => {
                    let times: Vec<i64> = times.iter().map(|at| at.as_millisecond()).collect();
                    return Ok(Counted { ticks: tally.upto(&times), remark: None });
                }
                Err(Unable::Failed(reason)) => return Err(reason),
                Err(Unable::NoBuckets) => return self.native(side, times, host, attempts).await,
                Err(Unable::TooMany(why)) => {
                    self.crowded.store(true, Ordering::Relaxed);
                    why
                }
            }
        };
        let mut ticks = Vec::with_capacity(times.len());
        for at in times {
            let anchor = self.begin.anchor.as_millisecond();
            let seen = self.asking.estimate(side, anchor, *at, host, attempts).await;
            ticks.push(seen.map_err(|error| error.reason)?);
        }
        let remark = format!("estimated by `increase`, as single samples cannot be counted: {why}");
        Ok(Counted { ticks, remark: Some(remark) })
    }

    /// The same of what may be a native histogram.
    async fn native(
        &self,
        side: &Side,
        times: &[Timestamp],
        host: &Host,
        attempts: &mut u32,
    ) -> Result<Counted, String> {
        let nothing = Seen { events: Default::default(), any: false };
        let Side::Histogram { native: Some(series), bound, .. } = side else {
            return Ok(Counted { ticks: vec![nothing; times.len()], remark: None });
        };
        let mut ticks = Vec::with_capacity(times.len());
        for at in times {
            let anchor = self.begin.anchor.as_millisecond();
            let seen = self.asking.native(series, *bound, anchor, *at, host, attempts).await;
            ticks.push(seen.map_err(|error| error.reason)?);
        }
        let any = ticks.iter().any(|seen| seen.any);
        let remark = "a native histogram: the share is interpolated within its bucket".to_owned();
        Ok(Counted { ticks, remark: any.then_some(remark) })
    }

    /// The readings at `times`, which are in order.
    async fn readings(&self, times: &[Timestamp], host: &Host) -> Vec<Reading> {
        let mut attempts = 1;
        let mut sides = Vec::with_capacity(self.sides.len());
        for side in &self.sides {
            match self.count(side, times, host, &mut attempts).await {
                Ok(counted) => sides.push(counted),
                Err(reason) => {
                    let failed = Reading { attempts, ..Reading::new(Saw::Failed(reason)) };
                    return vec![failed; times.len()];
                }
            }
        }
        let reading = |tick: usize| Reading { attempts, ..self.reading(&sides, tick) };
        (0..times.len()).map(reading).collect()
    }

    fn reading(&self, sides: &[Counted], tick: usize) -> Reading {
        let at = |side: &Counted| side.ticks.get(tick).copied();
        if let Some(missing) = sides.iter().position(|side| at(side).is_none_or(|seen| !seen.any)) {
            let of =
                if missing == 0 { "what counts all events" } else { "what counts all events of `against`" };
            return Reading {
                remark: Some(format!("there is no series of {of}")),
                lacking: true,
                ..Reading::new(Saw::Series(Vec::new()))
            };
        }
        let mut seen = sides.iter().filter_map(at).map(|seen| seen.events);
        let remark = sides.iter().find_map(|side| side.remark.clone());
        let counts = Counts {
            events: seen.next().unwrap_or_default(),
            baseline: seen.next(),
            exact: remark.is_none(),
        };
        Reading { remark, ..Reading::new(Saw::Counts(counts)) }
    }
}

impl Probe for EventsProbe {
    fn target(&self) -> Arc<str> {
        self.asking.target.clone()
    }

    fn request(&self, at: Timestamp) -> Vec<String> {
        let from = self.begin.anchor.checked_sub(super::asking::STALE).unwrap_or(Timestamp::MIN);
        let range = write_duration(crate::host::clock::between(from, at).as_secs_f64());
        let selectors = self.sides.iter().flat_map(Side::selectors);
        selectors.flat_map(|one| self.asking.source.request(&format!("{one}[{range}]"), at)).collect()
    }

    fn lane(&self) -> &str {
        self.asking.source.name()
    }

    fn key(&self) -> Option<String> {
        let timeout = self.asking.timeout.as_millis();
        Some(format!("{} {timeout} events {:?}", self.asking.source.name(), self.sides))
    }

    fn has_past(&self) -> bool {
        true
    }

    fn delay(&self) -> Duration {
        let learnt = || self.rhythm.delay(self.asking.source.name());
        self.asking.source.delay().or_else(learnt).unwrap_or_default()
    }

    fn budget(&self) -> Duration {
        let questions = self.sides.iter().map(|side| side.selectors().len()).sum::<usize>();
        budget(self.asking.timeout).saturating_mul(u32::try_from(questions).unwrap_or(u32::MAX))
    }

    fn due_from(&self) -> Option<Timestamp> {
        self.begin.live?;
        Some(later(self.begin.anchor, self.scrape_interval().unwrap_or(SCRAPE)))
    }

    fn same_from(&self) -> Option<Timestamp> {
        Some(Timestamp::MIN)
    }

    fn scrape_interval(&self) -> Option<Duration> {
        let selectors = self.window.as_ref()?.selectors().iter();
        selectors.filter_map(|one| self.rhythm.scrape(self.asking.source.name(), one)).max()
    }

    fn learn<'a>(&'a self, host: &'a Host) -> Option<BoxFuture<'a, ()>> {
        learning::learn(
            self.asking.source.as_ref(),
            self.window.as_ref()?,
            self.begin.live.is_some().then_some(self.begin.rollout),
            self.asking.timeout,
            &self.rhythm,
            host,
        )
    }

    fn standing(&self) -> Standing {
        match &*self.sides {
            [own] => Standing::Events { own: own.standing(), against: None },
            [own, against, ..] => Standing::Events { own: own.standing(), against: Some(against.standing()) },
            [] => Standing::Never("it counts nothing".to_owned()),
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.asking.source.warnings()
    }

    fn measure<'a>(&'a self, at: Timestamp, host: &'a Host) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let reading = self.readings(&[at], host).await.pop();
            reading.unwrap_or_else(|| Reading::new(Saw::Failed("nothing was asked".to_owned())))
        })
    }

    fn measure_range<'a>(
        &'a self,
        start: Timestamp,
        step: Duration,
        count: usize,
        host: &'a Host,
    ) -> Option<BoxFuture<'a, Vec<Reading>>> {
        let tick = move |k: usize| later(start, step.saturating_mul(u32::try_from(k).unwrap_or(u32::MAX)));
        Some(Box::pin(async move {
            let times: Vec<Timestamp> = (0..count).map(tick).collect();
            self.readings(&times, host).await
        }))
    }
}
