//! Deployments of which the outcome is known, in one Prometheus for all tests of a process: the cases of
//! `tests/real/deployments.py`, which says what each service does.

use std::sync::LazyLock;

use super::servers::Prometheus;
use super::skipped;

/// When every service was deployed; the history ends 15 minutes later.
pub const DEPLOYED: &str = "2026-01-15T10:00:00Z";

/// When the history ends.
pub const ENDS: &str = "2026-01-15T10:15:00Z";

/// The Prometheus with the cases. It ends with this process, and its folder too.
pub fn cases() -> &'static Prometheus {
    static CASES: LazyLock<Prometheus> = LazyLock::new(|| {
        Prometheus::start(&["--remove", "--generator", "deployments.py", "--", "cases", "--at", DEPLOYED])
    });
    &CASES
}

/// The share of requests of `job` that failed in the 15 minutes up to `time`.
fn error_ratio(job: &str, time: &str) -> f64 {
    let count = |labels: &str| format!("sum(increase(http_requests_total{{job=\"{job}\"{labels}}}[15m]))");
    let query = format!("{} / {}", count(",status=\"500\""), count(""));
    match cases().query(&query, time)[..] {
        [(_, ratio)] => ratio,
        ref other => panic!("{job} at {time}: {other:?}"),
    }
}

#[test]
fn the_cases_fail_as_they_say() {
    if skipped("the_cases_fail_as_they_say") {
        return;
    }
    for (job, before, after) in [("hotfix", 0.1, 0.0), ("regression", 0.002, 0.05)] {
        for (time, wanted) in [(DEPLOYED, before), (ENDS, after)] {
            let found = error_ratio(job, time);
            assert!(
                (found - wanted).abs() <= 0.1 * wanted + 0.001,
                "{job} at {time}: {found} is not {wanted}"
            );
        }
    }
}
