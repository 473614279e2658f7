//! The kind `tcp`: a connection to a port, what is said over it, or that nobody listens. Must not judge beyond met
//! and unmet, and must not reuse a connection.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use regex::bytes::Regex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::target::dial::{Authority, dial, ending};
use super::target::fields::{PaceSpec, RETRIES, RETRY_DELAY, TIMEOUT, checked, early, kept, typed};
use super::target::secure::{FIELDS as FIELDS_OF_TLS, Secure, TlsSpec};
use super::target::{Attempt, Fault, Pace, Stage, Trace, measure, shown};
use super::{Facts, Kind, Probe, Reading, RenderCx, Rendered, Seen, Spec, Standing, Told};
use crate::host::Host;
use crate::host::net::Stream;
use crate::host::tls::TlsOptions;
use crate::policy::form::Form;
use crate::policy::model::Judging;
use crate::policy::node::{Data, Node, shorten};
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::{Field, Reader, Rule, Shape, value};
use crate::policy::spoken::{Settled, settled};
use crate::policy::template::{Context, Scope, Template};
use crate::policy::value::{Scalar, Value};
use crate::policy::window::Reaching;

/// The kind.
pub(super) struct Tcp;

/// Bytes that are read in search of `expect`.
const MAX_READ: usize = 64 * 1024;

static FIELDS: &[Field] = &[
    Field::required("host", Shape::Text, "a host name or an IP address"),
    Field::required("port", Shape::of::<Port>(), "a port"),
    TIMEOUT,
    RETRIES,
    RETRY_DELAY,
    Field::new("send", Shape::Text, "a text to send, line ends included"),
    Field::new("expect", Shape::Of(Form::SOME), "a text that must be in the first 64 KiB that are received"),
    Field::new("tls", Shape::FlagOr(FIELDS_OF_TLS), "`true`, or a mapping of how to speak TLS")
        .default("false"),
    Field::new("expect_closed", Shape::Flag, "whether nobody must listen; a time-out counts as closed")
        .default("false"),
];

static RULES: &[Rule] = &[Rule::Where("expect_closed", "true", &[Rule::None(&["send", "expect"])])];

impl Kind for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn summary(&self) -> &'static str {
        "a TCP port: open, closed, or answering as expected"
    }

    fn example(&self) -> &'static str {
        r#"host: "{{service_host}}"
port: 6379
timeout: 5s
retries: 2
send: "PING\r\n"
expect: "+PONG"
"#
    }

    fn section(&self) -> &'static [&'static str] {
        &["health_check_validation", "tcp_checks"]
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn rules(&self) -> &'static [Rule] {
        RULES
    }

    fn identity(&self) -> &'static [&'static str] {
        &["host", "port"]
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn Spec>> {
        let host = body.template("host", Context::Text);
        early(host.as_ref(), body.problems, self::host);
        let port = body.value("port");
        let spec = TcpSpec {
            pace: PaceSpec::parse(body),
            send: body.template("send", Context::Text),
            expect: body.template("expect", Context::Text),
            tls: body.node("tls").and_then(|node| Tls::parse(node, body.problems)),
            expect_closed: body.value("expect_closed"),
            host: host?,
            port: port?,
        };
        early(spec.expect.as_ref(), body.problems, search);
        Some(Box::new(spec))
    }
}

/// A port that can be connected to.
#[derive(Debug, Clone, Copy)]
struct Port(u16);

impl Scalar for Port {
    const EXPECTED: &'static str = "a port from 1 to 65535";
    const FORM: Form = Form::whole(Self::EXPECTED, 1.0, 65_535.0).quoted("0*[1-9][0-9]{0,4}");

    fn read(text: &str) -> Option<Self> {
        u16::read(text).filter(|port| *port != 0).map(Self)
    }
}

/// A check as it was read.
#[derive(Debug)]
struct TcpSpec {
    host: Template,
    port: Value<Port>,
    pace: PaceSpec,
    send: Option<Template>,
    expect: Option<Template>,
    tls: Option<Tls>,
    expect_closed: Option<Value<bool>>,
}

/// `tls` as a word or as a mapping.
#[derive(Debug)]
enum Tls {
    Plain(Value<bool>),
    Options(Box<TlsSpec>),
}

