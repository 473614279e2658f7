//! The `slack` channel: an incoming webhook, or a bot that can reply in threads. Must not take 200 for success: what
//! Slack says is in the body.

mod blocks;
mod failures;

use futures_util::future::BoxFuture;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use url::Url;

use self::blocks::document;
use super::hook::{Hook, Place, place};
use super::message::Message;
use super::{Addressee, Channel, ChannelKind};
use crate::api::{Allowance, Effect, Question, Remote};
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::host::http::Response;
use crate::policy::notices::Locale;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// Where Slack's API is.
const API: &str = "https://slack.com/api";

/// The `slack` channel.
pub struct Slack;

impl ChannelKind for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    fn summary(&self) -> &'static str {
        "posts to Slack, by an incoming webhook or as a bot that replies in threads"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  slack:\n    auth: {type: token, token_ref: slack-bot-token}\n    channels: {deployments: \"#deployments\"}\n\
         notifications:\n  - {to: slack, channel: deployments, mention: [\"@here\"]}\n"
    }

    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>> {
        let mut calls = Vec::new();
        for mention in &addressee.mention {
            match call(mention) {
                Some(text) => calls.push(text),
                None => {
                    let message = format!(
                        "expected a user like `U024BE7LH`, a group like `S012ABCD`, or `@here`, found `{mention}`"
                    );
                    let help = "Slack calls people by their ids: copy it from the person's profile";
                    settings.fault("", Problem::nowhere(message).help(help));
                }
            }
        }
        let place = place(settings, addressee)?;
        let is_bot = ["auth.token", "auth.token_ref", "auth.token_file"].iter().any(|way| settings.has(way));
        let way = if is_bot && !matches!(place, Place::Own(..)) {
            Way::Bot(Bot::connect(place, settings, host)?)
        } else {
            Way::Hook(Hook::at("Slack", place, settings, host)?)
        };
        Some(Box::new(Teller { way, calls: calls.join(" "), locale: addressee.locale }))
    }
}

/// How Slack calls `mention`, an id or one of its words for everybody.
fn call(mention: &str) -> Option<String> {
    let bare = mention.trim().trim_start_matches("<@").trim_start_matches("<!subteam^").trim_end_matches('>');
    if let Some(all) =
        ["here", "channel", "everyone"].iter().find(|all| bare.trim_start_matches(['@', '!', '<']) == **all)
    {
        return Some(format!("<!{all}>"));
    }
    let id = bare.trim_start_matches('@');
    let fits = id.len() >= 6 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    match id.as_bytes().first()? {
        b'U' | b'W' if fits => Some(format!("<@{id}>")),
        b'S' if fits => Some(format!("<!subteam^{id}>")),
        _ => None,
    }
}

/// Tells Slack.
#[derive(Debug)]
struct Teller {
    way: Way,
    /// Who is called, in Slack's words.
    calls: String,
    locale: Locale,
}

#[derive(Debug)]
enum Way {
    Hook(Hook),
    Bot(Bot),
}

/// Whom a bot tells.
#[derive(Debug)]
struct Bot {
    remote: Remote,
    channel: String,
}

impl Bot {
    fn connect(place: Place, settings: &mut Settings<'_>, host: &Host) -> Option<Self> {
        let channel = match place {
            Place::Named(name) => name,
            _ => {
                let mut names =
                    settings.map("channels").into_iter().filter(|(_, name)| !name.contains("://"));
                match (names.next(), names.next()) {
                    (Some((_, name)), None) => name,
                    _ => {
                        let message =
                            format!("a bot of `{}` must be told which channel to post to", settings.name());
                        let help = "give the notification a `channel`, such as `\"#deployments\"`";
                        settings.fault("channels", Problem::nowhere(message).help(help));
                        return None;
                    }
                }
            }
        };
        let base =
            if settings.has("url") { settings.address("url", false)? } else { Url::parse(API).ok()? };
        let remote = Remote::reach("Slack", &base, settings, host)?;
        Some(Self { remote, channel })
    }

    async fn post(&self, mut document: Value, earlier: Option<&Effect>, allowance: &Allowance<'_>) -> Effect {
        // The channel's id and the first message's time, as Slack has answered them.
        let thread =
            earlier.and_then(|effect| effect.handle.as_deref()).and_then(|known| known.split_once(' '));
        match thread {
            Some((channel, ts)) => {
                document["channel"] = channel.into();
                document["thread_ts"] = ts.into();
                // Who has read the first message must not miss that it came out otherwise.
                document["reply_broadcast"] = true.into();
            }
            None => document["channel"] = self.channel.as_str().into(),
        }
        let mut question = Question::json(Method::POST, self.remote.url(&["chat.postMessage"]), &document);
        // Slack warns of a body whose characters are not named.
        question.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        match self.remote.ask(&question, allowance).await {
            Ok(answer) => self.read(&answer, allowance),
            Err(effect) => effect,
        }
    }

    fn read(&self, answer: &Response, allowance: &Allowance<'_>) -> Effect {
        let redactor = &allowance.host.output.redactor;
        let document = match self.remote.json(answer, failures::STATUSES, redactor) {
            Ok(document) => document,
            Err(effect) => return effect,
        };
        if document["ok"] != Value::Bool(true) {
            return failures::refused(
                &self.remote,
                answer,
                document["error"].as_str().unwrap_or_default(),
                redactor,
            );
        }
        let text = |key: &str| document[key].as_str().filter(|text| !text.contains(' '));
        let handle = text("channel").zip(text("ts")).map(|(channel, ts)| format!("{channel} {ts}"));
        Effect { handle, ..Effect::confirmed(answer.status) }
    }
}

impl Channel for Teller {
    fn kind(&self) -> &'static str {
        "slack"
    }

    fn target(&self) -> String {
        match &self.way {
            Way::Hook(hook) => hook.target(),
            Way::Bot(bot) => bot.channel.clone(),
        }
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        earlier: Option<&'a Effect>,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            let document = document(message, self.locale, &self.calls);
            let hook = match &self.way {
                Way::Bot(bot) => return bot.post(document, earlier, allowance).await,
                Way::Hook(hook) => hook,
            };
            match hook.post(&document, &|_, _| {}, allowance).await {
                Ok(answer) => heard(hook, &answer, allowance),
                Err(effect) => effect,
            }
        })
    }
}

/// What an incoming webhook's answer says: `ok`, or one word for why not, as plain text.
fn heard(hook: &Hook, answer: &Response, allowance: &Allowance<'_>) -> Effect {
    let redactor = &allowance.host.output.redactor;
    let text = String::from_utf8_lossy(&answer.body);
    let word = text.trim();
    let is_word =
        !word.is_empty() && word.len() <= 64 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let success = (200..300).contains(&answer.status);
    // Servers that take Slack's webhooks answer with a document.
    let yes = || {
        let document: Option<Value> = serde_json::from_slice(&answer.body).ok();
        document
            .is_some_and(|document| ["ok", "success"].iter().any(|key| document[*key] == Value::Bool(true)))
    };
    if success && (word == "ok" || yes()) {
        return Effect::confirmed(answer.status);
    }
    if is_word {
        return failures::refused(hook.remote(), answer, word, redactor);
    }
    if !success {
        return hook.remote().refused(answer, failures::STATUSES, redactor);
    }
    let told =
        format!("expected `ok` from {}, found something else: is its address right?", hook.remote().who());
    Effect {
        http_status: Some(answer.status),
        response: Some(text.into_owned()),
        ..Effect::because(ActionStatus::Unknown, told)
    }
}

#[cfg(test)]
mod tests;
