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

use rollgate::promql::{Options, analysis, fitting, parse};

/// Microseconds a query may take on average.
const GOAL: f64 = 20.0;

/// Bytes from which on a query is one as policies have it, and not an edge case of the grammar.
const LONG: usize = 60;

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
    // And it panics over a few.
    std::panic::set_hook(Box::new(|_| {}));
    let takes = |query: &&str| {
        std::panic::catch_unwind(|| promql_parser::parser::parse(query).is_ok()).unwrap_or(false)
    };
    let shared: Vec<&str> = queries.iter().copied().filter(takes).collect();
    let _ = std::panic::take_hook();
    let long: Vec<&str> = shared.iter().copied().filter(|query| query.len() >= LONG).collect();
    let ours = |query: &str| {
        let query = parse(query, Options::default());
        if let Some(expr) = &query.expr {
            black_box((analysis::analyse(expr).lookback(), fitting::fitting(expr)));
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
    println!(
        "{:<34} {:>8} {:>20} {:>8} {:>14} {:>6}",
        "", "queries", "read and analysed", "read", "promql-parser", "ratio"
    );
    println!("{:<34} {:>8} {all:>17.2} µs", "all", queries.len());
    for (what, queries) in
        [("that both take", &shared), (&*format!("of these, of {LONG} bytes or more"), &long)]
    {
        let (ours, read_only, theirs) =
            (median(queries, &ours), median(queries, &read_only), median(queries, &theirs));
        let (count, ratio) = (queries.len(), theirs / read_only);
        println!("{what:<34} {count:>8} {ours:>17.2} µs {read_only:>5.2} µs {theirs:>11.2} µs {ratio:>6.1}");
    }
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
