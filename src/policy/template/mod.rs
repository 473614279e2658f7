//! A scalar with `{{name}}` tags (handlebars, strict), and what a value may do where it stands: a value can never
//! change the meaning of what it is put into. Must stay apart from `String`: a template has no `Display`.

mod fit;
mod helper;
mod read;
mod scope;
mod settle;
mod skeleton;

use super::problem::{Place, Problem, did_you_mean, listed};
use helper::Helper;
use read::{Expression, Part, Unread};

pub use scope::Scope;
pub use skeleton::Skeleton;

/// The variable that a query may use and that changes from tick to tick.
pub const ELAPSED: &str = "elapsed";

/// What a template renders to, which decides how values are escaped or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Text that nothing parses: values stand as they are.
    Text,
    /// A query: escaped inside a string literal; a number, duration or name elsewhere.
    Query,
    /// A URL: percent-encoded by part.
    Url,
    /// A header's value: no control characters.
    Header,
    /// JSON text: escaped inside a string; one value elsewhere.
    Json,
}

/// A text, and the parts it is made of with the byte at which each begins.
type Filled<'t> = (String, Vec<(usize, &'t Part)>);

/// An unrendered scalar.
#[derive(Debug, Clone)]
pub struct Template {
    /// The characters, tags and all.
    pub text: String,
    /// Where they are written.
    pub place: Place,
    context: Context,
    parts: Vec<Part>,
}

impl Template {
    /// Reads `text`, which stands at `place` and becomes a `context`.
    ///
    /// # Errors
    /// A tag that is not closed, and one that is no variable, no known helper and no `if`.
    pub fn compile(text: &str, place: Place, context: Context) -> Result<Self, Problem> {
        let told = |unread: Unread| {
            let problem = Problem::at(place, unread.message).help(unread.help);
            if unread.needle.is_empty() { problem } else { problem.needle(&unread.needle) }
        };
        let mut parts = read::read(text).map_err(told)?;
        if context == Context::Query && text.contains(|c| crate::promql::lexer::HOLES.contains(&c)) {
            return Err(Problem::at(
                place,
                "expected a query without characters of the private use area, found one",
            ));
        }
        parts.shrink_to_fit();
        Ok(Self { text: text.to_owned(), place, context, parts })
    }

