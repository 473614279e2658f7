//! Lints of when checks are asked: windows that hold too few ticks, or end too early. Must take for unknown what a run
//! may still decide.

use std::time::Duration;

use super::{CheckCx, Cx, Rule};
use crate::policy::problem::{Place, Problem, Severity, listed};
use crate::policy::render::INTERVAL;
use crate::policy::value::{AtLeastOne, Period, Value};
use crate::policy::window::{ModeWord, WindowSpec};

/// The lints of this file.
pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "too-few-ticks",
        severity: Severity::Warning,
        summary: "more failures or samples than the window has ticks",
        check: too_few_ticks,
    },
    Rule {
        id: "short-window",
        severity: Severity::Warning,
        summary: "a window that ends before its second tick",
        check: short_window,
    },
    Rule {
        id: "slow-check",
        severity: Severity::Warning,
        summary: "attempts that can take longer than the window",
        check: slow_check,
    },
    Rule {
        id: "early-timeout",
        severity: Severity::Warning,
        summary: "a gate that gives up before its window ends",
        check: early_timeout,
    },
];

/// What is known of a value.
#[derive(Clone, Copy)]
enum Written<T> {
    No,
    Yes(T, Place),
    /// A variable decides.
    Later,
}

fn written<T: Clone>(value: Option<&Value<T>>) -> Written<T> {
    match value {
        None => Written::No,
        Some(Value::Known(value, place)) => Written::Yes(value.clone(), *place),
        Some(Value::Later(_)) => Written::Later,
    }
}

/// The windows of the checks.
pub(super) struct Windows<'c> {
    window: &'c WindowSpec,
    /// For checks that do not say themselves.
    default: Option<(Duration, Place)>,
}

impl<'c> Windows<'c> {
    /// A policy without any duration is run with `--duration` or `--last`, or asks once: nothing is known of it.
    pub(super) fn of(cx: &'c Cx<'c>) -> Self {
        let longest = || {
            let all = cx.checks.iter().map(|one| match written(one.check.envelope.duration.as_ref()) {
                Written::No => Some(None),
                Written::Yes(duration, place) => Some(Some((duration, place))),
                Written::Later => None,
            });
            all.collect::<Option<Vec<_>>>()?.into_iter().flatten().max_by_key(|(duration, _)| *duration)
        };
        let window = &cx.spec.window;
        let default = match written(window.duration.as_ref()) {
            Written::Yes(duration, place) => Some((duration, place)),
            Written::Later => None,
            Written::No => longest(),
        };
        Self { window, default }
    }

    /// How long `check` is sampled, and where that is written. `None` where a variable or the command line decides.
    pub(super) fn duration(&self, check: &CheckCx<'_>) -> Option<(Duration, Place)> {
        match written(check.check.envelope.duration.as_ref()) {
            Written::Yes(duration, place) => Some((duration, place)),
            Written::No => self.default,
            Written::Later => None,
        }
    }

    /// From tick to tick; `None` where a variable decides.
    pub(super) fn interval(&self, check: &CheckCx<'_>) -> Option<Duration> {
        let own = written(check.check.envelope.interval.as_ref());
        match (own, written(self.window.interval.as_ref())) {
            (Written::Yes(Period(interval), _), _) | (Written::No, Written::Yes(Period(interval), _)) => {
                Some(interval)
            }
            (Written::No, Written::No) => Some(INTERVAL),
            _ => None,
        }
    }

    /// How many ticks of `check` are planned.
    pub(super) fn ticks(&self, check: &CheckCx<'_>) -> Option<u32> {
        let (duration, interval) = (self.duration(check)?.0, self.interval(check)?);
        u32::try_from(duration.as_nanos() / interval.as_nanos().max(1) + 1).ok()
    }

    /// The duration of `check`, where it is written, and the interval, where that is longer.
    fn short(&self, check: &CheckCx<'_>) -> Option<(Duration, Place, Duration)> {
        let ((duration, place), interval) = (self.duration(check)?, self.interval(check)?);
        (!duration.is_zero() && duration < interval).then_some((duration, place, interval))
    }

