//! The plan: when each check is asked, decided once before anything is measured, so that ticks never drift. Must
//! not measure or judge.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::course::ranks::able;
use crate::host::clock::{between, later};
use crate::policy::model::{Check, FailureAction};
use crate::policy::problem::listed;
use crate::policy::relative::{Test, written};
use crate::policy::window::{Mode, warm_up};
use crate::promql::analysis::FOREVER;
use crate::stats::autocorrelation::{independent_blocks, overlap_size};

/// What the default time-out leaves beyond the latest possible end.
const MARGIN: Duration = Duration::from_secs(30);

/// Independent values of a side below which no rollback rests on a rank test.
pub(super) const LEAST_INDEPENDENT: usize = 5;

/// Ticks of one check beyond which a plan is a mistake.
const MOST_TICKS: u64 = 1_000_000;

/// The times that a window hangs on.
#[derive(Debug, Clone)]
pub struct Timing {
    /// When the gate began.
    pub begin: Timestamp,
    /// `--start`, by default when the gate began.
    pub start: Timestamp,
    /// When the new version was live; `None` where there was no deployment.
    pub deployed_at: Option<Timestamp>,
    /// The gate's window.
    pub duration: Duration,
    /// How long after the deployment the window opens at the earliest; by default a fifth of it, at most 1m.
    pub warm_up: Option<Duration>,
    /// How long the gate runs at most, from its beginning.
    pub timeout: Option<Duration>,
    /// `--last`: the window ends where it would without a warm-up, so that it is answered at once.
    pub last: bool,
}

impl Timing {
    /// From when on what is seen is the new version's: the deployment time and the warm-up.
    pub fn anchor(&self) -> Option<Timestamp> {
        let warm_up = self.warm_up.unwrap_or_else(|| warm_up(self.duration));
        self.deployed_at.map(|deployed| later(deployed, warm_up))
    }
}

/// The ticks of all checks.
#[derive(Debug, Clone)]
pub struct Plan {
    /// When the gate began.
    pub begin: Timestamp,
    /// The first tick.
    pub open: Timestamp,
    /// By how much every window is shorter than it is written, under `--last`.
    pub shortened: Duration,
    /// When the gate stops waiting.
    pub deadline: Timestamp,
    /// The ticks of each check, in the order of the checks.
    pub checks: Vec<CheckPlan>,
}

/// The ticks of one check, and its counts capped by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckPlan {
    /// Tick 0.
    pub first: Timestamp,
    /// From tick to tick.
    pub interval: Duration,
    /// How many ticks are planned; a window that runs on has more.
    pub planned: u32,
    /// How many of the first ticks are not due: they lie before the gate began, for kinds without a past.
    pub not_due: u32,
    /// How many of the first ticks are settling: they would look at what was before the deployment.
    pub settling: u32,
    /// How many of those are not asked; the others can tell a breach.
    pub unasked: u32,
    /// How many of the first ticks lie in the past and are answered at once.
    pub past: u32,
    /// Breaches that fail it, at most the due ticks.
    pub max_failures: u32,
    /// Among so many consecutive judged samples.
    pub within: u32,
    /// Judged samples below which it is inconclusive.
    pub min_samples: u32,
}

impl CheckPlan {
    /// The time of tick `k`.
    pub fn tick(&self, k: u32) -> Timestamp {
        later(self.first, self.interval * k)
    }

    /// The time of the last planned tick.
    pub fn last(&self) -> Timestamp {
        self.tick(self.planned.saturating_sub(1))
    }

    /// Until when it settles: the time of its first due tick. `None` where it does not.
    pub fn settles_until(&self) -> Option<Timestamp> {
        (self.settling > 0).then(|| self.tick(self.first_due()))
    }

    /// How many ticks are due.
    pub const fn due(&self) -> u32 {
        self.planned - self.first_due()
    }

    /// From the first tick that is due to the last that is planned.
    pub fn due_span(&self) -> Duration {
        self.interval.saturating_mul(self.due().saturating_sub(1))
    }

    /// The number of the first tick that is due.
    pub const fn first_due(&self) -> u32 {
        self.not_due + self.settling
    }

    /// The number of the first tick that is asked.
    pub const fn first_asked(&self) -> u32 {
        self.not_due + self.unasked
    }
}

/// What a plan needs to know of a check.
#[derive(Debug, Clone)]
pub struct Watched<'c> {
    /// The check's name.
    pub name: &'c str,
    /// How long it is sampled.
    pub duration: Duration,
    /// From tick to tick.
    pub interval: Duration,
    /// Breaches that fail it, as written or by default.
    pub max_failures: u32,
    /// Whether they are written.
    pub max_failures_written: bool,
    /// Among so many consecutive judged samples.
    pub within: u32,
    /// Judged samples below which it is inconclusive.
    pub min_samples: u32,
    /// How its window is judged.
    pub mode: Mode,
    /// Whether it does not apply.
    pub skipped: bool,
    /// Whether it can be asked about the past.
    pub has_past: bool,
    /// How long after a tick it is to be asked.
    pub delay: Duration,
    /// The longest that one measurement can take.
    pub budget: Duration,
    /// From when on its ticks are due; `None` where all are.
    pub due_from: Option<Timestamp>,
    /// From when on it is asked before that, too; `None`: it is not.
    pub tells_from: Option<Timestamp>,
}

