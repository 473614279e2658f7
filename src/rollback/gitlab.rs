//! The `gitlab` trigger: starts a pipeline by a trigger token, by the job token of the pipeline that the gate runs in, or
//! by an access token. Must not use two of them, and must not give a token to any other server than its own.

mod ways;

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Method;
use http::header::HeaderName;
use serde_json::{Value, json};
use url::Url;

use self::ways::{HINTS_OF_READING, Way, WaySpec};
use super::access::Text;
use super::answer::{link, number, reason, standing, text};
use super::values::{Values, Written};
use super::{ACTING, Effect, Order, Standing, Trigger, TriggerCx, TriggerKind, TriggerSpec};
use crate::api::said::said;
use crate::api::{Allowance, Question, Remote};
use crate::event::{Event, OWN};
use crate::gate::outcome::ActionStatus;
use crate::host::http::Response;
use crate::host::tls::TlsOptions;
use crate::policy::exposure::Exposure;
use crate::policy::form::Form;
use crate::policy::node::shorten;
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Rule, Shape};
use crate::policy::template::Scope;

/// GitLab's words where a project lets nobody set variables of a pipeline.
const NO_VARIABLES: &str = "Insufficient permissions to set pipeline variables";

/// The `gitlab` trigger.
pub struct Gitlab;

static FIELDS: &[Field] = &[
    Field::new(
        "project",
        Shape::Text,
        "the project's number, or its path like `group/shop`; default, in GitLab CI, the pipeline's own",
    ),
    Field::new(
        "ref",
        Shape::Text,
        "the branch or tag whose pipeline runs; default, for the pipeline's own project, `CI_DEFAULT_BRANCH`",
    ),
    Field::new(
        "variables",
        Shape::TextMap,
        "variables of the pipeline, beside those of rollgate; `{{rollback_of}}` and `{{rollback_id}}` are known in them",
    ),
    Field::new(
        "inputs",
        Shape::AnyMap,
        "the inputs that the pipeline declares; `{{rollback_of}}` and `{{rollback_id}}` are known in them",
    ),
    Field::new("token_ref", Shape::Text, "the secret that holds a pipeline trigger token of the project"),
    Field::new(
        "job_token",
        Shape::Flag,
        "whether `CI_JOB_TOKEN` is used; default, in GitLab CI, where no other token is written",
    ),
    Field::new(
        "private_token_ref",
        Shape::Text,
        "the secret that holds a personal, project or group access token; with it the pipeline can be followed",
    ),
    Field::new(
        "api_url",
        Shape::Of(Form::WEB),
        "where the API is, such as `https://gitlab.com/api/v4`; default, in GitLab CI, `CI_API_V4_URL`",
    ),
];

static RULES: &[Rule] = &[Rule::Single(&["token_ref", "job_token", "private_token_ref"])];

#[derive(Debug)]
struct Spec {
    project: Text,
    reference: Text,
    variables: Written,
    inputs: Written,
    way: WaySpec,
    api: Text,
}

impl TriggerKind for Gitlab {
    fn name(&self) -> &'static str {
        "gitlab"
    }

    fn summary(&self) -> &'static str {
        "starts a pipeline of GitLab CI"
    }

    fn example(&self) -> &'static str {
        "kind: gitlab\napi_url: https://gitlab.com/api/v4\nproject: acme/shop\nref: main\nvariables: {SERVICE: \"{{service_name}}\"}\ntoken_ref: gitlab-trigger-token\n"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn rules(&self) -> &'static [Rule] {
        RULES
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>> {
        let project = Text::read(body, self.name(), "project");
        let reference = Text::read(body, self.name(), "ref");
        let variables = Written::texts(body, "variables");
        let inputs = Written::json(body, "inputs");
        let api = Text::read_address(body, self.name(), "api_url");
        let way = WaySpec::read(body, self.name());
        if let Some(variables) = &variables {
            for name in variables.names() {
                if OWN.contains(&name) {
                    body.fault(variables.place, format!("the variable `{name}` is set by rollgate itself"));
                } else if !ways::is_variable(name) {
                    let message = format!("expected the name of a variable, found `{}`", shorten(name));
                    let problem = Problem::at(variables.place, message).needle(name);
                    body.problems.push(problem.help("letters, digits and `_` only"));
                }
            }
        }
        Some(Box::new(Spec {
            project: project?,
            reference: reference?,
            variables: variables?,
            inputs: inputs?,
            way: way?,
            api: api?,
        }))
    }
}

