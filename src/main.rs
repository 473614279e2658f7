//! The binary: builds the real host, hands over the arguments, returns the exit code. A panic becomes exit 1 and
//! must never look like a verdict.

use std::process::ExitCode;

use rollgate::exit::Exit;
use rollgate::host::Host;

#[expect(clippy::disallowed_methods, reason = "the arguments enter here")]
fn main() -> ExitCode {
    let args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let host = Host::system();
    let output = host.output.clone();
    // The message of a panic may hold anything: it goes through the redactor like all talk.
    let talk = output.clone();
    std::panic::set_hook(Box::new(move |panic| {
        talk.talk(&format!("error: rollgate itself failed: {panic}\nhelp: please report this; it is a bug"));
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let exit = match runtime {
        Ok(runtime) => {
            let run = std::panic::AssertUnwindSafe(|| runtime.block_on(rollgate::run(args, host)));
            let exit = std::panic::catch_unwind(run).unwrap_or(Exit::Failure);
            // A look-up that hangs in the system's resolver must not keep the process.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            output.talk(&format!("error: the runtime cannot start: {error}"));
            Exit::Failure
        }
    };
    ExitCode::from(exit.code())
}
