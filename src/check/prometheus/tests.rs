//! Recorded and made-up answers, and the requests that get them. The recorded ones are in `tests/wire/`, made by
//! `tests/wire/record.sh` with Prometheus 2.42 and 3.5.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::check::fake::{Step, answer, json, noon, patient_world, world};
use crate::host::http::HttpError;
use crate::host::tls::TlsOptions;
use crate::host::vault::Vault;
use crate::policy::integration::{Auth, Credential};

mod exploring;

const TIMEOUT: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_secs(15);

macro_rules! wire {
    ($name:literal) => {
        [
            include_str!(concat!("../../../tests/wire/prometheus-2.42-", $name, ".txt")),
            include_str!(concat!("../../../tests/wire/prometheus-3.5-", $name, ".txt")),
        ]
    };
}

fn integration(host: &Host, url: &str, auth: Auth) -> Resolved {
    Resolved {
        name: "prometheus".to_owned(),
        system: "prometheus".to_owned(),
        place: None,
        url: Url::parse(url).unwrap(),
        auth,
        headers: HeaderMap::new(),
        tls: TlsOptions::default(),
        delay: Delay::After(Duration::ZERO),
        dialect: Dialect::default(),
        max_body: 64 * 1024 * 1024,
        vault: Vault::new(host.clone(), None),
    }
}

fn connect(host: &Host, auth: Auth) -> Arc<dyn MetricSource> {
    connect_to(host, &integration(host, "http://prom:9090/", auth))
}

fn connect_to(host: &Host, integration: &Resolved) -> Arc<dyn MetricSource> {
    Prometheus.connect(integration, host).unwrap().unwrap()
}

async fn evaluate(step: Step) -> Result<Answer, SourceError> {
    let (host, _) = world(vec![step]);
    connect(&host, Auth::None).evaluate("up", noon(), TIMEOUT, &host).await
}

