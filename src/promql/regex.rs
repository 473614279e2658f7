//! Checks regular expressions of matchers as Prometheus does, whose syntax is RE2's, and tells what they match. Must
//! not match texts; the server does.

/// What a regular expression is, as far as a matcher is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Regex {
    /// Whether the empty text matches.
    pub matches_empty: bool,
    /// Whether it has no special character but escaped ones: it matches one text only.
    pub is_literal: bool,
}

/// Groups deeper than this are refused; RE2 itself takes 1,000.
const MAX_DEPTH: usize = 100;

/// Repetitions beyond this are refused, those of nested ones multiplied.
const MAX_REPEAT: u32 = 1000;

/// Reads `pattern`.
///
/// # Errors
/// What is wrong, in RE2's words.
pub fn check(pattern: &str) -> Result<Regex, String> {
    let mut reader = Reader { rest: pattern, depth: 0, special: false };
    let found = reader.alternatives()?;
    if !reader.rest.is_empty() {
        return Err("unexpected `)`".to_owned());
    }
    Ok(Regex { matches_empty: found.empty, is_literal: !reader.special })
}

struct Reader<'p> {
    rest: &'p str,
    depth: usize,
    special: bool,
}

/// Whether a part can match nothing, and how often its repetitions multiply to.
#[derive(Clone, Copy)]
struct Part {
    empty: bool,
    repeats: u32,
}

const ONE: Part = Part { empty: false, repeats: 1 };

impl Part {
    fn followed_by(self, next: Self) -> Self {
        Self { empty: self.empty & next.empty, repeats: self.repeats.max(next.repeats) }
    }
}

