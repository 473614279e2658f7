//! Measures how events came before the deployment, step by step: what their dispersion is learnt from. Must not say what
//! it is.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::asking::{Asking, Unable};
use super::count::Since;
use super::side::Side;
use crate::check::metric::patience::budget;
use crate::check::{Counts, Probe, Reading, Seen};
use crate::host::Host;
use crate::host::clock::later;
use crate::stats::two_rates::Events;

/// From step to step.
pub(super) const STEP: Duration = Duration::from_secs(60);

/// How many steps before the deployment are looked at.
pub(super) const STEPS: u32 = 120;

/// Measures the events of one side in the step before each of its ticks.
#[derive(Debug)]
pub(super) struct StepsProbe {
    pub asking: Asking,
    pub side: Side,
}

impl StepsProbe {
    async fn steps(&self, start: Timestamp, step: Duration, count: usize, host: &Host) -> Vec<Reading> {
        let begin = start.checked_sub(step).unwrap_or(Timestamp::MIN);
        let moment = |k: usize| later(begin, step.saturating_mul(u32::try_from(k).unwrap_or(u32::MAX)));
        let since = Since { anchor: begin.as_millisecond(), live: i64::MIN };
        let mut attempts = 1;
        // A series that is first seen on the way tells nothing of its past.
        let tally = self.asking.tally(&self.side, since, moment(count), None, host, &mut attempts).await;
        let reason = match tally {
            Ok(tally) => {
                let times: Vec<i64> = (0..=count).map(|k| moment(k).as_millisecond()).collect();
                let upto = tally.upto(&times);
                let step = |pair: &[super::asking::Seen]| {
                    let (before, after) = (pair[0].events, pair[1].events);
                    let events = Events::new(after.bad - before.bad, after.total - before.total);
                    let counts = Counts { events, baseline: None, exact: true };
                    Reading { attempts, ..Reading::new(Seen::Counts(counts)) }
                };
                return upto.windows(2).map(step).collect();
            }
            Err(Unable::Failed(reason) | Unable::TooMany(reason)) => reason,
            Err(Unable::NoBuckets) => "there is no classic histogram".to_owned(),
        };
        vec![Reading { attempts, ..Reading::new(Seen::Failed(reason)) }; count]
    }
}

impl Probe for StepsProbe {
    fn target(&self) -> Arc<str> {
        self.asking.target.clone()
    }

    fn request(&self, _: Timestamp) -> Vec<String> {
        Vec::new()
    }

    fn lane(&self) -> &str {
        self.asking.source.name()
    }

    fn key(&self) -> Option<String> {
        let timeout = self.asking.timeout.as_millis();
        Some(format!("{} {timeout} steps {:?}", self.asking.source.name(), self.side))
    }

    fn has_past(&self) -> bool {
        true
    }

    fn budget(&self) -> Duration {
        budget(self.asking.timeout).saturating_mul(2)
    }

    fn same_from(&self) -> Option<Timestamp> {
        Some(Timestamp::MIN)
    }

    fn measure<'a>(&'a self, at: Timestamp, host: &'a Host) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let reading = self.steps(at, STEP, 1, host).await.pop();
            reading.unwrap_or_else(|| Reading::new(Seen::Failed("nothing was asked".to_owned())))
        })
    }

    fn measure_range<'a>(
        &'a self,
        start: Timestamp,
        step: Duration,
        count: usize,
        host: &'a Host,
    ) -> Option<BoxFuture<'a, Vec<Reading>>> {
        Some(Box::pin(self.steps(start, step, count, host)))
    }
}
