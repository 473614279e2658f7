//! What a trigger is told when it is fired: the event, and what it may still do. Must not know how a rollback is started.

use crate::api::Allowance;
use crate::event::Event;

/// An order to start a rollback.
pub struct Order<'a> {
    /// What is said.
    pub event: &'a Event,
    /// The world, the time, and whether anything new may begin.
    pub allowance: Allowance<'a>,
}
