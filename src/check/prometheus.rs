//! PromQL over Prometheus' HTTP API, which Thanos, Mimir, VictoriaMetrics and Grafana Cloud speak too. Must not
//! judge what comes back, and must not ask again: [`super::metric`] does that for every source.

mod answer;
mod explore;
mod meaning;
mod raw;
mod series;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use url::Url;
use url::form_urlencoded::Serializer;

use super::explore::Explore;
use super::{Answer, Kind, MetricSource, RawSeries, SourceError, Spec, metric};
use crate::api::auth::Authorizer;
use crate::api::words::{self as api, Peer};
use crate::host::Host;
use crate::host::clock::later;
use crate::host::http::{Http, Request, Response};
use crate::policy::integration::Resolved;
use crate::policy::problem::Problem;
use crate::policy::reader::{Field, Reader, Rule};
use crate::policy::value::Delay;
use crate::promql::Dialect;
use answer::parse;
use meaning::{Meant, meaning};
use series::{Interner, Times};

const NAME: &str = "prometheus";

/// Points of one range request: Prometheus refuses more than 11,000 a series.
const MOST_POINTS: usize = 10_000;

/// A difference of clocks, in seconds, beyond which what is asked at a tick is not of that tick.
const MOST_SKEW: i64 = 60;

/// The kind.
#[derive(Debug)]
pub(super) struct Prometheus;

impl Kind for Prometheus {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "a PromQL query whose values must meet a criterion"
    }

    fn example(&self) -> &'static str {
        "name: error_rate\nquery: 'sum(rate(http_errors_total{job=\"{{service_name}}\"}[5m]))'\nmax_value: 0.01\n"
    }

    fn section(&self) -> &'static [&'static str] {
        &["metrics_validation"]
    }

    fn fields(&self) -> &'static [Field] {
        metric::FIELDS
    }

    fn rules(&self) -> &'static [Rule] {
        metric::RULES
    }

    fn identity(&self) -> &'static [&'static str] {
        &["query"]
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn Spec>> {
        metric::parse(NAME, body)
    }

    fn connect(&self, integration: &Resolved, host: &Host) -> Option<Result<Arc<dyn MetricSource>, Problem>> {
        if integration.system != NAME {
            return None;
        }
        let connected =
            Source::new(integration, host).map(|source| Arc::new(source) as Arc<dyn MetricSource>);
        Some(connected.map_err(|message| {
            let message = format!("`{}` cannot be used: {message}", integration.name);
            integration.place.map_or_else(|| Problem::nowhere(&message), |place| Problem::at(place, &message))
        }))
    }
}

/// One server.
struct Source {
    name: String,
    /// For messages: name and address.
    who: String,
    base: Url,
    instant: Url,
    range: Url,
    headers: HeaderMap,
    auth: Authorizer,
    client: Arc<dyn Http>,
    delay: Delay,
    max_body: usize,
    dialect: Dialect,
    insecure: bool,
    labels: Interner,
    /// The difference of clocks that was told last, in seconds; so that a figure on the edge is told once.
    skew_told: AtomicI64,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("who", &self.who).finish_non_exhaustive()
    }
}

impl Source {
    fn new(integration: &Resolved, host: &Host) -> Result<Self, String> {
        let Resolved { name, url, tls, .. } = integration;
        let client = host.http.client(tls)?;
        // Another name is expected of this server only, not of the one that gives out tokens.
        let token_client = match &tls.server_name {
            None => client.clone(),
            Some(_) => {
                host.http.client(&crate::host::tls::TlsOptions { server_name: None, ..tls.clone() })?
            }
        };
        let mut headers = integration.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Ok(Self {
            name: name.clone(),
            who: format!("{name} at {}", api::address(url)),
            base: url.clone(),
            instant: endpoint(url, "query"),
            range: endpoint(url, "query_range"),
            headers,
            auth: Authorizer::new(&integration.auth, &integration.vault, &token_client)?,
            client,
            delay: integration.delay,
            max_body: integration.max_body,
            dialect: integration.dialect,
            insecure: tls.insecure_skip_verify,
            labels: Interner::default(),
            skew_told: AtomicI64::new(0),
        })
    }

