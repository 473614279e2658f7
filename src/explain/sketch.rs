//! A policy before a run, as far as the variables are known: every default filled in, every plan made that can be. Must
//! follow the defaults of `policy::render`, and the plan of the gate is the gate's own.

use std::time::Duration;

use jiff::Timestamp;

use crate::check::{Due, Told};
use crate::diagnostic::Sources;
use crate::gate::plan::{CheckPlan, Timing, Watched, plan_of, refused};
use crate::gate::soonest::{Part, Provable};
use crate::host::clock::later;
use crate::policy::gate::MAX_FAILURES;
use crate::policy::model::{CheckSpec, FailureAction, On, OnInconclusive, OnNoTraffic, PolicySpec};
use crate::policy::problem::{Problem, Problems, listed};
use crate::policy::render::{INTERVAL, MIN_COVERAGE};
use crate::policy::spoken::{Settled, settled, span};
use crate::policy::template::Scope;
use crate::policy::value::{AtLeastOne, Delay, Period, Scalar, Share, Value};
use crate::policy::window::{Mode, ModeWord, Reaching, STABLE_FOR, WindowSpec};
use crate::rollback::ParsedTrigger;

/// What is explained, and with what.
pub(crate) struct Subject<'s> {
    /// The policy.
    pub spec: &'s PolicySpec,
    /// What a rollback fires.
    pub triggers: &'s [ParsedTrigger],
    /// The variables that are known.
    pub scope: &'s Scope,
    /// The texts, for lines and for the names that they need.
    pub texts: &'s Sources,
    /// Indices of the policy's texts.
    pub policies: &'s [u16],
    /// `--environment`.
    pub environment: Option<&'s str>,
    /// When what is judged; times are made up where none is given.
    pub times: Times,
    /// Sources whose address the command line gives.
    pub addressed: Vec<&'s str>,
    /// The options of the command line that a run would be given, too.
    pub given: Vec<(&'static str, String)>,
}

/// The times of a run.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// When the gate would begin.
    pub begin: Timestamp,
    /// `--start`, by default when it begins.
    pub start: Timestamp,
    /// When the new version was live; `None` where there was no deployment.
    pub deployed_at: Option<Timestamp>,
    /// `--duration`, which holds for every check.
    pub duration: Option<Duration>,
    /// Whether the window is the last stretch of time.
    pub last: bool,
    /// Whether any of them was given, so that they mean something to people.
    pub given: bool,
}

/// A check as far as it is known.
pub(super) struct Sketch<'s> {
    pub(super) check: &'s CheckSpec,
    pub(super) name: String,
    pub(super) told: Told,
    pub(super) action: Settled<FailureAction>,
    pub(super) duration: Settled<Duration>,
    pub(super) interval: Settled<Duration>,
    pub(super) max_failures: Settled<u32>,
    pub(super) within: Settled<u32>,
    pub(super) min_samples: Settled<u32>,
    pub(super) min_coverage: Settled<f64>,
    /// No data, only NaN, an infinity, a source that cannot be asked.
    pub(super) on: [Settled<On>; 4],
    /// Whether its window is extended for want of traffic.
    pub(super) extends: bool,
    pub(super) dry_run: Settled<bool>,
    /// Why it does not apply, where that is known.
    pub(super) skipped: Option<String>,
    /// Where it applies, where it is not known whether that is here.
    pub(super) only: Option<String>,
    /// How long after a tick its source is asked.
    pub(super) delay: Option<Duration>,
    /// Its ticks, where all that they hang on is known.
    pub(super) plan: Option<CheckPlan>,
}

/// The gate as far as it is known.
pub(super) struct Gate<'s> {
    pub(super) duration: Settled<Duration>,
    pub(super) interval: Settled<Duration>,
    pub(super) warm_up: Settled<Duration>,
    pub(super) fail_fast: Settled<bool>,
    pub(super) mode: Settled<Mode>,
    pub(super) enabled: Settled<bool>,
    pub(super) pipeline: Option<String>,
    pub(super) on_inconclusive: Settled<OnInconclusive>,
    pub(super) control: Option<Told>,
    /// Whether the new version must take traffic.
    pub(super) expects: bool,
    pub(super) checks: Vec<Sketch<'s>>,
    /// The first tick, where it is known.
    pub(super) open: Option<Timestamp>,
    /// When it gives up, where that is known.
    pub(super) deadline: Option<Timestamp>,
    /// Why a run is refused as it stands, and what would do.
    pub(super) refused: Option<(String, String)>,
}

