//! The `teams` channel: an adaptive card by a workflow's webhook. Must not let a text become markup or a mention, and must
//! stay below what a workflow takes.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::hook::Hook;
use super::markdown::{Markup, Unmarked, Writer, linkable, rooms};
use super::message::{Message, Tone};
use super::{Addressee, Channel, ChannelKind};
use crate::api::remote::Hints;
use crate::api::{Allowance, Effect};
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::policy::notices::Locale;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// Bytes of a message: 28 KB are promised, and less has been seen to be refused.
const CARD: usize = 21_000;

/// Buttons that a card shows at most.
const BUTTONS: usize = 6;

/// What a connector of old answers with 200 where Teams did not take the message.
const NOT_DELIVERED: &[u8] = b"Webhook message delivery failed";

const HINTS: Hints<'static> = &[
    (400, "check the webhook's address: it is that of a workflow `When a Teams webhook request is received`"),
    (401, "the workflow lets only some people start it: let anyone, the address is the credential"),
    (403, "check the webhook's address: its `sig` may be wrong, or the workflow turned off"),
    (404, "the workflow is gone: its owner may have left, make a new one"),
    (413, "the card is too large for it"),
];

/// The `teams` channel.
pub struct Teams;

impl ChannelKind for Teams {
    fn name(&self) -> &'static str {
        "teams"
    }

    fn summary(&self) -> &'static str {
        "tells a Teams channel or chat by a workflow's webhook, with an adaptive card"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  teams:\n    webhook_url_ref: teams-webhook-url\nnotifications:\n  - {to: teams, mention: \
         [\"Ann <ann@example.com>\"]}\n"
    }

    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>> {
        let mut calls = Vec::new();
        for mention in &addressee.mention {
            match Call::of(mention) {
                Some(call) => calls.push(call),
                None => {
                    let message = format!(
                        "expected `name@example.com` or `Name <name@example.com>`, found `{mention}`"
                    );
                    let help = "Teams calls people by the names they sign in with";
                    settings.fault("system", Problem::nowhere(message).help(help));
                }
            }
        }
        let hook = Hook::connect("the workflow", settings, addressee, host)?;
        Some(Box::new(Teller { hook, calls, locale: addressee.locale }))
    }
}

/// Somebody who is called.
#[derive(Debug)]
struct Call {
    name: String,
    /// The name they sign in with.
    id: String,
}

impl Call {
    fn of(mention: &str) -> Option<Self> {
        let mention = mention.trim();
        let (name, id) = match mention.strip_suffix('>').and_then(|text| text.split_once('<')) {
            Some((name, id)) => (name.trim(), id.trim()),
            None => (mention, mention),
        };
        let plain = |text: &str| {
            !text.is_empty() && !text.contains(['<', '>']) && !text.chars().any(char::is_control)
        };
        let known = plain(name) && plain(id) && !id.contains(char::is_whitespace);
        let known = known && id.split_once('@').is_some_and(|(who, at)| !who.is_empty() && at.contains('.'));
        known.then(|| Self { name: name.to_owned(), id: id.to_owned() })
    }

    fn text(&self) -> String {
        format!("<at>{}</at>", self.name)
    }

    fn entity(&self) -> Value {
        json!({"type": "mention", "text": self.text(), "mentioned": {"id": self.id, "name": self.name}})
    }
}

/// The markdown of a card's texts. Angle brackets have no escape there, and `<at>` is a mention.
struct Markdown;

impl Markup for Markdown {
    fn plain(&self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '<' => escaped.push('‹'),
                '>' => escaped.push('›'),
                '\\' | '*' | '_' | '[' | ']' | '(' | ')' | '`' | '#' | '~' | '|' => escaped.extend(['\\', c]),
                c => escaped.push(c),
            }
        }
        escaped
    }

    fn link(&self, label: &str, url: &str) -> String {
        format!("[{label}]({})", linkable(url))
    }
}

#[derive(Debug)]
struct Teller {
    hook: Hook,
    calls: Vec<Call>,
    locale: Locale,
}

