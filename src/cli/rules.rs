//! `rollgate rules`: a policy's checks as alerting rules, printed, put into a file, or given to the server. Must not make
//! the rules; `crate::rules` does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::inputs::{InputArgs, span};
use crate::api::Remote;
use crate::exit::Exit;
use crate::host::Host;
use crate::prepare::standing::{Lasting, lasting};
use crate::rules::{self, Group, Wanted, difference, load};

/// `rollgate rules`.
#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct RulesArgs {
    /// What the policy is rendered with.
    #[command(flatten)]
    pub inputs: InputArgs,

    /// The name of the group of rules [default: the policy's name]
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,

    /// The metrics integration whose rules are written [default: the one that checks ask which name none]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,

    /// Give every alert a label
    #[arg(long, value_name = "K=V")]
    pub label: Vec<String>,

    /// How long a breach must last before an alert fires [default: as long as the gate's `max_failures` take]
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    pub lasting: Option<Duration>,

    /// How often the group is evaluated [default: as the server has it]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub interval: Option<Duration>,

    /// Leave out the alerts that tell that there is no data
    #[arg(long)]
    pub no_absence: bool,

    /// The scrape job of a blackbox exporter that probes what HTTP and TCP checks do, for rules of its results
    #[arg(long, value_name = "NAME")]
    pub blackbox_job: Option<String>,

    /// Where to write the rules: a file, or a directory such as `rules/` for `rules/GROUP.yml`; `-` is stdout
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub out: PathBuf,

    /// Have the Prometheus at this address read its files anew, with the auth of the integration
    #[arg(long, value_name = "URL", conflicts_with_all = ["check", "mimir"])]
    pub reload: Option<String>,

    /// Give the group to the Mimir at this address instead, with the auth and headers of the integration
    #[arg(long, value_name = "URL", conflicts_with = "check")]
    pub mimir: Option<String>,

    /// The namespace of the group in Mimir
    #[arg(long, value_name = "NAME", default_value = "rollgate")]
    pub namespace: String,

    /// Write nothing, and exit 1 where the file at `--out` holds anything else
    #[arg(long)]
    pub check: bool,
}

/// Makes the rules; exit 0, 1 where something could not be done, or 2 with faults.
pub(super) async fn rules(args: &RulesArgs, host: &Host) -> Exit {
    let lasting = match lasting(&args.inputs, host) {
        Ok(lasting) => lasting,
        Err(refused) => {
            host.output.talk(refused.text(host.output.colour).trim_end());
            return Exit::Usage;
        }
    };
    let wanted = match wanted(args, &lasting) {
        Ok(wanted) => wanted,
        Err(fault) => {
            host.output.talk(&format!("error: {fault}"));
            return Exit::Usage;
        }
    };
    let server = match server(args, &lasting, &wanted, host) {
        Ok(server) => server,
        Err(told) => {
            host.output.talk(told.trim_end());
            return Exit::Usage;
        }
    };
    let group = rules::rules(&lasting.policy, &lasting.bound, &wanted);
    for (check, why) in group.left_out() {
        host.output.talk(&format!("warning: `{}` is left out: {}", plain(check), plain(why)));
    }
    for rule in group.rules() {
        rule.notes
            .iter()
            .for_each(|note| host.output.talk(&format!("note: `{}`: {}", rule.alert, plain(note))));
    }
    match attempt(args, &group, server.as_ref(), host).await {
        Ok(exit) => exit,
        Err(why) => {
            host.output.talk(&format!("error: {}", plain(&why)));
            Exit::Failure
        }
    }
}

async fn attempt(
    args: &RulesArgs,
    group: &Group,
    server: Option<&Remote>,
    host: &Host,
) -> Result<Exit, String> {
    if group.rules().next().is_none() {
        return Err("no check has a rule: nothing is written".to_owned());
    }
    // By their names alone: from wherever they are read, the rules are the same.
    let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let names: Vec<String> = args.inputs.policy.iter().map(name).collect();
    let from = names.join(", ");
    let text = rules::file(group, &from);
    if host.output.redactor.redact(&text) != text {
        return Err(
            "a secret would stand in the rules, for all who read them: take it out of the policy".to_owned()
        );
    }
    let path = place(&args.out, &group.name, host);
    if args.check {
        return check(&path, &text, host);
    }
    if args.out == Path::new("-") {
        if args.mimir.is_none() {
            host.output.data(&text);
        }
    } else {
        let written = host.files.replace(&path, text.as_bytes());
        written.map_err(|error| format!("`{}` cannot be written: {error}", path.display()))?;
        host.output.talk(&format!("wrote {} rules to `{}`", group.rules().count(), path.display()));
    }
    let Some(server) = server else { return Ok(Exit::Pass) };
    let done = if args.mimir.is_some() {
        load::give(server, (&group.name, rules::group(group, &from)), &args.namespace, host).await?
    } else {
        load::reload(server, &group.name, &path.display().to_string(), host).await?
    };
    host.output.talk(&plain(&done));
    Ok(Exit::Pass)
}

