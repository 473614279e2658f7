//! What values must satisfy beside a baseline: by how much they may be more or less, and how that is decided. Must not
//! know where either comes from.

use std::fmt;
use std::time::Duration;

use super::criterion::{EPSILON, Limit, Miss, Number};
use super::form::Form;
use super::model::On;
use super::reader::{Field, Shape};
use super::value::Scalar;
use crate::promql::write_duration;
use crate::stats::placebo::placebos_needed;

/// The p-value above which an alert would come by chance too often, whatever the confidence.
pub const MOST_BY_CHANCE: f64 = 0.2;

/// The difference, or the share of bad events, up to which nothing is a breach.
pub const FLOOR: Field = Field::new(
    "floor",
    Shape::of::<Floor>(),
    "beside `baseline` the difference, beside `against` the share of bad events, up to which nothing is a breach",
)
.default("0");

/// A difference or a share up to which nothing is a breach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor(pub f64);

/// How far off a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// In the unit of the values.
    Absolute(f64),
    /// As a share of what it is off.
    Relative(f64),
}

/// What values are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// The same query, so long ago.
    Offset(Duration),
    /// The same query, before the rollout.
    Before {
        /// Over how long.
        span: Duration,
        /// How long ago the same passed without a deployment: what changed then by itself is allowed for.
        season: Option<Duration>,
    },
    /// Another query, at the same time.
    Query,
    /// The same statistic over earlier windows.
    Placebo {
        /// How many of them.
        windows: u32,
        /// From one to the next.
        every: Duration,
    },
}

/// How a comparison is decided where that is not tick by tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// By the ranks of the samples of both sides.
    MannWhitney,
    /// By the rank of the window among the placebo windows.
    Placebo,
}

/// How values are held against a baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relative {
    /// What they are compared with.
    pub against: Against,
    /// By how much a value may be more.
    pub increase: Option<Tolerance>,
    /// By how much it may be less.
    pub decrease: Option<Tolerance>,
    /// The difference that is none, however large its share; 0 for none.
    pub floor: f64,
    /// What a value without a baseline counts as.
    pub on_missing: On,
    /// How it is decided; `None` for tick by tick.
    pub test: Option<Test>,
    /// How sure a test must be, 0 to 1.
    pub confidence: f64,
    /// The longest range in the query: samples closer together than that repeat each other.
    pub range: Duration,
}

/// A change of a value beyond what is allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// What it was compared with.
    pub baseline: f64,
    /// Where that is from.
    pub against: Against,
    /// Whether it is more; else it is less.
    pub increase: bool,
    /// What is allowed.
    pub allowed: Tolerance,
    /// The difference that is none.
    pub floor: f64,
}

impl Tolerance {
    /// How much it is of `value`.
    pub const fn of(self, value: f64) -> f64 {
        match self {
            Self::Absolute(off) => off,
            Self::Relative(share) => share * value.abs(),
        }
    }
}

impl Test {
    /// The word of policies and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::MannWhitney => "mann_whitney",
            Self::Placebo => "placebo",
        }
    }
}

impl Against {
    /// The word of policies and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Offset(_) => "offset",
            Self::Before { .. } => "before",
            Self::Query => "query",
            Self::Placebo { .. } => "placebo",
        }
    }
}

impl Relative {
    /// Why `value`, whose baseline is `baseline`, has changed too much, or `None` where it has not.
    pub fn miss(&self, value: f64, baseline: f64) -> Option<Miss> {
        let sides = [(true, value - baseline, self.increase), (false, baseline - value, self.decrease)];
        let missed = sides.into_iter().filter_map(|(increase, difference, allowed)| {
            let allowed = allowed?;
            let excess = difference - allowed.of(baseline).max(self.floor);
            let scale = value.abs().max(baseline.abs()).max(self.floor);
            let scale = if scale.is_finite() { scale } else { 0.0 };
            let change = Change { baseline, against: self.against, increase, allowed, floor: self.floor };
            (excess > EPSILON * scale).then_some(Miss { value, limit: Limit::Change(change), excess })
        });
        missed.max_by(|a, b| a.excess.total_cmp(&b.excess))
    }

