//! `rollgate schema`: the JSON Schemas of the documents that rollgate reads and writes.

use clap::{Args, ValueEnum};

use crate::exit::Exit;
use crate::host::Host;

/// `rollgate schema`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SchemaArgs {
    /// Which document
    pub document: Document,
}

/// The documents that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Document {
    /// The policy file
    Policy,
    /// The report of `--report json=PATH` and `--format json`
    Report,
    /// What `lint --format json` finds
    Lint,
    /// What `backtest --format json` prints
    Backtest,
    /// What a rollback trigger is sent
    Event,
}

/// Prints the schema.
pub(super) fn schema(args: &SchemaArgs, host: &Host) -> Exit {
    let schema = match args.document {
        Document::Policy => crate::policy::schema::policy(crate::check::KINDS, crate::rollback::TRIGGERS),
        Document::Report => crate::report::json::schema(),
        Document::Lint => crate::findings::json::schema(),
        Document::Backtest => crate::backtest::report::json::schema(),
        Document::Event => crate::event::schema(),
    };
    host.output.data(&format!("{schema:#}\n"));
    Exit::Pass
}
