//! Single samples as the server keeps them: a range selector asked at one time. Must not count or judge them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;

use super::series::Times;
use super::{Source, form, seconds};
use crate::check::{Labels, RawSeries, SourceError};
use crate::host::Host;
use crate::promql::write_duration;

#[derive(Deserialize)]
struct Told {
    status: String,
    data: Data,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default, rename = "isPartial")]
    partial: bool,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: std::collections::BTreeMap<Box<str>, Box<str>>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

impl Source {
    /// The samples of `selector` after `span.0` and until `span.1`.
    pub(super) async fn raw(
        &self,
        selector: &str,
        span: (Timestamp, Timestamp),
        most: usize,
        timeout: Duration,
        host: &Host,
    ) -> Result<Vec<RawSeries>, SourceError> {
        let (from, to) = (span.0.as_millisecond(), span.1.as_millisecond());
        let Some(range) = u64::try_from(to - from).ok().filter(|range| *range > 0) else {
            return Ok(Vec::new());
        };
        let query = format!("{selector}[{}]", write_duration(Duration::from_millis(range).as_secs_f64()));
        let limit = most.to_string();
        let form = Bytes::from(form(&query, &[("time", &seconds(to)), ("limit", &limit)], timeout));
        let post = |credential| {
            let mut request = self.post(Times::One, credential, form.clone());
            // These are long, and are compressed well.
            request.headers.remove(http::header::ACCEPT_ENCODING);
            request
        };
        let (response, spent) = self.exchange(post, timeout, host).await?;
        let told: Result<Told, _> = serde_json::from_slice(&response.body);
        let told = match told {
            Ok(told) if (200..300).contains(&response.status) && told.status == "success" => told,
            // Whoever reads other answers knows what to say of this one.
            Ok(_) | Err(_) => {
                let error = self.read(&response, Times::One, spent, host).err();
                let strange = || SourceError::lasting(format!("{} answered no samples", self.who));
                return Err(error.unwrap_or_else(strange));
            }
        };
        if told.data.kind != "matrix" {
            let kind = &told.data.kind;
            return Err(SourceError::lasting(format!("{} answered a {kind} for samples", self.who)));
        }
        // A `limit` that was reached is told in a warning; what is not there was not wanted.
        if told.partial || told.warnings.iter().any(|warning| super::meaning::is_partial(warning, true)) {
            let reason = format!("{} gave a partial answer", self.who);
            return Err(SourceError::passing(reason, Duration::ZERO));
        }
        Ok(told.data.result.into_iter().map(|one| raw_series(one, from)).collect())
    }
}

/// Prometheus 2 takes in a sample at the very beginning of the range, which belongs to the range before.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds of any year we know fit")]
fn raw_series(series: Series, from: i64) -> RawSeries {
    let read = |(at, value): (f64, String)| {
        let at = (at * 1e3).round() as i64;
        let value = match &*value {
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            number => number.parse().unwrap_or(f64::NAN),
        };
        (at > from).then_some((at, value))
    };
    let labels: Labels = series.metric.into_iter().collect();
    RawSeries { labels: Arc::new(labels), samples: series.values.into_iter().filter_map(read).collect() }
}
