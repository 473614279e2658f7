//! `freeze`: when nothing is rolled back. Must stay pure: when it is now is handed in.

use cronexpr::{Crontab, MakeTimestamp, parse_crontab};
use jiff::Timestamp;

use super::form::Form;
use super::guards::say;
use super::node::{Node, shorten};
use super::problem::{Place, Problem, Problems};
use super::reader::{Field, Reader, Rule, Shape};
use super::template::{Context, Scope, Template};
use super::value::{Scalar, Value};

/// When nothing is rolled back.
pub const FREEZES: Field =
    Field::new("freeze", Shape::OneOrMore(FREEZE), "when nothing is rolled back: by hand only")
        .rules(FREEZE_RULES);

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

/// One as it was read.
#[derive(Debug, Clone)]
pub(super) struct FreezeSpec {
    when: WhenSpec,
    reason: Option<Template>,
}

#[derive(Debug, Clone)]
enum WhenSpec {
    Cron(Value<Cron>, Option<Value<Zone>>),
    Between(Value<Moment>, Value<Moment>, Place),
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

impl FreezeSpec {
    /// Reads one. `None` after reporting why.
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
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
                let found: Vec<&str> =
                    found.iter().filter(|(there, _)| *there).map(|(_, key)| *key).collect();
                let found = if found.is_empty() { "none of them".to_owned() } else { found.join(" and ") };
                let message = format!("expected `cron`, or `from` and `to`, in a `freeze`, found {found}");
                let help = "`cron: \"* 22-23 * * *\"` freezes every minute from 22:00 to 23:59";
                body.problems.push(Problem::at(place, message).help(help));
                return None;
            }
        };
        Some(Self { when, reason })
    }

    /// When and why as it is written, for people before a run.
    pub(super) fn told(&self, scope: &Scope) -> String {
        let when = match &self.when {
            WhenSpec::Cron(cron, zone) => {
                let cron = say(cron, scope, |Cron(cron)| format!("`{cron}`"));
                let zone = zone.as_ref().map(|zone| say(zone, scope, |Zone(zone)| zone.clone()));
                format!("every minute of {cron} ({})", zone.as_deref().unwrap_or("UTC"))
            }
            WhenSpec::Between(from, to, _) => {
                let [from, to] = [from, to].map(|at| say(at, scope, |Moment(at)| at.to_string()));
                format!("from {from} to {to}")
            }
        };
        let reason = self.reason.as_ref().map(|reason| format!(": {}", reason.settled(scope).text));
        format!("{when}{}", reason.unwrap_or_default())
    }

    /// The freeze of a run; `None` after reporting why there is none.
    pub(super) fn render(&self, scope: &Scope, problems: &mut Problems) -> Option<Freeze> {
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

    fn rendered(yaml: &str) -> Freeze {
        let mut problems = Problems::default();
        let spec = FreezeSpec::read(&parse(0, yaml).unwrap(), &mut problems).unwrap();
        let mut scope = Scope::default();
        scope.set("when", "2026-12-24T18:00:00+01:00");
        scope.set("why", "holidays");
        spec.render(&scope, &mut problems).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_minute_that_matches_is_frozen_where_the_cron_is_read() {
        let yaml = "{cron: \"* 22-23 * * 5\", timezone: Europe/Berlin, reason: \"{{why}}\"}\n";
        let freeze = rendered(yaml);
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
        let yaml = "{from: \"{{when}}\", to: 2026-12-27T06:00:00+01:00}\n";
        let freeze = rendered(yaml);
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
}
