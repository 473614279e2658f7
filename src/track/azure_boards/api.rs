//! What is asked of the API of Azure Boards, and what its answers mean. Must not ask twice for a comment.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use serde_json::{Value, json};
use url::Url;

use super::html;
use crate::api::remote::Hints;
use crate::api::words::{WORDS, address, line};
use crate::api::{Allowance, Effect, Question, Remote};
use crate::gate::outcome::ActionStatus;
use crate::host::http::Response;
use crate::track::Details;

/// What to do about a status.
const HINTS: Hints<'static> = &[
    (302, "the personal access token is wrong or expired: it sends to its sign-in page"),
    (401, "the personal access token is wrong or expired"),
    (403, "the token needs the scope `Work Items (Read & write)`"),
    (404, "there is no such work item, or the token may not see it: check `organization` and `project`"),
];

/// What links are called by people, and by the API.
const LINKS: &[(&str, &str)] = &[
    ("Relates", "System.LinkTypes.Related"),
    ("Related", "System.LinkTypes.Related"),
    ("Parent", "System.LinkTypes.Hierarchy-Reverse"),
    ("Child", "System.LinkTypes.Hierarchy-Forward"),
    ("Predecessor", "System.LinkTypes.Dependency-Reverse"),
    ("Successor", "System.LinkTypes.Dependency-Forward"),
    ("Duplicate", "System.LinkTypes.Duplicate-Forward"),
    ("Duplicate Of", "System.LinkTypes.Duplicate-Reverse"),
];

/// The work items of a project.
#[derive(Debug)]
pub(super) struct Boards {
    remote: Remote,
    base: Url,
    project: String,
    version: String,
}

impl Boards {
    pub(super) const fn new(remote: Remote, base: Url, project: String, version: String) -> Self {
        Self { remote, base, project, version }
    }

    pub(super) fn address(&self) -> String {
        address(&self.base)
    }

    fn url(&self, parts: &[&str], version: &str) -> Url {
        let own = [self.project.as_str(), "_apis", "wit"];
        let mut url = self.remote.url(&own.iter().chain(parts).copied().collect::<Vec<_>>());
        url.query_pairs_mut().append_pair("api-version", version);
        url
    }

    fn page(&self, issue: &str) -> String {
        self.remote.url(&[&self.project, "_workitems", "edit", issue]).into()
    }

    /// Writes `text`, which is HTML, under `issue`.
    pub(super) async fn comment(
        &self,
        issue: &str,
        text: &str,
        allowance: &Allowance<'_>,
    ) -> Result<Effect, Effect> {
        // Before 7.1 a comment was always HTML; since then that has to be said.
        let marked = self.version.parse::<f64>().is_ok_and(|version| version >= 7.1);
        let version = format!("{}-preview.{}", self.version, if marked { 4 } else { 3 });
        let mut url = self.url(&["workItems", issue, "comments"], &version);
        if marked {
            url.query_pairs_mut().append_pair("format", "html");
        }
        let question = Question::json(Method::POST, url, &json!({ "text": text }));
        let (status, written) = self.answer(&question, allowance).await?;
        if written["id"].is_u64() || written["commentId"].is_u64() {
            return Ok(Effect::confirmed(status).at(Some(self.page(issue))));
        }
        Err(self.odd(status, "a comment with its `id`"))
    }

    /// Moves `issue` to the state `to`.
    pub(super) async fn transition(
        &self,
        issue: &str,
        to: &str,
        allowance: &Allowance<'_>,
    ) -> Result<Effect, Effect> {
        let redactor = &allowance.host.output.redactor;
        let page = Some(self.page(issue));
        let item = self.item(issue, allowance).await?;
        let state = item["System.State"].as_str().unwrap_or_default();
        if state.eq_ignore_ascii_case(to) {
            let told = format!("it is in `{}` already", line(state, WORDS, redactor));
            return Ok(Effect { reason: Some(told), ..Effect::confirmed(200) }.at(page));
        }
        let states = self.states(item["System.WorkItemType"].as_str().unwrap_or_default(), allowance).await;
        let name = states.iter().find(|name| name.eq_ignore_ascii_case(to)).map_or(to, String::as_str);
        let change = json!([{ "op": "add", "path": "/fields/System.State", "value": name }]);
        // The same state again is the same state.
        let changed = self.answer(&self.patch(issue, &change).harmless(), allowance).await;
        match changed {
            Ok((status, written)) if written["fields"]["System.State"].is_string() => {
                Ok(Effect::confirmed(status).at(page))
            }
            Ok((status, _)) => Err(self.odd(status, "the work item")),
            Err(mut effect) => {
                if effect.http_status == Some(400) && !states.is_empty() {
                    let names = states.iter().map(|name| format!("`{}`", line(name, 80, redactor)));
                    let hint = format!(
                        "it is in `{}`; its states are {}",
                        line(state, 80, redactor),
                        names.collect::<Vec<_>>().join(", ")
                    );
                    effect.reason = effect.reason.map(|reason| format!("{reason}; {hint}"));
                }
                Err(effect.at(page))
            }
        }
    }

