//! `rollgate init`: a policy of one's own out of a pack, with the values that are given, or asked for where somebody
//! answers. Must not touch the network, and never a file that is there already, unless told to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::packs;
use crate::diagnostic::{self, Sources};
use crate::exit::Exit;
use crate::host::Host;
use crate::host::vault::variable_of;
use crate::packs::{PACKS, Pack, find};
use crate::policy::fill::{Blank, Form};
use crate::policy::problem::{Problem, Problems, did_you_mean, listed};

/// `rollgate init`.
#[derive(Debug, Clone, Args)]
pub(crate) struct InitArgs {
    /// The pack to make it from; `rollgate packs` lists them
    #[arg(value_name = "PACK", value_parser = packs::PackName, hide_possible_values = true)]
    pub pack: Option<String>,

    /// Where to write the policy; `-` is stdout
    #[arg(short, long, value_name = "FILE", default_value = "rollgate.yaml")]
    pub output: PathBuf,

    /// Write a value for a variable into the policy
    #[arg(long, value_name = "K=V")]
    pub set: Vec<String>,

    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,

    /// Leave out the schema that editors check the policy with
    #[arg(long)]
    pub no_schema: bool,
}

/// The name under which packs look for their schema.
const SCHEMA: &str = "policy.schema.json";

/// Why no policy is written.
enum Stop {
    /// The command line is at fault.
    Faults(Problems),
    /// No pack is named and nobody can be asked.
    NoPack,
    /// There is no pack of this name.
    NotAPack(String),
    /// Who was asked has ended it.
    Ended,
    /// The system is at fault.
    Failed(String),
}

/// Writes a policy; exit 0, 1 where it could not be written, or 2 with faults.
pub(super) fn init(args: &InitArgs, host: &Host) -> Exit {
    let stop = match attempt(args, host) {
        Ok(()) => return Exit::Pass,
        Err(stop) => stop,
    };
    let (said, exit) = match stop {
        Stop::Faults(problems) => {
            (diagnostic::render(&problems, &Sources::default(), host.output.colour), Exit::Usage)
        }
        Stop::NoPack => {
            let said =
                format!("error: no pack is named: `rollgate init PACK`, with one of\n{}", packs::table("  "));
            (said, Exit::Usage)
        }
        Stop::NotAPack(problem) => (format!("error: {problem}"), Exit::Usage),
        Stop::Ended => ("\nended: nothing is written".to_owned(), Exit::Failure),
        Stop::Failed(problem) => (format!("error: {problem}"), Exit::Failure),
    };
    host.output.talk(said.trim_end());
    exit
}

fn attempt(args: &InitArgs, host: &Host) -> Result<(), Stop> {
    let to_stdout = args.output == Path::new("-");
    let mut problems = Problems::default();
    if !to_stdout {
        check_place(args, host, &mut problems);
    }
    let pack = match &args.pack {
        Some(name) => find(name).map_err(Stop::NotAPack)?,
        None if !host.input.answers() => return Err(Stop::NoPack),
        None if !problems.is_empty() => return Err(Stop::Faults(problems)),
        None => ask_pack(host)?,
    };
    let form = Form::read(pack.text).map_err(Stop::Faults)?;
    let mut values = given(&args.set, form.blanks(), &mut problems);
    if !problems.is_empty() {
        return Err(Stop::Faults(problems));
    }
    if host.input.answers() {
        ask_values(pack, form.blanks(), &mut values, host)?;
    }
    let text = form.fill(&values);
    if to_stdout {
        host.output.data(&text);
    } else {
        write(&args.output, &text, host)?;
    }
    let schema = if to_stdout || args.no_schema { None } else { schema(&args.output, host)? };
    tell(args, pack, &form, &values, schema.as_deref(), host);
    Ok(())
}

/// Whether a policy can be written to where it is to go; better now than when all has been asked.
fn check_place(args: &InitArgs, host: &Host, problems: &mut Problems) {
    if !args.force && host.files.exists(&args.output) {
        let message = format!("`{}` is there already", args.output.display());
        let help = "`--force` replaces it, `--output FILE` writes to another place";
        problems.push(Problem::nowhere(message).help(help));
    }
    let folder = args.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !host.files.exists(folder)) {
        problems.push(Problem::nowhere(format!("there is no directory `{}`", folder.display())));
    }
}

/// The values of `--set`, which must be those of variables and match them.
fn given(set: &[String], blanks: &[Blank], problems: &mut Problems) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for one in set {
        let Some((name, value)) = one.split_once('=') else {
            problems.push(Problem::nowhere(format!("expected `--set NAME=VALUE`, found `--set {one}`")));
            continue;
        };
        let name = name.trim();
        let names = || blanks.iter().map(|blank| blank.declaration.name());
        let Some(blank) = blanks.iter().find(|blank| blank.declaration.name() == name) else {
            let near = did_you_mean(name, names());
            let help = near.unwrap_or_else(|| format!("its variables are {}", listed(names())));
            problems.push(Problem::nowhere(format!("the pack has no variable `{name}`")).help(help));
            continue;
        };
        match blank.refuses(value) {
            Some(problem) => problems.push(problem),
            None => drop(values.insert(name.to_owned(), value.to_owned())),
        }
    }
    values
}

