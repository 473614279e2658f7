//! What `mode: until_healthy` goes together with: it counts no breaches, and every window must be long enough to hold in.
//! Must not read fields; `window` and `envelope` do.

use std::time::Duration;

use super::model::{Envelope, PolicySpec};
use super::problem::{Place, Problem, Problems};
use super::value::{AtLeastOne, Period, Value};
use super::window::{ModeWord, STABLE_FOR};

/// Reports the windows of `spec` that are too short, as far as that can be told before anything is rendered.
pub fn windows(spec: &PolicySpec, problems: &mut Problems) {
    let window = &spec.window;
    let stable_for = match (&window.mode, &window.stable_for) {
        (Some(Value::Known(ModeWord::UntilHealthy, _)), None) => STABLE_FOR,
        (Some(Value::Known(ModeWord::UntilHealthy, _)), Some(Value::Known(Period(span), _))) => *span,
        _ => return,
    };
    let own = spec.checks.iter().map(|check| &check.envelope.duration);
    for duration in std::iter::once(&window.duration).chain(own).flatten() {
        if let Value::Known(duration, place) = duration
            && let Some(problem) = too_short(*duration, stable_for, Some(*place))
        {
            problems.push(problem);
        }
    }
}

/// Reports the fields of a check that say how many breaches fail it, which says nothing under `until_healthy`.
pub fn counts_nothing(envelope: &Envelope, problems: &mut Problems) {
    let written = |value: &Option<Value<AtLeastOne>>| value.as_ref().map(Value::place);
    let both = [("max_failures", written(&envelope.max_failures)), ("within", written(&envelope.within))];
    for (key, place) in both {
        if let Some(place) = place {
            let message = format!("expected no `{key}` under `mode: until_healthy`, found one");
            let help =
                "breaches are not counted: a check must hold for `stable_for`, without any; leave it out";
            problems.push(Problem::at(place, message).help(help));
        }
    }
}

/// The fault of a window of `duration`, written at `place`, in which nothing can hold for `stable_for`.
pub fn too_short(duration: Duration, stable_for: Duration, place: Option<Place>) -> Option<Problem> {
    (duration < stable_for).then(|| {
        let needed = humantime::format_duration(stable_for);
        let found = match duration.is_zero() {
            true => "a single sample".to_owned(),
            false => format!("`{}`", humantime::format_duration(duration)),
        };
        let message = format!("expected a `duration` of at least `stable_for`, which is {needed}, found {found}");
        let problem = Problem { place, ..Problem::nowhere(message) };
        problem.help("under `mode: until_healthy` every check must hold for so long: lengthen the one or shorten the other")
    })
}
