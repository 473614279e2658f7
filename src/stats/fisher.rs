//! Fisher's exact test of a table of two by two counts: for one look, and for counts of which both margins are fixed.
//! Must take a bounded number of steps, whatever the counts.

use super::gamma::{deviance, stirling_error};
use super::normal;

/// The p-values of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fisher {
    /// Against "bad events are not more frequent in the first row".
    pub greater: f64,
    /// Against "bad events are not less frequent in the first row".
    pub less: f64,
    /// Against "they are as frequent in both": all tables together that are no more likely than this one.
    pub two_sided: f64,
}

/// Beyond this variance of the first count the normal distribution stands in: sums would have too many terms.
const WIDEST: f64 = 1e10;

/// Tests a table of `bad` and `good` events in two rows. Relative error about 1e-10.
///
/// Source: R. A. Fisher, "Statistical methods for research workers" (1934), §21.02; two-sided as in R and scipy.
pub fn fisher(first: (u64, u64), second: (u64, u64)) -> Fisher {
    let table = Table {
        bad: first.0 as f64 + second.0 as f64,
        row: first.0 as f64 + first.1 as f64,
        other: second.0 as f64 + second.1 as f64,
    };
    table.p_values(first.0 as f64)
}

/// The margins of a table; counts are whole numbers.
struct Table {
    bad: f64,
    row: f64,
    other: f64,
}

impl Table {
    fn p_values(&self, at: f64) -> Fisher {
        let all = self.row + self.other;
        let least = (self.bad - self.other).max(0.0);
        let most = self.bad.min(self.row);
        if least == most {
            return Fisher { greater: 1.0, less: 1.0, two_sided: 1.0 };
        }
        let mean = self.bad * (self.row / all);
        let variance = mean * (self.other / all) * ((all - self.bad) / (all - 1.0));
        if variance > WIDEST {
            let deviation = variance.sqrt();
            let (greater, less) =
                (normal::sf((at - 0.5 - mean) / deviation), normal::cdf((at + 0.5 - mean) / deviation));
            return Fisher { greater, less, two_sided: (2.0 * greater.min(less)).min(1.0) };
        }
        let mode = ((self.bad + 1.0) * (self.row + 1.0) / (all + 2.0)).floor().clamp(least, most);
        let greater = if at > mode { self.upwards(at, most) } else { 1.0 - self.downwards(at - 1.0, least) };
        let less = if at < mode { self.downwards(at, least) } else { 1.0 - self.upwards(at + 1.0, most) };
        // Equal but for rounding is equal.
        let limit = self.probability(at) * (1.0 + 1e-7);
        let two_sided = if at >= mode {
            let end = last(least - 1.0, mode - 1.0, |k| k < least || self.probability(k) <= limit);
            self.upwards(at, most) + self.downwards(end, least)
        } else {
            let end = last(-most - 1.0, -mode - 1.0, |k| -k > most || self.probability(-k) <= limit);
            self.downwards(at, least) + self.upwards(-end, most)
        };
        let share = |p: f64| p.clamp(0.0, 1.0);
        Fisher { greater: share(greater), less: share(less), two_sided: share(two_sided) }
    }

    /// The probability of `k` bad events in the first row, as a quotient of binomial ones.
    fn probability(&self, k: f64) -> f64 {
        let all = self.row + self.other;
        let share = self.bad / all;
        let log = log_binomial(k, self.row, share) + log_binomial(self.bad - k, self.other, share)
            - log_binomial(self.bad, all, share);
        log.exp()
    }

    /// P(X ≥ `from`), for a `from` not below the mode.
    fn upwards(&self, from: f64, most: f64) -> f64 {
        self.sum(from, most, 1.0, |k| {
            (self.row - k) / (k + 1.0) * ((self.bad - k) / (self.other - self.bad + k + 1.0))
        })
    }

    /// P(X ≤ `from`), for a `from` not above the mode.
    fn downwards(&self, from: f64, least: f64) -> f64 {
        self.sum(from, least, -1.0, |k| {
            k / (self.row - k + 1.0) * ((self.other - self.bad + k) / (self.bad - k + 1.0))
        })
    }

    fn sum(&self, from: f64, end: f64, step: f64, quotient: impl Fn(f64) -> f64) -> f64 {
        if (end - from) * step < 0.0 {
            return 0.0;
        }
        let mut term = self.probability(from);
        let mut sum = term;
        let mut k = from;
        while k != end && term > 1e-18 * sum {
            term *= quotient(k);
            sum += term;
            k += step;
        }
        sum
    }
}

/// The last whole number from `low` to `high` for which `holds`, which holds up to it and from `low` on.
fn last(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    while low < high {
        let middle = ((low + high) / 2.0).ceil();
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1.0;
        }
    }
    low
}

/// ln of the probability of `k` of `n`, by Loader's saddle point.
fn log_binomial(k: f64, n: f64, share: f64) -> f64 {
    if k == 0.0 {
        return if n == 0.0 { 0.0 } else { n * (-share).ln_1p() };
    }
    if k == n {
        return n * share.ln();
    }
    let rest = n - k;
    stirling_error(n)
        - stirling_error(k)
        - stirling_error(rest)
        - deviance(k, n * share)
        - deviance(rest, n * (1.0 - share))
        + 0.5 * (n / std::f64::consts::TAU / k / rest).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::testing::{assert_close, golden, number, numbers};

    #[test]
    fn p_values_are_those_of_scipy() {
        for case in golden("fisher_greater") {
            let t: Vec<u64> = numbers(&case, "table").into_iter().map(|count| count as u64).collect();
            let found = fisher((t[0], t[1]), (t[2], t[3]));
            assert_close(found.greater, number(&case, "p"), 1e-9);
            assert_close(found.two_sided, number(&case, "p_two"), 1e-9);
            // The order of the rows is no news.
            let swapped = fisher((t[2], t[3]), (t[0], t[1]));
            assert_close(swapped.less, found.greater, 1e-9);
            assert_close(swapped.two_sided, found.two_sided, 1e-9);
        }
    }

    #[test]
    fn small_tables_are_counted_out() {
        // Of 5 choose 2 splits, three have both bad events in the first row of 3, one has both in the second.
        let found = fisher((2, 1), (0, 2));
        assert_close(found.greater, 0.3, 1e-14);
        assert_close(found.less, 1.0, 1e-14);
        assert_close(found.two_sided, 0.4, 1e-14);
    }

    #[test]
    fn odd_tables_have_answers() {
        for (first, second) in [((0, 0), (0, 0)), ((5, 0), (0, 0)), ((0, 5), (0, 7)), ((3, 0), (4, 0))] {
            assert_eq!(fisher(first, second), Fisher { greater: 1.0, less: 1.0, two_sided: 1.0 });
        }
        let huge = u64::MAX / 4;
        for table in [
            ((huge, huge), (huge, huge)),
            ((huge, 0), (0, huge)),
            ((1, huge), (0, huge)),
            ((0, 1), (huge, 3)),
        ] {
            let found = fisher(table.0, table.1);
            assert!(
                [found.greater, found.less, found.two_sided].iter().all(|p| (0.0..=1.0).contains(p)),
                "{table:?}"
            );
        }
    }
}
