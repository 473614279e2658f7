//! All integration tests, as one binary: each new file would link the library again.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test binary has no public face, may panic, and reads files and variables as it likes"
)]

/// Every folder of `tests/scenarios`, on a virtual clock and an in-memory network.
mod scenarios;
/// The lints and their documentation.
mod lints;
/// The pages of `docs`.
mod docs;
/// The shipped policies.
mod policies;
/// PromQL, beside Prometheus.
mod promql;
/// Policies and reports in plain words.
mod explain;
/// No secret is shown.
mod redaction;
/// The policy's schema beside the reader.
mod schema;
/// The binary against real servers on loopback.
mod real;
/// What the fuzz targets do, to their seeds.
mod fuzz;
/// Hostile values in templates.
mod templates;
/// The invariants of the house.
mod tidy;
/// The in-memory world that scenarios are played in.
mod world;
