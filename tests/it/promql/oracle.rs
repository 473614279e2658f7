//! The parser of the promql-parser crate as a second opinion: of the corpus, of queries made up and of mutilated ones it
//! takes and refuses what we do, but for the differences listed here. Prometheus has decided each of them; `real` asks
//! it again where it can.

use std::collections::BTreeSet;

use rollgate::promql::Query;
use rollgate::promql::lexer;
use rollgate::promql::token::Kind;

use super::corpus::{invalid, newer, valid};
use super::generate::{mutilated, queries};
use super::{assert_none, parse};

/// A query of which the two do not think alike.
struct Case<'c> {
    text: &'c str,
    ours: &'c Query,
    /// What is wrong with it by promql-parser.
    theirs: Option<&'c str>,
}

impl Case<'_> {
    /// The tokens, with what stands before each.
    fn tokens(&self) -> Vec<(Kind, &str, &str)> {
        let (tokens, _) = lexer::tokens(self.text, false);
        let mut at = 0;
        let mut all = Vec::with_capacity(tokens.len());
        for token in tokens {
            let range = token.span.range();
            all.push((token.kind, &self.text[at..range.start], &self.text[range.clone()]));
            at = range.end;
        }
        all
    }

    fn has(&self, kind: Kind, fits: fn(&str) -> bool) -> bool {
        self.tokens().iter().any(|(found, _, text)| *found == kind && fits(text))
    }

    /// Whether in brackets there is something of which `fits` holds, given what stands before it and itself.
    fn in_brackets(&self, fits: fn(&str, &str) -> bool) -> bool {
        let mut inside = false;
        for (kind, before, text) in self.tokens() {
            if inside && fits(before, text) {
                return true;
            }
            inside = kind == Kind::LeftBracket || (inside && kind != Kind::RightBracket);
        }
        false
    }

    fn says(&self, word: &str) -> bool {
        self.theirs.is_some_and(|theirs| theirs.contains(word))
    }

    fn we_say(&self, word: &str) -> bool {
        self.ours.errors.iter().any(|error| error.message.contains(word))
    }

    fn needs(&self, flag: &str) -> bool {
        self.ours.experimental.iter().any(|experimental| experimental.flag == flag)
    }
}

/// A difference that is known: why, and where it is the reason.
type Known = (&'static str, fn(&Case) -> bool);

/// What Prometheus takes and promql-parser does not.
const REFUSED: &[Known] = &[
    ("it unescapes strings in backticks", |c| {
        c.has(Kind::Text, |text| text.starts_with('`') && text.contains('\\'))
    }),
    ("it knows no `_` in numbers", |c| c.has(Kind::Number, |text| text.contains('_'))),
    ("it takes no duration of nothing, wherever it stands", |c| c.says("duration must be greater than 0")),
    ("it takes no comments in brackets", |c| c.in_brackets(|before, _| before.contains('#'))),
    ("it takes no number in brackets that begins with a point", |c| {
        c.in_brackets(|_, text| text.starts_with('.'))
    }),
    ("it takes no sign in brackets", |c| c.in_brackets(|_, text| matches!(text, "+" | "-"))),
    ("it takes one sign after `offset`", |c| c.text.replace(' ', "").contains("offset--")),
    ("it does not compute durations", |c| c.needs("promql-duration-expr")),
    ("it has Rust's regular expressions", |c| c.says("illegal regex")),
    ("it takes no colon in a label of a grouping", |c| c.says("is not valid label in grouping opts")),
    ("it wants a matcher of `info`", |c| c.text.contains("info") && c.says("at least one non-empty matcher")),
    ("it does not know ranges with other borders", |c| c.needs("promql-extended-range-selectors")),
    ("it takes its words for no names", |c| c.text.contains("anchored") || c.text.contains("smoothed")),
    ("it does not trim native histograms", |c| c.text.contains("</") || c.text.contains(">/")),
];

/// What Prometheus refuses and promql-parser does not.
const TAKEN: &[Known] = &[
    ("it has Rust's regular expressions", |c| c.we_say("error parsing regexp")),
    ("it takes `or` between matchers", |c| c.we_say("unexpected identifier \"or\" in label matching")),
    ("it takes times that do not fit", |c| c.we_say("out of range") || c.we_say("timestamp out of bounds")),
    ("it takes a range of nothing that is a number", |c| c.we_say("duration must be greater than 0")),
    ("it takes `0xee`", |c| c.we_say("bad number or duration syntax")),
    ("it takes an empty label", |c| c.we_say("invalid label name for grouping")),
    ("it takes any vector for the labels of `info`", |c| c.text.contains("info")),
    ("it takes the sign of a string", |c| c.we_say("unary expression only allowed")),
    ("it takes any parameter of `limit_ratio`", |c| c.text.contains("limit_ratio")),
    ("it takes strings that are no UTF-8", |c| c.we_say("no UTF-8")),
];

/// What promql-parser finds wrong, if anything; it panics at some texts.
fn theirs(text: &str) -> Option<String> {
    let read = std::panic::catch_unwind(|| promql_parser::parser::parse(text).err());
    read.unwrap_or_else(|_| Some("panics".to_owned()))
}

#[test]
fn another_parser_takes_and_refuses_the_same() {
    let seeds: Vec<String> = valid().into_iter().map(|v| v.query).collect();
    let mut texts = seeds.clone();
    texts.extend(invalid().into_iter().map(|i| i.query));
    texts.extend(newer().into_iter().map(|n| n.query));
    texts.extend(queries(1500, 1));
    texts.extend(mutilated(&seeds, 3000, 2));
    let (mut faults, mut used) = (Vec::new(), BTreeSet::new());
    for text in &texts {
        let (ours, theirs) = (parse(text), theirs(text));
        if ours.errors.is_empty() == theirs.is_none() || theirs.as_deref() == Some("panics") {
            continue;
        }
        let case = Case { text, ours: &ours, theirs: theirs.as_deref() };
        let known = if theirs.is_some() { REFUSED } else { TAKEN };
        match known.iter().find(|known| known.1(&case)) {
            Some((why, _)) => {
                used.insert((theirs.is_some(), *why));
            }
            None => faults
                .push(format!("{text:?}\n    ours:   {:?}\n    theirs: {theirs:?}", ours.errors.first())),
        }
    }
    assert_none(&faults);
    let idle: Vec<&str> = REFUSED
        .iter()
        .map(|k| (true, k.0))
        .chain(TAKEN.iter().map(|k| (false, k.0)))
        .filter(|k| !used.contains(k))
        .map(|k| k.1)
        .collect();
    assert!(idle.is_empty(), "no such difference was met: {idle:?}");
}

#[test]
fn queries_made_up_are_queries() {
    let texts = queries(1500, 1);
    let sound = texts.iter().filter(|text| parse(text).errors.is_empty()).count();
    assert!(sound * 100 > texts.len() * 95, "only {sound} of {} are", texts.len());
}
