//! How often series are sampled, and how late their samples come, as learnt from their sources: asked once for all
//! probes of a run. Must not ask anything; the probes do, and write down here what they heard.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::RawSeries;

/// How long before the deployment samples are looked at to learn how often they come.
pub const LEARNT_FROM: Duration = Duration::from_secs(600);

/// Series that are looked at to learn from.
pub const LEARNT_OF: usize = 20;

/// Questions that one source is asked to learn from; what is beyond goes by the slowest of them.
const MOST_QUESTIONS: usize = 100;

/// The longest that `delay: auto` waits.
const LATEST: Duration = Duration::from_secs(120);

/// What is known of each source.
#[derive(Debug, Default)]
pub struct Rhythm(Mutex<HashMap<String, Source>>);

#[derive(Debug, Default)]
struct Source {
    scrapes: HashMap<String, Option<Duration>>,
    delay: Option<Duration>,
    /// Whether a question was not answered: asking more would only keep the run waiting.
    silent: bool,
}

impl Rhythm {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Source>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether whoever asks is the first to ask `source` about `selector`, and should.
    pub fn claim(&self, source: &str, selector: &str) -> bool {
        let mut known = self.known();
        let source = known.entry(source.to_owned()).or_default();
        if source.silent || source.scrapes.len() >= MOST_QUESTIONS || source.scrapes.contains_key(selector) {
            return false;
        }
        source.scrapes.insert(selector.to_owned(), None);
        true
    }

    /// Writes down that the series of `selector` are sampled every `scrape`, and how much later than that the newest
    /// sample came; the latest holds for the source.
    pub fn learn(&self, source: &str, selector: &str, scrape: Option<Duration>, late: Option<Duration>) {
        let mut known = self.known();
        let source = known.entry(source.to_owned()).or_default();
        source.scrapes.insert(selector.to_owned(), scrape);
        source.delay = source.delay.max(late.map(|late| late.min(LATEST)));
    }

    /// Writes down that `source` does not answer; nobody asks it any more.
    pub fn silence(&self, source: &str) {
        self.known().entry(source.to_owned()).or_default().silent = true;
    }

    /// From scrape to scrape of the series of `selector`; the slowest known of the source for what nobody asked about.
    pub fn scrape(&self, source: &str, selector: &str) -> Option<Duration> {
        let known = self.known();
        let source = known.get(source)?;
        match source.scrapes.get(selector) {
            Some(scrape) => *scrape,
            None => source.scrapes.values().flatten().max().copied(),
        }
    }

    /// The same to go on from, without what could not be learnt: whoever has it may ask again, and nobody else hears.
    pub fn fork(&self) -> Self {
        let learnt = |source: &Source| Source {
            scrapes: source
                .scrapes
                .iter()
                .filter(|(_, scrape)| scrape.is_some())
                .map(|(k, v)| (k.clone(), *v))
                .collect(),
            delay: source.delay,
            silent: false,
        };
        let known = self.known().iter().map(|(name, source)| (name.clone(), learnt(source))).collect();
        Self(Mutex::new(known))
    }

    /// Takes in what `fork` has learnt beyond it.
    pub fn join(&self, fork: &Self) {
        let forked = fork.fork().0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.known();
        for (name, Source { scrapes, delay, .. }) in forked {
            let source = known.entry(name).or_default();
            source.delay = source.delay.max(delay);
            for (selector, scrape) in scrapes {
                source.scrapes.entry(selector).or_insert(scrape);
            }
        }
    }

    /// How long after a tick the data of `source` is complete, as far as it is known.
    pub fn delay(&self, source: &str) -> Option<Duration> {
        self.known().get(source)?.delay
    }
}

/// From scrape to scrape of `series`: the middle gap of the series whose middle gap is longest. `None` where no series
/// has two samples.
pub fn scrape_interval(series: &[RawSeries]) -> Option<Duration> {
    let middle = |one: &RawSeries| {
        let mut gaps: Vec<i64> = one.samples.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).copied()
    };
    let longest = series.iter().filter_map(middle).max()?;
    u64::try_from(longest).ok().filter(|millis| *millis > 0).map(Duration::from_millis)
}

/// When the newest sample of `series` was taken, in unix milliseconds.
pub fn newest(series: &[RawSeries]) -> Option<i64> {
    series.iter().filter_map(|one| one.samples.last()).map(|(at, _)| *at).max()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn series(times: &[i64]) -> RawSeries {
        RawSeries { labels: Arc::default(), samples: times.iter().map(|at| (*at, 0.0)).collect() }
    }

    #[test]
    fn the_middle_gap_is_the_interval() {
        let regular = series(&[0, 15_000, 30_000, 45_100, 60_000]);
        let gappy = series(&[0, 30_000, 120_000, 150_000, 180_000]);
        assert_eq!(scrape_interval(&[regular.clone(), gappy]), Some(Duration::from_secs(30)));
        assert_eq!(scrape_interval(&[regular]), Some(Duration::from_millis(15_000)));
        assert_eq!(scrape_interval(&[series(&[5])]), None);
        assert_eq!(scrape_interval(&[]), None);
    }

    #[test]
    fn a_selector_is_asked_about_once() {
        let rhythm = Rhythm::default();
        assert!(rhythm.claim("a", "up"));
        assert!(!rhythm.claim("a", "up"));
        assert!(rhythm.claim("b", "up"));
        assert_eq!(rhythm.scrape("a", "up"), None);
        rhythm.learn("a", "up", Some(Duration::from_secs(30)), Some(Duration::from_secs(500)));
        assert_eq!(rhythm.scrape("a", "up"), Some(Duration::from_secs(30)));
        assert_eq!(rhythm.scrape("a", "down"), Some(Duration::from_secs(30)));
        assert_eq!(rhythm.delay("a"), Some(LATEST));
        assert_eq!(rhythm.delay("b"), None);
        rhythm.silence("b");
        assert!(!rhythm.claim("b", "other"));
    }

    #[test]
    fn a_fork_asks_anew_what_is_not_known() {
        let rhythm = Rhythm::default();
        assert!(rhythm.claim("a", "up") && rhythm.claim("a", "down"));
        rhythm.learn("a", "up", Some(Duration::from_secs(30)), None);
        let fork = rhythm.fork();
        assert!(!fork.claim("a", "up"));
        assert!(fork.claim("a", "down"));
        fork.learn("a", "down", Some(Duration::from_secs(60)), None);
        assert_eq!(rhythm.scrape("a", "down"), None);
        rhythm.fork().join(&fork);
        let joined = Rhythm::default();
        joined.join(&fork);
        assert_eq!(joined.scrape("a", "down"), Some(Duration::from_secs(60)));
        assert_eq!(joined.scrape("a", "up"), Some(Duration::from_secs(30)));
    }
}
