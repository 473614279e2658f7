//! Plain requests, redirects and proxies.

use super::*;

#[tokio::test]
async fn what_is_expected_is_met_with_its_phases() {
    let server = Server::start([answer(OK)]).await;
    let reading = reading(&at(server.port, "")).await;
    assert!(met(&reading).starts_with("200 in "), "{reading:?}");
    let phases = reading.phases.unwrap();
    assert!(phases.tcp.is_some() && phases.first_byte.is_some() && phases.total.is_some());
    assert!(phases.dns.is_none() && phases.tls.is_none());
    assert!(phases.total >= phases.first_byte);
    assert_eq!(reading.attempts, 1);
    let port = server.port;
    let version = env!("CARGO_PKG_VERSION");
    let request = format!(
        "GET /health?x=1 HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nuser-agent: rollgate/{version}\r\naccept: */*\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(server.requests().await, [request]);
}

#[tokio::test]
async fn method_headers_and_body_are_the_policys() {
    let server = Server::start([answer("HTTP/1.1 204 No Content\r\n\r\n")]).await;
    let host = FakeNet::default().name("shop", &[local(server.port)]).host();
    let yaml = r#"{url: 'http://shop/x', method: POST, expected_status: 204, headers: {Host: other, X-A: ü, User-Agent: me},
        body: '{"a": 1}'}"#;
    let reading = measured(&Http, yaml, &host).await;
    met(&reading);
    assert!(reading.phases.unwrap().dns.is_some());
    let request = server.requests().await.remove(0);
    assert!(request.starts_with("POST /x HTTP/1.1\r\nhost: other\r\n"), "{request}");
    for line in
        ["x-a: ü\r\n", "user-agent: me\r\n", "content-type: application/json\r\n", "\r\n\r\n{\"a\": 1}"]
    {
        assert!(request.contains(line), "{line} in {request}");
    }
}

#[tokio::test]
async fn a_status_is_one_of_those_expected() {
    for (status, rest, expected) in [
        (503, "", Some("status 503, expected 2xx")),
        (301, "", Some("status 301, expected 2xx")),
        (404, "expected_status: [200, '3xx', 404]", None),
        (302, "expected_status: [200, '3xx', 404]", None),
        (403, "expected_status: [200, '3xx', 404]", Some("status 403, expected 200 or 3xx or 404")),
        (299, "", None),
        (999, "", Some("status 999, expected 2xx")),
    ] {
        let reading = asked(redirect(status, "/elsewhere"), rest).await;
        match expected {
            Some(text) => assert_eq!(unmet(&reading), text),
            None => assert!(met(&reading).starts_with(&status.to_string())),
        }
    }
}

#[tokio::test]
async fn an_attempt_that_is_not_met_is_retried() {
    let down = || answer("HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n");
    let server = Server::start([down(), down(), answer(OK)]).await;
    let better = reading(&at(server.port, "retries: 3, retry_delay: 1ms")).await;
    met(&better);
    assert_eq!(better.attempts, 3);
    let server = Server::start([down(), down()]).await;
    let worse = reading(&at(server.port, "retries: 1, retry_delay: 0s")).await;
    assert_eq!((unmet(&worse), worse.attempts), ("status 503, expected 2xx", 2));
}

