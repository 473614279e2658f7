//! Findings for people: carets, a count, and where to read on. Must not colour; stdout is data.

use super::{DOCS, Findings, Format, Found};
use crate::diagnostic::{carets, count};
use crate::policy::lint::is_lint;
use crate::policy::problem::{Problem, Severity};
use crate::report::Redact;

/// The format itself.
#[derive(Debug)]
pub struct Text;

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn summary(&self) -> &'static str {
        "for people: each problem with its place, its help, and the name of its lint"
    }

    fn render(&self, findings: &Findings<'_>, redact: Redact<'_>) -> String {
        let mut text = String::new();
        for policy in &findings.policies {
            if policy.found.is_empty() {
                text.push_str(&format!("{}: no faults\n", policy.files.join(", ")));
            }
            let problems: Vec<&Problem> = policy.found.iter().map(|found| found.problem).collect();
            text.push_str(&carets(&problems, findings.sources, false));
        }
        let all: Vec<&Found<'_>> = findings.all().collect();
        if all.is_empty() {
            return redact(&text);
        }
        let problems: Vec<&Problem> = all.iter().map(|found| found.problem).collect();
        text.push_str(&count(&problems));
        let denied = all.iter().filter(|one| one.denied && one.problem.severity != Severity::Fault).count();
        if denied > 0 {
            text.push_str(&format!("; {denied} denied"));
        }
        text.push('\n');
        if problems.iter().filter_map(|problem| problem.id).any(is_lint) {
            text.push_str(&format!("the words in brackets are explained in {DOCS}\n"));
        }
        redact(&text)
    }
}
