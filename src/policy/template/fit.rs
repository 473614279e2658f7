//! What a value may be where its tag stands, and how it is written there: a value can never change the meaning of what
//! it is put into. Must not look up variables.

use std::time::Duration;

use percent_encoding::utf8_percent_encode;

use super::Context;
use crate::host::http::URL_PART;
use crate::policy::value::Scalar as _;
use crate::promql::token::Keyword;

/// `value` as it may stand after `before` and before `next`, or what was expected instead.
pub(super) fn fit(context: Context, before: &str, value: &str, next: &str) -> Result<String, &'static str> {
    match context {
        Context::Text => Ok(value.to_owned()),
        Context::Query => fit_query(before, value),
        Context::Url => fit_url(before, value, next),
        Context::Header => {
            let plain = !value.chars().any(char::is_control);
            plain.then(|| value.to_owned()).ok_or("a header value without control characters")
        }
        Context::Json => fit_json(before, value),
    }
}

fn fit_json(before: &str, value: &str) -> Result<String, &'static str> {
    let mut inside = false;
    let mut bytes = before.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => inside = !inside,
            b'\\' if inside => {
                bytes.next();
            }
            _ => {}
        }
    }
    if inside {
        let quoted = serde_json::Value::from(value).to_string();
        return Ok(quoted[1..quoted.len() - 1].to_owned());
    }
    // Outside a string: what is one value and no structure. `{{json name}}` makes a string of anything.
    let parsed: Option<serde_json::Value> = serde_json::from_str(value).ok();
    let single = parsed.is_some_and(|value| value.is_number() || value.is_boolean() || value.is_null());
    single
        .then(|| value.trim().to_owned())
        .ok_or("a number, `true`, `false` or `null` outside a string of JSON")
}

fn fit_query(before: &str, value: &str) -> Result<String, &'static str> {
    match open_quote(before) {
        Some('#') => {
            let line = !value.contains('\n');
            line.then(|| value.to_owned()).ok_or("a value of one line in a comment")
        }
        Some('`') => {
            let plain = !value.contains('`');
            plain.then(|| value.to_owned()).ok_or("a value without a backtick inside a backtick string")
        }
        Some(quote) => {
            let mut escaped = String::with_capacity(value.len());
            for c in value.chars() {
                match c {
                    '\\' => escaped.push_str("\\\\"),
                    '\n' => escaped.push_str("\\n"),
                    '\r' => escaped.push_str("\\r"),
                    c if c == quote => escaped.extend(['\\', c]),
                    c => escaped.push(c),
                }
            }
            Ok(escaped)
        }
        None => {
            let number = f64::read(value).is_some();
            let duration = Duration::read(value).is_some() && !value.contains(char::is_whitespace);
            let mut characters = value.chars();
            let name = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == ':')
                && characters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
                && Keyword::of(value).is_none();
            let fits = number || duration || name;
            fits.then(|| value.to_owned()).ok_or("a number, a duration or a name outside a string of a query")
        }
    }
}

/// The quote of the string literal that is open at the end of `before`, or the `#` of a comment.
fn open_quote(before: &str) -> Option<char> {
    let mut open = None;
    let mut characters = before.chars();
    while let Some(c) = characters.next() {
        match open {
            None if matches!(c, '"' | '\'' | '`' | '#') => open = Some(c),
            Some('#') if c == '\n' => open = None,
            Some('#') => {}
            Some(quote) if c == quote => open = None,
            Some('"' | '\'') if c == '\\' => {
                characters.next();
            }
            _ => {}
        }
    }
    open
}

fn fit_url(before: &str, value: &str, next: &str) -> Result<String, &'static str> {
    let encoded = || utf8_percent_encode(value, URL_PART).to_string();
    let Some((_, rest)) = before.split_once("://") else {
        return if before.is_empty() && (next.is_empty() || next.starts_with(['/', '?'])) {
            whole_address(value).ok_or("a URL like `http://host:port/path`, without user, query or fragment")
        } else {
            Err("a URL that begins with `http://` or `https://` before the tag")
        };
    };
    if rest.contains(['?', '#']) {
        return Ok(encoded());
    }
    if rest.contains('/') {
        // `.` and `..` survive percent-encoding and would walk up the path.
        let walks = !value.is_empty() && value.chars().all(|c| c == '.');
        return if walks { Err("a path part that is not `.` or `..`") } else { Ok(encoded()) };
    }
    let whole = rest.is_empty() && (next.is_empty() || next.starts_with(['/', '?']));
    let fits = if whole { is_authority(value) } else { is_host_part(value) };
    fits.then(|| value.to_owned()).ok_or(if whole {
        "`host` or `host:port`"
    } else {
        "a part of a host or a port"
    })
}

fn whole_address(value: &str) -> Option<String> {
    let rest = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"))?;
    let authority = rest.split('/').next().unwrap_or_default();
    let plain = !value.contains(['?', '#', '@', '\\']) && !value.contains(char::is_whitespace);
    (plain && is_authority(authority)).then(|| value.trim_end_matches('/').to_owned())
}

fn is_host_part(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// Whether `value` is `host`, `host:port`, `[ipv6]` or `[ipv6]:port`.
fn is_authority(value: &str) -> bool {
    let (host, port) = match value.strip_prefix('[').and_then(|v| v.split_once(']')) {
        Some((inner, after)) if inner.parse::<std::net::Ipv6Addr>().is_ok() => {
            return after.is_empty() || after.strip_prefix(':').is_some_and(|p| u16::read(p).is_some());
        }
        Some(_) => return false,
        None => value.split_once(':').map_or((value, None), |(host, port)| (host, Some(port))),
    };
    is_host_part(host) && port.is_none_or(|port| u16::read(port).is_some())
}
