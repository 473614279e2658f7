//! Every pack over series in its exporter's true shape, in whichever Prometheus `PROMETHEUS` names: a deployment that
//! changes nothing passes, and each of the deployments of `tests/packs/NAME.yaml` fails the checks that it is to fail,
//! and no others. Must not list packs; the table of the crate does.

mod notation;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use jiff::Timestamp;
use rollgate::packs::PACKS;
use serde_json::Value;

use super::servers::{Prometheus, report, rollgate, root};
use super::skipped;
use notation::{Form, Written, value};

/// Packs with health checks, which ask a server that is there now: `history` runs them.
pub(super) const ELSEWHERE: &[&str] = &["post-deployment"];

/// When the first span begins. Each pack's deployments have a span of their own, in order, after that of the deployment
/// that changes nothing; all packs share them.
const BEGIN: &str = "2026-01-15T00:00:00Z";
/// From one span to the next: more than Prometheus looks back for a sample.
const SPAN: i64 = 25 * 60;
/// What of it has samples.
const FILLED: i64 = 19 * 60;
/// When, in its span, a deployment is.
const DEPLOYED: i64 = 6 * 60;
/// Between two samples.
const SCRAPE: usize = 15;

pub(super) fn written(pack: &str) -> Written {
    let path = root().join(format!("tests/packs/{pack}.yaml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{pack}: {e}"))
}

fn begin() -> i64 {
    BEGIN.parse::<Timestamp>().unwrap().as_second()
}

/// Adds all samples of `pack` to `history`, which has the lines of each series.
fn add(pack: &str, written: &Written, history: &mut BTreeMap<String, String>) {
    let healthy = written.series(&written.healthy);
    let spans: Vec<BTreeMap<String, Form>> = std::iter::once(BTreeMap::new())
        .chain(written.deployments.iter().map(|deployment| written.series(&deployment.series)))
        .collect();
    let all: BTreeSet<&String> = healthy.keys().chain(spans.iter().flat_map(BTreeMap::keys)).collect();
    for series in all {
        let mut lines = String::new();
        for (span, then) in (0i64..).zip(&spans) {
            for second in (0..FILLED).step_by(SCRAPE) {
                let at = begin() + span * SPAN + second;
                let forms = (healthy.get(series).copied(), then.get(series).copied());
                if let Some(value) = value(forms.0, forms.1, second as f64, DEPLOYED as f64) {
                    let _ = writeln!(lines, "{series} {value} {at}");
                }
            }
        }
        let other = history.insert(series.clone(), lines);
        assert!(other.is_none(), "{pack} has a series of another pack: {series}");
    }
}

/// The policy that `init` makes of `pack` for a service that has the variables `set`.
fn initialised(pack: &str, set: &BTreeMap<String, String>, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{pack}.yaml"));
    let mut command = rollgate();
    command.args(["init", pack, "--output"]).arg(&path);
    command.args(set.iter().map(|(name, value)| format!("--set={name}={value}")));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{pack}: {}", String::from_utf8_lossy(&output.stderr));
    path
}

/// Judges the deployment of the span numbered `span` by `policy`.
fn judge(policy: &Path, url: &str, span: usize, set: &[&BTreeMap<String, String>]) -> Output {
    let deployed = (begin() + i64::try_from(span).unwrap() * SPAN + DEPLOYED).to_string();
    let mut command = rollgate();
    command.arg("run").arg(policy);
    command.args(["--prometheus", url, "--start", &deployed, "--deployed-at", &deployed]);
    // All is watched to its end, so that what else fails shows, and nobody is asked for a rollback.
    command.args(["--no-fail-fast", "--no-actions", "--format", "json"]);
    command.args(["--set", "rollback_url=http://ci.example/rollback"]);
    for (name, value) in set.iter().flat_map(|variables| variables.iter()) {
        command.args(["--set", &format!("{name}={value}")]);
    }
    command.output().unwrap()
}

/// What `lint --online` tells of `policy` at the end of the healthy span.
fn look(policy: &Path, url: &str, set: &BTreeMap<String, String>) -> String {
    let mut command = rollgate();
    command.args(["lint", "--online", "--prometheus", url, "--start", &(begin() + DEPLOYED).to_string()]);
    command.args(set.iter().map(|(name, value)| format!("--set={name}={value}")));
    let output = command.arg(policy).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The names of the checks of `report` that came to `outcome`.
fn checks<'r>(report: &'r Value, outcome: &str) -> BTreeSet<&'r str> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["outcome"] == outcome).map(|check| check["name"].as_str().unwrap()).collect()
}

#[test]
fn every_pack_passes_what_is_healthy_and_fails_what_is_not() {
    if skipped("every_pack_passes_what_is_healthy_and_fails_what_is_not") {
        return;
    }
    let packs = PACKS.iter().map(|pack| pack.name).filter(|name| !ELSEWHERE.contains(name));
    let packs: Vec<(&str, Written)> = packs.map(|name| (name, written(name))).collect();
    let mut history = BTreeMap::new();
    for (pack, written) in &packs {
        add(pack, written, &mut history);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.txt");
    let text: String = history.into_values().chain(["# EOF\n".to_owned()]).collect();
    std::fs::write(&path, text).unwrap();
    let prometheus = Prometheus::start(&["--history", path.to_str().unwrap()]);

    let mut wrong = Vec::new();
    for (pack, written) in &packs {
        let policy = root().join(format!("policies/{pack}.yaml"));
        let mut tried = BTreeSet::new();
        let healthy = report(&judge(&policy, &prometheus.url, 0, &[&written.set]));
        let all: BTreeSet<&str> = healthy["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|check| check["name"].as_str().unwrap())
            .collect();
        if healthy["exit_code"] != 0 || checks(&healthy, "passed") != all {
            wrong.push(format!("{pack}: what is healthy did not pass: {healthy:#}"));
        }
        let own = judge(&initialised(pack, &written.set, folder.path()), &prometheus.url, 0, &[]);
        if own.status.code() != Some(0) {
            wrong.push(format!("{pack}: what `init` makes of it does not pass: {:#}", report(&own)));
        }
        let looked = look(&policy, &prometheus.url, &written.set);
        if looked.contains("warning[") || looked.contains("error") || looked.contains("[not-asked]") {
            wrong.push(format!("{pack}: `lint --online` of what is healthy tells:\n{looked}"));
        }
        for (span, deployment) in (1..).zip(&written.deployments) {
            let output = judge(&policy, &prometheus.url, span, &[&written.set, &deployment.set]);
            let report = report(&output);
            let fails: BTreeSet<&str> = deployment.fails.iter().map(String::as_str).collect();
            let passes = all.difference(&fails).copied().collect();
            let fits = report["verdict"] == *deployment.verdict
                && output.status.code()
                    == report["exit_code"].as_i64().map(|code| i32::try_from(code).unwrap())
                && checks(&report, "failed") == fails
                && checks(&report, "passed") == passes;
            if !fits {
                let summary: Vec<String> = report["checks"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|c| format!("  {} {}: {}", c["name"], c["outcome"], c["reason"]))
                    .collect();
                wrong.push(format!(
                    "{pack}, {}: {} instead of {}, {:?} fail\n{}",
                    deployment.what,
                    report["verdict"],
                    deployment.verdict,
                    checks(&report, "failed"),
                    summary.join("\n")
                ));
            }
            tried.extend(fails);
        }
        if tried != all {
            wrong.push(format!("{pack}: {:?} fail nowhere", all.difference(&tried).collect::<Vec<_>>()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
