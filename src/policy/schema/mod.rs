//! The policy's JSON Schema, made of the same tables that the reader uses, for editors and for `schema policy`. Must
//! accept all that can run; what only the reader can know, such as PromQL, it leaves to it.
//!
//! It keeps to draft-07, which editors know best: the YAML language server and JetBrains' take newer drafts in part only.
//! `errorMessage`, `patternErrorMessage` and `doNotSuggest` are the language server's own; validators ignore them.

mod rules;
mod scalar;

use serde_json::{Map, Value, json};

use self::rules::add;
use self::scalar::Place;
use super::envelope::{ENVELOPE, NAME_OPTIONAL, NAME_REQUIRED};
use super::gate::{GATE, branches, has_source};
use super::parse::TOP;
use super::reader::{Field, Rule, Shape};
use super::variables::{DECLARATION, OWN, RULES as DECLARATION_RULES};
use crate::check::{CONTEXT, Kind};
use crate::policy::integration::{ENTRY, ENTRY_RULES};
use crate::rollback::{KIND, TriggerKind};

/// The schema of policies whose checks are of `kinds` and whose rollbacks are started by `triggers`.
pub fn policy(kinds: &[&'static dyn Kind], triggers: &[&'static dyn TriggerKind]) -> Value {
    let mut top = object(&[TOP], &[], Place::Policy);
    top["properties"]["post_deployment_validation"] = gate(kinds);
    top["properties"]["variables"] = variables();
    extend(&mut top["properties"]["deployment_triggers"]["properties"]["trigger"], one_or_more_triggers());
    for key in ["integrations", "integration_configs"] {
        refer(&mut top["properties"][key], key == "integrations");
    }
    top["patternProperties"] = json!({ "^x-": {} });
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "a rollgate policy",
        "description": "what the gate watches after a deployment, what fails it, and what follows",
    });
    extend(&mut schema, top);
    let mut definitions = Map::new();
    for kind in kinds {
        definitions.insert(name_of(*kind), check(*kind));
    }
    definitions.insert("trigger".to_owned(), trigger(triggers));
    definitions.insert("integration".to_owned(), integration());
    schema["definitions"] = definitions.into();
    schema
}

/// The name of the definition of checks of `kind`.
fn name_of(kind: &dyn Kind) -> String {
    format!("{}_check", kind.name())
}

fn reference(definition: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{definition}") })
}

fn extend(schema: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (schema.as_object_mut(), more) {
        into.extend(more);
    }
}

/// One trigger, or a list of at least one.
fn one_or_more_triggers() -> Value {
    json!({
        "if": { "type": "array" },
        "then": { "minItems": 1, "items": reference("trigger") },
        "else": { "if": { "not": { "type": "null" } }, "then": reference("trigger") },
    })
}

