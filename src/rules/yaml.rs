//! Rules as Prometheus reads them from a file, and a group as Mimir takes it. Must not decide what is written.

use std::fmt::Write as _;

use super::{Entry, Group, Rule};
use crate::policy::fill::quoted;
use crate::promql::write_duration;

/// A file of the one group `of`, made of `from`.
pub(crate) fn file(of: &Group, from: &str) -> String {
    let mut text = format!("{}groups:\n", head(from));
    let mut body = group_lines(of).into_iter();
    if let Some(first) = body.next() {
        let _ = writeln!(text, "  - {first}");
    }
    body.for_each(|line| push(&mut text, "    ", &line));
    text
}

/// The group `of` by itself, made of `from`.
pub(crate) fn group(of: &Group, from: &str) -> String {
    let mut text = head(from);
    group_lines(of).iter().for_each(|line| push(&mut text, "", line));
    text
}

fn push(text: &mut String, indent: &str, line: &str) {
    let indent = if line.is_empty() { "" } else { indent };
    let _ = writeln!(text, "{indent}{line}");
}

fn head(from: &str) -> String {
    comment("", &format!("Written by `rollgate rules` from {from}: change that, and write this anew."))
}

fn group_lines(of: &Group) -> Vec<String> {
    let mut lines = vec![format!("name: {}", quoted(&of.name))];
    if let Some(interval) = of.interval {
        lines.push(format!("interval: {}", write_duration(interval.as_secs_f64())));
    }
    let rules = of.rules().next().is_some();
    lines.push(if rules { "rules:".to_owned() } else { "rules: []".to_owned() });
    for entry in &of.entries {
        match entry {
            Entry::Rule(rule) => rule_lines(rule, &mut lines),
            Entry::LeftOut { check, why } => {
                lines.push(comment("  ", &format!("left out: {check}: {why}")).trim_end().to_owned());
            }
        }
    }
    lines
}

fn rule_lines(rule: &Rule, lines: &mut Vec<String>) {
    for note in &rule.notes {
        lines.push(comment("  ", &format!("{}: {note}", rule.alert)).trim_end().to_owned());
    }
    lines.push(format!("  - alert: {}", quoted(&rule.alert)));
    lines.push(format!("    expr: {}", scalar(&rule.expr)));
    if !rule.lasting.is_zero() {
        lines.push(format!("    for: {}", write_duration(rule.lasting.as_secs_f64())));
    }
    lines.push("    labels:".to_owned());
    lines.extend(rule.labels.iter().map(|(name, value)| format!("      {name}: {}", quoted(value))));
    lines.push("    annotations:".to_owned());
    lines.extend(rule.annotations.iter().map(|(name, value)| format!("      {name}: {}", quoted(value))));
}

/// `text` as a comment of one line: what a line end or a control character would bring out of it is a blank.
fn comment(indent: &str, text: &str) -> String {
    let plain = |c: char| {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') {
            ' '
        } else {
            c
        }
    };
    format!("{indent}# {}\n", text.chars().map(plain).collect::<String>())
}

/// `text` in single quotes, in which expressions read as they are; in double ones where it has what those cannot hold.
fn scalar(text: &str) -> String {
    let plain = |c: char| {
        !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if text.chars().all(plain) { format!("'{}'", text.replace('\'', "''")) } else { quoted(text) }
}
