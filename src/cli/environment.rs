//! Every option has an environment variable `ROLLGATE_…`: an empty one is unset, `false` and `0` unset a flag, and
//! an option that may be repeated takes one value a line. The command line wins. Commands of a command are no different.

use clap::{Arg, ArgAction};

use crate::host::env::Env;

fn variable(arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|long| !matches!(*long, "help" | "version"));
    // `--version` of `run` is the deployed version; clap's own flag has no value.
    let long = long.or_else(|| arg.get_long().filter(|l| *l == "version" && arg.get_action().takes_values()));
    long.map(|long| format!("ROLLGATE_{}", long.to_uppercase().replace('-', "_")))
}

/// Names each option's variable in its help, and in that of the commands below.
pub(super) fn document(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| match (variable(&arg), arg.get_help().map(ToString::to_string)) {
        (Some(variable), Some(help)) => arg.help(format!("{help} [env: {variable}]")),
        _ => arg,
    });
    command.mut_subcommands(document)
}

/// Options that stand for one another: where one is given, the variables of the others are not read.
const INSTEAD: [(&str, &str); 6] = [
    ("last", "start"),
    ("last", "duration"),
    ("start", "last"),
    ("duration", "last"),
    ("quiet", "verbose"),
    ("verbose", "quiet"),
];

/// `args` with an option added for each variable that is set and whose option is not given, behind the command, or the
/// command of a command, that takes it.
pub(super) fn complete(command: &clap::Command, args: Vec<String>, env: &Env) -> Vec<String> {
    let is_command = |arg: &&String| !arg.starts_with('-');
    let Some(first) = args.iter().skip(1).position(|arg| is_command(&arg)) else { return args };
    let (mut at, mut above) = (first + 1, command);
    let mut complete: Vec<String> = args[..at].to_vec();
    while let Some(below) = args.get(at).filter(is_command).and_then(|name| above.find_subcommand(name)) {
        complete.push(args[at].clone());
        complete.extend(missing(below, &args, env));
        (at, above) = (at + 1, below);
    }
    complete.extend_from_slice(&args[at..]);
    complete
}

/// The options of `command` that `args` do not give and `env` does.
fn missing(command: &clap::Command, args: &[String], env: &Env) -> Vec<String> {
    let given = |long: &str| {
        let exact = format!("--{long}");
        let with_value = format!("--{long}=");
        let short = command.get_arguments().find(|a| a.get_long() == Some(long)).and_then(Arg::get_short);
        let is = |arg: &String| {
            let bundle = arg.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
            *arg == exact
                || arg.starts_with(&with_value)
                || bundle.is_some_and(|bundle| short.is_some_and(|short| bundle.contains(short)))
        };
        args.iter().take_while(|arg| *arg != "--").any(is)
    };
    let mut added = Vec::new();
    for arg in command.get_arguments() {
        let (Some(long), Some(variable)) = (arg.get_long(), variable(arg)) else { continue };
        let Some(value) = env.get(&variable) else { continue };
        if given(long) || INSTEAD.iter().any(|(one, other)| *other == long && given(one)) {
            continue;
        }
        match arg.get_action() {
            ArgAction::SetTrue if matches!(value, "false" | "0") => {}
            ArgAction::SetTrue => added.push(format!("--{long}")),
            ArgAction::Append => {
                let lines = value.lines().filter(|line| !line.trim().is_empty());
                added.extend(lines.map(|line| format!("--{long}={line}")));
            }
            _ => added.push(format!("--{long}={value}")),
        }
    }
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(args: &[&str], env: &[(&str, &str)]) -> Vec<String> {
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        complete(&super::super::command(), args.iter().map(|a| (*a).to_owned()).collect(), &env)
    }

    #[test]
    fn variables_stand_in_for_options() {
        let env = [
            ("ROLLGATE_SET", "a=1\n\nb=2"),
            ("ROLLGATE_DRY_RUN", "false"),
            ("ROLLGATE_NO_ACTIONS", "1"),
            ("ROLLGATE_SERVICE", ""),
            ("ROLLGATE_VERSION", "1.2.3"),
            ("ROLLGATE_START", "5m-ago"),
            ("ROLLGATE_ROLLOUT_STARTED", "9m-ago"),
        ];
        let args = completed(&["rollgate", "run", "p.yaml", "--last", "5m"], &env);
        assert_eq!(
            args,
            [
                "rollgate",
                "run",
                "--set=a=1",
                "--set=b=2",
                "--version=1.2.3",
                "--rollout-started=9m-ago",
                "--no-actions",
                "p.yaml",
                "--last",
                "5m"
            ]
        );
    }

    #[test]
    fn commands_of_a_command_stay_what_they_are() {
        let env = [("ROLLGATE_SET", "a=1"), ("ROLLGATE_OUTPUT", "p.yaml"), ("ROLLGATE_VERBOSE", "1")];
        let show = ["rollgate", "packs", "show", "envoy"];
        assert_eq!(completed(&show, &env), show);
        let init = completed(&["rollgate", "init", "envoy", "-o-"], &env);
        assert_eq!(init, ["rollgate", "init", "--set=a=1", "envoy", "-o-"]);
    }

    #[test]
    fn commands_below_take_variables_too() {
        let option = |name: &'static str| Arg::new(name).long(name);
        let below =
            clap::Command::new("build").arg(option("project")).arg(option("to").action(ArgAction::Append));
        let notify = clap::Command::new("notify").arg(option("channel")).subcommand(below);
        let command = clap::Command::new("rollgate").subcommand(notify);
        let env = [("ROLLGATE_PROJECT", "shop"), ("ROLLGATE_TO", "a\nb"), ("ROLLGATE_CHANNEL", "c")];
        let env = env.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let complete = |args: &[&str]| {
            super::complete(&command, args.iter().map(|a| (*a).to_owned()).collect(), &env).join(" ")
        };
        assert_eq!(
            complete(&["rollgate", "notify", "build", "x"]),
            "rollgate notify --channel=c build --project=shop --to=a --to=b x"
        );
        assert_eq!(
            complete(&["rollgate", "notify", "build", "--to", "z", "--project=p"]),
            "rollgate notify --channel=c build --to z --project=p"
        );
        assert_eq!(complete(&["rollgate", "notify", "other"]), "rollgate notify --channel=c other");
        assert_eq!(complete(&["rollgate", "-V"]), "rollgate -V");
    }

    #[test]
    fn the_command_line_wins() {
        let env = [("ROLLGATE_VERSION", "1"), ("ROLLGATE_QUIET", "1"), ("ROLLGATE_VERBOSE", "1")];
        let args = completed(&["rollgate", "run", "--version=9", "-q", "p.yaml"], &env);
        assert_eq!(args, ["rollgate", "run", "--version=9", "-q", "p.yaml"]);
    }
}
