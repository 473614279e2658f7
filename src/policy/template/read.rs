//! Template text to parts, each with the bytes it is written in. The grammar is handlebars' own; only the places are
//! found here, by going through the tags in step with it. Must not render.

use std::ops::Range;

use handlebars::template::{HelperTemplate, Parameter, Template as Parsed, TemplateElement};

use super::helper::{HELPERS, Helper};

/// A part of a template.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Text as it stands; where it stands, if it is written as it reads.
    Literal(String, Option<u32>),
    /// A tag that a value takes the place of.
    Tag(Expression, Range<u32>),
    /// `{{#if name}}…{{else}}…{{/if}}`; `unless` has its branches the other way round.
    If { condition: String, then: Vec<Self>, otherwise: Vec<Self> },
}

/// What stands in a tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Expression {
    Variable(String),
    Literal(String),
    Call(Helper, Vec<Self>),
}

/// What cannot be read: the characters it is about, what is wrong, and what to do.
pub(super) struct Unread {
    pub(super) needle: String,
    pub(super) message: String,
    pub(super) help: String,
}

/// The parts of `text`.
pub(super) fn read(text: &str) -> Result<Vec<Part>, Unread> {
    if !text.contains("{{") {
        return Ok(vec![Part::Literal(text.to_owned(), Some(0))]);
    }
    // The library calls itself for each, and a stack is not endless.
    let blocks =
        ["{{#", "{{^", "{{~#", "{{~^", "else"].iter().map(|open| text.matches(open).count()).sum::<usize>();
    if blocks > MAX_BLOCKS || text.split("{{").any(too_deep) {
        return Err(refused(
            "{{",
            "expected fewer blocks and helpers in one text",
            "put the choice into variables",
        ));
    }
    let parsed = Parsed::compile(text).map_err(|_| Unread {
        needle: String::new(),
        message: format!("expected `{{{{name}}}}` tags, found `{}`", crate::policy::node::shorten(text)),
        help:
            "close every `{{` with `}}` and every block with its end; write `\\{{` for braces that are meant"
                .to_owned(),
    })?;
    Reader { text, at: 0 }.parts(&parsed.elements, 0)
}

/// Blocks of one text, and helpers within helpers of one tag, beyond which it is refused.
const MAX_BLOCKS: usize = 32;

/// Whether a tag, which ends with its `}}`, has helpers within helpers beyond the limit.
fn too_deep(tag: &str) -> bool {
    let inner = tag.split("}}").next().unwrap_or_default();
    inner.matches('(').count() > MAX_BLOCKS
}

/// Blocks within blocks beyond which a template is refused.
const MAX_DEPTH: usize = 8;

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn parts(&mut self, elements: &[TemplateElement], depth: usize) -> Result<Vec<Part>, Unread> {
        if depth > MAX_DEPTH {
            return Err(refused(
                "{{#",
                "expected fewer blocks within blocks",
                "put the choice into variables",
            ));
        }
        let mut parts = Vec::with_capacity(elements.len());
        for element in elements {
            match element {
                TemplateElement::RawString(literal) => {
                    let start = self.literal(literal);
                    parts.push(Part::Literal(literal.clone(), start));
                }
                TemplateElement::Comment(_) => {
                    self.tag();
                }
                TemplateElement::HtmlExpression(_) => {
                    return Err(refused(
                        "{{{",
                        "`{{{name}}}` would put a value in unescaped, which is refused",
                        "write `{{name}}`",
                    ));
                }
                TemplateElement::Expression(tag) => {
                    let place = self.tag();
                    parts.push(Part::Tag(expression(tag)?, place));
                }
                TemplateElement::HelperBlock(block) => parts.push(self.block(block, depth)?),
                _ => {
                    return Err(refused(
                        "{{",
                        "expected a variable like `{{name}}`, found another tag",
                        KNOWN,
                    ));
                }
            }
        }
        Ok(parts)
    }

    fn block(&mut self, block: &HelperTemplate, depth: usize) -> Result<Part, Unread> {
        self.tag();
        let word = block.name.as_name().unwrap_or_default();
        let condition = match &*block.params {
            [name] if name.as_name().is_some_and(is_variable) => {
                name.as_name().unwrap_or_default().to_owned()
            }
            _ => {
                return Err(refused(
                    "{{#",
                    "expected the name of one variable after `#if`, found more",
                    KNOWN,
                ));
            }
        };
        if !matches!(word, "if" | "unless") {
            let message = format!("expected `#if` or `#unless`, found `#{word}`");
            return Err(Unread { needle: format!("{{{{#{word}"), message, help: KNOWN.to_owned() });
        }
        let branch = |reader: &mut Self, template: Option<&Parsed>| match template {
            Some(template) => reader.parts(&template.elements, depth + 1),
            None => Ok(Vec::new()),
        };
        let then = branch(self, block.template.as_ref())?;
        let mut otherwise = Vec::new();
        if let Some(inverse) = &block.inverse {
            // `{{else if name}}` opens the block that it leads to, and the outer end closes both.
            let chained = matches!(&*inverse.elements, [TemplateElement::HelperBlock(inner)] if inner.chain);
            if !chained {
                self.tag();
            }
            otherwise = branch(self, block.inverse.as_ref())?;
        }
        if !block.chain {
            self.tag();
        }
        let (then, otherwise) = if word == "if" { (then, otherwise) } else { (otherwise, then) };
        Ok(Part::If { condition, then, otherwise })
    }

    /// Where `literal` stands, if it is written as it reads; the reader is behind it then.
    fn literal(&mut self, literal: &str) -> Option<u32> {
        let rest = &self.text[self.at..];
        let start = rest.find(literal).map(|found| self.at + found)?;
        // Before it there may be blanks that a `~` took away, and nothing else.
        if !self.text[self.at..start].trim().is_empty() {
            return None;
        }
        self.at = start + literal.len();
        u32::try_from(start).ok()
    }

    /// Where the next tag stands; the reader is behind it then.
    fn tag(&mut self) -> Range<u32> {
        let rest = &self.text[self.at..];
        let mut start = rest.find("{{").unwrap_or(rest.len());
        // An escaped tag is text, and has been passed with it where it is written as it reads.
        while start < rest.len() && rest[..start].ends_with('\\') {
            start = rest[start + 2..].find("{{").map_or(rest.len(), |more| start + 2 + more);
        }
        let inner = &rest[start..];
        let comment = inner.starts_with("{{!--") || inner.starts_with("{{~!--");
        let length = if comment {
            inner.find("--").and_then(|open| Some(open + 2 + inner[open + 2..].find("--")? + 2))
        } else {
            Some(0)
        };
        let skipped = length.unwrap_or_default();
        let end = closing(&inner[skipped..]).map_or(inner.len(), |end| skipped + end);
        let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let place = narrow(self.at + start)..narrow(self.at + start + end);
        self.at += start + end;
        place
    }
}

