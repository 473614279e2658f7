//! A message as Slack shows it: Block Kit within its limits, the colour as an attachment's bar. Must not let a text from
//! outside be markup, a link or a mention.

use serde_json::{Value, json};

use crate::notify::markdown::{Markup, Writer, disguised, linkable, rooms};
use crate::notify::message::{Message, Tone};
use crate::policy::notices::Locale;

/// Characters of a header.
const HEADER: usize = 150;

/// Characters of a section's text.
const SECTION: usize = 3000;

/// Fields of a section.
const FIELDS: usize = 10;

/// Buttons of a row.
const BUTTONS: usize = 25;

/// Characters of all, which Slack cuts at 40,000.
const WHOLE: usize = 30_000;

/// Slack's `mrkdwn`.
struct Mrkdwn;

impl Markup for Mrkdwn {
    fn plain(&self, text: &str) -> String {
        escaped(&disguised(text, "*_~`"))
    }

    fn bold(&self, marked: &str) -> String {
        format!("*{marked}*")
    }

    fn link(&self, label: &str, url: &str) -> String {
        format!("<{}|{label}>", escaped(&linkable(url)))
    }
}

/// `text` with the three characters escaped that mean something to Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What is posted; `calls` are mentions in Slack's words.
pub(super) fn document(message: &Message, locale: Locale, calls: &str) -> Value {
    let mut document = Value::Null;
    for (message, most) in rooms(message) {
        document = written(&Writer { message: &message, locale, markup: &Mrkdwn, most }, calls);
        if document.to_string().chars().count() <= WHOLE {
            break;
        }
    }
    document
}

fn written(writer: &Writer<'_>, calls: &str) -> Value {
    let message = writer.message;
    let sign = message.status.tone().sign();
    let title = format!("{sign} {}", unmarked(writer));
    let mut head = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": cut(&title, HEADER), "emoji": false},
    })];
    if !calls.is_empty() {
        let locale = writer.locale;
        head.push(section(&[format!("{}{}{calls}", locale.calling(), locale.colon())], false));
    }
    let mut body = Vec::new();
    let mut first: Vec<String> = writer.disarmed().into_iter().chain(writer.rollback()).collect();
    first.extend(writer.reason());
    body.push(first);
    body.extend(writer.checks().into_iter().map(|lines| bulleted(&lines)));
    body.extend(writer.more().map(|more| vec![more]));
    body.push(message.text.as_deref().map(|text| writer.plain(text)).into_iter().collect());
    let mut blocks: Vec<Value> =
        body.iter().filter(|lines| !lines.is_empty()).map(|lines| section(lines, true)).collect();
    let fields: Vec<Value> = writer
        .facts()
        .into_iter()
        .map(|(name, value)| text(&format!("*{name}*\n{}", cut(&value, 1900)), true))
        .collect();
    blocks.extend(fields.chunks(FIELDS).map(|fields| json!({"type": "section", "fields": fields})));
    let button = |(index, (to, url)): (usize, &(_, String))| {
        json!({
            "type": "button",
            "action_id": format!("rollgate_{index}"),
            "text": {"type": "plain_text", "text": writer.locale.link(*to), "emoji": false},
            "url": url,
        })
    };
    let buttons: Vec<Value> = message.links.iter().take(BUTTONS).enumerate().map(button).collect();
    if !buttons.is_empty() {
        blocks.push(json!({"type": "actions", "elements": buttons}));
    }
    json!({
        "text": format!("{sign} {}", writer.title()),
        "blocks": head,
        "attachments": [{"color": colour(message.status.tone()), "fallback": escaped(&title), "blocks": blocks}],
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// The title as it is shown where nothing is markup.
fn unmarked(writer: &Writer<'_>) -> String {
    Writer { markup: &super::super::markdown::Unmarked, ..*writer }.title()
}

fn bulleted(lines: &[String]) -> Vec<String> {
    let (first, rest) = lines.split_first().map_or(("", lines), |(first, rest)| (first.as_str(), rest));
    std::iter::once(format!("• {first}")).chain(rest.iter().map(|line| format!("    {line}"))).collect()
}

/// A section of `lines`; the last ones are left out where there are too many. `verbatim` keeps Slack from making links
/// and mentions of its own.
fn section(lines: &[String], verbatim: bool) -> Value {
    let mut kept = lines.len();
    while kept > 1 && lines[..kept].join("\n").chars().count() > SECTION {
        kept -= 1;
    }
    json!({"type": "section", "text": text(&cut(&lines[..kept].join("\n"), SECTION), verbatim)})
}

fn text(text: &str, verbatim: bool) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": verbatim})
}

/// `text` of at most `limit` characters.
fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

const fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "#2eb67d",
        Tone::Neutral => "#8d8d8d",
        Tone::Warning => "#ecb22e",
        Tone::Bad => "#e01e5a",
    }
}
