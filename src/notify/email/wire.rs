//! The connection to a mail server as the SMTP library takes it: a stream that can be taken back from it, to be made secure
//! halfway. Must not speak any protocol.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::host::net::Stream;

/// What a server says first, for a connection that was made secure halfway: there it says nothing, and the library waits
/// for something.
const GREETING: &[u8] = b"220 secure\r\n";

/// A stream that two may hold.
#[derive(Clone)]
pub(super) struct Wire(Arc<Mutex<Inner>>);

struct Inner {
    stream: Option<Box<dyn Stream>>,
    greeting: &'static [u8],
}

impl Wire {
    /// A fresh connection, on which the server speaks first.
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self(Arc::new(Mutex::new(Inner { stream: Some(stream), greeting: b"" })))
    }

    /// A connection on which the server has spoken before. Nothing that came before is read again, so that nobody on the
    /// way can put words into what is secure.
    pub(super) fn upgraded(stream: Box<dyn Stream>) -> Self {
        Self(Arc::new(Mutex::new(Inner { stream: Some(stream), greeting: GREETING })))
    }

    /// The stream, which whoever else holds it has no longer.
    pub(super) fn take(&self) -> Option<Box<dyn Stream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).stream.take()
    }

    fn with<T>(&self, poll: impl FnOnce(Pin<&mut dyn Stream>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut inner.stream {
            Some(stream) => poll(Pin::new(&mut **stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let greeting = {
            let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut inner.greeting)
        };
        if !greeting.is_empty() && buf.remaining() >= greeting.len() {
            buf.put_slice(greeting);
            return Poll::Ready(Ok(()));
        }
        self.with(|stream| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(cx))
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        // Nobody asks: the connection was made outside.
        Err(io::ErrorKind::Unsupported.into())
    }
}
