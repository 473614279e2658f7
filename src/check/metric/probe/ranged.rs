//! Asks a source about many times at once: as one range where it answers such, else tick by tick. Must come out as if each
//! had been asked by itself.

use std::time::Duration;

use jiff::Timestamp;

use super::{GIVE_UP, MetricProbe, reading};
use crate::check::metric::apart;
use crate::check::{Answer, Reading, Seen, SourceError};
use crate::host::Host;
use crate::host::clock::later;

impl MetricProbe {
    /// Takes the empty ones of `readings` apart, which are those of a whole range.
    async fn take_apart(
        &self,
        readings: &mut [Reading],
        query: &str,
        start: Timestamp,
        step: Duration,
        host: &Host,
    ) {
        let parts = apart::parts(query, self.apart, self.source.dialect());
        let mut answers = Vec::with_capacity(parts.len());
        for part in &parts {
            let ask = |limit| self.source.evaluate_range(part, start, step, readings.len(), limit, host);
            answers.push(self.persist(host, ask).await.0);
        }
        for (index, reading) in readings.iter_mut().enumerate().filter(|(_, reading)| reading.is_empty()) {
            let at = |answer: &Result<Vec<Answer>, SourceError>| match answer {
                Ok(answers) => Ok(answers.get(index).cloned().unwrap_or_default()),
                Err(error) => Err(error.clone()),
            };
            apart::take_apart(reading, self.apart, &parts, answers.iter().map(at).collect());
        }
    }

    /// Asks `query` about `count` times from `start` on, as one.
    pub(in crate::check::metric) async fn over(
        &self,
        query: &str,
        start: Timestamp,
        step: Duration,
        count: usize,
        host: &Host,
    ) -> Result<Vec<Reading>, SourceError> {
        let ask = |limit| self.source.evaluate_range(query, start, step, count, limit, host);
        let (answers, attempts) = self.persist(host, ask).await;
        let mut readings: Vec<Reading> =
            answers?.into_iter().map(|answer| reading(Ok(answer), attempts)).collect();
        if readings.iter().any(Reading::is_empty) {
            self.take_apart(&mut readings, query, start, step, host).await;
        }
        Ok(readings)
    }

    /// `count` ticks one by one, for a range that the source would not answer as one.
    pub(super) async fn one_by_one(
        &self,
        start: Timestamp,
        step: Duration,
        count: usize,
        host: &Host,
    ) -> Vec<Reading> {
        let mut readings: Vec<Reading> = Vec::with_capacity(count);
        let mut failures = 0;
        let mut gone = None;
        for index in 0..count {
            if let Some(reason) = &gone {
                readings.push(Reading::new(Seen::Failed(String::clone(reason))));
                continue;
            }
            let offset = step.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
            let (reading, down) = self.tick(later(start, offset), host).await;
            failures = if matches!(reading.seen, Seen::Failed(_)) { failures + 1 } else { 0 };
            // A source that is down was asked often enough in that one tick.
            if let Seen::Failed(reason) = &reading.seen
                && (down || failures >= GIVE_UP)
            {
                gone = Some(reason.clone());
            }
            readings.push(reading);
        }
        readings
    }
}
