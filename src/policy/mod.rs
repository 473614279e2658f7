//! From text to a policy that can run: [`parse`] reads the documents into a [`model::PolicySpec`] and reports every
//! fault, [`variables`] and [`integration`] gather what it is fed with, [`render`] makes a [`model::Policy`] of it.
//! Pure: must not read files, the environment or the clock, and must not know any kind of check in particular.

pub mod problem;
pub mod scalar;
pub mod node;
pub mod form;
pub mod value;
pub mod status;
pub mod spoken;
pub mod template;
pub mod query;
pub mod field;
pub mod reader;
pub mod missing;
pub mod model;
pub mod criterion;
pub mod events;
pub mod relative;
pub mod parse;
pub mod gate;
pub mod window;
pub mod healthy;
pub mod context;
pub mod envelope;
pub mod freeze;
pub mod guards;
pub mod rollback;
pub mod deployment_triggers;
pub mod notices;
pub mod tracking;
pub mod variables;
pub mod fill;
pub mod exposure;
pub mod integration;
pub mod overrides;
pub mod settings;
pub mod resolve;
pub mod render;
pub mod lint;
pub mod mend;
pub mod schema;

#[cfg(test)]
mod tests;
