//! Findings as SARIF 2.1.0, for code scanning and editors. Must hold nothing that the standard does not know.

use serde_json::{Map, Value, json};

use super::{DOCS, Findings, Format, Found};
use crate::diagnostic::Location;
use crate::policy::lint::RULES;
use crate::policy::problem::Severity;
use crate::policy::query;
use crate::report::Redact;

/// The format itself.
#[derive(Debug)]
pub struct Sarif;

/// The rule of faults of the format, which have no id of their own.
const FAULT: &str = "policy";

impl Format for Sarif {
    fn name(&self) -> &'static str {
        "sarif"
    }

    fn summary(&self) -> &'static str {
        "for code scanning: a SARIF 2.1.0 log with all lints, results and fixes"
    }

    fn render(&self, findings: &Findings<'_>, redact: Redact<'_>) -> String {
        let rules = rules();
        let results: Vec<Value> =
            findings.all().map(|found| result(found, &rules, findings, redact)).collect();
        let log = json!({
            "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "rollgate",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules.iter().map(Rule::value).collect::<Vec<_>>(),
                } },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }],
        });
        format!("{log:#}\n")
    }
}

/// A rule as the log describes it.
struct Rule {
    id: &'static str,
    summary: String,
    severity: Severity,
    documented: bool,
}

fn rules() -> Vec<Rule> {
    let fault = |id, summary: &str| Rule {
        id,
        summary: summary.to_owned(),
        severity: Severity::Fault,
        documented: false,
    };
    let lints = RULES.iter().copied().flatten().map(|rule| Rule {
        id: rule.id,
        summary: rule.summary.to_owned(),
        severity: rule.severity,
        documented: true,
    });
    let faults = [
        fault(FAULT, "a fault of the policy: it cannot run"),
        fault(query::FAULT, "a mistake in a query: it cannot be asked"),
    ];
    faults.into_iter().chain(lints).collect()
}

impl Rule {
    fn value(&self) -> Value {
        let mut rule = json!({
            "id": self.id,
            "shortDescription": { "text": self.summary },
            "defaultConfiguration": { "level": level(self.severity, false) },
        });
        if self.documented {
            let page = format!("{DOCS}#{}", self.id);
            rule["help"] = json!({
                "text": format!("{}; see {page}", self.summary),
                "markdown": format!("{}; see [{page}]({page})", self.summary),
            });
        }
        rule
    }
}

const fn level(severity: Severity, denied: bool) -> &'static str {
    match severity {
        Severity::Fault => "error",
        Severity::Warning | Severity::Note if denied => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(found: &Found<'_>, rules: &[Rule], findings: &Findings<'_>, redact: Redact<'_>) -> Value {
    let problem = found.problem;
    let id = problem.id.unwrap_or(FAULT);
    let help = problem.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    let place = |at: &Location| json!({ "artifactLocation": artifact(at, redact), "region": region(at) });
    let at = findings.location(problem);
    let mut result = json!({
        "ruleId": id,
        "level": level(problem.severity, found.denied),
        "message": { "text": redact(&format!("{}{help}", problem.message)) },
        "locations": at.iter().map(|at| json!({ "physicalLocation": place(at) })).collect::<Vec<_>>(),
    });
    if let Some(index) = rules.iter().position(|rule| rule.id == id) {
        result["ruleIndex"] = index.into();
    }
    if let Some((also, label)) = problem.also.as_deref()
        && let Some(at) = findings.sources.location(*also)
    {
        let message = json!({ "text": redact(label) });
        result["relatedLocations"] = json!([{ "physicalLocation": place(&at), "message": message }]);
    }
    if let Some(fix) = &problem.fix
        && let Some(changes) = findings.changes(fix)
        && let Some(first) = changes.first()
    {
        let replacements: Vec<Value> = changes
            .iter()
            .map(|change| {
                let new = json!({ "text": redact(&change.text) });
                json!({ "deletedRegion": region(&change.at), "insertedContent": new })
            })
            .collect();
        result["fixes"] = json!([{
            "description": { "text": redact(&fix.title) },
            "artifactChanges": [{
                "artifactLocation": artifact(&first.at, redact),
                "replacements": replacements,
            }],
        }]);
    }
    result
}

fn region(at: &Location) -> Value {
    json!({ "startLine": at.start.0, "startColumn": at.start.1, "endLine": at.end.0, "endColumn": at.end.1 })
}

/// The file as a URI: relative ones stay relative to wherever the command ran, which is the repository in CI.
fn artifact(at: &Location, redact: Redact<'_>) -> Value {
    let path = redact(&at.file).replace('\\', "/");
    let mut encoded: String = path
        .split('/')
        .map(|part| percent_encoding::utf8_percent_encode(part, crate::host::http::URL_PART).to_string())
        .collect::<Vec<_>>()
        .join("/");
    let mut artifact = Map::new();
    if path.starts_with('/') {
        encoded.insert_str(0, "file://");
    } else {
        artifact.insert("uriBaseId".to_owned(), "%SRCROOT%".into());
    }
    artifact.insert("uri".to_owned(), encoded.into());
    artifact.into()
}
