//! Ways down a tree: what stands below an expression, and what it is when its parentheses are taken off. Must not
//! decide what any of it means.

use super::ast::{Call, Expr, Node};

impl Expr {
    /// The expression inside all parentheses around it.
    pub fn bare(&self) -> &Self {
        let mut expr = self;
        while let Node::Paren(inner) = &expr.node {
            expr = inner;
        }
        expr
    }

    /// The expressions right below, in the order of the text.
    pub fn children(&self) -> Vec<&Self> {
        match &self.node {
            Node::Number(_) | Node::Text(_) | Node::Hole | Node::Selector(_) => Vec::new(),
            Node::Range(range) => vec![&range.selector],
            Node::Subquery(subquery) => vec![&subquery.expr],
            Node::Call(call) => call.args.iter().collect(),
            Node::Aggregation(aggregation) => aggregation.param.iter().chain([&aggregation.expr]).collect(),
            Node::Binary(binary) => vec![&binary.left, &binary.right],
            Node::Unary(unary) => vec![&unary.expr],
            Node::Paren(inner) => vec![inner],
        }
    }

    /// Itself and all below, from the outside in.
    pub fn all(&self) -> Vec<&Self> {
        let mut found = vec![self];
        let mut at = 0;
        while let Some(expr) = found.get(at).copied() {
            let below = expr.children();
            found.splice(at + 1..at + 1, below);
            at += 1;
        }
        found
    }
}

impl Call {
    /// Whether it calls one of `names`.
    pub fn is_any(&self, names: &[&str]) -> bool {
        self.function.is_some_and(|function| names.contains(&function.name))
    }
}

#[cfg(test)]
mod tests {
    use crate::promql::{Options, parse};

    #[test]
    fn all_comes_from_the_outside_in() {
        let text = "sum by (a) (rate(x[5m])) / (2 * topk(3, -y))";
        let tree = parse(text, Options::default()).sound().unwrap();
        let shown: Vec<&str> = tree.all().iter().map(|expr| &text[expr.span.range()]).collect();
        let wanted = [
            text,
            "sum by (a) (rate(x[5m]))",
            "rate(x[5m])",
            "x[5m]",
            "x",
            "(2 * topk(3, -y))",
            "2 * topk(3, -y)",
            "2",
            "topk(3, -y)",
            "3",
            "-y",
            "y",
        ];
        assert_eq!(shown, wanted);
    }
}
