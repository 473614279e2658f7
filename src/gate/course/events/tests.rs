//! The way of counted events, look by look, without a clock.

use std::sync::Arc;

use super::*;
use crate::check::{History, Purpose, Reading, Seen};
use crate::gate::outcome::State;
use crate::policy::events::{Bad, Budget};
use crate::stats::testing::{Counts as Draws, Random};
use crate::testing::{self, Still};

fn at_most(max: f64) -> Claim {
    Claim::AtMost(max)
}

fn tested(claim: Claim) -> Tested {
    Tested { claim, bad: Bad::Failed, alpha: 0.001, alpha_written: false, beta: 0.05, beta_written: false }
}

fn learnt(claim: Claim, factor: f64) -> Counting {
    let mut way = Counting::new(tested(claim));
    way.dispersion = Dispersion { factor, learnt: true };
    way
}

fn sample(tick: usize) -> Sample {
    let begin: jiff::Timestamp = "2026-01-15T10:00:00Z".parse().unwrap();
    let at = crate::host::clock::later(begin, std::time::Duration::from_secs(15 * tick as u64));
    Sample::unasked(at, State::Within, "seen".into())
}

fn counted(bad: f64, total: f64) -> Mark {
    let counts = Counts { events: Events::new(bad, total), baseline: None, exact: true };
    Mark::Counted { counts, settling: false }
}

/// Takes in `marks` in their order; the look at which it fails, if it does.
fn play(way: &mut Counting, marks: impl IntoIterator<Item = Mark>) -> Option<usize> {
    let mut failed = None;
    for (tick, mark) in marks.into_iter().enumerate() {
        let fails = way.take(&mark, &sample(tick)).is_some();
        failed = failed.or(fails.then_some(tick));
    }
    failed
}

fn record() -> CheckRecord {
    let checks = [Arc::new(testing::check("a", 1.0))];
    let timing = crate::gate::plan::Timing {
        begin: sample(0).at,
        start: sample(0).at,
        deployed_at: None,
        duration: std::time::Duration::from_secs(300),
        warm_up: None,
        timeout: None,
        last: false,
    };
    let (plan, _) = crate::gate::plan::plan(&timing, &checks).unwrap();
    crate::gate::watch::Watch::new(checks[0].clone(), plan.checks[0].clone(), plan.deadline).record()
}

fn concluded(way: &Counting) -> (Outcome, String) {
    way.conclude(&record())
}

/// What 40 looks at `share` of `each` new requests a look come to.
fn steady(share: f64, each: f64, way: &mut Counting) -> (Option<usize>, (Outcome, String)) {
    let failed =
        play(way, (1..=40).map(|look| counted(share * each * f64::from(look), each * f64::from(look))));
    (failed, concluded(way))
}

#[test]
fn three_requests_tell_nothing() {
    let mut way = learnt(at_most(0.01), 1.0);
    assert_eq!(play(&mut way, [counted(0.0, 1.0), counted(1.0, 2.0), counted(1.0, 3.0)]), None);
    let (outcome, reason) = concluded(&way);
    assert_eq!(outcome, Outcome::Inconclusive);
    assert_eq!(
        reason,
        "1 of 3 requests failed, too few to say either: 299 requests with no sign of harm would have sufficed"
    );
    // Two are no three, whatever the evidence.
    let mut way = learnt(at_most(0.0001), 1.0);
    assert_eq!(play(&mut way, [counted(2.0, 2.0)]), None);
    assert_eq!(play(&mut way, [counted(3.0, 3.0)]), Some(0));
}

