//! APIs of the world: the client's requests are answered by rules, Prometheus' result documents included.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use rollgate::host::clock::{Clock, unix_seconds};
use rollgate::host::http::{Http, HttpClients, HttpError, Request, Response};
use rollgate::host::tls::TlsOptions;
use serde_json::{Value, json};

use super::{Counter, Received, Rule, World, span};

pub struct VirtualHttp(pub Arc<World>);

impl HttpClients for VirtualHttp {
    fn client(&self, _: &TlsOptions) -> Result<Arc<dyn Http>, String> {
        Ok(Arc::new(Client(self.0.clone())))
    }
}

struct Client(Arc<World>);

impl Http for Client {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        Box::pin(async move {
            let world = &self.0;
            let port = request.url.port_or_known_default().unwrap_or(0);
            let target = format!("{}:{port}", request.url.host_str().unwrap_or_default());
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let form: Vec<(String, String)> =
                url::form_urlencoded::parse(&request.body).into_owned().collect();
            let plain: Vec<String> = form.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let is_form =
                request.headers.get("content-type").is_some_and(|t| t.as_bytes().ends_with(b"urlencoded"));
            let shown = if is_form { plain.join("  ") } else { body };
            let path = request.url[url::Position::BeforePath..].to_owned();
            let text = format!("{path} {shown}");
            let headers = request
                .headers
                .iter()
                .map(|(k, v)| (k.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
                .collect();
            world.received.lock().unwrap().push(Received {
                at: world.clock.now(),
                method: request.method.to_string(),
                target: target.clone(),
                path: path.clone(),
                headers,
                body: shown,
            });
            let asked = asked_at(&form).unwrap_or_else(|| world.clock.now());
            if form.iter().any(|(key, _)| key == "limit")
                && world
                    .peek(&target, &text, asked)
                    .is_some_and(|rule| rule.fault.is_none() && rule.counters.is_none())
            {
                return Ok(json_response(&scrapes(world, &form, asked)));
            }
            let Some(rule) = world.rule(&target, &text, asked) else {
                return Err(HttpError::Connect(format!("the world has no rule for {target}{path}")));
            };
            match rule.fault.as_deref() {
                Some("refused") => return Err(HttpError::Connect("connection refused".to_owned())),
                Some("no_name") => return Err(HttpError::Connect("name or service not known".to_owned())),
                Some("hang") => return std::future::pending().await,
                Some("reset") => {
                    world.wait(&rule).await;
                    return Err(HttpError::Broken("connection reset by peer".to_owned()));
                }
                Some(other) => panic!("unknown fault `{other}`"),
                None => {}
            }
            world.wait(&rule).await;
            let body = match (&rule.series, &rule.counters) {
                (Some(_), _) => result(world, &target, &text, &path, &form).to_string(),
                (None, Some(counters)) => samples(world, counters, &form).to_string(),
                (None, None) => content(&rule),
            };
            if body.len() > request.max_body {
                return Err(HttpError::TooLarge(request.max_body));
            }
            let mut headers = HeaderMap::new();
            for (name, value) in &rule.headers {
                headers.insert(
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                );
            }
            if rule.series.is_some() || rule.counters.is_some() {
                headers.insert("content-type", HeaderValue::from_static("application/json"));
            }
            Ok(Response { status: rule.status.unwrap_or(200), headers, body: Bytes::from(body) })
        })
    }
}

fn json_response(body: &Value) -> Response {
    let headers =
        HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    Response { status: 200, headers, body: Bytes::from(body.to_string()) }
}

/// Prometheus' answer to who asks for single samples: one series, as often as everything is scraped.
fn scrapes(world: &World, form: &[(String, String)], asked: Timestamp) -> Value {
    let query = &form.iter().find(|(key, _)| key == "query").unwrap().1;
    let range = query.rsplit_once('[').unwrap().1.trim_end_matches(']');
    let from = asked.checked_sub(span(range)).unwrap().as_millisecond();
    let result = world.scrape.map(|every| {
        let every = i64::try_from(every.as_millis()).unwrap();
        let first = from - from.rem_euclid(every) + every;
        let last = asked.checked_sub(world.late).unwrap().as_millisecond();
        let times = (0..).map(|k| first + k * every).take_while(|at| *at <= last);
        let values: Vec<Value> = times.map(|at| json!([at as f64 / 1e3, "1"])).collect();
        json!({"metric": {}, "values": values})
    });
    let result: Vec<Value> = result.into_iter().collect();
    json!({"status": "success", "data": {"resultType": "matrix", "result": result}})
}

/// The body that `rule` writes out.
pub fn content(rule: &Rule) -> String {
    rule.body_bytes.map_or_else(|| rule.body.clone().unwrap_or_default(), |count| "x".repeat(count))
}

/// The time that a query asks about: rules about series hold then, whenever it is asked.
fn asked_at(form: &[(String, String)]) -> Option<Timestamp> {
    parameter(form, "time").or_else(|| parameter(form, "start"))
}

fn parameter(form: &[(String, String)], name: &str) -> Option<Timestamp> {
    let (_, text) = form.iter().find(|(key, _)| key == name)?;
    let seconds: f64 = text.parse().ok()?;
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
}

/// Prometheus' answer to a range selector at one time: the samples of `counters`; nothing to any other query.
fn samples(world: &World, counters: &[Counter], form: &[(String, String)]) -> Value {
    let query = form.iter().find(|(key, _)| key == "query").map_or("", |(_, query)| query);
    let range = query.strip_suffix(']').and_then(|query| query.rsplit_once('['));
    let Some((_, range)) = range.filter(|(selector, _)| !selector.contains('(')) else {
        return json!({"status": "success", "data": {"resultType": "vector", "result": []}});
    };
    let begin = world.start.as_second();
    let to = parameter(form, "time").unwrap().as_second() - begin;
    let from = to - i64::try_from(span(range).as_secs()).unwrap();
    let shown = |(at, value): (i64, f64)| json!([begin + at, value.to_string()]);
    let one = |counter: &Counter| {
        let values: Vec<Value> = counter.samples(from, to).into_iter().map(shown).collect();
        (!values.is_empty()).then(|| json!({"metric": counter.labels, "values": values}))
    };
    let result: Vec<Value> = counters.iter().filter_map(one).collect();
    json!({"status": "success", "data": {"resultType": "matrix", "result": result}})
}

/// Prometheus' answer: each point by the rule that holds at its time.
fn result(world: &World, target: &str, text: &str, path: &str, form: &[(String, String)]) -> Value {
    let at = |moment: Timestamp| world.peek(target, text, moment).filter(|rule| rule.series.is_some());
    let seconds = |moment: Timestamp| json!(unix_seconds(moment));
    let mut warnings = Vec::new();
    let mut infos = Vec::new();
    let data = if path.contains("/query_range") {
        let (mut moment, end) = (parameter(form, "start").unwrap(), parameter(form, "end").unwrap());
        let step = parameter(form, "step").unwrap().as_millisecond();
        let mut matrix: Vec<(Value, Vec<Value>)> = Vec::new();
        while moment <= end {
            for point in at(moment).into_iter().flat_map(|rule| rule.series.unwrap_or_default()) {
                let labels = json!(point.labels);
                let value = json!([seconds(moment), point.value]);
                match matrix.iter_mut().find(|(known, _)| *known == labels) {
                    Some((_, values)) => values.push(value),
                    None => matrix.push((labels, vec![value])),
                }
            }
            moment = Timestamp::from_millisecond(moment.as_millisecond() + step).unwrap();
        }
        let series = matrix.into_iter().map(|(metric, values)| json!({"metric": metric, "values": values}));
        json!({"resultType": "matrix", "result": series.collect::<Vec<_>>()})
    } else {
        let moment = asked_at(form).unwrap_or_else(|| world.clock.now());
        let rule = at(moment);
        if let Some(rule) = &rule {
            warnings.clone_from(&rule.warnings);
            infos.clone_from(&rule.infos);
        }
        let points = rule.into_iter().flat_map(|rule| rule.series.unwrap_or_default());
        let series = points.map(|p| json!({"metric": p.labels, "value": [seconds(moment), p.value]}));
        json!({"resultType": "vector", "result": series.collect::<Vec<_>>()})
    };
    let mut answer = json!({"status": "success", "data": data});
    for (key, notes) in [("warnings", warnings), ("infos", infos)] {
        if !notes.is_empty() {
            answer[key] = json!(notes);
        }
    }
    answer
}
