//! `rollgate lint`: every fault and warning of each file, alone or together. Must not need variables, secrets or a
//! network but for `--online`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};

use super::inputs::InputArgs;
use crate::exit::Exit;
use crate::findings::{FORMATS, Findings, Fixed, Found, Policy};
use crate::host::Host;
use crate::policy::lint::RULES;
use crate::policy::problem::{Problem, Severity, did_you_mean};

/// `rollgate lint`.
#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct LintArgs {
    /// Read the files as one policy, as `run` does
    #[arg(long)]
    pub together: bool,

    /// Return 2 for warnings as well, or for what the lint ID finds
    #[arg(long, value_name = "warnings|ID", value_parser = deny)]
    pub deny: Vec<Deny>,

    /// Ask the policies' sources as well: which metrics, labels and series there are, and what each query costs; the
    /// options for variables and integrations are for this
    #[arg(long)]
    pub online: bool,

    /// Mend what can surely be mended, in the files themselves, and show what remains
    #[arg(long)]
    pub fix: bool,

    /// How to show what is found
    #[arg(long, value_name = "FORMAT", default_value = FORMATS[0].name(), value_parser = formats())]
    pub format: String,

    /// The policies, and what they are rendered with.
    #[command(flatten)]
    pub inputs: InputArgs,
}

/// What fails the command although it is no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deny {
    /// Every warning.
    Warnings,
    /// What this lint finds.
    Lint(&'static str),
}

impl Deny {
    fn holds(self, problem: &Problem) -> bool {
        match self {
            Self::Warnings => problem.severity == Severity::Warning,
            Self::Lint(id) => problem.id == Some(id),
        }
    }
}

const WARNINGS: &str = "warnings";

fn deny(text: &str) -> Result<Deny, String> {
    let ids = || RULES.iter().copied().flatten().map(|rule| rule.id);
    if text == WARNINGS {
        return Ok(Deny::Warnings);
    }
    ids().find(|id| *id == text).map(Deny::Lint).ok_or_else(|| {
        let near = did_you_mean(text, ids().chain([WARNINGS])).map(|near| format!("; {near}"));
        format!("expected `warnings` or the id of a lint{}", near.unwrap_or_default())
    })
}

fn formats() -> PossibleValuesParser {
    FORMATS
        .iter()
        .map(|format| PossibleValue::new(format.name()).help(format.summary()))
        .collect::<Vec<_>>()
        .into()
}

/// Checks the files; exit 0, or 2 with faults and with what is denied.
pub(super) async fn lint(args: &LintArgs, host: &Host) -> Exit {
    let files = &args.inputs.policy;
    let groups: Vec<&[PathBuf]> = if args.together { vec![files] } else { files.chunks(1).collect() };
    let mut linted = crate::lint::lint(&groups, host);
    let mut written = true;
    if args.fix {
        if let Err(faults) = linted.fix(host) {
            written = false;
            faults.iter().for_each(|fault| host.output.talk(&format!("error: {fault}")));
        }
        for Fixed { file, line, title, .. } in &linted.fixed {
            host.output.talk(&format!("fixed {file}:{line}: {title}"));
        }
    }
    if args.online {
        linted.ask(&args.inputs, host).await;
    }
    linted.hide_secrets(host);
    let found = |problem| {
        let denied = args.deny.iter().any(|deny| deny.holds(problem));
        Found { problem, denied }
    };
    let policies = linted.policies.iter().map(|policy| Policy {
        files: policy.files.clone(),
        found: policy.problems.iter().map(found).collect(),
    });
    let findings = Findings { sources: &linted.texts, policies: policies.collect(), fixed: &linted.fixed };
    if let Some(format) = FORMATS.iter().find(|format| format.name() == args.format) {
        let redact = |text: &str| host.output.redactor.redact(text).into_owned();
        host.output.data(&format.render(&findings, &redact));
    }
    let fails = findings.all().any(|one| one.denied || one.problem.severity == Severity::Fault);
    match (written, fails) {
        (false, _) => Exit::Failure,
        (true, true) => Exit::Usage,
        (true, false) => Exit::Pass,
    }
}
