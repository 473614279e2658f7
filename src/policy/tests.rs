//! Whole policies, from text to what people see: the documents rollgate was asked to run, typical mistakes with
//! their whole diagnostics, defaults, and any bytes at all. The kinds are stand-ins: must not test a real one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::integration::Auth;
use super::model::{FailureAction, On, Policy, PolicySpec};
use super::node::{self, Data, Node};
use super::overrides::Overrides;
use super::parse::{Document, parse};
use super::problem::{Place, Problems};
use super::render::{Inputs, render};
use super::template::{Context, Scope, Template};
use super::variables::{Given, Own};
use super::{lint, mend};
use crate::diagnostic::{self, Sources};
use crate::host::Host;
use crate::host::vault::Vault;

mod faults;
mod stand_in;

use stand_in::KINDS;

const DOCUMENTS: [(&str, &str); 4] = [
    ("integrations.yaml", include_str!("../../tests/documents/integrations.yaml")),
    ("integration-configs.yaml", include_str!("../../tests/documents/integration-configs.yaml")),
    ("deployment-triggers.yaml", include_str!("../../tests/documents/deployment-triggers.yaml")),
    ("post-deployment.yaml", include_str!("../../tests/documents/post-deployment.yaml")),
];

fn read(texts: &[(&str, &str)]) -> (PolicySpec, Problems, Sources) {
    let mut sources = Sources::default();
    let indexes: Vec<u16> =
        texts.iter().map(|(name, text)| sources.add(name, text.as_bytes().to_vec()).unwrap()).collect();
    let documents: Vec<Document<'_>> = indexes.iter().map(|index| Document::of(&sources, *index)).collect();
    let (spec, problems) = parse(&documents, KINDS);
    (spec, problems, sources)
}

/// What people see of a policy's faults.
fn faults(text: &str) -> String {
    let (_, problems, sources) = read(&[("p.yaml", text)]);
    diagnostic::render(&problems, &sources, false)
}

fn vault(environment: &[(&str, &str)]) -> Vault {
    let mut host = Host::system();
    host.env = Arc::new(environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    Vault::new(host, None)
}

#[derive(Default)]
struct Run<'r> {
    set: &'r [(&'r str, &'r str)],
    environment: Option<&'r str>,
    duration: Option<Duration>,
}

impl Run<'_> {
    fn render(&self, text: &str) -> Result<Policy, String> {
        let (spec, mut problems, texts) = read(&[("p.yaml", text)]);
        let options = self.set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let own =
            Own { environment: self.environment.map(str::to_owned), run_id: "r1".into(), ..Own::default() };
        let given = Given { options, own, ..Given::default() };
        let scope = spec.variables.scope(&given, &mut problems);
        let inputs = Inputs {
            scope: &scope,
            environment: self.environment,
            start: Timestamp::UNIX_EPOCH,
            deployed_at: None,
            rollout: None,
            rhythm: &Arc::default(),
            duration: self.duration,
            sources: &BTreeMap::new(),
            vault: &vault(&[]),
            texts: &texts,
        };
        let policy = render(&spec, &inputs, &mut problems);
        policy.ok_or_else(|| diagnostic::render(&problems, &texts, false))
    }
}

fn rendered(text: &str) -> Policy {
    Run::default().render(text).unwrap()
}

