//! `rollgate notify`: people are told from a step of its own. Must not know how a channel tells, and tells all at once: one
//! that hangs costs its own time only.

mod compose;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use self::compose::{AlertArgs, BuildArgs, DeploymentArgs, ReportArgs};
use super::inputs::{InputArgs, span};
use crate::api::effect::Acted;
use crate::api::words::address;
use crate::api::{Allowance, Effect};
use crate::exit::Exit;
use crate::gate::outcome::{ActionRecord, ActionStatus};
use crate::host::Host;
use crate::host::clock::between;
use crate::host::rehearsal::Rehearsal;
use crate::notify::message::Message;
use crate::notify::{Addressee, Channel, TIMEOUT};
use crate::policy::notices::Locale;
use crate::prepare::telling::{Telling, telling};
use crate::report;

/// `rollgate notify`.
#[derive(Debug, Clone, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct NotifyArgs {
    /// What of.
    #[command(subcommand)]
    pub what: What,
}

/// What people are told of.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum What {
    /// Tell of a build; what is not given is what the pipeline says of itself
    Build(Box<BuildArgs>),
    /// Tell of a deployment; what is not given is what the pipeline says of itself
    #[command(disable_version_flag = true)]
    Deployment(Box<DeploymentArgs>),
    /// Tell of something that people must look at
    Alert(Box<AlertArgs>),
    /// Tell of a gate's verdict, from the report of its run
    Report(Box<ReportArgs>),
}

/// Whom to tell, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct ToArgs {
    /// The integration through which people are told; several are told at the same time
    #[arg(long, value_name = "INTEGRATION", required = true)]
    pub to: Vec<String>,

    /// Which of the integration's `channels`, or a channel's own name
    #[arg(long)]
    pub channel: Option<String>,

    /// Call somebody by name, in the system's own words
    #[arg(long, value_name = "WHO")]
    pub mention: Vec<String>,

    /// The language
    #[arg(long, value_enum, default_value = "en")]
    pub locale: Language,

    /// Further text
    #[arg(long)]
    pub text: Option<String>,

    /// The policy files whose integrations there are
    #[arg(long, value_name = "POLICY")]
    pub policy: Vec<PathBuf>,

    /// Set a variable
    #[arg(long, value_name = "K=V")]
    pub set: Vec<String>,

    /// Read variables from a YAML or JSON file
    #[arg(long, value_name = "FILE")]
    pub values: Vec<PathBuf>,

    /// Set a key of an integration; it need not be written in a policy
    #[arg(long, value_name = "NAME.KEY=VALUE")]
    pub integration: Vec<String>,

    /// A directory with a file for each secret, named as its reference
    #[arg(long, value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,

    /// How long telling may take, repeats included
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "10s")]
    pub timeout: Duration,

    /// Send nothing, and show what would be sent
    #[arg(long)]
    pub dry_run: bool,
}

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// English
    En,
    /// Chinese
    Zh,
}

impl ToArgs {
    fn addressee(&self) -> Addressee {
        let locale = match self.locale {
            Language::En => Locale::En,
            Language::Zh => Locale::Zh,
        };
        Addressee { channel: self.channel.clone(), mention: self.mention.clone(), locale }
    }
}

impl What {
    const fn to(&self) -> &ToArgs {
        match self {
            Self::Build(args) => &args.to,
            Self::Deployment(args) => &args.to,
            Self::Alert(args) => &args.to,
            Self::Report(args) => &args.to,
        }
    }

    /// What the policies are rendered with.
    fn inputs(&self) -> InputArgs {
        let to = self.to();
        let inputs = InputArgs {
            policy: to.policy.clone(),
            set: to.set.clone(),
            values: to.values.clone(),
            integration: to.integration.clone(),
            secrets_dir: to.secrets_dir.clone(),
            ..InputArgs::default()
        };
        match self {
            Self::Deployment(args) => InputArgs {
                service: args.service.clone(),
                environment: args.environment.clone(),
                version: args.version.clone(),
                ..inputs
            },
            _ => inputs,
        }
    }
}

