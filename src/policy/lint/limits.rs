//! Lints of what values must satisfy: limits that nothing can miss or meet, and those that point the wrong way. Must
//! look at limits and at what the query can give, not at ticks.

use super::queries::shape::empties;
use super::{CheckCx, Cx, Rule};
use crate::policy::criterion::{Criterion, Number};
use crate::policy::model::{On, OnNoTraffic};
use crate::policy::node::{Data, Node};
use crate::policy::problem::{Fix, Place, Problem, Severity};
use crate::policy::value::Value;
use crate::promql::analysis::analyse;
use crate::promql::ast::{Expr, Node as Part};
use crate::promql::bounds::{Bounds, bounds};

/// The lints of this file.
pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "never-fails",
        severity: Severity::Warning,
        summary: "limits that no value of the query can miss",
        check: never_fails,
    },
    Rule {
        id: "always-fails",
        severity: Severity::Warning,
        summary: "a limit that no value of the query can meet",
        check: always_fails,
    },
    Rule {
        id: "wrong-direction",
        severity: Severity::Warning,
        summary: "a limit from above for what should be high, or from below for what should be low",
        check: wrong_direction,
    },
    Rule {
        id: "odd-tolerance",
        severity: Severity::Warning,
        summary: "a tolerance as large as the expected value, or a share of nothing",
        check: odd_tolerance,
    },
];

/// A limit as it is written.
#[derive(Clone, Copy)]
struct Limit {
    key: &'static str,
    place: Place,
    /// The values that meet it.
    met: Bounds,
    /// The value that is written.
    value: f64,
}

/// The limits of `check`, where all of them are known.
fn limits(check: &CheckCx<'_>) -> Option<Vec<Limit>> {
    let judging = check.facts.judging.filter(|judging| !judging.expect_empty)?;
    let Criterion { expected, min, max } = judging.criterion;
    let places = check.facts.limits;
    let any = Bounds::ANY;
    let expected = expected.zip(places.expected).map(|((value, tolerance), place)| Limit {
        key: "expected_value",
        place,
        met: Bounds { low: value - tolerance, high: value + tolerance },
        value,
    });
    let min = min.zip(places.min).map(|(value, place)| Limit {
        key: "min_value",
        place,
        met: Bounds { low: value, ..any },
        value,
    });
    let max = max.zip(places.max).map(|(value, place)| Limit {
        key: "max_value",
        place,
        met: Bounds { high: value, ..any },
        value,
    });
    Some([expected, min, max].into_iter().flatten().collect())
}

/// What the query of `check` can give, whichever way its blocks go.
fn given(check: &CheckCx<'_>) -> Option<Bounds> {
    // What is empty instead of missing a limit has lints of its own.
    if check.queries.iter().filter_map(|query| query.expr()).any(|expr| empties(check, expr)) {
        return None;
    }
    let all = check.queries.iter().map(|query| query.expr().filter(|_| query.is_sound()).map(bounds));
    all.collect::<Option<Vec<Bounds>>>()?.into_iter().reduce(Bounds::or)
}

/// The limits of `check` and the values its query gives, where no value misses any.
fn unmissable(check: &CheckCx<'_>) -> Option<(Limit, Bounds)> {
    let on = &check.check.envelope.on;
    let may_fail = |value: &Option<Value<On>>| {
        !matches!(value, None | Some(Value::Known(On::Inconclusive | On::Pass, _)))
    };
    let without = |value: &Value<OnNoTraffic>| match value {
        Value::Known(on, _) => on.counts() == On::Fail,
        Value::Later(_) => true,
    };
    let traffic = on.no_traffic.as_ref().is_some_and(without);
    if traffic || [&on.no_data, &on.infinite, &on.error].into_iter().any(may_fail) {
        return None;
    }
    let (limits, given) = (limits(check)?, given(check)?);
    let covers = |limit: &Limit| limit.met.low <= given.low && given.high <= limit.met.high;
    let last = limits.last().copied()?;
    limits.iter().all(covers).then_some((last, given))
}

