//! What people write instead of PromQL, and what they mean by it: each function knows one mistake, words it as
//! Prometheus does, and says what would mend it. Must not read tokens on; the parser decides how it goes on.

mod brackets;

pub(super) use brackets::{misplaced_offset, misplaced_range, range_with_a_fault};

use super::ast::{AggregationOp, BinaryOp, Expr, MatchOp, Node, Span};
use super::error::Error;
use super::functions::FUNCTIONS;
use super::lexer;
use super::literal::NoDuration;
use super::token::{Keyword, Kind, Token};
use crate::policy::problem::did_you_mean;

/// A text that begins like a number and is none, nor a duration.
pub(super) fn bad_number(text: &str, span: Span) -> Error {
    let error = Error::new(span, format!("bad number or duration syntax: {text:?}"));
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let meant = match unit {
        "M" | "min" | "mins" => "m",
        "S" | "sec" | "secs" => "s",
        "H" | "hr" | "hrs" => "h",
        "D" | "day" | "days" => "d",
        "W" => "w",
        _ => return error.help("durations are written `90s`, `5m`, `1h30m`, `1d`"),
    };
    let number = &text[..text.len() - unit.len()];
    error
        .help("units are `ms`, `s`, `m`, `h`, `d`, `w` and `y`")
        .guess("write the unit as Prometheus does", vec![(span, format!("{number}{meant}"))])
}

/// A comment that is the first thing in brackets; anywhere else it is fine.
pub(super) fn comment_before_range(span: Span) -> Error {
    Error::new(span, "unexpected character in duration expression: '#'")
        .help("in brackets a comment can follow the range, but not precede it")
}

/// A duration whose units are unknown or in the wrong order, or that is too long.
pub(super) fn bad_duration(text: &str, span: Span, why: NoDuration) -> Error {
    match why {
        NoDuration::OutOfRange => Error::new(span, "duration out of range"),
        NoDuration::Invalid => Error::new(span, format!("not a valid duration string: {text:?}"))
            .help("units go from large to small, each once, with whole numbers: `1h30m`"),
    }
}

/// The string that begins at `start` and has no end.
pub(super) fn unterminated(text: &str, start: usize, raw: bool) -> Error {
    let quote = &text[start..=start];
    let line = text[start + 1..].split('\n').next().unwrap_or_default();
    let span = lexer::span(start, start + 1 + line.trim_end().len());
    let what = if raw { "unterminated raw string" } else { "unterminated quoted string" };
    // In a selector the value ends where the braces or the next matcher begin.
    let value = line.find(['}', ',']).unwrap_or(line.trim_end().len());
    let at = lexer::span(start + 1 + value, start + 1 + value);
    Error::new(span, what).guess("close the string", vec![(at, quote.to_owned())])
}

/// A string with an escape that is none.
pub(super) fn escape(text: &str, span: Span, message: String) -> Error {
    let error = Error::new(span, message);
    let inner = &text[1..text.len() - 1];
    if inner.contains('`') {
        return error.help("write a backslash as `\\\\`");
    }
    error
        .help("write a backslash as `\\\\`, or the string in backticks, where nothing is escaped")
        .guess("put the string in backticks", vec![(span, format!("`{inner}`"))])
}

/// The operator that is meant by signs that are none.
pub(super) fn operator(text: &str, token: Token) -> Option<(BinaryOp, Error)> {
    let (op, message) = match text {
        "=" => (BinaryOp::Equal, "unexpected \"=\"".to_owned()),
        "===" => (BinaryOp::Equal, "unexpected \"=\"".to_owned()),
        "!==" => (BinaryOp::NotEqual, "unexpected \"=\"".to_owned()),
        "<>" => (BinaryOp::NotEqual, "unexpected <op:>>".to_owned()),
        "=>" => (BinaryOp::GreaterOrEqual, "unexpected \"=\"".to_owned()),
        "=<" => (BinaryOp::LessOrEqual, "unexpected \"=\"".to_owned()),
        "&&" => (BinaryOp::And, "unexpected character: '&'".to_owned()),
        "||" => (BinaryOp::Or, "unexpected character: '|'".to_owned()),
        "**" => (BinaryOp::Pow, "unexpected <op:*>".to_owned()),
        _ => return None,
    };
    let word = op.word();
    let error = Error::new(token.span, message).help(format!("PromQL writes `{word}`"));
    Some((op, error.sure(&format!("write `{word}`"), vec![(token.span, word.to_owned())])))
}

