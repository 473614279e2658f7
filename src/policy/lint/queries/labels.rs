//! Which labels the series of an expression have, as far as the query itself decides. Must not guess: what depends on
//! the series that are scraped is unknown.

use std::collections::BTreeSet;

use super::{holed, is_recorded, written_name};
use crate::promql::ast::{Aggregation, AggregationOp, Binary, BinaryOp, Call, Expr, Node, Side, ValueType};

/// Labels of series; metric names apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Labels {
    /// At most these: series that lack one are without it.
    Within(BTreeSet<String>),
    /// Those of the scrape, `job` and `instance` among them.
    Scraped,
    /// Nobody knows.
    Unknown,
}

impl Labels {
    /// No label at all.
    fn none() -> Self {
        Self::Within(BTreeSet::new())
    }

    /// Those that are left without `names`.
    pub(super) fn without<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let Self::Within(mut labels) = self else { return Self::Unknown };
        for name in names {
            labels.remove(name);
        }
        Self::Within(labels)
    }
}

/// Whether an aggregation leaves series as they are, and only chooses among them.
pub(super) const fn chooses(op: AggregationOp) -> bool {
    matches!(
        op,
        AggregationOp::Topk | AggregationOp::Bottomk | AggregationOp::Limitk | AggregationOp::LimitRatio
    )
}

/// Whether `aggregation` keeps `label`; `None` where a template decides.
pub(super) fn keeps(aggregation: &Aggregation, label: &str) -> Option<bool> {
    if chooses(aggregation.op) {
        return Some(true);
    }
    let Some(grouping) = &aggregation.grouping else { return Some(false) };
    if grouping.labels.iter().any(|name| &*name.text == label) {
        return Some(!grouping.without);
    }
    if grouping.labels.iter().any(|name| holed(&name.text)) {
        return None;
    }
    Some(grouping.without)
}

/// The labels of what `expr` gives.
pub(super) fn labels(expr: &Expr) -> Labels {
    match &expr.node {
        Node::Selector(selector) => match written_name(selector) {
            Some(name) if !holed(name) && !is_recorded(name) => Labels::Scraped,
            _ => Labels::Unknown,
        },
        Node::Range(range) => labels(&range.selector),
        Node::Subquery(subquery) => labels(&subquery.expr),
        Node::Unary(unary) => labels(&unary.expr),
        Node::Paren(inner) => labels(inner),
        Node::Aggregation(aggregation) => of_aggregation(aggregation),
        Node::Call(call) => of_call(call),
        Node::Binary(binary) => of_binary(binary),
        Node::Number(_) | Node::Text(_) | Node::Hole => Labels::Unknown,
    }
}

fn of_aggregation(aggregation: &Aggregation) -> Labels {
    if chooses(aggregation.op) {
        return labels(&aggregation.expr);
    }
    if aggregation.op == AggregationOp::CountValues {
        return Labels::Unknown;
    }
    let Some(grouping) = &aggregation.grouping else { return Labels::none() };
    let names = || grouping.labels.iter().map(|name| &*name.text);
    if names().any(holed) {
        return Labels::Unknown;
    }
    if grouping.without {
        return labels(&aggregation.expr).without(names());
    }
    // A label that an inner aggregation has dropped does not come back.
    let wanted: BTreeSet<String> = names().map(str::to_owned).collect();
    Labels::Within(match labels(&aggregation.expr) {
        Labels::Within(inner) => inner.intersection(&wanted).cloned().collect(),
        _ => wanted,
    })
}

fn of_call(call: &Call) -> Labels {
    const MAKE_LABELS: &[&str] =
        &["label_replace", "label_join", "info", "absent", "absent_over_time", "histogram_quantiles"];
    if call.function.is_none() || call.is_any(MAKE_LABELS) {
        return Labels::Unknown;
    }
    if call.is_any(&["vector"]) {
        return Labels::none();
    }
    let series = |arg: &&Expr| matches!(arg.value_type(), Some(ValueType::Vector | ValueType::Matrix));
    let Some(arg) = call.args.iter().find(series) else { return Labels::Unknown };
    if call.is_any(&["histogram_quantile"]) {
        return match labels(arg) {
            Labels::Scraped => Labels::Scraped,
            other => other.without(["le"]),
        };
    }
    labels(arg)
}

fn of_binary(binary: &Binary) -> Labels {
    let vector = |expr: &Expr| expr.value_type() == Some(ValueType::Vector);
    match (vector(&binary.left), vector(&binary.right)) {
        (true, false) if binary.right.value_type().is_some() => return labels(&binary.left),
        (false, true) if binary.left.value_type().is_some() => return labels(&binary.right),
        (true, true) => {}
        _ => return Labels::Unknown,
    }
    let (left, right) = (labels(&binary.left), labels(&binary.right));
    match binary.op {
        BinaryOp::And | BinaryOp::Unless => left,
        BinaryOp::Or => {
            if left == right {
                left
            } else {
                Labels::Unknown
            }
        }
        _ => {
            let Some(matching) = &binary.matching else { return left };
            let names = || matching.labels.iter().map(|name| &*name.text);
            match &matching.group {
                Some(group) if !group.labels.is_empty() => Labels::Unknown,
                Some(group) => {
                    if group.many == Side::Left {
                        left
                    } else {
                        right
                    }
                }
                None if matching.on && names().any(holed) => Labels::Unknown,
                None if matching.on => Labels::Within(names().map(str::to_owned).collect()),
                None => left.without(names()),
            }
        }
    }
}
