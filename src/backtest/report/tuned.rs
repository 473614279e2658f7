//! Where verdicts flip, for people: a small table for each limit, folded to what matters: the present limit, the best ones,
//! and some between. Must not decide which limit is right.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::summary::Summary;
use super::super::tune::{Limit, Stretch, Tuning};
use super::text::table;
use crate::policy::criterion::Number;
use crate::policy::spoken;

/// Rows of one table.
const ROWS: usize = 12;

/// The tables of `all`; names are said by `say`.
pub(super) fn text(all: &[Tuning], summary: &Summary, say: &dyn Fn(&str) -> String) -> String {
    let mut text = String::new();
    for tuning in all {
        let Tuning { check, limit, present, .. } = tuning;
        let now = present.map_or_else(
            || "which differs by deployment".to_owned(),
            |now| format!("now {}", spoken::number(now)),
        );
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

/// The row of limits with the fewest wrong verdicts, in words.
fn best(tuning: &Tuning) -> Option<String> {
    let (first, last) = tuning.best()?;
    let stretch = tuning.stretches[first];
    let from = stretch.from;
    let to = tuning.stretches.get(last + 1).map(|next| next.from);
    let max = tuning.limit != Limit::Min;
    let over = match (from.is_finite(), to) {
        (true, Some(to)) if max => format!("from {} to below {}", Number(from), Number(to)),
        (true, Some(to)) => format!("from {} down to above {}", Number(from), Number(to)),
        (true, None) if max => format!("from {} on", Number(from)),
        (true, None) => format!("of {} and less", Number(from)),
        (false, Some(to)) if max => format!("below {}", Number(to)),
        (false, Some(to)) => format!("above {}", Number(to)),
        (false, None) => "of any value".to_owned(),
    };
    let what = if stretch.misses + stretch.false_rollbacks == 0 {
        "tells good from bad"
    } else {
        "is wrong least often"
    };
    Some(format!("a `{}` {over} {what}", tuning.limit.word()))
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
