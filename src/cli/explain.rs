//! `rollgate explain`: a policy, or the report of a run, in plain words. Must need neither variables nor secrets nor a
//! network, and must not do the explaining.

use clap::Args;

use super::inputs::InputArgs;
use crate::exit::Exit;
use crate::explain::{self, Subject};
use crate::host::Host;
use crate::prepare::{self, Read};

/// `rollgate explain`.
#[derive(Debug, Clone, Args)]
#[command(
    disable_version_flag = true,
    override_usage = "rollgate explain [OPTIONS] <POLICY>...\n       rollgate explain <REPORT.json>"
)]
pub(crate) struct ExplainArgs {
    /// What the policy is rendered with, as far as it is known.
    #[command(flatten)]
    pub inputs: InputArgs,
}

/// Prints the explanation; exit 0, or 2 with faults.
pub(super) fn explain(args: &ExplainArgs, host: &Host) -> Exit {
    let redact = |text: &str| host.output.redactor.redact(text).into_owned();
    let explained = match prepare::read_for_people(&args.inputs, host) {
        Ok(Read::Report(name, text)) => explain::report::explain(&name, &text, &redact),
        Ok(Read::Policy(read)) => {
            let subject = Subject {
                spec: &read.spec,
                triggers: &read.triggers,
                scope: &read.scope,
                texts: &read.texts,
                policies: &read.policies,
                environment: args.inputs.environment.as_deref(),
                times: read.times.clone(),
                addressed: addressed(&args.inputs, read.spec.integrations.default_source()),
                given: given(&args.inputs),
            };
            let explained = explain::policy::explain(&subject, &redact);
            explained
                .map_err(|problems| crate::diagnostic::render(&problems, &read.texts, host.output.colour))
        }
        Err(refused) => Err(refused.text(host.output.colour)),
    };
    match explained {
        Ok(text) => {
            host.output.data(&text);
            Exit::Pass
        }
        Err(faults) => {
            host.output.talk(faults.trim_end());
            Exit::Usage
        }
    }
}

/// The sources whose address an option gives.
fn addressed<'i>(inputs: &'i InputArgs, default: &'i str) -> Vec<&'i str> {
    let by_name = inputs.integration.iter().filter_map(|option| {
        let (name, rest) = option.split_once('.')?;
        let key = rest.split('=').next()?;
        matches!(key, "url" | "base_url").then_some(name)
    });
    by_name.chain(inputs.prometheus.as_ref().map(|_| default)).collect()
}

/// The options that say what a run is about, for a line to copy. What an integration is given may be a secret.
fn given(inputs: &InputArgs) -> Vec<(&'static str, String)> {
    let mut words = Vec::new();
    let mut add =
        |option, value: Option<String>| words.extend(value.into_iter().map(|value| (option, value)));
    let span = |span: &std::time::Duration| humantime::format_duration(*span).to_string().replace(' ', "");
    add("--prometheus", inputs.prometheus.clone());
    for option in &inputs.integration {
        let (path, _) = option.split_once('=').unwrap_or((option, ""));
        let open = path.ends_with(".url") || path.ends_with(".delay") || path.ends_with(".dialect");
        add("--integration", Some(if open { option.clone() } else { format!("{path}=VALUE") }));
    }
    add("--service", inputs.service.clone());
    add("--environment", inputs.environment.clone());
    add("--version", inputs.version.clone());
    add("--previous-version", inputs.previous_version.clone());
    add("--deployed-at", inputs.deployed_at.clone());
    add("--deployment-id", inputs.deployment_id.clone());
    add("--start", inputs.start.clone());
    add("--last", inputs.last.as_ref().map(span));
    add("--duration", inputs.duration.as_ref().map(span));
    for file in &inputs.values {
        add("--values", Some(file.display().to_string()));
    }
    for set in &inputs.set {
        add("--set", Some(set.clone()));
    }
    add("--secrets-dir", inputs.secrets_dir.as_ref().map(|folder| folder.display().to_string()));
    words
}
