//! What follows from what each selector of a query selects: nothing, and why, or too much. Must not blame a selector
//! that may well be without series, unless it is surely misspelt.

use regex::Regex;

use crate::online::ask::{MANY, job};
use crate::online::known::{Held, Known, Lack};
use crate::online::question::{Question, key};
use crate::policy::lint::online::{
    MATCHES_NOTHING, TARGETS_DOWN, TOO_MANY_SERIES, UNKNOWN_LABEL, UNKNOWN_METRIC, found,
};
use crate::policy::problem::{Problem, did_you_mean, listed};
use crate::promql::Fix;
use crate::promql::analysis::Use;
use crate::promql::ast::{MatchOp, Matcher, Name, Selector, Span};
use crate::promql::lexer::HOLES;

/// Names that are listed at most.
const LISTED: usize = 10;

/// Adds what is found against the selectors of `question`.
pub(super) fn find(question: &Question<'_>, known: &Known, problems: &mut Vec<Problem>) {
    for (one, may_lack) in question.uses() {
        let key = key(one.selector);
        match known.held.get(&key) {
            Some(Held::Series(count)) if *count > MANY => {
                let message = format!("`{key}` selects {} series", super::grouped(*count));
                let help = "choose fewer: a matcher on the service that was deployed is missing, or its label too coarse";
                problems.push(found(TOO_MANY_SERIES, question.problem(one.span, message).help(help)));
            }
            Some(Held::Nothing(Lack::Matcher(index, _)))
                if down(question, known, one.selector).is_some()
                    && one.selector.matchers.get(*index).and_then(job).is_some() => {}
            Some(Held::Nothing(lack)) => problems.extend(lacking(question, known, &one, lack, may_lack)),
            _ => {}
        }
        problems.extend(down(question, known, one.selector));
    }
}

fn lacking(
    question: &Question<'_>,
    known: &Known,
    one: &Use<'_>,
    lack: &Lack,
    may_lack: bool,
) -> Option<Problem> {
    let selector = one.selector;
    let metric = selector.metric();
    match lack {
        Lack::Metric => {
            let metric = metric?;
            let names = || known.names.iter().flatten().map(String::as_str);
            // The other form of a histogram has a lint of its own.
            let base = metric.strip_suffix("_bucket").unwrap_or_default();
            if names().any(|name| name == base || name.strip_suffix("_bucket") == Some(metric)) {
                return None;
            }
            let near = nearest(metric, names());
            if may_lack && near.is_none() {
                return None;
            }
            let span = selector.name.as_ref().map_or(one.span, |name| name.span);
            let message = format!("there is no metric `{metric}`, nor was there one in the last hour");
            let problem = question.problem(span, message);
            let problem = match near {
                Some(near) => {
                    let problem = problem.help(format!("did you mean `{near}`?"));
                    renamed(question, problem, selector.name.as_ref(), near)
                }
                None => problem.help("is it scraped by this source, and exported before the first request?"),
            };
            Some(found(UNKNOWN_METRIC, problem))
        }
        Lack::Label(label, labels) => {
            let near = nearest(label, labels.iter().map(String::as_str));
            if may_lack && question.may_be_empty && near.is_none() {
                return None;
            }
            let matcher = selector.matchers.iter().find(|matcher| *matcher.label.text == **label)?;
            let what = metric.map_or_else(|| "what is selected".to_owned(), |metric| format!("`{metric}`"));
            let problem = question.problem(matcher.span, format!("{what} has no label `{label}`"));
            let problem = match near {
                Some(near) => {
                    let problem = problem.help(format!("did you mean `{near}`?"));
                    renamed(question, problem, Some(&matcher.label), near)
                }
                None => problem.help(format!("its labels are {}", some(labels))),
            };
            Some(found(UNKNOWN_LABEL, problem))
        }
        Lack::Matcher(index, values) => {
            unmatched(question, selector.matchers.get(*index)?, metric, values, may_lack)
        }
        Lack::Together(_) | Lack::Ended | Lack::Unknown if may_lack => None,
        Lack::Together(culprits) => {
            let told = culprits.iter().filter_map(|index| selector.matchers.get(*index));
            let spans: Vec<Span> = told.map(|matcher| matcher.span).collect();
            let spans = if spans.is_empty() { vec![one.span] } else { spans };
            let message = "there are series for each of these matchers, and none for all of them";
            let help = "where that is how a healthy service looks, end with `or vector(0)` or write `on_no_data: pass`";
            Some(found(MATCHES_NOTHING, question.query.problem(&spans, message).help(help)))
        }
        Lack::Ended => {
            let message = format!("`{}` has had no sample for five minutes", metric.unwrap_or_default());
            let help = "is it still scraped, and is what exports it running?";
            Some(found(MATCHES_NOTHING, question.problem(one.span, message).help(help)))
        }
        Lack::Unknown => {
            let help = "is it what this source has?";
            Some(found(MATCHES_NOTHING, question.problem(one.span, "this selects nothing").help(help)))
        }
    }
}

