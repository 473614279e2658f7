//! A policy's text with other defaults for its variables: what `init` writes. Every byte that is not such a default
//! stays as it is, and a value can never become anything but that value. Must not ask, read files or render.

use std::collections::BTreeMap;

use super::node::{self, Data, Node};
use super::problem::{Place, Problem, Problems};
use super::variables::{Declaration, Declared};

/// A policy's text and the variables in it that can be filled in.
#[derive(Debug)]
pub struct Form<'t> {
    text: &'t str,
    blanks: Vec<Blank>,
    secrets: Vec<String>,
}

/// A variable that can be filled in.
#[derive(Debug)]
pub struct Blank {
    /// What the policy says of it.
    pub declaration: Declaration,
    /// What a value takes the place of.
    place: Place,
    /// What stands before the value there.
    key: &'static str,
}

impl<'t> Form<'t> {
    /// Reads `text`.
    ///
    /// # Errors
    /// What is wrong with it as YAML, or with its variables.
    pub fn read(text: &'t str) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let node = node::read(0, text, &mut problems);
        let variables = node.as_ref().and_then(|node| node.get("variables"));
        let declared = variables.map(|node| Declared::read(node, &mut problems)).unwrap_or_default();
        if problems.any_fault() {
            return Err(problems);
        }
        let blank = |declaration: Declaration| {
            let (place, key) = room(variables?.get(declaration.name())?)?;
            Some(Blank { declaration, place, key })
        };
        let blanks = declared.into_iter().filter_map(blank).collect();
        let mut secrets = Vec::new();
        if let Some(node) = &node {
            references(node, &mut secrets);
        }
        Ok(Self { text, blanks, secrets })
    }

    /// The variables that can be filled in, in the policy's order.
    pub fn blanks(&self) -> &[Blank] {
        &self.blanks
    }

    /// The secrets that the policy names, each once.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// The text with `values` as the defaults of their variables.
    pub fn fill(&self, values: &BTreeMap<String, String>) -> String {
        let given = self.blanks.iter().filter_map(|b| Some((b, values.get(b.declaration.name())?)));
        let mut edits: Vec<(Place, String)> =
            given.map(|(blank, value)| (blank.place, format!("{}{}", blank.key, scalar(value)))).collect();
        edits.sort_by_key(|(place, _)| *place);
        let mut filled = String::with_capacity(self.text.len() + 64);
        let mut done = 0;
        for (place, written) in edits {
            let range = place.range();
            filled.push_str(&self.text[done..range.start]);
            filled.push_str(&written);
            done = range.end;
        }
        filled.push_str(&self.text[done..]);
        filled
    }
}

impl Blank {
    /// Why `value` cannot be this variable's, if it cannot.
    pub fn refuses(&self, value: &str) -> Option<Problem> {
        let name = self.declaration.name();
        if value.contains("{{") {
            let message = format!("expected plain text for `{name}`, found a template");
            return Some(Problem::nowhere(message).help("variables cannot name other variables"));
        }
        self.declaration.refuses(value).map(Problem::nowhere)
    }
}

/// Where a default stands in a declaration, or may stand instead of `required`, and what it needs before it there.
fn room(declaration: &Node) -> Option<(Place, &'static str)> {
    let Data::Map(entries) = &declaration.data else {
        return declaration.scalar().map(|_| (declaration.place, ""));
    };
    let entry = |name: &str| entries.iter().find(|(key, _)| key.name == name);
    if let Some((_, value)) = entry("default") {
        return Some((value.place, ""));
    }
    let (key, value) = entry("required")?;
    Some((Place { end: value.place.end, ..key.place }, "default: "))
}

/// The values of all keys that end in `_ref`.
fn references(node: &Node, found: &mut Vec<String>) {
    match &node.data {
        Data::List(items) => items.iter().for_each(|item| references(item, found)),
        Data::Map(entries) => {
            for (key, value) in entries {
                match value.scalar().filter(|_| key.name.ends_with("_ref")) {
                    Some(name) if found.iter().all(|known| known != name) => found.push(name.to_owned()),
                    Some(_) => {}
                    None => references(value, found),
                }
            }
        }
        Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => {}
    }
}

/// `value` as a YAML scalar on one line, which reads as `value` in every place: plain where it is a number or a
/// duration, else in double quotes.
fn scalar(value: &str) -> String {
    let digits = value.trim_start_matches(|c: char| c.is_ascii_digit());
    let fraction = digits.strip_prefix('.').map(|f| f.trim_start_matches(|c: char| c.is_ascii_digit()));
    let number = digits.len() < value.len() && !value.ends_with('.');
    if number && matches!(fraction.unwrap_or(digits), "" | "s" | "m" | "h" | "d") {
        return value.to_owned();
    }
    quoted(value)
}

/// `value` as a YAML scalar in double quotes, on one line.
pub fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            // What YAML does not count as printable, and what an editor would not show.
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packs::PACKS;

    fn filled(text: &str, values: &[(&str, &str)]) -> String {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Form::read(text).unwrap().fill(&values)
    }

    #[test]
    fn only_defaults_change() {
        let text = "# é\nvariables:\n  a: {required: true, pattern: 'x.*'} # a\n  b:\n    required: true\n  c: 1 # c\n  d: \
                    {default: \"q\", description: d}\n  e: {pattern: y}\nx-y: [default]\n";
        let values = [("a", "x: #"), ("b", "2"), ("c", "1.5"), ("d", "3m"), ("e", "y")];
        let expected = "# é\nvariables:\n  a: {default: \"x: #\", pattern: 'x.*'} # a\n  b:\n    default: 2\n  c: 1.5 # c\n  d: \
                        {default: 3m, description: d}\n  e: {pattern: y}\nx-y: [default]\n";
        assert_eq!(filled(text, &values), expected);
        assert_eq!(filled(text, &[]), text);
    }

    #[test]
    fn a_pack_names_its_variables_and_secrets() {
        for pack in PACKS {
            let form = Form::read(pack.text).unwrap();
            assert_eq!(form.secrets(), ["rollback-webhook-secret"], "{}", pack.name);
            assert!(form.blanks().iter().any(|b| b.declaration.name() == "rollback_url"), "{}", pack.name);
        }
        let form = Form::read(PACKS[1].text).unwrap();
        let url = form.blanks().iter().find(|b| b.declaration.name() == "rollback_url").unwrap();
        assert!(url.refuses("ftp://x").unwrap().message.contains("found `ftp://x`"));
        assert!(url.refuses("https://x/{{y}}").unwrap().message.contains("found a template"));
        assert!(url.refuses("https://x/y").is_none());
    }

    proptest! {
        #[test]
        fn any_value_is_read_as_itself(value in "\\PC{0,12}|[\\x00-\\x1f\"'\\\\:#{}, ]{0,12}|[0-9.]{1,6}[smhde]?|.{0,12}") {
            let pack = PACKS[2];
            let form = Form::read(pack.text).unwrap();
            let names: Vec<&str> = form.blanks().iter().map(|b| b.declaration.name()).collect();
            let values: BTreeMap<String, String> =
                names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            let text = form.fill(&values);
            prop_assert_eq!(text.lines().count(), pack.text.lines().count());
            let node = node::parse(0, &text).unwrap();
            for name in names {
                let written = node.get("variables").unwrap().get(name).unwrap().get("default").unwrap();
                prop_assert_eq!(written.scalar(), Some(value.as_str()), "{}", text);
            }
        }
    }
}
