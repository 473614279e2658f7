//! What is asked beside the samples of a metrics check: whether there is traffic to judge, which version takes it, how
//! old the data is, what was there before the deployment. Must not judge the answers; the gate does.

use std::sync::Arc;
use std::time::Duration;

use super::aim::Aim;
use super::asked::{self, QuerySpec};
use super::probe::{Apart, MetricProbe};
use super::{MetricSpec, joined, read};
use crate::check::{Beside, Companion, History, Probe, Purpose, RenderCx, Role};
use crate::policy::context::{
    MAX_DATA_AGE, ON_DATA_LOST, OnDataLost, PRE_EXISTING, PreExisting, Words, WordsSpec,
};
use crate::policy::criterion::Number;
use crate::policy::form::Form;
use crate::policy::model::Judging;
use crate::policy::node::Node;
use crate::policy::problem::{Place, Problem, Problems, Severity};
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::spoken::{Settled, number, settled, span};
use crate::policy::template::Scope;
use crate::policy::value::{Share, Value};
use crate::policy::window::{OldData, Reaching};
use crate::promql::ast::{Expr, Node as Part};
use crate::promql::{self, Options};

/// The share of the traffic from which on a version is live, where none is written.
const MIN_SHARE: f64 = 0.5;

/// The fields that a gate and its metrics checks share.
pub const CONTEXT: &[Field] = &[
    Field::new(
        "evidence",
        Shape::Object(EVIDENCE),
        "a query that shows whether there is traffic to judge, of metrics checks",
    ),
    PRE_EXISTING,
    MAX_DATA_AGE,
    ON_DATA_LOST,
];

/// The gate's `expect_version`.
pub const EXPECT_VERSION: Field = Field::new(
    "expect_version",
    Shape::Object(VERSION),
    "a query that shows which share of the traffic the new version takes",
);

/// What every question has.
const ASKED: &[Field] = &[
    Field::required("query", Shape::Of(Form::FILLED), "what is asked at each tick"),
    asked::SOURCE,
    asked::TIMEOUT_FIELD,
];

const EVIDENCE: &[Field] = &joined::<4>(&[
    ASKED,
    &[Field::required("min_value", Shape::Number, "the smallest value that is traffic enough")],
]);

const VERSION: &[Field] = &joined::<4>(&[
    ASKED,
    &[Field::new("min_share", Shape::of::<Share>(), "the share of the traffic from which on it is live")
        .default("50%")],
]);

/// `evidence` as it was read.
#[derive(Debug, Clone)]
struct EvidenceSpec {
    asked: QuerySpec,
    min: Value<f64>,
}

/// What a gate or a check says of the context of its samples, as it was read.
#[derive(Debug, Clone, Default)]
pub struct ContextSpec {
    evidence: Option<EvidenceSpec>,
    words: WordsSpec,
}

/// `expect_version` as it was read.
#[derive(Debug, Clone)]
pub struct VersionSpec {
    asked: QuerySpec,
    min_share: Option<Value<Share>>,
}

impl ContextSpec {
    /// Reads the fields of [`CONTEXT`]; `source` is asked where none is named. What is wrong is reported.
    pub fn read(source: &str, body: &mut Reader<'_, '_>, sound: &mut bool) -> Self {
        let evidence = body.node("evidence").and_then(|node| {
            let evidence = EvidenceSpec::read(source, node, body.problems);
            *sound &= evidence.is_some();
            evidence
        });
        Self { evidence, words: WordsSpec::read(body) }
    }

    /// What is written, each a sentence without its end, as far as `scope` goes, and under `defaults` what holds where
    /// nothing is; what is known and wrong is reported.
    pub fn told(&self, defaults: bool, scope: &Scope, problems: &mut Problems) -> Vec<String> {
        let evidence = self.evidence.as_ref().map(|evidence| {
            let least = settled(Some(&evidence.min), scope, problems);
            let least = least.map(|least| least.say(|least| number(*least))).unwrap_or_default();
            let query = evidence.asked.query.settled(scope).text;
            format!(
                "judged only where `{query}` is at least {least}: below that there is no traffic to judge"
            )
        });
        let age = settled(self.words.max_data_age.as_ref(), scope, problems).map(|age| {
            format!("a series whose newest sample is older than {} is no data", age.say(|age| span(age.0)))
        });
        let lost = settled(self.words.on_data_lost.as_ref(), scope, problems).map(|on| {
            let means = on.say(|on| match on {
                OnDataLost::Fail => "a breach".to_owned(),
                OnDataLost::Inconclusive => "no data".to_owned(),
            });
            format!("where series are gone that were there before the deployment, it is {means}")
        });
        let default = Value::Known(PreExisting::default(), Place { source: 0, start: 0, end: 0 });
        let before = self.words.pre_existing.as_ref().or(defaults.then_some(&default));
        let before = before.and_then(|on| told_before(on, scope, problems));
        [evidence, age, lost, before].into_iter().flatten().collect()
    }

