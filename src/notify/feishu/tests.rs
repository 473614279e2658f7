//! Feishu's robot over a scripted host: the signature, the card, and what its codes mean.

use super::*;
use crate::gate::outcome::ActionStatus;
use crate::notify::testing::{channel, common, hostile, message, table, tell, texts};
use crate::policy::notices::On;
use crate::rollback::testing::{Answer, host, start};

const ROBOT: &str = "{system: feishu, secret: this is secret, \
                     webhook_url: \"https://open.feishu.example/open-apis/bot/v2/hook/sesame-sesame\"}";

async fn posted(entry: &str, fields: &str, message: &Message) -> Value {
    let (host, http) = host(&[Answer::Status(200, r#"{"code":0,"msg":"success","data":{}}"#)]);
    let (effect, _) = tell(&*channel(entry, fields, &host).unwrap(), message, &host).await;
    assert_eq!(effect.status, ActionStatus::Confirmed);
    let seen = http.seen.lock().unwrap();
    serde_json::from_slice(&seen[0].1.body).unwrap()
}

#[test]
fn the_vector_of_the_signature() {
    assert_eq!(
        signature("1599360473\nthis is secret", "", &Redactor::default()),
        "/eYKrXQBzTjUZJ3s6NX16VxGbTwmK7AEs8/FnvC1CSw="
    );
}

#[tokio::test]
async fn a_rollback_is_told_by_a_signed_card() {
    let document =
        posted(ROBOT, "mention: [ou_18eac85d35a26f98, a.b@c.example, \"@all\"]", &message(On::Rollback))
            .await;
    let at = start().as_second();
    assert_eq!(document["timestamp"], at.to_string());
    assert_eq!(document["sign"], signature(&format!("{at}\nthis is secret"), "", &Redactor::default()));
    assert_eq!(document["msg_type"], "interactive");
    let card = &document["card"];
    assert_eq!(card["header"]["template"], "red");
    assert_eq!(card["header"]["title"]["content"], "❌ Verdict rollback: checkout 1.4.0 → production");
    let elements = card["elements"].as_array().unwrap();
    assert_eq!(
        elements[0]["text"]["content"],
        "**Rollback requested**: webhook https://hooks.example/rollback"
    );
    let calls = &elements[elements.len() - 2]["text"]["content"];
    assert_eq!(calls, "For: <at id=ou_18eac85d35a26f98></at> <at email=a.b@c.example></at> <at id=all></at>");
    let buttons = &elements[elements.len() - 1]["actions"];
    assert_eq!(buttons[0]["url"], "https://ci.example/runs/1");
    let unsigned =
        posted(&ROBOT.replace("secret: this is secret, ", ""), "locale: zh", &message(On::Pass)).await;
    assert!(unsigned.get("sign").is_none() && unsigned.get("timestamp").is_none());
    assert_eq!(
        unsigned["card"]["header"]["title"]["content"],
        "✅ 部署验证通过：checkout 1.4.0 → production"
    );
    let keyword = posted(&ROBOT.replace("{system", "{keyword: 发布, system"), "", &message(On::Pass)).await;
    assert!(keyword["card"]["header"]["title"]["content"].as_str().unwrap().starts_with("发布 ✅"));
}

#[tokio::test]
async fn the_answers_of_the_robot() {
    use ActionStatus::{Confirmed, Failed, Unknown};
    table(ROBOT, &common()).await;
    table(
        ROBOT,
        &[
            (&[Answer::Status(200, r#"{"StatusCode":0,"StatusMessage":"success"}"#)], Confirmed, 1, ""),
            (&[Answer::Status(200, r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}"#)], Failed, 1, "with code 19021: `sign match fail or timestamp is not within one hour from current time`; the signature is not taken"),
            (&[Answer::Status(200, r#"{"code":19024,"msg":"Key Words Not Found"}"#)], Failed, 1, "write it as the integration's `keyword`"),
            (&[Answer::Status(200, r#"{"code":19022,"msg":"Ip Not Allowed"}"#)], Failed, 1, "certain addresses only"),
            (&[Answer::Status(400, r#"{"code":9499,"msg":"Bad Request","data":{}}"#)], Failed, 1, "answered 400 with code 9499: `Bad Request`; rollgate has written"),
            (&[Answer::Status(200, r#"{"code":11232,"msg":"frequency limited"}"#)], Failed, 1, "five messages a second"),
            (&[Answer::Status(200, r#"{"StatusCode":19001,"StatusMessage":"param invalid: incoming webhook access token invalid"}"#)], Failed, 1, "with StatusCode 19001: `param invalid"),
            (&[Answer::Status(200, "{}")], Unknown, 1, "expected a JSON object with `code`"),
            (&[Answer::Header(429, "retry-after", "1"), Answer::Status(200, r#"{"code":0}"#)], Confirmed, 2, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn hostile_texts_stay_texts_within_the_limits() {
    let document = posted(ROBOT, "", &hostile()).await;
    assert!(document.to_string().len() <= 20_000, "{}", document.to_string().len());
    let title = document["card"]["header"]["title"]["content"].as_str().unwrap();
    assert!(title.starts_with("❌ Verdict rollback (DISARMED): "), "{title}");
    let mut all = Vec::new();
    texts(&document["card"]["elements"], &mut all);
    for text in all {
        for markup in ["<at", "[x]", "![", "<b>", "`code`", "](https://evil"] {
            assert!(!text.contains(markup), "{markup}: {text}");
        }
    }
}

#[test]
fn only_ids_and_addresses_are_called() {
    let (host, _) = host(&[]);
    for mention in ["zhangsan", "ou_1 id=all", "<at id=all></at>", "a b@c"] {
        let faults = channel(ROBOT, &format!("mention: [\"{mention}\"]"), &host).unwrap_err().join("\n");
        assert!(faults.contains("expected an open id like `ou_18eac…`"), "{mention}: {faults}");
    }
}