fn success(data: &str) -> String {
    format!(r#"{{"status":"success","data":{data}}}"#)
}

/// The series as `labels value` lines.
fn shown(answer: &Answer) -> Vec<String> {
    let label = |(name, value): &(Box<str>, Box<str>)| format!("{name}={value}");
    let series = answer.series.iter();
    series
        .map(|s| format!("{} {}", s.labels.iter().map(label).collect::<Vec<_>>().join(","), s.value))
        .collect()
}

#[tokio::test]
async fn results_of_both_versions_are_read() {
    for (bodies, expected) in [
        (
            wire!("vector"),
            vec!["__name__=up,instance=a:80,job=shop 1", "__name__=up,instance=b:80,job=shop 0"],
        ),
        (wire!("escaped"), vec!["__name__=shop_requests_total,path=/a \"b\"\\c 140"]),
        (wire!("empty"), vec![]),
        (wire!("scalar"), vec![" 1"]),
        (wire!("special"), vec!["instance=a:80,job=shop NaN", "is=up inf", "is=down -inf"]),
    ] {
        for body in bodies {
            assert_eq!(shown(&evaluate(json(200, body)).await.unwrap()), expected);
        }
    }
    let noted = evaluate(json(200, wire!("info")[1])).await.unwrap();
    assert_eq!(noted.series.len(), 2);
    assert!(noted.notes[0].starts_with("PromQL info: metric might not be a counter"), "{:?}", noted.notes);
}

#[tokio::test]
async fn a_range_is_put_on_its_ticks() {
    let start: Timestamp = "2026-01-01T00:04:30Z".parse().unwrap();
    for (bodies, expected) in [
        (wire!("range"), ["2", "2", "2", "2"]),
        (wire!("range-gap"), ["1", "1", "0", "0"]),
        (wire!("range-scalar"), ["1", "1", "1", "1"]),
    ] {
        for body in bodies {
            let (host, script) = world(vec![json(200, body)]);
            let source = connect(&host, Auth::None);
            let answers = source.evaluate_range("up", start, STEP, 4, TIMEOUT, &host).await.unwrap();
            let counts: Vec<String> = answers.iter().map(|a| a.series.len().to_string()).collect();
            assert_eq!(counts, expected);
            let form: BTreeMap<String, String> = script.form(0).into_iter().collect();
            assert_eq!(form["start"], "1767225870");
            assert_eq!(form["end"], "1767225915");
            assert_eq!(form["step"], "15");
        }
    }
}

#[tokio::test]
async fn refusals_are_told_in_the_servers_words() {
    for (bodies, status, expected) in [
        (
            wire!("bad-data"),
            400,
            "prometheus at prom:9090 answered 400 bad_data: invalid parameter \"query\": 1:7",
        ),
        (wire!("execution"), 422, "answered 422 execution: found duplicate series for the match group"),
        (wire!("too-many"), 422, "answered 422 execution: query processing would load too many samples"),
        (wire!("range-points"), 400, "answered 400 bad_data: exceeded maximum resolution of 11,000 points"),
        (wire!("string"), 200, "the query gives a string, expected numbers"),
        (wire!("matrix"), 200, "the query gives the samples of a range, expected one value a series"),
    ] {
        for body in bodies {
            let error = evaluate(json(status, body)).await.unwrap_err();
            assert!(error.reason.contains(expected), "{}", error.reason);
            assert_eq!(error.retry, None, "{}", error.reason);
        }
    }
    let plain = [("content-type", "text/plain; charset=utf-8")];
    let error = evaluate(answer(404, &plain, wire!("not-found")[0])).await.unwrap_err();
    assert_eq!(
        error.reason,
        "prometheus at prom:9090 answered 404 text/plain `404 page not found`; the integration's `url` may lack a \
         path prefix"
    );
}

#[tokio::test]
async fn what_is_no_result_is_an_error_that_names_it() {
    let html = answer(200, &[("content-type", "text/html")], "<html>\n<title>Log in</title>");
    let none: Option<Duration> = None;
    let now = Some(Duration::ZERO);
    let vector =
        |result: &str| json(200, success(&format!(r#"{{"resultType":"vector","result":{result}}}"#)));
    let histogram = r#"[{"metric":{},"histogram":[1,{"count":"1","sum":"2","buckets":[[0,"1","2","1"]]}]}]"#;
    for (step, expected, retry) in [
        (html, "answered 200 text/html `<html> <title>Log in</title>`, expected JSON", none),
        (answer(200, &[], ""), "answered 200 without a content type with an empty body", none),
        (json(200, &b"\xff\xfe{"[..]), "expected JSON", none),
        (json(200, &wire!("vector")[0][..90]), "JSON that is cut off after 90 bytes", now),
        (
            json(200, "[]"),
            "which is no result: invalid type: sequence, expected an object with `status`",
            none,
        ),
        (json(200, "{}"), "answered 200 application/json `{}`", none),
        (json(200, r#"{"status":"success"}"#), "answered without data", none),
        (json(200, r#"{"status":"success","data":null}"#), "answered without data", none),
        (
            json(200, r#"{"status":"error","errorType":"internal","error":"oops"}"#),
            "answered 200 internal: oops",
            none,
        ),
        (vector(r#"[{"metric":{},"value":[1,"abc"]}]"#), "expected a number in quotes", none),
        (vector(r#"[{"metric":{},"value":[1,5]}]"#), "expected a number in quotes", none),
        (vector(r#"[{"metric":{},"value":["1","5"]}]"#), "which is no result", none),
        (vector(r#"[{"metric":{"a":1},"value":[1,"5"]}]"#), "which is no result", none),
        (vector(r#"[{"metric":{}}]"#), "found `vector` with others", none),
        (vector(r#"{"a":1}"#), "expected a list of series", none),
        (vector(histogram), "the query gives native histograms", none),
        (json(200, success(r#"{"result":[]}"#)), "found `no type` with others", none),
        (json(200, success(r#"{"resultType":"table","result":[]}"#)), "found `table`", none),
    ] {
        let error = evaluate(step).await.unwrap_err();
        assert!(error.reason.contains(expected), "expected {expected}, found {}", error.reason);
        assert_eq!(error.retry, retry, "{}", error.reason);
    }
    let null = evaluate(vector("null")).await.unwrap();
    assert!(null.series.is_empty(), "a Go server's empty list");
}

#[tokio::test]
async fn a_partial_answer_is_no_answer() {
    let with = |beside: &str| {
        format!(r#"{{"status":"success",{beside},"data":{{"resultType":"vector","result":[]}}}}"#)
    };
    for beside in [
        r#""isPartial":true"#,
        r#""warnings":["results truncated due to limit"]"#,
        r#""warnings":["fine","No StoreAPIs matched for this query"]"#,
        r#""warnings":["receive series from Addr: 10.0.0.1:10901: rpc error: code = Unavailable"]"#,
        r#""warnings":["Query result may contain partial data."]"#,
    ] {
        let error = evaluate(json(200, with(beside))).await.unwrap_err();
        assert!(error.reason.contains("gave a partial answer"), "{}", error.reason);
        assert!(error.retry.is_some());
    }
    let kept =
        evaluate(json(200, with(r#""isPartial":false,"warnings":["PromQL warning: remote_read"]"#))).await;
    assert_eq!(kept.unwrap().notes, ["PromQL warning: remote_read"]);
}

#[tokio::test]
async fn failures_say_what_to_do_and_whether_to_ask_again() {
    let fail = |error: HttpError| Step::Fail(error);
    let second = Some(Duration::from_secs(1));
    let now = Some(Duration::ZERO);
    let refused = HttpError::Connect("Connection refused (os error 111)".to_owned());
    let unknown = HttpError::Connect("invalid peer certificate: UnknownIssuer".to_owned());
    for (step, expected, retry) in [
        (
            fail(refused),
            "prometheus at prom:9090 cannot be reached: Connection refused (os error 111); is it up?",
            now,
        ),
        (fail(unknown), "check the integration's `tls`", None),
        (fail(HttpError::Broken("connection reset".to_owned())), "broke off: connection reset", now),
        (fail(HttpError::TooLarge(64 * 1024 * 1024)), "answered more than 64 MiB", None),
        (Step::Hang, "did not answer within 10s", now),
        (
            answer(401, &[], ""),
            "answered 401 without a content type with an empty body; check the integration's `auth`",
            None,
        ),
        (json(403, r#"{"message":"no"}"#), "answered 403 no; this is not permitted", None),
        (answer(302, &[], ""), "redirects are not followed", None),
        (answer(429, &[("retry-after", "1")], "slow down"), "answered 429", second),
        (
            json(503, r#"{"status":"error","errorType":"timeout","error":"t"}"#),
            "answered 503 timeout: t",
            now,
        ),
        (answer(502, &[("content-type", "text/html")], "<h1>"), "answered 502 text/html `<h1>`", now),
        (answer(500, &[], "oops"), "answered 500", now),
        (
            json(500, r#"{"status":"error","errorType":"internal","error":"t"}"#),
            "answered 500 internal: t",
            None,
        ),
    ] {
        let error = evaluate(step).await.unwrap_err();
        assert!(error.reason.contains(expected), "expected {expected}, found {}", error.reason);
        assert_eq!(error.retry, retry, "{}", error.reason);
    }
}

#[tokio::test]
async fn the_servers_words_are_cut_and_masked() {
    let (host, _) = world(vec![]);
    let secret = host.output.redactor.secret("0123456789abcdef").unwrap();
    let long = format!("{} {}\\n{}", "x".repeat(290), secret.expose(), "y".repeat(90_000));
    let body = format!(r#"{{"status":"error","errorType":"bad_data","error":"{long}"}}"#);
    let source = connect(&host, Auth::None);
    let (played, _) = world(vec![json(400, body)]);
    let host = Host { http: played.http, ..host };
    drop(source);
    let error = connect(&host, Auth::None).evaluate("up", noon(), TIMEOUT, &host).await.unwrap_err();
    assert!(error.reason.chars().count() < 360, "{}", error.reason);
    assert!(!error.reason.contains("0123"), "{}", error.reason);
}

#[tokio::test]
async fn a_request_keeps_the_prefix_and_the_headers() {
    let (host, script) = world(vec![json(200, wire!("empty")[0])]);
    let mut integration = integration(&host, "https://user:pass@h/prom/", Auth::None);
    integration.headers.insert("x-scope-orgid", "team-a".parse().unwrap());
    let source = connect_to(&host, &integration);
    let at: Timestamp = "2026-01-01T00:00:00.25Z".parse().unwrap();
    source.evaluate("up{a=\"b&c\"}", at, TIMEOUT, &host).await.unwrap();
    assert_eq!(script.requests.lock().unwrap()[0].url.path(), "/prom/api/v1/query");
    assert_eq!(script.header(0, "x-scope-orgid").unwrap(), "team-a");
    assert_eq!(script.header(0, "content-type").unwrap(), "application/x-www-form-urlencoded");
    let expected = [
        ("query", "up{a=\"b&c\"}"),
        ("time", "1767225600.25"),
        ("timeout", "10"),
        ("partial_response", "false"),
    ];
    let form = script.form(0);
    let form: Vec<(&str, &str)> = form.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(form, expected);
    let lines = source.request("up", at);
    assert_eq!(lines[0], "POST https://h/prom/api/v1/query");
    assert!(lines.contains(&"x-scope-orgid: team-a".to_owned()), "{lines:?}");
    assert!(lines.contains(&"time=1767225600.25".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn a_long_range_is_asked_in_parts() {
    let empty = || json(200, success(r#"{"resultType":"matrix","result":[]}"#));
    let (host, script) = world(vec![empty(), empty(), empty()]);
    let source = connect(&host, Auth::None);
    let answers = source.evaluate_range("up", noon(), STEP, 20_001, TIMEOUT, &host).await.unwrap();
    assert_eq!((answers.len(), script.count()), (20_001, 3));
    let number = |index: usize, key: &str| -> i64 {
        script.form(index).iter().find(|(k, _)| k == key).unwrap().1.parse().unwrap()
    };
    assert_eq!(number(0, "end") - number(0, "start"), 15 * 9_999);
    assert_eq!(number(1, "start") - number(0, "end"), 15);
    assert_eq!(number(2, "start"), number(2, "end"));
}

#[tokio::test]
async fn times_that_were_not_asked_are_an_error() {
    let moved = r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1767225877,"1"]]}]}"#;
    let (host, _) = world(vec![json(200, success(moved))]);
    let start: Timestamp = "2026-01-01T00:04:30Z".parse().unwrap();
    let source = connect(&host, Auth::None);
    let error = source.evaluate_range("up", start, STEP, 4, TIMEOUT, &host).await.unwrap_err();
    assert!(error.reason.contains("for other times than were asked"), "{}", error.reason);
}

#[tokio::test]
async fn a_skewed_clock_is_told_once_and_refused_beyond_a_minute() {
    let dated =
        |date| answer(200, &[("content-type", "application/json"), ("date", date)], wire!("empty")[0]);
    let (host, _) = world(vec![
        dated("Thu, 01 Jan 2026 12:00:02 GMT"),
        dated("Thu, 01 Jan 2026 12:00:05 GMT"),
        dated("Thu, 01 Jan 2026 12:00:04 GMT"),
        dated("Thu, 01 Jan 2026 11:58:45 GMT"),
    ]);
    let source = connect(&host, Auth::None);
    let ask = || source.evaluate("up", noon(), TIMEOUT, &host);
    assert!(ask().await.unwrap().notes.is_empty());
    let note = "the clock of prometheus at prom:9090 is 5 s ahead of ours";
    assert_eq!(ask().await.unwrap().notes, [note]);
    assert_eq!(ask().await.unwrap().notes, [note], "a figure on the edge does not change");
    let error = ask().await.unwrap_err();
    assert!(error.reason.contains("is 75 s behind ours"), "{}", error.reason);
}

#[tokio::test]
async fn basic_and_bearer_are_sent_and_never_shown() {
    let (host, script) = world(vec![json(200, wire!("empty")[0]), json(200, wire!("empty")[0])]);
    let password = Credential::Fixed(host.output.redactor.secret("hunter2hunter2").unwrap());
    let basic = connect(&host, Auth::Basic("me".to_owned(), password));
    basic.evaluate("up", noon(), TIMEOUT, &host).await.unwrap();
    let header = script.header(0, "authorization").unwrap();
    assert_eq!(header, "Basic bWU6aHVudGVyMmh1bnRlcjI=");
    assert!(header.is_sensitive());
    assert!(basic.request("up", noon()).contains(&"authorization: Basic ***".to_owned()));

    let file = tempfile::NamedTempFile::new().unwrap();
    host.files.replace(file.path(), b"first-token\n").unwrap();
    let bearer = connect(&host, Auth::Bearer(Credential::File(file.path().to_owned())));
    host.files.replace(file.path(), b"second-token\n").unwrap();
    bearer.evaluate("up", noon(), TIMEOUT, &host).await.unwrap();
    assert_eq!(script.header(1, "authorization").unwrap(), "Bearer second-token");
}

fn oauth(host: &Host) -> Auth {
    Auth::OAuth2 {
        token_url: Url::parse("https://login.example/token").unwrap(),
        client_id: "gate".to_owned(),
        client_secret: Credential::Fixed(host.output.redactor.secret("s3cret/s3cret").unwrap()),
        scopes: vec!["read".to_owned(), "metrics".to_owned()],
    }
}

fn token(token: &str, expires_in: u32) -> Step {
    json(200, format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{expires_in}}}"#))
}

#[tokio::test]
async fn a_token_is_fetched_once_renewed_before_its_end_and_after_a_401() {
    let empty = || json(200, wire!("empty")[0]);
    let (host, script) = world(vec![
        token("token-one", 300),
        empty(),
        empty(),
        token("token-two", 300),
        empty(),
        answer(401, &[], ""),
        token("token-three", 300),
        empty(),
    ]);
    let source = connect(&host, oauth(&host));
    let ask = || source.evaluate("up", noon(), TIMEOUT, &host);
    ask().await.unwrap();
    ask().await.unwrap();
    // RFC 6749, 2.3.1: `gate:s3cret%2Fs3cret`.
    assert_eq!(script.header(0, "authorization").unwrap(), "Basic Z2F0ZTpzM2NyZXQlMkZzM2NyZXQ=");
    let grant = [("grant_type", "client_credentials"), ("scope", "read metrics")];
    assert_eq!(script.form(0), grant.map(|(k, v)| (k.to_owned(), v.to_owned())));
    assert_eq!(script.header(2, "authorization").unwrap(), "Bearer token-one");
    host.clock.sleep(Duration::from_secs(271)).await;
    ask().await.unwrap();
    assert_eq!(script.header(4, "authorization").unwrap(), "Bearer token-two");
    ask().await.unwrap();
    assert_eq!(script.header(7, "authorization").unwrap(), "Bearer token-three");
    assert_eq!(script.count(), 8);
    assert_eq!(host.output.redactor.redact("token-three"), "***");
}

#[tokio::test]
async fn those_who_need_a_token_at_once_share_it() {
    let (host, script) = patient_world(vec![
        token("token-one", 300),
        answer(401, &[], ""),
        answer(401, &[], ""),
        token("token-two", 300),
        json(200, wire!("empty")[0]),
        json(200, wire!("empty")[0]),
    ]);
    let source = connect(&host, oauth(&host));
    let ask = || source.evaluate("up", noon(), TIMEOUT, &host);
    let (one, two) = tokio::join!(ask(), ask());
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    assert_eq!(script.count(), 6);
}

#[tokio::test]
async fn a_token_that_cannot_be_had_is_told() {
    let denied = json(401, r#"{"error":"invalid_client","error_description":"who?"}"#);
    for (step, expected) in [
        (denied, "the token endpoint at login.example:443 answered 401 invalid_client who?"),
        (token("short", 300), "cannot be used: expected a secret of at least 8 characters"),
        (json(200, r#"{"token":"somewhere-else"}"#), "gave no `access_token`"),
        (json(200, r#"{"access_token":"token-one","token_type":"mac"}"#), "found type `mac`"),
        (
            Step::Fail(HttpError::Connect("refused".to_owned())),
            "the token endpoint at login.example:443 cannot",
        ),
    ] {
        let (host, _) = world(vec![step]);
        let error = connect(&host, oauth(&host)).evaluate("up", noon(), TIMEOUT, &host).await.unwrap_err();
        assert!(error.reason.contains(expected), "expected {expected}, found {}", error.reason);
        assert!(!error.reason.contains("somewhere-else"), "{}", error.reason);
    }
}

#[test]
fn other_systems_are_left_alone_and_skipped_verification_is_told() {
    let (host, script) = world(vec![]);
    let mut integration = integration(&host, "https://h/", Auth::None);
    integration.tls.insecure_skip_verify = true;
    integration.tls.server_name = Some("other".to_owned());
    let source = connect_to(&host, &integration);
    assert_eq!(source.warnings(), ["`prometheus` does not verify certificates (`insecure_skip_verify`)"]);
    assert_eq!(script.asked_for.lock().unwrap()[1].server_name, None);
    integration.system = "jira".to_owned();
    assert!(Prometheus.connect(&integration, &host).is_none());
}

#[tokio::test]
async fn a_real_server_gets_a_form_by_post() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"partial_response=false") {
            let mut chunk = [0; 4096];
            let read = stream.read(&mut chunk).await.unwrap();
            assert_ne!(read, 0, "the form never came");
            seen.extend_from_slice(&chunk[..read]);
        }
        let body = wire!("vector")[1];
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
        let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(text.as_bytes()).await.unwrap();
        String::from_utf8(seen).unwrap()
    };
    let host = Host::system();
    let source = connect_to(&host, &integration(&host, &format!("http://{address}/prom"), Auth::None));
    let (seen, answer) = tokio::join!(server, source.evaluate("up == 1", noon(), TIMEOUT, &host));
    assert_eq!(answer.unwrap().series.len(), 2);
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("post /prom/api/v1/query http/1.1\r\n"), "{head}");
    for header in [
        "content-type: application/x-www-form-urlencoded",
        "user-agent: rollgate/",
        "accept-encoding: identity",
    ] {
        assert!(head.contains(header), "{head}");
    }
    assert_eq!(body, "query=up+%3D%3D+1&time=1767268800&timeout=10&partial_response=false");
}

/// Whatever `body` is, it is an answer or a reason on one line.
fn robust(body: &[u8], ranged: bool) {
    let times =
        if ranged { Times::Many { start: 1_767_225_870_000, step: 15_000, count: 4 } } else { Times::One };
    let response = Response { status: 200, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body) };
    let redactor = crate::host::secret::Redactor::default();
    let peer = Peer { who: "it", key: "url", redactor: &redactor };
    let said = parse(body, times, &Interner::default());
    match meaning(peer, &response, said, ranged, noon()) {
        Ok((columns, _)) => assert_eq!(columns.len(), if ranged { 4 } else { 1 }),
        Err(error) => assert!(!error.reason.contains(char::is_control), "{:?}", error.reason),
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_a_reason(body: Vec<u8>, ranged: bool) {
        robust(&body, ranged);
    }

    #[test]
    fn a_damaged_answer_is_an_answer_or_a_reason(
        which in 0..4_usize, at: prop::sample::Index, with: Vec<u8>, drop in 0..9_usize, ranged: bool,
    ) {
        let whole = [wire!("vector")[0], wire!("range")[0], wire!("scalar")[1], wire!("info")[1]][which];
        let at = at.index(whole.len());
        let rest = &whole.as_bytes()[(at + drop).min(whole.len())..];
        robust(&[&whole.as_bytes()[..at], &with, rest].concat(), ranged);
    }

    #[test]
    fn json_of_any_shape_is_an_answer_or_a_reason(
        kind in "scalar|vector|matrix|string|x", result in json_value(), ranged: bool,
    ) {
        robust(success(&format!(r#"{{"result":{result},"resultType":"{kind}"}}"#)).as_bytes(), ranged);
    }
}

/// JSON made of the words of the API.
fn json_value() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "null",
        "1",
        "-1",
        "1e300",
        "1767225885",
        "\"1\"",
        "\"NaN\"",
        "\"x\"",
        "true",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 64, 5, |inner| {
        let key = prop::sample::select(vec!["metric", "value", "values", "histogram", "other"]);
        let object = prop::collection::vec((key, inner.clone()), 0..4).prop_map(|pairs| {
            let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", pairs.join(","))
        });
        let list = prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(",")));
        prop_oneof![object, list]
    })
}