impl Sketch<'_> {
    /// What it has to do with when the verdict can come; `None` where variables decide.
    pub(super) fn part(&self, gate: &Gate<'_>) -> Option<Part<'_>> {
        Some(Part {
            plan: self.plan.as_ref()?,
            mode: *gate.mode.known()?,
            once: !self.told.decided_by.is_empty(),
            events: self.told.by_events.as_ref().map(|by| Provable(by.provable)),
            delay: self.delay?,
            counted: self.counted(),
            rolls_back: self.action.known().is_none_or(|action| *action == FailureAction::Rollback),
        })
    }

    /// Whether it can have a part in the verdict.
    pub(super) fn counted(&self) -> bool {
        self.skipped.is_none() && self.dry_run != Settled::Known(true)
    }
}

/// The gate of `subject`; what is known and wrong is reported.
pub(super) fn sketch<'s>(subject: &Subject<'s>, problems: &mut Problems) -> Gate<'s> {
    let (spec, scope) = (subject.spec, subject.scope);
    let reaching = spec.window.reaching.settled(Reaching::default(), scope, problems);
    let mut known = Known { scope, reaching, problems };
    let durations: Vec<Option<Settled<Duration>>> =
        spec.checks.iter().map(|check| known.value(check.envelope.duration.as_ref())).collect();
    let written = known.value(spec.window.duration.as_ref());
    let duration = match subject.times.duration {
        Some(given) => Settled::Known(given),
        None => written.unwrap_or_else(|| longest(&durations)),
    };
    let interval = known.value(spec.window.interval.as_ref());
    let interval = interval.map_or(Settled::Known(INTERVAL), |every| every.map(|Period(every)| every));
    let warm_up = known.value(spec.window.warm_up.as_ref()).unwrap_or_else(|| match &duration {
        Settled::Known(duration) => Settled::Known(crate::policy::window::warm_up(*duration)),
        Settled::Tag(tag) => Settled::Tag(format!("a fifth of {tag}, at most 1m")),
    });
    let timeout = known.value(spec.window.timeout.as_ref());
    let max_failures = known.value(spec.rollback.max_failures.as_ref());
    let mode = known.mode(&spec.window);
    let mut gate = Gate {
        fail_fast: known.value(spec.window.fail_fast.as_ref()).unwrap_or(Settled::Known(true)),
        enabled: known.value(spec.rollback.enabled.as_ref()).unwrap_or(Settled::Known(true)),
        pipeline: spec.rollback.pipeline.as_ref().map(|pipeline| pipeline.settled(scope).text),
        on_inconclusive: known
            .value(spec.rollback.on_inconclusive.as_ref())
            .unwrap_or(Settled::Known(OnInconclusive::Hold)),
        control: spec.control.as_ref().map(|control| control.spec.told(scope, reaching, known.problems)),
        expects: spec.version.is_some() && subject.times.deployed_at.is_some(),
        checks: Vec::new(),
        open: None,
        deadline: None,
        refused: None,
        mode,
        duration,
        interval,
        warm_up,
    };
    let mut names = std::collections::BTreeSet::new();
    names.extend(spec.checks.iter().filter_map(|check| check.envelope.name.clone()));
    for (check, own) in spec.checks.iter().zip(durations) {
        let duration = match (subject.times.duration, own) {
            (Some(given), _) => Settled::Known(given),
            (None, Some(own)) => own,
            (None, None) => gate.duration.clone(),
        };
        let one = known.check(check, duration, &gate, max_failures.clone(), subject, &mut names);
        gate.checks.push(one);
    }
    gate.plan(subject, timeout, problems);
    gate
}

