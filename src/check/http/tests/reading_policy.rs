//! What the policy may say, and what is told where it says something else.

use super::*;

#[test]
fn the_example_parses_and_renders() {
    let rendered = rendered(Http.example(), &[("service_host", "shop:8443")]);
    assert_eq!(rendered.derived_name, "https://shop:8443/health");
    let probe = rendered.probe;
    assert_eq!((&*probe.target(), probe.lane()), ("GET https://shop:8443/health", "shop:8443"));
    assert_eq!(probe.budget(), Duration::from_secs(17));
    assert!(!probe.has_past() && probe.key().is_none() && probe.warnings().is_empty());
    assert_eq!(
        probe.request(jiff::Timestamp::UNIX_EPOCH),
        [
            "GET https://shop:8443/health",
            "accept: application/json",
            "host: shop:8443",
            concat!("user-agent: rollgate/", env!("CARGO_PKG_VERSION")),
            "connection: close",
            "TLS with certificates valid for at least 14 days",
            "expects status 200 or 204, `$.status` `\"UP\"`, within 500 ms",
        ]
    );
}

#[test]
fn every_fault_is_told_at_its_place() {
    let url = "expected a URL like `http://host:port/path`, found what is none:";
    let status = "expected a status like `200` or `2xx`, found";
    let method = "expected a method like `GET` or `POST`, found";
    for (yaml, expected) in [
        ("{method: GET}", "`url` is missing in a check @ {".to_owned()),
        ("{url: 'h/x'}", format!("{url} relative URL without a base @ 'h/x'")),
        ("{url: 'http://'}", format!("{url} empty host @ 'http://'")),
        ("{url: 'h:80/x'}", "expected an `http` or `https` URL, found the scheme `h` @ 'h:80/x'".to_owned()),
        (
            "{url: 'ftp://h/x'}",
            "expected an `http` or `https` URL, found the scheme `ftp` @ 'ftp://h/x'".to_owned(),
        ),
        ("{url: 'http://u:p@h/'}", "expected a URL without user and password @ 'http://u:p@h/'".to_owned()),
        ("{url: 'http://h:0/'}", "expected a port from 1 to 65535, found `0` @ 'http://h:0/'".to_owned()),
        ("{url: 'http://h', method: 'GE T'}", format!("{method} `GE T` @ 'GE T'")),
        ("{url: 'http://h', method: connect}", format!("{method} `connect` @ connect")),
        (
            "{url: 'http://h', headers: {'a b': x}}",
            "expected a header's name, found `a b` @ 'a b'".to_owned(),
        ),
        (
            "{url: 'http://h', headers: [x]}",
            "expected a mapping of names to texts for `headers`, found a list @ [".to_owned(),
        ),
        (
            "{url: 'http://h', headers: {Content-Length: 3}}",
            "`content-length` follows from the body and cannot be set @ Content-Length".to_owned(),
        ),
        (
            "{url: 'http://h', headers: {a: \"x\\ny\"}}",
            "expected a header value without control characters @ \"x\\ny\"".to_owned(),
        ),
        ("{url: 'http://h', expected_status: 99}", format!("{status} `99` @ 99")),
        ("{url: 'http://h', expected_status: [200, 6xx]}", format!("{status} `6xx` @ 6xx")),
        (
            "{url: 'http://h', expected_status: []}",
            "expected at least one status like `200` or `2xx` for `expected_status`, found a list @ ["
                .to_owned(),
        ),
        (
            "{url: 'http://h', max_latency: 0s}",
            "expected a duration above zero like `10s`, found `0s` @ 0s".to_owned(),
        ),
        (
            "{url: 'http://h', max_body: lots}",
            "expected a size like `64KiB` or `1MiB`, found `lots` @ lots".to_owned(),
        ),
        (
            "{url: 'http://h', body_contains: ''}",
            "expected a text for `body_contains`, found an empty one @ ''".to_owned(),
        ),
        (
            "{url: 'http://h', body_matches: 'a(b'}",
            "expected a regular expression, found `a(b`: unclosed group @ 'a(b'".to_owned(),
        ),
        ("{url: 'http://h', json: {path: $}}", "expected a list for `json`, found a mapping @ {".to_owned()),
        (
            "{url: 'http://h', json: [{path: $}]}",
            "expected `equals`, `min` or `max` beside `path`, found none @ {".to_owned(),
        ),
        ("{url: 'http://h', json: [{equals: 1}]}", "`path` is missing in an entry of `json` @ {".to_owned()),
        (
            "{url: 'http://h', json: [{path: $, equals: [1]}]}",
            "expected a text, a number, `true`, `false` or `null`, found a list @ [".to_owned(),
        ),
        (
            "{url: 'http://h', auth: {type: digest}}",
            "expected `none` or `basic` or `bearer` for `type`, found `digest` @ digest".to_owned(),
        ),
        (
            "{url: 'http://h', auth: {type: basic, username: u}}",
            "expected `username` and `password_ref` for this `type` @ {".to_owned(),
        ),
        (
            "{url: 'http://h', auth: {type: bearer, token_ref: a, token_file: b}}",
            "expected either `token_ref` or `token_file` for this `type` @ {".to_owned(),
        ),
        (
            "{url: 'http://h', auth: {type: none, token_ref: a}}",
            "`token_ref` does not belong to this `type` @ token_ref".to_owned(),
        ),
        (
            "{url: 'http://h', auth: {type: none}, headers: {authorization: x}}",
            "expected either `auth` or an `authorization` header, found both @ x".to_owned(),
        ),
        (
            "{url: 'https://h', tls: {server_name: 'a b'}}",
            "expected a host name for `server_name`, found `a b` @ 'a b'".to_owned(),
        ),
        (
            "{url: 'https://h', tls: {ca_file: /nowhere}}",
            "when rendered: `/nowhere` cannot be read: No such file or directory (os error 2) @ /nowhere"
                .to_owned(),
        ),
        (
            "{url: 'http://h', tls: {min_days_left: 3}}",
            "when rendered: expected an `https` URL for `min_days_left`, found an `http` one @ {".to_owned(),
        ),
    ] {
        let told = faults(yaml, &[]);
        let told: Vec<&str> = told.iter().map(|text| text.split_inclusive("@ {").next().unwrap()).collect();
        let told: Vec<&str> = told.iter().map(|text| text.split_inclusive("@ [").next().unwrap()).collect();
        assert_eq!(told, [expected], "{yaml}");
    }
    let path = &faults("{url: 'http://h', json: [{path: status, equals: UP}]}", &[])[0];
    assert!(path.starts_with("expected a JSONPath, found `status`: "), "{path}");
    let many = faults("{url: 'h', method: 'a b', timeout: x, body_matches: '(', tls: {a: 1}, auth: {}}", &[]);
    assert_eq!(many.len(), 6, "{many:#?}");
}

