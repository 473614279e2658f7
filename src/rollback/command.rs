//! The `command` trigger: starts a program, never a shell, and takes exit code 0 for a yes. Must not put a value
//! anywhere but into one argument of its own.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{ACTING, Effect, Order, Trigger, TriggerCx, TriggerKind, TriggerSpec};
use crate::api::keep::{End, keep};
use crate::gate::outcome::ActionStatus;
use crate::host::process::Program;
use crate::policy::form::Form;
use crate::policy::node::{Data, Node};
use crate::policy::problem::{Problem, Problems};
use crate::policy::reader::{Field, Reader, Shape, compile};
use crate::policy::spoken::{Settled, settled, span};
use crate::policy::template::{Context, Scope, Template};
use crate::policy::value::Value;
use crate::report::words;

/// How long a program may run, where the policy does not say.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The `command` trigger.
pub struct Command;

static FIELDS: &[Field] = &[
    Field::required("argv", Shape::List(Form::TEXT), "the program and its arguments; no shell reads them"),
    Field::new("timeout", Shape::Duration, "how long the program may run, at most `2m`").default("60s"),
    Field::new(
        "honours_id",
        Shape::Flag,
        "whether the program, started twice with one `ROLLGATE_ID`, begins one rollback only",
    )
    .default("false"),
];

#[derive(Debug)]
struct Spec {
    argv: Vec<Template>,
    timeout: Option<Value<Duration>>,
    honours_id: Option<Value<bool>>,
}

impl TriggerKind for Command {
    fn name(&self) -> &'static str {
        "command"
    }

    fn summary(&self) -> &'static str {
        "starts a program on the machine of the gate"
    }

    fn example(&self) -> &'static str {
        "kind: command\nargv: [\"./rollback.sh\", \"{{service_name}}\"]\ntimeout: 90s\n"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn parse(&self, body: &mut Reader<'_, '_>) -> Option<Box<dyn TriggerSpec>> {
        if let Some(Node { data: Data::Text(line), place }) = body.node("argv") {
            let problem = Problem::at(*place, "expected a list for `argv`, found one text");
            let words: Vec<String> = line.split_whitespace().map(|word| format!("\"{word}\"")).collect();
            let help = format!("no shell reads it: write each argument on its own, `[{}]`", words.join(", "));
            body.problems.push(problem.help(help));
            return None;
        }
        let written = body.list("argv");
        if let Some(node) = body.node("argv").filter(|node| node.data == Data::List(Vec::new())) {
            body.fault(node.place, "expected a program for `argv`, found an empty list");
        }
        let argv: Vec<Template> =
            written.iter().filter_map(|node| compile(node, Context::Text, body.problems)).collect();
        let timeout = body.value("timeout");
        let honours_id = body.value("honours_id");
        (!argv.is_empty() && argv.len() == written.len())
            .then(|| Box::new(Spec { argv, timeout, honours_id }) as Box<dyn TriggerSpec>)
    }
}

impl TriggerSpec for Spec {
    fn told(&self, scope: &Scope) -> String {
        let words: Vec<String> = self.argv.iter().map(|word| word.settled(scope).text).collect();
        let timeout = settled(self.timeout.as_ref(), scope, &mut Problems::default());
        let timeout = timeout.unwrap_or(Settled::Known(TIMEOUT)).say(|limit| span(*limit));
        format!("runs `{}` on the gate's machine; confirmed by exit code 0 within {timeout}", words.join(" "))
    }

    fn render(&self, cx: &TriggerCx<'_>, problems: &mut Problems) -> Option<Box<dyn Trigger>> {
        let mut argv = Vec::with_capacity(self.argv.len());
        for template in &self.argv {
            match template.render(cx.scope) {
                Ok(argument) if argument.contains('\0') => {
                    problems
                        .push(Problem::at(template.place, "expected an argument without a NUL character"));
                }
                Ok(argument) if argv.is_empty() && argument.is_empty() => {
                    problems.push(Problem::at(template.place, "expected a program, found an empty text"));
                }
                Ok(argument) => argv.push(argument),
                Err(problem) => problems.push(problem),
            }
        }
        let timeout = match &self.timeout {
            None => TIMEOUT,
            Some(written) => match written.render(cx.scope) {
                Ok(limit) if limit.is_zero() || limit > ACTING => {
                    let found = humantime::format_duration(limit);
                    let message = format!("expected a `timeout` above zero and up to `2m`, found `{found}`");
                    let help =
                        "acting ends after two minutes: start what takes longer, and do not wait for it";
                    problems.push(Problem::at(written.place(), message).help(help));
                    return None;
                }
                Ok(limit) => limit,
                Err(problem) => {
                    problems.push(problem);
                    return None;
                }
            },
        };
        let honours_id = self.honours_id.as_ref().map(|written| written.render(cx.scope)).transpose();
        let honours_id = honours_id.map_err(|problem| problems.push(problem)).ok()?.unwrap_or_default();
        let prepared = Prepared { argv, timeout, honours_id };
        (prepared.argv.len() == self.argv.len()).then(|| Box::new(prepared) as Box<dyn Trigger>)
    }
}