    /// What a failure means that was as bad before the rollout, for a check that says `own` of it.
    pub(super) fn pre_existing(
        own: Option<&Value<PreExisting>>,
        cx: &RenderCx<'_>,
        problems: &mut Problems,
    ) -> PreExisting {
        let of_gate = cx.gate.context.and_then(|gate| gate.words.pre_existing.as_ref());
        super::rendered(own.or(of_gate), cx.scope, problems).ok().flatten().unwrap_or_default()
    }

    /// The queries in it.
    pub fn companions(&self) -> Vec<Companion<'_>> {
        self.evidence.iter().map(|evidence| evidence.asked.companion()).collect()
    }
}

/// What `pre_existing` means, a sentence without its end.
pub(super) fn told_before(on: &Value<PreExisting>, scope: &Scope, problems: &mut Problems) -> Option<String> {
    let means = settled(Some(on), scope, problems)?.say(|on| match on {
        PreExisting::Inconclusive => "is inconclusive: going back cannot mend it".to_owned(),
        PreExisting::Alert => "is an alert: going back cannot mend it".to_owned(),
        PreExisting::Rollback => "means what any other does".to_owned(),
    });
    Some(format!("a failure that was as bad before the rollout {means}"))
}

impl EvidenceSpec {
    fn read(source: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut body = Reader::open(node, "`evidence`", &[EVIDENCE], problems)?;
        let mut sound = true;
        let asked = QuerySpec::read(source, &mut body, &mut sound);
        let min = read(&mut body, "min_value", &mut sound);
        Some(Self { asked: asked?, min: min? }).filter(|_| sound)
    }
}

impl VersionSpec {
    /// Reads `expect_version`; `source` is asked where none is named. `None` after reporting why.
    pub fn read(source: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut body = Reader::open(node, "`expect_version`", &[VERSION], problems)?;
        let mut sound = true;
        let asked = QuerySpec::read(source, &mut body, &mut sound);
        let min_share: Option<Value<Share>> = read(&mut body, "min_share", &mut sound);
        if let Some(Value::Known(Share(0.0), place)) = min_share {
            let fault =
                Problem::at(place, "expected a `min_share` above 0, found one that everything reaches");
            body.problems.push(fault.help("a share like `50%`, from which on the new version is live"));
            sound = false;
        }
        Some(Self { asked: asked?, min_share }).filter(|_| sound)
    }

    /// The query.
    pub fn companion(&self) -> Companion<'_> {
        self.asked.companion()
    }

    /// What it means, in sentences, as far as `scope` goes; what is known and wrong is reported.
    pub fn told(&self, scope: &Scope, problems: &mut Problems) -> String {
        let share =
            settled(self.min_share.as_ref(), scope, problems).unwrap_or(Settled::Known(Share(MIN_SHARE)));
        format!(
            "Nothing is judged until `{}` says that the new version takes {} of the traffic; if it never does, the gate is \
             inconclusive. Before a rollback that is asked again: where another version runs by then, nothing is rolled \
             back, and the gate is inconclusive.",
            self.asked.query.settled(scope).text,
            share.say(|share| format!("{}%", Number(share.0 * 100.0))),
        )
    }

    /// What asks it, beside every check. `None` after reporting why.
    pub fn render(&self, cx: &RenderCx<'_>, problems: &mut Problems) -> Option<Beside> {
        let share = super::rendered(self.min_share.as_ref(), cx.scope, problems);
        // It is asked as it is written: it tells the versions apart by itself.
        let probe = self.asked.probe(cx, None, Apart::Ratio, problems);
        let Share(share) = share.ok()?.unwrap_or(Share(MIN_SHARE));
        Some(Beside { role: Role::Version(share), probe: Arc::new(probe?) })
    }
}

