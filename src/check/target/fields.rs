//! Reading what probes of a target have in common in the policy: the pace, and values that are checked as early as
//! they are known. Must not know any kind in particular.

use std::time::Duration;

use super::Pace;
use crate::check::Longest;
use crate::policy::form::Form;
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::spoken::{Settled, settled, span};
use crate::policy::template::{Scope, Template};
use crate::policy::value::{SPAN_ABOVE_ZERO, Scalar, Value};

/// `timeout`.
pub(in crate::check) const TIMEOUT: Field = Field::new(
    "timeout",
    Shape::of::<Span>(),
    "how long one attempt may take, name look-up and redirects included",
)
.default("10s");
/// `retries`.
pub(in crate::check) const RETRIES: Field =
    Field::new("retries", Shape::of::<u32>(), "further attempts within a tick after one that was not met")
        .default("0");
/// `retry_delay`.
pub(in crate::check) const RETRY_DELAY: Field =
    Field::new("retry_delay", Shape::Duration, "the wait before each further attempt").default("1s");

/// How long an attempt may take where nothing is written.
const LONGEST: Duration = Duration::from_secs(10);

/// The wait before a further attempt where nothing is written.
const PAUSE: Duration = Duration::from_secs(1);

/// The pace as it was read.
#[derive(Debug)]
pub(in crate::check) struct PaceSpec {
    timeout: Option<Value<Span>>,
    retries: Option<Value<u32>>,
    retry_delay: Option<Value<Duration>>,
}

impl PaceSpec {
    pub(in crate::check) fn parse(body: &mut Reader<'_, '_>) -> Self {
        Self {
            timeout: body.value("timeout"),
            retries: body.value("retries"),
            retry_delay: body.value("retry_delay"),
        }
    }

    /// How long and how often it is tried, in words, and how long that can take in all.
    pub(in crate::check) fn told(
        &self,
        scope: &Scope,
        problems: &mut Problems,
    ) -> (Vec<String>, Option<Duration>) {
        let timeout =
            settled(self.timeout.as_ref(), scope, problems).unwrap_or(Settled::Known(Span(LONGEST)));
        let retries = settled(self.retries.as_ref(), scope, problems).unwrap_or(Settled::Known(0));
        let delay = settled(self.retry_delay.as_ref(), scope, problems).unwrap_or(Settled::Known(PAUSE));
        let budget = match (timeout.known(), retries.known(), delay.known()) {
            (Some(Span(timeout)), Some(retries), Some(retry_delay)) => {
                Some(Pace { timeout: *timeout, retries: *retries, retry_delay: *retry_delay }.budget())
            }
            _ => None,
        };
        let within = timeout.say(|Span(timeout)| span(*timeout));
        let again = match &retries {
            Settled::Known(0) => String::new(),
            retries => {
                let times = retries.say(|retries| match retries {
                    1 => "once more".to_owned(),
                    more => format!("up to {more} times more"),
                });
                format!(", and {times} with {} between before it counts", delay.say(|delay| span(*delay)))
            }
        };
        (vec![format!("tried for {within}{again}")], budget)
    }

    pub(in crate::check) fn render(&self, scope: &Scope, problems: &mut Problems) -> Option<Pace> {
        let timeout = typed(self.timeout.as_ref(), scope, problems);
        let retries = typed(self.retries.as_ref(), scope, problems);
        let retry_delay = typed(self.retry_delay.as_ref(), scope, problems);
        Some(Pace {
            timeout: timeout?.map_or(LONGEST, |Span(span)| span),
            retries: retries?.unwrap_or(0),
            retry_delay: retry_delay?.unwrap_or(PAUSE),
        })
    }

    /// How long a tick can take, where all of that is written as itself and some of it is written.
    pub(in crate::check) fn longest(&self) -> Option<Longest> {
        let some = |retries: &&Value<u32>| !matches!(retries, Value::Known(0, _));
        let retries = self.retries.as_ref().filter(some).map(Value::place);
        let place = self.timeout.as_ref().map(Value::place).or(retries)?;
        let pace = self.render(&Scope::default(), &mut Problems::default())?;
        let timeout = humantime::format_duration(pace.timeout);
        let of = match pace.retries {
            0 => format!("an attempt of {timeout}"),
            retries => {
                let delay = humantime::format_duration(pace.retry_delay);
                format!("{} attempts of {timeout}, {delay} apart", retries.saturating_add(1))
            }
        };
        Some(Longest { span: pace.budget(), place, of })
    }
}

/// A duration that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) struct Span(pub(in crate::check) Duration);

impl Scalar for Span {
    const EXPECTED: &'static str = "a duration above zero like `10s`";
    const FORM: Form = Form::matching(Self::EXPECTED, SPAN_ABOVE_ZERO);

    fn read(text: &str) -> Option<Self> {
        Duration::read(text).filter(|span| !span.is_zero()).map(Self)
    }
}

/// A value that may be absent. `None` after reporting a fault.
#[expect(clippy::option_option, reason = "the outer one is the report's, as everywhere in rendering")]
pub(in crate::check) fn typed<T: Scalar + Clone>(
    value: Option<&Value<T>>,
    scope: &Scope,
    problems: &mut Problems,
) -> Option<Option<T>> {
    value.map_or(Some(None), |value| kept(value.render(scope), problems).map(Some))
}

/// A template that may be absent, and what `check` makes of its text. `None` after reporting a fault.
#[expect(clippy::option_option, reason = "the outer one is the report's, as everywhere in rendering")]
pub(in crate::check) fn checked<T>(
    template: Option<&Template>,
    scope: &Scope,
    problems: &mut Problems,
    check: impl Fn(&str, Place) -> Result<T, Problem>,
) -> Option<Option<T>> {
    let Some(template) = template else { return Some(None) };
    let made = template.render(scope).and_then(|text| check(&text, template.place));
    kept(made, problems).map(Some)
}

/// Reports what `check` says of a template that waits for no variable. Whether it is fit so far.
pub(in crate::check) fn early<T>(
    template: Option<&Template>,
    problems: &mut Problems,
    check: impl Fn(&str, Place) -> Result<T, Problem>,
) -> bool {
    let settled = template.filter(|template| template.variables().next().is_none());
    checked(settled, &Scope::default(), problems, check).is_some()
}

/// The value, or a report of why there is none.
pub(in crate::check) fn kept<T>(made: Result<T, Problem>, problems: &mut Problems) -> Option<T> {
    made.map_err(|problem| problems.push(problem)).ok()
}
