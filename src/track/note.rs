//! What a comment says: lines and lists of words, made once of a message, for every tracker to write in its own markup.
//! Must hold no markup, and must stay short enough for every tracker.

use jiff::Timestamp;

use crate::notify::message::{CheckLine, LinkTo, Message, RollbackLine, Status};
use crate::policy::notices::Locale;

/// Characters of all words of a note: the least limit of a tracker, Jira's 32767, with room for markup and escapes.
const MOST: usize = 8_000;

/// What a comment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// Its parts, one below the other.
    pub blocks: Vec<Block>,
    /// By what the same comment is known again; `None` where it is meant to be written as often as it is asked for.
    pub id: Option<String>,
}

/// A part of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A paragraph of one line.
    Line(Vec<Span>),
    /// Items, each of one line.
    List(Vec<Vec<Span>>),
}

/// Words that are written alike. The text is never empty, and holds no line ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The words.
    pub text: String,
    /// Whether they stand out.
    pub strong: bool,
    /// Where they lead, a web address.
    pub link: Option<String>,
}

impl Span {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), strong: false, link: None }
    }

    fn strong(text: impl Into<String>) -> Self {
        Self { strong: true, ..Self::plain(text) }
    }

    fn link(text: impl Into<String>, url: &str) -> Self {
        Self { link: Some(url.to_owned()), ..Self::plain(text) }
    }
}

impl Note {
    /// The comment about `message`; of many checks, as many of the worst as there is room for.
    pub fn of(message: &Message) -> Self {
        let all = message.checks.len().max(message.rollback.len());
        let tries = (0..=all).rev().map(|most| Self::with(message, most));
        let fits = |note: &Self| note.length() <= MOST;
        let (mut note, mut left) = (Self::default(), tries);
        for shorter in &mut left {
            let enough = fits(&shorter);
            note = shorter;
            if enough {
                break;
            }
        }
        note.id = Some(message.id.clone());
        note
    }

    /// `text` as it is, a paragraph for each of its lines.
    pub fn text(text: &str) -> Self {
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        Self { blocks: lines.map(|line| Block::Line(vec![Span::plain(line)])).collect(), id: None }
    }

    fn with(message: &Message, most: usize) -> Self {
        let ended = message.status == Status::RolledBack;
        let mut blocks = vec![Block::Line(title(message))];
        if let Some(text) = &message.text {
            blocks.extend(Self::text(text).blocks);
        }
        list(
            &mut blocks,
            message.facts.iter().map(|(fact, text)| {
                vec![Span::strong(format!("{}: ", Locale::En.fact(*fact))), Span::plain(text.clone())]
            }),
        );
        list(&mut blocks, message.checks.iter().take(most).map(check));
        let unsaid = message.more + message.checks.len().saturating_sub(most);
        if unsaid > 0 {
            let checks = if unsaid == 1 { "check" } else { "checks" };
            blocks.push(Block::Line(vec![Span::plain(format!("and {unsaid} more {checks}"))]));
        }
        list(&mut blocks, message.rollback.iter().take(most).map(|line| rollback(line, ended)));
        if !message.disarmed.is_empty() {
            let by = format!(" by {}", message.disarmed.join(", "));
            blocks.push(Block::Line(vec![Span::strong(Locale::En.disarmed()), Span::plain(by)]));
        }
        let mut links = Vec::new();
        // The links of checks and rollbacks stand in their own lines.
        let elsewhere = [LinkTo::Rollback, LinkTo::Runbook, LinkTo::Dashboard];
        for (to, url) in message.links.iter().filter(|(to, _)| !elsewhere.contains(to)) {
            if !links.is_empty() {
                links.push(Span::plain(" · "));
            }
            links.push(Span::link(Locale::En.link(*to), url));
        }
        if !links.is_empty() {
            blocks.push(Block::Line(links));
        }
        Self { blocks, id: None }
    }

    fn length(&self) -> usize {
        let spans = self.blocks.iter().flat_map(|block| match block {
            Block::Line(spans) => std::slice::from_ref(spans),
            Block::List(items) => items.as_slice(),
        });
        spans.flatten().map(|span| span.text.len() + span.link.as_ref().map_or(0, String::len)).sum()
    }
}

fn list(blocks: &mut Vec<Block>, items: impl Iterator<Item = Vec<Span>>) {
    let items: Vec<Vec<Span>> = items.collect();
    if !items.is_empty() {
        blocks.push(Block::List(items));
    }
}

fn title(message: &Message) -> Vec<Span> {
    let what = match message.status {
        Status::Gate(_) | Status::RolledBack => "Deployment gate",
        _ => Locale::En.subject(message.subject),
    };
    let mut title = vec![Span::strong(format!("{what}: {}", Locale::En.status(message.status)))];
    if !message.about.is_empty() {
        title.push(Span::plain(format!(" – {}", message.about)));
    }
    title
}

fn check(check: &CheckLine) -> Vec<Span> {
    let mut said = format!(" {}: ", Locale::En.outcome(check.outcome));
    match (&check.value, &check.limit) {
        (Some(value), Some(limit)) => said.push_str(&format!("{value}, limit {limit}")),
        (Some(value), None) => said.push_str(value),
        _ => said.push_str(&check.reason),
    }
    if let Some((first, last)) = check.span {
        said.push_str(&span(first, last));
    }
    let mut spans = vec![Span::strong(check.name.clone()), Span::plain(said)];
    spans.retain(|span| !span.text.is_empty());
    for (to, url) in [(LinkTo::Runbook, &check.runbook), (LinkTo::Dashboard, &check.dashboard)] {
        if let Some(url) = url {
            spans.extend([Span::plain(" "), Span::link(Locale::En.link(to), url)]);
        }
    }
    spans
}

/// `, from … to …`, or `, at …`.
fn span(first: Timestamp, last: Timestamp) -> String {
    let said = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    if first == last {
        format!(", at {}", said(first))
    } else {
        format!(", from {} to {}", said(first), said(last))
    }
}

fn rollback(line: &RollbackLine, ended: bool) -> Vec<Span> {
    let mut said = format!(" by {} {}", line.kind, line.target);
    if let Some(reason) = &line.reason {
        said.push_str(&format!(": {reason}"));
    }
    let mut spans = vec![Span::strong(Locale::En.rollback(line.status, ended)), Span::plain(said)];
    if let Some(url) = line.url.as_deref().and_then(crate::notify::message::web) {
        spans.extend([Span::plain(" "), Span::link(Locale::En.link(LinkTo::Rollback), &url)]);
    }
    spans
}
