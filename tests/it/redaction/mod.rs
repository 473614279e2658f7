//! No secret is shown: thirty of odd shapes, held by everything that can hold one, through servers that fail in every way
//! and tell all they were sent. All streams and report files are searched for every form of every secret.

mod holders;
mod server;
mod shapes;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use aho_corasick::AhoCorasick;

use self::holders::{HOLDERS, Holder, Place};
use self::server::{Server, Wrong};
use self::shapes::{fits_a_header, forms, secrets};

/// A secret and who holds it.
struct Held {
    holder: &'static Holder,
    /// The reference; the variable is the same in capitals.
    reference: String,
    secret: String,
}

impl Held {
    fn variable(&self) -> String {
        self.reference.to_uppercase().replace('-', "_")
    }

    fn value(&self, address: &str) -> String {
        format!("{}{}", self.holder.before.replace("ADDRESS", address), self.secret)
    }

    fn yaml(&self, address: &str) -> String {
        let yaml = self.holder.yaml.replace("ADDRESS", address).replace("REF", &self.reference);
        yaml.replace("ENV", &self.variable())
    }
}

/// Every holder with several secrets, so that each secret is held by several; which, depends on `turn`.
fn held(turn: usize) -> Vec<Held> {
    let secrets = secrets();
    assert_eq!(secrets.len(), 30);
    let mut held = Vec::new();
    for (index, holder) in HOLDERS.iter().enumerate() {
        // A webhook that fails is tried for half a minute: one for each run is enough.
        if holder.name == ["webhook-signed", "webhook-url"][turn % 2] {
            continue;
        }
        let fitting: Vec<&String> = secrets.iter().filter(|s| !holder.header || fits_a_header(s)).collect();
        let count = match (holder.name, holder.place) {
            // This one sends any secret that there is.
            ("http-basic", _) => fitting.len(),
            // One after the other, each tried for seconds.
            (_, Place::Trigger) => 1,
            _ => 5,
        };
        for n in 0..count {
            let secret = fitting[(n * 7 + index * 3 + turn) % fitting.len()];
            held.push(Held { holder, reference: format!("{}-{n}", holder.name), secret: secret.clone() });
        }
    }
    held
}

fn policy(held: &[Held], address: &str, silent: &str) -> String {
    let of = |place: Place| held.iter().filter(move |held| held.holder.place == place);
    let mut text = "integrations:\n".to_owned();
    for held in of(Place::Source) {
        text.push_str(&format!("  {}: {}\n", held.reference, held.yaml(address)));
    }
    text.push_str("post_deployment_validation:\n  window: {duration: 0s, interval: 1s, warm_up: 0s}\n  metrics_validation:\n");
    for held in of(Place::Source) {
        text.push_str(&format!(
            "    - {{name: {0}, source: {0}, query: vector(1), max_value: 0, timeout: 1s, failure_action: alert}}\n",
            held.reference
        ));
    }
    text.push_str("  health_check_validation:\n    http_checks:\n");
    for held in of(Place::Check) {
        let yaml = held.yaml(address);
        text.push_str(&format!(
            "      - {{name: {}, timeout: 1s, retries: 0, failure_action: alert, {}\n",
            held.reference,
            &yaml[1..]
        ));
    }
    // What rolls back fails last, when all the others have been asked.
    text.push_str(&format!("      - {{name: last, url: 'http://{silent}/', timeout: 8s, retries: 0}}\n"));
    text.push_str("  rollback_policy:\n    trigger:\n");
    for held in of(Place::Trigger) {
        text.push_str(&format!("      - {}\n", held.yaml(address)));
    }
    text
}

/// What may not be shown: the forms of all secrets.
struct Forbidden {
    forms: Vec<String>,
    matcher: AhoCorasick,
}

impl Forbidden {
    fn new(secrets: &[String]) -> Self {
        let forms: BTreeSet<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
        let forms: Vec<String> = forms.into_iter().collect();
        let matcher = AhoCorasick::new(&forms).unwrap();
        Self { forms, matcher }
    }

    fn search(&self, what: &str, text: &str, found: &mut Vec<String>) {
        for hit in self.matcher.find_iter(text).take(3) {
            let form = &self.forms[hit.pattern().as_usize()];
            let near = text[..hit.start()].rfind('\n').map_or(0, |at| at + 1);
            let line: String = text[near..].chars().take(300).collect();
            found.push(format!("{what} shows `{form}` in: {line}"));
        }
    }
}

