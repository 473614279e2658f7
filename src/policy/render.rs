//! A [`PolicySpec`] and the values of a run to the [`Policy`] that is measured: every template rendered, every
//! default filled in, all faults at once. Must not connect to anything; the sources of metrics come from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::envelope;
use super::gate::MAX_FAILURES;
use super::healthy;
use super::model::{
    Check, CheckSpec, FailureAction, On, OnInconclusive, OnMissing, OnNoTraffic, Policy, PolicySpec, Rollback,
};
use super::problem::{Problem, Problems, listed};
use super::template::{Scope, Template};
use super::value::{AtLeastOne, Period, Scalar, Share, Value};
use super::window::{self, Mode, ModeWord, Reaching, STABLE_FOR};
use crate::check::rhythm::Rhythm;
use crate::check::{Anchor, Beside, MetricSource, OfGate, RenderCx, Rendered};
use crate::diagnostic::Sources;
use crate::host::clock::later;
use crate::host::vault::Vault;

/// From tick to tick, where nothing is written.
pub const INTERVAL: Duration = Duration::from_secs(15);

/// Judged ÷ due below which a check is inconclusive, where nothing is written.
pub const MIN_COVERAGE: f64 = 0.5;

/// What a run gives to its policy.
pub struct Inputs<'i> {
    /// The variables.
    pub scope: &'i Scope,
    /// `--environment`.
    pub environment: Option<&'i str>,
    /// When the window starts at the earliest.
    pub start: Timestamp,
    /// When the new version was live; `None` where nothing was deployed.
    pub deployed_at: Option<Timestamp>,
    /// When the rollout began; by default when it was live.
    pub rollout: Option<Timestamp>,
    /// What is known of how often series are sampled.
    pub rhythm: &'i Arc<Rhythm>,
    /// `--duration`, which overrides every one that is written.
    pub duration: Option<Duration>,
    /// The sources of metrics, by the integration's name.
    pub sources: &'i BTreeMap<String, Arc<dyn MetricSource>>,
    /// Where secrets of checks are found.
    pub vault: &'i Vault,
    /// The texts, for the line of each check.
    pub texts: &'i Sources,
}

