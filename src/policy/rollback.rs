//! `rollback_policy` as it was read, and as it will be followed. Must not know any trigger, and must not act.

use super::guards::{Guards, GuardsSpec, Wait};
use super::node::Node;
use super::template::Template;
use super::value::{AtLeastOne, Scalar, Value};

/// The gate's `rollback_policy` as it was read.
#[derive(Debug, Clone, Default)]
pub struct RollbackSpec {
    /// Whether a rollback verdict triggers anything.
    pub enabled: Option<Value<bool>>,
    /// The checks' default.
    pub max_failures: Option<Value<AtLeastOne>>,
    /// The pipeline that takes the deployment back.
    pub pipeline: Option<Template>,
    /// Whether an inconclusive rollback check is taken for a failed one.
    pub on_inconclusive: Option<Value<OnInconclusive>>,
    /// Whether triggers are tried for what can be read before measuring.
    pub preflight: Option<Value<bool>>,
    /// The triggers, for `rollback` to read.
    pub trigger: Option<Node>,
    /// What may hold a rollback back, and how long it is followed.
    pub guards: GuardsSpec,
}

/// What an inconclusive rollback check leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnInconclusive {
    /// The verdict is inconclusive.
    #[default]
    Hold,
    /// The verdict is rollback.
    Rollback,
}

/// What follows a rollback verdict.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// Whether it triggers anything.
    pub enabled: bool,
    /// The pipeline that takes the deployment back.
    pub pipeline: Option<String>,
    /// Whether an inconclusive rollback check is taken for a failed one.
    pub on_inconclusive_rollback: bool,
    /// Whether triggers are tried for what can be read before measuring.
    pub preflight: bool,
    /// What may hold it back.
    pub guards: Guards,
    /// How long what was started is followed; `None`: not at all.
    pub wait: Option<Wait>,
}

impl Scalar for OnInconclusive {
    const EXPECTED: &'static str = "`hold` or `rollback`";
    const WORDS: &'static [&'static str] = &["hold", "rollback"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "hold" => Some(Self::Hold),
            "rollback" => Some(Self::Rollback),
            _ => None,
        }
    }
}
