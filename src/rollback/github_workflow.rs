//! The `github_workflow` trigger: runs a workflow of GitHub Actions that has `workflow_dispatch`. Must not send inputs
//! that the policy does not name: GitHub refuses a request with one that the workflow does not declare.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Method;
use serde_json::{Map, Value, json};

use super::access::Text;
use super::answer::{link, number, reason};
use super::github::{API_URL, Hub, HubSpec, REPOSITORY, TOKEN};
use super::values::{Values, Written};
use super::{ACTING, Effect, Order, Standing, Trigger, TriggerCx, TriggerKind, TriggerSpec};
use crate::api::remote::Hints;
use crate::api::said::said;
use crate::api::{Allowance, Question};
use crate::gate::outcome::ActionStatus;
use crate::policy::exposure::Exposure;
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Shape};
use crate::policy::template::Scope;

/// Inputs that GitHub takes at most.
const MOST_INPUTS: usize = 25;

/// Characters of all inputs that GitHub takes at most.
const LARGEST: usize = 65_535;

/// The word that asks for the run's number; older servers refuse it.
const DETAILS: &str = "return_run_details";

/// What to do about a dispatch that is refused.
const HINTS: Hints<'_> = &[
    (
        403,
        "the token may not run workflows: in GitHub Actions give the job `permissions: {actions: write}`, else give the token write access to Actions",
    ),
    (
        404,
        "check `repository` and `workflow`, which is a file name in `.github/workflows` of the default branch; a token that may not see the repository gets the same answer",
    ),
    (422, "compare `ref` and `inputs` with the `workflow_dispatch` of the workflow at that ref"),
];

/// The `github_workflow` trigger.
pub struct GithubWorkflow;

static FIELDS: &[Field] = &[
    REPOSITORY,
    Field::new(
        "workflow",
        Shape::Text,
        "the workflow's file name, or its number; default `rollback_pipeline`, with `.yml`",
    ),
    Field::new("ref", Shape::Text, "the branch or tag whose workflow runs; default the default branch"),
    Field::new(
        "inputs",
        Shape::TextMap,
        "the inputs that the workflow declares, at most 25; `{{rollback_of}}` and `{{rollback_id}}` are known in them",
    ),
    TOKEN,
    API_URL,
];

#[derive(Debug)]
struct Spec {
    hub: HubSpec,
    workflow: Text,
    reference: Text,
    inputs: Written,
}

impl TriggerKind for GithubWorkflow {
    fn name(&self) -> &'static str {
        "github_workflow"
    }

    fn summary(&self) -> &'static str {
        "runs a workflow of GitHub Actions"
    }

    fn example(&self) -> &'static str {
        "kind: github_workflow\nrepository: acme/shop\nworkflow: rollback.yml\nref: main\ninputs: {rollback_of: \"{{rollback_of}}\"}\ntoken_ref: github-token\n"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>> {
        let hub = HubSpec::read(body, self.name());
        let workflow = Text::read(body, self.name(), "workflow");
        let reference = Text::read(body, self.name(), "ref");
        let inputs = Written::texts(body, "inputs");
        if let Some(inputs) = inputs.as_ref().filter(|inputs| inputs.len() > MOST_INPUTS) {
            let message = format!("expected at most {MOST_INPUTS} `inputs`, found {}", inputs.len());
            body.problems.push(Problem::at(inputs.place, message).help("GitHub takes no more"));
        }
        Some(Box::new(Spec { hub: hub?, workflow: workflow?, reference: reference?, inputs: inputs? }))
    }
}

