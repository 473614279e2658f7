//! Reads mappings by a table of their fields: unknown keys, missing keys and wrong values are all reported, none
//! ends the reading. The same tables make the published schema. Must not know any mapping in particular.

pub use super::field::{Field, Rule, Shape};
use super::node::{Data, Node};
use super::problem::{Place, Problem, Problems, did_you_mean, listed};
use super::template::{Context, Template};
use super::value::{Scalar, Value};

/// A mapping being read.
pub struct Reader<'n, 'p> {
    entries: &'n [(super::node::Key, Node)],
    /// Where the mapping is.
    pub place: Place,
    tables: Vec<&'n [Field]>,
    /// Where faults go.
    pub problems: &'p mut Problems,
}

impl<'n, 'p> Reader<'n, 'p> {
    /// Begins to read `node`, `what` for messages, whose fields are in `tables`. `None` when it is no mapping.
    pub fn open(
        node: &'n Node,
        what: &str,
        tables: &[&'n [Field]],
        problems: &'p mut Problems,
    ) -> Option<Self> {
        let Data::Map(entries) = &node.data else {
            problems.push(Problem::at(
                node.place,
                format!("expected {what} (a mapping), found {}", node.found()),
            ));
            return None;
        };
        let fields = || tables.iter().flat_map(|table| table.iter());
        // A required key that is only misspelt is not missing as well.
        let mut meant: Vec<String> = Vec::new();
        for (key, value) in entries {
            match fields().find(|field| field.key == key.name) {
                Some(field) if field.later => {
                    let message = format!("`{}` is not supported yet", key.name);
                    problems.push(Problem::at(key.place, message).help("leave it out for now"));
                }
                Some(field) => {
                    if value.data == Data::Null && field.shape.is_scalar() && !field.required {
                        let message = format!("`{}` has no value", key.name);
                        problems
                            .push(Problem::at(key.place, message).help("write one, or leave the key out"));
                    }
                }
                None => {
                    let known: Vec<&str> = fields().filter(|f| !f.later).map(|f| f.key).collect();
                    let near = did_you_mean(&key.name, known.iter().copied());
                    meant.extend(near.clone());
                    let help = near.unwrap_or_else(|| format!("known here are {}", listed(known)));
                    let message = format!("`{}` is not a field of {what}", key.name);
                    problems.push(Problem::at(key.place, message).help(help));
                }
            }
        }
        for field in fields().filter(|field| field.required) {
            if meant.iter().any(|help| help.contains(&format!("`{}`", field.key))) {
                continue;
            }
            let written =
                |key: &str| entries.iter().any(|(k, value)| k.name == key && value.data != Data::Null);
            if field.unless.is_some_and(written) {
                continue;
            }
            let entry = entries.iter().find(|(key, _)| key.name == field.key);
            if entry.is_none_or(|(_, value)| value.data == Data::Null) {
                let place = entry.map_or(node.place, |(key, _)| key.place);
                problems.push(
                    Problem::at(place, format!("`{}` is missing in {what}", field.key))
                        .help(format!("`{}`: {}", field.key, field.doc)),
                );
            }
        }
        Some(Self { entries, place: node.place, tables: tables.to_vec(), problems })
    }

    /// Adds a fault at `place`.
    pub fn fault(&mut self, place: Place, message: impl Into<String>) {
        self.problems.push(Problem::at(place, message));
    }

    /// The place of `key`'s name, else of the mapping.
    pub fn key_place(&self, key: &str) -> Place {
        self.entries.iter().find(|(k, _)| k.name == key).map_or(self.place, |(k, _)| k.place)
    }

    /// The node of `key`; `null` counts as absent.
    pub fn node(&self, key: &str) -> Option<&'n Node> {
        debug_assert!(
            self.tables.iter().any(|table| table.iter().any(|field| field.key == key)),
            "`{key}` is read and in no table",
        );
        let (_, node) = self.entries.iter().find(|(k, _)| k.name == key)?;
        (node.data != Data::Null).then_some(node)
    }

    /// Whether `key` is there.
    pub fn has(&self, key: &str) -> bool {
        self.node(key).is_some()
    }

