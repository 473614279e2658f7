//! Counted events in PromQL: the share of bad ones over a window that is long enough to be one. Must not claim an error
//! rate: a rule has none.

use std::time::Duration;

use super::Made;
use super::absence::Absence;
use crate::check::Counted;
use crate::policy::criterion::Number;
use crate::policy::events::{Budget, Claim, FEWEST_BAD, Tested};
use crate::promql::{write_duration, write_number};

/// The window of a share: as long as the check watches, but neither shorter nor longer than this.
const SHORTEST: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(3600);

/// The windows in which a budget is looked at, the shortest first, as in Google's SRE workbook; and by how much the one that
/// tells that it is spent still is shorter.
const BURNT: [Duration; 4] = [
    Duration::from_secs(3600),
    Duration::from_secs(6 * 3600),
    Duration::from_secs(86_400),
    Duration::from_secs(3 * 86_400),
];
const STILL: u32 = 12;

/// Where the events of `own` are more than `tested` claims; `watched` is how long the check watches.
///
/// # Errors
/// Why that cannot be said.
pub(super) fn breach(
    tested: &Tested,
    own: &Counted,
    against: Option<&Counted>,
    watched: Duration,
) -> Result<Made, String> {
    let window = watched.clamp(SHORTEST, LONGEST);
    let range = written(window);
    let enough = format!("{} >= {}", bad(own, &range), write_number(FEWEST_BAD));
    let told = format!("over {range}, where at least {FEWEST_BAD} are bad; a rule has no error rate");
    match tested.claim {
        Claim::AtMost(ratio) => Ok(Made {
            expr: format!("{} > {} and {enough}", share(own, &range), write_number(ratio)),
            limit: format!("max_ratio {} of bad events over {range}", Number(ratio)),
            notes: vec![format!("the share of bad events {told}")],
        }),
        Claim::Against { max_times, floor } => {
            let against = against.ok_or("its baseline counts nothing")?;
            let base = whole_share(against, &range);
            let floor_text = if floor > 0.0 { format!(" > {}", write_number(floor)) } else { String::new() };
            let times = write_number(max_times);
            Ok(Made {
                expr: format!("{} > {times} * {base}{floor_text} and {enough}", share(own, &range)),
                limit: format!(
                    "max_times {} of the baseline's share of bad events over {range}",
                    Number(max_times)
                ),
                notes: vec![format!("the shares of bad events {told}")],
            })
        }
        Claim::Budget(budget) => burnt(own, budget),
    }
}

/// Where a budget is spent as fast as would spend in a window what may be spent of it.
fn burnt(own: &Counted, Budget { slo, period, max_burn }: Budget) -> Result<Made, String> {
    let limit = |window: &Duration| (1.0 - slo) * max_burn * (period.as_secs_f64() / window.as_secs_f64());
    let window = BURNT.iter().copied().filter(|window| *window <= period).find(|window| limit(window) < 1.0);
    let window =
        window.ok_or("spending so much of its budget takes more bad events than there are events")?;
    let most: f64 = format!("{:.6e}", limit(&window)).parse().unwrap_or_default();
    let (long, short) = (written(window), written(window / STILL));
    let most = write_number(most);
    Ok(Made {
        expr: format!("{} > {most} and {} > {most}", share(own, &long), share(own, &short)),
        limit: format!(
            "max_burn {} % of the error budget of {} within {long}, a share of bad events of {most}",
            Number(max_burn * 100.0),
            written(period),
        ),
        notes: vec![format!(
            "a burn rate over {long}, and over {short} so that it ends when the burning does"
        )],
    })
}

/// Where there is nothing to count.
pub(super) fn absence(own: &Counted) -> Absence {
    let expr = match own {
        Counted::Counters { total, .. } => format!("absent({total})"),
        // Without the bucket of the bound nothing can be told, either.
        Counted::Buckets { within, native: None, .. } => format!("absent({within})"),
        Counted::Buckets { within, native: Some(native), .. } => format!("absent({within} or {native})"),
    };
    Absence { data: Some(expr), lacks: "There are no events to count".to_owned(), traffic: None }
}

fn written(span: Duration) -> String {
    write_duration(span.as_secs_f64())
}

/// The share of bad events over `range`; empty where none was ever bad.
fn share(counted: &Counted, range: &str) -> String {
    match counted {
        Counted::Counters { bad, total } => {
            format!("sum(rate({bad}[{range}])) / sum(rate({total}[{range}]))")
        }
        Counted::Buckets { within, all, native, bound } => {
            let classic = format!("1 - sum(rate({within}[{range}])) / sum(rate({all}[{range}]))");
            match native {
                None => format!("({classic})"),
                Some(native) => {
                    let bound = write_number(*bound);
                    let other =
                        format!("1 - histogram_fraction(-Inf, {bound}, sum(rate({native}[{range}])))");
                    format!("(({classic}) or ({other}))")
                }
            }
        }
    }
}

/// The same with 0 where none was ever bad.
fn whole_share(counted: &Counted, range: &str) -> String {
    match counted {
        Counted::Counters { bad, total } => {
            format!("((sum(rate({bad}[{range}])) or vector(0)) / sum(rate({total}[{range}])))")
        }
        Counted::Buckets { .. } => share(counted, range),
    }
}

/// How many bad events there were over `range`.
fn bad(counted: &Counted, range: &str) -> String {
    match counted {
        Counted::Counters { bad, .. } => format!("sum(increase({bad}[{range}]))"),
        Counted::Buckets { within, all, native, bound } => {
            let classic = format!("sum(increase({all}[{range}])) - sum(increase({within}[{range}]))");
            match native {
                None => format!("({classic})"),
                Some(native) => {
                    let bound = write_number(*bound);
                    let sum = format!("sum(increase({native}[{range}]))");
                    let beyond =
                        format!("(1 - histogram_fraction(-Inf, {bound}, {sum})) * histogram_count({sum})");
                    format!("(({classic}) or ({beyond}))")
                }
            }
        }
    }
}
