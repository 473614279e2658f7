//! `rollgate trigger`: from an event, as another system sends it, to the pipelines that the policy maps it to. Must not
//! evaluate an event that is not who it says it is from.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::inputs::InputArgs;
use crate::api::words::line;
use crate::deploy::fire::{Asked, Start, fire};
use crate::deploy::{Finding, Happened, jira, verify};
use crate::exit::Exit;
use crate::gate::outcome::{ActionRecord, ActionStatus};
use crate::host::Host;
use crate::prepare::deploy::{Deploying, deploying};

/// Bytes of an event that are read; systems send a tenth of that.
const MOST: usize = 16 * 1024 * 1024;

/// Characters of a text of the event that are shown.
const SHOWN: usize = 200;

/// `rollgate trigger`.
#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct TriggerArgs {
    /// The body of the webhook, as Jira sends it; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub event: PathBuf,

    /// The value of its header `X-Hub-Signature`, verified with the `secret` of the integration `jira`
    #[arg(long, value_name = "HEADER")]
    pub signature: Option<String>,

    /// The token that it came with, verified with the `verification_token` of the integration `jira`
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,

    /// The value of its header `X-Atlassian-Webhook-Identifier`, the same whenever it is sent again
    #[arg(long, value_name = "ID")]
    pub event_id: Option<String>,

    /// Say what would be started, and start nothing
    #[arg(long)]
    pub dry_run: bool,

    /// How to say what matched and what was started
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Form::Text)]
    pub format: Form,

    /// The policies, and what they are rendered with.
    #[command(flatten)]
    pub inputs: InputArgs,
}

/// How it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// In lines, for people
    Text,
    /// As one document, for programs
    Json,
}

/// Why nothing is started.
enum Stop {
    /// The command line, the policy or the event is at fault.
    Fault(String),
    /// The event is not who it says it is from.
    Refused(String),
}

/// Evaluates an event and starts what it is mapped to; exit 0, 1 where that is not confirmed, or 2 with faults.
pub(super) async fn trigger(args: &TriggerArgs, host: &Host) -> Exit {
    match attempt(args, host).await {
        Ok(exit) => exit,
        Err(Stop::Fault(told)) => {
            host.output.talk(told.trim_end());
            Exit::Usage
        }
        Err(Stop::Refused(why)) => {
            host.output.talk(&format!("error: the event is refused: {why}"));
            Exit::Failure
        }
    }
}

async fn attempt(args: &TriggerArgs, host: &Host) -> Result<Exit, Stop> {
    let refused = |refused: crate::prepare::Refused| Stop::Fault(refused.text(host.output.colour));
    let policy = deploying(&args.inputs, host).map_err(refused)?;
    let body = body(args, host)?;
    verified(args, &policy, &body, host)?;
    let event = jira::read(&body, args.event_id.as_deref()).map_err(|why| {
        let name = args.event.display();
        Stop::Fault(format!(
            "error: `{name}` cannot be read as an event: {}",
            line(&why, SHOWN, &host.output.redactor)
        ))
    })?;
    let findings = policy.findings(&event, host).map_err(refused)?;
    let starts = policy.starts(&findings, &event, args.dry_run, host).map_err(refused)?;
    let service = args.inputs.service.as_deref().or_else(|| policy.scope.get("service_name"));
    let asked = Asked {
        policy: &policy.spec.name,
        service,
        environment: args.inputs.environment.as_deref(),
        version: args.inputs.version.as_deref(),
        run_id: policy.scope.get("run_id").unwrap_or_default(),
    };
    let told = Told { event: &event, findings: &findings, starts: &starts, dry_run: args.dry_run, host };
    let text = args.format == Form::Text;
    if text {
        host.output.data(&told.opening());
    }
    let actions = if args.dry_run { Vec::new() } else { fire(&starts, &event, asked, host).await };
    host.output.data(&if text { told.closing(&actions) } else { told.json(&actions) });
    let confirmed = actions.iter().all(|(_, action)| action.status == ActionStatus::Confirmed);
    Ok(if confirmed { Exit::Pass } else { Exit::Failure })
}

fn body(args: &TriggerArgs, host: &Host) -> Result<Vec<u8>, Stop> {
    let read = if args.event == Path::new("-") { host.input.all() } else { host.files.read(&args.event) };
    let name = args.event.display();
    let body = read.map_err(|error| Stop::Fault(format!("error: `{name}` cannot be read: {error}")))?;
    if body.len() > MOST {
        return Err(Stop::Fault(format!("error: `{name}` is larger than any event: {} bytes", body.len())));
    }
    Ok(body)
}

