//! Takes an empty result apart: a ratio whose numerator has no series is 0 where its denominator is above 0, and a
//! comparison that finds nothing says nothing where it had nothing to compare. Must not ask anything.

use super::probe::Apart;
use crate::check::{Answer, Reading, Seen, Series, SourceError};
use crate::policy::criterion::Number;
use crate::promql::{self, Dialect, Options, operands, ratio};

/// The parts of `query` that are to be asked where its result is empty.
pub(super) fn parts(query: &str, apart: Apart, dialect: Dialect) -> Vec<String> {
    if apart == Apart::No {
        return Vec::new();
    }
    let Ok(expr) = promql::parse(query, Options { dialect, holes: false }).sound() else { return Vec::new() };
    match apart {
        Apart::No => Vec::new(),
        Apart::Ratio => ratio::empty_ratio(query, &expr).into_iter().collect(),
        Apart::Comparison => operands::comparison_operands(query, &expr),
    }
}

/// Says of `reading`, which is empty, what `answers` to its `parts` make of it.
pub(super) fn take_apart(
    reading: &mut Reading,
    apart: Apart,
    parts: &[String],
    answers: Vec<Result<Answer, SourceError>>,
) {
    for (part, answer) in parts.iter().zip(answers) {
        let series = match answer {
            Ok(answer) => answer.series,
            Err(error) => {
                reading.seen =
                    Seen::Failed(format!("the result is empty, and of its parts: {}", error.reason));
                return;
            }
        };
        match apart {
            Apart::No => {}
            Apart::Comparison if series.is_empty() => {
                reading.remark = Some(format!("nothing to compare: `{part}` is empty itself"));
                reading.lacking = true;
                return;
            }
            Apart::Comparison => {}
            Apart::Ratio => {
                let some: Vec<&Series> = series.iter().filter(|one| one.value > 0.0).collect();
                if let [first, ..] = *some {
                    let found = Number(first.value);
                    reading.remark =
                        Some(format!("the numerator has no series while the denominator is {found}: 0"));
                    let zero = |one: &Series| Series { labels: one.labels.clone(), value: 0.0 };
                    reading.seen = Seen::Series(some.into_iter().map(zero).collect());
                }
            }
        }
    }
}
