//! A baseline in words, before it is rendered. Must not read the query.

use super::{AgainstSpec, BaselineSpec, CONFIDENCE, Confidence, EVERY};
use crate::policy::criterion::Number;
use crate::policy::model::On;
use crate::policy::problem::Problems;
use crate::policy::relative::{Floor, Test, Tolerance};
use crate::policy::spoken::{self, Settled, settled, span};
use crate::policy::template::Scope;
use crate::policy::value::{AtLeastOne, Period, Value};

impl BaselineSpec {
    /// What must hold, each read after "must".
    pub(in crate::check::metric) fn told(&self, scope: &Scope, problems: &mut Problems) -> Vec<String> {
        let than = self.than(scope, problems);
        let mut said = |value: Option<&Value<Tolerance>>| {
            settled(value, scope, problems).map(|value| {
                value.say(|value| match value {
                    Tolerance::Absolute(off) => spoken::number(*off),
                    Tolerance::Relative(share) => format!("{}%", Number(share * 100.0)),
                })
            })
        };
        let (more, less) = (said(self.increase.as_ref()), said(self.decrease.as_ref()));
        let floor = settled(self.floor.as_ref(), scope, problems);
        let floor = floor.map(|floor| floor.say(|Floor(floor)| spoken::number(*floor)));
        let floor = floor.map(|floor| format!(" (a difference up to {floor} is none)")).unwrap_or_default();
        let what = match (more, less) {
            (Some(more), Some(less)) => format!("be at most {more} more and at most {less} less than {than}"),
            (Some(more), None) => format!("be at most {more} more than {than}"),
            (None, Some(less)) => format!("be at most {less} less than {than}"),
            (None, None) => format!("not differ from {than}"),
        };
        let missing = match settled(self.on_missing.as_ref(), scope, problems) {
            None | Some(Settled::Known(On::Inconclusive)) => "is no data".to_owned(),
            Some(Settled::Known(On::Fail)) => "counts as a breach".to_owned(),
            Some(Settled::Known(On::Pass)) => "counts as within".to_owned(),
            Some(Settled::Tag(tag)) => format!("counts as `{tag}` says"),
        };
        vec![format!("{what}{floor}"), format!("have a baseline: a value without one {missing}")]
    }

    /// What decides it once; empty where its breaches are counted.
    pub(in crate::check::metric) fn decided_by(&self, scope: &Scope, problems: &mut Problems) -> String {
        let confidence = settled(self.confidence.as_ref(), scope, problems);
        let confidence = confidence.unwrap_or(Settled::Known(Confidence(CONFIDENCE)));
        let confidence = confidence.say(|Confidence(share)| format!("{}%", Number(share * 100.0)));
        match self.decided() {
            None => String::new(),
            Some(Test::MannWhitney) => {
                format!("a test of the ranks of all samples of both sides, at a confidence of {confidence}")
            }
            Some(Test::Placebo) => {
                format!("its rank among the earlier windows, at a confidence of {confidence}")
            }
        }
    }

    /// What it is compared with, read after "than".
    fn than(&self, scope: &Scope, problems: &mut Problems) -> String {
        let mut period = |value: &Value<Period>| {
            let value = settled(Some(value), scope, problems);
            value.map(|value| value.say(|Period(length)| span(*length))).unwrap_or_default()
        };
        match &self.against {
            AgainstSpec::Offset(offset) => format!("the same query {} earlier", period(offset)),
            AgainstSpec::Before { span, season: None } => {
                format!("its mean over the {} before the rollout", period(span))
            }
            AgainstSpec::Before { span, season: Some(season) } => {
                let (span, season) = (period(span), period(season));
                format!("its mean over the {span} before the rollout, times what changed {season} earlier")
            }
            AgainstSpec::Query(query) => format!("`{}` at the same time", query.query.settled(scope).text),
            AgainstSpec::Placebo { windows, every } => {
                let every = every.as_ref().map_or_else(|| span(EVERY), &mut period);
                let windows = settled(Some(windows), scope, problems);
                let windows = windows.map(|windows| windows.say(|AtLeastOne(count)| count.to_string()));
                format!("the median of {} earlier windows, {every} apart", windows.unwrap_or_default())
            }
        }
    }
}
