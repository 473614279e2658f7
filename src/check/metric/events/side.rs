//! What is asked to count one side's events: two counters, or the buckets of a histogram. Must not ask it and must not
//! count.

use std::sync::Arc;
use std::time::Duration;

use crate::check::Counted;
use crate::policy::criterion::Number;
use crate::promql::counter::Counter;

/// The metric that holds the buckets of a classic histogram, and what its others end in.
const BUCKET: &str = "_bucket";
const OTHERS: [&str; 2] = ["_count", "_sum"];

/// The events of a check, or of its baseline.
#[derive(Debug, Clone)]
pub(super) enum Side {
    /// Counters of bad events, and of all.
    Counters {
        /// Of bad ones.
        bad: Arc<str>,
        /// Of all.
        total: Arc<str>,
    },
    /// A histogram, and the bound beyond which an event is a bad one.
    Histogram {
        /// As it is named.
        named: Arc<str>,
        /// The two buckets of a classic one: up to the bound, and all.
        buckets: Arc<str>,
        /// All buckets of a classic one.
        every: Arc<str>,
        /// The bucket up to the bound, and that of all.
        each: [Arc<str>; 2],
        /// The series that a native one would be; `None` where a classic one is named.
        native: Option<Arc<str>>,
        /// The bound in seconds.
        bound: f64,
    },
}

impl Side {
    /// The events of the histogram that `counter` names which took longer than `bound`.
    pub(super) fn histogram(counter: &Counter, bound: Duration) -> Self {
        let seconds = bound.as_secs_f64();
        let named = counter.metric.as_str();
        let base = std::iter::once(BUCKET).chain(OTHERS).find_map(|end| named.strip_suffix(end));
        let metric = format!("{}{BUCKET}", base.unwrap_or(named));
        let upto = bound_pattern(seconds);
        let bucket = |le: &str| counter.of(&metric, "le", le).into();
        Self::Histogram {
            named: counter.text.as_str().into(),
            buckets: bucket(&format!("{upto}|\\+Inf")),
            every: bucket(".+"),
            each: [bucket(&upto), bucket("\\+Inf")],
            native: base.is_none().then(|| counter.text.as_str().into()),
            bound: seconds,
        }
    }

    /// What is asked of single samples.
    pub(super) fn selectors(&self) -> Vec<&Arc<str>> {
        match self {
            Self::Counters { bad, total } => vec![bad, total],
            Self::Histogram { buckets, .. } => vec![buckets],
        }
    }

    /// Where they are counted for good.
    pub(super) fn standing(&self) -> Counted {
        match self {
            Self::Counters { bad, total } => Counted::Counters { bad: bad.clone(), total: total.clone() },
            Self::Histogram { each: [within, all], native, bound, .. } => {
                let (within, all) = (within.clone(), all.clone());
                Counted::Buckets { within, all, native: native.clone(), bound: *bound }
            }
        }
    }

    /// The events, for people.
    pub(super) fn said(&self) -> String {
        match self {
            Self::Counters { bad, total } => format!("{bad} / {total}"),
            Self::Histogram { named, bound, .. } => {
                let bound = humantime::format_duration(Duration::from_secs_f64(*bound));
                format!("{named} slower than {bound}")
            }
        }
    }

    /// How many events there were in `range`, by the source's own function: near enough for what is not judged.
    pub(super) fn volume(&self, range: &str) -> String {
        match self {
            Self::Counters { total, .. } => format!("sum(increase({total}[{range}]))"),
            Self::Histogram { buckets, .. } => {
                format!("max(sum by (le) (increase({buckets}[{range}])))")
            }
        }
    }
}

