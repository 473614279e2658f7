//! Plain words for people: [`policy`] says what a policy will watch and what fails it, before any variable is known;
//! [`report`] says why a verdict came about. Must stay pure, and must not decide anything: what is said of a plan is the
//! gate's own plan, and what is said of a verdict stands in its report.

mod page;
mod sketch;
mod query;
mod reaching;
mod block;
mod verdicts;
mod needs;
pub(crate) mod telling;
pub(crate) mod policy;
pub(crate) mod report;

pub(crate) use sketch::{Subject, Times};

use crate::policy::node::{self, Data};
use crate::policy::parse::TOP;
use crate::policy::problem::{Problems, did_you_mean};

/// What a text is that is neither a policy nor a report; nothing for one that may be a policy, faults and all.
pub(crate) fn neither(text: &str) -> Option<String> {
    let node = node::read(0, text, &mut Problems::default())?;
    match &node.data {
        Data::Map(entries) => {
            // One that is only misspelt is meant as a policy.
            let meant = |name: &str| {
                name.starts_with("x-") || did_you_mean(name, TOP.iter().map(|field| field.key)).is_some()
            };
            if entries.iter().any(|(key, _)| meant(&key.name)) {
                return None;
            }
            Some(match node.get("schema").and_then(node::Node::scalar) {
                Some(schema) => format!("it says that it is `{}`", node::shorten(schema)),
                None => "it has none of a policy's keys".to_owned(),
            })
        }
        _ => Some(format!("it is {}", node.found())),
    }
}

#[cfg(test)]
mod tests;
