//! A small world for this folder's tests: a clock that jumps and an HTTP client that answers from a script. Must not
//! be built outside tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use crate::host::Host;
use crate::host::clock::Clock;
use crate::host::http::{Http, HttpClients, HttpError, Request, Response};
use crate::host::tls::TlsOptions;

/// When every test begins.
pub(super) fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

/// Time that passes only while somebody sleeps: then it jumps to the end of that sleep.
pub(super) struct Jumps {
    now: Arc<Mutex<Timestamp>>,
    /// Whether sleeps end at all; time-outs do not fire otherwise.
    ends: bool,
}

impl Clock for Jumps {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let (now, ends) = (self.now.clone(), self.ends);
        Box::pin(async move {
            if !ends {
                return std::future::pending().await;
            }
            let mut now = now.lock().unwrap();
            *now = at.max(*now);
        })
    }
}

/// What the client does with one request.
pub(super) enum Step {
    Answer(Response),
    Fail(HttpError),
    /// Never answers.
    Hang,
}

/// Answers requests in order from a script and keeps them.
#[derive(Default)]
pub(super) struct Script {
    steps: Mutex<VecDeque<Step>>,
    /// Whether others get a turn before an answer; a clock that jumps would end every time-out then.
    yields: bool,
    pub(super) requests: Mutex<Vec<Request>>,
    pub(super) asked_for: Mutex<Vec<TlsOptions>>,
}

impl Script {
    /// The form of the request with this index, as names and values.
    pub(super) fn form(&self, index: usize) -> Vec<(String, String)> {
        let requests = self.requests.lock().unwrap();
        url::form_urlencoded::parse(&requests[index].body).into_owned().collect()
    }

    pub(super) fn header(&self, index: usize, name: &str) -> Option<HeaderValue> {
        self.requests.lock().unwrap()[index].headers.get(name).cloned()
    }

    pub(super) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

struct Client(Arc<Script>);

impl Http for Client {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        Box::pin(async move {
            self.0.requests.lock().unwrap().push(request);
            let step = self.0.steps.lock().unwrap().pop_front();
            if self.0.yields {
                tokio::task::yield_now().await;
            }
            match step {
                Some(Step::Answer(response)) => Ok(response),
                Some(Step::Fail(error)) => Err(error),
                Some(Step::Hang) => std::future::pending().await,
                None => Err(HttpError::Connect("the script has ended".to_owned())),
            }
        })
    }
}

struct Clients(Arc<Script>);

impl HttpClients for Clients {
    fn client(&self, tls: &TlsOptions) -> Result<Arc<dyn Http>, String> {
        self.0.asked_for.lock().unwrap().push(tls.clone());
        Ok(Arc::new(Client(self.0.clone())))
    }
}

/// A host whose HTTP plays `steps`, and where only HTTP time-outs pass time.
pub(super) fn world(steps: Vec<Step>) -> (Host, Arc<Script>) {
    build(steps, true)
}

/// The same, where no time-out ever fires.
pub(super) fn patient_world(steps: Vec<Step>) -> (Host, Arc<Script>) {
    build(steps, false)
}

fn build(steps: Vec<Step>, ends: bool) -> (Host, Arc<Script>) {
    let script = Arc::new(Script { steps: Mutex::new(steps.into()), yields: !ends, ..Script::default() });
    let clock = Arc::new(Jumps { now: Arc::new(Mutex::new(noon())), ends });
    (Host { clock, http: Arc::new(Clients(script.clone())), seed: 7, ..Host::system() }, script)
}

/// An answer of `status` with these headers.
pub(super) fn answer(status: u16, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Step {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    let headers: HeaderMap = headers.iter().map(pair).collect();
    Step::Answer(Response { status, headers, body: body.into() })
}

/// An answer of `status` in JSON.
pub(super) fn json(status: u16, body: impl Into<Bytes>) -> Step {
    answer(status, &[("content-type", "application/json")], body)
}
