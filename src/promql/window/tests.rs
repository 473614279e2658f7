//! Queries of every shape and what they need, wait for and become. Must not repeat what holds for the whole corpus.

use super::*;
use crate::promql::{Options, parse};

fn window(query: &str) -> Window {
    Window::of(query, &parse(query, Options::default()).sound().unwrap())
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const SCRAPE: Duration = seconds(15);
const LEAST: Duration = seconds(60);

#[test]
fn a_range_is_shortened_to_what_lies_after_the_anchor() {
    for (query, fitted) in [
        ("rate(x[5m])", "rate(x[1m15s])"),
        ("irate(x[5m])", "irate(x[1m15s])"),
        ("deriv(x[5m])", "deriv(x[1m15s])"),
        ("avg_over_time(x[5m])", "avg_over_time(x[1m15s])"),
        ("min_over_time(x[5m])", "min_over_time(x[1m15s])"),
        ("max_over_time(x[5m])", "max_over_time(x[1m15s])"),
        ("quantile_over_time(0.9, x[5m])", "quantile_over_time(0.9, x[1m15s])"),
        ("stddev_over_time(x[5m])", "stddev_over_time(x[1m15s])"),
        ("stdvar_over_time(x[5m])", "stdvar_over_time(x[1m15s])"),
        ("mad_over_time(x[5m])", "mad_over_time(x[1m15s])"),
        ("last_over_time(x[5m])", "last_over_time(x[1m15s])"),
        ("first_over_time(x[5m])", "first_over_time(x[1m15s])"),
        ("increase(a[5m]) / increase(b[5m])", "increase(a[1m15s]) / increase(b[1m15s])"),
        ("rate(x[300])", "rate(x[1m15s])"),
        ("rate(x[5m + 1m])", "rate(x[1m15s])"),
        ("rate(x[(2 * 3m)])", "rate(x[1m15s])"),
        ("rate(x[ 5m ])", "rate(x[ 1m15s ])"),
        ("rate(a[1m]) / rate(b[5m])", "rate(a[1m]) / rate(b[1m15s])"),
        ("rate(x[5m]) / rate(x[5m] offset 1w)", "rate(x[1m15s]) / rate(x[5m] offset 1w)"),
        ("rate(x[5m] offset -1m)", "rate(x[1m15s] offset -1m)"),
        ("rate(x[5m] @ 100) - rate(x[5m] @ end())", "rate(x[5m] @ 100) - rate(x[1m15s] @ end())"),
        (
            "rate(x[5m]) / max_over_time(rate(x[5m])[1h:] offset 1d)",
            "rate(x[1m15s]) / max_over_time(rate(x[5m])[1h:] offset 1d)",
        ),
        (
            "sum by (le) (\n  rate(x{a=\"[5m]\"}[5m]) # over [5m]\n)",
            "sum by (le) (\n  rate(x{a=\"[5m]\"}[1m15s]) # over [5m]\n)",
        ),
        ("rate({\"x.ü\", a='ö'}[5m]) > 5 # ä", "rate({\"x.ü\", a='ö'}[1m15s]) > 5 # ä"),
        ("avg_over_time(job:x:rate15s[5m])", "avg_over_time(job:x:rate15s[1m])"),
        ("max_over_time(a:x:rate15s[5m]) / rate(b[5m])", "max_over_time(a:x:rate15s[1m]) / rate(b[1m15s])"),
    ] {
        let window = window(query);
        assert_eq!(window.fitted(seconds(75), None).as_deref(), Some(fitted), "{query}");
        assert!(window.fits() && !window.grows() && window.waits().is_none(), "{query}");
        assert_eq!(window.fitted(seconds(3600), None), None, "{query}");
    }
}

#[test]
fn what_cannot_be_fitted_waits_and_says_where() {
    for (query, at) in [
        ("increase(x[5m]) > 5", "increase(x[5m])"),
        ("sum(rate(a[5m])) + delta(b[5m])", "delta(b[5m])"),
        ("idelta(b[5m])", "idelta(b[5m])"),
        ("changes(b[5m])", "changes(b[5m])"),
        ("resets(b[5m])", "resets(b[5m])"),
        ("sum_over_time(b[5m])", "sum_over_time(b[5m])"),
        ("count_over_time(b[5m])", "count_over_time(b[5m])"),
        ("present_over_time(b[5m])", "present_over_time(b[5m])"),
        ("absent_over_time(b[5m])", "absent_over_time(b[5m])"),
        ("predict_linear(b[5m], 60)", "predict_linear(b[5m], 60)"),
        ("double_exponential_smoothing(b[5m], 0.5, 0.5)", "double_exponential_smoothing(b[5m], 0.5, 0.5)"),
        ("max_over_time(rate(x[5m])[1h:])", "max_over_time(rate(x[5m])[1h:])"),
        (
            "max_over_time(rate(x[5m] offset -1h)[1h:] offset 1h)",
            "max_over_time(rate(x[5m] offset -1h)[1h:] offset 1h)",
        ),
        ("rate(x[step()])", "x[step()]"),
        ("increase(x:rate5m[1h]) / increase(y[1h])", "x:rate5m[1h]"),
    ] {
        let window = window(query);
        assert_eq!(window.waits().map(|span| &query[span.range()]), Some(at), "{query}");
        assert_eq!(window.fitted(seconds(60), None), None, "{query}");
        let written = window.needs_as_written(SCRAPE, None);
        assert_eq!(window.needs_fitted(SCRAPE, LEAST, None), written, "{query}");
    }
    for query in ["up", "1", "increase(x[5m] offset 1h)", "max_over_time(x[1h:] offset 1w)"] {
        let window = window(query);
        assert!(!window.fits() && window.waits().is_none(), "{query}");
        assert_eq!(window.fitted(seconds(60), None), None, "{query}");
    }
}

#[test]
fn a_query_needs_what_its_furthest_look_needs() {
    for (query, written, fitted) in [
        ("1", 0, 0),
        ("up", 15, 15),
        ("x @ 100", 0, 0),
        ("x offset 1h", 0, 0),
        ("x offset -1h", 15, 15),
        ("rate(x[5m])", 300, 60),
        ("rate(x[30s])", 30, 30),
        ("rate(a[30s]) / rate(b[1h])", 3600, 60),
        ("rate(x[5m]) * on (a) group_left y", 300, 60),
        ("rate(x[10s]) + up", 15, 15),
        ("increase(x[5m])", 300, 300),
        ("rate(a[5m]) + delta(b[10m])", 600, 600),
        ("max_over_time(x[1h:])", 3615, 3615),
        ("max_over_time(rate(x[5m])[1h:])", 3900, 3900),
        ("rate(x[5m]) / rate(x[1h] offset 1w)", 300, 60),
        ("job:x:rate5m", 315, 315),
        ("{__name__=\"job:x:rate5m\"}", 315, 315),
        ("job:x:rate5m offset 1h", 0, 0),
        ("max_over_time(job:x:rate5m[10m])", 900, 360),
        ("max_over_time(job:x:rate5m[10s]) / rate(y[5m])", 310, 310),
    ] {
        let window = window(query);
        assert_eq!(window.needs_as_written(SCRAPE, None), seconds(written), "{query}");
        assert_eq!(window.needs_fitted(SCRAPE, LEAST, None), seconds(fitted), "{query}");
        assert!(!window.unknown(), "{query}");
    }
    for query in ["rate(x[step()])", "max_over_time(x[1h + range():])", "x offset step()"] {
        let window = window(query);
        assert!(window.unknown(), "{query}");
        assert_eq!(window.needs_as_written(SCRAPE, None), FOREVER, "{query}");
    }
    assert!(!window("rate(x[step()] offset 1h)").unknown());
}

#[test]
fn a_stated_lookback_counts_for_all_of_it() {
    let stated = Some(seconds(120));
    for (query, written, fitted) in [
        ("x", 135, 135),
        ("job:x:rate5m", 315, 315),
        ("job:x:rate1m", 135, 135),
        ("max_over_time(x[10m])", 720, 180),
    ] {
        let window = window(query);
        assert_eq!(window.needs_as_written(SCRAPE, stated), seconds(written), "{query}");
        assert_eq!(window.needs_fitted(SCRAPE, LEAST, stated), seconds(fitted), "{query}");
    }
    let window = window("max_over_time(x[10m])");
    assert_eq!(window.fitted(seconds(180), stated).as_deref(), Some("max_over_time(x[1m])"));
}

#[test]
fn a_last_sample_before_the_range_is_reckoned_with() {
    let query = "rate(x[5m] anchored)";
    let window = Window::of(query, &parse(query, Options::default()).expr.unwrap());
    assert_eq!(window.needs_as_written(SCRAPE, None), seconds(315));
    assert_eq!(window.fitted(seconds(60), None), None);
}

#[test]
fn a_growing_count_is_shortened_apart() {
    let window = window("sum(increase(x[5m])) or vector(0)");
    assert!(window.grows() && !window.fits());
    assert_eq!(window.fitted(seconds(75), None), None);
    let shortened = "sum(increase(x[1m15s])) or vector(0)";
    assert_eq!(window.shortened(seconds(75), None).as_deref(), Some(shortened));
    assert_eq!(window.over(seconds(75)).as_deref(), Some(shortened));
    assert_eq!(window.needs_as_written(SCRAPE, None), seconds(300));
    assert_eq!(window.needs_fitted(SCRAPE, LEAST, None), seconds(300));
    assert_eq!(window.needs_shortened(SCRAPE, LEAST, None), seconds(60));
}

#[test]
fn over_a_range_all_that_may_be_shorter_is() {
    for (query, over) in [
        ("rate(a[5m]) / rate(b[30s])", Some("rate(a[1m]) / rate(b[30s])")),
        ("changes(a[5m])", Some("changes(a[1m])")),
        ("rate(a[1m])", None),
        ("delta(a[5m])", None),
        ("rate(a[5m]) + delta(b[5m])", None),
        ("up", None),
    ] {
        assert_eq!(window(query).over(seconds(60)).as_deref(), over, "{query}");
    }
}

#[test]
fn lengths_are_whole_milliseconds_rounded_down_and_never_none() {
    let window = window("rate(x[8d])");
    for (since, length) in [
        (Duration::from_micros(75_001_999), "1m15s1ms"),
        (Duration::from_millis(100), "100ms"),
        (Duration::from_nanos(5), "1ms"),
        (Duration::ZERO, "1ms"),
        (seconds(7 * 86_400), "1w"),
        (seconds(90_061), "1d1h1m1s"),
    ] {
        assert_eq!(window.fitted(since, None), Some(format!("rate(x[{length}])")));
    }
    for millis in (1..100_000).step_by(7) {
        let fitted = window.fitted(Duration::from_millis(millis), None).unwrap();
        assert!(!fitted.contains('.') && fitted.ends_with("s])") || fitted.ends_with("m])"), "{fitted}");
    }
}

#[test]
fn selectors_are_told_once_and_without_what_stands_behind_them() {
    let query = "rate(x{a = 'ü'}[5m]) / max_over_time(x{a=\"ü\"} [1h:]) + y offset -5m @ end() - z offset 1h + {\"q.r\"}";
    assert_eq!(window(query).selectors(), ["x{a=\"ü\"}", "y", "{\"q.r\"}"]);
    assert!(window("1 + x offset 1h").selectors().is_empty());
    let info = parse("info(x, {a=\"b\"})", Options::default()).expr.unwrap();
    assert_eq!(Window::of("info(x, {a=\"b\"})", &info).selectors(), ["x"]);
}
