//! Second opinions on what people and programs are told: the signature and the envelope of a webhook, PagerDuty's own client,
//! and the SDK of Adaptive Cards.

use serde_json::json;

use super::oracles::{StandIn, failing};
use super::servers::{SECRET, rollgate};

#[test]
fn others_read_what_is_told() {
    if super::skipped("second opinions on notifications") {
        return;
    }
    let signed = StandIn::start(&json!([{ "on": "^POST ", "answers": [{ "status": 202 }] }]));
    let taken = json!({"status": "success", "message": "Event processed", "dedup_key": "k"});
    let stand_in = StandIn::start(&json!([
        { "on": "^GET /health", "answers": [{ "status": 500 }, { "status": 200 }] },
        { "on": "^POST /v2/enqueue", "answers": [{ "status": 202, "json": taken }] },
        { "on": "^POST /teams", "answers": [{ "status": 202 }] },
    ]));
    let (programs, people) = (signed.url(), stand_in.url());
    let rest = format!(
        "integrations:\n  cloud: {{system: webhook, url: \"{programs}/cloud\", format: cloudevents, secret_ref: rollback-webhook-secret}}\n  \
         cd: {{system: webhook, url: \"{programs}/cd\", format: cdevents, secret_ref: rollback-webhook-secret}}\n  \
         pagerduty: {{url: \"{people}\", routing_key: 0123456789abcdef0123456789abcdef}}\n  \
         teams: {{webhook_url: \"{people}/teams?sig=0123456789abcdef\"}}\n\
         notifications:\n  - {{to: cloud}}\n  - {{to: cd}}\n  - {{to: pagerduty}}\n  - {{to: teams, mention: [\"Ann <ann@example.com>\"]}}\n"
    );
    let folder = failing(&stand_in, &rest);
    for (code, odd) in [(20, "check\"out <at>all</at> *_`"), (0, "checkout")] {
        let run = rollgate()
            .args(["run", "--environment", "production", "--version", "1.4.0", "--service", odd])
            .arg(folder.path().join("policy.yaml"))
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(code), "{talk}");
        assert_eq!(talk.matches("Z told ").count() % 4, 0, "{talk}");
        assert!(!talk.contains("NOT told"), "{talk}");
    }
    signed.judged_by("standard_webhooks.mjs", &[SECRET]);
    signed.judged_by("cloud_events.py", &[]);
    stand_in.judged_by("pagerduty_client.py", &[]);
    stand_in.judged_by("adaptive_card.mjs", &[]);
}
