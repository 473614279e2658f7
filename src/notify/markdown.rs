//! A message as lines of text, whatever a channel marks text up with, cut to what it takes: the verdict stays. Must not
//! know any channel: each brings its [`Markup`], and words come from `words`.

use std::borrow::Cow;

use super::message::{CheckLine, Fact, Message, RollbackLine, Status};
use crate::api::keep::cut;
use crate::gate::moment;
use crate::gate::outcome::{ActionStatus, Outcome};
use crate::policy::notices::{Locale, On};

/// How a system marks text up.
pub trait Markup: Sync {
    /// `text` from outside, so that nothing of it is markup, a link, an image or a mention.
    fn plain(&self, text: &str) -> String;

    /// `marked` in bold; it is marked up already.
    fn bold(&self, marked: &str) -> String {
        format!("**{marked}**")
    }

    /// A link to `url`; `label` is marked up already.
    fn link(&self, label: &str, url: &str) -> String {
        format!("[{label}]({})", linkable(url))
    }
}

/// No markup at all: text for people and for systems that show it as it is.
#[derive(Debug, Clone, Copy)]
pub struct Unmarked;

impl Markup for Unmarked {
    fn plain(&self, text: &str) -> String {
        text.to_owned()
    }

    fn bold(&self, marked: &str) -> String {
        marked.to_owned()
    }

    fn link(&self, label: &str, url: &str) -> String {
        format!("{label}: {url}")
    }
}

/// What a line is about: the order of reading, and what goes first where there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What happened, to what, where.
    Title,
    /// That the run does not act, and why.
    Disarmed,
    /// What was done about it.
    Rollback,
    /// Why, where no check says it.
    Reason,
    /// A check that people should know of.
    Check,
    /// Something that is known.
    Fact,
    /// The caller's own text.
    Text,
    /// Where to go on.
    Link,
}

/// One line, marked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub part: Part,
    /// The line.
    pub text: String,
}

/// Writes a message for people.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// What is told.
    pub message: &'a Message,
    /// The language.
    pub locale: Locale,
    /// How it is marked up.
    pub markup: &'a dyn Markup,
    /// Bytes of each text from outside at most, before it is marked up.
    pub most: usize,
}

