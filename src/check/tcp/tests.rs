//! TCP checks against loopback sockets and a scripted network.

use super::*;
use crate::check::target::tests::{
    FakeNet, Fate, Play, REFUSED, Server, UNREACHABLE, answer, certificate, closed_port, failed, local,
    measured, met, render_in, unmet,
};

fn faults(yaml: &str, vars: &[(&str, &str)]) -> Vec<String> {
    render_in(&Tcp, yaml, vars, &FakeNet::default().host()).unwrap_err()
}

async fn reading(yaml: &str) -> Reading {
    measured(&Tcp, yaml, &FakeNet::default().host()).await
}

fn at(port: u16, rest: &str) -> String {
    format!("{{host: 127.0.0.1, port: {port}, timeout: 30s, {rest}}}")
}

#[test]
fn the_example_parses_and_renders() {
    let host = FakeNet::default().host();
    let rendered = render_in(&Tcp, Tcp.example(), &[("service_host", "cache")], &host).unwrap();
    assert_eq!(rendered.derived_name, "cache:6379");
    let probe = rendered.probe;
    assert_eq!((&*probe.target(), probe.lane()), ("cache:6379", "cache:6379"));
    assert_eq!(probe.budget(), Duration::from_secs(17));
    let lines = probe.request(host.clock.now());
    assert_eq!(lines, ["connect cache:6379", r"sends `PING\r\n`", "expects `+PONG`"]);
    assert!(!probe.has_past() && probe.key().is_none() && probe.warnings().is_empty());
}

#[test]
fn every_fault_is_told_at_its_place() {
    let host = "expected a host name or an IP address";
    for (yaml, expected) in [
        ("{port: 80}", "`host` is missing in a check @ {"),
        ("{host: h, port: 0}", "expected a port from 1 to 65535, found `0` @ 0"),
        ("{host: h, port: 65536}", "expected a port from 1 to 65535, found `65536` @ 65536"),
        ("{host: 'http://h', port: 1}", &format!("{host}, found `http://h` @ 'http://h'")),
        ("{host: h, port: 1, timeout: 0s}", "expected a duration above zero like `10s`, found `0s` @ 0s"),
        ("{host: h, port: 1, expect: ''}", "expected 1 to 65536 bytes for `expect`, found 0 @ ''"),
        ("{host: h, port: 1, tls: maybe}", "expected `true` or `false`, found `maybe` @ maybe"),
        (
            "{host: h, port: 1, expect_closed: true, send: x}",
            "when rendered: expected neither `send` nor `expect` nor `tls` for a port that must be closed @ true",
        ),
        (
            "{host: h, port: 1, expect_closed: true, tls: {min_days_left: 1}}",
            "when rendered: expected neither `send` nor `expect` nor `tls` for a port that must be closed @ true",
        ),
    ] {
        assert_eq!(faults(yaml, &[]), [expected], "{yaml}");
    }
    let both = faults("{host: 'a b', port: x}", &[]);
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn every_scalar_takes_a_quoted_template() {
    let yaml = r#"{host: "{{h}}", port: "{{p}}", timeout: "{{t}}", retries: "{{r}}", retry_delay: "{{t}}",
        send: "{{h}}", expect: "{{h}}", tls: "{{b}}", expect_closed: "{{b}}"}"#;
    let vars = [("h", "shop"), ("p", "443"), ("t", "2s"), ("r", "1"), ("b", "false")];
    let host = FakeNet::default().host();
    let rendered = render_in(&Tcp, yaml, &vars, &host).unwrap();
    assert_eq!((&*rendered.derived_name, rendered.probe.budget()), ("shop:443", Duration::from_secs(6)));
    let told = faults(yaml, &[("h", "shop/x"), ("p", "0"), ("t", "soon"), ("r", "-1"), ("b", "yes")]);
    assert_eq!(told.len(), 7, "{told:#?}");
}

#[tokio::test]
async fn a_port_is_open_or_refuses() {
    let server = Server::start([answer("")]).await;
    let open = reading(&at(server.port, "")).await;
    assert!(met(&open).starts_with("connected in "));
    assert_eq!(open.attempts, 1);
    let phases = open.phases.unwrap();
    assert!(phases.tcp.is_some() && phases.total.is_some());
    assert!(phases.dns.is_none() && phases.tls.is_none() && phases.first_byte.is_none());

    let port = closed_port().await;
    let closed = reading(&at(port, "retries: 2, retry_delay: 1ms")).await;
    assert_eq!(unmet(&closed), format!("connect: connection refused by 127.0.0.1:{port}"));
    assert_eq!(closed.attempts, 3);
}

