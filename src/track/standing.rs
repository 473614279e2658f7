//! How a commit or deployment stands after a gate, in the few words that a status has room for. Must not know which system
//! shows it.

use super::{Of, Step};
use crate::notify::message::{Fact, LinkTo, Message};
use crate::policy::notices::Locale;

/// Characters of a name at most.
const NAME: usize = 100;

/// What is to be shown of `message` in a summary of `room` characters.
pub(super) fn step(of: Of, message: &Message, room: usize) -> Step {
    let policy = message.facts.iter().find(|(fact, _)| *fact == Fact::Policy);
    let policy = policy.map_or("", |(_, name)| name.as_str());
    let word = Locale::En.status(message.status);
    let why = if message.reason.is_empty() { &message.about } else { &message.reason };
    let run = message.links.iter().find(|(to, _)| *to == LinkTo::Run);
    Step::Standing {
        of,
        status: message.status,
        name: cut(&format!("rollgate/{policy}"), NAME),
        summary: cut(&format!("{word}: {why}"), room),
        url: run.map(|(_, url)| url.clone()),
    }
}

/// `text` in at most `room` characters; a cut shows as `…`.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}
