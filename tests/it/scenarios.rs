//! Plays every folder of `tests/scenarios` on the virtual world and compares what it shows, word for word, with
//! its `expected.txt`. `UPDATE=1` rewrites them; adding a case adds no Rust.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rollgate::exit::Exit;

use crate::world::{Buffer, Case, Received, World};

#[test]
fn every_scenario_shows_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= 40, "{} scenarios, expected at least 40", folders.len());
    let only = std::env::var("SCENARIO").ok();
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let shown = play(folder);
        let file = folder.join("expected.txt");
        if update {
            std::fs::write(&file, &shown).unwrap();
        } else if std::fs::read_to_string(&file).unwrap_or_default() != shown {
            wrong.push(format!("--- {name} shows ---\n{shown}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} scenarios differ; UPDATE=1 rewrites them",
        wrong.join("\n"),
        wrong.len()
    );
}

fn play(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("case.yaml")).unwrap();
    let case: Case = serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let world = World::new(&case, folder);
    let (stdout, stderr) = (Buffer::default(), Buffer::default());
    let host = world.host(&case, stdout.clone(), stderr.clone());
    let args = std::iter::once("rollgate".to_owned()).chain(case.args.clone()).collect();
    let exit: Exit = world.clock.runtime().block_on(rollgate::run(args, host));

    let mut shown = format!("# {}\n$ rollgate {}\n", case.about, case.args.join(" "));
    for (stream, text) in [("stdout", stdout.text()), ("stderr", stderr.text())] {
        let _ = write!(shown, "== {stream}\n{text}");
        if !text.is_empty() && !text.ends_with('\n') {
            shown.push('\n');
        }
    }
    let written = world.written.lock().unwrap();
    for file in &case.show {
        let text = written.get(Path::new(file)).map_or("(not written)", |b| std::str::from_utf8(b).unwrap());
        let _ = writeln!(shown, "== {file}\n{}", text.trim_end());
    }
    let _ = write!(shown, "== requests\n{}", requests(&world.received.lock().unwrap(), case.quiet_queries));
    let _ = writeln!(shown, "== exit {}", exit.code());
    shown.replace(concat!("\"", env!("CARGO_PKG_VERSION"), "\""), "\"VERSION\"")
}

/// Queries and probes are counted by what they ask; everything else is shown whole.
fn requests(received: &[Received], quiet: bool) -> String {
    let mut shown = String::new();
    let mut counted: Vec<(String, usize, String, String)> = Vec::new();
    for request in received {
        let at = request.at.strftime("%H:%M:%S%.3f").to_string();
        let whole = request.method == "EXEC" || request.headers.iter().any(|(name, _)| name == "webhook-id");
        if whole {
            let _ = writeln!(shown, "{at} {} {}{}", request.method, request.target, request.path);
            for (name, value) in &request.headers {
                let _ = writeln!(shown, "  {name}: {value}");
            }
            for line in request.body.lines() {
                let _ = writeln!(shown, "  {line}");
            }
            continue;
        }
        if quiet && request.path.contains("/api/v1/query") {
            continue;
        }
        let question =
            request.body.split("  ").filter(|p| !p.starts_with("time=")).collect::<Vec<_>>().join("  ");
        let key = format!("{} {}{} {question}", request.method, request.target, request.path);
        match counted.iter_mut().find(|(known, ..)| *known == key) {
            Some((_, count, _, last)) => {
                *count += 1;
                *last = at;
            }
            None => counted.push((key, 1, at.clone(), at)),
        }
    }
    for (key, count, first, last) in counted {
        let _ = writeln!(shown, "{count} × {} ({first} to {last})", key.trim_end());
    }
    shown
}
