//! The invariants of the house that neither the compiler nor clippy can hold: each test names one.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under `folder`, with its path from the root and its text.
fn files(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// The text before the first inline test module, comments left out.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn assert_none(faults: &[String], what: &str) {
    assert!(faults.is_empty(), "{what}:\n  {}", faults.join("\n  "));
}

/// Whether a file belongs to tests only, by its name.
fn of_tests(name: &str) -> bool {
    let ends = ["tests.rs", "/sample.rs", "/fake.rs", "/testing.rs"];
    ends.iter().any(|end| name.ends_with(end)) || name.contains("/tests/")
}

/// Where `words` stand in the code of `files`, tests left out.
fn found(files: &[(String, String)], words: &[&str]) -> Vec<String> {
    let mut places = Vec::new();
    for (name, text) in files.iter().filter(|(name, _)| name.starts_with("tests/") || !of_tests(name)) {
        for word in words.iter().filter(|word| code(text).contains(**word)) {
            places.push(format!("{name} has `{word}`"));
        }
    }
    places
}

#[test]
fn every_file_says_what_it_is_for() {
    let all: Vec<_> = ["src", "tests/it"].into_iter().flat_map(files).collect();
    let silent: Vec<String> =
        all.iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(name, _)| name.clone()).collect();
    assert_none(&silent, "files that do not open with `//!`");
}

#[test]
fn files_stay_small() {
    let lines = |text: &str| text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().lines().count();
    let large: Vec<String> = files("src")
        .iter()
        .filter(|(name, _)| !of_tests(name))
        .filter(|(_, text)| lines(text) > 400)
        .map(|(name, text)| format!("{name}: {} lines", lines(text)))
        .collect();
    assert_none(&large, "files over 400 lines without their tests");
    let heaps: Vec<String> =
        files("src").into_iter().map(|(name, _)| name).filter(|n| n.ends_with("utils.rs")).collect();
    assert_none(&heaps, "files without one idea");
}

#[test]
fn pure_stages_are_pure() {
    let pure: Vec<_> = [
        "src/promql",
        "src/policy",
        "src/gate",
        "src/stats",
        "src/event",
        "src/report",
        "src/explain",
        "src/findings",
        "src/rules",
    ]
    .into_iter()
    .flat_map(files)
    .filter(|(name, _)| !["src/gate/measure.rs", "src/gate/desk.rs", "src/rules/load.rs"].contains(&&**name))
    .collect();
    let impure = [
        "async ",
        ".await",
        "tokio",
        "reqwest",
        "std::fs",
        "std::env",
        "std::net::Tcp",
        "SystemTime",
        "Instant",
    ];
    assert_none(&found(&pure, &impure), "a clock, IO or async in a pure stage");
}

#[test]
fn measuring_never_judges_and_judging_never_measures() {
    let kinds = files("src/check");
    assert_none(
        &found(&kinds, &["gate::judge", "gate::streak", "gate::verdict", "State::Breach"]),
        "a kind that judges",
    );
    let judges: Vec<_> =
        files("src/gate").into_iter().filter(|(name, _)| name.ends_with("judge.rs")).collect();
    assert_none(&found(&judges, &["measure(", "Host"]), "a judge that measures");
}

#[test]
fn only_its_own_file_names_a_kind() {
    let outside = |folder: &str| -> Vec<(String, String)> {
        files("src").into_iter().filter(|(name, _)| !name.starts_with(folder)).collect()
    };
    for kind in rollgate::check::KINDS {
        // A scheme, a port's protocol and an integration may be called like a kind: what is looked for is a choice.
        let quoted = format!("kind == \"{0}\"|name() == \"{0}\"|kind: \"{0}\"", kind.name());
        let words: Vec<&str> = quoted.split('|').collect();
        assert_none(&found(&outside("src/check/"), &words), "a kind named outside its file");
    }
    for trigger in rollgate::rollback::TRIGGERS {
        let quoted = format!("kind == \"{0}\"|\"{0}\" =>", trigger.name());
        let words: Vec<&str> = quoted.split('|').collect();
        assert_none(&found(&outside("src/rollback/"), &words), "a trigger named outside its file");
    }
    // A channel's or tracker's word is an integration's `system` too: what is looked for is a choice by it.
    let channels = rollgate::notify::CHANNELS.iter().map(|kind| (kind.name(), "src/notify/"));
    let trackers = rollgate::track::TRACKERS.iter().map(|kind| (kind.name(), "src/track/"));
    for (name, folder) in channels.chain(trackers) {
        let quoted = format!("kind() == \"{name}\"|system == \"{name}\"|\"{name}\" =>");
        let words: Vec<&str> = quoted.split('|').collect();
        assert_none(&found(&outside(folder), &words), "a channel or tracker named outside its file");
    }
    for format in rollgate::report::FORMATS {
        let quoted = format!("\"{0}\" =>|== \"{0}\"", format.name());
        let words: Vec<&str> = quoted.split('|').collect();
        assert_none(&found(&outside("src/report/"), &words), "a format named outside its file");
    }
}

#[test]
fn tables_and_files_agree() {
    let own = |folder: &str, names: Vec<&str>| {
        for name in names {
            let file = root().join(folder).join(format!("{name}.rs"));
            let module = root().join(folder).join(name).join("mod.rs");
            assert!(file.exists() || module.exists(), "`{name}` has no file of its own in {folder}");
        }
    };
    own("src/check", rollgate::check::KINDS.iter().map(|k| k.name()).collect());
    own("src/rollback", rollgate::rollback::TRIGGERS.iter().map(|t| t.name()).collect());
    own("src/notify", rollgate::notify::CHANNELS.iter().map(|c| c.name()).collect());
    own("src/track", rollgate::track::TRACKERS.iter().map(|t| t.name()).collect());
    own("src/report", rollgate::report::FORMATS.iter().map(|f| f.name()).collect());
    own("src/findings", rollgate::findings::FORMATS.iter().map(|f| f.name()).collect());
}