    /// That no rollback can rest on it, where too few earlier windows are asked for.
    pub fn alerts_at_most(&self) -> Option<String> {
        let Against::Placebo { windows, .. } = self.against else { return None };
        let sides = if self.increase.is_some() == self.decrease.is_some() { 2.0 } else { 1.0 };
        let needed = placebos_needed((1.0 - self.confidence) / sides);
        (f64::from(windows) < needed).then(|| {
            let confidence = Number(self.confidence * 100.0);
            let least = sides / f64::from(windows.saturating_add(1));
            let so = if least > MOST_BY_CHANCE { "it can tell nothing" } else { "it alerts at most" };
            format!(
                "a p-value over {windows} earlier windows is {} at least, and confidence {confidence} % needs {} of them: \
                 {so}",
                rounded(least.min(1.0)),
                Number(needed)
            )
        })
    }

    /// That what changes by itself is not allowed for, where it is compared with another time of day.
    pub fn swings(&self) -> Option<String> {
        let Against::Before { span, season: None } = self.against else { return None };
        let span = written(span);
        Some(format!(
            "compared with the {span} before the rollout, what changes with the time of day looks like a change; \
             `season: 1w` beside `before` allows for what changed a week ago"
        ))
    }

    /// How a test is made and what it allows.
    pub fn terms(&self) -> String {
        let confidence = Number(self.confidence * 100.0);
        let test = self.test.map(|test| format!("{} at {confidence} %", test.word()));
        let limits = Some(self.limits()).filter(|said| !said.is_empty());
        test.into_iter().chain(limits).collect::<Vec<_>>().join(", ")
    }

    /// The limits that are written, such as `max_increase 10 %, floor 0.001`.
    pub fn limits(&self) -> String {
        let sides = [("max_increase", self.increase), ("max_decrease", self.decrease)];
        let sides = sides.into_iter().filter_map(|(key, side)| Some(format!("{key} {}", side?)));
        let floor = (self.floor > 0.0).then(|| format!("floor {}", Number(self.floor)));
        sides.chain(floor).collect::<Vec<_>>().join(", ")
    }
}

impl Change {
    /// `is 2.6 times (+160 %, +0.032) the baseline 0.02 of 1w earlier, max_increase 10 %`, of `value`.
    pub(super) fn told(&self, value: f64) -> String {
        let baseline = self.baseline;
        let off = value - baseline;
        let of = format!("the baseline {} {}", Number(baseline), self.against);
        let plus = if off < 0.0 { "" } else { "+" };
        let times = value / baseline;
        let how = if baseline > 0.0 && value >= 0.0 && times.is_finite() {
            let percent = rounded((times - 1.0) * 100.0);
            let off = Number(off);
            format!("is {} times ({plus}{percent} %, {plus}{off}) {of}", rounded(times))
        } else if off < 0.0 {
            format!("is {} less than {of}", Number(-off))
        } else {
            format!("is {} more than {of}", Number(off))
        };
        let key = if self.increase { "max_increase" } else { "max_decrease" };
        let floor = if self.floor > 0.0 { format!(", floor {}", Number(self.floor)) } else { String::new() };
        format!("{how}, {key} {}{floor}", self.allowed)
    }
}

/// `value` with three digits that count.
pub fn rounded(value: f64) -> Number {
    Number(format!("{value:.2e}").parse().unwrap_or(value))
}

/// `span` as policies and queries write it.
pub fn written(span: Duration) -> String {
    write_duration(span.as_secs_f64())
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(off) => write!(f, "{}", Number(*off)),
            Self::Relative(share) => write!(f, "{} %", Number(share * 100.0)),
        }
    }
}

/// Read after "the baseline", or after "the baseline" and its value.
impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(span) => write!(f, "of {} earlier", written(*span)),
            Self::Before { span, season: None } => write!(f, "of the {} before the rollout", written(*span)),
            Self::Before { span, season: Some(season) } => {
                let (span, season) = (written(*span), written(*season));
                write!(f, "of the {span} before the rollout, changed as {season} earlier")
            }
            Self::Query => f.write_str("of its `query`"),
            Self::Placebo { windows, every } => {
                write!(f, "of {windows} earlier windows, {} apart", written(*every))
            }
        }
    }
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, against the baseline {}", self.terms(), self.against)
    }
}

impl Scalar for Tolerance {
    const EXPECTED: &'static str = "a tolerance like `0.1` or `5%`, not below 0";
    const FORM: Form = Form::number(
        Self::EXPECTED,
        r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*%?",
        0.0,
        f64::INFINITY,
    );