fn never_fails(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for check in cx.checks.iter().filter(|check| misdirected(check).is_none()) {
        let Some((limit, given)) = unmissable(check) else { continue };
        let values = words(given);
        let message =
            format!("no value misses `{}: {}`: the query gives {values}", limit.key, Number(limit.value));
        let problem = Problem::at(limit.place, message);
        found.push(match share(limit, given) {
            Some((help, fix)) => problem.help(help).fix(fix),
            None if limit.key == "min_value" && given.low >= 1.0 => problem.help(
                "an empty result is no data, which is inconclusive; `on_no_data: fail` makes it a breach",
            ),
            None => problem.help("set a limit that a bad deployment misses"),
        });
    }
}

/// What to do where percent were written for a share.
fn share(limit: Limit, given: Bounds) -> Option<(String, Fix)> {
    let percent = given == Bounds::SHARE && limit.value > 1.0 && limit.value <= 100.0;
    percent.then(|| {
        let meant = Number(limit.value / 100.0).to_string();
        let help = format!("a share of {} % is written `{meant}`", Number(limit.value));
        (help, Fix::guess("write it as a share", limit.place, meant))
    })
}

fn always_fails(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for check in &cx.checks {
        let (Some(limits), Some(given)) = (limits(check), given(check)) else { continue };
        // What differs by rounding only meets.
        let beyond = |a: f64, b: f64| a > b + 1e-9 * a.abs().max(b.abs());
        let apart = |limit: &&Limit| beyond(limit.met.low, given.high) || beyond(given.low, limit.met.high);
        let Some(limit) = limits.iter().find(apart) else { continue };
        let values = words(given);
        let message =
            format!("no value meets `{}: {}`: the query gives {values}", limit.key, Number(limit.value));
        let problem = Problem::at(limit.place, message);
        found.push(match share(*limit, given) {
            Some((help, fix)) => problem.help(help).fix(fix),
            None => problem.help("set a limit that a good deployment meets"),
        });
    }
}

/// `bounds` in words, after "the query gives".
fn words(Bounds { low, high }: Bounds) -> String {
    match (low.is_finite(), high.is_finite()) {
        (true, true) if low.to_bits() == high.to_bits() => format!("{} and nothing else", Number(low)),
        (true, true) => format!("values from {} to {}", Number(low), Number(high)),
        (true, false) => format!("values of {} and more", Number(low)),
        (false, true) => format!("values of {} and less", Number(high)),
        (false, false) => "any values".to_owned(),
    }
}

/// Words for what should be high.
const GOOD: &[&str] = &[
    "success",
    "successes",
    "successful",
    "succeeded",
    "availability",
    "available",
    "healthy",
    "up",
    "ready",
    "uptime",
];

/// Words for what should be low.
const BAD: &[&str] = &[
    "error",
    "errors",
    "failure",
    "failures",
    "failed",
    "fail",
    "latency",
    "duration",
    "unavailable",
    "unhealthy",
    "restarts",
    "timeouts",
    "rejected",
    "dropped",
    "saturation",
    "lag",
];

/// Words that turn the meaning of others round, or may.
const TURNING: &[&str] = &[
    "alive",
    "backlog",
    "detection",
    "detector",
    "gap",
    "jobs",
    "messages",
    "queue",
    "no",
    "non",
    "not",
    "without",
    "free",
    "budget",
    "remaining",
    "within",
    "under",
    "below",
    "since",
    "last",
    "age",
    "ago",
    "slo",
    "sli",
    "inverse",
    "good",
    "ok",
    "time",
    "until",
    "compliance",
];

/// Whether what is called `name` should be high or low; `None` where that cannot be told.
fn should_be_high(name: &str) -> Option<bool> {
    let mut spaced = String::with_capacity(name.len() + 8);
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        spaced.extend(c.to_lowercase());
        before = c;
    }
    let has = |known: &[&str]| spaced.split(|c: char| !c.is_alphanumeric()).any(|word| known.contains(&word));
    match (has(GOOD), has(BAD), has(TURNING)) {
        (true, false, false) => Some(true),
        (false, true, false) => Some(false),
        _ => None,
    }
}

