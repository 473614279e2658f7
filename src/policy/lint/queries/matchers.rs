//! Lints of label matchers: regular expressions that match everything, nothing, or one text, and values that are
//! patterns without being meant to. Must not judge what a variable will hold.

use super::{Asked, holed, sound};
use crate::policy::lint::{Cx, Rule};
use crate::policy::problem::{Problem, Severity};
use crate::promql::ast::{MatchOp, Matcher, Node, Selector, Span};
use crate::promql::regex;

/// The lints of this file.
pub(in crate::policy::lint) const RULES: &[Rule] = &[
    Rule {
        id: "match-everything",
        severity: Severity::Warning,
        summary: "a regular expression that every value matches",
        check: match_everything,
    },
    Rule {
        id: "match-nothing",
        severity: Severity::Warning,
        summary: "matchers that no series can meet",
        check: match_nothing,
    },
    Rule {
        id: "variable-in-regex",
        severity: Severity::Warning,
        summary: "a variable in a regular expression without the helper `regex`: its dots match anything",
        check: variable_in_regex,
    },
    Rule {
        id: "plain-regex",
        severity: Severity::Note,
        summary: "a regular expression that is a plain text",
        check: plain_regex,
    },
    Rule {
        id: "regex-under-equal",
        severity: Severity::Warning,
        summary: "a regular expression after `=` or `!=`, which compare it as a plain text",
        check: regex_under_equal,
    },
    Rule {
        id: "anchored-regex",
        severity: Severity::Note,
        summary: "`^` and `$` around a regular expression, which is anchored anyway",
        check: anchored_regex,
    },
    Rule {
        id: "unescaped-dot",
        severity: Severity::Note,
        summary: "a dot of a host's name or address in a regular expression: it matches any character",
        check: unescaped_dot,
    },
];

/// What every text matches.
const EVERYTHING: &[&str] = &[".*", "^.*$", "^.*", ".*$", "(.*)", "(?s).*", "(?s:.*)", ".*|", "|.*"];

/// Every selector, with its matchers.
fn matchers<'q>(asked: Asked<'q>) -> impl Iterator<Item = (&'q Selector, &'q Matcher)> {
    asked.expr.all().into_iter().flat_map(|expr| {
        let selector = match &expr.node {
            Node::Selector(selector) => Some(&**selector),
            _ => None,
        };
        selector
            .into_iter()
            .flat_map(|selector| selector.matchers.iter().map(move |matcher| (selector, matcher)))
    })
}

fn is_everything(matcher: &Matcher) -> bool {
    EVERYTHING.contains(&&*matcher.value.text)
}

fn match_everything(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for (selector, matcher) in matchers(asked) {
            if matcher.op != MatchOp::Regex || !is_everything(matcher) {
                continue;
            }
            let (value, label) = (&matcher.value.text, &matcher.label.text);
            let message = format!("`{value}` matches every value of `{label}`");
            let problem = asked.problem(matcher.span, message).help("leave the matcher out, or write `.+`");
            let edits = vec![(removed(selector, matcher), String::new())];
            found.push(asked.mended(problem, "leave it out", false, edits));
        }
    }
}

/// What goes when `matcher` goes: it and one comma.
fn removed(selector: &Selector, matcher: &Matcher) -> Span {
    let at = selector.matchers.iter().position(|one| one.span == matcher.span).unwrap_or_default();
    if let Some(next) = selector.matchers.get(at + 1) {
        return Span { start: matcher.span.start, end: next.span.start };
    }
    if let Some(before) = at.checked_sub(1).and_then(|before| selector.matchers.get(before)) {
        return Span { start: before.span.end, end: matcher.span.end };
    }
    match selector.braces {
        // Alone, its braces go too; not where the name is in them.
        Some(braces) if selector.name_before_braces().is_some() => braces,
        _ => matcher.span,
    }
}

fn match_nothing(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for (selector, matcher) in matchers(asked) {
            let label = &matcher.label.text;
            if matcher.op == MatchOp::NotRegex && is_everything(matcher) {
                let message = format!(
                    "no value of `{label}` fails to match `{}`: nothing is selected",
                    matcher.value.text
                );
                let help =
                    format!("leave the matcher out, or write `{label}=\"\"` for series without the label");
                found.push(asked.problem(matcher.span, message).help(help));
                continue;
            }
            if matcher.op != MatchOp::Equal || holed(&matcher.value.text) {
                continue;
            }
            let clash = selector.matchers.iter().take_while(|one| one.span != matcher.span).find(|other| {
                let same = other.value.text == matcher.value.text;
                let clashes = match other.op {
                    MatchOp::Equal => !same,
                    MatchOp::NotEqual => same,
                    _ => false,
                };
                other.label.text == matcher.label.text && clashes && !holed(&other.value.text)
            });
            if let Some(other) = clash {
                let message = format!("no series has a `{label}` that meets both of these");
                let help = "keep one of them; several values are `=~\"a|b\"`";
                found.push(asked.query.problem(&[matcher.span, other.span], message).help(help));
            }
        }
    }
}