    /// The states of work items of `kind`; none where they cannot be read.
    async fn states(&self, kind: &str, allowance: &Allowance<'_>) -> Vec<String> {
        let url = self.url(&["workitemtypes", kind, "states"], &self.version);
        let Ok((_, known)) = self.answer(&Question::get(url), allowance).await else { return Vec::new() };
        let all = known["value"].as_array().into_iter().flatten();
        all.filter_map(|state| state["name"].as_str().map(str::to_owned)).collect()
    }

    /// Links `issue` to `other`.
    pub(super) async fn link(
        &self,
        issue: &str,
        kind: &str,
        other: &str,
        allowance: &Allowance<'_>,
    ) -> Result<Effect, Effect> {
        let known = LINKS.iter().find(|(word, _)| word.eq_ignore_ascii_case(kind)).map(|(_, name)| *name);
        let Some(name) = known.or_else(|| kind.contains('.').then_some(kind)) else {
            let words: Vec<String> = LINKS.iter().skip(1).map(|(word, _)| format!("`{word}`")).collect();
            let told = format!("there is no type of link `{kind}`: there are {}", words.join(", "));
            return Err(Effect::because(ActionStatus::Failed, told));
        };
        let to = self.remote.url(&["_apis", "wit", "workItems", other]);
        let change =
            json!([{ "op": "add", "path": "/relations/-", "value": { "rel": name, "url": to.as_str() } }]);
        let (status, written) = self.answer(&self.patch(issue, &change), allowance).await?;
        if written["id"].is_u64() {
            return Ok(Effect::confirmed(status).at(Some(self.page(issue))));
        }
        Err(self.odd(status, "the work item"))
    }

    fn patch(&self, issue: &str, change: &Value) -> Question {
        let mut question =
            Question::json(Method::PATCH, self.url(&["workitems", issue], &self.version), change);
        question.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json-patch+json"));
        question
    }

    /// What is known of `issue`.
    pub(super) async fn details(&self, issue: &str, allowance: &Allowance<'_>) -> Result<Details, Effect> {
        let fields = self.item(issue, allowance).await?;
        let text = |field: &str| fields[field].as_str().unwrap_or_default().to_owned();
        let assignee = &fields["System.AssignedTo"];
        let priority = &fields["Microsoft.VSTS.Common.Priority"];
        Ok(Details {
            issue: format!("AB#{issue}"),
            summary: text("System.Title"),
            status: text("System.State"),
            assignee: assignee["displayName"].as_str().or_else(|| assignee.as_str()).map(str::to_owned),
            kind: text("System.WorkItemType"),
            priority: (!priority.is_null()).then(|| priority.to_string()),
            description: html::text(&text("System.Description")),
            url: Some(self.page(issue)),
        })
    }

    async fn item(&self, issue: &str, allowance: &Allowance<'_>) -> Result<Value, Effect> {
        let question = Question::get(self.url(&["workitems", issue], &self.version));
        let (status, mut known) = self.answer(&question, allowance).await?;
        match known["fields"].take() {
            fields @ Value::Object(_) => Ok(fields),
            _ => Err(self.odd(status, "a work item with its `fields`")),
        }
    }

    async fn answer(&self, question: &Question, allowance: &Allowance<'_>) -> Result<(u16, Value), Effect> {
        let answer: Response = self.remote.ask(question, allowance).await?;
        if answer.status == 203 {
            // The page for signing in, which comes before anything is done.
            let told = format!(
                "{} answered with its page for signing in: the personal access token is wrong or expired",
                self.remote.who()
            );
            return Err(Effect { http_status: Some(203), ..Effect::because(ActionStatus::Failed, told) });
        }
        let document = self.remote.json(&answer, HINTS, &allowance.host.output.redactor)?;
        Ok((answer.status, document))
    }

    fn odd(&self, status: u16, expected: &str) -> Effect {
        let told = format!("expected {expected} from {}, found something else", self.remote.who());
        Effect { http_status: Some(status), ..Effect::because(ActionStatus::Unknown, told) }
    }
}
