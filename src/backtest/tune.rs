//! Which limits would have said something else: for each limit of each check, where the verdicts of the deployments flip.
//! Pure; it plays the samples of a check again with other limits, and asks nothing.

use crate::check::Role;
use crate::gate::extreme::Extreme;
use crate::gate::outcome::{CheckRecord, Outcome, Verdict};
use crate::gate::streak::Streak;
use crate::policy::criterion::Criterion;
use crate::policy::events::{Budget, Claim};
use crate::policy::model::{Count, FailureAction};
use crate::policy::window::Mode;

use super::deployment::Known;
use super::judged::{Came, Case};

/// Limits of events are found so closely.
const CLOSE: f64 = 1e-4;

/// A limit of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// `max_value`.
    Max,
    /// `min_value`.
    Min,
    /// `tolerance`, absolute.
    Tolerance,
    /// `max_ratio` of events.
    Ratio,
    /// `max_times` of events.
    Times,
    /// `max_burn` of events.
    Burn,
}

impl Limit {
    /// The word of the policy.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Max => "max_value",
            Self::Min => "min_value",
            Self::Tolerance => "tolerance",
            Self::Ratio => "max_ratio",
            Self::Times => "max_times",
            Self::Burn => "max_burn",
        }
    }

    /// How lenient the limit `value` is: the more, the fewer samples are breaches.
    pub(crate) fn lenience(self, value: f64) -> f64 {
        if self == Self::Min { -value } else { value }
    }

    /// What it is in `criterion`.
    fn of(self, criterion: &Criterion) -> Option<f64> {
        match self {
            Self::Max => criterion.max,
            Self::Min => criterion.min,
            Self::Tolerance => criterion.expected.map(|(_, tolerance)| tolerance),
            Self::Ratio | Self::Times | Self::Burn => None,
        }
    }

    /// The value of it at which a sample would just be within.
    const fn extreme(self, extreme: &Extreme) -> f64 {
        match self {
            Self::Max => extreme.max,
            Self::Min => extreme.min,
            Self::Tolerance | Self::Ratio | Self::Times | Self::Burn => extreme.tolerance,
        }
    }

    /// Whether a sample as bad as `extreme` breaches the limit `value`.
    fn breached(self, extreme: &Extreme, value: f64) -> bool {
        let (worst, limit) = (self.lenience(self.extreme(extreme)), self.lenience(value));
        if worst.is_infinite() {
            return worst > 0.0;
        }
        Criterion { max: Some(limit), ..Criterion::default() }.miss(worst).is_some()
    }
}

/// Every limit of values.
const LIMITS: [Limit; 3] = [Limit::Max, Limit::Min, Limit::Tolerance];

/// Where the outcome of one check of one deployment flips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Critical {
    /// Which limit.
    pub limit: Limit,
    /// What it is in the policy.
    pub present: f64,
    /// The strictest value with which the check would not fail; infinite where it fails with every one or with none.
    pub value: f64,
}

/// Where the outcome of a check flips, which has come to `record` and whose samples are as bad as `extremes`; nothing where
/// more than its limits decides. Of a check of events, `again` tells whether it would fail if something else were claimed.
pub(crate) fn critical(
    record: &CheckRecord,
    extremes: &[Option<Extreme>],
    again: &dyn Fn(Claim) -> bool,
) -> Vec<Critical> {
    let check = &record.check;
    if record.outcome == Some(Outcome::Skipped) {
        return Vec::new();
    }
    if let Some(tested) = check.events {
        let found = of_claim(tested.claim, again);
        return Vec::from_iter(found.filter(|_| again(tested.claim) == record.failed_at.is_some()));
    }
    // What confirms a breach, or leaves series out, would answer otherwise for another one; a comparison has other limits.
    let compared = check.judging.relative.is_some();
    let hangs =
        compared || check.beside.iter().any(|one| matches!(one.role, Role::Confirm | Role::SeriesAge(_)));
    if hangs || check.judging.count == Count::Series || check.mode != Mode::Sustained {
        return Vec::new();
    }
    let criterion = &check.judging.criterion;
    let fails = |limit: Limit, value: f64| {
        let mut streak = Streak::new(record.max_failures, record.within, false);
        extremes.iter().flatten().any(|extreme| {
            let others = LIMITS.iter().filter(|other| **other != limit);
            let mut missed = others.filter_map(|other| Some((other, other.of(criterion)?)));
            if limit.breached(extreme, value) || missed.any(|(other, value)| other.breached(extreme, value)) {
                return streak.breach(&[]).1;
            }
            if !extreme.early {
                streak.within();
            }
            false
        })
    };
    let failed = record.failed_at.is_some();
    LIMITS
        .into_iter()
        .filter_map(|limit| Some((limit, limit.of(criterion)?)))
        .filter(|(limit, present)| fails(*limit, *present) == failed)
        .map(|(limit, present)| {
            let mut steps: Vec<f64> =
                extremes.iter().flatten().map(|extreme| limit.extreme(extreme)).collect();
            steps.retain(|step| step.is_finite());
            steps.sort_by(|a, b| limit.lenience(*a).total_cmp(&limit.lenience(*b)));
            let lax = limit.lenience(f64::INFINITY);
            let value = match steps.first() {
                // With no limit at all it would not fail, and so it does not with any.
                _ if !fails(limit, -lax) => -lax,
                None => lax,
                Some(_) => {
                    let first = steps.partition_point(|step| fails(limit, *step));
                    steps.get(first).copied().unwrap_or(lax)
                }
            };
            Critical { limit, present, value }
        })
        .collect()
}

