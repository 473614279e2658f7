//! The method of a trigger's request as policies write it. Must not know what is sent.

use http::Method;

use crate::policy::value::Scalar;

/// A request's method.
#[derive(Debug, Clone)]
pub(super) struct Verb(pub(super) Method);

impl Scalar for Verb {
    const EXPECTED: &'static str = "`POST`, `PUT`, `PATCH`, `DELETE` or `GET`";
    const WORDS: &'static [&'static str] = &["POST", "PUT", "PATCH", "DELETE", "GET"];

    fn read(text: &str) -> Option<Self> {
        let known = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::GET];
        known.into_iter().find(|method| method.as_str() == text).map(Self)
    }
}
