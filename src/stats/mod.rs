//! Statistics that a verdict may rest on: exact bounds and tests, rank tests that allow for repetition, and evidence
//! that stays valid however often one looks. Pure: no clock, no IO, and an end to every computation, whatever the
//! numbers. Must not know a check, a policy or a verdict; what a figure means for a deployment is decided elsewhere.
//!
//! Each is there because the usual short cut fails in a gate: a point estimate breaches at every third look where
//! traffic is thin, a Wilson bound at one error in ten requests; a fixed test repeated at every tick is wrong far more
//! often than it says; and samples of `rate(x[5m])` every 15 s repeat the same events twenty times.

pub mod gamma;
pub mod normal;
pub mod beta;
pub mod binomial;
pub mod two_rates;
pub mod fisher;
pub mod order;
mod ranks;
mod permutation;
pub mod autocorrelation;
pub mod mann_whitney;
pub mod hodges_lehmann;
pub mod comparison;
pub mod placebo;
pub mod evidence;
pub mod dispersion;

#[cfg(test)]
pub(crate) mod testing;
