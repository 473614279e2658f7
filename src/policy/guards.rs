//! What may hold a wanted rollback back, and how long a started one is followed. Must stay pure: what else has been rolled
//! back, and when it is now, is for whoever holds it back.

use std::time::Duration;

use super::freeze::{Freeze, FreezeSpec};
use super::node::{Data, Node};
use super::problem::Problems;
use super::reader::{Field, Reader, Shape, value};
use super::spoken::{settled, span as spoken};
use super::template::Scope;
use super::value::{AtLeastOne, Period, Scalar, Value};

/// How long after a rollback no other is begun, where nothing is written.
const PAUSE: Duration = Duration::from_secs(3600);

/// Rollbacks within a day, where nothing is written.
const MOST: u32 = 3;

/// How long what was started is followed, where nothing is written.
const FOLLOWED: Duration = Duration::from_secs(15 * 60);

/// How often it is asked how it stands, where nothing is written.
const ASKED: Duration = Duration::from_secs(10);

/// Whether it must be known what to go back to.
pub const REQUIRE_PREVIOUS: Field = Field::new(
    "require_previous_version",
    Shape::Flag,
    "whether a rollback is held back where `--previous-version` is not known",
)
.default("false");

/// From one rollback to the next.
pub const COOLDOWN: Field = Field::new(
    "cooldown",
    Shape::Duration,
    "how long after a rollback of the service in the environment no other begins; by `--state` only",
)
.default("1h");

/// How many there may be.
pub const MAX_PER_DAY: Field = Field::new(
    "max_per_day",
    Shape::of::<AtLeastOne>(),
    "rollbacks of the service in the environment within 24 hours at most; by `--state` only",
)
.default("3");

/// Whether and how long what was started is followed.
pub const WAIT: Field = Field::new(
    "wait",
    Shape::FlagOr(WAIT_FIELDS),
    "whether the pipeline that was started is followed to its end: `true`, or a mapping of how long",
)
.default("false");

static WAIT_FIELDS: &[Field] = &[
    Field::new("timeout", Shape::of::<Period>(), "how long it is followed at most").default("15m"),
    Field::new("interval", Shape::of::<Period>(), "how often it is asked how it stands").default("10s"),
];

/// The guards as they were read.
#[derive(Debug, Clone, Default)]
pub struct GuardsSpec {
    freezes: Vec<FreezeSpec>,
    require_previous_version: Option<Value<bool>>,
    cooldown: Option<Value<Duration>>,
    max_per_day: Option<Value<AtLeastOne>>,
    wait: Option<WaitSpec>,
}

#[derive(Debug, Clone, Default)]
struct WaitSpec {
    word: Option<Value<bool>>,
    timeout: Option<Value<Period>>,
    interval: Option<Value<Period>>,
}

/// What may hold a wanted rollback back.
#[derive(Debug, Clone)]
pub struct Guards {
    /// When nothing is rolled back.
    pub freezes: Vec<Freeze>,
    /// Whether it must be known what to go back to.
    pub require_previous_version: bool,
    /// From one rollback of a service in an environment to the next; zero for at once.
    pub cooldown: Duration,
    /// Rollbacks of a service in an environment within 24 hours at most.
    pub max_per_day: u32,
    /// Whether one of the two is written.
    pub limited: bool,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            freezes: Vec::new(),
            require_previous_version: false,
            cooldown: PAUSE,
            max_per_day: MOST,
            limited: false,
        }
    }
}

/// How long what was started is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// At most.
    pub timeout: Duration,
    /// From one question to the next.
    pub interval: Duration,
}

impl GuardsSpec {
    /// Reads the guards of a `rollback_policy`.
    pub fn read(body: &mut Reader<'_, '_>) -> Self {
        let items = body.items("freeze");
        Self {
            freezes: items.iter().filter_map(|item| FreezeSpec::read(item, body.problems)).collect(),
            require_previous_version: body.value("require_previous_version"),
            cooldown: body.value("cooldown"),
            max_per_day: body.value("max_per_day"),
            wait: body.node("wait").and_then(|node| wait(node, body.problems)),
        }
    }

