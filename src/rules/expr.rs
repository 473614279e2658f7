//! A criterion in PromQL: what is active where the gate would see a breach. Must not know what is asked beside the query.

use std::sync::Arc;

use crate::policy::criterion::{Criterion, Limit};
use crate::policy::model::{Check, Judging, On, Require};
use crate::promql::ast::{BinaryOp, Expr, Modifiers, Node, ValueType};
use crate::promql::{self, Dialect, Options, operands, ratio, write_number};

/// A query that was read, as an operand of others.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// As it is asked.
    asked: Arc<str>,
    /// Its tree.
    pub(super) expr: Expr,
    /// As an argument of a function.
    argument: String,
    /// As an operand of an operator.
    operand: String,
}

impl Query {
    /// Reads `text`.
    ///
    /// # Errors
    /// Why nothing can be made of it.
    pub(super) fn read(text: &str, dialect: Dialect) -> Result<Self, String> {
        let read = promql::parse(text, Options { dialect, holes: false }).sound();
        let expr = read.map_err(|_| "it cannot be read in its dialect".to_owned())?;
        Ok(Self::of(text, expr))
    }

    /// The query `text`, which reads as `expr`.
    pub(super) fn of(text: &str, expr: Expr) -> Self {
        let printed = expr.to_string();
        // Numbers by themselves have no series to alert about.
        let argument = match expr.value_type() {
            Some(ValueType::Scalar) => format!("vector({printed})"),
            _ => printed,
        };
        let shifted = |modifiers: &Modifiers| modifiers.offset.is_some() || modifiers.at.is_some();
        let whole = match &expr.node {
            Node::Selector(selector) => !shifted(&selector.modifiers),
            Node::Call(_) | Node::Aggregation(_) | Node::Paren(_) | Node::Number(_) => true,
            _ => expr.value_type() == Some(ValueType::Scalar),
        };
        let operand = if whole { argument.clone() } else { format!("({argument})") };
        Self { asked: text.into(), expr, argument, operand }
    }

    /// As an argument.
    pub(super) fn argument(&self) -> &str {
        &self.argument
    }

    /// As an operand.
    pub(super) fn text(&self) -> &str {
        &self.operand
    }

    /// The denominator of a ratio that is 0 where it lacks its numerator, as the gate reads it.
    pub(super) fn whole(&self) -> Option<Self> {
        let whole = ratio::empty_ratio(&self.asked, &self.expr)?;
        Self::read(&whole, Dialect::PromQl).ok()
    }

    /// The same with that 0.
    fn filled(&self) -> Option<String> {
        Some(format!("({} or 0 * ({} > 0))", self.operand, self.whole()?.operand))
    }

    /// What it compares, where it ends in a comparison.
    pub(super) fn operands(&self) -> Vec<Self> {
        let all = operands::comparison_operands(&self.asked, &self.expr);
        all.into_iter().filter_map(|text| Self::read(&text, Dialect::PromQl).ok()).collect()
    }

    /// Whether a value may be infinite or NaN: it divides by what is no number.
    fn divides(&self) -> bool {
        self.expr.all().iter().any(|part| match &part.node {
            Node::Binary(binary) => {
                binary.op == BinaryOp::Div && !matches!(binary.right.bare().node, Node::Number(n) if n != 0.0)
            }
            _ => false,
        })
    }

    fn is_selector(&self) -> bool {
        matches!(self.expr.node, Node::Selector(_))
    }
}

/// The absolute limits of `check`, each once.
pub(super) fn limits(check: &Check) -> Vec<Limit> {
    let Criterion { expected, min, max } = check.judging.criterion;
    let expected = expected.map(|(value, tolerance)| Limit::Expected(value, tolerance));
    [expected, min.map(Limit::Min), max.map(Limit::Max)].into_iter().flatten().collect()
}

/// What must hold, in words.
pub(super) fn words(check: &Check, compared: bool) -> String {
    let absolute = check.judging.criterion.to_string();
    let absolute = Some(absolute).filter(|said| !said.is_empty());
    let relative = check.judging.relative.filter(|_| compared).map(|relative| relative.to_string());
    let limits = absolute.into_iter().chain(relative).collect::<Vec<_>>().join("; ");
    match check.judging.require {
        Require::All => limits,
        Require::Any => format!("{limits}, of at least one series"),
        Require::Share(share) => format!("{limits}, of {} of the series", share_words(share.0)),
    }
}

fn share_words(share: f64) -> String {
    format!("{} %", crate::policy::criterion::Number(share * 100.0))
}

/// Where `query` is a breach by `limits`, or by one of `ways`, which are comparisons of it that are sides of an `or`.
///
/// # Errors
/// Why that cannot be said.
pub(super) fn breach(
    query: &Query,
    check: &Check,
    limits: &[Limit],
    ways: &[String],
) -> Result<String, String> {
    let judging = &check.judging;
    if judging.expect_empty {
        return Ok(query.argument.clone());
    }
    // Where nothing of a whole is a breach, a numerator that is not there is one.
    let zero = judging.criterion.miss(0.0).is_some();
    let text = query.filled().filter(|_| zero).unwrap_or_else(|| query.text().to_owned());
    let finite = query.divides() && check.on.infinite != On::Fail;
    if let (Require::Any, [limit], []) = (judging.require, limits, ways)
        && let Some(expr) =
            best(query.filled().filter(|_| zero).as_deref().unwrap_or(&query.argument), limit, finite)
    {
        return Ok(expr);
    }
    let mut sides: Vec<String> =
        limits.iter().map(|limit| side(&text, limit, query.is_selector(), finite)).collect();
    sides.extend(ways.iter().cloned());
    if check.on.infinite == On::Fail && query.divides() {
        sides.push(format!("abs({text}) == Inf"));
    }
    let expr = sides.join(" or ");
    if expr.is_empty() {
        return Err("it has no limit that a rule could hold".to_owned());
    }
    Ok(shared(&expr, &text, judging))
}

