//! How fields go together, for the schema. Must word what an editor shows as the reader would.

use serde_json::{Map, Value, json};

use super::scalar::either;
use crate::policy::problem::listed;
use crate::policy::reader::Rule;

/// Adds `rules` to the schema of a mapping.
pub(super) fn add(object: &mut Value, rules: &[Rule]) {
    let all: Vec<Value> = rules.iter().flat_map(rule).collect();
    if !all.is_empty() {
        object["allOf"] = all.into();
    }
}

fn rule(rule: &Rule) -> Vec<Value> {
    match *rule {
        Rule::All(keys) => {
            let message = format!("expected {}", listed(keys.iter().copied()));
            vec![json!({ "required": keys, "errorMessage": message })]
        }
        Rule::None(keys) => {
            keys.iter().map(|key| without(key, &format!("`{key}` does not belong here"))).collect()
        }
        Rule::Some(keys) => {
            let message = match keys {
                [_, _] => format!("expected {}", either(keys)),
                _ => format!("expected at least one of {}", listed(keys.iter().copied())),
            };
            let ways: Vec<Value> =
                keys.iter().map(|key| json!({ "required": [key], "errorMessage": message })).collect();
            vec![json!({ "anyOf": ways })]
        }
        Rule::Single(keys) => {
            let pairs = keys
                .iter()
                .enumerate()
                .flat_map(|(at, one)| keys[..at].iter().map(move |other| (one, other)));
            let single = |(one, other): (&&str, &&str)| {
                let message = format!("expected `{other}` or `{one}`, found both");
                json!({ "if": { "required": [other] }, "then": without(one, &message) })
            };
            pairs.map(single).collect()
        }
        Rule::Beside(one, other) => {
            let message = format!("expected `{other}` beside `{one}`, found none");
            vec![
                json!({ "if": { "required": [one] }, "then": { "required": [other], "errorMessage": message } }),
            ]
        }
        Rule::Where(key, word, rules) => {
            let mut words = vec![json!(word)];
            words.extend(word.parse::<bool>().ok().map(Value::from));
            let mut properties = Map::new();
            properties.insert(key.to_owned(), json!({ "enum": words }));
            let mut then = json!({});
            add(&mut then, rules);
            vec![json!({ "if": { "required": [key], "properties": properties }, "then": then })]
        }
        Rule::With(key, rules) => {
            let mut then = json!({});
            add(&mut then, rules);
            vec![json!({ "if": { "required": [key] }, "then": then })]
        }
        Rule::Without(key, rules) => {
            let mut otherwise = json!({});
            add(&mut otherwise, rules);
            vec![json!({ "if": { "required": [key] }, "else": otherwise })]
        }
    }
}

fn without(key: &str, message: &str) -> Value {
    let mut properties = Map::new();
    properties.insert(key.to_owned(), Value::Bool(false));
    json!({ "properties": properties, "errorMessage": message })
}
