//! What Jenkins wants beside a password before it lets a request act: a crumb, and the session that it was given in.
//! Must not be asked for where an API token says who is asking.

use http::header::{COOKIE, HeaderName, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::api::{Allowance, Effect, Question, Remote};
use crate::gate::outcome::ActionStatus;
use crate::rollback::answer::text;

/// The headers by which a request with a password may act; none where Jenkins wants none.
///
/// # Errors
/// Why there is no crumb, and what to do.
pub(super) async fn open(remote: &Remote, allowance: &Allowance<'_>) -> Result<HeaderMap, Effect> {
    let redactor = &allowance.host.output.redactor;
    let question = Question::get(remote.url(&["crumbIssuer", "api", "json"]));
    let answer = remote.ask(&question, allowance).await?;
    if answer.status == 404 {
        // The protection is turned off.
        return Ok(HeaderMap::new());
    }
    let document = remote.json(&answer, super::build::HINTS, redactor)?;
    let crumb = text(&document, "/crumb");
    let field = text(&document, "/crumbRequestField").unwrap_or("Jenkins-Crumb");
    let mut headers = HeaderMap::new();
    let mut insert = |name: Option<HeaderName>, text: &str| {
        // Neither is anybody's to see. What is too short to be masked opens nothing.
        drop(redactor.secret(text));
        let (Some(name), Ok(mut value)) = (name, HeaderValue::from_str(text)) else { return false };
        value.set_sensitive(true);
        headers.insert(name, value);
        true
    };
    let taken = crumb.is_some_and(|crumb| insert(HeaderName::from_bytes(field.as_bytes()).ok(), crumb));
    if !taken {
        let told = format!(
            "{} gave no crumb that can be used; an API token needs none: name it as `token_ref`",
            remote.who()
        );
        return Err(Effect::because(ActionStatus::Failed, told));
    }
    let given = answer.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let cookies: Vec<&str> = given.filter_map(|cookie| cookie.split(';').next()).map(str::trim).collect();
    if !cookies.is_empty() {
        insert(Some(COOKIE), &cookies.join("; "));
    }
    Ok(headers)
}