impl TriggerSpec for Spec {
    fn exposure(&self) -> Option<Exposure<'_>> {
        self.api.exposes(self.way.place())
    }

    fn told(&self, scope: &Scope) -> String {
        let or = |text: String, otherwise: &str| {
            if text.is_empty() { otherwise.to_owned() } else { format!("`{text}`") }
        };
        let project = or(self.project.told(scope, ""), "the pipeline's own project");
        let reference = or(self.reference.told(scope, ""), "its default branch");
        let with = self.way.told(scope);
        format!("starts a pipeline of {project} at {reference} {with}; confirmed when GitLab has made it")
    }

    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>> {
        let env = &cx.host.env;
        let mut noted = |problem: Problem| problems.push(problem);
        let here = env.get("CI_API_V4_URL");
        let help = "write `api_url: https://gitlab.com/api/v4`, with your own server's name; in GitLab CI it is known";
        let api = self.api.address(cx, here, help).map_err(&mut noted).ok();
        let at_home = api.as_ref().zip(here).is_some_and(|(api, here)| same(api, here));
        let way = self.way.render(cx, at_home).map_err(&mut noted).ok();
        let own = env.get("CI_PROJECT_ID");
        let project = self.project(cx, own).map_err(&mut noted).ok();
        let is_own = |project: &String| {
            at_home && [own, env.get("CI_PROJECT_PATH")].into_iter().flatten().any(|known| known == project)
        };
        let branch = env.get("CI_DEFAULT_BRANCH").filter(|_| project.as_ref().is_some_and(is_own));
        let help = "write `ref: main`; it is known for the pipeline's own project only";
        let reference = self.reference.render(cx, branch, help).map_err(&mut noted).ok();
        let variables = self.variables.render(cx).map_err(&mut noted).ok();
        let inputs = self.inputs.render(cx).map_err(&mut noted).ok();
        let (way, project, reference) = (way?, project?, reference?);
        let mut remote = Remote::new("GitLab", &api?, &TlsOptions::default(), cx.host)
            .map_err(|problem| noted(self.api.fault(problem)))
            .ok()?;
        if let Way::Private(token) = &way {
            remote
                .credential(HeaderName::from_static("private-token"), "", token)
                .map_err(|problem| {
                    noted(Problem::at(self.way.place(), format!("the token cannot be used: {problem}")));
                })
                .ok()?;
        }
        let variables = variables?;
        let inputs = inputs?;
        Some(Box::new(Pipeline { remote, way, project, reference, variables, inputs }))
    }
}

impl Spec {
    fn project(&self, cx: &TriggerCx<'_>, own: Option<&str>) -> Result<String, Problem> {
        let help = "write `project: group/name`, or its number; in GitLab CI it is the pipeline's own";
        let text = self.project.render(cx, own, help)?;
        let text = text.trim().trim_matches('/');
        if text.is_empty() || text.contains("://") || text.chars().any(char::is_whitespace) {
            let message = format!(
                "expected a project's number or its path like `group/shop`, found `{}`",
                shorten(text)
            );
            return Err(self.project.fault(message).help("it is the part of its address behind the server"));
        }
        Ok(text.to_owned())
    }
}

/// Whether `api` is at `here`.
fn same(api: &Url, here: &str) -> bool {
    Url::parse(here).is_ok_and(|here| {
        here.origin() == api.origin() && here.path().trim_end_matches('/') == api.path().trim_end_matches('/')
    })
}

/// A pipeline, ready to be started.
#[derive(Debug)]
struct Pipeline {
    remote: Remote,
    way: Way,
    project: String,
    reference: String,
    variables: Values,
    inputs: Values,
}

