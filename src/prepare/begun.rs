//! The record of a run of which nothing is known yet, as far as policy and plan tell it. Must not know how it is run.

use super::Prepared;
use crate::gate::arrival::Arrival;
use crate::gate::outcome::Record;
use crate::gate::plan::Plan;

impl Prepared {
    /// The record of a run as `plan` says.
    pub(crate) fn record(&self, plan: &Plan) -> Record {
        Record {
            run_id: self.run_id.clone(),
            policy: self.policy.name.clone(),
            service: self.scope.get("service_name").map(str::to_owned),
            environment: None,
            version: None,
            previous_version: None,
            run_url: None,
            verdict: None,
            cancelled: None,
            exit: None,
            disarmed: Vec::new(),
            deployed_at: self.timing.deployed_at,
            started_at: plan.begin,
            finished_at: None,
            open: plan.open,
            duration: self.policy.duration.saturating_sub(plan.shortened),
            interval: self.policy.interval,
            judging: self.policy.mode,
            deadline: plan.deadline,
            fail_fast: self.policy.fail_fast,
            variables: self.scope.all().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            arrival: self.policy.version.as_ref().map(Arrival::of),
            checks: Vec::new(),
            actions: Vec::new(),
            warnings: Vec::new(),
        }
    }
}
