//! `rollgate explain` over every policy of the repository: what can be read can be explained, and what is said of a plan
//! is what `render` plans.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rollgate(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rollgate")).args(args).env_clear().output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn policies() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for folder in ["policies", "tests/documents", "tests/scenarios"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            paths.push(if path.is_dir() { path.join("policy.yaml") } else { path });
        }
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml") && path.exists());
    paths.sort();
    paths
}

#[test]
fn what_can_be_read_can_be_explained() {
    let mut explained = 0;
    for path in policies() {
        let name = path.to_str().unwrap();
        let (linted, output) = (rollgate(&["lint", name]), rollgate(&["explain", name]));
        assert_eq!(output.status.code(), linted.status.code(), "{name}: {output:?}");
        let text = stdout(&output);
        if output.status.success() {
            explained += 1;
            assert!(text.contains("\nTo run it\n  rollgate run "), "{name}\n{text}");
            let long = text.lines().filter(|line| line.chars().count() > 110 && line.contains("  ")).count();
            assert!(long <= text.matches("\n  asks  ").count(), "{name} has long lines\n{text}");
        }
    }
    assert!(explained >= 60, "{explained} policies");
}

/// Both name the latest moment of a verdict, which hangs on every default and on every tick.
#[test]
fn the_plan_is_that_of_render() {
    let mut compared = 0;
    for path in policies() {
        let name = path.to_str().unwrap();
        let options = ["--prometheus", "http://p:9090", "--start", "2999-01-01T00:00:00Z"];
        let rendered = rollgate(&[&["render", name], &options[..]].concat());
        if !rendered.status.success() {
            continue;
        }
        let between = |text: &str, before: &str, after: &str| {
            let rest = text.split(before).nth(1).unwrap_or_else(|| panic!("{name}\n{text}")).to_owned();
            rest.split(after).next().unwrap_or_default().split_whitespace().collect::<String>()
        };
        let rendered = stdout(&rendered);
        let explained = stdout(&rollgate(&[&["explain", name], &options[..]].concat()));
        let explained = explained.split_whitespace().collect::<Vec<_>>().join(" ");
        let latest = between(&rendered, ", latest ", "\n");
        // A written time-out counts from when the program begins, which is twice here.
        if latest.starts_with("2999") {
            assert_eq!(between(&explained, "after the gate begins (", ")"), latest, "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 40, "{compared} plans");
}

#[test]
fn the_readme_shows_an_explanation_that_happened() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let shown =
        readme.split("<!-- explained -->\n```text\n").nth(1).and_then(|rest| rest.split("```").next());
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollgate"));
    command.args(["explain", "policy.yaml"]).current_dir(root().join("tests/scenarios/readme")).env_clear();
    let said = stdout(&command.output().unwrap());
    if let (Some(_), Some(shown)) = (std::env::var_os("UPDATE"), shown) {
        // What is shown is one check of it.
        let name = shown.lines().next().unwrap();
        let check = said.split("\n\n").find(|part| part.starts_with(name)).unwrap();
        return std::fs::write(root().join("README.md"), readme.replacen(shown, &format!("{check}\n"), 1))
            .unwrap();
    }
    assert!(
        shown.is_some_and(|shown| said.contains(shown)),
        "README.md's explanation is not that of its policy\n{said}"
    );
}
