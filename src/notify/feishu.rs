//! The `feishu` channel: a group's robot of Feishu or Lark, told by a card, its requests signed in the body. Must not take
//! 200 for success: the robot's `code` says how it went.

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::hook::Hook;
use super::markdown::{Unmarked, Writer, rooms};
use super::message::{Message, Tone};
use super::robot::{Markdown, signature, with_keyword};
use super::{Addressee, Channel, ChannelKind};
use crate::api::{Allowance, Effect};
use crate::host::Host;
use crate::host::http::Request;
use crate::host::secret::{Redactor, Secret};
use crate::policy::notices::Locale;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// Bytes of a card; the robot takes 20 KB with the signature.
const CARD: usize = 18_000;

/// The `feishu` channel.
pub struct Feishu;

impl ChannelKind for Feishu {
    fn name(&self) -> &'static str {
        "feishu"
    }

    fn summary(&self) -> &'static str {
        "tells a Feishu or Lark group by its robot, with a card, signed"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  feishu:\n    webhook_url_ref: feishu-webhook-url\n    secret_ref: feishu-secret\n\
         notifications:\n  - {to: feishu, locale: zh, mention: [ou_18eac85d35a26f989317ad4f02e8bbbb]}\n"
    }

    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>> {
        let secret = settings.secret("secret");
        let keyword = settings.string("keyword").filter(|keyword| !keyword.is_empty());
        let mut calls = Vec::new();
        for mention in &addressee.mention {
            match call(mention) {
                Some(text) => calls.push(text),
                None => {
                    let message = format!(
                        "expected an open id like `ou_18eac…`, a mail address, or `@all`, found `{mention}`"
                    );
                    settings.fault("", Problem::nowhere(message).help("Feishu calls people by their ids"));
                }
            }
        }
        let hook = Hook::connect("Feishu", settings, addressee, host)?;
        Some(Box::new(Teller { hook, secret, keyword, calls: calls.join(" "), locale: addressee.locale }))
    }
}

/// How a card calls `mention`.
fn call(mention: &str) -> Option<String> {
    let who = mention.trim();
    let safe = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.@+".contains(&b));
    match who.strip_prefix('@').unwrap_or(who) {
        "all" | "所有人" => Some("<at id=all></at>".to_owned()),
        id if id.len() > 3 && id.contains('_') && !id.contains('@') && safe(id) => {
            Some(format!("<at id={id}></at>"))
        }
        mail if mail.contains('@') && safe(mail) => Some(format!("<at email={mail}></at>")),
        _ => None,
    }
}

/// Tells a group.
#[derive(Debug)]
struct Teller {
    hook: Hook,
    secret: Option<Secret>,
    keyword: Option<String>,
    /// Who is called, in Feishu's words.
    calls: String,
    locale: Locale,
}

impl Teller {
    fn card(&self, message: &Message) -> Value {
        let mut card = Value::Null;
        for (message, most) in rooms(message) {
            let writer = Writer { message: &message, locale: self.locale, markup: &Markdown, most };
            card = self.written(&writer);
            if card.to_string().len() + self.calls.len() <= CARD {
                break;
            }
        }
        card
    }

    fn written(&self, writer: &Writer<'_>) -> Value {
        let message = writer.message;
        let plain = |text: &str| json!({"tag": "plain_text", "content": text});
        let marked = |text: &str| json!({"tag": "lark_md", "content": text});
        let title = Writer { markup: &Unmarked, most: writer.most.min(100), ..*writer }.title();
        let title = format!("{} {title}", message.status.tone().sign());
        let mut elements = Vec::new();
        let div = |lines: Vec<String>| json!({"tag": "div", "text": marked(&lines.join("\n"))});
        let mut first: Vec<String> = writer.disarmed().into_iter().chain(writer.rollback()).collect();
        first.extend(writer.reason());
        elements.extend((!first.is_empty()).then(|| div(first)));
        elements.extend(writer.checks().into_iter().map(div));
        elements.extend(writer.more().map(|more| div(vec![more])));
        let field = |(name, value): (&str, String)| json!({"is_short": true, "text": marked(&format!("**{name}**\n{value}"))});
        let fields: Vec<Value> = writer.facts().into_iter().map(field).collect();
        elements.extend((!fields.is_empty()).then(|| json!({"tag": "div", "fields": fields})));
        elements.extend(message.text.as_deref().map(|text| div(vec![writer.plain(text)])));
        elements.extend(
            (!self.calls.is_empty()).then(|| {
                div(vec![format!("{}{}{}", self.locale.calling(), self.locale.colon(), self.calls)])
            }),
        );
        let button = |(index, (to, url)): (usize, &(_, String))| {
            let style = if index == 0 { "primary" } else { "default" };
            json!({"tag": "button", "text": plain(self.locale.link(*to)), "url": url, "type": style})
        };
        let buttons: Vec<Value> = message.links.iter().enumerate().map(button).collect();
        elements.extend((!buttons.is_empty()).then(|| json!({"tag": "action", "actions": buttons})));
        json!({
            "config": {"wide_screen_mode": true},
            "header": {
                "template": colour(message.status.tone()),
                "title": plain(&with_keyword(&title, self.keyword.as_deref())),
            },
            "elements": elements,
        })
    }

    /// What is posted, signed for the moment `at`.
    fn document(&self, card: &Value, at: Timestamp, redactor: &Redactor) -> Value {
        let mut document = json!({"msg_type": "interactive", "card": card});
        if let Some(secret) = &self.secret {
            let at = at.as_second();
            // The key is what others sign, and what is signed is nothing.
            let sign = signature(&format!("{at}\n{}", secret.expose()), "", redactor);
            document["sign"] = sign.into();
            document["timestamp"] = at.to_string().into();
        }
        document
    }
}

const fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "green",
        Tone::Neutral => "grey",
        Tone::Warning => "orange",
        Tone::Bad => "red",
    }
}

impl Channel for Teller {
    fn kind(&self) -> &'static str {
        "feishu"
    }

    fn target(&self) -> String {
        self.hook.target()
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        _: Option<&'a Effect>,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            let (card, redactor) = (self.card(message), &allowance.host.output.redactor);
            let sign = |at, request: &mut Request| {
                request.body = self.document(&card, at, redactor).to_string().into();
            };
            match self.hook.post(&Value::Null, &sign, allowance).await {
                Ok(answer) => self.hook.coded(&answer, &["code", "StatusCode"], &hint, allowance),
                Err(effect) => effect,
            }
        })
    }
}

/// What to do about a code.
fn hint(code: i64, words: &str) -> Option<&'static str> {
    Some(match code {
        19_021 => {
            "the signature is not taken: check the integration's `secret_ref`, and the clock here, which may be an hour off"
        }
        19_022 => "the robot takes requests of certain addresses only: add this one to its list",
        19_024 => "the robot wants a keyword: write it as the integration's `keyword`",
        19_001 => "the webhook's address is not known: copy it again",
        19_002 | 9_499 if words.to_lowercase().contains("freq") || words.contains("too many") => TOO_OFTEN,
        9_499 | 11_232 if words.to_lowercase().contains("limit") => TOO_OFTEN,
        11_232 => TOO_OFTEN,
        9_499 | 19_002 | 11_246 | 230_099 => {
            "rollgate has written what Feishu does not take: please report this, it is a bug"
        }
        _ => return None,
    })
}

const TOO_OFTEN: &str = "a robot takes five messages a second and a hundred a minute";

#[cfg(test)]
mod tests;
