//! Queries made up: by the grammar, with odd blanks and comments, and by mutilating others. Always the same ones, so
//! that a run says what the last one said. Must not judge.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rollgate::promql::lexer;

/// Where blanks may stand, and where they must.
const MAY: char = '\u{1}';
const MUST: char = '\u{2}';

/// What is put where blanks may stand; the first of them cannot stand where they must.
const BLANKS: [&str; 6] = ["", " ", "\n", "\t ", " # a ) comment\n", "  "];

type Text = BoxedStrategy<String>;

fn one_of(texts: &'static [&'static str]) -> Text {
    prop::sample::select(texts).prop_map(str::to_owned).boxed()
}

/// `texts` of one to three, with commas between and sometimes one at the end.
fn list(item: Text, least: usize, trailing: bool) -> Text {
    (prop::collection::vec(item, least..4), any::<bool>())
        .prop_map(move |(items, comma)| {
            let comma = if trailing && comma && !items.is_empty() { "," } else { "" };
            format!("{}{comma}", items.join(&format!("{MAY},{MAY}")))
        })
        .boxed()
}

fn name() -> Text {
    one_of(&[
        "up",
        "http_requests_total",
        "job:x:rate5m",
        "a",
        "sum",
        "by",
        "offset",
        "start",
        "and",
        "_",
        "infinity",
    ])
}

fn label() -> Text {
    one_of(&["job", "instance", "le", "a", "on", "by", "sum", "bool", "__name", "start", "unless"])
}

fn text() -> Text {
    one_of(&[
        "\"\"",
        "\"a\"",
        "'b c'",
        "`raw`",
        "\"\\n\\\"\\x41\\u00e9\\\\\"",
        "'it\\'s'",
        "\"日本語\"",
        "\"#\"",
        "\"{{x}}\"",
    ])
}

fn regex() -> Text {
    one_of(&[
        "\"a|b\"",
        "\"5..\"",
        "'.+'",
        "`[a-z]+`",
        "\"(?i)x\"",
        "\"a{2,3}\"",
        "\"^(a|b*)?$\"",
        "\"10\\\\.0\\\\.\"",
        "\"\"",
    ])
}

fn number() -> Text {
    one_of(&["0", "1", "0.5", ".5", "5.", "1e3", "1E-3", "0x1F", "017", "Inf", "nan", "5m", "1h30m", "100"])
}

fn duration() -> Text {
    one_of(&["5m", "1h", "30s", "1d12h", "90s", "1w", "500ms", "300", "0x10", "1y"])
}

fn matcher() -> Text {
    let quoted = one_of(&["\"k.x\"", "'a b'", "`l`"]);
    let label = prop_oneof![6 => label(), 1 => quoted];
    let same = (one_of(&["=", "!="]), text());
    let like = (one_of(&["=~", "!~"]), regex());
    (label, prop_oneof![same, like])
        .prop_map(|(label, (op, value))| format!("{label}{MAY}{op}{MAY}{value}"))
        .boxed()
}

fn at() -> Text {
    prop_oneof![one_of(&["start()", "end()", "1767225600", "-1", "1.5"]), number_of_time()].boxed()
}

fn number_of_time() -> Text {
    one_of(&["0", "1e9", "0x10", "1h"])
}

/// `offset` and `@`, in either order.
fn modifiers() -> Text {
    let offset = (one_of(&["", "-", "+"]), duration())
        .prop_map(|(sign, d)| format!("{MUST}offset{MUST}{sign}{MAY}{d}"));
    let at = at().prop_map(|at| format!("{MAY}@{MAY}{at}"));
    let none = Just(String::new());
    prop_oneof![
        6 => none,
        2 => offset.clone(),
        1 => at.clone(),
        1 => (offset.clone(), at.clone()).prop_map(|(offset, at)| format!("{offset}{MUST}{at}")),
        1 => (at, offset).prop_map(|(at, offset)| format!("{at}{offset}")),
    ]
    .boxed()
}