/// The longest of `durations`; unknown where one of them is.
fn longest(durations: &[Option<Settled<Duration>>]) -> Settled<Duration> {
    let unknown = durations.iter().flatten().find(|duration| duration.known().is_none());
    let longest = durations.iter().flatten().filter_map(Settled::known).max();
    unknown.cloned().unwrap_or_else(|| Settled::Known(longest.copied().unwrap_or_default()))
}

/// Settles values and keeps what is wrong with them.
struct Known<'k> {
    scope: &'k Scope,
    reaching: Reaching,
    problems: &'k mut Problems,
}

impl Known<'_> {
    fn value<T: Scalar + Clone>(&mut self, value: Option<&Value<T>>) -> Option<Settled<T>> {
        settled(value, self.scope, self.problems)
    }

    /// How the window is judged.
    fn mode(&mut self, window: &WindowSpec) -> Settled<Mode> {
        let stable_for = self.value(window.stable_for.as_ref());
        match self.value(window.mode.as_ref()) {
            None | Some(Settled::Known(ModeWord::Sustained)) => Settled::Known(Mode::Sustained),
            Some(Settled::Tag(tag)) => Settled::Tag(tag),
            Some(Settled::Known(ModeWord::UntilHealthy)) => stable_for
                .map_or(Settled::Known(Mode::UntilHealthy { stable_for: STABLE_FOR }), |span| {
                    span.map(|Period(stable_for)| Mode::UntilHealthy { stable_for })
                }),
        }
    }

    fn check<'s>(
        &mut self,
        check: &'s CheckSpec,
        duration: Settled<Duration>,
        gate: &Gate<'_>,
        of_all: Option<Settled<AtLeastOne>>,
        subject: &Subject<'s>,
        names: &mut std::collections::BTreeSet<String>,
    ) -> Sketch<'s> {
        let envelope = &check.envelope;
        let told = check.spec.told(self.scope, self.reaching, self.problems);
        let name = envelope.name.clone().unwrap_or_else(|| crate::policy::render::unique(&told.name, names));
        let max_failures = self.value(envelope.max_failures.as_ref()).or(of_all);
        let max_failures =
            max_failures.map_or(Settled::Known(MAX_FAILURES), |max| max.map(|AtLeastOne(max)| max));
        let within =
            self.value(envelope.within.as_ref()).map(|within| within.map(|AtLeastOne(within)| within));
        let within = within.unwrap_or_else(|| match &max_failures {
            Settled::Known(max) => Settled::Known(max.saturating_mul(2)),
            Settled::Tag(tag) => Settled::Tag(format!("2 × {tag}")),
        });
        let no_traffic =
            self.value(envelope.on.no_traffic.as_ref()).unwrap_or(Settled::Known(OnNoTraffic::default()));
        let mut on = |value: &Option<Value<On>>| {
            self.value(value.as_ref()).unwrap_or(Settled::Known(On::Inconclusive))
        };
        let on = [
            on(&envelope.on.no_data),
            no_traffic.clone().map(OnNoTraffic::counts),
            on(&envelope.on.infinite),
            on(&envelope.on.error),
        ];
        let min_coverage = self.value(envelope.min_coverage.as_ref());
        let (skipped, only) = where_it_applies(check, subject);
        let delay = match check.spec.source() {
            None => Some(Duration::ZERO),
            Some(source) => match subject.spec.integrations.shown(source, "delay", self.scope) {
                None => Some(Duration::ZERO),
                Some(text) => Delay::read(text.trim()).map(|delay| match delay {
                    Delay::Auto => Duration::ZERO,
                    Delay::After(delay) => delay,
                }),
            },
        };
        Sketch {
            check,
            name,
            action: self
                .value(envelope.failure_action.as_ref())
                .unwrap_or(Settled::Known(FailureAction::Rollback)),
            interval: self
                .value(envelope.interval.as_ref())
                .map_or_else(|| gate.interval.clone(), |every| every.map(|Period(every)| every)),
            min_samples: self.value(envelope.min_samples.as_ref()).unwrap_or_else(|| match &gate.mode {
                Settled::Known(Mode::UntilHealthy { .. }) => Settled::Known(1),
                _ => max_failures.clone(),
            }),
            min_coverage: min_coverage
                .map_or(Settled::Known(MIN_COVERAGE), |share| share.map(|Share(share)| share)),
            dry_run: self.value(envelope.dry_run.as_ref()).unwrap_or(Settled::Known(false)),
            plan: None,
            told,
            duration,
            max_failures,
            within,
            on,
            skipped,
            only,
            delay,
            extends: no_traffic == Settled::Known(OnNoTraffic::Extend),
        }
    }
}

