//! The policy's schema beside the reader: it takes what the reader takes, refuses what a schema can see, and what it
//! leaves to the reader is written down. The cases are in `tests/schema`, a list a file; adding one adds no Rust.

use std::path::{Path, PathBuf};
use std::process::Command;

use rollgate::check::KINDS;
use rollgate::diagnostic::{self, Sources};
use rollgate::policy::parse::{Document, parse};
use rollgate::policy::schema;
use rollgate::rollback::{TRIGGERS, parse_deployments, parse_triggers};
use serde::Deserialize;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A policy, or a part of one that the rest is put around.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows.
    shows: String,
    policy: Option<String>,
    gate: Option<String>,
    metric: Option<String>,
    http: Option<String>,
    tcp: Option<String>,
    trigger: Option<String>,
    variables: Option<String>,
    integration: Option<String>,
    /// Only rendering refuses it, whatever the variables.
    #[serde(default)]
    rendering: bool,
}

impl Case {
    fn text(&self) -> String {
        let gate = |inner: &str| format!("post_deployment_validation: {{{inner}}}");
        let health = |section: &str, inner: &str| {
            gate(&format!("health_check_validation: {{{section}: [{{{inner}}}]}}"))
        };
        let parts = [
            self.policy.clone(),
            self.gate.as_deref().map(gate),
            self.metric.as_ref().map(|m| gate(&format!("metrics_validation: [{{name: a, query: up, {m}}}]"))),
            self.http.as_ref().map(|h| health("http_checks", &format!("url: 'http://h', {h}"))),
            self.tcp.as_ref().map(|t| health("tcp_checks", &format!("host: h, port: 1, {t}"))),
            self.trigger.as_ref().map(|t| gate(&format!("rollback_policy: {{trigger: {t}}}"))),
            self.variables.as_ref().map(|v| format!("variables: {{{v}}}")),
            self.integration.as_ref().map(|i| format!("integrations: {{prometheus: {{{i}}}}}")),
        ];
        let mut parts = parts.into_iter().flatten();
        let text = parts.next().unwrap_or_else(|| panic!("nothing is written for `{}`", self.shows));
        assert_eq!(parts.next(), None, "`{}` is written twice", self.shows);
        text
    }
}

fn cases(file: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(root().join("tests/schema").join(file)).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What the reader says of `text`; nothing where it is sound.
fn read(text: &str) -> String {
    let mut sources = Sources::default();
    let index = sources.add("policy.yaml", text.as_bytes().to_vec()).unwrap();
    let (spec, mut problems) = parse(&[Document::of(&sources, index)], KINDS);
    if let Some(node) = &spec.rollback.trigger {
        parse_triggers(node, &mut problems);
    }
    if let Some(node) = &spec.deployments.trigger {
        parse_deployments(node, &mut problems);
    }
    if problems.any_fault() { diagnostic::render(&problems, &sources, false) } else { String::new() }
}

fn rendered(text: &str) -> Option<i32> {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollgate"));
    command.arg("render").arg(file.path()).args(["--prometheus", "http://p:9090", "--set", "x=1"]);
    command.env_clear().output().unwrap().status.code()
}

struct Schema(jsonschema::Validator);

impl Schema {
    fn new() -> Self {
        Self(jsonschema::draft7::new(&schema::policy(KINDS, TRIGGERS)).unwrap())
    }

    /// What the schema says of `text`; nothing where it fits.
    fn faults(&self, text: &str) -> Vec<String> {
        let value: Value = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
        self.0.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_the_reader_takes_the_schema_takes() {
    let (schema, cases) = (Schema::new(), cases("accepted.yaml"));
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let text = case.text();
        let (read, faults) = (read(&text), schema.faults(&text));
        if !read.is_empty() || !faults.is_empty() {
            wrong.push(format!("{}\n  {text}\n  reader: {read}\n  schema: {faults:?}", case.shows));
        }
    }
    report(&wrong);
}

#[test]
fn what_a_schema_can_see_is_refused_by_both() {
    let (schema, cases) = (Schema::new(), cases("refused.yaml"));
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let text = case.text();
        let refused = if case.rendering { rendered(&text) == Some(2) } else { !read(&text).is_empty() };
        if !refused || schema.faults(&text).is_empty() {
            wrong.push(format!("{}\n  {text}\n  refused by the reader: {refused}", case.shows));
        }
    }
    report(&wrong);
}

/// What no schema can say, each with the reason. One that a schema comes to see belongs into the other list.
#[test]
fn what_is_left_to_the_reader_is_written_down() {
    let schema = Schema::new();
    let mut wrong = Vec::new();
    for case in cases("left-to-the-reader.yaml") {
        let text = case.text();
        let (refused, faults) = (!read(&text).is_empty(), schema.faults(&text));
        if !refused || !faults.is_empty() {
            wrong.push(format!(
                "{}\n  {text}\n  refused by the reader: {refused}\n  schema: {faults:?}",
                case.shows
            ));
        }
    }
    report(&wrong);
}

#[test]
fn every_policy_of_the_repository_fits() {
    let schema = Schema::new();
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in ["policies", "tests/documents", "tests/scenarios"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            paths.push(if path.is_dir() { path.join("policy.yaml") } else { path });
        }
    }
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "yaml")) {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        // The documents stand as they were written, with their two broken queries.
        let document = path.starts_with(root().join("tests/documents"));
        if document || read(&text).is_empty() {
            seen += 1;
            let faults = schema.faults(&text);
            wrong.extend((!faults.is_empty()).then(|| format!("{}: {faults:?}", path.display())));
        }
    }
    report(&wrong);
    assert!(seen >= 60, "{seen} policies");
}

/// The file that the policies name in their first line. `UPDATE=1` rewrites it.
#[test]
fn the_shipped_schema_is_current() {
    let file = root().join("policies/policy.schema.json");
    let printed = Command::new(env!("CARGO_BIN_EXE_rollgate")).args(["schema", "policy"]).output().unwrap();
    let current = String::from_utf8(printed.stdout).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &current).unwrap();
    }
    let shipped = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        shipped == current,
        "policies/policy.schema.json is not what `rollgate schema policy` prints; UPDATE=1 rewrites it"
    );
}
