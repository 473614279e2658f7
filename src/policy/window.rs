//! The gate's window, and how its samples stand to the deployment: fields, words, and what they are by default. Must not
//! know any check, and must not plan.

use std::time::Duration;

use super::node::Node;
use super::problem::{Problem, Problems};
use super::reader::{Field, Reader, Shape};
use super::spoken::settled;
use super::template::Scope;
use super::value::{Period, Scalar, Value};

/// How long checks must have held under `until_healthy`, where nothing is written.
pub const STABLE_FOR: Duration = Duration::from_secs(60);

/// The fields of `window`.
pub static WINDOW: &[Field] = &[
    Field::new(
        "duration",
        Shape::Duration,
        "how long checks are sampled; default the longest that a check names, else one sample",
    ),
    Field::new("interval", Shape::of::<Period>(), "how often checks are sampled").default("15s"),
    Field::new(
        "warm_up",
        Shape::Duration,
        "from the deployment to the first sample that counts; default a fifth of the window, at most `1m`",
    ),
    Field::new("timeout", Shape::Duration, "when the gate gives up; default the latest possible end"),
    Field::new("fail_fast", Shape::Flag, "whether a rollback verdict ends the sampling").default("true"),
    Field::new("mode", Shape::OneOf(ModeWord::WORDS), "how the window is judged").default("sustained"),
    Field::new(
        "stable_for",
        Shape::of::<Period>(),
        "how long every check must have held for `until_healthy` to pass",
    )
    .default("1m"),
    OLD_DATA,
    MIN_RANGE,
    LOOKBACK,
];

/// What becomes of samples that would look at what was before the deployment; of the gate and of its metrics checks.
pub const OLD_DATA: Field = Field::new(
    "old_data",
    Shape::OneOf(OldData::WORDS),
    "samples that would reach before the deployment: `fit` shortens their ranges, `wait` waits until they do not, `allow` judges them",
)
.default("fit");

/// The shortest range of a fitted query.
pub const MIN_RANGE: Field = Field::new(
    "min_range",
    Shape::of::<Period>(),
    "the shortest range that a fitted query is asked over; default four scrape intervals, `1m` where they are unknown",
);

/// How far back a recorded series looks.
pub const LOOKBACK: Field = Field::new(
    "lookback",
    Shape::Duration,
    "how far back a recorded series looks, which its query does not show",
);

/// How a sample that would look at what was before the deployment is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OldData {
    /// Its ranges are shortened where that gives comparable values; else it waits.
    #[default]
    Fit,
    /// It is settling.
    Wait,
    /// It looks all the same.
    Allow,
}

/// How the window is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Good for the whole of it.
    #[default]
    Sustained,
    /// Good for so long at last.
    UntilHealthy {
        /// How long every check must have held.
        stable_for: Duration,
    },
}

impl Mode {
    /// The word of policies and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sustained => "sustained",
            Self::UntilHealthy { .. } => "until_healthy",
        }
    }

    /// How long every check must have held; `None` where breaches are counted instead.
    pub const fn stable_for(self) -> Option<Duration> {
        match self {
            Self::Sustained => None,
            Self::UntilHealthy { stable_for } => Some(stable_for),
        }
    }
}

/// The gate's `window` as it was read.
#[derive(Debug, Clone, Default)]
pub struct WindowSpec {
    /// How long checks are sampled.
    pub duration: Option<Value<Duration>>,
    /// From tick to tick.
    pub interval: Option<Value<Period>>,
    /// From the deployment to the first tick that counts.
    pub warm_up: Option<Value<Duration>>,
    /// When the gate gives up, from its start.
    pub timeout: Option<Value<Duration>>,
    /// Whether a rollback verdict ends the sampling.
    pub fail_fast: Option<Value<bool>>,
    /// How it is judged.
    pub mode: Option<Value<ModeWord>>,
    /// How long checks must have held under `until_healthy`.
    pub stable_for: Option<Value<Period>>,
    /// How samples that reach before the deployment are treated.
    pub reaching: ReachingSpec,
}

/// How samples that reach before the deployment are treated, as it was read.
#[derive(Debug, Clone, Default)]
pub struct ReachingSpec {
    /// What becomes of them.
    pub old_data: Option<Value<OldData>>,
    /// The shortest range that a fitted query is asked over.
    pub min_range: Option<Value<Period>>,
    /// How far back a recorded series looks.
    pub lookback: Option<Value<Duration>>,
}

/// `mode` of a window as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModeWord {
    /// Good for the whole of it.
    #[default]
    Sustained,
    /// Good for a while at last.
    UntilHealthy,
}

/// Longest default warm-up: draining connections and cold caches are over by then.
const LONGEST_WARM_UP: Duration = Duration::from_secs(60);