/// Why a check does not apply here, or where it does while it is not known where this is.
fn where_it_applies(check: &CheckSpec, subject: &Subject<'_>) -> (Option<String>, Option<String>) {
    let places: Vec<String> =
        check.envelope.only.iter().map(|place| place.settled(subject.scope).text).collect();
    if places.is_empty() {
        return (None, None);
    }
    let said = listed(places.iter().map(String::as_str));
    match subject.environment {
        None => (None, Some(said)),
        Some(here) if places.iter().any(|place| place == here) => (None, None),
        Some(_) if check.envelope.only.iter().any(|place| !place.settled(subject.scope).is_settled()) => {
            (None, Some(said))
        }
        Some(here) => (Some(format!("it applies only in {said}, and the environment is `{here}`")), None),
    }
}

impl Gate<'_> {
    /// Plans what can be planned.
    fn plan(&mut self, subject: &Subject<'_>, timeout: Option<Settled<Duration>>, problems: &mut Problems) {
        let times = &subject.times;
        let Some(warm_up) = self.warm_up.known() else { return };
        let timing = Timing {
            begin: times.begin,
            start: times.start,
            deployed_at: times.deployed_at,
            duration: self.duration.known().copied().unwrap_or_default(),
            warm_up: Some(*warm_up),
            timeout: timeout.as_ref().and_then(Settled::known).copied(),
            last: times.last,
        };
        let mode = self.mode.known().copied().unwrap_or_default();
        let watched: Vec<Option<Watched<'_>>> =
            self.checks.iter().map(|check| watched(check, &timing, mode)).collect();
        let known: Vec<Watched<'_>> = watched.iter().flatten().cloned().collect();
        let plan = match plan_of(&timing, &known) {
            Ok((plan, _)) => plan,
            Err(fault) => return problems.push(Problem::nowhere(fault)),
        };
        self.open = Some(plan.open);
        self.refused = refused(&known, &plan);
        let all = known.len() == self.checks.len();
        let budgets = self.checks.iter().all(|check| check.skipped.is_some() || check.told.budget.is_some());
        let sure = match timeout {
            Some(timeout) => timeout.known().is_some(),
            None => all && budgets,
        };
        self.deadline = sure.then_some(plan.deadline);
        let here: Vec<bool> = watched.iter().map(Option::is_some).collect();
        let mut plans = plan.checks.into_iter();
        for (check, here) in self.checks.iter_mut().zip(here) {
            check.plan = if here { plans.next() } else { None };
        }
    }
}

/// What the gate's plan needs of a check; `None` where a variable decides.
fn watched<'c>(check: &'c Sketch<'_>, timing: &Timing, mode: Mode) -> Option<Watched<'c>> {
    let (due_from, tells_from) = match check.told.due {
        Due::Unknown if timing.deployed_at.is_some() => return None,
        Due::All | Due::Unknown => (None, None),
        Due::After { needs, tells, deployment } => {
            let from = if deployment { timing.deployed_at } else { timing.anchor() };
            let after = |wait: Duration| from.map(|from| later(from, wait));
            (after(needs), tells.and_then(after))
        }
    };
    Some(Watched {
        name: &check.name,
        duration: *check.duration.known()?,
        interval: *check.interval.known()?,
        // Evidence fails a check of events at once: no breaches are counted.
        max_failures: if check.told.by_events.is_some() { 1 } else { *check.max_failures.known()? },
        max_failures_written: false,
        within: *check.within.known()?,
        min_samples: *check.min_samples.known()?,
        mode,
        skipped: check.skipped.is_some(),
        has_past: check.told.has_past,
        delay: check.delay?,
        budget: check.told.budget.unwrap_or_default(),
        due_from,
        tells_from,
    })
}

/// A duration in words.
pub(super) fn said(duration: &Settled<Duration>) -> String {
    duration.say(|duration| span(*duration))
}
