//! The queries of `tests/promql` with what Prometheus says of each. Must not judge; `record.py` tells what the fields
//! mean.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A query that Prometheus takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Valid {
    pub query: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub pretty: String,
    /// Whether `pretty` is not the same query, by a fault of Prometheus.
    #[serde(default)]
    pub lossy: bool,
    pub tree: String,
    #[serde(default)]
    pub flags: Vec<String>,
    /// `refused`, where we refuse it on purpose.
    pub ours: Option<String>,
    pub why: Option<String>,
}

/// A query that Prometheus refuses.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invalid {
    pub query: String,
    pub error: String,
    /// `line:column`, or nothing.
    pub at: String,
    /// Where we say it is, if elsewhere on purpose.
    pub ours: Option<String>,
    pub why: Option<String>,
}

/// A query that a Prometheus newer than 3.5 takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newer {
    pub query: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub since: String,
    pub flag: Option<String>,
    pub why: String,
}

fn read<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promql").join(name);
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub fn valid() -> Vec<Valid> {
    read("valid.yaml")
}

pub fn invalid() -> Vec<Invalid> {
    read("invalid.yaml")
}

pub fn newer() -> Vec<Newer> {
    read("newer.yaml")
}