/// A selector without modifiers.
fn selector() -> Text {
    let braces = list(matcher(), 0, true).prop_map(|matchers| format!("{{{MAY}{matchers}{MAY}}}"));
    let named = (name(), MAY_TEXT.prop_map(str::to_owned), braces.clone())
        .prop_map(|(n, b, braces)| format!("{n}{b}{braces}"));
    let kept =
        list(matcher(), 1, true).prop_map(|matchers| format!("{{{MAY}x=\"y\"{MAY},{MAY}{matchers}{MAY}}}"));
    let quoted = (one_of(&["\"http.requests\"", "'a b'"]), list(matcher(), 1, true))
        .prop_map(|(name, matchers)| format!("{{{name}{MAY},{MAY}{matchers}}}"));
    prop_oneof![4 => name(), 4 => named, 2 => kept, 1 => quoted].boxed()
}

const MAY_TEXT: Just<&str> = Just("\u{1}");

fn grouping() -> Text {
    let label = prop_oneof![6 => label(), 1 => one_of(&["\"k.x\"", "'a'"])].boxed();
    (one_of(&["by", "without", "BY"]), list(label, 0, true))
        .prop_map(|(word, labels)| format!("{word}{MAY}({MAY}{labels}{MAY})"))
        .boxed()
}

fn matching() -> Text {
    let labels = list(one_of(&["job", "a", "by", "sum"]), 0, true);
    let include = list(one_of(&["b", "c", "\"k.x\""]), 0, true);
    let group = prop_oneof![
        2 => Just(String::new()),
        1 => one_of(&["group_left", "group_right"]).prop_map(|word| format!("{MUST}{word}{MUST}")),
        1 => (one_of(&["group_left", "group_right"]), include)
            .prop_map(|(word, labels)| format!("{MUST}{word}{MAY}({labels})")),
    ];
    let on = (one_of(&["on", "ignoring"]), labels, group)
        .prop_map(|(word, labels, group)| format!("{MUST}{word}{MAY}({labels}){group}"));
    prop_oneof![2 => Just(String::new()), 1 => on].boxed()
}

/// Expressions of each type, with others of one level less in them.
#[derive(Clone)]
struct Level {
    scalar: Text,
    vector: Text,
    matrix: Text,
}

impl Level {
    fn leaves() -> Self {
        let bare =
            (selector(), modifiers()).prop_map(|(selector, modifiers)| format!("{selector}{modifiers}"));
        let range = (selector(), duration(), modifiers()).prop_map(|(selector, range, modifiers)| {
            format!("{selector}{MAY}[{MAY}{range}{MAY}]{modifiers}")
        });
        Self { scalar: number(), vector: bare.boxed(), matrix: range.boxed() }
    }

    fn grown(&self) -> Self {
        Self { scalar: self.scalars(), vector: self.vectors(), matrix: self.matrices() }
    }

    fn scalars(&self) -> Text {
        let Self { scalar, vector, .. } = self.clone();
        let arithmetic = one_of(&["+", "-", "*", "/", "%", "^"]);
        let comparison = one_of(&["== bool", ">bool", "<= bool"]);
        prop_oneof![
            3 => number(),
            1 => one_of(&["time()", "pi()"]),
            1 => vector.prop_map(|v| format!("scalar({MAY}{v})")),
            1 => (scalar.clone(), arithmetic, scalar.clone()).prop_map(|(l, op, r)| format!("{l}{MAY}{op}{MAY}{r}")),
            1 => (scalar.clone(), comparison, scalar.clone()).prop_map(|(l, op, r)| format!("{l}{MAY}{op}{MUST}{r}")),
            1 => scalar.clone().prop_map(|inner| format!("({MAY}{inner}{MAY})")),
            1 => scalar.prop_map(|inner| format!("-{MAY}{inner}")),
        ]
        .boxed()
    }

