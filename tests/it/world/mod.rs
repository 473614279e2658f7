//! A world in memory: servers that answer by rules over virtual time, files, programs and signals. Everything a
//! scenario says about the world is in its `case.yaml`; this only plays it.

pub mod clock;
pub mod http;
pub mod net;

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use rollgate::host::clock::{Clock, later};
use rollgate::host::files::{Files, TemporaryFile};
use rollgate::host::input::Input;
use rollgate::host::output::Output;
use rollgate::host::process::{Ended, Program, Programs};
use rollgate::host::signals::{Signal, Signals};
use rollgate::host::{Host, env::Env};
use serde::Deserialize;

use clock::VirtualClock;

/// What a scenario's `case.yaml` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows, in one sentence.
    pub about: String,
    /// The command line.
    pub args: Vec<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// When the run begins.
    #[serde(default = "start")]
    pub start: String,
    /// Rules of the world; the first that fits answers.
    #[serde(default)]
    pub world: Vec<Rule>,
    #[serde(default)]
    pub signals: Vec<Sent>,
    #[serde(default)]
    pub programs: BTreeMap<String, Scripted>,
    /// Paths that cannot be written.
    #[serde(default)]
    pub unwritable: Vec<String>,
    /// What somebody at a terminal types, line by line; without it there is no terminal.
    #[serde(default)]
    pub typed: Option<Vec<String>>,
    /// What is piped into stdin.
    #[serde(default)]
    pub stdin: String,
    /// Whether stdout is closed.
    #[serde(default)]
    pub stdout_closed: bool,
    /// Files whose last content belongs to the transcript.
    #[serde(default)]
    pub show: Vec<String>,
    /// How often everything is scraped; without it, that cannot be learnt.
    #[serde(default)]
    pub scrape: Option<String>,
    /// How late its samples come.
    #[serde(default)]
    pub late: Option<String>,
    /// Show only the requests that are not metric queries.
    #[serde(default)]
    pub quiet_queries: bool,
}

fn start() -> String {
    "2026-01-15T11:00:00Z".to_owned()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `host:port` it speaks for.
    pub target: String,
    /// Text that the request's path, query or body must hold.
    #[serde(default, rename = "match")]
    pub contains: Option<String>,
    /// From how long after the start on; for series, of the time that is asked about.
    #[serde(default)]
    pub from: Option<String>,
    /// Until before how long after the start.
    #[serde(default)]
    pub until: Option<String>,
    /// Only for the first so many requests that fit.
    #[serde(default)]
    pub times: Option<usize>,
    /// How long the answer takes.
    #[serde(default)]
    pub latency: Option<String>,
    /// Prometheus: the result, as series.
    #[serde(default)]
    pub series: Option<Vec<Point>>,
    /// Prometheus: counters, whose single samples are asked; every other query about them finds nothing.
    #[serde(default)]
    pub counters: Option<Vec<Counter>>,
    /// Prometheus: `warnings` beside the result.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Prometheus: `infos` beside the result.
    #[serde(default)]
    pub infos: Vec<String>,
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Option<String>,
    /// A body of so many bytes.
    #[serde(default)]
    pub body_bytes: Option<usize>,
    /// Bytes said as soon as a connection stands, instead of HTTP.
    #[serde(default)]
    pub greeting: Option<String>,
    /// `refused`, `reset`, `hang`, `no_name`, `no_route`.
    #[serde(default)]
    pub fault: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// As Prometheus writes it.
    pub value: String,
}

/// A counter that is scraped every so often, at whole multiples since the start.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How much it grows a second, and from when on, after the start; `-1h` lies before it. It begins at 0.
    pub grows: Vec<(String, f64)>,
    #[serde(default = "scrape")]
    pub every: String,
}

fn scrape() -> String {
    "15s".to_owned()
}

impl Counter {
    /// Its value so many seconds after the start; `None` before it begins.
    fn value(&self, at: i64) -> Option<f64> {
        let begins: Vec<(i64, f64)> = self.grows.iter().map(|(from, rate)| (seconds(from), *rate)).collect();
        let ends = begins.iter().skip(1).map(|(from, _)| *from).chain([i64::MAX]);
        let grown =
            begins.iter().zip(ends).map(|((from, rate), end)| rate * (at.min(end) - from).max(0) as f64);
        (at >= begins[0].0).then(|| grown.sum::<f64>().floor())
    }

    /// Its samples after `from` and until `to`, in seconds after the start.
    pub fn samples(&self, from: i64, to: i64) -> Vec<(i64, f64)> {
        let every = seconds(&self.every);
        let times = (from.div_euclid(every) + 1..=to.div_euclid(every)).map(|k| k * every);
        times.filter_map(|at| Some((at, self.value(at)?))).collect()
    }
}