/// What was written to the streams and into files.
fn run(folder: &Path, held: &[Held], address: &str, key: &str, github: bool) -> Vec<(String, String)> {
    let silent = Server::start(Wrong::Silent);
    std::fs::write(folder.join("policy.yaml"), policy(held, address, &silent.address)).unwrap();
    let secrets_dir = folder.join("secrets");
    std::fs::create_dir(&secrets_dir).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollgate"));
    command.current_dir(folder).env_clear().env("ROLLGATE_KEY", key).env("PATH", "/usr/bin:/bin");
    command.args([
        "run",
        "policy.yaml",
        "-v",
        "--secrets-dir",
        "secrets",
        "--deployment-id",
        "d",
        "--format",
        "text",
    ]);
    command.args(["--report", "json=report.json", "--report", "text=report.txt", "--concurrency", "64"]);
    if github {
        command.env("GITHUB_ACTIONS", "true");
    }
    for (index, held) in held.iter().enumerate() {
        let value = held.value(address);
        // One in three is encrypted, and one in five is in a file.
        let value = if index % 3 == 1 { encrypted(&value, key) } else { value };
        if index % 5 == 2 && !held.holder.yaml.contains("ENV") {
            std::fs::write(secrets_dir.join(&held.reference), value).unwrap();
        } else {
            let plain = held.holder.name == "command";
            command.env(held.variable(), if plain { held.value(address) } else { value });
        }
    }
    let output = command.output().unwrap();
    std::fs::remove_dir_all(&secrets_dir).unwrap();
    std::fs::remove_file(folder.join("policy.yaml")).unwrap();
    let mut shown = vec![
        ("stdout".to_owned(), String::from_utf8(output.stdout).unwrap()),
        ("stderr".to_owned(), String::from_utf8(output.stderr).unwrap()),
    ];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        shown.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
    }
    assert!(matches!(output.status.code(), Some(20 | 21 | 30)), "{:?}: {}", output.status, shown[1].1);
    assert_eq!(shown.len(), 4, "two reports and two streams");
    shown
}

fn encrypted(value: &str, key: &str) -> String {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_rollgate"))
        .args(["secret", "encrypt"])
        .env_clear()
        .env("ROLLGATE_KEY", key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{value}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What the server got must be what was held: a test that sends nothing would find nothing.
fn received_all(held: &[Held], received: &[u8], wrong: Wrong) {
    for held in held.iter().filter(|held| held.holder.name == "http-basic") {
        // The line end that a file ends with is none of a secret.
        let sent = held.secret.trim_end_matches('\n').as_bytes();
        let came = received.windows(sent.len()).any(|window| window == sent);
        assert!(came, "{wrong:?}: `{}` was never sent", held.secret);
    }
}

#[test]
fn no_failure_shows_a_secret() {
    let key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    let mut all = secrets();
    all.push(key.to_owned());
    let forbidden = Forbidden::new(&all);
    let ways = [
        Wrong::Status(401),
        Wrong::Json(401),
        Wrong::Html(404),
        Wrong::Json(422),
        Wrong::Status(429),
        Wrong::Status(500),
        Wrong::Json(500),
        Wrong::Html(503),
        Wrong::Status(200),
        Wrong::Json(200),
        Wrong::Redirect,
        Wrong::Silent,
        Wrong::Broken,
        Wrong::Huge,
        Wrong::Noise,
        Wrong::Refused,
    ];
    let (mut found, mut masked) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        let runs = ways.into_iter().enumerate();
        let runs: Vec<_> = runs.map(|(turn, wrong)| scope.spawn(move || attempt(turn, wrong, key))).collect();
        for (run, wrong) in runs.into_iter().zip(ways) {
            for (what, said) in run.join().unwrap() {
                masked += said.matches("***").count();
                forbidden.search(&format!("{wrong:?}: {what}"), &said, &mut found);
            }
        }
    });
    assert!(found.is_empty(), "{} are shown:\n{}", found.len(), found.join("\n"));
    assert!(masked > 500, "only {masked} were masked: is anything echoed?");
}

/// What a run shows whose servers all go `wrong`, without what is said to the pipeline system alone.
fn attempt(turn: usize, wrong: Wrong, key: &str) -> Vec<(String, String)> {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::start(wrong));
    let (held, github) = (held(turn), turn.is_multiple_of(4));
    let shown = run(folder.path(), &held, &server.address, key, github);
    if wrong != Wrong::Refused {
        received_all(&held, &server.received(), wrong);
    }
    let said = |(what, text): (String, String)| {
        let (announced, said): (Vec<&str>, Vec<&str>) =
            text.split('\n').partition(|line| line.starts_with("::add-mask::"));
        assert_eq!(announced.is_empty(), !(github && what == "stderr"), "{wrong:?}: {what}");
        (what, said.join("\n"))
    };
    shown.into_iter().map(said).collect()
}
