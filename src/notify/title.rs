//! What messages are named by: a title's words, a key that stays the same, and how many checks came to what. Must not
//! hold anything that is not masked yet.

use crate::event::id::{Parts, once_only};
use crate::event::service;
use crate::gate::outcome::{Outcome, Record};

/// `checkout 1.4.0 → production`, as far as known.
pub(super) fn about(record: &Record, clean: &impl Fn(&str) -> String) -> String {
    let clean = |text: Option<&str>| text.map(clean);
    let (service, version) = (clean(service(record)), clean(record.version.as_deref()));
    let (policy, place) = (clean(Some(&record.policy)), clean(record.environment.as_deref()));
    about_what(&[service.as_deref(), version.as_deref()], &policy.unwrap_or_default(), place.as_deref())
}

/// The same of what is known: `other` where none of `what` is.
pub(super) fn about_what(what: &[Option<&str>], other: &str, place: Option<&str>) -> String {
    let what: Vec<&str> = what.iter().copied().flatten().filter(|text| !text.is_empty()).collect();
    let what = if what.is_empty() { other.to_owned() } else { what.join(" ") };
    match place.filter(|text| !text.is_empty()) {
        Some(place) => format!("{what} → {place}"),
        None => what,
    }
}

/// `key` of at most 255 bytes: longer ones would be cut to the same.
pub(super) fn bounded(key: String) -> String {
    if key.len() <= 255 {
        return key;
    }
    let parts = Parts { purpose: "key", target: &key, ..Parts::default() };
    format!("rollgate/{}", once_only(&parts))
}

/// How many of `outcomes` there are of each.
pub(super) fn counts(outcomes: impl Iterator<Item = Outcome> + Clone) -> Vec<(Outcome, usize)> {
    use Outcome::{Failed, Inconclusive, Passed, Skipped, Unfinished};
    let all = [Failed, Inconclusive, Unfinished, Passed, Skipped];
    let count = |outcome| (outcome, outcomes.clone().filter(|other| *other == outcome).count());
    all.into_iter().map(count).filter(|(_, count)| *count > 0).collect()
}