    fn vectors(&self) -> Text {
        let Self { scalar, vector, matrix } = self.clone();
        let over =
            one_of(&["rate", "increase", "irate", "max_over_time", "changes", "absent_over_time", "deriv"]);
        let plain =
            one_of(&["abs", "ceil", "absent", "sort", "histogram_count", "ln", "hour", "timestamp", "sgn"]);
        let fold = one_of(&["sum", "avg", "max", "count", "group", "stddev", "SUM"]);
        let pick = one_of(&["topk", "bottomk", "quantile"]);
        let filter = one_of(&[
            "+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "== bool", "<bool", "atan2",
        ]);
        let set = one_of(&["and", "or", "unless", "AND"]);
        let pair = matching().prop_filter("sets have no groups", |m| !m.contains("group_"));
        prop_oneof![
            4 => (selector(), modifiers()).prop_map(|(selector, modifiers)| format!("{selector}{modifiers}")),
            3 => (over, matrix.clone()).prop_map(|(f, m)| format!("{f}{MAY}({MAY}{m}{MAY})")),
            2 => (plain, vector.clone()).prop_map(|(f, v)| format!("{f}({v})")),
            2 => (scalar.clone(), vector.clone())
                .prop_map(|(s, v)| format!("histogram_quantile({s}{MAY},{MAY}{v})")),
            1 => (vector.clone(), scalar.clone(), scalar.clone()).prop_map(|(v, a, b)| format!("clamp({v},{a},{b})")),
            1 => (vector.clone(), text(), text()).prop_map(|(v, a, b)| format!("label_replace({v}, {a}, {b}, \"s\", \"(.*)\")")),
            1 => (matrix, scalar.clone()).prop_map(|(m, s)| format!("predict_linear({m},{s})")),
            2 => (fold.clone(), grouping(), vector.clone()).prop_map(|(f, g, v)| format!("{f}{MUST}{g}{MAY}({v})")),
            2 => (fold, vector.clone(), grouping()).prop_map(|(f, v, g)| format!("{f}{MAY}({MAY}{v}{MAY}){MAY}{g}")),
            1 => (pick, scalar.clone(), vector.clone()).prop_map(|(f, s, v)| format!("{f}({s},{MAY}{v})")),
            1 => (text(), vector.clone()).prop_map(|(t, v)| format!("count_values({t}, {v})")),
            3 => (vector.clone(), filter.clone(), matching(), vector.clone())
                .prop_map(|(l, op, m, r)| format!("{l}{MUST}{op}{MUST}{m}{MUST}{r}")),
            1 => (vector.clone(), filter.clone(), scalar.clone()).prop_map(|(l, op, r)| format!("{l}{MUST}{op}{MUST}{r}")),
            1 => (scalar, filter, vector.clone()).prop_map(|(l, op, r)| format!("{l}{MUST}{op}{MUST}{r}")),
            2 => (vector.clone(), set, pair, vector.clone())
                .prop_map(|(l, op, m, r)| format!("{l}{MUST}{op}{MUST}{m}{MUST}{r}")),
            1 => vector.clone().prop_map(|inner| format!("({MAY}{inner}{MAY})")),
            1 => (one_of(&["-", "+"]), vector).prop_map(|(sign, inner)| format!("{sign}{MAY}{inner}")),
        ]
        .boxed()
    }

    fn matrices(&self) -> Text {
        let range = (selector(), duration(), modifiers()).prop_map(|(selector, range, modifiers)| {
            format!("{selector}{MAY}[{MAY}{range}{MAY}]{modifiers}")
        });
        let step = prop_oneof![Just(String::new()), duration()];
        let subquery =
            (self.vector.clone(), duration(), step, modifiers()).prop_map(|(v, range, step, modifiers)| {
                format!("({v}){MAY}[{range}{MAY}:{MAY}{step}]{modifiers}")
            });
        prop_oneof![3 => range, 1 => subquery].boxed()
    }
}

/// Puts blanks where they may and must stand.
fn laid_out(text: &str, blanks: &[usize]) -> String {
    let mut blanks = blanks.iter().cycle();
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        let blank = |blanks: &mut dyn Iterator<Item = &usize>| blanks.next().copied().unwrap_or_default();
        match c {
            MAY => out.push_str(BLANKS[blank(&mut blanks) % BLANKS.len()]),
            MUST => out.push_str(BLANKS[1 + blank(&mut blanks) % (BLANKS.len() - 1)]),
            c => out.push(c),
        }
    }
    out
}

