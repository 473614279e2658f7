//! Lints by example: what each rule finds in a policy and what it leaves alone. `docs/lint.md` has an example of each;
//! here are the borders.

use super::*;
use crate::check::KINDS;
use crate::diagnostic::Sources;
use crate::policy::parse::parse;

/// What is found in `text`: `id@line`, faults without an id as `fault@line`.
fn found(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let index = sources.add("p.yaml", text.as_bytes().to_vec()).unwrap();
    let documents = [Document::of(&sources, index)];
    let (spec, mut problems) = parse(&documents, KINDS);
    let complete = !problems.any_fault();
    problems.append(warnings(Subject { spec: &spec, documents: &documents, complete }));
    let shown = |problem: &&Problem| {
        let line = crate::diagnostic::location(problem, &sources).map_or(0, |at| at.start.0);
        format!("{}@{line}", problem.id.unwrap_or("fault"))
    };
    problems.sorted().iter().map(shown).collect()
}

#[test]
fn ids_are_unique_and_said_in_a_sentence() {
    let mut ids: Vec<&str> = RULES.iter().copied().flatten().map(|rule| rule.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for rule in RULES.iter().copied().flatten() {
        assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.id);
        assert!(!rule.summary.ends_with('.') && !rule.summary.is_empty(), "{}", rule.id);
    }
}

/// A policy with a query that `match-everything` finds twice and `alert-only`.
fn policy(check: &str) -> String {
    format!("post_deployment_validation:\n  metrics_validation:\n{check}")
}

const ODD: &str =
    "    - name: a\n      query: 'x{a=~\".*\"}'\n      max_value: 1\n      failure_action: rollback\n";

#[test]
fn a_comment_allows_lints_on_its_line_and_on_what_begins_below_it() {
    for (name, text) in [
        ("on the line", ODD.replace("\"}'", "\"}' # rollgate: allow(match-everything)")),
        (
            "above the line",
            ODD.replace("      query", "      # rollgate: allow(match-everything)\n\n      query"),
        ),
        (
            "above the check",
            ODD.replace("    - name", "    # rollgate: allow(match-everything) on purpose\n    - name"),
        ),
        (
            "beside the check",
            ODD.replace("name: a", "name: a # why not? # rollgate: allow( match-everything )"),
        ),
        (
            "in a fold",
            ODD.replace("'x{a=~\".*\"}'", ">- # rollgate: allow(match-everything)\n        x{a=~\".*\"}"),
        ),
        (
            "after a fold",
            ODD.replace("'x{a=~\".*\"}'", "'x\n        {a=~\".*\"}' # rollgate: allow(match-everything)"),
        ),
        (
            "with windows lines",
            ODD.replace("\"}'", "\"}' # rollgate: allow(match-everything)").replace('\n', "\r\n"),
        ),
    ] {
        assert_eq!(found(&policy(&text)), [] as [&str; 0], "{name}\n{text}");
    }
    let all = format!("\u{feff}# rollgate: allow(match-everything)\n{}", policy(ODD));
    assert_eq!(found(&all), [] as [&str; 0]);
}

#[test]
fn what_only_looks_like_a_comment_allows_nothing() {
    for (text, expected) in [
        (ODD.replace("name: a", "name: 'a # rollgate: allow(match-everything)'"), vec!["match-everything@4"]),
        (ODD.replace("name: a", "name: a#rollgate:allow(match-everything)"), vec!["match-everything@4"]),
        (
            ODD.replace(
                "name: a",
                "name: a\n      description: |\n        # rollgate: allow(match-everything)",
            ),
            vec!["match-everything@6"],
        ),
        // It is about the line below it, not about what stands above.
        (
            format!(
                "{ODD}    # rollgate: allow(match-everything)\n    - {{name: b, query: up, max_value: 1}}\n"
            ),
            vec!["match-everything@4", "unused-allow@7"],
        ),
        (ODD.replace("name: a", "name: a # rollgate: a comment for people"), vec!["match-everything@4"]),
        (
            ODD.replace("max_value: 1", "max_value: 1 # rollgate: allow(match-everything)"),
            vec!["match-everything@4", "unused-allow@5"],
        ),
    ] {
        assert_eq!(found(&policy(&text)), expected, "{text}");
    }
}

#[test]
fn a_comment_that_allows_no_lint_or_nothing_is_told() {
    for (comment, expected) in [
        ("# rollgate: allow(match-evrything)", vec!["match-everything@4", "unknown-lint@4"]),
        ("# rollgate: allow(match-everything, alert-only)", vec!["unused-allow@4"]),
        ("# rollgate: alow(match-everything)", vec!["match-everything@4", "unknown-lint@4"]),
        ("# rollgate: allow match-everything", vec!["match-everything@4", "unknown-lint@4"]),
        ("# rollgate: allow()", vec!["match-everything@4", "unknown-lint@4"]),
        ("# rollgate: allow(promql)", vec!["match-everything@4", "unknown-lint@4"]),
    ] {
        let text = ODD.replace("\"}'", &format!("\"}}' {comment}"));
        assert_eq!(found(&policy(&text)), expected, "{text}");
    }
    // Of what could not be read nobody knows what it would have said.
    let broken = ODD.replace("max_value: 1", "max_value: one # rollgate: allow(alert-only)");
    assert_eq!(found(&policy(&broken)), ["fault@5"]);
    let fault = "# rollgate: allow(promql)\n    - name: b\n      query: 'rate(x)[5m]'\n      max_value: 1\n";
    assert_eq!(found(&policy(&format!("    {fault}"))), ["unknown-lint@3", "promql@5"]);
}
