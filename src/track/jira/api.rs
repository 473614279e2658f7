//! What is asked of Jira's API, and what its answers mean. Must not ask twice for what may not happen twice: a comment
//! whose fate is unknown stays unknown.

use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::Version;
use crate::api::remote::Hints;
use crate::api::words::{WORDS, address, line};
use crate::api::{Allowance, Effect, Question, Remote};
use crate::gate::outcome::ActionStatus;
use crate::host::http::Response;
use crate::host::secret::Redactor;
use crate::track::Details;
use crate::track::note::Note;

/// The property by which a comment of ours is known again.
pub(super) const PROPERTY: &str = "rollgate";

/// Comments that are looked at, newest first, for one of ours.
const NEWEST: &str = "50";

/// What to do about a status.
const HINTS: Hints<'static> = &[
    (
        401,
        "check the integration's `auth`: Cloud takes an e-mail address and its API token, Data Center a personal access token",
    ),
    (403, "this account may not do this here: check its project permissions"),
    (404, "it does not exist, or this account may not see it: a refused credential looks the same"),
    (410, "this Jira no longer has this: check `api_version`"),
];

/// A Jira.
#[derive(Debug)]
pub(super) struct Site {
    remote: Remote,
    base: Url,
    version: Version,
}

impl Site {
    pub(super) const fn new(remote: Remote, base: Url, version: Version) -> Self {
        Self { remote, base, version }
    }

    pub(super) fn address(&self) -> String {
        address(&self.base)
    }

    fn url(&self, parts: &[&str]) -> Url {
        let version = match self.version {
            Version::Two => "2",
            Version::Three => "3",
        };
        let all: Vec<&str> = ["rest", "api", version].iter().chain(parts).copied().collect();
        self.remote.url(&all)
    }

    /// The page of `issue`; none for an address that serves only the API.
    fn page(&self, issue: &str) -> Option<Url> {
        let only_api = self.base.host_str() == Some("api.atlassian.com");
        (!only_api).then(|| self.remote.url(&["browse", issue]))
    }

    /// Writes `note` under `issue`, unless it stands there already.
    pub(super) async fn comment(
        &self,
        issue: &str,
        note: &Note,
        allowance: &Allowance<'_>,
    ) -> Result<Effect, Effect> {
        let redactor = &allowance.host.output.redactor;
        let place = self.url(&["issue", issue, "comment"]);
        if let Some(id) = &note.id
            && let Some(earlier) = self.earlier(&place, id, allowance).await?
        {
            let told = "an earlier run has written it for this deployment";
            let found = Effect { reason: Some(told.to_owned()), ..Effect::confirmed(200) };
            return Ok(found.at(self.focused(issue, earlier.as_deref())));
        }
        let question = Question::json(Method::POST, place, &self.version.body(note));
        let answer = self.remote.ask(&question, allowance).await?;
        let written = self.json(&answer, redactor)?;
        let Some(id) = written["id"].as_str() else {
            return Err(self.odd(&answer, "a comment with its `id`"));
        };
        Ok(Effect::confirmed(answer.status).at(self.focused(issue, Some(id))))
    }

    /// The comment that carries `id`, with its own id where it says so. What cannot be told is no reason not to comment;
    /// what would be answered to the comment as well is.
    async fn earlier(
        &self,
        place: &Url,
        id: &str,
        allowance: &Allowance<'_>,
    ) -> Result<Option<Option<String>>, Effect> {
        let mut url = place.clone();
        url.query_pairs_mut()
            .append_pair("expand", "properties")
            .append_pair("orderBy", "-created")
            .append_pair("maxResults", NEWEST);
        let answer = self.remote.ask(&Question::get(url), allowance).await?;
        if matches!(answer.status, 300..=399 | 401 | 403 | 404 | 407 | 410 | 429) {
            return Err(self.refused(&answer, &allowance.host.output.redactor));
        }
        let Ok(list) = serde_json::from_slice::<Value>(&answer.body) else { return Ok(None) };
        let ours = |comment: &&Value| {
            let properties = comment["properties"].as_array().into_iter().flatten();
            properties
                .into_iter()
                .any(|property| property["key"] == PROPERTY && property["value"]["id"] == id)
        };
        let found = list["comments"].as_array().and_then(|all| all.iter().find(ours));
        Ok(found.map(|comment| comment["id"].as_str().map(str::to_owned)))
    }

