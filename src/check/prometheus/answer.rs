//! The answers of Prometheus' HTTP API: from bytes to series, in one pass and without a tree in between. Must not
//! know how an answer came, nor decide what a refusal or a strange result means.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::series::{Found, Interner, ResultSeed, Times};

/// What an answer says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// `success` or `error`.
    pub(super) status: Option<String>,
    /// The class of the error, such as `bad_data`.
    pub(super) error_type: Option<String>,
    /// The error.
    pub(super) error: Option<String>,
    pub(super) warnings: Vec<String>,
    pub(super) infos: Vec<String>,
    /// VictoriaMetrics: some storage nodes did not answer.
    pub(super) partial: bool,
    /// The result, where there is one.
    pub(super) data: Option<Found>,
}

/// Why an answer cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It ends too early.
    Cut,
    /// It is not JSON.
    NotJson,
    /// It is JSON of another shape; in which way.
    Shape(String),
}

/// Reads `body`.
pub(super) fn parse(body: &[u8], times: Times, interner: &Interner) -> Result<Said, Malformed> {
    use serde_json::error::Category;
    let text = std::str::from_utf8(body).map_err(|_| Malformed::NotJson)?;
    let mut json = serde_json::Deserializer::from_str(text);
    let said = AnswerSeed { times, interner }.deserialize(&mut json);
    let said = said.and_then(|said| json.end().map(|()| said));
    said.map_err(|error| match error.classify() {
        Category::Eof if !text.trim().is_empty() => Malformed::Cut,
        Category::Data => Malformed::Shape(error.to_string()),
        Category::Eof | Category::Syntax | Category::Io => Malformed::NotJson,
    })
}

#[derive(Clone, Copy)]
struct AnswerSeed<'i> {
    times: Times,
    interner: &'i Interner,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum AnswerKey {
    Status,
    Data,
    ErrorType,
    Error,
    /// What gateways before Prometheus say instead of `error`.
    Message,
    Warnings,
    Infos,
    IsPartial,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for AnswerSeed<'_> {
    type Value = Said;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Said, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnswerSeed<'_> {
    type Value = Said;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `status` and `data`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Said, A::Error> {
        let mut said = Said::default();
        while let Some(key) = map.next_key()? {
            match key {
                AnswerKey::Status => said.status = map.next_value()?,
                AnswerKey::Data => said.data = map.next_value_seed(DataSeed(self))?,
                AnswerKey::ErrorType => said.error_type = map.next_value()?,
                AnswerKey::Error => said.error = map.next_value()?,
                AnswerKey::Message => {
                    let message = map.next_value()?;
                    said.error = said.error.or(message);
                }
                AnswerKey::Warnings => said.warnings = map.next_value::<Option<_>>()?.unwrap_or_default(),
                AnswerKey::Infos => said.infos = map.next_value::<Option<_>>()?.unwrap_or_default(),
                AnswerKey::IsPartial => said.partial = map.next_value()?,
                AnswerKey::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(said)
    }
}

struct DataSeed<'i>(AnswerSeed<'i>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum DataKey {
    ResultType,
    Result,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
    type Value = Option<Found>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DataSeed<'_> {
    type Value = Option<Found>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `resultType` and `result`")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Found { columns: vec![Vec::new(); self.0.times.count()], ..Found::default() };
        while let Some(key) = map.next_key()? {
            match key {
                DataKey::ResultType => found.kind = map.next_value()?,
                DataKey::Result => map.next_value_seed(ResultSeed {
                    times: self.0.times,
                    interner: self.0.interner,
                    found: &mut found,
                })?,
                DataKey::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Some(found))
    }
}
