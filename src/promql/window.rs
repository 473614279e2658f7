//! How a query stands to a moment before which it must not look: how long after it the query can be asked as it is
//! written, and what it is over ranges that reach no further back. Must not know when anything was deployed; the moment
//! is given as the time since it.

use std::time::Duration;

use super::analysis::{FOREVER, Use, analyse};
use super::ast::{Expr, Modifiers, Selector, Span};
use super::fitting::{Fitting, fitting, grows};
use super::literal::write_duration;
use super::recorded::recorded;

/// A query that must not look before a moment, the anchor. Parts with an `offset` that looks back or an `@` are meant
/// to and are left alone.
#[derive(Debug, Clone)]
pub struct Window {
    text: String,
    selectors: Vec<String>,
    looks: Vec<Look>,
    ranges: Vec<Range>,
    shape: Shape,
    unknown: bool,
}

/// How far back one selector looks.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Its range; `None` for an instant selector.
    range: Option<Duration>,
    subqueries: Duration,
    /// What its name says of its own range.
    recorded: Duration,
    /// Whether it takes in the last sample before its range.
    extended: bool,
}

/// A range that can be shortened.
#[derive(Debug, Clone, Copy)]
struct Range {
    /// Where its length stands, without the brackets.
    span: Span,
    length: Duration,
    /// What the name of its series says of a range of its own.
    recorded: Duration,
}

/// What shorter ranges do to its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// It has no range.
    NoRange,
    /// They stay comparable.
    Steady,
    /// They become smaller.
    Grows(Span),
    /// They mean something else.
    Waits(Span),
}

impl Window {
    /// How the query `text`, which reads as `expr`, stands to a moment.
    pub fn of(text: &str, expr: &Expr) -> Self {
        let analysis = analyse(expr);
        let present: Vec<&Use<'_>> = analysis.uses.iter().filter(|one| !one.is_shifted()).collect();
        let shape = Shape::of(expr, &present);
        let shortens = matches!(shape, Shape::Steady | Shape::Grows(_));
        let ranged = present.iter().filter(|one| shortens && one.range.is_some());
        Self {
            text: text.to_owned(),
            selectors: selectors(&present),
            looks: present.iter().map(|one| Look::of(one)).collect(),
            ranges: ranged.filter_map(|one| Range::of(one)).collect(),
            shape,
            unknown: present.iter().any(|one| is_unknown(one)),
        }
    }

    /// The selectors that look at the present, each once and in order: name and matchers, on one line.
    pub fn selectors(&self) -> &[String] {
        &self.selectors
    }

    /// Whether the server's step decides how far back a part of it looks: no time after the anchor is then known to be
    /// enough, and what it needs is [`FOREVER`].
    pub const fn unknown(&self) -> bool {
        self.unknown
    }

    /// Whether its ranges can be shortened to what lies after the anchor.
    pub fn fits(&self) -> bool {
        self.shape == Shape::Steady
    }

    /// Whether its values only grow with its ranges, so that what is too much over a shorter one is too much.
    pub const fn grows(&self) -> bool {
        matches!(self.shape, Shape::Grows(_))
    }

    /// Why it cannot be fitted: the part that grows with its range, or has one that cannot be shortened.
    pub const fn waits(&self) -> Option<Span> {
        match self.shape {
            Shape::Grows(span) | Shape::Waits(span) => Some(span),
            Shape::NoRange | Shape::Steady => None,
        }
    }

    /// How long after the anchor it must be asked to look at nothing before it, as it is written. An instant selector
    /// looks back one `scrape` interval; `lookback` is what a recorded series looks back by itself, where that is
    /// stated, and holds for all of the query.
    pub fn needs_as_written(&self, scrape: Duration, lookback: Option<Duration>) -> Duration {
        self.needs(scrape, Duration::MAX, lookback)
    }

    /// The same where ranges are shortened to what lies after the anchor, but not below `min_range`: how long after it
    /// [`Window::fitted`] can be asked.
    pub fn needs_fitted(
        &self,
        scrape: Duration,
        min_range: Duration,
        lookback: Option<Duration>,
    ) -> Duration {
        self.needs(scrape, if self.fits() { min_range } else { Duration::MAX }, lookback)
    }

    /// The same for a query that grows: how long after the anchor [`Window::shortened`] can be asked.
    pub fn needs_shortened(
        &self,
        scrape: Duration,
        min_range: Duration,
        lookback: Option<Duration>,
    ) -> Duration {
        self.needs(scrape, if self.grows() { min_range } else { Duration::MAX }, lookback)
    }

