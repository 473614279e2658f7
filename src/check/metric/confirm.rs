//! `confirm: short`: a breach counts only where the same query over its shortest range breaches too, as the long and the
//! short window of burn-rate alerts do. Must not ask or judge.

use super::read as read_value;
use crate::policy::problem::{Problem, Problems};
use crate::policy::query;
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::template::Template;
use crate::policy::value::{Scalar, Value};
use crate::promql::Dialect;
use crate::promql::window::Window;

/// The field.
pub(super) const FIELD: Field = Field::new(
    "confirm",
    Shape::OneOf(Confirm::WORDS),
    "`short`: a breach counts only where the same query over `min_range` breaches too",
);

/// What must confirm a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirm {
    /// The same query over its shortest range.
    Short,
}

impl Scalar for Confirm {
    const EXPECTED: &'static str = "`short`";
    const WORDS: &'static [&'static str] = &["short"];

    fn read(text: &str) -> Option<Self> {
        (text == "short").then_some(Self::Short)
    }
}

/// Reads `confirm` of a check that asks `query`; `sound` is cleared where it is wrong, which is reported.
pub(super) fn read(
    query: Option<&Template>,
    body: &mut Reader<'_, '_>,
    sound: &mut bool,
) -> Option<Value<Confirm>> {
    let confirm: Option<Value<Confirm>> = read_value(body, "confirm", sound);
    if let Some((confirm, query)) = confirm.as_ref().zip(query) {
        *sound &= can_be_short(query, confirm, body.problems);
    }
    confirm
}

/// Whether `query` has ranges over which shorter ones tell the same; reports where it has not.
fn can_be_short(query: &Template, confirm: &Value<Confirm>, problems: &mut Problems) -> bool {
    for read in query::read(query, Dialect::default()) {
        // What cannot be read is reported by who reads it.
        let Some(expr) = read.expr().filter(|_| read.is_sound()) else { continue };
        let window = Window::of(&read.skeleton().text, expr);
        if window.fits() {
            continue;
        }
        let why = match window.waits() {
            None => "it has no range".to_owned(),
            Some(span) => format!("`{}` means something else over a shorter range", read.text(span)),
        };
        let message =
            format!("expected a query that can be asked over a shorter range beside `confirm`: {why}");
        let help = "leave `confirm` out, or ask for a rate or a mean over a range, such as `rate(…[5m])`";
        problems.push(Problem::at(confirm.place(), message).help(help));
        return false;
    }
    true
}
