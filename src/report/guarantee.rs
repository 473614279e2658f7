//! How often verdicts on counted events are wrong, in one sentence, as it can be promised: with what is presupposed, and
//! naming the checks that promise nothing. Must not decide anything.

use super::voice::Voice;
use super::words::{count, series};
use crate::gate::counted::{percent, thousands};
use crate::gate::outcome::{CheckRecord, Outcome, Record};
use crate::policy::events::Claim;
use crate::policy::model::FailureAction;

/// Checks without a figure that are named before the rest is counted.
const NAMED: usize = 3;

/// The sentence; `None` where no check has a figure.
pub(super) fn guarantee(voice: Voice<'_>, record: &Record) -> Option<String> {
    let counted = |check: &&CheckRecord| !check.check.dry_run && check.outcome != Some(Outcome::Skipped);
    let rated = |check: &&CheckRecord| check.check.events.is_some_and(|tested| tested.has_rate());
    let all: Vec<&CheckRecord> = record.checks.iter().filter(counted).collect();
    let (with, without): (Vec<&CheckRecord>, Vec<&CheckRecord>) = all.into_iter().partition(rated);
    if with.is_empty() {
        return None;
    }
    let mut said = Vec::new();
    for (action, done) in [(FailureAction::Rollback, "rolled back"), (FailureAction::Alert, "alerted of")] {
        let checks: Vec<&CheckRecord> =
            with.iter().copied().filter(|check| check.check.failure_action == action).collect();
        let alpha: f64 =
            checks.iter().filter_map(|check| check.check.events).map(|tested| tested.alpha).sum();
        if checks.is_empty() {
            continue;
        }
        let by = match checks[..] {
            [only] => format!("the events check `{}`", voice.name(only)),
            _ => format!("the {}", count(checks.len(), "events check")),
        };
        said.push(format!(
            "at most 1 in {} deployments is {done} by {by}",
            thousands((1.0 / alpha + 1e-6).floor())
        ));
    }
    Some(format!(
        "if requests fail independently{} and {}, {}{}",
        allowed(&with),
        true_ratio(&with),
        series(&said),
        others(voice, &without)
    ))
}

/// ` (dispersion 1.8 allowed for)`.
fn allowed(checks: &[&CheckRecord]) -> String {
    let known = checks.iter().filter_map(|check| check.evidence.as_ref()).map(|evidence| evidence.dispersion);
    let most = known.clone().max_by(|a, b| a.factor.total_cmp(&b.factor)).filter(|most| most.factor > 1.005);
    let Some(most) = most else { return String::new() };
    let alike = known.clone().all(|one| (one.factor - most.factor).abs() < 0.005);
    let said =
        if alike { most.to_string() } else { most.to_string().replacen("dispersion", "dispersion up to", 1) };
    // What is said in passing ends with a comma, too.
    format!(" ({said}{} allowed for)", if most.learnt { "" } else { "," })
}

/// `the true ratio is at most 1 %`.
fn true_ratio(checks: &[&CheckRecord]) -> String {
    let claims = || checks.iter().filter_map(|check| check.check.events).map(|tested| tested.claim);
    match claims().next() {
        Some(Claim::AtMost(max)) if claims().all(|claim| claim == Claim::AtMost(max)) => {
            format!("the true ratio is at most {}", percent(max))
        }
        _ if checks.len() == 1 => "the true ratio is within its limit".to_owned(),
        _ => "the true ratios are within their limits".to_owned(),
    }
}

/// `; `response_time` carries no such figure`.
fn others(voice: Voice<'_>, checks: &[&CheckRecord]) -> String {
    let mut names: Vec<String> =
        checks.iter().take(NAMED).map(|check| format!("`{}`", voice.name(check))).collect();
    let more = checks.len() - names.len();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    match names.len() {
        0 => String::new(),
        1 => format!("; {} carries no such figure", names.concat()),
        _ => format!("; {} carry no such figure", series(&names)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Counts;
    use crate::gate::evidence::{Dispersion, Evidence};
    use crate::policy::events::{Bad, Budget, Tested};
    use crate::report::sample::{edit, metric, open, planned};
    use crate::stats::two_rates::Events;

    fn events(name: &str, claim: Claim, alpha: f64, dispersion: Dispersion) -> CheckRecord {
        let mut record = metric(name, 0.01, FailureAction::Rollback);
        let rates =
            Tested { claim, bad: Bad::Failed, alpha, alpha_written: false, beta: 0.05, beta_written: false };
        edit(&mut record, |check| check.events = Some(rates));
        record.evidence = Some(Box::new(Evidence {
            counts: Counts { events: Events::new(3.0, 400.0), baseline: None, exact: true },
            log_against: 0.0,
            log_for: 0.0,
            dispersion,
            proved: false,
            burned: None,
        }));
        record
    }

    fn said(checks: Vec<CheckRecord>) -> Option<String> {
        guarantee(Voice::new(&open), &planned(checks))
    }

    const LEARNT: Dispersion = Dispersion { factor: 1.8, learnt: true };
    const UNKNOWN: Dispersion = Dispersion { factor: 2.0, learnt: false };

    #[test]
    fn it_is_worded_for_what_it_is() {
        let two = vec![
            events("errors", Claim::AtMost(0.01), 0.0005, LEARNT),
            events("payments", Claim::AtMost(0.01), 0.0005, LEARNT),
            metric("response_time", 0.5, FailureAction::Alert),
        ];
        assert_eq!(
            said(two).unwrap(),
            "if requests fail independently (dispersion 1.8 allowed for) and the true ratio is at most 1 %, at most 1 in \
             1,000 deployments is rolled back by the 2 events checks; `response_time` carries no such figure"
        );
    }

    #[test]
    fn every_sort_of_check_has_its_part_in_it() {
        let budget = Budget { slo: 0.999, period: std::time::Duration::from_secs(1), max_burn: 0.02 };
        let mut alert = events("latency", Claim::Against { max_times: 1.5, floor: 0.0 }, 0.05, UNKNOWN);
        edit(&mut alert, |check| check.failure_action = FailureAction::Alert);
        let mut checks = vec![
            events("errors", Claim::AtMost(0.01), 0.001, LEARNT),
            alert,
            events("spent", Claim::Budget(budget), 0.001, LEARNT),
        ];
        checks.extend((0..4).map(|index| metric(&index.to_string(), 1.0, FailureAction::Rollback)));
        assert_eq!(
            said(checks).unwrap(),
            "if requests fail independently (dispersion up to 2, assumed for want of history, allowed for) and the true \
             ratios are within their limits, at most 1 in 1,000 deployments is rolled back by the events check `errors` \
             and at most 1 in 20 deployments is alerted of by the events check `latency`; `spent`, `0`, `1` and 2 more \
             carry no such figure"
        );
        assert_eq!(said(vec![metric("a", 1.0, FailureAction::Rollback)]), None);
    }
}
