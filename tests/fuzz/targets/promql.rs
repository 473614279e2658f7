//! The target of `bodies/promql.rs`.

#![no_main]

#[path = "../bodies/promql.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &str| body::survive(input));
