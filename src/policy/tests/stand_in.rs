//! Kinds of check that stand in for the real ones: a query with a source, a URL, a host with a port. Must not measure.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::check::{Kind, Probe, Reading, RenderCx, Rendered, Spec};
use crate::host::Host;
use crate::policy::model::Judging;
use crate::policy::problem::Problems;
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::template::{Context, Template};
use crate::policy::value::Value;

/// A kind whose texts are templates and whose port is a number.
pub(super) struct Stand {
    name: &'static str,
    section: &'static [&'static str],
    identity: &'static [&'static str],
    fields: &'static [Field],
}

pub(super) static KINDS: &[&dyn Kind] = &[
    &Stand {
        name: "prometheus",
        section: &["metrics_validation"],
        identity: &["query"],
        fields: &[
            Field::required("query", Shape::Text, "what is asked"),
            Field::new("source", Shape::Text, "whom"),
            Field::new("expected_value", Shape::Number, ""),
            Field::new("tolerance", Shape::Scalar, ""),
            Field::new("max_value", Shape::Number, ""),
            Field::later("baseline"),
        ],
    },
    &Stand {
        name: "http",
        section: &["health_check_validation", "http_checks"],
        identity: &["url"],
        fields: &[
            Field::required("url", Shape::Text, "what is asked"),
            Field::new("expected_status", Shape::Scalar, ""),
            Field::new("timeout", Shape::Duration, ""),
            Field::new("retries", Shape::Number, ""),
        ],
    },
    &Stand {
        name: "tcp",
        section: &["health_check_validation", "tcp_checks"],
        identity: &["host", "port"],
        fields: &[
            Field::required("host", Shape::Text, "what is dialled"),
            Field::required("port", Shape::of::<u16>(), "at which port"),
            Field::new("timeout", Shape::Duration, ""),
            Field::new("retries", Shape::Number, ""),
        ],
    },
];

impl Kind for Stand {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        "a stand-in"
    }

    fn example(&self) -> &'static str {
        ""
    }

    fn section(&self) -> &'static [&'static str] {
        self.section
    }

    fn fields(&self) -> &'static [Field] {
        self.fields
    }

    fn identity(&self) -> &'static [&'static str] {
        self.identity
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn Spec>> {
        let source = self.name == "prometheus";
        let source = source.then(|| body.plain("source").map_or("prometheus".to_owned(), |(name, _)| name));
        let text =
            ["query", "url", "host"].into_iter().find(|key| self.fields.iter().any(|f| f.key == *key))?;
        let numbers = ["expected_value", "max_value", "retries"];
        let numbers = numbers.into_iter().filter(|key| self.fields.iter().any(|f| f.key == *key));
        let numbers = numbers.filter_map(|key| body.value::<f64>(key)).collect();
        let port = if self.name == "tcp" { body.value::<u16>("port") } else { None };
        let context = if self.name == "prometheus" { Context::Query } else { Context::Text };
        Some(Box::new(StandSpec { source, text: body.template(text, context)?, numbers, port }))
    }
}

#[derive(Debug)]
struct StandSpec {
    source: Option<String>,
    text: Template,
    numbers: Vec<Value<f64>>,
    port: Option<Value<u16>>,
}

impl Spec for StandSpec {
    fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    fn render(&self, cx: &RenderCx<'_>, problems: &mut Problems) -> Option<Rendered> {
        for problem in self.numbers.iter().filter_map(|number| number.render(cx.scope).err()) {
            problems.push(problem);
        }
        for problem in self.port.iter().filter_map(|port| port.render(cx.scope).err()) {
            problems.push(problem);
        }
        let text = self.text.render(cx.scope).map_err(|problem| problems.push(problem)).ok()?;
        let probe = Arc::new(StandProbe(text.as_str().into()));
        Some(Rendered::new(probe, Judging::default(), text))
    }
}

#[derive(Debug)]
struct StandProbe(Arc<str>);

impl Probe for StandProbe {
    fn target(&self) -> Arc<str> {
        self.0.clone()
    }

    fn request(&self, _: Timestamp) -> Vec<String> {
        Vec::new()
    }

    fn lane(&self) -> &str {
        &self.0
    }

    fn budget(&self) -> Duration {
        Duration::ZERO
    }

    fn measure<'a>(&'a self, _: Timestamp, _: &'a Host) -> BoxFuture<'a, Reading> {
        unreachable!("nothing is measured here")
    }
}