impl<'c> Watched<'c> {
    fn of(check: &'c Check) -> Self {
        Self {
            name: &check.name,
            duration: check.duration,
            interval: check.interval,
            max_failures: check.max_failures,
            max_failures_written: check.max_failures_written && !check.decided_once(),
            within: check.within,
            min_samples: check.min_samples,
            mode: check.mode,
            skipped: check.skipped.is_some(),
            has_past: check.probe.has_past(),
            delay: check.delay(),
            budget: check.budget(),
            due_from: check.due_from(),
            tells_from: check.probe.tells_from(),
        }
    }
}

/// Plans `checks`, and says what people should know of the plan.
///
/// # Errors
/// A check with more ticks than anybody can mean, or with none that is due.
pub fn plan(timing: &Timing, checks: &[Arc<Check>]) -> Result<(Plan, Vec<String>), String> {
    let watched: Vec<Watched<'_>> = checks.iter().map(|check| Watched::of(check)).collect();
    let (plan, few) = plan_of(timing, &watched)?;
    let mut warnings = Vec::new();
    if let Some((message, help)) = refused(&watched, &plan) {
        return Err(format!("{message}\n  = help: {help}"));
    }
    for ((check, few), one) in checks.iter().zip(few).zip(&plan.checks) {
        warnings.extend(few);
        if check.skipped.is_none() {
            let swings = check.judging.relative.and_then(|relative| relative.swings());
            let compared = swings.into_iter().chain(weak_test(check, one));
            warnings.extend(compared.map(|warning| format!("`{}`: {warning}", check.name)));
        }
        if check.skipped.is_none() {
            let own = check.probe.warnings().into_iter();
            warnings.extend(own.map(|warning| format!("`{}`: {warning}", check.name)));
        }
    }
    Ok((plan, warnings))
}

/// That the test of `check` cannot ask for a rollback, where its plan does not let it.
fn weak_test(check: &Check, plan: &CheckPlan) -> Option<String> {
    let relative = check.judging.relative.filter(|_| check.failure_action == FailureAction::Rollback)?;
    match relative.test? {
        Test::Placebo => relative.alerts_at_most(),
        Test::MannWhitney => {
            let (step, range) = (plan.interval.as_secs_f64(), check.looks_back().as_secs_f64());
            let due = plan.due() as usize;
            let independent = independent_blocks(due, step, range);
            let sides = if relative.increase.is_some() == relative.decrease.is_some() { 2.0 } else { 1.0 };
            let worth = overlap_size(due, step, range);
            let able = able((due, due), (worth, worth), (1.0 - relative.confidence) / sides);
            (independent < LEAST_INDEPENDENT || !able).then(|| {
                let range = written(check.looks_back());
                let looks = if range == "0s" { String::new() } else { format!(", each over {range},") };
                let so = if able { "it alerts at most" } else { "it can tell nothing" };
                format!(
                    "its {due} due ticks{looks} are worth {independent} independent samples, and a rollback needs \
                     {LEAST_INDEPENDENT}: {so}; a longer `duration` or a shorter range makes more",
                )
            })
        }
    }
}

