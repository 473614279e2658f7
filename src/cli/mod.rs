//! The command line: clap definitions, one file per subcommand that has work of its own. Must not hide defaults
//! elsewhere or do the work of a stage; the conductor in `run` calls the stages.

pub(crate) mod backtest;
mod environment;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod inputs;
pub(crate) mod issue;
pub(crate) mod lint;
pub(crate) mod notify;
pub(crate) mod packs;
pub(crate) mod render;
pub(crate) mod rules;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod secret;
pub(crate) mod time;
pub(crate) mod trigger;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::exit::{Exit, TABLE};
use crate::host::Host;

/// The gate a pipeline runs after a deployment: keep it, warn, or roll it back.
#[derive(Debug, Parser)]
#[command(name = "rollgate", version, disable_help_subcommand = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure, judge, act, report
    Run(Box<run::RunArgs>),
    /// Show the plan as it would run: ticks, resolved queries, requests; no network
    Render(Box<render::RenderArgs>),
    /// Say in plain words what a policy watches and what fails it, or why a report's verdict came about; no network
    Explain(Box<explain::ExplainArgs>),
    /// Check policies, each file alone, for faults and for what is hardly meant
    Lint(Box<lint::LintArgs>),
    /// Say what a policy would have said of deployments of the past, and how often that is wrong
    Backtest(Box<backtest::BacktestArgs>),
    /// Write a policy's checks as Prometheus alerting rules, so that they are watched for good
    Rules(Box<rules::RulesArgs>),
    /// Start the pipelines that a policy maps an event to, such as an issue of Jira that reaches a status
    Trigger(Box<trigger::TriggerArgs>),
    /// Tell people of a build, a deployment, an alert, or a gate's report
    Notify(Box<notify::NotifyArgs>),
    /// Write a policy of your own from a pack
    Init(init::InitArgs),
    /// List the packs, policies that come with rollgate, or print one
    Packs(packs::PacksArgs),
    /// Encrypt secrets for a policy and sign webhooks, or the reverse
    Secret(secret::SecretArgs),
    /// Show issues of a policy's tracker, comment on them, move and link them
    Issue(issue::IssueArgs),
    /// Print the JSON Schema of a document
    Schema(schema::SchemaArgs),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// The whole command line, environment variables and exit codes in its help.
pub(crate) fn command() -> clap::Command {
    let codes: Vec<String> =
        TABLE.iter().map(|(exit, words)| format!("  {:>3}  {words}", exit.code())).collect();
    let help = format!("Exit codes:\n{}", codes.join("\n"));
    let with_help = |command: clap::Command| {
        let own = match command.get_name() {
            "run" => help.as_str(),
            "lint" => {
                "Exit codes:\n    0  no faults, and nothing that is denied\n    2  faults, or what is denied\n    1  a file could not be written"
            }
            "backtest" => {
                "Exit codes:\n    0  done, whatever the verdicts\n    1  a source does not answer, or it could not be written\n    2  usage or policy fault, or no deployment can be judged\n  130  interrupted: what was judged by then is shown"
            }
            "rules" => {
                "Exit codes:\n    0  done\n    1  no check has a rule, it could not be written or loaded, or `--check` found a difference\n    2  usage or policy fault"
            }
            "secret" => {
                "Exit codes:\n    0  done, or what was checked holds\n    1  it does not hold, or it could not be done: no key, another key\n    2  usage fault"
            }
            "trigger" => {
                "Exit codes:\n    0  done, also where nothing matches\n    1  the event is refused, or a pipeline is not confirmed to be started\n    2  usage or policy fault, or it is no event"
            }
            "notify" => {
                "Exit codes:\n    0  everybody was told\n    1  somebody was not, or it is not known\n    2  usage or policy fault: nobody was told"
            }
            "issue" => {
                "Exit codes:\n    0  done\n    1  something of it failed, or may have\n    2  usage or policy fault"
            }
            _ => "Exit codes:\n    0  done\n    1  it could not be written\n    2  usage or policy fault",
        };
        environment::document(after(command, own))
    };
    let command = Cli::command().after_help(help.clone());
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_help))
}

/// `command`, and those below it, with `help` at its end.
fn after(command: clap::Command, help: &str) -> clap::Command {
    command.after_help(help.to_owned()).mut_subcommands(|below| after(below, help))
}

/// Reads `args` (the program's name first), completed by `ROLLGATE_…` variables, and does what they say.
pub(crate) async fn main(args: Vec<String>, host: Host) -> Exit {
    let command = command();
    let args = environment::complete(&command, args, &host.env);
    let parsed = command.try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => {
            // A run's code is its verdict; of the other commands what they print is all there is.
            let whole = !matches!(cli.command, Command::Run(_));
            let exit = dispatch(cli.command, &host).await;
            if whole && exit == Exit::Pass && host.output.lost_data() { Exit::Failure } else { exit }
        }
        Err(error) if error.use_stderr() => {
            host.output.talk(error.to_string().trim_end());
            Exit::Usage
        }
        Err(help) => {
            host.output.data(&help.to_string());
            Exit::Pass
        }
    }
}

async fn dispatch(command: Command, host: &Host) -> Exit {
    match command {
        Command::Run(args) => crate::run::run(&args, host).await,
        Command::Render(args) => render::render(&args, host).await,
        Command::Explain(args) => explain::explain(&args, host),
        Command::Lint(args) => lint::lint(&args, host).await,
        Command::Backtest(args) => crate::backtest::backtest(&args, host).await,
        Command::Rules(args) => rules::rules(&args, host).await,
        Command::Trigger(args) => trigger::trigger(&args, host).await,
        Command::Notify(args) => notify::notify(&args, host).await,
        Command::Init(args) => init::init(&args, host),
        Command::Packs(args) => packs::packs(&args, host),
        Command::Secret(args) => secret::secret(&args, host),
        Command::Issue(args) => issue::issue(&args, host).await,
        Command::Schema(args) => schema::schema(&args, host),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut self::command(), "rollgate", &mut script);
            host.output.data(&String::from_utf8_lossy(&script));
            Exit::Pass
        }
    }
}
