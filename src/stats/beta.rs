//! The regularised incomplete beta function, from which exact binomial tails follow; accurate also for huge and skewed
//! shapes, where the usual implementations lose digits or never return. Must take a bounded number of steps.

use super::gamma::{deviance, stirling_error};

/// Both tails of a distribution at a point; they sum to 1, and the smaller one keeps its relative accuracy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tails {
    /// The share below the point.
    pub lower: f64,
    /// The share above the point.
    pub upper: f64,
}

impl Tails {
    const fn swapped(self) -> Self {
        Self { lower: self.upper, upper: self.lower }
    }
}

/// The shapes that have an answer: counts beyond are not kept exactly by a float, and nobody has fewer.
const SHAPES: std::ops::RangeInclusive<f64> = 1e-100..=1e15;

/// Above this, for both shapes, the density is close to a bell and integrated as such.
const BELL: f64 = 1000.0;

/// I_`x`(`a`, `b`) = P(X ≤ x) of a Beta(a, b) variable, and its complement. `a` and `b` are between 1e-100 and
/// 1e15, else both tails are NaN; an `x` outside 0 to 1 counts as the nearer end.
///
/// Relative error of the smaller tail below 1e-11 up to shapes of 1e9, about 1e-9 at 1e12.
pub fn tails(a: f64, b: f64, x: f64) -> Tails {
    let valid = |shape: f64| SHAPES.contains(&shape);
    if !valid(a) || !valid(b) || x.is_nan() {
        return Tails { lower: f64::NAN, upper: f64::NAN };
    }
    let x = x.clamp(0.0, 1.0);
    if x == 0.0 {
        return Tails { lower: 0.0, upper: 1.0 };
    }
    if x == 1.0 {
        return Tails { lower: 1.0, upper: 0.0 };
    }
    // Each method computes the tail that ends at the nearer side of the centre.
    let lower = |a: f64, b: f64, x: f64, y: f64| {
        let lower = if a.min(b) > BELL { bell(a, b, x, y) } else { fraction(a, b, x, y) };
        let lower = lower.clamp(0.0, 1.0);
        Tails { lower, upper: 1.0 - lower }
    };
    if x * (a + b + 2.0) < a + 1.0 { lower(a, b, x, 1.0 - x) } else { lower(b, a, 1.0 - x, x).swapped() }
}

/// x^a y^b / B(a, b) with y = 1 − x, by Loader's saddle point: no difference of large logarithms is left.
fn front(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    let exponent =
        stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * y);
    (a / std::f64::consts::TAU * (b / n)).sqrt() * exponent.exp()
}

/// The lower tail by the continued fraction of DiDonato and Morris (ACM TOMS 708, 1992); it converges within about
/// √min(a, b) rounds below the centre, and what cancels in it is computed once, from the smaller of x and y.
fn fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    const MOST: u32 = 5000;
    let distance = if a > b { (a + b) * y - b } else { a - (a + b) * x };
    let c = 1.0 + distance;
    let c1 = 1.0 + a.recip();
    let (mut p, mut s) = (1.0, a + 1.0);
    // Numerators and denominators of the last two convergents, over the last denominator.
    let (mut before, mut now) = ((0.0, 1.0), (1.0, c / c1));
    let mut value = c1 / c;
    for n in 1..=MOST {
        let n = f64::from(n);
        let t = n / a;
        let w = n * (b - n) * x;
        let e = a / s;
        let alpha = p * (p + b / a) * e * e * (w * x);
        let beta = n + w / s + (t + 1.0) / (c1 + t + t) * (c + n * (y + 1.0));
        p = t + 1.0;
        s += 2.0;
        let next = (alpha * before.0 + beta * now.0, alpha * before.1 + beta * now.1);
        let last = value;
        value = next.0 / next.1;
        if (value - last).abs() <= 1e-16 * value {
            break;
        }
        before = (now.0 / next.1, now.1 / next.1);
        now = (value, 1.0);
    }
    front(a, b, x, y) * value
}

