//! Lints of the two sides of an operator: whether their series can find each other at all. Must not judge sides whose
//! labels only the server knows.

use super::labels::{Labels, labels};
use super::{Asked, holed, sound};
use crate::policy::lint::{Cx, Rule};
use crate::policy::problem::{Problem, Severity, listed};
use crate::promql::ast::{Binary, BinaryOp, Node};

/// The lints of this file.
pub(in crate::policy::lint) const RULES: &[Rule] = &[Rule {
    id: "sides-never-match",
    severity: Severity::Warning,
    summary: "an operator whose sides have different labels: no series finds a partner, and the result is empty",
    check: sides_never_match,
}];

fn sides_never_match(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for asked in sound(cx) {
        for expr in asked.expr.all() {
            if let Node::Binary(binary) = &expr.node
                && !matches!(binary.op, BinaryOp::Or | BinaryOp::Unless)
            {
                found.extend(mismatch(asked, binary));
            }
        }
    }
}

fn mismatch(asked: Asked<'_>, binary: &Binary) -> Option<Problem> {
    let (left, right) = (labels(&binary.left), labels(&binary.right));
    if left == Labels::Unknown || right == Labels::Unknown {
        return None;
    }
    let Some(matching) = &binary.matching else {
        if left == right {
            return None;
        }
        let (words, other) = (describe(&left), describe(&right));
        let message = format!(
            "no series of the left side, which has {words}, matches one of the right, which has {other}"
        );
        return Some(asked.problem(binary.op_span, message).help(advice(&left, &right)));
    };
    let names: Vec<&str> = matching.labels.iter().map(|name| &*name.text).collect();
    if names.iter().any(|name| holed(name)) {
        return None;
    }
    if !matching.on {
        let (left, right) = (left.without(names.iter().copied()), right.without(names));
        if left == right || left == Labels::Unknown || right == Labels::Unknown {
            return None;
        }
        let message = format!(
            "with these ignored, the left side has {} and the right {}: no series matches",
            describe(&left),
            describe(&right)
        );
        return Some(
            asked
                .problem(matching.span, message)
                .help("ignore what only one side has, or match `on` what both have"),
        );
    }
    let lacks = |side: &Labels| -> Vec<&str> {
        let Labels::Within(labels) = side else { return Vec::new() };
        names.iter().copied().filter(|name| !labels.contains(*name)).collect()
    };
    let (no_left, no_right) = (lacks(&left), lacks(&right));
    let one_side: Vec<&str> = no_left
        .iter()
        .chain(&no_right)
        .copied()
        .filter(|name| !(no_left.contains(name) && no_right.contains(name)))
        .collect();
    if one_side.is_empty() {
        return None;
    }
    let side = if no_left.contains(one_side.first()?) { "left" } else { "right" };
    let message =
        format!("the {side} side has no {}: no series matches on it", listed(one_side.iter().copied()));
    let help = format!("keep {} in the aggregation of the {side} side", listed(one_side));
    Some(asked.problem(matching.span, message).help(help))
}

fn describe(labels: &Labels) -> String {
    match labels {
        Labels::Within(names) if names.is_empty() => "no labels".to_owned(),
        Labels::Within(names) => listed(names.iter().map(String::as_str)),
        _ => "all labels of the scrape".to_owned(),
    }
}

fn advice(left: &Labels, right: &Labels) -> String {
    match (left, right) {
        (Labels::Scraped, Labels::Within(names)) | (Labels::Within(names), Labels::Scraped)
            if names.is_empty() =>
        {
            "aggregate both sides, or match `on () group_left`".to_owned()
        }
        (Labels::Within(left), Labels::Within(right)) => {
            let common: Vec<&str> = left.intersection(right).map(String::as_str).collect();
            format!("aggregate both sides by the same labels, or match `on ({})`", common.join(", "))
        }
        _ => "aggregate both sides by the same labels, or say `on (…)` which".to_owned(),
    }
}