    /// What makes `count` ticks of `check`.
    fn longer(&self, check: &CheckCx<'_>, count: u32) -> String {
        let interval = self.interval(check).unwrap_or(INTERVAL);
        let shortest = humantime::format_duration(interval.saturating_mul(count.saturating_sub(1)));
        let every = humantime::format_duration(interval);
        format!("`duration: {shortest}` has {count} ticks, one every {every}")
    }
}

fn too_few_ticks(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    // Breaches are not counted.
    if matches!(cx.spec.window.mode, Some(Value::Known(ModeWord::UntilHealthy, _))) {
        return;
    }
    let windows = Windows::of(cx);
    let mut by_default: Vec<(&str, u32)> = Vec::new();
    let shared = written(cx.spec.rollback.max_failures.as_ref());
    for check in cx.checks.iter().filter(|check| windows.short(check).is_none()) {
        let Some(ticks) = windows.ticks(check) else { continue };
        match (written(check.check.envelope.max_failures.as_ref()), shared) {
            (Written::Yes(AtLeastOne(count), place), _) if count > ticks => {
                found.push(too_many("max_failures", count, ticks, place).help(windows.longer(check, count)));
            }
            (Written::No, Written::Yes(AtLeastOne(count), _)) if count > ticks => {
                by_default.push((check.name(), ticks));
            }
            _ => {}
        }
        if let Written::Yes(count, place) = written(check.check.envelope.min_samples.as_ref())
            && count > ticks
        {
            found.push(too_many("min_samples", count, ticks, place).help(windows.longer(check, count)));
        }
    }
    if let (Written::Yes(AtLeastOne(count), place), Some((_, fewest))) =
        (shared, by_default.iter().min_by_key(|(_, ticks)| *ticks))
    {
        let names = listed(by_default.iter().map(|(name, _)| *name));
        let problem = too_many("max_failures", count, *fewest, place);
        found.push(
            problem.help(format!(
                "a longer `duration` or a shorter `interval` makes more; it holds for {names}"
            )),
        );
    }
}

fn too_many(key: &str, count: u32, ticks: u32, place: Place) -> Problem {
    let planned =
        if ticks == 1 { "1 tick is planned".to_owned() } else { format!("{ticks} ticks are planned") };
    let then = if key == "max_failures" { "it fails at breach" } else { "it needs" };
    Problem::at(place, format!("`{key}: {count}`, and {planned}: {then} {ticks}"))
}

fn short_window(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let windows = Windows::of(cx);
    for check in &cx.checks {
        let Some((duration, place, interval)) = windows.short(check) else { continue };
        let (shown, every) = (humantime::format_duration(duration), humantime::format_duration(interval));
        let message = format!("a window of {shown} ends before its second tick, {every} after the first");
        let problem =
            Problem::at(place, message).help("`0s` is one sample on purpose; else make the window longer");
        if !found.contains(&problem) {
            found.push(problem);
        }
    }
}

fn slow_check(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let windows = Windows::of(cx);
    for check in &cx.checks {
        let (Some(longest), Some((duration, _))) = (&check.facts.longest, windows.duration(check)) else {
            continue;
        };
        if duration.is_zero() || longest.span <= duration {
            continue;
        }
        let (span, window) = (humantime::format_duration(longest.span), humantime::format_duration(duration));
        let message =
            format!("one tick can take {span} ({}), longer than the window of {window}", longest.of);
        let help = "the gate waits for what it has asked: a shorter `timeout` or fewer `retries` end in time";
        found.push(Problem::at(longest.place, message).help(help));
    }
}

fn early_timeout(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let Written::Yes(timeout, place) = written(cx.spec.window.timeout.as_ref()) else { return };
    let windows = Windows::of(cx);
    let all: Option<Vec<Duration>> =
        cx.checks.iter().map(|check| windows.duration(check).map(|(duration, _)| duration)).collect();
    let Some(longest) = all.and_then(|all| all.into_iter().max()).filter(|longest| timeout < *longest) else {
        return;
    };
    let (given, window) = (humantime::format_duration(timeout), humantime::format_duration(longest));
    let message = format!("the gate gives up after {given}, before its window of {window} ends");
    let help = "what it has not seen to the end is inconclusive; leave `timeout` out, or make it longer";
    found.push(Problem::at(place, message).help(help));
}