impl TriggerSpec for Spec {
    fn exposure(&self) -> Option<Exposure<'_>> {
        self.hub.exposure()
    }

    fn told(&self, scope: &Scope) -> String {
        let workflow = self.workflow.told(scope, "");
        let workflow = if workflow.is_empty() {
            "the workflow that `rollback_pipeline` names".to_owned()
        } else {
            format!("the workflow `{workflow}`")
        };
        let reference = self.reference.told(scope, "");
        let reference =
            if reference.is_empty() { "its default branch".to_owned() } else { format!("`{reference}`") };
        format!("runs {workflow} of {} at {reference}; confirmed when GitHub takes it", self.hub.told(scope))
    }

    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>> {
        let hub = self.hub.render(cx, problems);
        let mut noted = |problem: Problem| problems.push(problem);
        let workflow = self.file(cx).map_err(&mut noted).ok();
        let reference = self.reference.written(cx).map_err(&mut noted).ok();
        let inputs = self.inputs.render(cx).map_err(&mut noted).ok();
        if let Some(inputs) = inputs.as_ref().filter(|inputs| inputs.characters() > LARGEST) {
            let message =
                format!("expected `inputs` of at most {LARGEST} characters, found {}", inputs.characters());
            noted(Problem::at(self.inputs.place, message).help("GitHub takes no more"));
        }
        Some(Box::new(Workflow { hub: hub?, file: workflow?, reference: reference?, inputs: inputs? }))
    }
}

impl Spec {
    /// The name by which GitHub knows the workflow.
    fn file(&self, cx: &TriggerCx<'_>) -> Result<String, Problem> {
        let help = "write `workflow: rollback.yml`, or name it by `rollback_pipeline`";
        let written = self.workflow.render(cx, cx.pipeline, help)?;
        let text = written.trim();
        let text = text.strip_prefix(".github/workflows/").unwrap_or(text);
        if text.contains('/') {
            let message = format!(
                "expected the file name of a workflow, found `{}`",
                crate::policy::node::shorten(text)
            );
            return Err(self
                .workflow
                .fault(message)
                .help("workflows stand in `.github/workflows`, and have no path in it"));
        }
        let known = text.ends_with(".yml") || text.ends_with(".yaml");
        let whole = known || text.bytes().all(|b| b.is_ascii_digit());
        Ok(if whole { text.to_owned() } else { format!("{text}.yml") })
    }
}

/// A workflow, ready to be run.
#[derive(Debug)]
struct Workflow {
    hub: Hub,
    file: String,
    reference: Option<String>,
    inputs: Values,
}

impl Trigger for Workflow {
    fn kind(&self) -> &'static str {
        GithubWorkflow.name()
    }

    fn target(&self) -> String {
        let at = self.reference.as_ref().map(|reference| format!(" at {reference}")).unwrap_or_default();
        format!("{} of {}{at}", self.file, self.hub.repository())
    }

    fn identity(&self) -> String {
        self.hub.identity(&format!("{} {}", self.file, self.reference.as_deref().unwrap_or_default()))
    }

    fn budget(&self) -> Duration {
        ACTING
    }

    fn preflight<'a>(&'a self, allowance: &'a Allowance<'a>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.look(allowance).await.map_err(reason) })
    }

    fn follow<'a>(
        &'a self,
        started: &'a Effect,
        allowance: &'a Allowance<'a>,
    ) -> Option<BoxFuture<'a, Result<Standing, String>>> {
        let id = started.handle.as_deref()?;
        Some(Box::pin(self.hub.run(id, allowance)))
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move { self.run(order).await.unwrap_or_else(|effect| effect) })
    }
}