/// What a check's own question is, of which others are made.
pub(super) struct Own<'o> {
    /// What asks it.
    pub probe: &'o MetricProbe,
    /// How its answer is judged.
    pub judging: &'o Judging,
    /// How its samples stand to the deployment.
    pub reaching: Reaching,
}

impl MetricSpec {
    /// What is asked beside `own` at each tick.
    pub(super) fn beside(&self, own: &Own<'_>, cx: &RenderCx<'_>, problems: &mut Problems) -> Vec<Beside> {
        let mut beside = Vec::new();
        let of_gate = cx.gate.context.and_then(|gate| gate.evidence.as_ref());
        if let Some(evidence) = self.context.evidence.as_ref().or(of_gate) {
            // A growing count over a shorter range is still at least that.
            let aim = cx.anchor.map(|anchor| Aim::new(anchor, own.reaching, true, cx.rhythm));
            let min = super::rendered(Some(&evidence.min), cx.scope, problems);
            let probe = evidence.asked.probe(cx, aim, Apart::Ratio, problems);
            if let (Ok(Some(min)), Some(probe)) = (min, probe) {
                beside.push(Beside { role: Role::Evidence(min), probe: Arc::new(probe) });
            }
        }
        let words = self.words(cx, problems);
        beside.extend(self.ages(own, words, problems));
        if self.confirm.is_some() {
            beside.push(Beside { role: Role::Confirm, probe: Arc::new(own.probe.short(own.reaching)) });
        }
        beside
    }

    fn words(&self, cx: &RenderCx<'_>, problems: &mut Problems) -> Words {
        let of_gate = cx.gate.context.map(|gate| gate.words.clone()).unwrap_or_default();
        self.context.words.render(&of_gate, cx.scope, problems)
    }

    /// What shows how old the data is that `own` looks at.
    fn ages(&self, own: &Own<'_>, words: Words, problems: &mut Problems) -> Vec<Beside> {
        let Some(limit) = words.max_data_age else { return Vec::new() };
        let source = own.probe.source();
        let options = Options { dialect: source.dialect(), holes: false };
        let Ok(expr) = promql::parse(own.probe.first(), options).sound() else {
            let message = "`max_data_age` is not looked at: the query cannot be read in its dialect";
            let problem = Problem::at(self.asked.query.place, message);
            problems.push(Problem { severity: Severity::Warning, ..problem });
            return Vec::new();
        };
        // What asks for absence has no samples while all is well.
        let absent = |part: &&Expr| matches!(&part.node, Part::Call(call) if call.is_any(&["absent", "absent_over_time"]));
        if expr.all().iter().any(absent) {
            return Vec::new();
        }
        let Some(window) = own.probe.window() else { return Vec::new() };
        let ask = |query: String| -> Arc<dyn Probe> { Arc::new(own.probe.other(&query)) };
        let bare = matches!(expr.bare().node, Part::Selector(_));
        let one = |selector: &String| {
            if bare {
                let probe = ask(format!("time() - timestamp({selector})"));
                return Beside { role: Role::SeriesAge(limit), probe };
            }
            Beside { role: Role::Age(limit), probe: ask(format!("min(time() - timestamp({selector}))")) }
        };
        window.selectors().iter().map(one).collect()
    }

    /// What is asked once of the time before the deployment.
    pub(super) fn history(&self, own: &Own<'_>, cx: &RenderCx<'_>) -> Vec<History> {
        let Some(anchor) = cx.anchor else { return Vec::new() };
        // Whatever is wrong has been told.
        let words = self.words(cx, &mut Problems::default());
        let written: Arc<dyn Probe> = Arc::new(own.probe.as_written());
        let mut history = Vec::new();
        let mut ask = |purpose| {
            let (times, step) = (vec![anchor.rollout], Duration::ZERO);
            history.push(History { purpose, probe: written.clone(), times, step });
        };
        // What is compared has its own measure of how it was.
        let compared = own.judging.relative.is_some();
        let asked = own.reaching.old_data != OldData::Allow && !compared;
        if words.pre_existing != PreExisting::Rollback && asked {
            ask(Purpose::PreExisting(words.pre_existing));
        }
        // An empty result is what is wanted there.
        if let Some(on) = words.on_data_lost.filter(|_| !own.judging.expect_empty) {
            ask(Purpose::Lost(on));
        }
        history
    }
}
