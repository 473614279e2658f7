//! `notifications`: who is told of what, as it is read. Must not know how anybody is told; `notify` does, by the
//! integration that `to` names.

use super::node::{Data, Node};
use super::problem::{Place, Problem, Problems};
use super::reader::{Field, Reader, Shape, compile};
use super::template::{Context, Template};
use super::value::{Scalar, Value};
use std::time::Duration;

/// What people are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum On {
    /// The verdict pass.
    Pass,
    /// The verdict alert.
    Alert,
    /// The verdict inconclusive.
    Inconclusive,
    /// The verdict rollback.
    Rollback,
    /// The gate was cancelled before it had a verdict.
    Cancelled,
    /// A wanted rollback is not confirmed, or did not end well; it goes wherever [`On::Rollback`] goes too.
    RollbackFailed,
}

/// What is told of where nothing is written.
pub const BY_DEFAULT: &[On] = &[On::Pass, On::Alert, On::Inconclusive, On::Rollback];

impl On {
    /// The word of the policy.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Alert => "alert",
            Self::Inconclusive => "inconclusive",
            Self::Rollback => "rollback",
            Self::Cancelled => "cancelled",
            Self::RollbackFailed => "rollback_failed",
        }
    }
}

impl Scalar for On {
    const EXPECTED: &'static str = "a verdict, `cancelled` or `rollback_failed`";
    const WORDS: &'static [&'static str] =
        &["pass", "alert", "inconclusive", "rollback", "cancelled", "rollback_failed"];

    fn read(text: &str) -> Option<Self> {
        let all = [
            Self::Pass,
            Self::Alert,
            Self::Inconclusive,
            Self::Rollback,
            Self::Cancelled,
            Self::RollbackFailed,
        ];
        all.into_iter().find(|on| on.word() == text)
    }
}

/// The language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

impl Scalar for Locale {
    const EXPECTED: &'static str = "`en` or `zh`";
    const WORDS: &'static [&'static str] = &["en", "zh"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }
}

/// The fields of a notification.
pub static NOTIFICATION: &[Field] = &[
    Field::required("to", Shape::Text, "the integration through which people are told"),
    Field::new("on", Shape::Several(<On as Scalar>::FORM), "what they are told of")
        .default("[pass, alert, inconclusive, rollback]"),
    Field::new("channel", Shape::Text, "which of the integration's `channels`, or a channel's own name"),
    Field::new("mention", Shape::Texts, "who is called by name, in the system's own words"),
    Field::new("locale", Shape::OneOf(<Locale as Scalar>::WORDS), "the language").default("en"),
    Field::new("timeout", Shape::Duration, "how long telling may take, repeats included").default("10s"),
];

/// A notification as it was read.
#[derive(Debug, Clone)]
pub struct NoticeSpec {
    /// The integration.
    pub to: Template,
    /// What is told of.
    pub on: Vec<Value<On>>,
    /// Where in it.
    pub channel: Option<Template>,
    /// Who is called by name.
    pub mention: Vec<Template>,
    /// The language.
    pub locale: Option<Value<Locale>>,
    /// How long telling may take.
    pub timeout: Option<Value<Duration>>,
    /// Where it is written.
    pub place: Place,
}

/// Reads `notifications`, a list of them or one.
pub fn read(node: &Node, problems: &mut Problems) -> Vec<NoticeSpec> {
    match &node.data {
        Data::List(items) => items.iter().filter_map(|item| one(item, problems)).collect(),
        _ => one(node, problems).into_iter().collect(),
    }
}

fn one(node: &Node, problems: &mut Problems) -> Option<NoticeSpec> {
    let mut body = Reader::open(node, "a notification", &[NOTIFICATION], problems)?;
    let on = items(&mut body, "on");
    let mention = body.items("mention").into_iter();
    let mention = mention.filter_map(|item| compile(item, Context::Text, body.problems)).collect();
    Some(NoticeSpec {
        to: body.template("to", Context::Text)?,
        on,
        channel: body.template("channel", Context::Text),
        mention,
        locale: body.value("locale"),
        timeout: body.value("timeout"),
        place: node.place,
    })
}

/// The items of `key`, each of a type; an empty list would mean never, which is written by leaving all out.
pub(super) fn items<T: Scalar>(body: &mut Reader<'_, '_>, key: &str) -> Vec<Value<T>> {
    let nodes = body.items(key);
    if nodes.is_empty() && body.has(key) {
        let place = body.key_place(key);
        body.problems.push(
            Problem::at(place, format!("expected {} for `{key}`, found an empty list", T::EXPECTED))
                .help(format!("leave `{key}` out for its default, or leave out the whole entry")),
        );
    }
    nodes.into_iter().filter_map(|node| super::reader::value(node, body.problems)).collect()
}
