//! A baseline in PromQL, where there is one at all times: the same query some time ago, or another query. Must not say what
//! only a deployment gives a sense.

use super::expr::Query;
use crate::policy::model::On;
use crate::policy::relative::{Against, Relative, Test, Tolerance};
use crate::promql::ast::{Expr, Node};
use crate::promql::earlier::earlier;
use crate::promql::write_number;

/// A comparison with a baseline.
pub(super) struct Compared {
    /// Comparisons of the query any of which is a breach.
    pub ways: Vec<String>,
    /// What people should know of it.
    pub notes: Vec<String>,
}

/// Where `query` has changed more than `relative` allows; `other` is the query it is held against, if there is another.
///
/// # Errors
/// Why that cannot be said.
pub(super) fn breach(relative: &Relative, query: &Query, other: Option<&Query>) -> Result<Compared, String> {
    match relative.test {
        Some(Test::MannWhitney) => {
            return Err("it is decided once, by the ranks of the samples of both sides".to_owned());
        }
        Some(Test::Placebo) => return Err("it is decided once, by its rank among earlier windows".to_owned()),
        None => {}
    }
    let (base, notes) = match relative.against {
        Against::Before { .. } => {
            return Err("it is compared with the time before a rollout, which is another at each deployment"
                .to_owned());
        }
        Against::Placebo { .. } => return Err("it is compared with earlier windows".to_owned()),
        Against::Offset(by) => {
            let shifted = earlier(&query.expr, by);
            let shifted =
                shifted.ok_or("it is compared with itself some time ago, and it asks for the time itself")?;
            (Query::of(&shifted.to_string(), shifted), Vec::new())
        }
        Against::Query => {
            let other = other.ok_or("the query that it is compared with cannot be asked beside it")?;
            (other.clone(), pairing(&query.expr, &other.expr))
        }
    };
    let (text, base) = (query.text(), base.text());
    let floor = |sign: char| {
        let compare = if sign == '+' { '>' } else { '<' };
        let written = || format!(" {compare} {base} {sign} {}", write_number(relative.floor));
        if relative.floor > 0.0 { written() } else { String::new() }
    };
    let beyond = |allowed: Tolerance, sign: char| {
        let compare = if sign == '+' { '>' } else { '<' };
        let by = match allowed {
            Tolerance::Absolute(off) => write_number(off),
            Tolerance::Relative(share) => format!("{} * abs({base})", write_number(share)),
        };
        format!("{text} {compare} {base} {sign} {by}{}", floor(sign))
    };
    let mut ways = Vec::new();
    ways.extend(relative.increase.map(|allowed| beyond(allowed, '+')));
    ways.extend(relative.decrease.map(|allowed| beyond(allowed, '-')));
    if relative.on_missing == On::Fail {
        ways.push(format!("({text} unless {base})"));
    }
    Ok(Compared { ways, notes })
}

/// What is to be known of how two queries pair, where it is not sure that they do.
fn pairing(one: &Expr, other: &Expr) -> Vec<String> {
    let sure = matches!((labels(one), labels(other)), (Some(one), Some(other)) if one == other);
    if sure {
        return Vec::new();
    }
    vec![
        "series are compared with the baseline's whose labels are all the same: aggregate both sides alike"
            .to_owned(),
    ]
}

/// The labels that the series of `expr` have, sorted, where it says so.
fn labels(expr: &Expr) -> Option<Vec<&str>> {
    match &expr.node {
        Node::Paren(inner) => labels(inner),
        Node::Aggregation(aggregation) => match &aggregation.grouping {
            None => Some(Vec::new()),
            Some(grouping) if !grouping.without => {
                let mut names: Vec<&str> = grouping.labels.iter().map(|label| &*label.text).collect();
                names.sort_unstable();
                Some(names)
            }
            Some(_) => None,
        },
        Node::Call(call) => {
            let inner = labels(call.args.last()?)?;
            let quantile = call.is_any(&["histogram_quantile"]);
            Some(inner.into_iter().filter(|label| !(quantile && *label == "le")).collect())
        }
        Node::Binary(binary) if binary.matching.is_none() => {
            match (&binary.left.bare().node, &binary.right.bare().node) {
                (Node::Number(_), _) => labels(&binary.right),
                (_, Node::Number(_)) => labels(&binary.left),
                _ => labels(&binary.left).filter(|left| labels(&binary.right).as_ref() == Some(left)),
            }
        }
        Node::Unary(unary) => labels(&unary.expr),
        _ => None,
    }
}
