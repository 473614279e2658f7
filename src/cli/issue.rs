//! `rollgate issue`: shows issues of a policy's tracker, comments on them, moves and links them. Must not speak to a tracker
//! itself, and must not let what one answers command a terminal or a pipeline.

mod args;

use serde_json::{Value, json};

pub(crate) use self::args::IssueArgs;
use self::args::{CommentArgs, Form, KeyArgs, Went, What};
use crate::api::effect::Acted;
use crate::api::{Allowance, Effect};
use crate::exit::Exit;
use crate::gate::outcome::ActionStatus;
use crate::host::Host;
use crate::notify::TIMEOUT;
use crate::notify::compose::Composed;
use crate::notify::message::{Fact, LinkTo, Message, Status, Subject};
use crate::prepare::tracker::tracker;
use crate::report::words::clean;
use crate::track::note::Note;
use crate::track::{Details, Issues, Step, Tracker, issues};

/// Characters of a text that is written at most.
const LONGEST: usize = 20_000;

/// Does what `args` say; exit 0, 1 where something of it failed, or 2 with faults.
pub(super) async fn issue(args: &IssueArgs, host: &Host) -> Exit {
    let reach = match &args.what {
        What::Show(args) => &args.reach,
        What::Comment(args) => &args.reach,
        What::Transition(args) => &args.reach,
        What::Link(args) => &args.reach,
    };
    let (tracker, warnings) = match tracker(&reach.inputs(), reach.to.as_deref(), host) {
        Ok(found) => found,
        Err(refused) => {
            host.output.talk(refused.text(host.output.colour).trim_end());
            return Exit::Usage;
        }
    };
    for warning in warnings {
        host.output.talk(&format!("warning: {warning}"));
    }
    // Preparing refuses a tracker without issues.
    let Some(known) = tracker.issues() else { return Exit::Usage };
    let done = match &args.what {
        What::Show(args) => match keys(known, &args.keys, host).await {
            Ok(keys) => return show(known, &keys, reach.format, host).await,
            Err(fault) => Err(fault),
        },
        What::Comment(args) => match (keys(known, &args.keys, host).await, note(args, host)) {
            (Ok(keys), Ok(note)) => {
                Ok(keys.into_iter().map(|issue| Step::Comment { issue, note: note.clone() }).collect())
            }
            (Err(fault), _) | (_, Err(fault)) => Err(fault),
        },
        What::Transition(args) => keys(known, &args.keys, host).await.map(|keys| {
            keys.into_iter().map(|issue| Step::Transition { issue, to: args.to_status.clone() }).collect()
        }),
        What::Link(args) => known.issue(&args.key).and_then(|issue| {
            let other = known.issue(&args.other)?;
            Ok(vec![Step::Link { issue, kind: args.r#type.clone(), other }])
        }),
    };
    match done {
        Ok(steps) => act(&*tracker, &steps, reach.format, host).await,
        Err(fault) => {
            host.output.talk(&format!("error: {fault}"));
            Exit::Usage
        }
    }
}

/// The issues that are given and those that commits mention, each once.
async fn keys(known: &dyn Issues, args: &KeyArgs, host: &Host) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut add = |issue: String| {
        if !found.contains(&issue) {
            found.push(issue);
        }
    };
    for key in &args.keys {
        add(known.issue(key)?);
    }
    if let Some(range) = &args.commits {
        known.mentioned(&issues::commits(range, host).await?).into_iter().for_each(&mut add);
    }
    if found.len() > issues::MOST {
        return Err(format!(
            "{} issues are named, and at most {} are taken at once",
            found.len(),
            issues::MOST
        ));
    }
    if found.is_empty() {
        return Err("the commits mention no issue".to_owned());
    }
    Ok(found)
}

/// What the comment says.
fn note(args: &CommentArgs, host: &Host) -> Result<Note, String> {
    let redactor = &host.output.redactor;
    let text = match args.text.as_deref() {
        Some("-") => Some(stdin(host)?),
        other => other.map(str::to_owned),
    };
    let text = text.map(|text| {
        let lines: Vec<String> = redactor.redact(&text).lines().map(clean).collect();
        lines.join("\n").chars().take(LONGEST).collect::<String>()
    });
    let Some(went) = args.status else {
        let note = Note::text(&text.unwrap_or_default());
        return if note.blocks.is_empty() {
            Err("the text to be written is empty".to_owned())
        } else {
            Ok(note)
        };
    };
    let now = host.clock.now();
    let at = args.deployed_at.as_deref().map(|text| super::time::parse(text, now)).transpose();
    let at = at.map_err(|fault| format!("`--deployed-at`: {fault}"))?.unwrap_or(now);
    let by = args.deployed_by.as_deref().or_else(|| crate::pipeline::actor(&host.env));
    let what: Vec<&str> = [args.service.as_deref(), args.version.as_deref()].into_iter().flatten().collect();
    let composed = Composed {
        subject: Subject::Deployment,
        status: match went {
            Went::Success => Status::Success,
            Went::Failed => Status::Failed,
            Went::Running => Status::Running,
            Went::Cancelled => Status::Cancelled,
        },
        about: what.join(" "),
        reason: None,
        text: None,
        facts: vec![
            (Fact::Service, args.service.clone()),
            (Fact::Environment, args.environment.clone()),
            (Fact::Version, args.version.clone()),
            (Fact::DeployedAt, Some(format!("{at:.0}"))),
            (Fact::DeployedBy, by.map(str::to_owned)),
        ],
        links: vec![(LinkTo::Run, args.url.clone().or_else(|| crate::pipeline::run_url(&host.env)))],
        of: Vec::new(),
        occasion: String::new(),
    };
    let note = Note::of(&Message { text, ..Message::composed(&composed, now, redactor) });
    // Who asks for a comment by hand wants it, however often.
    Ok(Note { id: None, ..note })
}

/// All that stdin says, up to what can be written.
fn stdin(host: &Host) -> Result<String, String> {
    let mut text = String::new();
    while text.len() <= 4 * LONGEST {
        match host.input.line() {
            Ok(Some(line)) => text.push_str(&format!("{line}\n")),
            Ok(None) => break,
            Err(error) => return Err(format!("stdin cannot be read: {error}")),
        }
    }
    Ok(text)
}

/// Does `steps` one after the other.
async fn act(tracker: &dyn Tracker, steps: &[Step], form: Form, host: &Host) -> Exit {
    let mut exit = Exit::Pass;
    let mut records = Vec::new();
    for step in steps {
        let allowance = Allowance::alone(host, TIMEOUT);
        let done = host.clock.timeout(TIMEOUT, tracker.run(step, &allowance)).await;
        let action = Acted {
            kind: tracker.kind(),
            purpose: "track",
            target: tracker.target(step),
            attempts: allowance.attempts(),
            id: None,
            took: std::time::Duration::ZERO,
        };
        let record = done.unwrap_or_else(late).record(action, &host.output.redactor);
        let word = record.status.word();
        let target = clean(&record.target);
        let mut said = format!("{word}: {target}");
        for more in [&record.reason, &record.url].into_iter().flatten() {
            said.push_str(&format!("; {}", clean(more)));
        }
        if record.status != ActionStatus::Confirmed {
            exit = Exit::Failure;
            host.output.talk(&format!("error: {said}"));
        } else if form == Form::Text {
            host.output.data(&format!("{said}\n"));
        }
        records.push(json!({
            "target": target,
            "status": word,
            "http_status": record.http_status,
            "reason": record.reason.as_deref().map(clean),
            "url": record.url.as_deref().map(clean),
        }));
    }
    if form == Form::Json {
        host.output.data(&format!("{:#}\n", Value::Array(records)));
    }
    exit
}

fn late() -> Effect {
    let limit = humantime::format_duration(TIMEOUT);
    let told = format!("there was no answer within {limit}; it may have been received");
    Effect::because(ActionStatus::Unknown, told)
}

/// Prints what the tracker knows of `keys`.
async fn show(known: &dyn Issues, keys: &[String], form: Form, host: &Host) -> Exit {
    let mut exit = Exit::Pass;
    let mut all = Vec::new();
    for key in keys {
        let allowance = Allowance::alone(host, TIMEOUT);
        let shown = host.clock.timeout(TIMEOUT, known.show(key, &allowance)).await;
        match shown.unwrap_or_else(|| Err(late())) {
            Ok(details) => {
                let details = cleaned(&details, host);
                if form == Form::Text {
                    host.output.data(&text(&details));
                }
                all.push(json!({
                    "issue": details.issue,
                    "summary": details.summary,
                    "status": details.status,
                    "type": details.kind,
                    "priority": details.priority,
                    "assignee": details.assignee,
                    "description": details.description,
                    "url": details.url,
                }));
            }
            Err(effect) => {
                exit = Exit::Failure;
                let why = effect.reason.unwrap_or_default();
                host.output.talk(&format!(
                    "error: {}: {}",
                    clean(key),
                    clean(&host.output.redactor.redact(&why))
                ));
            }
        }
    }
    if form == Form::Json {
        host.output.data(&format!("{:#}\n", Value::Array(all)));
    }
    exit
}

/// The same without secrets, and without characters that command whoever shows them.
fn cleaned(details: &Details, host: &Host) -> Details {
    let line = |text: &str| clean(&host.output.redactor.redact(text)).trim().to_owned();
    let optional = |text: &Option<String>| text.as_deref().map(line).filter(|text| !text.is_empty());
    let description =
        host.output.redactor.redact(&details.description).lines().map(clean).collect::<Vec<_>>();
    Details {
        issue: line(&details.issue),
        summary: line(&details.summary),
        status: line(&details.status),
        assignee: optional(&details.assignee),
        kind: line(&details.kind),
        priority: optional(&details.priority),
        description: description.join("\n").trim_end().to_owned(),
        url: optional(&details.url),
    }
}

fn text(details: &Details) -> String {
    let mut text = format!("{}  {}\n", details.issue, details.summary);
    let nobody = "nobody".to_owned();
    let rows = [
        ("status", Some(&details.status)),
        ("type", Some(&details.kind)),
        ("priority", details.priority.as_ref()),
        ("assignee", Some(details.assignee.as_ref().unwrap_or(&nobody))),
        ("page", details.url.as_ref()),
    ];
    for (name, value) in rows {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push_str(&format!("  {name:9} {value}\n"));
        }
    }
    // A bar before each line: a pipeline takes lines that begin with `::` for commands to it.
    for line in details.description.lines() {
        text.push_str(format!("  | {line}").trim_end());
        text.push('\n');
    }
    text
}
