//! The state file: which rollbacks were begun and how they ended, one JSON object a line, so that a run knows what earlier
//! ones did. Must stay pure: who reads and writes the file is the ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gate::outcome::ActionStatus;
use crate::host::clock::{between, later};

/// What each line says it is, and begins with.
const SCHEMA: &str = "rollgate.state/v1";
const BEGINS: &str = "{\"schema\":\"rollgate.state/v1\"";

/// What `max_per_day` counts within.
const DAY: Duration = Duration::from_secs(86_400);

/// What was rolled back: the run and its deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct About {
    /// The policy's name.
    pub(super) policy: String,
    /// What was deployed.
    pub(super) service: Option<String>,
    /// Where.
    pub(super) environment: Option<String>,
    /// Which version.
    pub(super) version: Option<String>,
    /// What tells the deployment from others.
    pub(super) deployment: String,
    /// The run that rolls it back.
    pub(super) run_id: String,
}

/// A trigger as lines name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// Its once-only id.
    pub(super) id: String,
    /// Its kind.
    pub(super) kind: &'static str,
    /// Whom it goes to, masked.
    pub(super) target: String,
}

/// How firing ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// How.
    pub(super) status: ActionStatus,
    /// Where to follow what was started.
    pub(super) url: Option<String>,
    /// What its system knows it by.
    pub(super) handle: Option<String>,
}

/// How a trigger stands, as far as the file knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was not fired, or that failed.
    Open,
    /// It was about to be fired, and nobody knows how that ended: when, and by which run.
    Begun(Timestamp, String),
    /// It was fired and confirmed: when, and by which run.
    Confirmed(Timestamp, String, End),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    schema: String,
    /// When, as RFC 3339.
    at: Timed,
    /// `intent` before it is fired, `end` after.
    step: Step,
    id: String,
    kind: String,
    target: String,
    policy: String,
    service: Option<String>,
    environment: Option<String>,
    version: Option<String>,
    deployment: String,
    run_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Intent,
    End,
}

/// A moment, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
struct Timed(Timestamp);

impl From<Timed> for String {
    fn from(Timed(at): Timed) -> Self {
        format!("{at:.3}")
    }
}

