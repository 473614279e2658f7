//! `rollgate.event/v1`: what receivers are told, by whatever way. Must stay at most 16 KiB and always be valid JSON; v1
//! only grows.

pub mod id;
pub(crate) mod sign;

use std::borrow::Cow;
use std::cmp::Reverse;

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::api::keep::cut;
use crate::gate::outcome::{CheckRecord, Outcome, Record, State};
use crate::host::secret::Redactor;

/// The variable by which every trigger tells what it starts that it is a rollback, and of what.
pub const ROLLBACK_OF: &str = "ROLLGATE_ROLLBACK_OF";

/// All variables that are handed to what is started: nobody else sets them.
pub const OWN: [&str; 4] = ["ROLLGATE_VERDICT", "ROLLGATE_PIPELINE", ROLLBACK_OF, "ROLLGATE_ID"];

/// Bytes that an event has at most.
pub const LARGEST: usize = 16 * 1024;

/// Checks that an event tells of at most.
const WORST: usize = 10;

/// Bytes of what is rolled back, as it is handed to what is started.
const HANDED: usize = 1000;

/// Bytes that each text is cut to when even an event without checks is too large: ten such texts fit.
const SHORT: usize = 400;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Type {
    /// A rollback is asked for.
    #[serde(rename = "rollgate.rollback")]
    Rollback,
    /// A verdict is told.
    #[serde(rename = "rollgate.verdict")]
    Verdict,
    /// A deployment is asked for.
    #[serde(rename = "rollgate.deploy")]
    Deploy,
}

/// An event, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The once-only id.
    pub id: String,
    /// The verdict's word; empty where none is told.
    pub verdict: &'static str,
    /// What is to be started, where the policy names it.
    pub pipeline: Option<String>,
    /// What is rolled back: the version where it is known, else the id. What is started hands it to its own gate as
    /// `ROLLGATE_ROLLBACK_OF`. Empty where nothing is.
    pub rollback_of: String,
    /// The document, redacted: the exact bytes to send and to sign.
    pub json: Bytes,
}

/// The document as it is published.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "rollgate.event/v1")]
struct Document {
    /// Always `rollgate.event/v1`.
    #[schemars(extend("const" = "rollgate.event/v1"))]
    schema: &'static str,
    /// What the event is about.
    r#type: Type,
    /// The same for the same deployment, however often it is asked for: act once per id.
    id: String,
    /// Names the run of the gate.
    run_id: String,
    /// The policy's name.
    policy: String,
    /// What was deployed.
    service: Option<String>,
    /// Where.
    environment: Option<String>,
    /// Which version.
    version: Option<String>,
    /// Which version it replaced.
    previous_version: Option<String>,
    /// When the new version was live, in RFC 3339.
    deployed_at: Option<String>,
    /// `pass`, `alert`, `inconclusive`, `rollback` or `cancelled`; null where a deployment is asked for.
    verdict: Option<&'static str>,
    /// What is to be started, where the policy names it.
    pipeline: Option<String>,
    /// Why, in one line.
    reason: String,
    /// The pipeline's own page of the run.
    run_url: Option<String>,
    /// What is rolled back: hand it to the gate of what you start as `ROLLGATE_ROLLBACK_OF`.
    rollback_of: Option<String>,
    /// The worst checks, at most ten, worst first.
    checks: Vec<Check>,
    /// Why a deployment is asked for; only there where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
}

/// What a deployment is asked for.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Cause {
    /// The event, as its sender calls it.
    pub event: String,
    /// The rule of the policy that it matched.
    pub rule: String,
    /// What the event says, by name: `issue_key`, `version_name` and so on; empty where it says nothing of it.
    pub values: std::collections::BTreeMap<String, String>,
}

/// A deployment that is asked for.
#[derive(Debug, Clone, Default)]
pub struct Deploy<'a> {
    /// The once-only id.
    pub id: String,
    /// Names the run.
    pub run_id: &'a str,
    /// The policy's name.
    pub policy: &'a str,
    /// What is to be deployed.
    pub service: Option<&'a str>,
    /// Where.
    pub environment: Option<&'a str>,
    /// Which version.
    pub version: Option<&'a str>,
    /// What is to be started.
    pub pipeline: &'a str,
    /// Why, in one line.
    pub reason: &'a str,
    /// The pipeline's own page of the run.
    pub run_url: Option<&'a str>,
    /// What for.
    pub cause: Cause,
}

