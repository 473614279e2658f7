//! `lint`: what is wrong with a file on its own, before any variable, secret or server is at hand. Must not report
//! what only a run can know.

use super::parse::{Document, parse};
use super::problem::Problems;
use crate::check::Kind;

/// Every fault and warning of `document` alone.
pub fn lint(document: Document<'_>, kinds: &[&'static dyn Kind]) -> Problems {
    let (_, problems) = parse(&[document], kinds);
    problems
}
