//! `deployment_triggers`: which events start which pipelines, as it is read. Must not know what an event looks like, nor
//! how a pipeline is started: `deploy` and `rollback` do.

use super::node::Node;
use super::problem::{Problem, Problems};
use super::reader::{Field, Reader, Shape, compile};
use super::template::{Context, Template};
use super::value::Value;

/// The fields of `deployment_triggers`.
pub static DEPLOYMENT_TRIGGERS: &[Field] = &[
    Field::new("trigger", Shape::Any, "what starts the mapped pipelines: one trigger or a list"),
    Field::new("jira", Shape::Object(JIRA), "pipelines that an event of Jira starts"),
];

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

/// What starts deployments, as it was read.
#[derive(Debug, Clone, Default)]
pub struct DeploymentTriggers {
    /// What starts the mapped pipelines, for `rollback` to read.
    pub trigger: Option<Node>,
    /// The rules, in the order of documents.
    pub rules: Vec<RuleSpec>,
}

/// One rule: what is looked for in an event, and what it starts.
#[derive(Debug, Clone)]
pub struct RuleSpec {
    /// Its name in the policy.
    pub name: &'static str,
    /// Whether it starts anything.
    pub enabled: Option<Value<bool>>,
    /// What is looked for.
    pub wanted: WantedSpec,
    /// The pipeline of each project, label or pattern of versions, in the order that is written.
    pub mapping: Vec<(String, Template)>,
}

/// What a rule looks for.
#[derive(Debug, Clone)]
pub enum WantedSpec {
    /// An issue that reaches a status.
    Status {
        /// The types of issue that count; empty for all.
        types: Vec<Template>,
        /// The status.
        target: Template,
    },
    /// An issue that gets a label.
    Label {
        /// The labels that count; empty for those of the mapping.
        labels: Vec<Template>,
    },
    /// A version that is released.
    Version {
        /// What its name matches.
        pattern: Template,
    },
}

impl DeploymentTriggers {
    /// Reads `deployment_triggers`; what is wrong is reported, and what could be read is returned.
    pub fn read(node: &Node, problems: &mut Problems) -> Self {
        let Some(body) = Reader::open(node, "`deployment_triggers`", &[DEPLOYMENT_TRIGGERS], problems) else {
            return Self::default();
        };
        let trigger = body.node("trigger").cloned();
        let mut rules = Vec::new();
        if let Some(node) = body.node("jira")
            && let Some(jira) = Reader::open(node, "`jira`", &[JIRA], body.problems)
        {
            let read: [(&'static str, &'static [Field], Rest); 3] = [
                ("issue_status_trigger", ISSUE_STATUS, status),
                ("label_trigger", LABEL, label),
                ("version_trigger", VERSION, version),
            ];
            for (name, table, rest) in read {
                let Some(node) = jira.node(name) else { continue };
                let what = format!("`{name}`");
                let Some(mut body) = Reader::open(node, &what, &[table], jira.problems) else { continue };
                let enabled = body.value("enabled");
                let mapping = body.text_map("pipeline_mapping", Context::Text);
                let wanted = rest(&mut body);
                rules.extend(wanted.map(|wanted| RuleSpec { name, enabled, wanted, mapping }));
            }
        }
        Self { trigger, rules }
    }
}

/// Reads what a rule looks for.
type Rest = fn(&mut Reader<'_, '_>) -> Option<WantedSpec>;

fn texts(body: &mut Reader<'_, '_>, key: &str) -> Vec<Template> {
    let items = body.items(key).into_iter();
    items.filter_map(|item| compile(item, Context::Text, body.problems)).collect()
}

fn status(body: &mut Reader<'_, '_>) -> Option<WantedSpec> {
    let types = texts(body, "issue_types");
    Some(WantedSpec::Status { types, target: body.template("target_status", Context::Text)? })
}

#[expect(clippy::unnecessary_wraps, reason = "as the others are read")]
fn label(body: &mut Reader<'_, '_>) -> Option<WantedSpec> {
    Some(WantedSpec::Label { labels: texts(body, "labels") })
}

fn version(body: &mut Reader<'_, '_>) -> Option<WantedSpec> {
    if let Some(node) = body.node("version_pattern") {
        regex(node, node.scalar().unwrap_or_default(), body.problems);
    }
    if let Some(Node { data: super::node::Data::Map(entries), .. }) = body.node("pipeline_mapping") {
        for (key, node) in entries {
            regex(&Node { place: key.place, ..node.clone() }, &key.name, body.problems);
        }
    }
    Some(WantedSpec::Version { pattern: body.template("version_pattern", Context::Text)? })
}

fn regex(node: &Node, text: &str, problems: &mut Problems) {
    if !text.contains("{{") && regex::Regex::new(text).is_err() {
        let shown = super::node::shorten(text);
        problems.push(Problem::at(node.place, format!("expected a regular expression, found `{shown}`")));
    }
}