/// One check of the document.
#[derive(Debug, Serialize, JsonSchema)]
struct Check {
    /// Its name.
    name: String,
    /// Its kind, such as `prometheus`.
    kind: &'static str,
    /// `passed`, `failed`, `inconclusive`, `unfinished`, `skipped`, or null while it is watched.
    outcome: Option<&'static str>,
    /// Why, in one line.
    reason: String,
    /// The worst value of the last breach, else of the last judged sample.
    value: Option<Number>,
    /// The limit of that value.
    limit: Option<String>,
}

/// A value; JSON has no number for `NaN`, `+Inf` and `-Inf`, so those are texts.
#[derive(Debug, Clone, Copy)]
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            serializer.serialize_f64(self.0)
        } else {
            serializer.collect_str(&crate::policy::criterion::Number(self.0))
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "number" }, { "enum": ["NaN", "+Inf", "-Inf"] }] })
    }
}

/// The JSON schema of the document.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

/// What was deployed: the service, else the variable `service_name`.
pub fn service(record: &Record) -> Option<&str> {
    let variable =
        || record.variables.iter().find(|(name, _)| name == "service_name").map(|(_, v)| v.as_str());
    record.service.as_deref().or_else(variable)
}

impl Event {
    /// What is handed to whatever is started, as variables: that it is a rollback, if it is one, of what, and by which id.
    pub fn handed(&self) -> Vec<(&'static str, String)> {
        let [verdict, pipeline, rollback_of, id] = OWN;
        let all = [
            (verdict, self.verdict.to_owned()),
            (pipeline, self.pipeline.clone().unwrap_or_default()),
            (rollback_of, self.rollback_of.clone()),
            (id, self.id.clone()),
        ];
        // A deployment that is taken for a rollback would never be rolled back itself.
        let deploys = self.rollback_of.is_empty();
        all.into_iter().filter(|(name, _)| !deploys || ![verdict, rollback_of].contains(name)).collect()
    }

    /// What is asked for, in a few words: `roll back 1.4.0`, `deploy by production-pipeline`.
    pub fn title(&self) -> String {
        match (&self.pipeline, self.rollback_of.as_str()) {
            (Some(pipeline), "") => format!("deploy by {pipeline}"),
            (None, "") => "deploy".to_owned(),
            (_, of) => format!("roll back {of}"),
        }
    }

    /// The event that asks for `deploy`.
    pub fn deploy(deploy: Deploy<'_>, redactor: &Redactor) -> Self {
        let masked = |text: &str| redactor.redact(text).into_owned();
        let optional = |text: Option<&str>| text.map(masked);
        let Deploy { id, pipeline, cause, .. } = deploy;
        let values = cause.values.into_iter().map(|(name, value)| (name, masked(&value)));
        let document = Document {
            schema: "rollgate.event/v1",
            r#type: Type::Deploy,
            id: id.clone(),
            run_id: deploy.run_id.to_owned(),
            policy: masked(deploy.policy),
            service: optional(deploy.service),
            environment: optional(deploy.environment),
            version: optional(deploy.version),
            previous_version: None,
            deployed_at: None,
            verdict: None,
            pipeline: Some(masked(pipeline)),
            reason: masked(deploy.reason),
            run_url: optional(deploy.run_url),
            rollback_of: None,
            checks: Vec::new(),
            cause: Some(Cause { event: masked(&cause.event), rule: cause.rule, values: values.collect() }),
        };
        let (json, pipeline) = (document.fitted(), Some(pipeline.to_owned()));
        Self { id, verdict: "", pipeline, rollback_of: String::new(), json }
    }

    /// The event of `kind` about `record`, with its once-only `id`.
    pub fn new(kind: Type, record: &Record, pipeline: Option<&str>, id: String, redactor: &Redactor) -> Self {
        let masked = |text: &str| redactor.redact(text).into_owned();
        let optional = |text: Option<&str>| text.map(masked);
        let mut rollback_of = record.version.clone().unwrap_or_else(|| id.clone());
        // It becomes a variable, a parameter or an input of what is started, all of which have their limits.
        shorten(&mut rollback_of, HANDED);
        let verdict = record.verdict_word().unwrap_or("inconclusive");
        let worst = worst(&record.checks, WORST);
        let document = Document {
            schema: "rollgate.event/v1",
            r#type: kind,
            id: id.clone(),
            run_id: record.run_id.clone(),
            policy: masked(&record.policy),
            service: optional(service(record)),
            environment: optional(record.environment.as_deref()),
            version: optional(record.version.as_deref()),
            previous_version: optional(record.previous_version.as_deref()),
            deployed_at: record.deployed_at.map(|at| format!("{at:.3}")),
            verdict: Some(verdict),
            pipeline: optional(pipeline),
            reason: masked(&reason(&worst)),
            run_url: optional(record.run_url.as_deref()),
            rollback_of: (kind == Type::Rollback).then(|| masked(&rollback_of)),
            checks: worst.into_iter().map(|record| Check::new(record, &masked)).collect(),
            cause: None,
        };
        let json = document.fitted();
        Self { id, verdict, pipeline: pipeline.map(str::to_owned), rollback_of, json }
    }
}

