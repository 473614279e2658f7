//! `deployment_triggers`: what starts a deployment. This version only checks their shape, so that the documents
//! that hold them load; must not be taken for the rollback's triggers, which have a folder of their own.

use super::node::Node;
use super::problem::{Problem, Problems};
use super::reader::{Field, Reader, Shape, compile, value};
use super::template::Context;

/// The fields of `deployment_triggers`.
pub static DEPLOYMENT_TRIGGERS: &[Field] =
    &[Field::new("jira", Shape::Object(JIRA), "pipelines that an event of Jira starts")];

static JIRA: &[Field] = &[
    Field::new("issue_status_trigger", Shape::Object(ISSUE_STATUS), "an issue that reaches a status"),
    Field::new("label_trigger", Shape::Object(LABEL), "an issue that gets a label"),
    Field::new("version_trigger", Shape::Object(VERSION), "a version that is released"),
];

const ENABLED: Field = Field::new("enabled", Shape::Flag, "whether it starts anything").default("true");

static ISSUE_STATUS: &[Field] = &[
    ENABLED,
    Field::new("issue_types", Shape::Texts, "the types of issue that count; default all"),
    Field::required("target_status", Shape::Text, "the status to be reached"),
    Field::required("pipeline_mapping", Shape::TextMap, "the pipeline of each project key"),
];

static LABEL: &[Field] = &[
    ENABLED,
    Field::new("labels", Shape::Texts, "the labels that count; default those of the mapping"),
    Field::required("pipeline_mapping", Shape::TextMap, "the pipeline of each label"),
];

static VERSION: &[Field] = &[
    ENABLED,
    Field::required("version_pattern", Shape::Text, "a regular expression that the version's name matches"),
    Field::required("pipeline_mapping", Shape::TextMap, "the pipeline of each pattern of versions"),
];

/// Reports what is wrong with the shape of `node`.
pub fn check(node: &Node, problems: &mut Problems) {
    fields(node, "`deployment_triggers`", DEPLOYMENT_TRIGGERS, problems);
    let version = node.get("jira").and_then(|jira| jira.get("version_trigger"));
    if let Some(version) = version {
        if let Some(pattern) = version.get("version_pattern") {
            regex(pattern, pattern.scalar().unwrap_or_default(), problems);
        }
        if let Some(Node { data: super::node::Data::Map(entries), .. }) = version.get("pipeline_mapping") {
            for (key, node) in entries {
                regex(&Node { place: key.place, ..node.clone() }, &key.name, problems);
            }
        }
    }
}

fn regex(node: &Node, text: &str, problems: &mut Problems) {
    if !text.contains("{{") && regex::Regex::new(text).is_err() {
        let shown = super::node::shorten(text);
        problems.push(Problem::at(node.place, format!("expected a regular expression, found `{shown}`")));
    }
}

/// Checks a mapping against its table alone; nothing is kept.
fn fields(node: &Node, what: &str, table: &'static [Field], problems: &mut Problems) {
    let Some(mut body) = Reader::open(node, what, &[table], problems) else { return };
    for field in table {
        match field.shape {
            Shape::Object(inner) => {
                if let Some(node) = body.node(field.key) {
                    fields(node, &format!("`{}`", field.key), inner, body.problems);
                }
            }
            Shape::Flag => {
                if let Some(node) = body.node(field.key) {
                    value::<bool>(node, body.problems);
                }
            }
            Shape::Texts => {
                for item in body.items(field.key) {
                    compile(item, Context::Text, body.problems);
                }
            }
            Shape::TextMap => {
                body.text_map(field.key, Context::Text);
            }
            _ => {
                body.template(field.key, Context::Text);
            }
        }
    }
}
