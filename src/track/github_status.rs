//! The `github_status` tracker: the status of the commit, and of the deployment where GitHub knows of one. Must not need
//! more than what GitHub Actions hands to every job, and never the credential of anything else.

use futures_util::future::BoxFuture;
use http::header::{ACCEPT, HeaderName};
use http::{HeaderValue, Method};
use serde_json::json;
use url::Url;

use super::{Issues, Of, Step, Tracker, TrackerKind, standing};
use crate::api::remote::Hints;
use crate::api::words::address;
use crate::api::{Allowance, Effect, Question, Remote};
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::notify::message::{Message, Status, Tone};
use crate::pipeline;
use crate::policy::integration::{Auth, Credential};
use crate::policy::notices::On;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// Characters of a status' description.
const DESCRIPTION: usize = 140;

const HINTS: Hints<'static> = &[
    (
        401,
        "the token is wrong or expired: hand the job's own to the step as `GITHUB_TOKEN: ${{ github.token }}`",
    ),
    (403, "the job needs `permissions: {statuses: write, deployments: write}`"),
    (404, "the token may not see the repository, or the commit or deployment is not in it"),
    (422, "is the commit in this repository?"),
];

/// The `github_status` tracker.
pub struct GithubStatus;

impl TrackerKind for GithubStatus {
    fn name(&self) -> &'static str {
        "github_status"
    }

    fn summary(&self) -> &'static str {
        "sets the status of the commit, and of the deployment, in GitHub"
    }

    fn example(&self) -> &'static str {
        "tracking: {to: github_status}\n"
    }

    fn ambient(&self) -> bool {
        true
    }

    fn connect(&self, settings: &mut Settings<'_>, host: &Host) -> Option<Box<dyn Tracker>> {
        let known = |name: &str| host.env.get(name).map(str::to_owned);
        let event = pipeline::github_event(host).unwrap_or_default();
        let told = |path: &str| event.pointer(path).and_then(|value| value.as_str()).map(str::to_owned);
        let repository = settings.string("project").or_else(|| known("GITHUB_REPOSITORY"));
        // The commit of a pull request's run is one that nobody has pushed.
        let commit = told("/deployment/sha").or_else(|| told("/pull_request/head/sha"));
        let commit = commit.or_else(|| known("GITHUB_SHA"));
        let (Some(repository), Some(commit)) = (repository, commit) else {
            let told = "nothing is written to `github_status`: `GITHUB_REPOSITORY` and `GITHUB_SHA` are set in GitHub Actions only";
            settings.fault("", Problem::nowhere(told).warning());
            return None;
        };
        let deployment = settings.string("deployment_id");
        let deployment =
            deployment.or_else(|| event.pointer("/deployment/id")?.as_u64().map(|id| id.to_string()));
        let auth = auth(settings, host)?;
        let api = settings.address("url", false);
        let api = api.or_else(|| Url::parse(known("GITHUB_API_URL")?.as_str()).ok());
        let api = api.or_else(|| Url::parse("https://api.github.com").ok())?;
        let tls = settings.tls();
        let made = Remote::new("GitHub", &api, &tls, host).and_then(|mut remote| {
            remote.authorize(&auth, settings.vault())?;
            remote.set(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
            let version = HeaderName::from_static("x-github-api-version");
            remote.set(version, HeaderValue::from_static("2022-11-28"));
            Ok(remote)
        });
        let remote = made.map_err(|problem| settings.fault("auth", Problem::nowhere(problem))).ok()?;
        let Some((owner, name)) = repository.split_once('/') else {
            let message = format!("expected a repository `OWNER/NAME`, found `{repository}`");
            settings.fault("project", Problem::nowhere(message));
            return None;
        };
        let repository = (owner.to_owned(), name.to_owned());
        Some(Box::new(Repository { remote, address: address(&api), repository, commit, deployment }))
    }
}

