//! Our PromQL beside that of the Prometheus which `PROMETHEUS` names: what we print is the query that was written, and,
//! from 3.5 on, whose language ours is, what it takes and refuses we take and refuse.

use super::servers::Prometheus;
use super::skipped;
use crate::promql::corpus::{invalid, newer, valid};
use crate::promql::generate::{mutilated, queries};
use crate::promql::tree::Detail;
use crate::promql::{assert_none, parse, sound};

/// All that widens the language; a version leaves out what it does not know.
const FEATURES: &str = "promql-experimental-functions,promql-duration-expr,promql-extended-range-selectors,\
                        promql-binop-fill-modifiers,use-start-timestamps";

/// The first version whose language is ours.
const OURS: (u32, u32) = (3, 5);

/// What we refuse and a server may take; `valid.yaml` tells the reasons.
const ON_PURPOSE: [&str; 5] = [
    "in range or subquery, expected",
    "no UTF-8 text",
    "may not be set multiple times",
    "modifiers allowed before range",
    "duration out of range",
];

/// Major and minor version.
fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

struct Server {
    prometheus: Prometheus,
}

impl Server {
    fn start() -> Self {
        Self { prometheus: Prometheus::start(&["--enable-feature", FEATURES, "--", "none"]) }
    }

    fn version(&self) -> (u32, u32) {
        let answer = self.prometheus.ask("GET /api/v1/status/buildinfo HTTP/1.0\r\n\r\n");
        numbers(answer["data"]["version"].as_str().unwrap())
    }

    /// `text` as the server lays it out, or its error.
    fn format(&self, text: &str) -> Result<String, String> {
        let body: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("query", text).finish();
        let answer = self.prometheus.ask(&format!(
            "POST /api/v1/format_query HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        let said = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        if answer["status"] == "success" { Ok(said("data")) } else { Err(said("error")) }
    }
}

#[test]
fn prometheus_reads_what_we_print_as_what_was_written() {
    if skipped("prometheus_reads_what_we_print_as_what_was_written") {
        return;
    }
    let server = Server::start();
    let texts = valid()
        .into_iter()
        // The server's own layout of the others is another query.
        .filter(|v| !v.lossy)
        .map(|v| v.query)
        .chain(newer().into_iter().map(|n| n.query))
        .chain(queries(500, 3));
    let (mut faults, mut compared) = (Vec::new(), 0);
    for text in texts {
        let (Ok(expr), Ok(wanted)) = (parse(&text).sound(), server.format(&text)) else { continue };
        let printed = expr.to_string();
        let found = server.format(&printed);
        compared += 1;
        // The server's own layout tells `5m` from `300`, and a name from a matcher of the name.
        let same =
            |found: &String| *found == wanted || sound(found, Detail::Meant) == sound(&wanted, Detail::Meant);
        if !found.as_ref().is_ok_and(same) {
            faults.push(format!("{text:?} is printed {printed:?}:\n{wanted}\n{found:?}"));
        }
    }
    assert_none(&faults);
    assert!(compared > 1000, "only {compared} were compared");
}

#[test]
fn prometheus_takes_and_refuses_what_we_do() {
    if skipped("prometheus_takes_and_refuses_what_we_do") {
        return;
    }
    let server = Server::start();
    let version = server.version();
    if version < OURS {
        println!("prometheus_takes_and_refuses_what_we_do is skipped: it needs 3.5, this is {version:?}");
        return;
    }
    let seeds: Vec<String> = valid().into_iter().map(|v| v.query).collect();
    let mut texts = seeds.clone();
    texts.extend(newer().into_iter().map(|n| n.query));
    texts.extend(invalid().into_iter().map(|i| i.query));
    texts.extend(queries(1000, 4));
    texts.extend(mutilated(&seeds, 3000, 5));
    let mut faults = Vec::new();
    for text in texts {
        let (ours, theirs) = (parse(&text), server.format(&text));
        let later = ours.experimental.iter().any(|experimental| numbers(experimental.since) > version);
        let refused = |why: &&str| ours.errors.iter().any(|error| error.message.contains(*why));
        let known = if theirs.is_ok() { ON_PURPOSE.iter().any(refused) } else { later };
        if ours.errors.is_empty() != theirs.is_ok() && !known {
            let ours: Vec<&String> = ours.errors.iter().map(|error| &error.message).collect();
            faults.push(format!("{text:?}\n    ours:   {ours:?}\n    theirs: {theirs:?}"));
        }
    }
    assert_none(&faults);
}
