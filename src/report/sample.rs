//! Records for the tests of this folder: a rollback, a pass, and what else a run can come to. Must stay plain: no
//! clock and no judge, every number is written down.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::check::{Labels, Phases};
use crate::exit::Exit;
use crate::gate::outcome::{
    ActionRecord, ActionStatus, Cancelled, CheckRecord, Followed, Outcome, Record, Sample, State, Verdict,
};
use crate::host::clock::later;
use crate::policy::model::{Check, FailureAction, Judging};
use crate::testing;

/// A moment of the day on which all the samples are taken.
pub(super) fn at(time: &str) -> Timestamp {
    format!("2026-01-15T{time}Z").parse().unwrap()
}

/// No secret is known.
pub(super) fn open(text: &str) -> String {
    text.to_owned()
}

/// A PromQL check of five minutes at 15 s whose values may not exceed `max`.
pub(super) fn metric(name: &str, max: f64, action: FailureAction) -> CheckRecord {
    let check = Check { failure_action: action, ..testing::check(name, max) };
    CheckRecord {
        check: Arc::new(check),
        outcome: None,
        contribution: None,
        reason: String::new(),
        plan: testing::ticks(at("11:02:00")),
        max_failures: 3,
        within: 6,
        min_samples: 3,
        planned: 21,
        due: 21,
        missed: 0,
        before: None,
        failed_at: None,
        at_most: None,
        tested: None,
        samples: Vec::new(),
        evidence: None,
    }
}

/// A check of an endpoint, without values.
pub(super) fn probe(name: &str, kind: &'static str) -> CheckRecord {
    let mut record = metric(name, 0.0, FailureAction::Rollback);
    edit(&mut record, |check| {
        check.kind = kind;
        check.source = None;
        check.judging = Judging::default();
        check.target = name.into();
    });
    record
}

/// Changes the check of a record that nobody else holds.
pub(super) fn edit(record: &mut CheckRecord, change: impl FnOnce(&mut Check)) {
    change(Arc::get_mut(&mut record.check).unwrap());
}

impl CheckRecord {
    /// The next tick's sample, with one series if there is a value.
    pub(super) fn saw(mut self, state: State, value: Option<f64>, reason: Option<&str>) -> Self {
        let ticks = u32::try_from(self.samples.len()).unwrap();
        let labels: Arc<Labels> = Arc::new(Vec::new());
        self.samples.push(Sample {
            at: later(at("11:02:00"), self.check.interval * ticks),
            state,
            values: value.map(|v| (labels, v)).into_iter().collect(),
            baselines: Vec::new(),
            series: usize::from(value.is_some()),
            query: None,
            reason: reason.map(Into::into),
            attempts: 1,
            phases: None,
            log_evidence: None,
        });
        self
    }

    /// So many values, judged by the criterion.
    pub(super) fn values(self, values: &[f64]) -> Self {
        let criterion = self.check.judging.criterion;
        values.iter().fold(self, |record, value| {
            let state = if criterion.miss(*value).is_some() { State::Breach } else { State::Within };
            record.saw(state, Some(*value), None)
        })
    }

    /// So many samples in which the target did all that was expected.
    pub(super) fn met(self, count: usize) -> Self {
        (0..count).fold(self, |record, _| {
            let mut record = record.saw(State::Within, None, Some("200 in 12 ms"));
            record.samples.last_mut().unwrap().phases = Some(Box::new(Phases {
                dns: Some(Duration::from_micros(310)),
                tcp: Some(Duration::from_millis(1)),
                tls: None,
                first_byte: Some(Duration::from_micros(10_240)),
                total: Some(Duration::from_millis(12)),
            }));
            record
        })
    }

    /// Ends it.
    pub(super) fn ended(mut self, outcome: Outcome, contribution: Option<Verdict>, reason: &str) -> Self {
        self.outcome = Some(outcome);
        self.contribution = contribution;
        self.reason = reason.to_owned();
        self
    }
}

/// A run that has just been planned.
pub(super) fn planned(checks: Vec<CheckRecord>) -> Record {
    Record {
        service: Some("checkout".to_owned()),
        environment: Some("production".to_owned()),
        version: Some("1.8.2".to_owned()),
        previous_version: Some("1.8.1".to_owned()),
        deployed_at: Some(at("11:01:00")),
        started_at: at("11:01:30"),
        deadline: at("11:08:45"),
        variables: vec![("service_name".to_owned(), "checkout".to_owned())],
        checks,
        ..testing::record(at("11:02:00"))
    }
}

fn finished(mut record: Record, verdict: Verdict, confirmed: bool, time: &str) -> Record {
    let exit = Exit::of(verdict, confirmed);
    record.verdict = Some(verdict);
    record.exit = Some((exit, exit));
    record.finished_at = Some(at(time));
    record
}

/// The webhook's answer to a rollback.
pub(super) fn webhook(status: ActionStatus) -> ActionRecord {
    let confirmed = status == ActionStatus::Confirmed;
    ActionRecord {
        kind: "webhook".to_owned(),
        purpose: "rollback",
        target: "https://deploy.example/hooks/rollback".to_owned(),
        status,
        http_status: Some(if confirmed { 202 } else { 503 }),
        attempts: if confirmed { 1 } else { 4 },
        id: Some("rg_kj4xh2".to_owned()),
        url: None,
        reason: (!confirmed).then(|| "503 Service Unavailable".to_owned()),
        response: confirmed.then(|| "{\"queued\": true}".to_owned()),
        took: Duration::from_millis(38),
        followed: None,
    }
}