/// Where too many series are within none of the limits that `expr` says are missed, of those that have a value.
fn shared(expr: &str, text: &str, judging: &Judging) -> String {
    let valued = || format!("count({text} > -Inf < Inf)");
    match judging.require {
        Require::All => expr.to_owned(),
        Require::Any => format!("count({expr}) == {}", valued()),
        Require::Share(share) => {
            let most = rounded(1.0 - share.0);
            format!("count({expr}) / {} > {}", valued(), write_number(most))
        }
    }
}

/// `value` without what binary fractions add to it.
fn rounded(value: f64) -> f64 {
    format!("{value:.12}").parse().unwrap_or(value)
}

/// Where `text` misses `limit`. A NaN misses nothing, and where they are not `finite` by themselves, infinities do not.
fn side(text: &str, limit: &Limit, selector: bool, finite: bool) -> String {
    let above =
        |limit: f64| format!("{text} > {}{}", write_number(limit), if finite { " < Inf" } else { "" });
    let below =
        |limit: f64| format!("{text} < {}{}", write_number(limit), if finite { " > -Inf" } else { "" });
    match *limit {
        Limit::Max(max) => above(max),
        Limit::Min(min) => below(min),
        Limit::Expected(expected, tolerance) if tolerance == 0.0 && selector => {
            format!("{text} != {}", write_number(expected))
        }
        Limit::Expected(expected, tolerance) => {
            let (low, high) = (rounded(expected - tolerance), rounded(expected + tolerance));
            format!("{} or {}", below(low), above(high))
        }
        Limit::Change(_) | Limit::NoBaseline => String::new(),
    }
}

/// Where the best series of `text` misses `limit`, where one side says which is the best.
fn best(text: &str, limit: &Limit, finite: bool) -> Option<String> {
    let best = match limit {
        Limit::Max(_) => format!("min({text})"),
        Limit::Min(_) => format!("max({text})"),
        Limit::Expected(..) | Limit::Change(_) | Limit::NoBaseline => return None,
    };
    Some(side(&best, limit, false, finite))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::OnMissing;
    use crate::policy::value::Share;
    use crate::testing;

    fn expr(query: &str, criterion: Criterion, require: Require, infinite: On) -> String {
        let mut check = testing::check("x", 0.0);
        check.judging = Judging { criterion, require, ..Judging::default() };
        check.on = OnMissing { infinite, ..OnMissing::default() };
        let query = Query::read(query, Dialect::PromQl).unwrap();
        breach(&query, &check, &limits(&check), &[]).unwrap()
    }

    #[test]
    fn a_breach_is_what_misses_a_limit() {
        let max = Criterion { max: Some(0.01), ..Criterion::default() };
        let min = Criterion { min: Some(2.0), ..Criterion::default() };
        let one = Criterion { expected: Some((1.0, 0.0)), ..Criterion::default() };
        let near = Criterion { expected: Some((0.3, 0.1)), min: Some(-1.0), ..Criterion::default() };
        let ratio = r#"sum(x{b="5"}) / sum(x)"#;
        for (query, criterion, wanted) in [
            ("x", max, "x > 0.01"),
            ("x offset 5m", max, "(x offset 5m) > 0.01"),
            ("x or y # why", max, "(x or y) > 0.01"),
            ("-x", max, "(-x) > 0.01"),
            ("x / 2", max, "(x / 2) > 0.01"),
            ("x / y", max, "(x / y) > 0.01 < Inf"),
            ("scalar(x)", max, "vector(scalar(x)) > 0.01"),
            ("1 + 1", max, "vector(1 + 1) > 0.01"),
            ("x", min, "x < 2"),
            ("x", one, "x != 1"),
            ("sum(x)", one, "sum(x) < 1 or sum(x) > 1"),
            ("x", near, "x < 0.2 or x > 0.4 or x < -1"),
            (ratio, max, r#"(sum(x{b="5"}) / sum(x)) > 0.01 < Inf"#),
            (ratio, min, r#"((sum(x{b="5"}) / sum(x)) or 0 * (sum(x) > 0)) < 2 > -Inf"#),
        ] {
            let found = expr(query, criterion, Require::All, On::Inconclusive);
            assert_eq!(found, wanted);
            assert!(promql::parse(&found, Options::default()).errors.is_empty(), "{found}");
        }
        assert_eq!(expr("x / y", max, Require::All, On::Fail), "(x / y) > 0.01 or abs((x / y)) == Inf");
    }

    #[test]
    fn where_not_all_series_must_be_within_they_are_counted() {
        let max = Criterion { max: Some(1.0), ..Criterion::default() };
        let both = Criterion { min: Some(0.0), ..max };
        let share = Require::Share(Share(0.9));
        for (criterion, require, wanted) in [
            (max, Require::Any, "min(x) > 1"),
            (Criterion { min: Some(1.0), ..Criterion::default() }, Require::Any, "max(x) < 1"),
            (both, Require::Any, "count(x < 0 or x > 1) == count(x > -Inf < Inf)"),
            (max, share, "count(x > 1) / count(x > -Inf < Inf) > 0.1"),
        ] {
            assert_eq!(expr("x", criterion, require, On::Inconclusive), wanted);
        }
    }
}
