//! Evidence against expected values, its limits, and the error rates it promises.

use super::*;
use crate::stats::testing::{assert_close, golden, number, numbers};
use crate::stats::two_rates::Events;

#[test]
fn evidence_against_a_limit_is_that_of_enumeration() {
    for case in golden("eprocess_threshold") {
        let mut evidence = ShareEvidence::new(Side::Above, number(&case, "p0"));
        for (step, expected) in case["steps"].as_array().unwrap().iter().zip(numbers(&case, "log_e")) {
            evidence.update(Events::new(number(step, "k"), number(step, "N")));
            assert_close(evidence.log_evidence(), expected, 1e-9);
        }
    }
}

#[test]
fn evidence_against_a_baseline_is_that_of_enumeration() {
    for case in golden("eprocess_two_sample") {
        let mut evidence = RatioEvidence::new(Side::Above, number(&case, "rho0"));
        for (step, expected) in case["steps"].as_array().unwrap().iter().zip(numbers(&case, "log_e")) {
            let candidate = Events::new(number(step, "kc"), number(step, "Tc"));
            evidence.update(candidate, Events::new(number(step, "ks"), number(step, "Ts")));
            assert_close(evidence.log_evidence(), expected, 1e-9);
        }
    }
}
