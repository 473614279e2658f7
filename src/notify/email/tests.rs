//! Tests of the channel over a scripted mail server. Must not open a socket.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;
use crate::gate::outcome::ActionStatus;
use crate::host::net::{Net, Stream};
use crate::host::vault::Vault;
use crate::notify::testing::{channel, hostile, hostile_run, message, sent};
use crate::policy::integration::Credential;
use crate::policy::notices::On;

const ENTRY: &str = "{system: email, smtp_host: mail.example, smtp_tls: none, from: 'Rollgate <gate@example.com>', \
                     recipients: [a@example.com, 'Bea B <b@example.com>']}";

/// What the server does beside taking everything: the first entry whose text begins the line that came is answered by its
/// other. Lines are answered in the order of SMTP; `hello` is the greeting, `letter` what follows the end of the letter.
type Script = &'static [(&'static str, &'static str)];

/// No answer at all.
const SILENCE: &str = "silence";
/// The connection ends.
const END: &str = "end";

#[derive(Clone, Default)]
struct Server {
    script: Script,
    /// Whether nobody listens.
    down: bool,
    /// The lines of every connection, the letter's included.
    seen: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Server {
    fn answer(&self, line: &str, usual: &'static str) -> &'static str {
        self.script.iter().find(|(begins, _)| line.starts_with(begins)).map_or(usual, |(_, answer)| answer)
    }
}

impl Net for Server {
    fn lookup<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))]) })
    }

    fn connect(&self, _: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            self.seen.lock().unwrap().push(Vec::new());
            if self.down {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let mut stream = Connection {
                server: self.clone(),
                came: Vec::new(),
                goes: VecDeque::new(),
                state: State::Commands,
            };
            stream.say(self.answer("hello", "220 mail.example ESMTP"));
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Commands,
    Letter,
    /// A handshake is awaited, which never ends.
    Secure,
    Ended,
}

struct Connection {
    server: Server,
    came: Vec<u8>,
    goes: VecDeque<u8>,
    state: State,
}

impl Connection {
    fn say(&mut self, answer: &str) {
        match answer {
            SILENCE => {}
            END => self.state = State::Ended,
            answer => self.goes.extend(format!("{answer}\r\n").bytes()),
        }
    }

    fn take(&mut self, line: &str) {
        self.server.seen.lock().unwrap().last_mut().unwrap().push(line.to_owned());
        if self.state == State::Letter {
            if line == "." {
                self.state = State::Commands;
                let answer = self.server.answer("letter", "250 2.0.0 queued as 4711");
                self.say(answer);
            }
            return;
        }
        let usual = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-mail.example\r\n250 8BITMIME",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            "AUTH" => "235 welcome",
            _ => "250 ok",
        };
        let answer = self.server.answer(line, usual);
        self.say(answer);
        if line == "DATA" && answer.starts_with("354") {
            self.state = State::Letter;
        }
        if line == "STARTTLS" && answer.starts_with("220") {
            self.state = State::Secure;
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = self.goes.len().min(buf.remaining());
        if count == 0 && self.state != State::Ended {
            return Poll::Pending;
        }
        let bytes: Vec<u8> = self.goes.drain(..count).collect();
        buf.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.state == State::Ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.state == State::Secure {
            return Poll::Ready(Ok(bytes.len()));
        }
        self.came.extend_from_slice(bytes);
        while let Some(end) = self.came.windows(2).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = self.came.drain(..end + 2).take(end).collect();
            self.take(&String::from_utf8_lossy(&line));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn host(server: &Server) -> Host {
    Host { net: Arc::new(server.clone()), ..crate::rollback::testing::host(&[]).0 }
}

async fn post(
    entry: &str,
    fields: &str,
    message: &Message,
    server: &Server,
) -> crate::gate::outcome::ActionRecord {
    let host = host(server);
    let channel = channel(entry, fields, &host).unwrap();
    sent(&*channel, message, &host).await
}

/// The letter that the one connection brought, its lines as they are meant.
fn letter(server: &Server) -> Vec<String> {
    let seen = server.seen.lock().unwrap();
    let lines = seen[0].iter().skip_while(|line| *line != "DATA").skip(1);
    let lines = lines.take_while(|line| *line != ".");
    lines
        .map(|line| line.strip_prefix('.').filter(|rest| rest.starts_with('.')).unwrap_or(line).to_owned())
        .collect()
}

#[tokio::test]
async fn a_letter_goes_to_everybody() {
    let server = Server::default();
    let message = message(On::Rollback);
    let action = post(ENTRY, "mention: [boss@example.com]", &message, &server).await;
    assert_eq!((action.status, action.attempts), (ActionStatus::Confirmed, 1), "{action:?}");
    assert_eq!(action.target, "a@example.com, b@example.com, boss@example.com by mail.example:25");
    assert_eq!(action.response.as_deref(), Some("2.0.0 queued as 4711"));
    let commands: Vec<String> = server.seen.lock().unwrap()[0].iter().take(6).cloned().collect();
    let expected = [
        "EHLO [127.0.0.1]",
        "MAIL FROM:<gate@example.com>",
        "RCPT TO:<a@example.com>",
        "RCPT TO:<b@example.com>",
        "RCPT TO:<boss@example.com>",
        "DATA",
    ];
    assert_eq!(commands, expected);
    let letter = letter(&server);
    for expected in [
        "Cc: boss@example.com",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        &format!("Message-ID: <{}@example.com>", message.id),
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        &format!("--=_{}", message.id),
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
    ] {
        assert!(
            letter.iter().any(|line| line == expected),
            "`{expected}` is missing in\n{}",
            letter.join("\n")
        );
    }
    for (begins, ends) in
        [("Subject: =?utf-8?", ""), ("From: ", "<gate@example.com>"), ("To: a@", "<b@example.com>")]
    {
        let found = letter.iter().any(|line| line.starts_with(begins) && line.ends_with(ends));
        assert!(found, "`{begins}` is missing in\n{}", letter.join("\n"));
    }
    assert!(!letter.iter().any(|line| line.starts_with("In-Reply-To")));
}

#[tokio::test]
async fn what_follows_is_a_reply() {
    let server = Server::default();
    let host = host(&server);
    let channel = channel(ENTRY, "", &host).unwrap();
    let allowance = Allowance::alone(&host, crate::notify::TIMEOUT);
    let first = message(On::Rollback);
    let earlier = channel.send(&first, None, &allowance).await;
    server.seen.lock().unwrap().clear();
    channel.send(&message(On::RollbackFailed), Some(&earlier), &allowance).await;
    let letter = letter(&server);
    for name in ["In-Reply-To", "References"] {
        let expected = format!("{name}: <{}@example.com>", first.id);
        assert!(letter.contains(&expected), "`{expected}` is missing in\n{}", letter.join("\n"));
    }
}

#[tokio::test]
async fn hostile_text_is_neither_header_nor_markup() {
    for message in [hostile(), hostile_run()] {
        let server = Server::default();
        let action = post(ENTRY, "", &message, &server).await;
        assert_eq!(action.status, ActionStatus::Confirmed, "{action:?}");
        let letter = letter(&server);
        assert!(letter.iter().all(|line| line.len() <= 998 && line.is_ascii()));
        assert!(letter.iter().map(String::len).sum::<usize>() < 200_000);
        let mut names: Vec<&str> = letter
            .iter()
            .take_while(|line| !line.is_empty())
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        names.sort_unstable();
        let expected = [
            "Auto-Submitted",
            "Content-Type",
            "Date",
            "From",
            "MIME-Version",
            "Message-ID",
            "Subject",
            "To",
            "X-Auto-Response-Suppress",
        ];
        assert_eq!(names, expected);
        assert_eq!(letter.iter().filter(|line| line.starts_with("--=_")).count(), 3);
    }
    let injected =
        Message { about: "x\r\nBcc: evil@example.com\r\n\r\nbody".into(), ..message(On::Rollback) };
    let server = Server::default();
    post(ENTRY, "", &injected, &server).await;
    assert!(!letter(&server).iter().take_while(|line| !line.is_empty()).any(|line| line.starts_with("Bcc")));
}

#[tokio::test]
async fn replies_are_told_in_words() {
    use ActionStatus::{Confirmed, Failed, Unknown};
    let rows: &[(Script, ActionStatus, usize, &str)] = &[
        (&[("hello", "554 go away")], Failed, 1, "it does not greet: 554 `go away`"),
        (&[("hello", "421 busy")], Failed, 4, "it does not greet: 421 `busy`"),
        (&[("hello", "HTTP/1.1 400 Bad Request")], Failed, 1, "what it said is no SMTP"),
        (&[("hello", END)], Failed, 4, "it does not greet: it broke the connection off"),
        (&[("hello", SILENCE)], Failed, 1, "no answer within 10s: is `smtp_tls` right for its port?"),
        (&[("MAIL", "530 5.7.0 log in first")], Failed, 1, "write `auth` in the integration"),
        (
            &[("MAIL", "451 4.3.0 later")],
            Failed,
            4,
            "it refuses mail from gate@example.com: 451 `4.3.0 later`",
        ),
        (
            &[("RCPT TO:<a", "550 5.1.1 no such user")],
            Failed,
            1,
            "1 of 2 recipients got it; the mail server at mail.example:25 refused a@example.com: 550 `5.1.1 no such user`",
        ),
        (
            &[("RCPT", "550 no such user")],
            Failed,
            1,
            "it refuses every recipient: a@example.com: 550 `no such user`; b@example.com",
        ),
        (&[("RCPT", "450 greylisted")], Failed, 4, "it refuses every recipient"),
        (&[("DATA", "554 no")], Failed, 1, "it takes no letter: 554 `no`"),
        (&[("DATA", SILENCE)], Failed, 1, "no answer within 10s"),
        (&[("letter", "552 too large")], Failed, 1, "it refuses the letter: 552 `too large`"),
        (&[("letter", "451 try later")], Failed, 4, "it refuses the letter: 451 `try later`"),
        (
            &[("letter", SILENCE)],
            Unknown,
            1,
            "no answer within 10s; the letter was handed over and may be on its way",
        ),
        (&[("letter", END)], Unknown, 1, "it broke the connection off; the letter was handed over"),
        (&[("QUIT", SILENCE)], Confirmed, 1, ""),
        (&[("QUIT", END)], Confirmed, 1, ""),
    ];
    for (script, status, connections, words) in rows {
        let server = Server { script, ..Server::default() };
        let action = post(ENTRY, "", &message(On::Rollback), &server).await;
        let reason = action.reason.unwrap_or_default();
        assert_eq!(
            (action.status, server.seen.lock().unwrap().len()),
            (*status, *connections),
            "{script:?}: {reason}"
        );
        assert!(reason.contains(words) && reason.is_empty() == words.is_empty(), "{script:?}: {reason}");
    }
    let server = Server { down: true, ..Server::default() };
    let action = post(ENTRY, "", &message(On::Rollback), &server).await;
    let reason = action.reason.unwrap();
    assert_eq!((action.status, server.seen.lock().unwrap().len()), (Failed, 4), "{reason}");
    assert!(
        reason.contains("no connection: connection refused; check the integration's `smtp_host`"),
        "{reason}"
    );
}

#[tokio::test]
async fn nothing_goes_in_the_clear_that_should_not() {
    let secure = ENTRY.replace("smtp_tls: none, ", "");
    let lacks = Server::default();
    let action = post(&secure, "", &message(On::Rollback), &lacks).await;
    assert!(action.target.ends_with("mail.example:587"));
    assert!(action.reason.unwrap().contains("it offers no STARTTLS, and nothing was sent in the clear"));
    let refuses =
        Server { script: &[("EHLO", "250 STARTTLS"), ("STARTTLS", "454 not now")], ..Server::default() };
    let action = post(&secure, "", &message(On::Rollback), &refuses).await;
    assert!(
        action
            .reason
            .unwrap()
            .contains("it refuses STARTTLS, and nothing was sent in the clear: 454 `not now`")
    );
    // What is said before the handshake is not taken for what is said after it.
    let script: Script = &[("EHLO", "250 STARTTLS"), ("STARTTLS", "220 go\r\n250 you are welcome")];
    let injects = Server { script, ..Server::default() };
    let action = post(&secure, "", &message(On::Rollback), &injects).await;
    assert_eq!(action.status, ActionStatus::Failed, "{action:?}");
    for server in [lacks, refuses, injects] {
        let seen = server.seen.lock().unwrap();
        assert!(
            seen.iter()
                .flatten()
                .all(|line| line.starts_with("EHLO") || line == "STARTTLS" || line == "QUIT"),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn the_log_in_is_told_in_words() {
    let rows: &[(Script, ActionStatus, &str)] = &[
        (&[("EHLO", "250-mail.example\r\n250 AUTH PLAIN LOGIN")], ActionStatus::Confirmed, ""),
        (&[], ActionStatus::Failed, "it offers no way to log in with a password"),
        (&[("EHLO", "250 AUTH CRAM-MD5")], ActionStatus::Failed, "it offers no way to log in"),
        (
            &[("EHLO", "250 AUTH PLAIN"), ("AUTH", "535 5.7.8 bad AHVzZXIAY29ycmVjdC1ob3JzZQ==")],
            ActionStatus::Failed,
            "it refuses the log-in: 535 `5.7.8 bad ***`; check the integration's `username`",
        ),
    ];
    for (script, status, words) in rows {
        let server = Server { script, ..Server::default() };
        let host = host(&server);
        let vault = Vault::new(host.clone(), None);
        let password = Arc::new(Credential::Fixed(vault.secret("correct-horse").unwrap()));
        let login = post::Login { user: "user".into(), password, vault };
        let (name, options) = ("mail.example".to_owned(), TlsOptions::default());
        let to = super::Server { name, port: 25, tls: Tls::None, options, login: Some(login) };
        let from = "gate@example.com".parse().unwrap();
        let all = ["a@example.com".parse().unwrap()];
        let letter = Post { server: &to, from: &from, to: &all, text: b"x\r\n" };
        let effect = letter.deliver(&Allowance::alone(&host, crate::notify::TIMEOUT)).await;
        let reason = effect.reason.unwrap_or_default();
        assert_eq!(effect.status, *status, "{script:?}: {reason}");
        assert!(reason.contains(words), "{script:?}: {reason}");
    }
}

#[test]
fn settings_are_refused_in_words() {
    let host = host(&Server::default());
    let base = "system: email, smtp_host: mail.example, from: g@example.com, recipients: [a@example.com]";
    let with = |more: &str| format!("{{{base}, {more}}}");
    let changed = |from: &str, to: &str| format!("{{{}}}", base.replace(from, to));
    let nothing = "{system: email}".to_owned();
    let cases = [
        (nothing.clone(), "", "the integration `x` has no `smtp_host`"),
        (nothing.clone(), "", "the integration `x` has no `from`"),
        (nothing, "", "the integration `x` has no `recipients`"),
        (with("smtp_port: mail"), "", "expected a port, found `mail`"),
        (with("smtp_port: 0"), "", "expected a port, found `0`"),
        (changed("mail.example", "'smtp://mail.example'"), "", "expected the name of a host for `smtp_host`"),
        (
            changed("g@example.com", "nobody"),
            "",
            "expected an address like `name@example.com`, found `nobody`",
        ),
        (changed("a@example.com", "\"a@example.com\\r\\nBcc: b@example.com\""), "", "expected an address"),
        (changed("a@example.com", "é@example.com"), "", "expected an address"),
        (
            with("smtp_tls: none, username: u, password: correct-horse"),
            "",
            "a password is never sent in the clear",
        ),
        (with("auth: {type: bearer, token: correct-horse}"), "", "expected the auth type `basic`"),
        (with("channels: {ops: o@example.com}"), "channel: opps", "has no channel `opps`"),
        (with("tls: {ca_file: /nowhere.pem}"), "", "`/nowhere.pem` cannot be read"),
    ];
    for (entry, fields, expected) in cases {
        let problems = channel(&entry, fields, &host).unwrap_err();
        assert!(problems.iter().any(|told| told.contains(expected)), "{entry}: {problems:?}");
    }
    let entry = format!("{{{base}, channels: {{ops: \"o@example.com, p@example.com\"}}}}");
    let ops = channel(&entry, "channel: ops", &host).unwrap();
    assert_eq!(ops.target(), "o@example.com, p@example.com by mail.example:587");
    let own = channel(&entry, "channel: me@example.com", &host).unwrap();
    assert_eq!(own.target(), "me@example.com by mail.example:587");
}