#[tokio::test]
async fn what_a_broken_server_does_is_unmet_with_phase_and_reason() {
    let port = closed_port().await;
    let refused = reading(&at(port, "")).await;
    assert_eq!(unmet(&refused), format!("connect: connection refused by 127.0.0.1:{port}"));

    let head = "HTTP/1.1 200 OK\r\n";
    let garbage = "answer: the answer cannot be read as HTTP/1.1: ";
    let many: String = (0..2000).map(|index| format!("a{index}: b\r\n")).collect();
    for (play, expected) in [
        (Play::Reset, "first byte: connection reset by the peer"),
        (answer(""), "first byte: connection closed before the answer was complete"),
        (answer(head), "answer: connection closed before the answer was complete"),
        (answer("<html>hello</html>"), garbage),
        (Play::Answer(vec![0, 255, 10, 13, 7]), garbage),
        (answer("HTTP/0.9 200 OK\r\n\r\n"), garbage),
        (answer("HTTP/1.1 2000 OK\r\n\r\n"), garbage),
        (answer("HTTP/2.0 200 OK\r\n\r\n"), garbage),
        (answer(&format!("{head}content-length: x\r\n\r\n")), garbage),
        (answer(&format!("{head}{many}\r\n")), garbage),
        (Play::Endless(b"x".repeat(4096)), garbage),
        (Play::Endless(format!("{head}a: {}", "b".repeat(70_000)).into_bytes()), garbage),
    ] {
        let reading = asked(play, "").await;
        let text = unmet(&reading);
        let fits = if expected == garbage { text.starts_with(garbage) } else { text == expected };
        assert!(fits, "expected {expected}, found {text}");
    }
    // An interim answer is none, however many there are.
    let interim = "HTTP/1.1 103 x\r\n\r\n".repeat(3);
    met(&asked(answer(&format!("HTTP/1.1 100 Continue\r\n\r\n{interim}{OK}")), "").await);
    // A head may hold bytes that are no text.
    let mut odd = b"HTTP/1.1 200 \xff\xfe\r\nx: \x80\xff\r\n".to_vec();
    odd.extend_from_slice(b"content-length: 0\r\n\r\n");
    met(&asked(Play::Answer(odd), "").await);
}

#[tokio::test]
async fn time_runs_out_in_a_phase() {
    let silent = asked(Play::AnswerAndWait(Vec::new()), "timeout: 50ms").await;
    assert_eq!(unmet(&silent), "time-out after 50ms waiting for the first byte");
    assert!(silent.phases.unwrap().first_byte.is_none());
    let half = asked(Play::AnswerAndWait(b"HTTP/1.1 200 OK\r\nx".to_vec()), "timeout: 50ms").await;
    assert_eq!(unmet(&half), "time-out after 50ms reading the answer");
    let slow = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_vec();
    let body = asked(Play::AnswerAndWait(slow.clone()), "timeout: 50ms, body_contains: whole").await;
    assert_eq!(unmet(&body), "time-out after 50ms reading the answer");
    assert!(body.phases.unwrap().first_byte.is_some());
    // Nobody waits for a body of which nothing is expected.
    met(&asked(Play::AnswerAndWait(slow), "").await);

    let address = "192.0.2.1:80".parse().unwrap();
    let hangs = FakeNet::default().fate(address, Fate::Hangs).host();
    let reading = measured(&Http, "{url: 'http://192.0.2.1/', timeout: 50ms}", &hangs).await;
    assert_eq!(unmet(&reading), "time-out after 50ms connecting to 192.0.2.1:80");
    let reading = measured(&Http, "{url: 'http://slow/', timeout: 50ms}", &hangs).await;
    assert_eq!(failed(&reading), "time-out after 50ms looking up the name");
}

#[tokio::test]
async fn what_could_not_be_asked_is_no_breach() {
    let address = "192.0.2.1:80".parse().unwrap();
    let away = FakeNet::default().fate(address, UNREACHABLE).host();
    failed(&measured(&Http, "{url: 'http://192.0.2.1/'}", &away).await);
    let unknown = measured(&Http, "{url: 'http://nowhere/', retries: 1, retry_delay: 1ms}", &away).await;
    assert_eq!(failed(&unknown), "`nowhere` does not resolve: name or service not known");
    assert_eq!(unknown.attempts, 2);
}

