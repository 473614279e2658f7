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

/// What was deployed.
const COMMIT: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

/// A secret and who holds it.
struct Held {
    holder: &'static Holder,
    /// The reference; the variable is the same in capitals.
    reference: String,
    secret: String,
}

impl Held {
    fn variable(&self) -> String {
        if self.holder.name == "gitlab-job" {
            return "CI_JOB_TOKEN".to_owned();
        }
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

/// Whether everything is tried until its time is over.
fn slow(wrong: Wrong) -> bool {
    matches!(wrong, Wrong::Status(429) | Wrong::Silent | Wrong::Refused)
}

/// Every holder with several secrets, so that each secret is held by several; which, depends on `turn`.
fn held(turn: usize, wrong: Wrong) -> Vec<Held> {
    let secrets = secrets();
    assert_eq!(secrets.len(), 30);
    let mut held = Vec::new();
    for (index, holder) in HOLDERS.iter().enumerate() {
        // A webhook that fails is tried for half a minute: one for each run is enough.
        if holder.name == ["webhook-signed", "webhook-url"][turn % 2] {
            continue;
        }
        // These read first, which is tried again and again: one for each run is enough, too.
        let reads = ["jenkins-token", "jenkins-password", "argocd"];
        if wrong != Wrong::Fine && reads.contains(&holder.name) && holder.name != reads[turn % 3] {
            continue;
        }
        // One after the other, and each for ten seconds: where all is tried so long, a few are.
        if holder.place == Place::Trigger && holder.name != "command" && slow(wrong) {
            let kept = match holder.name {
                "jenkins-password" | "argocd" => false,
                "webhook-signed" | "webhook-url" => wrong != Wrong::Silent,
                _ => index % 5 == turn % 5,
            };
            if !kept {
                continue;
            }
        }
        let fitting: Vec<&String> = secrets.iter().filter(|s| !holder.header || fits_a_header(s)).collect();
        let count = match (holder.name, holder.place) {
            // This one sends any secret that there is.
            ("http-basic", _) => fitting.len(),
            // One after the other, each tried for seconds.
            (_, Place::Trigger) => 1,
            (_, Place::Source | Place::Check) => 4,
            (_, Place::Channel | Place::Tracker) => 2,
        };
        for n in 0..count {
            let secret = fitting[(n * 17 + index * 3 + turn) % fitting.len()];
            held.push(Held { holder, reference: format!("{}-{n}", holder.name), secret: secret.clone() });
        }
    }
    held
}

/// The triggers alone, before which is looked at what they would meet.
fn triggers(turn: usize) -> Vec<Held> {
    let mut held = held(turn, Wrong::Fine);
    held.retain(|held| held.holder.place == Place::Trigger);
    held
}

fn policy(held: &[Held], address: &str, silent: &str) -> String {
    let of = |place: Place| held.iter().filter(move |held| held.holder.place == place);
    let mut text = "integrations: {}\n".to_owned();
    let entries = || of(Place::Source).chain(of(Place::Channel)).chain(of(Place::Tracker));
    if entries().next().is_some() {
        text = "integrations:\n".to_owned();
    }
    for held in entries() {
        text.push_str(&format!("  {}: {}\n", held.reference, held.yaml(address)));
    }
    let lists = [
        ("notifications", Place::Channel, "on: [rollback, alert], timeout: 2s"),
        ("tracking", Place::Tracker, "transition: Done, issues: [ISSUE]"),
    ];
    for (list, place, more) in lists {
        for (index, held) in of(place).enumerate() {
            let head = if index == 0 { format!("{list}:\n") } else { String::new() };
            let issue = if held.holder.name == "azure-boards" { "AB#7" } else { "SHOP-7" };
            let more = match held.holder.name {
                "github-status" | "gitlab-status" => String::new(),
                _ => format!(", {}", more.replace("ISSUE", issue)),
            };
            text.push_str(&format!("{head}  - {{to: {}{more}}}\n", held.reference));
        }
    }
    text.push_str("post_deployment_validation:\n  window: {duration: 0s, interval: 1s, warm_up: 0s}\n");
    for (index, held) in of(Place::Source).enumerate() {
        let head = if index == 0 { "  metrics_validation:\n" } else { "" };
        text.push_str(&format!(
            "{head}    - {{name: {0}, source: {0}, query: vector(1), max_value: 0, timeout: 1s, failure_action: alert}}\n",
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
    // What rolls back fails last, when all the others have been asked. Triggers alone are looked at, and not fired.
    let preflight = entries().next().is_none();
    let last = if preflight { "1s, failure_action: alert" } else { "8s" };
    text.push_str(&format!("      - {{name: last, url: 'http://{silent}/', retries: 0, timeout: {last}}}\n"));
    text.push_str(&format!(
        "  rollback_policy:\n    preflight: {preflight}\n    wait: {{timeout: 2s, interval: 1s}}\n    trigger:\n"
    ));
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
    // What the pipeline around the gate tells it.
    command.env("CI_API_V4_URL", format!("http://{address}/api/v4"));
    command.env("CI_COMMIT_SHA", COMMIT).env("GITHUB_SHA", COMMIT);
    for (index, held) in held.iter().enumerate() {
        let value = held.value(address);
        // One in three is encrypted, and one in five is in a file.
        let plain = matches!(held.holder.name, "command" | "gitlab-job");
        let value = if index % 3 == 1 && !plain { encrypted(&value, key) } else { value };
        if index % 5 == 2 && held.holder.yaml.contains("REF") {
            std::fs::write(secrets_dir.join(&held.reference), value).unwrap();
        } else {
            command.env(held.variable(), value);
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
    let told =
        shown[1].1.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n");
    let looked = held.iter().all(|held| held.holder.place == Place::Trigger);
    if looked && output.status.code() == Some(2) {
        assert!(told.contains("a rollback could not be begun by"), "{told}");
    } else {
        let expected = if looked { &[10][..] } else { &[20, 21, 30] };
        let code = output.status.code();
        assert!(code.is_some_and(|code| expected.contains(&code)), "{:?}: {told}", output.status);
        assert_eq!(shown.len(), 4, "two reports and two streams");
    }
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
    if wrong != Wrong::Fine {
        return;
    }
    let received = String::from_utf8_lossy(received);
    for held in held.iter().filter(|held| held.holder.place != Place::Check) {
        // These sign, and say nothing; this one speaks to its output alone.
        let unsent = ["webhook-signed", "told-signed", "dingtalk-secret", "feishu-secret", "command"];
        let came = forms(held.secret.trim()).iter().any(|form| received.contains(form));
        assert!(
            came || unsent.contains(&held.holder.name),
            "{} never sent `{}`",
            held.reference,
            held.secret
        );
    }
}

#[test]
fn no_failure_shows_a_secret() {
    let key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    let mut all = secrets();
    all.extend([key.to_owned(), server::MINTED.to_owned()]);
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
        Wrong::Fine,
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

/// What two runs show whose servers all go `wrong`, without what is said to the pipeline system alone: one that does all
/// that follows a rollback, and one that looks before it measures what its triggers would meet.
fn attempt(turn: usize, wrong: Wrong, key: &str) -> Vec<(String, String)> {
    let server = Server::start(wrong);
    let (held, github) = (held(turn, wrong), turn.is_multiple_of(4));
    let run = |held: &[Held]| {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), held, &server.address, key, github)
    };
    let shown = std::thread::scope(|scope| {
        let before = scope.spawn(|| run(&triggers(turn + 15)));
        let shown = run(&held);
        [shown, before.join().unwrap()].concat()
    });
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