/// The operator that is meant in a matcher.
pub(super) fn match_operator(text: &str, span: Span) -> Option<(MatchOp, Error)> {
    let op = match text {
        "~" => MatchOp::Regex,
        "==" => MatchOp::Equal,
        "!" => MatchOp::NotEqual,
        ":" => MatchOp::Equal,
        _ => return None,
    };
    let first = text.chars().next().unwrap_or_default();
    let message = match op {
        MatchOp::Equal if text == "==" => "unexpected \"=\" in label matching, expected string".to_owned(),
        _ => format!("unexpected character inside braces: {first:?}"),
    };
    let word = op.word();
    let error = Error::new(span, message).help(format!("a matcher is written `{word}` here"));
    Some((op, error.sure(&format!("write `{word}`"), vec![(span, word.to_owned())])))
}

/// A value without quotes.
pub(super) fn no_quotes(value: Span, error: Error) -> Error {
    let quotes = vec![(value.before(), "\"".to_owned()), (value.after(), "\"".to_owned())];
    error.help("a label's value stands in quotes").sure("put the value in quotes", quotes)
}

/// What stands after a matcher and is neither `,` nor `}`.
pub(super) fn between_matchers(text: &str, token: Token, error: Error) -> Error {
    let word = text.get(token.span.range()).unwrap_or_default();
    match token.kind {
        Kind::Word if matches!(word, "and" | "or") => error.help(
            "matchers are separated by `,` and all of them must match; for `or` use a regular expression",
        ),
        Kind::Word => error.guess("separate the matchers", vec![(token.span.before(), ", ".to_owned())]),
        _ => error,
    }
}

/// The text ends inside braces.
pub(super) fn open_braces(text: &str, end: Span, tokens: &[Token]) -> Error {
    let error = Error::new(end, "unexpected end of input inside braces");
    // Where the parentheses that follow were meant to stand behind the braces is anybody's guess.
    let open = tokens.iter().filter(|token| token.kind == Kind::LeftParen).count();
    let close = tokens.iter().filter(|token| token.kind == Kind::RightParen).count();
    if open > close || text.trim_end().ends_with(')') {
        return error;
    }
    error.guess("close the braces", vec![(end, "}".to_owned())])
}

/// The parenthesis that is not closed at `token`.
pub(super) fn unclosed_paren(text: &str, tokens: &[Token], token: Token, error: Error) -> Error {
    let grouped = matches!(token.kind, Kind::Keyword(Keyword::By | Keyword::Without));
    if grouped {
        return error.help("`by` and `without` belong to an aggregation such as `sum`");
    }
    if token.kind != Kind::End {
        return error;
    }
    let count = |kind| tokens.iter().filter(|token| token.kind == kind).count();
    let missing = count(Kind::LeftParen).saturating_sub(count(Kind::RightParen));
    let end = text.trim_end().len();
    let error = Error { message: "unclosed left parenthesis".to_owned(), ..error };
    error.guess("close what is open", vec![(lexer::span(end, end), ")".repeat(missing))])
}

/// A name that no function has.
pub(super) fn unknown_function(name: &str, span: Span) -> Error {
    let error = Error::new(span, format!("unknown function with name {name:?}"));
    let renamed = match name {
        "holt_winters" => Some("double_exponential_smoothing"),
        "average" | "mean" => Some("avg"),
        "percentile" => Some("quantile"),
        "length" => Some("count"),
        _ => None,
    };
    if let Some(renamed) = renamed {
        return error
            .help(format!("it is called `{renamed}`"))
            .guess("use the function's name", vec![(span, renamed.to_owned())]);
    }
    let known = || FUNCTIONS.iter().map(|f| f.name).chain(AggregationOp::ALL.iter().map(|op| op.word()));
    // What is cut short at its end is near, whatever else is as near.
    let cut_short =
        known().find(|known| known.strip_prefix(name).is_some_and(|rest| (1..=2).contains(&rest.len())));
    let near = match cut_short {
        Some(whole) => Some(format!("did you mean `{whole}`?")),
        None => did_you_mean(name, known()),
    };
    match near {
        Some(help) => {
            let meant = help.split('`').nth(1).unwrap_or_default().to_owned();
            error.help(help).guess("use the function that is near", vec![(span, meant)])
        }
        None => error.help("Prometheus knows no such function"),
    }
}

/// A comma after the last argument.
pub(super) fn trailing_comma(comma: Span) -> Error {
    Error::new(comma, "trailing commas not allowed in function call args")
        .sure("leave the comma out", vec![(comma, String::new())])
}

/// `sum(x by (le))`: the grouping stands inside the parentheses.
pub(super) fn grouping_inside(text: &str, word: Token, grouping: Span, close: Span) -> Error {
    let written = text.get(grouping.range()).unwrap_or_default();
    let written = match written.split_once(char::is_whitespace) {
        // Its parentheses are forgotten, too.
        Some((word, label)) if !written.ends_with(')') => format!("{word} ({})", label.trim_start()),
        _ => written.to_owned(),
    };
    let found = text.get(word.span.range()).unwrap_or_default().to_ascii_lowercase();
    let cut = brackets::cut(text, grouping);
    Error::new(grouping, format!("unexpected <{found}> in aggregation"))
        .help("the grouping stands before or after the parentheses")
        .sure("move the grouping out", vec![(cut, String::new()), (close.after(), format!(" {written}"))])
}

