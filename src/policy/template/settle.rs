//! A template as far as it is known: values stand where there are some, the tags of the rest stay as they are written,
//! for showing a policy to people before a run. Must not be taken for a rendering: what is shown is never asked.

use std::ops::Range;

use super::helper::Helper;
use super::read::{Expression, Part};
use super::scope::Scope;
use super::{Context, ELAPSED, Template, fit};

impl Template {
    /// The template with the values of `scope` in it, and what it has no value for, or none that fits, still as tags.
    #[must_use]
    pub fn settled(&self, scope: &Scope) -> Self {
        let mut settling =
            Settling { of: self, scope, text: String::new(), before: String::new(), parts: Vec::new() };
        settling.all(&self.parts);
        let Settling { text, parts, .. } = settling;
        Self { text, place: self.place, context: self.context, parts }
    }

    /// Whether nothing is left to fill in.
    pub fn is_settled(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Literal(..)))
    }

    /// The variables without which it cannot be rendered, in the order of the text; those with a default of their own
    /// are none of them.
    pub fn needs(&self) -> Vec<&str> {
        let mut names = Vec::new();
        needed(&self.parts, &mut names);
        names
    }
}

fn needed<'p>(parts: &'p [Part], names: &mut Vec<&'p str>) {
    fn of<'p>(expression: &'p Expression, names: &mut Vec<&'p str>) {
        match expression {
            Expression::Variable(name) => names.push(name),
            Expression::Literal(_) => {}
            Expression::Call(Helper::Default, args) => {
                let optional = matches!(args.first(), Some(Expression::Variable(_)));
                args.iter().skip(usize::from(optional)).for_each(|arg| of(arg, names));
            }
            Expression::Call(_, args) => args.iter().for_each(|arg| of(arg, names)),
        }
    }
    for part in parts {
        match part {
            Part::Literal(..) => {}
            Part::Tag(expression, _) => of(expression, names),
            Part::If { condition, then, otherwise } => {
                names.push(condition);
                needed(then, names);
                needed(otherwise, names);
            }
        }
    }
}

struct Settling<'t> {
    of: &'t Template,
    scope: &'t Scope,
    text: String,
    /// The text with a letter for every tag that stays: what values are fitted behind.
    before: String,
    parts: Vec<Part>,
}

impl Settling<'_> {
    fn all(&mut self, parts: &[Part]) {
        for (index, part) in parts.iter().enumerate() {
            match part {
                Part::Literal(text, _) => self.literal(text),
                Part::Tag(expression, place) => {
                    let next = match parts.get(index + 1) {
                        Some(Part::Literal(text, _)) => text,
                        Some(_) => "{{",
                        None => "",
                    };
                    match self.value(expression, next) {
                        Some(value) => self.literal(&value),
                        None => self.tag(expression, place),
                    }
                }
                Part::If { condition, then, otherwise } => self.choice(condition, then, otherwise),
            }
        }
    }

    /// What stands for a tag, if all of it is known and fits.
    fn value(&self, expression: &Expression, next: &str) -> Option<String> {
        let changes = self.of.context == Context::Query;
        if changes && names_elapsed(expression) {
            return None;
        }
        let value = self.of.evaluate(expression, self.scope).ok()?;
        if matches!(expression, Expression::Call(Helper::Json, _)) && self.of.context == Context::Json {
            return Some(value);
        }
        fit::fit(self.of.context, &self.before, &value, next).ok()
    }

    fn literal(&mut self, text: &str) {
        let start = narrow(self.text.len());
        self.text.push_str(text);
        self.before.push_str(text);
        self.parts.push(Part::Literal(text.to_owned(), Some(start)));
    }

    fn tag(&mut self, expression: &Expression, place: &Range<u32>) {
        let written = self.of.text.get(place.start as usize..place.end as usize).unwrap_or("{{…}}");
        let start = narrow(self.text.len());
        self.text.push_str(written);
        self.before.push('x');
        self.parts.push(Part::Tag(expression.clone(), start..narrow(self.text.len())));
    }

    /// A block: the branch that is known to hold, or all of it.
    fn choice(&mut self, condition: &str, then: &[Part], otherwise: &[Part]) {
        if let Ok(value) = self.of.value(condition, self.scope) {
            let holds = !matches!(value.trim(), "" | "false" | "0");
            return self.all(if holds { then } else { otherwise });
        }
        let outer = std::mem::take(&mut self.parts);
        self.text.push_str(&format!("{{{{#if {condition}}}}}"));
        self.all(then);
        let then = std::mem::take(&mut self.parts);
        if !otherwise.is_empty() {
            self.text.push_str("{{else}}");
            self.all(otherwise);
        }
        let otherwise = std::mem::replace(&mut self.parts, outer);
        self.text.push_str("{{/if}}");
        self.parts.push(Part::If { condition: condition.to_owned(), then, otherwise });
    }
}

fn names_elapsed(expression: &Expression) -> bool {
    match expression {
        Expression::Variable(name) => name == ELAPSED,
        Expression::Literal(_) => false,
        Expression::Call(_, args) => args.iter().any(names_elapsed),
    }
}

fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::problem::Place;

    fn settled(text: &str, context: Context, set: &[(&str, &str)]) -> Template {
        let mut scope = Scope::default();
        for (name, value) in set {
            scope.set(name, value);
        }
        let template = Template::compile(text, Place { source: 0, start: 0, end: 0 }, context).unwrap();
        template.settled(&scope)
    }

    #[test]
    fn what_is_not_known_stays_a_tag() {
        for (text, set, shown) in [
            (r#"up{job="{{a}}"}"#, &[][..], r#"up{job="{{a}}"}"#),
            (r#"up{job="{{a}}",x="{{b}}"}"#, &[("b", "1\"")], r#"up{job="{{a}}",x="1\""}"#),
            (r#"x{a="{{default a "y"}}", b="{{b}}"}"#, &[("b", "z")], r#"x{a="y", b="z"}"#),
            ("rate(x[{{elapsed}}])", &[("elapsed", "5m")], "rate(x[{{elapsed}}])"),
            ("rate(x[{{range}}])", &[("range", "a) or (b")], "rate(x[{{range}}])"),
            ("{{#if a}}x{{else}}y{{/if}}", &[], "{{#if a}}x{{else}}y{{/if}}"),
            ("{{#unless a}}{{b}}{{/unless}}", &[("b", "1")], "{{#if a}}{{else}}1{{/if}}"),
            ("{{#if a}}x{{else}}y{{/if}}", &[("a", "true")], "x"),
        ] {
            let settled = settled(text, Context::Query, set);
            assert_eq!(settled.text, shown, "{text}");
            assert_eq!(settled.is_settled(), !shown.contains("{{"), "{text}");
            // What stays reads as it did.
            let again = Template::compile(shown, settled.place, Context::Query).unwrap();
            assert_eq!(again.skeleton(true).text, settled.skeleton(true).text, "{text}");
        }
        let url = settled("http://{{host}}/{{path}}", Context::Url, &[("path", "a b")]);
        assert_eq!(url.text, "http://{{host}}/a%20b");
    }

    #[test]
    fn a_variable_with_a_default_is_not_needed() {
        let template =
            settled("{{a}}{{default b c}}{{default (upper d) 'x'}}{{#if e}}{{f}}{{/if}}", Context::Text, &[]);
        assert_eq!(template.needs(), ["a", "c", "d", "e", "f"]);
    }
}