impl Writer<'_> {
    /// `text` from outside, cut and marked up.
    pub fn plain(&self, text: &str) -> String {
        if text.len() <= self.most {
            return self.markup.plain(text);
        }
        self.markup.plain(&format!("{}…", cut(text, self.most)))
    }

    /// What happened, to what, where: `Deployment passed: checkout 1.4.0 → production`; `DISARMED` where a wanted
    /// rollback does not follow.
    pub fn title(&self) -> String {
        let headline = self.locale.headline(self.message.subject, self.message.status);
        let wants = matches!(self.message.status, Status::Gate(On::Rollback | On::RollbackFailed));
        let aside = if wants && !self.message.disarmed.is_empty() { self.locale.aside() } else { "" };
        format!("{headline}{aside}{}{}", self.locale.colon(), self.plain(&self.message.about))
    }

    /// That the run does not act, and why; `None` where it does.
    pub fn disarmed(&self) -> Option<String> {
        let by = &self.message.disarmed;
        let marked = self.markup.bold(self.locale.disarmed());
        (!by.is_empty()).then(|| format!("{marked}{}{}", self.locale.colon(), self.plain(&by.join(", "))))
    }

    /// What was done about it, a line each.
    pub fn rollback(&self) -> Vec<String> {
        self.message.rollback.iter().map(|line| self.rolled(line)).collect()
    }

    fn rolled(&self, line: &RollbackLine) -> String {
        let ended = self.message.status == Status::RolledBack;
        let word = self.markup.bold(self.locale.rollback(line.status, ended));
        let mut text = format!("{word}{}{}", self.locale.colon(), self.plain(&line.kind));
        if line.status != Some(ActionStatus::Held) && !line.target.is_empty() {
            text.push_str(&format!(" {}", self.plain(&line.target)));
        }
        if let Some(reason) = &line.reason {
            text.push_str(&format!(" — {}", self.plain(reason)));
        }
        text
    }

    /// Why, where no check says it.
    pub fn reason(&self) -> Option<String> {
        let unsaid = self.message.checks.is_empty() && !self.message.reason.is_empty();
        unsaid.then(|| self.plain(&self.message.reason))
    }

    /// What is known: names and values, both marked up.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let facts = self.message.facts.iter();
        let facts = facts.map(|(fact, value)| (self.locale.fact(*fact), self.plain(value)));
        let counts = &self.message.counts;
        let checks = (self.locale.fact(Fact::Checks), self.locale.counts(counts));
        facts.chain((!counts.is_empty()).then_some(checks)).collect()
    }

    /// The checks that people should know of, worst first, each in a few lines.
    pub fn checks(&self) -> Vec<Vec<String>> {
        self.message.checks.iter().enumerate().map(|(index, check)| self.check(check, index > 0)).collect()
    }

    fn check(&self, check: &CheckLine, links: bool) -> Vec<String> {
        let (locale, colon) = (self.locale, self.locale.colon());
        let mut first = self.markup.bold(&self.plain(&check.name));
        first.push_str(&format!(" {}", locale.outcome(check.outcome)));
        let mut known = Vec::new();
        if let Some(value) = &check.value {
            known.push(format!("{} {}", locale.value(), self.plain(value)));
        }
        if let Some(limit) = &check.limit {
            known.push(format!("{} {}", locale.limit(), self.plain(limit)));
        }
        if let Some((from, to)) = check.span {
            known.push(locale.span(&moment(from), &moment(to)));
        }
        if !known.is_empty() {
            first.push_str(&format!("{colon}{}", known.join(locale.comma())));
        }
        let mut lines = vec![first];
        lines.extend(check.description.as_deref().map(|text| self.plain(text)));
        // Value and limit of a failed check are its reason already.
        let told = check.outcome == Some(Outcome::Failed) && check.value.is_some() && check.limit.is_some();
        if !told && !check.reason.is_empty() {
            lines.push(self.plain(&check.reason));
        }
        // The links of the first check are those of the message.
        if links {
            let to = [
                (super::message::LinkTo::Runbook, check.runbook.as_deref()),
                (super::message::LinkTo::Dashboard, check.dashboard.as_deref()),
            ];
            let to: Vec<String> =
                to.iter().filter_map(|(to, url)| Some(self.markup.link(locale.link(*to), (*url)?))).collect();
            lines.extend((!to.is_empty()).then(|| to.join(" · ")));
        }
        lines
    }

    /// How many checks there are that are not told of; `None` for none.
    pub fn more(&self) -> Option<String> {
        (self.message.more > 0).then(|| self.locale.more(self.message.more))
    }

    /// Where to go on, each marked up as a link.
    pub fn links(&self) -> Vec<String> {
        let links = self.message.links.iter();
        links.map(|(to, url)| self.markup.link(self.locale.link(*to), url)).collect()
    }

    /// All of it, in the order of reading.
    pub fn lines(&self) -> Vec<Line> {
        let line = |part| move |text| Line { part, text };
        let mut lines = vec![Line { part: Part::Title, text: self.markup.bold(&self.title()) }];
        lines.extend(self.disarmed().map(line(Part::Disarmed)));
        lines.extend(self.rollback().into_iter().map(line(Part::Rollback)));
        lines.extend(self.reason().map(line(Part::Reason)));
        lines.extend(self.checks().into_iter().flatten().map(line(Part::Check)));
        lines.extend(self.more().map(line(Part::Check)));
        let fact = |(name, value)| format!("{name}{}{value}", self.locale.colon());
        lines.extend(self.facts().into_iter().map(fact).map(line(Part::Fact)));
        lines.extend(self.message.text.as_deref().map(|text| self.plain(text)).map(line(Part::Text)));
        lines.extend(self.links().into_iter().map(line(Part::Link)));
        lines
    }
}

