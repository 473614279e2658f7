//! Findings for programs: one `rollgate.lint/v1` document, and its schema. Must only grow within v1.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::{Findings, Format, Found};
use crate::policy::problem::{Problem, Severity};
use crate::report::Redact;

/// The document's name and version.
pub const SCHEMA: &str = "rollgate.lint/v1";

/// The format itself.
#[derive(Debug)]
pub struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn summary(&self) -> &'static str {
        "for programs: all problems with their places and fixes as one `rollgate.lint/v1` document"
    }

    fn render(&self, findings: &Findings<'_>, redact: Redact<'_>) -> String {
        let document = document(findings, redact);
        // Only a type of this file could refuse to be written. A reader must see that, not half a document.
        let text = serde_json::to_string_pretty(&document).unwrap_or_else(|error| {
            serde_json::json!({ "schema": SCHEMA, "fault": error.to_string() }).to_string()
        });
        format!("{text}\n")
    }
}

/// The JSON Schema (draft 2020-12) of the document. Unknown fields are allowed everywhere: v1 grows.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document>().to_value()
}

/// What `rollgate lint` found. Lines and columns count from 1, columns in characters, ends are exclusive. Readers must
/// ignore fields that they do not know.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "rollgate.lint/v1", extend("$id" = "urn:rollgate:lint:v1"))]
struct Document {
    /// The document's name and version.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The version of rollgate that wrote it.
    tool_version: &'static str,
    /// The files that were read, as they were named.
    files: Vec<String>,
    /// How many problems are faults.
    faults: usize,
    /// How many are warnings.
    warnings: usize,
    /// How many are notes.
    notes: usize,
    /// How many were denied by `--deny` and are no faults.
    denied: usize,
    /// All problems, by place.
    problems: Vec<ProblemDocument>,
    /// What `--fix` has mended before.
    fixed: Vec<FixedDocument>,
}

/// One thing that is wrong.
#[derive(Serialize, JsonSchema)]
struct ProblemDocument {
    /// The file, as it was named; null for what no file holds, such as a file that cannot be read.
    file: Option<String>,
    /// The line of the first character.
    line: Option<u32>,
    /// Its column.
    column: Option<u32>,
    /// The line after the last character.
    end_line: Option<u32>,
    /// The column after it.
    end_column: Option<u32>,
    /// How bad it is: a fault keeps the policy from running.
    #[schemars(extend("enum" = ["fault", "warning", "note"]))]
    severity: &'static str,
    /// The lint, or the kind of fault where it has one.
    id: Option<&'static str>,
    /// Whether `--deny` names it, so that it fails the command.
    denied: bool,
    /// What is wrong.
    message: String,
    /// What to do about it.
    help: Option<String>,
    /// A second place that has to do with it.
    also: Option<AlsoDocument>,
    /// What would mend it.
    fix: Option<FixDocument>,
}

/// A second place.
#[derive(Serialize, JsonSchema)]
struct AlsoDocument {
    /// The file, as it was named.
    file: String,
    /// The line of the first character.
    line: u32,
    /// Its column.
    column: u32,
    /// The line after the last character.
    end_line: u32,
    /// The column after it.
    end_column: u32,
    /// What is there.
    message: String,
}

/// A change that mends a problem.
#[derive(Serialize, JsonSchema)]
struct FixDocument {
    /// What it does, in a few words.
    title: String,
    /// Whether it is surely what was meant, so that `--fix` makes it.
    sure: bool,
    /// The stretches that are replaced; they do not overlap.
    edits: Vec<EditDocument>,
}

/// A stretch that is replaced; one that ends where it begins is a place at which something is put in.
#[derive(Serialize, JsonSchema)]
struct EditDocument {
    /// The file, as it was named.
    file: String,
    /// The line of the first character.
    line: u32,
    /// Its column.
    column: u32,
    /// The line after the last character.
    end_line: u32,
    /// The column after it.
    end_column: u32,
    /// What stands there then, quotes and escapes of the file's included.
    text: String,
}

/// Something that was mended.
#[derive(Serialize, JsonSchema)]
struct FixedDocument {
    /// The file.
    file: String,
    /// The line at which it was.
    line: u32,
    /// The lint, or the kind of fault.
    id: Option<&'static str>,
    /// What was done.
    title: String,
}

fn document(findings: &Findings<'_>, redact: Redact<'_>) -> Document {
    let all: Vec<&Found<'_>> = findings.all().collect();
    let of = |severity| all.iter().filter(|found| found.problem.severity == severity).count();
    Document {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION"),
        files: findings.policies.iter().flat_map(|policy| &policy.files).map(|file| redact(file)).collect(),
        faults: of(Severity::Fault),
        warnings: of(Severity::Warning),
        notes: of(Severity::Note),
        denied: all.iter().filter(|found| is_denied(found)).count(),
        problems: all.iter().map(|found| problem(found, findings, redact)).collect(),
        fixed: findings
            .fixed
            .iter()
            .map(|fixed| FixedDocument {
                file: redact(&fixed.file),
                line: fixed.line,
                id: fixed.id,
                title: redact(&fixed.title),
            })
            .collect(),
    }
}

fn is_denied(found: &Found<'_>) -> bool {
    found.denied && found.problem.severity != Severity::Fault
}

fn problem(found: &Found<'_>, findings: &Findings<'_>, redact: Redact<'_>) -> ProblemDocument {
    let problem = found.problem;
    let at = findings.location(problem);
    ProblemDocument {
        file: at.as_ref().map(|at| redact(&at.file)),
        line: at.as_ref().map(|at| at.start.0),
        column: at.as_ref().map(|at| at.start.1),
        end_line: at.as_ref().map(|at| at.end.0),
        end_column: at.as_ref().map(|at| at.end.1),
        severity: match problem.severity {
            Severity::Fault => "fault",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        id: problem.id,
        denied: is_denied(found),
        message: redact(&problem.message),
        help: problem.help.as_deref().map(redact),
        also: also(problem, findings, redact),
        fix: fix(problem, findings, redact),
    }
}

fn also(problem: &Problem, findings: &Findings<'_>, redact: Redact<'_>) -> Option<AlsoDocument> {
    let (place, label) = problem.also.as_deref()?;
    let at = findings.sources.location(*place)?;
    Some(AlsoDocument {
        file: redact(&at.file),
        line: at.start.0,
        column: at.start.1,
        end_line: at.end.0,
        end_column: at.end.1,
        message: redact(label),
    })
}

fn fix(problem: &Problem, findings: &Findings<'_>, redact: Redact<'_>) -> Option<FixDocument> {
    let fix = problem.fix.as_deref()?;
    let changes = findings.changes(fix)?;
    let edits = changes.iter().map(|change| EditDocument {
        file: redact(&change.at.file),
        line: change.at.start.0,
        column: change.at.start.1,
        end_line: change.at.end.0,
        end_column: change.at.end.1,
        text: redact(&change.text),
    });
    Some(FixDocument { title: redact(&fix.title), sure: fix.sure, edits: edits.collect() })
}
