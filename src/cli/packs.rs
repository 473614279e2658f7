//! `rollgate packs`: the policies that the binary brings along, listed or printed. Must not write files; `init` does.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::exit::Exit;
use crate::host::Host;
use crate::packs::{PACKS, Pack};

/// `rollgate packs`.
#[derive(Debug, Clone, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct PacksArgs {
    /// What to do with them; to list them, if nothing.
    #[command(subcommand)]
    pub what: Option<PacksCommand>,
}

/// What can be done with packs.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PacksCommand {
    /// Print a pack: a policy with comments
    Show {
        /// The pack's name
        #[arg(value_parser = PackName, hide_possible_values = true)]
        name: String,
    },
}

/// A pack's name. Completions offer those there are; what is none of them is told by [`crate::packs::find`].
#[derive(Debug, Clone)]
pub(super) struct PackName;

impl TypedValueParser for PackName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(PACKS.iter().map(|pack| PossibleValue::new(pack.name).help(pack.summary))))
    }
}

/// A line for each pack.
pub(super) fn table(indent: &str) -> String {
    let width = PACKS.iter().map(|pack| pack.name.len()).max().unwrap_or_default();
    let line = |pack: &Pack| format!("{indent}{:width$}  {}\n", pack.name, pack.summary);
    PACKS.iter().map(line).collect()
}

/// Lists the packs, or prints one.
pub(super) fn packs(args: &PacksArgs, host: &Host) -> Exit {
    match &args.what {
        None => {
            host.output.data(&table(""));
            host.output.talk(
                "`rollgate packs show NAME` prints one, `rollgate init NAME` makes a policy of your own from it",
            );
        }
        Some(PacksCommand::Show { name }) => match crate::packs::find(name) {
            Ok(pack) => host.output.data(pack.text),
            Err(problem) => {
                host.output.talk(&format!("error: {problem}"));
                return Exit::Usage;
            }
        },
    }
    Exit::Pass
}
