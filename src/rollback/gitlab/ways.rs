//! The three ways to say to GitLab who is asking, of which a trigger has one, and what to do where GitLab says no. Must
//! not send anything.

use crate::api::remote::Hints;
use crate::host::secret::Secret;
use crate::policy::problem::{Place, Problem};
use crate::policy::reader::Reader;
use crate::policy::template::Scope;
use crate::policy::value::Value;
use crate::rollback::TriggerCx;
use crate::rollback::access::Text;

/// The variable in which GitLab CI hands out a token.
const AMBIENT: &str = "CI_JOB_TOKEN";

/// What to do where a project or its ref cannot be read.
pub(super) const HINTS_OF_READING: Hints<'_> = &[
    (401, "check the secret of `private_token_ref`: it may be wrong, expired or revoked"),
    (403, "the token of `private_token_ref` needs the scope `api` and the role Developer"),
    (404, "check `project`, and that the token of `private_token_ref` may see it"),
];

/// Whether GitLab takes `name` for a variable's.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The way as it is written.
#[derive(Debug)]
pub(super) struct WaySpec {
    kind: &'static str,
    place: Place,
    trigger: Text,
    private: Text,
    job: Option<Value<bool>>,
}

/// Who is asking.
#[derive(Debug)]
pub(super) enum Way {
    /// A pipeline trigger token.
    Trigger(Secret),
    /// The token of the job that the gate runs in.
    Job(Secret),
    /// An access token.
    Private(Secret),
}

impl WaySpec {
    /// Reads the fields. `None` after reporting why.
    pub(super) fn read(body: &mut Reader<'_, '_>, kind: &'static str) -> Option<Self> {
        let trigger = Text::read(body, kind, "token_ref");
        let private = Text::read(body, kind, "private_token_ref");
        let job = body.value("job_token");
        let written: Vec<&str> =
            ["token_ref", "job_token", "private_token_ref"].into_iter().filter(|key| body.has(key)).collect();
        if let [one, other, ..] = written[..] {
            let message = format!("expected `{one}` or `{other}`, found both");
            let problem = Problem::at(body.key_place(other), message);
            body.problems.push(problem.help(
                "`token_ref` is a pipeline trigger token, `private_token_ref` an access token, `job_token` that of the gate's own job",
            ));
            return None;
        }
        (job.is_some() || !body.has("job_token")).then_some(())?;
        Some(Self { kind, place: body.place, trigger: trigger?, private: private?, job })
    }

    /// Where it is written, else where the trigger is.
    pub(super) fn place(&self) -> Place {
        let text = [&self.trigger, &self.private].into_iter().find(|text| text.is_written()).map(Text::place);
        text.or_else(|| self.job.as_ref().map(Value::place)).unwrap_or(self.place)
    }

    /// In words, before a run.
    pub(super) fn told(&self, scope: &Scope) -> String {
        if self.trigger.is_written() {
            format!("with the trigger token `{}`", self.trigger.told(scope, ""))
        } else if self.private.is_written() {
            format!("with the access token `{}`", self.private.told(scope, ""))
        } else {
            format!("with the job's own `{AMBIENT}`")
        }
    }

