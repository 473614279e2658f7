//! Counts breaches: a check fails at the breach that completes `max_failures` within `within` consecutive judged
//! samples, counted for the check or for each label set of its own. Pure; must be fed in tick order.

use std::collections::{HashMap, VecDeque};

/// The recent breaches of one check.
#[derive(Debug, Clone)]
pub struct Streak {
    max_failures: usize,
    within: u64,
    judged: u64,
    check: VecDeque<u64>,
    series: Option<HashMap<u64, VecDeque<u64>>>,
}

impl Streak {
    /// Fails at `max_failures` breaches within `within` judged samples; `by_series` counts each label set apart.
    pub fn new(max_failures: u32, within: u32, by_series: bool) -> Self {
        Self {
            max_failures: max_failures.max(1) as usize,
            within: u64::from(within),
            judged: 0,
            check: VecDeque::new(),
            series: by_series.then(HashMap::new),
        }
    }

    /// Takes in a judged sample that is within.
    pub fn within(&mut self) {
        self.judged += 1;
    }

    /// Takes in a breach of the label sets `breaching`; an empty one is the whole check's. Returns how many recent
    /// breaches there are now, the worst label set's where they are counted apart, and whether they fail the check.
    pub fn breach(&mut self, breaching: &[u64]) -> (usize, bool) {
        let now = self.judged;
        self.judged += 1;
        let (max_failures, within) = (self.max_failures, self.within);
        let count = |recent: &mut VecDeque<u64>| {
            recent.push_back(now);
            while recent.front().is_some_and(|first| now - first >= within) {
                recent.pop_front();
            }
            recent.len()
        };
        let worst = match &mut self.series {
            Some(series) if !breaching.is_empty() => {
                breaching.iter().map(|key| count(series.entry(*key).or_default())).max().unwrap_or(0)
            }
            _ => count(&mut self.check),
        };
        (worst, worst >= max_failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 1-based sample at which `pattern` (`b` breach, `.` within) fails, and the count then.
    fn fails(pattern: &str, max_failures: u32, within: u32) -> Option<usize> {
        let mut streak = Streak::new(max_failures, within, false);
        pattern.chars().position(|c| match c {
            'b' => streak.breach(&[]).1,
            _ => {
                streak.within();
                false
            }
        })
    }

    #[test]
    fn breaches_count_within_their_span() {
        assert_eq!(fails("bbb", 3, 6), Some(2));
        assert_eq!(fails("b.b.b", 3, 6), Some(4));
        assert_eq!(fails("b..b.b", 3, 6), Some(5));
        assert_eq!(fails("b...b.b", 3, 6), None);
        assert_eq!(fails("b...b.bb", 3, 6), Some(7));
        assert_eq!(fails("bb.bb.bbb", 3, 3), Some(8));
        assert_eq!(fails("b", 1, 1), Some(0));
    }

    #[test]
    fn label_sets_count_apart() {
        let mut streak = Streak::new(2, 4, true);
        assert_eq!(streak.breach(&[1]), (1, false));
        assert_eq!(streak.breach(&[2]), (1, false));
        assert_eq!(streak.breach(&[3]), (1, false));
        assert_eq!(streak.breach(&[1, 4]), (2, true));
    }
}