    fn read(text: &str) -> Option<Self> {
        let read = match text.strip_suffix('%') {
            Some(percent) => Self::Relative(f64::read(percent.trim())? / 100.0),
            None => Self::Absolute(f64::read(text)?),
        };
        let (Self::Absolute(value) | Self::Relative(value)) = read;
        (value >= 0.0).then_some(read)
    }
}

impl Scalar for Floor {
    const EXPECTED: &'static str = "a number or a share from 0 on, like `0.001` or `0.1%`";
    const FORM: Form = Form { expected: Self::EXPECTED, ..Tolerance::FORM };

    fn read(text: &str) -> Option<Self> {
        Tolerance::read(text).map(|floor| Self(floor.of(1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: Duration = Duration::from_secs(7 * 86_400);

    fn relative(increase: Option<Tolerance>, decrease: Option<Tolerance>, floor: f64) -> Relative {
        Relative {
            against: Against::Offset(WEEK),
            increase,
            decrease,
            floor,
            on_missing: On::Inconclusive,
            test: None,
            confidence: 0.99,
            range: Duration::ZERO,
        }
    }

    fn told(relative: &Relative, value: f64, baseline: f64) -> Option<String> {
        relative.miss(value, baseline).map(|miss| miss.to_string())
    }

    #[test]
    fn a_change_says_value_baseline_change_and_limit() {
        let tenth = Some(Tolerance::Relative(0.1));
        let more = relative(tenth, None, 0.0);
        assert_eq!(
            told(&more, 0.052, 0.02).unwrap(),
            "0.052 is 2.6 times (+160 %, +0.032) the baseline 0.02 of 1w earlier, max_increase 10 %"
        );
        assert_eq!(
            told(&more, 0.01, 0.0).unwrap(),
            "0.01 is 0.01 more than the baseline 0 of 1w earlier, max_increase 10 %"
        );
        let less = relative(None, tenth, 0.5);
        assert_eq!(
            told(&less, 2.0, 5.0).unwrap(),
            "2 is 0.4 times (-60 %, -3) the baseline 5 of 1w earlier, max_decrease 10 %, floor 0.5"
        );
        assert_eq!(
            told(&less, -2.0, -1.0).unwrap(),
            "-2 is 1 less than the baseline -1 of 1w earlier, max_decrease 10 %, floor 0.5"
        );
    }

    #[test]
    fn a_change_must_be_beyond_limit_and_floor() {
        use Tolerance::{Absolute, Relative as Share};
        for (increase, floor, value, baseline, missed) in [
            (Share(0.1), 0.0, 1.1, 1.0, false),
            (Share(0.1), 0.0, 1.100_001, 1.0, true),
            (Share(0.1), 0.0, 0.2, 1.0, false),
            (Share(0.0), 0.0, 0.0, 0.0, false),
            // 0.01 % to 0.02 % is no doubling worth a rollback; 1 % to 2 % is.
            (Share(0.5), 0.001, 0.0002, 0.0001, false),
            (Share(0.5), 0.001, 0.02, 0.01, true),
            (Share(0.5), 0.001, 0.001, 0.0, false),
            (Share(0.5), 0.001, 0.0011, 0.0, true),
            (Absolute(0.5), 0.0, 1.5, 1.0, false),
            (Absolute(0.5), 0.0, 1.6, 1.0, true),
            (Absolute(0.5), 1.0, 1.6, 1.0, false),
            (Share(0.1), 0.0, 1.0, 1e-300, true),
        ] {
            let found = relative(Some(increase), None, floor).miss(value, baseline);
            assert_eq!(found.is_some(), missed, "{value} against {baseline}, {increase}, floor {floor}");
        }
    }

    #[test]
    fn swapped_sides_are_found_by_the_other_limit_at_every_scale() {
        let (more, less) = (Some(Tolerance::Relative(0.5)), Some(Tolerance::Relative(0.5)));
        for scale in [1e12, 1.0, 1e-9, 1e-300] {
            let [up, down] = [relative(more, None, 0.0), relative(None, less, 0.0)];
            let (high, low) = (3.0 * scale, scale);
            assert!(up.miss(high, low).is_some() && down.miss(low, high).is_some(), "{scale:e}");
            assert!(up.miss(low, high).is_none() && down.miss(high, low).is_none(), "{scale:e}");
        }
    }
}
