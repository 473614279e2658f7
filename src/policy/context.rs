//! What a gate and its metrics checks may say of the context of their samples, each in a word or a duration: what a
//! failure that is older than the deployment means, how old data may be, what data that is gone means. Must not ask
//! anything; the kinds make questions of it.

use std::time::Duration;

use super::problem::Problems;
use super::reader::{Field, Reader, Shape};
use super::template::Scope;
use super::value::{Period, Scalar, Value};

/// What a failure means that was as bad before the rollout.
pub const PRE_EXISTING: Field = Field::new(
    "pre_existing",
    Shape::OneOf(PreExisting::WORDS),
    "what a failure means that was as bad over a window of equal length before the rollout: going back cannot mend it",
)
.default("inconclusive");

/// How old the newest sample of a series may be.
pub const MAX_DATA_AGE: Field = Field::new(
    "max_data_age",
    Shape::of::<Period>(),
    "a series whose newest sample is older is no data; by default the source alone says how old it may be",
);

/// What it means where series are gone that were there before the deployment.
pub const ON_DATA_LOST: Field = Field::new(
    "on_data_lost",
    Shape::OneOf(OnDataLost::WORDS),
    "what a tick counts as at which series are gone that were there before the deployment; not looked at by default",
);

/// What a failure means that was as bad before the rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PreExisting {
    /// Nobody can say whether the deployment is bad.
    #[default]
    Inconclusive,
    /// People are told.
    Alert,
    /// What it means otherwise: what was before is not asked.
    Rollback,
}

/// What it means where series are gone that were there before the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDataLost {
    /// The tick is not judged.
    Inconclusive,
    /// It is a breach.
    Fail,
}

/// The same as it was read.
#[derive(Debug, Clone, Default)]
pub struct WordsSpec {
    /// What a failure means that was as bad before the rollout.
    pub pre_existing: Option<Value<PreExisting>>,
    /// How old the newest sample of a series may be.
    pub max_data_age: Option<Value<Period>>,
    /// What it means where series are gone.
    pub on_data_lost: Option<Value<OnDataLost>>,
}

/// The same as it holds for a check.
#[derive(Debug, Clone, Copy, Default)]
pub struct Words {
    /// What a failure means that was as bad before the rollout.
    pub pre_existing: PreExisting,
    /// How old the newest sample of a series may be.
    pub max_data_age: Option<Duration>,
    /// What it means where series are gone; `None`: it is not looked at.
    pub on_data_lost: Option<OnDataLost>,
}

impl WordsSpec {
    /// Reads the three fields that a gate and a metrics check share.
    pub fn read(body: &mut Reader<'_, '_>) -> Self {
        Self {
            pre_existing: body.value("pre_existing"),
            max_data_age: body.value("max_data_age"),
            on_data_lost: body.value("on_data_lost"),
        }
    }

    /// What holds: as written here, else as in `otherwise`.
    pub fn render(&self, otherwise: &Self, scope: &Scope, problems: &mut Problems) -> Words {
        fn known<T: Scalar + Clone>(
            own: Option<&Value<T>>,
            otherwise: Option<&Value<T>>,
            scope: &Scope,
            problems: &mut Problems,
        ) -> Option<T> {
            own.or(otherwise)?.render(scope).map_err(|problem| problems.push(problem)).ok()
        }
        let age = known(self.max_data_age.as_ref(), otherwise.max_data_age.as_ref(), scope, problems);
        let pre = known(self.pre_existing.as_ref(), otherwise.pre_existing.as_ref(), scope, problems);
        Words {
            pre_existing: pre.unwrap_or_default(),
            max_data_age: age.map(|Period(age)| age),
            on_data_lost: known(self.on_data_lost.as_ref(), otherwise.on_data_lost.as_ref(), scope, problems),
        }
    }
}

impl Scalar for PreExisting {
    const EXPECTED: &'static str = "`inconclusive`, `alert` or `rollback`";
    const WORDS: &'static [&'static str] = &["inconclusive", "alert", "rollback"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "inconclusive" => Some(Self::Inconclusive),
            "alert" => Some(Self::Alert),
            "rollback" => Some(Self::Rollback),
            _ => None,
        }
    }
}

impl Scalar for OnDataLost {
    const EXPECTED: &'static str = "`inconclusive` or `fail`";
    const WORDS: &'static [&'static str] = &["inconclusive", "fail"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "inconclusive" => Some(Self::Inconclusive),
            "fail" => Some(Self::Fail),
            _ => None,
        }
    }
}