/// The policy as it will run. `None` after reporting why, all of it.
pub fn render(spec: &PolicySpec, inputs: &Inputs<'_>, problems: &mut Problems) -> Option<Policy> {
    let mut found = Problems::default();
    if spec.checks.is_empty() && !problems.any_fault() {
        let problem = Problem::nowhere("the policy has no check");
        let problem = Problem { place: spec.place, ..problem };
        found.push(problem.help("write at least one check below `post_deployment_validation`"));
    }
    let mut known = Known { scope: inputs.scope, problems: &mut found };
    let window = &spec.window;
    let durations: Vec<Option<Duration>> =
        spec.checks.iter().map(|check| known.value(check.envelope.duration.as_ref())).collect();
    let intervals: Vec<Option<Duration>> = spec
        .checks
        .iter()
        .map(|check| known.value(check.envelope.interval.as_ref()).map(|Period(interval)| interval))
        .collect();
    let written = known.value(window.duration.as_ref());
    let longest = durations.iter().flatten().max().copied();
    let mut defaults = Defaults {
        duration: inputs.duration.or(written).or(longest).unwrap_or_default(),
        interval: known.value(window.interval.as_ref()).map(|Period(interval)| interval),
        mode: Mode::Sustained,
        version: None,
        ends: window.timeout.is_some(),
        max_failures: known.value(spec.rollback.max_failures.as_ref()).map(|AtLeastOne(count)| count),
    };
    let (guards, wait) = spec.rollback.guards.render(known.scope, known.problems);
    let rollback = Rollback {
        enabled: known.value(spec.rollback.enabled.as_ref()).unwrap_or(true),
        pipeline: known.text(spec.rollback.pipeline.as_ref()),
        on_inconclusive_rollback: known.value(spec.rollback.on_inconclusive.as_ref())
            == Some(OnInconclusive::Rollback),
        preflight: known.value(spec.rollback.preflight.as_ref()).unwrap_or(true),
        guards,
        wait,
    };
    let warm_up = known.value(window.warm_up.as_ref());
    let timeout = known.value(window.timeout.as_ref());
    let fail_fast = known.value(window.fail_fast.as_ref()).unwrap_or(true);
    let stable_for = known.value(window.stable_for.as_ref()).map_or(STABLE_FOR, |Period(span)| span);
    let mode = match known.value(window.mode.as_ref()).unwrap_or_default() {
        ModeWord::Sustained => Mode::Sustained,
        ModeWord::UntilHealthy => Mode::UntilHealthy { stable_for },
    };
    defaults.mode = mode;
    if let Mode::UntilHealthy { stable_for } = mode {
        let own = spec.checks.iter().zip(&durations).filter(|_| inputs.duration.is_none());
        let own = own.filter_map(|(check, own)| Some(((*own)?, check.envelope.duration.as_ref())));
        // The longest that a check names is that check's to mend.
        let named = inputs.duration.is_none() && written.is_none() && longest.is_some();
        let overall = window.duration.as_ref().filter(|_| inputs.duration.is_none());
        let overall = (!named).then_some((defaults.duration, overall));
        let windows = overall.into_iter().chain(own);
        windows
            .filter_map(|(duration, value)| healthy::too_short(duration, stable_for, value.map(Value::place)))
            .for_each(|problem| known.problems.push(problem));
    }
    let rates = spec.rates.render(inputs.scope, known.problems);
    let reaching = window.reaching.render(Reaching::default(), inputs.scope, known.problems);
    let anchor = inputs.deployed_at.map(|deployed_at| Anchor {
        rollout: inputs.rollout.unwrap_or(deployed_at),
        at: later(deployed_at, warm_up.unwrap_or_else(|| window::warm_up(defaults.duration))),
    });
    let mut cx = RenderCx {
        scope: inputs.scope,
        deployed_at: inputs.deployed_at.unwrap_or(inputs.start),
        interval: defaults.interval.unwrap_or(INTERVAL),
        anchor,
        gate: OfGate { window: reaching, context: Some(&spec.context) },
        rhythm: inputs.rhythm,
        sources: inputs.sources,
        vault: inputs.vault,
    };
    let control = spec.control.as_ref().and_then(|control| control.spec.render(&cx, &mut found));
    let control = control.map(|rendered| rendered.probe);
    let version = spec.version.as_ref().and_then(|version| version.render(&cx, &mut found));
    // Where nothing was deployed, no version is expected.
    if let Some(spec) = spec.version.as_ref().filter(|_| inputs.deployed_at.is_none()) {
        let problem =
            Problem::at(spec.companion().query.place, "`expect_version` is not asked: nothing was deployed");
        found.push(Problem { severity: super::problem::Severity::Warning, ..problem });
    }
    let version = version.filter(|_| inputs.deployed_at.is_some());
    defaults.version = version.clone();
    let mut names: BTreeSet<String> =
        spec.checks.iter().filter_map(|check| check.envelope.name.clone()).collect();
    let mut checks: Vec<Check> = Vec::new();
    for ((check, duration), interval) in spec.checks.iter().zip(durations).zip(intervals) {
        let interval = interval.or(defaults.interval);
        cx.interval = interval.unwrap_or(INTERVAL);
        let rendered = check.spec.render(&cx, &mut found);
        let mut known = Known { scope: inputs.scope, problems: &mut found };
        let duration = inputs.duration.or(duration).unwrap_or(defaults.duration);
        // Its envelope is rendered even where its own part cannot be: both may have faults.
        let sampled = (duration, interval);
        let finished = finish(check, sampled, rendered, &defaults, inputs, &mut names, &mut known);
        checks.extend(finished);
    }
    rates.share_out(checks.iter_mut().filter_map(|check| {
        let counted = check.skipped.is_none() && !check.dry_run;
        Some((check.failure_action, counted, check.events.as_mut()?))
    }));
    let faulty = found.any_fault();
    let mut warnings = Problems::default();
    for problem in found.sorted() {
        if problem.severity == super::problem::Severity::Fault {
            problems.push(problem.clone());
        } else {
            warnings.push(problem.clone());
        }
    }
    (!faulty).then(|| Policy {
        name: spec.name.clone(),
        duration: defaults.duration,
        interval: defaults.interval.unwrap_or(INTERVAL),
        warm_up,
        timeout,
        fail_fast,
        mode,
        control,
        version,
        checks,
        rollback,
        warnings,
    })
}

/// What holds for checks that say nothing else.
struct Defaults {
    duration: Duration,
    interval: Option<Duration>,
    mode: Mode,
    version: Option<Beside>,
    /// Whether a `timeout` is written.
    ends: bool,
    max_failures: Option<u32>,
}

/// Renders values and keeps what is wrong with them.
struct Known<'k> {
    scope: &'k Scope,
    problems: &'k mut Problems,
}

impl Known<'_> {
    fn value<T: Scalar + Clone>(&mut self, value: Option<&Value<T>>) -> Option<T> {
        value?.render(self.scope).map_err(|problem| self.problems.push(problem)).ok()
    }

    fn text(&mut self, template: Option<&Template>) -> Option<String> {
        template?.render(self.scope).map_err(|problem| self.problems.push(problem)).ok()
    }
}

