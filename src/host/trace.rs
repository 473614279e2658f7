//! `-v`: what is asked and what comes back, on stderr, line by line. Must pass the redactor like all talk.

use std::io::{self, Write};
use std::sync::Arc;

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use super::output::Output;

/// Shows the crate's own debug events until the guard is dropped; those of libraries stay silent, since they may
/// tell of headers.
pub fn verbose(output: Arc<Output>) -> DefaultGuard {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(Talk(output))
        .finish();
    tracing::subscriber::set_default(OwnOnly(subscriber))
}

struct Talk(Arc<Output>);

impl<'a> MakeWriter<'a> for Talk {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.0.clone(), Vec::new())
    }
}

/// One event's text, talked of when it is whole: a secret must not be cut in two before it is redacted.
struct Line(Arc<Output>, Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.talk(String::from_utf8_lossy(&self.1).trim_end());
    }
}

/// Lets only events of this crate through.
struct OwnOnly<S>(S);

impl<S: tracing::Subscriber> tracing::Subscriber for OwnOnly<S> {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("rollgate") && self.0.enabled(metadata)
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        self.0.new_span(span)
    }

    fn record(&self, span: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        self.0.record(span, values);
    }

    fn record_follows_from(&self, span: &tracing::span::Id, follows: &tracing::span::Id) {
        self.0.record_follows_from(span, follows);
    }

    fn event(&self, event: &tracing::Event<'_>) {
        self.0.event(event);
    }

    fn enter(&self, span: &tracing::span::Id) {
        self.0.enter(span);
    }

    fn exit(&self, span: &tracing::span::Id) {
        self.0.exit(span);
    }
}