fn refused(text: &str) -> String {
    Run::default().render(text).unwrap_err()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn every_document_loads_as_it_stands() {
    for document in DOCUMENTS {
        let (_, problems, sources) = read(&[document]);
        assert_eq!(diagnostic::render(&problems, &sources, false), "", "{}", document.0);
    }
    let (spec, problems, sources) = read(&[DOCUMENTS[0], DOCUMENTS[2], DOCUMENTS[3]]);
    assert_eq!(diagnostic::render(&problems, &sources, false), "");
    assert_eq!(spec.name, "post-deployment");
    assert_eq!(spec.checks.len(), 5);
    assert_eq!(spec.integrations.names().collect::<Vec<_>>(), ["jira", "prometheus", "slack"]);
    let (spec, ..) = read(&[DOCUMENTS[1]]);
    let names = ["azure_devops", "datadog", "dingtalk", "jira", "prometheus", "slack"];
    assert_eq!(spec.integrations.names().collect::<Vec<_>>(), names);
}

#[test]
fn the_gate_document_renders() {
    let set = [
        ("service_name", "shop"),
        ("service_url", "shop:8080"),
        ("service_host", "shop"),
        ("service_port", "8080"),
        ("unused", "x"),
    ];
    let policy = Run { set: &set, ..Run::default() }.render(DOCUMENTS[3].1).unwrap();
    assert_eq!(policy.duration, seconds(300));
    assert_eq!(policy.interval, seconds(15));
    assert_eq!(policy.rollback.pipeline.as_deref(), Some("rollback-shop"));
    assert!(policy.rollback.enabled && policy.rollback.preflight && policy.fail_fast);
    assert!(!policy.rollback.on_inconclusive_rollback);
    let names: Vec<&str> = policy.checks.iter().map(|check| check.name.as_str()).collect();
    let target = "http://shop:8080/health";
    assert_eq!(names, ["service_availability", "response_time", "error_rate", target, "shop"]);
    for check in &policy.checks {
        assert_eq!(check.duration, seconds(300), "{}", check.name);
        assert_eq!((check.max_failures, check.within, check.min_samples), (3, 6, 3));
        assert!(check.max_failures_written);
        assert!((check.min_coverage - 0.5).abs() < 1e-12);
        assert_eq!(check.file.as_ref(), "p.yaml");
    }
    assert_eq!(policy.checks[0].line, 4);
    assert_eq!(policy.checks[1].failure_action, FailureAction::Alert);
    assert_eq!(policy.checks[0].source.as_deref(), Some("prometheus"));
}

#[test]
fn without_its_variables_every_use_is_told() {
    let shown = refused(DOCUMENTS[3].1);
    assert_eq!(shown.matches("the variable `service_name` is not defined").count(), 4, "{shown}");
    assert!(shown.contains("the variable `service_url` is not defined"), "{shown}");
    assert!(shown.contains("the variable `service_port` is not defined"), "{shown}");
    assert!(shown.ends_with("7 faults\n"), "{shown}");
}

#[test]
fn the_defaults_of_the_window() {
    let check = "post_deployment_validation: {health_check_validation: {tcp_checks: [{host: h, port: 1}]}";
    let policy = rendered(&format!("{check}}}"));
    assert_eq!((policy.duration, policy.interval), (Duration::ZERO, seconds(15)));
    assert_eq!((policy.warm_up, policy.timeout), (None, None));
    assert!(!policy.checks[0].max_failures_written);
    let policy = rendered(&format!("{check}, window: {{duration: 2m, interval: '5s', warm_up: 10s}}}}"));
    assert_eq!((policy.duration, policy.interval), (seconds(120), seconds(5)));
    assert_eq!((policy.checks[0].duration, policy.checks[0].interval), (seconds(120), seconds(5)));
    assert_eq!(policy.warm_up, Some(seconds(10)));
    let run = Run { duration: Some(seconds(7)), ..Run::default() };
    let policy = run.render(&format!("{check}, window: {{duration: 2m}}}}")).unwrap();
    assert_eq!((policy.duration, policy.checks[0].duration), (seconds(7), seconds(7)));
}

#[test]
fn the_envelope_and_its_defaults() {
    let policy = rendered(
        "
variables: {soak: 1m, many: 4}
post_deployment_validation:
  name: gate
  rollback_policy: {max_failures: 2, on_inconclusive: rollback, preflight: false, enabled: 'false'}
  control: {host: gw, port: 53, timeout: 2s}
  metrics_validation:
    - {name: a, query: up, duration: '{{soak}}', max_failures: '{{many}}', on_no_data: fail, dry_run: true}
    - {name: b, query: up, within: 2, min_samples: 1, min_coverage: 90%, on_error: pass, interval: 1s}
  health_check_validation:
    http_checks: [{url: 'http://h/'}, {url: 'http://h/'}, {url: 'http://h/', name: 'http://h/ (2)'}]
",
    );
    assert_eq!(policy.name, "gate");
    assert_eq!(policy.control.as_ref().unwrap().target().as_ref(), "gw");
    assert!(!policy.rollback.enabled && !policy.rollback.preflight);
    assert!(policy.rollback.on_inconclusive_rollback);
    let [a, b, first, second, third] = policy.checks.as_slice() else { panic!("five checks") };
    assert_eq!((a.duration, a.max_failures, a.within, a.min_samples), (seconds(60), 4, 8, 4));
    assert_eq!((a.on.no_data, a.on.error, a.dry_run), (On::Fail, On::Inconclusive, true));
    assert_eq!((b.max_failures, b.within, b.min_samples, b.interval), (2, 2, 1, seconds(1)));
    assert_eq!((b.duration, b.on.error), (seconds(60), On::Pass));
    assert!((b.min_coverage - 0.9).abs() < 1e-12);
    // The written name is kept; derived ones give way.
    let names = [&first.name, &second.name, &third.name];
    assert_eq!(names, ["http://h/", "http://h/ (3)", "http://h/ (2)"]);
}

#[test]
fn a_check_applies_only_where_it_says() {
    let text = "
post_deployment_validation:
  health_check_validation:
    tcp_checks: [{host: h, port: 1, only: {environment: [staging, '{{other}}']}}]
";
    let set = [("other", "qa")];
    let skipped = |environment| {
        let policy = Run { set: &set, environment, ..Run::default() }.render(text)?;
        Ok::<_, String>(policy.checks[0].skipped.clone())
    };
    assert_eq!(skipped(Some("qa")).unwrap(), None);
    let reason = "it applies only in `staging` and `qa`, and the environment is `production`";
    assert_eq!(skipped(Some("production")).unwrap().as_deref(), Some(reason));
    assert!(skipped(None).unwrap_err().contains("pass `--environment NAME`"));
}

#[test]
fn values_may_be_json() {
    let text = "{\n\t\"service_name\": \"shop\",\n\t\"limit\":0.10, \"on\": true\n}\n";
    let given = Given { files: vec![(0, text)], ..Given::default() };
    let mut problems = Problems::default();
    let scope = super::variables::Declared::default().scope(&given, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(scope.get("service_name"), Some("shop"));
    assert_eq!((scope.get("limit"), scope.get("on")), (Some("0.10"), Some("true")));
}

#[test]
fn deployed_at_is_seconds_in_queries_only() {
    let own = Own { deployed_at: Some("2026-11-23T10:00:00Z".parse().unwrap()), ..Own::default() };
    let given = Given { own, ..Given::default() };
    let scope = super::variables::Declared::default().scope(&given, &mut Problems::default());
    let place = Place { source: 0, start: 0, end: 0 };
    let shown =
        |context| Template::compile("{{deployed_at}}", place, context).unwrap().render(&scope).unwrap();
    assert_eq!(shown(Context::Query), "1795428000");
    assert_eq!(shown(Context::Text), "2026-11-23T10:00:00Z");
}

fn json(node: &Node) -> serde_json::Value {
    match &node.data {
        Data::Null => serde_json::Value::Null,
        Data::Bool(value) => (*value).into(),
        Data::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
        Data::Text(text) => text.as_str().into(),
        Data::List(items) => items.iter().map(json).collect(),
        Data::Map(entries) => entries.iter().map(|(key, value)| (key.name.clone(), json(value))).collect(),
    }
}

#[test]
fn the_schema_accepts_what_the_reader_does() {
    let schema = super::schema::policy(KINDS, crate::rollback::TRIGGERS);
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let document = |text: &str| json(&node::parse(0, text).unwrap());
    for (name, text) in DOCUMENTS {
        let errors: Vec<String> = validator.iter_errors(&document(text)).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    let templated = "
variables: {a: 1, b: {required: true}}
x-anchors: 5
post_deployment_validation:
  window: {duration: '{{soak}}', interval: 5s}
  control: {host: h, port: '{{port}}'}
  metrics_validation: [{name: a, query: up, max_value: '{{limit}}', dry_run: '{{dry}}', failure_action: '{{fa}}'}]
";
    assert!(validator.is_valid(&document(templated)));
    for text in [
        "post_deployment_validaton: {}",
        "post_deployment_validation: {metrics_validation: [{name: a, qurey: up}]}",
        "post_deployment_validation: {metrics_validation: [{query: up}]}",
        "post_deployment_validation: {metrics_validation: [{name: a, query: up, max_value: five}]}",
        "post_deployment_validation: {evidence: {}}",
        "integrations: {prometheus: {ulr: 'http://h'}}",
    ] {
        assert!(!validator.is_valid(&document(text)), "{text}");
    }
}

fn places_hold(node: &Node, text: &str) {
    assert!(text.get(node.place.range()).is_some(), "{:?}", node.place);
    match &node.data {
        Data::List(items) => items.iter().for_each(|item| places_hold(item, text)),
        Data::Map(entries) => {
            for (key, value) in entries {
                assert!(text.get(key.place.range()).is_some(), "{:?}", key.place);
                places_hold(value, text);
            }
        }
        _ => {}
    }
}

/// Reads `text` in every way there is: nothing may panic, and every place must lie in the text.
fn survives(text: &str) {
    if let Ok(node) = node::parse(0, text) {
        places_hold(&node, text);
    }
    let (spec, mut problems, texts) = read(&[("p.yaml", text)]);
    let scope = spec.variables.scope(&Given::default(), &mut problems);
    let inputs = Inputs {
        scope: &scope,
        environment: None,
        start: Timestamp::UNIX_EPOCH,
        deployed_at: None,
        rollout: None,
        rhythm: &Arc::default(),
        duration: None,
        sources: &BTreeMap::new(),
        vault: &vault(&[]),
        texts: &texts,
    };
    render(&spec, &inputs, &mut problems);
    for name in spec.integrations.names() {
        let resolved = spec.integrations.resolve(name, &scope, &vault(&[]), &Overrides::default());
        problems.append(resolved.err().unwrap_or_default());
    }
    for problem in problems.sorted() {
        if let Some(place) = problem.place {
            assert!(text.get(place.range()).is_some(), "{place:?} of {problem:?}");
        }
    }
    diagnostic::render(&problems, &texts, true);
    let documents = [Document::of(&texts, 0)];
    let found =
        lint::look(lint::Subject { spec: &spec, documents: &documents, triggers: &[], complete: true });
    problems.append(found);
    lint::secrets::places(&documents[0]);
    mend::apply(text, 0, &problems.sorted());
    diagnostic::render(&problems, &texts, true);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: proptest::test_runner::RngSeed::Fixed(2), ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_mutated_policy_is_survived(
        which in 0..4usize,
        at in any::<prop::sample::Index>(),
        length in 0..12usize,
        insert in prop_oneof![Just("{{"), Just("*a"), Just("&a "), Just("<<: "), Just("\n"), Just("\u{feff}"), Just("é"),
            Just(": "), Just("- "), Just("\t"), Just("\""), Just("|"), Just("!x "), Just("}}"), Just("null"), Just("# rollgate: allow(x, never-fails)"), Just("")],
    ) {
        let mut characters: Vec<char> = DOCUMENTS[which].1.chars().collect();
        let start = at.index(characters.len());
        let end = (start + length).min(characters.len());
        characters.splice(start..end, insert.chars());
        survives(&characters.into_iter().collect::<String>());
    }
}
