//! Scalars with a type: written as themselves, or as a quoted template that becomes one when it is rendered. Must
//! not read YAML or look up variables; the reader and the template do.

use std::time::Duration;

use super::form::Form;
use super::problem::{Place, Problem};
use super::template::{Scope, Template};

/// A type that a scalar's characters can be read as.
pub trait Scalar: Sized {
    /// What is expected, for `expected …, found …`: an article and a noun, with an example where it helps.
    const EXPECTED: &'static str;

    /// The words it can be written as, where there are only a few.
    const WORDS: &'static [&'static str] = &[];

    /// How it may be written: all that [`Scalar::read`] takes, and as little else as can be said.
    const FORM: Form = if Self::WORDS.is_empty() {
        Form::of(Self::EXPECTED)
    } else {
        Form::words(Self::EXPECTED, Self::WORDS)
    };

    /// Reads `text`, trimmed; `None` when it is not one.
    fn read(text: &str) -> Option<Self>;
}

/// A scalar that is known already, or once the variables are.
#[derive(Debug, Clone)]
pub enum Value<T> {
    /// Written as itself.
    Known(T, Place),
    /// Written as a template.
    Later(Box<Template>),
}

impl<T: Scalar + Clone> Value<T> {
    /// Where it is written.
    pub const fn place(&self) -> Place {
        match self {
            Self::Known(_, place) => *place,
            Self::Later(template) => template.place,
        }
    }

    /// The value.
    ///
    /// # Errors
    /// An undefined variable, or a rendered text that is not a `T`.
    pub fn render(&self, scope: &Scope) -> Result<T, Problem> {
        match self {
            Self::Known(value, _) => Ok(value.clone()),
            Self::Later(template) => {
                let text = template.render(scope)?;
                T::read(text.trim()).ok_or_else(|| {
                    let shown = super::node::shorten(&text);
                    Problem::at(template.place, format!("expected {}, found `{shown}`", T::EXPECTED))
                        .help(format!("it was rendered from `{}`", super::node::shorten(&template.text)))
                })
            }
        }
    }
}

/// The characters of a number.
const NUMBER: &str = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?";

/// The characters of a share.
const SHARE: &str = r"\+?0*(100(\.0*)?|[0-9]{1,2}(\.[0-9]*)?|\.[0-9]+)\s*%|\+?(0*\.[0-9]+|0+\.?|0*1(\.0*)?)|\+?[0-9.]+[eE][-+]?[0-9]+\s*%?";

macro_rules! span {
    ($before:literal) => {
        concat!(
            $before,
            r"([0-9][0-9\s]*(\.[0-9\s]+)?",
            r"(nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|wks?|w)",
            r"\s*)+"
        )
    };
}

/// The characters of a duration.
const SPAN: &str = concat!("0|", span!(""));

/// The characters of a duration above zero.
pub const SPAN_ABOVE_ZERO: &str = span!(r"(?=[\s\S]*[1-9])");

impl Scalar for f64 {
    const EXPECTED: &'static str = "a number";
    const FORM: Form = Form::number(Self::EXPECTED, NUMBER, Self::NEG_INFINITY, Self::INFINITY);

    fn read(text: &str) -> Option<Self> {
        // Only what YAML and people call a number: no `nan`, `inf` or `infinity`.
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        text.parse().ok().filter(|value: &Self| plain && value.is_finite())
    }
}

impl Scalar for u32 {
    const EXPECTED: &'static str = "a whole number";
    const FORM: Form = Form::whole(Self::EXPECTED, 0.0, 4_294_967_295.0);

    fn read(text: &str) -> Option<Self> {
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    }
}

impl Scalar for u16 {
    const EXPECTED: &'static str = "a number from 0 to 65535";
    const FORM: Form = Form::whole(Self::EXPECTED, 0.0, 65_535.0);

    fn read(text: &str) -> Option<Self> {
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    }
}

impl Scalar for bool {
    const EXPECTED: &'static str = "`true` or `false`";
    const FORM: Form = Form { flag: true, ..Form::matching(Self::EXPECTED, "true|false") };

    fn read(text: &str) -> Option<Self> {
        match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

/// The longest duration that is accepted: ten years.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

impl Scalar for Duration {
    const EXPECTED: &'static str = "a duration like `30s`, `5m`, `1h30m` or `1d`";
    const FORM: Form = Form::whole(Self::EXPECTED, 0.0, 0.0).quoted(SPAN);

    fn read(text: &str) -> Option<Self> {
        // `M` is a month to humantime and a mistake for minutes to everybody else; a year has two lengths.
        let mut units = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|u| !u.is_empty());
        if units.any(|u| u == "M" || u.starts_with("month") || u.starts_with('y')) {
            return None;
        }
        if text == "0" {
            return Some(Self::ZERO);
        }
        humantime::parse_duration(text).ok().filter(|d| *d <= LONGEST)
    }
}

/// How long after a tick a source's data is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// As late as its newest samples are seen to be.
    Auto,
    /// So long.
    After(Duration),
}

