//! Lints of single queries: what PromQL takes and what nobody means. Must not look at more than one check.

use super::{Cx, Rule};
use crate::policy::problem::{Problem, Severity};
use crate::promql::analysis::analyse;

/// The lints of this file.
pub(super) const RULES: &[Rule] = &[Rule {
    id: "match-everything",
    severity: Severity::Warning,
    summary: "a regular expression that every value matches",
    check: match_everything,
}];

fn match_everything(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for query in cx.checks.iter().flat_map(|check| &check.queries) {
        let Some(expr) = query.expr() else { continue };
        for matcher in analyse(expr).uses.iter().flat_map(|one| &one.selector.matchers) {
            if matcher.op.is_regex() && matches!(&*matcher.value.text, ".*" | "^.*$" | "(.*)") {
                let message =
                    format!("`{}` matches every value of `{}`", matcher.value.text, matcher.label.text);
                found.push(
                    query.problem(&[matcher.span], message).help("leave the matcher out, or write `.+`"),
                );
            }
        }
    }
}
