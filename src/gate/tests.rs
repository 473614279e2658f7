//! The gate's rules, played without a clock: each check is a string of what its ticks would show.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::engine::{Ask, Cause, Engine, Rules};
use super::outcome::{Outcome, Record, State, Verdict};
use super::plan::{Timing, plan};
use super::verdict::Stop;
use super::watch::Taken;
use crate::check::{Reading, Seen, Series};
use crate::host::clock::later;
use crate::policy::model::{Check, FailureAction};
use crate::policy::window::Mode;
use crate::testing::{self, Still};

/// What tick by tick is seen: `.` within, `b` breach, `0` an empty result, `n` only NaN, `e` an error.
fn reading(sign: char) -> Reading {
    let series = |value: f64| Seen::Series(vec![Series { labels: Arc::default(), value }]);
    Reading::new(match sign {
        '.' => series(0.0),
        'b' => series(2.0),
        'n' => series(f64::NAN),
        '0' => Seen::Series(Vec::new()),
        'e' => Seen::Failed("connection refused".to_owned()),
        other => panic!("`{other}` is no sign"),
    })
}

struct Setup {
    check: Check,
    signs: &'static str,
    again: &'static str,
}

fn begin() -> Timestamp {
    "2026-01-15T11:00:00Z".parse().unwrap()
}

/// A check of ten intervals that shows `signs`, those beyond the last repeating it.
fn setup(signs: &'static str) -> Setup {
    let check = Check {
        duration: Duration::from_secs(100),
        interval: Duration::from_secs(10),
        ..testing::check("fake", 1.0)
    };
    Setup { check, signs, again: "" }
}

impl Setup {
    fn again(mut self, again: &'static str) -> Self {
        self.again = again;
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Check)) -> Self {
        change(&mut self.check);
        self
    }

    fn sign(&self, ask: &Ask, k: u32) -> char {
        let signs = if ask.cause == Cause::Again && !self.again.is_empty() { self.again } else { self.signs };
        signs.chars().nth(k as usize).or_else(|| signs.chars().last()).unwrap()
    }
}

fn record() -> Record {
    testing::record(begin())
}

/// Plays the checks from `start` on, answering each ask at once, in reverse order within a moment.
fn play_from(start: Timestamp, setups: &[Setup], rules: Rules) -> (Verdict, Record) {
    let checks: Vec<Arc<Check>> = setups
        .iter()
        .map(|setup| {
            let mut check = setup.check_clone();
            check.name = format!("fake{}", setup.signs);
            Arc::new(check)
        })
        .collect();
    let timing = Timing {
        begin: begin(),
        start,
        deployed_at: None,
        duration: Duration::ZERO,
        warm_up: None,
        timeout: None,
        last: false,
    };
    let (plan, _) = plan(&timing, &checks).unwrap();
    let deadline = plan.deadline;
    let mut engine = Engine::new(plan, &checks, record(), rules);
    let mut now = begin();
    let mut asks = engine.begin();
    while !engine.finished() {
        asks.extend(engine.due(now));
        let Some(ask) = asks.pop() else {
            now = engine.next_due().unwrap();
            assert!(now <= deadline, "the default time-out covers every window");
            continue;
        };
        let setup = &setups[ask.check];
        let taken = ask.ticks.iter().map(|k| Taken::new(reading(setup.sign(&ask, *k))));
        asks.extend(engine.take(&ask, taken.collect(), now));
    }
    (engine.conclude(), engine.record)
}

impl Setup {
    fn check_clone(&self) -> Check {
        let c = &self.check;
        Check {
            name: c.name.clone(),
            source: None,
            skipped: c.skipped.clone(),
            beside: c.beside.clone(),
            history: c.history.clone(),
            description: None,
            runbook_url: None,
            dashboard_url: None,
            target: c.target.clone(),
            probe: c.probe.clone(),
            file: c.file.clone(),
            ..*c
        }
    }
}

const RULES: Rules = Rules { fail_fast: true, hold: true, to_the_end: false };

/// Plays one live check; its outcome, how many ticks were planned, and its reason.
fn play(setup: Setup) -> (Outcome, u32, String) {
    let (_, record) = play_from(begin(), &[setup], RULES);
    let check = &record.checks[0];
    (check.outcome.unwrap(), check.planned, check.reason.clone())
}

#[test]
fn a_check_fails_at_the_breach_that_completes_it() {
    let (outcome, _, reason) = play(setup("..b.bb"));
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(
        reason,
        "2 > max_value 1, breach 3 of 3, at 2026-01-15T11:00:50Z; 3 of 6 judged samples over 50s breached; max_value 2 \
         would have held"
    );
    assert_eq!(play(setup("b....b....b.")).0, Outcome::Passed);
    assert_eq!(play(setup("...........")).0, Outcome::Passed);
}