/// Where a check of events flips, of which `claim` is claimed: found by halving, as evidence has no steps.
fn of_claim(claim: Claim, again: &dyn Fn(Claim) -> bool) -> Option<Critical> {
    let (limit, present, (mut low, mut high)) = match claim {
        Claim::AtMost(max) => (Limit::Ratio, max, (1e-9, 0.999)),
        Claim::Against { max_times, .. } => (Limit::Times, max_times, (1e-3, 1e6)),
        Claim::Budget(budget) => (Limit::Burn, budget.max_burn, (1e-9, 1e9)),
    };
    let fails = |value: f64| {
        again(match claim {
            Claim::AtMost(_) => Claim::AtMost(value),
            Claim::Against { floor, .. } => Claim::Against { max_times: value, floor },
            Claim::Budget(budget) => Claim::Budget(Budget { max_burn: value, ..budget }),
        })
    };
    if !fails(low) {
        return Some(Critical { limit, present, value: f64::NEG_INFINITY });
    }
    if fails(high) {
        return Some(Critical { limit, present, value: f64::INFINITY });
    }
    while high / low > 1.0 + CLOSE {
        let middle = (low * high).sqrt();
        if fails(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(Critical { limit, present, value: high })
}

/// What the deployments would have come to with limits from one value to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stretch {
    /// The strictest limit of it; infinite for the first, which has all that are stricter.
    pub from: f64,
    /// How many deployments would have been rolled back.
    pub rollbacks: usize,
    /// How many bad ones would not.
    pub misses: usize,
    /// How many good ones would.
    pub false_rollbacks: usize,
}

impl Stretch {
    const fn wrong(&self) -> usize {
        self.misses + self.false_rollbacks
    }
}

/// The verdicts that one limit of one check would have made.
#[derive(Debug, PartialEq)]
pub(crate) struct Tuning {
    /// The check.
    pub check: String,
    /// Its limit.
    pub limit: Limit,
    /// What it is; `None` where that differs from deployment to deployment.
    pub present: Option<f64>,
    /// From the strictest limits to the most lenient ones; at least one.
    pub stretches: Vec<Stretch>,
}

impl Tuning {
    /// The stretch that `value` lies in.
    pub(crate) fn at(&self, value: f64) -> usize {
        let lenience = self.limit.lenience(value);
        // A limit that is met but for rounding is met.
        let slack = 1e-9 * lenience.abs();
        let after = self.stretches.iter().skip(1);
        after.take_while(|stretch| self.limit.lenience(stretch.from) <= lenience + slack).count()
    }

    /// The stretches with the fewest wrong verdicts, of those the fewest false rollbacks: first and last of a row; `None`
    /// where no outcome is known.
    pub(crate) fn best(&self) -> Option<(usize, usize)> {
        let wrong = |stretch: &Stretch| (stretch.wrong(), stretch.false_rollbacks);
        let least = self.stretches.iter().map(wrong).min()?;
        let first = self.stretches.iter().position(|stretch| wrong(stretch) == least)?;
        let more = self.stretches[first..].iter().take_while(|stretch| wrong(stretch) == least).count();
        let most = self.stretches.iter().map(wrong).max()?;
        (most > least).then_some((first, first + more - 1))
    }
}

/// What each limit of the policy numbered `policy` would have made of `cases`.
pub(crate) fn tunings(cases: &[Case], policy: usize) -> Vec<Tuning> {
    let mut names: Vec<(&str, Limit)> = Vec::new();
    let judged = || cases.iter().filter_map(|case| Some((case.deployment.known, case.judged(policy)?)));
    for came in judged().flat_map(|(_, judged)| &judged.checks) {
        for critical in &came.critical {
            if !names.contains(&(&*came.name, critical.limit)) {
                names.push((&came.name, critical.limit));
            }
        }
    }
    let tuning = |(name, limit): (&str, Limit)| {
        let mut flips: Vec<(f64, Option<Known>)> = Vec::new();
        let mut presents: Vec<f64> = Vec::new();
        let mut first =
            Stretch { from: limit.lenience(f64::NEG_INFINITY), rollbacks: 0, misses: 0, false_rollbacks: 0 };
        for (known, judged) in judged() {
            let own = judged.checks.iter().find(|came| *came.name == *name);
            let critical =
                own.and_then(|came| Some((came, came.critical.iter().find(|c| c.limit == limit)?)));
            let without = judged.checks.iter().filter(|came| *came.name != *name || critical.is_none());
            let settled = without.clone().any(|came| came.contribution == Some(Verdict::Rollback));
            let flips_at =
                critical.filter(|(came, _)| !settled && rolls_back(came)).map(|(_, critical)| critical);
            presents.extend(critical.map(|(_, critical)| critical.present));
            let strict = flips_at.map(|critical| limit.lenience(critical.value)).unwrap_or(f64::NEG_INFINITY);
            let begins = settled || strict > f64::NEG_INFINITY;
            first.rollbacks += usize::from(begins);
            match known {
                Some(Known::Good) => first.false_rollbacks += usize::from(begins),
                Some(Known::Bad) => first.misses += usize::from(!begins),
                None => {}
            }
            if strict.is_finite() {
                flips.push((strict, known));
            }
        }
        flips.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut stretches = vec![first];
        for (strict, known) in flips {
            let Some(last) = stretches.last().copied() else { continue };
            let next = Stretch {
                from: limit.lenience(strict),
                rollbacks: last.rollbacks - 1,
                misses: last.misses + usize::from(known == Some(Known::Bad)),
                false_rollbacks: last.false_rollbacks - usize::from(known == Some(Known::Good)),
            };
            match stretches.last_mut() {
                Some(same) if same.from == next.from => *same = next,
                _ => stretches.push(next),
            }
        }
        let present = presents.first().copied().filter(|first| presents.iter().all(|other| other == first));
        Tuning { check: name.to_owned(), limit, present, stretches }
    };
    names.into_iter().map(tuning).collect()
}

/// Whether a failure of the check rolls back: not where it only alerts, is not counted, or failed without that.
fn rolls_back(came: &Came) -> bool {
    let excused = came.failed_at.is_some() && came.contribution != Some(Verdict::Rollback);
    came.action == FailureAction::Rollback && came.contribution.is_some() && !excused
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::backtest::deployment::Deployment;
    use crate::backtest::judged::{Judged, Said};
    use crate::policy::model::Check;
    use crate::testing::check;

    fn check_record(criterion: Criterion) -> CheckRecord {
        let mut check: Check = check("errors", 0.0);
        check.judging.criterion = criterion;
        CheckRecord {
            check: Arc::new(check),
            outcome: None,
            contribution: None,
            reason: String::new(),
            failed_at: None,
            max_failures: 3,
            within: 6,
            min_samples: 3,
            plan: crate::testing::ticks(Timestamp::UNIX_EPOCH),
            planned: 21,
            due: 21,
            missed: 0,
            samples: Vec::new(),
            before: None,
            evidence: None,
            at_most: None,
            tested: None,
        }
    }

    fn extremes(values: &[f64]) -> Vec<Option<Extreme>> {
        let one = |value: &f64| {
            (!value.is_nan()).then(|| Extreme {
                max: *value,
                min: *value,
                tolerance: value.abs(),
                early: false,
            })
        };
        values.iter().map(one).collect()
    }

    /// The limit at which a check of `criterion` over `values` flips that fails at breach 2 of 3.
    fn flips(criterion: Criterion, values: &[f64], failed: bool) -> Vec<f64> {
        let mut record = check_record(criterion);
        (record.max_failures, record.within) = (2, 3);
        record.failed_at = failed.then_some(Timestamp::UNIX_EPOCH);
        critical(&record, &extremes(values), &|_| false).iter().map(|critical| critical.value).collect()
    }

    #[test]
    fn the_critical_limit_is_the_strictest_that_does_not_fail() {
        let max = Criterion { max: Some(4.5), ..Criterion::default() };
        assert_eq!(flips(max, &[1.0, 9.0, 3.0, 5.0, 2.0, 8.0], true), [5.0]);
        assert_eq!(flips(max, &[1.0, 9.0, 3.0, 4.0, 2.0, 8.0], false), [4.0]);
        assert_eq!(flips(max, &[9.0, f64::NAN, 1.0, 8.0], true), [8.0]);
        assert_eq!(flips(max, &[9.0, 1.0, 1.0, 8.0], false), [1.0]);
        // Two samples that are breaches with any limit, and two that are none.
        assert_eq!(flips(max, &[f64::INFINITY, f64::INFINITY], true), [f64::INFINITY]);
        assert_eq!(flips(max, &[f64::NEG_INFINITY, f64::NEG_INFINITY, 7.0], false), [f64::NEG_INFINITY]);
        let min = Criterion { min: Some(2.5), ..Criterion::default() };
        assert_eq!(flips(min, &[3.0, 1.0, 2.0, 4.0], true), [2.0]);
        assert_eq!(flips(min, &[3.0, 1.0, 3.5, 4.0], false), [3.0]);
    }

    #[test]
    fn a_check_that_more_than_its_limits_decides_is_not_tuned() {
        let max = Criterion { max: Some(4.5), ..Criterion::default() };
        assert_eq!(flips(max, &[9.0, 9.0], false), [0.0; 0]);
        // The limit of the other side fails it whatever this one is.
        let both = Criterion { max: Some(4.5), min: Some(1.0), ..Criterion::default() };
        assert_eq!(flips(both, &[0.0, 0.0, 2.0], true), [f64::INFINITY, 0.0]);
    }

    #[test]
    fn samples_over_a_shorter_range_count_only_as_breaches() {
        let mut record = check_record(Criterion { max: Some(3.0), ..Criterion::default() });
        (record.max_failures, record.within) = (2, 2);
        let one = |(max, early)| Some(Extreme { max, min: max, tolerance: max, early });
        // Where the middle one is within it is not judged, and the two breaches follow one another.
        let samples: Vec<_> = [(5.0, false), (2.0, true), (4.0, false)].into_iter().map(one).collect();
        record.failed_at = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(critical(&record, &samples, &|_| false)[0].value, 4.0);
    }

    fn case(known: Option<Known>, value: f64, other: bool) -> Case {
        let came = |name: &str, failed: bool, critical| Came {
            name: Arc::from(name),
            kind: "metric",
            action: FailureAction::Rollback,
            outcome: if failed { Outcome::Failed } else { Outcome::Passed },
            contribution: Some(if failed { Verdict::Rollback } else { Verdict::Pass }),
            reason: String::new(),
            failed_at: failed.then_some(Timestamp::UNIX_EPOCH),
            samples: (0, 0, 0),
            critical,
        };
        let critical = vec![Critical { limit: Limit::Max, present: 5.0, value }];
        let checks = vec![came("errors", value > 5.0, critical), came("up", other, Vec::new())];
        let verdict = checks.iter().filter_map(|check| check.contribution).max().unwrap();
        let judged = Judged { verdict, at: Timestamp::UNIX_EPOCH, overrules: None, checks };
        let deployment = Deployment { known, ..Deployment::at(Timestamp::UNIX_EPOCH) };
        Case { deployment, said: vec![Some(Said::Judged(judged))] }
    }

    #[test]
    fn verdicts_flip_where_the_critical_limits_are() {
        let (good, bad) = (Some(Known::Good), Some(Known::Bad));
        let cases = [
            case(good, 1.0, false),
            case(good, 3.0, false),
            case(bad, 8.0, false),
            case(bad, 2.0, true),
            case(good, 6.0, true),
        ];
        let tunings = tunings(&cases, 0);
        let [tuning] = &tunings[..] else { panic!("{tunings:?}") };
        let shown: Vec<_> =
            tuning.stretches.iter().map(|s| (s.from, s.rollbacks, s.misses, s.false_rollbacks)).collect();
        assert_eq!(shown, [(f64::NEG_INFINITY, 5, 0, 3), (1.0, 4, 0, 2), (3.0, 3, 0, 1), (8.0, 2, 1, 1)]);
        assert_eq!((tuning.present, tuning.at(5.0), tuning.at(0.5), tuning.at(8.0)), (Some(5.0), 2, 0, 3));
        assert_eq!(tuning.best(), Some((2, 2)));
    }

    #[test]
    fn the_claim_at_which_a_check_of_events_flips_is_found_by_halving() {
        let at = |critical: f64| {
            let again = move |claim| matches!(claim, Claim::AtMost(max) if max < critical);
            of_claim(Claim::AtMost(0.01), &again).unwrap().value
        };
        let found = at(0.0314);
        assert!((0.0314..0.0314 * 1.0002).contains(&found), "{found}");
        assert_eq!([at(0.0), at(2.0)], [f64::NEG_INFINITY, f64::INFINITY]);
    }
}