    /// The variables it names, in the order of the text.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let mut names = Vec::new();
        collect(&self.parts, &mut names);
        names.into_iter()
    }

    /// Whether it differs from tick to tick.
    pub fn changes(&self) -> bool {
        self.context == Context::Query && self.variables().any(|name| name == ELAPSED)
    }

    /// The text for `scope`.
    ///
    /// # Errors
    /// An undefined variable, or a value that cannot stand where its tag stands.
    pub fn render(&self, scope: &Scope) -> Result<String, Problem> {
        self.render_literals(scope, |literal| Ok(literal.to_owned()))
    }

    /// The text for `scope`, with each stretch between tags passed through `literal` first.
    ///
    /// # Errors
    /// As [`Template::render`], and whatever `literal` answers.
    pub fn render_literals(
        &self,
        scope: &Scope,
        literal: impl Fn(&str) -> Result<String, Problem>,
    ) -> Result<String, Problem> {
        self.filled(scope, literal).map(|(text, _)| text)
    }

    /// The text for `scope`, and where its stretches come from.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn traced(&self, scope: &Scope) -> Result<Skeleton, Problem> {
        let (text, parts) = self.filled(scope, |literal| Ok(literal.to_owned()))?;
        Ok(Skeleton::traced(text, &parts))
    }

    /// The text for `scope`, and its parts with the byte at which each begins.
    fn filled(
        &self,
        scope: &Scope,
        literal: impl Fn(&str) -> Result<String, Problem>,
    ) -> Result<Filled<'_>, Problem> {
        let mut chosen = Vec::new();
        self.choose(&self.parts, scope, &mut chosen)?;
        let mut text = String::new();
        let mut places = Vec::with_capacity(chosen.len());
        for (index, part) in chosen.iter().enumerate() {
            places.push((text.len(), *part));
            match part {
                Part::Literal(stretch, _) => text.push_str(&literal(stretch)?),
                Part::Tag(expression, place) => {
                    let value = self.evaluate(expression, scope)?;
                    // JSON that is made on purpose is not made a string's inside again.
                    let whole = matches!(expression, Expression::Call(Helper::Json, _));
                    let next = match chosen.get(index + 1) {
                        Some(Part::Literal(stretch, _)) => stretch.as_str(),
                        Some(_) => "{{",
                        None => "",
                    };
                    let fitted = match fit::fit(self.context, &text, &value, next) {
                        Ok(fitted) if !(whole && self.context == Context::Json) => fitted,
                        Ok(fitted) if fitted == value => fitted,
                        Ok(_) => {
                            return Err(self.unfit(
                                "`{{json name}}` outside the quotes of a string",
                                &value,
                                place,
                            ));
                        }
                        Err(_) if whole && self.context == Context::Json => value,
                        Err(expected) => return Err(self.unfit(expected, &value, place)),
                    };
                    text.push_str(&fitted);
                }
                Part::If { .. } => {}
            }
        }
        if self.context == Context::Query && chosen.iter().any(|part| matches!(part, Part::Tag(..))) {
            self.compare(&chosen, &text)?;
        }
        Ok((text, places))
    }

    /// What a rendered query must be, beside all that each value was fitted to: the same query but for its values.
    fn compare(&self, chosen: &[&Part], rendered: &str) -> Result<(), Problem> {
        let skeleton = Skeleton::of(chosen);
        crate::promql::structure::filled(&skeleton.text, rendered).map_err(|span| {
            let found = rendered.get(span.range()).unwrap_or_default();
            let message = format!(
                "expected values that leave the query as it is, found `{}` where they stand",
                super::node::shorten(found)
            );
            let expected = crate::promql::structure::EXPECTED;
            Problem::at(self.place, message).help(format!("outside a string, a value is {expected}"))
        })
    }

    /// The parts that apply for `scope`, blocks resolved.
    fn choose<'p>(
        &self,
        parts: &'p [Part],
        scope: &Scope,
        chosen: &mut Vec<&'p Part>,
    ) -> Result<(), Problem> {
        for part in parts {
            match part {
                Part::If { condition, then, otherwise, .. } => {
                    let value = self.value(condition, scope)?;
                    let holds = !matches!(value.trim(), "" | "false" | "0");
                    self.choose(if holds { then } else { otherwise }, scope, chosen)?;
                }
                other => chosen.push(other),
            }
        }
        Ok(())
    }

    fn evaluate(&self, expression: &Expression, scope: &Scope) -> Result<String, Problem> {
        match expression {
            Expression::Variable(name) => self.value(name, scope),
            Expression::Literal(text) => Ok(text.clone()),
            Expression::Call(helper, args) => {
                let [first, rest @ ..] = &**args else { return Ok(String::new()) };
                let value = match (helper, first, rest.first()) {
                    (Helper::Default, Expression::Variable(name), Some(fallback)) => {
                        match scope
                            .value(name, self.context == Context::Query)
                            .filter(|value| !value.is_empty())
                        {
                            Some(value) => value,
                            None => self.evaluate(fallback, scope)?,
                        }
                    }
                    (Helper::Default, first, Some(fallback)) => match self.evaluate(first, scope)? {
                        value if value.is_empty() => self.evaluate(fallback, scope)?,
                        value => value,
                    },
                    _ => self.evaluate(first, scope)?,
                };
                helper.apply(value.clone()).map_err(|expected| self.unfit(expected, &value, &(0..0)))
            }
        }
    }

    fn value(&self, name: &str, scope: &Scope) -> Result<String, Problem> {
        if let Some(value) = scope.value(name, self.context == Context::Query) {
            return Ok(value);
        }
        if name == ELAPSED {
            return Err(self.problem(name, "`elapsed` is known in queries only"));
        }
        let known = listed(scope.names());
        let near = did_you_mean(name, scope.names());
        let near = near.map(|near| format!("{near} ")).unwrap_or_default();
        Err(self
            .problem(name, format!("the variable `{name}` is not defined"))
            .help(format!("{near}pass `--set {name}=VALUE`; defined are: {known}")))
    }

    /// The problem of a value that cannot stand where its tag does.
    fn unfit(&self, expected: &str, value: &str, tag: &std::ops::Range<u32>) -> Problem {
        let shown = super::node::shorten(value);
        let written = self.text.get(tag.start as usize..tag.end as usize).unwrap_or_default();
        let of = if written.is_empty() { String::new() } else { format!(" for `{written}`") };
        let problem = Problem::at(self.place, format!("expected {expected}, found `{shown}`{of}"));
        if written.is_empty() {
            return problem;
        }
        problem.inside(&self.text, std::iter::once(tag.clone()).collect())
    }

    /// A problem whose caret is on `needle` inside this template, where the source shows it.
    fn problem(&self, needle: &str, message: impl Into<String>) -> Problem {
        Problem::at(self.place, message).needle(needle)
    }

    /// The text with a hole for each tag, blocks resolved one way: with the conditions holding, or not.
    pub fn skeleton(&self, holds: bool) -> Skeleton {
        let mut chosen = Vec::new();
        fn choose<'p>(parts: &'p [Part], holds: bool, chosen: &mut Vec<&'p Part>) {
            for part in parts {
                match part {
                    Part::If { then, otherwise, .. } => {
                        choose(if holds { then } else { otherwise }, holds, chosen)
                    }
                    other => chosen.push(other),
                }
            }
        }
        choose(&self.parts, holds, &mut chosen);
        Skeleton::of(&chosen)
    }

    /// Whether it has blocks, so that its text may be one or the other.
    pub fn has_blocks(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::If { .. }))
    }
}

fn collect<'p>(parts: &'p [Part], names: &mut Vec<&'p str>) {
    fn expression<'p>(one: &'p Expression, names: &mut Vec<&'p str>) {
        match one {
            Expression::Variable(name) => names.push(name),
            Expression::Literal(_) => {}
            Expression::Call(_, args) => args.iter().for_each(|arg| expression(arg, names)),
        }
    }
    for part in parts {
        match part {
            Part::Literal(..) => {}
            Part::Tag(one, _) => expression(one, names),
            Part::If { condition, then, otherwise, .. } => {
                names.push(condition);
                collect(then, names);
                collect(otherwise, names);
            }
        }
    }
}

#[cfg(test)]
mod tests;