#[test]
fn a_window_does_not_end_on_a_breach() {
    // Tick 10 is the last; the run-on sees one sample within and stops.
    assert_eq!(
        play(setup("..........b.")),
        (Outcome::Passed, 12, "11 of 12 due samples within, 1 breached".into())
    );
    assert_eq!(play(setup("..........bbb")).0, Outcome::Failed);
    assert_eq!(play(setup("..........bbb")).1, 13);
    // Unjudged samples do not decide: the run-on ends after `max_failures` ticks, and the end was not seen.
    let (outcome, planned, reason) = play(setup("..........beeee").again("..........b"));
    assert_eq!((outcome, planned), (Outcome::Inconclusive, 14));
    assert_eq!(
        reason,
        "none of the last 3 samples judged: the end was not seen; 11 of 14 due samples judged (worst 2) over 2m 10s, \
         3 failed to be asked; one of the last 3 within max_value 1 would have passed; the last: connection refused"
    );
}

#[test]
fn what_was_not_seen_is_inconclusive() {
    assert_eq!(play(setup("0")).0, Outcome::Inconclusive);
    assert_eq!(play(setup("e")).0, Outcome::Inconclusive);
    assert_eq!(play(setup("n")).0, Outcome::Inconclusive);
    assert_eq!(play(setup("..0")).0, Outcome::Inconclusive);
    assert_eq!(play(setup("bb0")).0, Outcome::Inconclusive);
    // 5 of 11 is less than half.
    let (outcome, _, reason) = play(setup("0.0.0.0.0.0"));
    assert_eq!(outcome, Outcome::Inconclusive);
    assert_eq!(
        reason,
        "5 of 11 due samples judged (worst 0), expected at least 6 (`min_coverage` 50 %) over 1m 40s: 6 without data; \
         1 more within max_value 1 would have passed; the last: an empty result"
    );
    assert_eq!(play(setup(".0.0.0.0.0.")).0, Outcome::Passed);
    // The end was not seen.
    assert_eq!(play(setup("........000")).0, Outcome::Inconclusive);
    assert_eq!(play(setup("........00.")).0, Outcome::Passed);
}

#[test]
fn what_was_not_judged_is_asked_once_more() {
    assert_eq!(play(setup("0").again("...........")).0, Outcome::Passed);
    assert_eq!(play(setup("e").again("bbb")).0, Outcome::Failed);
    // The answers are judged in tick order: together with what was seen they complete a failure.
    let (outcome, _, reason) = play(setup(".bebe......").again("..b........"));
    assert_eq!((outcome, reason.contains("breach 3 of 3, at 2026-01-15T11:00:30Z")), (Outcome::Failed, true));
    // No traffic is not asked again.
    assert_eq!(play(setup("n").again("...........")).0, Outcome::Inconclusive);
    // Kinds without a past cannot be.
    let target = setup("e").again("...........").with(|c| c.probe = Arc::new(Still { past: false }));
    assert_eq!(play(target).0, Outcome::Inconclusive);
}

#[test]
fn counts_are_capped_by_the_due_ticks() {
    let once = |signs| setup(signs).with(|c| c.duration = Duration::ZERO);
    assert_eq!(play(once("b")).0, Outcome::Failed);
    assert_eq!(play(once(".")).0, Outcome::Passed);
    assert_eq!(play(once("0")).0, Outcome::Inconclusive);
    assert_eq!(play(once("e").again(".")).0, Outcome::Passed);
}

#[test]
fn the_past_is_judged_in_the_order_of_its_ticks() {
    let start = begin().checked_sub(Duration::from_secs(3600)).unwrap();
    let (verdict, record) = play_from(start, &[setup("....bbb...."), setup("bb.........")], RULES);
    assert_eq!(verdict, Verdict::Rollback);
    let failed = &record.checks[0];
    assert_eq!((failed.samples.len(), failed.missed, failed.planned), (7, 4, 11));
    let other = &record.checks[1];
    assert_eq!((other.outcome, other.samples.len()), (Some(Outcome::Unfinished), 6));
}

#[test]
fn kinds_without_a_past_are_asked_at_least_once() {
    let target = || setup(".").with(|c| c.probe = Arc::new(Still { past: false }));
    let start = begin().checked_sub(Duration::from_secs(3600)).unwrap();
    let (verdict, record) = play_from(start, &[target()], RULES);
    assert_eq!((verdict, record.checks[0].samples.len()), (Verdict::Pass, 1));
    assert_eq!(record.checks[0].samples[0].at, begin());
    let start = begin().checked_sub(Duration::from_secs(45)).unwrap();
    let (_, record) = play_from(start, &[target()], RULES);
    let check = &record.checks[0];
    assert_eq!((check.planned, check.due, check.samples.len()), (11, 6, 6));
    assert_eq!(check.samples[0].at, later(begin(), Duration::from_secs(5)));
}

