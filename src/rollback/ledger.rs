//! Reads and writes the state file while a rollback is begun: which triggers were fired already, which guards hold by it, and
//! what this run does. Must never lose a rollback: where the file cannot be had any more, it is a warning and the trigger
//! is fired.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::time::Duration;

use super::guards::Held;
use super::state::{About, End, Named, Standing, State, added};
use super::{ACTING, Trigger};
use crate::api::{Allowance, Effect};
use crate::event::{Event, service};
use crate::gate::outcome::{ActionStatus, Record};
use crate::host::Host;
use crate::host::clock::{between, later};
use crate::policy::guards::Guards as Limits;

/// How long another run may be at the file.
const PATIENCE: Duration = Duration::from_secs(5);
/// From one look at a file that another run is at to the next.
const LOOK: Duration = Duration::from_millis(50);
/// From one look for the end of what another run has begun to the next.
const POLL: Duration = Duration::from_secs(1);

/// Whether the state file at `path` can be read and written; it is made where there is none.
///
/// # Errors
/// Why not, in one line.
pub fn check(path: &Path, host: &Host) -> Result<(), String> {
    let mut refused = None;
    let looked = host.files.amend(path, &mut |text| {
        refused = State::read(text).err();
        Ok(Vec::new())
    });
    let shown = path.display();
    match (refused, looked) {
        (Some(found), _) => Err(format!("`{shown}` is no state file: {found}")),
        // Somebody else is at it, and it will be let go.
        (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        (None, Err(error)) => Err(format!("the state file `{shown}` cannot be read and written: {error}")),
        (None, Ok(())) => Ok(()),
    }
}

/// The state file of a run, or none.
pub(super) struct Ledger<'a> {
    /// The world.
    pub(super) host: &'a Host,
    path: Option<&'a Path>,
    about: About,
    named: Vec<Named>,
    honours: Vec<bool>,
    /// The trigger whose intent is written before its turn has come.
    claimed: Cell<Option<usize>>,
    warnings: RefCell<Vec<String>>,
    /// Whether all the time that another run may be at the file has been waited for.
    waited: Cell<bool>,
}

/// What may be done with a trigger.
enum Claim {
    Fire,
    /// Another run may be at it at this moment.
    Wait,
    Leave(Effect),
}

impl<'a> Ledger<'a> {
    /// The state at `path` of firing `triggers` with `events` after the run of `record`.
    pub(super) fn new(
        path: Option<&'a Path>,
        deployment: &str,
        record: &Record,
        triggers: &[Box<dyn Trigger>],
        events: &[Event],
        host: &'a Host,
    ) -> Self {
        let redact = |text: &str| host.output.redactor.redact(text).into_owned();
        let text = |text: Option<&str>| text.map(redact);
        let about = About {
            policy: redact(&record.policy),
            service: text(service(record)),
            environment: text(record.environment.as_deref()),
            version: text(record.version.as_deref()),
            deployment: redact(deployment),
            run_id: record.run_id.clone(),
        };
        let named = |trigger: &dyn Trigger, event: &Event| Named {
            id: event.id.clone(),
            kind: trigger.kind(),
            target: redact(&trigger.target()),
        };
        Self {
            host,
            path,
            about,
            named: triggers.iter().zip(events).map(|(trigger, event)| named(&**trigger, event)).collect(),
            honours: triggers.iter().map(|trigger| trigger.honours_id()).collect(),
            claimed: Cell::new(None),
            warnings: RefCell::default(),
            waited: Cell::new(false),
        }
    }

    /// The guards that hold by the file, beside `others` which hold without; none where every trigger was confirmed
    /// already, since nothing will be sent. Where nothing holds, the first trigger to be fired is claimed in the same step:
    /// of two runs at once one sees the other.
    pub(super) async fn open(&self, others: Vec<Held>, limits: &Limits) -> Vec<Held> {
        let now = self.host.clock.now();
        let held = RefCell::new(others);
        let looked = self
            .amend(|state, text| {
                let mut held = held.borrow_mut();
                let standings: Vec<Standing> =
                    self.named.iter().map(|named| state.standing(&named.id)).collect();
                let first =
                    standings.iter().position(|standing| !matches!(standing, Standing::Confirmed(..)));
                let Some(first) = first else {
                    held.clear();
                    return Vec::new();
                };
                held.extend(state.held(&self.about, now, limits.cooldown, limits.max_per_day));
                let Some(named) = self.named.get(first).filter(|_| held.is_empty()) else {
                    return Vec::new();
                };
                if !matches!(self.claim(first, standings.get(first), None), Claim::Fire) {
                    return Vec::new();
                }
                self.claimed.set(Some(first));
                added(text, &self.about, named, None, now)
            })
            .await;
        if looked.is_err() {
            self.claimed.set(None);
        }
        held.into_inner()
    }

