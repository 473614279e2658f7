//! What the values of a metrics check are compared with: the same query at another time, another query, or earlier
//! windows; and how. Must not compare.

mod fields;
mod told;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::aim::Aim;
use super::asked::QuerySpec;
use super::earlier::Earlier;
use super::probe::{Apart, MetricProbe};
use super::{known, read, rendered};
use crate::check::{Beside, History, Probe, Purpose, RenderCx, Role};
use crate::host::clock::later;
use crate::policy::model::On;
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::Reader;
use crate::policy::relative::{Against, Floor, Relative, Test, Tolerance};
use crate::policy::template::{Scope, Template};
use crate::policy::value::{AtLeastOne, Period, Value};
use fields::{BASELINE, Confidence, PLACEBO, SET_ASIDE, TestWord, WAYS};
pub(super) use fields::{FIELDS, RULES};

/// From one placebo window to the next, where nothing is written.
const EVERY: Duration = Duration::from_secs(86_400);

/// How sure a test must be, where nothing is written.
const CONFIDENCE: f64 = 0.99;

/// Times before the rollout that are asked about at most.
const MOST_TIMES: u32 = 1000;

/// What the values are compared with, as it was read.
#[derive(Debug)]
enum AgainstSpec {
    Offset(Value<Period>),
    Before { span: Value<Period>, season: Option<Value<Period>> },
    Query(QuerySpec),
    Placebo { windows: Value<AtLeastOne>, every: Option<Value<Period>> },
}

/// What is asked for a baseline.
#[derive(Debug)]
pub(super) struct Asked {
    /// How far back the samples of both sides look.
    pub range: Duration,
    /// What is asked at every tick.
    pub beside: Vec<Beside>,
    /// What is asked once about the past.
    pub history: Vec<History>,
}

/// A baseline as it was read.
#[derive(Debug)]
pub(super) struct BaselineSpec {
    /// Where it is written.
    pub(super) place: Place,
    against: AgainstSpec,
    pub(super) increase: Option<Value<Tolerance>>,
    pub(super) decrease: Option<Value<Tolerance>>,
    floor: Option<Value<Floor>>,
    on_missing: Option<Value<On>>,
    test: bool,
    confidence: Option<Value<Confidence>>,
}

impl BaselineSpec {
    /// Reads `baseline` and the fields that go with it; `source` is asked where it names none. `sound` is cleared where
    /// something is wrong, which is reported.
    pub(super) fn read(
        source: &str,
        own: &Template,
        body: &mut Reader<'_, '_>,
        sound: &mut bool,
    ) -> Option<Self> {
        let Some(node) = body.node("baseline") else {
            for field in FIELDS {
                if !body.has(field.key) {
                    continue;
                }
                let message = format!("expected `baseline` beside `{}`, found none", field.key);
                let fault = Problem::at(body.key_place(field.key), message);
                body.problems
                    .push(fault.help("say what the values are compared with: `baseline: {offset: 1w}`"));
                *sound = false;
            }
            return None;
        };
        let place = body.key_place("baseline");
        let against = against(source, own, node, body.problems);
        *sound &= against.is_some();
        let test = body.known::<TestWord>("test").is_some();
        *sound &= test || !body.has("test");
        let spec = Self {
            place,
            against: against?,
            increase: read(body, "max_increase", sound),
            decrease: read(body, "max_decrease", sound),
            floor: read(body, "floor", sound),
            on_missing: read(body, "on_no_baseline", sound),
            test,
            confidence: read(body, "confidence", sound),
        };
        let decided = spec.decided();
        let fault = if matches!(spec.against, AgainstSpec::Placebo { .. }) && spec.test {
            let fault = Problem::at(body.key_place("test"), "expected no `test` beside `placebo`, found one");
            Some(fault.help("`placebo` is a test of its own: leave `test` out"))
        } else if decided.is_none() && body.has("confidence") {
            let message = "expected `test` or a `placebo` baseline beside `confidence`, found none";
            let fault = Problem::at(body.key_place("confidence"), message);
            Some(fault.help("a value is above its limit or it is not: only a test has a confidence"))
        } else if decided.is_none() && spec.increase.is_none() && spec.decrease.is_none() {
            let message = "expected `max_increase`, `max_decrease` or `test` beside `baseline`, found none";
            let fault = Problem::at(place, message);
            Some(fault.help("say how much of a change is allowed, such as `max_increase: 10%`"))
        } else if body.has("confirm") {
            let fault =
                Problem::at(body.key_place("confirm"), "expected no `confirm` beside `baseline`, found one");
            Some(fault.help("a baseline is asked over the range that is written: leave one of them out"))
        } else if body.has("expect_empty") && decided.is_none() {
            let message = "expected no `expect_empty` beside `baseline`, found one";
            let fault = Problem::at(body.key_place("expect_empty"), message);
            Some(fault.help("a result without series has no value to compare: leave one of them out"))
        } else {
            None
        };
        *sound &= fault.is_none();
        fault.into_iter().for_each(|fault| body.problems.push(fault));
        Some(spec)
    }

