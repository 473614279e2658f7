//! What Prometheus' API tells beside the values of queries: names, labels, metadata and statistics. Must not decide
//! what any of it means for a policy.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::series::Times;
use super::{Source, endpoint, form, seconds};
use crate::api::words as api;
use crate::check::explore::{Cost, Explore, Exploring, MetricType};
use crate::check::{Answer, SourceError};
use crate::host::Host;
use crate::host::clock::between;
use crate::host::http::{Request, Response, URL_PART};

/// Names and values beyond which an answer is cut: nobody reads on, and a misspelt one is found among these.
const MOST: &str = "50000";

/// An answer that is no result of a query.
#[derive(Deserialize)]
struct Told<T> {
    status: Option<String>,
    data: Option<T>,
    error: Option<String>,
}

/// What an exporter says of a metric.
#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "type")]
    kind: String,
}

/// The statistics of a query, the result left out.
#[derive(Deserialize, Default)]
struct Priced {
    #[serde(default)]
    data: PricedData,
}

#[derive(Deserialize, Default)]
struct PricedData {
    #[serde(default)]
    stats: Stats,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Stats {
    samples: Samples,
    timings: Timings,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Samples {
    total_queryable_samples: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Timings {
    exec_total_time: Option<f64>,
}

impl Source {
    /// Asks for `path` of the API with `pairs`, and reads its `data`.
    async fn tell<T: DeserializeOwned + Default>(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        when: Exploring<'_>,
    ) -> Result<T, SourceError> {
        let mut url = endpoint(&self.base, path);
        url.query_pairs_mut().extend_pairs(pairs);
        let get = |credential| self.get(url.clone(), credential);
        let (response, (_, received)) = self.exchange(get, when.timeout, when.host).await?;
        self.told(&response, received, when.host)
    }

    fn get(&self, url: Url, credential: Option<HeaderValue>) -> Request {
        let mut headers = self.headers.clone();
        headers.remove(http::header::CONTENT_TYPE);
        if let Some(credential) = credential {
            headers.insert(AUTHORIZATION, credential);
        }
        Request { method: Method::GET, url, headers, body: Bytes::new(), max_body: self.max_body }
    }

    fn told<T: DeserializeOwned + Default>(
        &self,
        response: &Response,
        received: Timestamp,
        host: &Host,
    ) -> Result<T, SourceError> {
        let peer = self.peer(host);
        let told: Result<Told<T>, _> = serde_json::from_slice(&response.body);
        let words = told.as_ref().ok().and_then(|told| told.error.as_deref());
        let words = words.map(|error| api::line(error, api::WORDS, peer.redactor));
        if !(200..300).contains(&response.status) {
            return Err(peer.refused(response, words.as_deref(), received));
        }
        match told {
            // Some say nothing of nothing.
            Ok(Told { status: Some(status), data, .. }) if status == "success" => {
                Ok(data.unwrap_or_default())
            }
            _ => {
                let said = words.unwrap_or_else(|| peer.glimpse(response));
                Err(SourceError::lasting(format!("{} answered {} {said}", self.who, response.status)))
            }
        }
    }
}

/// `from` and `to` as the API takes them.
fn period(when: Exploring<'_>) -> (String, String) {
    (seconds(when.from.as_millisecond()), seconds(when.to.as_millisecond()))
}

impl Explore for Source {
    fn values<'a>(
        &'a self,
        label: &'a str,
        selector: Option<&'a str>,
        when: Exploring<'a>,
    ) -> BoxFuture<'a, Result<Vec<String>, SourceError>> {
        Box::pin(async move {
            let (start, end) = period(when);
            let mut pairs = vec![("start", &*start), ("end", &end), ("limit", MOST)];
            pairs.extend(selector.map(|selector| ("match[]", selector)));
            let label = percent_encoding::utf8_percent_encode(label, URL_PART);
            self.tell(&format!("label/{label}/values"), &pairs, when).await
        })
    }

    fn labels<'a>(
        &'a self,
        selector: &'a str,
        when: Exploring<'a>,
    ) -> BoxFuture<'a, Result<Vec<String>, SourceError>> {
        Box::pin(async move {
            let (start, end) = period(when);
            let pairs = [("start", &*start), ("end", &end), ("limit", MOST), ("match[]", selector)];
            self.tell("labels", &pairs, when).await
        })
    }

    fn metric_type<'a>(
        &'a self,
        metric: &'a str,
        when: Exploring<'a>,
    ) -> BoxFuture<'a, Result<Option<MetricType>, SourceError>> {
        Box::pin(async move {
            let told: BTreeMap<String, Vec<Metadata>> =
                self.tell("metadata", &[("metric", metric)], when).await?;
            let mut kinds = told.get(metric).into_iter().flatten().map(|one| metric_type(&one.kind));
            let first = kinds.next().flatten();
            Ok(first.filter(|_| kinds.all(|kind| kind == first)))
        })
    }

    fn price<'a>(
        &'a self,
        query: &'a str,
        when: Exploring<'a>,
    ) -> BoxFuture<'a, Result<(Answer, Cost), SourceError>> {
        Box::pin(async move {
            let time = seconds(when.to.as_millisecond());
            let form = Bytes::from(form(query, &[("time", &time), ("stats", "all")], when.timeout));
            let post = |credential| self.post(Times::One, credential, form.clone());
            let (response, (sent, received)) = self.exchange(post, when.timeout, when.host).await?;
            let (columns, notes) = self.read(&response, Times::One, (sent, received), when.host)?;
            let Stats { samples, timings } =
                serde_json::from_slice::<Priced>(&response.body).unwrap_or_default().data.stats;
            let told = timings.exec_total_time.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            let took = told.unwrap_or_else(|| between(sent, received));
            let answer = Answer { series: columns.into_iter().next().unwrap_or_default(), notes };
            Ok((answer, Cost { samples: samples.total_queryable_samples, took }))
        })
    }
}

fn metric_type(word: &str) -> Option<MetricType> {
    match word {
        "counter" => Some(MetricType::Counter),
        "gauge" => Some(MetricType::Gauge),
        "histogram" => Some(MetricType::Histogram),
        "summary" => Some(MetricType::Summary),
        _ => None,
    }
}
