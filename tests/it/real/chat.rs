//! What chats are sent, as clients by others see it: blocks, signatures, shapes and sizes, of ordinary and of hostile names.

use serde_json::json;

use super::oracles::{StandIn, failing};
use super::servers::rollgate;

const SECRET: &str = "SECthis-is-a-secret";

#[test]
fn the_clients_of_chats_take_what_they_are_sent() {
    if super::skipped("what chats are sent") {
        return;
    }
    let stand_in = StandIn::start(&json!([
        { "on": "^GET /health", "answers": [{ "status": 500 }] },
        { "on": "^POST /services/", "answers": [{ "status": 200, "body": "ok" }] },
        { "on": "^POST /api/", "answers": [{ "status": 200, "body": "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"1.2\"}" }] },
        { "on": "^POST /robot/", "answers": [{ "status": 200, "body": "{\"errcode\":0,\"errmsg\":\"ok\"}" }] },
        { "on": "^POST /open-apis/", "answers": [{ "status": 200, "body": "{\"code\":0}" }] },
    ]));
    let url = stand_in.url();
    let integrations = format!(
        "integrations:
  slack: {{webhook_url: \"{url}/services/T0000001/B0000001\"}}
  bot: {{system: slack, url: \"{url}/api\", token_ref: bot-token, channels: {{all: \"#all\"}}}}
  dingtalk: {{webhook_url: \"{url}/robot/send?access_token=0123456789\", secret_ref: robot-secret}}
  feishu: {{webhook_url: \"{url}/open-apis/bot/v2/hook/0123456789\", secret_ref: robot-secret}}
notifications:
  - {{to: slack, mention: [\"@here\", U024BE7LH]}}
  - {{to: bot, locale: zh}}
  - {{to: dingtalk, mention: [\"13800000000\", manager01]}}
  - {{to: feishu, locale: zh}}
"
    );
    let folder = failing(&stand_in, &integrations);
    let policy = folder.path().join("policy.yaml");
    let told = |args: &[&str]| {
        let ran =
            rollgate().args(args).env("BOT_TOKEN", "xoxb-0123456789").env("ROBOT_SECRET", SECRET).output();
        let ran = ran.unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let policy = policy.to_str().unwrap();
    let hostile =
        "\"}],\\ <!channel> [x](https://evil.example) `c` *b* _i_ @all <at id=all></at> ".repeat(200);
    for service in ["checkout", &hostile] {
        let (code, said) =
            told(&["run", policy, "--service", service, "--environment", service, "--version", "1.4.0"]);
        assert_eq!(code, Some(20), "{said}");
        assert_eq!(said.matches("Z told ").count(), 4, "{said}");
    }
    let to = ["--policy", policy, "--to", "slack", "--to", "bot", "--to", "dingtalk", "--to", "feishu"];
    let build = [
        "notify",
        "build",
        "--status",
        "success",
        "--project",
        "shop",
        "--artifacts",
        "https://ci.example/a",
    ];
    let alert = ["notify", "alert", "--title", &hostile, "--description", &hostile, "--locale", "zh"];
    for what in [&build[..], &alert[..]] {
        let (code, said) = told(&[what, &to].concat());
        assert_eq!(code, Some(0), "{said}");
    }
    stand_in.judged_by("slack.py", &[]);
    stand_in.judged_by("dingtalk.py", &[SECRET]);
    stand_in.judged_by("feishu.py", &[SECRET]);
}
