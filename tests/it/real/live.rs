//! Runs of some seconds over servers that change while they are watched.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::servers::{Prometheus, Receiver, Server, check, rollgate};
use super::skipped;

/// Runs `policy`, and does `act` once a sample has been reported as within.
fn watch(policy: &str, arguments: &[&str], act: impl FnOnce()) -> (ExitStatus, Value) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.yaml");
    std::fs::write(&path, policy).unwrap();
    let report = folder.path().join("report.json");
    let mut child = rollgate()
        .arg("run")
        .arg(&path)
        .args(arguments)
        .arg(format!("--report=json={}", report.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    let mut opening = String::new();
    talk.read_line(&mut opening).unwrap();
    act();
    let mut rest = String::new();
    talk.read_to_string(&mut rest).unwrap();
    let status = child.wait().unwrap();
    let text = std::fs::read_to_string(&report).unwrap_or_else(|e| panic!("{e}: {opening}{rest}"));
    (status, serde_json::from_str(&text).unwrap())
}

/// Posts `body` to `path` of `server`.
fn post(server: &Server, path: &str, body: &str) {
    let mut stream = TcpStream::connect(server.authority()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}", body.len());
    write!(stream, "{head}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_service_that_breaks_while_watched_is_rolled_back() {
    if skipped("a_service_that_breaks_while_watched_is_rolled_back") {
        return;
    }
    let (service, receiver) = (Server::start("service.py", &[]), Receiver::start());
    let policy = format!(
        "post_deployment_validation:
  window: {{duration: 20s, interval: 200ms, warm_up: 0s}}
  health_check_validation:
    http_checks:
      - {{name: health, url: '{}/health', timeout: 2s}}
  rollback_policy:
    trigger: {{kind: webhook, url: '{}/hook', secret_ref: rollback-webhook-secret}}
",
        service.url, receiver.server.url
    );
    let (status, report) =
        watch(&policy, &["--deployment-id", "live"], || post(&service, "/state", "{\"healthy\": false}"));
    assert_eq!(status.code(), Some(20), "{report:#}");
    let failed = check(&report, "health");
    assert_eq!((&failed["breaches"], &failed["outcome"]), (&3.into(), &"failed".into()));
    assert_eq!(receiver.received().len(), 1);
    // What came first in time comes first in the evidence too.
    let last = failed["samples"].as_array().unwrap().last().unwrap();
    let tick: jiff::Timestamp = last["at"].as_str().unwrap().parse().unwrap();
    let arrived = receiver.received()[0]["at_ms"].as_i64().unwrap();
    println!(
        "the webhook arrived {} ms after the tick that completed the failure",
        arrived - tick.as_millisecond()
    );
    assert!(arrived >= tick.as_millisecond());
}

#[test]
fn a_prometheus_that_stops_is_inconclusive() {
    if skipped("a_prometheus_that_stops_is_inconclusive") {
        return;
    }
    let prometheus = Prometheus::start(&["--", "none"]);
    let policy = "post_deployment_validation:
  window: {duration: 3s, interval: 500ms, warm_up: 0s}
  metrics_validation:
    - {name: always_fine, query: vector(0), max_value: 1, timeout: 2s}
";
    let (status, report) = watch(policy, &["--prometheus", &prometheus.url], || prometheus.stop());
    assert_eq!(status.code(), Some(30), "{report:#}");
    assert_eq!(report["verdict"], "inconclusive");
    assert_eq!(check(&report, "always_fine")["breaches"], 0);
}
