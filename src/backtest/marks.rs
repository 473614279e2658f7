//! What marks a deployment in the answers of a query: a value that changes, or a version that was not there before. Pure:
//! it is handed the answers in order of time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::deployment::Deployment;
use crate::check::{Labels, Series};
use crate::host::clock::{between, later};
use crate::policy::variables::is_own;

/// Labels that name a version, the first that a series has: its value says nothing then, but whether it is above 0.
const VERSION: &[&str] = &[
    "version",
    "app_version",
    "app_kubernetes_io_version",
    "image_tag",
    "image",
    "release",
    "revision",
    "commit",
    "sha",
];

/// Labels that tell the copies of one service apart, which come and go without a deployment.
const COPY: &[&str] = &[
    "__name__",
    "instance",
    "pod",
    "pod_name",
    "container_id",
    "uid",
    "node",
    "host",
    "hostname",
    "endpoint",
    "id",
    "image_id",
];

/// Seconds between a time that is a value and the sample that shows it, for it to be taken for the deployment's.
const NEAR: f64 = 86_400.0;

/// Seconds by which such a time may be ahead of its sample.
const AHEAD: f64 = 600.0;

/// When a change was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The value says it.
    At(Timestamp),
    /// After the first and by the second of two neighbouring answers.
    Between(Timestamp, Timestamp),
}

/// A deployment as answers show it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    /// When it was.
    pub when: When,
    /// What is deployed, without the labels of versions and copies.
    pub labels: Labels,
    version: Option<Arc<str>>,
    previous: Option<Arc<str>>,
    /// What was known before it; to look closer.
    before: Known,
}

impl Mark {
    /// The deployment at `time`, its labels variables.
    pub(crate) fn deployment(&self, time: Timestamp) -> Deployment {
        let label = |names: &[&str]| {
            let find = |name: &&str| self.labels.iter().find(|(label, _)| **label == **name);
            names.iter().find_map(find).map(|(_, value)| value.to_string())
        };
        let own = self.labels.iter().filter(|(name, _)| !is_own(name));
        Deployment {
            service: label(&["service"]),
            environment: label(&["environment", "env"]),
            version: self.version.as_deref().map(str::to_owned),
            previous_version: self.previous.as_deref().map(str::to_owned),
            variables: own.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            ..Deployment::at(time)
        }
    }
}

/// What is known of one label set.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    /// Whether it was there at all.
    seen: bool,
    /// The versions that were there last.
    versions: BTreeSet<Arc<str>>,
    /// The newest of them.
    current: Option<Arc<str>>,
    /// The value that it had last.
    value: f64,
}

/// What one answer says of a label set.
#[derive(Debug, Default)]
struct Now {
    versions: BTreeSet<Arc<str>>,
    value: Option<f64>,
}

/// Follows answers through time.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// The label sets without versions and copies, and what is known of each.
    known: Vec<(Labels, Known)>,
    /// What the answer at hand says of each of them.
    now: Vec<Now>,
    /// Which of them a series belongs to, and its version: answers have the same ones a thousand times.
    places: HashMap<Arc<Labels>, (usize, Option<Arc<str>>)>,
    /// The answer before.
    last: Option<Timestamp>,
    /// Whether there was anything yet: what is there from the beginning on is no deployment.
    begun: bool,
    /// Before which a time that is a value is of no interest.
    from: Timestamp,
}

impl Marks {
    /// Marks from `from` on.
    pub(crate) fn new(from: Timestamp) -> Self {
        Self { from, ..Self::default() }
    }

    /// What was known before `mark`, for answers that lie closer together.
    pub(crate) fn before(mark: &Mark, from: Timestamp) -> Self {
        let known = vec![(mark.labels.clone(), mark.before.clone())];
        Self { known, now: vec![Now::default()], last: Some(from), begun: true, ..Self::new(from) }
    }

