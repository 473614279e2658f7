//! What a comparison compares: of a query that filters, such as a pasted alert expression, the parts that give series
//! whenever there is data. Must not judge whether an empty result is good or bad.

use super::ast::{Binary, BinaryOp, Expr, Node};

/// What is compared in the query `text`, which reads as `expr`, each once and in order: where one of these is empty,
/// there is no data; where none is, an empty result means that no comparison holds. Nothing where the query does not
/// end in a comparison, alone or joined by `and`, `or`, `unless`; what stands behind `unless` may well be absent.
pub fn comparison_operands(text: &str, expr: &Expr) -> Vec<String> {
    let mut found = Vec::new();
    joined(expr, &mut found);
    let mut texts: Vec<String> = Vec::new();
    for span in found.iter().map(|expr| expr.bare().span) {
        let operand = text.get(span.range()).unwrap_or_default();
        if !texts.iter().any(|known| known == operand) {
            texts.push(operand.to_owned());
        }
    }
    texts
}

fn joined<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    let Node::Binary(binary) = &expr.bare().node else { return };
    let Binary { op, left, right, .. } = &**binary;
    match op {
        BinaryOp::And | BinaryOp::Or => {
            joined(left, found);
            joined(right, found);
        }
        BinaryOp::Unless => joined(left, found),
        op if op.is_comparison() => {
            compared(left, found);
            compared(right, found);
        }
        _ => {}
    }
}

/// What `expr` is made of that has values whenever there is data: `count(up == 0)` is empty while all is well, `up` is
/// not, and of `scalar(x)` only `x` can be empty.
fn compared<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    let all = expr.all();
    if !all.iter().any(|part| matches!(part.node, Node::Selector(_))) {
        return;
    }
    match &expr.node {
        // A range by itself is no query.
        Node::Range(range) => compared(&range.selector, found),
        _ if !all.iter().any(|part| hides(part)) => found.push(expr),
        Node::Binary(binary) if binary.op == BinaryOp::Unless => compared(&binary.left, found),
        Node::Call(call) if call.is_any(&ABSENT) => {}
        Node::Selector(_) => {}
        _ => expr.children().into_iter().for_each(|part| compared(part, found)),
    }
}

/// Functions that give something where there is nothing.
const ABSENT: [&str; 2] = ["absent", "absent_over_time"];

/// Whether `expr` may be empty though there is data, or have a value though there is none.
fn hides(expr: &Expr) -> bool {
    match &expr.node {
        Node::Binary(binary) if binary.op.is_comparison() => !binary.returns_bool,
        Node::Binary(binary) => matches!(binary.op, BinaryOp::And | BinaryOp::Unless),
        Node::Call(call) => call.is_any(&ABSENT) || call.is_any(&["scalar"]),
        // There while an alert is pending or fires.
        Node::Selector(selector) => matches!(selector.metric(), Some("ALERTS" | "ALERTS_FOR_STATE")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Options, parse};

    #[test]
    fn what_is_compared_is_told_from_what_filters() {
        let cases: &[(&str, &[&str])] = &[
            ("sum(rate(x[5m])) > 5", &["sum(rate(x[5m]))"]),
            ("(5 < (x))", &["x"]),
            ("a / b > 0.05", &["a / b"]),
            ("a > 2 * (b offset 1w)", &["a", "2 * (b offset 1w)"]),
            ("a > b", &["a", "b"]),
            ("a > bool 5", &["a"]),
            ("a > 1 and b < 2", &["a", "b"]),
            ("(a > 1 or on (x) b < 2) unless c == 1", &["a", "b"]),
            ("a > 1 and on () b", &["a"]),
            ("a > 1 and a > 2", &["a"]),
            ("a > 1 < 5", &["a"]),
            ("count(up == 0) > 2", &["up"]),
            ("a / (b > 0) > 0.05", &["a", "b"]),
            ("count_over_time((a > 5)[1h:]) > 3", &["a"]),
            ("a > scalar(b)", &["a", "b"]),
            ("quantile_over_time(scalar(b), a[5m]) > 1", &["b", "a"]),
            ("(sum(a) or vector(0)) > 1", &["sum(a) or vector(0)"]),
            ("sum(a unless b) > 1", &["a"]),
            ("x{a=\"ü\"} > 1 # note", &["x{a=\"ü\"}"]),
            ("absent(a) == 1", &[]),
            ("ALERTS{alertstate=\"firing\"} == 1", &[]),
            ("time() > bool 5", &[]),
            ("a", &[]),
            ("a unless b > 5", &[]),
            ("absent(a)", &[]),
            ("sum(a > 5)", &[]),
            ("1 - (a > 5)", &[]),
        ];
        for (query, expected) in cases {
            let tree = parse(query, Options::default()).sound().unwrap();
            assert_eq!(comparison_operands(query, &tree), *expected, "{query}");
        }
    }
}