#[test]
fn harm_fails_and_health_is_proved() {
    let (failed, _) = steady(0.1, 75.0, &mut learnt(at_most(0.01), 1.0));
    assert!(failed.is_some_and(|look| look <= 2), "{failed:?}");
    let mut way = learnt(at_most(0.01), 1.0);
    let (failed, (outcome, reason)) = steady(0.0, 75.0, &mut way);
    assert_eq!((failed, outcome, way.holds()), (None, Outcome::Passed, true));
    assert!(reason.starts_with("proved: evidence"), "{reason}");
    // On the limit nothing is proved and nothing fails.
    let (failed, (outcome, reason)) = steady(0.0096, 75.0, &mut learnt(at_most(0.01), 1.0));
    assert_eq!((failed, outcome), (None, Outcome::Passed), "{reason}");
    assert!(reason.starts_with("not proved, no evidence against: 29 of 3,000 requests failed"), "{reason}");
    let (_, (outcome, reason)) = steady(0.012, 75.0, &mut learnt(at_most(0.01), 1.0));
    assert_eq!(outcome, Outcome::Inconclusive);
    assert!(reason.contains("against 'error ratio ≤ 1 %', 1,000 : 1 needed"), "{reason}");
}

#[test]
fn bursts_count_as_what_they_are() {
    let bursty = || [counted(0.0, 300.0), counted(10.0, 600.0), counted(22.0, 900.0)];
    assert!(play(&mut learnt(at_most(0.01), 1.0), bursty()).is_some());
    assert_eq!(play(&mut learnt(at_most(0.01), 5.0), bursty()), None);
    // Without history twice the events are needed to tell.
    let (_, (_, reason)) = steady(0.0, 5.0, &mut Counting::new(tested(at_most(0.01))));
    assert!(reason.ends_with(
        "598 requests with no sign of harm would have sufficed (allows for dispersion 2, assumed for want of history)"
    ), "{reason}");
}

#[test]
fn harm_that_begins_late_is_found_as_soon() {
    let good = (1..=40).map(|look| counted(0.0, 75.0 * f64::from(look)));
    let bad = (1..=10).map(|look| counted(7.5 * f64::from(look), 3000.0 + 75.0 * f64::from(look)));
    let failed = play(&mut learnt(at_most(0.01), 1.0), good.chain(bad));
    assert!(failed.is_some_and(|look| (40..44).contains(&look)), "{failed:?}");
}

#[test]
fn what_settles_does_not_count() {
    let mut way = learnt(at_most(0.01), 1.0);
    let settling = |bad, total| match counted(bad, total) {
        Mark::Counted { counts, .. } => Mark::Counted { counts, settling: true },
        other => other,
    };
    assert_eq!(play(&mut way, [settling(50.0, 100.0), settling(100.0, 200.0), counted(100.0, 600.0)]), None);
    assert_eq!(way.evidence().counts.events, Events::new(0.0, 400.0));
    assert!(way.holds());
}

#[test]
fn looks_that_are_missed_are_made_up_for_and_estimates_do_not_fall() {
    let mut way = learnt(at_most(0.01), 1.0);
    play(
        &mut way,
        [counted(1.0, 100.0), Mark::Unjudged, counted(2.0, 300.0), counted(1.0, 290.0), counted(3.0, 400.0)],
    );
    let events = way.evidence().counts.events;
    // 1 to 2, then back and up again: what was counted once is not counted twice.
    assert_eq!(events, Events::new(3.0, 400.0));
}

#[test]
fn a_canary_is_held_against_what_runs_beside_it() {
    let both = |bad: f64, total: f64, base_bad: f64, base_total: f64| Mark::Counted {
        counts: Counts {
            events: Events::new(bad, total),
            baseline: Some(Events::new(base_bad, base_total)),
            exact: true,
        },
        settling: false,
    };
    let looks =
        |bad: f64| (1..=40).map(f64::from).map(move |n| both(bad * n, 150.0 * n, 30.0 * n, 1500.0 * n));
    let against = Claim::Against { max_times: 1.5, floor: 0.0 };
    assert!(play(&mut learnt(against, 1.0), looks(9.0)).is_some());
    let mut way = learnt(against, 1.0);
    assert_eq!(play(&mut way, looks(3.0)), None);
    assert_eq!(concluded(&way).0, Outcome::Passed);
    // Three times the baseline, and still next to nothing: the floor is above it.
    let mut way = learnt(Claim::Against { max_times: 1.5, floor: 0.08 }, 1.0);
    assert_eq!(play(&mut way, looks(9.0)), None);
    assert_eq!(concluded(&way).0, Outcome::Passed);
    // Neither fails at all.
    let mut way = learnt(against, 1.0);
    play(&mut way, (1..=40).map(f64::from).map(|n| both(0.0, 100.0 * n, 0.0, 1000.0 * n)));
    let (outcome, reason) = concluded(&way);
    assert_eq!(outcome, Outcome::Passed, "{reason}");
}