/// `by (le) sum(x)`: the grouping stands before the operator.
pub(super) fn grouping_before(text: &str, grouping: Span, operator: Span, error: Error) -> Error {
    let written = text.get(grouping.range()).unwrap_or_default();
    let op = text.get(operator.range()).unwrap_or_default();
    let both = grouping.to(operator);
    error
        .help("the grouping follows the aggregation's name")
        .sure("put the name first", vec![(both, format!("{op} {written} "))])
}

/// `sum(x) by le`: a label without parentheses.
pub(super) fn grouping_without_parentheses(label: Span, error: Error) -> Error {
    error.help("labels of a grouping stand in parentheses").sure(
        "put the label in parentheses",
        vec![(label.before(), "(".to_owned()), (label.after(), ")".to_owned())],
    )
}

/// An aggregation with too few or too many arguments.
pub(super) fn aggregation_arguments(op: AggregationOp, wanted: usize, found: usize, span: Span) -> Error {
    let name = op.word();
    if found == 0 {
        return Error::new(span, "no arguments for aggregate expression provided");
    }
    let message = format!(
        "wrong number of arguments for aggregate expression provided, expected {wanted}, got {found}"
    );
    let takes = match op.param() {
        None => format!("`{name}` takes the vector that it aggregates"),
        Some(param) => format!("`{name}` takes a {} and the vector that it aggregates", param.word()),
    };
    Error::new(span, message).help(takes)
}

/// What stands after a whole expression.
pub(super) fn after_expression(text: &str, token: Token, expr: &Expr) -> Option<Error> {
    let word = text.get(token.span.range()).unwrap_or_default();
    match (token.kind, &expr.node) {
        (Kind::RightParen, _) => Some(
            Error::new(token.span, "unexpected right parenthesis ')'")
                .help("it closes nothing that is open")
                .guess("leave it out", vec![(token.span, String::new())]),
        ),
        (Kind::Keyword(Keyword::By | Keyword::Without), Node::Call(_)) => {
            let wrap = vec![(expr.span.before(), "sum(".to_owned()), (expr.span.after(), ")".to_owned())];
            Some(
                Error::new(token.span, format!("unexpected <{}>", word.to_ascii_lowercase()))
                    .help("`by` and `without` belong to an aggregation such as `sum`")
                    .guess("aggregate it", wrap),
            )
        }
        _ => None,
    }
}

/// Signs that no query holds.
pub(super) fn odd(text: &str, span: Span) -> Option<Error> {
    let first = text.chars().next()?;
    let error = Error::new(span, format!("unexpected character: {first:?}"));
    Some(match first {
        '$' => error.help(format!(
            "`{text}` is a variable of dashboards: write a duration such as `1m`, or a variable of the policy"
        )),
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => {
            error.help("strings stand in straight quotes: `\"…\"`")
        }
        '\u{a0}' | '\u{200b}' | '\u{feff}' => error.help("it is a blank that is none: type it anew"),
        '~' | '!' | '&' | '|' => {
            error.help("operators are `==`, `!=`, `<`, `>`, `<=`, `>=`, `and`, `or`, `unless`")
        }
        _ => error,
    })
}

/// What no query language lets stand open: strings and brackets.
pub(super) fn unclosed(text: &str, holes: bool) -> Vec<Error> {
    let (tokens, found) = lexer::tokens(text, holes);
    let mut errors: Vec<Error> =
        found.into_iter().filter(|error| error.message.starts_with("unterminated")).collect();
    if !errors.is_empty() {
        return errors;
    }
    let mut open: Vec<Token> = Vec::new();
    for token in tokens {
        let opens = match token.kind {
            Kind::LeftParen | Kind::LeftBrace | Kind::LeftBracket => {
                open.push(token);
                continue;
            }
            Kind::RightParen => Kind::LeftParen,
            Kind::RightBrace => Kind::LeftBrace,
            Kind::RightBracket => Kind::LeftBracket,
            _ => continue,
        };
        if open.pop().is_none_or(|last| last.kind != opens) {
            let word = text.get(token.span.range()).unwrap_or_default();
            errors.push(
                Error::new(token.span, format!("unexpected {word:?}")).help("it closes nothing that is open"),
            );
            return errors;
        }
    }
    if let Some(token) = open.pop() {
        let word = text.get(token.span.range()).unwrap_or_default();
        errors.push(Error::new(token.span, format!("unclosed {word:?}")));
    }
    errors
}
