//! The target of `bodies/template.rs`.

#![no_main]

#[path = "../bodies/template.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| body::survive(input));