impl Scalar for Delay {
    const EXPECTED: &'static str = "`auto` or a duration like `30s`";
    const FORM: Form = Form { words: &["auto"], expected: Self::EXPECTED, ..Duration::FORM };

    fn read(text: &str) -> Option<Self> {
        if text == "auto" { Some(Self::Auto) } else { Duration::read(text).map(Self::After) }
    }
}

impl Scalar for String {
    const EXPECTED: &'static str = "a text";
    const FORM: Form = Form::TEXT;

    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// A share of something, from 0 to 1, written `"95%"` or `0.95`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl Scalar for Share {
    const EXPECTED: &'static str = "a share like `50%`";
    const FORM: Form = Form::number(Self::EXPECTED, SHARE, 0.0, 1.0);

    fn read(text: &str) -> Option<Self> {
        let value = match text.strip_suffix('%') {
            Some(percent) => f64::read(percent.trim())? / 100.0,
            None => f64::read(text)?,
        };
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }
}

impl Share {
    /// How many of `of` are the share of them, so that 19 of 20 is 95 %.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to `of`")]
    pub fn least(self, of: usize) -> usize {
        const EPSILON: f64 = 1e-9;
        (self.0 * of as f64 * (1.0 - EPSILON)).ceil() as usize
    }
}

/// A share that is neither nothing nor all, written `"1%"` or `0.01`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance(pub f64);

impl Scalar for Chance {
    const EXPECTED: &'static str = "a share above 0 and below 1 like `0.01` or `1%`";
    const FORM: Form = Form { expected: Self::EXPECTED, ..Share::FORM.above_least() };

    fn read(text: &str) -> Option<Self> {
        Share::read(text).filter(|share| share.0 > 0.0 && share.0 < 1.0).map(|share| Self(share.0))
    }
}

/// A factor, written `1.5`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factor(pub f64);

impl Scalar for Factor {
    const EXPECTED: &'static str = "a number above 0 like `1.5`";
    const FORM: Form = Form::number(Self::EXPECTED, NUMBER, 0.0, f64::INFINITY).above_least();

    fn read(text: &str) -> Option<Self> {
        f64::read(text).filter(|factor| *factor > 0.0).map(Self)
    }
}

/// A whole number that is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtLeastOne(pub u32);

impl Scalar for AtLeastOne {
    const EXPECTED: &'static str = "a whole number from 1 on";
    const FORM: Form = Form::whole(Self::EXPECTED, 1.0, 4_294_967_295.0).quoted("0*[1-9][0-9]*");

    fn read(text: &str) -> Option<Self> {
        u32::read(text).filter(|count| *count > 0).map(Self)
    }
}

/// A duration that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(pub Duration);

impl Scalar for Period {
    const EXPECTED: &'static str = "a duration above zero like `15s` or `1m`";
    const FORM: Form = Form::matching(Self::EXPECTED, SPAN_ABOVE_ZERO);

    fn read(text: &str) -> Option<Self> {
        Duration::read(text).filter(|period| !period.is_zero()).map(Self)
    }
}

/// A number of bytes, written `65536`, `64KiB` or `1 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub usize);

impl Scalar for Bytes {
    const EXPECTED: &'static str = "a size like `64KiB` or `1MiB`";
    const FORM: Form = Form::whole(Self::EXPECTED, 0.0, 4_294_967_295.0).quoted(r"[0-9]+\s*(B|KiB|MiB|GiB)?");

    fn read(text: &str) -> Option<Self> {
        let units = [("KiB", 1024), ("MiB", 1024 * 1024), ("GiB", 1024 * 1024 * 1024), ("B", 1), ("", 1)];
        let (number, factor) =
            units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))?;
        let count: usize = u32::read(number.trim())? as usize;
        count.checked_mul(factor).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [("30s", 30), ("1h 30m", 5400), ("1h30m", 5400), ("1d", 86_400), ("0s", 0)] {
            assert_eq!(Duration::read(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["5M", "1y", "1yr", "1 month", "5", "-5m", "", "m", "999999999999h"] {
            assert_eq!(Duration::read(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_numbers_only() {
        assert_eq!(f64::read("1e-3"), Some(0.001));
        for text in ["nan", "inf", "1e999", "0x10", "1_000", "five", ""] {
            assert_eq!(f64::read(text), None, "{text}");
        }
        assert_eq!(u16::read("70000"), None);
        assert_eq!(u32::read("-1"), None);
        assert_eq!(Share::read("95%"), Some(Share(0.95)));
        assert_eq!(Share::read("101%"), None);
        assert_eq!(Chance::read("0.1%"), Some(Chance(0.001)));
        assert_eq!((Chance::read("0"), Chance::read("100%")), (None, None));
        assert_eq!((Factor::read("1.5"), Factor::read("0")), (Some(Factor(1.5)), None));
        assert_eq!(Bytes::read("1 MiB"), Some(Bytes(1_048_576)));
    }
}