    /// Takes in the answer at `at`, later than those before: the deployments that it shows.
    pub(crate) fn take(&mut self, at: Timestamp, series: &[Series]) -> Vec<Mark> {
        for one in series.iter().filter(|one| !one.value.is_nan()) {
            let (place, version) = self.place(&one.labels);
            let now = &mut self.now[place];
            match version {
                // What is 0 is there no more: `build_info` of old versions, or a count of their pods.
                Some(version) if one.value > 0.0 => drop(now.versions.insert(version)),
                Some(_) => {}
                None => now.value = Some(now.value.map_or(one.value, |value| value.max(one.value))),
            }
        }
        let when = When::Between(self.last.unwrap_or(at), at);
        let mut marks = Vec::new();
        for index in 0..self.now.len() {
            let now = std::mem::take(&mut self.now[index]);
            let (labels, before) = &self.known[index];
            let Some((after, marked)) = self.follow(before, now, at, when) else { continue };
            if let Some(when) = marked {
                let (version, previous) = (after.current.clone(), before.current.clone());
                marks.push(Mark { when, labels: labels.clone(), version, previous, before: before.clone() });
            }
            self.known[index].1 = after;
        }
        self.begun |= self.known.iter().any(|(_, known)| known.seen);
        self.last = Some(at);
        marks
    }

    /// Where what is known of the series `labels` is, and its version.
    fn place(&mut self, labels: &Arc<Labels>) -> (usize, Option<Arc<str>>) {
        if let Some(place) = self.places.get(labels) {
            return place.clone();
        }
        let (own, version) = split(labels);
        let index = self.known.iter().position(|(known, _)| *known == own).unwrap_or_else(|| {
            self.known.push((own, Known::default()));
            self.now.push(Now::default());
            self.known.len() - 1
        });
        let place = (index, version);
        self.places.insert(labels.clone(), place.clone());
        place
    }

    /// What is known after `now`, and when that is a deployment; `None` where it says nothing new.
    fn follow(&self, before: &Known, now: Now, at: Timestamp, when: When) -> Option<(Known, Option<When>)> {
        if let Some(value) = now.value {
            let changed = if before.seen { value != before.value } else { self.begun };
            if before.seen && !changed {
                return None;
            }
            let said = moment(value, at).filter(|said| before.seen || *said >= self.from);
            let marked = said.map(When::At).or_else(|| changed.then_some(when));
            return Some((Known { seen: true, value, ..Known::default() }, marked));
        }
        if now.versions.is_empty() || now.versions == before.versions {
            return None;
        }
        let newest = now.versions.difference(&before.versions).last().cloned();
        let marked = newest.is_some() && (before.seen || self.begun);
        let current = newest.or_else(|| before.current.clone());
        Some((Known { seen: true, versions: now.versions, current, value: 0.0 }, marked.then_some(when)))
    }
}

/// `labels` without those of versions and copies, and the version.
fn split(labels: &Labels) -> (Labels, Option<Arc<str>>) {
    let named = |name: &str| labels.iter().find(|(label, _)| **label == *name);
    let version = VERSION.iter().find_map(|name| named(name));
    let own = labels
        .iter()
        .filter(|(name, _)| !COPY.contains(&&**name) && version.is_none_or(|(version, _)| version != name));
    (own.cloned().collect(), version.map(|(_, value)| Arc::from(&**value)))
}

/// `value` as the time that it says, in seconds or milliseconds, where that is near the sample at `at`.
fn moment(value: f64, at: Timestamp) -> Option<Timestamp> {
    let seconds = if value > 1e11 { value / 1e3 } else { value };
    let ago = at.as_millisecond() as f64 / 1e3 - seconds;
    #[expect(clippy::cast_possible_truncation, reason = "near a timestamp")]
    let millis = (seconds * 1e3).round() as i64;
    if (-AHEAD..=NEAR).contains(&ago) { Timestamp::from_millisecond(millis).ok() } else { None }
}

/// The times from `from` to `until`, `step` apart.
pub(crate) fn points(from: Timestamp, until: Timestamp, step: std::time::Duration) -> usize {
    let steps = between(from, until).as_nanos() / step.as_nanos().max(1);
    usize::try_from(steps).unwrap_or(usize::MAX).saturating_add(1)
}

