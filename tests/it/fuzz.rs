//! What the fuzz targets do, done to what they start from: so that they go on being built, and their seeds are sound.

#[path = "../fuzz/bodies/policy.rs"]
mod policy;
#[path = "../fuzz/bodies/promql.rs"]
mod promql;
#[path = "../fuzz/bodies/template.rs"]
mod template;

use std::path::{Path, PathBuf};

use crate::promql::corpus::{invalid, valid};

fn queries() -> Vec<String> {
    let valid = valid().into_iter().map(|entry| entry.query);
    valid.chain(invalid().into_iter().map(|entry| entry.query)).collect()
}

/// Every file called `*.yaml` below `folder`.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(documents(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    found
}

#[test]
fn queries_are_survived() {
    for query in queries() {
        promql::survive(&query);
    }
}

#[test]
fn policies_are_survived() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["policies", "tests/scenarios", "tests/documents"] {
        for path in documents(&root.join(folder)) {
            policy::survive(&std::fs::read(path).unwrap());
        }
    }
}

#[test]
fn templates_are_survived() {
    for query in queries() {
        for value in ["shop", "", "5m", "\"} or vector(1) #", "-1"] {
            template::survive((&format!("{query} {{{{v}}}}"), value));
            template::survive((
                &query.replacen("http", "{{v}}", 1).replacen("5m", "{{duration v}}", 1),
                value,
            ));
        }
    }
}
