//! Why a selector selects nothing: a label that is not there, or the one matcher that leaves nothing. Must not say how
//! bad that is.

use super::ask::{Asking, TIMEOUT};
use super::known::Lack;
use super::question::key;
use crate::check::SourceError;
use crate::promql::ast::{MatchOp, Matcher, Selector};
use crate::promql::matches_empty;

/// Values of a label that are kept.
const VALUES: usize = 1000;

impl Asking<'_> {
    /// Why `selector` selects nothing now; `named`: its metric is one of those the source has had of late.
    pub(super) async fn lack(&self, selector: &Selector, named: bool) -> Result<Lack, SourceError> {
        let demanding: Vec<usize> = selector
            .matchers
            .iter()
            .enumerate()
            .filter(|(_, matcher)| !is_name(matcher) && !matches_empty(matcher.op, &matcher.value.text))
            .map(|(index, _)| index)
            .collect();
        let nameless = selector.metric().is_none();
        if demanding.is_empty() || (nameless && demanding.len() < 2) {
            return Ok(if named && !nameless { Lack::Ended } else { Lack::Unknown });
        }
        if !nameless {
            let labels = self.explore.labels(&nothing_but_name(selector), self.when(TIMEOUT)).await?;
            if labels.is_empty() {
                return Ok(if named { Lack::Ended } else { Lack::Metric });
            }
            let absent = |index: &&usize| {
                selector
                    .matchers
                    .get(**index)
                    .is_some_and(|one| !labels.iter().any(|label| **label == *one.label.text))
            };
            if let Some(matcher) =
                demanding.iter().find(absent).and_then(|index| selector.matchers.get(*index))
            {
                let labels = labels.into_iter().filter(|label| label != "__name__").collect();
                return Ok(Lack::Label(matcher.label.text.to_string(), labels));
            }
        }
        if !nameless && !self.some(&nothing_but_name(selector)).await? {
            return Ok(Lack::Ended);
        }
        // The one without which there is something; where there are several, they do not go together.
        let mut culprits = Vec::new();
        for index in &demanding {
            if self.some(&without(selector, *index)).await? {
                culprits.push(*index);
            }
        }
        if let [index] = culprits[..] {
            return self.unmatched(selector, index, &without(selector, index)).await;
        }
        if culprits.is_empty() && !nameless {
            for index in demanding {
                if !self.some(&only(selector, index)).await? {
                    return self.unmatched(selector, index, &nothing_but_name(selector)).await;
                }
            }
        }
        Ok(Lack::Together(culprits))
    }

    /// Whether `selector` selects anything.
    async fn some(&self, selector: &str) -> Result<bool, SourceError> {
        Ok(self.number(&format!("count({selector})")).await?.is_some_and(|count| count > 0.0))
    }

    /// That the matcher numbered `index` leaves nothing of `among`.
    async fn unmatched(&self, selector: &Selector, index: usize, among: &str) -> Result<Lack, SourceError> {
        let label = selector.matchers.get(index).map_or("", |matcher| &*matcher.label.text);
        // Others are written in another way in a path.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if label.is_empty() || !label.chars().all(plain) {
            return Ok(Lack::Matcher(index, Vec::new()));
        }
        let mut values = self.explore.values(label, Some(among), self.when(TIMEOUT)).await?;
        values.truncate(VALUES);
        Ok(Lack::Matcher(index, values))
    }
}

fn is_name(matcher: &Matcher) -> bool {
    &*matcher.label.text == "__name__" && matcher.op == MatchOp::Equal
}

/// `selector` with the matchers that `keep` wants, by their numbers, as text.
fn with(selector: &Selector, keep: impl Fn(usize, &Matcher) -> bool) -> String {
    let kept = selector.matchers.iter().enumerate().filter(|(index, matcher)| keep(*index, matcher));
    let matchers = kept.map(|(_, matcher)| matcher.clone()).collect();
    key(&Selector { matchers, ..selector.clone() })
}

fn without(selector: &Selector, index: usize) -> String {
    with(selector, |at, _| at != index)
}

fn only(selector: &Selector, index: usize) -> String {
    with(selector, |at, matcher| at == index || is_name(matcher))
}

fn nothing_but_name(selector: &Selector) -> String {
    with(selector, |_, matcher| is_name(matcher))
}
