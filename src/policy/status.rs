//! HTTP statuses as policies expect them: one, or a whole class. Must not send or receive anything.

use std::fmt;

use super::form::Form;
use super::value::Scalar;

/// A status code, or a class of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `204`.
    Code(u16),
    /// `2xx`.
    Class(u16),
}

impl Scalar for Status {
    const EXPECTED: &'static str = "a status like `200` or `2xx`";
    const FORM: Form = Form::whole(Self::EXPECTED, 100.0, 999.0).quoted("0*[1-9][0-9]{2}|0*[1-5](xx|XX)");

    fn read(text: &str) -> Option<Self> {
        let class = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"));
        let status = match class {
            Some(class) => Self::Class(u16::read(class).filter(|class| (1..=5).contains(class))?),
            None => Self::Code(u16::read(text).filter(|code| (100..=999).contains(code))?),
        };
        Some(status)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}

impl Status {
    /// Whether `status` is this one, or of this class.
    pub const fn holds(self, status: u16) -> bool {
        match self {
            Self::Code(code) => code == status,
            Self::Class(class) => class == status / 100,
        }
    }
}