    fn peer<'a>(&'a self, host: &'a Host) -> Peer<'a> {
        Peer { who: &self.who, key: "url", redactor: &host.output.redactor }
    }

    /// One query, and what its answer means.
    async fn ask(
        &self,
        form: String,
        times: Times,
        timeout: Duration,
        host: &Host,
    ) -> Result<Meant, SourceError> {
        let body = Bytes::from(form);
        let post = |credential| self.post(times, credential, body.clone());
        let (response, spent) = self.exchange(post, timeout, host).await?;
        self.read(&response, times, spent, host)
    }

    /// One request, authorised anew once if that is what it takes; its answer, and when it was sent and received.
    async fn exchange(
        &self,
        request: impl Fn(Option<HeaderValue>) -> Request + Send + Sync,
        timeout: Duration,
        host: &Host,
    ) -> Result<(Response, (Timestamp, Timestamp)), SourceError> {
        let work = async {
            let mut credential = self.auth.header(host).await?;
            let mut renewed = false;
            loop {
                let sent = host.clock.now();
                let answer = self.client.send(request(credential.clone())).await;
                let response = answer.map_err(|error| self.peer(host).unanswered(error))?;
                let received = host.clock.now();
                if response.status == 401 && !renewed {
                    renewed = true;
                    if let Some(other) = self.auth.renewed(credential.as_ref(), host).await {
                        credential = Some(other?);
                        continue;
                    }
                }
                return Ok((response, (sent, received)));
            }
        };
        host.clock.timeout(timeout, work).await.unwrap_or_else(|| {
            let limit = humantime::format_duration(timeout);
            let hint = "is it overloaded, or the query too heavy? `timeout` sets the limit";
            Err(SourceError::passing(
                format!("{} did not answer within {limit}; {hint}", self.who),
                Duration::ZERO,
            ))
        })
    }

    fn post(&self, times: Times, credential: Option<HeaderValue>, body: Bytes) -> Request {
        let mut headers = self.headers.clone();
        if let Some(credential) = credential {
            headers.insert(AUTHORIZATION, credential);
        }
        let url = match times {
            // An answer of a few series is compressed more slowly than it is sent.
            Times::One => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
                &self.instant
            }
            Times::Many { .. } => &self.range,
        };
        Request { method: Method::POST, url: url.clone(), headers, body, max_body: self.max_body }
    }

    fn read(
        &self,
        response: &Response,
        times: Times,
        (sent, received): (Timestamp, Timestamp),
        host: &Host,
    ) -> Result<Meant, SourceError> {
        let said = parse(&response.body, times, &self.labels);
        let ranged = matches!(times, Times::Many { .. });
        let (columns, mut notes) = meaning(self.peer(host), response, said, ranged, received)?;
        if let Some(skew) = api::skew(&response.headers, sent, received) {
            let skew = self.steady(skew);
            let side = if skew > 0 { "ahead of" } else { "behind" };
            let note = format!("the clock of {} is {} s {side} ours", self.who, skew.abs());
            if skew.abs() > MOST_SKEW {
                let told = format!("{note}: what it answers is of another time; set both clocks");
                return Err(SourceError::lasting(told));
            }
            notes.push(note);
        }
        Ok((columns, notes))
    }

    /// `skew`, or the figure told last if they differ by no more than the header's resolution.
    fn steady(&self, skew: i64) -> i64 {
        let told = self.skew_told.load(Ordering::Relaxed);
        if told != 0 && (told - skew).abs() <= 1 {
            return told;
        }
        self.skew_told.store(skew, Ordering::Relaxed);
        skew
    }
}

