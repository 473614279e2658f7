//! Slack over a scripted host: what is posted, by which way, and what its answers mean.

use super::*;
use crate::notify::testing::{HOSTILE, channel, common, hostile, message, table, tell, texts};
use crate::policy::notices::On;
use crate::rollback::testing::{Answer, host};

const HOOK: &str =
    "{system: slack, webhook_url: \"https://hooks.slack.example/services/T000/B000/sesame-sesame\"}";
const BOT: &str = "{system: slack, token: sesame-sesame-sesame, channels: {deployments: \"#deployments\"}}";

async fn posted(entry: &str, fields: &str, message: &Message) -> (Value, String) {
    let (host, http) = host(&[Answer::Status(200, "ok")]);
    tell(&*channel(entry, fields, &host).unwrap(), message, &host).await;
    let seen = http.seen.lock().unwrap();
    (serde_json::from_slice(&seen[0].1.body).unwrap(), seen[0].1.url.to_string())
}

#[tokio::test]
async fn a_webhook_is_told_with_blocks_and_a_coloured_bar() {
    let (document, url) =
        posted(HOOK, "mention: [U024BE7LH, S012ABCDE, \"@here\"]", &message(On::Rollback)).await;
    assert_eq!(url, "https://hooks.slack.example/services/T000/B000/sesame-sesame");
    assert_eq!(document["text"], "❌ Verdict rollback: checkout 1.4.0 → production");
    assert_eq!(document["blocks"][0]["text"]["text"], document["text"]);
    assert_eq!(document["blocks"][1]["text"]["text"], "For: <@U024BE7LH> <!subteam^S012ABCDE> <!here>");
    let bar = &document["attachments"][0];
    assert_eq!(bar["color"], "#e01e5a");
    assert_eq!(
        bar["blocks"][0]["text"]["text"],
        "*Rollback requested*: webhook https://hooks.example/rollback"
    );
    assert_eq!(
        bar["blocks"][1]["text"]["text"],
        "• *error_rate* failed: value 0.08, limit max_value 0.01, breached at 2023-11-14T22:13:20Z"
    );
    let buttons = bar["blocks"].as_array().unwrap().last().unwrap();
    let labels: Vec<_> =
        buttons["elements"].as_array().unwrap().iter().map(|button| button["text"]["text"].clone()).collect();
    assert_eq!(labels, ["View run", "View rollback", "Runbook"]);
    let (passed, _) = posted(HOOK, "locale: zh", &message(On::Pass)).await;
    assert_eq!(passed["text"], "✅ 部署验证通过：checkout 1.4.0 → production");
    assert_eq!(passed["attachments"][0]["color"], "#2eb67d");
}

#[tokio::test]
async fn a_channel_may_have_an_address_of_its_own() {
    let entry = "{system: slack, webhook_url: \"https://hooks.slack.example/services/general-general\", \
                 channels: {deploys: \"https://hooks.slack.example/services/deploys-deploys\", other: \"#other\"}}";
    for (fields, url, target) in [
        ("", "general-general", "hooks.slack.example:443"),
        ("channel: deploys", "deploys-deploys", "deploys at hooks.slack.example:443"),
        ("channel: other", "general-general", "#other at hooks.slack.example:443"),
        ("channel: \"#third\"", "general-general", "#third at hooks.slack.example:443"),
    ] {
        let (_, to) = posted(entry, fields, &message(On::Pass)).await;
        assert!(to.ends_with(url), "{fields}: {to}");
        let (host, _) = host(&[]);
        let channel = channel(entry, fields, &host).unwrap();
        assert_eq!(channel.target(), target);
        assert_eq!(
            host.output.redactor.redact(&to),
            "https://hooks.slack.example***".replace("https://hooks.slack.example", "")
        );
    }
}

