//! Reads a check of events, and says what does not go together. Must not render it.

use super::fields::{AGAINST, BUDGET, CLAIMS, EVENTS, OF_QUERIES, OWN};
use super::{ClaimSpec, EventsSpec, SideSpec};
use crate::check::metric::asked::Whom;
use crate::check::metric::read;
use crate::policy::envelope::COUNTS;
use crate::policy::node::Node;
use crate::policy::problem::{Place, Problem, Problems, listed};
use crate::policy::reader::{Field, Reader};
use crate::policy::template::Context;
use crate::policy::value::{Period, Value};

/// What is where it does not belong: fields of events on a check of a query.
pub(in crate::check::metric) fn without(body: &mut Reader<'_, '_>, sound: &mut bool) {
    for key in written(body, OWN) {
        let fault = Problem::at(body.key_place(key), format!("expected `events` beside `{key}`, found none"));
        body.problems.push(fault.help("it says how counted events are judged"));
        *sound = false;
    }
}

/// Those of `keys` that are there.
fn written(body: &Reader<'_, '_>, keys: &[&'static str]) -> Vec<&'static str> {
    keys.iter().copied().filter(|key| body.has(key)).collect()
}

/// The fault of those of `keys` that are there.
fn unwanted(body: &mut Reader<'_, '_>, keys: &[&'static str], help: &str, sound: &mut bool) {
    for key in written(body, keys) {
        let fault =
            Problem::at(body.key_place(key), format!("expected no `{key}` beside `events`, found one"));
        body.problems.push(fault.help(help));
        *sound = false;
    }
}

impl EventsSpec {
    /// Reads a check that has `events`; `None` after reporting why.
    pub(in crate::check::metric) fn read(source: &str, body: &mut Reader<'_, '_>) -> Option<Self> {
        let mut sound = true;
        unwanted(body, OF_QUERIES, "it is about the values of a query, and events are counted", &mut sound);
        let help = "events are judged by all of them together, not by samples: `alpha` and `beta` say how sure a verdict is";
        unwanted(body, COUNTS, help, &mut sound);
        let whom = Whom::read(source, body, &mut sound);
        let events = body.node("events")?;
        let (side, slower_than) = side(events, "`events`", EVENTS, body.problems).unzip();
        let slow = matches!(side, Some(SideSpec::Histogram(_)));
        let claim = Self::claim(body, slow);
        let alpha = read(body, "alpha", &mut sound);
        let beta = read(body, "beta", &mut sound);
        let pre_existing = read(body, "pre_existing", &mut sound);
        let (side, slower_than, claim) = (side?, slower_than?, claim?);
        let spec = Self { whom, side, slower_than, claim, alpha, beta, pre_existing };
        sound.then_some(spec)
    }

    fn claim(body: &mut Reader<'_, '_>, slow: bool) -> Option<ClaimSpec> {
        let claims = written(body, CLAIMS);
        let lonely = if body.has("against") { Vec::new() } else { written(body, &["max_times", "floor"]) };
        for key in lonely {
            let fault =
                Problem::at(body.key_place(key), format!("expected `against` beside `{key}`, found none"));
            body.problems.push(fault.help("name the events of what it is compared with"));
        }
        match claims[..] {
            ["max_ratio"] => body.value("max_ratio").map(ClaimSpec::AtMost),
            ["error_budget"] => budget(body.node("error_budget")?, body.problems),
            ["against"] => {
                let node = body.node("against")?;
                let side = side(node, "`against`", AGAINST, body.problems).map(|(side, _)| side);
                let max_times = body.value("max_times");
                if !body.has("max_times") {
                    let message = "expected `max_times` beside `against`, found none";
                    let fault = Problem::at(body.key_place("against"), message);
                    body.problems.push(
                        fault.help(
                            "say how many times the baseline's share is within, such as `max_times: 1.5`",
                        ),
                    );
                }
                let floor = body.value("floor");
                let side = side?;
                if matches!(side, SideSpec::Histogram(_)) != slow {
                    let message = "expected the same form for `against` as for `events`, found another";
                    let fault = Problem::at(node.place, message);
                    body.problems.push(fault.help("both name `bad` and `total`, or both a `histogram`"));
                    return None;
                }
                Some(ClaimSpec::Against { side, max_times: max_times?, floor })
            }
            [] => {
                let message =
                    format!("expected one of {} beside `events`, found none", listed(CLAIMS.iter().copied()));
                let fault = Problem::at(body.key_place("events"), message);
                body.problems
                    .push(fault.help("say which share of bad events is within, such as `max_ratio: 0.01`"));
                None
            }
            [first, second, ..] => {
                let fault = Problem::at(
                    body.key_place(second),
                    format!("expected `{first}` or `{second}`, found both"),
                );
                body.problems.push(fault.help("make a check of each"));
                None
            }
            _ => None,
        }
    }
}

/// Reads `bad` and `total`, or `histogram` and what goes with it.
fn side(
    node: &Node,
    what: &str,
    table: &'static [Field],
    problems: &mut Problems,
) -> Option<(SideSpec, Option<Value<Period>>)> {
    let mut body = Reader::open(node, what, &[table], problems)?;
    let own = table.iter().any(|field| field.key == "slower_than");
    let (has_total, has_histogram) = (body.has("total"), body.has("histogram"));
    let missing = |body: &mut Reader<'_, '_>, place: Place, message: String| {
        let help =
            "counters: `bad` and `total`; a histogram of how long events took: `histogram` and `slower_than`";
        body.problems.push(Problem::at(place, message).help(help));
    };
    match (has_total || body.has("bad"), has_histogram) {
        (false, false) => {
            missing(
                &mut body,
                node.place,
                format!("expected `bad` and `total`, or `histogram` in {what}, found neither"),
            );
            None
        }
        (true, true) => {
            let place = body.key_place("histogram");
            missing(&mut body, place, format!("expected counters or a `histogram` in {what}, found both"));
            None
        }
        (false, true) => {
            let slower_than = if own { body.value("slower_than") } else { None };
            if own && !body.has("slower_than") {
                let place = body.key_place("histogram");
                missing(&mut body, place, "expected `slower_than` beside `histogram`, found none".to_owned());
                return None;
            }
            let histogram = body.template("histogram", Context::Query)?;
            Some((SideSpec::Histogram(histogram), slower_than)).filter(|(_, bound)| !own || bound.is_some())
        }
        (true, false) => {
            for (one, other) in [("bad", "total"), ("total", "bad")] {
                if body.has(one) && !body.has(other) {
                    let place = body.key_place(one);
                    missing(&mut body, place, format!("expected `{other}` beside `{one}`, found none"));
                }
            }
            if own && body.has("slower_than") {
                let place = body.key_place("slower_than");
                missing(&mut body, place, "expected `histogram` beside `slower_than`, found none".to_owned());
                return None;
            }
            let (bad, total) = (body.template("bad", Context::Query), body.template("total", Context::Query));
            Some((SideSpec::Counters { bad: bad?, total: total? }, None))
        }
    }
}

fn budget(node: &Node, problems: &mut Problems) -> Option<ClaimSpec> {
    let mut body = Reader::open(node, "`error_budget`", &[BUDGET], problems)?;
    let (slo, period, max_burn) = (body.value("slo"), body.value("period"), body.value("max_burn"));
    Some(ClaimSpec::Budget { slo: slo?, period, max_burn })
}