    fn needs(&self, scrape: Duration, longest: Duration, lookback: Option<Duration>) -> Duration {
        if self.unknown {
            return FOREVER;
        }
        let stated = lookback.unwrap_or_default();
        let need = |look: &Look| {
            let own = look.range.map_or(scrape, |range| range.min(longest));
            let before = if look.extended { scrape } else { Duration::ZERO };
            let parts = [look.subqueries, look.recorded.max(stated), before];
            parts.into_iter().fold(own, Duration::saturating_add).min(FOREVER)
        };
        self.looks.iter().map(need).max().unwrap_or_default()
    }

    /// The query over what lies after the anchor, which is `since` ago: every range that is longer is that long, all
    /// else is as it is written. `None` where nothing changes, and where it does not fit. Ask it only from
    /// [`Window::needs_fitted`] on; `lookback` is the same there and here.
    pub fn fitted(&self, since: Duration, lookback: Option<Duration>) -> Option<String> {
        if self.fits() { self.after_anchor(since, lookback) } else { None }
    }

    /// The same of a query that grows: a lower bound of what it will be.
    pub fn shortened(&self, since: Duration, lookback: Option<Duration>) -> Option<String> {
        if self.grows() { self.after_anchor(since, lookback) } else { None }
    }

    /// The query with no range longer than `range`; `None` where nothing changes, and where it neither fits nor grows.
    pub fn over(&self, range: Duration) -> Option<String> {
        self.cut(|_| range)
    }

    fn after_anchor(&self, since: Duration, lookback: Option<Duration>) -> Option<String> {
        let stated = lookback.unwrap_or_default();
        self.cut(|range| since.saturating_sub(range.recorded.max(stated)))
    }

    /// The query with every range as long as `longest` has it, if it is longer.
    fn cut(&self, longest: impl Fn(&Range) -> Duration) -> Option<String> {
        let longest = |range: &Range| {
            let millis = u64::try_from(longest(range).as_millis()).unwrap_or(u64::MAX);
            Duration::from_millis(millis.max(1))
        };
        let mut text = String::with_capacity(self.text.len() + 16);
        let mut at = 0;
        for range in self.ranges.iter().filter(|range| range.length > longest(range)) {
            let span = range.span.range();
            text.push_str(self.text.get(at..span.start).unwrap_or_default());
            // Not `as_secs_f64`, whose rounding may not read as whole milliseconds.
            #[expect(
                clippy::cast_precision_loss,
                reason = "shorter than a range, whose milliseconds are exact"
            )]
            let seconds = longest(range).as_millis() as f64 / 1e3;
            text.push_str(&write_duration(seconds));
            at = span.end;
        }
        text.push_str(self.text.get(at..).filter(|_| at > 0)?);
        Some(text)
    }
}

/// The selectors of `present`, each once.
fn selectors(present: &[&Use<'_>]) -> Vec<String> {
    // What `info` takes labels from is no query by itself.
    let labels = |one: &Use<'_>| one.function.is_some_and(|f| f.name == "info") && one.metric().is_none();
    let mut selectors = Vec::new();
    for one in present.iter().filter(|one| !labels(one)) {
        let selector = Selector { modifiers: Modifiers::default(), ..one.selector.clone() }.to_string();
        if !selectors.contains(&selector) {
            selectors.push(selector);
        }
    }
    selectors
}

/// Whether the server's step decides how far back it looks.
fn is_unknown(one: &Use<'_>) -> bool {
    one.reach().more || one.adrift
}

impl Shape {
    fn of(expr: &Expr, present: &[&Use<'_>]) -> Self {
        let fitting = fitting(expr);
        // The ranges of a ratio of increases must stay equal, which those of recorded series would not.
        let apart = |one: &Use<'_>| {
            let increases = one.function.is_some_and(|function| function.name == "increase");
            fitting == Fitting::Steady && increases && !Look::of(one).recorded.is_zero()
        };
        let odd = present.iter().find(|one| is_unknown(one) || apart(one));
        match (fitting, odd) {
            (Fitting::Waits(span), None) if grows(expr) => Self::Grows(span),
            (Fitting::Waits(span), _) => Self::Waits(span),
            (_, Some(one)) => Self::Waits(one.span),
            (Fitting::Steady, None) => Self::Steady,
            (Fitting::NoRange, None) => Self::NoRange,
        }
    }
}

impl Look {
    fn of(one: &Use<'_>) -> Self {
        Self {
            range: one.range.map(|range| range.known),
            subqueries: one.subqueries.known,
            recorded: one.metric().and_then(recorded).unwrap_or_default(),
            extended: one.extended.is_some(),
        }
    }
}

impl Range {
    fn of(one: &Use<'_>) -> Option<Self> {
        let Look { range, recorded, .. } = Look::of(one);
        Some(Self { span: one.length?.span, length: range?, recorded })
    }
}

#[cfg(test)]
mod tests;