    /// Who is asking, where `at_home` tells whether the API is that of the pipeline around the gate.
    ///
    /// # Errors
    /// A token that is not found or is one of another kind, and that there is none.
    pub(super) fn render(&self, cx: &TriggerCx<'_>, at_home: bool) -> Result<Way, Problem> {
        if self.trigger.is_written() {
            let token = self.trigger.secret(cx, &[], "")?;
            return match ["glpat-", "gldt-"].iter().find(|prefix| token.expose().starts_with(**prefix)) {
                Some(prefix) => Err(self
                    .trigger
                    .fault(format!("expected a pipeline trigger token for `token_ref`, found an access token (`{prefix}…`)"))
                    .help("name it by `private_token_ref`, or make a trigger token in the project's CI/CD settings")),
                None => Ok(Way::Trigger(token)),
            };
        }
        if self.private.is_written() {
            let token = self.private.secret(cx, &[], "")?;
            if token.expose().starts_with("glptt-") {
                let message = "expected an access token for `private_token_ref`, found a pipeline trigger token (`glptt-…`)";
                return Err(self.private.fault(message).help("name it by `token_ref`"));
            }
            return Ok(Way::Private(token));
        }
        let wanted = self.job.as_ref().map(|job| job.render(cx.scope)).transpose()?;
        if wanted == Some(false) {
            let problem =
                Problem::at(self.place(), format!("nobody says who is asking in a `{}` trigger", self.kind));
            return Err(problem.help("write `token_ref` or `private_token_ref`"));
        }
        let found = cx.host.env.get(AMBIENT);
        if cx.vault.stands_in() && (found.is_none() || !at_home) {
            let stood_in = cx.vault.secret(&format!("<variable {AMBIENT}>"));
            return stood_in.map(Way::Job).map_err(|problem| Problem::at(self.place(), problem));
        }
        match found {
            Some(_) if !at_home => {
                let message =
                    "the job token is for the server of its own pipeline only, and `api_url` is another";
                Err(Problem::at(self.place(), message).help("write `token_ref` or `private_token_ref`"))
            }
            Some(token) => {
                let told =
                    |problem| Problem::at(self.place(), format!("`{AMBIENT}` cannot be used: {problem}"));
                cx.vault.secret(token).map(Way::Job).map_err(told)
            }
            None if wanted == Some(true) => {
                let message = format!("`job_token` wants the variable `{AMBIENT}`, which is not set");
                Err(Problem::at(self.place(), message).help(
                    "it is there in a job of GitLab CI; elsewhere write `token_ref` or `private_token_ref`",
                ))
            }
            None => {
                let message = format!("`token_ref` is missing in a `{}` trigger", self.kind);
                Err(Problem::at(self.place(), message).help("write `token_ref` (a pipeline trigger token) or `private_token_ref` (an access token); in GitLab CI the job's own token is used"))
            }
        }
    }
}

impl Way {
    /// What to do about a pipeline that GitLab does not start, with its own `words` for why.
    pub(super) fn hints(&self, words: &str) -> Vec<(u16, &'static str)> {
        let bad = if words.contains("pipeline variables") {
            "allow pipeline variables in the project's CI/CD settings, or leave `variables` out and hand over `inputs`"
        } else if words.contains("Reference not found") {
            "check `ref`"
        } else if words.contains("input") {
            "compare `inputs` with the `spec: inputs` of the pipeline at that ref"
        } else {
            match self {
                Self::Trigger(_) => {
                    "check `ref`, and that `workflow: rules` of the pipeline let `$CI_PIPELINE_SOURCE == \"trigger\"` run"
                }
                Self::Job(_) => {
                    "check `ref`, and that `workflow: rules` of the pipeline let `$CI_PIPELINE_SOURCE == \"pipeline\"` run"
                }
                Self::Private(_) => {
                    "check `ref`, and that `workflow: rules` of the pipeline let `$CI_PIPELINE_SOURCE == \"api\"` run"
                }
            }
        };
        let (unknown, forbidden, missing) = match self {
            Self::Trigger(_) => (
                "check the secret of `token_ref`",
                "the owner of the trigger token may not run pipelines at that `ref`",
                "check `project` and `token_ref`, which must be a pipeline trigger token of that very project: with an access token (use `private_token_ref` for one) GitLab answers the same",
            ),
            Self::Job(_) => (
                "the job token ends with its job",
                "add the gate's project to the job token permissions in the CI/CD settings of the project",
                "check `project`, and add the gate's project to the job token permissions in its CI/CD settings: GitLab answers the same for both",
            ),
            Self::Private(_) => (
                "check the secret of `private_token_ref`: it may be wrong, expired or revoked",
                "the token of `private_token_ref` needs the scope `api`, the role Developer, and leave to run at a protected `ref`",
                "check `project`, and that the token of `private_token_ref` may see it",
            ),
        };
        vec![(400, bad), (401, unknown), (403, forbidden), (404, missing)]
    }
}
