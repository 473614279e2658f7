//! A server that goes wrong in one way and tells whoever asks everything that it was sent, in every encoding it knows.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};

/// How a server goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// With this status, telling all in text.
    Status(u16),
    /// With this status, telling all in HTML.
    Html(u16),
    /// With this status, telling all in JSON, and in JSON within JSON.
    Json(u16),
    /// By taking everything and answering with what was not asked, where texts are expected.
    Fine,
    /// By a redirect to where all is told.
    Redirect,
    /// By no answer.
    Silent,
    /// In the middle of an answer.
    Broken,
    /// By an answer of many megabytes.
    Huge,
    /// By what is no HTTP.
    Noise,
    /// By not being there.
    Refused,
}

/// The token that a server gives out where it takes everything; who gets it must keep it to himself.
pub const MINTED: &str = "minted-0123456789-abcdef";

/// A running server.
pub struct Server {
    pub address: String,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    pub fn start(wrong: Wrong) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        if wrong == Wrong::Refused {
            return Self { address, received };
        }
        let log = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = log.clone();
                std::thread::spawn(move || serve(stream, wrong, &log));
            }
        });
        Self { address, received }
    }

    /// All requests, with the credentials of Basic auth in plain text beside them.
    pub fn received(&self) -> Vec<u8> {
        self.received.lock().unwrap().clone()
    }
}

/// What came: the head, the body, and what they hold in base64.
fn read(stream: &TcpStream) -> Option<Vec<u8>> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let header = |name: &str| {
        let found =
            text.lines().filter_map(|line| line.split_once(": ")).find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    };
    let mut body = vec![0; header("content-length").and_then(|n| n.parse().ok()).unwrap_or_default()];
    reader.read_exact(&mut body).ok()?;
    // What is secret comes first: of a long answer only the beginning is shown.
    let mut received = Vec::new();
    let credentials =
        ["authorization", "x-api-key", "private-token", "job-token", "circle-token"].map(header);
    for value in credentials.into_iter().flatten() {
        match value.strip_prefix("Basic ") {
            Some(basic) => {
                let pair = BASE64.decode(basic.as_bytes()).unwrap();
                received.extend(pair.iter().skip_while(|byte| **byte != b':').skip(1));
            }
            None => received.extend(value.trim_start_matches("Bearer ").bytes()),
        }
        received.push(b' ');
    }
    received.extend(in_body(&body));
    head.extend(body);
    let path = text.split(' ').nth(1).unwrap_or_default();
    received.extend(percent_encoding::percent_decode_str(path));
    received.push(b' ');
    received.extend(head);
    Some(received)
}

/// The credential that a body holds.
fn in_body(body: &[u8]) -> Vec<u8> {
    let document: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let mut form = url::form_urlencoded::parse(body);
    let found = document["routing_key"].as_str().map(str::to_owned);
    let found = found.or_else(|| Some(form.find(|(name, _)| name == "token")?.1.into_owned()));
    found.map(|found| format!("{found} ").into_bytes()).unwrap_or_default()
}

/// `received` in every encoding.
fn told(received: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(received).into_owned();
    let json = serde_json::Value::from(text.clone()).to_string();
    vec![
        text.clone(),
        BASE64.encode(received),
        BASE64.encode(&[b"x", received].concat()),
        BASE64.encode(&[b"xy", received].concat()),
        BASE64.encode(json.as_bytes()),
        percent_encoding::percent_encode(received, percent_encoding::NON_ALPHANUMERIC).to_string(),
        url::form_urlencoded::byte_serialize(received).collect(),
        serde_json::Value::from(json.clone()).to_string(),
        json,
        text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;"),
        text.replace('\'', r"'\''"),
        received.iter().map(|byte| char::from(*byte)).collect(),
        HEXLOWER.encode(received),
    ]
}

/// A number that is the same for the same way of going wrong, path and credential.
fn turn(received: &[u8], wrong: Wrong) -> usize {
    let text = String::from_utf8_lossy(received);
    let until = ["?", " HTTP/1.1"].into_iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len());
    let known = format!("{wrong:?} {}", &text[..until]);
    known.bytes().fold(7, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)))
}

