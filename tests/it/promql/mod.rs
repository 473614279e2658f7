//! PromQL as Prometheus reads it: every query of `tests/promql` is taken or refused as Prometheus does, with the same
//! tree and at the same place. `oracle` asks another parser, `real` a Prometheus that is running.

pub mod corpus;
pub mod generate;
mod oracle;
pub mod tree;
mod window;

use rollgate::promql::ast::ValueType;
use rollgate::promql::{self, Options, Query, apply};

use corpus::{invalid, newer, valid};
use generate::mutilated;
use tree::{Detail, tree};

pub fn parse(text: &str) -> Query {
    promql::parse(text, Options::default())
}

/// The tree of a query without faults.
pub fn sound(text: &str, detail: Detail) -> Result<String, String> {
    let faults = |errors: Vec<promql::Error>| {
        errors.first().map_or_else(
            || "nothing".to_owned(),
            |error| format!("{}: {}", place(text, error), error.message),
        )
    };
    parse(text).sound().map(|expr| tree(&expr, detail)).map_err(faults)
}

/// Where an error is, as Prometheus tells it: `line:column`, in bytes.
fn place(text: &str, error: &promql::Error) -> String {
    let before = &text.as_bytes()[..error.span.start as usize];
    let line = before.iter().filter(|byte| **byte == b'\n').count();
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
    format!("{}:{}", line + 1, column + 1)
}

fn word(kind: ValueType) -> &'static str {
    match kind {
        ValueType::Scalar => "scalar",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
        ValueType::String => "string",
    }
}

/// Fails with all of `faults`, if there are any.
pub fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_corpus_is_large_and_says_why() {
    let (valid, invalid, newer) = (valid(), invalid(), newer());
    assert!(valid.len() > 1000 && invalid.len() > 800 && newer.len() > 80);
    for entry in &valid {
        assert!(entry.ours.as_deref().is_none_or(|ours| ours == "refused"), "{}", entry.query);
        assert_eq!(entry.ours.is_some(), entry.why.is_some(), "{}", entry.query);
    }
    for entry in &invalid {
        assert_eq!(entry.ours.is_some(), entry.why.is_some(), "{}", entry.query);
        assert_ne!(entry.ours.as_ref(), Some(&entry.at), "{}", entry.query);
    }
    assert!(newer.iter().all(|entry| !entry.why.is_empty()));
}

#[test]
fn what_prometheus_takes_is_read_as_it_does() {
    let mut faults = Vec::new();
    for entry in valid().iter().filter(|entry| entry.ours.is_none()) {
        let query = parse(&entry.query);
        let kind = query.expr.as_ref().and_then(rollgate::promql::ast::Expr::value_type).map(word);
        match sound(&entry.query, Detail::Recorded) {
            Ok(_) if kind != Some(&*entry.kind) => {
                faults.push(format!("{:?} is a {}, not a {kind:?}", entry.query, entry.kind));
            }
            Ok(tree) if tree != entry.tree => {
                faults.push(format!("{:?}\n    is  {}\n    not {tree}", entry.query, entry.tree));
            }
            Ok(_) => {}
            Err(why) => faults.push(format!("{:?} is refused at {why}", entry.query)),
        }
    }
    assert_none(&faults);
}

#[test]
fn what_is_printed_reads_as_the_same_query() {
    let mut faults = Vec::new();
    for text in
        valid().iter().filter(|v| v.ours.is_none()).map(|v| &v.query).chain(newer().iter().map(|n| &n.query))
    {
        let Ok(expr) = parse(text).sound() else { continue };
        let printed = expr.to_string();
        let again = sound(&printed, Detail::Whole);
        if again.as_ref() != Ok(&tree(&expr, Detail::Whole)) {
            faults.push(format!("{text:?} is printed {printed:?}, which is {again:?}"));
        }
        if printed.contains('\n') {
            faults.push(format!("{text:?} is printed on several lines: {printed:?}"));
        }
    }
    assert_none(&faults);
}

