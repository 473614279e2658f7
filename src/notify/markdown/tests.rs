//! Messages as lines: what people read, and what is left where there is no room.

use super::*;
use crate::notify::testing::{hostile, message};
use crate::policy::notices::On;

#[test]
fn a_rollback_reads_well() {
    let text = fitted(&message(On::Rollback), Locale::En, &Unmarked, "\n", 20_000);
    assert_eq!(
        text,
        "Verdict rollback: checkout 1.4.0 → production
Rollback requested: webhook https://hooks.example/rollback
error_rate failed: value 0.08, limit max_value 0.01, breached at 2023-11-14T22:13:20Z
latency inconclusive: value 0, limit max_value 0.01, breached at 2023-11-14T22:13:20Z
0 > max_value 0.01
Service: checkout
Environment: production
Version: 1.4.0
Previous version: 1.3.9
Deployed at: 2023-11-14T22:13:20Z
Policy: post-deployment
Checks: 1 failed, 1 inconclusive
View run: https://ci.example/runs/1 · View rollback: https://ci.example/rollbacks/7 · \
Runbook: https://wiki.example/errors?a=(b)&c=[d]"
    );
    let chinese = fitted(&message(On::Rollback), Locale::Zh, &Unmarked, "\n", 20_000);
    let first: Vec<&str> = chinese.lines().take(3).collect();
    assert_eq!(
        first,
        [
            "部署验证未通过，判定回滚：checkout 1.4.0 → production",
            "已请求回滚：webhook https://hooks.example/rollback",
            "error_rate 失败：当前值 0.08，阈值 max_value 0.01，越限时间 2023-11-14T22:13:20Z",
        ]
    );
}

#[test]
fn the_verdict_stays_however_little_room_there_is() {
    let message = hostile();
    for bytes in [100_000, 20_000, 10_000, 4_000, 2_000, 1_000, 500, 200, 0] {
        let text = fitted(&message, Locale::En, &Unmarked, "\n", bytes);
        assert!(text.starts_with("Verdict rollback (DISARMED): "), "{bytes}: {text}");
        let length = serde_json::Value::from(text.as_str()).to_string().len();
        assert!(length <= bytes.max(200), "{bytes}: {length}");
        if (1_000..=4_000).contains(&bytes) {
            assert!(
                text.contains("\nDISARMED: ") && text.contains("\nRollback requested: webhook"),
                "{text}"
            );
        }
    }
}

#[test]
fn what_cannot_be_escaped_is_disguised() {
    assert_eq!(
        disguised("a_b _c_ __init__ [x](y) <@all>", "_[]<>"),
        "a_b ＿c＿ ＿＿init＿＿ ［x］(y) ＜@all＞"
    );
    assert_eq!(disguised("é*`", "*`"), "é＊'");
    assert_eq!(disguised("## shop #42", "#"), "＃＃ shop #42");
    assert_eq!(linkable("https://h/a(b)|c>d?e=[f]*"), "https://h/a%28b%29%7Cc%3Ed?e=%5Bf%5D%2A");
}
