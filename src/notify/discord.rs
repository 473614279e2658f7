//! The `discord` channel: an embed by a channel's webhook. Must not call anybody whom the notification does not name, whatever
//! the texts say.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::hook::Hook;
use super::markdown::{Markup, Unmarked, Writer, fitted, rooms};
use super::message::{LinkTo, Message, Tone};
use super::{Addressee, Channel, ChannelKind};
use crate::api::keep::cut;
use crate::api::remote::Hints;
use crate::api::{Allowance, Effect};
use crate::host::Host;
use crate::host::http::Request;
use crate::policy::notices::Locale;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// Discord's limits of an embed, which it counts in characters; here they are bytes.
const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const FIELDS: usize = 25;
const FIELD: usize = 1024;
/// All texts of the embeds of a message together.
const TOTAL: usize = 6000;

const HINTS: Hints<'static> = &[
    (401, "the webhook's token is wrong: copy its address again in the channel's settings"),
    (403, "the webhook may not do this: make a new one in the channel's settings"),
    (404, "the webhook is gone: make a new one in the channel's settings"),
];

/// The `discord` channel.
pub struct Discord;

impl ChannelKind for Discord {
    fn name(&self) -> &'static str {
        "discord"
    }

    fn summary(&self) -> &'static str {
        "tells a Discord channel by its webhook, with an embed"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  discord:\n    webhook_url_ref: discord-webhook-url\nnotifications:\n  - {to: discord, \
         mention: [\"<@&1234567890123456789>\"]}\n"
    }

    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>> {
        let mut calls = Calls::default();
        for mention in &addressee.mention {
            if !calls.take(mention.trim()) {
                let message = format!(
                    "expected `<@USER_ID>`, `<@&ROLE_ID>`, `@here` or `@everyone`, found `{mention}`"
                );
                settings.fault("system", Problem::nowhere(message).help("Discord calls people by their ids"));
            }
        }
        let hook = Hook::connect("Discord", settings, addressee, host)?;
        Some(Box::new(Teller { hook, calls, locale: addressee.locale }))
    }
}

/// Who is called: the text that calls, and what Discord is told to allow.
#[derive(Debug, Default)]
struct Calls {
    text: Vec<String>,
    users: Vec<String>,
    roles: Vec<String>,
    everyone: bool,
}

impl Calls {
    /// Adds `mention`; `false` where it is none.
    fn take(&mut self, mention: &str) -> bool {
        let id = |prefix: &str| {
            let id = mention.strip_prefix(prefix)?.strip_suffix('>')?;
            (!id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())).then(|| id.to_owned())
        };
        if let Some(role) = id("<@&") {
            self.roles.push(role);
        } else if let Some(user) = id("<@!").or_else(|| id("<@")) {
            self.users.push(user);
        } else if matches!(mention, "@here" | "@everyone") {
            self.everyone = true;
        } else {
            return false;
        }
        self.text.push(mention.to_owned());
        true
    }

    fn allowed(&self) -> Value {
        let parse: &[&str] = if self.everyone { &["everyone"] } else { &[] };
        json!({"parse": parse, "users": self.users, "roles": self.roles})
    }
}

/// Discord's markdown, in which a backslash takes the meaning from what follows.
struct Markdown;

impl Markup for Markdown {
    fn plain(&self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            if "\\*_~`|>#[]()<@".contains(c) {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped
    }
}

#[derive(Debug)]
struct Teller {
    hook: Hook,
    calls: Calls,
    locale: Locale,
}

impl Channel for Teller {
    fn kind(&self) -> &'static str {
        Discord.name()
    }

    fn target(&self) -> String {
        self.hook.target()
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        _earlier: Option<&'a Effect>,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Effect> {
        Box::pin(async move { self.post(message, allowance).await.unwrap_or_else(|effect| effect) })
    }
}

impl Teller {
    async fn post(&self, message: &Message, allowance: &Allowance<'_>) -> Result<Effect, Effect> {
        // Without it Discord takes the message and says nothing of what became of it.
        let wait = |_, request: &mut Request| {
            request.url.query_pairs_mut().append_pair("wait", "true");
        };
        let answer = self.hook.post(&self.document(message), &wait, allowance).await?;
        let (remote, redactor) = (self.hook.remote(), &allowance.host.output.redactor);
        if answer.status == 204 {
            return Ok(Effect::confirmed(204));
        }
        let said = remote.json(&answer, HINTS, redactor)?;
        let id = said.get("id").and_then(Value::as_str).map(str::to_owned);
        Ok(Effect { handle: id, ..Effect::confirmed(answer.status) })
    }