fn variable_in_regex(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for (_, matcher) in matchers(asked).filter(|(_, matcher)| matcher.op.is_regex()) {
            let span = matcher.value.span;
            let tags = asked.query.skeleton().tags(span.start..span.end);
            let plain: Vec<&str> =
                tags.filter(|tag| !tag.is_regex).filter_map(|tag| tag.variable.as_deref()).collect();
            // A variable that is meant to be a pattern says so by its name, one that cannot be any by its declaration.
            let meant = |name: &str| {
                let name = name.to_lowercase();
                name.contains("regex") || name.contains("pattern") || name.ends_with("_re")
            };
            let Some(name) = plain.iter().find(|name| !meant(name) && !cx.spec.variables.is_restricted(name))
            else {
                continue;
            };
            let message = format!("the value of `{name}` is taken for a regular expression here");
            let whole = matcher.value.text.chars().count() == 1;
            let equal = if matcher.op == MatchOp::Regex { "=" } else { "!=" };
            let help = format!("write `{{{{regex {name}}}}}`, so that a dot in it is only a dot");
            let help = if whole { format!("{help}; or match with `{equal}`") } else { help };
            let problem = asked.problem(matcher.span, message).help(help);
            found.push(escaped(asked, problem, span, name));
        }
    }
}

/// `problem`, mended by the helper `regex` in the tag that is `{{name}}` and nothing more.
fn escaped(asked: Asked<'_>, problem: Problem, value: Span, name: &str) -> Problem {
    let tag = format!("{{{{{name}}}}}");
    let raw = asked.raw(value);
    let hole = raw
        .char_indices()
        .find(|(_, c)| holed(c.encode_utf8(&mut [0; 4])) && asked.query.shown(&c.to_string()) == tag);
    let Some((at, hole)) = hole else { return problem };
    let start = value.start + u32::try_from(at).unwrap_or_default();
    let span = Span { start, end: start + u32::try_from(hole.len_utf8()).unwrap_or_default() };
    asked.mended(problem, "escape the value", false, vec![(span, format!("{{{{regex {name}}}}}"))])
}

fn plain_regex(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for (_, matcher) in matchers(asked).filter(|(_, matcher)| matcher.op.is_regex()) {
            let value = &matcher.value.text;
            if value.is_empty()
                || holed(value)
                || value.contains('\\')
                || !regex::check(value).is_ok_and(|read| read.is_literal)
            {
                continue;
            }
            let instead = if matcher.op == MatchOp::Regex { "=" } else { "!=" };
            let message = format!("`{value}` is a plain text, not a pattern");
            let problem = asked.problem(matcher.span, message).help(format!("match it with `{instead}`"));
            let edits = vec![(matcher.op_span, instead.to_owned())];
            found.push(asked.mended(problem, &format!("match with `{instead}`"), true, edits));
        }
    }
}

fn regex_under_equal(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for (_, matcher) in matchers(asked).filter(|(_, matcher)| !matcher.op.is_regex()) {
            let value = &*matcher.value.text;
            if holed(value) || !is_pattern(value) {
                continue;
            }
            let instead = if matcher.op == MatchOp::Equal { "=~" } else { "!~" };
            let written = matcher.op.word();
            let message =
                format!("`{written}` compares `{}` with this text, not with a pattern", matcher.label.text);
            let problem =
                asked.problem(matcher.span, message).help(format!("match a pattern with `{instead}`"));
            let edits = vec![(matcher.op_span, instead.to_owned())];
            found.push(asked.mended(problem, &format!("match with `{instead}`"), false, edits));
        }
    }
}

/// Whether `value` is surely meant as a regular expression: it repeats anything, leaves digits open, or lists words.
fn is_pattern(value: &str) -> bool {
    let open = value.strip_suffix("..").is_some_and(|class| matches!(class, "1" | "2" | "3" | "4" | "5"));
    let word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    let listed = value.contains('|') && value.split('|').all(word);
    (open || listed || [".*", ".+", "\\d", "[0-9]"].iter().any(|part| value.contains(part)))
        && regex::check(value).is_ok()
}

