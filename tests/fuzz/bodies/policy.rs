//! Any bytes as a policy: they are loaded and linted or refused without a panic, and what is wrong can be shown.

use rollgate::check::KINDS;
use rollgate::diagnostic::{self, Sources};
use rollgate::policy::parse::{Document, parse};
use rollgate::policy::{lint, mend};

pub fn survive(bytes: &[u8]) {
    let mut sources = Sources::default();
    let Ok(source) = sources.add("policy.yaml", bytes.to_vec()) else { return };
    let documents = [Document::of(&sources, source)];
    let (spec, mut problems) = parse(&documents, KINDS);
    let complete = !problems.any_fault();
    let subject = lint::Subject { spec: &spec, documents: &documents, triggers: &[], complete };
    problems.append(lint::look(subject));
    let all = problems.sorted();
    let (mended, _) = mend::apply(sources.text(source), source, &all);
    let _ = parse(&[Document { source, path: "policy.yaml", text: &mended }], KINDS);
    let shown = diagnostic::render(&problems, &sources, false);
    assert_eq!(shown.is_empty(), problems.is_empty());
    for problem in problems.sorted() {
        let _ = diagnostic::location(problem, &sources);
    }
}
