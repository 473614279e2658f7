//! The `wecom` channel: a group's robot of WeCom, told in markdown; the key in its address is the secret. Must not take
//! 200 for success: the robot's `errcode` says how it went.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::hook::Hook;
use super::markdown::fitted;
use super::message::{Message, Tone};
use super::robot::Markdown;
use super::{Addressee, Channel, ChannelKind};
use crate::api::{Allowance, Effect};
use crate::host::Host;
use crate::policy::notices::Locale;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// Bytes of a message in markdown.
const TEXT: usize = 4096;

/// The `wecom` channel.
pub struct WeCom;

impl ChannelKind for WeCom {
    fn name(&self) -> &'static str {
        "wecom"
    }

    fn summary(&self) -> &'static str {
        "tells a WeCom group by its robot"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  wecom:\n    webhook_url_ref: wecom-webhook-url\n\
         notifications:\n  - {to: wecom, locale: zh, mention: [zhangsan]}\n"
    }

    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>> {
        let mut calls = Vec::new();
        for mention in &addressee.mention {
            let who = mention.trim().trim_start_matches('@');
            let id = !who.is_empty()
                && who.len() <= 64
                && who.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.@".contains(&b));
            if id && who != "all" {
                calls.push(format!("<@{who}>"));
            } else {
                let message = format!("expected a member's id, found `{mention}`");
                let help = "WeCom's markdown calls members by their ids, and cannot call everybody";
                settings.fault("", Problem::nowhere(message).help(help));
            }
        }
        let hook = Hook::connect("WeCom", settings, addressee, host)?;
        Some(Box::new(Teller { hook, calls, locale: addressee.locale }))
    }
}

/// Tells a group.
#[derive(Debug)]
struct Teller {
    hook: Hook,
    /// Who is called, in WeCom's words.
    calls: Vec<String>,
    locale: Locale,
}

impl Teller {
    fn document(&self, message: &Message) -> Value {
        let mut calls = String::new();
        for call in &self.calls {
            // What happened comes first: of very many, the last are not called.
            if calls.len() + call.len() < TEXT / 4 {
                calls.push_str(&format!("{}{call}", if calls.is_empty() { "\n" } else { " " }));
            }
        }
        let room = TEXT - 64 - calls.len();
        let tone = message.status.tone();
        let text = fitted(message, self.locale, &Markdown, "\n", room);
        let (title, rest) = text.split_once('\n').map_or((text.as_str(), ""), |(title, rest)| (title, rest));
        let break_ = if rest.is_empty() { "" } else { "\n" };
        let content =
            format!("{} <font color=\"{}\">{title}</font>{break_}{rest}{calls}", tone.sign(), colour(tone));
        json!({"msgtype": "markdown", "markdown": {"content": content}})
    }
}

/// The three colours that there are.
const fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "info",
        Tone::Neutral => "comment",
        Tone::Warning | Tone::Bad => "warning",
    }
}

impl Channel for Teller {
    fn kind(&self) -> &'static str {
        "wecom"
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
            match self.hook.post(&self.document(message), &|_, _| {}, allowance).await {
                Ok(answer) => self.hook.coded(&answer, &["errcode"], &hint, allowance),
                Err(effect) => effect,
            }
        })
    }
}

/// What to do about a code.
const fn hint(code: i64, _: &str) -> Option<&'static str> {
    Some(match code {
        93_000 => {
            "the `key` in the webhook's address is not known, or the robot was removed: copy the address again"
        }
        93_004 | 93_008 => "the robot is not in the group any more: add it again",
        45_009 | 45_033 => "a robot takes 20 messages a minute",
        60_020 => "the robot takes requests of certain addresses only: add this one to its list",
        40_008 | 40_058 | 45_002 | 44_004 | 90_200..=90_299 => {
            "rollgate has written what WeCom does not take: please report this, it is a bug"
        }
        -1 => "WeCom itself is busy: try again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