    const fn decided(&self) -> Option<Test> {
        match (&self.against, self.test) {
            (AgainstSpec::Placebo { .. }, _) => Some(Test::Placebo),
            (_, true) => Some(Test::MannWhitney),
            (_, false) => None,
        }
    }

    /// What decides it by rules of its own, and the fields that do not apply then.
    pub(super) fn set_aside(&self) -> Option<(&'static str, &'static [&'static str])> {
        let by = match self.decided()? {
            Test::MannWhitney => "test",
            Test::Placebo => "placebo",
        };
        Some((by, SET_ASIDE))
    }

    /// The query that it asks, and of whom.
    pub(super) const fn asks(&self) -> Option<&QuerySpec> {
        match &self.against {
            AgainstSpec::Query(query) => Some(query),
            _ => None,
        }
    }

    pub(super) const fn is_known(&self) -> bool {
        let against = match &self.against {
            AgainstSpec::Offset(span) => known(Some(span)),
            AgainstSpec::Before { span, season } => known(Some(span)) && known(season.as_ref()),
            AgainstSpec::Query(query) => known(query.timeout.as_ref()),
            AgainstSpec::Placebo { windows, every } => known(Some(windows)) && known(every.as_ref()),
        };
        let limits = known(self.increase.as_ref()) && known(self.decrease.as_ref());
        let rest = known(self.floor.as_ref()) && known(self.on_missing.as_ref());
        against && limits && rest && known(self.confidence.as_ref())
    }

    /// How values are held against it. `None` after reporting why.
    pub(super) fn relative(&self, scope: &Scope, problems: &mut Problems) -> Option<Relative> {
        let span = |value: &Value<Period>, problems: &mut Problems| {
            value.render(scope).map_err(|problem| problems.push(problem)).map(|Period(span)| span).ok()
        };
        let against = match &self.against {
            AgainstSpec::Offset(offset) => span(offset, problems).map(Against::Offset),
            AgainstSpec::Before { span: length, season } => {
                let length = span(length, problems);
                let season = season.as_ref().map(|season| span(season, problems));
                length.and_then(|span| {
                    Some(Against::Before { span, season: season.map_or(Some(None), |s| s.map(Some))? })
                })
            }
            AgainstSpec::Query(_) => Some(Against::Query),
            AgainstSpec::Placebo { windows, every } => {
                let windows = rendered(Some(windows), scope, problems).ok().flatten();
                let every = every.as_ref().map_or(Some(EVERY), |every| span(every, problems));
                windows.zip(every).map(|(AtLeastOne(windows), every)| Against::Placebo { windows, every })
            }
        };
        let increase = rendered(self.increase.as_ref(), scope, problems);
        let decrease = rendered(self.decrease.as_ref(), scope, problems);
        let floor = rendered(self.floor.as_ref(), scope, problems);
        let on_missing = rendered(self.on_missing.as_ref(), scope, problems);
        let confidence = rendered(self.confidence.as_ref(), scope, problems);
        Some(Relative {
            against: against?,
            increase: increase.ok()?,
            decrease: decrease.ok()?,
            floor: floor.ok()?.map_or(0.0, |Floor(floor)| floor),
            on_missing: on_missing.ok()?.unwrap_or_default(),
            test: self.decided(),
            confidence: confidence.ok()?.map_or(CONFIDENCE, |Confidence(confidence)| confidence),
            range: Duration::ZERO,
        })
    }

    /// What is asked for it beside the check's own question, `own`. `None` after reporting why.
    pub(super) fn ask(
        &self,
        against: Against,
        (own, aim): (&MetricProbe, Option<Aim>),
        lookback: Option<Duration>,
        cx: &RenderCx<'_>,
        problems: &mut Problems,
    ) -> Option<Asked> {
        let rollout = cx.anchor.map(|anchor| anchor.rollout);
        let mut asked = Asked { range: own.range(lookback), beside: Vec::new(), history: Vec::new() };
        let earlier =
            |by, windows| -> Arc<dyn Probe> { Arc::new(Earlier::new(own.clone(), by, windows, rollout)) };
        let mut beside = |role, probe| asked.beside.push(Beside { role, probe });
        match (against, &self.against) {
            (Against::Offset(by), _) => beside(Role::Baseline, earlier(by, None)),
            (Against::Placebo { windows, every }, _) => beside(Role::Baseline, earlier(every, Some(windows))),
            (Against::Before { span, season }, _) => {
                if let Some(by) = season {
                    beside(Role::Season, earlier(by, None));
                }
                // What is late must not be missing from the last of them.
                let end = rollout.unwrap_or(cx.deployed_at);
                let end = end.checked_sub(own.delay()).unwrap_or(end);
                let (times, step) = times(end, span, cx.interval);
                let as_written: Arc<dyn Probe> = Arc::new(own.as_written());
                let history = |purpose, times| History { purpose, probe: as_written.clone(), times, step };
                if let Some(by) = season {
                    let shifted = times.iter().map(|at| at.checked_sub(by).unwrap_or(Timestamp::MIN));
                    asked.history.push(history(Purpose::Season, shifted.collect()));
                }
                asked.history.push(history(Purpose::Baseline, times));
            }
            (Against::Query, AgainstSpec::Query(query)) => {
                let probe = query.probe(cx, aim, Apart::Ratio, problems)?;
                asked.range = asked.range.max(probe.range(lookback));
                asked.beside.push(Beside { role: Role::Baseline, probe: Arc::new(probe) });
            }
            (Against::Query, _) => {}
        }
        Some(asked)
    }
}

/// The times from `span` before `end` up to it, `interval` apart, or a multiple of it where those were too many.
fn times(end: Timestamp, span: Duration, interval: Duration) -> (Vec<Timestamp>, Duration) {
    let whole = u32::try_from(span.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u32::MAX);
    let step = interval.saturating_mul(whole.div_ceil(MOST_TIMES).max(1));
    let count = u32::try_from(span.as_nanos() / step.as_nanos().max(1)).unwrap_or(MOST_TIMES);
    let first = end.checked_sub(step.saturating_mul(count)).unwrap_or(Timestamp::MIN);
    ((0..=count).map(|k| later(first, step.saturating_mul(k))).collect(), step)
}

fn against(
    source: &str,
    own: &Template,
    node: &crate::policy::node::Node,
    problems: &mut Problems,
) -> Option<AgainstSpec> {
    let mut body = Reader::open(node, "`baseline`", &[BASELINE], problems)?;
    let found: Vec<&str> = WAYS.iter().copied().filter(|key| body.has(key)).collect();
    let mut sound = true;
    let mut fault = |problem: Problem, body: &mut Reader<'_, '_>| {
        body.problems.push(problem);
        sound = false;
    };
    match *found {
        [_] => {}
        [] => {
            let message =
                "expected one of `offset`, `before`, `query` and `placebo` in `baseline`, found none";
            let problem = Problem::at(body.place, message);
            fault(problem.help("`baseline: {offset: 1w}` is the same query a week earlier"), &mut body);
        }
        [first, second, ..] => {
            let message = format!("expected `{first}` or `{second}`, found both");
            let problem = Problem::at(body.key_place(second), message);
            fault(
                problem.help("a check has one baseline: compare with each in a check of its own"),
                &mut body,
            );
        }
    }
    for (key, other) in [("season", "before"), ("source", "query"), ("timeout", "query")] {
        if body.has(key) && !body.has(other) && !found.is_empty() {
            let message = format!("expected `{other}` beside `{key}`, found none");
            let problem = Problem::at(body.key_place(key), message);
            fault(problem, &mut body);
        }
    }
    if body.has("before") && own.changes() {
        let message = "expected a query without `elapsed` beside `before`, found one with it";
        let problem = Problem::at(body.key_place("before"), message);
        fault(problem.help("before the rollout no time has passed since: compare by `offset`"), &mut body);
    }
    let against = match *found {
        ["offset"] => body.value("offset").map(AgainstSpec::Offset),
        ["before"] => {
            let season = read(&mut body, "season", &mut sound);
            body.value("before").map(|span| AgainstSpec::Before { span, season })
        }
        ["query"] => QuerySpec::read(source, &mut body, &mut sound).map(AgainstSpec::Query),
        ["placebo"] => {
            let node = body.node("placebo")?;
            let mut body = Reader::open(node, "`placebo`", &[PLACEBO], body.problems)?;
            let every = read(&mut body, "every", &mut sound);
            body.value("windows").map(|windows| AgainstSpec::Placebo { windows, every })
        }
        _ => None,
    };
    against.filter(|_| sound)
}