#[tokio::test]
async fn a_bot_replies_in_its_thread() {
    let script = [
        Answer::Status(200, r#"{"ok":true,"channel":"C123","ts":"1700000000.000100","message":{}}"#),
        Answer::Status(200, r#"{"ok":true,"channel":"C123","ts":"1700000001.000100"}"#),
    ];
    let (host, http) = host(&script);
    let channel = channel(BOT, "channel: deployments", &host).unwrap();
    assert_eq!(channel.target(), "#deployments");
    let (first, _) = tell(&*channel, &message(On::Rollback), &host).await;
    assert_eq!(
        (first.status, first.handle.as_deref()),
        (ActionStatus::Confirmed, Some("C123 1700000000.000100"))
    );
    let allowance = Allowance::alone(&host, crate::notify::TIMEOUT);
    let second = channel.send(&message(On::RollbackFailed), Some(&first), &allowance).await;
    assert_eq!(second.status, ActionStatus::Confirmed);
    let seen = http.seen.lock().unwrap();
    let request = &seen[0].1;
    assert_eq!(request.url.as_str(), "https://slack.com/api/chat.postMessage");
    assert_eq!(request.headers["authorization"], "Bearer sesame-sesame-sesame");
    assert_eq!(request.headers["content-type"], "application/json; charset=utf-8");
    let bodies: Vec<Value> =
        seen.iter().map(|(_, request)| serde_json::from_slice(&request.body).unwrap()).collect();
    assert_eq!((&bodies[0]["channel"], &bodies[0]["thread_ts"]), (&"#deployments".into(), &Value::Null));
    assert_eq!(
        (&bodies[1]["channel"], &bodies[1]["thread_ts"]),
        (&"C123".into(), &"1700000000.000100".into())
    );
    assert_eq!(bodies[1]["reply_broadcast"], true);
}

#[tokio::test]
async fn the_answers_of_a_webhook() {
    use ActionStatus::{Confirmed, Failed};
    table(HOOK, &common()).await;
    table(
        HOOK,
        &[
            (&[Answer::Status(200, "ok")], Confirmed, 1, ""),
            (&[Answer::Status(200, r#"{"success":true}"#)], Confirmed, 1, ""),
            (&[Answer::Status(200, "no_text")], Failed, 1, "answered 200 `no_text`; rollgate has written"),
            (&[Answer::Status(400, "invalid_payload")], Failed, 1, "please report this"),
            (&[Answer::Status(403, "invalid_token")], Failed, 1, "the webhook's address is not whole"),
            (&[Answer::Status(404, "no_service")], Failed, 1, "make a new one and give its address"),
            (&[Answer::Status(410, "channel_is_archived")], Failed, 1, "the channel is archived"),
            (&[Answer::Status(403, "action_prohibited")], Failed, 1, "ask its administrators"),
            (&[Answer::Status(500, "rollup_error")], Failed, 1, "Slack itself has a problem"),
            (&[Answer::Status(400, "brand_new_word")], Failed, 1, "answered 400 `brand_new_word`"),
            (&[Answer::Header(429, "retry-after", "1"), Answer::Status(200, "ok")], Confirmed, 2, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_answers_of_the_api() {
    use ActionStatus::{Confirmed, Failed};
    let bot = BOT.replace("}}", "}, url: \"https://slack.example/api\"}");
    table(&bot, &common()).await;
    table(
        &bot,
        &[
            (&[Answer::Status(200, r#"{"ok":true}"#)], Confirmed, 1, ""),
            (
                &[Answer::Status(200, r#"{"ok":false,"error":"not_in_channel"}"#)],
                Failed,
                1,
                "slack.example:443 answered 200 `not_in_channel`; invite the bot",
            ),
            (
                &[Answer::Status(200, r#"{"ok":false,"error":"channel_not_found"}"#)],
                Failed,
                1,
                "there is no such channel",
            ),
            (
                &[Answer::Status(200, r#"{"ok":false,"error":"invalid_auth"}"#)],
                Failed,
                1,
                "check the bot's token",
            ),
            (
                &[Answer::Status(200, r#"{"ok":false,"error":"ratelimited"}"#)],
                Failed,
                1,
                "one message a second",
            ),
            (
                &[Answer::Status(200, r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#)],
                Failed,
                1,
                "chat:write",
            ),
            (&[Answer::Status(200, r#"{"ok":false}"#)], Failed, 1, "answered 200 without a reason"),
            (
                &[Answer::Header(429, "retry-after", "2"), Answer::Status(200, r#"{"ok":true}"#)],
                Confirmed,
                2,
                "",
            ),
        ],
    )
    .await;
}

#[test]
fn what_is_wrong_is_said_before_anything_is_measured() {
    let (host, _) = host(&[]);
    for (entry, fields, expected) in [
        ("{system: slack}", "", "the integration `x` has no `webhook_url` or `webhook_url_ref`"),
        ("{system: slack, webhook_url_ref: no-such-url}", "", "the secret `no-such-url` is not found"),
        ("{system: slack, webhook_url: not-an-address}", "", "expected a URL like"),
        ("{system: slack, token: sesame-sesame}", "", "a bot of `x` must be told which channel to post to"),
        (BOT, "channel: deploymets", "the integration `x` has no channel `deploymets`"),
        (HOOK, "mention: [everybody]", "expected a user like `U024BE7LH`"),
    ] {
        let faults = channel(entry, fields, &host).unwrap_err().join("\n");
        assert!(faults.contains(expected), "{entry}: {faults}");
    }
}

#[tokio::test]
async fn hostile_texts_stay_texts_within_the_limits() {
    let (document, _) = posted(HOOK, "", &hostile()).await;
    assert!(document.to_string().len() < 40_000);
    assert!(document["text"].as_str().unwrap().starts_with("❌ Verdict rollback (DISARMED): "));
    let mut all = Vec::new();
    texts(&document, &mut all);
    for text in &all {
        // A header is plain text, in which nothing is markup.
        let header = document["blocks"][0]["text"]["text"] == text.as_str();
        for call in ["<!", "<@", "<https://evil", "<b>"] {
            assert!(header || !text.contains(call), "{call}: {text}");
        }
    }
    assert!(HOSTILE.contains("<!channel>") && all.iter().any(|text| text.contains("&lt;!channel&gt;")));
    let blocks = document["attachments"][0]["blocks"].as_array().unwrap();
    assert!(blocks.len() + 2 <= 50, "{}", blocks.len());
    let length = |value: &Value| value.as_str().unwrap_or_default().chars().count();
    assert!(length(&document["blocks"][0]["text"]["text"]) <= 150);
    for block in blocks {
        assert!(length(&block["text"]["text"]) <= 3000);
        let fields = block["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(fields.len() <= 10 && fields.iter().all(|field| length(&field["text"]) <= 2000));
        assert!(block["elements"].as_array().is_none_or(|all| all.len() <= 25));
    }
}