/// The regular expression of a bound as `le` may have it: `0.5`, `1`, `1.0`, `1e-05`.
fn bound_pattern(seconds: f64) -> String {
    let plain = format!("{seconds}");
    let escaped = plain.replace('.', "\\.");
    let mut ways =
        vec![if plain.contains('.') { format!("{escaped}0*") } else { format!("{escaped}(\\.0*)?") }];
    if seconds < 1e-4 {
        // As Go writes it: at least two digits of the exponent.
        let scientific = format!("{seconds:e}");
        if let Some((digits, exponent)) = scientific.split_once("e-") {
            ways.push(format!("{}e-{exponent:0>2}", digits.replace('.', "\\.")));
        }
    }
    ways.join("|")
}

/// The bound that `le` says, in seconds.
pub(super) fn bound_of(le: &str) -> Option<f64> {
    le.strip_prefix('+').unwrap_or(le).parse().ok()
}

/// What is wrong with a bound of `seconds` that none of the buckets `bounds` has, in their order.
pub(super) fn no_such_bucket(seconds: f64, named: &str, bounds: &[f64]) -> String {
    let bound = humantime::format_duration(Duration::from_secs_f64(seconds));
    let said = |bound: Option<&f64>| bound.filter(|bound| bound.is_finite()).map(|bound| spoken(*bound));
    let (below, above) =
        (bounds.iter().rfind(|bound| **bound < seconds), bounds.iter().find(|bound| **bound > seconds));
    let around = match (said(below), said(above)) {
        (Some(below), Some(above)) => format!("the buckets around it are `{below}` and `{above}`"),
        (Some(only), None) => format!("its last bucket is `{only}`"),
        (None, Some(only)) => format!("its first bucket is `{only}`"),
        (None, None) => "it has no buckets but the last".to_owned(),
    };
    format!("`{bound}` is not a bucket of `{named}`: {around}; set `slower_than` to a bucket's bound")
}

fn spoken(seconds: f64) -> String {
    if (seconds * 1e9).fract() == 0.0 && (1e-9..1e9).contains(&seconds) {
        humantime::format_duration(Duration::from_secs_f64(seconds)).to_string()
    } else {
        format!("{} s", Number(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::Options;
    use crate::promql::counter::counter_selector;

    fn histogram(text: &str, millis: u64) -> Side {
        let counter = counter_selector(text, Options::default()).unwrap();
        Side::histogram(&counter, Duration::from_millis(millis))
    }

    #[test]
    fn any_name_of_a_histogram_leads_to_its_buckets() {
        for (text, native) in [("x", true), ("x_bucket", false), ("x_count", false), ("x_sum", false)] {
            let Side::Histogram { buckets, every, native: found, .. } =
                histogram(&format!("{text}{{a=\"b\"}}"), 500)
            else {
                panic!("{text}");
            };
            assert_eq!(&*buckets, "x_bucket{a=\"b\", le=~\"0\\\\.50*|\\\\+Inf\"}");
            assert_eq!(&*every, "x_bucket{a=\"b\", le=~\".+\"}");
            assert_eq!(found.as_deref(), native.then_some("x{a=\"b\"}"));
        }
    }

    #[test]
    fn a_bound_is_found_however_it_is_written() {
        for (seconds, pattern) in [
            (0.5, "0\\.50*"),
            (1.0, "1(\\.0*)?"),
            (10.0, "10(\\.0*)?"),
            (0.000_025, "0\\.0000250*|2\\.5e-05"),
        ] {
            assert_eq!(bound_pattern(seconds), pattern);
        }
        assert_eq!((bound_of("1.0"), bound_of("2.5e-05")), (Some(1.0), Some(0.000_025)));
        assert_eq!(bound_of("+Inf"), Some(f64::INFINITY));
    }

    #[test]
    fn a_bound_that_is_no_bucket_is_told_with_those_around_it() {
        let bounds = [0.1, 0.5, 1.0, f64::INFINITY];
        for (seconds, around) in [
            (0.3, "`300ms` is not a bucket of `x`: the buckets around it are `100ms` and `500ms`"),
            (0.05, "its first bucket is `100ms`"),
            (2.0, "its last bucket is `1s`"),
        ] {
            let said = no_such_bucket(seconds, "x", &bounds);
            assert!(said.contains(around), "{said}");
        }
    }
}