/// The name of what should be high and is limited from above, or the other way round; and its one limit.
fn misdirected(check: &CheckCx<'_>) -> Option<(String, bool, Limit)> {
    let limits = limits(check)?;
    let [limit] = &*limits else { return None };
    let wants_high = match limit.key {
        "min_value" => true,
        "max_value" => false,
        _ => return None,
    };
    // What is made of the values may turn high into low: a change, a spread, a number of things, a complement.
    if check.queries.iter().any(|query| query.expr().is_some_and(turns)) {
        return None;
    }
    let own = check.check.envelope.name.clone().and_then(|name| Some((should_be_high(&name)?, name)));
    let (should, name) = own.or_else(|| {
        let query = check.queries.first()?;
        let expr = query.expr()?;
        // Of a ratio, a difference or a comparison the names say little.
        let analysis = analyse(expr);
        let [one] = &*analysis.uses else { return None };
        let metric = one.metric().filter(|_| is_plain(expr))?;
        Some((should_be_high(metric)?, metric.to_owned()))
    })?;
    (should != wants_high).then_some((name, should, *limit))
}

/// Whether a part of `expr` makes something else of its values than what they are named for.
fn turns(expr: &Expr) -> bool {
    const TURNING_CALLS: &[&str] = &[
        "abs",
        "absent",
        "absent_over_time",
        "changes",
        "delta",
        "deriv",
        "histogram_fraction",
        "idelta",
        "predict_linear",
        "resets",
        "stddev_over_time",
        "stdvar_over_time",
    ];
    expr.all().into_iter().any(|part| match &part.node {
        Part::Call(call) => TURNING_CALLS.contains(&&*call.name.text),
        Part::Aggregation(one) => {
            use crate::promql::ast::AggregationOp::{Count, CountValues, Stddev, Stdvar};
            matches!(one.op, Count | CountValues | Stddev | Stdvar)
        }
        Part::Binary(binary) => binary.op == crate::promql::ast::BinaryOp::Sub,
        Part::Selector(selector) => selector.matchers.iter().any(|matcher| &*matcher.value.text == "false"),
        _ => false,
    })
}

/// Whether `expr` is one selector within functions and aggregations that leave high what is high.
fn is_plain(expr: &Expr) -> bool {
    match &expr.node {
        Part::Selector(_) | Part::Range(_) => true,
        Part::Paren(inner) => is_plain(inner),
        Part::Subquery(subquery) => is_plain(&subquery.expr),
        Part::Aggregation(aggregation) => is_plain(&aggregation.expr),
        Part::Call(call) => {
            let absent = call.name.text.starts_with("absent");
            let mut of = call.args.iter().filter(|arg| !matches!(arg.node, Part::Number(_) | Part::Text(_)));
            !absent && of.all(is_plain)
        }
        _ => false,
    }
}

fn wrong_direction(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for check in &cx.checks {
        let Some((name, should_be_high, limit)) = misdirected(check) else { continue };
        let (high, instead) = if should_be_high { ("high", "min_value") } else { ("low", "max_value") };
        let message = format!("`{name}` should be {high}, and `{}` is a breach where it is", limit.key);
        let mut problem = Problem::at(limit.place, message).help(format!("is `{instead}` meant?"));
        if let Some(Node { data: Data::Map(entries), .. }) = check.node
            && let Some((key, _)) = entries.iter().find(|(key, _)| key.name == limit.key)
        {
            problem = problem.fix(Fix::guess(format!("make it a `{instead}`"), key.place, instead));
        }
        found.push(problem);
    }
}

fn odd_tolerance(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for check in cx.checks.iter().filter(|check| unmissable(check).is_none()) {
        let Some((place, relative)) = check.facts.limits.tolerance else { continue };
        let Some((expected, tolerance)) = check.facts.judging.and_then(|judging| judging.criterion.expected)
        else {
            continue;
        };
        if expected == 0.0 {
            if relative {
                let message = "a share of an `expected_value` of 0 is 0: nothing is tolerated";
                found.push(Problem::at(place, message).help("write how far off it may be, such as `0.1`"));
            }
        } else if tolerance >= expected.abs() {
            let (from, to) = (Number(expected - tolerance), Number(expected + tolerance));
            let message = format!(
                "the tolerance is as large as `expected_value: {}`: {from} is within",
                Number(expected)
            );
            let help = format!("where that is meant, `min_value: {from}` and `max_value: {to}` say it");
            found.push(Problem::at(place, message).help(help));
        }
    }
}