/// Gauss–Legendre's ten points and weights on −1 to 1, one half of each.
const NODES: [(f64, f64); 5] = [
    (0.148_874_338_981_631_2, 0.295_524_224_714_752_9),
    (0.433_395_394_129_247_2, 0.269_266_719_309_996_3),
    (0.679_409_568_299_024_4, 0.219_086_362_515_982),
    (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
    (0.973_906_528_517_171_7, 0.066_671_344_308_688_1),
];

/// The lower tail by integrating the density downwards from x, relative to the density at x, until it has fallen by
/// e^40 or more; a fixed number of points, whatever the shapes.
fn bell(a: f64, b: f64, x: f64, y: f64) -> f64 {
    const FALL: f64 = 40.0;
    const PANELS: u32 = 16;
    let n = a + b;
    let variance = a / n * (b / n) / (n + 1.0);
    let slope = ((a - 1.0) / x - (b - 1.0) / y).max(0.0);
    // Where −slope·h − h²/(2·variance) = −FALL, and half as far again for what is not quite a bell.
    let reach = 2.0 * FALL / (slope + (slope * slope + 2.0 * FALL / variance).sqrt());
    let reach = (1.5 * reach).min(x);
    let relative = |s: f64| {
        let log = (a - 1.0) * (-s / x).ln_1p() + (b - 1.0) * (s / y).ln_1p();
        log.exp()
    };
    let width = reach / f64::from(PANELS);
    let mut sum = 0.0;
    for panel in 0..PANELS {
        let centre = (f64::from(panel) + 0.5) * width;
        for (node, weight) in NODES {
            let off = 0.5 * width * node;
            sum += weight * (relative(centre - off) + relative(centre + off));
        }
    }
    front(a, b, x, y) / x / y * 0.5 * width * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::testing::assert_close;

    /// a, b, x, I_x(a, b): mpmath 1.3.0 with 60 digits, of the hypergeometric series or by quadrature.
    const EXPECTED: [(f64, f64, f64, f64); 27] = [
        (0.5, 0.5, 0.3, 0.369_010_119_565_545_4),
        (0.01, 50.0, 0.001, 0.975_460_305_201_574_8),
        (0.3, 7.5, 0.05, 0.761_712_647_310_542_7),
        (0.9, 1e6, 3e-7, 0.306_406_902_570_583_84),
        (50.0, 0.2, 0.99, 0.121_569_008_529_974_67),
        (12.5, 0.7, 0.9, 0.167_862_248_832_791_7),
        (2.0, 1e12, 3e-12, 0.800_851_726_529_440_4),
        (5.0, 1e12, 1.2e-11, 0.992_399_609_319_442_6),
        (2.0, 3.0, 0.3, 0.348_3),
        (1e-3, 1e-3, 0.2, 0.499_307_917_875_319_35),
        (0.5, 1e7, 2.5e-7, 0.974_652_688_645_023_3),
        (1.0, 1e9, 2.5e-11, 0.024_690_087_971_972_117),
        (3.0, 1e9, 8.4e-9, 0.989_952_928_302_216_4),
        (4.0, 9_999_997.0, 3e-7, 0.352_768_111_217_767),
        (4.0, 9_999_997.0, 1e-6, 0.989_663_975_807_352_3),
        (999.0, 1e8, 9.5e-6, 0.058_733_315_507_697_59),
        (1001.0, 1001.0, 0.45, 3.644_692_250_820_62e-6),
        (1001.0, 1001.0, 0.3, 3.552_210_995_011_252_4e-78),
        (1200.0, 1e9, 1.1e-6, 0.001_531_477_966_988_042_4),
        (2000.5, 3000.25, 0.3, 2.273_329_442_282_235_4e-51),
        (5000.0, 200_000.0, 0.0235, 0.004_143_772_101_318_337),
        (5000.0, 200_000.0, 0.02, 3.516_706_491_270_658e-43),
        (100_001.0, 1e6, 0.0905, 0.067_246_837_795_124_36),
        (1e5, 1e5, 0.499, 0.185_546_744_557_556_76),
        (1e6, 1e6, 0.4995, 0.078_649_577_580_901_63),
        (1e7, 1e7, 0.4999, 0.185_546_685_359_342_16),
        (1e9, 1e9, 0.499_98, 0.036_819_135_020_384_3),
    ];

    #[test]
    fn tails_are_accurate_for_huge_and_skewed_shapes() {
        for (a, b, x, expected) in EXPECTED {
            let found = tails(a, b, x).lower;
            assert!(
                (found / expected - 1.0).abs() < 1e-10,
                "I({a}, {b}, {x}) = {expected:e}, found {found:e}"
            );
        }
        assert_close(tails(1e12, 3e12, 0.25 - 1e-6).lower, 1.929_771_830_292_649_7e-6, 1e-8);
    }

    #[test]
    fn a_symmetric_distribution_is_halved_at_its_centre() {
        for shape in [0.5, 1.0, 7.0, 999.0, 1000.0, 1001.0, 1e5, 1e6, 1e7, 1e9, 1e12] {
            assert_close(tails(shape, shape, 0.5).lower, 0.5, 1e-11);
        }
    }

    #[test]
    fn swapped_shapes_swap_the_tails() {
        for (a, b, x, _) in EXPECTED {
            // 1 − x is not exact for a small x.
            if x > 1e-3 {
                let (one, other) = (tails(a, b, x), tails(b, a, 1.0 - x));
                assert_close(one.lower, other.upper, 1e-7);
            }
        }
    }

    #[test]
    fn odd_shapes_and_points_have_answers() {
        for odd in [f64::NAN, 0.0, -1.0, 1e-300, 1e16, f64::INFINITY] {
            assert!(tails(odd, 1.0, 0.5).lower.is_nan() && tails(1.0, odd, 0.5).upper.is_nan());
        }
        assert_eq!(tails(2.0, 2.0, -1.0), Tails { lower: 0.0, upper: 1.0 });
        assert_eq!(tails(2.0, 2.0, f64::INFINITY), Tails { lower: 1.0, upper: 0.0 });
        for (a, b) in [(1e-100, 1e15), (1e15, 1e15), (1e-100, 1e-100), (1e15, 1e3), (1e-100, 1.0)] {
            for x in [1e-300, 1e-9, 0.5, 1.0 - 1e-16] {
                let found = tails(a, b, x);
                assert!((0.0..=1.0).contains(&found.lower), "I({a}, {b}, {x}) = {found:?}");
            }
        }
    }
}