/// The token that is written, else the one of the job.
fn auth(settings: &mut Settings<'_>, host: &Host) -> Option<Auth> {
    match settings.auth()? {
        Auth::None => {}
        written => return Some(written),
    }
    let Some(token) = ["GITHUB_TOKEN", "GH_TOKEN"].into_iter().find_map(|name| host.env.get(name)) else {
        let told = "`github_status` has no token: neither `GITHUB_TOKEN` nor `GH_TOKEN` is set";
        let help = "hand the job's own to the step: `env: {GITHUB_TOKEN: \"${{ github.token }}\"}`";
        settings.fault("", Problem::nowhere(told).help(help));
        return None;
    };
    let secret = settings.vault().secret(token);
    let secret = secret.map_err(|problem| settings.fault("", Problem::nowhere(problem))).ok()?;
    Some(Auth::Bearer(Credential::Fixed(secret)))
}

/// A repository whose commit was deployed.
#[derive(Debug)]
struct Repository {
    remote: Remote,
    address: String,
    repository: (String, String),
    commit: String,
    deployment: Option<String>,
}

impl Tracker for Repository {
    fn kind(&self) -> &'static str {
        GithubStatus.name()
    }

    fn issues(&self) -> Option<&dyn Issues> {
        None
    }

    fn beside(&self, message: &Message) -> Vec<Step> {
        let deployment = self.deployment.iter().map(|_| Of::Deployment);
        std::iter::once(Of::Commit)
            .chain(deployment)
            .map(|of| standing::step(of, message, DESCRIPTION))
            .collect()
    }

    fn target(&self, step: &Step) -> String {
        let (owner, name) = &self.repository;
        let what = match (step, &self.deployment) {
            (Step::Standing { of: Of::Deployment, .. }, Some(id)) => format!("deployment {id}"),
            _ => format!("commit {}", self.commit.get(..12).unwrap_or(&self.commit)),
        };
        format!("{what} of {owner}/{name} at {}", self.address)
    }

    fn run<'a>(&'a self, step: &'a Step, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            let Step::Standing { of, status, name, summary, url } = step else {
                return super::unknown(self.kind());
            };
            let (owner, repository) = (&self.repository.0, &self.repository.1);
            let (place, mut document) = match (of, &self.deployment) {
                (Of::Deployment, Some(id)) => (
                    self.remote.url(&["repos", owner, repository, "deployments", id, "statuses"]),
                    json!({ "state": state(*status), "description": summary }),
                ),
                _ => (
                    self.remote.url(&["repos", owner, repository, "statuses", &self.commit]),
                    json!({ "state": state(*status), "context": name, "description": summary }),
                ),
            };
            if let Some(url) = url {
                let key = if *of == Of::Deployment { "log_url" } else { "target_url" };
                document[key] = url.as_str().into();
            }
            // A status writes over the one before it.
            let question = Question::json(Method::POST, place, &document).harmless();
            self.said(&question, allowance).await.unwrap_or_else(|effect| effect)
        })
    }
}

impl Repository {
    async fn said(&self, question: &Question, allowance: &Allowance<'_>) -> Result<Effect, Effect> {
        let redactor = &allowance.host.output.redactor;
        let answer = self.remote.ask(question, allowance).await?;
        let written = self.remote.json(&answer, HINTS, redactor)?;
        if written["state"].is_string() {
            return Ok(Effect::confirmed(answer.status));
        }
        let told = format!("expected a status from {}, found something else", self.remote.who());
        Err(Effect { http_status: Some(answer.status), ..Effect::because(ActionStatus::Unknown, told) })
    }
}