    /// A text that takes no template, such as a name.
    pub fn plain(&mut self, key: &str) -> Option<(String, Place)> {
        let node = self.node(key)?;
        match node.scalar() {
            Some(text) if text.contains("{{") => {
                self.fault(node.place, format!("expected a plain text for `{key}`, found a template"));
                None
            }
            Some(text) if text.trim().is_empty() => {
                self.fault(node.place, format!("expected a text for `{key}`, found an empty one"));
                None
            }
            Some(text) => Some((text.to_owned(), node.place)),
            None => self.expected(key, "a text"),
        }
    }

    /// A text that may hold tags and becomes a `context`.
    pub fn template(&mut self, key: &str, context: Context) -> Option<Template> {
        let node = self.node(key)?;
        compile(node, context, self.problems)
    }

    /// A typed scalar, or a quoted template of one.
    pub fn value<T: Scalar>(&mut self, key: &str) -> Option<Value<T>> {
        debug_assert!(
            self.tables.iter().copied().flatten().all(|field| field.key != key || field.shape.fits::<T>()),
            "`{key}` is read as {}, and its table says otherwise",
            T::EXPECTED,
        );
        let node = self.node(key)?;
        value(node, self.problems)
    }

    /// A scalar that takes no template and has a type.
    pub fn known<T: Scalar>(&mut self, key: &str) -> Option<T> {
        match self.value::<T>(key)? {
            Value::Known(value, _) => Some(value),
            Value::Later(template) => {
                self.fault(template.place, format!("expected {} for `{key}`, found a template", T::EXPECTED));
                None
            }
        }
    }

    /// One of a few words, paired with what each means; takes no template.
    pub fn word<T: Copy>(&mut self, key: &str, words: &[(&'static str, T)]) -> Option<T> {
        let node = self.node(key)?;
        let found = node.scalar().unwrap_or_default();
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == found) {
            return Some(*meaning);
        }
        let expected = words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        let near = did_you_mean(found, words.iter().map(|(word, _)| *word));
        let message = format!("expected {expected} for `{key}`, found {}", node.found());
        self.problems.push(Problem::at(node.place, message).maybe_help(near));
        None
    }

    /// The items of a list; a single scalar or mapping counts as a list of one.
    pub fn items(&mut self, key: &str) -> Vec<&'n Node> {
        match self.node(key) {
            None => Vec::new(),
            Some(Node { data: Data::List(items), .. }) => items.iter().collect(),
            Some(single) => vec![single],
        }
    }

    /// The items of what must be written as a list.
    pub fn list(&mut self, key: &str) -> Vec<&'n Node> {
        match self.node(key) {
            Some(node) if !matches!(node.data, Data::List(_)) => {
                self.expected::<()>(key, "a list");
                Vec::new()
            }
            _ => self.items(key),
        }
    }

    /// The entries of a mapping with names of the user's own, as templates of `context`.
    pub fn text_map(&mut self, key: &str, context: Context) -> Vec<(String, Template)> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Data::Map(entries) = &node.data else {
            self.expected::<()>(key, "a mapping");
            return Vec::new();
        };
        let problems = &mut *self.problems;
        entries.iter().filter_map(|(k, v)| Some((k.name.clone(), compile(v, context, problems)?))).collect()
    }

    /// Reports that `key` holds something else than `expected`.
    pub fn expected<T>(&mut self, key: &str, expected: &str) -> Option<T> {
        if let Some(node) = self.node(key) {
            self.problems.push(Problem::at(
                node.place,
                format!("expected {expected} for `{key}`, found {}", node.found()),
            ));
        }
        None
    }
}

/// A scalar node as a template of `context`.
pub fn compile(node: &Node, context: Context, problems: &mut Problems) -> Option<Template> {
    let Some(text) = node.scalar() else {
        problems.push(Problem::at(node.place, format!("expected a text, found {}", node.found())));
        return None;
    };
    match Template::compile(text, node.place, context) {
        Ok(template) => Some(template),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// A scalar node as a typed value.
pub fn value<T: Scalar>(node: &Node, problems: &mut Problems) -> Option<Value<T>> {
    let text = node.scalar().unwrap_or_default();
    if text.contains("{{") {
        return compile(node, Context::Text, problems).map(|template| Value::Later(Box::new(template)));
    }
    let read = node.scalar().and_then(|text| T::read(text.trim()));
    if read.is_none() {
        let message = format!("expected {}, found {}", T::EXPECTED, node.found());
        let near = did_you_mean(text, T::WORDS.iter().copied());
        problems.push(Problem::at(node.place, message).maybe_help(near));
    }
    read.map(|read| Value::Known(read, node.place))
}
