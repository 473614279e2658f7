//! How far back a recorded series reaches by its name: `job:errors:rate5m` is a rate over five minutes. Must not guess:
//! a name that only looks like one makes a gate wait for nothing.

use std::time::Duration;

use super::literal;

/// What stands before a duration at the end of a name without colons.
const OPERATIONS: [&str; 9] =
    ["rate", "irate", "increase", "delta", "idelta", "deriv", "changes", "resets", "burnrate"];

/// The range that is part of the name of a recorded series, by the convention `level:metric:operations`, whose
/// operations are such as `rate5m`, `sum_rate5m` or `5m`; a name without colons may end in `_rate5m`.
pub(crate) fn recorded(metric: &str) -> Option<Duration> {
    match metric.rsplit_once(':') {
        Some((_, operations)) => operations.split('_').filter_map(|one| Some(ranged(one)?.1)).max(),
        None => {
            let (operation, range) = ranged(metric.rsplit_once('_')?.1)?;
            OPERATIONS.contains(&operation).then_some(range)
        }
    }
}

/// `rate5m` as `rate` and five minutes.
fn ranged(piece: &str) -> Option<(&str, Duration)> {
    let letters = piece.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (operation, length) = piece.split_at(letters);
    let millis = literal::duration(length).ok().filter(|millis| *millis > 0)?;
    Some((operation, Duration::from_millis(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_in_a_name_is_read() {
        for (metric, seconds) in [
            ("job:http_errors:rate5m", 300),
            ("instance_path:requests:mean1m", 60),
            ("code:apiserver_request_total:increase30d", 30 * 86_400),
            ("job:errors:5m", 300),
            ("slo:sli_error:ratio_rate1h30m", 5400),
            ("job:errors:rate5m_sum", 300),
            ("job:errors:rate1m_max5m", 300),
            ("errors_rate5m", 300),
            ("errors_increase1h", 3600),
            ("job:errors:rate90s", 90),
        ] {
            assert_eq!(recorded(metric), Some(Duration::from_secs(seconds)), "{metric}");
        }
        for metric in [
            "up",
            "http_requests_total",
            "job:errors:rate",
            "job:errors:p99",
            "job_rate5m:errors:sum",
            "node_load5",
            "load_average_5m",
            "rate5m",
            "objects_s3d",
            "job:errors:rate0m",
            "job:errors:rate5x",
            "job:errors:",
            ":",
            "Größe:rate5é",
        ] {
            assert_eq!(recorded(metric), None, "{metric}");
        }
    }
}