#[test]
fn what_prometheus_prints_reads_as_the_same_query() {
    let mut faults = Vec::new();
    for entry in valid().iter().filter(|entry| entry.ours.is_none() && !entry.lossy) {
        let (ours, theirs) = (sound(&entry.query, Detail::Meant), sound(&entry.pretty, Detail::Meant));
        if ours != theirs {
            faults.push(format!(
                "{:?}\n    is {ours:?},\n    {:?}\n    is {theirs:?}",
                entry.query, entry.pretty
            ));
        }
    }
    assert_none(&faults);
}

#[test]
fn what_needs_a_flag_is_named() {
    let mut faults = Vec::new();
    for entry in valid().iter().filter(|entry| entry.ours.is_none()) {
        let mut flags: Vec<&str> = parse(&entry.query).experimental.iter().map(|e| e.flag).collect();
        flags.sort_unstable();
        flags.dedup();
        let mut wanted: Vec<String> = entry.flags.iter().map(|flag| format!("promql-{flag}")).collect();
        wanted.sort_unstable();
        if flags != wanted {
            faults.push(format!("{:?} needs {wanted:?}, not {flags:?}", entry.query));
        }
    }
    assert_none(&faults);
}

#[test]
fn what_newer_versions_take_is_taken() {
    let mut faults = Vec::new();
    for entry in newer() {
        let query = parse(&entry.query);
        let kind = query.expr.as_ref().and_then(rollgate::promql::ast::Expr::value_type).map(word);
        if let Err(why) = sound(&entry.query, Detail::Whole) {
            faults.push(format!("{:?} ({}) is refused at {why}", entry.query, entry.since));
        } else if kind != Some(&*entry.kind) {
            faults.push(format!("{:?} is a {}, not a {kind:?}", entry.query, entry.kind));
        }
        let mut flags: Vec<&str> = query.experimental.iter().map(|experimental| experimental.flag).collect();
        flags.retain(|flag| !flag.is_empty());
        flags.dedup();
        if flags != Vec::from_iter(entry.flag.as_deref()) {
            faults.push(format!("{:?} needs {:?}, not {flags:?}", entry.query, entry.flag));
        }
    }
    assert_none(&faults);
}

#[test]
fn what_prometheus_refuses_is_refused_where_it_does() {
    let mut faults = Vec::new();
    for entry in invalid() {
        let query = parse(&entry.query);
        let Some(first) = query.errors.first() else {
            faults.push(format!("{:?} is taken: {} at {}", entry.query, entry.error, entry.at));
            continue;
        };
        let (found, wanted) = (place(&entry.query, first), entry.ours.as_ref().unwrap_or(&entry.at));
        if !wanted.is_empty() && found != *wanted {
            faults.push(format!("{:?}\t{found}\t{wanted}\t{}\t{}", entry.query, first.message, entry.error));
        }
    }
    assert_none(&faults);
}

#[test]
fn every_error_lies_in_the_text() {
    let seeds: Vec<String> = valid().into_iter().map(|entry| entry.query).collect();
    let refused = valid().into_iter().filter(|entry| entry.ours.is_some()).map(|entry| entry.query);
    let refused: Vec<String> = invalid().into_iter().map(|entry| entry.query).chain(refused).collect();
    for text in refused.iter().chain(&mutilated(&seeds, 3000, 6)) {
        let query = parse(text);
        assert!(!query.errors.is_empty() || !refused.contains(text), "{text:?} is taken");
        for error in &query.errors {
            let range = error.span.range();
            assert!(range.start <= range.end && range.end <= text.len(), "{text:?}: {error:?}");
            assert!(
                text.is_char_boundary(range.start) && text.is_char_boundary(range.end),
                "{text:?}: {error:?}"
            );
            assert!(!error.message.is_empty() && !error.message.ends_with('.'), "{text:?}: {error:?}");
        }
    }
}

#[test]
fn what_is_surely_meant_is_a_query() {
    let mut faults = Vec::new();
    for text in invalid().into_iter().map(|entry| entry.query) {
        let query = parse(&text);
        let fixes: Vec<_> = query.errors.iter().filter_map(|error| error.fix.as_ref()).collect();
        if fixes.len() < query.errors.len() || fixes.iter().any(|fix| !fix.sure) {
            continue;
        }
        let mended = apply(&text, fixes);
        if let Err(why) = sound(&mended, Detail::Whole) {
            faults.push(format!("{text:?} is mended to {mended:?}, refused at {why}"));
        }
    }
    assert_none(&faults);
}
