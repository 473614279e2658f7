//! The series of an answer: the list under `result`, whatever its type, put in columns by the times that were asked
//! for. Must not look at anything around that list.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::check::{Labels, Series};

/// Label sets that are shared between samples; beyond that they begin anew.
const INTERNED: usize = 4096;

/// Label sets by value, so that a window's samples share one copy of each.
#[derive(Debug, Default)]
pub(super) struct Interner(Mutex<HashSet<Arc<Labels>>>);

impl Interner {
    fn shared(&self, labels: Labels) -> Arc<Labels> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&labels) {
            return found.clone();
        }
        if known.len() >= INTERNED {
            known.clear();
        }
        let labels = Arc::new(labels);
        known.insert(labels.clone());
        labels
    }
}

/// The times that were asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Times {
    /// One; whatever comes back is of that time.
    One,
    /// So many, from the first on, so far apart, in unix milliseconds.
    Many { start: i64, step: i64, count: usize },
}

impl Times {
    pub(super) const fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Many { count, .. } => count,
        }
    }

    /// Which of the times `seconds` is.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float too large for the cast is no time that was asked"
    )]
    fn index(self, seconds: f64) -> Option<usize> {
        let Self::Many { start, step, count } = self else { return Some(0) };
        let since = ((seconds * 1e3).round() as i64).checked_sub(start)?;
        let index = usize::try_from(since.checked_div(step)?).ok()?;
        (since >= 0 && since % step == 0 && index < count).then_some(index)
    }
}

/// A result: series by the times that were asked for, and what else was in it.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// `scalar`, `vector`, `matrix` or `string`.
    pub(super) kind: Option<String>,
    pub(super) columns: Vec<Vec<Series>>,
    /// Whether a series is a native histogram.
    pub(super) histograms: bool,
    /// Whether a value is of a time that was not asked for.
    pub(super) off_times: bool,
    /// What was there, by shape; to be compared with what `kind` claims.
    pub(super) shapes: Shapes,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Shapes {
    /// A time and a number without labels.
    pub(super) plain: bool,
    /// A time and a text that is no number.
    pub(super) text: bool,
    /// Series with one value.
    pub(super) single: bool,
    /// Series with a list of values.
    pub(super) many: bool,
    /// Series with neither.
    pub(super) bare: bool,
}

/// The list under `result`: of series, or a time and a value.
pub(super) struct ResultSeed<'f, 'i> {
    pub(super) times: Times,
    pub(super) interner: &'i Interner,
    pub(super) found: &'f mut Found,
}

impl<'de> DeserializeSeed<'de> for ResultSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ResultSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    /// Some servers write an empty list as `null`.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut points = Vec::new();
        loop {
            let element = ElementSeed {
                times: self.times,
                interner: self.interner,
                found: &mut *self.found,
                points: &mut points,
            };
            match list.next_element_seed(element)? {
                None => return Ok(()),
                Some(Element::Series) => {}
                Some(Element::Time) => break,
            }
        }
        let value: String =
            list.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &"a time and a value"))?;
        if let Some(value) = number(&value) {
            self.found.shapes.plain = true;
            let labels = self.interner.shared(Labels::new());
            if let Some(column) = self.found.columns.first_mut() {
                column.push(Series { labels, value });
            }
        } else {
            self.found.shapes.text = true;
        }
        match list.next_element::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(A::Error::invalid_length(3, &"a time and a value")),
        }
    }
}

enum Element {
    Series,
    Time,
}

struct ElementSeed<'f, 'i> {
    times: Times,
    interner: &'i Interner,
    found: &'f mut Found,
    /// Scratch space: one series' values by index of time.
    points: &'f mut Vec<(usize, f64)>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum SeriesKey {
    Metric,
    Value,
    Values,
    Histogram,
    Histograms,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for ElementSeed<'_, '_> {
    type Value = Element;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Element, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ElementSeed<'_, '_> {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series with `metric` and `value` or `values`")
    }

    fn visit_f64<E>(self, _: f64) -> Result<Element, E> {
        Ok(Element::Time)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Element, E> {
        Ok(Element::Time)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Element, E> {
        Ok(Element::Time)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Element, A::Error> {
        let mut labels = Labels::new();
        let mut shapes = Shapes { bare: true, ..Shapes::default() };
        self.points.clear();
        let mut points =
            PointsSeed { times: self.times, points: self.points, off_times: &mut self.found.off_times };
        while let Some(key) = map.next_key()? {
            match key {
                // Sorted on the way: a map's order is the labels' order.
                SeriesKey::Metric => {
                    labels = map.next_value::<BTreeMap<Box<str>, Box<str>>>()?.into_iter().collect();
                }
                SeriesKey::Value => {
                    let (time, Quoted(value)) = map.next_value()?;
                    points.take(time, value);
                    shapes = Shapes { single: true, bare: false, ..shapes };
                }
                SeriesKey::Values => {
                    map.next_value_seed(&mut points)?;
                    shapes = Shapes { many: true, bare: false, ..shapes };
                }
                SeriesKey::Histogram | SeriesKey::Histograms => {
                    map.next_value::<IgnoredAny>()?;
                    self.found.histograms = true;
                    shapes.bare = false;
                }
                SeriesKey::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let seen = &mut self.found.shapes;
        seen.single |= shapes.single;
        seen.many |= shapes.many;
        seen.bare |= shapes.bare;
        let labels = self.interner.shared(labels);
        for (index, value) in self.points.drain(..) {
            if let Some(column) = self.found.columns.get_mut(index) {
                column.push(Series { labels: labels.clone(), value });
            }
        }
        Ok(Element::Series)
    }
}

/// The list of one series' times and values.
struct PointsSeed<'p> {
    times: Times,
    points: &'p mut Vec<(usize, f64)>,
    off_times: &'p mut bool,
}

impl PointsSeed<'_> {
    fn take(&mut self, time: f64, value: f64) {
        match self.times.index(time) {
            Some(index) => self.points.push((index, value)),
            None => *self.off_times = true,
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut PointsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut PointsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of times and values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some((time, Quoted(value))) = list.next_element()? {
            self.take(time, value);
        }
        Ok(())
    }
}

/// A number in quotes, as Prometheus writes values.
struct Quoted(f64);

impl<'de> Deserialize<'de> for Quoted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(QuotedVisitor)
    }
}

struct QuotedVisitor;

impl Visitor<'_> for QuotedVisitor {
    type Value = Quoted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number in quotes")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quoted, E> {
        let invalid = || E::invalid_value(serde::de::Unexpected::Str(text), &self);
        number(text).map(Quoted).ok_or_else(invalid)
    }
}

/// A value as Prometheus writes it: `0.08`, `1e-05`, `NaN`, `+Inf`, `-Inf`.
fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}
