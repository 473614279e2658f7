//! Cuts a query into tokens, as Prometheus does: what a name may hold depends on the brackets it stands in. Must not
//! know the grammar.

use super::ast::{BinaryOp, Span};
use super::error::Error;
use super::token::{Keyword, Kind, Token};

/// The characters that stand for the tags of a template, in the order of the tags; no query means anything else by
/// them.
pub const HOLES: std::ops::RangeInclusive<char> = '\u{e000}'..='\u{f8ff}';

/// The tokens of `text`, the last of them [`Kind::End`]. With `holes`, the characters of [`HOLES`] are parts of
/// words. An unclosed string ends the text.
pub fn tokens(text: &str, holes: bool) -> (Vec<Token>, Vec<Error>) {
    let mut lexer =
        Lexer { text, at: 0, holes, tokens: Vec::with_capacity(text.len() / 3 + 2), errors: Vec::new() };
    lexer.run();
    (lexer.tokens, lexer.errors)
}

/// The comments of `text`, in order.
pub fn comments(text: &str, holes: bool) -> Vec<&str> {
    let (tokens, _) = tokens(text, holes);
    let mut found = Vec::new();
    let mut end = 0;
    for token in tokens {
        let between = text.get(end..token.span.start as usize).unwrap_or_default();
        found.extend(between.lines().filter_map(|line| Some(line[line.find('#')?..].trim_end())));
        end = token.span.end as usize;
    }
    found
}

/// `text` on one line, without its comments; what cannot be cut into tokens keeps its blanks.
pub fn one_line(text: &str, holes: bool) -> String {
    let (tokens, errors) = tokens(text, holes);
    if !text.contains(['\n', '\r']) || !errors.is_empty() {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len());
    let mut end = 0;
    for token in tokens {
        if end > 0 && token.span.start > end && token.kind != Kind::End {
            // Indentation after an opening bracket and before a closing one is layout.
            let before = line.ends_with(['(', '[', '{']);
            let closes = matches!(token.kind, Kind::RightParen | Kind::RightBracket | Kind::RightBrace);
            line.push_str(if before || closes { "" } else { " " });
        }
        line.push_str(text.get(token.span.range()).unwrap_or_default());
        end = token.span.end;
    }
    line
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    holes: bool,
    tokens: Vec<Token>,
    errors: Vec<Error>,
}

/// What brackets the lexer is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Braces,
    Brackets,
}

