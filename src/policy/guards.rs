//! What may hold a wanted rollback back, and how long a started one is followed: the fields, and when a freeze freezes. Must
//! stay pure: what else has been rolled back, and when it is now, is handed in.

use std::time::Duration;

use cronexpr::{Crontab, MakeTimestamp, parse_crontab};
use jiff::Timestamp;

use super::form::Form;
use super::node::{Data, Node, shorten};
use super::problem::{Place, Problem, Problems};
use super::reader::{Field, Reader, Rule, Shape, value};
use super::template::{Context, Scope, Template};
use super::value::{AtLeastOne, Period, Scalar, Value};

/// How long after a rollback no other is begun, where nothing is written.
const PAUSE: Duration = Duration::from_secs(3600);

/// Rollbacks within a day, where nothing is written.
const MOST: u32 = 3;

/// How long what was started is followed, where nothing is written.
const FOLLOWED: Duration = Duration::from_secs(15 * 60);

/// How often it is asked how it stands, where nothing is written.
const ASKED: Duration = Duration::from_secs(10);

/// When nothing is rolled back.
pub const FREEZES: Field =
    Field::new("freeze", Shape::OneOrMore(FREEZE), "when nothing is rolled back: by hand only")
        .rules(FREEZE_RULES);

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

static FREEZE: &[Field] = &[
    Field::new(
        "cron",
        Shape::of::<Cron>(),
        "every minute that matches is frozen: minute, hour, day, month, weekday",
    ),
    Field::new("timezone", Shape::of::<Zone>(), "where `cron` is read, such as `Europe/Berlin`")
        .default("UTC"),
    Field::new("from", Shape::of::<Moment>(), "the first moment"),
    Field::new("to", Shape::of::<Moment>(), "the first moment that is not frozen any more"),
    Field::new("reason", Shape::Text, "why, for people"),
];

static FREEZE_RULES: &[Rule] = &[
    Rule::Some(&["cron", "from"]),
    Rule::Single(&["cron", "from"]),
    Rule::Single(&["cron", "to"]),
    Rule::With("from", &[Rule::All(&["to"])]),
    Rule::Beside("timezone", "cron"),
];

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

#[derive(Debug, Clone)]
struct FreezeSpec {
    when: WhenSpec,
    reason: Option<Template>,
}