/// The worst checks, at most `most`, worst first: by what they add to the verdict, failed ones before others, else as
/// written.
pub(crate) fn worst(checks: &[CheckRecord], most: usize) -> Vec<&CheckRecord> {
    let mut all: Vec<&CheckRecord> =
        checks.iter().filter(|check| check.outcome != Some(Outcome::Skipped)).collect();
    all.sort_by_key(|check| (Reverse(check.contribution), check.outcome != Some(Outcome::Failed)));
    all.truncate(most);
    all
}

/// Why the verdict is what it is: the worst check, and how many stand beside it.
pub(crate) fn reason(worst: &[&CheckRecord]) -> String {
    let Some((first, others)) = worst.split_first() else {
        return "nothing was watched".to_owned();
    };
    let beside = others.iter().filter(|other| other.contribution == first.contribution).count();
    let more = match beside {
        0 => String::new(),
        // The list is cut at ten, so what it counts is a lower bound.
        _ if worst.len() == WORST && beside + 1 == WORST => format!(", and {beside} or more other checks"),
        1 => ", and 1 other check".to_owned(),
        _ => format!(", and {beside} other checks"),
    };
    format!("{}: {}{more}", first.check.name, first.reason)
}

impl Check {
    fn new(record: &CheckRecord, masked: &impl Fn(&str) -> String) -> Self {
        let (value, limit) = value_and_limit(record);
        Self {
            name: masked(&record.check.name),
            kind: record.check.kind,
            outcome: record.outcome.map(Outcome::word),
            reason: masked(&record.reason),
            value: value.map(Number),
            limit,
        }
    }
}

/// The worst value of the last breach, else of the last judged sample, and the limit of that value in words.
pub(crate) fn value_and_limit(record: &CheckRecord) -> (Option<f64>, Option<String>) {
    let judged = |state| record.samples.iter().rev().find(move |sample| sample.state == state);
    let sample = judged(State::Breach).or_else(|| judged(State::Within));
    let value = sample.and_then(|sample| sample.values.first()).map(|(_, value)| *value);
    let judging = &record.check.judging;
    let missed = value.and_then(|value| judging.criterion.miss(value)).map(|miss| miss.limit.to_string());
    (value, missed.or_else(|| Some(judging.limits()).filter(|limits| !limits.is_empty())))
}

impl Document {
    /// The document as JSON of at most [`LARGEST`] bytes: reasons are cut first, then checks go, the least bad
    /// first, and only then is every text cut.
    fn fitted(mut self) -> Bytes {
        for limit in [2000, 1000, 500] {
            if let Some(json) = self.json() {
                return json;
            }
            shorten(&mut self.reason, limit);
            self.checks.iter_mut().for_each(|check| shorten(&mut check.reason, limit));
        }
        loop {
            if let Some(json) = self.json() {
                return json;
            }
            if self.checks.pop().is_none() {
                break;
            }
        }
        for text in [&mut self.run_id, &mut self.policy, &mut self.reason] {
            shorten(text, SHORT);
        }
        let optional = [
            &mut self.service,
            &mut self.environment,
            &mut self.version,
            &mut self.previous_version,
            &mut self.pipeline,
            &mut self.run_url,
            &mut self.rollback_of,
        ];
        let cause =
            self.cause.iter_mut().flat_map(|cause| cause.values.values_mut().chain([&mut cause.event]));
        optional.into_iter().flatten().chain(cause).for_each(|text| shorten(text, SHORT));
        self.json().unwrap_or_default()
    }

    fn json(&self) -> Option<Bytes> {
        let json = serde_json::to_vec(self).ok()?;
        (json.len() <= LARGEST).then(|| json.into())
    }
}

