//! How counted events are judged: what is claimed of them, and how often a wrong verdict is allowed. Must not know how
//! events are counted or what evidence is.

use std::time::Duration;

use super::model::FailureAction;
use super::node::Node;
use super::problem::Problems;
use super::reader::{Field, Reader, Shape};
use super::template::Scope;
use super::value::{Chance, Value};

/// Deployments rolled back wrongly at most, where nothing is written: one in a thousand.
pub const ALPHA_ROLLBACK: f64 = 0.001;

/// Deployments alerted of wrongly at most, where nothing is written: one in twenty.
pub const ALPHA_ALERT: f64 = 0.05;

/// Bad deployments said to be proved good at most, where nothing is written: one in twenty.
pub const BETA: f64 = 0.05;

/// Bad events below which nothing fails, whatever the evidence.
pub const FEWEST_BAD: f64 = 3.0;

/// The fields of the gate's `alpha`.
pub static ALPHA: &[Field] = &[
    Field::new(
        "rollback",
        Shape::of::<Chance>(),
        "how often all checks of events together may roll a good deployment back",
    )
    .default("0.001"),
    Field::new("alert", Shape::of::<Chance>(), "the same of those that alert").default("0.05"),
];

/// The share of bad deployments that a check of events may take for good; of the gate and of its checks.
pub const BETA_FIELD: Field = Field::new(
    "beta",
    Shape::of::<Chance>(),
    "how often a check of events may call a bad deployment proved good",
)
.default("0.05");

/// What is claimed of the share of bad events; a check fails where the counts speak against it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Claim {
    /// It is at most this.
    AtMost(f64),
    /// It is at most so many times that of a baseline, or at most `floor`.
    Against {
        /// The factor.
        max_times: f64,
        /// The share up to which nothing is a breach.
        floor: f64,
    },
    /// They spend at most this share of an error budget.
    Budget(Budget),
}

/// An error budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// The share of good events that is promised.
    pub slo: f64,
    /// Over what time.
    pub period: Duration,
    /// The share of the budget that the time since the deployment may spend.
    pub max_burn: f64,
}

/// What makes an event a bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// A counter of its own says so.
    Failed,
    /// It took longer than this.
    Slow(Duration),
}

/// How a check of events is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tested {
    /// What is claimed.
    pub claim: Claim,
    /// What makes an event a bad one.
    pub bad: Bad,
    /// How often it may fail though the claim holds.
    pub alpha: f64,
    /// Whether that is written on the check, and no part of the gate's.
    pub alpha_written: bool,
    /// How often the claim may be called proved though it does not hold.
    pub beta: f64,
    /// Whether `beta` is written on the check.
    pub beta_written: bool,
}

impl Tested {
    /// Whether its verdicts come with an error rate: a budget is spent or not, whatever the chances.
    pub const fn has_rate(&self) -> bool {
        !matches!(self.claim, Claim::Budget(_))
    }
}

/// The gate's error rates as they were read.
#[derive(Debug, Clone, Default)]
pub struct RatesSpec {
    rollback: Option<Value<Chance>>,
    alert: Option<Value<Chance>>,
    beta: Option<Value<Chance>>,
}

/// How often verdicts on events may be wrong, all checks of a gate together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Good deployments rolled back.
    pub rollback: f64,
    /// Good deployments alerted of.
    pub alert: f64,
    /// Bad ones called proved good, by each check.
    pub beta: f64,
}

impl RatesSpec {
    /// Reads the gate's `alpha` and `beta`.
    pub fn read(gate: &mut Reader<'_, '_>) -> Self {
        let (rollback, alert) =
            gate.node("alpha").map(|node| alphas(node, gate.problems)).unwrap_or_default();
        Self { rollback, alert, beta: gate.value("beta") }
    }

    /// What holds.
    pub fn render(&self, scope: &Scope, problems: &mut Problems) -> Rates {
        let mut known = |value: Option<&Value<Chance>>, otherwise: f64| {
            let rendered = value.map(|value| value.render(scope));
            match rendered {
                Some(Err(problem)) => {
                    problems.push(problem);
                    otherwise
                }
                Some(Ok(Chance(chance))) => chance,
                None => otherwise,
            }
        };
        Rates {
            rollback: known(self.rollback.as_ref(), ALPHA_ROLLBACK),
            alert: known(self.alert.as_ref(), ALPHA_ALERT),
            beta: known(self.beta.as_ref(), BETA),
        }
    }
}

type Alphas = (Option<Value<Chance>>, Option<Value<Chance>>);

fn alphas(node: &Node, problems: &mut Problems) -> Alphas {
    let Some(mut body) = Reader::open(node, "`alpha`", &[ALPHA], problems) else { return Alphas::default() };
    (body.value("rollback"), body.value("alert"))
}

impl Rates {
    /// What checks of events with this `failure_action` have together.
    pub const fn alpha(&self, action: FailureAction) -> f64 {
        match action {
            FailureAction::Rollback => self.rollback,
            FailureAction::Alert => self.alert,
        }
    }

    /// Gives each check its part: those of one `failure_action` that name none of their own have equal parts of the
    /// gate's, so that all of them together are wrong no more often than it says.
    pub fn share_out<'t>(&self, checks: impl Iterator<Item = (FailureAction, bool, &'t mut Tested)>) {
        let mut checks: Vec<_> = checks.collect();
        for action in [FailureAction::Rollback, FailureAction::Alert] {
            let shares = |(own, counted, tested): &&mut (FailureAction, bool, &'t mut Tested)| {
                *own == action && *counted && tested.has_rate() && !tested.alpha_written
            };
            let parts = checks.iter_mut().filter(shares).count().max(1);
            for (own, _, tested) in &mut checks {
                if *own == action && !tested.alpha_written {
                    tested.alpha = self.alpha(action) / parts as f64;
                }
            }
        }
        for (_, _, tested) in checks {
            if !tested.beta_written {
                tested.beta = self.beta;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tested(claim: Claim, own: Option<f64>) -> Tested {
        Tested {
            claim,
            bad: Bad::Failed,
            alpha: own.unwrap_or_default(),
            alpha_written: own.is_some(),
            beta: BETA,
            beta_written: false,
        }
    }

    #[test]
    fn checks_share_what_the_gate_allows() {
        let budget = Budget { slo: 0.999, period: Duration::from_secs(86_400), max_burn: 0.02 };
        let mut checks = [
            (FailureAction::Rollback, true, tested(Claim::AtMost(0.01), None)),
            (FailureAction::Rollback, true, tested(Claim::AtMost(0.02), None)),
            (FailureAction::Rollback, true, tested(Claim::AtMost(0.02), Some(0.01))),
            (FailureAction::Rollback, true, tested(Claim::Budget(budget), None)),
            (FailureAction::Rollback, false, tested(Claim::AtMost(0.01), None)),
            (FailureAction::Alert, true, tested(Claim::AtMost(0.01), None)),
        ];
        let rates = Rates { rollback: 0.001, alert: 0.05, beta: 0.1 };
        rates.share_out(checks.iter_mut().map(|(action, counted, tested)| (*action, *counted, tested)));
        let found: Vec<f64> = checks.iter().map(|(_, _, tested)| tested.alpha).collect();
        assert_eq!(found, [0.0005, 0.0005, 0.01, 0.0005, 0.0005, 0.05]);
        assert!(checks.iter().all(|(_, _, tested)| tested.beta == 0.1));
    }
}
