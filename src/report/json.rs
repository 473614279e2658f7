//! The report for programs: one `rollgate.report/v1` document, and its schema. Must not publish the domain's types:
//! what is published is written down in `document`, field by field.

mod compared;
mod criterion;
mod document;
mod events;
mod make;
pub(crate) mod outline;
pub(crate) mod scalar;

use schemars::generate::SchemaSettings;
use serde::Serialize as _;
use serde_json::Value;

use self::document::Document;
use self::outline::Outline;
use super::{Format, Redact};
use crate::gate::outcome::Record;

/// The document's name and version.
pub const SCHEMA: &str = "rollgate.report/v1";
/// With more checks the document is written without line breaks.
const READABLE: usize = 200;

/// The format itself.
#[derive(Debug)]
pub struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn summary(&self) -> &'static str {
        "for programs: the whole evidence as one `rollgate.report/v1` document"
    }

    fn render(&self, record: &Record, redact: Redact<'_>) -> String {
        let document = make::document(record, redact);
        let mut bytes = Vec::new();
        let written = if record.checks.len() > READABLE {
            serde_json::to_writer(&mut bytes, &document)
        } else {
            document.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Outline::default()))
        };
        if let Err(error) = written {
            // Only a type of this file could refuse to be written. A reader must see that, not half a document.
            bytes =
                serde_json::json!({ "schema": SCHEMA, "fault": error.to_string() }).to_string().into_bytes();
        }
        bytes.push(b'\n');
        String::from_utf8(bytes)
            .unwrap_or_else(|wrong| String::from_utf8_lossy(wrong.as_bytes()).into_owned())
    }
}

