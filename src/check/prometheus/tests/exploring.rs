//! What the API tells beside values: the requests for it, and answers of each sort.

use super::*;
use crate::check::explore::{Cost, Exploring, MetricType};

fn when(host: &Host) -> Exploring<'_> {
    let from = noon().checked_sub(Duration::from_secs(3600)).unwrap();
    Exploring { from, to: noon(), timeout: TIMEOUT, host }
}

fn url(script: &crate::check::fake::Script, index: usize) -> String {
    script.requests.lock().unwrap()[index].url.to_string()
}

#[tokio::test]
async fn names_labels_and_values_are_asked_for_an_hour() {
    let body = r#"{"status":"success","data":["a","b"]}"#;
    let (host, script) = world(vec![json(200, body), json(200, body), json(200, body), json(200, body)]);
    let source = connect_to(&host, &integration(&host, "http://prom:9090/base/?tenant=x", Auth::None));
    let explore = source.explore().unwrap();
    let when = when(&host);
    assert_eq!(explore.values("__name__", None, when).await.unwrap(), ["a", "b"]);
    assert_eq!(explore.values("le", Some("x{a=\"b\"}"), when).await.unwrap(), ["a", "b"]);
    assert_eq!(explore.labels("x", when).await.unwrap(), ["a", "b"]);
    let hour = "start=1767265200&end=1767268800&limit=50000";
    let base = "http://prom:9090/base/api/v1";
    assert_eq!(url(&script, 0), format!("{base}/label/__name__/values?tenant=x&{hour}"));
    let matched = "&match%5B%5D=x%7Ba%3D%22b%22%7D";
    assert_eq!(url(&script, 1), format!("{base}/label/le/values?tenant=x&{hour}{matched}"));
    assert_eq!(url(&script, 2), format!("{base}/labels?tenant=x&{hour}&match%5B%5D=x"));
    // A label's name cannot leave its place.
    explore.values("a/../b", None, when).await.unwrap();
    assert!(url(&script, 3).starts_with(&format!("{base}/label/a%2F..%2Fb/values?")));
    let requests = script.requests.lock().unwrap();
    assert!(requests.iter().all(|request| request.method == Method::GET && request.body.is_empty()));
}

#[tokio::test]
async fn a_type_is_what_all_say() {
    for (said, expected) in [
        (r#"{"x":[{"type":"gauge","help":"","unit":""}]}"#, Some(MetricType::Gauge)),
        (r#"{"x":[{"type":"counter"},{"type":"counter"}]}"#, Some(MetricType::Counter)),
        (r#"{"x":[{"type":"counter"},{"type":"gauge"}]}"#, None),
        (r#"{"x":[{"type":"unknown"}]}"#, None),
        (r#"{"y":[{"type":"gauge"}]}"#, None),
        ("{}", None),
        ("null", None),
    ] {
        let (host, _) = world(vec![json(200, success(said))]);
        let source = connect(&host, Auth::None);
        let told = source.explore().unwrap().metric_type("x", when(&host)).await;
        assert_eq!(told.unwrap(), expected, "{said}");
    }
}

#[tokio::test]
async fn a_query_has_its_price() {
    let result = r#""resultType":"vector","result":[{"metric":{},"value":[0,"3"]}]"#;
    for (stats, expected) in [
        (
            r#","stats":{"timings":{"execTotalTime":1.5},"samples":{"totalQueryableSamples":42,"peakSamples":3}}"#,
            Cost { samples: Some(42), took: Duration::from_millis(1500) },
        ),
        (r#","stats":{"seriesFetched":"2"}"#, Cost::default()),
        (r#","stats":null"#, Cost::default()),
        ("", Cost::default()),
    ] {
        let (host, script) = world(vec![json(200, success(&format!("{{{result}{stats}}}")))]);
        let source = connect(&host, Auth::None);
        let (answer, cost) = source.explore().unwrap().price("x", when(&host)).await.unwrap();
        assert_eq!((answer.series[0].value, cost), (3.0, expected), "{stats}");
        let form: BTreeMap<String, String> = script.form(0).into_iter().collect();
        assert_eq!((&*form["stats"], &*form["time"]), ("all", "1767268800"));
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_reason() {
    for (step, says) in [
        (json(404, "404 page not found"), "may lack a path prefix"),
        (json(400, r#"{"status":"error","error":"invalid label"}"#), "answered 400 invalid label"),
        (json(200, "<html>"), "answered 200 application/json `<html>`"),
        (json(200, r#"{"data":[]}"#), "answered 200"),
        (json(200, r#"{"status":"success","data":{"a":1}}"#), "answered 200"),
        (Step::Fail(HttpError::Connect("connection refused".to_owned())), "is it up?"),
        (Step::Fail(HttpError::TooLarge(64 * 1024 * 1024)), "more than 64 MiB"),
        (Step::Hang, "did not answer within 10s"),
    ] {
        let (host, _) = world(vec![step]);
        let source = connect(&host, Auth::None);
        let error = source.explore().unwrap().values("__name__", None, when(&host)).await.unwrap_err();
        assert!(error.reason.contains(says), "{}", error.reason);
    }
}

#[tokio::test]
async fn it_is_asked_with_the_credential_of_queries() {
    let (host, script) = world(vec![json(200, success("[]"))]);
    let secret = Vault::new(host.clone(), None).secret("0123456789").unwrap();
    let source = connect(&host, Auth::Bearer(Credential::Fixed(secret)));
    source.explore().unwrap().values("__name__", None, when(&host)).await.unwrap();
    let credential = script.header(0, "authorization").unwrap();
    assert_eq!((credential.to_str().unwrap(), credential.is_sensitive()), ("Bearer 0123456789", true));
}