/// The problem of a matcher that leaves nothing of what the others select.
fn unmatched(
    question: &Question<'_>,
    matcher: &Matcher,
    metric: Option<&str>,
    values: &[String],
    may_lack: bool,
) -> Option<Problem> {
    let (label, wanted) = (&matcher.label.text, &*matcher.value.text);
    let what = metric.map_or_else(|| "these".to_owned(), |metric| format!("`{metric}`"));
    let message = format!("no series of {what} has `{label}{}\"{wanted}\"`", matcher.op.word());
    if values.iter().any(|value| meets(matcher, value)) {
        // Index and samples tell apart what was there in the last hours and what is there now.
        let help = "there was one of late: is it what went with the old version?";
        let problem = question.problem(matcher.span, format!("{message} any more")).help(help);
        return (!may_lack).then(|| found(MATCHES_NOTHING, problem));
    }
    let near = (matcher.op == MatchOp::Equal).then(|| same_or_near(wanted, values)).flatten();
    // Of values that come and go, only one that is surely another's typing error is told: `501` is none of `500`.
    let surely =
        |near: &str| wanted.chars().count() > 3 || near.parse::<f64>().is_ok_and(|near| same(wanted, near));
    if may_lack && !near.is_some_and(surely) {
        return None;
    }
    let problem = question.problem(matcher.span, message);
    let problem = match near {
        Some(near) => {
            let problem = problem.help(format!("did you mean `{near}`?"));
            renamed(question, problem, Some(&matcher.value), &crate::promql::quote(near))
        }
        None => problem.help(format!("the values of `{label}` are {}", some(values))),
    };
    Some(found(MATCHES_NOTHING, problem))
}

/// Whether a label with `value` meets `matcher`.
fn meets(matcher: &Matcher, value: &str) -> bool {
    let wanted = &*matcher.value.text;
    let matches = || Regex::new(&format!("^(?s:{wanted})$")).is_ok_and(|regex| regex.is_match(value));
    match matcher.op {
        MatchOp::Equal => value == wanted,
        MatchOp::NotEqual => value != wanted,
        MatchOp::Regex => matches(),
        MatchOp::NotRegex => !matches(),
    }
}

/// The value that is the same number as `wanted`, as `1.0` is `1`, else the nearest by its letters.
fn same_or_near<'v>(wanted: &str, values: &'v [String]) -> Option<&'v str> {
    let equal = values.iter().find(|value| value.parse().is_ok_and(|value| same(wanted, value)));
    let texts = values.iter().map(String::as_str);
    equal.map(String::as_str).or_else(|| nearest(wanted, texts))
}

/// Whether `text` is written for the number `other`.
#[expect(clippy::float_cmp, reason = "the same number in another writing is the same to the last digit")]
fn same(text: &str, other: f64) -> bool {
    text.parse::<f64>().is_ok_and(|number| number == other)
}

fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let known: Vec<&str> = known.into_iter().collect();
    let told = did_you_mean(word, known.iter().copied())?;
    known.into_iter().find(|name| told == format!("did you mean `{name}`?"))
}

/// `problem`, mended by `text` instead of `name`, where the query says it itself and no template does.
fn renamed(question: &Question<'_>, problem: Problem, name: Option<&Name>, text: &str) -> Problem {
    let Some(span) = name.map(|name| name.span) else { return problem };
    let written = question.query.skeleton().tags(span.start..span.end).next().is_none();
    let plain = !text.contains(|c| HOLES.contains(&c));
    if !written || !plain {
        return problem;
    }
    let edits: Vec<(Span, String)> = vec![(span, text.to_owned())];
    let fix = Fix { title: format!("write `{text}`"), edits, sure: false };
    match question.query.fix(&[&fix]) {
        Some(fix) => problem.fix(fix),
        None => problem,
    }
}

fn some(words: &[String]) -> String {
    let mut sorted: Vec<&str> = words.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    if sorted.len() <= LISTED {
        return listed(sorted);
    }
    let shown: Vec<String> = sorted[..LISTED].iter().map(|word| format!("`{word}`")).collect();
    format!("{} and {} more", shown.join(", "), sorted.len() - LISTED)
}

/// The problem of a job of which no target is up.
fn down(question: &Question<'_>, known: &Known, selector: &Selector) -> Option<Problem> {
    let matcher = selector.matchers.iter().find(|matcher| job(matcher).is_some())?;
    let job = job(matcher)?;
    // Whoever asks whether it is up is told by the gate itself.
    if selector.metric() == Some("up") || known.jobs.get(&job).is_none_or(|share| *share > 0.0) {
        return None;
    }
    let message = format!("no target of the job `{job}` can be scraped now: its `up` is 0");
    let help = "what this looks at is old, or not there; is the service down, or its port another?";
    Some(found(TARGETS_DOWN, question.problem(matcher.span, message).help(help)))
}