impl Trigger for Pipeline {
    fn kind(&self) -> &'static str {
        Gitlab.name()
    }

    fn target(&self) -> String {
        format!("{} at {}", self.project, self.reference)
    }

    fn identity(&self) -> String {
        format!("{} {} {}", self.remote.who(), self.project, self.reference)
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
        // The other tokens may start a pipeline and not look at it.
        let id = matches!(self.way, Way::Private(_)).then_some(started.handle.as_deref()).flatten()?;
        Some(Box::pin(self.stands(id, allowance)))
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move { self.start(order).await.unwrap_or_else(|effect| effect) })
    }
}

impl Pipeline {
    fn url(&self, parts: &[&str]) -> Url {
        let all: Vec<&str> = ["projects", &self.project].into_iter().chain(parts.iter().copied()).collect();
        self.remote.url(&all)
    }

    async fn read(&self, parts: &[&str], allowance: &Allowance<'_>) -> Result<Value, Effect> {
        let answer = self.remote.ask(&Question::get(self.url(parts)), allowance).await?;
        self.remote.json(&answer, HINTS_OF_READING, &allowance.host.output.redactor)
    }

    /// Whether the project and the ref are there, where there is a token to look with.
    async fn look(&self, allowance: &Allowance<'_>) -> Result<(), Effect> {
        if !matches!(self.way, Way::Private(_)) {
            return Ok(());
        }
        let project = self.read(&[], allowance).await?;
        let refuse = |why: String| {
            let told = format!("{}: {why}", self.remote.who());
            Err(Effect::because(ActionStatus::Failed, told))
        };
        if project["archived"] == true {
            return refuse(format!(
                "the project `{}` is archived, so nothing runs in it: check `project`",
                self.project
            ));
        }
        if project["builds_access_level"] == "disabled" {
            return refuse(format!("CI/CD is turned off in the project `{}`: check `project`", self.project));
        }
        for kind in ["branches", "tags"] {
            let url = self.url(&["repository", kind, &self.reference]);
            let answer = self.remote.ask(&Question::get(url), allowance).await?;
            if answer.status != 404 {
                let read = self.remote.json(&answer, HINTS_OF_READING, &allowance.host.output.redactor);
                return read.map(drop);
            }
        }
        refuse(format!("`{}` has no branch and no tag `{}`: check `ref`", self.project, self.reference))
    }

    async fn stands(&self, id: &str, allowance: &Allowance<'_>) -> Result<Standing, String> {
        let read = self.read(&["pipelines", id], allowance).await;
        let document = read.map_err(reason)?;
        let Some(status) = text(&document, "/status") else {
            return Err(format!("{} did not tell how the pipeline stands", self.remote.who()));
        };
        let (words, ended) = match status {
            "success" => (status, Some(true)),
            "failed" | "canceled" | "skipped" => (status, Some(false)),
            "manual" => ("manual: it waits for a person to start a job of it by hand", Some(false)),
            other => (other, None),
        };
        let stands = standing(words, ended, &allowance.host.output.redactor);
        Ok(Standing { url: link(&document, "/web_url"), ..stands })
    }

    async fn start(&self, order: &Order<'_>) -> Result<Effect, Effect> {
        let failed = |why: String| Effect::because(ActionStatus::Failed, why);
        let own = self.variables.texts(order.event).map_err(failed)?;
        let handed = order.event.handed().into_iter().map(|(name, value)| (name.to_owned(), value));
        let variables: Vec<(String, String)> = handed.chain(own.iter().cloned()).collect();
        let answer = self.ask(&variables, order).await?;
        let words = said(&answer.body).unwrap_or_default();
        if answer.status == 400 && own.is_empty() && words.contains(NO_VARIABLES) {
            // It has refused, so nothing was started; and nothing that the policy asks for is left out.
            let effect = self.judge(&self.ask(&[], order).await?, order)?;
            let reason = "started without the variables of rollgate, since the project lets its token set none: hand over `inputs: {rollback_of: \"{{rollback_of}}\"}`, or allow pipeline variables in the project's CI/CD settings";
            return Ok(Effect { reason: Some(reason.to_owned()), ..effect });
        }
        self.judge(&answer, order)
    }

