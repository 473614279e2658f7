//! From what the checks came to, and what was heard of the new version, to the verdict of a run. Must not take samples.

use jiff::Timestamp;

use super::Engine;
use crate::check::Reading;
use crate::gate::arrival::{Share, overrules, share};
use crate::gate::outcome::{Event, Verdict};
use crate::gate::verdict::verdict;
use crate::policy::model::FailureAction;

impl Engine {
    /// Keeps what `check` says beside its samples: that it waits for an answer, and whether the new version is live.
    pub(super) fn heed(&mut self, check: usize) {
        let watch = &self.watches[check];
        let own = &self.record.checks[check].check;
        let ends = self.rules.fail_fast && !own.dry_run && own.failure_action == FailureAction::Rollback;
        let waits = watch.undecided() && ends && self.stop.is_none();
        if waits != std::mem::replace(&mut self.waiting[check], waits) {
            self.held_up = if waits { self.held_up + 1 } else { self.held_up.saturating_sub(1) };
        }
        if let Some(arrival) = &mut self.record.arrival {
            arrival.live_at = arrival.live_at.into_iter().chain(watch.live_at()).min();
            arrival.last = watch.share_heard().map(str::to_owned).or(arrival.last.take());
        }
    }

    /// The verdict that all outcomes lead to, as far as it is known; it is not said yet.
    pub fn leads_to(&self) -> Verdict {
        let said = verdict(&self.record.checks);
        overrules(&self.record, said).map_or(said, |_| Verdict::Inconclusive)
    }

    /// Takes in what was heard of the new version's share when a rollback was due. Only a share that is known and too small
    /// keeps it from being rolled back.
    pub fn heard_again(&mut self, at: Timestamp, reading: &Reading) {
        let Some(arrival) = &mut self.record.arrival else { return };
        let heard = share(reading, arrival.min_share);
        if matches!(heard, Share::Untold(_) | Share::Failed(_)) {
            let why = heard.words(arrival.min_share);
            self.record
                .warnings
                .push(format!("the rollback stands, though another version may run by now: {why}"));
            self.events.push(Event::Warned);
        }
        arrival.again = Some((at, heard));
    }

    /// The verdict of all outcomes; sets it in the record.
    pub fn conclude(&mut self) -> Verdict {
        let said = verdict(&self.record.checks);
        let why = overrules(&self.record, said);
        let said = if why.is_some() { Verdict::Inconclusive } else { said };
        if let Some(arrival) = &mut self.record.arrival {
            arrival.overrules = why;
        }
        self.record.verdict = Some(said);
        said
    }
}
