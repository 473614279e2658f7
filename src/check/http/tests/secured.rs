//! Requests over TLS.

use std::io::Write as _;

use super::*;

/// A check of the TLS server at `port`, trusting `pem`, by the name `localhost`.
struct Trusted {
    file: tempfile::NamedTempFile,
    host: Host,
}

impl Trusted {
    fn new(pem: &str, port: u16) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(pem.as_bytes()).unwrap();
        Self { file, host: FakeNet::default().name("localhost", &[local(port)]).host() }
    }

    fn yaml(&self, tls: &str, rest: &str) -> String {
        let file = self.file.path().display();
        format!("{{url: 'https://localhost/', timeout: 60s, tls: {{ca_file: '{file}', {tls}}}, {rest}}}")
    }

    async fn reading(&self, tls: &str) -> Reading {
        measured(&Http, &self.yaml(tls, ""), &self.host).await
    }
}

/// What the check makes of a server whose certificate is for `names` and ends with the year `until`.
async fn shown(names: &[&str], until: i32, tls: &str) -> Reading {
    let (acceptor, pem) = certificate(names, until);
    let server = Server::tls([answer(OK)], acceptor).await;
    Trusted::new(&pem, server.port).reading(tls).await
}

#[tokio::test]
async fn a_trusted_certificate_is_met_with_its_phase() {
    let (acceptor, pem) = certificate(&["localhost"], 2099);
    let server = Server::tls(vec![answer(OK); 2], acceptor).await;
    let trusted = Trusted::new(&pem, server.port);
    let probe = render_in(&Http, &trusted.yaml("min_days_left: 14", ""), &[], &trusted.host).unwrap().probe;
    for _ in 0..2 {
        let reading = probe.measure(trusted.host.clock.now(), &trusted.host).await;
        met(&reading);
        let phases = reading.phases.unwrap();
        assert!(phases.dns.is_some() && phases.tcp.is_some() && phases.tls.is_some());
        assert!(phases.first_byte.is_some());
    }
    let request = server.requests().await.remove(0);
    assert!(request.starts_with("GET / HTTP/1.1\r\nhost: localhost\r\n"), "{request}");
}

#[tokio::test]
async fn a_certificate_that_is_not_good_is_unmet() {
    let expired = shown(&["localhost"], 2001, "").await;
    assert_eq!(unmet(&expired), "tls: certificate expired on 2001-12-31");
    let other = shown(&["shop.example"], 2099, "").await;
    let text = unmet(&other);
    assert!(
        text.starts_with("tls: certificate is for ") && text.ends_with(", not for `localhost`"),
        "{text}"
    );
    assert!(text.contains("shop.example"), "{text}");
    met(&shown(&["shop.example"], 2099, "server_name: shop.example").await);

    let (acceptor, _) = certificate(&["localhost"], 2099);
    let (_, stranger) = certificate(&["localhost"], 2099);
    let server = Server::tls([answer(OK)], acceptor).await;
    let unknown = Trusted::new(&stranger, server.port).reading("").await;
    let text = unmet(&unknown);
    assert!(
        text.starts_with("tls: certificate is ") || text.starts_with("tls: certificate is refused"),
        "{text}"
    );
    assert!(unknown.phases.unwrap().tls.is_some());
}

#[tokio::test]
async fn days_are_counted_to_the_first_end_in_the_chain() {
    let days = (2100 - 1970) * 366;
    let soon = shown(&["localhost"], 2099, &format!("min_days_left: {days}")).await;
    let text = unmet(&soon);
    assert!(text.starts_with("tls: certificate expires in "), "{text}");
    assert!(text.ends_with(&format!(" days, expected at least {days}")), "{text}");
    let gone = shown(&["localhost"], 2001, "insecure_skip_verify: true, min_days_left: 1").await;
    assert_eq!(unmet(&gone), "tls: certificate expired on 2001-12-31, expected at least 1 days left");
    met(&shown(&["localhost"], 2001, "insecure_skip_verify: true").await);
    // Where a redirect was to lead to TLS and none came, nothing was shown to count.
    let server = Server::start([answer(OK)]).await;
    let never = reading(&at(server.port, "follow_redirects: 1, tls: {min_days_left: 1}")).await;
    assert_eq!(unmet(&never), "tls: no certificate was shown, expected one by `min_days_left`");
}

