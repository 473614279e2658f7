//! The message about a gate from the report of its run, for whoever tells of it later. Must not judge anything anew, and
//! reads what another version wrote.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::message::{
    CHECKS, CheckLine, Fact, LinkTo, Message, RollbackLine, Status, Subject, Tone, about_what, bounded,
    counts, plain, web,
};
use crate::event::id::{Parts, once_only};
use crate::explain::report::wire::{Action, Check, Report};
use crate::gate::moment;
use crate::gate::outcome::{ActionStatus, Outcome, Verdict};
use crate::host::secret::Redactor;
use crate::policy::criterion::Number;
use crate::policy::model::FailureAction;
use crate::policy::notices::On;
use crate::policy::value::Scalar as _;

impl Message {
    /// The message about the run whose report is `text`, told at `at`.
    ///
    /// # Errors
    /// A sentence about what is no report, or of no run that has ended.
    pub(crate) fn reported(text: &str, at: Timestamp, redactor: &Redactor) -> Result<Self, String> {
        let report: Report =
            serde_json::from_str(text).map_err(|error| format!("it is no report: {error}"))?;
        let word = report.verdict.as_deref().ok_or("it is of a run that has not ended")?;
        let on = On::read(word).ok_or_else(|| format!("its verdict is `{}`", plain(word)))?;
        let clean = |text: &str| plain(&redactor.redact(text));
        let known = |text: &Option<String>| text.as_deref().map(clean).filter(|text| !text.is_empty());
        let rollback: Vec<RollbackLine> =
            report.actions.iter().flatten().filter_map(|action| rolled(action, &clean)).collect();
        let unconfirmed = rollback.iter().any(|line| line.status != Some(ActionStatus::Confirmed));
        let status = Status::Gate(if on == On::Rollback && unconfirmed { On::RollbackFailed } else { on });
        let all: Vec<&Check> = report.checks.iter().flatten().collect();
        let mut bad: Vec<&&Check> = all.iter().filter(|check| is_bad(check)).collect();
        bad.sort_by_key(|check| (Reverse(adds(check)), outcome(check) != Some(Outcome::Failed)));
        let checks: Vec<CheckLine> = bad.iter().take(CHECKS).map(|check| line(check, redactor)).collect();
        let (service, environment) = (known(&report.service), known(&report.environment));
        let policy = known(&report.policy).unwrap_or_else(|| "-".to_owned());
        let facts = [
            (Fact::Service, service.clone()),
            (Fact::Environment, environment.clone()),
            (Fact::Version, known(&report.version)),
            (Fact::PreviousVersion, known(&report.previous_version)),
            (Fact::DeployedAt, report.deployed_at.map(moment)),
            (Fact::Policy, Some(policy.clone())),
        ];
        let mut links = Vec::new();
        let mut link = |to, url: Option<&str>| {
            links.extend(url.and_then(|url| web(&redactor.redact(url))).map(|url| (to, url)));
        };
        link(LinkTo::Run, report.run_url.as_deref());
        rollback.iter().for_each(|line| link(LinkTo::Rollback, line.url.as_deref()));
        let first = checks.first();
        link(LinkTo::Runbook, first.and_then(|check| check.runbook.as_deref()));
        link(LinkTo::Dashboard, first.and_then(|check| check.dashboard.as_deref()));
        let key = [policy.as_str(), service.as_deref().unwrap_or("-"), environment.as_deref().unwrap_or("-")];
        let key = bounded(format!("rollgate/{}", key.join("/")));
        let started_at = report.started_at.unwrap_or(at);
        let occasion = started_at.to_string();
        let parts = Parts {
            purpose: "notify",
            target: word,
            policy: &policy,
            service: service.as_deref(),
            environment: environment.as_deref(),
            version: report.version.as_deref(),
            deployment: &occasion,
        };
        let mode = report.mode.as_deref().and_then(|mode| mode.strip_prefix("disarmed: "));
        Ok(Self {
            subject: if status.tone() == Tone::Good { Subject::Deployment } else { Subject::Alert },
            status,
            about: about_what(
                &[service.as_deref(), report.version.as_deref().map(clean).as_deref()],
                &policy,
                environment.as_deref(),
            ),
            reason: first
                .map(|check| clean(&format!("{}: {}", check.name, check.reason)))
                .unwrap_or_default(),
            text: None,
            facts: facts.into_iter().filter_map(|(fact, text)| Some((fact, text?))).collect(),
            counts: counts(all.iter().filter(|check| !check.dry_run).filter_map(|check| outcome(check))),
            more: bad.len() - checks.len(),
            checks,
            rollback,
            disarmed: mode.map(clean).into_iter().collect(),
            links,
            id: once_only(&parts),
            key,
            at,
            started_at,
            event: None,
        })
    }
}