impl Channel for Teller {
    fn kind(&self) -> &'static str {
        Teams.name()
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
        let answer = self.hook.post(&self.document(message), &|_, _| {}, allowance).await?;
        let (remote, redactor) = (self.hook.remote(), &allowance.host.output.redactor);
        remote.accepted(&answer, HINTS, redactor)?;
        if answer.body.starts_with(NOT_DELIVERED) {
            return Err(Effect { status: ActionStatus::Failed, ..remote.refused(&answer, &[], redactor) });
        }
        Ok(Effect::confirmed(answer.status))
    }

    fn document(&self, message: &Message) -> Value {
        let mut document = Value::Null;
        for (message, most) in rooms(message) {
            document = json!({
                "type": "message",
                "attachments": [{
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "contentUrl": null,
                    "content": self.card(&message, most),
                }],
            });
            if document.to_string().len() <= CARD {
                break;
            }
        }
        document
    }

    fn card(&self, message: &Message, most: usize) -> Value {
        let locale = self.locale;
        let writer = Writer { message, locale, markup: &Markdown, most };
        let title = Markdown.plain(&Writer { markup: &Unmarked, most: most.min(200), ..writer }.title());
        let title = format!("{} {title}", message.status.tone().sign());
        let mut body = vec![json!({"type": "TextBlock", "text": title, "size": "large", "weight": "bolder",
            "color": colour(message.status.tone()), "wrap": true})];
        let block =
            |text: String| json!({"type": "TextBlock", "text": text, "wrap": true, "spacing": "small"});
        let calls: Vec<String> = self.calls.iter().map(Call::text).collect();
        body.extend((!calls.is_empty()).then(|| block(calls.join(" "))));
        body.extend(writer.disarmed().into_iter().chain(writer.rollback()).chain(writer.reason()).map(block));
        // Two line ends make a new line of one text.
        body.extend(writer.checks().into_iter().map(|lines| block(lines.join("\n\n"))));
        body.extend(
            writer
                .more()
                .into_iter()
                .chain(message.text.as_deref().map(|text| writer.plain(text)))
                .map(block),
        );
        let facts: Vec<Value> =
            writer.facts().into_iter().map(|(name, value)| json!({"title": name, "value": value})).collect();
        body.extend((!facts.is_empty()).then(|| json!({"type": "FactSet", "facts": facts})));
        let actions: Vec<Value> = message
            .links
            .iter()
            .take(BUTTONS)
            .map(|(to, url)| json!({"type": "Action.OpenUrl", "title": locale.link(*to), "url": url}))
            .collect();
        let mut card = json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "msteams": {"width": "Full"},
            "fallbackText": title,
            "body": body,
        });
        if !actions.is_empty() {
            card["actions"] = actions.into();
        }
        if !self.calls.is_empty() {
            card["msteams"]["entities"] = self.calls.iter().map(Call::entity).collect();
        }
        card
    }
}

const fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Neutral => "default",
        Tone::Warning => "warning",
        Tone::Bad => "attention",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::testing::{channel, hostile, hostile_run, message, sent, table, texts};
    use crate::policy::notices::On;
    use crate::rollback::testing::{Answer, host};

    const ENTRY: &str = "{system: teams, webhook_url: \"https://prod-01.example/workflows/1/triggers/manual/paths/invoke?sp=%2Ftriggers&sig=sesame-sesame\"}";

    async fn document(message: &Message, fields: &str) -> Value {
        let (host, http) = host(&[Answer::Status(202, "")]);
        let channel = channel(ENTRY, fields, &host).unwrap();
        let action = sent(&*channel, message, &host).await;
        assert_eq!((action.status, action.http_status), (ActionStatus::Confirmed, Some(202)));
        assert_eq!(action.target, "prod-01.example:443");
        let request = http.seen.lock().unwrap()[0].1.clone();
        assert!(request.url.query().unwrap().ends_with("sig=sesame-sesame"));
        assert!(request.body.len() <= CARD, "{}", request.body.len());
        serde_json::from_slice(&request.body).unwrap()
    }

    fn card(document: &Value) -> &Value {
        assert_eq!(document["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
        &document["attachments"][0]["content"]
    }

    #[tokio::test]
    async fn a_card_tells_of_a_rollback() {
        let document = document(&message(On::Rollback), "").await;
        let card = card(&document);
        assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
        let body = card["body"].as_array().unwrap();
        assert_eq!(body[0]["text"], "❌ Verdict rollback: checkout 1.4.0 → production");
        assert_eq!(body[0]["color"], "attention");
        assert_eq!(body[1]["text"], "**Rollback requested**: webhook https://hooks.example/rollback");
        let check = body[2]["text"].as_str().unwrap();
        assert!(check.starts_with("**error\\_rate** failed: value 0.08, limit max\\_value 0.01"), "{check}");
        let facts = body.last().unwrap()["facts"].as_array().unwrap();
        assert_eq!(facts[0], json!({"title": "Service", "value": "checkout"}));
        let open = json!({"type": "Action.OpenUrl", "title": "View run", "url": "https://ci.example/runs/1"});
        assert_eq!(card["actions"][0], open);
        assert_eq!(card["msteams"], json!({"width": "Full"}));
    }

    #[tokio::test]
    async fn people_are_called_by_the_names_they_sign_in_with() {
        let fields = "mention: [\"Ann Lee <ann@example.com>\", bob@example.com]";
        let document = document(&message(On::Rollback), fields).await;
        let card = card(&document);
        assert_eq!(card["body"][1]["text"], "<at>Ann Lee</at> <at>bob@example.com</at>");
        let ann = json!({"type": "mention", "text": "<at>Ann Lee</at>",
            "mentioned": {"id": "ann@example.com", "name": "Ann Lee"}});
        assert_eq!(card["msteams"]["entities"][0], ann);
        let (host, _) = host(&[]);
        for wrong in ["ann", "@here", "<b>x</b> <a@b.c>", "a b@c.d"] {
            let problems = channel(ENTRY, &format!("mention: [\"{wrong}\"]"), &host).unwrap_err();
            assert!(problems[0].contains("expected `name@example.com`"), "{problems:?}");
        }
    }

    #[tokio::test]
    async fn hostile_text_is_text_and_within_the_limits() {
        for message in [hostile(), hostile_run()] {
            let document = document(&message, "").await;
            let card = card(&document);
            assert!(card["body"][0]["text"].as_str().unwrap().starts_with("❌ Verdict rollback"));
            assert!(card["actions"].as_array().is_none_or(|actions| actions.len() <= BUTTONS));
            let mut found = Vec::new();
            texts(&card["body"], &mut found);
            for text in &found {
                assert!(!text.contains('<') && !text.contains("[x]("), "{text}");
            }
        }
    }

    #[tokio::test]
    async fn faults_are_told_in_words() {
        use ActionStatus::{Confirmed, Failed, Unknown};
        use Answer::{Broken, Header, Refused, Status};
        let busy =
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429";
        let unknown =
            r#"{"error":{"code":"WorkflowNotFound","message":"The workflow 'x' could not be found."}}"#;
        let sign = r#"{"error":{"code":"DirectApiAuthorizationRequired","message":"The request must be authenticated only by OAuth."}}"#;
        table(
            ENTRY,
            &[
                (&[Status(200, "1")], Confirmed, 1, ""),
                (&[Status(200, busy)], Failed, 1, "`Webhook message delivery failed"),
                (
                    &[Status(400, r#"{"error":{"message":"bad"}}"#)],
                    Failed,
                    1,
                    "answered 400 `bad`; check the webhook's address",
                ),
                (&[Status(401, sign)], Failed, 1, "the workflow lets only some people start it"),
                (
                    &[Status(404, unknown)],
                    Failed,
                    1,
                    "The workflow 'x' could not be found.`; the workflow is gone",
                ),
                (&[Status(413, "")], Failed, 1, "the card is too large"),
                (&[Header(429, "retry-after", "1"), Status(202, "")], Confirmed, 2, ""),
                (&[Status(500, "")], Failed, 1, "answered 500"),
                (&[Status(504, "")], Unknown, 1, "a proxy answered 504"),
                (&[Refused, Status(202, "")], Confirmed, 2, ""),
                (&[Broken], Unknown, 1, "the connection broke"),
                (&[Answer::Never], Unknown, 1, "it may have been received"),
                (&[Status(200, "<!DOCTYPE html>Sign in")], Unknown, 1, "is it a sign-in page"),
                (
                    &[Header(302, "location", "https://login.example/")],
                    Failed,
                    1,
                    "it redirects to login.example:443",
                ),
            ],
        )
        .await;
    }
}
