//! Where a query may look: never at what was before the deployment. Shortens its ranges tick by tick where that gives
//! comparable values, and says from when on its ticks are due. Must not ask anything.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::check::Anchor;
use crate::check::rhythm::Rhythm;
use crate::host::clock::{between, later};
use crate::policy::window::{OldData, Reaching};
use crate::promql::window::Window;

/// The range that a fitted query is not shortened below, in scrape intervals: a rate needs two samples, and one may be
/// lost.
const SCRAPES: u32 = 4;

/// The same where the scrape interval cannot be learnt.
const MIN_RANGE: Duration = Duration::from_secs(60);

/// How far back an instant selector looks where the scrape interval cannot be learnt.
const SCRAPE: Duration = Duration::from_secs(15);

/// How long after the anchor ticks are due where nothing is learnt; `None` where all are.
pub(super) fn needs(window: &Window, reaching: Reaching) -> Option<Duration> {
    needs_of(window, reaching, SCRAPE, reaching.min_range.unwrap_or(MIN_RANGE))
}

/// How long after the anchor a breach can be told before that, where nothing is learnt and the criterion is `max_value`
/// alone; `None` where it cannot.
pub(super) fn tells(window: &Window, reaching: Reaching) -> Option<Duration> {
    let min_range = reaching.min_range.unwrap_or(MIN_RANGE);
    let needs = || window.needs_shortened(SCRAPE, min_range, reaching.lookback);
    (reaching.old_data == OldData::Fit && window.grows()).then(needs)
}

fn needs_of(window: &Window, reaching: Reaching, scrape: Duration, min_range: Duration) -> Option<Duration> {
    match reaching.old_data {
        OldData::Allow => None,
        OldData::Wait => Some(window.needs_as_written(scrape, reaching.lookback)),
        OldData::Fit => Some(window.needs_fitted(scrape, min_range, reaching.lookback)),
    }
}

/// From scrape to scrape of the slowest series of `source` that `window` looks at, where that is known.
pub(super) fn scrape(rhythm: &Rhythm, source: &str, window: &Window) -> Option<Duration> {
    window.selectors().iter().filter_map(|selector| rhythm.scrape(source, selector)).max()
}

/// The shortest range that a query is asked over.
pub(super) fn min_range(reaching: Reaching, rhythm: &Rhythm, source: &str, window: &Window) -> Duration {
    let learnt = || scrape(rhythm, source, window).map(|scrape| scrape * SCRAPES);
    reaching.min_range.or_else(learnt).unwrap_or(MIN_RANGE)
}

/// How the samples of one query stand to the deployment.
#[derive(Debug, Clone)]
pub(super) struct Aim {
    /// Before which no sample may look.
    pub anchor: Timestamp,
    /// When the rollout began: what lies before it is the old version's.
    pub rollout: Timestamp,
    /// How samples that would look all the same are treated.
    pub reaching: Reaching,
    /// Whether an early breach is worth asking for: the criterion is `max_value` alone.
    pub caps: bool,
    /// What is known of scrape intervals.
    pub rhythm: Arc<Rhythm>,
}

impl Aim {
    pub(super) fn new(anchor: Anchor, reaching: Reaching, caps: bool, rhythm: &Arc<Rhythm>) -> Self {
        Self { anchor: anchor.at, rollout: anchor.rollout, reaching, caps, rhythm: rhythm.clone() }
    }

    fn scrape(&self, source: &str, window: &Window) -> Option<Duration> {
        scrape(&self.rhythm, source, window)
    }

    fn min_range(&self, source: &str, window: &Window) -> Duration {
        min_range(self.reaching, &self.rhythm, source, window)
    }

    /// From when on ticks are due.
    pub(super) fn due_from(&self, source: &str, window: &Window) -> Option<Timestamp> {
        let scrape = self.scrape(source, window).unwrap_or(SCRAPE);
        let needs = needs_of(window, self.reaching, scrape, self.min_range(source, window))?;
        Some(later(self.anchor, needs))
    }

    /// From when on a breach can be told before the ticks are due.
    pub(super) fn tells_from(&self, source: &str, window: &Window) -> Option<Timestamp> {
        let scrape = self.scrape(source, window).unwrap_or(SCRAPE);
        let min_range = self.min_range(source, window);
        let needs = || window.needs_shortened(scrape, min_range, self.reaching.lookback);
        self.tells_early(window).then(|| later(self.anchor, needs()))
    }

    /// Whether a breach can be told before the ticks are due.
    fn tells_early(&self, window: &Window) -> bool {
        self.caps && self.reaching.old_data == OldData::Fit && window.grows()
    }

    /// From when on the query is asked as it is written.
    pub(super) fn same_from(&self, source: &str, window: &Window) -> Timestamp {
        let fitted = self.reaching.old_data == OldData::Fit && (window.fits() || self.tells_early(window));
        if !fitted {
            return Timestamp::MIN;
        }
        let scrape = self.scrape(source, window).unwrap_or(SCRAPE);
        later(self.anchor, window.needs_as_written(scrape, self.reaching.lookback))
    }

    /// `query` as it is asked at `at`, and whether that tells a breach only.
    pub(super) fn fitted(&self, query: &Arc<str>, window: &Window, at: Timestamp) -> (Arc<str>, bool) {
        let since = between(self.anchor, at);
        if self.reaching.old_data != OldData::Fit || since.is_zero() {
            return (query.clone(), false);
        }
        let lookback = self.reaching.lookback;
        if self.tells_early(window) {
            return match window.shortened(since, lookback) {
                Some(shorter) => (shorter.into(), true),
                None => (query.clone(), false),
            };
        }
        (window.fitted(since, lookback).map_or_else(|| query.clone(), Arc::from), false)
    }
}
