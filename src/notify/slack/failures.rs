//! Slack's words for why not, and what to do about each. Must stay a table.

use crate::api::remote::Hints;
use crate::api::words::{WORDS, line};
use crate::api::{Effect, Remote};
use crate::gate::outcome::ActionStatus;
use crate::host::http::Response;
use crate::host::secret::Redactor;

/// What to do about a status without a word.
pub(super) const STATUSES: Hints<'_> = &[
    (403, "check the webhook's address or the token: it may have been revoked"),
    (404, "check the webhook's address: it may have been removed"),
    (429, "Slack takes about one message a second for each channel"),
];

const REPORT: &str =
    "rollgate has written a message that Slack does not take: please report this, it is a bug";

const TOKEN: &str = "check the bot's token: install the app again and give its `xoxb-` token";

/// What to do about one of Slack's words.
fn hint(word: &str) -> Option<&'static str> {
    Some(match word {
        "not_in_channel" => "invite the bot to the channel: `/invite @its-name`",
        "channel_not_found" => {
            "there is no such channel, or it is private and the bot is not in it: check its name, or invite the bot"
        }
        "channel_is_archived" | "is_archived" => "the channel is archived: choose another",
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "not_allowed_token_type" => TOKEN,
        "missing_scope" => {
            "the bot's app needs the scope `chat:write` (`chat:write.public` for channels it is not in)"
        }
        "ratelimited" | "rate_limited" => "Slack takes about one message a second for each channel",
        "invalid_token" => "the webhook's address is not whole: copy it again",
        "no_service" | "no_service_id" | "no_team" | "no_active_hooks" | "team_disabled" => {
            "the webhook was removed or its app disabled: make a new one and give its address"
        }
        "action_prohibited"
        | "posting_to_general_channel_denied"
        | "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "restricted_action_non_threadable_channel"
        | "team_access_not_granted"
        | "org_login_required"
        | "ekm_access_denied"
        | "access_denied" => "the workspace does not let the app post there: ask its administrators",
        "user_not_found" => "check whom the notification mentions",
        "invalid_payload"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "invalid_attachments"
        | "invalid_arguments"
        | "too_many_attachments"
        | "no_text"
        | "msg_too_long"
        | "msg_blocks_too_long" => REPORT,
        "rollup_error"
        | "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org" => "Slack itself has a problem: try again",
        _ => return None,
    })
}

/// A refusal in one of Slack's `word`s, which a status of 200 may come with.
pub(super) fn refused(remote: &Remote, answer: &Response, word: &str, redactor: &Redactor) -> Effect {
    let hint = hint(word).map(|hint| format!("; {hint}")).unwrap_or_default();
    let word = if word.is_empty() {
        "without a reason".to_owned()
    } else {
        format!("`{}`", line(word, WORDS, redactor))
    };
    let reason = format!("{} answered {} {word}{hint}", remote.who(), answer.status);
    Effect {
        http_status: Some(answer.status),
        response: Some(String::from_utf8_lossy(&answer.body).into_owned()),
        ..Effect::because(ActionStatus::Failed, reason)
    }
}