#[test]
fn templates_and_secrets_cannot_be_shown() {
    let shown =
        ["impl fmt::Display for Template", "impl std::fmt::Display for Template", "impl Deref for Template"];
    assert_none(&found(&files("src/policy"), &shown), "a template that passes for text");
    let secret = ["impl fmt::Display for Secret", "impl Deref for Secret", "Serialize for Secret"];
    assert_none(&found(&files("src/host"), &secret), "a secret that can be shown");
}

#[test]
fn domain_types_are_not_wire_types() {
    let domain: Vec<_> = files("src")
        .into_iter()
        .filter(|(name, _)| name.starts_with("src/gate/") || name == "src/policy/model.rs")
        .collect();
    assert_none(&found(&domain, &["Serialize", "JsonSchema"]), "a domain type on the wire");
    assert_none(
        &found(&files("src"), &["serde(flatten", "serde(untagged", "serde(tag"]),
        "serde that loses places",
    );
}

#[test]
fn nothing_is_left_over() {
    let all: Vec<_> =
        ["src", "tests/it"].into_iter().flat_map(files).filter(|(n, _)| !n.ends_with("tidy.rs")).collect();
    let words = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore", "#[allow(", "TODO", "FIXME", "XXX"];
    assert_none(&found(&all, &words), "left-overs");
}

#[test]
fn the_readme_tells_the_exit_codes() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let block =
        readme.split("<!-- exit-codes -->").nth(1).and_then(|r| r.split("<!-- /exit-codes -->").next());
    let rows: Vec<String> =
        rollgate::exit::TABLE.iter().map(|(exit, words)| format!("| {} | {words} |", exit.code())).collect();
    let found: Vec<&str> =
        block.unwrap_or_default().lines().map(str::trim).filter(|l| l.starts_with("| ")).collect();
    let found: Vec<&str> = found.into_iter().filter(|l| l.as_bytes()[2].is_ascii_digit()).collect();
    assert_eq!(found, rows, "README.md's exit codes are not those of src/exit.rs");
}

#[test]
fn the_readme_tells_the_packs() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let block = readme.split("<!-- packs -->").nth(1).and_then(|r| r.split("<!-- /packs -->").next());
    let row = |pack: &rollgate::packs::Pack| {
        format!("| [`{0}`](policies/{0}.yaml) | {1} |", pack.name, pack.summary)
    };
    let rows: Vec<String> = rollgate::packs::PACKS.iter().map(row).collect();
    let found: Vec<&str> = block.unwrap_or_default().lines().filter(|l| l.starts_with("| [")).collect();
    assert_eq!(found, rows, "README.md's packs are not those of src/packs.rs");
}

#[test]
fn the_page_on_backtests_shows_what_happened() {
    let path = root().join("docs/backtest.md");
    let mut page = std::fs::read_to_string(&path).unwrap();
    let scenario = |file: &str| std::fs::read_to_string(root().join("tests/scenarios").join(file)).unwrap();
    let stdout = |name: &str| {
        let expected = scenario(&format!("{name}/expected.txt"));
        let shown = expected.split("== stdout\n").nth(1).and_then(|r| r.split("== stderr").next());
        shown.unwrap_or_default().to_owned()
    };
    for (mark, expected) in [
        ("policy", scenario("backtest-tune/policy.yaml")),
        ("list", scenario("backtest-tune/deployments.csv")),
        ("tuned", stdout("backtest-tune")),
        ("compared", stdout("backtest-compare")),
    ] {
        let block =
            page.split(&format!("<!-- {mark} -->\n")).nth(1).and_then(|r| r.split("```\n<!--").next());
        let (fence, shown) = block.unwrap_or_default().split_once('\n').unwrap();
        if std::env::var_os("UPDATE").is_some() {
            let new = format!("<!-- {mark} -->\n{fence}\n{expected}");
            page = page.replacen(&format!("<!-- {mark} -->\n{fence}\n{shown}"), &new, 1);
            std::fs::write(&path, &page).unwrap();
            continue;
        }
        assert_eq!(shown, expected, "`{mark}` of docs/backtest.md is not the scenario's");
    }
}

#[test]
fn the_readme_shows_a_run_that_happened() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let case =
        |file: &str| std::fs::read_to_string(root().join("tests/scenarios/readme").join(file)).unwrap();
    let policy = readme.split("```yaml\n").nth(1).and_then(|r| r.split("```").next());
    assert_eq!(policy.unwrap_or_default(), case("policy.yaml"), "README.md's policy is not the scenario's");
    let shown = readme.split("<!-- failing-run -->\n```text\n").nth(1).and_then(|r| r.split("```").next());
    let expected = case("expected.txt");
    let stdout = expected.split("== stdout\n").nth(1).and_then(|r| r.split("== stderr").next());
    if let (Some(_), Some(shown), Some(stdout)) = (std::env::var_os("UPDATE"), shown, stdout) {
        return std::fs::write(root().join("README.md"), readme.replacen(shown, stdout, 1)).unwrap();
    }
    assert_eq!(shown, stdout, "README.md's run is not the scenario's");
}
