//! SIGINT and SIGTERM as events. Must not decide what they mean: the conductor does.

use futures_util::stream::{BoxStream, StreamExt as _};

/// A request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// What a runner sends when a job is cancelled.
    Terminate,
}

/// Delivers signals.
pub trait Signals: Send + Sync {
    /// Every signal from now on; installed before the first poll returns.
    fn listen(&self) -> BoxStream<'static, Signal>;
}

/// The process' own signals.
pub struct SystemSignals;

impl Signals for SystemSignals {
    #[cfg(unix)]
    fn listen(&self) -> BoxStream<'static, Signal> {
        use tokio::signal::unix::{SignalKind, signal};
        let stream = |kind: SignalKind, signal_kind: Signal| match signal(kind) {
            Ok(received) => futures_util::stream::unfold(received, move |mut received| async move {
                received.recv().await.map(|()| (signal_kind, received))
            })
            .boxed(),
            // Without a handler the system's own action holds: the process ends, which is what was asked.
            Err(_) => futures_util::stream::pending().boxed(),
        };
        let interrupt = stream(SignalKind::interrupt(), Signal::Interrupt);
        let terminate = stream(SignalKind::terminate(), Signal::Terminate);
        futures_util::stream::select(interrupt, terminate).boxed()
    }

    #[cfg(not(unix))]
    fn listen(&self) -> BoxStream<'static, Signal> {
        futures_util::stream::once(async {
            let _ = tokio::signal::ctrl_c().await;
            Signal::Interrupt
        })
        .chain(futures_util::stream::pending())
        .boxed()
    }
}
