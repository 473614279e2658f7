//! Gives rules to the server that evaluates them: Prometheus reads its files anew, Mimir takes a group. Must not make or
//! write them, and believes only what the server says it has.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use url::Url;

use crate::api::deliver::REQUEST;
use crate::api::{Allowance, Effect, Question, Remote, Repeat};
use crate::host::Host;
use crate::policy::integration::Resolved;

/// How long giving may take, waits for a server that is busy included.
const SPAN: std::time::Duration = REQUEST.saturating_mul(6);

/// The server at the integration's address.
///
/// # Errors
/// A sentence about TLS settings or credentials that cannot be used.
pub(crate) fn server(integration: &Resolved, host: &Host) -> Result<Remote, String> {
    let mut remote = Remote::new(&integration.name, &integration.url, &integration.tls, host)?;
    for (name, value) in &integration.headers {
        remote.set(name.clone(), value.clone());
    }
    remote.authorize(&integration.auth, &integration.vault)?;
    Ok(remote)
}

/// Has Prometheus read its files anew; what it then says it has of `group`, which is in the file `path`.
///
/// # Errors
/// Why it did not, or that it does not have the group.
pub(crate) async fn reload(remote: &Remote, group: &str, path: &str, host: &Host) -> Result<String, String> {
    let allowance = Allowance::alone(host, SPAN);
    let question = Question {
        method: Method::POST,
        url: remote.url(&["-", "reload"]),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        repeat: Repeat::Harmful,
    };
    let answer = remote.ask(&question, &allowance).await.map_err(reason)?;
    if !(200..300).contains(&answer.status) {
        let closed = String::from_utf8_lossy(&answer.body).contains("Lifecycle");
        let hint = "reloading over HTTP is switched off there: start it with `--web.enable-lifecycle`, or send it SIGHUP";
        let hints = [
            (
                403,
                if closed {
                    hint
                } else {
                    "the credential may not reload it: check the integration's `auth`"
                },
            ),
            (404, "is this Prometheus? another server loads rules in another way"),
            (500, "it keeps the rules that it had: look at the other files of its `rule_files`, too"),
        ];
        return Err(reason(remote.refused(&answer, &hints, &host.output.redactor)));
    }
    match held(remote, group, &allowance).await {
        Some(Some(count)) => {
            Ok(format!("{} has loaded the group `{group}` with {count} rules", remote.who()))
        }
        Some(None) => Err(format!(
            "{} has read its files anew and has no group `{group}`: is `{path}` among its `rule_files`?",
            remote.who()
        )),
        None => Ok(format!("{} has read its files anew; it does not say which rules it has", remote.who())),
    }
}

/// How many rules of `group` the server has, if it has the group; `None` where it does not say.
async fn held(remote: &Remote, group: &str, allowance: &Allowance<'_>) -> Option<Option<usize>> {
    let mut url: Url = remote.url(&["api", "v1", "rules"]);
    url.query_pairs_mut().append_pair("type", "alert").append_pair("rule_group[]", group);
    let answer = remote.ask(&Question::get(url), allowance).await.ok()?;
    let said: Value = serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200)?;
    let groups = said.get("data")?.get("groups")?.as_array()?;
    let named = groups.iter().filter(|one| one.get("name").and_then(Value::as_str) == Some(group));
    let mut counts = named.filter_map(|one| one.get("rules")?.as_array().map(Vec::len));
    Some(counts.next())
}

/// Gives the group `group`, written as `text`, to Mimir, in `namespace`; what it said.
///
/// # Errors
/// Why it did not take it.
pub(crate) async fn give(
    remote: &Remote,
    (group, text): (&str, String),
    namespace: &str,
    host: &Host,
) -> Result<String, String> {
    let allowance = Allowance::alone(host, SPAN);
    let mut parts = vec!["prometheus", "config", "v1", "rules", namespace];
    // An address may be that of its Prometheus API already.
    if remote.url(&[]).path().ends_with("/prometheus") {
        parts.remove(0);
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
    // The same group again replaces itself.
    let question = Question {
        method: Method::POST,
        url: remote.url(&parts),
        headers,
        body: text.into(),
        repeat: Repeat::Harmless,
    };
    let answer = remote.ask(&question, &allowance).await.map_err(reason)?;
    if !(200..300).contains(&answer.status) {
        let hints = [
            (
                401,
                "does it want a tenant? write `headers: {X-Scope-OrgID: …}` in the integration, or check its `auth`",
            ),
            (404, "is the ruler's API there? the address is that before `/prometheus`"),
        ];
        return Err(reason(remote.refused(&answer, &hints, &host.output.redactor)));
    }
    Ok(format!("{} has taken the group `{group}` in the namespace `{namespace}`", remote.who()))
}

fn reason(effect: Effect) -> String {
    effect.reason.unwrap_or_else(|| "it is not known what came of it".to_owned())
}