impl MetricSource for Source {
    fn kind(&self) -> &'static str {
        NAME
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn delay(&self) -> Option<Duration> {
        match self.delay {
            Delay::Auto => None,
            Delay::After(delay) => Some(delay),
        }
    }

    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn explore(&self) -> Option<&dyn Explore> {
        Some(self)
    }

    fn request(&self, query: &str, at: Timestamp) -> Vec<String> {
        let mut shown = self.instant.clone();
        // Neither can fail for an http URL.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        let mut lines = vec![format!("POST {shown}")];
        for (name, value) in &self.headers {
            let value = if value.is_sensitive() { "***" } else { value.to_str().unwrap_or("***") };
            lines.push(format!("{name}: {value}"));
        }
        lines.extend(self.auth.scheme().map(|scheme| format!("{AUTHORIZATION}: {scheme} ***")));
        lines.push(format!("query={query}"));
        lines.push(format!("time={}", seconds(at.as_millisecond())));
        lines
    }

    fn warnings(&self) -> Vec<String> {
        let told = || format!("`{}` does not verify certificates (`insecure_skip_verify`)", self.name);
        self.insecure.then(told).into_iter().collect()
    }

    fn evaluate<'a>(
        &'a self,
        query: &'a str,
        at: Timestamp,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Answer, SourceError>> {
        Box::pin(async move {
            let form = form(query, &[("time", &seconds(at.as_millisecond()))], timeout);
            let (columns, notes) = self.ask(form, Times::One, timeout, host).await?;
            Ok(Answer { series: columns.into_iter().next().unwrap_or_default(), notes })
        })
    }

    fn samples<'a>(
        &'a self,
        selector: &'a str,
        from: Timestamp,
        to: Timestamp,
        most: usize,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Vec<RawSeries>, SourceError>> {
        Box::pin(self.raw(selector, (from, to), most, timeout, host))
    }

    fn evaluate_range<'a>(
        &'a self,
        query: &'a str,
        start: Timestamp,
        step: Duration,
        count: usize,
        timeout: Duration,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Vec<Answer>, SourceError>> {
        Box::pin(async move {
            let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
            let mut answers = Vec::with_capacity(count);
            while answers.len() < count {
                let points = (count - answers.len()).min(MOST_POINTS);
                let offset = |index: usize| step.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
                let first = later(start, offset(answers.len())).as_millisecond();
                let last = later(start, offset(answers.len() + points - 1)).as_millisecond();
                let span = [
                    ("start", &*seconds(first)),
                    ("end", &seconds(last)),
                    ("step", &seconds(step_ms)),
                    // VictoriaMetrics moves a range to multiples of its step unless its cache is left out.
                    ("nocache", "1"),
                ];
                let times = Times::Many { start: first, step: step_ms, count: points };
                let (columns, notes) = self.ask(form(query, &span, timeout), times, timeout, host).await?;
                let begun = answers.len();
                answers.extend(columns.into_iter().map(|series| Answer { series, notes: Vec::new() }));
                // What was said of all is said once.
                if let Some(answer) = answers.get_mut(begun) {
                    answer.notes = notes;
                }
            }
            Ok(answers)
        })
    }
}

/// The API's `last` under `base`, whose path is a prefix of it.
fn endpoint(base: &Url, last: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/api/v1/{last}", base.path().trim_end_matches('/')));
    url.set_fragment(None);
    url
}

fn form(query: &str, times: &[(&str, &str)], timeout: Duration) -> String {
    let mut form = Serializer::new(String::with_capacity(query.len() * 2 + 128));
    form.append_pair("query", query).extend_pairs(times);
    // The server is to stop when nobody waits any more.
    let millis = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX).max(1);
    form.append_pair("timeout", &seconds(millis));
    // Thanos: an error rather than a part of the answer.
    form.append_pair("partial_response", "false");
    form.finish()
}

/// Milliseconds as the API takes them: seconds, and no more digits than there are.
fn seconds(millis: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any year we know are exact")]
    let seconds = millis as f64 / 1e3;
    format!("{seconds}")
}
