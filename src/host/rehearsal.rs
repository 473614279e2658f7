//! HTTP that sends nothing and writes down what would be sent, for commands that only show it. Must never reach anybody.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderMap;

use super::http::{Http, HttpClients, HttpError, Request, Response};
use super::tls::TlsOptions;

/// HTTP that sends nothing; clones share what they have written down.
#[derive(Clone, Default)]
pub struct Rehearsal {
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Rehearsal {
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