impl Tls {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.data {
            Data::Map(_) => TlsSpec::parse(node, problems).map(|options| Self::Options(Box::new(options))),
            _ => value(node, problems).map(Self::Plain),
        }
    }
}

impl Spec for TcpSpec {
    fn facts(&self) -> Facts<'_> {
        let port = match &self.port {
            Value::Known(Port(port), _) => port.to_string(),
            Value::Later(template) => template.text.clone(),
        };
        let target = Some(format!("{}:{port}", self.host.text));
        Facts { address: Some(&self.host), target, longest: self.pace.longest(), ..Facts::default() }
    }

    fn told(&self, scope: &Scope, _: Reaching, problems: &mut Problems) -> Told {
        let port = kept(self.port.settled(scope), problems);
        let port = port.map_or_else(String::new, |port| match port {
            Settled::Known(Port(port)) => port.to_string(),
            Settled::Tag(tag) => tag,
        });
        let name = format!("{}:{port}", self.host.settled(scope).text);
        let (mut how, budget) = self.pace.told(scope, problems);
        let text = |template: &Template| {
            format!("`{}`", shorten(&template.settled(scope).text.escape_debug().to_string()))
        };
        how.extend(self.send.as_ref().map(|send| format!("{} is sent", text(send))));
        let closed = settled(self.expect_closed.as_ref(), scope, problems);
        let mut must = vec![match closed {
            Some(Settled::Known(true)) => "be closed: nobody may listen".to_owned(),
            Some(Settled::Tag(tag)) => format!("be closed if `{tag}` says so, else accept the connection"),
            Some(Settled::Known(false)) | None => "accept the connection".to_owned(),
        }];
        must.extend(self.expect.as_ref().map(|expect| format!("answer with {} somewhere", text(expect))));
        match &self.tls {
            Some(Tls::Options(options)) => {
                must.push("speak TLS".to_owned());
                must.extend(options.told(scope, problems));
                how.extend(options.insecure_told(scope, problems));
            }
            Some(Tls::Plain(Value::Known(true, _))) => must.push("speak TLS".to_owned()),
            Some(Tls::Plain(_)) | None => {}
        }
        Told { asked: format!("a connection to {name}"), name, how, must, budget, ..Told::default() }
    }

    fn render(&self, cx: &RenderCx<'_>, problems: &mut Problems) -> Option<Rendered> {
        let scope = cx.scope;
        let port = kept(self.port.render(scope), problems);
        let to = checked(Some(&self.host), scope, problems, host);
        let pace = self.pace.render(scope, problems);
        let send = checked(self.send.as_ref(), scope, problems, |text, _| Ok(text.to_owned()));
        let expect = checked(self.expect.as_ref(), scope, problems, search);
        let closed = typed(self.expect_closed.as_ref(), scope, problems);
        let secure = match &self.tls {
            None => Some(None),
            Some(Tls::Options(options)) => options.render(scope, problems, &[]).map(Some),
            Some(Tls::Plain(wanted)) => kept(wanted.render(scope), problems)
                .map(|wanted| wanted.then(|| Secure::new(TlsOptions::default(), None, &[]))),
        };
        let to = Authority { port: port?.0, ..to?? };
        let (send, expect, closed, secure) = (send?, expect?, closed?.unwrap_or(false), secure?);
        if closed && (send.is_some() || expect.is_some() || secure.is_some()) {
            let place = self.expect_closed.as_ref().map_or(self.host.place, Value::place);
            let message = "expected neither `send` nor `expect` nor `tls` for a port that must be closed";
            problems.push(Problem::at(place, message).help("leave them out, or `expect_closed`"));
            return None;
        }
        let name = to.to_string();
        let probe = TcpProbe { to, name: name.clone(), pace: pace?, send, expect, secure, closed };
        Some(Rendered::new(Arc::new(probe), Judging::default(), name))
    }
}

fn host(text: &str, place: Place) -> Result<Authority, Problem> {
    Authority::read(text, 0, place)
}

fn search(text: &str, place: Place) -> Result<(String, Regex), Problem> {
    if text.is_empty() || text.len() > MAX_READ {
        return Err(Problem::at(
            place,
            format!("expected 1 to {MAX_READ} bytes for `expect`, found {}", text.len()),
        ));
    }
    let search = Regex::new(&regex::escape(text));
    Ok((text.to_owned(), search.map_err(|error| Problem::at(place, error.to_string()))?))
}