/// The same of what is known of checks: the plan, and for each check what people should know of its part.
///
/// # Errors
/// A check with more ticks than anybody can mean.
pub fn plan_of(timing: &Timing, checks: &[Watched<'_>]) -> Result<(Plan, Vec<Option<String>>), String> {
    let anchor = timing.anchor();
    let open = anchor.map_or(timing.start, |anchor| anchor.max(timing.start));
    let shortened = if timing.last { between(timing.start, open) } else { Duration::ZERO };
    let mut warnings = Vec::new();
    let mut planned = Vec::with_capacity(checks.len());
    let mut latest = timing.begin;
    for check in checks {
        let ticks =
            check.duration.saturating_sub(shortened).as_nanos() / check.interval.as_nanos().max(1) + 1;
        let ticks = u64::try_from(ticks).ok().filter(|t| *t <= MOST_TICKS).ok_or_else(|| {
            format!(
                "`{}` would be sampled {ticks} times, expected at most {MOST_TICKS}: set a longer `interval`",
                check.name
            )
        })?;
        let one = plan_check(check, u32::try_from(ticks).unwrap_or(u32::MAX), open, timing.begin);
        let few = if check.skipped { None } else { few(check, &one) };
        warnings.push(few);
        if !check.skipped {
            let beyond = if check.mode == Mode::Sustained { one.max_failures } else { 0 };
            let run_on = one.tick(one.planned.saturating_add(beyond));
            let reasked = if check.has_past { check.budget } else { Duration::ZERO };
            latest = latest.max(later(run_on.max(timing.begin), check.delay + check.budget + reasked));
        }
        planned.push(one);
    }
    let deadline = match timing.timeout {
        Some(timeout) => later(timing.begin, timeout),
        None => later(latest, MARGIN),
    };
    Ok((Plan { begin: timing.begin, open, shortened, deadline, checks: planned }, warnings))
}

/// What people should know of a check with fewer due ticks than are meant.
fn few(check: &Watched<'_>, plan: &CheckPlan) -> Option<String> {
    let (name, due) = (check.name, plan.due());
    let ticks = if due == 1 { "tick" } else { "ticks" };
    match check.mode {
        _ if due == 0 => None,
        Mode::Sustained => {
            (check.max_failures_written && plan.max_failures < check.max_failures).then(|| {
                format!(
                    "`{name}` has {due} due {ticks}, fewer than its `max_failures` {}: it fails at breach {}",
                    check.max_failures, plan.max_failures,
                )
            })
        }
        Mode::UntilHealthy { stable_for } => (plan.due_span() < stable_for).then(|| {
            let [span, needed] = [plan.due_span(), stable_for].map(humantime::format_duration);
            let over = if due == 1 { String::new() } else { format!(" over {span}") };
            let holds = if due == 1 {
                "it must be within at that".to_owned()
            } else {
                format!("it must hold for {span}")
            };
            format!(
                "`{name}` has {due} due {ticks}{over}, too few to hold for `stable_for` {needed}: {holds}"
            )
        }),
    }
}

/// What is wrong with a query of which nobody knows how far it looks back.
pub const UNKNOWN: &str = "how far its query looks back hangs on the server, so that no sample is sure to look at the new version only";

/// What to do about that.
pub const UNKNOWN_HELP: &str =
    "write the range as a duration like `[5m]`, or judge whatever it looks at with `old_data: allow`";

/// Whether `needs`, how long after the deployment a query can be asked, says that nobody knows.
pub fn is_unknown(needs: Duration) -> bool {
    needs > FOREVER / 2
}

/// Why `plan` cannot be run, and what would do: checks that would judge nothing but what was before the deployment.
pub fn refused(watched: &[Watched<'_>], plan: &Plan) -> Option<(String, String)> {
    let blind: Vec<&Watched<'_>> = watched
        .iter()
        .zip(&plan.checks)
        .filter(|(check, plan)| !check.skipped && plan.due() == 0)
        .map(|(check, _)| check)
        .collect();
    if let Some(check) =
        blind.iter().find(|check| check.due_from.is_some_and(|from| is_unknown(between(plan.open, from))))
    {
        let name = check.name;
        return Some((format!("`{name}` has no due tick: {UNKNOWN}"), UNKNOWN_HELP.to_owned()));
    }
    let latest = blind.iter().map(|check| check.due_from.unwrap_or(plan.open)).max()?;
    let whole = |check: &&Watched<'_>| {
        let span = between(plan.open, check.due_from.unwrap_or(plan.open)).as_nanos();
        let ticks = u32::try_from(span.div_ceil(check.interval.as_nanos().max(1))).unwrap_or(u32::MAX);
        check.interval.saturating_mul(ticks)
    };
    let shortest = blind.iter().map(whole).max().unwrap_or_default() + plan.shortened;
    let names: Vec<&str> = blind.iter().map(|check| check.name).collect();
    let (has, what) = match names.as_slice() {
        [_] => ("has", "its window would look"),
        _ => ("have", "their windows would look"),
    };
    let message = format!(
        "{} {has} no due tick: {what} only at what was before the deployment until {}",
        listed(names.iter().copied()),
        super::moment(latest),
    );
    let help = format!(
        "the shortest `duration` that would do is `{}`; or say when it was deployed with `--deployed-at TIME`, or that \
         nothing was with `--deployed-at none`",
        humantime::format_duration(shortest),
    );
    Some((message, help))
}

fn plan_check(check: &Watched<'_>, ticks: u32, open: Timestamp, begin: Timestamp) -> CheckPlan {
    let before = |limit: Timestamp| -> u32 {
        // How many of the ticks lie before `limit`.
        let span = between(open, limit).as_nanos();
        let whole = span.div_ceil(check.interval.as_nanos().max(1));
        u32::try_from(whole).unwrap_or(u32::MAX).min(ticks)
    };
    let (first, planned, not_due, past) = if check.has_past {
        // A tick is in the past when its data was complete before the gate began.
        let complete = begin.checked_sub(check.delay).unwrap_or(begin);
        (open, ticks, 0, before(complete))
    } else {
        match before(begin) {
            // All of its ticks are gone: it is asked once, now.
            gone if gone == ticks => (begin, 1, 0, 0),
            gone => (open, ticks, gone, 0),
        }
    };
    let settling = check.due_from.map_or(0, before).min(planned - not_due);
    let due = planned - not_due - settling;
    let max_failures = check.max_failures.min(due);
    CheckPlan {
        first,
        interval: check.interval,
        planned,
        not_due,
        settling,
        unasked: check.tells_from.map_or(settling, before).min(settling),
        past,
        max_failures,
        within: check.within.min(due).max(max_failures),
        min_samples: check.min_samples.min(due),
    }
}
