//! The outside world: clock, environment, files, network, HTTP, programs, signals, output, secrets. Nothing else
//! in the crate may touch any of them (clippy enforces it), so that a whole run can be played on a virtual host.

mod announce;
pub mod clock;
pub mod env;
pub mod fernet;
pub mod files;
pub mod http;
pub mod input;
pub mod net;
pub mod output;
pub mod process;
pub mod rehearsal;
pub mod secret;
pub mod signals;
pub mod tls;
pub mod trace;
pub mod vault;

use std::sync::Arc;

/// Everything that a run may ask of the world.
#[derive(Clone)]
pub struct Host {
    /// Time.
    pub clock: Arc<dyn clock::Clock>,
    /// The environment, as it was at the start.
    pub env: Arc<env::Env>,
    /// Files.
    pub files: Arc<dyn files::Files>,
    /// HTTP clients for APIs.
    pub http: Arc<dyn http::HttpClients>,
    /// Connections for probes.
    pub net: Arc<dyn net::Net>,
    /// Programs to start.
    pub programs: Arc<dyn process::Programs>,
    /// SIGINT and SIGTERM.
    pub signals: Arc<dyn signals::Signals>,
    /// stdin, for questions.
    pub input: Arc<dyn input::Input>,
    /// stdout and stderr, with redaction.
    pub output: Arc<output::Output>,
    /// Seeds back-off jitter and run ids.
    pub seed: u64,
}

impl Host {
    /// The real world.
    pub fn system() -> Self {
        let env = Arc::new(env::Env::from_process());
        let output = output::Output::system().announcing(&env);
        let clock = Arc::new(clock::SystemClock::start());
        Self {
            http: Arc::new(http::SystemHttp::new(env.clone())),
            clock,
            net: Arc::new(net::SystemNet::new(&env)),
            env,
            files: Arc::new(files::SystemFiles),
            programs: Arc::new(process::SystemPrograms),
            signals: Arc::new(signals::SystemSignals),
            input: Arc::new(input::SystemInput),
            output: Arc::new(output),
            seed: secret::random_seed(),
        }
    }
}
