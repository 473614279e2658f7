//! Medians and quantiles that leave NaN out. Must not change the order of what it is given.

/// The quantile `q` of `values` by linear interpolation between order statistics (R-7, the usual default), NaN left
/// out; `q` is taken as 0 to 1. `None` of no values, or for a NaN `q`.
///
/// Source: Hyndman and Fan, The American Statistician 50 (1996).
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    if sorted.is_empty() || q.is_nan() {
        return None;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let at = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    let part = at.fract();
    // An infinity beside a number must not become NaN.
    Some(if part == 0.0 || below == above { below } else { below * (1.0 - part) + above * part })
}

/// The middle value, or the mean of the two in the middle; NaN left out. `None` of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_r_7() {
        let values = [4.0, 1.0, f64::NAN, 3.0, 2.0];
        assert_eq!(median(&values), Some(2.5));
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
        assert_eq!(quantile(&values, 0.25), Some(1.75));
        assert_eq!(quantile(&values, 7.0), Some(4.0));
    }

    #[test]
    fn odd_values_have_an_order() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[f64::NAN]), None);
        assert_eq!(quantile(&[1.0], f64::NAN), None);
        assert_eq!(median(&[f64::INFINITY, 1.0, f64::NEG_INFINITY]), Some(1.0));
        assert_eq!(median(&[f64::INFINITY, 1.0]), Some(f64::INFINITY));
        assert_eq!(median(&[f64::INFINITY, f64::INFINITY]), Some(f64::INFINITY));
        assert_eq!(median(&[1e308, 1.6e308]), Some(1.3e308));
    }
}