/// Cuts `text` to `limit` bytes of JSON at most twice as long: control characters, which JSON spells out, go too.
fn shorten(text: &mut String, limit: usize) {
    if text.len() > limit {
        *text = format!("{}…", cut(text, limit));
    }
    if text.chars().any(char::is_control) {
        *text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::outcome::Verdict;
    use crate::rollback::testing::{check, record};

    fn event(record: &Record) -> serde_json::Value {
        let redactor = Redactor::default();
        redactor.secret("hunter2hunter2").unwrap();
        let event = Event::new(Type::Rollback, record, Some("rollback-checkout"), "rg_x".into(), &redactor);
        assert!(event.json.len() <= LARGEST, "{}", event.json.len());
        serde_json::from_slice(&event.json).unwrap()
    }

    #[test]
    fn the_document_says_all_that_a_receiver_needs() {
        let mut record = record();
        record.checks = vec![check("error_rate", Some(Outcome::Failed), Some(Verdict::Rollback), 0.08)];
        let expected = serde_json::json!({
            "schema": "rollgate.event/v1",
            "type": "rollgate.rollback",
            "id": "rg_x",
            "run_id": "run-1",
            "policy": "post-deployment",
            "service": "checkout",
            "environment": "production",
            "version": "1.4.0",
            "previous_version": "1.3.9",
            "deployed_at": "2023-11-14T22:13:20.000Z",
            "verdict": "rollback",
            "pipeline": "rollback-checkout",
            "reason": "error_rate: 0.08 > max_value 0.01",
            "run_url": null,
            "rollback_of": "1.4.0",
            "checks": [{
                "name": "error_rate",
                "kind": "fake",
                "outcome": "failed",
                "reason": "0.08 > max_value 0.01",
                "value": 0.08,
                "limit": "max_value 0.01",
            }],
        });
        assert_eq!(event(&record), expected);
        let validator = jsonschema::validator_for(&schema()).unwrap();
        assert!(validator.is_valid(&expected), "{:?}", validator.iter_errors(&expected).collect::<Vec<_>>());
    }

    #[test]
    fn the_worst_checks_come_first() {
        let mut record = record();
        let passed =
            (0..12).map(|i| check(&format!("ok_{i}"), Some(Outcome::Passed), Some(Verdict::Pass), 0.0));
        record.checks = passed.collect();
        record.checks.extend([
            check("dry", Some(Outcome::Failed), None, 9.0),
            check("slow", Some(Outcome::Failed), Some(Verdict::Alert), 9.0),
            check("unseen", Some(Outcome::Inconclusive), Some(Verdict::Rollback), 9.0),
            check("broken", Some(Outcome::Failed), Some(Verdict::Rollback), 9.0),
            check("elsewhere", Some(Outcome::Skipped), None, 9.0),
        ]);
        let event = event(&record);
        let names: Vec<_> =
            event["checks"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(names[..4], ["broken", "unseen", "slow", "ok_0"]);
        assert_eq!(names.len(), 10);
        assert_eq!(event["reason"], "broken: 9 > max_value 0.01, and 1 other check");
    }

    #[test]
    fn it_fits_whatever_it_tells_of() {
        let mut huge = record();
        let one = check("x", Some(Outcome::Failed), Some(Verdict::Rollback), f64::INFINITY);
        huge.checks = vec![one; 10_000];
        for check in &mut huge.checks {
            check.reason = "\u{1}\"é".repeat(20_000);
        }
        let cut = event(&huge);
        assert_eq!(cut["checks"].as_array().unwrap().len(), 10);
        assert_eq!(cut["checks"][0]["value"], "+Inf");
        for text in [&mut huge.version, &mut huge.service, &mut huge.environment, &mut huge.previous_version]
        {
            *text = Some("\"\u{1}".repeat(50_000));
        }
        huge.run_url = Some("https://ci.example/".repeat(5000));
        huge.run_id = "r".repeat(30_000);
        huge.policy = "é".repeat(30_000);
        let shortest = event(&huge);
        assert_eq!(shortest["checks"], serde_json::json!([]));
        assert_eq!(shortest["verdict"], "rollback");
    }

    #[test]
    fn secrets_are_masked_before_they_are_told() {
        let mut record = record();
        record.version = None;
        record.service = None;
        record.variables = vec![("service_name".into(), "cart".into())];
        record.checks = vec![check("health", Some(Outcome::Failed), Some(Verdict::Rollback), f64::NAN)];
        record.checks[0].reason = "answered \"hunter2hunter2\"".into();
        let event = event(&record);
        assert_eq!(event["checks"][0]["reason"], "answered \"***\"");
        assert_eq!(event["reason"], "health: answered \"***\"");
        assert_eq!(event["service"], "cart");
        assert_eq!(event["rollback_of"], "rg_x");
        assert_eq!(event["checks"][0]["value"], "NaN");
    }
}