    fn document(&self, message: &Message) -> Value {
        let mut embed = Map::new();
        for (message, most) in rooms(message) {
            embed = self.embed(&message, most);
            if length(&embed) <= TOTAL {
                break;
            }
        }
        let mut document = json!({"embeds": [embed], "allowed_mentions": self.calls.allowed()});
        if !self.calls.text.is_empty() {
            document["content"] = self.calls.text.join(" ").into();
        }
        document
    }

    fn embed(&self, message: &Message, most: usize) -> Map<String, Value> {
        let locale = self.locale;
        let writer = Writer { message, locale, markup: &Markdown, most };
        let title = Writer { markup: &Unmarked, ..writer }.title();
        let title = format!("{} {}", message.status.tone().sign(), Markdown.plain(&title));
        let facts = writer.facts().into_iter().take(FIELDS);
        let facts: Vec<Value> = facts
            .map(|(name, value)| json!({"name": name, "value": whole(&value, FIELD), "inline": true}))
            .collect();
        // The title stands above, and facts beside: a description of lines without either.
        let rest = Message { facts: Vec::new(), counts: Vec::new(), ..message.clone() };
        let lines = fitted(&rest, locale, &Markdown, "\n", DESCRIPTION);
        let lines = lines.split_once('\n').map(|(_, rest)| rest).unwrap_or_default();
        let mut embed = Map::new();
        embed.insert("title".to_owned(), whole(&title, TITLE).into());
        if let Some((_, run)) = message.links.iter().find(|(to, _)| *to == LinkTo::Run) {
            embed.insert("url".to_owned(), run.as_str().into());
        }
        if !lines.is_empty() {
            embed.insert("description".to_owned(), lines.into());
        }
        embed.insert("color".to_owned(), colour(message.status.tone()).into());
        if !facts.is_empty() {
            embed.insert("fields".to_owned(), facts.into());
        }
        embed.insert("timestamp".to_owned(), message.at.to_string().into());
        embed
    }
}

/// At most `limit` bytes of `marked`, not ending on half an escape.
fn whole(marked: &str, limit: usize) -> &str {
    let text = cut(marked, limit);
    let slashes = text.len() - text.trim_end_matches('\\').len();
    if slashes.is_multiple_of(2) { text } else { &text[..text.len() - 1] }
}

/// The texts of an embed that count.
fn length(embed: &Map<String, Value>) -> usize {
    let text = |value: &Value| value.as_str().map_or(0, str::len);
    let own: usize = ["title", "description"].iter().filter_map(|key| embed.get(*key)).map(text).sum();
    let fields = embed.get("fields").and_then(Value::as_array).into_iter().flatten();
    own + fields.map(|field| text(&field["name"]) + text(&field["value"])).sum::<usize>()
}