/// A pipeline that was started and followed: to a good or a bad end, or to none that is known.
pub(super) fn followed(well: Option<bool>, words: &str) -> ActionRecord {
    let took = Duration::from_secs(192);
    let followed = Followed { words: words.to_owned(), well, goes_on: false, took };
    ActionRecord { followed: Some(followed), ..webhook(ActionStatus::Confirmed) }
}

/// The checks of a policy while they are watched: two breaches, an error, one without values.
pub(super) fn watched() -> Vec<CheckRecord> {
    let mut errors =
        metric("error_rate", 0.01, FailureAction::Rollback).values(&[0.002, 0.0031, 0.081, 0.08]);
    edit(&mut errors, |check| {
        check.description = Some("share of requests that failed".to_owned());
        check.runbook_url = Some("https://runbooks.example/error-rate".to_owned());
        check.dashboard_url = Some("https://grafana.example/d/checkout".to_owned());
    });
    vec![
        metric("service_availability", 1.0, FailureAction::Rollback).values(&[1.0, 1.0, 1.0, 1.0]),
        metric("response_time", 0.5, FailureAction::Alert)
            .values(&[0.21, 0.34])
            .saw(State::Error, None, Some("connection refused by prometheus.example:9090"))
            .saw(State::NoData, None, Some("the result is empty")),
        errors,
        probe("http://checkout.example/health", "http").met(4),
    ]
}

/// A run of which the error rate goes up and stays up.
pub(super) fn rollback() -> Record {
    let mut checks = watched();
    let errors = checks.remove(2).values(&[0.08]);
    let reason = "0.08 > max_value 0.01, breach 3 of 3, at 11:03:00Z";
    checks.insert(0, errors.ended(Outcome::Failed, Some(Verdict::Rollback), reason));
    for check in &mut checks {
        check.outcome = check.outcome.or(Some(Outcome::Unfinished));
        check.missed = 21 - u32::try_from(check.samples.len()).unwrap();
    }
    let mut record = finished(planned(checks), Verdict::Rollback, true, "11:03:00.200");
    record.actions.push(webhook(ActionStatus::Confirmed));
    record
        .warnings
        .push("`insecure_skip_verify` is set for `prometheus`: its certificate is not checked".to_owned());
    record
}

/// A run in which all held.
pub(super) fn pass() -> Record {
    let checks = vec![
        metric("error_rate", 0.01, FailureAction::Rollback).values(&[0.002; 21]),
        metric("response_time", 0.5, FailureAction::Alert).values(&[0.21; 20]).values(&[0.34]),
        probe("http://checkout.example/health", "http").met(21),
    ];
    let checks = checks.into_iter().map(|c| c.ended(Outcome::Passed, Some(Verdict::Pass), "")).collect();
    finished(planned(checks), Verdict::Pass, true, "11:07:00.100")
}

/// A run whose source was gone, with all other outcomes beside it.
pub(super) fn inconclusive() -> Record {
    let refused = "connection refused by prometheus.example:9090";
    let mut unseen = metric("error_rate", 0.01, FailureAction::Rollback);
    for _ in 0..21 {
        unseen = unseen.saw(State::Error, None, Some(refused));
    }
    let slow = metric("response_time", 0.5, FailureAction::Alert).values(&[0.21; 12]).values(&[0.7; 9]);
    let mut trial = metric("trial", 1.0, FailureAction::Rollback).values(&[2.0; 21]);
    edit(&mut trial, |check| check.dry_run = true);
    let mut elsewhere = probe("staging_only", "tcp").ended(Outcome::Skipped, None, "");
    edit(&mut elsewhere, |check| check.skipped = Some("only in staging, this is production".to_owned()));
    let checks = vec![
        metric("fine", 10.0, FailureAction::Rollback).values(&[5.0; 21]).ended(
            Outcome::Passed,
            Some(Verdict::Pass),
            "",
        ),
        elsewhere,
        unseen.ended(
            Outcome::Inconclusive,
            Some(Verdict::Inconclusive),
            "0 of 21 due samples judged, 3 needed",
        ),
        slow.ended(Outcome::Failed, Some(Verdict::Alert), "0.7 > max_value 0.5, breach 3 of 3, at 11:05:30Z"),
        trial.ended(Outcome::Failed, None, "2 > max_value 1, breach 3 of 3, at 11:02:30Z"),
    ];
    finished(planned(checks), Verdict::Inconclusive, true, "11:07:00.100")
}

/// A run that SIGTERM ended.
pub(super) fn cancelled() -> Record {
    let checks = watched().into_iter().map(|c| c.ended(Outcome::Unfinished, None, "")).collect();
    let mut record = planned(checks);
    record.cancelled = Some(Cancelled::Terminate);
    record.exit = Some((Exit::Terminated, Exit::Terminated));
    record.finished_at = Some(at("11:02:50"));
    record
}

/// A run over many checks.
pub(super) fn fleet(count: usize) -> Record {
    let check = |number| metric(&format!("check_{number:05}"), 1.0, FailureAction::Rollback);
    planned((0..count).map(check).collect())
}
