//! `docs/lint.md` and the lints: each lint has a section, each section is a lint's, and its examples show what it says.

use std::collections::BTreeSet;
use std::process::Command;

use rollgate::policy::lint::online::is_online;
use rollgate::policy::lint::{RULES, Rule};
use rollgate::policy::problem::Severity;

/// A section of the documentation.
struct Section {
    id: String,
    text: String,
}

impl Section {
    /// The policies it shows: one in which the lint finds something, one in which it does not.
    fn examples(&self) -> Vec<&str> {
        self.text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
    }
}

fn sections() -> Vec<Section> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/lint.md");
    let text = std::fs::read_to_string(path).unwrap();
    let parts = text.split("\n### ").skip(1);
    parts
        .map(|part| {
            let (id, text) = part.split_once('\n').unwrap();
            let text = text.split("\n## ").next().unwrap_or_default();
            Section { id: id.to_owned(), text: text.to_owned() }
        })
        .collect()
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied().flatten()
}

/// What `rollgate lint` says of `policy`: severity, id and whether it is mended by `--fix`; and all of it as JSON.
fn lint(policy: &str) -> (BTreeSet<(String, String)>, bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.yaml");
    std::fs::write(&path, policy).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollgate"));
    let output = command.args(["lint", "--format", "json"]).arg(&path).env_clear().output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let word = |problem: &serde_json::Value, key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    let problems = document["problems"].as_array().unwrap();
    let found = problems.iter().map(|problem| (word(problem, "severity"), word(problem, "id"))).collect();
    let mended = problems.iter().any(|problem| problem["fix"]["sure"] == true);
    (found, mended, format!("{:#}", document["problems"]))
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Fault => "fault",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

#[test]
fn every_lint_has_a_section_and_every_section_a_lint() {
    let documented: Vec<String> = sections().into_iter().map(|section| section.id).collect();
    let known: Vec<&str> = rules().map(|rule| rule.id).collect();
    assert_eq!(documented, known, "docs/lint.md has other sections than there are lints, or another order");
}

#[test]
fn the_examples_show_what_their_section_says() {
    let mut wrong = Vec::new();
    for section in sections() {
        let Some(rule) = rules().find(|rule| rule.id == section.id) else { continue };
        let severity = word(rule.severity);
        if is_online(rule.id) {
            // What a source tells is played in scenarios.
            if !section.text.starts_with(&format!("\n**{severity}**, with `--online`\n")) {
                wrong.push(format!("{}: the section should begin with its severity and `--online`", rule.id));
            }
            continue;
        }
        let &[bad, good] = &*section.examples() else {
            wrong.push(format!("{}: expected two examples", rule.id));
            continue;
        };
        let own = (severity.to_owned(), rule.id.to_owned());
        // Other notes that examples bring along are worth knowing there as well.
        let counts = |one: &&(String, String)| **one == own || one.0 != "note";
        let (found, mended, text) = lint(bad);
        if found.iter().filter(counts).ne([&own]) {
            wrong.push(format!("{}: the first example should show it and nothing else\n{text}", rule.id));
        }
        let head = format!("\n**{severity}**{}\n", if mended { ", mended by `--fix`" } else { "" });
        if !section.text.starts_with(&head) {
            wrong.push(format!("{}: the section should begin with `{}`", rule.id, head.trim()));
        }
        let (found, _, text) = lint(good);
        if found.iter().any(|one| *one == own || one.0 != "note") {
            wrong.push(format!("{}: the second example should show nothing\n{text}", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The policies that `docs/windows.md` shows are ones in which nothing is wrong.
#[test]
fn the_policies_of_the_page_on_windows_are_sound() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/windows.md");
    let page = Section { id: String::new(), text: std::fs::read_to_string(path).unwrap() };
    assert_eq!(page.examples().len(), 3);
    for policy in page.examples() {
        let (found, _, text) = lint(policy);
        assert!(found.iter().all(|(severity, _)| severity == "note"), "{policy}\n{text}");
    }
    let shown =
        page.text.split("<!-- refused -->\n```text\n").nth(1).and_then(|rest| rest.split("```").next());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/windows-refused/expected.txt");
    let expected = std::fs::read_to_string(path).unwrap();
    assert_eq!(shown, expected.split("== stderr\n").nth(1).and_then(|rest| rest.split("== requests").next()));
}

/// The policies that `docs/events.md` shows are ones in which nothing is wrong.
#[test]
fn the_policies_of_the_page_on_events_are_sound() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/events.md");
    let page = Section { id: String::new(), text: std::fs::read_to_string(path).unwrap() };
    assert_eq!(page.examples().len(), 4);
    for policy in page.examples() {
        let (found, _, text) = lint(policy);
        assert!(found.iter().all(|(severity, _)| severity == "note"), "{policy}\n{text}");
    }
}

/// The policies that `docs/context.md` shows are ones in which nothing is wrong.
#[test]
fn the_policies_of_the_page_on_context_are_sound() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/context.md");
    let page = Section { id: String::new(), text: std::fs::read_to_string(path).unwrap() };
    assert_eq!(page.examples().len(), 1);
    for policy in page.examples() {
        let (found, _, text) = lint(policy);
        assert!(found.iter().all(|(severity, _)| severity == "note"), "{policy}\n{text}");
    }
}