    /// The guards of a run, and how long it follows what it started; all that is wrong is reported.
    pub fn render(&self, scope: &Scope, problems: &mut Problems) -> (Guards, Option<Wait>) {
        fn known<T: Scalar + Clone>(
            value: Option<&Value<T>>,
            scope: &Scope,
            found: &mut Problems,
        ) -> Option<T> {
            value?.render(scope).map_err(|problem| found.push(problem)).ok()
        }
        let default = Guards::default();
        let guards = Guards {
            freezes: self.freezes.iter().filter_map(|freeze| freeze.render(scope, problems)).collect(),
            require_previous_version: known(self.require_previous_version.as_ref(), scope, problems)
                .unwrap_or_default(),
            cooldown: known(self.cooldown.as_ref(), scope, problems).unwrap_or(default.cooldown),
            max_per_day: known(self.max_per_day.as_ref(), scope, problems)
                .map_or(default.max_per_day, |AtLeastOne(most)| most),
            limited: self.cooldown.is_some() || self.max_per_day.is_some(),
        };
        let mut span = |value: &Option<Value<Period>>, default: Duration| {
            known(value.as_ref(), scope, problems).map_or(default, |Period(span)| span)
        };
        let wait = self.wait.as_ref().map(|wait| Wait {
            timeout: span(&wait.timeout, FOLLOWED),
            interval: span(&wait.interval, ASKED),
        });
        let word = self.wait.as_ref().and_then(|wait| wait.word.as_ref());
        let follows = word.is_none_or(|word| known(Some(word), scope, problems).unwrap_or_default());
        let wait = wait.filter(|_| follows);
        (guards, wait)
    }
}

impl GuardsSpec {
    /// What is written of them, for people before a run: each with what it does.
    pub fn told(&self, scope: &Scope) -> Vec<(&'static str, String)> {
        let mut told = Vec::new();
        told.extend(self.freezes.iter().map(|freeze| ("frozen", freeze.told(scope))));
        if let Some(require) = &self.require_previous_version {
            let require = settled(Some(require), scope, &mut Problems::default());
            if require.is_some_and(|require| require.known() != Some(&false)) {
                told.push((
                    "not",
                    "without `--previous-version`: it must be known what to go back to".to_owned(),
                ));
            }
        }
        if self.cooldown.is_some() || self.max_per_day.is_some() {
            let default = Guards::default();
            let cooldown = self.cooldown.as_ref().map(|cooldown| say(cooldown, scope, |span| spoken(*span)));
            let most =
                self.max_per_day.as_ref().map(|most| say(most, scope, |AtLeastOne(most)| most.to_string()));
            told.push((
                "rarely",
                format!(
                    "not within {} of another, and at most {} in 24 hours, as far as `--state` knows",
                    cooldown.unwrap_or_else(|| spoken(default.cooldown)),
                    most.unwrap_or_else(|| default.max_per_day.to_string())
                ),
            ));
        }
        if let Some(wait) = self.wait.as_ref() {
            let word =
                wait.word.as_ref().and_then(|word| settled(Some(word), scope, &mut Problems::default()));
            let timeout = wait.timeout.as_ref().map(|span| say(span, scope, |Period(span)| spoken(*span)));
            if word.is_none_or(|word| word.known() != Some(&false)) {
                let timeout = timeout.unwrap_or_else(|| spoken(FOLLOWED));
                told.push((
                    "followed",
                    format!("to its end, for {timeout} at most, where its system can tell"),
                ));
            }
        }
        told
    }
}

/// What is said of `value`, or its tag.
pub(super) fn say<T: Scalar + Clone>(
    value: &Value<T>,
    scope: &Scope,
    said: impl FnOnce(&T) -> String,
) -> String {
    settled(Some(value), scope, &mut Problems::default()).map_or_else(String::new, |value| value.say(said))
}

