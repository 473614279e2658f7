//! A metrics check in words, before it is rendered: its limits as one says them. Must not read the query; who explains
//! it does.

use super::asked::TIMEOUT;
use super::patience::{ATTEMPTS, budget};
use super::{MetricSpec, aim};
use crate::check::{Due, Limits, Spec as _, Told};
use crate::policy::criterion::Number;
use crate::policy::model::{Count, Require};
use crate::policy::problem::Problems;
use crate::policy::query;
use crate::policy::relative::Tolerance;
use crate::policy::spoken::{self, Settled, settled, span};
use crate::policy::template::Scope;
use crate::policy::value::Share;
use crate::policy::window::Reaching;
use crate::promql::Dialect;
use crate::promql::window::Window;
use std::time::Duration;

fn number(value: &Settled<f64>) -> String {
    value.say(|value| spoken::number(*value))
}

impl MetricSpec {
    pub(super) fn in_words(&self, scope: &Scope, reaching: Reaching, problems: &mut Problems) -> Told {
        let query = self.asked.query.settled(scope).text;
        let reaching = self.reaching.settled(reaching, scope, problems);
        let timeout =
            settled(self.asked.timeout.as_ref(), scope, problems).unwrap_or(Settled::Known(TIMEOUT));
        let how = vec![format!("tried up to {ATTEMPTS} times, for {} each", timeout.say(|time| span(*time)))];
        let least = settled(self.limits.min_series.as_ref(), scope, problems);
        let (mut must, none) = self.limits(scope, problems);
        let among = if none { String::new() } else { self.among(scope, problems) };
        let decided_by = match &self.baseline {
            Some(baseline) => {
                must.extend(baseline.told(scope, problems));
                baseline.decided_by(scope, problems)
            }
            None => String::new(),
        };
        let least = least.filter(|least| least.known().is_none_or(|least| *least > 1));
        if let Some(least) = least {
            let series = least.say(|least| format!("{least}"));
            must.push(format!("have at least {series} series, else it is no data"));
        }
        if let Some(Settled::Known(Count::Series)) = settled(self.limits.count.as_ref(), scope, problems) {
            must.push("hold for each series by itself: their breaches are counted apart".to_owned());
        }
        Told {
            name: query.clone(),
            asked: query,
            how,
            must,
            among: if decided_by.is_empty() { among } else { String::new() },
            decided_by,
            by_events: None,
            has_past: true,
            context: {
                let short = "a breach counts only where the same query over its shortest range breaches too";
                let confirm = self.confirm.as_ref().map(|_| short.to_owned());
                self.context.told(false, scope, problems).into_iter().chain(confirm).collect()
            },
            due: self.due(scope, reaching),
            reaching: Some(reaching),
            budget: timeout.known().copied().map(budget),
        }
    }

    /// Which of its ticks are due, where nothing is learnt.
    fn due(&self, scope: &Scope, reaching: Reaching) -> Due {
        let rendered = query::read_rendered(&self.asked.query, &scope.at(Duration::ZERO), Dialect::default());
        let settled = self.asked.query.settled(scope);
        let (known, read) = match rendered {
            Ok(read) => (true, vec![read]),
            Err(_) => (false, query::read(&settled, Dialect::default())),
        };
        if self.reaching.undecided(scope) {
            return Due::Unknown;
        }
        let Limits { expected, min, max, .. } = self.facts().limits;
        let caps = max.is_some() && min.is_none() && expected.is_none();
        let (mut needs, mut tells) = (None, None);
        for read in &read {
            let Some(expr) = read.expr().filter(|_| read.is_sound()) else { continue };
            let window = Window::of(&read.skeleton().text, expr);
            if window.unknown() && !known {
                return Due::Unknown;
            }
            needs = needs.max(aim::needs(&window, reaching));
            tells = tells.max(aim::tells(&window, reaching).filter(|_| caps));
        }
        match needs {
            None => Due::All,
            Some(needs) => Due::After { needs, tells, deployment: self.asked.query.changes() },
        }
    }

    /// What must hold, and whether that is an empty result.
    fn limits(&self, scope: &Scope, problems: &mut Problems) -> (Vec<String>, bool) {
        match settled(self.limits.expect_empty.as_ref(), scope, problems) {
            Some(Settled::Known(true)) => return (vec!["find no series at all".to_owned()], true),
            Some(Settled::Tag(tag)) => {
                return (vec![format!("find no series at all, if `{tag}` says so")], false);
            }
            Some(Settled::Known(false)) | None => {}
        }
        let mut must = Vec::new();
        if let Some(expected) = settled(self.limits.expected.as_ref(), scope, problems) {
            let expected = number(&expected);
            must.push(match settled(self.limits.tolerance.as_ref(), scope, problems) {
                None | Some(Settled::Known(Tolerance::Absolute(0.0) | Tolerance::Relative(0.0))) => {
                    format!("be {expected}")
                }
                Some(Settled::Known(Tolerance::Absolute(off))) => {
                    format!("be {expected}, give or take {}", spoken::number(off))
                }
                Some(Settled::Known(Tolerance::Relative(share))) => {
                    format!("be {expected}, give or take {}% of it", Number(share * 100.0))
                }
                Some(Settled::Tag(tag)) => format!("be {expected}, give or take `{tag}`"),
            });
        }
        let min = settled(self.limits.min.as_ref(), scope, problems).as_ref().map(number);
        let max = settled(self.limits.max.as_ref(), scope, problems).as_ref().map(number);
        must.extend(match (min, max) {
            (Some(min), Some(max)) => Some(format!("stay from {min} to {max}")),
            (Some(min), None) => Some(format!("stay at or above {min}")),
            (None, Some(max)) => Some(format!("stay at or below {max}")),
            (None, None) => None,
        });
        (must, false)
    }

    fn among(&self, scope: &Scope, problems: &mut Problems) -> String {
        match settled(self.limits.require.as_ref(), scope, problems) {
            None | Some(Settled::Known(Require::All)) => "every series".to_owned(),
            Some(Settled::Known(Require::Any)) => "at least one series".to_owned(),
            Some(Settled::Known(Require::Share(Share(share)))) => {
                format!("at least {}% of the series", Number(share * 100.0))
            }
            Some(Settled::Tag(tag)) => format!("as many series as `{tag}` says"),
        }
    }
}
