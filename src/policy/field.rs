//! The tables that mappings are described by: which fields there are, what each holds, how they go together. The reader
//! and the published schema are made of the same tables. Must not read anything, and must not know any mapping.

use super::form::Form;
use super::value::Scalar;

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Text.
    Text,
    /// A number, or a quoted template.
    Number,
    /// `true` or `false`, or a quoted template.
    Flag,
    /// A duration like `30s`.
    Duration,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Text or a number, of which nothing more is said.
    Scalar,
    /// A scalar of this form; made by [`Shape::of`] of the type it is read as.
    Of(Form),
    /// A scalar of this form, or a list of at least one.
    Several(Form),
    /// A list of at least one scalar of this form.
    List(Form),
    /// A list of texts.
    Texts,
    /// A mapping of names to texts.
    TextMap,
    /// A mapping of names to whatever is meant by them.
    AnyMap,
    /// A mapping of headers to their values.
    Headers,
    /// A mapping with these fields.
    Object(&'static [Field]),
    /// `true`, `false`, or a mapping with these fields.
    FlagOr(&'static [Field]),
    /// A list of mappings with these fields.
    Objects(&'static [Field]),
    /// A mapping with these fields, or a list of them.
    OneOrMore(&'static [Field]),
    /// A mapping of any names to mappings with these fields.
    ObjectMap(&'static [Field]),
    /// A scalar, or nothing, which is a value too.
    Literal,
    /// Whatever the reader makes of it.
    Any,
}

impl Shape {
    /// A scalar that is read as a `T`.
    pub const fn of<T: Scalar>() -> Self {
        Self::Of(T::FORM)
    }

    /// How it is written, where it is a scalar of which something is said.
    pub const fn form(self) -> Option<Form> {
        match self {
            Self::Number => Some(<f64 as Scalar>::FORM),
            Self::Flag => Some(<bool as Scalar>::FORM),
            Self::Duration => Some(<std::time::Duration as Scalar>::FORM),
            Self::OneOf(words) => Some(Form::words("", words)),
            Self::Of(form) => Some(form),
            _ => None,
        }
    }

    /// Whether a key without a value is a mistake rather than an empty list or mapping.
    pub(super) const fn is_scalar(self) -> bool {
        use Shape::{Duration, Flag, Number, Of, OneOf, Scalar, Text};
        matches!(self, Text | Number | Flag | Duration | OneOf(_) | Scalar | Of(_))
    }

    /// Whether the schema lets a value be written as a `T` is: what is read as another type than the table says would
    /// be published wrong.
    pub(super) fn fits<T: Scalar>(self) -> bool {
        match self {
            Self::OneOf(words) => words == T::FORM.words,
            shape => shape.form().is_none_or(|form| form.untemplated() == T::FORM.untemplated()),
        }
    }
}

/// A field of a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its key.
    pub key: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// What it means, in one sentence without a final period.
    pub doc: &'static str,
    /// Its value where none is written, as it would be written.
    pub default: Option<&'static str>,
    /// Whether it must be there.
    pub required: bool,
    /// The key beside which it need not be there after all.
    pub unless: Option<&'static str>,
    /// Whether it is a word of the format that this version cannot honour.
    pub later: bool,
    /// How the fields of the mapping that it holds go together.
    pub rules: &'static [Rule],
}

impl Field {
    /// A field that may be there.
    pub const fn new(key: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { key, shape, doc, default: None, required: false, unless: None, later: false, rules: &[] }
    }

    /// A field that must be there.
    pub const fn required(key: &'static str, shape: Shape, doc: &'static str) -> Self {
        let mut field = Self::new(key, shape, doc);
        field.required = true;
        field
    }

    /// The same, which need not be there beside `key`.
    #[must_use]
    pub const fn unless(mut self, key: &'static str) -> Self {
        self.unless = Some(key);
        self
    }

    /// A word of the format that is refused as not supported yet.
    pub const fn later(key: &'static str) -> Self {
        let mut field = Self::new(key, Shape::Any, "");
        field.later = true;
        field
    }

    /// The same with the value that it has where none is written, as it would be written.
    #[must_use]
    pub const fn default(mut self, written: &'static str) -> Self {
        self.default = Some(written);
        self
    }

    /// The same with the rules of the mapping that it holds.
    #[must_use]
    pub const fn rules(mut self, rules: &'static [Rule]) -> Self {
        self.rules = rules;
        self
    }
}

/// How fields of a mapping go together, for the schema; who reads the mapping says it in words of its own.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// All of these are there.
    All(&'static [&'static str]),
    /// None of these is there.
    None(&'static [&'static str]),
    /// At least one of these is there.
    Some(&'static [&'static str]),
    /// Not more than one of these is there.
    Single(&'static [&'static str]),
    /// The first is there only beside the second.
    Beside(&'static str, &'static str),
    /// Where the field says the word, these rules hold.
    Where(&'static str, &'static str, &'static [Self]),
    /// Where the field is there, these rules hold.
    With(&'static str, &'static [Self]),
    /// Where the field is not there, these rules hold.
    Without(&'static str, &'static [Self]),
}
