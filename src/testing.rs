//! What the tests of several folders build on: a probe that is never asked, a check, and a record of a run that has
//! just begun. Must hold no expectation of its own; each test writes down what it is about.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::check::{Probe, Reading};
use crate::gate::outcome::Record;
use crate::gate::plan::CheckPlan;
use crate::host::Host;
use crate::policy::criterion::Criterion;
use crate::policy::model::{Check, FailureAction, Judging, OnMissing};
use crate::policy::window::Mode;

/// A probe that stands for one and never answers.
#[derive(Debug)]
pub(crate) struct Still {
    /// Whether it could be asked about the past.
    pub(crate) past: bool,
}

impl Probe for Still {
    fn target(&self) -> Arc<str> {
        "still".into()
    }

    fn request(&self, _: Timestamp) -> Vec<String> {
        Vec::new()
    }

    fn lane(&self) -> &str {
        "still"
    }

    fn has_past(&self) -> bool {
        self.past
    }

    fn budget(&self) -> Duration {
        Duration::ZERO
    }

    fn measure<'a>(&'a self, _: Timestamp, _: &'a Host) -> BoxFuture<'a, Reading> {
        Box::pin(std::future::pending())
    }
}

/// A check of five minutes at 15 s whose values may not exceed `max`, with every default.
pub(crate) fn check(name: &str, max: f64) -> Check {
    Check {
        name: name.to_owned(),
        kind: "prometheus",
        source: Some("prometheus".to_owned()),
        failure_action: FailureAction::Rollback,
        duration: Duration::from_secs(300),
        interval: Duration::from_secs(15),
        interval_written: true,
        max_failures: 3,
        max_failures_written: false,
        within: 6,
        min_samples: 3,
        min_coverage: 0.5,
        on: OnMissing::default(),
        dry_run: false,
        skipped: None,
        description: None,
        runbook_url: None,
        dashboard_url: None,
        judging: Judging {
            criterion: Criterion { max: Some(max), ..Criterion::default() },
            ..Judging::default()
        },
        events: None,
        target: format!("sum({name})").into(),
        probe: Arc::new(Still { past: true }),
        mode: Mode::Sustained,
        beside: Vec::new(),
        history: Vec::new(),
        file: "policy.yaml".into(),
        line: 17,
    }
}

/// The ticks of such a check from `first` on.
pub(crate) const fn ticks(first: Timestamp) -> CheckPlan {
    CheckPlan {
        first,
        interval: Duration::from_secs(15),
        planned: 21,
        not_due: 0,
        settling: 0,
        unasked: 0,
        past: 0,
        max_failures: 3,
        within: 6,
        min_samples: 3,
    }
}

/// A run of five minutes that begins at `at`, with no checks and no names.
pub(crate) fn record(at: Timestamp) -> Record {
    Record {
        run_id: "run-1".to_owned(),
        policy: "post-deployment".to_owned(),
        service: None,
        environment: None,
        version: None,
        previous_version: None,
        run_url: None,
        verdict: None,
        cancelled: None,
        exit: None,
        disarmed: Vec::new(),
        deployed_at: Some(at),
        started_at: at,
        finished_at: None,
        open: at,
        duration: Duration::from_secs(300),
        interval: Duration::from_secs(15),
        judging: Mode::Sustained,
        deadline: at,
        fail_fast: true,
        variables: Vec::new(),
        arrival: None,
        checks: Vec::new(),
        actions: Vec::new(),
        warnings: Vec::new(),
    }
}