/// The server that is to have the rules, if one is named; else what is wrong with it.
fn server(
    args: &RulesArgs,
    lasting: &Lasting,
    wanted: &Wanted,
    host: &Host,
) -> Result<Option<Remote>, String> {
    let Some(url) = args.reload.as_ref().or(args.mimir.as_ref()) else { return Ok(None) };
    let resolved = lasting.server(&wanted.source, url, &args.inputs, host);
    let resolved = resolved.map_err(|refused| refused.text(host.output.colour))?;
    load::server(&resolved, host)
        .map(Some)
        .map_err(|why| format!("error: `{}` cannot be used: {why}", wanted.source))
}

/// Whether the file at `path` is `text`; what it has else is shown.
fn check(path: &Path, text: &str, host: &Host) -> Result<Exit, String> {
    let held =
        host.files.read(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let Some(lines) = difference(&String::from_utf8_lossy(&held), text) else {
        host.output.talk(&format!("`{}` is as the policy has it", path.display()));
        return Ok(Exit::Pass);
    };
    let shown: Vec<String> = lines.iter().map(|line| plain(line)).collect();
    host.output.data(&format!("{}\n", host.output.redactor.redact(&shown.join("\n"))));
    host.output
        .talk(&format!("`{}` is not as the policy has it: write it anew without `--check`", path.display()));
    Ok(Exit::Failure)
}

/// The file that `out` means for the group `name`.
fn place(out: &Path, name: &str, host: &Host) -> PathBuf {
    let folder = host.files.is_folder(out) || out.as_os_str().to_string_lossy().ends_with(['/', '\\']);
    if !folder {
        return out.to_owned();
    }
    let fits = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let stem: String = name.chars().map(fits).collect();
    out.join(format!("{stem}.yml"))
}

/// What the options ask for.
fn wanted(args: &RulesArgs, lasting: &Lasting) -> Result<Wanted, String> {
    let integrations = &lasting.spec.integrations;
    let source = args.source.clone().unwrap_or_else(|| integrations.default_source().to_owned());
    if !lasting.spec.sources().contains(source.as_str()) && args.source.is_some() {
        return Err(format!("`--source {source}`: no check asks it"));
    }
    let mut labels: Vec<(String, String)> = Vec::new();
    for label in &args.label {
        let Some((name, value)) = label.split_once('=') else {
            return Err(format!("expected `--label NAME=VALUE`, found `--label {label}`"));
        };
        let name = name.trim();
        if let Some(fault) = rules::label_fault(name) {
            return Err(format!("`--label {label}`: {fault}"));
        }
        if labels.iter().any(|(other, _)| other == name) {
            return Err(format!("`--label {name}` is given twice"));
        }
        labels.push((name.to_owned(), value.to_owned()));
    }
    if args.check && args.out == Path::new("-") {
        return Err("`--check` compares with a file: say which with `--out PATH`".to_owned());
    }
    if args.reload.is_some() && args.out == Path::new("-") {
        return Err("`--reload` has files read anew: say which is written with `--out PATH`".to_owned());
    }
    if args.interval.is_some_and(|interval| interval.is_zero()) {
        return Err("expected an `--interval` above zero, found `0s`".to_owned());
    }
    let service = args.inputs.service.as_deref().or_else(|| lasting.scope.get("service_name"));
    Ok(Wanted {
        group: args.group.clone().unwrap_or_else(|| lasting.policy.name.clone()),
        source,
        service: service.filter(|name| !name.is_empty()).map(str::to_owned),
        environment: args.inputs.environment.clone(),
        labels,
        probes: args.blackbox_job.clone(),
        lasting: args.lasting,
        interval: args.interval,
        absence: !args.no_absence,
    })
}

/// `text` without what would steer a terminal.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}