/// Tells people; exit 0, 1 where somebody was not told, or 2 with faults.
pub(super) async fn notify(args: &NotifyArgs, host: &Host) -> Exit {
    let to = args.what.to();
    let rehearsal = Rehearsal::default();
    let mut host = host.clone();
    if to.dry_run {
        rehearsal.takes_over(&mut host);
    }
    let host = &host;
    let usage = |fault: &str| {
        host.output.talk(fault.trim_end());
        Exit::Usage
    };
    let Telling { channels, warnings } = match telling(&args.what.inputs(), &to.to, &to.addressee(), host) {
        Ok(telling) => telling,
        Err(refused) => return usage(&refused.text(host.output.colour)),
    };
    // Only now is every secret known that must not be told.
    let message = match args.what.message(host) {
        Ok(message) => message,
        Err(fault) => return usage(&format!("error: {fault}")),
    };
    for warning in warnings {
        host.output.talk(&format!("warning: {warning}"));
    }
    if to.dry_run {
        for channel in &channels {
            for text in shown(&**channel, &message, &rehearsal, host).await {
                host.output.data(&format!("{}\n", host.output.redactor.redact(&text)));
            }
        }
        return Exit::Pass;
    }
    let mut telling: FuturesUnordered<_> =
        channels.iter().map(|channel| tell(&**channel, &message, to.timeout, host)).collect();
    let mut exit = Exit::Pass;
    while let Some(action) = telling.next().await {
        if action.status != ActionStatus::Confirmed {
            exit = Exit::Failure;
        }
        let redact = |text: &str| host.output.redactor.redact(text).into_owned();
        host.output.talk(&report::action(&action, &redact));
    }
    exit
}

async fn tell(channel: &dyn Channel, message: &Message, timeout: Duration, host: &Host) -> ActionRecord {
    let allowance = Allowance::alone(host, timeout);
    let began = host.clock.now();
    let sent = host.clock.timeout(timeout, channel.send(message, None, &allowance)).await;
    let effect = sent.unwrap_or_else(|| {
        let limit = humantime::format_duration(timeout);
        let why = format!("there was no answer within {limit}; it may have been received");
        Effect::because(ActionStatus::Unknown, why)
    });
    let action = Acted {
        kind: channel.kind(),
        purpose: "notify",
        target: channel.target(),
        attempts: allowance.attempts(),
        id: Some(message.id.clone()),
        took: between(began, host.clock.now()),
    };
    effect.record(action, &host.output.redactor)
}

/// What would be sent, with the secrets that are in it.
async fn shown(channel: &dyn Channel, message: &Message, rehearsal: &Rehearsal, host: &Host) -> Vec<String> {
    let whom = format!("{} {}", channel.kind(), channel.target());
    let mut shown = Vec::new();
    match channel.rehearsed(message) {
        Some(text) => shown.push(format!("would tell {whom}:\n{text}")),
        None => {
            channel.send(message, None, &Allowance::alone(host, TIMEOUT)).await;
            let requests = rehearsal.requests();
            if requests.is_empty() {
                shown.push(format!(
                    "would tell {whom}: what it would say cannot be shown beforehand, and nothing was sent"
                ));
            }
            for request in requests {
                let body = String::from_utf8_lossy(&request.body);
                let document: Option<serde_json::Value> = serde_json::from_str(&body).ok();
                let pretty = document.and_then(|document| serde_json::to_string_pretty(&document).ok());
                let text = pretty.unwrap_or_else(|| body.into_owned());
                let at = address(&request.url);
                shown.push(format!("would {} to {at} for {whom}:\n{text}", request.method));
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::notify::testing::message;
    use crate::policy::notices::On;
    use crate::rollback::testing;

    /// A channel that speaks no HTTP and does not say what it would tell.
    #[derive(Debug)]
    struct Pager;

    impl Channel for Pager {
        fn kind(&self) -> &'static str {
            "pager"
        }

        fn target(&self) -> String {
            "pager.example:25".to_owned()
        }

        fn send<'a>(
            &'a self,
            _: &'a Message,
            _: Option<&'a Effect>,
            allowance: &'a Allowance<'a>,
        ) -> BoxFuture<'a, Effect> {
            Box::pin(async move {
                let net = &allowance.host.net;
                assert!(net.lookup("pager.example", 25).await.is_err());
                assert!(net.connect(([192, 0, 2, 1], 25).into()).await.is_err());
                let program = crate::host::process::Program { argv: vec!["true".into()], env: vec![] };
                assert!(allowance.host.programs.run(program).await.is_err());
                Effect::of(ActionStatus::Failed)
            })
        }
    }

    #[tokio::test]
    async fn what_cannot_be_rehearsed_is_not_sent() {
        let (mut host, _) = testing::host(&[]);
        let rehearsal = Rehearsal::default();
        rehearsal.takes_over(&mut host);
        assert_eq!(
            shown(&Pager, &message(On::Rollback), &rehearsal, &host).await,
            [
                "would tell pager pager.example:25: what it would say cannot be shown beforehand, and nothing was sent"
            ]
        );
    }
}