    /// Asks for the pipeline, with `variables`.
    async fn ask(&self, variables: &[(String, String)], order: &Order<'_>) -> Result<Response, Effect> {
        let question = self.question(variables, order.event);
        let question = question.map_err(|why| Effect::because(ActionStatus::Failed, why))?;
        self.remote.ask(&question, &order.allowance).await
    }

    fn question(&self, variables: &[(String, String)], event: &Event) -> Result<Question, String> {
        match &self.way {
            Way::Trigger(token) | Way::Job(token) => {
                let mut form = vec![
                    ("token".to_owned(), token.expose().to_owned()),
                    ("ref".to_owned(), self.reference.clone()),
                ];
                let named = |list: &str, (name, value): (String, String)| (format!("{list}[{name}]"), value);
                form.extend(variables.iter().cloned().map(|pair| named("variables", pair)));
                form.extend(self.inputs.texts(event)?.into_iter().map(|pair| named("inputs", pair)));
                Ok(Question::form(self.url(&["trigger", "pipeline"]), &form))
            }
            Way::Private(_) => {
                let each = |(key, value): &(String, String)| json!({ "key": key, "value": value });
                let mut document = json!({ "ref": self.reference });
                let listed: Vec<Value> = variables.iter().map(each).collect();
                if !listed.is_empty() {
                    document["variables"] = listed.into();
                }
                let inputs = self.inputs.json(event)?;
                if !inputs.is_empty() {
                    document["inputs"] = inputs.into();
                }
                Ok(Question::json(Method::POST, self.url(&["pipeline"]), &document))
            }
        }
    }

    fn judge(&self, answer: &Response, order: &Order<'_>) -> Result<Effect, Effect> {
        let redactor = &order.allowance.host.output.redactor;
        let document =
            self.remote.json(answer, &self.way.hints(&said(&answer.body).unwrap_or_default()), redactor)?;
        let Some(id) = number(&document, "/id") else {
            let why = format!(
                "{} answered {} without a pipeline's `id`: is `api_url` right?",
                self.remote.who(),
                answer.status
            );
            return Err(Effect {
                http_status: Some(answer.status),
                ..Effect::because(ActionStatus::Unknown, why)
            });
        };
        let effect = Effect { handle: Some(id.to_string()), ..Effect::confirmed(answer.status) };
        Ok(effect.at(link(&document, "/web_url")))
    }
}

#[cfg(test)]
mod tests {
    use ActionStatus::{Confirmed, Failed, Unknown};

    use super::*;
    use crate::rollback::testing::{Answer, Row, alone, follow, on_the_way, once_in, problems_in, table};

    const AT: &str = "kind: gitlab\napi_url: https://gl.example/api/v4\nproject: acme/sub/shop\nref: release/1\nvariables: {SERVICE: \"{{odd}}\"}\ninputs: {of: \"{{rollback_of}}\", count: 3}\n";
    const ENV: &[(&str, &str)] = &[("GL_TRIGGER", "glptt-0123456789"), ("GL_PAT", "glpat-0123456789")];
    const CI: &[(&str, &str)] = &[
        ("CI_JOB_TOKEN", "glcbt-0123456789"),
        ("CI_API_V4_URL", "https://gl.example/api/v4"),
        ("CI_PROJECT_ID", "42"),
        ("CI_PROJECT_PATH", "acme/shop"),
        ("CI_DEFAULT_BRANCH", "trunk"),
    ];
    const MADE: &str =
        r#"{"id":61,"status":"pending","web_url":"https://gl.example/acme/shop/-/pipelines/61"}"#;
    const NO_SUCH_RIGHT: &str =
        r#"{"message":{"base":["Insufficient permissions to set pipeline variables"]}}"#;

    fn trigger() -> String {
        format!("{AT}token_ref: gl-trigger\n")
    }

    fn private() -> String {
        format!("{AT}private_token_ref: gl-pat\n")
    }