/// One past the `}}` that closes, strings left out.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), b'\\') => {
                bytes.next();
            }
            (None, b'}') if text[at..].starts_with("}}") => return Some(at + 2),
            _ => {}
        }
    }
    None
}

const KNOWN: &str = "tags are `{{name}}`, `{{#if name}}…{{else}}…{{/if}}`, `{{#unless name}}`, and the helpers `regex`, \
                     `default`, `upper`, `lower`, `trim`, `json` and `duration`";

fn refused(needle: &str, message: &str, help: &str) -> Unread {
    Unread { needle: needle.to_owned(), message: message.to_owned(), help: help.to_owned() }
}

fn expression(tag: &HelperTemplate) -> Result<Expression, Unread> {
    let name = tag.name.as_name().unwrap_or_default();
    if !tag.hash.is_empty() || tag.block_param.is_some() {
        return Err(refused(name, "expected a tag without `key=value`", KNOWN));
    }
    if tag.params.is_empty() {
        return match &tag.name {
            name if name.as_name().is_some_and(is_variable) => {
                Ok(Expression::Variable(name.as_name().unwrap_or_default().to_owned()))
            }
            _ => Err(refused("{{", "expected a variable like `{{name}}`, found another tag", KNOWN)),
        };
    }
    call(name, &tag.params)
}

fn call(name: &str, params: &[Parameter]) -> Result<Expression, Unread> {
    let Some((_, helper, wanted)) = HELPERS.iter().find(|(known, ..)| *known == name) else {
        let near = crate::policy::problem::did_you_mean(name, HELPERS.iter().map(|(known, ..)| *known));
        let help = near.map_or_else(|| KNOWN.to_owned(), |near| format!("{near} {KNOWN}"));
        return Err(Unread {
            needle: name.to_owned(),
            message: format!("there is no helper `{name}`"),
            help,
        });
    };
    if params.len() != *wanted {
        let message = format!(
            "expected {wanted} argument{} for `{name}`, found {}",
            if *wanted == 1 { "" } else { "s" },
            params.len()
        );
        return Err(Unread { needle: name.to_owned(), message, help: KNOWN.to_owned() });
    }
    let args = params.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
    Ok(Expression::Call(*helper, args))
}

fn argument(param: &Parameter) -> Result<Expression, Unread> {
    match param {
        Parameter::Literal(value) => Ok(Expression::Literal(match value {
            handlebars::JsonValue::String(text) => text.clone(),
            other => other.to_string(),
        })),
        Parameter::Subexpression(inner) => match &*inner.element {
            TemplateElement::Expression(tag) | TemplateElement::HtmlExpression(tag) => {
                call(tag.name.as_name().unwrap_or_default(), &tag.params)
            }
            _ => Err(refused("(", "expected a helper in parentheses, found another tag", KNOWN)),
        },
        name => match name.as_name().filter(|name| is_variable(name)) {
            Some(name) => Ok(Expression::Variable(name.to_owned())),
            None => {
                Err(refused("{{", "expected a variable or a text in quotes, found another argument", KNOWN))
            }
        },
    }
}

pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
