//! Tests against real servers: the binary, a Prometheus over generated history, a live service and a webhook
//! receiver, all on loopback. A missing server fails the suite, unless `ROLLGATE_TEST_SKIP_REAL=1` is set.

mod alertmanager;
mod azure_devops;
mod backtest;
mod baselines;
mod chat;
mod context;
mod deployments;
mod events;
mod history;
mod jenkins;
mod lint;
mod hooks;
mod kills;
mod live;
mod mail;
mod notices;
mod oracles;
mod packs;
mod promql;
mod rules;
mod secrets;
mod servers;
mod trackers;
mod triggers;
mod windows;

/// Whether tests against real servers are to be skipped; says so.
fn skipped(test: &str) -> bool {
    let skip = std::env::var("ROLLGATE_TEST_SKIP_REAL").is_ok_and(|v| v == "1");
    if skip {
        println!("{test} is skipped: ROLLGATE_TEST_SKIP_REAL=1");
    }
    skip
}
