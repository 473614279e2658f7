//! The `gitlab_status` tracker: the status of the commit in GitLab. Must not take a job's own token for one that may set
//! it: where GitLab refuses, it says which token would do.

use futures_util::future::BoxFuture;
use http::Method;
use http::header::HeaderName;
use serde_json::json;
use url::Url;

use super::{Issues, Of, Step, Tracker, TrackerKind, standing};
use crate::api::remote::Hints;
use crate::api::said::said;
use crate::api::words::address;
use crate::api::{Allowance, Effect, Question, Remote};
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::host::secret::Secret;
use crate::notify::message::{Message, Status, Tone};
use crate::policy::notices::On;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// Characters of a status' description.
const DESCRIPTION: usize = 200;

/// What to do about a status with a token of somebody's own.
const HINTS: Hints<'static> = &[
    (401, "the token is wrong or expired"),
    (403, "the token needs the scope `api` and the role of a developer"),
    (404, "the token may not see the project, or the commit is not in it"),
];

/// What to do about it with the token of the job.
const JOB_HINTS: Hints<'static> = &[(401, JOB_TOKEN), (403, JOB_TOKEN), (404, JOB_TOKEN)];

const JOB_TOKEN: &str = "a job's own token may not set statuses: give a project access token with the scope `api` as `GITLAB_TOKEN`";

/// The `gitlab_status` tracker.
pub struct GitlabStatus;

impl TrackerKind for GitlabStatus {
    fn name(&self) -> &'static str {
        "gitlab_status"
    }

    fn summary(&self) -> &'static str {
        "sets the status of the commit in GitLab"
    }

    fn example(&self) -> &'static str {
        "tracking: {to: gitlab_status}\n"
    }

    fn ambient(&self) -> bool {
        true
    }

    fn connect(&self, settings: &mut Settings<'_>, host: &Host) -> Option<Box<dyn Tracker>> {
        let known = |name: &str| host.env.get(name).map(str::to_owned);
        let api = settings.address("url", false).or_else(|| Url::parse(&known("CI_API_V4_URL")?).ok());
        let project = settings.string("project").or_else(|| known("CI_PROJECT_ID"));
        let (Some(api), Some(project), Some(commit)) = (api, project, known("CI_COMMIT_SHA")) else {
            let told = "nothing is written to `gitlab_status`: `CI_API_V4_URL`, `CI_PROJECT_ID` and `CI_COMMIT_SHA` are set in GitLab CI only";
            settings.fault("", Problem::nowhere(told).warning());
            return None;
        };
        let (header, secret, own) = token(settings, host)?;
        let tls = settings.tls();
        let made = Remote::new("GitLab", &api, &tls, host).and_then(|mut remote| {
            remote.credential(HeaderName::from_static(header), "", &secret)?;
            Ok(remote)
        });
        let remote = made.map_err(|problem| settings.fault("auth", Problem::nowhere(problem))).ok()?;
        // Of several pipelines of one commit, the running one is meant.
        let pipeline = known("CI_PIPELINE_ID").and_then(|id| id.parse().ok());
        Some(Box::new(Project { remote, address: address(&api), project, commit, pipeline, own }))
    }
}

/// The token that is written, else the one of the environment, else the job's; by which header, and whether it is
/// somebody's own.
fn token(settings: &mut Settings<'_>, host: &Host) -> Option<(&'static str, Secret, bool)> {
    if ["auth.token", "auth.token_ref"].iter().any(|path| settings.has(path)) {
        return settings.secret("auth.token").map(|secret| ("private-token", secret, true));
    }
    let of = |name: &str| host.env.get(name).map(str::to_owned);
    let (header, text, own) = match (of("GITLAB_TOKEN"), of("CI_JOB_TOKEN")) {
        (Some(token), _) => ("private-token", token, true),
        (None, Some(token)) => ("job-token", token, false),
        (None, None) => {
            let told = "`gitlab_status` has no token: `GITLAB_TOKEN` is not set";
            let help = "give a project access token with the scope `api` as a masked variable of that name";
            settings.fault("", Problem::nowhere(told).help(help));
            return None;
        }
    };
    let secret = settings.vault().secret(&text);
    let secret = secret.map_err(|problem| settings.fault("", Problem::nowhere(problem))).ok()?;
    Some((header, secret, own))
}