impl Workflow {
    /// Whether the workflow is there and can be run, as far as reading tells.
    async fn look(&self, allowance: &Allowance<'_>) -> Result<(), Effect> {
        self.hub.check(allowance).await?;
        let hints: Hints<'_> = &[
            (
                403,
                "the token may not read workflows: in GitHub Actions give the job `permissions: {actions: write}`, else give the token access to Actions",
            ),
            (404, "check `workflow`: it is a file name in `.github/workflows` of the default branch"),
        ];
        let (document, _) = self.hub.read(&["actions", "workflows", &self.file], hints, allowance).await?;
        match document["state"].as_str() {
            Some("active") | None => Ok(()),
            Some(state) => {
                let state = crate::api::words::line(state, 40, &allowance.host.output.redactor);
                let why = format!(
                    "the workflow `{}` of {} is `{state}`: enable it, with `gh workflow enable` or on its page, or write another `workflow`",
                    self.file,
                    self.hub.repository()
                );
                Err(Effect::because(ActionStatus::Failed, why))
            }
        }
    }

    async fn run(&self, order: &Order<'_>) -> Result<Effect, Effect> {
        let allowance = &order.allowance;
        let inputs =
            self.inputs.texts(order.event).map_err(|why| Effect::because(ActionStatus::Failed, why))?;
        let inputs: Map<String, Value> = inputs.into_iter().map(|(k, v)| (k, Value::String(v))).collect();
        let reference = match &self.reference {
            Some(reference) => reference.clone(),
            None => self.hub.default_branch(allowance).await?,
        };
        let url = self.hub.url(&["actions", "workflows", &self.file, "dispatches"]);
        let mut document = json!({ "ref": reference, "inputs": inputs, DETAILS: true });
        let mut answer =
            self.hub.ask(&Question::json(Method::POST, url.clone(), &document), allowance).await?;
        let unknown_word = |body: &[u8]| said(body).is_some_and(|words| words.contains(DETAILS));
        if matches!(answer.status, 400 | 422) && unknown_word(&answer.body) {
            // An older GitHub Enterprise Server; it has refused, so nothing was started.
            document.as_object_mut().and_then(|fields| fields.remove(DETAILS));
            answer = self.hub.ask(&Question::json(Method::POST, url, &document), allowance).await?;
        }
        if answer.status == 204 {
            let reason = "this GitHub does not tell which run it started, so it cannot be followed";
            return Ok(Effect { reason: Some(reason.to_owned()), ..Effect::confirmed(204) });
        }
        let told = self.hub.json(&answer, HINTS, allowance.host)?;
        let handle = number(&told, "/workflow_run_id").map(|id| id.to_string());
        Ok(Effect { handle, ..Effect::confirmed(answer.status) }.at(link(&told, "/html_url")))
    }
}

#[cfg(test)]
mod tests {
    use ActionStatus::{Confirmed, Failed};

    use super::*;
    use crate::rollback::testing::{Answer, Row, alone, fire_one, on_the_way, once_in, problems_in, table};

