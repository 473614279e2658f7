//! How often a policy was right: verdicts counted, misses and false rollbacks where outcomes are known, by check, and how
//! soon it knew. Pure.

use std::time::Duration;

use super::deployment::Known;
use super::judged::{Case, Judged, Said};
use crate::gate::outcome::{Outcome, Verdict};
use crate::host::clock::between;
use crate::stats::binomial::upper_bound;

/// How sure a bound is: it holds in 19 of 20 cases.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// The verdicts, from the mildest to the worst.
pub(crate) const VERDICTS: [Verdict; 4] =
    [Verdict::Pass, Verdict::Alert, Verdict::Inconclusive, Verdict::Rollback];

/// Deployments by verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Verdicts([usize; 4]);

impl Verdicts {
    fn add(&mut self, verdict: Verdict) {
        self.0[verdict as usize] += 1;
    }

    /// How many came to `verdict`.
    pub(crate) const fn of(&self, verdict: Verdict) -> usize {
        self.0[verdict as usize]
    }

    /// How many there are.
    pub(crate) fn all(&self) -> usize {
        self.0.iter().sum()
    }

    /// How many were not rolled back.
    pub(crate) fn kept(&self) -> usize {
        self.all() - self.of(Verdict::Rollback)
    }
}

/// What a policy's check had to do with the verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CheckSummary {
    /// Its name.
    pub name: String,
    /// Deployments that it rolled back, whatever they were.
    pub rollbacks: usize,
    /// Bad ones that it rolled back.
    pub caught: usize,
    /// Good ones that it rolled back.
    pub false_rollbacks: usize,
    /// Deployments of which it could not tell.
    pub inconclusive: usize,
    /// Deployments for which it was not skipped.
    pub judged: usize,
}

/// How often a policy was right.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Summary {
    /// All deployments that were judged.
    pub verdicts: Verdicts,
    /// Those known to be good.
    pub good: Verdicts,
    /// Those known to be bad.
    pub bad: Verdicts,
    /// How many could not be judged.
    pub left_out: usize,
    /// By check, in the policy's order.
    pub checks: Vec<CheckSummary>,
    /// From the deployment to the verdict of the bad ones that were rolled back, of all that were where no outcome is
    /// known: the middle one and the longest.
    pub until_rollback: Option<(Duration, Duration)>,
}

impl Summary {
    /// What the policy numbered `policy` made of `cases`.
    pub(crate) fn of(cases: &[Case], policy: usize) -> Self {
        let mut summary = Self::default();
        let outcomes_known = cases.iter().any(|case| case.deployment.known.is_some());
        let mut spans: Vec<Duration> = Vec::new();
        for case in cases {
            let judged = match case.said.get(policy).and_then(Option::as_ref) {
                None => continue,
                Some(Said::LeftOut(_)) => {
                    summary.left_out += 1;
                    continue;
                }
                Some(Said::Judged(judged)) => judged,
            };
            let known = case.deployment.known;
            summary.verdicts.add(judged.verdict);
            match known {
                Some(Known::Good) => summary.good.add(judged.verdict),
                Some(Known::Bad) => summary.bad.add(judged.verdict),
                None => {}
            }
            if judged.verdict == Verdict::Rollback && (known == Some(Known::Bad) || !outcomes_known) {
                spans.push(between(case.deployment.time, judged.at));
            }
            summary.count(judged, known);
        }
        spans.sort_unstable();
        summary.until_rollback = spans.get(spans.len() / 2).copied().zip(spans.last().copied());
        summary
    }

    fn count(&mut self, judged: &Judged, known: Option<Known>) {
        for came in &judged.checks {
            let index = self.checks.iter().position(|check| check.name == *came.name).unwrap_or_else(|| {
                self.checks.push(CheckSummary { name: came.name.to_string(), ..CheckSummary::default() });
                self.checks.len() - 1
            });
            let check = &mut self.checks[index];
            if came.contribution == Some(Verdict::Rollback) {
                check.rollbacks += 1;
                check.caught += usize::from(known == Some(Known::Bad));
                check.false_rollbacks += usize::from(known == Some(Known::Good));
            }
            check.inconclusive += usize::from(came.outcome == Outcome::Inconclusive);
            check.judged += usize::from(came.outcome != Outcome::Skipped);
        }
    }

    /// The share of good deployments that are rolled back, at most, with [`CONFIDENCE`]; `None` without good ones.
    pub(crate) fn false_rollbacks_at_most(&self) -> Option<f64> {
        at_most(self.good.of(Verdict::Rollback), self.good.all())
    }

    /// The share of bad deployments that are missed, at most, with [`CONFIDENCE`]; `None` without bad ones.
    pub(crate) fn misses_at_most(&self) -> Option<f64> {
        at_most(self.bad.kept(), self.bad.all())
    }
}

fn at_most(count: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| upper_bound(count as f64, of as f64, 1.0 - CONFIDENCE))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::backtest::deployment::Deployment;

    fn case(known: Option<Known>, verdict: Verdict, seconds: i64) -> Case {
        let at = Timestamp::from_second(seconds).unwrap();
        let judged = Judged { verdict, at, overrules: None, checks: Vec::new() };
        let deployment = Deployment { known, ..Deployment::at(Timestamp::UNIX_EPOCH) };
        Case { deployment, said: vec![Some(Said::Judged(judged))] }
    }

    #[test]
    fn misses_and_false_rollbacks_are_counted_where_outcomes_are_known() {
        let (good, bad) = (Some(Known::Good), Some(Known::Bad));
        let mut cases: Vec<Case> = (0..450).map(|_| case(good, Verdict::Pass, 300)).collect();
        cases.extend([
            case(bad, Verdict::Rollback, 120),
            case(bad, Verdict::Rollback, 90),
            case(bad, Verdict::Rollback, 240),
        ]);
        cases.extend([case(bad, Verdict::Alert, 300), case(None, Verdict::Rollback, 600)]);
        cases
            .push(Case { said: vec![Some(Said::LeftOut("why".to_owned()))], ..case(None, Verdict::Pass, 0) });
        cases.push(Case { said: vec![None], ..case(None, Verdict::Pass, 0) });
        let summary = Summary::of(&cases, 0);
        assert_eq!((summary.good.all(), summary.good.of(Verdict::Rollback)), (450, 0));
        assert_eq!((summary.bad.all(), summary.bad.kept(), summary.bad.of(Verdict::Alert)), (4, 1, 1));
        assert_eq!((summary.verdicts.all(), summary.left_out), (455, 1));
        assert_eq!(summary.until_rollback, Some((Duration::from_secs(120), Duration::from_secs(240))));
        // 1 − 0.05^(1/450).
        let bound = summary.false_rollbacks_at_most().unwrap();
        assert!((bound - (1.0 - 0.05_f64.powf(1.0 / 450.0))).abs() < 1e-12, "{bound}");
    }
}
