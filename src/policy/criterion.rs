//! What values must satisfy, and by how much one misses it. Must not know where values come from or how many
//! misses fail a check.

use std::fmt;

use super::relative::Change;

/// Two values closer than this, relative to the larger one, are the same: servers differ in the last digits.
pub(super) const EPSILON: f64 = 1e-9;

/// Limits for a value; every one that is set must hold.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Criterion {
    /// The value that is expected, and how far off it may be (absolute).
    pub expected: Option<(f64, f64)>,
    /// The smallest value that is within.
    pub min: Option<f64>,
    /// The largest value that is within.
    pub max: Option<f64>,
}

/// A limit that is not held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Miss {
    /// The value.
    pub value: f64,
    /// The limit it misses, in words of the policy.
    pub limit: Limit,
    /// By how much, for finding the worst.
    pub excess: f64,
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// `expected_value` and `tolerance`.
    Expected(f64, f64),
    /// `min_value`.
    Min(f64),
    /// `max_value`.
    Max(f64),
    /// `max_increase` or `max_decrease` from a baseline.
    Change(Change),
    /// There is no baseline.
    NoBaseline,
}

impl Criterion {
    /// Whether no limit is set.
    pub const fn is_empty(&self) -> bool {
        self.expected.is_none() && self.min.is_none() && self.max.is_none()
    }

    /// The limit that `value` misses most, or `None` when it is within. An infinity misses every limit on its
    /// side; a NaN misses all.
    pub fn miss(&self, value: f64) -> Option<Miss> {
        let limits = [
            self.max.map(|max| (Limit::Max(max), value, max)),
            self.min.map(|min| (Limit::Min(min), -value, -min)),
            self.expected.map(|(e, tolerance)| (Limit::Expected(e, tolerance), (value - e).abs(), tolerance)),
        ];
        let missed = limits.into_iter().flatten().filter(|(limit, side, bound)| {
            let scale = match limit {
                Limit::Expected(expected, _) => expected.abs().max(value.abs()),
                Limit::Min(_) | Limit::Max(_) | Limit::Change(_) | Limit::NoBaseline => {
                    side.abs().max(bound.abs())
                }
            };
            let scale = if scale.is_finite() { scale } else { 0.0 };
            let excess = *side - *bound;
            excess.is_nan() || excess > EPSILON * scale
        });
        missed
            .map(|(limit, side, bound)| Miss { value, limit, excess: side - bound })
            .max_by(|a, b| a.excess.total_cmp(&b.excess))
    }
}

impl Criterion {
    /// How far `value` is beyond the limit that it is farthest beyond; negative when it is within all.
    pub fn beyond(&self, value: f64) -> f64 {
        let beyond = [
            self.max.map(|max| value - max),
            self.min.map(|min| min - value),
            self.expected.map(|(expected, tolerance)| (value - expected).abs() - tolerance),
        ];
        beyond.into_iter().flatten().fold(f64::NEG_INFINITY, f64::max)
    }
}

impl Miss {
    /// That `value` has no baseline, where that is a breach.
    pub const fn lacking(value: f64) -> Self {
        Self { value, limit: Limit::NoBaseline, excess: 0.0 }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected(expected, tolerance) => {
                write!(f, "expected_value {}", Number(*expected))?;
                if *tolerance == 0.0 { Ok(()) } else { write!(f, " ± {}", Number(*tolerance)) }
            }
            Self::Min(min) => write!(f, "min_value {}", Number(*min)),
            Self::Max(max) => write!(f, "max_value {}", Number(*max)),
            Self::NoBaseline => f.write_str("`on_no_baseline: fail`"),
            Self::Change(change) => {
                let key = if change.increase { "max_increase" } else { "max_decrease" };
                write!(f, "{key} {}", change.allowed)
            }
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.limit {
            Limit::Max(_) => '>',
            Limit::Min(_) => '<',
            Limit::Expected(..) => '≠',
            Limit::NoBaseline => return write!(f, "{} has no baseline ({})", Number(self.value), self.limit),
            Limit::Change(change) => {
                return write!(f, "{} {}", Number(self.value), change.told(self.value));
            }
        };
        write!(f, "{} {sign} {}", Number(self.value), self.limit)
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = [
            self.expected.map(|(expected, tolerance)| Limit::Expected(expected, tolerance)),
            self.min.map(Limit::Min),
            self.max.map(Limit::Max),
        ];
        let words: Vec<String> = limits.into_iter().flatten().map(|l| l.to_string()).collect();
        f.write_str(&words.join(", "))
    }
}

/// A value for people: at most six significant digits; `NaN`, `+Inf` and `-Inf` as Prometheus writes them.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.is_nan() {
            return f.write_str("NaN");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        }
        let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
        let size = rounded.abs();
        if size != 0.0 && !(1e-6..1e15).contains(&size) {
            write!(f, "{rounded:e}")
        } else {
            write!(f, "{rounded}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_met_but_for_rounding_is_no_breach() {
        let max = Criterion { max: Some(0.08), ..Criterion::default() };
        assert_eq!(max.miss(0.080_000_000_000_000_02), None);
        assert!(max.miss(0.080_001).is_some());
        let min = Criterion { min: Some(0.08), ..Criterion::default() };
        assert_eq!(min.miss(0.079_999_999_999_999_99), None);
        let equal = Criterion { expected: Some((0.3, 0.0)), ..Criterion::default() };
        assert_eq!(equal.miss(0.1 + 0.2), None);
        let zero = Criterion { max: Some(0.0), ..Criterion::default() };
        assert!(zero.miss(1e-12).is_some());
    }

    #[test]
    fn infinities_and_nan_miss() {
        let max = Criterion { max: Some(1.0), ..Criterion::default() };
        assert!(max.miss(f64::INFINITY).is_some());
        assert!(max.miss(f64::NAN).is_some());
        assert!(max.miss(f64::NEG_INFINITY).is_none());
    }

    #[test]
    fn a_miss_names_value_and_limit() {
        let both = Criterion { min: Some(1.0), max: Some(2.0), ..Criterion::default() };
        assert_eq!(both.miss(0.25).unwrap().to_string(), "0.25 < min_value 1");
        let near = Criterion { expected: Some((1.0, 0.1)), ..Criterion::default() };
        assert_eq!(near.miss(0.5).unwrap().to_string(), "0.5 ≠ expected_value 1 ± 0.1");
        assert_eq!(Number(0.079_999_999_999_999_99).to_string(), "0.08");
        assert_eq!(Number(1e-9).to_string(), "1e-9");
    }
}
