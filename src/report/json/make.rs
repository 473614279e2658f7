//! Makes the document of a record. Must redact every text value that came from outside, and must not build all
//! checks at once: each is made when it is written and dropped after.

use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};

use super::SCHEMA;
use super::compared::{baseline, labels, test};
use super::criterion::criterion;
use super::document::{
    ActionDocument, ArrivalDocument, BesideDocument, CheckDocument, Document, PhasesDocument, SampleDocument,
    ValueDocument, WindowDocument,
};
use super::events;
use super::scalar::{Figure, Finite, Time};
use crate::check::{Beside, Phases};
use crate::gate::arrival::Arrival;
use crate::gate::before::Before;
use crate::gate::outcome::{ActionRecord, CheckRecord, Outcome, Record, Sample, State, Verdict};
use crate::policy::model::Check;
use crate::report::Redact;
use crate::report::voice::Voice;

/// Series that a sample shows.
const KEPT: usize = 10;

/// The checks of a record, as a list that is made while it is written.
pub(super) struct Checks<'r> {
    checks: &'r [CheckRecord],
    redact: Redact<'r>,
}

impl Serialize for Checks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.checks.len()))?;
        for record in self.checks {
            list.serialize_element(&check(record, self.redact))?;
        }
        list.end()
    }
}

/// The document of `record`.
pub(super) fn document<'r>(record: &'r Record, redact: Redact<'r>) -> Document<'r> {
    let text = |text: &Option<String>| text.as_deref().map(redact);
    Document {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION"),
        run_id: record.run_id.clone(),
        policy: redact(&record.policy),
        service: text(&record.service),
        environment: text(&record.environment),
        version: text(&record.version),
        previous_version: text(&record.previous_version),
        verdict: record.verdict_word(),
        exit_code: record.exit.map(|(verdict, _)| verdict.code()),
        process_exit_code: record.exit.map(|(_, returned)| returned.code()),
        mode: record.mode(),
        deployed_at: record.deployed_at.map(Time),
        started_at: Time(record.started_at),
        finished_at: record.finished_at.map(Time),
        window: WindowDocument {
            open: Time(record.open),
            duration: Finite::seconds(record.duration),
            interval: Finite::seconds(record.interval),
            mode: record.judging.word(),
            stable_for: record.judging.stable_for().map(Finite::seconds),
            deadline: Time(record.deadline),
        },
        variables: record.variables.iter().map(|(name, value)| (name.clone(), redact(value))).collect(),
        checks: Checks { checks: &record.checks, redact },
        actions: record.actions.iter().map(|a| action(a, redact)).collect(),
        warnings: record.warnings.iter().map(|w| redact(w)).collect(),
        run_url: text(&record.run_url),
        guarantee: super::super::guarantee::guarantee(Voice::new(redact), record),
        expect_version: record.arrival.as_ref().map(|one| arrival(one, redact)),
    }
}

fn arrival(arrival: &Arrival, redact: Redact<'_>) -> ArrivalDocument {
    ArrivalDocument {
        query: redact(&arrival.query),
        min_share: Finite(arrival.min_share),
        live_at: arrival.live_at.map(Time),
        asked_again_at: arrival.again.as_ref().map(|(at, _)| Time(*at)),
        share: arrival.again.as_ref().and_then(|(_, share)| share.value()).map(Finite),
        superseded: arrival.superseded(),
        reason: arrival.overrules.as_deref().map(redact),
    }
}

fn beside(check: &Check, redact: Redact<'_>) -> Vec<BesideDocument> {
    let document =
        |one: &Beside| BesideDocument { purpose: one.role.word(), query: redact(&one.probe.target()) };
    check.beside.iter().map(document).collect()
}

fn check(record: &CheckRecord, redact: Redact<'_>) -> CheckDocument {
    let own = &record.check;
    let text = |text: &Option<String>| text.as_deref().map(redact);
    CheckDocument {
        name: redact(&own.name),
        kind: own.kind,
        source: text(&own.source),
        failure_action: own.failure_action.word(),
        outcome: record.outcome.map(Outcome::word),
        contribution: record.contribution.map(Verdict::word),
        reason: redact(&record.reason),
        criterion: events::criterion(own.events.as_ref()).or_else(|| criterion(&own.judging)),
        query: redact(&own.target),
        max_failures: record.max_failures,
        within: record.within,
        min_samples: record.min_samples,
        min_coverage: Finite(own.min_coverage),
        planned: record.planned,
        due: record.due,
        judged: record.judged(),
        breaches: record.count(State::Breach),
        no_data: record.count(State::NoData),
        no_traffic: record.count(State::NoTraffic),
        errors: record.count(State::Error),
        settling: record.count(State::Settling),
        missed: record.missed,
        file: redact(&own.file),
        line: own.line,
        duration: Finite::seconds(own.duration),
        interval: Finite::seconds(own.interval),
        dry_run: own.dry_run,
        description: text(&own.description),
        runbook_url: text(&own.runbook_url),
        dashboard_url: text(&own.dashboard_url),
        events: events::document(record),
        baseline: baseline(own, redact),
        test: record.tested.as_ref().map(|tested| test(tested, redact)),
        samples: record.samples.iter().map(|s| sample(s, own.target.as_ref(), redact)).collect(),
        before: record.before.map(Before::word),
        beside: beside(own, redact),
    }
}

fn sample(sample: &Sample, target: &str, redact: Redact<'_>) -> SampleDocument {
    let baseline = |place: usize| sample.baselines.get(place).copied().flatten();
    let values = sample.values.iter().enumerate().take(KEPT).map(|(place, (of, value))| ValueDocument {
        labels: labels(of, redact),
        value: Figure(*value),
        baseline: baseline(place).map(Figure),
    });
    SampleDocument {
        at: Time(sample.at),
        state: sample.state.word(),
        values: values.collect(),
        series: sample.series,
        query: sample.query.as_deref().filter(|query| *query != target).map(redact),
        reason: sample.reason.as_deref().map(redact),
        attempts: sample.attempts,
        log_evidence: sample.log_evidence.map(Figure),
        phases: sample.phases.as_deref().map(phases),
    }
}

fn phases(phases: &Phases) -> PhasesDocument {
    PhasesDocument {
        dns: phases.dns.map(Finite::seconds),
        tcp: phases.tcp.map(Finite::seconds),
        tls: phases.tls.map(Finite::seconds),
        first_byte: phases.first_byte.map(Finite::seconds),
        total: phases.total.map(Finite::seconds),
    }
}

fn action(action: &ActionRecord, redact: Redact<'_>) -> ActionDocument {
    let text = |text: &Option<String>| text.as_deref().map(redact);
    let followed = action.followed.as_ref();
    let over = followed.filter(|followed| !followed.goes_on);
    ActionDocument {
        kind: action.kind.clone(),
        purpose: action.purpose,
        target: redact(&action.target),
        status: action.status.word(),
        http_status: action.http_status,
        attempts: action.attempts,
        id: action.id.clone(),
        url: text(&action.url),
        reason: text(&action.reason),
        response: text(&action.response),
        took: Finite::seconds(action.took),
        followed: followed.map(|followed| Finite::seconds(followed.took)),
        ended: over.map(|followed| redact(&followed.words)),
        ended_well: over.and_then(|followed| followed.well),
    }
}