#[tokio::test]
async fn verification_switched_off_is_warned_about() {
    let yaml = "{url: 'https://shop/', tls: {insecure_skip_verify: true}}";
    let probe = rendered(yaml, &[]).probe;
    assert_eq!(probe.warnings(), ["`insecure_skip_verify`: any certificate is accepted of `shop:443`"]);
}

#[tokio::test]
async fn a_peer_without_tls_is_unmet() {
    let yaml = |port: u16, timeout: &str| format!("{{url: 'https://127.0.0.1:{port}/', timeout: {timeout}}}");
    // What the peer reads first is a handshake, in which no request ever ends.
    let listener = tokio::net::TcpListener::bind(local(0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, OK.as_bytes()).await.unwrap();
        stream
    };
    let patient = yaml(port, "60s");
    let (answered, _stream) = tokio::join!(reading(&patient), plain);
    assert_eq!(unmet(&answered), "tls: the peer does not speak TLS");
    // The backlog accepts, and nobody ever answers.
    let silent = reading(&yaml(port, "50ms")).await;
    assert_eq!(unmet(&silent), "time-out after 50ms in the TLS handshake");
    let closes = async {
        drop(listener.accept().await.unwrap());
        drop(listener.accept().await.unwrap());
    };
    let (closed, ()) = tokio::join!(reading(&patient), closes);
    let text = unmet(&closed);
    assert!(
        text.starts_with("tls: connection ") && text.ends_with(" by the peer in the handshake"),
        "{text}"
    );
}

/// A proxy that connects one client to `target`, whatever it asks for, and keeps the question.
async fn tunnel_to(target: u16) -> (u16, tokio::task::JoinHandle<String>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind(local(0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
        let net = FakeNet::default();
        let mut upstream = crate::host::net::Net::connect(&net, local(target)).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
        String::from_utf8(head).unwrap()
    });
    (port, proxy)
}

#[tokio::test]
async fn tls_is_spoken_through_a_proxys_tunnel() {
    for name in ["localhost", "elsewhere"] {
        let (acceptor, pem) = certificate(&[name], 2099);
        let server = Server::tls([answer(OK)], acceptor).await;
        let (port, proxy) = tunnel_to(server.port).await;
        let mut trusted = Trusted::new(&pem, server.port);
        trusted.host = FakeNet::default().env(&[("HTTPS_PROXY", format!("http://127.0.0.1:{port}"))]).host();
        let reading = trusted.reading("").await;
        // Once the tunnel stands, what fails behind it is the target's.
        let said = if name == "localhost" { met(&reading) } else { unmet(&reading) };
        assert!(
            said.starts_with(if name == "localhost" { "200 in " } else { "tls: certificate is " }),
            "{said}"
        );
        let asked = proxy.await.unwrap();
        assert!(asked.starts_with("CONNECT localhost:443 HTTP/1.1\r\nhost: localhost:443\r\n"), "{asked}");
    }
}

#[tokio::test]
async fn a_redirect_to_tls_is_followed_with_the_other_servers_name() {
    let (acceptor, pem) = certificate(&["localhost"], 2099);
    let server = Server::tls([answer(OK)], acceptor).await;
    let plain = Server::start([redirect(301, &format!("https://localhost:{}/x", server.port))]).await;
    let trusted = Trusted::new(&pem, server.port);
    let yaml = trusted.yaml("server_name: elsewhere, min_days_left: 1", "follow_redirects: 1");
    let yaml = yaml.replace("https://localhost/", &format!("http://127.0.0.1:{}/", plain.port));
    let reading = measured(&Http, &yaml, &trusted.host).await;
    met(&reading);
    assert!(reading.phases.unwrap().tls.is_some());
}
