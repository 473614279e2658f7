//! Kills the binary at every step of the acting phase: before each system call that it makes after the verdict, in turn. A
//! second run must neither lose the rollback nor begin a second one at a receiver that honours the id.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use super::servers::{Receiver, rollgate};
use super::skipped;

/// The system calls that change something outside the process, or wait for it.
const CALLS: &str = "connect,socket,sendto,sendmsg,write,writev,recvfrom,recvmsg,read,readv,shutdown,close,openat,\
                     fsync,fdatasync,flock,ftruncate,lseek,rename,renameat,renameat2,unlink,unlinkat,clone,clone3,vfork,\
                     pipe2,kill,exit_group";

/// A gate whose one check fails at once, and what is to follow.
fn policy(follows: &str) -> String {
    format!(
        "post_deployment_validation:
  window: {{duration: 0s}}
  health_check_validation:
    tcp_checks:
      - {{name: gone, host: 127.0.0.1, port: 1, timeout: 2s}}
  rollback_policy:
    cooldown: 0
    max_per_day: 100000
{follows}"
    )
}

fn run(policy: &Path, name: &str, state: Option<&Path>) -> Command {
    let mut command = rollgate();
    command.arg("run").arg(policy).args(["--service", "shop", "--version", name, "--deployment-id", name]);
    let report = policy.with_file_name(format!("{name}.json"));
    command.arg(format!("--report=json={}", report.display()));
    if let Some(state) = state {
        command.arg("--state").arg(state);
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// `command` under strace with `options`.
fn traced(command: &Command, options: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace.arg("-qq").args(options).arg(command.get_program()).args(command.get_args());
    // strace itself needs a path to find nothing in: the program is named whole.
    strace.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    strace
}

/// The system calls after the verdict was said: each with how many of its name there were before and with it.
fn steps(command: &Command, folder: &Path) -> Vec<(String, usize)> {
    let log = folder.join("strace.log");
    let trace = format!("trace={CALLS}");
    let options = ["-s", "200", "-o", log.to_str().unwrap(), "-e", &trace];
    let ended = traced(command, &options)
        .output()
        .unwrap_or_else(|error| panic!("no strace: {error}; run: make setup"));
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(
        ended.status.code(),
        Some(20),
        "strace cannot be used here, or the run is no rollback: {told}"
    );
    let text = std::fs::read_to_string(&log).unwrap();
    let (mut counts, mut found, mut acting) = (BTreeMap::new(), Vec::new(), false);
    for line in text.lines() {
        let Some((name, _)) = line.split_once('(') else { continue };
        let count = counts.entry(name.to_owned()).or_insert(0_usize);
        *count += 1;
        if acting {
            found.push((name.to_owned(), *count));
        }
        acting |= line.contains("verdict ROLLBACK");
    }
    assert!(found.len() >= 10, "only {} steps after the verdict:\n{text}", found.len());
    found
}

/// Kills `command` before its `count`th call of `name`; whether it came to that.
fn kill(command: &Command, (name, count): &(String, usize)) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    let (trace, inject) = (format!("trace={name}"), format!("inject={name}:signal=SIGKILL:when={count}"));
    let ended = traced(command, &["-o", "/dev/null", "-e", &trace, "-e", &inject]).output().unwrap();
    let killed = ended.status.signal() == Some(9);
    assert!(killed || ended.status.code() == Some(20), "{}", String::from_utf8_lossy(&ended.stderr));
    killed
}

/// The ids that were received for the deployment `name`, path by path.
fn ids(receiver: &Receiver, name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for request in receiver.received() {
        let event: serde_json::Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        if event["version"] == name && event["type"] == "rollgate.rollback" {
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            ids.entry(text(&request["path"])).or_default().insert(text(&request["headers"]["webhook-id"]));
        }
    }
    ids
}

fn killed_everywhere(with_state: bool) {
    let (receiver, folder) = (Receiver::start(), tempfile::tempdir().unwrap());
    let path = folder.path().join("policy.yaml");
    let hook = |end: &str| {
        format!(
            "      - {{kind: webhook, url: '{}/{end}', secret_ref: rollback-webhook-secret}}\n",
            receiver.server.url
        )
    };
    let follows = format!("    trigger:\n{}{}", hook("one"), hook("two"));
    std::fs::write(&path, policy(&follows)).unwrap();
    let state = folder.path().join("state.jsonl");
    let state = with_state.then_some(state.as_path());
    let steps = steps(&run(&path, "whole", state), folder.path());
    let mut kills = 0;
    for (number, step) in steps.iter().enumerate() {
        let name = format!("k{number}");
        kills += usize::from(kill(&run(&path, &name, state), step));
        let before = ids(&receiver, &name);
        let again = run(&path, &name, state).output().unwrap();
        let told = format!("killed before {step:?}: {}", String::from_utf8_lossy(&again.stderr));
        assert_eq!(again.status.code(), Some(20), "{told}");
        let after = ids(&receiver, &name);
        assert_eq!(after.keys().collect::<Vec<_>>(), ["/one", "/two"], "{told}");
        assert!(after.values().all(|ids| ids.len() == 1), "{after:?} {told}");
        assert!(before.iter().all(|(path, ids)| after.get(path) == Some(ids)), "{before:?} {told}");
    }
    println!("killed before {kills} of {} system calls", steps.len());
    assert!(kills * 10 >= steps.len() * 9, "killed before {kills} of {} system calls only", steps.len());
    if let Some(state) = state {
        // What was confirmed is known, whatever was torn in between.
        let sent = receiver.received().len();
        let third = run(&path, "k3", Some(state)).output().unwrap();
        assert_eq!((third.status.code(), receiver.received().len()), (Some(20), sent));
    }
}

#[test]
fn killed_at_every_step_it_rolls_back_once() {
    if !skipped("killed_at_every_step_it_rolls_back_once") {
        killed_everywhere(false);
    }
}

#[test]
fn killed_at_every_step_it_rolls_back_once_with_a_state_file() {
    if !skipped("killed_at_every_step_it_rolls_back_once_with_a_state_file") {
        killed_everywhere(true);
    }
}

/// A program knows nothing of ids: it is begun once at most, and where that is not known, it is said.
#[test]
fn killed_at_every_step_a_program_is_never_begun_twice() {
    if skipped("killed_at_every_step_a_program_is_never_begun_twice") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (path, state) = (folder.path().join("policy.yaml"), folder.path().join("state.jsonl"));
    let begun = folder.path().join("begun");
    let line = format!("echo $ROLLGATE_ID >> {}", begun.display());
    std::fs::write(
        &path,
        policy(&format!("    trigger: {{kind: command, argv: [/bin/sh, -c, '{line}']}}\n")),
    )
    .unwrap();
    let count = || std::fs::read_to_string(&begun).unwrap_or_default().lines().count();
    let steps = steps(&run(&path, "whole", Some(&state)), folder.path());
    let mut unknown = 0;
    for (number, step) in steps.iter().enumerate() {
        let (name, before) = (format!("k{number}"), count());
        kill(&run(&path, &name, Some(&state)), step);
        // As if the second run came much later: a run that was killed just now might still be at it.
        let text = std::fs::read_to_string(&state).unwrap();
        std::fs::write(&state, text.replace("\"at\":\"2", "\"at\":\"1")).unwrap();
        let again = run(&path, &name, Some(&state)).output().unwrap();
        let told = format!("killed before {step:?}: {}", String::from_utf8_lossy(&again.stderr));
        let begun = count() - before;
        match again.status.code() {
            Some(20) => assert_eq!(begun, 1, "{told}"),
            Some(21) => {
                unknown += 1;
                assert!(begun <= 1 && told.contains("how that ended is not known"), "{told}");
            }
            _ => panic!("{told}"),
        }
    }
    println!("after {unknown} of {} kills it was not known", steps.len());
    assert!(unknown >= 1 && unknown < steps.len());
}
