//! The policy's JSON Schema, made of the same tables that the reader uses, for editors and for `schema policy`. Must
//! accept all that the reader accepts; what only a run can know it leaves to the reader.

use serde_json::{Map, Value, json};

use super::envelope::{ENVELOPE, NAME_OPTIONAL, NAME_REQUIRED};
use super::gate::{GATE, branches, has_source};
use super::parse::TOP;
use super::reader::{Field, Shape};
use super::variables::DECLARATION;
use crate::check::Kind;

/// The schema of policies whose checks are of `kinds`, JSON Schema draft 2020-12.
pub fn policy(kinds: &[&'static dyn Kind]) -> Value {
    let mut top = object(&[TOP]);
    top["properties"]["post_deployment_validation"] = gate(kinds);
    top["properties"]["variables"] = json!({
        "description": "the inputs of the policy; a plain scalar is a default",
        "type": ["object", "null"],
        "additionalProperties": { "anyOf": [scalar(), { "type": "null" }, object(&[DECLARATION])] },
    });
    top["patternProperties"] = json!({ "^x-": {} });
    top["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    top["title"] = "a rollgate policy".into();
    top
}

fn gate(kinds: &[&'static dyn Kind]) -> Value {
    let mut gate = object(&[GATE]);
    gate["description"] = "the gate: what is watched and what follows".into();
    for (word, section) in sections(kinds, 0) {
        gate["properties"][word] = section;
    }
    let able = kinds.iter().filter(|kind| !has_source(**kind) && !kind.identity().is_empty());
    let ways: Vec<Value> = able.map(|kind| object(&[kind.fields()])).collect();
    if !ways.is_empty() {
        gate["properties"]["control"]["anyOf"] = ways.into();
    }
    or_null(gate)
}

fn sections(kinds: &[&'static dyn Kind], depth: usize) -> Vec<(&'static str, Value)> {
    let section = |(word, below): (&'static str, Vec<&'static dyn Kind>)| {
        let here: Vec<Value> =
            below.iter().filter(|k| k.section().len() == depth + 1).map(|k| check(*k)).collect();
        if !here.is_empty() {
            return (word, json!({ "type": ["array", "null"], "items": { "anyOf": here } }));
        }
        let mut inner = object(&[]);
        for (word, section) in sections(&below, depth + 1) {
            inner["properties"][word] = section;
        }
        (word, or_null(inner))
    };
    branches(kinds, depth).into_iter().map(section).collect()
}

fn check(kind: &'static dyn Kind) -> Value {
    let name = if has_source(kind) { NAME_REQUIRED } else { NAME_OPTIONAL };
    let mut check = object(&[name, kind.fields(), ENVELOPE]);
    check["description"] = kind.summary().into();
    check
}

fn object(tables: &[&[Field]]) -> Value {
    let fields = || tables.iter().flat_map(|table| table.iter()).filter(|field| !field.later);
    let mut properties = Map::new();
    for field in fields() {
        let mut schema = shape(field.shape);
        schema["description"] = field.doc.into();
        properties.insert(field.key.to_owned(), schema);
    }
    let required: Vec<Value> =
        fields().filter(|field| field.required).map(|field| field.key.into()).collect();
    let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text | Shape::Scalar => scalar(),
        Shape::Number => or_template("number", r"^\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*$"),
        Shape::Flag => or_template("boolean", r"^\s*(true|false)\s*$"),
        Shape::Duration => json!({ "anyOf": [
            { "type": "string", "pattern": format!(r"^\s*0\s*$|^\s*[0-9]+\s*[a-z]|{TEMPLATE}") },
            { "const": 0 },
        ] }),
        Shape::OneOf(words) => json!({ "anyOf": [{ "enum": words }, template()] }),
        Shape::Texts => json!({ "anyOf": [
            { "type": "array", "items": scalar() },
            { "type": ["string", "number", "boolean", "null"] },
        ] }),
        Shape::TextMap => json!({ "type": ["object", "null"], "additionalProperties": scalar() }),
        Shape::Object(fields) => or_null(object(&[fields])),
        Shape::Objects(fields) => json!({ "anyOf": [
            { "type": ["array", "null"], "items": object(&[fields]) },
            object(&[fields]),
        ] }),
        Shape::ObjectMap(fields) => {
            json!({ "type": ["object", "null"], "additionalProperties": or_null(object(&[fields])) })
        }
        Shape::Any => json!({}),
    }
}

/// What a value that is known only when it is rendered contains; `${` is the environment, in integrations.
const TEMPLATE: &str = r"\{\{|\$\{";

fn template() -> Value {
    json!({ "type": "string", "pattern": TEMPLATE })
}

fn or_template(word: &str, written: &str) -> Value {
    json!({ "anyOf": [{ "type": word }, { "type": "string", "pattern": format!("{written}|{TEMPLATE}") }] })
}

fn scalar() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

fn or_null(mut object: Value) -> Value {
    object["type"] = json!(["object", "null"]);
    object
}
