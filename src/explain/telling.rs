//! Who is told of a verdict and which issues are written to, before there is one. Must say no secret: only what a policy
//! writes of whom it tells, never how they are reached.

use super::page::Page;
use super::sketch::Subject;
use crate::policy::notices::{BY_DEFAULT, Locale, NoticeSpec, On};
use crate::policy::problem::Problems;
use crate::policy::spoken::{Settled, settled, span};
use crate::policy::template::{Scope, Template};
use crate::policy::tracking::TrackingSpec;
use crate::policy::value::Value;
use crate::report::words::series;
use crate::track::{Entry, TRACKERS, TrackerKind};

/// Adds who is told, and what is written.
pub(super) fn show(page: &mut Page<'_>, subject: &Subject<'_>) {
    let spec = subject.spec;
    if spec.notices.is_empty() && spec.tracking.is_empty() {
        return;
    }
    page.heading("Who is told, and what is written, after the verdict");
    for notice in &spec.notices {
        let to = notice.to.settled(subject.scope).text;
        let told = match off(subject, &to) {
            true => "nobody is told: the integration is not enabled".to_owned(),
            false => notified(notice, subject),
        };
        page.entry(&to, &told);
    }
    for tracking in &spec.tracking {
        let to = tracking.to.as_ref().map(|to| to.settled(subject.scope).text);
        let to = to.or_else(|| only(subject)).unwrap_or_else(|| "the tracker".to_owned());
        let told = match off(subject, &to) {
            true => "nothing is written: the integration is not enabled".to_owned(),
            false => tracked(tracking, &to, subject),
        };
        page.entry(&to, &told);
    }
}

fn off(subject: &Subject<'_>, to: &str) -> bool {
    subject.spec.integrations.shown(to, "enabled", subject.scope).as_deref() == Some("false")
}

fn notified(notice: &NoticeSpec, subject: &Subject<'_>) -> String {
    let scope = subject.scope;
    let texts = |all: &[Template]| -> Vec<String> {
        all.iter().map(|text| format!("`{}`", text.settled(scope).text)).collect()
    };
    let to = notice.to.settled(scope).text;
    let system = subject.spec.integrations.system(&to).filter(|system| *system != to);
    let mut said = vec![format!("told of {}", occasions(&notice.on, scope))];
    said.extend(system.map(|system| format!("through {system}")));
    said.extend(notice.channel.as_ref().map(|channel| format!("in `{}`", channel.settled(scope).text)));
    if !notice.mention.is_empty() {
        said.push(format!("calling {}", series(&texts(&notice.mention))));
    }
    match settled(notice.locale.as_ref(), scope, &mut Problems::default()) {
        Some(Settled::Known(Locale::Zh)) => said.push("in Chinese".to_owned()),
        Some(Settled::Tag(tag)) => said.push(format!("in the language that `{tag}` names")),
        _ => {}
    }
    let timeout = settled(notice.timeout.as_ref(), scope, &mut Problems::default());
    said.extend(timeout.map(|timeout| format!("within {}", timeout.say(|timeout| span(*timeout)))));
    said.join(", ")
}

/// `pass, alert and rollback`; whoever is told of a rollback is told of one that fails.
fn occasions(on: &[Value<On>], scope: &Scope) -> String {
    let all = on.iter().filter_map(|on| settled(Some(on), scope, &mut Problems::default()));
    let mut words: Vec<String> = all.map(|on| on.say(|on| on.word().to_owned())).collect();
    if on.is_empty() {
        words = BY_DEFAULT.iter().map(|on| on.word().to_owned()).collect();
    }
    series(&words)
}

fn tracked(tracking: &TrackingSpec, to: &str, subject: &Subject<'_>) -> String {
    let scope = subject.scope;
    let on = occasions(&tracking.on, scope);
    let system = subject.spec.integrations.system(to).unwrap_or(to);
    if let Some(kind) = tracker(system).filter(|kind| kind.ambient()) {
        return format!("of {on}: {}", kind.summary());
    }
    let text = |template: &Template| template.settled(scope).text;
    let comment = settled(tracking.comment.as_ref(), scope, &mut Problems::default());
    let entry = Entry {
        issues: tracking.issues.iter().map(text).collect(),
        open: tracking.issues.is_empty(),
        comment: comment.is_none_or(|comment| comment.known() != Some(&false)),
        transition: tracking.transition.as_ref().map(text),
    };
    format!("of {on}: {}", written(&entry))
}

/// `a comment on SHOP-7, which is moved to `Released``
pub(crate) fn written(entry: &Entry) -> String {
    let issues = match (entry.issues.as_slice(), entry.open) {
        ([], true) => "the issues that `--issue`, `--commits` and the pipeline name".to_owned(),
        ([], false) => "no issue".to_owned(),
        (issues, _) => series(issues),
    };
    match (&entry.transition, entry.comment) {
        (None, _) => format!("a comment on {issues}"),
        (Some(to), true) => format!("a comment on {issues}, and a move to `{to}`"),
        (Some(to), false) => format!("a move of {issues} to `{to}`"),
    }
}

fn tracker(system: &str) -> Option<&'static dyn TrackerKind> {
    TRACKERS.iter().copied().find(|kind| kind.name() == system || kind.also().contains(&system))
}

/// The tracker where there is one only.
fn only(subject: &Subject<'_>) -> Option<String> {
    let integrations = &subject.spec.integrations;
    let is = |name: &&str| integrations.system(name).and_then(tracker).is_some() && !off(subject, name);
    let mut all = integrations.names().filter(is);
    all.next().filter(|_| all.next().is_none()).map(str::to_owned)
}

/// The integrations through which people are told and issues are written to, as far as they are named.
pub(super) fn used(subject: &Subject<'_>) -> Vec<String> {
    let spec = subject.spec;
    let told = spec.notices.iter().map(|notice| notice.to.settled(subject.scope).text);
    let written = spec.tracking.iter().filter_map(|tracking| match &tracking.to {
        Some(to) => Some(to.settled(subject.scope).text),
        None => only(subject),
    });
    told.chain(written).filter(|to| !off(subject, to)).collect()
}
