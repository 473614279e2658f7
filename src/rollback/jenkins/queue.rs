//! The way of a request through Jenkins' queue to a build. Must not go where an answer points: addresses are made of
//! numbers, below the address that the policy names.

use serde_json::Value;
use url::Url;

use crate::host::secret::Redactor;
use crate::rollback::Standing;
use crate::rollback::answer::{link, number, standing, text};

/// What Jenkins knows a request by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handle {
    /// Its number in the queue.
    Item(u64),
    /// The build that it became.
    Build(u64),
}

impl Handle {
    /// As it is handed on.
    pub(super) fn word(self) -> String {
        match self {
            Self::Item(number) => format!("item {number}"),
            Self::Build(number) => format!("build {number}"),
        }
    }

    /// What was handed on.
    pub(super) fn read(word: &str) -> Option<Self> {
        match word.split_once(' ')? {
            ("item", number) => number.parse().ok().map(Self::Item),
            ("build", number) => number.parse().ok().map(Self::Build),
            _ => None,
        }
    }

    /// The item of the queue that a `Location` names, seen from `asked`.
    pub(super) fn located(asked: &Url, location: &str) -> Option<Self> {
        let url = asked.join(location).ok()?;
        let (_, number) = url.path().trim_end_matches('/').rsplit_once("queue/item/")?;
        number.parse().ok().map(Self::Item)
    }
}

/// What became of an item of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// It waits, and why.
    Waits(String),
    /// Somebody took it out.
    Cancelled,
    /// It is a build, with its number and its page.
    Built(u64, Option<String>),
}

impl Item {
    /// The item that `document` tells of.
    pub(super) fn read(document: &Value) -> Self {
        if document.get("cancelled") == Some(&Value::Bool(true)) {
            return Self::Cancelled;
        }
        match number(document, "/executable/number") {
            Some(number) => Self::Built(number, link(document, "/executable/url")),
            None => Self::Waits(text(document, "/why").unwrap_or("no reason is given").to_owned()),
        }
    }

    /// The item whose number is `item` among the `builds` of a job: Jenkins forgets items five minutes after they
    /// became a build.
    pub(super) fn among(document: &Value, item: u64) -> Option<Self> {
        let builds = document.get("builds")?.as_array()?;
        let build = builds.iter().find(|build| number(build, "/queueId") == Some(item))?;
        Some(Self::Built(number(build, "/number")?, link(build, "/url")))
    }

    /// How it stands.
    pub(super) fn standing(self, redactor: &Redactor) -> Standing {
        match self {
            Self::Waits(why) => standing(&format!("queued: {why}"), None, redactor),
            Self::Cancelled => standing("cancelled in the queue", Some(false), redactor),
            Self::Built(number, url) => Standing {
                url,
                handle: Some(Handle::Build(number).word()),
                ..standing(&format!("build {number} has begun"), None, redactor)
            },
        }
    }
}

/// How the build that `document` tells of stands.
pub(super) fn build(document: &Value, redactor: &Redactor) -> Standing {
    let result = text(document, "/result");
    if document.get("building") == Some(&Value::Bool(true)) {
        return standing("building", None, redactor);
    }
    match result {
        // A pipeline between its last step and its end.
        None => standing("building", None, redactor),
        Some("SUCCESS") => standing("SUCCESS", Some(true), redactor),
        Some(other) => standing(other, Some(false), redactor),
    }
}
