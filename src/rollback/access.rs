//! How a trigger reaches an API and says who is asking: texts, addresses and secrets as policies write them, and what a
//! pipeline has without their being written. Must not know any API, and must not send anything.

use http::HeaderValue;
use url::Url;

use super::TriggerCx;
use crate::host::secret::Secret;
use crate::policy::exposure::Exposure;
use crate::policy::integration::address;
use crate::policy::node::shorten;
use crate::policy::problem::{Place, Problem};
use crate::policy::reader::Reader;
use crate::policy::template::{Context, Scope, Template};

/// A text of a trigger that may be left out.
#[derive(Debug)]
pub(super) struct Text {
    key: &'static str,
    kind: &'static str,
    /// The trigger's.
    place: Place,
    written: Option<Template>,
}

impl Text {
    /// Reads `key` of a trigger of `kind`. `None` after reporting what is wrong with it.
    pub(super) fn read(body: &mut Reader<'_, '_>, kind: &'static str, key: &'static str) -> Option<Self> {
        Self::of(body, kind, key, Context::Text)
    }

    /// The same for an address.
    pub(super) fn read_address(
        body: &mut Reader<'_, '_>,
        kind: &'static str,
        key: &'static str,
    ) -> Option<Self> {
        Self::of(body, kind, key, Context::Url)
    }

    fn of(
        body: &mut Reader<'_, '_>,
        kind: &'static str,
        key: &'static str,
        context: Context,
    ) -> Option<Self> {
        let written = body.template(key, context);
        (written.is_some() || !body.has(key)).then_some(Self { key, kind, place: body.place, written })
    }

    /// Whether it is written.
    pub(super) const fn is_written(&self) -> bool {
        self.written.is_some()
    }

    /// Where it is written, else where the trigger is.
    pub(super) fn place(&self) -> Place {
        self.written.as_ref().map_or(self.place, |template| template.place)
    }

    /// A fault of it.
    pub(super) fn fault(&self, message: impl Into<String>) -> Problem {
        Problem::at(self.place(), message)
    }

    /// That it is missing, and what to do.
    pub(super) fn missing(&self, help: &str) -> Problem {
        self.fault(format!("`{}` is missing in a `{}` trigger", self.key, self.kind)).help(help)
    }

    /// As it is written; `None` where it is not.
    ///
    /// # Errors
    /// A variable that is not defined, or a text that comes out empty.
    pub(super) fn written(&self, cx: &TriggerCx<'_>) -> Result<Option<String>, Problem> {
        let Some(template) = &self.written else { return Ok(None) };
        let text = template.render(cx.scope)?;
        if text.trim().is_empty() {
            let message = format!("expected a text for `{}`, found an empty one", self.key);
            return Err(self.fault(message));
        }
        Ok(Some(text))
    }

    /// As it is written, else `otherwise`; where nothing is sent, a word in its place.
    ///
    /// # Errors
    /// As [`Text::written`], and that it is missing, with `help`.
    pub(super) fn render(
        &self,
        cx: &TriggerCx<'_>,
        otherwise: Option<&str>,
        help: &str,
    ) -> Result<String, Problem> {
        match (self.written(cx)?, otherwise) {
            (Some(text), _) => Ok(text),
            (None, Some(text)) => Ok(text.to_owned()),
            (None, None) if cx.vault.stands_in() => Ok(format!("<{}>", self.key)),
            (None, None) => Err(self.missing(help)),
        }
    }

    /// The address that is written, else `otherwise`, without a slash at its end.
    ///
    /// # Errors
    /// As [`Text::render`], and what is no address of an API: one with a user, a query or a fragment is none.
    pub(super) fn address(
        &self,
        cx: &TriggerCx<'_>,
        otherwise: Option<&str>,
        help: &str,
    ) -> Result<Url, Problem> {
        let text = match (self.written(cx)?, otherwise) {
            (Some(text), _) => text,
            (None, Some(text)) => text.to_owned(),
            (None, None) if cx.vault.stands_in() => "https://address.invalid".to_owned(),
            (None, None) => return Err(self.missing(help)),
        };
        address(&text, false).map_err(|problem| {
            let help = format!(
                "it is the address of an API: credentials go into a secret of their own; found in `{}`",
                self.key
            );
            Problem { place: Some(self.place()), help: Some(help), ..problem }
        })
    }

    /// The secret that it names, else the first of `ambient` that the environment has: variables in which a pipeline
    /// hands out a credential of its own. It is known to fit into a header.
    ///
    /// # Errors
    /// A secret that is not found or cannot be used, and that none is named, with `help`.
    pub(super) fn secret(&self, cx: &TriggerCx<'_>, ambient: &[&str], help: &str) -> Result<Secret, Problem> {
        let told = |problem: String| self.fault(problem);
        let secret = if let Some(reference) = self.written(cx)? {
            cx.vault.lookup(&reference).map_err(told)?
        } else if let Some((name, value)) =
            ambient.iter().find_map(|name| Some((*name, cx.host.env.get(name)?)))
        {
            let used = cx.vault.secret(value);
            used.map_err(|problem| told(format!("the variable `{name}` cannot be used: {problem}")))?
        } else if cx.vault.stands_in() {
            cx.vault.secret(&format!("<secret {}>", self.key)).map_err(told)?
        } else {
            return Err(self.missing(help));
        };
        match HeaderValue::from_str(secret.expose()) {
            Ok(_) => Ok(secret),
            Err(_) => Err(told(format!(
                "the secret of `{}` holds characters that a header cannot, such as line ends",
                self.key
            ))),
        }
    }

    /// How it is said before a run: as written, as far as it is known, else `otherwise`.
    pub(super) fn told(&self, scope: &Scope, otherwise: &str) -> String {
        self.written
            .as_ref()
            .map_or_else(|| otherwise.to_owned(), |template| shorten(&template.settled(scope).text))
    }

    /// What is exposed where this is the address that a credential, written at `credential`, goes to.
    pub(super) fn exposes(&self, credential: Place) -> Option<Exposure<'_>> {
        self.written.as_ref().map(|address| Exposure { address, credential })
    }
}