/// A project whose commit was deployed.
#[derive(Debug)]
struct Project {
    remote: Remote,
    address: String,
    project: String,
    commit: String,
    pipeline: Option<u64>,
    own: bool,
}

impl Tracker for Project {
    fn kind(&self) -> &'static str {
        GitlabStatus.name()
    }

    fn issues(&self) -> Option<&dyn Issues> {
        None
    }

    fn beside(&self, message: &Message) -> Vec<Step> {
        vec![standing::step(Of::Commit, message, DESCRIPTION)]
    }

    fn target(&self, _: &Step) -> String {
        let commit = self.commit.get(..12).unwrap_or(&self.commit);
        format!("commit {commit} of project {} at {}", self.project, self.address)
    }

    fn run<'a>(&'a self, step: &'a Step, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            let Step::Standing { status, name, summary, url, .. } = step else {
                return super::unknown(self.kind());
            };
            let state = state(*status);
            let mut document = json!({ "state": state, "name": name, "description": summary });
            if let Some(url) = url {
                document["target_url"] = url.as_str().into();
            }
            if let Some(id) = self.pipeline {
                document["pipeline_id"] = id.into();
            }
            let place = self.remote.url(&["projects", &self.project, "statuses", &self.commit]);
            // A status of the same name writes over the one before it.
            let question = Question::json(Method::POST, place, &document).harmless();
            self.said(&question, state, allowance).await.unwrap_or_else(|effect| effect)
        })
    }
}

impl Project {
    async fn said(
        &self,
        question: &Question,
        state: &str,
        allowance: &Allowance<'_>,
    ) -> Result<Effect, Effect> {
        let redactor = &allowance.host.output.redactor;
        let answer = self.remote.ask(question, allowance).await?;
        let words = said(&answer.body).unwrap_or_default();
        if answer.status == 400
            && words.contains("Cannot transition status")
            && words.contains(&format!("from :{state}"))
        {
            let told = format!("the status is `{state}` already");
            return Ok(Effect { reason: Some(told), ..Effect::confirmed(answer.status) });
        }
        let hints = if self.own { HINTS } else { JOB_HINTS };
        let written = self.remote.json(&answer, hints, redactor)?;
        if written["status"].is_string() {
            return Ok(Effect::confirmed(answer.status));
        }
        let told = format!("expected a status from {}, found something else", self.remote.who());
        Err(Effect { http_status: Some(answer.status), ..Effect::because(ActionStatus::Unknown, told) })
    }
}

