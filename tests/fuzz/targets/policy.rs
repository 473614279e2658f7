//! Any bytes as a policy: they are loaded and linted or refused without a panic, and what is wrong can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollgate::check::KINDS;
use rollgate::diagnostic::{self, Sources};
use rollgate::policy::lint;
use rollgate::policy::parse::{Document, parse};

fuzz_target!(|bytes: &[u8]| {
    let mut sources = Sources::default();
    let Ok(source) = sources.add("policy.yaml", bytes.to_vec()) else { return };
    let (spec, mut problems) = parse(&[Document::of(&sources, source)], KINDS);
    problems.append(lint::warnings(&spec));
    let shown = diagnostic::render(&problems, &sources, false);
    assert_eq!(shown.is_empty(), problems.is_empty());
    for problem in problems.sorted() {
        let _ = diagnostic::location(problem, &sources);
    }
});
