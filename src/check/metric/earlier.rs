//! Asks a check's own question about earlier times: as it is asked at a tick, so long before that tick, once or about
//! several windows. Must not look at what the deployment has touched, and must not judge.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::probe::MetricProbe;
use crate::check::{Probe, Reading, Seen};
use crate::host::Host;
use crate::policy::relative::written;

/// A question about earlier times.
#[derive(Debug)]
pub(super) struct Earlier {
    probe: MetricProbe,
    /// From each time to the next.
    by: Duration,
    /// How many windows are asked about; `None` for one that is the answer itself.
    windows: Option<u32>,
    /// When the rollout began, where there was one.
    rollout: Option<Timestamp>,
    target: Arc<str>,
}

impl Earlier {
    /// `probe` asked about `by` before each tick, or about each of so many `windows` with `by` from one to the next.
    pub(super) fn new(
        probe: MetricProbe,
        by: Duration,
        windows: Option<u32>,
        rollout: Option<Timestamp>,
    ) -> Self {
        let when = match windows {
            None => format!("{} earlier", written(by)),
            Some(windows) => format!("in {windows} earlier windows, {} apart", written(by)),
        };
        let target = format!("{}, {when}", probe.target()).into();
        Self { probe, by, windows, rollout, target }
    }

    fn touched(&self, at: Timestamp) -> bool {
        self.rollout.is_some_and(|rollout| at > rollout)
    }

    /// The answer about a time at which the deployment was there already.
    fn lacks(&self) -> Reading {
        let remark = "that is after the rollout began".to_owned();
        Reading { lacking: true, remark: Some(remark), ..Reading::new(Seen::Series(Vec::new())) }
    }

    async fn once(&self, at: Timestamp, host: &Host) -> Reading {
        let time = before(at, self.by, 1);
        if self.touched(time) {
            return self.lacks();
        }
        match self.probe.asked(at) {
            Ok(asked) => self.probe.ask(asked, time, host).await.0,
            Err(reason) => Reading::new(Seen::Failed(reason)),
        }
    }

    async fn several(&self, windows: u32, at: Timestamp, host: &Host) -> Reading {
        let touched = (1..=windows).take_while(|k| self.touched(before(at, self.by, *k))).count();
        let mut earlier: Vec<Reading> = (0..touched).map(|_| self.lacks()).collect();
        let asked = match self.probe.asked(at) {
            Ok(asked) => asked,
            Err(reason) => return Reading::new(Seen::Failed(reason)),
        };
        let count = windows as usize - touched;
        if count > 0 {
            let start = before(at, self.by, windows);
            match self.probe.over(&asked.query, start, self.by, count, host).await {
                Ok(answers) => earlier.extend(answers.into_iter().rev()),
                Err(error) => return Reading::new(Seen::Failed(error.reason)),
            }
        }
        Reading { earlier, ..Reading::new(Seen::Series(Vec::new())) }
    }
}

impl Earlier {
    /// `count` ticks one by one, for a range that the source would not answer as one; one that is down is asked once.
    async fn one_by_one(&self, start: Timestamp, step: Duration, count: usize, host: &Host) -> Vec<Reading> {
        let mut readings: Vec<Reading> = Vec::with_capacity(count);
        for k in 0..count {
            let since = step.saturating_mul(u32::try_from(k).unwrap_or(u32::MAX));
            let reading = self.once(start.checked_add(since).unwrap_or(Timestamp::MAX), host).await;
            let failed = matches!(reading.seen, Seen::Failed(_));
            readings.push(reading.clone());
            if failed {
                readings.resize(count, reading);
                break;
            }
        }
        readings
    }
}

fn before(at: Timestamp, by: Duration, times: u32) -> Timestamp {
    at.checked_sub(by.saturating_mul(times)).unwrap_or(Timestamp::MIN)
}

impl Probe for Earlier {
    fn target(&self) -> Arc<str> {
        self.target.clone()
    }

    fn request(&self, at: Timestamp) -> Vec<String> {
        self.probe.request(before(at, self.by, 1))
    }

    fn lane(&self) -> &str {
        self.probe.lane()
    }

    fn key(&self) -> Option<String> {
        Some(format!("{:?} {:?} {}", self.by, self.windows, self.probe.key()?))
    }

    fn has_past(&self) -> bool {
        true
    }

    fn delay(&self) -> Duration {
        self.probe.delay()
    }

    fn budget(&self) -> Duration {
        self.probe.budget()
    }

    fn due_from(&self) -> Option<Timestamp> {
        self.probe.due_from()
    }

    fn anchored(&self, at: Timestamp) -> Option<Arc<dyn Probe>> {
        let probe = self.probe.reanchored(at)?;
        Some(Arc::new(Self { probe, target: self.target.clone(), ..*self }))
    }

    fn same_from(&self) -> Option<Timestamp> {
        if self.windows.is_none() { self.probe.same_from() } else { None }
    }

    fn measure<'a>(&'a self, at: Timestamp, host: &'a Host) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            match self.windows {
                None => self.once(at, host).await,
                Some(windows) => self.several(windows, at, host).await,
            }
        })
    }

    fn measure_range<'a>(
        &'a self,
        start: Timestamp,
        step: Duration,
        count: usize,
        host: &'a Host,
    ) -> Option<BoxFuture<'a, Vec<Reading>>> {
        let millis = !step.is_zero() && step.as_micros().is_multiple_of(1000);
        let same = self.same_from().is_some_and(|from| start >= from);
        if !millis || !same {
            return None;
        }
        Some(Box::pin(async move {
            let time = |k: usize| {
                let since = step.saturating_mul(u32::try_from(k).unwrap_or(u32::MAX));
                before(start, self.by, 1).checked_add(since).unwrap_or(Timestamp::MAX)
            };
            let untouched = (0..count).take_while(|k| !self.touched(time(*k))).count();
            let mut readings = match self.probe.asked(start) {
                Ok(asked) if untouched > 0 => {
                    match self.probe.over(&asked.query, time(0), step, untouched, host).await {
                        Ok(readings) => readings,
                        Err(_) => self.one_by_one(start, step, untouched, host).await,
                    }
                }
                Ok(_) => Vec::new(),
                Err(reason) => vec![Reading::new(Seen::Failed(reason)); untouched],
            };
            readings.resize(count, self.lacks());
            readings
        }))
    }
}