/// Puts a question and reads the answer.
fn ask(question: &str, host: &Host) -> Result<String, Stop> {
    host.output.talk_raw(question);
    match host.input.line() {
        Ok(Some(line)) => Ok(line.trim().to_owned()),
        Ok(None) => Err(Stop::Ended),
        Err(error) => Err(Stop::Failed(format!("stdin cannot be read: {error}"))),
    }
}

fn ask_pack(host: &Host) -> Result<&'static Pack, Stop> {
    host.output
        .talk(&format!("A policy is made from one of these packs:\n{}", packs::table("  ").trim_end()));
    let first = PACKS.first().map_or("", |pack| pack.name);
    loop {
        let answer = ask(&format!("pack [{first}]: "), host)?;
        match find(if answer.is_empty() { first } else { &answer }) {
            Ok(pack) => return Ok(pack),
            Err(problem) => host.output.talk(&format!("error: {problem}")),
        }
    }
}

/// Asks for every variable that has no value yet.
fn ask_values(
    pack: &Pack,
    blanks: &[Blank],
    values: &mut BTreeMap<String, String>,
    host: &Host,
) -> Result<(), Stop> {
    let open: Vec<&Blank> =
        blanks.iter().filter(|blank| !values.contains_key(blank.declaration.name())).collect();
    if open.is_empty() {
        return Ok(());
    }
    host.output.talk(&format!("{}: {}", pack.name, pack.summary));
    host.output.talk("Enter takes what stands in brackets; Ctrl-D ends without writing anything.");
    for blank in open {
        let name = blank.declaration.name();
        let description = blank.declaration.description().map(|d| format!(": {d}")).unwrap_or_default();
        let default = blank.declaration.default().unwrap_or("given to each run by --set");
        loop {
            let answer = ask(&format!("{name}{description} [{default}]: "), host)?;
            if answer.is_empty() {
                break;
            }
            match blank.refuses(&answer) {
                Some(problem) => host.output.talk(&format!("error: {}", problem.message)),
                None => {
                    values.insert(name.to_owned(), answer);
                    break;
                }
            }
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str, host: &Host) -> Result<(), Stop> {
    let written = host.files.replace(path, text.as_bytes());
    written.map_err(|error| Stop::Failed(format!("`{}` cannot be written: {error}", path.display())))
}

/// Writes the schema beside the policy at `policy`, unless there is one; its path, if it was written.
fn schema(policy: &Path, host: &Host) -> Result<Option<PathBuf>, Stop> {
    let path = policy.with_file_name(SCHEMA);
    if host.files.exists(&path) {
        return Ok(None);
    }
    write(
        &path,
        &format!("{:#}\n", crate::policy::schema::policy(crate::check::KINDS, crate::rollback::TRIGGERS)),
        host,
    )?;
    Ok(Some(path))
}

/// Says what was written, what is left to give, and how to run it.
fn tell(
    args: &InitArgs,
    pack: &Pack,
    form: &Form<'_>,
    values: &BTreeMap<String, String>,
    schema: Option<&Path>,
    host: &Host,
) {
    let to_stdout = args.output == Path::new("-");
    let policy = if to_stdout { "rollgate.yaml".into() } else { args.output.display().to_string() };
    let mut said = if to_stdout {
        format!("the policy is the pack `{}`", pack.name)
    } else {
        format!("wrote `{policy}` from the pack `{}`", pack.name)
    };
    if let Some(path) = schema {
        said.push_str(&format!(", and `{}`, which editors check it with", path.display()));
    }
    let open = form.blanks().iter().map(|blank| &blank.declaration);
    let open: Vec<_> =
        open.filter(|one| one.default().is_none() && !values.contains_key(one.name())).collect();
    if !open.is_empty() {
        said.push_str("\nleft to be given to each run:");
    }
    let width = open.iter().map(|one| one.name().len()).max().unwrap_or_default();
    for one in &open {
        said.push_str(&format!("\n  {:width$}  {}", one.name(), one.description().unwrap_or_default()));
    }
    let secrets: Vec<String> = form.secrets().iter().map(|name| variable_of(name)).collect();
    let secrets = listed(secrets.iter().map(String::as_str));
    said.push_str(&format!("\nrun it after a deployment, its secret in the environment variable {secrets}:"));
    said.push_str(&format!("\n  rollgate run {} --prometheus URL", shell(&policy)));
    for one in &open {
        said.push_str(&format!(" --set {}=VALUE", one.name()));
    }
    host.output.talk(&said);
}

/// `word` as a shell reads it as one word.
fn shell(word: &str) -> String {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '+' | ',' | ':' | '@' | '%');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
