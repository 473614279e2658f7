//! A query and whom it is asked of: what a metrics check and the questions beside it have in common. Must not know what
//! its values mean.

use std::sync::Arc;
use std::time::Duration;

use super::aim::Aim;
use super::probe::{Apart, MetricProbe, Query};
use super::{read, rendered};
use crate::check::{Companion, MetricSource, RenderCx};
use crate::policy::form::Form;
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::template::{Context, Scope, Template};
use crate::policy::value::Value;

/// How long a source may take when the policy does not say.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Whom it is asked of.
pub(super) const SOURCE: Field = Field::new(
    "source",
    Shape::Of(Form::NAME),
    "the metrics integration that is asked; by default the kind's own name",
);

/// How long the answer may take.
pub(super) const TIMEOUT_FIELD: Field =
    Field::new("timeout", Shape::Duration, "how long the source may take to answer").default("10s");

/// A query as it was read.
#[derive(Debug, Clone)]
pub(crate) struct QuerySpec {
    /// The query.
    pub query: Template,
    /// The integration that is asked, and where it is named.
    pub source: (String, Place),
    /// How long it may take.
    pub(super) timeout: Option<Value<Duration>>,
    place: Place,
}

impl QuerySpec {
    /// Reads `query`, `source` and `timeout`; `source` is asked where none is named. `None` after reporting why.
    pub(crate) fn read(source: &str, body: &mut Reader<'_, '_>, sound: &mut bool) -> Option<Self> {
        let Whom { source, timeout, place } = Whom::read(source, body, sound);
        let query = body.template("query", Context::Query);
        if let Some(query) = query.as_ref().filter(|query| query.text.trim().is_empty()) {
            body.fault(query.place, "expected a query, found an empty text");
            *sound = false;
        }
        Some(Self { query: query?, source, timeout, place })
    }

    /// The query and whom it is asked of.
    pub(super) fn companion(&self) -> Companion<'_> {
        Companion { query: &self.query, source: (&self.source.0, self.source.1) }
    }

    /// How long the answer may take. `None` after reporting why.
    pub(super) fn timeout(&self, scope: &Scope, problems: &mut Problems) -> Option<Duration> {
        limit(self.timeout.as_ref(), self.place, scope, problems)
    }

    /// The source that is asked. One that is not there could not be connected, and whoever tried has said why.
    pub(super) fn source(&self, cx: &RenderCx<'_>) -> Option<Arc<dyn MetricSource>> {
        cx.sources.get(&self.source.0).cloned()
    }

    /// What asks it at a tick. `None` after reporting why.
    pub(super) fn probe(
        &self,
        cx: &RenderCx<'_>,
        aim: Option<Aim>,
        apart: Apart,
        problems: &mut Problems,
    ) -> Option<MetricProbe> {
        let timeout = self.timeout(cx.scope, problems);
        let source = self.source(cx);
        let first = self.query.render(&cx.scope.at(Duration::ZERO));
        let first = first.map_err(|problem| problems.push(problem)).ok();
        let (timeout, source, first) = (timeout?, source?, first?);
        // What variables put outside of strings may fit and still make no query.
        if self.query.variables().next().is_some() {
            let before = problems.any_fault();
            let scope = cx.scope.at(Duration::ZERO);
            crate::policy::query::check_rendered(&self.query, &scope, source.dialect(), problems);
            if problems.any_fault() && !before {
                return None;
            }
        }
        let first: Arc<str> = Arc::from(first);
        let query = if self.query.changes() {
            Query::PerTick {
                template: self.query.clone(),
                scope: cx.scope.clone(),
                deployed_at: cx.deployed_at,
                first,
            }
        } else {
            Query::Fixed(first)
        };
        Some(MetricProbe::new(source, query, timeout, aim, apart, cx.rhythm.clone()))
    }
}

/// Who is asked, and for how long, as it was read.
#[derive(Debug, Clone)]
pub(super) struct Whom {
    /// The integration that is asked, and where it is named.
    pub source: (String, Place),
    /// How long it may take.
    pub timeout: Option<Value<Duration>>,
    place: Place,
}

impl Whom {
    /// Reads `source` and `timeout`; `source` is asked where none is named.
    pub(super) fn read(source: &str, body: &mut Reader<'_, '_>, sound: &mut bool) -> Self {
        let source = match body.plain("source") {
            Some(written) => written,
            None => {
                *sound &= !body.has("source");
                (source.to_owned(), body.place)
            }
        };
        Self { source, timeout: read(body, "timeout", sound), place: body.place }
    }

    /// How long the answer may take. `None` after reporting why.
    pub(super) fn timeout(&self, scope: &Scope, problems: &mut Problems) -> Option<Duration> {
        limit(self.timeout.as_ref(), self.place, scope, problems)
    }
}

fn limit(
    timeout: Option<&Value<Duration>>,
    check: Place,
    scope: &Scope,
    problems: &mut Problems,
) -> Option<Duration> {
    let limit = rendered(timeout, scope, problems).ok()?.unwrap_or(TIMEOUT);
    if limit < Duration::from_millis(1) {
        let place = timeout.map_or(check, Value::place);
        problems.push(Problem::at(place, "expected a `timeout` of `1ms` or more, found less"));
        return None;
    }
    Some(limit)
}