fn gate(kinds: &[&'static dyn Kind]) -> Value {
    let mut gate = object(&[GATE, CONTEXT], &[], Place::Policy);
    gate["description"] = "the gate: what is watched and what follows".into();
    for (word, section) in sections(kinds, 0) {
        gate["properties"][word] = section;
    }
    extend(&mut gate["properties"]["control"], control(kinds));
    extend(&mut gate["properties"]["rollback_policy"]["properties"]["trigger"], one_or_more_triggers());
    or_null(gate)
}

/// `control` is a check of the kind whose fields it has.
fn control(kinds: &[&'static dyn Kind]) -> Value {
    let able: Vec<&'static dyn Kind> =
        kinds.iter().copied().filter(|kind| !has_source(*kind) && !kind.identity().is_empty()).collect();
    let mut schema = json!({ "type": ["object", "null"] });
    let Some((last, others)) = able.split_last() else { return schema };
    let mut otherwise = object(&[last.fields()], last.rules(), Place::Policy);
    for kind in others.iter().rev() {
        let its_own: Vec<Value> = kind.identity().iter().map(|key| json!({ "required": [key] })).collect();
        otherwise = json!({
            "if": { "anyOf": its_own },
            "then": object(&[kind.fields()], kind.rules(), Place::Policy),
            "else": otherwise,
        });
    }
    // Nothing is wrong with what is not there.
    extend(&mut schema, json!({ "if": { "type": "object" }, "then": otherwise }));
    schema
}

fn sections(kinds: &[&'static dyn Kind], depth: usize) -> Vec<(&'static str, Value)> {
    let section = |(word, below): (&'static str, Vec<&'static dyn Kind>)| {
        let here: Vec<&dyn Kind> = below.iter().copied().filter(|k| k.section().len() == depth + 1).collect();
        if let [only] = here.as_slice() {
            let items = reference(&name_of(*only));
            let description = format!("a list of checks: {}", only.summary());
            return (word, json!({ "description": description, "type": ["array", "null"], "items": items }));
        }
        if !here.is_empty() {
            let ways: Vec<Value> = here.iter().map(|kind| reference(&name_of(*kind))).collect();
            return (word, json!({ "type": ["array", "null"], "items": { "anyOf": ways } }));
        }
        let mut inner = object(&[], &[], Place::Policy);
        for (word, section) in sections(&below, depth + 1) {
            inner["properties"][word] = section;
        }
        (word, or_null(inner))
    };
    branches(kinds, depth).into_iter().map(section).collect()
}

fn check(kind: &'static dyn Kind) -> Value {
    let name = if has_source(kind) { NAME_REQUIRED } else { NAME_OPTIONAL };
    let mut check = json!({ "description": kind.summary() });
    extend(&mut check, object(&[name, kind.fields(), ENVELOPE], kind.rules(), Place::Policy));
    check
}

/// A trigger: `kind` says which of its fields there are.
fn trigger(triggers: &[&'static dyn TriggerKind]) -> Value {
    let kinds: Vec<&str> = triggers.iter().map(|trigger| trigger.name()).collect();
    let summaries: Vec<&str> = triggers.iter().map(|trigger| trigger.summary()).collect();
    let mut base = object(&[KIND], &[], Place::Policy);
    base["additionalProperties"] = true.into();
    base["properties"]["kind"] =
        json!({ "description": "how the rollback is started", "enum": kinds, "enumDescriptions": summaries });
    let each = triggers.iter().map(|trigger| {
        let mut own = object(&[trigger.fields()], trigger.rules(), Place::Policy);
        own["description"] = trigger.summary().into();
        own["properties"]["kind"] = json!({});
        json!({
            "if": {
                "type": "object",
                "required": ["kind"],
                "properties": { "kind": { "const": trigger.name() } },
            },
            "then": own,
        })
    });
    base["allOf"] = each.collect();
    base["description"] = "what starts the rollback".into();
    base
}

fn integration() -> Value {
    or_null(object(&[ENTRY], ENTRY_RULES, Place::Integration))
}

/// Puts references where integrations stand.
fn refer(schema: &mut Value, by_name: bool) {
    let entries = json!({
        "type": ["object", "null"],
        "propertyNames": { "pattern": "^[^.=]+$", "errorMessage": "expected a name without `.` and `=`" },
        "additionalProperties": reference("integration"),
    });
    if by_name {
        extend(schema, entries);
    } else if let Some(groups) = schema["properties"].as_object_mut() {
        groups.values_mut().for_each(|group| extend(group, entries.clone()));
    }
}

/// Variables: what the gate sets itself can be described and has no default.
fn variables() -> Value {
    let declared = object(&[DECLARATION], DECLARATION_RULES, Place::Policy);
    let mut set_by_the_gate = declared.clone();
    if let Some(properties) = set_by_the_gate["properties"].as_object_mut() {
        properties.shift_remove("default");
    }
    let own = OWN.iter().map(|(name, _)| {
        let message = format!("`{name}` is set by the gate and takes no default");
        let none = json!({ "type": "null", "errorMessage": message });
        let schema = json!({ "if": { "type": "object" }, "then": set_by_the_gate, "else": none });
        ((*name).to_owned(), schema)
    });
    let own: Map<String, Value> = own.collect();
    let plain = scalar::of(Shape::Of(super::form::Form::PLAIN), Place::Policy);
    let described = TOP.iter().find(|field| field.key == "variables").map_or("", |field| field.doc);
    json!({
        "description": described,
        "type": ["object", "null"],
        "propertyNames": {
            // All but the ASCII characters that a name cannot have.
            "pattern": r"^[^\x00-,/:-@\[-^`{-\x7f]+$",
            "errorMessage": "names are made of letters, digits, `_`, `-` and `.`",
        },
        "properties": own,
        "additionalProperties": {
            "if": { "type": "object" },
            "then": declared,
            "else": { "if": { "not": { "type": "null" } }, "then": plain },
        },
    })
}

fn object(tables: &[&[Field]], rules: &[Rule], place: Place) -> Value {
    let fields = || tables.iter().flat_map(|table| table.iter()).filter(|field| !field.later);
    let mut properties = Map::new();
    for one in fields() {
        properties.insert(one.key.to_owned(), field(one, place));
    }
    let required: Vec<Value> = fields()
        .filter(|field| field.required && field.unless.is_none())
        .map(|field| field.key.into())
        .collect();
    let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    add(&mut object, rules);
    object
}

/// A field: what it is for, what it is where nothing is written, and what it takes.
fn field(field: &Field, place: Place) -> Value {
    let default = field.default.map(|default| format!("; default `{default}`"));
    let mut schema = json!({ "description": format!("{}{}", field.doc, default.unwrap_or_default()) });
    if let Some(default) = field.default {
        schema["default"] = scalar::literal(field.shape, default);
    }
    let shape = shape(field, place);
    // A key without a value is an absent one, but where it must be there or is a scalar.
    extend(
        &mut schema,
        if field.required && field.unless.is_none() { shape } else { nullable(field.shape, shape) },
    );
    schema
}

fn nullable(shape: Shape, schema: Value) -> Value {
    use Shape::{
        AnyMap, FlagOr, Headers, List, Object, ObjectMap, Objects, OneOrMore, Several, TextMap, Texts,
    };
    match shape {
        Object(_) | ObjectMap(_) | Objects(_) | TextMap | AnyMap | Headers | List(_) | FlagOr(_) => {
            or_null(schema)
        }
        Several(_) | Texts | OneOrMore(_) => json!({ "if": { "not": { "type": "null" } }, "then": schema }),
        _ => schema,
    }
}

fn shape(field: &Field, place: Place) -> Value {
    let text = || scalar::of(Shape::Text, place);
    match field.shape {
        Shape::Several(form) => json!({
            "if": { "type": "array" },
            "then": { "minItems": 1, "items": scalar::of(Shape::Of(form), place) },
            "else": scalar::of(Shape::Of(form), place),
        }),
        Shape::List(form) => {
            json!({ "type": "array", "minItems": 1, "items": scalar::of(Shape::Of(form), place) })
        }
        Shape::Texts => {
            json!({ "if": { "type": "array" }, "then": { "items": text() }, "else": text() })
        }
        Shape::TextMap => json!({ "type": "object", "additionalProperties": text() }),
        Shape::AnyMap => json!({ "type": "object" }),
        Shape::Headers => json!({
            "type": "object",
            "propertyNames": {
                "pattern": "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$",
                "errorMessage": "expected the name of a header",
            },
            "additionalProperties": text(),
        }),
        Shape::Object(fields) => object(&[fields], field.rules, place),
        Shape::FlagOr(fields) => {
            let flag = scalar::of(Shape::Flag, place);
            let mut schema = object(&[fields], field.rules, place);
            schema["type"] = json!(["boolean", "object", "string"]);
            schema["pattern"] = flag["pattern"].clone();
            schema["patternErrorMessage"] = flag["errorMessage"].clone();
            schema
        }
        Shape::Objects(fields) => {
            json!({ "type": "array", "items": object(&[fields], field.rules, place) })
        }
        Shape::OneOrMore(fields) => {
            let one = object(&[fields], field.rules, place);
            json!({ "if": { "type": "array" }, "then": { "items": one }, "else": one })
        }
        Shape::ObjectMap(fields) => {
            let each = or_null(object(&[fields], field.rules, place));
            json!({ "type": "object", "additionalProperties": each })
        }
        Shape::Literal => json!({ "type": ["string", "number", "boolean", "null"] }),
        Shape::Any => json!({}),
        shape => scalar::of(shape, place),
    }
}

fn or_null(mut schema: Value) -> Value {
    let mut types: Vec<Value> = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => return schema,
        only => vec![only.clone()],
    };
    if !types.contains(&json!("null")) {
        types.push("null".into());
    }
    schema["type"] = types.into();
    schema
}