    fn focused(&self, issue: &str, comment: Option<&str>) -> Option<String> {
        let mut page = self.page(issue)?;
        if let Some(id) = comment {
            page.query_pairs_mut().append_pair("focusedCommentId", id);
        }
        Some(page.into())
    }

    /// Moves `issue` to the status `to`.
    pub(super) async fn transition(
        &self,
        issue: &str,
        to: &str,
        allowance: &Allowance<'_>,
    ) -> Result<Effect, Effect> {
        let redactor = &allowance.host.output.redactor;
        let page = self.page(issue).map(String::from);
        let status = self.status(issue, allowance).await?;
        if same(&status, to) {
            let told = format!("it is in `{}` already", line(&status, WORDS, redactor));
            return Ok(Effect { reason: Some(told), ..Effect::confirmed(200) }.at(page));
        }
        let place = self.url(&["issue", issue, "transitions"]);
        let answer = self.remote.ask(&Question::get(place.clone()), allowance).await?;
        let known = self.json(&answer, redactor)?;
        let all: Vec<&Value> = known["transitions"].as_array().into_iter().flatten().collect();
        let named = |of: &dyn Fn(&Value) -> &Value| {
            all.iter().find(|one| of(one).as_str().is_some_and(|name| same(name, to))).copied()
        };
        let found = named(&|one| &one["to"]["name"]).or_else(|| named(&|one| &one["name"]));
        let Some(id) = found.and_then(|one| one["id"].as_str()) else {
            let mut names: Vec<String> = Vec::new();
            for name in all.iter().filter_map(|one| one["to"]["name"].as_str()) {
                let name = format!("`{}`", line(name, 80, redactor));
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            let from = line(&status, 80, redactor);
            let reachable = match names.as_slice() {
                [] => "this account can move it nowhere".to_owned(),
                names => format!("from there it can be moved to {}", names.join(", ")),
            };
            let told = format!("{issue} is in `{from}` and cannot be moved to `{to}`: {reachable}");
            return Err(Effect::because(ActionStatus::Failed, told).at(page));
        };
        let question = Question::json(Method::POST, place, &json!({ "transition": { "id": id } }));
        match self.remote.ask(&question, allowance).await {
            Ok(answer) if (200..300).contains(&answer.status) && answer.body.is_empty() => {
                Ok(Effect::confirmed(answer.status).at(page))
            }
            Ok(answer) if (200..300).contains(&answer.status) => Err(self.odd(&answer, "an empty answer")),
            Ok(answer) => {
                let mut effect = self.refused(&answer, redactor);
                if answer.status == 400 {
                    let hint = "a screen of this transition may want fields: take them off it, or move the issue by hand";
                    effect.reason = effect.reason.map(|reason| format!("{reason}; {hint}"));
                }
                Err(effect.at(page))
            }
            // Whether it arrived can be seen, where there is time left to look.
            Err(effect) if effect.status == ActionStatus::Unknown && !allowance.left().is_zero() => {
                match self.status(issue, allowance).await {
                    Ok(status) if same(&status, to) => Ok(Effect::confirmed(200).at(page)),
                    _ => Err(effect.at(page)),
                }
            }
            Err(effect) => Err(effect.at(page)),
        }
    }

    async fn status(&self, issue: &str, allowance: &Allowance<'_>) -> Result<String, Effect> {
        let (fields, answer) = self.fields(issue, "status", allowance).await?;
        let name = fields["status"]["name"].as_str().map(str::to_owned);
        name.ok_or_else(|| self.odd(&answer, "the issue's status"))
    }

    /// Links `issue` to `other`.
    pub(super) async fn link(
        &self,
        issue: &str,
        kind: &str,
        other: &str,
        allowance: &Allowance<'_>,
    ) -> Result<Effect, Effect> {
        let redactor = &allowance.host.output.redactor;
        // The link is of the inward issue: with `Blocks`, that one blocks the other.
        let document = json!({
            "type": { "name": kind },
            "inwardIssue": { "key": issue },
            "outwardIssue": { "key": other },
        });
        let question = Question::json(Method::POST, self.url(&["issueLink"]), &document);
        let answer = self.remote.ask(&question, allowance).await?;
        if answer.status == 404 || answer.status == 400 {
            let mut effect = self.refused(&answer, redactor);
            if let Some(kinds) = self.kinds(kind, allowance).await {
                effect.reason = Some(format!("there is no type of link `{kind}`: there are {kinds}"));
            }
            return Err(effect);
        }
        if !(200..300).contains(&answer.status) {
            return Err(self.refused(&answer, redactor));
        }
        let html = answer.body.trim_ascii_start().starts_with(b"<");
        if html {
            return Err(self.odd(&answer, "a link"));
        }
        Ok(Effect::confirmed(answer.status).at(self.page(issue).map(String::from)))
    }

    /// The types of link there are, where `kind` is none of them.
    async fn kinds(&self, kind: &str, allowance: &Allowance<'_>) -> Option<String> {
        let answer = self.remote.ask(&Question::get(self.url(&["issueLinkType"])), allowance).await.ok()?;
        let known: Value = serde_json::from_slice(&answer.body).ok()?;
        let all = known["issueLinkTypes"].as_array()?.iter().filter_map(|one| one["name"].as_str());
        let names: Vec<&str> = all.collect();
        let redactor = &allowance.host.output.redactor;
        let shown: Vec<String> = names.iter().map(|name| format!("`{}`", line(name, 80, redactor))).collect();
        (!names.is_empty() && !names.iter().any(|name| same(name, kind))).then(|| shown.join(", "))
    }

    /// What is known of `issue`.
    pub(super) async fn show(&self, issue: &str, allowance: &Allowance<'_>) -> Result<Details, Effect> {
        let wanted = "summary,description,status,assignee,issuetype,priority";
        let (fields, _) = self.fields(issue, wanted, allowance).await?;
        let name = |field: &str, key: &str| fields[field][key].as_str().map(str::to_owned);
        Ok(Details {
            issue: issue.to_owned(),
            summary: fields["summary"].as_str().unwrap_or_default().to_owned(),
            status: name("status", "name").unwrap_or_default(),
            assignee: name("assignee", "displayName"),
            kind: name("issuetype", "name").unwrap_or_default(),
            priority: name("priority", "name"),
            description: self.version.text(&fields["description"]),
            url: self.page(issue).map(String::from),
        })
    }

    async fn fields(
        &self,
        issue: &str,
        wanted: &str,
        allowance: &Allowance<'_>,
    ) -> Result<(Value, Response), Effect> {
        let mut url = self.url(&["issue", issue]);
        url.query_pairs_mut().append_pair("fields", wanted);
        let answer = self.remote.ask(&Question::get(url), allowance).await?;
        let mut known = self.json(&answer, &allowance.host.output.redactor)?;
        match known["fields"].take() {
            fields @ Value::Object(_) => Ok((fields, answer)),
            _ => Err(self.odd(&answer, "an issue with its `fields`")),
        }
    }

    fn json(&self, answer: &Response, redactor: &Redactor) -> Result<Value, Effect> {
        if !(200..300).contains(&answer.status) {
            return Err(self.refused(answer, redactor));
        }
        self.remote.json(answer, HINTS, redactor)
    }

    /// An answer of success that is none of Jira's: nothing can be said of what was asked.
    fn odd(&self, answer: &Response, expected: &str) -> Effect {
        let told = format!(
            "expected {expected} from {}, found something else; is its `url` right?",
            self.remote.who()
        );
        Effect { http_status: Some(answer.status), ..Effect::because(ActionStatus::Unknown, told) }
    }

    /// What a status that is none of success means; headers of Jira's say more than its bodies.
    fn refused(&self, answer: &Response, redactor: &Redactor) -> Effect {
        let mut effect = self.remote.refused(answer, HINTS, redactor);
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let mut add = |words: String| {
            effect.reason = effect.reason.take().map(|reason| format!("{reason}; {words}"));
        };
        if header("x-authentication-denied-reason").is_some_and(|why| why.contains("CAPTCHA")) {
            add("it wants a captcha after failed log-ins: log in once in a browser as this user".to_owned());
        }
        if header("x-seraph-loginreason").is_some_and(|why| why.contains("AUTHENTICATED_FAILED")) {
            add("the credential itself was refused".to_owned());
        }
        if let Some(why) = header("ratelimit-reason") {
            add(format!("the limit is `{}`", line(why, 80, redactor)));
        }
        let html = answer.body.trim_ascii_start().starts_with(b"<");
        if answer.status == 404 && html && self.version == Version::Three {
            add("is its `url` right? Data Center wants `api_version: 2`".to_owned());
        }
        effect
    }
}

/// Whether two names are the same to people.
fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