fn runner(seed: u8) -> TestRunner {
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
}

/// `count` queries that follow the grammar.
pub fn queries(count: usize, seed: u8) -> Vec<String> {
    let two = Level::leaves().grown().grown();
    let level = two.grown();
    // Most queries are laid out on one line; the odd blanks come in one of four.
    let blanks = prop_oneof![3 => Just(vec![1]), 1 => prop::collection::vec(0..BLANKS.len(), 1..9)];
    let expr =
        prop_oneof![6 => level.vector, 2 => two.vector, 1 => level.scalar, 1 => level.matrix, 1 => text()];
    let query = (expr, blanks).prop_map(|(text, blanks)| laid_out(&text, &blanks));
    let mut runner = runner(seed);
    (0..count).map(|_| query.new_tree(&mut runner).unwrap().current()).collect()
}

/// The tokens of `text` with what stands between them: each with the blanks before it.
fn pieces(text: &str) -> Vec<String> {
    let (tokens, _) = lexer::tokens(text, false);
    let mut at = 0;
    let mut pieces = Vec::with_capacity(tokens.len());
    for token in tokens {
        let end = token.span.range().end;
        pieces.push(text[at..end].to_owned());
        at = end;
    }
    pieces.push(text[at..].to_owned());
    pieces
}

/// Tokens that are put where they may not belong.
const STRAYS: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    " + ",
    " - ",
    "*",
    " ^ ",
    "==",
    "=",
    "=~",
    "!~",
    " and ",
    " or ",
    " bool ",
    " on ",
    " by ",
    " offset ",
    "@",
    " 5m",
    " 1",
    " x",
    "\"a\"",
    " sum",
    "rate",
    "[5m]",
    "()",
    "(x)",
    " group_left ",
    "!",
];

/// Characters that are put where they may not belong.
const STRAY_CHARACTERS: &[char] = &[
    '(', ')', '[', ']', '{', '}', '"', '\'', '`', '\\', ',', ':', ';', '.', '_', '-', '+', '=', '~', '!',
    '<', '>', '/', '@', '#', '$', '0', '8', 'e', 'x', 'm', 's', 'é', ' ', '\n',
];

/// `count` mutilations of `texts`: tokens and characters are lost, doubled, swapped, replaced or added.
pub fn mutilated(texts: &[String], count: usize, seed: u8) -> Vec<String> {
    let place = || any::<prop::sample::Index>();
    let changes = prop::collection::vec((0..9_u8, place(), place()), 1..4);
    let mutant = (place(), changes);
    let mut runner = runner(seed);
    let mut made = || {
        let (which, changes) = mutant.new_tree(&mut runner).unwrap().current();
        let text = &texts[which.index(texts.len())];
        changes.iter().fold(text.clone(), |text, (how, at, other)| changed(&text, *how, *at, *other))
    };
    (0..count).map(|_| made()).collect()
}

fn changed(text: &str, how: u8, at: prop::sample::Index, other: prop::sample::Index) -> String {
    if how >= 6 {
        let mut characters: Vec<char> = text.chars().collect();
        let here = at.index(characters.len() + 1);
        match how {
            6 if here < characters.len() => {
                characters.remove(here);
            }
            7 if here < characters.len() => characters[here] = *other.get(STRAY_CHARACTERS),
            _ => characters.insert(here, *other.get(STRAY_CHARACTERS)),
        }
        return characters.into_iter().collect();
    }
    let mut pieces = pieces(text);
    let here = at.index(pieces.len());
    match how {
        0 => {
            pieces.remove(here);
        }
        1 => {
            let twice = pieces[here].clone();
            pieces.insert(here, twice);
        }
        2 => {
            let there = other.index(pieces.len());
            pieces.swap(here, there);
        }
        3 => {
            let there = other.index(pieces.len());
            pieces[here] = pieces[there].clone();
        }
        4 => pieces[here] = (*other.get(STRAYS)).to_owned(),
        _ => pieces.insert(here, (*other.get(STRAYS)).to_owned()),
    }
    pieces.concat()
}