/// A program, ready to be started.
#[derive(Debug)]
struct Prepared {
    argv: Vec<String>,
    timeout: Duration,
    honours_id: bool,
}

impl Trigger for Prepared {
    fn kind(&self) -> &'static str {
        Command.name()
    }

    fn target(&self) -> String {
        self.argv.join(" ")
    }

    /// Arguments may differ from run to run, such as a run id.
    fn identity(&self) -> String {
        self.argv.first().cloned().unwrap_or_default()
    }

    fn budget(&self) -> Duration {
        self.timeout
    }

    fn honours_id(&self) -> bool {
        self.honours_id
    }

    fn fire<'a>(&'a self, order: &'a Order<'a>) -> BoxFuture<'a, Effect> {
        Box::pin(async move {
            let event = match order.allowance.host.files.temporary("rollgate-event", &order.event.json) {
                Ok(file) => file,
                Err(error) => {
                    let why = format!("the event's file cannot be written: {error}");
                    return Effect::because(ActionStatus::Failed, why);
                }
            };
            let handed = order.event.handed().into_iter().map(|(name, value)| (name.to_owned(), value));
            let file = ("ROLLGATE_EVENT".to_owned(), event.path.to_string_lossy().into_owned());
            let env = handed.chain([file]).collect();
            if !order.allowance.begin() {
                return Effect::because(
                    ActionStatus::Failed,
                    "the run was ended before the program was started",
                );
            }
            let program = Program { argv: self.argv.clone(), env };
            let limit = self.timeout.min(order.allowance.left());
            let run =
                order.allowance.host.clock.timeout(limit, order.allowance.host.programs.run(program)).await;
            let ended = match run {
                Some(Ok(ended)) => ended,
                Some(Err(error)) => {
                    let name = self.argv.first().map_or("", String::as_str);
                    let why = format!("`{name}` cannot be started: {error}");
                    return Effect::because(ActionStatus::Failed, why);
                }
                None => {
                    let span = words::span(limit);
                    let why =
                        format!("the program did not end within {span} and was killed: it may have begun");
                    return Effect::because(ActionStatus::Unknown, why);
                }
            };
            let (status, reason) = match ended.code {
                Some(0) => (ActionStatus::Confirmed, None),
                Some(code) => (ActionStatus::Failed, Some(format!("expected exit code 0, found {code}"))),
                None => (ActionStatus::Failed, Some("a signal ended the program".to_owned())),
            };
            let response = keep(&order.allowance.host.output.redactor, &ended.output, End::Last);
            Effect { reason, response, ..Effect::of(status) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::outcome::ActionRecord;
    use crate::host::process::{Ended, Programs};
    use crate::rollback::testing::{fire, host, problems, real_host};

    async fn once(yaml: &str) -> ActionRecord {
        let (mut actions, _) = fire(yaml, &real_host()).await;
        assert_eq!(actions.len(), 1);
        actions.remove(0)
    }

    fn sh(script: &str) -> String {
        format!("kind: command\nargv:\n- /bin/sh\n- -c\n- |-\n  {script}\n- gate\n- \"{{{{odd}}}}\"\n")
    }

    #[tokio::test]
    async fn exit_code_zero_confirms() {
        let action = once(&sh("printf 'a\\tb %s' \"$1\"")).await;
        assert_eq!((action.status, action.attempts), (ActionStatus::Confirmed, 1));
        assert_eq!(action.response.as_deref(), Some("a b a\"&b=c"));
        assert_eq!(action.reason, None);
    }

    #[tokio::test]
    async fn any_other_exit_code_does_not() {
        let action = once(&sh("echo told; echo why >&2; exit 3")).await;
        assert_eq!(action.status, ActionStatus::Failed);
        assert_eq!(action.reason.as_deref(), Some("expected exit code 0, found 3"));
        assert_eq!(action.response.as_deref(), Some("told why"));
        let action = once(&sh("kill -9 $$")).await;
        assert_eq!(action.reason.as_deref(), Some("a signal ended the program"));
        let action = once("kind: command\nargv: [/nowhere/rollback]\n").await;
        assert_eq!(action.status, ActionStatus::Failed);
        assert!(action.reason.unwrap().starts_with("`/nowhere/rollback` cannot be started: "));
    }

    #[tokio::test]
    async fn the_program_knows_what_to_roll_back() {
        let shown =
            "printf '%s|%s|%s|' \"$ROLLGATE_VERDICT\" \"$ROLLGATE_PIPELINE\" \"$ROLLGATE_ROLLBACK_OF\"";
        let action = once(&sh(&format!("{shown}; cat \"$ROLLGATE_EVENT\""))).await;
        let response = action.response.unwrap();
        let (start, event) = response.split_once("|{").unwrap();
        assert_eq!(start, "rollback|rollback-checkout|1.4.0");
        let event: serde_json::Value = serde_json::from_str(&format!("{{{event}")).unwrap();
        assert_eq!(event["schema"], "rollgate.event/v1");
        assert_eq!(event["id"].as_str(), action.id.as_deref());
    }

    #[tokio::test]
    async fn the_events_file_goes_with_the_program() {
        let action = once(&sh("printf %s \"$ROLLGATE_EVENT\"")).await;
        let path = action.response.unwrap();
        assert!(path.contains("rollgate-event") && !std::path::Path::new(&path).exists(), "{path}");
    }

    /// A program that never ends, and says when it is dropped, which kills a real one.
    #[derive(Clone, Default)]
    struct Endless(std::sync::Arc<std::sync::atomic::AtomicBool>);

    struct Killed(Endless);

    impl Drop for Killed {
        fn drop(&mut self) {
            self.0.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }

    impl Programs for Endless {
        fn run(&self, _: Program) -> BoxFuture<'_, std::io::Result<Ended>> {
            let killed = Killed(self.clone());
            Box::pin(async move {
                let _killed = killed;
                std::future::pending().await
            })
        }
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_killed() {
        let endless = Endless::default();
        let mut host = host(&[]).0;
        host.programs = std::sync::Arc::new(endless.clone());
        let (actions, confirmed) = fire("kind: command\nargv: [sleep, \"99\"]\ntimeout: 90s\n", &host).await;
        assert!(!confirmed && endless.0.load(std::sync::atomic::Ordering::Relaxed));
        assert_eq!((actions[0].status, actions[0].took.as_secs()), (ActionStatus::Unknown, 90));
        assert!(actions[0].reason.as_ref().unwrap().contains("within 1m 30s and was killed"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_real_program_is_killed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = format!("echo $$ > {}; exec sleep 600", file.path().display());
        let mut host = real_host();
        // The time-out comes as soon as the program has told its number, however slow the machine is.
        host.clock = std::sync::Arc::new(Told(file.path().to_owned()));
        let (actions, _) = fire(&format!("{}timeout: 1s\n", sh(&script)), &host).await;
        assert_eq!(actions[0].status, ActionStatus::Unknown);
        let number = read(file.path()).unwrap();
        let process = format!("/proc/{}/stat", number.trim());
        let state = || read(process.as_ref()).and_then(|s| s.split(' ').nth(2).map(str::to_owned));
        // Killed at once, reaped by the runtime when it gets round to it.
        while state().is_some_and(|state| state != "Z") {
            tokio::task::yield_now().await;
        }
    }

    fn read(path: &std::path::Path) -> Option<String> {
        use crate::host::files::{Files as _, SystemFiles};
        String::from_utf8(SystemFiles.read(path).ok()?).ok()
    }

    /// A clock on which every wait of a second ends once a file has text, and no other does.
    struct Told(std::path::PathBuf);

    impl crate::host::clock::Clock for Told {
        fn now(&self) -> jiff::Timestamp {
            crate::rollback::testing::start()
        }

        fn sleep_until(&self, at: jiff::Timestamp) -> BoxFuture<'static, ()> {
            let path = self.0.clone();
            let short = at.duration_since(self.now()).as_secs() == 1;
            Box::pin(async move {
                while !short || read(&path).is_none_or(|text| !text.ends_with('\n')) {
                    tokio::task::yield_now().await;
                }
            })
        }
    }

    #[test]
    fn every_fault_is_told() {
        for (yaml, expected) in [
            ("kind: command", "`argv` is missing in a `command` trigger"),
            ("kind: command\nargv: ./rollback.sh now", "expected a list for `argv`, found one text"),
            ("kind: command\nargv: []", "expected a program for `argv`, found an empty list"),
            ("kind: command\nargv: [[x]]", "expected a text, found a list"),
            ("kind: command\nargv: [\"\"]", "expected a program, found an empty text"),
            ("kind: command\nargv: [x]\ntimeout: 5m", "above zero and up to `2m`, found `5m`"),
            ("kind: command\nargv: [x]\ntimeout: soon", "expected a duration"),
            ("kind: command\nargv: [x, \"{{nobody}}\"]", "the variable `nobody` is not defined"),
            ("kind: command\nargv: [x]\nshell: true", "`shell` is not a field of a `command` trigger"),
        ] {
            let found = problems(yaml);
            assert!(found.iter().any(|p| p.contains(expected)), "{yaml}\n{found:?}");
        }
    }
}