fn anchored_regex(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for (_, matcher) in matchers(asked).filter(|(_, matcher)| matcher.op.is_regex()) {
            let value = &*matcher.value.text;
            if is_everything(matcher) || value.len() < 2 {
                continue;
            }
            // Before or behind an alternative an anchor is not around the whole, and is as needless.
            let begins = value.starts_with('^');
            let escapes = value.trim_end_matches('$').chars().rev().take_while(|c| *c == '\\').count();
            let ends = value.ends_with('$') && escapes % 2 == 0;
            // In `^*` it is the anchor that is repeated, and with the flag `m` one may be at the end of a line.
            let rest = &value[usize::from(begins)..value.len() - usize::from(ends)];
            if !(begins || ends) || regex::check(rest).is_err() || has_flag(value, 'm') {
                continue;
            }
            let anchors = match (begins, ends) {
                (true, true) => "`^` and `$` are",
                (true, false) => "`^` is",
                _ => "`$` is",
            };
            let message = format!("{anchors} needless: a matcher's pattern always matches the whole value");
            let problem = asked.problem(matcher.value.span, message).help("leave it out");
            let (inner, span) = (asked.raw(matcher.value.span), matcher.value.span);
            let mut edits = Vec::new();
            if begins && inner[1..].starts_with('^') {
                edits.push((Span { start: span.start + 1, end: span.start + 2 }, String::new()));
            }
            if ends && inner[..inner.len() - 1].ends_with('$') {
                edits.push((Span { start: span.end - 2, end: span.end - 1 }, String::new()));
            }
            let sure = !edits.is_empty();
            found.push(if sure {
                asked.mended(problem, "leave the anchors out", sure, edits)
            } else {
                problem
            });
        }
    }
}

/// Whether `pattern` sets `flag` somewhere, as in `(?i)`.
fn has_flag(pattern: &str, flag: char) -> bool {
    let flags =
        |text: &str| text.split(|c: char| !c.is_ascii_alphabetic()).next().map(|word| word.contains(flag));
    pattern.split("(?").skip(1).filter_map(flags).any(|has| has)
}

/// Labels whose values are names or addresses of hosts.
const HOSTS: &[&str] = &[
    "instance",
    "host",
    "hostname",
    "node",
    "nodename",
    "server",
    "server_name",
    "domain",
    "fqdn",
    "target",
    "authority",
];

/// How names of hosts end.
const DOMAINS: &[&str] =
    &["com", "net", "org", "io", "dev", "app", "cloud", "local", "localdomain", "internal", "lan", "svc"];

fn unescaped_dot(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for (_, matcher) in matchers(asked).filter(|(_, matcher)| matcher.op.is_regex()) {
            let value = &*matcher.value.text;
            let dots = host_dots(value, HOSTS.contains(&&*matcher.label.text));
            if dots.is_empty() {
                continue;
            }
            let message = format!("a dot of `{value}` matches any character, not only a dot");
            let mut escaped = String::with_capacity(value.len() + dots.len());
            for (at, c) in value.char_indices() {
                if dots.contains(&at) {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
            let text = asked.quoted_like(matcher.value.span, &escaped);
            let problem = asked.problem(matcher.value.span, message);
            let problem = problem.help(format!("write `{}`", asked.query.shown(&text)));
            found.push(asked.mended(problem, "escape the dots", false, vec![(matcher.value.span, text)]));
        }
    }
}

/// Where the dots of names and addresses of hosts stand that are not escaped; `known`: the label is one of hosts.
fn host_dots(pattern: &str, known: bool) -> Vec<usize> {
    let other = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    let mut dots = Vec::new();
    let mut start = 0;
    while start < pattern.len() {
        let rest = &pattern[start..];
        let length = rest.find(other).unwrap_or(rest.len());
        let (mut host, next) = (&rest[..length], rest[length..].chars().next());
        let mut at = start;
        start += length + next.map_or(0, char::len_utf8);
        // A dot behind a backslash is only a dot, and one before a repetition is none.
        if pattern[..at].ends_with('\\') && host.starts_with('.') {
            (host, at) = (&host[1..], at + 1);
        }
        if matches!(next, Some('*' | '+' | '?' | '{')) {
            host = host.rsplit_once('.').map_or("", |(host, _)| host);
        }
        let parts: Vec<&str> = host.split('.').collect();
        let last = parts.last().copied().unwrap_or_default();
        let word = known && last.len() >= 2 && last.chars().all(|c| c.is_ascii_alphabetic());
        let address = parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok());
        let named = word || DOMAINS.contains(&last);
        if parts.len() >= 2 && parts.iter().skip(1).all(|part| !part.is_empty()) && (named || address) {
            dots.extend(host.match_indices('.').map(|(dot, _)| at + dot));
        }
    }
    dots
}