/// Seconds of a span that may lie before.
fn seconds(text: &str) -> i64 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |before| (-1, before));
    sign * i64::try_from(span(text).as_secs()).unwrap()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    pub at: String,
    pub signal: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    #[serde(default)]
    pub code: i32,
    #[serde(default)]
    pub output: String,
    #[serde(default)]
    pub takes: Option<String>,
}

/// Reads a duration of a case.
pub fn span(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap_or_else(|e| panic!("`{text}`: {e}"))
}

/// A request that a server of the world received.
#[derive(Debug, Clone)]
pub struct Received {
    pub at: Timestamp,
    pub method: String,
    pub target: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// The rules, what has been received, and the clock.
pub struct World {
    pub clock: VirtualClock,
    pub start: Timestamp,
    pub scrape: Option<Duration>,
    pub late: Duration,
    rules: Vec<Rule>,
    used: Mutex<Vec<usize>>,
    pub received: Mutex<Vec<Received>>,
    pub written: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    folder: PathBuf,
    unwritable: Vec<PathBuf>,
    signals: Vec<Sent>,
    programs: BTreeMap<String, Scripted>,
}

impl World {
    pub fn new(case: &Case, folder: &Path) -> Arc<Self> {
        let start: Timestamp = case.start.parse().unwrap();
        Arc::new(Self {
            clock: VirtualClock::new(start),
            start,
            scrape: case.scrape.as_deref().map(span),
            late: case.late.as_deref().map(span).unwrap_or_default(),
            rules: case.world.clone(),
            used: Mutex::new(vec![0; case.world.len()]),
            received: Mutex::default(),
            written: Mutex::default(),
            folder: folder.to_owned(),
            unwritable: case.unwritable.iter().map(PathBuf::from).collect(),
            signals: case.signals.clone(),
            programs: case.programs.clone(),
        })
    }

    /// The first rule for `target` that fits `text`: one about series by the time `asked` about, any other by now.
    pub fn rule(&self, target: &str, text: &str, asked: Timestamp) -> Option<Rule> {
        let mut used = self.used.lock().unwrap();
        let index = self.fitting(target, text, asked, &used)?;
        used[index] += 1;
        Some(self.rules[index].clone())
    }

    /// The same without counting it as used.
    pub fn peek(&self, target: &str, text: &str, asked: Timestamp) -> Option<Rule> {
        let used = self.used.lock().unwrap();
        self.fitting(target, text, asked, &used).map(|index| self.rules[index].clone())
    }

    fn fitting(&self, target: &str, text: &str, asked: Timestamp, used: &[usize]) -> Option<usize> {
        let now = self.clock.now();
        self.rules.iter().enumerate().position(|(index, rule)| {
            let at = if rule.series.is_some() || rule.counters.is_some() { asked } else { now };
            let moment = |bound: &Option<String>| bound.as_deref().map(|b| self.moment(b));
            rule.target == target
                && rule.contains.as_deref().is_none_or(|needle| text.contains(needle))
                && moment(&rule.from).is_none_or(|from| at >= from)
                && moment(&rule.until).is_none_or(|until| at < until)
                && rule.times.is_none_or(|times| used[index] < times)
        })
    }

    /// A moment relative to the start; `-5m` lies before it.
    fn moment(&self, text: &str) -> Timestamp {
        match text.strip_prefix('-') {
            Some(before) => self.start.checked_sub(span(before)).unwrap(),
            None => later(self.start, span(text)),
        }
    }

    /// Waits as long as `rule` says an answer takes.
    pub async fn wait(&self, rule: &Rule) {
        if let Some(latency) = &rule.latency {
            let clock: &dyn Clock = &self.clock;
            clock.sleep(span(latency)).await;
        }
    }

    /// The host that a run gets.
    pub fn host(self: &Arc<Self>, case: &Case, stdout: Buffer, stderr: Buffer) -> Host {
        let stdout: Box<dyn Write + Send> =
            if case.stdout_closed { Box::new(Closed) } else { Box::new(stdout) };
        let env = case.env.clone().into_iter().collect::<Env>();
        Host {
            clock: Arc::new(self.clock.clone()),
            env: Arc::new(env.clone()),
            files: Arc::new(Folder(self.clone())),
            http: Arc::new(http::VirtualHttp(self.clone())),
            net: Arc::new(net::VirtualNet(self.clone())),
            programs: Arc::new(Stage(self.clone())),
            signals: Arc::new(Line(self.clone())),
            input: Arc::new(Person::new(case, stderr.clone())),
            output: Arc::new(Output::new(stdout, Box::new(stderr), false, false).announcing(&env)),
            seed: 7,
        }
    }
}

/// Types what a scenario says; what is typed shows on the terminal.
struct Person {
    lines: Option<Mutex<VecDeque<String>>>,
    terminal: Buffer,
    piped: String,
}

impl Person {
    fn new(case: &Case, terminal: Buffer) -> Self {
        let lines = case.typed.as_ref().map(|lines| Mutex::new(lines.iter().cloned().collect()));
        Self { lines, terminal, piped: case.stdin.clone() }
    }
}

impl Input for Person {
    fn answers(&self) -> bool {
        self.lines.is_some()
    }