    /// Claims the trigger `index` for this run before it is fired: nothing where it is to be fired, else what is known of
    /// it.
    pub(super) async fn begin(&self, index: usize, allowance: &Allowance<'_>) -> Option<Effect> {
        if self.claimed.take() == Some(index) {
            return None;
        }
        loop {
            let now = self.host.clock.now();
            let claim = RefCell::new(Claim::Fire);
            let looked = self
                .amend(|state, text| {
                    let Some(named) = self.named.get(index) else { return Vec::new() };
                    let standing = state.standing(&named.id);
                    *claim.borrow_mut() = self.claim(index, Some(&standing), Some(allowance));
                    match *claim.borrow() {
                        Claim::Fire => added(text, &self.about, named, None, now),
                        _ => Vec::new(),
                    }
                })
                .await;
            match claim.into_inner() {
                _ if looked.is_err() => return None,
                Claim::Fire => return None,
                Claim::Leave(effect) => return Some(effect),
                // At the end of the run it is left as it is, and told.
                Claim::Wait => drop(allowance.pause(POLL).await),
            }
        }
    }

    /// Writes down how firing the trigger `index` ended.
    pub(super) async fn end(&self, index: usize, effect: &Effect) {
        let Some(named) = self.named.get(index) else { return };
        let redact = |text: &String| self.host.output.redactor.redact(text).into_owned();
        let end = End {
            status: effect.status,
            url: effect.url.as_ref().map(redact),
            handle: effect.handle.as_ref().map(redact),
        };
        let now = self.host.clock.now();
        // That it cannot be written is a warning already.
        let _ = self.amend(|_, text| added(text, &self.about, named, Some(&end), now)).await;
    }

    /// What people should know of the file.
    pub(super) fn warnings(self) -> Vec<String> {
        self.warnings.into_inner()
    }

    /// What may be done with the trigger `index` that stands so; without an allowance nothing is waited for.
    fn claim(&self, index: usize, standing: Option<&Standing>, allowance: Option<&Allowance<'_>>) -> Claim {
        let (at, run) = match standing {
            None | Some(Standing::Open) => return Claim::Fire,
            Some(Standing::Confirmed(at, run, end)) => {
                let reason =
                    format!("already triggered for this deployment at {at:.0} by {run}: not sent again");
                return Claim::Leave(Effect {
                    url: end.url.clone(),
                    handle: end.handle.clone(),
                    ..Effect::because(ActionStatus::Confirmed, reason)
                });
            }
            Some(Standing::Begun(..)) if self.honours.get(index) == Some(&true) => return Claim::Fire,
            Some(Standing::Begun(at, run)) => (*at, run),
        };
        // No run is at it longer than acting takes.
        let over = self.host.clock.now() >= later(at, ACTING);
        let waits = allowance.is_some_and(|allowance| !allowance.ended() && allowance.left() > 2 * POLL);
        if !over && waits {
            return Claim::Wait;
        }
        let file = self.path.unwrap_or(Path::new("")).display();
        Claim::Leave(Effect::because(
            ActionStatus::Unknown,
            format!(
                "{run} began it at {at:.0}, and how that ended is not known: look whether a rollback runs; to begin it again, \
                 delete its lines from `{file}` or pass another `--deployment-id`"
            ),
        ))
    }

    /// Lets `change` read the state and add to the file. Without a file it is nothing that can fail.
    async fn amend(&self, change: impl Fn(&State, &[u8]) -> Vec<u8>) -> Result<(), ()> {
        let Some(path) = self.path else { return Ok(()) };
        let began = self.host.clock.now();
        loop {
            let mut unread = Vec::new();
            let done = self.host.files.amend(path, &mut |text| {
                let state = State::read(text).map_err(io::Error::other)?;
                unread.clone_from(&state.unread);
                Ok(change(&state, text))
            });
            for line in unread {
                let shown = path.display();
                self.warn(format!(
                    "line {line} of the state file `{shown}` cannot be read and is not counted"
                ));
            }
            match done {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.waited.get() => {
                    self.host.clock.sleep(LOOK).await;
                    self.waited.set(between(began, self.host.clock.now()) >= PATIENCE);
                }
                Err(error) => {
                    let shown = path.display();
                    self.warn(format!(
                        "the state file `{shown}` cannot be kept ({error}): the rollback is begun all the same, and a later \
                         run may not know of it"
                    ));
                    return Err(());
                }
            }
        }
    }

    /// Keeps a warning, once.
    fn warn(&self, warning: String) {
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}