#[tokio::test]
async fn what_is_sent_and_what_comes_back_is_compared() {
    let server = Server::start([answer("+OK\r\n+PONG\r\n"), answer("-ERR"), answer("")]).await;
    let yaml = at(server.port, r#"send: "PING\r\n\r\n", expect: "+PONG""#);
    let ok = reading(&yaml).await;
    assert!(met(&ok).starts_with("answered as expected in "), "{ok:?}");
    assert!(ok.phases.unwrap().first_byte.is_some());
    let gone = " bytes received before the peer closed the connection";
    assert_eq!(unmet(&reading(&yaml).await), format!("expect: `+PONG` is not in the 4{gone}"));
    assert_eq!(unmet(&reading(&yaml).await), format!("expect: `+PONG` is not in the 0{gone}"));
    assert_eq!(server.requests().await, ["PING\r\n\r\n"; 3]);
}

#[tokio::test]
async fn reading_ends_at_64_kib_and_when_time_is_up() {
    let server =
        Server::start([Play::Endless(b"no".to_vec()), Play::AnswerAndWait(b"almost".to_vec()), Play::Reset])
            .await;
    let yaml = at(server.port, r#"send: "x\r\n\r\n", expect: "yes""#);
    assert_eq!(
        unmet(&reading(&yaml).await),
        "expect: `yes` is not in the 65536 bytes received, and no more are read"
    );
    let quick = yaml.replace("30s", "50ms");
    assert_eq!(unmet(&reading(&quick).await), "time-out after 50ms reading the answer");
    let reset = reading(&yaml).await;
    assert_eq!(unmet(&reset), "expect: `yes` is not in the 0 bytes received: connection reset by the peer");
}

#[tokio::test]
async fn what_is_expected_is_found_across_reads() {
    let mut bytes = vec![b'a'; 4095];
    bytes.extend_from_slice(b"needle");
    let server = Server::start([Play::AnswerAndWait(bytes)]).await;
    let found = reading(&at(server.port, r#"send: "\r\n\r\n", expect: "aneedle""#)).await;
    met(&found);
}

#[tokio::test]
async fn a_port_that_must_be_closed() {
    let port = closed_port().await;
    let closed = reading(&at(port, "expect_closed: true")).await;
    assert_eq!(met(&closed), format!("closed: connection refused by 127.0.0.1:{port}"));

    let server = Server::start([answer("")]).await;
    let open = reading(&at(server.port, "expect_closed: true")).await;
    assert_eq!(unmet(&open), format!("connect: `127.0.0.1:{}` accepts, expected it closed", server.port));

    let address = "192.0.2.1:80".parse().unwrap();
    let yaml = "{host: 192.0.2.1, port: 80, timeout: 50ms, expect_closed: true}";
    let hangs = measured(&Tcp, yaml, &FakeNet::default().fate(address, Fate::Hangs).host()).await;
    assert_eq!(met(&hangs), "closed: time-out after 50ms connecting to 192.0.2.1:80");
    let away = measured(&Tcp, yaml, &FakeNet::default().fate(address, UNREACHABLE).host()).await;
    failed(&away);
    let refused = FakeNet::default().name("shop", &[address, local(port)]).fate(address, REFUSED).host();
    met(&measured(&Tcp, "{host: shop, port: 80, timeout: 30s, expect_closed: true}", &refused).await);
    let unknown = "{host: nowhere, port: 80, expect_closed: true}";
    failed(&measured(&Tcp, unknown, &FakeNet::default().host()).await);
    let slow = "{host: slow, port: 80, timeout: 50ms, expect_closed: true}";
    failed(&measured(&Tcp, slow, &FakeNet::default().host()).await);
}

#[tokio::test]
async fn proxies_are_not_for_tcp() {
    let server = Server::start([answer("")]).await;
    let env = [("ALL_PROXY", format!("http://127.0.0.1:{}", closed_port().await))];
    let host = FakeNet::default().env(&env).host();
    met(&measured(&Tcp, &at(server.port, ""), &host).await);
}

#[tokio::test]
async fn tls_is_spoken_where_it_is_asked_for() {
    let (acceptor, _) = certificate(&["localhost"], 2099);
    let server = Server::tls([answer("hello"), answer("hello")], acceptor).await;
    let untrusted = reading(&at(server.port, "tls: true")).await;
    assert!(unmet(&untrusted).starts_with("tls: certificate is not issued by a trusted authority"));
    let yaml = at(server.port, r#"tls: {insecure_skip_verify: true}, send: "\r\n\r\n", expect: hello"#);
    let any = reading(&yaml).await;
    met(&any);
    assert!(any.phases.unwrap().tls.is_some());
    let rendered = render_in(&Tcp, &yaml, &[], &FakeNet::default().host()).unwrap();
    let port = server.port;
    let warning = format!("`insecure_skip_verify`: any certificate is accepted of `127.0.0.1:{port}`");
    assert_eq!(rendered.probe.warnings(), [warning]);
}
