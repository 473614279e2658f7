//! DingTalk's robot over a scripted host: the signature, what is posted, and what its codes mean.

use super::*;
use crate::gate::outcome::ActionStatus;
use crate::notify::testing::{channel, common, hostile, message, table, tell};
use crate::policy::notices::On;
use crate::rollback::testing::{Answer, host, start};

const ROBOT: &str = "{system: dingtalk, secret: this is secret, \
                     webhook_url: \"https://oapi.dingtalk.example/robot/send?access_token=sesame-sesame\"}";

async fn posted(entry: &str, fields: &str, message: &Message) -> (Value, Url) {
    let (host, http) = host(&[Answer::Status(200, r#"{"errcode":0,"errmsg":"ok"}"#)]);
    let (effect, _) = tell(&*channel(entry, fields, &host).unwrap(), message, &host).await;
    assert_eq!(effect.status, ActionStatus::Confirmed);
    let seen = http.seen.lock().unwrap();
    (serde_json::from_slice(&seen[0].1.body).unwrap(), seen[0].1.url.clone())
}

#[test]
fn the_vector_of_the_signature() {
    let sign = signature("this is secret", "1577262236757\nthis is secret", &Redactor::default());
    assert_eq!(sign, "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=");
}

#[tokio::test]
async fn the_address_keeps_its_token_and_is_signed_once() {
    let (_, url) = posted(ROBOT, "", &message(On::Pass)).await;
    let at = start().as_millisecond();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let sign = signature("this is secret", &format!("{at}\nthis is secret"), &Redactor::default());
    let expected =
        [("access_token", "sesame-sesame".to_owned()), ("timestamp", at.to_string()), ("sign", sign.clone())];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value)));
    let encoded = sign.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    assert!(url.as_str().ends_with(&format!("&sign={encoded}")), "{url}");
    let unsigned = ROBOT.replace("secret: this is secret, ", "");
    let (_, url) = posted(&unsigned, "", &message(On::Pass)).await;
    assert_eq!(url.query(), Some("access_token=sesame-sesame"));
}

#[tokio::test]
async fn a_rollback_is_told_in_markdown() {
    let fields = "locale: zh, mention: [\"13800000000\", \"+86-13900000000\", manager01, \"@all\"]";
    let (document, _) = posted(ROBOT, fields, &message(On::Rollback)).await;
    assert_eq!(document["msgtype"], "markdown");
    assert_eq!(document["markdown"]["title"], "❌ 部署验证未通过，判定回滚：checkout 1.4.0 → production");
    let text = document["markdown"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("❌ **部署验证未通过，判定回滚：checkout 1.4.0 → production**  \n**已请求回滚**："),
        "{text}"
    );
    assert!(text.contains("[处理手册](https://wiki.example/errors?a=%28b%29&c=%5Bd%5D)"), "{text}");
    assert!(text.ends_with("  \n@13800000000 @+86-13900000000 @manager01"), "{text}");
    let at = serde_json::json!({
        "atMobiles": ["13800000000", "+86-13900000000"], "atUserIds": ["manager01"], "isAtAll": true,
    });
    assert_eq!(document["at"], at);
}

#[tokio::test]
async fn a_keyword_lets_the_message_in() {
    let entry = ROBOT.replace("{system", "{keyword: rollgate, system");
    let (document, _) = posted(&entry, "", &message(On::Pass)).await;
    for key in ["title", "text"] {
        let text = document["markdown"][key].as_str().unwrap();
        assert!(text.starts_with("rollgate ✅ "), "{text}");
    }
    let entry = ROBOT.replace("{system", "{keyword: checkout, system");
    let (document, _) = posted(&entry, "", &message(On::Pass)).await;
    assert!(document["markdown"]["title"].as_str().unwrap().starts_with("✅ "));
}

#[tokio::test]
async fn the_answers_of_the_robot() {
    use ActionStatus::{Confirmed, Failed, Unknown};
    table(ROBOT, &common()).await;
    table(
        ROBOT,
        &[
            (&[Answer::Status(200, r#"{"errcode":0,"errmsg":"ok"}"#)], Confirmed, 1, ""),
            (
                &[Answer::Status(200, r#"{"errcode":310000,"errmsg":"sign not match, more: [https://d]"}"#)],
                Failed,
                1,
                "with errcode 310000: `sign not match, more: [https://d]`; the signature is not taken",
            ),
            (
                &[Answer::Status(200, r#"{"errcode":310000,"errmsg":"keywords not in content"}"#)],
                Failed,
                1,
                "write it as the integration's `keyword`",
            ),
            (
                &[Answer::Status(200, r#"{"errcode":310000,"errmsg":"ip 1.2.3.4 not in whitelist"}"#)],
                Failed,
                1,
                "certain addresses only",
            ),
            (
                &[Answer::Status(200, r#"{"errcode":310000,"errmsg":"invalid timestamp"}"#)],
                Failed,
                1,
                "more than an hour off",
            ),
            (
                &[Answer::Status(
                    200,
                    r#"{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#,
                )],
                Failed,
                1,
                "silent for ten minutes",
            ),
            (
                &[Answer::Status(200, r#"{"errcode":300001,"errmsg":"token is not exist"}"#)],
                Failed,
                1,
                "copy the address again",
            ),
            (&[Answer::Status(200, r#"{"errcode":99,"errmsg":"new"}"#)], Failed, 1, "with errcode 99: `new`"),
            (
                &[Answer::Status(200, r#"{"status":"well"}"#)],
                Unknown,
                1,
                "expected a JSON object with `errcode`",
            ),
            (
                &[Answer::Header(429, "retry-after", "1"), Answer::Status(200, r#"{"errcode":0}"#)],
                Confirmed,
                2,
                "",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn hostile_texts_stay_texts_within_the_limits() {
    let (document, _) = posted(ROBOT, "", &hostile()).await;
    assert!(document.to_string().len() <= 20_000, "{}", document.to_string().len());
    let text = document["markdown"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("❌ **Verdict rollback (DISARMED): ") && text.contains("**DISARMED**"),
        "{text}"
    );
    for markup in ["[x]", "![", "<b>", "<!", "`code`", "](https://evil"] {
        assert!(!text.contains(markup), "{markup}: {text}");
    }
    assert_eq!(document["at"]["isAtAll"], false);
}