/// How long after the deployment a window of `duration` opens, where nothing is written.
pub fn warm_up(duration: Duration) -> Duration {
    (duration / 5).min(LONGEST_WARM_UP)
}

/// How samples that would look at what was before the deployment are treated.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reaching {
    /// Whether their ranges are shortened, they wait, or they look all the same.
    pub old_data: OldData,
    /// The shortest range that a fitted query is asked over; by default four scrape intervals.
    pub min_range: Option<Duration>,
    /// How far back a recorded series looks, which its query does not show.
    pub lookback: Option<Duration>,
}

impl ReachingSpec {
    /// Reads the three fields that a gate's window and a metrics check share.
    pub fn read(body: &mut Reader<'_, '_>) -> Self {
        Self {
            old_data: body.value("old_data"),
            min_range: body.value("min_range"),
            lookback: body.value("lookback"),
        }
    }

    /// Whether a variable that `scope` does not have decides a part of it.
    pub fn undecided(&self, scope: &Scope) -> bool {
        fn open<T>(value: Option<&Value<T>>, scope: &Scope) -> bool {
            matches!(value, Some(Value::Later(template)) if !template.settled(scope).is_settled())
        }
        open(self.old_data.as_ref(), scope)
            || open(self.min_range.as_ref(), scope)
            || open(self.lookback.as_ref(), scope)
    }

    /// What holds: as written here, else as in `otherwise`.
    pub fn render(&self, otherwise: Reaching, scope: &Scope, problems: &mut Problems) -> Reaching {
        fn known<T: Scalar + Clone>(
            value: Option<&Value<T>>,
            scope: &Scope,
            problems: &mut Problems,
        ) -> Option<T> {
            value?.render(scope).map_err(|problem| problems.push(problem)).ok()
        }
        otherwise.but(
            known(self.old_data.as_ref(), scope, problems),
            known(self.min_range.as_ref(), scope, problems),
            known(self.lookback.as_ref(), scope, problems),
        )
    }

    /// The same as far as it is known; what a variable decides is as in `otherwise`.
    pub fn settled(&self, otherwise: Reaching, scope: &Scope, problems: &mut Problems) -> Reaching {
        fn known<T: Scalar + Clone>(
            value: Option<&Value<T>>,
            scope: &Scope,
            problems: &mut Problems,
        ) -> Option<T> {
            settled(value, scope, problems)?.known().cloned()
        }
        otherwise.but(
            known(self.old_data.as_ref(), scope, problems),
            known(self.min_range.as_ref(), scope, problems),
            known(self.lookback.as_ref(), scope, problems),
        )
    }
}

impl Reaching {
    /// The same but for what is given.
    fn but(self, old_data: Option<OldData>, min_range: Option<Period>, lookback: Option<Duration>) -> Self {
        Self {
            old_data: old_data.unwrap_or(self.old_data),
            min_range: min_range.map(|Period(range)| range).or(self.min_range),
            lookback: lookback.or(self.lookback),
        }
    }
}

/// `stable_for` says something of one mode only.
fn stable_for_what(body: &mut Reader<'_, '_>) {
    let sustained = body.node("mode").is_none_or(|mode| mode.scalar() == Some("sustained"));
    if body.has("stable_for") && sustained {
        let fault = Problem::at(
            body.key_place("stable_for"),
            "expected `mode: until_healthy` beside `stable_for`, found none",
        );
        body.problems.push(fault.help("a `sustained` window is good for the whole of it"));
    }
}

/// Reads the gate's `window`.
pub fn read(node: &Node, problems: &mut Problems) -> Option<WindowSpec> {
    let mut body = Reader::open(node, "`window`", &[WINDOW], problems)?;
    stable_for_what(&mut body);
    Some(WindowSpec {
        duration: body.value("duration"),
        interval: body.value("interval"),
        warm_up: body.value("warm_up"),
        timeout: body.value("timeout"),
        fail_fast: body.value("fail_fast"),
        mode: body.value("mode"),
        stable_for: body.value("stable_for"),
        reaching: ReachingSpec::read(&mut body),
    })
}

impl Scalar for OldData {
    const EXPECTED: &'static str = "`fit`, `wait` or `allow`";
    const WORDS: &'static [&'static str] = &["fit", "wait", "allow"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "fit" => Some(Self::Fit),
            "wait" => Some(Self::Wait),
            "allow" => Some(Self::Allow),
            _ => None,
        }
    }
}

impl Scalar for ModeWord {
    const EXPECTED: &'static str = "`sustained` or `until_healthy`";
    const WORDS: &'static [&'static str] = &["sustained", "until_healthy"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "sustained" => Some(Self::Sustained),
            "until_healthy" => Some(Self::UntilHealthy),
            _ => None,
        }
    }
}