fn finish(
    check: &CheckSpec,
    (duration, interval): (Duration, Option<Duration>),
    rendered: Option<Rendered>,
    defaults: &Defaults,
    inputs: &Inputs<'_>,
    names: &mut BTreeSet<String>,
    known: &mut Known<'_>,
) -> Option<Check> {
    let envelope = &check.envelope;
    let own = known.value(envelope.max_failures.as_ref()).map(|AtLeastOne(count)| count);
    let max_failures = own.or(defaults.max_failures).unwrap_or(MAX_FAILURES);
    let within = known.value(envelope.within.as_ref()).map(|AtLeastOne(count)| count);
    if defaults.mode != Mode::Sustained {
        healthy::counts_nothing(envelope, known.problems);
    } else if let (Some(within), Some(value)) = (within, &envelope.within)
        && let Some(problem) = envelope::too_narrow(within, max_failures, value.place())
    {
        known.problems.push(problem);
    }
    let no_traffic = known.value(envelope.on.no_traffic.as_ref()).unwrap_or_default();
    let extend = no_traffic == OnNoTraffic::Extend;
    if let Some(Value::Later(template)) = envelope.on.no_traffic.as_ref().filter(|_| extend && !defaults.ends)
    {
        known.problems.push(envelope::endless(template.place));
    }
    let on = OnMissing {
        extend,
        no_data: known.value(envelope.on.no_data.as_ref()).unwrap_or_default(),
        no_traffic: no_traffic.counts(),
        infinite: known.value::<On>(envelope.on.infinite.as_ref()).unwrap_or_default(),
        error: known.value(envelope.on.error.as_ref()).unwrap_or_default(),
    };
    let failure_action = known.value(envelope.failure_action.as_ref()).unwrap_or(FailureAction::Rollback);
    let least = match defaults.mode {
        Mode::Sustained => max_failures,
        Mode::UntilHealthy { .. } => 1,
    };
    let min_samples = known.value(envelope.min_samples.as_ref()).unwrap_or(least);
    let min_coverage = known.value(envelope.min_coverage.as_ref()).map_or(MIN_COVERAGE, |Share(share)| share);
    let dry_run = known.value(envelope.dry_run.as_ref()).unwrap_or_default();
    let skipped = skipped(&envelope.only, inputs.environment, known);
    let description = known.text(envelope.description.as_ref());
    let runbook_url = known.text(envelope.runbook_url.as_ref());
    let dashboard_url = known.text(envelope.dashboard_url.as_ref());
    let mut rendered = rendered?;
    let every = interval.unwrap_or(INTERVAL);
    rendered.history.iter_mut().for_each(|one| one.spread(duration, every));
    rendered.beside.extend(defaults.version.clone());
    // Events are judged by all of them together: the first look that says enough is enough.
    let by_events = rendered.events.is_some();
    let (max_failures, within) = if by_events { (1, Some(1)) } else { (max_failures, within) };
    let (min_samples, min_coverage) = if by_events { (0, 0.0) } else { (min_samples, min_coverage) };
    let name = envelope.name.clone().unwrap_or_else(|| unique(&rendered.derived_name, names));
    Some(Check {
        name,
        kind: check.kind,
        source: check.spec.source().map(str::to_owned),
        failure_action,
        duration,
        interval: every,
        interval_written: interval.is_some(),
        max_failures,
        max_failures_written: own.or(defaults.max_failures).is_some() && !by_events,
        within: within.unwrap_or_else(|| max_failures.saturating_mul(2)),
        min_samples,
        min_coverage,
        on,
        dry_run,
        skipped,
        description,
        runbook_url,
        dashboard_url,
        judging: rendered.judging,
        events: rendered.events,
        target: rendered.probe.target(),
        probe: rendered.probe,
        mode: defaults.mode,
        beside: rendered.beside,
        history: rendered.history,
        file: inputs.texts.name(check.place.source).into(),
        line: inputs.texts.line_of(check.place),
    })
}

/// `derived`, or `derived (2)` and so on where that name is taken.
pub fn unique(derived: &str, names: &mut BTreeSet<String>) -> String {
    let mut name = derived.to_owned();
    let mut count = 2;
    while !names.insert(name.clone()) {
        name = format!("{derived} ({count})");
        count += 1;
    }
    name
}

/// Why a check that applies `only` in some environments does not apply here.
fn skipped(only: &[Template], environment: Option<&str>, known: &mut Known<'_>) -> Option<String> {
    let first = only.first()?;
    let here: Vec<String> = only.iter().filter_map(|template| known.text(Some(template))).collect();
    let Some(environment) = environment else {
        // Neither to run it nor to skip it is safe to assume.
        let message = "`only` names environments, and this run does not say which it is in";
        known.problems.push(Problem::at(first.place, message).help("pass `--environment NAME`"));
        return None;
    };
    let listed = listed(here.iter().map(String::as_str));
    (!here.iter().any(|name| name == environment))
        .then(|| format!("it applies only in {listed}, and the environment is `{environment}`"))
}
