//! The small vocabulary of talk: times, spans, counts, and foreign text made fit for one line. Must not know
//! records or checks; `voice` makes sentences of them.

use std::time::Duration;

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// `11:02:15Z`.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

/// `2026-01-15 11:02:15Z`.
pub(crate) fn date_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `at`, without its date where that is the date of `now`.
pub(crate) fn clock(at: Timestamp, now: Timestamp) -> String {
    let day = |t: Timestamp| t.as_second().div_euclid(86_400);
    if day(at) == day(now) { time(at) } else { date_time(at) }
}

/// A span as people say it: `38ms`, `1.2s`, `1m 15s`; no finer than they can use.
pub(crate) fn span(span: Duration) -> String {
    let tenths = (span.as_millis() + 50) / 100;
    if span < Duration::from_millis(1) && !span.is_zero() {
        "under 1ms".to_owned()
    } else if span < Duration::from_secs(1) && !span.is_zero() {
        format!("{}ms", span.as_millis())
    } else if tenths < 100 && !tenths.is_multiple_of(10) {
        format!("{}.{}s", tenths / 10, tenths % 10)
    } else {
        let whole = Duration::from_secs(span.as_secs() + u64::from(span.subsec_millis() >= 500));
        humantime::format_duration(whole).to_string()
    }
}

/// `1 check`, `2 checks`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn series(words: &[String]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// Whether `c` moves the cursor, hides, or turns the direction of what follows: none of it may come from a label
/// or an answer.
fn unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Foreign text in one line: white space is a space, other control characters are shown as `\u{fffd}`, and what
/// pipelines read as a command to them wherever it stands in a line is broken up.
pub(crate) fn clean(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| {
            if c.is_whitespace() {
                ' '
            } else if unfit(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    if plain.contains("##") { plain.replace("##[", "# #[").replace("##vso[", "# #vso[") } else { plain }
}

/// How many columns of a terminal `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `columns` columns; a cut shows as `…`.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(c);
    }
    // A selector can widen the character before it, so that a text is wider than its characters.
    while width(&kept) + 1 > columns && kept.pop().is_some() {}
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// `text` followed by spaces up to `columns` columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_no_finer_than_people_can_use() {
        for (micros, expected) in [
            (0, "0s"),
            (200, "under 1ms"),
            (38_400, "38ms"),
            (999_900, "999ms"),
            (1_000_000, "1s"),
            (1_240_000, "1.2s"),
            (9_990_000, "10s"),
            (59_700_000, "1m"),
            (75_000_000, "1m 15s"),
        ] {
            assert_eq!(span(Duration::from_micros(micros)), expected, "{micros}");
        }
    }

    #[test]
    fn foreign_text_cannot_move_the_cursor_or_command_a_pipeline() {
        assert_eq!(clean("a\x1b[2Jb\r\nc\u{202e}d\u{9b}"), "a\u{fffd}[2Jb  c\u{fffd}d\u{fffd}");
        assert_eq!(clean("x ##vso[task.complete] ##[error]"), "x # #vso[task.complete] # #[error]");
    }

    #[test]
    fn cuts_count_columns_and_not_characters() {
        assert_eq!(cut("支付服务延迟", 7), "支付服…");
        assert_eq!(cut("支付服务延迟", 8), "支付服…");
        assert_eq!(cut("支付服务延迟", 12), "支付服务延迟");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut("\u{2764}\u{fe0f}\u{2764}\u{fe0f}", 3), "\u{2764}\u{fe0f}…");
        assert_eq!(width(&pad("支付", 6)), 6);
    }

    #[test]
    fn a_time_of_another_day_says_which() {
        let at: Timestamp = "2026-01-15T11:02:15.250Z".parse().unwrap();
        let next: Timestamp = "2026-01-16T00:00:00Z".parse().unwrap();
        assert_eq!(clock(at, at), "11:02:15Z");
        assert_eq!(clock(at, next), "2026-01-15 11:02:15Z");
    }
}