/// GitHub's word for `status`, the same for commits and deployments.
const fn state(status: Status) -> &'static str {
    match (status, status.tone()) {
        (Status::Gate(On::Inconclusive | On::Cancelled) | Status::Cancelled, _) => "error",
        (Status::Running, _) => "pending",
        (_, Tone::Bad) => "failure",
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

    const SHA: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

    fn actions(script: &[Answer], more: &[(&str, &str)]) -> (Host, FakeHttp) {
        let (mut host, http) = host(script);
        let own =
            [("GITHUB_REPOSITORY", "octo/shop"), ("GITHUB_SHA", SHA), ("GITHUB_TOKEN", "ghs_0123456789")];
        let all = own.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        host.env = std::sync::Arc::new(all.collect());
        (host, http)
    }

    async fn done(record: &crate::gate::outcome::Record, script: &[Answer]) -> (Effect, FakeHttp) {
        let (host, http) = actions(script, &[]);
        let tracker = tracker("github_status", "{}", &host).unwrap();
        let steps = tracker.beside(&message_of(record));
        (run(&*tracker, &steps[0], &host).await.0, http)
    }

    #[tokio::test]
    async fn each_answer_is_read() {
        const OK: &str = r#"{"state":"failure","id":1}"#;
        let cases: &[(&[Answer], ActionStatus, usize, &[&str])] = &[
            (&[Said(201, OK)], Confirmed, 1, &[]),
            (
                &[Said(401, r#"{"message":"Bad credentials"}"#)],
                Failed,
                1,
                &["Bad credentials", "github.token"],
            ),
            (
                &[Said(403, r#"{"message":"Resource not accessible by integration"}"#)],
                Failed,
                1,
                &["Resource not accessible", "statuses: write"],
            ),
            (&[Said(404, r#"{"message":"Not Found"}"#)], Failed, 1, &["Not Found", "may not see"]),
            (
                &[Said(422, r#"{"message":"No commit found for SHA: 6dcb"}"#)],
                Failed,
                1,
                &["No commit found", "in this repository?"],
            ),
            (&[Header(429, "retry-after", "1"), Said(201, OK)], Confirmed, 2, &[]),
            (&[Said(502, ""), Said(201, OK)], Confirmed, 2, &[]),
            (&[Said(500, "")], Failed, 5, &["500"]),
            (&[Refused], Failed, 5, &["no connection"]),
            (&[Never], Unknown, 1, &[]),
            (&[Broken, Said(201, OK)], Confirmed, 2, &[]),
            (&[Said(200, "<html>")], Unknown, 1, &["expected JSON"]),
            (&[Said(200, "{}")], Unknown, 1, &["expected a status"]),
            (&[Header(301, "location", "https://elsewhere.example/")], Failed, 1, &["redirects"]),
        ];
        for (script, status, times, words) in cases {
            let (effect, http) = done(&failed(), script).await;
            let reason = effect.reason.clone().unwrap_or_default();
            let seen = http.seen.lock().unwrap().len();
            assert_eq!((effect.status, seen), (*status, *times), "{script:?}: {reason}");
            assert!(words.iter().all(|word| reason.contains(word)), "{script:?}: {reason}");
        }
    }

    #[tokio::test]
    async fn the_status_says_why_within_its_limits() {
        for record in [failed(), hostile()] {
            let (_, http) = done(&record, &[Said(201, r#"{"state":"failure"}"#)]).await;
            let seen = http.seen.lock().unwrap();
            let request = &seen[0].1;
            assert_eq!(request.url.path(), format!("/repos/octo/shop/statuses/{SHA}"));
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!(body["state"], "failure");
            assert!(body["context"].as_str().unwrap().starts_with("rollgate/"));
            let description = body["description"].as_str().unwrap();
            assert!(
                description.starts_with("rollback: ") && description.chars().count() <= 140,
                "{description}"
            );
        }
    }

    #[test]
    fn what_actions_does_not_say_is_told() {
        let nowhere = host(&[]).0;
        assert!(tracker("github_status", "{}", &nowhere).unwrap_err()[0].contains("GitHub Actions only"));
        let (without, _) = actions(&[], &[("GITHUB_TOKEN", "")]);
        assert!(tracker("github_status", "{}", &without).unwrap_err()[0].contains("has no token"));
        let (host, _) = actions(&[], &[]);
        let known = tracker("github_status", "github_status: {deployment_id: \"42\"}", &host).unwrap();
        let steps = known.beside(&message_of(&failed()));
        let targets: Vec<String> = steps.iter().map(|step| known.target(step)).collect();
        assert_eq!(
            targets,
            [
                "commit 6dcb09b5b578 of octo/shop at api.github.com:443",
                "deployment 42 of octo/shop at api.github.com:443"
            ]
        );
    }
}
