//! Reading and analysing a query, beside `promql-parser`, over the corpus of `tests/promql`: microseconds a query, the
//! median of the rounds. `cargo bench --bench promql` runs it; it fails where the goal is missed.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a benchmark reads a file and the clock, tells what it found, and may panic"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use rollgate::promql::{Options, analysis, parse};

/// Microseconds a query may take on average.
const GOAL: f64 = 20.0;

/// How often the whole corpus is read.
const ROUNDS: usize = 41;

fn main() -> ExitCode {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/promql/valid.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let entries: Vec<serde_json::Value> = serde_yaml::from_str(&text).unwrap();
    let queries: Vec<&str> = entries.iter().map(|entry| entry["query"].as_str().unwrap()).collect();
    let bytes: usize = queries.iter().map(|query| query.len()).sum();
    println!("{} queries of {} bytes on average, {ROUNDS} rounds", queries.len(), bytes / queries.len());

    // The other parser refuses some valid queries, which costs it less than reading them: both are given the rest.
    let shared: Vec<&str> =
        queries.iter().copied().filter(|query| promql_parser::parser::parse(query).is_ok()).collect();
    let ours = |query: &str| {
        let query = parse(query, Options::default());
        if let Some(expr) = &query.expr {
            black_box((analysis::analyse(expr).lookback(), analysis::fitting(expr)));
        }
        black_box(query);
    };
    let read_only = |query: &str| {
        black_box(parse(query, Options::default()));
    };
    let theirs = |query: &str| {
        let _ = black_box(promql_parser::parser::parse(query));
    };
    let all = median(&queries, &ours);
    let (ours, read_only, theirs) = (median(&shared, &ours), median(&shared, &read_only), median(&shared, &theirs));
    println!("all queries             read and analysed   {all:7.2} µs a query");
    println!("those that both take    read and analysed   {ours:7.2} µs a query ({} queries)", shared.len());
    println!("                        read                {read_only:7.2} µs a query");
    println!("                        promql-parser reads {theirs:7.2} µs a query, {:.1} times as long", theirs / read_only);
    let met = all < GOAL;
    println!("goal: less than {GOAL} µs: {}", if met { "met" } else { "missed" });
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Microseconds that `read` takes for one of `queries`.
fn median(queries: &[&str], read: &impl Fn(&str)) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for query in queries {
                read(black_box(query));
            }
            start.elapsed().as_secs_f64() * 1e6 / queries.len() as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