#[tokio::test]
async fn bodies_are_compared() {
    let json = r#"{"status": "UP", "n": 3, "big": 9007199254740993, "ok": true, "none": null, "list": [1, 2.0, 30]}"#;
    for (rest, expected) in [
        ("body_contains: '\"UP\"'", None),
        ("body_contains: DOWN", Some("body_contains: `DOWN` is not in the 97 bytes of the body")),
        ("body_matches: 'U.\"'", None),
        ("body_matches: '^UP'", Some("body_matches: `^UP` matches nothing in the 97 bytes of the body")),
        ("json: [{path: $.status, equals: UP}]", None),
        (
            "json: [{path: $.status, equals: DOWN}]",
            Some("json: `$['status']` is `\"UP\"`, expected `\"DOWN\"`"),
        ),
        ("json: [{path: $.n, equals: 3}, {path: $.n, equals: 3.0}, {path: $.n, min: 3, max: 3}]", None),
        ("json: [{path: $.n, equals: '3'}]", Some("json: `$['n']` is `3`, expected `\"3\"`")),
        ("json: [{path: $.n, min: 4}]", Some("json: `$['n']` is `3`, expected at least 4")),
        ("json: [{path: $.n, max: 2.5}]", Some("json: `$['n']` is `3`, expected at most 2.5")),
        ("json: [{path: $.status, min: 0}]", Some("json: `$['status']` is `\"UP\"`, expected at least 0")),
        ("json: [{path: $.big, equals: 9007199254740993}]", None),
        (
            "json: [{path: $.big, equals: 9007199254740992}]",
            Some("json: `$['big']` is `9007199254740993`, expected `9007199254740992`"),
        ),
        ("json: [{path: $.ok, equals: true}, {path: $.none, equals: null}]", None),
        ("json: [{path: '$.list[*]', min: 1, max: 30}]", None),
        ("json: [{path: '$.list[*]', max: 2}]", Some("json: `$['list'][*]` is `30`, expected at most 2")),
        ("json: [{path: $.nope, equals: 1}]", Some("json: nothing at `$['nope']`, expected `1`")),
        (
            "body_contains: DOWN, json: [{path: $.n, min: 4}]",
            Some(
                "body_contains: `DOWN` is not in the 97 bytes of the body; json: `$['n']` is `3`, expected at least 4",
            ),
        ),
    ] {
        let reading = asked(body(json), rest).await;
        match expected {
            Some(text) => assert_eq!(
                unmet(&reading).replace("['", ".").replace("']", ""),
                text.replace("['", ".").replace("']", ""),
                "{rest}"
            ),
            None => assert!(met(&reading).starts_with("200 in "), "{rest}"),
        }
    }
    let none = asked(body("<html>"), "json: [{path: $, equals: 1}]").await;
    assert_eq!(unmet(&none), "json: the body is not JSON: expected value at line 1 column 1");
    let deep = asked(body(&"[".repeat(100_000)), "json: [{path: $, equals: 1}]").await;
    assert!(unmet(&deep).starts_with("json: the body is not JSON: recursion limit"), "{deep:?}");
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n";
    met(&asked(answer(chunked), "body_contains: bc").await);
    let cut = asked(answer("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), "body_contains: half").await;
    assert_eq!(unmet(&cut), "answer: connection closed by the peer");
}

#[tokio::test]
async fn templated_values_in_json_stand_for_what_they_spell() {
    let server = Server::start(vec![body(r#"{"v": "1.10", "n": 3, "b": true}"#); 2]).await;
    let yaml = at(
        server.port,
        r#"json: [{path: $.v, equals: "{{v}}"}, {path: $.n, equals: "{{n}}"}, {path: $.b, equals: "{{b}}"}]"#,
    );
    let host = FakeNet::default().host();
    let with = |v| [("v", v), ("n", "3"), ("b", "true")];
    let probe = render_in(&Http, &yaml, &with("1.10"), &host).unwrap().probe;
    met(&probe.measure(host.clock.now(), &host).await);
    let probe = render_in(&Http, &yaml, &with("1.1"), &host).unwrap().probe;
    unmet(&probe.measure(host.clock.now(), &host).await);
}

#[tokio::test]
async fn a_body_is_read_as_far_as_it_is_needed() {
    let large = || body(&"x".repeat(10 * 1024 * 1024));
    met(&asked(large(), "").await);
    let text = "body_contains: `y` is not in the first 1048576 bytes (`max_body`) of the body";
    assert_eq!(unmet(&asked(large(), "body_contains: y").await), text);
    met(&asked(large(), "body_contains: xxx").await);
    let small = asked(large(), "max_body: 1KiB, body_matches: y, json: [{path: $, equals: 1}]").await;
    assert_eq!(
        unmet(&small),
        "body_matches: `y` matches nothing in the first 1024 bytes (`max_body`) of the body; \
         json: the body is larger than `max_body`, 1024 bytes"
    );
    met(&asked(body(&"x".repeat(1024)), "max_body: 1KiB, body_matches: '^x{1024}$'").await);
    let endless = || {
        let mut bytes = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        bytes.resize(8192, b'x');
        Play::Endless(bytes)
    };
    met(&asked(endless(), "").await);
    assert_eq!(unmet(&asked(endless(), "body_contains: y").await), text);
}

#[tokio::test]
async fn an_attempt_may_not_take_longer_than_max_latency() {
    let reading = asked(answer(OK), "max_latency: 1ns").await;
    let text = unmet(&reading);
    assert!(text.starts_with("latency ") && text.ends_with("expected at most 0 ms"), "{text}");
    met(&asked(answer(OK), "max_latency: 1h").await);
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_is_said() {
    let server = Server::start([redirect(302, "/a"), redirect(307, "b?c=d#e"), answer(OK)]).await;
    let all = reading(&at(server.port, "follow_redirects: 2, headers: {X-A: b}")).await;
    met(&all);
    let requests = server.requests().await;
    let firsts: Vec<&str> = requests.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(firsts, ["GET /health?x=1 HTTP/1.1", "GET /a HTTP/1.1", "GET /b?c=d HTTP/1.1"]);
    assert!(requests.iter().all(|request| request.contains("x-a: b\r\n")));

    let server = Server::start([redirect(302, "/a"), redirect(302, "/b?secret=1")]).await;
    let few = reading(&at(server.port, "follow_redirects: 1")).await;
    let port = server.port;
    assert_eq!(
        unmet(&few),
        format!("redirect: more than 1 redirect, the last to `http://127.0.0.1:{port}/b`")
    );

    let server = Server::start([redirect(301, "/a"), redirect(301, "/health?x=1")]).await;
    let back = reading(&at(server.port, "follow_redirects: 9")).await;
    let port = server.port;
    assert_eq!(unmet(&back), format!("redirect: it comes back to `http://127.0.0.1:{port}/health`"));
    let itself = asked(redirect(308, "?x=1"), "follow_redirects: 9").await;
    assert!(unmet(&itself).starts_with("redirect: it comes back to "), "{itself:?}");

    for (location, expected) in [
        ("ftp://h/", "redirect: it leads to `ftp://h/`, expected an `http` or `https` URL"),
        (
            "javascript:alert(1)",
            "redirect: it leads to `javascript:alert(1)`, expected an `http` or `https` URL",
        ),
        ("http://", "redirect: `http://` is no URL"),
    ] {
        assert_eq!(unmet(&asked(redirect(302, location), "follow_redirects: 3").await), expected);
    }
    let nowhere = asked(answer("HTTP/1.1 302 x\r\ncontent-length: 0\r\n\r\n"), "follow_redirects: 3").await;
    assert_eq!(unmet(&nowhere), "status 302, expected 2xx");
}

#[tokio::test]
async fn a_redirect_changes_the_method_as_browsers_do() {
    for (status, method, expected) in [
        (301, "POST", "GET /a HTTP/1.1"),
        (302, "PUT", "PUT /a HTTP/1.1"),
        (303, "PUT", "GET /a HTTP/1.1"),
        (307, "POST", "POST /a HTTP/1.1"),
        (308, "POST", "POST /a HTTP/1.1"),
    ] {
        let server = Server::start([redirect(status, "/a"), answer(OK)]).await;
        let yaml = at(server.port, &format!("follow_redirects: 1, method: {method}, body: '[1]'"));
        met(&reading(&yaml).await);
        let second = server.requests().await.remove(1);
        assert!(second.starts_with(expected), "{second}");
        let kept = !expected.starts_with("GET");
        assert_eq!(second.ends_with("[1]"), kept, "{second}");
        assert_eq!(second.contains("content-type"), kept, "{second}");
    }
}

#[tokio::test]
async fn what_is_the_users_stays_with_the_origin() {
    let other = Server::start([answer(OK)]).await;
    let first = Server::start([redirect(302, &format!("http://u:p@127.0.0.1:{}/", other.port))]).await;
    let yaml = at(
        first.port,
        "follow_redirects: 1, headers: {X-Api-Key: mine}, auth: {type: basic, username: me, password_ref: pw}",
    );
    let host = FakeNet::default().env(&[("PW", "hunter2hunter2".to_owned())]).host();
    met(&measured(&Http, &yaml, &host).await);
    let sent = first.requests().await.remove(0);
    assert!(sent.contains("authorization: Basic bWU6aHVudGVyMmh1bnRlcjI=\r\n"), "{sent}");
    assert!(sent.contains("x-api-key: mine\r\n"), "{sent}");
    let sent = other.requests().await.remove(0);
    assert!(!sent.contains("authorization") && !sent.contains("x-api-key"), "{sent}");
}

#[tokio::test]
async fn a_token_file_is_read_anew_at_every_attempt() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let write = |text: &str| {
        crate::host::files::Files::replace(&crate::host::files::SystemFiles, &file, text.as_bytes())
    };
    write("first-token\n").unwrap();
    let server = Server::start(vec![answer(OK); 2]).await;
    let yaml = at(server.port, &format!("auth: {{type: bearer, token_file: '{}'}}", file.display()));
    let host = FakeNet::default().host();
    let probe = render_in(&Http, &yaml, &[], &host).unwrap().probe;
    met(&probe.measure(host.clock.now(), &host).await);
    write("other-token").unwrap();
    met(&probe.measure(host.clock.now(), &host).await);
    std::fs::remove_file(&file).unwrap();
    let gone = probe.measure(host.clock.now(), &host).await;
    assert!(failed(&gone).contains("cannot be read"), "{gone:?}");
    let requests = server.requests().await;
    assert!(requests[0].contains("authorization: Bearer first-token\r\n"));
    assert!(requests[1].contains("authorization: Bearer other-token\r\n"));
}

fn proxied(port: u16) -> Host {
    FakeNet::default().env(&[("ALL_PROXY", format!("http://u:p@127.0.0.1:{port}"))]).host()
}

#[tokio::test]
async fn plain_requests_go_through_a_proxy_in_absolute_form() {
    let proxy = Server::start([answer(OK), redirect(502, "/"), redirect(407, "/"), redirect(407, "/")]).await;
    let host = proxied(proxy.port);
    let port = proxy.port;
    let yaml = "{url: 'http://shop.example/a?b', headers: {X: y}, timeout: 60s}";
    met(&measured(&Http, yaml, &host).await);
    assert_eq!(unmet(&measured(&Http, yaml, &host).await), "status 502, expected 2xx");
    let password = measured(&Http, yaml, &host).await;
    assert_eq!(failed(&password), format!("proxy `127.0.0.1:{port}`: it asks for a password (407)"));
    let wanted = "{url: 'http://shop.example/', expected_status: 407, timeout: 60s}";
    met(&measured(&Http, wanted, &host).await);
    let request = proxy.requests().await.remove(0);
    assert!(request.starts_with("GET http://shop.example/a?b HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("host: shop.example\r\n"), "{request}");
    assert!(request.contains("proxy-authorization: Basic dTpw\r\n"), "{request}");
}

#[tokio::test]
async fn a_proxys_own_failure_is_no_breach() {
    let yaml = |scheme: &str| format!("{{url: '{scheme}://shop.example/', timeout: 60s}}");
    let port = closed_port().await;
    let expected = format!("proxy `127.0.0.1:{port}`: connect: connection refused by 127.0.0.1:{port}");
    for scheme in ["http", "https"] {
        assert_eq!(failed(&measured(&Http, &yaml(scheme), &proxied(port)).await), expected);
    }
    let head = |status: u16| answer(&format!("HTTP/1.1 {status} x\r\n\r\n"));
    for (play, expected) in [
        (head(407), "it answers 407 to CONNECT `shop.example:443`: it asks for a password"),
        (head(502), "it answers 502 to CONNECT `shop.example:443`"),
        (head(503), "it answers 503 to CONNECT `shop.example:443`"),
        (head(504), "it answers 504 to CONNECT `shop.example:443`"),
        (head(403), "it answers 403 to CONNECT `shop.example:443`"),
        (answer(""), "connection closed before the answer was complete"),
        (Play::Reset, "connection reset by the peer"),
    ] {
        let proxy = Server::start([play]).await;
        let port = proxy.port;
        let reading = measured(&Http, &yaml("https"), &proxied(port)).await;
        assert_eq!(failed(&reading), format!("proxy `127.0.0.1:{port}`: {expected}"));
        let request = proxy.requests().await.remove(0);
        assert!(request.starts_with("CONNECT shop.example:443 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("proxy-authorization: Basic dTpw\r\n"), "{request}");
    }
    // Without a tunnel the proxy is the peer: what it breaks off or garbles is its own too.
    for play in [answer(""), Play::Reset, answer("garbage\r\n\r\n")] {
        let proxy = Server::start([play]).await;
        let told = measured(&Http, &yaml("http"), &proxied(proxy.port)).await;
        assert!(failed(&told).starts_with(&format!("proxy `127.0.0.1:{}`: ", proxy.port)), "{told:?}");
    }
    let silent = Server::start([Play::AnswerAndWait(Vec::new())]).await;
    let yaml = yaml("https").replace("60s", "50ms");
    let late = "time-out after 50ms waiting for its connection to the target";
    let expected = format!("proxy `127.0.0.1:{}`: {late}", silent.port);
    assert_eq!(failed(&measured(&Http, &yaml, &proxied(silent.port)).await), expected);

    let socks = FakeNet::default().env(&[("ALL_PROXY", "socks5://p:1080".to_owned())]).host();
    let reading = measured(&Http, "{url: 'http://shop.example/'}", &socks).await;
    assert!(failed(&reading).starts_with("proxy `p:1080`: expected an `http://` one, found `socks5://`"));
    let unknown = FakeNet::default().env(&[("HTTP_PROXY", "http://nowhere:1".to_owned())]).host();
    let reading = measured(&Http, "{url: 'http://shop.example/'}", &unknown).await;
    assert_eq!(failed(&reading), "proxy `nowhere:1`: `nowhere` does not resolve: name or service not known");
}

#[tokio::test]
async fn what_is_quoted_of_an_answer_is_masked_before_it_is_cut() {
    let host = FakeNet::default().host();
    host.output.redactor.secret("a-secret-that-is-cut").unwrap();
    let text = format!(r#"{{"a": "{}a-secret-that-is-cut"}}"#, "x".repeat(50));
    let server =
        Server::start([body(&text), redirect(302, &format!("ftp://{}a-secret-that-is-cut", "x".repeat(45)))])
            .await;
    for rest in ["json: [{path: $.a, equals: 1}]", "follow_redirects: 1"] {
        let reading = measured(&Http, &at(server.port, rest), &host).await;
        let told = unmet(&reading);
        assert!(told.contains("xx***") && !told.contains("a-secret"), "{told}");
    }
}
