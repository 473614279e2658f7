//! WeCom's robot over a scripted host: what is posted, and what its codes mean.

use super::*;
use crate::gate::outcome::ActionStatus;
use crate::notify::testing::{channel, common, hostile, message, table, tell};
use crate::policy::notices::On;
use crate::rollback::testing::{Answer, host};

const ROBOT: &str =
    "{system: wecom, webhook_url: \"https://qyapi.weixin.example/cgi-bin/webhook/send?key=sesame-sesame\"}";

async fn posted(fields: &str, message: &Message) -> String {
    let (host, http) = host(&[Answer::Status(200, r#"{"errcode":0,"errmsg":"ok"}"#)]);
    let (effect, _) = tell(&*channel(ROBOT, fields, &host).unwrap(), message, &host).await;
    assert_eq!(effect.status, ActionStatus::Confirmed);
    let seen = http.seen.lock().unwrap();
    assert_eq!(seen[0].1.url.query(), Some("key=sesame-sesame"));
    let document: Value = serde_json::from_slice(&seen[0].1.body).unwrap();
    assert_eq!(document["msgtype"], "markdown");
    document["markdown"]["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_rollback_is_told_in_markdown() {
    let text = posted("locale: zh, mention: [zhangsan, lisi]", &message(On::Rollback)).await;
    let title = "❌ <font color=\"warning\">**部署验证未通过，判定回滚：checkout 1.4.0 → production**</font>\n**已请求回滚**：webhook";
    assert!(text.starts_with(title), "{text}");
    assert!(text.ends_with("\n<@zhangsan> <@lisi>"), "{text}");
    assert!(
        posted("", &message(On::Pass)).await.starts_with("✅ <font color=\"info\">**Deployment passed: ")
    );
}

#[tokio::test]
async fn the_answers_of_the_robot() {
    use ActionStatus::{Confirmed, Failed, Unknown};
    table(ROBOT, &common()).await;
    table(
        ROBOT,
        &[
            (&[Answer::Status(200, r#"{"errcode":93000,"errmsg":"invalid webhook url, hint: [1]"}"#)], Failed, 1, "with errcode 93000: `invalid webhook url, hint: [1]`; the `key` in the webhook's address is not known"),
            (&[Answer::Status(200, r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#)], Failed, 1, "20 messages a minute"),
            (&[Answer::Status(200, r#"{"errcode":40058,"errmsg":"markdown.content exceed max length 4096"}"#)], Failed, 1, "please report this"),
            (&[Answer::Status(200, r#"{"errcode":-1,"errmsg":"system busy"}"#)], Failed, 1, "try again"),
            (&[Answer::Status(200, "[]")], Unknown, 1, "expected a JSON object with `errcode`"),
            (&[Answer::Header(429, "retry-after", "1"), Answer::Status(200, r#"{"errcode":0}"#)], Confirmed, 2, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn hostile_texts_stay_texts_within_the_limits() {
    let many: Vec<String> = (0..500).map(|index| format!("member-{index}")).collect();
    let text = posted(&format!("mention: [{}]", many.join(", ")), &hostile()).await;
    assert!(text.len() <= 4096, "{}", text.len());
    assert!(text.starts_with("❌ <font color=\"warning\">**Verdict rollback (DISARMED): "), "{text}");
    assert!(text.contains("**DISARMED**") && text.contains("<@member-0>"), "{text}");
    for markup in ["<@all", "<@U123", "[x]", "![", "<b>", "`code`", "](https://evil"] {
        assert!(!text.contains(markup), "{markup}: {text}");
    }
}

#[test]
fn only_members_are_called() {
    let (host, _) = host(&[]);
    for mention in ["@all", "<@all>", "张三", ""] {
        let faults = channel(ROBOT, &format!("mention: [\"{mention}\"]"), &host).unwrap_err().join("\n");
        assert!(faults.contains("expected a member's id"), "{mention}: {faults}");
    }
}
