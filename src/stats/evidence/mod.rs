//! Evidence that stays valid however often one looks (e-processes): under the hypothesis it speaks against, it reaches
//! 1/α at any time at all with a probability of at most α (Ville 1939). Must be fed each event once, in any portions.
//!
//! The evidence is a mean of likelihood ratios, each of a point alternative against the hypothesis; all of it is kept as
//! logarithms. Sources: Wald 1945; Robbins 1970; Lindon and Malek, "Anytime-valid inference for multinomial count data"
//! (NeurIPS 2022).

mod mixture;
mod share;
mod two_sample;

pub use share::ShareEvidence;
pub use two_sample::RatioEvidence;

/// How far the alternatives lie from the limit, as factors: from a slight harm to an outage.
pub const GRID: [f64; 10] = [1.25, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 50.0, 100.0];

/// Where the alternatives lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Above the limit: the evidence speaks against "at most the limit", for harm.
    Above,
    /// Below the limit: the evidence speaks against "at least the limit", for health.
    Below,
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod simulation_tests;