#[derive(Debug, Clone)]
enum WhenSpec {
    Cron(Value<Cron>, Option<Value<Zone>>),
    Between(Value<Moment>, Value<Moment>, Place),
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

/// A time in which nothing is rolled back.
#[derive(Debug, Clone)]
pub struct Freeze {
    when: When,
    /// Why.
    pub reason: Option<String>,
}

#[derive(Debug, Clone)]
enum When {
    Cron { every: Box<Crontab>, written: String },
    Between(Timestamp, Timestamp),
}

impl GuardsSpec {
    /// Reads the guards of a `rollback_policy`.
    pub fn read(body: &mut Reader<'_, '_>) -> Self {
        let items = body.items("freeze");
        Self {
            freezes: items.iter().filter_map(|item| freeze(item, body.problems)).collect(),
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

fn freeze(node: &Node, problems: &mut Problems) -> Option<FreezeSpec> {
    let mut body = Reader::open(node, "a `freeze`", &[FREEZE], problems)?;
    let (cron, zone) = (body.value("cron"), body.value("timezone"));
    let (from, to) = (body.value("from"), body.value("to"));
    let reason = body.template("reason", Context::Text);
    let place = body.place;
    let when = match (body.has("cron"), body.has("from"), body.has("to")) {
        (true, false, false) => WhenSpec::Cron(cron?, zone),
        (false, true, true) if body.has("timezone") => {
            let problem =
                Problem::at(body.key_place("timezone"), "expected `cron` beside `timezone`, found none");
            body.problems.push(problem.help("`from` and `to` name their offset from UTC themselves"));
            return None;
        }
        (false, true, true) => WhenSpec::Between(from?, to?, place),
        (cron, from, to) => {
            let found = [(cron, "`cron`"), (from, "`from`"), (to, "`to`")];
            let found: Vec<&str> = found.iter().filter(|(there, _)| *there).map(|(_, key)| *key).collect();
            let found = if found.is_empty() { "none of them".to_owned() } else { found.join(" and ") };
            let message = format!("expected `cron`, or `from` and `to`, in a `freeze`, found {found}");
            let help = "`cron: \"* 22-23 * * *\"` freezes every minute from 22:00 to 23:59";
            body.problems.push(Problem::at(place, message).help(help));
            return None;
        }
    };
    Some(FreezeSpec { when, reason })
}

fn wait(node: &Node, problems: &mut Problems) -> Option<WaitSpec> {
    if !matches!(node.data, Data::Map(_)) {
        let word = value(node, problems)?;
        return Some(WaitSpec { word: Some(word), ..WaitSpec::default() });
    }
    let mut body = Reader::open(node, "`wait`", &[WAIT_FIELDS], problems)?;
    Some(WaitSpec { word: None, timeout: body.value("timeout"), interval: body.value("interval") })
}

impl FreezeSpec {
    fn render(&self, scope: &Scope, problems: &mut Problems) -> Option<Freeze> {
        let mut noted = |problem: Problem| problems.push(problem);
        let reason = match &self.reason {
            Some(template) => Some(template.render(scope).map_err(&mut noted).ok()?),
            None => None,
        };
        let when = match &self.when {
            WhenSpec::Cron(cron, zone) => {
                let cron = cron.render(scope).map_err(&mut noted).ok()?;
                let zone = match zone {
                    Some(zone) => zone.render(scope).map_err(&mut noted).ok()?,
                    None => Zone("UTC".to_owned()),
                };
                // Each part has been read by itself.
                let every = cron.within(&zone.0)?;
                When::Cron { every: Box::new(every), written: format!("`{}` ({})", cron.0, zone.0) }
            }
            WhenSpec::Between(from, to, place) => {
                let Moment(from) = from.render(scope).map_err(&mut noted).ok()?;
                let Moment(to) = to.render(scope).map_err(&mut noted).ok()?;
                if from >= to {
                    let message = format!("expected `from` before `to`, found `{from}` and `{to}`");
                    noted(Problem::at(*place, message));
                    return None;
                }
                When::Between(from, to)
            }
        };
        Some(Freeze { when, reason: reason.map(|reason| shorten(&reason)) })
    }
}

impl Freeze {
    /// Whether nothing is rolled back at `at`.
    pub fn covers(&self, at: Timestamp) -> bool {
        match &self.when {
            When::Cron { every, .. } => every.matches(MakeTimestamp(at)).unwrap_or(false),
            When::Between(from, to) => *from <= at && at < *to,
        }
    }

    /// The first moment from `from` to `to` at which nothing is rolled back.
    pub fn first(&self, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
        if self.covers(from) {
            return Some(from);
        }
        let next = match &self.when {
            When::Cron { every, .. } => every.find_next(MakeTimestamp(from)).ok()?.timestamp(),
            When::Between(begins, _) => *begins,
        };
        (from < next && next <= to).then_some(next)
    }

    /// When and why, for people.
    pub fn told(&self) -> String {
        let when = match &self.when {
            When::Cron { written, .. } => format!("every minute of {written}"),
            When::Between(from, to) => format!("from {from} to {to}"),
        };
        self.reason.as_ref().map_or_else(|| when.clone(), |reason| format!("{when}: {reason}"))
    }
}

/// A cron expression of five fields, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cron(String);

impl Cron {
    fn within(&self, zone: &str) -> Option<Crontab> {
        parse_crontab(&format!("{} {zone}", self.0)).ok()
    }
}

impl Scalar for Cron {
    const EXPECTED: &'static str =
        "a cron expression of five fields like `* 22-23 * * *` (minute, hour, day, month, weekday)";
    const FORM: Form = Form::matching(Self::EXPECTED, r"\S+(\s+\S+){4}");

    fn read(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let cron = (fields.len() == 5).then(|| Self(fields.join(" ")))?;
        // What never comes, such as the 30th of February, is a mistake.
        cron.within("UTC")?.find_next(MakeTimestamp(Timestamp::UNIX_EPOCH)).ok()?;
        Some(cron)
    }
}

/// A time zone, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Zone(String);

impl Scalar for Zone {
    const EXPECTED: &'static str = "a time zone like `Europe/Berlin` or `UTC`";
    const FORM: Form = Form::matching(Self::EXPECTED, r"[A-Za-z][A-Za-z0-9_+/-]*");

    fn read(text: &str) -> Option<Self> {
        let named =
            text.starts_with(|c: char| c.is_ascii_alphabetic()) && !text.contains(char::is_whitespace);
        let zone = Self(text.to_owned());
        (named && Cron("* * * * *".to_owned()).within(text).is_some()).then_some(zone)
    }
}

/// A moment, written as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment(Timestamp);

impl Scalar for Moment {
    const EXPECTED: &'static str = "a time like `2026-12-24T18:00:00+01:00`";
    const FORM: Form = Form::matching(Self::EXPECTED, r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[\s\S]+");

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_minute_that_matches_is_frozen_where_the_cron_is_read() {
        let yaml = "freeze: {cron: \"* 22-23 * * 5\", timezone: Europe/Berlin, reason: \"{{why}}\"}\n";
        let freeze = rendered(yaml).unwrap().0.freezes.remove(0);
        // In summer Berlin is two hours ahead, in winter one.
        for (moment, frozen) in [
            ("2026-07-03T19:59:59Z", false),
            ("2026-07-03T20:00:00Z", true),
            ("2026-07-03T21:59:59.9Z", true),
            ("2026-07-03T22:00:00Z", false),
            ("2026-01-16T20:30:00Z", false),
            ("2026-01-16T21:30:00Z", true),
            ("2026-01-15T21:30:00Z", false),
        ] {
            assert_eq!(freeze.covers(at(moment)), frozen, "{moment}");
        }
        assert_eq!(freeze.told(), "every minute of `* 22-23 * * 5` (Europe/Berlin): holidays");
        let first = |from, to| freeze.first(at(from), at(to));
        assert_eq!(first("2026-07-03T19:30:30Z", "2026-07-03T20:30:00Z"), Some(at("2026-07-03T20:00:00Z")));
        assert_eq!(first("2026-07-03T20:30:30Z", "2026-07-03T20:30:31Z"), Some(at("2026-07-03T20:30:30Z")));
        assert_eq!(first("2026-07-03T19:30:30Z", "2026-07-03T19:59:59Z"), None);
    }

    #[test]
    fn sunday_has_two_numbers_and_days_have_names() {
        for cron in ["0 0 * * 0", "0 0 * * 7", "0 0 * * SUN", "0 0 * * sun"] {
            let read = Cron::read(cron).unwrap_or_else(|| panic!("{cron}"));
            let every = read.within("UTC").unwrap();
            assert!(every.matches(MakeTimestamp(at("2026-11-22T00:00:00Z"))).unwrap(), "{cron}");
            assert!(!every.matches(MakeTimestamp(at("2026-11-23T00:00:00Z"))).unwrap(), "{cron}");
        }
        for cron in
            ["* * * *", "* * * * * *", "* * * * * UTC", "@daily", "60 * * * *", "* * 30 2 *", "", "H * * * *"]
        {
            assert_eq!(Cron::read(cron), None, "{cron}");
        }
        for zone in ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
            assert!(Zone::read(zone).is_some(), "{zone}");
        }
        for zone in ["Europe/Berlim", "+02:00", "", "UTC UTC", "Mars/Olympus"] {
            assert_eq!(Zone::read(zone), None, "{zone}");
        }
    }

    #[test]
    fn between_two_moments_the_last_is_free() {
        let yaml = "freeze:\n- {from: \"{{when}}\", to: 2026-12-27T06:00:00+01:00}\n";
        let freeze = rendered(yaml).unwrap().0.freezes.remove(0);
        let frozen: Vec<bool> = ["2026-12-24T16:59:59Z", "2026-12-24T17:00:00Z", "2026-12-27T05:00:00Z"]
            .into_iter()
            .map(|moment| freeze.covers(at(moment)))
            .collect();
        assert_eq!(frozen, [false, true, false]);
        assert_eq!(freeze.told(), "from 2026-12-24T17:00:00Z to 2026-12-27T05:00:00Z");
        assert_eq!(freeze.first(at("2027-01-01T00:00:00Z"), at("2027-02-01T00:00:00Z")), None);
        let before = (at("2026-12-24T16:00:00Z"), at("2026-12-24T18:00:00Z"));
        assert_eq!(freeze.first(before.0, before.1), Some(at("2026-12-24T17:00:00Z")));
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