impl Reader<'_> {
    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn alternatives(&mut self) -> Result<Part, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("expression nests too deeply".to_owned());
        }
        let mut all = self.sequence()?;
        while self.eat("|") {
            self.special = true;
            let other = self.sequence()?;
            all = Part { empty: all.empty | other.empty, repeats: all.repeats.max(other.repeats) };
        }
        self.depth -= 1;
        Ok(all)
    }

    fn sequence(&mut self) -> Result<Part, String> {
        let mut all = Part { empty: true, repeats: 1 };
        let mut last = None;
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            let atom = if self.eat("\\Q") {
                let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                // A repetition after it is that of its last character.
                all.empty &= quoted.chars().nth(1).is_none();
                (!quoted.is_empty()).then_some(ONE)
            } else {
                self.atom()?
            };
            // After flags and a quotation of nothing, what stands before them is repeated.
            let repeated = match (atom, last) {
                (Some(atom), before) => {
                    all = before.map_or(all, |part| all.followed_by(part));
                    atom
                }
                (None, Some(before)) => before,
                (None, None) => continue,
            };
            last = Some(self.repeated(repeated)?);
        }
        Ok(last.map_or(all, |part| all.followed_by(part)))
    }

    /// `atom` with the repetition that follows it, if one does.
    fn repeated(&mut self, mut atom: Part) -> Result<Part, String> {
        let start = self.rest;
        let mut before = None;
        loop {
            let here = self.rest;
            let limits = match self.rest.as_bytes().first() {
                Some(b'*' | b'?') => Some((0, 1)),
                Some(b'+') => Some((1, 1)),
                Some(b'{') => self.limits()?,
                _ => None,
            };
            let Some((least, times)) = limits else { return Ok(atom) };
            if here.as_bytes()[0] != b'{' {
                self.rest = &here[1..];
            }
            self.eat("?");
            self.special = true;
            if before.is_some() {
                let twice = &start[..start.len() - self.rest.len()];
                return Err(format!("invalid nested repetition operator: `{twice}`"));
            }
            before = Some(here);
            atom.empty |= least == 0;
            atom.repeats = atom.repeats.saturating_mul(times.max(1));
            if atom.repeats > MAX_REPEAT {
                return Err(format!("invalid repeat count: more than {MAX_REPEAT}"));
            }
        }
    }

    /// The least and the most of `{2}`, `{2,}` or `{2,3}` here; braces of another form are characters like others.
    fn limits(&mut self) -> Result<Option<(u32, u32)>, String> {
        let Some((inner, rest)) = self.rest[1..].split_once('}') else { return Ok(None) };
        let (least, most) = inner.split_once(',').map_or((inner, inner), |(least, most)| (least, most));
        let number = |text: &str| {
            let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            (fits && (text == "0" || !text.starts_with('0'))).then(|| text.parse::<u32>().unwrap_or(u32::MAX))
        };
        let Some(low) = number(least) else { return Ok(None) };
        let high = if most.is_empty() { Some(low) } else { number(most) };
        let Some(high) = high else { return Ok(None) };
        if low > MAX_REPEAT || high > MAX_REPEAT || high < low {
            return Err(format!("invalid repeat count: `{{{inner}}}`"));
        }
        self.rest = rest;
        Ok(Some((low, high)))
    }

    /// One character, class or group; `None` for flags that hold for what follows.
    fn atom(&mut self) -> Result<Option<Part>, String> {
        let here = self.rest;
        if here.starts_with('{') && self.limits()?.is_some() {
            let repetition = &here[..here.len() - self.rest.len()];
            return Err(format!("missing argument to repetition operator: `{repetition}`"));
        }
        let Some(c) = self.next() else { return Ok(None) };
        self.special |= matches!(c, '.' | '^' | '$' | '[' | '(' | '*' | '+' | '?');
        match c {
            '(' => self.group(),
            '[' => self.class().map(|()| Some(ONE)),
            '\\' => self.escape(false).map(Some),
            '^' | '$' => Ok(Some(Part { empty: true, repeats: 1 })),
            '*' | '+' | '?' => Err(format!("missing argument to repetition operator: `{c}`")),
            _ => Ok(Some(ONE)),
        }
    }

    fn group(&mut self) -> Result<Option<Part>, String> {
        if self.eat("?") {
            let start = self.rest;
            if self.eat("P<")
                || (self.rest.starts_with('<')
                    && !self.rest.starts_with("<=")
                    && !self.rest.starts_with("<!")
                    && self.eat("<"))
            {
                let name = self.rest.split('>').next().unwrap_or_default();
                let named = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
                if !named || !self.rest.contains('>') {
                    return Err(format!("invalid named capture: `(?{}`", shorten(start)));
                }
                self.rest = &self.rest[name.len() + 1..];
            } else {
                let flags = self.rest.bytes().take_while(|b| b"imsU-".contains(b)).count();
                let (written, rest) = self.rest.split_at(flags);
                let once = written.matches('-').count() <= 1 && !written.ends_with('-');
                match rest.as_bytes().first() {
                    Some(b':') if once => self.rest = &rest[1..],
                    Some(b')') if once => {
                        self.rest = &rest[1..];
                        return Ok(None);
                    }
                    _ => return Err(format!("invalid or unsupported Perl syntax: `(?{}`", shorten(start))),
                }
            }
        }
        let inner = self.alternatives()?;
        if self.eat(")") { Ok(Some(inner)) } else { Err("missing closing )".to_owned()) }
    }

    fn class(&mut self) -> Result<(), String> {
        self.eat("^");
        let mut first = true;
        loop {
            if self.rest.is_empty() {
                return Err("missing closing ]".to_owned());
            }
            if !first && self.eat("]") {
                return Ok(());
            }
            first = false;
            if let Some(named) = self.rest.strip_prefix("[:")
                && let Some((name, rest)) = named.split_once(":]")
            {
                if !CLASSES.contains(&name.trim_start_matches('^')) {
                    return Err(format!("invalid character class range: `[:{name}:]`"));
                }
                self.rest = rest;
                continue;
            }
            // A class such as `\d` begins no range: a `-` after it is itself.
            let Some(low) = self.class_character()? else { continue };
            if self.rest.starts_with('-') && !self.rest[1..].starts_with(']') && self.rest.len() > 1 {
                self.rest = &self.rest[1..];
                let high = self.class_character()?;
                if high.is_none_or(|high| high < low) {
                    return Err("invalid character class range".to_owned());
                }
            }
        }
    }

    /// A character of a class; `None` for a class of its own, such as `\d`.
    fn class_character(&mut self) -> Result<Option<char>, String> {
        let before = self.rest;
        match self.next() {
            Some('\\') => {
                let class = self.rest.starts_with(['d', 'D', 's', 'S', 'w', 'W', 'p', 'P']);
                self.escape(true)?;
                if class {
                    return Ok(None);
                }
                let written = &before[1..before.len() - self.rest.len()];
                Ok(Some(meant(written)))
            }
            found => Ok(found),
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, in_class: bool) -> Result<Part, String> {
        let start = self.rest;
        let Some(c) = self.next() else { return Err("trailing backslash at end of expression".to_owned()) };
        let odd = || Err(format!("invalid escape sequence: `\\{c}`"));
        let octal = |text: &str| text.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
        if !c.is_ascii_punctuation() {
            self.special = true;
        }
        match c {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' => Ok(ONE),
            'A' | 'z' | 'B' if !in_class => Ok(Part { empty: true, repeats: 1 }),
            'b' if !in_class => Ok(ONE),
            '0' => {
                self.rest = &self.rest[octal(self.rest)..];
                Ok(ONE)
            }
            // Before another digit it is octal, alone it would be a backreference.
            '1'..='7' if octal(self.rest) > 0 => {
                self.rest = &self.rest[octal(self.rest)..];
                Ok(ONE)
            }
            'x' => {
                let digits = match self.rest.strip_prefix('{') {
                    Some(inner) => inner.split_once('}'),
                    None => self.rest.get(..2).map(|digits| (digits, &self.rest[2..])),
                };
                let code = digits.and_then(|(digits, rest)| {
                    let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
                    let code = u32::from_str_radix(digits, 16).ok().filter(|code| hex && *code <= 0x10_ffff);
                    code.map(|_| rest)
                });
                let Some(rest) = code else { return odd() };
                self.rest = rest;
                Ok(ONE)
            }
            'p' | 'P' => {
                let name = match self.rest.strip_prefix('{') {
                    Some(inner) => inner.split_once('}'),
                    None => self.rest.chars().next().map(|c| self.rest.split_at(c.len_utf8())),
                };
                let known = name.filter(|(name, _)| is_unicode_class(name.trim_start_matches('^')));
                let Some((_, rest)) = known else {
                    return Err(format!("invalid character class range: `\\{}`", shorten(start)));
                };
                self.rest = rest;
                Ok(ONE)
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(ONE),
            _ => odd(),
        }
    }
}

/// The character that an escape in a class means, for comparing the ends of a range.
fn meant(written: &str) -> char {
    let code = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    let inner = written.trim_start_matches('\\');
    match inner.chars().next().unwrap_or('\\') {
        'x' => code(inner[1..].trim_matches(['{', '}']), 16).unwrap_or_default(),
        '0'..='7' => code(inner, 8).unwrap_or_default(),
        'a' => '\u{7}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        other => other,
    }
}

const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// General categories by their short names, and scripts as Unicode writes them.
fn is_unicode_class(name: &str) -> bool {
    const CATEGORIES: &str = "C Cc Cf Cn Co Cs L LC Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs Any";
    // Four letters are what Unicode abbreviates scripts to, but for those whose names are as short.
    const SHORT: &str = "Ahom Cham Kawi Lisu Modi Thai Toto";
    if CATEGORIES.split(' ').any(|category| category == name) {
        return true;
    }
    let capital = |c: char| c.is_ascii_uppercase();
    let plain =
        |word: &str| word == "SignWriting" || (word.starts_with(capital) && !word[1..].contains(capital));
    let whole =
        name.split('_').all(plain) && (name.len() != 4 || SHORT.split(' ').any(|short| short == name));
    whole && name.is_ascii() && regex_syntax::Parser::new().parse(&format!("\\p{{sc={name}}}")).is_ok()
}

fn shorten(text: &str) -> String {
    text.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_re2_reads_them() {
        let fine = [
            "",
            "a",
            "a|b",
            "5..",
            "a{",
            "a{,2}",
            "{",
            "]",
            "\\Qa.b\\E",
            "(?U)a",
            "[a[b]",
            "[[a]b]",
            "\\<",
            "\\pL",
            "\\p{^Greek}",
            "\\101",
            "\\0",
            "a{1,2}?",
            "(?P<x>a)",
            "(?<x>a)",
            "(?i:a)",
            "[]a]",
            "[^]a]",
            "[a-]",
            "[\\d-]",
            "[[:alpha:]_]",
            "a??",
            "^*",
            "a.b",
            "x*",
            "(a{2}){500}",
            "\\x{1F600}",
            "é+",
            "\\Qa.b\\E*",
            "(?)a",
            "a(?i)*",
            "a*(?i)*",
            "{00}",
            "\\p{Yi}\\p{Lao}\\p{Thai}\\p{Old_Italic}\\p{SignWriting}",
        ];
        for pattern in fine {
            assert!(check(pattern).is_ok(), "{pattern}: {:?}", check(pattern));
        }
        let wrong = [
            "(",
            ")",
            "a)",
            "[",
            "[a",
            "*a",
            "a**",
            "a++",
            "a{2}{3}",
            "a{1001}",
            "(a{1000}){1000}",
            "a{3,2}",
            "\\C",
            "\\Z",
            "(?x)a",
            "(?u)a",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "\\1",
            "\\8",
            "\\",
            "\\p{greek}",
            "\\p{Letter}",
            "[b-a]",
            "[[:x:]]",
            "(?P<>a)",
            "\\k",
            "a|*",
            "(?",
            "(?i",
            "(?i)*",
            "{2}",
            "a|{2,}",
            "{1001}",
            "\\p{Grek}",
            "\\p{^Grek}",
            "\\p{OldItalic}",
            "\\Q\\E*",
        ];
        for pattern in wrong {
            assert!(check(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn what_matches_the_empty_text_is_known() {
        for pattern in
            ["", "a*", "a?", "a|", "()", ".*", "^$", "(a|b*)", "\\B", "\\Q\\E", "\\Qa\\E*", "a{0}", "(?i)"]
        {
            assert!(check(pattern).unwrap().matches_empty, "{pattern}");
        }
        for pattern in ["a", "a+", ".+", "a|b", "\\b", "[ab]", "\\Qa\\E", "\\Qab\\E*", "{", "a{1,}"] {
            assert!(!check(pattern).unwrap().matches_empty, "{pattern}");
        }
        assert!(check("checkout").unwrap().is_literal);
        assert!(check("a\\.b").unwrap().is_literal);
        assert!(!check("a.b").unwrap().is_literal);
        assert!(!check("a|b").unwrap().is_literal);
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(check(&"(".repeat(100_000)).is_err());
        assert!(check(&format!("{}{}", "(".repeat(50), ")".repeat(50))).is_ok());
    }
}