#[test]
fn passwords_in_urls_are_not_repeated() {
    for yaml in ["{url: 'http://u:hunter22@h/'}", "{url: 'http://u:hunter22@h:x/'}"] {
        let told = faults(yaml, &[]).concat();
        assert!(!told.split(" @ ").next().unwrap().contains("hunter22"), "{told}");
    }
}

#[test]
fn every_scalar_takes_a_quoted_template() {
    let yaml = r#"
url: "http://{{h}}/x"
method: "{{m}}"
headers: {X-Version: "{{v}}"}
body: '{"version": "{{v}}", "n": {{n}}}'
expected_status: ["{{s}}", 301]
timeout: "{{t}}"
retries: "{{n}}"
retry_delay: "{{t}}"
max_latency: "{{t}}"
body_contains: "{{v}}"
body_matches: "v{{v}}"
json: [{path: "$['{{v}}']", equals: "{{v}}", min: "{{n}}", max: "{{n}}"}]
follow_redirects: "{{n}}"
auth: {type: basic, username: "{{h}}", password_ref: "{{h}}-password"}
tls: {insecure_skip_verify: "{{b}}", server_name: "{{h}}"}
max_body: "{{z}}"
"#;
    let host = FakeNet::default().env(&[("SHOP_PASSWORD", "hunter2hunter2".to_owned())]).host();
    let vars = [
        ("h", "shop"),
        ("m", "put"),
        ("v", "1.2"),
        ("n", "2"),
        ("s", "5xx"),
        ("t", "3s"),
        ("b", "false"),
        ("z", "2KiB"),
    ];
    let rendered = render_in(&Http, yaml, &vars, &host).unwrap();
    assert_eq!(rendered.probe.budget(), Duration::from_secs(15));
    let lines = rendered.probe.request(host.clock.now());
    assert_eq!(
        lines,
        [
            "PUT http://shop/x",
            "x-version: 1.2",
            "content-type: application/json",
            "host: shop",
            concat!("user-agent: rollgate/", env!("CARGO_PKG_VERSION")),
            "accept: */*",
            "connection: close",
            "authorization: Basic ***",
            r#"{"version": "1.2", "n": 2}"#,
            r"expects status 5xx or 301, a body with `1.2`, a body that matches `v1\.2`, `$['1.2']` `1.2` and at least 2 and at most 2, within 3.0 s",
        ]
    );
    let bad = [
        ("h", "a/b"),
        ("m", "a b"),
        ("v", "x\ny"),
        ("n", "-"),
        ("s", "0"),
        ("t", "soon"),
        ("b", "no"),
        ("z", "?"),
    ];
    let told = render_in(&Http, yaml, &bad, &host).unwrap_err();
    assert!(told.len() >= 12, "{told:#?}");
    let unknown = faults("{url: 'http://{{nobody}}/'}", &[]);
    assert_eq!(unknown, ["when rendered: the variable `nobody` is not defined @ 'http://{{nobody}}/'"]);
}