fn outcome(check: &Check) -> Option<Outcome> {
    let all =
        [Outcome::Passed, Outcome::Failed, Outcome::Inconclusive, Outcome::Unfinished, Outcome::Skipped];
    let word = check.outcome.as_deref()?;
    all.into_iter().find(|outcome| outcome.word() == word)
}

fn adds(check: &Check) -> Option<Verdict> {
    let all = [Verdict::Pass, Verdict::Alert, Verdict::Inconclusive, Verdict::Rollback];
    let word = check.contribution.as_deref()?;
    all.into_iter().find(|verdict| verdict.word() == word)
}

fn is_bad(check: &Check) -> bool {
    adds(check).is_some_and(|adds| adds > Verdict::Pass)
        || outcome(check) == Some(Outcome::Failed) && !check.dry_run
}

fn line(check: &Check, redactor: &Redactor) -> CheckLine {
    let clean = |text: &str| plain(&redactor.redact(text));
    let text = |text: &Option<String>| text.as_deref().map(clean).filter(|text| !text.is_empty());
    let address = |url: &Option<String>| url.as_deref().and_then(|url| web(&redactor.redact(url)));
    let of = |state: &'static str| {
        check.samples().iter().filter(move |sample| sample.state.as_deref() == Some(state))
    };
    let mut breaches = of("breach").filter_map(|sample| sample.at);
    let first = breaches.next();
    let judged = of("breach").next_back().or_else(|| of("within").next_back());
    let value = judged.and_then(|sample| Some(sample.values.as_ref()?.first()?.value.0));
    let criterion =
        check.criterion.as_ref().map(|limits| limits.criterion()).filter(|limits| !limits.is_empty());
    let limit = criterion.map(|limits| {
        let missed = value.and_then(|value| limits.miss(value)).map(|miss| miss.limit.to_string());
        missed.unwrap_or_else(|| limits.to_string())
    });
    CheckLine {
        name: clean(check.name()),
        outcome: outcome(check),
        action: if check.failure_action.as_deref() == Some(FailureAction::Alert.word()) {
            FailureAction::Alert
        } else {
            FailureAction::Rollback
        },
        value: value.map(|value| Number(value).to_string()),
        limit,
        span: first.map(|first| (first, breaches.next_back().unwrap_or(first))),
        reason: text(&check.reason).unwrap_or_default(),
        description: text(&check.description),
        runbook: address(&check.runbook_url),
        dashboard: address(&check.dashboard_url),
    }
}

fn rolled(action: &Action, clean: &dyn Fn(&str) -> String) -> Option<RollbackLine> {
    if action.purpose.as_deref() != Some("rollback") {
        return None;
    }
    let all = [ActionStatus::Confirmed, ActionStatus::Failed, ActionStatus::Unknown, ActionStatus::Held];
    let word = action.status.as_deref().unwrap_or_default();
    Some(RollbackLine {
        kind: action.kind.as_deref().map(clean).unwrap_or_default(),
        target: action.target.as_deref().map(clean).unwrap_or_default(),
        status: all.into_iter().find(|status| status.word() == word).or(Some(ActionStatus::Unknown)),
        reason: action.reason.as_deref().map(clean),
        url: action.url.clone(),
    })
}
