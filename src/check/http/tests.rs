//! HTTP checks against loopback servers with scripted answers.

use std::time::Duration;

use super::*;
use crate::check::target::tests::{
    FakeNet, Fate, Play, Server, UNREACHABLE, answer, certificate, closed_port, failed, local, measured, met,
    render_in, unmet,
};
use crate::check::{Reading, Rendered};
use crate::host::Host;

fn faults(yaml: &str, vars: &[(&str, &str)]) -> Vec<String> {
    render_in(&Http, yaml, vars, &FakeNet::default().host()).unwrap_err()
}

fn rendered(yaml: &str, vars: &[(&str, &str)]) -> Rendered {
    render_in(&Http, yaml, vars, &FakeNet::default().host()).unwrap()
}

async fn reading(yaml: &str) -> Reading {
    measured(&Http, yaml, &FakeNet::default().host()).await
}

/// A check of the server at `port`, which never times out unless `rest` says so.
fn at(port: u16, rest: &str) -> String {
    let timeout = if rest.contains("timeout") { "" } else { "timeout: 60s, " };
    format!("{{url: 'http://127.0.0.1:{port}/health?x=1#y', {timeout}{rest}}}")
}

/// One measurement of a server that answers once.
async fn asked(play: Play, rest: &str) -> Reading {
    let server = Server::start([play]).await;
    reading(&at(server.port, rest)).await
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn body(text: &str) -> Play {
    answer(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len()))
}

fn redirect(status: u16, location: &str) -> Play {
    answer(&format!("HTTP/1.1 {status} x\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"))
}

mod asking;
mod reading_policy;
mod secured;