impl TryFrom<String> for Timed {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

/// What the file knows.
#[derive(Debug, Default)]
pub(super) struct State {
    lines: Vec<Line>,
    /// The numbers of lines that cannot be read; what a killed run has torn off is none of them.
    pub(super) unread: Vec<usize>,
}

impl State {
    /// Reads the file's `text`.
    ///
    /// # Errors
    /// What it is instead of a state file.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(text);
        let (mut state, mut ours) = (Self::default(), text.trim().is_empty());
        for (number, line) in text.split('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match serde_json::from_str::<Line>(line) {
                Ok(line) if line.schema == SCHEMA => state.lines.push(line),
                _ if BEGINS.starts_with(line) || line.starts_with(BEGINS) => {
                    ours = true;
                    // A whole object that lacks something is no torn line.
                    if line.trim_end().ends_with('}') {
                        state.unread.push(number + 1);
                    }
                }
                _ => state.unread.push(number + 1),
            }
        }
        if state.lines.is_empty() && !ours {
            return Err(format!("expected lines of `{SCHEMA}`, found something else"));
        }
        Ok(state)
    }

    /// How the trigger `id` stands. One yes is a yes, whatever came of other attempts.
    pub(super) fn standing(&self, id: &str) -> Standing {
        // Runs at the same time write their lines between each other's.
        let mut runs: BTreeMap<&str, &Line> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| line.id == id) {
            if let Some(end) = line.confirmed() {
                return Standing::Confirmed(line.at.0, line.run_id.clone(), end);
            }
            runs.insert(&line.run_id, line);
        }
        let begun = runs.values().filter(|line| line.may_have_happened()).max_by_key(|line| line.at);
        begun.map_or(Standing::Open, |line| Standing::Begun(line.at.0, line.run_id.clone()))
    }

    /// The guards that hold a rollback of `about` back at `now`, each with its name and a sentence: too soon after another,
    /// or too many of them.
    pub(super) fn held(
        &self,
        about: &About,
        now: Timestamp,
        cooldown: Duration,
        max_per_day: u32,
    ) -> Vec<(&'static str, String)> {
        let others = self.others(about);
        let what = match (&about.service, &about.environment) {
            (Some(service), Some(environment)) => format!("`{service}` in `{environment}`"),
            (Some(service), None) => format!("`{service}`"),
            (None, _) => format!("what `{}` watches", about.policy),
        };
        let mut held = Vec::new();
        let last = others.iter().max_by_key(|line| line.at).filter(|line| between(line.at.0, now) < cooldown);
        if let Some(last) = last {
            let ago = humantime::format_duration(Duration::from_secs(between(last.at.0, now).as_secs()));
            let over = later(last.at.0, cooldown);
            let span = humantime::format_duration(cooldown);
            held.push((
                "cooldown",
                format!(
                    "{what} was rolled back {ago} ago, by {}: `cooldown` is {span}, over at {over:.0}",
                    last.run_id
                ),
            ));
        }
        let mut today: Vec<Timestamp> =
            others.iter().map(|line| line.at.0).filter(|at| between(*at, now) < DAY).collect();
        today.sort_unstable();
        let count = u32::try_from(today.len()).unwrap_or(u32::MAX);
        if count >= max_per_day
            && let Some(oldest) = today.get((count - max_per_day) as usize)
        {
            let over = later(*oldest, DAY);
            held.push((
                "max_per_day",
                format!("{what} was rolled back {count} times within 24 hours: `max_per_day` is {max_per_day}, free at {over:.0}"),
            ));
        }
        held
    }

    /// The last line of each other deployment of the same service that was, or may have been, rolled back: the beginning of
    /// it.
    fn others(&self, about: &About) -> Vec<&Line> {
        let mut deployments: BTreeMap<(&str, Option<&str>), &Line> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| line.step == Step::Intent && line.is_of(about)) {
            let key = (line.deployment.as_str(), line.version.as_deref());
            if key != (about.deployment.as_str(), about.version.as_deref())
                && self.standing(&line.id) != Standing::Open
            {
                deployments.insert(key, line);
            }
        }
        deployments.into_values().collect()
    }
}

impl Line {
    fn is_of(&self, about: &About) -> bool {
        self.policy == about.policy && self.service == about.service && self.environment == about.environment
    }

    fn confirmed(&self) -> Option<End> {
        let confirmed =
            self.step == Step::End && self.status.as_deref() == Some(ActionStatus::Confirmed.word());
        confirmed.then(|| End {
            status: ActionStatus::Confirmed,
            url: self.url.clone(),
            handle: self.handle.clone(),
        })
    }

    /// Whether the receiver may have got what this line is about.
    fn may_have_happened(&self) -> bool {
        self.step == Step::Intent || self.status.as_deref() != Some(ActionStatus::Failed.word())
    }
}