/// GitLab's word for `status`.
const fn state(status: Status) -> &'static str {
    match (status, status.tone()) {
        (Status::Gate(On::Cancelled) | Status::Cancelled, _) => "canceled",
        (Status::Running, _) => "running",
        (Status::Gate(On::Inconclusive), _) | (_, Tone::Bad) => "failed",
        _ => "success",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::outcome::ActionStatus::{self, Confirmed, Failed, Unknown};
    use crate::rollback::testing::Answer::{self, Broken, Header, Never, Refused, Status as Said};
    use crate::rollback::testing::{FakeHttp, host};
    use crate::track::testing::{failed, hostile, message_of, run, tracker};

    fn ci(script: &[Answer], more: &[(&str, &str)]) -> (Host, FakeHttp) {
        let (mut host, http) = host(script);
        let own = [
            ("CI_API_V4_URL", "https://gitlab.example/api/v4"),
            ("CI_PROJECT_ID", "17"),
            ("CI_COMMIT_SHA", "18f3e63d05582537db6d183d9d557be09e1f90c8"),
            ("CI_PIPELINE_ID", "4711"),
            ("GITLAB_TOKEN", "glpat-0123456789"),
        ];
        let all = own.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        host.env = std::sync::Arc::new(all.collect());
        (host, http)
    }

    #[tokio::test]
    async fn each_answer_is_read() {
        const OK: &str = r#"{"status":"failed","id":1}"#;
        const AGAIN: &str = r#"{"message":"Cannot transition status via :drop from :failed (Reason(s): Status cannot transition via \"drop\")"}"#;
        let cases: &[(&[Answer], ActionStatus, usize, &[&str])] = &[
            (&[Said(201, OK)], Confirmed, 1, &[]),
            (&[Said(400, AGAIN)], Confirmed, 1, &["`failed` already"]),
            (
                &[Said(400, r#"{"message":"Cannot transition status via :drop from :success"}"#)],
                Failed,
                1,
                &["Cannot transition"],
            ),
            (&[Said(401, r#"{"message":"401 Unauthorized"}"#)], Failed, 1, &["401 Unauthorized", "expired"]),
            (&[Said(403, r#"{"message":"403 Forbidden"}"#)], Failed, 1, &["403 Forbidden", "scope `api`"]),
            (&[Said(404, r#"{"message":"404 Commit Not Found"}"#)], Failed, 1, &["404 Commit Not Found"]),
            (&[Header(429, "retry-after", "1"), Said(201, OK)], Confirmed, 2, &[]),
            (&[Said(502, ""), Said(201, OK)], Confirmed, 2, &[]),
            (&[Said(500, "")], Failed, 5, &["500"]),
            (&[Refused], Failed, 5, &["no connection"]),
            (&[Never], Unknown, 1, &[]),
            (&[Broken, Said(201, OK)], Confirmed, 2, &[]),
            (&[Said(200, "<html>")], Unknown, 1, &["expected JSON"]),
            (&[Said(200, "{}")], Unknown, 1, &["expected a status"]),
            (&[Header(302, "location", "https://elsewhere.example/")], Failed, 1, &["redirects"]),
        ];
        for (script, status, times, words) in cases {
            let (host, http) = ci(script, &[]);
            let tracker = tracker("gitlab_status", "{}", &host).unwrap();
            let (effect, _) = run(&*tracker, &tracker.beside(&message_of(&failed()))[0], &host).await;
            let reason = effect.reason.clone().unwrap_or_default();
            let seen = http.seen.lock().unwrap().len();
            assert_eq!((effect.status, seen), (*status, *times), "{script:?}: {reason}");
            assert!(words.iter().all(|word| reason.contains(word)), "{script:?}: {reason}");
        }
        let (host, http) = ci(
            &[Said(403, r#"{"message":"403 Forbidden"}"#)],
            &[("GITLAB_TOKEN", ""), ("CI_JOB_TOKEN", "glcbt-0123456789")],
        );
        let tracker = tracker("gitlab_status", "{}", &host).unwrap();
        let (effect, _) = run(&*tracker, &tracker.beside(&message_of(&failed()))[0], &host).await;
        assert!(effect.reason.unwrap().contains("a job's own token may not set statuses"));
        assert_eq!(http.seen.lock().unwrap()[0].1.headers["job-token"], "glcbt-0123456789");
    }

    #[tokio::test]
    async fn the_status_says_why_within_its_limits() {
        for record in [failed(), hostile()] {
            let (host, http) = ci(&[Said(201, r#"{"status":"failed"}"#)], &[]);
            let tracker = tracker("gitlab_status", "{}", &host).unwrap();
            run(&*tracker, &tracker.beside(&message_of(&record))[0], &host).await;
            let seen = http.seen.lock().unwrap();
            let request = &seen[0].1;
            assert_eq!(
                request.url.path(),
                "/api/v4/projects/17/statuses/18f3e63d05582537db6d183d9d557be09e1f90c8"
            );
            assert_eq!(request.headers["private-token"], "glpat-0123456789");
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!((body["state"].as_str(), body["pipeline_id"].as_u64()), (Some("failed"), Some(4711)));
            assert!(body["description"].as_str().unwrap().chars().count() <= 200);
        }
    }

    #[test]
    fn what_ci_does_not_say_is_told() {
        let nowhere = host(&[]).0;
        assert!(tracker("gitlab_status", "{}", &nowhere).unwrap_err()[0].contains("GitLab CI only"));
        let (without, _) = ci(&[], &[("GITLAB_TOKEN", "")]);
        assert!(tracker("gitlab_status", "{}", &without).unwrap_err()[0].contains("has no token"));
    }
}