/// The JSON Schema (draft 2020-12) of the document. Unknown fields are allowed everywhere: v1 grows.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>().to_value()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::gate::outcome::{ActionStatus, Outcome, State};
    use crate::policy::model::{Count, FailureAction, Require};
    use crate::policy::value::Share;
    use crate::report::sample::{
        cancelled, edit, fleet, followed, inconclusive, metric, open, pass, planned, rollback, watched,
        webhook,
    };

    fn value(record: &Record) -> Value {
        serde_json::from_str(&Json.render(record, &open)).unwrap()
    }

    fn keys(value: &Value) -> String {
        value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_document_meets_the_schema() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let mut odd = rollback();
        odd.deployed_at = None;
        odd.service = None;
        odd.actions.extend([
            webhook(ActionStatus::Failed),
            webhook(ActionStatus::Held),
            webhook(ActionStatus::Unknown),
            followed(Some(true), "success"),
            followed(None, "it had not ended"),
        ]);
        odd.checks.push(metric("odd", 1.0, FailureAction::Alert).values(&[
            f64::NAN,
            f64::INFINITY,
            -0.5e-300,
        ]));
        for state in [State::NoTraffic, State::NoData, State::Settling, State::Error] {
            odd.checks.push(metric("odd", 1.0, FailureAction::Alert).saw(state, None, None));
        }
        let running = planned(watched());
        for record in [rollback(), pass(), inconclusive(), cancelled(), running, odd, fleet(201)] {
            let value = value(&record);
            let faults: Vec<String> = validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
            assert_eq!(faults, Vec::<String>::new(), "{value:#}");
        }
        let mut newer = value(&pass());
        newer["checks"][0]["samples"][0]["new"] = json!({});
        assert!(validator.is_valid(&newer), "readers ignore fields that they do not know");
        newer["verdict"] = json!("maybe");
        assert!(!validator.is_valid(&newer));
    }

    #[test]
    fn the_schema_says_what_it_is() {
        let schema = schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["title"], SCHEMA);
        assert_eq!(schema["properties"]["schema"]["const"], SCHEMA);
        assert!(!schema.to_string().contains("\"additionalProperties\":false"));
    }

    #[test]
    fn fields_come_in_the_order_of_the_contract() {
        let value = value(&rollback());
        assert_eq!(
            keys(&value),
            "schema tool_version run_id policy service environment version previous_version verdict exit_code \
             process_exit_code mode deployed_at started_at finished_at window variables checks actions warnings run_url"
        );
        assert_eq!(keys(&value["window"]), "open duration interval mode deadline");
        assert_eq!(
            keys(&value["checks"][0]),
            "name kind source failure_action outcome contribution reason criterion query max_failures within \
             min_samples min_coverage planned due judged breaches no_data no_traffic errors settling missed file line \
             duration interval dry_run description runbook_url dashboard_url samples"
        );
        assert_eq!(keys(&value["checks"][0]["samples"][0]), "at state values series reason attempts");
        assert_eq!(
            keys(&value["actions"][0]),
            "kind purpose target status http_status attempts id url reason response took"
        );
        let mut record = rollback();
        record.actions = vec![followed(Some(false), "failure")];
        let action = &self::value(&record)["actions"][0];
        assert!(keys(action).ends_with(" took followed ended ended_well"));
        assert_eq!((&action["ended"], &action["ended_well"]), (&json!("failure"), &json!(false)));
    }

    #[test]
    fn a_sample_is_a_line_and_a_number_keeps_its_digits() {
        let mut check =
            metric("x", 0.1, FailureAction::Rollback).values(&[0.1 + 0.2, 7.0, f64::NEG_INFINITY]);
        check.samples[1].query = Some("sum(other)".into());
        check.samples[2].query = Some(check.check.target.clone());
        let text = Json.render(&planned(vec![check]), &open);
        let samples: Vec<&str> = text.lines().map(str::trim).filter(|l| l.starts_with("{\"at\"")).collect();
        assert_eq!(
            samples,
            [
                r#"{"at":"2026-01-15T11:02:00.000Z","state":"breach","values":[{"labels":{},"value":0.30000000000000004}],"series":1,"reason":null,"attempts":1},"#,
                r#"{"at":"2026-01-15T11:02:15.000Z","state":"breach","values":[{"labels":{},"value":7}],"series":1,"query":"sum(other)","reason":null,"attempts":1},"#,
                r#"{"at":"2026-01-15T11:02:30.000Z","state":"within","values":[{"labels":{},"value":"-Inf"}],"series":1,"reason":null,"attempts":1}"#,
            ]
        );
        assert!(text.ends_with("\n  \"warnings\": [],\n  \"run_url\": null\n}\n"), "{text}");
    }

    #[test]
    fn the_layout_changes_white_space_only() {
        let record = inconclusive();
        let mut compact = serde_json::to_string(&make::document(&record, &open)).unwrap();
        let mut laid_out = Json.render(&record, &open);
        for text in [&mut compact, &mut laid_out] {
            text.retain(|c| !c.is_whitespace());
        }
        assert_eq!(compact, laid_out);
        assert_eq!(Json.render(&fleet(201), &open).lines().count(), 1);
    }

    #[test]
    fn nothing_is_claimed_while_the_gate_runs() {
        let value = value(&planned(watched()));
        for field in ["verdict", "exit_code", "process_exit_code", "finished_at"] {
            assert_eq!(value[field], Value::Null, "{field}");
        }
        assert_eq!(value["checks"][0]["outcome"], Value::Null);
        let value = self::value(&cancelled());
        assert_eq!((&value["verdict"], &value["exit_code"]), (&json!("cancelled"), &json!(143)));
    }

    #[test]
    fn a_criterion_says_only_what_is_set() {
        let value = |change: &dyn Fn(&mut crate::policy::model::Judging)| {
            let mut check = metric("x", 0.1, FailureAction::Rollback);
            edit(&mut check, |c| change(&mut c.judging));
            value(&planned(vec![check]))["checks"][0]["criterion"].clone()
        };
        assert_eq!(value(&|_| ()), json!({ "max_value": 0.1 }));
        assert_eq!(value(&|j| j.criterion.max = None), Value::Null);
        let all = value(&|j| {
            j.criterion.expected = Some((1.0, 0.5));
            j.criterion.min = Some(-1.0);
            j.require = Require::Share(Share(0.95));
            j.count = Count::Series;
            j.min_series = 2;
        });
        assert_eq!(
            all,
            json!({ "expected_value": 1, "tolerance": 0.5, "min_value": -1, "max_value": 0.1, "require": "95%",
                    "count": "series", "min_series": 2 })
        );
        let empty = value(&|j| {
            j.criterion.max = None;
            j.expect_empty = true;
        });
        assert_eq!(empty, json!({ "expect_empty": true }));
    }

    #[test]
    fn a_wide_result_shows_ten_and_says_how_many_there_were() {
        let mut check = metric("x", 0.1, FailureAction::Rollback).values(&[1.0]);
        let labels = Arc::new(vec![("pod".into(), "a".into())]);
        check.samples[0].values = vec![(labels, 1.0); 12];
        check.samples[0].series = 100_000;
        let value = value(&planned(vec![check]));
        let sample = &value["checks"][0]["samples"][0];
        assert_eq!(sample["values"].as_array().unwrap().len(), 10);
        assert_eq!(sample["values"][0], json!({ "labels": { "pod": "a" }, "value": 1 }));
        assert_eq!(sample["series"], 100_000);
    }

    #[test]
    fn values_are_masked_and_keys_numbers_and_own_words_are_not() {
        let mut record = rollback();
        record.service = Some("rollback \"quoted\"".to_owned());
        record.variables = vec![("rollback".to_owned(), "rollback".to_owned())];
        record.checks[0].reason = "20 times rollback".to_owned();
        let mask =
            |text: &str| text.replace("rollback", "***").replace("\"quoted\"", "***").replace("20", "***");
        let value: Value = serde_json::from_str(&Json.render(&record, &mask)).unwrap();
        assert_eq!(value["verdict"], "rollback");
        assert_eq!(value["exit_code"], 20);
        assert_eq!(value["started_at"], "2026-01-15T11:01:30.000Z");
        assert_eq!(value["service"], "*** ***");
        assert_eq!(value["variables"], json!({ "rollback": "***" }));
        assert_eq!(value["checks"][0]["reason"], "*** times ***");
        assert_eq!(value["checks"][0]["contribution"], "rollback");
        assert_eq!(value["actions"][0]["purpose"], "rollback");
        assert_eq!(value["actions"][0]["target"], "https://deploy.example/hooks/***");
        assert_eq!(value["checks"][0]["outcome"], Outcome::Failed.word());
    }
}
