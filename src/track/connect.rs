//! From `tracking` as it is read to trackers that can be written to: which integration is meant, and what of it is used.
//! Must not ask the network, and must not know any tracker.

use super::{Entry, TRACKERS, Tracker, TrackerKind, Tracking};
use crate::notify::NoticeCx;
use crate::policy::notices::BY_DEFAULT;
use crate::policy::problem::{Place, Problem, Problems, did_you_mean, listed};
use crate::policy::template::Template;
use crate::policy::tracking::TrackingSpec;

/// The trackings of `specs`, all that is wrong with them reported.
pub fn connect(specs: &[TrackingSpec], cx: &NoticeCx<'_>, problems: &mut Problems) -> Vec<Tracking> {
    specs.iter().filter_map(|spec| one(spec, cx, problems)).collect()
}

fn one(spec: &TrackingSpec, cx: &NoticeCx<'_>, problems: &mut Problems) -> Option<Tracking> {
    let mut whole = true;
    let mut noted = |problem: Problem| {
        whole = false;
        problems.push(problem);
    };
    let mut text = |template: &Template| template.render(cx.scope).map_err(&mut noted).ok();
    let to = spec.to.as_ref().map(&mut text);
    let transition = spec.transition.as_ref().and_then(&mut text);
    let issues: Vec<String> = spec.issues.iter().filter_map(&mut text).collect();
    let on = spec.on.iter().filter_map(|on| on.render(cx.scope).map_err(&mut noted).ok()).collect();
    let comment = spec.comment.as_ref().map(|value| value.render(cx.scope).map_err(&mut noted));
    let to = match to {
        Some(to) => to?,
        None => only(cx).map_err(|problem| problems.push(at(spec.place, problem))).ok()?,
    };
    let tracker = tracker_of(&to, spec.place, cx, problems)?;
    let comment = !matches!(comment, Some(Ok(false)));
    let entry = entry(spec, &*tracker, (issues, comment, transition), problems)?;
    let on = if spec.on.is_empty() { BY_DEFAULT.to_vec() } else { on };
    whole.then_some(Tracking { on, tracker, entry })
}

/// What is written, as far as the tracker can be written to.
fn entry(
    spec: &TrackingSpec,
    tracker: &dyn Tracker,
    (texts, comment, transition): (Vec<String>, bool, Option<String>),
    problems: &mut Problems,
) -> Option<Entry> {
    let Some(known) = tracker.issues() else {
        let unused = [("issues", !spec.issues.is_empty()), ("transition", spec.transition.is_some())];
        for (key, _) in unused.into_iter().filter(|(_, written)| *written) {
            let message = format!("`{key}` means nothing to `{}`, which has no issues", tracker.kind());
            problems.push(Problem::at(spec.place, message).help(format!("leave `{key}` out")));
        }
        return Some(Entry::default());
    };
    if !comment && transition.is_none() {
        let problem =
            Problem::at(spec.place, "nothing is written: `comment` is false and there is no `transition`");
        problems.push(problem.help("leave `comment` out, give a `transition`, or leave out the whole entry"));
        return None;
    }
    let mut issues = Vec::new();
    for (text, template) in texts.iter().zip(&spec.issues) {
        match known.issue(text) {
            Ok(issue) if issues.contains(&issue) => {}
            Ok(issue) => issues.push(issue),
            Err(problem) => problems.push(Problem::at(template.place, problem)),
        }
    }
    Some(Entry { open: spec.issues.is_empty(), issues, comment, transition })
}

/// The kind of the integration `to`, or of the tracker that needs none.
fn kind_of(to: &str, cx: &NoticeCx<'_>) -> Option<&'static dyn TrackerKind> {
    let of = |system: &str| {
        TRACKERS.iter().copied().find(|kind| kind.name() == system || kind.also().contains(&system))
    };
    match cx.integrations.system(to) {
        Some(system) => of(system),
        None => of(to).filter(|kind| kind.ambient()),
    }
}

/// The only tracker among the integrations; of several the only one that is enabled.
///
/// # Errors
/// What there is instead.
pub fn only(cx: &NoticeCx<'_>) -> Result<String, Problem> {
    let all: Vec<&str> = cx.integrations.names().filter(|name| kind_of(name, cx).is_some()).collect();
    let enabled = |name: &&str| cx.integrations.settings(name, cx.scope, cx.vault, cx.overrides).enabled();
    let on: Vec<&str> = all.iter().copied().filter(enabled).collect();
    match (on.as_slice(), all.as_slice()) {
        ([one], _) | ([], [one]) => Ok((*one).to_owned()),
        ([], []) => {
            let kinds = listed(TRACKERS.iter().map(|kind| kind.name()));
            Err(Problem::nowhere("there is no tracker among the integrations")
                .help(format!("write one under `integrations`, or name one by `to`: {kinds}")))
        }
        ([], several) | (several, _) => {
            let names = listed(several.iter().copied());
            Err(Problem::nowhere(format!("there are several trackers among the integrations: {names}"))
                .help("say by `to` which one is meant"))
        }
    }
}

fn at(place: Place, problem: Problem) -> Problem {
    Problem { place: problem.place.or(Some(place)), ..problem }
}

/// The tracker of the integration `to`. `None` after reporting why, or where it is not enabled.
pub fn tracker_of(
    to: &str,
    place: impl Into<Option<Place>>,
    cx: &NoticeCx<'_>,
    problems: &mut Problems,
) -> Option<Box<dyn Tracker>> {
    let place = place.into();
    let placed = |message: String| Problem { place, ..Problem::nowhere(message) };
    let Some(kind) = kind_of(to, cx) else {
        let kinds = listed(TRACKERS.iter().map(|kind| kind.name()));
        let known = || {
            let ambient = TRACKERS.iter().filter(|kind| kind.ambient()).map(|kind| kind.name());
            cx.integrations.names().chain(ambient)
        };
        let problem = match cx.integrations.system(to) {
            Some(system) => placed(format!("`{to}` is no tracker: it is of the system `{system}`"))
                .help(format!("trackers are integrations whose `system` is one of {kinds}")),
            None => placed(format!("there is no integration `{to}`")).help(
                did_you_mean(to, known()).unwrap_or_else(|| format!("trackers are {}", listed(known()))),
            ),
        };
        problems.push(problem);
        return None;
    };
    let mut settings = cx.integrations.settings(to, cx.scope, cx.vault, cx.overrides);
    if !settings.enabled() {
        problems.push(placed(format!("nothing is written to `{to}`: it is not enabled")).warning());
        return None;
    }
    let tracker = kind.connect(&mut settings, cx.host);
    problems.append(settings.finish());
    tracker
}
