//! What a policy hands to what it starts: mappings with templates, whose values may name what only firing knows, the
//! deployment that is rolled back and the once-only id. Must not send anything.

use serde_json::{Map, Value};

use super::TriggerCx;
use crate::event::{Event, OWN};
use crate::policy::node::{Data, Node};
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::{Reader, compile};
use crate::policy::template::{Context, Scope, Template};

/// The variable that says what is rolled back: the version, else the id.
const ROLLBACK_OF: &str = "rollback_of";

/// The variable that holds the once-only id.
const ROLLBACK_ID: &str = "rollback_id";

/// Mappings within mappings that are followed.
const DEEPEST: usize = 16;

/// A mapping as it is written.
#[derive(Debug)]
pub(super) struct Written {
    /// Where, else where the trigger is.
    pub(super) place: Place,
    entries: Vec<(String, Tree)>,
}

#[derive(Debug, Clone)]
enum Tree {
    Text(Template),
    Known(Value),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Written {
    /// Reads the mapping `key`, each of whose values is sent as a text. `None` after reporting what is wrong with it.
    pub(super) fn texts(body: &mut Reader<'_, '_>, key: &'static str) -> Option<Self> {
        Self::read(body, key, |node, problems| compile(node, Context::Text, problems).map(Tree::Text))
    }

    /// Reads the mapping `key`, whose values are sent as the JSON that they are: a number stays one.
    pub(super) fn json(body: &mut Reader<'_, '_>, key: &'static str) -> Option<Self> {
        Self::read(body, key, |node, problems| tree(node, DEEPEST, problems))
    }

    fn read(
        body: &mut Reader<'_, '_>,
        key: &'static str,
        each: impl Fn(&Node, &mut Problems) -> Option<Tree>,
    ) -> Option<Self> {
        let Some(node) = body.node(key) else {
            return Some(Self { place: body.place, entries: Vec::new() });
        };
        let Data::Map(written) = &node.data else { return body.expected(key, "a mapping") };
        let read: Vec<(String, Tree)> = written
            .iter()
            .filter_map(|(name, value)| Some((name.name.clone(), each(value, body.problems)?)))
            .collect();
        (read.len() == written.len()).then_some(Self { place: node.place, entries: read })
    }

    /// Reports each that rollgate hands over itself.
    pub(super) fn keep_off_own(&self, problems: &mut Problems) {
        for name in self.names().filter(|name| OWN.contains(name)) {
            let message = format!("`{name}` is set by rollgate itself");
            problems.push(Problem::at(self.place, message).needle(name));
        }
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The values as they are handed over once it is known what is rolled back.
    ///
    /// # Errors
    /// A variable that is not defined.
    pub(super) fn render(&self, cx: &TriggerCx<'_>) -> Result<Values, Problem> {
        // One that the policy's author has declared stays theirs.
        let own = |name: &'static str| cx.scope.get(name).is_none().then_some(name);
        let open: Vec<&'static str> = [ROLLBACK_OF, ROLLBACK_ID].into_iter().filter_map(own).collect();
        let mut tried = cx.scope.clone();
        open.iter().for_each(|name| tried.set(name, name));
        let filled = self.entries.iter().map(|(name, tree)| Ok((name.clone(), tree.fill(&tried)?)));
        let tried = Value::Object(filled.collect::<Result<_, Problem>>()?).to_string();
        Ok(Values { entries: self.entries.clone(), scope: cx.scope.clone(), open, tried })
    }
}

/// `node` with templates in its texts, and `room` for mappings within it.
fn tree(node: &Node, room: usize, problems: &mut Problems) -> Option<Tree> {
    if room == 0 {
        problems
            .push(Problem::at(node.place, "expected a shallower value, found one that is nested too deeply"));
        return None;
    }
    Some(match &node.data {
        Data::Null => Tree::Known(Value::Null),
        Data::Bool(value) => Tree::Known(Value::Bool(*value)),
        Data::Number(text) => Tree::Known(number(text)),
        Data::Text(_) => Tree::Text(compile(node, Context::Text, problems)?),
        Data::List(items) => {
            let read: Vec<Tree> = items.iter().filter_map(|item| tree(item, room - 1, problems)).collect();
            (read.len() == items.len()).then_some(Tree::List(read))?
        }
        Data::Map(entries) => {
            let read: Vec<(String, Tree)> = entries
                .iter()
                .filter_map(|(key, value)| Some((key.name.clone(), tree(value, room - 1, problems)?)))
                .collect();
            (read.len() == entries.len()).then_some(Tree::Map(read))?
        }
    })
}

/// A number as JSON has it; one that JSON cannot hold with all its digits stays as it is written.
fn number(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) if number.is_f64() == text.contains(['.', 'e', 'E']) => {
            Value::Number(number)
        }
        _ => Value::String(text.to_owned()),
    }
}

