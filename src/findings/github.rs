//! Findings as workflow commands of GitHub Actions, which become annotations. Must escape whatever could end a command
//! or begin another.

use super::{Findings, Format, Found};
use crate::policy::problem::Severity;
use crate::report::Redact;

/// The format itself.
#[derive(Debug)]
pub struct Github;

impl Format for Github {
    fn name(&self) -> &'static str {
        "github"
    }

    fn summary(&self) -> &'static str {
        "for GitHub Actions: an annotation for each problem"
    }

    fn render(&self, findings: &Findings<'_>, redact: Redact<'_>) -> String {
        findings.all().map(|found| command(found, findings, redact)).collect()
    }
}

fn command(found: &Found<'_>, findings: &Findings<'_>, redact: Redact<'_>) -> String {
    let problem = found.problem;
    let word = match problem.severity {
        Severity::Fault => "error",
        Severity::Warning | Severity::Note if found.denied => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(at) = findings.location(problem) {
        let (line, end_line) = (at.start.0, at.end.0);
        properties.push(format!("file={},line={line},endLine={end_line}", property(&redact(&at.file))));
        // Columns are taken of one line only.
        if line == end_line {
            properties.push(format!("col={},endColumn={}", at.start.1, at.end.1.max(at.start.1)));
        }
    }
    properties.push(format!("title={}", property(&format!("rollgate: {}", problem.id.unwrap_or("policy")))));
    let help = problem.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    let message = redact(&format!("{}{help}", problem.message));
    format!("::{word} {}::{}\n", properties.join(","), data(&message))
}

/// `text` as the message of a command.
fn data(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    escaped.replace(char::is_control, " ")
}

/// `text` as the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
