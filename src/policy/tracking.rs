//! `tracking`: which issues are written to after a gate, as it is read. Must not know any tracker; `track` does, by the
//! integration that `to` names.

use super::node::{Data, Node};
use super::notices::{On, items};
use super::problem::{Place, Problems};
use super::reader::{Field, Reader, Shape, compile};
use super::template::{Context, Template};
use super::value::{Scalar, Value};

/// The fields of `tracking`.
pub static TRACKING: &[Field] = &[
    Field::new("to", Shape::Text, "the tracker; default the only one among the integrations"),
    Field::new("on", Shape::Several(<On as Scalar>::FORM), "what is written of")
        .default("[pass, alert, inconclusive, rollback]"),
    Field::new(
        "issues",
        Shape::Texts,
        "the issues; default those that `--issue`, `--commits` and the pipeline name",
    ),
    Field::new("comment", Shape::Flag, "whether the deployment and its verdict are written as a comment")
        .default("true"),
    Field::new("transition", Shape::Text, "the status that issues are moved to"),
];

/// An entry of `tracking` as it was read.
#[derive(Debug, Clone)]
pub struct TrackingSpec {
    /// The tracker.
    pub to: Option<Template>,
    /// What is written of.
    pub on: Vec<Value<On>>,
    /// The issues.
    pub issues: Vec<Template>,
    /// Whether a comment is written.
    pub comment: Option<Value<bool>>,
    /// The status to be reached.
    pub transition: Option<Template>,
    /// Where it is written.
    pub place: Place,
}

/// Reads `tracking`, one entry or a list of them.
pub fn read(node: &Node, problems: &mut Problems) -> Vec<TrackingSpec> {
    match &node.data {
        Data::List(items) => items.iter().filter_map(|item| one(item, problems)).collect(),
        _ => one(node, problems).into_iter().collect(),
    }
}

fn one(node: &Node, problems: &mut Problems) -> Option<TrackingSpec> {
    let mut body = Reader::open(node, "`tracking`", &[TRACKING], problems)?;
    let on = items(&mut body, "on");
    let issues = body.items("issues").into_iter();
    let issues = issues.filter_map(|item| compile(item, Context::Text, body.problems)).collect();
    Some(TrackingSpec {
        to: body.template("to", Context::Text),
        on,
        issues,
        comment: body.value("comment"),
        transition: body.template("transition", Context::Text),
        place: node.place,
    })
}
