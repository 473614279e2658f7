//! What ticks without a judgement count as: the words of the policy, and what is made of them. Must not know why a tick has
//! none; the gate does.

use super::value::{Scalar, Value};

/// What a tick that gave nothing to judge counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum On {
    /// It is not judged.
    #[default]
    Inconclusive,
    /// It is judged, a breach.
    Fail,
    /// It is judged, within.
    Pass,
}

/// What a tick without traffic counts as, and whether the window is longer for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNoTraffic {
    /// As any other without a judgement.
    As(On),
    /// It is not judged, and the window is extended while it lacks judged ones.
    Extend,
}

impl Default for OnNoTraffic {
    fn default() -> Self {
        Self::As(On::Inconclusive)
    }
}

impl OnNoTraffic {
    /// What the tick counts as.
    pub const fn counts(self) -> On {
        match self {
            Self::As(on) => on,
            Self::Extend => On::Inconclusive,
        }
    }
}

/// What ticks without a judgement count as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnMissing {
    /// No series, or too few.
    pub no_data: On,
    /// Only NaN, or no evidence of traffic.
    pub no_traffic: On,
    /// An infinity.
    pub infinite: On,
    /// The source could not be asked.
    pub error: On,
    /// Whether the window is extended where there is no traffic.
    pub extend: bool,
}

/// The same as it was read; what is not written is `None`.
#[derive(Debug, Clone, Default)]
pub struct OnMissingSpec {
    /// No series, or too few.
    pub no_data: Option<Value<On>>,
    /// Only NaN.
    pub no_traffic: Option<Value<OnNoTraffic>>,
    /// An infinity.
    pub infinite: Option<Value<On>>,
    /// The source could not be asked.
    pub error: Option<Value<On>>,
}

impl Scalar for On {
    const EXPECTED: &'static str = "`inconclusive`, `fail` or `pass`";
    const WORDS: &'static [&'static str] = &["inconclusive", "fail", "pass"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "inconclusive" => Some(Self::Inconclusive),
            "fail" => Some(Self::Fail),
            "pass" => Some(Self::Pass),
            _ => None,
        }
    }
}

impl Scalar for OnNoTraffic {
    const EXPECTED: &'static str = "`inconclusive`, `fail`, `pass` or `extend`";
    const WORDS: &'static [&'static str] = &["inconclusive", "fail", "pass", "extend"];

    fn read(text: &str) -> Option<Self> {
        if text == "extend" { Some(Self::Extend) } else { On::read(text).map(Self::As) }
    }
}