/// A check with the answers to its questions about the past.
fn asked(purpose: Purpose, answers: Vec<Seen>) -> (Check, Vec<Option<Vec<Reading>>>) {
    let mut check = testing::check("a", 1.0);
    check.history = vec![History {
        purpose,
        probe: Arc::new(Still { past: true }),
        times: vec![sample(0).at],
        step: std::time::Duration::ZERO,
    }];
    (check, vec![Some(answers.into_iter().map(Reading::new).collect())])
}

#[test]
fn an_error_budget_is_spent_or_not() {
    let budget = Budget { slo: 0.999, period: std::time::Duration::from_secs(30 * 86_400), max_burn: 0.02 };
    let part = |value: f64| Seen::Series(vec![crate::check::Series { labels: Arc::default(), value }]);
    // 90,000 requests a period: 90 may fail, 1.8 of them since the deployment.
    let known = asked(Purpose::Volume, [vec![part(3000.0); 20], vec![Seen::Series(Vec::new()); 10]].concat());
    let mut way = learnt(Claim::Budget(budget), 1.0);
    way.learn(&known.0, &known.1);
    assert_eq!(play(&mut way, [counted(0.0, 50.0), counted(2.0, 100.0)]), None);
    let (outcome, reason) = concluded(&way);
    assert_eq!(outcome, Outcome::Inconclusive, "{reason}");
    assert_eq!(
        way.take(&counted(3.0, 150.0), &sample(3)).unwrap(),
        "3.33 % of the error budget spent > max_burn 2 %; 3 of 150 requests failed, at 2026-01-15T10:00:45Z"
    );
    let mut way = learnt(Claim::Budget(budget), 1.0);
    way.learn(&known.0, &known.1);
    play(&mut way, [counted(1.0, 100.0)]);
    assert!(!way.holds());
    assert_eq!(
        concluded(&way),
        (
            Outcome::Passed,
            "1.11 % of the error budget spent ≤ max_burn 2 %; 1 of 100 requests failed (the period's requests are \
             estimated from 20 of 30 parts of it)"
                .to_owned()
        )
    );
    let mut way = learnt(Claim::Budget(budget), 1.0);
    assert_eq!(play(&mut way, [counted(50.0, 100.0)]), None);
    assert_eq!(concluded(&way).0, Outcome::Inconclusive);
}

#[test]
fn nothing_counted_is_what_the_policy_says() {
    let mut way = learnt(at_most(0.01), 1.0);
    play(&mut way, [Mark::Unjudged]);
    assert_eq!(concluded(&way).0, Outcome::Inconclusive);
    play(&mut way, [Mark::Within]);
    assert_eq!(concluded(&way).0, Outcome::Passed);
    play(&mut way, [Mark::Breach(Box::new([]))]);
    assert_eq!(concluded(&way).0, Outcome::Failed);
}

#[test]
fn dispersion_is_learnt_from_the_time_before() {
    let mut random = Random(3);
    let draws = Draws::bursty(6.0, 5.0);
    let step =
        |bad: f64| Seen::Counts(Counts { events: Events::new(bad, 1200.0), baseline: None, exact: true });
    let (check, history) =
        asked(Purpose::Dispersion, (0..120).map(|_| step(draws.draw(&mut random))).collect());
    let mut way = Counting::new(tested(at_most(0.01)));
    way.learn(&check, &history);
    assert!(way.dispersion.learnt && (3.0..7.0).contains(&way.dispersion.factor), "{:?}", way.dispersion);
    let mut way = Counting::new(tested(at_most(0.01)));
    way.learn(&check, &[None]);
    assert_eq!(way.dispersion, Dispersion { factor: 2.0, learnt: false });
}
