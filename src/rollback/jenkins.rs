//! The `jenkins` trigger: puts a job into Jenkins' queue and follows it to its build. Must only read here what a policy
//! says of it; `build` speaks to Jenkins.

mod build;
mod job;
mod queue;
mod session;

use self::build::{Build, parts};
use super::access::Text;
use super::values::Written;
use super::{Trigger, TriggerCx, TriggerKind, TriggerSpec};
use crate::api::Remote;
use crate::host::tls::TlsOptions;
use crate::policy::exposure::Exposure;
use crate::policy::form::Form;
use crate::policy::integration::{Auth, Credential};
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Rule, Shape};
use crate::policy::template::Scope;

/// The `jenkins` trigger.
pub struct Jenkins;

const NAME: &str = "jenkins";

static FIELDS: &[Field] = &[
    Field::required("url", Shape::Of(Form::WEB), "where Jenkins is"),
    Field::new(
        "job",
        Shape::Text,
        "the job, its folders before it with `/` between; default `rollback_pipeline`",
    ),
    Field::new("parameters", Shape::TextMap, "the job's parameters; those of rollgate's own go along"),
    Field::required("username", Shape::Text, "whose token or password it is"),
    Field::new("token_ref", Shape::Text, "the secret that holds an API token"),
    Field::new("password_ref", Shape::Text, "the secret that holds a password, which needs a crumb"),
];

static RULES: &[Rule] =
    &[Rule::Some(&["token_ref", "password_ref"]), Rule::Single(&["token_ref", "password_ref"])];

#[derive(Debug)]
struct Spec {
    url: Text,
    job: Text,
    parameters: Written,
    username: Text,
    token: Text,
    password: Text,
}

impl TriggerKind for Jenkins {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "builds a job of Jenkins"
    }

    fn example(&self) -> &'static str {
        "kind: jenkins\nurl: \"https://jenkins.example.com\"\njob: shop/rollback\nparameters: {SERVICE: \"{{service_name}}\"}\nusername: gate\ntoken_ref: jenkins-token\n"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn rules(&self) -> &'static [Rule] {
        RULES
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>> {
        let url = Text::read_address(body, NAME, "url");
        let parameters = Written::texts(body, "parameters");
        if let Some(parameters) = &parameters {
            parameters.keep_off_own(body.problems);
        }
        let mut read = |key| Text::read(body, NAME, key);
        let (job, username) = (read("job"), read("username"));
        let (token, password) = (read("token_ref"), read("password_ref"));
        match (body.has("token_ref"), body.has("password_ref")) {
            (true, true) => {
                let place = body.key_place("password_ref");
                body.fault(place, "expected `token_ref` or `password_ref`, found both");
                return None;
            }
            (false, false) => {
                let problem = Problem::at(body.place, "`token_ref` is missing in a `jenkins` trigger");
                body.problems.push(problem.help("name the secret that holds the user's API token"));
                return None;
            }
            _ => {}
        }
        Some(Box::new(Spec {
            url: url?,
            job: job?,
            parameters: parameters?,
            username: username?,
            token: token?,
            password: password?,
        }))
    }
}

impl Spec {
    /// The secret by which the user is known.
    const fn credential(&self) -> &Text {
        if self.token.is_written() { &self.token } else { &self.password }
    }
}

impl TriggerSpec for Spec {
    fn exposure(&self) -> Option<Exposure<'_>> {
        self.url.exposes(self.credential().place())
    }

    fn told(&self, scope: &Scope) -> String {
        let what = if self.token.is_written() { "token" } else { "password" };
        format!(
            "builds the job `{}` of Jenkins at {} as `{}`, with the {what} in the secret `{}`; confirmed by status 201",
            self.job.told(scope, "rollback_pipeline"),
            self.url.told(scope, ""),
            self.username.told(scope, ""),
            self.credential().told(scope, ""),
        )
    }

    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>> {
        let mut noted = |problem: Problem| problems.push(problem);
        let url = self.url.address(cx, None, "write where Jenkins is").map_err(&mut noted).ok();
        let help = "write the job's name, or name it by `rollback_pipeline`";
        let job = self.job.render(cx, cx.pipeline, help).map_err(&mut noted).ok();
        let job = job.and_then(|job| match parts(&job) {
            Ok(_) => Some(job),
            Err(told) => {
                noted(self.job.fault(told).help("write it as `folder/job`"));
                None
            }
        });
        let parameters = self.parameters.render(cx).map_err(&mut noted).ok();
        let username = self.username.render(cx, None, "write whose token it is").map_err(&mut noted).ok();
        let secret = self.credential().secret(cx, &[], "name the secret").map_err(&mut noted).ok();
        let (url, username, secret) = (url?, username?, secret?);
        if username.contains(':') {
            noted(self.username.fault("expected a user's name without `:`, found one with it"));
            return None;
        }
        let remote = Remote::new("Jenkins", &url, &TlsOptions::default(), cx.host);
        let remote = remote.and_then(|mut remote| {
            remote.authorize(&Auth::Basic(username, Credential::Fixed(secret)), cx.vault)?;
            Ok(remote)
        });
        let remote = remote.map_err(|problem| noted(self.credential().fault(problem))).ok();
        Some(Box::new(Build::new(remote?, job?, parameters?, self.password.is_written())))
    }
}

#[cfg(test)]
mod tests;