/// What goes first where there is no room, line by line from the end; the title never does.
const EXPENDABLE: [Part; 7] =
    [Part::Text, Part::Fact, Part::Check, Part::Reason, Part::Link, Part::Rollback, Part::Disarmed];

/// `message` as text of lines with `between` them, of at most `bytes` bytes even as a JSON string, links on one line.
/// Texts are cut first, then lines go, those that say least first; what happened stays.
pub fn fitted(message: &Message, locale: Locale, markup: &dyn Markup, between: &str, bytes: usize) -> String {
    let lines = |most| Writer { message, locale, markup, most }.lines();
    let fits = |text: &str| serde_json::Value::from(text).to_string().len() <= bytes;
    for most in [500, 200, 100] {
        let text = joined(&lines(most), between);
        if fits(&text) {
            return text;
        }
    }
    let mut lines = lines(40);
    let rest = |lines: &[Line]| format!("{}{between}…", joined(lines, between));
    for part in EXPENDABLE {
        while let Some(last) = lines.iter().rposition(|line| line.part == part) {
            if fits(&rest(&lines)) {
                return rest(&lines);
            }
            lines.remove(last);
        }
    }
    joined(&lines, between)
}

/// `message` as it is, and smaller and smaller: with bytes of each text from outside at most. For systems that are given
/// more than lines: the first that fits is sent. The last has the verdict and little else, and fits anywhere.
pub fn rooms(message: &Message) -> impl Iterator<Item = (Cow<'_, Message>, usize)> {
    const ALL: usize = usize::MAX;
    // Bytes of a text, then checks, facts, links and rollbacks.
    let rooms = [
        (500, [ALL; 4]),
        (200, [ALL; 4]),
        (100, [ALL; 4]),
        (60, [5, 8, 3, 3]),
        (40, [1, 4, 1, 1]),
        (40, [0, 0, 0, 1]),
    ];
    rooms.into_iter().map(move |(most, [checks, facts, links, rollbacks])| {
        if checks == ALL {
            return (Cow::Borrowed(message), most);
        }
        let mut smaller = message.clone();
        smaller.more += smaller.checks.len().saturating_sub(checks);
        smaller.checks.truncate(checks);
        smaller.facts.truncate(facts);
        smaller.links.truncate(links);
        smaller.rollback.truncate(rollbacks);
        smaller.text = None;
        (Cow::Owned(smaller), most)
    })
}

fn joined(lines: &[Line], between: &str) -> String {
    let mut text = String::new();
    let mut before = None;
    for line in lines {
        match before {
            None => {}
            Some(Part::Link) => text.push_str(" · "),
            Some(_) => text.push_str(between),
        }
        text.push_str(&line.text);
        before = Some(line.part);
    }
    text
}

/// `url` with the characters percent-encoded that could end a link in any markup.
pub fn linkable(url: &str) -> String {
    let mut text = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '(' | ')' | '<' | '>' | '[' | ']' | '|' | '"' | '\'' | '`' | '*' | '\\' | ' ' => {
                text.push_str(&format!("%{:02X}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text
}

/// `text` with each of `marks` replaced by a character that looks alike, for systems that know no way to escape. What
/// marks nothing where it stands stays, since names have it: an underscore within a word, a `#` that begins no line.
pub fn disguised(text: &str, marks: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut before: Option<char> = None;
    let mut begun = false;
    while let Some(c) = chars.next() {
        begun |= !matches!(c, '#' | ' ');
        let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let keeps = match c {
            '_' => in_word(before) && in_word(chars.peek().copied()),
            '#' => begun,
            _ => false,
        };
        // Fullwidth forms stand at the same distance from all of ASCII's visible characters.
        let wide = || char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c);
        shown.push(match c {
            '`' if marks.contains(c) => '\'',
            _ if c.is_ascii_graphic() && marks.contains(c) && !keeps => wide(),
            _ => c,
        });
        before = Some(c);
    }
    shown
}

#[cfg(test)]
mod tests;
