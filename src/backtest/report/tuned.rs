//! Where verdicts flip, for people: a small table for each limit, folded to what matters: the present limit, the best ones,
//! and some between. Must not decide which limit is right.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::summary::Summary;
use super::super::tune::{Limit, Stretch, Tuning};
use super::text::table;
use crate::policy::criterion::Number;
use crate::policy::spoken::number;

/// Rows of one table.
const ROWS: usize = 12;

/// The tables of `all`; names are said by `say`.
pub(super) fn text(all: &[Tuning], summary: &Summary, say: &dyn Fn(&str) -> String) -> String {
    let mut text = String::new();
    for tuning in all {
        let Tuning { check, limit, present, .. } = tuning;
        let now = present
            .map_or_else(|| "which differs by deployment".to_owned(), |now| format!("now {}", number(now)));
        let _ = writeln!(text, "\n{} {}, {now}", say(check), limit.word());
        let known = summary.good.all() + summary.bad.all() > 0;
        if let Some(best) = best(tuning).filter(|_| known) {
            let _ = writeln!(text, "  {best}");
        }
        let mut rows = vec![header(summary)];
        rows.extend(shown(tuning).into_iter().map(|index| row(tuning, index, summary)));
        for line in table(&rows).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// Which checks were judged and have no limit in `all`: for each of them more than one value decides.
pub(super) fn untuned<'s>(all: &[Tuning], summary: &'s Summary) -> Vec<&'s str> {
    let tuned = |name: &str| all.iter().any(|tuning| tuning.check == name);
    let judged = summary.checks.iter().filter(|check| check.judged > 0);
    judged.map(|check| check.name.as_str()).filter(|name| !tuned(name)).collect()
}

/// The row of limits with the fewest wrong verdicts, in words.
fn best(tuning: &Tuning) -> Option<String> {
    let (first, last) = tuning.best()?;
    let stretch = tuning.stretches[first];
    let (from, to) = (
        stretch.from,
        tuning.stretches.get(last + 1).map_or(tuning.limit.lenience(f64::INFINITY), |next| next.from),
    );
    let (low, high) = if tuning.limit == Limit::Min { (to, from) } else { (from, to) };
    let (low, high) = inward(low, high);
    // The stricter end is one of the limits, the other is the first that is too lenient.
    let over = match (low.is_finite(), high.is_finite(), tuning.limit) {
        (true, true, Limit::Min) => format!("above {} and up to {}", number(low), number(high)),
        (true, true, _) => format!("from {} to below {}", number(low), number(high)),
        (true, false, Limit::Min) => format!("above {}", number(low)),
        (true, false, _) => format!("from {} on", number(low)),
        (false, true, Limit::Min) => format!("up to {}", number(high)),
        (false, true, _) => format!("below {}", number(high)),
        (false, false, _) => "of any value".to_owned(),
    };
    let what = if stretch.misses + stretch.false_rollbacks == 0 {
        "tells good from bad"
    } else {
        "is wrong least often"
    };
    Some(format!("a `{}` {over} {what}", tuning.limit.word()))
}

/// `low` and `high` in few digits, rounded so that what lies between them did before, too.
fn inward(low: f64, high: f64) -> (f64, f64) {
    let short = |value: f64, up: bool| {
        if value == 0.0 || !value.is_finite() {
            return value;
        }
        #[expect(clippy::cast_possible_truncation, reason = "an exponent of ten")]
        let digits = 2 - value.abs().log10().floor() as i32;
        let scaled = value * 10_f64.powi(digits);
        let whole = if up { scaled.ceil() } else { scaled.floor() };
        // By way of its text, so that it has no more digits than it needs.
        format!("{whole}e{}", -digits).parse().unwrap_or(value)
    };
    let rounded = (short(low, true), short(high, false));
    if rounded.0 < rounded.1 { rounded } else { (low, high) }
}

/// Which stretches are shown.
fn shown(tuning: &Tuning) -> Vec<usize> {
    let all = tuning.stretches.len();
    if all <= ROWS {
        return (0..all).collect();
    }
    let mut shown = BTreeSet::from([0, all - 1]);
    shown.extend(tuning.present.map(|now| tuning.at(now)));
    if let Some((first, last)) = tuning.best() {
        shown.extend([first, (last + 1).min(all - 1), first.saturating_sub(1)]);
    }
    // The rest evenly, and as many as there is room for.
    let room = ROWS - shown.len();
    shown.extend((1..=room).map(|part| part * all / (room + 1)));
    shown.into_iter().collect()
}

fn header(summary: &Summary) -> Vec<String> {
    let mut header = vec!["LIMIT".to_owned()];
    if summary.bad.all() > 0 {
        header.push(format!("MISSES OF {}", summary.bad.all()));
    }
    if summary.good.all() > 0 {
        header.push(format!("FALSE ROLLBACKS OF {}", summary.good.all()));
    }
    if header.len() == 1 {
        header.push(format!("ROLLBACKS OF {}", summary.verdicts.all()));
    }
    header
}

fn row(tuning: &Tuning, index: usize, summary: &Summary) -> Vec<String> {
    let Stretch { from, rollbacks, misses, false_rollbacks } = tuning.stretches[index];
    let limit = match tuning.stretches.get(index + 1) {
        _ if from.is_finite() => format!("from {}", Number(from)),
        Some(next) if tuning.limit == Limit::Min => format!("above {}", Number(next.from)),
        Some(next) => format!("below {}", Number(next.from)),
        None => "any".to_owned(),
    };
    let now = tuning.present.is_some_and(|now| tuning.at(now) == index);
    let mut row = vec![limit];
    if summary.bad.all() > 0 {
        row.push(misses.to_string());
    }
    if summary.good.all() > 0 {
        row.push(false_rollbacks.to_string());
    }
    if row.len() == 1 {
        row.push(rollbacks.to_string());
    }
    if now {
        row.push("← now".to_owned());
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_limits_is_rounded_to_what_lies_within_it() {
        assert_eq!(inward(0.009_259_26, 0.038_734_7), (0.009_26, 0.038_7));
        assert_eq!(inward(209_855_000.0, f64::INFINITY), (210_000_000.0, f64::INFINITY));
        assert_eq!(inward(-0.012_345, 0.0), (-0.012_3, 0.0));
        // Too close to be rounded.
        assert_eq!(inward(1.000_01, 1.000_02), (1.000_01, 1.000_02));
    }

    #[test]
    fn the_best_limits_are_said_as_a_policy_writes_them() {
        let stretch = |from, misses, false_rollbacks| Stretch { from, rollbacks: 0, misses, false_rollbacks };
        let said = |limit, stretches: Vec<Stretch>| {
            best(&Tuning { check: "errors".to_owned(), limit, present: None, stretches }).unwrap_or_default()
        };
        let all = vec![stretch(f64::NEG_INFINITY, 0, 9), stretch(0.01, 0, 0), stretch(0.05, 2, 0)];
        assert_eq!(said(Limit::Max, all), "a `max_value` from 0.01 to below 0.05 tells good from bad");
        let all = vec![stretch(f64::INFINITY, 0, 9), stretch(0.99, 1, 2), stretch(0.5, 2, 3)];
        assert_eq!(said(Limit::Min, all), "a `min_value` above 0.5 and up to 0.99 is wrong least often");
        let all = vec![stretch(f64::INFINITY, 0, 0), stretch(0.99, 1, 0)];
        assert_eq!(said(Limit::Min, all), "a `min_value` above 0.99 tells good from bad");
        assert_eq!(said(Limit::Max, vec![stretch(f64::NEG_INFINITY, 0, 0)]), "");
    }
}