impl Tree {
    fn fill(&self, scope: &Scope) -> Result<Value, Problem> {
        Ok(match self {
            Self::Text(template) => Value::String(template.render(scope)?),
            Self::Known(value) => value.clone(),
            Self::List(items) => {
                Value::Array(items.iter().map(|item| item.fill(scope)).collect::<Result<_, _>>()?)
            }
            Self::Map(entries) => {
                let filled = entries.iter().map(|(key, tree)| Ok((key.clone(), tree.fill(scope)?)));
                Value::Object(filled.collect::<Result<_, Problem>>()?)
            }
        })
    }
}

/// A mapping, known but for what only firing knows.
#[derive(Debug)]
pub(super) struct Values {
    entries: Vec<(String, Tree)>,
    scope: Scope,
    open: Vec<&'static str>,
    /// The JSON of it with words for what only firing knows.
    tried: String,
}

impl Values {
    /// Bytes of it as JSON, but for what only firing knows.
    pub(super) const fn bytes(&self) -> usize {
        self.tried.len()
    }

    /// Characters of the same.
    pub(super) fn characters(&self) -> usize {
        self.tried.chars().count()
    }

    /// The values for `event`, as JSON.
    ///
    /// # Errors
    /// Nothing that was not told when they were rendered.
    pub(super) fn json(&self, event: &Event) -> Result<Map<String, Value>, String> {
        let mut scope = self.scope.clone();
        for name in &self.open {
            scope.set(name, if *name == ROLLBACK_OF { &event.rollback_of } else { &event.id });
        }
        let filled = self.entries.iter().map(|(name, tree)| Ok((name.clone(), tree.fill(&scope)?)));
        filled.collect::<Result<_, Problem>>().map_err(|problem| problem.message)
    }

    /// The values as texts before it is known what is rolled back: the names of what only firing knows stand for it.
    pub(super) fn before(&self) -> Vec<(String, String)> {
        let mut scope = self.scope.clone();
        self.open.iter().for_each(|name| scope.set(name, name));
        let text = |tree: &Tree| match tree.fill(&scope) {
            Ok(Value::String(text)) => text,
            Ok(other) => other.to_string(),
            // It was filled once already, when it was rendered.
            Err(problem) => problem.message,
        };
        self.entries.iter().map(|(name, tree)| (name.clone(), text(tree))).collect()
    }

    /// The values for `event`, as texts, in the order in which they are written.
    ///
    /// # Errors
    /// Nothing that was not told when they were rendered.
    pub(super) fn texts(&self, event: &Event) -> Result<Vec<(String, String)>, String> {
        let mut filled = self.json(event)?;
        let text = |value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let each = |(name, _): &(String, Tree)| Some((name.clone(), text(filled.remove(name)?)));
        Ok(self.entries.iter().filter_map(each).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollback::testing::{Answer, once};

    #[tokio::test]
    async fn values_stay_what_they_are() {
        let yaml = "kind: gitlab\napi_url: https://h/api/v4\nproject: a/b\nref: main\nprivate_token_ref: hook-secret\ninputs:\n  numbers: [1, -2.50, 1e3, 123456789012345678901, 1.10]\n  text: \"\\\"}],\\u202e{{odd}}\\n@everyone\\u200b\\\\\"\n  nothing: null\n";
        let (_, http) = once(yaml, &[Answer::Status(201, "{\"id\":1}")]).await;
        let sent = http.requests().iter().rfind(|request| !request.body.is_empty()).unwrap().body.clone();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        let text = "\"}],\u{202e}a\"&b=c\n@everyone\u{200b}\\";
        assert_eq!((sent["inputs"]["text"].as_str(), &sent["inputs"]["nothing"]), (Some(text), &Value::Null));
        let written = sent["inputs"]["numbers"].to_string();
        assert_eq!(written, "[1,-2.5,1000.0,\"123456789012345678901\",1.1]");
    }

    #[tokio::test]
    async fn what_only_firing_knows_is_filled_in_then() {
        let yaml = "kind: gitlab\napi_url: https://h/api/v4\nproject: a/b\nref: main\ntoken_ref: hook-secret\nvariables: {A: \"{{upper rollback_of}}-{{rollback_id}}\"}\n";
        let (action, http) = once(yaml, &[Answer::Status(201, "{\"id\":1}")]).await;
        let body = http.requests()[0].body.clone();
        let sent: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
        let expected = ("variables[A]".to_owned(), format!("1.4.0-{}", action.id.unwrap()));
        assert_eq!(sent.last(), Some(&expected));
    }
}