fn serve(mut stream: TcpStream, wrong: Wrong, log: &Mutex<Vec<u8>>) {
    // What hangs up first is a client that has had enough; all other errors end the connection too.
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let Some(received) = read(&stream) else { return };
    log.lock().unwrap().extend(&received);
    let mut all = told(&received);
    // Each comes first for some, so that each is what a short excerpt shows; for whom, neither the order of requests nor the
    // time decides.
    let turn = turn(&received, wrong);
    let first = turn % all.len();
    all.rotate_left(first);
    let turned = all.join("\n");
    let answer = |status: u16, more: &str, body: &str| {
        format!(
            "HTTP/1.1 {status} Wrong\r\nconnection: close\r\ncontent-length: {}\r\n{more}\r\n{body}",
            body.len()
        )
    };
    let text = match wrong {
        Wrong::Status(status) => answer(status, "content-type: text/plain\r\nretry-after: 0\r\n", &turned),
        Wrong::Html(status) => {
            let html = turned.replace('&', "&amp;").replace('<', "&lt;");
            answer(
                status,
                "content-type: text/html\r\n",
                &format!("<html><h1>Not here</h1><p>{html}</p></html>"),
            )
        }
        Wrong::Json(status) => {
            let error = serde_json::json!({"status": "error", "errorType": "bad_data", "error": turned, "message": turned, "error_description": turned});
            answer(status, "content-type: application/json\r\n", &error.to_string())
        }
        Wrong::Fine => fine(&received, &turned, &answer),
        Wrong::Redirect => {
            let said: String = url::form_urlencoded::byte_serialize(&received).collect();
            let path: String =
                String::from_utf8_lossy(&received).chars().filter(|c| !c.is_control()).collect();
            let to = if turn.is_multiple_of(2) { said } else { path };
            answer(302, &format!("location: http://127.0.0.1:1/{to}?q={to}\r\n"), &turned)
        }
        Wrong::Silent | Wrong::Refused => {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
            return;
        }
        Wrong::Broken => answer(200, "", &turned).replacen("content-length: ", "content-length: 9", 1),
        Wrong::Huge => {
            answer(500, "content-type: text/plain\r\n", &turned.repeat(6_000_000 / turned.len() + 1))
        }
        Wrong::Noise => turned.clone(),
    };
    let _ = stream.write_all(text.as_bytes());
}

/// What takes everything: of every API what it answers where all is well, with `turned` in the texts that are free.
fn fine(received: &[u8], turned: &str, answer: &dyn Fn(u16, &str, &str) -> String) -> String {
    let request = String::from_utf8_lossy(received);
    let post = request.contains("POST /");
    // All of it, in every field, would be more than is read.
    let turned: String = turned.chars().take(12_000).collect();
    let (id, status) = match () {
        () if request.contains("POST /token") => {
            let given = serde_json::json!({"access_token": MINTED, "token_type": "Bearer", "expires_in": 60});
            return answer(200, "content-type: application/json\r\n", &given.to_string());
        }
        () if request.contains("/dispatches") => return answer(204, "", ""),
        () if request.contains("/gh/acme/shop") => (serde_json::json!("p-1"), 201),
        () if request.contains("/_apis/") || request.contains("/rollback") || !post => (7.into(), 200),
        () => (7.into(), 201),
    };
    let link = format!("http://h/{}", turned.replace(char::is_whitespace, ""));
    let link: String = link.chars().take(2000).collect();
    let history = [(1, "a"), (2, "b")].map(|(id, revision)| {
        serde_json::json!({"id": id, "revision": revision, "deployedAt": "2026-01-01T00:00:00Z", "source": {"repoURL": turned}})
    });
    let document = serde_json::json!({
        "id": id, "number": 7, "ok": true, "channel": "C1", "ts": "1.2", "errcode": 0, "code": 0,
        "html_url": link, "web_url": link, "_links": {"web": {"href": link}}, "url": link, "why": turned,
        "state": turned, "result": turned, "conclusion": turned, "name": turned, "message": turned, "warning": turned,
        "status": {"history": history, "operationState": {"phase": "Failed", "message": turned}, "health": {"status": turned}},
        "fields": {"status": {"name": turned}, "System.State": turned},
        "transitions": [{"id": "1", "name": turned, "to": {"name": turned}}], "comments": [],
        "items": [{"id": "1", "name": turned, "status": turned, "created_at": "2026-01-01T00:00:00Z"}],
        "crumb": "c", "crumbRequestField": "Jenkins-Crumb",
    });
    let more = "content-type: application/json\r\nlocation: /queue/item/7/\r\n";
    answer(status, more, &document.to_string())
}
