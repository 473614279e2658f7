//! The `dingtalk` channel: a group's robot, its requests signed, told in markdown. Must not take 200 for success: the
//! robot's `errcode` says how it went.

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::hook::Hook;
use super::markdown::{Unmarked, Writer, fitted};
use super::message::Message;
use super::robot::{Markdown, signature, with_keyword};
use super::{Addressee, Channel, ChannelKind};
use crate::api::{Allowance, Effect};
use crate::host::Host;
use crate::host::http::Request;
use crate::host::secret::{Redactor, Secret};
use crate::policy::notices::Locale;
use crate::policy::settings::Settings;

/// Bytes of a message; the robot takes 20,000 of a request's body.
const TEXT: usize = 18_000;

/// The `dingtalk` channel.
pub struct DingTalk;

impl ChannelKind for DingTalk {
    fn name(&self) -> &'static str {
        "dingtalk"
    }

    fn summary(&self) -> &'static str {
        "tells a DingTalk group by its robot, signed"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  dingtalk:\n    webhook_url_ref: dingtalk-webhook-url\n    secret_ref: dingtalk-secret\n\
         notifications:\n  - {to: dingtalk, locale: zh, mention: [\"13800000000\"]}\n"
    }

    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>> {
        let secret = settings.secret("secret");
        let keyword = settings.string("keyword").filter(|keyword| !keyword.is_empty());
        let hook = Hook::connect("DingTalk", settings, addressee, host)?;
        let calls = Calls::of(&addressee.mention);
        Some(Box::new(Teller { hook, secret, keyword, calls, locale: addressee.locale }))
    }
}

/// Who is called.
#[derive(Debug, Default)]
struct Calls {
    mobiles: Vec<String>,
    users: Vec<String>,
    all: bool,
}

impl Calls {
    fn of(mentions: &[String]) -> Self {
        let mut calls = Self::default();
        for mention in mentions {
            let who = mention.trim().trim_start_matches('@');
            let number = who.strip_prefix('+').unwrap_or(who);
            let is_mobile = number.len() >= 7 && number.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            match who {
                "all" | "所有人" => calls.all = true,
                _ if is_mobile => calls.mobiles.push(who.to_owned()),
                _ => calls.users.push(who.to_owned()),
            }
        }
        calls
    }

    /// Who is not named in the text is not called.
    fn text(&self) -> String {
        let named = self.mobiles.iter().chain(&self.users).map(|who| format!("@{who}"));
        named.collect::<Vec<_>>().join(" ")
    }
}

/// Tells a group.
#[derive(Debug)]
struct Teller {
    hook: Hook,
    secret: Option<Secret>,
    keyword: Option<String>,
    calls: Calls,
    locale: Locale,
}

impl Teller {
    fn document(&self, message: &Message) -> Value {
        let writer = Writer { message, locale: self.locale, markup: &Unmarked, most: 100 };
        let sign = message.status.tone().sign();
        let title = with_keyword(&format!("{sign} {}", writer.title()), self.keyword.as_deref());
        let calls = self.calls.text();
        let room = TEXT.saturating_sub(calls.len() + title.len());
        // A single line end is none in markdown; after two spaces it is.
        let text = fitted(message, self.locale, &Markdown, "  \n", room);
        let mut text = with_keyword(&format!("{sign} {text}"), self.keyword.as_deref());
        if !calls.is_empty() {
            text.push_str(&format!("  \n{calls}"));
        }
        json!({
            "msgtype": "markdown",
            "markdown": {"title": title, "text": text},
            "at": {"atMobiles": self.calls.mobiles, "atUserIds": self.calls.users, "isAtAll": self.calls.all},
        })
    }

    /// Signs `url` for the moment `at`.
    fn sign(&self, at: Timestamp, url: &mut Url, redactor: &Redactor) {
        if let Some(secret) = &self.secret {
            let at = at.as_millisecond();
            let sign = signature(secret.expose(), &format!("{at}\n{}", secret.expose()), redactor);
            // The pairs are encoded here, once.
            url.query_pairs_mut().append_pair("timestamp", &at.to_string()).append_pair("sign", &sign);
        }
    }
}

impl Channel for Teller {
    fn kind(&self) -> &'static str {
        "dingtalk"
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
            let redactor = &allowance.host.output.redactor;
            let sign = |at, request: &mut Request| self.sign(at, &mut request.url, redactor);
            match self.hook.post(&self.document(message), &sign, allowance).await {
                Ok(answer) => self.hook.coded(&answer, &["errcode"], &hint, allowance),
                Err(effect) => effect,
            }
        })
    }
}

/// What to do about a code; one of them says three things, which its words tell apart.
fn hint(code: i64, words: &str) -> Option<&'static str> {
    let words = words.to_lowercase();
    Some(match code {
        310_000 if words.contains("keyword") => {
            "the robot wants a keyword: write it as the integration's `keyword`"
        }
        310_000 if words.contains("timestamp") => "the clock here is more than an hour off",
        310_000 if words.contains("sign") => {
            "the signature is not taken: check the integration's `secret_ref`, and the clock here"
        }
        310_000 if words.contains("ip") => "the robot takes requests of certain addresses only: add this one",
        310_000 => "check the robot's security settings: keyword, signature or addresses",
        130_101 | 90_018 => "a robot takes 20 messages a minute, and is silent for ten minutes after more",
        90_030 | 430_101..=430_104 => "DingTalk refuses the message's content or links: see the robot's page",
        300_001 | 300_005 => {
            "the `access_token` in the webhook's address is not known: copy the address again"
        }
        400_013 => "the group is gone: make a robot in another",
        400_101 | 40_035 => "the webhook's address lacks its `access_token`: copy it again",
        400_102 | 410_100 => "the robot is disabled, or it is told too often: look at the group's settings",
        40_014 | 33_001 => "the `access_token` is not taken: copy the webhook's address again",
        43_004 | 400_001 => {
            "rollgate has written what DingTalk does not take: please report this, it is a bug"
        }
        -1 => "DingTalk itself is busy: try again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