    fn form(request: &crate::host::http::Request) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&request.body).into_owned().collect()
    }

    #[tokio::test]
    async fn a_trigger_token_goes_in_a_form() {
        let (action, seen) = once_in(&trigger(), ENV, &[Answer::Status(201, MADE)]).await;
        assert_eq!((action.status, action.http_status, action.attempts), (Confirmed, Some(201), 1));
        assert_eq!(action.url.as_deref(), Some("https://gl.example/acme/shop/-/pipelines/61"));
        assert_eq!(action.target, "acme/sub/shop at release/1");
        let url = "https://gl.example/api/v4/projects/acme%2Fsub%2Fshop/trigger/pipeline";
        assert_eq!(seen[0].url.as_str(), url);
        assert!(!seen[0].headers.contains_key("private-token"));
        let id = action.id.unwrap();
        let expected = [
            ("token", "glptt-0123456789"),
            ("ref", "release/1"),
            ("variables[ROLLGATE_VERDICT]", "rollback"),
            ("variables[ROLLGATE_PIPELINE]", "rollback-checkout"),
            ("variables[ROLLGATE_ROLLBACK_OF]", "1.4.0"),
            ("variables[ROLLGATE_ID]", id.as_str()),
            ("variables[SERVICE]", "a\"&b=c"),
            ("inputs[of]", "1.4.0"),
            ("inputs[count]", "3"),
        ];
        let expected: Vec<_> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(form(&seen[0]), expected);
    }

    #[tokio::test]
    async fn an_access_token_goes_in_a_header() {
        let (action, seen) = once_in(&private(), ENV, &[Answer::Status(201, MADE)]).await;
        assert_eq!(action.status, Confirmed);
        assert_eq!(seen[0].url.path(), "/api/v4/projects/acme%2Fsub%2Fshop/pipeline");
        assert_eq!(seen[0].headers["private-token"], "glpat-0123456789");
        assert!(seen[0].headers["private-token"].is_sensitive());
        let sent: Value = serde_json::from_slice(&seen[0].body).unwrap();
        assert_eq!(
            (&sent["ref"], &sent["inputs"]),
            (&json!("release/1"), &json!({ "of": "1.4.0", "count": 3 }))
        );
        assert_eq!(sent["variables"][2], json!({ "key": "ROLLGATE_ROLLBACK_OF", "value": "1.4.0" }));
        assert_eq!(sent["variables"][4], json!({ "key": "SERVICE", "value": "a\"&b=c" }));
    }

    #[tokio::test]
    async fn in_gitlab_ci_nothing_must_be_named() {
        for yaml in ["kind: gitlab\n", "kind: gitlab\njob_token: true\nproject: acme/shop\n"] {
            let (action, seen) = once_in(yaml, CI, &[Answer::Status(201, MADE)]).await;
            assert_eq!(action.status, Confirmed);
            let sent = form(&seen[0]);
            assert_eq!(sent[0], ("token".to_owned(), "glcbt-0123456789".to_owned()));
            assert_eq!(sent[1], ("ref".to_owned(), "trunk".to_owned()));
        }
    }

    #[tokio::test]
    async fn a_project_that_takes_no_variables_is_asked_without_those_of_rollgate() {
        let yaml = "kind: gitlab\n";
        let script = [Answer::Status(400, NO_SUCH_RIGHT), Answer::Status(201, MADE)];
        let (action, seen) = once_in(yaml, CI, &script).await;
        assert_eq!((action.status, seen.len()), (Confirmed, 2));
        assert!(action.reason.unwrap().starts_with("started without the variables of rollgate"));
        assert_eq!(form(&seen[1]).len(), 2);
        // What the policy itself asks for is not left out.
        let (action, seen) = once_in(&private(), ENV, &script).await;
        assert_eq!((action.status, seen.len()), (Failed, 1));
        assert!(action.reason.unwrap().contains("allow pipeline variables"));
    }

    #[tokio::test]
    async fn every_way_to_go_wrong_says_what_to_do() {
        let (missing, gone) =
            (r#"{"message":{"base":["Reference not found"]}}"#, r#"{"message":"404 Not Found"}"#);
        let unauthorized = r#"{"message":"401 Unauthorized"}"#;
        let rows: &[Row<'_>] = &[
            (&[Answer::Status(400, missing)], Failed, 1, "`base: Reference not found`; check `ref`"),
            (
                &[Answer::Status(
                    400,
                    r#"{"message":{"base":["Pipeline filtered out by workflow rules."]}}"#,
                )],
                Failed,
                1,
                "`$CI_PIPELINE_SOURCE == \"trigger\"`",
            ),
            (
                &[Answer::Status(400, r#"{"message":{"base":["`of` input: unknown"]}}"#)],
                Failed,
                1,
                "compare `inputs`",
            ),
            (&[Answer::Status(401, unauthorized)], Failed, 1, "check the secret of `token_ref`"),
            (
                &[Answer::Status(403, r#"{"message":"403 Forbidden"}"#)],
                Failed,
                1,
                "the owner of the trigger token",
            ),
            (
                &[Answer::Status(404, gone)],
                Failed,
                1,
                "must be a pipeline trigger token of that very project",
            ),
            (&[Answer::Status(200, "[]")], Unknown, 1, "without a pipeline's `id`"),
        ];
        let yaml = trigger().replace("gl-trigger", "hook-secret");
        on_the_way(&yaml, &[], Answer::Status(201, MADE)).await;
        table(&yaml, &[], rows).await;
        let rows: &[Row<'_>] = &[
            (&[Answer::Status(401, unauthorized)], Failed, 1, "secret of `private_token_ref`"),
            (
                &[Answer::Status(
                    403,
                    r#"{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"api"}"#,
                )],
                Failed,
                1,
                "insufficient_scope",
            ),
            (&[Answer::Status(404, r#"{"message":"404 Project Not Found"}"#)], Failed, 1, "may see it"),
        ];
        let yaml = private().replace("gl-pat", "hook-secret");
        on_the_way(&yaml, &[], Answer::Status(201, MADE)).await;
        table(&yaml, &[], rows).await;
        let (action, _) = once_in("kind: gitlab\n", CI, &[Answer::Status(404, gone)]).await;
        assert!(action.reason.unwrap().contains("job token permissions"));
    }

    #[tokio::test]
    async fn preflight_reads_where_there_is_a_token_to_read_with() {
        let there = Answer::Status(200, "{}");
        let none = Answer::Status(404, r#"{"message":"404 Branch Not Found"}"#);
        for (yaml, script, expected) in [
            (private(), vec![there.clone(), there.clone()], None),
            (private(), vec![there.clone(), none.clone(), there.clone()], None),
            (private(), vec![there, none], Some("has no branch and no tag `release/1`: check `ref`")),
            (private(), vec![Answer::Status(401, "{}")], Some("secret of `private_token_ref`")),
            (private(), vec![Answer::Status(404, "{}")], Some("check `project`")),
            (private(), vec![Answer::Status(200, r#"{"archived":true}"#)], Some("is archived")),
            (
                private(),
                vec![Answer::Status(200, r#"{"builds_access_level":"disabled"}"#)],
                Some("is turned off"),
            ),
            (trigger(), vec![Answer::Refused], None),
        ] {
            let (trigger, host, http) = alone(&yaml, ENV, &script);
            let allowance = Allowance::alone(&host, Duration::from_secs(60));
            let found = trigger.preflight(&allowance).await;
            match expected {
                None => assert_eq!(found, Ok(())),
                Some(words) => {
                    assert!(found.as_ref().is_err_and(|why| why.contains(words)), "{found:?} {words}")
                }
            }
            let seen = http.seen.lock().unwrap();
            assert!(seen.iter().all(|(_, request)| request.method == Method::GET));
            if let Some((_, request)) = seen.get(1) {
                assert!(request.url.path().ends_with("/repository/branches/release%2F1"), "{}", request.url);
            }
        }
    }

    #[tokio::test]
    async fn the_pipeline_is_followed_to_its_end() {
        let started = Effect { handle: Some("61".to_owned()), ..Effect::confirmed(201) };
        for (answer, words, ended) in [
            (r#"{"status":"running"}"#, "running", None),
            (r#"{"status":"success"}"#, "success", Some(true)),
            (r#"{"status":"failed"}"#, "failed", Some(false)),
            (r#"{"status":"canceled"}"#, "canceled", Some(false)),
            (r#"{"status":"skipped"}"#, "skipped", Some(false)),
            (
                r#"{"status":"manual"}"#,
                "manual: it waits for a person to start a job of it by hand",
                Some(false),
            ),
        ] {
            let yaml = private().replace("gl-pat", "hook-secret");
            let standing = follow(&yaml, "61", &[Answer::Status(200, answer)]).await.unwrap();
            assert_eq!((standing.words.as_str(), standing.ended), (words, ended));
        }
        let (started_by, host, http) = alone(
            &private(),
            ENV,
            &[Answer::Status(200, r#"{"status":"success","web_url":"javascript:x"}"#)],
        );
        let allowance = Allowance::alone(&host, Duration::from_secs(60));
        let standing = started_by.follow(&started, &allowance).unwrap().await.unwrap();
        assert_eq!(standing.url, None);
        let path = http.requests()[0].url.path().to_owned();
        assert_eq!(path, "/api/v4/projects/acme%2Fsub%2Fshop/pipelines/61");
        let (trigger, host, _) = alone(&trigger(), ENV, &[Answer::Refused]);
        let allowance = Allowance::alone(&host, Duration::from_secs(60));
        assert!(trigger.follow(&started, &allowance).is_none());
    }

    #[test]
    fn every_fault_is_told() {
        let with = |rest: &str| format!("kind: gitlab\napi_url: https://gl.example/api/v4\n{rest}\n");
        for (yaml, expected) in [
            (
                "kind: gitlab\nproject: a/b\nref: main\ntoken_ref: gl-trigger\n".to_owned(),
                "`api_url` is missing",
            ),
            (with("ref: main\ntoken_ref: gl-trigger"), "`project` is missing"),
            (with("project: a/b\ntoken_ref: gl-trigger"), "`ref` is missing"),
            (with("project: a/b\nref: main"), "`token_ref` is missing in a `gitlab` trigger"),
            (
                with("project: a/b\nref: main\njob_token: true"),
                "`job_token` wants the variable `CI_JOB_TOKEN`",
            ),
            (with("project: a/b\nref: main\njob_token: false"), "nobody says who is asking"),
            (
                with("project: a/b\nref: main\ntoken_ref: gl-trigger\nprivate_token_ref: gl-pat"),
                "expected `token_ref` or `private_token_ref`, found both",
            ),
            (
                with("project: a/b\nref: main\ntoken_ref: gl-pat"),
                "expected a pipeline trigger token for `token_ref`, found an access token (`glpat-…`)",
            ),
            (
                with("project: a/b\nref: main\nprivate_token_ref: gl-trigger"),
                "found a pipeline trigger token (`glptt-…`)",
            ),
            (
                with("project: \"https://gl.example/a/b\"\nref: main\ntoken_ref: gl-trigger"),
                "expected a project's number or its path",
            ),
            (
                with("project: a/b\nref: main\ntoken_ref: gl-trigger\nvariables: {ROLLGATE_ID: x}"),
                "the variable `ROLLGATE_ID` is set by rollgate itself",
            ),
            (
                with("project: a/b\nref: main\ntoken_ref: gl-trigger\nvariables: {\"a b\": x}"),
                "expected the name of a variable, found `a b`",
            ),
            (
                with("project: a/b\nref: main\ntoken_ref: gl-trigger\njob_token: maybe"),
                "expected `true` or `false`",
            ),
        ] {
            let found = problems_in(&yaml, ENV);
            assert!(found.iter().any(|p| p.contains(expected)), "{yaml}\n{found:?}");
        }
        let elsewhere = "kind: gitlab\napi_url: https://evil.example/api/v4\nproject: a/b\nref: main\n";
        assert!(problems_in(elsewhere, CI)[0].contains("for the server of its own pipeline only"));
        assert!(problems_in("kind: gitlab\nproject: other/shop\n", CI)[0].contains("`ref` is missing"));
    }
}