impl Lexer<'_> {
    fn run(&mut self) {
        let mut inside = Inside::Nothing;
        while let Some(byte) = self.byte(0) {
            let start = self.at;
            if self.in_word(inside) {
                let kind = self.hole(inside).unwrap_or_else(|| self.word_or_number(byte, inside));
                self.push(kind, start);
                continue;
            }
            let (kind, length) = match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {
                    self.at += 1;
                    continue;
                }
                b'#' => {
                    if self.tokens.last().is_some_and(|last| last.kind == Kind::LeftBracket) {
                        self.errors.push(super::mistakes::comment_before_range(span(start, start + 1)));
                    }
                    self.at += self.rest().find(['\n', '\r']).unwrap_or_else(|| self.rest().len());
                    continue;
                }
                b'"' | b'\'' | b'`' => {
                    self.string(byte);
                    continue;
                }
                b'{' => (Kind::LeftBrace, 1),
                b'}' => (Kind::RightBrace, 1),
                b'[' => (Kind::LeftBracket, 1),
                b']' => (Kind::RightBracket, 1),
                b'(' => (Kind::LeftParen, 1),
                b')' => (Kind::RightParen, 1),
                b',' => (Kind::Comma, 1),
                b':' => (Kind::Colon, 1),
                b'@' => (Kind::At, 1),
                _ => self.signs(byte, inside),
            };
            match kind {
                Kind::LeftBrace => inside = Inside::Braces,
                Kind::LeftBracket => inside = Inside::Brackets,
                Kind::RightBrace | Kind::RightBracket => inside = Inside::Nothing,
                _ => {}
            }
            self.at += length;
            self.push(kind, start);
        }
        self.push(Kind::End, self.at);
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn is(&self, set: &[u8]) -> bool {
        self.byte(0).is_some_and(|byte| set.contains(&byte))
    }

    fn accept(&mut self, set: &[u8]) -> bool {
        let found = self.is(set);
        self.at += usize::from(found);
        found
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token { kind, span: span(start, self.at) });
    }

    fn in_word(&self, inside: Inside) -> bool {
        match self.byte(0) {
            Some(b':') => inside == Inside::Nothing,
            Some(b'.') => self.byte(1).is_some_and(|next| next.is_ascii_digit()) || self.hole_at(self.at + 1),
            Some(byte) => byte.is_ascii_alphanumeric() || byte == b'_' || self.hole_at(self.at),
            None => false,
        }
    }

    fn hole_at(&self, at: usize) -> bool {
        let next = || self.text.get(at..).and_then(|rest| rest.chars().next());
        self.holes && next().is_some_and(|c| HOLES.contains(&c))
    }

    /// The word here, if a tag is part of it.
    fn hole(&mut self, inside: Inside) -> Option<Kind> {
        if !self.holes {
            return None;
        }
        let in_word = |c: char| {
            c.is_ascii_alphanumeric()
                || matches!(c, '_' | '.')
                || (c == ':' && inside == Inside::Nothing)
                || HOLES.contains(&c)
        };
        let length = self.rest().find(|c| !in_word(c)).unwrap_or_else(|| self.rest().len());
        if !self.rest()[..length].contains(|c| HOLES.contains(&c)) {
            return None;
        }
        self.at += length;
        Some(Kind::Hole)
    }

    fn word_or_number(&mut self, byte: u8, inside: Inside) -> Kind {
        if byte.is_ascii_digit() || byte == b'.' {
            return self.number();
        }
        let colons = inside == Inside::Nothing;
        let in_word = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_' || (colons && *c == b':');
        let start = self.at;
        self.at += self.rest().bytes().take_while(in_word).count();
        let word = &self.text[start..self.at];
        if word.contains(':') {
            return Kind::MetricWord;
        }
        if inside == Inside::Braces {
            return Kind::Word;
        }
        if word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("nan") {
            return Kind::Number;
        }
        Keyword::of(word).map_or(Kind::Word, Kind::Keyword)
    }

    /// A number, else a duration; what is neither is reported, and everything up to its end is taken for a number.
    fn number(&mut self) -> Kind {
        let start = self.at;
        if self.scan_number() {
            return Kind::Number;
        }
        if self.scan_duration() {
            return Kind::Duration;
        }
        let odd = |c: char| !(c.is_alphanumeric() || c == '_' || c == '.');
        self.at += self.rest().find(odd).unwrap_or_else(|| self.rest().len());
        let text = &self.text[start..self.at];
        self.errors.push(super::mistakes::bad_number(text, span(start, self.at)));
        Kind::Number
    }

    /// Numbers as Prometheus scans them, its quirks included: `0x1F`, `1_000`, `.5`, `1e3`.
    fn scan_number(&mut self) -> bool {
        let mut digits: &[u8] = b"0123456789";
        if self.byte(0) == Some(b'0') && matches!(self.byte(1), Some(b'x' | b'X')) {
            self.at += 2;
            self.accept(b"_");
            digits = b"0123456789abcdefABCDEF";
        }
        let hexadecimal = digits.len() > 10;
        self.accept(b".");
        self.accept(digits);
        let (mut dot, mut exponent) = (false, false);
        while self.is(digits) || self.is(b"._eE") {
            if self.is(b".") && dot || self.is(b"eE") && exponent {
                self.at += 1;
                return false;
            }
            if self.accept(b".") {
                dot = true;
                if self.accept(b"_.") || hexadecimal {
                    return false;
                }
            } else if self.accept(b"eE") {
                exponent = true;
                self.accept(b"+-");
                if self.accept(b"._eE") || self.byte(0).is_none() {
                    return false;
                }
            } else if self.accept(b"_") {
                if self.accept(b"._eE") || self.byte(0).is_none() {
                    return false;
                }
            } else {
                while self.accept(digits) {}
            }
        }
        !self.byte(0).is_some_and(|next| next.is_ascii_alphanumeric() || next == b'_')
    }

    /// What makes a duration of the number before it.
    fn scan_duration(&mut self) -> bool {
        if !self.accept(b"smhdwy") {
            return false;
        }
        self.accept(b"s");
        while self.accept(b"0123456789") {
            while self.accept(b"0123456789") {}
            if !self.accept(b"smhdw") {
                return false;
            }
            self.accept(b"s");
        }
        !self.byte(0).is_some_and(|next| next.is_ascii_alphanumeric() || next == b'_')
    }

    fn string(&mut self, quote: u8) {
        let start = self.at;
        let raw = quote == b'`';
        let mut bytes = self.text.as_bytes()[start + 1..].iter().enumerate();
        let end = loop {
            match bytes.next() {
                Some((at, byte)) if *byte == quote => break Some(start + 1 + at + 1),
                Some((_, b'\\')) if !raw => {
                    bytes.next();
                }
                Some((_, b'\n')) if !raw => break None,
                Some(_) => {}
                None => break None,
            }
        };
        if let Some(end) = end {
            self.at = end;
            self.push(Kind::Text, start);
            return;
        }
        // Whatever follows stands in a string that nobody closed: there is no telling what it is.
        self.errors.push(super::mistakes::unterminated(self.text, start, raw));
        self.at = self.text.len();
    }

    /// Operators, and what is mistaken for one.
    fn signs(&mut self, byte: u8, inside: Inside) -> (Kind, usize) {
        use BinaryOp::{
            Add, Div, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Mod, Mul, NotEqual, Pow, Sub,
        };
        let rest = self.rest();
        if inside != Inside::Braces {
            let mistaken = ["===", "!==", "&&", "||", "=>", "=<", "<>", "**"];
            if let Some(odd) = mistaken.iter().find(|odd| rest.starts_with(**odd)) {
                return (Kind::Odd, odd.len());
            }
        }
        match (byte, self.byte(1)) {
            (b'=', Some(b'=')) => (Kind::Op(Equal), 2),
            (b'=', Some(b'~')) => (Kind::RegexEqual, 2),
            (b'=', _) => (Kind::Assign, 1),
            (b'!', Some(b'=')) => (Kind::Op(NotEqual), 2),
            (b'!', Some(b'~')) => (Kind::RegexNotEqual, 2),
            (b'<', Some(b'=')) => (Kind::Op(LessOrEqual), 2),
            (b'<', Some(b'/')) => (Kind::Op(BinaryOp::TrimUpper), 2),
            (b'<', _) => (Kind::Op(Less), 1),
            (b'>', Some(b'=')) => (Kind::Op(GreaterOrEqual), 2),
            (b'>', Some(b'/')) => (Kind::Op(BinaryOp::TrimLower), 2),
            (b'>', _) => (Kind::Op(Greater), 1),
            (b'+', _) => (Kind::Op(Add), 1),
            (b'-', _) => (Kind::Op(Sub), 1),
            (b'*', _) => (Kind::Op(Mul), 1),
            (b'/', _) => (Kind::Op(Div), 1),
            (b'%', _) => (Kind::Op(Mod), 1),
            (b'^', _) => (Kind::Op(Pow), 1),
            // A dashboard's variable, `$__interval` or `${name}`, is one thing.
            (b'$', Some(b'{')) => (Kind::Odd, rest.find('}').map_or(2, |end| end + 1)),
            (b'$', _) => {
                let in_name = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
                (Kind::Odd, 1 + rest.bytes().skip(1).take_while(in_name).count())
            }
            _ => (Kind::Odd, rest.chars().next().map_or(1, char::len_utf8)),
        }
    }
}

/// The stretch between two offsets; texts are shorter than 4 GiB.
pub(super) fn span(start: usize, end: usize) -> Span {
    let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    Span { start: narrow(start), end: narrow(end) }
}