    const RUN: &str = "kind: github_workflow\nrepository: acme/shop\nworkflow: rollback.yml\nref: main\ninputs: {service: \"{{odd}}\", of: \"{{rollback_of}}\", id: \"{{rollback_id}}\", dry: false}\ntoken_ref: github-pat\n";
    const ENV: &[(&str, &str)] = &[("GITHUB_PAT", "ghp_0123456789abcdef")];
    const ACTIONS: &[(&str, &str)] = &[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_TOKEN", "ghs_0123456789abcdef"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_API_URL", "https://ghe.example/api/v3"),
    ];
    const TAKEN: &str = r#"{"workflow_run_id":4711,"run_url":"https://api.github.com/repos/acme/shop/actions/runs/4711","html_url":"https://github.com/acme/shop/actions/runs/4711"}"#;
    const REPOSITORY: &str =
        r#"{"default_branch":"trunk","archived":false,"permissions":{"push":true,"pull":true}}"#;

    #[tokio::test]
    async fn the_workflow_is_asked_to_run() {
        let (action, seen) = once_in(RUN, ENV, &[Answer::Status(200, TAKEN)]).await;
        assert_eq!((action.status, action.attempts), (Confirmed, 1));
        assert_eq!(action.url.as_deref(), Some("https://github.com/acme/shop/actions/runs/4711"));
        assert_eq!(action.target, "rollback.yml of acme/shop at main");
        let [request] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(request.method, Method::POST);
        let url = "https://api.github.com/repos/acme/shop/actions/workflows/rollback.yml/dispatches";
        assert_eq!(request.url.as_str(), url);
        for (name, value) in [
            ("authorization", "Bearer ghp_0123456789abcdef"),
            ("accept", "application/vnd.github+json"),
            ("x-github-api-version", "2022-11-28"),
            ("content-type", "application/json"),
        ] {
            assert_eq!(request.headers[name], value);
        }
        assert!(request.headers["authorization"].is_sensitive());
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        let id = action.id.unwrap();
        let inputs = json!({ "service": "a\"&b=c", "of": "1.4.0", "id": id, "dry": "false" });
        assert_eq!(sent, json!({ "ref": "main", "inputs": inputs, "return_run_details": true }));
    }

    #[tokio::test]
    async fn in_actions_nothing_but_the_workflow_must_be_named() {
        let yaml = "kind: github_workflow\n";
        let answers = [Answer::Status(200, REPOSITORY), Answer::Status(200, TAKEN)];
        let (action, seen) = once_in(yaml, ACTIONS, &answers).await;
        assert_eq!(action.target, "rollback-checkout.yml of acme/shop");
        let urls: Vec<&str> = seen.iter().map(|request| request.url.as_str()).collect();
        let at = "https://ghe.example/api/v3/repos/acme/shop";
        assert_eq!(urls, [at.to_owned(), format!("{at}/actions/workflows/rollback-checkout.yml/dispatches")]);
        assert_eq!(seen[1].headers["authorization"], "Bearer ghs_0123456789abcdef");
        let sent: Value = serde_json::from_slice(&seen[1].body).unwrap();
        assert_eq!((&sent["ref"], &sent["inputs"]), (&json!("trunk"), &json!({})));
    }

    #[tokio::test]
    async fn an_older_server_is_asked_without_what_it_does_not_know() {
        let unknown = r#"{"message":"Invalid request.\n\n\"return_run_details\" is not a permitted key.","documentation_url":"https://d"}"#;
        let (action, seen) =
            once_in(RUN, ENV, &[Answer::Status(422, unknown), Answer::Status(204, "")]).await;
        assert_eq!((action.status, action.http_status, seen.len()), (Confirmed, Some(204), 2));
        assert!(action.reason.unwrap().contains("cannot be followed"));
        let sent: Value = serde_json::from_slice(&seen[1].body).unwrap();
        assert!(sent.get(DETAILS).is_none() && sent["inputs"]["of"] == "1.4.0", "{sent}");
    }

    #[tokio::test]
    async fn every_way_to_go_wrong_says_what_to_do() {
        const LIMITED: &[(&str, &str)] =
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000090")];
        let yes = Answer::Status(200, TAKEN);
        let rows: &[Row<'_>] = &[
            (&[Answer::Status(204, "")], Confirmed, 1, "cannot be followed"),
            (
                &[Answer::Status(401, r#"{"message":"Bad credentials"}"#)],
                Failed,
                1,
                "`Bad credentials`; check the secret of `token_ref`",
            ),
            (
                &[Answer::Status(403, r#"{"message":"Resource not accessible by integration"}"#)],
                Failed,
                1,
                "`permissions: {actions: write}`",
            ),
            (
                &[Answer::Full(403, LIMITED, r#"{"message":"API rate limit exceeded"}"#)],
                Failed,
                1,
                "for another 1 minute 30 seconds",
            ),
            (
                &[Answer::Header(403, "retry-after", "60")],
                Failed,
                1,
                "rate limit of this token is used up for another 1 minute",
            ),
            (
                &[Answer::Status(404, r#"{"message":"Not Found"}"#)],
                Failed,
                1,
                "check `repository` and `workflow`",
            ),
            (
                &[Answer::Status(422, r#"{"message":"Unexpected inputs provided: [\"of\"]"}"#)],
                Failed,
                1,
                r#"`Unexpected inputs provided: ["of"]`; compare `ref` and `inputs`"#,
            ),
            (
                &[Answer::Status(422, r#"{"message":"No ref found for: main"}"#)],
                Failed,
                1,
                "`No ref found for: main`",
            ),
        ];
        let yaml = RUN.replace("github-pat", "hook-secret");
        on_the_way(&yaml, &[], yes).await;
        table(&yaml, &[], rows).await;
    }

    #[tokio::test]
    async fn preflight_reads_what_would_keep_it_from_running() {
        let workflow = |state| Answer::Status(200, state);
        let active = workflow(r#"{"id":1,"state":"active"}"#);
        let repository = Answer::Status(200, REPOSITORY);
        const SCOPES: &[(&str, &str)] = &[("x-oauth-scopes", "gist, read:org")];
        for (script, expected) in [
            (vec![repository.clone(), active], None),
            (
                vec![repository.clone(), workflow(r#"{"state":"disabled_manually"}"#)],
                Some("is `disabled_manually`: enable it"),
            ),
            (vec![repository, Answer::Status(404, r#"{"message":"Not Found"}"#)], Some("check `workflow`")),
            (vec![Answer::Status(404, "{}")], Some("check `repository`")),
            (
                vec![Answer::Status(401, r#"{"message":"Bad credentials"}"#)],
                Some("check the secret of `token_ref`"),
            ),
            (vec![Answer::Status(200, r#"{"archived":true}"#)], Some("is archived")),
            (vec![Answer::Status(200, r#"{"permissions":{"push":false}}"#)], Some("may write to it")),
            (
                vec![Answer::Full(200, SCOPES, REPOSITORY)],
                Some("of the scope `repo`; that of `token_ref` has `gist, read:org`"),
            ),
            (vec![Answer::Status(200, "<html>")], Some("expected JSON")),
        ] {
            let (trigger, host, http) = alone(RUN, ENV, &script);
            let allowance = Allowance::alone(&host, Duration::from_secs(60));
            let found = trigger.preflight(&allowance).await;
            match expected {
                None => assert_eq!(found, Ok(())),
                Some(words) => {
                    assert!(found.as_ref().is_err_and(|why| why.contains(words)), "{found:?} {words}")
                }
            }
            assert!(http.seen.lock().unwrap().iter().all(|(_, request)| request.method == Method::GET));
        }
    }

    #[tokio::test]
    async fn the_branch_that_preflight_saw_is_not_asked_for_again() {
        let yaml = RUN.replace("ref: main\n", "");
        let script = [
            Answer::Status(200, REPOSITORY),
            Answer::Status(200, r#"{"state":"active"}"#),
            Answer::Status(200, TAKEN),
        ];
        let (trigger, host, http) = alone(&yaml, ENV, &script);
        let allowance = Allowance::alone(&host, Duration::from_secs(60));
        trigger.preflight(&allowance).await.unwrap();
        let effect = fire_one(&*trigger, &host).await;
        assert_eq!((effect.status, effect.handle.as_deref()), (Confirmed, Some("4711")));
        let seen = http.requests();
        let sent: Value = serde_json::from_slice(&seen[2].body).unwrap();
        assert_eq!((seen.len(), &sent["ref"]), (3, &json!("trunk")));
    }

    #[tokio::test]
    async fn the_run_is_followed_to_its_end() {
        let started = Effect { handle: Some("4711".to_owned()), ..Effect::confirmed(200) };
        for (answer, words, ended) in [
            (r#"{"status":"queued","conclusion":null}"#, "queued", None),
            (r#"{"status":"waiting"}"#, "waiting: its environment may want an approval", None),
            (r#"{"status":"completed","conclusion":"success"}"#, "success", Some(true)),
            (r#"{"status":"completed","conclusion":"startup_failure"}"#, "startup_failure", Some(false)),
            (r#"{"status":"completed","conclusion":"cancelled"}"#, "cancelled", Some(false)),
        ] {
            let (trigger, host, http) = alone(RUN, ENV, &[Answer::Status(200, answer)]);
            let allowance = Allowance::alone(&host, Duration::from_secs(60));
            let standing = trigger.follow(&started, &allowance).unwrap().await.unwrap();
            assert_eq!((standing.words.as_str(), standing.ended), (words, ended));
            let seen = http.seen.lock().unwrap();
            assert_eq!(seen[0].1.url.path(), "/repos/acme/shop/actions/runs/4711");
        }
        let (trigger, host, _) = alone(RUN, ENV, &[Answer::Status(404, r#"{"message":"Not Found"}"#)]);
        let allowance = Allowance::alone(&host, Duration::from_secs(60));
        assert!(trigger.follow(&Effect::confirmed(204), &allowance).is_none());
        let gone = trigger.follow(&started, &allowance).unwrap().await.unwrap_err();
        assert!(gone.ends_with("was the run deleted?"), "{gone}");
    }

    #[test]
    fn every_fault_is_told() {
        let many: String = (0..26).map(|n| format!("  i{n}: x\n")).collect();
        let with =
            |rest: &str| format!("kind: github_workflow\nrepository: a/b\ntoken_ref: github-pat\n{rest}");
        for (yaml, expected) in [
            ("kind: github_workflow".to_owned(), "`repository` is missing in a `github_workflow` trigger"),
            ("kind: github_workflow\nrepository: a/b".to_owned(), "`token_ref` is missing"),
            (
                "kind: github_workflow\nrepository: shop\ntoken_ref: github-pat".to_owned(),
                "expected a repository like `owner/name`, found `shop`",
            ),
            ("kind: github_workflow\nrepository: a/b/c\ntoken_ref: github-pat".to_owned(), "found `a/b/c`"),
            (
                "kind: github_workflow\nrepository: a/b\ntoken_ref: gone".to_owned(),
                "the secret `gone` is not found",
            ),
            (with("workflow: deploy/rollback.yml"), "expected the file name of a workflow"),
            (with("workflow: \"\""), "expected a text for `workflow`, found an empty one"),
            (with(&format!("inputs:\n{many}")), "expected at most 25 `inputs`, found 26"),
            (with("inputs: {a: [b]}"), "expected a text, found a list"),
            (with("inputs: [a]"), "expected a mapping for `inputs`, found a list"),
            (with("inputs: {a: \"{{nobody}}\"}"), "the variable `nobody` is not defined"),
            (
                with(&format!("inputs: {{a: {}}}", "x".repeat(70_000))),
                "expected `inputs` of at most 65535 characters",
            ),
            (with("api_url: \"https://u:p@h/\""), "expected a URL without user and password"),
            (with("api_url: \"ftp://h\""), "expected a URL"),
            (with("branch: main"), "`branch` is not a field of a `github_workflow` trigger"),
        ] {
            let found = problems_in(&yaml, ENV);
            assert!(found.iter().any(|p| p.contains(expected)), "{yaml:.200}\n{found:?}");
        }
    }

    #[test]
    fn the_token_of_actions_goes_to_its_own_server_only() {
        let elsewhere = "kind: github_workflow\napi_url: https://evil.example\n";
        assert!(problems_in(elsewhere, ACTIONS)[0].contains("`token_ref` is missing"));
        let home = "kind: github_workflow\napi_url: https://ghe.example/api/v3/\n";
        assert!(problems_in(home, ACTIONS).is_empty());
        let outside: Vec<_> = ACTIONS[1..].to_vec();
        assert!(problems_in("kind: github_workflow", &outside)[0].contains("`token_ref` is missing"));
    }

    #[test]
    fn a_workflow_is_known_by_its_file() {
        for (written, file) in [
            ("rollback", "rollback.yml"),
            ("rollback.yaml", "rollback.yaml"),
            ("\".github/workflows/r.yml\"", "r.yml"),
            ("4711", "4711"),
        ] {
            let yaml = format!(
                "kind: github_workflow\nrepository: a/b\nworkflow: {written}\ntoken_ref: github-pat\n"
            );
            assert_eq!(alone(&yaml, ENV, &[]).0.target(), format!("{file} of a/b"));
        }
    }
}