/// A check as it is measured.
#[derive(Debug)]
struct TcpProbe {
    to: Authority,
    name: String,
    pace: Pace,
    send: Option<String>,
    expect: Option<(String, Regex)>,
    secure: Option<Secure>,
    closed: bool,
}

impl TcpProbe {
    /// Says what is to be said and listens for what is expected.
    async fn talk(&self, stream: &mut Box<dyn Stream>, trace: &mut Trace) -> Result<(), Fault> {
        trace.enter(Stage::Answer);
        if let Some(text) = &self.send {
            let sent = async {
                stream.write_all(text.as_bytes()).await?;
                stream.flush().await
            };
            sent.await.map_err(|error| Fault::Unmet(format!("send: {}", ending(&error))))?;
        }
        let Some((text, search)) = &self.expect else { return Ok(()) };
        let mut received = Vec::new();
        let mut chunk = [0; 4096];
        let missed = |count: usize, why: &str| {
            Err(Fault::Unmet(format!(
                "expect: `{}` is not in the {count} bytes received{why}",
                shorten(text)
            )))
        };
        while received.len() < MAX_READ {
            let count = match stream.read(&mut chunk).await {
                Ok(0) => return missed(received.len(), " before the peer closed the connection"),
                Ok(count) => count.min(MAX_READ - received.len()),
                Err(error) => return missed(received.len(), &format!(": {}", ending(&error))),
            };
            trace.first_byte.get_or_init(|| trace.clock.now());
            // What was searched before is not searched again, but for an end that may be a beginning.
            let from = received.len().saturating_sub(text.len());
            received.extend_from_slice(&chunk[..count]);
            if search.is_match(&received[from..]) {
                return Ok(());
            }
        }
        missed(MAX_READ, ", and no more are read")
    }
}

impl Attempt for TcpProbe {
    fn pace(&self) -> &Pace {
        &self.pace
    }

    fn attempt<'a>(&'a self, trace: &'a mut Trace, host: &'a Host) -> BoxFuture<'a, Result<String, Fault>> {
        Box::pin(async move {
            let mut stream = dial(&self.to, trace, host).await?;
            if let Some(secure) = &self.secure {
                stream = secure.shake(stream, &self.to, true, trace, host).await?;
            }
            if self.send.is_some() || self.expect.is_some() {
                self.talk(&mut stream, trace).await?;
            }
            let how = if self.expect.is_some() { "answered as expected" } else { "connected" };
            Ok(format!("{how} in {}", shown(trace.elapsed())))
        })
    }

    fn judge(&self, ended: Result<String, Fault>, stage: Stage) -> Seen {
        match ended {
            Ok(_) if self.closed => {
                Seen::Unmet(format!("connect: `{}` accepts, expected it closed", self.name))
            }
            Err(Fault::Unmet(reason)) if self.closed && stage == Stage::Connect => {
                Seen::Met(format!("closed: {}", reason.trim_start_matches("connect: ")))
            }
            ended => ended.into(),
        }
    }
}

impl Probe for TcpProbe {
    fn target(&self) -> Arc<str> {
        self.name.as_str().into()
    }

    fn request(&self, _: Timestamp) -> Vec<String> {
        let mut lines = vec![format!("connect {}", self.name)];
        lines.extend(self.secure.as_ref().map(Secure::describe));
        lines.extend(self.send.as_ref().map(|text| format!("sends `{}`", text.escape_debug())));
        lines.extend(self.expect.as_ref().map(|(text, _)| format!("expects `{}`", text.escape_debug())));
        if self.closed {
            lines.push("expects that nobody listens".to_owned());
        }
        lines
    }

    fn lane(&self) -> &str {
        &self.name
    }

    fn budget(&self) -> Duration {
        self.pace.budget()
    }

    fn standing(&self) -> Standing {
        if self.closed {
            return Standing::Never(
                "it expects that nobody listens, which a prober has no word for".to_owned(),
            );
        }
        Standing::Target(self.name.as_str().into())
    }

    fn warnings(&self) -> Vec<String> {
        self.secure.as_ref().map(|secure| secure.warnings(&self.name)).unwrap_or_default()
    }

    fn measure<'a>(&'a self, _: Timestamp, host: &'a Host) -> BoxFuture<'a, Reading> {
        Box::pin(measure(self, host))
    }
}

#[cfg(test)]
mod tests;
