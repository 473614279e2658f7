//! Starts and stops the servers of `tests/real`, and runs the binary. Everything ends with its guard.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The secret that the binary and the receiver share; its variable is that of `rollback-webhook-secret`.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn script(name: &str) -> PathBuf {
    root().join("tests/real").join(name)
}

/// A Prometheus in a directory of its own.
pub struct Prometheus {
    folder: tempfile::TempDir,
    pub url: String,
}

impl Prometheus {
    /// Starts one; `arguments` are those of `prometheus.sh start DIR`.
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(script("prometheus.sh"))
            .arg("start")
            .arg(folder.path())
            .args(["--watch", &std::process::id().to_string()])
            .args(arguments)
            .output()
            .unwrap();
        let url = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !url.is_empty(), "no Prometheus: {why}");
        Self { folder, url }
    }

    /// The answer to an HTTP/1.0 request.
    pub fn ask(&self, request: &str) -> Value {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// The values that `query` has at `time`, with their labels.
    pub fn query(&self, query: &str, time: &str) -> Vec<(Value, f64)> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.append_pair("query", query).append_pair("time", time).finish();
        let answer = self.ask(&format!("GET /api/v1/query?{form} HTTP/1.0\r\n\r\n"));
        let result = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {answer}"));
        let value = |series: &Value| series["value"][1].as_str().unwrap().parse().unwrap();
        result.iter().map(|series| (series["metric"].clone(), value(series))).collect()
    }

    /// Ends it at once, as a crash does.
    pub fn stop(&self) {
        let stopped =
            Command::new(script("prometheus.sh")).arg("stop").arg(self.folder.path()).status().unwrap();
        assert!(stopped.success());
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A script that prints its URL and serves until it is dropped.
pub struct Server {
    child: Child,
    pub url: String,
}

impl Server {
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        Self::run(Command::new(script(name)), name, arguments)
    }

    /// The same for a script that another Python runs: the one with what the oracles need.
    pub fn start_by(python: &Path, name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(python);
        command.arg(script(name));
        Self::run(command, name, arguments)
    }

    fn run(mut command: Command, name: &str, arguments: &[&str]) -> Self {
        let mut child = command
            .args(arguments)
            .args(["--watch", &std::process::id().to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.contains("://"), "{name} did not start");
        Self { child, url: url.trim().to_owned() }
    }

    /// `host:port`.
    pub fn authority(&self) -> &str {
        self.url.split_once("://").map_or(&*self.url, |(_, rest)| rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A webhook receiver that checks signatures, and what it has received.
pub struct Receiver {
    pub server: Server,
    folder: tempfile::TempDir,
}

impl Receiver {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("received.jsonl");
        let server = Server::start("receiver.py", &["--secret", SECRET, "--log", log.to_str().unwrap()]);
        Self { server, folder }
    }

    pub fn received(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("received.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The binary, without any variable of whoever runs the tests.
pub fn rollgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollgate"));
    command.env_clear().env("ROLLBACK_WEBHOOK_SECRET", SECRET).stdin(Stdio::null());
    command
}

/// The JSON report on the binary's stdout, which must fit the published schema.
pub fn report(output: &Output) -> Value {
    let talk = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}; it said: {talk}"));
    let schema = rollgate().args(["schema", "report"]).output().unwrap();
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:?}");
    report
}

/// The check called `name` of a report.
pub fn check<'r>(report: &'r Value, name: &str) -> &'r Value {
    let checks = report["checks"].as_array().unwrap();
    checks
        .iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no check `{name}` in {report:#}"))
}