/// What is added to the file `text` so that it says that the trigger `named` is about to be fired, or how that ended.
pub(super) fn added(text: &[u8], about: &About, named: &Named, end: Option<&End>, at: Timestamp) -> Vec<u8> {
    let line = Line {
        schema: SCHEMA.to_owned(),
        at: Timed(at),
        step: if end.is_some() { Step::End } else { Step::Intent },
        id: named.id.clone(),
        kind: named.kind.to_owned(),
        target: named.target.clone(),
        policy: about.policy.clone(),
        service: about.service.clone(),
        environment: about.environment.clone(),
        version: about.version.clone(),
        deployment: about.deployment.clone(),
        run_id: about.run_id.clone(),
        status: end.map(|end| end.status.word().to_owned()),
        url: end.and_then(|end| end.url.clone()),
        handle: end.and_then(|end| end.handle.clone()),
    };
    // What a killed run has torn off stays a line of its own.
    let mut added =
        if text.last().is_none_or(|last| *last == b'\n') { String::new() } else { "\n".to_owned() };
    // A struct of texts is always JSON.
    added.push_str(&serde_json::to_string(&line).unwrap_or_default());
    added.push('\n');
    added.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn about(deployment: &str, run: &str) -> About {
        About {
            policy: "gate".into(),
            service: Some("shop".into()),
            environment: Some("production".into()),
            version: None,
            deployment: deployment.into(),
            run_id: run.into(),
        }
    }

    fn named(id: &str) -> Named {
        Named { id: id.into(), kind: "webhook", target: "https://h.example/r".into() }
    }

    fn end(status: ActionStatus) -> End {
        End { status, url: Some("https://ci.example/1".into()), handle: Some("1".into()) }
    }

    /// A file of steps: the deployment, the run, the id, the second, and how it ended.
    fn file(steps: &[(&str, &str, &str, i64, Option<ActionStatus>)]) -> Vec<u8> {
        let mut text = Vec::new();
        for (deployment, run, id, second, status) in steps {
            let ended = status.map(end);
            let new = added(&text, &about(deployment, run), &named(id), ended.as_ref(), at(*second));
            text.extend(new);
        }
        text
    }

    const DONE: Option<ActionStatus> = Some(ActionStatus::Confirmed);
    const NO: Option<ActionStatus> = Some(ActionStatus::Failed);
    const MAYBE: Option<ActionStatus> = Some(ActionStatus::Unknown);

    #[test]
    fn a_trigger_stands_as_its_runs_left_it() {
        let begun = |second, run: &str| Standing::Begun(at(second), run.into());
        let confirmed =
            |second, run: &str| Standing::Confirmed(at(second), run.into(), end(ActionStatus::Confirmed));
        for (steps, expected) in [
            (&[("d", "r1", "b", 0, None)][..], Standing::Open),
            (&[("d", "r1", "a", 0, None)], begun(0, "r1")),
            (&[("d", "r1", "a", 0, None), ("d", "r1", "a", 1, DONE)], confirmed(1, "r1")),
            (&[("d", "r1", "a", 0, None), ("d", "r1", "a", 1, NO)], Standing::Open),
            (&[("d", "r1", "a", 0, None), ("d", "r1", "a", 1, MAYBE)], begun(1, "r1")),
            // Of two runs at once, one that has failed does not speak for the other.
            (
                &[("d", "r1", "a", 0, None), ("d", "r2", "a", 1, None), ("d", "r1", "a", 2, NO)],
                begun(1, "r2"),
            ),
            (
                &[("d", "r1", "a", 0, None), ("d", "r2", "a", 1, None), ("d", "r1", "a", 2, DONE)],
                confirmed(2, "r1"),
            ),
            (
                &[("d", "r1", "a", 0, DONE), ("d", "r2", "a", 1, None), ("d", "r2", "a", 2, NO)],
                confirmed(0, "r1"),
            ),
        ] {
            let state = State::read(&file(steps)).unwrap();
            assert_eq!(state.standing("a"), expected, "{steps:?}");
            assert_eq!(state.unread, Vec::<usize>::new());
        }
    }

    #[test]
    fn a_line_that_was_torn_is_survived_wherever_it_was() {
        let whole = file(&[("d", "r1", "a", 0, None), ("d", "r1", "a", 1, DONE)]);
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in 0..whole.len() {
            let state = State::read(&whole[..cut]).unwrap_or_else(|error| panic!("{cut}: {error}"));
            let begun = cut + 1 >= first;
            let expected = if cut + 1 >= whole.len() {
                Standing::Confirmed(at(1), "r1".into(), end(ActionStatus::Confirmed))
            } else if begun {
                Standing::Begun(at(0), "r1".into())
            } else {
                Standing::Open
            };
            assert_eq!(state.standing("a"), expected, "{cut}");
            assert_eq!(state.unread, Vec::<usize>::new(), "{cut}");
            // What is added later is read, and what was torn stays away.
            let mut later = whole[..cut].to_vec();
            later.extend(added(&later, &about("d", "r2"), &named("b"), None, at(2)));
            let state = State::read(&later).unwrap();
            assert_eq!(state.standing("b"), Standing::Begun(at(2), "r2".into()), "{cut}");
            assert_eq!(state.standing("a"), expected, "{cut}");
        }
    }

    #[test]
    fn what_is_no_state_is_told() {
        assert!(State::read(b"").is_ok() && State::read(b"\n\n").is_ok());
        for text in ["{}", "rollback: true\n", "{\"schema\":\"rollgate.report/v1\"}\n", "\u{0}\u{0}"] {
            assert!(State::read(text.as_bytes()).unwrap_err().contains("rollgate.state/v1"), "{text:?}");
        }
        let mut odd = file(&[("d", "r1", "a", 0, None)]);
        odd.extend(b"what is this\n{\"schema\":\"rollgate.state/v1\",\"at\":\"never\"}\n\0\0\0\n\xff\xfe\n");
        let state = State::read(&odd).unwrap();
        assert_eq!(state.unread, [2, 3, 4, 5]);
        assert_eq!(state.standing("a"), Standing::Begun(at(0), "r1".into()));
    }

    #[test]
    fn another_rollback_soon_after_is_held_back() {
        let hour = Duration::from_secs(3600);
        let text = file(&[("d1", "r1", "a", 0, None), ("d1", "r1", "a", 5, DONE)]);
        let state = State::read(&text).unwrap();
        let held = |deployment: &str, second: i64| state.held(&about(deployment, "r9"), at(second), hour, 3);
        assert_eq!(held("d1", 60), [], "the same deployment is no other rollback");
        assert_eq!(held("d2", 3600), []);
        let found = held("d2", 754);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0],
            (
                "cooldown",
                "`shop` in `production` was rolled back 12m 34s ago, by r1: `cooldown` is 1h, over at 2023-11-14T23:13:20Z"
                    .to_owned()
            )
        );
        // A clock that is behind another's is no reason to begin.
        assert_eq!(held("d2", -30).len(), 1);
        assert_eq!(state.held(&about("d2", "r9"), at(1), Duration::ZERO, 3), []);
        let elsewhere = About { environment: Some("staging".into()), ..about("d2", "r9") };
        assert_eq!(state.held(&elsewhere, at(60), hour, 3), []);
        let failed = State::read(&file(&[("d1", "r1", "a", 0, None), ("d1", "r1", "a", 5, NO)])).unwrap();
        assert_eq!(failed.held(&about("d2", "r9"), at(60), hour, 1), []);
        let unknown = State::read(&file(&[("d1", "r1", "a", 0, None)])).unwrap();
        assert_eq!(unknown.held(&about("d2", "r9"), at(60), hour, 3).len(), 1);
    }

    #[test]
    fn too_many_within_a_day_are_held_back() {
        let hours = |count: i64| count * 3600;
        let deployments = [("d1", "a", 0), ("d2", "b", 2), ("d3", "c", 4)];
        let steps: Vec<_> = deployments
            .iter()
            .flat_map(|(d, id, hour)| {
                [(*d, "r1", *id, hours(*hour), None), (*d, "r1", *id, hours(*hour) + 1, DONE)]
            })
            .collect();
        let state = State::read(&file(&steps)).unwrap();
        let held = |deployment: &str, hour: i64, most: u32| {
            let found =
                state.held(&about(deployment, "r9"), at(hours(hour)), Duration::from_secs(3600), most);
            found.into_iter().map(|(guard, _)| guard).collect::<Vec<_>>()
        };
        assert_eq!(held("d4", 6, 3), ["max_per_day"]);
        assert_eq!(held("d4", 6, 4), Vec::<&str>::new());
        assert_eq!(held("d4", 24, 3), Vec::<&str>::new());
        assert_eq!(
            held("d3", 6, 3),
            Vec::<&str>::new(),
            "of a deployment that is counted it is no further one"
        );
        let told = state.held(&about("d4", "r9"), at(hours(6)), Duration::ZERO, 2).remove(0).1;
        assert!(
            told.contains("3 times within 24 hours: `max_per_day` is 2, free at 2023-11-16T00:13:20Z"),
            "{told}"
        );
    }
}