#[test]
fn a_value_cannot_change_what_it_is_put_into() {
    let expects = |yaml: &str, value: &str| {
        let lines = rendered(yaml, &[("v", value)]).probe.request(jiff::Timestamp::UNIX_EPOCH);
        lines.last().unwrap().clone()
    };
    let pattern = "{url: 'http://h', body_matches: '^{{v}}$'}";
    assert_eq!(expects(pattern, "a.*|b"), r"expects status 2xx, a body that matches `^a\.\*\|b$`");
    let path = r#"{url: 'http://h', json: [{path: "$['{{v}}'].ok", equals: true}]}"#;
    assert_eq!(expects(path, "a"), "expects status 2xx, `$['a'].ok` `true`");
    let bare = "{url: 'http://h', json: [{path: '$.a[{{v}}]', equals: true}]}";
    assert_eq!(expects(bare, "2"), "expects status 2xx, `$.a[2]` `true`");
    for odd in ["0,1", "*", "?@.x", "'a'"] {
        assert_eq!(faults(bare, &[("v", odd)]).len(), 1, "{odd}");
    }

    let json = r#"{url: 'http://h', body: '{"a": [{{v}}], "b": "{{v}}"}'}"#;
    for fine in ["1", "true", "null", "-1.5e3"] {
        rendered(json, &[("v", fine)]);
    }
    for odd in ["1, 2", "[]", "{}", "x", "\"x\"", "1], \"c\": [1"] {
        assert_eq!(faults(json, &[("v", odd)]).len(), 1, "{odd}");
    }
    let text = r#"{url: 'http://h', body: 'a={{v}}'}"#;
    rendered(text, &[("v", "1, 2")]);
}

#[test]
fn secrets_are_found_before_anything_is_measured_and_never_shown() {
    let told = faults("{url: 'http://h', auth: {type: bearer, token_ref: shop-token}}", &[]);
    let looked = "the environment variable `SHOP_TOKEN` is not set and no `--secrets-dir` is given";
    let expected = format!("when rendered: the secret `shop-token` is not found: {looked} @ shop-token");
    assert_eq!(told, [expected]);
    let told = faults("{url: 'http://h', auth: {type: bearer, token_file: /nowhere}}", &[]);
    assert!(told[0].starts_with("when rendered: `/nowhere` cannot be read"), "{told:?}");
    let told = faults("{url: 'http://h', auth: {type: basic, username: 'a:b', password_ref: x}}", &[]);
    assert_eq!(told.len(), 2, "{told:?}");

    let yaml = "{url: 'http://h', headers: {Cookie: session=1}, auth: {type: bearer, token_ref: t}}";
    let host = FakeNet::default().env(&[("T", "hunter2hunter2".to_owned())]).host();
    let probe = render_in(&Http, yaml, &[], &host).unwrap().probe;
    let shown = format!("{:?} {probe:?}", probe.request(host.clock.now()));
    assert!(shown.contains("cookie: ***") && shown.contains("authorization: Bearer ***"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
