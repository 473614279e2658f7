//! What probes of a target have in common: their pace (time-out, retries), the trace of one attempt, and the line
//! between "the target is bad" and "it could not be asked". Must not know what is said over a connection.

pub(super) mod dial;
pub(super) mod fields;
pub(super) mod secure;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{Phases, Reading, Seen};
use crate::host::Host;
use crate::host::clock::{Clock, between, later};

/// How long an attempt may take and how often it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// For one attempt, look-up and redirects included.
    pub(super) timeout: Duration,
    /// Further attempts after one that was not met.
    pub(super) retries: u32,
    /// Between two attempts.
    pub(super) retry_delay: Duration,
}

impl Pace {
    /// The longest that all attempts can take.
    pub(super) fn budget(&self) -> Duration {
        let attempts = self.timeout.saturating_mul(self.retries.saturating_add(1));
        attempts.saturating_add(self.retry_delay.saturating_mul(self.retries))
    }
}

/// Why an attempt was not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The target did not do what was expected.
    Unmet(String),
    /// It could not be asked: the resolver's, a proxy's or this machine's fault.
    Failed(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmet(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

/// What an attempt is busy with: it says whose fault a time-out is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Asking the resolver.
    LookUp,
    /// Connecting.
    Connect,
    /// Waiting for the proxy to connect.
    Tunnel,
    /// The TLS handshake.
    Tls,
    /// The question is on its way, or the answer is being read.
    Answer,
}

/// How far one attempt has come; it outlives the attempt when time runs out.
pub(super) struct Trace {
    pub(super) clock: Arc<dyn Clock>,
    begun: Timestamp,
    deadline: Timestamp,
    lap: Timestamp,
    pub(super) stage: Stage,
    /// Who is being connected to.
    pub(super) peer: Option<SocketAddr>,
    /// The proxy that is in the way until its tunnel stands.
    pub(super) proxy: Option<String>,
    pub(super) phases: Phases,
    /// When the first byte of the answer was read.
    pub(super) first_byte: Arc<OnceLock<Timestamp>>,
}

impl Trace {
    pub(super) fn new(clock: Arc<dyn Clock>, limit: Duration) -> Self {
        let begun = clock.now();
        Self {
            begun,
            deadline: later(begun, limit),
            lap: begun,
            stage: Stage::LookUp,
            peer: None,
            proxy: None,
            phases: Phases::default(),
            first_byte: Arc::default(),
            clock,
        }
    }

    /// Begins a further connection of the same attempt: a redirect's.
    pub(super) fn reconnect(&mut self) {
        self.phases = Phases::default();
        self.peer = None;
        self.proxy = None;
        self.first_byte = Arc::default();
    }

    /// Begins a stage.
    pub(super) fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.lap = self.clock.now();
    }

    /// How long the stage has taken.
    pub(super) fn lap(&self) -> Duration {
        between(self.lap, self.clock.now())
    }

    /// How long the attempt has taken.
    pub(super) fn elapsed(&self) -> Duration {
        between(self.begun, self.clock.now())
    }

    /// How long the attempt may still take.
    pub(super) fn left(&self) -> Duration {
        between(self.clock.now(), self.deadline)
    }

    /// The phases as they stand at the end.
    fn close(&mut self) -> Phases {
        if let Some(at) = self.first_byte.get() {
            self.phases.first_byte = Some(between(self.lap, *at));
        }
        self.phases.total = Some(self.elapsed());
        self.phases
    }

    /// What a time-out after `limit` means at this stage.
    fn timed_out(&self, limit: Duration) -> Fault {
        let limit = humantime::format_duration(limit);
        let peer = self.peer.map(|peer| format!(" to {peer}")).unwrap_or_default();
        let doing = match self.stage {
            Stage::LookUp => "looking up the name".to_owned(),
            Stage::Connect => format!("connecting{peer}"),
            Stage::Tunnel => "waiting for its connection to the target".to_owned(),
            Stage::Tls => "in the TLS handshake".to_owned(),
            Stage::Answer if self.first_byte.get().is_none() => "waiting for the first byte".to_owned(),
            Stage::Answer => "reading the answer".to_owned(),
        };
        match (&self.proxy, self.stage) {
            (Some(proxy), _) => Fault::Failed(format!("proxy `{proxy}`: time-out after {limit} {doing}")),
            (None, Stage::LookUp) => Fault::Failed(format!("time-out after {limit} {doing}")),
            (None, _) => Fault::Unmet(format!("time-out after {limit} {doing}")),
        }
    }
}

/// A probe that is attempted over a connection of its own.
pub(super) trait Attempt: Sync {
    /// How long and how often.
    fn pace(&self) -> &Pace;

    /// One attempt; how it was met, or why not. Time is kept by [`measure`].
    fn attempt<'a>(&'a self, trace: &'a mut Trace, host: &'a Host) -> BoxFuture<'a, Result<String, Fault>>;

    /// What an attempt that ended at `stage` says of the target.
    fn judge(&self, ended: Result<String, Fault>, stage: Stage) -> Seen {
        let _ = stage;
        ended.into()
    }
}

impl From<Result<String, Fault>> for Seen {
    fn from(ended: Result<String, Fault>) -> Self {
        match ended {
            Ok(text) => Self::Met(text),
            Err(Fault::Unmet(text)) => Self::Unmet(text),
            Err(Fault::Failed(text)) => Self::Failed(text),
        }
    }
}

/// Attempts until one is met or the retries are used up.
pub(super) async fn measure(probe: &impl Attempt, host: &Host) -> Reading {
    let pace = probe.pace();
    let mut attempts = 1;
    loop {
        let mut trace = Trace::new(host.clock.clone(), pace.timeout);
        let ended = host.clock.timeout(pace.timeout, probe.attempt(&mut trace, host)).await;
        let ended = ended.unwrap_or_else(|| Err(trace.timed_out(pace.timeout)));
        let phases = trace.close();
        let seen = probe.judge(ended, trace.stage);
        if matches!(seen, Seen::Met(_)) || attempts > pace.retries {
            return Reading { attempts, phases: Some(phases), ..Reading::new(seen) };
        }
        attempts += 1;
        host.clock.sleep(pace.retry_delay).await;
    }
}

/// `12 ms`, `1.2 s`: a span for people.
pub(super) fn shown(span: Duration) -> String {
    if span < Duration::from_secs(1) {
        format!("{} ms", span.as_millis())
    } else {
        format!("{:.1} s", span.as_secs_f64())
    }
}

#[cfg(test)]
pub(super) mod tests;
