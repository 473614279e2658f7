//! How a scalar may be written, beside what it is read as: for the published schema, which must take every way of writing
//! that the reader takes. Must not read anything; [`super::value::Scalar`] does.

/// How a scalar may be written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Form {
    /// What is expected: an article and a noun, with an example where it helps.
    pub expected: &'static str,
    /// The words it can be, where there are only a few.
    pub words: &'static [&'static str],
    /// The numbers it can be without quotes.
    pub number: Option<Numbers>,
    /// Whether it can be `true` or `false` without quotes.
    pub flag: bool,
    /// What its characters match, blanks at both ends aside; none for every text.
    pub pattern: Option<&'static str>,
    /// Whether it can be a quoted template.
    pub template: bool,
}

/// Numbers that fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Numbers {
    /// Whether they are whole.
    pub whole: bool,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// Whether the smallest is none of them.
    pub above: bool,
}

/// Any number.
const EVERY: Numbers = Numbers { whole: false, least: f64::NEG_INFINITY, most: f64::INFINITY, above: false };

impl Form {
    /// Any scalar at all.
    pub const TEXT: Self = Self::of("a text");

    /// A text with a character that is no blank.
    pub const FILLED: Self =
        Self { pattern: Some(r"[\s\S]*\S[\s\S]*"), ..Self::of("a text that is not empty") };

    /// A text with a character, a blank or not.
    pub const SOME: Self = Self { pattern: Some(r"[\s\S]+"), ..Self::of("a text that is not empty") };

    /// The same without a tag: what is known by its name must not depend on a variable.
    pub const NAME: Self = Self {
        pattern: Some(r"(?![\s\S]*\{\{)[\s\S]*\S[\s\S]*"),
        template: false,
        ..Self::of("a text that is not empty, without a template")
    };

    /// Any scalar without a tag.
    pub const PLAIN: Self = Self {
        pattern: Some(r"(?![\s\S]*\{\{)[\s\S]*"),
        template: false,
        ..Self::of("a text without a template")
    };

    /// An address of the web.
    pub const WEB: Self = Self {
        number: None,
        flag: false,
        pattern: Some(r"[hH][tT][tT][pP][sS]?:[\s\S]+"),
        ..Self::of("a URL like `http://host:port/path`")
    };

    /// Any scalar, said to be `expected`.
    pub const fn of(expected: &'static str) -> Self {
        Self { expected, words: &[], number: Some(EVERY), flag: true, pattern: None, template: true }
    }

    /// A text whose characters match `pattern`.
    pub const fn matching(expected: &'static str, pattern: &'static str) -> Self {
        Self { number: None, flag: false, pattern: Some(pattern), ..Self::of(expected) }
    }

    /// One of `words`.
    pub const fn words(expected: &'static str, words: &'static [&'static str]) -> Self {
        Self { words, number: None, flag: false, ..Self::of(expected) }
    }

    /// A number from `least` to `most`; quoted, its characters match `pattern`.
    pub const fn number(expected: &'static str, pattern: &'static str, least: f64, most: f64) -> Self {
        let number = Some(Numbers { whole: false, least, most, above: false });
        Self { number, flag: false, pattern: Some(pattern), ..Self::of(expected) }
    }

    /// A whole number from `least` to `most`.
    pub const fn whole(expected: &'static str, least: f64, most: f64) -> Self {
        let number = Some(Numbers { whole: true, least, most, above: false });
        Self { number, flag: false, pattern: Some("[0-9]+"), ..Self::of(expected) }
    }

    /// The same with another `pattern` for what is quoted.
    #[must_use]
    pub const fn quoted(mut self, pattern: &'static str) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// The same without its smallest number.
    #[must_use]
    pub const fn above_least(mut self) -> Self {
        if let Some(number) = &mut self.number {
            number.above = true;
        }
        self
    }

    /// The same where no variable is known yet.
    #[must_use]
    pub const fn untemplated(mut self) -> Self {
        self.template = false;
        self
    }
}