/// Whether the event is who it says it is from, where the integration says how to tell.
fn verified(args: &TriggerArgs, policy: &Deploying, body: &[u8], host: &Host) -> Result<(), Stop> {
    let proof =
        policy.proof("jira", host).map_err(|refused| Stop::Fault(refused.text(host.output.colour)))?;
    let needs = |option: &str, key: &str| {
        Stop::Fault(format!("error: `{option}` needs the `{key}` of the integration `jira`, which has none"))
    };
    match (&args.signature, &proof.secret) {
        (Some(header), Some(secret)) => verify::signature(header, body, secret).map_err(Stop::Refused)?,
        (Some(_), None) => return Err(needs("--signature", "secret")),
        (None, Some(_)) => {
            let why = "the integration has a `secret`, and no `--signature` is given";
            return Err(Stop::Refused(why.to_owned()));
        }
        (None, None) => {}
    }
    match (&args.token, &proof.token) {
        (Some(token), Some(expected)) => verify::token(token, expected).map_err(Stop::Refused)?,
        (Some(_), None) => return Err(needs("--token", "verification_token")),
        (None, Some(_)) => {
            let why = "the integration has a `verification_token`, and no `--token` is given";
            return Err(Stop::Refused(why.to_owned()));
        }
        (None, None) => {}
    }
    Ok(())
}

/// What is said of an event.
struct Told<'t> {
    event: &'t Happened,
    findings: &'t [Finding],
    starts: &'t [Start],
    dry_run: bool,
    host: &'t Host,
}

impl Told<'_> {
    /// A text of the event, fit to be shown.
    fn say(&self, text: &str) -> String {
        // What turns the direction of a text around would show it as another.
        let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        line(&text.replace(turns, ""), SHOWN, &self.host.output.redactor)
    }

    /// What was found, a line for each rule.
    fn opening(&self) -> String {
        let mut text = format!("event {}\n", self.say(&self.event.about()));
        let width = self.findings.iter().map(|finding| finding.rule.len()).max().unwrap_or_default();
        for finding in self.findings {
            let because = self.say(&finding.because);
            let said = match &finding.pipeline {
                Some(pipeline) => format!("matches: {because}: `{}`", self.say(pipeline)),
                None => format!("does not match: {because}"),
            };
            text.push_str(&format!("{:width$}  {said}\n", finding.rule));
        }
        text
    }

    /// What was started, or would be.
    fn closing(&self, actions: &[(String, ActionRecord)]) -> String {
        let redact = |text: &str| self.host.output.redactor.redact(text).into_owned();
        let mut text = String::new();
        for start in self.starts {
            let pipeline = self.say(&start.pipeline);
            if start.triggers.is_empty() {
                let why = "there is no `deployment_triggers.trigger`";
                text.push_str(&format!("would start `{pipeline}`: {why}, so nothing is started\n"));
            } else if self.dry_run {
                for trigger in &start.triggers {
                    let target = self.say(&trigger.target());
                    text.push_str(&format!("would start `{pipeline}` by {} {target}\n", trigger.kind()));
                }
            }
        }
        for (pipeline, action) in actions {
            text.push_str(&format!("`{}`: {}\n", self.say(pipeline), crate::report::action(action, &redact)));
        }
        if self.starts.is_empty() {
            text.push_str("nothing is started\n");
        }
        text
    }

    fn json(&self, actions: &[(String, ActionRecord)]) -> String {
        let masked = |text: &str| Value::from(self.host.output.redactor.redact(text));
        let optional = |text: &Option<String>| text.as_deref().map_or(Value::Null, masked);
        let rule = |finding: &Finding| {
            json!({
                "rule": finding.rule,
                "matched": finding.pipeline.is_some(),
                "pipeline": optional(&finding.pipeline),
                "reason": masked(&finding.because),
            })
        };
        let start = |start: &Start| {
            let of = |(pipeline, _): &&(String, ActionRecord)| *pipeline == start.pipeline;
            let action = |(_, action): &(String, ActionRecord)| {
                json!({
                    "kind": action.kind,
                    "target": masked(&action.target),
                    "status": action.status.word(),
                    "http_status": action.http_status,
                    "attempts": action.attempts,
                    "id": action.id,
                    "url": optional(&action.url),
                    "reason": optional(&action.reason),
                })
            };
            json!({
                "pipeline": masked(&start.pipeline),
                "rule": start.rule,
                "actions": actions.iter().filter(of).map(action).collect::<Vec<_>>(),
            })
        };
        let label = self.findings.iter().find(|finding| !finding.label.is_empty());
        let values = self.event.variables(label.map_or("", |finding| &finding.label));
        let values = values.iter().filter(|(_, value)| !value.is_empty());
        let document = json!({
            "event": masked(&self.event.name),
            "values": values.map(|(name, value)| ((*name).to_owned(), masked(value))).collect::<serde_json::Map<_, _>>(),
            "rules": self.findings.iter().map(rule).collect::<Vec<_>>(),
            "dry_run": self.dry_run,
            "starts": self.starts.iter().map(start).collect::<Vec<_>>(),
        });
        format!("{document:#}\n")
    }
}
