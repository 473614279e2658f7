//! Who asks: the `auth` of an HTTP check, from its references to the header of one attempt. Must not show a secret
//! and must not keep one that lives in a file.

use std::path::PathBuf;

use http::HeaderValue;

use super::AUTH_FIELDS;
use crate::check::target::fields::{checked, kept};
use crate::host::vault::Vault;
use crate::policy::integration::Credential;
use crate::policy::node::Node;
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::reader::Reader;
use crate::policy::template::{Context, Scope, Template};

/// `auth` as it was read.
#[derive(Debug)]
pub(super) enum AuthSpec {
    /// Nobody in particular.
    None,
    /// A user and the reference of a password.
    Basic(Template, Template),
    /// The reference of a token.
    Token(Template),
    /// The file of a token.
    TokenFile(Template),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    None,
    Basic,
    Bearer,
}

impl AuthSpec {
    /// Reads the mapping at `node`. `None` after reporting why.
    pub(super) fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut body = Reader::open(node, "`auth`", &[AUTH_FIELDS], problems)?;
        let words = [("none", Type::None), ("basic", Type::Basic), ("bearer", Type::Bearer)];
        let kind: Type = body.word("type", &words)?;
        let used: &[&str] = match kind {
            Type::None => &[],
            Type::Basic => &["username", "password_ref"],
            Type::Bearer => &["token_ref", "token_file"],
        };
        let mut fits = true;
        for field in AUTH_FIELDS.iter().filter(|field| field.key != "type" && !used.contains(&field.key)) {
            if body.has(field.key) {
                let place = body.key_place(field.key);
                body.fault(place, format!("`{}` does not belong to this `type`", field.key));
                fits = false;
            }
        }
        let mut text = |key: &str| body.template(key, Context::Text);
        let (spec, expected) = match kind {
            Type::None => (Some(Self::None), ""),
            Type::Basic => {
                let both = text("username").zip(text("password_ref"));
                (both.map(|(user, password)| Self::Basic(user, password)), "`username` and `password_ref`")
            }
            Type::Bearer => {
                let spec = match (text("token_ref"), text("token_file")) {
                    (Some(token), None) => Some(Self::Token(token)),
                    (None, Some(file)) => Some(Self::TokenFile(file)),
                    _ => None,
                };
                (spec, "either `token_ref` or `token_file`")
            }
        };
        if spec.is_none() {
            body.fault(node.place, format!("expected {expected} for this `type`"));
        }
        spec.filter(|_| fits)
    }

    /// Where the credential is written; `None` where there is none.
    pub(super) const fn place(&self) -> Option<Place> {
        match self {
            Self::None => None,
            Self::Basic(_, secret) | Self::Token(secret) | Self::TokenFile(secret) => Some(secret.place),
        }
    }

    /// Who asks, secrets found. `None` after reporting why.
    pub(super) fn render(&self, scope: &Scope, vault: &Vault, problems: &mut Problems) -> Option<Auth> {
        let secret = |text: &str, place: Place| {
            vault.lookup(text).map_err(|reason| Problem::at(place, reason)).map(Credential::Fixed)
        };
        match self {
            Self::None => Some(Auth::None),
            Self::Basic(user, password) => {
                let name = kept(user.render(scope).and_then(|name| user_name(name, user.place)), problems);
                let password = checked(Some(password), scope, problems, secret);
                Some(Auth::Basic(name?, password??))
            }
            Self::Token(token) => Some(Auth::Bearer(checked(Some(token), scope, problems, secret)??)),
            Self::TokenFile(file) => {
                let path = checked(Some(file), scope, problems, |text, place| {
                    let path = PathBuf::from(text);
                    vault.check_file(&path).map_err(|reason| Problem::at(place, reason))?;
                    Ok(path)
                });
                Some(Auth::Bearer(Credential::File(path??)))
            }
        }
    }
}

fn user_name(name: String, place: Place) -> Result<String, Problem> {
    if name.contains(':') {
        return Err(Problem::at(place, "expected a `username` without a colon, which ends it on the wire"));
    }
    Ok(name)
}

/// Who asks.
#[derive(Debug)]
pub(super) enum Auth {
    /// Nobody in particular.
    None,
    /// A user and a password.
    Basic(String, Credential),
    /// The holder of a token.
    Bearer(Credential),
}

impl Auth {
    /// The header of one attempt.
    ///
    /// # Errors
    /// A sentence about the secret that cannot be read or sent.
    pub(super) fn header(&self, vault: &Vault) -> Result<Option<HeaderValue>, String> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Basic(user, password) => {
                format!("Basic {}", vault.basic(user, &password.now(vault)?).expose())
            }
            Self::Bearer(token) => format!("Bearer {}", token.now(vault)?.expose()),
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| "the credential holds characters that no header can carry".to_owned())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// The header for people.
    pub(super) const fn shown(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Basic(..) => Some("authorization: Basic ***"),
            Self::Bearer(_) => Some("authorization: Bearer ***"),
        }
    }
}
