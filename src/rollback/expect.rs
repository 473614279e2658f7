//! What an answer must be for a trigger to be confirmed: its status, and its body. Must not send anything.

use regex::Regex;
use url::Url;

use crate::host::secret::Redactor;
use crate::policy::node::{Data, shorten};
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::{Reader, value};
use crate::policy::status::Status;
use crate::policy::template::{Context, Scope, Template};
use crate::policy::value::Value;

/// What is expected, as it was read.
#[derive(Debug)]
pub(super) struct ExpectSpec {
    statuses: Vec<Value<Status>>,
    body: Option<Template>,
}

impl ExpectSpec {
    /// Reads `expect_status` and `expect_body`.
    pub(super) fn parse(body: &mut Reader<'_, '_>) -> Self {
        let written = body.items("expect_status");
        let statuses = written.iter().filter_map(|node| value(node, body.problems)).collect();
        if let Some(node) = body.node("expect_status").filter(|node| node.data == Data::List(Vec::new())) {
            body.fault(node.place, "expected a status for `expect_status`, found an empty list");
        }
        let expect_body = body.template("expect_body", Context::Text);
        if let Some(template) = expect_body.as_ref().filter(|t| t.variables().next().is_none())
            && let Err(problem) = pattern(&template.text, template.place)
        {
            body.problems.push(problem);
        }
        Self { statuses, body: expect_body }
    }

    /// What confirms, in words, as far as `scope` goes.
    pub(super) fn told(&self, scope: &Scope) -> String {
        let statuses: Vec<String> =
            self.statuses.iter().filter_map(|s| s.settled(scope).ok()).map(|s| s.to_string()).collect();
        let statuses = if statuses.is_empty() { "2xx".to_owned() } else { statuses.join(" or ") };
        let body = self.body.as_ref().map(|body| body.settled(scope).text);
        let body = body.map(|body| format!(" and a body that matches `{body}`")).unwrap_or_default();
        format!("confirmed by status {statuses}{body}")
    }

    /// What is expected, known. `None` after reporting why.
    pub(super) fn render(&self, scope: &Scope, problems: &mut Problems) -> Option<Expect> {
        let statuses: Result<Vec<Status>, _> = self.statuses.iter().map(|s| s.render(scope)).collect();
        let statuses = statuses.map_err(|problem| problems.push(problem)).ok();
        let body = self.pattern(scope).map_err(|problem| problems.push(problem)).ok();
        let mut statuses = statuses?;
        if statuses.is_empty() {
            statuses.push(Status::Class(2));
        }
        Some(Expect { statuses, body: body? })
    }

    fn pattern(&self, scope: &Scope) -> Result<Option<Regex>, Problem> {
        let Some(template) = &self.body else { return Ok(None) };
        // A value stands for itself and nothing else, whatever its characters mean to a pattern.
        let mut literal = Scope::default();
        for (name, text) in scope.all() {
            literal.set(name, &regex::escape(text));
        }
        pattern(&template.render(&literal)?, template.place).map(Some)
    }
}

fn pattern(text: &str, place: Place) -> Result<Regex, Problem> {
    Regex::new(text).map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Problem::at(place, format!("expected a regular expression, found one that cannot be read: {last}"))
    })
}

/// What is expected.
#[derive(Debug)]
pub(super) struct Expect {
    statuses: Vec<Status>,
    body: Option<Regex>,
}

impl Expect {
    /// Whether `status` is expected.
    pub(super) fn status(&self, status: u16) -> bool {
        self.statuses.iter().any(|expected| expected.holds(status))
    }

    /// Why an answer does not confirm. What it quotes is masked before it is shortened: half a secret would no
    /// longer be recognised.
    pub(super) fn fault(
        &self,
        asked: &Url,
        status: u16,
        body: &str,
        location: Option<&str>,
        redactor: &Redactor,
    ) -> Option<String> {
        if !self.status(status) {
            let expected: Vec<String> = self.statuses.iter().map(|status| status.to_string()).collect();
            let told = format!("expected status {}, found {status}", expected.join(" or "));
            return Some(match (status, location) {
                (300..=399, Some(to)) => {
                    format!(
                        "{told}, a redirect to `{}`, which is not followed: give that address",
                        shown(asked, to, redactor)
                    )
                }
                (401 | 403, _) => format!("{told}: check the URL and `secret_ref`"),
                (404 | 410, _) => format!("{told}: nobody listens at this address"),
                _ => told,
            });
        }
        let pattern = self.body.as_ref().filter(|pattern| !pattern.is_match(body))?;
        Some(format!(
            "expected a body that matches `{pattern}`, found `{}`",
            shorten(redactor.redact(body).trim())
        ))
    }
}

/// Where a redirect points, without a query, which may hold a token.
fn shown(asked: &Url, location: &str, redactor: &Redactor) -> String {
    let Ok(to) = asked.join(location) else { return shorten(&redactor.redact(location)) };
    shorten(&redactor.redact(&format!("{}{}", to.origin().ascii_serialization(), to.path())))
}