    fn line(&self) -> std::io::Result<Option<String>> {
        let line = self.lines.as_ref().and_then(|lines| lines.lock().unwrap().pop_front());
        if let Some(line) = &line {
            writeln!(self.terminal.clone(), "{line}")?;
        }
        Ok(line)
    }

    fn all(&self) -> std::io::Result<Vec<u8>> {
        Ok(self.piped.clone().into_bytes())
    }
}

/// Bytes that a test can read afterwards.
#[derive(Clone, Default)]
pub struct Buffer(pub Arc<Mutex<Vec<u8>>>);

impl Buffer {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads the scenario's folder; keeps what is written in memory.
struct Folder(Arc<World>);

impl Files for Folder {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        if let Some(written) = self.0.written.lock().unwrap().get(path) {
            return Ok(written.clone());
        }
        std::fs::read(self.0.folder.join(path))
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.written.lock().unwrap().contains_key(path) || self.0.folder.join(path).exists()
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.0.folder.join(path).is_dir()
    }

    fn replace(&self, path: &Path, text: &[u8]) -> std::io::Result<()> {
        if self.0.unwritable.iter().any(|p| p == path) {
            return Err(std::io::Error::new(std::io::ErrorKind::StorageFull, "no space left on device"));
        }
        self.0.written.lock().unwrap().insert(path.to_owned(), text.to_vec());
        Ok(())
    }

    fn overwrite(&self, path: &Path, text: &[u8]) -> std::io::Result<()> {
        self.replace(path, text)
    }

    fn amend(
        &self,
        path: &Path,
        change: &mut dyn FnMut(&[u8]) -> std::io::Result<Vec<u8>>,
    ) -> std::io::Result<()> {
        let mut text = if self.exists(path) { self.read(path)? } else { Vec::new() };
        let added = change(&text)?;
        text.extend(added);
        self.replace(path, &text)
    }

    fn temporary(&self, stem: &str, text: &[u8]) -> std::io::Result<TemporaryFile> {
        let path = PathBuf::from("/virtual").join(stem);
        self.replace(&path, text)?;
        Ok(TemporaryFile { path })
    }
}

/// Plays programs.
struct Stage(Arc<World>);

impl Programs for Stage {
    fn run(&self, program: Program) -> BoxFuture<'_, std::io::Result<Ended>> {
        Box::pin(async move {
            let mut env = program.env.clone();
            env.sort();
            let body: Vec<String> = env.iter().map(|(k, v)| format!("{k}={v}")).collect();
            self.0.received.lock().unwrap().push(Received {
                at: self.0.clock.now(),
                method: "EXEC".to_owned(),
                target: program.argv.join(" "),
                path: String::new(),
                headers: Vec::new(),
                body: body.join("\n"),
            });
            let Some(scripted) = self.0.programs.get(&program.argv[0]) else {
                return Err(std::io::ErrorKind::NotFound.into());
            };
            if let Some(takes) = &scripted.takes {
                let clock: &dyn Clock = &self.0.clock;
                clock.sleep(span(takes)).await;
            }
            Ok(Ended { code: Some(scripted.code), output: scripted.output.clone() })
        })
    }
}

/// Delivers signals at their moments.
struct Line(Arc<World>);

impl Signals for Line {
    fn listen(&self) -> BoxStream<'static, Signal> {
        let world = self.0.clone();
        let sent: Vec<(Timestamp, Signal)> = world
            .signals
            .iter()
            .map(|sent| {
                let signal = if sent.signal == "interrupt" { Signal::Interrupt } else { Signal::Terminate };
                (later(world.start, span(&sent.at)), signal)
            })
            .collect();
        let clock = world.clock.clone();
        futures_util::stream::iter(sent)
            .then(move |(at, signal)| {
                let sleep = clock.sleep_until(at);
                async move {
                    sleep.await;
                    signal
                }
            })
            .chain(futures_util::stream::pending())
            .boxed()
    }
}
