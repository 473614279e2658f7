//! `rollgate lint`: every fault of each file, alone or together. Must not need variables, secrets or a network.

use std::path::PathBuf;

use clap::Args;

use crate::diagnostic;
use crate::exit::Exit;
use crate::host::Host;
use crate::prepare;

/// `rollgate lint`.
#[derive(Debug, Clone, Args)]
pub(crate) struct LintArgs {
    /// The policy files
    #[arg(required = true, value_name = "POLICY")]
    pub policy: Vec<PathBuf>,

    /// Read the files as one policy, as `run` does
    #[arg(long)]
    pub together: bool,
}

/// Checks the files; exit 0, or 2 with faults.
pub(super) fn lint(args: &LintArgs, host: &Host) -> Exit {
    let groups: Vec<&[PathBuf]> =
        if args.together { vec![&args.policy] } else { args.policy.chunks(1).collect() };
    let mut exit = Exit::Pass;
    for group in groups {
        let (problems, texts) = prepare::lint(group, host);
        if problems.is_empty() {
            let names: Vec<String> = group.iter().map(|path| path.display().to_string()).collect();
            host.output.data(&format!("{}: no faults\n", names.join(", ")));
        } else {
            host.output.data(&diagnostic::render(&problems, &texts, false));
        }
        if problems.any_fault() {
            exit = Exit::Usage;
        }
    }
    exit
}
