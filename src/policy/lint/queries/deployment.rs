//! Lints of how a query stands to the deployment: what judges the old version, and what waits so long that little is left
//! of the window. Must agree with what a run plans, and stay silent where a variable decides.

use std::time::Duration;

use super::{Asked, is_recorded, known, selectors, shown, sound, written_name};
use crate::check::{Due, Told};
use crate::gate::plan::{UNKNOWN, UNKNOWN_HELP, is_unknown};
use crate::policy::gate::MAX_FAILURES;
use crate::policy::lint::ticks::Windows;
use crate::policy::lint::{CheckCx, Cx, Rule};
use crate::policy::problem::{Problem, Problems, Severity};
use crate::policy::template::Scope;
use crate::policy::value::{AtLeastOne, Value};
use crate::policy::window::{ModeWord, OldData, Reaching, warm_up};
use crate::promql::analysis::{Use, analyse};
use crate::promql::recorded::recorded;

/// The lints of this file.
pub(in crate::policy::lint) const RULES: &[Rule] = &[
    Rule {
        id: "reaches-before-deployment",
        severity: Severity::Warning,
        summary: "a query that judges the old version, or that has no tick left at which it would not",
        check: reaches_before_deployment,
    },
    Rule {
        id: "few-due-ticks",
        severity: Severity::Note,
        summary: "a query that waits until few ticks of its window are left",
        check: few_due_ticks,
    },
    Rule {
        id: "recorded-range",
        severity: Severity::Note,
        summary: "a recorded series of which nobody can see how far back it looks",
        check: recorded_range,
    },
];

/// How `check` stands to the deployment as far as that is written; `None` where a variable decides.
fn told(cx: &Cx<'_>, check: &CheckCx<'_>) -> Option<Told> {
    let scope = Scope::default();
    let written = &cx.spec.window.reaching;
    if written.undecided(&scope) {
        return None;
    }
    let mut unheard = Problems::default();
    let reaching = written.settled(Reaching::default(), &scope, &mut unheard);
    Some(check.check.spec.told(&scope, reaching, &mut unheard)).filter(|told| told.due != Due::Unknown)
}

/// The part of the query that looks back farthest.
fn farthest<'q>(asked: Asked<'q>) -> Option<Use<'q>> {
    let uses = analyse(asked.expr).uses.into_iter().filter(|one| !one.is_shifted());
    uses.max_by_key(|one| one.reach().known)
}

/// How many ticks of a check are planned, and how many of them are due.
fn due(cx: &Cx<'_>, windows: &Windows<'_>, check: &CheckCx<'_>, told: &Told) -> Option<(u32, u32)> {
    let (duration, interval) = (windows.duration(check)?.0, windows.interval(check)?);
    // A single sample has no window; when it is taken is the run's to say.
    let ticks = windows.ticks(check).filter(|_| !duration.is_zero())?;
    let Due::After { needs, deployment, .. } = told.due else { return Some((ticks, ticks)) };
    let needs = if deployment { needs.saturating_sub(warmed_up(cx, duration)?) } else { needs };
    let settling = needs.as_nanos().div_ceil(interval.as_nanos().max(1));
    Some((ticks, ticks.saturating_sub(u32::try_from(settling).unwrap_or(u32::MAX))))
}

/// From the deployment to the opening of a window of `duration`; `None` where a variable decides.
fn warmed_up(cx: &Cx<'_>, duration: Duration) -> Option<Duration> {
    match &cx.spec.window.warm_up {
        Some(written) => known(Some(written)).copied(),
        None => Some(warm_up(duration)),
    }
}

fn reaches_before_deployment(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let windows = Windows::of(cx);
    for asked in sound(cx) {
        let (Some(told), Some(farthest)) = (told(cx, asked.check), farthest(asked)) else { continue };
        let reach = farthest.reach().known;
        let Some((duration, _)) = windows.duration(asked.check) else { continue };
        if told.reaching.is_some_and(|reaching| reaching.old_data == OldData::Allow) {
            if warmed_up(cx, duration).is_none_or(|warm_up| reach <= warm_up) {
                continue;
            }
            let message = format!(
                "this looks back `{}`, and its first samples judge the old version too",
                shown(reach)
            );
            let help = "`old_data: allow` wants that; leave it out, and they look at the new version only";
            found.push(asked.problem(farthest.span, message).help(help));
            continue;
        }
        let Due::After { needs, .. } = told.due else { continue };
        if due(cx, &windows, asked.check, &told).is_none_or(|(_, due)| due > 0) {
            continue;
        }
        if is_unknown(needs) {
            let message = format!("{UNKNOWN}: it has no due tick, and a run is refused");
            found.push(asked.problem(farthest.span, message).help(UNKNOWN_HELP));
            continue;
        }
        let (ends, needs) = (humantime::format_duration(duration), humantime::format_duration(needs));
        let message = format!(
            "this looks at what was before the deployment until {needs} after the window opens, and the window ends after \
             {ends}: it has no due tick, and a run is refused"
        );
        let help = format!("the shortest `duration` that would do is `{needs}`; or shorten the range");
        found.push(asked.problem(farthest.span, message).help(help));
    }
}

fn few_due_ticks(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let until_healthy = match &cx.spec.window.mode {
        None | Some(Value::Known(ModeWord::Sustained, _)) => false,
        Some(_) => true,
    };
    if until_healthy {
        return;
    }
    let windows = Windows::of(cx);
    for asked in sound(cx) {
        let (Some(told), Some(farthest)) = (told(cx, asked.check), farthest(asked)) else { continue };
        let own = asked.check.check.envelope.max_failures.as_ref();
        let needed = match own.or(cx.spec.rollback.max_failures.as_ref()) {
            None => MAX_FAILURES,
            Some(Value::Known(AtLeastOne(count), _)) => *count,
            Some(Value::Later(_)) => continue,
        };
        let Some((ticks, due)) = due(cx, &windows, asked.check, &told) else { continue };
        if due == 0 || due >= needed || ticks < needed {
            continue;
        }
        let message = format!(
            "{due} of {ticks} ticks are due, the others would look at what was before the deployment"
        );
        let breaches =
            if due == 1 { "one breach fails it".to_owned() } else { format!("{due} breaches fail it") };
        let help = format!("{breaches}, not {needed}; a longer `duration` or a shorter range leaves more");
        found.push(asked.problem(farthest.span, message).help(help));
    }
}

fn recorded_range(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        let Some(reaching) = told(cx, asked.check).and_then(|told| told.reaching) else { continue };
        if reaching.lookback.is_some() || reaching.old_data == OldData::Allow {
            continue;
        }
        for (selector, span) in selectors(asked.expr) {
            let Some(name) = written_name(selector).filter(|name| is_recorded(name)) else { continue };
            if recorded(name).is_some() || super::holed(name) {
                continue;
            }
            let message = format!("`{name}` is recorded, and its name does not say how far back it looks");
            let help =
                "`lookback: 5m` says that it is over five minutes, so that no sample judges the old version";
            found.push(asked.problem(span, message).help(help));
        }
    }
}
