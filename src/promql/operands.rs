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

/// What `expr` is made of that does not filter: `count(up == 0)` is empty while all is well, `up` is not.
fn compared<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    let all = expr.all();
    if !all.iter().any(|part| matches!(part.node, Node::Selector(_))) {
        return;
    }
    if !all.iter().any(|part| filters(part)) {
        found.push(expr);
        return;
    }
    match &expr.node {
        Node::Binary(binary) if binary.op == BinaryOp::Unless => compared(&binary.left, found),
        // A range by itself is no query.
        Node::Range(_) => {}
        _ => expr.children().into_iter().for_each(|part| compared(part, found)),
    }
}

fn filters(expr: &Expr) -> bool {
    let Node::Binary(binary) = &expr.node else { return false };
    binary.op.is_comparison() && !binary.returns_bool || matches!(binary.op, BinaryOp::And | BinaryOp::Unless)
}
