//! A message as a letter: its headers, and the same in text and HTML. Must not let any text of a message become a header or
//! markup.

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use crate::api::Effect;
use crate::gate::outcome::ActionStatus;
use crate::notify::markdown::{Markup, Unmarked, Writer, fitted, linkable};
use crate::notify::message::{Message, Tone};
use crate::policy::notices::Locale;

/// Bytes of each text from outside at most.
const MOST: usize = 500;

/// Bytes of what a subject says of the deployment at most: more is not shown anywhere.
const SUBJECT: usize = 120;

/// Bytes of the text, which is bounded by the message already.
const TEXT: usize = 64 * 1024;

/// What all letters of a channel have in common.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
    pub(super) copies: Vec<Mailbox>,
    pub(super) locale: Locale,
}

/// The id of the letter about `message`: the same for the same deployment, policy and occasion, so that a letter that came
/// twice is seen to be one.
pub(super) fn message_id(message: &Message, from: &Mailbox) -> String {
    format!("<{}@{}>", message.id, from.email.domain())
}

impl Letter {
    /// Everybody to whom it goes.
    pub(super) fn everybody(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.iter().chain(&self.copies)
    }

    /// The letter about `message`, as a reply to the one with the id `answered`, as it goes over the wire.
    ///
    /// # Errors
    /// What the library says where it cannot be written.
    pub(super) fn written(&self, message: &Message, answered: Option<&str>) -> Result<Vec<u8>, Effect> {
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(self.subject(message))
            .date(message.at.into())
            .message_id(Some(message_id(message, &self.from)));
        for mailbox in &self.to {
            builder = builder.to(mailbox.clone());
        }
        for mailbox in &self.copies {
            builder = builder.cc(mailbox.clone());
        }
        if let Some(id) = answered {
            builder = builder.in_reply_to(id.to_owned()).references(id.to_owned());
        }
        // Nobody's holiday is to answer, and no robot.
        for (name, value) in [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")] {
            if let Ok(name) = HeaderName::new_from_ascii(name.to_owned()) {
                builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
            }
        }
        let part = |kind, text| SinglePart::builder().header(kind).body(text);
        let parts = MultiPart::alternative()
            .boundary(format!("=_{}", message.id))
            .singlepart(part(ContentType::TEXT_PLAIN, self.text(message) + "\n"))
            .singlepart(part(ContentType::TEXT_HTML, page(message, self.locale)));
        let letter = builder.multipart(parts).map_err(|error| {
            Effect::because(ActionStatus::Failed, format!("the letter cannot be written: {error}"))
        })?;
        Ok(letter.formatted())
    }

    /// The letter about `message` as a reader sees it: the headers that are about people, and the text without its encoding.
    pub(super) fn shown(&self, message: &Message) -> String {
        let all = |mailboxes: &[Mailbox]| {
            let all: Vec<String> = mailboxes.iter().map(ToString::to_string).collect();
            all.join(", ")
        };
        let mut lines = vec![format!("From: {}", self.from), format!("To: {}", all(&self.to))];
        if !self.copies.is_empty() {
            lines.push(format!("Cc: {}", all(&self.copies)));
        }
        lines.push(format!("Subject: {}", self.subject(message)));
        lines.push(format!("Message-ID: {}", message_id(message, &self.from)));
        lines.extend([String::new(), self.text(message)]);
        lines.join("\n")
    }

    fn subject(&self, message: &Message) -> String {
        let title = Writer { message, locale: self.locale, markup: &Unmarked, most: SUBJECT }.title();
        format!("{} {title}", message.status.tone().sign())
    }

    fn text(&self, message: &Message) -> String {
        fitted(message, self.locale, &Unmarked, "\n", TEXT)
    }
}

/// HTML, with texts from outside as texts.
struct Html;

impl Markup for Html {
    fn plain(&self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                c => escaped.push(c),
            }
        }
        escaped
    }

    fn bold(&self, marked: &str) -> String {
        format!("<b>{marked}</b>")
    }

    fn link(&self, label: &str, url: &str) -> String {
        format!("<a href=\"{}\">{label}</a>", self.plain(&linkable(url)))
    }
}

/// The letter as a page: no pictures, nothing that is loaded, styles where mail readers take them.
fn page(message: &Message, locale: Locale) -> String {
    let writer = Writer { message, locale, markup: &Html, most: MOST };
    let (lang, colour) = (language(locale), colour(message.status.tone()));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body style=\"font-family:sans-serif;font-size:14px;color:#1f2328\">\n\
         <h2 style=\"border-left:6px solid {colour};padding-left:10px;margin:0 0 12px\">{title}</h2>\n",
        title = writer.title(),
    );
    let mut line = |text: String| page.push_str(&format!("<p style=\"margin:4px 0\">{text}</p>\n"));
    writer.disarmed().into_iter().chain(writer.rollback()).chain(writer.reason()).for_each(&mut line);
    let checks = writer.checks();
    if !checks.is_empty() {
        page.push_str("<ul>\n");
        for lines in &checks {
            page.push_str(&format!("<li>{}</li>\n", lines.join("<br>\n")));
        }
        page.push_str("</ul>\n");
    }
    let mut line = |text: String| page.push_str(&format!("<p style=\"margin:4px 0\">{text}</p>\n"));
    writer
        .more()
        .into_iter()
        .chain(message.text.as_deref().map(|text| writer.plain(text)))
        .for_each(&mut line);
    page.push_str("<table style=\"border-collapse:collapse;margin:12px 0\">\n");
    for (name, value) in writer.facts() {
        page.push_str(&format!(
            "<tr><td style=\"padding:2px 12px 2px 0;color:#57606a\">{name}</td><td>{value}</td></tr>\n"
        ));
    }
    page.push_str("</table>\n");
    let links = writer.links().join(" · ");
    page.push_str(&format!("<p>{links}</p>\n</body></html>\n"));
    page
}

const fn language(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "en",
        Locale::Zh => "zh-CN",
    }
}

const fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "#1a7f37",
        Tone::Neutral => "#57606a",
        Tone::Warning => "#bf8700",
        Tone::Bad => "#cf222e",
    }
}
