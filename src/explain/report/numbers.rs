//! The numbers behind a check's outcome, counted again from its samples: which breaches failed it, and what the values
//! were before and after the first. Must count as the gate does, and must not decide what the gate has decided.

use super::wire::{Check, Sample};
use crate::gate::outcome::State;
use crate::gate::streak::Streak;

impl Sample {
    pub(super) fn is(&self, state: State) -> bool {
        self.state.as_deref() == Some(state.word())
    }

    pub(super) fn judged(&self) -> bool {
        self.is(State::Within) || self.is(State::Breach)
    }

    /// The value of the worst series.
    pub(super) fn worst(&self) -> Option<f64> {
        self.values.as_ref()?.first().map(|one| one.value.0)
    }
}

impl Check {
    /// The samples that were judged, in their order.
    pub(super) fn judged_samples(&self) -> impl Iterator<Item = &Sample> + Clone {
        self.samples().iter().filter(|sample| sample.judged())
    }

    /// Whether breaches are counted for each series, of which a report keeps too few to count them again.
    pub(super) fn counts_series(&self) -> bool {
        self.criterion.as_ref().and_then(|limits| limits.count.as_deref()) == Some("series")
    }

    /// Breaches that fail it, and among how many judged samples.
    pub(super) fn rule(&self) -> Option<(u32, u32)> {
        if self.stable_for.is_some() {
            return None;
        }
        let max = u32::try_from(self.max_failures?).ok()?;
        let within = u32::try_from(self.within?).ok()?;
        (max > 0 && within >= max).then_some((max, within))
    }

    /// The breaches that failed it, the last of them included; empty where that cannot be counted again.
    pub(super) fn decisive(&self) -> Vec<&Sample> {
        let Some((max, within)) = self.rule().filter(|_| !self.counts_series()) else { return Vec::new() };
        let judged: Vec<&Sample> = self.judged_samples().collect();
        let Some(end) = completes(judged.iter().map(|sample| sample.is(State::Breach)), max, within) else {
            return Vec::new();
        };
        let start = (end + 1).saturating_sub(within as usize);
        judged[start..=end].iter().copied().filter(|sample| sample.is(State::Breach)).collect()
    }
}

/// The index of the judged sample at which breaches complete a failure.
pub(super) fn completes(breaches: impl Iterator<Item = bool>, max: u32, within: u32) -> Option<usize> {
    let mut streak = Streak::new(max, within, false);
    breaches.enumerate().find_map(|(index, breach)| {
        if breach {
            return streak.breach(&[]).1.then_some(index);
        }
        streak.within();
        None
    })
}

/// The most breaches among so many judged samples in a row.
pub(super) fn most(breaches: &[bool], within: u32) -> usize {
    let within = within.max(1) as usize;
    let windows = |end: usize| &breaches[(end + 1).saturating_sub(within)..=end];
    (0..breaches.len()).map(|end| windows(end).iter().filter(|breach| **breach).count()).max().unwrap_or(0)
}

/// The smallest, the middle and the largest of `values`; those that are not numbers are left out.
pub(super) fn spread(values: impl Iterator<Item = f64>) -> Option<(f64, f64, f64)> {
    let mut values: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    values.sort_by(f64::total_cmp);
    let (first, last) = (values.first()?, values.last()?);
    let upper = values[values.len() / 2];
    let middle = if values.len() % 2 == 1 || !upper.is_finite() {
        upper
    } else {
        f64::midpoint(values[values.len() / 2 - 1], upper)
    };
    Some((*first, middle, *last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Vec<bool> {
        text.chars().map(|c| c == 'b').collect()
    }

    #[test]
    fn breaches_are_counted_as_the_gate_does() {
        assert_eq!(completes(pattern("b..b.b").into_iter(), 3, 6), Some(5));
        assert_eq!(completes(pattern("b...b.b").into_iter(), 3, 6), None);
        assert_eq!(most(&pattern("b...b.b"), 6), 2);
        assert_eq!(most(&pattern("bb.bb"), 6), 4);
        assert_eq!(most(&[], 6), 0);
    }

    #[test]
    fn a_spread_leaves_out_what_is_no_number() {
        assert_eq!(spread([3.0, f64::NAN, 1.0, 2.0].into_iter()), Some((1.0, 2.0, 3.0)));
        assert_eq!(spread([1.0, 2.0].into_iter()), Some((1.0, 1.5, 2.0)));
        assert_eq!(spread([1.0, f64::INFINITY].into_iter()), Some((1.0, f64::INFINITY, f64::INFINITY)));
        assert_eq!(spread(std::iter::empty()), None);
    }
}
