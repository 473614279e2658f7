//! A world that nothing leaves, for commands that only show what they would do: HTTP writes down what would be sent, there
//! is no other connection, and no program starts. Must never reach anybody.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderMap;

use super::Host;
use super::http::{Http, HttpClients, HttpError, Request, Response};
use super::net::{Net, Stream};
use super::process::{Ended, Program, Programs};
use super::tls::TlsOptions;

/// A world that nothing leaves; clones share what they have written down.
#[derive(Clone, Default)]
pub struct Rehearsal {
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Rehearsal {
    /// Puts itself in the place of all by which `host` reaches others.
    pub fn takes_over(&self, host: &mut Host) {
        host.http = Arc::new(self.clone());
        host.net = Arc::new(self.clone());
        host.programs = Arc::new(self.clone());
    }

    /// What would have been sent since the last time.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpClients for Rehearsal {
    fn client(&self, _: &TlsOptions) -> Result<Arc<dyn Http>, String> {
        Ok(Arc::new(self.clone()))
    }
}

impl Http for Rehearsal {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        // An answer that asks for nothing more, so that everything is written down once.
        let answer = Response { status: 200, headers: HeaderMap::new(), body: Bytes::from_static(b"{}") };
        Box::pin(std::future::ready(Ok(answer)))
    }
}

impl Net for Rehearsal {
    fn lookup<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::ready(Err(kept_back())))
    }

    fn connect(&self, _: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(std::future::ready(Err(kept_back())))
    }
}

impl Programs for Rehearsal {
    fn run(&self, _: Program) -> BoxFuture<'_, io::Result<Ended>> {
        Box::pin(std::future::ready(Err(kept_back())))
    }
}

fn kept_back() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "nothing is sent in a rehearsal")
}
