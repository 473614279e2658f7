//! rollgate answers the one question a pipeline has after a deployment: keep it, warn, or roll it back?
//!
//! # How the data flows
//!
//! ```text
//! command line ─ cli ─┐
//! policy files ───────┴ prepare ─▶ policy::parse ─▶ policy::render ─▶ Policy, Checks, triggers
//!                                                                         │
//!                       gate::plan ◀───────────────────────────────────────┘   ticks, once
//!                           │
//!                       gate::measure ⇄ gate::engine ⇄ gate::watch             the only loop that waits
//!                           │                └ gate::judge, gate::streak       pure
//!                       gate::verdict                                          decided once
//!                           │
//!                       acting ─▶ rollback::act, then notify and track         cannot change the verdict
//!                           │
//!                       report ─▶ stdout, files; exit ─▶ the code
//! ```
//!
//! Beside a run, `explain` says in plain words what [`policy::parse`] has read, or what a report holds.
//!
//! The modules below stand in that order; the private module `run` calls the stages and is the only function that sees them all.
//!
//! # Where things are
//!
//! - [`promql`]: PromQL with positions: text to a tree, or to mistakes and what would mend them.
//! - [`packs`]: the policies that the binary brings along; a pack is one file of `policies/` and one entry.
//! - [`policy`]: text to [`policy::model::PolicySpec`] to [`policy::model::Policy`]; every fault comes out in one run.
//! - [`check`]: what can be measured; a kind is one file and one entry in [`check::KINDS`].
//! - [`gate`]: from ticks to outcomes to a verdict.
//! - [`stats`]: exact bounds and tests, and evidence that may be looked at at every tick; knows no check and no verdict.
//! - the private module `acting`: what follows a verdict, in its order and within its time.
//! - [`event`]: what programs are told of a verdict, its once-only id and its signatures.
//! - [`api`]: how every other system's API is spoken to: who is asking, what may be sent twice, failures in words.
//! - [`rollback`]: from a verdict to a pipeline; a trigger is one file and one entry in [`rollback::TRIGGERS`].
//! - [`notify`]: who is told of a verdict; a channel is one file and one entry in [`notify::CHANNELS`].
//! - [`track`]: what is written to issue trackers and beside commits; a tracker is one file and one entry in
//!   [`track::TRACKERS`].
//! - [`report`]: from a [`gate::outcome::Record`] to text; a format is one file and one entry in [`report::FORMATS`].
//! - the private module `connect`: the sources that a policy asks, with the overrides of the command line.
//! - the private module `backtest`: the stages of a run for each of many deployments of the past, without those that act,
//!   and how often they were right.
//! - the private modules `lint` and `online`: the work of `rollgate lint` around [`policy::lint`], and what a policy's sources tell against it, for `lint --online`.
//! - [`findings`]: from what `lint` found to text; a format is one file and one entry in [`findings::FORMATS`].
//! - `explain`: from a policy, or the report of a run, to plain words; what it says of a plan is [`gate::plan`]'s.
//! - the private module `deploy`: from an event of another system to the pipelines that a policy maps it to.
//! - the private module `rules`: from a policy to alerting rules that say the same for good.
//! - [`host`]: the outside world, and nothing else may touch it.
//!
//! # Invariants
//!
//! 1. Only [`host`] reads the clock, the environment or files, or builds an HTTP client (clippy's `disallowed-methods`).
//! 2. `promql`, `policy`, `gate` without `measure`, `rules` without `load`, `stats`, `event`, `report`, `explain` and
//!    `findings` have no `async`, no clock and no IO (`tests/it/tidy.rs`).
//! 3. Measuring never judges; judging never measures. The judge knows no kind.
//! 4. Nothing outside its own file names a kind, a trigger, a channel, a tracker or a format.
//! 5. A [`policy::template::Template`] is not a `String`; a rendered policy is another type than a parsed one.
//! 6. Domain types are not `Serialize`: each document has types of its own.
//! 7. A verdict is decided once; an action cannot change it.
//! 8. A [`host::secret::Secret`] cannot be shown, and everything written passes the one redactor.
//! 9. Every fault of a policy is reported in one run.
//! 10. Every wait and time-out goes through [`host::clock::Clock`], so that scenarios run on a virtual one.

mod cli;
mod run;
mod lint;
mod online;
mod prepare;
mod connect;
mod learn;
mod backtest;
pub mod promql;
pub mod packs;
pub mod policy;
pub mod api;
pub mod check;
pub mod gate;
pub mod stats;
pub mod event;
pub mod rollback;
pub mod notify;
pub mod track;
mod acting;
pub mod report;
mod explain;
mod rules;
mod deploy;
pub mod diagnostic;
pub mod findings;
pub mod pipeline;
pub mod exit;
pub mod host;
#[cfg(test)]
mod testing;

/// Runs the command line `args`, the program's name first, in the world `host`, to its exit code.
pub async fn run(args: Vec<String>, host: host::Host) -> exit::Exit {
    cli::main(args, host).await
}