fn wait(node: &Node, problems: &mut Problems) -> Option<WaitSpec> {
    if !matches!(node.data, Data::Map(_)) {
        let word = value(node, problems)?;
        return Some(WaitSpec { word: Some(word), ..WaitSpec::default() });
    }
    let mut body = Reader::open(node, "`wait`", &[WAIT_FIELDS], problems)?;
    Some(WaitSpec { word: None, timeout: body.value("timeout"), interval: body.value("interval") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::freeze::FREEZES;
    use crate::policy::node::parse;

    fn rendered(yaml: &str) -> Result<(Guards, Option<Wait>), Vec<String>> {
        static TABLE: &[Field] = &[FREEZES, REQUIRE_PREVIOUS, COOLDOWN, MAX_PER_DAY, WAIT];
        let node = parse(0, yaml).unwrap();
        let mut problems = Problems::default();
        let spec =
            Reader::open(&node, "it", &[TABLE], &mut problems).map(|mut body| GuardsSpec::read(&mut body));
        let mut scope = Scope::default();
        scope.set("when", "2026-12-24T18:00:00+01:00");
        scope.set("why", "holidays");
        let guards = spec.map(|spec| spec.render(&scope, &mut problems));
        if problems.is_empty() {
            return Ok(guards.unwrap());
        }
        Err(problems.sorted().into_iter().map(|problem| problem.message.clone()).collect())
    }

    #[test]
    fn what_is_not_written_has_a_default() {
        let (guards, wait) = rendered("{}").unwrap();
        assert_eq!((guards.cooldown, guards.max_per_day, guards.limited), (PAUSE, 3, false));
        assert!(guards.freezes.is_empty() && !guards.require_previous_version && wait.is_none());
        let minutes = |count: u64| Duration::from_secs(count * 60);
        let default = Some(Wait { timeout: minutes(15), interval: Duration::from_secs(10) });
        for (yaml, expected) in [
            ("wait: true", default),
            ("wait: {}", default),
            ("wait: false", None),
            ("wait: {timeout: 5m}", default.map(|wait| Wait { timeout: minutes(5), ..wait })),
            ("wait: {interval: 1m}", default.map(|wait| Wait { interval: minutes(1), ..wait })),
        ] {
            assert_eq!(rendered(yaml).unwrap().1, expected, "{yaml}");
        }
        let (guards, _) = rendered("{cooldown: 0, max_per_day: 1, require_previous_version: true}").unwrap();
        assert_eq!((guards.cooldown, guards.max_per_day, guards.limited), (Duration::ZERO, 1, true));
        assert!(guards.require_previous_version);
    }

    #[test]
    fn what_is_no_freeze_is_told() {
        for (yaml, expected) in [
            ("freeze: {reason: x}", "expected `cron`, or `from` and `to`, in a `freeze`, found none of them"),
            ("freeze: {from: 2026-12-24T18:00:00Z}", "found `from`"),
            ("freeze: {cron: \"* * * * *\", to: 2026-12-24T18:00:00Z}", "found `cron` and `to`"),
            ("freeze: {from: 2026-12-24T18:00:00Z, to: 2026-12-24T18:00:00Z}", "expected `from` before `to`"),
            ("freeze: {from: 2026-12-24T18:00:00Z, to: \"{{why}}\"}", "expected a time like"),
            ("freeze: {from: 2026-12-24, to: 2026-12-25}", "expected a time like"),
            (
                "freeze: {from: 2026-12-24T18:00:00Z, to: 2026-12-25T18:00:00Z, timezone: UTC}",
                "expected `cron` beside `timezone`, found none",
            ),
            ("freeze: {cron: \"* * * * * *\"}", "expected a cron expression of five fields"),
            ("freeze: never", "expected a `freeze` (a mapping), found `never`"),
            ("wait: 5m", "expected `true` or `false`, found `5m`"),
            ("wait: {interval: 0s}", "expected a duration above zero"),
        ] {
            let found = rendered(yaml).unwrap_err();
            assert!(found.iter().any(|problem| problem.contains(expected)), "{yaml}\n{found:?}");
        }
    }
}
