//! The exact distribution of a sum of ranks when any split of the values into the two samples is as likely as any other,
//! ties included. Must refuse what would take too long.

/// The cost up to which a distribution is worked out: two samples of 25, or 3 beside 460.
const MOST: usize = 1400;

/// How many subsets of `size` of the ranks have each sum.
#[derive(Debug, Clone)]
pub(super) struct Permutation {
    counts: Vec<f64>,
    total: f64,
}

impl Permutation {
    /// Of all subsets of `size` of `ranks`; `None` where that is too much work. Counts are exact below 2^53.
    pub(super) fn new(ranks: &[u64], size: usize) -> Option<Self> {
        if size.checked_mul(ranks.len())? > MOST {
            return None;
        }
        let largest = ranks.iter().copied().max().unwrap_or(0) as usize;
        let width = size * largest + 1;
        // counts[j·width + s]: subsets of j of the ranks so far with the sum s.
        let mut counts = vec![0.0; (size + 1) * width];
        counts[0] = 1.0;
        for (seen, rank) in ranks.iter().enumerate() {
            let rank = *rank as usize;
            for j in (1..=size.min(seen + 1)).rev() {
                let (fewer, more) = counts.split_at_mut(j * width);
                let fewer = &fewer[(j - 1) * width..];
                for (to, from) in more[rank..width].iter_mut().zip(fewer) {
                    *to += from;
                }
            }
        }
        let counts = counts.split_off(size * width);
        let total = counts.iter().sum();
        Some(Self { counts, total })
    }

    /// P(sum ≤ `sum`).
    pub(super) fn at_most(&self, sum: u64) -> f64 {
        let end = self.counts.len().min(usize::try_from(sum).unwrap_or(usize::MAX).saturating_add(1));
        self.counts[..end].iter().sum::<f64>() / self.total
    }

    /// P(sum ≥ `sum`).
    pub(super) fn at_least(&self, sum: u64) -> f64 {
        let start = self.counts.len().min(usize::try_from(sum).unwrap_or(usize::MAX));
        self.counts[start..].iter().sum::<f64>() / self.total
    }
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