/// The time of point `index` of those.
pub(crate) fn point(from: Timestamp, step: std::time::Duration, index: usize) -> Timestamp {
    later(from, step.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: i64 = 1_768_471_200;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(BEGIN + second).unwrap()
    }

    fn series(labels: &[(&str, &str)], value: f64) -> Series {
        let mut labels: Labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        labels.sort();
        Series { labels: Arc::new(labels), value }
    }

    /// What the answers, a minute apart, show: when, and the version with the one before it.
    fn shown(answers: &[Vec<Series>]) -> Vec<(When, String)> {
        let mut marks = Marks::new(at(0));
        let all = (0..).map(|minute| at(60 * minute)).zip(answers);
        let found = all.flat_map(|(at, series)| marks.take(at, series));
        let said = |mark: Mark| {
            let versions = [mark.previous, mark.version]
                .map(|version| version.as_deref().unwrap_or_default().to_owned());
            (mark.when, versions.join(" to "))
        };
        found.map(said).collect()
    }

    fn between_minutes(minute: i64) -> When {
        When::Between(at(60 * (minute - 1)), at(60 * minute))
    }

    #[test]
    fn a_value_that_changes_is_a_deployment() {
        let generation = |value| vec![series(&[("deployment", "shop")], value)];
        let found = shown(&[generation(4.0), generation(4.0), vec![], generation(4.0), generation(5.0)]);
        assert_eq!(found, [(between_minutes(4), " to ".to_owned())]);
    }

    #[test]
    fn a_value_that_is_a_time_says_when() {
        let told = |second: i64| vec![series(&[], (BEGIN + second) as f64)];
        // The first is older than what was asked about, the last was before it and is seen only now.
        let found = shown(&[told(-500), told(-500), told(70), told(70)]);
        assert_eq!(found, [(When::At(at(70)), " to ".to_owned())]);
        let millis = |second: i64| vec![series(&[], ((BEGIN + second) * 1000) as f64)];
        assert_eq!(shown(&[vec![], millis(20)])[..], [(When::At(at(20)), " to ".to_owned())]);
    }

    #[test]
    fn a_version_that_was_not_there_is_a_deployment() {
        let runs = |versions: &[&str]| -> Vec<Series> {
            versions.iter().map(|v| series(&[("job", "shop"), ("pod", v), ("version", v)], 1.0)).collect()
        };
        let found =
            shown(&[runs(&["v1"]), runs(&["v1", "v2"]), runs(&["v2"]), vec![], runs(&["v2"]), runs(&["v1"])]);
        let wanted =
            [(between_minutes(1), "v1 to v2".to_owned()), (between_minutes(5), "v2 to v1".to_owned())];
        assert_eq!(found, wanted);
        // A count of pods that reaches 0 is no version, and one that changes is no deployment.
        let pods =
            |old: f64, new: f64| vec![series(&[("version", "v1")], old), series(&[("version", "v2")], new)];
        let found = shown(&[pods(3.0, 0.0), pods(2.0, 0.0), pods(2.0, 1.0), pods(0.0, 3.0)]);
        assert_eq!(found, [(between_minutes(2), "v1 to v2".to_owned())]);
    }

    #[test]
    fn a_service_that_comes_later_is_a_deployment_of_its_own() {
        let one = |job| series(&[("job", job), ("version", "v1")], 1.0);
        let found = shown(&[vec![], vec![one("a")], vec![one("a"), one("b")]]);
        assert_eq!(found, [(between_minutes(2), " to v1".to_owned())]);
    }

    #[test]
    fn a_change_is_found_again_in_closer_answers() {
        let runs = |version| vec![series(&[("version", version)], 1.0)];
        let mut marks = Marks::new(at(0));
        marks.take(at(0), &runs("v1"));
        let found = marks.take(at(60), &runs("v2"));
        let mut closer = Marks::before(&found[0], at(0));
        assert!(closer.take(at(30), &runs("v1")).is_empty());
        assert_eq!(closer.take(at(31), &runs("v2"))[0].when, When::Between(at(30), at(31)));
        let deployment = found[0].deployment(at(31));
        assert_eq!(deployment.version.as_deref(), Some("v2"));
        assert_eq!(deployment.previous_version.as_deref(), Some("v1"));
    }
}