#[test]
fn the_worst_contribution_wins() {
    let alert = |signs| setup(signs).with(|c| c.failure_action = FailureAction::Alert);
    let verdict = |setups: &[Setup], rules| play_from(begin(), setups, rules).0;
    assert_eq!(verdict(&[setup("."), alert(".")], RULES), Verdict::Pass);
    assert_eq!(verdict(&[setup("."), alert("b")], RULES), Verdict::Alert);
    assert_eq!(verdict(&[setup("."), alert("0")], RULES), Verdict::Alert);
    assert_eq!(verdict(&[setup("0"), alert("b")], RULES), Verdict::Inconclusive);
    assert_eq!(verdict(&[setup("b"), alert("0")], RULES), Verdict::Rollback);
    assert_eq!(verdict(&[setup("0")], Rules { hold: false, ..RULES }), Verdict::Rollback);
    assert_eq!(verdict(&[setup("b").with(|c| c.dry_run = true), setup(".")], RULES), Verdict::Pass);
    let skipped = || setup("b").with(|c| c.skipped = Some("elsewhere".to_owned()));
    assert_eq!(verdict(&[skipped(), setup(".")], RULES), Verdict::Pass);
    assert_eq!(verdict(&[skipped()], RULES), Verdict::Inconclusive);
}

#[test]
fn rollback_ends_the_sampling_unless_told_otherwise() {
    let (_, record) = play_from(begin(), &[setup("b"), setup(".")], RULES);
    assert_eq!(record.checks[1].outcome, Some(Outcome::Unfinished));
    assert_eq!(record.checks[1].contribution, None);
    let (verdict, record) =
        play_from(begin(), &[setup("b"), setup(".")], Rules { fail_fast: false, ..RULES });
    assert_eq!(verdict, Verdict::Rollback);
    assert_eq!(record.checks[1].outcome, Some(Outcome::Passed));
    assert_eq!(record.checks[0].samples.len(), 11);
}

#[test]
fn a_stopped_gate_never_passes() {
    let checks = [Arc::new(setup(".").check)];
    let timing = Timing {
        begin: begin(),
        start: begin(),
        deployed_at: None,
        duration: Duration::ZERO,
        warm_up: None,
        timeout: None,
        last: false,
    };
    for (stop, expected) in [(Stop::Timeout, Verdict::Inconclusive), (Stop::Cancelled, Verdict::Pass)] {
        let (plan, _) = plan(&timing, &checks).unwrap();
        let mut engine = Engine::new(plan, &checks, record(), RULES);
        engine.begin();
        let asks = engine.due(begin());
        engine.take(&asks[0], vec![Taken::new(reading('.'))], begin());
        engine.stop(stop);
        assert!(engine.finished());
        assert_eq!(engine.record.checks[0].outcome, Some(Outcome::Unfinished));
        assert_eq!(engine.record.checks[0].count(State::Missed), 10);
        // A cancelled run has no verdict: the conductor does not ask for one.
        assert_eq!(engine.conclude(), expected);
    }
}

/// A check of ten intervals that must hold for three of them.
fn healthy(signs: &'static str) -> Setup {
    setup(signs).with(|check| {
        check.mode = Mode::UntilHealthy { stable_for: Duration::from_secs(30) };
        check.min_samples = 1;
    })
}

#[test]
fn a_gate_that_waits_until_healthy_passes_as_soon_as_it_is() {
    let (verdict, record) = play_from(begin(), &[healthy("bbbb.......")], RULES);
    let check = &record.checks[0];
    assert_eq!((verdict, check.outcome, check.samples.len()), (Verdict::Pass, Some(Outcome::Passed), 8));
    assert_eq!((check.missed, check.planned), (3, 11));
    assert_eq!(check.reason, "held for 30s since 2026-01-15T11:00:40Z, 4 samples within");
    // A sample that is not judged breaks nothing, but for as long as it is the last.
    assert_eq!(play_from(begin(), &[healthy(".0.0.......")], RULES).1.checks[0].samples.len(), 5);
    assert_eq!(play_from(begin(), &[healthy("...0.......")], RULES).1.checks[0].samples.len(), 5);
    // Of the last 30 s too little was seen until tick 5.
    assert_eq!(play_from(begin(), &[healthy(".000.......")], RULES).1.checks[0].samples.len(), 6);
    // The last tick is soon enough.
    assert_eq!(play(healthy("bbbbbbb....")).0, Outcome::Passed);
}

