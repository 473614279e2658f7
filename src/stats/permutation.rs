//! The exact distribution of a sum of ranks when any split of the values into the two samples is as likely as any other,
//! ties included. Must refuse what would take too long.

/// The cost up to which a distribution is worked out: two samples of 25, or 3 beside 460.
const MOST: usize = 1400;

/// How many subsets of `size` of the ranks have each sum.
#[derive(Debug, Clone)]
pub(super) struct Permutation {
    /// By sum, less the least that could be, in units of `unit`.
    counts: Vec<f64>,
    total: f64,
    least: u64,
    unit: u64,
}

impl Permutation {
    /// Of all subsets of `size` of `ranks`; `None` where that is too much work. Counts are exact below 2^53.
    pub(super) fn new(ranks: &[u64], size: usize) -> Option<Self> {
        if size.checked_mul(ranks.len())? > MOST {
            return None;
        }
        // From 0 on, and without a common divisor, sums are as small as can be.
        let lowest = ranks.iter().copied().min().unwrap_or(0);
        let unit = ranks.iter().fold(0, |unit, rank| gcd(unit, rank - lowest)).max(1);
        let mut ranks: Vec<usize> = ranks.iter().map(|rank| ((rank - lowest) / unit) as usize).collect();
        ranks.sort_unstable();
        let width = size * ranks.last().copied().unwrap_or(0) + 1;
        // counts[j·width + s]: subsets of j of the ranks so far with the sum s.
        let mut counts = vec![0.0; (size + 1) * width];
        counts[0] = 1.0;
        for (seen, rank) in ranks.iter().copied().enumerate() {
            for j in (1..=size.min(seen + 1)).rev() {
                let (fewer, more) = counts.split_at_mut(j * width);
                let fewer = &fewer[(j - 1) * width..];
                // In rising order no rank so far is above this one.
                for (to, from) in more[rank..=j * rank].iter_mut().zip(fewer) {
                    *to += from;
                }
            }
        }
        let counts = counts.split_off(size * width);
        let total = counts.iter().sum();
        Some(Self { counts, total, least: lowest * size as u64, unit })
    }

    /// P(sum ≤ `sum`).
    pub(super) fn at_most(&self, sum: u64) -> f64 {
        let end = sum.checked_sub(self.least).map_or(0, |above| above / self.unit + 1);
        self.counts[..self.place(end)].iter().sum::<f64>() / self.total
    }

    /// P(sum ≥ `sum`).
    pub(super) fn at_least(&self, sum: u64) -> f64 {
        let start = sum.saturating_sub(self.least).div_ceil(self.unit);
        self.counts[self.place(start)..].iter().sum::<f64>() / self.total
    }

    fn place(&self, at: u64) -> usize {
        usize::try_from(at).map_or(self.counts.len(), |at| at.min(self.counts.len()))
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_two_of_four_ranks_are_counted() {
        let splits = Permutation::new(&[1, 2, 3, 4], 2).unwrap();
        let sixths = |p: f64| (p * 6.0).round();
        assert_eq!([3, 4, 5, 6, 7].map(|sum| sixths(splits.at_most(sum))), [1.0, 2.0, 4.0, 5.0, 6.0]);
        assert_eq!([3, 5, 7, 8].map(|sum| sixths(splits.at_least(sum))), [6.0, 4.0, 1.0, 0.0]);
        assert_eq!(splits.at_most(u64::MAX), 1.0);
        assert_eq!(splits.at_least(u64::MAX), 0.0);
    }

    #[test]
    fn sums_between_the_possible_ones_are_rounded_the_safe_way() {
        let splits = Permutation::new(&[2, 4, 6, 8], 2).unwrap();
        let sixths = |p: f64| (p * 6.0).round();
        assert_eq!([5, 6, 7, 8].map(|sum| sixths(splits.at_most(sum))), [0.0, 1.0, 1.0, 2.0]);
        assert_eq!([13, 14, 15].map(|sum| sixths(splits.at_least(sum))), [1.0, 1.0, 0.0]);
    }

    #[test]
    fn tied_ranks_count_once_each() {
        let splits = Permutation::new(&[5, 5, 5, 5], 2).unwrap();
        assert_eq!((splits.at_least(10), splits.at_most(10)), (1.0, 1.0));
    }

    #[test]
    fn too_much_work_is_refused() {
        assert!(Permutation::new(&[1; 50], 25).is_some());
        assert!(Permutation::new(&[1; 120], 60).is_none());
        assert!(Permutation::new(&[1; 2], usize::MAX).is_none());
    }
}
