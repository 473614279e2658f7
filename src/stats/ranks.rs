//! Mid-ranks of one or two samples, doubled so that they are whole numbers. Must be given no NaN.

/// Values closer than this, relative to the larger one, share a rank: rounding, not order, tells them apart.
const TIE: f64 = 1e-12;

/// The doubled mid-ranks of two samples among all values of both, in the order given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranks {
    /// Those of the first sample.
    pub(super) x: Vec<u64>,
    /// Those of the second.
    pub(super) y: Vec<u64>,
    /// Σ(t³ − t) over the groups of t equal values.
    pub(super) ties: f64,
}

impl Ranks {
    /// Ranks the values of `x` and `y` together.
    pub(super) fn of(x: &[f64], y: &[f64]) -> Self {
        let all: Vec<f64> = x.iter().chain(y).copied().collect();
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_unstable_by(|a, b| all[*a].total_cmp(&all[*b]));
        let mut ranks = vec![0; all.len()];
        let mut ties = 0.0;
        let mut start = 0;
        while start < order.len() {
            let first = all[order[start]];
            let end = order[start..].iter().position(|at| !tied(first, all[*at]));
            let end = end.map_or(order.len(), |found| start + found.max(1));
            // Twice the mean of the ranks start+1 to end.
            let rank = (start + 1 + end) as u64;
            for at in &order[start..end] {
                ranks[*at] = rank;
            }
            let size = (end - start) as f64;
            ties += size * size * size - size;
            start = end;
        }
        let y = ranks.split_off(x.len());
        Self { x: ranks, y, ties }
    }
}

fn tied(a: f64, b: f64) -> bool {
    a == b || (b - a).abs() <= TIE * a.abs().max(b.abs()) && a.is_finite() && b.is_finite()
}

/// The doubled mid-ranks of the finite ones of `values` among each other, in their order.
pub(super) fn within(values: &[f64]) -> Vec<f64> {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    Ranks::of(&finite, &[]).x.into_iter().map(|rank| rank as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_the_mean_of_their_ranks() {
        let ranks = Ranks::of(&[1.0, 3.0], &[1.0, 2.0, 1.0]);
        assert_eq!((ranks.x, ranks.y), (vec![4, 10], vec![4, 8, 4]));
        assert_eq!(ranks.ties, 24.0);
    }

    #[test]
    fn rounding_does_not_make_an_order() {
        assert_eq!(Ranks::of(&[0.1 + 0.2], &[0.3]).x, vec![3]);
        assert_eq!(Ranks::of(&[-0.0], &[0.0]).x, vec![3]);
        assert_eq!(Ranks::of(&[1e-300], &[2e-300]).x, vec![2]);
        assert_eq!(Ranks::of(&[f64::INFINITY], &[f64::INFINITY, 1.0]).x, vec![5]);
        assert_eq!(Ranks::of(&[f64::NEG_INFINITY], &[f64::MIN]).x, vec![2]);
        assert!(within(&[]).is_empty());
    }
}
