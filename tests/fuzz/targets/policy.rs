//! The target of `bodies/policy.rs`.

#![no_main]

#[path = "../bodies/policy.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::survive(input));
