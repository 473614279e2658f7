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
    head.extend(body);
    // What is secret comes first: of a long answer only the beginning is shown.
    let mut received = Vec::new();
    for value in [header("authorization"), header("x-api-key")].into_iter().flatten() {
        match value.strip_prefix("Basic ") {
            Some(basic) => {
                let pair = BASE64.decode(basic.as_bytes()).unwrap();
                received.extend(pair.iter().skip_while(|byte| **byte != b':').skip(1));
            }
            None => received.extend(value.trim_start_matches("Bearer ").bytes()),
        }
        received.push(b' ');
    }
    let path = text.split(' ').nth(1).unwrap_or_default();
    received.extend(percent_encoding::percent_decode_str(path));
    received.push(b' ');
    received.extend(head);
    Some(received)
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

fn serve(mut stream: TcpStream, wrong: Wrong, log: &Mutex<Vec<u8>>) {
    // What hangs up first is a client that has had enough; all other errors end the connection too.
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let Some(received) = read(&stream) else { return };
    log.lock().unwrap().extend(&received);
    let mut all = told(&received);
    // Each in turn comes first, so that each is what a short excerpt shows.
    let turn = log.lock().unwrap().len();
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