const fn colour(tone: Tone) -> u32 {
    match tone {
        Tone::Good => 0x2e_a0_43,
        Tone::Neutral => 0x6e_77_81,
        Tone::Warning => 0xd2_99_22,
        Tone::Bad => 0xda_36_33,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::outcome::ActionStatus;
    use crate::notify::testing::{channel, hostile, hostile_run, message, sent, table, texts};
    use crate::policy::notices::On;
    use crate::rollback::testing::{Answer, host};

    const ENTRY: &str =
        "{system: discord, webhook_url: \"https://discord.com/api/webhooks/1/sesame-sesame-token\"}";
    const TAKEN: &str = r#"{"id":"1189","channel_id":"77","content":""}"#;

    async fn document(message: &Message, fields: &str) -> Value {
        let (host, http) = host(&[Answer::Status(200, TAKEN)]);
        let channel = channel(ENTRY, fields, &host).unwrap();
        let action = sent(&*channel, message, &host).await;
        assert_eq!((action.status, action.http_status), (ActionStatus::Confirmed, Some(200)));
        assert_eq!(action.target, "discord.com:443");
        let request = http.seen.lock().unwrap()[0].1.clone();
        let address = "https://discord.com/api/webhooks/1/sesame-sesame-token?wait=true";
        assert_eq!(request.url.as_str(), address);
        serde_json::from_slice(&request.body).unwrap()
    }

    #[tokio::test]
    async fn an_embed_tells_of_a_rollback() {
        let document = document(&message(On::Rollback), "").await;
        assert_eq!(document["allowed_mentions"], json!({"parse": [], "users": [], "roles": []}));
        assert_eq!(document.get("content"), None);
        let embed = &document["embeds"][0];
        assert_eq!(embed["title"], "❌ Verdict rollback: checkout 1.4.0 → production");
        assert_eq!(embed["url"], "https://ci.example/runs/1");
        assert_eq!(embed["color"], 0xda_36_33);
        assert_eq!(embed["fields"][0], json!({"name": "Service", "value": "checkout", "inline": true}));
        let description = embed["description"].as_str().unwrap();
        let first = "**Rollback requested**: webhook https://hooks.example/rollback\n**error\\_rate** failed: value 0.08";
        assert!(description.starts_with(first), "{description}");
        assert!(description.contains("[View run](https://ci.example/runs/1)"), "{description}");
        assert!(!description.contains("Service"), "{description}");
    }

    #[tokio::test]
    async fn only_those_are_called_who_are_named() {
        let fields = "mention: [\"<@&42>\", \"<@7>\", \"@here\"]";
        let document = document(&message(On::Rollback), fields).await;
        assert_eq!(document["content"], "<@&42> <@7> @here");
        let allowed = json!({"parse": ["everyone"], "users": ["7"], "roles": ["42"]});
        assert_eq!(document["allowed_mentions"], allowed);
        let (host, _) = host(&[]);
        for wrong in ["ann", "<@>", "<@x>", "<#4>"] {
            let problems = channel(ENTRY, &format!("mention: [\"{wrong}\"]"), &host).unwrap_err();
            assert!(problems[0].contains("expected `<@USER_ID>`"), "{problems:?}");
        }
    }

    #[tokio::test]
    async fn hostile_text_is_text_and_within_the_limits() {
        for message in [hostile(), hostile_run()] {
            let document = document(&message, "").await;
            let embed = document["embeds"][0].as_object().unwrap();
            assert!(length(embed) <= TOTAL, "{}", length(embed));
            assert!(embed["title"].as_str().unwrap().starts_with("❌ Verdict rollback"));
            assert!(embed["title"].as_str().unwrap().len() <= TITLE);
            assert!(embed["description"].as_str().unwrap().len() <= DESCRIPTION);
            let fields = embed["fields"].as_array().unwrap();
            assert!(
                fields.len() <= FIELDS && fields.iter().all(|f| f["value"].as_str().unwrap().len() <= FIELD)
            );
            let mut found = Vec::new();
            texts(&document["embeds"], &mut found);
            for text in found.iter().filter(|text| !text.starts_with("https://")) {
                // Whatever begins markup or a call is escaped.
                let bare = text.replace("\\\\", "").replace("](https://", "");
                assert!(!bare.contains("<@") && !bare.contains("[x]"), "{text}");
                assert_eq!(bare.matches("@all").count(), bare.matches("\\@all").count(), "{text}");
            }
        }
        assert_eq!(whole("ab\\*", 3), "ab");
        assert_eq!(whole("a\\\\*", 3), "a\\\\");
    }

    #[tokio::test]
    async fn faults_are_told_in_words() {
        use ActionStatus::{Confirmed, Failed, Unknown};
        use Answer::{Broken, Header, Refused, Status};
        let form = r#"{"message":"Invalid Form Body","code":50035,"errors":{"embeds":{"0":{"title":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 256 or fewer in length."}]}}}}}"#;
        let busy = r#"{"message":"You are being rate limited.","retry_after":0.529,"global":false}"#;
        table(
            ENTRY,
            &[
                (&[Status(204, "")], Confirmed, 1, ""),
                (
                    &[Status(400, form)],
                    Failed,
                    1,
                    "`Invalid Form Body; embeds.0.title: Must be 256 or fewer in length.`",
                ),
                (
                    &[Status(401, r#"{"message":"Invalid Webhook Token","code":50027}"#)],
                    Failed,
                    1,
                    "copy its address again",
                ),
                (
                    &[Status(404, r#"{"message":"Unknown Webhook","code":10015}"#)],
                    Failed,
                    1,
                    "the webhook is gone",
                ),
                (&[Status(429, busy), Status(200, TAKEN)], Confirmed, 2, ""),
                (&[Header(429, "retry-after", "0.529"), Status(200, TAKEN)], Confirmed, 2, ""),
                (&[Status(500, "")], Failed, 1, "answered 500"),
                (&[Status(502, "")], Unknown, 1, "a proxy answered 502"),
                (&[Refused, Status(200, TAKEN)], Confirmed, 2, ""),
                (&[Refused], Failed, 5, "Discord at discord.com:443: no connection"),
                (&[Broken], Unknown, 1, "the connection broke"),
                (&[Answer::Never], Unknown, 1, "it may have been received"),
                (&[Status(200, "<html>Sign in</html>")], Unknown, 1, "expected JSON from Discord"),
                (
                    &[Header(302, "location", "/login")],
                    Failed,
                    1,
                    "it redirects to discord.com:443, which is not followed",
                ),
            ],
        )
        .await;
    }
}
