//! Where there is nothing to judge: no series, too few, or no traffic, each a rule of its own, since a comparison with nothing
//! is never true. Must not say what that means; the policy does.

use super::expr::Query;
use crate::policy::model::{Check, On};
use crate::promql::write_number;

/// Where there is nothing to judge.
#[derive(Debug, Default)]
pub(super) struct Absence {
    /// Where there is no data, or not enough; `None` where that cannot be.
    pub data: Option<String>,
    /// What is lacking then.
    pub lacks: String,
    /// Where there is no traffic, where that is a breach.
    pub traffic: Option<String>,
}

/// Where there is nothing to judge `check` by, which asks `query` and judges only where the evidence is enough.
pub(super) fn of_query(query: &Query, check: &Check, evidence: Option<&(Query, f64)>) -> Absence {
    let traffic = (check.on.no_traffic == On::Fail && !check.judging.expect_empty).then(|| {
        let text = query.text();
        let nan = format!("count({text} != {text}) == count({})", query.argument());
        let low = evidence.map(|(evidence, least)| {
            let (evidence, least) = (evidence.argument(), write_number(*least));
            format!("max({evidence}) < {least} or absent({evidence})")
        });
        std::iter::once(nan).chain(low).collect::<Vec<_>>().join(" or ")
    });
    if check.judging.expect_empty {
        // An empty result is what is wanted; what is compared must be there.
        let operands = query.operands();
        let data =
            operands.iter().map(|one| format!("absent({})", one.argument())).collect::<Vec<_>>().join(" or ");
        let lacks = "What it compares has no series".to_owned();
        return Absence { data: Some(data).filter(|expr| !expr.is_empty()), lacks, traffic: None };
    }
    // A part of a whole that is there is 0 where it is not there itself.
    let whole = query.whole();
    let text = whole.as_ref().unwrap_or(query).argument();
    let least = check.judging.min_series.max(1);
    let (data, lacks) = if least == 1 {
        (format!("absent({text})"), "The query has no result".to_owned())
    } else {
        let few = format!("count({text}) < {least} or absent({text})");
        (few, format!("The query has fewer than {least} series"))
    };
    Absence { data: Some(data), lacks, traffic }
}
