//! Follows what a rollback has started to its end. Must not call an end good that was not seen, and must never look like a
//! run that hangs: a line for each change, and one a minute.

use std::time::Duration;

use futures_util::future::select;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::Phase;
use crate::api::keep::{End, keep};
use crate::api::{Allowance, Effect};
use crate::gate::outcome::{Event, Followed};
use crate::host::clock::{between, later};
use crate::notify::TIMEOUT;
use crate::policy::guards::Wait;
use crate::report::words::span;
use crate::rollback::act::Started;
use crate::rollback::{Standing, Trigger};

/// What is followed is told of at least so often.
const BEAT: Duration = Duration::from_secs(60);

impl Phase<'_> {
    /// Follows all of `started`, each with the place of its action, to their ends: whether all that can be followed ended
    /// well within the time; `None` where nothing can be followed, or the run is ending.
    pub(super) async fn wait(&self, started: Vec<(Started, usize)>) -> Option<bool> {
        let wait = self.plan.wait?;
        let following = started.into_iter().filter_map(|(started, action)| {
            let trigger = self.plan.rollback.triggers.get(started.trigger)?;
            Some(self.follow(&**trigger, started.effect, action, wait))
        });
        let ends: Vec<Option<bool>> = following.collect::<FuturesUnordered<_>>().collect().await;
        let bad = ends.contains(&Some(false));
        let known = ends.iter().flatten().count() > 0 && !*self.ending.borrow();
        (known || bad).then_some(!bad)
    }

    /// What is followed no longer, where a second signal ended it at once, has no end that is known.
    pub(super) fn unfollowed(&self) {
        for action in &mut self.record.borrow_mut().actions {
            if let Some(followed) = action.followed.as_mut().filter(|followed| followed.goes_on) {
                followed.goes_on = false;
                followed.words = format!("the run was ended before it was; last: {}", followed.words);
            }
        }
    }

    /// Follows one: whether it ended well within the time; `None` where nobody can tell, or the run is ending.
    async fn follow(
        &self,
        trigger: &dyn Trigger,
        mut started: Effect,
        action: usize,
        wait: Wait,
    ) -> Option<bool> {
        let clock = &self.host.clock;
        let began = clock.now();
        let until = later(began, wait.timeout);
        let (mut last, mut told) = (String::new(), began);
        loop {
            let limit = TIMEOUT.min(between(clock.now(), until).max(wait.interval));
            let allowance = Allowance::new(self.host, limit, self.ending.clone());
            let Some(asking) = trigger.follow(&started, &allowance) else {
                self.followed(action, "its system cannot tell", None, false, Duration::ZERO);
                return None;
            };
            let answer = clock.timeout(limit, asking).await;
            let took = between(began, clock.now());
            let words = match answer {
                Some(Ok(standing)) => {
                    if let Some(well) = self.stands(action, &mut started, &standing) {
                        self.followed(action, &standing.words, Some(well), false, took);
                        return Some(well);
                    }
                    standing.words
                }
                Some(Err(words)) => format!("it cannot be asked: {words}"),
                None => format!("there was no answer within {}", span(limit)),
            };
            let left = between(clock.now(), until);
            if left.is_zero() {
                let timeout = span(wait.timeout);
                let words = format!("it had not ended within {timeout}; last: {words}");
                self.followed(action, &words, None, false, took);
                return Some(false);
            }
            if words != last || between(told, clock.now()) >= BEAT {
                self.followed(action, &words, None, true, took);
                (last, told) = (words, clock.now());
            }
            self.desk.borrow_mut().redraw(&self.record.borrow(), clock.now());
            select(std::pin::pin!(self.stopped()), clock.sleep(wait.interval.min(left))).await;
            if *self.ending.borrow() {
                let words = format!("the run was ended before it was; last: {last}");
                self.followed(action, &words, None, false, between(began, clock.now()));
                return None;
            }
        }
    }

    /// Keeps what became known of where it is; whether it has ended, and if so, whether well.
    fn stands(&self, action: usize, started: &mut Effect, standing: &Standing) -> Option<bool> {
        if let Some(handle) = &standing.handle {
            started.handle = Some(handle.clone());
        }
        if let Some(url) = &standing.url {
            started.url = Some(url.clone());
            let shown = keep(&self.host.output.redactor, url, End::First);
            if let Some(record) = self.record.borrow_mut().actions.get_mut(action) {
                record.url = shown.or_else(|| record.url.take());
            }
        }
        standing.ended
    }

    /// Keeps how the action goes on, and tells of it.
    fn followed(&self, action: usize, words: &str, well: Option<bool>, goes_on: bool, took: Duration) {
        let words = keep(&self.host.output.redactor, words, End::First).unwrap_or_default();
        let mut record = self.record.borrow_mut();
        if let Some(record) = record.actions.get_mut(action) {
            record.followed = Some(Followed { words, well, goes_on, took });
        }
        let mut desk = self.desk.borrow_mut();
        desk.events(&record, &[Event::Followed { action }], self.host.clock.now());
        desk.save(&record);
    }
}