#[test]
fn what_is_not_healthy_at_last_has_failed_or_was_not_seen() {
    let (outcome, planned, reason) = play(healthy("..b"));
    assert_eq!((outcome, planned), (Outcome::Failed, 11));
    assert_eq!(
        reason,
        "2 > max_value 1, at 2026-01-15T11:01:40Z, in the last 30s (`stable_for`) of the window; 4 of 4 judged samples \
         over 30s breached; max_value 2 would have held"
    );
    // It flaps: the last breach is what counts, as far back as `stable_for`.
    let (outcome, _, reason) = play(healthy("..b..b.b..."));
    assert_eq!(outcome, Outcome::Failed);
    assert!(reason.starts_with("2 > max_value 1, at 2026-01-15T11:01:10Z, in the last 30s"), "{reason}");
    let (outcome, _, reason) = play(healthy("..b..bb0..."));
    assert_eq!(outcome, Outcome::Inconclusive);
    assert_eq!(
        reason,
        "held for 20s, expected 30s (`stable_for`): 1 without data; 30s within max_value 1 at the end would have passed; \
         the last: an empty result"
    );
    for (signs, first) in [
        (
            "0",
            "0 of 4 due samples judged in the last 30s (`stable_for`), expected at least `min_coverage` 50 %: 11",
        ),
        ("e", "0 of 4 due samples judged in the last 30s"),
        ("b.00000000.", "1 of 4 due samples judged in the last 30s"),
        ("bb.bb.bb.b0", "2 > max_value 1"),
        ("bbbbbbb...0", "the last sample is not judged: the end was not seen: 1 without data; 30s within"),
    ] {
        let (outcome, _, reason) = play(healthy(signs));
        let failed = signs == "bb.bb.bb.b0";
        assert_eq!(
            outcome,
            if failed { Outcome::Failed } else { Outcome::Inconclusive },
            "{signs}: {reason}"
        );
        assert!(reason.starts_with(first), "{signs}: {reason}");
    }
    // What is asked once more at the end counts like the rest.
    assert_eq!(play(healthy("bbbbbbb...e").again("...........")).0, Outcome::Passed);
    let written = |signs| healthy(signs).with(|check| check.min_samples = 6);
    assert_eq!(play_from(begin(), &[written("bb.........")], RULES).1.checks[0].samples.len(), 8);
    let (_, _, reason) = play(written("bbbbbb....."));
    assert!(reason.starts_with("5 samples judged since the last breach, expected at least 6"), "{reason}");
}

#[test]
fn all_checks_must_hold_at_the_same_time() {
    let lengths = |record: &Record| -> Vec<usize> { record.checks.iter().map(|c| c.samples.len()).collect() };
    // One holds up to tick 5, the other from tick 7 on: neither moment will do.
    let (verdict, record) = play_from(begin(), &[healthy("......b...."), healthy("bbbb.......")], RULES);
    assert_eq!((verdict, lengths(&record)), (Verdict::Pass, vec![11, 11]));
    let (verdict, record) = play_from(begin(), &[healthy("......b..b."), healthy("bbbb.......")], RULES);
    assert_eq!(verdict, Verdict::Rollback);
    assert_eq!(record.checks[1].outcome, Some(Outcome::Passed));
    // Each by its own ticks: the slow one holds from 40 s on, up to its next tick.
    let slow = |signs| healthy(signs).with(|check| check.interval = Duration::from_secs(20));
    let (verdict, record) = play_from(begin(), &[slow("......"), healthy("bbbbb......")], RULES);
    assert_eq!((verdict, lengths(&record)), (Verdict::Pass, vec![5, 9]));
    let (verdict, record) = play_from(begin(), &[slow("...b.."), healthy("bb.........")], RULES);
    assert_eq!((verdict, lengths(&record)), (Verdict::Pass, vec![3, 6]));
    // Kinds without a past, in a window that began in the past.
    let start = begin().checked_sub(Duration::from_secs(60)).unwrap();
    let target = |signs| healthy(signs).with(|check| check.probe = Arc::new(Still { past: false }));
    let (verdict, record) = play_from(start, &[target("."), healthy("bb.........")], RULES);
    assert_eq!((verdict, lengths(&record)), (Verdict::Pass, vec![4, 10]));
    // A dry run is waited for by nobody.
    let (verdict, record) =
        play_from(begin(), &[healthy("b").with(|check| check.dry_run = true), healthy(".")], RULES);
    assert_eq!((verdict, lengths(&record)), (Verdict::Pass, vec![3, 4]));
    assert_eq!(record.checks[0].outcome, Some(Outcome::Unfinished));
}

#[test]
fn a_window_with_few_due_ticks_must_hold_for_all_of_them() {
    let once = |signs| healthy(signs).with(|check| check.duration = Duration::ZERO);
    assert_eq!(play(once(".")).0, Outcome::Passed);
    assert_eq!(play(once("b")).0, Outcome::Failed);
    assert_eq!(play(once("0")).0, Outcome::Inconclusive);
}
