//! What a deployment of the past came to under a policy: no more than the result needs, so that thousands of them can be
//! held. Plain data.

use std::sync::Arc;

use jiff::Timestamp;

use super::deployment::{Deployment, Known};
use super::tune::Critical;
use crate::gate::outcome::{Outcome, Verdict};
use crate::policy::model::FailureAction;

/// A deployment, and what each policy said of it.
#[derive(Debug)]
pub(crate) struct Case {
    /// The deployment.
    pub deployment: Deployment,
    /// By policy; `None` where it was not reached.
    pub said: Vec<Option<Said>>,
}

impl Case {
    /// What the policy numbered `policy` came to, where it could judge.
    pub(crate) fn judged(&self, policy: usize) -> Option<&Judged> {
        match self.said.get(policy)?.as_ref()? {
            Said::Judged(judged) => Some(judged),
            Said::LeftOut(_) => None,
        }
    }

    /// Whether that was wrong; `None` where nobody knows.
    pub(crate) fn wrong(&self, policy: usize) -> Option<bool> {
        let rolled_back = self.judged(policy)?.verdict == Verdict::Rollback;
        self.deployment.known.map(|known| rolled_back != (known == Known::Bad))
    }
}

/// What a policy said of a deployment.
#[derive(Debug)]
pub(crate) enum Said {
    /// It was judged.
    Judged(Judged),
    /// It cannot be judged; why.
    LeftOut(String),
}

/// What a policy came to.
#[derive(Debug)]
pub(crate) struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The tick at which a run of that time would have known it.
    pub at: Timestamp,
    /// Why it is inconclusive whatever the checks came to.
    pub overrules: Option<String>,
    /// Its checks, in the policy's order, those without a past last.
    pub checks: Vec<Came>,
}

impl Judged {
    /// Why it is what it is, but for a pass: what overrules the checks, or the one that decided, of those that contribute the
    /// verdict the first to fail.
    pub(crate) fn why(&self) -> Option<String> {
        if self.verdict == Verdict::Pass {
            return None;
        }
        let deciding = self.checks.iter().filter(|check| check.contribution == Some(self.verdict));
        let first = deciding.min_by_key(|check| check.failed_at.unwrap_or(Timestamp::MAX));
        let told = || first.map(|came| format!("{}: {}", came.name, came.reason));
        self.overrules.clone().or_else(told)
    }
}

/// What a check came to.
#[derive(Debug)]
pub(crate) struct Came {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: &'static str,
    /// What its failure means.
    pub action: FailureAction,
    /// Its outcome.
    pub outcome: Outcome,
    /// What it adds to the verdict; `None` for what is not counted.
    pub contribution: Option<Verdict>,
    /// Why.
    pub reason: String,
    /// The tick at which it was known that it fails.
    pub failed_at: Option<Timestamp>,
    /// Samples that were due, judged, and breaches.
    pub samples: (u32, u32, u32),
    /// The limits at which it would just not have failed.
    pub critical: Vec<Critical>,
}
