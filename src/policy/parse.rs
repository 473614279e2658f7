//! Documents to a [`PolicySpec`]: the files are merged by top-level key and every part is read by its own module.
//! Must not stop at a fault: what can be read is read, and all that is wrong comes out at once.

use std::path::Path;

use super::deployment_triggers::DeploymentTriggers;
use super::node::{self, Data, Key, Node};
use super::problem::{Place, Problem, Problems};
use super::reader::{Field, Reader, Shape};
use super::{deployment_triggers, gate, notices, tracking};
use crate::check::Kind;
use crate::diagnostic::Sources;
use crate::policy::integration::{self, Integrations};
use crate::policy::model::PolicySpec;
use crate::policy::variables::{self, Declared};

/// The top-level keys; `gate` lists what is below the gate's, which depends on the kinds there are.
pub static TOP: &[Field] = &[
    Field::new(
        "variables",
        Shape::ObjectMap(variables::DECLARATION),
        "the inputs of the policy; a plain scalar is a default",
    )
    .rules(variables::RULES),
    Field::new("integrations", Shape::ObjectMap(integration::ENTRY), "the systems it talks to, by name")
        .rules(integration::ENTRY_RULES),
    Field::new(
        "integration_configs",
        Shape::Object(integration::GROUPS),
        "the systems it talks to, grouped by what they are for",
    ),
    Field::new("post_deployment_validation", Shape::Any, "the gate: what is watched and what follows"),
    Field::new(
        "deployment_triggers",
        Shape::Object(deployment_triggers::DEPLOYMENT_TRIGGERS),
        "what starts a deployment",
    ),
    Field::new("notifications", Shape::OneOrMore(notices::NOTIFICATION), "who is told of what"),
    Field::new("tracking", Shape::OneOrMore(tracking::TRACKING), "which issues are written to"),
];

/// A text to be read.
#[derive(Debug, Clone, Copy)]
pub struct Document<'t> {
    /// Its index among the run's sources.
    pub source: u16,
    /// Its path, whose stem names the policy where nothing else does.
    pub path: &'t str,
    /// The text.
    pub text: &'t str,
}

impl<'t> Document<'t> {
    /// The text numbered `source` of `sources`.
    pub fn of(sources: &'t Sources, source: u16) -> Self {
        Self { source, path: sources.name(source), text: sources.text(source) }
    }

    fn stem(&self) -> String {
        let stem = Path::new(self.path).file_stem().and_then(|stem| stem.to_str());
        stem.unwrap_or("policy").trim_matches(['<', '>']).to_owned()
    }
}

/// Reads `documents` as one policy whose checks are of `kinds`.
pub fn parse(documents: &[Document<'_>], kinds: &[&'static dyn Kind]) -> (PolicySpec, Problems) {
    let mut problems = Problems::default();
    let merged = merge(documents, &mut problems);
    let mut spec = PolicySpec::default();
    if let Some(top) = Reader::open(&merged, "a policy", &[TOP], &mut problems) {
        if let Some(node) = top.node("variables") {
            spec.variables = Declared::read(node, top.problems);
        }
        let (named, grouped) = (top.node("integrations"), top.node("integration_configs"));
        spec.integrations = Integrations::read(named, grouped, gate::default_source(kinds), top.problems);
        if let Some(node) = top.node("notifications") {
            spec.notices = notices::read(node, top.problems);
        }
        if let Some(node) = top.node("tracking") {
            spec.tracking = tracking::read(node, top.problems);
        }
        if let Some(node) = top.node("deployment_triggers") {
            spec.deployments = DeploymentTriggers::read(node, top.problems);
        }
        if let Some(node) = top.node("post_deployment_validation") {
            gate::read(node, kinds, &mut spec, top.problems);
            spec.place = Some(top.key_place("post_deployment_validation"));
        }
    }
    if spec.name.is_empty() {
        let source = spec.place.map(|place| place.source);
        let named = documents.iter().find(|document| Some(document.source) == source).or(documents.first());
        spec.name = named.map_or_else(|| "policy".to_owned(), Document::stem);
    }
    (spec, problems)
}

/// One mapping of all top-level keys; a key that is there twice stays with its first value.
fn merge(documents: &[Document<'_>], problems: &mut Problems) -> Node {
    let mut merged: Vec<(Key, Node)> = Vec::new();
    for document in documents {
        let Some(node) = node::read(document.source, document.text, problems) else { continue };
        let entries = match node.data {
            Data::Map(entries) => entries,
            Data::Null => {
                let place = Place { source: document.source, start: 0, end: 0 };
                let problem = Problem::at(place, "expected a policy (a mapping), found an empty file");
                problems.push(problem.help("a policy begins with `post_deployment_validation:`"));
                continue;
            }
            Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::List(_) => {
                let message = format!("expected a policy (a mapping), found {}", node.found());
                let help = "a policy begins with `post_deployment_validation:`";
                problems.push(Problem::at(node.place, message).help(help));
                continue;
            }
        };
        // `x-…` keys are a home for anchors.
        for (key, value) in entries.into_iter().filter(|(key, _)| !key.name.starts_with("x-")) {
            match merged.iter().find(|(first, _)| first.name == key.name) {
                Some((first, _)) => {
                    let message = format!("`{}` is written in two files", key.name);
                    problems.push(
                        Problem::at(key.place, message)
                            .also(first.place, "first written here")
                            .help("files are merged by top-level key: keep one of the two"),
                    );
                }
                None => merged.push((key, value)),
            }
        }
    }
    let place = merged.first().map_or(Place { source: 0, start: 0, end: 0 }, |(key, _)| key.place);
    Node { data: Data::Map(merged), place }
}
